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
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::timeline::{self, Event, What};
use crate::workflow::{self, Happened, State};

pub mod history;
mod opportunity;

pub(crate) use opportunity::token_leg;
pub use opportunity::{
    CHANGES_MAX, Change, Created, Opportunity, Outcome, Prospect, create_opportunity, opportunities, opportunity,
    put_opportunity,
};

/// Shards of a list.
const SHARDS: u8 = 4;
/// Most tasks of a case.
pub const CASE_TASKS_MAX: u32 = 100;
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

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Stored.
    Done,
    /// Somebody else changed it at the same time: read again.
    Stale,
}

/// The shard of an id.
fn shard_of(id: &LookupKey) -> u8 {
    id.as_str().bytes().fold(0u8, u8::wrapping_add) % SHARDS
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

pub(crate) fn case_partition(tenant: &Tenant, id: &LookupKey) -> String {
    format!("DESK#{tenant}#case#{id}")
}

pub(crate) fn case_key(tenant: &Tenant, id: &LookupKey) -> Key {
    Key {
        pk: case_partition(tenant, id),
        sk: "CASE".to_owned(),
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

pub(crate) fn committed(outcome: Result<(), TransactError>) -> Result<Committed, StoreError> {
    match outcome {
        Ok(()) => Ok(Committed::Done),
        // Busy is not applied: most often another writer of the same items.
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(Committed::Stale),
        Err(TransactError::Store(error)) => Err(error),
    }
}

fn queue_list(tenant: &Tenant, queue: &QueueId, shard: u8) -> String {
    format!("DESK#{tenant}#queue#{queue}#{shard}")
}

/// One person's tasks are few: they are one shard.
fn assignee_list(tenant: &Tenant, assignee: &Subject) -> String {
    format!("DESK#{tenant}#assignee#{assignee}")
}

fn due_list(tenant: &Tenant, shard: u8) -> String {
    format!("DESK#{tenant}#due#{shard}")
}

fn case_list(tenant: &Tenant, shard: u8) -> String {
    format!("DESK#{tenant}#cases#{shard}")
}

fn stage_list(tenant: &Tenant, stage: &QueueId, shard: u8) -> String {
    format!("DESK#{tenant}#stage#{stage}#{shard}")
}

/// Which list is read.
#[derive(Debug, Clone, Copy)]
pub enum List<'a> {
    /// Tasks of a queue, by due date.
    Queue(&'a QueueId),
    /// Tasks of a person, by due date.
    Assignee(&'a Subject),
    /// All tasks, by due date.
    Due,
    /// Cases that are not closed, the oldest first.
    Cases,
    /// Open opportunities in a stage, by the date on which they are expected to close.
    Stage(&'a QueueId),
}

impl List<'_> {
    fn partitions(self, tenant: &Tenant) -> Vec<String> {
        let sharded = |of: &dyn Fn(u8) -> String| (0..SHARDS).map(of).collect();
        match self {
            Self::Queue(queue) => sharded(&|shard| queue_list(tenant, queue, shard)),
            Self::Assignee(assignee) => vec![assignee_list(tenant, assignee)],
            Self::Due => sharded(&|shard| due_list(tenant, shard)),
            Self::Cases => sharded(&|shard| case_list(tenant, shard)),
            Self::Stage(stage) => sharded(&|shard| stage_list(tenant, stage, shard)),
        }
    }
}

/// A page of a list behind the position `after`, up to and without the date `before`, with the position to go on from. All
/// shards sort by the same key, so one position serves them all. The index may be a moment old.
///
/// # Errors
/// [`StoreError`].
pub async fn list<T: DeserializeOwned>(
    db: &Db,
    tenant: &Tenant,
    list: List<'_>,
    before: Option<NaiveDate>,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<Record<T>>, Option<String>), StoreError> {
    let read = async |pk: String| {
        let range = Range {
            pk,
            from: "0".to_owned(),
            to: before.map_or_else(|| "9\u{7f}".to_owned(), |day| day.to_string()),
            after: after.map(str::to_owned),
            descending: false,
            limit,
            index: Some(Index::Work),
        };
        db.query::<T>(Site::DeskList, &range, Read::Eventual).await
    };
    let partitions = list.partitions(tenant);
    let pages = match partitions.as_slice() {
        [a, b, c, d] => {
            // On the heap: four reads at once would make a large future of every listing.
            let [a, b, c, d] = [a, b, c, d].map(|pk| Box::pin(read(pk.clone())));
            let (a, b, c, d) = tokio::join!(a, b, c, d);
            vec![a?, b?, c?, d?]
        }
        others => {
            let mut pages = Vec::new();
            for partition in others {
                pages.push(read(partition.clone()).await?);
            }
            pages
        }
    };
    Ok(merged(pages, limit))
}

/// The first `limit` of sorted pages, and where to go on.
fn merged<T>(pages: Vec<(Vec<Record<T>>, Option<String>)>, limit: i32) -> (Vec<Record<T>>, Option<String>) {
    // What a shard has not read yet sorts behind what it has: nothing behind the least of these ends is complete.
    let cut = pages.iter().filter_map(|(_, next)| next.clone()).min();
    let mut all: Vec<_> = pages.into_iter().flat_map(|(page, _)| page).collect();
    let position = |record: &Record<T>| record.work_sk.clone().unwrap_or_default();
    all.sort_by_key(position);
    let before = all.len();
    if let Some(cut) = &cut {
        all.retain(|record| position(record) <= *cut);
    }
    all.truncate(usize::try_from(limit).unwrap_or(0));
    let more = cut.is_some() || all.len() < before;
    let next = more.then(|| all.last().map(position).or(cut)).flatten();
    (all, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(position: &str) -> Record<u8> {
        let key = Key {
            pk: "DESK#demo#task#A".to_owned(),
            sk: "TASK".to_owned(),
        };
        let at: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        let mut record = Record::new(key, "task", at, 1);
        record.work_sk = Some(position.to_owned());
        record
    }

    fn page(positions: &[&str], next: Option<&str>) -> (Vec<Record<u8>>, Option<String>) {
        let records = positions.iter().map(|position| record(position)).collect();
        (records, next.map(str::to_owned))
    }

    #[test]
    fn c8_shards_of_a_list_are_one_list_and_nothing_between_their_ends_is_left_out() {
        let positions = |all: Vec<Record<u8>>| -> Vec<_> { all.into_iter().filter_map(|one| one.work_sk).collect() };
        let (all, next) = merged(vec![page(&["1", "4"], None), page(&["2", "3"], None)], 3);
        assert_eq!(
            (positions(all), next.as_deref()),
            (vec!["1".into(), "2".into(), "3".into()], Some("3"))
        );
        let (all, next) = merged(vec![page(&["1"], None), page(&["2"], None)], 3);
        assert_eq!((all.len(), next), (2, None));
        // The second shard was cut at 2 and may have a 3: the 5 of the first has to wait.
        let (all, next) = merged(vec![page(&["1", "5"], None), page(&["2"], Some("2"))], 9);
        assert_eq!(
            (positions(all), next.as_deref()),
            (vec!["1".into(), "2".into()], Some("2"))
        );
        let (all, next) = merged(vec![page(&[], None), page(&[], Some("7"))], 9);
        assert_eq!((all.len(), next.as_deref()), (0, Some("7")));
    }
}
