//! The search on the running stack: from the call that stores a customer through the stream and the queue to the call that finds
//! it (B9, T6).

use bytes::Bytes;
use end_to_end::running::Running;
use end_to_end::shared::on_the_stack;
use http_edge::Scope;
use serde_json::{Value, json};

/// The ids that a search finds, the best first. The text is escaped already.
async fn found(stack: &Running, text: &str) -> Vec<String> {
    let answer = stack.admin.get(&format!("/v1/parties?q={text}")).await.must(200);
    let items = answer["items"].as_array().expect("items");
    items
        .iter()
        .filter_map(|item| item["party_id"].as_str())
        .map(str::to_owned)
        .collect()
}

#[test]
fn t6_a_new_customer_is_found_with_typing_errors_and_after_a_new_name_under_it_and_not_the_old_one() {
    on_the_stack(async |stack| {
        let body = json!({
            "kind": "person", "given_name": "Ottilie", "family_name": "Brengendorfer",
            "contacts": [
                {"kind": "postal", "street": "Seestrasse", "house_number": "1", "postcode": "8793", "town": "Zürich",
                 "country": "CH"},
                {"kind": "email", "email": "ottilie.b@example.ch"},
            ],
        });
        let party = stack.admin.post("/v1/parties", &body).await.must(201);
        let party = party["party_id"].as_str().expect("an id").to_owned();
        let card = stack
            .admin
            .post("/v1/cards", &json!({"party_id": party}))
            .await
            .must(201);
        stack.rest().await;
        for typed in [
            "Brengendrofer",
            "ottilei+brengendorf",
            "brengendorfer%208793",
            "8739+brengendorfer",
            "brengend+z%C3%BCrich",
            "ottilie.b%40example.ch",
            card["number"].as_str().expect("a number"),
        ] {
            assert_eq!(found(stack, typed).await, [party.as_str()], "{typed}");
        }
        let path = format!("/v1/parties/{party}");
        let rename = Bytes::from(json!({"family_name": "Quirinus"}).to_string());
        let _ = stack
            .admin
            .send("PATCH", &path, &[("if-match", "\"1\"")], rename)
            .await
            .must(200);
        stack.rest().await;
        assert_eq!(found(stack, "ottilie+qurinus").await, [party.as_str()]);
        assert_eq!(found(stack, "brengendorfer").await, Vec::<String>::new());
    });
}

#[test]
fn t6_a_key_of_a_till_may_not_search() {
    on_the_stack(async |stack| {
        let till = stack
            .client(&[Scope::CashDeskRead, Scope::PurchasesWrite], &["B01"])
            .await;
        let answer = till.get("/v1/parties?q=brengendorfer").await;
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert_eq!(answer.body.get("items"), None::<&Value>);
    });
}
