//! `treue offline`: what is lost at tills without a line, as the API reports it.

use anyhow::Context;
use chrono::{Days, NaiveDate};
use clap::{Args, Subcommand};
use domain::offline::{Bearer, LossReason};
use http::Method;
use http_edge::api::offline::LossReport;
use serde_json::Value;

use super::Failure;
use super::api::{ApiArgs, ask};

/// Days of a report whose first day is not named.
const DAYS: u64 = 30;

/// `treue offline`.
#[derive(Debug, Args)]
pub(crate) struct OfflineArgs {
    #[command(subcommand)]
    command: OfflineCommand,
}

#[derive(Debug, Subcommand)]
enum OfflineCommand {
    /// Reports the losses by branch, and by who bears them.
    Losses(LossesArgs),
}

#[derive(Debug, Args)]
struct LossesArgs {
    /// First business day of the receipts; 30 days up to the last one when absent.
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Last business day; today by UTC when absent. At most 92 days.
    #[arg(long, value_name = "DAY")]
    until: Option<NaiveDate>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// Does what was asked for.
pub(crate) async fn run(args: &OfflineArgs) -> Result<(), Failure> {
    let OfflineCommand::Losses(args) = &args.command;
    let until = args.until.unwrap_or_else(|| runtime::now().date_naive());
    let first = until.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(until);
    let from = args.from.unwrap_or(first);
    if from > until {
        return Err(Failure::Usage(format!("--from {from} is after --until {until}")));
    }
    let api = args.api.connect()?;
    let path = format!("/v1/offline-losses?from={from}&to={until}");
    let report: LossReport = ask(&api, &Method::GET, &path, None).await?;
    if args.json {
        let text = serde_json::to_string_pretty(&report).context("the report is no JSON")?;
        println!("{text}");
    } else {
        print(&report)?;
    }
    Ok(())
}

fn print(report: &LossReport) -> Result<(), Failure> {
    println!("losses of receipts from {} to {}", report.from, report.to);
    for branch in &report.branches {
        let amount = branch.amount.to_string();
        let (id, bearer) = (&branch.location_id, bearer(branch.bearer)?);
        println!("  {id:<12} {bearer:<8} {:>6} {amount:>14}", branch.count);
        for reason in &branch.reasons {
            let (amount, why) = (reason.amount.to_string(), why(reason.reason)?);
            println!("    {why:<19} {:>6} {amount:>14}", reason.count);
        }
    }
    for total in &report.totals {
        let amount = total.amount.to_string();
        println!(
            "  {:<12} {:<8} {:>6} {amount:>14}",
            "all",
            bearer(total.bearer)?,
            total.count
        );
    }
    if report.branches.is_empty() {
        println!("  none");
    }
    Ok(())
}

/// The word of the API.
fn word(value: serde_json::Result<Value>) -> Result<String, Failure> {
    let value = value.context("the report has a word that is no text")?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

fn bearer(bearer: Bearer) -> Result<String, Failure> {
    word(serde_json::to_value(bearer))
}

fn why(reason: LossReason) -> Result<String, Failure> {
    word(serde_json::to_value(reason))
}
