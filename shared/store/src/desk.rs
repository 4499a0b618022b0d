//! Tasks and cases of the service desk (C8), and the lists of open work.
//!
//! A task stands once; while it is not finished, references in its partition hold the same content and stand in the sparse index
//! under its assignee and under its due date, as the task itself does under its queue. They change in one transaction, and
//! so do the case of the task and the party's timeline. Lists are cut into shards by a hash of the id, so that no queue is one hot
//! partition; the shards of a list are read side by side and sort by the same key.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{LookupKey, PartyId, QueueId, Subject, Tenant};
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Read, TransactError};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::timeline::{self, Event, What};
use crate::workflow::{self, Happened, State};

mod case;
pub mod history;
mod list;
mod opportunity;

pub use case::{CASE_TASKS_MAX, Case, CaseStatus, case, case_tasks, put_case};
pub(crate) use case::{case_key, case_legs, case_partition};
pub use list::{List, list};
use list::{assignee_list, due_list, queue_list, shard_of};
pub(crate) use opportunity::token_leg;
pub use opportunity::{
    CHANGES_MAX, Change, Created, Opportunity, Outcome, Prospect, create_opportunity, opportunities, opportunity,
    put_opportunity,
};

/// Steps that a task or case itself holds; older ones stand beside it (`desk::history`).
pub const STEPS_MAX: usize = 20;
/// Where what has no due date sorts.
const NO_DUE: &str = "9999-12-31";

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Nobody works on it.
    Open,
    /// Its assignee works on it.
    Claimed,
    /// Finished.
    Done,
}

impl TaskStatus {
    /// As it stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Done => "done",
        }
    }
}

/// One change of a task or case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The version it made.
    pub version: u64,
    /// What was done.
    pub what: String,
    /// By whom.
    pub by: Subject,
    /// When.
    pub at: DateTime<Utc>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Counts the changes, from 1.
    pub version: u64,
    /// Keyed hash of what it was made with.
    pub content: LookupKey,
    /// What is to be done.
    pub title: Secret,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Secret>,
    /// Who looks for it.
    pub queue: QueueId,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// The case it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<LookupKey>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Subject>,
    /// How far it is.
    pub status: TaskStatus,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// What was done; stored are the last [`STEPS_MAX`] steps.
    pub steps: Vec<Step>,
}

impl Task {
    /// The task after a change.
    #[must_use]
    pub fn next(
        &self,
        what: &str,
        (by, at): (&Subject, DateTime<Utc>),
        status: TaskStatus,
        assignee: Option<Subject>,
    ) -> Self {
        let version = self.version.saturating_add(1);
        let mut next = Self {
            version,
            status,
            assignee,
            ..self.clone()
        };
        let step = Step {
            version,
            what: what.to_owned(),
            by: by.clone(),
            at,
        };
        next.steps.push(step);
        next
    }

    /// Whether the last change was this one, made by the same person on this version.
    pub fn was_changed_so(&self, what: &str, by: &Subject, before: u64) -> bool {
        let last = self.steps.last();
        self.version == before.saturating_add(1) && last.is_some_and(|step| step.what == what && step.by == *by)
    }

    fn due_key(&self, id: &LookupKey) -> String {
        let due = self.due.map_or_else(|| NO_DUE.to_owned(), |due| due.to_string());
        format!("{due}#{id}")
    }

    const fn is_finished(&self) -> bool {
        matches!(self.status, TaskStatus::Done)
    }
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Stored.
    Done,
    /// Somebody else changed it at the same time: read again.
    Stale,
}

fn task_partition(tenant: &Tenant, id: &LookupKey) -> String {
    format!("DESK#{tenant}#task#{id}")
}

pub(crate) fn task_key(tenant: &Tenant, id: &LookupKey, sk: &str) -> Key {
    Key {
        pk: task_partition(tenant, id),
        sk: sk.to_owned(),
    }
}

/// The id in the partition key of a task or case.
pub fn id_of(pk: &str) -> Option<LookupKey> {
    pk.rsplit('#').next()?.parse().ok()
}

/// A task, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn task(db: &Db, tenant: &Tenant, id: &LookupKey) -> Result<Option<Record<Task>>, StoreError> {
    db.get(Site::DeskTask, &task_key(tenant, id, "TASK"), Read::Strong)
        .await
}

/// Stores a task in place of `before`, with its references, its case and its party's timeline.
///
/// # Errors
/// [`StoreError`].
pub async fn put_task(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
    (before, after): (Option<&Record<Task>>, &Task),
    case: Option<(&Record<Case>, &Case)>,
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::DeskTaskPut;
    let mut legs = task_legs(site, tenant, id, (before, after), case, made)?;
    if let Some(party) = &after.party {
        legs.push(party::stays(tenant, party));
    }
    committed(db.transact(site, legs).await)
}

/// The legs of [`put_task`].
pub(crate) fn task_legs(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    (before, after): (Option<&Record<Task>>, &Task),
    case: Option<(&Record<Case>, &Case)>,
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let mut kept = after.clone();
    let mut legs = history::spill(site, &task_partition(tenant, id), &mut kept.steps, made)?;
    let after = &kept;
    legs.push(task_leg(site, tenant, id, before, after, made)?);
    let assignee = after.assignee.as_ref().filter(|_| !after.is_finished());
    let list = assignee.map(|assignee| assignee_list(tenant, assignee));
    legs.push(reference_leg(
        site,
        task_key(tenant, id, "BYASSIGNEE"),
        (id, after),
        list,
        made,
    )?);
    let list = (!after.is_finished()).then(|| due_list(tenant, shard_of(id)));
    legs.push(reference_leg(
        site,
        task_key(tenant, id, "BYDUE"),
        (id, after),
        list,
        made,
    )?);
    if let Some(party) = &after.party {
        legs.extend(party_legs(site, (tenant, party), (id, after), made)?);
    }
    if let Some(case_id) = &after.case {
        let key = Key {
            pk: case_partition(tenant, case_id),
            sk: format!("TASK#{id}"),
        };
        legs.push(Leg::put(
            site,
            &Record::new(key, "case_task", made, after.clone()),
            None,
        )?);
        if let Some((before, after)) = case {
            legs.extend(case_legs(site, tenant, case_id, Some(before), after, made)?);
        }
    }
    Ok(legs)
}

/// What a task leaves with its party: the event of its timeline, and what workflows look at.
fn party_legs(
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    (id, task): (&LookupKey, &Task),
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let event = Event {
        at: task.made_at,
        id: id.to_string(),
        what: What::Task {
            title: task.title.clone(),
            status: task.status.as_str().to_owned(),
        },
    };
    let state = State::Task {
        queue: task.queue.clone(),
        status: task.status,
        assigned: task.assignee.is_some(),
        due: task.due,
    };
    let happened = Happened {
        id: id.to_string(),
        version: task.version,
        state,
    };
    let mut legs = vec![timeline::leg(site, tenant, party, &event, made)?];
    legs.extend(workflow::leg(site, (tenant, party), happened, made)?);
    Ok(legs)
}

/// What became of opening a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Opened now.
    New,
    /// It was opened before.
    Before,
    /// The party is not there any more.
    NoParty,
}

/// Opens a task about a party that still stands, once under its id.
///
/// # Errors
/// [`StoreError`].
pub async fn open(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    (id, task): (&LookupKey, &Task),
    made: &Made,
) -> Result<Opened, StoreError> {
    let mut legs = opening_legs(site, (tenant, party), (id, task), made)?;
    legs.push(party::stays(tenant, party));
    match db.transact(site, legs).await {
        Ok(()) => Ok(Opened::New),
        Err(TransactError::Condition(failed)) if failed.iter().any(|leg| leg.index == 0) => Ok(Opened::Before),
        Err(TransactError::Condition(_)) => Ok(Opened::NoParty),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// The legs of a new task about a party, the task first. That the party stands is for the transaction to see to.
pub(crate) fn opening_legs(
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    (id, task): (&LookupKey, &Task),
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let list = due_list(tenant, shard_of(id));
    let mut legs = vec![
        task_leg(site, tenant, id, None, task, made)?,
        reference_leg(site, task_key(tenant, id, "BYDUE"), (id, task), Some(list), made)?,
    ];
    legs.extend(party_legs(site, (tenant, party), (id, task), made)?);
    Ok(legs)
}

fn task_leg(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    before: Option<&Record<Task>>,
    after: &Task,
    made: &Made,
) -> Result<Leg, StoreError> {
    let mut record = Record::new(task_key(tenant, id, "TASK"), "task", made, after.clone());
    if !after.is_finished() {
        record.work_pk = Some(queue_list(tenant, &after.queue, shard_of(id)));
        record.work_sk = Some(after.due_key(id));
    }
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(before.d.version)
        }
    };
    Leg::put(site, &record, Some(condition))
}

/// A reference that stands in a list, or does not stand at all.
fn reference_leg(
    site: Site,
    key: Key,
    (id, task): (&LookupKey, &Task),
    list: Option<String>,
    made: &Made,
) -> Result<Leg, StoreError> {
    let Some(list) = list else {
        return Ok(Leg::Delete(key, None));
    };
    let mut record = Record::new(key, "task_reference", made.at, task.clone());
    record.work_pk = Some(list);
    record.work_sk = Some(task.due_key(id));
    Leg::put(site, &record, None)
}

pub(crate) fn committed(outcome: Result<(), TransactError>) -> Result<Committed, StoreError> {
    match outcome {
        Ok(()) => Ok(Committed::Done),
        // Busy is not applied: most often another writer of the same items.
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(Committed::Stale),
        Err(TransactError::Store(error)) => Err(error),
    }
}
