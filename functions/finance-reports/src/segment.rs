//! A segment of the table is worked off.

use std::time::Duration;

use chrono::{DateTime, Utc};
use messages::FinanceMessage;
use runtime::sqs::Deadline;
use store::finance::{self, Bounds, PART_ROWS_MAX, ReportId, Run, Scope, Sites};
use store::scan::Segment;
use store::{Record, Site};

use crate::{App, ReportError};

/// Parts of one segment that one message stores, and rounds lost to other workers among them.
const PARTS_MAX: u32 = 10_000;

/// What bringing the parts together and writing the files may take: half of an invocation.
const FINISH_TIME: Duration = Duration::from_secs(140);

/// Whether there is time for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    /// The segment is done.
    Done,
    /// The time is over; what is left needs another message.
    Left,
}

impl App {
    /// Sums what is left of a segment, and finishes the run when no other segment is left either.
    pub(crate) async fn work_off_segment(
        &self,
        message: &FinanceMessage,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), ReportError> {
        let FinanceMessage::Segment {
            tenant,
            programme,
            month,
            revision,
            segment,
        } = message;
        let id = ReportId {
            tenant: tenant.clone(),
            programme: programme.clone(),
            month: *month,
        };
        let run = finance::run(&self.db, Site::FinanceRun, &id, *revision).await?;
        let run = run.ok_or(ReportError::NoRun)?;
        if run.d.result.is_some() {
            return Ok(());
        }
        let worked = self.sum(&id, &run.d, *segment, deadline, now).await?;
        if worked == Worked::Done && !self.all_done(&id, &run.d).await? {
            return Ok(());
        }
        if worked == Worked::Left || !deadline.leaves(FINISH_TIME) {
            let rest = std::slice::from_ref(message);
            return Ok(self.sender.send(Site::FinanceSend, &self.queue_url, rest).await?);
        }
        self.finish(&id, &run, now).await
    }

    async fn sum(
        &self,
        id: &ReportId,
        run: &Run,
        segment: u8,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<Worked, ReportError> {
        let scope = Scope {
            id: id.clone(),
            zone: run.zone,
            segment: Segment {
                index: i32::from(segment),
                of: i32::from(run.segments),
            },
            sites: Sites {
                scan: Site::FinanceScan,
                ledger: Site::FinanceLedger,
            },
        };
        for _ in 0..PARTS_MAX {
            let last = finance::last_part(&self.db, Site::FinanceParts, id, run.revision, segment).await?;
            let (number, after) = match last {
                None => (0, None),
                Some(part) if part.next.is_none() => return Ok(Worked::Done),
                Some(part) => (part.number.saturating_add(1), part.next),
            };
            let stop = |rows: usize| rows >= PART_ROWS_MAX || deadline.is_near();
            let (books, next) = finance::walk(&self.db, &scope, Bounds { after, stop: &stop }).await?;
            let (place, is_last) = ((id, run.revision, segment), next.is_none());
            // Where another worker has stored this part, ours is dropped: theirs says where to go on.
            let stored = finance::store_part(&self.db, Site::FinancePart, place, number, &books, next, now).await?;
            if deadline.is_near() {
                // Another invocation goes on behind this part, with all of its time.
                return Ok(if stored && is_last { Worked::Done } else { Worked::Left });
            }
        }
        Err(ReportError::Contended)
    }

    async fn all_done(&self, id: &ReportId, run: &Run) -> Result<bool, ReportError> {
        for segment in 0..run.segments {
            let last = finance::last_part(&self.db, Site::FinanceParts, id, run.revision, segment).await?;
            if last.is_none_or(|part| part.next.is_some()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the files and completes the run. Several workers may find all segments done: they write the same, and one of
    /// them completes.
    async fn finish(&self, id: &ReportId, run: &Record<Run>, now: DateTime<Utc>) -> Result<(), ReportError> {
        let books = finance::merged(&self.db, Site::FinanceParts, id, &run.d).await?;
        let result = self.files.write(id, run, &books).await?;
        let (accounts, rows) = (result.accounts, result.rows);
        if finance::complete(&self.db, Site::FinanceComplete, run, result, now).await? {
            let (month, revision) = (id.month, run.d.revision);
            tracing::info!(%month, revision, accounts, rows, "the books of a month are written");
        }
        Ok(())
    }
}
