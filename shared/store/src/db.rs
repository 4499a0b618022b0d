//! The calls to the table. Every call passes here, and only here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use faults::{Probe, Site};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{self, StoreError};
use crate::record::{Item, Record};

mod write;
use write::Tried;
pub use write::{Condition, FailedLeg, Leg, TransactError, Value, Written};

/// Tries of one call before the caller hears [`StoreError::Busy`] or [`StoreError::Unknown`].
const TRIES_MAX: u32 = 5;
/// First pause between tries; doubles, with full jitter.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
/// How long a call is tried again, unless [`Db::with_patience`] says otherwise: a caller at a till must hear "repeat" before
/// the gateway gives up on the function.
const PATIENCE: Duration = Duration::from_secs(2);
/// Keys of one batch read (the service's limit is 100).
pub const BATCH_GET_MAX: usize = 100;

/// Primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// Whether a read must see every write before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Half the price; may be a moment old.
    Eventual,
    /// Sees every write answered before.
    Strong,
}

/// Which items of a partition a query wants.
#[derive(Debug, Clone)]
pub struct Range {
    /// Partition key.
    pub pk: String,
    /// Least sort key.
    pub from: String,
    /// Greatest sort key.
    pub to: String,
    /// Continue after this sort key; on an index only in ascending order.
    pub after: Option<String>,
    /// Greatest sort key first.
    pub descending: bool,
    /// Most items of the page.
    pub limit: i32,
    /// On an index instead of the table.
    pub index: Option<Index>,
}

/// A sparse index; its sort keys are unique within a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Open work, with whole items.
    Work,
    /// Accounts by the next day whose close has work on them; holds keys only.
    Due,
}

impl Index {
    /// Name, partition key and sort key.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Work => ("work", "work_pk", "work_sk"),
            Self::Due => ("due", "due_pk", "due_sk"),
        }
    }
}

impl Range {
    /// All items of `pk` whose sort key begins with `prefix`.
    pub fn prefix(pk: String, prefix: &str, limit: i32) -> Self {
        Self {
            pk,
            from: prefix.to_owned(),
            // Keys are ASCII; no key has a character behind '~' at this place.
            to: format!("{prefix}\u{7f}"),
            after: None,
            descending: false,
            limit,
            index: None,
        }
    }
}

/// What calls cost, summed since the start or the last [`Meter::take`].
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    read_milli: AtomicU64,
    write_milli: AtomicU64,
    /// Another meter that counts the same, and more.
    whole: Option<Arc<Meter>>,
}

/// A reading of the [`Meter`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Calls made, retries included.
    pub requests: u64,
    /// Thousandths of a read request unit.
    pub read_milli: u64,
    /// Thousandths of a write request unit.
    pub write_milli: u64,
}

impl Meter {
    /// The cost so far; begins again at zero.
    pub fn take(&self) -> Cost {
        Cost {
            requests: self.requests.swap(0, Ordering::Relaxed),
            read_milli: self.read_milli.swap(0, Ordering::Relaxed),
            write_milli: self.write_milli.swap(0, Ordering::Relaxed),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "units of one call are small and positive"
    )]
    fn count<'a>(&self, write: bool, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        for units in capacity.into_iter().filter_map(ConsumedCapacity::capacity_units) {
            let milli = (units * 1000.0).round() as u64;
            if write {
                self.add(|meter| &meter.write_milli, milli);
            } else {
                self.add(|meter| &meter.read_milli, milli);
            }
        }
    }

    fn add(&self, counter: fn(&Self) -> &AtomicU64, count: u64) {
        counter(self).fetch_add(count, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.add(counter, count);
        }
    }
}

/// The table.
#[derive(Debug, Clone)]
pub struct Db {
    client: Client,
    table: String,
    probe: Probe,
    meter: Arc<Meter>,
    patience: Duration,
}

impl Db {
    /// The table called `table`.
    pub fn new(client: Client, table: String, probe: Probe) -> Self {
        Self {
            client,
            table,
            probe,
            meter: Arc::default(),
            patience: PATIENCE,
        }
    }

    /// The same table for callers who can wait longer or less long: no try begins after this time.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same table through another probe, with a meter of its own; this one counts what it costs too.
    #[must_use]
    pub fn through(&self, probe: Probe) -> Self {
        let meter = Meter {
            whole: Some(self.meter.clone()),
            ..Meter::default()
        };
        Self {
            probe,
            meter: Arc::new(meter),
            ..self.clone()
        }
    }

    /// The counted cost of the calls.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The client, for operations tools that do what no function does (scans, table descriptions).
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// One item, or `None`.
    ///
    /// # Errors
    /// [`StoreError`], also when the item has another shape.
    pub async fn get<T: DeserializeOwned>(
        &self,
        site: Site,
        key: &Key,
        read: Read,
    ) -> Result<Option<Record<T>>, StoreError> {
        let item = self.get_item(site, key, read).await?;
        item.map(|item| Record::from_item(site, item)).transpose()
    }

    /// As [`Db::get`], for items that are no [`Record`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_item(&self, site: Site, key: &Key, read: Read) -> Result<Option<Item>, StoreError> {
        self.attempt(site, || async {
            let call = self
                .client
                .get_item()
                .table_name(&self.table)
                .set_key(Some(key.attributes()));
            let answer = call
                .consistent_read(read == Read::Strong)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|e| error::from_sdk(site, &e))?;
            self.meter.count(false, answer.consumed_capacity());
            Ok(answer.item)
        })
        .await
    }

    /// The items of a range in key order, and the sort key to continue after when there are more.
    ///
    /// # Errors
    /// [`StoreError`], also when an item has another shape.
    pub async fn query<T: DeserializeOwned>(
        &self,
        site: Site,
        range: &Range,
        read: Read,
    ) -> Result<(Vec<Record<T>>, Option<String>), StoreError> {
        let (items, next) = self.query_items(site, range, read).await?;
        let records = items
            .into_iter()
            .map(|item| Record::from_item(site, item))
            .collect::<Result<_, _>>()?;
        Ok((records, next))
    }

    /// As [`Db::query`], for partitions that hold items of several shapes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn query_items(
        &self,
        site: Site,
        range: &Range,
        read: Read,
    ) -> Result<(Vec<Item>, Option<String>), StoreError> {
        let (index, pk_name, sk_name) = match range.index.map(Index::names) {
            Some((index, pk, sk)) => (Some(index), pk, sk),
            None => (None, "pk", "sk"),
        };
        // The index' start key would need the table's key too; its sort keys are unique, so a bound does.
        let from = match &range.after {
            Some(after) if index.is_some() => format!("{after}\u{1}"),
            _ => range.from.clone(),
        };
        if from > range.to {
            return Ok((Vec::new(), None));
        }
        let answer = self
            .attempt(site, || async {
                let start = range.after.as_ref().filter(|_| index.is_none()).map(|after| {
                    Key {
                        pk: range.pk.clone(),
                        sk: after.clone(),
                    }
                    .attributes()
                });
                let answer = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .set_index_name(index.map(str::to_owned))
                    .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
                    .expression_attribute_names("#pk", pk_name)
                    .expression_attribute_names("#sk", sk_name)
                    .expression_attribute_values(":pk", AttributeValue::S(range.pk.clone()))
                    .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                    .expression_attribute_values(":to", AttributeValue::S(range.to.clone()))
                    .set_exclusive_start_key(start)
                    .scan_index_forward(!range.descending)
                    .limit(range.limit)
                    // An index is never strongly consistent.
                    .consistent_read(read == Read::Strong && index.is_none())
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|e| error::from_sdk(site, &e))?;
                self.meter.count(false, answer.consumed_capacity());
                Ok(answer)
            })
            .await?;
        let next = answer.last_evaluated_key.and_then(|mut key| match key.remove(sk_name) {
            Some(AttributeValue::S(sk)) => Some(sk),
            _ => None,
        });
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// Those of the keys that exist, in no particular order. At most [`BATCH_GET_MAX`] keys, none twice.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Busy`] when the table keeps leaving keys unread.
    pub async fn batch_get<T: DeserializeOwned>(
        &self,
        site: Site,
        keys: &[Key],
        read: Read,
    ) -> Result<Vec<Record<T>>, StoreError> {
        let items = self.batch_get_items(site, keys, read).await?;
        items.into_iter().map(|item| Record::from_item(site, item)).collect()
    }

    /// As [`Db::batch_get`], for keys that items of several shapes stand under.
    ///
    /// # Errors
    /// As [`Db::batch_get`].
    pub(crate) async fn batch_get_items(&self, site: Site, keys: &[Key], read: Read) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        let mut left: Vec<_> = keys.iter().map(Key::attributes).collect();
        for round in 0..TRIES_MAX {
            if left.is_empty() {
                return Ok(found);
            }
            pause(round).await;
            let (items, unread) = self.batch_get_round(site, left, read).await?;
            found.extend(items);
            left = unread;
        }
        if left.is_empty() {
            Ok(found)
        } else {
            Err(StoreError::Busy(site))
        }
    }

    async fn batch_get_round(
        &self,
        site: Site,
        keys: Vec<Item>,
        read: Read,
    ) -> Result<(Vec<Item>, Vec<Item>), StoreError> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(read == Read::Strong)
            .build()
            .map_err(|_| StoreError::Refused {
                site,
                code: "ConstructionFailure".to_owned(),
            })?;
        let answer = self
            .attempt(site, || async {
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted.clone())
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|e| error::from_sdk(site, &e))?;
                self.meter.count(false, answer.consumed_capacity());
                Ok(answer)
            })
            .await?;
        let items = answer
            .responses
            .and_then(|mut tables| tables.remove(&self.table))
            .unwrap_or_default();
        let unread = answer
            .unprocessed_keys
            .and_then(|mut tables| tables.remove(&self.table))
            .map(|keys| keys.keys)
            .unwrap_or_default();
        Ok((items, unread))
    }

    /// Makes a call with bounded retries of transient failures, inside the fault probe.
    pub(crate) async fn attempt<T, F, Fut>(&self, site: Site, call: F) -> Result<T, StoreError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let mut last = StoreError::Busy(site);
        let started = Instant::now();
        for round in 0..TRIES_MAX {
            if round > 0 && started.elapsed() > self.patience {
                break;
            }
            pause(round).await;
            self.meter.add(|meter| &meter.requests, 1);
            if let Err(injected) = self.probe.before(site) {
                last = error::from_injected(site, injected);
                continue;
            }
            let answer = call().await;
            if let Err(injected) = self.probe.after(site) {
                last = error::from_injected(site, injected);
                continue;
            }
            match answer {
                Err(error) if error.is_transient() => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }
}

/// Waits before another round: nothing before the first, then up to 20, 40, 80 … milliseconds.
async fn pause(round: u32) {
    if round > 0 {
        let most = PAUSE_FIRST.saturating_mul(1 << (round - 1).min(8));
        let jittered = most.mul_f64(fastrand::f64());
        tokio::time::sleep(jittered).await;
    }
}

fn to_item<T: Serialize>(site: Site, record: &Record<T>) -> Result<Item, StoreError> {
    record.to_item(site)
}

impl Db {
    /// Makes one write. A failed condition is an answer, not an error: it carries the item that stood in the way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write<T: DeserializeOwned>(&self, site: Site, leg: Leg) -> Result<Written<T>, StoreError> {
        match self.write_item(site, leg).await? {
            None => Ok(Written::Done),
            Some(None) => Ok(Written::Refused(None)),
            Some(Some(item)) => Ok(Written::Refused(Some(Box::new(Record::from_item(site, item)?)))),
        }
    }

    /// As [`Db::write`], where items of several shapes may stand in the way: `None` when it is stored, else what stands there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_item(&self, site: Site, leg: Leg) -> Result<Option<Option<Item>>, StoreError> {
        match self.attempt(site, || self.write_once(site, &leg)).await? {
            Tried::Done => Ok(None),
            Tried::Refused(item) => Ok(Some(item)),
        }
    }

    /// Makes all the writes or none. At most 100 legs, no item twice.
    ///
    /// # Errors
    /// [`TransactError::Condition`] with the failed legs and the items in their way; [`TransactError::Store`] otherwise.
    pub async fn transact(&self, site: Site, legs: Vec<Leg>) -> Result<(), TransactError> {
        let items: Vec<TransactWriteItem> = legs
            .into_iter()
            .map(|leg| leg.into_transact(&self.table, site))
            .collect::<Result<_, _>>()?;
        // One token for all tries: a try whose answer was lost is not applied a second time. From the system's random
        // numbers, not from a generator seeded with clock and thread: processes that start together would draw the same.
        let token = Uuid::new_v4().simple().to_string();
        let refused = self.attempt(site, || self.transact_once(site, &items, &token)).await?;
        match refused {
            None => Ok(()),
            Some(failed) => Err(TransactError::Condition(failed)),
        }
    }

    async fn transact_once(
        &self,
        site: Site,
        items: &[TransactWriteItem],
        token: &str,
    ) -> Result<Option<Vec<write::FailedLeg>>, StoreError> {
        let answer = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items.to_vec()))
            .client_request_token(token)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        let sdk_error = match answer {
            Ok(answer) => {
                self.meter.count(true, answer.consumed_capacity.iter().flatten());
                return Ok(None);
            }
            Err(sdk_error) => sdk_error,
        };
        match sdk_error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                write::cancelled(site, cancelled.cancellation_reasons()).map(Some)
            }
            _ => Err(error::from_sdk(site, &sdk_error)),
        }
    }
}

const OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
