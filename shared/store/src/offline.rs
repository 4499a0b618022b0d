//! Allowances of branches without a line, what was decided on their journals, and what is lost on a day.
//!
//! All of a location stands in one partition: one allowance a business day, an entry for each receipt and voucher, and the sums
//! of losses by the business day of their receipts.

use chrono::NaiveDate;
use domain::id::{LocationId, LookupKey, PartyId, Tenant};
use domain::money::Currency;
use domain::offline::{Allowance, LossDay, Taken, Verdict};
use domain::receipt::ReceiptKey;
use domain::voucher::Voucher;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError, Written};
use crate::error::StoreError;
use crate::record::{Made, Record, instant_key};
use crate::voucher;

/// Entity type of allowances.
pub const ALLOWANCE: &str = "offline_allowance";
/// Entity type of decided entries.
pub const ENTRY: &str = "offline_entry";
/// Entity type of a day's sums of losses.
pub const LOSSES: &str = "offline_losses";

/// An entry of a journal with what was decided on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What the branch told.
    pub taken: Taken,
    /// The code, as its keyed hash.
    pub lookup: LookupKey,
    /// The day of the allowance it came with.
    pub allowance: NaiveDate,
    /// Currency of its amounts.
    pub currency: Currency,
    /// What was decided.
    pub verdict: Verdict,
}

/// Partition of everything about a location.
pub fn partition(tenant: &Tenant, location: &LocationId) -> String {
    format!("OFFLINE#{tenant}#{location}")
}

fn allowance_key(tenant: &Tenant, location: &LocationId, day: NaiveDate) -> Key {
    Key {
        pk: partition(tenant, location),
        sk: format!("ALLOWANCE#{day}"),
    }
}

fn losses_key(tenant: &Tenant, location: &LocationId, day: NaiveDate) -> Key {
    Key {
        pk: partition(tenant, location),
        sk: format!("LOSSES#{day}"),
    }
}

/// Partition of the index `work` with the entries on which a voucher of a party was lost.
fn lost_partition(tenant: &Tenant, party: &PartyId) -> String {
    format!("LOST#{tenant}#{party}")
}

/// The key of the entry about a voucher on a receipt.
pub fn entry_key(tenant: &Tenant, receipt: &ReceiptKey, lookup: &LookupKey) -> Key {
    let (day, till, number) = (receipt.business_date, &receipt.till, &receipt.number);
    Key {
        pk: partition(tenant, &receipt.store),
        sk: format!("ENTRY#{day}#{till}#{number}#{lookup}"),
    }
}

/// The allowance of a location and business day, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn allowance(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    location: &LocationId,
    day: NaiveDate,
) -> Result<Option<Record<Allowance>>, StoreError> {
    db.get(site, &allowance_key(tenant, location, day), Read::Strong).await
}

/// Stores the allowance of a day, or returns the one that stands: a location has one a day, however often it asks.
///
/// # Errors
/// [`StoreError`].
pub async fn open(
    db: &Db,
    tenant: &Tenant,
    allowance: Allowance,
    made: impl Into<Made>,
) -> Result<Record<Allowance>, StoreError> {
    let site = Site::OfflineOpen;
    let key = allowance_key(tenant, &allowance.location, allowance.day);
    let record = Record::new(key, ALLOWANCE, made, allowance);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write(site, put).await? {
        Written::Done => Ok(record),
        Written::Refused(Some(stands)) => Ok(*stands),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// Those of the entries that are decided, in no particular order; at most [`domain::offline::ENTRIES_MAX`] keys, none twice.
///
/// # Errors
/// [`StoreError`].
pub async fn entries(db: &Db, keys: &[Key]) -> Result<Vec<Record<Entry>>, StoreError> {
    db.batch_get(Site::OfflineEntries, keys, Read::Strong).await
}

/// The losses on receipts of one day; `None` where there are none.
///
/// # Errors
/// [`StoreError`].
pub async fn losses_of_day(
    db: &Db,
    tenant: &Tenant,
    location: &LocationId,
    day: NaiveDate,
) -> Result<Option<Record<LossDay>>, StoreError> {
    let key = losses_key(tenant, location, day);
    db.get(Site::OfflineDay, &key, Read::Strong).await
}

/// What is stored together when an entry is decided.
#[derive(Debug)]
pub struct Decided<'a> {
    /// The entry: the record that it was decided.
    pub entry: &'a Entry,
    /// The allowance before and after.
    pub allowance: (&'a Record<Allowance>, Allowance),
    /// The voucher before and after, when it is redeemed.
    pub voucher: Option<(&'a Record<Voucher>, Voucher)>,
    /// Whose voucher it is, where it is one: what is lost on it is found with the party.
    pub holder: Option<&'a PartyId>,
    /// The losses of the day before and after, when something is lost; `None` before the first one.
    pub losses: Option<(Option<&'a Record<LossDay>>, LossDay)>,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// All is stored.
    Done,
    /// The entry was decided before, like this.
    Known(Box<Record<Entry>>),
    /// The allowance, the voucher or the sums have moved on: read them again.
    Stale,
}

/// Commits a decision: the entry, the allowance, the voucher and the sums, all or nothing. The entry comes first and is put where
/// none is, so that it is decided once.
///
/// # Errors
/// [`StoreError`].
pub async fn commit(db: &Db, tenant: &Tenant, decided: Decided<'_>, made: &Made) -> Result<Committed, StoreError> {
    let site = Site::OfflineCommit;
    let Entry { taken, lookup, .. } = decided.entry;
    let key = entry_key(tenant, &taken.receipt, lookup);
    let mut entry = Record::new(key, ENTRY, made, decided.entry.clone());
    if let Some(holder) = decided.holder.filter(|_| decided.entry.verdict.loss.is_some()) {
        entry.work_pk = Some(lost_partition(tenant, holder));
        entry.work_sk = Some(format!("{}#{}", instant_key(made.at), entry.sk));
    }
    let mut legs = vec![Leg::put(site, &entry, Some(Condition::absent()))?];
    let (before, after) = decided.allowance;
    let mut record = Record::new(before.key(), ALLOWANCE, made, after);
    record.created_at = before.created_at;
    legs.push(Leg::put(site, &record, Some(Condition::version(before.d.version)))?);
    if let Some((before, after)) = decided.voucher {
        let image = voucher::changed(before, after, made);
        legs.push(Leg::put(site, &image, Some(Condition::version(before.d.version)))?);
    }
    if let Some((before, after)) = decided.losses {
        let receipt = &taken.receipt;
        let key = losses_key(tenant, &receipt.store, receipt.business_date);
        let mut record = Record::new(key, LOSSES, made, after);
        record.created_at = before.map_or(record.created_at, |before| before.created_at);
        let condition = before.map_or_else(Condition::absent, |before| Condition::version(before.d.version));
        legs.push(Leg::put(site, &record, Some(condition))?);
    }
    match db.transact(site, legs).await {
        Ok(()) => Ok(Committed::Done),
        Err(TransactError::Store(error)) => Err(error),
        Err(TransactError::Condition(failed)) => {
            let known = failed.into_iter().find(|leg| leg.index == 0);
            match known.and_then(|leg| leg.item) {
                Some(item) => Ok(Committed::Known(Box::new(Record::from_item(site, item)?))),
                None => Ok(Committed::Stale),
            }
        }
    }
}

/// The sums of losses of a location, on receipts of the days `from` to `to`, by day. At most `most` days.
///
/// # Errors
/// [`StoreError`].
pub async fn losses(
    db: &Db,
    tenant: &Tenant,
    location: &LocationId,
    (from, to): (NaiveDate, NaiveDate),
    most: i32,
) -> Result<Vec<Record<LossDay>>, StoreError> {
    let range = Range {
        from: losses_key(tenant, location, from).sk,
        to: losses_key(tenant, location, to).sk,
        ..Range::prefix(partition(tenant, location), "", most)
    };
    let (days, _) = db.query(Site::OfflineReport, &range, Read::Eventual).await?;
    Ok(days)
}

/// The entries on which vouchers of a party were lost, the first that was decided first, in pages of at most `limit`. The index may be a
/// moment old.
///
/// # Errors
/// [`StoreError`].
pub async fn lost_of(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Entry>>, Option<String>), StoreError> {
    let range = Range {
        pk: lost_partition(tenant, party),
        from: "0".to_owned(),
        to: "9\u{7f}".to_owned(),
        after,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    db.query(site, &range, Read::Eventual).await
}

/// The decided entries of a location about receipts of the days `from` to `to`, by day, in pages of at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    tenant: &Tenant,
    location: &LocationId,
    (from, to): (NaiveDate, NaiveDate),
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Entry>>, Option<String>), StoreError> {
    let range = Range {
        from: format!("ENTRY#{from}#"),
        to: format!("ENTRY#{to}#\u{7f}"),
        after,
        ..Range::prefix(partition(tenant, location), "", limit)
    };
    db.query(Site::OfflineList, &range, Read::Eventual).await
}
