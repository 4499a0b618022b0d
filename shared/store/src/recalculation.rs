//! Receipts counted again under other settings: what was asked for, how far it is, and what differs (X8).
//!
//! A run's own item stands in the tenant's list and tells the stream when there is work. Each location is counted, and each
//! shard of the differences posted, under a part of its own, whose version keeps two workers apart: a part's sums and its
//! position change together or not at all.

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Account, Cause, Entry, LotKey};
use domain::id::{LocationId, PartyId, ProgrammeId, RunId, Subject, Tenant};
use domain::programme::Programme;
use domain::receipt::ReceiptKey;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::account::{AccountId, Committed, closed_lot_leg, entry_leg, settled, snapshot_leg};
use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::receipt::recounted_leg;
use crate::record::{Made, Record};

/// Entity type and topic of runs.
pub const RECALCULATION: &str = "recalculation";
/// Shards of the differences of a run.
pub const SHARDS: u8 = 16;
/// Parts of one page; a tenant has at most as many locations.
const PARTS_PAGE: i32 = 1_000;
/// Differences of one page.
const DIFFERENCES_PAGE: i32 = 50;

/// What receipts are counted with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    /// A stored version: the differences can be approved and posted.
    Version(u32),
    /// Settings that are not stored: a trial.
    Settings(Box<Programme>),
}

/// A second person's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: DateTime<Utc>,
}

/// What somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id, also in the key.
    pub id: RunId,
    /// Counts the changes, from 1.
    pub version: u64,
    /// The programme.
    pub programme: ProgrammeId,
    /// What its receipts are counted with.
    pub candidate: Candidate,
    /// First business day.
    pub from: NaiveDate,
    /// Last business day.
    pub until: NaiveDate,
    /// The locations of the tenant when it was asked for, whichever programme they are in now.
    pub stores: Vec<LocationId>,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub author: Subject,
    /// The consent to post the differences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// What receipts came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Receipts of accounts that were counted.
    pub receipts: u64,
    /// Receipts without an account: they have no points.
    pub unmatched: u64,
    /// Receipts of an account that are not posted yet: they are left out.
    #[serde(default)]
    pub unposted: u64,
    /// Receipts that were counted or corrected again since the look at them, or are no longer as they were: they are left as
    /// they are.
    #[serde(default)]
    pub skipped: u64,
    /// Receipts that cannot be counted or posted; the log says why.
    #[serde(default)]
    pub failed: u64,
    /// Receipts whose points differ.
    pub changed: u64,
    /// Points of the counted receipts as they are.
    pub points_before: i64,
    /// Points under the candidate.
    pub points_after: i64,
    /// Points that receipts would gain.
    pub more: i64,
    /// Points that receipts would lose, 0 or more.
    pub less: i64,
}

impl Sums {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.receipts = self.receipts.saturating_add(other.receipts);
        self.unmatched = self.unmatched.saturating_add(other.unmatched);
        self.unposted = self.unposted.saturating_add(other.unposted);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.failed = self.failed.saturating_add(other.failed);
        self.changed = self.changed.saturating_add(other.changed);
        self.points_before = self.points_before.saturating_add(other.points_before);
        self.points_after = self.points_after.saturating_add(other.points_after);
        self.more = self.more.saturating_add(other.more);
        self.less = self.less.saturating_add(other.less);
    }

    /// Adds one counted receipt.
    pub fn count(&mut self, before: i64, after: i64) {
        let change = after.saturating_sub(before);
        self.add(&Self {
            receipts: 1,
            changed: u64::from(change != 0),
            points_before: before,
            points_after: after,
            more: change.max(0),
            less: change.min(0).saturating_neg(),
            ..Self::default()
        });
    }
}

/// How far a part of a run is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Counts the steps, from 1.
    pub version: u64,
    /// The business day that is counted now; none when posting, and before the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<NaiveDate>,
    /// The position after which it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether nothing is left to do.
    pub done: bool,
    /// What it came to so far.
    pub sums: Sums,
}

/// Which part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartName {
    /// Receipts of a location are counted.
    Count(LocationId),
    /// Differences of a shard are posted.
    Post(u8),
}

impl PartName {
    fn sk(&self) -> String {
        match self {
            Self::Count(store) => format!("COUNT#{store}"),
            Self::Post(shard) => format!("POST#{shard:02}"),
        }
    }
}

/// A receipt whose points differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Holder of the account.
    pub party: PartyId,
    /// The receipt.
    pub receipt: ReceiptKey,
    /// Points as they were when it was counted.
    pub points_before: i64,
    /// Points under the candidate.
    pub points_after: i64,
    /// The version of the programme that it was counted with until then.
    pub counted_with: u32,
}

fn run_key(tenant: &Tenant, run: &RunId) -> Key {
    Key {
        pk: format!("RECALC#{tenant}#"),
        sk: run.to_string(),
    }
}

fn part_partition(tenant: &Tenant, run: &RunId) -> String {
    format!("RECALC#{tenant}#{run}")
}

fn part_key(tenant: &Tenant, run: &RunId, part: &PartName) -> Key {
    Key {
        pk: part_partition(tenant, run),
        sk: part.sk(),
    }
}

fn difference_partition(tenant: &Tenant, run: &RunId, shard: u8) -> String {
    format!("RECALC#{tenant}#{run}#{shard:02}")
}

/// The shard of a party's differences.
fn shard(party: &PartyId) -> u8 {
    let bytes = party.as_str().bytes();
    bytes.fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % SHARDS
}

/// A run, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, tenant: &Tenant, run: &RunId) -> Result<Option<Record<Run>>, StoreError> {
    db.get(site, &run_key(tenant, run), Read::Strong).await
}

/// Runs of a tenant in the order of their ids, in pages.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Run>>, Option<String>), StoreError> {
    let mut range = Range::prefix(format!("RECALC#{tenant}#"), "", limit);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Stores the next image of a run, which asks for its work through the stream: the first, or the one after the version before
/// it. `false` when another one stands there.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: Run,
    before: Option<&Record<Run>>,
    made: impl Into<Made>,
) -> Result<bool, StoreError> {
    let mut record = Record::new(run_key(tenant, &run.id), RECALCULATION, made, run);
    record.topics = Some(RECALCULATION.to_owned());
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(before.d.version)
        }
    };
    let written = db.write::<Run>(site, Leg::put(site, &record, Some(condition))?).await?;
    Ok(matches!(written, Written::Done))
}

/// How far a part is; a part that has not begun has version 0.
///
/// # Errors
/// [`StoreError`].
pub async fn part(db: &Db, site: Site, tenant: &Tenant, run: &RunId, part: &PartName) -> Result<Part, StoreError> {
    let found = db.get::<Part>(site, &part_key(tenant, run, part), Read::Strong).await?;
    Ok(found.map(|record| record.d).unwrap_or_default())
}

/// All parts of a run that have begun: those of counting and those of posting.
///
/// # Errors
/// [`StoreError`].
pub async fn parts(db: &Db, site: Site, tenant: &Tenant, run: &RunId) -> Result<(Vec<Part>, Vec<Part>), StoreError> {
    let mut both = (Vec::new(), Vec::new());
    for (prefix, parts) in [("COUNT#", &mut both.0), ("POST#", &mut both.1)] {
        let mut range = Range::prefix(part_partition(tenant, run), prefix, PARTS_PAGE);
        loop {
            let (page, next) = db.query::<Part>(site, &range, Read::Strong).await?;
            parts.extend(page.into_iter().map(|record| record.d));
            range.after = next;
            if range.after.is_none() {
                break;
            }
        }
    }
    Ok(both)
}

/// Stores the next step of a part; `false` when another worker has made it.
///
/// # Errors
/// [`StoreError`].
pub async fn advance(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: &RunId,
    name: &PartName,
    next: Part,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let condition = match next.version {
        0 | 1 => Condition::absent(),
        version => Condition::version(version.saturating_sub(1)),
    };
    let record = Record::new(part_key(tenant, run, name), "recalculation_part", now, next);
    let written = db
        .write::<Part>(site, Leg::put(site, &record, Some(condition))?)
        .await?;
    Ok(matches!(written, Written::Done))
}

/// Keeps a difference; the same one again changes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: &RunId,
    difference: Difference,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let key = Key {
        pk: difference_partition(tenant, run, shard(&difference.party)),
        sk: format!("{}#{}", difference.party, difference.receipt),
    };
    let record = Record::new(key, "recalculation_difference", now, difference);
    db.write::<Difference>(site, Leg::put(site, &record, None)?).await?;
    Ok(())
}

/// Differences of a shard in the order of their parties, in pages; `after` is the position to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn differences(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: &RunId,
    shard: u8,
    after: Option<String>,
) -> Result<(Vec<Record<Difference>>, Option<String>), StoreError> {
    let mut range = Range::prefix(difference_partition(tenant, run, shard), "", DIFFERENCES_PAGE);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Commits a recount: the entry, the snapshot, the note on the receipt, and what was forgiven of an expired lot, all or nothing.
///
/// # Errors
/// [`StoreError`]; refused by the table when the receipt was counted again [`crate::receipt::RECOUNTS_MAX`] times.
pub async fn commit(
    db: &Db,
    id: &AccountId,
    before: Option<&Record<Account>>,
    (entry, after, lot): (&Entry, &Account, LotKey),
    vouchers_due: bool,
    now: DateTime<Utc>,
) -> Result<Committed, StoreError> {
    let site = Site::RecountCommit;
    let Cause::Recalculation { receipt, forgiven, .. } = &entry.cause else {
        return Err(StoreError::Refused {
            site,
            code: "NotARecalculation".to_owned(),
        });
    };
    let mut legs = vec![
        entry_leg(site, id, entry, now)?,
        snapshot_leg(site, id, before, after, vouchers_due, now)?,
        recounted_leg(&id.tenant, receipt, &entry.natural_id()),
    ];
    if *forgiven > 0 {
        legs.push(closed_lot_leg(id, lot, "forgiven", *forgiven, now));
    }
    settled(db.transact(site, legs).await)
}
