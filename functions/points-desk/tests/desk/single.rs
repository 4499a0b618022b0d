//! Single vouchers: blocked, extended, voided, reissued (L4, N6, X2), those issued for points and those of campaigns.

use domain::voucher::{State, Voucher, VoucherNumber};
use futures::future::{join, join_all};
use serde_json::{Value, json};
use store::Record;
use store::voucher::Published;

use crate::support::*;
use crate::vouchers::{at_the_till, redeem};

/// The last days of the two kinds of vouchers.
const OF_POINTS: &str = "2027-05-21";
const OF_CAMPAIGN: &str = "2027-01-31";

/// A table with one voucher of each kind; their numbers and last days.
async fn with_both() -> (Table, [(&'static str, &'static str); 2]) {
    let table = Table::start().await;
    table.with_vouchers(500).await;
    let given = table.with_given_voucher().await;
    (table, [("1", OF_POINTS), (given, OF_CAMPAIGN)])
}

fn listed(vouchers: &[(&str, &str)]) -> Vec<(String, String)> {
    vouchers
        .iter()
        .map(|(number, until)| ((*number).to_owned(), (*until).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_blocked_voucher_is_taken_by_no_till_until_it_is_unblocked() {
    let (table, both) = with_both().await;
    let entries = table.books(ANNA).await.1;
    for (number, until) in both {
        let block = table
            .api()
            .on_voucher("block", number, &format!("b-{number}").replace('~', "-"))
            .await;
        let block = block.must(201);
        let id = format!("{ANNA}~treue~{number}");
        assert_eq!(
            [
                &block.body["kind"],
                &block.body["voucher_id"],
                &block.body["points"],
                &block.body["entries"]
            ],
            [&json!("voucher_block"), &json!(id), &json!(0), &json!([])]
        );
        let record = table.voucher_with(number).await;
        assert!(matches!(record.d.state, State::Blocked { .. }));
        assert_eq!(record.topics.as_deref(), Some("voucher"), "the feed hears of it");
        assert!(!at_the_till(&table, &record, &redeem()).await);
        assert!(!table.listed().await.iter().any(|(listed, _)| listed == number));
        // Who and why is kept, and shown with the voucher.
        let shown = table.api().show_voucher(number).await.must(200);
        assert_eq!(shown.body["state"]["status"], "blocked");
        assert_eq!(
            [&shown.body["adjustment"]["author"], &shown.body["adjustment"]["reason"]],
            [&json!("olga"), &json!("The letter was lost")]
        );

        let token = format!("u-{number}").replace('~', "-");
        table.api().on_voucher("unblock", number, &token).await.must(201);
        let record = table.voucher_with(number).await;
        assert_eq!((&record.d.state, record.d.state_version), (&State::Open, 3));
        assert!(table.listed().await.contains(&(number.to_owned(), until.to_owned())));
        assert!(at_the_till(&table, &record, &redeem()).await);
    }
    assert_eq!(table.books(ANNA).await.1, entries, "no points move");
}

#[tokio::test]
async fn a_repeated_block_is_answered_as_the_first_whoever_asks_and_unblocking_what_is_open_is_refused() {
    let (table, _) = with_both().await;
    let first = table.api().on_voucher("block", "1", "case").await.must(201);
    let before = table.shape().await;
    for (who, token) in [("olga", "case"), ("olga", "other"), ("urs", "case")] {
        let again = table.api().by(who).on_voucher("block", "1", token).await.must(200);
        assert_eq!((again.replayed, &again.body), (true, &first.body), "{who} {token}");
    }
    assert_eq!(table.shape().await, before);
    table
        .api()
        .on_voucher("unblock", "1", "case")
        .await
        .refused(409, "adjustment_contradiction");
    let open = table.api().on_voucher("unblock", "1", "open").await.must(201);
    // The first block again: it was done, and is not done once more.
    let again = table.api().on_voucher("block", "1", "case").await.must(200);
    assert_eq!(again.body, first.body);
    assert_eq!(table.voucher(1).await.d.state, State::Open);
    table
        .api()
        .on_voucher("unblock", "1", "once-more")
        .await
        .refused(409, "voucher_not_blocked");
    let again = table.api().on_voucher("unblock", "1", "open").await.must(200);
    assert_eq!(again.body, open.body);
}

#[tokio::test]
async fn an_extended_voucher_is_listed_with_its_new_day_also_when_it_had_run_out() {
    let (table, both) = with_both().await;
    let api = table.api();
    for (number, until) in both {
        let token = |n: u8| format!("{n}-{number}").replace('~', "-");
        api.extend(number, until, &token(1))
            .await
            .refused(409, "voucher_not_extended");
        let done = api.extend(number, "2027-12-31", &token(2)).await.must(201);
        assert_eq!(done.body["valid_until"], "2027-12-31");
        assert!(
            table
                .listed()
                .await
                .contains(&(number.to_owned(), "2027-12-31".to_owned()))
        );
        // A day that is over does not help one whose validity is over.
        let later = api.days_later(500);
        later
            .extend(number, "2028-04-01", &token(3))
            .await
            .refused(409, "voucher_not_extended");
        later.extend(number, "2028-06-30", &token(4)).await.must(201);
        let record = table.voucher_with(number).await;
        assert_eq!(record.d.valid_until.to_string(), "2028-06-30");
        let open = table.of_type::<store::voucher::OpenVoucher>("open_voucher").await;
        let open = open.into_iter().find(|open| open.d.number == record.d.number).unwrap();
        let gone: chrono::DateTime<chrono::Utc> = "2028-07-02T00:00:00Z".parse().unwrap();
        assert_eq!(
            open.ttl,
            Some(gone.timestamp()),
            "the table keeps the reference until then"
        );
        let again = later.extend(number, "2028-06-30", &token(4)).await.must(200);
        assert!(again.replayed);
    }
    api.on_voucher("block", "1", "block").await.must(201);
    api.extend("1", "2029-01-31", "blocked").await.must(201);
    assert!(matches!(table.voucher(1).await.d.state, State::Blocked { .. }));
    assert_eq!(table.listed().await.len(), 1, "a blocked one is not listed");
}

#[tokio::test]
async fn every_wrong_field_of_an_extension_is_named_and_nothing_is_done() {
    let (table, _) = with_both().await;
    let before = table.shape().await;
    let route = "POST /v1/parties/{party_id}/vouchers/{sequence}/extend";
    let body = json!({"programme": "?", "valid_until": "2037-11-23", "reason": "", "client_token": " "});
    let wrong = table.api().call_with(route, &[ANNA, "1"], body).await;
    wrong.refused(422, "invalid");
    let errors = wrong.body["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/valid_until", "/programme", "/reason", "/client_token"]);
    table.api().extend("1", "tomorrow", "a").await.refused(422, "invalid");
    table.api().extend("1", "2036-11-29", "b").await.must(201);
    assert_ne!(table.shape().await, before);
    for number in ["2", "1.1", "birthday~2026~2", "birthday~2026~1.1"] {
        table
            .api()
            .extend(number, "2036-11-28", "c")
            .await
            .refused(404, "not_found");
        table.api().show_voucher(number).await.refused(404, "not_found");
    }
    for number in ["01", "1.0", "x", "birthday~2026~01"] {
        table
            .api()
            .show_voucher(number)
            .await
            .refused(400, "malformed_parameter");
    }
}

#[tokio::test]
async fn a_voucher_of_a_campaign_that_ran_out_untouched_is_found_though_nothing_leads_to_it() {
    let table = Table::start().await;
    let number = table.with_given_voucher().await;
    // The table drops the reference two days after the last day.
    let record = table.voucher_with(number).await;
    let key = store::voucher::open_key(&tenant(), &record.d.party, &record.d.programme, &record.d.number);
    let delete = table.client.delete_item().table_name("test");
    let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    delete
        .key("pk", text(key.pk))
        .key("sk", text(key.sk))
        .send()
        .await
        .unwrap();
    assert_eq!(table.listed().await, []);
    let later = table.api().days_later(120);
    later
        .on_voucher("void", number, "a")
        .await
        .refused(409, "voucher_expired");
    later.extend(number, "2027-06-30", "b").await.must(201);
    assert_eq!(table.listed().await, listed(&[(number, "2027-06-30")]));
}

#[tokio::test]
async fn a_voided_voucher_of_a_campaign_brings_no_points() {
    let (table, both) = with_both().await;
    let (account, entries) = table.books(ANNA).await;
    let number = both[1].0;
    let void = table.api().on_voucher("void", number, "case").await.must(201);
    assert_eq!(
        [
            &void.body["kind"],
            &void.body["points"],
            &void.body["entries"],
            &void.body["voucher_id"]
        ],
        [
            &json!("voucher_void"),
            &json!(0),
            &json!([]),
            &json!(format!("{ANNA}~treue~{number}"))
        ]
    );
    assert_eq!(void.body.get("voucher"), None);
    assert_eq!(table.books(ANNA).await, (account, entries));
    assert_eq!(table.listed().await, listed(&both[..1]));
    let record = table.voucher_with(number).await;
    assert!(!at_the_till(&table, &record, &redeem()).await);
    let again = table
        .api()
        .by("urs")
        .on_voucher("void", number, "another")
        .await
        .must(200);
    assert_eq!((again.replayed, again.body), (true, void.body));
}

#[tokio::test]
async fn a_reissued_voucher_is_dead_and_another_with_its_terms_stands_in_its_place() {
    let (table, both) = with_both().await;
    let before = table.books(ANNA).await;
    for (number, until) in both {
        let old = table.voucher_with(number).await;
        let token = format!("r-{number}").replace('~', "-");
        let done = table.api().on_voucher("reissue", number, &token).await.must(201);
        let next = format!("{number}.1");
        assert_eq!(done.body["reissued_as"], json!(format!("{ANNA}~treue~{next}")));
        let (dead, new) = (table.voucher_with(number).await, table.voucher_with(&next).await);
        assert!(!at_the_till(&table, &dead, &redeem()).await);
        let terms = |v: &Record<Voucher>| {
            let v = v.d.clone();
            (
                v.value_minor,
                v.min_basket_minor,
                v.valid_from,
                v.valid_until,
                v.campaign,
            )
        };
        assert_eq!((terms(&new), &new.d.state), (terms(&old), &State::Open));
        assert_ne!(new.pk, old.pk, "another code");
        assert_eq!(new.topics.as_deref(), Some("voucher"), "the feed hears of it");
        assert!(table.listed().await.contains(&(next.clone(), until.to_owned())));
        let published = table.of_type::<Published>("voucher_reference").await;
        assert!(
            published
                .iter()
                .any(|p| p.d.version == 0 && p.sk.ends_with(&old.d.number.key()))
        );

        let again = table.api().on_voucher("reissue", number, &token).await.must(200);
        assert_eq!((again.replayed, &again.body), (true, &done.body));
        let other = table.api().on_voucher("reissue", number, "other").await;
        other.refused(409, "voucher_reissued");
        assert_eq!(other.body["reissued_as"], json!(next));
        let shown = table.api().show_voucher(number).await.must(200);
        assert_eq!(
            [&shown.body["state"]["status"], &shown.body["reissued_as"]],
            [&json!("voided"), &json!(format!("{ANNA}~treue~{next}"))]
        );
        assert!(at_the_till(&table, &new, &redeem()).await);
    }
    assert_eq!(table.books(ANNA).await, before, "no points move");
    let both = [("1.1", OF_POINTS), ("birthday~2026~1.1", OF_CAMPAIGN)];
    assert_eq!(table.listed().await, listed(&both), "the old ones are off the list");
}

#[tokio::test]
async fn what_was_reissued_can_be_reissued_nine_times_and_its_points_come_back_once() {
    let table = Table::start().await;
    table.with_vouchers(500).await;
    let mut number: VoucherNumber = 1.into();
    while let Some(next) = number.next() {
        table
            .api()
            .on_voucher("reissue", &number.to_string(), &format!("r-{number}"))
            .await
            .must(201);
        number = next;
    }
    let last = number.to_string();
    table
        .api()
        .on_voucher("reissue", &last, "end")
        .await
        .refused(409, "voucher_reissues_exhausted");
    assert_eq!(table.listed().await, listed(&[(&last, OF_POINTS)]));
    for gone in ["1", "1.1", "1.8"] {
        table
            .api()
            .on_voucher("void", gone, "gone")
            .await
            .refused(409, "voucher_reissued");
    }
    let void = table.api().on_voucher("void", &last, "void").await.must(201);
    assert_eq!([&void.body["points"], &void.body["voucher"]], [&json!(500), &json!(1)]);
    assert_eq!(table.books(ANNA).await.0.balance, 500);
}

#[tokio::test]
async fn what_is_held_or_taken_is_refused_and_stays_as_it_is() {
    let table = Table::start().await;
    table.with_vouchers(1_500).await;
    let reserve = domain::voucher::Command::Reserve {
        basket: "b1".parse().unwrap(),
        basket_minor: 9_000,
    };
    assert!(at_the_till(&table, &table.voucher(1).await, &redeem()).await);
    assert!(at_the_till(&table, &table.voucher(2).await, &reserve).await);
    table.api().void(3, "void").await.must(201);
    let before = table.shape().await;
    for (number, code) in [
        ("1", "voucher_redeemed"),
        ("2", "voucher_reserved"),
        ("3", "voucher_voided"),
    ] {
        for what in ["block", "unblock", "reissue"] {
            table.api().on_voucher(what, number, "case").await.refused(409, code);
        }
        table
            .api()
            .extend(number, "2028-01-31", "case")
            .await
            .refused(409, code);
    }
    assert_eq!(table.shape().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_redemption_blocks_and_reissues_at_the_same_time_the_books_stay_right() {
    let mut ends = std::collections::BTreeSet::new();
    for round in 0..12 {
        let table = Table::start().await;
        table.with_vouchers(500).await;
        let before = table.voucher(1).await;
        let till = async {
            tokio::time::sleep(std::time::Duration::from_millis(round * 3)).await;
            at_the_till(&table, &before, &redeem()).await
        };
        let calls = ["block", "reissue", "reissue"]
            .into_iter()
            .enumerate()
            .map(|(n, what)| {
                let api = table.api().by(&format!("support-{n}"));
                async move { api.on_voucher(what, "1", "case").await }
            });
        let (till, desk) = join(till, join_all(calls)).await;
        let vouchers = table.of_type::<Voucher>(store::voucher::VOUCHER).await;
        let standing = vouchers
            .iter()
            .filter(|v| !matches!(v.d.state, State::Voided { .. }))
            .count();
        assert_eq!(standing, 1, "one debit, one voucher: {desk:?}");
        let reissued = desk
            .iter()
            .filter(|answer| answer.status == 201 && answer.body["kind"] == "voucher_reissue");
        let reissued = reissued.count();
        assert!(reissued + usize::from(till) <= 1, "{till} {desk:?}");
        let expected = Value::from(0);
        assert!(
            desk.iter()
                .all(|answer| answer.status == 409 || answer.body["points"] == expected)
        );
        ends.insert((till, reissued));
    }
    println!("{ends:?}");
}
