//! Records of a table stream as Lambda hands them to a function.

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record};
use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::template::REGION;

/// A record with what the poller needs of it.
#[derive(Debug, Clone)]
pub(super) struct StreamRecord {
    pub(super) sequence_number: String,
    /// Unix time in seconds.
    pub(super) created: i64,
    pub(super) json: Value,
    /// Size of the JSON text in bytes.
    pub(super) size: usize,
}

impl StreamRecord {
    pub(super) fn new(record: &Record, stream_arn: &str) -> Self {
        let inner = record.dynamodb();
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let mut change = Map::new();
        let created = inner
            .and_then(|inner| inner.approximate_creation_date_time())
            .map_or(0, |time| time.secs());
        change.insert("ApproximateCreationDateTime".to_owned(), json!(created));
        if let Some(inner) = inner {
            let images = [
                ("Keys", inner.keys()),
                ("NewImage", inner.new_image()),
                ("OldImage", inner.old_image()),
            ];
            for (name, image) in images {
                if let Some(image) = image {
                    let image: Map<String, Value> = image.iter().map(|(k, v)| (k.clone(), attribute(v))).collect();
                    change.insert(name.to_owned(), Value::Object(image));
                }
            }
            change.insert("SequenceNumber".to_owned(), json!(inner.sequence_number()));
            change.insert("SizeBytes".to_owned(), json!(inner.size_bytes()));
            let view = inner.stream_view_type().map(|view| view.as_str());
            change.insert("StreamViewType".to_owned(), json!(view));
        }
        let mut json = json!({
            "eventID": record.event_id(),
            "eventName": record.event_name().map(|name| name.as_str()),
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "dynamodb": change,
            "eventSourceARN": stream_arn,
        });
        if let (Some(identity), Some(map)) = (record.user_identity(), json.as_object_mut()) {
            let identity = json!({ "type": identity.r#type(), "principalId": identity.principal_id() });
            map.insert("userIdentity".to_owned(), identity);
        }
        let size = json.to_string().len();
        let sequence_number = text(inner.and_then(|inner| inner.sequence_number()));
        Self {
            sequence_number,
            created,
            json,
            size,
        }
    }
}

/// A value in DynamoDB's JSON form.
fn attribute(value: &AttributeValue) -> Value {
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": base64(bytes.as_ref()) }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::Null(flag) => json!({ "NULL": flag }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(items) => {
            json!({ "BS": items.iter().map(|bytes| base64(bytes.as_ref())).collect::<Vec<_>>() })
        }
        AttributeValue::L(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
        AttributeValue::M(map) => {
            let map: Map<String, Value> = map.iter().map(|(key, value)| (key.clone(), attribute(value))).collect();
            json!({ "M": map })
        }
        // The SDK marks types newer than itself this way; the record says so instead of losing the value silently.
        other => json!({ "UNKNOWN": format!("{other:?}") }),
    }
}
