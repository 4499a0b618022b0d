//! Locations of a tenant, one partition.

use std::sync::Arc;

use domain::id::{LocationId, Tenant};
use domain::liability::Companies;
use domain::location::Location;
use faults::Site;

use crate::cache::{FRESH_FOR, Kept};
use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::{Made, Record};

/// Entity type of locations.
pub const LOCATION: &str = "location";
/// Most locations listed for one tenant.
pub const LOCATIONS_MAX: i32 = 1_000;

fn partition(tenant: &Tenant) -> String {
    format!("LOCATIONS#{tenant}")
}

fn key(tenant: &Tenant, location: &LocationId) -> Key {
    Key {
        pk: partition(tenant),
        sk: location.to_string(),
    }
}

/// A location, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    location: &LocationId,
    read: Read,
) -> Result<Option<Record<Location>>, StoreError> {
    db.get(site, &key(tenant, location), read).await
}

/// All locations of a tenant by id, at most [`LOCATIONS_MAX`].
///
/// # Errors
/// [`StoreError`].
pub async fn list(db: &Db, site: Site, tenant: &Tenant) -> Result<Vec<Record<Location>>, StoreError> {
    let mut range = Range::prefix(partition(tenant), "", LOCATIONS_MAX);
    range.from = " ".to_owned();
    let (locations, _) = db.query(site, &range, Read::Strong).await?;
    Ok(locations)
}

/// The companies of a tenant's locations, of at most [`LOCATIONS_MAX`].
///
/// # Errors
/// [`StoreError`].
pub async fn companies(db: &Db, site: Site, tenant: &Tenant) -> Result<Companies, StoreError> {
    let locations = list(db, site, tenant).await?.into_iter();
    let of = locations.filter_map(|record| Some((record.d.id, record.d.company?)));
    Ok(of.collect())
}

/// The locations of a tenant by id, in pages of at most `limit`; `after` is the id to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Location>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant), "", limit);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Stores a location: a new one, or over the image `before`. `false` when another writer came first.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    before: Option<&Record<Location>>,
    mut location: Location,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    location.version = before.map_or(0, |before| before.d.version).saturating_add(1);
    let mut record = Record::new(key(tenant, &location.id), LOCATION, made, location);
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::unchanged(before)
        }
    };
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<Location>(site, put).await?, Written::Done))
}

/// Locations as this process has read them, at most [`FRESH_FOR`] old. A location that does not exist is asked for again
/// each time, so a new one works at once.
#[derive(Debug, Default)]
pub struct Cache(Kept<(Tenant, LocationId), Arc<Location>>);

impl Cache {
    /// A location, or `None`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(
        &self,
        db: &Db,
        site: Site,
        tenant: &Tenant,
        id: &LocationId,
    ) -> Result<Option<Arc<Location>>, StoreError> {
        let key = (tenant.clone(), id.clone());
        if let Some(known) = self.0.get(&key, FRESH_FOR) {
            return Ok(Some(known));
        }
        let Some(record) = read(db, site, tenant, id, Read::Eventual).await? else {
            return Ok(None);
        };
        let found = Arc::new(record.d);
        self.0.insert(key, found.clone());
        Ok(Some(found))
    }
}
