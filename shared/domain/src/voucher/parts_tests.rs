//! Vouchers that are taken in parts.

use proptest::prelude::*;

use super::tests::{at, changed, occasion, receipt, reserve, reverse, voucher};
use super::*;

const NOON: &str = "2026-11-22T12:00:00Z";

fn in_parts() -> Voucher {
    Voucher {
        partial: Some(Parts::default()),
        min_basket_minor: 0,
        ..voucher()
    }
}

fn take(number: u32, amount_minor: impl Into<Option<i64>>) -> Command {
    Command::Redeem {
        receipt: receipt(number),
        basket: None,
        basket_minor: 5_000,
        goods: vec![],
        amount_minor: amount_minor.into(),
    }
}

fn taken(voucher: &Voucher, number: u32, amount_minor: impl Into<Option<i64>>) -> Voucher {
    changed(voucher.apply(&take(number, amount_minor), &occasion(NOON)))
}

#[test]
fn each_part_belongs_to_its_receipt_and_the_last_one_redeems_the_voucher() {
    let first = taken(&in_parts(), 1, 200);
    assert_eq!((&first.state, first.rest_minor()), (&State::Open, Some(300)));
    assert_eq!((first.version, first.state_version), (2, 2), "tills hear of it");
    for again in [take(1, 200), take(1, None)] {
        assert_eq!(
            first.apply(&again, &occasion("2027-02-01T12:00:00Z")),
            Ok(Outcome::Replayed)
        );
    }
    let other = Refusal::OtherPart {
        amount_minor: 200,
        currency: Currency::CHF,
    };
    assert_eq!(first.apply(&take(1, 100), &occasion(NOON)), Err(other));
    let less = Refusal::RestTooSmall {
        rest_minor: 300,
        currency: Currency::CHF,
    };
    assert_eq!(first.apply(&take(2, 301), &occasion(NOON)), Err(less));
    let last = taken(&first, 2, None);
    assert_eq!(last.rest_minor(), Some(0));
    assert!(matches!(&last.state, State::Redeemed { receipt: on, .. } if *on == receipt(2)));
    assert_eq!(last.apply(&take(1, 200), &occasion(NOON)), Ok(Outcome::Replayed));
    assert!(matches!(
        last.apply(&take(3, 1), &occasion(NOON)),
        Err(Refusal::AlreadyRedeemed { .. })
    ));
    let takings: Vec<_> = last
        .takings()
        .iter()
        .map(|t| (t.before_minor, t.amount_minor))
        .collect();
    assert_eq!(takings, [(0, 200), (200, 300)]);
}

#[test]
fn without_an_amount_it_takes_as_much_as_the_basket_has() {
    let small = Command::Redeem {
        receipt: receipt(1),
        basket: None,
        basket_minor: 120,
        goods: vec![],
        amount_minor: None,
    };
    let first = changed(in_parts().apply(&small, &occasion(NOON)));
    assert_eq!(
        (first.rest_minor(), first.discount_on(90), first.discount_on(9_000)),
        (Some(380), 90, 380)
    );
    let nothing = Command::Redeem {
        receipt: receipt(2),
        basket: None,
        basket_minor: 0,
        goods: vec![],
        amount_minor: None,
    };
    assert!(matches!(
        first.apply(&nothing, &occasion(NOON)),
        Err(Refusal::BasketTooSmall { .. })
    ));
}

#[test]
fn a_reversal_gives_its_part_back_also_of_one_that_is_redeemed_or_blocked() {
    let all = taken(&taken(&in_parts(), 1, 200), 2, 300);
    let back = changed(all.apply(&reverse(1), &occasion(NOON)));
    assert_eq!((&back.state, back.rest_minor()), (&State::Open, Some(200)));
    assert_eq!(back.apply(&take(1, 200), &occasion(NOON)), Err(Refusal::Reversed));
    assert_eq!(back.apply(&reverse(1), &occasion(NOON)), Ok(Outcome::Replayed));
    let adjustment = "AAAA".parse().unwrap();
    let blocked = changed(back.block(&adjustment, at(NOON)));
    let back = changed(blocked.apply(&reverse(2), &occasion(NOON)));
    assert_eq!((&back.state, back.rest_minor()), (&blocked.state, Some(500)));
}

#[test]
fn a_hold_keeps_others_out_and_ends_with_its_part() {
    let held = changed(in_parts().apply(&reserve("b1"), &occasion(NOON)));
    assert!(matches!(
        held.apply(&take(1, 100), &occasion(NOON)),
        Err(Refusal::Reserved { .. })
    ));
    let with_basket = Command::Redeem {
        receipt: receipt(2),
        basket: "b1".parse().ok(),
        basket_minor: 5_000,
        goods: vec![],
        amount_minor: Some(100),
    };
    let open = changed(held.apply(&with_basket, &occasion(NOON)));
    assert_eq!((&open.state, open.rest_minor()), (&State::Open, Some(400)));
    assert_eq!(open.apply(&with_basket, &occasion(NOON)), Ok(Outcome::Replayed));
}

#[test]
fn a_voucher_that_is_taken_at_once_takes_no_amount_but_its_own() {
    assert_eq!(
        voucher().apply(&take(1, 200), &occasion(NOON)),
        Err(Refusal::NotInParts)
    );
    let whole = taken(&voucher(), 1, 500);
    assert_eq!(whole, taken(&voucher(), 1, None));
    assert_eq!(whole.takings().len(), 1);
}

#[test]
fn one_that_is_partly_redeemed_is_neither_voided_nor_reissued() {
    let (adjustment, first) = ("AAAA".parse().unwrap(), taken(&in_parts(), 1, 200));
    assert_eq!(first.void(&adjustment, at(NOON)), Err(Refusal::PartlyRedeemed));
    assert_eq!(first.reissue(&adjustment, 1, at(NOON)), Err(Refusal::PartlyRedeemed));
    let back = changed(first.apply(&reverse(1), &occasion(NOON)));
    let reissued = back.reissue(&adjustment, 1, at(NOON)).unwrap();
    assert_eq!(reissued.new.rest_minor(), Some(500));
}

#[test]
fn twenty_parts_are_the_most() {
    let mut voucher = in_parts();
    for number in 1..=20 {
        voucher = taken(&voucher, number, 1);
    }
    assert_eq!(voucher.apply(&take(21, 1), &occasion(NOON)), Err(Refusal::TooManyParts));
    assert_eq!(voucher.check(None, &[], &occasion(NOON)), Err(Refusal::TooManyParts));
    assert_eq!(voucher.apply(&take(20, 1), &occasion(NOON)), Ok(Outcome::Replayed));
    let back = changed(voucher.apply(&reverse(20), &occasion(NOON)));
    assert_eq!(taken(&back, 21, None).rest_minor(), Some(0));
}

#[test]
fn a_receipt_that_names_it_keeps_it_from_being_voided_until_its_sale_is() {
    let adjustment = "AAAA".parse().unwrap();
    let named = in_parts().note_payment(&receipt(1), 100, at(NOON)).unwrap().voucher;
    assert_eq!(named.void(&adjustment, at(NOON)), Err(Refusal::PaidWith));
    assert_eq!(named.reissue(&adjustment, 1, at(NOON)), Err(Refusal::PaidWith));
    let back = changed(named.apply(&reverse(1), &occasion(NOON)));
    changed(back.void(&adjustment, at(NOON)));
}

#[test]
fn the_oldest_case_is_the_one_to_look_at_and_forty_receipts_are_known() {
    const LATER: &str = "2026-11-22T12:00:01Z";
    let since = |voucher: &Voucher| voucher.mismatch().map(|case| (case.kind, case.since));
    let noted = in_parts().note_payment(&receipt(1), 100, at(NOON)).unwrap().voucher;
    let then_taken = changed(noted.apply(&take(2, 100), &occasion(LATER)));
    assert_eq!(
        since(&then_taken),
        Some((Unmatched::PaymentWithoutRedemption, at(NOON)))
    );
    let then_noted = taken(&in_parts(), 2, 100)
        .note_payment(&receipt(1), 100, at(LATER))
        .unwrap();
    let mut voucher = then_noted.voucher;
    assert_eq!(since(&voucher), Some((Unmatched::RedemptionWithoutReceipt, at(NOON))));
    for number in 2..=40 {
        voucher = voucher.note_payment(&receipt(number), 100, at(LATER)).unwrap().voucher;
    }
    assert_eq!(voucher.note_payment(&receipt(41), 100, at(LATER)), None);
}

#[test]
fn every_part_is_matched_with_its_receipt() {
    let two = taken(&taken(&in_parts(), 1, 200), 2, 100);
    let note = |voucher: &Voucher, number| {
        let amount = [200, 100, 50][number as usize - 1];
        voucher
            .note_payment(&receipt(number), amount, at(NOON))
            .unwrap()
            .voucher
    };
    assert_eq!(two.unmatched().unwrap().0, Unmatched::RedemptionWithoutReceipt);
    let one_left = note(&two, 1);
    assert_eq!(
        (one_left.version, one_left.state_version),
        (4, 3),
        "a till need not hear of it"
    );
    let case = one_left.mismatch().unwrap();
    assert_eq!((case.redeemed_on, case.paid_on), (Some(&receipt(2)), None));
    let matched = note(&one_left, 2);
    assert_eq!(matched.unmatched(), None);
    assert_eq!(matched.note_payment(&receipt(2), 500, at(NOON)), None, "noted before");
    let third = note(&matched, 3);
    let case = third.mismatch().unwrap();
    assert_eq!(
        (case.kind, case.paid_on),
        (Unmatched::PaymentWithoutRedemption, Some(&receipt(3)))
    );
    assert_eq!(taken(&third, 3, 50).unmatched(), None);
    let other = taken(&third, 3, 60);
    let case = other.mismatch().unwrap();
    assert_eq!(
        (case.kind, case.redeemed_on, case.paid_on),
        (Unmatched::OtherAmount, Some(&receipt(3)), Some(&receipt(3)))
    );
    let back = changed(third.apply(&reverse(3), &occasion(NOON)));
    assert_eq!(back.unmatched(), None, "a voided sale is nothing to look at");
    assert!(back.knows_payment(&receipt(3)));
}

proptest! {
    /// Whatever tills take and reverse, in whatever order: never more than the value is out, and what is out and the rest tie.
    #[test]
    fn x2_never_more_than_the_value_is_taken(steps in prop::collection::vec((0u8..4, 0u32..30, 0i64..300), 1..80)) {
        let (mut voucher, mut out) = (in_parts(), std::collections::BTreeMap::new());
        for (kind, number, amount) in steps {
            let command = match kind {
                0 => reverse(number),
                1 => take(number, None),
                _ => take(number, amount),
            };
            let before = voucher.rest_minor().unwrap();
            if let Ok(Outcome::Changed(after)) = voucher.apply(&command, &occasion(NOON)) {
                let rest = after.rest_minor().unwrap();
                if kind == 0 {
                    prop_assert_eq!(rest - before, out.remove(&number).unwrap_or(0));
                } else {
                    prop_assert!(out.insert(number, before - rest).is_none(), "one part for each receipt");
                    prop_assert!(before > rest);
                }
                prop_assert_eq!(matches!(after.state, State::Redeemed { .. }), rest == 0);
                voucher = *after;
            }
            let sum: i64 = out.values().sum();
            prop_assert_eq!((sum + voucher.rest_minor().unwrap(), voucher.parts().len()), (500, out.len()));
            prop_assert!(out.len() <= PARTS_MAX);
        }
    }
}
