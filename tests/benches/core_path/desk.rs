//! The cash desk among many customers (X19): what a call reads, costs and takes.
//!
//! A few customers are made through the API. The items that this leaves in the table are the pattern for all others, which
//! go straight into the table: same items, same sizes, other ids, cards and names. On disk, because the embedded database
//! keeps no more than a gigabyte in memory.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::card::CardNumber;
use domain::id::{LookupKey, PartyId};
use end_to_end::world;
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::cost;
use crate::figures::{self, millis};
use crate::system::{self, Customer, Medium, System};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Customers made through the API, who buy: with vouchers, and one as the pattern.
const BUYERS: usize = 20;
/// Calls that are measured, at a time no others.
const CALLS: usize = 2_000;
/// Items of one batch write; the service takes no more.
pub(crate) const BATCH: usize = 25;
pub(crate) const WRITERS: usize = 8;
/// Serial numbers of the copies begin here.
const FIRST_COPY: u64 = 1_000_000;
/// Tries of a batch whose items the table leaves unprocessed.
const TRIES: u32 = 5;
const RELAY: &str = "EventRelayFunction";
const DESK: &str = "CustomerFunction";

/// Loads the customers and prints what the cash desk takes.
pub(crate) async fn measure(functions: &Path, customers: usize) -> Result<()> {
    let system = System::start(functions, Medium::Disk).await?;
    let pattern = Pattern::of(&system).await?;
    let buyers = system.customers(10, BUYERS).await;
    for (index, buyer) in buyers.iter().enumerate() {
        // CHF 1,500: three vouchers.
        let body = system::receipt("B05", system.running.today, &index.to_string(), 30_000, &buyer.card);
        system.buy(&body).await;
    }
    system.rest().await?;
    let loaded = Instant::now();
    load(&system, &pattern, customers).await?;
    figures::title(&format!(
        "Cash desk on disk among {customers} customers (loaded in {:.0} s), {CALLS} calls one after the other",
        loaded.elapsed().as_secs_f64()
    ));
    let mut random = fastrand::Rng::with_seed(1);
    let cards = (0..CALLS).map(|_| {
        let copy = random.u64(..u64::try_from(customers).unwrap_or(1).max(1));
        world::card(FIRST_COPY + copy)
    });
    let cards: Vec<_> = cards.collect();
    calls(&system, "without vouchers", &cards).await?;
    let cards: Vec<_> = buyers
        .iter()
        .map(|buyer| buyer.card.clone())
        .cycle()
        .take(CALLS)
        .collect();
    calls(&system, "with three open vouchers", &cards).await?;
    system.running.stop().await;
    Ok(())
}

async fn calls(system: &System, name: &str, cards: &[String]) -> Result<()> {
    let mut took = Vec::with_capacity(cards.len());
    let before = cost::log_length(&system.running.stack, DESK)?;
    for card in cards {
        let path = format!("/v1/cash-desk/{card}?store=B05&till=1");
        let started = Instant::now();
        let answer = system.running.admin.get(&path).await.must(200);
        took.push(millis(started.elapsed()));
        ensure!(
            answer["customer"]["name"].is_string(),
            "the cash desk does not know a customer"
        );
    }
    let units = cost::units_since(&system.running.stack, DESK, before)?;
    let requests: Vec<_> = units.iter().map(|units| units.0).collect();
    let read: Vec<_> = units.iter().map(|units| units.1).collect();
    let of = |values: &[f64]| {
        format!(
            "{:.1} / {:.1}",
            figures::median(values),
            figures::percentile(values, 990)
        )
    };
    figures::line(
        &format!("{name}: requests, read units (median / p99)"),
        &format!("{}, {}", of(&requests), of(&read)),
    );
    figures::line(
        &format!("{name}: time of a call, p50, p99"),
        &format!(
            "{:.1} ms, {:.1} ms",
            figures::median(&took),
            figures::percentile(&took, 990)
        ),
    );
    Ok(())
}

/// The items of one customer, and what in them is this customer's alone.
struct Pattern {
    items: Vec<Item>,
    customer: Customer,
    lookups: Vec<String>,
    card_lookup: LookupKey,
    pepper: Vec<u8>,
}

const SERIAL: u64 = 1;

impl Pattern {
    /// Makes the first customer of the table and takes what it left there.
    async fn of(system: &System) -> Result<Self> {
        let mut customers = system.customers(SERIAL, 1).await;
        let customer = customers.pop().context("no customer")?;
        let pepper = system.pepper().await?;
        let card_lookup = lookup(&pepper, &customer.card)?;
        let mut pattern = Self {
            items: Vec::new(),
            lookups: vec![card_lookup.to_string()],
            customer,
            card_lookup,
            pepper,
        };
        let db = system.db();
        let scanned = db
            .client()
            .scan()
            .table_name(db.table())
            .consistent_read(true)
            .send()
            .await?;
        ensure!(
            scanned.last_evaluated_key.is_none(),
            "the table of a new stack is larger than a page"
        );
        let marks = [pattern.customer.party.to_string(), pattern.card_lookup.to_string()];
        for item in scanned.items.unwrap_or_default() {
            let text = format!("{item:?}");
            if marks.iter().any(|mark| text.contains(mark.as_str())) {
                pattern.lookups.extend(external_lookup(&item));
                pattern.items.push(item);
            }
        }
        ensure!(
            pattern.items.len() >= 5,
            "profile, name, external id, card and its reference"
        );
        Ok(pattern)
    }

    /// The items of another customer.
    fn copy(&self, serial: u64) -> Result<Vec<Item>> {
        let card = world::card(serial);
        let mut swaps = vec![
            (self.customer.party.to_string(), party(serial)?.to_string()),
            (self.card_lookup.to_string(), lookup(&self.pepper, &card)?.to_string()),
            (self.customer.card.clone(), card),
            (system::family_name(SERIAL), system::family_name(serial)),
            (system::external_id(SERIAL), system::external_id(serial)),
        ];
        // Nobody looks a copy up by its external id: any other key of the same length does.
        for known in &self.lookups[1..] {
            let other = domain::code::lookup_key(&self.pepper, "bench/1", &serial.to_be_bytes());
            swaps.push((known.clone(), other.to_string()));
        }
        Ok(self.items.iter().map(|item| swap_item(item, &swaps)).collect())
    }
}

/// The keyed hash that an item of an external id stands under.
fn external_lookup(item: &Item) -> Option<String> {
    let pk = item.get("pk")?.as_s().ok()?;
    pk.strip_prefix("EXTERNAL#")?.rsplit('#').next().map(str::to_owned)
}

fn lookup(pepper: &[u8], card: &str) -> Result<LookupKey> {
    let number: CardNumber = card.parse()?;
    Ok(store::card::lookup_key(pepper, &number))
}

pub(crate) fn party(serial: u64) -> Result<PartyId> {
    let id = uuid::Builder::from_unix_timestamp_millis(serial, &[7; 10]).into_uuid();
    Ok(id.to_string().parse()?)
}

fn swap_item(item: &Item, swaps: &[(String, String)]) -> Item {
    item.iter()
        .map(|(name, value)| (name.clone(), swap(value, swaps)))
        .collect()
}

fn swap(value: &AttributeValue, swaps: &[(String, String)]) -> AttributeValue {
    match value {
        AttributeValue::S(text) => {
            let swapped = swaps
                .iter()
                .fold(text.clone(), |text, (from, to)| text.replace(from, to));
            AttributeValue::S(swapped)
        }
        AttributeValue::M(map) => AttributeValue::M(swap_item(map, swaps)),
        AttributeValue::L(list) => AttributeValue::L(list.iter().map(|value| swap(value, swaps)).collect()),
        other => other.clone(),
    }
}

async fn load(system: &System, pattern: &Pattern, customers: usize) -> Result<()> {
    system.running.stack.pause_event_source(RELAY)?;
    let serials: Vec<u64> = (FIRST_COPY..).take(customers).collect();
    let per_batch = BATCH / pattern.items.len();
    stream::iter(serials.chunks(per_batch))
        .map(|serials| async move {
            let copies = serials
                .iter()
                .map(|serial| pattern.copy(*serial))
                .collect::<Result<Vec<_>>>()?;
            write(system, copies.into_iter().flatten()).await
        })
        .buffer_unordered(WRITERS)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    // Copies make no work.
    system.forget_stream().await?;
    system.running.stack.resume_event_source(RELAY)?;
    system.rest().await
}

pub(crate) async fn write(system: &System, items: impl Iterator<Item = Item>) -> Result<()> {
    let db = system.db();
    let mut requests = items
        .map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        })
        .collect::<Result<Vec<_>>>()?;
    for _ in 0..TRIES {
        let answer = db
            .client()
            .batch_write_item()
            .request_items(db.table(), requests)
            .send()
            .await?;
        requests = answer
            .unprocessed_items
            .and_then(|mut tables| tables.remove(db.table()))
            .unwrap_or_default();
        if requests.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the table keeps leaving items unprocessed")
}
