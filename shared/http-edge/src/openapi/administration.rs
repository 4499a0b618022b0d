//! Calls of administration.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, date, optional, paging, path};
use crate::api::administration::{
    ClientPage, ClientRequest, ClientView, CloseRequest, CompanyRequest, CompanyView, ContextAnswer, ExceptionPage,
    KeyAnswer, KeyRequest, LocationPage, LocationRequest, LocationView, PartyTypesRequest, PartyTypesView,
    ProgrammeRequest, ProgrammeView, RevenueAnswer,
};
use crate::api::rfmr::RfmrSettings;
use crate::problem::Code;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list_locations(),
        put_location(),
        close_location(),
        revenue(),
        earning_context(),
        get_programme(),
        put_programme(),
        list_clients(),
        put_client(),
        make_key(),
        withdraw_key(),
        list_exceptions(),
        get_party_types(),
        put_party_types(),
        get_company(),
        put_company(),
    ]
}

fn money(amount_minor: i64) -> Value {
    json!({"amount_minor": amount_minor, "currency": "CHF"})
}

fn party_types(version: u64) -> Value {
    json!({"version": version, "types": party::types::PartyTypes::default()})
}

fn get_party_types() -> Operation {
    Operation {
        route: "GET /v1/party-types",
        id: "getPartyTypes",
        tag: "Customers",
        summary: "Read the types of parties",
        description: "Kinds of customers, sales and communication channels, roles, relationships, classifications, contact lists \
                      and fields of the tenant's own. Version 0 are the defaults.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<PartyTypesView>(
            200,
            "The types in force.",
            party_types(0),
        )],
        codes: &[],
    }
}

fn put_party_types() -> Operation {
    let types = party::types::PartyTypes::default();
    Operation {
        route: "PUT /v1/party-types",
        id: "putPartyTypes",
        tag: "Customers",
        summary: "Put types of parties in force",
        description: "They hold from the next call on, without a deployment. Each version is kept. Parties keep what they have, \
                      also of a type that is no longer there.",
        parameters: vec![],
        request: Some(Body::of::<PartyTypesRequest>(
            json!({"expected_version": 0, "types": types}),
        )),
        answers: vec![Answer::json::<PartyTypesView>(200, "In force.", party_types(1))],
        codes: &[Code::Invalid, Code::ConcurrentChange],
    }
}

fn company() -> Value {
    json!({"party_id": "6f1ed002-ab5c-5f8a-9d0c-3f3a2f6d9e11", "name": "Treue Handels AG", "version": 1})
}

fn get_company() -> Operation {
    Operation {
        route: "GET /v1/company",
        id: "getCompany",
        tag: "Locations",
        summary: "Read the own company as a party",
        description: "Its id always is the same, so that roles can be towards it.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<CompanyView>(200, "The company.", company())],
        codes: &[Code::NotFound],
    }
}

fn put_company() -> Operation {
    Operation {
        route: "PUT /v1/company",
        id: "putCompany",
        tag: "Locations",
        summary: "Give the own company its name",
        description: "A name it had before stays as a former name of its party.",
        parameters: vec![],
        request: Some(Body::of::<CompanyRequest>(json!({"name": "Treue Handels AG"}))),
        answers: vec![Answer::json::<CompanyView>(200, "The company.", company())],
        codes: &[Code::Invalid, Code::ConcurrentChange],
    }
}

fn location_id() -> Parameter {
    path(
        "location_id",
        "The location: 1 to 16 characters from A-Z, a-z, 0-9, `-` and `_`.",
        "B25",
    )
}

fn location(last_day: Option<&str>) -> Value {
    let mut location = json!({
        "location_id": "B25", "name": "Bern Westside", "kind": "branch", "programme": "treue", "feed_group": "g1",
        "company": "1000",
        "version": 1, "created_at": "2026-11-22T10:00:00Z", "updated_at": "2026-11-22T10:00:00Z",
    });
    if let Some(last_day) = last_day {
        location["last_day"] = json!(last_day);
        location["version"] = json!(2);
    }
    location
}

fn list_locations() -> Operation {
    Operation {
        route: "GET /v1/locations",
        id: "listLocations",
        tag: "Locations",
        summary: "List the locations",
        description: "Those that the caller speaks for, closed ones included, by id.",
        parameters: paging().into(),
        request: None,
        answers: vec![Answer::json::<LocationPage>(
            200,
            "A page of locations.",
            json!({"items": [location(None)]}),
        )],
        codes: &[],
    }
}

fn put_location() -> Operation {
    let request = json!({"name": "Bern Westside", "kind": "branch", "programme": "treue", "company": "1000"});
    Operation {
        route: "PUT /v1/locations/{location_id}",
        id: "putLocation",
        tag: "Locations",
        summary: "Add, change or reopen a location",
        description: "The location is then as the body says, and open. The same again changes nothing. A location that exists \
                      is changed only under the `expected_version` that was read before; when another one is stored by now, \
                      or none is given, the call is refused with `current_version`.",
        parameters: vec![location_id()],
        request: Some(Body::of::<LocationRequest>(request)),
        answers: vec![
            Answer::json::<LocationView>(201, "Added now.", location(None)),
            Answer::json::<LocationView>(200, "Changed, reopened, or so already.", location(None)),
        ],
        codes: &[
            Code::Invalid,
            Code::LocationForbidden,
            Code::ProgrammeUnknown,
            Code::ConcurrentChange,
        ],
    }
}

fn close_location() -> Operation {
    Operation {
        route: "POST /v1/locations/{location_id}/close",
        id: "closeLocation",
        tag: "Locations",
        summary: "Close a location",
        description: "Receipts of later business days are refused. What was sold stays. A PUT reopens. To give a closed location \
                      another last day, send its `expected_version`; one that does not hold is refused with `current_version`.",
        parameters: vec![location_id()],
        request: Some(Body::of::<CloseRequest>(json!({"last_day": "2026-12-31"}))),
        answers: vec![Answer::json::<LocationView>(
            200,
            "Closed after that day.",
            location(Some("2026-12-31")),
        )],
        codes: &[Code::LocationForbidden, Code::NotFound, Code::ConcurrentChange],
    }
}

fn revenue() -> Operation {
    let answer = json!({
        "location_id": "B25", "from": "2026-11-21", "to": "2026-11-22",
        "days": [{
            "date": "2026-11-22", "receipts": 412, "matched_receipts": 268, "revenue": money(1_934_510), "returns": 3,
            "returned": money(8_990),
            "voucher_paid": money(6_500),
        }],
    });
    Operation {
        route: "GET /v1/locations/{location_id}/revenue",
        id: "getRevenue",
        tag: "Locations",
        summary: "Sum the revenue of a location by day",
        description: "Summed exactly from the receipts, at most 366 days. An answer covers whole days, as many as it has time \
                      for; when it does not reach the last one, `next` goes on.",
        parameters: vec![
            location_id(),
            date("from", "First business day.", "2026-11-21"),
            date("to", "Last business day.", "2026-11-22"),
            optional("next", "`next` of the answer before."),
        ],
        request: None,
        answers: vec![Answer::json::<RevenueAnswer>(200, "Days with receipts.", answer)],
        codes: &[Code::LocationForbidden, Code::NotFound, Code::ReportTooLarge],
    }
}

fn settings() -> Value {
    json!({
        "name": "Treue", "currency": "CHF", "zone": "Europe/Zurich", "earning": {"points": 1, "per_minor": 100},
        "excluded_groups": ["delivery", "deposit", "gift_card"], "tracked_groups": ["paper", "wine"], "basis": "gross",
        "rules": [{
            "id": "double-paper", "name": "Double points on paper, Saturdays in the shop", "from": "2026-11-01", "until": "2026-12-24",
            "when": "line.group == \"paper\" && receipt.channel == \"shop\" && receipt.weekday == 6",
            "effect": {"kind": "multiply", "percent": 200},
        }],
        "stacking": "highest", "caps": {"day": 5_000},
        "voucher": {"threshold_points": 500, "value_minor": 500, "valid_days": 180, "min_basket_minor": 0, "partial": false,
                    "rollback_days": 30},
        "points": {"pending_days": 0, "expiry": {"rule": "end_of_month", "months": 24}, "grace_days": 30}, "returns": "unlimited",
        "claim_days": 30, "late_days": 30, "reservation_seconds": 900, "unmatched_hours": 24,
        "adjustments": {"alone_up_to": 500, "transfers": false},
        "rfmr": RfmrSettings::default(),
        "offline": {
            "hours": 8, "limit_minor": 20_000, "voucher_limit_minor": 2_000, "journal_days": 7,
            "bearers": {"unknown_code": "branch"},
        },
    })
}

fn programme(version: u32) -> Value {
    json!({
        "programme_id": "treue", "version": version, "settings": settings(), "author": "olga", "reason": "Vouchers for 180 days",
        "stored_at": "2026-11-22T10:00:00Z",
    })
}

fn programme_id() -> Parameter {
    path(
        "programme_id",
        "The programme: 1 to 24 characters from a-z, 0-9 and `-`.",
        "treue",
    )
}

fn earning_context() -> Operation {
    let answer = json!({
        "fields": [{"name": "line.group", "type": "a text", "description": "Product group of the line."}],
        "cost_max": 500, "source_max": 1_000,
    });
    Operation {
        route: "GET /v1/earning-rules/context",
        id: "getEarningRuleContext",
        tag: "Programmes",
        summary: "What conditions of earning rules can read",
        description: "Conditions are written in CEL (Common Expression Language) over these fields, such as \
                      `line.group == \"paper\" && receipt.weekday >= 6`. They are checked when a programme is stored. A field \
                      that is not given reads as `\"\"`, `0`, `false` or an empty list; `has(line.brand)` tells.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<ContextAnswer>(200, "The fields.", answer)],
        codes: &[],
    }
}

fn get_programme() -> Operation {
    Operation {
        route: "GET /v1/programmes/{programme_id}",
        id: "getProgramme",
        tag: "Programmes",
        summary: "Read a programme",
        description: "The version in force, or another one.",
        parameters: vec![
            programme_id(),
            Parameter::integer("version", "The version; the one in force when absent."),
        ],
        request: None,
        answers: vec![Answer::json::<ProgrammeView>(200, "The version.", programme(2))],
        codes: &[Code::NotFound],
    }
}

fn put_programme() -> Operation {
    Operation {
        route: "PUT /v1/programmes/{programme_id}",
        id: "putProgramme",
        tag: "Programmes",
        summary: "Store the next version of a programme",
        description: "The server gives the version. `expected_version` is the one in force that was read before, 0 for a new \
                      programme; when another one is in force by now, the call is refused with `current_version`. The same \
                      settings again make no version. Functions follow a new version within 30 seconds; entries of the \
                      ledger go on naming the version that decided them.",
        parameters: vec![programme_id()],
        request: Some(Body::of::<ProgrammeRequest>(
            json!({"expected_version": 1, "reason": "Vouchers for 180 days", "settings": settings()}),
        )),
        answers: vec![
            Answer::json::<ProgrammeView>(201, "The first version.", programme(1)),
            Answer::json::<ProgrammeView>(200, "The next version, or the same settings as in force.", programme(2)),
        ],
        codes: &[Code::Invalid, Code::ConcurrentChange],
    }
}

fn client_id() -> Parameter {
    path(
        "client_id",
        "The client: 1 to 40 characters from a-z, 0-9 and `-`.",
        "tills-bern",
    )
}

fn client() -> Value {
    json!({
        "client_id": "tills-bern", "name": "POS middleware Bern",
        "scopes": ["cash-desk:read", "purchases:write", "vouchers:redeem"], "locations": ["B07", "B25"],
        "keys": [{"key_id": "5f2a9c0e1b7d4a36", "created_at": "2026-11-22T10:00:00Z", "created_by": "olga"}],
        "version": 2, "author": "olga", "updated_at": "2026-11-22T10:00:00Z",
    })
}

fn list_clients() -> Operation {
    Operation {
        route: "GET /v1/clients",
        id: "listClients",
        tag: "Clients",
        summary: "List the clients",
        description: "With the names of their keys; nobody can read a key.",
        parameters: paging().into(),
        request: None,
        answers: vec![Answer::json::<ClientPage>(
            200,
            "A page of clients.",
            json!({"items": [client()]}),
        )],
        codes: &[],
    }
}

fn put_client() -> Operation {
    let request = json!({
        "name": "POS middleware Bern", "scopes": ["cash-desk:read", "purchases:write", "vouchers:redeem"],
        "locations": ["B07", "B25"],
    });
    let mut new = client();
    new["keys"] = json!([]);
    new["version"] = json!(1);
    Operation {
        route: "PUT /v1/clients/{client_id}",
        id: "putClient",
        tag: "Clients",
        summary: "Add a client or change what it may do",
        description: "A client that exists is changed only under the `expected_version` that was read before; when another one \
                      is stored by now, or none is given, the call is refused with `current_version`. The same again changes \
                      nothing. Nobody gives away more than they hold: scopes and locations must be among the caller's own. A change \
                      reaches all keys of the client at once; calls that the gateway has just let through follow within a \
                      minute.",
        parameters: vec![client_id()],
        request: Some(Body::of::<ClientRequest>(request)),
        answers: vec![
            Answer::json::<ClientView>(201, "Added now.", new),
            Answer::json::<ClientView>(200, "Changed, or so already.", client()),
        ],
        codes: &[Code::Invalid, Code::LocationForbidden, Code::ConcurrentChange],
    }
}

fn make_key() -> Operation {
    let answer = json!({
        "key_id": "5f2a9c0e1b7d4a36", "key": format!("treue_{}", "0".repeat(42) + "A"),
        "created_at": "2026-11-22T10:00:00Z", "expires_at": "2027-11-22T10:00:00Z",
    });
    Operation {
        route: "POST /v1/clients/{client_id}/keys",
        id: "makeKey",
        tag: "Clients",
        summary: "Make a key for a client",
        description: "Shown in this answer and never again. A client has at most two active keys, so that it can change over \
                      without a gap. When the answer is lost, withdraw the key that the list of clients names, and make \
                      another. The caller must hold all that the client may do.",
        parameters: vec![client_id()],
        request: Some(Body::of::<KeyRequest>(json!({"expires_at": "2027-11-22T10:00:00Z"})).optional()),
        answers: vec![Answer::json::<KeyAnswer>(201, "The key.", answer)],
        codes: &[
            Code::Invalid,
            Code::LocationForbidden,
            Code::NotFound,
            Code::ClientKeysFull,
            Code::ConcurrentChange,
        ],
    }
}

fn withdraw_key() -> Operation {
    let mut answer = client();
    answer["keys"] = json!([]);
    answer["version"] = json!(3);
    Operation {
        route: "DELETE /v1/clients/{client_id}/keys/{key_id}",
        id: "withdrawKey",
        tag: "Clients",
        summary: "Withdraw a key",
        description: "Calls with the key are refused within a minute. The withdrawal can be repeated for 90 days.",
        parameters: vec![client_id(), path("key_id", "Name of the key.", "5f2a9c0e1b7d4a36")],
        request: None,
        answers: vec![Answer::json::<ClientView>(
            200,
            "The client with its other key.",
            answer,
        )],
        codes: &[Code::NotFound, Code::ConcurrentChange],
    }
}

fn list_exceptions() -> Operation {
    let answer = json!({"items": [{
        "kind": "receipt_contradiction", "receipt": "B07~3~2026-11-22~004711", "seen_at": "2026-11-22T10:20:00Z",
    }]});
    let mut parameters = vec![
        date("from", "First business day of the receipts.", "2026-11-01"),
        date("to", "Last business day, at most 366 days in all.", "2026-11-30"),
    ];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/exceptions",
        id: "listExceptions",
        tag: "Operations",
        summary: "List what was accepted but does not add up",
        description: "By business date of the receipt; for the locations that the caller speaks for. A call looks at no more \
                      than 31 days and leaves the others to `next`.",
        parameters,
        request: None,
        answers: vec![Answer::json::<ExceptionPage>(200, "A page of cases.", answer)],
        codes: &[],
    }
}
