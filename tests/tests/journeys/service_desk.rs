//! The service desk (C1, C2, C3, C8, D4): tasks, cases, communication, leads, opportunities, and all of a party at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Duration, NaiveDate};
use domain::account::{Account, Entry};
use domain::id::{LookupKey, PartyId};
use domain::programme::Programme;
use domain::secret::Secret;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{chf, receipt};
use end_to_end::world::{Called, PROGRAMME, TENANT, World, everywhere, second_person};
use faults::{Fault, FaultPlan, Probe};
use futures::future::join_all;
use http_edge::routes::ROUTES;
use serde_json::{Value, json};
use store::communication::{self, Communication, Recorded};
use store::timeline::{Channel, Direction};
use store::{Made, Site};

const TASKS: &str = "POST /v1/tasks";
const CASES: &str = "POST /v1/cases";
const LEADS: &str = "POST /v1/leads";
const CANDIDATES: &str = "GET /v1/leads/{party_id}/candidates";
const CONVERT: &str = "POST /v1/leads/{party_id}/convert";
const TALKS: &str = "POST /v1/parties/{party_id}/communications";
const CHANCES: &str = "POST /v1/parties/{party_id}/opportunities";

fn task(queue: &str, due: Option<&str>, token: &str) -> Value {
    json!({"title": "Call back", "queue": queue, "due": due, "client_token": token})
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().expect("a text").to_owned()
}

async fn done(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!(matches!(status, 200 | 201), "{route}: {status} {answer}");
    answer
}

async fn change(world: &World, task: &str, what: &str, seen: u64) -> (u16, Value) {
    let route = format!("POST /v1/tasks/{{task_id}}/{what}");
    let mut body = json!({"expected_version": seen});
    if what == "claim" {
        body["assignee"] = json!("olga");
    }
    world.call(&route, &[("task_id", task)], &body).await
}

/// All pages of a list, as the values of a field.
async fn all(world: &World, route: &str, path: &[(&str, &str)], limit: usize, field: &str) -> Vec<Value> {
    let joined = if route.contains('?') { '&' } else { '?' };
    let (mut found, mut next) = (Vec::new(), String::new());
    for _ in 0..1_000 {
        let page = done(
            world,
            &format!("{route}{joined}limit={limit}{next}"),
            path,
            &Value::Null,
        )
        .await;
        found.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|item| item[field].clone()),
        );
        match page["next"].as_str() {
            Some(token) => next = format!("&next={token}"),
            None => return found,
        }
    }
    panic!("{route} does not end");
}

#[track_caller]
fn refused((status, answer): (u16, Value), expected: (u16, &str)) {
    assert_eq!(
        (status, answer["code"].as_str()),
        (expected.0, Some(expected.1)),
        "{answer}"
    );
}

#[tokio::test]
async fn c8_a_task_is_claimed_finished_and_reopened_by_who_has_seen_it() {
    let world = World::new().await;
    let made = done(&world, TASKS, &[], &task("support", None, "t1")).await;
    let id = text(&made, "task_id");
    assert_eq!((&made["status"], &made["version"]), (&json!("open"), &json!(1)));
    let again = world.call(TASKS, &[], &task("support", None, "t1")).await;
    assert_eq!(again, (200, made));
    refused(
        world.call(TASKS, &[], &task("returns", None, "t1")).await,
        (409, "desk_contradiction"),
    );

    refused(change(&world, &id, "reopen", 1).await, (409, "task_state"));
    let (status, claimed) = change(&world, &id, "claim", 1).await;
    assert_eq!((status, &claimed["status"]), (200, &json!("claimed")), "{claimed}");
    assert_eq!(
        change(&world, &id, "claim", 1).await,
        (200, claimed),
        "the same call again"
    );
    let (status, problem) = change(&world, &id, "finish", 1).await;
    assert_eq!((status, &problem["version"]), (409, &json!(2)), "{problem}");
    let route = "POST /v1/tasks/{task_id}/claim";
    let seen = json!({"expected_version": 2});
    let other = world.call_as(&second_person(), route, &[("task_id", &id)], &seen).await;
    refused(other, (409, "task_state"));
    assert_eq!(change(&world, &id, "finish", 2).await.1["status"], "done");
    refused(change(&world, &id, "claim", 3).await, (409, "task_state"));
    assert_eq!(
        all(&world, "GET /v1/tasks?queue=support", &[], 9, "task_id").await,
        Vec::<Value>::new()
    );
    let (_, open) = change(&world, &id, "reopen", 3).await;
    let did: Vec<_> = open["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| &step["what"])
        .collect();
    assert_eq!(did, ["create", "claim", "finish", "reopen"]);
    assert_eq!(
        all(&world, "GET /v1/tasks?queue=support", &[], 9, "task_id").await,
        [json!(id)]
    );
}

#[tokio::test]
async fn c8_of_two_people_who_claim_a_task_one_gets_it() {
    let world = World::new().await;
    let id = text(&done(&world, TASKS, &[], &task("support", None, "t1")).await, "task_id");
    let (mut first, second) = (everywhere(), second_person());
    first.subject = "olga".parse().expect("a subject");
    let seen = json!({"expected_version": 1});
    let path = [("task_id", id.as_str())];
    let claims = [&first, &second, &first, &second, &first, &second];
    let claims = claims.map(|who| world.call_as(who, "POST /v1/tasks/{task_id}/claim", &path, &seen));
    let answers = join_all(claims).await;
    let winners: BTreeSet<_> = answers
        .iter()
        .filter(|(status, _)| *status == 200)
        .map(|(_, task)| text(task, "assignee"))
        .collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    let shown = done(&world, "GET /v1/tasks/{task_id}", &path, &Value::Null).await;
    assert_eq!(shown["version"], 2);
}

#[tokio::test]
async fn c8_open_tasks_are_found_by_queue_assignee_and_due_date_in_order() {
    let world = World::with_branches(1, None).await;
    let mut dues = Vec::new();
    for number in 0..23u32 {
        let due = NaiveDate::from_ymd_opt(2026, 12, 1 + (number * 7) % 28)
            .expect("a date")
            .to_string();
        let queue = if number % 3 == 0 { "returns" } else { "support" };
        let mut body = task(queue, Some(&due), &format!("t{number}"));
        if number % 5 == 0 {
            body["assignee"] = json!("olga");
        }
        done(&world, TASKS, &[], &body).await;
        dues.push((due, queue, number % 5 == 0));
    }
    done(&world, TASKS, &[], &task("support", None, "without")).await;
    dues.sort();
    let expect = |wanted: &dyn Fn(&(String, &str, bool)) -> bool| -> Vec<Value> {
        let fitting = dues.iter().filter(|one| wanted(one));
        fitting.map(|(due, ..)| json!(due)).collect()
    };
    for limit in [1, 4, 50] {
        let mut found = all(&world, "GET /v1/tasks", &[], limit, "due").await;
        assert_eq!(found.pop(), Some(Value::Null), "what has no date comes last");
        assert_eq!(found, expect(&|_| true), "limit {limit}");
        for (query, wanted) in [
            (
                "queue=returns",
                &(|one: &(String, &str, bool)| one.1 == "returns") as &dyn Fn(&(String, &str, bool)) -> bool,
            ),
            ("assignee=olga", &|one| one.2),
            ("assignee=olga&queue=returns", &|one| one.2 && one.1 == "returns"),
            ("due_before=2026-12-10", &|one| one.0.as_str() < "2026-12-10"),
            ("queue=support&due_before=2026-12-10", &|one| {
                one.1 == "support" && one.0.as_str() < "2026-12-10"
            }),
            ("queue=returns&status=claimed", &|_| false),
        ] {
            let found = all(&world, &format!("GET /v1/tasks?{query}"), &[], limit, "due").await;
            assert_eq!(found, expect(wanted), "{query}, limit {limit}");
        }
    }
    for query in ["status=done", "due_before=tomorrow", "queue=A%20B", "limit=0", "next=x"] {
        let answer = world.call(&format!("GET /v1/tasks?{query}"), &[], &Value::Null).await;
        refused(answer, (400, "malformed_parameter"));
    }
}

#[tokio::test]
async fn c8_a_case_holds_its_tasks_and_closes_after_them() {
    let world = World::new().await;
    let party = world.party(1).await;
    let case = json!({"title": "A letter came back", "party_id": party, "client_token": "c1"});
    let case = text(&done(&world, CASES, &[], &case).await, "case_id");
    let mut body = task("support", None, "t1");
    (body["case_id"], body["party_id"]) = (json!(case), json!(party));
    let id = text(&done(&world, TASKS, &[], &body).await, "task_id");
    let path = [("case_id", case.as_str())];
    let status = async |status: &str, seen: u64| {
        let body = json!({"status": status, "expected_version": seen});
        world.call("PUT /v1/cases/{case_id}/status", &path, &body).await
    };
    refused(status("closed", 2).await, (409, "case_state"));
    assert_eq!(change(&world, &id, "finish", 1).await.0, 200);
    refused(status("closed", 2).await, (409, "concurrent_change"));
    let (code, closed) = status("closed", 3).await;
    assert_eq!((code, &closed["status"]), (200, &json!("closed")), "{closed}");
    assert_eq!(status("closed", 3).await, (200, closed), "the same call again");
    refused(change(&world, &id, "reopen", 2).await, (409, "case_state"));
    body["client_token"] = json!("t2");
    refused(world.call(TASKS, &[], &body).await, (409, "case_state"));
    assert_eq!(
        all(&world, "GET /v1/cases", &[], 9, "case_id").await,
        Vec::<Value>::new()
    );
    assert_eq!(status("waiting", 4).await.0, 200);
    assert_eq!(change(&world, &id, "reopen", 2).await.0, 200);
    let shown = done(&world, "GET /v1/cases/{case_id}", &path, &Value::Null).await;
    assert_eq!(
        (&shown["open_tasks"], &shown["tasks"][0]["status"]),
        (&json!(1), &json!("open"))
    );
    assert_eq!(all(&world, "GET /v1/cases", &[], 9, "case_id").await, [json!(case)]);
}

#[tokio::test]
async fn c3_a_communication_is_kept_once_also_a_letter_of_a_run() {
    let world = World::new().await;
    let party = world.party(1).await;
    let path = [("party_id", party.as_str())];
    let call = json!({
        "kind": "call", "direction": "inbound", "subject": "Address", "text": "She has moved.\nNew address by e-mail.",
        "at": "2026-11-20T09:00:00Z", "client_token": "k1",
    });
    let (status, kept) = world.call(TALKS, &path, &call).await;
    assert_eq!(status, 201, "{kept}");
    assert_eq!(world.call(TALKS, &path, &call).await, (200, kept));
    let mut other = call.clone();
    other["at"] = json!("2026-11-21T09:00:00Z");
    refused(world.call(TALKS, &path, &other).await, (409, "desk_contradiction"));

    let (tenant, id): (_, PartyId) = (TENANT.parse().expect("a tenant"), party.parse().expect("an id"));
    let (key, content): (LookupKey, LookupKey) =
        ("RUN7LETTER3".parse().expect("a key"), "CONTENT".parse().expect("a key"));
    for expected in [Recorded::New, Recorded::Before] {
        let letter = Communication {
            at: world.now,
            channel: Channel::Letter,
            direction: Direction::Outbound,
            subject: Secret::new("Vouchers".to_owned()),
            text: Secret::new("Two vouchers of CHF 5".to_owned()),
        };
        let made = Made::from(world.now);
        let site = Site::ToolWrite;
        let kept = communication::record(&world.db, site, (&tenant, &id), (&key, &content), letter, &made).await;
        assert_eq!(kept.expect("kept"), expected);
    }
    let timeline = format!("GET /v1/parties/{{party_id}}/timeline?programme={PROGRAMME}");
    let page = done(&world, &timeline, &path, &Value::Null).await;
    let channels: Vec<_> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| &item["what"]["channel"])
        .collect();
    assert_eq!(channels, ["letter", "call"]);

    for (field, value) in [
        ("kind", json!("fax")),
        ("direction", json!("up")),
        ("subject", json!("")),
        ("text", json!("a\u{7}")),
        ("text", json!("x".repeat(4_001))),
        ("at", json!("1999-12-31T23:59:59Z")),
        ("at", json!("2026-11-23T12:00:00Z")),
        ("client_token", json!("a b")),
    ] {
        let mut bad = call.clone();
        bad[field] = value;
        let (status, answer) = world.call(TALKS, &path, &bad).await;
        assert_eq!(
            (status, &answer["errors"][0]["pointer"]),
            (422, &json!(format!("/{field}"))),
            "{answer}"
        );
    }
}

fn prospect(stage: &str, outcome: &str, close_on: &str) -> Value {
    json!({
        "stage": stage, "outcome": outcome, "value": chf(990_000), "probability": 40, "close_on": close_on,
    })
}

#[tokio::test]
async fn c2_an_opportunity_keeps_every_change_and_leaves_the_pipeline_when_it_is_decided() {
    let world = World::new().await;
    let party = world.party(1).await;
    let mut ids = Vec::new();
    for (token, close_on) in [("o1", "2026-12-20"), ("o2", "2026-12-10")] {
        let mut body = prospect("offer", "open", close_on);
        (body["title"], body["client_token"]) = (json!("Shirts"), json!(token));
        let made = done(&world, CHANCES, &[("party_id", &party)], &body).await;
        assert_eq!(done(&world, CHANCES, &[("party_id", &party)], &body).await, made);
        ids.push(text(&made, "opportunity_id"));
    }
    let pipeline = async |stage: &str| {
        all(
            &world,
            &format!("GET /v1/opportunities?stage={stage}"),
            &[],
            1,
            "opportunity_id",
        )
        .await
    };
    assert_eq!(
        pipeline("offer").await,
        [json!(ids[1]), json!(ids[0])],
        "by the expected date"
    );
    let (route, path) = (
        "PUT /v1/parties/{party_id}/opportunities/{opportunity_id}",
        [("party_id", party.as_str()), ("opportunity_id", ids[0].as_str())],
    );
    let set = async |mut body: Value, seen: u64| {
        body["expected_version"] = json!(seen);
        world.call(route, &path, &body).await
    };
    let next = prospect("deal", "open", "2026-12-24");
    let (status, changed) = set(next.clone(), 1).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    assert_eq!(set(next, 1).await, (200, changed), "the same call again");
    refused(
        set(prospect("offer", "open", "2026-12-24"), 1).await,
        (409, "concurrent_change"),
    );
    assert_eq!(
        (pipeline("offer").await, pipeline("deal").await),
        (vec![json!(ids[1])], vec![json!(ids[0])])
    );
    let (_, won) = set(prospect("deal", "won", "2026-12-24"), 2).await;
    let stages: Vec<_> = won["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|one| (&one["stage"], &one["outcome"]))
        .collect();
    assert_eq!(
        json!(stages),
        json!([["offer", "open"], ["deal", "open"], ["deal", "won"]])
    );
    assert_eq!(pipeline("deal").await, Vec::<Value>::new());
    let of_party = all(
        &world,
        "GET /v1/parties/{party_id}/opportunities",
        &path[..1],
        1,
        "opportunity_id",
    )
    .await;
    assert_eq!(of_party.len(), 2);
    let mut wrong = prospect("Offer 1", "maybe", "soon");
    (wrong["probability"], wrong["value"]) = (json!(101), chf(-1));
    let (status, answer) = set(wrong, 3).await;
    assert_eq!(
        (status, answer["errors"].as_array().map(Vec::len)),
        (422, Some(5)),
        "{answer}"
    );
}

/// A party with this many ledger entries, one a day backwards from the 21st of November 2026; the account proves them.
async fn with_ledger(world: &World, entries: u32) -> String {
    let party = world.party(1).await;
    let programme = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    let pk = format!("PARTY#{TENANT}#{party}");
    let mut account = Account::default();
    let first = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date") - Duration::days(i64::from(entries) - 1);
    let mut items = Vec::new();
    for number in 0..entries {
        let day = first + Duration::days(i64::from(number));
        let lot = programme.lot(day, day);
        let (entry, after): (Entry, Account) = account
            .correct(&format!("N{number}"), 1, lot, day, 1)
            .expect("points in range");
        let key = store::Key {
            pk: pk.clone(),
            sk: format!("LEDGER#{PROGRAMME}#{}", entry.natural_id()),
        };
        let record = store::Record::new(key, "ledger_entry", world.now, entry);
        items.push(record.to_item(Site::ToolWrite).expect("an item"));
        account = after;
    }
    for chunk in items.chunks(25) {
        let writes = chunk.iter().map(|item| {
            let put = aws_sdk_dynamodb::types::PutRequest::builder().set_item(Some(item.clone()));
            let put = put.build().expect("a put");
            aws_sdk_dynamodb::types::WriteRequest::builder()
                .put_request(put)
                .build()
        });
        let call = world.db.client().batch_write_item();
        let call = call.request_items(world.db.table(), writes.collect());
        let answer = call.send().await.expect("the entries are stored");
        assert!(answer.unprocessed_items.is_none_or(|left| left.is_empty()));
    }
    let key = store::Key {
        pk,
        sk: format!("TILL#1ACCOUNT#{PROGRAMME}"),
    };
    let record = store::Record::new(key, "account", world.now, account);
    let leg = store::db::Leg::put(Site::ToolWrite, &record, None).expect("an item");
    let stored: store::db::Written<Account> = world.db.write(Site::ToolWrite, leg).await.expect("stored");
    assert_eq!(stored, store::db::Written::Done);
    party
}

#[tokio::test]
async fn d4_a_party_with_ten_thousand_entries_opens_with_a_bounded_number_of_reads() {
    let world = World::with_branches(1, None).await;
    let party = with_ledger(&world, 10_000).await;
    let path = [("party_id", party.as_str())];
    for number in 0..30 {
        let call = json!({
            "kind": "call", "direction": "inbound", "subject": "Hello", "text": "Nothing", "at": "2026-11-20T09:00:00Z",
            "client_token": format!("k{number}"),
        });
        done(&world, TALKS, &path, &call).await;
    }
    let app = service_desk_of(&world);
    let request = request_of(
        &format!("GET /v1/parties/{{party_id}}/overview?programme={PROGRAMME}"),
        &party,
    );
    // The programme is kept by a process for half a minute: it is read once.
    app.0.handle(&request, world.now).await.expect("an answer");
    app.1.meter().take();
    let answer = app.0.handle(&request, world.now).await.expect("an answer");
    let cost = app.1.meter().take();
    let body: Value = serde_json::from_str(&answer.body).expect("a body");
    assert_eq!(body["account"]["balance"], 10_000);
    assert_eq!(body["timeline"]["items"].as_array().map(Vec::len), Some(25));
    assert_eq!(cost.requests, 6, "queries of an overview");
    assert!(
        cost.read_milli <= 10_000,
        "{} thousandths of a read unit",
        cost.read_milli
    );

    let request = request_of(
        &format!("GET /v1/parties/{{party_id}}/timeline?programme={PROGRAMME}"),
        &party,
    );
    app.0.handle(&request, world.now).await.expect("an answer");
    let cost = app.1.meter().take();
    assert_eq!(cost.requests, 2, "queries of a page");
    println!("a page of 50 reads {} thousandths of a unit", cost.read_milli);
}

/// A process of the function with its table, so that what it reads is counted.
fn service_desk_of(world: &World) -> (service_desk::App, store::Db) {
    let db = world.handlers_db();
    (
        service_desk::App::new(db.clone(), runtime::secrets::Pepper::new(vec![7; 32])),
        db,
    )
}

fn request_of(route: &str, party: &str) -> http_edge::Request {
    let (route, query) = route.split_once('?').expect("a query");
    let context: serde_json::Map<_, _> = everywhere()
        .to_context()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let query: serde_json::Map<_, _> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let event = json!({
        "version": "2.0", "routeKey": route, "rawPath": "/", "headers": {}, "pathParameters": {"party_id": party},
        "queryStringParameters": query,
        "requestContext": {"requestId": "r", "http": {"method": "GET"}, "authorizer": {"lambda": context}},
        "isBase64Encoded": false,
    });
    let event = serde_json::from_value(event).expect("a gateway's event");
    http_edge::Request::from_event(event).expect("a request")
}

#[tokio::test]
async fn d4_the_timeline_shows_events_and_ledger_each_once_newest_day_first_in_pages_of_any_size() {
    let mut world = World::with_branches(1, None).await;
    let party = with_ledger(&world, 9).await;
    world.now += Duration::days(2);
    let path = [("party_id", party.as_str())];
    for (number, at) in [
        "2026-11-22T22:59:59Z",
        "2026-11-18T10:00:00Z",
        "2026-11-18T23:30:00Z",
        "2026-11-01T10:00:00Z",
    ]
    .iter()
    .enumerate()
    {
        let call = json!({
            "kind": "visit", "direction": "outbound", "subject": "Hello", "text": "Nothing", "at": at,
            "client_token": format!("k{number}"),
        });
        done(&world, TALKS, &path, &call).await;
    }
    let order = json!({
        "number": "A-1", "revision": 1, "party_id": party, "date": "2026-11-18", "status": "open", "total": chf(100),
        "lines": [{"article": "A", "text": "A", "quantity_milli": 1, "amount": chf(100)}],
    });
    done(&world, "POST /v1/erp/orders", &[], &order).await;
    let route = format!("GET /v1/parties/{{party_id}}/timeline?programme={PROGRAMME}");
    let whole = done(&world, &format!("{route}&limit=200"), &path, &Value::Null).await;
    let items = whole["items"].as_array().expect("items");
    assert_eq!((items.len(), whole.get("next")), (14, None));
    let days: Vec<_> = items.iter().map(|item| text(item, "day")).collect();
    assert!(days.is_sorted_by(|newer, older| newer >= older), "{days:?}");
    // 23:30 UTC is the next day in Zürich.
    let of = |day: &str| -> Vec<_> {
        items
            .iter()
            .filter(|item| item["day"] == day)
            .map(|item| text(&item["what"], "kind"))
            .collect()
    };
    assert_eq!(of("2026-11-19"), ["communication", "points"]);
    assert_eq!(of("2026-11-18"), ["communication", "order", "points"]);
    for limit in [1, 2, 3, 5, 13, 14] {
        let paged = all(&world, &route, &path, limit, "what").await;
        let expected: Vec<_> = items.iter().map(|item| item["what"].clone()).collect();
        assert_eq!(paged, expected, "pages of {limit}");
    }
}

#[tokio::test]
async fn d4_an_overview_shows_account_vouchers_morale_months_and_timeline() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, party) = world.customer(1).await;
    let path = [("party_id", party.as_str())];
    for (store, number, minor) in [("B01", "1", 60_000), ("B02", "1", 20_000)] {
        world.buy(&receipt(store, number, minor, Some(&card))).await;
    }
    delivering.until_rest(&world).await;
    let invoice = json!({
        "number": "R-1", "revision": 1, "party_id": party, "date": "2026-10-01", "due_date": "2026-10-31",
        "total": chf(1_000), "dunning_level": 2, "status": "open",
    });
    done(&world, "POST /v1/erp/invoices", &[], &invoice).await;
    let route = format!("GET /v1/parties/{{party_id}}/overview?programme={PROGRAMME}");
    let seen = done(&world, &route, &path, &Value::Null).await;
    assert_eq!(
        (&seen["party"]["kind"], &seen["party"]["display_name"]),
        (&json!("person"), &json!("Maxine Muster"))
    );
    assert_eq!(
        (&seen["account"]["balance"], &seen["account"]["revenue"]),
        (&json!(300), &chf(80_000))
    );
    assert_eq!(seen["open_vouchers"].as_array().map(Vec::len), Some(1));
    let morale = &seen["payment_morale"];
    assert_eq!((&morale["overdue"], &morale["dunning_level"]), (&json!(1), &json!(2)));
    assert_eq!(
        seen["months"],
        json!([{
            "month": "2026-11", "receipts": 2, "revenue": chf(80_000),
            "stores": [
                {"store": "B01", "receipts": 1, "revenue": chf(60_000)},
                {"store": "B02", "receipts": 1, "revenue": chf(20_000)},
            ],
        }])
    );
    let kinds: BTreeSet<_> = seen["timeline"]["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| text(&item["what"], "kind"))
        .collect();
    assert_eq!(kinds, ["invoice".to_owned(), "points".to_owned()].into());
    assert!(!seen.to_string().contains("code\""), "no voucher code");
}

#[tokio::test]
async fn c8_what_is_wrong_is_named_and_leaves_no_trace() {
    let world = World::new().await;
    let before = Books::read(&world).await.essence();
    let wrong = json!({
        "title": "a\nb", "text": " ", "queue": "A B", "due": "2026-02-30", "party_id": "P 1", "case_id": "c", "assignee": "",
        "client_token": "",
    });
    let (status, answer) = world.call(TASKS, &[], &wrong).await;
    assert_eq!(status, 422, "{answer}");
    let errors = answer["errors"].as_array().expect("errors");
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    let expected = [
        "/title",
        "/text",
        "/queue",
        "/due",
        "/party_id",
        "/case_id",
        "/assignee",
        "/client_token",
    ];
    assert_eq!(pointers, expected);
    let nobody = "0b9d0c1e-0000-4000-8000-000000000000";
    for (route, field, value, expected) in [
        (TASKS, "party_id", nobody, (422, "party_unknown")),
        (TASKS, "case_id", "ABCDEFG", (422, "invalid")),
        (CASES, "party_id", nobody, (422, "party_unknown")),
    ] {
        let mut body = task("support", None, "t1");
        if route == CASES {
            body = json!({"title": "A case", "client_token": "c1"});
        }
        body[field] = json!(value);
        refused(world.call(route, &[], &body).await, expected);
    }
    let call = json!({
        "kind": "call", "direction": "inbound", "subject": "A", "text": "B", "at": world.now, "client_token": "k",
    });
    refused(
        world.call(TALKS, &[("party_id", nobody)], &call).await,
        (404, "not_found"),
    );
    for route in ["timeline", "overview"] {
        let route = format!("GET /v1/parties/{{party_id}}/{route}?programme={PROGRAMME}");
        refused(
            world.call(&route, &[("party_id", nobody)], &Value::Null).await,
            (404, "not_found"),
        );
    }
    refused(change(&world, "ABCDEFG", "claim", 1).await, (404, "not_found"));
    assert_eq!(Books::read(&world).await.essence(), before);
}

#[tokio::test]
async fn c8_every_route_of_the_desk_insists_on_its_scope_and_tenants_are_apart() {
    let world = World::new().await;
    let party = world.party(1).await;
    let id = text(&done(&world, TASKS, &[], &task("support", None, "t1")).await, "task_id");
    let path = [
        ("party_id", party.as_str()),
        ("task_id", id.as_str()),
        ("case_id", "ABCDEFG"),
        ("opportunity_id", "ABCDEFG"),
    ];
    let routes: Vec<_> = ROUTES.iter().filter(|route| route.function == "service-desk").collect();
    assert!(routes.len() >= 17, "{}", routes.len());
    for route in routes {
        let mut caller = everywhere();
        caller.scopes.remove(&route.scope.expect("a scope"));
        let name = format!("{} {}", route.method, route.path);
        refused(
            world.call_as(&caller, &name, &path, &json!({})).await,
            (403, "scope_missing"),
        );
    }
    let mut stranger = everywhere();
    stranger.tenant = "other".parse().expect("a tenant");
    let shown = world
        .call_as(&stranger, "GET /v1/tasks/{task_id}", &path[1..2], &Value::Null)
        .await;
    refused(shown, (404, "not_found"));
    let listed = world.call_as(&stranger, "GET /v1/tasks", &[], &Value::Null).await;
    assert_eq!((listed.0, &listed.1["items"]), (200, &json!([])));
}

/// The process dies before it relates a lead.
#[derive(Debug)]
struct DiesBeforeRelating;

impl FaultPlan for DiesBeforeRelating {
    fn before(&self, site: Site) -> Fault {
        match site {
            Site::LeadRelate => Fault::Crash,
            _ => Fault::None,
        }
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

/// Somebody with an address: postcode, e-mail and telephone, each of which may be absent.
fn somebody(name: (&str, &str), postcode: Option<&str>, email: Option<&str>, phone: Option<&str>) -> Value {
    let mut contacts = Vec::new();
    contacts.extend(email.map(|email| json!({"kind": "email", "email": email})));
    contacts.extend(phone.map(|phone| json!({"kind": "phone", "phone": phone})));
    contacts.extend(postcode.map(|postcode| {
        json!({"kind": "postal", "street": "Gasse", "house_number": "1", "postcode": postcode, "town": "Bern"})
    }));
    json!({"kind": "person", "given_name": name.0, "family_name": name.1, "contacts": contacts})
}

async fn stored(world: &World, party: &Value) -> String {
    text(&done(world, "POST /v1/parties", &[], party).await, "party_id")
}

fn lead(mut party: Value, token: &str) -> Value {
    party["client_token"] = json!(token);
    json!({"party": party, "source": "fair"})
}

async fn taken_in(world: &World, party: Value, token: &str) -> String {
    text(&done(world, LEADS, &[], &lead(party, token)).await, "party_id")
}

/// The roles of a party that stand, in order.
async fn roles(world: &World, party: &str) -> Vec<String> {
    let shown = done(
        world,
        "GET /v1/parties/{party_id}",
        &[("party_id", party)],
        &Value::Null,
    )
    .await;
    let roles = shown["roles"].as_array().cloned().unwrap_or_default();
    let standing = roles.iter().filter(|role| role["ended"] == false);
    standing.map(|role| text(role, "role")).collect()
}

/// What a party is in its relationships, with the other party.
async fn related(world: &World, party: &str) -> Vec<(String, String)> {
    let route = "GET /v1/parties/{party_id}/relationships";
    let shown = done(world, route, &[("party_id", party)], &Value::Null).await;
    let found = shown["relationships"].as_array().expect("relationships");
    found
        .iter()
        .map(|one| (text(one, "role"), text(one, "other")))
        .collect()
}

#[tokio::test]
async fn c1_a_lead_is_kept_once_with_its_task_and_becomes_a_customer() {
    let world = World::new().await;
    let mut body = lead(somebody(("Lea", "Amstad"), Some("3011"), None, None), "l1");
    body["task_queue"] = json!("sales");
    let (status, made) = world.call(LEADS, &[], &body).await;
    assert_eq!(
        (status, &made["status"], &made["source"]),
        (201, &json!("open"), &json!("fair"))
    );
    assert_eq!(
        world.call(LEADS, &[], &body).await,
        (200, made.clone()),
        "the same call again"
    );
    let queue = all(&world, "GET /v1/tasks?queue=sales", &[], 9, "task_id").await;
    assert_eq!(queue, [made["task_id"].clone()]);
    body["source"] = json!("shop");
    refused(world.call(LEADS, &[], &body).await, (409, "party_contradiction"));

    let id = text(&made, "party_id");
    let path = [("party_id", id.as_str())];
    assert_eq!(roles(&world, &id).await, ["lead"]);
    Delivering::well().until_rest(&world).await;
    let found = done(&world, CANDIDATES, &path, &Value::Null).await;
    assert_eq!(found["candidates"], json!([]), "the lead is no candidate for itself");
    let as_customer = json!({"as": "customer"});
    let (status, customer) = world.call(CONVERT, &path, &as_customer).await;
    assert_eq!((status, &customer["status"]), (200, &json!("customer")), "{customer}");
    assert_eq!(world.call(CONVERT, &path, &as_customer).await, (200, customer));
    assert_eq!(roles(&world, &id).await, ["customer"]);
    let other = stored(&world, &somebody(("Urs", "Odermatt"), None, None, None)).await;
    let into = world.call(CONVERT, &path, &json!({"into": other})).await;
    refused(into, (409, "lead_state"));
    assert_eq!(related(&world, &other).await, []);
}

#[tokio::test]
async fn c1_a_lead_who_is_known_becomes_no_second_customer_by_itself() {
    let world = World::new().await;
    let same_name = stored(&world, &somebody(("Juerg", "Mayer"), Some("3011"), None, None)).await;
    let mail = stored(
        &world,
        &somebody(("J.", "M."), None, Some("Jm@example.ch"), Some("079 111 22 33")),
    )
    .await;
    let phone = stored(
        &world,
        &somebody(("Anna", "Keller"), None, None, Some("+41 79 111 22 33")),
    )
    .await;
    stored(
        &world,
        &somebody(("Jürg", "Meier"), Some("8001"), Some("jm@example.com"), None),
    )
    .await;
    let id = taken_in(
        &world,
        somebody(
            ("Jürg", "Meier"),
            Some("3011"),
            Some("jm@example.ch"),
            Some("0791112233"),
        ),
        "l1",
    )
    .await;
    Delivering::well().until_rest(&world).await;
    let path = [("party_id", id.as_str())];
    let found = done(&world, CANDIDATES, &path, &Value::Null).await;
    let candidates = found["candidates"].as_array().expect("candidates");
    let shown: Vec<_> = candidates
        .iter()
        .map(|one| (text(one, "party_id"), one["shares"].clone()))
        .collect();
    let expected = [
        (mail.clone(), json!(["email", "phone"])),
        (phone.clone(), json!(["phone"])),
        (same_name.clone(), json!(["name_and_postcode"])),
    ];
    assert_eq!(shown, expected, "{found}");

    let before = done(&world, "GET /v1/parties/{party_id}", &path, &Value::Null).await;
    for others in [json!([]), json!([mail, phone])] {
        let left = 3 - others.as_array().map_or(0, Vec::len);
        let body = json!({"as": "customer", "not_the_same_as": others});
        let (status, problem) = world.call(CONVERT, &path, &body).await;
        assert_eq!(problem["candidates"].as_array().map(Vec::len), Some(left), "{problem}");
        assert!(!problem.to_string().contains("Mayer"), "a problem names nobody");
        refused((status, problem), (409, "lead_candidates"));
    }
    let after = done(&world, "GET /v1/parties/{party_id}", &path, &Value::Null).await;
    assert_eq!(after, before, "a refused call changes nothing");

    let (status, converted) = world.call(CONVERT, &path, &json!({"into": mail})).await;
    assert_eq!(
        (status, &converted["converted_into"]),
        (200, &json!(mail)),
        "{converted}"
    );
    assert_eq!(
        world.call(CONVERT, &path, &json!({"into": mail})).await,
        (200, converted)
    );
    assert_eq!(
        related(&world, &id).await,
        [("converted_into".to_owned(), mail.clone())]
    );
    assert_eq!(
        related(&world, &mail).await,
        [("converted_from".to_owned(), id.clone())]
    );
    assert_eq!(roles(&world, &id).await, ["converted_into"]);
    let found = done(&world, CANDIDATES, &path, &Value::Null).await;
    assert_eq!(found["lead"]["converted_into"], json!(mail));
    for body in [
        json!({"into": phone}),
        json!({"as": "customer", "not_the_same_as": [mail, phone, same_name]}),
    ] {
        let (status, problem) = world.call(CONVERT, &path, &body).await;
        assert_eq!(problem["converted_into"], json!(mail), "{problem}");
        refused((status, problem), (409, "lead_state"));
    }
    assert_eq!(related(&world, &phone).await, []);

    let second = taken_in(&world, somebody(("Jo", "M"), None, Some("jm@example.ch"), None), "l2").await;
    Delivering::well().until_rest(&world).await;
    let path = [("party_id", second.as_str())];
    let into_the_first = world.call(CONVERT, &path, &json!({"into": id})).await;
    refused(into_the_first, (409, "lead_state"));
    let body = json!({"as": "customer", "not_the_same_as": [mail, id]});
    assert_eq!(done(&world, CONVERT, &path, &body).await["status"], "customer");
}

#[tokio::test]
async fn c1_a_conversion_that_stopped_half_way_is_finished_by_the_same_call() {
    let mut world = World::new().await;
    let known = stored(&world, &somebody(("Lea", "Amstad"), None, None, None)).await;
    let id = taken_in(&world, somebody(("Lea", "A"), None, None, None), "l1").await;
    let path = [("party_id", id.as_str())];
    let into = json!({"into": known});
    world.probe = Probe::with(Arc::new(DiesBeforeRelating));
    let stopped = world.call_once(CONVERT, &path, &into).await;
    assert!(matches!(stopped, Called::Died), "the process dies between the two");
    world.probe = Probe::none();
    assert_eq!(roles(&world, &id).await, ["converted_into"]);
    assert_eq!(related(&world, &known).await, []);
    // The next day: the relationship still begins with the decision.
    world.now += Duration::days(1);
    let (status, converted) = world.call(CONVERT, &path, &into).await;
    assert_eq!(
        (status, &converted["converted_into"]),
        (200, &json!(known)),
        "{converted}"
    );
    assert_eq!(
        related(&world, &id).await,
        [("converted_into".to_owned(), known.clone())]
    );
    assert_eq!(related(&world, &known).await, [("converted_from".to_owned(), id)]);
}

#[tokio::test]
async fn c1_of_two_decisions_at_once_one_holds() {
    let world = World::new().await;
    let id = taken_in(&world, somebody(("Lea", "Amstad"), None, None, None), "l1").await;
    let mut known = Vec::new();
    for name in ["Arnold", "Brunner", "Caduff"] {
        known.push(stored(&world, &somebody(("Lea", name), None, None, None)).await);
    }
    let path = [("party_id", id.as_str())];
    let calls: Vec<_> = known.iter().map(|known| json!({"into": known})).collect();
    let answers = join_all(calls.iter().map(|body| world.call(CONVERT, &path, body))).await;
    let won: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let into = text(&won[0].1, "converted_into");
    assert_eq!(related(&world, &id).await, [("converted_into".to_owned(), into)]);
}

#[tokio::test]
async fn c1_what_is_wrong_with_a_lead_or_a_decision_is_named_and_leaves_no_trace() {
    let world = World::new().await;
    let mut body = lead(somebody(("Lea", ""), None, Some("no address"), None), "l 1");
    (body["source"], body["task_queue"]) = (json!("At a fair"), json!("Sales!"));
    body["party"]["roles"] = json!([{"role": "customer"}]);
    let (status, problem) = world.call(LEADS, &[], &body).await;
    let mut wrong: Vec<_> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| text(error, "pointer"))
        .collect();
    wrong.sort();
    let expected = [
        "/party/client_token",
        "/party/contacts/0/email",
        "/party/family_name",
        "/party/roles/0/role",
        "/source",
        "/task_queue",
    ];
    assert_eq!(
        (status, wrong),
        (422, expected.map(str::to_owned).to_vec()),
        "{problem}"
    );
    let mut body = lead(somebody(("Lea", "Amstad"), None, None, None), "l1");
    body["task_queue"] = json!("sales");
    body["party"].as_object_mut().expect("a party").remove("client_token");
    refused(world.call(LEADS, &[], &body).await, (422, "invalid"));
    let tasks = all(&world, "GET /v1/tasks", &[], 9, "task_id").await;
    assert_eq!(tasks, Vec::<Value>::new());

    let party = stored(&world, &somebody(("Urs", "Odermatt"), None, None, None)).await;
    let path = [("party_id", party.as_str())];
    refused(world.call(CANDIDATES, &path, &Value::Null).await, (404, "not_found"));
    refused(
        world.call(CONVERT, &path, &json!({"as": "customer"})).await,
        (404, "not_found"),
    );
    let id = taken_in(&world, somebody(("Lea", "Amstad"), None, None, None), "l2").await;
    let path = [("party_id", id.as_str())];
    for body in [
        json!({}),
        json!({"as": "customer", "into": party}),
        json!({"as": "supplier"}),
        json!({"into": id}),
        json!({"into": "some body"}),
        json!({"as": "customer", "not_the_same_as": ["some body"]}),
        json!({"as": "customer", "not_the_same_as": vec![party.as_str(); 101]}),
    ] {
        refused(world.call(CONVERT, &path, &body).await, (422, "invalid"));
    }
    let nobody = json!({"into": "99999999-9999-4999-8999-999999999999"});
    refused(world.call(CONVERT, &path, &nobody).await, (422, "party_unknown"));
    assert_eq!(roles(&world, &id).await, ["lead"]);
}

#[tokio::test]
async fn c8_a_claim_is_for_a_person_and_a_shared_key_has_to_say_for_whom() {
    let world = World::new().await;
    let id = text(&done(&world, TASKS, &[], &task("support", None, "t1")).await, "task_id");
    let (route, path) = ("POST /v1/tasks/{task_id}/claim", [("task_id", id.as_str())]);
    // Two people at one key: none of them is kept from the other's work by the key's own name.
    let (status, answer) = world.call(route, &path, &json!({"expected_version": 1})).await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/assignee")),
        "{answer}"
    );
    let claim = |who: &str, seen: u64| json!({"expected_version": seen, "assignee": who});
    assert_eq!(world.call(route, &path, &claim("olga", 1)).await.0, 200);
    assert_eq!(
        world.call(route, &path, &claim("olga", 1)).await.0,
        200,
        "the same call again"
    );
    refused(
        world.call(route, &path, &claim("max", 1)).await,
        (409, "concurrent_change"),
    );
    refused(world.call(route, &path, &claim("max", 2)).await, (409, "task_state"));
    let (status, answer) = world.call(route, &path, &claim("o l g a", 2)).await;
    assert_eq!(status, 422, "{answer}");
    assert_eq!(
        all(&world, "GET /v1/tasks?assignee=olga", &[], 9, "task_id").await,
        [json!(id)]
    );
}

#[tokio::test]
async fn c2_c3_a_token_is_used_for_one_party_only() {
    let world = World::new().await;
    let (first, second) = (world.party(1).await, world.party(2).await);
    let talk = json!({
        "kind": "call", "direction": "inbound", "subject": "Address", "text": "She has moved.",
        "at": "2026-11-20T09:00:00Z", "client_token": "k1",
    });
    let chance = json!({
        "title": "Shirts", "stage": "offer", "outcome": "open", "value": chf(90_000), "probability": 50,
        "close_on": "2026-12-15", "client_token": "k1",
    });
    for (route, body) in [(TALKS, &talk), (CHANCES, &chance)] {
        assert_eq!(world.call(route, &[("party_id", &first)], body).await.0, 201, "{route}");
        let other = world.call(route, &[("party_id", &second)], body).await;
        refused(other, (409, "desk_contradiction"));
        assert_eq!(
            world.call(route, &[("party_id", &first)], body).await.0,
            200,
            "{route}: again"
        );
    }
    let list = "GET /v1/parties/{party_id}/opportunities";
    let shown = done(&world, list, &[("party_id", &second)], &Value::Null).await;
    assert_eq!(shown["items"], json!([]));
    let timeline = format!("GET /v1/parties/{{party_id}}/timeline?programme={PROGRAMME}");
    let shown = done(&world, &timeline, &[("party_id", &second)], &Value::Null).await;
    assert_eq!(shown["items"], json!([]));
}

#[tokio::test]
async fn c8_a_task_and_its_case_keep_every_step_however_often_they_change() {
    let world = World::new().await;
    let case = json!({"title": "A letter came back", "client_token": "c1"});
    let case = text(&done(&world, CASES, &[], &case).await, "case_id");
    let mut body = task("support", None, "t1");
    body["case_id"] = json!(case);
    let id = text(&done(&world, TASKS, &[], &body).await, "task_id");
    for seen in 1..=60 {
        let what = if seen % 2 == 1 { "finish" } else { "reopen" };
        let (status, shown) = change(&world, &id, what, seen).await;
        assert_eq!(status, 200, "{shown}");
        let steps = shown["steps"].as_array().map_or(0, Vec::len);
        assert_eq!(steps, usize::try_from(seen + 1).expect("few").min(20));
        assert_eq!(
            change(&world, &id, what, seen).await,
            (200, shown),
            "the same call again"
        );
    }
    for (kind, id, route) in [
        ("task", &id, "/v1/tasks/{task_id}"),
        ("case", &case, "/v1/cases/{case_id}"),
    ] {
        let name = format!("{kind}_id");
        let path = [(name.as_str(), id.as_str())];
        let shown = done(&world, &format!("GET {route}"), &path, &Value::Null).await;
        let own = shown["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(|step| &step["version"]);
        let mut versions: Vec<_> = own.filter_map(Value::as_u64).collect();
        versions.reverse();
        let older = all(&world, &format!("GET {route}/history"), &path, 7, "version").await;
        versions.extend(older.iter().filter_map(Value::as_u64));
        let last = shown["version"].as_u64().expect("a version");
        assert_eq!(versions, (1..=last).rev().collect::<Vec<_>>(), "{kind}");
        assert!(last > 60);
    }
    let nothing = [("task_id", "AAAA")];
    let answer = world
        .call("GET /v1/tasks/{task_id}/history", &nothing, &Value::Null)
        .await;
    refused(answer, (404, "not_found"));
}

#[tokio::test]
async fn c2_an_opportunity_closes_after_more_than_a_hundred_changes_and_keeps_them_all() {
    let world = World::new().await;
    let party = world.party(1).await;
    let mut body = json!({
        "title": "Shirts", "stage": "offer", "outcome": "open", "value": chf(0), "probability": 50,
        "close_on": "2026-12-15", "client_token": "o1",
    });
    let path = [("party_id", party.as_str())];
    let id = text(&done(&world, CHANCES, &path, &body).await, "opportunity_id");
    for field in ["title", "client_token"] {
        body.as_object_mut().expect("an object").remove(field);
    }
    let (route, which) = (
        "PUT /v1/parties/{party_id}/opportunities/{opportunity_id}",
        [path[0], ("opportunity_id", id.as_str())],
    );
    for seen in 1..=109 {
        (body["expected_version"], body["value"]) = (json!(seen), chf(seen));
        done(&world, route, &which, &body).await;
    }
    (body["expected_version"], body["outcome"]) = (json!(110), json!("won"));
    let closed = done(&world, route, &which, &body).await;
    assert_eq!((&closed["version"], &closed["outcome"]), (&json!(111), &json!("won")));
    assert_eq!(
        world.call(route, &which, &body).await,
        (200, closed.clone()),
        "the same call again"
    );
    let own = closed["changes"].as_array().expect("changes");
    assert_eq!(own.len(), 100);
    let history = "GET /v1/parties/{party_id}/opportunities/{opportunity_id}/history";
    let older = all(&world, history, &which, 4, "value").await;
    let minor = |value: &Value| value["amount_minor"].as_i64();
    let older: Vec<_> = older.iter().filter_map(minor).collect();
    assert_eq!(older, (0..11).rev().collect::<Vec<_>>());
    assert_eq!(minor(&own[0]["value"]), Some(11), "the first that it holds itself");
}
