//! What was agreed on with the printer, and how far the files of runs are.

pub mod inbox;
pub mod noted;
pub mod reprint;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::Tenant;
use faults::Site;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::{Made, Record};
use crate::run::RunId;

/// What was agreed on with the printer, as documents of the lettershop's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Counts the changes, from 1.
    pub version: u64,
    /// The format of files, and planted addresses.
    pub document: Value,
}

fn settings_key(tenant: &Tenant) -> Key {
    Key {
        pk: format!("LETTERSHOP#{tenant}"),
        sk: "SETTINGS".to_owned(),
    }
}

/// What was agreed on; `None` while nothing was.
///
/// # Errors
/// [`StoreError`].
pub async fn settings(db: &Db, site: Site, tenant: &Tenant) -> Result<Option<Record<Settings>>, StoreError> {
    db.get(site, &settings_key(tenant), Read::Strong).await
}

/// Stores what was agreed on. `false` when another writer came first.
///
/// # Errors
/// [`StoreError`].
pub async fn store_settings(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    before: Option<u64>,
    document: Value,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let version = before.unwrap_or(0).saturating_add(1);
    let record = Record::new(
        settings_key(tenant),
        "lettershop_settings",
        made,
        Settings { version, document },
    );
    let condition = before.map_or_else(Condition::absent, Condition::version);
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<Settings>(site, put).await?, Written::Done))
}

/// The sorted letters of a shard, in an object of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its key; `None` for a shard without letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Letters in it.
    pub letters: u64,
    /// Members that were chosen and have no vouchers, or whose address cannot be read any more.
    pub gaps: u64,
    /// Letters whose address had no room for all of it.
    #[serde(default)]
    pub shortened: u64,
    /// Whether it is noted to whom its letters go. Before that no file is made of them.
    #[serde(default)]
    pub noted: bool,
}

/// How far the file of a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWork {
    /// Counts the writes of the item, from 1; 0 before the first.
    pub version: u64,
    /// The upload that is under way.
    pub upload: String,
    /// The format it is written in, as it was when it began.
    pub settings: Value,
    /// The parts that stand, by their entity tags.
    pub parts: Vec<String>,
    /// Where the file goes on behind them.
    pub checkpoint: Value,
}

fn chunk_key(id: &RunId, shard: u8) -> Key {
    Key {
        pk: id.parts(),
        sk: format!("CHUNK#{shard:02}"),
    }
}

fn file_key(id: &RunId) -> Key {
    Key {
        pk: id.parts(),
        sk: "FILE".to_owned(),
    }
}

/// Stores the sorted letters of a shard, once: between two workers a voucher may have become void, and the letters of one of them are
/// those of the file. Returns those.
///
/// # Errors
/// [`StoreError`].
pub async fn store_chunk(
    db: &Db,
    site: Site,
    (id, shard): (&RunId, u8),
    chunk: Chunk,
    now: DateTime<Utc>,
) -> Result<Chunk, StoreError> {
    let record = chunk_record((id, shard), chunk, now);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write::<Chunk>(site, put).await? {
        Written::Done => Ok(record.d),
        Written::Refused(Some(before)) => Ok(before.d),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// Stores that it is noted to whom the letters of a shard go; `chunk` as it stands.
///
/// # Errors
/// [`StoreError`].
pub async fn chunk_noted(
    db: &Db,
    site: Site,
    of: (&RunId, u8),
    chunk: Chunk,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let chunk = Chunk { noted: true, ..chunk };
    // Nothing else of it changes, so whoever stores it again stores the same.
    db.write_item(site, Leg::put(site, &chunk_record(of, chunk, now), None)?)
        .await?;
    Ok(())
}

fn chunk_record((id, shard): (&RunId, u8), chunk: Chunk, now: DateTime<Utc>) -> Record<Chunk> {
    let mut record = Record::new(chunk_key(id, shard), "run_chunk", now, chunk);
    record.ttl = Some(crate::run::days_after(now, crate::run::MEMBER_DAYS));
    record
}

/// The sorted letters by shard, of those that are sorted.
///
/// # Errors
/// [`StoreError`].
pub async fn chunks(db: &Db, site: Site, id: &RunId) -> Result<BTreeMap<u8, Chunk>, StoreError> {
    let range = Range::prefix(id.parts(), "CHUNK#", i32::from(u8::MAX));
    let (chunks, _) = db.query::<Chunk>(site, &range, Read::Strong).await?;
    let chunks = chunks.into_iter().filter_map(|record| {
        let shard = record.sk.strip_prefix("CHUNK#")?.parse().ok()?;
        Some((shard, record.d))
    });
    Ok(chunks.collect())
}

/// How far the file is; `None` before it was begun.
///
/// # Errors
/// [`StoreError`].
pub async fn file_work(db: &Db, site: Site, id: &RunId) -> Result<Option<FileWork>, StoreError> {
    let found = db.get::<FileWork>(site, &file_key(id), Read::Strong).await?;
    Ok(found.map(|record| record.d))
}

/// Stores how far the file is behind `before`, the version that was read. `false` when another worker has got on with it.
///
/// # Errors
/// [`StoreError`].
pub async fn store_file_work(
    db: &Db,
    site: Site,
    id: &RunId,
    before: u64,
    mut work: FileWork,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    work.version = before.saturating_add(1);
    let condition = match before {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    let mut record = Record::new(file_key(id), "run_file", now, work);
    record.ttl = Some(crate::run::days_after(now, crate::run::MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<FileWork>(site, put).await?, Written::Done))
}
