//! Revenue by day.

use std::time::Duration;

use chrono::NaiveDate;
use domain::money::Currency;
use domain::receipt::{CONTENT_HASH_VERSION, Line, Payment, PaymentKind, Receipt, ReceiptKey};
use serde_json::{Value, json};
use store::receipt::{self, Accepted, StoredReceipt};

use crate::support::*;

fn revenue(from: &str, to: &str) -> Call {
    call("GET /v1/locations/{location_id}/revenue")
        .path("location_id", "B01")
        .query("from", from)
        .query("to", to)
}

struct Sale<'a> {
    date: &'a str,
    number: u32,
    total: i64,
    voucher: i64,
    currency: Currency,
    matched: bool,
}

async fn sell(api: &Api, store: &str, sale: &Sale<'_>) {
    let key = ReceiptKey {
        store: store.parse().unwrap(),
        till: "1".parse().unwrap(),
        business_date: sale.date.parse::<NaiveDate>().unwrap(),
        number: sale.number.to_string().parse().unwrap(),
    };
    let payment = |kind, amount_minor| Payment {
        kind,
        amount_minor,
        voucher: None,
    };
    let mut payments = vec![payment(PaymentKind::Cash, sale.total - sale.voucher)];
    if sale.voucher > 0 {
        payments.push(payment(PaymentKind::Voucher, sale.voucher));
    }
    let receipt = Receipt {
        key,
        time: None,
        card: None,
        currency: sale.currency,
        total_minor: sale.total,
        cash_rounding_minor: 0,
        lines: vec![Line {
            sku: "1".to_owned(),
            group: None,
            brand: None,
            quantity_milli: 1_000,
            amount_minor: sale.total,
            vat_rate_bp: None,
        }],
        payments,
    };
    let stored = StoredReceipt {
        hash: receipt.content_hash(),
        receipt,
        hash_version: CONTENT_HASH_VERSION,
        programme: "treue".parse().unwrap(),
        expected_points: 0,
        expected_version: 1,
        account: sale.matched.then(|| "p-1".parse().unwrap()),
        client: "pos".parse().unwrap(),
        channel: None,
        segments: Vec::new(),
        returns: Vec::new(),
        recounts: Vec::new(),
        voided: None,
    };
    let accepted = receipt::accept(&api.app.db, &tenant(), stored, None, now())
        .await
        .unwrap();
    assert!(matches!(accepted, Accepted::New));
}

fn sale(date: &str, number: u32, total: i64) -> Sale<'_> {
    Sale {
        date,
        number,
        total,
        voucher: 0,
        currency: Currency::CHF,
        matched: false,
    }
}

/// A day of 1203 receipts, three pages.
async fn sell_all_day(api: &Api, date: &str) {
    for numbers in (1..=1_203).collect::<Vec<u32>>().chunks(50) {
        let sales: Vec<_> = numbers.iter().map(|n| sale(date, *n, i64::from(*n))).collect();
        futures::future::join_all(sales.iter().map(|sale| sell(api, "B01", sale))).await;
    }
}

async fn shop() -> Api {
    let api = Api::start().await;
    api.with_programme().await;
    api.with_location("B01").await;
    api.with_location("B02").await;
    api
}

#[tokio::test]
async fn the_receipts_of_each_day_are_summed_exactly() {
    let api = shop().await;
    sell(&api, "B01", &sale("2026-11-20", 1, 1_295)).await;
    sell(
        &api,
        "B01",
        &Sale {
            voucher: 500,
            matched: true,
            ..sale("2026-11-20", 2, 2_000)
        },
    )
    .await;
    sell(
        &api,
        "B01",
        &Sale {
            currency: Currency::USD,
            ..sale("2026-11-22", 3, 7)
        },
    )
    .await;
    sell(&api, "B01", &sale("2026-11-22", 4, 10_000_000_000)).await;
    sell(&api, "B01", &sale("2026-11-23", 5, 1)).await;
    sell(&api, "B02", &sale("2026-11-20", 6, 1)).await;
    let answer = api.send(revenue("2026-11-20", "2026-11-22")).await;
    let chf = |minor: i64| json!({"amount_minor": minor, "currency": "CHF"});
    let usd = |minor: i64| json!({"amount_minor": minor, "currency": "USD"});
    let row = |date: &str, receipts: u32, matched: u32, revenue: Value, voucher_paid: Value| {
        let none = json!({"amount_minor": 0, "currency": revenue["currency"]});
        json!({
            "date": date, "receipts": receipts, "matched_receipts": matched,
            "revenue": revenue, "voucher_paid": voucher_paid, "returns": 0, "returned": none,
        })
    };
    assert_eq!(
        answer.body,
        json!({"location_id": "B01", "from": "2026-11-20", "to": "2026-11-22", "days": [
            row("2026-11-20", 2, 1, chf(3_295), chf(500)),
            row("2026-11-22", 1, 0, chf(10_000_000_000), chf(0)),
            row("2026-11-22", 1, 0, usd(7), usd(0)),
        ]})
    );
}

#[tokio::test]
async fn a_day_of_many_pages_is_summed_to_the_last_receipt() {
    let api = shop().await;
    sell_all_day(&api, "2026-11-20").await;
    let row = &api.send(revenue("2026-11-20", "2026-11-20")).await.body["days"][0];
    assert_eq!(
        (&row["receipts"], &row["revenue"]["amount_minor"]),
        (&json!(1_203), &json!(1_203 * 1_204 / 2))
    );
}

#[tokio::test]
async fn a_day_that_takes_longer_than_a_call_goes_on_within_the_day() {
    let mut api = shop().await;
    sell_all_day(&api, "2026-11-20").await;
    sell(&api, "B01", &sale("2026-11-21", 1, 5)).await;
    api.app.report_time = Duration::ZERO;
    let range = || revenue("2026-11-20", "2026-11-21");
    let (mut days, mut covered) = (Vec::new(), Vec::new());
    let mut answer = api.send(range()).await.body;
    loop {
        covered.push(answer["to"].as_str().unwrap().to_owned());
        days.extend(answer["days"].as_array().unwrap().clone());
        let Some(next) = answer["next"].as_str() else { break };
        answer = api.send(range().query("next", next)).await.body;
    }
    assert_eq!(
        covered,
        ["2026-11-19", "2026-11-19", "2026-11-21"],
        "two calls end within the first day"
    );
    assert_eq!(days.len(), 2);
    let sums = days
        .iter()
        .map(|day| (&day["receipts"], &day["revenue"]["amount_minor"]));
    let expected = [(json!(1_203), json!(1_203 * 1_204 / 2)), (json!(1), json!(5))];
    assert!(
        sums.eq(expected.iter().map(|(receipts, sum)| (receipts, sum))),
        "{days:?}"
    );
}

#[tokio::test]
async fn a_long_range_goes_on_where_the_call_before_it_ended() {
    let mut api = shop().await;
    api.app.report_time = Duration::ZERO;
    for (number, date) in ["2026-01-01", "2026-07-01", "2026-12-31"].iter().enumerate() {
        sell(&api, "B01", &sale(date, u32::try_from(number).unwrap(), 100)).await;
    }
    let mut days = Vec::new();
    let mut call = revenue("2026-01-01", "2026-12-31");
    let mut calls = 0;
    loop {
        let body = api.send(call).await.body;
        calls += 1;
        days.extend(body["days"].as_array().unwrap().iter().map(|row| row["date"].clone()));
        let Some(next) = body["next"].as_str() else {
            assert_eq!(body["to"], "2026-12-31");
            break;
        };
        call = revenue("2026-01-01", "2026-12-31").query("next", next);
    }
    assert_eq!(days, ["2026-01-01", "2026-07-01", "2026-12-31"]);
    assert_eq!(calls, 46, "eight days of 365 in each, at the least");
}

#[tokio::test]
async fn a_range_that_cannot_be_and_an_unknown_location_are_refused() {
    let api = shop().await;
    for (from, to) in [
        ("2026-11-02", "2026-11-01"),
        ("2025-11-01", "2026-11-02"),
        ("2026-02-30", "2026-03-01"),
        ("26-02-01", "2026-03-01"),
        ("+12026-02-01", "+12026-02-02"),
        ("", ""),
    ] {
        assert_eq!(
            api.send(revenue(from, to)).await.code(),
            "malformed_parameter",
            "{from} {to}"
        );
    }
    let good = revenue("2026-11-01", "2026-11-30");
    let token = |position: Value| http_edge::page::token(&position);
    for token in [
        "!".to_owned(),
        token(json!({"day": "2025-01-01"})),
        token(json!({"day": "2026-11-02", "part": {"after": "", "sums": {}}})),
        token(json!({"day": "2026-11-02", "part": {"after": "ü", "sums": {}}})),
    ] {
        assert_eq!(
            api.send(good.clone().query("next", &token)).await.code(),
            "malformed_parameter"
        );
    }
    assert_eq!(api.send(good.path("location_id", "B09")).await.code(), "not_found");
}
