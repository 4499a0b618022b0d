//! Queues of the local SQS as the official SDK sees them: batches, limits, attributes, dead letters, refusals.

mod aws_support;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use aws_support::sqs::{attribute, dead_letter_pair, entry, one, queue, receive, send, system};
use aws_support::{Stack, eventually};
use std::collections::{BTreeMap, BTreeSet};

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
