//! From the threshold to the redemption (N4, N5, N6).

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Duration};
use domain::code::VoucherCode;
use end_to_end::running::{Running, key_of};
use end_to_end::shared::on_the_stack;
use end_to_end::till::{chf, paid_with_voucher};
use http_edge::Scope;
use serde_json::{Value, json};
use store::record::instant_key;

#[test]
fn n4_a_receipt_worth_a_thousand_vouchers_issues_exactly_those_and_the_rest_stays() {
    on_the_stack(async |stack| {
        let customer = stack.customer("Gross", "de").await;
        let _ = stack.sell("B07", 50_012_300, Some(&customer.card)).await;
        stack.rest().await;
        let points = stack.points(&customer.party).await;
        assert_eq!(
            (&points["balance"], &points["vouchers_issued"]),
            (&json!(123), &json!(1_000))
        );
        assert_eq!(
            all_codes(stack, &customer.card).await.len(),
            1_000,
            "each with a code of its own"
        );
    });
}

/// Every code that the cash desk shows, page by page.
async fn all_codes(stack: &Running, card: &str) -> BTreeSet<String> {
    let path = format!("/v1/cash-desk/{card}?store=B07&till=1");
    let (mut codes, mut next) = (BTreeSet::new(), String::new());
    loop {
        let page = stack.admin.get(&format!("{path}{next}")).await.must(200);
        for voucher in page["open_vouchers"].as_array().expect("a list of vouchers") {
            let code = voucher["code"].as_str().expect("a code");
            assert!(code.parse::<VoucherCode>().is_ok(), "its check character fits");
            assert!(codes.insert(code.to_owned()), "each voucher stands on one page");
        }
        match page["next"].as_str() {
            Some(token) => next = format!("&next={token}"),
            None => return codes,
        }
    }
}

#[test]
fn n5_the_cash_desk_shows_name_balance_and_vouchers_and_nothing_else_of_the_customer() {
    on_the_stack(async |stack| {
        let party = json!({
            "kind": "person", "given_name": "Margarethe", "family_name": "Gotthelf-Ursprung", "language": "fr",
            "external_id": {"system": "old-crm", "id": "EXT-99871"},
        });
        let party = stack.admin.post("/v1/parties", &party).await.must(201);
        let id = party["party_id"].as_str().expect("a party id");
        let card = stack.admin.post("/v1/cards", &json!({"party_id": id})).await.must(201);
        let card = card["number"].as_str().expect("a card number");
        let _ = stack.sell("B08", 51_700, Some(card)).await;
        stack.rest().await;
        let mut desk = stack.desk("B08", card).await;
        for hidden in ["EXT-99871", "old-crm", id, card] {
            assert!(!desk.to_string().contains(hidden), "{hidden} in {desk}");
        }
        let until = desk["open_vouchers"][0]["valid_until"].take();
        let code = desk["open_vouchers"][0]["code"].take();
        assert!(code.as_str().is_some_and(|code| code.parse::<VoucherCode>().is_ok()));
        assert!(until.as_str().is_some_and(|day| *day > *stack.today.to_string()));
        let _ = desk["as_of"].take();
        let shown = json!({
            "card_status": "active",
            "customer": {"name": party["display_name"], "language": "fr", "programme": "treue", "balance": 17},
            "open_vouchers": [{"code": null, "value": chf(500), "valid_until": null}],
            "more_vouchers": false,
            "as_of": null,
        });
        assert_eq!(desk, shown);
    });
}

/// A call of the till 1 about a voucher.
fn voucher(store: &str, code: &str, more: Value) -> Value {
    let mut body = json!({"store": store, "till": "1", "code": code});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

#[test]
fn n6_a_voucher_is_checked_reserved_released_redeemed_and_reversed() {
    on_the_stack(async |stack| {
        let (customer, code) = stack.with_voucher("B09").await;
        let till = stack.client(&[Scope::VouchersRedeem], &["B09", "SHOP"]).await;
        let call = async |what: &str, body: &Value| till.post(&format!("/v1/vouchers/{what}"), body).await;
        let typed = code.replace('-', " ").to_lowercase();
        let check = call("check", &voucher("SHOP", &typed, json!({"basket_total": chf(900)})))
            .await
            .must(200);
        assert_eq!(
            (&check["usable"], &check["state"]["status"]),
            (&json!(true), &json!("open"))
        );

        let basket = |name: &str| voucher("SHOP", &code, json!({"basket": name, "basket_total": chf(900)}));
        let held = call("reserve", &basket("b-1")).await.must(200);
        assert_eq!(held["status"], "reserved");
        assert_eq!(
            call("reserve", &basket("b-1")).await.must(200),
            held,
            "the same basket again"
        );
        let refused = call("reserve", &basket("b-2")).await.must(409);
        assert_eq!(
            (&refused["code"], &refused["until"]),
            (&json!("voucher_reserved"), &held["reserved_until"])
        );
        let unusable = call("check", &voucher("B09", &code, json!({}))).await.must(200);
        assert_eq!(
            (&unusable["usable"], &unusable["reason"]),
            (&json!(false), &json!("voucher_reserved"))
        );
        let free = call("release", &voucher("SHOP", &code, json!({"basket": "b-1"})))
            .await
            .must(200);
        assert_eq!(free["status"], "open");

        let redeem = |store: &str, number: &str| {
            let receipt = format!("{store}~1~{}~{number}", stack.today);
            voucher(store, &code, json!({"receipt": receipt, "basket_total": chf(900)}))
        };
        let taken = call("redeem", &redeem("B09", "R-1")).await.must(200);
        assert_eq!(taken["status"], "redeemed");
        let again = call("redeem", &redeem("B09", "R-1")).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.must(200), taken, "the same receipt again hears the same answer");
        let twice = call("redeem", &redeem("SHOP", "R-2")).await.must(409);
        assert_eq!(twice["code"], "voucher_redeemed");
        let first = json!({
            "location": "B09", "till": "1", "business_date": stack.today, "at": taken["redemption"]["at"],
        });
        assert_eq!(twice["redemption"], first, "where and when the first one was");
        let at = first["at"].as_str().expect("an instant");
        assert!(DateTime::parse_from_rfc3339(at).is_ok(), "{at}");
        assert_eq!(
            stack.codes("B09", &customer.card).await,
            [""; 0],
            "the cash desk offers it no more"
        );

        let receipt = redeem("B09", "R-1")["receipt"].clone();
        let back = call("reverse", &voucher("B09", &code, json!({"receipt": receipt})))
            .await
            .must(200);
        assert_eq!(back["status"], "open");
        assert_eq!(
            call("redeem", &redeem("B09", "R-1")).await.must(409)["code"],
            "voucher_reversed"
        );
        let _ = call("redeem", &redeem("SHOP", "R-2")).await.must(200);
    });
}

#[test]
fn n6_redemptions_without_receipt_and_payments_without_redemption_are_listed_after_a_day() {
    on_the_stack(async |stack| {
        let operator = stack.client(&[Scope::OperationsRead], &["B10"]).await;
        let (customer, redeemed) = stack.with_voucher("B10").await;
        let receipt = format!("B10~1~{}~never-sent", stack.today);
        let redeem = voucher("B10", &redeemed, json!({"receipt": receipt, "basket_total": chf(900)}));
        let redeemed = stack.admin.post("/v1/vouchers/redeem", &redeem).await.must(200);

        let _ = stack.sell("B10", 50_000, Some(&customer.card)).await;
        stack.rest().await;
        let paid = stack.codes("B10", &customer.card).await.pop().expect("another voucher");
        let sale = paid_with_voucher(stack.receipt("B10", 2_000, None), &paid, 500);
        let _ = stack.admin.post("/v1/purchases", &sale).await.must(201);
        stack.rest().await;

        let unmatched = "/v1/vouchers/unmatched?programme=treue";
        let now = operator.get(unmatched).await.must(200);
        assert_eq!(now["items"], json!([]), "their other halves may still come");
        a_day_passes(stack, &customer.party).await;
        let listed = operator.get(unmatched).await.must(200);
        let items = listed["items"].as_array().expect("a list of cases");
        let kinds: BTreeSet<_> = items.iter().filter_map(|item| item["kind"].as_str()).collect();
        let both = BTreeSet::from(["redemption_without_receipt", "payment_without_redemption"]);
        assert_eq!((items.len(), kinds), (2, both), "{listed}");
        let of = |kind: &str| items.iter().find(|item| item["kind"] == kind).expect("the case");
        let redemption = of("redemption_without_receipt");
        assert_eq!(
            (&redemption["redeemed_on"], &redemption["state"]),
            (&json!(receipt), &redeemed)
        );
        assert_eq!(of("payment_without_redemption")["paid_on"], key_of(&sale));
        assert!(!listed.to_string().contains(&paid), "no code in the list");
    });
}

/// The unmatched cases of a party's vouchers are seen as if they had been there for a day longer.
async fn a_day_passes(stack: &Running, party: &str) {
    let longer = instant_key(runtime::now() - Duration::hours(25));
    let db = &stack.system.db;
    let mut moved = 0;
    for item in stack.items().await {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let of_party = item.get("d").and_then(|d| d.as_m().ok()).and_then(|d| d.get("party"));
        let (Some(pk), Some(sk), Some(work)) = (text("pk"), text("sk"), text("work_sk")) else {
            continue;
        };
        if text("et").as_deref() != Some("voucher") || of_party != Some(&AttributeValue::S(party.to_owned())) {
            continue;
        }
        let (_, lookup) = work.split_once('#').expect("an instant and a lookup key");
        let update = db.client().update_item().table_name(db.table());
        let update = update.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk));
        let update = update.update_expression("SET work_sk = :longer");
        let update = update.expression_attribute_values(":longer", AttributeValue::S(format!("{longer}#{lookup}")));
        let _ = update.send().await.expect("the case is moved");
        moved += 1;
    }
    assert_eq!(moved, 2, "both vouchers are cases");
}
