//! The OpenAPI document, made from the types that the functions use.
//!
//! Bodies are described by the DTOs themselves; paths, scopes and problem codes come from [`crate::routes`] and
//! [`crate::problem`]. What only a person can say (what a call is for, examples) stands in one table per function. A test
//! holds the committed copy, `infra/docs/openapi.json`, and all examples.

mod adjustments;
mod administration;
mod campaign_results;
mod campaigns;
mod customers;
mod desk;
mod docs;
mod erp;
mod finance;
mod imports;
mod leads;
mod lettershop;
mod offline;
mod operation;
mod parties;
mod privacy;
mod purchases;
mod recalculations;
pub mod schemas;
mod search;
mod voucher_desk;
mod vouchers;
mod workflows;

use std::collections::BTreeMap;

use domain::violation::Violation;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};

use crate::caller::Scope;
use crate::problem::{Code, Problem};
use crate::routes::{ROUTES, Route};

pub use operation::{Answer, Body, Operation, Parameter, Shape};

/// Version of the API's contract. Additions raise the second number.
const API_VERSION: &str = "1.0.0";

/// The groups of calls, in the order in which a reader needs them.
const TAGS: &[(&str, &str)] = &[
    ("Purchases", "Receipts of tills and shops."),
    (
        "Vouchers",
        "Check, reserve, redeem, release and reverse vouchers, follow their changes, and handle single ones.",
    ),
    (
        "Offline tills",
        "Vouchers that branches take while their line is down, and who bears what is lost.",
    ),
    ("Cash desk", "What a cashier sees of a customer."),
    ("Customers", "Parties, their cards and their points."),
    (
        "Points by hand",
        "Corrections and transfers with a reason, and a second person above a limit.",
    ),
    (
        "Service desk",
        "Tasks, cases, communication, leads, opportunities, and all of a party at once.",
    ),
    ("ERP", "Orders, invoices and payments, and how a party pays."),
    ("Locations", "The own company and places that sell."),
    ("Programmes", "Settings of loyalty programmes, as versions."),
    (
        "Recalculations",
        "Stored receipts counted again, to try settings or to correct points.",
    ),
    (
        "Workflows",
        "Conditions on changes of parties, tasks, opportunities and invoices, and what is done when they hold.",
    ),
    ("Clients", "Machines that call the API, and their keys."),
    ("Operations", "What does not add up."),
    ("Finance", "The books of a month: liability and settlement."),
    (
        "Campaigns",
        "Vouchers for segments of customers: campaigns, their runs and members.",
    ),
    ("Lettershop", "The printer's files, and what is agreed on with it."),
    ("Imports", "Files with parties, and what became of their rows."),
    (
        "Privacy",
        "What is stored about a person, as a signed statement; and its erasure, with a proof.",
    ),
    ("About", "This documentation. Needs no key."),
];

const DESCRIPTION: &str = "\
A serverless loyalty CRM: receipts become points, points become vouchers, and a voucher is redeemed once.\n\n\
**Calls may be repeated.** When an answer is lost, send the same call again: nothing is booked twice. A receipt's natural \
key (store, till, business date, number) and a voucher's receipt make a repetition recognisable; it is answered with 200 and, \
where a till may care, with the header `idempotency-replayed: true`.\n\n\
**Amounts** are integers in minor units with their currency, points are integers. **Times** are RFC 3339 in UTC, business \
days are dates of the programme's time zone.\n\n\
**Problems** are RFC 9457 documents with a stable `code`; every answer carries the request's id in `x-request-id`. Errors \
that the gateway makes itself, before a function sees the call, are plain JSON with a `message`: 401 without \
`Authorization`, 403 for a key or token that is unknown or lacks the route's scope, 404 for an unknown path, 413 above 10 MB \
and 429 when calls come too fast.\n\n\
**Bodies** of tills (purchases, vouchers) may carry unknown fields, which are ignored. All others reject them. A body has at \
most 256 KiB.\n\n\
**Lists** come in pages: pass `next` of one answer as the query parameter `next` of the next call, with the same other \
parameters. A page may be short, even empty, and still have a next one; the last has none.";

/// All calls, in the order of [`ROUTES`].
pub fn operations() -> Vec<Operation> {
    let mut all: Vec<_> = [
        purchases::operations(),
        vouchers::operations(),
        offline::operations(),
        customers::operations(),
        search::operations(),
        parties::operations(),
        adjustments::operations(),
        voucher_desk::operations(),
        desk::operations(),
        leads::operations(),
        erp::operations(),
        administration::operations(),
        recalculations::operations(),
        workflows::operations(),
        finance::operations(),
        campaigns::operations(),
        lettershop::operations(),
        imports::operations(),
        privacy::operations(),
        docs::operations(),
    ]
    .into_iter()
    .flatten()
    .collect();
    all.sort_by_key(|operation| ROUTES.iter().position(|route| key(route) == operation.route));
    all
}

/// `METHOD /path` of a route.
pub fn key(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// The document.
pub fn document() -> Value {
    let mut schemas = BTreeMap::from([
        ("Problem".to_owned(), problem_schema()),
        ("GatewayError".to_owned(), gateway_error_schema()),
    ]);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let operations = operations();
    for (order, route) in ROUTES.iter().enumerate() {
        let Some(operation) = operations.iter().find(|operation| operation.route == key(route)) else {
            continue;
        };
        for shape in operation.shapes() {
            collect(shape, &mut schemas);
        }
        let mut described = operation.describe(route);
        described.insert("x-order".to_owned(), json!(order));
        let method = route.method.to_ascii_lowercase();
        paths
            .entry(route.path)
            .or_default()
            .insert(method, Value::Object(described));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Treue",
            "version": API_VERSION,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The host that serves this document."}],
        "tags": TAGS.iter().map(|(name, text)| json!({"name": name, "description": text})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {
                "RetryAfter": {
                    "description": "Seconds to wait.", "schema": {"type": "integer", "format": "int32"},
                },
                "IdempotencyReplayed": {
                    "description": "`true` when the call was made before and changed nothing now; absent otherwise.",
                    "schema": {"type": "string", "enum": ["true"]},
                },
            },
            "securitySchemes": security_schemes(),
        },
        "x-problems": problems(),
        "x-scopes": scopes(),
    })
}

/// The committed form of [`document`].
pub fn text() -> String {
    format!("{:#}\n", document())
}

fn collect(shape: &Shape, schemas: &mut BTreeMap<String, Value>) {
    let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
    (shape.collect)(&mut found);
    for (name, schema) in found {
        let schema = serde_json::to_value(schema).unwrap_or_default();
        schemas.insert(name, schema);
    }
}

fn security_schemes() -> Value {
    json!({
        "apiKey": {
            "type": "http", "scheme": "bearer", "bearerFormat": "treue_…",
            "description": "The API key of a machine: `treue_` and 43 characters. It has scopes and locations; a withdrawn \
                            key works for at most a minute longer.",
        },
        "operatorToken": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A token of the operators' identity provider (ES256 or RS256) with the claims `sub`, `exp`, \
                            `aud`, `tenant`, `scope` (scopes joined by spaces) and, for operators of some locations only, \
                            `locations` (ids joined by spaces).",
        },
    })
}

fn problems() -> Vec<Value> {
    Code::ALL
        .iter()
        .map(|code| {
            json!({
                "code": code.as_str(), "status": code.status(), "title": code.title(), "remedy": code.remedy(),
            })
        })
        .collect()
}

fn scopes() -> Vec<Value> {
    Scope::ALL
        .iter()
        .map(|scope| json!({"scope": scope.as_str(), "description": scope.what()}))
        .collect()
}

fn problem_schema() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let finding = Violation::new(
        "/total/amount_minor",
        "lines_do_not_add_up",
        "must be the sum of the lines",
    );
    let example = Problem::invalid(vec![finding]).document("Jx3kQhcQFiAEJ2g=");
    json!({
        "type": "object",
        "description": "An RFC 9457 problem. Some codes add members of their own, for example `redemption`.",
        "example": example,
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "description": "Where the code is documented, `/docs#<code>`."},
            "title": {"type": "string", "description": "One line for people; the same for each case of a code."},
            "status": {"type": "integer", "format": "int32", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What happened in this case."},
            "code": {"type": "string", "enum": codes, "description": "For machines; never changes its meaning."},
            "request_id": {"type": "string", "description": "For questions to the operator."},
            "errors": {
                "type": "array",
                "description": "Findings about fields.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "detail"],
                    "properties": {
                        "pointer": {"type": "string", "description": "JSON pointer of the field."},
                        "code": {"type": "string", "description": "What is wrong, for machines."},
                        "detail": {"type": "string", "description": "What is wrong and what to do."},
                    },
                },
            },
        },
    })
}

fn gateway_error_schema() -> Value {
    json!({
        "type": "object",
        "description": "An error that the gateway makes itself. Not a problem document.",
        "required": ["message"],
        "example": {"message": "Unauthorized"},
        "properties": {"message": {"type": "string", "description": "What the gateway says."}},
    })
}
