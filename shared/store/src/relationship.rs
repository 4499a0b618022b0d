//! Relationships between parties: an item on each of the two, written together, so that both sides show them. Every change is one
//! of both parties too: it goes on their versions, so that two changes at once cannot meet, and both are announced.

use std::collections::BTreeSet;
use std::time::Duration;

use ::party::Word;
use ::party::change::Refused;
use ::party::related::{Plan, RELATED_MAX};
use chrono::NaiveDate;
use domain::id::{PartyId, Tenant};
use faults::Site;

use crate::card::{Card, CompanyCard};
use crate::db::{Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::party::{self, Step, partition};
use crate::record::Record;

pub use ::party::related::{Relationship, Shares};

/// Entity type of relationships.
pub(crate) const RELATIONSHIP: &str = "relationship";
/// Sort keys of relationships.
const PREFIX: &str = "REL#";
/// The type of relationship that makes a household.
pub const HOUSEHOLD: &str = "household";

/// Beginning of the sort keys of the relationships that make a household.
pub(crate) fn household_prefix() -> String {
    format!("{PREFIX}{HOUSEHOLD}#")
}
/// Relationships of a page that are looked at to find whether two parties share points.
const PAGE_MAX: i32 = 200;
/// Pages of each of the two. Who has more is a company or an office, and is found from the other side.
const PAGES_MAX: u32 = 5;
/// Rounds against others who change one of the two parties.
const ROUNDS_MAX: u32 = 8;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(5);

/// The key of the same relationship on the other party.
pub(crate) fn mirror_key(tenant: &Tenant, party: &PartyId, seen: &Relationship) -> Key {
    key(tenant, &seen.other, &seen.of_other(party))
}

fn key(tenant: &Tenant, party: &PartyId, seen: &Relationship) -> Key {
    Key {
        pk: partition(tenant, party),
        sk: format!(
            "{}{}#{:03}",
            group(&seen.kind, &seen.role, &seen.other),
            seen.since,
            seen.number
        ),
    }
}

/// Beginning of the sort keys of what is kept of a type with another party.
fn group(kind: &Word, role: &Word, other: &PartyId) -> String {
    format!("{PREFIX}{kind}#{role}#{other}#")
}

/// Where the calls of a change are made.
#[derive(Debug, Clone, Copy)]
pub struct Sites {
    /// The two parties are read.
    pub party: Site,
    /// What stands between them is read.
    pub read: Site,
    /// The change is stored.
    pub write: Site,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The relationship as it is now, and the version of the first party.
    Done(Relationship, u64),
    /// There is no such first party.
    Missing,
    /// There is no such other party.
    NoOther,
    /// The first party has another version than the caller has seen.
    Version(u64),
    /// It cannot be so.
    Refused(Refused),
    /// Others kept changing one of the two.
    Contended,
}

/// Reads what stands of the type `named` between the party of the step, which is the first word's role in it, and the other one,
/// and stores what `decide` makes of it: on both sides with a note on both parties, all or nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn change(
    db: &Db,
    sites: Sites,
    step: &Step<'_>,
    named: (&Word, &Word, &PartyId),
    decide: impl Fn(&[Relationship]) -> Result<Plan, Refused>,
) -> Result<Changed, StoreError> {
    let other = named.2;
    for round in 0..ROUNDS_MAX {
        if round > 0 {
            tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
        }
        let Some(first) = party::read(db, sites.party, step.tenant, step.party).await? else {
            return Ok(Changed::Missing);
        };
        let Some(second) = party::read(db, sites.party, step.tenant, other).await? else {
            return Ok(Changed::NoOther);
        };
        let version = first.d.version;
        let expected = step.expected.is_none_or(|expected| expected == version);
        let known = between(db, sites.read, step.tenant, step.party, named).await?;
        let seen: Vec<_> = known.iter().map(|record| record.d.clone()).collect();
        let plan = match decide(&seen) {
            // The same call again finds what it has done.
            Ok(plan) if plan.puts.is_empty() => return Ok(Changed::Done(plan.shown, version)),
            _ if !expected => return Ok(Changed::Version(version)),
            Ok(plan) => plan,
            Err(refused) => return Ok(Changed::Refused(refused)),
        };
        let mut legs = Vec::new();
        for put in &plan.puts {
            legs.extend(both_sides(sites.write, step, &known, put)?);
        }
        let fields = vec![format!("/relationships/{}", named.0)];
        for side in [&first, &second] {
            legs.extend(party::noted(sites.write, step, side, fields.clone())?);
        }
        match db.transact(sites.write, legs).await {
            Ok(()) => return Ok(Changed::Done(plan.shown, version.saturating_add(1))),
            // One of the two was changed since it was read.
            Err(TransactError::Condition(_)) => {}
            Err(TransactError::Store(error)) => return Err(error),
        }
    }
    Ok(Changed::Contended)
}

/// The legs of a relationship. They need no condition: no other one can be written under the versions of both parties.
fn both_sides(
    site: Site,
    step: &Step<'_>,
    known: &[Record<Relationship>],
    put: &Relationship,
) -> Result<[Leg; 2], StoreError> {
    let sk = key(step.tenant, step.party, put).sk;
    let before = known.iter().find(|record| record.sk == sk);
    let side = |party: &PartyId, seen: Relationship| {
        let mut record = Record::new(key(step.tenant, party, &seen), RELATIONSHIP, &step.made, seen);
        record.created_at = before.map_or(step.made.at, |before| before.created_at);
        Leg::put(site, &record, None)
    };
    Ok([
        side(step.party, put.clone())?,
        side(&put.other, put.of_other(step.party))?,
    ])
}

/// What is kept of the type between two parties, oldest first.
async fn between(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    (kind, role, other): (&Word, &Word, &PartyId),
) -> Result<Vec<Record<Relationship>>, StoreError> {
    let limit = i32::try_from(RELATED_MAX).unwrap_or(i32::MAX);
    let range = Range::prefix(partition(tenant, party), &group(kind, role, other), limit);
    Ok(db.query(site, &range, Read::Strong).await?.0)
}

/// The party that owns the points of a receipt of the day `day` with this card; `None` when the card leads nowhere. For a card that
/// a party has from a company, the relationship between the two on that day says which of them.
///
/// # Errors
/// [`StoreError`].
pub async fn points_owner(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    card: &Card,
    day: NaiveDate,
) -> Result<Option<PartyId>, StoreError> {
    let Some(holder) = card.leads_to() else {
        return Ok(None);
    };
    let Some(CompanyCard { company, kind, role }) = &card.company else {
        return Ok(Some(holder.clone()));
    };
    let known = between(db, site, tenant, holder, (kind, role, company)).await?;
    // Of two on one day that which was decided last.
    let holding = known
        .iter()
        .filter(|record| record.d.holds(day) && !is_cancelled(record));
    let holds = holding.max_by_key(|record| (record.created_at, record.d.since, record.d.number));
    let is_companys = holds.is_some_and(|record| record.d.other_owns_points());
    Ok(Some(if is_companys { company } else { holder }.clone()))
}

/// Whether it was ended before it began: it never held, though its last day is its first.
fn is_cancelled(record: &Record<Relationship>) -> bool {
    record.d.ended && record.updated_at.date_naive() < record.d.since
}

/// Whether a relationship of the type stands between two parties on `today`.
///
/// # Errors
/// [`StoreError`].
pub async fn stands(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    named: (&Word, &Word, &PartyId),
    today: NaiveDate,
) -> Result<bool, StoreError> {
    let known = between(db, site, tenant, party, named).await?;
    Ok(known.iter().any(|record| record.d.stands(today)))
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

/// Whether points may move between two parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// They may.
    Yes,
    /// They belong to no common household or company.
    No,
    /// One of them has more relationships than are looked at, and those do not say.
    TooMany,
}

/// Whether points may move between two parties on `today`: they stand in a relationship that shares points, or both belong by
/// the same one to the same third party, as employees to their company. At most 1000 relationships of each are looked at.
///
/// # Errors
/// [`StoreError`].
pub async fn share_points(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    (one, two): (&PartyId, &PartyId),
    today: NaiveDate,
) -> Result<Sharing, StoreError> {
    let of_one = sharers(db, site, tenant, one, today).await?;
    if of_one.others.contains(two) {
        return Ok(Sharing::Yes);
    }
    let of_two = sharers(db, site, tenant, two, today).await?;
    if of_two.others.contains(one) || !of_one.groups.is_disjoint(&of_two.groups) {
        return Ok(Sharing::Yes);
    }
    Ok(if of_one.complete && of_two.complete {
        Sharing::No
    } else {
        Sharing::TooMany
    })
}

/// With whom a party shares points.
struct Sharers {
    /// The other parties of its relationships.
    others: BTreeSet<PartyId>,
    /// By which relationship it belongs to whom.
    groups: BTreeSet<(Word, PartyId)>,
    /// Whether all relationships were looked at.
    complete: bool,
}

async fn sharers(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    today: NaiveDate,
) -> Result<Sharers, StoreError> {
    let mut found = Sharers {
        others: BTreeSet::new(),
        groups: BTreeSet::new(),
        complete: false,
    };
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let (page, next) = list(db, site, tenant, party, after, PAGE_MAX).await?;
        for seen in page.into_iter().map(|record| record.d) {
            let Some(shares) = seen
                .shares
                .as_ref()
                .filter(|_| seen.stands(today) && seen.since <= today)
            else {
                continue;
            };
            if shares.group == seen.role {
                found.groups.insert((seen.kind.clone(), seen.other.clone()));
            }
            found.others.insert(seen.other);
        }
        if next.is_none() {
            found.complete = true;
            break;
        }
        after = next;
    }
    Ok(found)
}
