//! Worked examples and histories. The examples are named after the case of the requirements (parts 3 and 4) that they work
//! out.

mod examples;
pub(crate) mod histories;

use std::collections::BTreeSet;

use super::*;
use crate::earning::{Circumstances, earn};
use crate::id::RunName;
use crate::money::Currency;
use crate::programme::{Expiry, PointsLife, Programme, ReturnPolicy};
use crate::receipt::{Line, Payment, Receipt, ReceiptKey};
use crate::returns::{Refund, Remaining, Return, ReturnLine};
use crate::voucher::VoucherNumber;

fn programme() -> Programme {
    Programme::swiss_default("treue".parse().unwrap())
}

fn with_life(pending_days: u32, expiry: Expiry, grace_days: u32) -> Programme {
    Programme {
        points: PointsLife {
            pending_days,
            expiry,
            grace_days,
        },
        ..programme()
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn key(number: usize, date: NaiveDate) -> ReceiptKey {
    format!("B07~3~{date}~{number}").parse().unwrap()
}

/// A receipt with one line for each amount, articles `0`, `1`, …
fn basket(number: usize, date: &str, minors: &[i64]) -> Receipt {
    let line = |(sku, minor): (usize, &i64)| Line {
        sku: sku.to_string(),
        group: None,
        brand: None,
        quantity_milli: 1_000,
        amount_minor: *minor,
        vat_rate_bp: Some(810),
    };
    Receipt {
        key: key(number, day(date)),
        time: None,
        card: None,
        currency: Currency::CHF,
        total_minor: minors.iter().sum(),
        cash_rounding_minor: 0,
        lines: minors.iter().enumerate().map(line).collect(),
        payments: vec![],
    }
}

fn empty_return() -> Return {
    Return {
        key: key(0, today()),
        original: None,
        card: None,
        currency: Currency::CHF,
        total_minor: 0,
        cash_rounding_minor: 0,
        lines: Vec::new(),
        refunds: Vec::new(),
    }
}

fn receipt(number: usize, date: &str, minor: i64) -> Receipt {
    basket(number, date, &[minor])
}

fn today() -> NaiveDate {
    day("2026-11-22")
}

/// Posts on the receipt's own day.
fn post_under(programme: &Programme, account: &Account, receipt: &Receipt) -> (Entry, Account) {
    let earning = earn(receipt, programme, &Circumstances::default()).unwrap();
    account
        .post(
            receipt,
            (&earning, &Circumstances::default()),
            programme,
            receipt.key.business_date,
        )
        .unwrap()
}

fn post(account: &Account, receipt: &Receipt) -> (Entry, Account) {
    post_under(&programme(), account, receipt)
}

/// The lot that a receipt's entry put its points into.
fn lot_of(entry: &Entry) -> Option<LotKey> {
    match &entry.cause {
        Cause::Receipt { lot, .. } => *lot,
        _ => panic!("not the entry of a receipt"),
    }
}

fn lots(account: &Account) -> Vec<(String, i64)> {
    account.lots.iter().map(|lot| (lot.key.to_string(), lot.open)).collect()
}

/// Takes the difference of a return off the account.
struct Giving<'a> {
    programme: &'a Programme,
    original: &'a Receipt,
    lot: Option<LotKey>,
    remaining: Remaining,
    returned: usize,
    on: NaiveDate,
}

impl<'a> Giving<'a> {
    fn of(programme: &'a Programme, original: &'a Receipt, entry: &Entry) -> Self {
        Self {
            programme,
            original,
            lot: lot_of(entry),
            remaining: Remaining::of(original),
            returned: 0,
            on: original.key.business_date,
        }
    }

    fn on(mut self, date: &str) -> Self {
        self.on = day(date);
        self
    }

    /// Returns pieces of lines: index, thousandths, minor units.
    fn back(&mut self, account: &Account, lines: &[(usize, i64, i64)], expired: i64) -> (Entry, Account) {
        self.returned += 1;
        let back = Return {
            key: key(9_000 + self.returned, self.on),
            original: Some(self.original.key.clone()),
            lines: lines
                .iter()
                .map(|(index, quantity_milli, amount_minor)| ReturnLine {
                    original_line: Some(*index),
                    sku: index.to_string(),
                    group: None,
                    brand: None,
                    quantity_milli: *quantity_milli,
                    amount_minor: *amount_minor,
                    vat_rate_bp: None,
                })
                .collect(),
            ..empty_return()
        };
        let outcome = self.remaining.less(&back).unwrap();
        let points = |remaining: &Remaining| {
            earn(&remaining.receipt, self.programme, &Circumstances::default())
                .unwrap()
                .points
        };
        let (points_before, points_after) = (points(&self.remaining), points(&outcome.remaining));
        self.remaining = outcome.remaining;
        account
            .take_back(TakeBack {
                receipt: &back.key,
                original: Some(&self.original.key),
                void: false,
                business_date: self.on,
                booked_on: self.on,
                total_minor: outcome.total_minor,
                points_before,
                points_after,
                vat: Vec::new(),
                lot: self.lot,
                expired,
                programme_version: self.programme.version,
                policy: self.programme.returns,
            })
            .unwrap()
    }
}

#[test]
fn an_entry_tells_the_receipt_that_it_posts_and_is_stored_without_noughts() {
    let receipt = key(1, day("2026-03-02"));
    let entry = |cause| Entry {
        version: 1,
        business_date: day("2026-03-02"),
        points: 5,
        balance_after: 5,
        pending_after: 0,
        programme_version: 1,
        lots: vec![],
        cause,
    };
    let by_receipt: Cause = serde_json::from_value(serde_json::json!(
        {"kind": "receipt", "receipt": receipt, "total_minor": 500, "eligible_minor": 500,
         "voucher_paid_minor": 0, "base_minor": 500}
    ))
    .unwrap();
    let posted = entry(by_receipt);
    assert_eq!(posted.posted_receipt(), Some(&receipt));
    let closed = entry(Cause::Activation);
    assert_eq!(closed.posted_receipt(), None);
    let stored = serde_json::to_value(&closed).unwrap();
    assert_eq!(stored.get("pending_after"), None);
    assert_eq!(serde_json::from_value::<Entry>(stored).unwrap(), closed);
    let pending = Entry {
        pending_after: 7,
        ..closed
    };
    let stored = serde_json::to_value(&pending).unwrap();
    assert_eq!(stored.get("pending_after"), Some(&serde_json::json!(7)));
}
