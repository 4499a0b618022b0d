//! A run for points that is stopped (N7, R5): who has paid gets the vouchers and their letter when it is made on, or the points back
//! when its vouchers are blocked, also where a worker has died between the two.

use chrono::TimeDelta;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::letters::{begin_run, bonus, columns_for, letter_shopper, made_run, put_campaign, read, tried_run};
use end_to_end::till::redeem;
use end_to_end::world::{IF_MATCH, World, card};
use faults::Site;
use serde_json::{Value, json};
use store::account::{self, AccountId};
use store::db::Read;

const RUN: &str = "points~2026-11";

/// Shoppers with 129 points each, and a campaign that gives three vouchers at most for 50 points each, today.
async fn world_of(shoppers: u64, change: impl FnOnce(&mut Value)) -> (World, Delivering, Vec<String>) {
    let (world, mut delivering) = (World::new().await, Delivering::well());
    let mut parties = Vec::new();
    for serial in 1..=shoppers {
        parties.push(letter_shopper(&world, serial, &(8_000 + serial).to_string()).await);
    }
    delivering.until_rest(&world).await;
    columns_for(&world, 3).await;
    let mut campaign = bonus("points");
    campaign["schedule"]["day"] = json!(22);
    campaign["voucher"]["cost_points"] = json!(50);
    campaign["voucher"]["per_member"] = json!(3);
    change(&mut campaign);
    put_campaign(&world, &campaign).await;
    (world, delivering, parties)
}

/// The run is started, and its vouchers are given; the file waits.
async fn given(world: &World, delivering: &mut Delivering) {
    let run = tried_run(world, delivering, "points").await;
    begin_run(world, &run).await;
    delivering.runs_only(world).await;
    assert_eq!(run_of(world).await["stage"], "writing");
}

/// The run is started, and a worker has died over its first member: the points are taken, and no voucher was given.
async fn paid_only(world: &World, delivering: &mut Delivering, party: &str) {
    let run = tried_run(world, delivering, "points").await;
    begin_run(world, &run).await;
    delivering.once(world).await;
    assert_eq!(run_of(world).await["stage"], "issuing");
    let id = AccountId {
        tenant: "demo".parse().unwrap(),
        party: party.parse().unwrap(),
        programme: "treue".parse().unwrap(),
    };
    let before = account::read(&world.db, Site::ToolRead, &id, Read::Strong)
        .await
        .unwrap()
        .unwrap();
    let day = "2026-11-22".parse().unwrap();
    let (entry, after) = before
        .d
        .pay_for_run(&RUN.parse().unwrap(), 2, 50, day, 1)
        .unwrap()
        .unwrap();
    let done = account::pay_for_run(&world.db, Site::ToolWrite, &id, &before, (&entry, &after), world.now).await;
    assert!(done.unwrap());
}

async fn run_of(world: &World) -> Value {
    read(world, "GET /v1/runs/{run_id}", &[("run_id", RUN)]).await
}

async fn stop(world: &World, delivering: &mut Delivering, block: bool) {
    let body = json!({"reason": "Wrong text", "block_vouchers": block});
    let (status, answer) = world
        .call("POST /v1/runs/{run_id}/stop", &[("run_id", RUN)], &body)
        .await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(world).await;
}

async fn balance(world: &World, party: &str) -> i64 {
    let route = "GET /v1/parties/{party_id}/points?programme=treue";
    let points = read(world, route, &[("party_id", party)]).await;
    points["balance"].as_i64().unwrap()
}

#[tokio::test]
async fn n7_who_has_paid_gets_the_letter_of_the_run_that_is_made_on() {
    let (world, mut delivering, parties) = world_of(2, |_| {}).await;
    given(&world, &mut delivering).await;
    assert_eq!(balance(&world, &parties[0]).await, 29);
    stop(&world, &mut delivering, false).await;
    // 29 points would pay for none.
    let run = tried_run(&world, &mut delivering, "points").await;
    let totals = &run["dry_run"]["totals"];
    assert_eq!(
        (&totals["letters"], &totals["vouchers"]),
        (&json!(2), &json!(4)),
        "{run}"
    );
    let letters = made_run(&world, &mut delivering, &run).await;
    for (postcode, serial) in [("8001", 1), ("8002", 2)] {
        let letter = &letters[postcode];
        let printed = [letter["code"].clone(), letter["code_2"].clone()];
        let mut known = world.desk(&card(serial)).await.1;
        known.sort();
        let mut printed: Vec<String> = printed.map(|code| code.replace('-', "")).to_vec();
        printed.sort();
        assert_eq!(
            printed,
            known.iter().map(|code| code.replace('-', "")).collect::<Vec<_>>()
        );
    }
    assert_eq!(balance(&world, &parties[0]).await, 29, "nobody pays twice");
    Books::read(&world).await.check();
}

#[tokio::test]
async fn n7_a_worker_that_dies_after_the_payment_leaves_nobody_without_vouchers() {
    let (world, mut delivering, parties) = world_of(2, |_| {}).await;
    paid_only(&world, &mut delivering, &parties[0]).await;
    stop(&world, &mut delivering, false).await;
    // She wants no letters any more: what she has paid for she gets all the same.
    let path = [("party_id", &*parties[0]), (IF_MATCH, "*"), ("channel", "letter")];
    let consent = json!({"state": "withdrawn", "source": "till"});
    let (status, answer) = world
        .call("PUT /v1/parties/{party_id}/consents/{channel}", &path, &consent)
        .await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(&world).await;
    let run = tried_run(&world, &mut delivering, "points").await;
    assert_eq!(run["dry_run"]["totals"]["letters"], 1, "{run}");
    let letters = made_run(&world, &mut delivering, &run).await;
    assert_eq!(letters.keys().collect::<Vec<_>>(), ["8002"]);
    assert_eq!(world.desk(&card(1)).await.1.len(), 2);
    assert_eq!(balance(&world, &parties[0]).await, 29);
    Books::read(&world).await.check();
}

#[tokio::test]
async fn r5_blocking_a_run_for_points_makes_its_vouchers_void_and_gives_the_points_back() {
    let (mut world, mut delivering, parties) = world_of(2, |_| {}).await;
    given(&world, &mut delivering).await;
    let code = world.desk(&card(1)).await.1.remove(0);
    stop(&world, &mut delivering, true).await;
    world.now += TimeDelta::hours(1);
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(&world).await;
    let blocking = run_of(&world).await["blocking"].clone();
    assert_eq!(
        (&blocking["voided"], &blocking["blocked"]),
        (&json!(4), &json!(0)),
        "{blocking}"
    );
    for party in &parties {
        assert_eq!(balance(&world, party).await, 129);
    }
    let (status, answer) = world
        .call("POST /v1/vouchers/redeem", &[], &redeem("B01", &code, "9", 9_000))
        .await;
    assert_eq!((status, &answer["code"]), (409, &json!("voucher_voided")), "{answer}");
    Books::read(&world).await.check();
}

#[tokio::test]
async fn r5_points_that_a_dead_worker_has_taken_come_back_too() {
    let (mut world, mut delivering, parties) = world_of(2, |_| {}).await;
    paid_only(&world, &mut delivering, &parties[0]).await;
    assert_eq!(balance(&world, &parties[0]).await, 29);
    stop(&world, &mut delivering, true).await;
    world.now += TimeDelta::hours(1);
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(&world).await;
    assert_eq!(balance(&world, &parties[0]).await, 129);
    assert_eq!(balance(&world, &parties[1]).await, 129);
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x6_a_run_that_is_made_on_keeps_its_members_and_its_budget() {
    let within = |campaign: &mut Value| {
        campaign["voucher"].as_object_mut().unwrap().remove("cost_points");
        campaign["voucher"]["per_member"] = json!(1);
        campaign["budget_minor"] = json!(2_000);
        campaign["budget_rule"] = json!("leave_out");
    };
    let (world, mut delivering, parties) = world_of(5, within).await;
    let members = async |world: &World| {
        let mut chosen = Vec::new();
        for party in &parties {
            let path = [("run_id", RUN), ("party_id", &**party)];
            let member = read(world, "GET /v1/runs/{run_id}/members/{party_id}", &path).await;
            if member["decision"] == "in" {
                chosen.push(party.clone());
            }
        }
        chosen
    };
    given(&world, &mut delivering).await;
    let before = members(&world).await;
    assert_eq!(before.len(), 2);
    stop(&world, &mut delivering, false).await;
    let run = tried_run(&world, &mut delivering, "points").await;
    assert_eq!(run["dry_run"]["totals"]["face_value_minor"], 2_000, "{run}");
    assert_eq!(members(&world).await, before);
    assert_eq!(made_run(&world, &mut delivering, &run).await.len(), 2);
    Books::read(&world).await.check();
}
