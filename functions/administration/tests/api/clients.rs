//! Clients and their keys.

use chrono::TimeDelta;
use serde_json::{Value, json};
use store::client::{self, ApiKey, Bootstrapped, Client, KEY_BYTES, KeyRecord, Places, Rights};

use crate::support::*;

fn body() -> Value {
    json!({"name": "Tills", "scopes": ["purchases:write", "vouchers:redeem"], "locations": ["B01", "B02"]})
}

fn put(body: &Value) -> Call {
    call("PUT /v1/clients/{client_id}").path("client_id", "pos").body(body)
}

fn make() -> Call {
    call("POST /v1/clients/{client_id}/keys").path("client_id", "pos")
}

fn withdraw(key_id: &Value) -> Call {
    call("DELETE /v1/clients/{client_id}/keys/{key_id}")
        .path("client_id", "pos")
        .path("key_id", key_id.as_str().unwrap())
}

async fn record(api: &Api, key: &Value) -> KeyRecord {
    let key: ApiKey = key["key"].as_str().unwrap().parse().unwrap();
    client::read_key(&api.app.db, &key.hash()).await.unwrap().unwrap().d
}

#[tokio::test]
async fn keys_rotate_two_at_a_time_and_the_third_is_refused_until_one_is_withdrawn() {
    let api = Api::start().await;
    assert_eq!(api.send(make()).await.code(), "not_found");
    assert_eq!(api.send(put(&body())).await.status, 201);
    let first = api.send(make()).await;
    let second = api.send(make()).await;
    assert_eq!((first.status, second.status), (201, 201));
    let third = api.send(make()).await;
    assert_eq!((third.status, third.code()), (409, "client_keys_full"));

    let gone = api.send(withdraw(&first.body["key_id"])).await;
    assert_eq!(gone.status, 200);
    assert_eq!(gone.body["keys"].as_array().unwrap().len(), 1);
    assert_eq!(gone.body["keys"][0]["key_id"], second.body["key_id"]);
    assert!(record(&api, &first.body).await.revoked_at.is_some());
    assert!(record(&api, &second.body).await.revoked_at.is_none());
    let again = api.send(withdraw(&first.body["key_id"])).await;
    assert_eq!(
        (again.status, &again.body),
        (200, &gone.body),
        "sent again after a lost answer"
    );
    assert_eq!(api.send(withdraw(&json!("0123456789abcdef"))).await.code(), "not_found");
    assert_eq!(api.send(make()).await.status, 201);
}

#[tokio::test]
async fn a_key_asked_for_again_under_its_token_takes_the_place_of_the_one_that_nobody_saw() {
    let api = Api::start().await;
    api.send(put(&body())).await;
    let named = |token: &str| make().body(&json!({"client_token": token}));
    let lost = api.send(named("rotation-1")).await;
    let again = api.send(named("rotation-1")).await;
    let other = api.send(named("rotation-2")).await;
    assert_eq!((lost.status, again.status, other.status), (201, 201, 201));
    assert!(record(&api, &lost.body).await.revoked_at.is_some());
    assert!(record(&api, &again.body).await.revoked_at.is_none());
    assert!(record(&api, &other.body).await.revoked_at.is_none());
    for malformed in ["", "a b", &"x".repeat(65)] {
        let refused = api.send(named(malformed)).await;
        assert_eq!(
            (refused.status, refused.body["errors"][0]["pointer"].as_str()),
            (422, Some("/client_token"))
        );
    }
}

#[tokio::test]
async fn a_withdrawal_can_be_repeated_until_the_key_is_forgotten() {
    let api = Api::start().await;
    api.send(put(&body())).await;
    let key = api.send(make()).await.body["key_id"].clone();
    assert_eq!(api.send(withdraw(&json!("0123456789abcdef"))).await.code(), "not_found");
    let gone = api.send(withdraw(&key)).await;
    assert_eq!((gone.status, &gone.body["keys"]), (200, &json!([])));
    let later = now() + TimeDelta::days(1);
    assert_eq!(api.send_at(withdraw(&key), later).await, gone, "the answer was lost");
    let other = put(&body()).path("client_id", "shop");
    assert_eq!(api.send(other).await.status, 201);
    let others = withdraw(&key).path("client_id", "shop");
    assert_eq!(api.send(others).await.code(), "not_found", "it was never this client's");

    let next = api.send(make()).await.body["key_id"].clone();
    assert_eq!(api.send(withdraw(&key)).await.body["keys"].as_array().unwrap().len(), 1);
    let after_90_days = now() + TimeDelta::days(90);
    assert_eq!(api.send_at(withdraw(&next), after_90_days).await.status, 200);
    assert_eq!(api.send_at(withdraw(&key), after_90_days).await.code(), "not_found");
    assert_eq!(api.send_at(withdraw(&next), after_90_days).await.status, 200);
}

#[tokio::test]
async fn a_client_names_the_last_keys_that_were_withdrawn_and_no_more() {
    let api = Api::start().await;
    api.send(put(&body())).await;
    let mut keys = Vec::new();
    for _ in 0..22 {
        let key = api.send(make()).await.body["key_id"].clone();
        assert_eq!(api.send(withdraw(&key)).await.status, 200);
        keys.push(key);
    }
    assert_eq!(api.send(withdraw(&keys[1])).await.code(), "not_found");
    assert_eq!(api.send(withdraw(&keys[2])).await.status, 200);
}

#[tokio::test]
async fn a_form_that_is_out_of_date_brings_no_right_back() {
    let api = Api::start().await;
    let first = api.send(put(&body())).await;
    assert_eq!((first.status, &first.body["version"]), (201, &json!(1)));
    let mut narrowed = body();
    narrowed["scopes"] = json!(["purchases:write"]);
    let narrow = api.send(put(&seen(1, &narrowed))).await;
    assert_eq!((narrow.status, &narrow.body["version"]), (200, &json!(2)));

    let mut renamed = body();
    renamed["name"] = json!("Tills of Bern");
    for stale in [renamed.clone(), seen(0, &renamed), seen(1, &renamed), seen(3, &renamed)] {
        let refused = api.send(put(&stale)).await;
        assert_eq!((refused.status, refused.code()), (409, "concurrent_change"), "{stale}");
        assert_eq!(refused.body["current_version"], 2);
    }
    let listed = api.send(call("GET /v1/clients")).await.body;
    assert_eq!(listed["items"][0], narrow.body);
    assert_eq!(api.send(put(&seen(1, &narrowed))).await.body, narrow.body, "repeated");
    assert_eq!(api.send(put(&seen(2, &renamed))).await.body["version"], 3);

    let new = put(&seen(4, &body())).path("client_id", "none");
    assert_eq!(api.send(new).await.body["current_version"], 0);
    let new = put(&seen(0, &body())).path("client_id", "none");
    assert_eq!(api.send(new).await.status, 201);
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_nowhere() {
    let api = Api::start().await;
    api.send(put(&body())).await;
    let made = api.send(make()).await;
    let key = made.body["key"].as_str().unwrap();
    let hash = serde_json::to_value(key.parse::<ApiKey>().unwrap().hash()).unwrap();
    let listed = api.send(call("GET /v1/clients")).await.body.to_string();
    assert!(listed.contains(made.body["key_id"].as_str().unwrap()));
    assert!(!listed.contains(key) && !listed.contains(hash.as_str().unwrap()));
    let items = api.app.db.client().scan().table_name("test").send().await.unwrap();
    assert_eq!(items.count(), 2);
    assert!(!format!("{items:?}").contains(&key[6..]));
}

#[tokio::test]
async fn a_change_of_a_client_reaches_all_its_keys_at_once() {
    let api = Api::start().await;
    api.send(put(&body())).await;
    let keys = [api.send(make()).await.body, api.send(make()).await.body];
    let mut changed = body();
    changed["scopes"] = json!(["purchases:read"]);
    changed["locations"] = json!(["*"]);
    let changed = seen(3, &changed);
    let answer = api.send(put(&changed)).await;
    assert_eq!((answer.status, answer.body["keys"].as_array().unwrap().len()), (200, 2));
    for key in &keys {
        let rights = record(&api, key).await.rights;
        assert_eq!(rights.scopes, ["purchases:read".to_owned()].into());
        assert_eq!(rights.places, Places::All);
    }
    let later = now() + TimeDelta::hours(1);
    assert_eq!(
        api.send_at(put(&changed), later).await.body,
        answer.body,
        "again, and nothing is written"
    );
}

#[tokio::test]
async fn of_concurrent_new_keys_two_stand_and_nobody_holds_a_key_that_does_not_work() {
    let api = Api::start().await;
    api.send(put(&body())).await;
    let answers = futures::future::join_all((0..12).map(|_| api.send(make()))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 2);
    assert!(
        answers
            .iter()
            .all(|a| a.status == 201 || a.code() == "client_keys_full"),
        "{answers:?}"
    );
    let listed = api.send(call("GET /v1/clients")).await.body;
    for answer in made {
        assert!(listed.to_string().contains(answer.body["key_id"].as_str().unwrap()));
        assert_eq!(record(&api, &answer.body).await.client.as_str(), "pos");
    }
}

#[tokio::test]
async fn an_expired_key_makes_room_for_a_new_one() {
    let api = Api::start().await;
    api.send(put(&body())).await;
    let end = now() + TimeDelta::hours(1);
    let expiring = make().body(&json!({"expires_at": end}));
    let first = api.send(expiring.clone()).await;
    assert_eq!(first.status, 201);
    assert_eq!(api.send(expiring.clone()).await.status, 201);
    assert_eq!(
        api.send_at(make(), end - TimeDelta::seconds(1)).await.code(),
        "client_keys_full"
    );
    assert_eq!(api.send_at(make(), end).await.status, 201);
    assert!(record(&api, &first.body).await.revoked_at.is_some());
    assert_eq!(
        api.send_at(expiring, end).await.code(),
        "invalid",
        "a key that is born expired"
    );
}

#[tokio::test]
async fn nobody_gives_away_more_than_they_hold() {
    let api = Api::start().await;
    let own = "clients:admin purchases:write";
    let refused = api.send(put(&body()).scopes(own)).await;
    assert_eq!((refused.status, refused.code()), (403, "scope_missing"));
    let own = "clients:admin purchases:write vouchers:redeem";
    let refused = api.send(put(&body()).scopes(own).locations("B01")).await;
    assert_eq!((refused.status, refused.code()), (403, "location_forbidden"));
    let mut everywhere = body();
    everywhere["locations"] = json!(["*"]);
    let refused = api.send(put(&everywhere).scopes(own).locations("B01 B02")).await;
    assert_eq!(refused.code(), "location_forbidden");
    assert_eq!(
        api.send(put(&body()).scopes(own).locations("B01 B02 B03")).await.status,
        201
    );

    // A key speaks with all of the client's rights: making one gives them away as well.
    assert_eq!(api.send(make().scopes("clients:admin")).await.code(), "scope_missing");
    assert_eq!(api.send(make().locations("B01")).await.code(), "location_forbidden");
    let key = api.send(make()).await.body;
    assert_eq!(
        api.send(withdraw(&key["key_id"]).scopes("clients:admin").locations("B09"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_client_that_cannot_be_is_refused_with_the_field() {
    let api = Api::start().await;
    for (field, value, pointer) in [
        ("name", json!(""), "/name"),
        ("name", json!("Ti\u{202e}lls"), "/name"),
        ("scopes", json!(["purchases:write", "purchases:delete"]), "/scopes/1"),
        ("locations", json!(["B01", "B/2"]), "/locations/1"),
        ("locations", json!(["*", "B01"]), "/locations/0"),
        ("locations", json!(vec!["B01"; 101]), "/locations"),
    ] {
        let mut body = body();
        body[field] = value;
        let answer = api.send(put(&body)).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid"), "{body}");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    assert_eq!(api.send(call("GET /v1/clients")).await.body["items"], json!([]));
}

#[tokio::test]
async fn the_list_of_clients_goes_on_page_by_page() {
    let api = Api::start().await;
    for n in 0..5 {
        let put = put(&body()).path("client_id", &format!("c{n}"));
        assert_eq!(api.send(put).await.status, 201);
    }
    let first = api.send(call("GET /v1/clients").query("limit", "3")).await.body;
    let next = first["next"].as_str().unwrap();
    let second = api
        .send(call("GET /v1/clients").query("limit", "3").query("next", next))
        .await
        .body;
    let ids = [&first, &second].map(|page| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["client_id"].clone())
            .collect()
    });
    let ids: Vec<Value> = ids.into_iter().flat_map(|ids: Vec<Value>| ids).collect();
    assert_eq!(ids, ["c0", "c1", "c2", "c3", "c4"]);
    assert_eq!(second.get("next"), None);
}

#[tokio::test]
async fn a_bootstrap_run_twice_changes_nothing_and_takes_nobody_elses_key() {
    let api = Api::start().await;
    let db = &api.app.db;
    let key = |seed| ApiKey::from_random(&[seed; KEY_BYTES]);
    let admin = |id: &str, scope: &str| {
        let rights = Rights {
            scopes: [scope.to_owned()].into(),
            places: Places::All,
        };
        Client::new(
            id.parse().unwrap(),
            "Admin".to_owned(),
            rights,
            "bootstrap".parse().unwrap(),
        )
    };
    let run = async |client: &Client, seed| {
        client::bootstrap(db, &tenant(), client, &key(seed), now())
            .await
            .unwrap()
    };
    let first = admin("admin", "clients:admin");
    assert_eq!(run(&first, 1).await, Bootstrapped::Stored);
    assert_eq!(run(&first, 1).await, Bootstrapped::Unchanged);
    assert_eq!(
        run(&admin("admin", "reports:read"), 1).await,
        Bootstrapped::Stored,
        "other rights"
    );
    assert_eq!(run(&admin("other", "clients:admin"), 1).await, Bootstrapped::KeyTaken);
    assert_eq!(run(&first, 2).await, Bootstrapped::Stored);
    assert_eq!(run(&first, 3).await, Bootstrapped::KeysFull);
    let record = client::read_key(db, &key(1).hash()).await.unwrap().unwrap();
    assert_eq!((record.d.client.as_str(), record.d.rights), ("admin", first.rights));
}
