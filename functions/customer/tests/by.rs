//! Every image that is stored for a caller says who that was.

mod support;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use support::{Api, Table, number};

/// The same function, called by somebody else.
fn asked_by(api: &Api, subject: &str) -> Api {
    let mut api = api.clone();
    api.caller.subject = subject.parse().unwrap();
    api
}

/// The entity types in the table whose image names this caller.
async fn stored_by(table: &Table, by: &str) -> Vec<String> {
    let text = |value: Option<&AttributeValue>| value.and_then(|v| v.as_s().ok().cloned()).unwrap_or_default();
    let items = table.items().await;
    let by_caller = items.iter().filter(|item| text(item.get("by")) == by);
    let mut entities: Vec<_> = by_caller.map(|item| text(item.get("et"))).collect();
    entities.sort();
    entities
}

#[tokio::test]
async fn every_command_names_its_client_and_its_subject() {
    let table = Table::start().await;
    let api = table.api();
    let anna = asked_by(&api, "anna").person("Muster").await;
    assert_eq!(stored_by(&table, "office anna").await, ["party", "party_change"]);
    asked_by(&api, "bert").card(&number(1), None).await;
    assert_eq!(stored_by(&table, "office bert").await, ["card"]);
    for (subject, verb, body) in [
        ("carl", "register", json!({"party_id": anna})),
        ("dora", "block", json!({"reason": "lost"})),
        ("emil", "unblock", Value::Null),
    ] {
        let answer = asked_by(&api, subject).command(&number(1), verb, body).await;
        assert_eq!(answer.0, 200, "{}", answer.1);
        assert_eq!(
            stored_by(&table, &format!("office {subject}")).await,
            ["card"],
            "{verb}"
        );
    }
    let answer = asked_by(&api, "fritz")
        .command(&number(1), "replace", Value::Null)
        .await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    assert_eq!(
        stored_by(&table, "office fritz").await,
        ["card", "card"],
        "the old and the new one"
    );
    let again = asked_by(&api, "gerd")
        .command(&number(1), "block", json!({"reason": "lost"}))
        .await;
    let unchanged = asked_by(&api, "hans")
        .command(&number(1), "block", json!({"reason": "stolen"}))
        .await;
    assert_eq!((again.0, unchanged.0), (200, 200));
    assert_eq!(
        stored_by(&table, "office hans").await,
        Vec::<String>::new(),
        "who changes nothing is not named"
    );
}
