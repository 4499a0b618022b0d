//! Calls of recalculation, answered by administration.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, optional, path};
use crate::api::recalculations::{DifferencesAnswer, RunPage, RunRequest, RunView};
use crate::problem::Code;

const TAG: &str = "Recalculations";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";

pub(super) fn operations() -> Vec<Operation> {
    vec![put(), list(), read(), differences(), approve()]
}

fn run_id() -> Parameter {
    path(
        "run_id",
        "The run, named by who asks for it: 1 to 40 characters from a-z, 0-9 and `-`.",
        "double-paper-nov",
    )
}

fn run(state: &str) -> Value {
    let mut run = json!({
        "run_id": "double-paper-nov", "kind": "correction", "state": state, "programme": "treue", "version": 4,
        "from": "2026-11-10", "until": "2026-11-18", "reason": "Double points on paper were missing", "author": "olga",
        "asked_at": "2026-11-24T09:00:00Z", "locations": 25, "locations_counted": if state == "counting" { 3 } else { 25 },
        "counted": {
            "receipts": 9_412, "receipts_without_account": 3_208, "receipts_not_posted": 2, "receipts_skipped": 0,
            "receipts_failed": 0, "receipts_changed": 310, "points_before": 402_118,
            "points_after": 409_337, "more": 7_219, "less": 0,
        },
    });
    if state == "posting" {
        run["approved_by"] = json!("peter");
        run["approved_at"] = json!("2026-11-24T10:00:00Z");
        run["posted"] = json!({
            "receipts": 120, "receipts_without_account": 0, "receipts_not_posted": 0, "receipts_skipped": 0,
            "receipts_failed": 0, "receipts_changed": 120, "points_before": 9_800,
            "points_after": 12_560, "more": 2_760, "less": 0,
        });
    }
    run
}

fn put() -> Operation {
    Operation {
        route: "PUT /v1/recalculations/{run_id}",
        id: "putRecalculation",
        tag: TAG,
        summary: "Count stored receipts again",
        description: "With `settings`: a trial, which tells what receipts would have earned, for whom and in all, before the \
                      settings are stored. With `version`: a correction, whose differences can be approved and posted. What \
                      came back of a receipt is counted as it is now. The same call again shows the run; another one under \
                      the same id is refused.",
        parameters: vec![run_id()],
        request: Some(Body::of::<RunRequest>(json!({
            "programme": "treue", "version": 4, "from": "2026-11-10", "until": "2026-11-18",
            "reason": "Double points on paper were missing",
        }))),
        answers: vec![
            Answer::json::<RunView>(202, "It will be counted.", run("counting")),
            Answer::json::<RunView>(200, "It was asked for before.", run("counted")),
        ],
        codes: &[Code::Invalid, Code::ProgrammeUnknown, Code::RunContradiction],
    }
}

fn list() -> Operation {
    Operation {
        route: "GET /v1/recalculations",
        id: "listRecalculations",
        tag: TAG,
        summary: "List recalculations",
        description: "In the order of their ids, twenty at a time.",
        parameters: vec![optional("next", "`next` of the answer before.")],
        request: None,
        answers: vec![Answer::json::<RunPage>(
            200,
            "The runs.",
            json!({"items": [run("counted")]}),
        )],
        codes: &[],
    }
}

fn read() -> Operation {
    Operation {
        route: "GET /v1/recalculations/{run_id}",
        id: "getRecalculation",
        tag: TAG,
        summary: "Read a recalculation",
        description: "How far it is, and what it comes to.",
        parameters: vec![run_id()],
        request: None,
        answers: vec![Answer::json::<RunView>(200, "The run.", run("counted"))],
        codes: &[Code::NotFound],
    }
}

fn differences() -> Operation {
    let answer = json!({
        "customers": [{
            "party_id": PARTY, "difference": 39,
            "receipts": [{"receipt": "B07~3~2026-11-12~004711", "points_before": 39, "points_after": 78}],
        }],
    });
    Operation {
        route: "GET /v1/recalculations/{run_id}/differences",
        id: "listRecalculationDifferences",
        tag: TAG,
        summary: "List what differs, customer by customer",
        description: "Receipts whose points would change, in pages.",
        parameters: vec![run_id(), optional("next", "`next` of the answer before.")],
        request: None,
        answers: vec![Answer::json::<DifferencesAnswer>(200, "The differences.", answer)],
        codes: &[Code::NotFound],
    }
}

fn approve() -> Operation {
    Operation {
        route: "POST /v1/recalculations/{run_id}/approve",
        id: "approveRecalculation",
        tag: TAG,
        summary: "Approve a recalculation",
        description: "By another subject than the one who asked. Each difference becomes a ledger entry of its own; nothing is \
                      rewritten. A receipt is counted once more when it is posted, so that what came back meanwhile is not \
                      given twice.",
        parameters: vec![run_id()],
        request: None,
        answers: vec![Answer::json::<RunView>(200, "It is approved.", run("posting"))],
        codes: &[
            Code::NotFound,
            Code::ApprovalByAuthor,
            Code::PersonNeeded,
            Code::RunNotReady,
            Code::ConcurrentChange,
        ],
    }
}
