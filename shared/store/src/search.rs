//! The search index: lists of parties under hashed parts of their names, contacts and ids (T6).
//!
//! An entry is a tiny item of its own, `SEARCH#tenant#hash` with the sort key `order#party`. What a party is listed under
//! stands on the party too, in `SEARCHKEYS`: that is how entries of an earlier version are found again. Keys are keyed hashes,
//! so that nobody reads a name from them; whoever is found is compared with what was typed, by its profile as it stands. An
//! entry that has become untrue finds nobody.
//!
//! | file | what |
//! |---|---|
//! | `hash` | texts become keys, orders and prints |
//! | `index` | a party is listed as it stands |
//! | `find` | lists are read, and parties ranked |

mod find;
mod hash;
mod index;

pub use find::{Answer, Found, find, read_one};
pub use index::{Listing, index, items, unlist};

use ::party::Point;
use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use search::{Name, Place, Searchable};
use serde::{Deserialize, Serialize};

use crate::db::Key;
use crate::party::{self, Identity, PartyDocument, Personal};

/// Sort key of what a party is listed under.
const LISTED: &str = "SEARCHKEYS";

/// Postcode and town of a party's first address at `now`.
pub fn place(party: &PartyDocument, now: DateTime<Utc>) -> Option<Personal> {
    let place = searchable(party, now).places.into_iter().next()?;
    Some(Personal::new(format!("{} {}", place.postcode, place.town)))
}

/// What a party can be found by at `now`: former names, ended contacts and ids that were taken away are not among it. Days are
/// those of UTC: a contact may stay to be found an hour or two longer than it holds.
pub fn searchable(party: &PartyDocument, now: DateTime<Utc>) -> Searchable {
    let text = |text: &Personal| text.as_str().to_owned();
    let name = match &party.identity {
        Identity::Person {
            given_name,
            family_name,
        } => Name::Person(given_name.as_ref().map(text).unwrap_or_default(), text(family_name)),
        Identity::Organisation { organisation_name } => Name::Organisation(text(organisation_name)),
    };
    let standing = party
        .identifiers
        .iter()
        .filter(|id| id.until.is_none_or(|until| until > now));
    let mut found = Searchable {
        names: vec![name],
        external_ids: standing.map(|id| text(&id.id)).collect(),
        ..Searchable::default()
    };
    for contact in party.contacts.iter().filter(|contact| contact.stands(now.date_naive())) {
        match &contact.point {
            Point::Postal(postal) => found.places.push(Place {
                postcode: postal.postcode.as_ref().map_or_else(String::new, text),
                town: text(&postal.town),
            }),
            Point::Email(address) => found.emails.push(text(address)),
            Point::Phone(number) => found.phones.push(text(number)),
        }
    }
    found
}

/// What a party is listed under.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Lists {
    /// Counts the writes of this item, from 1.
    version: u64,
    /// Version of the profile that it was made from.
    of: u64,
    /// The lists and the orders in them, `hash#order`.
    keys: Vec<String>,
    /// Entries that were or may still be written by an earlier writer, and are to be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<String>,
    /// The print that stands with each entry.
    print: String,
    /// Whether all of it is written.
    done: bool,
    /// Whether a writer that was overtaken may still write what it has said, or remove what it has dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    contested: bool,
}

fn listed_key(tenant: &Tenant, party: &PartyId) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: LISTED.to_owned(),
    }
}

fn list_partition(tenant: &Tenant, hash: &str) -> String {
    format!("SEARCH#{tenant}#{hash}")
}

/// The key of an entry named `hash#order`.
fn entry_key(tenant: &Tenant, name: &str, party: &PartyId) -> Key {
    let (hash, order) = name.split_once('#').unwrap_or((name, ""));
    Key {
        pk: list_partition(tenant, hash),
        sk: format!("{order}#{party}"),
    }
}
