//! Handing out messages: visibility, receive counts, and the move to the dead-letter queue.

use super::attributes::{self, MessageAttributes};
use super::error::SqsError;
use super::handle::ReceiptHandle;
use super::queue::{self, Queue};
use crate::aws::clock::unix_millis;
use rusqlite::{Connection, Row, params};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Messages of a standard queue that may be received and not yet deleted at one time.
const MAX_IN_FLIGHT: i64 = 120_000;

/// Messages moved to the dead-letter queue by one receive, so that a large poisoned backlog cannot hold up other requests;
/// the next receive goes on.
const MAX_MOVED_PER_RECEIVE: usize = 1_000;

/// The system attributes a receiver may ask for; those of FIFO queues exist as names and have no value here.
const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "SenderId",
    "SentTimestamp",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SequenceNumber",
];

/// The body of `ReceiveMessage`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct ReceiveMessage {
    pub(crate) queue_url: Option<String>,
    pub(crate) attribute_names: Vec<String>,
    pub(crate) message_system_attribute_names: Vec<String>,
    pub(crate) message_attribute_names: Vec<String>,
    pub(crate) max_number_of_messages: Option<i64>,
    pub(crate) visibility_timeout: Option<i64>,
    pub(crate) wait_time_seconds: Option<i64>,
}

impl ReceiveMessage {
    /// Checks every bound that does not need the queue.
    pub(crate) fn check(&self) -> Result<(), SqsError> {
        if let Some(number) = self.max_number_of_messages.filter(|number| !(1..=10).contains(number)) {
            return Err(SqsError::invalid(
                number,
                "MaxNumberOfMessages",
                "Must be between 1 and 10, if provided.",
            ));
        }
        if let Some(wait) = self.wait_time_seconds.filter(|wait| !(0..=20).contains(wait)) {
            return Err(SqsError::invalid(
                wait,
                "WaitTimeSeconds",
                "Must be >= 0 and <= 20, if provided.",
            ));
        }
        if let Some(timeout) = self.visibility_timeout {
            super::settle::check_visibility(timeout)?;
        }
        match self.wanted().find(|name| !SYSTEM_ATTRIBUTES.contains(name)) {
            Some(unknown) => Err(SqsError::InvalidAttributeName(unknown.to_owned())),
            None => Ok(()),
        }
    }

    fn wanted(&self) -> impl Iterator<Item = &str> {
        self.attribute_names
            .iter()
            .chain(&self.message_system_attribute_names)
            .map(String::as_str)
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted().any(|wanted| wanted == "All" || wanted == name)
    }
}

/// The outcome of one attempt to receive.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) messages: Vec<Value>,
    /// When the next message of the queue becomes visible, if one is waiting (Unix time in milliseconds).
    pub(crate) next_visible_ms: Option<i64>,
    /// How long the queue lets a receive wait when the request does not say.
    pub(crate) default_wait_s: i64,
    /// The dead-letter queue that got messages by this attempt.
    pub(crate) moved_to: Option<String>,
}

struct Candidate {
    id: i64,
    message_id: String,
    body: String,
    attributes: Option<String>,
    trace_header: Option<String>,
    sent_ms: i64,
    received: i64,
    received_here: i64,
    first_received_ms: Option<i64>,
    dead_letter_source: Option<String>,
}

impl Candidate {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            message_id: row.get(1)?,
            body: row.get(2)?,
            attributes: row.get(3)?,
            trace_header: row.get(4)?,
            sent_ms: row.get(5)?,
            received: row.get(6)?,
            received_here: row.get(7)?,
            first_received_ms: row.get(8)?,
            dead_letter_source: row.get(9)?,
        })
    }
}

/// Receives up to the wanted number of visible messages.
pub(crate) fn receive(connection: &Connection, name: &str, request: &ReceiveMessage) -> Result<Received, SqsError> {
    let queue = queue::find(connection, name)?;
    let now = unix_millis();
    let wanted = usize::try_from(request.max_number_of_messages.unwrap_or(1)).unwrap_or(1);
    if in_flight(connection, queue.id, now)? >= MAX_IN_FLIGHT {
        return Err(SqsError::OverLimit);
    }
    let dead_letters = dead_letter_queue(connection, &queue)?;
    let mut received = Received {
        default_wait_s: queue.number("ReceiveMessageWaitTimeSeconds"),
        ..Received::default()
    };
    let mut handed_out = BTreeSet::new();
    let mut moved = 0;
    while received.messages.len() < wanted && moved < MAX_MOVED_PER_RECEIVE {
        // With a time-out of zero the messages handed out in an earlier round are still visible, and listed again.
        let mut candidates = candidates(connection, &queue, now, wanted + handed_out.len())?;
        candidates.retain(|candidate| !handed_out.contains(&candidate.id));
        if candidates.is_empty() {
            break;
        }
        for candidate in candidates.into_iter().take(wanted - received.messages.len()) {
            match &dead_letters {
                Some((target, limit)) if candidate.received_here >= *limit => {
                    bury(connection, &queue, target, candidate.id, now)?;
                    moved += 1;
                    received.moved_to = Some(target.name.clone());
                }
                _ => {
                    handed_out.insert(candidate.id);
                    received
                        .messages
                        .push(hand_out(connection, &queue, candidate, request, now)?);
                }
            }
        }
    }
    if received.messages.is_empty() {
        received.next_visible_ms = next_visible(connection, queue.id)?;
    }
    Ok(received)
}

/// Messages received and neither deleted nor visible again.
pub(crate) fn in_flight(connection: &Connection, queue_id: i64, now: i64) -> Result<i64, SqsError> {
    Ok(connection
        .prepare_cached(
            "SELECT COUNT(*) FROM messages WHERE queue_id = ?1 AND receipt IS NOT NULL AND visible_ms > ?2",
        )?
        .query_row(params![queue_id, now], |row| row.get(0))?)
}

fn dead_letter_queue(connection: &Connection, queue: &Queue) -> Result<Option<(Queue, i64)>, SqsError> {
    let Some(policy) = queue.redrive_policy() else {
        return Ok(None);
    };
    let name = queue::name_of_arn(&policy.dead_letter_target_arn)
        .ok_or_else(|| SqsError::QueueDoesNotExist(policy.dead_letter_target_arn.clone()))?;
    Ok(Some((queue::find(connection, name)?, policy.max_receive_count)))
}

fn candidates(connection: &Connection, queue: &Queue, now: i64, limit: usize) -> Result<Vec<Candidate>, SqsError> {
    let oldest = now - queue.number("MessageRetentionPeriod") * 1_000;
    let rows = connection
        .prepare_cached(
            "SELECT id, message_id, body, attributes, trace_header, sent_ms, received, received_here, first_received_ms,
                    dead_letter_source
             FROM messages WHERE queue_id = ?1 AND visible_ms <= ?2 AND sent_ms > ?3 ORDER BY visible_ms, id LIMIT ?4",
        )?
        .query_map(params![queue.id, now, oldest, i64::try_from(limit).unwrap_or(1)], Candidate::read)?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(rows)
}

/// Moves a message to the dead-letter queue. It keeps its id and age; handles of earlier receives become stale.
fn bury(connection: &Connection, from: &Queue, target: &Queue, id: i64, now: i64) -> Result<(), SqsError> {
    connection
        .prepare_cached(
            "UPDATE messages SET queue_id = ?2, visible_ms = ?3, received_here = 0, receipt = NULL, dead_letter_source = ?4
             WHERE id = ?1",
        )?
        .execute(params![id, target.id, now, from.name])?;
    Ok(())
}

fn hand_out(
    connection: &Connection,
    queue: &Queue,
    message: Candidate,
    request: &ReceiveMessage,
    now: i64,
) -> Result<Value, SqsError> {
    let timeout = request
        .visibility_timeout
        .unwrap_or_else(|| queue.number("VisibilityTimeout"));
    let handle = ReceiptHandle::new(queue.id, message.id);
    // A time-out of zero leaves the message visible: this handle can delete it until the next receive.
    connection
        .prepare_cached(
            "UPDATE messages SET visible_ms = ?2, received = received + 1, received_here = received_here + 1,
                    first_received_ms = COALESCE(first_received_ms, ?3), last_received_ms = ?3, receipt = ?4
             WHERE id = ?1",
        )?
        .execute(params![message.id, now + timeout * 1_000, now, handle.receipt])?;
    let attributes: MessageAttributes = match &message.attributes {
        Some(text) => serde_json::from_str(text).map_err(|error| SqsError::Internal(error.to_string()))?,
        None => MessageAttributes::new(),
    };
    let selected = attributes::select(attributes, &request.message_attribute_names);
    let mut shown = json!({
        "MessageId": message.message_id,
        "ReceiptHandle": handle.encode(),
        "MD5OfBody": attributes::md5_hex(message.body.as_bytes()),
    });
    let system = system_attributes(&message, request, now);
    if !system.is_empty() {
        shown["Attributes"] = Value::Object(system);
    }
    if let Some(digest) = attributes::digest(&selected)? {
        shown["MessageAttributes"] = json!(selected);
        shown["MD5OfMessageAttributes"] = Value::String(digest);
    }
    shown["Body"] = Value::String(message.body);
    Ok(shown)
}

fn system_attributes(message: &Candidate, request: &ReceiveMessage, now: i64) -> Map<String, Value> {
    let first = message.first_received_ms.unwrap_or(now);
    [
        ("SenderId", Some(crate::aws::ACCOUNT_ID.to_owned())),
        ("SentTimestamp", Some(message.sent_ms.to_string())),
        ("ApproximateReceiveCount", Some((message.received + 1).to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(first.to_string())),
        ("AWSTraceHeader", message.trace_header.clone()),
        (
            "DeadLetterQueueSourceArn",
            message.dead_letter_source.as_deref().map(queue::arn),
        ),
    ]
    .into_iter()
    .filter(|(name, _)| request.wants(name))
    .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
    .collect()
}

fn next_visible(connection: &Connection, queue_id: i64) -> Result<Option<i64>, SqsError> {
    Ok(connection
        .prepare_cached("SELECT MIN(visible_ms) FROM messages WHERE queue_id = ?1")?
        .query_row([queue_id], |row| row.get(0))?)
}
