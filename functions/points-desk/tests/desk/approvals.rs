//! A second person decides.

use domain::programme::{AdjustmentRule, Programme};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn above_the_limit_nothing_moves_until_somebody_else_approves() {
    let table = Table::start().await;
    let olga = table.api();
    let waiting = olga.correct(-501, "a").await.must(202);
    assert_eq!(
        (&waiting.body["status"], &waiting.body["entries"]),
        (&json!("awaiting_approval"), &json!([]))
    );
    assert_eq!(table.books(ANNA).await.1, []);
    let again = olga.correct(-501, "a").await.must(202);
    assert_eq!((again.replayed, &again.body), (true, &waiting.body));

    let urs = olga.by("urs").days_later(2);
    let posted = urs.approve(&waiting.id()).await.must(200);
    assert!(!posted.replayed);
    assert_eq!(
        [
            &posted.body["status"],
            &posted.body["author"],
            &posted.body["decided_by"]
        ],
        [&json!("posted"), &json!("olga"), &json!("urs")]
    );
    assert_eq!(
        posted.body["entries"][0]["business_date"], "2026-11-24",
        "the day of the posting"
    );
    let (account, entries) = table.books(ANNA).await;
    assert_eq!((account.balance, entries.len()), (-501, 1));
    // The call that asked for it is answered with what became of it.
    let asked = olga.correct(-501, "a").await.must(200);
    assert_eq!((asked.replayed, &asked.body), (true, &posted.body));
}

#[tokio::test]
async fn approving_twice_posts_once_also_on_another_day() {
    let table = Table::start().await;
    let id = table.api().correct(900, "a").await.must(202).id();
    let first = table.api().by("urs").approve(&id).await.must(200);
    for (who, days) in [("urs", 0), ("urs", 1), ("eva", 1)] {
        let again = table.api().by(who).days_later(days).approve(&id).await.must(200);
        assert_eq!((again.replayed, &again.body), (true, &first.body));
    }
    assert_eq!(table.books(ANNA).await.1.len(), 1);
}

#[tokio::test]
async fn the_author_cannot_approve_whichever_client_they_come_through() {
    let table = Table::start().await;
    let id = table.api().correct(900, "a").await.must(202).id();
    let mut elsewhere = table.api();
    elsewhere.caller.client = "other-office".parse().unwrap();
    for api in [table.api(), elsewhere] {
        api.approve(&id).await.refused(403, "approval_by_author");
    }
    assert_eq!(table.books(ANNA).await.1, []);
}

#[tokio::test]
async fn what_is_rejected_cannot_be_approved_and_what_is_posted_not_rejected() {
    let table = Table::start().await;
    let (olga, urs) = (table.api(), table.api().by("urs"));
    let id = olga.correct(900, "a").await.must(202).id();
    let rejected = urs.reject(&id).await.must(200);
    assert_eq!(
        [
            &rejected.body["status"],
            &rejected.body["decided_by"],
            &rejected.body["rejection"]
        ],
        [&json!("rejected"), &json!("urs"), &json!("Not ours")]
    );
    let again = urs.reject(&id).await.must(200);
    assert_eq!((again.replayed, &again.body), (true, &rejected.body));
    urs.approve(&id).await.refused(409, "adjustment_rejected");
    let asked = olga.correct(900, "a").await.must(200);
    assert_eq!(asked.body, rejected.body);

    let id = olga.correct(901, "b").await.must(202).id();
    urs.approve(&id).await.must(200);
    urs.reject(&id).await.refused(409, "adjustment_posted");
    let alone = olga.correct(1, "c").await.must(201).id();
    urs.reject(&alone).await.refused(409, "adjustment_posted");
    assert_eq!(table.books(ANNA).await.0.balance, 902);
}

#[tokio::test]
async fn the_author_may_take_back_what_still_waits() {
    let table = Table::start().await;
    let id = table.api().correct(900, "a").await.must(202).id();
    let back = table.api().reject(&id).await.must(200);
    assert_eq!(
        (&back.body["status"], &back.body["decided_by"]),
        (&json!("rejected"), &json!("olga"))
    );
    let bad = table.api().call(REJECT, &id, json!({"reason": ""})).await;
    bad.refused(422, "invalid");
}

#[tokio::test]
async fn the_limit_is_the_programmes_and_zero_asks_for_a_second_person_always() {
    let adjustments = |alone_up_to| AdjustmentRule {
        alone_up_to,
        transfers: false,
    };
    let strict = Programme {
        adjustments: adjustments(0),
        ..treue()
    };
    let table = Table::start_under(strict).await;
    table.api().correct(1, "a").await.must(202);
    let generous = Programme {
        version: 2,
        adjustments: adjustments(1_000_000),
        ..treue()
    };
    table.store_programme(generous).await;
    table.api().correct(1_000_000, "b").await.must(201);
    // What waits goes on waiting, and is posted under the version in force when it is approved.
    let waiting = table.api().correct(1, "a").await.must(202);
    let posted = table.api().by("urs").approve(&waiting.id()).await.must(200);
    assert_eq!(posted.body["entries"][0]["programme_version"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_approvals_and_rejections_at_the_same_time_end_in_one_decision() {
    for round in 0..5 {
        let table = Table::start().await;
        let id = table.api().correct(900, "a").await.must(202).id();
        let calls = (0..10).map(|n| {
            let (api, id) = (table.api().by(&format!("second-{n}")), id.clone());
            async move {
                if round > 0 && n % 3 == 0 {
                    api.reject(&id).await
                } else {
                    api.approve(&id).await
                }
            }
        });
        let answers = join_all(calls).await;
        let decided: Vec<_> = answers.iter().filter(|a| a.status == 200 && !a.replayed).collect();
        assert_eq!(decided.len(), 1, "{answers:?}");
        let others = answers.iter().filter(|a| a.status != 200);
        for other in others {
            assert!(
                matches!(other.code(), "adjustment_rejected" | "adjustment_posted"),
                "{other:?}"
            );
        }
        let posted = decided[0].body["status"] == "posted";
        assert_eq!(table.books(ANNA).await.1.len(), usize::from(posted));
        let shown = table.api().call(SHOW, &id, Value::Null).await.must(200);
        assert_eq!(shown.body, decided[0].body);
    }
}
