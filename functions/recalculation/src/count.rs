//! The receipts of a location are counted, day by day and page by page.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::LocationId;
use messages::RecalculationMessage;
use runtime::sqs::Deadline;
use store::recalculation::{self, Difference, Part, PartName, Sums};
use store::receipt::{RECOUNTS_MAX, StoredReceipt};
use store::{Site, receipt};

use crate::{App, Days, Task, WorkError};

impl App {
    /// Counts what is left of a location. What the time does not suffice for goes back to the queue.
    pub(crate) async fn count_store(
        &self,
        task: &Task,
        store: LocationId,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let (tenant, run) = (&task.tenant, &task.run.id);
        let name = PartName::Count(store.clone());
        let mut days = Days::default();
        loop {
            // Read anew for each step: who has lost the race for one goes on with the next. A worker cannot leave it to the
            // other, which may be itself, when the answer to its write was lost.
            let part = recalculation::part(&self.db, Site::RecountPart, tenant, run, &name).await?;
            if part.done {
                return Ok(());
            }
            if deadline.is_near() {
                let rest = RecalculationMessage::CountStore {
                    tenant: tenant.clone(),
                    run: run.clone(),
                    store,
                };
                return self.hand_on(&[rest]).await;
            }
            let next = self.count_page(task, &store, &part, &mut days, (deadline, now)).await?;
            recalculation::advance(&self.db, Site::RecountAdvance, tenant, run, &name, next, now).await?;
        }
    }

    /// Counts a page, or as much of it as there is time for, and keeps its differences; the part as it is after that.
    async fn count_page(
        &self,
        task: &Task,
        store: &LocationId,
        part: &Part,
        days: &mut Days,
        (deadline, now): (Deadline, DateTime<Utc>),
    ) -> Result<Part, WorkError> {
        let day = part.day.unwrap_or(task.run.from);
        let site = Site::RecountReceipts;
        let (page, next) = receipt::of_day(&self.db, site, &task.tenant, store, day, part.after.clone()).await?;
        let (mut sums, mut after) = (part.sums, part.after.clone());
        let version = part.version.saturating_add(1);
        for record in page {
            if deadline.is_near() {
                return Ok(Part {
                    version,
                    day: Some(day),
                    after,
                    done: false,
                    sums,
                });
            }
            let position = record.sk.clone();
            if record.d.programme == task.run.programme {
                sums.add(&self.count_receipt(task, record.d, days, now).await?);
            }
            after = Some(position);
        }
        Ok(after_page(task.run.until, day, next, version, sums))
    }

    /// Counts one receipt. One that cannot be counted holds up no other.
    async fn count_receipt(
        &self,
        task: &Task,
        stored: StoredReceipt,
        days: &mut Days,
        now: DateTime<Utc>,
    ) -> Result<Sums, WorkError> {
        let mut sums = Sums::default();
        let Some(party) = stored.account.clone() else {
            sums.unmatched = 1;
            return Ok(sums);
        };
        let id = task.account(party.clone());
        let worth = match self.worth(task, &id, &stored, days).await {
            Err(error) if !error.is_transient() => {
                tracing::error!(%error, receipt = %stored.receipt.key, "a receipt cannot be counted again");
                sums.failed = 1;
                return Ok(sums);
            }
            worth => worth?,
        };
        let Some(worth) = worth else {
            sums.unposted = 1;
            return Ok(sums);
        };
        if worth.differs && stored.recounts.len() >= RECOUNTS_MAX {
            tracing::error!(receipt = %stored.receipt.key, "a receipt was counted again as often as it can be");
            sums.failed = 1;
            return Ok(sums);
        }
        sums.count(worth.before, worth.after);
        if worth.differs {
            let difference = Difference {
                party,
                receipt: stored.receipt.key,
                points_before: worth.before,
                points_after: worth.after,
                counted_with: worth.history.programme_version,
            };
            let (site, run) = (Site::RecountDifference, &task.run.id);
            recalculation::keep(&self.db, site, &task.tenant, run, difference, now).await?;
        }
        Ok(sums)
    }
}

/// Where a part goes on: on the same day, on the next one, or not at all.
fn after_page(until: NaiveDate, day: NaiveDate, next: Option<String>, version: u64, sums: Sums) -> Part {
    let following = day.succ_opt().filter(|following| *following <= until);
    let (day, after, done) = match next {
        Some(after) => (day, Some(after), false),
        None => (following.unwrap_or(day), None, following.is_none()),
    };
    Part {
        version,
        day: Some(day),
        after,
        done,
        sums,
    }
}
