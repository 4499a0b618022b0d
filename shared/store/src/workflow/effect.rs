//! What workflows did. Each effect stands with the party under its own name, so that it is done once however often a change is
//! told of; that of a task is the task itself, whose id is made of the name.

use chrono::TimeDelta;
use domain::id::{PartyId, Subject, Tenant};
use faults::Site;
use party::change::{Refused, Sight, When};
use party::dated::Classification;
use serde::{Deserialize, Serialize};

use super::CLIENT;
use crate::db::{Condition, Db, FailedLeg, Key, Leg, TransactError};
use crate::error::StoreError;
use crate::party::change::legs;
use crate::party::{self as stored, Lookups, Step, partition, profile_key};
use crate::record::{By, Made, Record};

/// Topic of effects that other systems hear of, and entity type of all.
pub const EFFECT: &str = "workflow_effect";
/// Sort keys of effects.
const EFFECTS: &str = "EFFECT#";
/// Days for which an effect is remembered: longer than any message lives.
const KEPT_DAYS: i64 = 400;
/// Rounds against others who change the same party.
const ROUNDS_MAX: u32 = 8;

/// What an action of a workflow came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The workflow.
    pub workflow: String,
    /// Its name: of the workflow, the action and the change.
    pub name: String,
    /// The version that the change made, of its subject.
    pub version: u64,
    /// The event that other systems hear of, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What it came to.
    pub kept: Kept,
}

/// What became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Done.
    Done,
    /// There was nothing to do: the party was in the class already.
    Stood,
    /// The tenant has no such classification any more.
    NoSuchClass,
    /// The party is in as many classes as it can be.
    Full,
}

/// Whose effect it is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The party.
    pub party: &'a PartyId,
}

/// For whom workflows make changes: the client that none can have, and the workflow as the subject. `None` when the id is none.
pub fn by(workflow: &str) -> Option<By> {
    Some(By {
        client: CLIENT.parse().ok()?,
        subject: format!("{CLIENT}:{workflow}").parse::<Subject>().ok()?,
    })
}

/// Whether a workflow made a change.
pub fn is_own(by: Option<&By>) -> bool {
    by.is_some_and(|by| by.client.as_str() == CLIENT)
}

fn effect_leg(site: Site, place: Place<'_>, effect: &Effect, made: &Made) -> Result<Leg, StoreError> {
    let key = Key {
        pk: partition(place.tenant, place.party),
        sk: format!("{EFFECTS}{}", effect.name),
    };
    let mut record = Record::new(key, EFFECT, made, effect.clone());
    record.topics = effect.event.as_ref().map(|_| EFFECT.to_owned());
    let ends = made.at.checked_add_signed(TimeDelta::days(KEPT_DAYS));
    record.ttl = ends.map(|ends| ends.timestamp());
    Leg::put(site, &record, Some(Condition::absent()))
}

/// Keeps an event for the other systems, once. A party that is no longer there has none.
///
/// # Errors
/// [`StoreError`].
pub async fn publish(db: &Db, site: Site, place: Place<'_>, effect: &Effect, made: &Made) -> Result<bool, StoreError> {
    let legs = vec![
        effect_leg(site, place, effect, made)?,
        stored::stays(place.tenant, place.party),
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// What became of a classification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classified {
    /// Kept now.
    Now(Kept),
    /// Done before.
    Before,
    /// There is no such party.
    Missing,
}

/// Puts a party in a class, once; a class that it is in stays as it is, with its reason. `wanted` is none for a class that the
/// tenant does not have: that is noted.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when others kept changing the party.
pub async fn classify(
    db: &Db,
    (read_site, site): (Site, Site),
    place: Place<'_>,
    effect: &Effect,
    wanted: Option<&Classification>,
    (when, made): (When, &Made),
) -> Result<Classified, StoreError> {
    for _ in 0..ROUNDS_MAX {
        let before = match stored::read(db, read_site, place.tenant, place.party).await {
            Ok(Some(before)) => before,
            Ok(None) | Err(StoreError::Erased(_)) => return Ok(Classified::Missing),
            Err(error) => return Err(error),
        };
        let mut after = before.d.clone();
        let kept = match wanted {
            None => Kept::NoSuchClass,
            Some(wanted) => apply(&mut after, wanted, when),
        };
        let effect = Effect { kept, ..effect.clone() };
        let mut writes = vec![effect_leg(site, place, &effect, made)?];
        if after == before.d {
            // The party must still be the one that was looked at.
            let key = profile_key(place.tenant, place.party);
            writes.push(Leg::Check(key, Condition::version(before.d.version)));
        } else {
            after.version = before.d.version.saturating_add(1);
            let step = Step {
                tenant: place.tenant,
                party: place.party,
                expected: None,
                lookups: Lookups::default(),
                when,
                made: made.clone(),
            };
            writes.extend(legs(site, &step, &before, after)?.1);
        }
        match db.transact(site, writes).await {
            Ok(()) => return Ok(Classified::Now(kept)),
            Err(TransactError::Store(error)) => return Err(error),
            Err(TransactError::Condition(failed)) if is_first(&failed) => return Ok(Classified::Before),
            // The party has changed since it was read.
            Err(TransactError::Condition(_)) => {}
        }
    }
    Err(StoreError::Busy(site))
}

fn is_first(failed: &[FailedLeg]) -> bool {
    failed.iter().any(|leg| leg.index == 0)
}

fn apply(party: &mut ::party::PartyDocument, wanted: &Classification, when: When) -> Kept {
    let mut standing = party.classifications.iter();
    if standing.any(|known| known.class == wanted.class && known.holds(when.now)) {
        return Kept::Stood;
    }
    match party.classify(wanted.clone(), Sight::Seen, when) {
        Ok(()) => Kept::Done,
        Err(Refused::Full(..)) => Kept::Full,
        // It ends later than it begins, and no entry was named.
        Err(_) => Kept::Stood,
    }
}
