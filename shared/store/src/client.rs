//! Clients of the API and their keys.
//!
//! A client is one item: its rights and its active keys. Each key is also an item of its own, found by the hash of the key
//! and carrying a copy of the rights, so that a request is authorised by one read. Every change writes the client and all
//! its keys in one transaction under the client's version; the copies therefore never differ from the original. The key
//! itself is stored nowhere.

mod key;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{ClientId, LocationId, Subject, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::record::{Made, Record};

pub use key::{ApiKey, InvalidApiKey, KEY_BYTES, KeyHash};

/// Most active keys of a client: the one in use and the one it is being replaced by.
pub const ACTIVE_KEYS_MAX: usize = 2;
/// Most locations of a client that does not speak for all: its keys stay below 4 KB, one read unit.
pub const CLIENT_LOCATIONS_MAX: usize = 100;
/// Days for which a withdrawn key is remembered: its use can be told from a made-up key, its withdrawal can be repeated.
const WITHDRAWN_DAYS: i64 = 90;
/// Most withdrawn keys that a client names; who makes more of them in that time repeats no withdrawal of the oldest.
const WITHDRAWN_MAX: usize = 20;
/// Rounds of [`bootstrap`] against other writers; two writers of the same client are rare, five are a loop.
const BOOTSTRAP_ROUNDS: u32 = 5;

/// The locations that a client speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Places {
    /// All of the tenant's, also those added later.
    All,
    /// Only these.
    Only(BTreeSet<LocationId>),
}

/// What a client may do, and for which locations. Scopes are kept as text; who reads them ignores unknown ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Scopes.
    pub scopes: BTreeSet<String>,
    /// Locations.
    pub places: Places,
}

/// A client with its active keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The client.
    pub id: ClientId,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub rights: Rights,
    /// At most [`ACTIVE_KEYS_MAX`].
    pub keys: Vec<ActiveKey>,
    /// The last keys that were withdrawn, oldest first; set by [`save`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<WithdrawnKey>,
    /// Counted from 1; set by [`save`].
    pub version: u64,
    /// Who made this version.
    pub author: Subject,
}

impl Client {
    /// A client without keys, not stored yet.
    pub fn new(id: ClientId, name: String, rights: Rights, author: Subject) -> Self {
        Self {
            id,
            name,
            rights,
            keys: Vec::new(),
            withdrawn: Vec::new(),
            version: 0,
            author,
        }
    }

    /// The image that comes after this one, with nothing else changed yet.
    #[must_use]
    pub fn next(&self) -> Self {
        Self {
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// Drops the keys whose time is over.
    pub fn drop_expired_keys(&mut self, now: DateTime<Utc>) {
        self.keys.retain(|key| key.expires_at.is_none_or(|end| now < end));
    }

    /// Whether the key with this hash is one of its active keys.
    pub fn holds(&self, hash: &KeyHash) -> bool {
        self.keys.iter().any(|key| key.hash == *hash)
    }

    /// Whether a key of this name was one of its keys and was withdrawn.
    pub fn has_withdrawn(&self, key_id: &str) -> bool {
        self.withdrawn.iter().any(|key| key.key_id == key_id)
    }

    /// What the next image names as withdrawn when this one is `before` it.
    fn withdrawn_after(&self, before: &Self, now: DateTime<Utc>) -> Vec<WithdrawnKey> {
        let known = before.withdrawn.iter().cloned();
        let gone = before.keys.iter().filter(|key| !self.holds(&key.hash));
        let gone = gone.map(|key| WithdrawnKey {
            key_id: key.hash.key_id().to_owned(),
            at: now,
        });
        let recent = |key: &WithdrawnKey| now.signed_duration_since(key.at) < TimeDelta::days(WITHDRAWN_DAYS);
        let mut all: Vec<_> = known.chain(gone).filter(recent).collect();
        all.drain(..all.len().saturating_sub(WITHDRAWN_MAX));
        all
    }
}

/// A key that a client had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnKey {
    /// Name of the key.
    pub key_id: String,
    /// When it was withdrawn.
    pub at: DateTime<Utc>,
}

/// An active key of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveKey {
    /// What is stored instead of the key.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: Subject,
    /// From when on it is refused; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// What its maker called the call that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// A key as the authorizer reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Whose data.
    pub tenant: Tenant,
    /// Whose key.
    pub client: ClientId,
    /// Copy of the client's rights.
    pub rights: Rights,
    /// From when on it is refused; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

fn partition(tenant: &Tenant) -> String {
    format!("CLIENT#{tenant}")
}

fn client_key(tenant: &Tenant, client: &ClientId) -> Key {
    Key {
        pk: partition(tenant),
        sk: client.to_string(),
    }
}

fn hash_key(hash: &KeyHash) -> Key {
    Key {
        pk: format!("APIKEY#{}", hash.as_str()),
        sk: "KEY".to_owned(),
    }
}

/// The key with this hash, or `None`. Half a read unit for a key that exists; one that seems not to is asked for again
/// strongly, because a refusal is remembered by the gateway and a new key must work at once.
///
/// # Errors
/// [`StoreError`].
pub async fn read_key(db: &Db, hash: &KeyHash) -> Result<Option<Record<KeyRecord>>, StoreError> {
    let (site, key) = (Site::ApiKeyRead, hash_key(hash));
    match db.get(site, &key, Read::Eventual).await? {
        Some(record) => Ok(Some(record)),
        None => db.get(site, &key, Read::Strong).await,
    }
}

/// A client, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    client: &ClientId,
) -> Result<Option<Record<Client>>, StoreError> {
    db.get(site, &client_key(tenant, client), Read::Strong).await
}

/// The clients of a tenant by id, in pages of at most `limit`; `after` is the id to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    db: &Db,
    tenant: &Tenant,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Client>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant), "", limit);
    range.from = " ".to_owned();
    range.after = after;
    db.query(Site::ClientsRead, &range, Read::Strong).await
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Stored, with all keys.
    Now,
    /// Another writer came first: read the client again.
    Stale,
    /// A new key exists already, perhaps of another client or withdrawn.
    KeyTaken,
}

/// Stores a client and its keys in one transaction: a new one, or over the image `before`. Keys that `before` has and
/// `client` has not are withdrawn. The caller sees to it that there are at most [`ACTIVE_KEYS_MAX`].
///
/// # Errors
/// [`StoreError`].
pub async fn save(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    before: Option<&Record<Client>>,
    mut client: Client,
    made: impl Into<Made>,
) -> Result<Saved, StoreError> {
    let made = made.into();
    let now = made.at;
    client.version = before.map_or(0, |b| b.d.version).saturating_add(1);
    client.withdrawn = before.map_or_else(Vec::new, |b| client.withdrawn_after(&b.d, now));
    let mut legs = vec![client_leg(site, tenant, before, &client, made)?];
    let mut new_keys = BTreeSet::new();
    for key in &client.keys {
        let known = before.is_some_and(|b| b.d.holds(&key.hash));
        if !known {
            new_keys.insert(legs.len());
        }
        let condition = (!known).then(Condition::absent);
        legs.push(Leg::put(site, &key_record(tenant, &client, key, now), condition)?);
    }
    let gone = before
        .iter()
        .flat_map(|b| &b.d.keys)
        .filter(|key| !client.holds(&key.hash));
    for key in gone {
        let mut record = key_record(tenant, &client, key, now);
        record.d.revoked_at = Some(now);
        record.ttl = Some(now.timestamp().saturating_add(WITHDRAWN_DAYS * 86_400));
        legs.push(Leg::put(site, &record, None)?);
    }
    match db.transact(site, legs).await {
        Ok(()) => Ok(Saved::Now),
        Err(TransactError::Condition(failed)) => {
            // Only when the client itself did not stand in the way is it the key.
            let taken = failed.iter().all(|leg| new_keys.contains(&leg.index));
            Ok(if taken { Saved::KeyTaken } else { Saved::Stale })
        }
        Err(TransactError::Store(error)) => Err(error),
    }
}

fn client_leg(
    site: Site,
    tenant: &Tenant,
    before: Option<&Record<Client>>,
    client: &Client,
    made: Made,
) -> Result<Leg, StoreError> {
    let mut record = Record::new(client_key(tenant, &client.id), "client", made, client.clone());
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(before.d.version)
        }
    };
    Leg::put(site, &record, Some(condition))
}

fn key_record(tenant: &Tenant, client: &Client, key: &ActiveKey, now: DateTime<Utc>) -> Record<KeyRecord> {
    let entity = KeyRecord {
        tenant: tenant.clone(),
        client: client.id.clone(),
        rights: client.rights.clone(),
        expires_at: key.expires_at,
        revoked_at: None,
    };
    let mut record = Record::new(hash_key(&key.hash), "api_key", now, entity);
    record.created_at = key.created_at;
    record
}

/// What became of a [`bootstrap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrapped {
    /// The client, its rights or its key were stored now.
    Stored,
    /// Everything stood already.
    Unchanged,
    /// The client has two other active keys: withdraw one first.
    KeysFull,
    /// The key belongs to another client, or was withdrawn.
    KeyTaken,
    /// Other writers kept changing the client: run it again.
    Contended,
}

/// Sees to it that `client` exists with this name and these rights and that `key` is one of its active keys. For the
/// first key of a new installation and for demos; run twice, it changes nothing. `client.keys` is ignored.
///
/// # Errors
/// [`StoreError`].
pub async fn bootstrap(
    db: &Db,
    tenant: &Tenant,
    client: &Client,
    key: &ApiKey,
    now: DateTime<Utc>,
) -> Result<Bootstrapped, StoreError> {
    let hash = key.hash();
    for _ in 0..BOOTSTRAP_ROUNDS {
        let before = read(db, Site::ToolRead, tenant, &client.id).await?;
        let mut after = client.clone();
        after.keys = before.as_ref().map(|b| b.d.keys.clone()).unwrap_or_default();
        after.drop_expired_keys(now);
        let held = after.holds(&hash);
        let same = |b: &Record<Client>| b.d.name == after.name && b.d.rights == after.rights;
        if held && before.as_ref().is_some_and(same) {
            return Ok(Bootstrapped::Unchanged);
        }
        if !held {
            if after.keys.len() >= ACTIVE_KEYS_MAX {
                return Ok(Bootstrapped::KeysFull);
            }
            after.keys.push(ActiveKey {
                hash: hash.clone(),
                created_at: now,
                created_by: client.author.clone(),
                expires_at: None,
                client_token: None,
            });
        }
        match save(db, Site::ToolWrite, tenant, before.as_ref(), after, now).await? {
            Saved::Now => return Ok(Bootstrapped::Stored),
            Saved::KeyTaken => return Ok(Bootstrapped::KeyTaken),
            Saved::Stale => {}
        }
    }
    Ok(Bootstrapped::Contended)
}
