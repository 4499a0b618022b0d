//! Who may call.

use http_edge::Scope;
use http_edge::routes::ROUTES;

use crate::support::*;

#[tokio::test]
async fn every_route_insists_on_its_scope_before_anything_else() {
    let api = Api::start().await;
    let own: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.function == "administration")
        .collect();
    assert_eq!(own.len(), 25);
    for route in own {
        let others: Vec<_> = Scope::ALL
            .iter()
            .filter(|scope| Some(**scope) != route.scope)
            .map(|s| s.as_str())
            .collect();
        let key: &'static str = format!("{} {}", route.method, route.path).leak();
        let answer = api.send(call(key).scopes(&others.join(" "))).await;
        assert_eq!((answer.status, answer.code()), (403, "scope_missing"), "{key}");
        let answer = api.send(call(key)).await;
        assert!(
            matches!(answer.status, 200 | 400) || (key, answer.code()) == ("GET /v1/company", "not_found"),
            "{key} is answered: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_caller_of_one_location_reaches_no_other() {
    let api = Api::start().await;
    api.with_programme().await;
    api.with_location("B01").await;
    let range = |c: Call| c.query("from", "2026-11-01").query("to", "2026-11-02");
    for call in [
        put_location("B01", &branch("B01")),
        call("POST /v1/locations/{location_id}/close").path("location_id", "B01"),
        range(call("GET /v1/locations/{location_id}/revenue").path("location_id", "B01")),
    ] {
        let answer = api.send(call.locations("B02")).await;
        assert_eq!((answer.status, answer.code()), (403, "location_forbidden"));
    }
    let listed = api.send(call("GET /v1/locations").locations("B02")).await;
    assert_eq!(listed.body["items"], serde_json::json!([]));
}

#[tokio::test]
async fn b7_the_company_is_named_by_who_speaks_for_all_locations() {
    let api = Api::start().await;
    let put = || call("PUT /v1/company").body(&serde_json::json!({"name": "Treue Handels AG"}));
    let answer = api.send(put().locations("B01 B02")).await;
    assert_eq!((answer.status, answer.code()), (403, "location_forbidden"));
    assert_eq!(
        api.send(call("GET /v1/company")).await.status,
        404,
        "nothing was stored"
    );
    assert_eq!(api.send(put()).await.status, 200);
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another() {
    let api = Api::start().await;
    api.with_programme().await;
    api.with_location("B01").await;
    let listed = api.send(call("GET /v1/locations").tenant("other")).await;
    assert_eq!(listed.body["items"], serde_json::json!([]));
    let programme = call("GET /v1/programmes/{programme_id}").path("programme_id", "treue");
    assert_eq!(api.send(programme.clone()).await.status, 200);
    assert_eq!(api.send(programme.tenant("other")).await.status, 404);
}
