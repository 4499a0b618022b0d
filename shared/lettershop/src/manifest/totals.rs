//! Sums over the rows of a file.

use std::collections::BTreeMap;

use domain::code::VoucherCode;
use domain::money::{Currency, Money, OutOfRange};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use crate::format::Changes;
use crate::piece::{PieceId, Worth};
use crate::row::Content;

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
    /// Whether one more letter leaves them in their range. What letters are worth together is asked of each of their currencies:
    /// that refuses a letter only where a sum is a letter's worth away from its end.
    fn take(&self, content: &Content<'_>) -> Result<(), OutOfRange> {
        let vouchers = u64::try_from(content.vouchers.len()).map_err(|_| OutOfRange)?;
        self.rows.checked_add(1).ok_or(OutOfRange)?;
        self.vouchers.checked_add(vouchers).ok_or(OutOfRange)?;
        let values = || content.vouchers.iter().filter_map(|(_, worth)| value(*worth));
        let sum = values().try_fold(0i64, |sum, money| sum.checked_add(money.amount_minor));
        let sum = sum.ok_or(OutOfRange)?;
        for money in values() {
            let before = self.face_value_minor.get(&money.currency).copied().unwrap_or(0);
            before.checked_add(sum).ok_or(OutOfRange)?;
        }
        Ok(())
    }

    /// Adds a letter that they take.
    fn add(&mut self, content: &Content<'_>) {
        self.rows = self.rows.saturating_add(1);
        for (_, worth) in &content.vouchers {
            self.vouchers = self.vouchers.saturating_add(1);
            match value(*worth) {
                Some(money) => {
                    let sum = self.face_value_minor.entry(money.currency).or_default();
                    *sum = sum.saturating_add(money.amount_minor);
                }
                // There are no more of these than vouchers.
                None => self.percent_vouchers = self.percent_vouchers.saturating_add(1),
            }
        }
    }
}

const fn value(worth: Worth) -> Option<Money> {
    match worth {
        Worth::Value(money) => Some(money),
        Worth::Percent(_) => None,
    }
}

/// The changes with those of one more letter.
fn with(before: &Changes, more: &Changes) -> Result<Changes, OutOfRange> {
    let sum = |before: u64, more| before.checked_add(more).ok_or(OutOfRange);
    Ok(Changes {
        truncated: sum(before.truncated, more.truncated)?,
        spaced: sum(before.spaced, more.spaced)?,
        guarded: sum(before.guarded, more.guarded)?,
    })
}

impl Totals {
    /// Adds one letter, whose first voucher has this code. Its last voucher is marked by [`Totals::mark_last`]: of a million letters
    /// one mark is wanted.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the totals are as they were.
    pub(super) fn add(
        &mut self,
        piece: PieceId,
        content: &Content<'_>,
        first: Option<&VoucherCode>,
    ) -> Result<(), OutOfRange> {
        self.all.take(content)?;
        if content.control {
            self.control.take(content)?;
        }
        self.changes = with(&self.changes, &content.changes)?;
        self.all.add(content);
        if content.control {
            self.control.add(content);
        }
        self.first_piece.get_or_insert(piece);
        self.last_piece = Some(piece);
        if let Some(code) = first
            && self.first_voucher.is_none()
        {
            self.first_voucher = Some(VoucherMark::of(self.all.rows, 1, code));
        }
        Ok(())
    }

    /// Marks the last voucher: the one with this number in its letter, in this row.
    pub(super) fn mark_last(&mut self, row: u64, number: u64, code: &VoucherCode) {
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
