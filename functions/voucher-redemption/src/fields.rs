//! What is wrong with the fields of a body.

use std::fmt::Display;
use std::str::FromStr;

use domain::code::VoucherCode;
use domain::money::{AMOUNT_MAX, Currency, Money};
use domain::violation::Violation;
use http_edge::{Findings, Problem};

/// Collects what is wrong with the fields of a body.
#[derive(Default)]
pub(crate) struct Fields(Vec<Violation>);

impl Fields {
    pub(crate) fn add(&mut self, pointer: &str, code: &'static str, detail: &str) {
        self.0.push(Violation::new(pointer, code, detail));
    }

    /// Takes over what was found elsewhere.
    pub(crate) fn extend(&mut self, found: Findings) {
        self.0.extend(found.into_violations());
    }

    pub(crate) fn read<T: FromStr<Err: Display>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        self.read_as(pointer, "malformed", text)
    }

    /// Reads a field whose finding has a code of its own.
    pub(crate) fn read_as<T: FromStr<Err: Display>>(
        &mut self,
        pointer: &str,
        code: &'static str,
        text: &str,
    ) -> Option<T> {
        text.parse()
            .map_err(|error: T::Err| self.add(pointer, code, &error.to_string()))
            .ok()
    }

    pub(crate) fn code(&mut self, text: &str) -> Option<VoucherCode> {
        self.read_as("/code", "voucher_code_malformed", text)
    }

    pub(crate) fn total(&mut self, total: Money) -> i64 {
        if !(0..=AMOUNT_MAX).contains(&total.amount_minor) {
            let detail = format!("must be 0 to {AMOUNT_MAX} minor units");
            self.add("/basket_total/amount_minor", "amount_out_of_range", &detail);
        }
        total.amount_minor
    }

    /// How much of a voucher a receipt takes.
    pub(crate) fn part(&mut self, amount: Money, total: Money) -> i64 {
        if !(1..=total.amount_minor.min(AMOUNT_MAX)).contains(&amount.amount_minor) {
            let detail = "must be 1 minor unit up to basket_total";
            self.add("/amount/amount_minor", "amount_out_of_range", detail);
        }
        if amount.currency != total.currency {
            self.add(
                "/amount/currency",
                "currency_mismatch",
                "must be the currency of basket_total",
            );
        }
        amount.amount_minor
    }

    /// The problem of what was found so far.
    pub(crate) fn problem(&mut self) -> Problem {
        Problem::invalid(std::mem::take(&mut self.0))
    }

    pub(crate) fn done(mut self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.problem()) }
    }
}

/// The finding about a basket in another currency than the programme's.
pub(crate) fn foreign_currency(total: Money, currency: Currency) -> Option<Violation> {
    (total.currency != currency).then(|| {
        Violation::new(
            "/basket_total/currency",
            "currency_of_another_programme",
            format!("this location's programme has the currency {currency}"),
        )
    })
}
