//! Approved differences become entries of the ledger.
//!
//! A receipt is counted once more when it is posted, so that what came back since is not given twice. Its entry is named after
//! the run, so that it is posted once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::account::{Cause, LotKey, Recount, recount_entry_id};
use domain::calendar;
use messages::RecalculationMessage;
use runtime::sqs::Deadline;
use store::Site;
use store::account::{self, AccountId, Committed};
use store::db::Read;
use store::recalculation::{self, Difference, Part, PartName};
use store::receipt::RECOUNTS_MAX;

use crate::worth::Posted;
use crate::{App, Task, WorkError};

/// Rounds against other writers of the account before the message is given back.
const ROUNDS_MAX: u32 = 20;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

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
        let mut part = recalculation::part(&self.db, Site::RecountPart, tenant, run, &name).await?;
        while !part.done {
            let site = Site::RecountDifferences;
            let after = part.after.clone();
            let (page, next) = recalculation::differences(&self.db, site, tenant, run, shard, after).await?;
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
                let (before, after) = self.post_difference(task, record.d, now).await?;
                step.sums.count(before, after);
            }
            let site = Site::RecountAdvance;
            if !recalculation::advance(&self.db, site, tenant, run, &name, step.clone(), now).await? {
                return Ok(());
            }
            part = step;
        }
        Ok(())
    }

    /// Posts one difference; the points before and after it, as they stand in its entry, now or from an earlier try.
    async fn post_difference(
        &self,
        task: &Task,
        difference: Difference,
        now: DateTime<Utc>,
    ) -> Result<(i64, i64), WorkError> {
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
                return Ok((*points_before, *points_after));
            }
            let before = account::read(&self.db, Site::RecountAccount, &id, Read::Strong).await?;
            let stored = self.sold(&id, &difference.receipt).await?;
            if stored.recounts.len() >= RECOUNTS_MAX {
                return Err(WorkError::TooOften);
            }
            let worth = self.worth(task, &id, &stored).await?;
            if worth.before == worth.after {
                return Ok((worth.before, worth.after));
            }
            // Its own posting comes first; the message comes again after it.
            let posted = worth.posted.ok_or(WorkError::Contended)?;
            let account = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
            let recount = Recount {
                run: task.run.id.as_str(),
                receipt: &difference.receipt,
                points_before: worth.before,
                points_after: worth.after,
                lot: lot(task, &posted, worth.after > worth.before, now),
                vat: posted.vat,
                day_left: posted.day_left,
                programme_version: task.candidate.version,
            };
            let (entry, after) = account.recount(recount)?;
            let due = self.is_worth_vouchers(&id, &after).await?;
            let made = (&entry, &after);
            let done = recalculation::commit(&self.db, &id, before.as_ref(), made, due, now).await?;
            if done == Committed::Done {
                return Ok((worth.before, worth.after));
            }
        }
        Err(WorkError::Contended)
    }

    /// Whether the account is worth vouchers under the version in force.
    async fn is_worth_vouchers(&self, id: &AccountId, account: &domain::account::Account) -> Result<bool, WorkError> {
        let site = Site::RecountProgramme;
        let current = self.programmes.current(&self.db, site, &id.tenant, &id.programme);
        Ok(account.vouchers_due(&*current.await?.ok_or(WorkError::NoProgramme)?) > 0)
    }
}

/// Where points go, or come from first: more as those of a late receipt, fewer out of the lot of their receipt.
fn lot(task: &Task, posted: &Posted, more: bool, now: DateTime<Utc>) -> LotKey {
    let day = posted.history.sale.business_date;
    let today = calendar::business_day(now, task.candidate.zone);
    match &posted.history.sale.cause {
        Cause::Receipt { lot: Some(lot), .. } if !more => *lot,
        _ => task.candidate.lot(day, today),
    }
}
