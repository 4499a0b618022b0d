//! Imports of files with parties, from the bucket over the queue to the parties and the file of what was rejected (issue of the
//! party model, point 7; N1).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chrono::TimeDelta;
use end_to_end::delivery::Delivering;
use end_to_end::story::imports::import_of;
use end_to_end::world::{Called, TENANT, World, everywhere};
use faults::{Fault, FaultPlan, Site};
use http_edge::Scope;
use messages::ImportMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};
use store::Record;
use store::party::PartyDocument;

const HEADER: &str = "external_id,given_name,family_name,street,postcode,town,email,phone,language";
/// Blank lines are no rows: they make a small file one of several parts.
const BLANK: usize = 60_000;

fn counts(import: &Value) -> [u64; 5] {
    ["read", "created", "changed", "unchanged", "rejected"]
        .map(|name| import["counts"][name].as_u64().expect("a count"))
}

async fn imported(world: &World, name: &str, content: &str) -> Value {
    world.put_import(name, content).await;
    Delivering::well().until_rest(world).await;
    import_of(world, content.len()).await
}

/// The parties of the table by the id in the other system, without what differs from one telling to the next.
async fn parties(world: &World) -> BTreeMap<String, Value> {
    let scan = world
        .db
        .client()
        .scan()
        .table_name(world.db.table())
        .consistent_read(true);
    let mut found = BTreeMap::new();
    let mut pages = scan.into_paginator().send();
    while let Some(page) = pages.next().await {
        for item in page.expect("a page").items.unwrap_or_default() {
            if item
                .get("et")
                .and_then(|et| et.as_s().ok())
                .is_none_or(|et| et != "party")
            {
                continue;
            }
            let party: Record<PartyDocument> = Record::from_item(Site::ToolRead, item).expect("a party");
            let id = party.d.identifiers[0].id.as_str().to_owned();
            let mut document = serde_json::to_value(&party.d).expect("JSON");
            document["party"] = Value::Null;
            document["made"] = json!(party.by.map(|by| by.client.to_string()));
            assert!(found.insert(id, document).is_none(), "one party for each id");
        }
    }
    found
}

/// A file of three parts, with some bad rows among the good ones, and the numbers of their lines.
fn three_parts() -> (String, Vec<u64>) {
    let mut file = format!("\u{feff}{HEADER}\r\n");
    let mut bad = Vec::new();
    for number in 0..45u64 {
        let is_bad = number % 9 == 4;
        let email = if is_bad { "no address" } else { "x@example.ch" };
        if is_bad {
            bad.push(2 + 2 * number);
        }
        let row = format!("{number},Zoë,\"Müller, {number}\",Gasse,8001,Zürich,{email},,fr\r\n");
        file.push_str(&row);
        file.push_str(&" ".repeat(BLANK));
        file.push('\n');
    }
    assert!(file.len() > 2 * 1024 * 1024, "three parts");
    (file, bad)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn point_7_a_file_of_several_parts_is_imported_and_rejects_name_line_field_and_reason() {
    let world = World::new().await;
    let (file, bad) = three_parts();
    world.put_import("erp.parties.csv", &file).await;
    let mut delivering = Delivering::badly(7);
    delivering.at_once(3).until_rest(&world).await;
    let import = import_of(&world, file.len()).await;
    assert_eq!((&import["state"], &import["parts"]), (&json!("complete"), &json!(3)));
    assert_eq!(counts(&import), [45, 40, 0, 0, 5], "{import}");
    let run = import["run_id"].as_str().expect("an id");
    let rejects = world
        .file(&format!("rejects/{TENANT}/{run}-1.csv"))
        .await
        .expect("rejects");
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines[0], "line,field,code,reason");
    let named: Vec<u64> = lines[1..]
        .iter()
        .map(|line| {
            let mut cells = line.split(',');
            let number = cells.next().expect("a line").parse().expect("a number");
            assert_eq!((cells.next(), cells.next()), (Some("email"), Some("email_malformed")));
            number
        })
        .collect();
    assert_eq!(named, bad);
    assert!(!rejects.contains("no address"), "no value");
    let url = import["rejects"]["url"].as_str().expect("a link");
    assert!(url.contains(run) && import["rejects"]["rows"] == json!(5));

    let parties = parties(&world).await;
    assert_eq!(parties.len(), 40);
    assert_eq!(parties["44"]["w"]["f"], "Müller, 44");
    assert_eq!(
        (&parties["44"]["la"], &parties["44"]["made"]),
        (&json!("fr"), &json!("import"))
    );
}

/// Kills the process at these calls.
#[derive(Debug)]
struct Kills {
    at: BTreeSet<usize>,
    calls: AtomicUsize,
}

impl FaultPlan for Kills {
    fn before(&self, _: Site) -> Fault {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.at.contains(&call) {
            Fault::Crash
        } else {
            Fault::None
        }
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

/// The counts and the parties after a file under kills.
async fn under(kills: &[usize]) -> ([u64; 5], BTreeMap<String, Value>, usize) {
    let plan = Arc::new(Kills {
        at: kills.iter().copied().collect(),
        calls: AtomicUsize::new(0),
    });
    let world = World::with_plan(Some(plan.clone())).await;
    let (file, _) = three_parts();
    world.put_import("erp.parties.csv", &file).await;
    Delivering::well().until_rest(&world).await;
    let import = import_of(&world, file.len()).await;
    assert_eq!(import["state"], "complete");
    let calls = plan.calls.load(Ordering::Relaxed);
    (counts(&import), parties(&world).await, calls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn point_7_killed_and_resumed_twice_the_state_and_the_counts_are_those_of_an_undisturbed_import() {
    let (counts, parties, calls) = under(&[]).await;
    assert!(calls > 100, "{calls}");
    for kills in [
        [calls / 4, calls / 2],
        [calls / 3, 2 * calls / 3],
        [calls / 5, calls - 30],
    ] {
        let (again, same, _) = under(&kills).await;
        assert_eq!(again, counts, "killed at {kills:?}");
        assert_eq!(same, parties, "killed at {kills:?}");
    }
}

#[tokio::test]
async fn point_7_a_worker_whose_time_is_over_sends_the_rest_back_and_another_one_goes_on() {
    let world = World::new().await;
    let (file, _) = three_parts();
    world.put_import("erp.parties.csv", &file).await;
    let run = import_of(&world, file.len()).await["run_id"]
        .as_str()
        .expect("an id")
        .parse();
    let message = ImportMessage::Part {
        tenant: TENANT.parse().expect("a tenant"),
        run: run.expect("a run"),
        revision: 1,
        part: 0,
    };
    let delivery = vec![Delivery {
        id: "1".to_owned(),
        message,
    }];
    let over = Deadline::at(Instant::now());
    let failed = Box::pin(world.importing().work_off(delivery, over, world.now)).await;
    assert!(failed.is_empty());
    let import = import_of(&world, file.len()).await;
    let read = counts(&import)[0];
    assert!((1..45).contains(&read), "one step of several: {import}");
    assert_eq!(
        (&import["state"], &import["parts_done"]),
        (&json!("running"), &json!(0))
    );
    Delivering::well().until_rest(&world).await;
    assert_eq!(counts(&import_of(&world, file.len()).await), [45, 40, 0, 0, 5]);
}

#[tokio::test]
async fn point_7_the_same_file_again_changes_nothing_and_a_corrected_one_only_the_differences() {
    let mut world = World::new().await;
    let row = |id: u32, name: &str, street: &str, email: &str, phone: &str| {
        format!("{id},Anna,{name},{street},8001,Zürich,{email},{phone},\n")
    };
    let first = format!(
        "{HEADER}\n{}{}",
        row(1, "Keller", "Gasse", "a@example.ch", "044 668 18 00"),
        row(2, "Frei", "Gasse", "", "")
    );
    assert_eq!(counts(&imported(&world, "erp.a.csv", &first).await), [2, 2, 0, 0, 0]);
    let before = parties(&world).await;
    let again = imported(&world, "erp.a.csv", &first).await;
    assert_eq!((counts(&again), &again["revision"]), ([2, 0, 0, 2, 0], &json!(2)));
    assert_eq!(parties(&world).await, before);

    // Staff corrects what the file does not say.
    world.now += TimeDelta::hours(1);
    staff_says_italian(&world, "1").await;
    world.now += TimeDelta::days(1);
    let second = format!(
        "{HEADER}\n{}{}",
        row(1, "Keller-Roth", "Neue Gasse", "", "044 668 18 00"),
        row(2, "Frei", "Gasse", "", "")
    );
    assert_eq!(counts(&imported(&world, "erp.a.csv", &second).await), [2, 0, 1, 1, 0]);
    let after = parties(&world).await;
    assert_eq!(after["2"], before["2"]);
    let one = &after["1"];
    assert_eq!((&one["la"], &one["w"]["f"]), (&json!("it"), &json!("Keller-Roth")));
    assert_eq!(one["fn"].as_array().map(Vec::len), Some(1), "the former name");
    let contacts = one["co"].as_array().expect("contacts");
    let ended: Vec<bool> = contacts.iter().map(|contact| contact["x"] == json!(true)).collect();
    assert_eq!(
        ended,
        [true, true, false, false],
        "address and e-mail ended, an address began: {one}"
    );
    // The first file again is the first state again, with its history.
    assert_eq!(counts(&imported(&world, "erp.a.csv", &first).await), [2, 0, 1, 1, 0]);
    assert_eq!(parties(&world).await["1"]["la"], "it", "staff's");
}

/// Staff gives the party of a row another language.
async fn staff_says_italian(world: &World, id: &str) {
    let scan = world
        .db
        .client()
        .scan()
        .table_name(world.db.table())
        .consistent_read(true);
    let items = scan.send().await.expect("the table").items.unwrap_or_default();
    let is_party = |item: &store::record::Item| {
        item.get("et")
            .and_then(|et| et.as_s().ok())
            .is_some_and(|et| et == "party")
    };
    let parties = items.into_iter().filter(is_party);
    let mut parties = parties.map(|item| Record::<PartyDocument>::from_item(Site::ToolRead, item).expect("a party"));
    let party = parties.find(|party| party.d.identifiers[0].id.as_str() == id);
    let step = store::party::Step {
        tenant: &TENANT.parse().expect("a tenant"),
        party: &party.expect("the party").d.party,
        expected: None,
        lookups: store::party::Lookups::default(),
        when: party::change::When {
            now: world.now,
            today: world.now.date_naive(),
        },
        made: world.now.into(),
    };
    let sites = (Site::ToolRead, Site::ToolWrite);
    let changed = store::party::change(&world.db, sites, &step, |document| {
        document.language = domain::till_text::Language::It;
        Ok::<(), ()>(())
    });
    assert!(matches!(changed.await, Ok(store::party::Changed::Done(..))));
}

#[tokio::test]
async fn point_7_lines_of_json_are_rows_and_one_id_is_imported_once() {
    let world = World::new().await;
    let file = concat!(
        "{\"system\": \"shop\", \"external_id\": \"7\", \"organisation_name\": \"Muster AG\", \"consent.email\": \"withdrawn\"}\n",
        "{\"system\": \"shop\", \"external_id\": \"7\", \"organisation_name\": \"Muster GmbH\"}\n",
        "{\"system\": \"shop\", \"external_id\": \"8\", \"family_name\": \"Frei\", \"custom.pets\": 3}\n",
        "{\"external_id\": \"9\", \"family_name\": \"Frei\"}\n",
        "[]\n",
    );
    let import = imported(&world, "parties.jsonl", file).await;
    assert_eq!(counts(&import), [5, 1, 0, 0, 4], "{import}");
    let run = import["run_id"].as_str().expect("an id");
    let rejects = world
        .file(&format!("rejects/{TENANT}/{run}-1.csv"))
        .await
        .expect("rejects");
    let found: BTreeSet<_> = rejects
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).expect("a code"))
        .collect();
    assert_eq!(found, ["missing", "not_json", "row_twice", "type_unknown"].into());
    let first = parties(&world).await;
    let again = imported(&world, "parties.jsonl", file).await;
    assert_eq!(counts(&again), [5, 0, 0, 1, 4]);
    assert_eq!(parties(&world).await, first);
}

#[tokio::test]
async fn point_7_a_file_that_cannot_be_read_is_refused_at_once_with_its_reason() {
    let world = World::new().await;
    for (name, content, reason) in [
        (
            "erp.a.csv",
            "external_id,family_name,shoe_size\n1,Frei,38\n",
            "column 3",
        ),
        ("erp.b.csv", "1,Anna,Keller\n", "column 1"),
        ("erp.c.csv", "family_name\nFrei\n", "external_id is missing"),
        ("d.csv", "external_id,family_name\n1,Frei\n", "column system"),
        ("erp.e.xlsx", "PK", ".csv or .jsonl"),
        ("erp.f.csv", "", "empty"),
    ] {
        let import = imported(&world, name, content).await;
        assert_eq!(
            (&import["state"], counts(&import)),
            (&json!("refused"), [0; 5]),
            "{name}"
        );
        let said = import["refused"].as_str().expect("a reason");
        assert!(said.contains(reason), "{name}: {said}");
        assert!(!said.contains("Keller"));
    }
    assert!(parties(&world).await.is_empty());
}

#[tokio::test]
async fn point_7_a_file_that_is_replaced_while_it_is_imported_ends_with_a_reason_and_the_new_one_is_imported() {
    let world = World::new().await;
    let (first, second) = (
        format!("{HEADER}\n1,A,Frei,,,,,,\n"),
        format!("{HEADER}\n1,A,Keller,,,,,,\n"),
    );
    world.put_import("erp.a.csv", &first).await;
    world.put_only("erp.a.csv", &second).await;
    Delivering::well().until_rest(&world).await;
    let import = import_of(&world, first.len()).await;
    assert_eq!(import["state"], "refused");
    assert!(
        import["refused"]
            .as_str()
            .is_some_and(|reason| reason.contains("replaced"))
    );
    world.notify_import("erp.a.csv", "2").await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(counts(&import_of(&world, second.len()).await), [1, 1, 0, 0, 0]);
    // A notification of what is gone is heard, and begins nothing.
    world.notify_import("erp.gone.csv", "1").await;
}

#[tokio::test]
async fn imports_are_seen_with_their_scope_by_their_tenant() {
    let world = World::new().await;
    let file = format!("{HEADER}\n1,A,Frei,,,,,,\n");
    let import = imported(&world, "erp.a.csv", &file).await;
    let run = import["run_id"].as_str().expect("an id").to_owned();
    let path = [("run_id", run.as_str())];
    let mut other = everywhere();
    other.tenant = "other".parse().expect("a tenant");
    for (route, scope) in [
        ("GET /v1/imports/{run_id}", Scope::ImportsRead),
        ("POST /v1/imports/{run_id}/restart", Scope::ImportsRun),
        ("GET /v1/imports", Scope::ImportsRead),
    ] {
        let mut less = everywhere();
        less.scopes.retain(|held| *held != scope);
        let (status, problem) = world.call_as(&less, route, &path, &Value::Null).await;
        assert_eq!((status, &problem["code"]), (403, &json!("scope_missing")), "{route}");
        let (status, answer) = world.call_as(&other, route, &path, &Value::Null).await;
        match route {
            "GET /v1/imports" => assert_eq!((status, &answer["items"]), (200, &json!([]))),
            _ => assert_eq!(status, 404, "{route}"),
        }
    }
    let answered = world
        .call_once("GET /v1/imports/{run_id}", &[("run_id", "none")], &Value::Null)
        .await;
    assert!(matches!(answered, Called::Answered((404, _))));
}

/// Units of the rows of a file that is put, worked off by one process: read and write, in thousandths.
async fn units(world: &World, file: &str) -> (u64, u64) {
    world.put_import("erp.units.csv", file).await;
    let import = import_of(world, file.len()).await;
    let message = ImportMessage::Part {
        tenant: TENANT.parse().expect("a tenant"),
        run: import["run_id"].as_str().expect("an id").parse().expect("a run"),
        revision: u32::try_from(import["revision"].as_u64().expect("a revision")).expect("a small number"),
        part: 0,
    };
    let delivery = vec![Delivery {
        id: "1".to_owned(),
        message,
    }];
    let db = world.handlers_db();
    let app = world.importing_over(db.clone());
    let failed = Box::pin(app.work_off(delivery, Deadline::never(), world.now)).await;
    assert!(failed.is_empty());
    let cost = db.meter().take();
    (cost.read_milli, cost.write_milli)
}

#[tokio::test]
async fn n1_a_new_party_costs_few_write_units_and_a_row_that_says_the_same_half_a_read_unit() {
    const ROWS: u64 = 400;
    let world = World::new().await;
    let mut file = format!("{HEADER}\n");
    for number in 0..ROWS {
        file.push_str(&format!(
            "{number},Zoë,Müller-{number},Bahnhofstrasse 1,8001,Zürich,zoe.mueller-{number}@example.ch,044 668 18 00,fr\n"
        ));
    }
    let (read, write) = units(&world, &file).await;
    println!("new: {} read, {} write thousandths a row", read / ROWS, write / ROWS);
    assert!(write / ROWS <= 12_000, "{write}");
    let (read, write) = units(&world, &file).await;
    println!("same: {} read, {} write thousandths a row", read / ROWS, write / ROWS);
    assert!(read / ROWS <= 600 && write / ROWS <= 50, "{read} {write}");
    assert_eq!(counts(&import_of(&world, file.len()).await), [ROWS, 0, 0, ROWS, 0]);
}
