//! Parties through the function's boundary.

mod support;

use domain::account::Account;
use domain::earning::{Circumstances, earn};
use domain::money::Currency;
use domain::programme::Programme;
use domain::receipt::{Line, Payment, PaymentKind, Receipt};
use futures::future::join_all;
use http_edge::Scope;
use serde_json::{Value, json};
use store::Site;
use store::account::{self, AccountId, Committed, Posting};
use store::programme::{self, ProgrammeVersion};
use support::{Api, Table, assert_findings, assert_problem, now, number, tenant};

const CREATE: &str = "POST /v1/parties";
const SHOW: &str = "GET /v1/parties/{party_id}";

fn person(external: Option<&str>) -> Value {
    let mut body = json!({"kind": "person", "given_name": "Zoë", "family_name": "Müller", "language": "it"});
    if let Some(id) = external {
        body["external_id"] = json!({"system": "erp", "id": id});
    }
    body
}

#[tokio::test]
async fn a_stored_party_is_shown_as_it_was_stored() {
    let table = Table::start().await;
    let api = table.api();
    let (status, stored) = api.call(CREATE, &[], person(Some("K-1"))).await;
    assert_eq!(status, 201);
    let id = stored["party_id"].as_str().unwrap();
    let (status, shown) = api.call(SHOW, &[id], Value::Null).await;
    assert_eq!(status, 200);
    let expected = json!({
        "party_id": id, "version": 1, "kind": "person", "given_name": "Zoë", "family_name": "Müller",
        "display_name": "Zoë Müller", "language": "it", "external_id": {"system": "erp", "id": "K-1"},
        "identifiers": [{"system": "erp", "id": "K-1", "since": "2026-11-23T08:00:00Z"}],
        "created_at": "2026-11-23T08:00:00Z", "updated_at": "2026-11-23T08:00:00Z", "cards": [],
    });
    assert_eq!(shown, expected);
    let body = json!({"kind": "organisation", "organisation_name": "Papeterie Zum Hölzli AG"});
    let (status, stored) = api.call(CREATE, &[], body).await;
    assert_eq!(
        (status, &stored["display_name"]),
        (201, &json!("Papeterie Zum Hölzli AG"))
    );
    assert_eq!(stored["language"], "de");
}

#[tokio::test]
async fn an_external_id_stands_for_one_party_and_its_first_content() {
    let table = Table::start().await;
    let api = table.api();
    let (_, first) = api.call(CREATE, &[], person(Some("K-1"))).await;
    let mut same = person(Some(" K-1"));
    same["given_name"] = json!("Zoe\u{308} ");
    assert_eq!(
        api.call(CREATE, &[], same).await,
        (200, first.clone()),
        "spaces and composition do not matter"
    );
    let mut other = person(Some("K-1"));
    other["family_name"] = json!("Muller");
    let refused = api.call(CREATE, &[], other).await;
    assert_problem(&refused, 409, "party_contradiction");
    assert_eq!(refused.1["party_id"], first["party_id"]);
    let (status, second) = api.call(CREATE, &[], person(Some("K-2"))).await;
    assert_eq!(status, 201);
    assert_ne!(second["party_id"], first["party_id"]);
}

#[tokio::test]
async fn a_token_stands_for_one_call_of_one_client() {
    let table = Table::start().await;
    let api = table.api();
    let mut body = person(None);
    body["client_token"] = json!("form-17");
    let (status, first) = api.call(CREATE, &[], body.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(api.call(CREATE, &[], body.clone()).await, (200, first.clone()));
    let mut other = api.clone();
    other.caller.client = "shop".parse().unwrap();
    let (status, second) = other.call(CREATE, &[], body).await;
    assert_eq!(status, 201);
    assert_ne!(first["party_id"], second["party_id"]);
}

#[tokio::test]
async fn of_many_calls_at_once_with_one_external_id_one_stores_the_party() {
    let table = Table::start().await;
    let api = table.api();
    let answers = join_all((0..20).map(|_| api.call(CREATE, &[], person(Some("K-1"))))).await;
    let created = answers.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(created, 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|(_, answer)| answer["party_id"] == answers[0].1["party_id"])
    );
    assert_eq!(
        table.items().await.len(),
        4,
        "profile, name for the till, change, external id"
    );
}

#[tokio::test]
async fn a_body_that_cannot_be_stored_is_refused_with_every_wrong_field() {
    let table = Table::start().await;
    let api = table.api();
    let body = json!({
        "kind": "person", "given_name": "", "organisation_name": "X", "language": "rm", "client_token": "a b",
        "external_id": {"system": "ERP", "id": "x".repeat(81)},
    });
    let expected = [
        ("/organisation_name", "not_of_this_kind"),
        ("/given_name", "text_out_of_range"),
        ("/family_name", "missing"),
        ("/language", "malformed"),
        ("/external_id/system", "malformed"),
        ("/external_id/id", "text_out_of_range"),
        ("/client_token", "malformed"),
        ("/client_token", "not_applicable"),
    ];
    assert_findings(&api.call(CREATE, &[], body).await, &expected);
    let mut misspelt = person(None);
    misspelt["familyname"] = json!("Muster");
    for body in [misspelt.to_string(), "{".to_owned(), "[]".to_owned(), String::new()] {
        let refused = api.call_text(CREATE, &[], &body).await;
        assert_problem(&refused, 400, "malformed_body");
        assert!(!refused.1.to_string().contains("Muster"), "{}", refused.1);
    }
    assert_eq!(table.items().await.len(), 0, "nothing was stored");
}

#[tokio::test]
async fn only_the_own_tenant_is_seen_and_only_with_the_scope() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Muster").await;
    let mut foreign = api.clone();
    foreign.caller.tenant = "other".parse().unwrap();
    assert_problem(&foreign.call(SHOW, &[&id], Value::Null).await, 404, "not_found");
    let mut reader = api.clone();
    reader.caller.scopes = [Scope::PartiesRead].into();
    assert_eq!(reader.call(SHOW, &[&id], Value::Null).await.0, 200);
    assert_problem(&reader.call(CREATE, &[], person(None)).await, 403, "scope_missing");
    reader.caller.scopes = [Scope::PartiesWrite].into();
    assert_problem(&reader.call(SHOW, &[&id], Value::Null).await, 403, "scope_missing");
    let route = "GET /v1/parties/{party_id}/points?programme=treue";
    assert_problem(&reader.call(route, &[&id], Value::Null).await, 403, "scope_missing");
    assert_problem(&api.call(SHOW, &["A B"], Value::Null).await, 400, "malformed_parameter");
}

#[tokio::test]
async fn the_cards_of_a_party_are_masked_and_paged() {
    let table = Table::start().await;
    let api = table.api();
    let id = api.person("Muster").await;
    let numbers: Vec<_> = (1..=7).map(number).collect();
    for number in &numbers {
        api.card(number, Some(&id)).await;
    }
    assert_eq!(
        api.command(&numbers[0], "block", json!({"reason": "lost"})).await.0,
        200
    );
    let mut seen = Vec::new();
    let mut route = format!("{SHOW}?limit=3");
    loop {
        let (status, shown) = api.call(&route, &[&id], Value::Null).await;
        assert_eq!(status, 200, "{shown}");
        for number in &numbers {
            assert!(!shown.to_string().contains(number.as_str()), "a whole number is shown");
        }
        seen.extend(shown["cards"].as_array().unwrap().clone());
        let Some(next) = shown["next"].as_str() else { break };
        route = format!("{SHOW}?limit=3&next={next}");
    }
    let mut last4: Vec<_> = seen
        .iter()
        .map(|card| card["last4"].as_str().unwrap().to_owned())
        .collect();
    last4.sort();
    let mut expected: Vec<_> = numbers.iter().map(|number| number.last4().to_owned()).collect();
    expected.sort();
    assert_eq!(last4, expected);
    let blocked = seen.iter().find(|card| card["last4"] == numbers[0].last4()).unwrap();
    assert_eq!(blocked["status"], "blocked");
    for token in ["x", "eyJ2IjoxLCJrIjoiYSNiIn0"] {
        let route = format!("{SHOW}?next={token}");
        assert_problem(&api.call(&route, &[&id], Value::Null).await, 400, "malformed_parameter");
    }
}

fn receipt(day: u32, total_minor: i64) -> Receipt {
    Receipt {
        key: format!("B01~1~2026-11-{day:02}~{day}").parse().unwrap(),
        time: None,
        card: None,
        currency: Currency::CHF,
        total_minor,
        cash_rounding_minor: 0,
        lines: vec![Line {
            sku: "1".to_owned(),
            group: None,
            brand: None,
            quantity_milli: 1_000,
            amount_minor: total_minor,
            vat_rate_bp: None,
        }],
        payments: vec![Payment {
            kind: PaymentKind::Cash,
            amount_minor: total_minor,
            voucher: None,
        }],
    }
}

async fn with_programme(api: &Api) -> Programme {
    let programme = Programme::swiss_default("treue".parse().unwrap());
    let version = ProgrammeVersion {
        programme: programme.clone(),
        author: "test".parse().unwrap(),
        reason: "Test".to_owned(),
    };
    let stored = programme::write(&api.db, Site::ProgrammeWrite, &tenant(), version, now()).await;
    assert!(stored.unwrap());
    programme
}

async fn post(api: &Api, party: &str, programme: &Programme, receipt: &Receipt) -> Account {
    let id = AccountId {
        tenant: tenant(),
        party: party.parse().unwrap(),
        programme: programme.id.clone(),
    };
    let before = account::read(&api.db, Site::PostAccount, &id, store::db::Read::Strong)
        .await
        .unwrap();
    let account = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
    let known = Circumstances::default();
    let earned = earn(receipt, programme, &known).unwrap();
    let (entry, after) = account
        .post(receipt, (&earned, &known), programme, receipt.key.business_date)
        .unwrap();
    let postings = [Posting {
        entry: &entry,
        receipt,
        tracked: &[],
    }];
    let stored = account::commit(&api.db, &id, before.as_ref(), &postings, &after, false, now()).await;
    assert_eq!(stored.unwrap(), Committed::Done);
    after
}

const POINTS: &str = "GET /v1/parties/{party_id}/points?programme=treue";

#[tokio::test]
async fn points_are_explained_entry_by_entry_newest_first() {
    let table = Table::start().await;
    let api = table.api();
    let programme = with_programme(&api).await;
    let id = api.person("Muster").await;
    for day in [3, 1, 2] {
        post(&api, &id, &programme, &receipt(day, 1_050 * i64::from(day))).await;
    }
    let (status, shown) = api.call(POINTS, &[&id], Value::Null).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["balance"], 10 + 21 + 31);
    assert_eq!(shown["lots"], json!([{"last_day": "2028-11-30", "points": 62}]));
    assert_eq!(shown["revenue"], json!({"amount_minor": 6_300, "currency": "CHF"}));
    assert_eq!((&shown["receipts"], &shown["version"]), (&json!(3), &json!(3)));
    let dates: Vec<_> = shown["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["business_date"].clone())
        .collect();
    assert_eq!(dates, ["2026-11-03", "2026-11-02", "2026-11-01"]);
    let chf = |minor: i64| json!({"amount_minor": minor, "currency": "CHF"});
    assert_eq!(
        shown["entries"][0],
        json!({
            "entry_id": http_edge::page::token(&"2026-11-03#R#B01~1~2026-11-03~3"),
            "version": 1, "business_date": "2026-11-03", "points": 31, "balance_after": 31, "pending_after": 0, "programme_version": 1,
            "lots": [{"last_day": "2028-11-30", "points": 31}], "posted_at": "2026-11-23T08:00:00Z",
            "cause": {"kind": "receipt", "receipt": "B01~1~2026-11-03~3", "total": chf(3_150), "eligible": chf(3_150),
                "voucher_paid": chf(0), "base": chf(3_150)},
        })
    );
}

#[tokio::test]
async fn the_pages_of_a_ledger_leave_nothing_out_and_repeat_nothing() {
    let table = Table::start().await;
    let api = table.api();
    let programme = with_programme(&api).await;
    let id = api.person("Muster").await;
    for day in 1..=9 {
        post(&api, &id, &programme, &receipt(day, 1_000)).await;
    }
    let mut seen = Vec::new();
    let mut route = format!("{POINTS}&limit=2");
    loop {
        let (status, shown) = api.call(&route, &[&id], Value::Null).await;
        assert_eq!(status, 200, "{shown}");
        seen.extend(
            shown["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e["version"].as_i64().unwrap()),
        );
        let Some(next) = shown["next"].as_str() else { break };
        route = format!("{POINTS}&limit=2&next={next}");
    }
    assert_eq!(seen, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn points_of_nobody_and_of_no_programme_are_told_apart_from_no_points() {
    let table = Table::start().await;
    let api = table.api();
    with_programme(&api).await;
    let id = api.person("Muster").await;
    let (status, shown) = api.call(POINTS, &[&id], Value::Null).await;
    assert_eq!(
        (status, &shown["balance"], &shown["entries"]),
        (200, &json!(0), &json!([]))
    );
    let nobody = "0190f0a0-0000-7000-8000-000000000000";
    assert_problem(&api.call(POINTS, &[nobody], Value::Null).await, 404, "not_found");
    let base = POINTS.split('?').next().unwrap();
    let cases = [
        ("", 400, "malformed_parameter"),
        ("?programme=T%", 400, "malformed_parameter"),
        ("?programme=other", 422, "programme_unknown"),
        ("?programme=treue&limit=0", 400, "malformed_parameter"),
        ("?programme=treue&next=abc", 400, "malformed_parameter"),
        // A token of the right form with a position that no entry can have: {"v":1,"k":""}.
        ("?programme=treue&next=eyJ2IjoxLCJrIjoiIn0", 400, "malformed_parameter"),
    ];
    for (query, status, code) in cases {
        assert_problem(
            &api.call(&format!("{base}{query}"), &[&id], Value::Null).await,
            status,
            code,
        );
    }
}

#[tokio::test]
async fn segments_are_replaced_whole_under_the_version_that_was_read() {
    let table = Table::start().await;
    let api = table.api();
    let (_, stored) = api.call(CREATE, &[], person(None)).await;
    let party = stored["party_id"].as_str().unwrap();
    let put = async |body: Value| api.call("PUT /v1/parties/{party_id}/segments", &[party], body).await;
    let (status, first) = put(json!({"segments": ["vip", "north", "vip"]})).await;
    assert_eq!((status, &first["segments"]), (200, &json!(["north", "vip"])));
    let again = put(json!({"segments": ["north", "vip"], "expected_version": 7})).await;
    assert_eq!(again, (200, first), "nothing to change");
    let (status, stale) = put(json!({"segments": [], "expected_version": 0})).await;
    assert_eq!((status, &stale["current_version"]), (409, &json!(1)));
    let (status, emptied) = put(json!({"segments": [], "expected_version": 1})).await;
    assert_eq!((status, &emptied["version"]), (200, &json!(2)));
    let many: Vec<_> = (0..21).map(|number| format!("s{number}")).collect();
    for (segments, pointer) in [(json!(["Bad One"]), "/segments/0"), (json!(many), "/segments")] {
        let (status, refused) = put(json!({"segments": segments})).await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!(pointer)));
    }
    for (route, body) in [
        ("PUT /v1/parties/{party_id}/segments", json!({"segments": ["vip"]})),
        ("GET /v1/parties/{party_id}/segments", Value::Null),
    ] {
        assert_eq!(api.call(route, &["nobody"], body).await.1["code"], "not_found");
    }
}
