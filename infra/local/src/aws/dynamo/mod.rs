//! DynamoDB and its streams: the embedded emulator (dynoxide) behind its own HTTP server.
//!
//! The emulator answers a request on the thread that received it, synchronous commit included. It therefore has a thread
//! and runtime of its own, so that a slow disk never delays the queues or the functions' Runtime API.

mod stream;

pub use stream::StreamTrim;

use super::AwsError;
use super::serve::{STOP_TIMEOUT, StopSignal, bind, stopped};
use rusqlite::Connection;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

const SERVICE: &str = "DynamoDB";

/// Threads that answer requests. The database runs one statement at a time; more threads only read requests and write
/// answers while another one holds it.
const WORKER_THREADS: usize = 4;

/// How often items whose time to live has passed are deleted. AWS promises a few days; a sweep reads whole tables.
const TTL_SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);

/// The running DynamoDB endpoint.
#[derive(Debug)]
pub(crate) struct DynamoEndpoint {
    address: SocketAddr,
    maintenance: Arc<Mutex<Connection>>,
    ended: oneshot::Receiver<Result<(), String>>,
}

impl DynamoEndpoint {
    /// Opens the database (`file`, or memory) and serves it on `port` until `stop` is signalled.
    pub(crate) async fn start(file: Option<&Path>, port: u16, stop: StopSignal) -> Result<Self, AwsError> {
        let location = match file {
            Some(path) => path
                .to_str()
                .ok_or_else(|| AwsError::Invalid {
                    what: format!("data folder {}", path.display()),
                    reason: "the path is not valid UTF-8".to_owned(),
                })?
                .to_owned(),
            None => memory_location(),
        };
        let (database, maintenance) =
            tokio::task::spawn_blocking(move || open(&location))
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
        let ended = spawn_server(database, listener, stop)?;
        Ok(Self {
            address,
            maintenance: Arc::new(Mutex::new(maintenance)),
            ended,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Deletes records of `table`'s stream; returns how many were deleted.
    pub(crate) async fn trim_stream(&self, table: &str, trim: StreamTrim) -> Result<u64, AwsError> {
        let maintenance = Arc::clone(&self.maintenance);
        let table = table.to_owned();
        tokio::task::spawn_blocking(move || {
            let connection = maintenance.lock().unwrap_or_else(PoisonError::into_inner);
            stream::trim(&connection, &table, &trim)
        })
        .await
        .map_err(|error| AwsError::Stop {
            service: SERVICE,
            reason: error.to_string(),
        })?
    }

    /// Waits until running requests have been answered; the stop signal must have been given before.
    pub(crate) async fn finish(self) -> Result<(), AwsError> {
        let stop_error = |reason: String| AwsError::Stop {
            service: SERVICE,
            reason,
        };
        // Longer than the server's own bound, which ends the thread in any case.
        match tokio::time::timeout(STOP_TIMEOUT * 2, self.ended).await {
            Ok(Ok(result)) => result.map_err(stop_error),
            Ok(Err(_)) => Err(stop_error("its thread ended without an answer".to_owned())),
            Err(_) => Err(stop_error("its thread did not end in time".to_owned())),
        }
    }
}

/// A memory database that a second connection of this process can open, unlike SQLite's `:memory:`.
fn memory_location() -> String {
    format!("file:/treue-{}?vfs=memdb", uuid::Uuid::new_v4())
}

fn open(location: &str) -> Result<(dynoxide::Database, Connection), AwsError> {
    // The emulator creates its tables when it opens the database; only then can the index be added. Its statements are
    // prepared per call, so that they see the index without reopening.
    let database = dynoxide::Database::new(location).map_err(|error| AwsError::Dynamo {
        location: location.to_owned(),
        message: error.to_string(),
    })?;
    let maintenance = stream::open(location)?;
    Ok((database, maintenance))
}

/// Runs the server on a thread and runtime of its own; the receiver resolves when it has ended.
fn spawn_server(
    database: dynoxide::Database,
    listener: std::net::TcpListener,
    stop: StopSignal,
) -> Result<oneshot::Receiver<Result<(), String>>, AwsError> {
    let thread_error = |source| AwsError::Thread {
        service: SERVICE,
        source,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name("dynamodb")
        .enable_all()
        .build()
        .map_err(thread_error)?;
    let (report, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("dynamodb-server".to_owned())
        .spawn(move || {
            let result = runtime.block_on(serve(database, listener, stop));
            runtime.shutdown_timeout(STOP_TIMEOUT);
            // Nobody waits any more when the endpoint was dropped without a stop.
            let _ = report.send(result);
        })
        .map_err(thread_error)?;
    Ok(ended)
}

async fn serve(database: dynoxide::Database, listener: std::net::TcpListener, stop: StopSignal) -> Result<(), String> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
    let sweeper = tokio::spawn(sweep_expired_items(database.clone(), stop.clone()));
    let server = dynoxide::server::serve_with_shutdown(listener, database, stopped(stop.clone()));
    let deadline = async {
        stopped(stop).await;
        tokio::time::sleep(STOP_TIMEOUT).await;
    };
    let result = tokio::select! {
        result = server => result,
        () = deadline => Err(format!("a request was still running after {} s", STOP_TIMEOUT.as_secs())),
    };
    let swept = sweeper.await.map_err(|error| error.to_string());
    result.and(swept)
}

/// Deletes items past their time to live until the endpoint stops; a sweep that is running then is waited for.
async fn sweep_expired_items(database: dynoxide::Database, stop: StopSignal) {
    let stop = stopped(stop);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(TTL_SWEEP_INTERVAL) => {}
        }
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "DynamoDB: items past their time to live were not deleted; the next sweep tries again")
            }
            Err(error) => {
                tracing::error!(%error, "DynamoDB: the time-to-live sweep ended abnormally; the next sweep tries again")
            }
        }
    }
}
