//! Frozen members.

use ::campaign::Decision;
use ::party::contact::ContactId;
use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Cut, MEMBER_DAYS, Run, RunId, Sealed, days_after};
use crate::db::{BATCH_GET_MAX, Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::Record;

/// Entity type of members.
const MEMBER: &str = "run_member";

/// A party that a run has chosen, or kept from a letter by more than its segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub party: PartyId,
    /// What becomes of it, and why.
    #[serde(flatten)]
    pub decision: Decision,
    /// Of a birthday run, the year of the birthday that it serves; of others the period.
    pub period: String,
    /// Which of its addresses the letter goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    /// The letter as it will be printed, but for codes; gone with the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Sealed>,
}

/// The shard of a party's member.
fn shard_of(party: &PartyId, cut: Cut) -> u8 {
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(party.as_str().as_bytes()));
    first % cut.shards.max(1)
}

fn partition(id: &RunId, shard: u8) -> String {
    format!("RUNMEMBER#{}#{}#{:04}#{shard:02}", id.tenant, id.run, id.revision)
}

fn key(id: &RunId, cut: Cut, party: &PartyId) -> Key {
    Key {
        pk: partition(id, shard_of(party, cut)),
        sk: party.to_string(),
    }
}

/// Freezes a member; returns what stands: the member that was frozen before, when there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn freeze(
    db: &Db,
    site: Site,
    (id, cut): (&RunId, Cut),
    member: Member,
    now: DateTime<Utc>,
) -> Result<Member, StoreError> {
    let mut record = Record::new(key(id, cut, &member.party), MEMBER, now, member);
    record.ttl = Some(days_after(now, MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write::<Member>(site, put).await? {
        Written::Done => Ok(record.d),
        Written::Refused(Some(before)) => Ok(before.d),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// A member; `None` when the run has not frozen the party.
///
/// # Errors
/// [`StoreError`].
pub async fn member(
    db: &Db,
    site: Site,
    (id, cut): (&RunId, Cut),
    party: &PartyId,
) -> Result<Option<Record<Member>>, StoreError> {
    db.get(site, &key(id, cut, party), Read::Strong).await
}

/// Those of the parties that the run has frozen, at most [`BATCH_GET_MAX`], none twice; in no particular order.
///
/// # Errors
/// [`StoreError`].
pub async fn members_of(
    db: &Db,
    site: Site,
    (id, cut): (&RunId, Cut),
    parties: &[PartyId],
) -> Result<Vec<Record<Member>>, StoreError> {
    let keys: Vec<_> = parties.iter().map(|party| key(id, cut, party)).collect();
    db.batch_get(site, &keys, Read::Strong).await
}

/// A page of members, and where to go on.
pub type MemberPage = (Vec<Record<Member>>, Option<String>);

/// The members of a shard by id, in pages of at most `limit`; `after` is the id to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn members(
    db: &Db,
    site: Site,
    (id, shard): (&RunId, u8),
    after: Option<String>,
    limit: i32,
) -> Result<MemberPage, StoreError> {
    let mut range = Range::prefix(partition(id, shard), "", limit);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Runs of one page.
const RUNS_PAGE: i32 = 200;

/// Takes the letters of a party out of all runs whose addresses can still be read. The decisions stay: they name nobody. Returns
/// how many there were.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(db: &Db, tenant: &Tenant, party: &PartyId, now: DateTime<Utc>) -> Result<u32, StoreError> {
    let (mut after, mut forgotten) = (None, 0u32);
    // Ends with the partition: each page begins behind the one before.
    loop {
        let (runs, next) = super::page(db, Site::EraseRuns, tenant, None, after, RUNS_PAGE).await?;
        let readable = runs
            .iter()
            .filter(|run| days_after(run.created_at, super::ADDRESS_DAYS) > now.timestamp());
        let keys: Vec<_> = readable.map(|run| key(&id_of(tenant, run), run.d.cut, party)).collect();
        for chunk in keys.chunks(BATCH_GET_MAX) {
            for member in db.batch_get::<Member>(Site::EraseLetters, chunk, Read::Strong).await? {
                forgotten =
                    forgotten.saturating_add(u32::from(drop_letter(db, Site::EraseLetters, member, now).await?));
            }
        }
        after = next;
        if after.is_none() {
            return Ok(forgotten);
        }
    }
}

fn id_of(tenant: &Tenant, run: &Record<Run>) -> RunId {
    RunId {
        tenant: tenant.clone(),
        run: run.d.run.clone(),
        revision: run.d.revision,
    }
}

/// Takes the letter out of a member; `false` when there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn drop_letter(
    db: &Db,
    site: Site,
    mut member: Record<Member>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if member.d.letter.take().is_none() {
        return Ok(false);
    }
    member.updated_at = now;
    // A member is frozen once; nothing else of it changes.
    let put = Leg::put(site, &member, Some(Condition::present()))?;
    db.write::<Member>(site, put).await?;
    Ok(true)
}
