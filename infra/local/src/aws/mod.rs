//! AWS endpoints in process: DynamoDB and its stream, SQS, S3 and Secrets Manager, with their data on disk.
//!
//! Each endpoint speaks the AWS protocol on 127.0.0.1, so that the functions use the official SDK against it and nothing in
//! them knows where they run. What an endpoint does not support it refuses by name.

mod clock;
mod dynamo;
mod error;
mod json_rpc;
mod s3;
mod secrets;
mod serve;
mod sqs;

pub use dynamo::StreamTrim;
pub use error::AwsError;
pub use secrets::SecretRules;

use dynamo::DynamoEndpoint;
use s3::S3Endpoint;
use secrets::SecretsEndpoint;
use sqs::SqsEndpoint;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// The region in ARNs, in [`AwsEndpoints::env`] and in signatures.
pub const REGION: &str = "eu-central-2";
/// The account id in ARNs and queue URLs.
pub const ACCOUNT_ID: &str = "000000000000";
/// The access key that the endpoints accept.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret key that belongs to [`ACCESS_KEY_ID`]; it protects nothing, but S3 verifies signatures with it.
pub const SECRET_ACCESS_KEY: &str = "local";

/// TCP ports on 127.0.0.1; 0 takes any free port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AwsPorts {
    /// DynamoDB and DynamoDB Streams.
    pub dynamodb: u16,
    /// SQS.
    pub sqs: u16,
    /// S3.
    pub s3: u16,
    /// Secrets Manager.
    pub secrets_manager: u16,
}

/// Where the endpoints keep their data and listen.
#[derive(Debug, Clone, Default)]
pub struct AwsOptions {
    /// The data folder, created if missing and held exclusively; `None` keeps everything in memory (objects of S3 in a
    /// temporary folder that is removed at the end).
    pub data_dir: Option<PathBuf>,
    /// The ports.
    pub ports: AwsPorts,
}

/// The running endpoints. Dropping them ends the servers without waiting for running requests; [`AwsEndpoints::stop`] waits.
#[derive(Debug)]
pub struct AwsEndpoints {
    dynamo: DynamoEndpoint,
    sqs: SqsEndpoint,
    s3: S3Endpoint,
    secrets: SecretsEndpoint,
    stop: watch::Sender<bool>,
    _lock: Option<File>,
}

impl AwsEndpoints {
    /// Starts all endpoints; when it returns they accept requests.
    ///
    /// # Errors
    /// The data folder is in use or not writable, a port is taken, or a database is damaged.
    pub async fn start(options: AwsOptions) -> Result<Self, AwsError> {
        let lock = options.data_dir.as_deref().map(lock_data_dir).transpose()?;
        let file = |name: &str| options.data_dir.as_ref().map(|folder| folder.join(name));
        let (stop, stop_signal) = watch::channel(false);
        let ports = options.ports;
        let dynamo =
            DynamoEndpoint::start(file("dynamodb.sqlite").as_deref(), ports.dynamodb, stop_signal.clone()).await?;
        let sqs = SqsEndpoint::start(file("sqs.sqlite").as_deref(), ports.sqs, stop_signal.clone()).await?;
        let s3 = S3Endpoint::start(file("s3"), ports.s3, stop_signal.clone())?;
        let secrets = SecretsEndpoint::start(file("secrets.json"), ports.secrets_manager, stop_signal)?;
        Ok(Self {
            dynamo,
            sqs,
            s3,
            secrets,
            stop,
            _lock: lock,
        })
    }

    /// The environment that points an AWS SDK at these endpoints: endpoint URLs, credentials and region.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", self.dynamodb_url()),
            ("AWS_ENDPOINT_URL_SQS", self.sqs_url()),
            ("AWS_ENDPOINT_URL_S3", self.s3_url()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.secrets_manager_url()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// The endpoint of DynamoDB and DynamoDB Streams.
    #[must_use]
    pub fn dynamodb_url(&self) -> String {
        url(self.dynamo.address())
    }

    /// The endpoint of SQS.
    #[must_use]
    pub fn sqs_url(&self) -> String {
        url(self.sqs.address())
    }

    /// The endpoint of S3, to be used with path-style addresses (the SDK's choice for an IP address).
    #[must_use]
    pub fn s3_url(&self) -> String {
        url(self.s3.address())
    }

    /// The endpoint of Secrets Manager.
    #[must_use]
    pub fn secrets_manager_url(&self) -> String {
        url(self.secrets.address())
    }

    /// Generates the value of a secret and returns its ARN. A secret that exists keeps its value: what was derived from it
    /// would be lost otherwise.
    ///
    /// # Errors
    /// The name or the rules would be refused by AWS, or the file of secrets cannot be written.
    pub async fn generate_secret(&self, name: &str, rules: &SecretRules) -> Result<String, AwsError> {
        self.secrets.generate(name, rules).await
    }

    /// Creates a bucket; one that exists is left as it is.
    ///
    /// # Errors
    /// S3 would refuse the name, or the data folder cannot be written.
    pub fn create_bucket(&self, name: &str) -> Result<(), AwsError> {
        self.s3.create_bucket(name)
    }

    /// Deletes records of a table's stream, as AWS does after 24 hours, and returns how many were deleted. Nothing is
    /// trimmed by itself: hours in which the stack was off would count, and an event must not age while nobody could read it.
    ///
    /// # Errors
    /// The database cannot be written, or `trim` names a sequence number that was never issued.
    pub async fn trim_stream(&self, table: &str, trim: StreamTrim) -> Result<u64, AwsError> {
        self.dynamo.trim_stream(table, trim).await
    }

    /// Stops accepting connections, answers what is running, closes the data files and releases the data folder.
    ///
    /// # Errors
    /// The first endpoint that could not finish its requests within ten seconds; the others are stopped all the same.
    pub async fn stop(self) -> Result<(), AwsError> {
        self.stop.send_replace(true);
        // Each is waited for before the first error is reported.
        let (dynamo, sqs, s3, secrets) = tokio::join!(
            self.dynamo.finish(),
            self.sqs.finish(),
            self.s3.finish(),
            self.secrets.finish()
        );
        dynamo.and(sqs).and(s3).and(secrets)
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Creates the data folder and takes its lock, which the operating system releases when the process ends in any way.
fn lock_data_dir(folder: &Path) -> Result<File, AwsError> {
    std::fs::create_dir_all(folder).map_err(AwsError::storage(folder))?;
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(AwsError::storage(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(AwsError::DataDirInUse { path }),
        Err(std::fs::TryLockError::Error(source)) => Err(AwsError::Storage { path, source }),
    }
}
