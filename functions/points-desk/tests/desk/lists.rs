//! What waits, what was posted, what was rejected.

use serde_json::Value;

use crate::support::*;

/// The points of all pages of a list, two at a time.
async fn listed(api: &Api, status: &str) -> Vec<i64> {
    let mut points = Vec::new();
    let mut query = format!("status={status}&limit=2");
    for _ in 0..10 {
        let page = api.list(&query).await.must(200).body;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2 && items.iter().all(|item| item["status"] == status));
        points.extend(items.iter().map(|item| item["points"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else {
            return points;
        };
        query = format!("status={status}&limit=2&next={next}");
    }
    panic!("the list has no end");
}

#[tokio::test]
async fn what_waits_is_listed_oldest_first_and_what_is_decided_newest_first() {
    let table = Table::start().await;
    for day in 0..5 {
        let api = table.api().days_later(day);
        api.correct(900 + day, &format!("w{day}")).await.must(202);
        api.correct(day + 1, &format!("p{day}")).await.must(201);
    }
    let api = table.api();
    assert_eq!(listed(&api, "awaiting_approval").await, [900, 901, 902, 903, 904]);
    assert_eq!(listed(&api, "posted").await, [5, 4, 3, 2, 1]);
    assert_eq!(listed(&api, "rejected").await, [] as [i64; 0]);

    let waiting = api.list("status=awaiting_approval").await.body;
    let ids: Vec<_> = waiting["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    let urs = api.by("urs").days_later(9);
    urs.approve(ids[1]).await.must(200);
    urs.reject(ids[0]).await.must(200);
    assert_eq!(listed(&api, "awaiting_approval").await, [902, 903, 904]);
    assert_eq!(listed(&api, "posted").await, [901, 5, 4, 3, 2, 1]);
    assert_eq!(listed(&api, "rejected").await, [900]);
    let shown = api.call(SHOW, ids[1], Value::Null).await.must(200);
    assert_eq!(api.list("status=posted&limit=1").await.body["items"][0], shown.body);
}

#[tokio::test]
async fn a_status_that_does_not_exist_and_a_foreign_token_are_refused() {
    let table = Table::start().await;
    for query in [
        "",
        "status=open",
        "status=posted&limit=0",
        "status=posted&next=x",
        "status=posted&next=e30",
    ] {
        table.api().list(query).await.refused(400, "malformed_parameter");
    }
    table
        .api()
        .call(SHOW, "lower", Value::Null)
        .await
        .refused(400, "malformed_parameter");
    table
        .api()
        .call(SHOW, "AAAA", Value::Null)
        .await
        .refused(404, "not_found");
}
