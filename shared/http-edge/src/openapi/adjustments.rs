//! Calls of points-desk.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, paging, path, query};
use crate::api::adjustments::{
    AdjustmentPage, AdjustmentView, CorrectionRequest, ExtendVoucherRequest, RejectionRequest, TransferRequest,
    VoidVoucherRequest, VoucherDeskView, VoucherRequest,
};
use crate::problem::Code;

const TAG: &str = "Points by hand";
const VOUCHERS: &str = "Vouchers";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const OTHER: &str = "0199b1f0-8c11-7d0a-b3f4-6e5d4c3b2a19";
const ID: &str = "K7QW2MZ4TB6XN3VRC5JHYD2PE";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        correct(),
        transfer(),
        show_voucher(),
        block_voucher(),
        unblock_voucher(),
        extend_voucher(),
        reissue_voucher(),
        void_voucher(),
        list_adjustments(),
        show_adjustment(),
        approve(),
        reject(),
    ]
}

fn entry(party: &str, points: i64, balance_after: i64) -> Value {
    json!({
        "party_id": party, "version": 20, "business_date": "2026-11-22", "points": points, "balance_after": balance_after,
        "pending_after": 0, "programme_version": 1,
    })
}

fn correction(points: i64) -> Value {
    json!({
        "id": ID, "kind": "correction", "status": "awaiting_approval", "party_id": PARTY, "programme": "treue",
        "points": points, "reason": "Two receipts of October were lost", "author": "olga", "client": "back-office",
        "asked_at": "2026-11-22T10:20:00Z", "entries": [],
    })
}

fn posted(mut adjustment: Value, approver: Option<&str>, entries: &[Value]) -> Value {
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

fn party() -> Parameter {
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

fn sequence() -> Parameter {
    path(
        "sequence",
        "The voucher's number within the account, what its id has behind the programme: `7` for one issued for points, \
         `birthday~2026~1` for one that a run of a campaign gave, `7.1` for what was issued in the place of `7`.",
        "7",
    )
}

fn voucher_id(number: &str) -> Value {
    json!(format!("{PARTY}~treue~{number}"))
}

/// What was done to a voucher, moving no points.
fn on_voucher(kind: &str, reason: &str) -> Value {
    let mut done = correction(0);
    done["kind"] = json!(kind);
    done["voucher"] = json!(7);
    done["voucher_id"] = voucher_id("7");
    done["reason"] = json!(reason);
    posted(done, None, &[])
}

fn done_now_or_before(done: &Value) -> Vec<Answer> {
    vec![
        Answer::json::<AdjustmentView>(201, "Done now.", done.clone()),
        Answer::json::<AdjustmentView>(200, "Done before.", done.clone()).may_replay(),
    ]
}

/// A call about one voucher that is answered with its adjustment.
fn desk_call(route: &'static str, id: &'static str, request: Body, done: &Value, codes: &'static [Code]) -> Operation {
    Operation {
        route,
        id,
        tag: VOUCHERS,
        summary: "",
        description: "",
        parameters: vec![party(), sequence()],
        request: Some(request),
        answers: done_now_or_before(done),
        codes,
    }
}

fn show_voucher() -> Operation {
    let state = json!({
        "voucher": voucher_id("7"), "status": "blocked", "value": {"amount_minor": 500, "currency": "CHF"},
        "min_basket": {"amount_minor": 0, "currency": "CHF"}, "valid_from": "2026-09-02", "valid_until": "2027-03-01",
    });
    let shown = json!({"state": state, "adjustment": on_voucher("voucher_block", "The code was seen by others")});
    Operation {
        route: "GET /v1/parties/{party_id}/vouchers/{sequence}",
        id: "showVoucher",
        tag: VOUCHERS,
        summary: "Show one voucher, and who stopped it and why",
        description: "Without its code.",
        parameters: vec![
            party(),
            sequence(),
            query("programme", "The programme of the voucher.", "treue"),
        ],
        request: None,
        answers: vec![Answer::json::<VoucherDeskView>(200, "It.", shown)],
        codes: &[Code::NotFound],
    }
}

fn block_voucher() -> Operation {
    let request = json!({
        "programme": "treue", "reason": "The code was seen by others", "client_token": "case-4714",
    });
    Operation {
        summary: "Stop a voucher",
        description: "No till takes it from now on, until it is unblocked. One that is reserved or redeemed is not blocked. One that \
                      is blocked already answers with who blocked it.",
        ..desk_call(
            "POST /v1/parties/{party_id}/vouchers/{sequence}/block",
            "blockVoucher",
            Body::of::<VoucherRequest>(request),
            &on_voucher("voucher_block", "The code was seen by others"),
            &[
                Code::Invalid,
                Code::NotFound,
                Code::ProgrammeUnknown,
                Code::AdjustmentContradiction,
                Code::VoucherRedeemed,
                Code::VoucherReserved,
                Code::VoucherVoided,
                Code::VoucherReissued,
            ],
        )
    }
}

fn unblock_voucher() -> Operation {
    let request = json!({
        "programme": "treue", "reason": "It was another code", "client_token": "case-4715",
    });
    Operation {
        summary: "Open a blocked voucher again",
        description: "Tills take it again, as long as it is valid.",
        ..desk_call(
            "POST /v1/parties/{party_id}/vouchers/{sequence}/unblock",
            "unblockVoucher",
            Body::of::<VoucherRequest>(request),
            &on_voucher("voucher_unblock", "It was another code"),
            &[
                Code::Invalid,
                Code::NotFound,
                Code::ProgrammeUnknown,
                Code::AdjustmentContradiction,
                Code::VoucherRedeemed,
                Code::VoucherReserved,
                Code::VoucherVoided,
                Code::VoucherReissued,
                Code::VoucherNotBlocked,
            ],
        )
    }
}

fn extend_voucher() -> Operation {
    let request = json!({
        "programme": "treue", "valid_until": "2027-06-30", "reason": "The branch was closed", "client_token": "case-4716",
    });
    let mut done = on_voucher("voucher_extend", "The branch was closed");
    done["valid_until"] = json!("2027-06-30");
    Operation {
        summary: "Let a voucher be valid for longer",
        description: "Also one whose validity is over, or that is blocked and stays so. The new last day is later than the one \
                      before, not over, and at most 3660 days away.",
        ..desk_call(
            "POST /v1/parties/{party_id}/vouchers/{sequence}/extend",
            "extendVoucher",
            Body::of::<ExtendVoucherRequest>(request),
            &done,
            &[
                Code::Invalid,
                Code::NotFound,
                Code::ProgrammeUnknown,
                Code::AdjustmentContradiction,
                Code::VoucherRedeemed,
                Code::VoucherReserved,
                Code::VoucherVoided,
                Code::VoucherReissued,
                Code::VoucherNotExtended,
            ],
        )
    }
}

fn reissue_voucher() -> Operation {
    let request = json!({
        "programme": "treue", "reason": "The letter was lost", "client_token": "case-4717",
    });
    let mut done = on_voucher("voucher_reissue", "The letter was lost");
    done["reissued_as"] = voucher_id("7.1");
    Operation {
        summary: "Put a new voucher in the place of one",
        description: "The old code is void for ever; a voucher with the same terms and another code stands in its place, in one \
                      step and without moving points. An open or blocked one that is valid today, at most nine times in a row. The \
                      cash desk and the feed show the new code.",
        ..desk_call(
            "POST /v1/parties/{party_id}/vouchers/{sequence}/reissue",
            "reissueVoucher",
            Body::of::<VoucherRequest>(request),
            &done,
            &[
                Code::Invalid,
                Code::NotFound,
                Code::ProgrammeUnknown,
                Code::AdjustmentContradiction,
                Code::VoucherRedeemed,
                Code::VoucherReserved,
                Code::VoucherVoided,
                Code::VoucherReissued,
                Code::VoucherExpired,
                Code::VoucherPaidWith,
                Code::VoucherReissuesExhausted,
            ],
        )
    }
}

fn void_voucher() -> Operation {
    let request = json!({
        "programme": "treue", "reason": "The letter came back", "client_token": "case-4713",
    });
    let mut void = correction(500);
    void["kind"] = json!("voucher_void");
    void["voucher"] = json!(7);
    void["voucher_id"] = voucher_id("7");
    void["reason"] = json!("The letter came back");
    let done = posted(void, None, &[entry(PARTY, 500, 712)]);
    Operation {
        route: "POST /v1/parties/{party_id}/vouchers/{sequence}/void",
        id: "voidVoucher",
        tag: TAG,
        summary: "Make a voucher void and give its points back",
        description: "Named by its number, what its id has behind the programme, so that nobody needs its code. Only one that is \
                      open: not redeemed, reserved, blocked or expired, and not named as a payment by any receipt. It \
                      is void for every till at once, and its points go back where they came from, with their old \
                      last day or the programme's `grace_days` when that is over. A balance that is worth a voucher \
                      then becomes a new one, with another code. One that a campaign gave cost no points, and none come \
                      back.",
        parameters: vec![party(), sequence()],
        request: Some(Body::of::<VoidVoucherRequest>(request)),
        answers: vec![
            Answer::json::<AdjustmentView>(201, "Void now.", done.clone()),
            Answer::json::<AdjustmentView>(200, "Void before, by this or another call.", done).may_replay(),
        ],
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::ProgrammeUnknown,
            Code::AdjustmentContradiction,
            Code::VoucherRedeemed,
            Code::VoucherReserved,
            Code::VoucherBlocked,
            Code::VoucherExpired,
            Code::VoucherPaidWith,
            Code::VoucherReissued,
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
