//! The local SQS as the official SDK sees it.

mod aws_support;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use aws_support::{Stack, eventually};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

async fn queue(client: &Client, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
    let mut request = client.create_queue().queue_name(name);
    for (key, value) in attributes {
        request = request.attributes(key.clone(), *value);
    }
    request.send().await.unwrap().queue_url.unwrap()
}

async fn send(client: &Client, url: &str, body: &str) {
    client
        .send_message()
        .queue_url(url)
        .message_body(body)
        .send()
        .await
        .unwrap();
}

async fn receive(client: &Client, url: &str, wait_s: i32) -> Vec<Message> {
    client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .wait_time_seconds(wait_s)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .send()
        .await
        .unwrap()
        .messages
        .unwrap_or_default()
}

async fn one(client: &Client, url: &str, wait_s: i32) -> Message {
    let mut messages = receive(client, url, wait_s).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

async fn attribute(client: &Client, url: &str, name: QueueAttributeName) -> String {
    let answer = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(name.clone())
        .send()
        .await
        .unwrap();
    answer.attributes.unwrap()[&name].clone()
}

async fn dead_letter_pair(client: &Client, max_receives: &str) -> (String, String, String) {
    let dead = queue(client, "dead", &[]).await;
    let dead_arn = attribute(client, &dead, QueueAttributeName::QueueArn).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":"{max_receives}"}}"#);
    let attributes = [
        (QueueAttributeName::RedrivePolicy, policy.as_str()),
        (QueueAttributeName::VisibilityTimeout, "0"),
    ];
    (queue(client, "work", &attributes).await, dead, dead_arn)
}

fn system(message: &Message, name: MessageSystemAttributeName) -> Option<&String> {
    message.attributes.as_ref().and_then(|all| all.get(&name))
}

#[tokio::test]
async fn a_message_comes_back_as_sent_with_its_attributes_and_digests() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[]).await;
    let text = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("v")
        .build()
        .unwrap();
    let sent = client
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .message_attributes("kind", text)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("5d41402abc4b2a76b9719d911017c592"));
    let message = one(&client, &url, 0).await;
    assert_eq!(message.body(), Some("hello"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    assert_eq!(message.message_attributes().unwrap()["kind"].string_value(), Some("v"));
    assert_eq!(
        system(&message, MessageSystemAttributeName::ApproximateReceiveCount).unwrap(),
        "1"
    );
    assert!(system(&message, MessageSystemAttributeName::SentTimestamp).is_some());
    stack.stop().await;
}

#[tokio::test]
async fn a_received_message_is_hidden_until_its_visibility_timeout_ends_and_a_deleted_one_never_returns() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[(QueueAttributeName::VisibilityTimeout, "1")]).await;
    send(&client, &url, "a").await;
    let first = one(&client, &url, 0).await;
    assert!(receive(&client, &url, 0).await.is_empty());
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await,
        "1"
    );
    let second = one(&client, &url, 5).await;
    assert_eq!(first.message_id(), second.message_id());
    assert_ne!(first.receipt_handle(), second.receipt_handle());
    assert_eq!(
        system(&second, MessageSystemAttributeName::ApproximateReceiveCount).unwrap(),
        "2"
    );
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(second.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    assert!(receive(&client, &url, 2).await.is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_stale_handle_deletes_nothing_and_cannot_change_visibility() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[(QueueAttributeName::VisibilityTimeout, "0")]).await;
    send(&client, &url, "a").await;
    let stale = one(&client, &url, 0).await;
    let latest = client
        .receive_message()
        .queue_url(&url)
        .visibility_timeout(30)
        .send()
        .await
        .unwrap()
        .messages
        .unwrap()
        .remove(0);
    let stale = stale.receipt_handle().unwrap();
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(stale)
        .send()
        .await
        .unwrap();
    let change = client
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(stale)
        .visibility_timeout(0);
    assert_eq!(change.send().await.unwrap_err().code(), Some("InvalidParameterValue"));
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await,
        "1"
    );

    let latest = latest.receipt_handle().unwrap();
    let change = client
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(latest)
        .visibility_timeout(0);
    change.send().await.unwrap();
    let again = one(&client, &url, 0).await;
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(again.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    // Deleting what is deleted is no error; a handle that was never given out is one.
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(again.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    let made_up = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("made-up")
        .send()
        .await
        .unwrap_err();
    assert!(made_up.into_service_error().is_receipt_handle_is_invalid());
    stack.stop().await;
}

#[tokio::test]
async fn visibility_cannot_be_changed_once_the_message_is_visible_again() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[(QueueAttributeName::VisibilityTimeout, "0")]).await;
    send(&client, &url, "a").await;
    let message = one(&client, &url, 0).await;
    let handle = message.receipt_handle().unwrap();
    let change = client
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(handle)
        .visibility_timeout(10);
    assert!(
        change
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_message_not_inflight()
    );
    stack.stop().await;
}

#[tokio::test]
async fn a_long_poll_answers_as_soon_as_a_message_arrives_or_becomes_visible() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[]).await;
    let (waiting, target) = (client.clone(), url.clone());
    let started = Instant::now();
    let poll = tokio::spawn(async move { receive(&waiting, &target, 20).await });
    // An empty queue that is waited on has nothing to tell from outside; a send during the wait is what is tested, and the
    // result is the same when it comes before the poll.
    send(&client, &url, "now").await;
    assert_eq!(poll.await.unwrap().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());

    let delayed = client
        .send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(1);
    delayed.send().await.unwrap();
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::ApproximateNumberOfMessagesDelayed).await,
        "1"
    );
    assert!(receive(&client, &url, 0).await.is_empty());
    let started = Instant::now();
    assert_eq!(one(&client, &url, 20).await.body(), Some("later"));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    stack.stop().await;
}

#[tokio::test]
async fn a_stop_answers_a_long_poll_at_once_and_empty() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[]).await;
    // The queue's own waiting time applies when a receive names none; an empty answer in time shows that the poll began.
    assert!(receive(&client, &url, 1).await.is_empty());
    let poll = tokio::spawn(async move {
        client
            .receive_message()
            .queue_url(&url)
            .wait_time_seconds(20)
            .send()
            .await
            .map(|answer| answer.messages)
    });
    let started = Instant::now();
    stack.stop().await;
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    // Either it was running and is answered, or it came too late and is refused; it is never cut while running.
    if let Ok(messages) = poll.await.unwrap() {
        assert!(messages.unwrap_or_default().is_empty());
    }
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue_alone() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let (work, dead, _) = dead_letter_pair(&client, "2").await;
    send(&client, &work, "poison").await;
    for expected in ["1", "2"] {
        let message = one(&client, &work, 0).await;
        assert_eq!(
            system(&message, MessageSystemAttributeName::ApproximateReceiveCount).unwrap(),
            expected
        );
    }
    send(&client, &work, "good").await;
    assert_eq!(one(&client, &work, 0).await.body(), Some("good"));
    let buried = one(&client, &dead, 0).await;
    assert_eq!(buried.body(), Some("poison"));
    assert_eq!(
        system(&buried, MessageSystemAttributeName::ApproximateReceiveCount).unwrap(),
        "3"
    );
    let source = system(&buried, MessageSystemAttributeName::DeadLetterQueueSourceArn).unwrap();
    assert!(source.ends_with(":work"), "{source}");
    stack.stop().await;
}

#[tokio::test]
async fn dead_letters_go_back_to_their_source_as_new_messages() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let (work, dead, dead_arn) = dead_letter_pair(&client, "1").await;
    for body in ["a", "b", "c"] {
        send(&client, &work, body).await;
    }
    assert_eq!(receive(&client, &work, 0).await.len(), 3);
    assert!(receive(&client, &work, 0).await.is_empty());
    assert_eq!(
        attribute(&client, &dead, QueueAttributeName::ApproximateNumberOfMessages).await,
        "3"
    );

    let work_arn = attribute(&client, &work, QueueAttributeName::QueueArn).await;
    let wrong = client
        .start_message_move_task()
        .source_arn(&work_arn)
        .send()
        .await
        .unwrap_err();
    assert_eq!(wrong.code(), Some("InvalidParameterValue"), "{wrong:?}");

    client
        .start_message_move_task()
        .source_arn(&dead_arn)
        .send()
        .await
        .unwrap();
    let task = eventually("the move task completes", async || {
        let tasks = client
            .list_message_move_tasks()
            .source_arn(&dead_arn)
            .send()
            .await
            .unwrap();
        tasks.results()[0]
            .clone()
            .status
            .filter(|status| status == "COMPLETED")
            .map(|_| tasks.results()[0].clone())
    })
    .await;
    assert_eq!(task.approximate_number_of_messages_moved(), 3);
    assert_eq!(task.approximate_number_of_messages_to_move(), Some(3));
    let back = receive(&client, &work, 0).await;
    let bodies: BTreeSet<_> = back.iter().map(|message| message.body().unwrap()).collect();
    assert_eq!(bodies, BTreeSet::from(["a", "b", "c"]));
    for message in &back {
        assert_eq!(
            system(message, MessageSystemAttributeName::ApproximateReceiveCount).unwrap(),
            "1"
        );
        assert_eq!(
            system(message, MessageSystemAttributeName::DeadLetterQueueSourceArn),
            None
        );
    }
    assert!(receive(&client, &dead, 0).await.is_empty());
    stack.stop().await;
}

#[tokio::test]
async fn a_dead_letter_without_a_source_fails_the_task_and_stays() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let (_, dead, dead_arn) = dead_letter_pair(&client, "1").await;
    send(&client, &dead, "sent here directly").await;
    client
        .start_message_move_task()
        .source_arn(&dead_arn)
        .send()
        .await
        .unwrap();
    let reason = eventually("the move task fails", async || {
        let tasks = client
            .list_message_move_tasks()
            .source_arn(&dead_arn)
            .send()
            .await
            .unwrap();
        tasks.results()[0].failure_reason().map(str::to_owned)
    })
    .await;
    assert_eq!(reason, "CouldNotDetermineMessageSource");
    assert_eq!(
        attribute(&client, &dead, QueueAttributeName::ApproximateNumberOfMessages).await,
        "1"
    );
    stack.stop().await;
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_batch_fails_in_part() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[(QueueAttributeName::MaximumMessageSize, "1024")]).await;
    let entries = vec![
        entry("ok", "fine"),
        entry("bad", "bell \u{7}"),
        entry("long", &"x".repeat(1025)),
    ];
    let answer = client
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some(entries))
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.successful().iter().map(|sent| sent.id()).collect::<Vec<_>>(),
        ["ok"]
    );
    let failed: BTreeMap<_, _> = answer
        .failed()
        .iter()
        .map(|failure| (failure.id(), failure.code()))
        .collect();
    assert_eq!(
        failed,
        BTreeMap::from([("bad", "InvalidMessageContents"), ("long", "InvalidParameterValue")])
    );
    assert!(answer.failed().iter().all(|failure| failure.sender_fault()));

    let message = one(&client, &url, 0).await;
    let handle = message.receipt_handle().unwrap();
    let change = |id: &str, handle: &str| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .visibility_timeout(60)
            .build()
            .unwrap()
    };
    let changed = client
        .change_message_visibility_batch()
        .queue_url(&url)
        .entries(change("a", handle))
        .entries(change("b", "made-up"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (changed.successful().len(), changed.failed()[0].code()),
        (1, "ReceiptHandleIsInvalid")
    );
    let delete = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
            .unwrap()
    };
    let deleted = client
        .delete_message_batch()
        .queue_url(&url)
        .entries(delete("a", handle))
        .entries(delete("b", "made-up"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (deleted.successful().len(), deleted.failed()[0].code()),
        (1, "ReceiptHandleIsInvalid")
    );
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await,
        "0"
    );
    stack.stop().await;
}

#[tokio::test]
async fn limits_of_batches_and_messages_are_refused_with_the_codes_of_aws() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[]).await;
    let batch = |entries: Vec<SendMessageBatchRequestEntry>| {
        client.send_message_batch().queue_url(&url).set_entries(Some(entries))
    };
    let twice = batch(vec![entry("a", "1"), entry("a", "2")])
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(twice.is_batch_entry_ids_not_distinct(), "{twice:?}");
    let none = batch(vec![]).send().await.unwrap_err().into_service_error();
    assert!(none.is_empty_batch_request(), "{none:?}");
    let eleven = batch((0..11).map(|n| entry(&n.to_string(), "x")).collect())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(eleven.is_too_many_entries_in_batch_request(), "{eleven:?}");
    let strange = batch(vec![entry("a b", "1")])
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(strange.is_invalid_batch_entry_id(), "{strange:?}");
    let half = "x".repeat(600 * 1024);
    let long = batch(vec![entry("a", &half), entry("b", &half)])
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(long.is_batch_request_too_long(), "{long:?}");

    let send = |body: String| client.send_message().queue_url(&url).message_body(body).send();
    send("x".repeat(1024 * 1024)).await.unwrap();
    assert_eq!(
        send("x".repeat(1024 * 1024 + 1)).await.unwrap_err().code(),
        Some("InvalidParameterValue")
    );
    assert_eq!(send(String::new()).await.unwrap_err().code(), Some("MissingParameter"));
    stack.stop().await;
}

#[tokio::test]
async fn queues_are_created_once_listed_described_changed_and_purged() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "orders", &[(QueueAttributeName::VisibilityTimeout, "60")]).await;
    queue(&client, "other", &[]).await;
    assert_eq!(
        queue(&client, "orders", &[(QueueAttributeName::VisibilityTimeout, "60")]).await,
        url
    );
    let other = client
        .create_queue()
        .queue_name("orders")
        .attributes(QueueAttributeName::VisibilityTimeout, "61");
    assert!(
        other
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_name_exists()
    );
    assert_eq!(
        client
            .get_queue_url()
            .queue_name("orders")
            .send()
            .await
            .unwrap()
            .queue_url(),
        Some(url.as_str())
    );
    let missing = client.get_queue_url().queue_name("missing").send().await.unwrap_err();
    assert!(missing.into_service_error().is_queue_does_not_exist());
    assert_eq!(
        client
            .list_queues()
            .queue_name_prefix("ord")
            .send()
            .await
            .unwrap()
            .queue_urls(),
        std::slice::from_ref(&url)
    );
    let page = client.list_queues().max_results(1).send().await.unwrap();
    let rest = client
        .list_queues()
        .max_results(1)
        .set_next_token(page.next_token)
        .send()
        .await
        .unwrap();
    assert!(rest.queue_urls()[0].ends_with("/other") && rest.next_token.is_none());

    let set = client.set_queue_attributes().queue_url(&url);
    set.attributes(QueueAttributeName::VisibilityTimeout, "90")
        .send()
        .await
        .unwrap();
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::VisibilityTimeout).await,
        "90"
    );
    let bad = client
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::DelaySeconds, "901");
    assert_eq!(bad.send().await.unwrap_err().code(), Some("InvalidAttributeValue"));
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::QueueArn).await,
        "arn:aws:sqs:eu-central-2:000000000000:orders"
    );
    send(&client, &url, "a").await;
    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::ApproximateNumberOfMessages).await,
        "0"
    );
    stack.stop().await;
}

#[tokio::test]
async fn what_is_not_supported_is_refused_by_name() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[]).await;
    let deletion = client
        .delete_queue()
        .queue_url(&url)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(deletion.is_unsupported_operation());
    assert!(deletion.message().unwrap().contains("DeleteQueue"), "{deletion:?}");
    let fifo = client
        .create_queue()
        .queue_name("q.fifo")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(
        fifo.is_unsupported_operation() && fifo.message().unwrap().contains("q.fifo"),
        "{fifo:?}"
    );
    let group = client
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .message_group_id("g")
        .send()
        .await
        .unwrap_err();
    assert!(group.message().unwrap().contains("MessageGroupId"), "{group:?}");
    let tagged = client
        .create_queue()
        .queue_name("t")
        .tags("a", "b")
        .send()
        .await
        .unwrap_err();
    assert!(tagged.message().unwrap().contains("tags"), "{tagged:?}");
    stack.stop().await;
}

#[tokio::test]
async fn concurrent_receivers_get_every_message_exactly_once_while_it_is_hidden() {
    let stack = Stack::memory().await;
    let client = stack.sqs();
    let url = queue(&client, "q", &[]).await;
    for batch in 0..20 {
        let entries = (0..10)
            .map(|n| entry(&n.to_string(), &format!("{batch}-{n}")))
            .collect();
        client
            .send_message_batch()
            .queue_url(&url)
            .set_entries(Some(entries))
            .send()
            .await
            .unwrap();
    }
    let receivers: Vec<_> = (0..8)
        .map(|_| {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move {
                let mut bodies = Vec::new();
                loop {
                    let messages = receive(&client, &url, 0).await;
                    if messages.is_empty() {
                        return bodies;
                    }
                    bodies.extend(messages.into_iter().filter_map(|message| message.body));
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for receiver in receivers {
        all.extend(receiver.await.unwrap());
    }
    assert_eq!(all.len(), 200);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 200);
    stack.stop().await;
}
