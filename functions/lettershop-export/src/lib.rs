//! The printer's file of a run (P1, P2, X5, X7): letters with their codes, sorted, with a manifest that is written last.
//!
//! The file is begun first: its upload, and what is agreed on with the printer. The letters of each shard of members are sorted into an
//! object of their own, as rows of the file but for their numbers and codes, and it is noted to whom they go. Then the objects are
//! merged into the file, which is uploaded in parts: behind each part the table keeps where the file goes on, with the state of its
//! hash. A worker that is killed is followed by one that merges again, passes over what stands, and writes the same bytes. Codes stand in
//! no object but the file: they are derived when it is written. The file is never overwritten.
//!
//! | file | what |
//! |---|---|
//! | `sort` | the letters of a shard are sorted |
//! | `piece` | a frozen member becomes a letter |
//! | `write` | the file is begun, and the objects are merged into it |
//! | `parts` | letters in their order become the parts of the file |
//! | `ahead` | what a thread works out while what came before is sent |
//! | `finish` | file and manifest stand, run and campaign move on |
//! | `stopped` | what was written of a run that was stopped is dropped |
//! | `sent` | letters that were sent are noted with their parties |
//! | `reprint` | letters that are printed again |
//! | `objects` | the bucket |

mod ahead;
mod finish;
mod objects;
mod parts;
mod piece;
mod reprint;
mod sent;
mod sort;
mod stopped;
mod write;

use chrono::{DateTime, Utc};
use domain::violation::Violation;
use lettershop::format::Encoder;
use lettershop::settings::Settings;
use messages::{LettershopMessage, SendError, Sender};
use runtime::contained;
use runtime::secrets::{CodeKeys, Pepper};
use runtime::sqs::{Deadline, Delivery, Failed};
use serde_json::Value;
use store::run::{self, Run, RunId, Stage};
use store::{Db, Record, Site, StoreError};

pub use objects::Objects;

/// The function with what it holds on to between batches.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queue_url: String,
    objects: Objects,
    pepper: Pepper,
    code_keys: CodeKeys,
    part_bytes: usize,
}

/// Bytes after which a part of the file is uploaded: the least that the service takes. Four of them are in memory at once: one that
/// is sent, one that waits, and one that is filled or finds no room, with what the client holds of the first.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Why a message must come again, or cannot be worked off at all. Carries no personal data and no codes.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take a message.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The bucket did not answer as it should.
    #[error("{}: the bucket answered {reason}", site.name())]
    Bucket {
        /// Where.
        site: Site,
        /// The service's code.
        reason: String,
    },
    /// A letter cannot be written.
    #[error(transparent)]
    Letter(#[from] lettershop::manifest::WriteError),
    /// A letter cannot be a row of the file.
    #[error(transparent)]
    Unwritable(#[from] lettershop::row::Unwritable),
    /// Sorted letters cannot be read, or contradict each other.
    #[error("the sorted letters cannot be merged: {0}")]
    Merge(String),
    /// What was agreed on with the printer has violations.
    #[error("the format that was agreed on with the printer is wrong: {0}")]
    Format(String),
    /// What is stored cannot be worked with.
    #[error("{0}")]
    Unusable(&'static str),
    /// The machine's disk.
    #[error("the disk of the function: {0}")]
    Disk(#[from] std::io::Error),
    /// What cannot be done in parts was not done in time.
    #[error("the time of the invocation is nearly over, and nothing of a reprint stands yet")]
    OutOfTime,
    /// Other workers kept getting on with the same.
    #[error("other workers kept winning the race for the file")]
    Contended,
    /// A handler panicked.
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl ExportError {
    fn format(violations: &[Violation]) -> Self {
        let found = violations
            .iter()
            .map(|found| format!("{} {}", found.pointer, found.code));
        Self::Format(found.collect::<Vec<_>>().join(", "))
    }
}

impl App {
    /// The function over a table, its own queue, the bucket and keys.
    pub fn new(
        db: Db,
        sender: Sender,
        queue_url: String,
        objects: Objects,
        pepper: Pepper,
        code_keys: CodeKeys,
    ) -> Self {
        Self {
            db,
            sender,
            queue_url,
            objects,
            pepper,
            code_keys,
            part_bytes: PART_BYTES,
        }
    }

    /// With parts of this size. The service asks for 5 MiB at least, but for the last one.
    #[must_use]
    pub const fn with_part_bytes(mut self, part_bytes: usize) -> Self {
        self.part_bytes = part_bytes;
        self
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<LettershopMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            let worked = contained(Box::pin(self.work_off_one(&message, deadline, now))).await;
            if let Err(error) = worked.map_err(ExportError::from).and_then(|worked| worked) {
                let of = told(&message);
                tracing::error!(%error, run = %of.run, revision = of.revision, "a part of a run's file was not made");
                failed.insert(id);
            }
        }
        failed
    }

    async fn work_off_one(
        &self,
        message: &LettershopMessage,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), ExportError> {
        let id = told(message);
        let left = match message {
            LettershopMessage::Reprint { reprint, .. } => {
                Box::pin(self.reprint(&id, reprint, deadline, now)).await?;
                false
            }
            LettershopMessage::Note { shard, .. } => Box::pin(self.note_letters(&id, *shard, deadline, now)).await?,
            LettershopMessage::Write { .. } => self.write_file(&id, deadline, now).await?,
        };
        if left {
            let rest = std::slice::from_ref(message);
            self.sender.send(Site::ExportSend, &self.queue_url, rest).await?;
        }
        Ok(())
    }

    /// Writes what is left of the file of a run; `true` when more is left than the time allows.
    async fn write_file(&self, id: &RunId, deadline: Deadline, now: DateTime<Utc>) -> Result<bool, ExportError> {
        let run = run::read(&self.db, Site::ExportRun, id).await?;
        let run = run.ok_or(ExportError::Unusable("the run was not begun"))?;
        match run.d.stage {
            Stage::Writing => Box::pin(self.write(id, &run, deadline, now)).await,
            Stage::Stopped => self.drop_stopped(id).await.map(|()| false),
            // Written, perhaps by a worker that died before it moved the campaign on.
            _ => self.after(id, &run, now).await.map(|()| false),
        }
    }

    /// The key that the run's codes are derived with.
    fn code_key(&self, run: &Record<Run>) -> Result<&[u8], ExportError> {
        let version = run.d.code_key_version.unwrap_or(self.code_keys.current);
        self.code_keys
            .key(version)
            .ok_or(ExportError::Unusable("the code key of the run is missing"))
    }

    /// What was agreed on with the printer, or what stands while nothing was.
    async fn settings(&self, id: &RunId) -> Result<Settings, ExportError> {
        let stored = store::lettershop::settings(&self.db, Site::ExportSettings, &id.tenant).await?;
        stored.map_or_else(|| Ok(Settings::default()), |stored| parsed(stored.d.document))
    }
}

/// What makes rows of the format that was agreed on.
fn encoder(settings: &Settings) -> Result<Encoder, ExportError> {
    Encoder::new(settings.format.clone()).map_err(|found| ExportError::format(&found))
}

fn parsed(document: Value) -> Result<Settings, ExportError> {
    let unreadable = |_| ExportError::Unusable("what was agreed on with the printer cannot be read");
    serde_json::from_value(document).map_err(unreadable)
}

/// Which run a message is about.
fn told(message: &LettershopMessage) -> RunId {
    let (LettershopMessage::Write { tenant, run, revision }
    | LettershopMessage::Note {
        tenant, run, revision, ..
    }
    | LettershopMessage::Reprint {
        tenant, run, revision, ..
    }) = message;
    RunId {
        tenant: tenant.clone(),
        run: run.clone(),
        revision: *revision,
    }
}
