//! What was done with a task, a case or an opportunity before the changes that it holds itself. Each older change is an item of its
//! own, written in the transaction of the change that pushes it out: nothing is lost, and nothing grows without end.

use domain::id::{LookupKey, PartyId, Tenant};
use faults::Site;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CHANGES_MAX, Opportunity, STEPS_MAX, Step, case_partition, task_partition};
use crate::db::{Condition, Db, Key, Leg, Range, Read};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};

/// Sort keys of older steps of a task or case.
const PAST: &str = "PAST#";

/// Whose older changes are read.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// Of a task: [`Step`]s.
    Task(&'a LookupKey),
    /// Of a case: [`Step`]s.
    Case(&'a LookupKey),
    /// Of an opportunity of a party: [`Change`](super::Change)s.
    Opportunity(&'a PartyId, &'a LookupKey),
}

impl Of<'_> {
    fn place(self, tenant: &Tenant) -> (String, String) {
        match self {
            Self::Task(id) => (task_partition(tenant, id), PAST.to_owned()),
            Self::Case(id) => (case_partition(tenant, id), PAST.to_owned()),
            Self::Opportunity(party, id) => (party::partition(tenant, party), chance_prefix(id)),
        }
    }
}

fn chance_prefix(id: &LookupKey) -> String {
    format!("OPPORTUNITYPAST#{id}#")
}

/// The legs that move the oldest steps beside a task or case.
pub(super) fn spill(site: Site, pk: &str, steps: &mut Vec<Step>, made: &Made) -> Result<Vec<Leg>, StoreError> {
    let over = steps.len().saturating_sub(STEPS_MAX);
    let gone = steps.drain(..over);
    gone.map(|step| past_leg(site, (pk.to_owned(), PAST), step.version, step, made))
        .collect()
}

/// The legs that move the oldest changes beside an opportunity. Each change made a version, so that their numbers follow.
pub(super) fn spill_changes(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    opportunity: &mut Opportunity,
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let (pk, prefix) = (party::partition(tenant, &opportunity.party), chance_prefix(id));
    let held = u64::try_from(opportunity.changes.len()).unwrap_or(u64::MAX);
    let first = opportunity.version.saturating_sub(held).saturating_add(1);
    let over = opportunity.changes.len().saturating_sub(CHANGES_MAX);
    let gone = (first..).zip(opportunity.changes.drain(..over));
    gone.map(|(version, change)| past_leg(site, (pk.clone(), &prefix), version, change, made))
        .collect()
}

fn past_leg<T: Serialize>(
    site: Site,
    (pk, prefix): (String, &str),
    version: u64,
    entity: T,
    made: &Made,
) -> Result<Leg, StoreError> {
    let sk = format!("{prefix}{version:010}");
    let record = Record::new(Key { pk, sk }, "desk_past", made.at, entity);
    Leg::put(site, &record, Some(Condition::absent()))
}

/// A page of older changes, the newest first. A position is the version that one made.
///
/// # Errors
/// [`StoreError`].
pub async fn page<T: DeserializeOwned>(
    db: &Db,
    tenant: &Tenant,
    of: Of<'_>,
    after: Option<u64>,
    limit: i32,
) -> Result<(Vec<T>, Option<u64>), StoreError> {
    let (pk, prefix) = of.place(tenant);
    let range = Range {
        after: after.map(|version| format!("{prefix}{version:010}")),
        descending: true,
        ..Range::prefix(pk, &prefix, limit)
    };
    let (found, next) = db.query::<T>(Site::DeskHistory, &range, Read::Eventual).await?;
    let next = next.and_then(|sk| sk.rsplit('#').next()?.parse().ok());
    Ok((found.into_iter().map(|record: Record<T>| record.d).collect(), next))
}
