//! Workflows (D6): the sets in force, what happened that they look at, and what they did.
//!
//! A set is stored like a programme: a version in force, and each version as it was. What happened stands with the party, written
//! in the transaction of the change itself: a party's note of a change says what the party was then, and a task, an opportunity
//! or an invoice leaves an event. So a set can be asked about a change at any time, however late, and always answers the same.

mod effect;
mod event;

use ::workflow::Workflow;
use chrono::{DateTime, Utc};
use domain::id::{Subject, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Read, TransactError};
use crate::error::StoreError;
use crate::record::{Made, Record};

pub use effect::{Classified, EFFECT, Effect, Kept, Place, by, classify, is_own, publish};
pub(crate) use event::leg;
pub use event::{Happened, Occurred, PartyState, State, WORKFLOW, occurred, subject_of, window};

/// Client under which workflows make changes. No client of the API can have it.
pub const CLIENT: &str = "workflow";
/// Versions behind the one in force that are looked through for the one of an earlier instant.
const BACK_MAX: u64 = 20;

/// A version of the workflows of a tenant. It never changes once stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetVersion {
    /// Counted from 1.
    pub version: u64,
    /// The workflows.
    pub workflows: Vec<Workflow>,
    /// Who stored it.
    pub author: Subject,
    /// Since when it is in force; never before the version before it.
    pub since: DateTime<Utc>,
}

fn key(tenant: &Tenant, sk: String) -> Key {
    Key {
        pk: format!("WORKFLOWS#{tenant}"),
        sk,
    }
}

fn version_key(tenant: &Tenant, version: u64) -> Key {
    key(tenant, format!("VERSION#{version:010}"))
}

/// The version in force; `None` while there are no workflows.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, tenant: &Tenant) -> Result<Option<Record<SetVersion>>, StoreError> {
    db.get(site, &key(tenant, "CURRENT".to_owned()), Read::Strong).await
}

/// The version that was in force at an instant, looked for from `current` backwards through at most [`BACK_MAX`] versions; `None`
/// before the first.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Unreadable`] when the tenant has changed its workflows more often since.
pub async fn in_force_at(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    current: &SetVersion,
    at: DateTime<Utc>,
) -> Result<Option<SetVersion>, StoreError> {
    let mut found = current.clone();
    for _ in 0..=BACK_MAX {
        if found.since <= at {
            return Ok(Some(found));
        }
        let Some(before) = found.version.checked_sub(1).filter(|before| *before > 0) else {
            return Ok(None);
        };
        let kept = db.get(site, &version_key(tenant, before), Read::Eventual).await?;
        let kept: Record<SetVersion> = kept.ok_or_else(|| missing(site))?;
        found = kept.d;
    }
    Err(missing(site))
}

fn missing(site: Site) -> StoreError {
    StoreError::Unreadable {
        site,
        reason: "the version of the workflows of that time is not to be found".to_owned(),
    }
}

/// Stores the version behind the one in force; `false` when another writer came first.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    version: SetVersion,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let made = made.into();
    let number = version.version;
    let kept = Record::new(version_key(tenant, number), "workflows_version", &made, version.clone());
    let current = Record::new(key(tenant, "CURRENT".to_owned()), "workflows", &made, version);
    let condition = match number {
        0 | 1 => Condition::absent(),
        _ => Condition::version(number.saturating_sub(1)),
    };
    let legs = vec![
        Leg::put(site, &current, Some(condition))?,
        Leg::put(site, &kept, Some(Condition::absent()))?,
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}
