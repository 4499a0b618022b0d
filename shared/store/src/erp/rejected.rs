//! Documents that came by the queue and were refused.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{DocumentNumber, LookupKey, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::{Made, Record, instant_key};

/// Days for which a rejected document is listed.
const REJECTED_DAYS: i64 = 90;

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// JSON pointer of the field.
    pub pointer: String,
    /// What is wrong, for machines.
    pub code: String,
    /// What is wrong, for people, without the value.
    pub detail: String,
}

/// A document that came by the queue and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Its kind.
    pub kind: Kind,
    /// Its number, where it has a readable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<DocumentNumber>,
    /// The problem's code.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// Findings about fields.
    pub flaws: Vec<Flaw>,
    /// When it was first seen.
    pub seen_at: DateTime<Utc>,
    /// When somebody ticked it off; it stands in no list since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

fn rejected_key(tenant: &Tenant, content: &LookupKey) -> Key {
    Key {
        pk: format!("ERP#{tenant}#rejected#{content}"),
        sk: "REJECTED".to_owned(),
    }
}

/// Takes a rejected document off the list, for good: the same content that comes again does not put it back. `false` when there
/// is no such document.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when another call did it at the same time: repeat it.
pub async fn tick_off(db: &Db, tenant: &Tenant, content: &LookupKey, made: &Made) -> Result<bool, StoreError> {
    let key = rejected_key(tenant, content);
    let found: Option<Record<Rejected>> = db.get(Site::ErpRejected, &key, Read::Strong).await?;
    let Some(before) = found else { return Ok(false) };
    if before.d.done_at.is_some() {
        return Ok(true);
    }
    let mut record = Record::new(key, "erp_rejected", made, before.d.clone());
    record.created_at = before.created_at;
    record.ttl = before.ttl;
    record.d.done_at = Some(made.at);
    let site = Site::ErpRejectedDone;
    let put = Leg::put(site, &record, Some(Condition::unchanged(&before)))?;
    match db.write::<Rejected>(site, put).await? {
        Written::Done => Ok(true),
        Written::Refused(_) => Err(StoreError::Busy(site)),
    }
}

/// The id of a rejected document, from its partition key.
pub fn rejected_id(pk: &str) -> Option<LookupKey> {
    pk.rsplit('#').next()?.parse().ok()
}

fn rejected_partition(tenant: &Tenant) -> String {
    format!("ERP#{tenant}#rejected")
}

/// Lists a rejected document, once however often it comes; `content` is a keyed hash of it.
///
/// # Errors
/// [`StoreError`].
pub async fn reject(
    db: &Db,
    tenant: &Tenant,
    content: &LookupKey,
    rejected: Rejected,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let site = Site::ErpReject;
    let key = rejected_key(tenant, content);
    let mut record = Record::new(key, "erp_rejected", now, rejected);
    record.work_pk = Some(rejected_partition(tenant));
    record.work_sk = Some(format!("{}#{content}", instant_key(now)));
    let ends = now.checked_add_signed(TimeDelta::days(REJECTED_DAYS)).unwrap_or(now);
    record.ttl = Some(ends.timestamp());
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write::<Rejected>(site, put).await? {
        Written::Done | Written::Refused(_) => Ok(()),
    }
}

/// A page of the rejected documents of the last [`REJECTED_DAYS`] days, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn rejected(
    db: &Db,
    tenant: &Tenant,
    now: DateTime<Utc>,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Rejected>>, Option<String>), StoreError> {
    let first = now.checked_sub_signed(TimeDelta::days(REJECTED_DAYS)).unwrap_or(now);
    let range = Range {
        pk: rejected_partition(tenant),
        from: instant_key(first),
        to: "9\u{7f}".to_owned(),
        after,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    db.query(Site::ErpRejected, &range, Read::Eventual).await
}
