//! Customers found by mistyped words among many (T6): how many are found, what a query reads, how long it takes, and how long a
//! scan of the table takes that looks at everybody.
//!
//! The synthetic Swiss customers of `treue convert synth`, listed as `search-index` lists them. Their items go straight into
//! the table; what a query costs and says is that of the function behind `GET /v1/parties`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use ::search::Searchable;
use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures::stream::{self, StreamExt, TryStreamExt};
use store::party::PartyDocument;
use store::{Record, Site, party};

use crate::cost;
use crate::desk::{self, BATCH, Item, WRITERS};
use crate::figures::{self, Target, millis};
use crate::import;
use crate::system::{Medium, System};

#[path = "../../../shared/search/examples/measure/typed.rs"]
mod typed;

use typed::{Equal, KINDS};

const SEARCH: &str = "PartySearchFunction";
const RELAY: &str = "EventRelayFunction";
const SEED: u64 = 20_261_124;
/// A party that is asked for stands among so many.
const SHOWN: usize = 10;
const FOUND_MIN: f64 = 95.0;
/// Longest time of a query; the "under a second".
const MILLIS_MAX: f64 = 1_000.0;

/// Loads `customers`, asks `queries` and prints what came of it.
pub(crate) async fn measure(functions: &Path, data: Option<&Path>, customers: usize, queries: usize) -> Result<()> {
    let documents: Vec<_> = import::documents(&import::file(data, customers)?, customers)?
        .into_iter()
        .map(|wanted| wanted.document)
        .collect();
    let system = System::start(functions, Medium::Disk).await?;
    let began = Instant::now();
    let items = load(&system, &documents).await?;
    figures::title(&format!(
        "Search on disk among {} customers ({items} items, loaded in {:.0} s), {queries} mistyped queries, seed {SEED}",
        documents.len(),
        began.elapsed().as_secs_f64()
    ));
    ask(&system, &documents, queries).await?;
    scan(&system).await?;
    system.running.stop().await;
    Ok(())
}

/// Puts the parties and their entries into the table; how many items they are.
async fn load(system: &System, documents: &[PartyDocument]) -> Result<usize> {
    let pepper = system.pepper().await?;
    system.running.stack.pause_event_source(RELAY)?;
    let loaded = stream::iter(documents.chunks(BATCH))
        .map(|documents| {
            let pepper = &pepper;
            async move {
                let mut items = Vec::new();
                for document in documents {
                    items.extend(listed(system, pepper, document)?);
                }
                let count = items.len();
                for batch in items.chunks(BATCH) {
                    desk::write(system, batch.iter().cloned()).await?;
                }
                Ok::<_, anyhow::Error>(count)
            }
        })
        .buffer_unordered(WRITERS)
        .try_fold(0, async |sum, count| Ok(sum + count))
        .await?;
    system.forget_stream().await?;
    system.running.stack.resume_event_source(RELAY)?;
    system.rest().await?;
    Ok(loaded)
}

fn listed(system: &System, pepper: &[u8], document: &PartyDocument) -> Result<Vec<Item>> {
    let (tenant, now) = (system.tenant(), runtime::now());
    let key = party::profile_key(tenant, &document.party);
    let profile = Record::new(key, party::PARTY, now, document.clone());
    let mut items = store::search::items(pepper, tenant, &profile, now)?;
    items.push(profile.to_item(Site::ToolWrite)?);
    Ok(items)
}

#[expect(clippy::cast_precision_loss, reason = "some thousand queries")]
async fn ask(system: &System, documents: &[PartyDocument], queries: usize) -> Result<()> {
    let now = runtime::now();
    let known: Vec<Searchable> = documents
        .iter()
        .map(|document| store::search::searchable(document, now))
        .collect();
    let equal = Equal::of(&known);
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut took = Vec::with_capacity(queries);
    let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let before = cost::log_length(&system.running.stack, SEARCH)?;
    // Most parties can be asked for in most ways: a bound for data of which that is not so.
    for _ in 0..queries.saturating_mul(100) {
        let kind = KINDS[took.len() % KINDS.len()];
        let wanted = random.usize(..known.len());
        let Some(fields) = kind
            .fields(&known[wanted])
            .filter(|_| equal.can_be_ranked(kind, &known[wanted]))
        else {
            continue;
        };
        let text = kind.typed(&fields, &mut random);
        let path = format!("/v1/parties?q={}&limit={SHOWN}", encoded(&text));
        let started = Instant::now();
        let answer = system.running.admin.get(&path).await.must(200);
        took.push(millis(started.elapsed()));
        let items = answer["items"].as_array().context("no items")?;
        let id = documents[wanted].party.as_str();
        let (of, all) = found.entry(kind.name()).or_default();
        *of += usize::from(items.iter().any(|item| item["party_id"] == id));
        *all += 1;
        if took.len() == queries {
            break;
        }
    }
    ensure!(took.len() == queries, "too few parties can be asked for");
    let units = cost::units_since(&system.running.stack, SEARCH, before)?;
    ensure!(units.len() == queries, "each query is logged once");
    let read: Vec<_> = units.iter().map(|units| units.1).collect();
    let requests: Vec<_> = units.iter().map(|units| units.0).collect();
    for (kind, (of, all)) in &found {
        figures::line(&format!("found by {kind}"), &format!("{of} of {all}"));
    }
    let share = found.values().map(|(of, _)| of).sum::<usize>() as f64 * 100.0 / queries as f64;
    figures::against("found in the first ten", share, "%", &Target::AtLeast(FOUND_MIN));
    for (name, values) in [("read units", &read), ("requests", &requests)] {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        figures::line(
            &format!("{name} of a query: mean, p99"),
            &format!("{mean:.1}, {:.1}", figures::percentile(values, 990)),
        );
    }
    figures::line(
        "time of a query: p50, p95",
        &format!(
            "{:.1} ms, {:.1} ms",
            figures::median(&took),
            figures::percentile(&took, 950)
        ),
    );
    let slow = figures::percentile(&took, 990);
    figures::against("time of a query: p99", slow, "ms", &Target::AtMost(MILLIS_MAX));
    Ok(())
}

/// What it takes to look at everybody.
async fn scan(system: &System) -> Result<()> {
    let db = system.db();
    let (mut after, mut units, mut parties) = (None, 0.0, 0u64);
    let began = Instant::now();
    loop {
        let page = db
            .client()
            .scan()
            .table_name(db.table())
            .filter_expression("et = :party")
            .expression_attribute_values(":party", AttributeValue::S(party::PARTY.to_owned()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .set_exclusive_start_key(after)
            .send()
            .await?;
        units += page
            .consumed_capacity
            .and_then(|used| used.capacity_units)
            .unwrap_or(0.0);
        parties += page.items.map_or(0, |items| items.len() as u64);
        after = page.last_evaluated_key;
        if after.is_none() {
            break;
        }
    }
    figures::line(
        "a scan of the table instead",
        &format!(
            "{:.1} s, {units:.0} read units, {parties} parties",
            began.elapsed().as_secs_f64()
        ),
    );
    Ok(())
}

/// A text in a URL's query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
