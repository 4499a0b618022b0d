//! Letters of a run that are printed again.
//!
//! Asked for once a day for the same letters: the name of a reprint follows from them and the day. It keeps what was agreed on with
//! the printer then.

use chrono::{DateTime, Utc};
use domain::id::LookupKey;
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::db::{Condition, Db, Key, Leg, Read, Written};
use crate::error::StoreError;
use crate::record::{Made, Record};
use crate::run::{MEMBER_DAYS, PrintFile, RunId, days_after};

/// Letters that are printed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reprint {
    /// Counts the writes of the item, from 1.
    pub version: u64,
    /// The letters, by their ids.
    pub pieces: Vec<String>,
    /// Why.
    pub reason: Secret,
    /// The format of the file, as it was agreed on then.
    pub settings: Value,
    /// Letters that are not printed again.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
    /// The file; none when no letter could be printed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PrintFile>,
}

/// A letter that is not printed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The letter.
    pub piece: String,
    /// Why.
    pub why: String,
}

fn key(id: &RunId, name: &LookupKey) -> Key {
    Key {
        pk: id.parts(),
        sk: format!("REPRINT#{name}"),
    }
}

/// A reprint of a run; `None` when nobody asked for it.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, id: &RunId, name: &LookupKey) -> Result<Option<Record<Reprint>>, StoreError> {
    db.get(site, &key(id, name), Read::Strong).await
}

/// Asks for a reprint; what stands then, from now or before.
///
/// # Errors
/// [`StoreError`].
pub async fn ask(
    db: &Db,
    site: Site,
    (id, name): (&RunId, &LookupKey),
    reprint: Reprint,
    made: &Made,
) -> Result<Record<Reprint>, StoreError> {
    let mut record = Record::new(key(id, name), "run_reprint", made, reprint);
    record.ttl = Some(days_after(made.at, MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write(site, put).await? {
        Written::Done => Ok(record),
        Written::Refused(Some(before)) => Ok(*before),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// Notes what a reprint came to. Whoever was quicker has noted the same.
///
/// # Errors
/// [`StoreError`].
pub async fn done(
    db: &Db,
    site: Site,
    before: &Record<Reprint>,
    (file, gaps): (Option<PrintFile>, Vec<Gap>),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut record = before.clone();
    record.updated_at = now;
    record.d.version = before.d.version.saturating_add(1);
    record.d.file = file;
    record.d.gaps = gaps;
    record.d.done_at = Some(now);
    let put = Leg::put(site, &record, Some(Condition::version(before.d.version)))?;
    db.write::<Reprint>(site, put).await?;
    Ok(())
}
