//! A new system gets what it cannot work without: a programme, locations, and a first key. Run twice, it changes nothing;
//! what an operator has changed since stays as it is.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::id::{ClientId, LocationId, ProgrammeId, Subject};
use domain::location::{Location, LocationKind};
use domain::programme::Programme;
use http_edge::Scope;
use store::client::{self, ApiKey, Bootstrapped, Client, KEY_BYTES, Places, Rights};
use store::programme::ProgrammeVersion;
use store::{Site, location, programme};

use super::{OperationError, System};

/// The default programme.
pub const PROGRAMME: &str = "treue";
/// The client whose key an operator of a new system begins with.
pub const ADMIN: &str = "admin";
/// Who is named as the author of what bootstrap stores.
const AUTHOR: &str = "bootstrap";
/// The shop.
pub const SHOP: &str = "SHOP";
/// Groups of the voucher feed that the locations are spread over, so that no single sequence carries all changes.
const FEED_GROUPS: usize = 4;

/// The towns of the 24 branches, in the order of their ids `B01` to `B24`.
pub const TOWNS: [&str; 24] = [
    "Zürich",
    "Bern",
    "Basel",
    "Luzern",
    "St. Gallen",
    "Winterthur",
    "Lausanne",
    "Genève",
    "Lugano",
    "Biel/Bienne",
    "Thun",
    "Chur",
    "Fribourg",
    "Schaffhausen",
    "Neuchâtel",
    "Sion",
    "Aarau",
    "Zug",
    "Bellinzona",
    "Solothurn",
    "Olten",
    "Uster",
    "Rapperswil-Jona",
    "La Chaux-de-Fonds",
];

/// What bootstrap stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Whether the programme is new.
    pub programme: bool,
    /// New locations.
    pub locations: u64,
}

/// The ids of the branches.
pub fn branch_ids() -> impl Iterator<Item = String> {
    (1..=TOWNS.len()).map(|number| format!("B{number:02}"))
}

/// Sees to it that the default programme, the branches and the shop exist.
///
/// # Errors
/// [`OperationError`].
pub async fn places(system: &System, now: DateTime<Utc>) -> Result<Stored, OperationError> {
    let programme: ProgrammeId = id(PROGRAMME)?;
    let mut stored = Stored {
        programme: default_programme(system, &programme, now).await?,
        locations: 0,
    };
    let known = location::list(&system.db, Site::ToolRead, &system.tenant).await?;
    let known: BTreeSet<_> = known.into_iter().map(|record| record.d.id).collect();
    for location in default_locations(&programme)? {
        if known.contains(&location.id) {
            continue;
        }
        if location::write(&system.db, Site::ToolWrite, &system.tenant, None, location, now).await? {
            stored.locations = stored.locations.saturating_add(1);
        }
    }
    Ok(stored)
}

async fn default_programme(system: &System, id: &ProgrammeId, now: DateTime<Utc>) -> Result<bool, OperationError> {
    if programme::read_current(&system.db, Site::ToolRead, &system.tenant, id)
        .await?
        .is_some()
    {
        return Ok(false);
    }
    let version = ProgrammeVersion {
        programme: Programme::swiss_default(id.clone()),
        author: author()?,
        reason: "Default programme".to_owned(),
    };
    Ok(programme::write(&system.db, Site::ToolWrite, &system.tenant, version, now).await?)
}

fn default_locations(programme: &ProgrammeId) -> Result<Vec<Location>, OperationError> {
    let branches = branch_ids()
        .zip(TOWNS)
        .map(|(id, town)| (id, town, LocationKind::Branch));
    let shop = (SHOP.to_owned(), "Online-Shop", LocationKind::Shop);
    branches
        .chain([shop])
        .enumerate()
        .map(|(index, (name, title, kind))| {
            Ok(Location {
                id: id::<LocationId>(&name)?,
                name: title.to_owned(),
                kind,
                programme: programme.clone(),
                feed_group: id(&format!("g{}", index % FEED_GROUPS))?,
                company: None,
                closed_on: None,
                version: 1,
            })
        })
        .collect()
}

/// Reads an identifier that this module names itself.
fn id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, OperationError> {
    text.parse()
        .map_err(|error| OperationError::Refused(format!("{text}: {error}")))
}

fn author() -> Result<Subject, OperationError> {
    id(AUTHOR)
}

/// A client as bootstrap is to store it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    /// Its id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Ids of the locations it speaks for; `None` for all.
    pub locations: Option<Vec<String>>,
}

impl NewClient {
    /// The operator's client: everything, everywhere. Who grants rights must hold them.
    #[must_use]
    pub fn admin() -> Self {
        Self {
            id: ADMIN.to_owned(),
            name: "Administrator".to_owned(),
            scopes: Scope::ALL.to_vec(),
            locations: None,
        }
    }

    fn client(&self) -> Result<Client, OperationError> {
        let places = match &self.locations {
            None => Places::All,
            Some(ids) => Places::Only(ids.iter().map(|name| id(name)).collect::<Result<_, _>>()?),
        };
        let scopes = self.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
        Ok(Client::new(
            id(&self.id)?,
            self.name.clone(),
            Rights { scopes, places },
            author()?,
        ))
    }
}

/// A new key from the operating system's random source.
///
/// # Errors
/// The operating system has none.
pub fn new_key() -> Result<ApiKey, OperationError> {
    let mut bytes = [0u8; KEY_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| OperationError::Refused(format!("the operating system gives no random bytes: {error}")))?;
    Ok(ApiKey::from_random(&bytes))
}

/// Whether the client has a key that works.
///
/// # Errors
/// [`OperationError`].
pub async fn has_key(system: &System, client: &str, now: DateTime<Utc>) -> Result<bool, OperationError> {
    let client: ClientId = id(client)?;
    let found = client::read(&system.db, Site::ToolRead, &system.tenant, &client).await?;
    Ok(found.is_some_and(|mut record| {
        record.d.drop_expired_keys(now);
        !record.d.keys.is_empty()
    }))
}

/// Sees to it that the client exists and that `key` is one of its keys. The rights of a client that exists stay as they are.
///
/// # Errors
/// [`OperationError::Refused`] when the key cannot become this client's.
pub async fn client(
    system: &System,
    wanted: &NewClient,
    key: &ApiKey,
    now: DateTime<Utc>,
) -> Result<bool, OperationError> {
    let mut client = wanted.client()?;
    if let Some(found) = client::read(&system.db, Site::ToolRead, &system.tenant, &client.id).await? {
        client.name = found.d.name;
        client.rights = found.d.rights;
    }
    let refused = |why: &str| Err(OperationError::Refused(format!("the client {}: {why}", wanted.id)));
    match client::bootstrap(&system.db, &system.tenant, &client, key, now).await? {
        Bootstrapped::Stored => Ok(true),
        Bootstrapped::Unchanged => Ok(false),
        Bootstrapped::KeysFull => refused("it has two other active keys; withdraw one first"),
        Bootstrapped::KeyTaken => refused("this key belongs to another client or was withdrawn; take a new one"),
        Bootstrapped::Contended => refused("others kept changing it; run this again"),
    }
}
