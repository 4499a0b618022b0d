//! Queues: names, URLs, ARNs, attributes and their bounds.

use super::error::SqsError;
use crate::aws::clock::unix_seconds;
use crate::aws::{ACCOUNT_ID, REGION};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The attributes that a request sets, by name.
pub(crate) type AttributeMap = BTreeMap<String, String>;

/// Longest message and longest batch in bytes.
pub(crate) const MAX_MESSAGE_BYTES: i64 = 1_048_576;

/// Attributes with whole numbers: name, smallest, largest, default.
const NUMBERS: [(&str, i64, i64, i64); 6] = [
    ("DelaySeconds", 0, 900, 0),
    ("MaximumMessageSize", 1_024, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("VisibilityTimeout", 0, 43_200, 30),
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400, 300),
];

/// Attributes that are kept and returned but have no effect here: there is no IAM and no KMS on this machine.
const KEPT: [&str; 3] = ["Policy", "KmsMasterKeyId", "SqsManagedSseEnabled"];

/// A queue as stored.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) attributes: AttributeMap,
    pub(crate) created_s: i64,
    pub(crate) modified_s: i64,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RedrivePolicy {
    pub(crate) dead_letter_target_arn: String,
    #[serde(deserialize_with = "number_or_text")]
    pub(crate) max_receive_count: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedriveAllowPolicy {
    redrive_permission: String,
    #[serde(default)]
    source_queue_arns: Vec<String>,
}

/// CloudFormation writes the number as a number, many tools write it as text; AWS takes both.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

impl Queue {
    /// A number attribute's value, or its default.
    pub(crate) fn number(&self, name: &str) -> i64 {
        let default = NUMBERS
            .iter()
            .find(|number| number.0 == name)
            .map_or(0, |number| number.3);
        self.attributes
            .get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    }

    pub(crate) fn redrive_policy(&self) -> Option<RedrivePolicy> {
        self.attributes
            .get("RedrivePolicy")
            .and_then(|text| serde_json::from_str(text).ok())
    }

    pub(crate) fn arn(&self) -> String {
        arn(&self.name)
    }

    /// Every attribute that has a value, as `GetQueueAttributes` returns it, except the message counts.
    pub(crate) fn described(&self) -> AttributeMap {
        let mut all = self.attributes.clone();
        for (name, _, _, default) in NUMBERS {
            if !name.starts_with("Kms") {
                all.entry(name.to_owned()).or_insert_with(|| default.to_string());
            }
        }
        all.entry("SqsManagedSseEnabled".to_owned())
            .or_insert_with(|| "true".to_owned());
        all.insert("QueueArn".to_owned(), self.arn());
        all.insert("CreatedTimestamp".to_owned(), self.created_s.to_string());
        all.insert("LastModifiedTimestamp".to_owned(), self.modified_s.to_string());
        all
    }
}

/// The ARN of the queue called `name`.
pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}")
}

/// The name in an ARN of this account and region.
pub(crate) fn name_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix(&format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:"))
}

/// The name in a queue URL. Host and port are not compared: they change when the stack starts on other ports.
pub(crate) fn name_of_url(url: &str) -> Result<String, SqsError> {
    let path = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    match path.strip_prefix(ACCOUNT_ID).and_then(|rest| rest.strip_prefix('/')) {
        Some(name) if !name.is_empty() && !name.contains('/') => Ok(name.to_owned()),
        _ => Err(SqsError::QueueDoesNotExist(url.to_owned())),
    }
}

/// Refuses names that AWS refuses, and FIFO queues.
pub(crate) fn check_name(name: &str) -> Result<(), SqsError> {
    if name.ends_with(".fifo") {
        return Err(SqsError::UnsupportedOperation(format!(
            "{name} is a FIFO queue; the local SQS has standard queues only"
        )));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 80 || !name.chars().all(allowed) {
        return Err(SqsError::InvalidParameterValue(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".to_owned(),
        ));
    }
    Ok(())
}

/// Reads a queue by name.
pub(crate) fn find(connection: &Connection, name: &str) -> Result<Queue, SqsError> {
    let row = connection
        .prepare_cached("SELECT id, attributes, created_s, modified_s FROM queues WHERE name = ?1")?
        .query_row([name], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let (id, attributes, created_s, modified_s) = row.ok_or_else(|| SqsError::QueueDoesNotExist(name.to_owned()))?;
    let attributes = serde_json::from_str(&attributes)
        .map_err(|error| SqsError::Internal(format!("The attributes of queue {name} are unreadable: {error}")))?;
    Ok(Queue {
        id,
        name: name.to_owned(),
        attributes,
        created_s,
        modified_s,
    })
}

/// Creates a queue, or confirms that it exists with the same values of the given attributes.
pub(crate) fn create(connection: &Connection, name: &str, attributes: AttributeMap) -> Result<(), SqsError> {
    check_name(name)?;
    check_attributes(connection, name, &attributes)?;
    match find(connection, name) {
        Ok(existing) => {
            let described = existing.described();
            match attributes
                .iter()
                .find(|(key, value)| described.get(*key) != Some(value))
            {
                Some((key, _)) => Err(SqsError::QueueNameExists(key.clone())),
                None => Ok(()),
            }
        }
        Err(SqsError::QueueDoesNotExist(_)) => {
            let now = unix_seconds();
            connection.execute(
                "INSERT INTO queues (name, attributes, created_s, modified_s) VALUES (?1, ?2, ?3, ?3)",
                params![name, to_json(&attributes)?, now],
            )?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Changes attributes; an empty value removes one.
pub(crate) fn set_attributes(connection: &Connection, name: &str, changes: AttributeMap) -> Result<(), SqsError> {
    let queue = find(connection, name)?;
    let (removed, set): (AttributeMap, AttributeMap) = changes
        .into_iter()
        .partition(|(key, value)| value.is_empty() && (KEPT.contains(&key.as_str()) || key.starts_with("Redrive")));
    check_attributes(connection, name, &set)?;
    let mut attributes = queue.attributes;
    attributes.retain(|key, _| !removed.contains_key(key));
    attributes.extend(set);
    connection.execute(
        "UPDATE queues SET attributes = ?2, modified_s = ?3 WHERE id = ?1",
        params![queue.id, to_json(&attributes)?, unix_seconds()],
    )?;
    Ok(())
}

/// The names of queues that send their dead letters to `name`.
pub(crate) fn dead_letter_sources(connection: &Connection, name: &str) -> Result<Vec<String>, SqsError> {
    let target = arn(name);
    let names = connection
        .prepare_cached("SELECT name FROM queues ORDER BY name")?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut sources = Vec::new();
    for source in names {
        if find(connection, &source)?
            .redrive_policy()
            .is_some_and(|policy| policy.dead_letter_target_arn == target)
        {
            sources.push(source);
        }
    }
    Ok(sources)
}

fn to_json(attributes: &AttributeMap) -> Result<String, SqsError> {
    serde_json::to_string(attributes).map_err(|error| SqsError::Internal(error.to_string()))
}

fn check_attributes(connection: &Connection, queue: &str, attributes: &AttributeMap) -> Result<(), SqsError> {
    for (name, value) in attributes {
        let known_number = NUMBERS.iter().find(|number| number.0 == name);
        if let Some((_, smallest, largest, _)) = known_number {
            let in_range = value
                .parse::<i64>()
                .is_ok_and(|number| (*smallest..=*largest).contains(&number));
            if !in_range {
                return Err(SqsError::InvalidAttributeValue(format!(
                    "Invalid value {value:?} for the parameter {name}: it must be between {smallest} and {largest}."
                )));
            }
            continue;
        }
        match name.as_str() {
            "RedrivePolicy" => check_redrive_policy(connection, queue, value)?,
            "RedriveAllowPolicy" => {
                parse_allow_policy(value)?;
            }
            "FifoQueue" | "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit" => {
                return Err(SqsError::UnsupportedOperation(format!(
                    "{name} belongs to FIFO queues; the local SQS has standard queues only"
                )));
            }
            kept if KEPT.contains(&kept) => {}
            _ => return Err(SqsError::InvalidAttributeName(name.clone())),
        }
    }
    Ok(())
}

fn check_redrive_policy(connection: &Connection, queue: &str, value: &str) -> Result<(), SqsError> {
    let refuse = |reason: String| SqsError::invalid(value, "RedrivePolicy", reason);
    let policy: RedrivePolicy = serde_json::from_str(value).map_err(|error| refuse(error.to_string()))?;
    if !(1..=1_000).contains(&policy.max_receive_count) {
        return Err(refuse("maxReceiveCount must be between 1 and 1000.".to_owned()));
    }
    let target = name_of_arn(&policy.dead_letter_target_arn).ok_or_else(|| {
        refuse(format!(
            "deadLetterTargetArn must name a queue of {ACCOUNT_ID} in {REGION}."
        ))
    })?;
    let target = find(connection, target).map_err(|_| refuse("Dead letter target does not exist.".to_owned()))?;
    let Some(allow) = target.attributes.get("RedriveAllowPolicy") else {
        return Ok(());
    };
    let allow = parse_allow_policy(allow)?;
    let allowed = match allow.redrive_permission.as_str() {
        "denyAll" => false,
        "byQueue" => allow.source_queue_arns.contains(&arn(queue)),
        _ => true,
    };
    if allowed {
        Ok(())
    } else {
        Err(refuse(
            "The dead letter target does not allow this queue as a source.".to_owned(),
        ))
    }
}

fn parse_allow_policy(value: &str) -> Result<RedriveAllowPolicy, SqsError> {
    let refuse = |reason: String| SqsError::invalid(value, "RedriveAllowPolicy", reason);
    let policy: RedriveAllowPolicy = serde_json::from_str(value).map_err(|error| refuse(error.to_string()))?;
    match (policy.redrive_permission.as_str(), policy.source_queue_arns.len()) {
        ("allowAll" | "denyAll", 0) | ("byQueue", 1..=10) => Ok(policy),
        _ => Err(refuse(
            "redrivePermission must be allowAll, denyAll, or byQueue with 1 to 10 sourceQueueArns.".to_owned(),
        )),
    }
}

/// Whether `GetQueueAttributes` knows the name. Those of FIFO queues are known and have no value here.
pub(crate) fn is_attribute(name: &str) -> bool {
    const OTHERS: [&str; 13] = [
        "All",
        "QueueArn",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
        "RedrivePolicy",
        "RedriveAllowPolicy",
        "FifoQueue",
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoThroughputLimit",
    ];
    OTHERS.contains(&name) || KEPT.contains(&name) || NUMBERS.iter().any(|number| number.0 == name)
}
