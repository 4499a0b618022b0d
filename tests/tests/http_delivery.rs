//! Poisoned messages and dying processes, through the real queues, pollers and processes (X1; scenarios 7, 10 and 11).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use end_to_end::running::{Customer, Running};
use futures::StreamExt;
use messages::PostingMessage;
use serde_json::{Value, json};

const POSTING: &str = "PointCalculationFunction";
const RELAY: &str = "EventRelayFunction";
/// Long enough for a batch on a busy machine, short enough for eight deliveries.
const VISIBILITY_SECONDS: u64 = 2;
/// How long a test waits for something to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stack whose messages come again soon, with one process of each function at a time: a process that dies is seen.
async fn one_process_each() -> Running {
    Running::start_with(|options| {
        options.visibility_timeout_seconds = Some(VISIBILITY_SECONDS);
        options.concurrency = 1;
    })
    .await
}

fn started(stack: &Running, function: &str) -> u64 {
    let function = stack.stack.functions().get(function);
    function.expect("the template has the function").started()
}

/// A message that asks for a receipt that is not there.
fn asks_for_nothing(number: &str, party: Option<&str>) -> String {
    let message = PostingMessage::PostReceipt {
        tenant: "demo".parse().expect("a tenant"),
        receipt: format!("B01~1~2026-01-01~{number}").parse().expect("a key"),
        party: party.map(|party| party.parse().expect("a party id")),
        programme: "treue".parse().expect("a programme"),
        taken_back: 0,
    };
    serde_json::to_string(&message).expect("a message")
}

async fn send(stack: &Running, bodies: &[String]) {
    for body in bodies {
        let message = stack.stack.clients().sqs.send_message();
        let message = message.queue_url(&stack.system.queues.posting).message_body(body);
        let _ = message.send().await.expect("the message is sent");
    }
}

/// What ended in the dead-letter queue of posting, a message each.
async fn dead_letters(stack: &Running) -> Vec<String> {
    let url = stack
        .stack
        .queue_url("PostingDeadLetters")
        .expect("the template has the queue");
    let mut bodies = Vec::new();
    loop {
        let batch = stack.stack.clients().sqs.receive_message();
        let batch = batch.queue_url(&url).max_number_of_messages(10).send().await;
        let batch = batch.expect("a batch of messages").messages.unwrap_or_default();
        if batch.is_empty() {
            return bodies;
        }
        bodies.extend(batch.into_iter().filter_map(|message| message.body));
    }
}

fn sorted(mut bodies: Vec<String>) -> Vec<String> {
    bodies.sort();
    bodies
}

async fn assert_balance(stack: &Running, customer: &Customer, points: i64, receipts: usize) {
    let account = stack.points(&customer.party).await;
    assert_eq!(
        (&account["balance"], &account["receipts"]),
        (&json!(points), &json!(receipts))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_10_poison_ends_in_the_dead_letter_queue_alone_and_its_neighbours_are_posted_once() {
    let stack = one_process_each().await;
    let customer = stack.customer("Muster", "de").await;
    stack.rest().await;
    stack.stack.pause_event_source(POSTING).expect("it reads a queue");
    for _ in 0..6 {
        let _ = stack.sell("B01", 1_000, Some(&customer.card)).await;
    }
    let poison = [
        "not a message".to_owned(),
        r#"{"kind":"unknown"}"#.to_owned(),
        // For the account of its neighbours, which go into one transaction with it.
        asks_for_nothing("1", Some(&customer.party)),
        asks_for_nothing("2", None),
    ];
    send(&stack, &poison).await;
    // Ten messages wait: one batch.
    stack.rest().await;
    stack.stack.resume_event_source(POSTING).expect("it reads a queue");
    let books = stack.proved_books().await;
    assert_eq!(books.receipts.len(), 6);
    assert_balance(&stack, &customer, 60, 6).await;
    assert_eq!(
        sorted(dead_letters(&stack).await),
        sorted(poison.to_vec()),
        "the poison, each once, and nothing else"
    );
    let log = stack.stack.function_log(POSTING).expect("a log");
    assert!(
        log.contains(r#""messages":10,"failed":4"#),
        "one batch held them all:\n{log}"
    );
    assert_eq!(started(&stack, POSTING), 1, "the process is still the first one");
    let _ = stack.sell("B01", 1_000, Some(&customer.card)).await;
    stack.rest().await;
    assert_balance(&stack, &customer, 70, 7).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_11_a_batch_of_poison_is_kept_in_the_dead_letter_queue_and_changes_nothing() {
    let stack = one_process_each().await;
    let customer = stack.customer("Muster", "de").await;
    stack.rest().await;
    let before = keys(&stack).await;
    stack.stack.pause_event_source(POSTING).expect("it reads a queue");
    let broken = (0..5).map(|n| format!("broken {n}"));
    let empty = (0..5).map(|n| asks_for_nothing(&n.to_string(), Some(&customer.party)));
    let poison: Vec<_> = broken.chain(empty).collect();
    send(&stack, &poison).await;
    stack.stack.resume_event_source(POSTING).expect("it reads a queue");
    let _ = stack.proved_books().await;
    let log = stack.stack.function_log(POSTING).expect("a log");
    assert!(
        log.contains("every message of the batch failed"),
        "the error metric rises:\n{log}"
    );
    assert_eq!(keys(&stack).await, before, "nothing was written");
    assert_eq!(sorted(dead_letters(&stack).await), sorted(poison), "nothing is lost");
    assert_eq!(started(&stack, POSTING), 1, "the process is still the first one");
    stack.stop().await;
}

async fn keys(stack: &Running) -> BTreeSet<String> {
    let key = |item: &store::record::Item| format!("{:?} {:?}", item.get("pk"), item.get("sk"));
    stack.items().await.iter().map(key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_7_processes_killed_in_a_burst_of_receipts_lose_nothing_and_double_nothing() {
    let stack = Running::start_with(|options| options.visibility_timeout_seconds = Some(VISIBILITY_SECONDS)).await;
    let mut customers = Vec::new();
    for _ in 0..4 {
        customers.push(stack.customer("Muster", "de").await);
    }
    stack.rest().await;
    let receipts: Vec<_> = (0..200)
        .zip(customers.iter().cycle())
        .map(|(_, customer)| stack.receipt("B01", 1_000, Some(&customer.card)))
        .collect();
    let accepted = AtomicUsize::new(0);
    let burst = async {
        let calls = futures::stream::iter(&receipts).map(|receipt| post(&stack, receipt, &accepted));
        calls.buffer_unordered(8).collect::<Vec<_>>().await
    };
    let killing = async |function| {
        for receipts in [20, 90] {
            until(|| accepted.load(Ordering::Relaxed) >= receipts, "the burst").await;
            kill_in_the_middle(&stack, function).await;
        }
    };
    let (statuses, (), ()) = tokio::join!(burst, killing(POSTING), killing(RELAY));
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let books = stack.proved_books().await;
    assert_eq!(books.receipts.len(), receipts.len());
    for customer in &customers {
        // 50 receipts of 10 points are a voucher.
        let account = stack.points(&customer.party).await;
        assert_eq!((&account["balance"], &account["receipts"]), (&json!(0), &json!(50)));
        assert_eq!(account["vouchers_issued"], 1);
    }
    assert_eq!(dead_letters(&stack).await, Vec::<String>::new());
    stack.stop().await;
}

async fn post(stack: &Running, receipt: &Value, accepted: &AtomicUsize) -> u16 {
    let status = stack.admin.post("/v1/purchases", receipt).await.status;
    accepted.fetch_add(1, Ordering::Relaxed);
    status
}

/// Kills the function while it works, and waits until a new process has taken its place.
async fn kill_in_the_middle(stack: &Running, function: &str) {
    let before = started(stack, function);
    let pool = stack
        .stack
        .functions()
        .get(function)
        .expect("the template has the function");
    until(|| pool.running() > 0, function).await;
    stack
        .stack
        .kill_function(function)
        .expect("the template has the function");
    until(|| started(stack, function) > before, function).await;
}

async fn until(condition: impl Fn() -> bool, what: &str) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("{what} did not go on"));
}
