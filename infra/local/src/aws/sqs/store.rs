//! One thread that owns the SQLite database of the queues and commits the work of concurrent requests together.
//!
//! A request is answered after the commit that contains it, so that what was answered survives a SIGKILL. Sends are also
//! synced to the disk before the answer; the record of a receive or delete is not, because losing it in a power failure
//! only delivers a message again, which a standard queue may do at any time.

use super::error::SqsError;
use crate::aws::AwsError;
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const SERVICE: &str = "SQS";

/// Requests that may wait for the thread; the senders wait for room beyond that.
const QUEUED_JOBS: usize = 1_024;

/// Requests committed together at most, so that the first of them never waits for more than some tens of milliseconds.
const JOBS_PER_COMMIT: usize = 64;

/// The version of the schema below, kept in the file.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    attributes TEXT NOT NULL,
    created_s INTEGER NOT NULL,
    modified_s INTEGER NOT NULL
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id INTEGER NOT NULL REFERENCES queues (id),
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT,
    trace_header TEXT,
    sent_ms INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    -- Receives in all queues, as reported, and in this queue, as counted against maxReceiveCount.
    received INTEGER NOT NULL DEFAULT 0,
    received_here INTEGER NOT NULL DEFAULT 0,
    first_received_ms INTEGER,
    last_received_ms INTEGER,
    -- The part of the latest receipt handle that makes it the latest.
    receipt TEXT,
    -- The queue from which the message was moved to this dead-letter queue.
    dead_letter_source TEXT
);
CREATE INDEX messages_by_visibility ON messages (queue_id, visible_ms, id);
CREATE INDEX messages_received ON messages (queue_id, visible_ms) WHERE receipt IS NOT NULL;
CREATE INDEX messages_by_age ON messages (queue_id, sent_ms);
CREATE TABLE move_tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    destination TEXT,
    rate INTEGER,
    status TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    -- The newest message when the task started; what arrives later is not moved.
    last_message INTEGER NOT NULL,
    to_move INTEGER NOT NULL,
    moved INTEGER NOT NULL DEFAULT 0,
    failure TEXT
);
";

/// What must have happened before a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Committed: survives the end of the process.
    Committed,
    /// Committed and synced: survives a power failure as well.
    Synced,
}

type Reply = Box<dyn FnOnce(Result<(), SqsError>) + Send>;

struct Done {
    failed: bool,
    reply: Reply,
}

struct Job {
    durability: Durability,
    work: Box<dyn FnOnce(&Connection) -> Done + Send>,
}

/// The queues' database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
}

/// Resolves when the store's thread has closed the database, which it does when the last [`Store`] is dropped.
pub(crate) type Closed = oneshot::Receiver<()>;

impl Store {
    /// Opens the database (`file`, or memory) and starts its thread.
    pub(crate) fn open(file: Option<&Path>) -> Result<(Self, Closed), AwsError> {
        let connection = match file {
            Some(path) => Connection::open(path),
            None => Connection::open_in_memory(),
        }
        .map_err(AwsError::database(SERVICE))?;
        prepare(&connection)?;
        let (jobs, queued) = mpsc::channel(QUEUED_JOBS);
        let (closed, when_closed) = oneshot::channel();
        std::thread::Builder::new()
            .name("sqs-store".to_owned())
            .spawn(move || {
                run(connection, queued);
                // Nobody waits when the endpoint was dropped without a stop.
                let _ = closed.send(());
            })
            .map_err(|source| AwsError::Thread {
                service: SERVICE,
                source,
            })?;
        Ok((Self { jobs }, when_closed))
    }

    /// Runs `work` in a transaction and answers after its commit; an error undoes what `work` did and nothing else.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, SqsError> + Send + 'static,
    ) -> Result<T, SqsError> {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move |connection: &Connection| {
            let result = work(connection);
            Done {
                failed: result.is_err(),
                reply: Box::new(move |commit: Result<(), SqsError>| {
                    // The requester may have hung up; the work stands all the same.
                    let _ = answer.send(commit.and(result));
                }),
            }
        });
        let gone = || SqsError::Internal("The local SQS has stopped.".to_owned());
        self.jobs.send(Job { durability, work }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn prepare(connection: &Connection) -> Result<(), AwsError> {
    let error = AwsError::database(SERVICE);
    let prepared = (|| {
        connection.busy_timeout(Duration::from_secs(1))?;
        // One process only: a second one must fail at once and not steal messages.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
    })()
    .map_err(error)?;
    match prepared {
        0 => connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
            ))
            .map_err(AwsError::database(SERVICE)),
        SCHEMA_VERSION => Ok(()),
        newer => Err(AwsError::Invalid {
            what: "SQS database".to_owned(),
            reason: format!(
                "it has schema version {newer}, this build knows {SCHEMA_VERSION}; use a newer build or another data folder"
            ),
        }),
    }
}

fn run(connection: Connection, mut queued: mpsc::Receiver<Job>) {
    let mut current = Durability::Synced;
    while let Some(first) = queued.blocking_recv() {
        let mut group = vec![first];
        while group.len() < JOBS_PER_COMMIT {
            match queued.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        let synced = group.iter().any(|job| job.durability == Durability::Synced);
        let wanted = if synced {
            Durability::Synced
        } else {
            Durability::Committed
        };
        let mut replies = Vec::with_capacity(group.len());
        let result = commit_group(&connection, group, (&mut current, wanted), &mut replies);
        if let Err(error) = &result {
            tracing::error!(%error, "SQS: a group of requests was rolled back; their senders get an error and may repeat them");
        }
        for reply in replies {
            reply(result.clone());
        }
    }
}

/// Runs the jobs in one transaction, each in its own savepoint. On an error nothing of the group is kept; jobs that did not
/// run by then drop their reply, which their requester sees as an error.
fn commit_group(
    connection: &Connection,
    group: Vec<Job>,
    (current, wanted): (&mut Durability, Durability),
    replies: &mut Vec<Reply>,
) -> Result<(), SqsError> {
    if *current != wanted {
        let mode = if wanted == Durability::Synced { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", mode)?;
        *current = wanted;
    }
    let result = (|| {
        execute(connection, "BEGIN IMMEDIATE")?;
        for job in group {
            execute(connection, "SAVEPOINT job")?;
            let done = (job.work)(connection);
            replies.push(done.reply);
            if done.failed {
                execute(connection, "ROLLBACK TO job")?;
            }
            execute(connection, "RELEASE job")?;
        }
        execute(connection, "COMMIT")
    })();
    if result.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    result.map_err(SqsError::from)
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}
