//! What a receipt is worth now, and would be under the candidate.

use chrono::NaiveDate;
use domain::account::VatShare;
use domain::earning::{self, Circumstances, Earning, LineEarning};
use domain::programme::Programme;
use domain::receipt::ReceiptKey;
use store::account::{self, AccountId};
use store::db::Read;
use store::history::{self, History, Sites};
use store::receipt::{self, StoredReceipt};
use store::{Site, StoreError};

use crate::{App, Days, SHARES_MAX, Shares, Task, WorkError};

const SITES: Sites = Sites {
    entries: Site::RecountEntries,
    returns: Site::RecountReturns,
};

/// What a posted receipt is worth.
#[derive(Debug)]
pub(crate) struct Worth {
    pub(crate) before: i64,
    pub(crate) after: i64,
    /// Whether it is counted otherwise: to other points, or to the same from other lines, which the next return would tell.
    pub(crate) differs: bool,
    pub(crate) history: History,
    /// The difference by VAT class.
    pub(crate) vat: Vec<VatShare>,
    /// What the candidate's cap of the day left.
    pub(crate) day_left: Option<i64>,
}

impl App {
    /// Counts what is left of a receipt; `None` for one that is not posted yet.
    pub(crate) async fn worth(
        &self,
        task: &Task,
        id: &AccountId,
        stored: &StoredReceipt,
        days: &mut Days,
    ) -> Result<Option<Worth>, WorkError> {
        let candidate = &*task.candidate;
        let Some(history) = history::read(&self.db, SITES, id, stored, None).await? else {
            return Ok(None);
        };
        let known = self.known(candidate, id, &history, days).await?;
        let left = &history.remaining.receipt;
        let after = earning::earn(left, candidate, &known)?;
        let site = Site::RecountProgramme;
        let version = history.programme_version;
        let was = self
            .programmes
            .version(&self.db, site, &id.tenant, &id.programme, version);
        let was = was.await?.ok_or(WorkError::NoProgramme)?;
        let before = earning::earn(left, &was, &history.known)?;
        let vat = earning::vat_change((left, &before, history.points), (left, &after, after.points))?;
        Ok(Some(Worth {
            before: history.points,
            after: after.points,
            differs: history.points != after.points || !vat.is_empty() || !alike(&before, &after),
            vat,
            day_left: known.day_left,
            history,
        }))
    }

    /// What the receipt was counted with, and what the candidate's cap of a day leaves for it.
    async fn known(
        &self,
        candidate: &Programme,
        id: &AccountId,
        history: &History,
        days: &mut Days,
    ) -> Result<Circumstances, WorkError> {
        let mut known = history.known.clone();
        known.day_left = match candidate.caps.day {
            None => None,
            Some(cap) => Some(self.day_left(candidate, id, history, cap, days).await?),
        };
        Ok(known)
    }

    /// What a cap leaves after the receipts of the same day that were posted before. All receipts of an account and a day are
    /// counted at once, and remembered.
    async fn day_left(
        &self,
        candidate: &Programme,
        id: &AccountId,
        history: &History,
        cap: i64,
        days: &mut Days,
    ) -> Result<i64, WorkError> {
        let (day, version) = (history.sale.business_date, history.sale.version);
        let share = |shares: &Shares| {
            let found = shares.iter().find(|(of, _)| *of == version);
            found.map(|(_, left)| *left)
        };
        let key = (id.party.clone(), day);
        if let Some(left) = days.0.get(&key).and_then(share) {
            return Ok(left);
        }
        let shares = self.shares(candidate, id, day, cap).await?;
        // A voided receipt has no share: it is worth nothing whatever the cap.
        let left = share(&shares).unwrap_or(0);
        if days.0.len() >= SHARES_MAX {
            days.0.clear();
        }
        days.0.insert(key, shares);
        Ok(left)
    }

    /// What a cap leaves before each receipt of an account on a day, counted under the candidate in the order of their posting.
    async fn shares(
        &self,
        candidate: &Programme,
        id: &AccountId,
        day: NaiveDate,
        cap: i64,
    ) -> Result<Shares, WorkError> {
        let (mut shares, mut left) = (Shares::new(), cap);
        for of_day in account::receipts_of_day(&self.db, Site::RecountEntries, id, day).await? {
            let sale = &of_day.sale;
            shares.push((sale.version, left));
            let Some(receipt) = sale.posted_receipt().filter(|_| left > 0) else {
                continue;
            };
            let stored = self.sold(id, receipt).await?;
            let mut known = stored.counted_with(sale);
            known.day_left = Some(left);
            let earned = earning::earn(&stored.receipt, candidate, &known)?;
            left = left.saturating_sub(earned.points).max(0);
        }
        Ok(shares)
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

/// Whether the same lines count for the same, and the same bonuses are given. How nothing would count does not matter.
fn alike(before: &Earning, after: &Earning) -> bool {
    let lines = |earning: &Earning| -> Vec<_> {
        let lines = earning.lines.iter();
        let counts = |line: &LineEarning| (line.base_minor > 0).then_some((line.base_minor, line.percent));
        lines.map(counts).collect()
    };
    let bonuses = |earning: &Earning| -> Vec<_> {
        let bonuses = earning.bonuses.iter();
        bonuses.map(|bonus| (bonus.rule.clone(), bonus.points)).collect()
    };
    lines(before) == lines(after) && bonuses(before) == bonuses(after)
}
