//! What `treue` tells on standard output: the demo day line by line, where things are, and what to try.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use chrono::NaiveDate;
use http::Method;
use serde_json::{Value, json};

use super::data::{DataDir, StackFile};
use super::http::Api;
use super::keys::{BACK_OFFICE, Keys, TILLS};
use super::start::{OPERATOR_TOKEN, Times};

/// A line of the demo day.
pub(crate) fn tell(place: &str, what: &str, result: &str) {
    println!("  {place:<18} {what:<58} {result}");
}

/// The block that the till prints under a receipt.
pub(crate) fn print_block(answer: &Value) {
    let lines = answer
        .pointer("/print/lines")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    for line in lines.iter().filter_map(Value::as_str) {
        println!("  {:<18} | {line:<42} |", "");
    }
}

/// Where everything is.
pub(crate) fn urls(stack: &StackFile, data: &Path) {
    let endpoint = |name: &str| stack.aws_env.get(name).map_or("", String::as_str);
    println!("\nThe stack is up.");
    println!("  API            {}", stack.api_url);
    println!("  documentation  {}/docs", stack.api_url);
    println!("  Lambda Invoke  {}", stack.invoke_url);
    println!(
        "  DynamoDB       {}  (table {})",
        endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
        stack.table
    );
    println!("  SQS            {}", endpoint("AWS_ENDPOINT_URL_SQS"));
    println!("  S3             {}", endpoint("AWS_ENDPOINT_URL_S3"));
    println!("  data, logs     {0}, {0}/logs/FUNCTION.log", data.display());
    println!("  keys           treue keys --data {}", data.display());
}

/// A `curl` for each main call, with keys and numbers that work.
pub(crate) async fn examples(
    stack: &StackFile,
    data: &DataDir,
    api: &Api,
    keys: &Keys,
    played: Option<NaiveDate>,
    today: NaiveDate,
) -> anyhow::Result<()> {
    let (tills, office) = (keys.of(TILLS)?, keys.of(BACK_OFFICE)?);
    println!("\nTry it:");
    println!("  API={}", stack.api_url);
    println!("  TILL='Authorization: Bearer {tills}'");
    println!("  OFFICE='Authorization: Bearer {office}'");
    let Some(played) = played else {
        println!("  curl -H \"$OFFICE\" $API/v1/locations");
        println!("  (without the demo day there are no customers yet: start without --no-demo, or see $API/docs)");
        return Ok(());
    };
    let (anna, company) = super::demo::cards()?;
    let receipt = json!({
        "store": "B01", "till": "9", "business_date": today, "number": "TRY-1", "card": anna,
        "total": {"amount_minor": 4_250, "currency": "CHF"},
        "lines": [{"sku": "30002", "group": "books", "quantity_milli": 1000, "amount": {"amount_minor": 4_250, "currency": "CHF"}}],
        "payments": [{"kind": "card", "amount": {"amount_minor": 4_250, "currency": "CHF"}}],
    });
    title("A receipt; the same line again is a replay, and changes nothing:");
    post("TILL", "/v1/purchases", &receipt);
    title("The cash desk: name, balance, vouchers:");
    get("TILL", &format!("/v1/cash-desk/{company}?store=B05&till=1"));
    if let Some(code) = open_voucher(&api.with_key(tills), &company).await? {
        let basket_total = json!({"amount_minor": 2_000, "currency": "CHF"});
        title("A voucher: can it be taken, and take it (again: the same answer; on another receipt: 409):");
        let body = json!({"store": "B05", "till": "1", "code": code, "basket_total": basket_total});
        post("TILL", "/v1/vouchers/check", &body);
        let receipt = format!("B05~1~{today}~TRY-2");
        let body = json!({"store": "B05", "till": "1", "code": code, "receipt": receipt, "basket_total": basket_total});
        post("TILL", "/v1/vouchers/redeem", &body);
    }
    title("A receipt without a card becomes Anna's, once:");
    post(
        "TILL",
        &format!("/v1/purchases/{}/claim", super::demo::unclaimed(played)),
        &json!({"card": anna}),
    );
    title("What changed on vouchers, for a till that keeps its own list:");
    get("TILL", "/v1/vouchers/feed");
    title("Revenue of a branch by day, and what an operator must look at:");
    get("OFFICE", &format!("/v1/locations/B01/revenue?from={played}&to={today}"));
    get("OFFICE", &format!("/v1/exceptions?from={played}&to={today}"));
    title("An operator's token of the test issuer instead of a key, good for 12 hours:");
    let token = data.path().join(OPERATOR_TOKEN);
    println!(
        "  curl -H \"Authorization: Bearer $(cat {})\" \"$API/v1/locations\"",
        token.display()
    );
    Ok(())
}

fn title(text: &str) {
    println!("\n  # {text}");
}

fn post(key: &str, path: &str, body: &Value) {
    println!("  curl -H \"${key}\" -H 'Content-Type: application/json' \"$API{path}\" -d '{body}'");
}

fn get(key: &str, path: &str) {
    println!("  curl -H \"${key}\" \"$API{path}\"");
}

/// The code of an open voucher of the card's owner, if one is left.
async fn open_voucher(api: &Api, card: &str) -> anyhow::Result<Option<String>> {
    let path = format!("/v1/cash-desk/{card}?store=B05&till=1");
    let answer = api
        .must(&Method::GET, &path, None)
        .await
        .context("the cash desk does not answer")?;
    let code = answer.body.pointer("/open_vouchers/0/code").and_then(Value::as_str);
    Ok(code.map(str::to_owned))
}

/// What the time went into.
pub(crate) fn times(times: &Times) {
    let total: Duration = times.0.iter().map(|(_, took)| *took).sum();
    let parts: Vec<_> = times
        .0
        .iter()
        .map(|(what, took)| format!("{what} {}", seconds(*took)))
        .collect();
    println!("\nUp after {}: {}. Ctrl-C stops it.", seconds(total), parts.join(", "));
}

fn seconds(took: Duration) -> String {
    format!("{}.{} s", took.as_secs(), took.subsec_millis() / 100)
}
