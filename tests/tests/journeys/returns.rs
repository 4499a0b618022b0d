//! Goods that come back (L8, X10): in parts, from anywhere, before their receipt, too late to be voided.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::account::Cause;
use domain::programme::{Programme, ReturnPolicy};
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{self, chf, give_back, receipt};
use end_to_end::world::{PROGRAMME, World, everywhere};
use http_edge::Scope;
use serde_json::{Value, json};

const RETURNS: &str = "POST /v1/returns";
const VOID: &str = "POST /v1/purchases/{key}/void";

async fn give(world: &World, body: &Value) -> (u16, Value) {
    world.call(RETURNS, &[], body).await
}

/// A receipt of two lines of different VAT classes.
fn two_rates(number: &str, card: &str) -> Value {
    let mut body = receipt("B01", number, 10_000, Some(card));
    body["lines"] = json!([
        {"sku": "4711", "group": "paper", "amount": chf(6_000), "vat_rate_bp": 810},
        {"sku": "0815", "group": "books", "amount": chf(4_000), "vat_rate_bp": 260},
    ]);
    body
}

/// The points of an account's entries by VAT class, summed.
fn by_vat(books: &Books) -> BTreeMap<Option<u32>, i64> {
    let mut sums = BTreeMap::new();
    for entry in books.ledger.values().flatten() {
        if let Cause::Receipt { vat, .. } | Cause::Return { vat, .. } = &entry.cause {
            vat.iter()
                .for_each(|share| *sums.entry(share.rate_bp).or_default() += share.points);
        }
    }
    sums
}

async fn points(world: &World, party: &str) -> Value {
    let route = format!("GET /v1/parties/{{party_id}}/points?programme={PROGRAMME}");
    let (status, answer) = world.call(&route, &[("party_id", party)], &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A world in which a customer bought for so much on receipt B01/1; card and party.
async fn sold(minor: i64) -> (World, String, String) {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", minor, Some(&card))).await;
    Delivering::well().until_rest(&world).await;
    (world, card, party)
}

#[tokio::test]
async fn a_return_takes_the_points_of_what_came_back_at_any_location_and_tells_the_till() {
    let (world, _, party) = sold(20_000).await;
    let (status, told) = give(
        &world,
        &give_back("B02", "R1", Some(&till::key("B01", "1")), (250, 5_050)),
    )
    .await;
    assert_eq!(
        (status, &told["expected_points"], &told["account"]["balance"]),
        (201, &json!(-51), &json!(200))
    );
    assert_eq!(told["print"]["lines"][1], "Punkte dieses Einkaufs: -51");
    assert_eq!(told["print"]["lines"][2], "Ihr Punktestand: 149");
    Delivering::well().until_rest(&world).await;
    let shown = points(&world, &party).await;
    assert_eq!((&shown["balance"], &shown["revenue"]), (&json!(149), &chf(14_950)));
    let entry = shown["entries"]
        .as_array()
        .and_then(|all| all.iter().find(|e| e["cause"]["kind"] == "return"));
    let cause = &entry.expect("the return's entry")["cause"];
    assert_eq!(
        (
            &cause["receipt"],
            &cause["original"],
            &cause["points_before"],
            &cause["points_after"]
        ),
        (
            &json!("B02~1~2026-11-22~R1"),
            &json!("B01~1~2026-11-22~1"),
            &json!(200),
            &json!(149)
        )
    );
    Books::read(&world).await.check();
}

#[tokio::test]
async fn scenario_6_a_return_before_its_purchase_ends_as_one_after_it() {
    let back = give_back("B02", "R1", Some(&till::key("B01", "1")), (500, 30_000));
    let mut ends = Vec::new();
    for first in [true, false] {
        let world = World::new().await;
        let (card, party) = world.customer(1).await;
        let sale = receipt("B01", "1", 60_000, Some(&card));
        for (route, body) in if first {
            [(RETURNS, &back), ("POST /v1/purchases", &sale)]
        } else {
            [("POST /v1/purchases", &sale), (RETURNS, &back)]
        } {
            let (status, answer) = world.call(route, &[], body).await;
            assert_eq!(status, 201, "{answer}");
            if first && route == RETURNS {
                assert_eq!(answer["original_known"], false);
                Delivering::well().until_rest(&world).await;
                let (status, _) = world
                    .call(
                        "GET /v1/purchases/{key}",
                        &[("key", &till::key("B01", "1"))],
                        &Value::Null,
                    )
                    .await;
                assert_eq!(status, 404, "a receipt that is only awaited is not there");
            }
        }
        Delivering::badly(7).until_rest(&world).await;
        let books = Books::read(&world).await;
        books.check();
        let shown = points(&world, &party).await;
        ends.push((
            shown["balance"].clone(),
            shown["revenue"].clone(),
            shown["receipts"].clone(),
            books.vouchers.len(),
        ));
    }
    // Before the sale or after it, vouchers are issued on what the account has after each posting.
    assert_eq!(
        (&ends[0].0, &ends[0].1, &ends[0].2),
        (&ends[1].0, &ends[1].1, &ends[1].2)
    );
    assert_eq!(ends[0].1, chf(30_000));
}

#[tokio::test]
async fn the_same_return_twice_is_one_and_with_other_content_a_case() {
    let (world, _, party) = sold(20_000).await;
    let body = give_back("B02", "R1", Some(&till::key("B01", "1")), (500, 10_000));
    let (first, told) = give(&world, &body).await;
    Delivering::badly(3).until_rest(&world).await;
    let (second, again) = give(&world, &body).await;
    assert_eq!((first, second), (201, 200));
    assert_eq!(
        (&told["expected_points"], &again["status"]),
        (&again["expected_points"], &json!("replayed"))
    );
    let mut other = body;
    other["lines"][0]["quantity_milli"] = json!(499);
    let (status, problem) = give(&world, &other).await;
    assert_eq!((status, &problem["code"]), (422, &json!("return_contradiction")));
    Delivering::badly(4).until_rest(&world).await;
    assert_eq!(points(&world, &party).await["balance"], 100);
    let books = Books::read(&world).await;
    books.check();
    assert_eq!((books.returns.len(), books.exceptions), (1, 1));
}

#[tokio::test]
async fn more_than_was_sold_is_taken_once_and_listed() {
    let (world, _, party) = sold(20_000).await;
    let key = till::key("B01", "1");
    for (number, quantity, minor) in [("R1", 600, 12_000), ("R2", 600, 12_000), ("R3", 1_000, 20_000)] {
        let (status, _) = give(&world, &give_back("B02", number, Some(&key), (quantity, minor))).await;
        assert_eq!(status, 201);
    }
    Delivering::badly(11).until_rest(&world).await;
    let shown = points(&world, &party).await;
    assert_eq!((&shown["balance"], &shown["revenue"]), (&json!(0), &chf(0)));
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(books.exceptions, 2);
}

#[tokio::test]
async fn what_is_not_there_is_owed_and_the_next_points_settle_it_or_the_policy_leaves_it() {
    let (world, card, party) = sold(60_000).await;
    let whole = |number: &str| give_back("B01", number, Some(&till::key("B01", "1")), (1_000, 60_000));
    assert_eq!(points(&world, &party).await["balance"], 100, "500 became a voucher");
    give(&world, &whole("R1")).await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(points(&world, &party).await["balance"], -500);
    let (_, told) = world.buy(&receipt("B01", "2", 70_000, Some(&card))).await;
    assert_eq!(told["print"]["lines"][2], "Ihr Punktestand: 200");
    Delivering::well().until_rest(&world).await;
    let shown = points(&world, &party).await;
    assert_eq!(
        (
            &shown["balance"],
            &shown["lots"][0]["points"],
            &shown["vouchers_issued"]
        ),
        (&json!(200), &json!(200), &json!(1))
    );

    let (world, _, party) = {
        let world = World::new().await;
        let programme = Programme {
            version: 2,
            returns: ReturnPolicy::WithinBalance,
            ..Programme::swiss_default(PROGRAMME.parse().expect("an id"))
        };
        world.store_programme(programme).await;
        let (card, party) = world.customer(1).await;
        world.buy(&receipt("B01", "1", 60_000, Some(&card))).await;
        Delivering::well().until_rest(&world).await;
        (world, card, party)
    };
    give(&world, &whole("R1")).await;
    Delivering::well().until_rest(&world).await;
    let shown = points(&world, &party).await;
    let entry = shown["entries"]
        .as_array()
        .and_then(|all| all.iter().find(|e| e["cause"]["kind"] == "return"));
    assert_eq!(
        (&shown["balance"], &entry.expect("an entry")["cause"]["uncollected"]),
        (&json!(0), &json!(500))
    );
}

#[tokio::test]
async fn a_receipt_is_voided_on_its_day_once_and_later_only_returned() {
    let (mut world, _, party) = sold(20_000).await;
    let key = till::key("B01", "1");
    let path = [("key", key.as_str())];
    let mut at_the_till = everywhere();
    at_the_till.scopes.remove(&Scope::PurchasesMigrate);
    let (status, answer) = world.call_as(&at_the_till, VOID, &path, &Value::Null).await;
    assert_eq!((status, &answer["receipt_known"]), (201, &json!(true)));
    Delivering::badly(5).until_rest(&world).await;
    let shown = points(&world, &party).await;
    assert_eq!(
        (&shown["balance"], &shown["revenue"], &shown["receipts"]),
        (&json!(0), &chf(0), &json!(0))
    );
    let route = "GET /v1/locations/{location_id}/revenue?from=2026-11-22&to=2026-11-22";
    let (_, revenue) = world.call(route, &[("location_id", "B01")], &Value::Null).await;
    assert_eq!(revenue["days"], json!([]), "as if it had never been");

    world.now += TimeDelta::days(1);
    assert_eq!(
        world.call_as(&at_the_till, VOID, &path, &Value::Null).await.0,
        200,
        "the same call again"
    );
    let other = till::key("B01", "2");
    let (status, problem) = world
        .call_as(&at_the_till, VOID, &[("key", &other)], &Value::Null)
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("void_too_late")));
    let tomorrow = other.replace("2026-11-22", "2026-11-24");
    let (status, problem) = world
        .call_as(&at_the_till, VOID, &[("key", &tomorrow)], &Value::Null)
        .await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("date_in_future")));
    Books::read(&world).await.check();
}

#[tokio::test]
async fn returns_are_told_in_the_revenue_of_the_location_that_took_them() {
    let (world, _, _) = sold(20_000).await;
    give(
        &world,
        &give_back("B02", "R1", Some(&till::key("B01", "1")), (500, 9_000)),
    )
    .await;
    let row = async |location: &str| {
        let route = "GET /v1/locations/{location_id}/revenue?from=2026-11-22&to=2026-11-22";
        world.call(route, &[("location_id", location)], &Value::Null).await.1["days"][0].clone()
    };
    let (sold, took) = (row("B01").await, row("B02").await);
    assert_eq!((&sold["revenue"], &sold["returns"]), (&chf(20_000), &json!(0)));
    assert_eq!(
        (&took["revenue"], &took["returns"], &took["returned"]),
        (&chf(0), &json!(1), &chf(9_000))
    );
}

#[tokio::test]
async fn a_return_that_makes_no_sense_says_what_is_wrong_and_leaves_no_trace() {
    let (world, card, _) = sold(20_000).await;
    let before = Books::read(&world).await.essence();
    let key = till::key("B01", "1");
    let good = give_back("B02", "R1", Some(&key), (500, 9_000));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    let cases = [
        (
            with(&|b| b["original"] = json!("B01~1~yesterday~1")),
            "/original",
            "malformed",
        ),
        (
            with(&|b| b["business_date"] = json!("2026-11-21")),
            "/original",
            "original_later",
        ),
        (
            with(&|b| b["business_date"] = json!("2026-11-23")),
            "/business_date",
            "date_in_future",
        ),
        (
            with(&|b| b["total"] = chf(9_001)),
            "/total/amount_minor",
            "lines_do_not_add_up",
        ),
        (with(&|b| b["refunds"] = json!([])), "/refunds", "refunds_do_not_add_up"),
        (
            with(&|b| b["refunds"][0]["amount"] = chf(-9_000)),
            "/refunds/0/amount/amount_minor",
            "amount_out_of_range",
        ),
        (with(&|b| b["lines"] = json!([])), "/lines", "lines_count"),
        (
            with(&|b| b["lines"][0]["quantity_milli"] = json!(0)),
            "/lines/0/quantity_milli",
            "quantity_out_of_range",
        ),
        (
            with(&|b| b["lines"][0]["amount"]["currency"] = json!("EUR")),
            "/lines/0/amount/currency",
            "currency_mixed",
        ),
        (with(&|b| b["card"] = json!("123")), "/card", "card_malformed"),
        (
            with(&|b| {
                b.as_object_mut().expect("an object").remove("original");
                b["card"] = json!(card);
                b["lines"][0]["original_line"] = json!(0);
            }),
            "/lines/0/original_line",
            "original_missing",
        ),
    ];
    for (body, pointer, code) in cases {
        let (status, problem) = give(&world, &body).await;
        let found = problem["errors"].as_array().into_iter().flatten();
        let found: Vec<_> = found.map(|e| (e["pointer"].clone(), e["code"].clone())).collect();
        assert_eq!(status, 422, "{problem}");
        assert!(
            found.contains(&(json!(pointer), json!(code))),
            "{pointer} {code}: {problem}"
        );
    }
    assert_eq!(Books::read(&world).await.essence(), before);
}

#[tokio::test]
async fn a_receipt_takes_a_hundred_returns_and_its_voiding_and_no_more() {
    let (world, _, party) = sold(20_000).await;
    let key = till::key("B01", "1");
    for number in 1..=100 {
        let (status, answer) = give(&world, &give_back("B02", &format!("R{number}"), Some(&key), (1, 20))).await;
        assert_eq!(status, 201, "{answer}");
    }
    let body = give_back("B02", "R101", Some(&key), (1, 20));
    let (status, problem) = give(&world, &body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("too_many_returns")));
    assert_eq!(
        give(&world, &give_back("B02", "R100", Some(&key), (1, 20))).await.0,
        200
    );
    assert_eq!(world.call(VOID, &[("key", &key)], &Value::Null).await.0, 201);
    Delivering::well().until_rest(&world).await;
    assert_eq!(points(&world, &party).await["balance"], 0);
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x9_what_comes_back_leaves_each_vat_class_with_what_remains_of_it() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    world.buy(&two_rates("1", &card)).await;
    let key = till::key("B01", "1");
    let mut books = give_back("B02", "R1", Some(&key), (1_000, 4_000));
    books["lines"][0]["sku"] = json!("0815");
    assert_eq!(give(&world, &books).await.0, 201);
    Delivering::well().until_rest(&world).await;
    assert_eq!(
        by_vat(&Books::read(&world).await),
        [(Some(260), 0), (Some(810), 60)].into()
    );
    give(&world, &give_back("B02", "R2", Some(&key), (1_000, 6_000))).await;
    world.buy(&two_rates("2", &card)).await;
    let (status, _) = world.call(VOID, &[("key", &till::key("B01", "2"))], &Value::Null).await;
    assert_eq!(status, 201);
    Delivering::badly(2).until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(by_vat(&books), [(Some(260), 0), (Some(810), 0)].into());
}

#[tokio::test]
async fn a_void_and_a_return_of_one_receipt_at_the_same_moment_take_it_once() {
    for seed in 0..6 {
        let (world, _, party) = sold(10_000).await;
        let key = till::key("B01", "1");
        let _ = world.call(VOID, &[("key", &key)], &Value::Null).await;
        give(&world, &give_back("B02", "R1", Some(&key), (300, 3_000))).await;
        Delivering::badly(seed).at_once(4).until_rest(&world).await;
        let shown = points(&world, &party).await;
        assert_eq!(
            (&shown["balance"], &shown["revenue"]),
            (&json!(0), &chf(0)),
            "seed {seed}"
        );
        Books::read(&world).await.check();
    }
}

#[tokio::test]
async fn a_voided_sale_keeps_no_points_whatever_the_policy_and_makes_no_voucher() {
    let world = World::new().await;
    let programme = Programme {
        version: 2,
        returns: ReturnPolicy::OnlyPending,
        ..Programme::swiss_default(PROGRAMME.parse().expect("an id"))
    };
    world.store_programme(programme).await;
    let (card, party) = world.customer(1).await;
    let key = till::key("B01", "1");
    assert_eq!(world.call(VOID, &[("key", &key)], &Value::Null).await.0, 201);
    world.buy(&receipt("B01", "1", 60_000, Some(&card))).await;
    Delivering::well().until_rest(&world).await;
    let shown = points(&world, &party).await;
    assert_eq!((&shown["balance"], &shown["vouchers_issued"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_surplus_gives_no_voucher_back_and_so_makes_no_points() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
    Delivering::well().until_rest(&world).await;
    let (_, codes) = world.desk(&card).await;
    let paid = till::paid_with_voucher(two_rates("2", &card), &codes[0], 500);
    world.buy(&paid).await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(points(&world, &party).await["balance"], 95);
    let key = till::key("B01", "2");
    give(&world, &give_back("B02", "R1", Some(&key), (1_000, 6_000))).await;
    let mut again = give_back("B02", "R2", Some(&key), (1_000, 6_000));
    again["refunds"][0]["kind"] = json!("voucher");
    give(&world, &again).await;
    Delivering::well().until_rest(&world).await;
    assert_eq!(
        points(&world, &party).await["balance"],
        35,
        "40.00 less the voucher of 5.00"
    );
}

#[tokio::test]
async fn a_guessed_receipt_key_shows_no_account_at_another_location() {
    let (world, card, _) = sold(60_000).await;
    let mut far = everywhere();
    far.locations = http_edge::caller::Locations::Only(["B02".parse().expect("an id")].into());
    let guess = give_back("B02", "R1", Some(&till::key("B01", "1")), (1, 1));
    let (status, told) = world.call_as(&far, RETURNS, &[], &guess).await;
    assert_eq!(
        (status, told.get("account"), &told["matched"]),
        (201, None, &json!(true))
    );
    let mut with_card = give_back("B02", "R2", Some(&till::key("B01", "1")), (1, 1));
    with_card["card"] = json!(card);
    let (_, told) = world.call_as(&far, RETURNS, &[], &with_card).await;
    assert_eq!(told["account"]["open_vouchers"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_surplus_on_a_receipt_without_an_account_is_a_case_too_and_another_currency_is_all_surplus() {
    let world = World::new().await;
    world.buy(&receipt("B01", "1", 10_000, None)).await;
    let key = till::key("B01", "1");
    for number in ["R1", "R2", "R2"] {
        give(&world, &give_back("B01", number, Some(&key), (1_000, 10_000))).await;
    }
    assert_eq!(Books::read(&world).await.exceptions, 1);
}

#[tokio::test]
async fn the_same_article_at_two_prices_comes_back_at_the_price_it_was_sold_for() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    let mut body = receipt("B01", "1", 1_500, Some(&card));
    body["lines"] = json!([
        {"sku": "4711", "group": "paper", "amount": chf(500), "vat_rate_bp": 810},
        {"sku": "4711", "group": "paper", "amount": chf(1_000), "vat_rate_bp": 810},
    ]);
    world.buy(&body).await;
    for (number, minor) in [("R1", 1_000), ("R2", 500)] {
        let (_, told) = give(
            &world,
            &give_back("B01", number, Some(&till::key("B01", "1")), (1_000, minor)),
        )
        .await;
        assert_eq!(told.get("surplus_lines"), None);
    }
    Delivering::well().until_rest(&world).await;
    let shown = points(&world, &party).await;
    assert_eq!((&shown["balance"], &shown["revenue"]), (&json!(0), &chf(0)));
}
