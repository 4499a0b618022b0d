//! The goods of a basket by VAT rate and product group, as tills and journals name them.

use std::collections::BTreeSet;

use domain::money::{AMOUNT_MAX, Money};
use domain::text;
use domain::voucher::{GOODS_MAX, Goods, VAT_RATE_MAX, VAT_RATES_MAX};

use crate::api::vouchers::GoodsTotal;
use crate::findings::Findings;

/// Longest name of a product group, in characters: as on a line of a receipt.
const GROUP_MAX: usize = 40;

/// Reads the goods at `pointer`. They must come to `total`: goods that were forgotten would make the discount of the others, and
/// with it their tax, too high.
pub fn goods(given: &[GoodsTotal], total: Money, pointer: &str, found: &mut Findings) -> Vec<Goods> {
    if !(1..=GOODS_MAX).contains(&given.len()) {
        found.add(pointer, "out_of_range", "must be 1 to 100 entries");
        return Vec::new();
    }
    let rates: BTreeSet<_> = given.iter().map(|goods| goods.vat_rate_bp).collect();
    if rates.len() > VAT_RATES_MAX {
        found.add(pointer, "out_of_range", "must name 1 to 20 VAT rates");
    }
    let mut seen = BTreeSet::new();
    for (index, goods) in given.iter().enumerate() {
        let at = |field: &str| format!("{pointer}/{index}{field}");
        if !seen.insert((goods.vat_rate_bp, goods.group.as_deref())) {
            let detail = "each rate is named once, of each product group";
            found.add(at("/vat_rate_bp"), "twice", detail);
        }
        check(goods, total, &at, found);
    }
    let sum = given
        .iter()
        .fold(0i64, |sum, goods| sum.saturating_add(goods.amount.amount_minor));
    if sum != total.amount_minor {
        found.add(pointer, "does_not_add_up", "must come to basket_total");
    }
    let read = given.iter().map(|goods| Goods {
        group: goods.group.clone(),
        rate_bp: goods.vat_rate_bp,
        amount_minor: goods.amount.amount_minor,
    });
    read.collect()
}

fn check(goods: &GoodsTotal, total: Money, at: &impl Fn(&str) -> String, found: &mut Findings) {
    if goods.vat_rate_bp.is_some_and(|rate| rate > VAT_RATE_MAX) {
        let detail = "must be 0 to 10000 hundredths of a per cent";
        found.add(at("/vat_rate_bp"), "vat_rate_out_of_range", detail);
    }
    let named = |group: &String| text::is_line(group, GROUP_MAX);
    if !goods.group.as_ref().is_none_or(named) {
        let detail = "must have 1 to 40 printable characters";
        found.add(at("/group"), "out_of_range", detail);
    }
    if !(0..=AMOUNT_MAX).contains(&goods.amount.amount_minor) {
        let detail = format!("must be 0 to {AMOUNT_MAX} minor units");
        found.add(at("/amount/amount_minor"), "amount_out_of_range", detail);
    }
    if goods.amount.currency != total.currency {
        let detail = "must be the currency of basket_total";
        found.add(at("/amount/currency"), "currency_mismatch", detail);
    }
}
