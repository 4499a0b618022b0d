//! The close of a day among many accounts (requirements, part 3, 4.3): what an account costs that has something due, and one
//! that has not.
//!
//! Accounts go straight into the table. Of some the points have expired with yesterday, of the others they count for another
//! year; all stand in the index of what becomes due. On disk, as the cash desk.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use chrono::{Days, NaiveDate};
use domain::account::{Account, Lot, LotKey};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use store::Site;
use store::account::{self, AccountId};
use store::db::Read;
use treue_local::aws::StreamTrim;

use crate::cost;
use crate::desk::{Item, party, write};
use crate::figures::{self, Target};
use crate::system::{self, Medium, System};

const CLOSE: &str = "DayCloseFunction";
const RELAY: &str = "EventRelayFunction";
/// One account in so many has something due.
const DUE_EVERY: u64 = 20;
/// Points of an account.
const POINTS: i64 = 120;
const WRITERS: usize = 8;
/// Accounts of one batch write; the service takes no more items.
const BATCH: usize = 25;
/// Serial numbers of the copies begin here.
const FIRST_COPY: u64 = 2_000_000;

/// Loads the accounts, lets the hour strike twice and prints what it took.
pub(crate) async fn measure(functions: &Path, accounts: u32) -> Result<()> {
    let system = System::start(functions, Medium::Disk).await?;
    let today = system.running.today;
    let serials: Vec<u64> = (FIRST_COPY..).take(usize::try_from(accounts)?).collect();
    let due = u32::try_from(serials.iter().filter(|serial| is_due(**serial)).count())?;
    let loaded = Instant::now();
    load(&system, &serials, today).await?;
    figures::title(&format!(
        "Close of a day on disk, {accounts} accounts of which {due} have points that expired yesterday (loaded in {:.0} s)",
        loaded.elapsed().as_secs_f64()
    ));
    let first = strike(&system).await?;
    let count = f64::from(due);
    figures::line(
        "time until all are closed",
        &format!("{:.0} s, {:.0} accounts/s", first.seconds, count / first.seconds),
    );
    figures::line(
        "per account with something due: requests, read units, write units",
        &format!(
            "{:.2}, {:.2}, {:.2}",
            first.requests / count,
            first.read / count,
            first.write / count
        ),
    );
    // What is left has nothing due: whatever this hour costs is the price of looking.
    let second = strike(&system).await?;
    figures::line(
        "an hour with nothing due: requests, read units, write units",
        &format!("{:.0}, {:.1}, {:.1}", second.requests, second.read, second.write),
    );
    figures::against(
        "write units of accounts with nothing due",
        second.write,
        "units",
        &Target::AtMost(0.0),
    );
    for serial in serials.iter().take(1_000) {
        let wanted = if is_due(*serial) { 0 } else { POINTS };
        let id = account_of(&system, *serial)?;
        let stored = account::read(system.db(), Site::ToolRead, &id, Read::Strong).await?;
        let balance = stored.context("an account")?.d.balance;
        ensure!(
            balance == wanted,
            "the account {serial} has {balance} points, not {wanted}"
        );
    }
    // The accounts were loaded without a ledger: there are no books to prove.
    system.running.stop().await;
    Ok(())
}

fn is_due(serial: u64) -> bool {
    serial.is_multiple_of(DUE_EVERY)
}

fn account_of(system: &System, serial: u64) -> Result<AccountId> {
    Ok(AccountId {
        tenant: system.tenant().clone(),
        party: party(serial)?,
        programme: system::programme()?,
    })
}

/// The item of an account as posting leaves it.
fn item(system: &System, serial: u64, today: NaiveDate) -> Result<Item> {
    let until = if is_due(serial) {
        today.checked_sub_days(Days::new(1))
    } else {
        today.checked_add_days(Days::new(365))
    };
    let account = Account {
        version: 1,
        balance: POINTS,
        lots: vec![Lot {
            key: LotKey::active(Some(until.context("a date")?)),
            open: POINTS,
        }],
        receipts: 1,
        revenue_minor: POINTS * 100,
        ..Account::default()
    };
    let record = account::snapshot(&account_of(system, serial)?, &account, runtime::now());
    Ok(record.to_item(Site::ToolWrite)?)
}

async fn load(system: &System, serials: &[u64], today: NaiveDate) -> Result<()> {
    let stack = &system.running.stack;
    stack.pause_event_source(RELAY)?;
    stream::iter(serials.chunks(BATCH))
        .map(|serials| async move {
            let items = serials.iter().map(|serial| item(system, *serial, today));
            write(system, items.collect::<Result<Vec<_>>>()?.into_iter()).await
        })
        .buffer_unordered(WRITERS)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    let endpoints = stack.endpoints().context("the stack has no endpoints of its own")?;
    endpoints.trim_stream(system.db().table(), StreamTrim::All).await?;
    stack.resume_event_source(RELAY)?;
    system.rest().await
}

struct Struck {
    seconds: f64,
    requests: f64,
    read: f64,
    write: f64,
}

/// The hour strikes: the schedule's event, and everything that follows from it.
async fn strike(system: &System) -> Result<Struck> {
    let stack = &system.running.stack;
    let log = stack
        .functions()
        .get(CLOSE)
        .context("no function closes days")?
        .log()
        .path();
    let before = std::fs::metadata(log)?.len();
    let started = Instant::now();
    let event = json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {}});
    let answer = stack.invoke(CLOSE, event.to_string().into()).await?;
    answer.map_err(|error| anyhow!("the hour could not strike: {error:?}"))?;
    system.rest().await?;
    let seconds = started.elapsed().as_secs_f64();
    let logged = tokio::fs::read_to_string(log).await?;
    let written = logged
        .get(usize::try_from(before)?..)
        .context("the log was moved aside")?;
    let mut struck = Struck {
        seconds,
        requests: 0.0,
        read: 0.0,
        write: 0.0,
    };
    for line in written
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let (requests, read, write) = cost::logged_units(&line);
        struck.requests += requests;
        struck.read += read;
        struck.write += write;
    }
    Ok(struck)
}
