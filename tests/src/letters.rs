//! Campaigns that write letters, as tests of what happens to the letters need them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::delivery::Delivering;
use crate::till::receipt;
use crate::world::{IF_MATCH, World, second_person};

/// A voucher of ten francs for everybody with a purchase.
pub fn bonus(id: &str) -> Value {
    json!({
        "id": id, "name": "Bonus", "programme": "treue", "kind": {"type": "bonus"},
        "segment": "activity.revenue_minor_12m >= 5000",
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "min_basket_minor": 2_000,
            "validity": {"type": "days", "after_start": 0, "days": 60}, "bearer": "bearer", "consideration": "free",
            "vat_kind": "value", "per_member": 1,
        },
        "texts": {"de": "{salutation}, {value} bis {valid_until}."},
        "letter_variant": "bonus-a", "control_per_cent": 0, "one_per_household": false, "needs_acknowledgement": false,
        "letter_cost": {"printing_minor": 22, "postage_minor": 53}, "schedule": {"type": "monthly", "day": 1},
    })
}

/// A customer at an address of their own who has bought something.
pub async fn letter_shopper(world: &World, serial: u64, postcode: &str) -> String {
    let (number, party) = world.customer(serial).await;
    let body = json!({
        "kind": "postal", "purposes": ["main"], "street": "Rue du Rhône", "house_number": "12", "postcode": postcode, "town": "Ort",
        "country": "CH",
    });
    let path = [("party_id", &*party), (IF_MATCH, "*")];
    let (status, answer) = world.call("POST /v1/parties/{party_id}/contacts", &path, &body).await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
    let bought = receipt("B01", &serial.to_string(), 12_990, Some(&number));
    assert_eq!(world.buy(&bought).await.0, 201);
    party
}

pub async fn put_campaign(world: &World, campaign: &Value) {
    let id = campaign["id"].as_str().unwrap().to_owned();
    let body = json!({"expected_edition": 0, "campaign": campaign});
    let route = "PUT /v1/campaigns/{campaign_id}";
    let (status, answer) = world.call(route, &[("campaign_id", &id)], &body).await;
    assert_eq!(status, 201, "{answer}");
}

/// Agrees with the printer on columns for so many vouchers of a letter.
pub async fn columns_for(world: &World, vouchers: usize) {
    let known = read(world, "GET /v1/lettershop/settings", &[]).await;
    let mut settings = known["settings"].clone();
    let columns = settings["format"]["layout"]["columns"].as_array_mut().expect("columns");
    for source in (2..=vouchers).map(|n| format!("code_{n}")) {
        if columns.iter().all(|column| column["source"] != source) {
            columns.push(json!({"name": source, "source": source}));
        }
    }
    let body = json!({"expected_version": known["version"], "settings": settings});
    let (status, answer) = world.call("PUT /v1/lettershop/settings", &[], &body).await;
    // The same call again finds its own change.
    assert!(matches!(status, 200 | 201 | 409), "{answer}");
}

pub async fn read(world: &World, route: &str, path: &[(&str, &str)]) -> Value {
    let (status, answer) = world.call(route, path, &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Chooses the members of the next run; the run.
pub async fn tried_run(world: &World, delivering: &mut Delivering, campaign: &str) -> Value {
    let route = "POST /v1/campaigns/{campaign_id}/dry-runs";
    let (status, run) = world.call(route, &[("campaign_id", campaign)], &json!({})).await;
    assert_eq!(status, 202, "{run}");
    delivering.until_rest(world).await;
    let name = run["run_id"].as_str().unwrap();
    read(world, "GET /v1/runs/{run_id}", &[("run_id", name)]).await
}

/// Has a run approved by somebody else and starts it, and delivers what follows.
pub async fn start_run(world: &World, delivering: &mut Delivering, run: &Value) {
    begin_run(world, run).await;
    delivering.until_rest(world).await;
}

/// Has a run approved by somebody else and starts it; nothing of it is done yet.
pub async fn begin_run(world: &World, run: &Value) {
    let path = [("campaign_id", run["campaign"].as_str().unwrap())];
    let body = json!({"digest": run["dry_run"]["digest"]});
    let route = "POST /v1/campaigns/{campaign_id}/approve";
    let (status, answer) = world.call_as(&second_person(), route, &path, &body).await;
    assert_eq!(status, 200, "{answer}");
    let route = "POST /v1/campaigns/{campaign_id}/start";
    let (status, answer) = world.call(route, &path, &Value::Null).await;
    assert_eq!(status, 202, "{answer}");
}

/// A row of the printer's file by its columns.
pub type Row = BTreeMap<String, String>;

/// Where the printer's file of a run stands.
pub fn file_key(run: &Value) -> String {
    let (name, revision) = (run["run_id"].as_str().unwrap(), run["revision"].as_u64().unwrap());
    format!("out/demo/{name}/{revision:04}/letters.csv")
}

/// The rows of the printer's file of a run, by postcode.
pub async fn rows_of(world: &World, run: &Value) -> BTreeMap<String, Row> {
    let bytes = world.file(&file_key(run)).await.expect("the file stands");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(bytes.as_bytes());
    let rows: Result<Vec<Row>, _> = reader.deserialize().collect();
    rows.unwrap()
        .into_iter()
        .map(|row| (row["postcode"].clone(), row))
        .collect()
}

/// Has a run approved by somebody else and makes it; its letters, by postcode.
pub async fn made_run(world: &World, delivering: &mut Delivering, run: &Value) -> BTreeMap<String, Row> {
    start_run(world, delivering, run).await;
    rows_of(world, run).await
}

/// A run of letters to a customer at each of these postcodes, of the campaign [`bonus`]; its name, its letters by postcode, and the
/// parties.
pub async fn run_to(
    world: &World,
    delivering: &mut Delivering,
    postcodes: &[&str],
) -> (String, BTreeMap<String, Row>, Vec<String>) {
    let mut parties = Vec::new();
    for (serial, postcode) in (1..).zip(postcodes) {
        parties.push(letter_shopper(world, serial, postcode).await);
    }
    delivering.until_rest(world).await;
    put_campaign(world, &bonus("bonus")).await;
    let run = tried_run(world, delivering, "bonus").await;
    let rows = made_run(world, delivering, &run).await;
    (run["run_id"].as_str().unwrap().to_owned(), rows, parties)
}

/// The printer confirms the file of a run, but for these letters.
pub async fn confirm(world: &World, run: &str, rejected: &[&str]) {
    let path = [("run_id", run)];
    let files = read(world, "GET /v1/runs/{run_id}/files", &path).await;
    let manifest = &files["manifest"];
    let rejected = rejected.iter().map(|piece| json!({"piece": piece, "reason": "Torn"}));
    let said = json!({
        "run": run, "variant": "bonus-a", "rows": manifest["totals"]["all"]["rows"], "sha256": manifest["sha256"],
        "accepted_on": "2026-11-22", "rejected": rejected.collect::<Vec<_>>(),
    });
    let route = "POST /v1/runs/{run_id}/acknowledgement";
    // Twice: the printer's line broke down.
    for _ in 0..2 {
        let (status, answer) = world.call(route, &path, &said).await;
        assert_eq!(status, 200, "{answer}");
    }
}
