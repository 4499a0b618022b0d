//! Rows of files with parties, for imports: a line becomes a row, a row a party or what differs from one.
//!
//! | file | what |
//! |---|---|
//! | `parts` | the lines of a part of a file, wherever it was cut |
//! | `line` | a line of a file becomes cells |
//! | `wanted` | a row becomes the party that it describes |
//! | `apply` | what a row says anew is done to a document |

mod apply;
mod line;
mod parts;
mod wanted;

pub use apply::{Kept, apply};
pub use line::{Separator, cells, json_row};
pub use parts::{Line, Lines, first_start};
pub use wanted::{Wanted, wanted};

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Personal;
use crate::word::Word;

/// Longest line of a file, in bytes without its end.
pub const LINE_MAX: usize = 64 * 1024;
/// Most columns of a file, and most fields of a line of JSON.
pub const COLUMNS_MAX: usize = 100;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// A column with a fixed name.
    Fixed(&'static str),
    /// `consent.` and a communication channel.
    Consent(Word),
    /// `custom.` and a field of the tenant's own.
    Custom(Word),
}

/// The columns with fixed names.
pub const FIXED: [&str; 24] = [
    "system",
    "external_id",
    "kind",
    "given_name",
    "family_name",
    "organisation_name",
    "language",
    "gender",
    "birth_date",
    "customer_type",
    "sales_channel",
    "street",
    "house_number",
    "po_box",
    "postcode",
    "town",
    "country",
    "email",
    "phone",
    "card",
    "consent_source",
    "consent_text",
    "consent_proof",
    "consent_at",
];

/// A text that names no column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such column")]
pub struct InvalidColumn;

impl FromStr for Column {
    type Err = InvalidColumn;

    fn from_str(text: &str) -> Result<Self, InvalidColumn> {
        if let Some(name) = FIXED.iter().find(|name| **name == text) {
            return Ok(Self::Fixed(name));
        }
        let part = |prefix: &str| text.strip_prefix(prefix).and_then(|word| word.parse().ok());
        let consent = part("consent.").map(Self::Consent);
        consent
            .or_else(|| part("custom.").map(Self::Custom))
            .ok_or(InvalidColumn)
    }
}

impl Serialize for Column {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(name) => f.write_str(name),
            Self::Consent(channel) => write!(f, "consent.{channel}"),
            Self::Custom(name) => write!(f, "custom.{name}"),
        }
    }
}

/// The first line of a file with columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Between two cells.
    pub separator: Separator,
    /// What the cells hold, none twice.
    pub columns: Vec<Column>,
}

/// Why a file cannot be read at all. What stands in its first line is never repeated: it may be a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFlaw {
    /// The first line cannot be cut into cells.
    #[error("the first line must have the names of the columns with , or ; between them")]
    Unreadable,
    /// Too many columns.
    #[error("a file has at most {COLUMNS_MAX} columns")]
    TooMany,
    /// A column that does not exist, counted from 1.
    #[error("column {0} is none that an import knows: nothing was imported (is the first line missing?)")]
    Unknown(usize),
    /// A column that stands there before, counted from 1.
    #[error("column {0} stands there twice: nothing was imported")]
    Twice(usize),
    /// A column that must be there.
    #[error("the column {0} is missing: nothing was imported")]
    Missing(&'static str),
}

/// Reads the first line of a file. The separator is the one of `,` and `;` that comes first.
///
/// # Errors
/// [`HeaderFlaw`].
pub fn header(line: &[u8]) -> Result<Header, HeaderFlaw> {
    let text = std::str::from_utf8(line).map_err(|_| HeaderFlaw::Unreadable)?;
    let first = text.chars().find(|c| matches!(c, ',' | ';'));
    let separator = if first == Some(';') {
        Separator::Semicolon
    } else {
        Separator::Comma
    };
    let names = cells(text, separator).map_err(|_| HeaderFlaw::Unreadable)?;
    if names.len() > COLUMNS_MAX {
        return Err(HeaderFlaw::TooMany);
    }
    let mut columns: Vec<Column> = Vec::with_capacity(names.len());
    for (number, name) in (1..).zip(&names) {
        let column = name.trim().parse().map_err(|_| HeaderFlaw::Unknown(number))?;
        if columns.contains(&column) {
            return Err(HeaderFlaw::Twice(number));
        }
        columns.push(column);
    }
    if !columns.contains(&Column::Fixed("external_id")) {
        return Err(HeaderFlaw::Missing("external_id"));
    }
    Ok(Header { separator, columns })
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A text that is not empty.
    Text(Personal),
    /// A number of a line of JSON.
    Integer(i64),
    /// True or false in a line of JSON.
    Boolean(bool),
}

/// A row: what its file says about a party, by column. A column that is there and empty is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(pub(crate) BTreeMap<Column, Option<Cell>>);

impl Row {
    /// The row of a line with columns.
    ///
    /// # Errors
    /// The finding about the line.
    pub fn of_columns(line: &[u8], header: &Header) -> Result<Self, Flaw> {
        let text = std::str::from_utf8(line).map_err(|_| Flaw::of_line("not_utf8", "the line is not UTF-8"))?;
        let cells = cells(text, header.separator)?;
        if cells.len() != header.columns.len() {
            let reason = format!(
                "the line has {} cells, the first line {}",
                cells.len(),
                header.columns.len()
            );
            return Err(Flaw::of_line("cell_count", reason));
        }
        let cells = cells.into_iter().map(|cell| {
            let text = cell.trim();
            (!text.is_empty()).then(|| Cell::Text(Personal::new(text.to_owned())))
        });
        Ok(Self(header.columns.iter().cloned().zip(cells).collect()))
    }
}

/// What is wrong with a row: in which field, and what to do. Never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// The column; empty for the whole line.
    #[serde(rename = "f")]
    pub field: String,
    /// Stable machine-readable name of the finding.
    #[serde(rename = "c")]
    pub code: String,
    /// For people.
    #[serde(rename = "r")]
    pub reason: String,
}

impl Flaw {
    /// A finding about the whole line.
    pub fn of_line(code: &str, reason: impl Into<String>) -> Self {
        Self::new("", code, reason)
    }

    /// A finding about a field.
    pub fn new(field: impl Into<String>, code: &str, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: code.to_owned(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests;
