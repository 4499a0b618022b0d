//! What support does by hand, seen from the tills: a voided voucher is void at each of them, a blocked one stopped, a reissued one
//! dead with another in its place; and a redemption that meets a voiding wins or loses (X2), never both.

use std::collections::BTreeSet;

use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{self, chf, receipt};
use end_to_end::world::{PROGRAMME, World};
use futures::future::join;
use serde_json::{Value, json};

const VOID: &str = "POST /v1/parties/{party_id}/vouchers/{sequence}/void";

/// A customer with one voucher; card, party and code.
async fn with_voucher(world: &World, delivering: &mut Delivering) -> (String, String, String) {
    let (card, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
    delivering.until_rest(world).await;
    let code = world.desk(&card).await.1.pop().expect("a voucher");
    (card, party, code)
}

async fn void(world: &World, party: &str) -> (u16, Value) {
    let path = [("party_id", party), ("sequence", "1")];
    let body = json!({"programme": PROGRAMME, "reason": "The letter came back", "client_token": "case-1"});
    world.call(VOID, &path, &body).await
}

/// The states of vouchers that wait on the middleware's queue.
async fn told_to_the_middleware(world: &World) -> Vec<String> {
    let (sqs, mut told) = (world.place.sqs(), Vec::new());
    // Received messages stay hidden, so this ends with the queue.
    loop {
        let call = sqs.receive_message().queue_url(&world.queues.pos_voucher);
        let page = call.max_number_of_messages(10).send().await.expect("messages");
        let messages = page.messages.unwrap_or_default();
        if messages.is_empty() {
            return told;
        }
        for message in messages {
            let news: Value = serde_json::from_str(message.body().unwrap_or_default()).expect("news");
            told.push(news["status"].as_str().unwrap_or_default().to_owned());
        }
    }
}

#[tokio::test]
async fn a_voided_voucher_is_void_at_the_tills_in_the_feed_and_on_the_middlewares_queue() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, party, code) = with_voucher(&world, &mut delivering).await;
    let (status, answer) = void(&world, &party).await;
    assert_eq!((status, &answer["points"]), (201, &json!(500)), "{answer}");

    // Before any message is delivered.
    assert_eq!(world.desk(&card).await, (500, vec![]));
    let asked = json!({"store": "B02", "till": "1", "code": code});
    let (_, checked) = world.call("POST /v1/vouchers/check", &[], &asked).await;
    assert_eq!(
        [&checked["usable"], &checked["reason"], &checked["state"]["status"]],
        [&json!(false), &json!("voucher_voided"), &json!("voided")]
    );
    let mut held = asked.clone();
    held["basket"] = json!("b1");
    held["basket_total"] = chf(9_000);
    for (route, body) in [
        ("POST /v1/vouchers/reserve", &held),
        ("POST /v1/vouchers/redeem", &till::redeem("B02", &code, "9", 9_000)),
        ("POST /v1/vouchers/release", &held),
    ] {
        let (status, problem) = world.call(route, &[], body).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (409, Some("voucher_voided")),
            "{route}"
        );
    }

    delivering.until_rest(&world).await;
    let told = told_to_the_middleware(&world).await;
    assert!(told.iter().any(|status| status == "voided"), "{told:?}");
    let (_, feed) = world.call("GET /v1/vouchers/feed", &[], &Value::Null).await;
    let told: Vec<_> = feed["events"].as_array().into_iter().flatten().collect();
    let of_first = told.iter().filter(|event| event["code"] == json!(code));
    let statuses: Vec<_> = of_first
        .map(|event| event["state"]["status"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(statuses, ["open", "voided"]);
    // Its points are worth a voucher again: another one, with another code.
    let (balance, codes) = world.desk(&card).await;
    assert_eq!((balance, codes.len()), (0, 1));
    assert_ne!(codes[0], code);
    Books::read(&world).await.check();
}

/// Support does something to the first voucher of Anna.
async fn on_voucher(world: &World, party: &str, what: &str, extra: &Value) -> Value {
    let path = [("party_id", party), ("sequence", "1")];
    let mut body = json!({"programme": PROGRAMME, "reason": "The code was seen", "client_token": what});
    for (name, value) in extra.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let route = format!("POST /v1/parties/{{party_id}}/vouchers/{{sequence}}/{what}");
    let (status, answer) = world.call(&route, &path, &body).await;
    assert_eq!(status, 201, "{answer}");
    answer
}

/// What the feed tells, in order: code, status and last day of each change.
async fn fed(world: &World) -> Vec<(String, String, String)> {
    let (_, feed) = world.call("GET /v1/vouchers/feed", &[], &Value::Null).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = feed["events"].as_array().into_iter().flatten();
    events
        .map(|event| {
            let state = &event["state"];
            (
                text(&event["code"]),
                text(&state["status"]),
                text(&state["valid_until"]),
            )
        })
        .collect()
}

async fn why_not(world: &World, code: &str) -> Option<String> {
    let asked = json!({"store": "B02", "till": "1", "code": code});
    let (_, checked) = world.call("POST /v1/vouchers/check", &[], &asked).await;
    checked["reason"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn l4_n6_a_blocked_voucher_is_stopped_at_the_tills_at_once_and_the_feed_tells() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, party, code) = with_voucher(&world, &mut delivering).await;
    on_voucher(&world, &party, "block", &Value::Null).await;
    // Before any message is delivered.
    assert_eq!(world.desk(&card).await, (0, vec![]));
    assert_eq!(why_not(&world, &code).await.as_deref(), Some("voucher_blocked"));
    let redemption = till::redeem("B02", &code, "9", 9_000);
    let (status, told) = world.call("POST /v1/vouchers/redeem", &[], &redemption).await;
    assert_eq!((status, &told["code"]), (409, &json!("voucher_blocked")));
    delivering.until_rest(&world).await;
    assert!(
        told_to_the_middleware(&world)
            .await
            .iter()
            .any(|status| status == "blocked")
    );

    on_voucher(&world, &party, "unblock", &Value::Null).await;
    assert_eq!(world.desk(&card).await.1, std::slice::from_ref(&code));
    on_voucher(&world, &party, "extend", &json!({"valid_until": "2028-12-31"})).await;
    let (status, taken) = world.call("POST /v1/vouchers/redeem", &[], &redemption).await;
    assert_eq!((status, &taken["valid_until"]), (200, &json!("2028-12-31")));
    delivering.until_rest(&world).await;
    let statuses: Vec<_> = fed(&world)
        .await
        .into_iter()
        .map(|(_, status, until)| (status, until))
        .collect();
    let expected = [
        ("open", "2027-05-21"),
        ("blocked", "2027-05-21"),
        ("open", "2027-05-21"),
        ("open", "2028-12-31"),
        ("redeemed", "2028-12-31"),
    ];
    assert_eq!(
        statuses,
        expected.map(|(status, until)| (status.to_owned(), until.to_owned()))
    );
    Books::read(&world).await.check();
}

#[tokio::test]
async fn l4_n6_the_code_of_a_reissued_voucher_is_dead_at_the_tills_at_once_and_the_new_one_is_taken_once() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, party, code) = with_voucher(&world, &mut delivering).await;
    let answer = on_voucher(&world, &party, "reissue", &Value::Null).await;
    assert!(!answer.to_string().contains(&code));
    let (balance, codes) = world.desk(&card).await;
    assert_eq!((balance, codes.len()), (0, 1));
    assert_ne!(codes[0], code);
    assert_eq!(why_not(&world, &code).await.as_deref(), Some("voucher_voided"));
    let (status, _) = world
        .call(
            "POST /v1/vouchers/redeem",
            &[],
            &till::redeem("B02", &codes[0], "9", 9_000),
        )
        .await;
    assert_eq!(status, 200);
    let second = world
        .call(
            "POST /v1/vouchers/redeem",
            &[],
            &till::redeem("B01", &codes[0], "10", 9_000),
        )
        .await;
    assert_eq!((second.0, &second.1["code"]), (409, &json!("voucher_redeemed")));
    delivering.until_rest(&world).await;
    let told = fed(&world).await;
    let of = |code: &String| -> Vec<_> {
        let told = told.iter().filter(|(of, ..)| of == code);
        told.map(|(_, status, _)| status.as_str()).collect()
    };
    assert_eq!(
        (of(&code), of(&codes[0])),
        (vec!["open", "voided"], vec!["open", "redeemed"])
    );
    assert_eq!(world.desk(&card).await, (0, vec![]));
    Books::read(&world).await.check();
}

#[tokio::test]
async fn a_voucher_is_voided_before_the_feed_has_told_of_it_and_the_feed_tells_both() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (card, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
    // Until the voucher is issued, and not until it is told.
    for _ in 0..20 {
        if !Books::read(&world).await.vouchers.is_empty() {
            break;
        }
        delivering.once(&world).await;
    }
    let before = Books::read(&world).await;
    assert_eq!(
        (before.vouchers.len(), before.published.len()),
        (1, 0),
        "the feed is behind"
    );
    assert_eq!(void(&world, &party).await.0, 201);
    delivering.until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let first: Vec<_> = books
        .feed
        .values()
        .flatten()
        .filter(|(_, id, _)| id.ends_with("~1"))
        .collect();
    assert_eq!(first.iter().map(|(.., version)| *version).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_redemption_and_a_voiding_at_the_same_time_exactly_one_wins() {
    let mut ends = BTreeSet::new();
    for _ in 0..10 {
        let world = World::new().await;
        let mut delivering = Delivering::well();
        let (card, party, code) = with_voucher(&world, &mut delivering).await;
        let redemption = till::redeem("B02", &code, "9", 9_000);
        let till = world.call("POST /v1/vouchers/redeem", &[], &redemption);
        let ((redeemed, told), (voided, answer)) = join(Box::pin(till), Box::pin(void(&world, &party))).await;
        match (redeemed, voided) {
            (200, 409) => assert_eq!(answer["code"], "voucher_redeemed"),
            (409, 201) => assert_eq!(told["code"], "voucher_voided"),
            other => panic!("{other:?}: {told} {answer}"),
        }
        delivering.until_rest(&world).await;
        let codes = world.desk(&card).await.1.len();
        assert_eq!(
            codes,
            usize::from(voided == 201),
            "the points are a voucher again or spent"
        );
        Books::read(&world).await.check();
        ends.insert(redeemed);
    }
    println!("redemptions were answered {ends:?}");
}
