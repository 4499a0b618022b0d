//! The system that an operations command works on: the stack that runs here, or one on AWS.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use clap::Args;
use domain::id::Tenant;
use faults::Probe;
use messages::Sender;
use store::{Db, Key, Site};

use super::data::{DataDir, StackFile};
use super::{DataArgs, Failure};
use crate::operations::{Queues, System, Walk};

/// Longest wait for one call of a tool; pages of a scan are larger than anything a till waits for.
const CALL_MAX: Duration = Duration::from_secs(20);
/// Whose data a local stack holds.
pub(crate) const TENANT: &str = "demo";

/// Which system.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// A table on AWS instead of the stack that runs here; credentials and region come from the environment.
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Whose data.
    #[arg(long, value_name = "TENANT", default_value = TENANT)]
    pub(crate) tenant: Tenant,
}

/// A system with the depth of its dead-letter queues.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) system: System,
    sqs: aws_sdk_sqs::Client,
    /// Name and URL of the queues that must be empty in the end: work first, then dead letters.
    watched: Vec<(String, String)>,
}

/// Messages on a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) queue: String,
    pub(crate) messages: u64,
}

const WORK: [&str; 2] = ["PostingQueue", "IssuanceQueue"];
/// How the name of every dead-letter queue ends; a test of the template holds it to that.
const DEAD_LETTERS: &str = "DeadLetters";

impl Target {
    /// The system that the arguments name.
    pub(crate) async fn of(args: &TargetArgs) -> Result<Self, Failure> {
        let target = match &args.table {
            Some(table) => Self::on_aws(table, args.tenant.clone(), Queues::default()).await,
            None => {
                let data = DataDir::new(&args.data.data);
                let stack = data.running()?.ok_or_else(|| Failure::no_stack(data.path()))?;
                Self::of_stack(&stack, args.tenant.clone())
            }
        };
        target.check().await?;
        Ok(target)
    }

    /// A table on AWS.
    pub(crate) async fn on_aws(table: &str, tenant: Tenant, queues: Queues) -> Self {
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .timeout_config(timeouts())
            .retry_config(RetryConfig::disabled())
            .load()
            .await;
        let db = Db::new(aws_sdk_dynamodb::Client::new(&config), table.to_owned(), Probe::none());
        let sqs = aws_sdk_sqs::Client::new(&config);
        let sender = Sender::new(sqs.clone(), Probe::none());
        Self {
            system: System {
                db,
                sender,
                tenant,
                queues,
                walk: Walk::Segments,
            },
            sqs,
            watched: Vec::new(),
        }
    }

    /// A running local stack.
    pub(crate) fn of_stack(stack: &StackFile, tenant: Tenant) -> Self {
        let dynamodb = local_config(stack, "AWS_ENDPOINT_URL_DYNAMODB");
        let db = Db::new(
            aws_sdk_dynamodb::Client::new(&dynamodb),
            stack.table.clone(),
            Probe::none(),
        );
        let sqs = aws_sdk_sqs::Client::new(&local_config(stack, "AWS_ENDPOINT_URL_SQS"));
        let url = |id: &str| stack.queues.get(id).cloned().unwrap_or_default();
        let queues = Queues {
            posting: url("PostingQueue"),
            issuance: url("IssuanceQueue"),
        };
        let watched = stack
            .queues
            .iter()
            .filter(|(id, _)| WORK.contains(&id.as_str()) || id.ends_with(DEAD_LETTERS))
            .map(|(id, url)| (id.clone(), url.clone()))
            .collect();
        let sender = Sender::new(sqs.clone(), Probe::none());
        Self {
            system: System {
                db,
                sender,
                tenant,
                queues,
                walk: Walk::Whole,
            },
            sqs,
            watched,
        }
    }

    /// Whether the table answers at all.
    async fn check(&self) -> Result<(), Failure> {
        let key = Key {
            pk: "PROGRAMME#-".to_owned(),
            sk: "-".to_owned(),
        };
        let read = self
            .system
            .db
            .get_item(Site::ToolRead, &key, store::db::Read::Eventual)
            .await;
        read.map(drop).map_err(|error| {
            Failure::Unreachable(format!("the table {} cannot be read: {error}", self.system.db.table()))
        })
    }

    /// Messages on the queues of work, those in flight included. Empty when the queues are not known.
    pub(crate) async fn work(&self) -> anyhow::Result<Vec<Depth>> {
        self.depths(|queue| WORK.contains(&queue)).await
    }

    /// Messages on the dead-letter queues. Empty when the queues are not known.
    pub(crate) async fn dead_letters(&self) -> anyhow::Result<Vec<Depth>> {
        self.depths(|queue| queue.ends_with(DEAD_LETTERS)).await
    }

    async fn depths(&self, which: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Depth>> {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let mut depths = Vec::new();
        for (queue, url) in self.watched.iter().filter(|(queue, _)| which(queue)) {
            let counters = [
                Name::ApproximateNumberOfMessages,
                Name::ApproximateNumberOfMessagesNotVisible,
                Name::ApproximateNumberOfMessagesDelayed,
            ];
            let answer = self
                .sqs
                .get_queue_attributes()
                .queue_url(url)
                .set_attribute_names(Some(counters.to_vec()))
                .send()
                .await
                .map_err(|error| {
                    anyhow::anyhow!("{queue} does not say its depth: {}", crate::provision::chain(&error))
                })?;
            let attributes = answer.attributes.unwrap_or_default();
            let number = |name: &Name| attributes.get(name).and_then(|text| text.parse::<u64>().ok());
            let messages = counters.iter().filter_map(number).fold(0, u64::saturating_add);
            depths.push(Depth {
                queue: queue.clone(),
                messages,
            });
        }
        Ok(depths)
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(CALL_MAX)
        .operation_timeout(CALL_MAX)
        .build()
}

/// A configuration made of the stack's own description, whatever the environment of this process says.
pub(crate) fn local_config(stack: &StackFile, endpoint: &str) -> SdkConfig {
    let of = |name: &str| stack.aws_env.get(name).cloned().unwrap_or_default();
    let credentials = aws_sdk_sqs::config::Credentials::new(
        of("AWS_ACCESS_KEY_ID"),
        of("AWS_SECRET_ACCESS_KEY"),
        None,
        None,
        "stack.json",
    );
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(of("AWS_REGION")))
        .endpoint_url(of(endpoint))
        .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts())
        .retry_config(RetryConfig::disabled())
        .build()
}
