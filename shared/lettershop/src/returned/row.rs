//! A row of a file of undeliverable letters.

use chrono::NaiveDate;
use domain::text;
use party::Personal;
use party::contact::{Country, Postal};
use serde::Serialize;

use super::{CarrierMap, Reason};
use crate::piece::{InvalidPieceId, PieceId};

/// Longest field, in characters.
pub const FIELD_MAX: usize = 200;

/// A letter that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedLetter {
    /// Line of the file in which its row begins, from 1.
    pub line: u64,
    /// The letter.
    pub piece: PieceId,
    /// Why it came back.
    pub reason: Reason,
    /// Day on which the carrier gave it up.
    pub returned_on: NaiveDate,
    /// Where the addressee lives now. Always there for `moved_new_address`.
    pub new_address: Option<Postal>,
}

/// A field for which a row is not taken. It does not repeat what is in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// Line of the file in which the row begins, from 1.
    pub line: u64,
    /// The column's name; `""` for the whole row.
    pub field: &'static str,
    /// What is wrong.
    pub code: RejectCode,
}

/// Why a row is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// It has more or fewer fields than the header.
    FieldCount,
    /// The field has more than [`FIELD_MAX`] characters.
    TooLong,
    /// The field has a line break, a control character or an invisible mark.
    NotPrintable,
    /// The field is empty and must not be.
    Missing,
    /// The field is not of the form that it must have.
    Malformed,
    /// The check symbol of the letter's id is wrong: it was read or typed wrongly.
    CheckSymbol,
    /// The carrier's table does not have the code.
    UnknownCode,
    /// The letter is in the file already, with the same content: the first row stands.
    Duplicate,
    /// The letter is in the file with other contents: none of its rows is taken, for nobody can tell which is right.
    Contradictory,
}

/// The columns, in the order of [`Fields`].
pub(super) const COLUMNS: [&str; 8] = [
    "piece_id",
    "reason",
    "returned_on",
    "new_street",
    "new_house_number",
    "new_postcode",
    "new_town",
    "new_country",
];

/// The columns that every file has.
pub(super) const REQUIRED: usize = 3;

/// The fields of a row in the order of [`COLUMNS`], without spaces around them; empty where the file has no such column.
pub(super) type Fields<'a> = [&'a str; 8];

/// A row as a letter.
pub(super) fn letter(
    line: u64,
    fields: &Fields<'_>,
    carrier: &CarrierMap,
    home: &Country,
) -> Result<ReturnedLetter, Vec<Reject>> {
    let mut rejects = Vec::new();
    for (field, text) in COLUMNS.into_iter().zip(fields) {
        if text.chars().count() > FIELD_MAX {
            let code = RejectCode::TooLong;
            rejects.push(Reject { line, field, code });
        } else if !text::is_printable(text) {
            let code = RejectCode::NotPrintable;
            rejects.push(Reject { line, field, code });
        }
    }
    if !rejects.is_empty() {
        return Err(rejects);
    }
    let [piece, reason, returned_on, address @ ..] = fields;
    let piece = kept(required(piece, piece_id), line, "piece_id", &mut rejects);
    let known = |text: &str| carrier.reason(text).ok_or(RejectCode::UnknownCode);
    let reason = kept(required(reason, known), line, "reason", &mut rejects);
    let returned_on = kept(required(returned_on, day), line, "returned_on", &mut rejects);
    let new_address = if address.iter().any(|text| !text.is_empty()) {
        postal(address, home, line, &mut rejects)
    } else {
        if reason == Some(Reason::MovedNewAddress) {
            let (field, code) = ("new_town", RejectCode::Missing);
            rejects.push(Reject { line, field, code });
        }
        None
    };
    match (piece, reason, returned_on) {
        (Some(piece), Some(reason), Some(returned_on)) if rejects.is_empty() => Ok(ReturnedLetter {
            line,
            piece,
            reason,
            returned_on,
            new_address,
        }),
        _ => Err(rejects),
    }
}

/// A value, or its flaw among the rejects.
fn kept<T>(value: Result<T, RejectCode>, line: u64, field: &'static str, rejects: &mut Vec<Reject>) -> Option<T> {
    value.map_err(|code| rejects.push(Reject { line, field, code })).ok()
}

fn required<T>(text: &str, read: impl Fn(&str) -> Result<T, RejectCode>) -> Result<T, RejectCode> {
    if text.is_empty() {
        Err(RejectCode::Missing)
    } else {
        read(text)
    }
}

fn piece_id(text: &str) -> Result<PieceId, RejectCode> {
    text.parse().map_err(|error| match error {
        InvalidPieceId::Shape => RejectCode::Malformed,
        InvalidPieceId::CheckSymbol => RejectCode::CheckSymbol,
    })
}

/// `2026-12-31` or `31.12.2026`, all digits written.
fn day(text: &str) -> Result<NaiveDate, RejectCode> {
    let formats = ["%Y-%m-%d", "%d.%m.%Y"];
    let parsed = formats.into_iter().find_map(|format| {
        let day = NaiveDate::parse_from_str(text, format).ok()?;
        // One spelling for each form: not `1.2.26`.
        (day.format(format).to_string() == text).then_some(day)
    });
    parsed.ok_or(RejectCode::Malformed)
}

/// A new address: a town, and a street or nothing but a town where villages have no streets; a postcode where the country has them.
fn postal(fields: &[&str; 5], home: &Country, line: u64, rejects: &mut Vec<Reject>) -> Option<Postal> {
    let [street, house_number, postcode, town, country] = fields;
    let optional = |text: &str| (!text.is_empty()).then(|| Personal::new(text.to_owned()));
    let code = |text: &str| text.parse().map_err(|_| RejectCode::Malformed);
    let country = if country.is_empty() {
        Ok(home.clone())
    } else {
        code(country)
    };
    let country = kept(country, line, "new_country", rejects)?;
    let town = kept(required(town, |text| Ok(text.to_owned())), line, "new_town", rejects);
    let postcode_read = match *postcode {
        "" if country.needs_postcode() => Err(RejectCode::Missing),
        text if is_postcode(text, &country) => Ok(optional(text)),
        _ => Err(RejectCode::Malformed),
    };
    let postcode = kept(postcode_read, line, "new_postcode", rejects)?;
    if street.is_empty() && !house_number.is_empty() {
        let (field, code) = ("new_street", RejectCode::Missing);
        rejects.push(Reject { line, field, code });
    }
    Some(Postal {
        lines: Vec::new(),
        street: optional(street),
        house_number: optional(house_number),
        po_box: None,
        postcode,
        town: Personal::new(town?),
        country,
    })
}

/// Whether a postcode has the form of its country. Switzerland and Liechtenstein count from 1000 to 9999; other forms are not looked
/// at.
fn is_postcode(text: &str, country: &Country) -> bool {
    if !matches!(country.as_str(), "CH" | "LI") {
        return true;
    }
    text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0')
}
