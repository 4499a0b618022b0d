//! SDK clients for explicit endpoints: nothing is read from the environment of the process.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::config::Credentials;

use crate::template::REGION;

/// A call takes at most this long, attempts and pauses included; a long poll of 20 s fits in.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS_MAX: u32 = 4;

/// Clients of the services a stack uses.
#[derive(Debug, Clone)]
pub struct Clients {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// DynamoDB Streams.
    pub streams: aws_sdk_dynamodbstreams::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// S3, path style.
    pub s3: aws_sdk_s3::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
}

impl Clients {
    /// Clients for the endpoints and credentials in `env`, given as the variables the SDK itself would read.
    pub async fn new(env: &[(String, String)]) -> Self {
        let value = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let endpoint = |service: &str| {
            value(&format!("AWS_ENDPOINT_URL_{service}"))
                .or_else(|| value("AWS_ENDPOINT_URL"))
                .unwrap_or_default()
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let credentials = Credentials::new(
            value("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "local".to_owned()),
            value("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| "local".to_owned()),
            value("AWS_SESSION_TOKEN"),
            None,
            "treue-local",
        );
        let config: SdkConfig = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(value("AWS_REGION").unwrap_or_else(|| REGION.to_owned())))
            .credentials_provider(credentials)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .load()
            .await;
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).endpoint_url(endpoint("DYNAMODB"));
        let streams = aws_sdk_dynamodbstreams::config::Builder::from(&config);
        let streams = streams.endpoint_url(endpoint("DYNAMODB_STREAMS"));
        let sqs = aws_sdk_sqs::config::Builder::from(&config).endpoint_url(endpoint("SQS"));
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .endpoint_url(endpoint("S3"))
            .force_path_style(true);
        let secrets = aws_sdk_secretsmanager::config::Builder::from(&config);
        let secrets = secrets.endpoint_url(endpoint("SECRETS_MANAGER"));
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            streams: aws_sdk_dynamodbstreams::Client::from_conf(streams.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
        }
    }
}
