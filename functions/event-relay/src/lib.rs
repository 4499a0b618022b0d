//! The table's stream is the outbox; this function empties it.
//!
//! Every committed fact that makes an event carries `topics`. The relay turns the images into messages (work for other
//! functions, news for the tills' middleware) and entries of the voucher feed. It may see a record twice and may die
//! anywhere: messages may then be sent twice, which their receivers bear, and the feed knows what it has published.
//!
//! A record that cannot be understood goes whole into the failures bucket and never holds up the records behind it.
//!
//! | file | what |
//! |---|---|
//! | `record` | a stream record becomes events |
//! | `feed` | voucher changes become numbered entries of the feed |
//! | `failures` | what cannot be understood is kept |

mod failures;
mod feed;
mod record;

pub use failures::Failures;

use chrono::{DateTime, Utc};
use messages::{IssuanceMessage, PosVoucherMessage, PostingMessage, SendError, Sender};
use serde::{Deserialize, Serialize};
use store::{Db, Site, StoreError, location};

use record::{Event, read};

/// A batch of the table's stream. Records are kept as they came, so that one that cannot be understood can be kept whole.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamEvent {
    /// The records, in the order of their shard.
    #[serde(rename = "Records")]
    pub records: Vec<serde_json::Value>,
}

/// The answer: the record from which the batch must come again, if any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamResponse {
    /// At most one failure: the platform goes back to its sequence number.
    #[serde(rename = "batchItemFailures")]
    pub batch_item_failures: Vec<StreamFailure>,
}

/// The record from which the batch must come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamFailure {
    /// Sequence number.
    #[serde(rename = "itemIdentifier")]
    pub item_identifier: String,
}

/// Where messages go.
#[derive(Debug, Clone)]
pub struct Queues {
    /// Work for point calculation.
    pub posting: String,
    /// Work for voucher issuance.
    pub issuance: String,
    /// News for the tills' middleware.
    pub pos_voucher: String,
}

/// Why a batch must come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("the failures bucket does not take a record ({0})")]
    Failures(String),
    #[error("other writers kept winning the race for the feed of a group")]
    FeedContended,
}

impl RelayError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Send(_) | Self::FeedContended => true,
            Self::Failures(_) => false,
        }
    }
}

/// The function with what it holds on to between batches.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queues: Queues,
    failures: Failures,
    locations: location::Cache,
}

/// What a batch comes to.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) posting: Vec<PostingMessage>,
    pub(crate) issuance: Vec<IssuanceMessage>,
    pub(crate) vouchers: Vec<feed::TenantChange>,
    pub(crate) failures: Vec<serde_json::Value>,
}

impl App {
    /// The relay over a table, queues and a bucket.
    pub fn new(db: Db, sender: Sender, queues: Queues, failures: Failures) -> Self {
        Self {
            db,
            sender,
            queues,
            failures,
            locations: location::Cache::default(),
        }
    }

    /// Relays a batch.
    ///
    /// # Errors
    /// When the batch fails for a reason that will not pass. What cannot be relayed at the moment is no error: the answer asks
    /// for the batch again.
    pub async fn relay(&self, event: StreamEvent, now: DateTime<Utc>) -> Result<StreamResponse, lambda_runtime::Error> {
        let first = event.records.first().and_then(sequence_number);
        let count = event.records.len();
        let work = sort(event.records);
        let outcome = self.carry_out(&work, now).await;
        let cost = self.db.meter().take();
        tracing::info!(
            records = count,
            posting = work.posting.len(),
            issuance = work.issuance.len(),
            vouchers = work.vouchers.len(),
            not_understood = work.failures.len(),
            table.requests = cost.requests,
            table.read_milli_units = cost.read_milli,
            table.write_milli_units = cost.write_milli,
            "relayed"
        );
        match (outcome, first) {
            (Ok(()), _) => Ok(StreamResponse::default()),
            (Err(error), Some(item_identifier)) if error.is_transient() => {
                tracing::warn!(%error, "the batch comes again");
                Ok(StreamResponse {
                    batch_item_failures: vec![StreamFailure { item_identifier }],
                })
            }
            // Fails again in the same way: as an error the platform halves the batch until the culprit stands alone.
            (Err(error), _) => Err(error.to_string().into()),
        }
    }

    async fn carry_out(&self, work: &Work, now: DateTime<Utc>) -> Result<(), RelayError> {
        for record in &work.failures {
            self.failures.keep(record).await?;
        }
        self.sender
            .send(Site::RelaySendPosting, &self.queues.posting, &work.posting)
            .await?;
        self.sender
            .send(Site::RelaySendIssuance, &self.queues.issuance, &work.issuance)
            .await?;
        let news: Vec<PosVoucherMessage> = self.publish(&work.vouchers, now).await?;
        self.sender
            .send(Site::RelaySendPosVoucher, &self.queues.pos_voucher, &news)
            .await?;
        Ok(())
    }
}

/// Sorts the records of a batch by what they come to. The same work asked for twice is done once.
fn sort(records: Vec<serde_json::Value>) -> Work {
    let mut work = Work::default();
    for record in records {
        match read(&record) {
            Ok(events) => events.into_iter().for_each(|event| match event {
                Event::Posting(message) => work.posting.push(message),
                Event::Issuance(message) if !work.issuance.contains(&message) => work.issuance.push(message),
                Event::Issuance(_) => {}
                Event::Voucher(change) => work.vouchers.push(*change),
            }),
            Err(reason) => {
                tracing::error!(%reason, "a stream record cannot be understood");
                work.failures.push(record);
            }
        }
    }
    work
}

fn sequence_number(record: &serde_json::Value) -> Option<String> {
    record.pointer("/dynamodb/SequenceNumber")?.as_str().map(str::to_owned)
}
