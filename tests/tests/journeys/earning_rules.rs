//! Earning rules as data (L3), and why an entry has its points (X4).

use domain::account::Cause;
use domain::id::PartyId;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::story::{Day, with_rules};
use end_to_end::till::receipt;
use end_to_end::world::{PROGRAMME, World};
use serde_json::{Value, json};

const PROGRAMMES: &str = "{programme_id}";

async fn settings(world: &World) -> (u64, Value) {
    let route = format!("GET /v1/programmes/{PROGRAMMES}");
    let (status, answer) = world.call(&route, &[("programme_id", PROGRAMME)], &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let version = answer["version"].as_u64().expect("a version");
    (version, answer["settings"].clone())
}

async fn save(world: &World, version: u64, settings: &Value) -> (u16, Value) {
    let route = format!("PUT /v1/programmes/{PROGRAMMES}");
    let body = json!({"expected_version": version, "reason": "Autumn", "settings": settings});
    world.call(&route, &[("programme_id", PROGRAMME)], &body).await
}

#[tokio::test]
async fn l3_a_rule_counts_from_the_next_receipt_on_and_earlier_ones_keep_their_version() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    let before = receipt("B01", "1", 10_000, Some(&card));
    let (_, told) = world.buy(&before).await;
    assert_eq!(
        (&told["expected"]["points"], &told["expected"]["programme_version"]),
        (&json!(100), &json!(1))
    );

    let (version, mut wanted) = settings(&world).await;
    wanted["rules"] = json!([
        {"id": "paper", "name": "Triple paper", "when": "line.group == \"paper\" && line.brand != \"Cheap\"",
         "from": "2026-11-22", "until": "2026-11-30", "effect": {"kind": "multiply", "percent": 300}},
        {"id": "shop", "name": "Shop bonus", "when": "receipt.channel == \"shop\"", "effect": {"kind": "bonus", "points": 25}},
    ]);
    let (status, saved) = save(&world, version, &wanted).await;
    assert_eq!(
        (status, &saved["settings"]["rules"][1]["effect"]["per"]),
        (200, &json!("receipt"))
    );
    let mut shop = receipt("SHOP", "1", 10_000, Some(&card));
    let (_, told) = world.buy(&shop).await;
    assert_eq!(told["expected"]["points"], 325);
    assert_eq!(told["expected"]["bonuses"], json!([{"rule": "shop", "points": 25}]));
    let line = &told["expected"]["lines"][0];
    assert_eq!(
        (&line["reason"], &line["percent"], &line["rules"]),
        (&json!("multiplied"), &json!(300), &json!(["paper"]))
    );
    shop["number"] = json!("2");
    shop["lines"][0]["brand"] = json!("Cheap");
    assert_eq!(world.buy(&shop).await.1["expected"]["points"], 125);

    let (status, told) = world.buy(&before).await;
    assert_eq!(
        (status, &told["expected"]["points"]),
        (200, &json!(100)),
        "the version of its day"
    );
    Delivering::twice().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let entries = books.ledger.values().flatten();
    let mut points: Vec<_> = entries
        .filter(|e| e.points > 0)
        .map(|e| (e.points, e.programme_version))
        .collect();
    points.sort_unstable();
    assert_eq!(points, [(100, 1), (125, 2), (325, 2)]);
    assert_eq!(explained(&world, &party).await, 4, "three receipts, and one voucher");
}

#[tokio::test]
async fn l3_a_rule_with_flaws_is_refused_with_every_one_of_them_and_changes_nothing() {
    let world = World::new().await;
    let (version, before) = settings(&world).await;
    let mut wanted = before.clone();
    wanted["rules"] = json!([
        {"id": "a", "name": "A", "when": "line.colour == \"red\" && receipt.total == \"1\"", "effect": {"kind": "exclude"}},
        {"id": "b", "name": "B", "when": "receipt.total >", "effect": {"kind": "multiply", "percent": 20_000}},
    ]);
    let (status, problem) = save(&world, version, &wanted).await;
    let named: Vec<_> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap_or(""),
                error["code"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(status, 422, "{problem}");
    assert_eq!(
        named,
        [
            ("/settings/rules/1/effect/percent", "out_of_range"),
            ("/settings/rules/0/when", "unknown_name"),
            ("/settings/rules/0/when", "wrong_type"),
            ("/settings/rules/1/when", "syntax"),
        ]
    );
    assert_eq!(settings(&world).await, (version, before));
    let (status, context) = world.call("GET /v1/earning-rules/context", &[], &Value::Null).await;
    let fields = context["fields"].as_array().expect("fields");
    assert_eq!(status, 200);
    assert!(
        fields
            .iter()
            .any(|field| field["name"] == "line.brand" && field["type"] == "a text")
    );
}

#[tokio::test]
async fn l3_receipts_at_the_same_moment_share_one_cap_of_the_day_and_one_first_purchase() {
    let world = World::new().await;
    world.store_programme(with_rules()).await;
    let (card, _) = world.customer(1).await;
    let bought: Vec<_> = (1..=8)
        .map(|number| receipt(&format!("B{number:02}"), "1", 15_000, Some(&card)))
        .collect();
    let calls = bought.iter().map(|body| world.buy(body));
    for (status, answer) in futures::future::join_all(calls).await {
        assert_eq!(status, 201, "{answer}");
    }
    Delivering::twice().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let entries: Vec<_> = books.ledger.values().flatten().collect();
    let earned: i64 = entries.iter().map(|entry| entry.points.max(0)).sum();
    assert_eq!(earned, 700, "8 × 150 and 50 are cut to the cap");
    let first = |cause: &Cause| {
        matches!(
            cause,
            Cause::Receipt {
                first_purchase: true,
                ..
            }
        )
    };
    assert_eq!(entries.iter().filter(|entry| first(&entry.cause)).count(), 1);
}

/// Explains every entry of a party; how many there are.
async fn explained(world: &World, party: &str) -> usize {
    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    let path = [("party_id", party)];
    let (_, points) = world.call(&route, &path, &Value::Null).await;
    assert!(points["next"].is_null(), "one page");
    let explain = format!("GET /v1/parties/{{party_id}}/points/{{entry_id}}?programme={PROGRAMME}");
    let entries = points["entries"].as_array().expect("entries");
    for entry in entries {
        let id = entry["entry_id"].as_str().expect("an id");
        let (status, told) = world.call(&explain, &[path[0], ("entry_id", id)], &Value::Null).await;
        assert_eq!((status, &told["reproduced"]), (200, &json!(true)), "{told}");
    }
    entries.len()
}

#[tokio::test]
async fn x4_every_entry_of_every_day_is_explained_from_what_is_stored() {
    for day in Day::ALL {
        let mut world = World::new().await;
        day.tell(&mut world, &mut Delivering::well()).await;
        let books = day.end(&world).await;
        for (account, ledger) in &books.ledger {
            let party: PartyId = account
                .split(['#', '/'])
                .nth(2)
                .expect("a party")
                .parse()
                .expect("an id");
            assert_eq!(explained(&world, &party.to_string()).await, ledger.len(), "{day:?}");
        }
    }
}

#[tokio::test]
async fn x4_an_entry_that_there_is_not_is_not_explained() {
    let world = World::new().await;
    let (_, party) = world.customer(1).await;
    let explain = format!("GET /v1/parties/{{party_id}}/points/{{entry_id}}?programme={PROGRAMME}");
    let foreign = http_edge::page::token(&"2026-11-22#R#B01~1~2026-11-22~9");
    for (entry, code) in [(foreign.as_str(), "not_found"), ("nonsense", "malformed_parameter")] {
        let path = [("party_id", party.as_str()), ("entry_id", entry)];
        let (_, problem) = world.call(&explain, &path, &Value::Null).await;
        assert_eq!(problem["code"], code, "{problem}");
    }
}
