//! Returns of goods, and the voiding of receipts.
//!
//! A return is a fact of its own. One that names its receipt is entered there in the same transaction, also before the receipt
//! has arrived: whoever posts the receipt posts its returns.

use chrono::NaiveDate;
use domain::earning::{Circumstances, CustomerFacts};
use domain::id::{ClientId, LocationId, PartyId, ProgrammeId, Tenant};
use domain::location::LocationKind;
use domain::receipt::{ContentHash, ReceiptKey};
use domain::returns::{RETURNS_MAX, Return};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError, Value};
use crate::error::StoreError;
use crate::receipt::{self, AWAITED, Awaited, RECEIPT, Standing, Voided};
use crate::record::{Made, Record, instant_key};

/// Entity type and topic of returns.
pub const RETURN: &str = "return";
/// Rounds against other returns of the same receipt.
const ROUNDS_MAX: usize = 8;

/// A return as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReturn {
    /// The business content.
    #[serde(rename = "return")]
    pub back: Return,
    /// Hash of the business content.
    pub hash: ContentHash,
    /// The programme of the location at acceptance.
    pub programme: ProgrammeId,
    /// Version of the programme at acceptance; counts when the original is not known.
    pub version: u32,
    /// The account that the card leads to, for a return that names no original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<PartyId>,
    /// How the location sold then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<LocationKind>,
    /// Segments of the customer then, for a return that names no original.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// The client that sent it.
    pub client: ClientId,
}

impl StoredReturn {
    /// What is known beside the content of a return that names no original.
    pub fn circumstances(&self) -> Circumstances {
        Circumstances {
            channel: self.channel,
            customer: self.account.as_ref().map(|_| CustomerFacts {
                first_purchase: false,
                segments: self.segments.clone(),
            }),
            day_left: None,
        }
    }
}

/// What became of storing a return.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// Stored now.
    New,
    /// Another return, or the same one, stands under the key.
    Known(Box<Record<StoredReturn>>),
    /// The original has as many returns as it can have.
    TooMany,
}

fn partition(tenant: &Tenant, store: &LocationId, date: NaiveDate) -> String {
    format!("RECEIPT#{tenant}#{store}#{date}#returns")
}

/// The key of a return.
pub fn key(tenant: &Tenant, back: &ReceiptKey) -> Key {
    Key {
        pk: partition(tenant, &back.store, back.business_date),
        sk: format!("{}~{}", back.till, back.number),
    }
}

/// Stores a return, and enters it at its original.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when other returns of the receipt kept coming in between.
pub async fn accept(
    db: &Db,
    tenant: &Tenant,
    stored: StoredReturn,
    made: impl Into<Made>,
) -> Result<Accepted, StoreError> {
    let (made, site) = (made.into(), Site::IngestReturn);
    let (back, original) = (stored.back.key.clone(), stored.back.original.clone());
    let mut record = Record::new(key(tenant, &back), RETURN, &made, stored);
    record.topics = record.d.account.is_some().then(|| RETURN.to_owned());
    for _ in 0..ROUNDS_MAX {
        let mut legs = vec![Leg::put(site, &record, Some(Condition::absent()))?];
        if let Some(original) = &original {
            let standing = receipt::standing(db, Site::IngestOriginal, tenant, original, Read::Strong).await?;
            let Some(leg) = enter(tenant, original, standing, &back, &made)? else {
                return already(db, tenant, &back).await;
            };
            legs.push(leg);
        }
        match db.transact(site, legs).await {
            Ok(()) => return Ok(Accepted::New),
            Err(TransactError::Store(error)) => return Err(error),
            Err(TransactError::Condition(failed)) => {
                let known = failed.into_iter().find(|leg| leg.index == 0).and_then(|leg| leg.item);
                if let Some(item) = known {
                    return Ok(Accepted::Known(Box::new(Record::from_item(site, item)?)));
                }
            }
        }
    }
    Err(StoreError::Busy(site))
}

/// The original is full, perhaps with this very return.
async fn already(db: &Db, tenant: &Tenant, back: &ReceiptKey) -> Result<Accepted, StoreError> {
    let known = read(db, Site::IngestOriginal, tenant, back).await?;
    Ok(known.map_or(Accepted::TooMany, |record| Accepted::Known(Box::new(record))))
}

/// The leg that enters a return at its original; `None` when that has as many as it can have.
fn enter(
    tenant: &Tenant,
    original: &ReceiptKey,
    standing: Option<Standing>,
    back: &ReceiptKey,
    made: &Made,
) -> Result<Option<Leg>, StoreError> {
    let full = |returns: &[ReceiptKey]| returns.len() >= RETURNS_MAX;
    match standing {
        Some(Standing::Receipt(record)) if full(&record.d.returns) => Ok(None),
        Some(Standing::Awaited(record)) if full(&record.d.returns) => Ok(None),
        Some(Standing::Receipt(_)) => Ok(Some(append(tenant, original, back, made))),
        other => {
            let awaited = match other {
                Some(Standing::Awaited(record)) => record.d,
                _ => Awaited::default(),
            };
            let mut after = awaited.clone();
            after.returns.push(back.clone());
            await_receipt(tenant, original, &awaited, after, made).map(Some)
        }
    }
}

/// Puts what is known of a receipt that has not arrived.
fn await_receipt(
    tenant: &Tenant,
    original: &ReceiptKey,
    before: &Awaited,
    mut after: Awaited,
    made: &Made,
) -> Result<Leg, StoreError> {
    after.version = before.version.saturating_add(1);
    let condition = match before.version {
        0 => Condition::absent(),
        version => Condition::version(version),
    };
    let record = Record::new(receipt::key(tenant, original), AWAITED, made, after);
    Leg::put(Site::IngestReturn, &record, Some(condition))
}

/// Appends a return to its receipt, which makes the receipt be posted again.
fn append(tenant: &Tenant, original: &ReceiptKey, back: &ReceiptKey, made: &Made) -> Leg {
    let update =
        Condition::new("SET #d.#returns = list_append(if_not_exists(#d.#returns, :none), :return), #updated = :now")
            .name("#d", "d")
            .name("#returns", "returns")
            .name("#updated", "updated_at")
            .name("#et", "et")
            .value(":none", Value::List(Vec::new()))
            .value(":return", Value::List(vec![back.to_string()]))
            .value(":now", Value::Text(instant_key(made.at)))
            .value(":receipt", Value::Text(RECEIPT.to_owned()))
            .value(":most", Value::Integer(i64::try_from(RETURNS_MAX).unwrap_or(i64::MAX)));
    let condition = "#et = :receipt AND (attribute_not_exists(#d.#returns) OR size(#d.#returns) < :most)";
    Leg::Update(receipt::key(tenant, original), update, Some(condition.to_owned()))
}

/// What became of voiding a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voiding {
    /// It is voided now.
    Now,
    /// It was before.
    Before,
}

/// Voids a receipt, also before it has arrived.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when other changes of the receipt kept coming in between.
pub async fn void(
    db: &Db,
    tenant: &Tenant,
    receipt: &ReceiptKey,
    voided: Voided,
    made: impl Into<Made>,
) -> Result<Voiding, StoreError> {
    let made = made.into();
    for _ in 0..ROUNDS_MAX {
        let leg = match receipt::standing(db, Site::IngestOriginal, tenant, receipt, Read::Strong).await? {
            Some(Standing::Receipt(record)) if record.d.voided.is_some() => return Ok(Voiding::Before),
            Some(Standing::Awaited(record)) if record.d.voided.is_some() => return Ok(Voiding::Before),
            Some(Standing::Receipt(_)) => strike(tenant, receipt, &voided, &made),
            other => {
                let awaited = match other {
                    Some(Standing::Awaited(record)) => record.d,
                    _ => Awaited::default(),
                };
                let after = Awaited {
                    voided: Some(voided.clone()),
                    ..awaited.clone()
                };
                await_receipt(tenant, receipt, &awaited, after, &made)?
            }
        };
        match db.transact(Site::IngestVoid, vec![leg]).await {
            Ok(()) => return Ok(Voiding::Now),
            Err(TransactError::Condition(_)) => {}
            Err(TransactError::Store(error)) => return Err(error),
        }
    }
    Err(StoreError::Busy(Site::IngestVoid))
}

/// Marks a receipt as voided, which makes it be posted again.
fn strike(tenant: &Tenant, receipt: &ReceiptKey, voided: &Voided, made: &Made) -> Leg {
    let update = Condition::new("SET #d.#voided = :voided, #updated = :now")
        .name("#d", "d")
        .name("#voided", "voided")
        .name("#updated", "updated_at")
        .name("#et", "et")
        .value(
            ":voided",
            Value::Map(vec![
                ("at".to_owned(), instant_key(voided.at)),
                ("client".to_owned(), voided.client.to_string()),
            ]),
        )
        .value(":now", Value::Text(instant_key(made.at)))
        .value(":receipt", Value::Text(RECEIPT.to_owned()));
    let condition = "#et = :receipt AND attribute_not_exists(#d.#voided)";
    Leg::Update(receipt::key(tenant, receipt), update, Some(condition.to_owned()))
}

/// A return, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    back: &ReceiptKey,
) -> Result<Option<Record<StoredReturn>>, StoreError> {
    db.get(site, &key(tenant, back), Read::Strong).await
}

/// Those of the returns that are stored, in the order of `keys`.
///
/// # Errors
/// [`StoreError`].
pub async fn read_all(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    keys: &[ReceiptKey],
) -> Result<Vec<StoredReturn>, StoreError> {
    let wanted: Vec<_> = keys.iter().map(|back| key(tenant, back)).collect();
    let mut found: Vec<StoredReturn> = db
        .batch_get::<StoredReturn>(site, &wanted, Read::Strong)
        .await?
        .into_iter()
        .map(|record| record.d)
        .collect();
    found.sort_by_key(|stored| keys.iter().position(|key| *key == stored.back.key));
    Ok(found)
}

/// The returns that a location took on a day, in pages; `after` is the sort key to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn of_day(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    store: &LocationId,
    date: NaiveDate,
    after: Option<String>,
) -> Result<(Vec<Record<StoredReturn>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant, store, date), "", 500);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Eventual).await
}
