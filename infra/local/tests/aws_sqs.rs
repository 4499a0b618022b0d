//! Delivery by the local SQS as the official SDK sees it: visibility, receipt handles, long polls.

mod aws_support;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName};
use aws_support::Stack;
use aws_support::sqs::{attribute, entry, one, queue, receive, send, system};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

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
