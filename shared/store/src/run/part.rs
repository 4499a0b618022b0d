//! How far a run is: what each segment has chosen, and how far the vouchers of each shard are.

use ::campaign::DryRun;
use chrono::{DateTime, Utc};
use domain::money::OutOfRange;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::{Cut, Issued, MEMBER_DAYS, RunId, days_after};
use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::Record;

/// Most parts of one segment that are brought together.
const PARTS_MAX: i32 = 1_000;

/// A position in the table: behind this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// What a segment has chosen between two positions. Written once; its number is free for one writer only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number within the segment, from 0.
    pub number: u32,
    /// Where the next part begins; `None` when the segment is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Position>,
    /// What the part has leased of the budget and not spent, in minor units: the next part's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_minor: i64,
    /// Its sums and fingerprint.
    pub dry_run: DryRun,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// How far the vouchers of a shard are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardWork {
    /// Counts the writes of the item, from 1; 0 before the first.
    pub version: u64,
    /// The last member that is done; of a shard that is done nobody asks where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether all are.
    pub done: bool,
    /// What was issued so far.
    pub issued: Issued,
}

fn segment_prefix(segment: u8) -> String {
    format!("CHOICE#{segment:02}#")
}

fn part_key(id: &RunId, segment: u8, number: u32) -> Key {
    Key {
        pk: id.parts(),
        sk: format!("{}{number:06}", segment_prefix(segment)),
    }
}

fn shard_key(id: &RunId, shard: u8) -> Key {
    Key {
        pk: id.parts(),
        sk: format!("SHARD#{shard:02}"),
    }
}

/// The last part of a segment; `None` before the first.
///
/// # Errors
/// [`StoreError`].
pub async fn last_part(db: &Db, site: Site, id: &RunId, segment: u8) -> Result<Option<Part>, StoreError> {
    let mut range = Range::prefix(id.parts(), &segment_prefix(segment), 1);
    range.descending = true;
    let (parts, _) = db.query::<Part>(site, &range, Read::Strong).await?;
    Ok(parts.into_iter().next().map(|record| record.d))
}

/// How many segments are done.
///
/// # Errors
/// [`StoreError`].
pub async fn segments_done(db: &Db, site: Site, id: &RunId, cut: Cut) -> Result<u8, StoreError> {
    let mut done = 0u8;
    for segment in 0..cut.segments {
        let last = last_part(db, site, id, segment).await?;
        done = done.saturating_add(u8::from(last.is_some_and(|part| part.next.is_none())));
    }
    Ok(done)
}

/// Stores a part behind the one before it. `false` when another one stands there: the caller's sums are of no use then.
///
/// # Errors
/// [`StoreError`].
pub async fn store_part(
    db: &Db,
    site: Site,
    (id, segment): (&RunId, u8),
    part: Part,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut record = Record::new(part_key(id, segment, part.number), "run_part", now, part);
    record.ttl = Some(days_after(now, MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    Ok(db.write_item(site, put).await?.is_none())
}

/// Why parts cannot be brought together.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MergeError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sum is too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// A segment has more parts than are brought together.
    #[error("a segment of the run has more parts than can be brought together")]
    TooManyParts,
}

/// The sums of all segments; `None` while one is not done.
///
/// # Errors
/// [`MergeError`].
pub async fn merged(db: &Db, site: Site, id: &RunId, cut: Cut) -> Result<Option<DryRun>, MergeError> {
    let mut sum = DryRun::default();
    for segment in 0..cut.segments {
        let mut range = Range::prefix(id.parts(), &segment_prefix(segment), 100);
        let (mut read, mut done) = (0, false);
        loop {
            let (parts, next) = db.query::<Part>(site, &range, Read::Strong).await?;
            for part in parts {
                sum.merge(&part.d.dry_run)?;
                done = part.d.next.is_none();
                read += 1;
            }
            range.after = next;
            if range.after.is_none() {
                break;
            }
            if read >= PARTS_MAX {
                return Err(MergeError::TooManyParts);
            }
        }
        if !done {
            return Ok(None);
        }
    }
    Ok(Some(sum))
}

/// How far the vouchers of a shard are.
///
/// # Errors
/// [`StoreError`].
pub async fn shard_work(db: &Db, site: Site, id: &RunId, shard: u8) -> Result<ShardWork, StoreError> {
    let found = db.get::<ShardWork>(site, &shard_key(id, shard), Read::Strong).await?;
    Ok(found.map(|record| record.d).unwrap_or_default())
}

/// How far all shards are: what was issued, and how many of them are done.
///
/// # Errors
/// [`StoreError`].
pub async fn shards_work(db: &Db, site: Site, id: &RunId) -> Result<(Issued, u8), StoreError> {
    let range = Range::prefix(id.parts(), "SHARD#", i32::from(u8::MAX));
    let (shards, _) = db.query::<ShardWork>(site, &range, Read::Strong).await?;
    let (mut issued, mut done) = (Issued::default(), 0u8);
    for shard in shards {
        issued = issued.plus(shard.d.issued);
        done = done.saturating_add(u8::from(shard.d.done));
    }
    Ok((issued, done))
}

/// Stores how far a shard is. `false` when another worker has got on with it.
///
/// # Errors
/// [`StoreError`].
pub async fn advance(
    db: &Db,
    site: Site,
    (id, shard): (&RunId, u8),
    before: &ShardWork,
    mut after: ShardWork,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    after.version = before.version.saturating_add(1);
    let condition = match before.version {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    let mut record = Record::new(shard_key(id, shard), "run_shard", now, after);
    record.ttl = Some(days_after(now, MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<ShardWork>(site, put).await?, Written::Done))
}
