//! What a template declares, typed: the input of the provisioner, the gateway, the pollers and the function manager.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

/// Everything the local stack creates or runs.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Tables.
    pub tables: Vec<Table>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Buckets.
    pub buckets: Vec<Bucket>,
    /// Secrets.
    pub secrets: Vec<Secret>,
    /// The HTTP API, if one is declared; the local stack runs at most one.
    pub api: Option<HttpApi>,
    /// Functions.
    pub functions: Vec<Function>,
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
    /// Key attribute names: partition key, then the sort key if there is one.
    pub keys: Vec<String>,
    /// Attribute name to type (`S`, `N` or `B`) of all key attributes.
    pub attributes: BTreeMap<String, String>,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute that holds the expiry, if items expire.
    pub ttl_attribute: Option<String>,
    /// `NEW_IMAGE`, `OLD_IMAGE`, `NEW_AND_OLD_IMAGES` or `KEYS_ONLY`, if the table has a stream.
    pub stream_view: Option<String>,
}

/// A global secondary index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Name of the index.
    pub name: String,
    /// Partition key, then the sort key if there is one.
    pub keys: Vec<String>,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// The attributes beside the keys that `INCLUDE` projects.
    pub included: Vec<String>,
}

/// An SQS standard queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
    /// SQS attribute names and values (seconds and bytes), without the redrive policy.
    pub attributes: BTreeMap<String, String>,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// The redrive policy of a queue.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// Logical id of the dead-letter queue.
    pub target: String,
    /// Receives after which a message moves there.
    pub max_receive_count: u64,
}

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
}

/// A Secrets Manager secret with a generated value.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
    /// Length of the generated text in characters.
    pub length: u64,
    /// Characters that may not appear in it.
    pub excluded: String,
    /// A JSON object the generated text is put into, with the key it gets.
    pub within: Option<(Value, String)>,
}

/// The HTTP API: authorizers and limits. Its routes are declared by the functions.
#[derive(Debug, Clone)]
pub struct HttpApi {
    /// Logical id.
    pub id: String,
    /// Authorizers by name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// The authorizer of routes that name none.
    pub default_authorizer: Option<String>,
    /// Limits of all routes together.
    pub throttle: Throttle,
    /// Limits of single routes, by route key.
    pub route_throttles: BTreeMap<String, Throttle>,
}

/// Requests per second and burst; `None` means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Throttle {
    /// Sustained requests per second.
    pub rate: Option<u64>,
    /// Requests that may arrive at once.
    pub burst: Option<u64>,
}

/// A Lambda REQUEST authorizer with payload 2.0 and simple responses.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// Logical id of the function.
    pub function: String,
    /// Where the identity of a caller is found; all of them form the key of the cache.
    pub identity: Vec<IdentitySource>,
    /// How long an answer is used again; zero means never.
    pub ttl: Duration,
}

/// One part of a caller's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// A header, by lower-case name.
    Header(String),
    /// A query parameter.
    Query(String),
    /// A variable of the request context, for example `routeKey`.
    Context(String),
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Logical id.
    pub id: String,
    /// Physical name.
    pub name: String,
    /// Cargo package and binary: the last part of `CodeUri`.
    pub package: String,
    /// Value of `Handler`.
    pub handler: String,
    /// Time an invocation may take.
    pub timeout: Duration,
    /// Declared memory in MB.
    pub memory_mb: u64,
    /// Environment variables, resolved.
    pub environment: BTreeMap<String, String>,
    /// Invocations at a time at most, if the template limits them.
    pub reserved_concurrency: Option<usize>,
    /// `JSON` or `Text`.
    pub log_format: String,
    /// Application log level, if the template sets it.
    pub log_level: Option<String>,
    /// Retries of an asynchronous invocation that failed.
    pub async_retries: u32,
    /// Logical id of the queue that takes the notifications of buckets that were given up.
    pub on_failure_queue: Option<String>,
    /// What invokes the function.
    pub events: Vec<Event>,
}

/// One event source of a function.
#[derive(Debug, Clone)]
pub struct Event {
    /// Name within the function.
    pub name: String,
    /// What it is.
    pub source: EventSource,
}

/// The kinds of event sources the local stack runs.
#[derive(Debug, Clone)]
pub enum EventSource {
    /// A route of the HTTP API.
    Http(Route),
    /// Messages of a queue.
    Sqs(SqsSource),
    /// Records of a table's stream.
    Stream(StreamSource),
    /// A schedule.
    Schedule(ScheduleSource),
    /// Notifications of a bucket.
    S3(S3Source),
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Upper-case method, or `ANY`.
    pub method: String,
    /// Path pattern, or `$default`.
    pub path: String,
    /// Name of the authorizer, if the route has one.
    pub authorizer: Option<String>,
    /// Time the integration may take.
    pub timeout: Duration,
}

/// An SQS event source.
#[derive(Debug, Clone)]
pub struct SqsSource {
    /// Logical id of the queue.
    pub queue: String,
    /// Messages per invocation at most.
    pub batch_size: usize,
    /// How long to gather messages for a batch.
    pub window: Duration,
    /// Invocations at a time at most.
    pub maximum_concurrency: Option<usize>,
    /// Whether the answer names the messages that failed.
    pub report_batch_item_failures: bool,
}

/// A DynamoDB stream event source.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// Logical id of the table.
    pub table: String,
    /// Records per invocation at most.
    pub batch_size: usize,
    /// How long to gather records for a batch.
    pub window: Duration,
    /// Whether to begin with the oldest record (`TRIM_HORIZON`) rather than with the next one (`LATEST`).
    pub from_oldest: bool,
    /// Patterns of which one must match; none means every record.
    pub filters: Vec<Value>,
    /// Whether a failed batch is split in two.
    pub bisect: bool,
    /// Retries of a failed batch; `None` means for ever.
    pub maximum_retries: Option<u32>,
    /// Age at which a record is given up; `None` means never.
    pub maximum_age: Option<Duration>,
    /// Whether the answer names the first record that failed.
    pub report_batch_item_failures: bool,
    /// Logical id of the bucket that receives what was given up.
    pub on_failure_bucket: Option<String>,
}

/// A schedule (`ScheduleV2`).
#[derive(Debug, Clone)]
pub struct ScheduleSource {
    /// `rate(…)`, `cron(…)` or `at(…)`.
    pub expression: String,
    /// IANA time zone in which `cron` and `at` are read.
    pub time_zone: String,
    /// The event; `None` gives the function an empty object.
    pub input: Option<String>,
    /// Whether it fires at all.
    pub enabled: bool,
}

/// Notifications of a bucket.
#[derive(Debug, Clone)]
pub struct S3Source {
    /// Logical id of the bucket.
    pub bucket: String,
    /// Event names, for example `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// Beginning of the keys it is about.
    pub prefix: String,
    /// End of the keys it is about.
    pub suffix: String,
}
