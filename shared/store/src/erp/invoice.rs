//! Invoices with their payments, also those that came first, and what their parties show of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{DocumentNumber, PartyId, Tenant};
use domain::money::Money;
use domain::morale::{self, InvoiceStatus};
use faults::Site;
use serde::{Deserialize, Serialize};

use super::{Committed, Kind, Revision, committed, document_key, stays};
use crate::db::{Condition, Db, Index, Key, Leg, Range, Read};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record, instant_key};
use crate::timeline::{self, Event, What, midnight};
use crate::workflow::{self, Happened, State};

/// Invoices of one page of payment morale: a page of the table holds more.
const MORALE_PAGE: i32 = 1_000;
/// Sort keys of what payment morale is folded from.
const MORALE: &str = "MORALE#";

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
pub(super) async fn invoice_legs(
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
