//! Workflows: conditions on changes, and what is done when they hold.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use workflow::{Action, Outcome, Subject, Workflow};

use crate::api::administration::ContextField;

/// Workflows to be put in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowsRequest {
    /// The version that the caller has read; 0 while there are none.
    pub expected_version: u64,
    /// All workflows, at most 50. What is left out is in force no more.
    pub workflows: Vec<Workflow>,
}

/// Workflows in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowsView {
    /// Counts the changes, from 1; 0 while there are none.
    pub version: u64,
    /// Since when they are in force: changes that were made before are decided by the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// All workflows.
    pub workflows: Vec<Workflow>,
}

/// What conditions of workflows can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowContext {
    /// The fields by subject.
    pub subjects: Vec<SubjectContext>,
    /// Most steps of a condition in the worst case.
    pub cost_max: u32,
    /// Longest condition in characters.
    pub source_max: usize,
}

/// What conditions on a subject can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubjectContext {
    /// The subject.
    pub on: Subject,
    /// The fields.
    pub fields: Vec<ContextField>,
}

/// Workflows to be tried on what happened with a party.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowTrialRequest {
    /// The party.
    pub party_id: String,
    /// First day, in UTC.
    pub from: NaiveDate,
    /// Last day, in UTC; at most 92 days with the first.
    pub until: NaiveDate,
    /// The workflows; those in force when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflows: Option<Vec<Workflow>>,
}

/// What workflows would have done. Nothing of it was done now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowTrialAnswer {
    /// The version that was tried; absent for workflows of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What happened, the newest first, at most 200.
    pub events: Vec<TriedEvent>,
    /// Whether there was more in these days: ask for fewer days.
    pub truncated: bool,
}

/// A change, and what each workflow on its subject says to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedEvent {
    /// What changed.
    pub on: Subject,
    /// Its id or number.
    pub id: String,
    /// The version that the change made.
    pub version: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Why no workflow was asked: `by_workflow` for what a workflow changed, `not_kept` for a change of before workflows were
    /// kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<String>,
    /// What conditions read, by field; what is unset is left out.
    pub facts: BTreeMap<String, FactValue>,
    /// What the workflows say, in their order.
    pub outcomes: Vec<TriedWorkflow>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FactValue {
    /// Of a bool.
    Boolean(bool),
    /// Of an int.
    Integer(i64),
    /// Of a text.
    Text(String),
    /// Of a list of texts.
    Texts(Vec<String>),
}

/// What a workflow says to a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedWorkflow {
    /// The workflow.
    pub workflow: String,
    /// Whether it acts, or why not.
    pub outcome: Outcome,
    /// What it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<TriedAction>,
}

/// An action that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedAction {
    /// The name of its effect, which is made once under it.
    pub effect: String,
    /// The action.
    pub action: Action,
}
