//! A letter as what is sorted, and as the row it becomes.
//!
//! What sorting needs stands first, in the bytes in which it is compared. Behind it stands what the file's sums need, and the row of the
//! file, ready but for its number and its codes: these are put in when the file is written. Rows hold the ids of vouchers and not
//! their codes: sorted letters lie in a bucket, and codes are nowhere but in the printer's file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::format::{Changes, Encoder, RowError, Stencil};
use crate::piece::{Piece, PieceId, Unsound, Worth};

/// Longest row, in bytes: room for all columns of fixed width, each as wide as it may be and filled with characters of four bytes, and in
/// CSV for the greatest letter with each of its texts in one column. A merge holds some of each chunk.
pub const ROW_BYTES_MAX: usize = 262_144;

/// Room for what a row has besides that of the file; nearly all have less.
const ROOM: usize = 256;

/// Bytes of a key before the postcode: the country.
const COUNTRY: usize = 2;
/// Bytes of a key behind the postcode: a zero, and the id.
const END: usize = 1 + PieceId::LEN;

/// By which letters are sorted: country, postcode, a zero, id, by their bytes. No two letters are equal, so the order of a file does
/// not depend on the order in which its letters came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey<'a> {
    /// The first bytes as a number, by which nearly all letters are told apart without a look at the others.
    begin: u128,
    bytes: &'a [u8],
}

impl fmt::Debug for SortKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SortKey(…)")
    }
}

/// A letter ready to be sorted and written; `Debug` shows its id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    id: PieceId,
    /// The beginning of the key.
    begin: u128,
    /// The key behind its length, and [`Content`] behind it.
    bytes: Vec<u8>,
    /// Where the key ends and the content begins.
    content: usize,
    /// Bytes of the key.
    key: usize,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({})", self.id)
    }
}

/// Bytes that are no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// Longer than [`ROW_BYTES_MAX`].
    #[error("a row of a letter is longer than {ROW_BYTES_MAX} bytes")]
    TooLong,
    /// No row of a letter, or cut off.
    #[error("what should be the row of a letter is none")]
    Malformed,
}

/// A letter that cannot be a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It is outside its bounds.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// The format does not take it.
    #[error(transparent)]
    Column(#[from] RowError),
    /// Its row is longer than [`ROW_BYTES_MAX`].
    #[error("letter {0}: its row is longer than {ROW_BYTES_MAX} bytes: the format has long texts in too many columns")]
    TooLong(PieceId),
}

/// A letter without its key. In the order of its fields, and each of them is there: the form names none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content<'a> {
    /// Their ids, from which their codes are derived, and what they are worth.
    #[serde(borrow)]
    pub(crate) vouchers: Vec<(Name<'a>, Worth)>,
    pub(crate) variant: &'a str,
    pub(crate) control: bool,
    pub(crate) changes: Changes,
    #[serde(borrow)]
    pub(crate) stencil: Stencil<'a>,
}

/// The id of a voucher, with that of its party. `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Row {
    /// The row of a letter in the format of an encoder.
    ///
    /// # Errors
    /// The letter is outside its bounds, or the format does not take it.
    pub fn of(piece: &Piece, encoder: &Encoder) -> Result<Self, Unwritable> {
        piece.check()?;
        let (drawn, changes) = encoder.draw(piece)?;
        let vouchers = piece.vouchers.iter();
        let content = Content {
            vouchers: vouchers.map(|v| (Name(v.id.as_str()), v.worth)).collect(),
            variant: piece.variant.as_str(),
            control: piece.control,
            changes,
            stencil: drawn.stencil(),
        };
        let postcode = piece.postcode.as_ref().map_or("", |postcode| postcode.as_str());
        let country = piece.country.as_str();
        let key = [
            country.as_bytes(),
            postcode.as_bytes(),
            &[0],
            piece.id.as_str().as_bytes(),
        ]
        .concat();
        // Nothing else can go wrong: plain data becomes bytes.
        let too_long = |_| Unwritable::TooLong(piece.id);
        let bytes = Vec::with_capacity(drawn.len().saturating_add(ROOM));
        let bytes = postcard::to_extend(key.as_slice(), bytes).map_err(too_long)?;
        let mut bytes = postcard::to_extend(&content, bytes).map_err(too_long)?;
        // Many rows are held until they are sorted, and a vector that has grown takes up to twice what it holds.
        bytes.shrink_to_fit();
        Self::from_bytes(bytes).map_err(|_| Unwritable::TooLong(piece.id))
    }

    /// A row from its bytes. Only what sorting needs is looked at.
    ///
    /// # Errors
    /// The bytes are no row.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidRow> {
        Self::from_bytes(bytes.to_vec())
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidRow> {
        if bytes.len() > ROW_BYTES_MAX {
            return Err(InvalidRow::TooLong);
        }
        let (key, content) = postcard::take_from_bytes::<&[u8]>(&bytes).map_err(|_| InvalidRow::Malformed)?;
        let id = id_in(key).ok_or(InvalidRow::Malformed)?;
        let read = std::str::from_utf8(id).ok().and_then(|id| id.parse::<PieceId>().ok());
        // In the one spelling in which it is compared.
        let exact = read.filter(|read| read.as_str().as_bytes() == id);
        Ok(Self {
            id: exact.ok_or(InvalidRow::Malformed)?,
            begin: begin(key),
            key: key.len(),
            content: bytes.len().saturating_sub(content.len()),
            bytes,
        })
    }

    /// What is written of it.
    ///
    /// # Errors
    /// The row is damaged.
    pub(crate) fn content(&self) -> Result<Content<'_>, InvalidRow> {
        let bytes = self.bytes.get(self.content..).unwrap_or_default();
        let (content, rest) = postcard::take_from_bytes(bytes).map_err(|_| InvalidRow::Malformed)?;
        if rest.is_empty() {
            Ok(content)
        } else {
            Err(InvalidRow::Malformed)
        }
    }

    /// Which letter it is.
    pub const fn id(&self) -> PieceId {
        self.id
    }

    /// By which it is sorted.
    pub fn key(&self) -> SortKey<'_> {
        let start = self.content.saturating_sub(self.key);
        SortKey {
            begin: self.begin,
            bytes: self.bytes.get(start..self.content).unwrap_or_default(),
        }
    }

    /// Its length in bytes.
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The row without its last byte.
    #[cfg(test)]
    pub(crate) fn cut_off(mut self) -> Self {
        self.bytes.pop();
        self
    }

    /// Appends its bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }
}

/// The id at the end of a key, if it is one.
fn id_in(key: &[u8]) -> Option<&[u8]> {
    let (front, end) = key.split_at_checked(key.len().checked_sub(END)?)?;
    let (zero, id) = end.split_first()?;
    (*zero == 0 && front.len() >= COUNTRY).then_some(id)
}

/// The first 16 bytes of a key, filled up with zeros: of two keys with other beginnings the lower one has the lower number.
fn begin(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
pub(crate) mod tests;
