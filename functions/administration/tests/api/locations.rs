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
    let renamed = seen(1, &branch("Bern West"));
    let renamed = api.send_at(put_location("B01", &renamed), later).await;
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
    let reopened = api.send(put_location("B01", &seen(2, &branch("B01")))).await;
    assert_eq!((reopened.status, reopened.body.get("last_day")), (200, None));
}

#[tokio::test]
async fn a_form_that_is_out_of_date_reopens_nothing() {
    let api = Api::start().await;
    api.with_programme().await;
    api.with_location("B01").await;
    let closed = api.send(close("B01", "2026-12-31")).await;
    assert_eq!((closed.status, &closed.body["version"]), (200, &json!(2)));
    let renamed = branch("Bern West");
    for stale in [renamed.clone(), seen(0, &renamed), seen(1, &renamed), seen(3, &renamed)] {
        let refused = api.send(put_location("B01", &stale)).await;
        assert_eq!((refused.status, refused.code()), (409, "concurrent_change"), "{stale}");
        assert_eq!(refused.body["current_version"], 2);
    }
    assert_eq!(api.send(call("GET /v1/locations")).await.body["items"][0], closed.body);
    let reopened = api.send(put_location("B01", &seen(2, &renamed))).await;
    assert_eq!((reopened.status, &reopened.body["version"]), (200, &json!(3)));
    let repeated = api.send(put_location("B01", &seen(2, &renamed))).await;
    assert_eq!(repeated.body, reopened.body, "the answer was lost");
    let new = api.send(put_location("B02", &seen(1, &branch("B02")))).await;
    assert_eq!(
        (new.code(), &new.body["current_version"]),
        ("concurrent_change", &json!(0))
    );
}

#[tokio::test]
async fn another_last_day_needs_the_version_that_was_read() {
    let api = Api::start().await;
    api.with_programme().await;
    api.with_location("B01").await;
    let stale = close("B01", "2026-12-31").body(&json!({"last_day": "2026-12-31", "expected_version": 7}));
    assert_eq!(api.send(stale).await.body["current_version"], 1);
    assert_eq!(api.send(close("B01", "2026-12-31")).await.status, 200);
    let refused = api.send(close("B01", "2026-11-30")).await;
    assert_eq!((refused.status, refused.code()), (409, "concurrent_change"));
    let earlier = json!({"last_day": "2026-11-30", "expected_version": 2});
    let earlier = api.send(close("B01", "").body(&earlier)).await;
    assert_eq!(
        (&earlier.body["last_day"], &earlier.body["version"]),
        (&json!("2026-11-30"), &json!(3))
    );
}

#[tokio::test]
async fn what_is_decided_about_a_location_is_decided_on_what_was_stored_last() {
    let api = Api::start().await;
    api.with_programme().await;
    api.with_location("B01").await;
    api.app.db.meter().take();
    assert_eq!(api.send(close("B01", "2026-12-31")).await.status, 200);
    let close = api.app.db.meter().take();
    assert_eq!(
        close.read_milli, 1_000,
        "a strong read; an eventual one costs half and may miss the PUT before"
    );
    assert_eq!(api.send(put_location("B01", &branch("B01"))).await.status, 409);
    let put = api.app.db.meter().take();
    assert_eq!(put.read_milli, 2_000, "programme and location");
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
        (changed("name", json!("Bern\u{2028}West")), "invalid", "/name"),
        (changed("name", json!("Bern\u{61c}West")), "invalid", "/name"),
        (changed("feed_group", json!("unplaced")), "invalid", "/feed_group"),
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
