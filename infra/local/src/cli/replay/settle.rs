//! The books after a journal: waiting until nothing is pending, then comparing receipt by receipt and account by account.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::account::{Account, Entry, receipt_entry_id};
use domain::id::PartyId;
use domain::receipt::ReceiptKey;
use futures::stream::{self, StreamExt, TryStreamExt};
use store::account::AccountId;
use store::db::{BATCH_GET_MAX, Read};
use store::receipt::{self, StoredReceipt};
use store::{Key, Record, Site};

use super::super::progress::Bar;
use super::super::target::{Depth, Target};
use super::report::Differences;
use super::send::{Rates, Taken};
use crate::operations::System;

/// Batches read at the same time.
const PARALLEL: usize = 8;
/// Pause between two looks at what is pending.
const PAUSE: Duration = Duration::from_millis(500);

/// A taken receipt in the books.
#[derive(Debug, Clone)]
struct Booked<'a> {
    taken: &'a Taken,
    account: Option<AccountId>,
    posted: Option<Posted>,
}

#[derive(Debug, Clone, Copy)]
struct Posted {
    points: i64,
    version: u32,
}

/// What the books say about the receipts of a journal.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Receipts that are stored and belong to an account.
    pub(super) matched: u64,
    /// Receipts with a card that leads to nobody yet.
    pub(super) waiting: u64,
    /// Receipts without a card.
    pub(super) without_card: u64,
    /// Points of the ledger entries of these receipts.
    pub(super) posted: i128,
    /// Points recomputed from the file for the receipts that belong to an account.
    pub(super) recomputed: i128,
    /// Accounts that the receipts belong to.
    pub(super) accounts: u64,
    /// Those of them that hold other entries, or ones of several versions of the programme: their vouchers are not compared.
    pub(super) accounts_not_compared: u64,
    /// Vouchers issued on the compared accounts.
    pub(super) vouchers: u64,
    /// Vouchers that the compared accounts must have, recomputed from the file.
    pub(super) vouchers_recomputed: u64,
    /// Ledger entries, vouchers due and messages that were still missing when the wait was given up.
    pub(super) pending: u64,
    pub(super) depths: Vec<Depth>,
    pub(super) differences: Differences,
}

/// Waits until the receipts are posted, the vouchers issued and the queues empty, or nothing has moved for `patience`; then
/// compares.
pub(super) async fn settle(
    target: &Target,
    rates: &Rates<'_>,
    taken: &HashMap<String, Taken>,
    patience: Duration,
    bar: &Bar,
) -> anyhow::Result<Books> {
    let mut last_pending = u64::MAX;
    let mut moved = Instant::now();
    let mut booked: Vec<Booked<'_>> = taken
        .values()
        .map(|taken| Booked {
            taken,
            account: None,
            posted: None,
        })
        .collect();
    booked.sort_by(|a, b| a.taken.key.cmp(&b.taken.key));
    loop {
        booked = look(&target.system, booked).await?;
        let unposted = booked
            .iter()
            .filter(|receipt| receipt.account.is_some() && receipt.posted.is_none())
            .count();
        let mut pending = u64::try_from(unposted).unwrap_or(u64::MAX);
        let mut accounts = BTreeMap::new();
        if pending == 0 {
            accounts = read_accounts(&target.system, &booked).await?;
            pending = due(rates, &accounts).await?;
        }
        let work = target.work().await?;
        pending = work
            .iter()
            .fold(pending, |sum, depth| sum.saturating_add(depth.messages));
        bar.message(&format!("{pending} pending"));
        if pending != last_pending {
            last_pending = pending;
            moved = Instant::now();
        }
        if pending == 0 || moved.elapsed() > patience {
            if accounts.is_empty() {
                accounts = read_accounts(&target.system, &booked).await?;
            }
            let mut books = compare(rates, &booked, &accounts).await?;
            books.pending = pending;
            books.depths = target.dead_letters().await?;
            return Ok(books);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks up the account and the entry of each receipt that has none yet.
async fn look<'a>(system: &System, booked: Vec<Booked<'a>>) -> anyhow::Result<Vec<Booked<'a>>> {
    let (done, open): (Vec<_>, Vec<_>) = booked.into_iter().partition(|receipt| receipt.posted.is_some());
    let chunks: Vec<Vec<Booked<'a>>> = open.chunks(BATCH_GET_MAX).map(<[Booked<'_>]>::to_vec).collect();
    let looked: Vec<Vec<Booked<'a>>> = stream::iter(chunks)
        .map(|chunk| look_at(system, chunk))
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    Ok(done.into_iter().chain(looked.into_iter().flatten()).collect())
}

async fn look_at<'a>(system: &System, mut chunk: Vec<Booked<'a>>) -> anyhow::Result<Vec<Booked<'a>>> {
    let mut keys = Vec::with_capacity(chunk.len());
    for receipt in &chunk {
        keys.push(receipt::key(&system.tenant, &natural(&receipt.taken.key)?));
    }
    let stored = system
        .db
        .batch_get::<StoredReceipt>(Site::ToolRead, &keys, Read::Strong)
        .await?;
    let stored: HashMap<Key, Record<StoredReceipt>> = stored.into_iter().map(|record| (record.key(), record)).collect();
    let mut entries = Vec::new();
    for (receipt, key) in chunk.iter_mut().zip(&keys) {
        let record = stored
            .get(key)
            .with_context(|| format!("{} was taken and is not stored", receipt.taken.key))?;
        receipt.account = record
            .d
            .account
            .as_ref()
            .map(|party| account_id(system, party, &record.d));
        entries.extend(entry_key(receipt)?);
    }
    let found = system
        .db
        .batch_get::<Entry>(Site::ToolRead, &entries, Read::Strong)
        .await?;
    let found: HashMap<Key, Entry> = found.into_iter().map(|record| (record.key(), record.d)).collect();
    for receipt in &mut chunk {
        let entry = entry_key(receipt)?.and_then(|key| found.get(&key));
        receipt.posted = entry.map(|entry| Posted {
            points: entry.points,
            version: entry.programme_version,
        });
    }
    Ok(chunk)
}

fn natural(key: &str) -> anyhow::Result<ReceiptKey> {
    key.parse()
        .with_context(|| format!("{key} was taken and is no receipt key"))
}

fn account_id(system: &System, party: &PartyId, stored: &StoredReceipt) -> AccountId {
    AccountId {
        tenant: system.tenant.clone(),
        party: party.clone(),
        programme: stored.programme.clone(),
    }
}

fn entry_key(receipt: &Booked<'_>) -> anyhow::Result<Option<Key>> {
    let Some(account) = &receipt.account else {
        return Ok(None);
    };
    Ok(Some(
        account.entry_key(&receipt_entry_id(&natural(&receipt.taken.key)?)),
    ))
}

/// The snapshots of the accounts that the receipts belong to.
async fn read_accounts(system: &System, booked: &[Booked<'_>]) -> anyhow::Result<BTreeMap<AccountId, Account>> {
    let ids: std::collections::BTreeSet<_> = booked.iter().filter_map(|receipt| receipt.account.clone()).collect();
    let by_key: HashMap<Key, AccountId> = ids.into_iter().map(|id| (id.key(), id)).collect();
    let keys: Vec<_> = by_key.keys().cloned().collect();
    let chunks: Vec<_> = keys.chunks(BATCH_GET_MAX).collect();
    let found: Vec<Vec<Record<Account>>> = stream::iter(chunks)
        .map(|chunk| system.db.batch_get::<Account>(Site::ToolRead, chunk, Read::Strong))
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let of = |record: Record<Account>| by_key.get(&record.key()).map(|id| (id.clone(), record.d));
    Ok(found.into_iter().flatten().filter_map(of).collect())
}

/// Vouchers that the accounts are worth and have not got.
async fn due(rates: &Rates<'_>, accounts: &BTreeMap<AccountId, Account>) -> anyhow::Result<u64> {
    let mut due = 0u64;
    for (id, account) in accounts {
        let version = rates.current(&id.programme).await?;
        due = due.saturating_add(rates.of(&id.programme, version).await?.vouchers(account.balance));
    }
    Ok(due)
}

/// What the file says of one account.
#[derive(Debug, Default)]
struct FromFile {
    receipts: u64,
    points: i64,
    other_versions: bool,
}

async fn compare(
    rates: &Rates<'_>,
    booked: &[Booked<'_>],
    accounts: &BTreeMap<AccountId, Account>,
) -> anyhow::Result<Books> {
    let mut books = Books::default();
    let mut from_file: BTreeMap<&AccountId, FromFile> = BTreeMap::new();
    let mut current = HashMap::new();
    for receipt in booked {
        let taken = receipt.taken;
        let Some(account) = &receipt.account else {
            *(if taken.has_card {
                &mut books.waiting
            } else {
                &mut books.without_card
            }) += 1;
            continue;
        };
        books.matched += 1;
        books.recomputed += i128::from(taken.points);
        books.posted += i128::from(receipt.posted.map_or(0, |posted| posted.points));
        match receipt.posted {
            None => books.differences.add(format!(
                "{}: not posted, the file gives {} points",
                taken.key, taken.points
            )),
            Some(posted) if posted.points != taken.points => books.differences.add(format!(
                "{}: {} points posted, the file gives {}",
                taken.key, posted.points, taken.points
            )),
            Some(_) => {}
        }
        let version = match current.get(&taken.programme) {
            Some(version) => *version,
            None => *current
                .entry(taken.programme.clone())
                .or_insert(rates.current(&taken.programme).await?),
        };
        let sums = from_file.entry(account).or_default();
        sums.receipts += 1;
        sums.points = sums.points.saturating_add(taken.points);
        let same = taken.version == version && receipt.posted.is_none_or(|posted| posted.version == version);
        sums.other_versions |= !same;
    }
    for (id, sums) in from_file {
        books.accounts += 1;
        let account = accounts.get(id).cloned().unwrap_or_default();
        if sums.other_versions || account.receipts != sums.receipts {
            books.accounts_not_compared += 1;
            continue;
        }
        let rate = rates.of(&id.programme, rates.current(&id.programme).await?).await?;
        let vouchers = rate.vouchers(sums.points);
        books.vouchers = books.vouchers.saturating_add(account.vouchers_issued);
        books.vouchers_recomputed = books.vouchers_recomputed.saturating_add(vouchers);
        if (account.vouchers_issued, account.balance) != (vouchers, rate.remainder(sums.points)) {
            books.differences.add(format!(
                "account {}: {} vouchers and {} points left, the file gives {vouchers} and {}",
                id.party,
                account.vouchers_issued,
                account.balance,
                rate.remainder(sums.points)
            ));
        }
    }
    Ok(books)
}
