//! The OpenAPI document: committed as generated, complete, and with examples that work.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::card::CardNumber;
use domain::code::VoucherCode;
use http_edge::openapi::{self, Operation};
use http_edge::routes::ROUTES;
use http_edge::{Code, Scope};
use serde_json::Value;

fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/docs/openapi.json")
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let generated = openapi::text();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(committed(), &generated).unwrap();
    }
    let found = std::fs::read_to_string(committed()).unwrap_or_default();
    let same = found == generated;
    assert!(
        same,
        "infra/docs/openapi.json is not what the code says: run UPDATE_OPENAPI=1 cargo test -p http-edge"
    );
}

#[test]
fn every_route_is_documented_and_no_other() {
    let routes: Vec<_> = ROUTES.iter().map(openapi::key).collect();
    let documented: Vec<_> = openapi::operations().iter().map(|operation| operation.route).collect();
    assert_eq!(documented, routes);
    let ids: BTreeSet<_> = openapi::operations().iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), routes.len(), "every call has its own name");
}

#[test]
fn every_parameter_of_a_path_is_described_and_no_other() {
    for operation in openapi::operations() {
        let in_path: BTreeSet<_> = operation.route.split(['{', '}']).skip(1).step_by(2).collect();
        let document = openapi::document();
        let (method, path) = operation.route.split_once(' ').unwrap();
        let described = &document["paths"][path][method.to_ascii_lowercase()]["parameters"];
        let described: BTreeSet<_> = described
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(described, in_path, "{}", operation.route);
    }
}

#[test]
fn every_example_is_read_as_its_body_and_written_back_as_it_was() {
    let mut examples = 0;
    for operation in openapi::operations() {
        for body in operation.bodies() {
            let written = (body.shape.round_trip)(&body.example)
                .unwrap_or_else(|error| panic!("{} {}: {error}", operation.route, body.shape.name));
            assert_eq!(written, body.example, "{} {}", operation.route, body.shape.name);
            examples += 1;
        }
    }
    assert!(examples > 50, "{examples} examples");
}

#[test]
fn every_call_that_changes_something_has_a_body_or_says_all_in_its_path() {
    let without: Vec<_> = openapi::operations()
        .into_iter()
        .filter(|operation| !operation.route.starts_with("GET") && operation.request.is_none())
        .map(|operation| operation.id)
        .collect();
    assert_eq!(
        without,
        [
            "voidPurchase",
            "endContact",
            "endRole",
            "declassifyParty",
            "unblockCard",
            "approveAdjustment",
            "tickOffRejectedDocument",
            "approveRecalculation",
            "withdrawKey",
            "startCampaign",
            "closeCampaign",
            "measureRun",
            "restartImport",
            "makeStatement",
            "approveErasure",
            "withdrawErasure"
        ]
    );
}

/// All texts under a key anywhere in a value.
fn texts(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let (true, Some(text)) = (name == key, member.as_str()) {
                    found.push(text.to_owned());
                }
                texts(member, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        _ => {}
    }
}

fn examples(key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for operation in openapi::operations() {
        operation
            .bodies()
            .for_each(|body| texts(&body.example, key, &mut found));
        let named = |operation: &Operation| {
            let parameters = operation.parameters.iter().filter(|parameter| parameter.name == key);
            parameters
                .filter_map(|p| p.example.as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        found.extend(named(&operation));
    }
    found
}

#[test]
fn codes_and_card_numbers_of_examples_have_their_check_characters() {
    // The code of a carrier has the same name and no four groups.
    let codes: Vec<_> = examples("code").into_iter().filter(|code| code.len() == 20).collect();
    assert!(codes.len() >= 6, "{}", codes.len());
    for code in codes {
        assert_eq!(code.parse::<VoucherCode>().unwrap().to_string(), code);
    }
    for key in ["card", "number", "new_number"] {
        // The number of a receipt has the same name and six digits.
        let numbers: Vec<_> = examples(key).into_iter().filter(|number| number.len() == 13).collect();
        assert!(!numbers.is_empty(), "{key}");
        for number in numbers {
            assert!(number.parse::<CardNumber>().is_ok(), "{key}");
        }
    }
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_used() {
    let document = openapi::document();
    let mut references = Vec::new();
    texts(&document, "$ref", &mut references);
    let used: BTreeSet<_> = references
        .iter()
        .filter_map(|reference| reference.strip_prefix("#/components/schemas/"))
        .collect();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let defined: BTreeSet<_> = schemas.keys().map(String::as_str).collect();
    assert_eq!(used, defined);
    for (name, schema) in schemas {
        assert!(schema["description"].is_string(), "{name} says what it is");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let said = property["description"].is_string() || property["oneOf"][0]["description"].is_string();
            assert!(said, "{name}.{field} says what it is");
        }
    }
}

#[test]
fn the_document_lists_every_code_and_every_scope_once() {
    let document = openapi::document();
    let list = |member: &str, field: &str| -> Vec<String> {
        let rows = document[member].as_array().unwrap();
        rows.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        list("x-problems", "code"),
        Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>()
    );
    assert_eq!(
        list("x-scopes", "scope"),
        Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>()
    );
}
