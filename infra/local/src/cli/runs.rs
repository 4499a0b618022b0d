//! `treue runs`: the runs of campaigns, as the API shows them.

use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use domain::id::RunName;
use domain::money::{Currency, Money};
use http::Method;
use http_edge::api::campaigns::{
    CampaignRunBlocking, CampaignRunPage, CampaignRunProgress, CampaignRunStage, CampaignRunView, CampaignView,
};
use serde_json::json;

use super::Failure;
use super::api::{ApiArgs, ask, encoded};
use super::http::Api;
use super::progress::Bar;

/// Pages that a list reads at most; there are some fifty runs on one.
const PAGES_MAX: u32 = 200;

/// `treue runs`.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// Lists runs, the last by name first.
    List(ListArgs),
    /// Shows how far a run is.
    Show(ShowArgs),
    /// Follows a run until its members are chosen, its file stands, or it is stopped.
    Watch(WatchArgs),
    /// Starts the approved run of a campaign before its day.
    Start(ShowArgs),
    /// Stops a run before its letters are written.
    Stop(StopArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only runs of this campaign.
    #[arg(long, value_name = "ID")]
    campaign: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The run: the campaign, `~`, and the period.
    #[arg(value_name = "RUN")]
    run: RunName,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Args)]
struct WatchArgs {
    /// The run: the campaign, `~`, and the period.
    #[arg(value_name = "RUN")]
    run: RunName,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    every: u32,
    /// Minutes after which the command gives up; the run goes on without it.
    #[arg(long = "for", value_name = "MINUTES", default_value_t = 24 * 60, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
    /// Waits, too, until the vouchers of a run that was stopped are blocked.
    #[arg(long)]
    blocked: bool,
    /// Print the run as JSON in the end.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Args)]
struct StopArgs {
    /// The run: the campaign, `~`, and the period.
    #[arg(value_name = "RUN")]
    run: RunName,
    /// Why, 1 to 200 printable characters.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Blocks the vouchers, too, that it has issued; then it can never be made on.
    #[arg(long)]
    block_vouchers: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// Does what was asked for.
pub(crate) async fn run(args: &RunsArgs) -> Result<(), Failure> {
    match &args.command {
        RunsCommand::List(args) => list(args).await,
        RunsCommand::Show(args) => {
            let api = args.api.connect()?;
            shown(&read(&api, &args.run).await?, args.json)
        }
        RunsCommand::Watch(args) => watch(args).await,
        RunsCommand::Start(args) => start(args).await,
        RunsCommand::Stop(args) => {
            let api = args.api.connect()?;
            let path = format!("/v1/runs/{}/stop", encoded(args.run.as_str()));
            let body = json!({"reason": args.reason, "block_vouchers": args.block_vouchers});
            let view: CampaignRunView = ask(&api, &Method::POST, &path, Some(&body)).await?;
            shown(&view, args.json)
        }
    }
}

async fn read(api: &Api, run: &RunName) -> Result<CampaignRunView, Failure> {
    let path = format!("/v1/runs/{}", encoded(run.as_str()));
    ask(api, &Method::GET, &path, None).await
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let api = args.api.connect()?;
    let campaign = args.campaign.as_deref().map(|id| format!("campaign={}", encoded(id)));
    let mut runs: Vec<CampaignRunView> = Vec::new();
    let mut next: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let token = next.map(|token| format!("next={}", encoded(&token)));
        let query: Vec<_> = campaign.iter().cloned().chain(token).collect();
        let path = match query.is_empty() {
            true => "/v1/runs".to_owned(),
            false => format!("/v1/runs?{}", query.join("&")),
        };
        let page: CampaignRunPage = ask(&api, &Method::GET, &path, None).await?;
        runs.extend(page.items);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    if args.json {
        println!("{}", pretty(&runs)?);
    } else {
        for run in &runs {
            let letters = run.dry_run.as_ref().map_or(0, |sums| sums.totals.letters);
            let why = run.stopped.as_deref().unwrap_or_default();
            println!(
                "{:<40} {:>3} {} {:<8} {letters:>10} letters {why}",
                run.run_id,
                run.revision,
                run.day,
                word(run.stage)
            );
        }
    }
    match next {
        None => Ok(()),
        Some(_) => Err(anyhow!("there are more runs than a list shows: name a campaign with --campaign").into()),
    }
}

/// The API starts what was approved of a campaign: that it is this run is looked at first.
async fn start(args: &ShowArgs) -> Result<(), Failure> {
    let api = args.api.connect()?;
    let run = read(&api, &args.run).await?;
    let path = format!("/v1/campaigns/{}", encoded(&run.campaign));
    let campaign: CampaignView = ask(&api, &Method::GET, &path, None).await?;
    if campaign.standing.status.approved_run() != Some(args.run.as_str()) {
        let said = format!("{} is not what was approved of its campaign", args.run);
        return Err(Failure::Usage(said));
    }
    let started: CampaignRunView = ask(&api, &Method::POST, &format!("{path}/start"), None).await?;
    shown(&started, args.json)
}

async fn watch(args: &WatchArgs) -> Result<(), Failure> {
    let api = args.api.connect()?;
    // One look at the end, also where the time between two is longer than all of it.
    let seconds = args.minutes.saturating_mul(60);
    let every = args.every.min(seconds);
    let looks = seconds.checked_div(every).unwrap_or(1);
    let every = Duration::from_secs(u64::from(every));
    let mut shown_bar: Option<(CampaignRunStage, Bar, u64)> = None;
    for look in 0..=looks {
        if look > 0 {
            tokio::time::sleep(every).await;
        }
        let run = read(&api, &args.run).await?;
        if is_over(&run, args.blocked) {
            if let Some((_, bar, _)) = &shown_bar {
                bar.clear();
            }
            return ended(&run, args.json);
        }
        let (done, of) = work(&run);
        let (bar, before) = match &mut shown_bar {
            Some((stage, bar, before)) if *stage == run.stage => (bar, before),
            other => {
                if let Some((_, bar, _)) = other {
                    bar.clear();
                }
                let (_, bar, before) = other.insert((run.stage, Bar::new(word(run.stage), of, false), 0));
                (bar, before)
            }
        };
        bar.inc(done.saturating_sub(*before));
        *before = done.max(*before);
        if let Some(text) = run.progress.as_ref().and_then(pace) {
            bar.message(&text);
        }
    }
    Err(anyhow!("the run is still under way: see `treue runs show {}`", args.run).into())
}

/// Whether nothing moves any more until somebody does something.
fn is_over(run: &CampaignRunView, blocked: bool) -> bool {
    match run.stage {
        CampaignRunStage::Chosen | CampaignRunStage::Written => true,
        CampaignRunStage::Stopped => {
            !blocked || run.blocking.as_ref().is_none_or(|blocking| blocking.done_at.is_some())
        }
        CampaignRunStage::Choosing | CampaignRunStage::Issuing | CampaignRunStage::Writing => false,
    }
}

fn ended(run: &CampaignRunView, json: bool) -> Result<(), Failure> {
    shown(run, json)?;
    match run.stage {
        CampaignRunStage::Stopped => {
            let why = run.stopped.as_deref().unwrap_or("unknown");
            Err(Failure::Differences(format!("the run is not made: {why}")))
        }
        _ => Ok(()),
    }
}

/// What is done of the work of a stage, and of how much.
fn work(run: &CampaignRunView) -> (u64, Option<u64>) {
    let Some(progress) = &run.progress else {
        return (0, None);
    };
    match run.stage {
        CampaignRunStage::Choosing => (progress.segments_done.into(), Some(progress.segments.into())),
        CampaignRunStage::Issuing => (progress.vouchers, run.dry_run.as_ref().map(|sums| sums.totals.vouchers)),
        CampaignRunStage::Stopped => {
            let blocking = run.blocking.as_ref();
            (
                blocking.map_or(0, |blocking| blocking.shards_done.into()),
                blocking.map(|blocking| blocking.shards.into()),
            )
        }
        CampaignRunStage::Chosen | CampaignRunStage::Writing | CampaignRunStage::Written => (0, None),
    }
}

/// How fast vouchers are issued, and until when.
fn pace(progress: &CampaignRunProgress) -> Option<String> {
    let rate = per_second(progress.vouchers_per_minute?);
    let end = progress
        .expected_end
        .map(|end| format!(", until {}", end.format("%H:%M:%S UTC")));
    Some(format!("{rate} a second{}", end.unwrap_or_default()))
}

/// A rate per minute by second, with one decimal.
fn per_second(per_minute: u64) -> String {
    let tenths = per_minute.saturating_mul(10).checked_div(60).unwrap_or(0);
    let (whole, rest) = (tenths.checked_div(10).unwrap_or(0), tenths.checked_rem(10).unwrap_or(0));
    format!("{whole}.{rest}")
}

const fn word(stage: CampaignRunStage) -> &'static str {
    match stage {
        CampaignRunStage::Choosing => "choosing",
        CampaignRunStage::Chosen => "chosen",
        CampaignRunStage::Issuing => "issuing",
        CampaignRunStage::Writing => "writing",
        CampaignRunStage::Written => "written",
        CampaignRunStage::Stopped => "stopped",
    }
}

fn pretty<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(value).context("the answer is no JSON")?)
}

fn shown(run: &CampaignRunView, json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", pretty(run)?);
        return Ok(());
    }
    let currency: Currency = run.currency.parse().context("the run has no currency")?;
    let money = |minor: i64| Money::new(minor, currency).to_string();
    println!("{} (choice {}, for {})", run.run_id, run.revision, run.day);
    let line = |name: &str, value: String| println!("  {name:<16} {value}");
    line("stage", word(run.stage).to_owned());
    if let Some(stopped) = &run.stopped {
        line("stopped", stopped.clone());
    }
    if let Some(reason) = &run.stop_reason {
        line("reason", reason.clone());
    }
    if let Some(progress) = &run.progress {
        line(
            "segments",
            format!("{} of {}", progress.segments_done, progress.segments),
        );
    }
    if let Some(sums) = &run.dry_run {
        line("letters", sums.totals.letters.to_string());
        line("face value", money(sums.totals.face_value_minor));
    }
    let budget = run.budget_minor.map_or_else(|| "none".to_owned(), money);
    line("budget", budget);
    if let Some(progress) = &run.progress {
        line("shards", format!("{} of {}", progress.shards_done, progress.shards));
        line("members", progress.members.to_string());
        line("vouchers", progress.vouchers.to_string());
        line("kept back", progress.kept_back.to_string());
        if let Some(pace) = pace(progress) {
            line("rate", pace);
        }
    }
    if let Some(blocking) = &run.blocking {
        line("blocked", blocked(blocking));
    }
    line(
        "file",
        run.written_at
            .map_or_else(|| "none".to_owned(), |at| format!("stands since {}", instant(at))),
    );
    let acknowledgement = match (run.acknowledged_at, run.acknowledgement_due_at) {
        (Some(at), _) => format!("came {}", instant(at)),
        (None, Some(due)) => format!("awaited until {}", instant(due)),
        (None, None) => "none".to_owned(),
    };
    line("acknowledgement", acknowledgement);
    Ok(())
}

fn blocked(blocking: &CampaignRunBlocking) -> String {
    let CampaignRunBlocking {
        blocked,
        redeemed,
        voided,
        unblocked,
        erased,
        held,
        ..
    } = blocking;
    let end = match blocking.done_at {
        Some(at) => format!("done {}", instant(at)),
        None => format!("{} of {} shards", blocking.shards_done, blocking.shards),
    };
    format!(
        "{blocked}; {redeemed} redeemed, {voided} void, {unblocked} opened again, {erased} of erased people, {held} held; {end}"
    )
}

fn instant(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_a_rate_is_told_by_second_without_rounding_up() {
        let told = [0, 5, 6, 59, 60, 90, 61_234].map(per_second);
        assert_eq!(told, ["0.0", "0.0", "0.1", "0.9", "1.0", "1.5", "1020.5"]);
    }
}
