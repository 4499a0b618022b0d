//! A day in which everything goes wrong that can, and what must not be found in a log afterwards.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::code::VoucherCode;
use end_to_end::client::Client;
use end_to_end::running::{Customer, Running};
use end_to_end::till::{chf, paid_with_voucher};
use futures::future::join_all;
use http_edge::Scope;
use http_edge::guard::ANSWERED_MAX;
use serde_json::{Value, json};

use crate::letters;

pub(crate) const GIVEN_NAME: &str = "Quendolinde";
pub(crate) const FAMILY_NAME: &str = "Zwirbelfenster";
const ORGANISATION: &str = "Krummhorn Sägewerk";
const EXTERNAL_ID: &str = "EXT-4471-QX";
pub(crate) const SPOKEN: &str = "Wellensittichfutter";
pub(crate) const MISREAD_CARD: &str = "2499999999998";
pub(crate) const MISTYPED_CODE: &str = "7Q2K-H4ZX-9D0M-TW3BA";

/// What was planted: what it is, and its text.
#[derive(Debug, Default)]
pub(crate) struct Planted(Vec<(&'static str, String)>);

impl Planted {
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(what, text)| (*what, text.as_str()))
    }

    pub(crate) fn add(&mut self, what: &'static str, text: &str) {
        self.0.push((what, text.to_owned()));
    }
}

/// Plays the day.
pub(crate) async fn play(stack: &Running) -> Planted {
    let mut planted = Planted::default();
    for (what, text) in [
        ("the name", GIVEN_NAME),
        ("the name", FAMILY_NAME),
        ("the organisation", ORGANISATION),
        ("the external id", EXTERNAL_ID),
        ("what was spoken", SPOKEN),
        ("the misread card", MISREAD_CARD),
        ("the mistyped code", MISTYPED_CODE),
        ("the key of the administrator", stack.admin.key()),
    ] {
        planted.add(what, text);
    }
    let till = stack.client(Scope::ALL, &["B01", "SHOP"]).await;
    planted.add("the key of the till", till.key());
    let customer = customers(stack, &mut planted).await;
    vouchers(stack, &till, &customer, &mut planted).await;
    letters::write(stack, &till, &customer, &mut planted).await;
    bad_receipts(stack, &till, &customer, &mut planted).await;
    bad_customers(&till).await;
    by_hand(stack, &till, &customer).await;
    at_the_desk(&till, &customer).await;
    from_the_erp(stack, &till).await;
    counted_again(stack).await;
    bad_keys(stack, &mut planted).await;
    poison(stack).await;
    returns(stack, &till, &customer).await;
    close_the_day(stack).await;
    make_the_books(stack).await;
    imports(stack).await;
    asked_for(stack, &till, &customer).await;
    stack.rest().await;
    planted
}

/// Goods that come back: too many, with other content, without anybody.
async fn returns(stack: &Running, till: &Client, customer: &Customer) {
    let receipt = |number: &str, card: &str| {
        json!({
            "store": "B01", "till": "1", "business_date": stack.today, "number": number, "card": card, "total": chf(900),
            "lines": [{"sku": "4711", "amount": chf(900)}], "refunds": [{"kind": "cash", "amount": chf(900)}],
        })
    };
    let _ = till.post("/v1/returns", &receipt("R1", &customer.card)).await.must(201);
    let _ = till.post("/v1/returns", &receipt("R2", MISREAD_CARD)).await.must(422);
    let mut other = receipt("R1", &customer.card);
    other["lines"][0]["sku"] = json!("4712");
    let _ = till.post("/v1/returns", &other).await.must(422);
}

/// Tasks and communication that name somebody, right and wrong.
async fn at_the_desk(till: &Client, customer: &Customer) {
    let task =
        json!({"title": format!("Call {FAMILY_NAME}"), "text": SPOKEN, "queue": "support", "client_token": "t1"});
    let _ = till.post("/v1/tasks", &task).await.must(201);
    let mut other = task.clone();
    other["title"] = json!(format!("Call {GIVEN_NAME}"));
    let _ = till.post("/v1/tasks", &other).await.must(409);
    let talks = format!("/v1/parties/{}/communications", customer.party);
    let mut said = json!({
        "kind": "call", "direction": "inbound", "subject": FAMILY_NAME, "text": SPOKEN, "at": runtime::now(), "client_token": "c1",
    });
    let _ = till.post(&talks, &said).await.must(201);
    said["kind"] = json!(SPOKEN);
    said["text"] = json!(format!("{SPOKEN}\u{7}"));
    let _ = till.post(&talks, &said).await.must(422);
    said["at"] = json!(SPOKEN);
    let _ = till.post(&talks, &said).await.must(400);
}

/// Documents of the ERP by its call and by its queue, right and wrong.
async fn from_the_erp(stack: &Running, till: &Client) {
    let invoice = json!({
        "number": "R-1", "revision": 1, "external_id": {"system": "old", "id": EXTERNAL_ID}, "date": "2026-09-01",
        "due_date": "2026-10-01", "total": chf(30_000), "dunning_level": 0, "status": "open",
    });
    let _ = till.post("/v1/erp/invoices", &invoice).await.must(201);
    let mut wrong = invoice.clone();
    wrong["external_id"]["system"] = json!(FAMILY_NAME);
    let _ = till.post("/v1/erp/invoices", &wrong).await.must(422);
    wrong["date"] = json!([FAMILY_NAME]);
    let _ = till.post("/v1/erp/invoices", &wrong).await.must(400);
    let message = |document: &Value| json!({"tenant": stack.system.tenant, "kind": "invoice", "document": document});
    for body in [message(&wrong).to_string(), format!("{{\"{FAMILY_NAME}\": 1}}")] {
        let url = stack.stack.queue_url("ErpQueue").expect("the template has the queue");
        let message = stack.stack.clients().sqs.send_message();
        let message = message.queue_url(url).message_body(body);
        let _ = message.send().await.expect("the message is sent");
    }
}

/// The hour strikes.
async fn close_the_day(stack: &Running) {
    let lambda = Client::new(&stack.stack.urls().invoke, None);
    let path = "/2015-03-31/functions/DayCloseFunction/invocations";
    let answer = lambda.post(path, &json!({"source": "aws.scheduler"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The schedule of finance's books strikes, for the month before this one.
async fn make_the_books(stack: &Running) {
    let lambda = Client::new(&stack.stack.urls().invoke, None);
    let path = "/2015-03-31/functions/FinanceReportsFunction/invocations";
    let answer = lambda.post(path, &json!({"source": "aws.scheduler"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let admin = &stack.admin;
    let _ = admin.get(&format!("/v1/finance/treue/{MISREAD_CARD}")).await.must(400);
    let named = json!({"expected_revision": FAMILY_NAME});
    let _ = admin.post("/v1/finance/treue/2026-10", &named).await.must(400);
}

/// A statement, and an erasure that is asked for with a name as its reason, and twice.
async fn asked_for(stack: &Running, till: &Client, customer: &Customer) {
    let party = format!("/v1/parties/{}", customer.party);
    let made = stack.admin.post(&format!("{party}/statements"), &json!(null)).await;
    let _ = made.must(201);
    let _ = stack.admin.get("/v1/statement-keys").await.must(200);
    let ask = format!("{party}/erasure");
    let _ = stack.admin.post(&ask, &json!({"reason": FAMILY_NAME})).await.must(422);
    let _ = stack.admin.post(&ask, &json!({"reason": "on_request"})).await.must(201);
    let _ = till.post(&ask, &json!({"reason": "on_request"})).await.must(409);
}

/// A file with a good row and bad ones, and one that begins without its first line.
async fn imports(stack: &Running) {
    let bucket = stack.stack.bucket("ImportBucket").expect("the template has the bucket");
    let good = format!("external_id,given_name,family_name,email,card\n{EXTERNAL_ID},{GIVEN_NAME},{FAMILY_NAME},,\n");
    let file = format!("{good}7,{GIVEN_NAME},{FAMILY_NAME},{FAMILY_NAME},{MISREAD_CARD}\n\"{FAMILY_NAME}\n");
    for (name, text) in [("old.parties.csv", file.as_str()), ("old.bare.csv", FAMILY_NAME)] {
        let put = stack.stack.clients().s3.put_object().bucket(&bucket);
        let put = put
            .key(format!("incoming/demo/{name}"))
            .body(text.to_owned().into_bytes().into());
        let _ = put.send().await.expect("the file is put");
    }
    stack.rest().await;
    let listed = stack.admin.get("/v1/imports").await.must(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");
    assert!(!listed.to_string().contains(FAMILY_NAME), "{listed}");
    let _ = stack.admin.get(&format!("/v1/imports/{MISREAD_CARD}")).await.must(404);
}

/// Parties, cards and everything that is done with cards.
async fn customers(stack: &Running, planted: &mut Planted) -> Customer {
    let admin = &stack.admin;
    let party = json!({
        "kind": "person", "given_name": GIVEN_NAME, "family_name": FAMILY_NAME,
        "external_id": {"system": "old", "id": EXTERNAL_ID},
    });
    let party = admin.post("/v1/parties", &party).await.must(201);
    let id = party["party_id"].as_str().expect("a party id").to_owned();
    let organisation = json!({"kind": "organisation", "organisation_name": ORGANISATION});
    let _ = admin.post("/v1/parties", &organisation).await.must(201);
    let mut number = async || {
        let card = admin.post("/v1/cards", &json!({"party_id": id})).await.must(201);
        let card = card["number"].as_str().expect("a card number").to_owned();
        planted.add("a card", &card);
        card
    };
    let (kept, lost) = (number().await, number().await);
    let blocked = json!({"reason": "lost"});
    let _ = admin.post(&format!("/v1/cards/{lost}/block"), &blocked).await.must(200);
    let new = admin
        .post(&format!("/v1/cards/{lost}/replace"), &json!({}))
        .await
        .must(200);
    planted.add(
        "the card in its place",
        new["new"]["number"].as_str().expect("a card number"),
    );
    let _ = admin.get(&format!("/v1/parties/{id}")).await.must(200);
    for (text, status) in [(FAMILY_NAME, 200), (EXTERNAL_ID, 200), (kept.as_str(), 200), ("x", 400)] {
        let _ = admin.get(&format!("/v1/parties?q={text}")).await.must(status);
    }
    let client = json!({"name": "Middleware", "scopes": ["purchases:write"], "locations": ["B01"]});
    let _ = admin.put("/v1/clients/middleware", &client).await.must(201);
    let key = admin.post("/v1/clients/middleware/keys", &json!({})).await.must(201);
    planted.add("the key of the middleware", key["key"].as_str().expect("a key"));
    for open in ["/docs", "/openapi.json", "/health"] {
        let _ = admin.get(open).await.must(200);
    }
    Customer { party: id, card: kept }
}

/// Vouchers from issuing to every refusal.
async fn vouchers(stack: &Running, till: &Client, customer: &Customer, planted: &mut Planted) {
    let _ = stack.sell("B01", 150_000, Some(&customer.card)).await;
    stack.rest().await;
    let codes = stack.codes("B01", &customer.card).await;
    assert_eq!(codes.len(), 3);
    for code in &codes {
        planted.add("a code", code);
        let body = |receipt: &str| {
            json!({
                "store": "B01", "till": "1", "code": code, "card": customer.card, "basket": "b-1", "basket_total": chf(900),
                "receipt": format!("B01~1~{}~{receipt}", stack.today),
            })
        };
        for (call, receipt) in [
            ("check", "R"),
            ("reserve", "R"),
            ("release", "R"),
            ("reserve", "R"),
            ("redeem", "R"),
            ("redeem", "another"),
            ("reverse", "another"),
        ] {
            let answer = till.post(&format!("/v1/vouchers/{call}"), &body(receipt)).await;
            assert!(matches!(answer.status, 200 | 409), "{}: {}", answer.call, answer.text);
        }
    }
    let _ = till.get("/v1/vouchers/feed").await.must(200);
    let _ = till.get("/v1/vouchers/unmatched?programme=treue").await.must(200);
    without_a_line(stack, till, &codes, planted).await;
    guess(till, planted).await;
}

/// Journals with a foreign allowance, with codes that were taken before, with codes that nobody has and with a mistyped one.
async fn without_a_line(stack: &Running, till: &Client, codes: &[String], planted: &mut Planted) {
    let programme = stack.admin.get("/v1/programmes/treue").await.must(200);
    let mut settings = programme["settings"].clone();
    settings["offline"] = json!({"hours": 8, "limit_minor": 20_000, "voucher_limit_minor": 2_000, "journal_days": 7});
    let next = json!({"expected_version": programme["version"], "reason": "Lines go down", "settings": settings});
    let _ = stack.admin.put("/v1/programmes/treue", &next).await.must(200);
    let named = json!({"store": FAMILY_NAME});
    assert!(matches!(
        till.post("/v1/offline-allowances", &named).await.status,
        403 | 422
    ));
    let given = till
        .post("/v1/offline-allowances", &json!({"store": "B01"}))
        .await
        .must(200);
    let token = given["allowance"].as_str().expect("a token").to_owned();
    let mut guesses = Vec::new();
    for guess in 0..12 {
        let code = VoucherCode::derive(&[8; 32], &guess.to_string()).to_string();
        planted.add("a code in a journal", &code);
        guesses.push(code);
    }
    let entries: Vec<_> = (1..)
        .zip(codes.iter().chain(&guesses))
        .map(|(number, code)| {
            json!({
                "number": number, "code": code, "receipt": format!("B01~1~{}~J{number}", stack.today),
                "basket_total": chf(900), "value": chf(500), "at": runtime::now(),
            })
        })
        .collect();
    let journal = |token: &str, entries: &[Value]| json!({"allowance": token, "entries": entries});
    let foreign = till.post("/v1/offline-journals", &journal(FAMILY_NAME, &entries)).await;
    assert_eq!(foreign.must(422)["code"], "allowance_not_genuine");
    let _ = till
        .post("/v1/offline-journals", &journal(&token, &entries))
        .await
        .must(200);
    let mut mistyped = entries[0].clone();
    mistyped["code"] = json!(MISTYPED_CODE);
    mistyped["card"] = json!(MISREAD_CARD);
    let _ = till
        .post("/v1/offline-journals", &journal(&token, &[mistyped]))
        .await
        .must(422);
    let days = format!("from={0}&to={0}", stack.today);
    let _ = till.get(&format!("/v1/offline-losses?{days}")).await.must(200);
    let _ = till.get(&format!("/v1/offline-losses/B01?{days}")).await.must(200);
}

/// More than a till may guess in an hour: in the end it hears 429.
async fn guess(till: &Client, planted: &mut Planted) {
    let codes: Vec<_> = (0..=ANSWERED_MAX)
        .map(|guess| VoucherCode::derive(&[9; 32], &guess.to_string()).to_string())
        .collect();
    let check = async |code: &String| {
        let body = json!({"store": "B01", "till": "guess", "code": code});
        till.post("/v1/vouchers/check", &body).await.status
    };
    let (last, first) = codes.split_last().expect("codes to guess");
    // At once, because each has to wait.
    let statuses = join_all(first.iter().map(check)).await;
    assert!(statuses.contains(&404), "{statuses:?}");
    assert_eq!(check(last).await, 429, "the guesser is stopped: {statuses:?}");
    for code in &codes {
        planted.add("a guessed code", code);
    }
}

/// Receipts that are refused, contradict, or pay with vouchers that do not fit.
async fn bad_receipts(stack: &Running, till: &Client, customer: &Customer, planted: &mut Planted) {
    let nobodys = VoucherCode::derive(&[8; 32], "nobody's").to_string();
    let unknown = stack.unknown_card();
    planted.add("nobody's code", &nobodys);
    planted.add("nobody's card", &unknown);
    let good = stack.receipt("B01", 1_000, Some(&customer.card));
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let mut calls = vec![
        (good.clone(), 201),
        (with("lines", json!([{"sku": FAMILY_NAME, "amount": chf(1_000)}])), 422),
        (with("card", json!(MISREAD_CARD)), 422),
        (with("card", json!(FAMILY_NAME)), 422),
        (with("total", json!(FAMILY_NAME)), 400),
        (with("language", json!(FAMILY_NAME)), 422),
        (stack.receipt("B01", 1_000, Some(&unknown)), 201),
        (
            paid_with_voucher(stack.receipt("B01", 1_000, None), MISTYPED_CODE, 500),
            422,
        ),
    ];
    for _ in 0..2 {
        calls.push((paid_with_voucher(stack.receipt("B01", 1_000, None), &nobodys, 500), 201));
    }
    for (body, status) in calls {
        let _ = till.post("/v1/purchases", &body).await.must(status);
    }
    let cut = format!("{{\"store\": \"{FAMILY_NAME}\", \"card\": \"{}\"", customer.card);
    let _ = till.send("POST", "/v1/purchases", &[], cut.into()).await.must(400);
    let _ = till
        .get(&format!("/v1/exceptions?from={0}&to={0}", stack.today))
        .await
        .must(200);
    let claim = format!("/v1/purchases/{}/claim", stack.sell("B01", 1_000, None).await);
    let _ = till.post(&claim, &json!({"card": unknown})).await.must(404);
    let _ = till.post(&claim, &json!({"card": MISREAD_CARD})).await.must(422);
}

/// Parties and cards that are refused, and cards at the cash desk that nobody knows.
async fn bad_customers(till: &Client) {
    let bodies = [
        (json!({"kind": FAMILY_NAME}), 422),
        (json!({"kind": "person", "family_name": [FAMILY_NAME]}), 400),
        (json!({"kind": "person", "family_name": FAMILY_NAME.repeat(9)}), 422),
        (
            json!({"kind": "person", "family_name": FAMILY_NAME, "language": ORGANISATION}),
            422,
        ),
        (
            json!({"kind": "person", "family_name": GIVEN_NAME, "external_id": {"system": "old", "id": EXTERNAL_ID}}),
            409,
        ),
    ];
    for (body, status) in bodies {
        let _ = till.post("/v1/parties", &body).await.must(status);
    }
    let _ = till.post("/v1/cards", &json!({"number": MISREAD_CARD})).await.must(422);
    let desk = format!("/v1/cash-desk/{MISREAD_CARD}?store=B01&till=1");
    let _ = till.get(&desk).await.must(400);
    let _ = till
        .get(&format!("/v1/cash-desk/{FAMILY_NAME}?store=B01&till=1"))
        .await
        .must(400);
    let _ = till
        .get(&format!("/v1/nothing/{FAMILY_NAME}?name={GIVEN_NAME}"))
        .await
        .must(404);
}

/// Points moved by hand, with reasons that name somebody: posted, kept, rejected and refused.
async fn by_hand(stack: &Running, till: &Client, customer: &Customer) {
    let correct = format!("/v1/parties/{}/points/corrections", customer.party);
    let body = |points: i64, token: &str| {
        let reason = format!("{GIVEN_NAME} {FAMILY_NAME} called about {}", customer.card);
        json!({"programme": "treue", "points": points, "reason": reason, "client_token": token})
    };
    let _ = till.post(&correct, &body(10, "one")).await.must(201);
    let _ = till.post(&correct, &body(11, "one")).await.must(409);
    let waiting = till.post(&correct, &body(900, "two")).await.must(202);
    let id = waiting["id"].as_str().expect("an id");
    let _ = till
        .post(&format!("/v1/points/corrections/{id}/approve"), &json!({}))
        .await
        .must(403);
    let rejection = json!({"reason": format!("{FAMILY_NAME} is wrong")});
    let reject = format!("/v1/points/corrections/{id}/reject");
    let _ = stack.admin.post(&reject, &rejection).await.must(200);
    for (field, value) in [
        ("reason", json!(FAMILY_NAME.repeat(20))),
        ("client_token", json!(EXTERNAL_ID.repeat(9))),
    ] {
        let mut bad = body(10, "three");
        bad[field] = value;
        let _ = till.post(&correct, &bad).await.must(422);
    }
    let _ = till.post(&correct, &json!({"reason": [FAMILY_NAME]})).await.must(400);
    let void = format!("/v1/parties/{}/vouchers/77/void", customer.party);
    let mut bad = body(0, "four");
    bad.as_object_mut().expect("a body").remove("points");
    let _ = till.post(&void, &bad).await.must(404);
    let _ = stack
        .admin
        .get("/v1/points/corrections?status=rejected")
        .await
        .must(200);
}

/// Receipts are counted again, for a reason that names somebody.
async fn counted_again(stack: &Running) {
    let run = |reason: &str| json!({"programme": "treue", "version": 1, "from": stack.today, "until": stack.today, "reason": reason});
    let (path, reason) = (
        "/v1/recalculations/planted",
        format!("{GIVEN_NAME} {FAMILY_NAME} complained"),
    );
    let _ = stack.admin.put(path, &run(&reason)).await.must(202);
    let _ = stack.admin.put(path, &run(FAMILY_NAME)).await.must(409);
}

/// Keys that nobody gave out.
async fn bad_keys(stack: &Running, planted: &mut Planted) {
    let strange = treue_local::operations::bootstrap::new_key().expect("random bytes");
    for key in [
        strange.reveal(),
        "treue_quite-garbled-key",
        "eyJhbGciOiJub25lIn0.e30.c2VjcmV0c2ln",
    ] {
        planted.add("a strange key", key);
        let answer = stack.admin.with_key(Some(key)).get("/v1/locations").await;
        let _ = answer.must(403);
    }
}

/// Messages and images that no function understands.
async fn poison(stack: &Running) {
    let broken = format!("{{\"kind\": \"{FAMILY_NAME}\", \"card\": \"{MISREAD_CARD}\"}}");
    for queue in [&stack.system.queues.posting, &stack.system.queues.issuance] {
        let message = stack.stack.clients().sqs.send_message();
        let message = message.queue_url(queue).message_body(&broken);
        let _ = message.send().await.expect("the message is sent");
    }
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let db = &stack.system.db;
    let item = db.client().put_item().table_name(db.table());
    let item = item.item("pk", text("RECEIPT#demo#broken")).item("sk", text("1~1"));
    let item = item.item("et", text("receipt")).item("topics", text("receipt"));
    let item = item.item("d", AttributeValue::M([("name".to_owned(), text(FAMILY_NAME))].into()));
    let _ = item.send().await.expect("the item is put");
}
