//! Receipts under their natural key, and the stamp that ties one to an account for ever.

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Cause, Entry};
use domain::earning::{Circumstances, CustomerFacts};
use domain::id::{ClientId, LocationId, LookupKey, PartyId, ProgrammeId, Tenant};
use domain::location::LocationKind;
use domain::receipt::{ContentHash, Receipt, ReceiptKey};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::card;
use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError, Value};
use crate::error::StoreError;
use crate::record::{Item, Made, Record, instant_key};

/// Entity type and topic of receipts.
pub const RECEIPT: &str = "receipt";
/// Entity type of what is known of a receipt before it arrives.
pub const AWAITED: &str = "awaited_receipt";
/// How often a receipt can be counted again.
pub const RECOUNTS_MAX: usize = 20;
/// Rounds of an acceptance against returns that arrive at the same moment.
const ROUNDS_MAX: usize = 8;

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
    /// How the location sold then; unknown for receipts stored before rules could ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<LocationKind>,
    /// Segments of the customer at acceptance, when the receipt belonged to one then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// Returns of its goods, in the order of their arrival; at most [`domain::returns::RETURNS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<ReceiptKey>,
    /// Names of the entries that counted it again, in their order; at most [`RECOUNTS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recounts: Vec<String>,
    /// When and by whom it was voided, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided: Option<Voided>,
}

/// The voiding of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voided {
    /// When.
    pub at: DateTime<Utc>,
    /// The client that asked for it.
    pub client: ClientId,
}

/// What is known of a receipt before it arrives: it stands under the receipt's key, which is how the receipt meets it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// Counts the changes, from 1.
    pub version: u64,
    /// Returns of its goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<ReceiptKey>,
    /// Its voiding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided: Option<Voided>,
}

/// What stands under the key of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The receipt.
    Receipt(Box<Record<StoredReceipt>>),
    /// What is known of it before it arrives.
    Awaited(Box<Record<Awaited>>),
}

impl Standing {
    /// Reads an item that stands under the key of a receipt.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub(crate) fn of(site: Site, item: Item) -> Result<Self, StoreError> {
        let awaited = item
            .get("et")
            .and_then(|et| et.as_s().ok())
            .is_some_and(|et| et == AWAITED);
        if awaited {
            Ok(Self::Awaited(Box::new(Record::from_item(site, item)?)))
        } else {
            Ok(Self::Receipt(Box::new(Record::from_item(site, item)?)))
        }
    }

    /// Whether the receipt was voided, be it before it came.
    pub fn is_voided(&self) -> bool {
        match self {
            Self::Receipt(record) => record.d.voided.is_some(),
            Self::Awaited(record) => record.d.voided.is_some(),
        }
    }

    fn receipt(self) -> Option<Record<StoredReceipt>> {
        match self {
            Self::Receipt(record) => Some(*record),
            Self::Awaited(_) => None,
        }
    }
}

impl StoredReceipt {
    /// Whether the receipt makes work: an account to post to, or vouchers to match.
    fn topics(&self) -> Option<String> {
        let works = self.account.is_some() || self.receipt.vouchers().next().is_some();
        works.then(|| RECEIPT.to_owned())
    }

    /// What is known beside the content, with what only the account can tell.
    pub fn circumstances(&self, first_purchase: bool, day_left: Option<i64>) -> Circumstances {
        Circumstances {
            channel: self.channel,
            customer: self.account.as_ref().map(|_| CustomerFacts {
                first_purchase,
                segments: self.segments.clone(),
            }),
            day_left,
        }
    }

    /// What its entry was counted with.
    pub fn counted_with(&self, sale: &Entry) -> Circumstances {
        match sale.cause {
            Cause::Receipt {
                first_purchase,
                day_left,
                ..
            } => self.circumstances(first_purchase, day_left),
            _ => self.circumstances(false, None),
        }
    }

    /// How many returns and voidings there are to be posted.
    pub fn taken_back(&self) -> usize {
        self.returns.len().saturating_add(usize::from(self.voided.is_some()))
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
    let site = Site::IngestReceipt;
    let topics = stored.topics();
    let receipt_key = stored.receipt.key.clone();
    let mut record = Record::new(key(tenant, &receipt_key), RECEIPT, &made, stored);
    record.topics = topics;
    let mut condition = Condition::absent();
    for _ in 0..ROUNDS_MAX {
        let put = Leg::put(site, &record, Some(condition))?;
        let standing = match try_accept(db, tenant, &receipt_key, put, waits_for, &made).await? {
            Tried::Stored => return Ok(Accepted::New),
            Tried::CardMoved => return Ok(Accepted::CardMoved),
            Tried::Met(item) => Standing::of(site, item)?,
        };
        match standing {
            Standing::Receipt(known) => return Ok(Accepted::Known(known)),
            Standing::Awaited(awaited) => {
                condition = Condition::version(awaited.d.version);
                record.d.returns = awaited.d.returns;
                record.d.voided = awaited.d.voided;
            }
        }
    }
    Err(StoreError::Busy(site))
}

/// What became of one round of an acceptance.
enum Tried {
    Stored,
    CardMoved,
    /// Something stands under the key.
    Met(Item),
}

async fn try_accept(
    db: &Db,
    tenant: &Tenant,
    receipt: &ReceiptKey,
    put: Leg,
    waits_for: Option<&LookupKey>,
    made: &Made,
) -> Result<Tried, StoreError> {
    let site = Site::IngestReceipt;
    let Some(card) = waits_for else {
        return Ok(match db.write_item(site, put).await? {
            None => Tried::Stored,
            Some(Some(item)) => Tried::Met(item),
            // It went away between the write and the answer, as what awaits a receipt does not.
            Some(None) => return Err(StoreError::Unknown(site)),
        });
    };
    let parked = card::Parked {
        receipt: receipt.clone(),
    };
    let parked = Record::new(card::parked_key(tenant, card, receipt), "parked", made.at, parked);
    let legs = vec![put, Leg::put(site, &parked, None)?, card::leads_nowhere(tenant, card)];
    match db.transact(site, legs).await {
        Ok(()) => Ok(Tried::Stored),
        Err(TransactError::Store(error)) => Err(error),
        Err(TransactError::Condition(failed)) => {
            let met = failed.into_iter().find(|leg| leg.index == 0).and_then(|leg| leg.item);
            Ok(met.map_or(Tried::CardMoved, Tried::Met))
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
    Ok(standing(db, site, tenant, receipt, read)
        .await?
        .and_then(Standing::receipt))
}

/// What stands under the key of a receipt: it, or what is known of it before it arrives.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    receipt: &ReceiptKey,
    read: Read,
) -> Result<Option<Standing>, StoreError> {
    let item = db.get_item(site, &key(tenant, receipt), read).await?;
    item.map(|item| Standing::of(site, item)).transpose()
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

/// The leg that notes on a receipt that it was counted again.
pub(crate) fn recounted_leg(tenant: &Tenant, receipt: &ReceiptKey, entry: &str) -> Leg {
    let update = Condition::new("SET #d.#recounts = list_append(if_not_exists(#d.#recounts, :none), :entry)")
        .name("#d", "d")
        .name("#recounts", "recounts")
        .name("#et", "et")
        .value(":none", Value::List(Vec::new()))
        .value(":entry", Value::List(vec![entry.to_owned()]))
        .value(":receipt", Value::Text(RECEIPT.to_owned()))
        .value(":most", Value::Integer(i64::try_from(RECOUNTS_MAX).unwrap_or(i64::MAX)));
    let condition = "#et = :receipt AND (attribute_not_exists(#d.#recounts) OR size(#d.#recounts) < :most)";
    Leg::Update(key(tenant, receipt), update, Some(condition.to_owned()))
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
    let (items, next) = db.query_items(site, &range, Read::Eventual).await?;
    let receipts: Vec<Option<_>> = items
        .into_iter()
        .map(|item| Ok(Standing::of(site, item)?.receipt()))
        .collect::<Result<_, StoreError>>()?;
    Ok((receipts.into_iter().flatten().collect(), next))
}
