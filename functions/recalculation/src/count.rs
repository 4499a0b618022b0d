//! The receipts of a location are counted, day by day and page by page.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::LocationId;
use messages::RecalculationMessage;
use runtime::sqs::Deadline;
use store::recalculation::{self, Difference, Part, PartName, Sums};
use store::{Site, receipt};

use crate::{App, Task, WorkError};

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
        let mut part = recalculation::part(&self.db, Site::RecountPart, tenant, run, &name).await?;
        while !part.done {
            if deadline.is_near() {
                let rest = RecalculationMessage::CountStore {
                    tenant: tenant.clone(),
                    run: run.clone(),
                    store,
                };
                return self.hand_on(&[rest]).await;
            }
            let next = self.count_page(task, &store, &part, now).await?;
            let site = Site::RecountAdvance;
            if !recalculation::advance(&self.db, site, tenant, run, &name, next.clone(), now).await? {
                // Another worker has made this step, and goes on.
                return Ok(());
            }
            part = next;
        }
        Ok(())
    }

    /// Counts a page and keeps its differences; the part as it is after it.
    async fn count_page(
        &self,
        task: &Task,
        store: &LocationId,
        part: &Part,
        now: DateTime<Utc>,
    ) -> Result<Part, WorkError> {
        let day = part.day.unwrap_or(task.run.from);
        let site = Site::RecountReceipts;
        let after = part.after.clone();
        let (page, next) = receipt::of_day(&self.db, site, &task.tenant, store, day, after).await?;
        let mut sums = part.sums;
        for record in page {
            let stored = record.d;
            if stored.programme != task.run.programme {
                continue;
            }
            let Some(party) = stored.account.clone() else {
                sums.add(&Sums {
                    unmatched: 1,
                    ..Sums::default()
                });
                continue;
            };
            let id = task.account(party.clone());
            let worth = self.worth(task, &id, &stored).await?;
            sums.count(worth.before, worth.after);
            if worth.before != worth.after {
                let difference = Difference {
                    party,
                    receipt: stored.receipt.key,
                    points_before: worth.before,
                    points_after: worth.after,
                };
                let (site, run) = (Site::RecountDifference, &task.run.id);
                recalculation::keep(&self.db, site, &task.tenant, run, difference, now).await?;
            }
        }
        let version = part.version.saturating_add(1);
        Ok(after_page(task.run.until, day, next, version, sums))
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
