//! Cases of the requirements, worked out.

use super::*;
use crate::calendar::business_day;
use crate::receipt::PaymentKind;

fn issue_all(account: &Account, programme: &Programme) -> (Vec<Entry>, Account) {
    let (mut account, mut entries) = (account.clone(), Vec::new());
    while let Some(issue) = account.issue(programme, today(), &BTreeSet::new()).unwrap() {
        entries.push(issue.entry);
        account = issue.account;
    }
    (entries, account)
}

#[test]
fn a_receipt_becomes_points_in_the_lot_of_its_expiry() {
    let (entry, account) = post(&Account::default(), &receipt(1, "2026-11-22", 12_990));
    assert_eq!(
        (entry.points, entry.version, account.balance, account.revenue_minor),
        (129, 1, 129, 12_990)
    );
    let (_, account) = post(&account, &receipt(2, "2026-10-31", 5_000));
    assert_eq!(
        lots(&account),
        [("2028-10-31".to_owned(), 50), ("2028-11-30".to_owned(), 129)]
    );
}

#[test]
fn a_receipt_of_no_points_still_stands_in_the_ledger() {
    let (entry, account) = post(&Account::default(), &receipt(1, "2026-11-22", 99));
    assert_eq!(
        (entry.points, account.version, account.receipts, account.lots.len()),
        (0, 1, 1, 0)
    );
}

#[test]
fn n4_the_threshold_yields_the_whole_number_of_vouchers_and_the_remainder_stays() {
    let (_, account) = post(&Account::default(), &receipt(1, "2026-11-22", 149_900));
    let issue = account.issue(&programme(), today(), &BTreeSet::new()).unwrap().unwrap();
    assert_eq!(
        (issue.first, issue.count, issue.entry.points, issue.account.balance),
        (1, 2, -1_000, 499)
    );
    assert_eq!(
        issue.account.issue(&programme(), today(), &BTreeSet::new()).unwrap(),
        None
    );
}

#[test]
fn a_receipt_worth_a_thousand_vouchers_is_issued_in_steps_that_chain() {
    let (first, account) = post(&Account::default(), &receipt(1, "2026-11-22", 50_000_000));
    let (steps, account) = issue_all(&account, &programme());
    assert_eq!((steps.len(), account.vouchers_issued, account.balance), (50, 1_000, 0));
    let entries = std::iter::once(first).chain(steps).collect();
    assert_eq!(Account::replay(entries).unwrap(), account);
}

#[test]
fn a_sequence_number_whose_code_is_taken_is_left_out() {
    let (_, account) = post(&Account::default(), &receipt(1, "2026-11-22", 250_000));
    let avoid = BTreeSet::from([1, 4]);
    let first = account.issue(&programme(), today(), &avoid).unwrap().unwrap();
    assert_eq!((first.first, first.count), (2, 2));
    let second = first.account.issue(&programme(), today(), &avoid).unwrap().unwrap();
    assert_eq!(
        (
            second.first,
            second.count,
            second.account.vouchers_issued,
            second.account.last_voucher
        ),
        (5, 3, 5, 7)
    );
}

#[test]
fn vouchers_take_the_points_that_expire_first() {
    let (_, account) = post(&Account::default(), &receipt(1, "2026-11-22", 40_000));
    let (_, account) = post(&account, &receipt(2, "2026-09-22", 30_000));
    let issue = account.issue(&programme(), today(), &BTreeSet::new()).unwrap().unwrap();
    let moves: Vec<_> = issue.entry.lots.iter().map(|m| (m.key.to_string(), m.points)).collect();
    assert_eq!(
        moves,
        [("2028-09-30".to_owned(), -300), ("2028-11-30".to_owned(), -200)]
    );
}

#[test]
fn the_fold_finds_a_missing_a_doubled_and_a_changed_entry() {
    let (first, account) = post(&Account::default(), &receipt(1, "2026-11-22", 10_000));
    let (second, _) = post(&account, &receipt(2, "2026-11-22", 10_000));
    assert_eq!(
        Account::replay(vec![second.clone()]),
        Err(FoldError::Gap { expected: 1, found: 2 })
    );
    assert_eq!(
        Account::replay(vec![first.clone(), first.clone()]),
        Err(FoldError::Gap { expected: 2, found: 1 })
    );
    let mut changed = second.clone();
    changed.points += 1;
    assert!(matches!(
        Account::replay(vec![first.clone(), changed]),
        Err(FoldError::Balance { version: 2, .. })
    ));
    let mut changed = second.clone();
    changed.lots[0].points += 1;
    assert_eq!(
        Account::replay(vec![first.clone(), changed]),
        Err(FoldError::Lots { version: 2 })
    );
    let mut changed = second;
    (changed.pending_after, changed.balance_after) = (7, changed.balance_after - 7);
    assert_eq!(
        Account::replay(vec![first, changed]),
        Err(FoldError::Lots { version: 2 })
    );
}

#[test]
fn the_entry_of_a_cause_has_one_name_whoever_posts_it() {
    let receipt = receipt(4711, "2026-11-22", 100);
    let (entry, account) = post(&Account::default(), &receipt);
    assert_eq!(entry.natural_id(), "2026-11-22#R#B07~3~2026-11-22~4711");
    assert_eq!(entry.natural_id(), receipt_entry_id(&receipt.key));
    let programme = programme();
    let mut giving = Giving::of(&programme, &receipt, &entry).on("2026-11-24");
    let (back, _) = giving.back(&account, &[(0, 1_000, 100)], 0);
    assert_eq!(back.natural_id(), "2026-11-24#B#B07~3~2026-11-24~9001");
    assert_eq!(void_entry_id(&receipt.key), "2026-11-22#W#B07~3~2026-11-22~4711");
}

#[test]
fn x10_the_35_point_claw_back_takes_what_is_left_and_owes_the_rest_which_the_next_points_settle() {
    let programme = Programme {
        voucher: crate::programme::VoucherRule {
            threshold_points: 65,
            ..programme().voucher
        },
        ..programme()
    };
    let bought = receipt(1, "2026-11-22", 10_000);
    let (entry, account) = post(&Account::default(), &bought);
    let (mut entries, mut account) = {
        let (issued, account) = issue_all(&account, &programme);
        (
            vec![entry.clone()].into_iter().chain(issued).collect::<Vec<_>>(),
            account,
        )
    };
    assert_eq!(account.balance, 35);
    let mut giving = Giving::of(&programme, &bought, &entry).on("2026-11-25");
    let (back, after) = giving.back(&account, &[(0, 1_000, 10_000)], 0);
    assert_eq!(
        (back.points, after.balance, after.deficit(), after.revenue_minor),
        (-100, -65, 65, 0)
    );
    assert_eq!(after.vouchers_due(&programme), 0);
    entries.push(back);
    account = after;
    let (next, after) = post(&account, &receipt(2, "2026-12-01", 9_000));
    assert_eq!((next.points, after.balance, after.deficit()), (90, 25, 0));
    assert_eq!(
        lots(&after),
        [("2028-12-31".to_owned(), 25)],
        "what a deficit absorbed lies in no lot"
    );
    // Together with expiry: only what is in a lot expires.
    let (expiry, expired) = after.expire(day("2029-01-01"), 1).unwrap().unwrap();
    assert_eq!((expiry.points, expired.balance), (-25, 0));
    entries.extend([next, expiry]);
    assert_eq!(Account::replay(entries).unwrap(), expired);
}

#[test]
fn a_sum_that_floats_get_wrong_is_exact_and_floored_once() {
    assert_eq!((1.04f64 + 267.24f64).to_string(), "268.28000000000003");
    let (entry, account) = post(&Account::default(), &basket(1, "2026-11-22", &[104, 26_724]));
    assert_eq!((entry.points, account.revenue_minor), (268, 26_828));
}

#[test]
fn buy_refund_keep_leaves_nothing_to_keep() {
    for policy in [ReturnPolicy::WithinBalance, ReturnPolicy::Unlimited] {
        let programme = Programme {
            returns: policy,
            ..programme()
        };
        let bought = receipt(1, "2026-11-22", 49_999);
        let (entry, account) = post(&Account::default(), &bought);
        let (_, after) = Giving::of(&programme, &bought, &entry).back(&account, &[(0, 1_000, 49_999)], 0);
        assert_eq!(
            (after.balance, after.pending(), after.lots.len()),
            (0, 0, 0),
            "{policy:?}"
        );
        assert_eq!((after.revenue_minor, after.receipts), (0, 1));
    }
}

#[test]
fn two_partial_returns_of_one_line_and_then_the_rest_end_exactly_at_zero() {
    let programme = programme();
    let bought = basket(1, "2026-11-22", &[999, 1_050]);
    let (entry, account) = post(&Account::default(), &bought);
    assert_eq!(account.balance, 20);
    let mut giving = Giving::of(&programme, &bought, &entry);
    let (first, account) = giving.back(&account, &[(0, 333, 333)], 0);
    let (second, account) = giving.back(&account, &[(0, 333, 333)], 0);
    let (third, account) = giving.back(&account, &[(0, 334, 333), (1, 1_000, 1_050)], 0);
    // 20.49, 17.16, 13.83, 0
    assert_eq!([first.points, second.points, third.points], [-3, -4, -13]);
    assert_eq!((account.balance, account.revenue_minor, account.lots.len()), (0, 0, 0));
    let (again, account) = giving.back(&account, &[(0, 333, 333)], 0);
    assert_eq!(
        (again.points, account.balance, account.revenue_minor),
        (0, 0, 0),
        "never more than sold"
    );
}

#[test]
fn the_voucher_paid_part_stays_with_what_remains_unless_it_comes_back_as_a_voucher() {
    let mut bought = basket(1, "2026-11-22", &[5_000, 5_000]);
    bought.payments = vec![
        Payment {
            kind: PaymentKind::Voucher,
            amount_minor: 500,
            voucher: None,
        },
        Payment {
            kind: PaymentKind::Card,
            amount_minor: 9_500,
            voucher: None,
        },
    ];
    let line = ReturnLine {
        original_line: Some(0),
        sku: "0".into(),
        group: None,
        brand: None,
        quantity_milli: 1_000,
        amount_minor: 5_000,
        vat_rate_bp: None,
    };
    let points_left = |voucher_refund_minor| {
        let back = Return {
            key: key(2, today()),
            original: None,
            lines: vec![line.clone()],
            refunds: vec![Refund {
                kind: PaymentKind::Voucher,
                amount_minor: voucher_refund_minor,
            }],
            ..empty_return()
        };
        let left = Remaining::of(&bought).less(&back).unwrap().remaining;
        earn(&left.receipt, &programme(), &Circumstances::default())
            .unwrap()
            .points
    };
    assert_eq!(
        earn(&bought, &programme(), &Circumstances::default()).unwrap().points,
        95
    );
    assert_eq!(points_left(0), 45, "50.00 in money came back: 45.00 were paid and kept");
    assert_eq!(points_left(250), 47);
    assert_eq!(points_left(500), 50);
}

#[test]
fn a_double_post_after_a_network_fault_meets_its_own_name() {
    let receipt = receipt(1, "2026-11-22", 10_000);
    let (first, account) = post(&Account::default(), &receipt);
    let (second, _) = post(&account, &receipt);
    assert_eq!(first.natural_id(), second.natural_id());
    assert_ne!(first.version, second.version);
}

#[test]
fn points_are_pending_then_active_and_only_active_ones_become_vouchers() {
    let programme = with_life(14, Expiry::EndOfMonth { months: 24 }, 30);
    let (entry, account) = post_under(&programme, &Account::default(), &receipt(1, "2026-11-22", 60_000));
    assert_eq!((entry.balance_after, entry.pending_after, account.balance), (0, 600, 0));
    assert_eq!(
        (account.vouchers_due(&programme), account.next_due()),
        (0, Some(day("2026-12-06")))
    );
    assert_eq!(account.activate(day("2026-12-05"), 1).unwrap(), None);
    let (activation, account) = account.activate(day("2026-12-06"), 1).unwrap().unwrap();
    assert_eq!((activation.points, account.balance, account.pending()), (0, 600, 0));
    assert_eq!(account.vouchers_due(&programme), 1);
    assert_eq!(lots(&account), [("2028-11-30".to_owned(), 600)]);
    assert_eq!(account.next_due(), Some(day("2028-12-01")));
}

#[test]
fn the_close_activates_then_issues_then_expires() {
    let programme = with_life(14, Expiry::Months { months: 1 }, 1);
    let (_, account) = post_under(&programme, &Account::default(), &receipt(1, "2026-10-10", 30_000));
    let (_, account) = account.activate(day("2026-10-24"), 1).unwrap().unwrap();
    let (_, account) = post_under(&programme, &account, &receipt(2, "2026-10-28", 30_000));
    // On 11 November the first lot is over and the second counts: together they are a voucher, apart they are none.
    let close = day("2026-11-11");
    let (_, account) = account.activate(close, 1).unwrap().unwrap();
    let issue = account.issue(&programme, close, &BTreeSet::new()).unwrap().unwrap();
    assert_eq!((issue.count, issue.account.balance), (1, 100));
    assert_eq!(
        issue.account.expire(close, 1).unwrap(),
        None,
        "the voucher took the old lot first"
    );
}

#[test]
fn points_count_through_their_last_day_also_on_the_days_of_23_and_25_hours() {
    let programme = with_life(0, Expiry::Months { months: 1 }, 1);
    let zone = programme.zone;
    for (bought, last) in [
        ("2026-02-28", "2026-03-28"),
        ("2026-03-01", "2026-04-01"),
        ("2026-09-25", "2026-10-25"),
    ] {
        let (_, account) = post_under(&programme, &Account::default(), &receipt(1, bought, 1_000));
        assert_eq!(account.expire(day(last), 1).unwrap(), None);
        assert!(account.expire(day(last).succ_opt().unwrap(), 1).unwrap().is_some());
    }
    // 29 March 2026 has 23 hours and 25 October 25: the close of each begins with local midnight.
    let close_of = |instant: &str| business_day(instant.parse().unwrap(), zone);
    let (_, account) = post_under(&programme, &Account::default(), &receipt(1, "2026-02-28", 1_000));
    assert_eq!(account.expire(close_of("2026-03-28T22:59:59Z"), 1).unwrap(), None);
    assert!(account.expire(close_of("2026-03-28T23:00:00Z"), 1).unwrap().is_some());
    let (_, account) = post_under(&programme, &Account::default(), &receipt(1, "2026-09-25", 1_000));
    assert_eq!(account.expire(close_of("2026-10-25T22:59:59Z"), 1).unwrap(), None);
    assert!(account.expire(close_of("2026-10-25T23:00:00Z"), 1).unwrap().is_some());
}

#[test]
fn points_of_31_january_with_one_month_expire_with_the_end_of_february() {
    let programme = with_life(0, Expiry::Months { months: 1 }, 1);
    let (_, account) = post_under(&programme, &Account::default(), &receipt(1, "2026-01-31", 1_000));
    assert_eq!(lots(&account), [("2026-02-28".to_owned(), 10)]);
    let programme = with_life(0, Expiry::EndOfYear { years: 1 }, 1);
    let (_, account) = post_under(&programme, &Account::default(), &receipt(1, "2026-01-31", 1_000));
    assert_eq!(lots(&account), [("2027-12-31".to_owned(), 10)]);
}

#[test]
fn a_late_receipt_keeps_its_date_and_its_points_do_not_expire_before_the_grace_period_is_over() {
    let programme = with_life(14, Expiry::Months { months: 12 }, 30);
    let late = receipt(1, "2025-11-01", 1_000);
    let earning = earn(&late, &programme, &Circumstances::default()).unwrap();
    let (entry, account) = Account::default()
        .post(&late, (&earning, &Circumstances::default()), &programme, today())
        .unwrap();
    assert_eq!(entry.business_date, day("2025-11-01"));
    assert_eq!(
        lots(&account),
        [("2026-12-22".to_owned(), 10)],
        "30 days after the posting, and active at once"
    );
}

#[test]
fn a_return_takes_from_the_lot_of_its_receipt_before_any_other() {
    let programme = programme();
    let (_, account) = post(&Account::default(), &receipt(1, "2026-09-22", 10_000));
    let bought = receipt(2, "2026-11-22", 10_000);
    let (entry, account) = post(&account, &bought);
    let (_, account) = Giving::of(&programme, &bought, &entry).back(&account, &[(0, 1_000, 10_000)], 0);
    assert_eq!(lots(&account), [("2028-09-30".to_owned(), 100)]);
}

#[test]
fn the_policies_take_what_they_say() {
    let life = with_life(14, Expiry::Never, 30);
    let spent = |policy| {
        let programme = Programme {
            returns: policy,
            ..life.clone()
        };
        let bought = receipt(1, "2026-11-01", 60_000);
        let (entry, account) = post_under(&programme, &Account::default(), &bought);
        let (_, account) = account.activate(day("2026-11-15"), 1).unwrap().unwrap();
        let (_, account) = issue_all(&account, &programme);
        let (back, after) =
            Giving::of(&programme, &bought, &entry)
                .on("2026-11-20")
                .back(&account, &[(0, 1_000, 60_000)], 0);
        let Cause::Return { uncollected, .. } = back.cause else {
            panic!()
        };
        (back.points, after.balance, uncollected)
    };
    assert_eq!(spent(ReturnPolicy::OnlyPending), (0, 100, 600));
    assert_eq!(spent(ReturnPolicy::WithinBalance), (-100, 0, 500));
    assert_eq!(spent(ReturnPolicy::Unlimited), (-600, -500, 0));
    let pending = Programme {
        returns: ReturnPolicy::OnlyPending,
        ..life
    };
    let bought = receipt(1, "2026-11-01", 60_000);
    let (entry, account) = post_under(&pending, &Account::default(), &bought);
    let (back, after) = Giving::of(&pending, &bought, &entry).back(&account, &[(0, 1_000, 60_000)], 0);
    assert_eq!((back.points, after.pending()), (-600, 0));
}

#[test]
fn points_that_expired_with_their_lot_are_not_taken_a_second_time() {
    let programme = programme();
    let bought = receipt(1, "2026-11-22", 10_000);
    let (entry, account) = post(&Account::default(), &bought);
    let (_, account) = post(&account, &receipt(2, "2028-11-01", 5_000));
    let (expiry, account) = account.expire(day("2028-12-01"), 1).unwrap().unwrap();
    assert_eq!((expiry.points, account.balance), (-100, 50));
    let (back, after) =
        Giving::of(&programme, &bought, &entry)
            .on("2028-12-02")
            .back(&account, &[(0, 1_000, 10_000)], 100);
    let Cause::Return { forgiven, .. } = back.cause else {
        panic!()
    };
    assert_eq!(
        (back.points, forgiven, after.balance, after.revenue_minor),
        (0, 100, 50, 5_000)
    );
}

#[test]
fn the_points_of_a_voided_voucher_go_back_to_their_lots_with_their_old_expiry() {
    let (_, account) = post(&Account::default(), &receipt(1, "2026-11-22", 40_000));
    let (_, account) = post(&account, &receipt(2, "2026-09-22", 70_000));
    let issue = account.issue(&programme(), today(), &BTreeSet::new()).unwrap().unwrap();
    assert_eq!(
        (issue.count, lots(&issue.account)),
        (2, vec![("2028-11-30".to_owned(), 100)])
    );
    let share = |sequence: u64| share_of_voucher(&issue.entry, &sequence.into()).unwrap();
    let second = share(2);
    assert_eq!(
        second.iter().map(|m| (m.key.to_string(), m.points)).collect::<Vec<_>>(),
        [("2028-09-30".to_owned(), 200), ("2028-11-30".to_owned(), 300)]
    );
    assert!(share_of_voucher(&issue.entry, &3.into()).is_err());
    let voided = |today: &str, grace| {
        let number = 2.into();
        issue
            .account
            .void_voucher(&number, &second, grace, day(today), 1)
            .unwrap()
    };
    let (entry, after) = voided("2026-11-30", 0);
    assert_eq!((entry.points, after.balance), (500, 600));
    assert_eq!(
        lots(&after),
        [("2028-09-30".to_owned(), 200), ("2028-11-30".to_owned(), 400)]
    );
    assert_eq!(voided("2028-09-30", 0).0.points, 500, "the last day counts");
    let (entry, after) = voided("2028-10-01", 0);
    assert_eq!(
        (entry.points, entry.cause),
        (
            300,
            Cause::VoucherVoid {
                sequence: 2,
                run: None,
                expired: 200
            }
        )
    );
    assert_eq!(after.balance, 400);
    let (entry, after) = voided("2028-10-01", 30);
    assert_eq!(entry.points, 500);
    assert_eq!(
        lots(&after),
        [("2028-10-31".to_owned(), 200), ("2028-11-30".to_owned(), 400)]
    );
}

#[test]
fn a_correction_may_leave_a_deficit_and_a_transfer_may_not() {
    let (_, account) = post(&Account::default(), &receipt(1, "2026-11-22", 10_000));
    let lot = LotKey::active(Some(day("2027-12-31")));
    let (more, rich) = account.correct("c1", 50, lot, today(), 1).unwrap();
    assert_eq!((more.points, rich.balance), (50, 150));
    let (less, poor) = account.correct("c2", -130, lot, today(), 1).unwrap();
    assert_eq!((less.points, poor.balance), (-130, -30));
    let (a, b) = ("p1".parse().unwrap(), "p2".parse().unwrap());
    let moved = rich
        .transfer(&Account::default(), (&a, &b), "t1", 120, today(), 1)
        .unwrap()
        .unwrap();
    assert_eq!((moved.from.1.balance, moved.to.1.balance), (30, 120));
    assert_eq!(
        lots(&moved.to.1),
        [("2027-12-31".to_owned(), 50), ("2028-11-30".to_owned(), 70)]
    );
    assert_eq!(
        rich.transfer(&Account::default(), (&a, &b), "t2", 151, today(), 1)
            .unwrap(),
        None
    );
    let all = rich.transfer(&Account::default(), (&a, &b), "t2", 150, today(), 1);
    assert_eq!(
        all.unwrap().map(|moved| moved.from.1.balance),
        Some(0),
        "all of it may go"
    );
    assert_eq!(
        poor.transfer(&Account::default(), (&a, &b), "t3", 1, today(), 1)
            .unwrap(),
        None
    );
}

#[test]
fn a_voucher_has_no_share_in_a_lot_that_it_only_touches() {
    let (_, account) = post(&Account::default(), &receipt(1, "2026-09-22", 50_000));
    let (_, account) = post(&account, &receipt(2, "2026-11-22", 50_000));
    let issue = account.issue(&programme(), today(), &BTreeSet::new()).unwrap().unwrap();
    for (sequence, lot) in [(1, "2028-09-30"), (2, "2028-11-30")] {
        let share = share_of_voucher(&issue.entry, &sequence.into()).unwrap();
        let share: Vec<_> = share.iter().map(|m| (m.key.to_string(), m.points)).collect();
        assert_eq!(share, [(lot.to_owned(), 500)]);
    }
}

#[test]
fn a_lot_that_is_not_there_gives_nothing_and_takes_only_points() {
    let key = LotKey::active(Some(day("2028-11-30")));
    for points in [0, -1] {
        let mut lots = Vec::new();
        assert_eq!(lot::apply(&mut lots, LotMove { key, points }), None);
        assert!(lots.is_empty());
    }
}

#[test]
fn a_receipt_without_points_names_no_lot() {
    let (entry, account) = post(&Account::default(), &receipt(1, "2026-11-22", 99));
    assert_eq!((entry.points, lot_of(&entry), account.receipts), (0, None, 1));
}

#[test]
fn a_lot_is_kept_under_its_name() {
    let stored = serde_json::to_value(Lot {
        key: LotKey::active(Some(day("2028-11-30"))),
        open: 7,
    });
    assert_eq!(stored.unwrap(), serde_json::json!({"k": "2028-11-30", "p": 7}));
}

#[test]
fn a_text_that_is_nearly_a_month_names_no_lot() {
    assert!("2026-13".parse::<LotKey>().is_err());
    assert!("2026-11".parse::<LotKey>().is_ok(), "as lots were named once");
}

#[test]
fn lots_are_merged_only_beyond_their_bound() {
    let programme = with_life(0, Expiry::Months { months: 24 }, 30);
    let mut account = Account::default();
    for number in 0..=LOTS_MAX {
        let date = crate::calendar::plus_days(day("2026-01-01"), u32::try_from(number).unwrap());
        account = post_under(&programme, &account, &receipt(number, &date.to_string(), 100)).1;
        assert_eq!(account.lots.len(), (number + 1).min(LOTS_MAX));
    }
}

/// A voucher that paid for excluded goods comes back: the rest was paid with money.
#[test]
fn points_that_a_return_adds_wait_with_those_of_their_receipt() {
    let programme = with_life(14, Expiry::EndOfMonth { months: 24 }, 30);
    let bought = receipt(1, "2026-11-22", 10_000);
    let (entry, account) = post_under(&programme, &Account::default(), &bought);
    let more = |booked_on: &str, account: &Account| {
        let back = TakeBack {
            receipt: &key(2, day(booked_on)),
            original: Some(&bought.key),
            void: false,
            business_date: day(booked_on),
            booked_on: day(booked_on),
            total_minor: 0,
            points_before: 100,
            points_after: 105,
            vat: Vec::new(),
            lot: lot_of(&entry),
            expired: 0,
            programme_version: 1,
            policy: ReturnPolicy::Unlimited,
        };
        account.take_back(back).unwrap().1
    };
    let waiting = more("2026-11-23", &account);
    assert_eq!((waiting.balance, waiting.pending()), (0, 105));
    let (_, active) = account.activate(day("2026-12-06"), 1).unwrap().unwrap();
    let counting = more("2026-12-07", &active);
    assert_eq!((counting.balance, counting.pending()), (105, 0));
    assert_eq!(lots(&counting), [("2028-11-30".to_owned(), 105)]);
}

#[test]
fn an_account_stored_before_points_expired_is_read_and_proves_itself() {
    let text = r#"{"version":2,"balance":30,"lots":[{"m":"2026-10","p":10},{"m":"2026-11","p":20}],"vouchers_issued":0,
        "last_voucher":0,"last_store":"B07","receipts":2,"revenue_minor":3000}"#;
    let account: Account = serde_json::from_str(text).unwrap();
    assert_eq!(lots(&account), [("never".to_owned(), 30)]);
    let entry = |version: u64, month: &str, points: i64, balance: i64, minor: i64| {
        let text = format!(
            r#"{{"version":{version},"business_date":"{month}-01","points":{points},"balance_after":{balance},
            "programme_version":1,"lots":[{{"m":"{month}","p":{points}}}],"kind":"receipt","receipt":"B07~3~{month}-01~{version}",
            "total_minor":{minor},"eligible_minor":{minor},"voucher_paid_minor":0,"base_minor":{minor}}}"#
        );
        serde_json::from_str::<Entry>(&text).unwrap()
    };
    let entries = vec![entry(1, "2026-10", 10, 10, 1_000), entry(2, "2026-11", 20, 30, 2_000)];
    let folded = Account::replay(entries).unwrap();
    assert!(account.agrees_with(&folded));
    // One that knows a last purchase must know the right one.
    let other = |last: &str| Account {
        last_purchase: Some(day(last)),
        ..account.clone()
    };
    assert!(other("2026-11-01").agrees_with(&folded));
    assert!(!other("2026-11-02").agrees_with(&folded));
    let poorer = Account { balance: 29, ..account };
    assert!(!poorer.agrees_with(&folded));
}

#[test]
fn a_void_takes_everything_whatever_the_policy() {
    let programme = Programme {
        returns: ReturnPolicy::OnlyPending,
        ..programme()
    };
    let bought = receipt(1, "2026-11-22", 60_000);
    let (entry, account) = post_under(&programme, &Account::default(), &bought);
    let back = TakeBack {
        receipt: &bought.key,
        original: Some(&bought.key),
        void: true,
        business_date: today(),
        booked_on: today(),
        total_minor: 60_000,
        points_before: 600,
        points_after: 0,
        vat: Vec::new(),
        lot: lot_of(&entry),
        expired: 0,
        programme_version: 1,
        policy: programme.returns,
    };
    let (_, after) = account.take_back(back).unwrap();
    assert_eq!((after.balance, after.revenue_minor, after.receipts), (0, 0, 0));
}

#[test]
fn an_account_of_daily_shopping_and_daily_expiry_stays_within_its_bound_and_loses_no_point() {
    let programme = with_life(10, Expiry::Months { months: 36 }, 1);
    let mut account = Account::default();
    let mut date = day("2016-11-22");
    for number in 0..1_500 {
        let (_, after) = post_under(&programme, &account, &receipt(number, &date.to_string(), 1_000));
        account = after.activate(date, 1).unwrap().map_or(after, |(_, after)| after);
        while let Some((_, after)) = account.expire(date, 1).unwrap() {
            account = after;
        }
        assert!(account.lots.len() <= LOTS_MAX);
        date = date.succ_opt().unwrap();
    }
    // Three years of ten points a day: a merged lot expires with its later part, never earlier, and never more than a month late.
    assert!(
        (10 * 1_080..=10 * 1_130).contains(&account.balance),
        "{}",
        account.balance
    );
    let size = serde_json::to_vec(&account).unwrap().len();
    assert!(size <= 4_096, "{size} bytes");
}
