//! The Runtime API endpoint of one execution environment.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot, watch},
    task::AbortHandle,
};

use super::Outcome;

/// The largest result of a synchronous invocation: 6 MB, with Lambda's allowance for its own envelope.
const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;

/// One event on its way to the function.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    /// Unix time in milliseconds.
    pub(super) deadline_ms: i64,
    pub(super) trace_id: String,
    pub(super) payload: Bytes,
}

/// The endpoint; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    /// How often the process has asked for its next event.
    pub(super) polls: watch::Receiver<u64>,
    shared: Arc<Shared>,
    events: mpsc::Sender<Invocation>,
    server: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    arn: String,
    polls: watch::Sender<u64>,
    events: AsyncMutex<mpsc::Receiver<Invocation>>,
    current: Mutex<Option<Current>>,
    init_error: Mutex<Option<Bytes>>,
}

#[derive(Debug)]
struct Current {
    request_id: String,
    delivered: bool,
    reply: oneshot::Sender<Outcome>,
}

impl RuntimeApi {
    /// Opens the endpoint on a free port of the loopback interface.
    pub(super) async fn start(function_arn: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        // One event at a time: a Lambda environment never has two.
        let (events, receiver) = mpsc::channel(1);
        let (poll_sender, polls) = watch::channel(0);
        let shared = Arc::new(Shared {
            arn: function_arn.to_owned(),
            polls: poll_sender,
            events: AsyncMutex::new(receiver),
            current: Mutex::new(None),
            init_error: Mutex::new(None),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "a Runtime API endpoint ended");
            }
        });
        Ok(Self {
            address,
            polls,
            shared,
            events,
            server: server.abort_handle(),
        })
    }

    /// Hands an event to the process; the answer comes through the receiver, which closes if the environment ends first.
    pub(super) async fn send(&self, invocation: Invocation) -> oneshot::Receiver<Outcome> {
        let (reply, receiver) = oneshot::channel();
        let request_id = invocation.request_id.clone();
        *self.shared.lock() = Some(Current {
            request_id,
            delivered: false,
            reply,
        });
        // The only receiver lives in `shared`, so this cannot fail.
        let _ = self.events.send(invocation).await;
        receiver
    }

    /// Forgets the running invocation: what the process still says about it is refused. Tells whether the event had
    /// reached the process.
    pub(super) fn abandon(&self) -> bool {
        self.shared.lock().take().is_some_and(|current| current.delivered)
    }

    /// What the process reported about a failed start.
    pub(super) fn init_error(&self) -> Option<Bytes> {
        self.shared
            .init_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, request_id: &str, outcome: Outcome) -> Response {
        let mut current = self.lock();
        if current
            .as_ref()
            .is_none_or(|current| current.request_id != request_id || !current.delivered)
        {
            let body = r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#;
            return (StatusCode::BAD_REQUEST, body).into_response();
        }
        if let Some(current) = current.take() {
            // Whoever asked may have gone; the function's work is done all the same.
            let _ = current.reply.send(outcome);
        }
        accepted()
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#).into_response()
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.polls.send_modify(|polls| *polls += 1);
    let Some(invocation) = shared.events.lock().await.recv().await else {
        return (StatusCode::GONE, "the execution environment has ended").into_response();
    };
    if let Some(current) = shared.lock().as_mut() {
        current.delivered = true;
    }
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", shared.arn.clone()),
        ("lambda-runtime-trace-id", invocation.trace_id),
    ];
    (headers, invocation.payload).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if headers.contains_key("lambda-runtime-function-response-mode") {
        let message = "response streaming is not supported by the local stack";
        return shared.finish(&id, Outcome::platform("Runtime.StreamingNotSupported", message));
    }
    match to_bytes(body, RESPONSE_BYTES_MAX).await {
        Ok(payload) => shared.finish(&id, Outcome::success(payload)),
        Err(_) => {
            let message =
                format!("Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
            let _ = shared.finish(&id, Outcome::platform("Function.ResponseSizeTooLarge", &message));
            let body = format!(r#"{{"errorMessage":"{message}","errorType":"RequestEntityTooLarge"}}"#);
            (StatusCode::PAYLOAD_TOO_LARGE, body).into_response()
        }
    }
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Body) -> Response {
    let payload = to_bytes(body, RESPONSE_BYTES_MAX).await.unwrap_or_default();
    shared.finish(&id, Outcome::reported(payload))
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Body) -> Response {
    let payload = to_bytes(body, RESPONSE_BYTES_MAX).await.unwrap_or_default();
    *shared.init_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
    accepted()
}
