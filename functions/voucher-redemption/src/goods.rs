//! The goods of a basket, and what the voucher takes off at each VAT rate.

use std::collections::BTreeMap;

use domain::money::Money;
use domain::voucher::{self, VatAmount, Voucher, split_by_vat};
use http_edge::api::vouchers::{Discount, GoodsTotal, VatTotal};
use http_edge::{Code, Findings, Problem};

use crate::fields::Fields;

const POINTER: &str = "/basket_by_vat";

/// The goods of a basket, and what they come to.
pub(crate) struct Goods {
    pub(crate) all: Vec<voucher::Goods>,
    total: Money,
}

impl Goods {
    /// Reads the goods of a body, if it names them.
    pub(crate) fn read(given: Option<&[GoodsTotal]>, total: Option<Money>, fields: &mut Fields) -> Option<Self> {
        let given = given?;
        let Some(total) = total else {
            fields.add(POINTER, "not_applicable", "needs basket_total");
            return None;
        };
        let mut found = Findings::default();
        let all = http_edge::goods::goods(given, total, POINTER, &mut found);
        fields.extend(found);
        Some(Self { all, total })
    }

    /// What the voucher takes off, or this receipt has `taken`, in all and at each rate.
    pub(crate) fn discount(&self, voucher: &Voucher, taken: Option<i64>) -> Result<Discount, Problem> {
        let mut rates: BTreeMap<Option<u32>, i64> = BTreeMap::new();
        for goods in &self.all {
            let sum = rates.entry(goods.rate_bp).or_default();
            if voucher.is_for(goods) {
                *sum = sum.saturating_add(goods.amount_minor);
            }
        }
        let eligible = rates.values().fold(0i64, |sum, minor| sum.saturating_add(*minor));
        let whole = taken.unwrap_or_else(|| voucher.discount_on(eligible));
        if whole > eligible {
            // A repeated call that names other goods than the first.
            let mut fields = Fields::default();
            let detail = "the goods that the voucher is for come to less than this receipt took off before";
            fields.add(POINTER, "does_not_add_up", detail);
            return Err(fields.problem());
        }
        let by_rate = rates
            .into_iter()
            .map(|(rate_bp, amount_minor)| VatAmount { rate_bp, amount_minor });
        let parts = split_by_vat(whole, &by_rate.collect::<Vec<_>>()).map_err(|error| {
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
