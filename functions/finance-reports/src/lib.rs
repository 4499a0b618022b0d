//! Finance's books of a month (X9, X18): the roll-forward of open points and the settlement of vouchers, summed from the ledger.
//!
//! Every day the schedule asks, for each programme, for the month that is over; a month that has its report is left alone, so
//! that the work is done on the first day of a month, and what was left undone is taken up on the next. A run is worked off in
//! segments of the table, a message each. What a segment has summed is kept in parts that are written once
//! ([`store::finance`]); a worker whose time is over stores its part and sends the rest back. Who finds that all segments are
//! done writes the files and completes the run.
//!
//! | file | what |
//! |---|---|
//! | `segment` | a segment is worked off |
//! | `files` | the files of a report |

mod files;
mod segment;

use chrono::{DateTime, Utc};
use domain::id::{ProgrammeId, Tenant};
use domain::liability::Month;
use messages::{FinanceMessage, SendError, Sender, finance_segments};
use runtime::contained;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::finance::{self, BooksError, ReportId};
use store::{Db, Site, StoreError, location, programme};

pub use files::Files;

/// The function with what it holds on to between invocations.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queue_url: String,
    files: Files,
    programmes: programme::Cache,
}

/// Why a message must come again, or cannot be worked off at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReportError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The books do not add up, or are too large.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The queue did not take a message.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A file could not be written.
    #[error("a file of the report could not be written: {reason}")]
    File {
        /// The service's code, or what stands there.
        reason: String,
    },
    /// A programme is listed and not stored.
    #[error("a programme is not in the table")]
    NoProgramme,
    /// A message names a run that nobody began.
    #[error("the run was not begun")]
    NoRun,
    /// Other workers kept storing parts of the segment.
    #[error("other workers kept winning the race for the segment")]
    Contended,
    /// A handler panicked.
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl App {
    /// The function over a table, its own queue and the bucket of the reports.
    pub fn new(db: Db, sender: Sender, queue_url: String, files: Files) -> Self {
        Self {
            db,
            sender,
            queue_url,
            files,
            programmes: programme::Cache::default(),
        }
    }

    /// Asks for the books of the month that is over, for every programme that does not have them.
    ///
    /// # Errors
    /// [`ReportError`]; the next day asks again.
    pub async fn ask(&self, now: DateTime<Utc>) -> Result<(), ReportError> {
        let mut outcome = Ok(());
        for (tenant, programme) in programme::list(&self.db, Site::FinanceProgrammes).await? {
            if let Err(error) = self.ask_for(&tenant, &programme, now).await {
                // One programme that is in disorder holds up no other.
                tracing::error!(%error, %tenant, %programme, "a programme was not asked for its books");
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn ask_for(&self, tenant: &Tenant, programme: &ProgrammeId, now: DateTime<Utc>) -> Result<(), ReportError> {
        let current = self
            .programmes
            .current(&self.db, Site::FinanceProgramme, tenant, programme);
        let zone = current.await?.ok_or(ReportError::NoProgramme)?.zone;
        let id = ReportId {
            tenant: tenant.clone(),
            programme: programme.clone(),
            month: Month::latest_over(now, zone),
        };
        let (revision, segments) = match finance::latest(&self.db, Site::FinanceRun, &id).await? {
            Some(run) if run.d.result.is_some() => return Ok(()),
            // Asked for before: what is done stays done.
            Some(run) => (run.d.revision, run.d.segments),
            None => {
                let companies = location::companies(&self.db, Site::FinanceCompanies, tenant).await?;
                finance::begin(&self.db, Site::FinanceBegin, &id, 1, (zone, companies), now).await?;
                (1, finance::SEGMENTS)
            }
        };
        let segments = finance_segments((tenant, programme, id.month), revision, segments);
        Ok(self.sender.send(Site::FinanceSend, &self.queue_url, &segments).await?)
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<FinanceMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            let FinanceMessage::Segment {
                segment,
                month,
                revision,
                ..
            } = message;
            let worked = contained(Box::pin(self.work_off_segment(&message, deadline, now))).await;
            if let Err(error) = worked.map_err(ReportError::from).and_then(|worked| worked) {
                tracing::error!(%error, segment, %month, revision, "a segment of the books was not summed");
                failed.insert(id);
            }
        }
        failed
    }
}
