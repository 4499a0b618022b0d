//! The two segments of the requirements, written word by word, and who is in them (N10, N11).

use std::collections::BTreeMap;

use end_to_end::delivery::Delivering;
use end_to_end::till::{chf, give_back, key, receipt};
use end_to_end::world::{IF_MATCH, PROGRAMME, World};
use serde_json::{Value, json};

/// A campaign for a segment, without letters kept from anybody but by the segment.
fn campaign(id: &str, segment: &str) -> Value {
    json!({
        "id": id, "name": "Segment", "programme": PROGRAMME, "kind": {"type": "individual"}, "segment": segment,
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "validity": {"type": "days", "after_start": 0, "days": 60},
            "bearer": "bearer", "consideration": "free", "vat_kind": "value",
        },
        "texts": {"de": "{salutation}, {value}"}, "letter_variant": "a", "control_per_cent": 0, "one_per_household": false,
        "needs_acknowledgement": false, "letter_cost": {"printing_minor": 22, "postage_minor": 53},
        "schedule": {"type": "once", "on": "2026-12-01"},
    })
}

/// Tries the segment; returns which of these parties are in it.
async fn members(world: &World, id: &str, segment: &str, of: &BTreeMap<&'static str, String>) -> Vec<&'static str> {
    let body = json!({"expected_edition": 0, "campaign": campaign(id, segment)});
    let path = [("campaign_id", id)];
    let (status, answer) = world.call("PUT /v1/campaigns/{campaign_id}", &path, &body).await;
    assert_eq!(status, 201, "{answer}");
    let (status, run) = world
        .call("POST /v1/campaigns/{campaign_id}/dry-runs", &path, &json!({}))
        .await;
    assert_eq!(status, 202, "{run}");
    Delivering::well().until_rest(world).await;
    let run = run["run_id"].as_str().unwrap().to_owned();
    let mut found = Vec::new();
    for (name, party) in of {
        let path = [("run_id", &*run), ("party_id", &**party)];
        let (status, answer) = world
            .call("GET /v1/runs/{run_id}/members/{party_id}", &path, &Value::Null)
            .await;
        match status {
            200 if answer["decision"] == "in" => found.push(*name),
            404 => {}
            _ => panic!("{name}: {status} {answer}"),
        }
    }
    found
}

/// A customer with an address.
async fn customer(world: &World, serial: u64, gender: Option<&str>) -> (String, String) {
    let (card, party) = world.customer(serial).await;
    let path = [("party_id", &*party), (IF_MATCH, "*")];
    let address = json!({
        "kind": "postal", "purposes": ["main"], "street": "Bahnhofstrasse", "house_number": "1", "postcode": "8001",
        "town": "Zürich", "country": "CH",
    });
    let (status, answer) = world
        .call("POST /v1/parties/{party_id}/contacts", &path, &address)
        .await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
    if let Some(gender) = gender {
        let body = json!({"gender": gender});
        let (status, answer) = world.call("PATCH /v1/parties/{party_id}", &path, &body).await;
        assert_eq!(status, 200, "{answer}");
    }
    (card, party)
}

/// Sells lines of product groups on the day it is.
async fn sell(world: &World, store: &str, number: &str, lines: &[(&str, i64)], card: &str) {
    let total = lines.iter().map(|(_, minor)| minor).sum();
    let mut body = receipt(store, number, total, Some(card));
    body["business_date"] = json!(world.now.format("%Y-%m-%d").to_string());
    let line = |(group, minor): &(&str, i64)| json!({"sku": "4711", "group": group, "amount": chf(*minor)});
    body["lines"] = lines.iter().map(line).collect();
    let (status, answer) = world.buy(&body).await;
    assert_eq!(status, 201, "{answer}");
}

/// The programme follows the product groups of the second segment from now on.
async fn track(world: &World, groups: &Value) {
    let route = "PUT /v1/programmes/{programme_id}";
    let path = [("programme_id", PROGRAMME)];
    let (_, stored) = world
        .call("GET /v1/programmes/{programme_id}", &path, &Value::Null)
        .await;
    let mut settings = stored["settings"].clone();
    settings["tracked_groups"] = groups.clone();
    let body = json!({"expected_version": stored["version"], "reason": "Segments", "settings": settings});
    let (status, answer) = world.call(route, &path, &body).await;
    assert_eq!(
        (status, &answer["settings"]["tracked_groups"]),
        (200, groups),
        "{answer}"
    );
}

#[tokio::test]
async fn n10_at_a_branch_with_a_revenue_of_the_year_and_nothing_for_two_months() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let mut of = BTreeMap::new();
    let mut cards = BTreeMap::new();
    for (serial, name) in (1..).zip(["asleep", "awake", "elsewhere", "poor"]) {
        let (card, party) = customer(&world, serial, None).await;
        of.insert(name, party);
        cards.insert(name, card);
    }
    world.now = "2026-08-20T10:00:00Z".parse().unwrap();
    for (name, store, minor) in [
        ("asleep", "B01", 60_000),
        ("awake", "B01", 60_000),
        ("elsewhere", "B02", 60_000),
        ("poor", "B01", 9_900),
    ] {
        sell(&world, store, name, &[("paper", minor)], &cards[name]).await;
    }
    delivering.until_rest(&world).await;
    world.now = "2026-11-22T10:00:00Z".parse().unwrap();
    sell(&world, "B01", "awake-2", &[("paper", 100)], &cards["awake"]).await;
    delivering.until_rest(&world).await;
    let segment = r#"
        "B01" in activity.stores_12m
        && activity.revenue_minor_12m >= 50000
        && activity.receipts_2m == 0
    "#;
    assert_eq!(members(&world, "n10", segment, &of).await, ["asleep"]);
}

#[tokio::test]
async fn n11_in_the_shop_with_a_basket_female_and_interested_in_product_groups() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    track(&world, &json!(["tea", "wine"])).await;
    let mut of = BTreeMap::new();
    let mut cards = BTreeMap::new();
    for (serial, (name, gender)) in (1..).zip([
        ("all", Some("female")),
        ("beer", Some("female")),
        ("branch", Some("female")),
        ("brought_back", Some("female")),
        ("male", Some("male")),
        ("small_basket", Some("female")),
        ("unknown", None),
    ]) {
        let (card, party) = customer(&world, serial, gender).await;
        of.insert(name, party);
        cards.insert(name, card);
    }
    let wine: &[(&str, i64)] = &[("wine", 9_000), ("paper", 1_000)];
    for (name, store, lines) in [
        ("all", "SHOP", wine),
        ("beer", "SHOP", &[("beer", 9_000)]),
        ("branch", "B01", wine),
        ("brought_back", "SHOP", &[("wine", 9_000), ("paper", 30_000)]),
        ("male", "SHOP", wine),
        ("small_basket", "SHOP", &[("wine", 900)]),
        ("unknown", "SHOP", wine),
    ] {
        sell(&world, store, name, lines, &cards[name]).await;
    }
    delivering.until_rest(&world).await;
    let mut back = give_back("SHOP", "back", Some(&key("SHOP", "brought_back")), (1_000, 9_000));
    back["lines"] = json!([{"original_line": 0, "sku": "4711", "quantity_milli": 1_000, "amount": chf(9_000)}]);
    let (status, answer) = world.call("POST /v1/returns", &[], &back).await;
    assert_eq!(status, 201, "{answer}");
    delivering.until_rest(&world).await;
    let segment = r#"
        activity.shop_share >= 60
        && activity.average_basket_minor_12m >= 5000
        && party.gender == "female"
        && ("wine" in activity.groups_12m || "tea" in activity.groups_12m)
    "#;
    assert_eq!(members(&world, "n11", segment, &of).await, ["all"]);

    // Whoever opens the customer sees the same.
    let path = [("party_id", &*of["all"])];
    let route = format!("GET /v1/parties/{{party_id}}/overview?programme={PROGRAMME}");
    let (status, seen) = world.call(&route, &path, &Value::Null).await;
    assert_eq!(status, 200, "{seen}");
    let groups = &seen["months"][0]["groups"];
    assert_eq!(groups, &json!([{"group": "wine", "revenue": chf(9_000)}]), "{seen}");
}

#[tokio::test]
async fn n11_a_voided_receipt_takes_its_product_groups_along() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    track(&world, &json!(["wine"])).await;
    let (card, party) = customer(&world, 1, None).await;
    sell(&world, "B01", "1", &[("wine", 5_000)], &card).await;
    sell(&world, "B01", "2", &[("wine", 700)], &card).await;
    delivering.until_rest(&world).await;
    let path = [("key", &*key("B01", "1"))];
    let (status, answer) = world
        .call("POST /v1/purchases/{key}/void", &path, &json!({"reason": "Test"}))
        .await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    delivering.until_rest(&world).await;
    let of = BTreeMap::from([("it", party)]);
    let segment = r#"activity.main_group == "wine" && activity.revenue_minor_2m == 700"#;
    assert_eq!(members(&world, "void", segment, &of).await, ["it"]);
}
