//! The lists of open work. Each is cut into shards by a hash of the id; they are read side by side and sort by the same key.

use chrono::NaiveDate;
use domain::id::{LookupKey, QueueId, Subject, Tenant};
use faults::Site;
use serde::de::DeserializeOwned;

use crate::db::{Db, Index, Range, Read};
use crate::error::StoreError;
use crate::record::Record;

/// Shards of a list.
const SHARDS: u8 = 4;

/// The shard of an id.
pub(super) fn shard_of(id: &LookupKey) -> u8 {
    id.as_str().bytes().fold(0u8, u8::wrapping_add) % SHARDS
}

pub(super) fn queue_list(tenant: &Tenant, queue: &QueueId, shard: u8) -> String {
    format!("DESK#{tenant}#queue#{queue}#{shard}")
}

/// One person's tasks are few: they are one shard.
pub(super) fn assignee_list(tenant: &Tenant, assignee: &Subject) -> String {
    format!("DESK#{tenant}#assignee#{assignee}")
}

pub(super) fn due_list(tenant: &Tenant, shard: u8) -> String {
    format!("DESK#{tenant}#due#{shard}")
}

pub(super) fn case_list(tenant: &Tenant, shard: u8) -> String {
    format!("DESK#{tenant}#cases#{shard}")
}

pub(super) fn stage_list(tenant: &Tenant, stage: &QueueId, shard: u8) -> String {
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
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::db::Key;

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
