//! A table that is too busy for all tries of a call (X1, X3, N1): the caller hears that the call must be repeated, a message comes
//! again, and what was asked for is done once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use end_to_end::delivery::Delivering;
use end_to_end::letters::{read, run_to};
use end_to_end::plan::Throttled;
use end_to_end::story::imports::import_of;
use end_to_end::story::offline::{allowance, entry, with_offline};
use end_to_end::till::{self, receipt};
use end_to_end::world::{Called, TENANT, World};
use faults::Site;
use messages::ImportMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};

/// The tries of one call.
const TRIES: usize = 5;

async fn busy_at(site: Site) -> (World, Arc<Throttled>) {
    let plan = Arc::new(Throttled::at(site));
    (World::with_plan(Some(plan.clone())).await, plan)
}

/// One delivery of the first part of an import; whether it must come again.
async fn import_once(world: &World, import: &Value, deadline: Deadline) -> bool {
    let message = ImportMessage::Part {
        tenant: TENANT.parse().unwrap(),
        run: import["run_id"].as_str().unwrap().parse().unwrap(),
        revision: 1,
        part: 0,
    };
    let delivery = vec![Delivery {
        id: "1".to_owned(),
        message,
    }];
    let failed = Box::pin(world.importing().work_off(delivery, deadline, world.now)).await;
    !failed.is_empty()
}

fn counts(import: &Value) -> [u64; 3] {
    ["read", "created", "rejected"].map(|name| import["counts"][name].as_u64().unwrap())
}

const FILE: &str = "external_id,family_name\n1,Frei\n2,Keller\n3,Muster\n";

#[tokio::test]
async fn n1_a_part_of_an_import_goes_on_after_a_pause_within_the_same_delivery() {
    let (world, plan) = busy_at(Site::ImportAdvance).await;
    world.put_import("erp.a.csv", FILE).await;
    let import = import_of(&world, FILE.len()).await;
    plan.next(TRIES);
    // A message that fails stays hidden for half an hour.
    assert!(!import_once(&world, &import, Deadline::never()).await);
    assert_eq!(plan.left(), 0);
    let import = import_of(&world, FILE.len()).await;
    assert_eq!(
        (&import["state"], counts(&import)),
        (&json!("complete"), [3, 3, 0]),
        "{import}"
    );
}

#[tokio::test]
async fn n1_a_part_of_an_import_that_has_no_time_for_a_pause_comes_again_and_counts_no_row_twice() {
    let (world, plan) = busy_at(Site::ImportAdvance).await;
    world.put_import("erp.a.csv", FILE).await;
    let import = import_of(&world, FILE.len()).await;
    // Enough for all rounds, if there were time for them.
    plan.next(TRIES * 100);
    let soon = Deadline::at(Instant::now() + Duration::from_millis(1_900));
    assert!(import_once(&world, &import, soon).await, "it must come again");
    assert_eq!(plan.left(), TRIES * 99, "one round");
    plan.next(0);
    Delivering::well().until_rest(&world).await;
    let import = import_of(&world, FILE.len()).await;
    assert_eq!(
        (&import["state"], counts(&import)),
        (&json!("complete"), [3, 3, 0]),
        "{import}"
    );
}

#[tokio::test]
async fn p3_a_carriers_file_comes_again_and_takes_each_letter_back_once() {
    let (world, plan) = busy_at(Site::ShopNote).await;
    let mut delivering = Delivering::well();
    let (run, rows, _) = run_to(&world, &mut delivering, &["8001"]).await;
    let piece = &rows["8001"]["piece_id"];
    let content = format!("piece_id;reason;returned_on\n{piece};Deceased;2026-11-22\n");
    world
        .put_inbox("returns/swiss-post/november.csv", content.as_bytes())
        .await;
    // The letters are taken back, and how far the file is cannot be stored.
    plan.next(TRIES);
    delivering.until_rest(&world).await;
    assert_eq!(plan.left(), 0);
    let files = read(&world, "GET /v1/lettershop/inbox", &[]).await;
    assert_eq!(
        (&files["items"][0]["state"], &files["items"][0]["rows"]),
        (&json!("done"), &json!(1)),
        "{files}"
    );
    let path = [("run_id", &*run)];
    let run = read(&world, "GET /v1/runs/{run_id}", &path).await;
    assert_eq!(run["returned"]["sources"][0]["letters"], 1, "{run}");
}

#[tokio::test]
async fn p3_a_call_that_takes_letters_back_is_to_be_repeated_and_takes_them_once() {
    let (world, plan) = busy_at(Site::ShopTakeBack).await;
    let mut delivering = Delivering::well();
    let (_, rows, _) = run_to(&world, &mut delivering, &["8001"]).await;
    let back = json!({"returns": [{
        "piece": rows["8001"]["piece_id"], "carrier": "internal", "code": "moved_unknown", "returned_on": "2026-11-22",
    }]});
    let route = "POST /v1/lettershop/returns";
    plan.next(TRIES);
    let Called::Answered((status, answer)) = world.call_once(route, &[], &back).await else {
        panic!("the process died");
    };
    assert_eq!((status, &answer["code"]), (503, &json!("unavailable")), "{answer}");
    let tasks = read(&world, "GET /v1/tasks?queue=addresses", &[]).await;
    assert_eq!(tasks["items"], json!([]), "nothing was done");
    for outcome in ["applied", "already_known"] {
        let (status, answer) = world.call(route, &[], &back).await;
        assert_eq!(
            (status, &answer["items"][0]["outcome"]),
            (200, &json!(outcome)),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn x3_a_journal_is_to_be_sent_again_and_books_each_entry_once() {
    let (world, plan) = busy_at(Site::OfflineCommit).await;
    world.store_programme(with_offline(2)).await;
    let (card, _) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
    Delivering::well().until_rest(&world).await;
    let (_, codes) = world.desk(&card).await;
    let given = allowance(&world, "B07").await;
    let journal = json!({"allowance": given["allowance"], "entries": [entry(&world, "B07", 11, &codes[0])]});
    let route = "POST /v1/offline-journals";
    plan.next(TRIES);
    let Called::Answered((status, answer)) = world.call_once(route, &[], &journal).await else {
        panic!("the process died");
    };
    assert_eq!((status, &answer["code"]), (503, &json!("unavailable")), "{answer}");
    assert_eq!(world.desk(&card).await.1, codes, "nothing was booked");
    for _ in 0..2 {
        let (status, answer) = world.call(route, &[], &journal).await;
        assert_eq!(
            (status, &answer["entries"][0]["outcome"]),
            (200, &json!("booked")),
            "{answer}"
        );
    }
    assert_eq!(world.desk(&card).await.1, Vec::<String>::new());
}

#[tokio::test]
async fn r5_a_redemption_that_could_not_be_counted_comes_again_and_counts_once() {
    let (mut world, plan) = busy_at(Site::ResultsCount).await;
    let mut delivering = Delivering::well();
    let (run, rows, _) = run_to(&world, &mut delivering, &["8001"]).await;
    // Its vouchers count from the day of the run on.
    world.now = "2026-12-02T10:00:00Z".parse().unwrap();
    let mut redeem = till::redeem("B01", &rows["8001"]["code"], "9", 5_000);
    redeem["receipt"] = json!("B01~1~2026-12-02~9");
    let (status, answer) = world.call("POST /v1/vouchers/redeem", &[], &redeem).await;
    assert_eq!(status, 200, "{answer}");
    plan.next(TRIES);
    delivering.until_rest(&world).await;
    assert_eq!(plan.left(), 0);
    let path = [("run_id", &*run)];
    let results = read(&world, "GET /v1/runs/{run_id}/results", &path).await;
    assert_eq!(
        results["redeemed"],
        json!({"vouchers": 1, "value_minor": 1_000}),
        "{results}"
    );
}
