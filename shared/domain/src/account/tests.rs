use proptest::prelude::*;

use super::*;
use crate::earning::earn;
use crate::money::Currency;
use crate::receipt::{Line, Receipt};

fn programme() -> Programme {
    Programme::swiss_default("treue".parse().unwrap())
}

fn receipt(number: usize, date: &str, minor: i64) -> Receipt {
    Receipt {
        key: format!("B07~3~{date}~{number}").parse().unwrap(),
        time: None,
        card: None,
        currency: Currency::CHF,
        total_minor: minor,
        cash_rounding_minor: 0,
        lines: vec![Line {
            sku: "1".into(),
            group: None,
            quantity_milli: 1000,
            amount_minor: minor,
            vat_rate_bp: None,
        }],
        payments: vec![],
    }
}

fn post(account: &Account, receipt: &Receipt) -> (Entry, Account) {
    account.post(receipt, &earn(receipt, &programme()).unwrap()).unwrap()
}

fn today() -> NaiveDate {
    "2026-11-22".parse().unwrap()
}

#[test]
fn a_receipt_becomes_points_in_the_lot_of_its_month() {
    let (entry, account) = post(&Account::default(), &receipt(1, "2026-11-22", 12_990));
    assert_eq!(
        (entry.points, entry.version, account.balance, account.revenue_minor),
        (129, 1, 129, 12_990)
    );
    let (_, account) = post(&account, &receipt(2, "2026-10-31", 5_000));
    let lots: Vec<_> = account.lots.iter().map(|lot| (lot.month.as_str(), lot.open)).collect();
    assert_eq!(lots, [("2026-10", 50), ("2026-11", 129)]);
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
    assert_eq!(account.balance, 1_499);
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
    let (entry, mut account) = post(&Account::default(), &receipt(1, "2026-11-22", 50_000_000));
    let (mut entries, mut issued, mut steps) = (vec![entry], 0, 0);
    while let Some(issue) = account.issue(&programme(), today(), &BTreeSet::new()).unwrap() {
        assert_eq!(issue.first, issued + 1);
        issued += issue.count;
        steps += 1;
        entries.push(issue.entry);
        account = issue.account;
    }
    assert_eq!((issued, steps, account.balance), (1_000, 50, 0));
    assert_eq!(Account::replay(entries).unwrap(), account);
}

#[test]
fn vouchers_take_the_oldest_points_first() {
    let (_, account) = post(&Account::default(), &receipt(1, "2026-11-22", 40_000));
    let (_, account) = post(&account, &receipt(2, "2026-09-22", 30_000));
    let issue = account.issue(&programme(), today(), &BTreeSet::new()).unwrap().unwrap();
    let moves: Vec<_> = issue.entry.lots.iter().map(|m| (m.month.as_str(), m.points)).collect();
    assert_eq!(moves, [("2026-09", -300), ("2026-11", -200)]);
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
    let mut changed = second;
    changed.lots[0].points += 1;
    assert_eq!(
        Account::replay(vec![first, changed]),
        Err(FoldError::Lots { version: 2 })
    );
}

#[test]
fn the_entry_of_a_receipt_has_one_name_whoever_posts_it() {
    let receipt = receipt(4711, "2026-11-22", 100);
    let (entry, _) = post(&Account::default(), &receipt);
    assert_eq!(entry.natural_id(), "2026-11-22#R#B07~3~2026-11-22~4711");
    assert_eq!(entry.natural_id(), receipt_entry_id(&receipt.key));
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

proptest! {
    /// Every point earned is spent or open, at each step, and the books prove the account.
    #[test]
    fn points_are_conserved_over_any_history(steps in prop::collection::vec((0i64..200_000, 1u32..=12, any::<bool>()), 1..60)) {
        let (mut account, mut entries, mut earned, mut issued) = (Account::default(), Vec::new(), 0, 0);
        for (number, (minor, month, issue)) in steps.into_iter().enumerate() {
            let receipt = receipt(number, &format!("2026-{month:02}-01"), minor);
            let (entry, after) = post(&account, &receipt);
            earned += entry.points;
            entries.push(entry);
            account = after;
            let mut due = if issue { account.vouchers_due(&programme()) } else { 0 };
            while due > 0 {
                let step = account.issue(&programme(), today(), &BTreeSet::new()).unwrap().unwrap();
                due -= step.count;
                issued += step.count;
                entries.push(step.entry);
                account = step.account;
            }
            prop_assert!(account.lots.iter().all(|lot| lot.open > 0));
            prop_assert!(account.lots.is_sorted_by(|a, b| a.month < b.month));
        }
        prop_assert_eq!(account.balance, earned - 500 * i64::try_from(issued).unwrap());
        prop_assert_eq!(account.vouchers_issued, issued);
        prop_assert_eq!(Account::replay(entries).unwrap(), account);
    }
}
