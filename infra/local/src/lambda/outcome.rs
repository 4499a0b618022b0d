//! How an invocation ends.

use bytes::Bytes;
use serde_json::json;

/// What a function answered: its result, or its error with the platform's mark.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The function's result, or a JSON object with `errorType` and `errorMessage`.
    pub payload: Bytes,
    /// `Some("Unhandled")` when the function failed, crashed or ran out of time; the value of `X-Amz-Function-Error`.
    pub function_error: Option<&'static str>,
}

impl Outcome {
    /// The result of a function that ended well.
    #[must_use]
    pub fn success(payload: Bytes) -> Self {
        Self {
            payload,
            function_error: None,
        }
    }

    /// An error the function reported itself, as it reported it.
    #[must_use]
    pub fn reported(payload: Bytes) -> Self {
        Self {
            payload,
            function_error: Some("Unhandled"),
        }
    }

    /// An error the platform found: a crash, a time-out, an answer that is too large.
    #[must_use]
    pub fn platform(error_type: &str, message: &str) -> Self {
        let body = json!({ "errorType": error_type, "errorMessage": message });
        Self::reported(Bytes::from(body.to_string()))
    }

    /// Whether the function ended well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.function_error.is_none()
    }
}

/// An invocation that never reached the function.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// The reserved concurrency is in use.
    #[error("function {function}: rate exceeded, {limit} invocations are running and no more are allowed")]
    Throttled {
        /// Physical name.
        function: String,
        /// Invocations allowed at a time.
        limit: usize,
    },
    /// More invocations wait than the local stack queues.
    #[error("function {function}: more than {limit} invocations are waiting for a free environment")]
    Crowded {
        /// Physical name.
        function: String,
        /// Invocations that may wait.
        limit: usize,
    },
    /// The payload is larger than Lambda takes.
    #[error("function {function}: the payload has {size} bytes, {limit} are allowed")]
    TooLarge {
        /// Physical name.
        function: String,
        /// Size of the payload in bytes.
        size: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The binary of the function cannot be started.
    #[error("function {function}: cannot start {binary}: {reason}")]
    NotStarted {
        /// Physical name.
        function: String,
        /// Path of the binary.
        binary: String,
        /// What the operating system said.
        reason: String,
    },
    /// The stack is stopping.
    #[error("function {function}: the stack is stopping")]
    Stopping {
        /// Physical name.
        function: String,
    },
}
