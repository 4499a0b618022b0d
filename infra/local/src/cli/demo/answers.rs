//! Reading what the API answers on the demo day.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use super::super::http::Answer;

/// Longest wait for the points and vouchers of the day.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Looks until there is an answer, at most [`WAIT_MAX`].
pub(super) async fn until<T>(what: &str, look: impl AsyncFn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        anyhow::ensure!(
            started.elapsed() < WAIT_MAX,
            "{what} did not arrive within {} s; see the logs",
            WAIT_MAX.as_secs()
        );
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

pub(super) fn text(body: &Value, name: &str) -> anyhow::Result<String> {
    body.get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("the answer has no {name}"))
}

pub(super) fn integer(body: &Value, pointer: &str) -> anyhow::Result<i64> {
    body.pointer(pointer)
        .and_then(Value::as_i64)
        .with_context(|| format!("the answer has no number at {pointer}"))
}

pub(super) fn points(answer: &Answer) -> anyhow::Result<String> {
    Ok(format!("+{} points", integer(&answer.body, "/expected/points")?))
}

pub(super) fn place(answer: &Answer) -> String {
    let member = |name: &str| {
        answer
            .body
            .pointer(&format!("/redemption/{name}"))
            .and_then(Value::as_str)
            .unwrap_or("?")
    };
    format!("taken at {}, till {}", member("location"), member("till"))
}

pub(super) fn chf(minor: i64) -> String {
    domain::money::Money::new(minor, domain::money::Currency::CHF).to_string()
}
