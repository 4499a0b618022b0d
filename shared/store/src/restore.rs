//! One party compared with a restored copy of the table, and repaired from it. Works on items as they stand, so that no kind of
//! item is forgotten; shows keys only, never what an item says.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{PartyId, Tenant};
use faults::Site;

use crate::db::{Condition, Db, Key, Leg, Range, Read, Value};
use crate::error::StoreError;
use crate::party;
use crate::record::Item;

/// Items of one page.
const PAGE: i32 = 500;
/// Most items of a party that are compared: a customer of fifty years of daily purchases has fewer.
pub const ITEMS_MAX: usize = 100_000;

/// How an item of the live table stands to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Only the copy has it.
    Missing,
    /// Both have it, and they are not alike.
    Differs,
    /// Only the live table has it: it is younger than the copy, or the copy is of another party's time.
    Younger,
}

/// An item that is not alike in both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Its key. Keys carry no personal data.
    pub key: Key,
    /// How it stands.
    pub standing: Standing,
}

/// Why one party could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The party has more items than are compared.
    #[error("the party has more than {ITEMS_MAX} items")]
    TooMany,
}

/// Both sides of one party.
#[derive(Debug)]
pub struct Compared {
    live: BTreeMap<Key, Item>,
    copy: BTreeMap<Key, Item>,
}

/// What became of an item that was to be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutBack {
    /// It stands as in the copy now.
    Done,
    /// Somebody changed the live item since it was compared: nothing was done.
    ChangedMeanwhile,
}

/// Reads all items of a party in both tables: its partition, and its cards where they stand by their number.
///
/// # Errors
/// [`CompareError`].
pub async fn compare(live: &Db, copy: &Db, tenant: &Tenant, party: &PartyId) -> Result<Compared, CompareError> {
    let mut compared = Compared {
        live: partition(live, tenant, party).await?,
        copy: partition(copy, tenant, party).await?,
    };
    let keys = |items: &BTreeMap<Key, Item>| items.keys().cloned().collect::<Vec<_>>();
    let mut beside = BTreeSet::new();
    for key in keys(&compared.live).into_iter().chain(keys(&compared.copy)) {
        beside.extend(crate::card::of_reference(tenant, &key.sk));
    }
    for key in beside {
        for (db, items) in [(live, &mut compared.live), (copy, &mut compared.copy)] {
            if let Some(item) = db.get_item(Site::ToolRead, &key, Read::Strong).await? {
                items.insert(key.clone(), item);
            }
        }
    }
    Ok(compared)
}

async fn partition(db: &Db, tenant: &Tenant, party: &PartyId) -> Result<BTreeMap<Key, Item>, CompareError> {
    let mut items = BTreeMap::new();
    let mut range = Range {
        // A key may not be empty; no sort key begins below this.
        from: "!".to_owned(),
        ..Range::prefix(party::partition(tenant, party), "~", PAGE)
    };
    loop {
        let (page, next) = db.query_items(Site::ToolRead, &range, Read::Strong).await?;
        items.extend(page.into_iter().filter_map(|item| Some((key_of(&item)?, item))));
        if items.len() > ITEMS_MAX {
            return Err(CompareError::TooMany);
        }
        match next {
            Some(next) => range.after = Some(next),
            None => return Ok(items),
        }
    }
}

fn key_of(item: &Item) -> Option<Key> {
    let text = |name| match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text.clone()),
        _ => None,
    };
    Some(Key {
        pk: text("pk")?,
        sk: text("sk")?,
    })
}

impl Compared {
    /// Items that were alike.
    pub fn alike(&self) -> usize {
        let same = |(key, item): &(&Key, &Item)| self.copy.get(*key) == Some(*item);
        self.live.iter().filter(same).count()
    }

    /// Items that are not, in the order of their keys.
    pub fn differences(&self) -> Vec<Difference> {
        let keys: BTreeSet<_> = self.live.keys().chain(self.copy.keys()).collect();
        let standing = |key: &Key| match (self.live.get(key), self.copy.get(key)) {
            (None, Some(_)) => Some(Standing::Missing),
            (Some(_), None) => Some(Standing::Younger),
            (Some(live), Some(copy)) if live != copy => Some(Standing::Differs),
            _ => None,
        };
        keys.into_iter()
            .filter_map(|key| {
                Some(Difference {
                    standing: standing(key)?,
                    key: key.clone(),
                })
            })
            .collect()
    }

    /// Puts an item back as the copy has it, if the live table is still as it was when it was compared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_back(&self, live: &Db, key: &Key) -> Result<PutBack, StoreError> {
        let Some(item) = self.copy.get(key) else {
            return Ok(PutBack::ChangedMeanwhile);
        };
        let condition = match self.live.get(key).map(|item| item.get("updated_at")) {
            None => Condition::absent(),
            Some(Some(AttributeValue::S(updated))) => Condition::new("#updated = :updated")
                .name("#updated", "updated_at")
                .value(":updated", Value::Text(updated.clone())),
            // Without that nobody can say whether it is still the same.
            Some(_) => return Ok(PutBack::ChangedMeanwhile),
        };
        let leg = Leg::Put(item.clone(), Some(condition));
        Ok(match live.write_item(Site::ToolWrite, leg).await? {
            None => PutBack::Done,
            // An answer may have been lost: the item then stands already.
            Some(Some(stands)) if stands == *item => PutBack::Done,
            Some(_) => PutBack::ChangedMeanwhile,
        })
    }
}
