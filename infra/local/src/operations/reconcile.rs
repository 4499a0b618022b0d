//! Bringing in accepted facts whose effect is missing.
//!
//! The table's stream carries a fact to its effect within seconds, but keeps it for 24 hours only: a relay that stood still
//! for longer, or a dead-letter queue that was purged, leaves receipts without points and vouchers without news. Everything
//! is found from the facts themselves and sent on the way it would have gone:
//!
//! | missing | found by | sent |
//! |---|---|---|
//! | a receipt's ledger entry, or the note on a voucher it names | reading entry, voucher and exception of each receipt | to the posting queue |
//! | a receipt's account, though its card leads to a party | the receipts that wait for a card | to the posting queue, as the card |
//! | vouchers that an account is worth | balance and threshold of each account | to the issuance queue |
//! | a voucher's change in the feed and on the middleware's queue | comparing the voucher with what the feed has published | onto the stream: the voucher is stored again unchanged, with its topic |
//!
//! Vouchers take the stream again because only the relay may number the feed. Every receiver bears a message that it did not
//! need, so running this twice, or beside a relay that works, changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::account::Account;
use domain::id::LookupKey;
use domain::programme::Programme;
use domain::voucher::Voucher;
use messages::{IssuanceMessage, PostingMessage};
use serde::de::{DeserializeOwned, IgnoredAny};
use store::account::{self, AccountId};
use store::card;
use store::db::{BATCH_GET_MAX, Read};
use store::exception::{self, ExceptionKind};
use store::receipt::{self, StoredReceipt};
use store::record::Item;
use store::returned::{self, StoredReturn};
use store::voucher::{self, Published};
use store::{Db, Key, Record, Site, StoreError, programme};

use super::walk::{behind, by_type, own, walk};
use super::{OperationError, Seen, System, verify};

/// Entity type of receipts that wait for a card.
const PARKED: &str = "parked";
/// Messages sent at once while the table is being walked through.
const SEND_MAX: usize = 100;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Look only at receipts and vouchers stored or changed since then; `None` looks at all.
    pub since: Option<DateTime<Utc>>,
    /// Leave alone what was stored or changed after this: the relay may be about to carry it.
    pub settled_before: DateTime<Utc>,
    /// Only count.
    pub dry_run: bool,
    /// Now, for the images that are stored again.
    pub now: DateTime<Utc>,
}

impl Options {
    /// Looks at everything that is older than `grace`.
    pub fn everything(now: DateTime<Utc>, grace: Duration) -> Self {
        let grace = chrono::Duration::from_std(grace).unwrap_or(chrono::Duration::MAX);
        let settled_before = now.checked_sub_signed(grace).unwrap_or(now);
        Self {
            since: None,
            settled_before,
            dry_run: false,
            now,
        }
    }

    fn concerns(&self, changed: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| changed >= since) && changed <= self.settled_before
    }
}

/// What was found to be missing, and sent on its way unless this was a dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Receipts looked at.
    pub receipts_seen: u64,
    /// Receipts and returns without their entry, and receipts without the note on a voucher they name.
    pub receipts: u64,
    /// Cards that lead to a party while receipts wait for them.
    pub cards: u64,
    /// Accounts looked at.
    pub accounts_seen: u64,
    /// Accounts worth vouchers that were not issued.
    pub accounts: u64,
    /// Vouchers looked at.
    pub vouchers_seen: u64,
    /// Vouchers whose last change is not in the feed.
    pub vouchers: u64,
    /// Vouchers that somebody changed while they were looked at: their change makes its own event.
    pub vouchers_moved: u64,
    /// Items that cannot be read, so that nothing can be said about them; `verify` names them.
    pub unreadable: u64,
}

impl Report {
    /// Whether nothing was missing.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.receipts == 0 && self.cards == 0 && self.accounts == 0 && self.vouchers == 0
    }
}

/// Finds what is missing and sends it on its way.
///
/// # Errors
/// [`OperationError`]; what was sent until then is sent, and another run finds the rest.
pub async fn run(system: &System, options: &Options, seen: Seen<'_>) -> Result<Report, OperationError> {
    let report = Mutex::new(Report::default());
    let run = Run {
        system,
        options,
        report: &report,
    };
    let (run, programmes) = (&run, &programme::Cache::default());
    let types = [
        receipt::RECEIPT,
        returned::RETURN,
        PARKED,
        account::ACCOUNT,
        voucher::VOUCHER,
    ];
    walk(system, &types, seen, |items| async move {
        for (kind, items) in by_type(items) {
            match kind.as_str() {
                receipt::RECEIPT => run.receipts(items).await?,
                returned::RETURN => run.returns(items).await?,
                PARKED => run.parked(items).await?,
                account::ACCOUNT => run.accounts(programmes, items).await?,
                _ => run.vouchers(items).await?,
            }
        }
        Ok(())
    })
    .await?;
    Ok(report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

struct Run<'a> {
    system: &'a System,
    options: &'a Options,
    report: &'a Mutex<Report>,
}

impl Run<'_> {
    fn note(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.report.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// The tenant's records; those that cannot be read are counted and left out.
    fn own<T: DeserializeOwned>(&self, kind: &str, items: Vec<Item>) -> Vec<Record<T>> {
        let (records, unreadable) = own(self.system, kind, items);
        self.note(|report| report.unreadable = report.unreadable.saturating_add(count(unreadable.len())));
        records
    }

    /// What was read, or `None` when an item was in the way that cannot be.
    fn readable<T>(&self, outcome: Result<T, OperationError>) -> Result<Option<T>, OperationError> {
        match outcome {
            Err(OperationError::Store(StoreError::Unreadable { .. })) => {
                self.note(|report| report.unreadable = report.unreadable.saturating_add(1));
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    async fn post(&self, messages: &[PostingMessage]) -> Result<(), OperationError> {
        if !self.options.dry_run {
            for chunk in messages.chunks(SEND_MAX) {
                self.system
                    .sender
                    .send(Site::ToolWrite, &self.system.queues.posting, chunk)
                    .await?;
            }
        }
        Ok(())
    }

    async fn receipts(&self, items: Vec<Item>) -> Result<(), OperationError> {
        let page = self.own::<StoredReceipt>("RECEIPT", items);
        let page: Vec<_> = page
            .into_iter()
            .filter(|record| self.options.concerns(record.updated_at))
            .collect();
        self.note(|report| report.receipts_seen = report.receipts_seen.saturating_add(count(page.len())));
        let paying: Vec<_> = page
            .iter()
            .filter(|record| record.d.receipt.vouchers().next().is_some())
            .cloned()
            .collect();
        let mut missing = BTreeMap::new();
        for record in without_entry(self.system, page, &mut 0).await? {
            missing.insert(record.d.receipt.key.clone(), record.d);
        }
        for record in paying {
            if missing.contains_key(&record.d.receipt.key) {
                continue;
            }
            if self.readable(payments_noted(self.system, &record.d).await)? == Some(false) {
                missing.insert(record.d.receipt.key.clone(), record.d);
            }
        }
        self.note(|report| report.receipts = report.receipts.saturating_add(count(missing.len())));
        let messages: Vec<_> = missing
            .into_iter()
            .map(|(key, stored)| PostingMessage::PostReceipt {
                tenant: self.system.tenant.clone(),
                receipt: key,
                taken_back: stored.taken_back(),
                party: stored.account,
                programme: stored.programme,
            })
            .collect();
        self.post(&messages).await
    }

    /// Returns that name no receipt; the others are found with theirs.
    async fn returns(&self, items: Vec<Item>) -> Result<(), OperationError> {
        let page = self.own::<StoredReturn>("RECEIPT", items);
        let page: Vec<_> = page
            .into_iter()
            .filter(|record| self.options.concerns(record.updated_at))
            .collect();
        let missing = returns_without_entry(self.system, page).await?;
        self.note(|report| report.receipts = report.receipts.saturating_add(count(missing.len())));
        let message = |record: Record<StoredReturn>| {
            Some(PostingMessage::PostReturn {
                tenant: self.system.tenant.clone(),
                back: record.d.back.key,
                party: record.d.account?,
                programme: record.d.programme,
            })
        };
        let messages: Vec<_> = missing.into_iter().filter_map(message).collect();
        self.post(&messages).await
    }

    async fn parked(&self, items: Vec<Item>) -> Result<(), OperationError> {
        let mut cards: BTreeSet<LookupKey> = BTreeSet::new();
        for record in self.own::<IgnoredAny>("CARD", items) {
            let lookup = behind(&record.pk, "CARD", &self.system.tenant);
            cards.extend(lookup.and_then(|lookup| lookup.parse().ok()));
        }
        let mut messages = Vec::new();
        for lookup in cards {
            let (db, tenant) = (&self.system.db, &self.system.tenant);
            let found = card::read(db, Site::ToolRead, tenant, &lookup, Read::Strong).await;
            let found = self.readable(found.map_err(OperationError::from))?.flatten();
            let leads = found.filter(|found| found.d.leads_to().is_some());
            if leads.is_some_and(|found| found.updated_at <= self.options.settled_before) {
                messages.push(PostingMessage::SettleCard {
                    tenant: self.system.tenant.clone(),
                    card: lookup,
                });
            }
        }
        self.note(|report| report.cards = report.cards.saturating_add(count(messages.len())));
        self.post(&messages).await
    }

    async fn accounts(&self, programmes: &programme::Cache, items: Vec<Item>) -> Result<(), OperationError> {
        let mut messages = Vec::new();
        for record in self.own::<Account>("PARTY", items) {
            self.note(|report| report.accounts_seen = report.accounts_seen.saturating_add(1));
            let Some(id) = account_of(self.system, &record.key()) else {
                continue;
            };
            let settled = record.updated_at <= self.options.settled_before;
            if settled && is_due(&self.system.db, programmes, &id, &record.d).await? {
                messages.push(IssuanceMessage::Threshold {
                    tenant: id.tenant,
                    party: id.party,
                    programme: id.programme,
                });
            }
        }
        self.note(|report| report.accounts = report.accounts.saturating_add(count(messages.len())));
        if !self.options.dry_run {
            for chunk in messages.chunks(SEND_MAX) {
                self.system
                    .sender
                    .send(Site::ToolWrite, &self.system.queues.issuance, chunk)
                    .await?;
            }
        }
        Ok(())
    }

    async fn vouchers(&self, items: Vec<Item>) -> Result<(), OperationError> {
        let page = self.own::<Voucher>("VOUCHER", items);
        let page: Vec<_> = page
            .into_iter()
            .filter(|record| self.options.concerns(record.updated_at))
            .collect();
        self.note(|report| report.vouchers_seen = report.vouchers_seen.saturating_add(count(page.len())));
        for chunk in page.chunks(BATCH_GET_MAX) {
            for record in unpublished(self.system, chunk).await? {
                let announced = self.options.dry_run
                    || voucher::announce(&self.system.db, Site::ToolWrite, record, self.options.now).await?;
                self.note(|report| {
                    let counter = if announced {
                        &mut report.vouchers
                    } else {
                        &mut report.vouchers_moved
                    };
                    *counter = counter.saturating_add(1);
                });
            }
        }
        Ok(())
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn account_of(system: &System, key: &Key) -> Option<AccountId> {
    Some(AccountId {
        tenant: system.tenant.clone(),
        party: behind(&key.pk, "PARTY", &system.tenant)?.parse().ok()?,
        programme: key.sk.strip_prefix(account::PREFIX)?.parse().ok()?,
    })
}

async fn is_due(
    db: &Db,
    programmes: &programme::Cache,
    id: &AccountId,
    account: &Account,
) -> Result<bool, OperationError> {
    let programme = programmes
        .current(db, Site::ToolRead, &id.tenant, &id.programme)
        .await?;
    Ok(programme.is_some_and(|programme: std::sync::Arc<Programme>| account.vouchers_due(&programme) > 0))
}

/// The stamped receipts among `page` whose ledger entry is missing; adds the number of stamped ones to `stamped`.
pub(super) async fn without_entry(
    system: &System,
    page: Vec<Record<StoredReceipt>>,
    stamped: &mut u64,
) -> Result<Vec<Record<StoredReceipt>>, OperationError> {
    let page: Vec<_> = page
        .into_iter()
        .filter(|record| behind(&record.pk, "RECEIPT", &system.tenant).is_some())
        .filter(|record| record.d.account.is_some())
        .collect();
    *stamped = stamped.saturating_add(count(page.len()));
    lacking(system, page, |stored| verify::expected_entries(system, stored)).await
}

/// Returns that name no receipt and have no entry in their account.
pub(super) async fn returns_without_entry(
    system: &System,
    page: Vec<Record<StoredReturn>>,
) -> Result<Vec<Record<StoredReturn>>, OperationError> {
    lacking(system, page, |stored| {
        verify::expected_of_return(system, stored).into_iter().collect()
    })
    .await
}

/// The records of which an expected item is missing.
async fn lacking<T: Clone>(
    system: &System,
    page: Vec<Record<T>>,
    expected: impl Fn(&T) -> Vec<Key>,
) -> Result<Vec<Record<T>>, OperationError> {
    let wanted: Vec<(Key, usize)> = page
        .iter()
        .enumerate()
        .flat_map(|(index, record)| expected(&record.d).into_iter().map(move |key| (key, index)))
        .collect();
    let mut missing = BTreeSet::new();
    for chunk in wanted.chunks(BATCH_GET_MAX) {
        let keys: Vec<_> = chunk.iter().map(|(key, _)| key.clone()).collect();
        let standing = system
            .db
            .batch_get::<IgnoredAny>(Site::ToolRead, &keys, Read::Strong)
            .await?;
        let standing: BTreeSet<_> = standing.iter().map(Record::key).collect();
        let absent = chunk.iter().filter(|(key, _)| !standing.contains(key));
        missing.extend(absent.map(|(_, index)| *index));
    }
    let is_missing = |(index, record)| missing.contains(&index).then_some(record);
    Ok(page.into_iter().enumerate().filter_map(is_missing).collect())
}

/// Whether each voucher that the receipt names knows of it, or an exception says that it does not fit.
async fn payments_noted(system: &System, stored: &StoredReceipt) -> Result<bool, OperationError> {
    let (db, tenant) = (&system.db, &system.tenant);
    let key = &stored.receipt.key;
    for lookup in stored.receipt.vouchers() {
        let found = voucher::read(db, Site::ToolRead, tenant, lookup, Read::Strong).await?;
        if found.as_ref().is_some_and(|record| record.d.knows_payment(key)) {
            continue;
        }
        // Listed when another receipt had the voucher; since then this one has taken it.
        if found.is_some_and(|record| record.d.is_redeemed_on(key)) {
            return Ok(false);
        }
        let mut listed = false;
        for kind in [
            ExceptionKind::PaymentUnknownVoucher,
            ExceptionKind::PaymentOnSecondReceipt,
        ] {
            listed = listed || exception::is_kept(db, Site::ToolRead, tenant, kind, key, lookup.as_str()).await?;
        }
        if !listed {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Those of the vouchers whose last change the feed has not published.
async fn unpublished<'a>(
    system: &System,
    vouchers: &'a [Record<Voucher>],
) -> Result<Vec<&'a Record<Voucher>>, OperationError> {
    let key =
        |voucher: &Voucher| voucher::published_key(&system.tenant, &voucher.party, &voucher.programme, &voucher.number);
    let keys: BTreeSet<_> = vouchers.iter().map(|record| key(&record.d)).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let published = system
        .db
        .batch_get::<Published>(Site::ToolRead, &keys, Read::Strong)
        .await?;
    let versions: BTreeMap<_, _> = published
        .into_iter()
        .map(|record| (record.key(), record.d.version))
        .collect();
    let stale = |record: &&Record<Voucher>| {
        versions
            .get(&key(&record.d))
            .is_none_or(|version| *version < record.d.state_version)
    };
    Ok(vouchers.iter().filter(stale).collect())
}
