//! What happened that workflows look at. Nothing in it names anybody.

use ::workflow::{Event, InvoiceEvent, OpportunityEvent, PartyEvent, Subject, TaskEvent};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::calendar;
use domain::id::{PartyId, QueueId, Tenant};
use domain::money::Money;
use domain::morale::InvoiceStatus;
use domain::till_text::Language;
use faults::Site;
use party::PartyDocument;
use party::contact::{Arrives, Contact, Point};
use serde::{Deserialize, Serialize};

use super::is_own;
use crate::db::{Db, Key, Leg, Range, Read};
use crate::desk::TaskStatus;
use crate::error::StoreError;
use crate::party::change::CHANGES;
use crate::party::{Change, ChangeKind, partition};
use crate::record::{Item, Made, Record};

/// Topic and entity type of events.
pub const WORKFLOW: &str = "workflow_event";
/// Sort keys of events.
const HAPPENED: &str = "HAPPENED#";
/// Days for which events can be tried on.
const KEPT_DAYS: i64 = 400;
/// Pages of a party's changes that a window is looked for in, of [`PAGE`] changes each.
const PAGES_MAX: usize = 10;
/// Changes of a page.
const PAGE: i32 = 100;

/// A party as a change left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyState {
    /// Whether it is a natural person.
    #[serde(rename = "p")]
    pub person: bool,
    /// Its language.
    #[serde(rename = "l")]
    pub language: Language,
    /// Types of the roles that stand, in order, none twice.
    #[serde(default, rename = "r", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Classes that it is in, in order, none twice.
    #[serde(default, rename = "c", skip_serializing_if = "Vec::is_empty")]
    pub classifications: Vec<String>,
    /// Country of the first postal address that stands.
    #[serde(default, rename = "y", skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Whether a postal address stands that is not known to send letters back.
    #[serde(default, rename = "a", skip_serializing_if = "std::ops::Not::not")]
    pub address: bool,
    /// Whether an e-mail address stands that is not known to send mail back.
    #[serde(default, rename = "e", skip_serializing_if = "std::ops::Not::not")]
    pub email: bool,
}

impl PartyState {
    /// What a party is at an instant, which is this day in the tenant's zone.
    pub(crate) fn of(party: &PartyDocument, now: DateTime<Utc>, today: NaiveDate) -> Self {
        let sorted = |mut names: Vec<String>| {
            names.sort_unstable();
            names.dedup();
            names
        };
        let stands = |contact: &&Contact| contact.holds(today) && contact.stands(today);
        let arrives = |contact: &Contact| {
            let said = contact.delivery.as_ref().map(|delivery| delivery.arrives);
            said != Some(Arrives::Undeliverable)
        };
        let standing: Vec<_> = party.contacts.iter().filter(stands).collect();
        let mut postal = standing.iter().filter_map(|contact| match &contact.point {
            Point::Postal(postal) => Some(postal.country.as_str().to_owned()),
            Point::Email(_) | Point::Phone(_) => None,
        });
        let reached = |kind: &str| {
            standing
                .iter()
                .any(|contact| contact.point.kind() == kind && arrives(contact))
        };
        let roles = party.roles.iter().filter(|role| role.stands(today));
        let classes = party.classifications.iter().filter(|class| class.holds(now));
        Self {
            person: party.identity.is_person(),
            language: party.language,
            roles: sorted(roles.map(|role| role.role.to_string()).collect()),
            classifications: sorted(classes.map(|class| class.class.to_string()).collect()),
            country: postal.next(),
            address: reached("postal"),
            email: reached("email"),
        }
    }
}

/// A subject beside the party as a change left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum State {
    /// A task.
    Task {
        /// Its queue.
        queue: QueueId,
        /// Its status.
        status: TaskStatus,
        /// Whether somebody has it.
        assigned: bool,
        /// Its due date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<NaiveDate>,
    },
    /// An opportunity.
    Opportunity {
        /// Its stage.
        stage: QueueId,
        /// The stage before the change; none for a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<QueueId>,
        /// Its value.
        value: Money,
        /// In whole per cent.
        probability: u8,
    },
    /// An invoice.
    Invoice {
        /// What the sender says.
        status: InvoiceStatus,
        /// Its total.
        total: Money,
        /// What is not paid, in minor units.
        open_minor: i64,
        /// 0 to 9.
        dunning_level: u8,
        /// The last day on which it is paid on time.
        due: NaiveDate,
    },
}

impl State {
    const fn subject(&self) -> Subject {
        match self {
            Self::Task { .. } => Subject::Task,
            Self::Opportunity { .. } => Subject::Opportunity,
            Self::Invoice { .. } => Subject::Invoice,
        }
    }
}

/// A change of a subject beside the party. When and for whom stands in the frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// Id or number of the subject.
    pub id: String,
    /// The version that the change made.
    pub version: u64,
    /// What it was then.
    pub state: State,
}

/// The leg that keeps a change, in the transaction that makes it. None for what a workflow does: no workflow looks at that, so
/// that they cannot go round in circles.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn leg(
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    happened: Happened,
    made: &Made,
) -> Result<Option<Leg>, StoreError> {
    if is_own(made.by.as_ref()) {
        return Ok(None);
    }
    let key = Key {
        pk: partition(tenant, party),
        sk: format!(
            "{HAPPENED}{:013}#{}#{}#{:010}",
            made.at.timestamp_millis().max(0),
            happened.state.subject().as_str(),
            happened.id,
            happened.version
        ),
    };
    let mut record = Record::new(key, WORKFLOW, made, happened);
    record.topics = Some(WORKFLOW.to_owned());
    let ends = made.at.checked_add_signed(TimeDelta::days(KEPT_DAYS));
    record.ttl = ends.map(|ends| ends.timestamp());
    Leg::put(site, &record, None).map(Some)
}

/// The subject of a change, told from its sort key alone.
pub fn subject_of(sk: &str) -> Option<Subject> {
    if sk.starts_with(CHANGES) {
        return Some(Subject::Party);
    }
    let kind = sk.strip_prefix(HAPPENED)?.split('#').nth(1)?;
    Subject::ALL.into_iter().find(|subject| subject.as_str() == kind)
}

/// A change of any subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurred {
    /// What changed.
    pub subject: Subject,
    /// Id or number of it.
    pub id: String,
    /// The version that the change made.
    pub version: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether a workflow made it.
    pub by_workflow: bool,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Party(Change),
    Other(State),
}

impl Occurred {
    /// The name of the change, of which the names of effects are made.
    pub fn name(&self) -> String {
        format!("{}#{}#{}", self.subject.as_str(), self.id, self.version)
    }

    /// What conditions read, with the days of this zone; `None` for a note of before there were workflows.
    pub fn event(&self, zone: Tz) -> Option<Event> {
        let today = calendar::business_day(self.at, zone);
        match &self.what {
            What::Party(change) => party_event(change),
            What::Other(state) => Some(other_event(state, today)),
        }
    }
}

fn party_event(change: &Change) -> Option<Event> {
    let state = change.state.as_ref()?;
    Some(Event::Party(PartyEvent {
        created: change.kind == ChangeKind::Created,
        fields: change.fields.clone(),
        kind: if state.person { "person" } else { "organisation" }.to_owned(),
        language: state.language.as_str().to_owned(),
        roles: state.roles.clone(),
        classifications: state.classifications.clone(),
        country: state.country.clone(),
        has_address: state.address,
        has_email: state.email,
    }))
}

fn other_event(state: &State, today: NaiveDate) -> Event {
    let overdue = |due: NaiveDate| today.signed_duration_since(due).num_days();
    match state {
        State::Task {
            queue,
            status,
            assigned,
            due,
        } => Event::Task(TaskEvent {
            queue: queue.to_string(),
            status: status.as_str().to_owned(),
            assigned: *assigned,
            days_overdue: due.map(overdue),
        }),
        State::Opportunity {
            stage,
            before,
            value,
            probability,
        } => Event::Opportunity(OpportunityEvent {
            stage: stage.to_string(),
            stage_before: before.as_ref().map(QueueId::to_string),
            value_minor: value.amount_minor,
            currency: value.currency.to_string(),
            probability: i64::from(*probability),
        }),
        State::Invoice {
            status,
            total,
            open_minor,
            dunning_level,
            due,
        } => Event::Invoice(InvoiceEvent {
            status: status.as_str().to_owned(),
            total_minor: total.amount_minor,
            open_minor: *open_minor,
            currency: total.currency.to_string(),
            dunning_level: i64::from(*dunning_level),
            days_overdue: overdue(*due),
        }),
    }
}

fn of_note(party: &PartyId, record: Record<Change>) -> Occurred {
    Occurred {
        subject: Subject::Party,
        id: party.to_string(),
        version: record.d.version,
        at: record.updated_at,
        by_workflow: is_own(record.by.as_ref()),
        what: What::Party(record.d),
    }
}

fn of_event(record: Record<Happened>) -> Occurred {
    Occurred {
        subject: record.d.state.subject(),
        id: record.d.id,
        version: record.d.version,
        at: record.updated_at,
        by_workflow: is_own(record.by.as_ref()),
        what: What::Other(record.d.state),
    }
}

/// The change under a sort key of a party; `None` when it is not there any more, or the key is that of no change.
///
/// # Errors
/// [`StoreError`].
pub async fn occurred(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    sk: &str,
) -> Result<Option<Occurred>, StoreError> {
    let Some(subject) = subject_of(sk) else {
        return Ok(None);
    };
    let key = Key {
        pk: partition(tenant, party),
        sk: sk.to_owned(),
    };
    // The message is younger than the item: whatever shows it, shows it whole.
    let Some(item) = db.get_item(site, &key, Read::Strong).await? else {
        return Ok(None);
    };
    read(site, subject, party, item).map(Some)
}

fn read(site: Site, subject: Subject, party: &PartyId, item: Item) -> Result<Occurred, StoreError> {
    match subject {
        Subject::Party => Ok(of_note(party, Record::from_item(site, item)?)),
        Subject::Task | Subject::Opportunity | Subject::Invoice => Ok(of_event(Record::from_item(site, item)?)),
    }
}

/// Changes of a party and its tasks, opportunities and invoices from an instant up to and without another one, the newest
/// first, at most `limit`; and whether these are all.
///
/// # Errors
/// [`StoreError`].
pub async fn window(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    limit: i32,
) -> Result<(Vec<Occurred>, bool), StoreError> {
    let millis = |at: DateTime<Utc>| at.timestamp_millis().max(0);
    let range = Range {
        pk: partition(tenant, party),
        from: format!("{HAPPENED}{:013}", millis(from)),
        to: format!("{HAPPENED}{:013}", millis(until)),
        after: None,
        descending: true,
        limit,
        index: None,
    };
    let (events, next) = db.query::<Happened>(site, &range, Read::Strong).await?;
    let (mut found, mut all) = (events.into_iter().map(of_event).collect::<Vec<_>>(), next.is_none());
    let (notes, all_notes) = notes(db, site, (tenant, party), (from, until), limit).await?;
    all &= all_notes;
    found.extend(notes);
    found.sort_by(|a, b| (b.at, b.subject, &b.id, b.version).cmp(&(a.at, a.subject, &a.id, a.version)));
    let most = usize::try_from(limit).unwrap_or(0);
    all &= found.len() <= most;
    found.truncate(most);
    Ok((found, all))
}

/// A party's own changes of a window. They sort by version, so those after the window are passed over.
async fn notes(
    db: &Db,
    site: Site,
    (tenant, party): (&Tenant, &PartyId),
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    limit: i32,
) -> Result<(Vec<Occurred>, bool), StoreError> {
    let most = usize::try_from(limit).unwrap_or(0);
    let mut found = Vec::new();
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let (page, next) = crate::party::changes(db, site, tenant, party, after, PAGE).await?;
        for record in page {
            if record.updated_at < from {
                return Ok((found, true));
            }
            if record.updated_at < until {
                found.push(of_note(party, record));
            }
        }
        if next.is_none() || found.len() > most {
            return Ok((found, next.is_none()));
        }
        after = next;
    }
    Ok((found, false))
}
