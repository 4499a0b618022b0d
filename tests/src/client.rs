//! A caller of the HTTP API: a till, the shop, an operator. Nothing of an answer is hidden from a test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer that has not come by then never comes: the gateway itself gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// A caller with its key, or without one.
#[derive(Debug, Clone)]
pub struct Client {
    http: Hyper<HttpConnector, Full<Bytes>>,
    api: String,
    key: Option<String>,
    logs: Option<PathBuf>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The call, for messages.
    pub call: String,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
    logs: Option<PathBuf>,
}

impl Client {
    /// A caller of the API at this URL.
    pub fn new(api: &str, key: Option<&str>) -> Self {
        Self {
            http: Hyper::builder(TokioExecutor::new()).build_http(),
            api: api.to_owned(),
            key: key.map(str::to_owned),
            logs: None,
        }
    }

    /// The same caller, who quotes the functions' logs from this folder when an answer is a failure of the system.
    #[must_use]
    pub fn with_logs(self, folder: &Path) -> Self {
        Self {
            logs: Some(folder.to_owned()),
            ..self
        }
    }

    /// The same caller with another key, or with none.
    #[must_use]
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self {
            key: key.map(str::to_owned),
            ..self.clone()
        }
    }

    /// The key.
    ///
    /// # Panics
    /// For a caller without one.
    pub fn key(&self) -> &str {
        self.key.as_deref().expect("the caller has a key")
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// `POST` of a document.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, body).await
    }

    /// `PUT` of a document.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call("PUT", path, body).await
    }

    /// A call with a document as its body; null is no body.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, &[], Bytes::from(text)).await
    }

    /// A call with any body and further headers.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.api))
            .header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).expect("a well-formed request");
        let response = tokio::time::timeout(PATIENCE, self.http.request(request))
            .await
            .expect("an answer in time")
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the whole body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("a text");
        Answer {
            call: format!("{method} {path}"),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            logs: self.logs.clone(),
        }
    }
}

impl Answer {
    /// The body, once the status is what it must be.
    ///
    /// # Panics
    /// When the status is another one.
    #[must_use]
    #[track_caller]
    pub fn must(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}{}", self.call, self.text, self.complaints());
        self.body
    }

    /// What the functions logged as errors, when the answer is a failure of the system.
    fn complaints(&self) -> String {
        let Some(folder) = self.logs.as_deref().filter(|_| self.status >= 500) else {
            return String::new();
        };
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
        let errors = lines.filter(|line| line.contains("ERROR"));
        errors.fold("\nlogged:".to_owned(), |all, line| format!("{all}\n{line}"))
    }

    /// A header, empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    }
}
