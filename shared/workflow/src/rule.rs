//! A workflow: on what, when, and then what.

use domain::id::QueueId;
use domain::text;
use domain::violation::Violation;
use serde::{Deserialize, Serialize};

use crate::event::Subject;

/// Longest id, in characters; also of classifications and names of events.
pub const ID_MAX: usize = 40;
/// Longest name, in characters.
pub const NAME_MAX: usize = 80;
/// Longest title of a task, in characters.
pub const TITLE_MAX: usize = 120;
/// Longest reason of a classification, in characters.
pub const REASON_MAX: usize = 200;
/// Latest due date of a task and longest validity of a classification, in days.
pub const DUE_DAYS_MAX: u32 = 3_650;

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Workflow {
    /// 1 to 40 lower-case letters, digits, `-` and `_`; unique.
    pub id: String,
    /// For people, 1 to 80 printable characters.
    pub name: String,
    /// What it looks at.
    pub on: Subject,
    /// A condition in CEL over the fields of the subject; without one it holds for every change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What is done when it holds, in this order.
    pub then: Vec<Action>,
    /// Whether it is in force.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub active: bool,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_yes(active: &bool) -> bool {
    *active
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Action {
    /// A task about the party is opened.
    OpenTask {
        /// Its queue, 1 to 40 lower-case letters, digits and `-`.
        queue: String,
        /// Its title, 1 to 120 printable characters. It is the same for every party: no placeholders.
        title: String,
        /// Due so many days after the change, 0 to 3650; without it there is no due date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_days: Option<u32>,
    },
    /// The party is classified.
    Classify {
        /// The classification, one of the tenant's types.
        classification: String,
        /// Why, 1 to 200 printable characters.
        reason: String,
        /// It ends after so many days, 1 to 3650; without it somebody ends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<u32>,
    },
    /// An event goes to the other systems, on the feed of parties.
    Publish {
        /// Its name.
        event: String,
    },
}

impl Workflow {
    /// The name of what its action number `action` does for the change `change` of a subject, so that it is done once: the
    /// change is the subject's key and version. The same in every version of the workflow.
    pub fn effect_id(&self, change: &str, action: usize) -> String {
        format!("{}#{action}#{change}", self.id)
    }

    /// Everything wrong with it but its condition.
    pub(crate) fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut check = |ok: bool, field: &str, code: &'static str, detail: &str| {
            if !ok {
                found.push(Violation::new(format!("{at}{field}"), code, detail));
            }
        };
        check(is_id(&self.id), "/id", "malformed", ID);
        let name = text::is_line(&self.name, NAME_MAX);
        check(name, "/name", "out_of_range", "must have 1 to 80 printable characters");
        for (index, action) in self.then.iter().enumerate() {
            let mut of_action = |ok: bool, field: &str, code: &'static str, detail: &str| {
                check(ok, &format!("/then/{index}{field}"), code, detail);
            };
            match action {
                Action::OpenTask { queue, title, due_days } => {
                    of_action(queue.parse::<QueueId>().is_ok(), "/queue", "malformed", QUEUE);
                    of_action(text::is_line(title, TITLE_MAX), "/title", "out_of_range", TITLE);
                    let due = due_days.is_none_or(|days| days <= DUE_DAYS_MAX);
                    of_action(due, "/due_days", "out_of_range", "must be 0 to 3650 days");
                }
                Action::Classify {
                    classification,
                    reason,
                    days,
                } => {
                    of_action(is_id(classification), "/classification", "malformed", ID);
                    of_action(text::is_line(reason, REASON_MAX), "/reason", "out_of_range", REASON);
                    let ends = days.is_none_or(|days| (1..=DUE_DAYS_MAX).contains(&days));
                    of_action(ends, "/days", "out_of_range", "must be 1 to 3650 days");
                }
                Action::Publish { event } => of_action(is_id(event), "/event", "malformed", ID),
            }
        }
        found
    }
}

const ID: &str = "must have 1 to 40 lower-case letters, digits, - or _";
const QUEUE: &str = "must have 1 to 40 lower-case letters, digits or -";
const TITLE: &str = "must have 1 to 120 printable characters";
const REASON: &str = "must have 1 to 200 printable characters";

fn is_id(text: &str) -> bool {
    let of_an_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=ID_MAX).contains(&text.len()) && text.chars().all(of_an_id)
}
