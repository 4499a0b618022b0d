//! Sums over the rows of a file.

use std::collections::BTreeMap;

use domain::code::VoucherCode;
use domain::money::{Currency, OutOfRange};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use crate::format::{Change, Finding};
use crate::piece::{Piece, PieceId, Worth};

/// Sums over letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// Letters, one a row.
    pub rows: u64,
    /// Vouchers in them.
    pub vouchers: u64,
    /// Of these, vouchers in per cent, which have no face value.
    pub percent_vouchers: u64,
    /// Face values in minor units, by currency.
    pub face_value_minor: BTreeMap<Currency, i64>,
}

/// Where a voucher stands, and which it is without telling its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoucherMark {
    /// Number of its row, from 1.
    pub row: u64,
    /// Number within the letter, from 1.
    pub number: u64,
    /// SHA-256 of its code without separators, 64 lower-case hexadecimal digits. A code has 80 bits: none is found by trying.
    pub code_sha256: String,
}

/// Fields of the file that are not as the letters have them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Cut to the width of their column.
    pub truncated: u64,
    /// With spaces for line breaks and control characters.
    pub spaced: u64,
    /// With an apostrophe in front.
    pub guarded: u64,
}

/// Sums over the rows of a file, and its first and last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Over all rows: what the printer counts.
    pub all: Sums,
    /// Over planted control addresses, which are among all: statistics leave them out.
    pub control: Sums,
    /// Fields that were changed.
    pub changes: Changes,
    /// The first letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_piece: Option<PieceId>,
    /// The last letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_piece: Option<PieceId>,
    /// The first voucher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_voucher: Option<VoucherMark>,
    /// The last voucher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_voucher: Option<VoucherMark>,
}

impl Sums {
    /// The sums with one more letter; face values by currency are returned beside them, as few as the letter has.
    fn with(&self, piece: &Piece<'_>) -> Result<(Counts, Vec<(Currency, i64)>), OutOfRange> {
        let one_more = |count: u64| count.checked_add(1).ok_or(OutOfRange);
        let mut counts = Counts {
            rows: one_more(self.rows)?,
            vouchers: self.vouchers,
            percent_vouchers: self.percent_vouchers,
        };
        let mut faces: Vec<(Currency, i64)> = Vec::new();
        for voucher in &piece.vouchers {
            counts.vouchers = one_more(counts.vouchers)?;
            let money = match voucher.worth {
                Worth::Percent(_) => {
                    counts.percent_vouchers = one_more(counts.percent_vouchers)?;
                    continue;
                }
                Worth::Value(money) => money,
            };
            let known = faces.iter_mut().find(|(currency, _)| *currency == money.currency);
            match known {
                Some((_, sum)) => *sum = sum.checked_add(money.amount_minor).ok_or(OutOfRange)?,
                None => {
                    let before = self.face_value_minor.get(&money.currency).copied().unwrap_or(0);
                    let sum = before.checked_add(money.amount_minor).ok_or(OutOfRange)?;
                    faces.push((money.currency, sum));
                }
            }
        }
        Ok((counts, faces))
    }

    fn set(&mut self, (counts, faces): (Counts, Vec<(Currency, i64)>)) {
        (self.rows, self.vouchers, self.percent_vouchers) = (counts.rows, counts.vouchers, counts.percent_vouchers);
        self.face_value_minor.extend(faces);
    }
}

struct Counts {
    rows: u64,
    vouchers: u64,
    percent_vouchers: u64,
}

impl Changes {
    fn with(&self, findings: &[Finding]) -> Result<Self, OutOfRange> {
        let mut next = self.clone();
        for finding in findings {
            let count = match finding.change {
                Change::Truncated { .. } => &mut next.truncated,
                Change::Spaced { .. } => &mut next.spaced,
                Change::Guarded => &mut next.guarded,
            };
            *count = count.checked_add(1).ok_or(OutOfRange)?;
        }
        Ok(next)
    }
}

impl Totals {
    /// Adds one letter, whose row has these findings. Its last voucher is marked by [`Totals::mark_last`]: of a million letters
    /// one mark is wanted.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the totals are as they were.
    pub fn add(&mut self, piece: &Piece<'_>, findings: &[Finding]) -> Result<(), OutOfRange> {
        let all = self.all.with(piece)?;
        let control = piece.control.then(|| self.control.with(piece)).transpose()?;
        self.changes = self.changes.with(findings)?;
        self.all.set(all);
        if let Some(control) = control {
            self.control.set(control);
        }
        self.first_piece.get_or_insert(piece.id);
        self.last_piece = Some(piece.id);
        if let Some(voucher) = piece.vouchers.first()
            && self.first_voucher.is_none()
        {
            self.first_voucher = Some(VoucherMark::of(self.all.rows, 1, &voucher.code));
        }
        Ok(())
    }

    /// Marks the last voucher: the one with this number in its letter, in this row.
    pub fn mark_last(&mut self, row: u64, number: u64, code: &VoucherCode) {
        self.last_voucher = Some(VoucherMark::of(row, number, code));
    }
}

impl VoucherMark {
    fn of(row: u64, number: u64, code: &VoucherCode) -> Self {
        Self {
            row,
            number,
            code_sha256: hex(&Sha256::digest(code.compact())),
        }
    }
}
