//! Splitting a whole number into parts that add up to it.

use std::cmp::Reverse;

use crate::money::OutOfRange;

/// Splits `whole` in proportion to positive weights so that the parts add up to it; earlier parts win ties. No parts without
/// weights.
///
/// # Errors
/// [`OutOfRange`] when a product leaves the 128-bit range, or `whole` has no absolute value.
pub(crate) fn largest_remainder(whole: i64, weights: &[i64]) -> Result<Vec<i64>, OutOfRange> {
    let total: i128 = weights.iter().copied().map(i128::from).sum();
    if total == 0 {
        return Ok(Vec::new());
    }
    let sign = whole.signum();
    let size = i128::from(whole.checked_abs().ok_or(OutOfRange)?);
    let mut parts = Vec::with_capacity(weights.len());
    let mut left = size;
    for (index, weight) in weights.iter().enumerate() {
        let product = size.checked_mul(i128::from(*weight)).ok_or(OutOfRange)?;
        let (part, remainder) = (product.div_euclid(total), product.rem_euclid(total));
        left = left.checked_sub(part).ok_or(OutOfRange)?;
        parts.push((index, part, remainder));
    }
    parts.sort_by_key(|(index, _, remainder)| (Reverse(*remainder), *index));
    for part in parts.iter_mut().take(usize::try_from(left).map_err(|_| OutOfRange)?) {
        part.1 = part.1.checked_add(1).ok_or(OutOfRange)?;
    }
    parts.sort_by_key(|(index, ..)| *index);
    let signed = |part: i128| i64::try_from(part).ok().and_then(|part| part.checked_mul(sign));
    parts
        .into_iter()
        .map(|(_, part, _)| signed(part).ok_or(OutOfRange))
        .collect()
}
