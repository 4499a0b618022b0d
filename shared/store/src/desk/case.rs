//! Cases: tasks that belong together.

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, PartyId, Subject, Tenant};
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::list::{case_list, shard_of};
use super::{Committed, Step, Task, committed, history, id_of};
use crate::db::{Condition, Db, Key, Leg, Range, Read};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::timeline::{self, Event, What};

/// Most tasks of a case.
pub const CASE_TASKS_MAX: u32 = 100;

/// How far a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// We have to do something.
    Open,
    /// We wait for somebody else.
    Waiting,
    /// Closed.
    Closed,
}

impl CaseStatus {
    /// As it stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Closed => "closed",
        }
    }
}

/// A case: tasks that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Counts its changes and those of its tasks that it counts, from 1.
    pub version: u64,
    /// Keyed hash of what it was made with.
    pub content: LookupKey,
    /// What about.
    pub title: Secret,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// How far it is.
    pub status: CaseStatus,
    /// Its tasks, at most [`CASE_TASKS_MAX`].
    pub tasks: u32,
    /// Those of them that are not finished.
    pub open_tasks: u32,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// What was done; stored are the last [`super::STEPS_MAX`] steps.
    pub steps: Vec<Step>,
}

impl Case {
    /// The case after a change.
    #[must_use]
    pub fn next(&self, what: &str, (by, at): (&Subject, DateTime<Utc>), change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next.version = self.version.saturating_add(1);
        let step = Step {
            version: next.version,
            what: what.to_owned(),
            by: by.clone(),
            at,
        };
        next.steps.push(step);
        next
    }
}

pub(crate) fn case_partition(tenant: &Tenant, id: &LookupKey) -> String {
    format!("DESK#{tenant}#case#{id}")
}

pub(crate) fn case_key(tenant: &Tenant, id: &LookupKey) -> Key {
    Key {
        pk: case_partition(tenant, id),
        sk: "CASE".to_owned(),
    }
}

/// A case, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn case(db: &Db, tenant: &Tenant, id: &LookupKey) -> Result<Option<Record<Case>>, StoreError> {
    db.get(Site::DeskCase, &case_key(tenant, id), Read::Strong).await
}

/// The tasks of a case.
///
/// # Errors
/// [`StoreError`].
pub async fn case_tasks(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
) -> Result<Vec<(LookupKey, Record<Task>)>, StoreError> {
    let limit = i32::try_from(CASE_TASKS_MAX).unwrap_or(i32::MAX);
    let mut range = Range::prefix(case_partition(tenant, id), "TASK#", limit);
    let mut found = Vec::new();
    // Long texts make several pages; each of them holds a task at least.
    for _ in 0..CASE_TASKS_MAX {
        let (tasks, next) = db.query::<Task>(Site::DeskCaseTasks, &range, Read::Strong).await?;
        found.extend(tasks.into_iter().filter_map(|task| Some((id_of(&task.sk)?, task))));
        if next.is_none() {
            break;
        }
        range.after = next;
    }
    Ok(found)
}

pub(crate) fn case_legs(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    before: Option<&Record<Case>>,
    after: &Case,
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let mut kept = after.clone();
    let mut legs = history::spill(site, &case_partition(tenant, id), &mut kept.steps, made)?;
    let mut record = Record::new(case_key(tenant, id), "case", made, kept);
    if after.status != CaseStatus::Closed {
        record.work_pk = Some(case_list(tenant, shard_of(id)));
        record.work_sk = Some(format!("{:013}#{id}", after.made_at.timestamp_millis().max(0)));
    }
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(before.d.version)
        }
    };
    legs.push(Leg::put(site, &record, Some(condition))?);
    Ok(legs)
}

/// Stores a case in place of `before`, with its party's timeline.
///
/// # Errors
/// [`StoreError`].
pub async fn put_case(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
    (before, after): (Option<&Record<Case>>, &Case),
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::DeskCasePut;
    let mut legs = case_legs(site, tenant, id, before, after, made)?;
    if let Some(party) = &after.party {
        let event = Event {
            at: after.made_at,
            id: id.to_string(),
            what: What::Case {
                title: after.title.clone(),
                status: after.status.as_str().to_owned(),
            },
        };
        legs.push(timeline::leg(site, tenant, party, &event, made)?);
        legs.push(party::stays(tenant, party));
    }
    committed(db.transact(site, legs).await)
}
