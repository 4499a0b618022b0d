//! What a receipt is worth now, and would be under the candidate.

use domain::account::{Cause, Entry, VatShare};
use domain::earning::{self, Circumstances};
use domain::programme::Programme;
use domain::receipt::ReceiptKey;
use store::account::{self, AccountId};
use store::db::Read;
use store::history::{self, History, Sites};
use store::receipt::{self, StoredReceipt};
use store::{Site, StoreError};

use crate::{App, Task, WorkError};

const SITES: Sites = Sites {
    entries: Site::RecountEntries,
    returns: Site::RecountReturns,
};

/// Points of a receipt.
#[derive(Debug)]
pub(crate) struct Worth {
    pub(crate) before: i64,
    pub(crate) after: i64,
    /// The history, once the receipt is posted.
    pub(crate) posted: Option<Posted>,
}

/// A posted receipt.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) history: History,
    /// The difference by VAT class.
    pub(crate) vat: Vec<VatShare>,
    /// What the candidate's cap of the day left.
    pub(crate) day_left: Option<i64>,
}

impl App {
    /// Counts what is left of a receipt. One that is not posted yet is worth what its till was told.
    pub(crate) async fn worth(&self, task: &Task, id: &AccountId, stored: &StoredReceipt) -> Result<Worth, WorkError> {
        let candidate = &*task.candidate;
        let Some(history) = history::read(&self.db, SITES, id, stored, None).await? else {
            let known = stored.circumstances(false, None);
            return Ok(Worth {
                before: stored.expected_points,
                after: earning::earn(&stored.receipt, candidate, &known)?.points,
                posted: None,
            });
        };
        let known = self.known(candidate, id, stored, &history.sale).await?;
        let left = &history.remaining.receipt;
        let after = earning::earn(left, candidate, &known)?;
        let was = self.programmes.version(
            &self.db,
            Site::RecountProgramme,
            &id.tenant,
            &id.programme,
            history.programme_version,
        );
        let was = was.await?.ok_or(WorkError::NoProgramme)?;
        let before = earning::earn(left, &was, &history.known)?;
        let vat = earning::vat_change((left, &before, history.points), (left, &after, after.points))?;
        Ok(Worth {
            before: history.points,
            after: after.points,
            posted: Some(Posted {
                history,
                vat,
                day_left: known.day_left,
            }),
        })
    }

    /// What the receipt was counted with, and what the candidate's cap of a day leaves for it.
    async fn known(
        &self,
        candidate: &Programme,
        id: &AccountId,
        stored: &StoredReceipt,
        sale: &Entry,
    ) -> Result<Circumstances, WorkError> {
        let mut known = stored.counted_with(sale);
        known.day_left = match candidate.caps.day {
            None => None,
            Some(cap) => Some(self.day_left(candidate, id, sale, cap).await?),
        };
        Ok(known)
    }

    /// What a cap leaves after the receipts of the same day that were posted before: counted under the candidate too, in the
    /// order of their posting.
    async fn day_left(&self, candidate: &Programme, id: &AccountId, sale: &Entry, cap: i64) -> Result<i64, WorkError> {
        let day = sale.business_date;
        let earlier = account::receipts_of_day(&self.db, Site::RecountEntries, id, day, sale.version).await?;
        let mut left = cap;
        for entry in earlier {
            if left == 0 {
                break;
            }
            let Cause::Receipt { receipt, .. } = &entry.cause else {
                continue;
            };
            let stored = self.sold(id, receipt).await?;
            let mut known = stored.counted_with(&entry);
            known.day_left = Some(left);
            let earned = earning::earn(&stored.receipt, candidate, &known)?;
            left = left.saturating_sub(earned.points).max(0);
        }
        Ok(left)
    }

    pub(crate) async fn sold(&self, id: &AccountId, key: &ReceiptKey) -> Result<StoredReceipt, WorkError> {
        let site = Site::RecountReceipts;
        let found = receipt::read(&self.db, site, &id.tenant, key, Read::Strong).await?;
        let found = found.ok_or_else(|| StoreError::Unreadable {
            site,
            reason: "an entry names a receipt that is not in the table".to_owned(),
        })?;
        Ok(found.d)
    }
}
