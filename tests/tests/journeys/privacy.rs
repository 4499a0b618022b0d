//! A person is told everything that is stored about her, in one signed statement, and is erased: no identifier is left, the books
//! stay true, and nothing that comes late brings her back (X16).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end_to_end::books::Books;
use end_to_end::delivery::Delivering;
use end_to_end::story::{document, privacy};
use end_to_end::till::{self, receipt};
use end_to_end::traces;
use end_to_end::world::{IF_MATCH, PROGRAMME, World, everywhere, second_person};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const STATE: &str = "POST /v1/parties/{party_id}/statements";
const ASK: &str = "POST /v1/parties/{party_id}/erasure";
const APPROVE: &str = "POST /v1/parties/{party_id}/erasure/approval";
const WITHDRAW: &str = "POST /v1/parties/{party_id}/erasure/withdrawal";
const SHOW: &str = "GET /v1/parties/{party_id}/erasure";

async fn call(world: &World, route: &str, party: &str, body: &Value) -> (u16, Value) {
    world.call(route, &[("party_id", party)], body).await
}

fn on_request() -> Value {
    json!({"reason": "on_request"})
}

/// A JWS is verified by a library that has no part in making it, with the key that the API publishes.
async fn verifies(world: &World, jws: &str, content: Option<&[u8]>) -> bool {
    let [header, payload, signature] = jws.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let said = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let said: Value = serde_json::from_slice(&said).expect("a header");
    let (_, keys) = world.call("GET /v1/statement-keys", &[], &Value::Null).await;
    let keys = keys["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["kid"] == said["kid"]).expect("the key");
    let key: Jwk = serde_json::from_value(key.clone()).expect("a JWK");
    let key = DecodingKey::from_jwk(&key).expect("a key");
    let payload = content.map_or_else(|| payload.to_owned(), |content| URL_SAFE_NO_PAD.encode(content));
    let signed = format!("{header}.{payload}");
    jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, Algorithm::EdDSA).expect("a signature")
}

#[tokio::test]
async fn x16_a_person_is_told_everything_in_one_statement_that_verifies() {
    let world = World::new().await;
    let mut delivering = Delivering::well();
    let (party, other) = privacy::plant(&world, &mut delivering).await;
    let (status, answer) = call(&world, STATE, &party, &Value::Null).await;
    assert_eq!(status, 201, "{answer}");
    let id = answer["statement_id"].as_str().expect("an id");
    let file = |ending: &str| format!("statements/demo/{party}/{id}.{ending}");
    let statement = world.file(&file("json")).await.expect("the statement");
    assert_eq!(answer["bytes"], json!(statement.len()));
    let sha256: String = Sha256::digest(&statement)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(answer["sha256"], json!(sha256));
    assert!(answer["url"].as_str().expect("a link").contains(id));

    let jws = world.file(&file("jws")).await.expect("the signature");
    assert_eq!(answer["signature"], json!(jws));
    assert!(verifies(&world, &jws, Some(statement.as_bytes())).await);
    let forged = statement.replacen("Quirina", "Quirine", 1);
    assert!(
        !verifies(&world, &jws, Some(forged.as_bytes())).await,
        "of another text"
    );

    for planted in privacy::IDENTIFIERS {
        assert!(statement.contains(planted), "{planted} is stored and not told");
    }
    let said: Value = serde_json::from_str(&statement).expect("JSON");
    assert_eq!(said["cards"][0]["number"], json!(privacy::card_number()));
    assert_eq!(said["accounts"][0]["balance"], 140);
    assert_eq!(said["receipts"][0]["receipt"]["total_minor"], 60_000);
    assert_eq!(said["vouchers"][0]["value_minor"], 500);
    assert_eq!(said["relationships"][0]["other"], json!(other));
    assert_eq!(said["invoices"][0]["number"], "R-7");
    assert_eq!(said["segments"][0][0], "segment-of-one");
    for section in [
        "about",
        "changes",
        "consents",
        "ledger",
        "orders",
        "points_by_hand",
        "search",
        "segments",
        "tasks",
    ] {
        let there = !said[section].is_null() || !said["party"][section].is_null();
        assert!(there, "{section}");
    }
    let (_, codes) = world.desk(&privacy::card_number()).await;
    assert!(
        !codes.is_empty() && codes.iter().all(|code| !statement.contains(code.as_str())),
        "no code is told"
    );
}

#[tokio::test]
async fn x16_after_an_erasure_no_identifier_is_left_and_the_books_are_as_they_were() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let (party, other) = privacy::plant(&world, &mut delivering).await;
    call(&world, STATE, &party, &Value::Null).await;
    let card = privacy::card_number();
    let mut planted: Vec<&str> = privacy::IDENTIFIERS.to_vec();
    planted.push(&card);
    // What is to be found is there, and the search finds it.
    for text in &planted {
        assert!(!traces::of(&world, &[text]).await.is_empty(), "{text} is stored");
    }
    let revenue = "GET /v1/locations/{location_id}/revenue?from=2026-11-22&to=2026-11-23";
    let store = [("location_id", "B01")];
    let (before, sold) = (
        Books::read(&world).await,
        world.call(revenue, &store, &Value::Null).await,
    );
    let (_, codes) = world.desk(&card).await;

    let erased = privacy::erase(&mut world, &mut delivering, &party).await;
    assert_eq!(traces::of(&world, &planted).await, Vec::<String>::new());
    let listed = format!("#{party}");
    let lists = traces::of(&world, &["SEARCH#"]).await;
    assert!(
        lists.iter().all(|entry| !entry.contains(&listed)),
        "no list for search leads to her"
    );

    let after = Books::read(&world).await;
    after.check();
    assert_eq!(
        (&after.accounts, &after.ledger, &after.vouchers, after.receipts.len()),
        (
            &before.accounts,
            &before.ledger,
            &before.vouchers,
            before.receipts.len()
        ),
    );
    assert_eq!(world.call(revenue, &store, &Value::Null).await, sold);
    assert_eq!(erased["counts"]["kept"]["ledger_entry"], 3);
    assert_eq!(erased["counts"]["deleted"]["relationship"], 2);
    assert_eq!(erased["counts"]["emptied"]["external_id"], 2);
    assert_eq!(erased["counts"]["emptied"]["task"], 3);

    let proof = erased["proof"].as_str().expect("a proof");
    assert!(verifies(&world, proof, None).await);
    let told = URL_SAFE_NO_PAD
        .decode(proof.split('.').nth(1).expect("its content"))
        .expect("base64url");
    let told: Value = serde_json::from_slice(&told).expect("JSON");
    assert_eq!(
        (
            &told["party_id"],
            &told["asked_by"],
            &told["approved_by"],
            &told["counts"]
        ),
        (&json!(party), &json!("pos"), &json!("second"), &erased["counts"]),
    );
    // The voucher is still a voucher, and is not taken.
    let redeem = till::redeem("B01", &codes[0], "9", 9_000);
    let (status, refused) = world.call("POST /v1/vouchers/redeem", &[], &redeem).await;
    assert_eq!((status, &refused["code"]), (409, &json!("voucher_holder_stopped")));
    // The sister is as she was, but for the household.
    let (status, sister) = call(&world, "GET /v1/parties/{party_id}", &other, &Value::Null).await;
    assert_eq!((status, &sister["family_name"]), (200, &json!("Muster")));
}

#[tokio::test]
async fn x16_nothing_that_comes_late_brings_an_erased_person_back() {
    let mut world = World::new().await;
    let mut delivering = Delivering::well();
    let (party, other) = privacy::plant(&world, &mut delivering).await;
    let path = [("party_id", party.as_str())];
    let card = privacy::card_number();
    privacy::erase(&mut world, &mut delivering, &party).await;
    let before = Books::read(&world).await;

    let late = receipt("B01", "2", 5_000, Some(&card));
    let (status, told) = world.buy(&late).await;
    assert_eq!((status, &told["matched"]), (201, &json!(false)), "{told}");
    let talk = json!({
        "kind": "call", "direction": "inbound", "subject": "Sommerfest von Quirina", "text": "x", "at": world.now,
        "client_token": "late-1",
    });
    let task =
        json!({"title": "Sommerfest von Quirina", "queue": "support", "party_id": party, "client_token": "late-2"});
    let case = json!({"title": "Sommerfest von Quirina", "party_id": party, "client_token": "late-3"});
    let correct =
        json!({"programme": PROGRAMME, "points": 5, "reason": "Kulanz für Frau Z.", "client_token": "late-4"});
    let transfer = json!({
        "programme": PROGRAMME, "to": party, "points": 5, "reason": "Kulanz für Frau Z.", "client_token": "late-5",
    });
    let order = json!({
        "number": "A-8", "revision": 1, "external_id": {"system": "erp", "id": "KD-558-ERASE"}, "date": "2026-10-01",
        "status": "open", "total": till::chf(100),
        "lines": [{"article": "TS", "text": "Gravur für Quirina", "quantity_milli": 1_000, "amount": till::chf(100)}],
    });
    let of_other = [("party_id", other.as_str())];
    let related = json!({"relationship": "household", "other": party});
    let letter = [path[0], ("channel", "letter")];
    let consent = json!({"state": "granted", "source": "shop", "text_version": "v1"});
    let nothing = Value::Null;
    let segments = json!({"segments": ["segment-of-one"]});
    let named = json!({"family_name": "Zellweger-Abt"});
    let id = json!({"system": "erp", "id": "KD-558-ERASE"});
    let cards = json!({"number": end_to_end::world::card(78), "party_id": party});
    let request = on_request();
    let body = privacy::body();
    let seen = [path[0], (IF_MATCH, "*")];
    type Call<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a Value);
    let calls: [Call<'_>; 17] = [
        ("POST /v1/parties", &[], &body),
        ("GET /v1/parties/{party_id}", &path, &nothing),
        ("PATCH /v1/parties/{party_id}", &seen, &named),
        ("PUT /v1/parties/{party_id}/consents/{channel}", &letter, &consent),
        ("PUT /v1/parties/{party_id}/segments", &path, &segments),
        ("POST /v1/parties/{party_id}/identifiers", &of_other, &id),
        ("POST /v1/parties/{party_id}/relationships", &of_other, &related),
        ("POST /v1/parties/{party_id}/communications", &path, &talk),
        ("POST /v1/parties/{party_id}/points/corrections", &path, &correct),
        ("POST /v1/tasks", &[], &task),
        ("POST /v1/cases", &[], &case),
        ("POST /v1/cards", &[], &cards),
        ("POST /v1/erp/orders", &[], &order),
        ("POST /v1/parties/{party_id}/statements", &path, &nothing),
        ("POST /v1/parties/{party_id}/erasure", &path, &request),
        ("GET /v1/parties/{party_id}/overview?programme=treue", &path, &nothing),
        ("POST /v1/leads", &[], &json!({"party": body, "source": "fair"})),
    ];
    for (route, path, body) in calls {
        let (status, answer) = world.call(route, path, body).await;
        assert_eq!(
            (status, &answer["code"]),
            (410, &json!("party_erased")),
            "{route}: {answer}"
        );
    }
    let (status, _) = call(
        &world,
        "POST /v1/parties/{party_id}/points/transfers",
        &other,
        &transfer,
    )
    .await;
    assert!(matches!(status, 409 | 410), "{status}");

    // An old file, and documents of the ERP: the invoice that stands takes its payment, for the books.
    let old =
        "external_id,given_name,family_name,email\nKD-558-ERASE,Quirina,Zellweger-Abt,quirina.zellweger@example.ch\n";
    world.put_import("erp.old.csv", old).await;
    delivering.until_rest(&world).await;
    let import = end_to_end::story::imports::import_of(&world, old.len()).await;
    assert_eq!(import["counts"]["rejected"], 1, "{import}");
    let run = import["run_id"].as_str().expect("an id");
    let rejects = world
        .file(&format!("rejects/demo/{run}-1.csv"))
        .await
        .expect("the rejects");
    assert!(rejects.contains("external_id,party_erased"), "{rejects}");
    let invoice = json!({
        "number": "R-9", "revision": 1, "external_id": {"system": "erp", "id": "KD-558-ERASE"}, "date": "2026-10-02",
        "due_date": "2026-11-01", "total": till::chf(100), "dunning_level": 0, "status": "open",
    });
    let payment = json!({
        "number": "Z-7", "revision": 1, "invoice": "R-7", "date": "2026-11-20", "amount": till::chf(20_000),
    });
    let sent = vec![
        document("order", order),
        document("invoice", invoice),
        document("payment", payment),
    ];
    delivering.erp(&world, sent).await;
    delivering.rewind();
    delivering.until_rest(&world).await;

    let mut planted: Vec<&str> = privacy::IDENTIFIERS.to_vec();
    planted.push(&card);
    assert_eq!(traces::of(&world, &planted).await, Vec::<String>::new());
    let after = Books::read(&world).await;
    after.check();
    assert_eq!((&after.accounts, &after.ledger), (&before.accounts, &before.ledger));
    assert_eq!(
        after.receipts.len(),
        before.receipts.len() + 1,
        "the revenue of the late receipt"
    );
    let (_, rejected) = world.call("GET /v1/erp/rejected", &[], &Value::Null).await;
    let codes = rejected["items"].as_array().expect("items").iter();
    assert!(
        codes
            .map(|item| &item["problem"])
            .eq([&json!("party_erased"), &json!("party_erased")]),
        "{rejected}"
    );
}

#[tokio::test]
async fn x16_another_person_approves_and_what_was_taken_back_is_asked_for_again() {
    let world = World::new().await;
    let party = world.party(1).await;
    let path = [("party_id", party.as_str())];
    let code = |answer: &Value| answer["code"].as_str().unwrap_or_default().to_owned();
    let (status, answer) = call(&world, APPROVE, &party, &Value::Null).await;
    assert_eq!((status, code(&answer).as_str()), (404, "not_found"));
    let (status, answer) = call(&world, ASK, &party, &json!({"reason": "Max Muster is gone"})).await;
    assert_eq!((status, &answer["errors"][0]["pointer"]), (422, &json!("/reason")));
    assert_eq!(
        call(&world, ASK, "0190aaaa-0000-7000-8000-000000000000", &on_request())
            .await
            .0,
        404
    );

    let mut olga = everywhere();
    olga.subject = "olga".parse().expect("a subject");
    let (status, first) = world.call_as(&olga, ASK, &path, &on_request()).await;
    assert_eq!((status, &first["status"]), (201, &json!("requested")));
    assert_eq!(
        world.call_as(&olga, ASK, &path, &on_request()).await.0,
        200,
        "the same call again"
    );
    let (status, answer) = call(&world, ASK, &party, &on_request()).await;
    assert_eq!((status, code(&answer).as_str()), (409, "erasure_state"));
    let (status, answer) = world.call_as(&olga, APPROVE, &path, &Value::Null).await;
    assert_eq!((status, code(&answer).as_str()), (403, "approval_by_author"));
    let (status, answer) = call(&world, APPROVE, &party, &Value::Null).await;
    assert_eq!(
        (status, code(&answer).as_str()),
        (403, "person_needed"),
        "a key is nobody"
    );

    assert_eq!(call(&world, WITHDRAW, &party, &Value::Null).await.0, 200);
    assert_eq!(
        call(&world, WITHDRAW, &party, &Value::Null).await.0,
        200,
        "twice is once"
    );
    let (status, answer) = world.call_as(&second_person(), APPROVE, &path, &Value::Null).await;
    assert_eq!((status, code(&answer).as_str()), (409, "erasure_state"));
    assert_eq!(
        call(&world, "GET /v1/parties/{party_id}", &party, &Value::Null).await.0,
        200
    );

    assert_eq!(
        world.call_as(&olga, ASK, &path, &on_request()).await.0,
        201,
        "asked for again"
    );
    let (status, approved) = world.call_as(&second_person(), APPROVE, &path, &Value::Null).await;
    assert_eq!((status, &approved["status"]), (202, &json!("approved")));
    assert_eq!(
        world.call_as(&second_person(), APPROVE, &path, &Value::Null).await.0,
        200
    );
    let (status, answer) = call(&world, WITHDRAW, &party, &Value::Null).await;
    assert_eq!((status, code(&answer).as_str()), (409, "erasure_state"), "too late");
    assert_eq!(call(&world, SHOW, &party, &Value::Null).await.1["status"], "approved");
    let (_, waiting) = world.call("GET /v1/erasures", &[], &Value::Null).await;
    let (_, approved) = world.call("GET /v1/erasures?status=approved", &[], &Value::Null).await;
    assert_eq!(
        (&waiting["items"], &approved["items"][0]["party_id"]),
        (&json!([]), &json!(party))
    );
}

#[tokio::test]
async fn x16_the_own_company_and_its_branches_are_not_erased() {
    let world = World::new().await;
    let body = json!({"name": "Treue Handels AG"});
    let (_, company) = world.call("PUT /v1/company", &[], &body).await;
    let company = company["party_id"].as_str().expect("an id").to_owned();
    let shop = json!({"name": "Chur", "kind": "branch", "programme": PROGRAMME, "expected_version": 1});
    let put = "PUT /v1/locations/{location_id}";
    let (status, answer) = world.call(put, &[("location_id", "B01")], &shop).await;
    assert!(matches!(status, 200 | 201), "{answer}");
    let branch = party::own::branch_id(&"demo".parse().expect("a tenant"), &"B01".parse().expect("a location"));
    for own in [company, branch.to_string()] {
        let (status, answer) = call(&world, ASK, &own, &on_request()).await;
        assert_eq!((status, &answer["code"]), (409, &json!("own_party_stays")), "{answer}");
    }
}

#[tokio::test]
async fn x16_an_erasure_that_is_delivered_badly_ends_the_same() {
    let mut expected = None;
    for seed in 1..=3 {
        let mut world = World::new().await;
        let mut delivering = Delivering::badly(seed);
        let (party, _) = privacy::plant(&world, &mut delivering).await;
        let erased = privacy::erase(&mut world, &mut delivering, &party).await;
        assert_eq!(
            traces::of(&world, &privacy::IDENTIFIERS).await,
            Vec::<String>::new(),
            "seed {seed}"
        );
        let counts = expected.get_or_insert_with(|| erased["counts"].clone());
        assert_eq!(erased["counts"], *counts, "seed {seed}");
    }
}
