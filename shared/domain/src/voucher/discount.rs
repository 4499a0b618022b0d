//! What a voucher takes off a basket, and how that splits over the VAT rates of its goods (requirements, part 3, 4.4).
//!
//! Vouchers here are given away: they lower what the customer pays, and with it the tax of each rate. So a receipt must show the
//! discount rate by rate.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::Voucher;
use crate::money::OutOfRange;
use crate::remainder::largest_remainder;

/// Most VAT rates of one basket.
pub const VAT_RATES_MAX: usize = 20;
/// Greatest VAT rate, in hundredths of a per cent.
pub const VAT_RATE_MAX: u32 = 10_000;

/// An amount at one VAT rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatAmount {
    /// VAT rate in hundredths of a per cent; `None` for goods without one.
    pub rate_bp: Option<u32>,
    /// Gross amount in minor units, 0 or more.
    pub amount_minor: i64,
}

impl Voucher {
    /// What it takes off goods of this amount: its value or what is left of it, or its per cent up to their limit; never more than the
    /// goods come to. Per cent are rounded down to the minor unit: what was promised is a share, and a discount that is rounded up is
    /// more than that. Taken of the sum of the goods and not line by line, it does not depend on how they are split over lines.
    pub fn discount_on(&self, goods_minor: i64) -> i64 {
        let terms = self.campaign.as_ref();
        let full = match terms.and_then(|terms| terms.per_cent) {
            None => self.worth_minor(),
            Some(per_cent) => {
                let hundredths = i128::from(goods_minor).saturating_mul(i128::from(per_cent));
                let share = i64::try_from(hundredths.div_euclid(100)).unwrap_or(goods_minor);
                let most = terms.and_then(|terms| terms.max_discount_minor);
                most.map_or(share, |most| share.min(most))
            }
        };
        full.min(goods_minor).max(0)
    }
}

/// Splits a discount over goods by VAT rate, in proportion to their amounts: by largest remainder, ties to the higher rate. The
/// highest rate comes first; the parts add up to the discount, and none is more than its goods.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the 64-bit range, or the discount is not 0 up to the sum of the goods.
pub fn split_by_vat(discount_minor: i64, goods: &[VatAmount]) -> Result<Vec<VatAmount>, OutOfRange> {
    let sum = goods
        .iter()
        .try_fold(0i64, |sum, at_rate| sum.checked_add(at_rate.amount_minor))
        .ok_or(OutOfRange)?;
    if !(0..=sum).contains(&discount_minor) {
        return Err(OutOfRange);
    }
    let mut parts = goods.to_vec();
    parts.sort_by_key(|at_rate| Reverse(at_rate.rate_bp));
    let weights: Vec<i64> = parts.iter().map(|at_rate| at_rate.amount_minor).collect();
    let mut shares = largest_remainder(discount_minor, &weights)?.into_iter();
    for part in &mut parts {
        // Goods that come to nothing have no shares, and nothing is taken off them.
        part.amount_minor = shares.next().unwrap_or(0);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::CampaignTerms;
    use super::super::tests::voucher;
    use super::*;

    fn at(rate_bp: impl Into<Option<u32>>, amount_minor: i64) -> VatAmount {
        VatAmount {
            rate_bp: rate_bp.into(),
            amount_minor,
        }
    }

    #[test]
    fn a_discount_is_split_over_the_swiss_rates_and_the_residue_goes_to_the_largest_remainder() {
        // 500 · 5000/6990 = 357.65, 500 · 1990/6990 = 142.35.
        let split = split_by_vat(500, &[at(260, 1_990), at(810, 5_000)]).unwrap();
        assert_eq!(split, [at(810, 358), at(260, 142)]);
        let even = split_by_vat(5, &[at(260, 100), at(810, 100)]).unwrap();
        assert_eq!(even, [at(810, 3), at(260, 2)], "a tie goes to the higher rate");
        let without = split_by_vat(100, &[at(None, 100), at(810, 0)]).unwrap();
        assert_eq!(without, [at(810, 0), at(None, 100)]);
        assert_eq!(split_by_vat(0, &[at(810, 0)]), Ok(vec![at(810, 0)]));
        assert_eq!(split_by_vat(1, &[at(810, 0)]), Err(OutOfRange));
        assert_eq!(split_by_vat(-1, &[at(810, 9)]), Err(OutOfRange));
    }

    #[test]
    fn a_voucher_takes_its_value_or_its_per_cent_and_never_more_than_the_goods() {
        assert_eq!(
            [0, 300, 500, 9_000].map(|goods| voucher().discount_on(goods)),
            [0, 300, 500, 500]
        );
        let per_cent = |per_cent, max_discount_minor| Voucher {
            value_minor: 0,
            campaign: Some(CampaignTerms {
                per_cent: Some(per_cent),
                max_discount_minor,
                ..CampaignTerms::default()
            }),
            ..voucher()
        };
        // 15 % of 1.03 are 0.1545, of 1.10 they are 0.165, of 0.06 they are 0.009: never more than the share.
        let fifteen = [103, 110, 6, 0].map(|goods| per_cent(15, None).discount_on(goods));
        assert_eq!(fifteen, [15, 16, 0, 0]);
        assert_eq!(per_cent(15, Some(1_000)).discount_on(90_000), 1_000);
        assert_eq!(per_cent(100, None).discount_on(777), 777);
        assert_eq!(per_cent(100, None).discount_on(i64::MAX), i64::MAX);
    }

    proptest! {
        /// Whatever is bought at whatever rates: the parts tie to the minor unit, none exceeds its goods, and each is within one
        /// minor unit of its exact share.
        #[test]
        fn the_parts_of_a_discount_tie_and_none_is_more_than_its_goods(
            amounts in prop::collection::vec(0i64..=1_000_000_000_000, 1..VAT_RATES_MAX),
            share in 0u32..=1_000,
        ) {
            let goods: Vec<_> = (0u32..).zip(&amounts).map(|(rate, amount)| at(rate * 10, *amount)).collect();
            let sum: i64 = amounts.iter().sum();
            let discount = i64::try_from(i128::from(sum) * i128::from(share) / 1_000).unwrap();
            let split = split_by_vat(discount, &goods).unwrap();
            prop_assert_eq!(split.iter().map(|part| part.amount_minor).sum::<i64>(), discount);
            for part in &split {
                let of = goods.iter().find(|of| of.rate_bp == part.rate_bp).unwrap().amount_minor;
                prop_assert!((0..=of).contains(&part.amount_minor));
                let (exact, whole) = (i128::from(discount) * i128::from(of), i128::from(sum));
                let off = i128::from(part.amount_minor) * whole - exact;
                prop_assert!(off.abs() < whole.max(1), "{part:?} is off by a whole unit");
            }
        }
    }
}
