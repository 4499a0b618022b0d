//! Vouchers that support makes void.

use chrono::Duration;
use domain::account::Cause;
use domain::receipt::ReceiptKey;
use domain::voucher::{Command, Occasion, Outcome, Presenter, State, Voucher};
use futures::future::join_all;
use serde_json::{Value, json};
use store::voucher::{OpenVoucher, Published};
use store::{Record, Site, voucher};

use crate::support::*;

/// What a till does to a voucher, under its version; `false` when it comes too late.
pub(crate) async fn at_the_till(table: &Table, before: &Record<Voucher>, command: &Command) -> bool {
    let occasion = Occasion {
        location: "B01".parse().unwrap(),
        programme: "treue".parse().unwrap(),
        presenter: Presenter::Unsaid,
        now: now(),
    };
    let Ok(Outcome::Changed(after)) = before.d.apply(command, &occasion) else {
        return false;
    };
    let stored = voucher::replace(&table.db(), Site::ToolWrite, before, *after, now()).await;
    stored.unwrap().is_none()
}

pub(crate) fn receipt() -> ReceiptKey {
    "B01~1~2026-11-22~1".parse().unwrap()
}

pub(crate) fn redeem() -> Command {
    Command::Redeem {
        receipt: receipt(),
        basket: None,
        basket_minor: 9_000,
        goods: vec![],
        amount_minor: None,
    }
}

#[tokio::test]
async fn a_voided_voucher_gives_its_points_back_to_the_lots_they_came_from() {
    let table = Table::start().await;
    table.api().correct(300, "a").await.must(201);
    table.api().days_later(-30).correct(500, "b").await.must(201);
    table.api().days_later(-30).correct(300, "c").await.must(201);
    assert_eq!(table.issue().await, 2);
    let before = table.books(ANNA).await.0;
    assert_eq!(before.balance, 100);

    let void = table.api().void(2, "case").await.must(201);
    assert_eq!(
        [
            &void.body["kind"],
            &void.body["voucher"],
            &void.body["points"],
            &void.body["status"]
        ],
        [&json!("voucher_void"), &json!(2), &json!(500), &json!("posted")]
    );
    assert_eq!(void.body["entries"][0]["balance_after"], 600);
    let (account, entries) = table.books(ANNA).await;
    let last = entries.last().unwrap();
    assert_eq!(
        last.cause,
        Cause::VoucherVoid {
            sequence: 2,
            run: None,
            expired: 0
        }
    );
    let lots: Vec<_> = account.lots.iter().map(|lot| (lot.key.to_string(), lot.open)).collect();
    // Of 800 points of October the first voucher took 500, so 300 of the second one's were of October.
    assert_eq!(lots, [("2028-10-31".to_owned(), 300), ("2028-11-30".to_owned(), 300)]);
    assert_eq!(
        table.topics(ANNA).await.as_deref(),
        Some("threshold"),
        "they are worth a voucher again"
    );
}

#[tokio::test]
async fn the_voucher_is_void_for_every_till_and_off_the_partys_list() {
    let table = Table::start().await;
    table.with_vouchers(1_000).await;
    let void = table.api().void(1, "case").await.must(201);
    let record = table.voucher(1).await;
    let State::Voided { at, adjustment, .. } = &record.d.state else {
        panic!("{:?}", record.d.state)
    };
    assert_eq!((*at, adjustment.to_string()), (now(), void.id()));
    assert_eq!(record.topics.as_deref(), Some("voucher"), "the feed hears of it");
    assert!(!at_the_till(&table, &record, &redeem()).await);
    let open = table.of_type::<OpenVoucher>("open_voucher").await;
    assert_eq!(
        open.iter().map(|open| open.d.number.clone()).collect::<Vec<_>>(),
        [2.into()]
    );
    // The relay has published nothing yet: the reference that stays says so, and leads to the voucher all the same.
    let published = table.of_type::<Published>("voucher_reference").await;
    let (_, lookup) = voucher::parse_partition(&record.pk).unwrap();
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].d, Published { lookup, version: 0 });
    let again = table.api().void(1, "another").await.must(200);
    assert!(again.replayed, "found by that reference");
}

#[tokio::test]
async fn voiding_twice_gives_the_points_back_once_whoever_asks() {
    let table = Table::start().await;
    table.with_vouchers(500).await;
    let first = table.api().void(1, "case").await.must(201);
    for (who, days, token) in [
        ("olga", 0, "case"),
        ("olga", 2, "case"),
        ("olga", 1, "other"),
        ("urs", 1, "case"),
    ] {
        let again = table.api().by(who).days_later(days).void(1, token).await.must(200);
        assert_eq!((again.replayed, &again.body), (true, &first.body), "{who} {token}");
    }
    assert_eq!(table.books(ANNA).await.0.balance, 500);
    table.issue().await;
    table
        .api()
        .void(2, "case")
        .await
        .refused(409, "adjustment_contradiction");
    let shown = table.api().call(SHOW, &first.id(), Value::Null).await.must(200);
    assert_eq!(shown.body, first.body);
}

#[tokio::test]
async fn only_an_open_voucher_of_the_account_can_be_voided() {
    let table = Table::start().await;
    table.with_vouchers(2_000).await;
    let api = table.api();
    let reserve = Command::Reserve {
        basket: "b1".parse().unwrap(),
        basket_minor: 9_000,
    };
    assert!(at_the_till(&table, &table.voucher(1).await, &redeem()).await);
    assert!(at_the_till(&table, &table.voucher(2).await, &reserve).await);
    let third = table.voucher(3).await;
    let paid = third.d.note_payment(&receipt(), 500, now()).unwrap().voucher;
    let stored = voucher::replace(&table.db(), Site::ToolWrite, &third, paid, now()).await;
    assert!(stored.unwrap().is_none());
    let before = table.shape().await;
    api.void(1, "a").await.refused(409, "voucher_redeemed");
    api.void(2, "b").await.refused(409, "voucher_reserved");
    api.void(3, "c").await.refused(409, "voucher_paid_with");
    api.days_later(181).void(4, "d").await.refused(409, "voucher_expired");
    for sequence in [0, 5, u64::MAX] {
        api.void(sequence, "e").await.refused(404, "not_found");
    }
    let body = json!({"programme": "treue", "reason": "x", "client_token": "f"});
    api.call_with(VOID, &[BEAT, "1"], body.clone())
        .await
        .refused(404, "not_found");
    api.call_with(VOID, &["0199-nobody", "1"], body.clone())
        .await
        .refused(404, "not_found");
    api.call_with(VOID, &[ANNA, "x"], body)
        .await
        .refused(400, "malformed_parameter");
    assert_eq!(table.shape().await, before);
    // The hold runs out, and nothing stands in the way any more.
    let mut later = api;
    later.now += Duration::minutes(15);
    later.void(2, "b").await.must(201);
}

#[tokio::test]
async fn points_whose_last_day_is_over_come_back_for_the_days_of_grace() {
    let mut programme = treue();
    programme.points.expiry = domain::programme::Expiry::Months { months: 1 };
    programme.points.grace_days = 10;
    programme.voucher.valid_days = 365;
    let table = Table::start_under(programme).await;
    table.with_vouchers(500).await;
    table.api().days_later(60).void(1, "case").await.must(201);
    let (account, _) = table.books(ANNA).await;
    let lots: Vec<_> = account.lots.iter().map(|lot| (lot.key.to_string(), lot.open)).collect();
    assert_eq!(lots, [("2027-01-31".to_owned(), 500)], "ten days after 21 January");
}

#[tokio::test]
async fn every_voucher_of_a_step_of_twenty_finds_its_own_points() {
    let table = Table::start().await;
    table.with_vouchers(25 * 500).await;
    for sequence in [1, 20, 21, 25] {
        let void = table.api().void(sequence, &format!("case-{sequence}")).await.must(201);
        assert_eq!(void.body["points"], 500);
    }
    assert_eq!(table.books(ANNA).await.0.balance, 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_redemption_and_voidings_at_the_same_time_exactly_one_wins() {
    let (mut redeemed, mut voided) = (0, 0);
    for round in 0..20 {
        let table = Table::start().await;
        table.with_vouchers(500).await;
        let before = table.voucher(1).await;
        let till = async {
            tokio::time::sleep(std::time::Duration::from_millis(round * 3)).await;
            at_the_till(&table, &before, &redeem()).await
        };
        let calls = (0..3).map(|n| {
            let api = table.api().by(&format!("support-{n}"));
            async move { api.void(1, "case").await }
        });
        let (till, desk) = futures::future::join(till, join_all(calls)).await;
        let made = desk.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(usize::from(till) + made, 1, "{till} {desk:?}");
        for answer in desk.iter().filter(|answer| answer.status != 201) {
            let told = (answer.status, answer.code());
            assert!(matches!(told, (200, "") | (409, "voucher_redeemed")), "{told:?}");
        }
        let balance = if till { 0 } else { 500 };
        assert_eq!(table.books(ANNA).await.0.balance, balance);
        redeemed += usize::from(till);
        voided += made;
    }
    println!("{redeemed} redeemed, {voided} voided");
}
