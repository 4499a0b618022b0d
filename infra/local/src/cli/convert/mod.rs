//! `treue convert`: public data sets with real purchases become journals that `treue replay` can send.
//!
//! | data set | receipts | customers | location | receipt number |
//! |---|---|---|---|---|
//! | `completejourney` | baskets of a grocer, grouped from their lines | households | the stores | basket id |
//! | `cdnow` | purchases of a mail-order shop, one row each | customers | one shop | ordinal of the row |
//!
//! `synth` has customers only: it becomes a file for the import.
//!
//! Identical rows of CDNOW are genuine purchases; the ordinal keeps them apart. Amounts are read as decimals and must be whole
//! cents. Every receipt is paid with one payment of kind `other`; one of 0.00 has no payment, because nothing was paid. A
//! quantity of 0, which the grocer's file has beside some amounts, says that nothing was counted: the line stands for one
//! piece. Negative amounts and fractions of a cent are refused with their row: neither file has any, and to guess what a
//! return means would falsify the books.

mod cdnow;
mod completejourney;
mod money;
mod output;
pub mod synth;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::Failure;
use output::Output;

/// Most rows of an input file; they are grouped in memory.
const ROWS_MAX: usize = 10_000_000;

/// `treue convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Which data set.
    #[arg(value_enum)]
    source: Source,
    /// Its CSV file.
    file: PathBuf,
    /// Folder for journal.jsonl and setup.jsonl.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only the first N receipts by time.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// dunnhumby, The Complete Journey: lines of baskets.
    Completejourney,
    /// CDNOW, Fader and Hardie: one purchase per row.
    Cdnow,
    /// Synthetic Swiss customers without purchases: a file to be imported.
    Synth,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Receipts in the journal.
    pub receipts: u64,
    /// Their lines.
    pub lines: u64,
    /// Sum of their totals in cents.
    pub total_minor: i64,
    /// Customers, each with a card.
    pub customers: u64,
    /// Locations.
    pub locations: u64,
}

/// Writes `journal.jsonl` and `setup.jsonl` into `out`.
///
/// # Errors
/// The input cannot be read, has a row that makes no receipt, or the output cannot be written.
pub fn convert(source: Source, input: &Path, out: &Path, limit: Option<usize>) -> anyhow::Result<Summary> {
    let mut reader = csv::Reader::from_path(input).with_context(|| format!("cannot open {}", input.display()))?;
    let mut output = Output::create(out)?;
    let converted = match source {
        Source::Completejourney => completejourney::convert(&mut reader, &mut output, limit),
        Source::Cdnow => cdnow::convert(&mut reader, &mut output, limit),
        Source::Synth => anyhow::bail!("it has customers and no receipts"),
    };
    converted.with_context(|| format!("{} cannot be converted", input.display()))?;
    output.finish()
}

/// Converts and says what came of it.
pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    if args.source == Source::Synth {
        return customers(args);
    }
    let summary = convert(args.source, &args.file, &args.out, args.limit)?;
    let journal = args.out.join("journal.jsonl");
    let setup = args.out.join("setup.jsonl");
    println!(
        "{} receipts with {} lines, USD {}.{:02} in all, of {} customers at {} locations",
        summary.receipts,
        summary.lines,
        summary.total_minor / 100,
        summary.total_minor % 100,
        summary.customers,
        summary.locations
    );
    println!("treue replay {} --setup {}", journal.display(), setup.display());
    Ok(())
}

/// Writes a file to be imported and says how.
fn customers(args: &ConvertArgs) -> Result<(), Failure> {
    let unread = || format!("{} cannot be converted", args.file.display());
    let input = std::fs::File::open(&args.file).with_context(unread)?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    let path = args.out.join("synth.parties.csv");
    let output = std::fs::File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    let count = synth::parties(std::io::BufReader::new(input), output, args.limit).with_context(unread)?;
    println!("{count} customers");
    println!("treue import {}", path.display());
    Ok(())
}
