//! Postings per second and core in pure domain code, on an account ten years old.
//!
//! `cargo bench -p domain --bench ledger`. The reference is a copy of the account, measured in the same run: whoever posts has to
//! make one, because an account does not change.

use std::hint::black_box;
use std::time::Instant;

use chrono::NaiveDate;
use domain::account::Account;
use domain::earning::{Circumstances, earn};
use domain::money::Currency;
use domain::programme::{Expiry, PointsLife, Programme};
use domain::receipt::{Line, Receipt};

/// Postings of one round.
const POSTINGS: u32 = 200_000;
/// Rounds of each, taken in turn; the median counts.
const ROUNDS: usize = 5;
/// Postings per second and core that are asked for.
const TARGET: u128 = 200_000;

fn receipt(number: u32, date: NaiveDate) -> Receipt {
    let line = |sku: u32| Line {
        sku: sku.to_string(),
        group: Some("paper".to_owned()),
        quantity_milli: 1_000,
        amount_minor: 1_295,
        brand: None,
        vat_rate_bp: Some(if sku == 0 { 260 } else { 810 }),
    };
    Receipt {
        key: format!("B07~3~{date}~{number}").parse().expect("a key"),
        time: None,
        card: None,
        currency: Currency::CHF,
        total_minor: 5 * 1_295,
        cash_rounding_minor: 0,
        lines: (0..5).map(line).collect(),
        payments: Vec::new(),
    }
}

/// An account that was used every week for ten years under this programme.
fn aged(programme: &Programme) -> (Account, NaiveDate) {
    let mut date: NaiveDate = "2016-11-22".parse().expect("a date");
    let mut account = Account::default();
    for week in 0..520 {
        let receipt = receipt(week, date);
        let earning = earn(&receipt, programme, &Circumstances::default()).expect("in range");
        account = account
            .post(&receipt, (&earning, &Circumstances::default()), programme, date)
            .expect("in range")
            .1;
        while let Some((_, after)) = account.expire(date, 1).expect("in range") {
            account = after;
        }
        date = date.checked_add_days(chrono::Days::new(7)).expect("a date");
    }
    (account, date)
}

/// Calls per second of `work`, called `POSTINGS` times.
fn rate(mut work: impl FnMut()) -> u128 {
    let started = Instant::now();
    for _ in 0..POSTINGS {
        work();
    }
    u128::from(POSTINGS) * 1_000_000_000 / started.elapsed().as_nanos().max(1)
}

fn median(mut rates: Vec<u128>) -> u128 {
    rates.sort_unstable();
    rates[rates.len() / 2]
}

fn main() {
    let monthly = Programme::swiss_default("treue".parse().expect("an id"));
    let daily = Programme {
        points: PointsLife {
            pending_days: 0,
            expiry: Expiry::Months { months: 36 },
            grace_days: 1,
        },
        // Nothing becomes a voucher here, so that every lot stays.
        ..monthly.clone()
    };
    for (name, programme) in [
        ("to the end of a month", &monthly),
        ("to the day, as many lots as there can be", &daily),
    ] {
        let (account, date) = aged(programme);
        let receipt = receipt(1, date);
        let earning = earn(&receipt, programme, &Circumstances::default()).expect("in range");
        let known = Circumstances::default();
        let (mut posted, mut copied) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            posted.push(rate(|| {
                let posting = account.post(black_box(&receipt), (black_box(&earning), &known), programme, date);
                drop(black_box(posting));
            }));
            copied.push(rate(|| drop(black_box(black_box(&account).clone()))));
        }
        let (posted, copied) = (median(posted), median(copied));
        let bytes = serde_json::to_vec(&account).expect("JSON").len();
        println!("expiry {name}: {} lots, {bytes} bytes as JSON", account.lots.len());
        println!(
            "  postings per second and core        {posted}  (target ≥ {TARGET}: {})",
            if posted >= TARGET { "met" } else { "MISSED" }
        );
        println!("  copies of the account, in turn      {copied}");
    }
}
