//! Finance's books on the running stack: real processes, the schedule, the queue, the bucket and the links (X9, X18).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::liability::{LIABILITY_HEADER, Month, SETTLEMENT_HEADER};
use end_to_end::client::Client;
use end_to_end::running::Running;
use end_to_end::till;
use end_to_end::world::PROGRAMME;
use http_edge::Scope;
use serde_json::{Value, json};
use store::record::instant_key;

/// Makes everything that was posted and redeemed so far a thing of the month before: the clock of a running stack is that of
/// the machine.
async fn antedate(stack: &Running, month: Month) {
    let at = month.last().and_hms_opt(10, 0, 0).expect("a time").and_utc();
    let at = AttributeValue::S(instant_key(at));
    let text = |item: &HashMap<String, AttributeValue>, name: &str| item.get(name).and_then(|v| v.as_s().ok()).cloned();
    for item in stack.items().await {
        let (expression, names): (_, &[(&str, &str)]) = match text(&item, "et").as_deref() {
            Some("ledger_entry") => ("SET #created = :at", &[("#created", "created_at")]),
            Some("voucher") => (
                "SET #d.#state.#at = :at",
                &[("#d", "d"), ("#state", "state"), ("#at", "at")],
            ),
            _ => continue,
        };
        let db = &stack.system.db;
        let update = db
            .client()
            .update_item()
            .table_name(db.table())
            .update_expression(expression);
        let update = names.iter().fold(update, |update, (name, attribute)| {
            update.expression_attribute_names(*name, *attribute)
        });
        let update = ["pk", "sk"]
            .iter()
            .fold(update, |update, key| update.key(*key, item[*key].clone()));
        let changed = update.expression_attribute_values(":at", at.clone()).send().await;
        let _ = changed.expect("antedated");
    }
}

async fn strike(stack: &Running) {
    let lambda = Client::new(&stack.stack.urls().invoke, None);
    let path = "/2015-03-31/functions/FinanceReportsFunction/invocations";
    let answer = lambda.post(path, &json!({"source": "aws.scheduler"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("x-amz-function-error"), "", "{}", answer.text);
    stack.rest().await;
}

/// The content behind the link of a file.
async fn content(report: &Value, name: &str) -> String {
    let files = report["files"].as_array().expect("files");
    let file = files.iter().find(|file| file["name"] == name).expect("the file");
    let url = file["url"].as_str().expect("a link");
    let (host, path) = url
        .split_once("//")
        .and_then(|(_, rest)| rest.split_once('/'))
        .expect("a URL");
    let answer = Client::new(&format!("http://{host}"), None)
        .get(&format!("/{path}"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x9_x18_the_books_of_the_last_month_are_made_on_the_running_stack_and_read_through_their_links() {
    let stack = Running::start().await;
    let customer = stack.customer("Muster", "de").await;
    let _ = stack.sell("B01", 20_000, Some(&customer.card)).await;
    stack.rest().await;
    let _ = stack.sell("B02", 40_000, Some(&customer.card)).await;
    stack.rest().await;
    let code = stack.codes("B03", &customer.card).await.pop().expect("a voucher");
    let mut redeem = till::redeem("B03", &code, "7", 9_000);
    redeem["receipt"] = json!(format!("B03~1~{}~7", stack.today));
    let _ = stack.admin.post("/v1/vouchers/redeem", &redeem).await.must(200);
    stack.rest().await;
    // A day on which an hour of the month would be missing makes the schedule ask for the month before.
    let month = Month::latest_over(runtime::now(), chrono_tz::Europe::Zurich);
    antedate(&stack, month).await;

    strike(&stack).await;
    let finance = stack.client(&[Scope::FinanceRead, Scope::FinanceRun], &[]).await;
    let path = format!("/v1/finance/{PROGRAMME}/{month}");
    let report = finance.get(&path).await.must(200);
    assert_eq!(
        (&report["state"], &report["revision"]),
        (&json!("complete"), &json!(1)),
        "{report}"
    );
    let total = &report["total"];
    assert_eq!(
        (&total["earned"], &total["spent"], &total["closing"]),
        (&json!(600), &json!(500), &json!(100))
    );
    let balance = stack.points(&customer.party).await["balance"].clone();
    assert_eq!(total["closing"], balance, "the account");

    let liability = content(&report, "liability.csv").await;
    let lines: Vec<_> = liability.split("\r\n").collect();
    let earned = Month::of(stack.today);
    assert_eq!(lines[0], LIABILITY_HEADER);
    assert_eq!(
        lines[1],
        format!("{month};{earned};810;B01;0;200;200;0;0;0;0;0;0;0;0;0;0")
    );
    assert_eq!(
        lines[2],
        format!("{month};{earned};810;B02;0;400;300;0;0;0;0;0;0;0;100;0;0")
    );
    let settlement = content(&report, "settlement.csv").await;
    let expected = format!("{SETTLEMENT_HEADER}\r\n{month};B01;;B03;;CHF;200;200\r\n{month};B02;;B03;;CHF;300;300\r\n");
    assert_eq!(settlement, expected);
    let manifest: Value = serde_json::from_str(&content(&report, "manifest.json").await).expect("JSON");
    assert_eq!(manifest["liability"]["total"]["closing"], 100);

    let again = finance.post(&path, &json!({"expected_revision": 1})).await.must(202);
    assert_eq!(again["revision"], 2);
    stack.rest().await;
    let second = finance.get(&path).await.must(200);
    assert_eq!((&second["state"], &second["total"]), (&json!("complete"), total));
    assert_eq!(content(&second, "liability.csv").await, liability);
    let first = finance.get(&format!("{path}?revision=1")).await.must(200);
    assert_eq!(
        content(&first, "liability.csv").await,
        liability,
        "the first revision stands"
    );

    let till = stack.client(&[Scope::PurchasesWrite], &["B01"]).await;
    assert_eq!(
        till.get(&path).await.status,
        403,
        "the gateway refuses a key without the right"
    );
    stack.stop().await;
}
