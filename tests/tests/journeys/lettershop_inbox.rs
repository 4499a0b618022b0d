//! Files that printer and carriers put into the inbox bucket (P3, P4, X7, X13): letters that came back, acknowledgements, and the
//! report on each.

use std::sync::Arc;

use end_to_end::delivery::Delivering;
use end_to_end::letters::{read, run_to};
use end_to_end::plan::{CrashPoint, Crashes, Moment};
use end_to_end::world::World;
use faults::Site;
use serde_json::{Value, json};

/// The only file of the inbox, with its lines.
async fn only_file(world: &World) -> Value {
    let files = read(world, "GET /v1/lettershop/inbox", &[]).await;
    let files = files["items"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    file(world, &files[0]).await
}

async fn file(world: &World, listed: &Value) -> Value {
    let path = [("file_id", listed["file_id"].as_str().unwrap())];
    read(world, "GET /v1/lettershop/inbox/{file_id}", &path).await
}

async fn report(world: &World, file: &Value) -> Value {
    let key = format!("reports/demo/{}.json", file["file_id"].as_str().unwrap());
    let report = world.file(&key).await.expect("the report stands");
    serde_json::from_str(&report).expect("JSON")
}

async fn blocked(world: &World) -> usize {
    let parties = read(world, "GET /v1/tasks?queue=addresses", &[]).await;
    parties["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn p3_a_carriers_file_takes_letters_back_and_tells_what_it_could_not_take() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (_, rows, _) = run_to(&world, &mut delivering, &["8001", "8002", "8003"]).await;
    let piece = |at: &str| &rows[at]["piece_id"];
    let content = format!(
        "piece_id;reason;returned_on\r\n{};Delivery refused;22.11.2026\r\n{};Deceased;2026-11-23\r\n\
         3F8KQ2W9ZT4M7XABW;Not collected;2026-11-22\r\n{};seventeen;2026-11-22\r\n",
        piece("8001"),
        piece("8002"),
        piece("8003"),
    );
    let name = "returns/swiss-post/november.csv";
    world.put_inbox(name, content.as_bytes()).await;
    world.notify_inbox(name).await;
    delivering.until_rest(&world).await;
    let done = only_file(&world).await;
    assert_eq!(
        (&done["state"], &done["rows"], &done["not_taken"]),
        (&json!("done"), &json!(4), &json!(3)),
        "{done}"
    );
    assert_eq!(done["outcomes"], json!({"applied": 1, "unknown_piece": 1}), "{done}");
    let lines = json!([
        {"line": 5, "what": "reason", "why": "unknown_code"},
        {"line": 3, "what": "returned_on", "why": "out_of_range"},
        {"line": 4, "what": "3F8KQ2W9ZT4M7XABW", "why": "unknown_piece"},
    ]);
    assert_eq!(done["lines"], lines, "{done}");
    assert_eq!(report(&world, &done).await, done);
    assert_eq!(
        world.file(&format!("incoming/demo/{name}")).await,
        None,
        "it may hold addresses"
    );

    // The same rows in another file: nothing is done twice.
    world
        .put_inbox("returns/swiss-post/again.csv", content.as_bytes())
        .await;
    delivering.until_rest(&world).await;
    let files = read(&world, "GET /v1/lettershop/inbox", &[]).await;
    let again = files["items"].as_array().unwrap().iter();
    let again: Vec<_> = again
        .filter(|file| file["file"].as_str().unwrap().ends_with("again.csv"))
        .collect();
    assert_eq!(
        again[0]["outcomes"],
        json!({"already_known": 1, "unknown_piece": 1}),
        "{files}"
    );
}

#[tokio::test]
async fn p3_a_file_that_is_cut_off_or_of_another_encoding_is_refused_whole() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (_, rows, _) = run_to(&world, &mut delivering, &["8001"]).await;
    let settings = read(&world, "GET /v1/lettershop/settings", &[]).await;
    let mut agreed = settings["settings"].clone();
    agreed["returns"]["carriers"][0]["file"] = json!({"encoding": "utf8", "trailer": true});
    let body = json!({"expected_version": 0, "settings": agreed});
    let (status, answer) = world.call("PUT /v1/lettershop/settings", &[], &body).await;
    assert_eq!(status, 200, "{answer}");
    let row = format!(
        "piece_id;reason;returned_on\n{};moved_unknown;2026-11-22\n",
        rows["8001"]["piece_id"]
    );
    let files: [(&str, Vec<u8>, &str); 6] = [
        (
            "returns/internal/cut.csv",
            row.clone().into_bytes(),
            "the file is cut off after line 2",
        ),
        (
            "returns/internal/short.csv",
            format!("{row}#END;2\n").into_bytes(),
            "line 3: #END tells another count than the 1 rows that are there",
        ),
        (
            "returns/internal/latin.csv",
            [row.as_bytes(), b"\xfc;;\n#END;2\n"].concat(),
            "line 3 is not UTF-8: save the file as UTF-8, or declare Windows-1252",
        ),
        (
            "returns/pigeon/a.csv",
            row.clone().into_bytes(),
            "the folder names no carrier of GET /v1/lettershop/settings",
        ),
        (
            "elsewhere/a.csv",
            row.clone().into_bytes(),
            "the file lies in no folder of the inbox: incoming/<tenant>/returns/<carrier>/ or incoming/<tenant>/acknowledgements/",
        ),
        (
            "acknowledgements/a.json",
            b"{\"run\": 1}".to_vec(),
            "the file is no acknowledgement: see line 1, column 9",
        ),
    ];
    for (name, content, _) in &files {
        world.put_inbox(name, content).await;
    }
    delivering.until_rest(&world).await;
    let listed = read(&world, "GET /v1/lettershop/inbox", &[]).await;
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), files.len());
    for (name, _, reason) in files {
        let key = format!("incoming/demo/{name}");
        let found = listed.iter().find(|file| file["file"] == json!(key)).expect("the file");
        assert_eq!(
            (&found["state"], &found["refused"]),
            (&json!("refused"), &json!(reason))
        );
        assert_eq!(found["outcomes"], json!({}), "{found}");
    }
    assert_eq!(blocked(&world).await, 0, "nothing was done");
}

#[tokio::test]
async fn x7_an_acknowledgement_comes_by_file_and_one_that_differs_is_refused_with_its_fields() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (run, rows, _) = run_to(&world, &mut delivering, &["8001", "8002"]).await;
    let files = read(&world, "GET /v1/runs/{run_id}/files", &[("run_id", &run)]).await;
    let mut said = json!({
        "run": run, "variant": "bonus-a", "rows": 3, "sha256": files["manifest"]["sha256"], "accepted_on": "2026-11-22",
    });
    world
        .put_inbox("acknowledgements/first.json", said.to_string().as_bytes())
        .await;
    delivering.until_rest(&world).await;
    let refused = only_file(&world).await;
    assert_eq!(refused["state"], "refused", "{refused}");
    let lines = json!([{"line": 0, "what": "/rows", "why": "other_count"}]);
    assert_eq!(refused["lines"], lines, "{refused}");
    let path = [("run_id", &*run)];
    assert_eq!(
        read(&world, "GET /v1/runs/{run_id}", &path).await["acknowledged_at"],
        Value::Null
    );

    said["rows"] = json!(rows.len());
    let marked = format!("\u{feff}{said}");
    for name in ["acknowledgements/second.json", "acknowledgements/third.json"] {
        world.put_inbox(name, marked.as_bytes()).await;
    }
    delivering.until_rest(&world).await;
    let listed = read(&world, "GET /v1/lettershop/inbox", &[]).await;
    let done = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["state"] == "done");
    let outcomes: Vec<_> = done.map(|file| file["outcomes"].clone()).collect();
    assert_eq!(outcomes, [json!({"confirmed": 1}), json!({"confirmed": 1})], "{listed}");
    assert_ne!(
        read(&world, "GET /v1/runs/{run_id}", &path).await["acknowledged_at"],
        Value::Null
    );
}

#[tokio::test]
async fn p3_a_file_whose_worker_dies_does_each_letter_once_and_counts_it_once() {
    let at = |site, moment| CrashPoint {
        site,
        occurrence: 0,
        moment,
    };
    // Behind each write; the day of campaigns dies before and after every other call.
    let sites = [
        Site::ShopSend,
        Site::ShopTakeBack,
        Site::ShopNote,
        Site::ShopReport,
        Site::ShopDrop,
    ];
    let points = sites.map(|site| at(site, Moment::After));
    let plan = Arc::new(Crashes::at(points.to_vec()));
    let world = World::with_plan(Some(plan.clone())).await;
    let mut delivering = Delivering::well();
    let (_, rows, _) = run_to(&world, &mut delivering, &["8001", "8002", "8003"]).await;
    let mut content = "piece_id;reason;returned_on\n".to_owned();
    for row in rows.values() {
        content.push_str(&format!("{};moved_unknown;2026-11-22\n", row["piece_id"]));
    }
    world.put_inbox("returns/internal/a.csv", content.as_bytes()).await;
    delivering.until_rest(&world).await;
    let done = only_file(&world).await;
    assert_eq!(done["outcomes"], json!({"applied": 3}), "{done}");
    assert_eq!(blocked(&world).await, 3);
    assert!(plan.left().is_empty(), "{:?}", plan.left());
}
