//! A letter as a row of the chunks by which letters are sorted.
//!
//! What sorting needs stands first; the rest is read when the row is written to the file. It holds the ids of vouchers and not their
//! codes: chunks lie in a bucket, and codes are nowhere but in the printer's file. They are derived when the file is written.

use std::cmp::Ordering;
use std::fmt;

use chrono::{Datelike, NaiveDate};
use domain::code::VoucherCode;
use domain::till_text::Language;
use party::Personal;
use party::contact::Country;
use serde::{Deserialize, Serialize};

use super::{Piece, PieceId, PrintedVoucher, Unsound, Worth};
use crate::Key;

/// Longest row, in bytes.
pub const ROW_BYTES_MAX: usize = 98_304;

/// By which letters are sorted: country, postcode, id, each by its bytes. No two letters are equal, so the order of a file does not
/// depend on the order in which its letters came.
#[derive(Clone, Serialize, Deserialize)]
pub struct SortKey {
    country: Country,
    postcode: Option<Personal>,
    piece: PieceId,
}

impl SortKey {
    pub(super) fn of(piece: &Piece) -> Self {
        Self {
            country: piece.country.clone(),
            postcode: piece.postcode.clone(),
            piece: piece.id,
        }
    }

    /// The letter.
    pub const fn piece(&self) -> PieceId {
        self.piece
    }

    fn order(&self) -> (&str, &str, &PieceId) {
        let postcode = self.postcode.as_ref().map_or("", Personal::as_str);
        (self.country.as_str(), postcode, &self.piece)
    }
}

impl PartialEq for SortKey {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for SortKey {}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
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
    /// The key, and [`Content`] behind it.
    bytes: Vec<u8>,
    /// Where the content begins.
    content: usize,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({})", self.key.piece)
    }
}

/// Bytes that are no row, or a letter that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// Longer than [`ROW_BYTES_MAX`].
    #[error("a row of a letter is longer than {ROW_BYTES_MAX} bytes")]
    TooLong,
    /// No row of a letter, or cut off.
    #[error("what should be the row of a letter is none")]
    Malformed,
    /// The letter is outside its bounds.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// There is no code for a voucher.
    #[error("letter {0}: a voucher has no code")]
    NoCode(PieceId),
}

/// A letter without its key. In the order of its fields, and each of them is there: the form names none.
#[derive(Serialize, Deserialize)]
struct Content {
    language: Language,
    salutation: Personal,
    address: Vec<Personal>,
    /// Id, worth, and the last day as its number since the first of the year 1, which is read in less time than a date.
    vouchers: Vec<(Personal, Worth, i32)>,
    variant: Key,
    enclosure: Option<Key>,
    texts: Vec<Personal>,
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
        let content = Content {
            language: piece.language,
            salutation: piece.salutation.clone(),
            address: piece.address.clone(),
            vouchers: vouchers
                .map(|v| (v.id.clone(), v.worth, v.valid_until.num_days_from_ce()))
                .collect(),
            variant: piece.variant.clone(),
            enclosure: piece.enclosure.clone(),
            texts: piece.texts.clone(),
            control: piece.control,
        };
        let key = piece.sort_key();
        let bytes = postcard::to_stdvec(&key).map_err(|_| InvalidRow::Malformed)?;
        let start = bytes.len();
        let bytes = postcard::to_extend(&content, bytes).map_err(|_| InvalidRow::Malformed)?;
        if bytes.len() > ROW_BYTES_MAX {
            return Err(InvalidRow::TooLong);
        }
        Ok(Self {
            key,
            bytes,
            content: start,
        })
    }

    /// A row from its bytes. Only what sorting needs is looked at.
    ///
    /// # Errors
    /// The bytes are no row.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidRow> {
        if bytes.len() > ROW_BYTES_MAX {
            return Err(InvalidRow::TooLong);
        }
        let (key, content) = postcard::take_from_bytes(bytes).map_err(|_| InvalidRow::Malformed)?;
        Ok(Self {
            key,
            bytes: bytes.to_vec(),
            content: bytes.len().saturating_sub(content.len()),
        })
    }

    /// The letter. `code` gives the code of a voucher by its id.
    ///
    /// # Errors
    /// The row is damaged, or a voucher has no code.
    pub fn piece(self, code: impl Fn(&str) -> Option<VoucherCode>) -> Result<Piece, InvalidRow> {
        let content = self.bytes.get(self.content..).unwrap_or_default();
        let (content, rest) = postcard::take_from_bytes::<Content>(content).map_err(|_| InvalidRow::Malformed)?;
        if !rest.is_empty() {
            return Err(InvalidRow::Malformed);
        }
        let SortKey {
            country,
            postcode,
            piece: id,
        } = self.key;
        let with_code = |(voucher, worth, valid_until): (Personal, Worth, i32)| {
            let code = code(voucher.as_str()).ok_or(InvalidRow::NoCode(id))?;
            let valid_until = NaiveDate::from_num_days_from_ce_opt(valid_until).ok_or(InvalidRow::Malformed)?;
            Ok(PrintedVoucher {
                id: voucher,
                code,
                worth,
                valid_until,
            })
        };
        let vouchers: Result<Vec<_>, InvalidRow> = content.vouchers.into_iter().map(with_code).collect();
        // Its bounds are checked where it is written.
        Ok(Piece {
            id,
            language: content.language,
            salutation: content.salutation,
            address: content.address,
            country,
            postcode,
            vouchers: vouchers?,
            variant: content.variant,
            enclosure: content.enclosure,
            texts: content.texts,
            control: content.control,
        })
    }

    /// By which it is sorted.
    pub const fn key(&self) -> &SortKey {
        &self.key
    }

    /// Appends its bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }
}
