//! Moving messages out of a dead-letter queue: `StartMessageMoveTask` and what carries it out.

use super::error::SqsError;
use super::queue;
use crate::aws::clock::unix_millis;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use serde_json::{Value, json};

/// Messages moved per second unless the request names fewer; also the most it may name.
const MAX_RATE: i64 = 500;

/// Finished tasks kept per source queue, as many as `ListMessageMoveTasks` returns at most.
const KEPT_TASKS: i64 = 10;

/// The body of `StartMessageMoveTask`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct StartMessageMoveTask {
    pub(crate) source_arn: Option<String>,
    pub(crate) destination_arn: Option<String>,
    pub(crate) max_number_of_messages_per_second: Option<i64>,
}

/// The body of `ListMessageMoveTasks`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct ListMessageMoveTasks {
    pub(crate) source_arn: Option<String>,
    pub(crate) max_results: Option<i64>,
}

#[derive(Debug)]
struct Task {
    id: i64,
    source: String,
    destination: Option<String>,
    rate: Option<i64>,
    last_message: i64,
}

impl Task {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            source: row.get(1)?,
            destination: row.get(2)?,
            rate: row.get(3)?,
            last_message: row.get(4)?,
        })
    }
}

/// What one step over all running tasks did.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Tasks that go on a second later.
    pub(crate) running: usize,
    /// Queues that got messages.
    pub(crate) filled: Vec<String>,
}

fn queue_of(connection: &Connection, arn: &str) -> Result<queue::Queue, SqsError> {
    let name = queue::name_of_arn(arn).ok_or_else(|| SqsError::ResourceNotFound(arn.to_owned()))?;
    queue::find(connection, name).map_err(|error| match error {
        SqsError::QueueDoesNotExist(_) => SqsError::ResourceNotFound(arn.to_owned()),
        other => other,
    })
}

/// Records a task; a step carries it out. Returns its handle.
pub(crate) fn start(connection: &Connection, request: &StartMessageMoveTask) -> Result<String, SqsError> {
    let source_arn = request
        .source_arn
        .as_deref()
        .ok_or(SqsError::MissingParameter("SourceArn"))?;
    let source = queue_of(connection, source_arn)?;
    let destination = request
        .destination_arn
        .as_deref()
        .map(|arn| queue_of(connection, arn))
        .transpose()?;
    if destination.as_ref().is_some_and(|queue| queue.id == source.id) {
        return Err(SqsError::invalid(
            source_arn,
            "DestinationArn",
            "Source queue and destination queue must differ.",
        ));
    }
    if queue::dead_letter_sources(connection, &source.name)?.is_empty() {
        return Err(SqsError::invalid(
            source_arn,
            "SourceArn",
            "Source queue must be configured as a Dead Letter Queue.",
        ));
    }
    let rate = request.max_number_of_messages_per_second;
    if let Some(rate) = rate.filter(|rate| !(1..=MAX_RATE).contains(rate)) {
        return Err(SqsError::invalid(
            rate,
            "MaxNumberOfMessagesPerSecond",
            "Must be between 1 and 500.",
        ));
    }
    let running: i64 = connection.query_row(
        "SELECT COUNT(*) FROM move_tasks WHERE source = ?1 AND status = 'RUNNING'",
        [&source.name],
        |row| row.get(0),
    )?;
    if running > 0 {
        return Err(SqsError::UnsupportedOperation(format!(
            "There is already a task running for {source_arn}. Only one message move task per queue at a time."
        )));
    }
    let now = unix_millis();
    let (to_move, last_message): (i64, i64) = connection.query_row(
        "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM messages WHERE queue_id = ?1 AND visible_ms <= ?2",
        params![source.id, now],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    connection.execute(
        "INSERT INTO move_tasks (source, destination, rate, status, started_ms, last_message, to_move)
         VALUES (?1, ?2, ?3, 'RUNNING', ?4, ?5, ?6)",
        params![
            source.name,
            destination.map(|queue| queue.name),
            rate,
            now,
            last_message,
            to_move
        ],
    )?;
    let id = connection.last_insert_rowid();
    connection.execute(
        "DELETE FROM move_tasks WHERE source = ?1 AND id NOT IN
         (SELECT id FROM move_tasks WHERE source = ?1 ORDER BY id DESC LIMIT ?2)",
        params![source.name, KEPT_TASKS],
    )?;
    Ok(handle(id))
}

/// The latest tasks of a source queue, newest first.
pub(crate) fn list(connection: &Connection, request: &ListMessageMoveTasks) -> Result<Vec<Value>, SqsError> {
    let source_arn = request
        .source_arn
        .as_deref()
        .ok_or(SqsError::MissingParameter("SourceArn"))?;
    let source = queue_of(connection, source_arn)?;
    let limit = request.max_results.unwrap_or(1);
    if !(1..=KEPT_TASKS).contains(&limit) {
        return Err(SqsError::invalid(limit, "MaxResults", "Must be between 1 and 10."));
    }
    let tasks = connection
        .prepare_cached(
            "SELECT id, destination, rate, status, started_ms, to_move, moved, failure FROM move_tasks
             WHERE source = ?1 ORDER BY id DESC LIMIT ?2",
        )?
        .query_map(params![source.name, limit], |row| describe(row, source_arn))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(tasks)
}

fn describe(row: &Row<'_>, source_arn: &str) -> rusqlite::Result<Value> {
    let status: String = row.get(3)?;
    let mut task = json!({
        "SourceArn": source_arn,
        "Status": status,
        "StartedTimestamp": row.get::<_, i64>(4)?,
        "ApproximateNumberOfMessagesToMove": row.get::<_, i64>(5)?,
        "ApproximateNumberOfMessagesMoved": row.get::<_, i64>(6)?,
    });
    if status == "RUNNING" {
        task["TaskHandle"] = Value::String(handle(row.get(0)?));
    }
    if let Some(destination) = row.get::<_, Option<String>>(1)? {
        task["DestinationArn"] = Value::String(queue::arn(&destination));
    }
    if let Some(rate) = row.get::<_, Option<i64>>(2)? {
        task["MaxNumberOfMessagesPerSecond"] = Value::from(rate);
    }
    if let Some(failure) = row.get::<_, Option<String>>(7)? {
        task["FailureReason"] = Value::String(failure);
    }
    Ok(task)
}

fn handle(id: i64) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("move-task:{id}"))
}

/// Moves up to a second's worth of messages for every running task and finishes those that have nothing left.
pub(crate) fn step(connection: &Connection) -> Result<Step, SqsError> {
    let tasks = connection
        .prepare_cached("SELECT id, source, destination, rate, last_message FROM move_tasks WHERE status = 'RUNNING'")?
        .query_map([], Task::read)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut step = Step::default();
    for task in tasks {
        step_task(connection, &task, &mut step)?;
    }
    Ok(step)
}

fn step_task(connection: &Connection, task: &Task, step: &mut Step) -> Result<(), SqsError> {
    let source = queue::find(connection, &task.source)?;
    let rate = task.rate.unwrap_or(MAX_RATE);
    let now = unix_millis();
    let messages: Vec<(i64, Option<String>)> = connection
        .prepare_cached(
            "SELECT id, dead_letter_source FROM messages
             WHERE queue_id = ?1 AND visible_ms <= ?2 AND id <= ?3 ORDER BY id LIMIT ?4",
        )?
        .query_map(params![source.id, now, task.last_message, rate], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let count = i64::try_from(messages.len()).unwrap_or(rate);
    let mut failure = None;
    for (id, origin) in messages {
        let Some(name) = task.destination.clone().or(origin) else {
            failure = Some("CouldNotDetermineMessageSource");
            break;
        };
        give_back(connection, id, &name, now)?;
        connection
            .prepare_cached("UPDATE move_tasks SET moved = moved + 1 WHERE id = ?1")?
            .execute([task.id])?;
        if !step.filled.contains(&name) {
            step.filled.push(name);
        }
    }
    let status = match failure {
        Some(_) => "FAILED",
        None if count < rate => "COMPLETED",
        None => {
            step.running += 1;
            return Ok(());
        }
    };
    connection.execute(
        "UPDATE move_tasks SET status = ?2, failure = ?3 WHERE id = ?1",
        params![task.id, status, failure],
    )?;
    Ok(())
}

/// Puts a message into a queue as a new one, with a new id and age, as AWS does.
fn give_back(connection: &Connection, id: i64, name: &str, now: i64) -> Result<(), SqsError> {
    let target: Option<i64> = connection
        .prepare_cached("SELECT id FROM queues WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let target = target.ok_or_else(|| SqsError::QueueDoesNotExist(name.to_owned()))?;
    connection
        .prepare_cached(
            "UPDATE messages SET queue_id = ?2, message_id = ?3, sent_ms = ?4, visible_ms = ?4, received = 0,
                    received_here = 0, first_received_ms = NULL, last_received_ms = NULL, receipt = NULL,
                    dead_letter_source = NULL
             WHERE id = ?1",
        )?
        .execute(params![id, target, uuid::Uuid::new_v4().to_string(), now])?;
    Ok(())
}
