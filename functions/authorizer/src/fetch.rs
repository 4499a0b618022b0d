//! The HTTPS client for the issuer's documents: small, bounded, never redirected.

use std::io;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

/// Longest wait for one document, connection included. Two of them and a table read fit the function's five seconds.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Largest document in bytes; a key set with certificate chains has a few kilobytes.
const BODY_MAX: usize = 256 * 1024;

/// A document could not be read. Names the step, not the content.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL cannot be used.
    #[error("{0} must be an https URL; http is taken for loopback addresses only")]
    Url(String),
    /// The system's certificates cannot be loaded.
    #[error("the system's root certificates cannot be loaded: {0}")]
    Roots(String),
    /// Too slow.
    #[error("{url} did not answer within {} s", WAIT_MAX.as_secs())]
    TimedOut {
        /// What was asked for.
        url: String,
    },
    /// Not reached, or broken off, or too large.
    #[error("{url} cannot be read: {reason}")]
    Transport {
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
    /// Another status than 200. Redirects are not followed.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// What it said.
        status: StatusCode,
    },
    /// Not the document that was expected.
    #[error("{url} holds no such document (line {line}, column {column})")]
    Shape {
        /// What was asked for.
        url: String,
        /// Line of the mistake.
        line: usize,
        /// Column of the mistake.
        column: usize,
    },
}

type HttpsClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Fetches JSON documents.
#[derive(Debug, Default)]
pub struct Fetcher {
    // Loading the root certificates takes milliseconds that callers with API keys need not pay.
    client: OnceLock<HttpsClient>,
}

impl Fetcher {
    /// The document at `url`.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn json<T: DeserializeOwned>(&self, url: &str) -> Result<T, FetchError> {
        let uri = usable(url).ok_or_else(|| FetchError::Url(url.to_owned()))?;
        let client = self.client()?;
        let body = tokio::time::timeout(WAIT_MAX, body(client, uri, url))
            .await
            .map_err(|_| FetchError::TimedOut { url: url.to_owned() })??;
        serde_json::from_slice(&body).map_err(|error| FetchError::Shape {
            url: url.to_owned(),
            line: error.line(),
            column: error.column(),
        })
    }

    fn client(&self) -> Result<&HttpsClient, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error: io::Error| FetchError::Roots(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        // Between two invocations the process is frozen; a connection kept through that is a dead one.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

async fn body(client: &HttpsClient, uri: Uri, url: &str) -> Result<Bytes, FetchError> {
    let answer = client.get(uri).await.map_err(|error| FetchError::Transport {
        url: url.to_owned(),
        reason: error.to_string(),
    })?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status {
            url: url.to_owned(),
            status: answer.status(),
        });
    }
    let whole = Limited::new(answer.into_body(), BODY_MAX).collect().await;
    let whole = whole.map_err(|error| FetchError::Transport {
        url: url.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(whole.to_bytes())
}

/// The URL, when nobody on the way could put a key of their own into the answer.
fn usable(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?;
    let loopback = || {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    let safe = match uri.scheme_str()? {
        "https" => true,
        "http" => loopback(),
        _ => false,
    };
    safe.then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_taken_for_this_machine_only() {
        for good in [
            "https://id.example.com/x",
            "http://127.0.0.1:9000/x",
            "http://[::1]:9000/x",
            "http://localhost/x",
        ] {
            assert!(usable(good).is_some(), "{good}");
        }
        for bad in [
            "http://id.example.com/x",
            "http://127.0.0.1.example.com/x",
            "http://localhost.example.com/x",
            "http://user@example.com/x",
            "ftp://127.0.0.1/x",
            "/x",
            "",
        ] {
            assert!(usable(bad).is_none(), "{bad}");
        }
    }
}
