//! Campaigns from the draft to the printer's file (N7, N8, L4, L5, P1, P2, X5, X6, X7, X15): through the calls, the queues,
//! the schedule and the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::{DateTime, Utc};
use end_to_end::delivery::Delivering;
use end_to_end::letters::{start_run, tried_run};
use end_to_end::plan::{CrashPoint, Crashes, Moment};
use end_to_end::till::receipt;
use end_to_end::world::{IF_MATCH, TENANT, World, second_person};
use faults::Site;
use messages::LettershopMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::run::RunId;

/// The office's campaign: everybody with a purchase, a voucher of ten francs.
fn bonus() -> Value {
    json!({
        "id": "bonus", "name": "Bonus", "programme": "treue", "kind": {"type": "bonus"},
        "segment": "activity.revenue_minor_3m >= 5000",
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "min_basket_minor": 2_000,
            "validity": {"type": "days", "after_start": 0, "days": 60}, "bearer": "bearer", "consideration": "free",
            "vat_kind": "value", "per_member": 1,
        },
        "texts": {
            "de": "{salutation}, dieser Gutschein ist {value} wert und gilt bis {valid_until}.",
            "fr": "{salutation}, ce bon vaut {value} jusqu'au {valid_until}.",
        },
        "letter_variant": "bonus-a", "control_per_cent": 0, "one_per_household": false, "needs_acknowledgement": true,
        "letter_cost": {"printing_minor": 22, "postage_minor": 53}, "schedule": {"type": "monthly", "day": 1},
    })
}

async fn put(world: &World, campaign: &Value, edition: u64) -> (u16, Value) {
    let id = campaign["id"].as_str().unwrap().to_owned();
    let body = json!({"expected_edition": edition, "campaign": campaign});
    world
        .call("PUT /v1/campaigns/{campaign_id}", &[("campaign_id", &id)], &body)
        .await
}

async fn post(world: &World, route: &str, campaign: &str, body: &Value) -> (u16, Value) {
    world.call(route, &[("campaign_id", campaign)], body).await
}

async fn run_of(world: &World, run: &str) -> Value {
    let (status, answer) = world
        .call("GET /v1/runs/{run_id}", &[("run_id", run)], &Value::Null)
        .await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A customer who lives somewhere and has bought something.
async fn shopper(world: &World, serial: u64, postcode: &str, town: &str) -> (String, String) {
    let (number, party) = world.customer(serial).await;
    address(world, &party, postcode, town).await;
    let (status, answer) = world
        .buy(&receipt("B01", &serial.to_string(), 12_990, Some(&number)))
        .await;
    assert_eq!(status, 201, "{answer}");
    (number, party)
}

async fn address(world: &World, party: &str, postcode: &str, town: &str) {
    let body = json!({
        "kind": "postal", "purposes": ["main"], "street": "Rue du Rhône", "house_number": "12", "postcode": postcode, "town": town,
        "country": "CH",
    });
    let path = [("party_id", party), (IF_MATCH, "*")];
    let (status, answer) = world.call("POST /v1/parties/{party_id}/contacts", &path, &body).await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
}

/// Tries the campaign, has it approved by somebody else, and starts it; returns the run.
async fn try_approve_start(world: &World, delivering: &mut Delivering, campaign: &str) -> String {
    let run = tried_run(world, delivering, campaign).await;
    start_run(world, delivering, &run).await;
    run["run_id"].as_str().unwrap().to_owned()
}

/// The printer's file as an independent reader sees it, and its bytes.
async fn letters(world: &World, run: &str) -> (Vec<BTreeMap<String, String>>, String) {
    let bytes = world
        .file(&format!("out/demo/{run}/0001/letters.csv"))
        .await
        .expect("the file stands");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(bytes.as_bytes());
    let rows: Result<Vec<BTreeMap<String, String>>, _> = reader.deserialize().collect();
    (rows.unwrap(), bytes)
}

async fn redeem(world: &World, code: &str, number: u32) -> (u16, Value) {
    let body = json!({
        "store": "SHOP", "till": "1", "code": code, "basket_total": {"amount_minor": 5_000, "currency": "CHF"},
        "receipt": format!("SHOP~1~{}~{number}", world.now.format("%Y-%m-%d")),
    });
    world.call("POST /v1/vouchers/redeem", &[], &body).await
}

async fn acknowledge(world: &World, run: &str, body: &Value) -> (u16, Value) {
    let path = [("run_id", run)];
    world.call("POST /v1/runs/{run_id}/acknowledgement", &path, body).await
}

#[tokio::test]
async fn n7_p1_x7_a_bonus_run_from_the_draft_to_redeemed_vouchers() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (anna_card, anna) = shopper(&world, 1, "1204", "Genève").await;
    let (_, beat) = shopper(&world, 2, "8001", "Zürich").await;
    // Who bought nothing, has no address, does not want letters, or is on a blacklist gets none.
    let (_, carla) = world.customer(3).await;
    address(&world, &carla, "3011", "Bern").await;
    let (card_of_dora, dora) = world.customer(4).await;
    world.buy(&receipt("B02", "4", 9_000, Some(&card_of_dora))).await;
    let (_, emil) = shopper(&world, 5, "6300", "Zug").await;
    let path = [("party_id", &*emil), (IF_MATCH, "*"), ("channel", "letter")];
    let consent = json!({"state": "withdrawn", "source": "till"});
    let (status, answer) = world
        .call("PUT /v1/parties/{party_id}/consents/{channel}", &path, &consent)
        .await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(&world).await;

    let (status, answer) = put(&world, &bonus(), 0).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(put(&world, &bonus(), 0).await.0, 200, "the same again");
    let (status, run) = post(&world, "POST /v1/campaigns/{campaign_id}/dry-runs", "bonus", &json!({})).await;
    assert_eq!((status, &run["run_id"]), (202, &json!("bonus~2026-12")), "{run}");
    delivering.until_rest(&world).await;
    let tried = run_of(&world, "bonus~2026-12").await;
    assert_eq!(
        (&tried["stage"], &tried["day"]),
        (&json!("chosen"), &json!("2026-12-01"))
    );
    let totals = &tried["dry_run"]["totals"];
    let out = json!({"not_in_segment": totals["out"]["not_in_segment"], "letter_objected": 1, "no_address": 1});
    assert_eq!(totals["out"], out, "{tried}");
    let sums = [
        "letters",
        "vouchers",
        "face_value_minor",
        "printing_minor",
        "postage_minor",
    ]
    .map(|name| &totals[name]);
    assert_eq!(sums, [&json!(2), &json!(2), &json!(2_000), &json!(44), &json!(106)]);

    // X15: in because, out because.
    let why = async |party: &str| {
        let path = [("run_id", "bonus~2026-12"), ("party_id", party)];
        let answer = world
            .call("GET /v1/runs/{run_id}/members/{party_id}", &path, &Value::Null)
            .await;
        (answer.0, answer.1["decision"].clone(), answer.1["reason"].clone())
    };
    assert_eq!(why(&anna).await, (200, json!("in"), Value::Null));
    assert_eq!(why(&dora).await, (200, json!("out"), json!("no_address")));
    assert_eq!(why(&emil).await, (200, json!("out"), json!("letter_objected")));
    assert_eq!(why(&carla).await.0, 404, "outside the segment: counted only");

    // Four eyes, and the digest that was seen.
    let digest = &tried["dry_run"]["digest"];
    let approve = "POST /v1/campaigns/{campaign_id}/approve";
    let (status, answer) = post(&world, approve, "bonus", &json!({"digest": digest})).await;
    assert_eq!(
        (status, &answer["code"]),
        (403, &json!("approval_by_author")),
        "{answer}"
    );
    let other = json!({"digest": "0".repeat(64)});
    let path = [("campaign_id", "bonus")];
    let (status, answer) = world.call_as(&second_person(), approve, &path, &other).await;
    assert_eq!((status, &answer["code"]), (409, &json!("campaign_state")), "{answer}");
    let start = "POST /v1/campaigns/{campaign_id}/start";
    assert_eq!(
        post(&world, start, "bonus", &Value::Null).await.0,
        409,
        "nobody approved it"
    );
    for _ in 0..2 {
        let body = json!({"digest": digest});
        let (status, answer) = world.call_as(&second_person(), approve, &path, &body).await;
        assert_eq!(
            (status, &answer["standing"]["status"]["status"]),
            (200, &json!("approved")),
            "{answer}"
        );
    }
    assert_eq!(
        run_of(&world, "bonus~2026-12").await["progress"]["vouchers"],
        json!(0),
        "nothing is issued yet"
    );

    assert_eq!(post(&world, start, "bonus", &Value::Null).await.0, 202);
    delivering.until_rest(&world).await;
    let done = run_of(&world, "bonus~2026-12").await;
    assert_eq!(
        (&done["stage"], &done["progress"]["vouchers"], &done["gaps"]),
        (&json!("written"), &json!(2), &json!(0)),
        "{done}"
    );

    let (rows, bytes) = letters(&world, "bonus~2026-12").await;
    let lines: Vec<_> = rows
        .iter()
        .map(|row| (&*row["postcode"], &*row["address_3"], &*row["value"]))
        .collect();
    assert_eq!(
        lines,
        [("1204", "1204 Genève", "10.00"), ("8001", "8001 Zürich", "10.00")],
        "{bytes}"
    );
    assert!(
        rows[0]["text"].contains("CHF 10.00") && rows[0]["text"].contains("29.01.2027"),
        "{bytes}"
    );
    assert_ne!(anna, beat);

    // Nothing is taken before the printer has confirmed, and nothing is shown.
    let code = rows[0]["code"].clone();
    let (status, answer) = redeem(&world, &code, 900).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("voucher_not_yet_confirmed")),
        "{answer}"
    );
    assert!(world.desk(&anna_card).await.1.is_empty());
    let path = [("run_id", "bonus~2026-12")];
    let (status, files) = world.call("GET /v1/runs/{run_id}/files", &path, &Value::Null).await;
    assert_eq!(status, 200, "{files}");
    let sha256: String = Sha256::digest(bytes.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let manifest = &files["manifest"];
    assert_eq!(
        (&manifest["sha256"], &manifest["totals"]["all"]["rows"]),
        (&json!(sha256), &json!(2))
    );
    assert!(!manifest.to_string().contains(&code), "codes stand in the file only");
    let said = json!({
        "run": "bonus~2026-12", "variant": "bonus-a", "rows": 2, "sha256": sha256, "accepted_on": "2026-11-22", "rejected": [],
    });
    let mut wrong = said.clone();
    wrong["rows"] = json!(3);
    wrong["sha256"] = json!("0".repeat(64));
    let (status, answer) = acknowledge(&world, "bonus~2026-12", &wrong).await;
    assert_eq!(
        (status, answer["errors"].as_array().map(Vec::len)),
        (422, Some(2)),
        "{answer}"
    );

    let mut world = world;
    world.now = "2026-12-02T10:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let (status, answer) = redeem(&world, &code, 901).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("voucher_not_yet_confirmed")),
        "{answer}"
    );
    assert!(
        world.desk(&anna_card).await.1.is_empty(),
        "the cash desk offers none either"
    );
    for _ in 0..2 {
        let (status, answer) = acknowledge(&world, "bonus~2026-12", &said).await;
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(world.desk(&anna_card).await.1, std::slice::from_ref(&code));
    assert_eq!(redeem(&world, &code, 902).await.0, 200);
    let (status, answer) = redeem(&world, &code, 903).await;
    assert_eq!((status, &answer["code"]), (409, &json!("voucher_redeemed")), "{answer}");

    // N7: the same month again gives nothing new.
    let (status, answer) = post(
        &world,
        "POST /v1/campaigns/{campaign_id}/dry-runs",
        "bonus",
        &json!({"day": "2026-12-02"}),
    )
    .await;
    assert_eq!((status, &answer["code"]), (409, &json!("campaign_state")), "{answer}");
    delivering.until_rest(&world).await;
    assert_eq!(letters(&world, "bonus~2026-12").await.1, bytes);
}

#[tokio::test]
async fn x5_messages_doubled_and_shuffled_make_the_same_file_byte_for_byte() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let world = World::new().await;
    let mut well = Delivering::well();
    for serial in 1..=9 {
        let postcode = (8_000 + serial).to_string();
        shopper(&world, serial, &postcode, "Zürich").await;
    }
    well.until_rest(&world).await;
    put(&world, &bonus(), 0).await;
    let run = try_approve_start(&world, &mut well, "bonus").await;
    let (rows, bytes) = letters(&world, &run).await;
    let codes: BTreeSet<_> = rows.iter().map(|row| row["code"].clone()).collect();
    assert_eq!((rows.len(), codes.len()), (9, 9));

    // Everything of the run but the choice is done once more, by messages that come again in any order.
    let id = store::run::RunId {
        tenant: "demo".parse().unwrap(),
        run: run.parse().unwrap(),
        revision: 1,
    };
    let site = faults::Site::ToolWrite;
    let before = store::run::read(&world.db, site, &id).await.unwrap().unwrap();
    store::run::change(&world.db, site, &before, world.now, |run| {
        run.stage = store::run::Stage::Issuing;
        run.file = None;
        run.issued = None;
    })
    .await
    .unwrap();
    let key = format!("out/demo/{run}/0001/letters.csv");
    let s3 = world.place.s3();
    s3.delete_object()
        .bucket(world.place.bucket())
        .key(&key)
        .send()
        .await
        .unwrap();
    forget_progress(&world, &id).await;
    let mut badly = Delivering::badly(seed);
    let sender = world.sender();
    let shards: Vec<_> = (0..before.d.cut.shards)
        .map(|shard| messages::CampaignMessage::Issue {
            tenant: id.tenant.clone(),
            run: id.run.clone(),
            revision: 1,
            shard,
        })
        .collect();
    sender.send(site, &world.campaign_queue, &shards).await.unwrap();
    badly.until_rest(&world).await;
    assert_eq!(letters(&world, &run).await.1, bytes, "seed {seed}");
    assert_eq!(run_of(&world, &run).await["progress"]["vouchers"], json!(9));
}

/// Drops how far the vouchers and the file of a run are, as if its workers had just begun.
async fn forget_progress(world: &World, id: &store::run::RunId) {
    let pk = format!("RUNPART#demo#{}#{:04}", id.run, id.revision);
    let client = world.place.dynamodb();
    for prefix in ["SHARD#", "CHUNK#", "FILE"] {
        let found = client
            .query()
            .table_name(world.place.table())
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", aws_sdk_dynamodb::types::AttributeValue::S(pk.clone()))
            .expression_attribute_values(":sk", aws_sdk_dynamodb::types::AttributeValue::S(prefix.to_owned()))
            .send()
            .await
            .unwrap();
        for item in found.items() {
            client
                .delete_item()
                .table_name(world.place.table())
                .key("pk", item["pk"].clone())
                .key("sk", item["sk"].clone())
                .send()
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_run_beyond_its_budget_is_not_made() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    for serial in 1..=3 {
        shopper(&world, serial, "8001", "Zürich").await;
    }
    delivering.until_rest(&world).await;
    let mut campaign = bonus();
    campaign["budget_minor"] = json!(2_500);
    put(&world, &campaign, 0).await;
    post(&world, "POST /v1/campaigns/{campaign_id}/dry-runs", "bonus", &json!({})).await;
    delivering.until_rest(&world).await;
    let run = run_of(&world, "bonus~2026-12").await;
    assert_eq!(
        (
            &run["stage"],
            &run["stopped"],
            &run["dry_run"]["totals"]["face_value_minor"]
        ),
        (&json!("stopped"), &json!("beyond_budget"), &json!(3_000))
    );
    let (_, campaign) = world
        .call(
            "GET /v1/campaigns/{campaign_id}",
            &[("campaign_id", "bonus")],
            &Value::Null,
        )
        .await;
    assert_eq!(
        campaign["standing"]["status"]["status"], "draft",
        "there is nothing to approve"
    );
}

#[tokio::test]
async fn n8_n9_birthday_letters_go_out_on_their_day_once_a_year() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let (_, anna) = shopper(&world, 1, "8001", "Zürich").await;
    let (_, beat) = shopper(&world, 2, "8002", "Zürich").await;
    let (_, carla) = shopper(&world, 3, "8003", "Zürich").await;
    for (party, born) in [(&anna, "1980-12-04"), (&beat, "1990-12-20"), (&carla, "1900-01-01")] {
        let path = [("party_id", &**party), (IF_MATCH, "*")];
        let (status, answer) = world
            .call("PATCH /v1/parties/{party_id}", &path, &json!({"birth_date": born}))
            .await;
        assert_eq!(status, 200, "{answer}");
    }
    delivering.until_rest(&world).await;
    let mut campaign = bonus();
    campaign["id"] = json!("birthday");
    campaign["segment"] = Value::Null;
    campaign.as_object_mut().unwrap().remove("segment");
    campaign["kind"] = json!({
        "type": "birthday", "floor_minor": 10_000, "window_months": 12,
        "lead": {"printer_working_days": 3, "post_working_days": 2, "calendar": calendar(&world).await},
    });
    campaign["schedule"] = json!({"type": "daily"});
    campaign["voucher"]["validity"] = json!({"type": "days", "after_start": 0, "days": 30});
    let (status, answer) = put(&world, &campaign, 0).await;
    assert_eq!(status, 201, "{answer}");
    // 22 November is a Sunday: the campaign is tried, and has nobody to write to.
    let (status, run) = post(
        &world,
        "POST /v1/campaigns/{campaign_id}/dry-runs",
        "birthday",
        &json!({}),
    )
    .await;
    assert_eq!((status, &run["run_id"]), (202, &json!("birthday~2026-11-22")), "{run}");
    delivering.until_rest(&world).await;
    let digest = run_of(&world, "birthday~2026-11-22").await["dry_run"]["digest"].clone();
    let path = [("campaign_id", "birthday")];
    let (status, answer) = world
        .call_as(
            &second_person(),
            "POST /v1/campaigns/{campaign_id}/approve",
            &path,
            &json!({"digest": digest}),
        )
        .await;
    assert_eq!(status, 200, "{answer}");

    // Every hour of a week, but for a day on which nobody asks: on each day at most one run, and Anna's letter in that of the
    // day that lies five working days before her birthday.
    let mut sent = Vec::new();
    for day in 23..=30 {
        for hour in [5, 6, 18] {
            if day == 27 {
                continue;
            }
            world.now = format!("2026-11-{day}T{hour:02}:00:00Z").parse().unwrap();
            world.ask_for_runs().await;
            delivering.until_rest(&world).await;
        }
    }
    for day in 23..=30 {
        let run = run_of(&world, &format!("birthday~2026-11-{day}")).await;
        assert_eq!(run["stage"], "written", "{run}");
        sent.push((day, run["dry_run"]["totals"]["letters"].as_u64().unwrap()));
    }
    let days: Vec<_> = sent.into_iter().filter(|(_, letters)| *letters > 0).collect();
    assert_eq!(days, [(27, 1)], "five working days before Friday, 4 December");
    let (rows, _) = letters(&world, "birthday~2026-11-27").await;
    assert_eq!((rows.len(), &*rows[0]["postcode"]), (1, "8001"));

    // Somebody changes the birth date: there is no second voucher in the year.
    let path = [("party_id", &*anna), (IF_MATCH, "*")];
    world
        .call(
            "PATCH /v1/parties/{party_id}",
            &path,
            &json!({"birth_date": "1980-12-09"}),
        )
        .await;
    delivering.until_rest(&world).await;
    world.now = "2026-12-02T06:00:00Z".parse().unwrap();
    // The day before, nobody asked.
    for _ in 0..2 {
        world.ask_for_runs().await;
        delivering.until_rest(&world).await;
    }
    let run = run_of(&world, "birthday~2026-12-02").await;
    let totals = &run["dry_run"]["totals"];
    assert_eq!(
        (&totals["letters"], &totals["out"]["already_had_one"]),
        (&json!(0), &json!(1)),
        "{run}"
    );
}

/// A calendar that the API names.
async fn calendar(world: &World) -> String {
    let (_, context) = world.call("GET /v1/campaign-context", &[], &Value::Null).await;
    let fields = context["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["name"] == "party.gender"), "{context}");
    let calendars = context["calendars"].as_array().unwrap();
    let zurich = calendars
        .iter()
        .filter_map(Value::as_str)
        .find(|name| name.to_lowercase().contains("z"));
    zurich.unwrap().to_owned()
}

#[tokio::test]
async fn x16_whoever_is_erased_or_kept_from_vouchers_after_the_choice_gets_no_letter() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (_, anna) = shopper(&world, 1, "8001", "Zürich").await;
    let (_, beat) = shopper(&world, 2, "8002", "Zürich").await;
    shopper(&world, 3, "8003", "Zürich").await;
    delivering.until_rest(&world).await;
    put(&world, &bonus(), 0).await;
    post(&world, "POST /v1/campaigns/{campaign_id}/dry-runs", "bonus", &json!({})).await;
    delivering.until_rest(&world).await;
    let tried = run_of(&world, "bonus~2026-12").await;
    assert_eq!(tried["dry_run"]["totals"]["letters"], 3, "{tried}");

    let path = [("party_id", &*anna)];
    let (status, answer) = world
        .call(
            "POST /v1/parties/{party_id}/erasure",
            &path,
            &json!({"reason": "on_request"}),
        )
        .await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    let (status, answer) = world
        .call_as(
            &second_person(),
            "POST /v1/parties/{party_id}/erasure/approval",
            &path,
            &Value::Null,
        )
        .await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    let path = [("party_id", &*beat), (IF_MATCH, "*")];
    let body = json!({"classification": "blacklist", "reason": "Test"});
    let (status, answer) = world
        .call("POST /v1/parties/{party_id}/classifications", &path, &body)
        .await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
    delivering.until_rest(&world).await;

    let body = json!({"digest": tried["dry_run"]["digest"]});
    let path = [("campaign_id", "bonus")];
    world
        .call_as(
            &second_person(),
            "POST /v1/campaigns/{campaign_id}/approve",
            &path,
            &body,
        )
        .await;
    post(&world, "POST /v1/campaigns/{campaign_id}/start", "bonus", &Value::Null).await;
    delivering.until_rest(&world).await;
    let run = run_of(&world, "bonus~2026-12").await;
    assert_eq!(
        (
            &run["progress"]["kept_back"],
            &run["gaps"],
            &run["progress"]["vouchers"]
        ),
        (&json!(2), &json!(2), &json!(1)),
        "{run}"
    );
    let (rows, _) = letters(&world, "bonus~2026-12").await;
    assert_eq!((rows.len(), &*rows[0]["postcode"]), (1, "8003"));
    let id = store::run::RunId {
        tenant: "demo".parse().unwrap(),
        run: "bonus~2026-12".parse().unwrap(),
        revision: 1,
    };
    let member = store::run::member(
        &world.db,
        faults::Site::ToolRead,
        (&id, end_to_end::world::CUT),
        &anna.parse().unwrap(),
    )
    .await;
    assert_eq!(
        member.unwrap().unwrap().d.letter,
        None,
        "her address is gone from the run"
    );
}

#[tokio::test]
async fn l5_a_campaign_that_cannot_work_is_refused_with_every_wrong_field() {
    let world = World::new().await;
    let mut campaign = bonus();
    campaign["segment"] = json!("activity.revenu_3m > 1.5");
    campaign["voucher"]["worth"] = json!({"type": "amount", "value_minor": 0});
    campaign["budget_minor"] = json!(1);
    campaign["texts"]["de"] = json!("{salut}");
    campaign["voucher"]["cost_points"] = json!(0);
    let (status, answer) = put(&world, &campaign, 0).await;
    assert_eq!(status, 422, "{answer}");
    let pointers: BTreeSet<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|found| found["pointer"].as_str())
        .collect();
    for pointer in [
        "/campaign/segment",
        "/campaign/voucher/worth",
        "/campaign/texts/de",
        "/campaign/voucher/cost_points",
    ] {
        assert!(
            pointers.iter().any(|found| found.starts_with(pointer)),
            "{pointer}: {answer}"
        );
    }
    let (status, answer) = world
        .call(
            "GET /v1/campaigns/{campaign_id}",
            &[("campaign_id", "bonus")],
            &Value::Null,
        )
        .await;
    assert_eq!(status, 404, "nothing is left: {answer}");
    for (field, value, code) in [
        ("/voucher/consideration", json!("paid"), "not_possible"),
        ("/voucher/vat_kind", json!("service"), "not_possible"),
    ] {
        let mut beyond = bonus();
        *pointed(&mut beyond, field) = value;
        let (status, answer) = put(&world, &beyond, 0).await;
        let found = answer["errors"].as_array().into_iter().flatten();
        let found = found
            .filter(|found| found["pointer"] == format!("/campaign{field}"))
            .map(|found| &found["code"]);
        assert_eq!(
            (status, found.collect::<Vec<_>>()),
            (422, vec![&json!(code)]),
            "{answer}"
        );
    }
    // A letter with two codes has no room in the file as it was agreed on.
    let mut two = bonus();
    two["voucher"]["per_member"] = json!(2);
    let (status, answer) = put(&world, &two, 0).await;
    let found = &answer["errors"][0];
    assert_eq!(
        (status, &found["pointer"], &found["code"]),
        (422, &json!("/campaign/voucher/per_member"), &json!("no_column")),
        "{answer}"
    );
    let mut unknown = bonus();
    unknown["programme"] = json!("other");
    let (status, answer) = put(&world, &unknown, 0).await;
    assert_eq!(
        (status, &answer["code"]),
        (422, &json!("programme_unknown")),
        "{answer}"
    );
}

/// Columns so wide that some letters make a part of the upload.
fn wide() -> Value {
    let column = |number: usize| json!({"name": format!("c{number}"), "source": "text_1", "width": 500});
    let mut columns = vec![
        json!({"name": "piece", "source": "piece_id", "width": 17}),
        json!({"name": "code", "source": "code_1", "width": 20}),
    ];
    columns.extend(
        (1..=6).map(|line| json!({"name": format!("a{line}"), "source": format!("address_line_{line}"), "width": 35})),
    );
    columns.extend((0..92).map(column));
    json!({"format": {"encoding": "utf8", "layout": {"kind": "fixed_width", "columns": columns}}})
}

#[tokio::test]
async fn x5_a_file_of_several_parts_is_the_same_after_kills_behind_every_part() {
    let points = |site, occurrences: &[usize]| {
        let at = |occurrence: &usize| {
            [Moment::Before, Moment::After].map(|moment| CrashPoint {
                site,
                occurrence: *occurrence,
                moment,
            })
        };
        occurrences.iter().flat_map(at).collect::<Vec<_>>()
    };
    let mut kills = points(Site::ExportPart, &[0, 2]);
    kills.extend(points(Site::ExportAdvance, &[1]));
    kills.extend(points(Site::ExportComplete, &[0]));
    kills.extend(points(Site::ExportWritten, &[0]));
    let plan = std::sync::Arc::new(Crashes::at(kills));
    let world = World::with_plan(Some(plan.clone())).await;
    let mut delivering = Delivering::well();
    with_many_letters(&world, &mut delivering).await;
    let run = try_approve_start(&world, &mut delivering, "bonus").await;
    assert!(plan.left().is_empty(), "{:?}", plan.left());

    is_whole(&world, &run).await;
}

#[tokio::test]
async fn x5_a_worker_whose_time_is_over_leaves_the_rest_of_the_file_to_the_next_message() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    with_many_letters(&world, &mut delivering).await;
    delivering.let_files_wait(true);
    let run = try_approve_start(&world, &mut delivering, "bonus").await;
    let id = RunId {
        tenant: TENANT.parse().unwrap(),
        run: run.parse().unwrap(),
        revision: 1,
    };
    let mut parts = Vec::new();
    while run_of(&world, &run).await["stage"] == "writing" {
        assert!(parts.len() < 50, "it comes to no end: {parts:?}");
        let message = LettershopMessage::Write {
            tenant: id.tenant.clone(),
            run: id.run.clone(),
            revision: id.revision,
        };
        let delivery = vec![Delivery {
            id: "1".to_owned(),
            message,
        }];
        let over = Deadline::at(Instant::now());
        let failed = world.exporting().work_off(delivery, over, world.now).await;
        assert!(failed.is_empty(), "it has handed its work on");
        let work = store::lettershop::file_work(&world.db, Site::ToolRead, &id).await;
        parts.push(work.unwrap().map_or(0, |work| work.parts.len()));
    }
    // Nothing before the letters are sorted, then a part for each message, and the last one with the end.
    let sorting = parts.iter().filter(|parts| **parts == 0).count();
    assert!(sorting > 0, "{parts:?}");
    assert_eq!(parts[sorting..], [1, 2, 2], "{parts:?}");
    delivering.let_files_wait(false);
    delivering.until_rest(&world).await;
    is_whole(&world, &run).await;
}

const LETTERS: usize = 260;

/// So many customers and a campaign that writes to each of them, in three parts.
async fn with_many_letters(world: &World, delivering: &mut Delivering) {
    let mut rows = "external_id,given_name,family_name,street,postcode,town\n".to_owned();
    for number in 0..LETTERS {
        rows.push_str(&format!(
            "{number},Anna,Keller,Gasse {number},{},Zürich\n",
            8_000 + number % 60
        ));
    }
    world.put_import("erp.customers.csv", &rows).await;
    delivering.until_rest(world).await;
    let body = json!({"expected_version": 0, "settings": wide()});
    let (status, answer) = world.call("PUT /v1/lettershop/settings", &[], &body).await;
    assert_eq!(status, 200, "{answer}");
    let mut campaign = bonus();
    campaign.as_object_mut().unwrap().remove("segment");
    put(world, &campaign, 0).await;
}

/// The file of that campaign's run has every letter once, and is the one of its manifest.
async fn is_whole(world: &World, run: &str) {
    let key = format!("out/demo/{run}/0001/letters.txt");
    let bytes = world.file(&key).await.expect("the file stands");
    let ids: BTreeSet<_> = bytes.lines().map(|line| &line[..17]).collect();
    assert_eq!(
        (bytes.lines().count(), ids.len()),
        (LETTERS, LETTERS),
        "every letter once"
    );
    assert!(bytes.len() > 2 * 5 * 1024 * 1024, "three parts: {}", bytes.len());
    let (_, files) = world
        .call("GET /v1/runs/{run_id}/files", &[("run_id", run)], &Value::Null)
        .await;
    let sha256: String = Sha256::digest(bytes.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let totals = &files["manifest"]["totals"]["all"];
    assert_eq!(
        (&files["manifest"]["sha256"], &totals["rows"]),
        (&json!(sha256), &json!(LETTERS))
    );
}

/// The value at a pointer of one or two steps, made where it is missing.
fn pointed<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    pointer.split('/').skip(1).fold(value, |value, step| &mut value[step])
}

#[tokio::test]
async fn x6_what_somebody_only_wanted_to_see_is_never_issued() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let (_, anna) = shopper(&world, 1, "8001", "Zürich").await;
    let path = [("party_id", &*anna), (IF_MATCH, "*")];
    let born = json!({"birth_date": "1980-12-04"});
    world.call("PATCH /v1/parties/{party_id}", &path, &born).await;
    delivering.until_rest(&world).await;
    let mut campaign = bonus();
    campaign["id"] = json!("birthday");
    campaign["kind"] = json!({
        "type": "birthday", "floor_minor": 0, "window_months": 12,
        "lead": {"printer_working_days": 3, "post_working_days": 2, "calendar": calendar(&world).await},
    });
    campaign["schedule"] = json!({"type": "daily"});
    campaign["voucher"]["worth"]["value_minor"] = json!(50_000);
    assert_eq!(put(&world, &campaign, 0).await.0, 201);
    // The dear one is tried for the day of the letter and never approved; the cheap one is tried for today and approved.
    let tries = "POST /v1/campaigns/{campaign_id}/dry-runs";
    let friday = json!({"day": "2026-11-27"});
    assert_eq!(post(&world, tries, "birthday", &friday).await.0, 202);
    delivering.until_rest(&world).await;
    campaign["voucher"]["worth"]["value_minor"] = json!(500);
    campaign["voucher"]["min_basket_minor"] = json!(0);
    assert_eq!(put(&world, &campaign, 1).await.0, 200);
    assert_eq!(post(&world, tries, "birthday", &json!({})).await.0, 202);
    delivering.until_rest(&world).await;
    let digest = run_of(&world, "birthday~2026-11-22").await["dry_run"]["digest"].clone();
    let path = [("campaign_id", "birthday")];
    let approve = "POST /v1/campaigns/{campaign_id}/approve";
    let body = json!({"digest": digest});
    let (status, answer) = world.call_as(&second_person(), approve, &path, &body).await;
    assert_eq!(status, 200, "{answer}");
    // Nor is a look at a later day the start of it, nor the end of the approval.
    assert_eq!(
        post(&world, tries, "birthday", &json!({"day": "2026-11-30"})).await.0,
        202
    );
    delivering.until_rest(&world).await;
    let seen = run_of(&world, "birthday~2026-11-30").await;
    assert_eq!(
        (&seen["stage"], &seen["progress"]["vouchers"]),
        (&json!("chosen"), &json!(0)),
        "{seen}"
    );
    for day in 23..=27 {
        world.now = format!("2026-11-{day}T06:00:00Z").parse().unwrap();
        for _ in 0..2 {
            world.ask_for_runs().await;
            delivering.until_rest(&world).await;
        }
    }
    let run = run_of(&world, "birthday~2026-11-27").await;
    assert_eq!(
        (&run["stage"], &run["revision"], &run["dry_run"]["totals"]["letters"]),
        (&json!("written"), &json!(2), &json!(1)),
        "{run}"
    );
    let bytes = world.file("out/demo/birthday~2026-11-27/0002/letters.csv").await;
    assert!(bytes.expect("the file stands").contains("5.00"));
}

#[tokio::test]
async fn a_run_whose_vouchers_would_be_over_when_the_letters_come_is_not_made() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    shopper(&world, 1, "8001", "Zürich").await;
    delivering.until_rest(&world).await;
    let mut campaign = bonus();
    campaign["voucher"]["validity"] = json!({"type": "days", "after_start": 0, "days": 21});
    assert_eq!(put(&world, &campaign, 0).await.0, 201);
    let tries = "POST /v1/campaigns/{campaign_id}/dry-runs";
    assert_eq!(post(&world, tries, "bonus", &json!({})).await.0, 202);
    delivering.until_rest(&world).await;
    let digest = run_of(&world, "bonus~2026-12").await["dry_run"]["digest"].clone();
    let approve = "POST /v1/campaigns/{campaign_id}/approve";
    let path = [("campaign_id", "bonus")];
    let approved = world
        .call_as(&second_person(), approve, &path, &json!({"digest": digest}))
        .await;
    assert_eq!(approved.0, 200, "{}", approved.1);
    // Nobody asks until the vouchers of 1 December are nearly over.
    world.now = "2026-12-20T06:00:00Z".parse().unwrap();
    world.ask_for_runs().await;
    delivering.until_rest(&world).await;
    let run = run_of(&world, "bonus~2026-12").await;
    assert_eq!(
        (&run["stage"], &run["stopped"], &run["progress"]["vouchers"]),
        (&json!("stopped"), &json!("vouchers_over"), &json!(0)),
        "{run}"
    );
}

#[tokio::test]
async fn p4_an_address_that_came_back_or_an_objection_since_the_choice_keeps_the_letter_back() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (_, anna) = shopper(&world, 1, "8001", "Zürich").await;
    let (_, beat) = shopper(&world, 2, "8002", "Zürich").await;
    let (_, carla) = shopper(&world, 3, "8003", "Zürich").await;
    shopper(&world, 4, "8004", "Zürich").await;
    delivering.until_rest(&world).await;
    put(&world, &bonus(), 0).await;
    let tries = "POST /v1/campaigns/{campaign_id}/dry-runs";
    post(&world, tries, "bonus", &json!({})).await;
    delivering.until_rest(&world).await;
    let digest = run_of(&world, "bonus~2026-12").await["dry_run"]["digest"].clone();

    let path = [("party_id", &*anna), ("contact_id", "c1"), (IF_MATCH, "*")];
    let came_back = json!({
        "kind": "postal", "purposes": ["main"], "street": "Rue du Rhône", "house_number": "12", "postcode": "8001", "town": "Zürich",
        "country": "CH", "delivery": {"arrives": "undeliverable", "reason": "moved-unknown"},
    });
    let (status, answer) = world
        .call("PUT /v1/parties/{party_id}/contacts/{contact_id}", &path, &came_back)
        .await;
    assert_eq!(status, 200, "{answer}");
    let path = [("party_id", &*beat), (IF_MATCH, "*"), ("channel", "letter")];
    let consent = json!({"state": "withdrawn", "source": "till"});
    let objected = world
        .call("PUT /v1/parties/{party_id}/consents/{channel}", &path, &consent)
        .await;
    assert_eq!(objected.0, 200, "{}", objected.1);
    // Another address of hers is not the one that is written on the letter.
    address(&world, &carla, "3011", "Bern").await;
    let path = [("party_id", &*carla), ("contact_id", "c1"), (IF_MATCH, "*")];
    let (status, answer) = world
        .call(
            "DELETE /v1/parties/{party_id}/contacts/{contact_id}",
            &path,
            &Value::Null,
        )
        .await;
    assert!(matches!(status, 200 | 204), "{status} {answer}");
    delivering.until_rest(&world).await;

    let approve = "POST /v1/campaigns/{campaign_id}/approve";
    let path = [("campaign_id", "bonus")];
    let approved = world
        .call_as(&second_person(), approve, &path, &json!({"digest": digest}))
        .await;
    assert_eq!(approved.0, 200, "{}", approved.1);
    post(&world, "POST /v1/campaigns/{campaign_id}/start", "bonus", &Value::Null).await;
    delivering.until_rest(&world).await;
    let run = run_of(&world, "bonus~2026-12").await;
    assert_eq!(
        (
            &run["progress"]["kept_back"],
            &run["progress"]["vouchers"],
            &run["stage"]
        ),
        (&json!(3), &json!(1), &json!("written")),
        "{run}"
    );
    let (rows, _) = letters(&world, "bonus~2026-12").await;
    assert_eq!((rows.len(), &*rows[0]["postcode"]), (1, "8004"));
}

#[tokio::test]
async fn l5_a_run_that_is_stopped_issues_no_more_and_its_campaign_is_a_draft_again() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    shopper(&world, 1, "8001", "Zürich").await;
    delivering.until_rest(&world).await;
    assert_eq!(put(&world, &bonus(), 0).await.0, 201);
    let (status, run) = post(&world, "POST /v1/campaigns/{campaign_id}/dry-runs", "bonus", &json!({})).await;
    assert_eq!(status, 202, "{run}");
    delivering.until_rest(&world).await;
    let name = run["run_id"].as_str().unwrap();
    let digest = json!({"digest": run_of(&world, name).await["dry_run"]["digest"]});
    let path = [("campaign_id", "bonus")];
    let approve = "POST /v1/campaigns/{campaign_id}/approve";
    assert_eq!(world.call_as(&second_person(), approve, &path, &digest).await.0, 200);
    let start = "POST /v1/campaigns/{campaign_id}/start";
    assert_eq!(post(&world, start, "bonus", &Value::Null).await.0, 202);
    // The start is under way, and nobody has worked on it.
    let stop = async |reason: &str| {
        let body = json!({"reason": reason});
        world
            .call("POST /v1/runs/{run_id}/stop", &[("run_id", name)], &body)
            .await
    };
    let (status, answer) = stop("").await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/reason")),
        "{answer}"
    );
    for reason in ["Wrong value", "Said again"] {
        let (status, answer) = stop(reason).await;
        assert_eq!(
            (status, &answer["stage"], &answer["stopped"], &answer["stop_reason"]),
            (200, &json!("stopped"), &json!("by_hand"), &json!("Wrong value")),
            "{answer}"
        );
    }
    delivering.until_rest(&world).await;
    let stopped = run_of(&world, name).await;
    assert_eq!(
        (&stopped["stage"], &stopped["progress"]["vouchers"]),
        (&json!("stopped"), &json!(0))
    );
    assert_eq!(world.file(&format!("out/demo/{name}/0001/letters.csv")).await, None);
    let (_, campaign) = world.call("GET /v1/campaigns/{campaign_id}", &path, &Value::Null).await;
    assert_eq!(campaign["standing"]["status"]["status"], "draft", "{campaign}");

    // Tried and approved again, it is made; then it is too late to stop it.
    let name = try_approve_start(&world, &mut delivering, "bonus").await;
    let made = run_of(&world, &name).await;
    assert_eq!(
        (&made["stage"], &made["revision"]),
        (&json!("written"), &json!(2)),
        "{made}"
    );
    let (status, answer) = stop("Too late").await;
    assert_eq!((status, &answer["code"]), (409, &json!("campaign_state")), "{answer}");
}

#[tokio::test]
async fn x5_a_run_that_has_begun_to_give_vouchers_is_made_on_as_it_was_or_not_at_all() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    shopper(&world, 1, "8001", "Zürich").await;
    delivering.until_rest(&world).await;
    assert_eq!(put(&world, &bonus(), 0).await.0, 201);
    let (_, run) = post(&world, "POST /v1/campaigns/{campaign_id}/dry-runs", "bonus", &json!({})).await;
    delivering.until_rest(&world).await;
    let name = run["run_id"].as_str().unwrap();
    let digest = json!({"digest": run_of(&world, name).await["dry_run"]["digest"]});
    let path = [("campaign_id", "bonus")];
    let approve = "POST /v1/campaigns/{campaign_id}/approve";
    assert_eq!(world.call_as(&second_person(), approve, &path, &digest).await.0, 200);
    let start = "POST /v1/campaigns/{campaign_id}/start";
    assert_eq!(post(&world, start, "bonus", &Value::Null).await.0, 202);
    delivering.once(&world).await;
    assert_eq!(run_of(&world, name).await["stage"], "issuing");
    let body = json!({"reason": "Wrong value"});
    let (status, answer) = world
        .call("POST /v1/runs/{run_id}/stop", &[("run_id", name)], &body)
        .await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(&world).await;

    // With another value the letters would not say what the vouchers are worth.
    let mut dearer = bonus();
    dearer["voucher"]["worth"]["value_minor"] = json!(2_000);
    assert_eq!(put(&world, &dearer, 1).await.0, 200);
    let (status, answer) = post(&world, "POST /v1/campaigns/{campaign_id}/dry-runs", "bonus", &json!({})).await;
    assert_eq!((status, &answer["code"]), (409, &json!("campaign_state")), "{answer}");
    dearer["id"] = json!("dearer");
    assert_eq!(put(&world, &dearer, 0).await.0, 201);
    let name = try_approve_start(&world, &mut delivering, "dearer").await;
    let (rows, bytes) = letters(&world, &name).await;
    assert_eq!(rows[0]["value"], "20.00", "{bytes}");
}

#[tokio::test]
async fn x7_a_file_that_nobody_acknowledges_in_time_is_told_every_hour_until_it_is() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    shopper(&world, 1, "8001", "Zürich").await;
    delivering.until_rest(&world).await;
    assert_eq!(put(&world, &bonus(), 0).await.0, 201);
    let name = try_approve_start(&world, &mut delivering, "bonus").await;
    let due: DateTime<Utc> = run_of(&world, &name).await["acknowledgement_due_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(due - world.now, chrono::TimeDelta::days(3));
    let told = async |world: &World| {
        let (told, _listening) = end_to_end::told::here();
        Box::pin(world.ask_for_runs()).await;
        told.count("the printer has not acknowledged a file in time")
    };
    world.now = due;
    assert_eq!(told(&world).await, 0, "it has time until then");
    world.now = due + chrono::TimeDelta::seconds(1);
    assert_eq!((told(&world).await, told(&world).await), (1, 1));
    let path = [("run_id", &*name)];
    let (_, files) = world.call("GET /v1/runs/{run_id}/files", &path, &Value::Null).await;
    let said = json!({
        "run": name, "variant": "bonus-a", "rows": 1, "sha256": files["manifest"]["sha256"], "accepted_on": "2026-11-24",
    });
    assert_eq!(acknowledge(&world, &name, &said).await.0, 200);
    assert_eq!(told(&world).await, 0);
    assert_eq!(run_of(&world, &name).await["acknowledgement_due_at"], Value::Null);
}
