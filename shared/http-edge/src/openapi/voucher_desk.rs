//! Calls of points-desk about single vouchers.

use serde_json::{Value, json};

use super::adjustments::{PARTY, correction, entry, party, posted};
use super::operation::{Answer, Body, Operation, Parameter, path, query};
use crate::api::adjustments::{
    AdjustmentView, ExtendVoucherRequest, VoidVoucherRequest, VoucherDeskView, VoucherRequest,
};
use crate::problem::Code;

const VOUCHERS: &str = "Vouchers";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        show_voucher(),
        block_voucher(),
        unblock_voucher(),
        extend_voucher(),
        reissue_voucher(),
        void_voucher(),
    ]
}

fn sequence(example: &str) -> Parameter {
    path(
        "sequence",
        "The voucher's number within the account, what its id has behind the programme: `7` for one issued for points, \
         `birthday~2026~1` for one that a run of a campaign gave, `7.1` for what was issued in the place of `7`.",
        example,
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
        parameters: vec![party(), sequence("7")],
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
            sequence("7"),
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
    done["voucher"] = json!(8);
    done["voucher_id"] = voucher_id("8");
    done["reissued_as"] = voucher_id("8.1");
    Operation {
        summary: "Put a new voucher in the place of one",
        description: "The old code is void for ever; a voucher with the same terms and another code stands in its place, in one \
                      step and without moving points. An open or blocked one that is valid today, at most nine times in a row. The \
                      cash desk and the feed show the new code.",
        parameters: vec![party(), sequence("8")],
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
                Code::VoucherPartlyRedeemed,
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
        tag: "Points by hand",
        summary: "Make a voucher void and give its points back",
        description: "Named by its number, what its id has behind the programme, so that nobody needs its code. Only one that is \
                      open: not redeemed, reserved, blocked or expired, and not named as a payment by any receipt. It \
                      is void for every till at once, and its points go back where they came from, with their old \
                      last day or the programme's `grace_days` when that is over. A balance that is worth a voucher \
                      then becomes a new one, with another code. One that a campaign gave cost no points, and none come \
                      back.",
        parameters: vec![party(), sequence("7")],
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
            Code::VoucherPartlyRedeemed,
        ],
    }
}
