//! Orders, invoices and payments of the ERP (C4, C5, C7).
//!
//! The document of a number stands under that number, whoever its party is; what it means for the party stands in the party's
//! partition and is written in the same transaction: the order itself, what payment morale is folded from, events of the
//! timeline. An invoice's item holds its payments, also those that came first. Each image is conditioned on the version before.

mod invoice;
mod rejected;

pub use invoice::{InvoiceChange, InvoiceDocument, InvoiceState, Waiting, invoice, invoices, put_invoice, waiting};
pub use rejected::{Flaw, Rejected, reject, rejected, rejected_id, tick_off};

use chrono::NaiveDate;
use domain::id::{DocumentNumber, LookupKey, PartyId, Tenant};
use domain::money::Money;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::timeline::{self, Event, OrderStatus, What, midnight};

use invoice::invoice_legs;

/// Sort keys of a party's orders.
const ORDER: &str = "ORDER#";

/// The three kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An order.
    Order,
    /// An invoice.
    Invoice,
    /// A payment.
    Payment,
}

impl Kind {
    /// As it stands in keys and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Invoice => "invoice",
            Self::Payment => "payment",
        }
    }
}

/// Which text of a document this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The sender's count, from 1.
    pub number: u32,
    /// Keyed hash of the content.
    pub content: LookupKey,
}

/// What a document is to the one that stands under its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It is to be stored: the first, or a newer revision.
    Newer,
    /// The same.
    Same,
    /// A newer revision stands already.
    Superseded,
    /// The same revision with other content stands.
    Contradiction,
}

impl Revision {
    /// Compares this document with the one that stands.
    pub fn against(&self, standing: Option<&Self>) -> Compared {
        match standing {
            None => Compared::Newer,
            Some(standing) if *standing == *self => Compared::Same,
            Some(standing) if standing.number < self.number => Compared::Newer,
            Some(standing) if standing.number > self.number => Compared::Superseded,
            Some(_) => Compared::Contradiction,
        }
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Number of the article.
    pub article: String,
    /// Its name.
    pub text: String,
    /// Thousandths of a piece, kilogram or metre.
    pub quantity_milli: i64,
    /// What the line comes to.
    pub amount: Money,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub number: DocumentNumber,
    /// Which revision.
    pub revision: u32,
    /// Its date.
    pub date: NaiveDate,
    /// How far it is.
    pub status: OrderStatus,
    /// What it comes to.
    pub total: Money,
    /// Its lines.
    pub lines: Vec<OrderLine>,
}

/// What stands under the number of an order; the order itself is the party's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderHead {
    /// Counts the changes, from 1.
    pub version: u64,
    /// Which text.
    pub revision: Revision,
    /// Who ordered.
    pub party: PartyId,
    /// When.
    pub date: NaiveDate,
}

/// What stands under the number of a payment; the payment itself stands with its invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentHead {
    /// Counts the changes, from 1.
    pub version: u64,
    /// Which text.
    pub revision: Revision,
    /// The invoice that it pays.
    pub invoice: DocumentNumber,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Stored.
    Done,
    /// Somebody else changed it at the same time: read again.
    Stale,
}

/// The key of the document under a number.
fn document_key(tenant: &Tenant, kind: Kind, number: &DocumentNumber) -> Key {
    Key {
        pk: format!("ERP#{tenant}#{}#{number}", kind.as_str()),
        sk: "DOCUMENT".to_owned(),
    }
}

fn order_key(tenant: &Tenant, party: &PartyId, date: NaiveDate, number: &DocumentNumber) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: format!("{ORDER}{date}#{number}"),
    }
}

/// What stands under the number of an order.
///
/// # Errors
/// [`StoreError`].
pub async fn order(db: &Db, tenant: &Tenant, number: &DocumentNumber) -> Result<Option<Record<OrderHead>>, StoreError> {
    let key = document_key(tenant, Kind::Order, number);
    db.get(Site::ErpDocument, &key, Read::Strong).await
}

/// What stands under the number of a payment.
///
/// # Errors
/// [`StoreError`].
pub async fn payment(
    db: &Db,
    tenant: &Tenant,
    number: &DocumentNumber,
) -> Result<Option<Record<PaymentHead>>, StoreError> {
    let key = document_key(tenant, Kind::Payment, number);
    db.get(Site::ErpDocument, &key, Read::Strong).await
}

/// Stores an order in place of `before`, with what its party shows of it.
///
/// # Errors
/// [`StoreError`].
pub async fn put_order(
    db: &Db,
    tenant: &Tenant,
    before: Option<&Record<OrderHead>>,
    (head, order): (&OrderHead, &Order),
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::ErpCommit;
    let number = &order.number;
    let mut legs = vec![versioned_leg(
        site,
        document_key(tenant, Kind::Order, number),
        "erp_order",
        before.map(|before| (before, before.d.version)),
        head,
        made,
    )?];
    if let Some(before) = before.map(|before| &before.d)
        && (&before.party, before.date) != (&head.party, head.date)
    {
        let event = order_event(number, before.date, order);
        legs.push(Leg::Delete(order_key(tenant, &before.party, before.date, number), None));
        legs.push(Leg::Delete(timeline::key(tenant, &before.party, &event), None));
    }
    if stands(db, tenant, &head.party).await? {
        legs.push(stays(tenant, &head.party));
        let key = order_key(tenant, &head.party, head.date, number);
        let record = Record::new(key, "order", made, order.clone());
        legs.push(Leg::put(site, &record, None)?);
        let event = order_event(number, head.date, order);
        legs.push(timeline::leg(site, tenant, &head.party, &event, made)?);
    }
    committed(db.transact(site, legs).await)
}

/// Whether the party stands. Of one that was erased or merged meanwhile, only the document itself is kept.
async fn stands(db: &Db, tenant: &Tenant, party: &PartyId) -> Result<bool, StoreError> {
    match party::read(db, Site::ErpParty, tenant, party).await {
        Err(StoreError::Erased(_)) => Ok(false),
        found => Ok(found?.is_some()),
    }
}

/// Insists that the party still stands when something is written into its partition.
fn stays(tenant: &Tenant, party: &PartyId) -> Leg {
    party::stays(tenant, party)
}

fn order_event(number: &DocumentNumber, date: NaiveDate, order: &Order) -> Event {
    Event {
        at: midnight(date),
        id: number.to_string(),
        what: What::Order {
            total: order.total,
            status: order.status,
        },
    }
}

/// The image of an item whose entity counts its versions.
fn versioned_leg<T: Serialize + Clone>(
    site: Site,
    key: Key,
    entity_type: &str,
    before: Option<(&Record<T>, u64)>,
    entity: &T,
    made: &Made,
) -> Result<Leg, StoreError> {
    let mut record = Record::new(key, entity_type, made, entity.clone());
    let condition = match before {
        None => Condition::absent(),
        Some((before, version)) => {
            record.created_at = before.created_at;
            Condition::version(version)
        }
    };
    Leg::put(site, &record, Some(condition))
}

fn committed(outcome: Result<(), TransactError>) -> Result<Committed, StoreError> {
    match outcome {
        Ok(()) => Ok(Committed::Done),
        // Busy is not applied: most often another writer of the same documents.
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(Committed::Stale),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Stores a payment with the invoice that it pays, and with the one that it paid before it was corrected.
///
/// # Errors
/// [`StoreError`].
pub async fn put_payment(
    db: &Db,
    tenant: &Tenant,
    number: &DocumentNumber,
    (before, head): (Option<&Record<PaymentHead>>, &PaymentHead),
    changes: &[InvoiceChange],
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::ErpCommit;
    let mut legs = vec![versioned_leg(
        site,
        document_key(tenant, Kind::Payment, number),
        "erp_payment",
        before.map(|before| (before, before.d.version)),
        head,
        made,
    )?];
    legs.extend(invoice_legs(db, site, tenant, changes, made).await?);
    committed(db.transact(site, legs).await)
}

/// A page of a party's orders, the newest first. A position is the part of a sort key behind the prefix of all orders.
///
/// # Errors
/// [`StoreError`].
pub async fn orders(
    db: &Db,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Order>>, Option<String>), StoreError> {
    let range = Range {
        after: after.map(|after| format!("{ORDER}{after}")),
        descending: true,
        ..Range::prefix(party::partition(tenant, party), ORDER, limit)
    };
    let (orders, next) = db.query(Site::ErpOrders, &range, Read::Eventual).await?;
    Ok((orders, next.and_then(|sk| sk.strip_prefix(ORDER).map(str::to_owned))))
}
