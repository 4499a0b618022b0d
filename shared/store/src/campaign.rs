//! Campaigns (L5): the document in force with where it stands, and each version as it was.

use ::campaign::{Campaign, Refused, Standing};
use domain::id::Tenant;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::record::{Made, Record};
use crate::run::{self, Run};

/// A campaign and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Counts the writes of the item, from 1.
    pub version: u64,
    /// Counts the changes of the document, from 1.
    pub edition: u64,
    /// The document.
    pub campaign: Campaign,
    /// Where it stands.
    pub standing: Standing,
}

fn partition(tenant: &Tenant) -> String {
    format!("CAMPAIGNS#{tenant}")
}

fn key(tenant: &Tenant, id: &str) -> Key {
    Key {
        pk: partition(tenant),
        sk: id.to_owned(),
    }
}

fn edition_key(tenant: &Tenant, id: &str, edition: u64) -> Key {
    Key {
        pk: format!("CAMPAIGNS#{tenant}#{id}"),
        sk: format!("EDITION#{edition:06}"),
    }
}

/// A campaign; `None` when there is none of this id.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, tenant: &Tenant, id: &str) -> Result<Option<Record<Stored>>, StoreError> {
    db.get(site, &key(tenant, id), Read::Strong).await
}

/// The campaigns of a tenant by id, in pages of at most `limit`; `after` is the id to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Stored>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant), "", limit);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Stores `after` in the place of `before`, and its document beside it when that is a new edition. `false` when another writer
/// came first.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    before: Option<&Record<Stored>>,
    after: Stored,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let made = made.into();
    committed(db.transact(site, legs(site, tenant, before, after, &made)?).await)
}

fn committed(outcome: Result<(), TransactError>) -> Result<bool, StoreError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

fn legs(
    site: Site,
    tenant: &Tenant,
    before: Option<&Record<Stored>>,
    after: Stored,
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let condition = before.map_or_else(Condition::absent, |before| Condition::version(before.d.version));
    let is_new = before.is_none_or(|before| before.d.edition != after.edition);
    let edition = edition_key(tenant, &after.campaign.id, after.edition);
    let kept = Record::new(edition, "campaign_edition", made, after.campaign.clone());
    let mut record = Record::new(key(tenant, &after.campaign.id), "campaign", made, after);
    if let Some(before) = before {
        record.created_at = before.created_at;
        record.by = record.by.or_else(|| before.by.clone());
    }
    let mut legs = vec![Leg::put(site, &record, Some(condition))?];
    if is_new {
        legs.push(Leg::put(site, &kept, Some(Condition::absent()))?);
    }
    Ok(legs)
}

/// Rounds of a step against other writers of the campaign.
const ROUNDS_MAX: u32 = 8;

/// What became of a step of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It stands where the step leads, since now or before.
    Done,
    /// It stands where the step cannot be made.
    Refused(Refused),
    /// There is no such campaign.
    Unknown,
    /// Others kept changing it.
    Contended,
}

/// Makes a step of a campaign, such as the one after its run; the same step again changes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn step(
    db: &Db,
    site: Site,
    (tenant, id): (&Tenant, &str),
    made: impl Into<Made>,
    step: impl Fn(&Stored) -> Result<Standing, Refused>,
) -> Result<Moved, StoreError> {
    let made = made.into();
    for _ in 0..ROUNDS_MAX {
        let Some(before) = read(db, site, tenant, id).await? else {
            return Ok(Moved::Unknown);
        };
        let standing = match step(&before.d) {
            Ok(standing) if standing == before.d.standing => return Ok(Moved::Done),
            Ok(standing) => standing,
            Err(refused) => return Ok(Moved::Refused(refused)),
        };
        let after = Stored {
            version: before.d.version.saturating_add(1),
            standing,
            ..before.d.clone()
        };
        if write(db, site, tenant, Some(&before), after, &made).await? {
            return Ok(Moved::Done);
        }
    }
    Ok(Moved::Contended)
}

/// Makes a step of a campaign together with one of its run, such as the start, or neither: a run that was replaced meanwhile starts
/// nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn with_run(
    db: &Db,
    site: Site,
    (tenant, run): (&Tenant, &Record<Run>),
    made: impl Into<Made>,
    step: impl Fn(&Stored) -> Result<Standing, Refused>,
    change: impl FnOnce(&mut Run),
) -> Result<Moved, StoreError> {
    let made = made.into();
    let Some(before) = read(db, site, tenant, &run.d.campaign.id).await? else {
        return Ok(Moved::Unknown);
    };
    let standing = match step(&before.d) {
        Ok(standing) => standing,
        Err(refused) => return Ok(Moved::Refused(refused)),
    };
    let after = Stored {
        version: before.d.version.saturating_add(1),
        standing,
        ..before.d.clone()
    };
    let mut legs = legs(site, tenant, Some(&before), after, &made)?;
    legs.push(run::changed(site, run, &made, change)?);
    let done = committed(db.transact(site, legs).await)?;
    Ok(if done { Moved::Done } else { Moved::Contended })
}
