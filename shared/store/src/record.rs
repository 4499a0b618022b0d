//! The common frame of every item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::id::{ClientId, Subject};
use faults::Site;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::db::Key;
use crate::error::StoreError;

/// An item as the SDK holds it.
pub type Item = HashMap<String, AttributeValue>;

/// Who asked for a change over HTTP: which client, and who is answerable for it. Stored as one short text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct By {
    /// The calling machine, or the client through which an operator came.
    pub client: ClientId,
    /// The operator, or the client itself.
    pub subject: Subject,
}

impl From<By> for String {
    fn from(by: By) -> Self {
        // Neither of the two can hold a space.
        format!("{} {}", by.client, by.subject)
    }
}

/// A text that names no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a caller is a client and a subject with a space between them")]
pub struct InvalidBy;

impl TryFrom<String> for By {
    type Error = InvalidBy;

    fn try_from(text: String) -> Result<Self, InvalidBy> {
        let (client, subject) = text.split_once(' ').ok_or(InvalidBy)?;
        Ok(Self {
            client: client.parse().map_err(|_| InvalidBy)?,
            subject: subject.parse().map_err(|_| InvalidBy)?,
        })
    }
}

/// When an image is made, and for whom. An instant alone says that no caller asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// When.
    pub at: DateTime<Utc>,
    /// For whom.
    pub by: Option<By>,
}

impl From<DateTime<Utc>> for Made {
    fn from(at: DateTime<Utc>) -> Self {
        Self { at, by: None }
    }
}

impl From<&Made> for Made {
    fn from(made: &Made) -> Self {
        made.clone()
    }
}

/// One item: keys and bookkeeping around the entity `d`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<T> {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
    /// Entity type, for people and for the relay.
    pub et: String,
    /// Version of the item's schema.
    pub v: u32,
    /// When the item was first stored.
    pub created_at: DateTime<Utc>,
    /// When this image was stored.
    pub updated_at: DateTime<Utc>,
    /// Who asked for the last change that somebody asked for. Items that only lead to another one do not repeat it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// Events that this image makes; absent when it makes none. The stream's filter tests its presence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<String>,
    /// Partition key of the sparse index of open work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_pk: Option<String>,
    /// Sort key of the sparse index of open work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_sk: Option<String>,
    /// Partition key of the sparse index of accounts that the close of a day has work on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_pk: Option<String>,
    /// Sort key of that index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_sk: Option<String>,
    /// Seconds since 1970 after which the table may drop the item. Reads must not rely on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// The entity.
    pub d: T,
}

impl<T> Record<T> {
    /// A record that makes no event and is no open work.
    pub fn new(key: Key, entity_type: &str, made: impl Into<Made>, entity: T) -> Self {
        let made = made.into();
        Self {
            pk: key.pk,
            sk: key.sk,
            et: entity_type.to_owned(),
            v: 1,
            created_at: made.at,
            updated_at: made.at,
            by: made.by,
            topics: None,
            due_pk: None,
            due_sk: None,
            work_pk: None,
            work_sk: None,
            ttl: None,
            d: entity,
        }
    }

    /// The key of the record.
    pub fn key(&self) -> Key {
        Key {
            pk: self.pk.clone(),
            sk: self.sk.clone(),
        }
    }
}

impl<T: Serialize> Record<T> {
    /// The record as the table keeps it.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn to_item(&self, site: Site) -> Result<Item, StoreError> {
        serde_dynamo::to_item(self).map_err(|error| unreadable(site, &error))
    }
}

impl<T: DeserializeOwned> Record<T> {
    /// Reads a record from an item, for example a stream image.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the item has another shape.
    pub fn from_item(site: Site, item: Item) -> Result<Self, StoreError> {
        serde_dynamo::from_item(item).map_err(|error| unreadable(site, &error))
    }
}

impl<T: DeserializeOwned> Record<T> {
    /// Reads a record from an image of the table's stream, in DynamoDB's JSON.
    ///
    /// # Errors
    /// What is wrong with its shape, without its values.
    pub fn from_image(image: serde_dynamo::Item) -> Result<Self, String> {
        serde_dynamo::from_item(image).map_err(|error| without_values(&error.to_string()))
    }
}

fn unreadable(site: Site, error: &serde_dynamo::Error) -> StoreError {
    StoreError::Unreadable {
        site,
        reason: without_values(&error.to_string()),
    }
}

/// A message about an item's shape up to the value it quotes: that may be a name. Field names and expected types stay.
#[must_use]
pub fn without_values(message: &str) -> String {
    if ["missing field", "duplicate field"]
        .iter()
        .any(|kind| message.starts_with(kind))
    {
        return message.to_owned();
    }
    let kinds = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown variant",
        "unknown field",
    ];
    let kind = kinds.iter().find(|kind| message.starts_with(**kind));
    match (kind, message.rsplit_once(", expected ")) {
        (Some(kind), Some((_, expected))) => format!("{kind}, expected {expected}"),
        (Some(kind), None) => (*kind).to_owned(),
        (None, _) => "a value is not what its field takes".to_owned(),
    }
}

/// An instant as sort keys carry it: RFC 3339, UTC, milliseconds, so that text order is time order.
pub fn instant_key(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_another_shape_is_described_without_its_values() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Language {
            De,
        }
        let key = Key {
            pk: "A".into(),
            sk: "B".into(),
        };
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let item = |entity: &str| {
            Record::new(key.clone(), "thing", now, entity.to_owned())
                .to_item(Site::ToolRead)
                .unwrap()
        };
        let reason = |error: StoreError| match error {
            StoreError::Unreadable { reason, .. } => reason,
            other => panic!("{other:?}"),
        };
        let variant = Record::<Language>::from_item(Site::ToolRead, item("Max, expected Muster")).unwrap_err();
        assert_eq!(reason(variant), "unknown variant, expected `de`");
        let custom = Record::<domain::card::CardNumber>::from_item(Site::ToolRead, item("Muster")).unwrap_err();
        assert!(!reason(custom).contains("Muster"));
        let mut missing = item("x");
        missing.remove("d");
        let missing = Record::<String>::from_item(Site::ToolRead, missing).unwrap_err();
        assert_eq!(reason(missing), "missing field `d`");
        assert!(matches!(
            Record::<Language>::from_item(Site::ToolRead, item("de")).unwrap().d,
            Language::De
        ));
    }

    #[test]
    fn a_record_comes_back_as_it_was_stored() {
        let made = Made {
            at: "2026-11-22T12:00:00.123Z".parse().unwrap(),
            by: Some(By {
                client: "back-office".parse().unwrap(),
                subject: "auth0|42".parse().unwrap(),
            }),
        };
        let key = Key {
            pk: "A".into(),
            sk: "B".into(),
        };
        let mut record = Record::new(key, "thing", made, vec![1i64, -2, i64::MAX]);
        record.topics = Some("thing".into());
        let item = record.to_item(Site::ToolRead).unwrap();
        assert!(!item.contains_key("ttl"), "absent attributes keep the index sparse");
        assert_eq!(item["by"], AttributeValue::S("back-office auth0|42".to_owned()));
        assert_eq!(Record::<Vec<i64>>::from_item(Site::ToolRead, item).unwrap(), record);
    }
}
