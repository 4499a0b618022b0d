//! The operations of SQS, each from its parsed body to its answer.

use super::batch::Batch;
use super::error::SqsError;
use super::queue::{self, AttributeMap};
use super::receive::{self, ReceiveMessage, Received};
use super::redrive::{self, ListMessageMoveTasks, StartMessageMoveTask};
use super::requests::{CreateQueue, GetQueueUrl, ListQueues, QueueRequest};
use super::send::{self, NewMessage, Sent};
use super::settle::{self, Settle, Settlement};
use super::store::{Durability, Store};
use crate::aws::clock::unix_millis;
use crate::aws::json_rpc::{self, Call};
use crate::aws::serve::{StopSignal, stopped};
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Queues returned by one `ListQueues` at most.
const MAX_LISTED_QUEUES: i64 = 1_000;

/// The state behind the endpoint.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Store,
    /// The URL that queue URLs start with.
    pub(crate) base_url: String,
    pub(crate) stop: StopSignal,
    /// Wakes the receives that wait on a queue; one entry per queue that was ever waited on.
    arrivals: Mutex<HashMap<String, Arc<Notify>>>,
    /// Wakes the background task that moves dead letters.
    pub(crate) moves: Notify,
}

fn parse<T: DeserializeOwned>(call: &Call) -> Result<T, SqsError> {
    json_rpc::parse(call).map_err(SqsError::Serialization)
}

fn name_of(url: Option<&String>) -> Result<String, SqsError> {
    queue::name_of_url(url.ok_or(SqsError::MissingParameter("QueueUrl"))?)
}

impl Service {
    pub(crate) fn new(store: Store, base_url: String, stop: StopSignal) -> Self {
        Self {
            store,
            base_url,
            stop,
            arrivals: Mutex::default(),
            moves: Notify::new(),
        }
    }

    /// Carries out one request.
    pub(crate) async fn call(&self, call: &Call) -> Result<Value, SqsError> {
        match call.operation.as_str() {
            "SendMessage" => self.send_message(parse(call)?).await,
            "SendMessageBatch" => self.send_message_batch(parse(call)?).await,
            "ReceiveMessage" => self.receive_message(parse(call)?).await,
            "DeleteMessage" => self.settle(parse(call)?, Settlement::Delete).await,
            "DeleteMessageBatch" => self.settle_batch(parse(call)?, Settlement::Delete).await,
            "ChangeMessageVisibility" => self.settle(parse(call)?, Settlement::ChangeVisibility).await,
            "ChangeMessageVisibilityBatch" => self.settle_batch(parse(call)?, Settlement::ChangeVisibility).await,
            "CreateQueue" => self.create_queue(parse(call)?).await,
            "GetQueueUrl" => self.get_queue_url(parse(call)?).await,
            "GetQueueAttributes" => self.get_queue_attributes(parse(call)?).await,
            "SetQueueAttributes" => self.set_queue_attributes(parse(call)?).await,
            "ListQueues" => self.list_queues(parse(call)?).await,
            "PurgeQueue" => self.purge_queue(parse(call)?).await,
            "StartMessageMoveTask" => self.start_message_move_task(parse(call)?).await,
            "ListMessageMoveTasks" => self.list_message_move_tasks(parse(call)?).await,
            other => Err(SqsError::UnsupportedOperation(format!(
                "{other} is not supported by the local SQS"
            ))),
        }
    }

    fn arrival(&self, queue: &str) -> Arc<Notify> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(arrivals.entry(queue.to_owned()).or_default())
    }

    /// Wakes the receives that wait on a queue.
    pub(crate) fn wake(&self, queue: &str) {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = arrivals.get(queue) {
            waiting.notify_waiters();
        }
    }

    /// Only a changed visibility can make a message receivable.
    fn wake_after(&self, settlement: Settlement, queue: &str) {
        if settlement == Settlement::ChangeVisibility {
            self.wake(queue);
        }
    }

    async fn send_message(&self, message: NewMessage) -> Result<Value, SqsError> {
        let name = name_of(message.queue_url.as_ref())?;
        let queue = name.clone();
        let sent = self
            .store
            .run(Durability::Synced, move |db| send::send(db, &queue, message))
            .await?;
        self.wake(&name);
        Ok(describe_sent(sent))
    }

    async fn send_message_batch(&self, batch: Batch<NewMessage>) -> Result<Value, SqsError> {
        let name = name_of(batch.queue_url.as_ref())?;
        batch.check()?;
        // An entry with bad attributes fails by itself below; here only its body counts.
        let size_of = |message: &NewMessage| {
            send::size(message).unwrap_or_else(|_| message.message_body.as_ref().map_or(0, String::len))
        };
        let size: usize = batch.entries.iter().map(size_of).sum();
        if i64::try_from(size).unwrap_or(i64::MAX) > queue::MAX_MESSAGE_BYTES {
            return Err(SqsError::BatchRequestTooLong(size));
        }
        let queue = name.clone();
        let answer = self
            .store
            .run(Durability::Synced, move |db| {
                queue::find(db, &queue)?;
                batch.run(|message| send::send(db, &queue, message).map(describe_sent))
            })
            .await?;
        self.wake(&name);
        Ok(answer)
    }

    /// Receives at once what is visible, or waits for a message up to the asked time.
    async fn receive_message(&self, request: ReceiveMessage) -> Result<Value, SqsError> {
        request.check()?;
        let name = name_of(request.queue_url.as_ref())?;
        let started = Instant::now();
        let mut received = self.receive_now(&name, &request).await?;
        let wait_s = request.wait_time_seconds.unwrap_or(received.default_wait_s);
        let deadline = started + Duration::from_secs(u64::try_from(wait_s).unwrap_or(0));
        let arrival = self.arrival(&name);
        while received.messages.is_empty() && Instant::now() < deadline {
            // Registered before the next look, so that a message that arrives in between wakes this receive.
            let mut arrived = std::pin::pin!(arrival.notified());
            arrived.as_mut().enable();
            received = self.receive_now(&name, &request).await?;
            if !received.messages.is_empty() {
                break;
            }
            let wake_at = received
                .next_visible_ms
                .map_or(deadline, |at| deadline.min(instant_of(at)));
            tokio::select! {
                () = &mut arrived => {}
                () = tokio::time::sleep_until(wake_at) => {}
                () = stopped(self.stop.clone()) => break,
            }
        }
        match received.messages.is_empty() {
            true => Ok(json!({})),
            false => Ok(json!({ "Messages": received.messages })),
        }
    }

    async fn receive_now(&self, name: &str, request: &ReceiveMessage) -> Result<Received, SqsError> {
        let (queue, request) = (name.to_owned(), request.clone());
        let received = self
            .store
            .run(Durability::Committed, move |db| receive::receive(db, &queue, &request))
            .await?;
        if let Some(dead_letters) = &received.moved_to {
            self.wake(dead_letters);
        }
        Ok(received)
    }

    async fn settle(&self, request: Settle, settlement: Settlement) -> Result<Value, SqsError> {
        let name = name_of(request.queue_url.as_ref())?;
        let queue = name.clone();
        self.store
            .run(Durability::Committed, move |db| settlement.apply(db, &queue, &request))
            .await?;
        self.wake_after(settlement, &name);
        Ok(json!({}))
    }

    async fn settle_batch(&self, batch: Batch<Settle>, settlement: Settlement) -> Result<Value, SqsError> {
        let name = name_of(batch.queue_url.as_ref())?;
        batch.check()?;
        let queue = name.clone();
        let answer = self
            .store
            .run(Durability::Committed, move |db| {
                queue::find(db, &queue)?;
                batch.run(|entry| settlement.apply(db, &queue, &entry).map(|()| json!({})))
            })
            .await?;
        self.wake_after(settlement, &name);
        Ok(answer)
    }

    async fn create_queue(&self, request: CreateQueue) -> Result<Value, SqsError> {
        if !request.tags.is_empty() {
            return Err(SqsError::UnsupportedOperation(
                "CreateQueue: tags are not supported by the local SQS".to_owned(),
            ));
        }
        let name = request.queue_name.ok_or(SqsError::MissingParameter("QueueName"))?;
        let queue = name.clone();
        self.store
            .run(Durability::Synced, move |db| {
                queue::create(db, &queue, request.attributes)
            })
            .await?;
        Ok(json!({ "QueueUrl": self.url(&name) }))
    }

    async fn get_queue_url(&self, request: GetQueueUrl) -> Result<Value, SqsError> {
        let name = request.queue_name.ok_or(SqsError::MissingParameter("QueueName"))?;
        if request.queue_owner.is_some_and(|owner| owner != crate::aws::ACCOUNT_ID) {
            return Err(SqsError::QueueDoesNotExist(name));
        }
        let queue = name.clone();
        self.store
            .run(Durability::Committed, move |db| queue::find(db, &queue))
            .await?;
        Ok(json!({ "QueueUrl": self.url(&name) }))
    }

    async fn get_queue_attributes(&self, request: QueueRequest) -> Result<Value, SqsError> {
        let name = name_of(request.queue_url.as_ref())?;
        let described = self
            .store
            .run(Durability::Committed, move |db| describe_queue(db, &name))
            .await?;
        let wanted = &request.attribute_names;
        if let Some(unknown) = wanted.iter().find(|name| !queue::is_attribute(name)) {
            return Err(SqsError::InvalidAttributeName(unknown.clone()));
        }
        let shown: AttributeMap = described
            .into_iter()
            .filter(|(name, _)| wanted.iter().any(|want| want == "All" || want == name))
            .collect();
        match shown.is_empty() {
            true => Ok(json!({})),
            false => Ok(json!({ "Attributes": shown })),
        }
    }

    async fn set_queue_attributes(&self, request: QueueRequest) -> Result<Value, SqsError> {
        let name = name_of(request.queue_url.as_ref())?;
        if request.attributes.is_empty() {
            return Err(SqsError::MissingParameter("Attributes"));
        }
        let queue = name.clone();
        self.store
            .run(Durability::Synced, move |db| {
                queue::set_attributes(db, &queue, request.attributes)
            })
            .await?;
        self.wake(&name);
        Ok(json!({}))
    }

    async fn list_queues(&self, request: ListQueues) -> Result<Value, SqsError> {
        let limit = request.max_results.unwrap_or(MAX_LISTED_QUEUES);
        if !(1..=MAX_LISTED_QUEUES).contains(&limit) {
            return Err(SqsError::invalid(limit, "MaxResults", "Must be between 1 and 1000."));
        }
        let prefix = request.queue_name_prefix.unwrap_or_default();
        let after = request.next_token.unwrap_or_default();
        let names = self
            .store
            .run(Durability::Committed, move |db| {
                list_names(db, &prefix, &after, limit + 1)
            })
            .await?;
        let page = usize::try_from(limit).unwrap_or(names.len());
        let urls: Vec<String> = names.iter().take(page).map(|name| self.url(name)).collect();
        let mut answer = json!({ "QueueUrls": urls });
        // Without MaxResults AWS returns the first thousand and no token.
        if names.len() > page && request.max_results.is_some() {
            answer["NextToken"] = Value::String(names[page - 1].clone());
        }
        Ok(answer)
    }

    async fn purge_queue(&self, request: QueueRequest) -> Result<Value, SqsError> {
        let name = name_of(request.queue_url.as_ref())?;
        self.store
            .run(Durability::Synced, move |db| settle::purge(db, &name))
            .await?;
        Ok(json!({}))
    }

    async fn start_message_move_task(&self, request: StartMessageMoveTask) -> Result<Value, SqsError> {
        let handle = self
            .store
            .run(Durability::Synced, move |db| redrive::start(db, &request))
            .await?;
        self.moves.notify_one();
        Ok(json!({ "TaskHandle": handle }))
    }

    async fn list_message_move_tasks(&self, request: ListMessageMoveTasks) -> Result<Value, SqsError> {
        let tasks = self
            .store
            .run(Durability::Committed, move |db| redrive::list(db, &request))
            .await?;
        Ok(json!({ "Results": tasks }))
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.base_url, crate::aws::ACCOUNT_ID)
    }
}

fn describe_sent(sent: Sent) -> Value {
    let mut answer = json!({ "MessageId": sent.message_id, "MD5OfMessageBody": sent.body_md5 });
    if let Some(digest) = sent.attributes_md5 {
        answer["MD5OfMessageAttributes"] = Value::String(digest);
    }
    if let Some(digest) = sent.system_attributes_md5 {
        answer["MD5OfMessageSystemAttributes"] = Value::String(digest);
    }
    answer
}

fn describe_queue(db: &Connection, name: &str) -> Result<AttributeMap, SqsError> {
    let queue = queue::find(db, name)?;
    let now = unix_millis();
    let oldest = now - queue.number("MessageRetentionPeriod") * 1_000;
    let count = |condition: &str| -> Result<i64, SqsError> {
        let sql = format!("SELECT COUNT(*) FROM messages WHERE queue_id = ?1 AND sent_ms > ?2 AND {condition}");
        Ok(db
            .prepare_cached(&sql)?
            .query_row(params![queue.id, oldest, now], |row| row.get(0))?)
    };
    let mut described = queue.described();
    for (name, condition) in [
        ("ApproximateNumberOfMessages", "visible_ms <= ?3"),
        (
            "ApproximateNumberOfMessagesNotVisible",
            "visible_ms > ?3 AND receipt IS NOT NULL",
        ),
        (
            "ApproximateNumberOfMessagesDelayed",
            "visible_ms > ?3 AND receipt IS NULL",
        ),
    ] {
        described.insert(name.to_owned(), count(condition)?.to_string());
    }
    Ok(described)
}

fn list_names(db: &Connection, prefix: &str, after: &str, limit: i64) -> Result<Vec<String>, SqsError> {
    let names = db
        .prepare_cached(
            "SELECT name FROM queues WHERE substr(name, 1, length(?1)) = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
        )?
        .query_map(params![prefix, after, limit], |row| row.get(0))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(names)
}

/// The instant of a wall-clock time, a millisecond later so that the time has then passed for certain.
fn instant_of(unix_ms: i64) -> Instant {
    let ahead = u64::try_from(unix_ms - unix_millis()).unwrap_or(0);
    Instant::now() + Duration::from_millis(ahead.saturating_add(1))
}
