//! `treue reconcile`: accepted facts without their effect are sent on their way again.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::Failure;
use super::progress::Bar;
use super::target::{Target, TargetArgs};
use crate::operations::reconcile::{self, Options};

/// `treue reconcile`.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Look only at receipts and vouchers of the last hours; all when absent.
    #[arg(long, value_name = "HOURS")]
    since: Option<u32>,
    /// Only say what is missing.
    #[arg(long)]
    dry_run: bool,
    /// Leave alone what is younger than this many seconds: the stream may be about to carry it.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    settled_after: u32,
    /// URL of the posting queue; needed on AWS (an output of the stack).
    #[arg(long, value_name = "URL", requires = "table")]
    posting_queue_url: Option<String>,
    /// URL of the issuance queue; needed on AWS (an output of the stack).
    #[arg(long, value_name = "URL", requires = "table")]
    issuance_queue_url: Option<String>,
}

/// Brings in what is missing.
pub(crate) async fn run(args: &ReconcileArgs) -> Result<(), Failure> {
    let mut target = Target::of(&args.target).await?;
    let queues = &mut target.system.queues;
    queues.posting = args
        .posting_queue_url
        .clone()
        .unwrap_or_else(|| std::mem::take(&mut queues.posting));
    queues.issuance = args
        .issuance_queue_url
        .clone()
        .unwrap_or_else(|| std::mem::take(&mut queues.issuance));
    if !args.dry_run && (queues.posting.is_empty() || queues.issuance.is_empty()) {
        return Err(Failure::Usage(
            "name both queues with --posting-queue-url and --issuance-queue-url, or only look with --dry-run"
                .to_owned(),
        ));
    }
    let now = runtime::now();
    let hours = args.since.map(|hours| chrono::Duration::hours(i64::from(hours)));
    let options = Options {
        since: hours.and_then(|hours| now.checked_sub_signed(hours)),
        dry_run: args.dry_run,
        ..Options::everything(now, Duration::from_secs(u64::from(args.settled_after)))
    };
    let bar = Bar::new("reconciling", None, false);
    let report = reconcile::run(&target.system, &options, &|seen| bar.inc(seen)).await;
    bar.clear();
    let report = report.context("not everything could be looked at; run it again")?;
    println!(
        "receipts without effect   {:>8} of {}",
        report.receipts, report.receipts_seen
    );
    println!("cards with waiting ones   {:>8}", report.cards);
    println!(
        "accounts with vouchers due{:>8} of {}",
        report.accounts, report.accounts_seen
    );
    println!(
        "vouchers not published    {:>8} of {}",
        report.vouchers, report.vouchers_seen
    );
    if report.vouchers_moved > 0 {
        println!("changed while we looked   {:>8}", report.vouchers_moved);
    }
    if report.unreadable > 0 {
        return Err(Failure::Differences(format!(
            "{} items cannot be read, so that nothing is known of them; treue verify names them",
            report.unreadable
        )));
    }
    match (report.is_clean(), args.dry_run) {
        (true, _) => println!("Nothing is missing."),
        (false, false) => println!("What is missing is on its way."),
        (false, true) => {
            return Err(Failure::Differences(
                "effects are missing; run without --dry-run".to_owned(),
            ));
        }
    }
    Ok(())
}
