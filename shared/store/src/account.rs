//! Accounts and their ledger, in the party's partition.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Account, Cause, Entry, ISSUE_STEP_MAX, LotKey, issue_entry_id, receipt_entry_id, run_entry_id};
use domain::id::{PartyId, ProgrammeId, RunName, Tenant};
use domain::liability::Posted;
use domain::receipt::{Receipt, ReceiptKey};
use faults::Site;

use crate::activity;
use crate::db::{BATCH_GET_MAX, Condition, Db, Index, Key, Leg, Range, Read, TransactError, Value};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record, instant_key};

/// Entity type of accounts.
pub const ACCOUNT: &str = "account";
/// Topic of an account that is worth vouchers.
pub const THRESHOLD: &str = "threshold";
/// Accounts of one page of [`due`].
const DUE_PAGE: i32 = 100;
/// Entries of one page of [`receipts_of_day`].
const DAY_PAGE: i32 = 50;
/// Prefix of the sort keys of accounts.
pub const PREFIX: &str = "TILL#1ACCOUNT#";

/// Partitions of the accounts that the close of a day has work on, for each programme.
pub const DUE_SHARDS: u8 = 16;

/// Which account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId {
    /// Tenant.
    pub tenant: Tenant,
    /// Holder.
    pub party: PartyId,
    /// Programme.
    pub programme: ProgrammeId,
}

impl AccountId {
    /// The key of the snapshot.
    pub fn key(&self) -> Key {
        Key {
            pk: party::partition(&self.tenant, &self.party),
            sk: sort_key(&self.programme),
        }
    }

    /// The key of the entry with this natural id.
    pub fn entry_key(&self, natural_id: &str) -> Key {
        Key {
            pk: party::partition(&self.tenant, &self.party),
            sk: format!("LEDGER#{}#{natural_id}", self.programme),
        }
    }

    fn lot_key(&self, lot: LotKey) -> Key {
        Key {
            pk: party::partition(&self.tenant, &self.party),
            sk: format!("LOT#{}#{}", self.programme, lot.activated()),
        }
    }
}

/// The sort key of accounts in a programme.
pub(crate) fn sort_key(programme: &ProgrammeId) -> String {
    format!("{PREFIX}{programme}")
}

/// The account's snapshot; `None` before its first entry.
///
/// # Errors
/// [`StoreError`].
pub async fn read(db: &Db, site: Site, id: &AccountId, read: Read) -> Result<Option<Record<Account>>, StoreError> {
    db.get(site, &id.key(), read).await
}

/// The entry that posts `receipt`, if it stands.
///
/// # Errors
/// [`StoreError`].
pub async fn receipt_entry(
    db: &Db,
    site: Site,
    id: &AccountId,
    receipt: &ReceiptKey,
) -> Result<Option<Record<Entry>>, StoreError> {
    db.get(site, &id.entry_key(&receipt_entry_id(receipt)), Read::Strong)
        .await
}

/// Entries by natural id, those that stand.
///
/// # Errors
/// [`StoreError`].
pub async fn entries(
    db: &Db,
    site: Site,
    id: &AccountId,
    natural_ids: &[String],
) -> Result<Vec<Record<Entry>>, StoreError> {
    let keys: Vec<_> = natural_ids.iter().map(|natural| id.entry_key(natural)).collect();
    let mut found = Vec::new();
    for chunk in keys.chunks(BATCH_GET_MAX) {
        found.extend(db.batch_get(site, chunk, Read::Strong).await?);
    }
    Ok(found)
}

/// A receipt of a business day, as the cap of that day sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptOfDay {
    /// The entry that posted it.
    pub sale: Entry,
    /// Points that it earned, as counted last. A return frees nothing.
    pub points: i64,
}

/// The receipts of a business day in the order of their posting, without those that were voided: they never were.
///
/// # Errors
/// [`StoreError`].
pub async fn receipts_of_day(
    db: &Db,
    site: Site,
    id: &AccountId,
    day: NaiveDate,
) -> Result<Vec<ReceiptOfDay>, StoreError> {
    let prefix = format!("{}{day}#", id.entry_key("").sk);
    let mut range = Range::prefix(party::partition(&id.tenant, &id.party), &prefix, DAY_PAGE);
    // From recounts (Q) over receipts (R) to voidings (W).
    range.from = format!("{prefix}Q#");
    range.to = format!("{prefix}W#\u{7f}");
    let mut entries = Vec::new();
    loop {
        let (page, next) = db.query::<Entry>(site, &range, Read::Strong).await?;
        entries.extend(page.into_iter().map(|record| record.d));
        range.after = next;
        if range.after.is_none() {
            return Ok(of_day(entries));
        }
    }
}

fn of_day(entries: Vec<Entry>) -> Vec<ReceiptOfDay> {
    let (mut changes, mut voided, mut sales) = (BTreeMap::<ReceiptKey, i64>::new(), BTreeSet::new(), Vec::new());
    for entry in entries {
        match &entry.cause {
            Cause::Receipt { .. } => sales.push(entry),
            Cause::Recalculation {
                receipt,
                points_before,
                points_after,
                ..
            } => {
                let change = points_after.saturating_sub(*points_before);
                let sum = changes.entry(receipt.clone()).or_default();
                *sum = sum.saturating_add(change);
            }
            Cause::Return {
                receipt, void: true, ..
            } => drop(voided.insert(receipt.clone())),
            _ => {}
        }
    }
    sales.sort_by_key(|sale| sale.version);
    let of_day = sales.into_iter().filter_map(|sale| {
        let Cause::Receipt { receipt, .. } = &sale.cause else {
            return None;
        };
        let change = changes.get(receipt).copied().unwrap_or_default();
        let points = sale.points.saturating_add(change).max(0);
        (!voided.contains(receipt)).then_some(ReceiptOfDay { sale, points })
    });
    of_day.collect()
}

/// Points that the receipts of a business day have earned.
///
/// # Errors
/// [`StoreError`].
pub async fn points_of_day(db: &Db, site: Site, id: &AccountId, day: NaiveDate) -> Result<i64, StoreError> {
    let receipts = receipts_of_day(db, site, id, day).await?;
    Ok(receipts
        .iter()
        .fold(0, |sum, receipt| sum.saturating_add(receipt.points)))
}

/// A page of the ledger, newest business date first.
///
/// # Errors
/// [`StoreError`].
pub async fn ledger(
    db: &Db,
    site: Site,
    id: &AccountId,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Entry>>, Option<String>), StoreError> {
    let prefix = format!("LEDGER#{}#", id.programme);
    let mut range = Range::prefix(party::partition(&id.tenant, &id.party), &prefix, limit);
    range.after = after;
    range.descending = true;
    db.query(site, &range, Read::Eventual).await
}

/// Entries that [`ledger_up_to`] reads of one account: some 10 MB, a second or two.
pub const LEDGER_MAX: usize = 20_000;
/// Entries of one of its pages; one MB ends a page before that.
const LEDGER_PAGE: i32 = 1_000;

/// The entries of an account up to a version, in no order; `None` when there are more than [`LEDGER_MAX`].
///
/// # Errors
/// [`StoreError`].
pub async fn ledger_up_to(
    db: &Db,
    site: Site,
    id: &AccountId,
    version: u64,
) -> Result<Option<Vec<Posted>>, StoreError> {
    let prefix = format!("LEDGER#{}#", id.programme);
    let mut range = Range::prefix(party::partition(&id.tenant, &id.party), &prefix, LEDGER_PAGE);
    let mut posted = Vec::new();
    loop {
        let (records, next): (Vec<Record<Entry>>, _) = db.query(site, &range, Read::Strong).await?;
        let entries = records.into_iter().filter(|record| record.d.version <= version);
        posted.extend(entries.map(|record| Posted {
            at: record.created_at,
            entry: record.d,
        }));
        if posted.len() > LEDGER_MAX {
            return Ok(None);
        }
        range.after = next;
        if range.after.is_none() {
            return Ok(Some(posted));
        }
    }
}

/// The entry of the issue that the voucher with this sequence number came from, on the business day `issued_on`; `None`
/// when there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn issue_entry(
    db: &Db,
    site: Site,
    id: &AccountId,
    issued_on: NaiveDate,
    sequence: u64,
) -> Result<Option<Record<Entry>>, StoreError> {
    // An entry is named after the first voucher of its step.
    let first = sequence.saturating_sub(ISSUE_STEP_MAX).saturating_add(1);
    let name = |first: u64| id.entry_key(&issue_entry_id(issued_on, first)).sk;
    let range = Range {
        pk: party::partition(&id.tenant, &id.party),
        from: name(first),
        to: name(sequence),
        after: None,
        descending: true,
        limit: 1,
        index: None,
    };
    let (found, _) = db.query(site, &range, Read::Strong).await?;
    Ok(found.into_iter().next())
}

/// The entry that pays for what a run of this business day gave; `None` when it has paid for nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn run_entry(
    db: &Db,
    site: Site,
    id: &AccountId,
    day: NaiveDate,
    run: &RunName,
) -> Result<Option<Record<Entry>>, StoreError> {
    db.get(site, &id.entry_key(&run_entry_id(day, run)), Read::Strong).await
}

/// Commits the payment for what a run gives, with the snapshot. `false` when the account has moved on, or the run has been paid
/// already.
///
/// # Errors
/// [`StoreError`].
pub async fn pay_for_run(
    db: &Db,
    site: Site,
    id: &AccountId,
    before: &Record<Account>,
    (entry, after): (&Entry, &Account),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let legs = vec![
        entry_leg(site, id, entry, now)?,
        // A payment makes nothing due that was not.
        snapshot_leg(site, id, Some(before), after, false, now)?,
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// One receipt of a posting.
#[derive(Debug, Clone, Copy)]
pub struct Posting<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its receipt, for the activity of the month.
    pub receipt: &'a Receipt,
    /// Product groups that its version of the programme tracks.
    pub tracked: &'a [String],
}

/// What a return, or the voiding of a receipt, takes.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// The entry, of cause [`Cause::Return`].
    pub entry: &'a Entry,
    /// The account after it.
    pub after: &'a Account,
    /// The lot of the receipt.
    pub lot: Option<LotKey>,
    /// Revenue of the tracked product groups that goes back, in minor units.
    pub groups: &'a BTreeMap<String, i64>,
}

/// The record of an account, found by the day on which something of it becomes due.
pub fn snapshot(id: &AccountId, account: &Account, now: DateTime<Utc>) -> Record<Account> {
    let mut record = Record::new(id.key(), ACCOUNT, now, account.clone());
    if let Some(due) = account.next_due() {
        record.due_pk = Some(due_partition(&id.tenant, &id.programme, due_shard(&id.party)));
        record.due_sk = Some(format!("{due}#{}", id.party));
    }
    record
}

/// The legs that put the snapshot after a change, under the condition that nobody changed it meanwhile.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn snapshot_leg(
    site: Site,
    id: &AccountId,
    before: Option<&Record<Account>>,
    after: &Account,
    vouchers_due: bool,
    now: DateTime<Utc>,
) -> Result<Leg, StoreError> {
    let mut record = snapshot(id, after, now);
    record.topics = vouchers_due.then(|| THRESHOLD.to_owned());
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(before.d.version)
        }
    };
    Leg::put(site, &record, Some(condition))
}

/// The leg that puts an entry, which can stand only once.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn entry_leg(site: Site, id: &AccountId, entry: &Entry, made: impl Into<Made>) -> Result<Leg, StoreError> {
    let record = Record::new(id.entry_key(&entry.natural_id()), "ledger_entry", made, entry.clone());
    Leg::put(site, &record, Some(Condition::absent()))
}

fn due_partition(tenant: &Tenant, programme: &ProgrammeId, shard: u8) -> String {
    format!("DUE#{tenant}#{programme}#{shard:02}")
}

/// The shard of a party's accounts: its id's bytes added up, which spreads ids that differ in a digit.
fn due_shard(party: &PartyId) -> u8 {
    party
        .to_string()
        .bytes()
        .fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte))
        % DUE_SHARDS
}

/// Accounts that the close of a day has work on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// Positions in the index and holders, the longest due first.
    pub accounts: Vec<(String, PartyId)>,
    /// The position to continue after, when there are more.
    pub next: Option<String>,
}

/// A page of the accounts of one shard that the close of `day` has work on. The index may be a moment old: an account may be named that has nothing due any more.
///
/// # Errors
/// [`StoreError`].
pub async fn due(
    db: &Db,
    tenant: &Tenant,
    programme: &ProgrammeId,
    shard: u8,
    day: NaiveDate,
    after: Option<String>,
) -> Result<Due, StoreError> {
    let site = Site::CloseDue;
    let range = Range {
        pk: due_partition(tenant, programme, shard),
        from: " ".to_owned(),
        to: format!("{day}#\u{7f}"),
        after,
        descending: false,
        limit: DUE_PAGE,
        index: Some(Index::Due),
    };
    let (items, next) = db.query_items(site, &range, Read::Eventual).await?;
    let holder = |item: &crate::record::Item| {
        let position = item.get("due_sk")?.as_s().ok()?;
        let party = position.split_once('#')?.1.parse().ok()?;
        Some((position.clone(), party))
    };
    let accounts = items
        .iter()
        .map(|item| {
            holder(item).ok_or_else(|| StoreError::Unreadable {
                site,
                reason: "its key in the index `due` names no party".to_owned(),
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Due { accounts, next })
}

/// Commits an activation or an expiry; what expires is noted on its lot for returns that come later.
///
/// # Errors
/// [`StoreError`].
pub async fn commit_close(
    db: &Db,
    id: &AccountId,
    before: &Record<Account>,
    (entry, after): (&Entry, &Account),
    vouchers_due: bool,
    now: DateTime<Utc>,
) -> Result<Committed, StoreError> {
    let site = Site::CloseCommit;
    let mut legs = vec![
        entry_leg(site, id, entry, now)?,
        snapshot_leg(site, id, Some(before), after, vouchers_due, now)?,
    ];
    if let Cause::Expiry { lot } = entry.cause {
        legs.push(closed_lot_leg(id, lot, "expired", entry.points.saturating_neg(), now));
    }
    settled(db.transact(site, legs).await)
}

/// What became of a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Entries and snapshot are stored.
    Done,
    /// An entry stands already, or the account has moved on: read both again.
    Stale,
}

/// Commits postings of one account: the entries, which are their own idempotency records, the snapshot and the activity,
/// all or nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn commit(
    db: &Db,
    id: &AccountId,
    before: Option<&Record<Account>>,
    postings: &[Posting<'_>],
    after: &Account,
    vouchers_due: bool,
    now: DateTime<Utc>,
) -> Result<Committed, StoreError> {
    let site = Site::PostCommit;
    let mut legs = Vec::with_capacity(postings.len() + 2);
    for posting in postings {
        legs.push(entry_leg(site, id, posting.entry, now)?);
    }
    legs.push(snapshot_leg(site, id, before, after, vouchers_due, now)?);
    legs.extend(activity::sold(id, postings, now));
    settled(db.transact(site, legs).await)
}

/// What of a lot has expired, and what of that was forgiven to returns: cold, read when goods of an expired lot come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClosedLot {
    /// Points that expired.
    pub expired: i64,
    /// Of those, points that returns would have taken and did not.
    pub forgiven: i64,
}

impl ClosedLot {
    /// Points that a return may still be forgiven.
    pub fn left(self) -> i64 {
        self.expired.saturating_sub(self.forgiven).max(0)
    }
}

/// What of a lot has expired; nothing for a lot that was never closed.
///
/// # Errors
/// [`StoreError`].
pub async fn closed_lot(db: &Db, site: Site, id: &AccountId, lot: LotKey) -> Result<ClosedLot, StoreError> {
    let Some(item) = db.get_item(site, &id.lot_key(lot), Read::Strong).await? else {
        return Ok(ClosedLot::default());
    };
    let points = |name: &str| match item.get(name) {
        None => Ok(0),
        Some(value) => value
            .as_n()
            .ok()
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| StoreError::Unreadable {
                site,
                reason: format!("`{name}` of a closed lot is no integer"),
            }),
    };
    Ok(ClosedLot {
        expired: points("expired")?,
        forgiven: points("forgiven")?,
    })
}

/// The leg that adds to one of the two sums of a closed lot. The version of the account, in the same transaction, keeps two
/// writers apart.
pub(crate) fn closed_lot_leg(id: &AccountId, lot: LotKey, sum: &str, points: i64, now: DateTime<Utc>) -> Leg {
    let update = Condition::new(
        "SET #et = :et, #v = :v, #updated = :now, #created = if_not_exists(#created, :now) ADD #sum :points",
    )
    .name("#et", "et")
    .name("#v", "v")
    .name("#updated", "updated_at")
    .name("#created", "created_at")
    .name("#sum", sum)
    .value(":et", Value::Text("closed_lot".to_owned()))
    .value(":v", Value::Integer(1))
    .value(":now", Value::Text(instant_key(now)))
    .value(":points", Value::Integer(points));
    Leg::Update(id.lot_key(lot), update, None)
}

/// Commits what a return, or the voiding of a receipt, takes from an account: the entry, which is its own idempotency record,
/// the snapshot, the activity of the month, and what was forgiven of an expired lot.
///
/// # Errors
/// [`StoreError`].
pub async fn commit_return(
    db: &Db,
    id: &AccountId,
    before: Option<&Record<Account>>,
    taking: Taking<'_>,
    vouchers_due: bool,
    now: DateTime<Utc>,
) -> Result<Committed, StoreError> {
    let site = Site::PostReturn;
    let Taking {
        entry,
        after,
        lot,
        groups,
        ..
    } = taking;
    let month = activity::came_back(id, (&entry.cause, entry.business_date), groups, now);
    let (Cause::Return { forgiven, .. }, Some(month)) = (&entry.cause, month) else {
        return Err(StoreError::Refused {
            site,
            code: "NotAReturn".to_owned(),
        });
    };
    let mut legs = vec![
        entry_leg(site, id, entry, now)?,
        snapshot_leg(site, id, before, after, vouchers_due, now)?,
        month,
    ];
    if let Some(lot) = lot.filter(|_| *forgiven > 0) {
        legs.push(closed_lot_leg(id, lot, "forgiven", *forgiven, now));
    }
    settled(db.transact(site, legs).await)
}

pub(crate) fn settled(outcome: Result<(), TransactError>) -> Result<Committed, StoreError> {
    match outcome {
        Ok(()) => Ok(Committed::Done),
        // Busy is not applied: most often another writer of this account, so the next round reads what it left.
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(Committed::Stale),
        Err(TransactError::Store(error)) => Err(error),
    }
}
