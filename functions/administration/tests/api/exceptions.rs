//! What operators must look at.

use serde_json::{Value, json};
use store::Site;
use store::exception::{self, Exception, ExceptionKind};

use crate::support::*;

fn list(from: &str, to: &str) -> Call {
    call("GET /v1/exceptions").query("from", from).query("to", to)
}

async fn keep(api: &Api, receipt: &str, kind: ExceptionKind) {
    let case = Exception {
        kind,
        receipt: receipt.parse().unwrap(),
        distinction: "x".to_owned(),
        seen_at: now(),
    };
    // Twice, as a redelivery would.
    for _ in 0..2 {
        exception::keep(&api.app.db, Site::IngestException, &tenant(), case.clone(), now())
            .await
            .unwrap();
    }
}

async fn all(api: &Api, call: impl Fn() -> Call) -> (Vec<Value>, u32) {
    let (mut cases, mut calls) = (Vec::new(), 0);
    let mut page = call();
    loop {
        let answer = api.send(page).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        calls += 1;
        cases.extend(
            answer.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|case| case["receipt"].clone()),
        );
        let Some(next) = answer.body["next"].as_str() else {
            break;
        };
        page = call().query("next", next);
    }
    (cases, calls)
}

#[tokio::test]
async fn cases_are_listed_once_each_by_day_and_page_by_page() {
    let api = Api::start().await;
    let receipts = [
        "B01~1~2026-01-05~1",
        "B01~1~2026-01-05~2",
        "B02~1~2026-01-05~3",
        "B01~1~2026-06-30~4",
        "B01~1~2026-12-31~5",
    ];
    for receipt in receipts {
        keep(&api, receipt, ExceptionKind::ReceiptContradiction).await;
    }
    for limit in ["1", "2", "3", "200"] {
        let (cases, _) = all(&api, || list("2026-01-01", "2026-12-31").query("limit", limit)).await;
        assert_eq!(cases, receipts, "limit {limit}");
    }
    let (cases, calls) = all(&api, || list("2026-01-05", "2026-01-06")).await;
    assert_eq!((cases.len(), calls), (3, 1));
    let (cases, _) = all(&api, || list("2026-01-01", "2026-12-31").locations("B02")).await;
    assert_eq!(cases, ["B02~1~2026-01-05~3"]);
}

#[tokio::test]
async fn a_case_says_why_and_when() {
    let api = Api::start().await;
    keep(&api, "B01~1~2026-01-05~1", ExceptionKind::PaymentOnSecondReceipt).await;
    let answer = api.send(list("2026-01-05", "2026-01-05")).await;
    assert_eq!(
        answer.body["items"],
        json!([{"kind": "payment_on_second_receipt", "receipt": "B01~1~2026-01-05~1", "seen_at": "2026-11-23T08:00:00Z"}])
    );
}

#[tokio::test]
async fn a_token_that_was_not_given_is_refused() {
    let api = Api::start().await;
    let token = |day: &str, after: Value| http_edge::page::token(&json!({"day": day, "after": after}));
    for bad in [
        "x".to_owned(),
        token("2025-01-01", json!(null)),
        token("2026-01-05", json!("")),
        token("2026-01-05", json!("\u{1}")),
        token("2026-01-05", json!("ü")),
        token("2026-01-05", json!("x".repeat(1_025))),
    ] {
        let answer = api.send(list("2026-01-05", "2026-01-05").query("next", &bad)).await;
        assert_eq!((answer.status, answer.code()), (400, "malformed_parameter"), "{bad}");
    }
}
