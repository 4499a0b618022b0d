//! Answers.

use std::fmt;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use serde::Serialize;

use crate::problem::{Code, Problem};

/// An answer on its way to the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl fmt::Debug for Response {
    /// Without the body, which holds names and codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Response {
    /// A JSON answer.
    ///
    /// # Errors
    /// [`Code::Internal`] when the value cannot be JSON.
    pub fn json<T: Serialize>(status: u16, value: &T) -> Result<Self, Problem> {
        let body = serde_json::to_string(value)
            .map_err(|_| Problem::new(Code::Internal, "the answer could not be written"))?;
        Ok(Self {
            status,
            content_type: "application/json",
            body,
            headers: Vec::new(),
        })
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer for a problem.
    pub fn problem(problem: &Problem, request_id: &str) -> Self {
        let mut response = Self {
            status: problem.code.status(),
            content_type: "application/problem+json",
            body: problem.document(request_id).to_string(),
            headers: Vec::new(),
        };
        if let Some(seconds) = problem.retry_after {
            response = response.header("retry-after", seconds.to_string());
        }
        response
    }

    /// The answer as API Gateway takes it. Every answer names the request and is never cached.
    pub fn into_event(self, request_id: &str) -> ApiGatewayV2httpResponse {
        let mut event = ApiGatewayV2httpResponse::default();
        event.status_code = i64::from(self.status);
        event.body = Some(Body::Text(self.body));
        let common = [
            ("content-type", self.content_type.to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("x-request-id", request_id.to_owned()),
        ];
        for (name, value) in common.into_iter().chain(self.headers) {
            if let Ok(value) = value.parse() {
                event.headers.insert(name, value);
            }
        }
        event
    }
}
