//! Somebody tries out card numbers: customers are served, their vouchers are kept back, and the tills' cost stays (X17).

use std::sync::Arc;

use end_to_end::delivery::Delivering;
use end_to_end::plan::OneFault;
use end_to_end::till::receipt;
use end_to_end::world::{TENANT, World, card};
use faults::Site;
use http_edge::guard::{ANSWERED_MAX, LOCATION_MAX};
use serde_json::{Value, json};
use store::guess::{self, Counted, Terminal};

/// A customer with a voucher; the card.
async fn with_voucher(world: &World) -> String {
    let (card, _) = world.customer(1).await;
    world.buy(&receipt("B01", "1", 50_000, Some(&card))).await;
    Delivering::well().until_rest(world).await;
    card
}

async fn desk(world: &World, till: &str, card: &str) -> (u16, Value) {
    let route = format!("GET /v1/cash-desk/{{card}}?store=B01&till={till}");
    world.call(&route, &[("card", card)], &Value::Null).await
}

/// A receipt of a small sale, so that no second voucher is due.
async fn buy(world: &World, till: &str, number: &str, card: &str) -> (u16, Value) {
    let mut sale = receipt("B01", number, 100, Some(card));
    sale["till"] = json!(till);
    world.buy(&sale).await
}

fn listed(shown: &Value) -> usize {
    shown["open_vouchers"].as_array().expect("a list").len()
}

#[tokio::test]
async fn receipts_with_unknown_cards_are_taken_and_counted_and_then_vouchers_are_kept_back() {
    let plan = Arc::new(OneFault::none());
    let mut world = World::with_plan(Some(plan.clone())).await;
    let known = with_voucher(&world).await;
    for number in 0..=ANSWERED_MAX {
        let text = format!("g{number}");
        let (status, answer) = buy(&world, "1", &text, &card(1_000 + number)).await;
        assert_eq!((status, &answer["matched"]), (201, &json!(false)), "{answer}");
        let again = buy(&world, "1", &text, &card(1_000 + number)).await;
        assert_eq!(again.0, 200, "the same receipt again is not counted a second time");
        if number == ANSWERED_MAX - 1 {
            let (_, answer) = buy(&world, "1", "before", &known).await;
            assert_eq!(listed(&answer["account"]), 1, "thirty are within the limit");
        }
    }
    assert_eq!(
        buy(&world, "1", "unknown", &card(2_000)).await.0,
        201,
        "receipts are taken as ever"
    );
    let (status, answer) = buy(&world, "1", "known", &known).await;
    assert_eq!((status, listed(&answer["account"])), (201, 0), "{answer}");
    assert_eq!(answer["account"]["vouchers_withheld"], true);
    let lines = answer["print"]["lines"].as_array().expect("lines");
    assert_eq!(lines.last(), Some(&json!("Gutscheine zurzeit nicht abrufbar.")));
    let (status, shown) = desk(&world, "1", &known).await;
    assert_eq!(
        (status, listed(&shown), &shown["vouchers_withheld"]),
        (200, 0, &json!(true))
    );
    assert_eq!(shown["customer"]["name"], "Maxine Muster", "the customer is served");
    let (status, problem) = desk(&world, "1", &card(2_001)).await;
    assert_eq!((status, &problem["code"]), (429, &json!("too_many_unknown")));

    let (_, other) = desk(&world, "2", &known).await;
    assert_eq!(
        (listed(&other), &other["vouchers_withheld"]),
        (1, &Value::Null),
        "another till"
    );
    world.now += chrono::Duration::seconds(guess::window_left_seconds(world.now));
    let (_, later) = desk(&world, "1", &known).await;
    assert_eq!(
        (listed(&later), &later["vouchers_withheld"]),
        (1, &Value::Null),
        "another hour"
    );
    let visited = plan.calls();
    for site in [Site::GuessCount, Site::GuessOverLimit, Site::GuessOverLimitNote] {
        assert!(visited.contains(&site), "{site:?}");
    }
}

#[tokio::test]
async fn all_tills_of_a_location_together_have_a_limit_too() {
    let world = World::new().await;
    let known = with_voucher(&world).await;
    let caller = end_to_end::world::everywhere();
    let (tenant, location) = (TENANT.parse().expect("a tenant"), "B01".parse().expect("an id"));
    let till = "7".parse().expect("an id");
    let terminal = Terminal {
        tenant: &tenant,
        client: &caller.client,
        location: &location,
        till: &till,
    };
    for number in 1..=LOCATION_MAX {
        let count = guess::add(&world.db, &terminal, Counted::Location, world.now).await;
        assert_eq!(count.expect("a count"), number);
    }
    let (status, problem) = desk(&world, "8", &card(2_000)).await;
    assert_eq!((status, &problem["code"]), (429, &json!("too_many_unknown")));
    let (status, shown) = desk(&world, "9", &known).await;
    assert_eq!((status, &shown["vouchers_withheld"]), (200, &json!(true)));
}
