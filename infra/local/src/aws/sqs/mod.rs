//! SQS: standard queues over the AWS JSON protocol, kept in SQLite.
//!
//! Delivery, visibility, receive counts, delays, retention, dead-letter queues and their redrive behave as in AWS. There is
//! no IAM and no KMS: policies and keys are kept as attributes and have no effect. FIFO queues, tags and every operation
//! that is not listed in [`service`] are refused by name. `PurgeQueue` works at once and may be repeated at once.

mod attributes;
mod batch;
mod error;
mod handle;
mod queue;
mod receive;
mod redrive;
mod requests;
mod send;
mod service;
mod settle;
mod store;

use super::AwsError;
use super::json_rpc::{self, CallError};
use super::serve::{STOP_TIMEOUT, Server, StopSignal, bind, stopped};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use error::SqsError;
use serde_json::json;
use service::Service;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Closed, Durability, Store};
use tokio::task::JoinHandle;
use tokio::time::Instant;

const SERVICE: &str = "SQS";
const TARGET_PREFIX: &str = "AmazonSQS.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// Longest request body: a batch of 1 MiB whose every character is escaped in JSON, and its envelope.
const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// How often messages past their retention are deleted.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(60);

/// How often a running move task goes on; its rate is per second.
const MOVE_INTERVAL: Duration = Duration::from_secs(1);

/// The running SQS endpoint.
#[derive(Debug)]
pub(crate) struct SqsEndpoint {
    server: Server,
    upkeep: JoinHandle<()>,
    closed: Closed,
}

impl SqsEndpoint {
    /// Opens the database (`file`, or memory) and serves it on `port` until `stop` is signalled.
    pub(crate) async fn start(file: Option<&Path>, port: u16, stop: StopSignal) -> Result<Self, AwsError> {
        let file = file.map(Path::to_owned);
        let (store, closed) = tokio::task::spawn_blocking(move || Store::open(file.as_deref()))
            .await
            .map_err(|error| AwsError::Stop {
                service: SERVICE,
                reason: error.to_string(),
            })??;
        let listener = bind(SERVICE, port)?;
        let address = listener.local_addr().map_err(|source| AwsError::Bind {
            service: SERVICE,
            port,
            source,
        })?;
        let service = Arc::new(Service::new(store, super::url(address), stop.clone()));
        let router = Router::new().fallback(handle).with_state(Arc::clone(&service));
        let server = Server::start(SERVICE, listener, router, stop)?;
        let upkeep = tokio::spawn(keep_up(service));
        Ok(Self { server, upkeep, closed })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Waits until running requests have been answered and the database is closed; the stop signal must have been given
    /// before.
    pub(crate) async fn finish(self) -> Result<(), AwsError> {
        let stop_error = |reason: String| AwsError::Stop {
            service: SERVICE,
            reason,
        };
        let served = self.server.finish().await;
        let kept_up = self.upkeep.await.map_err(|error| stop_error(error.to_string()));
        let closed = match tokio::time::timeout(STOP_TIMEOUT, self.closed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(stop_error("its database thread ended abnormally".to_owned())),
            Err(_) => Err(stop_error("its database is still in use".to_owned())),
        };
        served.and(kept_up).and(closed)
    }
}

async fn handle(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let result = match json_rpc::read(request, TARGET_PREFIX, MAX_REQUEST_BYTES).await {
        Ok(call) => service.call(&call).await,
        Err(error) => Err(refusal(&error)),
    };
    match result {
        Ok(answer) => json_rpc::respond(StatusCode::OK, CONTENT_TYPE, &answer),
        Err(error) => respond_error(&error),
    }
}

fn refusal(error: &CallError) -> SqsError {
    match error {
        CallError::NoOperation(_) => SqsError::UnsupportedOperation(error.to_string()),
        CallError::TooLarge(_) => SqsError::TooLarge(error.to_string()),
        CallError::Unread => SqsError::Serialization(error.to_string()),
    }
}

fn respond_error(error: &SqsError) -> Response<Body> {
    let (shape, code) = error.codes();
    let body = json!({ "__type": format!("com.amazonaws.sqs#{shape}"), "message": error.to_string() });
    let mut response = json_rpc::respond(error.status(), CONTENT_TYPE, &body);
    let fault = if error.is_sender_fault() { "Sender" } else { "Receiver" };
    if let Ok(value) = HeaderValue::from_str(&format!("{code};{fault}")) {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

/// Moves dead letters and deletes old messages until the endpoint stops. A task that was running when the last process
/// ended goes on at once.
async fn keep_up(service: Arc<Service>) {
    let mut next_expiry = Instant::now();
    loop {
        let running = move_dead_letters(&service).await;
        if Instant::now() >= next_expiry {
            let more = service
                .store
                .run(Durability::Committed, settle::expire)
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!(%error, "SQS: old messages were not deleted; the next round tries again");
                    false
                });
            next_expiry = Instant::now() + if more { MOVE_INTERVAL } else { EXPIRE_INTERVAL };
        }
        let wake_at = if running {
            Instant::now() + MOVE_INTERVAL
        } else {
            next_expiry
        };
        tokio::select! {
            () = service.moves.notified() => {}
            () = tokio::time::sleep_until(wake_at) => {}
            () = stopped(service.stop.clone()) => return,
        }
    }
}

/// One step of all move tasks; returns whether any of them goes on.
async fn move_dead_letters(service: &Service) -> bool {
    match service.store.run(Durability::Committed, redrive::step).await {
        Ok(step) => {
            for queue in &step.filled {
                service.wake(queue);
            }
            step.running > 0
        }
        Err(error) => {
            tracing::warn!(%error, "SQS: dead letters were not moved; the next round tries again");
            true
        }
    }
}
