//! A letter as a row of the chunks by which letters are sorted.
//!
//! What sorting needs stands first, in the bytes in which it is compared; the rest is read when the row is written to the file. A row
//! holds the ids of vouchers and not their codes: chunks lie in a bucket, and codes are nowhere but in the printer's file. They are
//! derived when the file is written.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use domain::code::VoucherCode;
use domain::till_text::Language;
use serde::{Deserialize, Serialize};

use super::{Piece, PieceId, PrintedVoucher, Text, Unsound, Worth};
use crate::Key;

/// Longest row, in bytes.
pub const ROW_BYTES_MAX: usize = 98_304;

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

/// A letter ready to be sorted; `Debug` shows its id only.
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

/// The codes of the vouchers of a letter, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    of: PieceId,
    codes: Vec<VoucherCode>,
}

/// A voucher without its code: id, worth, and the last day as its number since the first of the year 1, which is read in less time
/// than a date.
type Uncoded<'a> = (Text<'a>, Worth, i32);

/// A letter without its key. In the order of its fields, and each of them is there: the form names none. Vouchers stand first, because
/// their codes are derived before the rest is read.
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    vouchers: Vec<Uncoded<'a>>,
    language: Language,
    #[serde(borrow)]
    salutation: Text<'a>,
    #[serde(borrow)]
    address: Vec<Text<'a>>,
    /// An empty postcode and a missing one give the same key.
    has_postcode: bool,
    variant: Key,
    enclosure: Option<Key>,
    #[serde(borrow)]
    texts: Vec<Text<'a>>,
    control: bool,
}

impl Row {
    /// The row of a letter.
    ///
    /// # Errors
    /// The letter is outside its bounds, or its row too long.
    pub fn of(piece: &Piece<'_>) -> Result<Self, InvalidRow> {
        piece.check()?;
        let vouchers = piece.vouchers.iter();
        let content = Content {
            vouchers: vouchers
                .map(|v| (Text::from(v.id.as_str()), v.worth, v.valid_until.num_days_from_ce()))
                .collect(),
            language: piece.language,
            salutation: Text::from(piece.salutation.as_str()),
            address: piece.address.iter().map(|line| Text::from(line.as_str())).collect(),
            has_postcode: piece.postcode.is_some(),
            variant: piece.variant.clone(),
            enclosure: piece.enclosure.clone(),
            texts: piece.texts.iter().map(|text| Text::from(text.as_str())).collect(),
            control: piece.control,
        };
        let postcode = piece.postcode.as_ref().map_or("", Text::as_str);
        let country = piece.country.as_str();
        let key = [
            country.as_bytes(),
            postcode.as_bytes(),
            &[0],
            piece.id.as_str().as_bytes(),
        ]
        .concat();
        let bytes = postcard::to_stdvec(key.as_slice()).map_err(|_| InvalidRow::Malformed)?;
        let bytes = postcard::to_extend(&content, bytes).map_err(|_| InvalidRow::Malformed)?;
        Self::from_bytes(bytes)
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
        let (_, id) = key_parts(key).ok_or(InvalidRow::Malformed)?;
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

    /// The codes of its vouchers, in their order. `code` gives the code of a voucher by its id.
    ///
    /// # Errors
    /// The row is damaged, or a voucher has no code.
    pub fn codes(&self, code: impl Fn(&str) -> Option<VoucherCode>) -> Result<Codes, InvalidRow> {
        let (vouchers, _) =
            postcard::take_from_bytes::<Vec<Uncoded<'_>>>(self.content()).map_err(|_| InvalidRow::Malformed)?;
        let codes = vouchers.iter().map(|(voucher, ..)| code(voucher.as_str()));
        let codes = codes.collect::<Option<_>>();
        Ok(Codes {
            of: self.id,
            codes: codes.ok_or(InvalidRow::NoCode(self.id))?,
        })
    }

    /// The letter, with the codes of its vouchers.
    ///
    /// # Errors
    /// The row is damaged, or the codes are those of another letter.
    pub fn piece(&self, codes: Codes) -> Result<Piece<'_>, InvalidRow> {
        let (content, rest) =
            postcard::take_from_bytes::<Content<'_>>(self.content()).map_err(|_| InvalidRow::Malformed)?;
        if !rest.is_empty() {
            return Err(InvalidRow::Malformed);
        }
        if codes.of != self.id || content.vouchers.len() != codes.codes.len() {
            return Err(InvalidRow::NoCode(self.id));
        }
        let vouchers: Result<Vec<_>, _> = content.vouchers.into_iter().zip(codes.codes).map(with_code).collect();
        let (front, _) = key_parts(self.key_bytes()).ok_or(InvalidRow::Malformed)?;
        let front = std::str::from_utf8(front).map_err(|_| InvalidRow::Malformed)?;
        let (country, postcode) = front.split_at_checked(COUNTRY).ok_or(InvalidRow::Malformed)?;
        if !content.has_postcode && !postcode.is_empty() {
            return Err(InvalidRow::Malformed);
        }
        // Its bounds are checked where it is written.
        Ok(Piece {
            id: self.id,
            language: content.language,
            salutation: content.salutation,
            address: content.address,
            country: country.parse().map_err(|_| InvalidRow::Malformed)?,
            postcode: content.has_postcode.then(|| Text::from(postcode)),
            vouchers: vouchers?,
            variant: content.variant,
            enclosure: content.enclosure,
            texts: content.texts,
            control: content.control,
        })
    }

    /// Which letter it is.
    pub const fn id(&self) -> PieceId {
        self.id
    }

    /// By which it is sorted.
    pub fn key(&self) -> SortKey<'_> {
        SortKey {
            begin: self.begin,
            bytes: self.key_bytes(),
        }
    }

    fn key_bytes(&self) -> &[u8] {
        let start = self.content.saturating_sub(self.key);
        self.bytes.get(start..self.content).unwrap_or_default()
    }

    fn content(&self) -> &[u8] {
        self.bytes.get(self.content..).unwrap_or_default()
    }

    /// Appends its bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }
}

fn with_code<'a>(
    ((id, worth, valid_until), code): (Uncoded<'a>, VoucherCode),
) -> Result<PrintedVoucher<'a>, InvalidRow> {
    let valid_until = NaiveDate::from_num_days_from_ce_opt(valid_until);
    Ok(PrintedVoucher {
        id,
        code,
        worth,
        valid_until: valid_until.ok_or(InvalidRow::Malformed)?,
    })
}

/// What stands in a key before the zero and behind it.
fn key_parts(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (front, end) = key.split_at_checked(key.len().checked_sub(END)?)?;
    let (zero, id) = end.split_first()?;
    (*zero == 0 && front.len() >= COUNTRY).then_some((front, id))
}

/// The first 16 bytes of a key, filled up with zeros: of two keys with other beginnings the lower one has the lower number.
fn begin(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u128::from_be_bytes(bytes)
}
