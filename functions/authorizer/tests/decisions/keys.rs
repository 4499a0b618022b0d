//! API keys.

use std::sync::Arc;

use authorizer::event::Answer;
use chrono::TimeDelta;
use faults::{Fault, FaultPlan, Probe, Site};
use serde_json::json;
use store::client::{self, ActiveKey, Saved};

use crate::support::*;

#[tokio::test]
async fn a_key_lets_its_client_through_and_says_who_it_is() {
    let table = Table::start(Probe::none()).await;
    let key = with_key(&table).await;
    let app = app(&table, None);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", key.reveal());
        let Answer { is_authorized, context } = app.handle(event(&authorization, ROUTE), now()).await.unwrap();
        assert!(is_authorized);
        assert_eq!(
            serde_json::to_value(&context).unwrap(),
            json!({
                "tenant": "demo", "client": "pos", "subject": "pos",
                "scopes": "purchases:write vouchers:redeem", "locations": "B01 B02",
            })
        );
    }
}

#[tokio::test]
async fn a_known_key_costs_one_read() {
    let table = Table::start(Probe::none()).await;
    let key = with_key(&table).await;
    table.db.meter().take();
    let app = app(&table, None);
    let question = authorizer::event::Question::read(event(&bearer(key.reveal()), ROUTE)).unwrap();
    assert!(app.decide(&question, now()).await.unwrap().is_ok());
    let cost = table.db.meter().take();
    assert_eq!((cost.requests, cost.read_milli), (1, 500));
}

#[tokio::test]
async fn a_missing_scope_an_unknown_route_and_an_open_route_are_refused() {
    let table = Table::start(Probe::none()).await;
    let key = bearer(with_key(&table).await.reveal());
    let app = app(&table, None);
    assert!(allowed(&app, &key, "POST /v1/vouchers/redeem").await);
    for route in [
        "GET /v1/clients",
        "POST /v1/vouchers/unknown",
        "PUT /v1/purchases",
        "$default",
        "",
        "GET /docs",
    ] {
        assert!(!allowed(&app, &key, route).await, "{route}");
    }
}

#[tokio::test]
async fn malformed_credentials_and_events_are_refused_and_never_an_error() {
    let table = Table::start(Probe::none()).await;
    let key = with_key(&table).await;
    let app = app(&table, None);
    let good = key.reveal();
    for authorization in [
        String::new(),
        good.to_owned(),
        format!("Basic {good}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        bearer("treue_"),
        bearer(&good[..48]),
        bearer(&format!("{good}x")),
        bearer(&good.to_uppercase()),
        bearer("a.b"),
        bearer("a.b.c"),
        bearer("ü.ü.ü"),
        bearer(&"x".repeat(20_000)),
        format!("{},{}", bearer(good), bearer(good)),
    ] {
        assert!(!allowed(&app, &authorization, ROUTE).await, "{authorization:.60}");
    }
    for event in [
        json!(null),
        json!([]),
        json!({}),
        json!({"type": "TOKEN", "routeKey": ROUTE, "headers": {"authorization": bearer(good)}}),
        json!({"type": "REQUEST", "routeKey": 7}),
        json!({"type": "REQUEST", "routeKey": ROUTE, "headers": {"authorization": 7}}),
        json!({"type": "REQUEST", "routeKey": ROUTE}),
    ] {
        let answer = app.handle(event.clone(), now()).await.unwrap();
        assert_eq!(answer, Answer::refuse(), "{event}");
    }
}

#[tokio::test]
async fn an_unknown_a_revoked_and_an_expired_key_are_refused() {
    let table = Table::start(Probe::none()).await;
    let tenant = "demo".parse().unwrap();
    with_key(&table).await;
    let app = app(&table, None);
    assert!(!allowed(&app, &bearer(key(9).reveal()), ROUTE).await, "unknown");

    let before = client::read(&table.db, Site::ToolRead, &tenant, &"pos".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let mut changed = before.d.clone();
    let active = |seed, end| ActiveKey {
        hash: key(seed).hash(),
        created_at: now(),
        created_by: "test".parse().unwrap(),
        expires_at: Some(end),
        client_token: None,
    };
    let second = TimeDelta::seconds(1);
    changed.keys = vec![active(2, now()), active(3, now() + second)];
    let saved = client::save(&table.db, Site::ToolWrite, &tenant, Some(&before), changed, now())
        .await
        .unwrap();
    assert_eq!(saved, Saved::Now);
    assert!(!allowed(&app, &bearer(key(1).reveal()), ROUTE).await, "revoked");
    assert!(!allowed(&app, &bearer(key(2).reveal()), ROUTE).await, "expired now");
    assert!(
        allowed(&app, &bearer(key(3).reveal()), ROUTE).await,
        "expires in a second"
    );
}

#[tokio::test]
async fn a_scope_taken_from_the_client_is_taken_from_its_keys() {
    let table = Table::start(Probe::none()).await;
    let key = with_key(&table).await;
    let app = app(&table, None);
    assert!(allowed(&app, &bearer(key.reveal()), "POST /v1/vouchers/redeem").await);
    let mut less = till_client();
    less.rights.scopes.remove("vouchers:redeem");
    let tenant = "demo".parse().unwrap();
    client::bootstrap(&table.db, &tenant, &less, &key, now()).await.unwrap();
    assert!(!allowed(&app, &bearer(key.reveal()), "POST /v1/vouchers/redeem").await);
    assert!(allowed(&app, &bearer(key.reveal()), ROUTE).await);
}

/// Answers every read of a key with a time-out.
#[derive(Debug)]
struct Silent;

impl FaultPlan for Silent {
    fn before(&self, site: Site) -> Fault {
        if site == Site::ApiKeyRead {
            Fault::Timeout
        } else {
            Fault::None
        }
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

#[tokio::test]
async fn a_silent_table_is_an_error_and_no_refusal_that_would_be_remembered() {
    let table = Table::start(Probe::with(Arc::new(Silent))).await;
    let key = with_key(&table).await;
    let answer = app(&table, None)
        .handle(event(&bearer(key.reveal()), ROUTE), now())
        .await;
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn the_captured_event_of_the_gateway_is_understood() {
    let event = include_str!("../../../../events/authorizer_request.json");
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    let question = authorizer::event::Question::read(event.clone()).unwrap();
    assert_eq!(json!([question.authorization, question.route]), event["identitySource"]);
    assert!(http_edge::routes::find(&question.route).is_some_and(|route| route.scope.is_some()));
}
