//! Versions of programmes. A version is written once; `CURRENT` names the one in force.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::id::{ProgrammeId, Subject, Tenant};
use domain::programme::Programme;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Read, TransactError};
use crate::error::StoreError;
use crate::record::Record;

/// A version with who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammeVersion {
    /// The settings.
    pub programme: Programme,
    /// Who saved it.
    pub author: Subject,
}

fn partition(tenant: &Tenant, programme: &ProgrammeId) -> String {
    format!("PROGRAMME#{tenant}#{programme}")
}

fn current_key(tenant: &Tenant, programme: &ProgrammeId) -> Key {
    Key {
        pk: partition(tenant, programme),
        sk: "CURRENT".to_owned(),
    }
}

fn version_key(tenant: &Tenant, programme: &ProgrammeId, version: u32) -> Key {
    Key {
        pk: partition(tenant, programme),
        sk: format!("VERSION#{version:08}"),
    }
}

/// A version of a programme, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read_version(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    programme: &ProgrammeId,
    version: u32,
) -> Result<Option<Record<ProgrammeVersion>>, StoreError> {
    db.get(site, &version_key(tenant, programme, version), Read::Strong)
        .await
}

/// The version in force, or `None` when there is no such programme.
///
/// # Errors
/// [`StoreError`].
pub async fn read_current(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    programme: &ProgrammeId,
) -> Result<Option<Record<ProgrammeVersion>>, StoreError> {
    // The version in force is stored whole under CURRENT, so that this is one read.
    db.get(site, &current_key(tenant, programme), Read::Strong).await
}

/// Stores a version and puts it in force, when the version in force is the one before it. `false` when it is not.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    version: ProgrammeVersion,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let id = version.programme.id.clone();
    let number = version.programme.version;
    let in_force = if number == 1 {
        Condition::absent()
    } else {
        Condition::new("#d.#p.#v = :before")
            .name("#d", "d")
            .name("#p", "programme")
            .name("#v", "version")
            .value(":before", crate::db::Value::Integer(i64::from(number) - 1))
    };
    let kept = Record::new(
        version_key(tenant, &id, number),
        "programme_version",
        now,
        version.clone(),
    );
    let current = Record::new(current_key(tenant, &id), "programme", now, version);
    let legs = vec![
        Leg::put(site, &kept, Some(Condition::absent()))?,
        Leg::put(site, &current, Some(in_force))?,
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// How long a function goes on with the version in force that it has read.
pub const CACHE_FOR: Duration = Duration::from_secs(30);
/// Most versions kept; a function of one group sees a handful.
const CACHED_MAX: usize = 256;

type CurrentKey = (Tenant, ProgrammeId);
type VersionKey = (Tenant, ProgrammeId, u32);

/// Programmes as this process has read them. A version never changes, so it is kept for good; which version is in force is
/// asked again after [`CACHE_FOR`].
#[derive(Debug, Default)]
pub struct Cache {
    current: Mutex<HashMap<CurrentKey, (Instant, Arc<Programme>)>>,
    versions: Mutex<HashMap<VersionKey, Arc<Programme>>>,
}

impl Cache {
    /// The programme in force, at most [`CACHE_FOR`] old.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn current(
        &self,
        db: &Db,
        site: Site,
        tenant: &Tenant,
        programme: &ProgrammeId,
    ) -> Result<Option<Arc<Programme>>, StoreError> {
        let key = (tenant.clone(), programme.clone());
        let known = locked(&self.current)
            .get(&key)
            .filter(|(read, _)| read.elapsed() < CACHE_FOR)
            .cloned();
        if let Some((_, known)) = known {
            return Ok(Some(known));
        }
        let Some(record) = read_current(db, site, tenant, programme).await? else {
            return Ok(None);
        };
        let found = Arc::new(record.d.programme);
        insert(&self.current, key, (Instant::now(), found.clone()));
        Ok(Some(found))
    }

    /// A version of a programme, in force or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version(
        &self,
        db: &Db,
        site: Site,
        tenant: &Tenant,
        programme: &ProgrammeId,
        version: u32,
    ) -> Result<Option<Arc<Programme>>, StoreError> {
        let key = (tenant.clone(), programme.clone(), version);
        let known = locked(&self.versions).get(&key).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(record) = read_version(db, site, tenant, programme, version).await? else {
            return Ok(None);
        };
        let found = Arc::new(record.d.programme);
        insert(&self.versions, key, found.clone());
        Ok(Some(found))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding the lock leaves the map whole: every change is a single insert.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn insert<K: Eq + Hash, V>(kept: &Mutex<HashMap<K, V>>, key: K, value: V) {
    let mut kept = locked(kept);
    if kept.len() >= CACHED_MAX {
        kept.clear();
    }
    kept.insert(key, value);
}
