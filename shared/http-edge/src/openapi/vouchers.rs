//! Calls of voucher-redemption.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, optional, paging, query};
use crate::api::vouchers::{
    CheckAnswer, CheckRequest, FeedPage, RedeemRequest, ReleaseRequest, ReserveRequest, ReverseRequest, RollbackAnswer,
    RollbackRequest, UnmatchedPage, VoucherState,
};
use crate::problem::Code;

const TAG: &str = "Vouchers";
/// A code with its right check character; no voucher has it.
pub(super) const CODE: &str = "HEQV-7H30-EW3G-02JY1";
const RECEIPT: &str = "B07~3~2026-11-22~004712";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        check(),
        reserve(),
        redeem(),
        release(),
        reverse(),
        rollback(),
        feed(),
        unmatched(),
    ]
}

fn money(amount_minor: i64) -> Value {
    json!({"amount_minor": amount_minor, "currency": "CHF"})
}

/// A basket with goods of two VAT rates.
fn by_vat() -> Value {
    json!([{"vat_rate_bp": 810, "amount": money(3_000)}, {"vat_rate_bp": 260, "amount": money(1_790)}])
}

/// The voucher with what it takes off that basket.
fn discounted(status: &str) -> Value {
    let mut state = state(status);
    let parts = json!([{"vat_rate_bp": 810, "amount": money(313)}, {"vat_rate_bp": 260, "amount": money(187)}]);
    state["discount"] = json!({"amount": money(500), "by_vat": parts});
    state
}

fn state(status: &str) -> Value {
    let mut state = json!({
        "voucher": "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10~treue~3", "status": status,
        "value": money(500), "min_basket": money(0), "valid_from": "2026-09-02", "valid_until": "2027-03-01",
    });
    match status {
        "reserved" => state["reserved_until"] = json!("2026-11-22T10:30:00Z"),
        "redeemed" => {
            state["redemption"] = json!({
                "location": "B07", "till": "3", "business_date": "2026-11-22", "at": "2026-11-22T10:16:00Z",
            });
        }
        _ => {}
    }
    state
}

/// A call of a till about one voucher.
fn till_call(
    route: &'static str,
    id: &'static str,
    request: Body,
    answer: Answer,
    codes: &'static [Code],
) -> Operation {
    Operation {
        route,
        id,
        tag: TAG,
        summary: "",
        description: "",
        parameters: vec![],
        request: Some(request),
        answers: vec![answer],
        codes,
    }
}

fn check() -> Operation {
    let request = json!({
        "store": "B07", "till": "3", "code": CODE, "basket_total": money(4_790), "basket_by_vat": by_vat(),
    });
    let answer = json!({"usable": true, "state": discounted("open")});
    Operation {
        summary: "Ask whether a voucher can be taken",
        description: "Changes nothing. A code that is mistyped is refused by its check character without a look at the \
                      books. Well-formed codes that do not exist are counted; a till that asks for many of them is answered \
                      more slowly and then with 429, and can go on with codes that exist. Where the basket is named by VAT rate, the \
                      answer splits what the voucher takes off over the rates, to the minor unit. A voucher that is for some product \
                      groups is asked about with the goods by group; without them the answer leaves open whether it takes anything off.",
        ..till_call(
            "POST /v1/vouchers/check",
            "checkVoucher",
            Body::of::<CheckRequest>(request),
            Answer::json::<CheckAnswer>(200, "The voucher, and whether this location can take it now.", answer),
            &[
                Code::Invalid,
                Code::LocationForbidden,
                Code::LocationUnknown,
                Code::ProgrammeUnknown,
                Code::VoucherUnknown,
                Code::TooManyUnknown,
            ],
        )
    }
}

fn reserve() -> Operation {
    let request = json!({
        "store": "B07", "till": "3", "code": CODE, "basket": "b-91", "basket_total": money(4_790),
    });
    Operation {
        summary: "Hold a voucher for a basket",
        description: "Nobody else can take the voucher until the hold ends after the programme's `reservation_seconds`. The \
                      same basket again keeps the hold, also when the location was closed meanwhile. A hold fixes no amount: what the \
                      voucher takes off is decided when it is redeemed, on the goods of the receipt. A personal voucher is held for \
                      its customer only.",
        ..till_call(
            "POST /v1/vouchers/reserve",
            "reserveVoucher",
            Body::of::<ReserveRequest>(request),
            Answer::json::<VoucherState>(200, "Held.", state("reserved")).may_replay(),
            &[
                Code::Invalid,
                Code::LocationForbidden,
                Code::LocationUnknown,
                Code::LocationClosed,
                Code::ProgrammeUnknown,
                Code::VoucherUnknown,
                Code::TooManyUnknown,
                Code::VoucherRedeemed,
                Code::VoucherReserved,
                Code::VoucherNotYetValid,
                Code::VoucherExpired,
                Code::VoucherBlocked,
                Code::VoucherVoided,
                Code::VoucherOtherLocation,
                Code::VoucherNotYetConfirmed,
                Code::VoucherHolderStopped,
                Code::VoucherOtherProgramme,
                Code::VoucherNeedsCustomer,
                Code::VoucherOtherCustomer,
                Code::BasketTooSmall,
                Code::VoucherPartsExhausted,
            ],
        )
    }
}

fn redeem() -> Operation {
    let request = json!({
        "store": "B07", "till": "3", "code": CODE, "receipt": RECEIPT, "basket": "b-91", "basket_total": money(4_790),
        "basket_by_vat": by_vat(),
    });
    Operation {
        summary: "Take a voucher on a receipt",
        description: "With or without a hold. The business date of the receipt must be one on which the receipt itself would be \
                      taken: not in the future, not older than the programme's `late_days` (unless the key has the scope \
                      `purchases:migrate`), and not after the location was closed. The same receipt again is answered with \
                      200 as the first time, whatever has changed since; another receipt gets 409 with place and time of \
                      the first redemption. Where the receipt is named by VAT rate, the answer splits what the voucher takes off \
                      over the rates, to the minor unit, so that tax is shown on what is paid. Of a voucher that is taken in parts \
                      `amount` is taken, and it stays open with its rest; the same receipt takes one part. Of a voucher in per cent \
                      that share of the goods that it is for is taken, rounded down to the minor unit and up to its limit; of no voucher \
                      more than these goods. `taken` is what stays with the redemption: name it as the payment on the receipt. A \
                      voucher that would take nothing off is refused and not used up. A personal voucher is taken with a card of its \
                      customer, or by the customer who has signed in at a shop.",
        ..till_call(
            "POST /v1/vouchers/redeem",
            "redeemVoucher",
            Body::of::<RedeemRequest>(request),
            Answer::json::<VoucherState>(200, "Taken on this receipt.", discounted("redeemed")).may_replay(),
            &[
                Code::Invalid,
                Code::LocationForbidden,
                Code::LocationUnknown,
                Code::LocationClosed,
                Code::ProgrammeUnknown,
                Code::VoucherUnknown,
                Code::TooManyUnknown,
                Code::VoucherRedeemed,
                Code::VoucherReserved,
                Code::VoucherNotHeld,
                Code::VoucherReversed,
                Code::VoucherNotYetValid,
                Code::VoucherExpired,
                Code::VoucherBlocked,
                Code::VoucherVoided,
                Code::VoucherOtherLocation,
                Code::VoucherNotYetConfirmed,
                Code::VoucherHolderStopped,
                Code::VoucherOtherProgramme,
                Code::VoucherNeedsCustomer,
                Code::VoucherOtherCustomer,
                Code::BasketTooSmall,
                Code::VoucherNeedsGoods,
                Code::VoucherGoodsTooFew,
                Code::VoucherNotInParts,
                Code::VoucherRestTooSmall,
                Code::VoucherOtherPart,
                Code::VoucherPartsExhausted,
            ],
        )
    }
}

fn release() -> Operation {
    let request = json!({"store": "B07", "till": "3", "code": CODE, "basket": "b-91"});
    Operation {
        summary: "Let go of a hold",
        description: "For a basket that is given up. The voucher is open again at once.",
        ..till_call(
            "POST /v1/vouchers/release",
            "releaseVoucher",
            Body::of::<ReleaseRequest>(request),
            Answer::json::<VoucherState>(200, "The basket holds it no longer.", state("open")).may_replay(),
            &[
                Code::Invalid,
                Code::LocationForbidden,
                Code::LocationUnknown,
                Code::ProgrammeUnknown,
                Code::VoucherUnknown,
                Code::TooManyUnknown,
                Code::VoucherRedeemed,
                Code::VoucherReserved,
                Code::VoucherBlocked,
                Code::VoucherVoided,
                Code::VoucherHolderStopped,
            ],
        )
    }
}

fn reverse() -> Operation {
    let request = json!({"store": "B07", "till": "3", "code": CODE, "receipt": RECEIPT});
    Operation {
        summary: "Take a redemption back",
        description: "For a receipt that is voided. The voucher is open again as long as it is valid; the receipt cannot redeem \
                      it a second time. A hold that the redemption has not used yet stays: \
                      release its basket too. A till that gave up waiting for a redemption reverses it too, whether it happened \
                      or not: a reversal that comes first is remembered, and the redemption is refused with \
                      `voucher_reversed` when it comes.",
        ..till_call(
            "POST /v1/vouchers/reverse",
            "reverseVoucher",
            Body::of::<ReverseRequest>(request),
            Answer::json::<VoucherState>(200, "Not redeemed on this receipt, now or later.", state("open"))
                .may_replay(),
            &[
                Code::Invalid,
                Code::LocationForbidden,
                Code::LocationUnknown,
                Code::ProgrammeUnknown,
                Code::VoucherUnknown,
                Code::TooManyUnknown,
                Code::VoucherNotRedeemed,
                Code::VoucherReversalsExhausted,
            ],
        )
    }
}

fn rollback() -> Operation {
    let request = json!({"store": "B02", "till": "1", "receipt": "B07~3~2026-11-22~004711"});
    let answer = json!({"vouchers": [state("open")]});
    Operation {
        summary: "Give back the vouchers of a returned receipt",
        description: "For a receipt that was voided, or all of whose goods came back, at any location of its programme and at any \
                      age. Each voucher that it names as a payment, or the part that it took, can be redeemed again; one whose \
                      validity is over is valid for the programme's `voucher.rollback_days` from today. No code is needed. The \
                      call again changes nothing.",
        ..till_call(
            "POST /v1/vouchers/rollback",
            "rollBackVouchers",
            Body::of::<RollbackRequest>(request),
            Answer::json::<RollbackAnswer>(200, "The vouchers that the receipt names as payments.", answer)
                .may_replay(),
            &[
                Code::Invalid,
                Code::LocationForbidden,
                Code::LocationUnknown,
                Code::ProgrammeUnknown,
                Code::NotFound,
                Code::ReceiptNotReturned,
                Code::VoucherOtherProgramme,
                Code::VoucherReversalsExhausted,
            ],
        )
    }
}

fn feed() -> Operation {
    let answer = json!({
        "events": [{"group": "g2", "sequence": 118, "state_version": 1, "code": CODE, "state": state("open")}],
        "cursor": "eyJ2IjoxLCJrIjp7ImcyIjoxMTh9fQ", "more": false,
    });
    let [limit, _] = paging();
    Operation {
        route: "GET /v1/vouchers/feed",
        id: "readVoucherFeed",
        tag: TAG,
        summary: "Follow the changes of vouchers",
        description: "Every change at least once, in order within a group of locations. Keep `cursor` and pass it next time; \
                      keep the greatest `state_version` of each voucher. Changes are kept for 35 days.",
        parameters: vec![
            limit,
            optional(
                "cursor",
                "`cursor` of the answer before; from the beginning when absent.",
            ),
        ],
        request: None,
        answers: vec![Answer::json::<FeedPage>(
            200,
            "Changes of the groups of the caller's locations.",
            answer,
        )],
        codes: &[Code::CursorExpired],
    }
}

fn unmatched() -> Operation {
    let answer = json!({"items": [{
        "kind": "redemption_without_receipt", "since": "2026-11-20T10:16:00Z", "redeemed_on": RECEIPT,
        "state": state("redeemed"),
    }]});
    let mut parameters = vec![query("programme", "The programme of the vouchers.", "treue")];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/vouchers/unmatched",
        id: "listUnmatchedVouchers",
        tag: "Operations",
        summary: "List redemptions without receipt, and the reverse",
        description: "Vouchers that were redeemed on a receipt that never came, receipts that name a voucher that was \
                      not redeemed on them, and receipts that name another amount than the voucher took off, once older than the programme's `unmatched_hours`.",
        parameters,
        request: None,
        answers: vec![Answer::json::<UnmatchedPage>(200, "A page of cases.", answer)],
        codes: &[Code::NotFound],
    }
}
