//! Locations are data: a branch opens, sells, closes and is counted, without a deployment.

use chrono::Days;
use end_to_end::client::Answer;
use end_to_end::running::Running;
use end_to_end::till::{chf, paid_with_voucher};
use serde_json::{Value, json};

const NEW: &str = "B25";

/// The branch as an operator puts it.
fn branch() -> Value {
    json!({"name": "Vaduz", "kind": "branch", "programme": "treue"})
}

/// Most answers of a dying process that a till hears before a new one takes its place.
const DYING_MAX: usize = 20;

/// Sends a receipt to a process that has just started. It knows of a change at once; one that runs looks again after half a
/// minute. As a till does, the call is repeated when a dying process took it.
async fn sell_anew(stack: &Running, receipt: &Value) -> Answer {
    let killed = stack.stack.kill_function("PurchaseIngestionFunction");
    killed.expect("the template has the function");
    for _ in 0..DYING_MAX {
        let answer = stack.admin.post("/v1/purchases", receipt).await;
        if answer.status != 500 {
            return answer;
        }
    }
    panic!("no new process takes the place of the one that was killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_25th_branch_opens_sells_closes_and_reopens_by_calls_alone() {
    let stack = Running::start().await;
    let put = format!("/v1/locations/{NEW}");
    let refused = stack.receipt(NEW, 1_000, None);
    let refused = stack.admin.post("/v1/purchases", &refused).await.must(422);
    assert_eq!(refused["code"], "location_unknown");
    let opened = stack.admin.put(&put, &branch()).await.must(201);
    assert_eq!(stack.admin.put(&put, &branch()).await.must(200), opened, "put twice");
    let listed = stack.admin.get("/v1/locations?limit=200").await.must(200);
    let listed = listed["items"].as_array().expect("a list of locations").clone();
    assert_eq!(listed.len(), 26, "25 branches and the shop");
    assert!(listed.contains(&opened), "{opened}");
    let customer = stack.customer("Neu", "de").await;
    let sale = stack.receipt(NEW, 10_000, Some(&customer.card));
    let _ = sell_anew(&stack, &sale).await.must(201);

    let yesterday = stack.today - Days::new(1);
    let close = json!({"last_day": yesterday});
    let closed = stack.admin.post(&format!("{put}/close"), &close).await.must(200);
    assert_eq!(closed["last_day"], json!(yesterday));
    let late = stack.receipt(NEW, 1_000, None);
    let answer = sell_anew(&stack, &late).await.must(422);
    assert_eq!(answer["code"], "location_closed");
    let mut straggler = stack.receipt(NEW, 2_000, None);
    straggler["business_date"] = json!(yesterday);
    let _ = stack.admin.post("/v1/purchases", &straggler).await.must(201);

    let unseen = stack.admin.put(&put, &branch()).await.must(409);
    assert_eq!(
        (&unseen["code"], &unseen["current_version"]),
        (&json!("concurrent_change"), &json!(2))
    );
    let mut seen = branch();
    seen["expected_version"] = json!(2);
    let reopened = stack.admin.put(&put, &seen).await.must(200);
    assert_eq!(reopened["last_day"], Value::Null);
    let _ = sell_anew(&stack, &late).await.must(201);
    stack.rest().await;
    assert_eq!(stack.points(&customer.party).await["balance"], 100);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revenue_is_summed_by_location_and_day() {
    let stack = Running::start().await;
    let (customer, code) = stack.with_voucher("B01").await;
    let yesterday = stack.today - Days::new(1);
    let mut earlier = stack.receipt("B01", 7_000, None);
    earlier["business_date"] = json!(yesterday);
    let paid = paid_with_voucher(stack.receipt("B01", 2_000, Some(&customer.card)), &code, 500);
    for receipt in [&earlier, &paid, &paid, &stack.receipt("B02", 99_900, None)] {
        let status = stack.admin.post("/v1/purchases", receipt).await.status;
        assert!(matches!(status, 200 | 201), "{status}");
    }
    let path = format!("/v1/locations/B01/revenue?from={yesterday}&to={}", stack.today);
    let answer = stack.admin.get(&path).await.must(200);
    let day = |date, receipts: u64, matched: u64, revenue: i64, vouchers: i64| {
        json!({
            "date": date, "receipts": receipts, "matched_receipts": matched,
            "revenue": chf(revenue), "voucher_paid": chf(vouchers), "returns": 0, "returned": chf(0),
        })
    };
    let days = json!([day(yesterday, 1, 0, 7_000, 0), day(stack.today, 2, 2, 52_000, 500)]);
    assert_eq!(answer["days"], days, "each receipt once, and only this location's");
    stack.stop().await;
}
