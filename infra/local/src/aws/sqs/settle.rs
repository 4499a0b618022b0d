//! What happens to a received message: deletion and changes of its visibility; and emptying a queue, and ageing.

use super::error::SqsError;
use super::handle::ReceiptHandle;
use super::queue;
use crate::aws::clock::unix_millis;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

/// The longest visibility time-out, counted from the receive, in seconds (12 hours).
const MAX_VISIBILITY_S: i64 = 43_200;

/// Messages deleted by age in one transaction, so that other requests hardly wait.
const EXPIRE_BATCH: i64 = 1_000;

/// A handle with what to do, alone or in a batch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct Settle {
    /// Present in a batch only.
    pub(crate) id: Option<String>,
    /// Present outside of a batch only.
    pub(crate) queue_url: Option<String>,
    pub(crate) receipt_handle: Option<String>,
    /// For a change of visibility, in seconds.
    pub(crate) visibility_timeout: Option<i64>,
}

/// What becomes of a received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    Delete,
    ChangeVisibility,
}

impl Settlement {
    pub(crate) fn apply(self, connection: &Connection, queue: &str, request: &Settle) -> Result<(), SqsError> {
        match self {
            Self::Delete => delete(connection, queue, request),
            Self::ChangeVisibility => change_visibility(connection, queue, request),
        }
    }
}

impl Settle {
    fn handle(&self, queue_id: i64) -> Result<ReceiptHandle, SqsError> {
        let text = self
            .receipt_handle
            .as_deref()
            .ok_or(SqsError::MissingParameter("ReceiptHandle"))?;
        ReceiptHandle::decode(text, queue_id)
    }
}

/// Refuses a visibility time-out out of bounds.
pub(crate) fn check_visibility(seconds: i64) -> Result<(), SqsError> {
    if (0..=MAX_VISIBILITY_S).contains(&seconds) {
        return Ok(());
    }
    Err(SqsError::invalid(
        seconds,
        "VisibilityTimeout",
        "VisibilityTimeout must be an integer between 0 and 43200.",
    ))
}

/// Deletes a message if the handle is its latest one. An older handle, or one of a deleted message, is accepted and does
/// nothing, as in AWS: the message belongs to whoever received it last.
fn delete(connection: &Connection, name: &str, request: &Settle) -> Result<(), SqsError> {
    let queue = queue::find(connection, name)?;
    let handle = request.handle(queue.id)?;
    connection
        .prepare_cached("DELETE FROM messages WHERE id = ?1 AND queue_id = ?2 AND receipt = ?3")?
        .execute(params![handle.message, queue.id, handle.receipt])?;
    Ok(())
}

/// Hides a received message for `VisibilityTimeout` seconds from now; zero gives it back at once.
fn change_visibility(connection: &Connection, name: &str, request: &Settle) -> Result<(), SqsError> {
    let timeout = request
        .visibility_timeout
        .ok_or(SqsError::MissingParameter("VisibilityTimeout"))?;
    check_visibility(timeout)?;
    let queue = queue::find(connection, name)?;
    let handle = request.handle(queue.id)?;
    let now = unix_millis();
    let found: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT visible_ms, last_received_ms FROM messages WHERE id = ?1 AND queue_id = ?2 AND receipt = ?3",
        )?
        .query_row(params![handle.message, queue.id, handle.receipt], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((visible_ms, received_ms)) = found else {
        return Err(SqsError::invalid(
            "of the request",
            "ReceiptHandle",
            "Message does not exist or is not available for visibility timeout change.",
        ));
    };
    if visible_ms <= now {
        return Err(SqsError::MessageNotInflight);
    }
    if now + timeout * 1_000 - received_ms > MAX_VISIBILITY_S * 1_000 {
        return Err(SqsError::invalid(
            timeout,
            "VisibilityTimeout",
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
        ));
    }
    connection
        .prepare_cached("UPDATE messages SET visible_ms = ?2 WHERE id = ?1")?
        .execute(params![handle.message, now + timeout * 1_000])?;
    Ok(())
}

/// Deletes every message of a queue.
pub(crate) fn purge(connection: &Connection, name: &str) -> Result<(), SqsError> {
    let queue = queue::find(connection, name)?;
    connection.execute("DELETE FROM messages WHERE queue_id = ?1", [queue.id])?;
    Ok(())
}

/// Deletes messages older than their queue keeps them; returns whether there may be more. A receive never returns such a
/// message, deleted yet or not.
pub(crate) fn expire(connection: &Connection) -> Result<bool, SqsError> {
    let now = unix_millis();
    let names = connection
        .prepare_cached("SELECT name FROM queues")?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut more = false;
    for name in names {
        let queue = queue::find(connection, &name)?;
        let oldest = now - queue.number("MessageRetentionPeriod") * 1_000;
        let deleted = connection
            .prepare_cached(
                "DELETE FROM messages WHERE id IN
                 (SELECT id FROM messages WHERE queue_id = ?1 AND sent_ms <= ?2 LIMIT ?3)",
            )?
            .execute(params![queue.id, oldest, EXPIRE_BATCH])?;
        more |= i64::try_from(deleted).unwrap_or(0) == EXPIRE_BATCH;
    }
    Ok(more)
}
