//! How long a receipt waits for its points when receipts come at a steady rate, whatever the system makes of them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use domain::receipt::ReceiptKey;
use futures::future::try_join_all;
use store::{Site, account};

use crate::figures::{self, Target, millis};
use crate::system::{self, Customer, Medium, System};

const CUSTOMERS: usize = 200;
/// Pause between two looks for an entry: the resolution of the figures.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A receipt that has no entry by then never gets one.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds whose receipts do not count: the processes start in them.
const WARM_UP_SECONDS: u32 = 3;

/// What one receipt took.
struct Sample {
    answered: f64,
    posted: f64,
}

/// Sends receipts at a steady rate and prints how long answers and points took.
pub(crate) async fn measure(functions: &Path, rate: u32, seconds: u32) -> Result<()> {
    let system = System::start(functions, Medium::Disk).await?;
    let customers = system.customers(1, CUSTOMERS).await;
    system.rest().await?;
    let started = Instant::now() + Duration::from_millis(100);
    let receipts = (0..rate * (seconds + WARM_UP_SECONDS)).map(|index| {
        let due = started + Duration::from_secs_f64(f64::from(index) / f64::from(rate));
        let customer = &customers[index as usize % customers.len()];
        one(&system, customer, index, due)
    });
    let samples = try_join_all(receipts).await?;
    let counted = &samples[(rate * WARM_UP_SECONDS) as usize..];
    let answered: Vec<_> = counted.iter().map(|sample| sample.answered).collect();
    let posted: Vec<_> = counted.iter().map(|sample| sample.posted).collect();
    figures::title(&format!(
        "From receipt to points on disk at {rate} receipts/s ({} receipts)",
        counted.len()
    ));
    let percentiles = |values: &[f64]| {
        let at = |per_mille| figures::percentile(values, per_mille);
        format!(
            "p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms, most {:.0} ms",
            at(500),
            at(950),
            at(990),
            at(1_000)
        )
    };
    figures::line("until the till is answered", &percentiles(&answered));
    figures::line("until the points are posted", &percentiles(&posted));
    figures::against(
        "posted, p95",
        figures::percentile(&posted, 950),
        "ms",
        &Target::AtMost(2_000.0),
    );
    figures::against(
        "posted, p99",
        figures::percentile(&posted, 990),
        "ms",
        &Target::AtMost(5_000.0),
    );
    system.rest().await?;
    system.end().await
}

/// Sends one receipt when it is due; the time counts from then, also when the sender is late.
async fn one(system: &System, customer: &Customer, index: u32, due: Instant) -> Result<Sample> {
    let number = index.to_string();
    let body = system::receipt("B02", system.running.today, &number, 399, &customer.card);
    let key: ReceiptKey = format!("B02~1~{}~{number}", system.running.today).parse()?;
    let id = system.account(customer)?;
    tokio::time::sleep_until(due.into()).await;
    system.buy(&body).await;
    let answered = millis(due.elapsed());
    let posted = async {
        loop {
            if account::receipt_entry(system.db(), Site::ToolRead, &id, &key)
                .await?
                .is_some()
            {
                return anyhow::Ok(millis(due.elapsed()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let posted = tokio::time::timeout(PATIENCE, posted)
        .await
        .context("a receipt was not posted")??;
    Ok(Sample { answered, posted })
}
