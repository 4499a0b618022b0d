//! A party is stored, and changed as a whole: one transaction for the document, what a till sees of it, the ids it is found
//! by, what of its past no longer fits, and the note of who changed which fields.

use std::time::Duration;

use ::party::change::When;
use ::party::document::Past;
use ::party::{PartyDocument, diff};
use chrono::NaiveDate;
use domain::id::{LookupKey, PartyId, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use super::{Known, TillName, import, known_key, partition, profile_key, till_name_key};
use crate::db::{Condition, Db, FailedLeg, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::record::{Made, Record};
use crate::workflow::PartyState;

/// Rounds against others who change the same party.
const ROUNDS_MAX: u32 = 8;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(5);

/// Entity type of parties.
pub const PARTY: &str = "party";
/// Topic and entity type of changes.
pub const CHANGE: &str = "party_change";
/// Sort keys of changes.
pub(crate) const CHANGES: &str = "CHANGE#";
/// Sort keys of what no longer fits in the document.
const PASTS: &str = "PAST#";

/// What happened to a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was stored.
    Created,
    /// Fields were changed.
    Changed,
    /// It was erased.
    Erased,
}

/// A change: which fields, without their values. When and for whom stands in the frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The version that it made.
    pub version: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The fields as JSON pointers, in order, none twice.
    pub fields: Vec<String>,
    /// What workflows can ask about the party as the change left it; absent in notes of before there were workflows.
    #[serde(default, rename = "w", skip_serializing_if = "Option::is_none")]
    pub state: Option<PartyState>,
}

/// A keyed hash under which a party is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The hash.
    pub key: LookupKey,
    /// What stands under it.
    pub known: Known,
}

/// What became of storing a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// Stored now.
    New,
    /// Something stands under its id or under the lookup that makes the call repeatable already.
    Taken,
    /// Another party has one of its further ids.
    IdTaken(PartyId),
}

/// Stores a party with its name for the till and the ids it is found by: all or nothing. The first of `lookups` is the one
/// that makes the call repeatable if `repeatable`.
///
/// # Errors
/// [`StoreError`].
pub async fn create(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    document: &PartyDocument,
    lookups: &[Lookup],
    repeatable: bool,
    made: impl Into<Made>,
) -> Result<Created, StoreError> {
    let made = made.into();
    let party = &document.party;
    let name = TillName::of(document, made.at);
    let mut record = Record::new(profile_key(tenant, party), PARTY, &made, document.clone());
    record.topics = Some(PARTY.to_owned());
    let name = Record::new(till_name_key(tenant, party), "till_name", made.at, name);
    let mut legs = vec![
        Leg::put(site, &record, Some(Condition::absent()))?,
        Leg::put(site, &name, None)?,
        note(site, tenant, None, document, &made, made.at.date_naive())?,
    ];
    let head = legs.len();
    for lookup in lookups {
        legs.push(known_leg(site, tenant, lookup, &made)?);
    }
    match db.transact(site, legs).await {
        Ok(()) => Ok(Created::New),
        Err(TransactError::Condition(failed)) => taken(site, failed, head, repeatable),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// What stood in the way of a new party.
fn taken(site: Site, failed: Vec<FailedLeg>, head: usize, repeatable: bool) -> Result<Created, StoreError> {
    let own = |leg: &FailedLeg| leg.index < head || (repeatable && leg.index == head);
    if failed.iter().any(own) {
        return Ok(Created::Taken);
    }
    let item = failed
        .into_iter()
        .find_map(|leg| leg.item)
        .ok_or(StoreError::Unknown(site))?;
    Ok(Created::IdTaken(super::read_known::<Known>(site, item)?.d.party))
}

fn known_leg(site: Site, tenant: &Tenant, lookup: &Lookup, made: &Made) -> Result<Leg, StoreError> {
    let key = known_key(tenant, &lookup.key);
    let record = Record::new(key, "external_id", made.at, lookup.known.clone());
    Leg::put(site, &record, Some(Condition::absent()))
}

/// The note of a change, as the audit and other systems see it.
pub(super) fn note(
    site: Site,
    tenant: &Tenant,
    before: Option<&PartyDocument>,
    after: &PartyDocument,
    made: &Made,
    today: NaiveDate,
) -> Result<Leg, StoreError> {
    let kind = match before {
        None => ChangeKind::Created,
        Some(_) => ChangeKind::Changed,
    };
    let change = Change {
        version: after.version,
        kind,
        fields: diff(before, after),
        state: Some(PartyState::of(after, made.at, today)),
    };
    note_leg(site, (tenant, &after.party), change, made)
}

fn note_leg(site: Site, (tenant, party): (&Tenant, &PartyId), change: Change, made: &Made) -> Result<Leg, StoreError> {
    let key = numbered(tenant, party, CHANGES, change.version);
    let mut record = Record::new(key, CHANGE, made, change);
    record.topics = Some(CHANGE.to_owned());
    Leg::put(site, &record, Some(Condition::absent()))
}

/// The key of the note of the change that made `version`.
pub(super) fn change_key(tenant: &Tenant, party: &PartyId, version: u64) -> Key {
    numbered(tenant, party, CHANGES, version)
}

/// The legs by which what stands beside a document changes with it: the next version of the document as it was read, which holds
/// the same, and its note.
pub(crate) fn noted(
    site: Site,
    step: &Step<'_>,
    before: &Record<PartyDocument>,
    fields: Vec<String>,
) -> Result<[Leg; 2], StoreError> {
    let (tenant, party, made) = (step.tenant, &before.d.party, &step.made);
    let known = before.d.version;
    let mut after = before.d.clone();
    after.version = known.saturating_add(1);
    let change = Change {
        version: after.version,
        kind: ChangeKind::Changed,
        fields,
        state: Some(PartyState::of(&after, made.at, step.when.today)),
    };
    let mut record = Record::new(profile_key(tenant, party), PARTY, made, after);
    record.created_at = before.created_at;
    record.by = record.by.or_else(|| before.by.clone());
    record.topics = Some(PARTY.to_owned());
    let document = Leg::put(site, &record, Some(Condition::version(known)))?;
    Ok([document, note_leg(site, (tenant, party), change, made)?])
}

fn numbered(tenant: &Tenant, party: &PartyId, prefix: &str, version: u64) -> Key {
    Key {
        pk: partition(tenant, party),
        sk: format!("{prefix}{version:010}"),
    }
}

/// Ids under which a party is found from now on, or no longer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Found under this one from now on.
    pub add: Option<LookupKey>,
    /// The party that had the id to be added and from which it was taken away.
    pub handed_on_by: Option<PartyId>,
    /// This one is taken away.
    pub remove: Option<LookupKey>,
}

/// A change that is to be made.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The party.
    pub party: &'a PartyId,
    /// The version that the caller has seen; `None` for whichever is there.
    pub expected: Option<u64>,
    /// Ids that come and go with it.
    pub lookups: Lookups,
    /// Now and today.
    pub when: When,
    /// When and for whom.
    pub made: Made,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed<T, E> {
    /// The party as it is now; unchanged if there was nothing to change. With what the change says.
    Done(Box<Record<PartyDocument>>, T),
    /// There is no such party.
    Missing,
    /// It has another version than the caller has seen.
    Version(u64),
    /// The change itself refused.
    Refused(E),
    /// Another party has the id.
    IdTaken(PartyId),
    /// Others kept changing the party.
    Contended,
}

/// Reads a party, changes it and stores it under its version; again when another writer came first and no version was
/// expected. A change that makes no difference stores nothing, and is done whatever version was expected.
///
/// # Errors
/// [`StoreError`].
pub async fn change<T, E>(
    db: &Db,
    (read_site, site): (Site, Site),
    step: &Step<'_>,
    apply: impl Fn(&mut PartyDocument) -> Result<T, E>,
) -> Result<Changed<T, E>, StoreError> {
    for round in 0..ROUNDS_MAX {
        if round > 0 {
            tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
        }
        let Some(before) = super::read(db, read_site, step.tenant, step.party).await? else {
            return Ok(Changed::Missing);
        };
        let mut after = before.d.clone();
        let applied = apply(&mut after);
        let expected = step.expected.is_none_or(|expected| expected == before.d.version);
        let said = match applied {
            // The same call again finds what it has done.
            Ok(said) if after == before.d => return Ok(Changed::Done(Box::new(before), said)),
            _ if !expected => return Ok(Changed::Version(before.d.version)),
            Ok(said) => said,
            Err(refused) => return Ok(Changed::Refused(refused)),
        };
        after.version = before.d.version.saturating_add(1);
        step.lookups.apply(&mut after);
        let (record, mut legs) = legs(site, step, &before, after)?;
        match lookup_leg(db, (read_site, site), step).await? {
            Leads::Taken(other) => return Ok(Changed::IdTaken(other)),
            Leads::There(leg) => legs.extend(leg),
        }
        match db.transact(site, legs).await {
            Ok(()) => return Ok(Changed::Done(Box::new(record), said)),
            Err(TransactError::Store(error)) => return Err(error),
            // The party or the id was changed since it was read.
            Err(TransactError::Condition(_)) => {}
        }
    }
    Ok(Changed::Contended)
}

/// Where an id that comes or goes leads.
enum Leads {
    /// To the party, with the leg that makes it so, if it is not so already.
    There(Option<Leg>),
    /// To another party.
    Taken(PartyId),
}

/// What becomes of the item under which an id is found.
async fn lookup_leg(db: &Db, (read_site, site): (Site, Site), step: &Step<'_>) -> Result<Leads, StoreError> {
    let (tenant, party, wanted) = (step.tenant, step.party, &step.lookups);
    let Some(key) = wanted.add.as_ref().or(wanted.remove.as_ref()) else {
        return Ok(Leads::There(None));
    };
    let fresh = Known {
        party: party.clone(),
        content: None,
        ended: None,
    };
    let Some(mut row) = import::known_row(db, read_site, tenant, key, Read::Strong).await? else {
        let lookup = Lookup {
            key: key.clone(),
            known: fresh,
        };
        let leg = known_leg(site, tenant, &lookup, &step.made)?;
        return Ok(Leads::There(wanted.add.is_some().then_some(leg)));
    };
    let condition = import::as_read(&row.d);
    let known = &mut row.d.known;
    match (&wanted.add, known.party == *party) {
        (Some(_), true) if known.ended.is_none() => return Ok(Leads::There(None)),
        (Some(_), true) => known.ended = None,
        (Some(_), false) if known.ended.is_some() && wanted.handed_on_by.as_ref() == Some(&known.party) => {
            *known = fresh;
            row.d.imported = None;
        }
        (Some(_), false) => return Ok(Leads::Taken(known.party.clone())),
        (None, true) => known.ended = Some(step.made.at),
        // Another party has it by now.
        (None, false) => return Ok(Leads::There(None)),
    }
    row.updated_at = step.made.at;
    Ok(Leads::There(Some(Leg::put(site, &row, Some(condition))?)))
}

impl Lookups {
    fn apply(&self, document: &mut PartyDocument) {
        if let Some(new) = self.add.as_ref().filter(|new| !document.lookups.contains(new)) {
            document.lookups.push(new.clone());
        }
    }
}

pub(crate) type Written = (Record<PartyDocument>, Vec<Leg>);

/// The legs of a change, without those of an id.
pub(crate) fn legs(
    site: Site,
    step: &Step<'_>,
    before: &Record<PartyDocument>,
    mut after: PartyDocument,
) -> Result<Written, StoreError> {
    let (tenant, party, made) = (step.tenant, step.party, &step.made);
    let note = note(site, tenant, Some(&before.d), &after, made, step.when.today)?;
    let past = after.spill(step.when);
    let mut legs = Vec::new();
    if let Some(past) = past {
        after.past_items = after.past_items.saturating_add(1);
        let record = Record::new(
            numbered(tenant, party, PASTS, after.version),
            "party_past",
            made.at,
            past,
        );
        legs.push(Leg::put(site, &record, Some(Condition::absent()))?);
    }
    let (old_name, name) = (TillName::of(&before.d, made.at), TillName::of(&after, made.at));
    if old_name != name {
        let record = Record::new(till_name_key(tenant, party), "till_name", made.at, name);
        legs.push(Leg::put(site, &record, None)?);
    }
    let mut record = Record::new(profile_key(tenant, party), PARTY, made, after);
    record.created_at = before.created_at;
    // What the system does by itself leaves who asked last; the note beside it says that nobody did.
    record.by = record.by.or_else(|| before.by.clone());
    record.topics = Some(PARTY.to_owned());
    legs.push(Leg::put(site, &record, Some(Condition::version(before.d.version)))?);
    legs.push(note);
    Ok((record, legs))
}

/// The changes of a party, newest first, in pages of at most `limit`; `after` is the sort key to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn changes(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Change>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant, party), CHANGES, limit);
    range.descending = true;
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// What of a party's past no longer fits in its document, newest first, in pages of at most `limit` items.
///
/// # Errors
/// [`StoreError`].
pub async fn past(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Past>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant, party), PASTS, limit);
    range.descending = true;
    range.after = after;
    db.query(site, &range, Read::Strong).await
}
