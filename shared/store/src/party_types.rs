//! The types of a tenant: the version in force, and each version as it was.

use ::party::types::PartyTypes;
use domain::id::{Subject, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Read, TransactError};
use crate::error::StoreError;
use crate::record::{Made, Record};

/// A version of the types. It never changes once stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypesVersion {
    /// Counted from 1.
    pub version: u64,
    /// The types.
    pub types: PartyTypes,
    /// Who stored it.
    pub author: Subject,
}

fn key(tenant: &Tenant, sk: String) -> Key {
    Key {
        pk: format!("TYPES#{tenant}"),
        sk,
    }
}

/// The version in force; `None` while the defaults hold. Read anew each time, so that a type is usable once it is stored.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, tenant: &Tenant) -> Result<Option<Record<TypesVersion>>, StoreError> {
    db.get(site, &key(tenant, "CURRENT".to_owned()), Read::Strong).await
}

/// The types in force, or the defaults.
///
/// # Errors
/// [`StoreError`].
pub async fn in_force(db: &Db, site: Site, tenant: &Tenant) -> Result<PartyTypes, StoreError> {
    let found = read(db, site, tenant).await?;
    Ok(found.map(|found| found.d.types).unwrap_or_default())
}

/// Stores the version behind the one in force; `false` when another writer came first.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    version: TypesVersion,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let made = made.into();
    let number = version.version;
    let kept = key(tenant, format!("VERSION#{number:010}"));
    let kept = Record::new(kept, "party_types_version", &made, version.clone());
    let current = Record::new(key(tenant, "CURRENT".to_owned()), "party_types", &made, version);
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
