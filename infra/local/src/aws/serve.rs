//! Serving HTTP on loopback until told to stop, and stopping without cutting a running request.

use super::AwsError;
use axum::Router;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a stop waits for running requests. Long polls answer at once when a stop begins and no other request takes
/// seconds, so only a client that stopped sending in the middle of a request can use this up.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Binds `port` on 127.0.0.1; 0 takes a free one.
pub(crate) fn bind(service: &'static str, port: u16) -> Result<std::net::TcpListener, AwsError> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| AwsError::Bind {
        service,
        port,
        source,
    })?;
    listener
        .set_nonblocking(true)
        .map_err(|source| AwsError::Bind { service, port, source })?;
    Ok(listener)
}

/// A signal that requests can watch: `true` once the endpoint is stopping.
pub(crate) type StopSignal = watch::Receiver<bool>;

/// Resolves once `stop` says so, or when its sender is gone.
pub(crate) async fn stopped(mut stop: StopSignal) {
    // An error means that the endpoint was dropped without a stop: that ends the server as well.
    let _ = stop.wait_for(|stopping| *stopping).await;
}

/// A running HTTP server on the current runtime.
#[derive(Debug)]
pub(crate) struct Server {
    service: &'static str,
    address: SocketAddr,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Serves `router` on an already bound listener until `stop` is signalled.
    pub(crate) fn start(
        service: &'static str,
        listener: std::net::TcpListener,
        router: Router,
        stop: StopSignal,
    ) -> Result<Self, AwsError> {
        let bind_error = |source| AwsError::Bind {
            service,
            port: 0,
            source,
        };
        let listener = tokio::net::TcpListener::from_std(listener).map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped(stop))
                .await
        });
        Ok(Self { service, address, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until running requests have been answered; the stop signal must have been given before.
    pub(crate) async fn finish(mut self) -> Result<(), AwsError> {
        let service = self.service;
        let stop_error = |reason: String| AwsError::Stop { service, reason };
        match tokio::time::timeout(STOP_TIMEOUT, &mut self.task).await {
            Ok(Ok(result)) => result.map_err(|error| stop_error(error.to_string())),
            Ok(Err(error)) => Err(stop_error(error.to_string())),
            Err(_) => {
                self.task.abort();
                Err(stop_error(format!(
                    "a request was still running after {} s",
                    STOP_TIMEOUT.as_secs()
                )))
            }
        }
    }
}
