//! Accepting messages.

use super::attributes::{self, MessageAttributes};
use super::error::SqsError;
use super::queue::{self, MAX_MESSAGE_BYTES};
use crate::aws::clock::unix_millis;
use rusqlite::{Connection, params};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A message as a request gives it, alone or in a batch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct NewMessage {
    /// Present in a batch only.
    pub(crate) id: Option<String>,
    /// Present outside of a batch only.
    pub(crate) queue_url: Option<String>,
    pub(crate) message_body: Option<String>,
    pub(crate) delay_seconds: Option<i64>,
    pub(crate) message_attributes: MessageAttributes,
    pub(crate) message_system_attributes: BTreeMap<String, attributes::MessageAttribute>,
}

/// What a sender learns about an accepted message.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) message_id: String,
    pub(crate) body_md5: String,
    pub(crate) attributes_md5: Option<String>,
    pub(crate) system_attributes_md5: Option<String>,
}

/// The size of a message in bytes, body and attributes, as the limits count it.
pub(crate) fn size(message: &NewMessage) -> Result<usize, SqsError> {
    let body = message.message_body.as_ref().map_or(0, String::len);
    Ok(body + attributes::check(&message.message_attributes)?)
}

/// Stores a message in the queue called `queue_name`.
pub(crate) fn send(connection: &Connection, queue_name: &str, message: NewMessage) -> Result<Sent, SqsError> {
    let queue = queue::find(connection, queue_name)?;
    let size = i64::try_from(size(&message)?).unwrap_or(i64::MAX);
    let limit = queue.number("MaximumMessageSize").min(MAX_MESSAGE_BYTES);
    if size > limit {
        return Err(SqsError::InvalidParameterValue(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        )));
    }
    let body = message.message_body.filter(|body| !body.is_empty());
    let body = body.ok_or(SqsError::MissingParameter("MessageBody"))?;
    attributes::check_text(&body)?;
    let delay = message.delay_seconds.unwrap_or_else(|| queue.number("DelaySeconds"));
    if !(0..=900).contains(&delay) {
        return Err(SqsError::invalid(
            delay,
            "DelaySeconds",
            "DelaySeconds must be >= 0 and <= 900.",
        ));
    }
    let trace_header = trace_header(&message.message_system_attributes)?;
    let sent = Sent {
        message_id: uuid::Uuid::new_v4().to_string(),
        body_md5: attributes::md5_hex(body.as_bytes()),
        attributes_md5: attributes::digest(&message.message_attributes)?,
        system_attributes_md5: attributes::digest(&message.message_system_attributes)?,
    };
    let stored_attributes = match message.message_attributes.is_empty() {
        true => None,
        false => Some(
            serde_json::to_string(&message.message_attributes)
                .map_err(|error| SqsError::Internal(error.to_string()))?,
        ),
    };
    let now = unix_millis();
    connection
        .prepare_cached(
            "INSERT INTO messages (queue_id, message_id, body, attributes, trace_header, sent_ms, visible_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            queue.id,
            sent.message_id,
            body,
            stored_attributes,
            trace_header,
            now,
            now + delay * 1_000
        ])?;
    Ok(sent)
}

fn trace_header(system: &BTreeMap<String, attributes::MessageAttribute>) -> Result<Option<String>, SqsError> {
    let mut header = None;
    for (name, attribute) in system {
        match (name.as_str(), attribute.data_type.as_str(), &attribute.string_value) {
            ("AWSTraceHeader", "String", Some(value)) => header = Some(value.clone()),
            ("AWSTraceHeader", ..) => {
                return Err(SqsError::InvalidParameterValue(
                    "The message system attribute 'AWSTraceHeader' must be of type String.".to_owned(),
                ));
            }
            _ => {
                return Err(SqsError::InvalidParameterValue(format!(
                    "Message system attribute name '{name}' is invalid. Only AWSTraceHeader can be set."
                )));
            }
        }
    }
    Ok(header)
}
