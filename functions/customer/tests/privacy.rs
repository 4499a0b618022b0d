//! Logs and errors carry no names, no card numbers, no codes.

mod support;

use std::sync::Arc;

use faults::{Fault, FaultPlan, Site};
use http_edge::api::parties::PartyInput;
use serde_json::{Value, json};
use store::party;
use support::log::Log;
use support::{Api, PEPPER, Table, number, tenant};

const NAME: &str = "Wunderlich";
const EXTERNAL: &str = "K-4711-0815";

/// Every call at every site fails in turn, once transiently and for good.
#[derive(Debug)]
struct Broken(Site);

impl FaultPlan for Broken {
    fn before(&self, site: Site) -> Fault {
        if site == self.0 { Fault::Timeout } else { Fault::None }
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

fn body() -> Value {
    json!({"kind": "person", "given_name": "Zoë", "family_name": NAME, "external_id": {"system": "erp", "id": EXTERNAL}})
}

async fn everything(api: &Api) -> Vec<String> {
    let mut problems = Vec::new();
    let (status, stored) = api.call("POST /v1/parties", &[], body()).await;
    let id = stored["party_id"].as_str().unwrap_or("p").to_owned();
    let mut answers = vec![(status, stored)];
    let card = json!({"number": number(1).as_str(), "party_id": id});
    answers.push(api.call("POST /v1/cards", &[], card).await);
    for (verb, body) in [
        ("register", json!({"party_id": id})),
        ("block", json!({"reason": "lost"})),
        ("unblock", Value::Null),
        ("replace", json!({"new_number": number(2).as_str()})),
        ("replace", json!({"new_number": number(3).as_str()})),
        ("register", json!({"party_id": "other"})),
    ] {
        answers.push(api.command(&number(1), verb, body).await);
    }
    answers.push(api.command(&number(9), "unblock", Value::Null).await);
    answers.push(api.call("GET /v1/parties/{party_id}", &[&id], Value::Null).await);
    let mut other = body();
    other["given_name"] = json!(NAME);
    answers.push(api.call("POST /v1/parties", &[], other).await);
    let mut wrong = body();
    wrong["language"] = json!(NAME);
    wrong["kind"] = json!(NAME);
    answers.push(api.call("POST /v1/parties", &[], wrong).await);
    wrong = body();
    wrong["given_name"] = json!([NAME]);
    answers.push(api.call("POST /v1/parties", &[], wrong).await);
    for (status, answer) in answers {
        if status >= 400 {
            problems.push(answer.to_string());
        }
    }
    problems
}

fn assert_silent(where_from: &str, text: &str) {
    let planted = [
        NAME,
        EXTERNAL,
        "Zoë",
        number(1).as_str(),
        number(2).as_str(),
        number(9).as_str(),
    ]
    .map(str::to_owned);
    for personal in planted {
        assert!(!text.contains(&personal), "{where_from} shows {personal}: {text}");
    }
}

#[tokio::test]
async fn problems_and_logs_say_nothing_about_the_customer() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("begun");
    let table = Table::start().await;
    let problems = everything(&table.api()).await;
    assert!(problems.len() >= 5, "{problems:?}");
    for problem in &problems {
        assert_silent("a problem", problem);
    }
    for site in [
        Site::PartyPut,
        Site::CardRead,
        Site::CardWrite,
        Site::PartyRead,
        Site::PartyCards,
    ] {
        let table = Table::start().await;
        for problem in everything(&table.api_with(Arc::new(Broken(site)))).await {
            assert_silent("a problem", &problem);
        }
    }
    // An item that nobody understands: its values must not get into the log either.
    spoil(&table).await;
    let broken = table.api().call("POST /v1/parties", &[], body()).await;
    assert_eq!(broken.0, 500, "{}", broken.1);
    drop(guard);
    // The SDK's own lines quote requests at levels that no function logs at.
    let logged = log.text();
    let own: String = logged
        .lines()
        .filter(|line| !line.contains("aws_") && !line.contains("hyper"))
        .collect();
    assert!(
        own.contains("begun") && own.contains("the table did not answer in time"),
        "{own}"
    );
    assert!(own.contains("the table refused a call"), "{own}");
    assert_silent("the log", &own);
}

/// Gives the stored profile a name that is a list.
async fn spoil(table: &Table) {
    let text = format!("erp#{EXTERNAL}");
    let lookup = domain::code::lookup_key(&PEPPER, "external/1", text.as_bytes());
    let known = party::known(&table.db(), Site::PartyExternalId, &tenant(), &lookup)
        .await
        .unwrap()
        .unwrap();
    let key = party::profile_key(&tenant(), &known.d.party);
    let (pk, sk) = (key.pk, key.sk);
    use aws_sdk_dynamodb::types::AttributeValue;
    table
        .client
        .update_item()
        .table_name("test")
        .key("pk", AttributeValue::S(pk))
        .key("sk", AttributeValue::S(sk))
        .update_expression("SET d.#language = :name")
        .expression_attribute_names("#language", "la")
        .expression_attribute_values(":name", AttributeValue::S(NAME.to_owned()))
        .send()
        .await
        .unwrap();
}

#[test]
fn debug_output_of_bodies_shows_no_name() {
    let parsed: PartyInput = serde_json::from_value(body()).unwrap();
    assert_silent("a request", &format!("{parsed:?}"));
}
