//! Runs of campaigns (N7, X5, X15): whom a run chose and why, how far its vouchers and letters are.
//!
//! A run is begun by choosing its members: the table is walked through in segments, and each member that gets a letter, is in the
//! control group or is kept from a letter by more than the segment is frozen with the reason. That is the dry run. Once it is
//! approved, exactly these members get their vouchers, however long that takes and however often it is repeated: codes follow
//! from the run, the party and a number. Another dry run of the same period is the next revision; vouchers are named after the
//! run, not the revision, so that no period gives twice.
//!
//! Members are spread over the shards of the run, a partition each, by their id. What leads to a person, the address that is printed, is sealed
//! under a key of the run that the table drops after [`ADDRESS_DAYS`]: what is left of a member then is its id and the reason.
//!
//! | file | what |
//! |---|---|
//! | `part` | how far the choice of members is: a chain of parts for each segment |
//! | `member` | frozen members |
//! | `seal` | addresses under the key of the run |
//! | `budget` | shares of the budget that are leased |
//! | `household` | which member of a household is served |
//! | `issue` | vouchers of a member |
//! | `block` | vouchers of a stopped run are blocked |
//! | `measure` | what members buy, with a letter and without |
//! | `walk` | the parties of the table with what a segment can ask about them |

mod block;
mod budget;
mod household;
mod issue;
mod measure;
mod member;
mod part;
mod seal;
mod walk;

pub use block::{
    BlockWork, Blocked, Blocking, WORKER_LIVES, block_advance, block_stopped, block_voucher, block_work, blocks_work,
    started, still_blocking,
};
pub use budget::{Leased, Lessee, Shares, lease, leases};
pub use household::{Claim, HOUSEMATES_MAX, claim_household};
pub use issue::{Gave, Given, GivenVoucher, give, given_key, note};
pub use measure::{
    Bought, Measured, MeasuredShard, Measuring, advance_measured, begin_measuring, bought, complete_measuring,
    measurable, measured, measured_shard, measuring,
};
pub use member::{Member, MemberPage, drop_letter, forget, freeze, member, members, members_of};
pub use part::{
    MergeError, Part, Position, ShardWork, advance, last_part, merged, segments_done, shard_work, shards_work,
    store_part,
};
pub use seal::{SealError, Sealed, SealingKey, sealing_key};
pub use walk::{Found, FoundParty, walk};

use std::time::Duration;

use ::campaign::{Campaign, DryRun, Schedule};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::id::{RunName, Tenant};
use domain::money::Currency;
use domain::programme::Programme;
use domain::rfmr::RfmrRules;
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cache::Kept;
use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError, Written};
use crate::error::StoreError;
use crate::record::{Made, Record, instant_key};

/// In how many parts a run is worked off at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Segments of the table in which members are chosen.
    pub segments: u8,
    /// Partitions over which its members are spread; at least 1.
    pub shards: u8,
}

impl Default for Cut {
    /// For two million parties: so many that a part ends in minutes.
    fn default() -> Self {
        Self {
            segments: 16,
            shards: 64,
        }
    }
}
/// Days after which the addresses of a run can no longer be read: the six weeks a printer keeps a job, and two to reprint it.
pub const ADDRESS_DAYS: i64 = 56;
/// Partitions of the index `work` with the runs that wait for their acknowledgement, or for what follows from it.
const UNCONFIRMED: &str = "UNCONFIRMED#";
/// Partitions of the index `work` with the runs whose vouchers are being blocked.
const BLOCKING: &str = "BLOCKING#";
/// Days after which frozen members, and the parts of a run, may be dropped.
pub const MEMBER_DAYS: i64 = 400;
/// Revisions of a run among which the last one that was started is looked for.
const REVISIONS_MAX: i32 = 50;

/// Which run of which campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId {
    /// Tenant.
    pub tenant: Tenant,
    /// The run.
    pub run: RunName,
    /// Which choice of members, from 1.
    pub revision: u32,
}

impl RunId {
    fn key(&self) -> Key {
        Key {
            pk: partition(&self.tenant),
            sk: format!("{}#{:04}", self.run, self.revision),
        }
    }

    pub(crate) fn parts(&self) -> String {
        format!("RUNPART#{}#{}#{:04}", self.tenant, self.run, self.revision)
    }
}

fn partition(tenant: &Tenant) -> String {
    format!("RUNS#{tenant}")
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Members are being chosen.
    Choosing,
    /// Members are frozen; it waits for its approval and start.
    Chosen,
    /// Vouchers are being issued.
    Issuing,
    /// The printer's file is being written.
    Writing,
    /// The file stands; the printer has it or will fetch it.
    Written,
    /// It was stopped; what it issued stays.
    Stopped,
}

/// A run of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The run.
    pub run: RunName,
    /// Which choice of members, from 1.
    pub revision: u32,
    /// Counts the writes of the item, from 1.
    pub version: u64,
    /// The campaign as it was when the run began.
    pub campaign: Campaign,
    /// Which edition that was.
    pub edition: u64,
    /// Business day of the run.
    pub day: NaiveDate,
    /// Zone of its days.
    pub zone: Tz,
    /// Currency of its amounts.
    pub currency: Currency,
    /// In how many parts it is worked off.
    pub cut: Cut,
    /// How RFMR scores are made up, as the programme said when the run began.
    #[serde(default)]
    pub rfmr: RfmrRules,
    /// Whether the schedule began it, so that it starts by itself; else somebody wants to see what it would come to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
    /// How far it is.
    pub stage: Stage,
    /// What the choice came to, once all segments are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<DryRun>,
    /// Why it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What somebody said who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<Secret>,
    /// That the vouchers it has given are blocked, once it is stopped: then nobody goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking: Option<Blocking>,
    /// Version of the code key, once it or an earlier choice of its members was started: all its codes are derived under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_key_version: Option<u32>,
    /// When issuing began: what its vouchers say, however often they are issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// What the vouchers came to, once all were issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Issued>,
    /// The printer's file, once it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PrintFile>,
    /// The printer's acknowledgement, once it agrees with the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
}

impl Run {
    /// A run of the campaign on this day, whose members are still to be chosen; `None` when campaign and day make no name.
    pub fn new(
        campaign: Campaign,
        edition: u64,
        revision: u32,
        (day, cut): (NaiveDate, Cut),
        programme: &Programme,
    ) -> Option<Self> {
        Some(Self {
            run: campaign.run_id(day).parse().ok()?,
            revision,
            version: 1,
            campaign,
            edition,
            day,
            zone: programme.zone,
            currency: programme.currency,
            cut,
            rfmr: programme.rfmr.clone(),
            scheduled: false,
            stage: Stage::Choosing,
            chosen: None,
            stopped: None,
            stop_reason: None,
            blocking: None,
            code_key_version: None,
            started_at: None,
            issued: None,
            file: None,
            acknowledged: None,
        })
    }

    /// Whether the schedule starts it by now. A run that could not be started on its day is started later.
    pub fn campaign_is_due(&self, today: NaiveDate) -> bool {
        match self.campaign.schedule {
            Schedule::Once { on } => on <= today,
            Schedule::Monthly { day } => day <= today.day() || today > self.day && today.month() != self.day.month(),
            Schedule::Daily {} => true,
        }
    }
}

/// What issuing came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Members with vouchers.
    pub members: u64,
    /// Their vouchers.
    pub vouchers: u64,
    /// Members that were kept from vouchers after they were chosen: put on a blacklist, erased, or a letter came back from their
    /// address.
    pub kept_back: u64,
}

impl Issued {
    /// The sum of both.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            members: self.members.saturating_add(other.members),
            vouchers: self.vouchers.saturating_add(other.vouchers),
            kept_back: self.kept_back.saturating_add(other.kept_back),
        }
    }
}

/// The file for the printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintFile {
    /// Its key in the bucket.
    pub key: String,
    /// The manifest's key.
    pub manifest_key: String,
    /// The manifest, as it was written.
    pub manifest: Value,
    /// Members that were chosen and are not in it: kept from their vouchers, or erased since.
    pub gaps: u64,
    /// Letters whose address had no room for all of it.
    pub shortened: u64,
    /// When it stood.
    pub at: DateTime<Utc>,
}

/// What the printer confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The document.
    pub document: Value,
    /// When all its letters were noted with their parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noted_at: Option<DateTime<Utc>>,
}

/// A run; `None` when it was not begun.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, id: &RunId) -> Result<Option<Record<Run>>, StoreError> {
    db.get(site, &id.key(), Read::Strong).await
}

/// The last revision of a run; `None` before the first.
///
/// # Errors
/// [`StoreError`].
pub async fn latest(db: &Db, site: Site, tenant: &Tenant, run: &RunName) -> Result<Option<Record<Run>>, StoreError> {
    let mut range = Range::prefix(partition(tenant), &format!("{run}#"), 1);
    range.descending = true;
    let (runs, _) = db.query(site, &range, Read::Strong).await?;
    Ok(runs.into_iter().next())
}

/// The last revision of a run that was started: the one whose members have its vouchers. `None` when none was, or only before fifty
/// others that were tried since it was stopped.
///
/// # Errors
/// [`StoreError`].
pub async fn last_started(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: &RunName,
) -> Result<Option<Record<Run>>, StoreError> {
    let mut range = Range::prefix(partition(tenant), &format!("{run}#"), REVISIONS_MAX);
    range.descending = true;
    let (runs, _) = db.query::<Run>(site, &range, Read::Strong).await?;
    Ok(runs.into_iter().find(|run| run.d.started_at.is_some()))
}

/// Runs of a campaign, or of all, the last by name first, in pages of at most `limit`; `after` is the sort key to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    campaign: Option<&str>,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Run>>, Option<String>), StoreError> {
    let prefix = campaign.map_or_else(String::new, |campaign| format!("{campaign}~"));
    let mut range = Range::prefix(partition(tenant), &prefix, limit);
    if prefix.is_empty() {
        range.from = " ".to_owned();
    }
    range.descending = true;
    range.after = after;
    db.query(site, &range, Read::Strong).await
}

/// Begins a run. What stands in its way when it cannot be begun: itself, when it was begun before, or the choice before it, when its
/// vouchers are blocked.
///
/// # Errors
/// [`StoreError`].
pub async fn begin(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    run: Run,
    made: impl Into<Made>,
) -> Result<Option<Record<Run>>, StoreError> {
    let id = RunId {
        tenant: tenant.clone(),
        run: run.run.clone(),
        revision: run.revision,
    };
    let record = Record::new(id.key(), "run", made, run);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    if id.revision > 1 {
        let legs = vec![put, block::not_blocked(tenant, &id.run, id.revision)];
        return match db.transact(site, legs).await {
            Ok(()) => Ok(None),
            Err(TransactError::Store(error)) => Err(error),
            Err(TransactError::Condition(failed)) => {
                let stands = failed.into_iter().find_map(|leg| leg.item);
                let stands = stands.ok_or(StoreError::Unknown(site))?;
                Record::from_item(site, stands).map(Some)
            }
        };
    }
    match db.write(site, put).await? {
        Written::Done => Ok(None),
        Written::Refused(Some(before)) => Ok(Some(*before)),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// Stores what `change` makes of the run. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn change(
    db: &Db,
    site: Site,
    before: &Record<Run>,
    made: impl Into<Made>,
    change: impl FnOnce(&mut Run),
) -> Result<bool, StoreError> {
    let put = changed(site, before, &made.into(), change)?;
    Ok(matches!(db.write::<Run>(site, put).await?, Written::Done))
}

/// The leg that puts what `change` makes of the run, under the condition that nobody changed it meanwhile.
pub(crate) fn changed(
    site: Site,
    before: &Record<Run>,
    made: &Made,
    change: impl FnOnce(&mut Run),
) -> Result<Leg, StoreError> {
    let mut record = before.clone();
    record.updated_at = made.at;
    record.by = made.by.clone().or_else(|| before.by.clone());
    change(&mut record.d);
    record.d.version = before.d.version.saturating_add(1);
    let tenant = before.pk.strip_prefix("RUNS#").unwrap_or_default();
    let since = |at: DateTime<Utc>| Some(format!("{}#{}", instant_key(at), before.sk));
    (record.work_pk, record.work_sk) = match (&record.d.file, &record.d.acknowledged, &record.d.blocking) {
        (Some(file), None | Some(Acknowledged { noted_at: None, .. }), _) => {
            (Some(unconfirmed_partition(tenant)), since(file.at))
        }
        (None, _, Some(blocking)) if blocking.result.is_none() => {
            (Some(block::waiting_partition(tenant)), since(blocking.at))
        }
        _ => (None, None),
    };
    Leg::put(site, &record, Some(Condition::version(before.d.version)))
}

fn unconfirmed_partition(tenant: &str) -> String {
    format!("{UNCONFIRMED}{tenant}")
}

/// Runs whose files stood by `until` and were not acknowledged, or whose letters are not noted with their parties yet, the
/// oldest first, at most `limit`; none that stood more than [`ADDRESS_DAYS`] before.
///
/// # Errors
/// [`StoreError`].
pub async fn unconfirmed(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    until: DateTime<Utc>,
    limit: i32,
) -> Result<Vec<Record<Run>>, StoreError> {
    let range = Range {
        pk: unconfirmed_partition(tenant.as_str()),
        // Nobody fetches an older file any more.
        from: instant_key(until.checked_sub_signed(TimeDelta::days(ADDRESS_DAYS)).unwrap_or(until)),
        // Behind all of that instant.
        to: format!("{}~", instant_key(until)),
        after: None,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    Ok(db.query(site, &range, Read::Eventual).await?.0)
}

/// Why a run was stopped that somebody stopped.
pub const BY_HAND: &str = "by_hand";
/// Why a run was stopped that a later choice of the same period has replaced.
pub const SUPERSEDED: &str = "superseded";

/// Takes a choice that was not started out of the way of the next one; `false` when somebody changed it meanwhile, such as by
/// starting it.
///
/// # Errors
/// [`StoreError`].
pub async fn supersede(db: &Db, site: Site, before: &Record<Run>, made: impl Into<Made>) -> Result<bool, StoreError> {
    if !matches!(before.d.stage, Stage::Choosing | Stage::Chosen) {
        return Ok(before.d.stage == Stage::Stopped);
    }
    let stop = |run: &mut Run| {
        run.stage = Stage::Stopped;
        run.stopped = Some(SUPERSEDED.to_owned());
    };
    change(db, site, before, made, stop).await
}

/// Runs whose letters the printer has confirmed, as far as this process knows. Once confirmed a run stays so, and a till that asks
/// for one of its vouchers costs no further read.
#[derive(Debug, Default)]
pub struct Confirmed(Kept<(Tenant, RunName), ()>);

impl Confirmed {
    /// Whether the printer has confirmed the letters of a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is(&self, db: &Db, site: Site, tenant: &Tenant, run: &RunName) -> Result<bool, StoreError> {
        let which = (tenant.clone(), run.clone());
        if self.0.get(&which, Duration::MAX).is_some() {
            return Ok(true);
        }
        let latest = latest(db, site, tenant, run).await?;
        let confirmed = latest.is_some_and(|run| run.d.acknowledged.is_some());
        if confirmed {
            self.0.insert(which, ());
        }
        Ok(confirmed)
    }
}

/// Seconds since 1970, so many days after an instant.
pub(crate) fn days_after(at: DateTime<Utc>, days: i64) -> i64 {
    at.timestamp().saturating_add(days.saturating_mul(24 * 60 * 60))
}
