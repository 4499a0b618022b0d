//! A good receipt with one bad field: what is wrong with it, how it becomes so, and what the answer names.

use bytes::Bytes;
use end_to_end::till::chf;
use serde_json::{Value, json};

/// Its check digit does not fit.
pub(crate) const MISREAD_CARD: &str = "2500000000018";
/// Its check character does not fit.
pub(crate) const MISTYPED_CODE: &str = "7Q2K-H4ZX-9D0M-TW3BA";
/// Its check character fits; nobody has it.
pub(crate) const GOOD_CODE: &str = "7Q2K-H4ZX-9D0M-TW3BE";

/// What is changed in a good receipt.
pub(crate) type Change = fn(&mut Value);

/// The receipt of the till, changed.
pub(crate) fn changed(good: &Value, change: Change) -> Bytes {
    let mut body = good.clone();
    change(&mut body);
    Bytes::from(body.to_string())
}

fn lines(count: usize) -> Value {
    json!(vec![json!({"sku": "1", "amount": chf(0)}); count])
}

/// Fields that cannot be right in any programme.
pub(crate) fn fields() -> Vec<(&'static str, Change, &'static str, &'static str)> {
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
pub(crate) fn shapes() -> Vec<(&'static str, Change, &'static str)> {
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
