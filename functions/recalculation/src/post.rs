//! Approved differences become entries of the ledger.
//!
//! A receipt is counted once more when it is posted, so that what came back since is not given twice. Its entry is named after
//! the run, so that it is posted once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::account::{Account, Cause, LotKey, Recount, recount_entry_id};
use domain::calendar;
use messages::RecalculationMessage;
use runtime::sqs::Deadline;
use store::Site;
use store::account::{self, AccountId, Committed};
use store::db::Read;
use store::recalculation::{self, Difference, Part, PartName};
use store::receipt::RECOUNTS_MAX;

use crate::worth::Worth;
use crate::{App, Days, Task, WorkError};

/// Rounds against other writers of the account before the message is given back.
const ROUNDS_MAX: u32 = 20;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// What became of a difference.
enum Posted {
    /// Its entry stands, with these points before and after.
    Entry(i64, i64),
    /// The receipt is not as it was when it was counted: it is left alone.
    Skipped,
    /// It cannot be posted.
    Failed,
}

impl App {
    /// Posts what is left of a shard. What the time does not suffice for goes back to the queue.
    pub(crate) async fn post_shard(
        &self,
        task: &Task,
        shard: u8,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let (tenant, run) = (&task.tenant, &task.run.id);
        let name = PartName::Post(shard);
        let mut days = Days::default();
        loop {
            // As for counting: who has lost the race for a step goes on with the next.
            let part = recalculation::part(&self.db, Site::RecountPart, tenant, run, &name).await?;
            if part.done {
                return Ok(());
            }
            let site = Site::RecountDifferences;
            let (page, next) =
                recalculation::differences(&self.db, site, tenant, run, shard, part.after.clone()).await?;
            let mut step = Part {
                version: part.version.saturating_add(1),
                after: next,
                ..part.clone()
            };
            step.done = step.after.is_none();
            for record in page {
                if deadline.is_near() {
                    // What is posted of the page is found posted by the next worker.
                    let rest = RecalculationMessage::PostShard {
                        tenant: tenant.clone(),
                        run: run.clone(),
                        shard,
                    };
                    return self.hand_on(&[rest]).await;
                }
                match self.post_one(task, record.d, &mut days, now).await? {
                    Posted::Entry(before, after) => step.sums.count(before, after),
                    Posted::Skipped => step.sums.skipped = step.sums.skipped.saturating_add(1),
                    Posted::Failed => step.sums.failed = step.sums.failed.saturating_add(1),
                }
            }
            recalculation::advance(&self.db, Site::RecountAdvance, tenant, run, &name, step, now).await?;
        }
    }

    /// Posts one difference. One that cannot be posted holds up no other.
    async fn post_one(
        &self,
        task: &Task,
        difference: Difference,
        days: &mut Days,
        now: DateTime<Utc>,
    ) -> Result<Posted, WorkError> {
        let receipt = difference.receipt.clone();
        match self.post_difference(task, difference, days, now).await {
            Err(error) if !error.is_transient() => {
                tracing::error!(%error, %receipt, "a receipt cannot be corrected");
                Ok(Posted::Failed)
            }
            posted => posted,
        }
    }

    /// Posts one difference, unless its entry stands from an earlier try.
    async fn post_difference(
        &self,
        task: &Task,
        difference: Difference,
        days: &mut Days,
        now: DateTime<Utc>,
    ) -> Result<Posted, WorkError> {
        let id = task.account(difference.party);
        let name = recount_entry_id(task.run.id.as_str(), &difference.receipt);
        for round in 0..ROUNDS_MAX {
            tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
            let site = Site::RecountEntries;
            let standing = account::entries(&self.db, site, &id, std::slice::from_ref(&name)).await?;
            if let Some(Cause::Recalculation {
                points_before,
                points_after,
                ..
            }) = standing.first().map(|record| &record.d.cause)
            {
                return Ok(Posted::Entry(*points_before, *points_after));
            }
            let before = account::read(&self.db, Site::RecountAccount, &id, Read::Strong).await?;
            let stored = self.sold(&id, &difference.receipt).await?;
            if stored.recounts.len() >= RECOUNTS_MAX {
                return Err(WorkError::TooOften);
            }
            let Some(worth) = self.worth(task, &id, &stored, days).await? else {
                return Err(WorkError::NotPosted);
            };
            // Another run has corrected it since somebody looked: what was approved is not what would be posted.
            if !worth.differs || worth.history.programme_version != difference.counted_with {
                return Ok(Posted::Skipped);
            }
            let account = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
            let (points_before, points_after) = (worth.before, worth.after);
            let lot = lot(task, &worth, now);
            let recount = Recount {
                run: task.run.id.as_str(),
                receipt: &difference.receipt,
                points_before,
                points_after,
                expired: self.expired(task, &id, lot, &worth, now).await?,
                lot,
                vat: worth.vat,
                day_left: worth.day_left,
                programme_version: task.candidate.version,
            };
            let (entry, after) = account.recount(recount)?;
            let due = self.is_worth_vouchers(&id, &after).await?;
            let made = (&entry, &after, lot);
            if recalculation::commit(&self.db, &id, before.as_ref(), made, due, now).await? == Committed::Done {
                return Ok(Posted::Entry(points_before, points_after));
            }
        }
        Err(WorkError::Contended)
    }

    /// What of the lot has expired and this receipt can be forgiven; a lot whose last day is not over needs no look.
    async fn expired(
        &self,
        task: &Task,
        id: &AccountId,
        lot: LotKey,
        worth: &Worth,
        now: DateTime<Utc>,
    ) -> Result<i64, WorkError> {
        let today = calendar::business_day(now, task.candidate.zone);
        if worth.after >= worth.before || lot.until.is_none_or(|until| until >= today) {
            return Ok(0);
        }
        let closed = account::closed_lot(&self.db, Site::RecountLot, id, lot).await?;
        Ok(worth.history.forgivable(closed.left()))
    }

    /// Whether the account is worth vouchers under the version in force.
    async fn is_worth_vouchers(&self, id: &AccountId, account: &Account) -> Result<bool, WorkError> {
        let site = Site::RecountProgramme;
        let current = self.programmes.current(&self.db, site, &id.tenant, &id.programme);
        Ok(account.vouchers_due(&*current.await?.ok_or(WorkError::NoProgramme)?) > 0)
    }
}

/// Where points go, or come from first: more as those of a late receipt, fewer out of the lot of their receipt.
fn lot(task: &Task, worth: &Worth, now: DateTime<Utc>) -> LotKey {
    let sale = &worth.history.sale;
    let today = calendar::business_day(now, task.candidate.zone);
    match &sale.cause {
        Cause::Receipt { lot: Some(lot), .. } if worth.after <= worth.before => *lot,
        _ => task.candidate.lot(sale.business_date, today),
    }
}
