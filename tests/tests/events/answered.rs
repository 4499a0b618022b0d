//! Each event through the Lambda Invoke endpoint of a running stack, as the function that takes it answers.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::client::Client;
use end_to_end::running::Running;
use serde_json::{Value, json};

use crate::{events, taker};

/// The party of the events.
const PARTY: &str = "0b9d0c1e-6f0a-4d53-9a55-2f6f4a6c7d10";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_answered_by_the_function_that_takes_it() -> Result<()> {
    let stack = Running::start().await;
    let (code, party) = prepare(&stack).await?;
    for (name, event) in events()? {
        let event = live(&stack, &name, event, (&code, &party))?;
        let answer = invoke(&stack, &event).await.with_context(|| name.clone())?;
        check(&name, &answer).with_context(|| format!("events/{name}.json is answered {answer}"))?;
    }
    stack.rest().await;
    // The work came twice: through the relay, and as events of its own.
    let entries = of_party(&stack, "ledger_entry").await;
    ensure!(
        entries == 2,
        "the receipt and the voucher, once each: {entries} entries"
    );
    ensure!(
        of_party(&stack, "voucher").await == 2,
        "613 and 129 points are one voucher more"
    );

    let mut event = events()?
        .remove("authorizer_request")
        .context("the authorizer's event")?;
    event["identitySource"][0] = json!(format!("Bearer {}", stack.admin.key()));
    event["headers"]["authorization"] = event["identitySource"][0].clone();
    let answer = invoke(&stack, &event).await?;
    ensure!(answer["isAuthorized"] == true, "a real key: {answer}");
    ensure!(
        answer["context"]["client"] == "admin" && answer["context"]["locations"] == "*",
        "who it is: {answer}"
    );
    stack.stop().await;
    Ok(())
}

/// What the events name: a customer with the card at the cash desk and a voucher, whose code is returned with the
/// customer's id; and the images of the stream event.
async fn prepare(stack: &Running) -> Result<(String, String)> {
    let desk = &events()?["apigw_v2_cash_desk"]["pathParameters"]["card"];
    let customer = stack.customer("Muster", "de").await;
    let card = json!({"number": desk, "party_id": customer.party});
    let _ = stack.admin.post("/v1/cards", &card).await.must(201);
    let _ = stack.sell("B07", 50_000, desk.as_str()).await;
    stack.rest().await;
    let run =
        json!({"programme": "treue", "version": 1, "from": stack.today, "until": stack.today, "reason": "Sample"});
    let _ = stack.admin.put("/v1/recalculations/double-paper", &run).await.must(202);
    begin_books(stack).await?;
    end_import(stack).await?;
    stop_run(stack).await?;
    let stream = &events()?["dynamodb_stream_facts"];
    for record in stream["Records"].as_array().into_iter().flatten() {
        put(stack, &record["dynamodb"]["NewImage"]).await?;
    }
    let ask = format!("/v1/parties/{}/erasure", customer.party);
    let _ = stack.admin.post(&ask, &json!({"reason": "on_request"})).await.must(201);
    let code = stack.codes("B07", &customer.card).await.pop();
    Ok((code.context("a voucher")?, customer.party))
}

/// The run of finance's books that the events name.
async fn begin_books(stack: &Running) -> Result<()> {
    let id = store::finance::ReportId {
        tenant: stack.system.tenant.clone(),
        programme: end_to_end::world::PROGRAMME.parse()?,
        month: "2026-10".parse()?,
    };
    let (db, zone) = (&stack.system.db, chrono_tz::Europe::Zurich);
    let begun = store::finance::begin(
        db,
        store::Site::ToolWrite,
        &id,
        1,
        (zone, domain::liability::Companies::new()),
        runtime::now(),
    )
    .await?;
    ensure!(begun.is_none(), "the run is new");
    Ok(())
}

/// The run of a campaign that the events name, which was stopped.
async fn stop_run(stack: &Running) -> Result<()> {
    let campaign = json!({
        "id": "bonus", "name": "Bonus", "programme": "treue", "kind": {"type": "bonus"},
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "validity": {"type": "days", "after_start": 0, "days": 60},
            "bearer": "bearer", "consideration": "free", "vat_kind": "value",
        },
        "texts": {"de": "{value}"}, "letter_variant": "a", "letter_cost": {"printing_minor": 22, "postage_minor": 53},
        "schedule": {"type": "monthly", "day": 1},
    });
    let programme = domain::programme::Programme::swiss_default(end_to_end::world::PROGRAMME.parse()?);
    let day = ("2026-12-01".parse()?, store::run::Cut::default());
    let run = store::run::Run::new(serde_json::from_value(campaign)?, 1, 1, day, &programme);
    let mut run = run.context("a run")?;
    run.stage = store::run::Stage::Stopped;
    let (db, tenant) = (&stack.system.db, &stack.system.tenant);
    let begun = store::run::begin(db, store::Site::ToolWrite, tenant, run, runtime::now()).await?;
    ensure!(begun.is_none(), "the run is new");
    Ok(())
}

/// The import that the events name, which is over.
async fn end_import(stack: &Running) -> Result<()> {
    let now = runtime::now();
    let run = store::import::Run {
        id: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".parse()?,
        version: 1,
        revision: 1,
        file: "incoming/demo/erp.customers.csv".to_owned(),
        bucket: "imports".to_owned(),
        etag: "0".to_owned(),
        bytes: 100,
        notice: None,
        form: None,
        parts: 1,
        parts_done: 1,
        refused: None,
        result: Some(store::import::RunResult {
            counts: store::import::Counts::default(),
            rejects: None,
            at: now,
        }),
    };
    let (db, tenant) = (&stack.system.db, &stack.system.tenant);
    let stored = store::import::write(db, store::Site::ToolWrite, tenant, run, None, now).await?;
    ensure!(stored, "the run is new");
    Ok(())
}

/// Puts an image of the stream into the table, without the topics: its news come from the event alone.
async fn put(stack: &Running, image: &Value) -> Result<()> {
    let mut image: serde_json::Map<String, Value> = serde_json::from_value(image.clone())?;
    image.remove("topics").context("the image has topics")?;
    let item = image.into_iter().map(|(name, value)| Ok((name, attribute(&value)?)));
    let item = item.collect::<Result<_>>()?;
    let db = &stack.system.db;
    let put = db.client().put_item().table_name(db.table()).set_item(Some(item));
    let _ = put.send().await?;
    Ok(())
}

/// An attribute in the JSON of the stream.
fn attribute(value: &Value) -> Result<AttributeValue> {
    let (kind, inner) = value
        .as_object()
        .and_then(|map| map.iter().next())
        .context("an attribute")?;
    Ok(match (kind.as_str(), inner) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("L", Value::Array(list)) => AttributeValue::L(list.iter().map(attribute).collect::<Result<_>>()?),
        ("M", Value::Object(map)) => {
            let entries = map.iter().map(|(name, value)| Ok((name.clone(), attribute(value)?)));
            AttributeValue::M(entries.collect::<Result<_>>()?)
        }
        _ => bail!("an attribute of the kind {kind}"),
    })
}

/// The event as of today: receipts are taken for some weeks only, codes are those of the stack's own keys, and party ids are
/// the system's.
fn live(stack: &Running, name: &str, mut event: Value, (code, party): (&str, &str)) -> Result<Value> {
    if name == "apigw_v2_erasure" {
        event["pathParameters"]["party_id"] = json!(party);
    }
    let Some(text) = event["body"].as_str() else {
        return Ok(event);
    };
    let mut body: Value = serde_json::from_str(text)?;
    match name {
        "apigw_v2_post_purchase" => {
            body["business_date"] = json!(stack.today);
            body["time"] = json!(runtime::now());
            body["number"] = json!("104711");
        }
        "apigw_v2_check_voucher" => body["code"] = json!(code),
        "apigw_v2_correct_points" => event["pathParameters"]["party_id"] = json!(party),
        "apigw_v2_send_invoice" => {
            body["external_id"] = Value::Null;
            body["party_id"] = json!(party);
        }
        _ => {}
    }
    event["body"] = json!(body.to_string());
    Ok(event)
}

async fn invoke(stack: &Running, event: &Value) -> Result<Value> {
    let package = taker(event)?;
    let functions = &stack.stack.model().functions;
    let function = functions.iter().find(|function| function.package == package);
    let function = &function.context("the template has the function")?.id;
    let lambda = Client::new(&stack.stack.urls().invoke, None);
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let answer = lambda.post(&path, event).await;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    let error = answer.header("x-amz-function-error");
    let log = stack.stack.function_log(function)?;
    ensure!(error.is_empty(), "{function} fails ({error}): {}\n{log}", answer.text);
    // The relay sets such a record aside, and its answer does not tell.
    ensure!(
        !log.contains("cannot be understood"),
        "{function} understands the event:\n{log}"
    );
    Ok(answer.body)
}

/// The answer has the shape of its trigger, and says what the event asks for.
fn check(name: &str, answer: &Value) -> Result<()> {
    if name.starts_with("apigw_v2_") {
        return check_http(name, answer);
    }
    match name {
        "authorizer_request" => ensure!(
            *answer == json!({"isAuthorized": false, "context": {}}),
            "a made-up key"
        ),
        "dynamodb_stream_facts"
        | "sqs_posting"
        | "sqs_issuance"
        | "sqs_day_close"
        | "sqs_recalculation"
        | "schedule_day_close"
        | "sqs_finance"
        | "sqs_campaign"
        | "sqs_campaign_results"
        | "sqs_lettershop"
        | "schedule_campaign_run"
        | "sqs_erp"
        | "sqs_search_index"
        | "sqs_workflow"
        | "sqs_privacy"
        | "sqs_import"
        | "s3_import"
        | "s3_lettershop_inbox"
        | "sqs_lettershop_inbox"
        | "schedule_finance" => {
            ensure!(*answer == json!({"batchItemFailures": []}), "nothing must come again");
        }
        other => bail!("{other} is not expected here: add what it is answered"),
    }
    Ok(())
}

fn check_http(name: &str, answer: &Value) -> Result<()> {
    let body: Value = serde_json::from_str(answer["body"].as_str().context("a body")?)?;
    ensure!(answer["headers"]["content-type"] == "application/json", "its type");
    ensure!(answer["isBase64Encoded"] == false, "a text");
    let (status, said) = match name {
        "apigw_v2_campaigns" => (200, body["items"] == json!([])),
        "apigw_v2_cash_desk" => (
            200,
            body["card_status"] == "active" && body["customer"]["programme"] == "treue",
        ),
        "apigw_v2_check_voucher" => (200, body["usable"] == true && body["state"]["status"] == "open"),
        "apigw_v2_correct_points" => (201, body["status"] == "posted" && body["entries"][0]["points"] == 120),
        "apigw_v2_finance_report" => (200, body["month"] == "2026-10" && body["revision"] == 1),
        "apigw_v2_find_parties" => (200, body["items"][0]["display_name"] == "Max Muster"),
        "apigw_v2_erasure" => (200, body["status"] == "requested" && body["reason"] == "on_request"),
        "apigw_v2_import" => (200, body["state"] == "complete" && body["parts"] == 1),
        "apigw_v2_lettershop_inbox" => (200, body["items"] == json!([])),
        "apigw_v2_health" => (200, body["status"] == "ok"),
        "apigw_v2_list_locations" => (200, body["items"].as_array().is_some_and(|items| items.len() == 25)),
        "apigw_v2_offline_losses" => (200, body["branches"] == json!([]) && body["to"] == "2026-11-30"),
        "apigw_v2_create_task" => (201, body["status"] == "open" && body["queue"] == "support"),
        "apigw_v2_send_invoice" => (201, body["kind"] == "invoice" && body["revision"] == 1),
        "apigw_v2_post_purchase" => (201, body["matched"] == true && body["expected"]["points"] == 129),
        other => bail!("{other} is not expected here: add what it is answered"),
    };
    ensure!(answer["statusCode"] == status, "its status");
    ensure!(said, "what it says");
    Ok(())
}

/// Items of a type that belong to the party of the events.
async fn of_party(stack: &Running, kind: &str) -> usize {
    let is_one = |item: &store::record::Item| {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let holder = item.get("d").and_then(|d| d.as_m().ok()).and_then(|d| d.get("party"));
        let in_partition = text("pk").is_some_and(|pk| pk.ends_with(PARTY));
        let of_party = in_partition || holder == Some(&AttributeValue::S(PARTY.to_owned()));
        text("et").as_deref() == Some(kind) && of_party
    };
    stack.items().await.iter().filter(|item| is_one(item)).count()
}
