//! The local S3 as the official SDK sees it.

mod aws_support;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use aws_support::Stack;
use std::collections::BTreeSet;

const BUCKET: &str = "failures";
const WRITERS: usize = 16;

async fn stack() -> (Stack, Client) {
    let stack = Stack::memory().await;
    stack.endpoints.create_bucket(BUCKET).unwrap();
    let client = stack.s3();
    (stack, client)
}

async fn content(client: &Client, key: &str) -> Vec<u8> {
    let object = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

async fn keys(client: &Client) -> Vec<String> {
    let listed = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap().to_owned())
        .collect()
}

async fn upload_part(client: &Client, key: &str, upload: &str, number: i32, bytes: Vec<u8>) -> CompletedPart {
    let part = client
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(upload)
        .part_number(number)
        .body(ByteStream::from(bytes))
        .send()
        .await
        .unwrap();
    CompletedPart::builder()
        .part_number(number)
        .set_e_tag(part.e_tag)
        .build()
}

async fn begin(client: &Client, key: &str) -> String {
    let upload = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .content_type("text/csv")
        .send()
        .await
        .unwrap();
    upload.upload_id.unwrap()
}

fn parts(parts: Vec<CompletedPart>) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts)).build()
}

#[tokio::test]
async fn an_object_comes_back_with_its_type_metadata_and_tag_and_is_listed_and_deleted() {
    let (stack, client) = stack().await;
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("2026/11/a.json")
        .content_type("application/json")
        .metadata("shard", "7")
        .body(ByteStream::from_static(b"{}"))
        .send()
        .await
        .unwrap();
    let got = client
        .get_object()
        .bucket(BUCKET)
        .key("2026/11/a.json")
        .send()
        .await
        .unwrap();
    assert_eq!(got.e_tag(), put.e_tag());
    assert_eq!(got.content_type(), Some("application/json"));
    assert_eq!(got.metadata().unwrap()["shard"], "7");
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"{}");
    assert_eq!(keys(&client).await, ["2026/11/a.json"]);
    let identifier = ObjectIdentifier::builder().key("2026/11/a.json").build().unwrap();
    let delete = Delete::builder().objects(identifier).build().unwrap();
    client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert!(keys(&client).await.is_empty());
    let gone = client
        .get_object()
        .bucket(BUCKET)
        .key("2026/11/a.json")
        .send()
        .await
        .unwrap_err();
    assert!(gone.into_service_error().is_no_such_key());
    stack.stop().await;
}

#[tokio::test]
async fn of_sixteen_creators_of_one_key_exactly_one_wins_and_its_content_stays() {
    let (stack, client) = stack().await;
    for round in 0..5 {
        let key = format!("race-{round}");
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let put = client.put_object().bucket(BUCKET).key(&key).if_none_match("*");
                let body = format!("writer {n} {}", "x".repeat(n * 10_000));
                tokio::spawn(async move {
                    put.body(ByteStream::from(body.clone().into_bytes()))
                        .send()
                        .await
                        .map(|_| body)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                Ok(body) => winners.push(body),
                Err(error) => assert_eq!(error.code(), Some("PreconditionFailed"), "{error:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert!(content(&client, &key).await == winners[0].as_bytes(), "round {round}");
    }
    stack.stop().await;
}

#[tokio::test]
async fn of_concurrent_completions_of_one_key_exactly_one_wins() {
    let (stack, client) = stack().await;
    let mut prepared = Vec::new();
    for n in 0..WRITERS {
        let upload = begin(&client, "export.csv").await;
        let part = upload_part(&client, "export.csv", &upload, 1, format!("upload {n}").into_bytes()).await;
        prepared.push((upload, part, format!("upload {n}")));
    }
    let writers: Vec<_> = prepared
        .into_iter()
        .map(|(upload, part, body)| {
            let complete = client
                .complete_multipart_upload()
                .bucket(BUCKET)
                .key("export.csv")
                .upload_id(upload)
                .if_none_match("*")
                .multipart_upload(parts(vec![part]));
            tokio::spawn(async move { complete.send().await.map(|_| body) })
        })
        .collect();
    let mut winners = Vec::new();
    for writer in writers {
        match writer.await.unwrap() {
            Ok(body) => winners.push(body),
            Err(error) => assert_eq!(error.code(), Some("PreconditionFailed"), "{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(content(&client, "export.csv").await, winners[0].as_bytes());
    stack.stop().await;
}

#[tokio::test]
async fn of_concurrent_replacements_of_one_version_exactly_one_wins() {
    let (stack, client) = stack().await;
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("state")
        .body(ByteStream::from_static(b"0"))
        .send()
        .await
        .unwrap();
    let tag = put.e_tag.unwrap();
    let writers: Vec<_> = (1..=WRITERS)
        .map(|n| {
            let put = client.put_object().bucket(BUCKET).key("state").if_match(&tag);
            tokio::spawn(async move {
                put.body(ByteStream::from(n.to_string().into_bytes()))
                    .send()
                    .await
                    .map(|_| n)
            })
        })
        .collect();
    let mut winners = BTreeSet::new();
    for writer in writers {
        if let Ok(n) = writer.await.unwrap() {
            winners.insert(n);
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(
        content(&client, "state").await,
        winners.first().unwrap().to_string().as_bytes()
    );
    stack.stop().await;
}

#[tokio::test]
async fn a_multipart_upload_appears_when_it_is_completed_and_a_faulty_completion_can_be_corrected() {
    const PART: usize = 5 * 1024 * 1024;
    let (stack, client) = stack().await;
    let upload = begin(&client, "big").await;
    let first = upload_part(&client, "big", &upload, 1, vec![b'a'; PART]).await;
    let second = upload_part(&client, "big", &upload, 2, vec![b'b'; 3]).await;
    assert!(keys(&client).await.is_empty());
    let complete = |wanted: Vec<CompletedPart>| {
        client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("big")
            .upload_id(&upload)
            .multipart_upload(parts(wanted))
            .send()
    };
    let missing = CompletedPart::builder().part_number(3).e_tag("\"none\"").build();
    let fault = complete(vec![first.clone(), second.clone(), missing])
        .await
        .unwrap_err();
    assert!(
        matches!(fault.code(), Some("EntityTooSmall" | "InvalidPart")),
        "{fault:?}"
    );
    let reversed = complete(vec![second.clone(), first.clone()]).await.unwrap_err();
    assert_eq!(reversed.code(), Some("InvalidPartOrder"));
    complete(vec![first, second]).await.unwrap();
    let body = content(&client, "big").await;
    assert!(body.len() == PART + 3 && body.ends_with(b"abbb"));
    let head = client.head_object().bucket(BUCKET).key("big").send().await.unwrap();
    assert_eq!(head.content_type(), Some("text/csv"));

    let aborted = begin(&client, "never").await;
    upload_part(&client, "never", &aborted, 1, vec![b'c'; 3]).await;
    let abort = |key: &str, upload: &str| {
        let abort = client.abort_multipart_upload().bucket(BUCKET).key(key);
        abort.upload_id(upload).send()
    };
    abort("never", &aborted).await.unwrap();
    for (key, over) in [("never", &aborted), ("big", &upload)] {
        let fault = abort(key, over).await.unwrap_err();
        assert_eq!(fault.code(), Some("NoSuchUpload"), "{key}");
    }
    assert_eq!(keys(&client).await, ["big"]);
    stack.stop().await;
}

#[tokio::test]
async fn a_damaged_upload_does_not_replace_a_good_object() {
    let (stack, client) = stack().await;
    client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"good"))
        .send()
        .await
        .unwrap();
    let damaged = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_md5("1B2M2Y8AsgTpgAmY7PhCfg==")
        .body(ByteStream::from_static(b"damaged"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(damaged.code(), Some("BadDigest"));
    assert_eq!(content(&client, "k").await, b"good");
    stack.stop().await;
}

#[tokio::test]
async fn an_unknown_bucket_an_ambiguous_key_and_a_wrong_key_pair_are_refused() {
    let (stack, client) = stack().await;
    let put = |bucket: &str, key: &str| {
        client
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(ByteStream::from_static(b"x"))
            .send()
    };
    assert_eq!(put("nowhere", "k").await.unwrap_err().code(), Some("NoSuchBucket"));
    assert_eq!(put(BUCKET, "a//b").await.unwrap_err().code(), Some("InvalidArgument"));
    client.create_bucket().bucket("made-by-request").send().await.unwrap();
    put("made-by-request", "k").await.unwrap();
    let again = client
        .create_bucket()
        .bucket("made-by-request")
        .send()
        .await
        .unwrap_err();
    assert!(again.into_service_error().is_bucket_already_owned_by_you());
    let versions = client.get_bucket_versioning().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(versions.code(), Some("NotImplemented"));
    assert!(stack.endpoints.create_bucket("Not_a_bucket").is_err());
    let stranger = aws_support::client_with_other_keys(&stack.endpoints.s3_url());
    assert!(stranger.get_object().bucket(BUCKET).key("k").send().await.is_err());
    stack.stop().await;
}

#[tokio::test]
async fn objects_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::on_disk(folder.path()).await;
    stack.endpoints.create_bucket(BUCKET).unwrap();
    stack
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"kept"))
        .send()
        .await
        .unwrap();
    stack.stop().await;
    let stack = Stack::on_disk(folder.path()).await;
    assert_eq!(content(&stack.s3(), "k").await, b"kept");
    stack.stop().await;
}
