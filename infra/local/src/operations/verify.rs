//! Proving the books: every account is what its ledger says, every voucher has its debit, every receipt and every adjustment its
//! entry, and the sums of what tills without a line have lost are those of their entries.
//!
//! Works while the system runs. What seems wrong at first is looked at again before it is reported, because a posting may
//! have come in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use domain::account::{Account, Entry, receipt_entry_id, return_entry_id, void_entry_id};
use domain::adjustment::Adjustment;
use domain::id::{LocationId, LookupKey, PartyId, ProgrammeId};
use domain::receipt::ReceiptKey;
use domain::voucher::{State, Voucher, VoucherNumber};
use futures::stream::{self, TryStreamExt};
use serde::de::IgnoredAny;
use store::account::{self, AccountId};
use store::receipt::{self, StoredReceipt};
use store::returned::StoredReturn;
use store::run::{self, Stage};
use store::{Key, Record, Site, StoreError, adjustment, offline, returned, voucher};

use super::by_hand;
use super::evidence::{at_rest, partition, referenced};
use super::losses::Journals;
use super::walk::{Unreadable, behind, by_type, own, walk};
use super::{OperationError, Seen, System};

/// Findings kept for the report; beyond that only their number counts.
pub const FINDINGS_MAX: usize = 200;
/// Accounts proved at the same time.
const PARALLEL: usize = 8;

/// Something in the books is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The ledger contradicts itself, or the snapshot is not what the ledger says.
    Account {
        /// Holder.
        party: PartyId,
        /// Programme.
        programme: ProgrammeId,
        /// What is wrong.
        reason: String,
    },
    /// Vouchers and the debits they were issued with do not agree.
    Vouchers {
        /// Holder.
        party: PartyId,
        /// Programme.
        programme: ProgrammeId,
        /// What is wrong.
        reason: String,
    },
    /// A receipt with an account, or one of its returns, has no entry in its ledger.
    Unposted {
        /// The receipt.
        receipt: ReceiptKey,
        /// When it got its account, or was accepted with it.
        since: DateTime<Utc>,
    },
    /// Points moved by hand, and no entry of the ledger that says the same.
    Adjustment {
        /// The adjustment.
        id: LookupKey,
        /// What is wrong.
        reason: String,
    },
    /// The sums of a branch's losses are not those of the entries of its journals.
    Losses {
        /// The branch.
        location: LocationId,
        /// What differs, by day.
        reason: String,
    },
    /// An item has a shape that nobody understands.
    Unreadable {
        /// Where it stands.
        key: Key,
        /// What is wrong, without its values.
        reason: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account {
                party,
                programme,
                reason,
            } => {
                write!(f, "account {party}/{programme}: {reason}")
            }
            Self::Vouchers {
                party,
                programme,
                reason,
            } => {
                write!(f, "vouchers of {party}/{programme}: {reason}")
            }
            Self::Unposted { receipt, since } => {
                write!(
                    f,
                    "receipt {receipt}: no ledger entry, stamped {}; run reconcile",
                    since.format("%Y-%m-%d %H:%M:%SZ")
                )
            }
            Self::Adjustment { id, reason } => write!(f, "adjustment {id}: {reason}"),
            Self::Losses { location, reason } => write!(f, "losses of {location}: {reason}"),
            Self::Unreadable { key, reason } => write!(f, "item {} / {}: {reason}", key.pk, key.sk),
        }
    }
}

/// What was looked at and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts proved.
    pub accounts: u64,
    /// Ledger entries folded.
    pub entries: u64,
    /// Vouchers compared with their debits.
    pub vouchers: u64,
    /// Receipts with an account whose entry was looked for.
    pub receipts: u64,
    /// Points moved by hand, posted or not, whose entries were looked for.
    pub adjustments: u64,
    /// Entries of journals on which something is lost.
    pub losses: u64,
    /// Stamped too recently to be missed yet.
    pub pending: u64,
    /// At most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// All findings, those beyond the list included.
    pub found: u64,
}

impl Report {
    fn add(&mut self, finding: Finding) {
        self.found = self.found.saturating_add(1);
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    fn add_unreadable(&mut self, items: Vec<Unreadable>) {
        for Unreadable { key, reason } in items {
            self.add(Finding::Unreadable { key, reason });
        }
    }
}

/// Proves everything of the tenant. A receipt is missed in the ledger when it was stamped before `settled_before`.
///
/// # Errors
/// [`OperationError`] when the table cannot be read; findings are no error.
pub async fn all(system: &System, settled_before: DateTime<Utc>, seen: Seen<'_>) -> Result<Report, OperationError> {
    let report = Mutex::new(Report::default());
    let books = Mutex::new(Books::default());
    let journals = Mutex::new(Journals::default());
    let types = [
        receipt::RECEIPT,
        returned::RETURN,
        voucher::VOUCHER,
        account::ACCOUNT,
        adjustment::ADJUSTMENT,
        "ledger_entry",
        offline::ENTRY,
        offline::LOSSES,
    ];
    let (report_of, books_of, journals_of) = (&report, &books, &journals);
    walk(system, &types, seen, |items| async move {
        for (kind, items) in by_type(items) {
            if kind == returned::RETURN {
                let (returns, unreadable) = own::<StoredReturn>(system, "RECEIPT", items);
                let missing = super::reconcile::returns_without_entry(system, returns).await?;
                let mut report = lock(report_of);
                report.add_unreadable(unreadable);
                for record in missing.into_iter().filter(|record| record.updated_at < settled_before) {
                    report.add(Finding::Unposted {
                        receipt: record.d.back.key,
                        since: record.updated_at,
                    });
                }
                continue;
            }
            if kind == adjustment::ADJUSTMENT {
                let (adjustments, unreadable) = own::<Adjustment>(system, "ADJUST", items);
                let looked_at = count(adjustments.len());
                let wrong = by_hand::without_entry(system, adjustments).await?;
                let mut report = lock(report_of);
                report.add_unreadable(unreadable);
                report.adjustments = report.adjustments.saturating_add(looked_at);
                for (id, reason) in wrong {
                    report.add(Finding::Adjustment { id, reason });
                }
                continue;
            }
            if [offline::ENTRY, offline::LOSSES].contains(&kind.as_str()) {
                let unreadable = lock(journals_of).collect(system, &kind, items);
                lock(report_of).add_unreadable(unreadable);
                continue;
            }
            if kind != receipt::RECEIPT {
                let unreadable = lock(books_of).collect(system, &kind, items);
                lock(report_of).add_unreadable(unreadable);
                continue;
            }
            let (receipts, unreadable) = own::<StoredReceipt>(system, "RECEIPT", items);
            let found = unposted(system, receipts, settled_before).await?;
            let mut report = lock(report_of);
            report.add_unreadable(unreadable);
            report.receipts = report.receipts.saturating_add(found.stamped);
            report.pending = report.pending.saturating_add(found.pending);
            found.missing.into_iter().for_each(|finding| report.add(finding));
        }
        Ok(())
    })
    .await?;
    let books = books.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    prove(system, books, Listed::All, &report, seen).await?;
    let journals = journals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    lock(&report).losses = journals.lost;
    for (location, reason) in journals.prove(system).await? {
        lock(&report).add(Finding::Losses { location, reason });
    }
    Ok(report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Proves the accounts of one party.
///
/// # Errors
/// [`OperationError`] when the table cannot be read; findings are no error.
pub async fn party(system: &System, party: &PartyId) -> Result<Report, OperationError> {
    let report = Mutex::new(Report::default());
    let mut books = Books::default();
    for prefix in [account::PREFIX, "LEDGER#"] {
        let items = partition(&system.db, &party_pk(system, party)?, prefix).await?;
        // The kind only tells vouchers, which have partitions of their own, from what stands with the party.
        lock(&report).add_unreadable(books.collect(system, account::ACCOUNT, items));
    }
    let accounts: Vec<_> = books.accounts.keys().cloned().collect();
    for id in accounts {
        let known = referenced(system, &id).await?;
        let known = known.iter().filter_map(Known::of);
        books.accounts.entry(id).or_default().extend(known);
    }
    prove(system, books, Listed::Referenced, &report, &|_| {}).await?;
    Ok(report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Which vouchers of an account were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// Every one in the table.
    All,
    /// Those that something of the party leads to.
    Referenced,
}

/// Every account that something in the table points to, with its vouchers.
#[derive(Debug, Default)]
struct Books {
    accounts: BTreeMap<AccountId, Vec<Known>>,
}

/// What is asked about a voucher that was issued for points.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    /// Its number within the account, or that of the first in whose place it stands.
    number: VoucherNumber,
    /// How often it was reissued until this one.
    reissue: u8,
    /// Whether it is not void: a till takes it, has taken it, or will after support has opened it.
    stands: bool,
    /// Whether its parts come to more than its value.
    overdrawn: bool,
}

impl Known {
    /// `None` for one that cost no points: it has no debit in a ledger.
    fn of(voucher: &Voucher) -> Option<Self> {
        voucher.paid_by()?;
        Some(Self {
            number: voucher.number.first(),
            reissue: voucher.number.reissue(),
            stands: !matches!(voucher.state, State::Voided { .. }),
            overdrawn: voucher.rest_minor().is_some_and(|rest| rest < 0),
        })
    }
}

/// The numbers of the vouchers that stand in no other's place, in order: each has its debit.
fn issued(known: &[Known]) -> Vec<VoucherNumber> {
    let firsts = known.iter().filter(|known| known.reissue == 0);
    let mut numbers: Vec<_> = firsts.map(|known| known.number.clone()).collect();
    numbers.sort_unstable();
    numbers
}

/// The numbers of which several vouchers stand, though one was put in the other's place: the debit is owed twice.
fn twice(known: &[Known]) -> Vec<String> {
    let mut standing: BTreeMap<&VoucherNumber, usize> = BTreeMap::new();
    for known in known.iter().filter(|known| known.stands) {
        *standing.entry(&known.number).or_default() += 1;
    }
    standing
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(number, _)| number.to_string())
        .collect()
}

impl Books {
    /// Notes the accounts that items of one type belong to; returns the items that cannot be read.
    fn collect(&mut self, system: &System, kind: &str, items: Vec<store::record::Item>) -> Vec<Unreadable> {
        if kind == voucher::VOUCHER {
            let (vouchers, unreadable) = own::<Voucher>(system, "VOUCHER", items);
            for voucher in vouchers.into_iter().map(|record| record.d) {
                let Some(known) = Known::of(&voucher) else {
                    continue;
                };
                let id = account_id(system, voucher.party, voucher.programme);
                self.accounts.entry(id).or_default().push(known);
            }
            return unreadable;
        }
        let (heads, unreadable) = own::<IgnoredAny>(system, "PARTY", items);
        for head in heads {
            if let Some(id) = account_of(system, &head.key()) {
                self.accounts.entry(id).or_default();
            }
        }
        unreadable
    }
}

fn account_id(system: &System, party: PartyId, programme: ProgrammeId) -> AccountId {
    AccountId {
        tenant: system.tenant.clone(),
        party,
        programme,
    }
}

/// The account that a snapshot's or an entry's key belongs to; `None` for another tenant's.
fn account_of(system: &System, key: &Key) -> Option<AccountId> {
    let party = behind(&key.pk, "PARTY", &system.tenant)?.parse().ok()?;
    let programme = match key.sk.strip_prefix(account::PREFIX) {
        Some(programme) => programme,
        None => key.sk.strip_prefix("LEDGER#")?.split('#').next()?,
    };
    Some(account_id(system, party, programme.parse().ok()?))
}

async fn prove(
    system: &System,
    books: Books,
    listed: Listed,
    report: &Mutex<Report>,
    seen: Seen<'_>,
) -> Result<(), OperationError> {
    stream::iter(books.accounts.into_iter().map(Ok))
        .try_for_each_concurrent(PARALLEL, |(id, known)| async move {
            let outcome = match prove_account(system, &id, known, listed).await {
                Err(OperationError::Store(StoreError::Unreadable { reason, .. })) => unreadable(&id, reason),
                outcome => outcome?,
            };
            seen(outcome.entries);
            let mut report = lock(report);
            report.accounts = report.accounts.saturating_add(1);
            report.entries = report.entries.saturating_add(outcome.entries);
            report.vouchers = report.vouchers.saturating_add(outcome.vouchers);
            outcome.findings.into_iter().for_each(|finding| report.add(finding));
            Ok(())
        })
        .await
}

#[derive(Debug, Default)]
struct Proof {
    entries: u64,
    vouchers: u64,
    findings: Vec<Finding>,
}

/// An account of which an item cannot be read: nothing can be proved of it, and the others are not its business.
fn unreadable(id: &AccountId, reason: String) -> Proof {
    Proof {
        findings: vec![Finding::Unreadable { key: id.key(), reason }],
        ..Proof::default()
    }
}

async fn prove_account(
    system: &System,
    id: &AccountId,
    mut known: Vec<Known>,
    listed: Listed,
) -> Result<Proof, OperationError> {
    let (snapshot, entries) = at_rest(&system.db, id).await?;
    let mut proof = Proof {
        entries: count(entries.len()),
        ..Proof::default()
    };
    let debited = debited(&entries);
    let account = |reason: String| Finding::Account {
        party: id.party.clone(),
        programme: id.programme.clone(),
        reason,
    };
    let of_hand = by_hand::without_adjustment(system, id, &entries).await?;
    proof.findings.extend(of_hand.into_iter().map(&account));
    match Account::replay(entries) {
        Err(error) => proof.findings.push(account(error.to_string())),
        Ok(folded) if !snapshot.agrees_with(&folded) => {
            proof.findings.push(account(format!(
                "the ledger gives balance {} and {} vouchers in version {}, the snapshot says {} and {} in version {}",
                folded.balance,
                folded.vouchers_issued,
                folded.version,
                snapshot.balance,
                snapshot.vouchers_issued,
                snapshot.version
            )));
        }
        Ok(_) => {}
    }
    if issued(&known) != debited || !twice(&known).is_empty() {
        // The vouchers were listed before the ledger was read: those issued in between are missing in the list, and of two the
        // one may have been seen before the other took its place.
        known = renewed(
            known,
            referenced(system, id).await?.iter().filter_map(Known::of).collect(),
        );
    }
    let issued = issued(&known);
    proof.vouchers = count(issued.len());
    let vouchers = |reason: String| Finding::Vouchers {
        party: id.party.clone(),
        programme: id.programme.clone(),
        reason,
    };
    let (missing, unpaid) = differences(&debited, &issued);
    let missing = amiss(system, missing, listed).await?;
    if !missing.is_empty() || !unpaid.is_empty() {
        proof.findings.push(vouchers(disagreement(
            (debited.len(), &missing),
            (issued.len(), &unpaid),
        )));
    }
    let twice = twice(&known);
    if !twice.is_empty() {
        let reason = format!("reissued, and the one before is not void: [{}]", twice.join(", "));
        proof.findings.push(vouchers(reason));
    }
    let overdrawn = known.iter().filter(|known| known.overdrawn);
    let overdrawn: Vec<String> = overdrawn.map(|known| known.number.to_string()).collect();
    if !overdrawn.is_empty() {
        let reason = format!("more than the value was taken in parts: [{}]", overdrawn.join(", "));
        proof.findings.push(vouchers(reason));
    }
    Ok(proof)
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The numbers that the debits of the ledger stand for, in order.
fn debited(entries: &[Entry]) -> Vec<VoucherNumber> {
    let mut numbers: Vec<_> = entries.iter().flat_map(Entry::vouchers).collect();
    numbers.sort_unstable();
    numbers
}

/// Those that were paid for and do not stand, and those that stand and nobody paid for. One that is there twice is a difference.
fn differences(debited: &[VoucherNumber], issued: &[VoucherNumber]) -> (Vec<VoucherNumber>, Vec<VoucherNumber>) {
    let less = |of: &[VoucherNumber], those: &[VoucherNumber]| {
        let mut left: BTreeMap<VoucherNumber, usize> = BTreeMap::new();
        for number in those {
            *left.entry(number.clone()).or_default() += 1;
        }
        let mut more = of.to_vec();
        more.retain(|number| match left.get_mut(number) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
        more
    };
    (less(debited, issued), less(issued, debited))
}

/// What was seen of the vouchers before, with what is known of them now.
fn renewed(before: Vec<Known>, mut now: Vec<Known>) -> Vec<Known> {
    let seen: BTreeSet<_> = now.iter().map(|known| (known.number.clone(), known.reissue)).collect();
    let others = before.into_iter();
    now.extend(others.filter(|known| !seen.contains(&(known.number.clone(), known.reissue))));
    now
}

/// Those of the vouchers without a voucher item that should have one. A run pays before it gives, and nothing of the party leads to
/// one of its vouchers that ran out untouched.
async fn amiss(
    system: &System,
    missing: Vec<VoucherNumber>,
    listed: Listed,
) -> Result<Vec<VoucherNumber>, OperationError> {
    let mut amiss = Vec::new();
    for number in missing {
        let Some(name) = number.run() else {
            amiss.push(number);
            continue;
        };
        let run = run::latest(&system.db, Site::ToolRead, &system.tenant, name).await?;
        let at_work = run.is_some_and(|run| run.d.stage == Stage::Issuing);
        if listed == Listed::All && !at_work {
            amiss.push(number);
        }
    }
    Ok(amiss)
}

fn disagreement((debited, missing): (usize, &[VoucherNumber]), (issued, unpaid): (usize, &[VoucherNumber])) -> String {
    let some = |numbers: &[VoucherNumber]| {
        let some: Vec<_> = numbers.iter().take(5).map(ToString::to_string).collect();
        some.join(", ")
    };
    format!(
        "{debited} debited, {issued} issued; debited without voucher [{}], voucher without debit [{}]",
        some(missing),
        some(unpaid)
    )
}

fn party_pk(system: &System, party: &PartyId) -> Result<String, OperationError> {
    Ok(store::party::profile_key(&system.tenant, party).pk)
}

#[derive(Debug, Default)]
struct Unposted {
    stamped: u64,
    pending: u64,
    missing: Vec<Finding>,
}

/// The stamped receipts of a page that have no entry.
async fn unposted(
    system: &System,
    page: Vec<Record<StoredReceipt>>,
    settled_before: DateTime<Utc>,
) -> Result<Unposted, OperationError> {
    let mut found = Unposted::default();
    for record in super::reconcile::without_entry(system, page, &mut found.stamped).await? {
        if record.updated_at < settled_before {
            found.missing.push(Finding::Unposted {
                receipt: record.d.receipt.key,
                since: record.updated_at,
            });
        } else {
            found.pending = found.pending.saturating_add(1);
        }
    }
    Ok(found)
}

/// The keys of the entries that a stamped receipt must have: its own, one for each return and recount, and its voiding.
pub(super) fn expected_entries(system: &System, stored: &StoredReceipt) -> Vec<Key> {
    let Some(party) = stored.account.clone() else {
        return Vec::new();
    };
    let (id, key) = (account_id(system, party, stored.programme.clone()), &stored.receipt.key);
    let own = std::iter::once(receipt_entry_id(key));
    let returns = stored.returns.iter().map(return_entry_id);
    let void = stored.voided.is_some().then(|| void_entry_id(key));
    let recounts = stored.recounts.iter().cloned();
    let all = own.chain(returns).chain(void).chain(recounts);
    all.map(|name| id.entry_key(&name)).collect()
}

/// The key of the entry of a return that names no receipt; `None` for others, which stand with their receipt.
pub(super) fn expected_of_return(system: &System, stored: &StoredReturn) -> Option<Key> {
    let id = account_id(system, stored.account.clone()?, stored.programme.clone());
    Some(id.entry_key(&return_entry_id(&stored.back.key)))
}
