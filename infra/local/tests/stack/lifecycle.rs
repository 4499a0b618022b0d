//! Starting again, and leaving nothing behind.

use aws_sdk_dynamodb::types::AttributeValue;
use treue_local::{oidc::TokenRequest, stack::StackOptions};

use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::support::{PATIENCE, eventually, http, invoke, logged, start, start_with};

fn keep(folder: &tempfile::TempDir) -> impl FnOnce(&mut StackOptions) {
    let path = folder.path().to_owned();
    move |options| options.data_dir = Some(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_start_finds_its_data_and_goes_on_in_the_stream() {
    let folder = tempfile::tempdir().expect("a folder");
    let item = |name: &str| {
        [("pk", name), ("sk", "a"), ("do", "ok"), ("topics", "t")]
            .map(|(key, value)| (key.to_owned(), AttributeValue::S(value.to_owned())))
            .into_iter()
            .collect()
    };
    let first = start_with(keep(&folder)).await;
    let table = first.table_name().expect("a table");
    let put = |stack: &treue_local::stack::Stack, name: &str| {
        stack
            .clients()
            .dynamodb
            .put_item()
            .table_name(&table)
            .set_item(Some(item(name)))
            .send()
    };
    put(&first, "one").await.expect("put");
    first.quiescent(PATIENCE).await.expect("rest");
    first.pause_event_source("RelayFunction").expect("a source");
    put(&first, "two").await.expect("put");
    let secret = first.attribute("Pepper", "Ref").expect("a secret");
    first.stop().await;

    let second = start_with(keep(&folder)).await;
    second.quiescent(PATIENCE).await.expect("rest");
    assert_eq!(second.attribute("Pepper", "Ref").expect("a secret"), secret);
    let scan = second
        .clients()
        .dynamodb
        .scan()
        .table_name(&table)
        .send()
        .await
        .expect("a scan");
    assert_eq!(scan.count(), 2);
    // The log goes on in the same file: each record once.
    assert_eq!(logged(&second, "RelayFunction", "done one"), 1);
    assert_eq!(logged(&second, "RelayFunction", "done two"), 1);
    second.stop().await;
}

fn is_running(process: u64) -> bool {
    // A zombie has ended: it only waits to be counted.
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = status
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().next())
        .map(str::to_owned);
    state.is_some_and(|state| state != "Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_outlives_the_stack() {
    let stack = start().await;
    let answer = invoke(&stack, "EchoFunction", "RequestResponse", r#"{"do":"process"}"#)
        .await
        .json();
    let process = answer["process"].as_u64().expect("a process");
    assert!(is_running(process));
    stack.stop().await;
    assert!(!is_running(process));
}

/// Not a test: the child process of the next one. It starts a stack with a running function and waits to be killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the next test runs it as a process of its own"]
async fn a_stack_that_waits_to_be_killed() {
    let stack = start().await;
    for payload in [r#"{"do":"process"}"#, r#"{"do":"sleep","ms":10}"#] {
        let answer = invoke(&stack, "EchoFunction", "RequestResponse", payload).await.json();
        println!("process={}", answer["process"]);
    }
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_end_when_the_stack_is_killed() {
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "lifecycle::a_stack_that_waits_to_be_killed",
            "--ignored",
            "--nocapture",
        ])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let mut process = None;
    while process.is_none() {
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .expect("a line in time");
        let line = line.expect("a line").expect("a line before the end");
        process = line.split("process=").nth(1).and_then(|text| text.trim().parse().ok());
    }
    let process = process.expect("a process");
    assert!(is_running(process));
    child.kill().await.expect("killed");
    eventually("the function has ended", async || !is_running(process)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_issuer_publishes_its_key_and_signs_with_it() {
    let stack = start().await;
    let issuer = stack.urls().issuer;
    let configuration = http(&issuer, "GET", "/.well-known/openid-configuration", &[], b"")
        .await
        .json();
    assert_eq!(configuration["issuer"], issuer.as_str());
    let keys = http(&issuer, "GET", "/jwks.json", &[], b"").await.json();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).expect("a key set");
    let request = TokenRequest {
        subject: "anna".to_owned(),
        tenant: "demo".to_owned(),
        scope: "operations:read".to_owned(),
        locations: "B01 B02".to_owned(),
        audience: "treue".to_owned(),
        lifetime_seconds: 60,
        claims: serde_json::Map::new(),
    };
    let token = stack.issuer().token(&request).expect("a token");
    let key = jsonwebtoken::DecodingKey::from_jwk(&set.keys[0]).expect("a key");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["treue"]);
    validation.set_issuer(&[issuer]);
    let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation)
        .expect("a valid token")
        .claims;
    let said = ["sub", "tenant", "locations"].map(|claim| claims[claim].clone());
    assert_eq!(said, ["anna", "demo", "B01 B02"]);
    stack.stop().await;
}
