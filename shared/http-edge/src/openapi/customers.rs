//! Calls of customer.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, optional, paging, path, query};
use super::parties::party;
use crate::api::customers::{
    BlockCardRequest, CardAnswer, CashDeskAnswer, ExplainAnswer, IssueCardRequest, PartyView, PointsAnswer,
    RegisterCardRequest, ReplaceCardAnswer, ReplaceCardRequest, SegmentsAnswer, SegmentsRequest,
};
use crate::api::parties::{PartyAnswer, PartyInput};
use crate::problem::Code;

const TAG: &str = "Customers";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const ENTRY: &str = "eyJ2IjoxLCJrIjoiMjAyNi0xMS0yMiNSI0IwN34zfjIwMjYtMTEtMjJ-MDA0NzExIn0";
const CARD: &str = "2500000000010";
const NEW_CARD: &str = "2500000000027";

/// Problems of a new card.
const ISSUE_CODES: &[Code] = &[
    Code::Invalid,
    Code::CardState,
    Code::PartyUnknown,
    Code::ConcurrentChange,
];

/// Problems of a change of a card.
const CARD_CODES: &[Code] = &[
    Code::Invalid,
    Code::CardUnknown,
    Code::CardState,
    Code::PartyUnknown,
    Code::ConcurrentChange,
    Code::TooManyUnknown,
];

pub(super) fn operations() -> Vec<Operation> {
    vec![
        store_party(),
        read_party(),
        points(),
        explain(),
        read_segments(),
        put_segments(),
        issue_card(),
        register_card(),
        replace_card(),
        block_card(),
        unblock_card(),
        cash_desk(),
    ]
}

fn money(amount_minor: i64) -> Value {
    json!({"amount_minor": amount_minor, "currency": "CHF"})
}

fn card(number: &str, status: &str) -> Value {
    let mut card = json!({"number": number, "status": status});
    if status != "unregistered" {
        card["party_id"] = json!(PARTY);
        card["registered_at"] = json!("2026-11-22T10:05:00Z");
    }
    if status == "blocked" {
        card["blocked"] = json!({"reason": "lost", "since": "2026-11-23T08:00:00Z"});
    }
    card
}

fn store_party() -> Operation {
    let request = json!({
        "kind": "person", "given_name": "Anna", "family_name": "Keller", "language": "de",
        "external_id": {"system": "shop", "id": "10042"},
        "contacts": [
            {"kind": "postal", "purposes": ["main"], "street": "Marktgasse", "house_number": "12a", "postcode": "3011",
             "town": "Bern"},
            {"kind": "email", "email": "anna.keller@example.ch"},
            {"kind": "phone", "phone": "079 123 45 67"},
        ],
        "roles": [{"role": "prospect", "because": "Asked for a card"}],
        "consents": {"email": {"state": "pending", "source": "till", "text_version": "2026-1"}},
    });
    Operation {
        route: "POST /v1/parties",
        id: "storeParty",
        tag: TAG,
        summary: "Store a person or organisation",
        description: "Give an `external_id` or a `client_token`: then the same call again finds the party of the first and \
                      stores no second one.",
        parameters: vec![],
        request: Some(Body::of::<PartyInput>(request)),
        answers: vec![
            Answer::json::<PartyAnswer>(201, "Stored now.", party()),
            Answer::json::<PartyAnswer>(200, "Stored before, by the same call.", party()),
        ],
        codes: &[
            Code::Invalid,
            Code::PartyContradiction,
            Code::PartyUnknown,
            Code::IdentifierTaken,
            Code::ConcurrentChange,
        ],
    }
}

fn read_party() -> Operation {
    let mut answer = party();
    answer["cards"] = json!([{"last4": "0010", "status": "active", "registered_at": "2026-11-22T10:05:00Z"}]);
    let mut parameters = vec![path("party_id", "The party.", PARTY)];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/parties/{party_id}",
        id: "getParty",
        tag: TAG,
        summary: "Read a party with its cards",
        description: "Everything that is kept of its master data, what ended included. The cards come in pages, masked. The \
                      `ETag` is the party's version.",
        parameters,
        request: None,
        answers: vec![Answer::json::<PartyView>(200, "The party.", answer)],
        codes: &[Code::NotFound],
    }
}

fn party_id() -> Parameter {
    path("party_id", "The party.", PARTY)
}

fn entry() -> Value {
    let receipt = json!({
        "kind": "receipt", "receipt": "B07~3~2026-11-22~004711", "total": money(4_790), "eligible": money(3_990),
        "voucher_paid": money(0), "base": money(3_990),
    });
    json!({
        "entry_id": ENTRY, "version": 19, "business_date": "2026-11-22", "points": 39, "balance_after": 212,
        "pending_after": 0, "programme_version": 1, "lots": [{"last_day": "2028-11-30", "points": 39}], "cause": receipt,
        "posted_at": "2026-11-22T10:15:02Z",
    })
}

fn points() -> Operation {
    let answer = json!({
        "party_id": PARTY, "programme": "treue", "balance": 212, "pending": 0,
        "lots": [{"last_day": "2028-10-31", "points": 173}, {"last_day": "2028-11-30", "points": 39}],
        "revenue": money(71_230), "receipts": 18, "vouchers_issued": 1, "version": 19, "as_of": "2026-11-22T10:15:03Z",
        "entries": [entry()],
    });
    let mut parameters = vec![party_id(), query("programme", "The programme.", "treue")];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/parties/{party_id}/points",
        id: "getPoints",
        tag: TAG,
        summary: "Read points and the ledger behind them",
        description: "The account as it is, and its entries in pages, newest business date first. Each entry names its cause \
                      and the version of the programme that decided.",
        parameters,
        request: None,
        answers: vec![Answer::json::<PointsAnswer>(
            200,
            "The account and a page of its ledger.",
            answer,
        )],
        codes: &[Code::NotFound, Code::ProgrammeUnknown],
    }
}

fn explain() -> Operation {
    let answer = json!({
        "entry": entry(),
        "explanation": {
            "kind": "receipt",
            "counted": {
                "points": 39, "programme": "treue", "programme_version": 1,
                "eligible": money(3_990), "voucher_paid": money(0), "base": money(3_990),
                "lines": [{"line": 0, "base": money(3_990), "reason": "base_rate"}],
                "points_of_rate": 1, "per_minor": 100, "basis": "gross",
                "rounding": {"numerator": "399", "denominator": "10", "floor": 39},
                "circumstances": {"channel": "branch", "first_purchase": false, "segments": ["vip"]},
            },
        },
        "reproduced": true,
    });
    Operation {
        route: "GET /v1/parties/{party_id}/points/{entry_id}",
        id: "explainPoints",
        tag: TAG,
        summary: "Explain an entry of the ledger",
        description: "Counts again from what is stored, under the version of the programme that the entry names: lines with \
                      their multipliers and the rules that decided, bonuses, the one rounding, caps, and what was known of \
                      the customer.",
        parameters: vec![
            party_id(),
            path("entry_id", "`entry_id` of the entry.", ENTRY),
            query("programme", "The programme.", "treue"),
        ],
        request: None,
        answers: vec![Answer::json::<ExplainAnswer>(
            200,
            "The entry and its explanation.",
            answer,
        )],
        codes: &[Code::MalformedParameter, Code::NotFound],
    }
}

fn segments() -> Value {
    json!({"party_id": PARTY, "segments": ["vip"], "version": 3})
}

fn read_segments() -> Operation {
    Operation {
        route: "GET /v1/parties/{party_id}/segments",
        id: "getSegments",
        tag: TAG,
        summary: "Read the segments of a customer",
        description: "Earning rules can ask for them: `\"vip\" in customer.segments`.",
        parameters: vec![party_id()],
        request: None,
        answers: vec![Answer::json::<SegmentsAnswer>(200, "The segments.", segments())],
        codes: &[Code::NotFound],
    }
}

fn put_segments() -> Operation {
    Operation {
        route: "PUT /v1/parties/{party_id}/segments",
        id: "putSegments",
        tag: TAG,
        summary: "Replace the segments of a customer",
        description: "Receipts accepted from then on are counted with them; those accepted before keep theirs. The same \
                      segments again change nothing.",
        parameters: vec![party_id()],
        request: Some(Body::of::<SegmentsRequest>(
            json!({"segments": ["vip"], "expected_version": 2}),
        )),
        answers: vec![Answer::json::<SegmentsAnswer>(
            200,
            "The segments as they are now.",
            segments(),
        )],
        codes: &[Code::Invalid, Code::NotFound, Code::ConcurrentChange],
    }
}

fn issue_card() -> Operation {
    let request = json!({"number": CARD, "party_id": PARTY});
    Operation {
        route: "POST /v1/cards",
        id: "issueCard",
        tag: TAG,
        summary: "Issue a card",
        description: "Under a printed number or one that the system makes; for a party, or to be registered later. Receipts \
                      with a card that belongs to nobody yet wait for its registration.",
        parameters: vec![],
        request: Some(Body::of::<IssueCardRequest>(request)),
        answers: vec![
            Answer::json::<CardAnswer>(201, "Issued now.", card(CARD, "active")),
            Answer::json::<CardAnswer>(200, "Issued before, by the same call.", card(CARD, "active")),
        ],
        codes: ISSUE_CODES,
    }
}

fn number() -> Parameter {
    path("number", "Number of the card, EAN-13.", CARD)
}

/// A command on one card.
fn card_command(route: &'static str, id: &'static str, summary: &'static str, description: &'static str) -> Operation {
    Operation {
        route,
        id,
        tag: TAG,
        summary,
        description,
        parameters: vec![number()],
        request: None,
        answers: vec![],
        codes: CARD_CODES,
    }
}

fn register_card() -> Operation {
    Operation {
        request: Some(Body::of::<RegisterCardRequest>(json!({"party_id": PARTY}))),
        answers: vec![Answer::json::<CardAnswer>(
            200,
            "The card is the party's.",
            card(CARD, "active"),
        )],
        ..card_command(
            "POST /v1/cards/{number}/register",
            "registerCard",
            "Give a card to a party",
            "Once. Receipts that waited for the card are settled then. The same registration again is answered with 200. With \
             `company_id` it is a card that the party has from a company: the points of its receipts are the company's on \
             days on which the relationship says so.",
        )
    }
}

fn replace_card() -> Operation {
    let answer = json!({"old": card(CARD, "replaced"), "new": card(NEW_CARD, "active")});
    Operation {
        request: Some(Body::of::<ReplaceCardRequest>(json!({"new_number": NEW_CARD})).optional()),
        answers: vec![Answer::json::<ReplaceCardAnswer>(200, "Both cards.", answer)],
        ..card_command(
            "POST /v1/cards/{number}/replace",
            "replaceCard",
            "Put another card in the place of one",
            "The old card goes on leading to the party. The same replacement again is answered with 200.",
        )
    }
}

fn block_card() -> Operation {
    Operation {
        request: Some(Body::of::<BlockCardRequest>(json!({"reason": "lost"}))),
        answers: vec![Answer::json::<CardAnswer>(
            200,
            "The card leads to nobody for now.",
            card(CARD, "blocked"),
        )],
        ..card_command(
            "POST /v1/cards/{number}/block",
            "blockCard",
            "Block a card",
            "Receipts with a blocked card are accepted and wait; the till shows nothing.",
        )
    }
}

fn unblock_card() -> Operation {
    Operation {
        answers: vec![Answer::json::<CardAnswer>(
            200,
            "The card leads to its party again.",
            card(CARD, "active"),
        )],
        ..card_command(
            "POST /v1/cards/{number}/unblock",
            "unblockCard",
            "Lift the block of a card",
            "Receipts that waited are settled then.",
        )
    }
}

fn cash_desk() -> Operation {
    let answer = json!({
        "card_status": "active",
        "customer": {"name": "Anna Keller", "language": "de", "programme": "treue", "balance": 212},
        "open_vouchers": [{"code": super::vouchers::CODE, "value": money(500), "valid_until": "2027-03-01"}],
        "more_vouchers": false, "as_of": "2026-11-22T10:14:00Z",
    });
    Operation {
        route: "GET /v1/cash-desk/{card}",
        id: "showCashDesk",
        tag: "Cash desk",
        summary: "Show the customer of a card",
        description: "Name, balance and open vouchers: no address, no birthday. Well-formed numbers that nobody issued are \
                      counted as for vouchers. Beyond the limit, customers are shown without their vouchers until the hour \
                      ends (`vouchers_withheld`).",
        parameters: vec![
            path("card", "Number of the card, EAN-13.", CARD),
            query("store", "Location id.", "B07"),
            query("till", "Till id within the location.", "3"),
            optional("next", "Token of the page of vouchers before: `next` of its answer."),
        ],
        request: None,
        answers: vec![Answer::json::<CashDeskAnswer>(200, "What the cashier sees.", answer)],
        codes: &[
            Code::LocationForbidden,
            Code::LocationUnknown,
            Code::CardUnknown,
            Code::TooManyUnknown,
        ],
    }
}
