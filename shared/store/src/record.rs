//! The common frame of every item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use faults::Site;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::db::Key;
use crate::error::StoreError;

/// An item as the SDK holds it.
pub type Item = HashMap<String, AttributeValue>;

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
    /// Events that this image makes; absent when it makes none. The stream's filter tests its presence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<String>,
    /// Partition key of the sparse index of open work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_pk: Option<String>,
    /// Sort key of the sparse index of open work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_sk: Option<String>,
    /// Seconds since 1970 after which the table may drop the item. Reads must not rely on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// The entity.
    pub d: T,
}

impl<T> Record<T> {
    /// A record that makes no event and is no open work.
    pub fn new(key: Key, entity_type: &str, now: DateTime<Utc>, entity: T) -> Self {
        Self {
            pk: key.pk,
            sk: key.sk,
            et: entity_type.to_owned(),
            v: 1,
            created_at: now,
            updated_at: now,
            topics: None,
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
    pub(crate) fn to_item(&self, site: Site) -> Result<Item, StoreError> {
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
    /// [`StoreError::Unreadable`] when the image has another shape.
    pub fn from_image(site: Site, image: serde_dynamo::Item) -> Result<Self, StoreError> {
        serde_dynamo::from_item(image).map_err(|error| unreadable(site, &error))
    }
}

fn unreadable(site: Site, error: &serde_dynamo::Error) -> StoreError {
    StoreError::Unreadable {
        site,
        reason: error.to_string(),
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
    fn a_record_comes_back_as_it_was_stored() {
        let now = "2026-11-22T12:00:00.123Z".parse().unwrap();
        let key = Key {
            pk: "A".into(),
            sk: "B".into(),
        };
        let mut record = Record::new(key, "thing", now, vec![1i64, -2, i64::MAX]);
        record.topics = Some("thing".into());
        let item = record.to_item(Site::ToolRead).unwrap();
        assert!(!item.contains_key("ttl"), "absent attributes keep the index sparse");
        assert_eq!(Record::<Vec<i64>>::from_item(Site::ToolRead, item).unwrap(), record);
    }
}
