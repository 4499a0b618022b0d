//! The bodies of the requests about queues.

use super::queue::AttributeMap;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The body of `CreateQueue`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct CreateQueue {
    pub(crate) queue_name: Option<String>,
    pub(crate) attributes: AttributeMap,
    #[serde(rename = "tags")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// The body of `GetQueueUrl`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct GetQueueUrl {
    pub(crate) queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    pub(crate) queue_owner: Option<String>,
}

/// The bodies of `GetQueueAttributes`, `SetQueueAttributes` and `PurgeQueue`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct QueueRequest {
    pub(crate) queue_url: Option<String>,
    pub(crate) attribute_names: Vec<String>,
    pub(crate) attributes: AttributeMap,
}

/// The body of `ListQueues`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct ListQueues {
    pub(crate) queue_name_prefix: Option<String>,
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
}
