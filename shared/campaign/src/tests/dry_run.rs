use super::*;
use domain::money::OutOfRange;
use proptest::prelude::*;

fn any_decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        (1u32..=10).prop_map(|vouchers| Decision::In { vouchers }),
        Just(Decision::Control),
        (0usize..Reason::ALL.len()).prop_map(|index| Decision::Out {
            reason: Reason::ALL[index]
        }),
    ]
}

fn priced() -> Priced {
    Priced::new(&individual(), day("2026-11-02"))
}

fn run_of(decisions: &[(u32, Decision)], priced: &Priced) -> DryRun {
    let mut run = DryRun::default();
    for (number, decision) in decisions {
        run.add(&party(*number), decision, priced).unwrap();
    }
    run
}

const NO_ADDRESS: Decision = Decision::Out {
    reason: Reason::NoAddress,
};

#[test]
fn x6_a_dry_run_tells_letters_vouchers_face_value_and_cost() {
    let mut campaign = individual();
    campaign.voucher.per_member = 2;
    let both = Decision::In { vouchers: 2 };
    let run = run_of(
        &[
            (1, both),
            (2, both),
            (3, Decision::Control),
            (4, NO_ADDRESS),
            (5, NO_ADDRESS),
        ],
        &Priced::new(&campaign, day("2026-11-02")),
    );
    let totals = run.totals;
    assert_eq!(
        (totals.members, totals.letters, totals.vouchers, totals.control),
        (5, 2, 4, 1)
    );
    assert_eq!(totals.out, [(Reason::NoAddress, 2)].into());
    assert_eq!(totals.face_value_minor, 4_000);
    assert_eq!(
        (totals.printing_minor, totals.postage_minor, totals.cost_minor()),
        (70, 106, Ok(176))
    );
    assert!(totals.is_beyond(3_999) && !totals.is_beyond(4_000));
}

#[test]
fn x6_vouchers_without_a_greatest_discount_are_counted_apart() {
    let mut campaign = individual();
    campaign.voucher.worth = Worth::PerCent {
        per_cent: 10,
        max_discount_minor: None,
    };
    let decisions = [(1, Decision::In { vouchers: 1 })];
    let unlimited = run_of(&decisions, &Priced::new(&campaign, day("2026-11-02"))).totals;
    assert_eq!((unlimited.unlimited_vouchers, unlimited.face_value_minor), (1, 0));
    campaign.voucher.worth = Worth::PerCent {
        per_cent: 10,
        max_discount_minor: Some(500),
    };
    let limited = run_of(&decisions, &Priced::new(&campaign, day("2026-11-02"))).totals;
    assert_eq!((limited.unlimited_vouchers, limited.face_value_minor), (0, 500));
}

#[test]
fn x6_expected_redemption_is_rounded_up_and_paid_vouchers_are_owed_in_full() {
    let totals = Totals {
        face_value_minor: 1_001,
        ..Totals::default()
    };
    let forecast = |permille, consideration| {
        let forecast = totals.forecast(permille, consideration);
        (forecast.expected_redemption_minor, forecast.liability_minor)
    };
    assert_eq!(forecast(235, Consideration::Free), (236, 236), "235.235");
    assert_eq!(forecast(235, Consideration::Paid), (236, 1_001));
    assert_eq!(forecast(0, Consideration::Free), (0, 0));
    assert_eq!(forecast(1_000, Consideration::Free), (1_001, 1_001));
    assert_eq!(forecast(9_999, Consideration::Free), (1_001, 1_001));
}

#[test]
fn x6_the_difference_to_the_last_run_can_be_less_or_more() {
    let last = run_of(&[(1, Decision::In { vouchers: 1 }), (2, NO_ADDRESS)], &priced()).totals;
    let this = run_of(&[(1, NO_ADDRESS)], &priced()).totals;
    let difference = this.since(&last).unwrap();
    assert_eq!(
        (difference.members, difference.letters, difference.vouchers),
        (-1, -1, -1)
    );
    assert_eq!((difference.face_value_minor, difference.cost_minor), (-1_000, -88));
    assert_eq!(last.since(&this).unwrap().face_value_minor, 1_000);
}

#[test]
fn x6_the_digest_knows_run_party_decision_and_terms() {
    let one = Decision::In { vouchers: 1 };
    let digest = |number, decision, campaign: &Campaign, run_day: &str| {
        run_of(&[(number, decision)], &Priced::new(campaign, day(run_day))).digest
    };
    let base = digest(1, one, &individual(), "2026-11-02");
    assert_eq!(digest(1, one, &individual(), "2026-11-02"), base);
    assert_ne!(digest(2, one, &individual(), "2026-11-02"), base, "party");
    assert_ne!(
        digest(1, Decision::In { vouchers: 2 }, &individual(), "2026-11-02"),
        base,
        "vouchers"
    );
    assert_ne!(
        digest(1, Decision::Control, &individual(), "2026-11-02"),
        base,
        "decision"
    );
    assert_ne!(digest(1, NO_ADDRESS, &individual(), "2026-11-02"), base, "reason");
    assert_ne!(
        digest(1, one, &individual(), "2026-11-03"),
        base,
        "dates counted from the run"
    );
    assert_ne!(digest(1, one, &bonus(), "2026-11-02"), base, "run");
    let changes: [fn(&mut Campaign); 14] = [
        |c| {
            c.voucher.validity = Validity::Dates {
                from: day("2026-11-02"),
                until: day("2027-01-01"),
            }
        },
        |c| {
            c.voucher.validity = Validity::Dates {
                from: day("2026-11-02"),
                until: day("2027-01-02"),
            }
        },
        |c| {
            c.voucher.validity = Validity::Dates {
                from: day("2026-11-03"),
                until: day("2027-01-01"),
            }
        },
        |c| c.voucher.worth = Worth::Amount { value_minor: 1_001 },
        |c| {
            c.voucher.worth = Worth::PerCent {
                per_cent: 10,
                max_discount_minor: Some(1_000),
            }
        },
        |c| c.voucher.min_basket_minor = 1,
        |c| c.voucher.groups = vec!["shop".to_owned()],
        |c| c.voucher.channels = vec![Channel::Shop],
        |c| c.voucher.locations = vec!["shop".to_owned()],
        |c| c.voucher.bearer = Bearer::Personal,
        |c| c.voucher.consideration = Consideration::Paid,
        |c| c.voucher.vat_kind = VatKind::Service,
        |c| c.needs_acknowledgement = true,
        |c| c.voucher.partial = true,
    ];
    let mut digests = vec![base];
    for change in changes {
        let mut campaign = individual();
        change(&mut campaign);
        let changed = digest(1, one, &campaign, "2026-11-02");
        assert!(!digests.contains(&changed), "{campaign:?}");
        digests.push(changed);
    }
}

/// Approvals hold digests, so whatever campaigns learn to say, the terms of those that do not say it keep theirs.
#[test]
fn x6_the_digest_of_terms_stays_what_it_was_when_it_was_approved() {
    let run = run_of(&[(1, Decision::In { vouchers: 1 })], &priced());
    // SHA-256 of the parts, computed outside of this programme.
    let expected = "6956abcecc8d7c0a283b8b009b80c5490a4c29a1b74b25de2a02f403ed4ff138";
    assert_eq!(run.digest.to_string(), expected);
}

#[test]
fn x6_the_same_member_twice_and_a_member_left_out_change_the_digest() {
    let one = Decision::In { vouchers: 1 };
    let run = run_of(&[(1, one), (2, one)], &priced());
    assert_ne!(run_of(&[(1, one), (1, one), (2, one)], &priced()).digest, run.digest);
    assert_ne!(run_of(&[(1, one)], &priced()).digest, run.digest);
}

#[test]
fn x6_sums_that_do_not_fit_are_refused() {
    let full = Totals {
        face_value_minor: i64::MAX,
        members: 1,
        ..Totals::default()
    };
    assert_eq!(full.clone().merge(&full), Err(OutOfRange));
    assert_eq!(
        full.clone().add(&Decision::In { vouchers: 1 }, &priced()),
        Err(OutOfRange)
    );
    let many = Totals {
        members: u64::MAX,
        ..Totals::default()
    };
    assert_eq!(many.clone().merge(&full), Err(OutOfRange));
    assert_eq!(many.since(&Totals::default()), Err(OutOfRange));
}

#[test]
fn x6_a_part_can_be_stored_between_steps() {
    let run = run_of(&[(1, Decision::In { vouchers: 1 }), (2, NO_ADDRESS)], &priced());
    let json = serde_json::to_string(&run).unwrap();
    assert!(json.contains(r#""out":{"no_address":1}"#), "{json}");
    assert_eq!(serde_json::from_str::<DryRun>(&json).unwrap(), run);
}

proptest! {
    #[test]
    fn x6_parts_of_a_run_merge_to_the_whole_in_any_order(
        decisions in prop::collection::vec((0u32..1_000, any_decision()), 0..40),
        cut in 0usize..40,
    ) {
        let priced = priced();
        let whole = run_of(&decisions, &priced);
        let (first, second) = decisions.split_at(cut.min(decisions.len()));
        let (first, second) = (run_of(first, &priced), run_of(second, &priced));
        let mut forward = first.clone();
        forward.merge(&second).unwrap();
        let mut backward = second;
        backward.merge(&first).unwrap();
        prop_assert_eq!(&forward, &whole);
        prop_assert_eq!(&backward, &whole);
        let turned: Vec<_> = decisions.iter().rev().cloned().collect();
        prop_assert_eq!(&run_of(&turned, &priced), &whole);
        let sorted = whole.totals.letters + whole.totals.control + whole.totals.out.values().sum::<u64>();
        prop_assert_eq!(sorted, whole.totals.members);
    }
}
