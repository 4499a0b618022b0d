use proptest::prelude::*;

use super::*;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn voucher() -> Voucher {
    Voucher {
        party: "p1".parse().unwrap(),
        programme: "treue".parse().unwrap(),
        number: 1.into(),
        value_minor: 500,
        currency: Currency::CHF,
        min_basket_minor: 1_000,
        valid_from: "2026-11-01".parse().unwrap(),
        valid_until: "2026-11-30".parse().unwrap(),
        zone: chrono_tz::Europe::Zurich,
        reservation_seconds: 900,
        origin: None,
        issued_at: at("2026-11-01T10:00:00Z"),
        code_key_version: 1,
        state: State::Open,
        version: 1,
        state_version: 1,
        reversed: vec![],
        payment: None,
        partial: None,
        campaign: None,
    }
}

pub(super) fn occasion(now: &str) -> Occasion {
    Occasion {
        location: "B07".parse().unwrap(),
        programme: "treue".parse().unwrap(),
        presenter: Presenter::Unsaid,
        now: at(now),
    }
}

pub(super) fn receipt(number: u32) -> ReceiptKey {
    format!("B07~3~2026-11-22~{number}").parse().unwrap()
}

pub(super) fn redeem(number: u32) -> Command {
    Command::Redeem {
        receipt: receipt(number),
        basket: None,
        basket_minor: 5_000,
        goods: vec![],
        amount_minor: None,
    }
}

pub(super) fn reserve(basket: &str) -> Command {
    Command::Reserve {
        basket: basket.parse().unwrap(),
        basket_minor: 5_000,
    }
}

fn redeem_held(number: u32, basket: &str) -> Command {
    Command::Redeem {
        receipt: receipt(number),
        basket: Some(basket.parse().unwrap()),
        basket_minor: 5_000,
        goods: vec![],
        amount_minor: None,
    }
}

pub(super) fn changed(outcome: Result<Outcome, Refusal>) -> Voucher {
    match outcome {
        Ok(Outcome::Changed(voucher)) => *voucher,
        other => panic!("expected a change, got {other:?}"),
    }
}

const NOON: &str = "2026-11-22T12:00:00Z";

#[test]
fn n6_a_voucher_is_redeemed_once_and_the_second_till_hears_where_and_when() {
    let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    let refusal = redeemed
        .apply(&redeem(2), &occasion("2026-11-22T12:00:01Z"))
        .unwrap_err();
    assert_eq!(
        refusal,
        Refusal::AlreadyRedeemed {
            receipt: receipt(1),
            at: at(NOON)
        }
    );
    assert_eq!(
        refusal.to_string(),
        "the voucher was redeemed on 2026-11-22 12:00 UTC at location B07"
    );
}

#[test]
fn the_same_receipt_again_is_answered_as_the_first_time_also_after_expiry() {
    let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    assert_eq!(
        redeemed.apply(&redeem(1), &occasion("2027-01-01T12:00:00Z")),
        Ok(Outcome::Replayed)
    );
}

#[test]
fn a_hold_keeps_others_out_until_it_times_out() {
    let held = changed(voucher().apply(&reserve("b1"), &occasion(NOON)));
    assert_eq!(
        held.apply(&reserve("b1"), &occasion("2026-11-22T12:05:00Z")),
        Ok(Outcome::Replayed)
    );
    let until = at("2026-11-22T12:15:00Z");
    assert_eq!(
        held.apply(&reserve("b2"), &occasion("2026-11-22T12:14:59Z")),
        Err(Refusal::Reserved { until })
    );
    assert_eq!(
        held.apply(&redeem(1), &occasion("2026-11-22T12:14:59Z")),
        Err(Refusal::Reserved { until })
    );
    changed(held.apply(&reserve("b2"), &occasion("2026-11-22T12:15:00Z")));
    changed(held.apply(&redeem(1), &occasion("2026-11-22T12:15:00Z")));
}

#[test]
fn a_late_confirmation_of_a_timed_out_hold_is_refused() {
    let held = changed(voucher().apply(&reserve("b1"), &occasion(NOON)));
    changed(held.apply(&redeem_held(1, "b1"), &occasion("2026-11-22T12:14:59Z")));
    assert_eq!(
        held.apply(&redeem_held(1, "b1"), &occasion("2026-11-22T12:15:00Z")),
        Err(Refusal::NotHeld)
    );
}

#[test]
fn only_the_holding_basket_releases_and_a_second_release_is_harmless() {
    let held = changed(voucher().apply(&reserve("b1"), &occasion(NOON)));
    let release = |basket: &str| Command::Release {
        basket: basket.parse().unwrap(),
    };
    assert!(matches!(
        held.apply(&release("b2"), &occasion(NOON)),
        Err(Refusal::Reserved { .. })
    ));
    let open = changed(held.apply(&release("b1"), &occasion(NOON)));
    assert_eq!(open.state, State::Open);
    assert_eq!(open.apply(&release("b1"), &occasion(NOON)), Ok(Outcome::Replayed));
}

pub(super) fn reverse(number: u32) -> Command {
    Command::Reverse {
        receipt: receipt(number),
    }
}

#[test]
fn a_reversal_opens_the_voucher_and_a_late_copy_of_the_redemption_does_not_take_it_again() {
    let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    assert_eq!(
        redeemed.apply(&reverse(2), &occasion(NOON)),
        Err(Refusal::NotRedeemed),
        "another receipt's redemption stands"
    );
    let open = changed(redeemed.apply(&reverse(1), &occasion(NOON)));
    assert_eq!(open.apply(&reverse(1), &occasion(NOON)), Ok(Outcome::Replayed));
    assert_eq!(open.apply(&redeem(1), &occasion(NOON)), Err(Refusal::Reversed));
    changed(open.apply(&redeem(2), &occasion(NOON)));
}

#[test]
fn a_reversal_that_overtakes_its_redemption_keeps_the_voucher_open() {
    let held = changed(voucher().apply(&reserve("b1"), &occasion(NOON)));
    for before in [voucher(), held] {
        let after = changed(before.apply(&reverse(1), &occasion(NOON)));
        assert_eq!(
            (&after.state, after.state_version),
            (&before.state, before.state_version),
            "tills have nothing to hear of"
        );
        assert_eq!(after.version, before.version + 1);
        assert_eq!(after.apply(&reverse(1), &occasion(NOON)), Ok(Outcome::Replayed));
        assert_eq!(
            after.apply(&redeem_held(1, "b1"), &occasion(NOON)),
            Err(Refusal::Reversed)
        );
        assert_eq!(after.apply(&redeem(1), &occasion(NOON)), Err(Refusal::Reversed));
        let later = occasion("2026-11-22T12:15:00Z");
        changed(after.apply(&redeem(2), &later));
    }
}

#[test]
fn reversals_that_came_too_early_are_bounded_too() {
    let mut voucher = voucher();
    for number in 0..u32::try_from(REVERSALS_MAX).unwrap() {
        voucher = changed(voucher.apply(&reverse(number), &occasion(NOON)));
    }
    assert_eq!(
        voucher.apply(&reverse(99), &occasion(NOON)),
        Err(Refusal::TooManyReversals)
    );
    assert_eq!(voucher.apply(&reverse(0), &occasion(NOON)), Ok(Outcome::Replayed));
    changed(voucher.apply(&redeem(99), &occasion(NOON)));
}

#[test]
fn a_voided_sale_gives_its_voucher_back_however_many_were_voided_before() {
    let mut voucher = voucher();
    for number in 0..=u32::try_from(REVERSALS_MAX).unwrap() {
        voucher = changed(voucher.apply(&redeem(number), &occasion(NOON)));
        voucher = changed(voucher.apply(&reverse(number), &occasion(NOON)));
        assert_eq!(voucher.state, State::Open);
        assert_eq!(voucher.apply(&reverse(number), &occasion(NOON)), Ok(Outcome::Replayed));
    }
    assert_eq!(voucher.reversed.len(), REVERSALS_MAX, "the oldest is forgotten");
}

#[test]
fn validity_is_whole_local_days() {
    let ask = |now: &str| voucher().apply(&redeem(1), &occasion(now));
    assert_eq!(
        ask("2026-10-31T22:59:59Z"),
        Err(Refusal::NotYetValid {
            from: "2026-11-01".parse().unwrap()
        })
    );
    changed(ask("2026-10-31T23:00:00Z"));
    changed(ask("2026-11-30T22:59:59Z"));
    assert_eq!(
        ask("2026-11-30T23:00:00Z"),
        Err(Refusal::Expired {
            until: "2026-11-30".parse().unwrap()
        })
    );
}

#[test]
fn another_programme_a_small_basket_and_a_block_are_refused() {
    let mut foreign = occasion(NOON);
    foreign.programme = "other".parse().unwrap();
    assert_eq!(voucher().apply(&redeem(1), &foreign), Err(Refusal::OtherProgramme));
    let small = Command::Redeem {
        receipt: receipt(1),
        basket: None,
        basket_minor: 999,
        goods: vec![],
        amount_minor: None,
    };
    assert!(matches!(
        voucher().apply(&small, &occasion(NOON)),
        Err(Refusal::BasketTooSmall { .. })
    ));
    let blocked = changed(voucher().block(&adjustment(), at(NOON)));
    assert_eq!(blocked.apply(&redeem(1), &occasion(NOON)), Err(Refusal::Blocked));
}

fn adjustment() -> crate::id::LookupKey {
    "AAAA".parse().unwrap()
}

#[test]
fn a_voided_voucher_is_void_for_every_command_and_for_ever() {
    let void = changed(voucher().void(&adjustment(), at(NOON)));
    assert_eq!((void.version, void.state_version), (2, 2), "tills hear of it");
    assert_eq!(void.void(&"BBBB".parse().unwrap(), at(NOON)), Ok(Outcome::Replayed));
    let refused = Refusal::Voided { at: at(NOON) };
    let release = Command::Release {
        basket: "b1".parse().unwrap(),
    };
    for command in [reserve("b1"), redeem(1), release] {
        assert_eq!(void.apply(&command, &occasion(NOON)), Err(refused.clone()));
    }
    assert_eq!(void.apply(&reverse(1), &occasion(NOON)), Err(Refusal::NotRedeemed));
    assert_eq!(void.check(None, &[], &occasion(NOON)), Err(refused));
    assert!(!void.usable_on("2026-11-22".parse().unwrap()));
}

#[test]
fn only_an_open_voucher_that_nobody_has_paid_with_can_be_voided() {
    let ask = |voucher: &Voucher, now: &str| voucher.void(&adjustment(), at(now));
    let held = changed(voucher().apply(&reserve("b1"), &occasion(NOON)));
    assert!(matches!(ask(&held, NOON), Err(Refusal::Reserved { .. })));
    changed(ask(&held, "2026-11-22T12:15:00Z"));
    let taken = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    assert!(matches!(ask(&taken, NOON), Err(Refusal::AlreadyRedeemed { .. })));
    let back = changed(taken.apply(&reverse(1), &occasion(NOON)));
    changed(ask(&back, NOON));
    let paid = voucher().note_payment(&receipt(1), 500, at(NOON)).unwrap().voucher;
    assert_eq!(ask(&paid, NOON), Err(Refusal::PaidWith));
    let blocked = changed(voucher().block(&adjustment(), at(NOON)));
    assert_eq!(ask(&blocked, NOON), Err(Refusal::Blocked));
    assert!(matches!(
        ask(&voucher(), "2026-11-30T23:00:00Z"),
        Err(Refusal::Expired { .. })
    ));
}

#[test]
fn a_blocked_voucher_is_stopped_for_every_command_until_it_is_unblocked() {
    let blocked = changed(voucher().block(&adjustment(), at(NOON)));
    assert_eq!((blocked.version, blocked.state_version), (2, 2), "tills hear of it");
    assert_eq!(blocked.block(&"BBBB".parse().unwrap(), at(NOON)), Ok(Outcome::Replayed));
    let release = Command::Release {
        basket: "b1".parse().unwrap(),
    };
    for command in [reserve("b1"), redeem(1), release] {
        assert_eq!(blocked.apply(&command, &occasion(NOON)), Err(Refusal::Blocked));
    }
    // A till gave up waiting for a redemption that the block has overtaken: it must not happen after the block.
    let reversed = changed(blocked.apply(&reverse(1), &occasion(NOON)));
    assert_eq!(reversed.state, blocked.state);
    let open = changed(reversed.unblock(at(NOON)));
    assert_eq!(open.state, State::Open);
    assert_eq!(open.apply(&redeem(1), &occasion(NOON)), Err(Refusal::Reversed));
    changed(open.apply(&redeem(2), &occasion(NOON)));
    assert_eq!(open.unblock(at(NOON)), Err(Refusal::NotBlocked));
}

#[test]
fn what_is_held_or_taken_is_neither_blocked_nor_extended_nor_reissued() {
    let later = "2026-12-24".parse().unwrap();
    let held = changed(voucher().apply(&reserve("b1"), &occasion(NOON)));
    let taken = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    let void = changed(voucher().void(&adjustment(), at(NOON)));
    for (voucher, code) in [(&held, "reserved"), (&taken, "redeemed"), (&void, "voided")] {
        let refusals = [
            voucher.block(&adjustment(), at(NOON)).unwrap_err(),
            voucher.extend(later, at(NOON)).unwrap_err(),
            voucher.reissue(&adjustment(), 1, at(NOON)).unwrap_err(),
        ];
        for refusal in refusals {
            let fits = matches!(
                (&refusal, code),
                (Refusal::Reserved { .. }, "reserved")
                    | (Refusal::AlreadyRedeemed { .. }, "redeemed")
                    | (Refusal::Voided { .. }, "voided")
            );
            assert!(fits, "{code}: {refusal:?}");
        }
    }
    // The hold runs out, and nothing stands in the way any more.
    changed(held.block(&adjustment(), at("2026-11-22T12:15:00Z")));
    changed(held.extend(later, at("2026-11-22T12:15:00Z")));
}

#[test]
fn an_open_an_expired_and_a_blocked_voucher_are_extended_to_a_later_day_that_is_not_over() {
    let (day, after_expiry) = (|text: &str| text.parse::<NaiveDate>().unwrap(), "2026-12-10T12:00:00Z");
    let extended = changed(voucher().extend(day("2026-12-31"), at(after_expiry)));
    assert_eq!((extended.valid_until, extended.state_version), (day("2026-12-31"), 2));
    changed(extended.apply(&redeem(1), &occasion("2026-12-31T22:59:59Z")));
    let refused = Err(Refusal::NotExtended {
        until: day("2026-11-30"),
    });
    for (until, now) in [("2026-11-30", NOON), ("2026-11-29", NOON), ("2026-12-09", after_expiry)] {
        assert_eq!(voucher().extend(day(until), at(now)), refused, "{until}");
    }
    let blocked = changed(voucher().block(&adjustment(), at(NOON)));
    let extended = changed(blocked.extend(day("2026-12-31"), at(NOON)));
    assert_eq!(extended.state, blocked.state, "it stays blocked");
}

#[test]
fn a_reissued_voucher_is_dead_for_ever_and_another_one_stands_with_its_terms() {
    let blocked = changed(voucher().block(&adjustment(), at(NOON)));
    let Reissued { old, new } = blocked.reissue(&adjustment(), 2, at(NOON)).unwrap();
    assert_eq!(
        old.apply(&redeem(1), &occasion(NOON)),
        Err(Refusal::Voided { at: at(NOON) })
    );
    let number = "1.1".parse().unwrap();
    let gone = Refusal::Reissued { number };
    assert_eq!(old.reissue(&adjustment(), 2, at(NOON)), Err(gone.clone()));
    assert_eq!(old.void(&adjustment(), at(NOON)), Err(gone.clone()));
    assert_eq!(old.block(&adjustment(), at(NOON)), Err(gone));
    let terms = |voucher: &Voucher| {
        (
            voucher.value_minor,
            voucher.min_basket_minor,
            voucher.valid_from,
            voucher.valid_until,
        )
    };
    assert_eq!(terms(&new), terms(&voucher()));
    assert_eq!(
        (new.id(), &new.state, new.code_key_version),
        ("p1~treue~1.1".to_owned(), &State::Open, 2)
    );
    changed(new.apply(&redeem(1), &occasion(NOON)));
    assert!(matches!(
        voucher().reissue(&adjustment(), 1, at("2026-11-30T23:00:00Z")),
        Err(Refusal::Expired { .. })
    ));
    let mut last = voucher();
    for _ in 0..REISSUES_MAX {
        last = last.reissue(&adjustment(), 1, at(NOON)).unwrap().new;
    }
    assert_eq!(last.reissue(&adjustment(), 1, at(NOON)), Err(Refusal::TooManyReissues));
}

#[test]
fn redemptions_without_receipt_and_payments_without_redemption_are_known() {
    let paid = voucher().note_payment(&receipt(1), 500, at(NOON)).unwrap().voucher;
    assert_eq!(paid.unmatched(), Some((Unmatched::PaymentWithoutRedemption, at(NOON))));
    assert_eq!(paid.note_payment(&receipt(1), 500, at(NOON)), None);
    assert_eq!(paid.note_payment(&receipt(2), 500, at(NOON)), None);
    let both = changed(paid.apply(&redeem(1), &occasion(NOON)));
    assert_eq!(both.unmatched(), None);

    let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    assert_eq!(
        redeemed.unmatched(),
        Some((Unmatched::RedemptionWithoutReceipt, at(NOON)))
    );
    assert_eq!(
        redeemed
            .note_payment(&receipt(1), 500, at(NOON))
            .unwrap()
            .voucher
            .unmatched(),
        None
    );
}

#[test]
fn the_receipt_that_really_redeemed_takes_the_place_of_another_payment_note_and_names_it() {
    let paid = voucher().note_payment(&receipt(2), 500, at(NOON)).unwrap().voucher;
    let redeemed = changed(paid.apply(&redeem(1), &occasion(NOON)));
    assert_eq!(
        redeemed.unmatched(),
        Some((Unmatched::RedemptionWithoutReceipt, at(NOON)))
    );
    let noted = redeemed.note_payment(&receipt(1), 500, at(NOON)).unwrap();
    assert_eq!((noted.displaced, noted.voucher.unmatched()), (Some(receipt(2)), None));
}

/// The voucher redeemed and paid on the first receipt, whose sale was then voided.
fn voided() -> Voucher {
    let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    let noted = redeemed.note_payment(&receipt(1), 500, at(NOON)).unwrap().voucher;
    changed(noted.apply(&reverse(1), &occasion(NOON)))
}

#[test]
fn a_payment_on_a_voided_receipt_is_nothing_to_look_at() {
    assert_eq!(voided().unmatched(), None);
    let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
    let open = changed(redeemed.apply(&reverse(1), &occasion(NOON)));
    assert!(
        open.knows_payment(&receipt(1)),
        "the receipt may come after its reversal"
    );
    assert_eq!(open.note_payment(&receipt(1), 500, at(NOON)), None);
    let noted = voucher().note_payment(&receipt(1), 500, at(NOON)).unwrap().voucher;
    let early = changed(noted.apply(&reverse(1), &occasion(NOON)));
    assert_eq!(early.unmatched(), None, "the reversal may come before the redemption");
}

#[test]
fn after_a_voided_sale_the_next_receipt_matches_whatever_comes_first() {
    let paid_first = voided().note_payment(&receipt(2), 500, at(NOON)).unwrap();
    assert_eq!(paid_first.displaced, None);
    assert!(paid_first.voucher.knows_payment(&receipt(2)));
    assert!(matches!(
        paid_first.voucher.unmatched(),
        Some((Unmatched::PaymentWithoutRedemption, _))
    ));
    let both = changed(paid_first.voucher.apply(&redeem(2), &occasion(NOON)));
    assert_eq!(both.unmatched(), None);

    let redeemed_first = changed(voided().apply(&redeem(2), &occasion(NOON)));
    assert_eq!(
        redeemed_first.unmatched(),
        Some((Unmatched::RedemptionWithoutReceipt, at(NOON)))
    );
    let both = redeemed_first.note_payment(&receipt(2), 500, at(NOON)).unwrap();
    assert_eq!((both.displaced, both.voucher.unmatched()), (None, None));
}

#[test]
fn baskets_of_two_locations_with_the_same_number_are_two_baskets() {
    let held = changed(voucher().apply(&reserve("1"), &occasion(NOON)));
    let mut elsewhere = occasion(NOON);
    elsewhere.location = "B08".parse().unwrap();
    let release = Command::Release {
        basket: "1".parse().unwrap(),
    };
    for command in [reserve("1"), redeem_held(1, "1"), release] {
        assert!(
            matches!(held.apply(&command, &elsewhere), Err(Refusal::Reserved { .. })),
            "{command:?}"
        );
    }
}

proptest! {
    /// Whatever tills ask in whatever order: between two redemptions stands a reversal, and versions never skip.
    #[test]
    fn a_voucher_is_never_redeemed_twice_without_a_reversal(steps in prop::collection::vec((0u8..5, 0u32..4, 0i64..1_200), 1..80)) {
        let (mut voucher, mut now, mut redeemed) = (voucher(), at(NOON), false);
        for (kind, n, seconds) in steps {
            now += Duration::seconds(seconds);
            let basket = format!("b{n}");
            let command = match kind {
                0 => reserve(&basket),
                1 => redeem(n),
                2 => redeem_held(n, &basket),
                3 => Command::Release { basket: basket.parse().unwrap() },
                _ => reverse(n),
            };
            let occasion = Occasion { now, ..occasion(NOON) };
            if let Ok(Outcome::Changed(after)) = voucher.apply(&command, &occasion) {
                prop_assert_eq!(after.version, voucher.version + 1);
                let moved = after.state != voucher.state;
                prop_assert_eq!(after.state_version, voucher.state_version + u64::from(moved));
                let takes = matches!(after.state, State::Redeemed { .. });
                prop_assert!(!(moved && takes && redeemed), "redeemed twice");
                if let State::Redeemed { receipt, .. } = &after.state {
                    prop_assert!(!after.reversed.contains(receipt), "a voided receipt took it");
                }
                redeemed = takes;
                voucher = *after;
            }
        }
    }
}
