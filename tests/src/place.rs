//! Where a world stands: on endpoints of its own in this process, or on another emulator that `AWS_ENDPOINT_URL` names.
//!
//! On another emulator every world has a table, queues and a bucket under a name of its own, which end with the world.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus,
};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_sdk_sqs::types::QueueAttributeName;
use treue_local::aws::{ACCESS_KEY_ID, AwsEndpoints, AwsOptions, REGION, SECRET_ACCESS_KEY};

/// The variable that names another emulator, as the SDKs know it.
const OTHER: &str = "AWS_ENDPOINT_URL";
/// The queues of a world: receipts to post, thresholds crossed, news for the middleware of the tills, receipts to count again,
/// changes of parties for other systems, parties to list for search, changes that workflows look at, parties to erase, changes
/// of runs' vouchers to count.
const QUEUES: [&str; 9] = [
    "posting",
    "issuance",
    "pos-voucher",
    "recalculation",
    "party-feed",
    "search-index",
    "workflow",
    "privacy",
    "campaign-results",
];
/// The queue of the close of a day.
const DAY_CLOSE: &str = "day-close";
/// The queue of finance's books.
const FINANCE: &str = "finance";
/// The queue of imports.
pub(crate) const IMPORT: &str = "import";
/// The queue of campaigns' runs.
pub(crate) const CAMPAIGN: &str = "campaign";
/// The queue of the printer's files.
pub(crate) const LETTERSHOP: &str = "lettershop";
/// The queue of the lettershop's inbox.
pub(crate) const INBOX: &str = "lettershop-inbox";
/// What a call may take; an emulator that works off one request after the other makes the last of fifty wait.
const CALL_MAX: Duration = Duration::from_secs(30);
/// How often a new table is looked at, and how long between two looks: ten seconds in all.
const LOOKS_MAX: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Pages of objects that are removed with a bucket; no test leaves more than some of them.
const OBJECT_PAGES_MAX: usize = 100;

/// Where a world stands. Dropping it ends its endpoints, or deletes what it made on the other emulator.
#[derive(Debug)]
pub struct Place {
    endpoints: Option<AwsEndpoints>,
    urls: Urls,
    sdk: SdkConfig,
    names: Names,
}

#[derive(Debug, Clone)]
struct Urls {
    dynamodb: String,
    sqs: String,
    s3: String,
}

#[derive(Debug, Clone)]
struct Names {
    table: String,
    bucket: String,
    prefix: String,
}

impl Place {
    /// A place with an empty table, its queues and its bucket; the queues' URLs are those of posting, issuance and news, of the
    /// close of a day, and of finance's books.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub async fn new() -> (Self, event_relay::Queues, String, String) {
        let place = match std::env::var(OTHER).ok().filter(|url| !url.is_empty()) {
            None => Self::embedded().await,
            Some(url) => Self::other(url).await,
        };
        create_table(&place.dynamodb(), &place.names.table).await;
        let [
            posting,
            issuance,
            pos_voucher,
            recalculation,
            party_feed,
            search_index,
            workflow,
            privacy,
            campaign_results,
        ] = QUEUES.map(|queue| place.create_queue(queue));
        let queues = event_relay::Queues {
            posting: posting.await,
            issuance: issuance.await,
            pos_voucher: pos_voucher.await,
            recalculation: recalculation.await,
            party_feed: party_feed.await,
            search_index: search_index.await,
            workflow: workflow.await,
            privacy: privacy.await,
            campaign_results: campaign_results.await,
        };
        let day_close = place.create_queue(DAY_CLOSE).await;
        let finance = place.create_queue(FINANCE).await;
        place.create_bucket().await;
        (place, queues, day_close, finance)
    }

    async fn embedded() -> Self {
        let endpoints = AwsEndpoints::start(AwsOptions::default())
            .await
            .expect("the endpoints start");
        let urls = Urls {
            dynamodb: endpoints.dynamodb_url(),
            sqs: endpoints.sqs_url(),
            s3: endpoints.s3_url(),
        };
        let names = Names {
            table: "world".to_owned(),
            bucket: "failures".to_owned(),
            prefix: String::new(),
        };
        Self {
            endpoints: Some(endpoints),
            urls,
            sdk: sdk().await,
            names,
        }
    }

    async fn other(url: String) -> Self {
        assert!(
            url.starts_with("http://"),
            "{OTHER} is {url:?}: the tests run against an emulator, over plain HTTP (http://127.0.0.1:4566)"
        );
        let table = format!("world-{:016x}", fastrand::u64(..));
        let names = Names {
            bucket: format!("{table}-failures"),
            prefix: format!("{table}-"),
            table,
        };
        let urls = Urls {
            dynamodb: url.clone(),
            sqs: url.clone(),
            s3: url,
        };
        Self {
            endpoints: None,
            urls,
            sdk: sdk().await,
            names,
        }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.names.table
    }

    /// The name of the bucket for what the relay cannot understand.
    pub fn bucket(&self) -> &str {
        &self.names.bucket
    }

    /// A client of the table.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        dynamodb(&self.sdk, &self.urls)
    }

    /// A client of the table's stream.
    pub fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        aws_sdk_dynamodbstreams::Client::from_conf(
            aws_sdk_dynamodbstreams::config::Builder::from(&self.sdk)
                .endpoint_url(&self.urls.dynamodb)
                .build(),
        )
    }

    /// A client of the queues.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        sqs(&self.sdk, &self.urls)
    }

    /// A client of the buckets.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        s3(&self.sdk, &self.urls)
    }

    pub(crate) async fn create_queue(&self, name: &str) -> String {
        let call = self
            .sqs()
            .create_queue()
            .queue_name(format!("{}{name}", self.names.prefix))
            .attributes(QueueAttributeName::VisibilityTimeout, "60");
        call.send()
            .await
            .expect("the queue is created")
            .queue_url
            .expect("its URL")
    }

    async fn create_bucket(&self) {
        if let Some(endpoints) = &self.endpoints {
            endpoints.create_bucket(self.bucket()).expect("the bucket is created");
            return;
        }
        let region = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(REGION))
            .build();
        self.s3()
            .create_bucket()
            .bucket(self.bucket())
            .create_bucket_configuration(region)
            .send()
            .await
            .expect("the bucket is created");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.endpoints.is_some() {
            return;
        }
        let (urls, names) = (self.urls.clone(), self.names.clone());
        // A runtime and connections of its own: those of the test stand still while this waits.
        let removed = std::thread::spawn(move || remove(&urls, &names)).join();
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(message)) => eprintln!("{message}"),
            Err(_) => eprintln!("{} was not removed from {}", self.names.table, self.urls.dynamodb),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn remove(urls: &Urls, names: &Names) -> Result<(), String> {
    let left = |what: &str| format!("{what} of {} is still on {}", names.table, urls.dynamodb);
    let sdk = sdk().await;
    let table = dynamodb(&sdk, urls)
        .delete_table()
        .table_name(&names.table)
        .send()
        .await;
    let sqs = sqs(&sdk, urls);
    let mut queues = Vec::new();
    for queue in QUEUES
        .into_iter()
        .chain([DAY_CLOSE, FINANCE, IMPORT, CAMPAIGN, LETTERSHOP])
    {
        let name = format!("{}{queue}", names.prefix);
        let url = sqs.get_queue_url().queue_name(name).send().await;
        let url = url.ok().and_then(|found| found.queue_url);
        queues.push(sqs.delete_queue().set_queue_url(url).send().await.is_ok());
    }
    let bucket = remove_bucket(&s3(&sdk, urls), &names.bucket).await;
    table.map_err(|_| left("the table"))?;
    bucket.ok_or_else(|| left("the bucket"))?;
    if queues.contains(&false) {
        return Err(left("a queue"));
    }
    Ok(())
}

/// Removes a bucket with what is in it; `None` when something refuses to go.
async fn remove_bucket(s3: &aws_sdk_s3::Client, bucket: &str) -> Option<()> {
    for _ in 0..OBJECT_PAGES_MAX {
        let page = s3.list_objects_v2().bucket(bucket).send().await.ok()?;
        let keys: Vec<_> = page.contents().iter().filter_map(|object| object.key()).collect();
        if keys.is_empty() {
            return s3.delete_bucket().bucket(bucket).send().await.ok().map(drop);
        }
        for key in keys {
            s3.delete_object().bucket(bucket).key(key).send().await.ok()?;
        }
    }
    None
}

/// The keys are those of the local run, never the person's own: a wrong URL must not reach an account.
async fn sdk() -> SdkConfig {
    let credentials = aws_sdk_dynamodb::config::Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test");
    aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
        // One pool of plain connections for all clients of the world: none of them needs certificates.
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(aws_config::Region::new(REGION))
        .credentials_provider(credentials)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .timeout_config(
            aws_config::timeout::TimeoutConfig::builder()
                .operation_timeout(CALL_MAX)
                .build(),
        )
        .load()
        .await
}

fn dynamodb(sdk: &SdkConfig, urls: &Urls) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::config::Builder::from(sdk)
            .endpoint_url(&urls.dynamodb)
            .build(),
    )
}

fn sqs(sdk: &SdkConfig, urls: &Urls) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::from_conf(aws_sdk_sqs::config::Builder::from(sdk).endpoint_url(&urls.sqs).build())
}

fn s3(sdk: &SdkConfig, urls: &Urls) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(sdk)
            .endpoint_url(&urls.s3)
            .force_path_style(true)
            .build(),
    )
}

async fn create_table(client: &aws_sdk_dynamodb::Client, name: &str) {
    let attribute = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .expect("an attribute")
    };
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .expect("a key")
    };
    let index = |name: &str, projection: ProjectionType| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(&format!("{name}_pk"), KeyType::Hash))
            .key_schema(key(&format!("{name}_sk"), KeyType::Range))
            .projection(Projection::builder().projection_type(projection).build())
            .build()
            .expect("an index")
    };
    let attributes = ["pk", "sk", "work_pk", "work_sk", "due_pk", "due_sk"].map(attribute);
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .expect("a stream");
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.to_vec()))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(index("work", ProjectionType::All))
        .global_secondary_indexes(index("due", ProjectionType::KeysOnly))
        .stream_specification(stream)
        .send()
        .await
        .expect("the table is created");
    wait_until_active(client, name).await;
}

async fn wait_until_active(client: &aws_sdk_dynamodb::Client, name: &str) {
    for _ in 0..LOOKS_MAX {
        let described = client.describe_table().table_name(name).send().await;
        let status = described.expect("a description").table.and_then(|t| t.table_status);
        if status == Some(TableStatus::Active) {
            return;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    panic!("the table {name} is not active after {LOOKS_MAX} looks");
}
