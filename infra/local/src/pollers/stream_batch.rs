//! Delivery of one batch of stream records: retries, bisection, partial failures and the failure destination.
//!
//! | the invocation | what happens |
//! |---|---|
//! | fails, or its answer cannot be understood | with bisection the batch is halved, which is no attempt; else it is an attempt |
//! | names a record behind the first | those before it are done; the rest comes again with its attempts counted anew |
//! | names the first record | nothing is done: an attempt of the whole rest, which is never halved |

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{Gate, partial, partial::Failures, stream_record::StreamRecord};
use crate::{lambda::FunctionPool, provision::chain, template::StreamSource};

/// Pause before a retry, doubled each time up to the maximum. Lambda waits longer; locally nobody wants to.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How a delivery ended.
#[derive(Debug)]
pub(super) enum Delivered {
    /// Every record is done or given up.
    All {
        /// The last of them.
        last: String,
    },
    /// The gate closed: the rest has to be delivered again.
    UpTo {
        /// The last record that is done, if any.
        last: Option<String>,
        /// The records that are not.
        rest: Vec<StreamRecord>,
    },
}

/// Delivers batches to a function.
#[derive(Debug)]
pub(super) struct BatchDelivery {
    pub(super) function: Arc<FunctionPool>,
    pub(super) source: StreamSource,
    pub(super) stream_arn: String,
    pub(super) s3: aws_sdk_s3::Client,
    /// Physical name of the bucket for what is given up.
    pub(super) failure_bucket: Option<String>,
    /// Identifies the event source mapping in the keys of the bucket.
    pub(super) mapping_id: String,
}

#[derive(Debug)]
struct Part {
    records: Vec<StreamRecord>,
    attempts: u32,
}

/// What an invocation did to a part.
enum Attempt {
    Done,
    /// The function named the record at this index: those before it are done.
    FailedFrom(usize),
    /// The function broke down, or its answer tells nothing about single records.
    Broke,
}

impl BatchDelivery {
    /// Delivers a batch until each of its records is done or given up, or the gate closes.
    pub(super) async fn deliver(&self, shard: &str, records: Vec<StreamRecord>, gate: &Gate) -> Delivered {
        let mut last = None;
        let mut parts = VecDeque::from([Part { records, attempts: 0 }]);
        while let Some(mut part) = parts.pop_front() {
            if !gate.is_open() {
                let rest = part
                    .records
                    .into_iter()
                    .chain(parts.into_iter().flat_map(|part| part.records));
                return Delivered::UpTo {
                    last,
                    rest: rest.collect(),
                };
            }
            let end = part.records.last().map(|record| record.sequence_number.clone());
            if self.is_too_old(&part) {
                match self.give_up(shard, &part, "RecordAgeExceeded", gate).await {
                    true => last = end.or(last),
                    false => parts.push_front(part),
                }
                continue;
            }
            match self.attempt(&part).await {
                Attempt::Done => last = end.or(last),
                Attempt::Broke if self.source.bisect && part.records.len() > 1 => {
                    // Splitting uses up no retry; the first half stays first.
                    let second = part.records.split_off(part.records.len() / 2);
                    parts.push_front(Part {
                        records: second,
                        attempts: part.attempts,
                    });
                    parts.push_front(part);
                }
                Attempt::Broke | Attempt::FailedFrom(0) => {
                    part.attempts += 1;
                    if !self.has_retries_left(&part) {
                        match self.give_up(shard, &part, "RetryAttemptsExhausted", gate).await {
                            true => last = end.or(last),
                            false => parts.push_front(part),
                        }
                        continue;
                    }
                    pause(part.attempts, gate).await;
                    parts.push_front(part);
                }
                Attempt::FailedFrom(index) => {
                    let rest = part.records.split_off(index);
                    last = part
                        .records
                        .last()
                        .map(|record| record.sequence_number.clone())
                        .or(last);
                    pause(1, gate).await;
                    // The position is past the first part: what remains is to Lambda a batch of its own.
                    parts.push_front(Part {
                        records: rest,
                        attempts: 0,
                    });
                }
            }
        }
        Delivered::All {
            last: last.unwrap_or_default(),
        }
    }

    async fn attempt(&self, part: &Part) -> Attempt {
        let outcome = match self.function.invoke(event(&part.records)).await {
            Ok(outcome) if outcome.is_success() => outcome,
            Ok(_) => return Attempt::Broke,
            Err(error) => {
                tracing::warn!(%error, "a batch of stream records was not delivered");
                return Attempt::Broke;
            }
        };
        if !self.source.report_batch_item_failures {
            return Attempt::Done;
        }
        match partial::failures(&outcome.payload) {
            Failures::None => Attempt::Done,
            Failures::All => Attempt::Broke,
            // The lowest sequence number counts: whatever follows it is delivered again, in order.
            Failures::Items(items) => part
                .records
                .iter()
                .position(|record| items.contains(&record.sequence_number))
                .map_or(Attempt::Broke, Attempt::FailedFrom),
        }
    }

    fn has_retries_left(&self, part: &Part) -> bool {
        self.source
            .maximum_retries
            .is_none_or(|retries| part.attempts <= retries)
    }

    fn is_too_old(&self, part: &Part) -> bool {
        let (Some(age), Some(first)) = (self.source.maximum_age, part.records.first()) else {
            return false;
        };
        let seconds = runtime::now().timestamp().saturating_sub(first.created);
        u64::try_from(seconds).is_ok_and(|seconds| seconds > age.as_secs())
    }

    /// Writes an invocation record to the failure destination. Without a destination the records are only logged, as on AWS.
    /// `false` when the gate closed before the destination took it: the records have to be delivered again.
    async fn give_up(&self, shard: &str, part: &Part, condition: &str, gate: &Gate) -> bool {
        tracing::error!(function = %self.function.settings().name, count = part.records.len(), condition, "stream records were given up");
        let Some(bucket) = &self.failure_bucket else {
            return true;
        };
        let now = runtime::now();
        let request_id = uuid::Uuid::new_v4();
        let day = now.format("%Y/%m/%d");
        let moment = now.format("%Y-%m-%dT%H.%M.%S");
        let key = format!("aws/lambda/{}/{shard}/{day}/{moment}-{request_id}", self.mapping_id);
        let body = self
            .invocation_record(shard, part, condition, now, &request_id.to_string())
            .to_string();
        // The position may only pass these records once they are safe: the write is tried until it succeeds.
        for attempt in 1.. {
            let request = self
                .s3
                .put_object()
                .bucket(bucket)
                .key(&key)
                .content_type("application/json");
            match request.body(Bytes::from(body.clone()).into()).send().await {
                Ok(_) => return true,
                Err(error) => {
                    tracing::error!(bucket, error = %chain(&error), "the failure destination does not take records");
                    if !gate.is_open() {
                        return false;
                    }
                    pause(attempt, gate).await;
                }
            }
        }
        false
    }

    fn invocation_record(&self, shard: &str, part: &Part, condition: &str, now: DateTime<Utc>, id: &str) -> Value {
        let time = |seconds: i64| {
            let time = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
            time.to_rfc3339_opts(SecondsFormat::Millis, true)
        };
        let (first, last) = (part.records.first(), part.records.last());
        let number = |record: Option<&StreamRecord>| record.map(|record| record.sequence_number.clone());
        let event = event(&part.records);
        json!({
            "requestContext": {
                "requestId": id,
                "functionArn": self.function.settings().arn,
                "condition": condition,
                "approximateInvokeCount": part.attempts,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0",
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": number(first),
                "endSequenceNumber": number(last),
                "approximateArrivalOfFirstRecord": first.map(|record| time(record.created)),
                "approximateArrivalOfLastRecord": last.map(|record| time(record.created)),
                "batchSize": part.records.len(),
                "streamArn": self.stream_arn,
            },
            "payload": String::from_utf8_lossy(&event),
        })
    }
}

fn event(records: &[StreamRecord]) -> Bytes {
    let records: Vec<&Value> = records.iter().map(|record| &record.json).collect();
    Bytes::from(json!({ "Records": records }).to_string())
}

async fn pause(attempts: u32, gate: &Gate) {
    let doubled = RETRY_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    tokio::select! {
        () = tokio::time::sleep(doubled.min(RETRY_MAX)) => {}
        () = gate.closed() => {}
    }
}
