//! The points account as a fold over its ledger.
//!
//! Every operation is pure: it takes the account and returns the entry and the account after it. Entry and account are stored
//! together under the condition that the account still has the version it was read with; the versions of the entries of an
//! account are therefore 1, 2, 3 … without a gap, and [`Account::replay`] can prove the account from the entries alone.
//!
//! Points lie in lots, pending or active. When more points have to be taken than there are, the account owes the rest: its
//! balance is below 0, it has no active lot, and the next points that become active settle the deficit first.
//!
//! | module | what |
//! |---|---|
//! | `lot` | lots and their order |
//! | `entry` | entries, causes and their names |
//! | `draft` | movements on the way to an entry |
//! | `post` | receipts in, returned goods out, counting again |
//! | `issue` | points become vouchers, and back |
//! | `close` | the close of a day: activation and expiry |
//! | `adjust` | corrections and transfers |

mod adjust;
mod close;
mod draft;
mod entry;
mod issue;
mod lot;
mod post;

pub use entry::{
    Arrival, Cause, Entry, VatShare, issue_entry_id, receipt_entry_id, recount_entry_id, return_entry_id, run_entry_id,
    void_entry_id,
};
pub use issue::{ISSUE_STEP_MAX, Issue, affordable, share_of_voucher};
pub use lot::{InvalidLotKey, LOTS_MAX, Lot, LotKey, LotMove};
pub use post::{Recount, TakeBack};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::LocationId;
use crate::money::OutOfRange;

/// The snapshot of an account. Small on purpose: it is read and written at each receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Number of ledger entries so far; 0 before the first.
    pub version: u64,
    /// Active points less the deficit: the sum of the active lots, or what is owed as a negative number.
    pub balance: i64,
    /// Open lots, at most [`LOTS_MAX`]: active ones by nearest expiry, then pending ones.
    #[serde(deserialize_with = "lot::read")]
    pub lots: Vec<Lot>,
    /// Vouchers issued over the threshold so far; those that a run was paid for with points are not among them.
    pub vouchers_issued: u64,
    /// Sequence number of the last voucher; greater than their count where a number had to be left out.
    pub last_voucher: u64,
    /// Where the last posted receipt came from: vouchers are announced there first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_store: Option<LocationId>,
    /// The latest business date of a posted receipt; one that was voided since counts too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_purchase: Option<NaiveDate>,
    /// Receipts posted so far, voided ones not among them.
    pub receipts: u64,
    /// Revenue of the posted receipts less returns, in minor units of the programme's currency.
    pub revenue_minor: i64,
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
    /// What the account owes, 0 or more.
    pub fn deficit(&self) -> i64 {
        self.balance.min(0).saturating_neg()
    }

    /// Points that do not count yet, 0 or more.
    pub fn pending(&self) -> i64 {
        // The fold has summed them without leaving the range.
        self.lots
            .iter()
            .filter(|lot| lot.key.is_pending())
            .fold(0, |sum: i64, lot| sum.saturating_add(lot.open))
    }

    /// The next day whose close has work here: a pending lot begins to count on it, or a lot has expired with the day before.
    /// `None` when nothing will ever be due.
    pub fn next_due(&self) -> Option<NaiveDate> {
        self.lots
            .iter()
            .filter_map(|lot| lot.key.from.or_else(|| lot.key.until?.succ_opt()))
            .min()
    }

    /// The account after `entry`, which must be the next one.
    ///
    /// # Errors
    /// [`FoldError`] when the entry does not follow from this account.
    pub fn after(&self, entry: &Entry) -> Result<Self, FoldError> {
        let version = entry.version;
        let expected = self.version.checked_add(1).ok_or(OutOfRange)?;
        if version != expected {
            return Err(FoldError::Gap {
                expected,
                found: version,
            });
        }
        let mut after = self.clone();
        after.version = version;
        for change in &entry.lots {
            lot::apply(&mut after.lots, *change).ok_or(FoldError::Lots { version })?;
        }
        after.balance = self.balance_after(entry)?;
        let (active, pending) = sums(&after.lots)?;
        if pending != entry.pending_after || active != after.balance.max(0) {
            return Err(FoldError::Lots { version });
        }
        after.count(&entry.cause)?;
        Ok(after)
    }

    /// The balance that the entry must lead to.
    fn balance_after(&self, entry: &Entry) -> Result<i64, FoldError> {
        let computed = self
            .balance
            .checked_add(self.pending())
            .and_then(|before| before.checked_add(entry.points))
            .and_then(|total| total.checked_sub(entry.pending_after))
            .ok_or(OutOfRange)?;
        if computed == entry.balance_after {
            Ok(computed)
        } else {
            Err(FoldError::Balance {
                version: entry.version,
                stored: entry.balance_after,
                computed,
            })
        }
    }

    /// Receipts, revenue and vouchers.
    fn count(&mut self, cause: &Cause) -> Result<(), OutOfRange> {
        match cause {
            Cause::Receipt {
                total_minor, receipt, ..
            } => {
                self.last_store = Some(receipt.store.clone());
                self.last_purchase = self.last_purchase.max(Some(receipt.business_date));
                self.receipts = self.receipts.checked_add(1).ok_or(OutOfRange)?;
                self.revenue_minor = self.revenue_minor.checked_add(*total_minor).ok_or(OutOfRange)?;
            }
            Cause::Return { total_minor, void, .. } => {
                self.receipts = self.receipts.saturating_sub(u64::from(*void));
                self.revenue_minor = self.revenue_minor.checked_sub(*total_minor).ok_or(OutOfRange)?;
            }
            // Those of a run are named after it.
            Cause::VoucherIssue { run: Some(_), .. } => {}
            Cause::VoucherIssue { first, count, .. } => {
                self.last_voucher = first
                    .checked_add(*count)
                    .and_then(|next| next.checked_sub(1))
                    .ok_or(OutOfRange)?;
                self.vouchers_issued = self.vouchers_issued.checked_add(*count).ok_or(OutOfRange)?;
            }
            Cause::VoucherVoid { .. }
            | Cause::Activation
            | Cause::Expiry { .. }
            | Cause::Correction { .. }
            | Cause::Transfer { .. }
            | Cause::Recalculation { .. } => {}
        }
        Ok(())
    }

    /// Whether the stored account is what its ledger says. One that was stored before the day of the last purchase was kept
    /// knows none until the next receipt.
    pub fn agrees_with(&self, folded: &Self) -> bool {
        let known = self.last_purchase.is_some();
        let last_purchase = folded.last_purchase.filter(|_| known);
        *self
            == Self {
                last_purchase,
                ..folded.clone()
            }
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

/// Active and pending points.
fn sums(lots: &[Lot]) -> Result<(i64, i64), OutOfRange> {
    lots.iter().try_fold((0i64, 0i64), |(active, pending), lot| {
        if lot.key.is_pending() {
            Ok((active, pending.checked_add(lot.open).ok_or(OutOfRange)?))
        } else {
            Ok((active.checked_add(lot.open).ok_or(OutOfRange)?, pending))
        }
    })
}

#[cfg(test)]
pub(crate) mod tests;
