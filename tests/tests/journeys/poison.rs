//! What cannot be worked off fails alone (scenario 10): panics, items that nobody can read, records that can never be
//! relayed. Its neighbours are worked off once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::programme::Programme;
use domain::receipt::ReceiptKey;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::{self, receipt};
use end_to_end::world::{PROGRAMME, TENANT, World, card};
use faults::{Fault, FaultPlan, Site};
use messages::PostingMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};
use store::Key;

/// Panics at one visit of a site, as a bug in the code behind it would.
#[derive(Debug)]
struct Bug {
    site: Site,
    visit: usize,
    visits: AtomicUsize,
}

impl FaultPlan for Bug {
    fn before(&self, site: Site) -> Fault {
        assert!(
            site != self.site || self.visits.fetch_add(1, Ordering::Relaxed) != self.visit,
            "a bug that a test has put here"
        );
        Fault::None
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

fn posting(party: &str, store: &str, number: &str) -> Delivery<PostingMessage> {
    let receipt: ReceiptKey = till::key(store, number).parse().expect("a key");
    Delivery {
        id: format!("message-{store}-{number}"),
        message: PostingMessage::PostReceipt {
            tenant: TENANT.parse().expect("a tenant"),
            receipt,
            party: Some(party.parse().expect("a party")),
            programme: PROGRAMME.parse().expect("a programme"),
            taken_back: 0,
        },
    }
}

/// Sets an attribute of an entity to something of the wrong type.
async fn spoil(world: &World, key: &Key, attribute: &str) {
    let text = |text: &String| AttributeValue::S(text.clone());
    let call = world.db.client().update_item().table_name(world.db.table());
    call.key("pk", text(&key.pk))
        .key("sk", text(&key.sk))
        .update_expression("SET #d.#a = :wrong")
        .expression_attribute_names("#d", "d")
        .expression_attribute_names("#a", attribute)
        .expression_attribute_values(":wrong", AttributeValue::Bool(true))
        .send()
        .await
        .expect("the item is there");
}

#[tokio::test]
async fn a_panic_in_one_account_of_a_batch_fails_its_message_alone() {
    // The third account that is read.
    let bug = Arc::new(Bug {
        site: Site::PostAccount,
        visit: 2,
        visits: AtomicUsize::new(0),
    });
    let world = World::with_plan(Some(bug)).await;
    let mut batch = Vec::new();
    for serial in 1..=10 {
        let (card, party) = world.customer(serial).await;
        let number = serial.to_string();
        world.buy(&receipt("B01", &number, 12_990, Some(&card))).await;
        batch.push(posting(&party, "B01", &number));
    }
    let failed = world
        .posting()
        .work_off(batch.clone(), Deadline::never(), world.now)
        .await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    let posted = Books::read(&world).await.accounts.len();
    assert_eq!(posted, 9);

    let again: Vec<_> = batch
        .into_iter()
        .filter(|delivery| failed.contains(&delivery.id))
        .collect();
    assert!(
        world
            .posting()
            .work_off(again, Deadline::never(), world.now)
            .await
            .is_empty()
    );
    Books::read(&world).await.check();
}

#[tokio::test]
async fn a_panic_in_one_account_leaves_the_vouchers_of_the_others_to_be_issued() {
    let bug = Arc::new(Bug {
        site: Site::IssueAccount,
        visit: 0,
        visits: AtomicUsize::new(0),
    });
    let world = World::with_plan(Some(bug)).await;
    for serial in 1..=3 {
        let (card, _) = world.customer(serial).await;
        world
            .buy(&receipt("B01", &serial.to_string(), 50_000, Some(&card)))
            .await;
    }
    Delivering::well().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    assert_eq!(books.vouchers.len(), 3, "the failed message came again");
}

#[tokio::test]
async fn a_receipt_whose_programme_version_cannot_be_read_does_not_hold_up_its_account() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 10_000, Some(&card))).await;
    let mut second = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    second.version = 2;
    world.store_programme(second).await;
    world.buy(&receipt("B01", "2", 20_000, Some(&card))).await;
    let version_1 = Key {
        pk: format!("PROGRAMME#{TENANT}#{PROGRAMME}"),
        sk: "VERSION#00000001".to_owned(),
    };
    spoil(&world, &version_1, "programme").await;

    let batch = vec![posting(&party, "B01", "1"), posting(&party, "B01", "2")];
    let failed = world.posting().work_off(batch, Deadline::never(), world.now).await;
    assert_eq!(failed, BTreeSet::from(["message-B01-1".to_owned()]));
    assert_eq!(keys_of(&world, "ledger_entry").await.len(), 1);
}

#[tokio::test]
async fn a_waiting_receipt_that_cannot_be_read_does_not_hold_up_those_behind_it() {
    let world = World::new().await;
    let late = card(2);
    world.call("POST /v1/cards", &[], &json!({"number": late})).await;
    for number in ["1", "2", "3"] {
        world.buy(&receipt("B01", number, 10_000, Some(&late))).await;
    }
    let first = store::receipt::key(
        &TENANT.parse().expect("a tenant"),
        &till::key("B01", "1").parse().expect("a key"),
    );
    spoil(&world, &first, "client").await;
    let party = world.party(2).await;
    let path = [("number", late.as_str())];
    let body = json!({"party_id": party});
    assert_eq!(
        world.call("POST /v1/cards/{number}/register", &path, &body).await.0,
        200
    );

    let waiting = keys_of(&world, "parked").await;
    let lookup = waiting[0].pk.rsplit('#').next().expect("a partition of a card");
    let settle = Delivery {
        id: "settle".to_owned(),
        message: PostingMessage::SettleCard {
            tenant: TENANT.parse().expect("a tenant"),
            card: lookup.parse().expect("a lookup key"),
        },
    };
    let failed = world
        .posting()
        .work_off(vec![settle], Deadline::never(), world.now)
        .await;
    assert_eq!(failed.len(), 1, "the message says that something is left");
    assert_eq!(
        keys_of(&world, "parked").await.len(),
        1,
        "only the one that cannot be read still waits"
    );
}

/// Keys of all items of an entity type.
async fn keys_of(world: &World, kind: &str) -> Vec<Key> {
    let scan = world
        .db
        .client()
        .scan()
        .table_name(world.db.table())
        .consistent_read(true);
    let scan = scan
        .filter_expression("et = :kind")
        .expression_attribute_values(":kind", AttributeValue::S(kind.to_owned()));
    let items = scan.send().await.expect("the table").items.unwrap_or_default();
    let text = |item: &store::record::Item, name: &str| item.get(name).and_then(|v| v.as_s().ok()).cloned();
    let key = |item: &store::record::Item| {
        Some(Key {
            pk: text(item, "pk")?,
            sk: text(item, "sk")?,
        })
    };
    items.iter().filter_map(key).collect()
}

#[tokio::test]
async fn what_the_time_does_not_suffice_for_comes_again() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 12_990, Some(&card))).await;
    let batch = vec![posting(&party, "B01", "1")];
    let failed = world
        .posting()
        .work_off(batch, Deadline::at(Instant::now()), world.now)
        .await;
    assert_eq!(failed.len(), 1);
    assert!(Books::read(&world).await.ledger.is_empty());
}

#[tokio::test]
async fn a_change_that_meets_an_unreadable_item_is_put_aside_and_its_batch_is_relayed() {
    let world = World::new().await;
    let mut codes = Vec::new();
    let mut delivering = Delivering::well();
    for serial in 1..=2 {
        let (card, _) = world.customer(serial).await;
        world
            .buy(&receipt("B01", &serial.to_string(), 50_000, Some(&card)))
            .await;
        delivering.until_rest(&world).await;
        codes.extend(world.desk(&card).await.1);
    }
    let notes = keys_of(&world, "voucher_reference").await;
    assert_eq!(notes.len(), 2, "the feed has published both");
    spoil(&world, &notes[0], "version").await;
    for (index, code) in codes.iter().enumerate() {
        let redeem = till::redeem("B01", code, &format!("1{index}"), 9_000);
        assert_eq!(world.call("POST /v1/vouchers/redeem", &[], &redeem).await.0, 200);
    }
    delivering.until_rest(&world).await;

    let (status, feed) = world.call("GET /v1/vouchers/feed?limit=200", &[], &Value::Null).await;
    assert_eq!(status, 200, "{feed}");
    let events = feed["events"].as_array().expect("events").iter();
    let told: Vec<_> = events.filter_map(|event| event["state"]["status"].as_str()).collect();
    assert_eq!(told, ["open", "open", "redeemed"]);
    let kept = world
        .place
        .s3()
        .list_objects_v2()
        .bucket(world.place.bucket())
        .send()
        .await;
    assert_eq!(
        kept.expect("the bucket").contents().len(),
        1,
        "the other change lies whole in the bucket"
    );
}
