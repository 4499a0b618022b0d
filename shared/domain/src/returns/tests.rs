//! What a return may say, and what it takes off its receipt (L8, X10).

use super::*;
use crate::receipt::PaymentKind;

const DAY: &str = "2026-03-02";

fn key(number: usize, date: &str) -> ReceiptKey {
    format!("B07~3~{date}~{number}").parse().unwrap()
}

fn sold(lines: &[(&str, i64, i64)]) -> Receipt {
    let line = |(sku, quantity_milli, amount_minor): &(&str, i64, i64)| Line {
        sku: (*sku).to_owned(),
        group: None,
        brand: None,
        quantity_milli: *quantity_milli,
        amount_minor: *amount_minor,
        vat_rate_bp: Some(810),
    };
    Receipt {
        key: key(1, DAY),
        time: None,
        card: None,
        currency: Currency::CHF,
        total_minor: lines.iter().map(|(_, _, amount)| amount).sum(),
        cash_rounding_minor: 0,
        lines: lines.iter().map(line).collect(),
        payments: Vec::new(),
    }
}

fn line(sku: &str, quantity_milli: i64, amount_minor: i64) -> ReturnLine {
    ReturnLine {
        original_line: None,
        sku: sku.to_owned(),
        group: None,
        brand: None,
        quantity_milli,
        amount_minor,
        vat_rate_bp: None,
    }
}

fn back(lines: Vec<ReturnLine>) -> Return {
    let total_minor = lines.iter().map(|line| line.amount_minor).sum();
    Return {
        key: key(9, "2026-03-05"),
        original: Some(key(1, DAY)),
        card: None,
        currency: Currency::CHF,
        total_minor,
        cash_rounding_minor: 0,
        lines,
        refunds: vec![Refund {
            kind: PaymentKind::Cash,
            amount_minor: total_minor,
        }],
    }
}

fn codes(back: &Return) -> Vec<(String, &'static str)> {
    let violations = back.violations().into_iter();
    violations
        .map(|violation| (violation.pointer, violation.code))
        .collect()
}

/// Quantities and amounts of the lines that are left, and what was too much.
type Left = (Vec<(i64, i64)>, Vec<(usize, Excess)>);

fn left(receipt: &Receipt, lines: Vec<ReturnLine>) -> Left {
    let outcome = Remaining::of(receipt).less(&back(lines)).unwrap();
    let rest = &outcome.remaining.receipt;
    assert_eq!(
        rest.total_minor,
        rest.lines.iter().map(|line| line.amount_minor).sum::<i64>(),
        "the total is the sum of the lines"
    );
    assert_eq!(outcome.total_minor, receipt.total_minor - rest.total_minor);
    let lines = rest.lines.iter();
    (
        lines.map(|line| (line.quantity_milli, line.amount_minor)).collect(),
        outcome.excess,
    )
}

#[test]
fn a_return_that_adds_up_is_taken() {
    assert_eq!(codes(&back(vec![line("A", 1_000, 500)])), []);
    let mut rounded = back(vec![line("A", 1_000, 499)]);
    rounded.cash_rounding_minor = 1;
    rounded.refunds[0].amount_minor = 500;
    assert_eq!(codes(&rounded), []);
}

#[test]
fn refunds_must_be_positive_few_and_add_up() {
    let mut short = back(vec![line("A", 1_000, 500)]);
    short.refunds[0].amount_minor = 499;
    assert_eq!(codes(&short), [("/refunds".to_owned(), "refunds_do_not_add_up")]);

    let mut negative = back(vec![line("A", 1_000, 500)]);
    negative.refunds = vec![
        Refund {
            kind: PaymentKind::Cash,
            amount_minor: 501,
        },
        Refund {
            kind: PaymentKind::Card,
            amount_minor: -1,
        },
    ];
    assert_eq!(
        codes(&negative),
        [("/refunds/1/amount/amount_minor".to_owned(), "amount_out_of_range")]
    );

    let many = |count: usize| {
        let each = Refund {
            kind: PaymentKind::Cash,
            amount_minor: 1,
        };
        let total = i64::try_from(count).unwrap();
        let mut back = back(vec![line("A", 1_000, total)]);
        back.refunds = vec![each; count];
        codes(&back)
    };
    assert_eq!(many(PAYMENTS_MAX), []);
    assert_eq!(many(PAYMENTS_MAX + 1), [("/refunds".to_owned(), "refunds_count")]);
}

#[test]
fn a_wrong_line_is_named_where_it_stands_and_payments_are_never_spoken_of() {
    let found = codes(&back(vec![line("A", 0, 500)]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.starts_with("/lines/0/"), "{found:?}");
}

#[test]
fn a_line_of_the_original_needs_the_original() {
    let mut orphan = back(vec![line("A", 1_000, 500), line("B", 1_000, 500)]);
    orphan.lines[1].original_line = Some(0);
    assert_eq!(codes(&orphan), []);
    orphan.original = None;
    assert_eq!(
        codes(&orphan),
        [("/lines/1/original_line".to_owned(), "original_missing")]
    );
}

#[test]
fn the_original_was_sold_on_the_day_of_the_return_or_before() {
    for (date, wanted) in [
        ("2026-03-04", None),
        ("2026-03-05", None),
        ("2026-03-06", Some("original_later")),
    ] {
        let mut back = back(vec![line("A", 1_000, 500)]);
        back.original = Some(key(1, date));
        let found = codes(&back).into_iter().map(|(_, code)| code).next();
        assert_eq!(found, wanted, "{date}");
    }
}

#[test]
fn what_is_nought_is_left_out_of_the_stored_return_and_read_back_as_nought() {
    let mut plain = back(vec![line("A", 1_000, 500)]);
    let stored = serde_json::to_value(&plain).unwrap();
    assert_eq!(stored.get("cash_rounding_minor"), None);
    assert_eq!(serde_json::from_value::<Return>(stored).unwrap(), plain);
    plain.cash_rounding_minor = -2;
    let stored = serde_json::to_value(&plain).unwrap();
    assert_eq!(stored.get("cash_rounding_minor"), Some(&serde_json::json!(-2)));
    assert_eq!(serde_json::from_value::<Return>(stored).unwrap(), plain);
}

#[test]
fn a_line_comes_off_the_line_that_was_sold_at_its_price_first() {
    let receipt = sold(&[("A", 1_000, 1_000), ("A", 2_000, 1_000)]);
    assert_eq!(
        left(&receipt, vec![line("A", 1_000, 500)]),
        (vec![(1_000, 1_000), (1_000, 500)], vec![])
    );
    assert_eq!(
        left(&receipt, vec![line("A", 1_000, 1_000)]),
        (vec![(0, 0), (2_000, 1_000)], vec![])
    );
    // Neither has this price: in order.
    assert_eq!(
        left(&receipt, vec![line("A", 1_000, 700)]),
        (vec![(0, 300), (2_000, 1_000)], vec![])
    );
}

#[test]
fn a_named_line_is_the_only_one_that_gives() {
    let receipt = sold(&[("A", 1_000, 500), ("A", 1_000, 500), ("B", 1_000, 500)]);
    let mut second = line("A", 1_000, 500);
    second.original_line = Some(1);
    assert_eq!(
        left(&receipt, vec![second]),
        (vec![(1_000, 500), (0, 0), (1_000, 500)], vec![])
    );
    let mut other_article = line("B", 1_000, 500);
    other_article.original_line = Some(1);
    assert_eq!(left(&receipt, vec![other_article]).1, [(0, Excess::NoSuchLine)]);
}

#[test]
fn pieces_and_money_that_are_not_there_are_too_much_and_take_nothing_more() {
    let receipt = sold(&[("A", 2_000, 1_000), ("B", 1_000, 400)]);
    let whole = vec![(2_000, 1_000), (1_000, 400)];
    assert_eq!(
        left(&receipt, vec![line("C", 1_000, 100)]),
        (whole, vec![(0, Excess::NoSuchLine)])
    );
    assert_eq!(
        left(&receipt, vec![line("B", 1_000, 400), line("A", 3_000, 1_500)]),
        (vec![(0, 0), (0, 0)], vec![(1, Excess::Quantity)])
    );
    assert_eq!(
        left(&receipt, vec![line("A", 2_000, 1_001)]),
        (vec![(0, 0), (1_000, 400)], vec![(0, Excess::Amount)])
    );
    assert_eq!(
        left(&receipt, vec![line("A", 2_000, 1_000)]),
        (vec![(0, 0), (1_000, 400)], vec![])
    );
}

#[test]
fn a_line_that_is_all_back_gives_no_more_money() {
    let receipt = sold(&[("A", 1_000, 1_000), ("A", 1_000, 900)]);
    // The first return leaves 300 on the first line, without pieces.
    let once = Remaining::of(&receipt)
        .less(&back(vec![line("A", 1_000, 700)]))
        .unwrap();
    let twice = once.remaining.less(&back(vec![line("A", 1_000, 1_200)])).unwrap();
    let lines: Vec<_> = twice
        .remaining
        .receipt
        .lines
        .iter()
        .map(|line| line.amount_minor)
        .collect();
    assert_eq!((lines, twice.total_minor), (vec![300, 0], 900));
    assert_eq!(twice.excess, [(0, Excess::Amount)]);
}

#[test]
fn another_currency_takes_nothing() {
    let receipt = sold(&[("A", 1_000, 500)]);
    let mut euros = back(vec![line("A", 1_000, 500)]);
    euros.currency = "EUR".parse().unwrap();
    let outcome = Remaining::of(&receipt).less(&euros).unwrap();
    assert_eq!(outcome.remaining, Remaining::of(&receipt));
    assert_eq!((outcome.total_minor, outcome.excess), (0, vec![(0, Excess::Currency)]));
}

#[test]
fn what_comes_back_as_a_voucher_comes_off_the_vouchers_in_their_order() {
    let mut receipt = sold(&[("A", 2_000, 2_000)]);
    let paid = |kind, amount_minor| Payment {
        kind,
        amount_minor,
        voucher: None,
    };
    receipt.payments = vec![
        paid(PaymentKind::Cash, 1_200),
        paid(PaymentKind::Voucher, 500),
        paid(PaymentKind::Voucher, 300),
    ];
    let mut back = back(vec![line("A", 1_000, 1_000)]);
    back.refunds = vec![
        Refund {
            kind: PaymentKind::Voucher,
            amount_minor: 600,
        },
        Refund {
            kind: PaymentKind::Cash,
            amount_minor: 400,
        },
    ];
    assert_eq!(back.voucher_refund_minor(), 600);
    let outcome = Remaining::of(&receipt).less(&back).unwrap();
    let payments = outcome.remaining.receipt.payments.iter();
    assert_eq!(
        payments.map(|payment| payment.amount_minor).collect::<Vec<_>>(),
        [1_200, 0, 200]
    );
}

#[test]
fn a_voided_receipt_keeps_its_lines_and_nothing_on_them() {
    let outcome = Remaining::of(&sold(&[("A", 2_000, 1_000), ("B", 1_000, 400)])).nothing();
    let rest = outcome.remaining.receipt;
    assert_eq!(
        (outcome.total_minor, rest.total_minor, outcome.excess),
        (1_400, 0, vec![])
    );
    assert!(rest.payments.is_empty());
    let lines = rest.lines.iter();
    assert_eq!(
        lines
            .map(|line| (line.quantity_milli, line.amount_minor))
            .collect::<Vec<_>>(),
        [(0, 0), (0, 0)]
    );
}
