//! Voucher calls that cannot be.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::code::VoucherCode;
use end_to_end::client::Client;
use end_to_end::running::Running;
use end_to_end::shared::alone_on_the_stack;
use end_to_end::till::chf;
use end_to_end::world::PROGRAMME;
use http_edge::Scope;
use serde_json::{Value, json};

use crate::refusal::{Bad, assert_refused};

const REDEEM: (&str, &str) = ("POST", "/v1/vouchers/redeem");
const RESERVE: (&str, &str) = ("POST", "/v1/vouchers/reserve");
const CHECK: (&str, &str) = ("POST", "/v1/vouchers/check");
const RELEASE: (&str, &str) = ("POST", "/v1/vouchers/release");
const REVERSE: (&str, &str) = ("POST", "/v1/vouchers/reverse");
const MISTYPED: &str = "7Q2K-H4ZX-9D0M-TW3BA";
const STORE: &str = "B01";
/// A branch of a programme in euros, whose vouchers ask for a basket of 20.
const EURO_STORE: &str = "E01";

/// The till of both branches.
async fn till(stack: &Running) -> Client {
    stack.client(&[Scope::VouchersRedeem], &[STORE, EURO_STORE]).await
}

/// A body with everything that any voucher call takes, with changes.
fn body(stack: &Running, code: &str, changes: Value) -> String {
    let mut body = json!({
        "store": STORE, "till": "1", "code": code, "basket": "b-1", "basket_total": chf(900),
        "receipt": format!("{STORE}~1~{}~R-1", stack.today),
    });
    for (name, value) in changes.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body.to_string()
}

/// A voucher of the default programme that this happened to: the attribute of its entity has become the value.
async fn voucher_with(stack: &Running, attribute: &str, value: AttributeValue) -> String {
    let (customer, code) = stack.with_voucher(STORE).await;
    let db = &stack.system.db;
    let of_customer = |item: &store::record::Item| {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
        let holder = item.get("d").and_then(|d| d.as_m().ok()).and_then(|d| d.get("party"));
        text("et") == Some("voucher") && holder == Some(&AttributeValue::S(customer.party.clone()))
    };
    let item = stack
        .items()
        .await
        .into_iter()
        .find(of_customer)
        .expect("the voucher's item");
    let update = db.client().update_item().table_name(db.table());
    let update = update.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
    let update = update.update_expression("SET d.#attribute = :value");
    let update = update.expression_attribute_names("#attribute", attribute);
    let _ = update
        .expression_attribute_values(":value", value)
        .send()
        .await
        .expect("the voucher is changed");
    code
}

/// A voucher of the default programme that support has blocked.
async fn blocked_voucher(stack: &Running) -> String {
    let (customer, code) = stack.with_voucher(STORE).await;
    let path = format!("/v1/parties/{}/vouchers/1/block", customer.party);
    let body = json!({"programme": PROGRAMME, "reason": "Test", "client_token": "block"});
    let _ = stack.admin.post(&path, &body).await.must(201);
    code
}

/// A programme in euros, its branch, and a voucher of it.
async fn euro_voucher(stack: &Running) -> String {
    let settings = json!({
        "name": "Treue Euro", "currency": "EUR", "zone": "Europe/Vienna",
        "earning": {"points": 1, "per_minor": 100}, "excluded_groups": [],
        "voucher": {"threshold_points": 500, "value_minor": 500, "valid_days": 180, "min_basket_minor": 2_000},
        "points": {"pending_days": 0, "expiry": {"rule": "end_of_month", "months": 24}, "grace_days": 30}, "returns": "unlimited",
        "claim_days": 30, "late_days": 30, "reservation_seconds": 900, "unmatched_hours": 24,
    });
    let programme = json!({"expected_version": 0, "reason": "Test", "settings": settings});
    let _ = stack.admin.put("/v1/programmes/euro", &programme).await.must(201);
    let branch = json!({"name": "Bregenz", "kind": "branch", "programme": "euro"});
    let _ = stack
        .admin
        .put(&format!("/v1/locations/{EURO_STORE}"), &branch)
        .await
        .must(201);
    let customer = stack.customer("Euro", "de").await;
    let sale = stack.receipt(EURO_STORE, 50_000, Some(&customer.card)).to_string();
    let sale: Value = serde_json::from_str(&sale.replace("CHF", "EUR")).expect("a receipt");
    let _ = stack.admin.post("/v1/purchases", &sale).await.must(201);
    stack.rest().await;
    stack
        .codes(EURO_STORE, &customer.card)
        .await
        .pop()
        .expect("a voucher in euros")
}

#[test]
fn a_voucher_call_with_a_bad_field_is_refused_with_the_field_named_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let (_, code) = stack.with_voucher(STORE).await;
        let good = |changes: Value| body(stack, &code, changes);
        let unknown = VoucherCode::derive(&[7; 32], "nobody's").to_string();
        let invalid = (422, "invalid");
        let euros = json!({"basket_total": {"amount_minor": 900, "currency": "EUR"}});
        let calls = [
            Bad::new(
                "a typing error",
                &till,
                REDEEM,
                body(stack, MISTYPED, json!({})),
                invalid,
            )
            .at("/code", "voucher_code_malformed")
            .says("read or type it again"),
            Bad::new(
                "half a code",
                &till,
                CHECK,
                body(stack, "7Q2K-H4ZX", json!({})),
                invalid,
            )
            .at("/code", "voucher_code_malformed")
            .says("17 letters and digits"),
            Bad::new(
                "nobody's code",
                &till,
                REDEEM,
                body(stack, &unknown, json!({})),
                (404, "voucher_unknown"),
            ),
            Bad::new(
                "a key of two parts",
                &till,
                REDEEM,
                good(json!({"receipt": "B01~1"})),
                invalid,
            )
            .at("/receipt", "malformed"),
            Bad::new(
                "a receipt of another location",
                &till,
                REDEEM,
                good(json!({"receipt": format!("B02~1~{}~1", stack.today)})),
                invalid,
            )
            .at("/receipt", "receipt_of_another_location")
            .says("must be of this store"),
            Bad::new("no basket", &till, RESERVE, good(json!({"basket": ""})), invalid).at("/basket", "malformed"),
            Bad::new(
                "a negative basket",
                &till,
                RESERVE,
                good(json!({"basket_total": chf(-1)})),
                invalid,
            )
            .at("/basket_total/amount_minor", "amount_out_of_range"),
            Bad::new(
                "too much money",
                &till,
                RESERVE,
                good(json!({"basket_total": chf(i64::MAX)})),
                invalid,
            )
            .at("/basket_total/amount_minor", "amount_out_of_range"),
            Bad::new("euros", &till, RESERVE, good(euros), invalid)
                .at("/basket_total/currency", "currency_of_another_programme")
                .says("CHF"),
            Bad::new("a bad till", &till, CHECK, good(json!({"till": "till 1!"})), invalid).at("/till", "malformed"),
            Bad::new(
                "no code",
                &till,
                CHECK,
                json!({"store": STORE, "till": "1"}).to_string(),
                (400, "malformed_body"),
            )
            .says("missing field `code`"),
            Bad::new(
                "another's location",
                &till,
                CHECK,
                good(json!({"store": "B02"})),
                (403, "location_forbidden"),
            ),
            Bad::new(
                "nobody's location",
                &stack.admin,
                CHECK,
                good(json!({"store": "B99"})),
                (422, "location_unknown"),
            ),
        ];
        assert_refused(stack, &calls, &[&code, &unknown, MISTYPED]).await;
    });
}

#[test]
fn a_voucher_that_cannot_be_taken_is_refused_with_the_reason_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let till = till(stack).await;
        let euro = euro_voucher(stack).await;
        let expired = voucher_with(stack, "valid_until", AttributeValue::S("2026-01-31".to_owned())).await;
        let tomorrow = (stack.today + chrono::Days::new(1)).to_string();
        let early = voucher_with(stack, "valid_from", AttributeValue::S(tomorrow)).await;
        let blocked = blocked_voucher(stack).await;
        let (_, open) = stack.with_voucher(STORE).await;
        let (_, taken) = stack.with_voucher(STORE).await;
        let first = body(stack, &taken, json!({"basket": null}));
        let _ = till.send(REDEEM.0, REDEEM.1, &[], first.into()).await.must(200);
        let (_, held) = stack.with_voucher(STORE).await;
        let _ = till
            .send(RESERVE.0, RESERVE.1, &[], body(stack, &held, json!({})).into())
            .await
            .must(200);

        let plain = |code: &str| body(stack, code, json!({"basket": null}));
        let other = format!("{STORE}~1~{}~R-2", stack.today);
        let other = |code: &str| body(stack, code, json!({"basket": null, "receipt": other}));
        let small = json!({
            "store": EURO_STORE, "basket": null, "receipt": format!("{EURO_STORE}~1~{}~R-1", stack.today),
            "basket_total": {"amount_minor": 1_999, "currency": "EUR"},
        });
        let secrets = [&euro, &expired, &early, &blocked, &open, &taken, &held].map(String::as_str);
        let calls = [
            Bad::new(
                "of another programme",
                &till,
                REDEEM,
                plain(&euro),
                (409, "voucher_other_programme"),
            ),
            Bad::new(
                "a small basket",
                &till,
                REDEEM,
                body(stack, &euro, small),
                (409, "basket_too_small"),
            )
            .says("2000 minor units of EUR"),
            Bad::new("expired", &till, REDEEM, plain(&expired), (409, "voucher_expired")).says("2026-01-31"),
            Bad::new(
                "too early",
                &till,
                REDEEM,
                plain(&early),
                (409, "voucher_not_yet_valid"),
            ),
            Bad::new("blocked", &till, REDEEM, plain(&blocked), (409, "voucher_blocked")),
            Bad::new(
                "blocked, held",
                &till,
                RESERVE,
                body(stack, &blocked, json!({})),
                (409, "voucher_blocked"),
            ),
            Bad::new("taken", &till, REDEEM, other(&taken), (409, "voucher_redeemed")),
            Bad::new(
                "taken, held",
                &till,
                RESERVE,
                body(stack, &taken, json!({})),
                (409, "voucher_redeemed"),
            ),
            Bad::new(
                "held by another",
                &till,
                RESERVE,
                body(stack, &held, json!({"basket": "b-2"})),
                (409, "voucher_reserved"),
            ),
            Bad::new(
                "not held",
                &till,
                REDEEM,
                body(stack, &open, json!({})),
                (409, "voucher_not_held"),
            ),
            Bad::new(
                "another's hold",
                &till,
                RELEASE,
                body(stack, &held, json!({"basket": "b-2"})),
                (409, "voucher_reserved"),
            ),
            Bad::new(
                "redeemed elsewhere",
                &till,
                REVERSE,
                other(&taken),
                (409, "voucher_not_redeemed"),
            ),
        ];
        assert_refused(stack, &calls, &secrets).await;
    });
}
