//! The RFMR account (R2, C3): orders add, returns and letters that were sent subtract, and a campaign takes only addresses above a
//! score; through the calls, the queues and the bucket.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::programme::Programme;
use end_to_end::delivery::Delivering;
use end_to_end::letters::{bonus, confirm, letter_shopper, made_run, put_campaign, read, tried_run};
use end_to_end::till::{give_back, key};
use end_to_end::world::{IF_MATCH, World, second_person};
use serde_json::{Value, json};

async fn score(world: &World, party: &str) -> Value {
    score_in(world, "treue", party).await
}

async fn score_in(world: &World, programme: &str, party: &str) -> Value {
    let path = [("party_id", party)];
    let route = format!("GET /v1/parties/{{party_id}}/rfmr?programme={programme}");
    read(world, &route, &path).await
}

#[tokio::test]
async fn r2_every_order_adds_every_return_and_every_confirmed_letter_subtracts() {
    let world = World::new().await;
    let mut delivering = Delivering::badly(3);
    let anna = letter_shopper(&world, 1, "8001").await;
    let beat = letter_shopper(&world, 2, "8002").await;
    delivering.until_rest(&world).await;
    // CHF 129.90 this month: 20 for the order, 12 for the francs, from 25.
    let before = score(&world, &anna).await;
    let parts =
        ["score", "base", "orders", "revenue", "letters", "letters_sent"].map(|name| before[name].as_i64().unwrap());
    assert_eq!(parts, [57, 25, 20, 12, 0, 0], "{before}");

    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    let name = run["run_id"].as_str().unwrap();
    assert_eq!(score(&world, &anna).await["letters"], 0, "written is not sent");
    confirm(&world, name, &[&rows["8002"]["piece_id"]]).await;
    delivering.until_rest(&world).await;
    // 75 Rappen are two steps that were begun. Beat's letter was torn.
    let after = score(&world, &anna).await;
    assert_eq!(
        (&after["letters"], &after["letters_sent"], &after["score"]),
        (&json!(-2), &json!(1), &json!(55)),
        "{after}"
    );
    assert_eq!(score(&world, &beat).await["letters"], 0);
    let path = [("party_id", &*anna)];
    let timeline = read(&world, "GET /v1/parties/{party_id}/timeline?programme=treue", &path).await;
    let letters: Vec<_> = timeline["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["what"]["kind"] == "letter")
        .collect();
    assert_eq!(letters.len(), 1, "{timeline}");
    assert_eq!(
        (
            &letters[0]["what"]["piece"],
            &letters[0]["what"]["run_id"],
            &letters[0]["what"]["campaign"]
        ),
        (&json!(rows["8001"]["piece_id"]), &json!(name), &json!("Bonus")),
    );

    // What she takes back subtracts what it added.
    let back = give_back("B01", "901", Some(&key("B01", "1")), (1_000, 12_990));
    let (status, answer) = world.call("POST /v1/returns", &[], &back).await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
    delivering.until_rest(&world).await;
    assert_eq!(score(&world, &anna).await["revenue"], 0);
}

#[tokio::test]
async fn r2_a_campaign_takes_only_addresses_above_a_score_and_shows_what_that_saves() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    letter_shopper(&world, 2, "8002").await;
    // Who would get no letter anyway saves none.
    let objecting = letter_shopper(&world, 3, "8003").await;
    let path = [("party_id", &*objecting), (IF_MATCH, "*"), ("channel", "letter")];
    let consent = json!({"state": "withdrawn", "source": "till"});
    let route = "PUT /v1/parties/{party_id}/consents/{channel}";
    assert_eq!(world.call(route, &path, &consent).await.0, 200);
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("first")).await;
    let run = tried_run(&world, &mut delivering, "first").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    confirm(&world, run["run_id"].as_str().unwrap(), &[&rows["8002"]["piece_id"]]).await;
    delivering.until_rest(&world).await;

    // 57 is what an order of this month comes to; Anna has had a letter since.
    let mut campaign = bonus("second");
    campaign["rfmr_minimum"] = json!(56);
    put_campaign(&world, &campaign).await;
    let run = tried_run(&world, &mut delivering, "second").await;
    let totals = &run["dry_run"]["totals"];
    assert_eq!(
        (
            &totals["letters"],
            &totals["out"]["below_rfmr"],
            &totals["out"]["letter_objected"]
        ),
        (&json!(1), &json!(1), &json!(1)),
        "{run}"
    );
    assert_eq!(run["saved_by_rfmr_minor"], 75, "{run}");
    let path = [("run_id", run["run_id"].as_str().unwrap()), ("party_id", &*anna)];
    let member = read(&world, "GET /v1/runs/{run_id}/members/{party_id}", &path).await;
    assert_eq!(
        (&member["decision"], &member["reason"]),
        (&json!("out"), &json!("below_rfmr"))
    );

    // The segment can ask for it too.
    let mut campaign = bonus("third");
    campaign["segment"] = json!("rfmr.score == 55");
    put_campaign(&world, &campaign).await;
    let run = tried_run(&world, &mut delivering, "third").await;
    assert_eq!(run["dry_run"]["totals"]["letters"], 1, "{run}");
    // Two years later nothing of it counts any more.
    world.now = "2028-11-22T12:00:00Z".parse().unwrap();
    assert_eq!(score(&world, &anna).await["score"], 25);
}

/// What letters subtract from a score, and how many count.
fn letters(score: &Value) -> (i64, u64) {
    (
        score["letters"].as_i64().unwrap(),
        score["letters_sent"].as_u64().unwrap(),
    )
}

/// Takes the programme out of the letters that are noted with parties, as they were noted at first.
async fn forget_programmes(world: &World) {
    let scan = world.db.client().scan().table_name(world.db.table());
    let mut pages = scan.consistent_read(true).into_paginator().send();
    let mut changed = 0;
    while let Some(page) = pages.next().await {
        for item in page.expect("a page").items.unwrap_or_default() {
            if item["et"] != AttributeValue::S("sent_letter".to_owned()) {
                continue;
            }
            let update = world.db.client().update_item().table_name(world.db.table());
            let update = update.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
            let update = update.update_expression("REMOVE d.what.programme");
            update.send().await.expect("an update");
            changed += 1;
        }
    }
    assert_eq!(changed, 1, "one letter was sent");
}

#[tokio::test]
async fn r2_a_letter_counts_in_the_programme_that_paid_for_it_and_not_in_another_currency() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    delivering.until_rest(&world).await;
    let mut abroad = Programme::swiss_default("grenzland".parse().unwrap());
    abroad.currency = "EUR".parse().unwrap();
    world.store_programme(abroad).await;
    let mut campaign = bonus("grenzland");
    campaign["programme"] = json!("grenzland");
    // She has bought nothing there: nobody is above the base.
    campaign["segment"] = json!("rfmr.score == 25");
    put_campaign(&world, &campaign).await;
    let run = tried_run(&world, &mut delivering, "grenzland").await;
    made_run(&world, &mut delivering, &run).await;
    confirm(&world, run["run_id"].as_str().unwrap(), &[]).await;
    delivering.until_rest(&world).await;
    // 75 cents, two steps that were begun.
    assert_eq!(letters(&score_in(&world, "grenzland", &anna).await), (-2, 1));
    assert_eq!(letters(&score(&world, &anna).await), (0, 0));

    // The next runs see the same: 57 is what her order comes to in francs.
    for (id, programme, segment) in [
        ("in-francs", "treue", "rfmr.score == 57"),
        ("in-euros", "grenzland", "rfmr.score == 23"),
    ] {
        let mut campaign = bonus(id);
        (campaign["programme"], campaign["segment"]) = (json!(programme), json!(segment));
        put_campaign(&world, &campaign).await;
        let run = tried_run(&world, &mut delivering, id).await;
        assert_eq!(run["dry_run"]["totals"]["letters"], 1, "{id}: {run}");
    }

    // A letter that was noted before its programme was kept counts in each, until it is out of the window.
    forget_programmes(&world).await;
    assert_eq!(letters(&score_in(&world, "grenzland", &anna).await), (-2, 1));
    assert_eq!(letters(&score(&world, &anna).await), (-2, 1));
}

#[tokio::test]
async fn r2_the_rules_are_the_programmes_and_checked_when_they_are_stored() {
    let world = World::new().await;
    let stored = read(
        &world,
        "GET /v1/programmes/{programme_id}",
        &[("programme_id", "treue")],
    )
    .await;
    let mut settings = stored["settings"].clone();
    settings["rfmr"] = json!({
        "base": 0, "window_months": 121, "orders": [{"up_to_months": 3, "points": 1}, {"up_to_months": 3, "points": 2}],
        "revenue": {"points": 0, "per_minor": 1}, "letters": {"points": -1, "per_minor": 1},
    });
    let body = json!({"expected_version": stored["version"], "reason": "RFMR", "settings": settings});
    let path = [("programme_id", "treue")];
    let (status, answer) = world
        .call_as(&second_person(), "PUT /v1/programmes/{programme_id}", &path, &body)
        .await;
    let found: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(status, 422, "{answer}");
    assert_eq!(
        found,
        [
            "/settings/rfmr/window_months",
            "/settings/rfmr/orders",
            "/settings/rfmr/letters"
        ]
    );
}

#[tokio::test]
async fn r2_a_person_who_was_erased_leaves_no_letter_behind() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    let path = [("party_id", &*anna)];
    let (status, answer) = world
        .call(
            "POST /v1/parties/{party_id}/erasure",
            &path,
            &json!({"reason": "on_request"}),
        )
        .await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    let route = "POST /v1/parties/{party_id}/erasure/approval";
    let (status, answer) = world.call_as(&second_person(), route, &path, &Value::Null).await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    delivering.until_rest(&world).await;
    // The printer confirms what it has, later.
    confirm(&world, run["run_id"].as_str().unwrap(), &[]).await;
    delivering.until_rest(&world).await;
    let piece = &*rows["8001"]["piece_id"];
    let left = end_to_end::traces::everything(&world).await;
    let left: Vec<_> = left
        .iter()
        .filter(|place| place.contains(piece) && place.contains(&*anna) && place.contains("TIMELINE#"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
