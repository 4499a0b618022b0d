//! Puts messages on queues.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use faults::{Probe, Site};
use serde::Serialize;

/// Entries of one batch (the service's limit).
const BATCH_MAX: usize = 10;
/// Longest delay of a message in seconds (the service's limit).
const DELAY_MAX: u16 = 900;
/// Tries of a batch; a try repeats only the entries that failed.
const TRIES_MAX: u32 = 5;
/// First pause between tries; doubles, with full jitter.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// Some messages may not be on their queue. Those that are may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failed} of {all} messages could not be sent at {} ({code}): send them again", site.name())]
pub struct SendError {
    /// Where.
    pub site: Site,
    /// How many were not confirmed.
    pub failed: usize,
    /// How many were to be sent.
    pub all: usize,
    /// The service's code for the last failure.
    pub code: String,
}

/// Puts messages on queues.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    probe: Probe,
}

impl Sender {
    /// A sender over `client`.
    pub fn new(client: Client, probe: Probe) -> Self {
        Self { client, probe }
    }

    /// Sends all messages, in batches; returns when each is confirmed.
    ///
    /// A batch call can succeed as a whole and still leave entries out; those are sent again.
    ///
    /// # Errors
    /// [`SendError`] when some are not confirmed after [`TRIES_MAX`] tries; the others are on the queue.
    pub async fn send<M: Serialize>(&self, site: Site, queue_url: &str, messages: &[M]) -> Result<(), SendError> {
        self.send_later(site, queue_url, messages, 0).await
    }

    /// As [`Sender::send`], for messages that nobody shall see before so many seconds are over, at most 900.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn send_later<M: Serialize>(
        &self,
        site: Site,
        queue_url: &str,
        messages: &[M],
        seconds: u16,
    ) -> Result<(), SendError> {
        for chunk in messages.chunks(BATCH_MAX) {
            let mut left = Vec::with_capacity(chunk.len());
            for (index, message) in chunk.iter().enumerate() {
                left.push(entry(index, message, seconds).map_err(|code| SendError {
                    site,
                    failed: chunk.len(),
                    all: messages.len(),
                    code,
                })?);
            }
            let mut code = String::new();
            for round in 0..TRIES_MAX {
                pause(round).await;
                match self.batch(site, queue_url, &left).await {
                    Ok(failed) => {
                        left.retain(|entry| failed.iter().any(|(id, _)| id == entry.id()));
                        code = failed.into_iter().next().map(|(_, code)| code).unwrap_or_default();
                    }
                    Err(error) => code = error,
                }
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(SendError {
                    site,
                    failed: left.len(),
                    all: messages.len(),
                    code,
                });
            }
        }
        Ok(())
    }

    /// One batch call: the ids and codes of the entries that failed.
    async fn batch(
        &self,
        site: Site,
        queue_url: &str,
        entries: &[SendMessageBatchRequestEntry],
    ) -> Result<Vec<(String, String)>, String> {
        self.probe.before(site).map_err(|injected| format!("{injected:?}"))?;
        let answer = self
            .client
            .send_message_batch()
            .queue_url(queue_url)
            .set_entries(Some(entries.to_vec()))
            .send()
            .await;
        self.probe.after(site).map_err(|injected| format!("{injected:?}"))?;
        match answer {
            Ok(answer) => Ok(answer.failed.into_iter().map(|entry| (entry.id, entry.code)).collect()),
            Err(error) => Err(error.code().unwrap_or("NoAnswer").to_owned()),
        }
    }
}

fn entry<M: Serialize>(index: usize, message: &M, seconds: u16) -> Result<SendMessageBatchRequestEntry, String> {
    let body = serde_json::to_string(message).map_err(|_| "NotJson".to_owned())?;
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(body)
        .set_delay_seconds((seconds > 0).then(|| i32::from(seconds.min(DELAY_MAX))))
        .build()
        .map_err(|_| "ConstructionFailure".to_owned())
}

async fn pause(round: u32) {
    if round > 0 {
        let most = PAUSE_FIRST.saturating_mul(1 << (round - 1).min(8));
        tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
    }
}
