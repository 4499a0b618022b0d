//! Every image that is stored for a caller says who that was.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use store::{By, Made};

use crate::support::*;

/// The entity types in the table whose image names this caller.
async fn stored_by(api: &Api, by: &str) -> Vec<String> {
    let items = api.app.db.client().scan().table_name("test").send().await.unwrap();
    let text = |value: Option<&AttributeValue>| value.and_then(|v| v.as_s().ok().cloned()).unwrap_or_default();
    let by_caller = items.items().iter().filter(|item| text(item.get("by")) == by);
    let mut entities: Vec<_> = by_caller.map(|item| text(item.get("et"))).collect();
    entities.sort();
    entities
}

#[tokio::test]
async fn every_change_names_its_client_and_its_subject() {
    let api = Api::start().await;
    api.with_programme().await;
    assert_eq!(
        stored_by(&api, "back-office olga").await,
        ["programme", "programme_version"]
    );
    api.with_location("B01").await;
    let client = |route| call(route).path("client_id", "pos");
    let body = json!({"name": "Tills", "scopes": [], "locations": ["*"]});
    let put = client("PUT /v1/clients/{client_id}").body(&body);
    assert_eq!(api.send(put).await.status, 201);
    let all = [
        "client",
        "location",
        "party",
        "party_change",
        "programme",
        "programme_version",
    ];
    assert_eq!(stored_by(&api, "back-office olga").await, all);

    let key = api
        .send(client("POST /v1/clients/{client_id}/keys").subject("urs"))
        .await;
    assert_eq!(
        (key.status, stored_by(&api, "back-office urs").await),
        (201, vec!["client".to_owned()])
    );
    let withdraw = client("DELETE /v1/clients/{client_id}/keys/{key_id}").subject("eva");
    let withdraw = withdraw.path("key_id", key.body["key_id"].as_str().unwrap());
    assert_eq!(api.send(withdraw).await.status, 200);
    let close = call("POST /v1/locations/{location_id}/close").path("location_id", "B01");
    let close = close.body(&json!({"last_day": "2026-12-31"})).subject("eva");
    assert_eq!(api.send(close).await.status, 200);
    assert_eq!(stored_by(&api, "back-office eva").await, ["client", "location"]);
}

#[test]
fn what_the_system_does_by_itself_names_nobody() {
    assert_eq!(Made::from(now()), Made { at: now(), by: None });
    assert!(By::try_from("olga".to_owned()).is_err());
}
