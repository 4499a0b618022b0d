//! Endpoints and SDK clients for the tests of the embedded AWS endpoints.

#![allow(dead_code, reason = "every test file uses a part of it")]

pub(crate) mod sqs;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use std::path::Path;
use std::time::Duration;
use treue_local::aws::{ACCESS_KEY_ID, AwsEndpoints, AwsOptions, REGION, SECRET_ACCESS_KEY};

/// How long [`eventually`] waits; everything it waits for takes well under a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Running endpoints.
pub(crate) struct Stack {
    pub(crate) endpoints: AwsEndpoints,
}

impl Stack {
    pub(crate) async fn memory() -> Self {
        Self {
            endpoints: AwsEndpoints::start(AwsOptions::default()).await.unwrap(),
        }
    }

    pub(crate) async fn on_disk(folder: &Path) -> Self {
        let options = AwsOptions {
            data_dir: Some(folder.to_owned()),
            ..AwsOptions::default()
        };
        Self {
            endpoints: AwsEndpoints::start(options).await.unwrap(),
        }
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        sqs_client(&self.endpoints.sqs_url())
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&config(&self.endpoints.dynamodb_url()))
    }

    pub(crate) fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        aws_sdk_dynamodbstreams::Client::new(&config(&self.endpoints.dynamodb_url()))
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&config(&self.endpoints.s3_url()))
    }

    pub(crate) fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&config(&self.endpoints.secrets_manager_url()))
    }

    pub(crate) async fn stop(self) {
        self.endpoints.stop().await.unwrap();
    }
}

pub(crate) fn sqs_client(url: &str) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&config(url))
}

/// An S3 client with a key pair that the endpoint does not know.
pub(crate) fn client_with_other_keys(url: &str) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::new(&config_with_keys(url, "stranger"))
}

/// A configuration that depends on nothing in the environment of the test.
pub(crate) fn config(url: &str) -> SdkConfig {
    config_with_keys(url, ACCESS_KEY_ID)
}

fn config_with_keys(url: &str, access_key: &str) -> SdkConfig {
    let credentials = aws_sdk_sqs::config::Credentials::new(access_key, SECRET_ACCESS_KEY, None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(credentials))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(Duration::from_secs(60))
                .build(),
        )
        .build()
}

/// Asks until `probe` has an answer, and fails the test after [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let started = tokio::time::Instant::now();
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
