//! What support does by hand. The item is the record of the call: it becomes posted in the transaction that moves the points or
//! changes the voucher.

use chrono::{DateTime, Utc};
use domain::account::{Account, Entry};
use domain::adjustment::{Adjustment, Kind, State};
use domain::id::{LookupKey, PartyId, Subject, Tenant};
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::account::{self, AccountId, Committed};
use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError, Written};
use crate::erasure::ERASED_TEXT;
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::voucher::VoucherChange;

/// Entity type of adjustments.
pub const ADJUSTMENT: &str = "adjustment";
/// Milliseconds of an instant far in the future, from which those of a settled adjustment are taken off: the index is read
/// in ascending order, and of settled ones the newest are wanted first.
const FAR_MILLIS: i64 = 9_999_999_999_999;

/// What a listing shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Those that wait for a second person, the oldest first.
    AwaitingApproval,
    /// Those whose points have moved, the newest first.
    Posted,
    /// Those that were rejected, the newest first.
    Rejected,
}

impl Status {
    /// The status of a state.
    pub const fn of(state: &State) -> Self {
        match state {
            State::AwaitingApproval => Self::AwaitingApproval,
            State::Posted { .. } => Self::Posted,
            State::Rejected { .. } => Self::Rejected,
        }
    }

    /// As it stands in keys and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Posted => "posted",
            Self::Rejected => "rejected",
        }
    }
}

/// The key of an adjustment.
pub fn key(tenant: &Tenant, id: &LookupKey) -> Key {
    Key {
        pk: format!("ADJUST#{tenant}#{id}"),
        sk: "ADJUSTMENT".to_owned(),
    }
}

/// The tenant and id in an adjustment's partition key.
pub fn parse_partition(pk: &str) -> Option<(Tenant, LookupKey)> {
    let (tenant, id) = pk.strip_prefix("ADJUST#")?.split_once('#')?;
    Some((tenant.parse().ok()?, id.parse().ok()?))
}

fn list_partition(tenant: &Tenant, status: Status) -> String {
    format!("ADJUST#{tenant}#{}", status.as_str())
}

/// Where an adjustment stands in the list of its status.
fn position(adjustment: &Adjustment, id: &LookupKey) -> String {
    let newest_first = |at: &DateTime<Utc>| FAR_MILLIS.saturating_sub(at.timestamp_millis());
    let rank = match &adjustment.state {
        State::AwaitingApproval => adjustment.asked_at.timestamp_millis(),
        State::Posted { at, .. } | State::Rejected { at, .. } => newest_first(at),
    };
    format!("{rank:013}#{id}")
}

/// The image of an adjustment, with its place in the list of its status.
fn image(
    tenant: &Tenant,
    id: &LookupKey,
    before: Option<&Record<Adjustment>>,
    adjustment: &Adjustment,
    made: &Made,
) -> Record<Adjustment> {
    let mut record = Record::new(key(tenant, id), ADJUSTMENT, made, adjustment.clone());
    if let Some(before) = before {
        record.created_at = before.created_at;
        if before.work_pk.is_none() {
            // It never stood in a list.
            return record;
        }
    }
    record.work_pk = Some(list_partition(tenant, Status::of(&adjustment.state)));
    record.work_sk = Some(position(adjustment, id));
    record
}

fn image_leg(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    before: Option<&Record<Adjustment>>,
    adjustment: &Adjustment,
    made: &Made,
) -> Result<Leg, StoreError> {
    let condition = before.map_or_else(Condition::absent, |before| Condition::version(before.d.version));
    Leg::put(site, &image(tenant, id, before, adjustment, made), Some(condition))
}

/// The leg that stores a new adjustment that stands in no list.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn unlisted_leg(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    adjustment: &Adjustment,
    made: &Made,
) -> Result<Leg, StoreError> {
    let record = Record::new(key(tenant, id), ADJUSTMENT, made, adjustment.clone());
    Leg::put(site, &record, Some(Condition::absent()))
}

/// An adjustment, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
) -> Result<Option<Record<Adjustment>>, StoreError> {
    db.get(site, &key(tenant, id), Read::Strong).await
}

/// Stores an adjustment whose points do not move with it: a new one that waits, or one that is rejected. `false` when `before`
/// is not what stands there any more, or a party does not stand.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
    before: Option<&Record<Adjustment>>,
    adjustment: &Adjustment,
    made: &Made,
) -> Result<bool, StoreError> {
    let site = Site::AdjustKeep;
    let leg = image_leg(site, tenant, id, before, adjustment, made)?;
    if before.is_some() {
        let written: Written<Adjustment> = db.write(site, leg).await?;
        return Ok(written == Written::Done);
    }
    let mut legs = vec![leg];
    legs.extend(reference_legs(site, tenant, id, adjustment, made)?);
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// The references to a new adjustment, and that its parties stand: its reason may name somebody, and must not come behind an
/// erasure.
pub(crate) fn reference_legs(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    adjustment: &Adjustment,
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let mut legs = Vec::new();
    for party in holders(adjustment) {
        let key = reference_key(tenant, party, id);
        let reference = Record::new(key, "adjustment_reference", made.at, Reference { id: id.clone() });
        legs.push(Leg::put(site, &reference, None)?);
        legs.push(party::stays(tenant, party));
    }
    Ok(legs)
}

/// That an adjustment is about a party: what leads to it, whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The adjustment.
    pub id: LookupKey,
}

/// Sort keys of references.
pub(crate) const REFERENCES: &str = "ADJUSTMENT#";

fn reference_key(tenant: &Tenant, party: &PartyId, id: &LookupKey) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: format!("{REFERENCES}{id}"),
    }
}

/// The parties that it is about.
fn holders(adjustment: &Adjustment) -> Vec<&PartyId> {
    match &adjustment.kind {
        Kind::Transfer { to } => vec![&adjustment.party, to],
        _ => vec![&adjustment.party],
    }
}

/// The leg that takes the free texts of an adjustment out; one that waits is rejected with it. `None` when it has none any more.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn empty_leg(
    site: Site,
    (tenant, id): (&Tenant, &LookupKey),
    before: &Record<Adjustment>,
    (by, now): (&Subject, DateTime<Utc>),
) -> Result<Option<Leg>, StoreError> {
    let erased = Secret::new(ERASED_TEXT.to_owned());
    if before.d.reason == erased {
        return Ok(None);
    }
    let mut after = before.d.clone();
    after.version = after.version.saturating_add(1);
    after.reason = erased.clone();
    match &mut after.state {
        State::AwaitingApproval => {
            after.state = State::Rejected {
                at: now,
                by: by.clone(),
                reason: erased,
            };
        }
        State::Rejected { reason, .. } => *reason = erased,
        State::Posted { .. } => {}
    }
    // Who asked last stays who asked last.
    let made = Made {
        at: now,
        by: before.by.clone(),
    };
    image_leg(site, tenant, id, Some(before), &after, &made).map(Some)
}

/// One account's part of an adjustment.
#[derive(Debug, Clone)]
pub struct Booking {
    /// The account.
    pub id: AccountId,
    /// Its snapshot as it was read; `None` before its first entry.
    pub before: Option<Record<Account>>,
    /// The entry.
    pub entry: Entry,
    /// The account after it.
    pub after: Account,
    /// Whether it is worth vouchers then.
    pub vouchers_due: bool,
}

/// Commits an adjustment in the state posted with its entries and the snapshots of its accounts, all or nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn post(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
    (before, posted): (Option<&Record<Adjustment>>, &Adjustment),
    bookings: &[Booking],
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::AdjustCommit;
    let mut legs = vec![image_leg(site, tenant, id, before, posted, made)?];
    for booking in bookings {
        legs.extend(booking_legs(site, booking, made)?);
    }
    legs.extend(reference_legs(site, tenant, id, posted, made)?);
    account::settled(db.transact(site, legs).await)
}

/// As [`post`], for what is done to a voucher: it changes in the same transaction, and `booking` moves its points, if it moves any.
///
/// # Errors
/// [`StoreError`].
pub async fn post_voucher(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
    posted: &Adjustment,
    booking: Option<&Booking>,
    change: &VoucherChange,
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::AdjustVoucherCommit;
    let mut legs = vec![image_leg(site, tenant, id, None, posted, made)?];
    if let Some(booking) = booking {
        legs.extend(booking_legs(site, booking, made)?);
    }
    legs.extend(change.legs(site, tenant, made)?);
    legs.extend(reference_legs(site, tenant, id, posted, made)?);
    account::settled(db.transact(site, legs).await)
}

pub(crate) fn booking_legs(site: Site, booking: &Booking, made: &Made) -> Result<[Leg; 2], StoreError> {
    let Booking {
        id,
        before,
        entry,
        after,
        vouchers_due,
    } = booking;
    Ok([
        account::entry_leg(site, id, entry, made)?,
        account::snapshot_leg(site, id, before.as_ref(), after, *vouchers_due, made.at)?,
    ])
}

/// A page of the adjustments in a status. The index may be a moment old: one that was just decided may still stand under the
/// status before, with the content of that time.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    db: &Db,
    tenant: &Tenant,
    status: Status,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Adjustment>>, Option<String>), StoreError> {
    let range = Range {
        pk: list_partition(tenant, status),
        from: "0".to_owned(),
        to: "9\u{7f}".to_owned(),
        after,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    db.query(Site::AdjustList, &range, Read::Eventual).await
}
