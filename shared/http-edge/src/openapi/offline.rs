//! Calls of offline-redemption.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, date, paging, path};
use super::privacy::public_keys;
use super::vouchers::CODE;
use crate::api::keys::PublicKeys;
use crate::api::offline::{AllowanceAnswer, AllowanceRequest, JournalAnswer, JournalRequest, LossPage, LossReport};
use crate::problem::Code;

const TAG: &str = "Offline tills";
const RECEIPT: &str = "B07~3~2026-11-22~004712";
/// Header, claims and signature, as short as they can be shown.
const TOKEN: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJhdWQiOiJvZmZsaW5lLXRpbGwifQ.c2lnbmF0dXJl";

pub(super) fn operations() -> Vec<Operation> {
    vec![give(), journal(), report(), list(), keys()]
}

fn money(amount_minor: i64) -> Value {
    json!({"amount_minor": amount_minor, "currency": "CHF"})
}

fn first() -> Value {
    json!({"location": "B09", "till": "1", "business_date": "2026-11-22", "at": "2026-11-22T10:16:00Z"})
}

fn days() -> [Parameter; 2] {
    [
        date("from", "First business day.", "2026-11-01"),
        date("to", "Last business day, at most 91 days later.", "2026-11-30"),
    ]
}

fn give() -> Operation {
    let answer = json!({
        "allowance_id": "B07~2026-11-22", "store": "B07", "valid_from": "2026-11-22T10:00:00Z",
        "valid_until": "2026-11-22T18:00:00Z", "limit": money(20_000), "voucher_limit": money(2_000), "used": money(0),
        "allowance": TOKEN,
    });
    Operation {
        route: "POST /v1/offline-allowances",
        id: "giveOfflineAllowance",
        tag: TAG,
        summary: "Ask for what a branch may take when its line goes down",
        description: "Ask every hour while the line is up, so that a fresh token is at hand. A location has one allowance each \
                      business day: asked again it is the same one with a new window, and its limit does not grow. The settings \
                      of the day's first asking hold for all of it. While the line is down, take a voucher when its check \
                      character is right, the token is good, and neither limit is crossed; write down each one.",
        parameters: vec![],
        request: Some(Body::of::<AllowanceRequest>(json!({"store": "B07"}))),
        answers: vec![Answer::json::<AllowanceAnswer>(200, "The allowance.", answer)],
        codes: &[
            Code::Invalid,
            Code::LocationForbidden,
            Code::LocationUnknown,
            Code::LocationClosed,
            Code::ProgrammeUnknown,
            Code::OfflineNotAllowed,
        ],
    }
}

fn journal() -> Operation {
    let request = json!({
        "allowance": TOKEN,
        "entries": [{
            "number": 17, "code": CODE, "receipt": RECEIPT, "basket_total": money(4_790), "value": money(500),
            "at": "2026-11-22T11:04:00Z",
        }],
    });
    let answer = json!({
        "allowance_id": "B07~2026-11-22",
        "entries": [{
            "number": 17, "receipt": RECEIPT, "outcome": "lost", "booked": money(0), "lost": money(500),
            "reason": "redeemed_elsewhere", "bearer": "company", "redemption": first(), "replayed": false, "contradicts": false,
        }],
    });
    Operation {
        route: "POST /v1/offline-journals",
        id: "sendOfflineJournal",
        tag: TAG,
        summary: "Send what a branch took while its line was down",
        description: "In parts of at most 50 entries, in any order, as often as it takes: each receipt and voucher is decided \
                      once and for ever, and answered with what was decided then. `booked`: the voucher is redeemed on that \
                      receipt, as of that instant. `lost`: it is not, with the reason and who bears it; a conflict is no error of \
                      the call. An entry that breaks its allowance is booked all the same where its voucher is good; what is \
                      lost on it is the branch's. A loss stays, also when the first redemption is reversed later. When anything \
                      in the call is malformed, nothing of it is applied. A voucher for some product groups needs the goods by group \
                      (`no_goods`), a personal one the card that was presented (`no_customer`, `other_customer`). The receipts come \
                      through `POST /v1/purchases`.",
        parameters: vec![],
        request: Some(Body::of::<JournalRequest>(request)),
        answers: vec![Answer::json::<JournalAnswer>(200, "What became of each entry.", answer)],
        codes: &[Code::Invalid, Code::LocationForbidden, Code::AllowanceNotGenuine],
    }
}

fn report() -> Operation {
    let answer = json!({
        "from": "2026-11-01", "to": "2026-11-30",
        "branches": [{
            "location_id": "B07", "bearer": "company", "count": 1, "amount": money(500),
            "reasons": [{"reason": "redeemed_elsewhere", "count": 1, "amount": money(500)}],
        }],
        "totals": [{"bearer": "company", "count": 1, "amount": money(500)}],
    });
    Operation {
        route: "GET /v1/offline-losses",
        id: "reportOfflineLosses",
        tag: TAG,
        summary: "Sum what branches without a line lost, and who bears it",
        description: "By location and bearer, on receipts of these business days, at the locations that the caller speaks for. \
                      The sums are kept in the same transaction as their entries.",
        parameters: days().into(),
        request: None,
        answers: vec![Answer::json::<LossReport>(200, "The sums.", answer)],
        codes: &[],
    }
}

fn list() -> Operation {
    let answer = json!({
        "items": [{
            "receipt": RECEIPT, "at": "2026-11-22T11:04:00Z", "decided_at": "2026-11-22T15:30:00Z", "booked": money(0),
            "lost": money(500), "reason": "redeemed_elsewhere", "bearer": "company", "redemption": first(),
        }],
    });
    let location = path("location_id", "The location: 1 to 12 characters.", "B07");
    Operation {
        route: "GET /v1/offline-losses/{location_id}",
        id: "listOfflineLosses",
        tag: TAG,
        summary: "List the entries behind the sums of a location",
        description: "By business day and receipt. Entries on which nothing is lost are left out.",
        parameters: [location].into_iter().chain(days()).chain(paging()).collect(),
        request: None,
        answers: vec![Answer::json::<LossPage>(200, "A page.", answer)],
        codes: &[Code::LocationForbidden],
    }
}

fn keys() -> Operation {
    Operation {
        route: "GET /v1/offline-keys",
        id: "listOfflineKeys",
        tag: TAG,
        summary: "Keys that allowances are signed with",
        description: "A JWK set (RFC 7517). Needs no key: a till verifies its allowance with it.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<PublicKeys>(200, "The keys.", public_keys())],
        codes: &[],
    }
}
