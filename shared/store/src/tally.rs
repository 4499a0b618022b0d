//! The counts of a run's vouchers, live (R5).
//!
//! What was heard of a voucher stands under the hash of its code, and is moved on under its version in the transaction that adds
//! to the counts: however often and in whichever order a change is heard of, it counts once ([`domain::tally`]). Counts are items
//! by business day and location, spread over shards by voucher, so that no item and no partition of a run is hot: a shard takes
//! some 500 changes a second.
//!
//! Counts are named by the run without its revision, as its vouchers are: only one choice of a run is ever given any.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{LocationId, LookupKey, RunName, Tenant};
use domain::tally::{Cell, Change, Counts, Heard, Tally, add};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError, Value};
use crate::error::StoreError;
use crate::record::{Item, Record, instant_key};
use crate::run::days_after;

/// Shards of the counts of a run.
const SHARDS: u8 = 4;
/// Days after its last change for which it is known what was heard of a voucher. A change that comes later than that after the one
/// before is counted as if it were the first.
const HEARD_DAYS: i64 = 400;
/// Cells of one page, and most pages of a shard: together some 48,000 days of locations.
const PAGE: i32 = 1_000;
const PAGES_MAX: usize = 12;
/// Rounds against other workers on the same voucher.
const ROUNDS_MAX: u32 = 8;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(5);
/// What stands in a sort key for no day or no location: neither is written so.
const NONE: &str = "*";
/// The attributes of a cell.
const NAMES: [&str; 7] = ["n", "m", "rn", "rm", "w", "x", "b"];

/// What was heard of a voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Counts the writes of the item, from 1.
    version: u64,
    heard: Heard,
}

/// The voucher of a run that changed.
#[derive(Debug, Clone, Copy)]
pub struct OfRun<'a> {
    /// Tenant.
    pub tenant: &'a Tenant,
    /// The run that gave it.
    pub run: &'a RunName,
    /// Keyed hash of its code.
    pub voucher: &'a LookupKey,
}

/// Where the calls are made that count a change.
#[derive(Debug, Clone, Copy)]
pub struct Sites {
    /// What was heard before is read.
    pub read: Site,
    /// The change is counted.
    pub write: Site,
}

fn heard_key(of: OfRun<'_>) -> Key {
    Key {
        pk: format!("HEARD#{}#{}", of.tenant, of.voucher),
        sk: "HEARD".to_owned(),
    }
}

fn shard_of(voucher: &LookupKey) -> u8 {
    voucher.as_str().bytes().fold(0u8, u8::wrapping_add) % SHARDS
}

fn partition(tenant: &Tenant, run: &RunName, shard: u8) -> String {
    format!("TALLY#{tenant}#{run}#{shard}")
}

/// Counts a change of a voucher, once; `false` when there is nothing to count, or no more.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when others kept counting changes of the same voucher.
pub async fn count(
    db: &Db,
    sites: Sites,
    of: OfRun<'_>,
    change: &Change,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    for round in 0..ROUNDS_MAX {
        if round > 0 {
            tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
        }
        let before = db.get::<Kept>(sites.read, &heard_key(of), Read::Strong).await?;
        let known = before.as_ref().map(|before| before.d.heard.clone()).unwrap_or_default();
        let (heard, added) = known.with(change);
        if heard == known {
            return Ok(false);
        }
        let heard = heard_leg(sites.write, of, before.as_ref(), heard, now)?;
        if added.is_empty() {
            // Only that it was heard of.
            if db.write_item(sites.write, heard).await?.is_none() {
                return Ok(false);
            }
            continue;
        }
        let mut legs = vec![heard];
        legs.extend(added.into_iter().map(|(cell, counts)| cell_leg(of, &cell, counts, now)));
        match db.transact(sites.write, legs).await {
            Ok(()) => return Ok(true),
            Err(TransactError::Store(error)) => return Err(error),
            // Another change of the voucher was counted meanwhile, or this one.
            Err(TransactError::Condition(_)) => {}
        }
    }
    Err(StoreError::Busy(sites.write))
}

fn heard_leg(
    site: Site,
    of: OfRun<'_>,
    before: Option<&Record<Kept>>,
    heard: Heard,
    now: DateTime<Utc>,
) -> Result<Leg, StoreError> {
    let version = before.map_or(0, |before| before.d.version);
    let kept = Kept {
        version: version.saturating_add(1),
        heard,
    };
    let mut record = Record::new(heard_key(of), "heard_voucher", now, kept);
    record.created_at = before.map_or(now, |before| before.created_at);
    record.ttl = Some(days_after(now, HEARD_DAYS));
    let condition = before.map_or_else(Condition::absent, |_| Condition::version(version));
    Leg::put(site, &record, Some(condition))
}

/// Adds to a cell without reading it.
fn cell_leg(of: OfRun<'_>, cell: &Cell, counts: Counts, now: DateTime<Utc>) -> Leg {
    let day = cell.day.map_or_else(|| NONE.to_owned(), |day| day.to_string());
    let store = cell.store.as_ref().map_or(NONE, LocationId::as_str);
    let key = Key {
        pk: partition(of.tenant, of.run, shard_of(of.voucher)),
        sk: format!("{day}#{store}"),
    };
    let mut update = Condition::default();
    let mut adds = Vec::new();
    for (name, sum) in NAMES.into_iter().zip(numbers(counts)).filter(|(_, sum)| *sum != 0) {
        adds.push(format!("#{name} :{name}"));
        update = update
            .name(&format!("#{name}"), name)
            .value(&format!(":{name}"), Value::Integer(sum));
    }
    let update = update
        .expression(format!(
            "SET #et = :et, #v = :v, #updated = :now, #created = if_not_exists(#created, :now) ADD {}",
            adds.join(", ")
        ))
        .name("#et", "et")
        .name("#v", "v")
        .name("#updated", "updated_at")
        .name("#created", "created_at")
        .value(":et", Value::Text("tally".to_owned()))
        .value(":v", Value::Integer(1))
        .value(":now", Value::Text(instant_key(now)));
    Leg::Update(key, update, None)
}

/// The counts in the order of their attributes.
const fn numbers(counts: Counts) -> [i64; 7] {
    [
        counts.redeemed,
        counts.redeemed_minor,
        counts.reversed,
        counts.reversed_minor,
        counts.spent,
        counts.voided,
        counts.blocked,
    ]
}

/// The counts of a run by day and location, and whether these are all: some 48,000 cells of each shard are read at most.
///
/// # Errors
/// [`StoreError`].
pub async fn of_run(db: &Db, site: Site, tenant: &Tenant, run: &RunName) -> Result<(Tally, bool), StoreError> {
    let shards = (0..SHARDS).map(|shard| of_shard(db, site, partition(tenant, run, shard)));
    let mut tally = Tally::new();
    let mut complete = true;
    for (cells, all) in futures::future::try_join_all(shards).await? {
        add(&mut tally, cells);
        complete &= all;
    }
    Ok((tally, complete))
}

async fn of_shard(db: &Db, site: Site, pk: String) -> Result<(Vec<(Cell, Counts)>, bool), StoreError> {
    let mut range = Range {
        // A key may not be empty; no sort key begins below this.
        from: "!".to_owned(),
        ..Range::prefix(pk, "", PAGE)
    };
    let mut cells = Vec::new();
    for _ in 0..PAGES_MAX {
        let (items, next) = db.query_items(site, &range, Read::Eventual).await?;
        for item in &items {
            cells.push(cell_of(site, item)?);
        }
        range.after = next;
        if range.after.is_none() {
            return Ok((cells, true));
        }
    }
    Ok((cells, false))
}

fn cell_of(site: Site, item: &Item) -> Result<(Cell, Counts), StoreError> {
    let unreadable = || StoreError::Unreadable {
        site,
        reason: "the counts of a run cannot be read".to_owned(),
    };
    let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).ok_or_else(unreadable)?;
    let (day, store) = sk.split_once('#').ok_or_else(unreadable)?;
    let day = Some(day).filter(|day| *day != NONE).map(str::parse::<NaiveDate>);
    let store = Some(store).filter(|store| *store != NONE).map(str::parse::<LocationId>);
    let cell = Cell {
        day: day.transpose().map_err(|_| unreadable())?,
        store: store.transpose().map_err(|_| unreadable())?,
    };
    let mut sums = [0; NAMES.len()];
    for (name, sum) in NAMES.into_iter().zip(&mut sums) {
        if let Some(value) = item.get(name) {
            let number = value.as_n().ok().and_then(|number| number.parse().ok());
            *sum = number.ok_or_else(unreadable)?;
        }
    }
    let [
        redeemed,
        redeemed_minor,
        reversed,
        reversed_minor,
        spent,
        voided,
        blocked,
    ] = sums;
    let counts = Counts {
        redeemed,
        redeemed_minor,
        reversed,
        reversed_minor,
        spent,
        voided,
        blocked,
    };
    Ok((cell, counts))
}
