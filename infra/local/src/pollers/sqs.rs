//! An SQS event source: receives, invokes, deletes what succeeded and leaves the rest to the visibility time-out.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use base64::Engine as _;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::{Gate, partial};
use crate::{
    lambda::FunctionPool,
    provision::chain,
    template::{REGION, SqsSource},
};

/// Messages of one receive call at most; SQS allows no more.
const RECEIVE_MAX: usize = 10;
/// Long poll: an idle queue costs three calls a minute.
const WAIT: Duration = Duration::from_secs(20);
/// Pause after a failed call, so that a broken endpoint is not hammered.
const ERROR_PAUSE: Duration = Duration::from_millis(500);
/// Messages left after this many delete calls come again when their visibility ends; the function must bear that anyway.
const DELETE_ATTEMPTS: usize = 3;

/// One event source mapping.
#[derive(Debug)]
pub(super) struct SqsPoller {
    pub(super) client: aws_sdk_sqs::Client,
    pub(super) url: String,
    pub(super) arn: String,
    pub(super) source: SqsSource,
    pub(super) function: Arc<FunctionPool>,
    pub(super) gate: Gate,
}

impl SqsPoller {
    /// Polls until the gate closes for good, then waits for the invocations it started.
    pub(super) async fn run(self) {
        let declared = self.source.maximum_concurrency.unwrap_or(usize::MAX);
        let concurrency = declared.min(self.function.settings().concurrency);
        let slots = Arc::new(Semaphore::new(concurrency));
        let poller = Arc::new(self);
        while poller.gate.open().await {
            // A message is only received when an invocation can take it: waiting would use up its visibility.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            let messages = poller.gather().await;
            if messages.is_empty() {
                continue;
            }
            let poller = Arc::clone(&poller);
            tokio::spawn(async move {
                poller.deliver(messages).await;
                drop(slot);
            });
        }
        let all = u32::try_from(concurrency).unwrap_or(u32::MAX);
        let bound = poller.function.settings().environment.timeout + ERROR_PAUSE * 60;
        if tokio::time::timeout(bound, slots.acquire_many(all)).await.is_err() {
            tracing::warn!(queue = %poller.url, "a batch was still running when the poller stopped");
        }
    }

    /// A batch: what the first non-empty receive gives, filled up within the window.
    async fn gather(&self) -> Vec<Message> {
        let size = self.source.batch_size;
        let mut messages = self.receive(size, WAIT).await;
        if messages.is_empty() || self.source.window.is_zero() {
            return messages;
        }
        let until = Instant::now() + self.source.window;
        while messages.len() < size {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            messages.extend(self.receive(size - messages.len(), left.min(WAIT)).await);
        }
        messages
    }

    async fn receive(&self, wanted: usize, wait: Duration) -> Vec<Message> {
        let count = i32::try_from(wanted.min(RECEIVE_MAX)).unwrap_or(1);
        let seconds = i32::try_from(wait.as_secs()).unwrap_or(0);
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(count)
            .wait_time_seconds(seconds)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        tokio::select! {
            received = request.send() => match received {
                Ok(output) => output.messages.unwrap_or_default(),
                Err(error) => {
                    tracing::warn!(queue = %self.url, error = %chain(&error), "receiving failed");
                    tokio::time::sleep(ERROR_PAUSE).await;
                    Vec::new()
                }
            },
            // A long poll is given up at once; a message it may have taken comes again after its visibility time-out.
            () = self.gate.closed() => Vec::new(),
        }
    }

    async fn deliver(&self, messages: Vec<Message>) {
        let records: Vec<Value> = messages.iter().map(|message| record(message, &self.arn)).collect();
        let event = Bytes::from(json!({ "Records": records }).to_string());
        let outcome = match self.function.invoke(event).await {
            Ok(outcome) if outcome.is_success() => outcome,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(queue = %self.url, %error, "a batch was not delivered");
                return;
            }
        };
        let failed = if self.source.report_batch_item_failures {
            partial::failures(&outcome.payload)
        } else {
            partial::Failures::None
        };
        let ids: HashSet<&str> = messages.iter().filter_map(Message::message_id).collect();
        let failed: HashSet<String> = match failed {
            partial::Failures::None => HashSet::new(),
            partial::Failures::Items(items) if items.iter().all(|id| ids.contains(id.as_str())) => {
                items.into_iter().collect()
            }
            // An answer that names something else cannot be trusted about any message.
            partial::Failures::Items(_) | partial::Failures::All => return,
        };
        let done = messages
            .iter()
            .filter(|message| !message.message_id().is_some_and(|id| failed.contains(id)));
        let done: Vec<String> = done
            .filter_map(|message| message.receipt_handle().map(str::to_owned))
            .collect();
        for chunk in done.chunks(RECEIVE_MAX) {
            self.delete(chunk.to_vec()).await;
        }
    }

    async fn delete(&self, mut handles: Vec<String>) {
        for _ in 0..DELETE_ATTEMPTS {
            let entries: Result<Vec<_>, _> = handles
                .iter()
                .enumerate()
                .map(|(i, handle)| {
                    DeleteMessageBatchRequestEntry::builder()
                        .id(i.to_string())
                        .receipt_handle(handle)
                        .build()
                })
                .collect();
            let Ok(entries) = entries else { return };
            match self
                .client
                .delete_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries))
                .send()
                .await
            {
                Ok(output) => {
                    // A handle that is refused as the sender's fault will be refused again.
                    let left = output.failed().iter().filter(|failure| !failure.sender_fault());
                    let left = left.filter_map(|failure| handles.get(failure.id().parse::<usize>().ok()?).cloned());
                    handles = left.collect();
                    if handles.is_empty() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(queue = %self.url, error = %chain(&error), "deleting failed");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            }
        }
        tracing::warn!(queue = %self.url, count = handles.len(), "processed messages could not be deleted and will come again");
    }
}

/// A message as Lambda hands it to a function.
fn record(message: &Message, arn: &str) -> Value {
    let system = message.attributes().into_iter().flatten();
    let attributes: BTreeMap<&str, &String> = system.map(|(name, value)| (name.as_str(), value)).collect();
    let mut custom = Map::new();
    for (name, value) in message.message_attributes().into_iter().flatten() {
        let mut attribute = Map::new();
        attribute.insert("dataType".to_owned(), json!(value.data_type()));
        if let Some(text) = value.string_value() {
            attribute.insert("stringValue".to_owned(), json!(text));
        }
        if let Some(binary) = value.binary_value() {
            let encoded = base64::engine::general_purpose::STANDARD.encode(binary.as_ref());
            attribute.insert("binaryValue".to_owned(), json!(encoded));
        }
        attribute.insert("stringListValues".to_owned(), json!([]));
        attribute.insert("binaryListValues".to_owned(), json!([]));
        custom.insert(name.clone(), Value::Object(attribute));
    }
    let mut record = json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": custom,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    });
    if let (Some(md5), Some(record)) = (message.md5_of_message_attributes(), record.as_object_mut()) {
        record.insert("md5OfMessageAttributes".to_owned(), json!(md5));
    }
    record
}
