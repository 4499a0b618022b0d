//! Receipts that cannot be taken, and claims that cannot be.

use bytes::Bytes;
use chrono::{Days, Duration};
use end_to_end::client::Client;
use end_to_end::running::Running;
use end_to_end::shared::alone_on_the_stack;
use http_edge::Scope;
use serde_json::json;

use crate::fields::{GOOD_CODE, MISREAD_CARD, MISTYPED_CODE, changed, fields, shapes};
use crate::refusal::{Bad, assert_refused};

const POST: (&str, &str) = ("POST", "/v1/purchases");

#[test]
fn a_receipt_with_a_bad_field_is_refused_with_the_field_named_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let good = stack.receipt("B01", 1_000, None);
        let mut calls: Vec<_> = fields()
            .into_iter()
            .map(|(what, change, pointer, finding)| {
                Bad::new(what, &till, POST, changed(&good, change), (422, "invalid")).at(pointer, finding)
            })
            .collect();
        calls.extend(shapes().into_iter().map(|(what, change, says)| {
            Bad::new(what, &till, POST, changed(&good, change), (400, "malformed_body")).says(says)
        }));
        let cut = Bytes::from(good.to_string().trim_end_matches('}').to_owned());
        let large = changed(&good, |body| body["note"] = json!("x".repeat(256 * 1024)));
        calls.extend([
            Bad::new("no JSON", &till, POST, cut, (400, "malformed_body")).says("not JSON at line 1"),
            Bad::new("XML", &till, POST, "<receipt/>", (400, "malformed_body")).says("not JSON at line 1"),
            Bad::new("a text", &till, POST, "\"Max Muster\"", (400, "malformed_body")).says("expected an object"),
            Bad::new("a list", &till, POST, "[]", (400, "malformed_body")),
            Bad::new("nothing", &till, POST, "", (400, "malformed_body")),
            Bad::new("over 256 KiB", &till, POST, large, (413, "body_too_large")).says("262144 bytes"),
        ]);
        assert_refused(stack, &calls, &[MISREAD_CARD, MISTYPED_CODE, GOOD_CODE, "Max Muster"]).await;
    });
}

/// The till of one branch.
async fn till(stack: &Running) -> Client {
    let scopes = [Scope::PurchasesWrite, Scope::PurchasesRead, Scope::PurchasesClaim];
    stack.client(&scopes, &["B01"]).await
}

#[test]
fn a_receipt_of_the_wrong_day_currency_or_location_is_refused_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let dated = |date: chrono::NaiveDate| {
            let mut body = stack.receipt("B01", 1_000, None);
            body["business_date"] = json!(date);
            body.to_string()
        };
        let mut euros = stack.receipt("B01", 1_000, None).to_string();
        euros = euros.replace("CHF", "EUR");
        let mut early = stack.receipt("B01", 1_000, None);
        early["time"] = json!(runtime::now() + Duration::hours(1));
        let stored = stack.receipt("B01", 1_000, None);
        let _ = till.post("/v1/purchases", &stored).await.must(201);
        let other = changed(&stored, |body| body["lines"][0]["sku"] = json!("other"));
        let unknown = stack.receipt("B99", 1_000, None).to_string();
        let foreign = stack.receipt("B02", 1_000, None).to_string();
        let invalid = (422, "invalid");
        let future = dated(stack.today + Days::new(1));
        let old = dated(stack.today - Days::new(31));
        let calls = [
            Bad::new("tomorrow", &till, POST, future, invalid)
                .at("/business_date", "date_in_future")
                .says("check the till's calendar"),
            Bad::new("an hour early", &till, POST, early.to_string(), invalid)
                .at("/time", "time_in_future")
                .says("check the till's clock"),
            Bad::new("31 days late", &till, POST, old.clone(), invalid)
                .at("/business_date", "date_too_old")
                .says("purchases:migrate"),
            Bad::new("euros for francs", &till, POST, euros, invalid)
                .at("/total/currency", "currency_of_another_programme")
                .says("CHF"),
            Bad::new(
                "nobody's location",
                &stack.admin,
                POST,
                unknown,
                (422, "location_unknown"),
            )
            .says("correct the id"),
            Bad::new("another's location", &till, POST, foreign, (403, "location_forbidden"))
                .says("use the key of the location's middleware"),
            Bad::new("other content", &till, POST, other, (422, "receipt_contradiction")).says("other content"),
        ];
        assert_refused(stack, &calls, &[]).await;

        let mover = stack
            .client(&[Scope::PurchasesWrite, Scope::PurchasesMigrate], &["B01"])
            .await;
        let _ = mover.send(POST.0, POST.1, &[], Bytes::from(old)).await.must(201);
    });
}

#[test]
fn a_claim_that_cannot_be_is_refused_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let unknown = stack.unknown_card();
        let idle = stack.admin.post("/v1/cards", &json!({})).await.must(201);
        let idle = idle["number"].as_str().expect("a card number").to_owned();
        let claim = format!("/v1/purchases/{}/claim", stack.sell("B01", 1_000, None).await);
        let missing = format!("/v1/purchases/B01~1~{}~none/claim", stack.today);
        let other = format!("/v1/purchases/{}/claim", stack.sell("B02", 1_000, None).await);
        let for_card = |card: &str| json!({"card": card}).to_string();
        let calls = [
            Bad::new(
                "no receipt",
                &till,
                ("POST", &missing),
                for_card(&idle),
                (404, "not_found"),
            ),
            Bad::new(
                "no key",
                &till,
                ("POST", "/v1/purchases/B01/claim"),
                for_card(&idle),
                (400, "malformed_parameter"),
            )
            .says("key:"),
            Bad::new(
                "a misread card",
                &till,
                ("POST", &claim),
                for_card(MISREAD_CARD),
                (422, "invalid"),
            )
            .at("/card", "card_malformed")
            .says("read or type the card again"),
            Bad::new(
                "nobody's card",
                &till,
                ("POST", &claim),
                for_card(&unknown),
                (404, "card_unknown"),
            ),
            Bad::new(
                "an idle card",
                &till,
                ("POST", &claim),
                for_card(&idle),
                (409, "card_not_active"),
            )
            .says("register or unblock it first"),
            Bad::new(
                "another's receipt",
                &till,
                ("POST", &other),
                for_card(&idle),
                (403, "location_forbidden"),
            ),
        ];
        assert_refused(stack, &calls, &[MISREAD_CARD, &unknown, &idle]).await;
    });
}
