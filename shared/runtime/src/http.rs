//! The loop around the handler of an HTTP function.

use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use http_edge::{Code, Problem, Request, Response};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use store::Db;

use crate::contain::{Panicked, contained};

/// Serves requests until the platform ends the process. Every request ends in an answer and one log line.
///
/// # Errors
/// When the runtime's own connection fails.
pub async fn serve<H, Fut>(db: Option<&Db>, handler: H) -> Result<(), Error>
where
    H: Fn(Request) -> Fut,
    Fut: Future<Output = Result<Response, Problem>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
        Ok::<_, Error>(answer(db, handler, event).await)
    }))
    .await
}

pub(crate) async fn answer<H, Fut>(
    db: Option<&Db>,
    handler: &H,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> ApiGatewayV2httpResponse
where
    H: Fn(Request) -> Fut,
    Fut: Future<Output = Result<Response, Problem>>,
{
    let started = Instant::now();
    let route = event.payload.route_key.clone().unwrap_or_default();
    let id = event
        .payload
        .request_context
        .request_id
        .clone()
        .unwrap_or_else(|| event.context.request_id.clone());
    let outcome = match Request::from_event(event.payload) {
        // Boxed: the future of the whole loop would be as large as the longest way through any handler.
        Ok(request) => match contained(Box::pin(handler(request))).await {
            Ok(outcome) => outcome,
            Err(Panicked) => Err(Problem::new(Code::Internal, "something is wrong on our side")),
        },
        Err(problem) => Err(problem),
    };
    let (response, code) = match outcome {
        Ok(response) => (response, ""),
        Err(problem) => (Response::problem(&problem, &id), problem.code.as_str()),
    };
    let cost = db.map(|db| db.meter().take()).unwrap_or_default();
    tracing::info!(
        request.id = %id,
        request.route = %route,
        status = response.status,
        code,
        duration_ms = started.elapsed().as_millis(),
        table.requests = cost.requests,
        table.read_milli_units = cost.read_milli,
        table.write_milli_units = cost.write_milli,
        "answered"
    );
    response.into_event(&id)
}
