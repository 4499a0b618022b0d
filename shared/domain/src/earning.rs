//! Points of a receipt, with the reason line by line (X4).
//!
//! Eligible lines are summed, the voucher-paid part is taken off, and the result is floored once per receipt
//! (requirements, part 3, 4.1). Cash rounding does not touch points.

use serde::{Deserialize, Serialize};

use crate::money::OutOfRange;
use crate::programme::Programme;
use crate::receipt::Receipt;

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
