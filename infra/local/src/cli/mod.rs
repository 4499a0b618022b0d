//! The command line of `treue`.
//!
//! | file | command |
//! |---|---|
//! | `start`, `demo`, `story` | `treue`: the stack itself, with a demo day the first time |
//! | `keys` | `treue keys` |
//! | `bootstrap` | `treue bootstrap` |
//! | `replay` | `treue replay FILE` |
//! | `verify`, `reconcile` | `treue verify`, `treue reconcile` |
//! | `finance` | `treue finance MONTH` |
//! | `restore` | `treue restore` |
//! | `import` | `treue import FILE` |
//! | `returns` | `treue returns FILE` |
//! | `runs` | `treue runs` |
//! | `offline` | `treue offline` |
//! | `convert` | `treue convert` |
//!
//! Everything that a program reads goes to standard output, everything about the way there (progress, hints, errors) to
//! standard error.

mod api;
mod bootstrap;
pub mod convert;
mod data;
mod demo;
mod exit;
mod finance;
mod http;
mod import;
mod keys;
mod offline;
mod progress;
mod reconcile;
pub mod replay;
mod restore;
mod returns;
mod runs;
mod start;
mod story;
mod target;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use exit::{EXIT_CODES, Failure};

/// A serverless loyalty CRM, run locally from its template. Without a command: starts the stack and stays up until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "treue", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(flatten)]
    start: start::StartArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the demo keys of the local stack with their rights.
    Keys(keys::KeysArgs),
    /// Gives a new system its first key, its locations and the default programme; run twice, it changes nothing.
    Bootstrap(bootstrap::BootstrapArgs),
    /// Sends a journal of receipts and proves that the books agree with it.
    Replay(replay::ReplayArgs),
    /// Proves the books: refolds every account and compares.
    Verify(verify::VerifyArgs),
    /// Computes finance's books of a month again and compares them with their report.
    Finance(finance::FinanceArgs),
    /// Finds accepted facts without their effect and sends them on their way again.
    Reconcile(reconcile::ReconcileArgs),
    /// Compares a party with a restored copy of the table, and repairs it from there.
    Restore(restore::RestoreArgs),
    /// Imports a file with parties into the stack that runs here, and shows how far it is.
    Import(import::ImportArgs),
    /// Reports the letters of a carrier's file that came back, and what became of each.
    Returns(returns::ReturnsArgs),
    /// Lists, shows, follows, starts and stops the runs of campaigns.
    Runs(runs::RunsArgs),
    /// Reports what is lost at tills without a line.
    Offline(offline::OfflineArgs),
    /// Makes a journal of a data set with real purchases.
    Convert(convert::ConvertArgs),
}

/// Where the local stack keeps its data.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataArgs {
    /// Folder of the local stack's data.
    #[arg(long, value_name = "DIR", default_value = ".treue")]
    pub(crate) data: PathBuf,
}

/// Does what the command line asks for.
///
/// # Errors
/// [`Failure`] with its exit code.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => start::run(&cli.start).await,
        Some(Command::Keys(args)) => keys::run(&args).await,
        Some(Command::Bootstrap(args)) => bootstrap::run(&args).await,
        Some(Command::Replay(args)) => replay::run(&args).await,
        Some(Command::Verify(args)) => verify::run(&args).await,
        Some(Command::Finance(args)) => finance::run(&args).await,
        Some(Command::Reconcile(args)) => reconcile::run(&args).await,
        Some(Command::Restore(args)) => restore::run(&args).await,
        Some(Command::Import(args)) => import::run(&args).await,
        Some(Command::Returns(args)) => returns::run(&args).await,
        Some(Command::Runs(args)) => runs::run(&args).await,
        Some(Command::Offline(args)) => offline::run(&args).await,
        Some(Command::Convert(args)) => convert::run(&args),
    }
}
