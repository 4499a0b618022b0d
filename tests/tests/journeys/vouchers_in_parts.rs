//! Vouchers that are taken in parts and stay open with their rest (L4, N6, X2), and vouchers that come back with the goods of their
//! receipt (L8), at any age and at any branch.

use std::collections::BTreeSet;

use domain::programme::Programme;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{self, chf, receipt};
use end_to_end::world::{PROGRAMME, World, everywhere};
use futures::future::join_all;
use http_edge::caller::Locations;
use serde_json::{Value, json};

const CHECK: &str = "POST /v1/vouchers/check";
const REDEEM: &str = "POST /v1/vouchers/redeem";
const REVERSE: &str = "POST /v1/vouchers/reverse";
const ROLLBACK: &str = "POST /v1/vouchers/rollback";

/// A world in which a customer has a voucher, which is taken in parts if `partial`; card, party and code.
async fn with_voucher(world: &World, partial: bool) -> (String, String, String) {
    let mut programme = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    programme.version = 2;
    programme.voucher.partial = partial;
    programme.voucher.rollback_days = 40;
    world.store_programme(programme).await;
    let (card, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
    Delivering::well().until_rest(world).await;
    let code = world.desk(&card).await.1.pop().expect("a voucher");
    (card, party, code)
}

/// Takes so much of the voucher on the receipt with this number.
async fn take(world: &World, store: &str, code: &str, number: &str, minor: Option<i64>) -> (u16, Value) {
    let mut body = till::redeem(store, code, number, 9_000);
    if let Some(minor) = minor {
        body["amount"] = chf(minor);
    }
    world.call(REDEEM, &[], &body).await
}

/// The vouchers that the cash desk shows: what each is worth.
async fn worth(world: &World, card: &str) -> Vec<i64> {
    let path = [("card", card)];
    let (status, desk) = world
        .call("GET /v1/cash-desk/{card}?store=B01&till=1", &path, &Value::Null)
        .await;
    assert_eq!(status, 200, "{desk}");
    let vouchers = desk["open_vouchers"].as_array().into_iter().flatten();
    vouchers
        .filter_map(|voucher| voucher["value"]["amount_minor"].as_i64())
        .collect()
}

async fn roll_back(world: &World, store: &str, receipt: &str) -> (u16, Value) {
    let body = json!({"store": store, "till": "1", "receipt": receipt});
    world.call(ROLLBACK, &[], &body).await
}

#[tokio::test]
async fn l4_a_voucher_is_taken_in_parts_each_on_its_receipt_until_nothing_is_left() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, _, code) = with_voucher(&world, true).await;
    let (status, first) = take(&world, "B01", &code, "10", Some(200)).await;
    assert_eq!(
        (status, &first["status"], &first["taken"], &first["rest"]),
        (200, &json!("open"), &chf(200), &chf(300)),
        "{first}"
    );
    // Before any message is delivered.
    assert_eq!(worth(&world, &card).await, [300]);
    let again = take(&world, "B01", &code, "10", Some(200)).await;
    assert_eq!(again, (200, first), "a repeated call is answered as the first");
    let other = take(&world, "B01", &code, "10", Some(100)).await;
    assert_eq!((other.0, &other.1["code"]), (409, &json!("voucher_other_part")));
    let (status, problem) = take(&world, "B02", &code, "11", Some(301)).await;
    assert_eq!(
        (status, &problem["code"], &problem["rest"]),
        (409, &json!("voucher_rest_too_small"), &chf(300))
    );
    let asked = json!({"store": "B02", "till": "1", "code": code, "basket_total": chf(9_000)});
    let (_, checked) = world.call(CHECK, &[], &asked).await;
    assert_eq!(
        (&checked["usable"], &checked["state"]["rest"]),
        (&json!(true), &chf(300))
    );
    let paid = till::paid_with_voucher(receipt("B01", "10", 9_000, Some(&card)), &code, 200);
    world.buy(&paid).await;
    delivering.until_rest(&world).await;
    assert_eq!(worth(&world, &card).await, [300]);

    let (_, last) = take(&world, "B02", &code, "11", None).await;
    assert_eq!(
        (&last["status"], &last["taken"], &last["rest"]),
        (&json!("redeemed"), &chf(300), &chf(0)),
        "{last}"
    );
    let parts = last["parts"].as_array().expect("parts");
    let parts: Vec<_> = parts
        .iter()
        .map(|part| (&part["amount"], &part["redemption"]["location"]))
        .collect();
    assert_eq!(parts, [(&chf(200), &json!("B01")), (&chf(300), &json!("B02"))]);
    let (status, problem) = take(&world, "B03", &code, "12", None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("voucher_redeemed")));
    world
        .buy(&till::paid_with_voucher(receipt("B02", "11", 9_000, None), &code, 300))
        .await;
    delivering.until_rest(&world).await;
    assert_eq!(worth(&world, &card).await, Vec::<i64>::new());
    let books = Books::read(&world).await;
    books.check();
    assert!(books.vouchers.iter().all(|voucher| voucher.unmatched().is_none()));
    let (_, feed) = world.call("GET /v1/vouchers/feed", &[], &Value::Null).await;
    let rests: Vec<_> = feed["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| &event["state"]["rest"])
        .collect();
    assert_eq!(rests, [&chf(500), &chf(300), &chf(0)]);
}

#[tokio::test]
async fn a_part_that_makes_no_sense_is_refused_and_a_voucher_that_is_taken_at_once_takes_none() {
    let world = World::new().await;
    let (_, _, code) = with_voucher(&world, true).await;
    let before = Books::read(&world).await.vouchers;
    for minor in [0, -1, 9_001] {
        let (status, problem) = take(&world, "B01", &code, "10", Some(minor)).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("/amount/amount_minor")),
            "{minor}"
        );
    }
    let mut euros = till::redeem("B01", &code, "10", 9_000);
    euros["amount"] = json!({"amount_minor": 100, "currency": "EUR"});
    let (status, problem) = world.call(REDEEM, &[], &euros).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/amount/currency"))
    );
    assert_eq!(Books::read(&world).await.vouchers, before);

    let world = World::new().await;
    let (_, _, code) = with_voucher(&world, false).await;
    let (status, problem) = take(&world, "B01", &code, "10", Some(200)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("voucher_not_in_parts")));
    let (status, taken) = take(&world, "B01", &code, "10", Some(500)).await;
    assert_eq!((status, taken.get("rest"), taken.get("taken")), (200, None, None));
}

#[tokio::test]
async fn a_reversal_gives_its_part_back_and_the_discount_of_a_part_is_split_over_the_vat_rates() {
    let world = World::new().await;
    let (card, _, code) = with_voucher(&world, true).await;
    let mut body = till::redeem("B01", &code, "10", 1_000);
    body["amount"] = chf(101);
    body["basket_by_vat"] = json!([{"vat_rate_bp": 810, "amount": chf(500)}, {"vat_rate_bp": 260, "amount": chf(500)}]);
    let (_, first) = world.call(REDEEM, &[], &body).await;
    let split = json!([{"vat_rate_bp": 810, "amount": chf(51)}, {"vat_rate_bp": 260, "amount": chf(50)}]);
    assert_eq!(first["discount"], json!({"amount": chf(101), "by_vat": split}));
    let mut smaller = body.clone();
    smaller["basket_total"] = chf(100);
    smaller["basket_by_vat"] = json!([{"vat_rate_bp": 810, "amount": chf(100)}]);
    smaller.as_object_mut().expect("a body").remove("amount");
    let (status, problem) = world.call(REDEEM, &[], &smaller).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/basket_by_vat")),
        "of goods for 1.00 the receipt cannot have taken 1.01: {problem}"
    );
    assert_eq!(
        take(&world, "B02", &code, "11", Some(399)).await.1["status"],
        "redeemed"
    );
    let (status, back) = world.call(REVERSE, &[], &body).await;
    assert_eq!(
        (status, &back["status"], &back["rest"]),
        (200, &json!("open"), &chf(101)),
        "{back}"
    );
    assert_eq!(world.call(REVERSE, &[], &body).await, (200, back));
    assert_eq!(worth(&world, &card).await, [101]);
    let (status, problem) = world.call(REDEEM, &[], &body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("voucher_reversed")));
    Delivering::well().until_rest(&world).await;
    Books::read(&world).await.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x2_many_tills_at_once_never_take_more_than_the_value() {
    let world = World::new().await;
    let (card, _, code) = with_voucher(&world, true).await;
    let calls = (0..40).map(|n| {
        let (world, code) = (&world, code.as_str());
        // Every receipt asks twice.
        let number = (100 + n / 2).to_string();
        async move { take(world, ["B01", "B02", "B03"][n / 2 % 3], code, &number, Some(70)).await }
    });
    let answers = join_all(calls).await;
    let codes: BTreeSet<_> = answers
        .iter()
        .filter(|(status, _)| *status != 200)
        .map(|(_, problem)| problem["code"].as_str().unwrap_or_default().to_owned())
        .collect();
    let refused = BTreeSet::from(["unavailable".to_owned(), "voucher_rest_too_small".to_owned()]);
    assert!(codes.is_subset(&refused), "{codes:?}");
    Delivering::well().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let parts = books.vouchers[0].parts();
    let taken: BTreeSet<_> = parts.iter().map(|part| part.receipt.to_string()).collect();
    assert_eq!(taken.len(), parts.len(), "one part for each receipt");
    assert_eq!(parts.len(), 7, "490 of 500");
    assert_eq!(worth(&world, &card).await, [10]);
}

#[tokio::test]
async fn l8_a_voucher_comes_back_with_the_goods_of_its_receipt_also_when_its_validity_is_over() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, _, code) = with_voucher(&world, false).await;
    let sold = till::key("B02", "10");
    let redeem = till::redeem("B02", &code, "10", 9_000);
    assert_eq!(world.call(REDEEM, &[], &redeem).await.0, 200);
    world
        .buy(&till::paid_with_voucher(
            receipt("B02", "10", 9_000, Some(&card)),
            &code,
            500,
        ))
        .await;
    delivering.until_rest(&world).await;
    world.now += chrono::Duration::days(2 * 365);
    let (status, problem) = roll_back(&world, "B01", &sold).await;
    assert_eq!((status, &problem["code"]), (409, &json!("receipt_not_returned")));

    let give_back = async |number: &str, part: (i64, i64)| {
        let mut back = till::give_back("B01", number, Some(&sold), part);
        back["business_date"] = json!("2028-11-21");
        let (status, told) = world.call("POST /v1/returns", &[], &back).await;
        assert_eq!(status, 201, "{told}");
    };
    give_back("R1", (400, 4_000)).await;
    assert_eq!(
        roll_back(&world, "B01", &sold).await.1["code"],
        "receipt_not_returned",
        "goods are left"
    );
    give_back("R2", (600, 5_000)).await;
    let (status, told) = roll_back(&world, "B01", &sold).await;
    let state = &told["vouchers"][0];
    assert_eq!((status, &state["status"]), (200, &json!("open")), "{told}");
    // 40 days after 21 November 2028.
    assert_eq!(state["valid_until"], "2028-12-31");
    assert_eq!(roll_back(&world, "B03", &sold).await, (200, told), "once");
    assert_eq!(world.call(REDEEM, &[], &redeem).await.1["code"], "voucher_reversed");
    delivering.until_rest(&world).await;
    assert_eq!(
        world.desk(&card).await.1,
        std::slice::from_ref(&code),
        "the cash desk offers it again"
    );
    let books = Books::read(&world).await;
    books.check();
    assert!(books.vouchers.iter().all(|voucher| voucher.unmatched().is_none()));
    world.now += chrono::Duration::days(39);
    let mut again = till::redeem("B03", &code, "1", 9_000);
    again["receipt"] = json!("B03~1~2028-12-30~1");
    assert_eq!(world.call(REDEEM, &[], &again).await.0, 200);
}

#[tokio::test]
async fn l8_the_parts_of_a_voided_receipt_come_back_and_those_of_others_stay() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, _, code) = with_voucher(&world, true).await;
    for (number, minor) in [("10", 150), ("11", 200)] {
        assert_eq!(take(&world, "B01", &code, number, Some(minor)).await.0, 200);
        world
            .buy(&till::paid_with_voucher(
                receipt("B01", number, 9_000, None),
                &code,
                minor,
            ))
            .await;
    }
    delivering.until_rest(&world).await;
    let key = till::key("B01", "10");
    let (status, _) = world
        .call("POST /v1/purchases/{key}/void", &[("key", &key)], &Value::Null)
        .await;
    assert_eq!(status, 201);
    let (_, told) = roll_back(&world, "B01", &key).await;
    assert_eq!(told["vouchers"][0]["rest"], chf(300), "{told}");
    assert_eq!(told["vouchers"][0]["valid_until"], "2027-05-21", "it is valid still");
    assert_eq!(roll_back(&world, "B01", &key).await, (200, told));
    delivering.until_rest(&world).await;
    assert_eq!(worth(&world, &card).await, [300]);
    let books = Books::read(&world).await;
    books.check();
    assert!(books.vouchers.iter().all(|voucher| voucher.unmatched().is_none()));
}

#[tokio::test]
async fn a_rollback_that_cannot_be_is_refused_with_the_reason() {
    let world = World::new().await;
    let (_, _, code) = with_voucher(&world, false).await;
    let wrong = json!({"store": "?", "till": "", "receipt": "B01"});
    let (status, problem) = world.call(ROLLBACK, &[], &wrong).await;
    let errors = problem["errors"].as_array().into_iter().flatten();
    let pointers: Vec<_> = errors
        .map(|error| error["pointer"].as_str().unwrap_or_default())
        .collect();
    assert_eq!((status, pointers), (422, vec!["/store", "/till", "/receipt"]));
    let (status, problem) = roll_back(&world, "B01", &till::key("B01", "99")).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    assert!(!problem.to_string().contains(&code));
    let mut elsewhere = everywhere();
    elsewhere.locations = Locations::Only(["B02".parse().expect("an id")].into());
    let body = json!({"store": "B01", "till": "1", "receipt": till::key("B01", "1")});
    let (status, problem) = world.call_as(&elsewhere, ROLLBACK, &[], &body).await;
    assert_eq!((status, &problem["code"]), (403, &json!("location_forbidden")));
}
