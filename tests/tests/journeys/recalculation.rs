//! Receipts counted again under other settings (X8): on trial, and to correct points.

use domain::account::Cause;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::story::with_rules;
use end_to_end::till::{self, receipt};
use end_to_end::world::{PROGRAMME, World, second_person};
use messages::RecalculationMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};
use std::time::Instant;

const RUN: &str = "PUT /v1/recalculations/{run_id}";
const SHOW: &str = "GET /v1/recalculations/{run_id}";
const APPROVE: &str = "POST /v1/recalculations/{run_id}/approve";

async fn ask(world: &World, run: &str, body: &Value) -> (u16, Value) {
    world.call(RUN, &[("run_id", run)], body).await
}

async fn show(world: &World, run: &str) -> Value {
    let (status, shown) = world.call(SHOW, &[("run_id", run)], &Value::Null).await;
    assert_eq!(status, 200, "{shown}");
    shown
}

fn days(from: &str, until: &str) -> Value {
    json!({"programme": PROGRAMME, "version": 1, "from": from, "until": until, "reason": "Test"})
}

async fn buy_on(world: &World, day: &str, number: &str, minor: i64, card: &str) {
    let mut body = receipt("B01", number, minor, Some(card));
    body["business_date"] = json!(day);
    let (status, answer) = world.buy(&body).await;
    assert_eq!(status, 201, "{answer}");
}

async fn balance(world: &World, party: &str) -> i64 {
    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    let (_, shown) = world.call(&route, &[("party_id", party)], &Value::Null).await;
    shown["balance"].as_i64().expect("a balance")
}

#[tokio::test]
async fn x8_only_receipts_of_the_days_are_counted_and_nothing_changes_on_trial() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    for (day, number) in [
        ("2026-11-18", "1"),
        ("2026-11-19", "2"),
        ("2026-11-21", "3"),
        ("2026-11-22", "4"),
    ] {
        buy_on(&world, day, number, 10_000, &card).await;
    }
    Delivering::well().until_rest(&world).await;
    let route = "GET /v1/programmes/{programme_id}";
    let (_, current) = world.call(route, &[("programme_id", PROGRAMME)], &Value::Null).await;
    let mut trial = days("2026-11-19", "2026-11-21");
    trial["settings"] = current["settings"].clone();
    trial["settings"]["earning"]["points"] = json!(3);
    trial.as_object_mut().expect("a body").remove("version");
    assert_eq!(ask(&world, "trial", &trial).await.0, 202);
    assert_eq!(show(&world, "trial").await["state"], "counting");
    Delivering::twice().until_rest(&world).await;
    let shown = show(&world, "trial").await;
    let counted = json!({
        "receipts": 2, "receipts_without_account": 0, "receipts_not_posted": 0, "receipts_skipped": 0, "receipts_failed": 0,
        "receipts_changed": 2,
        "points_before": 200, "points_after": 600, "more": 400, "less": 0,
    });
    assert_eq!((&shown["kind"], &shown["counted"]), (&json!("trial"), &counted));
    let (status, problem) = world
        .call_as(&second_person(), APPROVE, &[("run_id", "trial")], &Value::Null)
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("run_not_ready")));
    assert_eq!(balance(&world, &party).await, 400);

    let (status, again) = ask(&world, "trial", &trial).await;
    assert_eq!((status, &again), (200, &shown));
    trial["until"] = json!("2026-11-20");
    assert_eq!(ask(&world, "trial", &trial).await.1["code"], "run_contradiction");
}

#[tokio::test]
async fn x8_a_run_that_makes_no_sense_is_refused_with_what_is_wrong() {
    let world = World::new().await;
    for (field, value, code, pointer) in [
        ("until", json!("2026-11-21"), 422, "/until"),
        ("until", json!("2027-11-21"), 422, "/until"),
        ("reason", json!(""), 422, "/reason"),
        ("version", json!(7), 422, "/version"),
        ("version", json!(null), 422, "/version"),
        ("programme", json!("Bad Id"), 422, "/programme"),
    ] {
        let mut body = days("2026-11-22", "2026-11-22");
        body[field] = value;
        let (status, problem) = ask(&world, "bad", &body).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (code, &json!(pointer)),
            "{problem}"
        );
    }
    let mut nowhere = days("2026-11-22", "2026-11-22");
    nowhere["programme"] = json!("other");
    assert_eq!(ask(&world, "bad", &nowhere).await.1["code"], "programme_unknown");
    let (status, _) = world.call(SHOW, &[("run_id", "bad")], &Value::Null).await;
    assert_eq!(status, 404, "nothing was kept");
}

#[tokio::test]
async fn x8_a_lower_rate_takes_spent_points_as_a_deficit_and_nothing_is_rewritten() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    buy_on(&world, "2026-11-22", "1", 60_000, &card).await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(balance(&world, &party).await, 100, "500 of 600 points became a voucher");
    let before = Books::read(&world).await;
    let mut half = domain::programme::Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    (half.version, half.earning.per_minor) = (2, 200);
    world.store_programme(half).await;
    let mut run = days("2026-11-22", "2026-11-22");
    run["version"] = json!(2);
    ask(&world, "half", &run).await;
    Delivering::well().until_rest(&world).await;
    let (status, _) = world
        .call_as(&second_person(), APPROVE, &[("run_id", "half")], &Value::Null)
        .await;
    assert_eq!(status, 200);
    Delivering::twice().until_rest(&world).await;
    assert_eq!(balance(&world, &party).await, -200);
    let after = Books::read(&world).await;
    after.check();
    let old: Vec<_> = before.ledger.values().flatten().collect();
    let new: Vec<_> = after.ledger.values().flatten().collect();
    assert!(
        old.iter().all(|entry| new.contains(entry)),
        "every entry stands as it was"
    );
    assert_eq!(new.len(), old.len() + 1);
    // The same run approved again changes nothing; neither does another one under the same version.
    let _ = world
        .call_as(&second_person(), APPROVE, &[("run_id", "half")], &Value::Null)
        .await;
    ask(&world, "half-again", &run).await;
    Delivering::twice().until_rest(&world).await;
    assert_eq!(show(&world, "half-again").await["counted"]["receipts_changed"], 0);
}

#[tokio::test]
async fn x8_a_cap_of_the_day_is_shared_by_the_receipts_in_the_order_of_their_posting() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    for number in 1..=4 {
        buy_on(&world, "2026-11-22", &number.to_string(), 30_000, &card).await;
        Delivering::well().until_rest(&world).await;
    }
    world.store_programme(with_rules()).await;
    let mut run = days("2026-11-22", "2026-11-22");
    run["version"] = json!(2);
    ask(&world, "cap", &run).await;
    Delivering::well().until_rest(&world).await;
    // 300 and 50 for the first purchase, 300, 50 up to the cap of 700, nothing.
    assert_eq!(show(&world, "cap").await["counted"]["points_after"], 700);
    let (status, _) = world
        .call_as(&second_person(), APPROVE, &[("run_id", "cap")], &Value::Null)
        .await;
    assert_eq!(status, 200);
    Delivering::well().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let entries = books.ledger.values().flatten();
    let sum: i64 = entries
        .filter(|entry| !matches!(entry.cause, Cause::VoucherIssue { .. }))
        .map(|entry| entry.points)
        .sum();
    assert_eq!(sum, 700);
    // What comes back of the third receipt is counted with what the cap left for it.
    let mut back = till::give_back("B02", "R1", Some(&till::key("B01", "3")), (1_000, 30_000));
    back["business_date"] = json!("2026-11-22");
    let (_, told) = world.call("POST /v1/returns", &[], &back).await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(told["expected_points"], -50, "{told}");
    let vouchers = 2 * 500;
    assert_eq!(balance(&world, &party).await, 700 - 50 - vouchers);
}

#[tokio::test]
async fn x8_a_part_whose_time_is_over_goes_on_where_it_left_off() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    buy_on(&world, "2026-11-22", "1", 10_000, &card).await;
    Delivering::well().until_rest(&world).await;
    ask(&world, "slow", &days("2026-11-20", "2026-11-22")).await;
    let message = RecalculationMessage::CountStore {
        tenant: end_to_end::world::TENANT.parse().expect("a tenant"),
        run: "slow".parse().expect("an id"),
        store: "B01".parse().expect("an id"),
    };
    let delivery = Delivery {
        id: "1".to_owned(),
        message,
    };
    let over = Deadline::at(Instant::now());
    let failed = world.recalculating().work_off(vec![delivery], over, world.now).await;
    assert!(failed.is_empty(), "it has handed its work on");
    assert_eq!(show(&world, "slow").await["counted"]["receipts"], 0);
    Delivering::well().until_rest(&world).await;
    let shown = show(&world, "slow").await;
    assert_eq!(
        (&shown["state"], &shown["counted"]["receipts"]),
        (&json!("counted"), &json!(1))
    );
}

/// A version under which receipts earn half a point for each franc, and expire with the next month.
async fn store_half(world: &World, version: u32) {
    let mut half = domain::programme::Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    (half.version, half.earning.per_minor) = (version, 200);
    world.store_programme(half).await;
}

async fn approve(world: &World, run: &str) {
    let (status, answer) = world
        .call_as(&second_person(), APPROVE, &[("run_id", run)], &Value::Null)
        .await;
    assert_eq!(status, 200, "{answer}");
    Delivering::twice().until_rest(world).await;
}

#[tokio::test]
async fn x8_a_run_that_was_overtaken_by_another_one_leaves_what_that_one_has_corrected() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    buy_on(&world, "2026-11-22", "1", 40_000, &card).await;
    Delivering::well().until_rest(&world).await;
    store_half(&world, 2).await;
    let mut triple = domain::programme::Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    (triple.version, triple.earning.points) = (3, 3);
    triple.voucher.threshold_points = 100_000;
    world.store_programme(triple).await;
    for (run, version) in [("wrong", 2), ("right", 3)] {
        let mut body = days("2026-11-22", "2026-11-22");
        body["version"] = json!(version);
        ask(&world, run, &body).await;
    }
    Delivering::well().until_rest(&world).await;
    approve(&world, "right").await;
    assert_eq!(balance(&world, &party).await, 1_200);
    approve(&world, "wrong").await;
    assert_eq!(balance(&world, &party).await, 1_200);
    let posted = show(&world, "wrong").await["posted"].clone();
    assert_eq!(
        (&posted["receipts_skipped"], &posted["receipts"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn x8_points_that_have_expired_are_not_taken_a_second_time_by_a_correction() {
    let mut world = World::new().await;
    let mut short = domain::programme::Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    short.version = 2;
    short.points.expiry = domain::programme::Expiry::Months { months: 1 };
    short.points.grace_days = 1;
    world.store_programme(short).await;
    let (card, party) = world.customer(1).await;
    buy_on(&world, "2026-11-22", "1", 30_000, &card).await;
    Delivering::well().until_rest(&world).await;
    world.now += chrono::TimeDelta::days(40);
    world.ask_for_close().await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(balance(&world, &party).await, 0, "300 points have expired");
    store_half(&world, 3).await;
    let mut body = days("2026-11-22", "2026-11-22");
    body["version"] = json!(3);
    ask(&world, "half", &body).await;
    Delivering::well().until_rest(&world).await;
    approve(&world, "half").await;
    assert_eq!(balance(&world, &party).await, 0, "150 of the expired ones are forgiven");
    let mut back = till::give_back("B02", "R1", Some(&till::key("B01", "1")), (1_000, 30_000));
    back["business_date"] = json!("2027-01-01");
    assert_eq!(world.call("POST /v1/returns", &[], &back).await.0, 201);
    Delivering::twice().until_rest(&world).await;
    assert_eq!(balance(&world, &party).await, 0);
    Books::read(&world).await.check();
}

#[tokio::test]
async fn l8_a_voided_receipt_leaves_the_cap_of_its_day_to_the_others() {
    let world = World::new().await;
    world.store_programme(with_rules()).await;
    let (card, party) = world.customer(1).await;
    buy_on(&world, "2026-11-22", "1", 65_000, &card).await;
    Delivering::well().until_rest(&world).await;
    let key = till::key("B01", "1");
    let void = "POST /v1/purchases/{key}/void";
    assert_eq!(world.call(void, &[("key", &key)], &Value::Null).await.0, 201);
    Delivering::well().until_rest(&world).await;
    let (_, told) = world.buy(&receipt("B01", "2", 60_000, Some(&card))).await;
    assert_eq!(
        told["expected"]["points"], 650,
        "the first purchase again, and nothing of the cap is taken"
    );
    Delivering::well().until_rest(&world).await;
    let vouchers = Books::read(&world).await.vouchers.len();
    let vouchers = i64::try_from(vouchers).expect("a few");
    assert_eq!(balance(&world, &party).await + 500 * vouchers, 650);
}
