//! The cash desk through the function's boundary.

mod support;

use std::sync::Arc;

use chrono::TimeDelta;
use domain::card::CardStatus;
use domain::location::{Location, LocationKind};
use domain::voucher::{State, Voucher};
use http_edge::caller::Locations;
use http_edge::{Code, Scope};
use serde_json::{Value, json};
use store::card::{self, Card, CardChange, CardsChanged};
use store::guess::{self, Counted, Terminal};
use store::{Site, location};
use support::log::Log;
use support::vouchers::{TODAY, change, code_of, with_vouchers};
use support::{Api, Plan, Table, assert_problem, lookup, now, number, tenant};

const DESK: &str = "GET /v1/cash-desk/{card}?store=B01&till=1";

async fn with_locations(api: &Api) {
    for (id, programme) in [("B01", "treue"), ("B02", "treue"), ("X01", "other")] {
        let location = Location {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            kind: LocationKind::Branch,
            programme: programme.parse().unwrap(),
            feed_group: "a".parse().unwrap(),
            company: None,
            closed_on: None,
            version: 1,
        };
        let stored = location::write(&api.db, Site::LocationWrite, &tenant(), None, location, now()).await;
        assert!(stored.unwrap());
    }
}

fn blocked() -> State {
    State::Blocked {
        at: now(),
        adjustment: "AAAA".parse().unwrap(),
    }
}

fn redeemed() -> State {
    State::Redeemed {
        receipt: "B01~1~2026-11-23~1".parse().unwrap(),
        at: now(),
        booked_at: None,
        amount_minor: None,
    }
}

fn codes(shown: &Value) -> Vec<String> {
    let vouchers = shown["open_vouchers"].as_array().unwrap();
    vouchers
        .iter()
        .map(|v| v["code"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_cash_desk_sees_name_balance_and_vouchers_and_nothing_else() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), Some(&anna)).await;
    let vouchers = with_vouchers(&api, &anna, 1_234).await;
    let (status, shown) = api.call(DESK, &[number(1).as_str()], Value::Null).await;
    assert_eq!(status, 200, "{shown}");
    let view = |voucher: &Voucher| json!({"code": code_of(voucher).to_string(), "value": {"amount_minor": 500, "currency": "CHF"}, "valid_until": "2027-05-22"});
    let expected = json!({
        "card_status": "active",
        "customer": {"name": "Anna Muster", "language": "fr", "programme": "treue", "balance": 234},
        "open_vouchers": [view(&vouchers[0]), view(&vouchers[1])],
        "more_vouchers": false,
        "as_of": "2026-11-23T08:00:00Z",
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_call_costs_three_reads_once_the_location_is_known() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), Some(&anna)).await;
    with_vouchers(&api, &anna, 12_500).await;
    let first = api.call(DESK, &[number(1).as_str()], Value::Null).await;
    api.db.meter().take();
    assert_eq!(api.call(DESK, &[number(1).as_str()], Value::Null).await, first);
    assert_eq!(codes(&first.1).len(), 25);
    let cost = api.db.meter().take();
    assert_eq!((cost.requests, cost.write_milli), (3, 0));
}

#[tokio::test]
async fn only_what_can_be_redeemed_now_is_shown_whatever_the_references_say() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), Some(&anna)).await;
    let vouchers = with_vouchers(&api, &anna, 500 * 8).await;
    let held = |until| State::Reserved {
        basket: "basket".parse().unwrap(),
        until,
        location: "B02".parse().unwrap(),
    };
    change(&api, &vouchers[0], |v| v.state = redeemed()).await;
    change(&api, &vouchers[1], |v| v.state = blocked()).await;
    change(&api, &vouchers[2], |v| v.state = held(now() + TimeDelta::seconds(1))).await;
    change(&api, &vouchers[3], |v| v.state = held(now())).await;
    change(&api, &vouchers[4], |v| v.valid_until = "2026-11-22".parse().unwrap()).await;
    change(&api, &vouchers[5], |v| v.valid_until = TODAY.parse().unwrap()).await;
    change(&api, &vouchers[6], |v| v.code_key_version = 0).await;
    let (_, shown) = api.call(DESK, &[number(1).as_str()], Value::Null).await;
    let expected: Vec<_> = [3, 5, 7]
        .iter()
        .map(|n: &usize| code_of(&vouchers[*n]).to_string())
        .collect();
    assert_eq!(
        codes(&shown),
        expected,
        "a hold that is over, the last day, an open one"
    );
    // Version 0 was withdrawn; a version after the newest known one is not known here yet.
    change(&api, &vouchers[6], |v| v.code_key_version = 9).await;
    let refused = api.call(DESK, &[number(1).as_str()], Value::Null).await;
    assert_problem(&refused, 503, "unavailable");
}

#[tokio::test]
async fn many_vouchers_come_page_by_page_each_once() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), Some(&anna)).await;
    let vouchers = with_vouchers(&api, &anna, 500 * 80).await;
    // The oldest 30 are gone, but still referred to: a whole page and more.
    for gone in &vouchers[..30] {
        change(&api, gone, |v| v.state = redeemed()).await;
    }
    let (mut seen, mut route, mut calls) = (Vec::new(), DESK.to_owned(), 0);
    loop {
        let (status, shown) = api.call(&route, &[number(1).as_str()], Value::Null).await;
        assert_eq!(status, 200, "{shown}");
        assert_eq!(
            shown["customer"].is_object(),
            calls == 0,
            "the customer stands on the first page"
        );
        assert!(!codes(&shown).is_empty(), "a page that shows nothing");
        seen.extend(codes(&shown));
        calls += 1;
        assert_eq!(shown["more_vouchers"].as_bool().unwrap(), shown["next"].is_string());
        let Some(next) = shown["next"].as_str() else { break };
        route = format!("{DESK}&next={next}");
    }
    let expected: Vec<_> = vouchers[30..].iter().map(|v| code_of(v).to_string()).collect();
    assert_eq!(seen, expected);
    let bad = api
        .call(&format!("{DESK}&next=abc"), &[number(1).as_str()], Value::Null)
        .await;
    assert_problem(&bad, 400, "malformed_parameter");
}

#[tokio::test]
async fn a_card_that_leads_nowhere_shows_its_state_only() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), None).await;
    api.card(&number(2), Some(&anna)).await;
    assert_eq!(api.command(&number(2), "block", json!({"reason": "lost"})).await.0, 200);
    let erased = CardChange {
        number: number(3),
        lookup: lookup(&number(3)),
        before: None,
        after: Card {
            status: CardStatus::Erased,
            ..Card::unregistered()
        },
    };
    let stored = card::commit(&api.db, Site::CardWrite, &tenant(), &[erased], now()).await;
    assert_eq!(stored.unwrap(), CardsChanged::Done);
    for (serial, state) in [(1, "unregistered"), (2, "blocked"), (3, "unregistered")] {
        let shown = api.call(DESK, &[number(serial).as_str()], Value::Null).await;
        let expected = json!({
            "card_status": state, "open_vouchers": [], "more_vouchers": false, "as_of": "2026-11-23T08:00:00Z",
        });
        assert_eq!(shown, (200, expected));
    }
}

#[tokio::test]
async fn a_replaced_card_and_its_successor_show_the_same_customer() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), Some(&anna)).await;
    let body = json!({"new_number": number(2).as_str()});
    assert_eq!(api.command(&number(1), "replace", body).await.0, 200);
    let (_, old) = api.call(DESK, &[number(1).as_str()], Value::Null).await;
    let (_, new) = api.call(DESK, &[number(2).as_str()], Value::Null).await;
    assert_eq!(
        (&old["card_status"], &new["card_status"]),
        (&json!("replaced"), &json!("active"))
    );
    assert_eq!(old["customer"], new["customer"]);
    assert_eq!(new["customer"]["name"], "Anna Muster");
}

#[tokio::test]
async fn vouchers_and_balance_are_those_of_the_locations_programme() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), Some(&anna)).await;
    with_vouchers(&api, &anna, 700).await;
    let (_, shown) = api
        .call(
            "GET /v1/cash-desk/{card}?store=X01&till=1",
            &[number(1).as_str()],
            Value::Null,
        )
        .await;
    assert_eq!(shown["customer"]["programme"], "other");
    assert_eq!(
        (&shown["customer"]["balance"], &shown["open_vouchers"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test]
async fn a_malformed_card_is_refused_without_a_look_at_the_table() {
    let table = Table::start().await;
    let api = table.api();
    for (card, why) in [
        ("2500000000011", "check digit"),
        ("25", "13 digits"),
        ("4006381333931", "20 to 29"),
    ] {
        let refused = api.call(DESK, &[card], Value::Null).await;
        assert_problem(&refused, 400, "malformed_parameter");
        let detail = refused.1["detail"].as_str().unwrap();
        assert!(detail.contains(why) && !detail.contains(card), "{detail}");
    }
    assert_eq!(api.db.meter().take().requests, 0);
}

#[tokio::test]
async fn a_till_hears_what_is_wrong_with_its_call() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let known = number(1);
    let base = DESK.split('?').next().unwrap();
    for (query, status, code) in [
        ("", 400, "malformed_parameter"),
        ("?store=B01", 400, "malformed_parameter"),
        ("?store=B%2001&till=1", 400, "malformed_parameter"),
        ("?store=B99&till=1", 422, "location_unknown"),
    ] {
        let refused = api
            .call(&format!("{base}{query}"), &[known.as_str()], Value::Null)
            .await;
        assert_problem(&refused, status, code);
    }
    let mut till = api.clone();
    till.caller.locations = Locations::Only(["B02".parse().unwrap()].into());
    assert_problem(
        &till.call(DESK, &[known.as_str()], Value::Null).await,
        403,
        "location_forbidden",
    );
    till.caller.scopes.remove(&Scope::CashDeskRead);
    assert_problem(
        &till.call(DESK, &[known.as_str()], Value::Null).await,
        403,
        "scope_missing",
    );
}

#[tokio::test]
async fn a_till_that_tries_out_numbers_is_stopped_while_its_customers_are_served() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let anna = api.person("Muster").await;
    api.card(&number(1), Some(&anna)).await;
    assert_problem(
        &api.call(DESK, &[number(2).as_str()], Value::Null).await,
        404,
        "card_unknown",
    );
    let (location, till) = ("B01".parse().unwrap(), "1".parse().unwrap());
    let terminal = Terminal {
        tenant: &api.caller.tenant,
        client: &api.caller.client,
        location: &location,
        till: &till,
    };
    for number in 2..=http_edge::guard::ANSWERED_MAX {
        assert_eq!(
            guess::add(&api.db, &terminal, Counted::Till, now()).await.unwrap(),
            number
        );
    }
    let stopped = api.call(DESK, &[number(2).as_str()], Value::Null).await;
    assert_problem(&stopped, 429, Code::TooManyUnknown.as_str());
    assert_eq!(api.call(DESK, &[number(1).as_str()], Value::Null).await.0, 200);
    let other_till = DESK.replace("till=1", "till=2");
    let answer = api.call(&other_till, &[number(2).as_str()], Value::Null).await;
    assert_problem(&answer, 404, "card_unknown");
}

#[tokio::test]
async fn who_is_over_the_limit_is_read_once_for_all_calls_of_some_seconds() {
    let table = Table::start().await;
    let plan = Arc::new(Plan::default());
    let api = table.api_with(plan.clone());
    with_locations(&api).await;
    let (anna, beat) = (api.person("Muster").await, api.person("Muster").await);
    api.card(&number(1), Some(&anna)).await;
    api.card(&number(2), Some(&beat)).await;
    with_vouchers(&api, &anna, 700).await;
    let reads = || {
        let passed = plan.passed.lock().unwrap();
        passed
            .iter()
            .filter(|m| m.site == Site::GuessOverLimit && !m.after)
            .count()
    };
    assert_eq!(api.call(DESK, &[number(2).as_str()], Value::Null).await.0, 200);
    assert_eq!(reads(), 0, "nothing to keep back");
    for till in 0..10 {
        let route = DESK.replace("till=1", &format!("till={till}"));
        let (_, shown) = api.call(&route, &[number(1).as_str()], Value::Null).await;
        assert_eq!(codes(&shown).len(), 1);
    }
    assert_eq!(reads(), 1);
}

#[tokio::test]
async fn operators_are_told_who_tries_out_cards_and_once_for_each_limit() {
    let table = Table::start().await;
    let api = table.api();
    with_locations(&api).await;
    let (location, till) = ("B01".parse().unwrap(), "1".parse().unwrap());
    let terminal = Terminal {
        tenant: &api.caller.tenant,
        client: &api.caller.client,
        location: &location,
        till: &till,
    };
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for until in [9, 30] {
        while guess::add(&api.db, &terminal, Counted::Till, now()).await.unwrap() < until {}
        for _ in 0..2 {
            api.call(DESK, &[number(2).as_str()], Value::Null).await;
        }
    }
    let text = log.text();
    let warnings: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["level"] == "WARN")
        .collect();
    let counts: Vec<_> = warnings
        .iter()
        .map(|line| line["fields"]["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [11, 31], "{text}");
    for warning in &warnings {
        let said = ["client", "location", "till"].map(|name| warning["fields"][name].as_str().unwrap());
        assert_eq!(said, ["office", "B01", "1"]);
    }
    assert!(!text.contains(number(2).as_str()), "no card in a log");
}
