//! Clients with time-outs. The SDK sets none by itself.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use faults::Probe;
use store::Db;

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Somebody waits at a till: one second for a try.
    Till,
    /// A queue waits: two seconds for a try.
    Queue,
}

impl Pace {
    /// Longest wait for one try of a call.
    const fn attempt(self) -> Duration {
        match self {
            Self::Till => Duration::from_secs(1),
            Self::Queue => Duration::from_secs(2),
        }
    }

    /// No try of a call begins after this time: at a till the second follows a first that timed out, on a queue the third,
    /// before the message comes again much later.
    const fn patience(self) -> Duration {
        match self {
            Self::Till => Duration::from_secs(2),
            Self::Queue => Duration::from_secs(5),
        }
    }
}

/// The configuration all clients share.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    pace: Pace,
}

impl Aws {
    /// Loads region, credentials and endpoints from the environment.
    ///
    /// The SDK's own retries are off: the store and the sender retry themselves, with bounds and the same tokens, and
    /// count every request.
    pub async fn connect(pace: Pace) -> Self {
        let attempt = pace.attempt();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(attempt)
            .operation_timeout(attempt)
            .build();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .load()
            .await;
        Self { config, pace }
    }

    /// The table.
    pub fn db(&self, table: &str) -> Db {
        Db::new(
            aws_sdk_dynamodb::Client::new(&self.config),
            table.to_owned(),
            Probe::none(),
        )
        .with_patience(self.pace.patience())
    }

    /// The sender to queues.
    #[cfg(feature = "queue")]
    pub fn sender(&self) -> messages::Sender {
        messages::Sender::new(aws_sdk_sqs::Client::new(&self.config), Probe::none())
    }

    /// The buckets. Objects are larger than items and calls rarer, so the SDK may try three times within ten seconds.
    #[cfg(feature = "bucket")]
    pub fn buckets(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(Duration::from_secs(10))
                    .build(),
            )
            // Buckets of the local stack have no host names of their own.
            .force_path_style(std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// The configuration, for clients that only one function has.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

/// Opens the connection to the table while the function starts, so that the first caller does not wait for the TLS
/// handshake. A failure is left to the first real call.
pub async fn warm(db: &Db, pk: &str) {
    let key = store::Key {
        pk: pk.to_owned(),
        sk: "-".to_owned(),
    };
    let _ = db
        .get_item(store::Site::ToolRead, &key, store::db::Read::Eventual)
        .await;
    db.meter().take();
}
