//! Customers are found by fragments and with typing errors, at a bounded price (B9, T6).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::delivery::Delivering;
use end_to_end::world::{Called, TENANT, World, alive, card, everywhere, request};
use faults::{Fault, FaultPlan, Probe, Site};
use futures::future::join_all;
use http_edge::Scope;
use messages::SearchIndexMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};
use store::Db;

/// Lists read for a query at most, and the pages of 200 tiny items cost at most 4 units each; 60 profiles half a unit each.
const READS_MAX: u64 = 14 + 1;
const READ_MILLI_MAX: u64 = 14 * 4_000 + 60 * 500;

/// How long a test waits for a writer in another task.
const PATIENCE: Duration = Duration::from_secs(30);

async fn store(world: &World, body: &Value) -> String {
    let (status, answer) = world.call("POST /v1/parties", &[], body).await;
    assert_eq!(status, 201, "{answer}");
    answer["party_id"].as_str().expect("an id").to_owned()
}

async fn person(world: &World, given: &str, family: &str) -> String {
    store(
        world,
        &json!({"kind": "person", "given_name": given, "family_name": family}),
    )
    .await
}

async fn search(world: &World, text: &str) -> Value {
    let route = format!("GET /v1/parties?q={text}");
    let (status, answer) = world.call(&route, &[], &Value::Null).await;
    assert_eq!(status, 200, "{text}: {answer}");
    answer
}

/// The ids found, the best first.
async fn found(world: &World, text: &str) -> Vec<String> {
    let answer = search(world, text).await;
    let items = answer["items"].as_array().expect("items");
    items
        .iter()
        .filter_map(|item| item["party_id"].as_str())
        .map(str::to_owned)
        .collect()
}

/// Sets a field of a profile by its path in the table, as its next version.
async fn change(world: &World, party: &str, field: &str, value: AttributeValue) {
    let call = world.db.client().update_item().table_name(world.db.table());
    call.key("pk", AttributeValue::S(format!("PARTY#{TENANT}#{party}")))
        .key("sk", AttributeValue::S("PROFILE".to_owned()))
        .update_expression(format!("SET {field} = :value, d.version = d.version + :one"))
        .expression_attribute_values(":value", value)
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .send()
        .await
        .expect("the party is changed");
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn map<const N: usize>(fields: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// A contact as the party's document keeps it.
fn contact(number: u32, point: AttributeValue) -> AttributeValue {
    let number = AttributeValue::N(number.to_string());
    map([("n", number), ("p", point), ("a", text("2020-01-01"))])
}

/// A person as the party's document keeps it.
fn who(given_name: &str, family_name: &str) -> AttributeValue {
    map([
        ("kind", text("person")),
        ("g", text(given_name)),
        ("f", text(family_name)),
    ])
}

/// An address, an e-mail address and a phone number.
fn contacts(postcode: &str, town: &str, email: &str, phone: &str) -> AttributeValue {
    let postal = map([("z", text(postcode)), ("t", text(town)), ("c", text("CH"))]);
    AttributeValue::L(vec![
        contact(1, map([("p", postal)])),
        contact(2, map([("e", text(email))])),
        contact(3, map([("t", text(phone))])),
    ])
}

#[tokio::test]
async fn t6_a_customer_is_found_by_any_fragment_with_typing_errors_and_in_every_spelling() {
    let world = World::new().await;
    let müller = person(&world, "Jürg", "Müller").await;
    let breng = person(&world, "Julio", "Brengendorf").await;
    let angelo = person(&world, "Chiara", "D'Angelo").await;
    let firm = json!({
        "kind": "organisation", "organisation_name": "Mustermann & Söhne Holzbau GmbH",
        "external_id": {"system": "erp", "id": "K-100234"},
    });
    let firm = store(&world, &firm).await;
    for other in ["Meier", "Huber", "Keller", "Berner"] {
        person(&world, "Julia", other).await;
    }
    let at = contacts("8793", "Oetwil am See", "julio.brengendorf7@example.ch", "+41703336177");
    change(&world, &breng, "d.co", at).await;
    Delivering::badly(7).until_rest(&world).await;
    for (typed, wanted) in [
        ("Jürg Müller", &müller),
        ("mueller juerg", &müller),
        ("Muller", &müller),
        ("Jurg Mülelr", &müller),
        ("Brengendorf", &breng),
        ("brengen", &breng),
        ("Brengedorf", &breng),
        ("Julio Brengendrof", &breng),
        ("Brengendorf 8793", &breng),
        ("8739 Brengendorf", &breng),
        ("Brengendorf Oetwil", &breng),
        ("julio.brengendorf7@example.ch", &breng),
        ("julio.breng@", &breng),
        ("070 333 61 77", &breng),
        ("+41 70 333 61 77", &breng),
        ("336177", &breng),
        ("dangelo chiara", &angelo),
        ("D’Angelo", &angelo),
        ("Musterman Holzbau", &firm),
        ("soehne mustermann", &firm),
        ("K-100234", &firm),
        ("k100234", &firm),
    ] {
        let answer = search(&world, typed).await;
        assert_eq!(answer["items"][0]["party_id"], json!(wanted), "{typed}: {answer}");
    }
    let answer = search(&world, "Brengendorf 8793").await;
    let first = &answer["items"][0];
    assert_eq!(
        (
            &first["display_name"],
            &first["place"],
            &first["kind"],
            &first["matched"]
        ),
        (
            &json!("Julio Brengendorf"),
            &json!("8793 Oetwil am See"),
            &json!("person"),
            &json!("name")
        )
    );
    assert_eq!(answer["truncated"], json!(false));
    assert_eq!(search(&world, "336177").await["items"][0]["matched"], json!("phone"));
    assert_eq!(found(&world, "Xylander").await, Vec::<String>::new());
}

#[tokio::test]
async fn t6_an_answer_says_when_more_parties_stood_in_the_lists_than_were_looked_at() {
    let world = World::new().await;
    // They begin as what is typed and are called otherwise.
    for _ in 0..80 {
        person(&world, "Hans", "Zbigniewski").await;
    }
    Delivering::well().until_rest(&world).await;
    let answer = search(&world, "zbinden").await;
    assert_eq!((&answer["items"], &answer["truncated"]), (&json!([]), &json!(false)));
    person(&world, "Hans", "Zbigniewski").await;
    Delivering::well().until_rest(&world).await;
    let answer = search(&world, "zbinden").await;
    assert_eq!((&answer["items"], &answer["truncated"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn t6_a_card_number_leads_to_its_customer_also_when_it_is_blocked() {
    let world = World::new().await;
    let (number, party) = world.customer(1).await;
    let path = [("number", number.as_str())];
    let (status, _) = world
        .call("POST /v1/cards/{number}/block", &path, &json!({"reason": "lost"}))
        .await;
    assert_eq!(status, 200);
    let answer = search(&world, &number).await;
    assert_eq!(
        (&answer["items"][0]["party_id"], &answer["items"][0]["matched"]),
        (&json!(party), &json!("card"))
    );
    assert_eq!(found(&world, &card(2)).await, Vec::<String>::new(), "nobody's card");
}

#[tokio::test]
async fn t6_a_query_that_says_too_little_or_too_much_is_refused_clearly_and_a_till_may_not_search() {
    let world = World::new().await;
    for bad in [
        "q=x",
        "q= ",
        "q=muster&limit=51",
        "q=muster&limit=0",
        &format!("q={}", "x".repeat(201)),
    ] {
        let (status, problem) = world.call(&format!("GET /v1/parties?{bad}"), &[], &Value::Null).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (400, Some("malformed_parameter")),
            "{bad}: {problem}"
        );
    }
    let mut till = everywhere();
    till.scopes.remove(&Scope::PartiesRead);
    let (status, problem) = world
        .call_as(&till, "GET /v1/parties?q=muster", &[], &Value::Null)
        .await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("scope_missing")));
}

#[tokio::test]
async fn t6_another_tenant_finds_nobody() {
    let world = World::new().await;
    person(&world, "Jürg", "Müller").await;
    Delivering::well().until_rest(&world).await;
    let mut other = everywhere();
    other.tenant = "other".parse().expect("a tenant");
    let (_, answer) = world
        .call_as(&other, "GET /v1/parties?q=müller", &[], &Value::Null)
        .await;
    assert_eq!(answer["items"], json!([]));
}

/// Everything that is listed of a party: its sort keys.
async fn entries_of(world: &World, party: &str) -> usize {
    let pages = world
        .db
        .client()
        .scan()
        .table_name(world.db.table())
        .consistent_read(true);
    let items = pages
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await;
    let items = items.expect("the table");
    let is_entry = |item: &&std::collections::HashMap<String, AttributeValue>| {
        let key = |name: &str| item[name].as_s().expect("a key").clone();
        key("pk").starts_with("SEARCH#") && key("sk").ends_with(party)
    };
    items.iter().filter(is_entry).count()
}

/// Holds up the first call at a site until it is let go.
#[derive(Debug, Default)]
struct HoldsUp {
    held: AtomicBool,
    gate: (Mutex<bool>, Condvar),
}

impl FaultPlan for HoldsUp {
    fn before(&self, site: Site) -> Fault {
        if site == Site::IndexEntries && !self.held.swap(true, Ordering::SeqCst) {
            // The worker's other tasks go on elsewhere.
            tokio::task::block_in_place(|| {
                let open = self.gate.0.lock().expect("the gate");
                let wait = self
                    .gate
                    .1
                    .wait_timeout_while(open, Duration::from_secs(30), |open| !*open);
                assert!(!wait.expect("the gate").1.timed_out(), "nobody opened the gate");
            });
        }
        Fault::None
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

impl HoldsUp {
    fn let_go(&self) {
        *self.gate.0.lock().expect("the gate") = true;
        self.gate.1.notify_all();
    }
}

fn message(party: &str) -> Vec<Delivery<SearchIndexMessage>> {
    let message = SearchIndexMessage::Party {
        tenant: TENANT.parse().expect("a tenant"),
        party: party.parse().expect("a party"),
        version: 1,
    };
    vec![Delivery {
        id: "m".to_owned(),
        message,
    }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t6_a_writer_that_was_overtaken_leaves_no_old_name_and_takes_no_new_one_away() {
    let plan = Arc::new(HoldsUp::default());
    let mut world = World::new().await;
    let party = person(&world, "Jürg", "Müller").await;
    world.probe = Probe::with(plan.clone());
    let (slow, now) = (world.listing(), world.now);
    let late = tokio::spawn({
        let messages = message(&party);
        async move { slow.work_off(messages, Deadline::never(), now).await }
    });
    let held = async {
        while !plan.held.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let held = tokio::time::timeout(PATIENCE, held).await;
    held.expect("the slow writer comes to where it is held up, within half a minute");
    // The slow one has said what it is going to list. Now the party is renamed twice, and listed by another process.
    for name in ["Zbinden", "Schneider"] {
        change(&world, &party, "d.w.f", text(name)).await;
        let failed = world.listing().work_off(message(&party), Deadline::never(), now).await;
        assert!(failed.is_empty());
    }
    plan.let_go();
    assert!(late.await.expect("the slow one ends").is_empty());
    assert_eq!(found(&world, "jürg schneider").await, [party.as_str()]);
    assert_eq!(found(&world, "müller").await, Vec::<String>::new());
    // As many entries as a party of this name has that was never called otherwise.
    let fresh = person(&world, "Jürg", "Schneider").await;
    assert!(
        world
            .listing()
            .work_off(message(&fresh), Deadline::never(), now)
            .await
            .is_empty()
    );
    assert_eq!(entries_of(&world, &party).await, entries_of(&world, &fresh).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t6_a_party_listed_by_many_at_once_is_listed_as_it_stands() {
    let world = World::new().await;
    let party = person(&world, "Jürg", "Müller").await;
    for name in ["Zbinden", "Keller", "Schneider"] {
        change(&world, &party, "d.w.f", text(name)).await;
        let now = world.now;
        let all = (0..6).map(|_| {
            let app = world.listing();
            let messages = message(&party);
            alive(async move { app.work_off(messages, Deadline::never(), now).await })
        });
        for done in join_all(all).await {
            assert!(matches!(done, Called::Answered(failed) if failed.is_empty()));
        }
    }
    assert_eq!(found(&world, "jürg schneider").await, [party.as_str()]);
    let fresh = person(&world, "Jürg", "Schneider").await;
    let listed = world
        .listing()
        .work_off(message(&fresh), Deadline::never(), world.now)
        .await;
    assert!(listed.is_empty());
    assert_eq!(entries_of(&world, &party).await, entries_of(&world, &fresh).await);
}

#[tokio::test]
async fn t6_a_party_that_is_no_more_is_listed_nowhere() {
    let world = World::new().await;
    let party = person(&world, "Jürg", "Müller").await;
    Delivering::well().until_rest(&world).await;
    assert!(entries_of(&world, &party).await >= 7);
    let delete = world.db.client().delete_item().table_name(world.db.table());
    let delete = delete
        .key("pk", text(&format!("PARTY#{TENANT}#{party}")))
        .key("sk", text("PROFILE"));
    delete.send().await.expect("erased");
    assert_eq!(found(&world, "jürg müller").await, Vec::<String>::new(), "at once");
    assert!(
        world
            .listing()
            .work_off(message(&party), Deadline::never(), world.now)
            .await
            .is_empty()
    );
    assert_eq!(entries_of(&world, &party).await, 0);
}

/// 14 entries of at most one unit and two writes of the list: with 8 for the profile and one for each further id not more than 25.
#[tokio::test]
async fn issue_4_a_new_party_with_everything_costs_at_most_16_write_units_to_list() {
    let mut world = World::new().await;
    let body = json!({"kind": "person", "given_name": "Julio", "family_name": "Brengendorf"});
    let party = store(&world, &body).await;
    let at = contacts("8793", "Oetwil am See", "julio.brengendorf7@example.ch", "+41703336177");
    change(&world, &party, "d.co", at).await;
    let db = world.handlers_db();
    let tenant = TENANT.parse().expect("a tenant");
    let pepper = [7; 64];
    let id = party.parse().expect("an id");
    store::search::index(&db, &pepper, &tenant, &id, world.now)
        .await
        .expect("listed");
    let cost = db.meter().take();
    println!("listing a new party: {cost:?}");
    assert_eq!(cost.write_milli, 16_000, "{cost:?}");
    store::search::index(&db, &pepper, &tenant, &id, world.now)
        .await
        .expect("listed");
    let again = db.meter().take();
    assert_eq!((again.write_milli, again.requests), (0, 2), "the same message again");
    // Another name: the entries of the old one go, those of e-mail and phone stay with the new print.
    change(&world, &party, "d.w.f", text("Zbinden")).await;
    world.now += chrono::TimeDelta::hours(1);
    store::search::index(&db, &pepper, &tenant, &id, world.now)
        .await
        .expect("listed");
    let renamed = db.meter().take();
    println!("listing it under another name: {renamed:?}");
    assert!(renamed.write_milli <= 34_000, "{renamed:?}");
}

async fn units(world: &World, query: &str) -> (store::db::Cost, Value) {
    let db: Db = world.handlers_db();
    let app = world.searching(db.clone());
    let request = request(&everywhere(), &format!("GET /v1/parties?{query}"), &[], &Value::Null);
    let answer = app.handle(&request, world.now).await.expect("an answer");
    let cost = db.meter().take();
    (cost, serde_json::from_str(&answer.body).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t6_two_thousand_müllers_in_zürich_make_neither_an_endless_answer_nor_endless_reads() {
    let world = World::new().await;
    let at = contacts("8003", "Zürich", "info@example.ch", "+41443336177");
    let ids: Vec<String> = join_all((0..2_000).map(|number| {
        let (world, at) = (&world, &at);
        async move {
            let party = format!("m{number:04}");
            let put = world.db.client().put_item().table_name(world.db.table());
            let name = map([
                ("party", text(&party)),
                ("version", AttributeValue::N("1".to_owned())),
                ("la", text("de")),
                ("w", who(if number == 1_234 { "Kunigunde" } else { "Hans" }, "Müller")),
                ("co", at.clone()),
            ]);
            let frame = put
                .item("pk", text(&format!("PARTY#{TENANT}#{party}")))
                .item("sk", text("PROFILE"))
                .item("et", text("party"))
                .item("v", AttributeValue::N("1".to_owned()))
                .item("created_at", text("2026-11-22T12:00:00Z"))
                .item("updated_at", text("2026-11-22T12:00:00Z"))
                .item("d", name);
            frame.send().await.expect("stored");
            party
        }
    }))
    .await;
    let app = world.listing();
    for chunk in ids.chunks(50) {
        let listed = chunk
            .iter()
            .map(|party| app.work_off(message(party), Deadline::never(), world.now));
        assert!(join_all(listed).await.iter().all(std::collections::BTreeSet::is_empty));
    }
    let mut most = 0;
    for typed in [
        "müller",
        "müller zürich",
        "hans müller",
        "müller 8003",
        "hans mueller 8003 zürich",
        "mülelr",
        "info@example.ch",
    ] {
        let (cost, answer) = units(&world, &format!("q={typed}&limit=50")).await;
        println!("{typed}: {cost:?}");
        most = most.max(cost.read_milli);
        assert!(
            cost.requests <= READS_MAX && cost.read_milli <= READ_MILLI_MAX,
            "{typed}: {cost:?}"
        );
        assert_eq!(answer["items"].as_array().map(Vec::len), Some(50), "{typed}");
        assert_eq!(answer["truncated"], json!(true), "{typed}");
    }
    assert!(most > 5_000, "there was something to bound: {most}");
    // One more word tells the one from the others.
    let (cost, answer) = units(&world, "q=kunigunde müller").await;
    assert_eq!(answer["items"][0]["party_id"], json!("m1234"));
    assert!(cost.requests <= READS_MAX, "{cost:?}");
}
