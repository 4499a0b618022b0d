//! Bodies of campaigns, their runs, the printer's files, and letters that come back.

use campaign::{Campaign, Decision, Difference, DryRun, Standing};
use chrono::{DateTime, NaiveDate, Utc};
use lettershop::manifest::Manifest;
use lettershop::returned::{Done, Reason};
use lettershop::settings::Settings;
use party::Personal;
use party::input::ContactInput;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::administration::ContextField;
use super::campaign_results::RunForecast;

/// A campaign is to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRequest {
    /// The edition that the caller has seen; 0, or none, for a new campaign.
    #[serde(default)]
    pub expected_edition: u64,
    /// The campaign; its `id` is the one of the path.
    pub campaign: Campaign,
}

/// A campaign and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignView {
    /// Counts the changes of the document.
    pub edition: u64,
    /// The document.
    pub campaign: Campaign,
    /// Where it stands, and who wrote it.
    pub standing: Standing,
    /// When it was stored first.
    pub created_at: DateTime<Utc>,
    /// When it changed or moved last.
    pub updated_at: DateTime<Utc>,
}

/// A page of campaigns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignPage {
    /// Campaigns, by id.
    pub items: Vec<CampaignView>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What the condition of a segment can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignContext {
    /// The fields.
    pub fields: Vec<ContextField>,
    /// Most steps of one evaluation.
    pub cost_max: u32,
    /// Longest condition, in characters.
    pub source_max: usize,
    /// Names of the calendars that a birthday campaign can plan by.
    pub calendars: Vec<String>,
}

/// The members of a run are to be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DryRunRequest {
    /// The day on which the run is to be made; without it the next one by the campaign's schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<NaiveDate>,
}

/// A dry run is to be approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApproveRequest {
    /// The digest of the dry run that the approver has seen.
    pub digest: String,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CampaignRunStage {
    /// Members are being chosen.
    Choosing,
    /// Members are frozen; it waits for its approval and start.
    Chosen,
    /// Vouchers are being issued.
    Issuing,
    /// The printer's file is being written.
    Writing,
    /// The file stands.
    Written,
    /// It is not made; `stopped` says why.
    Stopped,
}

/// How far the work of a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunProgress {
    /// Segments whose members are chosen.
    pub segments_done: u8,
    /// Of how many.
    pub segments: u8,
    /// Shards whose members have their vouchers.
    pub shards_done: u8,
    /// Of how many.
    pub shards: u8,
    /// Members with vouchers so far.
    pub members: u64,
    /// Their vouchers.
    pub vouchers: u64,
    /// Members that were kept from vouchers after they were chosen.
    pub kept_back: u64,
    /// Vouchers in a minute since the start, while they are being issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouchers_per_minute: Option<u64>,
    /// When they will all be issued at this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_end: Option<DateTime<Utc>>,
}

/// A run of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunView {
    /// The run: the campaign, `~`, and the period.
    pub run_id: String,
    /// Which choice of members, from 1.
    pub revision: u32,
    /// The campaign.
    pub campaign: String,
    /// Its edition.
    pub edition: u64,
    /// Business day of the run.
    pub day: NaiveDate,
    /// How far it is.
    pub stage: CampaignRunStage,
    /// Why it is not made: `beyond_budget`; `superseded` by a later choice; `chosen_too_long_ago` or `vouchers_over` when it was to
    /// be started too late; `choice_disturbed` when it must be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Sums and digest, once all members are chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRun>,
    /// The difference to the last run of the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// What is to be expected of it, where earlier runs of the campaign gave vouchers; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RunForecast>,
    /// How far the work is; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<CampaignRunProgress>,
    /// Members that were chosen and are not in the file: kept from their vouchers, or erased since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<u64>,
    /// Letters whose address had no room for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<u64>,
    /// When the printer's acknowledgement came that agrees with the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Letters that came back, by where their parties came from; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<ReturnedSums>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
}

/// Letters of a run that came back, and what they have cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnedSums {
    /// By source, in its order.
    pub sources: Vec<ReturnedFrom>,
    /// Whether all are counted. Some fifty thousand are at most.
    pub complete: bool,
}

/// Letters that came back from parties of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnedFrom {
    /// The sales channel through which the parties came; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_channel: Option<String>,
    /// Letters.
    pub letters: u64,
    /// Printing and postage of them in minor units of the programme's currency.
    pub cost_minor: i64,
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunPage {
    /// Runs, the last by name first.
    pub items: Vec<CampaignRunView>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a run decided about a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    /// The party.
    pub party_id: String,
    /// The decision, with its reason.
    #[serde(flatten)]
    pub decision: Decision,
    /// The period for which it counts.
    pub period: String,
    /// When it was frozen.
    pub decided_at: DateTime<Utc>,
}

/// The files of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunFiles {
    /// A link to the letters, for anyone who has it, until `expires_at`.
    pub letters_url: String,
    /// A link to the manifest.
    pub manifest_url: String,
    /// When the links cease to work.
    pub expires_at: DateTime<Utc>,
    /// The manifest.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub manifest: Value,
}

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

/// The manifest in a stored run.
///
/// # Errors
/// It is none.
pub fn manifest(stored: &Value) -> Result<Manifest, serde_json::Error> {
    Manifest::deserialize(stored)
}
