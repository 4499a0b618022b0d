//! Messages that are days old, and clocks that are not right (scenarios 15 and 27).

use chrono::TimeDelta;
use domain::account::LotKey;
use domain::programme::Programme;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::till::receipt;
use end_to_end::world::{PROGRAMME, World};
use serde_json::json;

/// A version under which everything is otherwise: three points a franc, which expire at once.
fn otherwise() -> Programme {
    let mut programme = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
    (programme.version, programme.earning.points) = (2, 3);
    programme.points.expiry = domain::programme::Expiry::EndOfMonth { months: 0 };
    programme.points.grace_days = 1;
    programme
}

#[tokio::test]
async fn scenario_15_work_that_is_thirteen_days_old_is_done_once_by_the_rules_of_its_day() {
    let mut world = World::new().await;
    let (card, _) = world.customer(1).await;
    let (_, told) = world.buy(&receipt("B01", "1", 12_345, Some(&card))).await;
    assert_eq!(told["expected"]["points"], 123);
    // The queue stands still for thirteen days, and the programme changes meanwhile.
    world.now += TimeDelta::days(13);
    world.store_programme(otherwise()).await;
    Delivering::twice().until_rest(&world).await;
    // Somebody redrives everything once more.
    let mut again = Delivering::twice();
    again.rewind();
    again.until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let entries: Vec<_> = books.ledger.values().flatten().collect();
    let [entry] = entries.as_slice() else {
        panic!("one entry: {entries:?}")
    };
    let last_day = "2028-11-30".parse().ok();
    assert_eq!((entry.points, entry.programme_version), (123, 1));
    assert_eq!(entry.business_date.to_string(), "2026-11-22");
    assert_eq!(
        entry.lots[0].key,
        LotKey::active(last_day),
        "24 months from the receipt's day on"
    );
}

#[tokio::test]
async fn scenario_27_a_till_a_day_ahead_is_refused_and_one_a_day_behind_is_taken_by_its_day() {
    let world = World::new().await;
    let (card, _) = world.customer(1).await;
    let mut ahead = receipt("B01", "1", 10_000, Some(&card));
    ahead["business_date"] = json!("2026-11-23");
    let (status, problem) = world.buy(&ahead).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("date_in_future")));
    let mut fast = receipt("B01", "2", 10_000, Some(&card));
    fast["time"] = json!("2026-11-22T12:05:01Z");
    let (status, problem) = world.buy(&fast).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("time_in_future")));
    fast["time"] = json!("2026-11-22T12:05:00Z");
    assert_eq!(world.buy(&fast).await.0, 201, "five minutes are taken");
    let mut behind = receipt("B01", "3", 10_000, Some(&card));
    behind["business_date"] = json!("2026-11-21");
    assert_eq!(world.buy(&behind).await.0, 201);
    Delivering::well().until_rest(&world).await;
    let books = Books::read(&world).await;
    books.check();
    let mut days: Vec<_> = books
        .ledger
        .values()
        .flatten()
        .map(|entry| entry.business_date.to_string())
        .collect();
    days.sort();
    assert_eq!(days, ["2026-11-21", "2026-11-22"], "what was refused left nothing");
}

#[tokio::test]
async fn scenario_27_functions_whose_clocks_differ_by_seconds_agree_about_points_and_vouchers() {
    let mut world = World::new().await;
    let (card, _) = world.customer(1).await;
    let noon = world.now;
    world.now = noon + TimeDelta::seconds(2);
    world.buy(&receipt("B01", "1", 60_000, Some(&card))).await;
    // Posting, issuing and the relay are four seconds behind ingestion, and then again not.
    for seconds in [-2, 2, -2] {
        world.now = noon + TimeDelta::seconds(seconds);
        Delivering::twice().until_rest(&world).await;
    }
    let (balance, codes) = world.desk(&card).await;
    assert_eq!((balance, codes.len()), (100, 1));
    let code = &codes[0];
    let mut redeem = end_to_end::till::redeem("B01", code, "9", 9_000);
    redeem["basket"] = json!("b1");
    let reserve = json!({
        "store": "B01", "till": "1", "code": code, "basket": "b1", "basket_total": end_to_end::till::chf(9_000),
    });
    assert_eq!(world.call("POST /v1/vouchers/reserve", &[], &reserve).await.0, 200);
    world.now = noon - TimeDelta::seconds(2);
    assert_eq!(world.call("POST /v1/vouchers/redeem", &[], &redeem).await.0, 200);
    Delivering::well().until_rest(&world).await;
    Books::read(&world).await.check();
}
