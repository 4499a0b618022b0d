//! What the core path costs: rates, latencies, requests and request units, cold starts. Each figure stands beside its target
//! and, where the machine matters, beside a reference measured in the same run.
//!
//! `cargo bench -p end-to-end --bench core_path`, with `-- --help` for the parts and their sizes.
//!
//! | module | what |
//! |---|---|
//! | `throughput` | posted receipts per second through HTTP, and the raw rate of the same writes |
//! | `latency` | how long a receipt waits for its points at a steady rate |
//! | `cost` | requests and request units of one receipt, by function and age of the account |
//! | `desk` | the cash desk among many customers |
//! | `close` | the close of a day among many accounts |
//! | `import` | files with parties, beside the raw rate of the same writes |
//! | `letters` | the printer's file of many letters, beside the raw upload of the same bytes |
//! | `runs` | runs of campaigns over many parties; one whose workers are killed |
//! | `search` | customers found by mistyped words among many, beside a scan of the table |
//! | `cold_start` | processor time, wall time and memory of a function until it asks for its first event |
//! | `system` | a running stack with customers |
//! | `figures` | medians, percentiles and the lines they are printed in |

mod close;
mod cold_start;
mod cost;
mod desk;
mod figures;
mod import;
mod latency;
mod letters;
mod runs;
mod search;
mod system;
mod throughput;

use std::path::Path;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use treue_local::build::{self, Profile};
use treue_local::progress::Lines;

use runs::Price;
use system::Medium;

/// Part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Posted receipts per second, and the raw rate of the table.
    Throughput,
    /// Seconds from receipt to points at a steady rate.
    Latency,
    /// Requests and request units per receipt.
    Cost,
    /// The cash desk among many customers.
    Desk,
    /// The close of a day among many accounts.
    Close,
    /// Import of the synthetic customers.
    Import,
    /// The same, with workers that are killed.
    ImportKilled,
    /// The printer's file of many letters.
    Letters,
    /// Runs of campaigns over many parties that give vouchers away.
    Runs,
    /// The same, whose members pay with points.
    RunsPaid,
    /// The same run undisturbed, and with workers that are killed.
    RunsKilled,
    /// Search among the synthetic customers.
    Search,
    /// Start of each function beside a function that does nothing.
    ColdStart,
}

#[derive(Debug, Parser)]
#[command(about = "Measures the core path against its targets")]
struct Args {
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Rounds of the throughput, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Receipts of a round.
    #[arg(long, default_value_t = 2_000)]
    receipts: usize,
    /// Receipts on their way at the same time; fewer than 16 leave the way from the table to the points idle in between.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Receipts per second of the latency.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Seconds of the latency.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Receipts measured one by one per age of account.
    #[arg(long, default_value_t = 200)]
    samples: usize,
    /// Customers of the cash desk.
    #[arg(long, default_value_t = 200_000)]
    customers: usize,
    /// Accounts of the close of a day.
    #[arg(long, default_value_t = 200_000)]
    accounts: u32,
    /// Rows of the import, and of the larger one beside it; equal numbers leave that out.
    #[arg(long, num_args = 2, default_values_t = [20_000, 220_000])]
    import_rows: Vec<usize>,
    /// How often the workers of an import are killed.
    #[arg(long, default_value_t = 2)]
    kills: u64,
    /// The synthetic customers (gzip), where they do not lie beside the workspace.
    #[arg(long, value_name = "FILE")]
    import_data: Option<std::path::PathBuf>,
    /// Customers of the search.
    #[arg(long, default_value_t = 220_000)]
    found_among: usize,
    /// Letters of the printer's file.
    #[arg(long, default_value_t = 1_000_000)]
    letters: usize,
    /// Parties of a run, and of the larger one beside it.
    #[arg(long, num_args = 2, default_values_t = [20_000, 220_000])]
    run_parties: Vec<usize>,
    /// Parties of the run whose workers are killed, and how often they are.
    #[arg(long, num_args = 2, default_values_t = [100_000, 20])]
    runs_killed: Vec<usize>,
    /// Queries of the search.
    #[arg(long, default_value_t = 1_000)]
    queries: usize,
    /// Starts of each function.
    #[arg(long, default_value_t = 30)]
    spawns: usize,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let wants = |part| args.only.is_empty() || args.only.contains(&part);
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let functions = build::functions(&template, Profile::Release, &Lines)
        .await
        .context("the functions cannot be built")?;
    figures::machine();
    if wants(Part::Throughput) {
        for medium in [Medium::Memory, Medium::Disk] {
            let load = throughput::Load {
                rounds: args.rounds,
                receipts: args.receipts,
                concurrency: args.concurrency,
            };
            throughput::measure(&functions, medium, &load).await?;
        }
    }
    if wants(Part::Latency) {
        latency::measure(&functions, args.rate, args.seconds).await?;
    }
    if wants(Part::Cost) {
        cost::measure(&functions, args.samples).await?;
    }
    if wants(Part::Desk) {
        desk::measure(&functions, args.customers).await?;
    }
    if wants(Part::Close) {
        close::measure(&functions, args.accounts).await?;
    }
    if wants(Part::Import) {
        let (rows, whole) = two(&args.import_rows, "--import-rows")?;
        Box::pin(import::measure(&functions, args.import_data.as_deref(), rows, whole)).await?;
    }
    if wants(Part::ImportKilled) {
        let rows = args.import_rows.iter().copied().max().unwrap_or_default();
        import::killed(&functions, args.import_data.as_deref(), rows, args.kills).await?;
    }
    if wants(Part::Letters) {
        Box::pin(letters::measure(&functions, args.letters)).await?;
    }
    for (part, price) in [(Part::Runs, Price::Free), (Part::RunsPaid, Price::Points)] {
        if wants(part) {
            let parties = two(&args.run_parties, "--run-parties")?;
            Box::pin(runs::measure(&functions, args.import_data.as_deref(), parties, price)).await?;
        }
    }
    if wants(Part::RunsKilled) {
        let (parties, kills) = two(&args.runs_killed, "--runs-killed")?;
        Box::pin(runs::killed(
            &functions,
            args.import_data.as_deref(),
            parties,
            u32::try_from(kills)?,
        ))
        .await?;
    }
    if wants(Part::Search) {
        search::measure(&functions, args.import_data.as_deref(), args.found_among, args.queries).await?;
    }
    if wants(Part::ColdStart) {
        cold_start::measure(&functions, args.spawns).await?;
    }
    Ok(())
}

fn two(numbers: &[usize], name: &str) -> Result<(usize, usize)> {
    match numbers {
        [one, other] => Ok((*one, *other)),
        _ => anyhow::bail!("{name} takes two numbers"),
    }
}
