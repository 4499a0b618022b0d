//! Workflows as data (D6): a condition on a change of a party, a task, an opportunity or an invoice, and what is done.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use end_to_end::delivery::Delivering;
use end_to_end::story::workflows::workflows;
use end_to_end::till::{chf, receipt};
use end_to_end::world::{IF_MATCH, TENANT, World, everywhere};
use http_edge::Scope;
use messages::{PartyMessage, WorkflowMessage};
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};

const PUT: &str = "PUT /v1/workflows";
const TRIAL: &str = "POST /v1/workflows/trial";
const INVOICES: &str = "POST /v1/erp/invoices";
const CLASSES: &str = "POST /v1/parties/{party_id}/classifications";

async fn done(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!(matches!(status, 200 | 201), "{route}: {status} {answer}");
    answer
}

async fn put(world: &World, expected: u64, workflows: &Value) -> Value {
    let body = json!({"expected_version": expected, "workflows": workflows});
    done(world, PUT, &[], &body).await
}

fn invoice(number: &str, party: &str, revision: u32, level: u8) -> Value {
    json!({
        "number": number, "revision": revision, "party_id": party, "date": "2026-10-01", "due_date": "2026-11-01",
        "total": chf(20_000), "dunning_level": level, "status": "open",
    })
}

/// Ids of the open tasks of a queue.
async fn tasks(world: &World, queue: &str) -> Vec<String> {
    let answer = done(world, &format!("GET /v1/tasks?queue={queue}"), &[], &Value::Null).await;
    let items = answer["items"].as_array().expect("items");
    let id = |task: &Value| task["task_id"].as_str().expect("an id").to_owned();
    items.iter().map(id).collect()
}

/// The classes that a party is or was in, with their reasons.
async fn classes(world: &World, party: &str) -> Vec<(String, String)> {
    let route = "GET /v1/parties/{party_id}";
    let shown = done(world, route, &[("party_id", party)], &Value::Null).await;
    let items = shown["classifications"].as_array().cloned().unwrap_or_default();
    let text = |class: &Value, field: &str| class[field].as_str().expect("a text").to_owned();
    let one = |class: &Value| (text(class, "classification"), text(class, "reason"));
    items.iter().map(one).collect()
}

/// What the feed has told of workflows: events by the name of their effect.
async fn heard(world: &World) -> BTreeMap<String, String> {
    let client = world.place.sqs();
    let mut heard = BTreeMap::new();
    loop {
        let call = client.receive_message().queue_url(&world.queues.party_feed);
        let page = call.max_number_of_messages(10).send().await.expect("messages");
        let messages = page.messages.unwrap_or_default();
        if messages.is_empty() {
            return heard;
        }
        for message in messages {
            let body = message.body().expect("a body");
            let said: PartyMessage = serde_json::from_str(body).expect("a message of the feed");
            if let Some(news) = said.workflow {
                assert_eq!((said.kind.as_str(), said.fields.len()), ("workflow", 0));
                heard.insert(news.effect, news.event);
            }
            let delete = client.delete_message().queue_url(&world.queues.party_feed);
            let handle = message.receipt_handle.expect("a handle");
            delete.receipt_handle(handle).send().await.expect("deleted");
        }
    }
}

async fn trial(world: &World, party: &str, workflows: Option<&Value>) -> Value {
    let mut body = json!({"party_id": party, "from": "2026-11-01", "until": "2026-12-31"});
    if let Some(workflows) = workflows {
        body["workflows"] = workflows.clone();
    }
    done(world, TRIAL, &[], &body).await
}

/// Names of the effects that a trial tells of, with what is done.
fn effects(tried: &Value) -> BTreeMap<String, String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let events = list(&tried["events"]).into_iter();
    let outcomes = events.flat_map(|event| list(&event["outcomes"]));
    let actions = outcomes.flat_map(|outcome| list(&outcome["actions"]));
    let named = |action: Value| {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&action["effect"]), text(&action["action"]["do"]))
    };
    actions.map(named).collect()
}

#[tokio::test]
async fn d6_an_overdue_invoice_opens_one_task_classifies_and_tells_the_feed_however_often_it_is_delivered() {
    for seed in 0..3 {
        let world = World::new().await;
        put(&world, 0, &workflows()).await;
        let (late, on_time) = (world.party(1).await, world.party(2).await);
        for (number, party, level) in [("R-1", &late, 2), ("R-2", &on_time, 1)] {
            done(&world, INVOICES, &[], &invoice(number, party, 1, level)).await;
        }
        let mut delivering = Delivering::badly(seed);
        delivering.at_once(3).until_rest(&world).await;
        delivering.rewind();
        delivering.until_rest(&world).await;
        let open = tasks(&world, "billing").await;
        assert_eq!(open.len(), 1, "seed {seed}");
        let path = [("task_id", open[0].as_str())];
        let task = done(&world, "GET /v1/tasks/{task_id}", &path, &Value::Null).await;
        // Three days after the change.
        let told = ["party_id", "due", "title"].map(|field| task[field].as_str());
        assert_eq!(
            told,
            [Some(late.as_str()), Some("2026-11-25"), Some("Call about an invoice")]
        );
        assert_eq!(task["steps"][0]["by"], "workflow:late");
        let reason = "An invoice is overdue".to_owned();
        assert_eq!(classes(&world, &late).await, [("blacklist".to_owned(), reason)]);
        assert_eq!(classes(&world, &on_time).await, []);
        let expected = [("late#2#invoice#R-1#1".to_owned(), "payment-overdue".to_owned())];
        assert_eq!(heard(&world).await, expected.into(), "seed {seed}");
        // The classification started no workflow.
        assert_eq!(tasks(&world, "circles").await.len(), 0);
    }
}

#[tokio::test]
async fn d6_letters_that_come_back_classify_the_party_once_and_not_again_after_somebody_has_ended_it() {
    let mut world = World::new().await;
    put(&world, 0, &workflows()).await;
    let party = world.party(1).await;
    let path = [("party_id", party.as_str())];
    let mut delivering = Delivering::well();
    let mut address = json!({
        "kind": "postal", "street": "Bahnhofstrasse", "house_number": "1", "postcode": "7000", "town": "Chur",
        "country": "CH",
    });
    address["delivery"] = json!({"arrives": "undeliverable", "reason": "moved-unknown"});
    let made = done(&world, "POST /v1/parties/{party_id}/contacts", &path, &address).await;
    assert_eq!(made["contact_id"], "c1", "{made}");
    delivering.until_rest(&world).await;
    let vip = ("vip".to_owned(), "Letters come back".to_owned());
    assert_eq!(classes(&world, &party).await, [vip]);

    world.now += TimeDelta::hours(1);
    let end = "DELETE /v1/parties/{party_id}/classifications/{classification}";
    done(
        &world,
        end,
        &[path[0], ("classification", "vip"), (IF_MATCH, "*")],
        &Value::Null,
    )
    .await;
    world.now += TimeDelta::hours(1);
    delivering.rewind();
    delivering.until_rest(&world).await;
    let standing = done(&world, "GET /v1/parties/{party_id}", &path, &Value::Null).await;
    let items = standing["classifications"].as_array().cloned().unwrap_or_default();
    let open = items.iter().filter(|class| class["until"].is_null()).count();
    assert_eq!(open, 0, "{standing}");
}

#[tokio::test]
async fn d6_a_class_that_stands_keeps_the_reason_that_a_person_gave() {
    let world = World::new().await;
    put(&world, 0, &workflows()).await;
    let party = world.party(1).await;
    let by_hand = json!({"classification": "blacklist", "reason": "As the lawyer says"});
    done(&world, CLASSES, &[("party_id", &party)], &by_hand).await;
    done(&world, INVOICES, &[], &invoice("R-1", &party, 1, 2)).await;
    Delivering::twice().until_rest(&world).await;
    let expected = ("blacklist".to_owned(), "As the lawyer says".to_owned());
    assert_eq!(classes(&world, &party).await, [expected]);
    assert_eq!(
        tasks(&world, "circles").await.len(),
        1,
        "a person's change is looked at"
    );
}

#[tokio::test]
async fn d6_a_trial_on_stored_changes_tells_what_really_happened_and_does_nothing() {
    let mut world = World::new().await;
    let party = world.party(1).await;
    put(&world, 0, &workflows()).await;
    world.now += TimeDelta::minutes(1);
    for (revision, level) in [(1, 0), (2, 2), (3, 3)] {
        done(&world, INVOICES, &[], &invoice("R-1", &party, revision, level)).await;
        world.now += TimeDelta::minutes(1);
    }
    let paid = json!({
        "number": "Z-1", "revision": 1, "invoice": "R-1", "date": "2026-11-20", "amount": chf(20_000),
    });
    done(&world, "POST /v1/erp/payments", &[], &paid).await;
    let task = json!({"title": "Call back", "queue": "support", "party_id": party, "client_token": "t-1"});
    let task = done(&world, "POST /v1/tasks", &[], &task).await;
    let task = task["task_id"].as_str().expect("an id");
    let claim = json!({"expected_version": 1, "assignee": "olga"});
    done(&world, "POST /v1/tasks/{task_id}/claim", &[("task_id", task)], &claim).await;
    let before = trial(&world, &party, None).await;
    let mut delivering = Delivering::badly(7);
    delivering.until_rest(&world).await;
    let tried = trial(&world, &party, None).await;
    assert_eq!(effects(&tried), effects(&before), "what was done changes no answer");
    assert_eq!(tried["version"], 1);

    let told = effects(&tried);
    let by = |what: &str| {
        told.iter()
            .filter(|(_, done)| *done == what)
            .map(|(name, _)| name.clone())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        by("open_task"),
        ["late#0#invoice#R-1#2".to_owned(), "late#0#invoice#R-1#3".to_owned()].into()
    );
    assert_eq!(heard(&world).await.into_keys().collect::<BTreeSet<_>>(), by("publish"));
    assert_eq!(tasks(&world, "billing").await.len(), by("open_task").len());
    assert_eq!(classes(&world, &party).await.len(), 1);

    // Each change is told with what conditions read, and each workflow says why it does not act.
    let events = tried["events"].as_array().expect("events").clone();
    let invoices: Vec<_> = events.iter().filter(|event| event["on"] == "invoice").collect();
    let said = |event: &Value| event["outcomes"][0]["outcome"].as_str().map(str::to_owned);
    let outcomes: Vec<_> = invoices.iter().filter_map(|event| said(event)).collect();
    assert_eq!(
        outcomes,
        ["condition_false", "acts", "acts", "condition_false"],
        "the newest first"
    );
    let open: Vec<_> = invoices
        .iter()
        .map(|event| event["facts"]["invoice.open"].as_i64())
        .collect();
    assert_eq!(open, [Some(0), Some(20_000), Some(20_000), Some(20_000)]);
    assert_eq!(invoices[0]["facts"]["invoice.days_overdue"], 21);
    let claimed = events.iter().find(|event| event["facts"]["task.status"] == "claimed");
    assert_eq!(
        claimed.map(|event| &event["facts"]["task.assigned"]),
        Some(&json!(true))
    );
    let own = events
        .iter()
        .find(|event| event["not_asked"] == "by_workflow")
        .expect("the classification");
    assert_eq!((&own["on"], &own["outcomes"]), (&json!("party"), &json!([])));

    // Others than those in force, on the same changes.
    let other = json!([{
        "id": "any", "name": "Any claimed task", "on": "task", "when": "task.assigned",
        "then": [{"do": "publish", "event": "claimed"}],
    }]);
    let tried = trial(&world, &party, Some(&other)).await;
    assert_eq!(
        effects(&tried).into_keys().collect::<Vec<_>>(),
        [format!("any#0#task#{task}#2")]
    );
    assert_eq!(done(&world, "GET /v1/workflows", &[], &Value::Null).await["version"], 1);
    delivering.until_rest(&world).await;
    assert_eq!(heard(&world).await, BTreeMap::new());
    let unknown = json!({"party_id": "nobody", "from": "2026-11-01", "until": "2026-11-02"});
    let (status, answer) = world.call(TRIAL, &[], &unknown).await;
    assert_eq!((status, &answer["code"]), (422, &json!("party_unknown")), "{answer}");
    let days = json!({"party_id": party, "from": "2026-11-01", "until": "2027-11-02"});
    let (status, answer) = world.call(TRIAL, &[], &days).await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (422, &json!("/until")),
        "{answer}"
    );
}

#[tokio::test]
async fn d6_everything_wrong_with_workflows_is_named_with_its_place_and_nothing_is_stored() {
    let world = World::new().await;
    let mut wrong = workflows();
    wrong[0]["when"] = json!("invoice.dunning > 1");
    wrong[0]["then"][1]["classification"] = json!("nobodys");
    wrong[1]["when"] = json!("opportunity.stage == ");
    wrong[2]["then"][0]["queue"] = json!("Big Queue");
    let body = json!({"expected_version": 0, "workflows": wrong});
    let (status, refused) = world.call(PUT, &[], &body).await;
    assert_eq!((status, &refused["code"]), (422, &json!("invalid")), "{refused}");
    let errors = refused["errors"].as_array().expect("findings");
    let named = |error: &Value| {
        format!(
            "{} {}",
            error["pointer"].as_str().unwrap_or(""),
            error["code"].as_str().unwrap_or("")
        )
    };
    let found: BTreeSet<_> = errors.iter().map(named).collect();
    let expected = [
        "/workflows/0/then/1/classification unknown",
        "/workflows/0/when unknown_name",
        "/workflows/1/when syntax",
        "/workflows/2/then/0/queue malformed",
    ];
    assert_eq!(found, expected.map(str::to_owned).into(), "{refused}");
    let at = errors.iter().find(|error| error["pointer"] == "/workflows/0/when");
    let detail = at.and_then(|error| error["detail"].as_str()).expect("a detail");
    assert!(detail.contains("character"), "{detail}");
    let unknown = json!({"expected_version": 0, "workflows": [{"id": "w", "name": "W", "on": "receipt", "then": []}]});
    assert_eq!(world.call(PUT, &[], &unknown).await.0, 400);
    let stored = done(&world, "GET /v1/workflows", &[], &Value::Null).await;
    assert_eq!(stored, json!({"version": 0, "workflows": []}));
    // The same flaws keep a trial from being made.
    let party = world.party(1).await;
    let body = json!({"party_id": party, "from": "2026-11-01", "until": "2026-11-02", "workflows": wrong});
    assert_eq!(world.call(TRIAL, &[], &body).await.0, 422);
}

#[tokio::test]
async fn d6_a_version_counts_for_the_changes_that_are_made_under_it_however_late_they_are_told_of() {
    let mut world = World::new().await;
    let party = world.party(1).await;
    done(&world, INVOICES, &[], &invoice("R-0", &party, 1, 2)).await;
    world.now += TimeDelta::minutes(1);
    put(&world, 0, &workflows()).await;
    done(&world, INVOICES, &[], &invoice("R-1", &party, 1, 2)).await;
    world.now += TimeDelta::minutes(1);
    let mut second = workflows();
    second[0]["then"] = json!([{"do": "publish", "event": "very-late"}]);
    let answer = put(&world, 1, &second).await;
    assert_eq!(answer["version"], 2);
    done(&world, INVOICES, &[], &invoice("R-2", &party, 1, 2)).await;
    world.now += TimeDelta::minutes(1);
    put(&world, 2, &json!([])).await;
    done(&world, INVOICES, &[], &invoice("R-3", &party, 1, 2)).await;
    // Nothing was delivered until now.
    Delivering::badly(3).until_rest(&world).await;
    assert_eq!(tasks(&world, "billing").await.len(), 1, "of the first version");
    let expected = [
        ("late#2#invoice#R-1#1", "payment-overdue"),
        ("late#0#invoice#R-2#1", "very-late"),
    ];
    let expected = expected.map(|(name, event)| (name.to_owned(), event.to_owned()));
    assert_eq!(heard(&world).await, expected.into());

    let stale = json!({"expected_version": 1, "workflows": workflows()});
    let (status, refused) = world.call(PUT, &[], &stale).await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!("concurrent_change")),
        "{refused}"
    );
    assert_eq!(
        put(&world, 1, &json!([])).await["version"],
        3,
        "the same again is no change"
    );
}

#[tokio::test]
async fn d6_a_posted_receipt_is_no_work_for_workflows_and_without_workflows_a_change_costs_one_read() {
    let world = World::new().await;
    let (card, party) = world.customer(1).await;
    let mut delivering = Delivering::well();
    world.buy(&receipt("B01", "1", 3_000, Some(&card))).await;
    delivering.until_rest(&world).await;
    // The first purchase has made a customer: that was a change of the party. No receipt after it is one.
    world.buy(&receipt("B01", "2", 3_000, Some(&card))).await;
    for _ in 0..2 {
        let records = world.queues.workflow.clone();
        delivering.once(&world).await;
        let call = world.place.sqs().receive_message().queue_url(records);
        let page = call.send().await.expect("an answer");
        assert_eq!(page.messages.unwrap_or_default().len(), 0);
    }
    let messages = (0..10).map(|number| Delivery {
        id: number.to_string(),
        message: WorkflowMessage::Changed {
            tenant: TENANT.parse().expect("a tenant"),
            party: party.parse().expect("a party"),
            change: "CHANGE#0000000001".to_owned(),
            at: world.now,
        },
    });
    let db = world.handlers_db();
    let app = world.running_workflows_over(db.clone());
    let failed = app.work_off(messages.collect(), Deadline::never(), world.now).await;
    assert!(failed.is_empty());
    let cost = db.meter().take();
    assert_eq!(
        (cost.requests, cost.write_milli),
        (1, 0),
        "one read for the whole batch"
    );
}

#[tokio::test]
async fn d6_nobody_acts_for_a_party_that_is_gone_and_nobody_can_be_the_client_of_workflows() {
    let world = World::new().await;
    put(&world, 0, &workflows()).await;
    let party = world.party(1).await;
    done(&world, INVOICES, &[], &invoice("R-1", &party, 1, 2)).await;
    let client = world.db.client().delete_item().table_name(world.db.table());
    let key = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let gone = client
        .key("pk", key(&format!("PARTY#{TENANT}#{party}")))
        .key("sk", key("PROFILE"));
    gone.send().await.expect("the party is gone");
    Delivering::twice().until_rest(&world).await;
    assert_eq!(tasks(&world, "billing").await.len(), 0);
    assert_eq!(heard(&world).await, BTreeMap::new());

    let body = json!({"name": "Circles", "scopes": [], "locations": ["*"]});
    let path = [("client_id", "workflow")];
    let (status, refused) = world.call("PUT /v1/clients/{client_id}", &path, &body).await;
    assert_eq!(
        (status, &refused["code"]),
        (400, &json!("malformed_parameter")),
        "{refused}"
    );
}

#[tokio::test]
async fn d6_a_trial_needs_the_right_to_read_parties_too() {
    let world = World::new().await;
    let party = world.party(1).await;
    let mut caller = everywhere();
    caller.scopes.remove(&Scope::PartiesRead);
    let body = json!({"party_id": party, "from": "2026-11-01", "until": "2026-11-02"});
    let (status, answer) = world.call_as(&caller, TRIAL, &[], &body).await;
    assert_eq!((status, &answer["code"]), (403, &json!("scope_missing")));
    let context = done(&world, "GET /v1/workflows/context", &[], &Value::Null).await;
    let subjects = context["subjects"].as_array().expect("subjects");
    let named: Vec<_> = subjects.iter().filter_map(|subject| subject["on"].as_str()).collect();
    assert_eq!(named, ["party", "task", "opportunity", "invoice"]);
    let fields = subjects
        .iter()
        .map(|subject| subject["fields"].as_array().map_or(0, Vec::len));
    assert_eq!(fields.sum::<usize>(), 24);
}
