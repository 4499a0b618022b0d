//! Points by VAT class (X9).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Earning;
use crate::account::VatShare;
use crate::money::OutOfRange;
use crate::receipt::Receipt;
use crate::remainder::largest_remainder;

/// Splits points over the VAT classes of the lines that count, by their weight in the points and by largest remainder; ties
/// go to the higher rate.
///
/// `points` need not be those of the earning: a return splits the points that go back as the remaining lines stood.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the 64-bit range.
pub fn vat_split(receipt: &Receipt, earning: &Earning, points: i64) -> Result<Vec<VatShare>, OutOfRange> {
    let mut weights: BTreeMap<Reverse<Option<u32>>, i64> = BTreeMap::new();
    for (line, earned) in receipt.lines.iter().zip(&earning.lines) {
        let class = weights.entry(Reverse(line.vat_rate_bp)).or_default();
        *class = class.checked_add(earned.weight()?).ok_or(OutOfRange)?;
    }
    if weights.values().all(|weight| *weight == 0) {
        // All points are bonuses of lines that rules count with nothing.
        for (line, earned) in receipt.lines.iter().zip(&earning.lines) {
            let class = weights.entry(Reverse(line.vat_rate_bp)).or_default();
            *class = class.checked_add(earned.base_minor).ok_or(OutOfRange)?;
        }
    }
    weights.retain(|_, weight| *weight > 0);
    let sizes: Vec<i64> = weights.values().copied().collect();
    let parts = largest_remainder(points, &sizes)?;
    let shares = weights.keys().zip(parts);
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
