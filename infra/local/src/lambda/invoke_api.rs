//! The Lambda Invoke endpoint: `POST /2015-03-31/functions/{name}/invocations`.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{FunctionPool, Functions, InvokeError};

/// Lambda's largest payload of a synchronous invocation in bytes.
const SYNCHRONOUS_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Lambda's largest payload of an asynchronous invocation in bytes.
const ASYNCHRONOUS_BYTES_MAX: usize = 1024 * 1024;
/// Asynchronous events that may wait in memory.
const ASYNCHRONOUS_WAITING_MAX: usize = 1_000;
/// Pauses before the retries of an asynchronous event. On AWS they are one and two minutes.
const ASYNCHRONOUS_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// Asynchronous invocations: accepted at once, retried as the function declares, kept in memory only.
#[derive(Debug, Clone)]
pub struct AsyncInvoker {
    room: Arc<Semaphore>,
}

impl Default for AsyncInvoker {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ASYNCHRONOUS_WAITING_MAX)),
        }
    }
}

impl AsyncInvoker {
    /// Takes an event; `false` when too many are waiting.
    #[must_use]
    pub fn accept(&self, function: Arc<FunctionPool>, payload: Bytes) -> bool {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            return false;
        };
        tokio::spawn(async move {
            deliver(&function, payload).await;
            drop(room);
        });
        true
    }

    /// Events that wait, run or are about to be retried.
    #[must_use]
    pub fn pending(&self) -> usize {
        ASYNCHRONOUS_WAITING_MAX - self.room.available_permits()
    }
}

async fn deliver(function: &Arc<FunctionPool>, payload: Bytes) {
    let retries = function.settings().async_retries;
    for attempt in 0..=retries {
        match function.invoke(payload.clone()).await {
            Ok(outcome) if outcome.is_success() => return,
            Ok(_) => tracing::warn!(function = %function.settings().name, attempt, "an asynchronous invocation failed"),
            Err(InvokeError::Stopping { .. }) => return,
            Err(error) => tracing::warn!(attempt, %error, "an asynchronous invocation did not start"),
        }
        if attempt < retries {
            let pause = ASYNCHRONOUS_PAUSES.get(attempt as usize).copied();
            tokio::time::sleep(pause.unwrap_or(ASYNCHRONOUS_PAUSES[1])).await;
        }
    }
    tracing::error!(function = %function.settings().name, "an asynchronous event was given up");
}

/// The endpoint as a router.
pub fn router(functions: Functions, asynchronous: AsyncInvoker) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::disable())
        .with_state((functions, asynchronous))
}

async fn invoke(
    State((functions, asynchronous)): State<(Functions, AsyncInvoker)>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let Some(function) = functions.get(&name) else {
        return problem(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("Function not found: {name}"),
        );
    };
    let kind = header("x-amz-invocation-type");
    let limit = if kind == "Event" {
        ASYNCHRONOUS_BYTES_MAX
    } else {
        SYNCHRONOUS_BYTES_MAX
    };
    let Ok(payload) = to_bytes(body, limit).await else {
        let message = format!("the payload is larger than {limit} bytes");
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", &message);
    };
    let payload = if payload.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        payload
    };
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        let message = format!("Could not parse request body into json: {error}");
        return problem(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &message);
    }
    match kind.as_str() {
        "" | "RequestResponse" => synchronous(function, payload).await,
        "Event" if asynchronous.accept(Arc::clone(function), payload) => StatusCode::ACCEPTED.into_response(),
        "Event" => problem(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "too many events are waiting",
        ),
        "DryRun" => StatusCode::NO_CONTENT.into_response(),
        other => problem(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            &format!("invocation type {other}"),
        ),
    }
}

async fn synchronous(function: &Arc<FunctionPool>, payload: Bytes) -> Response {
    match function.invoke(payload).await {
        Ok(outcome) => {
            let mut headers = vec![
                (HeaderName::from_static("content-type"), "application/json"),
                (HeaderName::from_static("x-amz-executed-version"), "$LATEST"),
            ];
            headers.extend(
                outcome
                    .function_error
                    .map(|kind| (HeaderName::from_static("x-amz-function-error"), kind)),
            );
            let mut response = (StatusCode::OK, outcome.payload).into_response();
            for (name, value) in headers {
                response
                    .headers_mut()
                    .insert(name, http::HeaderValue::from_static(value));
            }
            response
        }
        Err(error @ (InvokeError::Throttled { .. } | InvokeError::Crowded { .. })) => problem(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            &error.to_string(),
        ),
        Err(error @ InvokeError::TooLarge { .. }) => problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &error.to_string(),
        ),
        Err(error) => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            &error.to_string(),
        ),
    }
}

fn problem(status: StatusCode, kind: &str, message: &str) -> Response {
    let headers = [("x-amzn-errortype", kind), ("content-type", "application/json")];
    let body = json!({ "Type": "User", "Message": message }).to_string();
    (status, headers, body).into_response()
}
