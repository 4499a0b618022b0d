//! Calls of points-desk.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, paging, path, query};
use crate::api::adjustments::{AdjustmentPage, AdjustmentView, CorrectionRequest, RejectionRequest, TransferRequest};
use crate::problem::Code;

const TAG: &str = "Points by hand";
pub(super) const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const OTHER: &str = "0199b1f0-8c11-7d0a-b3f4-6e5d4c3b2a19";
const ID: &str = "K7QW2MZ4TB6XN3VRC5JHYD2PE";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        correct(),
        transfer(),
        list_adjustments(),
        show_adjustment(),
        approve(),
        reject(),
    ]
}

pub(super) fn entry(party: &str, points: i64, balance_after: i64) -> Value {
    json!({
        "party_id": party, "version": 20, "business_date": "2026-11-22", "points": points, "balance_after": balance_after,
        "pending_after": 0, "programme_version": 1,
    })
}

pub(super) fn correction(points: i64) -> Value {
    json!({
        "id": ID, "kind": "correction", "status": "awaiting_approval", "party_id": PARTY, "programme": "treue",
        "points": points, "reason": "Two receipts of October were lost", "author": "olga", "client": "back-office",
        "asked_at": "2026-11-22T10:20:00Z", "entries": [],
    })
}

pub(super) fn posted(mut adjustment: Value, approver: Option<&str>, entries: &[Value]) -> Value {
    adjustment["status"] = json!("posted");
    adjustment["decided_at"] = json!("2026-11-22T10:20:00Z");
    adjustment["entries"] = json!(entries);
    if let Some(approver) = approver {
        adjustment["decided_by"] = json!(approver);
    }
    adjustment
}

fn rejected() -> Value {
    let mut adjustment = correction(1_200);
    adjustment["status"] = json!("rejected");
    adjustment["decided_at"] = json!("2026-11-22T11:05:00Z");
    adjustment["decided_by"] = json!("urs");
    adjustment["rejection"] = json!("The receipts were posted in the meantime");
    adjustment
}

pub(super) fn party() -> Parameter {
    path("party_id", "The party.", PARTY)
}

fn id() -> Parameter {
    path("id", "Id of the correction or transfer.", ID)
}

/// The three answers to a call that asks for something.
fn asked(done: &Value, waiting: Value) -> Vec<Answer> {
    vec![
        Answer::json::<AdjustmentView>(201, "Posted now.", done.clone()),
        Answer::json::<AdjustmentView>(
            202,
            "Above the programme's limit: it waits for a second person, and nothing has moved.",
            waiting,
        )
        .may_replay(),
        Answer::json::<AdjustmentView>(
            200,
            "Asked for before, by the same call, and decided since.",
            done.clone(),
        )
        .may_replay(),
    ]
}

fn correct() -> Operation {
    let request = json!({
        "programme": "treue", "points": 120, "reason": "Two receipts of October were lost", "client_token": "case-4711",
    });
    let done = posted(correction(120), None, &[entry(PARTY, 120, 332)]);
    Operation {
        route: "POST /v1/parties/{party_id}/points/corrections",
        id: "correctPoints",
        tag: TAG,
        summary: "Give points to an account, or take some",
        description: "Posted at once up to the programme's `adjustments.alone_up_to`; above it, it waits until somebody else \
                      approves. The same call again, with its `client_token`, is answered with what became of the first.",
        parameters: vec![party()],
        request: Some(Body::of::<CorrectionRequest>(request)),
        answers: asked(&done, correction(1_200)),
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::ProgrammeUnknown,
            Code::AdjustmentContradiction,
        ],
    }
}

fn transfer() -> Operation {
    let request = json!({
        "programme": "treue", "to": OTHER, "points": 150, "reason": "They moved in together", "client_token": "case-4712",
    });
    let mut waiting = correction(1_500);
    waiting["kind"] = json!("transfer");
    waiting["to"] = json!(OTHER);
    waiting["reason"] = json!("They moved in together");
    let mut done = waiting.clone();
    done["points"] = json!(150);
    let done = posted(done, None, &[entry(PARTY, -150, 62), entry(OTHER, 150, 150)]);
    Operation {
        route: "POST /v1/parties/{party_id}/points/transfers",
        id: "transferPoints",
        tag: TAG,
        summary: "Move points to another account",
        description: "Only where the programme's `adjustments.transfers` allows it, and only points that count. They keep their \
                      last day. Above `adjustments.alone_up_to` somebody else must approve, as for a correction.",
        parameters: vec![party()],
        request: Some(Body::of::<TransferRequest>(request)),
        answers: asked(&done, waiting),
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::PartyUnknown,
            Code::ProgrammeUnknown,
            Code::TransfersNotAllowed,
            Code::NotRelated,
            Code::BalanceTooSmall,
            Code::AdjustmentContradiction,
        ],
    }
}

fn list_adjustments() -> Operation {
    let status = query(
        "status",
        "`awaiting_approval` (the oldest first), `posted` or `rejected` (the newest first).",
        "awaiting_approval",
    );
    let mut parameters = vec![status];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/points/corrections",
        id: "listAdjustments",
        tag: TAG,
        summary: "List what was moved by hand, or waits to be",
        description: "Corrections, transfers, and what was done to single vouchers. One that was just decided may stand in the list of before for a \
                      moment.",
        parameters,
        request: None,
        answers: vec![Answer::json::<AdjustmentPage>(
            200,
            "A page of them.",
            json!({"items": [correction(1_200)]}),
        )],
        codes: &[],
    }
}

fn show_adjustment() -> Operation {
    Operation {
        route: "GET /v1/points/corrections/{id}",
        id: "getAdjustment",
        tag: TAG,
        summary: "Show one, with author, second person and reason",
        description: "Ledger entries name corrections and transfers by this id.",
        parameters: vec![id()],
        request: None,
        answers: vec![Answer::json::<AdjustmentView>(200, "It.", rejected())],
        codes: &[Code::NotFound],
    }
}

fn approve() -> Operation {
    let done = posted(correction(1_200), Some("urs"), &[entry(PARTY, 1_200, 1_412)]);
    Operation {
        route: "POST /v1/points/corrections/{id}/approve",
        id: "approveAdjustment",
        tag: TAG,
        summary: "Approve what somebody else asked for",
        description: "Its points move in the same step, under the programme in force now. Approving twice moves them once.",
        parameters: vec![id()],
        request: None,
        answers: vec![Answer::json::<AdjustmentView>(200, "Posted, now or before.", done).may_replay()],
        codes: &[
            Code::NotFound,
            Code::PartyUnknown,
            Code::ProgrammeUnknown,
            Code::ApprovalByAuthor,
            Code::PersonNeeded,
            Code::AdjustmentRejected,
            Code::TransfersNotAllowed,
            Code::NotRelated,
            Code::BalanceTooSmall,
        ],
    }
}

fn reject() -> Operation {
    let request = json!({"reason": "The receipts were posted in the meantime"});
    Operation {
        route: "POST /v1/points/corrections/{id}/reject",
        id: "rejectAdjustment",
        tag: TAG,
        summary: "Reject what waits",
        description: "Nothing moves, and it cannot be approved any more. Its author may take it back so.",
        parameters: vec![id()],
        request: Some(Body::of::<RejectionRequest>(request)),
        answers: vec![Answer::json::<AdjustmentView>(200, "Rejected, now or before.", rejected()).may_replay()],
        codes: &[Code::Invalid, Code::NotFound, Code::AdjustmentPosted],
    }
}
