//! Receipts under their natural key, and the stamp that ties one to an account for ever.

use chrono::NaiveDate;
use domain::id::{ClientId, LocationId, LookupKey, PartyId, ProgrammeId, Tenant};
use domain::receipt::{ContentHash, Receipt, ReceiptKey};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::card;
use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError, Value, Written};
use crate::error::StoreError;
use crate::record::{Made, Record, instant_key};

/// Entity type and topic of receipts.
pub const RECEIPT: &str = "receipt";

/// A receipt as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReceipt {
    /// The business content.
    pub receipt: Receipt,
    /// Hash of the business content.
    pub hash: ContentHash,
    /// Version of the hash's rules.
    pub hash_version: u32,
    /// The programme of the location at acceptance.
    pub programme: ProgrammeId,
    /// Points expected at acceptance, under `expected_version`.
    pub expected_points: i64,
    /// Version of the programme at acceptance.
    pub expected_version: u32,
    /// The account: stamped once, at acceptance or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<PartyId>,
    /// The client that sent it.
    pub client: ClientId,
}

impl StoredReceipt {
    /// Whether the receipt makes work: an account to post to, or vouchers to match.
    fn topics(&self) -> Option<String> {
        let works = self.account.is_some() || self.receipt.vouchers().next().is_some();
        works.then(|| RECEIPT.to_owned())
    }
}

/// What became of storing a receipt.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// Stored now.
    New,
    /// Another receipt, or the same one, stands under the key.
    Known(Box<Record<StoredReceipt>>),
    /// The card found an owner in the meantime: look it up again.
    CardMoved,
}

/// The key of a receipt.
pub fn key(tenant: &Tenant, receipt: &ReceiptKey) -> Key {
    Key {
        pk: partition(tenant, &receipt.store, receipt.business_date),
        sk: format!("{}~{}", receipt.till, receipt.number),
    }
}

fn partition(tenant: &Tenant, store: &LocationId, date: NaiveDate) -> String {
    format!("RECEIPT#{tenant}#{store}#{date}")
}

/// Stores a receipt with one conditional write. One that waits for its card is entered there in the same transaction, on
/// condition that the card still leads nowhere: a registration at the same moment finds the receipt, or we find the owner.
///
/// # Errors
/// [`StoreError`].
pub async fn accept(
    db: &Db,
    tenant: &Tenant,
    stored: StoredReceipt,
    waits_for: Option<&LookupKey>,
    made: impl Into<Made>,
) -> Result<Accepted, StoreError> {
    let made = made.into();
    let now = made.at;
    let site = Site::IngestReceipt;
    let topics = stored.topics();
    let receipt_key = stored.receipt.key.clone();
    let mut record = Record::new(key(tenant, &receipt_key), RECEIPT, made, stored);
    record.topics = topics;
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    let Some(card) = waits_for else {
        return Ok(match db.write(site, put).await? {
            Written::Done => Accepted::New,
            Written::Refused(Some(known)) => Accepted::Known(known),
            Written::Refused(None) => return Err(StoreError::Unknown(site)),
        });
    };
    let parked = Record::new(
        card::parked_key(tenant, card, &receipt_key),
        "parked",
        now,
        card::Parked { receipt: receipt_key },
    );
    let legs = vec![put, Leg::put(site, &parked, None)?, card::leads_nowhere(tenant, card)];
    match db.transact(site, legs).await {
        Ok(()) => Ok(Accepted::New),
        Err(TransactError::Store(error)) => Err(error),
        Err(TransactError::Condition(failed)) => {
            let known = failed.into_iter().find(|leg| leg.index == 0).and_then(|leg| leg.item);
            match known {
                Some(item) => Ok(Accepted::Known(Box::new(Record::from_item(site, item)?))),
                None => Ok(Accepted::CardMoved),
            }
        }
    }
}

/// A receipt, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    receipt: &ReceiptKey,
    read: Read,
) -> Result<Option<Record<StoredReceipt>>, StoreError> {
    db.get(site, &key(tenant, receipt), read).await
}

/// What became of a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamped {
    /// The receipt belongs to the account now.
    Now,
    /// It belonged to an account before, perhaps this one.
    Before,
}

/// Stamps the account on a receipt that has none, and takes it off the list of its card.
///
/// # Errors
/// [`StoreError`].
pub async fn stamp(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    receipt: &Receipt,
    account: &PartyId,
    made: impl Into<Made>,
) -> Result<Stamped, StoreError> {
    let Made { at, by } = made.into();
    let mut update = Condition::new("SET #d.#account = :account, #topics = :topics, #updated = :now")
        .name("#d", "d")
        .name("#account", "account")
        .name("#topics", "topics")
        .name("#updated", "updated_at")
        .value(":account", Value::Text(account.to_string()))
        .value(":topics", Value::Text(RECEIPT.to_owned()))
        .value(":now", Value::Text(instant_key(at)));
    if let Some(by) = by {
        update = update
            .expression("SET #d.#account = :account, #topics = :topics, #updated = :now, #by = :by".to_owned())
            .name("#by", "by")
            .value(":by", Value::Text(by.into()));
    }
    let unstamped = "attribute_exists(pk) AND attribute_not_exists(#d.#account)".to_owned();
    let mut legs = vec![Leg::Update(key(tenant, &receipt.key), update, Some(unstamped))];
    legs.extend(
        receipt
            .card
            .iter()
            .map(|card| Leg::Delete(card::parked_key(tenant, card, &receipt.key), None)),
    );
    match db.transact(site, legs).await {
        Ok(()) => Ok(Stamped::Now),
        Err(TransactError::Condition(_)) => Ok(Stamped::Before),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// The receipts of a location on a day, in pages; `after` is the sort key to continue after.
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
) -> Result<(Vec<Record<StoredReceipt>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant, store, date), "", 500);
    range.from = " ".to_owned();
    range.after = after;
    db.query(site, &range, Read::Eventual).await
}
