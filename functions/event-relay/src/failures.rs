//! Records that cannot be understood, they or an item they meet, kept whole in a bucket for whoever mends the cause;
//! `reconcile` then brings in what they said.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use faults::{Probe, Site};
use sha2::{Digest, Sha256};

use crate::RelayError;

/// The failures bucket.
#[derive(Debug, Clone)]
pub struct Failures {
    client: Client,
    bucket: String,
    probe: Probe,
}

impl Failures {
    /// The bucket called `bucket`.
    pub fn new(client: Client, bucket: String, probe: Probe) -> Self {
        Self { client, bucket, probe }
    }

    /// Keeps a record under the hash of its content, so that keeping it twice leaves one object.
    pub(crate) async fn keep(&self, record: &serde_json::Value) -> Result<(), RelayError> {
        let site = Site::RelayFailure;
        let body = record.to_string();
        let hash: String = Sha256::digest(body.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.probe
            .before(site)
            .map_err(|fault| RelayError::Failures(format!("{fault:?}")))?;
        let answer = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(format!("not-understood/{hash}.json"))
            .content_type("application/json")
            .body(ByteStream::from(body.into_bytes()))
            .send()
            .await;
        self.probe
            .after(site)
            .map_err(|fault| RelayError::Failures(format!("{fault:?}")))?;
        answer
            .map(drop)
            .map_err(|error| RelayError::Failures(error.code().unwrap_or("no answer").to_owned()))
    }
}
