use proptest::prelude::*;

use super::*;

fn receipt() -> Receipt {
    Receipt {
        key: "B07~3~2026-11-22~004711".parse().unwrap(),
        time: Some("2026-11-22T13:03:12Z".parse().unwrap()),
        card: None,
        currency: Currency::CHF,
        total_minor: 12_990,
        cash_rounding_minor: 0,
        lines: vec![Line {
            sku: "10945".into(),
            group: Some("paper".into()),
            brand: None,
            quantity_milli: 1000,
            amount_minor: 12_990,
            vat_rate_bp: Some(810),
        }],
        payments: vec![Payment {
            kind: PaymentKind::Card,
            amount_minor: 12_990,
            voucher: None,
        }],
    }
}

fn codes(found: &[Violation]) -> Vec<(&str, &str)> {
    found.iter().map(|v| (v.pointer.as_str(), v.code)).collect()
}

#[test]
fn a_receipt_key_reads_back_what_it_prints_and_refuses_anything_else() {
    let key: ReceiptKey = "B07~3~2026-11-22~2026.004711".parse().unwrap();
    assert_eq!(key.to_string().parse::<ReceiptKey>().unwrap(), key);
    for text in [
        "",
        "B07~3~2026-11-22",
        "B07~3~22.11.2026~1",
        "B07~3~2026-11-22~1~2",
        "B#7~3~2026-11-22~1",
        "B07~3~2026-1-22~1",
        "B07~3~+12345-1-2~1",
        "B07~3~+2026-1-22~1",
        "B07~3~-001-01-22~1",
        "B07~3~+99999-1-1~1",
        "B07~3~1899-12-31~1",
        "B07~3~+10000-01-01~1",
    ] {
        assert_eq!(text.parse::<ReceiptKey>(), Err(InvalidReceiptKey), "{text}");
    }
}

#[test]
fn n11_the_revenue_of_product_groups_is_that_of_their_lines() {
    let line = |group: Option<&str>, amount_minor| Line {
        group: group.map(str::to_owned),
        amount_minor,
        ..receipt().lines.remove(0)
    };
    let basket = Receipt {
        lines: vec![
            line(Some("wine"), 900),
            line(None, 100),
            line(Some("paper"), 20),
            line(Some("wine"), 3),
        ],
        ..receipt()
    };
    let groups = ["tea", "wine"].map(str::to_owned);
    assert_eq!(basket.revenue_of(&groups), BTreeMap::from([("wine".to_owned(), 903)]));
    assert_eq!(basket.revenue_of(&[]), BTreeMap::new());
}

proptest! {
    /// One receipt has one key: whatever is read as a key prints as it was given, and is read again.
    #[test]
    fn whatever_parses_prints_and_parses_to_itself(
        date in "[+-]?[0-9]{1,6}-[0-1]?[0-9]-[0-3]?[0-9]|[12][0-9]{3}-0[1-9]-[0-2][0-9]|[0-9+~ -]{8,12}",
        rest in "[~0-9A-Za-z.#_-]{0,8}",
    ) {
        let text = format!("B07~3~{date}~{rest}");
        if let Ok(key) = text.parse::<ReceiptKey>() {
            prop_assert_eq!(key.to_string(), text.clone());
            prop_assert_eq!(key.to_string().parse::<ReceiptKey>(), Ok(key));
        }
    }
}

#[test]
fn a_plain_receipt_is_acceptable() {
    assert_eq!(receipt().violations(), vec![]);
}

#[test]
fn a_year_that_a_key_cannot_carry_is_refused() {
    for date in ["-0001-01-01", "0001-01-01", "+10000-01-01"] {
        let mut bad = receipt();
        bad.key.business_date = date.parse().unwrap();
        assert_eq!(
            codes(&bad.violations()),
            [("/business_date", "date_malformed")],
            "{date}"
        );
    }
}

#[test]
fn lines_and_payments_that_do_not_add_up_are_named() {
    let mut bad = receipt();
    bad.total_minor = 12_991;
    assert_eq!(
        codes(&bad.violations()),
        [
            ("/total/amount_minor", "lines_do_not_add_up"),
            ("/payments", "payments_do_not_add_up")
        ]
    );
}

#[test]
fn negative_and_overflowing_amounts_are_named_and_do_not_wrap() {
    let mut bad = receipt();
    bad.lines.push(bad.lines[0].clone());
    bad.lines[0].amount_minor = -1;
    bad.lines[1].amount_minor = i64::MAX;
    bad.lines.push(bad.lines[1].clone());
    let found = bad.violations();
    let found = codes(&found);
    assert!(found.contains(&("/lines/0/amount/amount_minor", "amount_out_of_range")));
    assert!(found.contains(&("/lines/1/amount/amount_minor", "amount_out_of_range")));
    assert!(found.contains(&("/total/amount_minor", "lines_do_not_add_up")));
}

#[test]
fn five_rappen_rounding_is_taken_and_more_is_not() {
    let mut cash = receipt();
    cash.lines[0].amount_minor = 12_993;
    cash.total_minor = 12_993;
    cash.cash_rounding_minor = 2;
    cash.payments[0].amount_minor = 12_995;
    assert_eq!(cash.violations(), vec![]);
    cash.cash_rounding_minor = 6;
    cash.payments[0].amount_minor = 12_999;
    assert_eq!(codes(&cash.violations()), [("/cash_rounding", "amount_out_of_range")]);
}

#[test]
fn a_voucher_payment_names_its_voucher_once() {
    let mut bad = receipt();
    bad.payments[0].kind = PaymentKind::Voucher;
    assert_eq!(
        codes(&bad.violations()),
        [("/payments/0/voucher_code", "voucher_code_mismatch")]
    );
    let voucher: LookupKey = "ABCDEFGH".parse().unwrap();
    bad.payments[0].voucher = Some(voucher);
    bad.payments[0].amount_minor = 6_495;
    bad.payments.push(bad.payments[0].clone());
    assert_eq!(
        codes(&bad.violations()),
        [("/payments/1/voucher_code", "voucher_paid_twice")]
    );
}

#[test]
fn dates_in_the_future_and_too_old_are_refused_in_the_programmes_zone() {
    let programme = Programme::swiss_default("treue".parse().unwrap());
    let receipt = receipt();
    let at = |now: &str, migration| {
        let found = receipt.programme_violations(&programme, now.parse().unwrap(), migration);
        found.into_iter().map(|v| v.code).collect::<Vec<_>>()
    };
    assert_eq!(at("2026-11-21T22:59:59Z", false), ["date_in_future", "time_in_future"]);
    assert_eq!(
        at("2026-11-22T13:00:00Z", false),
        Vec::<&str>::new(),
        "a clock 3 minutes ahead is taken"
    );
    assert_eq!(
        at("2026-12-22T12:00:00Z", false),
        Vec::<&str>::new(),
        "the thirtieth day is taken"
    );
    assert_eq!(at("2026-12-23T12:00:00Z", false), ["date_too_old"]);
    assert_eq!(
        at("2027-12-23T12:00:00Z", true),
        Vec::<&str>::new(),
        "migration lifts the limit"
    );
}

#[test]
fn a_text_that_would_not_print_as_it_reads_is_refused() {
    for text in ["", "a\nb", "a\u{202e}b", "a\u{200b}b", "a\u{2028}b", &"x".repeat(41)] {
        let mut bad = receipt();
        bad.lines[0].sku = text.to_owned();
        bad.lines[0].group = Some(text.to_owned());
        assert_eq!(
            codes(&bad.violations()),
            [
                ("/lines/0/sku", "text_out_of_range"),
                ("/lines/0/group", "text_out_of_range")
            ],
            "{text:?}"
        );
    }
}

#[test]
fn a_foreign_currency_is_refused() {
    let programme = Programme::swiss_default("treue".parse().unwrap());
    let mut receipt = receipt();
    receipt.currency = Currency::USD;
    let found = receipt.programme_violations(&programme, "2026-11-22T15:00:00Z".parse().unwrap(), false);
    assert_eq!(codes(&found), [("/total/currency", "currency_of_another_programme")]);
}

#[test]
fn the_content_hash_moves_with_every_business_field() {
    let base = receipt().content_hash();
    assert_eq!(receipt().content_hash(), base);
    let changes: [fn(&mut Receipt); 5] = [
        |r| r.total_minor += 1,
        |r| r.lines[0].sku = "1".into(),
        |r| r.payments[0].kind = PaymentKind::Cash,
        |r| r.card = Some("ABC".parse().unwrap()),
        |r| r.time = None,
    ];
    for change in changes {
        let mut other = receipt();
        change(&mut other);
        assert_ne!(other.content_hash(), base);
    }
}
