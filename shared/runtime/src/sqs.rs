//! The loop around the handler of a function that works off a queue.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use store::Db;

/// A message with the id under which its failure is reported.
#[derive(Debug, Clone)]
pub struct Delivery<M> {
    /// The queue's id of the message.
    pub id: String,
    /// The message.
    pub message: M,
}

/// Ids of the messages that must come again.
pub type Failed = BTreeSet<String>;

/// Kept for the part of a batch that is under way: a call to the table with all its tries, or an account on a table that
/// answers. One that takes longer is cut off, and comes again with its batch.
const STEP_MAX: Duration = Duration::from_secs(8);

/// Until when a handler may begin another part of its batch. What is left then comes again, instead of everything with the
/// process.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No deadline: for tests and tools.
    pub const fn never() -> Self {
        Self(None)
    }

    /// No step begins after this moment.
    pub const fn at(moment: Instant) -> Self {
        Self(Some(moment))
    }

    /// The end of the invocation less [`STEP_MAX`].
    fn of(context: &Context) -> Self {
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        Self(Instant::now().checked_add(left.saturating_sub(STEP_MAX)))
    }

    /// Whether this much time is left for a step that takes long.
    pub fn leaves(&self, time: Duration) -> bool {
        self.0
            .is_none_or(|deadline| deadline.saturating_duration_since(Instant::now()) >= time)
    }

    /// Whether no further step may begin.
    pub fn is_near(&self) -> bool {
        self.0.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Works off batches until the platform ends the process.
///
/// A message that cannot be read is reported as failed and ends in the dead-letter queue alone; the handler sees the
/// others. When the whole batch failed, the invocation fails, so that the error metric rises.
///
/// # Errors
/// When the runtime's own connection fails.
pub async fn serve<M, H, Fut>(db: &Db, handler: H) -> Result<(), Error>
where
    M: DeserializeOwned,
    H: Fn(Vec<Delivery<M>>, Deadline) -> Fut,
    Fut: Future<Output = Failed>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        batch(db, handler, event)
    }))
    .await
}

/// As [`serve`], for a function that a schedule calls too: an event without records is the schedule's.
///
/// # Errors
/// When the runtime's own connection fails.
pub async fn serve_with_schedule<M, H, Fut, S, Asked, E>(db: &Db, on_schedule: S, handler: H) -> Result<(), Error>
where
    M: DeserializeOwned,
    H: Fn(Vec<Delivery<M>>, Deadline) -> Fut,
    Fut: Future<Output = Failed>,
    S: Fn() -> Asked,
    Asked: Future<Output = Result<(), E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let (handler, on_schedule) = (&handler, &on_schedule);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        if event.payload.get("Records").is_none() {
            Box::pin(on_schedule()).await?;
            return Ok::<_, Error>(SqsBatchResponse::default());
        }
        let records: SqsEvent = serde_json::from_value(event.payload)?;
        batch(db, handler, LambdaEvent::new(records, event.context)).await
    }))
    .await
}

/// News of a bucket: an object was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The bucket.
    pub bucket: String,
    /// The key of the object, decoded.
    pub key: String,
    /// Tells this notification from another one of the same key.
    pub sequencer: String,
}

/// As [`serve`], for a function that a bucket calls too.
///
/// # Errors
/// When the runtime's own connection fails.
pub async fn serve_with_bucket<M, H, Fut, B, Begun, E>(db: &Db, on_put: B, handler: H) -> Result<(), Error>
where
    M: DeserializeOwned,
    H: Fn(Vec<Delivery<M>>, Deadline) -> Fut,
    Fut: Future<Output = Failed>,
    B: Fn(Put) -> Begun,
    Begun: Future<Output = Result<(), E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let (handler, on_put) = (&handler, &on_put);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        if let Some(puts) = puts(&event.payload) {
            for put in puts {
                Box::pin(on_put(put)).await?;
            }
            return Ok::<_, Error>(SqsBatchResponse::default());
        }
        let records: SqsEvent = serde_json::from_value(event.payload)?;
        batch(db, handler, LambdaEvent::new(records, event.context)).await
    }))
    .await
}

/// The objects of a bucket's notification; `None` for another event. Keys arrive as in a query: encoded, with `+` for a space.
pub(crate) fn puts(event: &serde_json::Value) -> Option<Vec<Put>> {
    let records = event.get("Records")?.as_array()?;
    let of_bucket = |record: &serde_json::Value| {
        let source = record.get("eventSource")?.as_str()?;
        (source == "aws:s3").then(|| record.get("s3").cloned())?
    };
    let text = |value: &serde_json::Value, pointer: &str| value.pointer(pointer)?.as_str().map(str::to_owned);
    let read = |s3: &serde_json::Value| {
        let key = text(s3, "/object/key")?.replace('+', " ");
        let key = percent_encoding::percent_decode_str(&key).decode_utf8().ok()?;
        Some(Put {
            bucket: text(s3, "/bucket/name")?,
            key: key.into_owned(),
            sequencer: text(s3, "/object/sequencer").unwrap_or_default(),
        })
    };
    records.iter().map(|record| read(&of_bucket(record)?)).collect()
}

pub(crate) async fn batch<M, H, Fut>(
    db: &Db,
    handler: &H,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error>
where
    M: DeserializeOwned,
    H: Fn(Vec<Delivery<M>>, Deadline) -> Fut,
    Fut: Future<Output = Failed>,
{
    let started = Instant::now();
    let deadline = Deadline::of(&event.context);
    let event = event.payload;
    let all = event.records.len();
    let mut failed = Failed::new();
    let mut deliveries = Vec::with_capacity(all);
    for record in event.records {
        let id = record.message_id.unwrap_or_default();
        match serde_json::from_str(record.body.as_deref().unwrap_or_default()) {
            Ok(message) => deliveries.push(Delivery { id, message }),
            Err(error) => {
                tracing::error!(message.id = %id, line = error.line(), column = error.column(), "a message cannot be read");
                failed.insert(id);
            }
        }
    }
    if !deliveries.is_empty() {
        // Boxed, as for requests.
        failed.extend(Box::pin(handler(deliveries, deadline)).await);
    }
    let cost = db.meter().take();
    tracing::info!(
        messages = all,
        failed = failed.len(),
        duration_ms = started.elapsed().as_millis(),
        table.requests = cost.requests,
        table.read_milli_units = cost.read_milli,
        table.write_milli_units = cost.write_milli,
        "worked off"
    );
    if all > 0 && failed.len() == all {
        return Err("every message of the batch failed".into());
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn news_of_a_bucket_are_told_from_messages_and_keys_are_decoded() {
        let record = |key: &str| {
            json!({"eventSource": "aws:s3", "s3": {
                "bucket": {"name": "imports"}, "object": {"key": key, "sequencer": "0055AED6"},
            }})
        };
        let event = json!({"Records": [record("incoming/demo/Kunden+Z%C3%BCrich%2B1.csv")]});
        let expected = Put {
            bucket: "imports".to_owned(),
            key: "incoming/demo/Kunden Zürich+1.csv".to_owned(),
            sequencer: "0055AED6".to_owned(),
        };
        assert_eq!(puts(&event), Some(vec![expected]));
        assert_eq!(
            puts(&json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]})),
            None
        );
        assert_eq!(puts(&json!({})), None);
    }
}
