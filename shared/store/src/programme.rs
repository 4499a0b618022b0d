//! Versions of programmes. A version is written once; `CURRENT` names the one in force.

use std::sync::Arc;
use std::time::Duration;

use domain::id::{ProgrammeId, Subject, Tenant};
use domain::programme::Programme;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::cache::{FRESH_FOR, Kept};
use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::record::{Made, Record};

/// A version with who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammeVersion {
    /// The settings.
    pub programme: Programme,
    /// Who saved it.
    pub author: Subject,
    /// Why; empty for versions stored before reasons were asked for.
    #[serde(default)]
    pub reason: String,
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

/// Partition of the list of all programmes of all tenants. No programme of a tenant has it: those name the tenant.
const LIST: &str = "PROGRAMME#";
/// Programmes of one page of the list.
const LIST_PAGE: i32 = 100;

/// Says that there is a programme; its key says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {}

fn list_key(tenant: &Tenant, programme: &ProgrammeId) -> Key {
    Key {
        pk: LIST.to_owned(),
        sk: format!("{tenant}#{programme}"),
    }
}

/// All programmes of all tenants: some for each subsidiary of a group.
///
/// # Errors
/// [`StoreError`].
pub async fn list(db: &Db, site: Site) -> Result<Vec<(Tenant, ProgrammeId)>, StoreError> {
    let mut range = Range::prefix(LIST.to_owned(), "", LIST_PAGE);
    range.from = " ".to_owned();
    let mut all = Vec::new();
    loop {
        let (page, next) = db.query::<Listed>(site, &range, Read::Strong).await?;
        for record in page {
            let named = record.sk.split_once('#');
            let named = named.and_then(|(tenant, id)| Some((tenant.parse().ok()?, id.parse().ok()?)));
            all.push(named.ok_or_else(|| StoreError::Unreadable {
                site,
                reason: "a key in the list of programmes names none".to_owned(),
            })?);
        }
        range.after = next;
        if range.after.is_none() {
            return Ok(all);
        }
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
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let made = made.into();
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
        &made,
        version.clone(),
    );
    let current = Record::new(current_key(tenant, &id), "programme", made, version);
    let listed = Record::new(list_key(tenant, &id), "programme_listed", current.created_at, Listed {});
    let legs = vec![
        Leg::put(site, &kept, Some(Condition::absent()))?,
        Leg::put(site, &current, Some(in_force))?,
        Leg::put(site, &listed, None)?,
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Programmes as this process has read them. A version never changes, so it is kept for good; which version is in force is
/// asked again after [`FRESH_FOR`].
#[derive(Debug, Default)]
pub struct Cache {
    current: Kept<(Tenant, ProgrammeId), Arc<Programme>>,
    versions: Kept<(Tenant, ProgrammeId, u32), Arc<Programme>>,
}

impl Cache {
    /// The programme in force, at most [`FRESH_FOR`] and a moment old.
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
        if let Some(known) = self.current.get(&key, FRESH_FOR) {
            return Ok(Some(known));
        }
        // The cheap read does for what is kept for a while anyway; one that finds nothing is asked again strongly.
        let found = match db.get(site, &current_key(tenant, programme), Read::Eventual).await? {
            Some(record) => Some(record),
            None => read_current(db, site, tenant, programme).await?,
        };
        let Some(record): Option<Record<ProgrammeVersion>> = found else {
            return Ok(None);
        };
        let found = Arc::new(record.d.programme);
        self.current.insert(key, found.clone());
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
        if let Some(known) = self.versions.get(&key, Duration::MAX) {
            return Ok(Some(known));
        }
        let Some(record) = read_version(db, site, tenant, programme, version).await? else {
            return Ok(None);
        };
        let found = Arc::new(record.d.programme);
        self.versions.insert(key, found.clone());
        Ok(Some(found))
    }
}
