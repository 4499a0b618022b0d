//! Parties by the rows of files. What a row said the last time is kept, as keyed hashes, with the id that leads to its party: a
//! row that says the same costs one read, and one that differs shows in which fields.

use std::collections::BTreeMap;

use ::party::PartyDocument;
use ::party::change::When;
use ::party::row::Kept;
use domain::id::{LookupKey, PartyId, RunId, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use super::change::{legs, note};
use super::{Known, Step, TillName, known_key, profile_key, till_name_key};
use crate::db::{Condition, Db, Leg, Read, TransactError, Value};
use crate::error::StoreError;
use crate::record::{Made, Record};

/// Rounds against others who change the same party.
const ROUNDS_MAX: u32 = 8;

/// What a row came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It made the party.
    #[serde(rename = "n")]
    Created,
    /// It changed the party.
    #[serde(rename = "c")]
    Changed,
    /// The party was so already.
    #[serde(rename = "u")]
    Unchanged,
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The run: a file with its content.
    #[serde(rename = "r")]
    pub run: RunId,
    /// Which walk through the file.
    #[serde(rename = "w")]
    pub revision: u32,
    /// Where the row begins, in bytes.
    #[serde(rename = "a")]
    pub at: u64,
}

/// What an import last said about a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The row that said it.
    #[serde(rename = "p")]
    pub place: Place,
    /// What the row came to, for a worker that comes to it again after a crash.
    #[serde(rename = "o")]
    pub outcome: Outcome,
    /// Keyed hashes of what was said, by field. A field that was said to be empty is not in it.
    #[serde(rename = "f")]
    pub fields: BTreeMap<String, String>,
    /// The contact points that the import has made, by kind.
    #[serde(default, rename = "k", skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: Kept,
}

/// What stands under an id in another system, as imports see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRow {
    /// As everybody sees it.
    #[serde(flatten)]
    pub known: Known,
    /// What an import last said; `None` when none did.
    #[serde(default, rename = "im", skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// The party under an id in another system with what was imported last, or `None`.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Erased`] when its party was erased.
pub async fn known_row(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    lookup: &LookupKey,
    read: Read,
) -> Result<Option<Record<KnownRow>>, StoreError> {
    let item = db.get_item(site, &known_key(tenant, lookup), read).await?;
    item.map(|item| super::read_known(site, item)).transpose()
}

/// Stores the party of a row, with its id in the other system and what the row said: all or nothing. `false` when something
/// stands under the id already.
///
/// # Errors
/// [`StoreError`].
pub async fn create_row(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    document: &PartyDocument,
    (lookup, imported): (&LookupKey, Imported),
    made: &Made,
) -> Result<bool, StoreError> {
    let party = &document.party;
    let name = TillName::of(document, made.at);
    let mut record = Record::new(profile_key(tenant, party), "party", made, document.clone());
    record.topics = Some("party".to_owned());
    let name = Record::new(till_name_key(tenant, party), "till_name", made.at, name);
    let row = known(party.clone(), imported);
    let row = Record::new(known_key(tenant, lookup), "external_id", made.at, row);
    let legs = vec![
        Leg::put(site, &row, Some(Condition::absent()))?,
        Leg::put(site, &record, Some(Condition::absent()))?,
        Leg::put(site, &name, None)?,
        note(site, tenant, None, document, made, made.at.date_naive())?,
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

fn known(party: PartyId, imported: Imported) -> KnownRow {
    KnownRow {
        known: Known {
            party,
            content: None,
            ended: None,
        },
        imported: Some(imported),
    }
}

/// What became of a row about a party that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowStored<E> {
    /// Stored, and what the row came to.
    Done(Outcome),
    /// Others were quicker: look again.
    Stale,
    /// The party is not there any more.
    Missing,
    /// The row does not fit.
    Refused(E),
}

/// Does what a row says to a party that stands, and keeps what was said: all or nothing. A row that makes no difference is kept
/// by itself. `apply` changes the document and says which contact points are the import's.
///
/// # Errors
/// [`StoreError`].
pub async fn change_row<E>(
    db: &Db,
    (read_site, site): (Site, Site),
    (tenant, before): (&Tenant, &Record<KnownRow>),
    (imported, when, made): (&Imported, When, &Made),
    apply: impl Fn(&mut PartyDocument) -> Result<Kept, E>,
) -> Result<RowStored<E>, StoreError> {
    let party = &before.d.known.party;
    let step = Step {
        tenant,
        party,
        expected: None,
        lookups: super::Lookups::default(),
        when,
        made: made.clone(),
    };
    for _ in 0..ROUNDS_MAX {
        let Some(stands) = super::read(db, read_site, tenant, party).await? else {
            return Ok(RowStored::Missing);
        };
        let mut after = stands.d.clone();
        let contacts = match apply(&mut after) {
            Ok(contacts) => contacts,
            Err(refused) => return Ok(RowStored::Refused(refused)),
        };
        let is_same = after == stands.d;
        let outcome = if is_same { Outcome::Unchanged } else { Outcome::Changed };
        let imported = Imported {
            outcome,
            contacts,
            ..imported.clone()
        };
        if is_same {
            let noted = note_row(db, site, before, imported, made).await?;
            return Ok(if noted {
                RowStored::Done(outcome)
            } else {
                RowStored::Stale
            });
        }
        after.version = stands.d.version.saturating_add(1);
        let mut legs = legs(site, &step, &stands, after)?.1;
        let own = legs.len();
        legs.push(row_leg(site, before, imported, made)?);
        match db.transact(site, legs).await {
            Ok(()) => return Ok(RowStored::Done(outcome)),
            Err(TransactError::Store(error)) => return Err(error),
            Err(TransactError::Condition(failed)) if failed.iter().any(|leg| leg.index == own) => {
                return Ok(RowStored::Stale);
            }
            // The party has changed since it was read.
            Err(TransactError::Condition(_)) => {}
        }
    }
    Ok(RowStored::Stale)
}

/// Keeps what a row said by itself. `false` when others were quicker.
///
/// # Errors
/// [`StoreError`].
pub async fn note_row(
    db: &Db,
    site: Site,
    before: &Record<KnownRow>,
    imported: Imported,
    made: &Made,
) -> Result<bool, StoreError> {
    let put = row_leg(site, before, imported, made)?;
    Ok(db.write_item(site, put).await?.is_none())
}

fn row_leg(site: Site, before: &Record<KnownRow>, imported: Imported, made: &Made) -> Result<Leg, StoreError> {
    let mut row = before.clone();
    row.updated_at = made.at;
    row.d.imported = Some(imported);
    Leg::put(site, &row, Some(as_read(&before.d)))
}

/// The item must say what it said when it was read. The time of its image does not tell: all rows of an invocation have one.
pub(super) fn as_read(before: &KnownRow) -> Condition {
    let ended = match before.known.ended {
        None => "attribute_not_exists(#d.#ended)",
        Some(_) => "attribute_exists(#d.#ended)",
    };
    let condition = Condition::new(format!(
        "#d.#party = :party AND {ended} AND attribute_not_exists(#d.#im)"
    ))
    .name("#ended", "ended")
    .name("#d", "d")
    .name("#party", "party")
    .name("#im", "im")
    .value(":party", Value::Text(before.known.party.to_string()));
    let Some(imported) = &before.imported else {
        return condition;
    };
    let place = &imported.place;
    let integer = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let fields = imported.fields.iter().map(|(name, hash)| (name.clone(), hash.clone()));
    let said = format!(
        "#d.#party = :party AND {ended} AND #d.#im.#p.#r = :r AND #d.#im.#p.#w = :w AND #d.#im.#p.#a = :a AND #d.#im.#f = :f"
    );
    condition
        .expression(said)
        .name("#p", "p")
        .name("#r", "r")
        .name("#w", "w")
        .name("#a", "a")
        .name("#f", "f")
        .value(":r", Value::Text(place.run.to_string()))
        .value(":w", integer(place.revision.into()))
        .value(":a", integer(place.at))
        .value(":f", Value::Map(fields.collect()))
}
