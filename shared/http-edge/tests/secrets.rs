//! Cards, codes and keys stand on the wire and in no `Debug` output.

use std::collections::BTreeSet;
use std::fmt::Debug;

use http_edge::Response;
use http_edge::api::administration::KeyAnswer;
use http_edge::api::customers::{CardAnswer, CardSummary, IssueCardRequest, ReplaceCardRequest};
use http_edge::api::lettershop::ReturnedAddress;
use http_edge::api::offline::JournalEntry;
use http_edge::api::parties::{ContactInput, ContactView};
use http_edge::api::purchases::{ClaimRequest, PurchasePayment, PurchaseRequest, VoucherView};
use http_edge::api::returns::ReturnRequest;
use http_edge::api::vouchers::{
    CheckRequest, FeedEvent, RedeemRequest, ReleaseRequest, ReserveRequest, ReverseRequest,
};
use http_edge::openapi;
use lettershop::settings::ControlAddress;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PLANTED: &str = "PLANTED-4711";

/// Words in the names of fields that may hold a card, a code or a key.
const SUSPICIOUS: [&str; 5] = ["card", "code", "key", "last4", "number"];

/// Fields that only sound like it.
const HARMLESS: [(&str, &str); 26] = [
    ("CarrierCode", "code"),
    ("CarrierMap", "codes"),
    ("LetterReturn", "code"),
    ("CashDeskAnswer", "card_status"),
    ("ClientView", "keys"),
    ("DocumentAnswer", "number"),
    ("InvoiceRequest", "number"),
    ("KeyAnswer", "key_id"),
    ("OrderRequest", "number"),
    ("OrderView", "number"),
    ("OverviewVoucher", "number"),
    ("PaymentRequest", "number"),
    ("RejectedDocument", "number"),
    ("KeyView", "key_id"),
    ("PartyView", "cards"),
    ("Problem", "code"),
    ("PurchaseAnswer", "key"),
    ("PurchaseRequest", "number"),
    ("ReturnAnswer", "key"),
    ("ReturnRequest", "number"),
    ("VoidAnswer", "key"),
    ("PurchaseState", "key"),
    ("PublicKeys", "keys"),
    ("EntryAnswer", "number"),
    ("JournalEntry", "number"),
    ("WaitingPayment", "number"),
];

/// Bodies with the planted text in one field, by the names of schema and field, and how `Debug` shows them.
struct Shown(Vec<(&'static str, &'static str, String)>);

impl Shown {
    fn add<T: DeserializeOwned + Serialize + Debug>(&mut self, schema: &'static str, field: &'static str, rest: Value) {
        let mut body = rest;
        body[field] = json!(PLANTED);
        let dto: T = serde_json::from_value(body).unwrap_or_else(|error| panic!("{schema}: {error}"));
        let wire = serde_json::to_value(&dto).unwrap();
        assert_eq!(wire[field], PLANTED, "{schema} carries its {field} as it is");
        self.0.push((schema, field, format!("{dto:?} {dto:#?}")));
    }
}

fn shown() -> Shown {
    let money = json!({"amount_minor": 500, "currency": "CHF"});
    let till = json!({
        "store": "B01", "till": "1", "basket": "b", "receipt": "B01~1~2026-11-22~1", "basket_total": money,
    });
    let voucher = json!({
        "voucher": "v", "status": "open", "value": money, "min_basket": money,
        "valid_from": "2026-11-22", "valid_until": "2026-12-31",
    });
    let purchase = json!({
        "store": "B01", "till": "1", "business_date": "2026-11-22", "number": "1", "total": money,
        "lines": [], "payments": [],
    });
    let mut shown = Shown(Vec::new());
    shown.add::<PurchaseRequest>("PurchaseRequest", "card", purchase);
    shown.add::<PurchasePayment>(
        "PurchasePayment",
        "voucher_code",
        json!({"kind": "voucher", "amount": money}),
    );
    shown.add::<ClaimRequest>("ClaimRequest", "card", json!({}));
    let back = json!({
        "store": "B01", "till": "1", "business_date": "2026-11-22", "number": "1", "total": money,
        "lines": [], "refunds": [],
    });
    shown.add::<ReturnRequest>("ReturnRequest", "card", back);
    let open = json!({"value": money, "valid_until": "2026-12-31"});
    shown.add::<VoucherView>("VoucherView", "code", open);
    for (field, other) in [("code", "card"), ("card", "code")] {
        let mut body = till.clone();
        body[other] = json!("other");
        shown.add::<CheckRequest>("CheckRequest", field, body.clone());
        shown.add::<ReserveRequest>("ReserveRequest", field, body.clone());
        shown.add::<RedeemRequest>("RedeemRequest", field, body);
    }
    shown.add::<ReleaseRequest>("ReleaseRequest", "code", till.clone());
    shown.add::<ReverseRequest>("ReverseRequest", "code", till);
    let entry = json!({
        "number": 1, "receipt": "B01~1~2026-11-22~1", "basket_total": money, "value": money, "at": "2026-11-22T12:00:00Z",
    });
    for (field, other) in [("code", "card"), ("card", "code")] {
        let mut body = entry.clone();
        body[other] = json!("other");
        shown.add::<JournalEntry>("JournalEntry", field, body);
    }
    let event = json!({"group": "g0", "sequence": 1, "state_version": 1, "state": voucher});
    shown.add::<FeedEvent>("FeedEvent", "code", event);
    shown.add::<IssueCardRequest>("IssueCardRequest", "number", json!({}));
    shown.add::<ReplaceCardRequest>("ReplaceCardRequest", "new_number", json!({}));
    shown.add::<CardAnswer>("CardAnswer", "number", json!({"status": "active"}));
    shown.add::<CardSummary>("CardSummary", "last4", json!({"status": "active"}));
    for field in ["postcode", "house_number"] {
        shown.add::<ContactInput>("ContactInput", field, json!({"kind": "postal"}));
        let view =
            json!({"contact_id": "c1", "kind": "postal", "purposes": [], "valid_from": "2026-11-22", "ended": false});
        shown.add::<ContactView>("ContactView", field, view);
    }
    let planted = json!({"lines": ["x"], "salutation": "x", "language": "de", "country": "CH"});
    shown.add::<ControlAddress>("ControlAddress", "postcode", planted);
    for field in ["postcode", "house_number"] {
        shown.add::<ReturnedAddress>("ReturnedAddress", field, json!({}));
    }
    let key = json!({"key_id": "k", "created_at": "2026-11-22T12:00:00Z"});
    shown.add::<KeyAnswer>("KeyAnswer", "key", key);
    shown
}

#[test]
fn no_body_shows_its_card_code_or_key() {
    for (schema, field, text) in shown().0 {
        assert!(!text.contains(PLANTED), "{schema}.{field}: {text}");
    }
    let response = Response::json(200, &json!({"code": PLANTED})).unwrap();
    assert!(!format!("{response:?}").contains(PLANTED));
}

/// A field that comes to the API later is tried here, or named as harmless.
#[test]
fn every_field_that_sounds_like_a_secret_is_tried() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut suspicious = BTreeSet::new();
    for (schema, body) in schemas {
        let parts = body["allOf"].as_array().into_iter().flatten().chain([body]);
        let fields = parts.filter_map(|part| part["properties"].as_object());
        suspicious.extend(
            fields
                .flat_map(|fields| fields.keys())
                .map(|field| (schema.as_str(), field.as_str())),
        );
    }
    suspicious.retain(|(_, field)| SUSPICIOUS.iter().any(|word| field.contains(word)));
    let shown = shown();
    let tried = shown.0.iter().map(|(schema, field, _)| (*schema, *field));
    let expected: BTreeSet<_> = tried.chain(HARMLESS).collect();
    assert_eq!(suspicious, expected);
}
