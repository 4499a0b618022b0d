//! A campaign writes to the planted customer, and everything about it is also done wrong.

use end_to_end::client::Client;
use end_to_end::running::{Customer, Running};
use serde_json::{Value, json};

use crate::day::{FAMILY_NAME, GIVEN_NAME, MISREAD_CARD, MISTYPED_CODE, Planted, SPOKEN};

/// From the draft to the letter, with the codes of its vouchers planted.
pub(crate) async fn write(stack: &Running, till: &Client, customer: &Customer, planted: &mut Planted) {
    let admin = &stack.admin;
    let address = json!({
        "kind": "postal", "purposes": ["main"], "street": SPOKEN, "house_number": "12", "postcode": "8001", "town": "Zürich",
        "country": "CH",
    });
    let contacts = format!("/v1/parties/{}/contacts", customer.party);
    let any = [("if-match", "*"), ("content-type", "application/json")];
    let _ = admin
        .send("POST", &contacts, &any, address.to_string().into())
        .await
        .must(200);
    settings(admin).await;
    drafts(stack).await;
    let tried = admin.post("/v1/campaigns/planted/dry-runs", &json!({})).await.must(202);
    stack.rest().await;
    let run = format!("/v1/runs/{}", tried["run_id"].as_str().expect("the name of a run"));
    let tried = admin.get(&run).await.must(200);
    let digest = json!({"digest": tried["dry_run"]["digest"]});
    let _ = admin.post("/v1/campaigns/planted/approve", &digest).await.must(403);
    let named = json!({"digest": FAMILY_NAME});
    let _ = till.post("/v1/campaigns/planted/approve", &named).await.must(422);
    let _ = till.post("/v1/campaigns/planted/approve", &digest).await.must(200);
    let _ = admin.post("/v1/campaigns/planted/start", &Value::Null).await.must(202);
    strike(stack).await;
    stack.rest().await;
    taken_over(stack, till, &run, planted).await;
    let _ = admin.get(&format!("{run}/members/{}", customer.party)).await.must(200);
    let _ = admin.get(&format!("{run}/members/{FAMILY_NAME}")).await.must(400);
}

/// How letters are written, with a planted address, right and wrong.
async fn settings(admin: &Client) {
    let stored = admin.get("/v1/lettershop/settings").await.must(200);
    let mut body = json!({"expected_version": stored["version"], "settings": stored["settings"]});
    body["settings"]["control"] = json!([{
        "lines": [format!("{GIVEN_NAME} {FAMILY_NAME}"), "8001 Zürich"], "salutation": FAMILY_NAME, "language": "de", "country": "CH",
    }]);
    let _ = admin.put("/v1/lettershop/settings", &body).await.must(200);
    body["settings"]["control"][0]["lines"] = json!([FAMILY_NAME.repeat(9)]);
    body["expected_version"] = json!(stored["version"].as_u64().map(|version| version + 1));
    let _ = admin.put("/v1/lettershop/settings", &body).await.must(422);
    body["settings"]["control"][0]["country"] = json!(FAMILY_NAME);
    let _ = admin.put("/v1/lettershop/settings", &body).await.must(400);
}

/// The campaign, after two that cannot be.
async fn drafts(stack: &Running) {
    let admin = &stack.admin;
    let until = domain::calendar::plus_days(stack.today, 90);
    let mut campaign = json!({
        "id": "planted", "name": FAMILY_NAME, "programme": "treue", "kind": {"type": "bonus"},
        "segment": "activity.revenue_minor_12m > 0",
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "min_basket_minor": 2_000,
            "validity": {"type": "dates", "from": stack.today, "until": until}, "bearer": "bearer", "consideration": "free",
            "vat_kind": "value", "per_member": 1,
        },
        "texts": {"de": "{salutation}, dieser Gutschein ist {value} wert."}, "letter_variant": "a", "control_per_cent": 0,
        "one_per_household": false, "needs_acknowledgement": true,
        "letter_cost": {"printing_minor": 22, "postage_minor": 53}, "schedule": {"type": "monthly", "day": 1},
    });
    let put = async |campaign: &Value| {
        let body = json!({"expected_edition": 0, "campaign": campaign});
        admin.put("/v1/campaigns/planted", &body).await
    };
    let mut wrong = campaign.clone();
    wrong["segment"] = json!(format!("party.{FAMILY_NAME} == '{MISREAD_CARD}'"));
    let _ = put(&wrong).await.must(422);
    wrong["kind"] = json!({"type": SPOKEN});
    let _ = put(&wrong).await.must(400);
    let _ = put(&campaign).await.must(201);
    campaign["name"] = json!(GIVEN_NAME);
    let _ = put(&campaign).await.must(409);
}

/// The hour of campaigns strikes.
async fn strike(stack: &Running) {
    let lambda = Client::new(&stack.stack.urls().invoke, None);
    let path = "/2015-03-31/functions/CampaignRunFunction/invocations";
    let answer = lambda.post(path, &json!({"source": "aws.scheduler"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The printer pulls the file, confirms it wrongly and rightly, and a till tries the codes.
async fn taken_over(stack: &Running, till: &Client, run: &str, planted: &mut Planted) {
    let admin = &stack.admin;
    let files = admin.get(&format!("{run}/files")).await.must(200);
    let manifest = &files["manifest"];
    let link = files["letters_url"].as_str().expect("a link to the letters");
    let text = Client::new(link, None).get("").await.text;
    assert!(text.contains(FAMILY_NAME), "the letters name whom they go to");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
    let headers = reader.headers().expect("a first line").clone();
    let code = headers
        .iter()
        .position(|name| name == "code")
        .expect("a column of codes");
    let rows = reader.records().map(|row| row.expect("a row"));
    // The planted address of the printer's settings gets a letter without a voucher.
    let rows: Vec<_> = rows.filter(|row| !row[code].is_empty()).collect();
    assert_eq!(rows.len(), 1, "one customer gets a voucher");
    let piece = rows[0][0].to_owned();
    let letter = &rows[0][code];
    planted.add("the code of a letter", letter);
    let mut body = json!({"store": "B01", "till": "1", "code": letter});
    let _ = till.post("/v1/vouchers/check", &body).await;
    let mut said = json!({
        "run": manifest["job"]["run"], "variant": "a", "rows": manifest["totals"]["all"]["rows"], "sha256": manifest["sha256"],
        "accepted_on": stack.today, "rejected": [],
    });
    let acknowledgement = format!("{run}/acknowledgement");
    returned(admin, &piece).await;
    by_file(stack, &piece).await;
    let right = said.clone();
    said["variant"] = json!(MISTYPED_CODE);
    let _ = admin.post(&acknowledgement, &said).await.must(422);
    said["rejected"] = json!([{"piece": FAMILY_NAME, "reason": FAMILY_NAME}]);
    let refused = admin.post(&acknowledgement, &said).await;
    assert!(matches!(refused.status, 400 | 422), "{}", refused.text);
    let _ = admin.post(&acknowledgement, &right).await.must(200);
    body["receipt"] = json!(format!("B01~1~{}~letter", stack.today));
    body["basket_total"] = json!({"amount_minor": 5_000, "currency": "CHF"});
    let _ = till.post("/v1/vouchers/redeem", &body).await.must(200);
    stack.rest().await;
    let results = admin.get(&format!("{run}/results")).await.must(200);
    assert_eq!(results["redeemed"]["vouchers"], 1, "{results}");
}

/// The carrier's file has it too, beside rows that are wrong; another file is none.
async fn by_file(stack: &Running, piece: &str) {
    let bucket = stack
        .stack
        .bucket("LettershopInboxBucket")
        .expect("the template has the bucket");
    let rows = format!(
        "piece_id;reason;returned_on;new_street;new_postcode;new_town\n{piece};moved_new_address;2026-01-01;{SPOKEN};8001;{FAMILY_NAME}\n\
         {MISTYPED_CODE};{FAMILY_NAME};{GIVEN_NAME};{SPOKEN};{MISREAD_CARD};{FAMILY_NAME}\n"
    );
    let files = [
        ("incoming/demo/returns/internal/letters.csv", rows),
        (
            "incoming/demo/acknowledgements/letters.json",
            json!({"run": FAMILY_NAME}).to_string(),
        ),
    ];
    for (key, content) in files {
        let put = stack.stack.clients().s3.put_object().bucket(&bucket).key(key);
        put.body(content.into_bytes().into())
            .send()
            .await
            .expect("the file is put");
    }
    stack.rest().await;
    let listed = stack.admin.get("/v1/lettershop/inbox").await.must(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");
}

/// A letter comes back, reported wrongly and rightly.
async fn returned(admin: &Client, piece: &str) {
    let returns = "/v1/lettershop/returns";
    let mut letter = json!({"piece": piece, "carrier": "internal", "code": FAMILY_NAME, "returned_on": FAMILY_NAME});
    let _ = admin.post(returns, &json!({"returns": [letter]})).await.must(422);
    letter["code"] = json!("moved_new_address");
    letter["returned_on"] = json!("2026-01-01");
    letter["new_address"] =
        json!({"street": SPOKEN, "house_number": FAMILY_NAME, "postcode": MISREAD_CARD, "town": FAMILY_NAME});
    let _ = admin.post(returns, &json!({"returns": [letter]})).await.must(422);
    letter["new_address"] = json!({"street": SPOKEN, "house_number": "1", "postcode": "8001", "town": FAMILY_NAME});
    let back = admin.post(returns, &json!({"returns": [letter]})).await.must(200);
    assert_eq!(back["items"][0]["outcome"], "applied", "{back}");
    letter["code"] = json!(FAMILY_NAME);
    letter["carrier"] = json!(GIVEN_NAME);
    letter["piece"] = json!(MISTYPED_CODE);
    let _ = admin.post(returns, &json!({"returns": [letter]})).await.must(422);
}
