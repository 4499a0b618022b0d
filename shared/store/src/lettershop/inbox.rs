//! Files that printer and carriers put into the inbox, and what became of each.
//!
//! A file is named by its key and content, so the notice of it may come twice. How far it is stands in one item under a version:
//! position and counts change together.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::{RunId, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::import;
use crate::record::Record;
use crate::run::{MEMBER_DAYS, days_after};

/// Lines of a file that are told one by one; beyond that they are counted.
pub const LINES_MAX: usize = 1_000;

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileId {
    /// Tenant.
    pub tenant: Tenant,
    /// When it was put, by the bucket's clock.
    pub put_at: DateTime<Utc>,
    /// Follows from its key and content.
    pub id: RunId,
}

impl FileId {
    /// The file with this key and ETag; `None` when they make no name.
    pub fn of(tenant: Tenant, put_at: DateTime<Utc>, key: &str, etag: &str) -> Option<Self> {
        Some(Self {
            tenant,
            put_at,
            id: import::run_id(key, etag)?,
        })
    }

    fn key(&self) -> Key {
        Key {
            pk: partition(&self.tenant),
            sk: format!("{PREFIX}{}", self.name()),
        }
    }

    /// How callers name it: by the instant, so that names sort by it.
    pub fn name(&self) -> String {
        format!("{:013}-{}", self.put_at.timestamp_millis(), self.id)
    }
}

const PREFIX: &str = "INBOX#";

fn partition(tenant: &Tenant) -> String {
    format!("LETTERSHOP#{tenant}")
}

/// A line of a file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// The field, or the letter.
    pub what: String,
    /// Why.
    pub code: String,
}

/// A file and what became of it. Names nobody: a letter's id leads to a person only with the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Counts the writes of the item, from 1; 0 before the first.
    pub version: u64,
    /// Key of the file in its bucket.
    pub file: String,
    /// Letters of it that are worked off.
    pub position: usize,
    /// The line of the last of them: what is agreed on with a carrier may change between two of its letters.
    #[serde(default)]
    pub last_line: u64,
    /// Rows, once it was read.
    pub rows: usize,
    /// Letters by what became of them.
    #[serde(default)]
    pub outcomes: BTreeMap<String, u64>,
    /// Lines that were not taken, at most [`LINES_MAX`].
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Lines that were not taken and have no room among those.
    #[serde(default)]
    pub more_lines: u64,
    /// Why nothing of it was taken, or nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// When it was done, or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

impl Received {
    /// A file of which nothing is done yet.
    pub const fn new(file: String) -> Self {
        Self {
            version: 0,
            file,
            position: 0,
            last_line: 0,
            rows: 0,
            outcomes: BTreeMap::new(),
            lines: Vec::new(),
            more_lines: 0,
            refused: None,
            done_at: None,
        }
    }

    /// Tells a line that was not taken.
    pub fn tell(&mut self, line: Line) {
        if self.lines.len() < LINES_MAX {
            self.lines.push(line);
        } else {
            self.more_lines = self.more_lines.saturating_add(1);
        }
    }

    /// Counts a letter.
    pub fn count(&mut self, outcome: &str) {
        let count = self.outcomes.entry(outcome.to_owned()).or_default();
        *count = count.saturating_add(1);
    }
}

/// What became of a file; `None` before anything did.
///
/// # Errors
/// [`StoreError`].
pub async fn received(db: &Db, site: Site, id: &FileId) -> Result<Option<Record<Received>>, StoreError> {
    db.get(site, &id.key(), Read::Strong).await
}

/// The file that callers call so; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn named(db: &Db, site: Site, tenant: &Tenant, name: &str) -> Result<Option<Record<Received>>, StoreError> {
    let key = Key {
        pk: partition(tenant),
        sk: format!("{PREFIX}{name}"),
    };
    db.get(site, &key, Read::Strong).await
}

/// The name of a stored file.
pub fn name_of(received: &Record<Received>) -> &str {
    received.sk.strip_prefix(PREFIX).unwrap_or_default()
}

/// Files, the last first, in pages of at most `limit`; `after` is the sort key to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Received>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant), PREFIX, limit);
    range.descending = true;
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Stores how far a file is behind the version in it; the stored one, or `None` when another worker has got on with it.
///
/// # Errors
/// [`StoreError`].
pub async fn store(
    db: &Db,
    site: Site,
    id: &FileId,
    mut received: Received,
    now: DateTime<Utc>,
) -> Result<Option<Received>, StoreError> {
    let condition = match received.version {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    received.version = received.version.saturating_add(1);
    let mut record = Record::new(id.key(), "lettershop_file", now, received);
    record.created_at = id.put_at;
    record.ttl = Some(days_after(now, MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(match db.write::<Received>(site, put).await? {
        Written::Done => Some(record.d),
        // A repetition of our own that was taken before.
        Written::Refused(Some(stands)) if stands.d == record.d => Some(record.d),
        Written::Refused(_) => None,
    })
}
