//! Corrections that one person makes alone.

use domain::account::Cause;
use domain::programme::{Expiry, PointsLife, Programme};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn a_correction_up_to_the_limit_is_posted_at_once_with_its_entry() {
    let table = Table::start().await;
    let answer = table.api().correct(120, "case-1").await.must(201);
    let (account, entries) = table.books(ANNA).await;
    assert_eq!((account.balance, entries.len()), (120, 1));
    assert_eq!(entries[0].cause, Cause::Correction { id: answer.id() });
    assert_eq!(
        answer.body,
        json!({
            "id": answer.id(), "kind": "correction", "status": "posted", "party_id": ANNA, "programme": "treue",
            "points": 120, "reason": "Two receipts were lost", "author": "olga", "client": "office", "asked_at": now(),
            "decided_at": now(),
            "entries": [{
                "party_id": ANNA, "version": 1, "business_date": "2026-11-22", "points": 120, "balance_after": 120,
                "pending_after": 0, "programme_version": 1,
            }],
        })
    );
    let shown = table.api().call(SHOW, &answer.id(), Value::Null).await.must(200);
    assert_eq!(shown.body, answer.body);
    // A receipt of the day would have put its points into the same lot.
    let lots: Vec<_> = account.lots.iter().map(|lot| (lot.key.to_string(), lot.open)).collect();
    assert_eq!(lots, [("2028-11-30".to_owned(), 120)]);
}

#[tokio::test]
async fn the_same_call_again_is_answered_the_same_and_moves_nothing() {
    let table = Table::start().await;
    let first = table.api().correct(120, "case-1").await.must(201);
    for api in [table.api(), table.api().days_later(3)] {
        let again = api.correct(120, "case-1").await.must(200);
        assert_eq!((again.replayed, &again.body), (true, &first.body));
    }
    assert_eq!(table.books(ANNA).await.0.balance, 120);
    let another = table.api().correct(120, "case-2").await.must(201);
    assert_ne!(another.id(), first.id());
    // Two people who come through one client may use the same token.
    let of_urs = table.api().by("urs").correct(120, "case-1").await.must(201);
    assert_ne!(of_urs.id(), first.id());
    assert_eq!(table.books(ANNA).await.0.balance, 360);
}

#[tokio::test]
async fn a_token_with_other_content_is_refused() {
    let table = Table::start().await;
    let api = table.api();
    api.correct(120, "case-1").await.must(201);
    let mut other_reason = correction(120, "case-1");
    other_reason["reason"] = json!("Something else");
    for (route, party, body) in [
        (CORRECT, ANNA, correction(121, "case-1")),
        (CORRECT, BEAT, correction(120, "case-1")),
        (CORRECT, ANNA, other_reason),
        (TRANSFER, ANNA, transfer(120, "case-1")),
    ] {
        api.call(route, party, body)
            .await
            .refused(409, "adjustment_contradiction");
    }
    assert_eq!(table.books(ANNA).await.1.len(), 1);
}

#[tokio::test]
async fn taken_points_are_taken_by_nearest_expiry_and_may_leave_a_deficit() {
    let table = Table::start().await;
    table.api().correct(100, "a").await.must(201);
    table.api().days_later(30).correct(50, "b").await.must(201);
    let taken = table.api().days_later(30).correct(-120, "c").await.must(201);
    assert_eq!(taken.body["entries"][0]["balance_after"], 30);
    let (account, _) = table.books(ANNA).await;
    let lots: Vec<_> = account.lots.iter().map(|lot| (lot.key.to_string(), lot.open)).collect();
    assert_eq!(lots, [("2028-12-31".to_owned(), 30)]);
    table.api().correct(-500, "d").await.must(201);
    let (account, _) = table.books(ANNA).await;
    assert_eq!((account.balance, account.deficit()), (-470, 470));
}

#[tokio::test]
async fn given_points_count_from_the_day_on_which_earned_ones_would() {
    let points = PointsLife {
        pending_days: 14,
        expiry: Expiry::Never,
        grace_days: 30,
    };
    let table = Table::start_under(Programme { points, ..treue() }).await;
    let answer = table.api().correct(100, "a").await.must(201);
    let entry = &answer.body["entries"][0];
    assert_eq!(
        (&entry["balance_after"], &entry["pending_after"]),
        (&json!(0), &json!(100))
    );
}

#[tokio::test]
async fn an_account_that_comes_to_be_worth_vouchers_says_so_to_the_stream() {
    let table = Table::start().await;
    table.api().correct(499, "a").await.must(201);
    assert_eq!(table.topics(ANNA).await, None);
    table.api().correct(1, "b").await.must(201);
    assert_eq!(table.topics(ANNA).await.as_deref(), Some("threshold"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_field_by_field_and_leaves_no_trace() {
    let table = Table::start().await;
    let (api, before) = (table.api(), table.shape().await);
    let with = |field: &str, value: Value| {
        let mut body = correction(10, "a");
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (with("points", json!(0)), "/points"),
        (with("points", json!(1_000_001)), "/points"),
        (with("points", json!(-1_000_001)), "/points"),
        (with("points", json!(i64::MIN)), "/points"),
        (with("reason", json!("")), "/reason"),
        (with("reason", json!(" ")), "/reason"),
        (with("reason", json!("é".repeat(201))), "/reason"),
        (with("reason", json!("a\u{202e}b")), "/reason"),
        (with("client_token", json!("")), "/client_token"),
        (with("client_token", json!("a b")), "/client_token"),
        (with("programme", json!("a#b")), "/programme"),
    ] {
        let answer = api.call(CORRECT, ANNA, body).await;
        answer.refused(422, "invalid");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    for field in ["points", "reason", "client_token", "programme"] {
        let mut body = correction(10, "a");
        body.as_object_mut().unwrap().remove(field);
        api.call(CORRECT, ANNA, body).await.refused(400, "malformed_body");
    }
    for body in [
        with("points", json!(1.5)),
        with("misspelt", json!(1)),
        with("points", json!("10")),
    ] {
        api.call(CORRECT, ANNA, body).await.refused(400, "malformed_body");
    }
    api.call(CORRECT, ANNA, with("programme", json!("other")))
        .await
        .refused(422, "programme_unknown");
    api.call(CORRECT, "0199-nobody", correction(10, "a"))
        .await
        .refused(404, "not_found");
    api.call(CORRECT, "a#b", correction(10, "a"))
        .await
        .refused(400, "malformed_parameter");
    assert_eq!(table.shape().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_the_same_time_move_each_correction_once() {
    let table = Table::start().await;
    let tokens: Vec<_> = (0..5).map(|n| format!("case-{n}")).collect();
    let calls = (0..15).map(|n| {
        let (api, token) = (table.api(), tokens[n % 5].clone());
        async move {
            // A call that others kept out of its turn asks to be repeated.
            loop {
                let answer = api.correct(7, &token).await;
                if answer.status != 503 {
                    return answer.status;
                }
            }
        }
    });
    let statuses = join_all(calls).await;
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 201)),
        "{statuses:?}"
    );
    let (account, entries) = table.books(ANNA).await;
    assert_eq!((account.balance, entries.len()), (35, 5));
}

#[tokio::test]
async fn every_image_names_who_asked() {
    let table = Table::start().await;
    table.api().correct(10, "a").await.must(201);
    let by = |item: &std::collections::BTreeMap<String, aws_sdk_dynamodb::types::AttributeValue>| {
        let text = |name: &str| {
            item.get(name)
                .and_then(|value| value.as_s().ok().cloned())
                .unwrap_or_default()
        };
        (text("et"), text("by"))
    };
    let named: Vec<_> = table
        .items()
        .await
        .iter()
        .map(by)
        .filter(|(_, by)| !by.is_empty())
        .collect();
    let asked = "office olga".to_owned();
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(named.contains(&("adjustment".to_owned(), asked.clone())));
    assert!(named.contains(&("ledger_entry".to_owned(), asked)));
}
