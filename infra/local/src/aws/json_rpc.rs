//! The AWS JSON protocols (1.0 and 1.1) as SQS and Secrets Manager speak them: the operation in a header, JSON both ways.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// How long a client may take to send a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A request that was read completely.
#[derive(Debug)]
pub(crate) struct Call {
    /// The operation's name, without the service's prefix.
    pub(crate) operation: String,
    /// The body, not yet parsed.
    pub(crate) body: bytes::Bytes,
}

/// Why a request is no call of this service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No operation of this service, or another protocol.
    #[error("{0}")]
    NoOperation(String),
    /// The body is too large for any request of this service.
    #[error("the request body is longer than {0} bytes")]
    TooLarge(usize),
    /// The body did not arrive.
    #[error("the request body did not arrive within {} s", BODY_TIMEOUT.as_secs())]
    Unread,
}

/// Reads the operation (`X-Amz-Target: <prefix><operation>`) and the body of at most `limit` bytes.
pub(crate) async fn read(request: Request<Body>, prefix: &str, limit: usize) -> Result<Call, CallError> {
    let operation = operation(request.method(), request.headers(), prefix)?;
    let body = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(Call { operation, body }),
        Ok(Err(_)) => Err(CallError::TooLarge(limit)),
        Err(_) => Err(CallError::Unread),
    }
}

fn operation(method: &Method, headers: &HeaderMap, prefix: &str) -> Result<String, CallError> {
    let service = prefix.trim_end_matches('.');
    if method != Method::POST {
        return Err(CallError::NoOperation(format!(
            "{service} is called with POST, not {method}"
        )));
    }
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let Some(target) = target else {
        return Err(CallError::NoOperation(format!(
            "the header X-Amz-Target is missing; {service} speaks the AWS JSON protocol here, the older query protocol is not supported"
        )));
    };
    match target.strip_prefix(prefix) {
        Some(operation) => Ok(operation.to_owned()),
        None => Err(CallError::NoOperation(format!("{target} is no operation of {service}"))),
    }
}

/// Parses a request's body; the error says which field is wrong or unknown.
pub(crate) fn parse<T: DeserializeOwned>(call: &Call) -> Result<T, String> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|error| format!("{}: {error}", call.operation))
}

/// A response with a request id; `content_type` is the protocol version's.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
