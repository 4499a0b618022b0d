//! Calls of workflows, answered by administration.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation};
use crate::api::workflows::{
    WorkflowContext, WorkflowTrialAnswer, WorkflowTrialRequest, WorkflowsRequest, WorkflowsView,
};
use crate::problem::Code;

const TAG: &str = "Workflows";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";

pub(super) fn operations() -> Vec<Operation> {
    vec![read(), put(), context(), trial()]
}

fn reminder() -> Value {
    json!({
        "id": "call-late-payers", "name": "Call whoever pays very late", "on": "invoice",
        "when": "invoice.days_overdue > 30 && invoice.open > 10000",
        "then": [
            {"do": "open_task", "queue": "billing", "title": "Call about an overdue invoice", "due_days": 3},
            {"do": "classify", "classification": "blacklist", "reason": "An invoice is long overdue", "days": 90},
            {"do": "publish", "event": "payment-overdue"},
        ],
    })
}

fn read() -> Operation {
    Operation {
        route: "GET /v1/workflows",
        id: "getWorkflows",
        tag: TAG,
        summary: "Read the workflows",
        description: "Those in force. Version 0 are none.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<WorkflowsView>(
            200,
            "The workflows.",
            json!({"version": 1, "since": "2026-11-24T09:00:00Z", "workflows": [reminder()]}),
        )],
        codes: &[],
    }
}

fn put() -> Operation {
    Operation {
        route: "PUT /v1/workflows",
        id: "putWorkflows",
        tag: TAG,
        summary: "Put workflows in force",
        description: "All workflows at once; each version is kept. They hold for changes that are made from now on, without a \
                      deployment: a change is decided by the version that was in force when it was made, however late. Each \
                      action is carried out once for each change. What a workflow changes is looked at by no workflow. Every \
                      flaw of a condition is named with its character.",
        parameters: vec![],
        request: Some(Body::of::<WorkflowsRequest>(
            json!({"expected_version": 0, "workflows": [reminder()]}),
        )),
        answers: vec![Answer::json::<WorkflowsView>(
            200,
            "In force.",
            json!({"version": 1, "since": "2026-11-24T09:00:00Z", "workflows": [reminder()]}),
        )],
        codes: &[Code::Invalid, Code::ConcurrentChange],
    }
}

fn context() -> Operation {
    let fields = json!([
        {"name": "invoice.open", "type": "an int", "description": "What is not paid yet, in minor units."},
    ]);
    Operation {
        route: "GET /v1/workflows/context",
        id: "getWorkflowContext",
        tag: TAG,
        summary: "What conditions of workflows can read",
        description: "Conditions are written in CEL (Common Expression Language) over the fields of the subject, such as \
                      `invoice.dunning_level >= 2` or `\"/contacts/c1\" in change.fields && !party.has_address`. A field that is \
                      not given reads as `\"\"`, `0`, `false` or an empty list; `has(party.country)` tells.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<WorkflowContext>(
            200,
            "The fields.",
            json!({"subjects": [{"on": "invoice", "fields": fields}], "cost_max": 1_000, "source_max": 1_000}),
        )],
        codes: &[],
    }
}

fn trial() -> Operation {
    let event = json!({
        "on": "invoice", "id": "R-2026-118", "version": 2, "at": "2026-11-24T09:00:00Z",
        "facts": {"invoice.status": "open", "invoice.days_overdue": 42, "invoice.open": 20_000},
        "outcomes": [{
            "workflow": "call-late-payers", "outcome": "acts",
            "actions": [{
                "effect": "call-late-payers#2#invoice#R-2026-118#2",
                "action": {"do": "publish", "event": "payment-overdue"},
            }],
        }],
    });
    Operation {
        route: "POST /v1/workflows/trial",
        id: "tryWorkflows",
        tag: TAG,
        summary: "Try workflows on what happened",
        description: "Asks workflows, those of the body or those in force, about the stored changes of a party and its tasks, \
                      opportunities and invoices, and tells of each what it would have done, or why not. Changes are kept for \
                      400 days. Nothing is done. The caller also needs the scope `parties:read`.",
        parameters: vec![],
        request: Some(Body::of::<WorkflowTrialRequest>(json!({
            "party_id": PARTY, "from": "2026-11-01", "until": "2026-11-30", "workflows": [reminder()],
        }))),
        answers: vec![Answer::json::<WorkflowTrialAnswer>(
            200,
            "What they say.",
            json!({"events": [event], "truncated": false}),
        )],
        codes: &[Code::Invalid, Code::PartyUnknown],
    }
}
