//! Orders, invoices and payments of the ERP (C4, C5, C7), through its calls and its queue.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::story::document;
use end_to_end::till::chf;
use end_to_end::world::{TENANT, World, everywhere};
use http_edge::Scope;
use messages::ErpMessage;
use serde_json::{Value, json};

const ORDERS: &str = "POST /v1/erp/orders";
const INVOICES: &str = "POST /v1/erp/invoices";
const PAYMENTS: &str = "POST /v1/erp/payments";
const REJECTED: &str = "GET /v1/erp/rejected";
const WAITING: &str = "GET /v1/erp/waiting-payments";
const MORALE: &str = "GET /v1/parties/{party_id}/payment-morale";

fn invoice(number: &str, party: &str) -> Value {
    json!({
        "number": number, "revision": 1, "party_id": party, "date": "2026-09-01", "due_date": "2026-10-01",
        "total": chf(30_000), "dunning_level": 0, "status": "open",
    })
}

fn payment(number: &str, invoice: &str, date: &str, minor: i64) -> Value {
    json!({"number": number, "revision": 1, "invoice": invoice, "date": date, "amount": chf(minor)})
}

fn order(number: &str, party: &str, date: &str) -> Value {
    json!({
        "number": number, "revision": 1, "party_id": party, "date": date, "status": "open", "total": chf(1_990),
        "lines": [{"article": "TS", "text": "T-Shirt", "quantity_milli": 1_000, "amount": chf(1_990)}],
    })
}

fn revised(document: &Value, revision: u32, change: &[(&str, Value)]) -> Value {
    let mut next = document.clone();
    next["revision"] = json!(revision);
    for (field, value) in change {
        next[*field] = value.clone();
    }
    next
}

async fn morale(world: &World, party: &str, as_of: &str) -> Value {
    let (status, answer) = world
        .call(&format!("{MORALE}?as_of={as_of}"), &[("party_id", party)], &Value::Null)
        .await;
    assert_eq!(status, 200, "{answer}");
    answer
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
async fn c7_the_same_document_is_a_replay_and_another_one_needs_a_higher_revision() {
    let world = World::new().await;
    let party = world.party(1).await;
    let sent = [
        (
            ORDERS,
            order("A-1", &party, "2026-09-01"),
            ("status", json!("delivered")),
        ),
        (INVOICES, invoice("R-1", &party), ("dunning_level", json!(3))),
        (
            PAYMENTS,
            payment("Z-1", "R-1", "2026-09-20", 30_000),
            ("date", json!("2026-09-21")),
        ),
    ];
    for (route, body, change) in sent {
        let first = world.call(route, &[], &body).await;
        assert_eq!((first.0, &first.1["party_id"]), (201, &json!(party)), "{}", first.1);
        assert_eq!(world.call(route, &[], &body).await, (200, first.1));
        let other = revised(&body, 1, std::slice::from_ref(&change));
        refused(world.call(route, &[], &other).await, (422, "document_contradiction"));
        let newer = revised(&body, 2, &[change]);
        let (status, answer) = world.call(route, &[], &newer).await;
        assert_eq!((status, &answer["revision"]), (201, &json!(2)), "{answer}");
        refused(world.call(route, &[], &body).await, (422, "document_superseded"));
    }
    let said = morale(&world, &party, "2026-09-20").await;
    assert_eq!((&said["open"], &said["dunning_level"]), (&json!(1), &json!(3)));
    assert_eq!(morale(&world, &party, "2026-09-21").await["paid_on_time"], 1);
}

#[tokio::test]
async fn c5_documents_doubled_and_in_any_order_end_in_the_same_payment_morale() {
    let documents = |party: &str| -> Vec<ErpMessage> {
        let corrected = payment("Z-2", "R-2", "2026-10-09", 30_000);
        vec![
            document("invoice", invoice("R-1", party)),
            document(
                "invoice",
                revised(&invoice("R-1", party), 2, &[("dunning_level", json!(2))]),
            ),
            document("invoice", invoice("R-2", party)),
            document("invoice", invoice("R-3", party)),
            document("payment", payment("Z-1", "R-3", "2026-10-15", 10_000)),
            // First booked on the wrong invoice.
            document("payment", payment("Z-2", "R-1", "2026-10-09", 30_000)),
            document("payment", revised(&corrected, 2, &[])),
            document("payment", payment("Z-3", "R-3", "2026-10-21", 20_000)),
        ]
    };
    let mut ends = Vec::new();
    for seed in 0..6 {
        let world = World::with_branches(1, None).await;
        let party = world.party(1).await;
        let mut delivering = Delivering::badly(seed);
        delivering.at_once(3).erp(&world, documents(&party)).await;
        let said = morale(&world, &party, "2026-11-22").await;
        assert_eq!(
            json!([
                said["invoices"],
                said["open"],
                said["overdue"],
                said["paid_late"],
                said["mean_days_late"],
                said["worst_days_late"],
                said["dunning_level"],
                said["overdue_amounts"],
            ]),
            // R-1 is 52 days overdue, R-2 was paid 8 and R-3 20 days late.
            json!([3, 1, 1, 2, 26, 52, 2, [chf(30_000)]]),
            "seed {seed}"
        );
        ends.push(Books::read(&world).await.essence());
    }
    assert!(ends.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn c5_a_payment_waits_for_its_invoice_and_follows_it_to_another_party() {
    let world = World::new().await;
    let (party, other) = (world.party(1).await, world.party(2).await);
    let (status, parked) = world
        .call(PAYMENTS, &[], &payment("Z-1", "R-1", "2026-10-03", 30_000))
        .await;
    assert_eq!((status, parked.get("party_id")), (201, None), "{parked}");
    assert_eq!(morale(&world, &party, "2026-11-01").await["invoices"], 0);
    world.call(INVOICES, &[], &invoice("R-1", &party)).await;
    assert_eq!(morale(&world, &party, "2026-11-01").await["paid_late"], 1);

    let moved = revised(&invoice("R-1", &party), 2, &[("party_id", json!(other))]);
    assert_eq!(world.call(INVOICES, &[], &moved).await.0, 201);
    assert_eq!(morale(&world, &party, "2026-11-01").await["invoices"], 0);
    assert_eq!(morale(&world, &other, "2026-11-01").await["worst_days_late"], 2);
}

#[tokio::test]
async fn c4_orders_are_listed_by_party_newest_first_in_pages() {
    let world = World::new().await;
    let (party, other) = (world.party(1).await, world.party(2).await);
    for (number, date) in [("A-1", "2026-08-01"), ("A-2", "2026-10-01"), ("A-3", "2026-09-01")] {
        assert_eq!(world.call(ORDERS, &[], &order(number, &party, date)).await.0, 201);
    }
    world.call(ORDERS, &[], &order("A-4", &other, "2026-11-01")).await;
    // A date that is corrected moves the order.
    let moved = revised(&order("A-1", &party, "2026-11-01"), 2, &[]);
    assert_eq!(world.call(ORDERS, &[], &moved).await.0, 201);
    let (mut numbers, mut next) = (Vec::new(), String::new());
    loop {
        let route = format!("GET /v1/parties/{{party_id}}/orders?limit=2{next}");
        let (status, page) = world.call(&route, &[("party_id", &party)], &Value::Null).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().expect("items");
        numbers.extend(items.iter().map(|item| item["number"].clone()));
        match page["next"].as_str() {
            Some(token) => next = format!("&next={token}"),
            None => break,
        }
    }
    assert_eq!(json!(numbers), json!(["A-1", "A-2", "A-3"]));
    let nobody = [("party_id", "0b9d0c1e-0000-4000-8000-000000000000")];
    for route in ["GET /v1/parties/{party_id}/orders", MORALE] {
        refused(world.call(route, &nobody, &Value::Null).await, (404, "not_found"));
    }
    let foreign = format!(
        "GET /v1/parties/{{party_id}}/orders?next={}",
        http_edge::page::token(&"ä")
    );
    refused(
        world.call(&foreign, &[("party_id", &party)], &Value::Null).await,
        (400, "malformed_parameter"),
    );
}

#[tokio::test]
async fn c7_a_wrong_document_names_every_wrong_field_and_leaves_no_trace() {
    let world = World::new().await;
    let party = world.party(1).await;
    let before = Books::read(&world).await.essence();
    let wrong = json!({
        "number": "R 1", "revision": 0, "party_id": party, "external_id": {"system": "test", "id": "1"},
        "date": "2026-02-30", "due_date": "1999-01-01", "total": chf(-1), "dunning_level": 10, "status": "paid",
    });
    let (status, answer) = world.call(INVOICES, &[], &wrong).await;
    assert_eq!(status, 422, "{answer}");
    let errors = answer["errors"].as_array().expect("errors");
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    let expected = [
        "/number",
        "/revision",
        "/external_id",
        "/date",
        "/due_date",
        "/total/amount_minor",
        "/dunning_level",
        "/status",
    ];
    assert_eq!(pointers, expected);
    let mut foreign_line = order("A-1", &party, "2026-09-01");
    foreign_line["lines"][0]["amount"]["currency"] = json!("EUR");
    foreign_line["lines"][0]["quantity_milli"] = json!(0);
    let mut without_lines = order("A-1", &party, "2026-09-01");
    without_lines["lines"] = json!([]);
    let mut nothing = payment("Z-1", "R-1", "2026-09-01", 0);
    nothing["amount"]["amount_minor"] = json!(0);
    let early = revised(&invoice("R-1", &party), 1, &[("due_date", json!("2026-08-31"))]);
    for (route, body) in [
        (ORDERS, foreign_line),
        (ORDERS, without_lines),
        (PAYMENTS, nothing),
        (INVOICES, early),
    ] {
        refused(world.call(route, &[], &body).await, (422, "invalid"));
    }
    let nobody = [
        ("party_id", json!("0b9d0c1e-0000-4000-8000-000000000000")),
        ("party_id", Value::Null),
    ];
    let mut unknown = invoice("R-1", &party);
    unknown["party_id"] = nobody[0].1.clone();
    refused(world.call(INVOICES, &[], &unknown).await, (422, "party_unknown"));
    unknown["party_id"] = nobody[1].1.clone();
    unknown["external_id"] = json!({"system": "test", "id": "99"});
    refused(world.call(INVOICES, &[], &unknown).await, (422, "party_unknown"));
    let mut untyped = invoice("R-1", &party);
    untyped["total"]["amount_minor"] = json!(1.5);
    refused(world.call(INVOICES, &[], &untyped).await, (400, "malformed_body"));
    assert_eq!(Books::read(&world).await.essence(), before);
}

#[tokio::test]
async fn c7_an_invoice_takes_forty_payments() {
    let world = World::new().await;
    let party = world.party(1).await;
    for number in 0..40 {
        let body = payment(&format!("Z-{number}"), "R-1", "2026-09-20", 500);
        assert_eq!(world.call(PAYMENTS, &[], &body).await.0, 201);
    }
    let one_more = payment("Z-40", "R-1", "2026-09-20", 500);
    let (status, answer) = world.call(PAYMENTS, &[], &one_more).await;
    assert_eq!(
        (status, &answer["errors"][0]["code"]),
        (422, &json!("too_many_payments")),
        "{answer}"
    );
    // By the queue it is listed, so that somebody sees it, and the way out is the one that the list tells.
    Delivering::twice()
        .erp(&world, vec![document("payment", one_more)])
        .await;
    let (_, page) = world.call(REJECTED, &[], &Value::Null).await;
    let listed = page["items"].as_array().expect("items");
    assert_eq!((listed.len(), &listed[0]["number"]), (1, &json!("Z-40")));
    assert_eq!(listed[0]["errors"][0]["finding"], "too_many_payments");
    let raised = revised(&payment("Z-39", "R-1", "2026-09-20", 500), 2, &[("amount", chf(1_000))]);
    assert_eq!(world.call(PAYMENTS, &[], &raised).await.0, 201);
    // The invoice that they wait for comes, and moves to another party with all of them: the largest transactions.
    assert_eq!(world.call(INVOICES, &[], &invoice("R-1", &party)).await.0, 201);
    let other = world.party(2).await;
    let moved = revised(&invoice("R-1", &party), 2, &[("party_id", json!(other))]);
    assert_eq!(world.call(INVOICES, &[], &moved).await.0, 201);
    let said = morale(&world, &other, "2026-10-01").await;
    assert_eq!(said["open_amounts"], json!([chf(9_500)]));
}

#[tokio::test]
async fn c7_a_refused_message_is_listed_once_and_does_not_come_again() {
    let mut world = World::new().await;
    let party = world.party(1).await;
    let early = revised(&invoice("R-1", &party), 1, &[("due_date", json!("2026-08-31"))]);
    let mut stranger = invoice("R-2", &party);
    stranger["party_id"] = json!("0b9d0c1e-0000-4000-8000-000000000000");
    let messages = vec![
        document("invoice", early),
        document("invoice", stranger),
        document("payment", json!({"number": 7})),
        document("invoice", invoice("R-3", &party)),
    ];
    let mut delivering = Delivering::twice();
    delivering.erp(&world, messages.clone()).await;
    world.now += TimeDelta::days(1);
    delivering.erp(&world, messages).await;
    let (_, page) = world.call("GET /v1/erp/rejected", &[], &Value::Null).await;
    let mut problems: Vec<_> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| (item["kind"].clone(), item["number"].clone(), item["problem"].clone()))
        .collect();
    problems.sort_by_key(|problem| format!("{problem:?}"));
    assert_eq!(
        json!(problems),
        json!([
            ["invoice", "R-1", "invalid"],
            ["invoice", "R-2", "party_unknown"],
            ["payment", null, "malformed_body"],
        ])
    );
    assert_eq!(
        morale(&world, &party, "2026-09-01").await["invoices"],
        1,
        "the good one is stored"
    );
    world.now += TimeDelta::days(91);
    let (_, page) = world.call("GET /v1/erp/rejected", &[], &Value::Null).await;
    assert_eq!(page["items"], json!([]), "for 90 days");
}

/// Takes a party's profile away, as erasing it does.
async fn erase(world: &World, party: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let delete = world.db.client().delete_item().table_name(world.db.table());
    let delete = delete
        .key("pk", text(&format!("PARTY#{TENANT}#{party}")))
        .key("sk", text("PROFILE"));
    delete.send().await.expect("erased");
}

/// Sort keys of what stands in a party's partition.
async fn sort_keys(world: &World, party: &str) -> Vec<String> {
    let query = world.db.client().query().table_name(world.db.table());
    let query = query
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("PARTY#{TENANT}#{party}")));
    let items = query.send().await.expect("the partition").items.unwrap_or_default();
    items
        .iter()
        .map(|item| item["sk"].as_s().expect("a key").clone())
        .collect()
}

#[tokio::test]
async fn c7_a_document_of_a_party_that_is_gone_is_kept_and_writes_nothing_into_its_partition() {
    let world = World::new().await;
    let party = world.party(1).await;
    world.call(INVOICES, &[], &invoice("R-1", &party)).await;
    erase(&world, &party).await;
    let paid = payment("Z-1", "R-1", "2026-09-20", 30_000);
    assert_eq!(world.call(PAYMENTS, &[], &paid).await.0, 201);
    assert_eq!(world.call(PAYMENTS, &[], &paid).await.0, 200, "it is stored");
    // The id of the other system still leads to the party for a while.
    let mut ordered = order("A-1", &party, "2026-09-01");
    ordered["party_id"] = Value::Null;
    ordered["external_id"] = json!({"system": "test", "id": "1"});
    assert_eq!(world.call(ORDERS, &[], &ordered).await.0, 201);
    let mut invoiced = revised(&invoice("R-2", &party), 1, &[("party_id", Value::Null)]);
    invoiced["external_id"] = ordered["external_id"].clone();
    assert_eq!(world.call(INVOICES, &[], &invoiced).await.0, 201);
    let keys = sort_keys(&world, &party).await;
    let named = |key: &&String| ["A-1", "R-1", "R-2", "Z-1"].iter().any(|number| key.ends_with(number));
    assert_eq!(keys.iter().filter(named).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test]
async fn c7_a_party_is_named_by_every_id_that_a_party_can_have() {
    let world = World::new().await;
    let id = "x".repeat(80);
    let body = json!({
        "kind": "person", "given_name": "Maxine", "family_name": "Muster",
        "external_id": {"system": "test", "id": id},
    });
    assert_eq!(world.call("POST /v1/parties", &[], &body).await.0, 201);
    let named = |system: &str, id: &str| {
        let mut body = revised(&invoice("R-1", ""), 1, &[("party_id", Value::Null)]);
        body["external_id"] = json!({"system": system, "id": id});
        body
    };
    assert_eq!(world.call(INVOICES, &[], &named("test", &id)).await.0, 201);
    let other = revised(&named("sap_1", "7"), 1, &[("number", json!("R-2"))]);
    refused(world.call(INVOICES, &[], &other).await, (422, "party_unknown"));
    for (system, id) in [("Sap", "7"), ("test", &"x".repeat(81))] {
        refused(world.call(INVOICES, &[], &named(system, id)).await, (422, "invalid"));
    }
}

#[tokio::test]
async fn c5_today_begins_at_midnight_in_zürich() {
    let mut world = World::new().await;
    let party = world.party(1).await;
    let path = [("party_id", party.as_str())];
    for (now, today) in [
        ("2026-11-22T22:59:59Z", "2026-11-22"),
        ("2026-11-22T23:00:00Z", "2026-11-23"),
    ] {
        world.now = now.parse().expect("an instant");
        let (_, said) = world.call(MORALE, &path, &Value::Null).await;
        assert_eq!(said["as_of"], json!(today), "{said}");
    }
}

#[tokio::test]
async fn c7_every_route_of_the_erp_insists_on_its_scope() {
    let world = World::new().await;
    let party = world.party(1).await;
    for (route, scope) in [
        (ORDERS, Scope::ErpWrite),
        (INVOICES, Scope::ErpWrite),
        (PAYMENTS, Scope::ErpWrite),
        (REJECTED, Scope::OperationsRead),
        ("POST /v1/erp/rejected/{document_id}/done", Scope::ErpWrite),
        (WAITING, Scope::OperationsRead),
        ("GET /v1/parties/{party_id}/orders", Scope::PartiesRead),
        (MORALE, Scope::PartiesRead),
    ] {
        let mut caller = everywhere();
        caller.scopes.remove(&scope);
        let answer = world.call_as(&caller, route, &[("party_id", &party)], &json!({})).await;
        refused(answer, (403, "scope_missing"));
    }
    // What one tenant's ERP sends is not there for another.
    world.call(ORDERS, &[], &order("A-1", &party, "2026-09-01")).await;
    let mut stranger = everywhere();
    stranger.tenant = "other".parse().expect("a tenant");
    let route = "GET /v1/parties/{party_id}/orders";
    let answer = world
        .call_as(&stranger, route, &[("party_id", &party)], &Value::Null)
        .await;
    refused(answer, (404, "not_found"));
}

#[tokio::test]
async fn c7_a_payment_whose_invoice_has_not_come_is_listed_with_its_age_until_it_comes() {
    let mut world = World::new().await;
    let party = world.party(1).await;
    for (number, invoice) in [("Z-1", "R-1"), ("Z-2", "R-2")] {
        let body = payment(number, invoice, "2026-09-20", 500);
        assert_eq!(world.call(PAYMENTS, &[], &body).await.0, 201);
        world.now += TimeDelta::days(2);
    }
    let another = payment("Z-3", "R-1", "2026-09-21", 700);
    assert_eq!(world.call(PAYMENTS, &[], &another).await.0, 201);
    let (status, page) = world.call(&format!("{WAITING}?limit=1"), &[], &Value::Null).await;
    assert_eq!(status, 200, "{page}");
    let told = |page: &Value| (page["items"][0]["invoice"].clone(), page["items"][0]["days"].clone());
    assert_eq!(told(&page), (json!("R-1"), json!(4)));
    let numbers = page["items"][0]["payments"].as_array().expect("payments").iter();
    let numbers: Vec<_> = numbers.map(|payment| &payment["number"]).collect();
    assert_eq!(numbers, ["Z-1", "Z-3"]);
    let next = page["next"].as_str().expect("another page");
    let (_, page) = world
        .call(&format!("{WAITING}?limit=1&next={next}"), &[], &Value::Null)
        .await;
    assert_eq!(told(&page), (json!("R-2"), json!(2)));
    // A correction moves the payment to another invoice, and the invoice of the others comes.
    let moved = revised(&payment("Z-2", "R-1", "2026-09-20", 500), 2, &[]);
    assert_eq!(world.call(PAYMENTS, &[], &moved).await.0, 201);
    assert_eq!(world.call(INVOICES, &[], &invoice("R-1", &party)).await.0, 201);
    let (_, page) = world.call(WAITING, &[], &Value::Null).await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn c7_a_refused_document_is_ticked_off_and_does_not_come_back_to_the_list() {
    let mut world = World::new().await;
    let wrong = vec![document("payment", json!({"number": "Z-1"}))];
    Delivering::well().erp(&world, wrong.clone()).await;
    let (_, page) = world.call(REJECTED, &[], &Value::Null).await;
    let id = page["items"][0]["document_id"].as_str().expect("an id").to_owned();
    world.now += TimeDelta::hours(1);
    let (route, path) = (
        "POST /v1/erp/rejected/{document_id}/done",
        [("document_id", id.as_str())],
    );
    for _ in 0..2 {
        let (status, answer) = world.call(route, &path, &Value::Null).await;
        assert_eq!((status, &answer["status"]), (200, &json!("done")), "{answer}");
    }
    Delivering::well().erp(&world, wrong).await;
    let (_, page) = world.call(REJECTED, &[], &Value::Null).await;
    assert_eq!(page["items"], json!([]));
    let other = world.call(route, &[("document_id", "AAAA")], &Value::Null).await;
    refused(other, (404, "not_found"));
}

#[tokio::test]
async fn c7_the_queue_is_that_of_its_tenants_and_takes_nothing_for_others() {
    let world = World::new().await;
    let party = world.party(1).await;
    let stranger = ErpMessage {
        tenant: "other".parse().expect("a tenant"),
        ..document("invoice", invoice("R-1", &party))
    };
    Delivering::twice().erp(&world, vec![stranger]).await;
    let (_, page) = world.call(REJECTED, &[], &Value::Null).await;
    let listed = page["items"].as_array().expect("items");
    assert_eq!((listed.len(), &listed[0]["number"]), (1, &json!("R-1")));
    let flaw = &listed[0]["errors"][0];
    assert_eq!(
        (&flaw["pointer"], &flaw["finding"]),
        (&json!("/tenant"), &json!("forbidden"))
    );
    let query = world
        .db
        .client()
        .query()
        .table_name(world.db.table())
        .consistent_read(true);
    let query = query.key_condition_expression("pk = :pk");
    let number = AttributeValue::S("ERP#other#invoice#R-1".to_owned());
    let kept = query
        .expression_attribute_values(":pk", number)
        .send()
        .await
        .expect("a page");
    assert_eq!(kept.count(), 0);
    // Nothing of the other tenant's was read or listed either.
    let mut caller = everywhere();
    caller.tenant = "other".parse().expect("a tenant");
    let (_, page) = world.call_as(&caller, REJECTED, &[], &Value::Null).await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn c5_an_open_invoice_of_three_years_ago_still_counts() {
    let world = World::new().await;
    let party = world.party(1).await;
    let old = revised(
        &invoice("R-1", &party),
        1,
        &[("date", json!("2023-09-01")), ("due_date", json!("2023-10-01"))],
    );
    assert_eq!(world.call(INVOICES, &[], &old).await.0, 201);
    let said = morale(&world, &party, "2026-10-01").await;
    assert_eq!((&said["open"], &said["overdue"]), (&json!(1), &json!(1)), "{said}");
    assert_eq!(said["overdue_amounts"], json!([chf(30_000)]));
    let lost = revised(&old, 2, &[("status", json!("written_off"))]);
    assert_eq!(world.call(INVOICES, &[], &lost).await.0, 201);
    let said = morale(&world, &party, "2026-10-01").await;
    assert_eq!((&said["invoices"], &said["open"]), (&json!(0), &json!(0)), "{said}");
}
