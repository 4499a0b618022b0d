//! How far the letters of a confirmed run are noted with their parties.

use chrono::{DateTime, Utc};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::Record;
use crate::run::{MEMBER_DAYS, RunId, days_after};

const PREFIX: &str = "NOTED#";

/// How far a shard is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Counts the writes of the item, from 1; 0 before the first.
    pub version: u64,
    /// The last party whose letter is noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether all are.
    pub done: bool,
}

fn key(id: &RunId, shard: u8) -> Key {
    Key {
        pk: id.parts(),
        sk: format!("{PREFIX}{shard:02}"),
    }
}

/// How far a shard is.
///
/// # Errors
/// [`StoreError`].
pub async fn of_shard(db: &Db, site: Site, id: &RunId, shard: u8) -> Result<Noted, StoreError> {
    let found = db.get::<Noted>(site, &key(id, shard), Read::Strong).await?;
    Ok(found.map(|record| record.d).unwrap_or_default())
}

/// Shards that are done.
///
/// # Errors
/// [`StoreError`].
pub async fn shards_done(db: &Db, site: Site, id: &RunId) -> Result<usize, StoreError> {
    let range = Range::prefix(id.parts(), PREFIX, i32::from(u8::MAX));
    let (shards, _) = db.query::<Noted>(site, &range, Read::Strong).await?;
    Ok(shards.into_iter().filter(|shard| shard.d.done).count())
}

/// Stores how far a shard is behind the version in it. `false` when another worker has got on with it.
///
/// # Errors
/// [`StoreError`].
pub async fn advance(
    db: &Db,
    site: Site,
    (id, shard): (&RunId, u8),
    mut noted: Noted,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let condition = match noted.version {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    noted.version = noted.version.saturating_add(1);
    let mut record = Record::new(key(id, shard), "run_noted", now, noted);
    record.ttl = Some(days_after(now, MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<Noted>(site, put).await?, Written::Done))
}
