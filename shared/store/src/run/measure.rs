//! What the members of a run buy, with a letter and without (R5).
//!
//! The ledger of each member holds its receipts and returns under their business days, so that revenue of the days on which the
//! vouchers are valid is exact, and no purchase costs a write for it. A measurement walks through the frozen members shard by
//! shard; each shard keeps its sums with its position, so that no member is counted twice. Members kept back after the choice are
//! among those with letters, as such are among the control group, of which nobody asks.

use ::campaign::{Group, Terms, terms};
use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Cause, Entry};
use domain::calendar;
use domain::money::OutOfRange;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::part::MergeError;
use super::{Cut, MEMBER_DAYS, Run, RunId, days_after};
use crate::account::AccountId;
use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::party;
use crate::record::Record;

/// Days for which the sums of the shards are kept.
const SHARD_DAYS: i64 = 35;
/// Days before members may be dropped from which on a run is not measured any more.
const SPARE_DAYS: i64 = 10;
/// Entries of one page, and most pages of one member: a million receipts.
const PAGE: i32 = 1_000;
const PAGES_MAX: usize = 1_000;

/// How a run is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measuring {
    /// Counts the writes of the item, from 1.
    pub version: u64,
    /// Which measurement, from 1.
    pub number: u32,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// First business day whose receipts count.
    pub from: NaiveDate,
    /// Last one.
    pub through: NaiveDate,
    /// Whether it is under way.
    pub at_work: bool,
    /// What the last one that was completed came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Measured>,
}

/// What a measurement came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// When it was asked for: what was posted before is in it.
    pub asked_at: DateTime<Utc>,
    /// First business day whose receipts count.
    pub from: NaiveDate,
    /// Last one.
    pub through: NaiveDate,
    /// Members that were chosen for a letter.
    pub letters: Group,
    /// Members of the control group.
    pub control: Group,
}

/// How far the members of a shard are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredShard {
    /// Counts the writes of the item, from 1; 0 before the first.
    pub version: u64,
    /// The last member that is counted; of a shard that is done nobody asks where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether all are.
    pub done: bool,
    /// Members that were chosen for a letter.
    pub letters: Group,
    /// Members of the control group.
    pub control: Group,
}

/// What a member bought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bought {
    /// Revenue less returns, in minor units.
    pub revenue_minor: i64,
    /// Receipts, voided ones not among them.
    pub receipts: i64,
}

fn key(id: &RunId) -> Key {
    Key {
        pk: id.parts(),
        sk: "MEASURE".to_owned(),
    }
}

fn shards_prefix(number: u32) -> String {
    format!("MEASURED#{number:06}#")
}

fn shard_key(id: &RunId, number: u32, shard: u8) -> Key {
    Key {
        pk: id.parts(),
        sk: format!("{}{shard:02}", shards_prefix(number)),
    }
}

/// The terms of a run that can be measured: it was started, its vouchers are valid by now or were, and all of its members are kept.
pub fn measurable(run: &Record<Run>, now: DateTime<Utc>) -> Option<Terms> {
    run.d.started_at?;
    let terms = terms(&run.d.campaign, run.d.day).ok()?;
    let kept = now.signed_duration_since(run.created_at).num_days() < MEMBER_DAYS.saturating_sub(SPARE_DAYS);
    let today = calendar::business_day(now, run.d.zone);
    (kept && terms.valid_from <= today).then_some(terms)
}

/// How a run is measured; `None` before the first measurement.
///
/// # Errors
/// [`StoreError`].
pub async fn measuring(db: &Db, site: Site, id: &RunId) -> Result<Option<Record<Measuring>>, StoreError> {
    db.get(site, &key(id), Read::Strong).await
}

/// Begins the next measurement of these days; `false` when another one was begun meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn begin_measuring(
    db: &Db,
    site: Site,
    (id, before): (&RunId, Option<&Record<Measuring>>),
    (from, through): (NaiveDate, NaiveDate),
    (asked_at, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, StoreError> {
    let number = before.map_or(0, |before| before.d.number).saturating_add(1);
    let next = Measuring {
        version: 0,
        number,
        asked_at,
        from,
        through,
        at_work: true,
        last: before.and_then(|before| before.d.last.clone()),
    };
    put(db, site, id, before, next, now).await
}

/// Completes a measurement; `false` when it was completed before, or another one is under way.
///
/// # Errors
/// [`StoreError`].
pub async fn complete_measuring(
    db: &Db,
    site: Site,
    (id, before): (&RunId, &Record<Measuring>),
    (letters, control): (Group, Group),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Measuring {
        asked_at,
        from,
        through,
        ..
    } = before.d;
    let measured = Measured {
        asked_at,
        from,
        through,
        letters,
        control,
    };
    let after = Measuring {
        at_work: false,
        last: Some(measured),
        ..before.d.clone()
    };
    put(db, site, id, Some(before), after, now).await
}

async fn put(
    db: &Db,
    site: Site,
    id: &RunId,
    before: Option<&Record<Measuring>>,
    mut after: Measuring,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let version = before.map_or(0, |before| before.d.version);
    after.version = version.saturating_add(1);
    let mut record = Record::new(key(id), "run_measure", now, after);
    record.created_at = before.map_or(now, |before| before.created_at);
    let condition = before.map_or_else(Condition::absent, |_| Condition::version(version));
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<Measuring>(site, put).await?, Written::Done))
}

/// How far a shard is in a measurement.
///
/// # Errors
/// [`StoreError`].
pub async fn measured_shard(
    db: &Db,
    site: Site,
    id: &RunId,
    (number, shard): (u32, u8),
) -> Result<MeasuredShard, StoreError> {
    let found = db
        .get::<MeasuredShard>(site, &shard_key(id, number, shard), Read::Strong)
        .await?;
    Ok(found.map(|record| record.d).unwrap_or_default())
}

/// Stores how far a shard is. `false` when another worker has got on with it: the caller's sums are of no use then.
///
/// # Errors
/// [`StoreError`].
pub async fn advance_measured(
    db: &Db,
    site: Site,
    id: &RunId,
    (number, shard): (u32, u8),
    mut after: MeasuredShard,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let condition = match after.version {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    after.version = after.version.saturating_add(1);
    let mut record = Record::new(shard_key(id, number, shard), "run_measured", now, after);
    record.ttl = Some(days_after(now, SHARD_DAYS));
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<MeasuredShard>(site, put).await?, Written::Done))
}

/// The sums of all shards of a measurement, with letters and without; `None` while one is not done.
///
/// # Errors
/// [`MergeError`].
pub async fn measured(
    db: &Db,
    site: Site,
    (id, cut): (&RunId, Cut),
    number: u32,
) -> Result<Option<(Group, Group)>, MergeError> {
    let range = Range::prefix(id.parts(), &shards_prefix(number), i32::from(u8::MAX));
    let (shards, _) = db.query::<MeasuredShard>(site, &range, Read::Strong).await?;
    let done = shards.iter().filter(|shard| shard.d.done).count();
    if done < usize::from(cut.shards) {
        return Ok(None);
    }
    let (mut letters, mut control) = (Group::default(), Group::default());
    for shard in shards {
        letters.merge(&shard.d.letters)?;
        control.merge(&shard.d.control)?;
    }
    Ok(Some((letters, control)))
}

/// What the holder of an account bought on the days from one to another: receipts and what came back, by the business day of
/// each, as in the activity of a month.
///
/// # Errors
/// [`MergeError`]; of more than a million entries [`MergeError::TooManyParts`].
pub async fn bought(
    db: &Db,
    site: Site,
    id: &AccountId,
    (from, through): (NaiveDate, NaiveDate),
) -> Result<Bought, MergeError> {
    let mut range = Range::prefix(party::partition(&id.tenant, &id.party), "LEDGER#", PAGE);
    range.from = id.entry_key(&format!("{from}#")).sk;
    range.to = id.entry_key(&format!("{through}#\u{7f}")).sk;
    let mut bought = Bought::default();
    for _ in 0..PAGES_MAX {
        let (entries, next) = db.query::<Entry>(site, &range, Read::Eventual).await?;
        for entry in entries {
            bought.add(&entry.d.cause)?;
        }
        range.after = next;
        if range.after.is_none() {
            return Ok(bought);
        }
    }
    Err(MergeError::TooManyParts)
}

impl Bought {
    fn add(&mut self, cause: &Cause) -> Result<(), OutOfRange> {
        let (revenue, receipts) = match cause {
            Cause::Receipt { total_minor, .. } => (*total_minor, 1),
            Cause::Return { total_minor, void, .. } => (total_minor.saturating_neg(), -i64::from(*void)),
            _ => return Ok(()),
        };
        self.revenue_minor = self.revenue_minor.checked_add(revenue).ok_or(OutOfRange)?;
        self.receipts = self.receipts.saturating_add(receipts);
        Ok(())
    }
}
