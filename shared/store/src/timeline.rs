//! What happened with a party beside its ledger: orders, invoices, payments, communication, tasks, cases, opportunities (D4).
//!
//! The items sort by their instant, so that one query shows the newest. Each is written in the transaction of what it tells of.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::id::{DocumentNumber, PartyId, ProgrammeId, RunName, Tenant};
use domain::money::Money;
use domain::morale::InvoiceStatus;
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};

/// Sort keys begin with this.
pub const PREFIX: &str = "TIMELINE#";
/// Entity type of its items.
const TIMELINE: &str = "timeline";
/// Entity type of letters that were sent: campaigns look for them among everything.
pub(crate) const SENT_LETTER: &str = "sent_letter";
/// Letters of one page, and most pages, when they are counted.
const LETTERS_PAGE: i32 = 1_000;
const LETTERS_PAGES_MAX: usize = 5;

/// How somebody spoke or wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By phone.
    Call,
    /// By e-mail.
    Email,
    /// By letter.
    Letter,
    /// In person.
    Visit,
    /// In another way.
    Other,
}

/// Who began it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The party.
    Inbound,
    /// We.
    Outbound,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Not delivered yet, or in part.
    Open,
    /// Delivered.
    Delivered,
    /// Called off.
    Cancelled,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The party ordered.
    Order {
        /// What it comes to.
        total: Money,
        /// How far it is.
        status: OrderStatus,
    },
    /// The party got an invoice.
    Invoice {
        /// What is to be paid.
        total: Money,
        /// Until when.
        due: NaiveDate,
        /// How often it was reminded.
        dunning_level: u8,
        /// What the sender says.
        status: InvoiceStatus,
    },
    /// The party paid, or took a payment back.
    Payment {
        /// The invoice.
        invoice: DocumentNumber,
        /// The amount.
        amount: Money,
    },
    /// Somebody spoke or wrote.
    Communication {
        /// How.
        channel: Channel,
        /// Who began.
        direction: Direction,
        /// What about.
        subject: Secret,
        /// What was said.
        text: Secret,
    },
    /// A task about the party.
    Task {
        /// What is to be done.
        title: Secret,
        /// How far it is.
        status: String,
    },
    /// A letter of a campaign was sent.
    Letter {
        /// The run that wrote it.
        run: RunName,
        /// What the campaign is called.
        campaign: String,
        /// The programme of the campaign; letters that were noted before it was kept have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        programme: Option<ProgrammeId>,
        /// Printing and postage in minor units of the programme's currency.
        cost_minor: i64,
    },
    /// A case about the party.
    Case {
        /// What about.
        title: Secret,
        /// How far it is.
        status: String,
    },
}

impl What {
    /// As it stands in keys.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Order { .. } => "order",
            Self::Invoice { .. } => "invoice",
            Self::Payment { .. } => "payment",
            Self::Communication { .. } => "communication",
            Self::Task { .. } => "task",
            Self::Case { .. } => "case",
            Self::Letter { .. } => "letter",
        }
    }
}

/// Something that happened. `Debug` does not show it: it may name somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When; a day begins at midnight UTC. Not before 1970.
    pub at: DateTime<Utc>,
    /// Its id or number within its kind: characters of keys only.
    pub id: String,
    /// What.
    pub what: What,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("at", &self.at)
            .field("kind", &self.what.kind())
            .finish_non_exhaustive()
    }
}

/// The instant at which a day begins.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// The key of an event.
pub fn key(tenant: &Tenant, party: &PartyId, event: &Event) -> Key {
    let millis = event.at.timestamp_millis().max(0);
    Key {
        pk: party::partition(tenant, party),
        sk: format!("{PREFIX}{millis:013}#{}#{}", event.what.kind(), event.id),
    }
}

/// The leg that stores an event, or its newer image.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn leg(site: Site, tenant: &Tenant, party: &PartyId, event: &Event, made: &Made) -> Result<Leg, StoreError> {
    let record = Record::new(key(tenant, party, event), TIMELINE, made, event.clone());
    Leg::put(site, &record, None)
}

/// Notes a letter of a campaign that was sent, with a party that is not erased; `false` when there is no such party any more.
/// Whoever notes it again notes the same.
///
/// # Errors
/// [`StoreError`].
pub async fn note_letter(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    event: &Event,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let record = Record::new(key(tenant, party, event), SENT_LETTER, now, event.clone());
    let legs = vec![Leg::put(site, &record, None)?, party::stays(tenant, party)];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// When a letter of a programme was sent and what it has cost in minor units of the programme's currency; `None` for another
/// programme's and for another event. A letter that was noted without its programme counts in each: to leave it out would send more
/// letters than the score allows, and it is out of every window after some years.
pub fn letter(event: &Event, programme: &ProgrammeId) -> Option<(DateTime<Utc>, i64)> {
    match &event.what {
        What::Letter {
            programme: of,
            cost_minor,
            ..
        } if of.as_ref().is_none_or(|of| of == programme) => Some((event.at, *cost_minor)),
        _ => None,
    }
}

/// The letters of a programme's campaigns that were sent to a party since an instant, as [`letter`] counts them; and whether these
/// are all. Looks at some five thousand events at most.
///
/// # Errors
/// [`StoreError`].
pub async fn letters(
    db: &Db,
    site: Site,
    (tenant, party, programme): (&Tenant, &PartyId, &ProgrammeId),
    since: DateTime<Utc>,
) -> Result<(Vec<(DateTime<Utc>, i64)>, bool), StoreError> {
    let mut range = Range::prefix(party::partition(tenant, party), PREFIX, LETTERS_PAGE);
    range.from = format!("{PREFIX}{:013}", since.timestamp_millis().max(0));
    range.descending = true;
    let mut found = Vec::new();
    for _ in 0..LETTERS_PAGES_MAX {
        let (events, next) = db.query::<Event>(site, &range, Read::Eventual).await?;
        found.extend(events.iter().filter_map(|event| letter(&event.d, programme)));
        range.after = next;
        if range.after.is_none() {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

/// A page of what happened, the newest first. A position is the part of a sort key behind the prefix of the timeline.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Event>>, Option<String>), StoreError> {
    let range = Range {
        after: after.map(|after| format!("{PREFIX}{after}")),
        descending: true,
        ..Range::prefix(party::partition(tenant, party), PREFIX, limit)
    };
    let (events, next) = db.query(site, &range, Read::Eventual).await?;
    Ok((events, next.and_then(|sk| sk.strip_prefix(PREFIX).map(str::to_owned))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d4_events_sort_by_their_instant() {
        let event = |at: &str| Event {
            at: at.parse().unwrap(),
            id: "1".to_owned(),
            what: What::Task {
                title: Secret::new("Max Muster".to_owned()),
                status: "open".to_owned(),
            },
        };
        let (tenant, party) = ("demo".parse().unwrap(), "p1".parse().unwrap());
        let old = key(&tenant, &party, &event("2001-09-08T23:59:59Z"));
        let new = key(&tenant, &party, &event("2026-11-24T08:00:00.123Z"));
        assert_eq!(new.sk, "TIMELINE#1795507200123#task#1");
        assert!(old.sk < new.sk);
        assert!(!format!("{:?}", event("2026-11-24T08:00:00Z")).contains("Muster"));
    }
}
