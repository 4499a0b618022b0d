//! The API as a client sees it: calls with a time-out, and calls that are repeated until they have an answer.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::Failure;

/// Longest wait for one answer: the gateway gives up after 30 seconds.
const WAIT_MAX: Duration = Duration::from_secs(35);
/// Largest answer in bytes; the gateway lets no more through.
const ANSWER_MAX: usize = 10 * 1024 * 1024;
/// Tries of a call before its line counts as failed. With the pauses below about a minute: longer than a restart.
const TRIES_MAX: u32 = 12;
/// First pause between tries; doubles, with full jitter.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause, also when the answer asks for more.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body; `null` when it is no JSON.
    pub(crate) body: Value,
    /// Seconds after which the caller may try again.
    retry_after: Option<u64>,
}

impl Answer {
    /// Whether the call did what it asked for.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The problem's stable code, or the status for answers that the gateway made.
    pub(crate) fn code(&self) -> String {
        match self.body.get("code").and_then(Value::as_str) {
            Some(code) => code.to_owned(),
            None => format!("http_{}", self.status),
        }
    }

    /// What the problem says, for people.
    pub(crate) fn detail(&self) -> String {
        let text = |name: &str| self.body.get(name).and_then(Value::as_str);
        text("detail")
            .or_else(|| text("message"))
            .unwrap_or("no detail")
            .to_owned()
    }

    /// Whether the same call may succeed later. Every write of the API may be repeated.
    fn is_transient(&self) -> bool {
        matches!(self.status, 429 | 500 | 502 | 503 | 504)
    }
}

/// No answer came.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    #[error("no answer within {} s", WAIT_MAX.as_secs())]
    TimedOut,
    #[error("no answer: {0}")]
    Transport(String),
}

#[derive(Clone)]
enum Transport {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// The API under one key. `Debug` does not show the key.
#[derive(Clone)]
pub(crate) struct Api {
    transport: Transport,
    base: String,
    key: Option<String>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Api {
    /// The API at `base`. A key goes over https, or to this machine.
    pub(crate) fn new(base: &str, key: Option<&str>) -> anyhow::Result<Self> {
        let uri: Uri = base.parse().with_context(|| format!("{base} is no URL"))?;
        let transport = match uri.scheme_str() {
            Some("http") if is_loopback(&uri) => Transport::Plain(Client::builder(TokioExecutor::new()).build_http()),
            Some("https") => {
                let connector = HttpsConnectorBuilder::new()
                    .with_native_roots()
                    .context("the system's root certificates cannot be loaded")?
                    .https_only()
                    .enable_http1()
                    .build();
                Transport::Tls(Client::builder(TokioExecutor::new()).build(connector))
            }
            _ => anyhow::bail!("{base}: a key is sent over https only, or over http to this machine"),
        };
        Ok(Self {
            transport,
            base: base.trim_end_matches('/').to_owned(),
            key: key.map(str::to_owned),
        })
    }

    /// The same API under another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    /// Asks whether the API is there at all.
    pub(crate) async fn reach(&self) -> Result<(), Failure> {
        match self.call(&Method::GET, "/health", None).await {
            Ok(answer) if answer.is_success() => Ok(()),
            Ok(answer) => Err(Failure::Unreachable(format!(
                "{}/health answers {}",
                self.base, answer.status
            ))),
            Err(error) => Err(Failure::Unreachable(format!("{}: {error}", self.base))),
        }
    }

    /// Makes a call once.
    pub(crate) async fn call(&self, method: &Method, path: &str, body: Option<&Bytes>) -> Result<Answer, CallError> {
        match tokio::time::timeout(WAIT_MAX, self.send(method, path, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::TimedOut),
        }
    }

    /// Makes a call, and makes it again with the same body as long as nobody knows its outcome or the answer asks to.
    pub(crate) async fn insist(&self, method: &Method, path: &str, body: Option<&Bytes>) -> Result<Answer, CallError> {
        let mut outcome = self.call(method, path, body).await;
        for round in 0..TRIES_MAX - 1 {
            let asked = match &outcome {
                Ok(answer) if answer.is_transient() => answer.retry_after.map(Duration::from_secs),
                Ok(_) => break,
                Err(_) => None,
            };
            let jittered = PAUSE_FIRST.saturating_mul(1 << round.min(10)).mul_f64(fastrand::f64());
            tokio::time::sleep(jittered.max(asked.unwrap_or_default()).min(PAUSE_MAX)).await;
            outcome = self.call(method, path, body).await;
        }
        outcome
    }

    /// [`Api::insist`] with a JSON body, for calls that must succeed.
    pub(crate) async fn must(&self, method: &Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let bytes = body.map(|body| Bytes::from(body.to_string()));
        // The path may hold a card number: only its first two parts are shown.
        let place: Vec<_> = path.split(['/', '?']).take(3).collect();
        let what = format!("{method} {}", place.join("/"));
        let answer = self
            .insist(method, path, bytes.as_ref())
            .await
            .with_context(|| what.clone())?;
        anyhow::ensure!(
            answer.is_success(),
            "{what} was refused: {} ({})",
            answer.detail(),
            answer.code()
        );
        Ok(answer)
    }

    async fn send(&self, method: &Method, path: &str, body: Option<&Bytes>) -> Result<Answer, CallError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let transport =
            |error: &(dyn std::error::Error + 'static)| CallError::Transport(crate::provision::chain(error));
        let request = request
            .body(Full::new(body.cloned().unwrap_or_default()))
            .map_err(|error| transport(&error))?;
        let response = match &self.transport {
            Transport::Plain(client) => client.request(request).await,
            Transport::Tls(client) => client.request(request).await,
        }
        .map_err(|error| transport(&error))?;
        let status = response.status().as_u16();
        let header = response.headers().get(header::RETRY_AFTER);
        let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok());
        let whole = Limited::new(response.into_body(), ANSWER_MAX)
            .collect()
            .await
            .map_err(|error| CallError::Transport(error.to_string()))?;
        let body = serde_json::from_slice(&whole.to_bytes()).unwrap_or(Value::Null);
        Ok(Answer {
            status,
            body,
            retry_after,
        })
    }
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_leaves_this_machine_in_the_clear() {
        assert!(Api::new("http://127.0.0.1:3000", Some("k")).is_ok());
        assert!(Api::new("http://[::1]:3000/", Some("k")).is_ok());
        for bad in [
            "http://api.example.com",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
            "localhost:3000",
            "",
        ] {
            assert!(Api::new(bad, Some("k")).is_err(), "{bad}");
        }
        let api = Api::new("http://localhost:3000", Some("treue_secret")).unwrap();
        assert!(!format!("{api:?}").contains("treue_secret"));
    }
}
