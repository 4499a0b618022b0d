//! Sums over the rows of a file.

use std::collections::BTreeMap;

use domain::money::{Currency, OutOfRange};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use crate::format::{Change, Finding};
use crate::piece::{Piece, PieceId, PrintedVoucher, Worth};

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
    fn add(&mut self, piece: &Piece) -> Result<(), OutOfRange> {
        let one_more = |count: u64| count.checked_add(1).ok_or(OutOfRange);
        self.rows = one_more(self.rows)?;
        for voucher in &piece.vouchers {
            self.vouchers = one_more(self.vouchers)?;
            match voucher.worth {
                Worth::Percent(_) => self.percent_vouchers = one_more(self.percent_vouchers)?,
                Worth::Value(money) => {
                    let sum = self.face_value_minor.entry(money.currency).or_default();
                    *sum = sum.checked_add(money.amount_minor).ok_or(OutOfRange)?;
                }
            }
        }
        Ok(())
    }
}

impl Totals {
    /// The totals with one more letter, whose row has these findings.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range.
    pub fn with(&self, piece: &Piece, findings: &[Finding]) -> Result<Self, OutOfRange> {
        let mut next = self.clone();
        next.all.add(piece)?;
        if piece.control {
            next.control.add(piece)?;
        }
        for finding in findings {
            let count = match finding.change {
                Change::Truncated { .. } => &mut next.changes.truncated,
                Change::Spaced { .. } => &mut next.changes.spaced,
                Change::Guarded => &mut next.changes.guarded,
            };
            *count = count.checked_add(1).ok_or(OutOfRange)?;
        }
        next.first_piece.get_or_insert(piece.id);
        next.last_piece = Some(piece.id);
        let row = next.all.rows;
        if let Some(voucher) = piece.vouchers.first()
            && next.first_voucher.is_none()
        {
            next.first_voucher = Some(VoucherMark::of(row, 1, voucher));
        }
        if let Some(voucher) = piece.vouchers.last() {
            let number = u64::try_from(piece.vouchers.len()).map_err(|_| OutOfRange)?;
            next.last_voucher = Some(VoucherMark::of(row, number, voucher));
        }
        Ok(next)
    }
}

impl VoucherMark {
    fn of(row: u64, number: u64, voucher: &PrintedVoucher) -> Self {
        Self {
            row,
            number,
            code_sha256: hex(&Sha256::digest(voucher.code.compact())),
        }
    }
}
