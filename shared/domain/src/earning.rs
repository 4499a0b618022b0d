//! Points of a receipt, with the reason line by line (X4).
//!
//! Eligible lines are summed, the voucher-paid part is taken off, and the result is floored once per receipt
//! (requirements, part 3, 4.1). Cash rounding does not touch points.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::VatShare;
use crate::money::OutOfRange;
use crate::programme::Programme;
use crate::receipt::Receipt;
use crate::remainder::largest_remainder;

/// Why a line earns or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineReason {
    /// Counts with its whole amount.
    BaseRate,
    /// Its product group is excluded by the programme.
    ExcludedGroup,
}

/// One line's share of the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineEarning {
    /// Index of the line on the receipt, from 0.
    pub line: usize,
    /// Minor units that count.
    pub base_minor: i64,
    /// Why.
    pub reason: LineReason,
}

/// How many points a receipt is worth and how that number came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earning {
    /// Points, 0 or more.
    pub points: i64,
    /// Sum of the eligible lines in minor units.
    pub eligible_minor: i64,
    /// Part paid with vouchers, taken off the base.
    pub voucher_paid_minor: i64,
    /// What was multiplied: eligible less voucher-paid, never below 0.
    pub base_minor: i64,
    /// Version of the programme that decided.
    pub programme_version: u32,
    /// One row per line.
    pub lines: Vec<LineEarning>,
}

/// The points that `receipt` earns under `programme`.
///
/// # Errors
/// [`OutOfRange`] when amounts beyond the accepted limits are given; never for a receipt without violations.
pub fn earn(receipt: &Receipt, programme: &Programme) -> Result<Earning, OutOfRange> {
    let mut eligible_minor = 0i64;
    let mut lines = Vec::with_capacity(receipt.lines.len());
    for (index, line) in receipt.lines.iter().enumerate() {
        let excluded = line
            .group
            .as_ref()
            .is_some_and(|g| programme.excluded_groups.contains(g));
        let (base_minor, reason) = if excluded {
            (0, LineReason::ExcludedGroup)
        } else {
            (line.amount_minor, LineReason::BaseRate)
        };
        eligible_minor = eligible_minor.checked_add(base_minor).ok_or(OutOfRange)?;
        lines.push(LineEarning {
            line: index,
            base_minor,
            reason,
        });
    }
    let voucher_paid_minor = receipt.voucher_paid_minor();
    let base_minor = eligible_minor.checked_sub(voucher_paid_minor).ok_or(OutOfRange)?.max(0);
    let rate = programme.earning;
    let points = i128::from(base_minor)
        .checked_mul(i128::from(rate.points))
        .and_then(|product| product.checked_div_euclid(i128::from(rate.per_minor)))
        .and_then(|points| i64::try_from(points).ok())
        .ok_or(OutOfRange)?;
    Ok(Earning {
        points,
        eligible_minor,
        voucher_paid_minor,
        base_minor,
        programme_version: programme.version,
        lines,
    })
}

/// Splits points over the VAT classes of the eligible lines, by largest remainder; ties go to the higher rate.
///
/// `points` need not be those of the earning: a return splits the points that go back as the remaining lines stood.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the 64-bit range.
pub fn vat_split(receipt: &Receipt, earning: &Earning, points: i64) -> Result<Vec<VatShare>, OutOfRange> {
    let mut bases: BTreeMap<Reverse<Option<u32>>, i64> = BTreeMap::new();
    for (line, earned) in receipt.lines.iter().zip(&earning.lines) {
        let base = bases.entry(Reverse(line.vat_rate_bp)).or_default();
        *base = base.checked_add(earned.base_minor).ok_or(OutOfRange)?;
    }
    bases.retain(|_, base| *base > 0);
    let weights: Vec<i64> = bases.values().copied().collect();
    let parts = largest_remainder(points, &weights)?;
    let shares = bases.keys().zip(parts);
    Ok(shares
        .filter(|(_, points)| *points != 0)
        .map(|(rate, points)| VatShare {
            rate_bp: rate.0,
            points,
        })
        .collect())
}

/// How the points of each VAT class change when a receipt with these lines and points becomes one with those.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the 64-bit range.
pub fn vat_change(
    before: (&Receipt, &Earning, i64),
    after: (&Receipt, &Earning, i64),
) -> Result<Vec<VatShare>, OutOfRange> {
    let mut change: BTreeMap<Reverse<Option<u32>>, i64> = BTreeMap::new();
    for (sign, (receipt, earning, points)) in [(-1, before), (1, after)] {
        for share in vat_split(receipt, earning, points)? {
            let points = share.points.checked_mul(sign).ok_or(OutOfRange)?;
            let class = change.entry(Reverse(share.rate_bp)).or_default();
            *class = class.checked_add(points).ok_or(OutOfRange)?;
        }
    }
    change.retain(|_, points| *points != 0);
    let shares = change.into_iter();
    Ok(shares
        .map(|(rate, points)| VatShare {
            rate_bp: rate.0,
            points,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::programme::EarningRate;
    use crate::receipt::{Line, Payment, PaymentKind};

    fn receipt(lines: &[(&str, i64)], voucher_minor: i64) -> Receipt {
        let total_minor = lines.iter().map(|l| l.1).sum();
        Receipt {
            key: "B07~3~2026-11-22~1".parse().unwrap(),
            time: None,
            card: None,
            currency: Currency::CHF,
            total_minor,
            cash_rounding_minor: 0,
            lines: lines
                .iter()
                .map(|(group, amount)| Line {
                    sku: "1".into(),
                    group: Some((*group).to_owned()),
                    quantity_milli: 1000,
                    amount_minor: *amount,
                    vat_rate_bp: None,
                })
                .collect(),
            payments: vec![Payment {
                kind: PaymentKind::Voucher,
                amount_minor: voucher_minor,
                voucher: None,
            }],
        }
    }

    fn programme() -> Programme {
        Programme::swiss_default("treue".parse().unwrap())
    }

    #[test]
    fn lines_are_summed_before_they_are_floored_once() {
        let earning = earn(&receipt(&[("a", 150), ("a", 150), ("a", 199)], 0), &programme()).unwrap();
        assert_eq!((earning.base_minor, earning.points), (499, 4));
    }

    #[test]
    fn excluded_groups_and_the_voucher_paid_part_earn_nothing() {
        let earning = earn(&receipt(&[("paper", 2_000), ("gift_card", 5_000)], 500), &programme()).unwrap();
        assert_eq!(earning.points, 15);
        assert_eq!(earning.lines[1].reason, LineReason::ExcludedGroup);
        let covered = earn(&receipt(&[("gift_card", 5_000)], 500), &programme()).unwrap();
        assert_eq!(covered.points, 0);
    }

    #[test]
    fn points_are_split_over_vat_classes_by_largest_remainder() {
        let mut receipt = receipt(&[("a", 100), ("b", 100), ("c", 100)], 0);
        for (line, rate) in receipt.lines.iter_mut().zip([Some(260), Some(810), None]) {
            line.vat_rate_bp = rate;
        }
        let earning = earn(&receipt, &programme()).unwrap();
        let split = |points| {
            let shares = vat_split(&receipt, &earning, points).unwrap();
            shares
                .iter()
                .map(|share| (share.rate_bp, share.points))
                .collect::<Vec<_>>()
        };
        assert_eq!(split(4), [(Some(810), 2), (Some(260), 1), (None, 1)]);
        assert_eq!(split(-5), [(Some(810), -2), (Some(260), -2), (None, -1)]);
        assert_eq!(split(0), []);
        assert_eq!(split(1), [(Some(810), 1)]);
    }

    #[test]
    fn what_comes_back_leaves_each_vat_class_with_what_remains_of_it() {
        let mut whole = receipt(&[("a", 6_000), ("b", 4_000)], 0);
        for (line, rate) in whole.lines.iter_mut().zip([810, 260]) {
            line.vat_rate_bp = Some(rate);
        }
        let mut rest = whole.clone();
        rest.lines[1].amount_minor = 0;
        let mut nothing = rest.clone();
        nothing.lines[0].amount_minor = 0;
        let earned = |receipt: &Receipt| earn(receipt, &programme()).unwrap();
        let change = |before: &Receipt, after: &Receipt| {
            let (one, other) = (earned(before), earned(after));
            let shares = vat_change((before, &one, one.points), (after, &other, other.points)).unwrap();
            shares
                .iter()
                .map(|share| (share.rate_bp, share.points))
                .collect::<Vec<_>>()
        };
        assert_eq!(change(&whole, &rest), [(Some(260), -40)]);
        assert_eq!(change(&rest, &nothing), [(Some(810), -60)]);
        assert_eq!(change(&whole, &nothing), [(Some(810), -60), (Some(260), -40)]);
    }

    #[test]
    fn a_rate_is_a_ratio_of_integers() {
        let mut programme = programme();
        programme.earning = EarningRate {
            points: 3,
            per_minor: 200,
        };
        assert_eq!(earn(&receipt(&[("a", 333)], 0), &programme).unwrap().points, 4);
    }

    #[test]
    fn an_amount_beyond_all_limits_is_an_error_and_not_a_wrap() {
        let mut programme = programme();
        programme.earning = EarningRate {
            points: 1_000_000,
            per_minor: 1,
        };
        assert_eq!(earn(&receipt(&[("a", i64::MAX)], 0), &programme), Err(OutOfRange));
    }
}
