//! Orders, invoices and payments of the ERP (C4, C5, C7).
//!
//! The document of a number stands under that number, whoever its party is; what it means for the party stands in the party's
//! partition and is written in the same transaction: the order itself, what payment morale is folded from, events of the
//! timeline. An invoice's item holds its payments, also those that came first. Each image is conditioned on the version before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::id::{DocumentNumber, LookupKey, PartyId, Tenant};
use domain::money::Money;
use domain::morale::{self, InvoiceStatus};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError, Written};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record, instant_key};
use crate::timeline::{self, Event, OrderStatus, What, midnight};
use crate::workflow::{self, Happened, State};

/// Days for which a rejected document is listed.
const REJECTED_DAYS: i64 = 90;
/// Invoices of one page of payment morale: a page of the table holds more.
const MORALE_PAGE: i32 = 1_000;
/// Sort keys of what payment morale is folded from.
const MORALE: &str = "MORALE#";
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

/// What stands under the number of an invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceState {
    /// Counts the changes, from 1; 0 before the first.
    pub version: u64,
    /// The invoice; none while only payments have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<InvoiceDocument>,
    /// Its payments by their numbers.
    pub payments: Vec<morale::Payment>,
}

/// An invoice without its payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceDocument {
    /// Which text.
    pub revision: Revision,
    /// Who is to pay.
    pub party: PartyId,
    /// Its date.
    pub date: NaiveDate,
    /// Until when it is to be paid.
    pub due: NaiveDate,
    /// What is to be paid.
    pub total: Money,
    /// How often it was reminded.
    pub dunning_level: u8,
    /// What the sender says.
    pub status: InvoiceStatus,
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

/// What stands under the number of an invoice.
///
/// # Errors
/// [`StoreError`].
pub async fn invoice(
    db: &Db,
    tenant: &Tenant,
    number: &DocumentNumber,
) -> Result<Option<Record<InvoiceState>>, StoreError> {
    let key = document_key(tenant, Kind::Invoice, number);
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

/// A change of an invoice's item.
#[derive(Debug, Clone)]
pub struct InvoiceChange {
    /// Its number.
    pub number: DocumentNumber,
    /// As it was read; `None` when nothing stood there.
    pub before: Option<Record<InvoiceState>>,
    /// As it is to be.
    pub after: InvoiceState,
}

impl InvoiceChange {
    /// A change of what was read, under the next version.
    pub fn of(
        number: &DocumentNumber,
        before: Option<Record<InvoiceState>>,
        change: impl FnOnce(&mut InvoiceState),
    ) -> Self {
        let mut after = before.as_ref().map(|before| before.d.clone()).unwrap_or_default();
        change(&mut after);
        after.payments.sort_by(|a, b| a.number.cmp(&b.number));
        after.version = after.version.saturating_add(1);
        Self {
            number: number.clone(),
            before,
            after,
        }
    }

    /// The image. While only payments have come it stands in the list of those that wait for their invoice, by when the first
    /// of them came.
    fn leg(&self, site: Site, tenant: &Tenant, made: &Made) -> Result<Leg, StoreError> {
        let key = document_key(tenant, Kind::Invoice, &self.number);
        let mut record = Record::new(key, "erp_invoice", made, self.after.clone());
        let condition = match &self.before {
            None => Condition::absent(),
            Some(before) => {
                record.created_at = before.created_at;
                Condition::version(before.d.version)
            }
        };
        if self.after.document.is_none() && !self.after.payments.is_empty() {
            record.work_pk = Some(waiting_partition(tenant));
            record.work_sk = Some(format!("{}#{}", instant_key(record.created_at), self.number));
        }
        Leg::put(site, &record, Some(condition))
    }
}

/// The legs of changed invoices and of what their parties show of them. A payment that moves between two invoices of a party
/// is one item there, so the changes are taken together: a transaction names no item twice.
async fn invoice_legs(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    changes: &[InvoiceChange],
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let documents = changes.iter().filter_map(|change| change.after.document.as_ref());
    let parties: BTreeSet<_> = documents.map(|document| &document.party).collect();
    let (mut standing, mut erased) = (BTreeSet::new(), BTreeSet::new());
    for party in parties {
        match party::standing(db, Site::ErpParty, tenant, party).await? {
            Some(party::Standing::Party(_)) => standing.insert(party),
            Some(party::Standing::Erased(_)) => erased.insert(party),
            None => false,
        };
    }
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    let mut legs = Vec::new();
    for change in changes {
        legs.push(change.leg(site, tenant, made)?);
        if let Some(known) = &change.before {
            let new = change.after.document.as_ref().map(|document| &document.party);
            let old = known.d.document.as_ref().map(|document| &document.party);
            // What an erased party keeps of its invoices stays as it is.
            if old != new || !old.is_some_and(|party| erased.contains(party)) {
                before.extend(shown(tenant, &change.number, &known.d));
            }
        }
        let document = change.after.document.as_ref();
        if let Some(document) = document.filter(|document| standing.contains(&document.party)) {
            after.extend(shown(tenant, &change.number, &change.after));
            let happened = happened(&change.number, &change.after, document);
            legs.extend(workflow::leg(site, (tenant, &document.party), happened, made)?);
        }
    }
    legs.extend(standing.into_iter().map(|party| stays(tenant, party)));
    for key in before.keys().filter(|key| !after.contains_key(key)) {
        legs.push(Leg::Delete(key.clone(), None));
    }
    for (key, shown) in after.into_iter().filter(|(key, shown)| before.get(key) != Some(shown)) {
        legs.push(shown.leg(site, key, made)?);
    }
    Ok(legs)
}

/// What workflows look at.
fn happened(number: &DocumentNumber, state: &InvoiceState, document: &InvoiceDocument) -> Happened {
    Happened {
        id: number.to_string(),
        version: state.version,
        state: State::Invoice {
            status: document.status,
            total: document.total,
            open_minor: facts(number, state, document).open_minor(),
            dunning_level: document.dunning_level,
            due: document.due,
        },
    }
}

/// An invoice with its payments.
fn facts(number: &DocumentNumber, state: &InvoiceState, document: &InvoiceDocument) -> morale::Invoice {
    morale::Invoice {
        number: number.clone(),
        date: document.date,
        due: document.due,
        total: document.total,
        dunning_level: document.dunning_level,
        status: document.status,
        payments: state.payments.clone(),
    }
}

/// What a party's partition shows of an invoice and its payments.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Facts(morale::Invoice),
    Event(Event),
}

impl Shown {
    fn leg(self, site: Site, key: Key, made: &Made) -> Result<Leg, StoreError> {
        match self {
            Self::Facts(facts) => Leg::put(site, &Record::new(key, "morale", made, facts), None),
            Self::Event(event) => Leg::put(site, &Record::new(key, "timeline", made, event), None),
        }
    }
}

/// The items that a state of an invoice makes in its party's partition; none while nobody knows the party.
fn shown(tenant: &Tenant, number: &DocumentNumber, state: &InvoiceState) -> BTreeMap<Key, Shown> {
    let Some(document) = &state.document else {
        return BTreeMap::new();
    };
    let party = &document.party;
    let facts = facts(number, state, document);
    let key = Key {
        pk: party::partition(tenant, party),
        sk: format!("{MORALE}{}#{number}", document.date),
    };
    let invoice = Event {
        at: midnight(document.date),
        id: number.to_string(),
        what: What::Invoice {
            total: document.total,
            due: document.due,
            dunning_level: document.dunning_level,
            status: document.status,
        },
    };
    let payments = state.payments.iter().map(|payment| Event {
        at: midnight(payment.date),
        id: payment.number.to_string(),
        what: What::Payment {
            invoice: number.clone(),
            amount: payment.amount,
        },
    });
    let events = std::iter::once(invoice).chain(payments);
    events
        .map(|event| (timeline::key(tenant, party, &event), Shown::Event(event)))
        .chain([(key, Shown::Facts(facts))])
        .collect()
}

/// Stores an invoice's item with what its party shows of it.
///
/// # Errors
/// [`StoreError`].
pub async fn put_invoice(
    db: &Db,
    tenant: &Tenant,
    change: &InvoiceChange,
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::ErpCommit;
    let legs = invoice_legs(db, site, tenant, std::slice::from_ref(change), made).await?;
    committed(db.transact(site, legs).await)
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

/// The invoices of a party that its payment morale of a day is folded from, the newest first, and whether these are all. At
/// most `pages` pages of [`MORALE_PAGE`] are read.
///
/// # Errors
/// [`StoreError`].
pub async fn invoices(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    as_of: NaiveDate,
    pages: usize,
) -> Result<(Vec<morale::Invoice>, bool), StoreError> {
    let mut range = Range {
        // From the first: what is still open counts however old it is.
        from: MORALE.to_owned(),
        to: format!("{MORALE}{as_of}\u{7f}"),
        descending: true,
        ..Range::prefix(party::partition(tenant, party), MORALE, MORALE_PAGE)
    };
    let mut found = Vec::new();
    for _ in 0..pages {
        let (page, next) = db.query::<morale::Invoice>(site, &range, Read::Eventual).await?;
        found.extend(page.into_iter().map(|record| record.d));
        if next.is_none() {
            return Ok((found, true));
        }
        range.after = next;
    }
    Ok((found, false))
}

fn waiting_partition(tenant: &Tenant) -> String {
    format!("ERP#{tenant}#waiting")
}

/// Payments that wait for their invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The invoice that has not come.
    pub invoice: DocumentNumber,
    /// When the first of them came.
    pub since: DateTime<Utc>,
    /// The payments, at most [`morale::PAYMENTS_MAX`].
    pub payments: Vec<morale::Payment>,
}

/// A page of the payments that wait for their invoice, the longest waiting first.
///
/// # Errors
/// [`StoreError`].
pub async fn waiting(
    db: &Db,
    tenant: &Tenant,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Waiting>, Option<String>), StoreError> {
    let range = Range {
        pk: waiting_partition(tenant),
        from: "0".to_owned(),
        to: "9\u{7f}".to_owned(),
        after,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    let (found, next) = db
        .query::<InvoiceState>(Site::ErpWaiting, &range, Read::Eventual)
        .await?;
    let waits = |record: Record<InvoiceState>| {
        let invoice = record.pk.rsplit('#').next()?.parse().ok()?;
        Some(Waiting {
            invoice,
            since: record.created_at,
            payments: record.d.payments,
        })
    };
    Ok((found.into_iter().filter_map(waits).collect(), next))
}

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
