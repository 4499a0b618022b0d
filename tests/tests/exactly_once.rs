//! Exactly once (X1; scenarios 1 to 5, 7, 8, 12 and 13): whatever the network and the processes do, every receipt is posted
//! once, and the books prove it.

#[path = "exactly_once/crashes.rs"]
mod crashes;

use std::sync::Arc;

use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::plan::{Moment, OneFault, Storm};
use end_to_end::story::Day;
use end_to_end::till::receipt;
use end_to_end::world::{Called, World, card};
use faults::{Fault, Site};
use futures::future::join_all;
use serde_json::{Value, json};

fn seed() -> u64 {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    seed
}

#[tokio::test]
async fn scenario_1_the_same_receipt_again_is_answered_as_the_first_time() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    let body = receipt("B01", "1", 12_990, Some(&card));
    let (first, told) = world.buy(&body).await;
    let (second, again) = world.buy(&body).await;
    assert_eq!((first, second), (201, 200));
    assert_eq!((&told["key"], &told["expected"]), (&again["key"], &again["expected"]));
    assert_eq!(
        (told["status"].as_str(), again["status"].as_str()),
        (Some("accepted"), Some("replayed"))
    );
    Delivering::well().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(world.desk(&card).await.0, 129);
}

#[tokio::test]
async fn scenario_2_fifty_posts_of_one_receipt_at_once_are_one_receipt() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    let body = receipt("B01", "1", 12_990, Some(&card));
    let answers = join_all((0..50).map(|_| world.buy(&body))).await;
    let created = answers.iter().filter(|(status, _)| *status == 201).count();
    let replayed = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!((created, replayed), (1, 49));
    Delivering::badly(seed()).until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(books.receipts.len(), 1);
}

#[tokio::test]
async fn scenario_3_the_same_key_with_other_content_is_refused_and_listed() {
    let world = World::new().await;
    let (status, _) = world.buy(&receipt("B01", "1", 12_990, None)).await;
    assert_eq!(status, 201);
    for _ in 0..2 {
        let (status, problem) = world.buy(&receipt("B01", "1", 12_991, None)).await;
        assert_eq!((status, problem["code"].as_str()), (422, Some("receipt_contradiction")));
    }
    let books = Books::read(&world).await;
    assert_eq!(
        (books.receipts.len(), books.receipts[0].receipt.total_minor),
        (1, 12_990)
    );
    assert_eq!(books.exceptions, 1, "one case, however often it is sent");
}

/// Each day told orderly, and then with its messages doubled and shuffled, in several ways.
async fn doubled_and_shuffled(days: &[Day]) {
    const ROUNDS: u64 = 2;
    let seed = seed();
    for day in days {
        let mut orderly = World::new().await;
        day.tell(&mut orderly, &mut Delivering::well()).await;
        let expected = day.end(&orderly).await.essence();
        for round in 0..ROUNDS {
            let mut world = World::new().await;
            let mut delivering = Delivering::badly(seed.wrapping_add(round));
            day.tell(&mut world, &mut delivering).await;
            let end = day.end(&world).await.essence();
            assert_eq!(end, expected, "{day:?}, seed {seed} round {round}");
        }
    }
}

// In two halves, side by side.
#[tokio::test]
async fn scenario_5_messages_doubled_and_shuffled_leave_the_books_of_an_orderly_day() {
    doubled_and_shuffled(&Day::ALL[..Day::ALL.len() / 2]).await;
}

#[tokio::test]
async fn scenario_5_messages_doubled_and_shuffled_leave_the_books_of_an_orderly_day_in_the_office_too() {
    doubled_and_shuffled(&Day::ALL[Day::ALL.len() / 2..]).await;
}

#[tokio::test]
async fn scenario_12_a_store_that_throttles_conflicts_and_times_out_only_costs_time() {
    let seed = seed();
    let storm = Arc::new(Storm::new(
        seed,
        30,
        &[Fault::Throttle, Fault::Conflict, Fault::Timeout],
    ));
    let mut world = World::with_plan(Some(storm.clone())).await;
    Day::Tills.tell(&mut world, &mut Delivering::badly(seed)).await;
    Day::Tills.end(&world).await;
    assert!(storm.injected() > 20, "the storm blew: {}", storm.injected());
}

#[tokio::test]
async fn scenario_4_a_lost_answer_is_found_again_by_the_same_call() {
    let plan = Arc::new(OneFault::none());
    let world = World::with_plan(Some(plan.clone())).await;
    let body = receipt("B01", "1", 12_990, None);
    assert_eq!(world.buy(&body).await.0, 201);
    let write = plan
        .calls()
        .iter()
        .position(|site| *site == Site::IngestReceipt)
        .expect("a write");

    let world = World::with_plan(Some(Arc::new(OneFault::at(write, Moment::After, Fault::Crash)))).await;
    assert!(matches!(
        world.call_once("POST /v1/purchases", &[], &body).await,
        Called::Died
    ));
    let (status, answer) = world.buy(&body).await;
    assert_eq!((status, answer["status"].as_str()), (200, Some("replayed")));
    assert_eq!(Books::read(&world).await.receipts.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_13_five_hundred_receipts_at_once_on_one_company_account_are_exact() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    let bodies: Vec<Value> = (0..500)
        .map(|number| receipt("B01", &number.to_string(), 1_050, Some(&card)))
        .collect();
    for bodies in bodies.chunks(50) {
        let answers = join_all(bodies.iter().map(|body| world.buy(body))).await;
        assert!(answers.iter().all(|(status, _)| *status == 201));
    }
    // Eight pollers at once, as the event source would run them.
    let mut delivering = Delivering::badly(seed());
    delivering.at_once(8).until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let account = books.accounts.values().next().expect("the company's account");
    assert_eq!((account.receipts, account.revenue_minor), (500, 525_000));
    assert_eq!((account.vouchers_issued, account.balance), (10, 0));
}

#[tokio::test]
async fn a_receipt_replayed_after_its_card_was_replaced_makes_no_second_entry() {
    let world = World::new().await;
    let (old, _) = world.customer(1).await;
    let body = receipt("B01", "1", 12_990, Some(&old));
    world.buy(&body).await;
    let mut delivering = Delivering::well();
    delivering.until_rest(&world).await;
    let path = [("number", old.as_str())];
    let (status, _) = world
        .call(
            "POST /v1/cards/{number}/replace",
            &path,
            &json!({"new_number": card(7)}),
        )
        .await;
    assert!(matches!(status, 200 | 201), "{status}");
    assert_eq!(world.buy(&body).await.0, 200);
    delivering.rewind();
    delivering.until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(books.ledger.values().flatten().count(), 1);
}
