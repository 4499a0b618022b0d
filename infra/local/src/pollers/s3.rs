//! Notifications of a bucket. The bucket is listed again and again, which works with every endpoint; what was seen is kept in
//! a file, so that an object put while the stack was down is notified at the next start.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::SecondsFormat;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Gate, stream::Progress};
use crate::{
    lambda::FunctionPool,
    provision::chain,
    template::{REGION, S3Source},
};

/// Pause between two listings.
const LIST_PAUSE: Duration = Duration::from_millis(250);
const ERROR_PAUSE: Duration = Duration::from_secs(1);
/// Pages of 1,000 objects; a bucket with more is not watched completely, and says so.
const PAGES_MAX: usize = 100;
/// Deliveries of one notification, as for every asynchronous invocation: one and two retries.
const ATTEMPTS_MAX: usize = 3;

/// Characters that S3 leaves as they are in the keys of notifications; a space becomes a plus sign.
const KEY_SAFE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*')
    .remove(b'/');

/// Watches one bucket for one function.
#[derive(Debug)]
pub(super) struct BucketWatcher {
    client: aws_sdk_s3::Client,
    bucket: String,
    source: S3Source,
    function: Arc<FunctionPool>,
    file: PathBuf,
    seen: BTreeMap<String, String>,
    failures: Option<FailureQueue>,
    progress: Progress,
    gate: Gate,
}

/// Takes the notifications that were given up.
#[derive(Debug)]
pub(super) struct FailureQueue {
    pub(super) client: aws_sdk_sqs::Client,
    pub(super) url: String,
}

#[derive(Debug)]
struct Found {
    key: String,
    etag: String,
    size: i64,
    version: String,
}

impl BucketWatcher {
    pub(super) fn open(
        (client, bucket): (aws_sdk_s3::Client, String),
        source: S3Source,
        function: Arc<FunctionPool>,
        file: PathBuf,
        failures: Option<FailureQueue>,
        progress: Progress,
        gate: Gate,
    ) -> Result<Self, String> {
        let seen = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        Ok(Self {
            client,
            bucket,
            source,
            function,
            file,
            seen,
            failures,
            progress,
            gate,
        })
    }

    pub(super) async fn run(mut self) {
        while self.gate.open().await {
            let began = Instant::now();
            match self.list().await {
                Ok(objects) => {
                    let exists: std::collections::BTreeSet<&str> = objects.iter().map(|o| o.key.as_str()).collect();
                    self.seen.retain(|key, _| exists.contains(key.as_str()));
                    let new: Vec<&Found> = objects
                        .iter()
                        .filter(|object| self.seen.get(&object.key) != Some(&object.version))
                        .collect();
                    let idle = new.is_empty();
                    for object in new {
                        if !self.notify(object).await {
                            break;
                        }
                        self.seen.insert(object.key.clone(), object.version.clone());
                        self.keep();
                    }
                    if idle {
                        self.progress.found_empty(began);
                    }
                }
                Err(error) => {
                    tracing::warn!(bucket = %self.bucket, error, "listing failed");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LIST_PAUSE) => {}
                () = self.gate.closed() => {}
            }
        }
    }

    async fn list(&self) -> Result<Vec<Found>, String> {
        let mut objects = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(&self.source.prefix);
            let output = request
                .set_continuation_token(token)
                .send()
                .await
                .map_err(|error| chain(&error))?;
            for object in output.contents() {
                let key = object.key().unwrap_or_default().to_owned();
                if !key.ends_with(&self.source.suffix) {
                    continue;
                }
                let etag = object.e_tag().unwrap_or_default().trim_matches('"').to_owned();
                let modified = object.last_modified().map_or(0, |time| time.as_nanos());
                let version = format!("{etag} {modified}");
                objects.push(Found {
                    key,
                    etag,
                    size: object.size().unwrap_or(0),
                    version,
                });
            }
            token = output.next_continuation_token;
            if token.is_none() {
                return Ok(objects);
            }
        }
        Err(format!(
            "more than {PAGES_MAX} pages of objects; the local stack watches no larger bucket"
        ))
    }

    /// `false` when the gate closed first: the object is notified again later.
    async fn notify(&self, object: &Found) -> bool {
        let said = self.event(object);
        let event = Bytes::from(said.to_string());
        for _ in 0..ATTEMPTS_MAX {
            if !self.gate.is_open() {
                return false;
            }
            match self.function.invoke(event.clone()).await {
                Ok(outcome) if outcome.is_success() => return true,
                Ok(_) => {}
                Err(error) => tracing::warn!(bucket = %self.bucket, %error, "a notification was not delivered"),
            }
            tokio::select! {
                () = tokio::time::sleep(ERROR_PAUSE) => {}
                () = self.gate.closed() => {}
            }
        }
        tracing::error!(bucket = %self.bucket, function = %self.function.settings().name, "a notification was given up");
        self.give_up(&said).await
    }

    /// Sends what was given up to the queue for it. Without one it is only logged, as on AWS. `false` when the gate closed before the
    /// queue took it: the object is notified again later.
    async fn give_up(&self, said: &Value) -> bool {
        let Some(failures) = &self.failures else {
            return true;
        };
        let body = json!({
            "version": "1.0",
            "timestamp": runtime::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "requestContext": {
                "requestId": uuid::Uuid::new_v4().to_string(),
                "functionArn": self.function.settings().arn,
                "condition": "RetriesExhausted",
                "approximateInvokeCount": ATTEMPTS_MAX,
            },
            "requestPayload": said,
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        });
        while self.gate.is_open() {
            let send = failures.client.send_message().queue_url(&failures.url);
            match send.message_body(body.to_string()).send().await {
                Ok(_) => return true,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "the queue for notifications that were given up does not take one");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(ERROR_PAUSE) => {}
                () = self.gate.closed() => {}
            }
        }
        false
    }

    fn event(&self, object: &Found) -> Value {
        let key = utf8_percent_encode(&object.key, KEY_SAFE)
            .to_string()
            .replace("%20", "+");
        json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": runtime::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "local" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": "local", "x-amz-id-2": "local" },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "local",
                "bucket": {
                    "name": self.bucket,
                    "ownerIdentity": { "principalId": "local" },
                    "arn": format!("arn:aws:s3:::{}", self.bucket),
                },
                "object": { "key": key, "size": object.size, "eTag": object.etag, "sequencer": object.version },
            },
        }] })
    }

    fn keep(&self) {
        let write = || -> std::io::Result<()> {
            if let Some(folder) = self.file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let next = self.file.with_extension("next");
            std::fs::write(&next, serde_json::to_vec(&self.seen)?)?;
            std::fs::rename(&next, &self.file)
        };
        if let Err(error) = write() {
            tracing::error!(%error, "what was notified cannot be kept; a restart would notify again");
        }
    }
}
