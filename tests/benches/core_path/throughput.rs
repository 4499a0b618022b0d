//! Posted receipts per second from HTTP, and beside it the raw rate: the same items under the same conditions in the same
//! transactions, from one process, without HTTP, functions, queues or reads.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::account::Account;
use domain::earning;
use domain::id::PartyId;
use domain::programme::Programme;
use futures::stream::{self, StreamExt, TryStreamExt};
use store::account::{self, Committed, Posting};
use store::db::Read;
use store::receipt::{self, Accepted, StoredReceipt};
use store::{Record, Site};
use treue_local::aws::StreamTrim;

use crate::figures::{self, Target};
use crate::system::{self, Customer, Medium, System};

/// Customers that share the receipts of a round. Enough that few receipts of a batch belong to one account.
const CUSTOMERS: usize = 250;
/// Below this no customer reaches a voucher, whose writes would blur the comparison.
const LINE_MINOR: i64 = 99;
const RELAY: &str = "EventRelayFunction";

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) rounds: usize,
    pub(crate) receipts: usize,
    pub(crate) concurrency: usize,
}

/// Measures both rates in turn and prints their medians.
pub(crate) async fn measure(functions: &Path, medium: Medium, load: &Load) -> Result<()> {
    let system = System::start(functions, medium).await?;
    let customers = system.customers(1, CUSTOMERS).await;
    system.rest().await?;
    let (mut http, mut raw, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=load.rounds {
        let through = through_http(&system, &customers, load, round).await?;
        let direct = directly(&system, &customers, load, round).await?;
        // The first round starts the processes and fills the caches.
        if round > 0 {
            http.push(rate(load.receipts, through));
            raw.push(rate(load.receipts, direct));
            ratios.push(direct.as_secs_f64() / through.as_secs_f64());
        }
    }
    let (place, target) = match medium {
        Medium::Memory => ("in memory", 0.25),
        Medium::Disk => ("on disk", 0.5),
    };
    figures::title(&format!(
        "Posted receipts per second {place} ({} receipts, {} at once, median of {})",
        load.receipts, load.concurrency, load.rounds
    ));
    figures::line(
        "from HTTP to posted points",
        &format!("{:.0}/s", figures::median(&http)),
    );
    figures::line(
        "raw: the same writes from one process",
        &format!("{:.0}/s", figures::median(&raw)),
    );
    let range = format!(
        "{:.2} to {:.2}",
        figures::percentile(&ratios, 0),
        figures::percentile(&ratios, 1_000)
    );
    figures::line("their ratio, least to greatest", &range);
    figures::against("their ratio", figures::median(&ratios), "", &Target::AtLeast(target));
    system.end().await
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand receipts")]
fn rate(receipts: usize, took: Duration) -> f64 {
    receipts as f64 / took.as_secs_f64()
}

fn number(round: usize, index: usize) -> String {
    format!("{round}-{index}")
}

/// From the first request until the last receipt is posted.
async fn through_http(system: &System, customers: &[Customer], load: &Load, round: usize) -> Result<Duration> {
    let bodies: Vec<_> = (0..load.receipts)
        .map(|index| {
            let card = &customers[index % customers.len()].card;
            system::receipt("B01", system.running.today, &number(round, index), LINE_MINOR, card)
        })
        .collect();
    let started = Instant::now();
    stream::iter(&bodies)
        .map(|body| system.buy(body))
        .buffer_unordered(load.concurrency)
        .for_each(|_| async {})
        .await;
    system.rest().await?;
    Ok(started.elapsed())
}

/// Writes copies of the receipts just posted, at another till, with their entries, snapshots and activity.
async fn directly(system: &System, customers: &[Customer], load: &Load, round: usize) -> Result<Duration> {
    system.running.stack.pause_event_source(RELAY)?;
    let db = system.db();
    let programme = store::programme::read_current(db, Site::ToolRead, system.tenant(), &system::programme()?)
        .await?
        .context("no programme")?
        .d
        .programme;
    let mut work = Vec::with_capacity(customers.len());
    for (first, customer) in customers.iter().enumerate() {
        let mut receipts = Vec::new();
        for index in (first..load.receipts).step_by(customers.len()) {
            receipts.push(copy(system, &number(round, index)).await?);
        }
        let before = account::read(db, Site::ToolRead, &system.account(customer)?, Read::Strong).await?;
        work.push((customer, before, receipts));
    }
    let started = Instant::now();
    stream::iter(work)
        .map(|(customer, before, receipts)| post(system, &programme, customer, before, receipts))
        .buffer_unordered(load.concurrency)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    let took = started.elapsed();
    // The relay is not to post these a second time.
    let endpoints = system
        .running
        .stack
        .endpoints()
        .context("the stack has no endpoints of its own")?;
    endpoints.trim_stream(db.table(), StreamTrim::All).await?;
    system.running.stack.resume_event_source(RELAY)?;
    system.rest().await?;
    Ok(took)
}

/// The stored receipt of this number as another till would have sent it.
async fn copy(system: &System, number: &str) -> Result<StoredReceipt> {
    let key = format!("B01~1~{}~{number}", system.running.today).parse()?;
    let found = receipt::read(system.db(), Site::ToolRead, system.tenant(), &key, Read::Strong).await?;
    let mut stored = found.context("a receipt was not stored")?.d;
    stored.receipt.key.till = "2".parse()?;
    Ok(stored)
}

/// The writes of one customer's receipts, one after the other as an account takes them.
async fn post(
    system: &System,
    programme: &Programme,
    customer: &Customer,
    mut before: Option<Record<Account>>,
    receipts: Vec<StoredReceipt>,
) -> Result<()> {
    let id = system.account(customer)?;
    let now = runtime::now();
    for stored in receipts {
        ensure!(
            stored.account.as_ref() == Some::<&PartyId>(&customer.party),
            "another account"
        );
        let receipt = stored.receipt.clone();
        let known = stored.circumstances(before.is_none(), None);
        let accepted = receipt::accept(system.db(), system.tenant(), stored, None, now).await?;
        ensure!(matches!(accepted, Accepted::New), "a copy was there already");
        let account = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
        let earned = earning::earn(&receipt, programme, &known)?;
        let (entry, after) = account.post(&receipt, (&earned, &known), programme, system.running.today)?;
        let posting = Posting {
            entry: &entry,
            receipt: &receipt,
            tracked: &[],
        };
        let committed = account::commit(system.db(), &id, before.as_ref(), &[posting], &after, false, now).await?;
        ensure!(committed == Committed::Done, "another writer of the account");
        before = Some(Record::new(id.key(), account::ACCOUNT, now, after));
    }
    Ok(())
}
