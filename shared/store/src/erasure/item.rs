//! What becomes of each kind of item of a party's partition, and of what it leads to.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::id::{LookupKey, PartyId, Subject, Tenant};
use domain::secret::Secret;
use faults::Site;

use super::{ERASED_TEXT, ERASURE_KEY};
use crate::adjustment::{self, REFERENCES, Reference};
use crate::card::{self, CardReference};
use crate::db::{Condition, Db, Key, Leg, Range, Read};
use crate::desk::{self, Case, CaseStatus, Task, TaskStatus};
use crate::erp::Order;
use crate::error::StoreError;
use crate::party::{CHANGE, Change};
use crate::record::{Item, Made, Record};
use crate::relationship::{self, Relationship};
use crate::returned_mail::RETURNED;

/// Tasks of a case that are emptied in one step: each is up to four items.
const TASKS_MAX: usize = 8;
/// Receipts that wait for a card and are taken off its list in one step.
const PARKED_MAX: usize = 25;

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is removed.
    Deleted,
    /// It stays without what names the party.
    Emptied,
    /// It stays as it is: it names nobody.
    Kept,
}

/// What becomes of the item with this sort key; `None` for a kind that nobody has decided about.
pub fn fate(sk: &str) -> Option<Fate> {
    const KEPT: [&str; 8] = [
        "TILL#1ACCOUNT#",
        "TILL#2VOUCHER#",
        "LEDGER#",
        "LOT#",
        "ACTIVITY#",
        "VOUCHER#",
        "MORALE#",
        "GIVEN#",
    ];
    const DELETED: [&str; 12] = [
        "TILL#0SEGMENTS",
        "PAST#",
        "REL#",
        "CARD#",
        "COMMUNICATION#",
        "OPPORTUNITY#",
        "OPPORTUNITYPAST#",
        "HAPPENED#",
        "EFFECT#",
        "STATEMENT#",
        RETURNED,
        REFERENCES,
    ];
    // The approval or the step for search has seen to these already.
    const DONE: [&str; 4] = ["PROFILE", "TILL#0NAME", ERASURE_KEY, "SEARCHKEYS"];
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| sk.starts_with(prefix));
    if DONE.contains(&sk) || begins(&KEPT) {
        return Some(Fate::Kept);
    }
    if begins(&DELETED) {
        return Some(Fate::Deleted);
    }
    if begins(&["ORDER#", "CHANGE#"]) {
        return Some(Fate::Emptied);
    }
    let mut event = sk.strip_prefix("TIMELINE#")?.split('#').skip(1);
    match event.next()? {
        "order" | "invoice" | "payment" => Some(Fate::Kept),
        "communication" | "letter" | "task" | "case" => Some(Fate::Deleted),
        _ => None,
    }
}

/// Whose erasure is under way, and who has approved it.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) db: &'a Db,
    pub(super) tenant: &'a Tenant,
    pub(super) party: &'a PartyId,
    pub(super) by: &'a Subject,
    pub(super) now: DateTime<Utc>,
}

/// What is to be done about an item.
#[derive(Default)]
pub(super) struct Todo {
    pub(super) legs: Vec<Leg>,
    pub(super) counts: Vec<(Fate, String)>,
    /// The item has to be looked at once more: not all fits into one step.
    pub(super) again: bool,
}

impl Todo {
    fn add(&mut self, leg: Leg, fate: Fate, kind: &str) {
        self.legs.push(leg);
        self.counts.push((fate, kind.to_owned()));
    }

    /// The keys that it writes to.
    pub(super) fn keys(&self) -> BTreeSet<Key> {
        self.legs.iter().filter_map(Leg::key).collect()
    }
}

fn text(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    }
}

const READ: Site = Site::EraseBeside;
const WRITE: Site = Site::EraseStep;

/// What is to be done about an item of the partition.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Unreadable`] for a kind that nobody has decided about.
pub(super) async fn todo(of: Of<'_>, item: Item) -> Result<Todo, StoreError> {
    let (sk, kind) = (text(&item, "sk"), text(&item, "et"));
    let key = Key {
        pk: text(&item, "pk"),
        sk: sk.clone(),
    };
    let Some(fate) = fate(&sk) else {
        return Err(StoreError::Unreadable {
            site: Site::ErasePage,
            reason: "an item of the party is of a kind that an erasure does not know".to_owned(),
        });
    };
    let mut todo = Todo::default();
    if fate == Fate::Kept {
        if !matches!(kind.as_str(), "erased_party" | "till_name" | "erasure" | "search_keys") {
            todo.counts.push((fate, kind));
        }
        return Ok(todo);
    }
    if sk.starts_with("ORDER#") {
        return order(item, todo);
    }
    if sk.starts_with("CHANGE#") {
        return note(item, todo);
    }
    let id = || desk::id_of(&sk);
    if sk.starts_with("REL#") {
        let seen = Record::<Relationship>::from_item(WRITE, item)?;
        let mirror = relationship::mirror_key(of.tenant, of.party, &seen.d);
        todo.add(Leg::Delete(mirror, None), Fate::Deleted, &kind);
    } else if sk.starts_with("CARD#") {
        let lookup = Record::<CardReference>::from_item(WRITE, item)?.d.lookup;
        card(of, &lookup, &mut todo).await?;
    } else if sk.starts_with(REFERENCES) {
        let id = Record::<Reference>::from_item(WRITE, item)?.d.id;
        by_hand(of, &id, &mut todo).await?;
    } else if sk.contains("#task#") {
        if let Some(id) = id() {
            task(of, &id, &mut todo).await?;
        }
    } else if sk.contains("#case#")
        && let Some(id) = id()
    {
        case(of, &id, &mut todo).await?;
    }
    if !todo.again {
        todo.add(Leg::Delete(key, None), Fate::Deleted, &kind);
    }
    Ok(todo)
}

/// Who changed which fields when stays; what workflows could ask about the party goes. The topic goes with it: nothing is announced
/// once more.
fn note(item: Item, mut todo: Todo) -> Result<Todo, StoreError> {
    let before = Record::<Change>::from_item(WRITE, item)?;
    if before.d.state.is_none() {
        todo.counts.push((Fate::Kept, CHANGE.to_owned()));
        return Ok(todo);
    }
    let mut after = before.clone();
    after.d.state = None;
    after.topics = None;
    let leg = Leg::put(WRITE, &after, Some(Condition::unchanged(&before)))?;
    todo.add(leg, Fate::Emptied, CHANGE);
    Ok(todo)
}

/// The number, dates and amounts of an order are the books'; the texts of its lines may name somebody.
fn order(item: Item, mut todo: Todo) -> Result<Todo, StoreError> {
    let before = Record::<Order>::from_item(WRITE, item)?;
    let mut after = before.clone();
    for line in &mut after.d.lines {
        line.text = ERASED_TEXT.to_owned();
    }
    let leg = Leg::put(WRITE, &after, Some(Condition::unchanged(&before)))?;
    todo.add(leg, Fate::Emptied, "order");
    Ok(todo)
}

/// A card leads nowhere for ever. Receipts that wait for it wait for nobody any more.
async fn card(of: Of<'_>, lookup: &LookupKey, todo: &mut Todo) -> Result<(), StoreError> {
    let parked = card::parked_keys(of.db, READ, of.tenant, lookup, PARKED_MAX).await?;
    if !parked.is_empty() {
        for key in parked {
            todo.add(Leg::Delete(key, None), Fate::Deleted, "parked");
        }
        todo.again = true;
        return Ok(());
    }
    let stands = card::read(of.db, READ, of.tenant, lookup, Read::Strong).await?;
    if let Some(stands) = stands.filter(|stands| stands.d.party.as_ref() == Some(of.party)) {
        let leg = card::erased_leg(WRITE, of.tenant, lookup, &stands, of.now)?;
        todo.add(leg, Fate::Emptied, card::CARD);
    }
    Ok(())
}

async fn by_hand(of: Of<'_>, id: &LookupKey, todo: &mut Todo) -> Result<(), StoreError> {
    let Some(stands) = adjustment::read(of.db, READ, of.tenant, id).await? else {
        return Ok(());
    };
    if let Some(leg) = adjustment::empty_leg(WRITE, (of.tenant, id), &stands, (of.by, of.now))? {
        todo.add(leg, Fate::Emptied, adjustment::ADJUSTMENT);
    }
    Ok(())
}

/// A task without its texts; there is nothing left to do, so it is finished.
fn emptied_task(of: Of<'_>, before: &Task) -> Task {
    let mut after = before.next("erase", (of.by, of.now), TaskStatus::Done, None);
    after.title = Secret::new(ERASED_TEXT.to_owned());
    after.text = None;
    after.party = None;
    after
}

fn is_emptied(task: &Task) -> bool {
    task.party.is_none() && task.title.as_str() == ERASED_TEXT
}

async fn task(of: Of<'_>, id: &LookupKey, todo: &mut Todo) -> Result<(), StoreError> {
    let found: Option<Record<Task>> = of
        .db
        .get(READ, &desk::task_key(of.tenant, id, "TASK"), Read::Strong)
        .await?;
    let Some(before) = found.filter(|task| task.d.party.as_ref() == Some(of.party)) else {
        return Ok(());
    };
    let after = emptied_task(of, &before.d);
    let was_open = before.d.status != TaskStatus::Done;
    let case: Option<Record<Case>> = match before.d.case.as_ref().filter(|_| was_open) {
        Some(case) => of.db.get(READ, &desk::case_key(of.tenant, case), Read::Strong).await?,
        None => None,
    };
    let counted = case.as_ref().map(|case| fewer_open(of, &case.d, 1));
    let case = case.as_ref().zip(counted.as_ref());
    let made = Made::from(of.now);
    let legs = desk::task_legs(WRITE, of.tenant, id, (Some(&before), &after), case, &made)?;
    todo.legs.extend(legs);
    todo.counts.push((Fate::Emptied, "task".to_owned()));
    Ok(())
}

fn fewer_open(of: Of<'_>, case: &Case, tasks: u32) -> Case {
    case.next("erase task", (of.by, of.now), |next| {
        next.open_tasks = next.open_tasks.saturating_sub(tasks);
    })
}

/// A case, after the tasks that are about nobody else: some in each step.
async fn case(of: Of<'_>, id: &LookupKey, todo: &mut Todo) -> Result<(), StoreError> {
    let found: Option<Record<Case>> = of.db.get(READ, &desk::case_key(of.tenant, id), Read::Strong).await?;
    let Some(before) = found.filter(|case| case.d.party.as_ref() == Some(of.party)) else {
        return Ok(());
    };
    let made = Made::from(of.now);
    let tasks = tasks_to_empty(of, id).await?;
    let mut were_open = 0u32;
    for (task, copy) in tasks.iter().take(TASKS_MAX) {
        let key = desk::task_key(of.tenant, task, "TASK");
        // The copy at the case has the version of the task: it may be a moment old.
        let stands: Option<Record<Task>> = of.db.get(READ, &key, Read::Strong).await?;
        let stands = stands.as_ref().unwrap_or(copy);
        if stands.d.status != TaskStatus::Done {
            were_open = were_open.saturating_add(1);
        }
        let after = emptied_task(of, &stands.d);
        let legs = desk::task_legs(WRITE, of.tenant, task, (Some(stands), &after), None, &made)?;
        todo.legs.extend(legs);
        todo.counts.push((Fate::Emptied, "task".to_owned()));
    }
    let after = if tasks.is_empty() {
        before.d.next("erase", (of.by, of.now), |next| {
            next.title = Secret::new(ERASED_TEXT.to_owned());
            next.party = None;
            next.status = CaseStatus::Closed;
        })
    } else {
        todo.again = true;
        fewer_open(of, &before.d, were_open)
    };
    let legs = desk::case_legs(WRITE, of.tenant, id, Some(&before), &after, &made)?;
    todo.legs.extend(legs);
    if tasks.is_empty() {
        todo.counts.push((Fate::Emptied, "case".to_owned()));
    }
    Ok(())
}

/// The tasks of a case whose texts stand, but for those about somebody else.
async fn tasks_to_empty(of: Of<'_>, case: &LookupKey) -> Result<Vec<(LookupKey, Record<Task>)>, StoreError> {
    let limit = i32::try_from(desk::CASE_TASKS_MAX).unwrap_or(i32::MAX);
    let mut range = Range::prefix(desk::case_partition(of.tenant, case), "TASK#", limit);
    let mut found = Vec::new();
    for _ in 0..desk::CASE_TASKS_MAX {
        let (tasks, next) = of.db.query::<Task>(READ, &range, Read::Strong).await?;
        let ours = |task: &Record<Task>| task.d.party.as_ref().is_none_or(|party| party == of.party);
        let left = tasks.into_iter().filter(|task| ours(task) && !is_emptied(&task.d));
        found.extend(left.filter_map(|task| Some((desk::id_of(&task.sk)?, task))));
        if next.is_none() {
            break;
        }
        range.after = next;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x16_every_kind_of_item_has_its_fate_and_a_new_one_has_none() {
        let kept = [
            "LEDGER#treue#2026-11-22#R#x",
            "TILL#1ACCOUNT#treue",
            "TIMELINE#0000000000001#invoice#4",
        ];
        let deleted = [
            "TILL#0SEGMENTS",
            "PAST#0000000002",
            "TIMELINE#0000000000001#communication#AA",
            "TIMELINE#0000000000001#task#AA",
            "OPPORTUNITY#AA",
            "RETURNED#0000000001#AA",
        ];
        assert!(kept.iter().all(|sk| fate(sk) == Some(Fate::Kept)));
        assert!(deleted.iter().all(|sk| fate(sk) == Some(Fate::Deleted)));
        assert_eq!(fate("ORDER#2026-11-22#4"), Some(Fate::Emptied));
        assert_eq!(fate("HOBBY#1"), None);
        assert_eq!(fate("TIMELINE#0000000000001#party#1"), None);
        assert_eq!(fate("PROFILES"), None, "a whole key is not the beginning of another");
    }
}
