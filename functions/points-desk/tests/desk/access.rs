//! Who may call.

use http_edge::Scope;
use http_edge::routes::ROUTES;
use serde_json::Value;

use crate::support::*;

#[tokio::test]
async fn every_route_insists_on_its_scope_before_anything_else() {
    let table = Table::start().await;
    let own: Vec<_> = ROUTES.iter().filter(|route| route.function == "points-desk").collect();
    assert_eq!(own.len(), 12);
    for route in own {
        let mut api = table.api();
        let key = format!("{} {}", route.method, route.path);
        api.caller.scopes = Scope::ALL
            .iter()
            .copied()
            .filter(|scope| Some(*scope) != route.scope)
            .collect();
        api.call_with(&key, &["-", "1"], Value::Null)
            .await
            .refused(403, "scope_missing");
        api.caller.scopes = route.scope.into_iter().collect();
        let answer = api.call_with(&key, &["-", "1"], Value::Null).await;
        assert!(matches!(answer.status, 400 | 404), "{key} is answered: {answer:?}");
    }
}

#[tokio::test]
async fn a_tenant_sees_and_moves_nothing_of_another() {
    let table = Table::start().await;
    let waiting = table.api().correct(900, "a").await.must(202);
    let mut stranger = table.api().by("urs");
    stranger.caller.tenant = "other".parse().unwrap();
    stranger
        .call(SHOW, &waiting.id(), Value::Null)
        .await
        .refused(404, "not_found");
    stranger.approve(&waiting.id()).await.refused(404, "not_found");
    stranger.reject(&waiting.id()).await.refused(404, "not_found");
    stranger.correct(1, "a").await.refused(422, "programme_unknown");
    let listed = stranger.list("status=awaiting_approval").await.must(200);
    assert_eq!(listed.body["items"], serde_json::json!([]));
    assert_eq!(table.books(ANNA).await.1, []);
}
