//! Receipts without a card get one, once.

use chrono::Days;
use end_to_end::running::key_of;
use end_to_end::shared::on_the_stack;
use serde_json::json;

#[test]
fn n3_a_receipt_is_claimed_once_and_for_one_card() {
    on_the_stack(async |stack| {
        let (anna, beat) = (stack.customer("Anna", "de").await, stack.customer("Beat", "de").await);
        let receipt = stack.receipt("B06", 12_345, None);
        let _ = stack.admin.post("/v1/purchases", &receipt).await.must(201);
        let claim = format!("/v1/purchases/{}/claim", key_of(&receipt));
        let first = stack.admin.post(&claim, &json!({"card": anna.card})).await.must(201);
        assert_eq!((&first["matched"], &first["party"]), (&json!(true), &json!(anna.party)));
        stack.rest().await;

        let again = stack.admin.post(&claim, &json!({"card": anna.card})).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.must(200)["posted"], true);
        let second = stack.admin.post(&claim, &json!({"card": beat.card})).await.must(409);
        assert_eq!(second["code"], "receipt_assigned");
        assert!(!second.to_string().contains(&anna.party), "whose it is stays unsaid");
        stack.rest().await;
        assert_eq!(stack.points(&anna.party).await["balance"], 123);
        assert_eq!(stack.points(&beat.party).await["receipts"], 0);
        // The till hears of it when it sends the receipt again.
        let replay = stack.admin.post("/v1/purchases", &receipt).await.must(200);
        assert_eq!(
            (&replay["matched"], &replay["account"]["balance"]),
            (&json!(true), &json!(123))
        );
    });
}

#[test]
fn n3_after_the_configured_days_a_receipt_can_no_longer_be_claimed() {
    on_the_stack(async |stack| {
        let customer = stack.customer("Spät", "de").await;
        // The default programme gives 30 days.
        for (days, status) in [(30, 201), (31, 409)] {
            let mut receipt = stack.receipt("B06", 1_000, None);
            receipt["business_date"] = json!(stack.today - Days::new(days));
            let _ = stack.admin.post("/v1/purchases", &receipt).await.must(201);
            let claim = format!("/v1/purchases/{}/claim", key_of(&receipt));
            let answer = stack
                .admin
                .post(&claim, &json!({"card": customer.card}))
                .await
                .must(status);
            if status == 409 {
                assert_eq!(answer["code"], "claim_too_late");
                let last = (stack.today - Days::new(1)).to_string();
                assert!(
                    answer["detail"].as_str().is_some_and(|detail| detail.contains(&last)),
                    "{answer}"
                );
            }
        }
        stack.rest().await;
        assert_eq!(stack.points(&customer.party).await["receipts"], 1);
    });
}
