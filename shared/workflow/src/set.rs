//! The workflows of a tenant: checked together, asked together.

use std::collections::BTreeSet;

use conditions::Condition;
use domain::violation::Violation;
use serde::{Deserialize, Serialize};

use crate::event::{Event, Subject};
use crate::rule::{Action, Workflow};

/// Most workflows of a tenant.
pub const WORKFLOWS_MAX: usize = 50;
/// Most actions of a workflow.
pub const ACTIONS_MAX: usize = 5;

/// Most steps of a condition in the worst case: all workflows of a tenant are asked within some milliseconds.
pub const CONDITION_COST_MAX: u32 = 1_000;

/// Workflows that are ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Workflows {
    all: Vec<(Workflow, Option<Condition>)>,
}

/// What a workflow says to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Outcome {
    /// Its condition holds, or it has none: its actions are due.
    Acts,
    /// Its condition does not hold.
    ConditionFalse,
    /// It is not in force.
    Inactive,
    /// Its condition has no answer: a list is longer than conditions look at.
    Unanswered,
}

/// An action that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due<'a> {
    /// Of which workflow.
    pub workflow: &'a Workflow,
    /// Which of its actions, from 0.
    pub index: usize,
    /// The action.
    pub action: &'a Action,
}

/// A workflow whose condition had no answer for an event: a list was longer than conditions look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Its id.
    pub workflow: String,
}

impl Workflows {
    /// Checks workflows and makes them ready.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place under `/workflows`.
    pub fn compile(workflows: Vec<Workflow>) -> Result<Self, Vec<Violation>> {
        let mut found = Vec::new();
        if workflows.len() > WORKFLOWS_MAX {
            let detail = "there can be at most 50 workflows";
            return Err(vec![Violation::new("/workflows", "workflows_count", detail)]);
        }
        let mut ids = BTreeSet::new();
        let mut all = Vec::new();
        for (index, workflow) in workflows.into_iter().enumerate() {
            let at = format!("/workflows/{index}");
            found.extend(workflow.violations(&at));
            if !(1..=ACTIONS_MAX).contains(&workflow.then.len()) {
                let detail = "a workflow has 1 to 5 actions";
                found.push(Violation::new(format!("{at}/then"), "actions_count", detail));
            }
            if !ids.insert(workflow.id.clone()) {
                let detail = "another workflow has the same id";
                found.push(Violation::new(format!("{at}/id"), "not_unique", detail));
            }
            let schema = workflow.on.schema();
            let condition = workflow.when.as_ref().map(|source| Condition::compile(source, &schema));
            match condition.transpose() {
                Ok(Some(condition)) if condition.cost() > CONDITION_COST_MAX => {
                    let detail =
                        "a condition of a workflow takes at most 1000 steps: ask for less, or in two workflows";
                    found.push(Violation::new(format!("{at}/when"), "too_costly", detail));
                }
                Ok(condition) => all.push((workflow, condition)),
                Err(flaws) => found.extend(flaws.into_iter().map(|flaw| {
                    let code = flaw.code.as_str();
                    Violation::new(format!("{at}/when"), code, flaw.to_string())
                })),
            }
        }
        if found.is_empty() { Ok(Self { all }) } else { Err(found) }
    }

    /// The workflows.
    pub fn iter(&self) -> impl Iterator<Item = &Workflow> {
        self.all.iter().map(|(workflow, _)| workflow)
    }

    /// Whether any that is in force looks at the subject: if none does, an event need not be read.
    pub fn look_at(&self, subject: Subject) -> bool {
        self.iter().any(|workflow| workflow.active && workflow.on == subject)
    }

    /// What each workflow on the event's subject says to it, in their order. One that has no answer does not hold up the others.
    pub fn asked(&self, event: &Event) -> Vec<(&Workflow, Outcome)> {
        let on_it = self.all.iter().filter(|(workflow, _)| workflow.on == event.subject());
        let asked = on_it.map(|(workflow, condition)| {
            let holds = condition.as_ref().map_or(Ok(true), |condition| condition.holds(event));
            let outcome = match holds {
                _ if !workflow.active => Outcome::Inactive,
                Ok(true) => Outcome::Acts,
                Ok(false) => Outcome::ConditionFalse,
                Err(_) => Outcome::Unanswered,
            };
            (workflow, outcome)
        });
        asked.collect()
    }

    /// What is due for an event, in the order of the workflows, and those that had no answer.
    pub fn due(&self, event: &Event) -> (Vec<Due<'_>>, Vec<Unanswered>) {
        let (mut due, mut unanswered) = (Vec::new(), Vec::new());
        for (workflow, outcome) in self.asked(event) {
            match outcome {
                Outcome::Acts => due.extend(workflow.then.iter().enumerate().map(|(index, action)| Due {
                    workflow,
                    index,
                    action,
                })),
                Outcome::Unanswered => unanswered.push(Unanswered {
                    workflow: workflow.id.clone(),
                }),
                Outcome::ConditionFalse | Outcome::Inactive => {}
            }
        }
        (due, unanswered)
    }
}
