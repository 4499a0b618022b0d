//! Relationships between parties: an item on each of the two, written together, so that both sides show them.

use ::party::change::When;
use ::party::{Personal, Word};
use chrono::NaiveDate;
use domain::id::{PartyId, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::party::{partition, refuse_erased, stays};
use crate::record::{Made, Record};

/// Topic and entity type of relationships.
pub const RELATIONSHIP: &str = "relationship";
/// Sort keys of relationships.
const PREFIX: &str = "REL#";
/// Relationships of a party that are looked at to find whether two parties share points. Who has more is a company, and is found
/// from the other side.
const SHARED_MAX: i32 = 100;

/// A relationship as one of its parties sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// Counts the changes, from 1; the same on both sides.
    pub version: u64,
    /// One of the tenant's relationship types.
    #[serde(rename = "k")]
    pub kind: Word,
    /// What this party is in it.
    #[serde(rename = "r")]
    pub role: Word,
    /// The other party.
    #[serde(rename = "o")]
    pub other: PartyId,
    /// What the other party is in it.
    #[serde(rename = "or")]
    pub other_role: Word,
    /// First day.
    #[serde(rename = "a")]
    pub since: NaiveDate,
    /// Last day, once it is known.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Somebody ended it: it is history, whatever its last day.
    #[serde(default, rename = "x", skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// Where in the other party's organisation.
    #[serde(default, rename = "d", skip_serializing_if = "Option::is_none")]
    pub department: Option<Personal>,
    /// As the type said when it began: its parties may move points to each other.
    #[serde(default, rename = "s", skip_serializing_if = "std::ops::Not::not")]
    pub shares_points: bool,
}

impl Relationship {
    /// Whether it is not history on the day `today`; it may begin later.
    pub fn stands(&self, today: NaiveDate) -> bool {
        !self.ended && self.until.is_none_or(|last| today <= last)
    }

    /// The same as the other party sees it.
    fn of_other(&self, party: &PartyId) -> Self {
        Self {
            role: self.other_role.clone(),
            other: party.clone(),
            other_role: self.role.clone(),
            ..self.clone()
        }
    }
}

/// The key of the same relationship on the other party.
pub(crate) fn mirror_key(tenant: &Tenant, party: &PartyId, seen: &Relationship) -> Key {
    key(tenant, &seen.other, &seen.of_other(party))
}

fn key(tenant: &Tenant, party: &PartyId, seen: &Relationship) -> Key {
    Key {
        pk: partition(tenant, party),
        sk: format!("{PREFIX}{}#{}#{}#{}", seen.kind, seen.role, seen.other, seen.since),
    }
}

/// What became of writing a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Stored on both sides.
    Done,
    /// One of the parties does not exist.
    NoParty,
    /// It stands there in another version, or already.
    Stale,
}

/// Stores a relationship on both sides: a new one, or over the image `before`.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Erased`] when one of the parties was erased.
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    before: Option<&Record<Relationship>>,
    mut relationship: Relationship,
    made: &Made,
) -> Result<Written, StoreError> {
    let known = before.map_or(0, |before| before.d.version);
    relationship.version = known.saturating_add(1);
    let other = relationship.other.clone();
    let sides = [
        (party, relationship.clone(), true),
        (&other, relationship.of_other(party), false),
    ];
    let mut legs = Vec::new();
    for (side, seen, announces) in sides {
        let mut record = Record::new(key(tenant, side, &seen), RELATIONSHIP, made, seen);
        record.created_at = before.map_or(made.at, |before| before.created_at);
        record.topics = announces.then(|| RELATIONSHIP.to_owned());
        let condition = match before {
            None => Condition::absent(),
            Some(_) => Condition::version(known),
        };
        legs.push(Leg::put(site, &record, Some(condition))?);
    }
    for side in [party, &other] {
        legs.push(stays(tenant, side));
    }
    match db.transact(site, legs).await {
        Ok(()) => Ok(Written::Done),
        Err(TransactError::Condition(failed)) => {
            let sides = || failed.iter().filter(|leg| leg.index >= 2);
            sides().try_for_each(|leg| refuse_erased(site, leg.item.as_ref()))?;
            Ok(if sides().next().is_some() {
                Written::NoParty
            } else {
                Written::Stale
            })
        }
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// The relationship of this type with this party that stands, else the newest that ended, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    (kind, role, other): (&Word, &Word, &PartyId),
    when: When,
) -> Result<Option<Record<Relationship>>, StoreError> {
    let prefix = format!("{PREFIX}{kind}#{role}#{other}#");
    let mut range = Range::prefix(partition(tenant, party), &prefix, SHARED_MAX);
    range.descending = true;
    let (found, _) = db.query::<Relationship>(site, &range, Read::Strong).await?;
    let standing = found.iter().position(|record| record.d.stands(when.today));
    Ok(found.into_iter().nth(standing.unwrap_or(0)))
}

/// The relationships of a party, by type, in pages of at most `limit`; `after` is the sort key to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Relationship>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant, party), PREFIX, limit);
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Whether points may move between two parties on `today`: they stand in a relationship that shares points, or both do with
/// the same third party, as employees of one company.
///
/// # Errors
/// [`StoreError`].
pub async fn share_points(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    (one, two): (&PartyId, &PartyId),
    today: NaiveDate,
) -> Result<bool, StoreError> {
    let of_one = sharers(db, site, tenant, one, today).await?;
    if of_one.contains(two) {
        return Ok(true);
    }
    let of_two = sharers(db, site, tenant, two, today).await?;
    Ok(of_two.contains(one) || of_one.iter().any(|other| of_two.contains(other)))
}

/// The parties that share points with one.
async fn sharers(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    today: NaiveDate,
) -> Result<Vec<PartyId>, StoreError> {
    let (found, _) = list(db, site, tenant, party, None, SHARED_MAX).await?;
    let holds = |seen: &Relationship| seen.shares_points && seen.stands(today) && seen.since <= today;
    Ok(found
        .into_iter()
        .filter(|record| holds(&record.d))
        .map(|record| record.d.other)
        .collect())
}
