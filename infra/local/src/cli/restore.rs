//! `treue restore`: one party compared with a restored copy of the table, and repaired from it.

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use domain::id::PartyId;
use faults::Probe;
use store::restore::{Compared, Standing};
use store::{Db, Key};

use super::Failure;
use super::progress::Bar;
use super::target::{Target, TargetArgs};
use crate::operations::restore;

/// Differences that are printed; the rest is counted.
const PRINTED_MAX: usize = 200;

/// `treue restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    #[command(subcommand)]
    command: RestoreCommand,
}

#[derive(Debug, Subcommand)]
enum RestoreCommand {
    /// Copies the table of the local stack into a new one beside it, for a drill; on AWS, restore to a point in time instead.
    Copy {
        #[command(flatten)]
        target: TargetArgs,
        /// Name of the new table.
        #[arg(long, value_name = "TABLE")]
        to: String,
    },
    /// Shows the items of a party that are not alike in the live table and the copy: keys, never contents.
    Compare(OneParty),
    /// Puts back what the live table has lost of a party. Items that only the live table has stay.
    Repair {
        #[command(flatten)]
        of: OneParty,
        /// An item that both have, by its sort key, to be replaced with that of the copy; may be given several times.
        #[arg(long, value_name = "SORT KEY")]
        replace: Vec<String>,
    },
    /// Erases everybody from the copy who was erased in the live table: before the copy takes its place.
    Erase(Anew),
}

#[derive(Debug, Args)]
struct Anew {
    #[command(flatten)]
    target: TargetArgs,
    /// Name of the restored table.
    #[arg(long, value_name = "TABLE")]
    copy: String,
}

#[derive(Debug, Args)]
struct OneParty {
    #[command(flatten)]
    target: TargetArgs,
    /// Name of the restored table.
    #[arg(long, value_name = "TABLE")]
    copy: String,
    /// Whose items.
    #[arg(long, value_name = "ID")]
    party: PartyId,
}

impl OneParty {
    async fn compare(&self) -> Result<(Target, Compared), Failure> {
        let target = Target::of(&self.target).await?;
        let copy = beside(&target, &self.copy)?;
        let compared = restore::compare(&target.system, &copy, &self.party).await;
        let compared = compared.context("the two tables cannot be compared: is the name of the copy right?")?;
        Ok((target, compared))
    }
}

/// Another table of the same account.
fn beside(target: &Target, table: &str) -> Result<Db, Failure> {
    let live = &target.system.db;
    if live.table() == table {
        return Err(Failure::Usage(
            "the copy must be another table than the live one".to_owned(),
        ));
    }
    Ok(Db::new(live.client().clone(), table.to_owned(), Probe::none()))
}

/// Does what is asked for.
pub(crate) async fn run(args: &RestoreArgs) -> Result<(), Failure> {
    match &args.command {
        RestoreCommand::Copy { target, to } => copy(target, to).await,
        RestoreCommand::Compare(of) => compare(of).await,
        RestoreCommand::Repair { of, replace } => repair(of, replace).await,
        RestoreCommand::Erase(anew) => erase(anew).await,
    }
}

async fn copy(args: &TargetArgs, to: &str) -> Result<(), Failure> {
    if args.table.is_some() {
        return Err(Failure::Usage(
            "on AWS a copy is a restore to a point in time: see the operations document".to_owned(),
        ));
    }
    let target = Target::of(args).await?;
    let bar = Bar::new("copying", None, false);
    let copied = restore::copy(&target.system, &beside(&target, to)?, &|count| bar.inc(count)).await;
    bar.clear();
    copied.with_context(|| format!("the table could not be copied to {to}"))?;
    println!("Copied to {to}.");
    Ok(())
}

async fn compare(of: &OneParty) -> Result<(), Failure> {
    let (_, compared) = of.compare().await?;
    let differences = compared.differences();
    println!("alike                    {:>10}", compared.alike());
    for (standing, title) in [
        (Standing::Missing, "missing in the live table"),
        (Standing::Differs, "not alike"),
        (Standing::Younger, "only in the live table"),
    ] {
        let keys = differences.iter().filter(|difference| difference.standing == standing);
        print(title, keys.map(|difference| &difference.key));
    }
    if differences.is_empty() {
        println!("The live table agrees with the copy.");
        return Ok(());
    }
    Err(Failure::Differences(format!(
        "{} items are not alike",
        differences.len()
    )))
}

async fn repair(of: &OneParty, replace: &[String]) -> Result<(), Failure> {
    let (target, compared) = of.compare().await?;
    let erased = restore::was_erased(&target.system, &of.party).await;
    if erased.context("the live table does not say whether the party stands")? {
        return Err(Failure::Usage(
            "the party was erased: nothing of it is put back".to_owned(),
        ));
    }
    let repaired = restore::repair(&target.system, &compared, replace).await;
    let repaired = repaired.context("not everything could be put back: run the repair again")?;
    print("put back", repaired.put.iter());
    print("left as it is: name it with --replace", repaired.left.iter());
    print("changed meanwhile: compare again", repaired.changed.iter());
    if !repaired.changed.is_empty() {
        return Err(Failure::Failed(anyhow!("not everything was put back")));
    }
    println!("Prove the books next: treue verify --party {}", of.party);
    Ok(())
}

async fn erase(anew: &Anew) -> Result<(), Failure> {
    let target = Target::of(&anew.target).await?;
    let copy = beside(&target, &anew.copy)?;
    let done = restore::erase_anew(&target.system, &copy, runtime::now()).await;
    let done = done.context("not everybody could be erased: run it again")?;
    println!("erased in the copy       {:>10}", done.erased);
    println!("not or no more in it     {:>10}", done.gone);
    if done.waiting > 0 {
        let detail = format!(
            "{} parties were being listed: run it again in twenty minutes",
            done.waiting
        );
        return Err(Failure::Differences(detail));
    }
    println!("The copy holds nobody who was erased.");
    Ok(())
}

fn print<'a>(title: &str, keys: impl Iterator<Item = &'a Key>) {
    let keys: Vec<_> = keys.collect();
    if keys.is_empty() {
        return;
    }
    println!("{title}: {}", keys.len());
    for key in keys.iter().take(PRINTED_MAX) {
        println!("  {} {}", key.pk, key.sk);
    }
    if let Some(more) = keys.len().checked_sub(PRINTED_MAX).filter(|more| *more > 0) {
        println!("  … and {more} more");
    }
}
