//! Workflows as data (D6): when something changes and a condition holds, open a task, classify the party, tell other systems.
//!
//! Pure: what changed comes in as [`Event`], what is to be done goes out as [`Action`]s; whoever calls carries them out, once
//! each, under the names that [`Workflow::effect_id`] gives them.
//!
//! | file | what |
//! |---|---|
//! | `event` | what a condition can read, by subject |
//! | `rule` | a workflow, its actions and what may be wrong with them |
//! | `set` | the workflows of a tenant, ready to be asked |

#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::float_arithmetic)]

mod event;
mod rule;
mod set;
#[cfg(test)]
mod tests;

pub use event::{Event, InvoiceEvent, OpportunityEvent, PartyEvent, Subject, TaskEvent};
pub use rule::{Action, DUE_DAYS_MAX, ID_MAX, NAME_MAX, REASON_MAX, TITLE_MAX, Workflow};
pub use set::{ACTIONS_MAX, CONDITION_COST_MAX, Due, Outcome, Unanswered, WORKFLOWS_MAX, Workflows};
