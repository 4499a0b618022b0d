//! Every call that the OpenAPI document shows is made as it is shown, on the running stack: it is taken, the answer is one that
//! the document names, and its body is what the document says, with no field more.
//!
//! Ids in the examples become those of what was made here: where an answer's example has a text and the answer another one,
//! the one stands for the other from then on. Days keep their distance to each other and end yesterday.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{Days, NaiveDate};
use end_to_end::client::Answer;
use end_to_end::running::Running;
use http_edge::openapi::{self, Operation};
use serde_json::{Value, json};

/// The last day of the examples that has happened.
const LAST_DAY: &str = "2026-11-24";
/// The party of the examples, another one, the voucher and the number of another one.
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const OTHER: &str = "0199b1f0-8c11-7d0a-b3f4-6e5d4c3b2a19";
const VOUCHER: &str = "HEQV-7H30-EW3G-02JY1";
const SEQUENCE: &str = "7";
/// The number of the one after that.
const NEXT_SEQUENCE: &str = "8";

/// What has to come before something else; calls that are not named come behind these, as the document orders them.
const FIRST: &[&str] = &[
    "PUT /v1/party-types",
    "PUT /v1/company",
    "PUT /v1/locations/{location_id}",
    "POST /v1/parties",
    "POST /v1/cards",
    "POST /v1/cards/{number}/register",
    "GET /v1/cash-desk/{card}",
    "POST /v1/purchases",
    "GET /v1/purchases/{key}",
    "POST /v1/purchases/{key}/claim",
    "POST /v1/returns",
    "POST /v1/vouchers/check",
    "POST /v1/vouchers/reserve",
    "POST /v1/vouchers/redeem",
    "POST /v1/vouchers/reverse",
    "POST /v1/vouchers/release",
    "GET /v1/parties/{party_id}/points",
    "GET /v1/parties/{party_id}/points/{entry_id}",
    "POST /v1/cases",
    "GET /v1/cases/{case_id}",
    "PUT /v1/cases/{case_id}/status",
    "POST /v1/tasks",
    "GET /v1/tasks/{task_id}",
    "POST /v1/tasks/{task_id}/claim",
    "POST /v1/tasks/{task_id}/finish",
    "POST /v1/tasks/{task_id}/reopen",
    "GET /v1/tasks/{task_id}/history",
    "POST /v1/parties/{party_id}/opportunities",
    "PUT /v1/parties/{party_id}/opportunities/{opportunity_id}",
    "POST /v1/parties/{party_id}/points/corrections",
    "GET /v1/points/corrections/{id}",
    "POST /v1/points/corrections/{id}/approve",
    "POST /v1/points/corrections/{id}/reject",
    "POST /v1/leads",
    "GET /v1/leads/{party_id}/candidates",
    "POST /v1/leads/{party_id}/convert",
    "POST /v1/parties/{party_id}/contacts",
    "PUT /v1/parties/{party_id}/contacts/{contact_id}",
    "POST /v1/parties/{party_id}/identifiers",
    "PUT /v1/clients/{client_id}",
    "POST /v1/clients/{client_id}/keys",
    "PUT /v1/campaigns/{campaign_id}",
    "POST /v1/campaigns/{campaign_id}/dry-runs",
];

/// What ends something that other calls need.
const LAST: &[&str] = &[
    // The example of the programme allows it.
    "POST /v1/offline-allowances",
    "POST /v1/offline-journals",
    "GET /v1/offline-losses",
    "GET /v1/offline-losses/{location_id}",
    "DELETE /v1/parties/{party_id}/classifications/{classification}",
    "GET /v1/parties/{party_id}/vouchers/{sequence}",
    "POST /v1/parties/{party_id}/vouchers/{sequence}/block",
    "POST /v1/parties/{party_id}/vouchers/{sequence}/unblock",
    "POST /v1/parties/{party_id}/vouchers/{sequence}/extend",
    "POST /v1/parties/{party_id}/vouchers/{sequence}/reissue",
    "POST /v1/parties/{party_id}/vouchers/{sequence}/void",
    "POST /v1/parties/{party_id}/relationships/end",
    "POST /v1/parties/{party_id}/identifiers/end",
    "DELETE /v1/parties/{party_id}/contacts/{contact_id}",
    "DELETE /v1/parties/{party_id}/roles/{role}",
    "POST /v1/cards/{number}/block",
    "POST /v1/cards/{number}/unblock",
    "POST /v1/cards/{number}/replace",
    "POST /v1/purchases/{key}/void",
    "POST /v1/vouchers/rollback",
    "POST /v1/locations/{location_id}/close",
    "DELETE /v1/clients/{client_id}/keys/{key_id}",
];

/// Calls whose example needs what a new system does not have, with the problem that says so.
const REFUSED: &[(&str, &str)] = &[
    // Approved by whoever asked; and posted at once, because it is below the limit.
    ("POST /v1/recalculations/{run_id}/approve", "approval_by_author"),
    ("POST /v1/points/corrections/{id}/approve", "approval_by_author"),
    ("POST /v1/points/corrections/{id}/reject", "adjustment_posted"),
    ("POST /v1/parties/{party_id}/erasure/approval", "person_needed"),
    // As the example of the programme has it.
    ("POST /v1/parties/{party_id}/points/transfers", "transfers_not_allowed"),
    // The first day of a month asks for the books, and a file for an import.
    ("GET /v1/finance/{programme_id}/{month}", "not_found"),
    ("POST /v1/finance/{programme_id}/{month}", "concurrent_change"),
    ("GET /v1/imports/{run_id}", "not_found"),
    ("POST /v1/imports/{run_id}/restart", "not_found"),
    // Approved by whoever wrote it, so that nothing is started and written; and nobody has bought as much as its segment asks for.
    ("POST /v1/campaigns/{campaign_id}/approve", "approval_by_author"),
    ("POST /v1/campaigns/{campaign_id}/start", "campaign_state"),
    ("POST /v1/runs/{run_id}/measurements", "campaign_state"),
    ("GET /v1/runs/{run_id}/members/{party_id}", "not_found"),
    ("GET /v1/runs/{run_id}/files", "run_not_written"),
    ("POST /v1/runs/{run_id}/acknowledgement", "run_not_written"),
    ("POST /v1/runs/{run_id}/reprints", "run_not_written"),
    ("GET /v1/runs/{run_id}/reprints/{reprint_id}", "not_found"),
    // Nobody has put a file into the inbox.
    ("GET /v1/lettershop/inbox/{file_id}", "not_found"),
    // The ERP has sent nothing wrong.
    ("POST /v1/erp/rejected/{document_id}/done", "not_found"),
    // What the examples confirm was asked for before that; here it is asked for just now.
    ("PUT /v1/parties/{party_id}/consents/{channel}", "invalid"),
    ("PUT /v1/parties/{party_id}/lists/{list}", "invalid"),
];

/// The examples' texts and what stands for them here.
struct Names {
    known: BTreeMap<String, String>,
    shift: Days,
}

impl Names {
    fn text(&self, text: &str) -> String {
        match self.known.get(text) {
            Some(known) => known.clone(),
            None => self.days(text),
        }
    }

    /// The text with every day moved.
    fn days(&self, text: &str) -> String {
        let mut moved = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let day = rest.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
            if let Some(day) = day {
                moved.push_str(&(day + self.shift).to_string());
                rest = &rest[10..];
            } else {
                let next = rest.chars().next().map_or(0, char::len_utf8);
                moved.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
        moved
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), self.value(value)))
                .collect(),
            other => other.clone(),
        }
    }

    /// Takes the answer's texts for those of its example: of fields that name something, and of the signed allowance.
    fn learn(&mut self, field: &str, example: &Value, answer: &Value) {
        match (example, answer) {
            (Value::String(from), Value::String(to))
                if field.ends_with("_id") || ["id", "allowance"].contains(&field) =>
            {
                self.known.insert(from.clone(), to.clone());
            }
            (Value::Array(from), Value::Array(to)) => {
                from.iter().zip(to).for_each(|(from, to)| self.learn(field, from, to));
            }
            (Value::Object(from), Value::Object(to)) => {
                for (name, from) in from {
                    if let Some(to) = to.get(name) {
                        self.learn(name, from, to);
                    }
                }
            }
            _ => {}
        }
    }
}

fn in_order(operations: Vec<Operation>) -> Vec<Operation> {
    let rank = |operation: &Operation| {
        let at = |list: &[&str]| list.iter().position(|route| *route == operation.route);
        match (at(FIRST), at(LAST)) {
            (Some(first), _) => (0, first),
            (_, Some(last)) => (2, last),
            _ => (1, 0),
        }
    };
    let known: BTreeSet<_> = operations.iter().map(|operation| operation.route).collect();
    for route in FIRST.iter().chain(LAST).chain(REFUSED.iter().map(|(route, _)| route)) {
        assert!(known.contains(route), "the document has no {route}");
    }
    let mut ordered = operations;
    ordered.sort_by_key(rank);
    ordered
}

async fn call(stack: &Running, names: &Names, operation: &Operation) -> Answer {
    let (method, path) = operation.route.split_once(' ').expect("method and path");
    let (mut path, mut query, mut headers) = (path.to_owned(), Vec::new(), Vec::new());
    for parameter in &operation.parameters {
        let place = format!("{{{}}}", parameter.name);
        if parameter.name == "If-Match" {
            headers.push(("if-match", "*"));
        } else if let Some(example) = parameter.example.as_str() {
            let text = urlencoded(&names.text(example));
            if path.contains(&place) {
                path = path.replace(&place, &text);
            } else {
                query.push(format!("{}={text}", parameter.name));
            }
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let body = operation.request.as_ref().map(|body| names.value(&body.example));
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    stack.admin.send(method, &path, &headers, body).await
}

fn urlencoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// What is wrong with an answer; nothing for one that the document names.
fn flaw(operation: &Operation, answer: &Answer) -> Option<String> {
    let refused = REFUSED.iter().find(|(route, _)| *route == operation.route);
    if let Some((_, code)) = refused {
        let named = operation.codes.iter().any(|named| named.as_str() == *code);
        return (answer.body["code"] != **code || !named).then(|| format!("not the problem {code}"));
    }
    let described = operation
        .answers
        .iter()
        .find(|described| described.status == answer.status);
    let Some(described) = described else {
        return Some("not an answer of the document".to_owned());
    };
    let body = described.body.as_ref()?;
    match (body.shape.round_trip)(&answer.body) {
        Ok(again) if again == answer.body => None,
        Ok(again) => Some(format!("{} has other fields: {again}", body.shape.name)),
        Err(error) => Some(format!("no {}: {error}", body.shape.name)),
    }
}

/// A customer of the examples' card, another one, and vouchers of theirs.
async fn set_up(stack: &Running, names: &mut Names) {
    let customer = stack.customer("Muster", "de").await;
    let _ = stack.sell("B01", 200_000, Some(&customer.card)).await;
    stack.rest().await;
    let codes = stack.codes("B03", &customer.card).await;
    names.known.insert(VOUCHER.to_owned(), codes[0].clone());
    names.known.insert(SEQUENCE.to_owned(), "1".to_owned());
    names.known.insert(NEXT_SEQUENCE.to_owned(), "2".to_owned());
    names.known.insert(OTHER.to_owned(), customer.party);
}

/// What the example of a call says was done before.
async fn prepare(stack: &Running, names: &Names, route: &str) {
    let admin = &stack.admin;
    let party = format!("/v1/parties/{}", names.text(PARTY));
    match route {
        "PUT /v1/parties/{party_id}/lists/{list}" => {
            let pending = json!({"state": "pending", "source": "shop", "text_version": "2026-1"});
            let _ = admin
                .put(&format!("{party}/lists/newsletter"), &pending)
                .await
                .must(200);
        }
        "PUT /v1/parties/{party_id}/segments" => {
            for (version, segment) in ["new", "regular"].into_iter().enumerate() {
                let segments = json!({"segments": [segment], "expected_version": version});
                let _ = admin.put(&format!("{party}/segments"), &segments).await.must(200);
            }
        }
        "POST /v1/erp/orders" => {
            let id = json!({"system": "erp", "id": "D-10042"});
            let _ = admin.post(&format!("{party}/identifiers"), &id).await.must(200);
        }
        "PUT /v1/recalculations/{run_id}" => {
            for version in 2..4 {
                let programme = admin.get("/v1/programmes/treue").await.must(200);
                let mut settings = programme["settings"].clone();
                settings["claim_days"] = json!(30 + version);
                let body = json!({"expected_version": version, "reason": "Longer claims", "settings": settings});
                let _ = admin.put("/v1/programmes/treue", &body).await.must(200);
            }
        }
        "GET /v1/parties/{party_id}/vouchers/{sequence}" => {
            let issue = json!({"party_id": names.text(PARTY)});
            let card = admin.post("/v1/cards", &issue).await.must(201);
            let _ = stack.sell("B01", 100_000, card["number"].as_str()).await;
            stack.rest().await;
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_the_document_is_taken_as_its_example_shows_it() {
    let stack = Running::start().await;
    let last: NaiveDate = LAST_DAY.parse().expect("a day");
    let yesterday = stack.today.pred_opt().expect("a day");
    let shift = u64::try_from((yesterday - last).num_days()).expect("the examples lie in the past");
    let mut names = Names {
        known: BTreeMap::new(),
        shift: Days::new(shift),
    };
    set_up(&stack, &mut names).await;
    let mut flaws = Vec::new();
    for operation in in_order(openapi::operations()) {
        prepare(&stack, &names, operation.route).await;
        let answer = call(&stack, &names, &operation).await;
        if let Some(flaw) = flaw(&operation, &answer) {
            let text: String = answer.text.chars().take(400).collect();
            flaws.push(format!("{}: {} {flaw}: {text}", operation.route, answer.status));
        }
        let described = operation
            .answers
            .iter()
            .find(|described| described.status == answer.status);
        if let Some(body) = described.and_then(|described| described.body.as_ref()) {
            names.learn("", &body.example, &answer.body);
        }
        if operation.request.is_some() {
            stack.rest().await;
        }
    }
    assert!(flaws.is_empty(), "{} flaws\n{}", flaws.len(), flaws.join("\n"));
    stack.stop().await;
}
