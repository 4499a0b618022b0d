//! Calls of purchase-ingestion.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, path};
use crate::api::purchases::{ClaimRequest, PurchaseAnswer, PurchaseRequest, PurchaseState};
use crate::api::returns::{ReturnAnswer, ReturnRequest, VoidAnswer};
use crate::problem::Code;

const TAG: &str = "Purchases";
const KEY: &str = "B07~3~2026-11-22~004711";

pub(super) fn operations() -> Vec<Operation> {
    vec![send(), read(), claim(), void(), give_back()]
}

fn money(amount_minor: i64) -> Value {
    json!({"amount_minor": amount_minor, "currency": "CHF"})
}

fn send() -> Operation {
    let request = json!({
        "store": "B07", "till": "3", "business_date": "2026-11-22", "number": "004711",
        "time": "2026-11-22T10:15:00Z", "card": "2500000000010", "language": "de",
        "total": money(4_790), "cash_rounding": money(0),
        "lines": [
            {"sku": "7612345678900", "group": "textile", "quantity_milli": 1_000, "amount": money(3_990), "vat_rate_bp": 810},
            {"sku": "7612345678917", "group": "gift_card", "quantity_milli": 1_000, "amount": money(800)},
        ],
        "payments": [{"kind": "card", "amount": money(4_790)}],
    });
    Operation {
        route: "POST /v1/purchases",
        id: "sendPurchase",
        tag: TAG,
        summary: "Send a receipt",
        description: "Accepts a receipt and answers at once with the expected points, the balance and the open vouchers as \
                      of now, and a block to print. The points are posted within seconds. A receipt is recognised by store, \
                      till, business date and number: the same one again is answered with 200 and changes nothing; other \
                      content under the same key is refused. A receipt without a card, or with one that leads to nobody \
                      yet, is accepted with `matched: false` and settled when the card is registered. Well-formed card \
                      numbers that nobody issued are counted as at the cash desk: beyond the limit receipts are taken as \
                      ever, and the answers list no vouchers until the hour ends (`vouchers_withheld`).",
        parameters: vec![],
        request: Some(Body::of::<PurchaseRequest>(request)),
        answers: vec![
            Answer::json::<PurchaseAnswer>(201, "Stored now.", answer("accepted")),
            Answer::json::<PurchaseAnswer>(
                200,
                "Stored before. The receipt's part is as it was then, the account as of now.",
                answer("replayed"),
            )
            .may_replay(),
        ],
        codes: &[
            Code::Invalid,
            Code::LocationForbidden,
            Code::LocationUnknown,
            Code::LocationClosed,
            Code::ProgrammeUnknown,
            Code::ReceiptContradiction,
        ],
    }
}

fn answer(status: &str) -> Value {
    json!({
        "key": KEY, "status": status, "matched": true,
        "expected": {
            "points": 39, "programme": "treue", "programme_version": 1,
            "eligible": money(3_990), "voucher_paid": money(0), "base": money(3_990),
            "lines": [
                {"line": 0, "base": money(3_990), "reason": "base_rate"},
                {"line": 1, "base": money(0), "reason": "excluded_group"},
            ],
        },
        "account": {
            "balance": 212, "revenue": money(71_230),
            "open_vouchers": [{"code": super::vouchers::CODE, "value": money(500), "valid_until": "2027-03-01"}],
            "more_vouchers": false, "as_of": "2026-11-22T10:15:01.250Z",
        },
        "print": {"language": "de", "lines": ["Punkte dieses Einkaufs: 39", "Punktestand: 212"]},
    })
}

fn state() -> Value {
    json!({
        "key": KEY, "total": money(4_790), "matched": true, "party": "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10",
        "posted": true, "points": 39, "accepted_at": "2026-11-22T10:15:01.250Z",
    })
}

fn read() -> Operation {
    Operation {
        route: "GET /v1/purchases/{key}",
        id: "getPurchase",
        tag: TAG,
        summary: "Read a stored receipt",
        description: "Says whether a receipt is stored, belongs to an account, and stands in its ledger.",
        parameters: vec![path("key", "Key of the receipt: store~till~business date~number.", KEY)],
        request: None,
        answers: vec![Answer::json::<PurchaseState>(200, "The receipt.", state())],
        codes: &[Code::LocationForbidden, Code::NotFound],
    }
}

fn claim() -> Operation {
    Operation {
        route: "POST /v1/purchases/{key}/claim",
        id: "claimPurchase",
        tag: TAG,
        summary: "Assign a receipt to a card afterwards",
        description: "Gives a receipt that belongs to no account to the party of a card, once and for ever, within the \
                      programme's `claim_days`. The same claim again is answered with 200.",
        parameters: vec![path("key", "Key of the receipt: store~till~business date~number.", KEY)],
        request: Some(Body::of::<ClaimRequest>(json!({"card": "2500000000010"}))),
        answers: vec![
            Answer::json::<PurchaseState>(201, "The receipt belongs to the party now.", state()),
            Answer::json::<PurchaseState>(200, "It belonged to the party before.", state()).may_replay(),
        ],
        codes: &[
            Code::Invalid,
            Code::LocationForbidden,
            Code::NotFound,
            Code::CardUnknown,
            Code::CardNotActive,
            Code::ProgrammeUnknown,
            Code::ReceiptAssigned,
            Code::ClaimTooLate,
            Code::TooManyUnknown,
        ],
    }
}

fn void() -> Operation {
    let answer = json!({"key": KEY, "receipt_known": true, "as_of": "2026-11-22T10:20:00Z"});
    Operation {
        route: "POST /v1/purchases/{key}/void",
        id: "voidPurchase",
        tag: TAG,
        summary: "Void a receipt on its own day",
        description: "Takes a whole receipt back as if it had never been: points, revenue and the receipt itself. Only on its \
                      business date, in the programme's time zone; later, send a return. The voiding may come before the \
                      receipt. Vouchers that were redeemed on it stay redeemed: reverse them.",
        parameters: vec![path("key", "Key of the receipt: store~till~business date~number.", KEY)],
        request: None,
        answers: vec![
            Answer::json::<VoidAnswer>(201, "The receipt is voided now.", answer.clone()),
            Answer::json::<VoidAnswer>(200, "It was voided before.", answer).may_replay(),
        ],
        codes: &[
            Code::Invalid,
            Code::LocationForbidden,
            Code::LocationUnknown,
            Code::ProgrammeUnknown,
            Code::VoidTooLate,
        ],
    }
}

fn give_back() -> Operation {
    let request = json!({
        "store": "B07", "till": "3", "business_date": "2026-11-24", "number": "R-000812", "original": KEY,
        "total": money(3_990),
        "lines": [{"original_line": 0, "sku": "7612345678900", "quantity_milli": 1_000, "amount": money(3_990)}],
        "refunds": [{"kind": "card", "amount": money(3_990)}],
    });
    let answer = |status: &str| {
        json!({
            "key": "B07~3~2026-11-24~R-000812", "status": status, "original_known": true, "matched": true,
            "expected_points": -39,
            "account": {
                "balance": 212, "revenue": money(71_230), "open_vouchers": [], "more_vouchers": false,
                "as_of": "2026-11-24T09:00:01Z",
            },
            "print": {"language": "de", "lines": ["Punkte dieses Einkaufs: -39", "Ihr Punktestand: 173"]},
        })
    };
    Operation {
        route: "POST /v1/returns",
        id: "sendReturn",
        tag: TAG,
        summary: "Send a return",
        description: "Accepts goods that come back, line by line, from any location, in parts, also before their receipt has \
                      arrived. Points are recomputed on what remains of the receipt under the version of the programme that \
                      it was counted with, and the difference is taken from the lot that they were earned into, then from \
                      the others. What the points were spent on stays; the programme's `returns` says whether the account \
                      owes what is not there. More than was sold is never taken: the surplus is accepted and listed as a \
                      case. The same return again is answered with 200 and changes nothing.",
        parameters: vec![],
        request: Some(Body::of::<ReturnRequest>(request)),
        answers: vec![
            Answer::json::<ReturnAnswer>(201, "Stored now.", answer("accepted")),
            Answer::json::<ReturnAnswer>(200, "Stored before; nothing was changed.", answer("replayed")).may_replay(),
        ],
        codes: &[
            Code::Invalid,
            Code::LocationForbidden,
            Code::LocationUnknown,
            Code::LocationClosed,
            Code::ProgrammeUnknown,
            Code::ReturnContradiction,
            Code::TooManyReturns,
        ],
    }
}
