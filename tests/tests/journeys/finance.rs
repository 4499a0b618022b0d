//! Finance's books of a month (X9, X18), from the schedule over the queue to the files, on real receipts, returns, vouchers and
//! expiries.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::TimeDelta;
use domain::id::LocationId;
use domain::liability::{Origin, Pair, Row, Settled};
use domain::money::Currency;
use domain::programme::{Expiry, PointsLife, Programme};
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::story::offline;
use end_to_end::till::{self, receipt};
use end_to_end::world::{PROGRAMME, TENANT, World, everywhere};
use http_edge::Scope;
use http_edge::caller::Locations;
use messages::FinanceMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};
use store::Site;
use store::finance::{self, Position, ReportId};
use treue_local::operations::finance as operations;
use treue_local::operations::{Queues, System, Walk};

const SHOW: &str = "GET /v1/finance/{programme_id}/{month}";
const RUN: &str = "POST /v1/finance/{programme_id}/{month}";

fn path(month: &str) -> [(&'static str, &str); 2] {
    [("programme_id", PROGRAMME), ("month", month)]
}

async fn show(world: &World, month: &str) -> Value {
    let (status, report) = world.call(SHOW, &path(month), &Value::Null).await;
    assert_eq!(status, 200, "{report}");
    report
}

/// The rows of a file by the fields of its header.
async fn rows(world: &World, month: &str, revision: u32, name: &str) -> Vec<BTreeMap<String, String>> {
    let key = format!("{TENANT}/{PROGRAMME}/{month}/{revision}/{name}");
    let text = world.file(&key).await.expect("the file");
    let mut lines = text.split("\r\n");
    let header: Vec<_> = lines.next().expect("a header").split(';').map(str::to_owned).collect();
    let mut rows: Vec<_> = lines.collect();
    assert_eq!(rows.pop(), Some(""), "the last line ends");
    rows.iter()
        .map(|row| header.iter().cloned().zip(row.split(';').map(str::to_owned)).collect())
        .collect()
}

fn sum(rows: &[BTreeMap<String, String>], column: &str) -> i64 {
    rows.iter()
        .map(|row| row[column].parse::<i64>().expect("a number"))
        .sum()
}

async fn buy(world: &World, store: &str, number: &str, minor: i64, card: &str, date: &str) {
    let mut body = receipt(store, number, minor, Some(card));
    body["business_date"] = json!(date);
    let (status, answer) = world.buy(&body).await;
    assert_eq!(status, 201, "{answer}");
    Delivering::well().until_rest(world).await;
}

/// The first day of a month, early in the morning, and everything that it asks for.
async fn first_of(world: &mut World, day: &str) {
    world.now = format!("{day}T02:17:00Z").parse().expect("an instant");
    world.ask_for_close().await;
    world.ask_for_books().await;
    Delivering::well().until_rest(world).await;
}

/// November of three customers: points of two branches in vouchers that are redeemed at two others, goods that come back, and
/// points that expire with 30 November.
async fn november() -> World {
    november_with_codes().await.0
}

/// As [`november`], with the codes of the vouchers that were redeemed at B03 and B04.
async fn november_with_codes() -> (World, Vec<String>) {
    let world = World::new().await;
    let programme = Programme {
        version: 2,
        points: PointsLife {
            pending_days: 0,
            expiry: Expiry::EndOfMonth { months: 0 },
            grace_days: 0,
        },
        ..Programme::swiss_default(PROGRAMME.parse().expect("an id"))
    };
    world.store_programme(programme).await;
    let (anna, _) = world.customer(1).await;
    buy(&world, "B01", "1", 30_000, &anna, "2026-11-22").await;
    buy(&world, "B02", "1", 90_000, &anna, "2026-11-22").await;
    let (_, codes) = world.desk(&anna).await;
    assert_eq!(codes.len(), 2);
    for (code, (store, number)) in codes.iter().zip([("B03", "7"), ("B04", "8")]) {
        let redeemed = world
            .call(
                "POST /v1/vouchers/redeem",
                &[],
                &till::redeem(store, code, number, 9_000),
            )
            .await;
        assert_eq!(redeemed.0, 200, "{}", redeemed.1);
    }
    let (bruno, _) = world.customer(2).await;
    buy(&world, "B05", "1", 20_000, &bruno, "2026-11-22").await;
    let back = till::give_back("B06", "R1", Some(&till::key("B05", "1")), (500, 7_500));
    let (status, answer) = world.call("POST /v1/returns", &[], &back).await;
    assert_eq!(status, 201, "{answer}");
    let (clara, _) = world.customer(3).await;
    buy(&world, "B01", "3", 5_000, &clara, "2026-11-22").await;
    Delivering::well().until_rest(&world).await;
    (world, codes)
}

/// Points open in all accounts.
async fn open(world: &World) -> i64 {
    let books = Books::read(world).await;
    books.check();
    books
        .accounts
        .values()
        .map(|account| account.balance + account.pending())
        .sum()
}

#[tokio::test]
async fn x9_the_books_of_a_month_reconcile_to_the_accounts_to_the_point() {
    let mut world = november().await;
    let open_in_november = open(&world).await;
    first_of(&mut world, "2026-12-01").await;
    let report = show(&world, "2026-11").await;
    assert_eq!(
        (&report["state"], &report["revision"], &report["accounts"]),
        (&json!("complete"), &json!(1), &json!(3))
    );
    let total = &report["total"];
    // 300 + 900 − 2 × 500 of Anna, 200 − 75 of Bruno, 50 of Clara.
    let expected = [
        ("opening", 0),
        ("earned", 1_450),
        ("spent", 1_000),
        ("reversed", 75),
        ("expired", 0),
        ("closing", 375),
    ];
    for (column, points) in expected {
        assert_eq!(total[column], points, "{column} of {total}");
    }
    assert_eq!(
        total["closing"], open_in_november,
        "the accounts at the end of November"
    );

    let rows = rows(&world, "2026-11", 1, "liability.csv").await;
    for row in &rows {
        let [opening, closing] = ["opening", "closing"].map(|column| row[column].parse::<i64>().expect("a number"));
        let part = |column: &str| row[column].parse::<i64>().expect("a number");
        let moved = part("earned") - part("spent") - part("expired") - part("reversed") + part("settled");
        assert_eq!(opening + moved, closing, "{row:?}");
    }
    for (column, _) in Row::default().columns() {
        assert_eq!(total[column], sum(&rows, column), "{column}");
    }
    let by_branch: BTreeMap<_, _> = rows
        .iter()
        .map(|row| (row["branch"].as_str(), row["closing"].as_str()))
        .collect();
    assert_eq!(by_branch, [("B01", "50"), ("B02", "200"), ("B05", "125")].into());
    assert!(
        rows.iter()
            .all(|row| row["vat_rate_bp"] == "810" && row["earned_month"] == "2026-11")
    );
}

#[tokio::test]
async fn x9_the_closing_of_a_month_is_the_opening_of_the_next_and_what_expired_is_breakage() {
    let mut world = november().await;
    first_of(&mut world, "2026-12-01").await;
    assert_eq!(open(&world).await, 0, "30 November was the last day of all points");
    first_of(&mut world, "2027-01-01").await;
    let (november, december) = (show(&world, "2026-11").await, show(&world, "2026-12").await);
    let total = &december["total"];
    assert_eq!(total["opening"], november["total"]["closing"]);
    assert_eq!(
        (&total["expired"], &total["breakage"], &total["closing"]),
        (&json!(375), &json!(375), &json!(0))
    );
}

#[tokio::test]
async fn x18_vouchers_are_settled_between_the_branches_of_their_points_and_of_their_redemption() {
    let mut world = november().await;
    first_of(&mut world, "2026-12-01").await;
    let rows = self::rows(&world, "2026-11", 1, "settlement.csv").await;
    let read: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |column: &str| row[column].as_str();
            (
                text("issuing_branch"),
                text("redeeming_branch"),
                text("points"),
                text("value_minor"),
            )
        })
        .collect();
    // One of the two vouchers took 300 points of B01 and 200 of B02, the other one 500 of B02.
    let mixed_at_b03 = [
        ("B01", "B03", "300", "300"),
        ("B02", "B03", "200", "200"),
        ("B02", "B04", "500", "500"),
    ];
    let mixed_at_b04 = [
        ("B01", "B04", "300", "300"),
        ("B02", "B03", "500", "500"),
        ("B02", "B04", "200", "200"),
    ];
    assert!(read == mixed_at_b03 || read == mixed_at_b04, "{read:?}");
    for row in &rows {
        for side in ["issuing", "redeeming"] {
            let even = row[&format!("{side}_branch")].ends_with(['2', '4']);
            assert_eq!(
                row[&format!("{side}_company")],
                if even { "2000" } else { "1000" },
                "{row:?}"
            );
        }
    }
    let companies = self::rows(&world, "2026-11", 1, "companies.csv").await;
    let mut expected = std::collections::BTreeMap::<_, i64>::new();
    for row in &rows {
        let pair = [&row["issuing_company"], &row["redeeming_company"]].map(Clone::clone);
        *expected.entry(pair).or_default() += row["value_minor"].parse::<i64>().expect("an amount");
    }
    let read: std::collections::BTreeMap<_, _> = companies
        .iter()
        .map(|row| {
            let pair = [&row["issuing_company"], &row["redeeming_company"]].map(Clone::clone);
            (pair, row["value_minor"].parse().expect("an amount"))
        })
        .collect();
    assert_eq!((read, companies.len()), (expected.clone(), expected.len()));
    let report = show(&world, "2026-11").await;
    assert_eq!(
        (&report["vouchers"], &report["redeemed"]),
        (&json!(2), &json!([till::chf(1_000)]))
    );
}

#[tokio::test]
async fn x9_a_receipt_that_is_posted_after_the_month_changes_its_books_in_no_revision() {
    let mut world = november().await;
    first_of(&mut world, "2026-12-01").await;
    let before = show(&world, "2026-11").await;
    let (dora, _) = world.customer(4).await;
    buy(&world, "B01", "9", 12_000, &dora, "2026-11-29").await;
    let (status, again) = world
        .call(RUN, &path("2026-11"), &json!({"expected_revision": 1}))
        .await;
    assert_eq!(
        (status, &again["revision"], &again["state"]),
        (202, &json!(2), &json!("running"))
    );
    Delivering::badly(7).until_rest(&world).await;
    let after = show(&world, "2026-11").await;
    assert_eq!((&after["revision"], &after["state"]), (&json!(2), &json!("complete")));
    assert_eq!(after["total"], before["total"]);
    for name in ["liability.csv", "settlement.csv"] {
        let [first, second] = [1, 2].map(|revision| format!("{TENANT}/{PROGRAMME}/2026-11/{revision}/{name}"));
        assert_eq!(world.file(&first).await, world.file(&second).await, "{name}");
    }
    first_of(&mut world, "2027-01-01").await;
    let rows = rows(&world, "2026-12", 1, "liability.csv").await;
    let late: Vec<_> = rows.iter().filter(|row| row["earned"] != "0").collect();
    assert_eq!(late.len(), 1);
    assert_eq!(
        (late[0]["earned_month"].as_str(), late[0]["earned"].as_str()),
        ("2026-11", "120")
    );
}

/// X3, X18: a closed month stays as it is, and what a branch took in it without a line is settled in the month in which its journal
/// came, once.
#[tokio::test]
async fn x18_what_was_taken_offline_in_a_closed_month_is_settled_in_the_month_of_its_journal() {
    let mut world = World::new().await;
    world.store_programme(offline::with_offline(2)).await;
    let (anna, _) = world.customer(1).await;
    buy(&world, "B01", "1", 50_000, &anna, "2026-11-22").await;
    let (_, codes) = world.desk(&anna).await;
    world.now = "2026-11-30T12:00:00Z".parse().expect("an instant");
    let allowance = offline::allowance(&world, "B03").await;
    let mut taken = offline::entry(&world, "B03", 7, &codes[0]);
    taken["receipt"] = json!("B03~1~2026-11-30~7");
    first_of(&mut world, "2026-12-01").await;
    let settled = async |world: &World, month: &str| {
        let report = show(world, month).await;
        (report["vouchers"].clone(), report["redeemed"].clone())
    };
    let nothing = (json!(0), Value::Null);
    assert_eq!(settled(&world, "2026-11").await, nothing);

    world.now = "2026-12-02T08:00:00Z".parse().expect("an instant");
    let told = offline::send(&world, &allowance, &[taken]).await;
    assert_eq!(told[0]["outcome"], "booked", "{told:?}");
    let (status, _) = world
        .call(RUN, &path("2026-11"), &json!({"expected_revision": 1}))
        .await;
    assert_eq!(status, 202);
    Delivering::well().until_rest(&world).await;
    assert_eq!(settled(&world, "2026-11").await, nothing, "it was closed without it");
    first_of(&mut world, "2027-01-01").await;
    assert_eq!(settled(&world, "2026-12").await, (json!(1), json!([till::chf(500)])));
    let rows = rows(&world, "2026-12", 1, "settlement.csv").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0]["issuing_branch"].as_str(), rows[0]["redeeming_branch"].as_str()),
        ("B01", "B03")
    );
}

#[tokio::test]
async fn the_schedule_asks_once_for_a_month_and_messages_twice_change_nothing() {
    let mut world = november().await;
    first_of(&mut world, "2026-12-01").await;
    let before = (show_without_links(&world).await, items(&world).await);
    world.now += TimeDelta::days(1);
    world.ask_for_books().await;
    let failed = world.books().work_off(segments(), Deadline::never(), world.now).await;
    assert!(failed.is_empty());
    Delivering::twice().until_rest(&world).await;
    assert_eq!((show_without_links(&world).await, items(&world).await), before);
}

async fn show_without_links(world: &World) -> Value {
    let mut report = show(world, "2026-11").await;
    report["files"] = Value::Null;
    report
}

async fn items(world: &World) -> i32 {
    let scan = world.db.client().scan().table_name(world.db.table());
    scan.send().await.expect("the table").count()
}

fn segments() -> Vec<Delivery<FinanceMessage>> {
    let id = (
        &TENANT.parse().expect("a tenant"),
        &PROGRAMME.parse().expect("an id"),
        "2026-11".parse().expect("a month"),
    );
    let messages = messages::finance_segments(id, 1, finance::SEGMENTS);
    let deliveries = messages.into_iter().enumerate().map(|(number, message)| Delivery {
        id: number.to_string(),
        message,
    });
    deliveries.collect()
}

#[tokio::test]
async fn a_segment_whose_time_is_over_goes_on_where_it_stopped_and_counts_nobody_twice() {
    let mut world = november().await;
    let open = open(&world).await;
    world.now = "2026-12-01T02:17:00Z".parse().expect("an instant");
    let app = world.books();
    app.ask(world.now).await.expect("asked");
    // Each invocation has time for one account or voucher only; two workers at a time, at the same segment.
    for round in 0..8 {
        let over = Deadline::at(Instant::now());
        let (first, second) = tokio::join!(
            app.work_off(segments(), over, world.now),
            app.work_off(segments(), over, world.now)
        );
        assert!(first.is_empty() && second.is_empty(), "round {round}");
    }
    let report = show(&world, "2026-11").await;
    assert_eq!(
        (&report["segments_done"], &report["state"]),
        (&json!(16), &json!("running")),
        "no time for the files"
    );
    let parts = parts(&world).await;
    assert!(
        parts > usize::from(finance::SEGMENTS),
        "segments of several parts: {parts} in all"
    );
    Delivering::badly(3).until_rest(&world).await;
    let report = show(&world, "2026-11").await;
    assert_eq!((&report["accounts"], &report["vouchers"]), (&json!(3), &json!(2)));
    assert_eq!(report["total"]["closing"], open);
}

async fn parts(world: &World) -> usize {
    let scan = world.db.client().scan().table_name(world.db.table());
    let items = scan.send().await.expect("the table").items.unwrap_or_default();
    let kinds = items.iter().filter_map(|item| item.get("et")?.as_s().ok());
    kinds.filter(|kind| *kind == "finance_part").count()
}

#[tokio::test]
async fn books_that_do_not_fold_are_not_written_and_are_taken_up_when_they_are_mended() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let mut world = november().await;
    let books = Books::read(&world).await;
    // Clara's: nobody redeemed a voucher of hers, so that one segment only reads her ledger.
    let (account, entries) = books
        .ledger
        .iter()
        .find(|(_, entries)| entries.len() == 1)
        .expect("a ledger");
    let pk = account.split('/').next().expect("a partition");
    let key = [
        ("pk", pk.to_owned()),
        ("sk", format!("LEDGER#{PROGRAMME}#{}", entries[0].natural_id())),
    ];
    let balance = async |points: i64| {
        let update = world.db.client().update_item().table_name(world.db.table());
        let update = key.iter().fold(update, |update, (name, text)| {
            update.key(*name, AttributeValue::S(text.clone()))
        });
        let update = update
            .update_expression("SET #d.#b = :b")
            .expression_attribute_names("#d", "d")
            .expression_attribute_names("#b", "balance_after")
            .expression_attribute_values(":b", AttributeValue::N(points.to_string()));
        let _ = update.send().await.expect("changed");
    };
    balance(entries[0].balance_after + 1).await;
    let now = "2026-12-01T02:17:00Z".parse().expect("an instant");
    let app = world.books();
    app.ask(now).await.expect("asked");
    let failed = app.work_off(segments(), Deadline::never(), now).await;
    assert_eq!(failed.len(), 1, "the segment of the account comes again");
    let report = show(&world, "2026-11").await;
    assert_eq!(
        (&report["state"], &report["segments_done"]),
        (&json!("running"), &json!(15))
    );
    balance(entries[0].balance_after).await;
    world.now = now + TimeDelta::days(1);
    world.ask_for_books().await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(show(&world, "2026-11").await["state"], "complete");
}

#[tokio::test]
async fn the_books_of_a_month_begin_an_hour_after_local_midnight() {
    let mut world = november().await;
    for (now, month) in [("2026-11-30T23:59:59Z", "2026-10"), ("2026-12-01T00:00:00Z", "2026-11")] {
        world.now = now.parse().expect("an instant");
        world.ask_for_books().await;
        Delivering::well().until_rest(&world).await;
        let later = world.call(SHOW, &path("2026-11"), &Value::Null).await.0;
        assert_eq!(
            (show(&world, month).await["state"].as_str(), later == 200),
            (Some("complete"), month == "2026-11")
        );
    }
}

#[tokio::test]
async fn a_run_is_asked_for_under_the_revision_that_was_read_and_a_repeated_call_is_the_same_run() {
    let mut world = november().await;
    let ask = async |world: &World, month: &str, revision: u32| {
        world
            .call(RUN, &path(month), &json!({"expected_revision": revision}))
            .await
    };
    let (status, problem) = ask(&world, "2026-11", 0).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("month_not_over")));
    let (status, problem) = world.call(SHOW, &path("2026-11"), &Value::Null).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (404, Some("not_found")),
        "a refused call leaves no trace"
    );
    world.now = "2026-12-05T10:00:00Z".parse().expect("an instant");
    for _ in 0..2 {
        let (status, report) = ask(&world, "2026-11", 0).await;
        assert_eq!((status, &report["revision"]), (202, &json!(1)), "{report}");
    }
    let run = finance::latest(&world.db, Site::ToolRead, &report())
        .await
        .expect("read")
        .expect("a run");
    assert_eq!(run.by.map(String::from).as_deref(), Some("pos pos"), "who asked");
    Delivering::twice().until_rest(&world).await;
    let (status, report) = ask(&world, "2026-11", 0).await;
    assert_eq!(
        (status, &report["state"]),
        (202, &json!("complete")),
        "the run of the first call"
    );
    for wrong in [2, 7, u32::MAX] {
        let (status, problem) = ask(&world, "2026-11", wrong).await;
        assert_eq!((status, problem["code"].as_str()), (409, Some("concurrent_change")));
        assert_eq!(problem["current_revision"], 1);
    }
    let mut other = everywhere();
    other.subject = "somebody-else".parse().expect("a subject");
    let (status, problem) = world
        .call_as(&other, RUN, &path("2026-11"), &json!({"expected_revision": 0}))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some("concurrent_change")),
        "another one's call"
    );
    let (status, problem) = ask(&world, "2026-13", 0).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("malformed_parameter")));
}

#[tokio::test]
async fn the_books_are_for_callers_with_the_right_who_speak_for_all_locations() {
    let mut world = november().await;
    first_of(&mut world, "2026-12-01").await;
    for (route, scope) in [(SHOW, Scope::FinanceRead), (RUN, Scope::FinanceRun)] {
        let body = json!({"expected_revision": 1});
        let mut without = everywhere();
        without.scopes.remove(&scope);
        let (status, problem) = world.call_as(&without, route, &path("2026-11"), &body).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (403, Some("scope_missing")),
            "{route}"
        );
        let mut branch = everywhere();
        branch.locations = Locations::Only(["B01".parse().expect("an id")].into());
        let (status, problem) = world.call_as(&branch, route, &path("2026-11"), &body).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (403, Some("location_forbidden")),
            "{route}"
        );
        let mut stranger = everywhere();
        stranger.tenant = "other".parse().expect("a tenant");
        let (status, problem) = world.call_as(&stranger, route, &path("2026-11"), &body).await;
        assert_eq!((status, problem["code"].as_str()), (404, Some("not_found")), "{route}");
    }
    assert_eq!(show(&world, "2026-11").await["revision"], 1, "nobody made another");
}

#[tokio::test]
async fn the_links_lead_to_the_files_that_the_manifest_describes() {
    let mut world = november().await;
    first_of(&mut world, "2026-12-01").await;
    let report = show(&world, "2026-11").await;
    let files = report["files"].as_array().expect("files");
    let names: Vec<_> = files
        .iter()
        .map(|file| file["name"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        names,
        ["liability.csv", "settlement.csv", "companies.csv", "manifest.json"]
    );
    let manifest = world
        .file(&format!("{TENANT}/{PROGRAMME}/2026-11/1/manifest.json"))
        .await
        .expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["files"].as_array().map(Vec::len), Some(3));
    for (file, described) in files.iter().zip(manifest["files"].as_array().into_iter().flatten()) {
        assert_eq!(
            (&file["sha256"], &file["bytes"]),
            (&described["sha256"], &described["bytes"])
        );
    }
    assert_eq!(manifest["liability"]["total"]["closing"], report["total"]["closing"]);
    for text in [manifest.to_string(), report.to_string()] {
        assert!(!text.contains("Muster") && !text.contains("Maxine"), "no names");
    }
}

#[tokio::test]
async fn the_command_line_computes_the_same_from_the_table_and_names_what_differs() {
    let (mut world, codes) = november_with_codes().await;
    let system = System {
        db: world.db.clone(),
        sender: world.sender(),
        tenant: TENANT.parse().expect("a tenant"),
        queues: Queues::default(),
        walk: Walk::Segments,
    };
    let compare = async || {
        let (programme, month) = (PROGRAMME.parse().expect("an id"), "2026-11".parse().expect("a month"));
        let compared = operations::compare(&system, &programme, month, chrono_tz::Europe::Zurich).await;
        compared.expect("the books are read")
    };
    assert_eq!(compare().await.differences, ["there is no report of this month"]);
    let anna = end_to_end::world::card(1);
    first_of(&mut world, "2026-12-01").await;
    let compared = compare().await;
    assert_eq!(compared.differences, Vec::<String>::new());
    assert_eq!((compared.revision, compared.stored), (Some(1), Some(compared.computed)));

    // Posted later: of no concern to November.
    buy(&world, "B01", "12", 9_900, &anna, "2026-11-30").await;
    assert_eq!(compare().await.differences, Vec::<String>::new());
    // Reversed later: the settlement of November is another one from now on, until it is run again.
    let reversed = world
        .call(
            "POST /v1/vouchers/reverse",
            &[],
            &till::redeem("B03", &codes[0], "7", 9_000),
        )
        .await;
    assert_eq!(reversed.0, 200, "{}", reversed.1);
    Delivering::well().until_rest(&world).await;
    let differences = compare().await.differences;
    assert_eq!(
        differences[0], "vouchers: the report says 2, the table says 1",
        "{differences:?}"
    );
    assert_eq!(
        differences[1],
        "redeemed: the report says CHF 10.00, the table says CHF 5.00"
    );
    let files = ["companies.csv", "settlement.csv"].map(|name| format!("SHA-256 of {name}"));
    assert!(differences.len() == 4, "{differences:?}");
    for (difference, file) in differences[2..].iter().zip(files) {
        assert!(difference.starts_with(&file), "{difference}");
    }
    let (status, _) = world
        .call(RUN, &path("2026-11"), &json!({"expected_revision": 1}))
        .await;
    assert_eq!(status, 202);
    Delivering::well().until_rest(&world).await;
    assert_eq!(compare().await.differences, Vec::<String>::new());

    spoil_total(&world, 2).await;
    let differences = compare().await.differences;
    assert_eq!(differences, ["closing: the report says 1, the table says 375"]);
}

/// Another closing in the stored result of a revision.
async fn spoil_total(world: &World, revision: u32) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let text = |text: String| AttributeValue::S(text);
    let update = world.db.client().update_item().table_name(world.db.table());
    let update = update
        .key("pk", text(format!("FINANCE#{TENANT}#{PROGRAMME}#2026-11")))
        .key("sk", text(format!("RUN#{revision:04}")))
        .update_expression("SET #d.#r.#t.#z = :one");
    let names = [("#d", "d"), ("#r", "result"), ("#t", "total"), ("#z", "z")];
    let update = names.iter().fold(update, |update, (name, attribute)| {
        update.expression_attribute_names(*name, *attribute)
    });
    let one = AttributeValue::N("1".to_owned());
    let _ = update
        .expression_attribute_values(":one", one)
        .send()
        .await
        .expect("spoiled");
}

#[tokio::test]
async fn a_file_that_stands_there_already_is_never_overwritten() {
    let mut world = november().await;
    let key = format!("{TENANT}/{PROGRAMME}/2026-11/1/settlement.csv");
    let put = world.place.s3().put_object().bucket(world.place.bucket()).key(&key);
    put.body(b"another".to_vec().into()).send().await.expect("stored");
    world.now = "2026-12-01T02:17:00Z".parse().expect("an instant");
    let app = world.books();
    app.ask(world.now).await.expect("asked");
    let failed = app.work_off(segments(), Deadline::never(), world.now).await;
    assert_eq!(failed.len(), 1, "the last segment comes again");
    assert_eq!(world.file(&key).await.as_deref(), Some("another"));
    assert_eq!(show(&world, "2026-11").await["state"], "running");
    let manifest = world
        .file(&format!("{TENANT}/{PROGRAMME}/2026-11/1/manifest.json"))
        .await;
    assert_eq!(manifest, None, "the manifest is written last");
}

#[tokio::test]
async fn more_rows_than_an_item_holds_come_back_as_they_were_stored() {
    let world = World::new().await;
    let id = report();
    let stored = books_of_many_rows();
    let place = (&id, 1, 0);
    let next = Position {
        pk: "P".to_owned(),
        sk: "S".to_owned(),
    };
    let store = async |number, books: &finance::Books, next| {
        let part = finance::store_part(&world.db, Site::FinancePart, place, number, books, next, world.now);
        part.await.expect("stored")
    };
    assert!(store(0, &stored, Some(next.clone())).await);
    assert!(
        !store(0, &finance::Books::default(), None).await,
        "a part is written once"
    );
    let last = finance::last_part(&world.db, Site::FinanceParts, &id, 1, 0)
        .await
        .expect("read");
    assert_eq!(last.expect("a part").next, Some(next));
    assert!(store(1, &finance::Books::default(), None).await);
    finance::begin(
        &world.db,
        Site::FinanceBegin,
        &id,
        1,
        (chrono_tz::Europe::Zurich, domain::liability::Companies::new()),
        world.now,
    )
    .await
    .expect("begun");
    let run = finance::run(&world.db, Site::FinanceRun, &id, 1)
        .await
        .expect("read")
        .expect("a run");
    let merged = finance::merged(&world.db, Site::FinanceParts, &id, &run.d)
        .await
        .expect("merged");
    assert!(merged == stored, "all rows and pairs");
}

fn report() -> ReportId {
    ReportId {
        tenant: TENANT.parse().expect("a tenant"),
        programme: PROGRAMME.parse().expect("an id"),
        month: "2026-11".parse().expect("a month"),
    }
}

/// Rows and pairs with the longest ids and the largest figures, more than two items hold.
fn books_of_many_rows() -> finance::Books {
    let mut books = finance::Books {
        accounts: 4_000,
        ..finance::Books::default()
    };
    let row = Row {
        opening: i64::MIN,
        earned: i64::MAX,
        spent: i64::MIN,
        given_back: i64::MAX,
        expired: i64::MIN,
        reversed: i64::MAX,
        corrected: i64::MIN,
        transferred: i64::MAX,
        recalculated: i64::MIN,
        settled: i64::MAX,
        closing: i64::MIN,
        forgiven: i64::MAX,
    };
    for number in 0..4_000 {
        let branch: LocationId = format!("BRANCH-{number:09}").parse().expect("an id");
        let origin = Origin {
            month: "2026-10".parse().expect("a month"),
            vat_rate_bp: Some(u32::MAX),
            branch: Some(branch.clone()),
        };
        books.liability.add_row(&origin, &row).expect("a row");
        let pair = Pair {
            issuing: Some(branch.clone()),
            redeeming: branch,
            currency: Currency::CHF,
        };
        let settled = Settled {
            points: i64::MAX,
            value_minor: i64::MAX,
        };
        books.settlement.add_pair(pair, settled).expect("a pair");
    }
    books.settlement.vouchers = 4_000;
    books
}
