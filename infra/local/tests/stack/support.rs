//! A stack from the fixture template, an HTTP client of a few lines, and waiting with a bound.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use treue_local::{
    progress::Silent,
    stack::{Stack, StackOptions},
};

/// Nothing in these tests takes longer, even on a machine that builds at the same time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A folder in which every function of the fixture template is the fixture function.
pub(crate) fn bins() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["gate", "echo", "work", "relay", "timed", "single"] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fixture-function"), link).expect("a link");
    }
    folder
}

/// A stack and the folder with its functions.
pub(crate) struct Running {
    pub(crate) stack: Stack,
    bins: TempDir,
}

impl std::ops::Deref for Running {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

impl Running {
    pub(crate) async fn stop(self) {
        self.stack.stop().await.expect("an orderly end");
        drop(self.bins);
    }
}

pub(crate) async fn start() -> Running {
    start_with(|_| {}).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut StackOptions)) -> Running {
    let bins = bins();
    let mut options = StackOptions::new(fixture("stack.yaml"), bins.path());
    options.visibility_timeout_seconds = Some(1);
    change(&mut options);
    if let Some(endpoint) = std::env::var_os("AWS_ENDPOINT_URL") {
        options.external_endpoint = Some(endpoint.to_string_lossy().into_owned());
        options.stack_name = own_name(options.data_dir.as_deref());
    }
    let stack = Stack::start(options, &Silent).await.expect("a stack");
    Running { stack, bins }
}

/// Against another emulator every stack has a name of its own, because the data of all of them is in one place; a stack
/// that starts again in its folder keeps its name.
fn own_name(data_dir: Option<&Path>) -> String {
    let folder = data_dir
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().to_ascii_lowercase());
    let name = folder.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    format!("t{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), ""))
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |values| values[0].as_str())
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn http(base: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let host = base.strip_prefix("http://").expect("an http URL");
    let mut stream = TcpStream::connect(host).await.expect("a connection");
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.expect("the request is sent");
    // A server that refuses a large body answers before it has read all of it.
    let _ = stream.write_all(body).await;
    let mut raw = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut raw))
        .await
        .expect("an answer in time");
    let split = raw
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("an answer with headers");
    let head = String::from_utf8_lossy(&raw[..split]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .expect("a status");
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        headers
            .entry(name.to_ascii_lowercase())
            .or_default()
            .push(value.trim().to_owned());
    }
    Answer {
        status,
        headers,
        body: Bytes::copy_from_slice(&raw[split + 4..]),
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many lines of a function's log contain a text.
pub(crate) fn logged(stack: &Stack, function: &str, text: &str) -> usize {
    let log = stack.function_log(function).expect("a log");
    log.lines().filter(|line| line.contains(text)).count()
}

/// Invokes through the Lambda Invoke endpoint.
pub(crate) async fn invoke(stack: &Stack, function: &str, kind: &str, payload: &str) -> Answer {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    http(
        &stack.urls().invoke,
        "POST",
        &path,
        &[("x-amz-invocation-type", kind)],
        payload.as_bytes(),
    )
    .await
}
