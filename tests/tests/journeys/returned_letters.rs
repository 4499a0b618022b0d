//! Letters that come back (P3, P4, X13): from the printer's file over the return, the blocked address and the task to the next
//! file, through the calls, the queues and the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use end_to_end::delivery::Delivering;
use end_to_end::letters::{bonus, letter_shopper, made_run, put_campaign, read, tried_run};
use end_to_end::plan::{CrashPoint, Crashes, Moment};
use end_to_end::world::{IF_MATCH, World, second_person};
use faults::Site;
use serde_json::{Value, json};

const RETURNS: &str = "POST /v1/lettershop/returns";

fn letter(piece: &str, code: &str, day: &str) -> Value {
    json!({"piece": piece, "carrier": "internal", "code": code, "returned_on": day})
}

/// Reports letters; what became of each.
async fn report(world: &World, returns: &[Value]) -> Vec<(String, Value)> {
    let (status, answer) = world.call(RETURNS, &[], &json!({"returns": returns})).await;
    assert_eq!(status, 200, "{answer}");
    let items = answer["items"].as_array().unwrap().iter();
    let items = items.map(|item| (item["outcome"].as_str().unwrap().to_owned(), item["done"].clone()));
    items.collect()
}

async fn tasks(world: &World, queue: &str) -> Vec<Value> {
    let tasks = read(world, &format!("GET /v1/tasks?queue={queue}"), &[]).await;
    tasks["items"].as_array().unwrap().clone()
}

async fn party(world: &World, party: &str) -> Value {
    read(world, "GET /v1/parties/{party_id}", &[("party_id", party)]).await
}

#[tokio::test]
async fn x13_a_blocked_address_is_in_no_file_and_a_repaired_one_is_again() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    letter_shopper(&world, 2, "8002").await;
    let path = [("party_id", &*anna), (IF_MATCH, "*")];
    let route = "PATCH /v1/parties/{party_id}";
    let (status, answer) = world.call(route, &path, &json!({"sales_channel": "shop"})).await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    assert_eq!(rows.len(), 2, "{rows:?}");

    // It came back, and is reported twice, the second time as somebody typed it.
    world.now = "2026-12-15T10:00:00Z".parse().unwrap();
    let piece = rows["8001"]["piece_id"].clone();
    let back = json!({
        "piece": piece, "carrier": "swiss-post", "code": "Recipient not found at address provided", "returned_on": "2026-12-14",
    });
    let done = json!(["address_blocked", "task_opened"]);
    let once = report(&world, std::slice::from_ref(&back)).await;
    assert_eq!(once, [("applied".to_owned(), done.clone())]);
    let mut typed = back.clone();
    typed["piece"] = json!(format!("{}-{}", &piece[..8].to_lowercase(), &piece[8..]));
    typed["code"] = json!("Delivery refused");
    let twice = report(&world, &[typed]).await;
    assert_eq!(twice, [("already_known".to_owned(), done)]);
    delivering.until_rest(&world).await;
    let open = tasks(&world, "addresses").await;
    assert_eq!(open.len(), 1, "{open:?}");
    let what = [&open[0]["title"], &open[0]["party_id"], &open[0]["due"]];
    assert_eq!(
        what,
        [
            &json!("Find the correct postal address"),
            &json!(anna),
            &json!("2026-12-29")
        ]
    );
    let stored = party(&world, &anna).await;
    let delivery = &stored["contacts"][0]["delivery"];
    assert_eq!(
        (&delivery["arrives"], &delivery["reason"]),
        (&json!("undeliverable"), &json!("unknown_at_address")),
        "{stored}"
    );
    let path = [("run_id", run["run_id"].as_str().unwrap())];
    let sums = read(&world, "GET /v1/runs/{run_id}", &path).await;
    let expected = json!({"sources": [{"sales_channel": "shop", "letters": 1, "cost_minor": 75}], "complete": true});
    assert_eq!(sums["returned"], expected, "{sums}");

    // The next run leaves it out.
    let next = tried_run(&world, &mut delivering, "bonus").await;
    assert_eq!(next["run_id"], "bonus~2027-01");
    let totals = &next["dry_run"]["totals"];
    assert_eq!(
        (&totals["letters"], &totals["out"]["address_blocked"]),
        (&json!(1), &json!(1)),
        "{next}"
    );

    // Somebody finds out where she lives: the next choice has her again, and so has the file.
    let contact = stored["contacts"][0]["contact_id"].as_str().unwrap();
    let path = [("party_id", &*anna), ("contact_id", contact), (IF_MATCH, "*")];
    let found = json!({"kind": "postal", "street": "Gasse", "house_number": "1", "postcode": "8003", "town": "Zürich"});
    let route = "PUT /v1/parties/{party_id}/contacts/{contact_id}";
    let (status, answer) = world.call(route, &path, &found).await;
    assert_eq!(status, 200, "{answer}");
    delivering.until_rest(&world).await;
    let next = tried_run(&world, &mut delivering, "bonus").await;
    assert_eq!(next["dry_run"]["totals"]["letters"], 2, "{next}");
    let rows = made_run(&world, &mut delivering, &next).await;
    let towns: Vec<_> = rows.keys().collect();
    assert_eq!(towns, ["8002", "8003"]);

    // Letters in are letters out: each of the file can come back, and only those.
    world.now = "2027-01-20T10:00:00Z".parse().unwrap();
    let all: Vec<_> = rows
        .values()
        .map(|row| letter(&row["piece_id"], "not_collected", "2027-01-19"))
        .collect();
    let back = report(&world, &all).await;
    assert!(back.iter().all(|(outcome, _)| outcome == "applied"), "{back:?}");
    let path = [("run_id", "bonus~2027-01")];
    let sums = read(&world, "GET /v1/runs/{run_id}", &path).await;
    let sources = sums["returned"]["sources"].as_array().unwrap();
    let letters: u64 = sources.iter().map(|source| source["letters"].as_u64().unwrap()).sum();
    assert_eq!(
        (letters, &sums["dry_run"]["totals"]["letters"]),
        (2, &json!(2)),
        "{sums}"
    );
}

#[tokio::test]
async fn x13_an_address_that_is_blocked_after_the_choice_is_in_no_file_either() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    letter_shopper(&world, 2, "8002").await;
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    world.now = "2026-12-15T10:00:00Z".parse().unwrap();
    let next = tried_run(&world, &mut delivering, "bonus").await;
    assert_eq!(next["dry_run"]["totals"]["letters"], 2, "{next}");
    let back = letter(&rows["8001"]["piece_id"], "moved_unknown", "2026-12-14");
    assert_eq!(report(&world, &[back]).await[0].0, "applied");
    let rows = made_run(&world, &mut delivering, &next).await;
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["8002"]);
    let path = [("run_id", "bonus~2027-01")];
    let run = read(&world, "GET /v1/runs/{run_id}", &path).await;
    assert_eq!(
        (&run["progress"]["kept_back"], &run["gaps"]),
        (&json!(1), &json!(1)),
        "{run}"
    );
    let path = [("run_id", "bonus~2027-01"), ("party_id", &*anna)];
    let member = read(&world, "GET /v1/runs/{run_id}/members/{party_id}", &path).await;
    assert_eq!(
        member["decision"], "in",
        "the decision stays as it was approved: {member}"
    );
}

#[tokio::test]
async fn p4_each_reason_does_what_was_agreed_on() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let moved = letter_shopper(&world, 1, "8001").await;
    let dead = letter_shopper(&world, 2, "8002").await;
    let refusing = letter_shopper(&world, 3, "8003").await;
    let away = letter_shopper(&world, 4, "8004").await;
    let repaired = letter_shopper(&world, 5, "8005").await;
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("first")).await;
    put_campaign(&world, &bonus("second")).await;
    let run = tried_run(&world, &mut delivering, "first").await;
    let first = made_run(&world, &mut delivering, &run).await;
    let run = tried_run(&world, &mut delivering, "second").await;
    let second = made_run(&world, &mut delivering, &run).await;
    let piece = |file: &BTreeMap<String, BTreeMap<String, String>>, at: &str| file[at]["piece_id"].clone();
    let pieces: BTreeSet<_> = first
        .values()
        .chain(second.values())
        .map(|row| &row["piece_id"])
        .collect();
    assert_eq!(pieces.len(), 10, "every letter has its id");

    world.now = "2026-12-15T10:00:00Z".parse().unwrap();
    // One who lives where a letter did not find her, as she says herself.
    let path = [("party_id", &*repaired), ("contact_id", "c1"), (IF_MATCH, "*")];
    let same = json!({
        "kind": "postal", "street": "Rue du Rhône", "house_number": "12", "postcode": "8005", "town": "Ort",
        "delivery": {"arrives": "confirmed"},
    });
    let route = "PUT /v1/parties/{party_id}/contacts/{contact_id}";
    let (status, answer) = world.call(route, &path, &same).await;
    assert_eq!(status, 200, "{answer}");
    let mut new = letter(&piece(&first, "8001"), "moved_new_address", "2026-12-10");
    new["new_address"] = json!({"street": "Gasse", "house_number": "7", "postcode": "3011", "town": "Bern"});
    let returns = [
        new,
        letter(&piece(&first, "8002"), "deceased", "2026-12-10"),
        letter(&piece(&first, "8003"), "refused", "2026-12-10"),
        letter(&piece(&first, "8004"), "not_collected", "2026-12-11"),
        // The one that came back first is reported last.
        letter(&piece(&second, "8004"), "not_collected", "2026-12-10"),
        letter(&piece(&first, "8005"), "no_such_address", "2026-12-10"),
    ];
    let done: Vec<_> = report(&world, &returns)
        .await
        .into_iter()
        .map(|(_, done)| done)
        .collect();
    let expected = [
        json!(["address_added", "address_ended"]),
        json!(["channels_stopped", "task_opened"]),
        json!(["objection_candidate"]),
        json!(["address_blocked"]),
        Value::Null,
        Value::Null,
    ];
    assert_eq!(done, expected);
    delivering.until_rest(&world).await;

    let stored = party(&world, &moved).await;
    let contacts = stored["contacts"].as_array().unwrap();
    let standing: Vec<_> = contacts.iter().filter(|contact| contact["ended"] != true).collect();
    assert_eq!(standing.len(), 1, "{stored}");
    assert_eq!(
        (&standing[0]["town"], &standing[0]["purposes"]),
        (&json!("Bern"), &json!(["main"])),
        "{stored}"
    );
    let stored = party(&world, &dead).await;
    let consents = stored["consents"].as_array().unwrap();
    let withdrawn = |consent: &&Value| consent["state"] == "withdrawn" && consent["source"] == "returned-mail";
    assert!(consents.iter().filter(withdrawn).count() >= 4, "{stored}");
    let classes = stored["classifications"].as_array().unwrap();
    assert_eq!(classes[0]["classification"], "deceased", "{stored}");
    let stored = party(&world, &refusing).await;
    assert_eq!(stored["classifications"][0]["classification"], "objection-candidate");
    let stored = party(&world, &away).await;
    assert_eq!(stored["contacts"][0]["delivery"]["reason"], "not_collected");
    let stored = party(&world, &repaired).await;
    assert_eq!(stored["contacts"][0]["delivery"]["arrives"], "confirmed");

    // A letter on its way before she moved does nothing to where she lives now, and asks nobody.
    let late = letter(&piece(&second, "8001"), "unknown_at_address", "2026-12-14");
    let late = report(&world, &[late]).await;
    assert_eq!(late, [("applied".to_owned(), Value::Null)]);
    assert_eq!(tasks(&world, "addresses").await.len(), 1, "the report of a death");

    let next = tried_run(&world, &mut delivering, "first").await;
    let out = &next["dry_run"]["totals"]["out"];
    let letters = &next["dry_run"]["totals"]["letters"];
    assert_eq!((letters, &out["address_blocked"]), (&json!(3), &json!(1)), "{next}");
}

#[tokio::test]
async fn p3_a_body_with_wrong_fields_is_refused_whole_with_every_one_of_them() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    let right = letter(&rows["8001"]["piece_id"], "moved_unknown", "2026-11-22");
    let mut foreign = right.clone();
    foreign["new_address"] = json!({"street": "Gasse", "postcode": "8001", "town": "Zürich"});
    let mut incomplete = letter("3F8KQ2W9ZT4M7XABW", "moved_new_address", "2026-11-23");
    incomplete["new_address"] = json!({"postcode": "801", "house_number": "1"});
    let mut stranger = letter("3F8KQ2W9ZT4M7XABX", "moved_unknown", "22.11.2026");
    stranger["carrier"] = json!("pigeon");
    let returns = [
        right,
        foreign,
        incomplete,
        stranger,
        letter("x", "moved_new_address", "2026-11-22"),
    ];
    let (status, answer) = world.call(RETURNS, &[], &json!({"returns": returns})).await;
    assert_eq!(status, 422, "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    let found: BTreeSet<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    let expected = [
        "/returns/1/new_address",
        "/returns/1/piece",
        "/returns/2/new_address/house_number",
        "/returns/2/new_address/postcode",
        "/returns/2/new_address/street",
        "/returns/2/new_address/town",
        "/returns/2/returned_on",
        "/returns/3/carrier",
        "/returns/3/piece",
        "/returns/3/returned_on",
        "/returns/4/new_address",
        "/returns/4/piece",
    ];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{answer}");
    let stored = party(&world, &anna).await;
    assert_eq!(
        stored["contacts"][0]["delivery"],
        Value::Null,
        "nothing was done: {stored}"
    );
    assert!(tasks(&world, "addresses").await.is_empty());
    for returns in [Vec::new(), vec![letter("x", "other", "2026-11-22"); 501]] {
        let (status, answer) = world.call(RETURNS, &[], &json!({"returns": returns})).await;
        let pointer = &answer["errors"][0]["pointer"];
        assert_eq!((status, pointer), (422, &json!("/returns")), "{answer}");
    }
}

#[tokio::test]
async fn p3_a_letter_of_nobody_is_told_from_one_that_came_back() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let anna = letter_shopper(&world, 1, "8001").await;
    delivering.until_rest(&world).await;
    let settings = read(&world, "GET /v1/lettershop/settings", &[]).await;
    let mut agreed = settings["settings"].clone();
    agreed["control"] = json!([
        {"lines": ["Olga Office", "8000 Zürich"], "salutation": "Frau Office", "language": "de", "country": "CH", "postcode": "8000"},
    ]);
    agreed["returns"]["carriers"] = json!([{"carrier": "post", "codes": [{"code": "17", "reason": "moved_unknown"}]}]);
    let mut wrong = agreed.clone();
    wrong["returns"]["carriers"][0]["codes"] = json!([{"code": " 17", "reason": "moved_unknown"}]);
    wrong["returns"]["effects"]["reasons"]["moved_unknown"] =
        json!([{"do": "new_address"}, {"do": "open_task", "queue": "", "title": "Look"}]);
    let body = json!({"expected_version": 0, "settings": wrong});
    let (status, answer) = world.call("PUT /v1/lettershop/settings", &[], &body).await;
    let errors = answer["errors"].as_array().unwrap();
    let found: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    let expected = [
        "/settings/returns/carriers/0/codes/0/code",
        "/settings/returns/effects/reasons/moved_unknown/0",
        "/settings/returns/effects/reasons/moved_unknown/1/queue",
    ];
    assert_eq!((status, &*found), (422, &expected[..]), "{answer}");
    let body = json!({"expected_version": 0, "settings": agreed});
    let (status, answer) = world.call("PUT /v1/lettershop/settings", &[], &body).await;
    assert_eq!(status, 200, "{answer}");

    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    let path = [("party_id", &*anna)];
    let route = "POST /v1/parties/{party_id}/erasure";
    let (status, answer) = world.call(route, &path, &json!({"reason": "on_request"})).await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    let route = "POST /v1/parties/{party_id}/erasure/approval";
    let (status, answer) = world.call_as(&second_person(), route, &path, &Value::Null).await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    delivering.until_rest(&world).await;
    let back = |piece: &str| json!({"piece": piece, "carrier": "post", "code": "17", "returned_on": "2026-11-22"});
    let returns = [
        back("3F8KQ2W9ZT4M7XABW"),
        back(&rows["8000"]["piece_id"]),
        back(&rows["8001"]["piece_id"]),
    ];
    let outcomes: Vec<_> = report(&world, &returns)
        .await
        .into_iter()
        .map(|(outcome, _)| outcome)
        .collect();
    assert_eq!(outcomes, ["unknown_piece", "planted_address", "party_gone"]);
    assert!(tasks(&world, "addresses").await.is_empty());
    let mut late = world;
    late.now = "2028-01-10T10:00:00Z".parse().unwrap();
    let outcomes: Vec<_> = report(&late, &returns)
        .await
        .into_iter()
        .map(|(outcome, _)| outcome)
        .collect();
    assert_eq!(outcomes, ["unknown_piece", "run_too_old", "run_too_old"]);
}

#[tokio::test]
async fn p3_a_call_that_dies_between_two_letters_is_completed_by_the_same_call() {
    let at = |occurrence, moment| CrashPoint {
        site: Site::ShopTakeBack,
        occurrence,
        moment,
    };
    let plan = Arc::new(Crashes::at(vec![at(1, Moment::Before), at(2, Moment::After)]));
    let world = World::with_plan(Some(plan.clone())).await;
    let mut delivering = Delivering::well();
    for serial in 1..=4 {
        letter_shopper(&world, serial, &(8_000 + serial).to_string()).await;
    }
    delivering.until_rest(&world).await;
    put_campaign(&world, &bonus("bonus")).await;
    let run = tried_run(&world, &mut delivering, "bonus").await;
    let rows = made_run(&world, &mut delivering, &run).await;
    let returns: Vec<_> = rows
        .values()
        .map(|row| letter(&row["piece_id"], "moved_unknown", "2026-11-22"))
        .collect();
    let back = report(&world, &returns).await;
    assert!(plan.left().is_empty(), "{:?}", plan.left());
    let known = back.iter().filter(|(outcome, _)| outcome == "already_known").count();
    let applied = back.iter().filter(|(outcome, _)| outcome == "applied").count();
    assert!(known >= 1 && known + applied == 4, "{back:?}");
    assert!(
        back.iter()
            .all(|(_, done)| *done == json!(["address_blocked", "task_opened"])),
        "{back:?}"
    );
    assert_eq!(tasks(&world, "addresses").await.len(), 4);
    let next = report(&world, &returns).await;
    assert!(next.iter().all(|(outcome, _)| outcome == "already_known"), "{next:?}");
}
