//! Letters of a run are printed again (X5): through the calls, the queue and the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use end_to_end::delivery::Delivering;
use end_to_end::letters::{Row, read, run_to};
use end_to_end::plan::{CrashPoint, Crashes, Moment};
use end_to_end::world::{IF_MATCH, TENANT, World, second_person};
use faults::Site;
use messages::LettershopMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};

type Rows = BTreeMap<String, Row>;

const ASK: &str = "POST /v1/runs/{run_id}/reprints";

async fn ask(world: &World, run: &str, pieces: &[&str]) -> (u16, Value) {
    let body = json!({"pieces": pieces, "reason": "Paper jam"});
    world.call(ASK, &[("run_id", run)], &body).await
}

/// Asks for letters again; the reprint and its rows by letter.
async fn printed(world: &World, delivering: &mut Delivering, run: &str, pieces: &[&str]) -> (Value, Rows) {
    let (status, asked) = ask(world, run, pieces).await;
    assert_eq!(status, 202, "{asked}");
    delivering.until_rest(world).await;
    let name = asked["reprint_id"].as_str().unwrap();
    let path = [("run_id", run), ("reprint_id", name)];
    let reprint = read(world, "GET /v1/runs/{run_id}/reprints/{reprint_id}", &path).await;
    let link = reprint["letters_url"].as_str().unwrap_or_default();
    let key = link.split_once("/out/").and_then(|(_, rest)| rest.split('?').next());
    let key = key.map(|rest| format!("out/{}", rest.replace("%7E", "~")));
    let bytes = match key {
        Some(key) => world.file(&key).await.expect("the file stands"),
        None => String::new(),
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(bytes.as_bytes());
    let rows: Result<Vec<BTreeMap<String, String>>, _> = reader.deserialize().collect();
    let rows = rows
        .unwrap()
        .into_iter()
        .map(|row| (row["piece_id"].clone(), row))
        .collect();
    (reprint, rows)
}

async fn run_of(world: &World, delivering: &mut Delivering, letters: u64) -> (String, Rows, Vec<String>) {
    let postcodes: Vec<String> = (1..=letters).map(|number| (8_000 + number).to_string()).collect();
    let postcodes: Vec<&str> = postcodes.iter().map(String::as_str).collect();
    run_to(world, delivering, &postcodes).await
}

#[tokio::test]
async fn x5_spoiled_letters_are_printed_again_with_the_codes_they_had() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (run, rows, _) = run_of(&world, &mut delivering, 3).await;
    let piece = |at: &str| &*rows[at]["piece_id"];
    let (reprint, again) = printed(&world, &mut delivering, &run, &[piece("8003"), piece("8001")]).await;
    let expected: Rows = ["8001", "8003"]
        .into_iter()
        .map(|at| (piece(at).to_owned(), rows[at].clone()))
        .collect();
    assert_eq!(again, expected);
    assert_eq!(
        (
            &reprint["state"],
            &reprint["gaps"],
            &reprint["manifest"]["totals"]["all"]["rows"]
        ),
        (&json!("written"), &json!([]), &json!(2)),
        "{reprint}"
    );
    assert!(
        reprint["letters_url"].as_str().unwrap().contains("/reprint-"),
        "{reprint}"
    );
    // The same letters in another order are the same reprint, and ask for nothing twice.
    let (status, asked) = ask(&world, &run, &[piece("8001"), piece("8003")]).await;
    assert_eq!(
        (status, &asked["reprint_id"], &asked["state"]),
        (202, &reprint["reprint_id"], &json!("written"))
    );
}

#[tokio::test]
async fn x5_a_letter_that_may_not_be_sent_any_more_is_a_gap_that_says_why() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let (run, rows, parties) = run_of(&world, &mut delivering, 5).await;
    // Their vouchers count from the day of the run on.
    world.now = "2026-12-02T10:00:00Z".parse().unwrap();
    // The second has used her voucher, the third wants no letters, the fourth is erased, from the fifth a letter came back.
    let redeem = end_to_end::till::redeem("B01", &rows["8002"]["code"], "9", 5_000);
    // On a receipt of that day.
    let mut redeem = redeem;
    redeem["receipt"] = json!("B01~1~2026-12-02~9");
    let (status, answer) = world.call("POST /v1/vouchers/redeem", &[], &redeem).await;
    assert_eq!(status, 200, "{answer}");
    let path = [("party_id", &*parties[2]), (IF_MATCH, "*"), ("channel", "letter")];
    let consent = json!({"state": "withdrawn", "source": "till"});
    let (status, answer) = world
        .call("PUT /v1/parties/{party_id}/consents/{channel}", &path, &consent)
        .await;
    assert_eq!(status, 200, "{answer}");
    let path = [("party_id", &*parties[3])];
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
    let back = json!({"returns": [{
        "piece": rows["8005"]["piece_id"], "carrier": "internal", "code": "moved_unknown", "returned_on": "2026-11-22",
    }]});
    let (status, answer) = world.call("POST /v1/lettershop/returns", &[], &back).await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(&world).await;

    let pieces: Vec<&str> = rows.values().map(|row| &*row["piece_id"]).collect();
    let (reprint, again) = printed(&world, &mut delivering, &run, &pieces).await;
    assert_eq!(again.keys().collect::<Vec<_>>(), [&rows["8001"]["piece_id"]]);
    let gaps: BTreeMap<&str, &str> = reprint["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gap| (gap["piece"].as_str().unwrap(), gap["why"].as_str().unwrap()))
        .collect();
    let expected = [
        ("8002", "no_letter"),
        ("8003", "kept_back"),
        ("8004", "no_letter"),
        ("8005", "kept_back"),
    ];
    let expected: BTreeMap<&str, &str> = expected
        .iter()
        .map(|(at, why)| (&*rows[*at]["piece_id"], *why))
        .collect();
    assert_eq!(gaps, expected, "{reprint}");
}

#[tokio::test]
async fn x5_letters_of_nobody_and_twice_are_named_and_nothing_is_printed() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (run, rows, _) = run_of(&world, &mut delivering, 1).await;
    let piece = &*rows["8001"]["piece_id"];
    let (status, answer) = ask(&world, &run, &[piece, "x", piece]).await;
    let found: BTreeSet<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        (status, found),
        (422, BTreeSet::from(["/pieces/1", "/pieces/2"])),
        "{answer}"
    );
    let (status, answer) = ask(&world, &run, &[piece, "3F8KQ2W9ZT4M7XABW"]).await;
    let first = &answer["errors"][0];
    assert_eq!(
        (status, &first["pointer"], &first["code"]),
        (422, &json!("/pieces/1"), &json!("unknown")),
        "{answer}"
    );
    let (status, answer) = ask(&world, &run, &[]).await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/pieces")),
        "{answer}"
    );
}

/// Works off a reprint that was asked for, until a moment; whether its message must come again, and the calls to the table.
async fn worked_off(world: &World, run: &str, asked: &Value, deadline: Deadline) -> (bool, u64) {
    let message = LettershopMessage::Reprint {
        tenant: TENANT.parse().unwrap(),
        run: run.parse().unwrap(),
        revision: 1,
        reprint: asked["reprint_id"].as_str().unwrap().parse().unwrap(),
    };
    let delivery = vec![Delivery {
        id: "1".to_owned(),
        message,
    }];
    world.db.meter().take();
    let failed = world.exporting().work_off(delivery, deadline, world.now).await;
    (!failed.is_empty(), world.db.meter().take().requests)
}

#[tokio::test]
async fn x5_a_reprint_of_a_hundred_letters_reads_the_table_no_oftener_than_one_of_a_single_letter() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (run, rows, _) = run_of(&world, &mut delivering, 12).await;
    let pieces: Vec<&str> = rows.values().map(|row| &*row["piece_id"]).collect();
    let mut requests = Vec::new();
    for some in [&pieces[..1], &pieces[..]] {
        let (status, asked) = ask(&world, &run, some).await;
        assert_eq!(status, 202, "{asked}");
        let (comes_again, calls) = worked_off(&world, &run, &asked, Deadline::never()).await;
        assert!(!comes_again);
        requests.push(calls);
        let path = [("run_id", &*run), ("reprint_id", asked["reprint_id"].as_str().unwrap())];
        let reprint = read(&world, "GET /v1/runs/{run_id}/reprints/{reprint_id}", &path).await;
        assert_eq!(reprint["manifest"]["totals"]["all"]["rows"], some.len(), "{reprint}");
    }
    assert_eq!(
        requests[0], requests[1],
        "one call for each hundred of letters, parties, members and vouchers"
    );
}

#[tokio::test]
async fn x5_a_reprint_that_would_not_be_done_in_time_comes_again_whole() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (run, rows, _) = run_of(&world, &mut delivering, 2).await;
    let pieces: Vec<&str> = rows.values().map(|row| &*row["piece_id"]).collect();
    let (_, asked) = ask(&world, &run, &pieces).await;
    let over = Deadline::at(std::time::Instant::now());
    assert!(worked_off(&world, &run, &asked, over).await.0, "it must come again");
    let (_, asked) = ask(&world, &run, &pieces).await;
    assert_eq!(
        (&asked["state"], &asked["manifest"]),
        (&json!("writing"), &Value::Null),
        "{asked}"
    );
    let (reprint, again) = printed(&world, &mut delivering, &run, &pieces).await;
    assert_eq!((&reprint["reprint_id"], again.len()), (&asked["reprint_id"], 2));
}

#[tokio::test]
async fn x5_a_reprint_whose_worker_dies_has_the_same_letters() {
    let at = |site, moment| CrashPoint {
        site,
        occurrence: 0,
        moment,
    };
    // Behind each write; the day of campaigns dies before and after every other call.
    let sites = [
        Site::ShopReprint,
        Site::ShopSendFile,
        Site::ExportPutReprint,
        Site::ExportReprinted,
    ];
    let points = sites.into_iter().map(|site| at(site, Moment::After));
    let mut made = Vec::new();
    for plan in [None, Some(Arc::new(Crashes::at(points.collect())))] {
        let world = World::with_plan(plan.clone().map(|plan| plan as Arc<dyn faults::FaultPlan>)).await;
        let mut delivering = Delivering::well();
        let (run, rows, _) = run_of(&world, &mut delivering, 2).await;
        let pieces: Vec<&str> = rows.values().map(|row| &*row["piece_id"]).collect();
        let (reprint, again) = printed(&world, &mut delivering, &run, &pieces).await;
        assert_eq!(again.len(), 2);
        let rows: BTreeMap<_, _> = rows
            .values()
            .map(|row| (row["piece_id"].clone(), row.clone()))
            .collect();
        assert_eq!(again, rows, "as the first time");
        made.push(reprint["manifest"]["totals"].clone());
        if let Some(plan) = plan {
            assert!(plan.left().is_empty(), "{:?}", plan.left());
        }
    }
    assert_eq!(made[0]["all"]["rows"], made[1]["all"]["rows"]);
}
