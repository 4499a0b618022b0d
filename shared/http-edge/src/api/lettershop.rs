//! Bodies of what is agreed on with the printer, of letters that come back, and of files in the inbox.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lettershop::returned::{CarrierMap, Done, Reason, ReturnedLetter};
use lettershop::settings::Settings;
use party::Personal;
use party::input::ContactInput;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is agreed on with the printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LettershopSettingsView {
    /// Counts the changes; 0 while nothing was agreed on, and what is shown is what stands then.
    pub version: u64,
    /// Format and planted addresses.
    pub settings: Settings,
}

/// What is agreed on with the printer is to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LettershopSettingsRequest {
    /// The version that the caller has seen; 0, or none, while nothing was agreed on.
    #[serde(default)]
    pub expected_version: u64,
    /// Format and planted addresses.
    pub settings: Settings,
}

/// Letters that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LetterReturnsRequest {
    /// 1 to 500 letters, none twice.
    pub returns: Vec<LetterReturn>,
}

/// A letter that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LetterReturn {
    /// The id of the letter, 17 letters and digits. Capitals, spaces, dashes and look-alikes do not matter.
    pub piece: String,
    /// One of the carriers of the lettershop's settings.
    pub carrier: String,
    /// Why it came back, as that carrier writes it.
    pub code: String,
    /// Day on which the carrier gave it up, as `YYYY-MM-DD`; not in the future.
    pub returned_on: String,
    /// Where the addressee lives now: needed where the code means that, and not allowed else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_address: Option<ReturnedAddress>,
}

impl LetterReturn {
    /// A row of a carrier's file as a call would report it; `None` when the carrier has no code for its reason. An address that comes
    /// with another reason is left out, as when the carrier had not sent it.
    pub fn of_row(letter: &ReturnedLetter, carrier: &CarrierMap) -> Option<Self> {
        let mut codes = carrier.codes.iter();
        let code = codes.find(|code| code.reason == letter.reason)?;
        let moved = letter.reason == Reason::MovedNewAddress;
        let new_address = letter.new_address.as_ref().filter(|_| moved);
        Some(Self {
            piece: letter.piece.to_string(),
            carrier: carrier.carrier.clone(),
            code: code.code.clone(),
            returned_on: letter.returned_on.to_string(),
            new_address: new_address.map(|postal| ReturnedAddress {
                street: postal.street.clone(),
                house_number: postal.house_number.clone(),
                po_box: postal.po_box.clone(),
                postcode: postal.postcode.clone(),
                town: Some(postal.town.clone()),
                country: Some(postal.country.as_str().to_owned()),
            }),
        })
    }
}

/// Where an addressee lives now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnedAddress {
    /// Street without house number, 1 to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub street: Option<Personal>,
    /// House number with its letter, 1 to 12 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub house_number: Option<Personal>,
    /// Post box as it is printed, 1 to 30 characters. A street or a post box is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub po_box: Option<Personal>,
    /// Postcode as its country writes it; needed where the country has postcodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub postcode: Option<Personal>,
    /// Town, 1 to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub town: Option<Personal>,
    /// Code of the country (ISO 3166-1 alpha-2); `CH` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl From<&ReturnedAddress> for ContactInput {
    fn from(address: &ReturnedAddress) -> Self {
        Self {
            kind: "postal".to_owned(),
            street: address.street.clone(),
            house_number: address.house_number.clone(),
            po_box: address.po_box.clone(),
            postcode: address.postcode.clone(),
            town: address.town.clone(),
            country: address.country.clone(),
            ..Self::default()
        }
    }
}

/// What became of letters that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LetterReturnsAnswer {
    /// One for each letter, in the order of the body.
    pub items: Vec<LetterReturnView>,
}

/// What became of a letter that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LetterReturnView {
    /// The letter.
    pub piece: String,
    /// What became of it.
    pub outcome: LetterReturnOutcome,
    /// Why it came back, of one that was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What was done, now or before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
}

/// What became of a letter that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LetterReturnOutcome {
    /// It was taken back now.
    Applied,
    /// It was taken back before: what was said now changes nothing.
    AlreadyKnown,
    /// There is no such letter, or none any more.
    UnknownPiece,
    /// It was written more than 400 days ago.
    RunTooOld,
    /// Its addressee is not there any more.
    PartyGone,
    /// It went to a planted address.
    PlantedAddress,
}

/// Letters of a run are to be printed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReprintRequest {
    /// 1 to 2000 letters of the run by their ids, none twice.
    pub pieces: Vec<String>,
    /// Why, 1 to 200 printable characters.
    pub reason: String,
}

/// Letters that are printed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReprintView {
    /// The reprint. On one day the same letters make the same one.
    pub reprint_id: String,
    /// How far it is.
    pub state: ReprintState,
    /// Letters that were asked for.
    pub pieces: u64,
    /// Those that are not printed again.
    pub gaps: Vec<ReprintGap>,
    /// A link to the letters, for anyone who has it, until `expires_at`; absent when none could be printed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letters_url: Option<String>,
    /// A link to the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_url: Option<String>,
    /// When the links cease to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// The manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub manifest: Option<Value>,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
}

/// How far a reprint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ReprintState {
    /// Its file is being written.
    Writing,
    /// All that can be printed again is in the file.
    Written,
}

/// A letter that is not printed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReprintGap {
    /// The letter.
    pub piece: String,
    /// `kept_back`: its addressee is on a blacklist, wants no letters, or a letter has come back from the address. `no_letter`: its
    /// addressee was erased, a voucher of it is no longer open, or the run's addresses can no longer be read.
    pub why: String,
}

/// A file that printer or carrier has put into the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxFileView {
    /// The file.
    pub file_id: String,
    /// Its key in the bucket.
    pub file: String,
    /// How far it is.
    pub state: InboxFileState,
    /// Rows of a file of letters that came back.
    pub rows: u64,
    /// Letters that are worked off so far.
    pub position: u64,
    /// Letters by what became of them, as in the answer to `POST /v1/lettershop/returns`.
    pub outcomes: BTreeMap<String, u64>,
    /// What was not taken; absent in lists. At most 1000 lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<InboxLine>>,
    /// Lines that were not taken.
    pub not_taken: u64,
    /// Why nothing of it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// When it was put.
    pub put_at: DateTime<Utc>,
    /// When it was done, or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum InboxFileState {
    /// Letters of it are left.
    Working,
    /// All of it was worked off.
    Done,
    /// Nothing of it was taken; `refused` says why.
    Refused,
}

/// What was not taken of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxLine {
    /// The line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// The field that is wrong, or the letter that was not taken back.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A page of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxPage {
    /// Files, the last first.
    pub items: Vec<InboxFileView>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
