//! Blocking what a stopped run has given (R5): that it was asked for, and how far each shard is.
//!
//! The vouchers of a period are named without the choice of its members, so the members of every choice that was started are gone
//! through. A worker that looked at the run before it was stopped may still be giving: a shard is gone through until a pass that
//! began when no such worker lives any more has found no voucher that a basket holds.

use chrono::{DateTime, TimeDelta, Utc};
use domain::adjustment::Adjustment;
use domain::id::{ClientId, LookupKey, RunName, Subject, Tenant};
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::{BLOCKING, MEMBER_DAYS, Run, RunId, days_after, partition};
use crate::account::{self, Committed};
use crate::adjustment::{self, Booking};
use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError, Written};
use crate::error::StoreError;
use crate::record::{Made, Record};
use crate::voucher::VoucherChange;

/// Longest that a worker lives which looked at the run before it was stopped: the time-out of the function that gives vouchers,
/// and a minute for clocks that differ. A rule about the template holds the two together.
pub const WORKER_LIVES: TimeDelta = TimeDelta::minutes(6);
/// Choices of a run on one page.
const CHOICES_PAGE: i32 = 100;

/// The vouchers of a stopped run are blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocking {
    /// When it was asked for.
    pub at: DateTime<Utc>,
    /// Who asked.
    pub author: Subject,
    /// Through which client.
    pub client: ClientId,
    /// Why: each voucher's adjustment says so.
    pub reason: Secret,
    /// In how many shards it is worked off.
    pub shards: u8,
    /// What it came to, once all shards are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Blocked>,
    /// When they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

impl Blocking {
    /// From when on no worker lives any more that looked at the run before.
    pub fn settled_at(&self) -> DateTime<Utc> {
        self.at
            .checked_add_signed(WORKER_LIVES)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// What became of the vouchers of a stopped run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// Blocked, now or before.
    pub blocked: u64,
    /// Redeemed before: they are left as they are.
    pub redeemed: u64,
    /// Void: before, or by the blocking of vouchers that cost points, which go back.
    pub voided: u64,
    /// Blocked, and opened again by support: they are left open.
    pub unblocked: u64,
    /// Of people who were erased: no till takes them.
    pub erased: u64,
    /// Held by a basket: they are looked at again.
    pub held: u64,
}

impl Blocked {
    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            blocked: self.blocked.saturating_add(other.blocked),
            redeemed: self.redeemed.saturating_add(other.redeemed),
            voided: self.voided.saturating_add(other.voided),
            unblocked: self.unblocked.saturating_add(other.unblocked),
            erased: self.erased.saturating_add(other.erased),
            held: self.held.saturating_add(other.held),
        }
    }
}

/// How far the vouchers of a shard are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockWork {
    /// Counts the writes of the item, from 1; 0 before the first.
    pub version: u64,
    /// Passes that are over.
    pub passes: u32,
    /// When the pass began that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<DateTime<Utc>>,
    /// Before then no pass begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<DateTime<Utc>>,
    /// The choice of members that is gone through; 0 stands for the first that was started.
    #[serde(default)]
    pub revision: u32,
    /// The last member of it that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// When the last hold is over of those that were met in this pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<DateTime<Utc>>,
    /// What this pass has found so far.
    pub counts: Blocked,
    /// What the pass before came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Blocked>,
    /// Whether no pass follows.
    pub done: bool,
}

impl BlockWork {
    /// What is known of the shard: a pass finds again what the one before has found.
    pub fn known(&self) -> Blocked {
        self.before.filter(|_| !self.done).unwrap_or(self.counts)
    }
}

fn key(id: &RunId, shard: u8) -> Key {
    Key {
        pk: id.parts(),
        sk: format!("BLOCK#{shard:02}"),
    }
}

/// How far a shard is.
///
/// # Errors
/// [`StoreError`].
pub async fn block_work(db: &Db, site: Site, id: &RunId, shard: u8) -> Result<BlockWork, StoreError> {
    let found = db.get::<BlockWork>(site, &key(id, shard), Read::Strong).await?;
    Ok(found.map(|record| record.d).unwrap_or_default())
}

/// How far all shards are: what became of the vouchers, and how many shards are done.
///
/// # Errors
/// [`StoreError`].
pub async fn blocks_work(db: &Db, site: Site, id: &RunId) -> Result<(Blocked, u8), StoreError> {
    let range = Range::prefix(id.parts(), "BLOCK#", i32::from(u8::MAX));
    let (shards, _) = db.query::<BlockWork>(site, &range, Read::Strong).await?;
    let (mut blocked, mut done) = (Blocked::default(), 0u8);
    for shard in shards {
        blocked = blocked.plus(shard.d.known());
        done = done.saturating_add(u8::from(shard.d.done));
    }
    Ok((blocked, done))
}

/// Stores how far a shard is. `false` when another worker has got on with it.
///
/// # Errors
/// [`StoreError`].
pub async fn block_advance(
    db: &Db,
    site: Site,
    (id, shard): (&RunId, u8),
    mut after: BlockWork,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let condition = match after.version {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    after.version = after.version.saturating_add(1);
    let mut record = Record::new(key(id, shard), "run_block", now, after);
    record.ttl = Some(days_after(now, MEMBER_DAYS));
    let put = Leg::put(site, &record, Some(condition))?;
    Ok(matches!(db.write::<BlockWork>(site, put).await?, Written::Done))
}

/// The choices of members of a run, up to a revision, that were started, by revision.
///
/// # Errors
/// [`StoreError`].
pub async fn started(db: &Db, site: Site, id: &RunId) -> Result<Vec<Record<Run>>, StoreError> {
    let mut range = Range::prefix(partition(&id.tenant), &format!("{}#", id.run), CHOICES_PAGE);
    let given = |run: &Record<Run>| run.d.revision <= id.revision && run.d.started_at.is_some();
    let mut started = Vec::new();
    // Ends with the choices of the run: each page begins behind the one before.
    loop {
        let (runs, next) = db.query::<Run>(site, &range, Read::Strong).await?;
        started.extend(runs.into_iter().filter(given));
        range.after = next;
        if range.after.is_none() {
            return Ok(started);
        }
    }
}

/// Asks that the vouchers of a run that is stopped already are blocked. `false` when somebody has changed it meanwhile, or chosen its
/// members anew: what that one gives must not be blocked.
///
/// # Errors
/// [`StoreError`].
pub async fn block_stopped(
    db: &Db,
    site: Site,
    (tenant, before): (&Tenant, &Record<Run>),
    made: impl Into<Made>,
    blocking: Blocking,
) -> Result<bool, StoreError> {
    let next = RunId {
        tenant: tenant.clone(),
        run: before.d.run.clone(),
        revision: before.d.revision.saturating_add(1),
    };
    let legs = vec![
        super::changed(site, before, &made.into(), |run| run.blocking = Some(blocking))?,
        Leg::Check(next.key(), Condition::absent()),
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// The leg that insists that the vouchers of the choice before are not blocked.
pub(super) fn not_blocked(tenant: &Tenant, run: &RunName, revision: u32) -> Leg {
    let before = RunId {
        tenant: tenant.clone(),
        run: run.clone(),
        revision: revision.saturating_sub(1),
    };
    let free = Condition::new("attribute_not_exists(#d.#blocking)")
        .name("#d", "d")
        .name("#blocking", "blocking");
    Leg::Check(before.key(), free)
}

pub(super) fn waiting_partition(tenant: &str) -> String {
    format!("{BLOCKING}{tenant}")
}

/// Runs whose vouchers are still being blocked, the first that was asked for first, at most `limit`. The index may be a moment old.
///
/// # Errors
/// [`StoreError`].
pub async fn still_blocking(db: &Db, site: Site, tenant: &Tenant, limit: i32) -> Result<Vec<Record<Run>>, StoreError> {
    let range = Range {
        pk: waiting_partition(tenant.as_str()),
        from: "0".to_owned(),
        to: "9\u{7f}".to_owned(),
        after: None,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    Ok(db.query(site, &range, Read::Eventual).await?.0)
}

/// Blocks a voucher, or makes one void that was paid for with points and `booking` gives them back, with its adjustment. As what support does, but for the list of adjustments: hundreds of thousands of one run would hide
/// all others, and one partition of the index would take them all.
///
/// # Errors
/// [`StoreError`].
pub async fn block_voucher(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    (id, posted): (&LookupKey, &Adjustment),
    booking: Option<&Booking>,
    change: &VoucherChange,
    made: &Made,
) -> Result<Committed, StoreError> {
    let mut legs = vec![adjustment::unlisted_leg(site, tenant, id, posted, made)?];
    if let Some(booking) = booking {
        legs.extend(adjustment::booking_legs(site, booking, made)?);
    }
    legs.extend(change.legs(site, tenant, made)?);
    legs.extend(adjustment::reference_legs(site, tenant, id, posted, made)?);
    account::settled(db.transact(site, legs).await)
}
