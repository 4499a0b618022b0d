//! The goods of a basket by VAT rate, and what the voucher takes off each.

use std::collections::BTreeSet;

use domain::money::{AMOUNT_MAX, Money};
use domain::voucher::{VAT_RATE_MAX, VAT_RATES_MAX, VatAmount, Voucher, split_by_vat};
use http_edge::api::vouchers::{Discount, VatTotal};
use http_edge::{Code, Problem};

use crate::fields::Fields;

const POINTER: &str = "/basket_by_vat";

/// The goods that the voucher is for, by VAT rate, and the total of the basket that they are part of.
pub(crate) struct Goods {
    by_rate: Vec<VatAmount>,
    sum_minor: i64,
    total: Money,
}

impl Goods {
    /// Reads the goods of a body, if it describes them.
    pub(crate) fn read(given: Option<&[VatTotal]>, total: Option<Money>, fields: &mut Fields) -> Option<Self> {
        let given = given?;
        let Some(total) = total else {
            fields.add(POINTER, "not_applicable", "needs basket_total");
            return None;
        };
        if !(1..=VAT_RATES_MAX).contains(&given.len()) {
            fields.add(POINTER, "out_of_range", "must name 1 to 20 VAT rates");
            return None;
        }
        let (mut by_rate, mut rates) = (Vec::with_capacity(given.len()), BTreeSet::new());
        for (index, at_rate) in given.iter().enumerate() {
            let at = |field: &str| format!("{POINTER}/{index}{field}");
            if at_rate.vat_rate_bp.is_some_and(|rate| rate > VAT_RATE_MAX) {
                let detail = "must be 0 to 10000 hundredths of a per cent";
                fields.add(&at("/vat_rate_bp"), "vat_rate_out_of_range", detail);
            }
            if !rates.insert(at_rate.vat_rate_bp) {
                fields.add(&at("/vat_rate_bp"), "twice", "each rate is named once");
            }
            if !(0..=AMOUNT_MAX).contains(&at_rate.amount.amount_minor) {
                let detail = format!("must be 0 to {AMOUNT_MAX} minor units");
                fields.add(&at("/amount/amount_minor"), "amount_out_of_range", &detail);
            }
            if at_rate.amount.currency != total.currency {
                fields.add(
                    &at("/amount/currency"),
                    "currency_mismatch",
                    "must be the currency of basket_total",
                );
            }
            by_rate.push(VatAmount {
                rate_bp: at_rate.vat_rate_bp,
                amount_minor: at_rate.amount.amount_minor,
            });
        }
        let sum = by_rate
            .iter()
            .fold(0i64, |sum, at_rate| sum.saturating_add(at_rate.amount_minor));
        if sum > total.amount_minor {
            fields.add(POINTER, "does_not_add_up", "must come to no more than basket_total");
        }
        Some(Self {
            by_rate,
            sum_minor: sum,
            total,
        })
    }

    /// Whether they are all of the basket, or the voucher is for some product groups only. A rate that was forgotten would make the
    /// discount of the others, and with it their tax, too high.
    pub(crate) fn fit(&self, voucher: &Voucher) -> Result<(), Problem> {
        if self.sum_minor == self.total.amount_minor || voucher.is_for_some_groups() {
            return Ok(());
        }
        let mut fields = Fields::default();
        let detail = "must come to basket_total: the voucher is for all goods";
        fields.add(POINTER, "does_not_add_up", detail);
        Err(fields.problem())
    }

    /// What the voucher, or this part of it, takes off, in all and at each rate.
    pub(crate) fn discount(&self, voucher: &Voucher, part: Option<i64>) -> Result<Discount, Problem> {
        if part.is_some_and(|part| part > self.sum_minor) {
            let mut fields = Fields::default();
            let detail = "comes to less than what the receipt takes of the voucher";
            fields.add(POINTER, "does_not_add_up", detail);
            return Err(fields.problem());
        }
        let whole = part.map_or_else(|| voucher.discount_on(self.sum_minor), Ok);
        let split = whole.and_then(|whole| Ok((whole, split_by_vat(whole, &self.by_rate)?)));
        let (whole, parts) = split.map_err(|error| {
            tracing::error!(%error, "a discount cannot be split");
            Problem::new(Code::Internal, "the discount leaves the range of the books")
        })?;
        let money = |minor| Money::new(minor, self.total.currency);
        let by_vat = parts.into_iter().map(|part| VatTotal {
            vat_rate_bp: part.rate_bp,
            amount: money(part.amount_minor),
        });
        Ok(Discount {
            amount: money(whole),
            by_vat: by_vat.collect(),
        })
    }
}
