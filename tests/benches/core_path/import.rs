//! Files with parties: rows per second from the bucket to the parties, beside the raw rate of the same conditional writes from
//! one process; units of a new party; memory of the function; and how it grows with the file.
//!
//! The synthetic Swiss customers of `treue convert synth`. The raw writes are those of [`store::party::import::create_row`]
//! with documents of the same file, so that items have the same sizes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::code;
use futures::stream::{self, StreamExt, TryStreamExt};
use party::read::Context as Reading;
use party::row::{self, Lines, Row, Wanted};
use party::types::PartyTypes;
use serde_json::Value;
use store::party::PARTY;
use store::party::import::{self, Imported, Outcome, Place};
use store::{Made, Site};
use treue_local::cli::convert::synth;

use crate::cost;
use crate::figures::{self, Target};
use crate::system::{Medium, System};

const IMPORT: &str = "PartyImportFunction";
const LISTING: &str = "SearchIndexFunction";
const RELAY: &str = "EventRelayFunction";
/// Where the data set lies, from the workspace.
const DATA: &str = "../../shared/data/duplicates/synth_ch_200000.csv.gz";
/// Writes of the raw rate at the same time: as many as the function's workers do together.
const WRITERS: usize = 16;
/// Rows whose writes are repeated for the raw rate.
const RAW_ROWS: usize = 5_000;
/// How often an import is looked at, and how long one may take.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
const LOOKS_MAX: u32 = 20_000;
/// Units of a new party, its search keys included.
const UNITS_MAX: f64 = 25.0;
/// How long it may take until all are listed for the search.
const LISTED_WITHIN: Duration = Duration::from_secs(3_600);
/// How long a message of a killed worker stays hidden: longer than a part takes, so that no part is worked on twice at once.
const KILLED_VISIBILITY_SECONDS: u64 = 320;
/// Memory of a process of the function.
const MEMORY_MAX_MB: f64 = 256.0;

/// Imports the first `rows` customers, and all that `whole` says, and prints what it took. Nothing is listed for the search
/// meanwhile, as nothing is beside the raw writes; what that takes is measured behind the first import.
pub(crate) async fn measure(functions: &Path, data: Option<&Path>, rows: usize, whole: usize) -> Result<()> {
    let few = one(functions, data, rows).await?;
    listed(&few).await?;
    few.system.running.stop().await;
    if whole > rows {
        let many = one(functions, data, whole).await?;
        many.system.running.stop().await;
        let (few, many) = (few.rate, many.rate);
        figures::against(
            "rate of the whole file to that of its beginning",
            many / few,
            "",
            &Target::AtLeast(0.8),
        );
    }
    Ok(())
}

/// An import that was measured.
struct Measured {
    system: System,
    /// Rows per second.
    rate: f64,
    /// Parties that the raw writes made beside those of the import. They are listed too.
    raw: usize,
}

/// Imports the first `rows` customers into an empty system.
#[expect(clippy::cast_precision_loss, reason = "some hundred thousand rows")]
async fn one(functions: &Path, data: Option<&Path>, rows: usize) -> Result<Measured> {
    let file = file(data, rows)?;
    let system = System::start(functions, Medium::Disk).await?;
    system.running.stack.pause_event_source(RELAY)?;
    let began = Instant::now();
    put(&system, "synth", &file).await?;
    let import = complete(&system, "synth").await?;
    let took = began.elapsed();
    let counted = |name: &str| import["counts"][name].as_u64().unwrap_or(0);
    ensure!(counted("read") == rows as u64, "every row is read: {import}");
    let rate = rows as f64 / took.as_secs_f64();
    figures::title(&format!(
        "Import of {rows} customers on disk, {} of them rejected",
        counted("rejected")
    ));
    figures::line("rows per second", &format!("{rate:.0}/s"));
    figures::line("two million at this rate", &format!("{:.0} min", 2e6 / rate / 60.0));
    let (raw, raw_rate) = raw(&system, &file).await?;
    figures::line("raw: the same writes from one process", &format!("{raw_rate:.0}/s"));
    figures::against("their ratio", rate / raw_rate, "", &Target::AtLeast(0.5));
    let imported = written(&system, IMPORT)? / counted("created") as f64;
    figures::line("write units per new party, import", &format!("{imported:.1} units"));
    if let Some(memory) = memory_mb("party-import") {
        figures::against(
            "most memory of a process of the function",
            memory,
            "MB",
            &Target::AtMost(MEMORY_MAX_MB),
        );
    }
    Ok(Measured { system, rate, raw })
}

/// Waits until all parties are listed for the search, and prints what that took.
#[expect(clippy::cast_precision_loss, reason = "some hundred thousand parties")]
async fn listed(measured: &Measured) -> Result<()> {
    let Measured { system, raw, .. } = measured;
    let began = Instant::now();
    system.running.stack.resume_event_source(RELAY)?;
    system.rest_within(LISTED_WITHIN).await?;
    let took = began.elapsed().as_secs_f64();
    figures::line("until all are listed for the search", &format!("{took:.0} s"));
    let import = run_of(system, "synth").await.context("the import")?;
    let created = import["counts"]["created"].as_u64().unwrap_or(0) as f64;
    let imported = written(system, IMPORT)? / created;
    let listed = written(system, LISTING)? / (created + *raw as f64);
    figures::line("write units per new party, search keys", &format!("{listed:.1} units"));
    figures::against(
        "write units per new party, together",
        imported + listed,
        "units",
        &Target::AtMost(UNITS_MAX),
    );
    Ok(())
}

pub(crate) fn file(data: Option<&Path>, rows: usize) -> Result<Vec<u8>> {
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA);
    let data = data.unwrap_or(&known);
    let mut unpacked = Command::new("gzip")
        .arg("-dc")
        .arg(data)
        .stdout(Stdio::piped())
        .spawn()
        .context("gzip does not run")?;
    let input = unpacked.stdout.take().context("its output")?;
    let mut file = Vec::new();
    let found = synth::parties(input, &mut file, Some(rows))?;
    // It writes to nobody once the wanted rows are read.
    unpacked.kill()?;
    let _ = unpacked.wait()?;
    ensure!(found == u64::try_from(rows)?, "{} has {found} rows", data.display());
    Ok(file)
}

/// The import of the file with this name, as the API shows it; `None` also where the table is too busy to say so.
async fn run_of(system: &System, name: &str) -> Option<Value> {
    let listed = system.running.admin.get("/v1/imports").await;
    let listed = if listed.status == 503 {
        return None;
    } else {
        listed.must(200)
    };
    let name = format!("/{name}.parties.csv");
    let is_it = |import: &&Value| import["file"].as_str().is_some_and(|file| file.ends_with(&name));
    listed["items"].as_array()?.iter().find(is_it).cloned()
}

async fn complete(system: &System, name: &str) -> Result<Value> {
    for _ in 0..LOOKS_MAX {
        if let Some(import) = run_of(system, name).await
            && import["state"] != "running"
        {
            ensure!(import["state"] == "complete", "{import}");
            return Ok(import);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    anyhow::bail!("the import does not come to an end")
}

/// Write units that a function has logged.
fn written(system: &System, function: &str) -> Result<f64> {
    let log = system.running.stack.function_log(function)?;
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(lines.map(|line| cost::logged_units(&line).2).sum())
}

/// Imports a file of which the workers are killed `kills` times on the way, then the same file once more, and proves that there
/// is one party for each row and that nothing differs from what the file says. Nothing lists them for the search meanwhile.
#[expect(clippy::cast_precision_loss, reason = "some hundred thousand rows")]
pub(crate) async fn killed(functions: &Path, data: Option<&Path>, rows: usize, kills: u64) -> Result<()> {
    let file = file(data, rows)?;
    let system = System::start_with(functions, Medium::Disk, |options| {
        // A killed worker's part is taken up again after this time.
        options.visibility_timeout_seconds = Some(KILLED_VISIBILITY_SECONDS);
    });
    let system = system.await?;
    system.running.stack.pause_event_source(RELAY)?;
    let before = parties(&system).await?;
    figures::title(&format!(
        "Import of {rows} customers on disk, its workers killed {kills} times"
    ));
    let began = Instant::now();
    put(&system, "killed", &file).await?;
    for kill in 1..=kills {
        let enough = rows as u64 * kill / (kills + 1);
        until_read(&system, "killed", enough).await?;
        system.running.stack.kill_function(IMPORT)?;
        let took = began.elapsed().as_secs_f64();
        let rate = enough as f64 / took;
        figures::line(
            &format!("killed after {enough} rows"),
            &format!("{took:.0} s, {rate:.0} rows/s so far"),
        );
    }
    let first = complete(&system, "killed").await?;
    figures::line("complete", &format!("{:.0} s", began.elapsed().as_secs_f64()));
    let began = Instant::now();
    put(&system, "again", &file).await?;
    let second = complete(&system, "again").await?;
    let took = began.elapsed().as_secs_f64();
    figures::line("the same file again", &format!("{took:.0} s, {}", second["counts"]));
    let counted = |import: &Value, name: &str| import["counts"][name].as_u64().unwrap_or(0);
    let taken = counted(&first, "created");
    ensure!(counted(&second, "unchanged") == taken, "nothing differs: {second}");
    ensure!(counted(&second, "created") == 0, "nothing is new: {second}");
    let stored = parties(&system).await? - before;
    ensure!(stored == taken, "{taken} rows made {stored} parties");
    figures::line("parties, one for each row that was taken", &stored.to_string());
    system.running.stop().await;
    Ok(())
}

async fn put(system: &System, name: &str, file: &[u8]) -> Result<()> {
    let bucket = system.running.stack.bucket("ImportBucket")?;
    let key = format!("incoming/{}/{name}.parties.csv", system.tenant());
    let put = system.running.stack.clients().s3.put_object().bucket(bucket).key(key);
    put.body(file.to_vec().into()).send().await?;
    Ok(())
}

/// Waits until so many rows are read.
async fn until_read(system: &System, name: &str, rows: u64) -> Result<()> {
    for _ in 0..LOOKS_MAX {
        let import = run_of(system, name).await;
        if import.is_some_and(|import| import["counts"]["read"].as_u64() >= Some(rows)) {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    anyhow::bail!("the import does not go on")
}

/// Parties in the table.
async fn parties(system: &System) -> Result<u64> {
    let db = system.db();
    let pages = db
        .client()
        .scan()
        .table_name(db.table())
        .filter_expression("et = :party");
    let pages = pages.expression_attribute_values(":party", AttributeValue::S(PARTY.to_owned()));
    let mut pages = pages.select(Select::Count).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += u64::try_from(page?.count())?;
    }
    Ok(count)
}

/// The writes of new parties with the documents of the file under other ids; how many, and how many per second.
#[expect(clippy::cast_precision_loss, reason = "some thousand rows")]
async fn raw(system: &System, file: &[u8]) -> Result<(usize, f64)> {
    let rows = documents(file, RAW_ROWS)?;
    let count = rows.len();
    let began = Instant::now();
    let writes = rows
        .into_iter()
        .enumerate()
        .map(|(number, wanted)| write(system, number, wanted));
    stream::iter(writes)
        .buffer_unordered(WRITERS)
        .try_collect::<Vec<()>>()
        .await?;
    Ok((count, count as f64 / began.elapsed().as_secs_f64()))
}

/// What the first `most` rows of a file want, but for those that are rejected.
pub(crate) fn documents(file: &[u8], most: usize) -> Result<Vec<Wanted>> {
    let types = PartyTypes::default();
    let now = runtime::now();
    let company = party::own::company_id(&end_to_end::world::TENANT.parse()?);
    let when = party::change::When {
        now,
        today: now.date_naive(),
    };
    let with = Reading {
        types: &types,
        company: &company,
        when,
    };
    let mut lines = Lines::new(file, file.len());
    let header = lines.next().and_then(|line| line.text).context("a first line")?;
    let header = row::header(header)?;
    let mut documents = Vec::new();
    for line in lines.filter_map(|line| line.text).take(most) {
        let row = Row::of_columns(line, &header).map_err(|flaw| anyhow::anyhow!("{flaw:?}"))?;
        let id = uuid::Uuid::new_v4().to_string().parse()?;
        documents.extend(row::wanted(&row, None, id, with).ok());
    }
    Ok(documents)
}

async fn write(system: &System, number: usize, wanted: Wanted) -> Result<()> {
    let lookup = code::lookup_key(b"the pepper of the bench", "external/1", &number.to_be_bytes());
    let hash: String = lookup.as_str().chars().take(16).collect();
    let imported = Imported {
        place: Place {
            run: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".parse()?,
            revision: 1,
            at: number as u64,
        },
        outcome: Outcome::Created,
        fields: wanted.says.keys().map(|field| (field.clone(), hash.clone())).collect(),
        contacts: wanted
            .document
            .contacts
            .iter()
            .map(|c| (c.point.kind().to_owned(), c.id))
            .collect(),
    };
    let mut document = wanted.document;
    document.lookups = vec![lookup.clone()];
    let made = Made {
        at: runtime::now(),
        by: None,
    };
    let (db, row) = (system.db(), (&lookup, imported));
    let stored = import::create_row(db, Site::ToolWrite, system.tenant(), &document, row, &made).await?;
    ensure!(stored, "the row is new");
    Ok(())
}

/// The most memory that a process of this function on this machine has taken, in MB; `None` where the system does not tell.
pub(crate) fn memory_mb(function: &str) -> Option<f64> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let mut most = None;
    for process in processes.flatten() {
        let path = process.path();
        // The binary of the package is named after the package.
        let is_it = std::fs::read_link(path.join("exe")).is_ok_and(|exe| {
            let text = exe.to_string_lossy().into_owned();
            text.contains(function)
        });
        let status = is_it
            .then(|| std::fs::read_to_string(path.join("status")).ok())
            .flatten();
        let line = status.and_then(|status| status.lines().find(|line| line.starts_with("VmHWM")).map(str::to_owned));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        if let Some(megabytes) = kilobytes.map(|kilobytes| kilobytes / 1024.0) {
            most = Some(most.map_or(megabytes, |most: f64| most.max(megabytes)));
        }
    }
    most
}
