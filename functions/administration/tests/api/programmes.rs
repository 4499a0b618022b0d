//! Programmes and their versions.

use serde_json::{Value, json};

use crate::support::*;

fn get(version: Option<&str>) -> Call {
    let get = call("GET /v1/programmes/{programme_id}").path("programme_id", "treue");
    match version {
        Some(version) => get.query("version", version),
        None => get,
    }
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut settings = settings();
    *settings.pointer_mut(pointer).unwrap() = value;
    settings
}

#[tokio::test]
async fn a_change_is_the_next_version_and_every_version_can_be_read() {
    let api = Api::start().await;
    assert_eq!(api.send(get(None)).await.code(), "not_found");
    let first = api.send(put_programme(0, &settings())).await;
    assert_eq!(
        (first.status, &first.body["version"], &first.body["author"]),
        (201, &json!(1), &json!("olga"))
    );
    assert_eq!(
        first.body["settings"]["excluded_groups"],
        json!(["deposit", "gift_card"])
    );
    let second = api
        .send(put_programme(1, &changed("/voucher/threshold_points", json!(400))))
        .await;
    assert_eq!((second.status, &second.body["version"]), (200, &json!(2)));
    assert_eq!(api.send(get(None)).await.body, second.body);
    assert_eq!(api.send(get(Some("1"))).await.body, first.body);
    assert_eq!(api.send(get(Some("2"))).await.body, second.body);
    assert_eq!(api.send(get(Some("3"))).await.code(), "not_found");
}

#[tokio::test]
async fn the_same_settings_again_make_no_version() {
    let api = Api::start().await;
    let first = api.send(put_programme(0, &settings())).await;
    let mut other_order = settings();
    other_order["excluded_groups"] = json!(["deposit", "gift_card", "deposit"]);
    for (expected, settings) in [(0, &settings()), (1, &settings()), (1, &other_order)] {
        let again = api.send(put_programme(expected, settings)).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
    }
}

#[tokio::test]
async fn a_change_of_a_version_that_is_not_in_force_is_refused() {
    let api = Api::start().await;
    for expected in [1, 2, u32::MAX] {
        assert_eq!(
            api.send(put_programme(expected, &settings())).await.code(),
            "concurrent_change"
        );
    }
    api.with_programme().await;
    for expected in [0, 2, u32::MAX] {
        let answer = api
            .send(put_programme(expected, &changed("/name", json!("Other"))))
            .await;
        assert_eq!((answer.status, answer.code()), (409, "concurrent_change"));
        assert_eq!(answer.body["current_version"], 1);
    }
    assert_eq!(api.send(get(None)).await.body["version"], 1);
}

#[tokio::test]
async fn of_concurrent_changes_one_becomes_the_next_version_and_the_others_are_told() {
    let api = Api::start().await;
    api.with_programme().await;
    let bodies: Vec<_> = (1..=8).map(|n| changed("/claim_days", json!(n))).collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| api.send(put_programme(1, body)))).await;
    let stored: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(stored.len(), 1);
    assert!(
        answers
            .iter()
            .all(|a| a.status == 200 || a.code() == "concurrent_change")
    );
    let current = api.send(get(None)).await.body;
    assert_eq!(current, stored[0].body);
    assert_eq!(current["version"], 2);
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_field_by_field() {
    let api = Api::start().await;
    for (pointer, value) in [
        ("/name", json!("")),
        ("/zone", json!("Europe/Atlantis")),
        ("/earning/points", json!(0)),
        ("/earning/per_minor", json!(-1)),
        ("/voucher/threshold_points", json!(0)),
        ("/voucher/value_minor", json!(i64::MAX)),
        ("/claim_days", json!(3_661)),
        ("/reservation_seconds", json!(0)),
        ("/unmatched_hours", json!(721)),
        ("/adjustments/alone_up_to", json!(-1)),
        ("/adjustments/alone_up_to", json!(1_000_001)),
    ] {
        let answer = api.send(put_programme(0, &changed(pointer, value))).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid"), "{pointer}");
        assert_eq!(answer.body["errors"][0]["pointer"], format!("/settings{pointer}"));
    }
    for (pointer, value) in [
        ("/currency", json!("chf")),
        ("/claim_days", json!(-1)),
        ("/earning/points", json!(1.5)),
    ] {
        let answer = api.send(put_programme(0, &changed(pointer, value))).await;
        assert_eq!((answer.status, answer.code()), (400, "malformed_body"), "{pointer}");
    }
    let mut misspelt = settings();
    misspelt["voucher"]["treshold_points"] = json!(1);
    assert_eq!(api.send(put_programme(0, &misspelt)).await.code(), "malformed_body");
    assert_eq!(api.send(get(None)).await.code(), "not_found");
}

#[tokio::test]
async fn a_programme_keeps_its_currency() {
    let api = Api::start().await;
    api.with_programme().await;
    let answer = api.send(put_programme(1, &changed("/currency", json!("USD")))).await;
    assert_eq!(answer.body["errors"][0]["pointer"], "/settings/currency");
    assert_eq!(api.send(get(None)).await.body["settings"]["currency"], "CHF");
}

#[tokio::test]
async fn what_support_may_do_alone_is_a_setting_and_careful_when_it_is_left_out() {
    let api = Api::start().await;
    let mut without = settings();
    without.as_object_mut().unwrap().remove("adjustments");
    let stored = api.send(put_programme(0, &without)).await;
    let careful = json!({"alone_up_to": 500, "transfers": false});
    assert_eq!(
        (stored.status, &stored.body["settings"]["adjustments"]),
        (201, &careful)
    );
    let generous = json!({"alone_up_to": 2_000, "transfers": true});
    let changed = api
        .send(put_programme(1, &changed("/adjustments", generous.clone())))
        .await;
    assert_eq!(
        (changed.status, &changed.body["settings"]["adjustments"]),
        (200, &generous)
    );
    assert_eq!(api.send(get(None)).await.body, changed.body);
}
