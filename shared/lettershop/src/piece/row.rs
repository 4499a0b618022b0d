//! A letter as a line of the chunks by which letters are sorted.
//!
//! A line of JSON, so that a chunk can be read line by line. It holds the ids of vouchers and not their codes: chunks lie in a
//! bucket, and codes are nowhere but in the printer's file. They are derived when the file is written.

use std::fmt;

use chrono::NaiveDate;
use domain::code::VoucherCode;
use domain::till_text::Language;
use party::Personal;
use party::contact::Country;
use serde::{Deserialize, Serialize};

use super::{Piece, PieceId, PrintedVoucher, Unsound, Worth};
use crate::Key;

/// Longest row, in bytes without its line end.
pub const ROW_BYTES_MAX: usize = 98_304;
/// The version that is written; others are refused.
const VERSION: u8 = 1;

/// By which letters are sorted: country, postcode, id, each by its bytes. No two letters are equal, so the order of a file does not
/// depend on the order in which its letters came.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey {
    country: String,
    postcode: String,
    piece: PieceId,
}

impl SortKey {
    pub(super) fn new(country: &Country, postcode: Option<&Personal>, piece: PieceId) -> Self {
        Self {
            country: country.as_str().to_owned(),
            postcode: postcode.map(|text| text.as_str().to_owned()).unwrap_or_default(),
            piece,
        }
    }

    /// The letter.
    pub const fn piece(&self) -> PieceId {
        self.piece
    }
}

impl fmt::Debug for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SortKey({})", self.piece)
    }
}

/// A letter ready to be sorted; `Debug` shows its id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    key: SortKey,
    line: Vec<u8>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({})", self.key.piece)
    }
}

/// A line that is no row, or a letter that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// Longer than [`ROW_BYTES_MAX`].
    #[error("a row of a letter is longer than 32768 bytes")]
    TooLong,
    /// No row of a letter, or cut off.
    #[error("a line is no row of a letter")]
    Malformed,
    /// Written by another version of this program.
    #[error("a row of a letter has another version")]
    Version,
    /// The letter is outside its bounds.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// There is no code for a voucher.
    #[error("letter {0}: a voucher has no code")]
    NoCode(PieceId),
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "v")]
    version: u8,
}

/// What sorting needs.
#[derive(Deserialize)]
struct KeyFields {
    #[serde(rename = "v")]
    version: u8,
    #[serde(rename = "i")]
    id: PieceId,
    #[serde(rename = "c")]
    country: Country,
    #[serde(default, rename = "z")]
    postcode: Option<Personal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "v")]
    version: u8,
    #[serde(rename = "i")]
    id: PieceId,
    #[serde(rename = "l")]
    language: Language,
    #[serde(rename = "s")]
    salutation: Personal,
    #[serde(rename = "a")]
    address: Vec<Personal>,
    #[serde(rename = "c")]
    country: Country,
    #[serde(default, rename = "z", skip_serializing_if = "Option::is_none")]
    postcode: Option<Personal>,
    #[serde(default, rename = "g", skip_serializing_if = "Vec::is_empty")]
    vouchers: Vec<(Personal, Worth, NaiveDate)>,
    #[serde(rename = "k")]
    variant: Key,
    #[serde(default, rename = "e", skip_serializing_if = "Option::is_none")]
    enclosure: Option<Key>,
    #[serde(default, rename = "t", skip_serializing_if = "Vec::is_empty")]
    texts: Vec<Personal>,
    #[serde(default, rename = "x", skip_serializing_if = "std::ops::Not::not")]
    control: bool,
}

impl Row {
    /// The row of a letter.
    ///
    /// # Errors
    /// The letter is outside its bounds, or its row too long.
    pub fn of(piece: &Piece) -> Result<Self, InvalidRow> {
        piece.check()?;
        let vouchers = piece.vouchers.iter();
        let line = Line {
            version: VERSION,
            id: piece.id,
            language: piece.language,
            salutation: piece.salutation.clone(),
            address: piece.address.clone(),
            country: piece.country.clone(),
            postcode: piece.postcode.clone(),
            vouchers: vouchers.map(|v| (v.id.clone(), v.worth, v.valid_until)).collect(),
            variant: piece.variant.clone(),
            enclosure: piece.enclosure.clone(),
            texts: piece.texts.clone(),
            control: piece.control,
        };
        let line = serde_json::to_vec(&line).map_err(|_| InvalidRow::Malformed)?;
        if line.len() > ROW_BYTES_MAX {
            return Err(InvalidRow::TooLong);
        }
        let key = piece.sort_key();
        Ok(Self { key, line })
    }

    /// A row from a line of a chunk, without its line end. Only what sorting needs is read.
    ///
    /// # Errors
    /// The line is no row of this version.
    pub fn read(line: &[u8]) -> Result<Self, InvalidRow> {
        if line.len() > ROW_BYTES_MAX {
            return Err(InvalidRow::TooLong);
        }
        let fields: KeyFields = match serde_json::from_slice(line) {
            Ok(fields) => fields,
            // Another version may have other fields.
            Err(_) => match serde_json::from_slice::<Head>(line) {
                Ok(head) if head.version != VERSION => return Err(InvalidRow::Version),
                _ => return Err(InvalidRow::Malformed),
            },
        };
        if fields.version != VERSION {
            return Err(InvalidRow::Version);
        }
        Ok(Self {
            key: SortKey::new(&fields.country, fields.postcode.as_ref(), fields.id),
            line: line.to_vec(),
        })
    }

    /// The letter. `code` gives the code of a voucher by its id.
    ///
    /// # Errors
    /// The row is damaged, or a voucher has no code.
    pub fn piece(&self, code: impl Fn(&str) -> Option<VoucherCode>) -> Result<Piece, InvalidRow> {
        let line: Line = serde_json::from_slice(&self.line).map_err(|_| InvalidRow::Malformed)?;
        let with_code = |(id, worth, valid_until): (Personal, Worth, NaiveDate)| {
            let code = code(id.as_str()).ok_or(InvalidRow::NoCode(line.id))?;
            Ok(PrintedVoucher {
                id,
                code,
                worth,
                valid_until,
            })
        };
        let vouchers: Result<Vec<_>, InvalidRow> = line.vouchers.into_iter().map(with_code).collect();
        let piece = Piece {
            id: line.id,
            language: line.language,
            salutation: line.salutation,
            address: line.address,
            country: line.country,
            postcode: line.postcode,
            vouchers: vouchers?,
            variant: line.variant,
            enclosure: line.enclosure,
            texts: line.texts,
            control: line.control,
        };
        piece.check()?;
        Ok(piece)
    }

    /// By which it is sorted.
    pub const fn key(&self) -> &SortKey {
        &self.key
    }

    /// The line of a chunk, without its line end.
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}
