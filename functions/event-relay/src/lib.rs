//! The table's stream is the outbox; this function empties it.
//!
//! Every committed fact that makes an event carries `topics`. The relay turns the images into messages (work for other
//! functions, news for the tills' middleware) and entries of the voucher feed. It may see a record twice and may die
//! anywhere: messages may then be sent twice, which their receivers bear, and the feed knows what it has published.
//!
//! A record that cannot be understood, it or an item that it meets, goes whole into the failures bucket and does not hold up the
//! records behind it. Whatever may pass makes the batch come again, for as long as the stream keeps it.
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
use messages::{
    CampaignResultMessage, IssuanceMessage, PartyMessage, PosVoucherMessage, PostingMessage, PrivacyMessage,
    RecalculationMessage, SearchIndexMessage, SendError, Sender, WorkflowMessage,
};
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
    /// Work for recalculation.
    pub recalculation: String,
    /// Changes of parties, for other systems.
    pub party_feed: String,
    /// Work for the search index.
    pub search_index: String,
    /// Work for the workflows.
    pub workflow: String,
    /// Work for the erasure of parties.
    pub privacy: String,
    /// Changes of runs' vouchers, for their results.
    pub campaign_results: String,
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
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl RelayError {
    /// Whether this very record is at fault and will be for ever: an item in its way has another shape, or the table finds
    /// its content invalid. Missing rights, queues or tables are not the record's fault and can be mended.
    fn is_of_the_record(&self) -> bool {
        match self {
            Self::Store(StoreError::Unreadable { .. }) | Self::Panicked(_) => true,
            Self::Store(StoreError::Refused { code, .. }) => [
                "ValidationException",
                "ValidationError",
                "ItemCollectionSizeLimitExceeded",
            ]
            .contains(&code.as_str()),
            _ => false,
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
    pub(crate) recalculation: Vec<RecalculationMessage>,
    pub(crate) search_index: Vec<SearchIndexMessage>,
    pub(crate) privacy: Vec<PrivacyMessage>,
    pub(crate) results: Vec<CampaignResultMessage>,
    pub(crate) vouchers: Vec<feed::TenantChange>,
    pub(crate) parties: Vec<PartyMessage>,
    pub(crate) workflows: Vec<WorkflowMessage>,
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

    /// Relays a batch. The answer names the record from which on it must come again, if any.
    pub async fn relay(&self, event: StreamEvent, now: DateTime<Utc>) -> StreamResponse {
        let records = event.records;
        let mut outcome = self.relay_together(&records, now).await.map_err(|error| (0, error));
        if outcome.as_ref().is_err_and(|(_, error)| error.is_of_the_record()) {
            outcome = self.relay_one_by_one(&records, now).await;
        }
        let cost = self.db.meter().take();
        tracing::info!(
            records = records.len(),
            table.requests = cost.requests,
            table.read_milli_units = cost.read_milli,
            table.write_milli_units = cost.write_milli,
            "relayed"
        );
        let Err((from, error)) = outcome else {
            return StreamResponse::default();
        };
        tracing::warn!(%error, from, "the batch comes again");
        // A record without a number fails the whole batch, which is the same.
        let item_identifier = records.get(from).and_then(sequence_number).unwrap_or_default();
        StreamResponse {
            batch_item_failures: vec![StreamFailure { item_identifier }],
        }
    }

    async fn relay_together(&self, records: &[serde_json::Value], now: DateTime<Utc>) -> Result<(), RelayError> {
        let work = sort(records);
        tracing::info!(
            posting = work.posting.len(),
            issuance = work.issuance.len(),
            vouchers = work.vouchers.len(),
            not_understood = work.failures.len(),
            "sorted"
        );
        // Boxed: the futures of the clients are large, and this one stands inside two others.
        runtime::contained(Box::pin(self.carry_out(&work, now))).await?
    }

    /// Finds the record that is at fault and puts it aside; the others are relayed, some of them again.
    async fn relay_one_by_one(
        &self,
        records: &[serde_json::Value],
        now: DateTime<Utc>,
    ) -> Result<(), (usize, RelayError)> {
        for (index, record) in records.iter().enumerate() {
            let relayed = match self.relay_together(std::slice::from_ref(record), now).await {
                Err(error) if error.is_of_the_record() => {
                    // The same words as for a record that makes no sense by itself: the alarm listens to them.
                    tracing::error!(reason = %error, "a stream record cannot be understood");
                    self.failures.keep(record).await
                }
                other => other,
            };
            relayed.map_err(|error| (index, error))?;
        }
        Ok(())
    }

    /// What can be done first; a bucket that does not answer holds up nobody else.
    async fn carry_out(&self, work: &Work, now: DateTime<Utc>) -> Result<(), RelayError> {
        self.sender
            .send(Site::RelaySendPosting, &self.queues.posting, &work.posting)
            .await?;
        self.sender
            .send(Site::RelaySendIssuance, &self.queues.issuance, &work.issuance)
            .await?;
        self.sender
            .send(
                Site::RelaySendRecalculation,
                &self.queues.recalculation,
                &work.recalculation,
            )
            .await?;
        self.sender
            .send(
                Site::RelaySendSearchIndex,
                &self.queues.search_index,
                &work.search_index,
            )
            .await?;
        self.sender
            .send(Site::RelaySendPrivacy, &self.queues.privacy, &work.privacy)
            .await?;
        self.sender
            .send(Site::RelaySendResults, &self.queues.campaign_results, &work.results)
            .await?;
        let news: Vec<PosVoucherMessage> = self.publish(&work.vouchers, now).await?;
        self.sender
            .send(Site::RelaySendPosVoucher, &self.queues.pos_voucher, &news)
            .await?;
        self.sender
            .send(Site::RelaySendPartyFeed, &self.queues.party_feed, &work.parties)
            .await?;
        self.sender
            .send(Site::RelaySendWorkflow, &self.queues.workflow, &work.workflows)
            .await?;
        for record in &work.failures {
            self.failures.keep(record).await?;
        }
        Ok(())
    }
}

/// Sorts the records of a batch by what they come to. The same work asked for twice is done once.
fn sort(records: &[serde_json::Value]) -> Work {
    let mut work = Work::default();
    for record in records {
        match read(record) {
            Ok(events) => events.into_iter().for_each(|event| match event {
                Event::Posting(message) => work.posting.push(message),
                Event::Issuance(message) if !work.issuance.contains(&message) => work.issuance.push(message),
                Event::Issuance(_) => {}
                Event::Recalculation(message) => work.recalculation.push(message),
                Event::SearchIndex(message) => work.search_index.push(message),
                Event::Privacy(message) => work.privacy.push(message),
                Event::Voucher(change) => work.vouchers.push(*change),
                Event::Result(message) => work.results.push(message),
                Event::Party(message) => work.parties.push(message),
                Event::Workflow(message) => work.workflows.push(message),
            }),
            Err(reason) => {
                tracing::error!(%reason, "a stream record cannot be understood");
                work.failures.push(record.clone());
            }
        }
    }
    work
}

fn sequence_number(record: &serde_json::Value) -> Option<String> {
    record.pointer("/dynamodb/SequenceNumber")?.as_str().map(str::to_owned)
}
