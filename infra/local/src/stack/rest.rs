//! Whether a stack has come to rest: nothing runs, nothing is queued, the stream is read to its end.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;

use super::{Stack, StackError};
use crate::provision::chain;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

impl Stack {
    /// Waits until there is no message, visible, delayed or in flight, in any queue with a running consumer, the streams are
    /// consumed, and no function runs. A paused event source is left out: what waits for it does not count.
    ///
    /// # Errors
    /// [`StackError::Busy`] with what was going on when the time was up.
    pub async fn quiescent(&self, timeout: Duration) -> Result<(), StackError> {
        let until = Instant::now() + timeout;
        loop {
            let busy = match self.busy(until).await {
                None => return Ok(()),
                Some(busy) => busy,
            };
            if Instant::now() >= until {
                return Err(StackError::Busy {
                    seconds: timeout.as_secs(),
                    busy,
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One look. Any event under way would either be found by one of the checks or begin an invocation in between, which the
    /// two counts show.
    async fn busy(&self, until: Instant) -> Option<String> {
        let began = self.functions.begun();
        let since = Instant::now();
        if let Some(busy) = self.running() {
            return Some(busy);
        }
        while !self.sources.empty_since(since) {
            if Instant::now() >= until {
                return Some("the stream is not consumed".to_owned());
            }
            tokio::time::sleep(PAUSE).await;
        }
        for url in self.sources.consumed_queues() {
            match self.queued(&url).await {
                Ok(0) => {}
                Ok(count) => return Some(format!("{count} messages in {url}")),
                Err(message) => return Some(message),
            }
        }
        self.running()
            .or_else(|| (self.functions.begun() != began).then(|| "an invocation just ended".to_owned()))
    }

    fn running(&self) -> Option<String> {
        let running = self.functions.iter().filter(|pool| pool.running() > 0);
        let names: Vec<String> = running
            .map(|pool| format!("{} × {}", pool.running(), pool.settings().id))
            .collect();
        let pending = self.asynchronous.pending();
        match (names.is_empty(), pending) {
            (true, 0) => None,
            (true, _) => Some(format!("{pending} asynchronous events")),
            (false, _) => Some(format!("running: {}", names.join(", "))),
        }
    }

    async fn queued(&self, url: &str) -> Result<u64, String> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let request = self
            .clients
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()));
        let output = request
            .send()
            .await
            .map_err(|error| format!("{url}: {}", chain(&error)))?;
        let attributes = output.attributes.unwrap_or_default();
        let count = |name| {
            attributes
                .get(name)
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or(0)
        };
        Ok(names.iter().map(count).sum())
    }
}
