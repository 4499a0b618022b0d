//! What the printer's files say while workers die or are late and somebody stops a run (P1, X5, C3, R2): through the calls, the queues
//! and the bucket.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use end_to_end::delivery::Delivering;
use end_to_end::letters::{
    bonus, confirm, file_key, letter_shopper, made_run, put_campaign, read, rows_of, start_run, tried_run,
};
use end_to_end::plan::{CrashPoint, Crashes, Moment};
use end_to_end::world::{CUT, Called, IF_MATCH, TENANT, World, alive};
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

        // Meanwhile support voids her voucher.
        void_voucher(&world, &run, &anna).await;
        delivering.let_files_wait(false);
        delivering.until_rest(&world).await;

        let rows = rows_of(&world, &run).await;
        confirm(&world, run["run_id"].as_str().unwrap(), &[]).await;
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

    /// Waits for that call; a site that nothing comes to fails the test, and does not hang it.
    async fn is_reached(&self) {
        let reached = tokio::time::timeout(Duration::from_secs(60), self.reached.notified());
        assert!(reached.await.is_ok(), "nothing comes to {:?}", self.site);
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
    plan.is_reached().await;
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

/// From now on another format, and a planted address.
async fn agree_anew(world: &World) {
    let known = read(world, "GET /v1/lettershop/settings", &[]).await;
    let sources = ["piece_id", "code_1", "text_1"].into_iter().map(str::to_owned);
    let sources = sources.chain((1..=6).map(|line| format!("address_line_{line}")));
    let columns: Vec<Value> = sources
        .map(|source| json!({"name": source, "source": source, "width": 80}))
        .collect();
    let planted = json!({
        "lines": ["Kontrolle Treue", "Bahnhofstrasse 1", "8001 Zürich"], "salutation": "Guten Tag", "language": "de", "country": "CH",
    });
    let settings = json!({
        "format": {"encoding": "utf8", "layout": {"kind": "fixed_width", "columns": columns}}, "control": [planted],
    });
    let body = json!({"expected_version": known["version"], "settings": settings});
    let (status, answer) = world.call("PUT /v1/lettershop/settings", &[], &body).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn p2_x5_a_file_has_the_format_and_the_planted_addresses_that_were_agreed_on_when_it_was_begun() {
    // The letters are sorted; the worker died behind the note that the file is begun; it died before.
    for (death, is_begun) in [(None, true), (Some(Moment::After), true), (Some(Moment::Before), false)] {
        let point = death.map(|moment| CrashPoint {
            site: Site::ExportAdvance,
            occurrence: 0,
            moment,
        });
        let plan = Arc::new(Crashes::at(point.into_iter().collect()));
        let world = World::with_plan(Some(plan.clone())).await;
        let mut delivering = Delivering::well();
        let run = begun(&world, &mut delivering).await;
        let died = matches!(write_once(&world, &run).await, Called::Died);
        assert_eq!(died, death.is_some());
        agree_anew(&world).await;
        delivering.let_files_wait(false);
        delivering.until_rest(&world).await;
        assert!(plan.left().is_empty());
        let csv = world.file(&file_key(&run)).await;
        let txt = world.file(&file_key(&run).replace(".csv", ".txt")).await;
        let rows = |file: Option<String>| file.map(|file| (file.lines().count(), file.contains("Kontrolle")));
        let expected = match is_begun {
            // Its header, and the letter.
            true => (Some((2, false)), None),
            false => (None, Some((2, true))),
        };
        assert_eq!((rows(csv), rows(txt)), expected, "{death:?}");
    }
}

/// Whether the upload of a run's file can still take a part.
async fn takes_parts(world: &World, run: &Value, upload: &str) -> bool {
    let part = world.place.s3().upload_part().bucket(world.place.bucket());
    let part = part.key(file_key(run)).upload_id(upload).part_number(1);
    part.body(b"x".to_vec().into()).send().await.is_ok()
}

async fn upload_of(world: &World, run: &Value) -> Option<String> {
    let work = store::lettershop::file_work(&world.db, Site::ToolRead, &id_of(run)).await;
    work.unwrap().map(|work| work.upload)
}

/// The run is written, and there is no file of it.
async fn is_written_without_a_file(world: &World, run: &Value) {
    let name = run["run_id"].as_str().unwrap();
    let written = read(world, "GET /v1/runs/{run_id}", &[("run_id", name)]).await;
    assert_eq!(written["stage"], "written", "{written}");
    let folders = [format!("out/{TENANT}/{name}/"), format!("work/{TENANT}/{name}/")];
    assert_eq!(objects(world, &folders).await, [""; 0]);
}

#[tokio::test]
async fn x5_a_run_whose_letters_are_all_kept_back_has_no_file_and_its_upload_is_given_up() {
    let deaths = [(Site::ExportBegin, 1), (Site::ExportWritten, 0)];
    let at = |(site, occurrence)| {
        [Moment::Before, Moment::After].map(|moment| CrashPoint {
            site,
            occurrence,
            moment,
        })
    };
    let points = deaths.into_iter().flat_map(at).map(Some).chain([None]);
    for (point, planted) in points.flat_map(|point| [(point, false), (point, true)]) {
        let plan = Arc::new(Crashes::at(point.into_iter().collect()));
        let world = World::with_plan(Some(plan.clone())).await;
        let mut delivering = Delivering::well();
        if planted {
            agree_anew(&world).await;
        }
        let run = begun(&world, &mut delivering).await;
        let party = world.party(1).await;
        void_voucher(&world, &run, &party).await;
        delivering.let_files_wait(false);
        delivering.until_rest(&world).await;
        assert!(plan.left().is_empty(), "{point:?}");
        is_written_without_a_file(&world, &run).await;
        let upload = upload_of(&world, &run).await.expect("an upload was begun");
        assert!(!takes_parts(&world, &run, &upload).await, "{point:?}");
    }
}

#[tokio::test]
async fn p4_a_run_that_serves_nobody_has_no_file_of_planted_addresses_alone() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    agree_anew(&world).await;
    let anna = letter_shopper(&world, 1, "8001").await;
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let body = json!({"classification": "blacklist", "reason": "Test"});
    let path = [("party_id", &*anna), (IF_MATCH, "*")];
    let (status, answer) = world
        .call("POST /v1/parties/{party_id}/classifications", &path, &body)
        .await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
    start_run(&world, &mut delivering, &run).await;
    is_written_without_a_file(&world, &run).await;
    assert_eq!(upload_of(&world, &run).await, None, "none was begun");
}

/// Support voids the voucher of a party: its code is printed no more.
async fn void_voucher(world: &World, run: &Value, party: &str) {
    let name = run["run_id"].as_str().unwrap();
    let path = [("party_id", party), ("sequence", &*format!("{name}~1"))];
    let body = json!({"programme": "treue", "reason": "Moved abroad", "client_token": "case-1"});
    let route = "POST /v1/parties/{party_id}/vouchers/{sequence}/void";
    let (status, answer) = world.call(route, &path, &body).await;
    assert_eq!(status, 201, "{answer}");
}

/// A run whose voucher is given and whose file nobody has begun.
async fn begun(world: &World, delivering: &mut Delivering) -> Value {
    letter_shopper(world, 1, "8001").await;
    delivering.until_rest(world).await;
    put_campaign(world, &bonus("bonus")).await;
    let run = tried_run(world, delivering, "bonus").await;
    delivering.let_files_wait(true);
    start_run(world, delivering, &run).await;
    run
}

/// As above, and its letters are sorted; the file is written by whoever comes next.
async fn started(world: &World, delivering: &mut Delivering) -> Value {
    let run = begun(world, delivering).await;
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
        let upload = upload_of(&world, &run).await.expect("an upload was begun");
        stop(&world, &run).await;
        nothing_is_left(&world, &mut delivering, &run).await;
        assert!(
            !takes_parts(&world, &run, &upload).await,
            "{site:?}: the upload is given up"
        );
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
    plan.is_reached().await;
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
