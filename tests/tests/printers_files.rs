//! What the printer's files say while workers die or are late and somebody stops a run (P1, X5, C3, R2): through the calls, the queues
//! and the bucket.

use std::sync::{Arc, Condvar, Mutex};

use end_to_end::delivery::Delivering;
use end_to_end::letters::{
    bonus, confirm, file_key, letter_shopper, made_run, put_campaign, read, rows_of, start_run, tried_run,
};
use end_to_end::plan::{CrashPoint, Crashes, Moment};
use end_to_end::world::{CUT, Called, TENANT, World, alive};
use faults::{Fault, FaultPlan, Site};
use messages::LettershopMessage;
use runtime::sqs::{Deadline, Delivery, Failed};
use serde_json::{Value, json};
use store::run::RunId;
use tokio::sync::Notify;

/// Which run, as the functions name it.
fn id_of(run: &Value) -> RunId {
    RunId {
        tenant: TENANT.parse().unwrap(),
        run: run["run_id"].as_str().unwrap().parse().unwrap(),
        revision: u32::try_from(run["revision"].as_u64().unwrap()).unwrap(),
    }
}

/// One delivery of the message that asks for the file of a run.
async fn write_once(world: &World, run: &Value) -> Called<Failed> {
    let RunId { tenant, run, revision } = id_of(run);
    let message = LettershopMessage::Write { tenant, run, revision };
    let delivery = vec![Delivery {
        id: "1".to_owned(),
        message,
    }];
    let (app, now) = (world.exporting(), world.now);
    alive(async move { app.work_off(delivery, Deadline::never(), now).await }).await
}

async fn stop(world: &World, run: &Value) {
    let path = [("run_id", run["run_id"].as_str().unwrap())];
    let body = json!({"reason": "Wrong value"});
    let (status, answer) = world.call("POST /v1/runs/{run_id}/stop", &path, &body).await;
    assert_eq!((status, &answer["stage"]), (200, &json!("stopped")), "{answer}");
}

/// The letters on the timeline of a party.
async fn letters_sent(world: &World, party: &str) -> Vec<Value> {
    let path = [("party_id", party)];
    let timeline = read(world, "GET /v1/parties/{party_id}/timeline?programme=treue", &path).await;
    let items = timeline["items"].as_array().unwrap().iter();
    let letters = items.filter(|item| item["what"]["kind"] == "letter");
    letters.map(|item| item["what"]["piece"].clone()).collect()
}

/// What the bucket holds under these folders.
async fn objects(world: &World, folders: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for folder in folders {
        let list = world.place.s3().list_objects_v2().bucket(world.place.bucket());
        let list = list.prefix(folder).send().await.expect("a list");
        found.extend(
            list.contents()
                .iter()
                .filter_map(|object| object.key().map(str::to_owned)),
        );
    }
    found
}

#[tokio::test]
async fn c3_a_letter_that_a_second_sort_leaves_out_is_noted_with_nobody() {
    // A worker dies before it has stored the letters of a shard, whichever has hers.
    for shard in 0..usize::from(CUT.shards) {
        let point = CrashPoint {
            site: Site::ExportChunk,
            // Each shard is stored twice: its letters, and that it is noted to whom they go.
            occurrence: 2 * shard,
            moment: Moment::Before,
        };
        let plan = Arc::new(Crashes::at(vec![point]));
        let world = World::with_plan(Some(plan.clone())).await;
        let mut delivering = Delivering::well();
        let anna = letter_shopper(&world, 1, "8001").await;
        let beat = letter_shopper(&world, 2, "8002").await;
        delivering.until_rest(&world).await;
        put_campaign(&world, &bonus("bonus")).await;
        let run = tried_run(&world, &mut delivering, "bonus").await;
        delivering.let_files_wait(true);
        start_run(&world, &mut delivering, &run).await;
        assert!(matches!(write_once(&world, &run).await, Called::Died), "{shard}");
        assert!(plan.left().is_empty());

        // Meanwhile support voids her voucher: its code is printed no more.
        let name = run["run_id"].as_str().unwrap();
        let path = [("party_id", &*anna), ("sequence", &*format!("{name}~1"))];
        let body = json!({"programme": "treue", "reason": "Moved abroad", "client_token": "case-1"});
        let route = "POST /v1/parties/{party_id}/vouchers/{sequence}/void";
        let (status, answer) = world.call(route, &path, &body).await;
        assert_eq!(status, 201, "{answer}");
        delivering.let_files_wait(false);
        delivering.until_rest(&world).await;

        let rows = rows_of(&world, &run).await;
        confirm(&world, name, &[]).await;
        delivering.until_rest(&world).await;
        for (party, postcode) in [(&anna, "8001"), (&beat, "8002")] {
            let expected: Vec<Value> = rows
                .get(postcode)
                .map(|row| json!(row["piece_id"]))
                .into_iter()
                .collect();
            assert_eq!(letters_sent(&world, party).await, expected, "{postcode}, {shard}");
        }
        assert!(rows.contains_key("8002"), "{rows:?}");
    }
}

/// Holds the first call at a site that is made once it was told to, until it is let go.
#[derive(Debug)]
struct Held {
    site: Site,
    state: Mutex<Holding>,
    changed: Condvar,
    reached: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holding {
    Waiting,
    Held,
    LetGo,
}

impl Held {
    fn at(site: Site) -> Arc<Self> {
        Arc::new(Self {
            site,
            state: Mutex::new(Holding::Waiting),
            changed: Condvar::new(),
            reached: Notify::new(),
        })
    }

    fn let_go(&self) {
        *self.state.lock().unwrap() = Holding::LetGo;
        self.changed.notify_all();
    }
}

impl FaultPlan for Held {
    fn before(&self, site: Site) -> Fault {
        let mut state = self.state.lock().unwrap();
        if site != self.site || *state != Holding::Waiting {
            return Fault::None;
        }
        *state = Holding::Held;
        drop(state);
        self.reached.notify_one();
        tokio::task::block_in_place(|| {
            let state = self.state.lock().unwrap();
            let gone = self.changed.wait_while(state, |state| *state == Holding::Held);
            drop(gone.unwrap());
        });
        Fault::None
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn p4_a_worker_of_a_choice_that_was_stopped_takes_no_letter_from_the_next_one() {
    let plan = Held::at(Site::ExportLetter);
    let world = Arc::new(World::with_plan(Some(plan.clone())).await);
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    let first = tried_run(&world, &mut delivering, "bonus").await;
    delivering.let_files_wait(true);
    start_run(&world, &mut delivering, &first).await;
    let late = {
        let (world, first) = (world.clone(), first.clone());
        tokio::spawn(async move { write_once(&world, &first).await })
    };
    plan.reached.notified().await;
    stop(&world, &first).await;
    delivering.let_files_wait(false);
    let second = tried_run(&world, &mut delivering, "bonus").await;
    assert_eq!((&second["run_id"], &second["revision"]), (&first["run_id"], &json!(2)));
    let rows = made_run(&world, &mut delivering, &second).await;
    plan.let_go();
    assert!(matches!(late.await.unwrap(), Called::Answered(failed) if failed.is_empty()));
    delivering.until_rest(&world).await;
    assert_eq!(world.file(&file_key(&first)).await, None);

    let (name, piece) = (second["run_id"].as_str().unwrap(), &rows["8001"]["piece_id"]);
    confirm(&world, name, &[]).await;
    delivering.until_rest(&world).await;
    assert_eq!(letters_sent(&world, &anna).await, [json!(piece)]);
    // It comes back, and is counted where it was printed.
    let back = json!({"piece": piece, "carrier": "internal", "code": "refused", "returned_on": "2026-11-22"});
    let (status, answer) = world
        .call("POST /v1/lettershop/returns", &[], &json!({"returns": [back]}))
        .await;
    assert_eq!(
        (status, &answer["items"][0]["outcome"]),
        (200, &json!("applied")),
        "{answer}"
    );
    let run = read(&world, "GET /v1/runs/{run_id}", &[("run_id", name)]).await;
    assert_eq!(run["returned"]["sources"][0]["letters"], 1, "{run}");
}

/// A run that is started and whose file nobody has begun.
async fn started(world: &World, delivering: &mut Delivering) -> Value {
    letter_shopper(world, 1, "8001").await;
    delivering.until_rest(world).await;
    put_campaign(world, &bonus("bonus")).await;
    let run = tried_run(world, delivering, "bonus").await;
    delivering.let_files_wait(true);
    start_run(world, delivering, &run).await;
    // The letters are sorted; the file is written by whoever comes next.
    assert!(matches!(write_once(world, &run).await, Called::Answered(failed) if failed.is_empty()));
    run
}

/// Nothing is left of the file of a run that was stopped, nobody is offered it, and the run can be made after all.
async fn nothing_is_left(world: &World, delivering: &mut Delivering, run: &Value) {
    delivering.let_files_wait(false);
    delivering.until_rest(world).await;
    let name = run["run_id"].as_str().unwrap();
    let left = objects(
        world,
        &[format!("out/{TENANT}/{name}/"), format!("work/{TENANT}/{name}/")],
    )
    .await;
    assert_eq!(left, [""; 0]);
    let path = [("run_id", name)];
    let (status, answer) = world.call("GET /v1/runs/{run_id}/files", &path, &Value::Null).await;
    assert_eq!((status, &answer["code"]), (409, &json!("run_not_written")), "{answer}");
    let stopped = read(world, "GET /v1/runs/{run_id}", &path).await;
    assert_eq!(stopped["stage"], "stopped", "{stopped}");
    let again = tried_run(world, delivering, "bonus").await;
    assert_eq!(again["revision"], 2, "{again}");
    assert_eq!(made_run(world, delivering, &again).await.len(), 1);
}

#[tokio::test]
async fn l5_the_file_of_a_run_that_was_stopped_while_it_was_written_is_dropped_by_whoever_comes_next() {
    // The worker dies with an upload under way, with the file complete, and with its manifest beside it.
    for site in [Site::ExportPart, Site::ExportComplete, Site::ExportManifest] {
        let point = CrashPoint {
            site,
            occurrence: 0,
            moment: Moment::After,
        };
        let plan = Arc::new(Crashes::at(vec![point]));
        let world = World::with_plan(Some(plan.clone())).await;
        let mut delivering = Delivering::well();
        let run = started(&world, &mut delivering).await;
        assert!(matches!(write_once(&world, &run).await, Called::Died), "{site:?}");
        let work = store::lettershop::file_work(&world.db, Site::ToolRead, &id_of(&run)).await;
        let upload = work.unwrap().expect("an upload was begun").upload;
        stop(&world, &run).await;
        nothing_is_left(&world, &mut delivering, &run).await;
        let part = world.place.s3().upload_part().bucket(world.place.bucket());
        let part = part.key(file_key(&run)).upload_id(upload).part_number(1);
        let part = part.body(b"x".to_vec().into()).send().await;
        assert!(part.is_err(), "{site:?}: the upload is given up");
        assert!(plan.left().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn l5_a_worker_that_writes_while_its_run_is_stopped_drops_its_file_itself() {
    let plan = Held::at(Site::ExportWritten);
    let world = Arc::new(World::with_plan(Some(plan.clone())).await);
    let mut delivering = Delivering::well();
    let run = started(&world, &mut delivering).await;
    let late = {
        let (world, run) = (world.clone(), run.clone());
        tokio::spawn(async move { write_once(&world, &run).await })
    };
    plan.reached.notified().await;
    assert!(
        world.file(&file_key(&run)).await.is_some(),
        "it stands, and nothing leads to it"
    );
    stop(&world, &run).await;
    plan.let_go();
    assert!(matches!(late.await.unwrap(), Called::Answered(failed) if failed.is_empty()));
    assert_eq!(world.file(&file_key(&run)).await, None);
    nothing_is_left(&world, &mut delivering, &run).await;
}
