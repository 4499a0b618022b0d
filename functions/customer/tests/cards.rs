//! Cards through the function's boundary.

mod support;

use std::collections::BTreeSet;

use domain::card::{CardNumber, CardStatus};
use futures::future::join_all;
use http_edge::Scope;
use serde_json::{Value, json};
use store::Site;
use store::card::{self, Card, CardChange, CardsChanged};
use store::guess::{self, Counted, Terminal};
use support::{Api, Table, assert_findings, assert_problem, lookup, now, number, tenant};

const ISSUE: &str = "POST /v1/cards";
const NOBODY: &str = "0190f0a0-0000-7000-8000-000000000000";

async fn issue(api: &Api, body: Value) -> (u16, Value) {
    api.call(ISSUE, &[], body).await
}

fn made(answer: &(u16, Value)) -> CardNumber {
    answer.1["number"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_same_issue_answers_alike_and_another_one_is_refused() {
    let table = Table::start().await;
    let api = table.api();
    let (anna, beat) = (api.person("Anna").await, api.person("Beat").await);
    let stock = json!({"number": number(1).as_str()});
    let first = issue(&api, stock.clone()).await;
    assert_eq!(
        first,
        (201, json!({"number": number(1).as_str(), "status": "unregistered"}))
    );
    assert_eq!(issue(&api, stock.clone()).await, (200, first.1));
    let annas = json!({"number": number(2).as_str(), "party_id": anna});
    let first = issue(&api, annas.clone()).await;
    assert_eq!(
        (first.0, &first.1["status"], &first.1["party_id"]),
        (201, &json!("active"), &json!(anna))
    );
    assert_eq!(issue(&api, annas).await, (200, first.1));
    for other in [
        json!({"number": number(2).as_str()}),
        json!({"number": number(2).as_str(), "party_id": beat}),
        json!({"number": number(1).as_str(), "party_id": beat}),
    ] {
        assert_problem(&issue(&api, other).await, 409, "card_state");
    }
    // The card from the stock went on; a late copy of its issue finds it and changes nothing.
    assert_eq!(
        api.command(&number(1), "register", json!({"party_id": anna})).await.0,
        200
    );
    let late = issue(&api, stock).await;
    assert_eq!((late.0, &late.1["status"]), (200, &json!("active")));
}

#[tokio::test]
async fn a_number_is_made_for_a_call_and_found_again_by_its_token() {
    let table = Table::start().await;
    let api = table.api();
    let (anna, beat) = (api.person("Anna").await, api.person("Beat").await);
    let body = json!({"party_id": anna, "client_token": "form-17"});
    let first = issue(&api, body.clone()).await;
    assert_eq!(first.0, 201);
    assert!(made(&first).as_str().starts_with("25"));
    assert_eq!(issue(&api, body).await, (200, first.1.clone()));
    let other_party = issue(&api, json!({"party_id": beat, "client_token": "form-17"})).await;
    assert_problem(&other_party, 409, "card_state");
    let mut shop = api.clone();
    shop.caller.client = "shop".parse().unwrap();
    let other_client = issue(&shop, json!({"party_id": anna, "client_token": "form-17"})).await;
    let without = [issue(&api, json!({})).await, issue(&api, json!({})).await];
    let numbers: BTreeSet<_> = [&first, &other_client, &without[0], &without[1]]
        .into_iter()
        .map(|answer| made(answer).as_str().to_owned())
        .collect();
    assert_eq!(numbers.len(), 4, "each call has its own number");
}

#[tokio::test]
async fn a_number_that_is_taken_is_passed_over() {
    let table = Table::start().await;
    let api = table.api();
    let token = json!({"client_token": "form-17"});
    let number = made(&issue(&api, token.clone()).await);
    // The same call on another table, where its first number belongs to somebody else.
    let table = Table::start().await;
    let api = table.api();
    api.card(&number, None).await;
    let answer = issue(&api, token.clone()).await;
    assert_eq!(answer.0, 201);
    assert_ne!(made(&answer), number);
    assert_eq!(issue(&api, token).await, (200, answer.1));
}

#[tokio::test]
async fn a_card_cannot_be_issued_with_wrong_fields_or_to_nobody() {
    let table = Table::start().await;
    let api = table.api();
    for (number, code) in [
        ("2500000000011", "check"),
        ("25", "13 digits"),
        ("4006381333931", "20 to 29"),
    ] {
        let refused = issue(&api, json!({"number": number, "party_id": "A B", "client_token": "x"})).await;
        let expected = [
            ("/number", "card_malformed"),
            ("/party_id", "malformed"),
            ("/client_token", "not_applicable"),
        ];
        assert_findings(&refused, &expected);
        assert!(refused.1["errors"][0]["detail"].as_str().unwrap().contains(code));
        assert!(!refused.1.to_string().contains(number), "the number is not repeated");
    }
    let refused = issue(&api, json!({"number": number(1).as_str(), "party_id": NOBODY})).await;
    assert_problem(&refused, 422, "party_unknown");
    assert_problem(&issue(&api, json!({"nummer": 1})).await, 400, "malformed_body");
    assert_eq!(table.items().await.len(), 0, "nothing was stored");
}

#[tokio::test]
async fn a_card_is_registered_once_and_announced() {
    let table = Table::start().await;
    let api = table.api();
    let (anna, beat) = (api.person("Anna").await, api.person("Beat").await);
    api.card(&number(1), None).await;
    assert_eq!(
        table.topics(&number(1)).await,
        None,
        "nothing is settled by a card from the stock"
    );
    let first = api.command(&number(1), "register", json!({"party_id": anna})).await;
    assert_eq!(
        (first.0, &first.1["status"], &first.1["party_id"]),
        (200, &json!("active"), &json!(anna))
    );
    assert_eq!(table.topics(&number(1)).await.as_deref(), Some("card"));
    assert_eq!(
        api.command(&number(1), "register", json!({"party_id": anna})).await,
        first
    );
    let other = api.command(&number(1), "register", json!({"party_id": beat})).await;
    assert_problem(&other, 409, "card_state");
    assert!(!other.1.to_string().contains(&anna), "the holder is not named");
    assert_findings(
        &api.command(&number(1), "register", json!({"party_id": ""})).await,
        &[("/party_id", "malformed")],
    );
    api.card(&number(2), None).await;
    let nobody = api.command(&number(2), "register", json!({"party_id": NOBODY})).await;
    assert_problem(&nobody, 422, "party_unknown");
    // A card that is issued to a party may have receipts waiting from before.
    api.card(&number(3), Some(&anna)).await;
    assert_eq!(table.topics(&number(3)).await.as_deref(), Some("card"));
}

#[tokio::test]
async fn of_fifty_parties_that_register_a_card_at_once_one_gets_it() {
    let table = Table::start().await;
    let api = table.api();
    api.card(&number(1), None).await;
    let parties = join_all((0..50).map(|n| {
        let api = &api;
        async move { api.person(&format!("Nr {n}")).await }
    }))
    .await;
    let answers = join_all(parties.iter().map(|party| {
        let (api, body) = (&api, json!({"party_id": party}));
        async move { api.command(&number(1), "register", body).await }
    }))
    .await;
    let winners: Vec<_> = (0..50).filter(|n| answers[*n].0 == 200).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for (n, answer) in answers.iter().enumerate() {
        if n != winners[0] {
            assert_problem(answer, 409, "card_state");
        }
    }
    let card = table.card(&number(1)).await;
    assert_eq!(card.party.unwrap().as_str(), parties[winners[0]]);
    let references = table
        .shape()
        .await
        .into_iter()
        .filter(|item| item.starts_with("card_reference"))
        .count();
    assert_eq!(references, 1, "one party has the card");
}

#[tokio::test]
async fn of_many_issues_of_one_number_at_once_one_wins() {
    let table = Table::start().await;
    let api = table.api();
    let parties = join_all((0..20).map(|n| {
        let api = &api;
        async move { api.person(&format!("Nr {n}")).await }
    }))
    .await;
    let bodies: Vec<_> = parties
        .iter()
        .map(|party| json!({"number": number(1).as_str(), "party_id": party}))
        .collect();
    let answers = join_all(bodies.iter().map(|body| issue(&api, body.clone()))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|(status, _)| *status == 409).count(), 19);
}

#[tokio::test]
async fn a_blocked_card_leads_nowhere_until_it_is_unblocked() {
    let table = Table::start().await;
    let api = table.api();
    let anna = api.person("Anna").await;
    api.card(&number(1), Some(&anna)).await;
    let blocked = api.command(&number(1), "block", json!({"reason": "stolen"})).await;
    assert_eq!((blocked.0, &blocked.1["status"]), (200, &json!("blocked")));
    assert_eq!(
        blocked.1["blocked"],
        json!({"reason": "stolen", "since": "2026-11-23T08:00:00Z"})
    );
    assert_eq!(table.topics(&number(1)).await, None);
    let again = api.command(&number(1), "block", json!({"reason": "lost"})).await;
    assert_eq!(again, blocked, "the first reason stands");
    let open = api.command(&number(1), "unblock", Value::Null).await;
    assert_eq!(
        (open.0, &open.1["status"], &open.1["blocked"]),
        (200, &json!("active"), &Value::Null)
    );
    assert_eq!(
        table.topics(&number(1)).await.as_deref(),
        Some("card"),
        "receipts waited meanwhile"
    );
    assert_eq!(api.command(&number(1), "unblock", Value::Null).await, open);
    let unclear = api.command(&number(1), "block", json!({"reason": "gone"})).await;
    assert_findings(&unclear, &[("/reason", "malformed")]);
}

#[tokio::test]
async fn an_erased_card_is_never_used_again() {
    let table = Table::start().await;
    let api = table.api();
    let anna = api.person("Anna").await;
    erase(&table, &number(1)).await;
    let party = json!({"party_id": anna});
    assert_problem(&api.command(&number(1), "register", party).await, 409, "card_state");
    let refused = issue(&api, json!({"number": number(1).as_str()})).await;
    assert_problem(&refused, 409, "card_state");
    assert_eq!(refused.1["card_status"], "erased");
    api.card(&number(2), Some(&anna)).await;
    let successor = api
        .command(&number(2), "replace", json!({"new_number": number(1).as_str()}))
        .await;
    assert_problem(&successor, 409, "card_state");
}

#[tokio::test]
async fn a_command_needs_the_scope_and_a_card_that_was_issued() {
    let table = Table::start().await;
    let api = table.api();
    let anna = api.person("Anna").await;
    let commands = [
        ("register", json!({"party_id": anna})),
        ("replace", json!({})),
        ("block", json!({"reason": "lost"})),
        ("unblock", Value::Null),
    ];
    let mut without = api.clone();
    without.caller.scopes.remove(&Scope::CardsWrite);
    assert_problem(&issue(&without, json!({})).await, 403, "scope_missing");
    for (verb, body) in commands {
        assert_problem(
            &without.command(&number(1), verb, body.clone()).await,
            403,
            "scope_missing",
        );
        assert_problem(&api.command(&number(1), verb, body.clone()).await, 404, "card_unknown");
        let route = format!("POST /v1/cards/{{number}}/{verb}");
        assert_problem(&api.call(&route, &["25"], body).await, 400, "malformed_parameter");
    }
}

#[tokio::test]
async fn a_client_that_tries_out_numbers_is_stopped_while_known_cards_go_on() {
    let table = Table::start().await;
    let api = table.api();
    api.card(&number(1), None).await;
    let (location, till) = ("-".parse().unwrap(), "-".parse().unwrap());
    let terminal = Terminal {
        tenant: &api.caller.tenant,
        client: &api.caller.client,
        location: &location,
        till: &till,
    };
    for _ in 0..http_edge::guard::ANSWERED_MAX {
        guess::add(&api.db, &terminal, Counted::Till, now()).await.unwrap();
    }
    assert_problem(
        &api.command(&number(2), "unblock", Value::Null).await,
        429,
        "too_many_unknown",
    );
    assert_eq!(api.command(&number(1), "unblock", Value::Null).await.0, 200);
}

async fn erase(table: &Table, number: &CardNumber) {
    let change = CardChange {
        number: number.clone(),
        lookup: lookup(number),
        before: None,
        after: Card {
            status: CardStatus::Erased,
            ..Card::unregistered()
        },
    };
    let stored = card::commit(&table.db(), Site::CardWrite, &tenant(), &[change], now()).await;
    assert_eq!(stored.unwrap(), CardsChanged::Done);
}
