//! A campaign from its draft to a redeemed voucher, its results and a letter that came back; a birthday campaign that starts by itself; somebody is kept back, somebody erased; what a run gave is blocked.

use faults::{Probe, Site};
use messages::LettershopMessage;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::db::{Leg, Read};
use store::voucher::{OpenVoucher, open_key};

use super::{done, listed, read};
use crate::delivery::Delivering;
use crate::till::receipt;
use crate::world::{IF_MATCH, PROGRAMME, TENANT, World, second_person};

/// A voucher of ten francs of their own for everybody who has bought something.
fn welcome() -> Value {
    json!({
        "id": "welcome", "name": "Welcome", "programme": "treue", "kind": {"type": "individual"},
        "segment": "activity.receipts_12m >= 1",
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "validity": {"type": "days", "after_start": 0, "days": 60},
            "bearer": "personal", "consideration": "free", "vat_kind": "value",
        },
        "texts": {"de": "{salutation}, {value} bis {valid_until}."}, "letter_variant": "a", "needs_acknowledgement": true,
        "letter_cost": {"printing_minor": 22, "postage_minor": 53}, "schedule": {"type": "monthly", "day": 22},
    })
}

fn birthdays() -> Value {
    let mut campaign = welcome();
    campaign["id"] = json!("birthdays");
    campaign["kind"] = json!({
        "type": "birthday", "floor_minor": 0, "window_months": 12,
        "lead": {"printer_working_days": 1, "post_working_days": 1, "calendar": ::campaign::zurich().name},
    });
    campaign["schedule"] = json!({"type": "daily"});
    campaign
}

async fn shopper(world: &World, serial: u64) -> (String, String) {
    let (card, party) = world.customer(serial).await;
    let address = json!({
        "kind": "postal", "purposes": ["main"], "street": "Gasse", "house_number": "1", "postcode": "8001", "town": "Zürich",
        "country": "CH",
    });
    let path = [("party_id", &*party), (IF_MATCH, "*")];
    let known = read(world, "GET /v1/parties/{party_id}", &[("party_id", &party)]).await;
    if known["contacts"].as_array().is_none_or(Vec::is_empty) {
        done(world, "POST /v1/parties/{party_id}/contacts", &path, &address).await;
    }
    let body = receipt("B01", &serial.to_string(), 5_000, Some(&card));
    done(world, "POST /v1/purchases", &[], &body).await;
    (card, party)
}

async fn put(world: &World, campaign: &Value) {
    let path = [("campaign_id", campaign["id"].as_str().expect("an id"))];
    let body = json!({"expected_edition": 0, "campaign": campaign});
    done(world, "PUT /v1/campaigns/{campaign_id}", &path, &body).await;
}

/// Chooses the members of the next run and has them approved; the run.
async fn approved(world: &World, delivering: &mut Delivering, campaign: &str) -> Value {
    let path = [("campaign_id", campaign)];
    let route = "POST /v1/campaigns/{campaign_id}/dry-runs";
    let (status, run) = world.call(route, &path, &json!({})).await;
    assert_eq!(status, 202, "{run}");
    delivering.until_rest(world).await;
    let name = run["run_id"].as_str().expect("a run");
    let run = read(world, "GET /v1/runs/{run_id}", &[("run_id", name)]).await;
    let body = json!({"digest": run["dry_run"]["digest"]});
    let (status, answer) = world
        .call_as(
            &second_person(),
            "POST /v1/campaigns/{campaign_id}/approve",
            &path,
            &body,
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    run
}

/// All letters are printed again.
async fn print_again(world: &World, delivering: &mut Delivering, run: &str) {
    let file = world.file(&format!("out/demo/{run}/0001/letters.csv")).await;
    let file = file.expect("the file");
    let rows = file.lines().skip(1).filter_map(|row| row.split(';').next());
    let body = json!({"pieces": rows.collect::<Vec<_>>(), "reason": "Paper jam"});
    let path = [("run_id", run)];
    let (status, asked) = world.call("POST /v1/runs/{run_id}/reprints", &path, &body).await;
    assert_eq!(status, 202, "{asked}");
    delivering.until_rest(world).await;
    let path = [
        ("run_id", run),
        ("reprint_id", asked["reprint_id"].as_str().expect("an id")),
    ];
    let reprint = read(world, "GET /v1/runs/{run_id}/reprints/{reprint_id}", &path).await;
    assert_eq!(
        (&reprint["state"], &reprint["gaps"]),
        (&json!("written"), &json!([])),
        "{reprint}"
    );
}

/// A run is tried, and stopped before anybody approves it.
async fn stop_next(world: &World, delivering: &mut Delivering) {
    let route = "POST /v1/campaigns/{campaign_id}/dry-runs";
    let (status, run) = world.call(route, &[("campaign_id", "welcome")], &json!({})).await;
    assert_eq!(status, 202, "{run}");
    delivering.until_rest(world).await;
    let path = [("run_id", run["run_id"].as_str().expect("a run"))];
    let body = json!({"reason": "Not this month"});
    let (status, stopped) = world.call("POST /v1/runs/{run_id}/stop", &path, &body).await;
    assert_eq!((status, &stopped["stopped"]), (200, &json!("by_hand")), "{stopped}");
    // Who did not hear of it asks for its file: there is nothing to be left of it.
    let message = LettershopMessage::Write {
        tenant: TENANT.parse().expect("a tenant"),
        run: run["run_id"].as_str().and_then(|run| run.parse().ok()).expect("a run"),
        revision: run["revision"]
            .as_u64()
            .and_then(|number| number.try_into().ok())
            .expect("a number"),
    };
    let sender = messages::Sender::new(world.place.sqs(), Probe::none());
    let sent = sender.send(Site::ToolWrite, &world.lettershop_queue, &[message]).await;
    sent.expect("the message is sent");
    delivering.until_rest(world).await;
}

/// A run with a wrong value is stopped after it has given Anna's voucher; then what it gave is blocked, and once more taken off the list
/// on which a worker that came late has put it.
async fn block(world: &mut World, delivering: &mut Delivering, anna: &str) {
    let mut wrong = welcome();
    wrong["id"] = json!("wrong");
    put(world, &wrong).await;
    let run = approved(world, delivering, "wrong").await;
    let path = [("campaign_id", "wrong")];
    let route = "POST /v1/campaigns/{campaign_id}/start";
    let (status, answer) = world.call(route, &path, &Value::Null).await;
    assert_eq!(status, 202, "{answer}");
    delivering.runs_only(world).await;
    let (tenant, anna) = (TENANT.parse().expect("a tenant"), anna.parse().expect("an id"));
    let programme = PROGRAMME.parse().expect("an id");
    let number = "wrong~2026-11~1".parse().expect("a number");
    let listed = open_key(&tenant, &anna, &programme, &number);
    let listed = world.db.get::<OpenVoucher>(Site::ToolRead, &listed, Read::Strong).await;
    let listed = listed.expect("the table").expect("her voucher");
    let path = [("run_id", run["run_id"].as_str().expect("a run"))];
    for block in [false, true] {
        let body = json!({"reason": "Wrong value", "block_vouchers": block});
        let (status, stopped) = world.call("POST /v1/runs/{run_id}/stop", &path, &body).await;
        assert_eq!((status, &stopped["stopped"]), (200, &json!("by_hand")), "{stopped}");
    }
    delivering.until_rest(world).await;
    let late = Leg::put(Site::ToolWrite, &listed, None).expect("an item");
    world.db.write_item(Site::ToolWrite, late).await.expect("the table");
    world.now += chrono::TimeDelta::hours(1);
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(world).await;
    let stopped = read(world, "GET /v1/runs/{run_id}", &path).await;
    let counts = (&stopped["blocking"]["blocked"], &stopped["blocking"]["shards_done"]);
    assert_eq!(counts, (&json!(1), &json!(3)), "{stopped}");
    let listed = world
        .db
        .get::<OpenVoucher>(Site::ToolRead, &listed.key(), Read::Strong)
        .await;
    assert_eq!(listed.expect("the table"), None);
}

/// Anna's letter comes back.
async fn come_back(world: &World, run: &str) {
    let file = world.file(&format!("out/demo/{run}/0001/letters.csv")).await;
    let file = file.expect("the file");
    let row = file
        .lines()
        .find(|row| row.contains("8001 Zürich"))
        .expect("her letter");
    let piece = row.trim_start_matches('\u{feff}').split(';').next().expect("an id");
    let letter = json!({"piece": piece, "carrier": "internal", "code": "moved_unknown", "returned_on": "2026-11-22"});
    let (status, answer) = world
        .call("POST /v1/lettershop/returns", &[], &json!({"returns": [letter]}))
        .await;
    assert_eq!(status, 200, "{answer}");
    let done = &answer["items"][0]["done"];
    assert_eq!(*done, json!(["address_blocked", "task_opened"]), "{answer}");
}

/// A carrier's file about a letter that nobody knows.
async fn by_file(world: &World, delivering: &mut Delivering) {
    let content = "piece_id;reason;returned_on\n3F8KQ2W9ZT4M7XABW;refused;2026-11-22\n";
    let name = "returns/internal/november.csv";
    world.put_inbox(name, content.as_bytes()).await;
    delivering.until_rest(world).await;
    let files = read(world, "GET /v1/lettershop/inbox", &[]).await;
    let outcomes = &files["items"][0]["outcomes"];
    assert_eq!(*outcomes, json!({"unknown_piece": 1}), "{files}");
    let file = files["items"][0]["file_id"].as_str().expect("an id");
    let path = [("file_id", file)];
    let file = read(world, "GET /v1/lettershop/inbox/{file_id}", &path).await;
    assert_eq!(file["state"], "done", "{file}");
}

async fn confirm(world: &World, run: &str) {
    let path = [("run_id", run)];
    let files = read(world, "GET /v1/runs/{run_id}/files", &path).await;
    let file = world
        .file(&format!("out/demo/{run}/0001/letters.csv"))
        .await
        .expect("the file");
    let sha256: String = Sha256::digest(file.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(files["manifest"]["sha256"], json!(sha256));
    // Anna, and the planted address.
    assert_eq!(file.lines().count(), 3, "{file}");
    let said = json!({"run": run, "variant": "a", "rows": 2, "sha256": sha256, "accepted_on": "2026-11-22"});
    done(world, "POST /v1/runs/{run_id}/acknowledgement", &path, &said).await;
}

pub(super) async fn tell(world: &mut World, delivering: &mut Delivering) {
    let (anna_card, anna) = shopper(world, 1).await;
    let (_, beat) = shopper(world, 2).await;
    delivering.until_rest(world).await;
    let settings = read(world, "GET /v1/lettershop/settings", &[]).await;
    let mut agreed = settings["settings"].clone();
    agreed["control"] = json!([
        {"lines": ["Olga Office", "Hauptsitz 1", "8000 Zürich"], "salutation": "Frau Office", "language": "de", "country": "CH",
         "postcode": "8000"},
    ]);
    let body = json!({"expected_version": settings["version"], "settings": agreed});
    // The same call again, after a crash, finds its own change.
    let (status, answer) = world.call("PUT /v1/lettershop/settings", &[], &body).await;
    assert!(matches!(status, 200 | 409), "{answer}");

    put(world, &welcome()).await;
    let run = approved(world, delivering, "welcome").await;
    assert_eq!(run["dry_run"]["totals"]["letters"], 2, "{run}");
    let path = [("party_id", &*beat), (IF_MATCH, "*")];
    let class = json!({"classification": "blacklist", "reason": "Test"});
    let known = read(world, "GET /v1/parties/{party_id}", &[("party_id", &beat)]).await;
    assert!(known["classifications"].as_array().is_none_or(Vec::is_empty));
    done(world, "POST /v1/parties/{party_id}/classifications", &path, &class).await;
    let path = [("campaign_id", "welcome")];
    let (status, answer) = world
        .call("POST /v1/campaigns/{campaign_id}/start", &path, &Value::Null)
        .await;
    assert_eq!(status, 202, "{answer}");
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(world).await;
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(world).await;
    let runs = read(world, "GET /v1/runs?campaign=welcome", &[]).await;
    assert_eq!(listed(&runs, "stage"), ["written"], "{runs}");
    assert_eq!(world.desk(&anna_card).await.1, Vec::<String>::new());
    confirm(world, "welcome~2026-11").await;
    // The schedule asks for what follows too.
    Box::pin(world.ask_for_runs()).await;
    delivering.until_rest(world).await;
    let path = [("party_id", &*anna)];
    let score = read(world, "GET /v1/parties/{party_id}/rfmr?programme=treue", &path).await;
    assert_eq!(score["letters_sent"], 1, "{score}");
    print_again(world, delivering, "welcome~2026-11").await;
    let path = [("run_id", "welcome~2026-11"), ("party_id", &*anna)];
    let member = read(world, "GET /v1/runs/{run_id}/members/{party_id}", &path).await;
    assert_eq!(member["decision"], "in", "{member}");
    let (_, codes) = world.desk(&anna_card).await;
    let mut redeem = crate::till::redeem("B01", &codes[0], "9", 5_000);
    redeem["card"] = json!(anna_card);
    done(world, "POST /v1/vouchers/redeem", &[], &redeem).await;
    super::offline::told_again(world, "B01", 9, (&codes[0], &anna_card)).await;
    delivering.until_rest(world).await;

    let path = [("run_id", "welcome~2026-11")];
    let (status, answer) = world
        .call("POST /v1/runs/{run_id}/measurements", &path, &Value::Null)
        .await;
    assert_eq!(status, 202, "{answer}");
    delivering.until_rest(world).await;
    let results = read(world, "GET /v1/runs/{run_id}/results", &path).await;
    assert_eq!(
        results["redeemed"],
        json!({"vouchers": 1, "value_minor": 1_000}),
        "{results}"
    );
    assert_eq!(results["revenue"]["letters"]["members"], 2, "{results}");
    block(world, delivering, &anna).await;
    come_back(world, "welcome~2026-11").await;
    delivering.until_rest(world).await;
    by_file(world, delivering).await;
    put(world, &birthdays()).await;
    approved(world, delivering, "birthdays").await;
    world.now = "2026-11-23T12:00:00Z".parse().expect("an instant");
    // First the run of the day of the approval, chosen anew, then that of the day; once more for whoever died on the way.
    for _ in 0..3 {
        Box::pin(world.ask_for_runs()).await;
        delivering.until_rest(world).await;
    }
    let run = read(world, "GET /v1/runs/{run_id}", &[("run_id", "birthdays~2026-11-23")]).await;
    assert_eq!(
        (&run["stage"], &run["dry_run"]["totals"]["letters"]),
        (&json!("written"), &json!(0))
    );
    stop_next(world, delivering).await;
    let path = [("campaign_id", "birthdays")];
    done(world, "POST /v1/campaigns/{campaign_id}/close", &path, &Value::Null).await;
    let campaigns = read(world, "GET /v1/campaigns", &[]).await;
    assert_eq!(campaigns["items"].as_array().map(Vec::len), Some(3));

    let path = [("party_id", &*anna)];
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
    delivering.until_rest(world).await;
}
