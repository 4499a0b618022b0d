//! The close of a day: activation, vouchers, expiry (requirements, part 3, 4.3; scenario 20), resumable and done once.

use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use domain::programme::{Expiry, PointsLife, Programme};
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::receipt;
use end_to_end::world::{PROGRAMME, TENANT, World};
use messages::DayCloseMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::Value;
use store::account::DUE_SHARDS;

fn programme(version: u32, pending_days: u32, expiry: Expiry) -> Programme {
    Programme {
        version,
        points: PointsLife {
            pending_days,
            expiry,
            grace_days: 1,
        },
        ..Programme::swiss_default(PROGRAMME.parse().expect("an id"))
    }
}

/// A world in which so many customers have 100 points each that count from 6 December on.
async fn with_pending(customers: u64) -> (World, Vec<String>) {
    let world = World::new().await;
    world
        .store_programme(programme(2, 14, Expiry::Months { months: 1 }))
        .await;
    let mut parties = Vec::new();
    for serial in 1..=customers {
        let (card, party) = world.customer(serial).await;
        world
            .buy(&receipt("B01", &serial.to_string(), 10_000, Some(&card)))
            .await;
        parties.push(party);
    }
    Delivering::well().until_rest(&world).await;
    (world, parties)
}

async fn balance(world: &World, party: &str) -> (Option<i64>, Option<i64>) {
    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    let (status, shown) = world.call(&route, &[("party_id", party)], &Value::Null).await;
    assert_eq!(status, 200, "{shown}");
    (shown["balance"].as_i64(), shown["pending"].as_i64())
}

fn shards(day: &str) -> Vec<Delivery<DayCloseMessage>> {
    (0..DUE_SHARDS)
        .map(|shard| Delivery {
            id: shard.to_string(),
            message: DayCloseMessage::CloseShard {
                tenant: TENANT.parse().expect("a tenant"),
                programme: PROGRAMME.parse().expect("an id"),
                day: day.parse().expect("a day"),
                shard,
                after: None,
            },
        })
        .collect()
}

async fn close(world: &World) {
    world.ask_for_close().await;
    Delivering::well().until_rest(world).await;
}

#[tokio::test]
async fn a_day_closed_twice_or_late_changes_nothing_more() {
    let (mut world, parties) = with_pending(3).await;
    world.now += TimeDelta::days(13);
    close(&world).await;
    assert_eq!(
        balance(&world, &parties[0]).await,
        (Some(0), Some(100)),
        "5 December is a day early"
    );
    world.now += TimeDelta::days(3);
    for _ in 0..2 {
        close(&world).await;
        assert_eq!(balance(&world, &parties[0]).await, (Some(100), Some(0)));
    }
    // A message of the day before, redriven from a dead-letter queue.
    let failed = world
        .closing()
        .work_off(shards("2026-12-05"), Deadline::never(), world.now)
        .await;
    assert!(failed.is_empty());
    let books = Books::read(&world).await;
    books.check();
    assert!(
        books.ledger.values().all(|entries| entries.len() == 2),
        "a receipt and an activation"
    );
}

#[tokio::test]
async fn an_account_that_has_nothing_due_is_neither_read_nor_written() {
    let (mut world, _) = with_pending(20).await;
    world.now += TimeDelta::days(1);
    let db = world.handlers_db();
    let closing = day_close::App::new(
        db.clone(),
        world.sender(),
        world.day_close_queue.clone(),
        runtime::secrets::Pepper::new(b"p".repeat(64)),
        world.code_keys.clone(),
    );
    let failed = closing
        .work_off(shards("2026-11-23"), Deadline::never(), world.now)
        .await;
    assert!(failed.is_empty());
    let cost = db.meter().take();
    assert_eq!(
        (cost.requests, cost.write_milli),
        (u64::from(DUE_SHARDS), 0),
        "one look at each shard: {cost:?}"
    );
    assert!(cost.read_milli <= 500 * u64::from(DUE_SHARDS), "{cost:?}");
}

#[tokio::test]
async fn what_the_time_does_not_suffice_for_goes_on_in_a_message_of_its_own() {
    let (mut world, parties) = with_pending(5).await;
    world.now += TimeDelta::days(14);
    let over = Deadline::at(Instant::now());
    let failed = world.closing().work_off(shards("2026-12-06"), over, world.now).await;
    assert!(failed.is_empty(), "the rest is on the queue");
    assert_eq!(balance(&world, &parties[0]).await, (Some(0), Some(100)));
    Delivering::badly(9).until_rest(&world).await;
    // The first of each shard was passed by its own message; the next hour finds what that left.
    close(&world).await;
    for party in &parties {
        assert_eq!(balance(&world, party).await, (Some(100), Some(0)));
    }
    Books::read(&world).await.check();
}

#[tokio::test]
async fn an_account_that_cannot_be_closed_holds_up_no_other() {
    let (mut world, parties) = with_pending(6).await;
    world.now += TimeDelta::days(14);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let spoil = world.db.client().update_item().table_name(world.db.table());
    let spoil = spoil
        .key("pk", text(&format!("PARTY#{TENANT}#{}", parties[2])))
        .key("sk", text(&format!("TILL#1ACCOUNT#{PROGRAMME}")))
        .update_expression("SET #d.#b = :text")
        .expression_attribute_names("#d", "d")
        .expression_attribute_names("#b", "balance")
        .expression_attribute_values(":text", text("much"));
    let _ = spoil.send().await.expect("spoiled");
    let failed = world
        .closing()
        .work_off(shards("2026-12-06"), Deadline::never(), world.now)
        .await;
    assert_eq!(failed.len(), 1, "the shard of the spoiled account comes again");
    for (index, party) in parties.iter().enumerate().filter(|(index, _)| *index != 2) {
        assert_eq!(balance(&world, party).await, (Some(100), Some(0)), "{index}");
    }
}

#[tokio::test]
async fn scenario_20_a_day_ends_at_local_midnight_also_when_it_has_23_or_25_hours() {
    for (sold, before, after) in [
        ("2026-02-28", "2026-03-28T22:59:00Z", "2026-03-28T23:00:00Z"),
        ("2026-02-28", "2026-03-28T22:30:00Z", "2026-03-29T21:59:00Z"),
        ("2026-09-25", "2026-10-25T22:59:00Z", "2026-10-25T23:00:00Z"),
    ] {
        let mut world = World::new().await;
        world.now = format!("{sold}T10:00:00Z").parse().expect("an instant");
        world
            .store_programme(programme(2, 0, Expiry::Months { months: 1 }))
            .await;
        let (card, party) = world.customer(1).await;
        let mut body = receipt("B01", "1", 10_000, Some(&card));
        body["business_date"] = sold.into();
        let (status, answer) = world.buy(&body).await;
        assert_eq!(status, 201, "{answer}");
        Delivering::well().until_rest(&world).await;
        world.now = before.parse().expect("an instant");
        close(&world).await;
        assert_eq!(
            balance(&world, &party).await.0,
            Some(100),
            "{before} is still the last day"
        );
        world.now = after.parse().expect("an instant");
        close(&world).await;
        assert_eq!(balance(&world, &party).await.0, Some(0), "{after} is the day after");
    }
}

#[tokio::test]
async fn points_that_begin_to_count_make_a_voucher_with_points_that_would_expire_on_the_same_day() {
    let mut world = World::new().await;
    world
        .store_programme(programme(2, 14, Expiry::Months { months: 1 }))
        .await;
    let (card, party) = world.customer(1).await;
    let mut body = receipt("B01", "1", 30_000, Some(&card));
    body["business_date"] = "2026-10-25".into();
    world.buy(&body).await;
    let mut body = receipt("B01", "2", 30_000, Some(&card));
    body["business_date"] = "2026-11-12".into();
    world.buy(&body).await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(balance(&world, &party).await, (Some(300), Some(300)));
    // 25 November was the last day of the first, 26 November is the first of the second.
    world.now = "2026-11-26T01:00:00Z".parse().expect("an instant");
    close(&world).await;
    assert_eq!(balance(&world, &party).await, (Some(100), Some(0)));
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(books.vouchers.len(), 1, "a voucher, and nothing expired");
}
