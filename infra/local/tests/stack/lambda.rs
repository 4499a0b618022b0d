//! Functions over the Runtime API, through the Lambda Invoke endpoint.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{PATIENCE, eventually, http, invoke, logged, start, start_with};

const SYNC: &str = "RequestResponse";

#[tokio::test(flavor = "multi_thread")]
async fn a_function_answers_through_the_invoke_endpoint() {
    let stack = start().await;
    let answer = invoke(&stack, "EchoFunction", SYNC, r#"{"a":1}"#).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"a": 1})));
    assert_eq!(answer.header("x-amz-executed-version"), "$LATEST");
    assert_eq!(answer.header("x-amz-function-error"), "");

    let unknown = invoke(&stack, "NobodyFunction", SYNC, "{}").await;
    assert_eq!(
        (unknown.status, unknown.header("x-amzn-errortype")),
        (404, "ResourceNotFoundException")
    );
    let malformed = invoke(&stack, "EchoFunction", SYNC, "{").await;
    assert_eq!(
        (malformed.status, malformed.header("x-amzn-errortype")),
        (400, "InvalidRequestContentException")
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_sees_lambdas_environment_and_nothing_of_this_process() {
    let stack = start_with(|options| {
        options.env_overrides.insert("EXTRA".to_owned(), "yes".to_owned());
    })
    .await;
    let seen = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"environment"}"#)
        .await
        .json();
    let variables = &seen["variables"];
    let name = stack
        .functions()
        .get("EchoFunction")
        .expect("a function")
        .settings()
        .name
        .clone();
    let stack_name = name
        .strip_suffix("-EchoFunction")
        .expect("the stack's name and the logical id");
    assert_eq!(variables["GREETING"], json!(format!("hello from {stack_name}")));
    assert_eq!(variables["TABLE_NAME"], json!(stack.table_name().expect("a table")));
    assert_eq!(
        variables["WORK_QUEUE_URL"],
        json!(stack.queue_url("WorkQueue").expect("a queue"))
    );
    assert_eq!(
        variables["PEPPER"],
        json!(stack.attribute("Pepper", "Ref").expect("a secret"))
    );
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], json!(name));
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "128");
    assert_eq!(variables["EXTRA"], "yes");
    let endpoint = &stack.aws_env()[0];
    assert_eq!(variables[&endpoint.0], json!(endpoint.1));
    assert_eq!(variables["CARGO_MANIFEST_DIR"], Value::Null);
    let arn = format!("arn:aws:lambda:eu-central-2:000000000000:function:{name}");
    assert_eq!(seen["arn"], json!(arn));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_function_is_reported_and_a_panic_keeps_the_process() {
    let stack = start().await;
    let before = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"process"}"#).await.json();
    let failed = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"fail"}"#).await;
    assert_eq!(
        (failed.status, failed.header("x-amz-function-error")),
        (200, "Unhandled")
    );
    assert_eq!(failed.json()["errorMessage"], "told to fail");
    let panicked = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"panic"}"#).await;
    assert_eq!(panicked.header("x-amz-function-error"), "Unhandled");
    let after = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"process"}"#).await.json();
    assert_eq!(before, after);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_answered_and_the_next_invocation_gets_a_new_process() {
    let stack = start().await;
    let before = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"process"}"#).await.json();
    let crashed = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"exit"}"#).await;
    assert_eq!(crashed.header("x-amz-function-error"), "Unhandled");
    assert_eq!(crashed.json()["errorType"], "Runtime.ExitError");
    let after = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"process"}"#).await.json();
    assert_ne!(before, after);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_beyond_its_time_out_is_ended_with_its_process() {
    let stack = start().await;
    let late = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"sleep","ms":60000}"#).await;
    assert_eq!(late.json()["errorType"], "Sandbox.Timedout");
    assert!(
        late.json()["errorMessage"]
            .as_str()
            .is_some_and(|text| text.ends_with("Task timed out after 2.00 seconds"))
    );
    assert_eq!(invoke(&stack, "EchoFunction", SYNC, "{}").await.status, 200);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_does_not_start_is_reported() {
    let stack = start_with(|options| {
        options
            .env_overrides
            .insert("FIXTURE_INIT".to_owned(), "exit".to_owned());
    })
    .await;
    let answer = invoke(&stack, "EchoFunction", SYNC, "{}").await;
    assert_eq!(answer.header("x-amz-function-error"), "Unhandled");
    assert_eq!(answer.json()["errorType"], "Runtime.ExitError");
    assert_eq!(logged(&stack, "EchoFunction", "exiting during init"), 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_a_function_ends_its_running_invocation_as_a_crash() {
    let stack = start().await;
    let running = invoke(&stack, "EchoFunction", SYNC, r#"{"do":"sleep","ms":60000}"#);
    let kill = async {
        eventually("the function runs", async || {
            logged(&stack, "EchoFunction", "sleeping") == 1
        })
        .await;
        stack.kill_function("EchoFunction").expect("a function");
    };
    let (answer, ()) = tokio::join!(running, kill);
    assert_eq!(answer.json()["errorType"], "Runtime.ExitError");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invocations_run_side_by_side_up_to_the_cap_and_the_rest_wait() {
    let stack = start_with(|options| options.concurrency = 2).await;
    let calls = (0..6).map(|_| invoke(&stack, "EchoFunction", SYNC, r#"{"do":"sleep","ms":50}"#));
    assert!(
        join_all(calls)
            .await
            .iter()
            .all(|answer| answer.header("x-amz-function-error").is_empty())
    );
    let started = stack.functions().get("EchoFunction").expect("a function").started();
    assert!((1..=2).contains(&started), "{started} processes");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_concurrency_refuses_what_is_too_much() {
    let stack = start().await;
    let running = invoke(&stack, "SingleFunction", SYNC, r#"{"do":"sleep","ms":1500}"#);
    let second = async {
        eventually("the first runs", async || {
            logged(&stack, "SingleFunction", "sleeping") == 1
        })
        .await;
        invoke(&stack, "SingleFunction", SYNC, "{}").await
    };
    let (first, second) = tokio::join!(running, second);
    assert_eq!((first.status, second.status), (200, 429));
    assert_eq!(second.header("x-amzn-errortype"), "TooManyRequestsException");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_event_is_accepted_at_once_and_retried_twice() {
    let stack = start().await;
    let accepted = invoke(&stack, "EchoFunction", "Event", r#"{"do":"exit"}"#).await;
    assert_eq!((accepted.status, accepted.body.len()), (202, 0));
    eventually("three attempts", async || {
        logged(&stack, "EchoFunction", "exiting") == 3
    })
    .await;
    stack.quiescent(PATIENCE).await.expect("rest");
    assert_eq!(logged(&stack, "EchoFunction", "exiting"), 3);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_for_the_running_invocation() {
    let stack = start().await;
    let url = stack.urls().invoke;
    let call = tokio::spawn(async move {
        let path = "/2015-03-31/functions/EchoFunction/invocations";
        http(&url, "POST", path, &[], br#"{"do":"sleep","ms":700}"#).await
    });
    eventually("it runs", async || logged(&stack, "EchoFunction", "sleeping") == 1).await;
    stack.stop().await;
    let answer = call.await.expect("the call");
    assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, ""));
}
