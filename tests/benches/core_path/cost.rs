//! Requests and request units of one receipt, by function, for an account in its first year and in its tenth.
//!
//! Receipts go in one by one; what the functions log until the system is at rest again belongs to that receipt. The
//! authorizer's remembered answers are forgotten before each, so that its read counts too.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::Days;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use treue_local::stack::Stack;

use crate::figures::{self, Target};
use crate::system::{self, Customer, Medium, System};

/// Accounts of each age that the receipts are spread over.
const ACCOUNTS: usize = 4;
/// Weekly shopping.
const WEEKS: u64 = 52;
const YEARS: u64 = 10;
/// Pages of vouchers that ten years may come to.
const VOUCHER_PAGES_MAX: usize = 10;
/// A weekly basket of CHF 37.50: some vouchers a year.
const HISTORY_LINE_MINOR: i64 = 750;
/// The receipts that are measured earn too little for a voucher, whose writes are counted in the data model's table.
const MEASURED_LINE_MINOR: i64 = 15;
const FUNCTIONS: [&str; 4] = [
    "AuthorizerFunction",
    "PurchaseIngestionFunction",
    "EventRelayFunction",
    "PointCalculationFunction",
];
/// Bytes of the write unit.
const UNIT_BYTES: f64 = 1_024.0;

/// What a function logged as its cost.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    requests: f64,
    read: f64,
    write: f64,
}

/// Measures accounts of both ages.
pub(crate) async fn measure(functions: &Path, samples: usize) -> Result<()> {
    let system = System::start(functions, Medium::Memory).await?;
    let young = system.customers(1, ACCOUNTS).await;
    let old = system.customers(100, ACCOUNTS).await;
    history(&system, &young, WEEKS / 2).await?;
    history(&system, &old, WEEKS * YEARS).await?;
    system.rest().await?;
    for customer in young.iter().chain(&old) {
        redeem_all_but_one(&system, customer).await?;
    }
    system.rest().await?;
    age(&system, "first year", &young, samples).await?;
    age(&system, "tenth year", &old, samples).await?;
    system.end().await
}

/// Weekly receipts up to last week, oldest first.
async fn history(system: &System, customers: &[Customer], weeks: u64) -> Result<()> {
    stream::iter(customers)
        .map(|customer| async move {
            for week in (1..=weeks).rev() {
                let date = system
                    .running
                    .today
                    .checked_sub_days(Days::new(7 * week))
                    .context("a date")?;
                let number = format!("{}-{week}", customer.card);
                let body = system::receipt("B03", date, &number, HISTORY_LINE_MINOR, &customer.card);
                system.buy(&body).await;
            }
            anyhow::Ok(())
        })
        .buffer_unordered(customers.len())
        .try_for_each(|()| async { Ok(()) })
        .await
}

/// Takes the vouchers of all these years, as the customer would have: one is open.
async fn redeem_all_but_one(system: &System, customer: &Customer) -> Result<()> {
    let till = &system.running.admin;
    for round in 0..VOUCHER_PAGES_MAX {
        let desk = format!("/v1/cash-desk/{}?store=B03&till=1", customer.card);
        let desk = till.get(&desk).await.must(200);
        let codes: Vec<_> = desk["open_vouchers"].as_array().into_iter().flatten().collect();
        if codes.len() <= 1 {
            return Ok(());
        }
        for (index, voucher) in codes.iter().skip(1).enumerate() {
            let number = format!("V{round}-{index}-{}", customer.card);
            let redeem = json!({
                "store": "B03", "till": "1", "code": voucher["code"],
                "receipt": format!("B03~1~{}~{number}", system.running.today),
                "basket_total": {"amount_minor": 5_000, "currency": "CHF"},
            });
            let _ = till.post("/v1/vouchers/redeem", &redeem).await.must(200);
        }
        system.rest().await?;
    }
    bail!("the vouchers of {YEARS} years do not come to an end")
}

async fn age(system: &System, name: &str, customers: &[Customer], samples: usize) -> Result<()> {
    let mut spent: BTreeMap<&str, Vec<Spent>> = BTreeMap::new();
    let mut all = Vec::new();
    let mut body_bytes = 0;
    for sample in 0..samples {
        let customer = &customers[sample % customers.len()];
        let number = format!("{name}-{sample}").replace(' ', "-");
        let body = system::receipt(
            "B04",
            system.running.today,
            &number,
            MEASURED_LINE_MINOR,
            &customer.card,
        );
        body_bytes = body.to_string().len();
        system.running.stack.forget_authorizer_answers();
        let marks = FUNCTIONS.map(|function| log_length(&system.running.stack, function));
        system.buy(&body).await;
        system.rest().await?;
        let mut sum = Spent::default();
        for (function, mark) in FUNCTIONS.iter().zip(marks) {
            let part = since(&system.running.stack, function, mark?)?;
            sum = add(sum, part);
            spent.entry(function).or_default().push(part);
        }
        all.push(sum);
    }
    print(name, samples, body_bytes, &spent, &all);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a receipt has a few thousand bytes")]
fn print(name: &str, samples: usize, body_bytes: usize, spent: &BTreeMap<&str, Vec<Spent>>, all: &[Spent]) {
    figures::title(&format!(
        "Requests and request units of one receipt, account in its {name} ({samples} receipts of {body_bytes} bytes, median / p99)"
    ));
    for function in FUNCTIONS {
        let of = spent.get(function).map(Vec::as_slice).unwrap_or_default();
        figures::line(function, &columns(of));
    }
    figures::line("all", &columns(all));
    let values = |pick: fn(&Spent) -> f64| all.iter().map(pick).collect::<Vec<_>>();
    let (read, write) = (values(|spent| spent.read), values(|spent| spent.write));
    // Stored receipts are smaller than their JSON; the body's size is the stricter bound.
    let most = 6.0 + (body_bytes as f64 / UNIT_BYTES).ceil();
    for (what, at) in [("median", 500), ("p99", 990)] {
        figures::against(
            &format!("read units, {what}"),
            figures::percentile(&read, at),
            "",
            &Target::AtMost(3.0),
        );
        figures::against(
            &format!("write units, {what}"),
            figures::percentile(&write, at),
            "",
            &Target::AtMost(most),
        );
    }
}

fn columns(spent: &[Spent]) -> String {
    let column = |pick: fn(&Spent) -> f64| {
        let values: Vec<_> = spent.iter().map(pick).collect();
        format!(
            "{:.1} / {:.1}",
            figures::median(&values),
            figures::percentile(&values, 990)
        )
    };
    format!(
        "requests {}, read {}, write {}",
        column(|spent| spent.requests),
        column(|spent| spent.read),
        column(|spent| spent.write)
    )
}

fn add(a: Spent, b: Spent) -> Spent {
    Spent {
        requests: a.requests + b.requests,
        read: a.read + b.read,
        write: a.write + b.write,
    }
}

/// How much a function has logged so far, in bytes.
pub(crate) fn log_length(stack: &Stack, function: &str) -> Result<u64> {
    Ok(std::fs::metadata(log(stack, function)?)?.len())
}

fn log<'a>(stack: &'a Stack, function: &str) -> Result<&'a Path> {
    let pool = stack.functions().get(function);
    Ok(pool.with_context(|| format!("no {function}"))?.log().path())
}

/// The lines that a function has logged since its log had this length.
fn lines_since(stack: &Stack, function: &str, mark: u64) -> Result<Vec<Value>> {
    let mut file = File::open(log(stack, function)?)?;
    file.seek(SeekFrom::Start(mark))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

/// The cost in the lines that a function has logged since its log had this length.
fn since(stack: &Stack, function: &str, mark: u64) -> Result<Spent> {
    let lines = lines_since(stack, function, mark)?;
    Ok(lines.iter().map(logged).fold(Spent::default(), add))
}

/// Requests, read and write units of each call that a function has logged since its log had this length.
pub(crate) fn units_since(stack: &Stack, function: &str, mark: u64) -> Result<Vec<(f64, f64, f64)>> {
    let lines = lines_since(stack, function, mark)?;
    let units = lines.iter().map(logged_units);
    Ok(units.filter(|units| units.0 > 0.0).collect())
}

/// The cost that one line of a log states; none for other lines.
pub(crate) fn logged_units(line: &Value) -> (f64, f64, f64) {
    let spent = logged(line);
    (spent.requests, spent.read, spent.write)
}

fn logged(line: &Value) -> Spent {
    let field = |name: &str| {
        line.get("fields")
            .unwrap_or(line)
            .get(name)
            .and_then(Value::as_f64)
            .unwrap_or_default()
    };
    Spent {
        requests: field("table.requests"),
        read: field("table.read_milli_units") / 1_000.0,
        write: field("table.write_milli_units") / 1_000.0,
    }
}
