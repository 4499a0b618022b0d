//! What is just enough, and the last moment at which something can be done.

use super::tests::{at, changed, occasion, receipt, voucher};
use super::*;

/// The last second of 30 November in Zurich, and the first of December.
const LAST: &str = "2026-11-30T22:59:59Z";
const OVER: &str = "2026-11-30T23:00:00Z";

#[test]
fn the_smallest_basket_itself_is_enough() {
    let of = |basket_minor| Command::Redeem {
        receipt: receipt(1),
        basket: None,
        basket_minor,
        goods: Vec::new(),
        amount_minor: None,
    };
    changed(voucher().apply(&of(1_000), &occasion(LAST)));
    assert!(matches!(
        voucher().apply(&of(999), &occasion(LAST)),
        Err(Refusal::BasketTooSmall { .. })
    ));
}

#[test]
fn a_voucher_is_voided_and_reissued_through_its_last_day() {
    let adjustment = "AAAA".parse().unwrap();
    changed(voucher().void(&adjustment, at(LAST)));
    voucher().reissue(&adjustment, 1, at(LAST)).unwrap();
    let expired = Refusal::Expired {
        until: voucher().valid_until,
    };
    assert_eq!(voucher().void(&adjustment, at(OVER)), Err(expired.clone()));
    assert_eq!(voucher().reissue(&adjustment, 1, at(OVER)), Err(expired));
}

#[test]
fn a_voucher_that_is_over_can_be_extended_to_today() {
    let today = "2026-12-01".parse().unwrap();
    let extended = changed(voucher().extend(today, at(OVER)));
    assert_eq!(extended.valid_until, today);
    let late = voucher().extend(today, at("2026-12-01T23:00:00Z"));
    assert!(matches!(late, Err(Refusal::NotExtended { .. })));
}
