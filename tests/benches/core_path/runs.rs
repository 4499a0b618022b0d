//! Runs of campaigns over many parties (N7, X5): what choosing a member and giving a voucher cost, how that grows, and whether a run
//! whose workers are killed comes to the same vouchers and the same file as one that nobody disturbs.
//!
//! The parties are the synthetic Swiss customers under ids that follow from their place in the file; they go straight into the table.
//! Everything behind them is done by the functions: the dry run, its approval by another client, the start, the vouchers, the file.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Days;
use domain::account::{Account, Lot, LotKey};
use futures::stream::{self, StreamExt, TryStreamExt};
use http_edge::Scope;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::account::{self, AccountId};
use store::party::{self, PartyDocument};
use store::{Record, Site};
use tempfile::TempDir;

use crate::desk::{self, BATCH, WRITERS};
use crate::figures::{self, Target};
use crate::import;
use crate::system::{Medium, System};
use crate::{cost, system};

const RUNS: &str = "CampaignRunFunction";
const FILES: &str = "LettershopExportFunction";
const RELAY: &str = "EventRelayFunction";
const CAMPAIGN: &str = "/v1/campaigns/many";
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
const LOOKS_MAX: u32 = 20_000;
/// Write units of a voucher that is given away, and of one that is paid for with points.
const UNITS_MAX: f64 = 3.0;
const PAID_UNITS_MAX: f64 = 6.0;
/// What a voucher costs where it costs points, and what a party has of them.
const COST_POINTS: i64 = 100;
const POINTS: i64 = 120;
/// How long a message of a killed worker stays hidden.
const KILLED_VISIBILITY_SECONDS: u64 = 20;

/// What a run came to.
struct Made {
    name: String,
    members: u64,
    seconds: f64,
    /// SHA-256 of the printer's file.
    file: String,
}

/// What the vouchers of a run cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Price {
    Free,
    Points,
}

/// Makes a run over `few` and one over `many` parties and prints what a voucher took.
#[expect(clippy::cast_precision_loss, reason = "some hundred thousand vouchers")]
pub(crate) async fn measure(
    functions: &Path,
    data: Option<&Path>,
    (few, many): (usize, usize),
    price: Price,
) -> Result<()> {
    let (how, units_max) = match price {
        Price::Free => ("given away", UNITS_MAX),
        Price::Points => ("paid for with points", PAID_UNITS_MAX),
    };
    let mut each = Vec::new();
    for parties in [few, many] {
        let system = System::start(functions, Medium::Disk).await?;
        load(&system, data, parties, price).await?;
        figures::title(&format!("A run over {parties} parties on disk, its vouchers {how}"));
        let began = Instant::now();
        let run = chosen(&system, price).await?;
        let seconds = began.elapsed().as_secs_f64();
        figures::line(
            "choosing and freezing",
            &format!("{seconds:.0} s, {:.0} parties/s", parties as f64 / seconds),
        );
        let mark = cost::log_length(&system.running.stack, RUNS)?;
        let made = made(&system, &run, None).await?;
        let spent = cost::units_since(&system.running.stack, RUNS, mark)?;
        let written = spent.iter().map(|units| units.2).sum::<f64>() / made.members as f64;
        let rate = made.members as f64 / made.seconds;
        figures::line(
            "vouchers and file",
            &format!("{:.0} s, {rate:.0} vouchers/s", made.seconds),
        );
        // To a hundredth: each shard keeps its position now and then, on top of what a voucher takes.
        let rounded = (written * 100.0).round() / 100.0;
        figures::against(
            "write units of a voucher, to a hundredth",
            rounded,
            "units",
            &Target::AtMost(units_max),
        );
        figures::line("with the positions of the shards", &format!("{written:.4} units"));
        each.push(written);
        system.running.stop().await;
    }
    if let [few, many] = each.as_slice() {
        figures::against(
            "units of the large run to those of the small one",
            many / few,
            "",
            &Target::AtMost(1.05),
        );
    }
    Ok(())
}

/// Makes the same run twice, once undisturbed and once with workers that are killed `kills` times, and compares what came of it.
pub(crate) async fn killed(functions: &Path, data: Option<&Path>, parties: usize, kills: u32) -> Result<()> {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    figures::title(&format!(
        "A run over {parties} parties, its workers killed {kills} times, SEED={seed}"
    ));
    let (calm, storm) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let first = started(functions, &calm).await?;
    load(&first, data, parties, Price::Points).await?;
    let run = chosen(&first, Price::Points).await?;
    let undisturbed = made(&first, &run, None).await?;
    let expected = vouchers(&first).await?;
    first.running.stop().await;
    // The same keys make the same codes.
    std::fs::copy(calm.path().join("secrets.json"), storm.path().join("secrets.json"))?;
    let second = started(functions, &storm).await?;
    load(&second, data, parties, Price::Points).await?;
    let run = chosen(&second, Price::Points).await?;
    let mut random = fastrand::Rng::with_seed(seed);
    let between = undisturbed.seconds / f64::from(kills.max(1));
    let disturbed = made(&second, &run, Some((&mut random, kills, between))).await?;
    figures::line(
        "undisturbed, disturbed",
        &format!("{:.0} s, {:.0} s", undisturbed.seconds, disturbed.seconds),
    );
    ensure!(
        disturbed.members == undisturbed.members,
        "{} members, and {} undisturbed",
        disturbed.members,
        undisturbed.members
    );
    ensure!(disturbed.file == undisturbed.file, "the file has the same bytes");
    ensure!(vouchers(&second).await? == expected, "vouchers and points are the same");
    let vouchers_before = expected.len();
    // Once more, and by the schedule.
    let again = second
        .running
        .admin
        .post(&format!("{CAMPAIGN}/start"), &Value::Null)
        .await;
    ensure!(again.status == 202 || again.status == 409, "{}", again.text);
    second.rest().await?;
    ensure!(
        vouchers(&second).await?.len() == vouchers_before,
        "running it again issues nothing new"
    );
    figures::line(
        "vouchers, and the file",
        &format!("{vouchers_before} and {} the same", &disturbed.file[..16]),
    );
    let _ = disturbed.name;
    second.running.stop().await;
    Ok(())
}

async fn started(functions: &Path, dir: &TempDir) -> Result<System> {
    let at = dir.path().to_owned();
    System::start_with(functions, Medium::Memory, |options| {
        options.data_dir = Some(at);
        options.visibility_timeout_seconds = Some(KILLED_VISIBILITY_SECONDS);
    })
    .await
}

/// Puts the parties into the table, with points where vouchers cost some.
async fn load(system: &System, data: Option<&Path>, parties: usize, price: Price) -> Result<()> {
    let documents = import::documents(&import::file(data, parties)?, parties)?;
    system.running.stack.pause_event_source(RELAY)?;
    let numbered = documents.into_iter().map(|wanted| wanted.document).zip(1u64..);
    let numbered: Vec<(PartyDocument, u64)> = numbered.collect();
    // Each party has two items at most.
    stream::iter(numbered.chunks(BATCH / 2))
        .map(|some| async move {
            let mut items = Vec::new();
            for (document, serial) in some {
                let mut document = document.clone();
                document.party = desk::party(*serial)?;
                if price == Price::Points {
                    items.push(account(system, &document)?);
                }
                let key = party::profile_key(system.tenant(), &document.party);
                items.push(Record::new(key, party::PARTY, runtime::now(), document).to_item(Site::ToolWrite)?);
            }
            desk::write(system, items.into_iter()).await
        })
        .buffer_unordered(WRITERS)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    system.forget_stream().await?;
    system.running.stack.resume_event_source(RELAY)?;
    system.rest().await
}

/// The account of a party, as the posting of one receipt leaves it.
fn account(system: &System, document: &PartyDocument) -> Result<desk::Item> {
    let until = system
        .running
        .today
        .checked_add_days(Days::new(365))
        .context("a date")?;
    let account = Account {
        version: 1,
        balance: POINTS,
        lots: vec![Lot {
            key: LotKey::active(Some(until)),
            open: POINTS,
        }],
        receipts: 1,
        revenue_minor: POINTS * 100,
        ..Account::default()
    };
    let id = AccountId {
        tenant: system.tenant().clone(),
        party: document.party.clone(),
        programme: system::programme()?,
    };
    Ok(account::snapshot(&id, &account, runtime::now()).to_item(Site::ToolWrite)?)
}

/// Chooses the members of the run and has them approved; the name of the run.
async fn chosen(system: &System, price: Price) -> Result<String> {
    let admin = &system.running.admin;
    let mut campaign = end_to_end::letters::bonus("many");
    campaign["segment"] = json!("party.country == \"CH\"");
    if price == Price::Points {
        campaign["voucher"]["cost_points"] = json!(COST_POINTS);
    }
    campaign["programme"] = json!(system::programme()?.to_string());
    let body = json!({"expected_edition": 0, "campaign": campaign});
    let _ = admin.put(CAMPAIGN, &body).await.must(201);
    let run = admin.post(&format!("{CAMPAIGN}/dry-runs"), &json!({})).await.must(202);
    let name = run["run_id"].as_str().context("a run")?.to_owned();
    let run = until(system, &name, "chosen").await?;
    let approver = system.running.client(&[Scope::CampaignsApprove], &[]).await;
    let digest = json!({"digest": run["dry_run"]["digest"]});
    let _ = approver.post(&format!("{CAMPAIGN}/approve"), &digest).await.must(200);
    Ok(name)
}

/// Starts the run and waits for its file; kills its workers on the way, after pauses of twice `between` seconds at most.
async fn made(system: &System, name: &str, storm: Option<(&mut fastrand::Rng, u32, f64)>) -> Result<Made> {
    let began = Instant::now();
    let _ = system
        .running
        .admin
        .post(&format!("{CAMPAIGN}/start"), &Value::Null)
        .await
        .must(202);
    if let Some((random, kills, between)) = storm {
        for _ in 0..kills {
            tokio::time::sleep(Duration::from_secs_f64(random.f64() * 2.0 * between)).await;
            system.running.stack.kill_function(RUNS)?;
            system.running.stack.kill_function(FILES)?;
        }
    }
    let run = until(system, name, "written").await?;
    let seconds = began.elapsed().as_secs_f64();
    let stack = &system.running.stack;
    let key = format!("out/{}/{name}/0001/letters.csv", system.tenant());
    let get = stack
        .clients()
        .s3
        .get_object()
        .bucket(stack.bucket("LettershopBucket")?)
        .key(key);
    let mut body = get.send().await?.body;
    let mut hash = Sha256::new();
    while let Some(bytes) = body.next().await {
        hash.update(&bytes?);
    }
    Ok(Made {
        name: name.to_owned(),
        members: run["progress"]["members"].as_u64().context("members")?,
        seconds,
        file: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

async fn until(system: &System, name: &str, stage: &str) -> Result<Value> {
    for _ in 0..LOOKS_MAX {
        let run = system.running.admin.get(&format!("/v1/runs/{name}")).await;
        // Where the table is too busy, or the machine so slow that the time of the call is over, it is asked again.
        if run.status < 500 {
            let run = run.must(200);
            ensure!(run["stage"] != "stopped", "{run}");
            if run["stage"] == stage {
                return Ok(run);
            }
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    anyhow::bail!("the run does not come to {stage}")
}

/// All vouchers with their terms, but for the instants at which they were made, and all accounts with their points.
async fn vouchers(system: &System) -> Result<BTreeSet<String>> {
    let db = system.db();
    let pages = db
        .client()
        .scan()
        .table_name(db.table())
        .filter_expression("et IN (:voucher, :account)");
    let pages = pages
        .expression_attribute_values(":voucher", AttributeValue::S("voucher".to_owned()))
        .expression_attribute_values(":account", AttributeValue::S(account::ACCOUNT.to_owned()));
    let mut pages = pages.into_paginator().send();
    let mut all = BTreeSet::new();
    while let Some(page) = pages.next().await {
        for item in page?.items.unwrap_or_default() {
            let text = |name: &str| {
                item.get(name)
                    .and_then(|value| value.as_s().ok())
                    .cloned()
                    .unwrap_or_default()
            };
            let Some(AttributeValue::M(mut terms)) = item.get("d").cloned() else {
                anyhow::bail!("an item has no content");
            };
            terms.remove("issued_at");
            let content = format!("{} {}", text("pk"), in_order(&AttributeValue::M(terms)));
            ensure!(all.insert(content), "nothing is there twice");
        }
    }
    Ok(all)
}

/// A value with the fields of its maps in their order: two equal ones read alike.
fn in_order(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(fields) => {
            let mut fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", in_order(value)))
                .collect();
            fields.sort_unstable();
            format!("{{{}}}", fields.join(" "))
        }
        AttributeValue::L(values) => format!("{:?}", values.iter().map(in_order).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}
