//! Receipts, replays, contradictions, cards that are registered later.

use chrono::DateTime;
use end_to_end::running::{Running, key_of};
use end_to_end::shared::on_the_stack;
use end_to_end::till::chf;
use http_edge::Scope;
use serde_json::{Value, json};

/// A receipt of three lines, one of them a deposit that earns nothing, paid in two ways.
fn mixed(stack: &Running, store: &str, card: Option<&str>) -> Value {
    let mut receipt = stack.receipt(store, 13_040, card);
    receipt["lines"] = json!([
        {"sku": "30002", "group": "books", "quantity_milli": 2_000, "amount": chf(7_990), "vat_rate_bp": 260},
        {"sku": "20001", "amount": chf(5_000), "vat_rate_bp": 810},
        {"sku": "90001", "group": "deposit", "amount": chf(50)},
    ]);
    receipt["payments"] = json!([{"kind": "card", "amount": chf(8_000)}, {"kind": "cash", "amount": chf(5_040)}]);
    receipt
}

#[test]
fn l2_l3_n3_a_receipt_earns_points_line_by_line_and_the_same_again_is_a_replay() {
    on_the_stack(async |stack| {
        let customer = stack.customer("Keller", "en").await;
        let receipt = mixed(stack, "B01", Some(&customer.card));
        let first = stack.admin.post("/v1/purchases", &receipt).await.must(201);
        assert_eq!(first["key"], key_of(&receipt));
        assert_eq!(
            (&first["status"], &first["matched"]),
            (&json!("accepted"), &json!(true))
        );
        let expected = json!({
            "points": 129, "programme": "treue", "programme_version": 1,
            "eligible": chf(12_990), "voucher_paid": chf(0), "base": chf(12_990),
            "lines": [
                {"line": 0, "base": chf(7_990), "reason": "base_rate"},
                {"line": 1, "base": chf(5_000), "reason": "base_rate"},
                {"line": 2, "base": chf(0), "reason": "excluded_group"},
            ],
        });
        assert_eq!(first["expected"], expected);
        assert_account(&first["account"], 0, 0);

        stack.rest().await;
        let again = stack.admin.post("/v1/purchases", &receipt).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        let again = again.must(200);
        assert_eq!(again["status"], "replayed");
        for part in ["key", "matched", "expected", "print"] {
            assert_eq!(again[part], first[part], "{part} of the replay");
        }
        assert_account(&again["account"], 129, 13_040);

        stack.rest().await;
        let points = stack.points(&customer.party).await;
        assert_eq!((&points["balance"], &points["receipts"]), (&json!(129), &json!(1)));
        assert_eq!(points["entries"].as_array().map(Vec::len), Some(1), "{points}");
        assert_eq!(points["entries"][0]["cause"]["receipt"], first["key"]);
        let stored = format!("/v1/purchases/{}", key_of(&receipt));
        let stored = stack.admin.get(&stored).await.must(200);
        assert_eq!((&stored["posted"], &stored["points"]), (&json!(true), &json!(129)));
    });
}

fn assert_account(account: &Value, balance: i64, revenue_minor: i64) {
    assert_eq!(account["balance"], balance, "{account}");
    assert_eq!(account["revenue"], chf(revenue_minor), "{account}");
    assert_eq!(account["open_vouchers"], json!([]), "{account}");
    let as_of = account["as_of"].as_str().expect("when it was read");
    assert!(DateTime::parse_from_rfc3339(as_of).is_ok(), "{as_of}");
}

#[test]
fn l2_the_answer_names_balance_and_open_vouchers_as_of_now() {
    on_the_stack(async |stack| {
        let (customer, code) = stack.with_voucher("B02").await;
        let receipt = stack.receipt("B02", 4_200, Some(&customer.card));
        let answer = stack.admin.post("/v1/purchases", &receipt).await.must(201);
        assert_eq!(answer["account"]["balance"], 0, "500 points became the voucher");
        assert_eq!(answer["account"]["revenue"], chf(50_000));
        assert_eq!(answer["account"]["open_vouchers"][0]["code"], code);
        assert_eq!(answer["account"]["open_vouchers"][0]["value"], chf(500));
        assert_eq!(answer["account"]["more_vouchers"], false);
        let print = answer["print"].to_string();
        assert!(print.contains("Gutschein CHF 5.00 bis"), "{print}");
        assert!(!print.contains(&code), "the printed text names no code");
    });
}

#[test]
fn l7_the_text_to_print_speaks_the_customers_language() {
    on_the_stack(async |stack| {
        let texts = [
            (
                "de",
                "Punkte dieses Einkaufs: 42",
                "Ihr Punktestand: 42",
                "Bis zum nächsten Gutschein: 458",
            ),
            (
                "fr",
                "Points de cet achat: 42",
                "Votre solde de points: 42",
                "Jusqu'au prochain bon: 458",
            ),
            (
                "it",
                "Punti di questo acquisto: 42",
                "Il suo saldo punti: 42",
                "Al prossimo buono: 458",
            ),
            (
                "en",
                "Points of this purchase: 42",
                "Your points balance: 42",
                "To your next voucher: 458",
            ),
        ];
        for (language, earned, balance, missing) in texts {
            let customer = stack.customer("Meier", language).await;
            let mut receipt = stack.receipt("B03", 4_299, Some(&customer.card));
            // What the till asks for counts only when the customer has no language.
            receipt["language"] = json!(if language == "de" { "fr" } else { "de" });
            let answer = stack.admin.post("/v1/purchases", &receipt).await.must(201);
            let print = json!({"language": language, "lines": ["Treue", earned, balance, missing]});
            assert_eq!(answer["print"], print);
        }
    });
}

#[test]
fn l7_without_a_card_the_text_invites_to_register_in_the_language_of_the_till() {
    on_the_stack(async |stack| {
        let texts = [
            (
                "de",
                "Punkte dieses Einkaufs: 42",
                "Karte registrieren, Punkte sichern.",
            ),
            (
                "fr",
                "Points de cet achat: 42",
                "Enregistrez la carte, gardez les points.",
            ),
            (
                "it",
                "Punti di questo acquisto: 42",
                "Registri la carta, conservi i punti.",
            ),
            (
                "en",
                "Points of this purchase: 42",
                "Register the card to keep the points.",
            ),
        ];
        for (language, earned, invitation) in texts {
            let mut receipt = stack.receipt("B03", 4_200, None);
            receipt["language"] = json!(language);
            let answer = stack.admin.post("/v1/purchases", &receipt).await.must(201);
            assert_eq!(answer["matched"], false);
            assert_eq!(answer["account"], Value::Null, "nobody's account");
            let print = json!({"language": language, "lines": ["Treue", earned, invitation]});
            assert_eq!(answer["print"], print);
        }
    });
}

#[test]
fn a_receipt_with_other_content_is_refused_and_listed_once_for_an_operator() {
    on_the_stack(async |stack| {
        let store = "B04";
        let operator = stack.client(&[Scope::OperationsRead], &[store]).await;
        let receipt = stack.receipt(store, 1_000, None);
        let _ = stack.admin.post("/v1/purchases", &receipt).await.must(201);
        let mut other = receipt.clone();
        other["lines"][0]["sku"] = json!("other");
        for _ in 0..2 {
            let refused = stack.admin.post("/v1/purchases", &other).await.must(422);
            assert_eq!(refused["code"], "receipt_contradiction");
        }
        let exceptions = format!("/v1/exceptions?from={0}&to={0}", stack.today);
        let listed = operator.get(&exceptions).await.must(200);
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!(listed["items"][0]["kind"], "receipt_contradiction");
        assert_eq!(listed["items"][0]["receipt"], key_of(&receipt));
        let stands = stack.admin.post("/v1/purchases", &receipt).await.must(200);
        assert_eq!(stands["status"], "replayed", "the first one stands");
    });
}

#[test]
fn l2_receipts_of_unknown_and_unregistered_cards_are_taken_and_settled_by_the_registration() {
    on_the_stack(async |stack| {
        let unregistered = stack.admin.post("/v1/cards", &json!({})).await.must(201);
        let unregistered = unregistered["number"].as_str().expect("a card number").to_owned();
        let unknown = stack.unknown_card();
        for card in [&unregistered, &unknown] {
            let receipt = stack.receipt("B05", 7_700, Some(card));
            let answer = stack.admin.post("/v1/purchases", &receipt).await.must(201);
            assert_eq!((&answer["matched"], &answer["account"]), (&json!(false), &Value::Null));
        }
        let _ = stack
            .admin
            .post("/v1/cards", &json!({"number": unknown}))
            .await
            .must(201);
        stack.rest().await;

        for card in [unregistered, unknown] {
            let party = json!({"kind": "person", "family_name": "Spät"});
            let party = stack.admin.post("/v1/parties", &party).await.must(201)["party_id"].clone();
            let party = party.as_str().expect("a party id");
            let register = format!("/v1/cards/{card}/register");
            let _ = stack.admin.post(&register, &json!({"party_id": party})).await.must(200);
            stack.rest().await;
            assert_eq!(stack.points(party).await["balance"], 77);
            let _ = stack.admin.post(&register, &json!({"party_id": party})).await.must(200);
            stack.rest().await;
            assert_eq!(
                stack.points(party).await["balance"],
                77,
                "registered twice, settled once"
            );
        }
    });
}
