//! The stack's own servers, stopped gracefully.

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::StackError;

/// Running requests get this long when the stack stops: an integration takes at most half a minute.
const STOP_TIMEOUT: Duration = Duration::from_secs(35);

/// A bound port, not yet served.
#[derive(Debug)]
pub(super) struct Port {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Port {
    pub(super) async fn bind(what: &str, port: u16) -> Result<Self, StackError> {
        let failed = || format!("{what} cannot listen on port {port}; choose another one with --port");
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(StackError::io(failed()))?;
        let address = listener.local_addr().map_err(StackError::io(failed()))?;
        Ok(Self { listener, address })
    }

    pub(super) fn serve(self, router: Router) -> Server {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(self.listener, service)
                .with_graceful_shutdown(stopped)
                .await
            {
                tracing::error!(%error, "a server of the stack ended");
            }
        });
        Server {
            address: self.address,
            stop,
            task,
        }
    }
}

impl Server {
    /// Accepts no more connections, answers what is running.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(STOP_TIMEOUT, self.task).await.is_err() {
            tracing::warn!(address = %self.address, "requests were still running when the stack stopped");
            abort.abort();
        }
    }
}
