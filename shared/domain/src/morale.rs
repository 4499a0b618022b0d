//! How a party pays (C5): a fold over its invoices and their payments, for any day.
//!
//! The order of invoices and payments does not matter, so that whatever comes late or twice ends in the same answer.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::id::DocumentNumber;
use crate::money::{Currency, Money};

/// Months before the day that count. What is still open counts however old it is.
pub const WINDOW_MONTHS: u32 = 24;
/// Greatest dunning level.
pub const DUNNING_MAX: u8 = 9;
/// Most payments of one invoice.
pub const PAYMENTS_MAX: usize = 40;

/// What the sender of an invoice says about it. Whether it is paid comes from its payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// To be paid.
    Open,
    /// It never had to be paid: it does not count.
    Cancelled,
    /// Nobody expects it to be paid any more.
    WrittenOff,
}

impl InvoiceStatus {
    /// As it stands in bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Cancelled => "cancelled",
            Self::WrittenOff => "written_off",
        }
    }
}

/// A payment of an invoice, in any currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its number.
    pub number: DocumentNumber,
    /// The day on which it came.
    pub date: NaiveDate,
    /// Its amount; below 0 when it was taken back.
    pub amount: Money,
}

/// An invoice with its payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Its number.
    pub number: DocumentNumber,
    /// Its date.
    pub date: NaiveDate,
    /// The last day on which it is paid on time.
    pub due: NaiveDate,
    /// What is to be paid.
    pub total: Money,
    /// How often the sender has reminded, 0 to [`DUNNING_MAX`].
    pub dunning_level: u8,
    /// What the sender says.
    pub status: InvoiceStatus,
    /// At most [`PAYMENTS_MAX`].
    pub payments: Vec<Payment>,
}

/// What of an invoice is paid at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paid {
    /// All of it since this day.
    Since(NaiveDate),
    /// Some minor units are open.
    Not { open_minor: i64 },
}

impl Invoice {
    /// Payments in the invoice's currency by day, up to `as_of`.
    fn days(&self, as_of: NaiveDate) -> BTreeMap<NaiveDate, i64> {
        let mut days = BTreeMap::new();
        let counts = |payment: &&Payment| payment.date <= as_of && payment.amount.currency == self.total.currency;
        for payment in self.payments.iter().filter(counts) {
            let sum: &mut i64 = days.entry(payment.date).or_default();
            // Few payments of bounded amounts: far from the range.
            *sum = sum.saturating_add(payment.amount.amount_minor);
        }
        days
    }

    /// A payment that is taken back opens the invoice again; the day that counts is the one from which it stays paid.
    fn paid(&self, as_of: NaiveDate) -> Paid {
        let mut sum = 0i64;
        let mut since = (self.total.amount_minor <= 0).then_some(self.date);
        for (day, minor) in self.days(as_of) {
            sum = sum.saturating_add(minor);
            since = (sum >= self.total.amount_minor).then(|| since.unwrap_or(day));
        }
        match since {
            Some(day) => Paid::Since(day),
            None => Paid::Not {
                open_minor: self.total.amount_minor.saturating_sub(sum),
            },
        }
    }

    /// What is not paid when all payments that are known have come, in minor units of its currency.
    pub fn open_minor(&self) -> i64 {
        match self.paid(NaiveDate::MAX) {
            Paid::Since(_) => 0,
            Paid::Not { open_minor } => open_minor,
        }
    }

    /// Whole days from the due date to `day`, 0 when it is not later.
    fn days_late(&self, day: NaiveDate) -> i64 {
        day.signed_duration_since(self.due).num_days().max(0)
    }
}

/// How a party pays, as of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Morale {
    /// Invoices that count: all of the window but cancelled ones, and older ones that are still open.
    pub invoices: u32,
    /// Neither paid nor written off, also those that are overdue.
    pub open: u32,
    /// Open ones whose due date is over.
    pub overdue: u32,
    /// Paid until their due date.
    pub paid_on_time: u32,
    /// Paid later.
    pub paid_late: u32,
    /// Not paid and written off.
    pub written_off: u32,
    /// Days late of paid, overdue and written off invoices, the last two until the day; whole days rounded down. What was paid on
    /// time counts as 0.
    pub mean_days_late: i64,
    /// The greatest of them.
    pub worst_days_late: i64,
    /// The highest dunning level of open invoices.
    pub dunning_level: u8,
    /// What is open, by currency.
    pub open_amounts: Vec<Money>,
    /// What of it is overdue.
    pub overdue_amounts: Vec<Money>,
}

/// The first day of the window that ends with `as_of`.
pub fn window_start(as_of: NaiveDate) -> NaiveDate {
    as_of
        .checked_sub_months(Months::new(WINDOW_MONTHS))
        .and_then(|day| day.succ_opt())
        .unwrap_or(NaiveDate::MIN)
}

/// The sums while the invoices pass.
#[derive(Debug, Default)]
struct Fold {
    morale: Morale,
    days_late: i64,
    measured: i64,
    open: BTreeMap<Currency, i64>,
    overdue: BTreeMap<Currency, i64>,
}

impl Fold {
    fn measure(&mut self, days: i64) {
        self.days_late = self.days_late.saturating_add(days);
        self.measured = self.measured.saturating_add(1);
        self.morale.worst_days_late = self.morale.worst_days_late.max(days);
    }

    fn take(&mut self, invoice: &Invoice, as_of: NaiveDate) {
        self.morale.invoices = self.morale.invoices.saturating_add(1);
        let open_minor = match invoice.paid(as_of) {
            Paid::Since(day) => {
                let days = invoice.days_late(day);
                let count = if days > 0 {
                    &mut self.morale.paid_late
                } else {
                    &mut self.morale.paid_on_time
                };
                *count = count.saturating_add(1);
                self.measure(days);
                return;
            }
            Paid::Not { open_minor } => open_minor,
        };
        let days = invoice.days_late(as_of);
        if invoice.status == InvoiceStatus::WrittenOff {
            self.morale.written_off = self.morale.written_off.saturating_add(1);
            // It was never paid: to leave it out would make whoever never pays look better than whoever pays late.
            self.measure(days);
            return;
        }
        self.morale.open = self.morale.open.saturating_add(1);
        self.morale.dunning_level = self.morale.dunning_level.max(invoice.dunning_level);
        add(&mut self.open, invoice.total.currency, open_minor);
        if days > 0 {
            self.morale.overdue = self.morale.overdue.saturating_add(1);
            add(&mut self.overdue, invoice.total.currency, open_minor);
            self.measure(days);
        }
    }
}

fn add(sums: &mut BTreeMap<Currency, i64>, currency: Currency, minor: i64) {
    let sum = sums.entry(currency).or_default();
    *sum = sum.saturating_add(minor);
}

fn amounts(sums: BTreeMap<Currency, i64>) -> Vec<Money> {
    sums.into_iter()
        .map(|(currency, minor)| Money::new(minor, currency))
        .collect()
}

/// How a party with these invoices pays, as of the end of a day. Payments after the day do not count, nor do invoices before the
/// window that were settled by the day, paid or written off; dunning level and status are those of today, because the sender says no others.
pub fn morale<'a>(invoices: impl IntoIterator<Item = &'a Invoice>, as_of: NaiveDate) -> Morale {
    let first = window_start(as_of);
    let mut fold = Fold::default();
    for invoice in invoices {
        let settled = invoice.status == InvoiceStatus::WrittenOff || matches!(invoice.paid(as_of), Paid::Since(_));
        let in_time = invoice.date <= as_of && (invoice.date >= first || !settled);
        if in_time && invoice.status != InvoiceStatus::Cancelled {
            fold.take(invoice, as_of);
        }
    }
    Morale {
        mean_days_late: fold.days_late.checked_div(fold.measured).unwrap_or(0),
        open_amounts: amounts(fold.open),
        overdue_amounts: amounts(fold.overdue),
        ..fold.morale
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn payment(number: &str, date: &str, minor: i64) -> Payment {
        Payment {
            number: number.parse().unwrap(),
            date: day(date),
            amount: Money::new(minor, Currency::CHF),
        }
    }

    fn invoice(payments: Vec<Payment>) -> Invoice {
        Invoice {
            number: "R-1".parse().unwrap(),
            date: day("2026-01-01"),
            due: day("2026-01-31"),
            total: Money::new(10_000, Currency::CHF),
            dunning_level: 2,
            status: InvoiceStatus::Open,
            payments,
        }
    }

    #[test]
    fn c5_an_invoice_is_open_then_overdue_then_paid_late() {
        let paid = invoice(vec![
            payment("Z-1", "2026-01-20", 4_000),
            payment("Z-2", "2026-02-10", 6_000),
        ]);
        let at = |as_of: &str| morale([&paid], day(as_of));
        let open = at("2026-01-31");
        assert_eq!((open.open, open.overdue, open.mean_days_late), (1, 0, 0));
        assert_eq!(open.open_amounts, [Money::new(6_000, Currency::CHF)]);
        let overdue = at("2026-02-09");
        assert_eq!(
            (overdue.overdue, overdue.worst_days_late, overdue.dunning_level),
            (1, 9, 2)
        );
        assert_eq!(overdue.overdue_amounts, [Money::new(6_000, Currency::CHF)]);
        let late = at("2026-02-10");
        assert_eq!(
            (late.open, late.paid_late, late.mean_days_late, late.dunning_level),
            (0, 1, 10, 0)
        );
        assert_eq!(at("2025-12-31").invoices, 0, "it did not exist");
        assert_eq!(at("2027-12-31").invoices, 1, "the last day of its window");
        assert_eq!(at("2028-01-01").invoices, 0, "two years later");
    }

    #[test]
    fn c5_what_is_open_is_the_total_less_all_payments_and_never_less_than_nothing() {
        assert_eq!(invoice(Vec::new()).open_minor(), 10_000);
        assert_eq!(invoice(vec![payment("Z-1", "2026-01-20", 4_000)]).open_minor(), 6_000);
        assert_eq!(invoice(vec![payment("Z-1", "2026-01-20", 12_000)]).open_minor(), 0);
        let words = [InvoiceStatus::Open, InvoiceStatus::Cancelled, InvoiceStatus::WrittenOff];
        assert_eq!(words.map(InvoiceStatus::as_str), ["open", "cancelled", "written_off"]);
    }

    #[test]
    fn c5_a_payment_that_is_taken_back_opens_the_invoice_again() {
        let back = invoice(vec![
            payment("Z-1", "2026-01-20", 10_000),
            payment("Z-2", "2026-01-25", -10_000),
            payment("Z-3", "2026-02-02", 10_000),
        ]);
        assert_eq!(morale([&back], day("2026-01-24")).paid_on_time, 1);
        assert_eq!(morale([&back], day("2026-01-30")).open, 1);
        let late = morale([&back], day("2026-03-01"));
        assert_eq!((late.paid_late, late.worst_days_late), (1, 2));
    }

    #[test]
    fn c5_cancelled_written_off_and_foreign_money_count_for_what_they_are() {
        let mut cancelled = invoice(Vec::new());
        cancelled.status = InvoiceStatus::Cancelled;
        let mut lost = invoice(Vec::new());
        lost.status = InvoiceStatus::WrittenOff;
        let mut foreign = invoice(vec![payment("Z-1", "2026-01-20", 10_000)]);
        foreign.payments[0].amount.currency = Currency::USD;
        let mut free = invoice(Vec::new());
        free.total.amount_minor = 0;
        let said = morale([&cancelled, &lost, &foreign, &free], day("2026-03-02"));
        assert_eq!(
            (said.invoices, said.written_off, said.open, said.paid_on_time),
            (3, 1, 1, 1)
        );
        // 30 days each for what was written off and what came in other money, 0 for what was free.
        assert_eq!((said.mean_days_late, said.worst_days_late), (20, 30));
    }

    #[test]
    fn c5_what_is_open_counts_however_old_it_is_until_it_is_paid_or_written_off() {
        let mut old = invoice(Vec::new());
        let at = |invoice: &Invoice| morale([invoice], day("2029-01-31"));
        let said = at(&old);
        assert_eq!(
            (said.invoices, said.open, said.overdue, said.worst_days_late),
            (1, 1, 1, 1_096)
        );
        assert_eq!(said.overdue_amounts, [Money::new(10_000, Currency::CHF)]);
        old.status = InvoiceStatus::WrittenOff;
        assert_eq!(at(&old), Morale::default());
        old.status = InvoiceStatus::Open;
        old.payments = vec![payment("Z-1", "2029-01-31", 10_000)];
        assert_eq!(at(&old), Morale::default());
        assert_eq!(morale([&old], day("2029-01-30")).open, 1, "the day before it was paid");
    }

    proptest! {
        #[test]
        fn c5_no_order_of_invoices_and_payments_changes_the_morale(
            moves in proptest::collection::vec((0u32..120, -9_000i64..12_000), 0..8),
            turn in 0usize..8,
            as_of in 0u32..200,
        ) {
            let start = day("2026-01-01");
            let payments: Vec<_> = moves
                .iter()
                .map(|(after, minor)| Payment {
                    date: crate::calendar::plus_days(start, *after),
                    ..payment("Z", "2026-01-01", *minor)
                })
                .collect();
            let mut turned = payments.clone();
            turned.rotate_left(turn.min(payments.len()));
            turned.reverse();
            let as_of = crate::calendar::plus_days(start, as_of);
            let other = invoice(vec![payment("Z", "2026-01-09", 10_000)]);
            let (first, second) = (invoice(payments), invoice(turned));
            let said = morale([&first, &other], as_of);
            prop_assert_eq!(&said, &morale([&other, &second], as_of));
            // Each invoice is exactly one of the three.
            prop_assert_eq!(said.open + said.paid_on_time + said.paid_late, said.invoices);
        }
    }
}
