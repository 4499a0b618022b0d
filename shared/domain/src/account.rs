//! The points account as a fold over its ledger.
//!
//! `post` and `issue` are pure: they take the account and return the entry and the account after it. Entry and account are
//! stored together under the condition that the account still has the version it was read with; the versions of the entries
//! of an account are therefore 1, 2, 3 … without a gap, and [`Account::replay`] can prove the balance from the entries alone.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::earning::Earning;
use crate::id::LocationId;
use crate::money::OutOfRange;
use crate::programme::Programme;
use crate::receipt::{Receipt, ReceiptKey};

/// Most vouchers issued in one transaction: with 20, voucher, reference, entry and account stay far below 100 legs.
pub const ISSUE_STEP_MAX: u64 = 20;

/// Points earned in one calendar month that are still open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Month of the receipts' business dates, `2026-11`. Lots sort by age.
    #[serde(rename = "m")]
    pub month: String,
    /// Points left, more than 0.
    #[serde(rename = "p")]
    pub open: i64,
}

/// What an entry did to one lot: positive earned into it, negative taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotMove {
    /// The lot's month.
    #[serde(rename = "m")]
    pub month: String,
    /// Signed points.
    #[serde(rename = "p")]
    pub points: i64,
}

/// The snapshot of an account. Small on purpose: it is read and written at each receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Number of ledger entries so far; 0 before the first.
    pub version: u64,
    /// Active points: the sum of the lots.
    pub balance: i64,
    /// Open lots, oldest first.
    pub lots: Vec<Lot>,
    /// Vouchers issued so far.
    pub vouchers_issued: u64,
    /// Sequence number of the last voucher; greater than their count where a number had to be left out.
    pub last_voucher: u64,
    /// Where the last posted receipt came from: vouchers are announced there first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_store: Option<LocationId>,
    /// Receipts posted so far.
    pub receipts: u64,
    /// Revenue of the posted receipts in minor units of the programme's currency.
    pub revenue_minor: i64,
}

/// Why points moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A receipt was posted.
    Receipt {
        /// Its natural key.
        receipt: ReceiptKey,
        /// Revenue in minor units.
        total_minor: i64,
        /// Eligible lines in minor units.
        eligible_minor: i64,
        /// Voucher-paid part in minor units.
        voucher_paid_minor: i64,
        /// Base that was multiplied, in minor units.
        base_minor: i64,
    },
    /// Points became vouchers.
    VoucherIssue {
        /// Sequence number of the first voucher.
        first: u64,
        /// How many.
        count: u64,
        /// Points that each consumed.
        threshold_points: i64,
    },
}

/// One entry of the ledger. Entries are never changed; a correction is another entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the account after this entry.
    pub version: u64,
    /// Business day of the cause.
    pub business_date: NaiveDate,
    /// Signed points.
    pub points: i64,
    /// Balance after this entry.
    pub balance_after: i64,
    /// Version of the programme that decided.
    pub programme_version: u32,
    /// How the lots moved; sums to `points`.
    pub lots: Vec<LotMove>,
    /// Why.
    #[serde(flatten)]
    pub cause: Cause,
}

impl Entry {
    /// The name of the entry within its account, made of the cause alone, so that the same cause can be stored only once.
    ///
    /// Begins with the business date, so that a listing is in order of dates.
    pub fn natural_id(&self) -> String {
        match &self.cause {
            Cause::Receipt { receipt, .. } => receipt_entry_id(receipt),
            Cause::VoucherIssue { first, .. } => format!("{}#V#{first:012}", self.business_date),
        }
    }
}

/// The natural id of the entry that posts `receipt`.
pub fn receipt_entry_id(receipt: &ReceiptKey) -> String {
    format!("{}#R#{receipt}", receipt.business_date)
}

/// Vouchers to be created together with their ledger debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The debit.
    pub entry: Entry,
    /// The account after it.
    pub account: Account,
    /// Sequence number of the first voucher; the others follow without a gap.
    pub first: u64,
    /// How many, 1 to [`ISSUE_STEP_MAX`].
    pub count: u64,
}

/// The books of an account contradict themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An entry is missing or stored twice.
    #[error("expected the entry with version {expected}, found {found}")]
    Gap {
        /// The version that should come next.
        expected: u64,
        /// The version found instead.
        found: u64,
    },
    /// A stored balance is not the sum of the entries.
    #[error("the entry with version {version} says balance {stored}, its predecessors give {computed}")]
    Balance {
        /// The entry.
        version: u64,
        /// Its stored balance.
        stored: i64,
        /// The recomputed balance.
        computed: i64,
    },
    /// The lots of an entry do not add up to its points, or a lot would fall below zero.
    #[error("the lots of the entry with version {version} do not add up")]
    Lots {
        /// The entry.
        version: u64,
    },
    /// A sum leaves the range of the books.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

impl Account {
    /// Posts a receipt: one entry, also for 0 points, and the account after it.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn post(&self, receipt: &Receipt, earning: &Earning) -> Result<(Entry, Self), OutOfRange> {
        let month = month_of(receipt.key.business_date);
        let lots = if earning.points == 0 {
            Vec::new()
        } else {
            vec![LotMove {
                month,
                points: earning.points,
            }]
        };
        let entry = Entry {
            version: self.version.checked_add(1).ok_or(OutOfRange)?,
            business_date: receipt.key.business_date,
            points: earning.points,
            balance_after: self.balance.checked_add(earning.points).ok_or(OutOfRange)?,
            programme_version: earning.programme_version,
            lots,
            cause: Cause::Receipt {
                receipt: receipt.key.clone(),
                total_minor: receipt.total_minor,
                eligible_minor: earning.eligible_minor,
                voucher_paid_minor: earning.voucher_paid_minor,
                base_minor: earning.base_minor,
            },
        };
        let after = self.after(&entry).map_err(|_| OutOfRange)?;
        Ok((entry, after))
    }

    /// How many threshold vouchers the active balance is worth now: ⌊balance ÷ threshold⌋.
    pub fn vouchers_due(&self, programme: &Programme) -> u64 {
        let due = self
            .balance
            .checked_div(programme.voucher.threshold_points)
            .unwrap_or(0);
        u64::try_from(due).unwrap_or(0)
    }

    /// Issues up to [`ISSUE_STEP_MAX`] of the vouchers due; `None` when none is due. The remainder stays on the account.
    ///
    /// Sequence numbers in `avoid` are left out: their codes are taken by other vouchers.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn issue(
        &self,
        programme: &Programme,
        today: NaiveDate,
        avoid: &BTreeSet<u64>,
    ) -> Result<Option<Issue>, OutOfRange> {
        let mut first = self.last_voucher.checked_add(1).ok_or(OutOfRange)?;
        while avoid.contains(&first) {
            first = first.checked_add(1).ok_or(OutOfRange)?;
        }
        let free = avoid
            .range(first..)
            .next()
            .map_or(u64::MAX, |taken| taken.saturating_sub(first));
        let count = self.vouchers_due(programme).min(ISSUE_STEP_MAX).min(free);
        if count == 0 {
            return Ok(None);
        }
        let threshold_points = programme.voucher.threshold_points;
        let spent = i64::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(threshold_points))
            .ok_or(OutOfRange)?;
        let entry = Entry {
            version: self.version.checked_add(1).ok_or(OutOfRange)?,
            business_date: today,
            points: spent.checked_neg().ok_or(OutOfRange)?,
            balance_after: self.balance.checked_sub(spent).ok_or(OutOfRange)?,
            programme_version: programme.version,
            lots: self.take_oldest(spent)?,
            cause: Cause::VoucherIssue {
                first,
                count,
                threshold_points,
            },
        };
        let account = self.after(&entry).map_err(|_| OutOfRange)?;
        Ok(Some(Issue {
            entry,
            account,
            first,
            count,
        }))
    }

    /// The moves that take `points` from the oldest lots first.
    fn take_oldest(&self, points: i64) -> Result<Vec<LotMove>, OutOfRange> {
        let mut left = points;
        let mut moves = Vec::new();
        for lot in &self.lots {
            if left == 0 {
                break;
            }
            let taken = left.min(lot.open);
            left = left.checked_sub(taken).ok_or(OutOfRange)?;
            moves.push(LotMove {
                month: lot.month.clone(),
                points: taken.checked_neg().ok_or(OutOfRange)?,
            });
        }
        if left == 0 { Ok(moves) } else { Err(OutOfRange) }
    }

    /// The account after `entry`, which must be the next one.
    ///
    /// # Errors
    /// [`FoldError`] when the entry does not follow from this account.
    pub fn after(&self, entry: &Entry) -> Result<Self, FoldError> {
        let expected = self.version.checked_add(1).ok_or(OutOfRange)?;
        if entry.version != expected {
            return Err(FoldError::Gap {
                expected,
                found: entry.version,
            });
        }
        let computed = self.balance.checked_add(entry.points).ok_or(OutOfRange)?;
        if computed != entry.balance_after {
            return Err(FoldError::Balance {
                version: entry.version,
                stored: entry.balance_after,
                computed,
            });
        }
        let mut after = self.clone();
        after.version = entry.version;
        after.balance = computed;
        for change in &entry.lots {
            after
                .move_lot(change)
                .ok_or(FoldError::Lots { version: entry.version })?;
        }
        let open = after.lots.iter().try_fold(0i64, |sum, lot| sum.checked_add(lot.open));
        if open != Some(computed) {
            return Err(FoldError::Lots { version: entry.version });
        }
        match &entry.cause {
            Cause::Receipt {
                total_minor, receipt, ..
            } => {
                after.last_store = Some(receipt.store.clone());
                after.receipts = after.receipts.checked_add(1).ok_or(OutOfRange)?;
                after.revenue_minor = after.revenue_minor.checked_add(*total_minor).ok_or(OutOfRange)?;
            }
            Cause::VoucherIssue { first, count, .. } => {
                after.last_voucher = first
                    .checked_add(*count)
                    .and_then(|next| next.checked_sub(1))
                    .ok_or(OutOfRange)?;
                after.vouchers_issued = after.vouchers_issued.checked_add(*count).ok_or(OutOfRange)?;
            }
        }
        Ok(after)
    }

    fn move_lot(&mut self, change: &LotMove) -> Option<()> {
        let at = self.lots.partition_point(|lot| lot.month < change.month);
        match self.lots.get_mut(at).filter(|lot| lot.month == change.month) {
            Some(lot) => {
                lot.open = lot.open.checked_add(change.points).filter(|open| *open >= 0)?;
                if lot.open == 0 {
                    self.lots.remove(at);
                }
            }
            None if change.points > 0 => self.lots.insert(
                at,
                Lot {
                    month: change.month.clone(),
                    open: change.points,
                },
            ),
            None => return None,
        }
        Some(())
    }

    /// Rebuilds the account from its entries, in any order.
    ///
    /// # Errors
    /// [`FoldError`] naming the first entry that does not fit.
    pub fn replay(mut entries: Vec<Entry>) -> Result<Self, FoldError> {
        entries.sort_by_key(|entry| entry.version);
        entries
            .iter()
            .try_fold(Self::default(), |account, entry| account.after(entry))
    }
}

fn month_of(date: NaiveDate) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

#[cfg(test)]
mod tests;
