//! Replacements of cards through the function's boundary.

mod support;

use futures::future::join_all;
use serde_json::{Value, json};
use support::{Table, assert_findings, assert_problem, number};

#[tokio::test]
async fn a_replaced_card_and_its_successor_both_lead_to_the_party() {
    let table = Table::start().await;
    let api = table.api();
    let anna = api.person("Anna").await;
    api.card(&number(1), Some(&anna)).await;
    api.card(&number(2), None).await;
    let body = json!({"new_number": number(2).as_str()});
    let first = api.command(&number(1), "replace", body.clone()).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(
        (&first.1["old"]["status"], &first.1["new"]["status"]),
        (&json!("replaced"), &json!("active"))
    );
    assert_eq!(
        (&first.1["old"]["party_id"], &first.1["new"]["party_id"]),
        (&json!(anna), &json!(anna))
    );
    assert_eq!(
        table.topics(&number(2)).await.as_deref(),
        Some("card"),
        "receipts may wait for the new card"
    );
    assert_eq!(
        table.topics(&number(1)).await,
        None,
        "nothing waits for a card that led there before"
    );
    assert_eq!(api.command(&number(1), "replace", body).await, first);
    for other in [json!({"new_number": number(3).as_str()}), json!({})] {
        assert_problem(&api.command(&number(1), "replace", other).await, 409, "card_state");
    }
    let (_, shown) = api.call("GET /v1/parties/{party_id}", &[&anna], Value::Null).await;
    assert_eq!(shown["cards"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_replacement_without_a_number_makes_one_and_the_same_again() {
    let table = Table::start().await;
    let api = table.api();
    let anna = api.person("Anna").await;
    api.card(&number(1), Some(&anna)).await;
    let card = number(1);
    let answers = join_all((0..10).map(|_| api.command(&card, "replace", Value::Null))).await;
    assert_eq!(answers[0].0, 200, "{}", answers[0].1);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let cards = table
        .shape()
        .await
        .into_iter()
        .filter(|item| item.starts_with("card "))
        .count();
    assert_eq!(cards, 2);
}

#[tokio::test]
async fn of_many_replacements_of_one_card_by_other_numbers_one_wins() {
    let table = Table::start().await;
    let api = table.api();
    let anna = api.person("Anna").await;
    api.card(&number(1), Some(&anna)).await;
    let answers = join_all((2..22).map(|serial| {
        let (api, body) = (&api, json!({"new_number": number(serial).as_str()}));
        async move { api.command(&number(1), "replace", body).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|(status, _)| *status == 409).count(), 19);
    let cards = table
        .shape()
        .await
        .into_iter()
        .filter(|item| item.starts_with("card "))
        .count();
    assert_eq!(cards, 2, "no half replacement");
}

#[tokio::test]
async fn a_card_is_replaced_only_by_a_free_one() {
    let table = Table::start().await;
    let api = table.api();
    let (anna, beat) = (api.person("Anna").await, api.person("Beat").await);
    api.card(&number(1), Some(&anna)).await;
    api.card(&number(2), Some(&beat)).await;
    api.card(&number(3), None).await;
    let taken = api
        .command(&number(1), "replace", json!({"new_number": number(2).as_str()}))
        .await;
    assert_problem(&taken, 409, "card_state");
    let itself = api
        .command(&number(1), "replace", json!({"new_number": number(1).as_str()}))
        .await;
    assert_findings(&itself, &[("/new_number", "same_card")]);
    let malformed = api.command(&number(1), "replace", json!({"new_number": "1"})).await;
    assert_findings(&malformed, &[("/new_number", "card_malformed")]);
    let nobodys = api.command(&number(3), "replace", json!({})).await;
    assert_problem(&nobodys, 409, "card_state");
    assert_eq!(table.card(&number(1)).await.version, 1, "nothing has changed");
}
