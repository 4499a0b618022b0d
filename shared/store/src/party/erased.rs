//! What stands in the place of a party that was erased (X16).
//!
//! The tombstone stands under the key of the profile, so that nobody can store a party there again, and under a higher version,
//! so that whoever has read the profile before cannot write it any more. What a till sees becomes a stop without a name: from
//! then on no voucher is issued and none is taken.

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, PartyId, Tenant};
use domain::till_text::Language;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::change::{CHANGE, Change, ChangeKind, change_key};
use super::{Known, PARTY, PartyDocument, TillName, VoucherStop, known_key, profile_key, till_name_key};
use crate::db::{Condition, Db, Leg, Read, Value};
use crate::error::StoreError;
use crate::record::{Item, Made, Record};

/// Entity type of what stands in the place of a party.
pub const ERASED_PARTY: &str = "erased_party";
/// Entity type of what stands in the place of an external id or a caller's token.
pub const ERASED_ID: &str = "erased_external_id";

/// What is left of a party in the place of its profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The party: a number that leads nowhere any more.
    pub party: PartyId,
    /// One more than the last version of the profile.
    pub version: u64,
}

/// What is left of an external id or a token: that it is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct ErasedId {
    erased: bool,
}

/// What stands under the key of a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The party.
    Party(Box<Record<PartyDocument>>),
    /// It was erased.
    Erased(Box<Record<Tombstone>>),
}

impl Standing {
    /// Reads an item that stands under the key of a profile.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub(crate) fn of(site: Site, item: Item) -> Result<Self, StoreError> {
        if is_of_type(&item, ERASED_PARTY) {
            Ok(Self::Erased(Box::new(Record::from_item(site, item)?)))
        } else {
            Ok(Self::Party(Box::new(Record::from_item(site, item)?)))
        }
    }

    /// The party, if it was not erased.
    pub(crate) fn party(self) -> Option<Record<PartyDocument>> {
        match self {
            Self::Party(party) => Some(*party),
            Self::Erased(_) => None,
        }
    }
}

fn is_of_type(item: &Item, entity_type: &str) -> bool {
    item.get("et")
        .and_then(|et| et.as_s().ok())
        .is_some_and(|et| et == entity_type)
}

/// What stands under the key of a party's profile, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(db: &Db, site: Site, tenant: &Tenant, party: &PartyId) -> Result<Option<Standing>, StoreError> {
    let item = db.get_item(site, &profile_key(tenant, party), Read::Strong).await?;
    item.map(|item| Standing::of(site, item)).transpose()
}

/// Insists in a transaction that the party stands: it is stored and was not erased.
pub(crate) fn stays(tenant: &Tenant, party: &PartyId) -> Leg {
    let stands = Condition::new("#et = :party")
        .name("#et", "et")
        .value(":party", Value::Text(PARTY.to_owned()));
    Leg::Check(profile_key(tenant, party), stands)
}

/// The item that made [`stays`] fail says that the party was erased.
pub(crate) fn refuse_erased(site: Site, item: Option<&Item>) -> Result<(), StoreError> {
    match item {
        Some(item) if is_of_type(item, ERASED_PARTY) => Err(StoreError::Erased(site)),
        _ => Ok(()),
    }
}

/// Reads what stands under an external id or a token.
///
/// # Errors
/// [`StoreError::Erased`] when its party was erased.
pub(crate) fn read_known<T: serde::de::DeserializeOwned>(site: Site, item: Item) -> Result<Record<T>, StoreError> {
    if is_of_type(&item, ERASED_ID) {
        return Err(StoreError::Erased(site));
    }
    Record::from_item(site, item)
}

/// The leg that puts a tombstone in the place of an id of `party`; `None` when the id is not its own any more.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn erase_id(
    db: &Db,
    (read, site): (Site, Site),
    (tenant, party): (&Tenant, &PartyId),
    lookup: &LookupKey,
    now: DateTime<Utc>,
) -> Result<Option<Leg>, StoreError> {
    let key = known_key(tenant, lookup);
    let Some(item) = db.get_item(read, &key, Read::Strong).await? else {
        return Ok(None);
    };
    let known: Record<Known> = match read_known(read, item) {
        Err(StoreError::Erased(_)) => return Ok(None),
        known => known?,
    };
    if known.d.party != *party {
        return Ok(None);
    }
    let own = Condition::new("#d.#party = :party")
        .name("#d", "d")
        .name("#party", "party")
        .value(":party", Value::Text(party.to_string()));
    let stone = Record::new(key, ERASED_ID, now, ErasedId { erased: true });
    Leg::put(site, &stone, Some(own)).map(Some)
}

/// The legs that put a tombstone in the place of a party, stop its vouchers, and tell other systems.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn erase(
    site: Site,
    tenant: &Tenant,
    before: &Record<PartyDocument>,
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let party = &before.d.party;
    let version = before.d.version.saturating_add(1);
    let tombstone = Tombstone {
        party: party.clone(),
        version,
    };
    let mut record = Record::new(profile_key(tenant, party), ERASED_PARTY, made, tombstone);
    record.created_at = before.created_at;
    // The search index takes the party off its lists.
    record.topics = Some(PARTY.to_owned());
    let stop = TillName {
        display_name: String::new(),
        language: Language::default(),
        voucher_stop: Some(VoucherStop { until: None }),
        erased: true,
    };
    let stop = Record::new(till_name_key(tenant, party), "till_name", made.at, stop);
    let change = Change {
        version,
        kind: ChangeKind::Erased,
        fields: Vec::new(),
        state: None,
    };
    let mut note = Record::new(change_key(tenant, party, version), CHANGE, made, change);
    note.topics = Some(CHANGE.to_owned());
    let as_read = Condition::new("#et = :stands AND #d.#version = :version")
        .name("#et", "et")
        .name("#d", "d")
        .name("#version", "version")
        .value(":stands", Value::Text(PARTY.to_owned()))
        .value(
            ":version",
            Value::Integer(i64::try_from(before.d.version).unwrap_or(i64::MAX)),
        );
    Ok(vec![
        Leg::put(site, &record, Some(as_read))?,
        Leg::put(site, &stop, None)?,
        Leg::put(site, &note, Some(Condition::absent()))?,
    ])
}
