//! The stream and the queues, delivered as badly as the platform is allowed to: doubled, late, in any order, and again when
//! the process died.

use std::collections::BTreeMap;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use futures::future::join_all;
use messages::{
    CampaignMessage, CampaignResultMessage, DayCloseMessage, ErpMessage, FinanceMessage, ImportMessage,
    IssuanceMessage, LettershopInboxMessage, LettershopMessage, PostingMessage, PrivacyMessage, RecalculationMessage,
    SearchIndexMessage, WorkflowMessage,
};
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Map, Value, json};

use crate::world::{Called, World, alive};

/// Rounds of stream and queues until nothing is left; a story that needs more does not come to rest.
const ROUNDS_MAX: usize = 500;
/// Deliveries of one batch or message before it would be a dead letter.
const DELIVERIES_MAX: usize = 12;

/// How badly messages are delivered.
#[derive(Debug, Clone)]
pub struct Delivering {
    random: fastrand::Rng,
    copies_min: usize,
    copies_max: usize,
    shuffled: bool,
    at_once: usize,
    /// Whether the printer's files wait on their queue.
    files_wait: bool,
    /// Where each shard of the stream was read to: its last sequence number.
    after: BTreeMap<String, String>,
}

impl Delivering {
    /// Each message once, in order.
    pub fn well() -> Self {
        Self {
            random: fastrand::Rng::with_seed(1),
            copies_min: 1,
            copies_max: 1,
            shuffled: false,
            at_once: 1,
            files_wait: false,
            after: BTreeMap::new(),
        }
    }

    /// Each message twice, in order.
    pub fn twice() -> Self {
        Self {
            copies_min: 2,
            copies_max: 2,
            ..Self::well()
        }
    }

    /// Each message one to five times, in random order and batches.
    pub fn badly(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            copies_min: 1,
            copies_max: 5,
            shuffled: true,
            at_once: 1,
            files_wait: false,
            after: BTreeMap::new(),
        }
    }

    /// Works off this many batches of a queue at the same time.
    pub fn at_once(&mut self, batches: usize) -> &mut Self {
        self.at_once = batches;
        self
    }

    /// Leaves the printer's files on their queue, or delivers them again.
    pub const fn let_files_wait(&mut self, wait: bool) {
        self.files_wait = wait;
    }

    /// Goes on delivering until the stream and the queues are empty.
    ///
    /// # Panics
    /// When the world does not come to rest, or something would have become a dead letter.
    pub async fn until_rest(&mut self, world: &World) {
        for _ in 0..ROUNDS_MAX {
            if self.once(world).await {
                return;
            }
        }
        panic!("the world does not come to rest within {ROUNDS_MAX} rounds");
    }

    /// Delivers what the stream and the queues hold now, and not what comes of it; `true` when they held nothing.
    ///
    /// # Panics
    /// When something would have become a dead letter.
    pub async fn once(&mut self, world: &World) -> bool {
        let records = self.new_records(world).await;
        let mut idle = records.is_empty();
        self.relay(world, records).await;
        let posting = drain(world, &world.queues.posting).await;
        idle &= posting.is_empty();
        self.post(world, posting).await;
        let issuance = drain(world, &world.queues.issuance).await;
        idle &= issuance.is_empty();
        self.issue(world, issuance).await;
        let recounting = drain(world, &world.queues.recalculation).await;
        idle &= recounting.is_empty();
        self.recount(world, recounting).await;
        let listing = drain(world, &world.queues.search_index).await;
        idle &= listing.is_empty();
        self.list(world, listing).await;
        let changes = drain(world, &world.queues.workflow).await;
        idle &= changes.is_empty();
        self.run_workflows(world, changes).await;
        let erasing = drain(world, &world.queues.privacy).await;
        idle &= erasing.is_empty();
        self.erase(world, erasing).await;
        let changed = drain(world, &world.queues.campaign_results).await;
        idle &= changed.is_empty();
        self.count(world, changed).await;
        let closing = drain(world, &world.day_close_queue).await;
        idle &= closing.is_empty();
        self.close(world, closing).await;
        let segments = drain(world, &world.finance_queue).await;
        idle &= segments.is_empty();
        self.sum(world, segments).await;
        let parts = drain(world, &world.import_queue).await;
        idle &= parts.is_empty();
        self.import(world, parts).await;
        let runs = drain(world, &world.campaign_queue).await;
        idle &= runs.is_empty();
        self.run_campaigns(world, runs).await;
        if !self.files_wait {
            let files = drain(world, &world.lettershop_queue).await;
            idle &= files.is_empty();
            self.export(world, files).await;
        }
        let inbox = drain(world, &world.inbox_queue).await;
        idle &= inbox.is_empty();
        self.take_in(world, inbox).await;
        idle
    }

    /// Goes on delivering what concerns the runs of campaigns until nothing is left of it, and nothing else: their files wait.
    ///
    /// # Panics
    /// When that does not end, or something would have become a dead letter.
    pub async fn runs_only(&mut self, world: &World) {
        for _ in 0..ROUNDS_MAX {
            let runs = drain(world, &world.campaign_queue).await;
            if runs.is_empty() {
                return;
            }
            self.run_campaigns(world, runs).await;
        }
        panic!("the runs of campaigns do not come to rest within {ROUNDS_MAX} rounds");
    }

    /// Forgets where the stream was read to: the relay begins again with everything that is kept.
    pub fn rewind(&mut self) {
        self.after.clear();
    }

    /// The stream's records since the last call, filtered as the event source does.
    async fn new_records(&mut self, world: &World) -> Vec<Value> {
        let client = world.place.streams();
        let streams = client.list_streams().table_name(world.place.table()).send().await;
        let streams = streams.expect("streams");
        let arn = streams
            .streams()
            .first()
            .and_then(|s| s.stream_arn())
            .expect("a stream")
            .to_owned();
        let described = client
            .describe_stream()
            .stream_arn(&arn)
            .send()
            .await
            .expect("a description");
        let shards = described
            .stream_description
            .expect("a description")
            .shards
            .unwrap_or_default();
        let mut found = Vec::new();
        for shard in shards {
            let id = shard.shard_id.expect("a shard id");
            let start = client.get_shard_iterator().stream_arn(&arn).shard_id(&id);
            let start = match self.after.get(&id) {
                None => start.shard_iterator_type(ShardIteratorType::TrimHorizon),
                Some(after) => start
                    .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                    .sequence_number(after),
            };
            let mut iterator = start.send().await.expect("an iterator").shard_iterator;
            while let Some(at) = iterator.take() {
                let page = client.get_records().shard_iterator(at).send().await.expect("records");
                let records = page.records.unwrap_or_default();
                let last = records.last().and_then(|record| record.dynamodb.as_ref());
                let Some(last) = last.and_then(|change| change.sequence_number.clone()) else {
                    break;
                };
                self.after.insert(id.clone(), last);
                found.extend(records);
                iterator = page.next_shard_iterator;
            }
        }
        found.iter().filter_map(lambda_record).collect()
    }

    async fn relay(&mut self, world: &World, records: Vec<Value>) {
        let mut left = records.as_slice();
        while !left.is_empty() {
            let size = if !self.shuffled {
                left.len().min(100)
            } else {
                self.random.usize(1..=left.len().min(30))
            };
            let (batch, rest) = left.split_at(size);
            for _ in 0..self.random.usize(self.copies_min..=self.copies_max.min(2)) {
                self.relay_batch(world, batch).await;
            }
            left = rest;
        }
    }

    async fn relay_batch(&self, world: &World, batch: &[Value]) {
        for _ in 0..DELIVERIES_MAX {
            let event: event_relay::StreamEvent =
                serde_json::from_value(json!({"Records": batch})).expect("a stream event");
            let (relay, now) = (world.relay(), world.now);
            let outcome = alive(async move { relay.relay(event, now).await }).await;
            if let Called::Answered(response) = outcome
                && response.batch_item_failures.is_empty()
            {
                return;
            }
        }
        panic!("a batch of the stream was not relayed in {DELIVERIES_MAX} deliveries");
    }

    /// The copies of the messages in the order of their delivery, in batches.
    fn batches<M: Clone>(&mut self, messages: Vec<M>) -> Vec<Vec<Delivery<M>>> {
        let mut copies = Vec::new();
        for (number, message) in messages.into_iter().enumerate() {
            for copy in 0..self.random.usize(self.copies_min..=self.copies_max) {
                copies.push(Delivery {
                    id: format!("{number}-{copy}"),
                    message: message.clone(),
                });
            }
        }
        if self.shuffled {
            self.random.shuffle(&mut copies);
        }
        let mut batches = Vec::new();
        while !copies.is_empty() {
            let size = match (self.shuffled, self.copies_max) {
                (true, _) => self.random.usize(1..=10),
                (false, 1) => 10,
                // A copy must come by itself to meet what its twin has stored.
                (false, _) => 1,
            };
            let rest = copies.split_off(copies.len().min(size));
            batches.push(std::mem::replace(&mut copies, rest));
        }
        batches
    }

    async fn post(&mut self, world: &World, messages: Vec<PostingMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.posting(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    /// Delivers documents that the ERP has put on its queue, until none of them comes again.
    ///
    /// # Panics
    /// When one would have become a dead letter.
    pub async fn erp(&mut self, world: &World, messages: Vec<ErpMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.erp(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    /// Delivers erasures that go on, until none of them comes again: those that wait come later than a test does.
    ///
    /// # Panics
    /// When one would have become a dead letter.
    pub async fn erase(&mut self, world: &World, messages: Vec<PrivacyMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.privacy(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn close(&mut self, world: &World, messages: Vec<DayCloseMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.closing(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn recount(&mut self, world: &World, messages: Vec<RecalculationMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.recalculating(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn list(&mut self, world: &World, messages: Vec<SearchIndexMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.listing(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn run_workflows(&mut self, world: &World, messages: Vec<WorkflowMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.running_workflows(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn sum(&mut self, world: &World, messages: Vec<FinanceMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.books(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn import(&mut self, world: &World, messages: Vec<ImportMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.importing(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn run_campaigns(&mut self, world: &World, messages: Vec<CampaignMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.running_campaigns(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn count(&mut self, world: &World, messages: Vec<CampaignResultMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.counting(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn export(&mut self, world: &World, messages: Vec<LettershopMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.exporting(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn take_in(&mut self, world: &World, messages: Vec<LettershopInboxMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.lettershop(), world.now);
                    async move { app.work_off(left, Deadline::never(), now).await }
                })
            });
            join_all(work).await;
        }
    }

    async fn issue(&mut self, world: &World, messages: Vec<IssuanceMessage>) {
        for batches in self.batches(messages).chunks(self.at_once) {
            let work = batches.iter().map(|batch| {
                work_off(batch.clone(), |left| {
                    let (app, now) = (world.issuance(), world.now);
                    async move { Box::pin(app.work_off(left, Deadline::never(), now)).await }
                })
            });
            join_all(work).await;
        }
    }
}

/// Delivers a batch until no message of it fails; each time to a new process.
async fn work_off<M, F, Fut>(batch: Vec<Delivery<M>>, handler: F)
where
    M: Clone,
    F: Fn(Vec<Delivery<M>>) -> Fut,
    Fut: Future<Output = runtime::sqs::Failed> + Send + 'static,
{
    let mut left = batch;
    for _ in 0..DELIVERIES_MAX {
        if let Called::Answered(failed) = alive(handler(left.clone())).await {
            left.retain(|delivery| failed.contains(&delivery.id));
        }
        if left.is_empty() {
            return;
        }
    }
    panic!("{} messages failed in {DELIVERIES_MAX} deliveries", left.len());
}

/// Takes everything off a queue.
async fn drain<M: serde::de::DeserializeOwned>(world: &World, url: &str) -> Vec<M> {
    let client = world.place.sqs();
    let mut found = Vec::new();
    loop {
        let page = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .send()
            .await
            .expect("messages");
        let messages = page.messages.unwrap_or_default();
        if messages.is_empty() {
            return found;
        }
        for message in messages {
            found.push(serde_json::from_str(message.body().unwrap_or_default()).expect("a message of this queue"));
            let handle = message.receipt_handle.expect("a receipt handle");
            client
                .delete_message()
                .queue_url(url)
                .receipt_handle(handle)
                .send()
                .await
                .expect("deleted");
        }
    }
}

/// The record as the platform hands it to a function; `None` where the filter of the event source drops it.
fn lambda_record(record: &Record) -> Option<Value> {
    let change = record.dynamodb.as_ref()?;
    let image = change.new_image.as_ref()?;
    image.get("topics")?;
    Some(json!({
        "eventID": record.event_id,
        "eventName": record.event_name.as_ref().map(|name| name.as_str()),
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "NewImage": object(image),
            "SequenceNumber": change.sequence_number,
            "StreamViewType": "NEW_IMAGE",
        },
    }))
}

fn object(image: &std::collections::HashMap<String, AttributeValue>) -> Value {
    Value::Object(
        image
            .iter()
            .map(|(name, value)| (name.clone(), attribute(value)))
            .collect::<Map<_, _>>(),
    )
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::Null(_) => json!({"NULL": true}),
        AttributeValue::M(map) => json!({"M": object(map)}),
        AttributeValue::L(list) => json!({"L": list.iter().map(attribute).collect::<Vec<_>>()}),
        other => panic!("the table holds no {other:?}"),
    }
}
