//! A branch loses its line, and sends its journal when it is back.

use domain::code::VoucherCode;
use domain::offline::OfflineRule;
use domain::programme::Programme;
use serde_json::{Value, json};

use super::{done, read};
use crate::delivery::Delivering;
use crate::till::{self, chf, receipt};
use crate::world::{PROGRAMME, World};

/// CHF 20 of a business day, CHF 10 for a voucher, for four hours.
pub fn with_offline(version: u32) -> Programme {
    Programme {
        version,
        offline: Some(OfflineRule {
            hours: 4,
            limit_minor: 2_000,
            voucher_limit_minor: 1_000,
            journal_days: 7,
            bearers: [].into(),
        }),
        ..Programme::swiss_default(PROGRAMME.parse().expect("an id"))
    }
}

/// A code that no voucher has.
pub fn nobodys_code(name: &str) -> String {
    VoucherCode::derive(&[9; 32], name).to_string()
}

/// An entry about a voucher of CHF 5, taken at the world's time on the receipt of this number.
pub fn entry(world: &World, store: &str, number: u32, code: &str) -> Value {
    json!({
        "number": number, "code": code, "receipt": till::key(store, &number.to_string()), "basket_total": chf(9_000),
        "value": chf(500), "at": world.now,
    })
}

/// The signed allowance of a branch.
///
/// # Panics
/// When it is refused.
pub async fn allowance(world: &World, store: &str) -> Value {
    done(world, "POST /v1/offline-allowances", &[], &json!({"store": store})).await
}

/// Sends entries; what became of each.
///
/// # Panics
/// When the call is refused.
pub async fn send(world: &World, allowance: &Value, entries: &[Value]) -> Vec<Value> {
    let body = json!({"allowance": allowance["allowance"], "entries": entries});
    let answer = done(world, "POST /v1/offline-journals", &[], &body).await;
    answer["entries"].as_array().expect("entries").clone()
}

/// The line went down over the answer to this redemption with a card, and the journal tells it again.
pub(super) async fn told_again(world: &World, store: &str, number: u32, (code, card): (&str, &str)) {
    world.store_programme(with_offline(2)).await;
    let allowance = allowance(world, store).await;
    let mut again = entry(world, store, number, code);
    again["card"] = json!(card);
    let told = send(world, &allowance, &[again]).await;
    assert_eq!(told[0]["outcome"], "booked", "{told:?}");
}

pub(super) async fn tell(world: &World, delivering: &mut Delivering) {
    world.store_programme(with_offline(2)).await;
    let (card, _) = world.customer(1).await;
    let bought = receipt("B01", "1", 100_000, Some(&card));
    done(world, "POST /v1/purchases", &[], &bought).await;
    delivering.until_rest(world).await;
    let (_, codes) = world.desk(&card).await;
    let [first, second] = [0, 1].map(|n: usize| codes[n].as_str());
    let allowance = allowance(world, "B02").await;

    // While B02 is without a line, B03 takes the first voucher.
    let elsewhere = till::redeem("B03", first, "9", 9_000);
    done(world, "POST /v1/vouchers/redeem", &[], &elsewhere).await;
    let journal = [
        entry(world, "B02", 11, first),
        entry(world, "B02", 12, second),
        entry(world, "B02", 13, &nobodys_code("1")),
    ];
    let outcomes = |told: &[Value]| -> Vec<Value> { told.iter().map(|entry| entry["outcome"].clone()).collect() };
    let told = send(world, &allowance, &journal).await;
    assert_eq!(outcomes(&told), ["lost", "booked", "lost"], "{told:?}");
    let again = send(world, &allowance, &journal[1..]).await;
    assert_eq!(outcomes(&again), ["booked", "lost"], "{again:?}");
    for (store, number, code) in [("B03", "9", first), ("B02", "12", second)] {
        let paid = till::paid_with_voucher(receipt(store, number, 9_000, Some(&card)), code, 500);
        done(world, "POST /v1/purchases", &[], &paid).await;
    }
    delivering.until_rest(world).await;
    let days = "?from=2026-11-01&to=2026-11-30";
    let report = read(world, &format!("GET /v1/offline-losses{days}"), &[]).await;
    assert_eq!(
        report["totals"],
        json!([{"bearer": "company", "count": 2, "amount": chf(1_000)}])
    );
    let route = format!("GET /v1/offline-losses/{{location_id}}{days}");
    let listed = read(world, &route, &[("location_id", "B02")]).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");
}
