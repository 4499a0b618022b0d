//! Writes: one leg by itself or several in a transaction.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, ConsumedCapacity, Delete, DeleteRequest, Put, PutRequest,
    ReturnConsumedCapacity, ReturnValue, TransactWriteItem, Update, WriteRequest,
};
use chrono::SecondsFormat;
use faults::Site;
use serde::Serialize;

use super::{Db, Key, OLD, TRIES_MAX, pause, to_item};
use crate::error::{self, StoreError};
use crate::record::{Item, Record};

/// A value in a condition or an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// Integer.
    Integer(i64),
    /// Texts without order, none twice.
    Texts(Vec<String>),
    /// Texts in order.
    List(Vec<String>),
    /// Texts by name.
    Map(Vec<(String, String)>),
}

impl From<Value> for AttributeValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::S(text),
            Value::Integer(number) => Self::N(number.to_string()),
            Value::Texts(texts) => Self::Ss(texts),
            Value::Map(texts) => Self::M(texts.into_iter().map(|(name, text)| (name, Self::S(text))).collect()),
            Value::List(texts) => Self::L(texts.into_iter().map(Self::S).collect()),
        }
    }
}

/// An expression with its names and values. Names are given as `#name`, values as `:name`.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    /// An expression without placeholders yet.
    pub fn new(expression: impl Into<String>) -> Self {
        Self {
            expression: expression.into(),
            ..Self::default()
        }
    }

    /// The item must not exist.
    pub fn absent() -> Self {
        Self::new("attribute_not_exists(pk)")
    }

    /// The item must exist.
    pub fn present() -> Self {
        Self::new("attribute_exists(pk)")
    }

    /// The entity's version must be `version`.
    pub fn version(version: u64) -> Self {
        Self::new("#d.#version = :version")
            .name("#d", "d")
            .name("#version", "version")
            .value(":version", Value::Integer(i64::try_from(version).unwrap_or(i64::MAX)))
    }

    /// The item must still be the image `before`, told by when it was stored.
    pub fn unchanged<T>(before: &Record<T>) -> Self {
        // As chrono's serde writes it into the item.
        let stored = before.updated_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        Self::new("#updated = :updated")
            .name("#updated", "updated_at")
            .value(":updated", Value::Text(stored))
    }

    /// Replaces the expression.
    #[must_use]
    pub fn expression(mut self, expression: String) -> Self {
        self.expression = expression;
        self
    }

    /// Names an attribute.
    #[must_use]
    pub fn name(mut self, placeholder: &str, name: &str) -> Self {
        self.names.insert(placeholder.to_owned(), name.to_owned());
        self
    }

    /// Gives a value.
    #[must_use]
    pub fn value(mut self, placeholder: &str, value: Value) -> Self {
        self.values.insert(placeholder.to_owned(), value.into());
        self
    }
}

/// One write. `Debug` shows neither keys nor values: both may lead to a person.
#[derive(Clone)]
pub enum Leg {
    /// Store an item.
    Put(Item, Option<Condition>),
    /// Change attributes of an item: the update expression (with all names and values) and the condition's expression.
    Update(Key, Condition, Option<String>),
    /// Remove an item.
    Delete(Key, Option<Condition>),
    /// Only check.
    Check(Key, Condition),
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put(..) => "Put(…)",
            Self::Update(..) => "Update(…)",
            Self::Delete(..) => "Delete(…)",
            Self::Check(..) => "Check(…)",
        })
    }
}

impl Leg {
    /// Store `record`, under `condition` if given.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the record cannot be an item.
    pub fn put<T: Serialize>(site: Site, record: &Record<T>, condition: Option<Condition>) -> Result<Self, StoreError> {
        Ok(Self::Put(to_item(site, record)?, condition))
    }

    /// The key of the item that it writes to or checks.
    pub(crate) fn key(&self) -> Option<Key> {
        let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        match self {
            Self::Put(item, _) => Some(Key {
                pk: text(item, "pk")?,
                sk: text(item, "sk")?,
            }),
            Self::Update(key, ..) | Self::Delete(key, _) | Self::Check(key, _) => Some(key.clone()),
        }
    }

    pub(super) fn into_transact(self, table: &str, site: Site) -> Result<TransactWriteItem, StoreError> {
        let builder = TransactWriteItem::builder();
        let built = match self {
            Self::Put(item, condition) => {
                let (expression, names, values) = split(condition);
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(OLD)
                    .build();
                put.map(|put| builder.put(put).build())
            }
            Self::Update(key, update, condition) => {
                let (expression, names, values) = split(Some(update));
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .set_update_expression(expression)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(OLD)
                    .build();
                update.map(|update| builder.update(update).build())
            }
            Self::Delete(key, condition) => {
                let (expression, names, values) = split(condition);
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(OLD)
                    .build();
                delete.map(|delete| builder.delete(delete).build())
            }
            Self::Check(key, condition) => {
                let (expression, names, values) = split(Some(condition));
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(OLD)
                    .build();
                check.map(|check| builder.condition_check(check).build())
            }
        };
        built.map_err(|_| StoreError::Refused {
            site,
            code: "ConstructionFailure".to_owned(),
        })
    }
}

type Split = (
    Option<String>,
    Option<HashMap<String, String>>,
    Option<HashMap<String, AttributeValue>>,
);

/// The parts of a condition as the SDK wants them: empty maps are errors there.
fn split(condition: Option<Condition>) -> Split {
    let Some(condition) = condition else {
        return (None, None, None);
    };
    (
        Some(condition.expression),
        Some(condition.names).filter(|names| !names.is_empty()),
        Some(condition.values).filter(|values| !values.is_empty()),
    )
}

/// What became of a single write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written<T> {
    /// Stored.
    Done,
    /// The condition does not hold; the item that stood in the way, if there is one.
    Refused(Option<Box<Record<T>>>),
}

/// A leg whose condition does not hold. `Debug` does not show the item.
#[derive(Clone)]
pub struct FailedLeg {
    /// Position of the leg in the transaction, from 0.
    pub index: usize,
    /// The item that stood in the way.
    pub item: Option<Item>,
}

impl fmt::Debug for FailedLeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedLeg")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// Why a transaction was not applied.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransactError {
    /// Conditions do not hold: a business answer.
    #[error("{} conditions of the transaction do not hold", .0.len())]
    Condition(Vec<FailedLeg>),
    /// The call itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sorts the reasons of a cancelled transaction: any failed condition is an answer, else conflict and throttling are worth
/// another try, and the rest is a bug.
pub(super) fn cancelled(site: Site, reasons: &[CancellationReason]) -> Result<Vec<FailedLeg>, StoreError> {
    let mut failed = Vec::new();
    let mut other = None;
    for (index, reason) in reasons.iter().enumerate() {
        match reason.code() {
            Some("ConditionalCheckFailed") => failed.push(FailedLeg {
                index,
                item: reason.item.clone(),
            }),
            None | Some("None") => {}
            Some(code) => other = Some(error::from_code(site, code)),
        }
    }
    match other {
        // A conflict beside a failed condition: the other writer may be undone, so look again.
        Some(error) => Err(error),
        None if failed.is_empty() => Err(StoreError::Unknown(site)),
        None => Ok(failed),
    }
}

/// What became of one try of a single write.
pub(super) enum Tried {
    Done,
    /// The condition does not hold; the item that stood in the way, if there is one.
    Refused(Option<Item>),
}

impl Db {
    /// Makes an update that no condition can refuse, and returns the number that it leaves in `attribute`: no two callers are
    /// told the same one when each adds to it.
    ///
    /// # Errors
    /// [`StoreError`], also when the update leaves no number there.
    pub(crate) async fn update_number(
        &self,
        site: Site,
        key: &Key,
        update: &Condition,
        attribute: &str,
    ) -> Result<u64, StoreError> {
        let changed = self
            .attempt(site, || async {
                let (expression, names, values) = split(Some(update.clone()));
                let answer = self
                    .client
                    .update_item()
                    .table_name(&self.table)
                    .set_key(Some(key.attributes()))
                    .set_update_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values(ReturnValue::UpdatedNew)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|e| error::from_sdk(site, &e))?;
                self.meter.count(true, answer.consumed_capacity());
                Ok(answer.attributes)
            })
            .await?;
        let number = changed
            .as_ref()
            .and_then(|item| item.get(attribute)?.as_n().ok()?.parse().ok());
        number.ok_or_else(|| StoreError::Unreadable {
            site,
            reason: format!("{attribute} is no number"),
        })
    }

    /// One try of a single write.
    pub(super) async fn write_once(&self, site: Site, leg: &Leg) -> Result<Tried, StoreError> {
        match leg.clone() {
            Leg::Put(item, condition) => {
                let (expression, names, values) = split(condition);
                let call = self
                    .client
                    .put_item()
                    .table_name(&self.table)
                    .set_item(Some(item))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(OLD)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total);
                let answer = call.send().await;
                self.tried(
                    site,
                    answer.map(|answer| answer.consumed_capacity),
                    |error| match error {
                        PutItemError::ConditionalCheckFailedException(failed) => Some(failed),
                        _ => None,
                    },
                )
            }
            Leg::Update(key, update, condition) => {
                let (expression, names, values) = split(Some(update));
                let call = self
                    .client
                    .update_item()
                    .table_name(&self.table)
                    .set_key(Some(key.attributes()))
                    .set_update_expression(expression)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(OLD)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total);
                let answer = call.send().await;
                self.tried(
                    site,
                    answer.map(|answer| answer.consumed_capacity),
                    |error| match error {
                        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed),
                        _ => None,
                    },
                )
            }
            Leg::Delete(key, condition) => {
                let (expression, names, values) = split(condition);
                let call = self
                    .client
                    .delete_item()
                    .table_name(&self.table)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(OLD)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total);
                let answer = call.send().await;
                self.tried(
                    site,
                    answer.map(|answer| answer.consumed_capacity),
                    |error| match error {
                        DeleteItemError::ConditionalCheckFailedException(failed) => Some(failed),
                        _ => None,
                    },
                )
            }
            Leg::Check(..) => Err(StoreError::Refused {
                site,
                code: "CheckAlone".to_owned(),
            }),
        }
    }

    /// Sorts an answer: stored, or a failed condition with the item in its way, or an error.
    fn tried<E: ProvideErrorMetadata>(
        &self,
        site: Site,
        answer: Result<Option<ConsumedCapacity>, SdkError<E, HttpResponse>>,
        failed_condition: impl Fn(&E) -> Option<&ConditionalCheckFailedException>,
    ) -> Result<Tried, StoreError> {
        match answer {
            Ok(capacity) => {
                self.meter.count(true, &capacity);
                Ok(Tried::Done)
            }
            Err(sdk_error) => match sdk_error.as_service_error().and_then(failed_condition) {
                Some(failed) => Ok(Tried::Refused(failed.item.clone())),
                None => Err(error::from_sdk(site, &sdk_error)),
            },
        }
    }
}

/// Writes of one batch (the service's limit).
const BATCH_WRITE_MAX: usize = 25;

impl Db {
    /// Stores and removes items, each for itself and without a condition; none may be named twice. When it fails, some may be
    /// written: do it again.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Busy`] when the table keeps leaving writes out.
    pub(crate) async fn batch_write(&self, site: Site, puts: Vec<Item>, deletes: &[Key]) -> Result<(), StoreError> {
        let refused = |_| StoreError::Refused {
            site,
            code: "ConstructionFailure".to_owned(),
        };
        let mut writes = Vec::with_capacity(puts.len() + deletes.len());
        for item in puts {
            let put = PutRequest::builder().set_item(Some(item)).build().map_err(refused)?;
            writes.push(WriteRequest::builder().put_request(put).build());
        }
        for key in deletes {
            let delete = DeleteRequest::builder()
                .set_key(Some(key.attributes()))
                .build()
                .map_err(refused)?;
            writes.push(WriteRequest::builder().delete_request(delete).build());
        }
        for batch in writes.chunks(BATCH_WRITE_MAX) {
            let mut left = batch.to_vec();
            for round in 0..TRIES_MAX {
                pause(round).await;
                left = self.batch_write_round(site, left).await?;
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(StoreError::Busy(site));
            }
        }
        Ok(())
    }

    /// One call: the writes that the table left out.
    async fn batch_write_round(&self, site: Site, writes: Vec<WriteRequest>) -> Result<Vec<WriteRequest>, StoreError> {
        let answer = self
            .attempt(site, || async {
                let answer = self
                    .client
                    .batch_write_item()
                    .request_items(&self.table, writes.clone())
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|e| error::from_sdk(site, &e))?;
                self.meter.count(true, answer.consumed_capacity());
                Ok(answer)
            })
            .await?;
        let left = answer
            .unprocessed_items
            .and_then(|mut tables| tables.remove(&self.table));
        Ok(left.unwrap_or_default())
    }
}
