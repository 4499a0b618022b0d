//! Which member of a household a run serves.

use chrono::{DateTime, Utc};
use domain::id::PartyId;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::{ADDRESS_DAYS, RunId, days_after};
use crate::db::{Condition, Db, Key, Leg, TransactError, Value};
use crate::error::StoreError;
use crate::record::Record;

/// Most others of a household that a claim is made for: with the claimant they fit into one transaction twice over.
pub const HOUSEMATES_MAX: usize = 49;

/// That a party belongs to the household of a member that the run serves.
#[derive(Debug, Serialize, Deserialize)]
struct Claimed {
    /// That member.
    by: PartyId,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The household is the member's, since now or before.
    Ours,
    /// It, or a part of it, is another member's.
    Anothers,
    /// Others claim it at this moment: try again.
    Contended,
}

/// Claims a household for a member: the member itself and those it lives with, at most [`HOUSEMATES_MAX`], all or nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn claim_household(
    db: &Db,
    site: Site,
    id: &RunId,
    member: &PartyId,
    mates: &[PartyId],
    now: DateTime<Utc>,
) -> Result<Claim, StoreError> {
    let mut legs = Vec::new();
    for party in std::iter::once(member).chain(mates.iter().take(HOUSEMATES_MAX).filter(|mate| *mate != member)) {
        let key = Key {
            pk: format!("RUNHOUSE#{}#{}#{:04}#{party}", id.tenant, id.run, id.revision),
            sk: "HOUSE".to_owned(),
        };
        let mut record = Record::new(key, "run_household", now, Claimed { by: member.clone() });
        record.ttl = Some(days_after(now, ADDRESS_DAYS));
        let free_or_ours = Condition::new("attribute_not_exists(pk) OR #d.#by = :by")
            .name("#d", "d")
            .name("#by", "by")
            .value(":by", Value::Text(member.to_string()));
        legs.push(Leg::put(site, &record, Some(free_or_ours))?);
    }
    match db.transact(site, legs).await {
        Ok(()) => Ok(Claim::Ours),
        Err(TransactError::Condition(_)) => Ok(Claim::Anothers),
        Err(TransactError::Store(StoreError::Busy(_))) => Ok(Claim::Contended),
        Err(TransactError::Store(error)) => Err(error),
    }
}
