//! Locations.

use serde_json::{Value, json};

use crate::support::*;

fn close(id: &str, last_day: &str) -> Call {
    call("POST /v1/locations/{location_id}/close")
        .path("location_id", id)
        .body(&json!({"last_day": last_day}))
}

#[tokio::test]
async fn a_25th_branch_is_added_and_listed_in_pages() {
    let api = Api::start().await;
    api.with_programme().await;
    for n in 1..=24 {
        api.with_location(&format!("B{n:02}")).await;
    }
    let shop = json!({"name": "Shop", "kind": "shop", "programme": "treue", "feed_group": "web"});
    assert_eq!(api.send(put_location("SHOP", &shop)).await.body["feed_group"], "web");
    let added = api.send(put_location("B25", &branch("Branch 25"))).await;
    assert_eq!(added.status, 201);
    assert_eq!(added.body["name"], "Branch 25");

    let mut ids = Vec::new();
    let mut page = call("GET /v1/locations").query("limit", "10");
    loop {
        let answer = api.send(page).await;
        assert_eq!(answer.status, 200);
        ids.extend(
            answer.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| l["location_id"].clone()),
        );
        let Some(next) = answer.body["next"].as_str() else {
            break;
        };
        page = call("GET /v1/locations").query("limit", "10").query("next", next);
    }
    let mut expected: Vec<Value> = (1..=25).map(|n| json!(format!("B{n:02}"))).collect();
    expected.push(json!("SHOP"));
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn the_same_location_again_changes_nothing_and_another_content_changes_it() {
    let api = Api::start().await;
    api.with_programme().await;
    let first = api.send(put_location("B01", &branch("Bern"))).await;
    let later = now() + chrono::TimeDelta::hours(1);
    let again = api.send_at(put_location("B01", &branch("Bern")), later).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
    let renamed = api.send_at(put_location("B01", &branch("Bern West")), later).await;
    assert_eq!(renamed.body["name"], "Bern West");
    assert_eq!(renamed.body["feed_group"], first.body["feed_group"]);
    assert_eq!(renamed.body["created_at"], first.body["created_at"]);
    assert_ne!(renamed.body["updated_at"], first.body["updated_at"]);
}

#[tokio::test]
async fn a_location_closes_and_reopens() {
    let api = Api::start().await;
    api.with_programme().await;
    assert_eq!(api.send(close("B01", "2026-12-31")).await.code(), "not_found");
    api.with_location("B01").await;
    let closed = api.send(close("B01", "2026-12-31")).await;
    assert_eq!((closed.status, &closed.body["last_day"]), (200, &json!("2026-12-31")));
    assert_eq!(api.send(close("B01", "2026-12-31")).await.body, closed.body);
    let reopened = api.send(put_location("B01", &branch("B01"))).await;
    assert_eq!((reopened.status, reopened.body.get("last_day")), (200, None));
}

#[tokio::test]
async fn a_location_that_cannot_be_is_refused_with_the_field_and_leaves_no_trace() {
    let api = Api::start().await;
    api.with_programme().await;
    let changed = |field: &str, value: Value| {
        let mut body = branch("Bern");
        body[field] = value;
        body
    };
    for (body, code, place) in [
        (changed("programme", json!("none")), "programme_unknown", "/programme"),
        (changed("programme", json!("Treue!")), "invalid", "/programme"),
        (changed("name", json!(" ")), "invalid", "/name"),
        (changed("name", json!("x".repeat(61))), "invalid", "/name"),
        (changed("feed_group", json!("G#1")), "invalid", "/feed_group"),
        (changed("kind", json!("kiosk")), "malformed_body", ""),
        (changed("nmae", json!("Bern")), "malformed_body", "nmae"),
    ] {
        let answer = api.send(put_location("B01", &body)).await;
        assert_eq!(answer.code(), code, "{body}");
        assert!(answer.body["detail"].as_str().unwrap().contains(place), "{answer:?}");
    }
    assert_eq!(
        api.send(put_location("B/1", &branch("Bern"))).await.code(),
        "malformed_parameter"
    );
    assert_eq!(api.send(call("GET /v1/locations")).await.body["items"], json!([]));
}

#[tokio::test]
async fn concurrent_puts_of_a_new_location_create_it_once() {
    let api = Api::start().await;
    api.with_programme().await;
    let body = branch("Bern");
    let calls = (0..8).map(|_| api.send(put_location("B01", &body)));
    let answers = futures::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 7);
}
