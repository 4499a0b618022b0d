//! Tasks, cases and opportunities as the API shows them.

use domain::id::{LookupKey, PartyId, Subject};
use http_edge::api::desk::{CaseView, OpportunityChange, OpportunityView, StepView, TaskView};
use store::desk::{CHANGES_MAX, Case, Change, Opportunity, STEPS_MAX, Step, Task};

pub(crate) fn task(id: &LookupKey, task: &Task) -> TaskView {
    TaskView {
        task_id: id.to_string(),
        version: task.version,
        status: task.status.as_str().to_owned(),
        title: task.title.clone(),
        text: task.text.clone(),
        queue: task.queue.to_string(),
        due: task.due,
        party_id: task.party.as_ref().map(PartyId::to_string),
        case_id: task.case.as_ref().map(LookupKey::to_string),
        assignee: task.assignee.as_ref().map(Subject::to_string),
        made_at: task.made_at,
        steps: last(&task.steps, STEPS_MAX).iter().map(step).collect(),
    }
}

pub(crate) fn case(id: &LookupKey, case: &Case, tasks: Option<Vec<TaskView>>) -> CaseView {
    CaseView {
        case_id: id.to_string(),
        version: case.version,
        status: case.status.as_str().to_owned(),
        title: case.title.clone(),
        party_id: case.party.as_ref().map(PartyId::to_string),
        open_tasks: case.open_tasks,
        made_at: case.made_at,
        steps: last(&case.steps, STEPS_MAX).iter().map(step).collect(),
        tasks,
    }
}

/// The last of a history: what is older stands beside.
fn last<T>(all: &[T], most: usize) -> &[T] {
    all.get(all.len().saturating_sub(most)..).unwrap_or(all)
}

pub(crate) fn step(step: &Step) -> StepView {
    StepView {
        version: step.version,
        what: step.what.clone(),
        by: step.by.to_string(),
        at: step.at,
    }
}

pub(crate) fn opportunity(id: &LookupKey, opportunity: &Opportunity) -> OpportunityView {
    let changes = last(&opportunity.changes, CHANGES_MAX).iter().map(change);
    let now = &opportunity.now;
    OpportunityView {
        opportunity_id: id.to_string(),
        party_id: opportunity.party.to_string(),
        version: opportunity.version,
        title: opportunity.title.clone(),
        stage: now.stage.to_string(),
        outcome: now.outcome.as_str().to_owned(),
        value: now.value,
        probability: now.probability,
        close_on: now.close_on,
        changes: changes.collect(),
    }
}

pub(crate) fn change(change: &Change) -> OpportunityChange {
    OpportunityChange {
        by: change.by.to_string(),
        at: change.at,
        stage: change.to.stage.to_string(),
        outcome: change.to.outcome.as_str().to_owned(),
        value: change.to.value,
        probability: change.to.probability,
        close_on: change.to.close_on,
    }
}
