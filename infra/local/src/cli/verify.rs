//! `treue verify`: the books are proved.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use domain::id::PartyId;

use super::Failure;
use super::progress::Bar;
use super::target::{Target, TargetArgs};
use crate::operations::verify::{self, Report};

/// `treue verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Only the accounts of this party.
    #[arg(long, value_name = "ID")]
    party: Option<PartyId>,
    /// Minutes after which a stamped receipt must have its ledger entry.
    #[arg(long, value_name = "MINUTES", default_value_t = 5)]
    settled_after: u32,
}

/// Proves the books.
pub(crate) async fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let target = Target::of(&args.target).await?;
    let now = runtime::now();
    let grace = chrono::Duration::from_std(Duration::from_secs(u64::from(args.settled_after) * 60));
    let settled_before = grace
        .ok()
        .and_then(|grace| now.checked_sub_signed(grace))
        .unwrap_or(now);
    let bar = Bar::new("verifying", None, false);
    let report = match &args.party {
        Some(party) => verify::party(&target.system, party).await,
        None => verify::all(&target.system, settled_before, &|seen| bar.inc(seen)).await,
    };
    bar.clear();
    let report = report.context("the books cannot be read to the end")?;
    print(&report);
    if report.found == 0 {
        println!("The books agree.");
        Ok(())
    } else {
        Err(Failure::Differences(format!("{} differences found", report.found)))
    }
}

fn print(report: &Report) {
    println!("accounts refolded        {:>10}", report.accounts);
    println!("ledger entries           {:>10}", report.entries);
    println!("vouchers with a debit    {:>10}", report.vouchers);
    println!("receipts with an account {:>10}", report.receipts);
    println!("points moved by hand     {:>10}", report.adjustments);
    println!("losses of offline tills  {:>10}", report.losses);
    println!("too recent to be missed  {:>10}", report.pending);
    for finding in &report.findings {
        println!("  {finding}");
    }
    let kept = u64::try_from(report.findings.len()).unwrap_or(u64::MAX);
    if report.found > kept {
        println!("  … and {} more", report.found - kept);
    }
}
