//! A party is listed as it stands.
//!
//! A writer first says on the party what it is going to list and what it drops, under the version of what it has read; then it
//! writes and removes the entries; then it says that this is done. So every entry that was ever written stands on the party
//! until it is removed:
//!
//! - a writer that dies leaves its intent behind, and the next one removes what it no longer wants of it;
//! - a writer that was overtaken may still write entries, or remove some, after the other one. The one that overtook it knows,
//!   because the intent it found was not done, and leaves the lists *contested*: whoever lists the party next writes and removes
//!   everything once more. The overtaken one does so itself, when it is refused to say that it is done; or it died, and its
//!   message comes again. When nobody has written for longer than a writer can live, lists are contested no more.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{PartyId, Tenant};
use faults::Site;

use super::hash::Hasher;
use super::{Lists, entry_key, listed_key, searchable};
use crate::db::{Condition, Db, Leg, Read, Written};
use crate::error::StoreError;
use crate::party::{self, PartyDocument, Standing};
use crate::record::{Item, Record};

/// Rounds against other writers of one party's lists, before the message comes again.
const ROUNDS_MAX: usize = 10;
/// Dropped entries that are kept; a party with more waits until earlier writers are over.
const DROPPED_MAX: usize = 200;
/// After this time no writer is under way any more: longer than a function can live.
const WRITER_MAX: TimeDelta = TimeDelta::minutes(16);

/// What became of listing a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It is listed now; how many entries were written and removed.
    Listed {
        /// Entries written.
        written: usize,
        /// Entries removed.
        removed: usize,
    },
    /// It was listed as it stands.
    AsItStands,
}

/// Lists a party as it stands; one that is no more is listed nowhere. Repeating it, at the same time or later, changes nothing.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when other writers keep changing the lists, and then it must be repeated.
pub async fn index(
    db: &Db,
    pepper: &[u8],
    tenant: &Tenant,
    party: &PartyId,
    now: DateTime<Utc>,
) -> Result<Listing, StoreError> {
    let hasher = Hasher { pepper, tenant };
    for _ in 0..ROUNDS_MAX {
        // The lists first: the profile that is read after them is at least as new as the one they were made from.
        let before: Option<Record<Lists>> = db
            .get(Site::IndexListed, &listed_key(tenant, party), Read::Strong)
            .await?;
        let profile = party::standing(db, Site::IndexParty, tenant, party).await?;
        let profile = profile.and_then(Standing::party);
        let wanted = Wanted::of(&hasher, profile.as_ref(), now);
        if let Some(done) = step(db, tenant, party, before, wanted, now).await? {
            return Ok(done);
        }
    }
    Err(StoreError::Busy(Site::IndexIntent))
}

/// The items that [`index`] leaves of a party that it lists for the first time, for tools that fill a table.
///
/// # Errors
/// [`StoreError::Unreadable`] when the lists make no item.
pub fn items(
    pepper: &[u8],
    tenant: &Tenant,
    profile: &Record<PartyDocument>,
    now: DateTime<Utc>,
) -> Result<Vec<Item>, StoreError> {
    let party = &profile.d.party;
    let wanted = Wanted::of(&Hasher { pepper, tenant }, Some(profile), now);
    let mut items: Vec<_> = wanted
        .keys
        .iter()
        .map(|name| entry(tenant, name, party, wanted.print))
        .collect();
    let lists = Lists {
        version: 2,
        of: wanted.of,
        keys: wanted.keys,
        print: format!("{:032x}", wanted.print),
        done: true,
        ..Lists::default()
    };
    let listed = Record::new(listed_key(tenant, party), "search_keys", now, lists);
    items.push(listed.to_item(Site::ToolWrite)?);
    Ok(items)
}

/// Takes a party that was erased off all lists. `true` when nothing of it stands there and nobody can still write anything;
/// `false` while an earlier writer may be under way: ask again later. What stays on the party is empty, so that a writer that
/// has read the profile before meets it.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when other writers keep changing the lists.
pub async fn unlist(db: &Db, tenant: &Tenant, party: &PartyId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    for _ in 0..ROUNDS_MAX {
        let before: Option<Record<Lists>> = db
            .get(Site::IndexListed, &listed_key(tenant, party), Read::Strong)
            .await?;
        if let Some(record) = before.as_ref().filter(|record| record.d.keys.is_empty()) {
            if record.d.done && !record.d.contested {
                return Ok(true);
            }
            // To write again would only begin the wait anew.
            if now - record.updated_at <= WRITER_MAX {
                return Ok(false);
            }
        }
        step(db, tenant, party, before, Wanted::nothing(), now).await?;
    }
    Err(StoreError::Busy(Site::IndexIntent))
}

/// What a party is to be listed under.
struct Wanted {
    of: u64,
    keys: Vec<String>,
    print: u128,
}

impl Wanted {
    const fn nothing() -> Self {
        Self {
            of: 0,
            keys: Vec::new(),
            print: 0,
        }
    }

    fn of(hasher: &Hasher<'_>, profile: Option<&Record<PartyDocument>>, now: DateTime<Utc>) -> Self {
        let Some(profile) = profile else {
            return Self::nothing();
        };
        let searchable = searchable(&profile.d, now);
        let entries = search::keys::keys(&searchable);
        // Two texts can meet in one entry.
        let keys: BTreeSet<_> = entries.iter().map(|entry| hasher.entry(entry)).collect();
        Self {
            of: profile.d.version,
            keys: keys.into_iter().collect(),
            print: hasher.print_of(&searchable),
        }
    }
}

/// One round; `None` when another writer was faster.
async fn step(
    db: &Db,
    tenant: &Tenant,
    party: &PartyId,
    before: Option<Record<Lists>>,
    wanted: Wanted,
    now: DateTime<Utc>,
) -> Result<Option<Listing>, StoreError> {
    let print = format!("{:032x}", wanted.print);
    let found = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
    let certain = found.done && !found.contested;
    let same = |name: &&String| certain && found.print == print && found.keys.contains(name);
    if certain && found.keys == wanted.keys && found.print == print {
        return Ok(Some(Listing::AsItStands));
    }
    let quiet = |record: &Record<Lists>| now - record.updated_at > WRITER_MAX;
    let contested = !certain && before.as_ref().is_some_and(|record| !quiet(record));
    let dropped = dropped(&found, &wanted.keys);
    if dropped.len() > DROPPED_MAX {
        return Err(StoreError::Busy(Site::IndexIntent));
    }
    let intent = Lists {
        version: found.version.saturating_add(1),
        of: wanted.of,
        keys: wanted.keys.clone(),
        dropped: dropped.clone(),
        print: print.clone(),
        done: false,
        contested,
    };
    let Some(intent) = put(db, tenant, party, before, intent, now).await? else {
        return Ok(None);
    };
    let written: Vec<_> = wanted.keys.iter().filter(|name| !same(name)).collect();
    let puts = written
        .iter()
        .map(|name| entry(tenant, name, party, wanted.print))
        .collect();
    let removed: Vec<_> = dropped.iter().map(|name| entry_key(tenant, name, party)).collect();
    db.batch_write(Site::IndexEntries, puts, &removed).await?;
    let done = Lists {
        version: intent.d.version.saturating_add(1),
        dropped: if contested { dropped } else { Vec::new() },
        done: true,
        ..intent.d.clone()
    };
    let listing = Listing::Listed {
        written: written.len(),
        removed: removed.len(),
    };
    Ok(put(db, tenant, party, Some(intent), done, now).await?.map(|_| listing))
}

/// What stands or may stand, and is not wanted.
fn dropped(found: &Lists, wanted: &[String]) -> Vec<String> {
    let all: BTreeSet<_> = found.keys.iter().chain(&found.dropped).collect();
    all.into_iter().filter(|name| !wanted.contains(name)).cloned().collect()
}

/// Replaces the lists; `None` when another writer did so since `before` was read.
async fn put(
    db: &Db,
    tenant: &Tenant,
    party: &PartyId,
    before: Option<Record<Lists>>,
    lists: Lists,
    now: DateTime<Utc>,
) -> Result<Option<Record<Lists>>, StoreError> {
    let site = Site::IndexIntent;
    let mut record = Record::new(listed_key(tenant, party), "search_keys", now, lists);
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(before.d.version)
        }
    };
    let leg = Leg::put(site, &record, Some(condition))?;
    match db.write::<Lists>(site, leg).await? {
        Written::Done => Ok(Some(record)),
        // A try whose answer was lost meets its own write.
        Written::Refused(Some(stands)) if stands.d == record.d && stands.updated_at == record.updated_at => {
            Ok(Some(record))
        }
        Written::Refused(_) => Ok(None),
    }
}

fn entry(tenant: &Tenant, name: &str, party: &PartyId, print: u128) -> Item {
    let mut item = entry_key(tenant, name, party).attributes();
    item.insert("et".to_owned(), AttributeValue::S("search".to_owned()));
    let print = Blob::new(print.to_be_bytes().to_vec());
    item.insert("f".to_owned(), AttributeValue::B(print));
    item
}
