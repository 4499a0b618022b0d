//! What a condition can read.
//!
//! Fields may be added; a field must never change its type or go away, because stored versions read it.

use conditions::{Fact, Facts, Field, Schema, Texts, Type};
use serde::{Deserialize, Serialize};

/// Most texts of a list that a condition looks at; lists of an event hold no more.
pub(crate) const LIST_MAX: u32 = 60;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Subject {
    /// A party was stored or changed.
    Party,
    /// A task was opened, claimed, finished or opened again.
    Task,
    /// An opportunity was recorded or changed.
    Opportunity,
    /// An invoice came in or changed.
    Invoice,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Party, Self::Task, Self::Opportunity, Self::Invoice];

    /// As it stands in bodies and keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Task => "task",
            Self::Opportunity => "opportunity",
            Self::Invoice => "invoice",
        }
    }

    /// What conditions about it can read.
    pub const fn schema(self) -> Schema {
        Schema::new(
            match self {
                Self::Party => party::FIELDS,
                Self::Task => task::FIELDS,
                Self::Opportunity => opportunity::FIELDS,
                Self::Invoice => invoice::FIELDS,
            },
            LIST_MAX,
        )
    }
}

/// A change of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Of a party.
    Party(PartyEvent),
    /// Of a task.
    Task(TaskEvent),
    /// Of an opportunity.
    Opportunity(OpportunityEvent),
    /// Of an invoice.
    Invoice(InvoiceEvent),
}

impl Event {
    /// What changed.
    pub const fn subject(&self) -> Subject {
        match self {
            Self::Party(_) => Subject::Party,
            Self::Task(_) => Subject::Task,
            Self::Opportunity(_) => Subject::Opportunity,
            Self::Invoice(_) => Subject::Invoice,
        }
    }
}

impl Facts for Event {
    fn fact(&self, field: usize) -> Fact<'_> {
        match self {
            Self::Party(event) => party::fact(event, field),
            Self::Task(event) => task::fact(event, field),
            Self::Opportunity(event) => opportunity::fact(event, field),
            Self::Invoice(event) => invoice::fact(event, field),
        }
    }
}

/// Declares the fields of a subject together with where each is read from, so that neither can be forgotten.
macro_rules! subject {
    ($module:ident, $event:ident, $($text:literal $kind:ident $read:expr, $doc:literal;)*) => {
        mod $module {
            use super::*;

            pub(super) const FIELDS: &[Field] = &[$(Field { name: $text, kind: Type::$kind, doc: $doc },)*];

            type Reader = for<'a> fn(&'a $event) -> Fact<'a>;

            const READERS: &[Reader] = &[$($read,)*];

            pub(super) fn fact(event: &$event, field: usize) -> Fact<'_> {
                READERS.get(field).map_or(Fact::Unset, |read| read(event))
            }
        }
    };
}

fn text(text: Option<&String>) -> Fact<'_> {
    text.map_or(Fact::Unset, |text| Fact::Text(text))
}

/// A change of a party.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartyEvent {
    /// Whether it was stored for the first time.
    pub created: bool,
    /// JSON pointers of the fields that changed.
    pub fields: Vec<String>,
    /// `person` or `organisation`.
    pub kind: String,
    /// `de`, `fr`, `it` or `en`.
    pub language: String,
    /// Types of the roles that stand.
    pub roles: Vec<String>,
    /// Classifications that stand.
    pub classifications: Vec<String>,
    /// Country of the first postal address.
    pub country: Option<String>,
    /// Whether a postal address that can be written to stands.
    pub has_address: bool,
    /// Whether an e-mail address that can be written to stands.
    pub has_email: bool,
}

subject! { party, PartyEvent,
    "change.created" Bool |event| Fact::Bool(event.created), "Whether the party was stored for the first time.";
    "change.fields" Texts |event| Fact::Texts(Texts::Owned(&event.fields)), "JSON pointers of the fields that changed, such as `/name` or `/contacts/c1`.";
    "party.kind" Text |event| Fact::Text(&event.kind), "`person` or `organisation`.";
    "party.language" Text |event| Fact::Text(&event.language), "`de`, `fr`, `it` or `en`.";
    "party.roles" Texts |event| Fact::Texts(Texts::Owned(&event.roles)), "Types of the roles that stand, such as `customer`.";
    "party.classifications" Texts |event| Fact::Texts(Texts::Owned(&event.classifications)), "Classifications that stand, such as `blacklist`.";
    "party.country" Text |event| text(event.country.as_ref()), "Country of the first postal address, such as `CH`; unset without one.";
    "party.has_address" Bool |event| Fact::Bool(event.has_address), "Whether a postal address stands that letters can reach.";
    "party.has_email" Bool |event| Fact::Bool(event.has_email), "Whether an e-mail address stands that mail can reach.";
}

/// A change of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskEvent {
    /// Its queue.
    pub queue: String,
    /// Its status.
    pub status: String,
    /// Whether somebody has it.
    pub assigned: bool,
    /// Days from its due date to the change; unset without a due date, negative before it.
    pub days_overdue: Option<i64>,
}

subject! { task, TaskEvent,
    "task.queue" Text |event| Fact::Text(&event.queue), "Queue of the task.";
    "task.status" Text |event| Fact::Text(&event.status), "`open`, `claimed` or `done`.";
    "task.assigned" Bool |event| Fact::Bool(event.assigned), "Whether somebody has claimed it.";
    "task.days_overdue" Int |event| event.days_overdue.map_or(Fact::Unset, Fact::Int), "Days since the due date, negative before it; unset without one.";
}

/// A change of an opportunity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpportunityEvent {
    /// Its stage.
    pub stage: String,
    /// The stage before the change; unset for a new one.
    pub stage_before: Option<String>,
    /// Its value in minor units.
    pub value_minor: i64,
    /// Currency of the value.
    pub currency: String,
    /// In whole per cent.
    pub probability: i64,
}

subject! { opportunity, OpportunityEvent,
    "opportunity.stage" Text |event| Fact::Text(&event.stage), "Its stage.";
    "opportunity.stage_before" Text |event| text(event.stage_before.as_ref()), "Its stage before the change; unset for a new one.";
    "opportunity.value" Int |event| Fact::Int(event.value_minor), "Its value in minor units.";
    "opportunity.currency" Text |event| Fact::Text(&event.currency), "Currency of the value, such as `CHF`.";
    "opportunity.probability" Int |event| Fact::Int(event.probability), "0 to 100 per cent.";
}

/// A change of an invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvoiceEvent {
    /// Its status.
    pub status: String,
    /// Its total in minor units.
    pub total_minor: i64,
    /// What is not paid, in minor units.
    pub open_minor: i64,
    /// Currency of the amounts.
    pub currency: String,
    /// 0 to 9.
    pub dunning_level: i64,
    /// Days from the due date to the change, negative before it.
    pub days_overdue: i64,
}

subject! { invoice, InvoiceEvent,
    "invoice.status" Text |event| Fact::Text(&event.status), "Its status, as the ERP says.";
    "invoice.total" Int |event| Fact::Int(event.total_minor), "Its total in minor units.";
    "invoice.open" Int |event| Fact::Int(event.open_minor), "What is not paid yet, in minor units.";
    "invoice.currency" Text |event| Fact::Text(&event.currency), "Currency of the amounts, such as `CHF`.";
    "invoice.dunning_level" Int |event| Fact::Int(event.dunning_level), "0 to 9.";
    "invoice.days_overdue" Int |event| Fact::Int(event.days_overdue), "Days since the due date, negative before it.";
}
