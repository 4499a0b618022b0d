//! The voucher feed: one gapless sequence per feed group.
//!
//! The relay gives each event the next number of its group under the condition that the group's head still stands where it
//! read it. Numbers are therefore given in the order of commits, and a reader that has seen number n will never see a new
//! event with a number up to n.

use chrono::{DateTime, Utc};
use domain::id::{FeedGroup, LookupKey, Tenant};
use domain::voucher::Voucher;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{BATCH_GET_MAX, Condition, Db, Key, Leg, Range, Read, TransactError, Value};
use crate::error::StoreError;
use crate::record::Record;
use crate::voucher::{self, Published};

/// Most events appended by one transaction: three legs each and the head stay below 100.
pub const APPEND_MAX: usize = 30;
/// Days for which events are kept.
pub const KEPT_DAYS: i64 = 35;

/// The group of vouchers that no location announces. No location has it, so only callers for all locations read it.
pub const UNPLACED: &str = "unplaced";

/// The head of a group's sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last number given; 0 before the first.
    pub version: u64,
}

/// A change of a voucher, as published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Number within the group, from 1 without a gap.
    pub sequence: u64,
    /// Where the voucher stands.
    pub lookup: LookupKey,
    /// The voucher as of this change.
    pub voucher: Voucher,
}

/// A change to be appended.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where the voucher stands.
    pub lookup: LookupKey,
    /// The voucher as of this change.
    pub voucher: Voucher,
}

fn partition(tenant: &Tenant, group: &FeedGroup) -> String {
    format!("FEED#{tenant}#{group}")
}

fn head_key(tenant: &Tenant, group: &FeedGroup) -> Key {
    Key {
        pk: partition(tenant, group),
        sk: "HEAD".to_owned(),
    }
}

fn event_key(tenant: &Tenant, group: &FeedGroup, sequence: u64) -> Key {
    Key {
        pk: partition(tenant, group),
        sk: event_sort_key(sequence),
    }
}

fn event_sort_key(sequence: u64) -> String {
    format!("EVENT#{sequence:016}")
}

/// The head of a group.
///
/// # Errors
/// [`StoreError`].
pub async fn head(db: &Db, site: Site, tenant: &Tenant, group: &FeedGroup) -> Result<Option<Record<Head>>, StoreError> {
    db.get(site, &head_key(tenant, group), Read::Strong).await
}

/// What the feed has published of these vouchers, in no particular order.
///
/// # Errors
/// [`StoreError`].
pub async fn published(db: &Db, tenant: &Tenant, changes: &[Change]) -> Result<Vec<Record<Published>>, StoreError> {
    let mut keys: Vec<_> = changes
        .iter()
        .map(|change| published_key(tenant, &change.voucher))
        .collect();
    keys.sort();
    keys.dedup();
    let mut found = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(BATCH_GET_MAX) {
        found.extend(db.batch_get(Site::RelayReferences, chunk, Read::Strong).await?);
    }
    Ok(found)
}

fn published_key(tenant: &Tenant, voucher: &Voucher) -> Key {
    voucher::published_key(tenant, &voucher.party, &voucher.programme, &voucher.number)
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// All changes stand in the feed.
    Done,
    /// Another writer came first: read the head and what is published again.
    Stale,
}

/// Appends changes, each of another voucher, in one transaction: the head, the events, the note of what is published, and
/// the party's list of open vouchers.
///
/// # Errors
/// [`StoreError`].
pub async fn append(
    db: &Db,
    tenant: &Tenant,
    group: &FeedGroup,
    head: Option<&Record<Head>>,
    changes: &[Change],
    now: DateTime<Utc>,
) -> Result<Appended, StoreError> {
    let site = Site::RelayFeed;
    let last = head.map_or(0, |head| head.d.version);
    let mut sequence = last;
    let mut legs = Vec::with_capacity(1 + 3 * changes.len());
    for change in changes {
        sequence = sequence.saturating_add(1);
        let event = Event {
            sequence,
            lookup: change.lookup.clone(),
            voucher: change.voucher.clone(),
        };
        let mut record = Record::new(event_key(tenant, group, sequence), "voucher_event", now, event);
        record.ttl = Some(now.timestamp().saturating_add(KEPT_DAYS * 86_400));
        legs.push(Leg::put(site, &record, Some(Condition::absent()))?);
        legs.push(published_leg(site, tenant, change, now)?);
        legs.push(open_leg(site, tenant, change, now)?);
    }
    let mut record = Record::new(head_key(tenant, group), "feed_head", now, Head { version: sequence });
    let condition = match head {
        None => Condition::absent(),
        Some(head) => {
            record.created_at = head.created_at;
            Condition::version(last)
        }
    };
    legs.push(Leg::put(site, &record, Some(condition))?);
    match db.transact(site, legs).await {
        Ok(()) => Ok(Appended::Done),
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(Appended::Stale),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Notes that this version is published, unless a later one is.
fn published_leg(site: Site, tenant: &Tenant, change: &Change, now: DateTime<Utc>) -> Result<Leg, StoreError> {
    let version = change.voucher.state_version;
    let published = Published {
        lookup: change.lookup.clone(),
        version,
    };
    let record = Record::new(
        published_key(tenant, &change.voucher),
        "voucher_reference",
        now,
        published,
    );
    let condition = Condition::new("attribute_not_exists(pk) OR #d.#version < :version")
        .name("#d", "d")
        .name("#version", "version")
        .value(":version", Value::Integer(i64::try_from(version).unwrap_or(i64::MAX)));
    Leg::put(site, &record, Some(condition))
}

/// Lists the voucher among the party's open ones, or takes it off.
fn open_leg(site: Site, tenant: &Tenant, change: &Change, now: DateTime<Utc>) -> Result<Leg, StoreError> {
    let voucher = &change.voucher;
    if voucher::is_listed_open(voucher, now) {
        let record = voucher::open_record(tenant, voucher, change.lookup.clone(), now);
        Leg::put(site, &record, None)
    } else {
        let key = voucher::open_key(tenant, &voucher.party, &voucher.programme, &voucher.number);
        Ok(Leg::Delete(key, None))
    }
}

/// Events of a group after a position, in order; at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    tenant: &Tenant,
    group: &FeedGroup,
    after: u64,
    limit: i32,
) -> Result<Vec<Record<Event>>, StoreError> {
    let mut range = Range::prefix(partition(tenant, group), "EVENT#", limit);
    range.from = event_sort_key(after.saturating_add(1));
    let (events, _) = db.query(Site::FeedRead, &range, Read::Strong).await?;
    Ok(events)
}

/// Halvings after which any sequence of 64 bits has come to an end.
const HALVINGS_MAX: u32 = 64;

/// The oldest events of a group whose time is not over; at most `limit`. The table drops older ones late and in no order:
/// what is left of them has holes, and a reader that begins must not be led among those.
///
/// # Errors
/// [`StoreError`].
pub async fn read_kept(
    db: &Db,
    tenant: &Tenant,
    group: &FeedGroup,
    limit: i32,
    now: DateTime<Utc>,
) -> Result<Vec<Record<Event>>, StoreError> {
    let is_over = |event: &Record<Event>| event.ttl.is_some_and(|ttl| ttl <= now.timestamp());
    let oldest = read(db, tenant, group, 0, limit).await?;
    if !oldest.first().is_some_and(is_over) {
        return Ok(oldest);
    }
    // Events end in the order of their numbers. The last one that is over lies from `over` on and before `kept`.
    let mut over = oldest.first().map_or(0, |event| event.d.sequence);
    let mut kept = head(db, Site::FeedRead, tenant, group)
        .await?
        .map_or(0, |head| head.d.version);
    for _ in 0..HALVINGS_MAX {
        if over >= kept {
            break;
        }
        let middle = over.saturating_add((kept - over) / 2);
        match read(db, tenant, group, middle, 1).await?.first() {
            Some(event) if is_over(event) => over = event.d.sequence,
            _ => kept = middle,
        }
    }
    read(db, tenant, group, over, limit).await
}
