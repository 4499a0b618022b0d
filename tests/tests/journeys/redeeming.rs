//! What a new redemption must fulfil, what a repetition is spared, and reversals that come before what they take back.

use chrono::NaiveDate;
use domain::voucher::State;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{self, chf, receipt};
use end_to_end::world::{Called, PROGRAMME, TENANT, World, everywhere};
use http_edge::{Caller, Scope};
use runtime::secrets::CodeKeys;
use serde_json::{Value, json};
use store::Site;

const RESERVE: &str = "POST /v1/vouchers/reserve";
const REDEEM: &str = "POST /v1/vouchers/redeem";
const REVERSE: &str = "POST /v1/vouchers/reverse";
const CHECK: &str = "POST /v1/vouchers/check";

/// A world in which a customer has so many vouchers; the card, and their codes.
async fn with_vouchers(world: &World, count: i64) -> (String, Vec<String>) {
    let (card, _) = world.customer(1).await;
    world.buy(&receipt("B01", "1", count * 50_000, Some(&card))).await;
    Delivering::well().until_rest(world).await;
    let (_, codes) = world.desk(&card).await;
    assert_eq!(codes.len(), usize::try_from(count).expect("a count"));
    (card, codes)
}

/// A till: it may not take receipts of long ago.
fn at_the_till() -> Caller {
    let mut caller = everywhere();
    caller.scopes.remove(&Scope::PurchasesMigrate);
    caller
}

async fn call(world: &World, route: &str, body: &Value) -> (u16, Value) {
    world.call_as(&at_the_till(), route, &[], body).await
}

fn on(mut redeem: Value, day: &str) -> Value {
    redeem["receipt"] = json!(format!("B01~1~{day}~10"));
    redeem
}

#[track_caller]
fn assert_finding(answer: &(u16, Value), pointer: &str, code: &str) {
    let found = (
        answer.0,
        &answer.1["errors"][0]["pointer"],
        &answer.1["errors"][0]["code"],
    );
    assert_eq!(found, (422, &json!(pointer), &json!(code)), "{}", answer.1);
}

async fn close(world: &World, store: &str, last: &str) {
    let (tenant, id) = (TENANT.parse().expect("a tenant"), store.parse().expect("an id"));
    let before = store::location::read(&world.db, Site::ToolRead, &tenant, &id, store::db::Read::Strong).await;
    let before = before.expect("an answer").expect("the location");
    let mut after = before.d.clone();
    after.closed_on = Some(last.parse::<NaiveDate>().expect("a day"));
    let stored = store::location::write(&world.db, Site::ToolWrite, &tenant, Some(&before), after, world.now).await;
    assert!(stored.expect("an answer"));
}

#[tokio::test]
async fn a_redemption_is_taken_for_the_days_on_which_its_receipt_would_be() {
    let world = World::new().await;
    let (_, codes) = with_vouchers(&world, 1).await;
    let before = Books::read(&world).await.vouchers;
    let redeem = till::redeem("B01", &codes[0], "10", 9_000);
    for (day, finding) in [
        ("2026-11-23", "date_in_future"),
        ("2026-10-22", "date_too_old"),
        ("+12345-1-2", "malformed"),
        ("-001-01-22", "malformed"),
        ("+99999-1-1", "malformed"),
    ] {
        assert_finding(
            &call(&world, REDEEM, &on(redeem.clone(), day)).await,
            "/receipt",
            finding,
        );
    }
    let mut euros = redeem.clone();
    euros["basket_total"]["currency"] = json!("EUR");
    let foreign = "currency_of_another_programme";
    assert_finding(&call(&world, REDEEM, &euros).await, "/basket_total/currency", foreign);
    assert_eq!(Books::read(&world).await.vouchers, before);
    let migrated = world.call(REDEEM, &[], &on(redeem, "2026-10-22")).await;
    assert_eq!(
        migrated.0, 200,
        "the scope for migration lifts the limit: {}",
        migrated.1
    );
}

/// A receipt by VAT rate: rates in hundredths of a per cent and amounts in minor units.
fn by_vat(rates: &[(Option<u32>, i64)]) -> Value {
    let rates = rates.iter().map(|(rate, minor)| match rate {
        Some(rate) => json!({"vat_rate_bp": rate, "amount": chf(*minor)}),
        None => json!({"amount": chf(*minor)}),
    });
    rates.collect()
}

#[tokio::test]
async fn l4_what_a_voucher_takes_off_is_split_over_the_vat_rates_of_the_receipt() {
    let world = World::new().await;
    let (_, codes) = with_vouchers(&world, 2).await;
    let mut redeem = till::redeem("B01", &codes[0], "10", 6_990);
    redeem["basket_by_vat"] = by_vat(&[(Some(260), 1_990), (Some(810), 5_000)]);
    let discount = json!({"amount": chf(500), "by_vat": by_vat(&[(Some(810), 358), (Some(260), 142)])});
    let (_, checked) = call(&world, CHECK, &redeem).await;
    assert_eq!(checked["state"]["discount"], discount, "{checked}");
    for _ in 0..2 {
        let (status, taken) = call(&world, REDEEM, &redeem).await;
        assert_eq!(
            (status, &taken["discount"]),
            (200, &discount),
            "the same, however often"
        );
    }
    let mut small = till::redeem("B01", &codes[1], "11", 103);
    assert_eq!(call(&world, CHECK, &small).await.1["state"].get("discount"), None);
    small["basket_by_vat"] = by_vat(&[(None, 3), (Some(810), 100)]);
    let (_, taken) = call(&world, REDEEM, &small).await;
    let all = json!({"amount": chf(103), "by_vat": by_vat(&[(Some(810), 100), (None, 3)])});
    assert_eq!(taken["discount"], all, "never more than the goods");
}

#[tokio::test]
async fn a_receipt_whose_vat_rates_do_not_make_sense_is_refused_and_takes_no_voucher() {
    let world = World::new().await;
    let (_, codes) = with_vouchers(&world, 1).await;
    let before = Books::read(&world).await.vouchers;
    let redeem = till::redeem("B01", &codes[0], "10", 1_000);
    let many: Vec<_> = (0..21).map(|rate| (Some(rate), 0)).collect();
    for (rates, pointer, code) in [
        (by_vat(&[(Some(810), 999)]), "/basket_by_vat", "does_not_add_up"),
        (by_vat(&[(Some(810), 1_001)]), "/basket_by_vat", "does_not_add_up"),
        (by_vat(&[]), "/basket_by_vat", "out_of_range"),
        (by_vat(&many), "/basket_by_vat", "out_of_range"),
        (
            by_vat(&[(Some(810), 500), (Some(810), 500)]),
            "/basket_by_vat/1/vat_rate_bp",
            "twice",
        ),
        (
            by_vat(&[(Some(10_001), 1_000)]),
            "/basket_by_vat/0/vat_rate_bp",
            "vat_rate_out_of_range",
        ),
        (
            by_vat(&[(Some(810), -1)]),
            "/basket_by_vat/0/amount/amount_minor",
            "amount_out_of_range",
        ),
    ] {
        let mut described = redeem.clone();
        described["basket_by_vat"] = rates;
        for route in [CHECK, REDEEM] {
            assert_finding(&call(&world, route, &described).await, pointer, code);
        }
    }
    let mut euros = redeem.clone();
    euros["basket_by_vat"] = json!([{"amount": {"amount_minor": 1_000, "currency": "EUR"}}]);
    let mismatch = "currency_mismatch";
    assert_finding(
        &call(&world, REDEEM, &euros).await,
        "/basket_by_vat/0/amount/currency",
        mismatch,
    );
    let mut no_total = json!({"store": "B01", "till": "1", "code": codes[0]});
    no_total["basket_by_vat"] = by_vat(&[(None, 1)]);
    assert_finding(
        &call(&world, CHECK, &no_total).await,
        "/basket_by_vat",
        "not_applicable",
    );
    assert_eq!(Books::read(&world).await.vouchers, before);
}

#[tokio::test]
async fn a_closed_location_takes_no_voucher_and_repeats_what_it_answered() {
    let mut world = World::new().await;
    let (_, codes) = with_vouchers(&world, 3).await;
    let [first, second, third] = [0, 1, 2].map(|n: usize| codes[n].as_str());
    let hold =
        |code: &str| json!({"store": "B01", "till": "1", "code": code, "basket": "b1", "basket_total": chf(9_000)});
    let redeem = till::redeem("B01", first, "10", 9_000);
    let taken = call(&world, REDEEM, &redeem).await;
    let held = call(&world, RESERVE, &hold(second)).await;
    assert_eq!((taken.0, held.0), (200, 200));

    close(&world, "B01", "2026-11-21").await;
    for (route, body) in [
        (RESERVE, hold(third)),
        (REDEEM, till::redeem("B01", third, "11", 9_000)),
    ] {
        let refused = call(&world, route, &body).await;
        assert_eq!(
            (refused.0, &refused.1["code"]),
            (422, &json!("location_closed")),
            "{route}"
        );
    }
    let asked = json!({"store": "B01", "till": "1", "code": third});
    let (_, checked) = call(&world, CHECK, &asked).await;
    assert_eq!(
        (&checked["usable"], &checked["reason"]),
        (&json!(false), &json!("location_closed"))
    );
    assert_eq!(call(&world, RESERVE, &hold(second)).await, held);
    world.now += chrono::Duration::days(60);
    assert_eq!(call(&world, REDEEM, &redeem).await, taken, "too old by now, and closed");
}

#[tokio::test]
async fn a_reversal_that_overtakes_its_redemption_leaves_the_voucher_to_the_customer() {
    let world = World::new().await;
    let (_, codes) = with_vouchers(&world, 1).await;
    let redeem = till::redeem("B01", &codes[0], "10", 9_000);
    let mut foreign = at_the_till();
    foreign.locations = http_edge::caller::Locations::Only(["B02".parse().expect("an id")].into());
    let mut elsewhere = redeem.clone();
    elsewhere["store"] = json!("B02");
    let (status, problem) = world.call_as(&foreign, REVERSE, &[], &elsewhere).await;
    assert_eq!((status, &problem["code"]), (403, &json!("location_forbidden")));

    let (status, reversed) = call(&world, REVERSE, &redeem).await;
    assert_eq!((status, &reversed["status"]), (200, &json!("open")), "{reversed}");
    assert_eq!(call(&world, REVERSE, &redeem).await, (200, reversed));
    let (status, problem) = call(&world, REDEEM, &redeem).await;
    assert_eq!((status, &problem["code"]), (409, &json!("voucher_reversed")));
    Delivering::badly(1).until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(books.vouchers[0].state, State::Open);
    assert_eq!(
        call(&world, REDEEM, &till::redeem("B01", &codes[0], "11", 9_000))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn after_a_voided_sale_the_next_one_matches_whichever_of_payment_and_redemption_comes_first() {
    let mut world = World::new().await;
    let (_, codes) = with_vouchers(&world, 2).await;
    let mut delivering = Delivering::well();
    for (code, voided, next, paid_first) in [(&codes[0], "10", "11", true), (&codes[1], "20", "21", false)] {
        let sale = |number: &str| till::paid_with_voucher(receipt("B01", number, 9_000, None), code, 500);
        let redeem = |number: &str| till::redeem("B01", code, number, 9_000);
        assert_eq!(call(&world, REDEEM, &redeem(voided)).await.0, 200);
        world.buy(&sale(voided)).await;
        delivering.until_rest(&world).await;
        assert_eq!(call(&world, REVERSE, &redeem(voided)).await.0, 200);
        if paid_first {
            world.buy(&sale(next)).await;
            delivering.until_rest(&world).await;
        }
        assert_eq!(call(&world, REDEEM, &redeem(next)).await.0, 200);
        world.buy(&sale(next)).await;
        delivering.until_rest(&world).await;
    }
    assert_eq!(Books::read(&world).await.exceptions, 0);
    world.now += chrono::Duration::days(30);
    let route = format!("GET /v1/vouchers/unmatched?programme={PROGRAMME}");
    let (_, page) = world.call(&route, &[], &Value::Null).await;
    assert_eq!(page["items"], json!([]), "{page}");
}

#[tokio::test]
async fn unmatched_vouchers_come_in_pages_of_the_limit_and_only_given_tokens_are_taken() {
    let mut world = World::new().await;
    let (_, codes) = with_vouchers(&world, 9).await;
    for (number, code) in codes.iter().enumerate() {
        let redeem = till::redeem("B01", code, &format!("r{number}"), 9_000);
        assert_eq!(call(&world, REDEEM, &redeem).await.0, 200);
    }
    world.now += chrono::Duration::days(30);
    let route = format!("GET /v1/vouchers/unmatched?programme={PROGRAMME}");
    let (mut seen, mut next, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (status, page) = world.call(&format!("{route}&limit=2{next}"), &[], &Value::Null).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().expect("a list");
        assert!(items.len() <= 2, "{} items of a page of two", items.len());
        seen.extend(items.iter().map(|item| item["redeemed_on"].to_string()));
        pages += 1;
        assert!(pages < 20, "the listing ends");
        let Some(token) = page["next"].as_str() else { break };
        next = format!("&next={token}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 9);
    let token = |position: Value| http_edge::page::token(&position);
    for bad in [
        "x".to_owned(),
        token(json!({"4": null})),
        token(json!({"0": ""})),
        token(json!({"0": "2026 1"})),
        token(json!({"0": "2".repeat(1_001)})),
        token(json!({"0": "2".repeat(2_900)})),
    ] {
        let (status, problem) = world.call(&format!("{route}&next={bad}"), &[], &Value::Null).await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("malformed_parameter")),
            "{bad}"
        );
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| detail.starts_with("next:"))
        );
    }
}

/// What one call is answered, without repeating it.
async fn once(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> (u16, Value) {
    match world.call_once(route, path, body).await {
        Called::Answered(answer) => answer,
        Called::Died => panic!("the handler died"),
    }
}

#[tokio::test]
async fn a_process_that_does_not_know_a_new_key_asks_for_patience_instead_of_passing_over_vouchers() {
    let mut world = World::new().await;
    let key = "n".repeat(64);
    let old = world.code_keys.clone();
    let new = CodeKeys::parse(&json!({"current": "2", "1": "k".repeat(64), "2": key}).to_string()).expect("keys");
    world.code_keys = new.clone();
    let (card, codes) = with_vouchers(&world, 1).await;
    world.code_keys = old;
    let path = [("card", card.as_str())];
    let (desk, feed) = ("GET /v1/cash-desk/{card}?store=B01&till=1", "GET /v1/vouchers/feed");
    let sale = receipt("B01", "2", 100, Some(&card));
    assert_eq!(once(&world, desk, &path, &Value::Null).await.0, 503);
    assert_eq!(once(&world, feed, &[], &Value::Null).await.0, 503);
    assert_eq!(once(&world, "POST /v1/purchases", &[], &sale).await.0, 503);
    assert_eq!(
        call(&world, REDEEM, &till::redeem("B01", &codes[0], "10", 9_000))
            .await
            .0,
        200,
        "whoever presents the code needs no key"
    );

    world.code_keys = new;
    let (_, page) = once(&world, feed, &[], &Value::Null).await;
    assert_eq!(page["events"][0]["code"], json!(codes[0]));
    let (status, answer) = once(&world, "POST /v1/purchases", &[], &sale).await;
    assert_eq!(
        (status, &answer["status"]),
        (200, &json!("replayed")),
        "it was stored all the same"
    );
}
