//! The local DynamoDB and its stream as the official SDKs see them.

mod aws_support;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    StreamSpecification, StreamViewType, TransactWriteItem,
};
use aws_sdk_dynamodbstreams::types::{Record, ShardIteratorType};
use aws_support::Stack;
use std::time::SystemTime;
use treue_local::aws::{AwsError, StreamTrim};

const TABLE: &str = "main";

async fn create_table(client: &Client) {
    let attribute = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage);
    client
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream.build().unwrap())
        .send()
        .await
        .unwrap();
}

fn put(pk: &str, sk: &str) -> Put {
    Put::builder()
        .table_name(TABLE)
        .item("pk", AttributeValue::S(pk.to_owned()))
        .item("sk", AttributeValue::S(sk.to_owned()))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap()
}

async fn transact(client: &Client, puts: Vec<Put>) -> Result<(), aws_sdk_dynamodb::Error> {
    let legs = puts
        .into_iter()
        .map(|put| TransactWriteItem::builder().put(put).build())
        .collect();
    client
        .transact_write_items()
        .set_transact_items(Some(legs))
        .send()
        .await?;
    Ok(())
}

/// The records of the table's stream, from the oldest kept one or from after a sequence number.
async fn records(stack: &Stack, after: Option<&str>) -> Vec<Record> {
    let client = stack.streams();
    let streams = client.list_streams().table_name(TABLE).send().await.unwrap();
    let arn = streams.streams()[0].stream_arn().unwrap().to_owned();
    let described = client.describe_stream().stream_arn(&arn).send().await.unwrap();
    let shard = described.stream_description().unwrap().shards()[0]
        .shard_id()
        .unwrap()
        .to_owned();
    let iterator = client.get_shard_iterator().stream_arn(&arn).shard_id(shard);
    let iterator = match after {
        None => iterator.shard_iterator_type(ShardIteratorType::TrimHorizon),
        Some(number) => iterator
            .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
            .sequence_number(number),
    };
    let mut next = iterator.send().await.unwrap().shard_iterator;
    let mut all = Vec::new();
    while let Some(iterator) = next {
        let page = client
            .get_records()
            .shard_iterator(iterator)
            .limit(7)
            .send()
            .await
            .unwrap();
        let read = page.records.unwrap_or_default();
        next = page.next_shard_iterator.filter(|_| !read.is_empty());
        all.extend(read);
    }
    all
}

fn sort_key(record: &Record) -> String {
    record.dynamodb().unwrap().new_image().unwrap()["sk"]
        .as_s()
        .unwrap()
        .clone()
}

fn number(record: &Record) -> String {
    record.dynamodb().unwrap().sequence_number().unwrap().to_owned()
}

#[tokio::test]
async fn the_stream_has_every_committed_item_in_the_order_of_the_commits_and_none_of_a_cancelled_transaction() {
    let stack = Stack::memory().await;
    let client = stack.dynamodb();
    create_table(&client).await;
    for n in 0..10 {
        transact(
            &client,
            vec![put("a", &format!("{n:02}-1")), put("a", &format!("{n:02}-2"))],
        )
        .await
        .unwrap();
    }
    let cancelled = transact(&client, vec![put("a", "new"), put("a", "00-1")])
        .await
        .unwrap_err();
    assert!(
        matches!(cancelled, aws_sdk_dynamodb::Error::TransactionCanceledException(_)),
        "{cancelled:?}"
    );
    let read = records(&stack, None).await;
    let expected: Vec<String> = (0..10)
        .flat_map(|n| [format!("{n:02}-1"), format!("{n:02}-2")])
        .collect();
    assert_eq!(read.iter().map(sort_key).collect::<Vec<_>>(), expected);
    assert!(read.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));
    let rest = records(&stack, Some(&number(&read[14]))).await;
    assert_eq!(rest.iter().map(sort_key).collect::<Vec<_>>(), expected[15..]);
    stack.stop().await;
}

#[tokio::test]
async fn a_trimmed_stream_forgets_old_records_and_goes_on_with_higher_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for stack in [Stack::memory().await, Stack::on_disk(folder.path()).await] {
        let client = stack.dynamodb();
        create_table(&client).await;
        for n in 0..6 {
            transact(&client, vec![put("a", &n.to_string())]).await.unwrap();
        }
        let before = records(&stack, None).await;
        let consumed = StreamTrim::UpTo(number(&before[1]));
        assert_eq!(stack.endpoints.trim_stream(TABLE, consumed.clone()).await.unwrap(), 2);
        assert_eq!(stack.endpoints.trim_stream(TABLE, consumed).await.unwrap(), 0);
        assert_eq!(
            records(&stack, None).await.iter().map(sort_key).collect::<Vec<_>>(),
            ["2", "3", "4", "5"]
        );
        let day_ago = SystemTime::now() - std::time::Duration::from_secs(24 * 3_600);
        assert_eq!(
            stack
                .endpoints
                .trim_stream(TABLE, StreamTrim::CreatedBefore(day_ago))
                .await
                .unwrap(),
            0
        );
        assert_eq!(stack.endpoints.trim_stream("other", StreamTrim::All).await.unwrap(), 0);
        // The relay was off for 25 hours: nothing is left, the items are.
        assert_eq!(stack.endpoints.trim_stream(TABLE, StreamTrim::All).await.unwrap(), 4);
        assert!(records(&stack, None).await.is_empty());
        let items = client.scan().table_name(TABLE).send().await.unwrap();
        assert_eq!(items.count(), 6);
        transact(&client, vec![put("a", "6")]).await.unwrap();
        let after = records(&stack, Some(&number(&before[5]))).await;
        assert_eq!(after.iter().map(sort_key).collect::<Vec<_>>(), ["6"]);
        let wrong = stack
            .endpoints
            .trim_stream(TABLE, StreamTrim::UpTo("17".to_owned()))
            .await
            .unwrap_err();
        assert!(matches!(wrong, AwsError::SequenceNumber(_)));
        stack.stop().await;
    }
}

#[tokio::test]
async fn items_and_the_stream_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::on_disk(folder.path()).await;
    create_table(&stack.dynamodb()).await;
    transact(&stack.dynamodb(), vec![put("a", "1")]).await.unwrap();
    stack.stop().await;
    let stack = Stack::on_disk(folder.path()).await;
    transact(&stack.dynamodb(), vec![put("a", "2")]).await.unwrap();
    assert_eq!(
        records(&stack, None).await.iter().map(sort_key).collect::<Vec<_>>(),
        ["1", "2"]
    );
    stack.stop().await;
}

#[tokio::test]
async fn requests_during_a_trim_of_many_records_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::on_disk(folder.path()).await;
    let client = stack.dynamodb();
    create_table(&client).await;
    for batch in 0..30 {
        let puts = (0..100).map(|n| put(&batch.to_string(), &n.to_string())).collect();
        transact(&client, puts).await.unwrap();
    }
    let writes = async {
        for n in 0..20 {
            let item = put("during", &n.to_string());
            let alone = client.put_item().table_name(TABLE).set_item(Some(item.item.clone()));
            alone.send().await.unwrap();
            let again = transact(&client, vec![item]).await.unwrap_err();
            assert!(
                matches!(again, aws_sdk_dynamodb::Error::TransactionCanceledException(_)),
                "{again:?}"
            );
        }
    };
    let (trimmed, ()) = tokio::join!(stack.endpoints.trim_stream(TABLE, StreamTrim::All), writes);
    let left = records(&stack, None).await.len() as u64;
    assert_eq!(trimmed.unwrap() + left, 3_020);
    assert!(left <= 20, "{left}");
    stack.stop().await;
}
