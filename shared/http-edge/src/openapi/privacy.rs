//! Calls of privacy.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, optional, path};
use crate::api::keys::PublicKeys;
use crate::api::privacy::{ErasurePage, ErasureRequest, ErasureView, StatementAnswer};
use crate::problem::Code;

const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const STATEMENT: &str = "c0a1f2d34b5e46f7a8b9c0d1e2f30415";

pub(super) fn operations() -> Vec<Operation> {
    vec![statement(), ask(), show(), approve(), withdraw(), list(), keys()]
}

fn party() -> Parameter {
    path("party_id", "The party.", PARTY)
}

fn asked() -> Value {
    json!({
        "party_id": PARTY, "status": "requested", "reason": "on_request", "asked_by": "olga",
        "asked_at": "2026-11-24T08:00:00Z",
        "findings": {
            "accounts": [{"programme_id": "treue", "balance": 340, "pending": 0}],
            "open_vouchers": 1, "open_invoices": 0, "open_opportunities": 0, "open_work": 1, "open_adjustments": 0,
        },
    })
}

fn approved() -> Value {
    let mut view = asked();
    view["status"] = json!("approved");
    view["decided_by"] = json!("urs");
    view["decided_at"] = json!("2026-11-24T09:00:00Z");
    view["counts"] = json!({"deleted": {}, "emptied": {"party": 1, "till_name": 1}, "kept": {}});
    view
}

fn erased() -> Value {
    let mut view = approved();
    view["status"] = json!("erased");
    view["erased_at"] = json!("2026-11-24T09:02:00Z");
    view["counts"] = json!({
        "deleted": {"card_reference": 1, "communication": 2, "timeline": 3},
        "emptied": {"card": 1, "external_id": 1, "party": 1, "task": 1, "till_name": 1},
        "kept": {"account": 1, "ledger_entry": 41, "party_change": 4},
    });
    view["proof"] = json!("eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJwYXJ0eV9pZCI6IuKApiJ9.c2lnbmF0dXJl");
    view
}

fn statement() -> Operation {
    let answer = json!({
        "statement_id": STATEMENT, "party_id": PARTY, "made_at": "2026-11-24T08:00:00Z", "bytes": 48_211,
        "sha256": "0".repeat(64),
        "url": format!("https://bucket.s3.eu-central-1.amazonaws.com/statements/demo/{PARTY}/{STATEMENT}.json?X-Amz-Signature=0"),
        "signature_url": format!("https://bucket.s3.eu-central-1.amazonaws.com/statements/demo/{PARTY}/{STATEMENT}.jws?X-Amz-Signature=0"),
        "url_expires_at": "2026-11-24T08:15:00Z",
        "signature": "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ..c2lnbmF0dXJl",
    });
    Operation {
        route: "POST /v1/parties/{party_id}/statements",
        id: "makeStatement",
        tag: "Privacy",
        summary: "State everything that is stored about a person",
        description: "A JSON document for people (Art. 25 FADP, Art. 15 GDPR): the party with its contact points, consents and \
                      ids, cards, points with their ledger and receipts, vouchers without their codes, documents of the ERP, \
                      communication, tasks, changes, and to what end, from where, for how long and for whom it is kept. It is \
                      kept for 30 days. The signature covers its exact bytes; `GET /v1/statement-keys` has the keys. Each \
                      call makes another statement.",
        parameters: vec![party()],
        request: None,
        answers: vec![Answer::json::<StatementAnswer>(201, "The statement.", answer)],
        codes: &[Code::NotFound, Code::PartyErased, Code::StatementTooLarge],
    }
}

fn ask() -> Operation {
    Operation {
        route: "POST /v1/parties/{party_id}/erasure",
        id: "requestErasure",
        tag: "Privacy",
        summary: "Ask for the erasure of a party",
        description: "Nothing happens until a second person approves. The answer says what lapses and what is still open. The \
                      same call by the same person again is answered with the request that waits.",
        parameters: vec![party()],
        request: Some(Body::of::<ErasureRequest>(json!({"reason": "on_request"}))),
        answers: vec![
            Answer::json::<ErasureView>(201, "The request waits for a second person.", asked()),
            Answer::json::<ErasureView>(200, "It waits already.", asked()).may_replay(),
        ],
        codes: &[
            Code::NotFound,
            Code::PartyErased,
            Code::OwnPartyStays,
            Code::ErasureState,
            Code::StatementTooLarge,
        ],
    }
}

fn show() -> Operation {
    Operation {
        route: "GET /v1/parties/{party_id}/erasure",
        id: "getErasure",
        tag: "Privacy",
        summary: "Read how far an erasure is",
        description: "With the signed proof when it is done.",
        parameters: vec![party()],
        request: None,
        answers: vec![Answer::json::<ErasureView>(200, "The request.", erased())],
        codes: &[Code::NotFound],
    }
}

fn approve() -> Operation {
    Operation {
        route: "POST /v1/parties/{party_id}/erasure/approval",
        id: "approveErasure",
        tag: "Privacy",
        summary: "Approve an erasure",
        description: "By a person who signed in, other than the one who asked. At once the party is not there any more: reads \
                      and writes answer `party_erased`, its cards and vouchers are not taken, its points go on to expire. The \
                      rest is removed within minutes. It cannot be taken back.",
        parameters: vec![party()],
        request: None,
        answers: vec![
            Answer::json::<ErasureView>(202, "The erasure is under way.", approved()),
            Answer::json::<ErasureView>(200, "It was approved before.", erased()).may_replay(),
        ],
        codes: &[
            Code::NotFound,
            Code::ErasureState,
            Code::ApprovalByAuthor,
            Code::PersonNeeded,
        ],
    }
}

fn withdraw() -> Operation {
    let mut withdrawn = asked();
    withdrawn["status"] = json!("withdrawn");
    withdrawn["decided_by"] = json!("olga");
    withdrawn["decided_at"] = json!("2026-11-24T08:30:00Z");
    Operation {
        route: "POST /v1/parties/{party_id}/erasure/withdrawal",
        id: "withdrawErasure",
        tag: "Privacy",
        summary: "Take a request of erasure back",
        description: "As long as nobody has approved it. It can be asked for again.",
        parameters: vec![party()],
        request: None,
        answers: vec![Answer::json::<ErasureView>(200, "It is taken back.", withdrawn).may_replay()],
        codes: &[Code::NotFound, Code::ErasureState],
    }
}

fn list() -> Operation {
    Operation {
        route: "GET /v1/erasures",
        id: "listErasures",
        tag: "Privacy",
        summary: "List erasures",
        description: "Those that wait for a second person, or those that were approved, done or not; the oldest first.",
        parameters: vec![
            optional("status", "`requested` (also when absent) or `approved`."),
            optional("next", "Where the page begins: `next` of the page before."),
        ],
        request: None,
        answers: vec![Answer::json::<ErasurePage>(200, "A page.", json!({"items": [asked()]}))],
        codes: &[],
    }
}

/// The key of the first vector of RFC 8032.
pub(super) fn public_keys() -> Value {
    json!({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1", "alg": "EdDSA",
        "use": "sig",
    }]})
}

fn keys() -> Operation {
    Operation {
        route: "GET /v1/statement-keys",
        id: "listStatementKeys",
        tag: "Privacy",
        summary: "Keys that statements and proofs are signed with",
        description: "A JWK set (RFC 7517). Needs no key: whoever holds a statement can verify it.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<PublicKeys>(200, "The keys.", public_keys())],
        codes: &[],
    }
}
