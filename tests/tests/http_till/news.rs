//! What changes on vouchers reaches the tills: through the feed, and through the queue of their middleware (N5, N6).

use std::collections::BTreeSet;

use end_to_end::client::Client;
use end_to_end::running::Running;
use end_to_end::shared::on_the_stack;
use end_to_end::till::chf;
use http_edge::Scope;
use messages::PosVoucherMessage;
use serde_json::{Value, json};

/// A change: the voucher, how often it changed, and what it became.
type Change = (String, u64, String);

#[test]
fn n5_n6_the_feed_and_the_queue_tell_every_change_of_a_voucher_once_and_in_order() {
    on_the_stack(async |stack| {
        let store = "B11";
        let reader = stack.client(&[Scope::VouchersFeed], &[store]).await;
        let (customer, code) = stack.with_voucher(store).await;
        let (issued, cursor) = read(&reader, None, &customer.party).await;
        assert_eq!(issued.len(), 1);
        assert_eq!(issued[0]["code"], code, "the feed may name the code");
        assert_eq!(issued[0]["state"]["status"], "open");

        let receipt = format!("{store}~1~{}~feed", stack.today);
        let body = json!({
            "store": store, "till": "1", "code": code, "basket": "b-1", "receipt": receipt, "basket_total": chf(900),
        });
        for call in ["reserve", "redeem", "reverse"] {
            let _ = stack.admin.post(&format!("/v1/vouchers/{call}"), &body).await.must(200);
            stack.rest().await;
        }
        let (later, cursor) = read(&reader, Some(&cursor), &customer.party).await;
        let statuses: Vec<_> = later.iter().map(|event| &event["state"]["status"]).collect();
        assert_eq!(
            statuses,
            ["reserved", "redeemed", "open"],
            "only what came after the cursor"
        );
        let (nothing, _) = read(&reader, Some(&cursor), &customer.party).await;
        assert_eq!(nothing, [Value::Null; 0]);

        let told: BTreeSet<_> = issued.iter().chain(&later).map(change).collect();
        assert_eq!(
            queued(stack, &customer.party, &code).await,
            told,
            "the queue tells the same"
        );
    });
}

#[test]
fn a_reader_hears_only_of_the_groups_of_its_locations() {
    on_the_stack(async |stack| {
        // Bootstrap spreads the branches over four groups in their order: B12 and B13 are in different ones.
        let (customer, _) = stack.with_voucher("B12").await;
        let here = stack.client(&[Scope::VouchersFeed], &["B12"]).await;
        let elsewhere = stack.client(&[Scope::VouchersFeed], &["B13"]).await;
        assert_eq!(read(&here, None, &customer.party).await.0.len(), 1);
        assert_eq!(read(&elsewhere, None, &customer.party).await.0.len(), 0);
    });
}

/// All changes of a party's vouchers after the cursor, in small pages, and the cursor behind them.
async fn read(reader: &Client, cursor: Option<&str>, party: &str) -> (Vec<Value>, String) {
    let mut cursor = cursor.map(str::to_owned);
    let mut found = Vec::new();
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = reader.get(&format!("/v1/vouchers/feed?limit=7{after}")).await.must(200);
        let events = page["events"].as_array().expect("a list of changes");
        let of_party = |event: &&Value| {
            event["state"]["voucher"]
                .as_str()
                .is_some_and(|id| id.starts_with(party))
        };
        found.extend(events.iter().filter(of_party).cloned());
        let behind = page["cursor"].as_str().expect("a cursor").to_owned();
        if page["more"] == false {
            return (found, behind);
        }
        cursor = Some(behind);
    }
}

fn change(event: &Value) -> Change {
    let voucher = event["state"]["voucher"].as_str().expect("a voucher id");
    let version = event["state_version"].as_u64().expect("a version");
    let status = event["state"]["status"].as_str().expect("a status");
    (voucher.to_owned(), version, status.to_owned())
}

/// What the middleware finds in its queue about a party's vouchers. A change may come twice, and never with its code.
async fn queued(stack: &Running, party: &str, code: &str) -> BTreeSet<Change> {
    let url = stack
        .stack
        .queue_url("PosVoucherQueue")
        .expect("the template has the queue");
    let sqs = &stack.stack.clients().sqs;
    let mut found = BTreeSet::new();
    loop {
        let batch = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
        let batch = batch
            .send()
            .await
            .expect("a batch of messages")
            .messages
            .unwrap_or_default();
        if batch.is_empty() {
            return found;
        }
        for message in batch {
            let body = message.body().expect("a body");
            assert!(!body.contains(code) && !body.contains(&code.replace('-', "")), "{body}");
            let news: PosVoucherMessage = serde_json::from_str(body).expect("news of a voucher");
            if news.party.as_str() == party {
                assert_eq!(news.value.amount_minor, 500);
                found.insert((news.voucher, news.state_version, news.status));
            }
        }
    }
}
