//! The loop around a function that answers requests and works off a queue.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use http_edge::{Problem, Request, Response};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::Db;

use crate::sqs::{Deadline, Delivery, Failed, Put};
use crate::{http, sqs};

/// Serves requests and batches until the platform ends the process: an event with records is a batch.
///
/// # Errors
/// When the runtime's own connection fails.
pub async fn serve<M, H, Answered, W, Worked>(db: &Db, on_request: H, on_batch: W) -> Result<(), Error>
where
    M: DeserializeOwned,
    H: Fn(Request) -> Answered,
    Answered: Future<Output = Result<Response, Problem>>,
    W: Fn(Vec<Delivery<M>>, Deadline) -> Worked,
    Worked: Future<Output = Failed>,
{
    let (on_request, on_batch) = (&on_request, &on_batch);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        answered(db, on_request, on_batch, event).await
    }))
    .await
}

async fn answered<M, H, Answered, W, Worked>(
    db: &Db,
    on_request: &H,
    on_batch: &W,
    event: LambdaEvent<Value>,
) -> Result<Value, Error>
where
    M: DeserializeOwned,
    H: Fn(Request) -> Answered,
    Answered: Future<Output = Result<Response, Problem>>,
    W: Fn(Vec<Delivery<M>>, Deadline) -> Worked,
    Worked: Future<Output = Failed>,
{
    let LambdaEvent { payload, context } = event;
    if payload.get("Records").is_some() {
        let records: SqsEvent = serde_json::from_value(payload)?;
        let answer = sqs::batch(db, on_batch, LambdaEvent::new(records, context)).await?;
        return Ok(serde_json::to_value(answer)?);
    }
    let request: ApiGatewayV2httpRequest = serde_json::from_value(payload)?;
    let answer = http::answer(Some(db), on_request, LambdaEvent::new(request, context)).await;
    Ok(serde_json::to_value(answer)?)
}

/// As [`serve`], for a function that a bucket calls too.
///
/// # Errors
/// When the runtime's own connection fails.
pub async fn serve_with_bucket<M, H, Answered, B, Begun, E, W, Worked>(
    db: &Db,
    on_request: H,
    on_put: B,
    on_batch: W,
) -> Result<(), Error>
where
    M: DeserializeOwned,
    H: Fn(Request) -> Answered,
    Answered: Future<Output = Result<Response, Problem>>,
    B: Fn(Put) -> Begun,
    Begun: Future<Output = Result<(), E>>,
    E: std::error::Error + Send + Sync + 'static,
    W: Fn(Vec<Delivery<M>>, Deadline) -> Worked,
    Worked: Future<Output = Failed>,
{
    let (on_request, on_put, on_batch) = (&on_request, &on_put, &on_batch);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        if let Some(puts) = sqs::puts(&event.payload) {
            for put in puts {
                Box::pin(on_put(put)).await?;
            }
            return Ok::<Value, Error>(serde_json::to_value(SqsBatchResponse::default())?);
        }
        Box::pin(answered(db, on_request, on_batch, event)).await
    }))
    .await
}
