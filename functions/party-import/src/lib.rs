//! Files with parties are imported (issue of the party model, point 7; N1).
//!
//! A file put under `incoming/<tenant>/` begins a run. The file is cut into parts by bytes, a message each; a worker reads its
//! part, does the rows of a step side by side, writes what they rejected, and then stores the step: position and counts change
//! together. A worker whose time is over sends the rest back. What a row said the last time is kept with the id that leads to its
//! party ([`store::party::import`]): a row that says the same changes nothing, and one that was done before a crash is told by
//! its place.
//!
//! | file | what |
//! |---|---|
//! | `begin` | a file becomes a run with its parts |
//! | `part` | the rows of a part, step by step |
//! | `row` | a row becomes a party, or changes one |
//! | `card` | the card of a row |
//! | `finish` | what was rejected is put together, and the run completed |
//! | `objects` | the bucket |

mod begin;
mod card;
mod finish;
mod objects;
mod part;
mod row;

use std::time::Duration;

use chrono::{DateTime, Utc};
use messages::{ImportMessage, SendError, Sender};
use runtime::contained;
use runtime::secrets::Pepper;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::{Db, StoreError};

pub use objects::Objects;

/// Rounds of one message against a table, bucket or queue that does not answer.
const ROUNDS_MAX: u32 = 10;
/// Longest pause after the first of them; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_secs(2);

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queue_url: String,
    objects: Objects,
    pepper: Pepper,
}

/// Why work must come again, or cannot be done at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ImportError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take a message.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The bucket did not answer as it should.
    #[error("the bucket did not do what was asked at {site}: {code}")]
    Object {
        /// Where.
        site: &'static str,
        /// The service's code.
        code: String,
    },
    /// What a step has rejected cannot be read back.
    #[error("what was rejected cannot be read")]
    Unreadable,
    /// A message names a run that nobody began.
    #[error("the run was not begun")]
    NoRun,
    /// A message asks for the end of a run that has parts left.
    #[error("the run has parts that are not done")]
    NotDone,
    /// Other workers were quicker.
    #[error("other workers kept winning the race")]
    Contended,
    /// A handler panicked.
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl ImportError {
    /// Whether the same may succeed a moment later.
    const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Busy(_) | StoreError::Unknown(_))
                | Self::Send(_)
                | Self::Object { .. }
                | Self::Contended
        )
    }
}

impl App {
    /// The function over a table, its own queue and the buckets that its notifications name.
    pub const fn new(db: Db, sender: Sender, queue_url: String, objects: Objects, pepper: Pepper) -> Self {
        Self {
            db,
            sender,
            queue_url,
            objects,
            pepper,
        }
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<ImportMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            let worked = contained(Box::pin(self.work(&message, deadline, now))).await;
            if let Err(error) = worked.map_err(ImportError::from).and_then(|worked| worked) {
                tracing::error!(%error, "a part of an import was not done");
                failed.insert(id);
            }
        }
        failed
    }

    async fn work(&self, message: &ImportMessage, deadline: Deadline, now: DateTime<Utc>) -> Result<(), ImportError> {
        match message {
            ImportMessage::Part {
                tenant,
                run,
                revision,
                part,
            } => {
                for round in 1..=ROUNDS_MAX {
                    match Box::pin(self.part(tenant, (run, *revision), *part, deadline, now)).await {
                        // A table that is too busy is asked again from where the part stands: a message that fails stays hidden for
                        // half an hour.
                        Err(error) if error.may_pass() && deadline.leaves(PAUSE.saturating_mul(round)) => {
                            tracing::warn!(%error, round, "a part of an import goes on after a pause");
                            tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
                        }
                        done => return done,
                    }
                }
                self.part(tenant, (run, *revision), *part, deadline, now).await
            }
            ImportMessage::Finish { tenant, run, revision } => self.finish(tenant, (run, *revision), now).await,
        }
    }
}
