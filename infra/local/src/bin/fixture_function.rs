//! A Lambda function that does what its event says; the tests of the local stack run it as the functions of their templates.
//!
//! An event of its own: `{"do": "echo" | "environment" | "fail" | "panic" | "exit" | "sleep", "ms": 100}`. An HTTP event says it
//! in the query parameter `do`, a queue message in its JSON body, a stream record in the attribute `do` of its new image; the news of
//! an object whose key ends with `broken.csv` fails.
//! Every record of a batch is written to the log as `record <event> <what to do> <invocation's number of records>`.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// Things that fail the first time this process is asked.
static FAILED_ONCE: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::var("FIXTURE_INIT").as_deref() == Ok("exit") {
        eprintln!("exiting during init");
        std::process::exit(3);
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let payload = event.payload;
    if payload["type"] == "REQUEST" {
        return authorize(&payload);
    }
    if let Some(records) = payload["Records"].as_array() {
        return batch(records).await;
    }
    if payload.get("routeKey").is_some() {
        let query = &payload["queryStringParameters"];
        act(
            query["do"].as_str().unwrap_or("echo"),
            query["ms"].as_str().and_then(|ms| ms.parse().ok()),
        )
        .await?;
        return match query["respond"].as_str() {
            Some(text) => Ok(serde_json::from_str(text)?),
            None => Ok(json!({
                "statusCode": 200,
                "headers": { "content-type": "application/json" },
                "body": payload.to_string(),
            })),
        };
    }
    match payload["do"].as_str().unwrap_or("echo") {
        "environment" => {
            let variables: std::collections::BTreeMap<String, String> = std::env::vars().collect();
            Ok(
                json!({ "variables": variables, "deadline_ms": event.context.deadline, "arn": event.context.invoked_function_arn }),
            )
        }
        "process" => Ok(json!({ "process": std::process::id() })),
        other => {
            act(other, payload["ms"].as_u64()).await?;
            Ok(payload)
        }
    }
}

/// Allows, denies or fails as the Authorization header says, and writes a line for each time it is asked.
fn authorize(payload: &Value) -> Result<Value, Error> {
    let credential = payload["headers"]["authorization"].as_str().unwrap_or_default();
    println!(
        "authorizing {credential} {}",
        payload["routeKey"].as_str().unwrap_or_default()
    );
    match credential {
        "fail" => Err("the authorizer fails".into()),
        "nonsense" => Ok(json!({ "isAuthorized": "yes" })),
        other => Ok(json!({
            "isAuthorized": other.starts_with("allow"),
            "context": { "credential": other, "identity": payload["identitySource"], "arn": payload["routeArn"] },
        })),
    }
}

async fn batch(records: &[Value]) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in records {
        let (id, what) = match record["eventSource"].as_str() {
            Some("aws:sqs") => {
                let body = record["body"].as_str().unwrap_or_default();
                let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
                (record["messageId"].clone(), body)
            }
            Some("aws:dynamodb") => {
                let image = &record["dynamodb"]["NewImage"];
                let what = json!({ "do": image["do"]["S"], "name": image["pk"]["S"] });
                (record["dynamodb"]["SequenceNumber"].clone(), what)
            }
            Some("aws:s3") => {
                let key = record["s3"]["object"]["key"].as_str().unwrap_or_default();
                let what = if key.ends_with("broken.csv") { "error" } else { "ok" };
                (Value::Null, json!({ "do": what, "name": key }))
            }
            other => return Err(format!("unknown event source {other:?}").into()),
        };
        let wanted = what["do"].as_str().unwrap_or("ok");
        let name = what["name"].as_str().unwrap_or_default();
        println!("record {name} {wanted} of {}", records.len());
        let failed = match wanted {
            "fail" => true,
            "fail-once" => FAILED_ONCE
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name.to_owned()),
            "malformed" => return Ok(json!({ "batchItemFailures": [{ "itemIdentifier": "" }] })),
            "unknown-id" => return Ok(json!({ "batchItemFailures": [{ "itemIdentifier": "nobody" }] })),
            other => {
                act(other, what["ms"].as_u64()).await?;
                false
            }
        };
        if failed {
            failures.push(json!({ "itemIdentifier": id }));
        } else {
            println!("done {name}");
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

async fn act(what: &str, ms: Option<u64>) -> Result<(), Error> {
    match what {
        "fail" | "error" => Err("told to fail".into()),
        "panic" => panic!("told to panic"),
        "exit" => {
            println!("exiting");
            std::process::exit(1)
        }
        "sleep" => {
            println!("sleeping");
            tokio::time::sleep(Duration::from_millis(ms.unwrap_or(100))).await;
            Ok(())
        }
        _ => Ok(()),
    }
}
