//! What a run has given is blocked when it is stopped (R5, L4): through the call, the queue and the schedule, whatever comes twice,
//! dies, or gives once more what it had in its hands.

use std::time::Instant;

use chrono::TimeDelta;
use end_to_end::delivery::Delivering;
use end_to_end::letters::{bonus, letter_shopper, put_campaign, read};
use end_to_end::plan::{CrashPoint, Crashes, Moment};
use end_to_end::till::{chf, redeem};
use end_to_end::world::{CUT, IF_MATCH, PROGRAMME, TENANT, World, card, second_person};
use faults::Site;
use messages::CampaignMessage;
use runtime::sqs::Deadline;
use serde_json::{Value, json};
use store::run::{self, RunId, Stage};

const STOP: &str = "POST /v1/runs/{run_id}/stop";
const DRY_RUN: &str = "POST /v1/campaigns/{campaign_id}/dry-runs";
/// A run of today: its vouchers are valid at once.
const RUN: &str = "bonus~2026-11";

/// A world with shoppers 1 to `shoppers`, and the campaign that gives each of them a voucher.
async fn world_of(shoppers: u64, plan: Option<std::sync::Arc<Crashes>>) -> (World, Delivering) {
    let plan = plan.map(|plan| plan as std::sync::Arc<dyn faults::FaultPlan>);
    let (world, mut delivering) = (World::with_plan(plan).await, Delivering::well());
    for serial in 1..=shoppers {
        letter_shopper(&world, serial, "8001").await;
    }
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    (world, delivering)
}

async fn dry_run(world: &World) -> (u16, Value) {
    let today = json!({"day": world.now.format("%Y-%m-%d").to_string()});
    world.call(DRY_RUN, &[("campaign_id", "bonus")], &today).await
}

/// Chooses the members, has them approved, and asks for the start; nobody has worked on it yet.
async fn asked_to_start(world: &World, delivering: &mut Delivering) {
    let (status, run) = dry_run(world).await;
    assert_eq!((status, &run["run_id"]), (202, &json!(RUN)), "{run}");
    delivering.until_rest(world).await;
    let body = json!({"digest": run_of(world).await["dry_run"]["digest"]});
    let path = [("campaign_id", "bonus")];
    let approve = "POST /v1/campaigns/{campaign_id}/approve";
    let (status, answer) = world.call_as(&second_person(), approve, &path, &body).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = world
        .call("POST /v1/campaigns/{campaign_id}/start", &path, &Value::Null)
        .await;
    assert_eq!(status, 202, "{answer}");
}

/// As above, and all vouchers are given; the file waits.
async fn given(world: &World, delivering: &mut Delivering, vouchers: u64) {
    asked_to_start(world, delivering).await;
    delivering.runs_only(world).await;
    let run = run_of(world).await;
    assert_eq!(
        (&run["stage"], &run["progress"]["vouchers"]),
        (&json!("writing"), &json!(vouchers)),
        "{run}"
    );
}

async fn run_of(world: &World) -> Value {
    read(world, "GET /v1/runs/{run_id}", &[("run_id", RUN)]).await
}

async fn stop(world: &World, block: bool) -> (u16, Value) {
    let body = json!({"reason": "Wrong value on the letters", "block_vouchers": block});
    world.call(STOP, &[("run_id", RUN)], &body).await
}

/// The hours go by until the blocking is over.
async fn later(world: &mut World, delivering: &mut Delivering) -> Value {
    world.now += TimeDelta::hours(1);
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(world).await;
    run_of(world).await["blocking"].clone()
}

/// Blocked, redeemed, void, opened again, of erased people, held.
fn counts(blocking: &Value) -> [u64; 6] {
    ["blocked", "redeemed", "voided", "unblocked", "erased", "held"]
        .map(|name| blocking[name].as_u64().unwrap_or_else(|| panic!("{blocking}")))
}

async fn codes(world: &World, serial: u64) -> Vec<String> {
    world.desk(&card(serial)).await.1
}

async fn taken(world: &World, code: &str, number: &str) -> (u16, Value) {
    let (status, answer) = world
        .call("POST /v1/vouchers/redeem", &[], &redeem("B01", code, number, 9_000))
        .await;
    (status, answer["code"].clone())
}

#[tokio::test]
async fn r5_what_a_stopped_run_has_given_is_blocked_and_what_was_redeemed_is_left() {
    let (mut world, mut delivering) = world_of(3, None).await;
    given(&world, &mut delivering, 3).await;
    let mut all = Vec::new();
    for serial in 1..=3 {
        all.extend(codes(&world, serial).await);
    }
    assert_eq!(all.len(), 3);
    assert_eq!(taken(&world, &all[0], "901").await.0, 200);

    let (status, answer) = stop(&world, true).await;
    let blocking = &answer["blocking"];
    assert_eq!(
        (status, counts(blocking), &blocking["shards_done"]),
        (200, [0; 6], &json!(0)),
        "{answer}"
    );
    delivering.until_rest(&world).await;
    // Blocked at once; that no worker gives another one is known later.
    let blocking = run_of(&world).await["blocking"].clone();
    assert_eq!(
        (counts(&blocking), &blocking["done_at"]),
        ([2, 1, 0, 0, 0, 0], &Value::Null)
    );
    for (code, number) in all.iter().zip(["901", "902", "903"]).skip(1) {
        assert_eq!(taken(&world, code, number).await, (409, json!("voucher_blocked")));
    }
    for serial in 1..=3 {
        assert_eq!(codes(&world, serial).await, Vec::<String>::new());
    }
    let done = later(&mut world, &mut delivering).await;
    assert_eq!((counts(&done), &done["shards_done"]), ([2, 1, 0, 0, 0, 0], &json!(3)));
    assert_eq!(done["done_at"], json!("2026-11-22T13:00:00Z"), "{done}");
    // The same call again, at any time, is answered and changes nothing.
    let (status, again) = stop(&world, true).await;
    assert_eq!((status, &again["blocking"]), (200, &done));
    assert_eq!(later(&mut world, &mut delivering).await, done);
    let runs = read(&world, "GET /v1/runs", &[]).await;
    assert_eq!(runs["items"][0]["blocking"], done, "lists show it, too");
    assert_eq!(world.file(&format!("out/demo/{RUN}/0001/letters.csv")).await, None);

    // Customer service hears who did it and why; the list of adjustments is not flooded.
    let party = world.party(2).await;
    let path = [("party_id", &*party), ("sequence", "bonus~2026-11~1")];
    let route = format!("GET /v1/parties/{{party_id}}/vouchers/{{sequence}}?programme={PROGRAMME}");
    let shown = read(&world, &route, &path).await;
    let by = &shown["adjustment"];
    assert_eq!(
        (&by["kind"], &by["reason"], &by["author"]),
        (
            &json!("voucher_block"),
            &json!("Wrong value on the letters"),
            &json!("pos")
        ),
        "{shown}"
    );
    let listed = read(&world, "GET /v1/points/corrections?status=posted", &[]).await;
    assert_eq!(listed["items"], json!([]), "{listed}");
    let results = read(&world, "GET /v1/runs/{run_id}/results", &[("run_id", RUN)]).await;
    assert_eq!(results["redeemed"]["vouchers"], json!(1), "{results}");

    // It is not made on: letters would hold codes that nobody takes.
    let (status, refused) = dry_run(&world).await;
    assert_eq!((status, &refused["code"]), (409, &json!("campaign_state")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("blocked"), "{refused}");
}

#[tokio::test]
async fn r5_a_worker_that_gives_once_more_what_it_had_in_its_hands_leaves_no_voucher_open() {
    let (mut world, mut delivering) = world_of(2, None).await;
    asked_to_start(&world, &mut delivering).await;
    delivering.once(&world).await;
    assert_eq!(run_of(&world).await["stage"], "issuing");
    assert_eq!(stop(&world, true).await.0, 200);
    delivering.until_rest(&world).await;
    assert_eq!(
        counts(&run_of(&world).await["blocking"]),
        [0; 6],
        "nothing was given yet"
    );

    // A worker that has looked at the run before it was stopped.
    let id = RunId {
        tenant: "demo".parse().unwrap(),
        run: RUN.parse().unwrap(),
        revision: 1,
    };
    put_stage(&world, &id, Stage::Issuing).await;
    let shards: Vec<_> = (0..end_to_end::world::CUT.shards)
        .map(|shard| CampaignMessage::Issue {
            tenant: id.tenant.clone(),
            run: id.run.clone(),
            revision: 1,
            shard,
        })
        .collect();
    let sender = world.sender();
    sender
        .send(Site::ToolWrite, &world.campaign_queue, &shards)
        .await
        .unwrap();
    delivering.runs_only(&world).await;
    put_stage(&world, &id, Stage::Stopped).await;
    let code = codes(&world, 1).await.remove(0);

    world.now += TimeDelta::minutes(5);
    let blocks = messages::voucher_blocks(&id.tenant, (&id.run, 1), 3);
    sender
        .send(Site::ToolWrite, &world.campaign_queue, &blocks)
        .await
        .unwrap();
    delivering.runs_only(&world).await;
    let blocking = run_of(&world).await["blocking"].clone();
    assert_eq!(
        blocking["done_at"],
        Value::Null,
        "such a worker may still live: {blocking}"
    );
    let done = later(&mut world, &mut delivering).await;
    assert_eq!(counts(&done), [2, 0, 0, 0, 0, 0]);
    assert!(done["done_at"].is_string(), "{done}");
    assert_eq!(taken(&world, &code, "901").await, (409, json!("voucher_blocked")));
    assert_eq!(codes(&world, 2).await, Vec::<String>::new());
}

/// Puts a run into a stage, as a worker sees it that has read it before.
async fn put_stage(world: &World, id: &RunId, stage: Stage) {
    let before = run::read(&world.db, Site::ToolRead, id).await.unwrap().unwrap();
    let put = run::change(&world.db, Site::ToolWrite, &before, world.now, |run| {
        run.stage = stage;
        run.issued = None;
    });
    assert!(put.await.unwrap());
}

#[tokio::test]
async fn r5_a_worker_whose_time_is_over_amid_a_page_keeps_whose_vouchers_it_has_blocked() {
    let (mut world, mut delivering) = world_of(7, None).await;
    given(&world, &mut delivering, 7).await;
    assert_eq!(stop(&world, true).await.0, 200);
    let mut after_each = Vec::new();
    for shard in 0..CUT.shards {
        let block = CampaignMessage::Block {
            tenant: TENANT.parse().unwrap(),
            run: RUN.parse().unwrap(),
            revision: 1,
            shard,
        };
        loop {
            let before = after_each.last().copied().unwrap_or(0);
            let delivery = vec![runtime::sqs::Delivery {
                id: "1".to_owned(),
                message: block.clone(),
            }];
            let over = Deadline::at(Instant::now());
            let failed = world.running_campaigns().work_off(delivery, over, world.now).await;
            assert!(failed.is_empty(), "it has handed its work on");
            let [now, ..] = counts(&run_of(&world).await["blocking"]);
            if now == before {
                break;
            }
            after_each.push(now);
        }
    }
    assert_eq!(after_each, (1..=7).collect::<Vec<u64>>(), "one for each message");
    delivering.until_rest(&world).await;
    let done = later(&mut world, &mut delivering).await;
    assert_eq!((counts(&done), &done["shards_done"]), ([7, 0, 0, 0, 0, 0], &json!(3)));
}

#[tokio::test]
async fn r5_messages_doubled_and_shuffled_and_workers_killed_block_every_voucher_once() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let sites = [
        Site::CampaignsStop,
        Site::RunStarted,
        Site::RunBlockFind,
        Site::RunBlock,
        Site::RunBlockParts,
        Site::RunBlockAdvance,
        Site::RunBlockDone,
        Site::RunBlocking,
    ];
    let kills = sites.into_iter().flat_map(|site| {
        [Moment::Before, Moment::After].map(|moment| CrashPoint {
            site,
            occurrence: 0,
            moment,
        })
    });
    let plan = std::sync::Arc::new(Crashes::at(kills.collect::<Vec<_>>()));
    let (mut world, mut well) = world_of(9, Some(plan.clone())).await;
    given(&world, &mut well, 9).await;
    let code = codes(&world, 5).await.remove(0);
    assert_eq!(taken(&world, &code, "901").await.0, 200);
    assert_eq!(stop(&world, true).await.0, 200);
    let mut badly = Delivering::badly(seed);
    badly.at_once(3).until_rest(&world).await;
    let done = later(&mut world, &mut badly).await;
    assert_eq!(counts(&done), [8, 1, 0, 0, 0, 0], "seed {seed}");
    assert!(done["done_at"].is_string(), "seed {seed}: {done}");
    assert!(plan.left().is_empty(), "{:?}", plan.left());
}

#[tokio::test]
async fn r5_vouchers_of_every_choice_of_a_run_that_was_made_on_are_blocked_and_counted_once() {
    let (mut world, mut delivering) = world_of(2, None).await;
    given(&world, &mut delivering, 2).await;
    // Stopped, and the vouchers are left for now.
    let (status, answer) = stop(&world, false).await;
    assert_eq!((status, &answer["blocking"]), (200, &Value::Null), "{answer}");
    delivering.until_rest(&world).await;
    assert_eq!(codes(&world, 1).await.len(), 1);

    // The next choice has another member instead of the first.
    letter_shopper(&world, 3, "8003").await;
    let party = world.party(1).await;
    let path = [("party_id", &*party), (IF_MATCH, "*"), ("channel", "letter")];
    let route = "PUT /v1/parties/{party_id}/consents/{channel}";
    let objected = json!({"state": "withdrawn", "source": "till"});
    assert_eq!(world.call(route, &path, &objected).await.0, 200);
    delivering.until_rest(&world).await;
    given(&world, &mut delivering, 2).await;
    assert_eq!(run_of(&world).await["revision"], 2);
    assert_eq!(stop(&world, true).await.0, 200);
    delivering.until_rest(&world).await;
    let done = later(&mut world, &mut delivering).await;
    assert_eq!(counts(&done), [3, 0, 0, 0, 0, 0]);
    for serial in 1..=3 {
        assert_eq!(codes(&world, serial).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn r5_a_run_that_was_stopped_is_blocked_later_and_can_then_not_be_made_on() {
    let (mut world, mut delivering) = world_of(1, None).await;
    given(&world, &mut delivering, 1).await;
    assert_eq!(stop(&world, false).await.0, 200);
    delivering.until_rest(&world).await;
    let (status, answer) = stop(&world, true).await;
    assert_eq!((status, counts(&answer["blocking"])), (200, [0; 6]), "{answer}");
    let (status, refused) = dry_run(&world).await;
    assert_eq!((status, &refused["code"]), (409, &json!("campaign_state")), "{refused}");
    delivering.until_rest(&world).await;
    assert_eq!(counts(&later(&mut world, &mut delivering).await), [1, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn r5_a_run_that_has_given_nothing_has_nothing_to_block_and_is_made_on() {
    let (world, mut delivering) = world_of(1, None).await;
    assert_eq!(dry_run(&world).await.0, 202);
    delivering.until_rest(&world).await;
    let (status, answer) = stop(&world, true).await;
    assert_eq!(
        (status, &answer["stage"], &answer["blocking"]),
        (200, &json!("stopped"), &Value::Null),
        "{answer}"
    );
    assert_eq!(dry_run(&world).await.0, 202);
}

#[tokio::test]
async fn r5_what_a_basket_holds_is_blocked_when_the_hold_is_over() {
    let (mut world, mut delivering) = world_of(1, None).await;
    given(&world, &mut delivering, 1).await;
    let code = codes(&world, 1).await.remove(0);
    let held = json!({"store": "B01", "till": "1", "code": code, "basket": "b1", "basket_total": chf(9_000)});
    let (status, answer) = world.call("POST /v1/vouchers/reserve", &[], &held).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(stop(&world, true).await.0, 200);
    delivering.until_rest(&world).await;
    assert_eq!(counts(&run_of(&world).await["blocking"]), [0, 0, 0, 0, 0, 1]);
    // What one person holds is not taken from under her hands.
    world.now += TimeDelta::minutes(10);
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(&world).await;
    assert_eq!(run_of(&world).await["blocking"]["done_at"], Value::Null);
    assert_eq!(counts(&later(&mut world, &mut delivering).await), [1, 0, 0, 0, 0, 0]);
    assert_eq!(taken(&world, &code, "901").await, (409, json!("voucher_blocked")));
}

/// Support does something to the voucher of a shopper.
async fn at_the_desk(world: &World, serial: u64, what: &str) {
    let party = world.party(serial).await;
    let path = [("party_id", &*party), ("sequence", "bonus~2026-11~1")];
    let body = json!({"programme": PROGRAMME, "reason": "Test", "client_token": format!("{what}-{serial}")});
    let route = format!("POST /v1/parties/{{party_id}}/vouchers/{{sequence}}/{what}");
    let (status, answer) = world.call(&route, &path, &body).await;
    assert_eq!(status, 201, "{answer}");
}

#[tokio::test]
async fn r5_l4_what_support_has_done_to_single_vouchers_of_the_run_is_respected() {
    let (mut world, mut delivering) = world_of(5, None).await;
    given(&world, &mut delivering, 5).await;
    at_the_desk(&world, 1, "reissue").await;
    at_the_desk(&world, 2, "void").await;
    at_the_desk(&world, 3, "block").await;
    let party = world.party(4).await;
    let path = [("party_id", &*party)];
    let (ask, approve) = (
        "POST /v1/parties/{party_id}/erasure",
        "POST /v1/parties/{party_id}/erasure/approval",
    );
    assert!(world.call(ask, &path, &json!({"reason": "on_request"})).await.0 < 300);
    assert!(world.call_as(&second_person(), approve, &path, &Value::Null).await.0 < 300);
    delivering.runs_only(&world).await;
    let in_its_place = codes(&world, 1).await.remove(0);
    assert_eq!(stop(&world, true).await.0, 200);
    delivering.until_rest(&world).await;
    assert_eq!(counts(&run_of(&world).await["blocking"]), [3, 0, 1, 0, 1, 0]);
    assert_eq!(
        taken(&world, &in_its_place, "901").await,
        (409, json!("voucher_blocked"))
    );

    // Somebody complains, and support opens hers again: the last pass leaves it so.
    at_the_desk(&world, 5, "unblock").await;
    let done = later(&mut world, &mut delivering).await;
    assert_eq!(counts(&done), [2, 0, 1, 1, 1, 0]);
    let opened = codes(&world, 5).await.remove(0);
    assert_eq!(taken(&world, &opened, "902").await.0, 200);
}

#[tokio::test]
async fn r5_a_stop_that_cannot_be_read_is_refused_and_stops_nothing() {
    let (world, mut delivering) = world_of(1, None).await;
    given(&world, &mut delivering, 1).await;
    for body in [
        json!({"reason": "Test", "block_vouchers": "yes"}),
        json!({"reason": "Test", "block": true}),
        json!({"block_vouchers": true}),
        json!({"reason": "", "block_vouchers": true}),
    ] {
        let (status, answer) = world.call(STOP, &[("run_id", RUN)], &body).await;
        assert!((400..500).contains(&status), "{body}: {status} {answer}");
    }
    let run = run_of(&world).await;
    assert_eq!(
        (&run["stage"], &run["blocking"]),
        (&json!("writing"), &Value::Null),
        "{run}"
    );
}
