//! One voucher, many tills (X2, N6; scenarios 16 to 18).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::programme::Programme;
use domain::voucher::State;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{self, receipt};
use end_to_end::world::{PROGRAMME, World};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

/// A world in which a customer has a voucher; its code.
async fn with_voucher(world: &World) -> (String, String) {
    let (card, _) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
    Delivering::well().until_rest(world).await;
    let (_, codes) = world.desk(&card).await;
    assert_eq!(codes.len(), 1);
    (card, codes[0].clone())
}

async fn redeem(world: &World, store: &str, code: &str, number: &str) -> (u16, Value) {
    world
        .call(
            "POST /v1/vouchers/redeem",
            &[],
            &till::redeem(store, code, number, 9_000),
        )
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_16_two_tills_at_the_same_moment_one_takes_it_and_the_other_hears_where_and_when() {
    let world = World::new().await;
    let (_, code) = with_voucher(&world).await;
    let (first, second) = tokio::join!(redeem(&world, "B01", &code, "10"), redeem(&world, "SHOP", &code, "11"));
    let (taken, refused) = if first.0 == 200 {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!((taken.0, refused.0), (200, 409), "{taken:?} {refused:?}");
    assert_eq!(refused.1["code"], "voucher_redeemed");
    assert_eq!(refused.1["redemption"]["location"], taken.1["redemption"]["location"]);
    assert_eq!(refused.1["redemption"]["at"], taken.1["redemption"]["at"]);
    assert!(!refused.1.to_string().contains(&code), "no code in a problem");
}

#[tokio::test]
async fn n6_the_same_receipt_again_hears_the_same_answer_and_another_one_is_refused() {
    let world = World::new().await;
    let (_, code) = with_voucher(&world).await;
    let first = redeem(&world, "B01", &code, "10").await;
    assert_eq!(first.0, 200);
    assert_eq!(redeem(&world, "B01", &code, "10").await, first);
    assert_eq!(redeem(&world, "B02", &code, "10").await.0, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_at_once_on_one_voucher_form_one_linear_history() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new().await;
    let (_, code) = with_voucher(&world).await;
    let calls: Vec<_> = (0..1_000).map(|_| random_call(&mut random, &code)).collect();
    // As many at once as the platform would run for one function here.
    let answers: Vec<_> = stream::iter(calls)
        .map(|(route, body)| act(&world, route, body))
        .buffer_unordered(32)
        .collect::<Vec<_>>()
        .await
        .concat();
    let mut counted: BTreeMap<u16, usize> = BTreeMap::new();
    answers
        .iter()
        .for_each(|status| *counted.entry(*status).or_default() += 1);
    println!("{counted:?}");
    assert!(counted.keys().all(|status| matches!(status, 200 | 409)), "{counted:?}");
    Delivering::badly(seed).until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_linear(&books, answers.len());
}

const REDEEM: &str = "POST /v1/vouchers/redeem";
const REVERSE: &str = "POST /v1/vouchers/reverse";

/// Makes the call. The till that took the voucher voids its sale, so that the history goes on. The statuses it was answered.
async fn act(world: &World, route: &str, body: Value) -> Vec<u16> {
    let mut answered = vec![world.call(route, &[], &body).await.0];
    if route == REDEEM && answered[0] == 200 {
        answered.push(world.call(REVERSE, &[], &body).await.0);
    }
    answered
}

fn random_call(random: &mut fastrand::Rng, code: &str) -> (&'static str, Value) {
    let store = *random.choice(["B01", "B02", "B03", "SHOP"].iter()).unwrap_or(&"B01");
    let number = random.u8(..2).to_string();
    let basket = format!("b{}", random.u8(..2));
    let total = till::chf(9_000);
    match random.u8(..57) {
        0..16 => {
            let body = json!({"store": store, "till": "1", "code": code, "basket": basket, "basket_total": total});
            ("POST /v1/vouchers/reserve", body)
        }
        16..40 => {
            let mut body = till::redeem(store, code, &number, 9_000);
            if random.bool() {
                body["basket"] = json!(basket);
            }
            (REDEEM, body)
        }
        40..56 => (
            "POST /v1/vouchers/release",
            json!({"store": store, "till": "1", "code": code, "basket": basket}),
        ),
        // Rare, because one that overtakes its redemption keeps that receipt from ever taking the voucher.
        _ => {
            let body = json!({"store": store, "till": "1", "code": code, "receipt": till::key(store, &number)});
            (REVERSE, body)
        }
    }
}

/// Fewer of a thousand calls must not get through, or the history says nothing; some forty do.
const TRANSITIONS_MIN: usize = 20;

/// The feed carries every accepted transition in order: versions without a gap, between two redemptions a reversal, and no
/// receipt that takes the voucher a second time.
fn assert_linear(books: &Books, calls: usize) {
    let mut history: Vec<_> = books.history.iter().collect();
    history.sort_by_key(|(version, _)| *version);
    let versions: Vec<_> = history.iter().map(|(version, _)| *version).collect();
    assert_eq!(
        versions,
        (1..=versions.len() as u64).collect::<Vec<_>>(),
        "no transition is missing or doubled"
    );
    assert!(
        versions.len() > TRANSITIONS_MIN && versions.len() <= calls,
        "{} transitions",
        versions.len()
    );
    let mut redeemed = false;
    let mut receipts = BTreeSet::new();
    for (version, state) in history {
        if let State::Redeemed { receipt, .. } = state {
            assert!(!redeemed, "version {version} takes what is taken");
            assert!(receipts.insert(receipt), "version {version} is of a voided receipt");
        }
        redeemed = matches!(state, State::Redeemed { .. });
    }
    println!("{} transitions, {} redemptions", versions.len(), receipts.len());
    assert!(!receipts.is_empty(), "the history has redemptions");
}

#[tokio::test]
async fn scenario_17_a_hold_ends_by_itself_and_its_late_confirmation_is_refused() {
    let mut world = World::new().await;
    let (_, code) = with_voucher(&world).await;
    let reserve = json!({"store": "B01", "till": "1", "code": code, "basket": "b1", "basket_total": till::chf(9_000)});
    assert_eq!(world.call("POST /v1/vouchers/reserve", &[], &reserve).await.0, 200);
    let (status, problem) = redeem(&world, "B02", &code, "5").await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("voucher_reserved")));
    world.now += chrono::Duration::seconds(900);
    let mut late = till::redeem("B01", &code, "6", 9_000);
    late["basket"] = json!("b1");
    let (status, problem) = world.call("POST /v1/vouchers/redeem", &[], &late).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("voucher_not_held")));
    assert_eq!(redeem(&world, "B02", &code, "5").await.0, 200);
}

#[tokio::test]
async fn scenario_18_a_voucher_ends_with_its_last_local_day_whatever_the_table_still_holds() {
    let mut world = World::new().await;
    let (_, code) = with_voucher(&world).await;
    // Issued on 2026-11-22, valid for 180 days more: through 2027-05-21 in Zurich, which is two hours ahead then.
    world.now = "2027-05-21T22:00:00Z".parse().expect("an instant");
    let (status, problem) = redeem(&world, "B01", &code, "5").await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("voucher_expired")));
    world.now = "2027-05-21T21:59:59Z".parse().expect("an instant");
    assert_eq!(redeem(&world, "B01", &code, "5").await.0, 200);
}

#[tokio::test]
async fn n4_one_receipt_worth_a_thousand_vouchers_yields_exactly_those() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_012_300, Some(&card))).await;
    Delivering::badly(7).until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(books.vouchers.len(), 1_000);
    let account = books.accounts.values().next().expect("the account");
    assert_eq!((account.balance, account.vouchers_issued), (123, 1_000));
}

#[tokio::test]
async fn redemptions_without_receipt_and_payments_without_redemption_are_listed_after_the_programmes_hours() {
    let mut world = World::new().await;
    let (card, _) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 150_000, Some(&card))).await;
    let mut delivering = Delivering::well();
    delivering.until_rest(&world).await;
    let (_, codes) = world.desk(&card).await;
    assert_eq!(redeem(&world, "B01", &codes[0], "10").await.0, 200);
    world
        .buy(&till::paid_with_voucher(
            receipt("B02", "20", 9_000, None),
            &codes[1],
            500,
        ))
        .await;
    assert_eq!(redeem(&world, "B03", &codes[2], "30").await.0, 200);
    world
        .buy(&till::paid_with_voucher(
            receipt("B03", "30", 9_000, None),
            &codes[2],
            500,
        ))
        .await;
    delivering.until_rest(&world).await;

    let route = format!("GET /v1/vouchers/unmatched?programme={PROGRAMME}");
    let (_, page) = world.call(&route, &[], &Value::Null).await;
    assert_eq!(
        page["items"].as_array().map(Vec::len),
        Some(0),
        "not before the hours are over"
    );
    world.now += chrono::Duration::hours(i64::from(
        Programme::swiss_default(PROGRAMME.parse().expect("id")).unmatched_hours,
    ));
    world.now += chrono::Duration::seconds(1);
    let (status, page) = world.call(&route, &[], &Value::Null).await;
    assert_eq!(status, 200, "{page}");
    let mut kinds: Vec<_> = page["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|i| i["kind"].clone())
        .collect();
    kinds.sort_by_key(ToString::to_string);
    assert_eq!(
        kinds,
        [json!("payment_without_redemption"), json!("redemption_without_receipt")]
    );
}

#[tokio::test]
async fn the_feed_goes_on_from_its_cursor_without_a_gap() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    let mut delivering = Delivering::well();
    let mut cursor: Option<String> = None;
    let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for number in 0..4 {
        for store in ["B01", "B02", "B03", "B04"] {
            world
                .buy(&receipt(store, &number.to_string(), 100_000, Some(&card)))
                .await;
        }
        delivering.until_rest(&world).await;
        loop {
            let query = cursor
                .as_ref()
                .map_or(String::new(), |cursor| format!("&cursor={cursor}"));
            let (status, page) = world
                .call(&format!("GET /v1/vouchers/feed?limit=3{query}"), &[], &Value::Null)
                .await;
            assert_eq!(status, 200, "{page}");
            for event in page["events"].as_array().into_iter().flatten() {
                assert!(event["code"].is_string());
                let group = event["group"].as_str().unwrap_or_default().to_owned();
                seen.entry(group)
                    .or_default()
                    .push(event["sequence"].as_u64().unwrap_or(0));
            }
            cursor = page["cursor"].as_str().map(str::to_owned);
            if page["more"] == false {
                break;
            }
        }
    }
    let events: usize = seen.values().map(Vec::len).sum();
    assert_eq!(events, 32, "16 receipts of two vouchers each");
    for (group, numbers) in seen {
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{group}");
    }
}

#[tokio::test]
async fn a_reader_that_begins_is_not_led_among_events_whose_time_is_over() {
    let mut world = World::new().await;
    let (card, _) = world.customer(1).await;
    let mut delivering = Delivering::well();
    for (number, days) in [("1", 36), ("2", 0)] {
        world.buy(&receipt("B01", number, 100_000, Some(&card))).await;
        delivering.until_rest(&world).await;
        world.now += chrono::Duration::days(days);
    }
    // The table drops events late and in no order: the first is gone, the second is not.
    let group = Books::read(&world).await.feed.into_keys().next().expect("a group");
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let drop = world.db.client().delete_item().table_name(world.db.table());
    let drop = drop.key("pk", text(&group)).key("sk", text("EVENT#0000000000000001"));
    drop.send().await.expect("the event is dropped");

    let (_, all) = world.call("GET /v1/vouchers/feed?limit=100", &[], &Value::Null).await;
    assert_eq!(
        (all["events"].as_array().map(Vec::len), &all["more"]),
        (Some(2), &json!(false)),
        "{all}"
    );
    let (status, page) = world.call("GET /v1/vouchers/feed?limit=1", &[], &Value::Null).await;
    assert_eq!((status, &page["events"][0]["sequence"]), (200, &json!(3)), "{page}");
    assert_eq!(page["more"], true);
    let next = format!(
        "GET /v1/vouchers/feed?limit=1&cursor={}",
        page["cursor"].as_str().expect("a cursor")
    );
    let (status, page) = world.call(&next, &[], &Value::Null).await;
    assert_eq!((status, &page["events"][0]["sequence"]), (200, &json!(4)), "{page}");
}

#[tokio::test]
async fn a_typing_error_costs_no_read_and_guessing_slows_and_ends() {
    let world = World::new().await;
    let (_, code) = with_voucher(&world).await;
    let check = |code: String| json!({"store": "B01", "till": "1", "code": code});
    let typo = match code.strip_prefix('0') {
        Some(rest) => format!("1{rest}"),
        None => format!("0{}", &code[1..]),
    };
    world.db.meter().take();
    let (status, problem) = world.call("POST /v1/vouchers/check", &[], &check(typo)).await;
    assert_eq!(
        (status, problem["errors"][0]["code"].as_str()),
        (422, Some("voucher_code_malformed"))
    );

    let guess =
        |n: usize| domain::code::VoucherCode::derive(b"a key that nobody has, of 32 bytes", &n.to_string()).to_string();
    let answers = join_all((0..40).map(|n| {
        let body = check(guess(n));
        let world = &world;
        async move { world.call("POST /v1/vouchers/check", &[], &body).await.0 }
    }))
    .await;
    assert!(answers.iter().all(|status| matches!(status, 404 | 429)));
    let told = answers.iter().filter(|status| **status == 404).count();
    assert!((1..=30).contains(&told), "{told} of 40 guesses at once were answered");
    let (status, problem) = world.call("POST /v1/vouchers/check", &[], &check(guess(99))).await;
    assert_eq!((status, problem["code"].as_str()), (429, Some("too_many_unknown")));
    let (status, answer) = world.call("POST /v1/vouchers/check", &[], &check(code)).await;
    assert_eq!(
        (status, &answer["usable"]),
        (200, &json!(true)),
        "a valid voucher goes on at the same till"
    );
}
