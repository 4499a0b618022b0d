//! `treue finance MONTH`: finance's books are computed again and compared with their report.

use anyhow::Context;
use clap::Args;
use domain::id::ProgrammeId;
use domain::liability::Month;

use super::Failure;
use super::progress::Bar;
use super::target::{Target, TargetArgs};
use crate::operations::finance::{self, Compared};

/// `treue finance`.
#[derive(Debug, Args)]
pub(crate) struct FinanceArgs {
    /// The month, such as 2026-11.
    #[arg(value_name = "MONTH")]
    month: Month,
    #[command(flatten)]
    target: TargetArgs,
    /// Only this programme.
    #[arg(long, value_name = "ID")]
    programme: Option<ProgrammeId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Computes and compares.
pub(crate) async fn run(args: &FinanceArgs) -> Result<(), Failure> {
    let target = Target::of(&args.target).await?;
    let system = &target.system;
    let unread = "the books cannot be read to the end";
    let programmes = match &args.programme {
        Some(programme) => vec![programme.clone()],
        None => finance::programmes(system).await.context(unread)?,
    };
    let bar = Bar::new("summing the ledger", None, false);
    let mut all = Vec::with_capacity(programmes.len());
    for programme in &programmes {
        let zone = finance::zone(system, programme).await.context(unread)?;
        let zone = zone.ok_or_else(|| Failure::Usage(format!("there is no programme {programme}")))?;
        let compared = finance::compare(system, programme, args.month, zone).await;
        all.push(compared.context(unread)?);
    }
    bar.clear();
    if args.json {
        let text = serde_json::to_string_pretty(&all).context("the figures cannot be written as JSON")?;
        println!("{text}");
    } else {
        all.iter().for_each(print);
    }
    let found = all
        .iter()
        .map(|compared| compared.differences.len())
        .fold(0, usize::saturating_add);
    if found == 0 {
        Ok(())
    } else {
        Err(Failure::Differences(format!("{found} differences found")))
    }
}

fn print(compared: &Compared) {
    let revision = compared
        .revision
        .map_or_else(|| "no report".to_owned(), |revision| format!("revision {revision}"));
    println!("{} {} ({revision})", compared.programme, compared.month);
    let computed = &compared.computed;
    println!("  accounts      {:>14}", computed.accounts);
    for (column, points) in domain::liability::Row::default().columns().map(|(column, _)| {
        let points = computed.total.get(column).copied().unwrap_or(0);
        (column, points)
    }) {
        println!("  {column:<13} {points:>14}");
    }
    println!("  vouchers      {:>14}", computed.vouchers);
    for money in &computed.redeemed {
        println!("  redeemed      {:>14}", money.to_string());
    }
    for difference in &compared.differences {
        println!("  differs: {difference}");
    }
    if compared.differences.is_empty() {
        println!("  The report agrees with the table.");
    }
}
