//! Every image that is stored for a till says which client asked for it (ingestion, redemption; the other functions' own tests
//! show theirs).

use std::collections::BTreeMap;

use end_to_end::delivery::Delivering;
use end_to_end::till::{self, receipt};
use end_to_end::world::World;
use serde_json::json;

/// Who is named on the images of each entity type, `-` for nobody.
async fn named(world: &World) -> BTreeMap<String, Vec<String>> {
    let db = &world.db;
    let scan = db.client().scan().table_name(db.table()).consistent_read(true);
    let mut named: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in scan.send().await.unwrap().items() {
        let text = |name| item.get(name).and_then(|value| value.as_s().ok());
        let by = text("by").map_or("-", String::as_str).to_owned();
        named.entry(text("et").unwrap().clone()).or_default().push(by);
    }
    named
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_contradictions_claims_and_vouchers_name_who_asked() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    let first = receipt("B01", "1", 50_000, Some(&card));
    world.buy(&first).await;
    let mut other = receipt("B01", "1", 49_000, Some(&card));
    assert_eq!(world.buy(&other).await.1["code"], "receipt_contradiction");
    other = receipt("B01", "2", 1_000, None);
    world.buy(&other).await;
    let key = till::key("B01", "2");
    let claimed = world
        .call(
            "POST /v1/purchases/{key}/claim",
            &[("key", &key)],
            &json!({"card": card}),
        )
        .await;
    assert_eq!(claimed.0, 201, "{}", claimed.1);
    Delivering::well().until_rest(&world).await;
    assert_eq!(named(&world).await["voucher"], ["-"], "the system issued it by itself");

    let (_, codes) = world.desk(&card).await;
    let redeemed = world
        .call(
            "POST /v1/vouchers/redeem",
            &[],
            &till::redeem("B01", &codes[0], "3", 9_000),
        )
        .await;
    assert_eq!(redeemed.0, 200, "{}", redeemed.1);
    let paid = till::paid_with_voucher(receipt("B01", "3", 9_000, None), &codes[0], 500);
    assert_eq!(world.buy(&paid).await.0, 201);
    Delivering::well().until_rest(&world).await;
    let named = named(&world).await;
    assert_eq!(named["receipt"], ["pos pos"; 3]);
    for entity in ["card", "exception", "party", "voucher"] {
        assert_eq!(
            named[entity],
            ["pos pos"],
            "{entity}; the note of the payment hides nobody"
        );
    }
    for entity in ["account", "ledger_entry", "activity", "open_voucher"] {
        let by_nobody = named.get(entity).is_none_or(|by| by.iter().all(|by| by == "-"));
        assert!(by_nobody, "{entity} is the system's own");
    }
}
