//! `treue replay`: a journal goes through the API, and the books are proved to agree with it.

pub mod journal;
pub mod recompute;
mod report;
mod send;
mod settle;
mod setup;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::Failure;
use super::data::DataDir;
use super::http::Api;
use super::keys::{Keys, MIGRATION};
use super::progress::Bar;
use super::start::{Session, interrupted};
use super::target::{Target, TargetArgs};
use crate::operations::Queues;
use journal::Journal;
pub use report::{Differences, Report};
use send::Rates;
use setup::Setup;

/// `treue replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The journal: JSON Lines, each line the body of POST /v1/purchases.
    file: PathBuf,
    /// Calls to make before: JSON Lines of {"method", "path", "body", "as"}.
    #[arg(long, value_name = "FILE")]
    setup: Option<PathBuf>,
    /// Print the reconciliation as JSON, and no progress.
    #[arg(long)]
    json: bool,
    /// Receipts under way at the same time.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Seconds to wait for the books while nothing moves. A message that failed comes again after two minutes.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u32,
    #[command(flatten)]
    target: TargetArgs,
    /// An API on AWS instead of the local stack; needs --table and --key.
    #[arg(long, value_name = "URL", requires = "table", requires = "key")]
    api: Option<String>,
    /// The API key to send with; on the local stack the one of the client `migration`.
    #[arg(long, value_name = "KEY", env = "TREUE_API_KEY", hide_env_values = true)]
    key: Option<String>,
}

/// Replays a journal.
pub(crate) async fn run(args: &ReplayArgs) -> Result<(), Failure> {
    if args.target.table.is_some() != args.api.is_some() {
        return Err(Failure::Usage(
            "a replay on AWS needs --api, --key and --table together".to_owned(),
        ));
    }
    // What is wrong with the files is said before anything is started.
    let journal = Journal::open(&args.file).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    let setup = args.setup.as_deref().map(Setup::open).transpose();
    let setup = setup.map_err(|error| Failure::Usage(format!("{error:#}")))?;
    let report = match (&args.api, &args.target.table) {
        (Some(api), Some(table)) => {
            let target = Target::on_aws(table, args.target.tenant.clone(), Queues::default()).await;
            replay(
                args,
                &Api::new(api, args.key.as_deref())?,
                &target,
                &journal,
                setup.as_ref(),
            )
            .await?
        }
        _ => {
            let session = Session::join_or_start(&args.target.data.data).await?;
            let outcome = tokio::select! {
                outcome = on_session(args, &session, &journal, setup.as_ref()) => outcome,
                () = interrupted() => Err(anyhow::anyhow!(
                    "interrupted: what was sent stands, and the same call again goes on"
                ).into()),
            };
            session.end().await?;
            outcome?
        }
    };
    if args.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&report).context("the report is no JSON")?
        );
    } else {
        println!("{}", report.text());
    }
    match report.agrees {
        true => Ok(()),
        false => Err(Failure::Differences(
            "the journal and the books do not agree".to_owned(),
        )),
    }
}

async fn on_session(
    args: &ReplayArgs,
    session: &Session,
    journal: &Journal,
    setup: Option<&Setup>,
) -> Result<Report, Failure> {
    let keys = Keys::complete(&DataDir::new(&args.target.data.data))?;
    let key = match &args.key {
        Some(key) => key,
        None => keys.of(MIGRATION)?,
    };
    let api = Api::new(&session.stack().api_url, Some(key))?;
    let target = Target::of_stack(session.stack(), args.target.tenant.clone());
    replay(args, &api, &target, journal, setup).await
}

async fn replay(
    args: &ReplayArgs,
    api: &Api,
    target: &Target,
    journal: &Journal,
    setup: Option<&Setup>,
) -> Result<Report, Failure> {
    api.reach().await?;
    let concurrency = usize::from(args.concurrency);
    if let Some(setup) = setup {
        let bar = Bar::new("setup", u64::try_from(setup.len()).ok(), args.json);
        setup.run(api, concurrency, &bar).await?;
        bar.finish();
    }
    let rates = Rates::new(&target.system.db, &target.system.tenant);
    let started = Instant::now();
    let sending = Bar::new("receipts", u64::try_from(journal.len()).ok(), args.json);
    let sent = send::send(api, journal, &rates, concurrency, &sending).await?;
    sending.finish();
    let sent_after = started.elapsed();
    let settling = Bar::new("posting", None, args.json);
    let patience = Duration::from_secs(u64::from(args.patience));
    let books = settle::settle(target, &rates, &sent.taken, patience, &settling).await?;
    settling.clear();
    let settled_after = started.elapsed().saturating_sub(sent_after);
    Ok(Report::new(sent, journal, books, sent_after, settled_after))
}
