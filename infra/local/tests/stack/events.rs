//! Queues, the table stream, schedules and buckets as event sources.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use treue_local::stack::Stack;

use crate::support::{PATIENCE, eventually, logged, start};

async fn send(stack: &Stack, name: &str, what: &str) {
    let url = stack.queue_url("WorkQueue").expect("a queue");
    let body = json!({"do": what, "name": name}).to_string();
    stack
        .clients()
        .sqs
        .send_message()
        .queue_url(url)
        .message_body(body)
        .send()
        .await
        .expect("sent");
}

async fn dead(stack: &Stack) -> usize {
    let url = stack.queue_url("DeadLetters").expect("a queue");
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let request = stack
        .clients()
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(name.clone());
    let output = request.send().await.expect("attributes");
    output.attributes.expect("attributes")[&name].parse().expect("a number")
}

async fn put(stack: &Stack, name: &str, what: &str, topic: Option<&str>) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let table = stack.table_name().expect("a table");
    let request = stack.clients().dynamodb.put_item().table_name(table);
    let request = request
        .item("pk", text(name))
        .item("sk", text("a"))
        .item("do", text(what));
    let request = match topic {
        Some(topic) => request.item("topics", text(topic)),
        None => request,
    };
    request.send().await.expect("put");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_delivered_and_deleted() {
    let stack = start().await;
    for i in 0..25 {
        send(&stack, &format!("m{i}"), "ok").await;
    }
    stack.quiescent(PATIENCE).await.expect("rest");
    assert_eq!(logged(&stack, "WorkFunction", "done m"), 25);
    assert_eq!(dead(&stack).await, 0);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_ends_in_the_dead_letters_alone() {
    let stack = start().await;
    stack.pause_event_source("WorkFunction").expect("a source");
    send(&stack, "poison", "fail").await;
    for i in 0..9 {
        send(&stack, &format!("good{i}"), "ok").await;
    }
    stack.resume_event_source("WorkFunction").expect("a source");
    eventually("the poison is dead", async || dead(&stack).await == 1).await;
    stack.quiescent(PATIENCE).await.expect("rest");
    assert_eq!(logged(&stack, "WorkFunction", "record poison"), 3);
    assert_eq!(logged(&stack, "WorkFunction", "done good"), 9);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_understood_fails_the_whole_batch() {
    let stack = start().await;
    send(&stack, "a", "unknown-id").await;
    send(&stack, "b", "malformed").await;
    send(&stack, "c", "error").await;
    send(&stack, "d", "exit").await;
    eventually("all are dead", async || dead(&stack).await == 4).await;
    stack.quiescent(PATIENCE).await.expect("rest");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_records_pass_the_filter_in_order() {
    let stack = start().await;
    for i in 0..20 {
        put(&stack, &format!("r{i}"), "ok", (i % 2 == 0).then_some("t")).await;
    }
    stack.quiescent(PATIENCE).await.expect("rest");
    let log = stack.function_log("RelayFunction").expect("a log");
    let done: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("done ")).collect();
    let expected: Vec<String> = (0..20).step_by(2).map(|i| format!("r{i}")).collect();
    assert_eq!(done, expected);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_record_is_delivered_again_with_those_after_it() {
    let stack = start().await;
    stack.pause_event_source("RelayFunction").expect("a source");
    for (name, what) in [("a", "ok"), ("b", "fail-once"), ("c", "ok")] {
        put(&stack, name, what, Some("t")).await;
    }
    stack.resume_event_source("RelayFunction").expect("a source");
    stack.quiescent(PATIENCE).await.expect("rest");
    assert_eq!(logged(&stack, "RelayFunction", "record a ok of"), 1);
    assert_eq!(logged(&stack, "RelayFunction", "record b fail-once of"), 2);
    assert_eq!(logged(&stack, "RelayFunction", "done b"), 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_record_is_isolated_and_kept_in_the_failure_bucket() {
    let stack = start().await;
    stack.pause_event_source("RelayFunction").expect("a source");
    for i in 0..8 {
        put(&stack, &format!("r{i}"), if i == 3 { "error" } else { "ok" }, Some("t")).await;
    }
    stack.resume_event_source("RelayFunction").expect("a source");
    stack.quiescent(PATIENCE).await.expect("rest");
    for i in (0..8).filter(|i| *i != 3) {
        assert!(logged(&stack, "RelayFunction", &format!("done r{i}")) >= 1, "r{i}");
    }

    assert_eq!(given_up(&stack).await, ["r3"]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_first_record_is_named_comes_again_whole_until_it_is_given_up() {
    let stack = start().await;
    stack.pause_event_source("RelayFunction").expect("a source");
    for i in 0..6 {
        put(&stack, &format!("r{i}"), if i == 2 { "fail" } else { "ok" }, Some("t")).await;
    }
    stack.resume_event_source("RelayFunction").expect("a source");
    stack.quiescent(PATIENCE).await.expect("rest");
    let of = |record: &str| logged(&stack, "RelayFunction", &format!("record {record}"));
    assert_eq!((of("r0 ok of 6"), of("r0 ok of")), (1, 1), "done, never again");
    // The batch of six is progress; the rest of four then has its first try and two retries, in one piece.
    assert_eq!((of("r2 fail of 6"), of("r2 fail of 4"), of("r2 fail of")), (1, 3, 4));
    assert_eq!((of("r5 ok of 4"), of("r5 ok of")), (3, 4), "nothing was halved");
    assert_eq!(given_up(&stack).await, ["r2", "r3", "r4", "r5"]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_names_nobody_in_it_is_halved_like_one_that_broke() {
    for what in ["unknown-id", "malformed"] {
        let stack = start().await;
        stack.pause_event_source("RelayFunction").expect("a source");
        for i in 0..4 {
            put(&stack, &format!("r{i}"), if i == 0 { what } else { "ok" }, Some("t")).await;
        }
        stack.resume_event_source("RelayFunction").expect("a source");
        stack.quiescent(PATIENCE).await.expect("rest");
        let of = |count: u8| logged(&stack, "RelayFunction", &format!("record r0 {what} of {count}"));
        assert_eq!((of(4), of(2), of(1)), (1, 1, 3), "{what}");
        assert_eq!(given_up(&stack).await, ["r0"], "{what}");
        stack.stop().await;
    }
}

/// The records in the only object of the failure bucket.
async fn given_up(stack: &Stack) -> Vec<String> {
    let bucket = stack.bucket("Failures").expect("a bucket");
    let s3 = &stack.clients().s3;
    let listed = s3.list_objects_v2().bucket(&bucket).send().await.expect("a list");
    let [object] = listed.contents() else {
        panic!("{:?}", listed.contents())
    };
    let key = object.key().expect("a key");
    assert!(key.starts_with("aws/lambda/RelayFunction-Changes/"), "{key}");
    let object = s3
        .get_object()
        .bucket(&bucket)
        .key(key)
        .send()
        .await
        .expect("an object");
    let body = object.body.collect().await.expect("a body").into_bytes();
    let record: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(record["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    let payload: Value = serde_json::from_str(record["payload"].as_str().expect("a payload")).expect("JSON");
    let records = payload["Records"].as_array().expect("records");
    assert_eq!(record["DDBStreamBatchInfo"]["batchSize"], records.len());
    let name = |record: &Value| record["dynamodb"]["NewImage"]["pk"]["S"].as_str().map(str::to_owned);
    records.iter().map(|record| name(record).expect("a name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_function_gets_its_messages_and_records_again() {
    let stack = start().await;
    let slow = json!({"do": "sleep", "name": "slow", "ms": 1500}).to_string();
    let url = stack.queue_url("WorkQueue").expect("a queue");
    stack
        .clients()
        .sqs
        .send_message()
        .queue_url(url)
        .message_body(slow)
        .send()
        .await
        .expect("sent");
    eventually("it runs", async || logged(&stack, "WorkFunction", "record slow") == 1).await;
    stack.kill_function("WorkFunction").expect("a function");
    eventually("it is done", async || logged(&stack, "WorkFunction", "done slow") >= 1).await;
    stack.quiescent(PATIENCE).await.expect("rest");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_fires_when_it_is_told_to() {
    let stack = start().await;
    stack.fire_schedule("TimedFunction-Nightly").expect("a schedule");
    stack.quiescent(PATIENCE).await.expect("rest");
    assert_eq!(logged(&stack, "TimedFunction", "sleeping"), 1);
    assert!(stack.fire_schedule("Weekly").is_err());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_object_is_notified_once() {
    let stack = start().await;
    let bucket = stack.bucket("Uploads").expect("a bucket");
    for key in ["in/a b.csv", "out/c.csv"] {
        let request = stack.clients().s3.put_object().bucket(&bucket).key(key);
        request.body(b"1;2".to_vec().into()).send().await.expect("put");
    }
    stack.quiescent(PATIENCE).await.expect("rest");
    assert_eq!(logged(&stack, "TimedFunction", "record in/a+b.csv"), 1);
    assert_eq!(logged(&stack, "TimedFunction", "record out"), 0);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_fails_three_times_ends_in_its_queue() {
    let stack = start().await;
    let bucket = stack.bucket("Uploads").expect("a bucket");
    for key in ["in/broken.csv", "in/next.csv"] {
        let request = stack.clients().s3.put_object().bucket(&bucket).key(key);
        request.body(b"1;2".to_vec().into()).send().await.expect("put");
    }
    let url = stack.queue_url("NoticeDeadLetters").expect("a queue");
    let mut body = String::new();
    eventually("it is given up", async || {
        let received = stack.clients().sqs.receive_message().queue_url(&url).send().await;
        let messages = received.expect("an answer").messages.unwrap_or_default();
        body = messages
            .into_iter()
            .find_map(|message| message.body)
            .unwrap_or_default();
        !body.is_empty()
    })
    .await;
    let said: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(said["requestContext"]["condition"], "RetriesExhausted", "{said}");
    assert_eq!(
        said["requestPayload"]["Records"][0]["s3"]["object"]["key"], "in/broken.csv",
        "{said}"
    );
    assert_eq!(logged(&stack, "TimedFunction", "record in/broken.csv"), 3);
    // The next one is notified all the same.
    eventually("the next one is done", async || {
        logged(&stack, "TimedFunction", "done in/next.csv") == 1
    })
    .await;
    stack.stop().await;
}
