//! Imports of files with parties: what each file came to, and how far its parts are.
//!
//! A file is cut into parts by bytes. How far a part is stands in one item under a version: position, counts and the files with
//! what was rejected change together or not at all. The last step of a part counts it on the run in the same transaction, so that
//! whoever finds all parts counted finishes the run.

use chrono::{DateTime, Utc};
use domain::id::{RunId, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use ::party::row::Header;

use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError, Value, Written};
use crate::error::StoreError;
use crate::record::{Made, Record};

/// Bytes of a part.
pub const PART_BYTES: u64 = 1024 * 1024;
/// Most parts of a file: 10,000 parts are some 10 GB.
pub const PARTS_MAX: u64 = 10_000;
/// Parts of one page.
const PARTS_PAGE: i32 = 500;
/// Seconds after which runs may be dropped: 400 days.
const RUN_SECONDS: i64 = 400 * 24 * 60 * 60;
/// Seconds after which parts may be dropped: 90 days, longer than any file is kept.
const PART_SECONDS: i64 = 90 * 24 * 60 * 60;

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Names of the columns; `None` for lines of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The other system, where the file's name says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<::party::Word>,
    /// Where the first row begins, in bytes.
    pub start: u64,
}

/// A file and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Follows from the file's key and content.
    pub id: RunId,
    /// Counts the changes, from 1.
    pub version: u64,
    /// How often the file was walked through, with this time.
    pub revision: u32,
    /// Key of the file in its bucket.
    pub file: String,
    /// The bucket.
    pub bucket: String,
    /// ETag of the file.
    pub etag: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// The notification that began this revision; a repeated one begins nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// How the file is read; `None` when it was refused at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Parts of the file.
    pub parts: u32,
    /// Parts that are done.
    pub parts_done: u32,
    /// Why nothing, or nothing more, of the file is imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What it came to, once all parts are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
}

impl Run {
    /// Whether there is work left.
    pub const fn is_open(&self) -> bool {
        self.refused.is_none() && self.result.is_none()
    }
}

/// Rows of a file or of a part of it. Each is in exactly one of the last four.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All rows.
    pub read: u64,
    /// Rows that made a party.
    pub created: u64,
    /// Rows that changed one.
    pub changed: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows that were rejected.
    pub rejected: u64,
}

impl Counts {
    /// Adds others.
    pub const fn add(&mut self, other: &Self) {
        self.read = self.read.saturating_add(other.read);
        self.created = self.created.saturating_add(other.created);
        self.changed = self.changed.saturating_add(other.changed);
        self.unchanged = self.unchanged.saturating_add(other.unchanged);
        self.rejected = self.rejected.saturating_add(other.rejected);
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResult {
    /// Rows of all parts.
    pub counts: Counts,
    /// The file with what was rejected; `None` when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<Rejects>,
    /// When the last part was done.
    pub at: DateTime<Utc>,
}

/// The file with what was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// Its key in the bucket of the imports.
    pub key: String,
    /// Rejected rows in it; fewer than were rejected when there are more than it can hold.
    pub rows: u64,
}

/// How far a part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number, from 0.
    pub number: u32,
    /// Counts the steps, from 1.
    pub version: u64,
    /// Where the next line begins, in bytes of the file.
    pub position: u64,
    /// Lines that begin in the part, as far as it was read.
    pub lines: u64,
    /// Whether nothing is left to do.
    pub done: bool,
    /// What it came to so far.
    pub counts: Counts,
    /// Keys of the objects with what was rejected, in the order of the rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<String>,
}

/// Digits of a run's id.
const ID_DIGITS: usize = 32;

/// The id of a file's run: the same file with the same content is the same run. `None` for what no file comes to.
pub fn run_id(key: &str, etag: &str) -> Option<RunId> {
    let digest = Sha256::digest(format!("{key}\n{etag}").as_bytes());
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.get(..ID_DIGITS)?.parse().ok()
}

fn run_key(tenant: &Tenant, run: &RunId) -> Key {
    Key {
        pk: format!("IMPORT#{tenant}"),
        sk: run.to_string(),
    }
}

fn part_partition(tenant: &Tenant, run: &RunId) -> String {
    format!("IMPORT#{tenant}#{run}")
}

fn part_key(tenant: &Tenant, (run, revision): (&RunId, u32), part: u32) -> Key {
    Key {
        pk: part_partition(tenant, run),
        sk: format!("{}{part:05}", part_prefix(revision)),
    }
}

fn part_prefix(revision: u32) -> String {
    format!("PART#{revision:06}#")
}

/// A run, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, tenant: &Tenant, run: &RunId) -> Result<Option<Record<Run>>, StoreError> {
    db.get(site, &run_key(tenant, run), Read::Strong).await
}

/// Runs of a tenant in the order of their ids, in pages of at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Run>>, Option<String>), StoreError> {
    let mut range = Range::prefix(format!("IMPORT#{tenant}"), "", limit);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Stores the next image of a run: the first, or the one after `before`. `false` when another one stands there.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: Run,
    before: Option<&Record<Run>>,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let made = made.into();
    let ttl = made.at.timestamp().saturating_add(RUN_SECONDS);
    let mut record = Record::new(run_key(tenant, &run.id), "import", made, run);
    record.ttl = Some(ttl);
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            record.d.version = before.d.version.saturating_add(1);
            Condition::version(before.d.version)
        }
    };
    let written = db.write::<Run>(site, Leg::put(site, &record, Some(condition))?).await?;
    Ok(matches!(written, Written::Done))
}

/// How far a part of a revision is; `None` before its first step.
///
/// # Errors
/// [`StoreError`].
pub async fn part(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: (&RunId, u32),
    number: u32,
) -> Result<Option<Record<Part>>, StoreError> {
    db.get(site, &part_key(tenant, run, number), Read::Strong).await
}

/// The parts of a revision that have begun, in pages and in their order.
///
/// # Errors
/// [`StoreError`].
pub async fn parts(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    (run, revision): (&RunId, u32),
    after: Option<String>,
) -> Result<(Vec<Record<Part>>, Option<String>), StoreError> {
    let mut range = Range::prefix(part_partition(tenant, run), &part_prefix(revision), PARTS_PAGE);
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// The sum of a revision's parts as far as they are.
///
/// # Errors
/// [`StoreError`].
pub async fn counts(db: &Db, site: Site, tenant: &Tenant, run: &Run) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let mut after = None;
    loop {
        let (page, next) = parts(db, site, tenant, (&run.id, run.revision), after).await?;
        for part in page {
            counts.add(&part.d.counts);
        }
        after = next;
        if after.is_none() {
            return Ok(counts);
        }
    }
}

/// Stores the next step of a part; the last one counts the part on its run. `false` when another worker has stored one since
/// `before` was read, or the run has another revision.
///
/// # Errors
/// [`StoreError`].
pub async fn advance(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: (&RunId, u32),
    before: Option<&Record<Part>>,
    part: Part,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = part.done;
    let mut record = Record::new(part_key(tenant, run, part.number), "import_part", now, part);
    record.ttl = Some(now.timestamp().saturating_add(PART_SECONDS));
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            record.d.version = before.d.version.saturating_add(1);
            Condition::version(before.d.version)
        }
    };
    let put = Leg::put(site, &record, Some(condition))?;
    if !done {
        return Ok(matches!(db.write::<Part>(site, put).await?, Written::Done));
    }
    let expression = "SET #d.#done = #d.#done + :one, #d.#version = #d.#version + :one";
    let counted = Condition::new(expression)
        .name("#d", "d")
        .name("#done", "parts_done")
        .name("#version", "version")
        .name("#revision", "revision")
        .value(":one", Value::Integer(1))
        .value(":revision", Value::Integer(run.1.into()));
    let count = Leg::Update(
        run_key(tenant, run.0),
        counted,
        Some("#d.#revision = :revision".to_owned()),
    );
    match db.transact(site, vec![put, count]).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}
