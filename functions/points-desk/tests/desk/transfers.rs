//! Points that go to another account.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::account::{Arrival, Cause};
use domain::liability::{Month, Origin, Parcel};
use domain::programme::{AdjustmentRule, Programme};
use faults::{Fault, FaultPlan, Site};
use futures::future::join_all;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_transfer_is_an_entry_in_each_of_the_two_ledgers() {
    let table = Table::start().await;
    let api = table.api();
    api.correct(300, "a").await.must(201);
    let moved = api.days_later(40).transfer(120, "b").await.must(201);
    let entry = |party: &str, points: i64, balance: i64, version: u64| {
        json!({
            "party_id": party, "version": version, "business_date": "2027-01-01", "points": points,
            "balance_after": balance, "pending_after": 0, "programme_version": 1,
        })
    };
    assert_eq!(
        moved.body["entries"],
        json!([entry(ANNA, -120, 180, 2), entry(BEAT, 120, 120, 1)])
    );
    assert_eq!(
        (&moved.body["kind"], &moved.body["to"]),
        (&json!("transfer"), &json!(BEAT))
    );
    let (of_anna, of_beat) = (table.books(ANNA).await, table.books(BEAT).await);
    let cause = |other: &str, origins| Cause::Transfer {
        id: moved.id(),
        other: other.parse().unwrap(),
        origins,
    };
    assert_eq!(of_anna.1[1].cause, cause(BEAT, Vec::new()));
    // X9: the points keep the month in which they were made.
    let origin = Origin {
        month: Month::of(of_anna.1[0].business_date),
        vat_rate_bp: None,
        branch: None,
    };
    let parcel = Parcel { origin, points: 120 };
    let lot = of_beat.1[0].lots[0].key;
    assert_eq!(of_beat.1[0].cause, cause(ANNA, vec![Arrival { lot, parcel }]));
    assert_eq!(
        of_beat.0.lots[0].key.to_string(),
        "2028-11-30",
        "the points keep their last day"
    );
    let again = api.transfer(120, "b").await.must(200);
    assert_eq!((again.replayed, &again.body), (true, &moved.body));
}

/// Holds the first call at a site until it is let go.
#[derive(Debug)]
struct Gate {
    site: Site,
    reached: Sender<()>,
    go: Mutex<Option<Receiver<()>>>,
}

impl FaultPlan for Gate {
    fn before(&self, site: Site) -> Fault {
        if site == self.site
            && let Some(go) = self.go.lock().unwrap().take()
        {
            self.reached.send(()).unwrap();
            tokio::task::block_in_place(|| go.recv_timeout(Duration::from_secs(20))).unwrap();
        }
        Fault::None
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_comes_again_while_it_runs_is_not_refused_for_what_it_has_moved_itself() {
    let table = Table::start().await;
    let api = table.api();
    api.correct(300, "a").await.must(201);
    let ((reached, arrived), (let_go, go)) = (channel(), channel());
    let held = table.api_with(Arc::new(Gate {
        site: Site::AdjustAccount,
        reached,
        go: Mutex::new(Some(go)),
    }));
    // All that there is goes: whoever looks at the account behind it finds too little.
    let late = tokio::spawn(async move { held.transfer(300, "b").await });
    tokio::task::block_in_place(|| arrived.recv_timeout(Duration::from_secs(60))).unwrap();
    let first = api.transfer(300, "b").await.must(201);
    let_go.send(()).unwrap();
    let again = late.await.unwrap().must(200);
    assert_eq!((again.replayed, &again.body), (true, &first.body));
    assert_eq!(table.books(ANNA).await.0.balance, 0);
}

#[tokio::test]
async fn not_more_than_the_balance_leaves_and_nothing_goes_to_oneself_or_to_nobody() {
    let table = Table::start().await;
    let api = table.api();
    api.correct(300, "a").await.must(201);
    let before = table.shape().await;
    for points in [301, 1_000_000] {
        let refused = api.transfer(points, "b").await;
        refused.refused(409, "balance_too_small");
        assert_eq!(refused.body["balance"], 300);
    }
    let to = |to: &str| {
        let mut body = transfer(10, "b");
        body["to"] = json!(to);
        body
    };
    let own = api.call(TRANSFER, ANNA, to(ANNA)).await;
    own.refused(422, "invalid");
    assert_eq!(own.body["errors"][0]["pointer"], "/to");
    api.call(TRANSFER, ANNA, to("0199-nobody"))
        .await
        .refused(422, "party_unknown");
    api.call(TRANSFER, "0199-nobody", to(BEAT))
        .await
        .refused(404, "not_found");
    for points in [0, -1, 1_000_001] {
        api.transfer(points, "b").await.refused(422, "invalid");
    }
    assert_eq!(table.shape().await, before);
    api.transfer(300, "b").await.must(201);
    assert_eq!(table.books(ANNA).await.0.balance, 0);
}

#[tokio::test]
async fn where_the_programme_does_not_allow_it_points_stay() {
    let adjustments = AdjustmentRule::default();
    let table = Table::start_under(Programme { adjustments, ..treue() }).await;
    table.api().correct(300, "a").await.must(201);
    table
        .api()
        .transfer(10, "b")
        .await
        .refused(409, "transfers_not_allowed");
    assert_eq!(table.books(ANNA).await.0.balance, 300);
}

#[tokio::test]
async fn above_the_limit_a_second_person_approves_and_balance_and_rule_are_asked_again() {
    let table = Table::start().await;
    let (olga, urs) = (table.api(), table.api().by("urs"));
    for token in ["a", "b"] {
        olga.correct(400, token).await.must(201);
    }
    let id = olga.transfer(600, "c").await.must(202).id();
    olga.approve(&id).await.refused(403, "approval_by_author");
    olga.correct(-300, "d").await.must(201);
    urs.approve(&id).await.refused(409, "balance_too_small");
    olga.correct(300, "e").await.must(201);
    let forbidding = Programme {
        version: 2,
        adjustments: AdjustmentRule::default(),
        ..treue()
    };
    table.store_programme(forbidding).await;
    urs.approve(&id).await.refused(409, "transfers_not_allowed");
    table.store_programme(Programme { version: 3, ..treue() }).await;
    urs.approve(&id).await.must(200);
    assert_eq!(
        (table.books(ANNA).await.0.balance, table.books(BEAT).await.0.balance),
        (200, 600)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_at_the_same_time_never_move_more_than_there_is() {
    let table = Table::start().await;
    table.api().correct(100, "a").await.must(201);
    let calls = (0..8).map(|n| {
        let api = table.api();
        async move {
            loop {
                let answer = api.transfer(30, &format!("t{n}")).await;
                if answer.status != 503 {
                    return answer;
                }
            }
        }
    });
    let answers = join_all(calls).await;
    let moved = answers.iter().filter(|a| a.status == 201 || a.replayed).count();
    assert_eq!(moved, 3, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|a| a.status != 409 || a.code() == "balance_too_small")
    );
    assert_eq!(
        (table.books(ANNA).await.0.balance, table.books(BEAT).await.0.balance),
        (10, 90)
    );
}

#[tokio::test]
async fn points_move_between_employees_of_one_company_and_not_between_employers_of_one_person() {
    let table = Table::start().await;
    let api = table.api();
    api.correct(300, "a").await.must(201);
    table.separate().await;
    for party in ["0199-carla", "0199-gmbh"] {
        table.store_party(party).await;
    }
    // Carla works for both: that makes them no company.
    let employee = ("employee", "employer");
    for party in [ANNA, BEAT] {
        table.belong("0199-carla", party, "employment", employee).await;
    }
    api.transfer(10, "b").await.refused(409, "not_related");
    // Beat works for a company and Anna is of its household: two different things.
    table.belong(ANNA, "0199-gmbh", "household", ("member", "member")).await;
    table.belong(BEAT, "0199-gmbh", "employment", employee).await;
    api.transfer(10, "c").await.refused(409, "not_related");
    table.belong(ANNA, "0199-gmbh", "employment", employee).await;
    api.transfer(10, "d").await.must(201);
}

#[tokio::test]
async fn among_many_relationships_the_one_that_counts_is_found_or_the_answer_says_why_not() {
    let table = Table::start().await;
    let api = table.api();
    api.correct(300, "a").await.must(201);
    table.separate().await;
    table.store_party("0199-gmbh").await;
    table
        .belong(ANNA, "0199-gmbh", "employment", ("employee", "employer"))
        .await;
    table
        .belong(BEAT, "0199-gmbh", "employment", ("employee", "employer"))
        .await;
    // They stand before that one in the list.
    table.crowd(ANNA, 150).await;
    api.transfer(10, "b").await.must(201);
    table.crowd(ANNA, 1001).await;
    let answer = api.transfer(10, "c").await;
    answer.refused(409, "not_related");
    assert!(
        answer
            .body
            .to_string()
            .contains("more relationships than are looked at"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn points_stay_within_a_household_or_company() {
    let table = Table::start().await;
    let api = table.api();
    api.correct(300, "a").await.must(201);
    table.separate().await;
    let before = table.shape().await;
    api.transfer(120, "b").await.refused(409, "not_related");
    assert_eq!(table.shape().await, before, "nothing moved");
}
