//! What a return does.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use domain::id::QueueId;
use domain::text;
use domain::violation::Violation;
use serde::{Deserialize, Serialize};

use super::Reason;

/// Most effects of a reason.
pub const EFFECTS_MAX: usize = 5;
/// Longest time within which a second return counts, in months.
pub const MONTHS_MAX: u32 = 60;
/// Longest title of a task, in characters.
const TITLE_MAX: usize = 120;
/// Latest due date of a task, in days.
const DUE_DAYS_MAX: u32 = 3_650;

/// One thing that a return does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ReturnEffect))]
pub enum Effect {
    /// Nothing more is sent to the address until it is corrected or confirmed.
    BlockAddress,
    /// Somebody is asked to look.
    OpenTask {
        /// Its queue, 1 to 40 lower-case letters, digits and `-`.
        queue: String,
        /// Its title, 1 to 120 printable characters. It is the same for every party: no placeholders.
        title: String,
        /// Due so many days after the return is posted, 0 to 3650; without it there is no due date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_days: Option<u32>,
    },
    /// The address that the carrier gives becomes one of the party's. For `moved_new_address` only: the other reasons bring none.
    NewAddress,
    /// The letter's address ends.
    EndAddress,
    /// All channels are stopped until somebody has checked it.
    Deceased,
    /// The addressee may object to advertising: somebody decides. It is no objection yet.
    ObjectionCandidate,
}

/// What returns do, by reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ReturnEffectRules))]
pub struct EffectRules {
    /// For every reason 0 to 5 effects, in the order in which they are done.
    pub reasons: BTreeMap<Reason, Vec<Effect>>,
    /// A second return of the same address within so many months blocks it, whatever the reasons; 0 to 60, 0 for never.
    pub second_return_months: u32,
}

/// What has become of the address to which a letter was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is still where the party gets its letters.
    Current,
    /// It has ended, was corrected, or another one has taken its place.
    Replaced,
}

impl Default for EffectRules {
    /// As carriers' customers usually have it: an address that is not the addressee's is blocked and looked for; one that lacks
    /// something is looked for; who has moved gets the new address; who refuses is asked about advertising; who has died is
    /// checked by a person.
    fn default() -> Self {
        let task = |queue: &str, title: &str| Effect::OpenTask {
            queue: queue.to_owned(),
            title: title.to_owned(),
            due_days: Some(14),
        };
        let find = || task("addresses", "Find the correct postal address");
        let blocked = || vec![Effect::BlockAddress, find()];
        let reasons = Reason::ALL.into_iter().map(|reason| {
            let effects = match reason {
                Reason::MovedNewAddress => vec![Effect::NewAddress, Effect::EndAddress],
                Reason::MovedUnknown | Reason::UnknownAtAddress | Reason::NoSuchAddress | Reason::ForwardingExpired => {
                    blocked()
                }
                Reason::AddressIncomplete => vec![find()],
                Reason::Refused => vec![Effect::ObjectionCandidate],
                // The address is right; only a second return in a row tells something.
                Reason::NotCollected => Vec::new(),
                Reason::Deceased => vec![Effect::Deceased, task("addresses", "Check a report of death")],
                Reason::CompanyGone => vec![task("companies", "Check whether the company still exists")],
                Reason::Other => vec![task("addresses", "Look into a returned letter")],
            };
            (reason, effects)
        });
        Self {
            reasons: reasons.collect(),
            second_return_months: 12,
        }
    }
}

/// What a return does, in order.
///
/// `earlier` are the days of earlier returns of the same address, in any order. The return of a letter to an address that was
/// replaced since touches no address and asks for none; what it says about the addressee still holds.
pub fn effects(
    rules: &EffectRules,
    reason: Reason,
    standing: Standing,
    returned_on: NaiveDate,
    earlier: &[NaiveDate],
) -> Vec<Effect> {
    let mut due = rules.reasons.get(&reason).cloned().unwrap_or_default();
    match standing {
        Standing::Replaced => due.retain(|effect| match effect {
            Effect::BlockAddress | Effect::NewAddress | Effect::EndAddress => false,
            Effect::OpenTask { .. } => !reason.is_about_address(),
            Effect::Deceased | Effect::ObjectionCandidate => true,
        }),
        Standing::Current => {
            let handled = [Effect::BlockAddress, Effect::EndAddress];
            let open = !due.iter().any(|effect| handled.contains(effect));
            if open && is_second(rules.second_return_months, returned_on, earlier) {
                due.insert(0, Effect::BlockAddress);
            }
        }
    }
    due
}

/// Whether another return lies at most so many months back. The same day counts: two letters came back.
fn is_second(months: u32, returned_on: NaiveDate, earlier: &[NaiveDate]) -> bool {
    if months == 0 {
        return false;
    }
    // Before the calendar's beginning there are no returns.
    let since = returned_on
        .checked_sub_months(Months::new(months))
        .unwrap_or(NaiveDate::MIN);
    earlier.iter().any(|day| (since..=returned_on).contains(day))
}

impl EffectRules {
    /// Everything wrong with them, each with its place under `at`.
    pub fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.second_return_months > MONTHS_MAX {
            let detail = "must be 0 to 60 months";
            found.push(Violation::new(
                format!("{at}/second_return_months"),
                "out_of_range",
                detail,
            ));
        }
        for reason in Reason::ALL {
            let at = format!("{at}/reasons/{}", reason.as_str());
            match self.reasons.get(&reason) {
                None => {
                    let detail = "is missing: a reason without effects has an empty list";
                    found.push(Violation::new(at, "missing", detail));
                }
                Some(effects) => of_reason(reason, effects, &at, &mut found),
            }
        }
        found
    }
}

fn of_reason(reason: Reason, effects: &[Effect], at: &str, found: &mut Vec<Violation>) {
    if effects.len() > EFFECTS_MAX {
        let detail = "a reason has at most 5 effects";
        found.push(Violation::new(at, "effects_count", detail));
        return;
    }
    for (index, effect) in effects.iter().enumerate() {
        let at = format!("{at}/{index}");
        let mut check = |ok: bool, field: &str, code: &'static str, detail: &str| {
            if !ok {
                found.push(Violation::new(format!("{at}{field}"), code, detail));
            }
        };
        let first = effects.iter().take(index).all(|before| before != effect);
        check(first, "", "not_unique", "the effect is there twice");
        match effect {
            Effect::OpenTask { queue, title, due_days } => {
                let detail = "must have 1 to 40 lower-case letters, digits or -";
                check(queue.parse::<QueueId>().is_ok(), "/queue", "malformed", detail);
                let detail = "must have 1 to 120 printable characters";
                check(text::is_line(title, TITLE_MAX), "/title", "out_of_range", detail);
                let due = due_days.is_none_or(|days| days <= DUE_DAYS_MAX);
                check(due, "/due_days", "out_of_range", "must be 0 to 3650 days");
            }
            Effect::NewAddress => {
                let detail = "only moved_new_address brings an address";
                check(reason == Reason::MovedNewAddress, "", "not_applicable", detail);
            }
            Effect::BlockAddress | Effect::EndAddress | Effect::Deceased | Effect::ObjectionCandidate => {}
        }
    }
}
