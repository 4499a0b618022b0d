//! Who gets how many of a campaign's vouchers (N7, X6, X15): those who pay for them with points, and one of each household.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::letters::{
    begin_run, bonus, columns_for, letter_shopper, made_run, put_campaign, read, rows_of, tried_run,
};
use end_to_end::plan::Throttled;
use end_to_end::till::{give_back, key, receipt};
use end_to_end::world::{CUT, PAGE, TENANT, World, card};
use faults::Site;
use messages::CampaignMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};

async fn done(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!(matches!(status, 200 | 201), "{route}: {status} {answer}");
    answer
}

/// A voucher for every 50 points, three at most.
fn for_points() -> Value {
    let mut campaign = bonus("points");
    campaign["voucher"]["cost_points"] = json!(50);
    campaign["voucher"]["per_member"] = json!(3);
    campaign["texts"]["de"] = json!("{points} Punkte bleiben.");
    campaign
}

async fn points(world: &World, party: &str) -> Value {
    let route = "GET /v1/parties/{party_id}/points?programme=treue";
    read(world, route, &[("party_id", party)]).await
}

async fn member(world: &World, run: &Value, party: &str) -> (Value, Value) {
    let path = [("run_id", run["run_id"].as_str().unwrap()), ("party_id", party)];
    let member = read(world, "GET /v1/runs/{run_id}/members/{party_id}", &path).await;
    (member["decision"].clone(), member["reason"].clone())
}

/// The vouchers' codes in a letter.
fn codes(letter: &BTreeMap<String, String>) -> Vec<String> {
    let codes = (1..=10).filter_map(|n| {
        letter
            .get(&format!("code_{n}"))
            .or(letter.get("code").filter(|_| n == 1))
    });
    codes.filter(|code| !code.is_empty()).cloned().collect()
}

async fn redeem(world: &World, code: &str, number: &str) -> (u16, Value) {
    let body = json!({
        "store": "SHOP", "till": "1", "code": code, "basket_total": {"amount_minor": 5_000, "currency": "CHF"},
        "receipt": format!("SHOP~1~{}~{number}", world.now.format("%Y-%m-%d")),
    });
    world.call("POST /v1/vouchers/redeem", &[], &body).await
}

#[tokio::test]
async fn n7_members_pay_for_a_bonus_with_points_and_the_rest_stays() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    // Of 259 points three vouchers are the most; 259 cover five.
    let beat = letter_shopper(&world, 2, "3011").await;
    let more = receipt("B02", "2", 13_000, Some(&card(2)));
    assert_eq!(world.buy(&more).await.0, 201);
    // 40 points are not enough for one.
    let (poor, carla) = world.customer(3).await;
    assert_eq!(world.buy(&receipt("B01", "3", 4_000, Some(&poor))).await.0, 201);
    delivering.until_rest(&world).await;
    columns_for(&world, 3).await;
    let mut campaign = for_points();
    campaign.as_object_mut().unwrap().remove("segment");
    put_campaign(&world, &campaign).await;

    let run = tried_run(&world, &mut delivering, "points").await;
    let totals = &run["dry_run"]["totals"];
    assert_eq!(totals["out"]["too_few_points"], 1, "{run}");
    let sums = ["letters", "vouchers", "points", "face_value_minor"].map(|name| totals[name].clone());
    assert_eq!(sums, [json!(2), json!(5), json!(250), json!(5_000)], "{run}");
    assert_eq!(
        points(&world, &anna).await["balance"],
        129,
        "nothing is taken by looking"
    );

    let letters = made_run(&world, &mut delivering, &run).await;
    assert_eq!(
        (codes(&letters["8001"]).len(), codes(&letters["3011"]).len()),
        (2, 3),
        "{letters:?}"
    );
    assert_eq!(letters["8001"]["text"], "29 Punkte bleiben.");
    let balances = [&anna, &beat, &carla].map(|party| party.clone());
    for (party, left) in balances.iter().zip([29, 109, 40]) {
        assert_eq!(points(&world, party).await["balance"], left);
    }
    let told = points(&world, &anna).await;
    let debit = &told["entries"][0];
    let cause = json!({
        "kind": "voucher_issue", "run": run["run_id"], "first": 1, "count": 2, "threshold_points": 50,
    });
    assert_eq!((&debit["cause"], &debit["points"]), (&cause, &json!(-100)), "{told}");

    world.now = "2026-12-02T10:00:00Z".parse().unwrap();
    assert_eq!(redeem(&world, &codes(&letters["8001"])[0], "1").await.0, 200);
    // One that is voided gives its points back, once.
    let path = [("party_id", &*beat), ("sequence", "points~2026-12~2")];
    for token in ["one", "two"] {
        let body = json!({"programme": "treue", "reason": "Complaint", "client_token": token});
        done(
            &world,
            "POST /v1/parties/{party_id}/vouchers/{sequence}/void",
            &path,
            &body,
        )
        .await;
    }
    assert_eq!(points(&world, &beat).await["balance"], 159);
    delivering.until_rest(&world).await;
    Books::read(&world).await.check();
}

#[tokio::test]
async fn n7_who_has_fewer_points_than_at_the_choice_gets_fewer_vouchers_and_who_has_none_left_gets_none() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    let beat = letter_shopper(&world, 2, "3011").await;
    delivering.until_rest(&world).await;
    columns_for(&world, 3).await;
    put_campaign(&world, &for_points()).await;
    let run = tried_run(&world, &mut delivering, "points").await;
    assert_eq!(run["dry_run"]["totals"]["vouchers"], 4, "{run}");
    // Between choice and start goods come back: 69 points are left of 129, and 9.
    for (serial, minor) in [("1", 6_000), ("2", 12_000)] {
        let back = give_back("B02", &format!("R{serial}"), Some(&key("B01", serial)), (500, minor));
        done(&world, "POST /v1/returns", &[], &back).await;
    }
    delivering.until_rest(&world).await;
    let letters = made_run(&world, &mut delivering, &run).await;
    assert_eq!(letters.keys().collect::<Vec<_>>(), ["8001"], "{letters:?}");
    assert_eq!(codes(&letters["8001"]).len(), 1);
    assert_eq!(points(&world, &anna).await["balance"], 19);
    assert_eq!(points(&world, &beat).await["balance"], 9);
    let path = [("run_id", run["run_id"].as_str().unwrap())];
    let done = read(&world, "GET /v1/runs/{run_id}", &path).await;
    let issued = (&done["progress"]["vouchers"], &done["gaps"]);
    assert_eq!(issued, (&json!(1), &json!(1)), "{done}");
    Books::read(&world).await.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x5_workers_at_the_same_members_at_once_take_points_once_and_print_what_was_paid_for() {
    for seed in [1, 2] {
        let world = World::new().await;
        let mut delivering = Delivering::badly(seed);
        delivering.at_once(8);
        let mut parties = Vec::new();
        for serial in 1..=10 {
            parties.push(letter_shopper(&world, serial, &(8_000 + serial).to_string()).await);
        }
        delivering.until_rest(&world).await;
        let mut campaign = for_points();
        // Who has paid has too few left for another one.
        campaign["voucher"]["cost_points"] = json!(100);
        campaign["voucher"]["per_member"] = json!(1);
        put_campaign(&world, &campaign).await;
        let run = tried_run(&world, &mut delivering, "points").await;
        assert_eq!(run["dry_run"]["totals"]["vouchers"], 10, "{run}");
        let letters = made_run(&world, &mut delivering, &run).await;
        for (party, serial) in parties.iter().zip(1..) {
            assert_eq!(points(&world, party).await["balance"], 29, "seed {seed}");
            let letter = letters.get(&(8_000 + serial).to_string());
            assert_eq!(
                letter.map(|letter| codes(letter).len()),
                Some(1),
                "seed {seed}, {serial}"
            );
        }
        let path = [("run_id", run["run_id"].as_str().unwrap())];
        let done = read(&world, "GET /v1/runs/{run_id}", &path).await;
        assert_eq!(done["progress"]["vouchers"], 10, "seed {seed}: {done}");
        Books::read(&world).await.check();
    }
}

/// The message that starts a run.
fn start_of(run: &Value) -> CampaignMessage {
    CampaignMessage::Start {
        tenant: TENANT.parse().unwrap(),
        run: run["run_id"].as_str().unwrap().parse().unwrap(),
        revision: 1,
    }
}

/// The messages that give the members of its shards their vouchers.
fn issues_of(run: &Value) -> Vec<CampaignMessage> {
    let issue = |shard| CampaignMessage::Issue {
        tenant: TENANT.parse().unwrap(),
        run: run["run_id"].as_str().unwrap().parse().unwrap(),
        revision: 1,
        shard,
    };
    (0..CUT.shards).map(issue).collect()
}

/// One delivery of a message; whether it is done with.
async fn is_done_with(world: &World, message: CampaignMessage, deadline: Deadline) -> bool {
    let id = "1".to_owned();
    let delivery = vec![Delivery { id, message }];
    world
        .running_campaigns()
        .work_off(delivery, deadline, world.now)
        .await
        .is_empty()
}

/// Members that a run has served.
async fn served(world: &World, run: &Value) -> u64 {
    let path = [("run_id", run["run_id"].as_str().unwrap())];
    let run = read(world, "GET /v1/runs/{run_id}", &path).await;
    run["progress"]["members"].as_u64().unwrap()
}

/// Shoppers 1 to 9 and a campaign that gives each of them a voucher for points; its run is about to start.
async fn about_to_start(world: &World, delivering: &mut Delivering) -> Value {
    for serial in 1..=9 {
        letter_shopper(world, serial, &(8_000 + serial).to_string()).await;
    }
    delivering.until_rest(world).await;
    let mut campaign = for_points();
    campaign["voucher"]["per_member"] = json!(1);
    put_campaign(world, &campaign).await;
    let run = tried_run(world, delivering, "points").await;
    begin_run(world, &run).await;
    run
}

#[tokio::test]
async fn x5_an_error_in_a_later_page_keeps_whom_the_pages_before_it_have_served() {
    let plan = Arc::new(Throttled::at(Site::RunGive));
    let world = World::with_plan(Some(plan.clone())).await;
    let mut delivering = Delivering::well();
    let run = about_to_start(&world, &mut delivering).await;
    assert!(is_done_with(&world, start_of(&run), Deadline::never()).await);
    let mut failed = 0;
    for issue in issues_of(&run) {
        let before = served(&world, &run).await;
        // A page gets its vouchers, each a write and another one for its reference; behind it the table is too busy, for all tries of a
        // call and longer.
        plan.next_behind(2 * usize::from(PAGE), 1_000);
        if is_done_with(&world, issue, Deadline::never()).await {
            continue;
        }
        assert_eq!(
            served(&world, &run).await,
            before + u64::from(PAGE),
            "those of the first page"
        );
        failed += 1;
    }
    // Nine members in three shards: one has three at least.
    assert!(failed >= 1);
    plan.next(0);
    delivering.until_rest(&world).await;
    assert_eq!((served(&world, &run).await, rows_of(&world, &run).await.len()), (9, 9));
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x5_a_worker_whose_time_is_over_amid_a_page_keeps_whom_it_has_served() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let run = about_to_start(&world, &mut delivering).await;
    let work_off = async |message: CampaignMessage| {
        let over = Deadline::at(Instant::now());
        assert!(is_done_with(&world, message, over).await, "it has handed its work on");
        served(&world, &run).await
    };
    assert_eq!(work_off(start_of(&run)).await, 0);
    let mut after_each = Vec::new();
    for issue in issues_of(&run) {
        loop {
            let before = after_each.last().copied().unwrap_or(0);
            let now = work_off(issue.clone()).await;
            if now == before {
                break;
            }
            after_each.push(now);
        }
    }
    assert_eq!(after_each, (1..=9).collect::<Vec<u64>>(), "one for each message");
    // What was handed on, and the file.
    delivering.until_rest(&world).await;
    assert_eq!(rows_of(&world, &run).await.len(), 9);
    Books::read(&world).await.check();
}

#[tokio::test]
async fn n4_a_voucher_over_the_threshold_and_one_of_a_run_never_spend_the_same_points() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    letter_shopper(&world, 2, "3011").await;
    delivering.until_rest(&world).await;
    columns_for(&world, 3).await;
    put_campaign(&world, &for_points()).await;
    let run = tried_run(&world, &mut delivering, "points").await;
    // 509 points: what is posted, what is due over the threshold and what the run takes are delivered side by side.
    let more = receipt("B02", "2", 38_000, Some(&card(1)));
    assert_eq!(world.buy(&more).await.0, 201);
    let letters = made_run(&world, &mut delivering, &run).await;
    let told = points(&world, &anna).await;
    let entries = told["entries"].as_array().unwrap().iter();
    let spent: i64 = entries
        .filter_map(|entry| entry["points"].as_i64())
        .filter(|points| *points < 0)
        .sum();
    // The threshold came first and left 9, or the run did and left too few for the threshold.
    let of_run = letters.get("8001").map_or(0, |letter| codes(letter).len());
    assert!([(-500, 0), (-100, 2)].contains(&(spent, of_run)), "{of_run} {told}");
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x15_one_letter_goes_to_each_household_and_the_others_are_told_apart() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let mut parties = Vec::new();
    for (serial, postcode) in [(1, "8001"), (2, "8002"), (3, "8003"), (4, "8004"), (5, "8005")] {
        parties.push(letter_shopper(&world, serial, postcode).await);
    }
    let [anna, beat, carla, dario, emma] = parties.try_into().unwrap();
    // Anna and Beat live together; Carla and Dario are both related to a household of its own; Emma lives alone.
    let (_, house) = world.customer(6).await;
    for (one, other) in [(&anna, &beat), (&carla, &house), (&dario, &house)] {
        let body = json!({"relationship": "household", "other": other});
        done(
            &world,
            "POST /v1/parties/{party_id}/relationships",
            &[("party_id", one)],
            &body,
        )
        .await;
    }
    delivering.until_rest(&world).await;
    let mut campaign = bonus("house");
    campaign["one_per_household"] = json!(true);
    put_campaign(&world, &campaign).await;
    let run = tried_run(&world, &mut delivering, "house").await;
    let totals = &run["dry_run"]["totals"];
    assert_eq!(
        (&totals["letters"], &totals["out"]["household_served"]),
        (&json!(3), &json!(2)),
        "{run}"
    );
    assert_eq!(member(&world, &run, &emma).await.0, "in");
    for pair in [[&anna, &beat], [&carla, &dario]] {
        let mut told = Vec::new();
        for party in pair {
            told.push(member(&world, &run, party).await);
        }
        told.sort_by_key(|(decision, _)| decision.to_string());
        let expected = [(json!("in"), Value::Null), (json!("out"), json!("household_served"))];
        assert_eq!(told, expected);
    }
    // Tried again, the same number; and the run makes as many letters.
    let run = tried_run(&world, &mut delivering, "house").await;
    assert_eq!(run["dry_run"]["totals"]["letters"], 3, "{run}");
    assert_eq!(made_run(&world, &mut delivering, &run).await.len(), 3);
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x6_members_for_whom_nothing_of_the_budget_is_left_are_left_out_and_told() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let mut parties = Vec::new();
    for serial in 1..=6 {
        parties.push(letter_shopper(&world, serial, &(8_000 + serial).to_string()).await);
    }
    delivering.until_rest(&world).await;
    let mut campaign = bonus("capped");
    campaign["budget_minor"] = json!(3_500);
    campaign["budget_rule"] = json!("leave_out");
    put_campaign(&world, &campaign).await;
    let run = tried_run(&world, &mut delivering, "capped").await;
    let totals = &run["dry_run"]["totals"];
    let said = (
        &totals["letters"],
        &totals["face_value_minor"],
        &totals["out"]["over_budget"],
    );
    assert_eq!(said, (&json!(3), &json!(3_000), &json!(3)), "{run}");
    let mut left_out = 0;
    for party in &parties {
        left_out += usize::from(member(&world, &run, party).await.1 == "over_budget");
    }
    assert_eq!(left_out, 3);
    assert_eq!(made_run(&world, &mut delivering, &run).await.len(), 3);
    Books::read(&world).await.check();
}
