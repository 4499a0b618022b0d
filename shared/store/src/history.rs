//! A receipt with everything that the ledger says about it: its own entry, what came back, how often it was counted again.
//!
//! Which returns a receipt has stands on the receipt; which of them are posted, in the ledger. What remains is folded from both
//! at each look, in the order of posting, so that nothing is kept beside the facts.

use domain::account::{Cause, Entry, receipt_entry_id, return_entry_id, void_entry_id};
use domain::earning::Circumstances;
use domain::money::OutOfRange;
use domain::returns::{Outcome, Remaining};
use faults::Site;

use crate::account::{self, AccountId};
use crate::db::Db;
use crate::error::StoreError;
use crate::receipt::StoredReceipt;
use crate::returned::{self, StoredReturn};

/// Why the history of a receipt cannot be told.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HistoryError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An amount is too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The ledger names a return that the receipt does not know.
    #[error("an entry names a return that is not in the table")]
    NoReturn,
}

/// Something that takes goods or the whole receipt back.
#[derive(Debug, Clone)]
pub enum TakingBack {
    /// A return.
    Return(Box<StoredReturn>),
    /// The receipt was voided.
    Void,
}

impl TakingBack {
    /// What it leaves.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn off(&self, remaining: &Remaining) -> Result<Outcome, OutOfRange> {
        match self {
            Self::Return(stored) => remaining.less(&stored.back),
            Self::Void => Ok(remaining.nothing()),
        }
    }
}

/// What became of a receipt.
#[derive(Debug, Clone)]
pub struct History {
    /// The entry that posted it.
    pub sale: Entry,
    /// What is left of it after what is posted.
    pub remaining: Remaining,
    /// Points that it is worth after what is posted.
    pub points: i64,
    /// The version of the programme that it was last counted with.
    pub programme_version: u32,
    /// Points of its lot that had expired and were forgiven to its returns and recounts.
    pub forgiven: i64,
    /// What it was last counted with.
    pub known: Circumstances,
    /// Posted returns that were too much.
    pub surplus: Vec<StoredReturn>,
    /// What is to be posted next.
    pub next: Option<TakingBack>,
}

/// Where a reader of histories stands, for faults and meters.
#[derive(Debug, Clone, Copy)]
pub struct Sites {
    /// Entries are read.
    pub entries: Site,
    /// Returns are read.
    pub returns: Site,
}

/// The history of a receipt in an account, up to the entry before the version `until` when one is given. `None` while its own
/// entry does not stand.
///
/// # Errors
/// [`HistoryError`].
pub async fn read(
    db: &Db,
    sites: Sites,
    id: &AccountId,
    stored: &StoredReceipt,
    until: Option<u64>,
) -> Result<Option<History>, HistoryError> {
    let backs = returned::read_all(db, sites.returns, &id.tenant, &stored.returns).await?;
    let mut names = vec![receipt_entry_id(&stored.receipt.key)];
    names.extend(stored.returns.iter().map(return_entry_id));
    names.extend(stored.voided.is_some().then(|| void_entry_id(&stored.receipt.key)));
    names.extend(stored.recounts.iter().cloned());
    let entries = account::entries(db, sites.entries, id, &names).await?;
    let mut entries: Vec<_> = entries.into_iter().map(|record| record.d).collect();
    entries.retain(|entry| until.is_none_or(|until| entry.version < until));
    entries.sort_by_key(|entry| entry.version);
    let is_sale = |entry: &Entry| matches!(entry.cause, Cause::Receipt { .. });
    let Some(at) = entries.iter().position(is_sale) else {
        return Ok(None);
    };
    let sale = entries.remove(at);
    let mut history = History {
        remaining: Remaining::of(&stored.receipt),
        points: sale.points,
        programme_version: sale.programme_version,
        known: stored.counted_with(&sale),
        forgiven: 0,
        surplus: Vec::new(),
        next: None,
        sale,
    };
    for entry in &entries {
        history.add(entry, &backs)?;
    }
    history.next = next(stored, &entries, backs);
    Ok(Some(history))
}

impl History {
    /// What of `expired`, the points of its lot that nobody was forgiven yet, this receipt can still be forgiven: no more than
    /// it put into that lot.
    pub fn forgivable(&self, expired: i64) -> i64 {
        expired.min(self.sale.points.saturating_sub(self.forgiven)).max(0)
    }

    fn add(&mut self, entry: &Entry, backs: &[StoredReturn]) -> Result<(), HistoryError> {
        match &entry.cause {
            Cause::Return {
                receipt,
                void,
                points_after,
                forgiven,
                ..
            } => {
                let back = if *void {
                    TakingBack::Void
                } else {
                    let back = backs.iter().find(|back| back.back.key == *receipt);
                    TakingBack::Return(Box::new(back.ok_or(HistoryError::NoReturn)?.clone()))
                };
                let outcome = back.off(&self.remaining)?;
                if let (TakingBack::Return(back), false) = (back, outcome.excess.is_empty()) {
                    self.surplus.push(*back);
                }
                self.remaining = outcome.remaining;
                self.points = *points_after;
                self.forgiven = self.forgiven.saturating_add(*forgiven);
            }
            Cause::Recalculation {
                points_after,
                day_left,
                forgiven,
                ..
            } => {
                self.points = *points_after;
                self.forgiven = self.forgiven.saturating_add(*forgiven);
                self.known.day_left = *day_left;
                self.programme_version = entry.programme_version;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The first return, in the order of arrival, or else the voiding, that has no entry.
fn next(stored: &StoredReceipt, entries: &[Entry], backs: Vec<StoredReturn>) -> Option<TakingBack> {
    let stands = |name: &str| entries.iter().any(|entry| entry.natural_id() == name);
    let open = backs
        .into_iter()
        .find(|back| !stands(&return_entry_id(&back.back.key)))
        .map(|back| TakingBack::Return(Box::new(back)));
    let void = || {
        let open = stored.voided.is_some() && !stands(&void_entry_id(&stored.receipt.key));
        open.then_some(TakingBack::Void)
    };
    open.or_else(void)
}
