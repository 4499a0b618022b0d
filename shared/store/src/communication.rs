//! What was spoken and written with a party (C3): events of its timeline, each kept once under the key of whoever keeps it.

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, PartyId, Tenant};
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Read, TransactError};
use crate::desk;
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::timeline::{self, Channel, Direction, Event, What};

/// A communication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Communication {
    /// When it took place; not before 1970.
    pub at: DateTime<Utc>,
    /// How.
    pub channel: Channel,
    /// Who began.
    pub direction: Direction,
    /// What about.
    pub subject: Secret,
    /// What was said.
    pub text: Secret,
}

/// What stands under the key of a communication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Keyed hash of the content.
    content: LookupKey,
}

/// What became of keeping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Kept now.
    New,
    /// Kept before with the same content.
    Before,
    /// Something else was kept under the key.
    Contradiction,
}

/// Keeps a communication with a party once, whoever tells of it again under the same key: a caller with a token, or a run that
/// prints a letter. `content` is a keyed hash of all that is to be kept.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Erased`] when the party was erased.
pub async fn record(
    db: &Db,
    site: Site,
    whose: (&Tenant, &PartyId),
    named: (&LookupKey, &LookupKey),
    communication: Communication,
    made: &Made,
) -> Result<Recorded, StoreError> {
    keep(db, site, whose, named, communication, None, made).await
}

/// As [`record`], where the key was derived from a caller's token: used again for another party, it is a contradiction.
///
/// # Errors
/// [`StoreError`].
pub async fn record_once(
    db: &Db,
    site: Site,
    whose: (&Tenant, &PartyId),
    named: (&LookupKey, &LookupKey),
    communication: Communication,
    made: &Made,
) -> Result<Recorded, StoreError> {
    let token = desk::token_leg(site, whose.0, named.0, made)?;
    keep(db, site, whose, named, communication, Some(token), made).await
}

async fn keep(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    (key, content): (&LookupKey, &LookupKey),
    communication: Communication,
    token: Option<Leg>,
    made: &Made,
) -> Result<Recorded, StoreError> {
    let has_token = token.is_some();
    let place = Key {
        pk: party::partition(tenant, party),
        sk: format!("COMMUNICATION#{key}"),
    };
    let kept = Kept {
        content: content.clone(),
    };
    let event = Event {
        at: communication.at,
        id: key.to_string(),
        what: What::Communication {
            channel: communication.channel,
            direction: communication.direction,
            subject: communication.subject,
            text: communication.text,
        },
    };
    let guard = Record::new(place.clone(), "communication", made, kept.clone());
    let mut legs = vec![
        Leg::put(site, &guard, Some(Condition::absent()))?,
        timeline::leg(site, tenant, party, &event, made)?,
        party::stays(tenant, party),
    ];
    legs.extend(token);
    match db.transact(site, legs).await {
        Ok(()) => return Ok(Recorded::New),
        Err(TransactError::Condition(failed)) => {
            let item = failed
                .iter()
                .find(|leg| leg.index == 2)
                .and_then(|leg| leg.item.as_ref());
            party::refuse_erased(site, item)?;
        }
        Err(TransactError::Store(error)) => return Err(error),
    }
    let standing = db.get::<Kept>(site, &place, Read::Strong).await?;
    match standing {
        Some(standing) if standing.d == kept => Ok(Recorded::Before),
        Some(_) => Ok(Recorded::Contradiction),
        // Nothing stands with this party: the token was used for another one.
        None if has_token => Ok(Recorded::Contradiction),
        // It was there a moment ago, or the party is not.
        None => Err(StoreError::Busy(site)),
    }
}
