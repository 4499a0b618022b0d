//! What tills send.

use serde_json::{Value, json};

/// Money in Swiss francs.
pub fn chf(minor: i64) -> Value {
    json!({"amount_minor": minor, "currency": "CHF"})
}

/// A receipt of one line, paid by card.
pub fn receipt(store: &str, number: &str, minor: i64, card: Option<&str>) -> Value {
    let mut body = json!({
        "store": store,
        "till": "1",
        "business_date": "2026-11-22",
        "number": number,
        "total": chf(minor),
        "lines": [{"sku": "4711", "group": "paper", "amount": chf(minor), "vat_rate_bp": 810}],
        "payments": [{"kind": "card", "amount": chf(minor)}],
    });
    if let Some(card) = card {
        body["card"] = json!(card);
    }
    body
}

/// The receipt, partly paid with a voucher.
pub fn paid_with_voucher(mut receipt: Value, code: &str, voucher_minor: i64) -> Value {
    let total = receipt["total"]["amount_minor"].as_i64().unwrap_or(0);
    receipt["payments"] = json!([
        {"kind": "voucher", "amount": chf(voucher_minor), "voucher_code": code},
        {"kind": "cash", "amount": chf(total - voucher_minor)},
    ]);
    receipt
}

/// The key of a receipt as [`receipt`] makes it.
pub fn key(store: &str, number: &str) -> String {
    format!("{store}~1~2026-11-22~{number}")
}

/// A redemption on the receipt with this number.
pub fn redeem(store: &str, code: &str, number: &str, basket_minor: i64) -> Value {
    json!({"store": store, "till": "1", "code": code, "receipt": key(store, number), "basket_total": chf(basket_minor)})
}

/// A return of one line of [`receipt`]s, refunded by card: quantity in thousandths and amount in minor units.
pub fn give_back(store: &str, number: &str, original: Option<&str>, (quantity_milli, minor): (i64, i64)) -> Value {
    let mut body = json!({
        "store": store,
        "till": "1",
        "business_date": "2026-11-22",
        "number": number,
        "total": chf(minor),
        "lines": [{"sku": "4711", "group": "paper", "quantity_milli": quantity_milli, "amount": chf(minor), "vat_rate_bp": 810}],
        "refunds": [{"kind": "card", "amount": chf(minor)}],
    });
    if let Some(original) = original {
        body["original"] = json!(original);
    }
    body
}
