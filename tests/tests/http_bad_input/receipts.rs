//! Receipts that cannot be taken.

use bytes::Bytes;
use chrono::{Days, Duration};
use end_to_end::client::Client;
use end_to_end::running::Running;
use end_to_end::shared::alone_on_the_stack;
use end_to_end::till::chf;
use http_edge::Scope;
use serde_json::{Value, json};

use crate::refusal::{Bad, assert_refused};

const POST: (&str, &str) = ("POST", "/v1/purchases");
/// Its check digit does not fit.
const MISREAD_CARD: &str = "2500000000018";
/// Its check character does not fit.
const MISTYPED_CODE: &str = "7Q2K-H4ZX-9D0M-TW3BA";
const GOOD_CODE: &str = "7Q2K-H4ZX-9D0M-TW3BE";

type Change = fn(&mut Value);

/// The receipt of the till, changed.
fn changed(good: &Value, change: Change) -> Bytes {
    let mut body = good.clone();
    change(&mut body);
    Bytes::from(body.to_string())
}

fn lines(count: usize) -> Value {
    json!(vec![json!({"sku": "1", "amount": chf(0)}); count])
}

/// Fields that cannot be right in any programme.
fn fields() -> Vec<(&'static str, Change, &'static str, &'static str)> {
    vec![
        (
            "a misread card",
            |b| b["card"] = json!(MISREAD_CARD),
            "/card",
            "card_malformed",
        ),
        (
            "a card of letters",
            |b| b["card"] = json!("Max Muster"),
            "/card",
            "card_malformed",
        ),
        (
            "a store that no store can be",
            |b| b["store"] = json!("B 01!"),
            "/store",
            "malformed",
        ),
        (
            "a till that no till can be",
            |b| b["till"] = json!(""),
            "/till",
            "malformed",
        ),
        (
            "a number with a separator",
            |b| b["number"] = json!("1~2"),
            "/number",
            "malformed",
        ),
        (
            "a language nobody speaks",
            |b| b["language"] = json!("xx"),
            "/language",
            "malformed",
        ),
        (
            "a negative line",
            |b| b["lines"][0]["amount"] = chf(-1),
            "/lines/0/amount/amount_minor",
            "amount_out_of_range",
        ),
        (
            "a negative total",
            |b| b["total"] = chf(-1),
            "/total/amount_minor",
            "amount_out_of_range",
        ),
        (
            "amounts whose sum leaves the numbers",
            |b| {
                b["total"] = chf(i64::MAX);
                b["lines"] = json!(vec![json!({"sku": "1", "amount": chf(i64::MAX)}); 2]);
            },
            "/lines/1/amount/amount_minor",
            "amount_out_of_range",
        ),
        (
            "payments whose sum leaves the numbers",
            |b| b["payments"] = json!(vec![json!({"kind": "cash", "amount": chf(i64::MAX)}); 2]),
            "/payments",
            "payments_do_not_add_up",
        ),
        (
            "lines that do not add up",
            |b| b["total"] = chf(999),
            "/total/amount_minor",
            "lines_do_not_add_up",
        ),
        (
            "payments that do not add up",
            |b| b["payments"][0]["amount"] = chf(999),
            "/payments",
            "payments_do_not_add_up",
        ),
        (
            "a payment of nothing",
            |b| b["payments"][0]["amount"] = chf(0),
            "/payments/0/amount/amount_minor",
            "amount_out_of_range",
        ),
        (
            "a cash rounding of six centimes",
            |b| b["cash_rounding"] = chf(6),
            "/cash_rounding",
            "amount_out_of_range",
        ),
        (
            "two currencies",
            |b| b["lines"][0]["amount"]["currency"] = json!("EUR"),
            "/lines/0/amount/currency",
            "currency_mixed",
        ),
        ("no lines", |b| b["lines"] = json!([]), "/lines", "lines_count"),
        ("501 lines", |b| b["lines"] = lines(501), "/lines", "lines_count"),
        (
            "21 payments",
            |b| b["payments"] = json!(vec![json!({"kind": "cash", "amount": chf(1)}); 21]),
            "/payments",
            "payments_count",
        ),
        (
            "a quantity of nothing",
            |b| b["lines"][0]["quantity_milli"] = json!(0),
            "/lines/0/quantity_milli",
            "quantity_out_of_range",
        ),
        (
            "a voucher payment without its code",
            |b| b["payments"][0]["kind"] = json!("voucher"),
            "/payments/0/voucher_code",
            "voucher_code_mismatch",
        ),
        (
            "a mistyped code",
            |b| b["payments"] = json!([{"kind": "voucher", "amount": chf(1_000), "voucher_code": MISTYPED_CODE}]),
            "/payments/0/voucher_code",
            "voucher_code_malformed",
        ),
        (
            "a voucher that pays twice",
            |b| {
                let half = json!({"kind": "voucher", "amount": chf(500), "voucher_code": GOOD_CODE});
                b["payments"] = json!([half, half]);
            },
            "/payments/1/voucher_code",
            "voucher_paid_twice",
        ),
        (
            "a year before money",
            |b| b["business_date"] = json!("1899-12-31"),
            "/business_date",
            "date_malformed",
        ),
    ]
}

/// Bodies of another shape. The answer says where, and quotes nothing.
fn shapes() -> Vec<(&'static str, Change, &'static str)> {
    vec![
        (
            "no store",
            |b| drop(b.as_object_mut().map(|b| b.remove("store"))),
            "missing field `store`",
        ),
        (
            "no lines at all",
            |b| drop(b.as_object_mut().map(|b| b.remove("lines"))),
            "missing field `lines`",
        ),
        (
            "a line without an amount",
            |b| b["lines"][0] = json!({"sku": "1"}),
            "missing field `amount`",
        ),
        ("a total of text", |b| b["total"] = json!("Max Muster"), "invalid type"),
        (
            "a fraction of a centime",
            |b| b["total"]["amount_minor"] = json!(10.5),
            "expected i64",
        ),
        (
            "more money than a number holds",
            |b| b["total"]["amount_minor"] = json!(u64::MAX),
            "expected i64",
        ),
        ("no such currency", |b| b["total"]["currency"] = json!("francs"), ""),
        ("no such day", |b| b["business_date"] = json!("2026-02-30"), ""),
        (
            "no such way to pay",
            |b| b["payments"][0]["kind"] = json!("goats"),
            "unknown variant",
        ),
    ]
}

#[test]
fn a_receipt_with_a_bad_field_is_refused_with_the_field_named_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let good = stack.receipt("B01", 1_000, None);
        let mut calls: Vec<_> = fields()
            .into_iter()
            .map(|(what, change, pointer, finding)| {
                Bad::new(what, &till, POST, changed(&good, change), (422, "invalid")).at(pointer, finding)
            })
            .collect();
        calls.extend(shapes().into_iter().map(|(what, change, says)| {
            Bad::new(what, &till, POST, changed(&good, change), (400, "malformed_body")).says(says)
        }));
        let cut = Bytes::from(good.to_string().trim_end_matches('}').to_owned());
        let large = changed(&good, |body| body["note"] = json!("x".repeat(256 * 1024)));
        calls.extend([
            Bad::new("no JSON", &till, POST, cut, (400, "malformed_body")).says("not JSON at line 1"),
            Bad::new("XML", &till, POST, "<receipt/>", (400, "malformed_body")).says("not JSON at line 1"),
            Bad::new("a text", &till, POST, "\"Max Muster\"", (400, "malformed_body")).says("expected an object"),
            Bad::new("a list", &till, POST, "[]", (400, "malformed_body")),
            Bad::new("nothing", &till, POST, "", (400, "malformed_body")),
            Bad::new("over 256 KiB", &till, POST, large, (413, "body_too_large")).says("262144 bytes"),
        ]);
        assert_refused(stack, &calls, &[MISREAD_CARD, MISTYPED_CODE, GOOD_CODE, "Max Muster"]).await;
    });
}

/// The till of one branch.
async fn till(stack: &Running) -> Client {
    let scopes = [Scope::PurchasesWrite, Scope::PurchasesRead, Scope::PurchasesClaim];
    stack.client(&scopes, &["B01"]).await
}

#[test]
fn a_receipt_of_the_wrong_day_currency_or_location_is_refused_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let dated = |date: chrono::NaiveDate| {
            let mut body = stack.receipt("B01", 1_000, None);
            body["business_date"] = json!(date);
            body.to_string()
        };
        let mut euros = stack.receipt("B01", 1_000, None).to_string();
        euros = euros.replace("CHF", "EUR");
        let mut early = stack.receipt("B01", 1_000, None);
        early["time"] = json!(runtime::now() + Duration::hours(1));
        let stored = stack.receipt("B01", 1_000, None);
        let _ = till.post("/v1/purchases", &stored).await.must(201);
        let other = changed(&stored, |body| body["lines"][0]["sku"] = json!("other"));
        let unknown = stack.receipt("B99", 1_000, None).to_string();
        let foreign = stack.receipt("B02", 1_000, None).to_string();
        let invalid = (422, "invalid");
        let future = dated(stack.today + Days::new(1));
        let old = dated(stack.today - Days::new(31));
        let calls = [
            Bad::new("tomorrow", &till, POST, future, invalid)
                .at("/business_date", "date_in_future")
                .says("check the till's calendar"),
            Bad::new("an hour early", &till, POST, early.to_string(), invalid)
                .at("/time", "time_in_future")
                .says("check the till's clock"),
            Bad::new("31 days late", &till, POST, old.clone(), invalid)
                .at("/business_date", "date_too_old")
                .says("purchases:migrate"),
            Bad::new("euros for francs", &till, POST, euros, invalid)
                .at("/total/currency", "currency_of_another_programme")
                .says("CHF"),
            Bad::new(
                "nobody's location",
                &stack.admin,
                POST,
                unknown,
                (422, "location_unknown"),
            )
            .says("correct the id"),
            Bad::new("another's location", &till, POST, foreign, (403, "location_forbidden"))
                .says("use the key of the location's middleware"),
            Bad::new("other content", &till, POST, other, (422, "receipt_contradiction")).says("other content"),
        ];
        assert_refused(stack, &calls, &[]).await;

        let mover = stack
            .client(&[Scope::PurchasesWrite, Scope::PurchasesMigrate], &["B01"])
            .await;
        let _ = mover.send(POST.0, POST.1, &[], Bytes::from(old)).await.must(201);
    });
}

#[test]
fn a_claim_that_cannot_be_is_refused_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let unknown = stack.unknown_card();
        let idle = stack.admin.post("/v1/cards", &json!({})).await.must(201);
        let idle = idle["number"].as_str().expect("a card number").to_owned();
        let claim = format!("/v1/purchases/{}/claim", stack.sell("B01", 1_000, None).await);
        let missing = format!("/v1/purchases/B01~1~{}~none/claim", stack.today);
        let other = format!("/v1/purchases/{}/claim", stack.sell("B02", 1_000, None).await);
        let for_card = |card: &str| json!({"card": card}).to_string();
        let calls = [
            Bad::new(
                "no receipt",
                &till,
                ("POST", &missing),
                for_card(&idle),
                (404, "not_found"),
            ),
            Bad::new(
                "no key",
                &till,
                ("POST", "/v1/purchases/B01/claim"),
                for_card(&idle),
                (400, "malformed_parameter"),
            )
            .says("key:"),
            Bad::new(
                "a misread card",
                &till,
                ("POST", &claim),
                for_card(MISREAD_CARD),
                (422, "invalid"),
            )
            .at("/card", "card_malformed")
            .says("read or type the card again"),
            Bad::new(
                "nobody's card",
                &till,
                ("POST", &claim),
                for_card(&unknown),
                (404, "card_unknown"),
            ),
            Bad::new(
                "an idle card",
                &till,
                ("POST", &claim),
                for_card(&idle),
                (409, "card_not_active"),
            )
            .says("register or unblock it first"),
            Bad::new(
                "another's receipt",
                &till,
                ("POST", &other),
                for_card(&idle),
                (403, "location_forbidden"),
            ),
        ];
        assert_refused(stack, &calls, &[MISREAD_CARD, &unknown, &idle]).await;
    });
}
