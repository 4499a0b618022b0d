//! The printer's file format as data, and letters as rows of it (P2).
//!
//! Either CSV (RFC 4180: CRLF, quotation marks where they are needed, a header; `;` between fields) or columns of fixed width.
//! What is in a column is chosen from a closed list, [`Source`].
//!
//! # Texts that come from people
//! Address lines, salutation, postcode and texts ([`Source::is_text`]) may hold anything. So:
//!
//! * A letter that the encoding lacks is an error ([`RowFlaw::Unmappable`]); nothing is replaced by a question mark.
//! * A line break, a control character or an invisible mark is an error, or becomes a space and is counted, as
//!   [`FileFormat::control_characters`] says.
//! * In CSV, a text that a spreadsheet would take for a formula (its first character that is no space is one of `= + - @`) gets an
//!   apostrophe in front, and this is counted. TAB and CR, which some take for a beginning too, are no longer there by the rule
//!   above. Files of fixed width are not opened as spreadsheets: there is no apostrophe.
//! * In a column of fixed width, a text that is too long is cut and this is counted. Anything else that is too long, such as an
//!   amount, is an error.
//!
//! Counts stand in the manifest, [`Changes`]. All other columns hold digits, capital letters, [`crate::Key`]s, amounts without signs and days.

mod encode;
mod source;
mod stencil;
mod violations;

use serde::{Deserialize, Serialize};

pub use encode::{Changes, Encoder, FillError, RowError, RowFlaw};
pub use source::{InvalidSource, Source};
pub(crate) use stencil::Stencil;

/// Most columns of a file.
pub const COLUMNS_MAX: usize = 100;
/// Longest name of a column, in characters.
pub const NAME_MAX: usize = 40;
/// Greatest width of a column, in characters.
pub const WIDTH_MAX: u16 = 500;

/// How characters become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 with a byte order mark at the beginning of the file, by which Excel knows it.
    Utf8Bom,
    /// Windows-1252: ISO-8859-1 with the euro sign and typographic marks. It lacks the letters of Eastern Europe.
    #[serde(rename = "windows_1252")]
    Windows1252,
}

impl Encoding {
    /// As it stands in bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Utf8Bom => "utf8_bom",
            Self::Windows1252 => "windows_1252",
        }
    }
}

/// What is done with a line break, a control character or an invisible mark in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ControlCharacters {
    /// The letter is refused.
    #[default]
    Refuse,
    /// Each becomes a space, and this is counted in the manifest.
    Space,
}

/// A file format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileFormat {
    /// How characters become bytes.
    pub encoding: Encoding,
    /// What is done with line breaks and control characters in texts.
    #[serde(default)]
    pub control_characters: ControlCharacters,
    /// The columns.
    pub layout: Layout,
}

/// The columns of a file and how they are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Layout {
    /// RFC 4180 with `;`, CRLF and a header.
    Csv {
        /// 1 to 100 columns.
        columns: Vec<CsvColumn>,
    },
    /// Columns of fixed width, each row ended by CRLF, without a header.
    FixedWidth {
        /// 1 to 100 columns.
        columns: Vec<FixedColumn>,
    },
}

/// A column of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CsvColumn {
    /// In the header: 1 to 40 printable characters, the first one a letter or a digit. Unique.
    pub name: String,
    /// What is in it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "address_line_1"))]
    pub source: Source,
}

/// A column of fixed width.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FixedColumn {
    /// In reports and in the manifest: 1 to 40 printable characters, the first one a letter or a digit. Unique.
    pub name: String,
    /// What is in it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "address_line_1"))]
    pub source: Source,
    /// Its width in characters (not bytes: in UTF-8 a row with accents has more bytes), 1 to 500.
    pub width: u16,
    /// On which side the content stands.
    #[serde(default)]
    pub align: Align,
    /// With what it is filled up: one printable character.
    #[serde(default = "space")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub pad: char,
}

const fn space() -> char {
    ' '
}

/// On which side of its column a content stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Align {
    /// The left; filled up on the right.
    #[default]
    Left,
    /// The right; filled up on the left.
    Right,
}

impl FileFormat {
    /// Name and source of each column, in order.
    pub fn columns(&self) -> Vec<(&str, Source)> {
        match &self.layout {
            Layout::Csv { columns } => columns.iter().map(|c| (c.name.as_str(), c.source)).collect(),
            Layout::FixedWidth { columns } => columns.iter().map(|c| (c.name.as_str(), c.source)).collect(),
        }
    }

    /// What letters with so many vouchers need a column for and this format has none; a voucher needs its code or its barcode.
    pub fn lacks(&self, vouchers: u8) -> Option<Source> {
        let columns = self.columns();
        let has = |wanted: Source| columns.iter().any(|(_, source)| *source == wanted);
        let lines = (1..=6).map(Source::AddressLine).find(|line| !has(*line));
        let codes = || (1..=vouchers).find(|n| !has(Source::Code(*n)) && !has(Source::Barcode(*n)));
        let text = || Some(Source::Text(1)).filter(|text| !has(*text));
        lines.or_else(text).or_else(|| codes().map(Source::Code))
    }
}

#[cfg(test)]
pub(crate) mod tests;
