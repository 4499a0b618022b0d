//! A branch without a line takes vouchers under a signed allowance, and its journal is decided once (X3, N6, X2).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::offline::{Bearer, LossReason};
use domain::voucher::State;
use end_to_end::books::Books;
use end_to_end::client::Client;
use end_to_end::delivery::Delivering;
use end_to_end::shared::on_the_stack;
use end_to_end::story::offline::{allowance, entry, nobodys_code, send, with_offline};
use end_to_end::till::{self, chf, receipt};
use end_to_end::world::{World, everywhere};
use http_edge::caller::Locations;
use http_edge::guard::ANSWERED_MAX;
use http_edge::{Caller, Scope};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

const ALLOWANCES: &str = "POST /v1/offline-allowances";
const JOURNALS: &str = "POST /v1/offline-journals";
const REDEEM: &str = "POST /v1/vouchers/redeem";
const REVERSE: &str = "POST /v1/vouchers/reverse";
const NOVEMBER: &str = "?from=2026-11-01&to=2026-11-30";

/// A world whose branches may be without a line, with a customer who has so many vouchers of CHF 5; their codes.
async fn with_vouchers(count: i64) -> (World, Vec<String>) {
    let world = World::new().await;
    world.store_programme(with_offline(2)).await;
    let (card, _) = world.customer(1).await;
    world.buy(&receipt("B01", "1", count * 50_000, Some(&card))).await;
    Delivering::well().until_rest(&world).await;
    let (_, codes) = world.desk(&card).await;
    assert_eq!(codes.len(), usize::try_from(count).expect("a count"));
    (world, codes)
}

/// A caller with the key of the middleware of this branch.
fn middleware(store: &str) -> Caller {
    Caller {
        scopes: [Scope::VouchersRedeem, Scope::ReportsRead].into(),
        locations: Locations::Only([store.parse().expect("an id")].into()),
        ..everywhere()
    }
}

async fn try_to_send(world: &World, token: &Value, entries: &[Value]) -> (u16, Value) {
    let body = json!({"allowance": token, "entries": entries});
    world.call(JOURNALS, &[], &body).await
}

async fn report(world: &World) -> Value {
    let (status, report) = world
        .call(&format!("GET /v1/offline-losses{NOVEMBER}"), &[], &Value::Null)
        .await;
    assert_eq!(status, 200, "{report}");
    report
}

/// The lost entries of a branch, page by page.
async fn lost_at(world: &World, store: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), String::new());
    for _ in 0..100 {
        let route = format!("GET /v1/offline-losses/{{location_id}}{NOVEMBER}&limit=2{next}");
        let (status, page) = world.call(&route, &[("location_id", store)], &Value::Null).await;
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().expect("a page").clone());
        match page["next"].as_str() {
            Some(token) => next = format!("&next={token}"),
            None => return items,
        }
    }
    panic!("the list of losses does not end");
}

#[track_caller]
fn assert_lost(told: &Value, reason: &str, bearer: &str, minor: i64) {
    let said = (&told["outcome"], &told["reason"], &told["bearer"], &told["lost"]);
    assert_eq!(
        said,
        (&json!("lost"), &json!(reason), &json!(bearer), &chf(minor)),
        "{told}"
    );
}

/// The instants at which each voucher was redeemed, by its receipt.
async fn redemptions(world: &World) -> BTreeMap<String, DateTime<Utc>> {
    let vouchers = Books::read(world).await.vouchers.into_iter();
    let redeemed = vouchers.filter_map(|voucher| match voucher.state {
        State::Redeemed { receipt, at, .. } => Some((receipt.to_string(), at)),
        _ => None,
    });
    redeemed.collect()
}

#[tokio::test]
async fn x3_an_allowance_is_a_token_that_any_platform_verifies_and_one_limit_for_the_day() {
    let (mut world, _) = with_vouchers(1).await;
    let given = allowance(&world, "B07").await;
    assert_eq!(
        (&given["allowance_id"], &given["valid_from"], &given["valid_until"]),
        (
            &json!("B07~2026-11-22"),
            &json!("2026-11-22T12:00:00Z"),
            &json!("2026-11-22T16:00:00Z")
        )
    );
    let (_, keys) = world.call("GET /v1/offline-keys", &[], &Value::Null).await;
    let token = given["allowance"].as_str().expect("a token");
    let header = jsonwebtoken::decode_header(token).expect("a header");
    let known = keys["keys"].as_array().expect("keys");
    assert_eq!(known.len(), 2, "the one before can still be verified: {keys}");
    let key = known.iter().find(|key| key["kid"].as_str() == header.kid.as_deref());
    let key: Jwk = serde_json::from_value(key.expect("the key of the header").clone()).expect("a JWK");
    let mut rules = Validation::new(Algorithm::EdDSA);
    // The world's clock is not the machine's.
    (rules.validate_exp, rules.validate_nbf) = (false, false);
    rules.set_audience(&["offline-till"]);
    let key = DecodingKey::from_jwk(&key).expect("a public key");
    let claims = jsonwebtoken::decode::<Value>(token, &key, &rules)
        .expect("a good signature")
        .claims;
    assert_eq!(
        (
            &claims["sub"],
            &claims["limit_minor"],
            &claims["voucher_limit_minor"],
            &claims["currency"]
        ),
        (&json!("B07~2026-11-22"), &json!(2_000), &json!(1_000), &json!("CHF"))
    );

    // More risk is allowed by now: from tomorrow on.
    let mut generous = with_offline(3);
    generous.offline.as_mut().expect("a rule").limit_minor = 90_000;
    world.store_programme(generous).await;
    world.now += TimeDelta::hours(1);
    let again = allowance(&world, "B07").await;
    assert_eq!(
        (&again["allowance_id"], &again["limit"], &again["valid_until"]),
        (&given["allowance_id"], &chf(2_000), &json!("2026-11-22T17:00:00Z"))
    );
    world.now += TimeDelta::days(1);
    let tomorrow = allowance(&world, "B07").await;
    assert_eq!(
        (&tomorrow["allowance_id"], &tomorrow["limit"]),
        (&json!("B07~2026-11-23"), &chf(90_000))
    );
}

#[tokio::test]
async fn x3_without_a_setting_nothing_is_allowed_offline_nor_for_the_shop_nor_for_a_foreign_branch() {
    let world = World::new().await;
    let ask = async |caller: &Caller, store: &str| {
        let (status, answer) = world.call_as(caller, ALLOWANCES, &[], &json!({"store": store})).await;
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    let refused = |status, code: &str| (status, code.to_owned());
    assert_eq!(ask(&everywhere(), "B07").await, refused(409, "offline_not_allowed"));
    world.store_programme(with_offline(2)).await;
    assert_eq!(ask(&everywhere(), "SHOP").await, refused(409, "offline_not_allowed"));
    assert_eq!(ask(&middleware("B08"), "B07").await, refused(403, "location_forbidden"));
    assert_eq!(ask(&everywhere(), "B99").await, refused(422, "location_unknown"));
    assert_eq!(ask(&everywhere(), "no id").await, refused(422, "invalid"));
    let mut reader = middleware("B07");
    reader.scopes.remove(&Scope::VouchersRedeem);
    assert_eq!(ask(&reader, "B07").await, refused(403, "scope_missing"));
    assert_eq!(ask(&middleware("B07"), "B07").await.0, 200);
}

#[tokio::test]
async fn x3_a_journal_books_as_of_its_instant_and_tells_each_conflict_with_its_bearer() {
    let (mut world, codes) = with_vouchers(4).await;
    let given = allowance(&world, "B07").await;
    world.now += TimeDelta::minutes(30);
    let taken_at = world.now;
    let journal = vec![
        entry(&world, "B07", 11, &codes[0]),
        entry(&world, "B07", 12, &codes[1]),
        entry(&world, "B07", 13, &codes[0]),
        entry(&world, "B07", 14, &nobodys_code("1")),
    ];
    world.now += TimeDelta::minutes(1);
    let elsewhere = till::redeem("B09", &codes[1], "9", 9_000);
    assert_eq!(world.call(REDEEM, &[], &elsewhere).await.0, 200);
    let first_at = world.now;
    world.now += TimeDelta::days(2);

    let told = send(&world, &given, &journal).await;
    assert_eq!(
        (&told[0]["outcome"], &told[0]["booked"], &told[0]["lost"]),
        (&json!("booked"), &chf(500), &chf(0))
    );
    assert_lost(&told[1], "redeemed_elsewhere", "company", 500);
    let first = json!({"location": "B09", "till": "1", "business_date": "2026-11-22", "at": first_at});
    assert_eq!(told[1]["redemption"], first);
    assert_lost(&told[2], "redeemed_here", "branch", 500);
    assert_eq!(told[2]["redemption"]["at"], json!(taken_at));
    assert_lost(&told[3], "unknown_code", "company", 500);
    assert!(!json!(told).to_string().contains(&codes[0]), "no code in an answer");
    let redeemed = redemptions(&world).await;
    assert_eq!(
        redeemed,
        BTreeMap::from([(till::key("B07", "11"), taken_at), (till::key("B09", "9"), first_at)])
    );

    // The till hears of it as of every redemption, and the receipt finds it.
    let (_, refused) = world
        .call(REDEEM, &[], &till::redeem("B01", &codes[0], "77", 9_000))
        .await;
    assert_eq!(
        (&refused["code"], &refused["redemption"]["location"]),
        (&json!("voucher_redeemed"), &json!("B07"))
    );
    let paid = till::paid_with_voucher(receipt("B07", "11", 9_000, None), &codes[0], 500);
    world.buy(&paid).await;
    Delivering::well().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let (_, feed) = world.call("GET /v1/vouchers/feed", &[], &Value::Null).await;
    let events = feed["events"].as_array().expect("events");
    let told = events
        .iter()
        .any(|event| event["code"] == json!(codes[0]) && event["state"]["status"] == "redeemed");
    assert!(told, "{feed}");
    let unmatched = books
        .vouchers
        .iter()
        .filter(|voucher| voucher.unmatched().is_some())
        .count();
    assert_eq!(unmatched, 1, "only the one of B09, whose receipt has not come");
}

#[tokio::test]
async fn x3_a_journal_in_parts_shuffled_and_doubled_leaves_what_it_leaves_at_once() {
    let seed = fastrand::u64(..);
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (world, codes) = with_vouchers(3).await;
    let given = allowance(&world, "B07").await;
    // CHF 15 of CHF 20: no limit decides by the order.
    let journal: Vec<_> = (11..)
        .zip(&codes)
        .map(|(number, code)| entry(&world, "B07", number, code))
        .collect();
    let at_once = send(&world, &given, &journal).await;
    let after = (redemptions(&world).await, report(&world).await);
    let mut parts: Vec<Value> = journal.iter().chain(&journal).chain(&journal).cloned().collect();
    random.shuffle(&mut parts);
    for part in parts.chunks(1) {
        let told = send(&world, &given, part).await;
        let before = at_once.iter().find(|entry| entry["number"] == told[0]["number"]);
        let mut expected = before.expect("the entry").clone();
        expected["replayed"] = json!(true);
        assert_eq!(told[0], expected);
    }
    assert_eq!((redemptions(&world).await, report(&world).await), after);

    // The same sale under another number is no second entry, and other content does not change the first.
    let mut other = journal[0].clone();
    other["number"] = json!(99);
    let told = send(&world, &given, &[other.clone()]).await;
    assert_eq!(
        (
            &told[0]["number"],
            &told[0]["outcome"],
            &told[0]["replayed"],
            &told[0]["contradicts"]
        ),
        (&json!(99), &json!("booked"), &json!(true), &json!(false))
    );
    other["value"] = chf(400);
    let told = send(&world, &given, &[other]).await;
    assert_eq!((&told[0]["booked"], &told[0]["contradicts"]), (&chf(500), &json!(true)));
    let books = Books::read(&world).await;
    assert_eq!(
        (books.offline.entries.len(), books.offline.allowances[0].used_minor),
        (3, 1_500)
    );
    Delivering::badly(seed).until_rest(&world).await;
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x3_the_company_bears_the_limit_at_most_and_what_is_good_beyond_it_is_booked() {
    let (mut world, codes) = with_vouchers(1).await;
    let given = allowance(&world, "B07").await;
    let unknown = |number: u32| entry(&world, "B07", number, &nobodys_code(&number.to_string()));
    let lost = send(&world, &given, &(21..=24).map(unknown).collect::<Vec<_>>()).await;
    for told in &lost {
        assert_lost(told, "unknown_code", "company", 500);
    }
    // Asking again gives no new limit.
    world.now += TimeDelta::hours(1);
    let again = allowance(&world, "B07").await;
    assert_eq!((&again["limit"], &again["used"]), (&chf(2_000), &chf(2_000)));
    let beyond = [
        entry(&world, "B07", 25, &nobodys_code("25")),
        entry(&world, "B07", 26, &codes[0]),
    ];
    let told = send(&world, &again, &beyond).await;
    assert_lost(&told[0], "unknown_code", "branch", 500);
    assert_eq!(told[0]["breaches"], json!(["over_limit"]));
    assert_eq!(
        (&told[1]["outcome"], &told[1]["lost"], &told[1]["breaches"]),
        (&json!("booked"), &chf(0), &json!(["over_limit"]))
    );
    // Another branch has a limit of its own.
    let neighbour = allowance(&world, "B08").await;
    let mut dear = entry(&world, "B08", 1, &nobodys_code("dear"));
    dear["value"] = chf(1_001);
    let told = send(
        &world,
        &neighbour,
        &[dear, entry(&world, "B08", 2, &nobodys_code("cheap"))],
    )
    .await;
    assert_lost(&told[0], "unknown_code", "branch", 1_001);
    assert_eq!(told[0]["breaches"], json!(["over_voucher_limit"]));
    assert_lost(&told[1], "unknown_code", "company", 500);
    Delivering::well().until_rest(&world).await;
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x3_outside_of_its_window_and_after_its_days_an_allowance_covers_nothing() {
    let (mut world, codes) = with_vouchers(3).await;
    let given = allowance(&world, "B07").await;
    let mut early = entry(&world, "B07", 11, &nobodys_code("early"));
    early["at"] = json!("2026-11-22T11:59:59Z");
    let last = entry(&world, "B07", 12, &nobodys_code("last"));
    world.now = "2026-11-22T16:00:00Z".parse().expect("an instant");
    let mut late = entry(&world, "B07", 13, &nobodys_code("late"));
    let good = entry(&world, "B07", 14, &codes[0]);
    let told = send(&world, &given, &[early, last, late.clone(), good]).await;
    let breaches: Vec<_> = told.iter().map(|entry| entry["breaches"].clone()).collect();
    let outside = json!(["outside_window"]);
    assert_eq!(
        breaches,
        [outside.clone(), Value::Null, outside.clone(), outside],
        "{told:?}"
    );
    let bearers: Vec<_> = told.iter().map(|entry| entry["bearer"].clone()).collect();
    assert_eq!(
        bearers,
        [json!("branch"), json!("company"), json!("branch"), Value::Null]
    );
    assert_eq!(told[3]["outcome"], "booked");

    // A journal of CHF 5 comes in time on the last day, and is late on the next.
    late["at"] = json!("2026-11-22T12:30:00Z");
    for (number, now, breach) in [
        (31, "2026-11-29T22:59:00Z", Value::Null),
        (32, "2026-11-29T23:00:00Z", json!(["too_late"])),
    ] {
        world.now = now.parse().expect("an instant");
        let mut entry = late.clone();
        entry["receipt"] = json!(till::key("B07", &number.to_string()));
        let told = send(&world, &given, &[entry]).await;
        assert_eq!(told[0]["breaches"], breach, "{now}");
    }
    // The voucher has expired meanwhile: an instant of long ago proves nothing any more.
    world.now = "2027-06-01T12:00:00Z".parse().expect("an instant");
    let mut old = entry(&world, "B07", 33, &codes[1]);
    (old["at"], old["receipt"]) = (late["at"].clone(), json!(till::key("B07", "33")));
    let told = send(&world, &given, &[old]).await;
    assert_lost(&told[0], "expired", "branch", 500);
}

#[tokio::test]
async fn x3_a_tampered_foreign_or_made_up_allowance_takes_no_journal() {
    let (world, codes) = with_vouchers(1).await;
    let given = allowance(&world, "B07").await;
    let token = given["allowance"].as_str().expect("a token");
    let journal = [entry(&world, "B07", 11, &codes[0])];
    let [header, content, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let claims = URL_SAFE_NO_PAD.decode(content).expect("base64url");
    let longer = String::from_utf8(claims)
        .expect("JSON")
        .replace("\"exp\":", "\"exp\":9");
    let longer = URL_SAFE_NO_PAD.encode(longer);
    for bad in [
        format!("{header}.{longer}.{signature}"),
        format!("{header}.{content}."),
        format!("{content}.{signature}"),
        "B07~2026-11-22".to_owned(),
        String::new(),
    ] {
        let (status, answer) = try_to_send(&world, &json!(bad), &journal).await;
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("allowance_not_genuine")),
            "{bad}"
        );
    }
    let body = json!({"allowance": token, "entries": journal});
    let (status, answer) = world.call_as(&middleware("B08"), JOURNALS, &[], &body).await;
    assert_eq!((status, &answer["code"]), (403, &json!("location_forbidden")));
    let mut other = everywhere();
    other.tenant = "other".parse().expect("a tenant");
    let (status, answer) = world.call_as(&other, JOURNALS, &[], &body).await;
    assert_eq!((status, &answer["code"]), (422, &json!("allowance_not_genuine")));
    assert!(redemptions(&world).await.is_empty());
    assert_eq!(world.call_as(&middleware("B07"), JOURNALS, &[], &body).await.0, 200);
}

#[tokio::test]
async fn x3_a_malformed_journal_names_every_flaw_and_applies_nothing() {
    let (world, codes) = with_vouchers(2).await;
    let given = allowance(&world, "B07").await;
    let good = entry(&world, "B07", 1, &codes[0]);
    let mut bad = entry(&world, "B09", 1, "HEQV-7H30-EW3G-02JY2");
    bad["basket_total"] = json!({"amount_minor": -1, "currency": "EUR"});
    bad["value"] = chf(0);
    bad["basket"] = json!("a basket");
    bad["at"] = json!("2026-11-24T12:00:00Z");
    // The last hour of the calendar is not over in Zurich.
    let mut last = entry(&world, "B07", 4, &codes[1]);
    last["at"] = json!("+262142-12-31T23:30:00Z");
    let mut unread = entry(&world, "B07", 0, &codes[1]);
    unread["receipt"] = json!("B07~1~2026-11-22");
    let (status, answer) = try_to_send(&world, &given["allowance"], &[good, bad, unread, last]).await;
    assert_eq!((status, &answer["code"]), (422, &json!("invalid")), "{answer}");
    let findings = answer["errors"].as_array().expect("findings").iter();
    let mut findings: Vec<_> = findings
        .map(|found| {
            format!(
                "{} {}",
                found["pointer"].as_str().unwrap_or_default(),
                found["code"].as_str().unwrap_or_default()
            )
        })
        .collect();
    findings.sort();
    let mut expected = [
        "/entries/1/number repeated",
        "/entries/1/code voucher_code_malformed",
        "/entries/1/basket malformed",
        "/entries/1/basket_total/amount_minor amount_out_of_range",
        "/entries/1/basket_total/currency currency_of_another_programme",
        "/entries/1/value/amount_minor amount_out_of_range",
        "/entries/1/at time_in_future",
        "/entries/1/receipt receipt_of_another_location",
        "/entries/1/receipt date_of_another_time",
        "/entries/2/number out_of_range",
        "/entries/2/receipt malformed",
        "/entries/3/at time_in_future",
        "/entries/3/receipt date_of_another_time",
    ];
    expected.sort_unstable();
    assert_eq!(findings, expected);
    for entries in [vec![], vec![entry(&world, "B07", 1, &codes[0]); 51]] {
        let (status, answer) = try_to_send(&world, &given["allowance"], &entries).await;
        assert_eq!((status, &answer["errors"][0]["pointer"]), (422, &json!("/entries")));
    }
    let books = Books::read(&world).await;
    assert!(books.offline.entries.is_empty() && redemptions(&world).await.is_empty());
}

#[tokio::test]
async fn x3_the_report_ties_with_its_entries_and_shows_each_caller_its_own_branches() {
    let (mut world, codes) = with_vouchers(2).await;
    let mut programme = with_offline(3);
    programme.offline.as_mut().expect("a rule").bearers = [(LossReason::RedeemedElsewhere, Bearer::Branch)].into();
    world.store_programme(programme).await;
    let (seven, eight) = (allowance(&world, "B07").await, allowance(&world, "B08").await);
    assert_eq!(
        world
            .call(REDEEM, &[], &till::redeem("B09", &codes[0], "9", 9_000))
            .await
            .0,
        200
    );
    let unknown = |store: &str, number: u32| entry(&world, store, number, &nobodys_code(&format!("{store}{number}")));
    let mut dear = entry(&world, "B07", 12, &codes[1]);
    dear["value"] = chf(600);
    let told = send(
        &world,
        &seven,
        &[entry(&world, "B07", 11, &codes[0]), dear, unknown("B07", 13)],
    )
    .await;
    assert_lost(&told[0], "redeemed_elsewhere", "branch", 500);
    assert_eq!(
        (
            &told[1]["outcome"],
            &told[1]["booked"],
            &told[1]["lost"],
            &told[1]["reason"]
        ),
        (&json!("booked"), &chf(500), &chf(100), &json!("more_than_face"))
    );
    send(&world, &eight, &[unknown("B08", 1), unknown("B08", 2)]).await;

    let expected = json!([
        {"location_id": "B07", "bearer": "branch", "count": 2, "amount": chf(600), "reasons": [
            {"reason": "redeemed_elsewhere", "count": 1, "amount": chf(500)},
            {"reason": "more_than_face", "count": 1, "amount": chf(100)},
        ]},
        {"location_id": "B07", "bearer": "company", "count": 1, "amount": chf(500), "reasons": [
            {"reason": "unknown_code", "count": 1, "amount": chf(500)},
        ]},
        {"location_id": "B08", "bearer": "company", "count": 2, "amount": chf(1_000), "reasons": [
            {"reason": "unknown_code", "count": 2, "amount": chf(1_000)},
        ]},
    ]);
    let told = report(&world).await;
    assert_eq!(told["branches"], expected);
    let totals = json!([
        {"bearer": "branch", "count": 2, "amount": chf(600)}, {"bearer": "company", "count": 3, "amount": chf(1_500)},
    ]);
    assert_eq!(told["totals"], totals);
    // The lists behind the sums come to the same.
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for store in ["B07", "B08", "B09"] {
        for item in lost_at(&world, store).await {
            let bearer = item["bearer"].as_str().expect("a bearer").to_owned();
            *sums.entry(bearer).or_default() += item["lost"]["amount_minor"].as_i64().expect("an amount");
        }
    }
    assert_eq!(
        sums,
        BTreeMap::from([("branch".to_owned(), 600), ("company".to_owned(), 1_500)])
    );
    let all = json!([lost_at(&world, "B07").await, told]).to_string();
    assert!(
        !codes.iter().any(|code| all.contains(code)) && !all.contains("Muster"),
        "{all}"
    );

    let route = format!("GET /v1/offline-losses{NOVEMBER}");
    let (_, own) = world.call_as(&middleware("B08"), &route, &[], &Value::Null).await;
    assert_eq!(own["branches"], json!([expected[2]]));
    let route = format!("GET /v1/offline-losses/{{location_id}}{NOVEMBER}");
    let foreign = world
        .call_as(&middleware("B08"), &route, &[("location_id", "B07")], &Value::Null)
        .await;
    assert_eq!(foreign.0, 403);
    for days in [
        "?from=2026-11-02&to=2026-11-01",
        "?from=2026-08-01&to=2026-11-01",
        "?from=2026-11-01",
    ] {
        let (status, answer) = world
            .call(&format!("GET /v1/offline-losses{days}"), &[], &Value::Null)
            .await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &json!("malformed_parameter")),
            "{days}"
        );
    }
    world.now += TimeDelta::days(1);
    Delivering::well().until_rest(&world).await;
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x3_a_loss_stays_when_the_first_redemption_is_reversed_and_a_booked_entry_is_not_booked_again() {
    let (world, codes) = with_vouchers(2).await;
    let given = allowance(&world, "B07").await;
    let first = till::redeem("B09", &codes[0], "9", 9_000);
    assert_eq!(world.call(REDEEM, &[], &first).await.0, 200);
    let journal = [entry(&world, "B07", 11, &codes[0]), entry(&world, "B07", 12, &codes[1])];
    let told = send(&world, &given, &journal).await;
    assert_lost(&told[0], "redeemed_elsewhere", "company", 500);
    assert_eq!(told[1]["outcome"], "booked");
    let before = report(&world).await;
    for reversed in [first, till::redeem("B07", &codes[1], "12", 9_000)] {
        assert_eq!(world.call(REVERSE, &[], &reversed).await.0, 200);
    }
    let again = send(&world, &given, &journal).await;
    assert_lost(&again[0], "redeemed_elsewhere", "company", 500);
    assert_eq!(
        (&again[1]["outcome"], &again[1]["replayed"]),
        (&json!("booked"), &json!(true))
    );
    assert_eq!(report(&world).await, before);
    assert!(
        redemptions(&world).await.is_empty(),
        "both vouchers are the customer's again"
    );
    // A sale that is voided before its journal comes is neither booked nor lost.
    assert_eq!(
        world
            .call(REVERSE, &[], &till::redeem("B07", &codes[0], "20", 9_000))
            .await
            .0,
        200
    );
    let told = send(&world, &given, &[entry(&world, "B07", 20, &codes[0])]).await;
    assert_eq!((&told[0]["outcome"], &told[0]["lost"]), (&json!("reversed"), &chf(0)));
}

/// Of a sale that was voided nothing was given for the voucher, and the company bears nothing, whoever has the voucher by then.
#[tokio::test]
async fn x3_a_sale_that_was_voided_before_its_journal_came_is_no_loss_though_another_till_has_the_voucher() {
    let (world, codes) = with_vouchers(3).await;
    let given = allowance(&world, "B07").await;
    let void = async |number: &str| {
        let key = till::key("B07", number);
        let path = [("key", key.as_str())];
        let (status, answer) = world.call("POST /v1/purchases/{key}/void", &path, &Value::Null).await;
        assert_eq!(status, 201, "{answer}");
    };
    // The till takes the first back before B09 redeems it; of the second it hears that B09 was faster; the third is nobody's.
    let reverse = |code: &str, number: &str| till::redeem("B07", code, number, 9_000);
    assert_eq!(world.call(REVERSE, &[], &reverse(&codes[0], "11")).await.0, 200);
    for (code, number) in [(&codes[0], "91"), (&codes[1], "92")] {
        let elsewhere = till::redeem("B09", code, number, 9_000);
        assert_eq!(world.call(REDEEM, &[], &elsewhere).await.0, 200);
    }
    void("12").await;
    let (status, refused) = world.call(REVERSE, &[], &reverse(&codes[1], "12")).await;
    assert_eq!((status, &refused["code"]), (409, &json!("voucher_not_redeemed")));
    void("13").await;
    void("14").await;
    let journal = [
        entry(&world, "B07", 11, &codes[0]),
        entry(&world, "B07", 12, &codes[1]),
        entry(&world, "B07", 13, &codes[2]),
        entry(&world, "B07", 14, &nobodys_code("1")),
    ];
    for told in send(&world, &given, &journal).await {
        assert_eq!(
            (&told["outcome"], &told["lost"], &told["booked"]),
            (&json!("reversed"), &chf(0), &chf(0)),
            "{told}"
        );
    }
    assert_eq!(allowance(&world, "B07").await["used"], chf(0));
    assert_eq!(report(&world).await["totals"], json!([]));
    // The third one is the customer's still.
    let elsewhere = till::redeem("B09", &codes[2], "93", 9_000);
    assert_eq!(world.call(REDEEM, &[], &elsewhere).await.0, 200);
    Delivering::well().until_rest(&world).await;
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x3_the_line_goes_down_between_a_hold_and_its_redemption_or_over_the_answer() {
    let (world, codes) = with_vouchers(3).await;
    let given = allowance(&world, "B07").await;
    let hold = |store: &str, code: &str| json!({"store": store, "till": "1", "code": code, "basket": "b1", "basket_total": chf(9_000)});
    for (store, code) in [("B07", &codes[0]), ("SHOP", &codes[1])] {
        assert_eq!(
            world.call("POST /v1/vouchers/reserve", &[], &hold(store, code)).await.0,
            200
        );
    }
    assert_eq!(
        world
            .call(REDEEM, &[], &till::redeem("B07", &codes[2], "13", 9_000))
            .await
            .0,
        200
    );
    let mut held = entry(&world, "B07", 11, &codes[0]);
    held["basket"] = json!("b1");
    let mut journal = vec![
        held,
        entry(&world, "B07", 12, &codes[1]),
        entry(&world, "B07", 13, &codes[2]),
    ];
    let told = send(&world, &given, &journal).await;
    assert_eq!(told[0]["outcome"], "booked", "its own basket held it");
    assert_lost(&told[1], "reserved", "company", 500);
    assert_eq!(
        (&told[2]["outcome"], &told[2]["lost"]),
        (&json!("booked"), &chf(0)),
        "redeemed on this receipt"
    );
    // The shop keeps what it was promised.
    let mut redeem = till::redeem("SHOP", &codes[1], "9", 9_000);
    redeem["basket"] = json!("b1");
    assert_eq!(world.call(REDEEM, &[], &redeem).await.0, 200);
    journal.reverse();
    send(&world, &given, &journal).await;
    Delivering::well().until_rest(&world).await;
    Books::read(&world).await.check();
}

#[tokio::test]
async fn x3_a_stopped_holder_is_the_companys_loss() {
    let (world, codes) = with_vouchers(1).await;
    let given = allowance(&world, "B07").await;
    let party = Books::read(&world).await.vouchers[0].party.to_string();
    let path = [("party_id", &*party), (end_to_end::world::IF_MATCH, "*")];
    let class = json!({"classification": "blacklist", "reason": "Test"});
    let (status, answer) = world
        .call("POST /v1/parties/{party_id}/classifications", &path, &class)
        .await;
    assert!(matches!(status, 200 | 201), "{answer}");
    let told = send(&world, &given, &[entry(&world, "B07", 11, &codes[0])]).await;
    assert_lost(&told[0], "holder_stopped", "company", 500);
}

#[tokio::test]
async fn x17_unknown_codes_of_a_journal_count_at_their_till_and_stop_no_journal() {
    let (world, codes) = with_vouchers(1).await;
    let given = allowance(&world, "B07").await;
    let count = u32::try_from(ANSWERED_MAX + 1).expect("a number");
    let unknown: Vec<_> = (1..=count)
        .map(|number| entry(&world, "B07", number, &nobodys_code(&number.to_string())))
        .collect();
    let told = send(&world, &given, &unknown).await;
    assert!(told.iter().all(|entry| entry["outcome"] == "lost"));
    // The same till asks online, and is over its limit; so it stays, and the journal comes again without counting.
    let check = json!({"store": "B07", "till": "1", "code": nobodys_code("another")});
    let (status, _) = world.call("POST /v1/vouchers/check", &[], &check).await;
    assert_eq!(status, 429);
    let good = send(
        &world,
        &given,
        &[unknown[0].clone(), entry(&world, "B07", 99, &codes[0])],
    )
    .await;
    assert_eq!(
        (&good[0]["replayed"], &good[1]["outcome"]),
        (&json!(true), &json!("booked"))
    );
    // Another till of the branch has asked for nothing unknown.
    let other = json!({"store": "B07", "till": "2", "code": nobodys_code("another")});
    assert_eq!(world.call("POST /v1/vouchers/check", &[], &other).await.0, 404);
}

/// X2: a till online, two journals and a second part of one of them at the same moment on the same codes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x2_x3_of_journals_and_tills_at_the_same_moment_one_redeems_and_the_others_hear_or_lose() {
    let (mut world, codes) = with_vouchers(8).await;
    let mut programme = with_offline(3);
    programme.offline.as_mut().expect("a rule").limit_minor = 100_000;
    world.store_programme(programme).await;
    let (seven, eight) = (allowance(&world, "B07").await, allowance(&world, "B08").await);
    world.now += TimeDelta::minutes(5);
    let (world, seven, eight) = (&world, &seven, &eight);
    let tills = codes.iter().enumerate().map(|(n, code)| async move {
        let online = till::redeem("B09", code, &n.to_string(), 9_000);
        let one = |store: &'static str| entry(world, store, u32::try_from(n).expect("a number") + 1, code);
        let (seven_entry, eight_entry) = ([one("B07")], [one("B08")]);
        let (online, left, right, again) = tokio::join!(
            world.call(REDEEM, &[], &online),
            send(world, seven, &seven_entry),
            send(world, eight, &eight_entry),
            send(world, seven, &seven_entry),
        );
        assert_eq!(left[0]["outcome"], again[0]["outcome"], "decided once");
        assert_eq!(
            left[0]["replayed"] == json!(true),
            again[0]["replayed"] == json!(false),
            "by one of the two"
        );
        assert!(matches!(online.0, 200 | 409), "{online:?}");
        let booked = [&left[0], &right[0]]
            .into_iter()
            .filter(|told| told["outcome"] == "booked")
            .count();
        assert_eq!(
            booked + usize::from(online.0 == 200),
            1,
            "{online:?} {left:?} {right:?}"
        );
        for told in [&left[0], &right[0]]
            .into_iter()
            .filter(|told| told["outcome"] == "lost")
        {
            assert_lost(told, "redeemed_elsewhere", "company", 500);
        }
        if online.0 == 409 {
            assert_eq!(online.1["code"], "voucher_redeemed");
        }
    });
    futures::future::join_all(tills).await;
    assert_eq!(redemptions(world).await.len(), 8);
    Delivering::badly(7).until_rest(world).await;
    let books = Books::read(world).await;
    books.check();
    assert_eq!(books.offline.entries.len(), 16);
}

/// X16: they stand with the branch, and are found by whose voucher it was.
#[tokio::test]
async fn x3_x16_a_statement_tells_the_holder_where_her_vouchers_were_lost_and_nobody_else() {
    let (world, codes) = with_vouchers(3).await;
    let (holder, other) = (world.party(1).await, world.party(2).await);
    let given = allowance(&world, "B02").await;
    let elsewhere = till::redeem("B03", &codes[0], "9", 9_000);
    assert_eq!(world.call(REDEEM, &[], &elsewhere).await.0, 200);
    let dear = {
        let mut dear = entry(&world, "B02", 12, &codes[1]);
        dear["value"] = chf(700);
        dear
    };
    let journal = [
        entry(&world, "B02", 11, &codes[0]),
        dear,
        entry(&world, "B02", 13, &codes[2]),
        entry(&world, "B02", 14, &nobodys_code("1")),
    ];
    let told = send(&world, &given, &journal).await;
    let outcomes: Vec<_> = told.iter().map(|told| &told["outcome"]).collect();
    assert_eq!(outcomes, ["lost", "booked", "booked", "lost"], "{told:?}");
    let statement = async |party: &str| -> Value {
        let route = "POST /v1/parties/{party_id}/statements";
        let (status, answer) = world.call(route, &[("party_id", party)], &Value::Null).await;
        assert_eq!(status, 201, "{answer}");
        let id = answer["statement_id"].as_str().expect("an id");
        let file = world.file(&format!("statements/demo/{party}/{id}.json")).await;
        serde_json::from_str(&file.expect("the statement")).expect("JSON")
    };
    let said = statement(&holder).await["offline_losses"].clone();
    let lost: Vec<_> = said
        .as_array()
        .unwrap_or_else(|| panic!("{said}"))
        .iter()
        .map(|lost| {
            (
                &lost["receipt"],
                &lost["reason"],
                &lost["lost_minor"],
                &lost["booked_minor"],
            )
        })
        .collect();
    let (first, second) = (json!(till::key("B02", "11")), json!(till::key("B02", "12")));
    let expected = [
        (&first, &json!("redeemed_elsewhere"), &json!(500), &json!(0)),
        (&second, &json!("more_than_face"), &json!(200), &json!(500)),
    ];
    assert_eq!(lost, expected, "{said}");
    assert!(
        codes.iter().all(|code| !said.to_string().contains(code)),
        "no code is told"
    );
    assert_eq!(statement(&other).await["offline_losses"], Value::Null);
}

/// The same on the running stack: through the gateway, with keys of the secret store.
#[test]
fn x3_on_the_running_stack_a_branch_is_given_its_allowance_and_sends_its_journal() {
    on_the_stack(async |stack| {
        let programme = stack.admin.get("/v1/programmes/treue").await.must(200);
        let mut settings = programme["settings"].clone();
        settings["offline"] = json!({
            "hours": 8, "limit_minor": 2_000, "voucher_limit_minor": 1_000, "journal_days": 7,
            "bearers": {"unknown_code": "branch"},
        });
        let next = json!({"expected_version": programme["version"], "reason": "Lines go down", "settings": settings});
        let stored = stack.admin.put("/v1/programmes/treue", &next).await.must(200);
        assert_eq!(stored["settings"]["offline"], settings["offline"]);
        let (_, code) = stack.with_voucher("B07").await;
        let pos = stack
            .client(&[Scope::VouchersRedeem, Scope::ReportsRead], &["B07"])
            .await;
        let given = pos
            .post("/v1/offline-allowances", &json!({"store": "B07"}))
            .await
            .must(200);
        let keys = Client::new(&stack.stack.urls().api, None)
            .get("/v1/offline-keys")
            .await
            .must(200);
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
        let entry = |number: u32, code: &str| {
            json!({
                "number": number, "code": code, "receipt": format!("B07~1~{}~J{number}", stack.today),
                "basket_total": chf(9_000), "value": chf(500), "at": given["valid_from"],
            })
        };
        let journal =
            json!({"allowance": given["allowance"], "entries": [entry(1, &code), entry(2, &nobodys_code("1"))]});
        let told = pos.post("/v1/offline-journals", &journal).await.must(200);
        assert_eq!(told["entries"][0]["outcome"], "booked", "{told}");
        assert_lost(&told["entries"][1], "unknown_code", "branch", 500);
        let foreign = stack.client(&[Scope::VouchersRedeem], &["B08"]).await;
        assert_eq!(
            foreign.post("/v1/offline-journals", &journal).await.must(403)["code"],
            "location_forbidden"
        );
        let redeem = json!({
            "store": "B07", "till": "1", "code": code, "receipt": format!("B07~1~{}~77", stack.today),
            "basket_total": chf(9_000),
        });
        assert_eq!(
            pos.post("/v1/vouchers/redeem", &redeem).await.must(409)["code"],
            "voucher_redeemed"
        );
        let report = pos
            .get(&format!("/v1/offline-losses?from={0}&to={0}", stack.today))
            .await
            .must(200);
        assert_eq!(
            report["totals"],
            json!([{"bearer": "branch", "count": 1, "amount": chf(500)}])
        );
        stack.proved_books().await;
    });
}
