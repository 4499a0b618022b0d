//! The columns of the roll-forward.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parcel::{Origin, Parcel};
use crate::money::OutOfRange;

/// Points of one origin over one month. What leaves is positive in `spent`, `expired` and `reversed`; `corrected`, `transferred`,
/// `recalculated` and `settled` carry their sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Open at the beginning of the month, pending ones among them; negative for a deficit.
    #[serde(rename = "o", skip_serializing_if = "is_zero")]
    pub opening: i64,
    /// Earned with receipts.
    #[serde(rename = "e", skip_serializing_if = "is_zero")]
    pub earned: i64,
    /// Turned into vouchers.
    #[serde(rename = "s", skip_serializing_if = "is_zero")]
    pub spent: i64,
    /// Back from voided vouchers.
    #[serde(rename = "g", skip_serializing_if = "is_zero")]
    pub given_back: i64,
    /// Expired.
    #[serde(rename = "x", skip_serializing_if = "is_zero")]
    pub expired: i64,
    /// Taken back with returned goods and voided receipts.
    #[serde(rename = "r", skip_serializing_if = "is_zero")]
    pub reversed: i64,
    /// Corrected by hand.
    #[serde(rename = "c", skip_serializing_if = "is_zero")]
    pub corrected: i64,
    /// Arrived from other accounts, less what went to them.
    #[serde(rename = "t", skip_serializing_if = "is_zero")]
    pub transferred: i64,
    /// Difference of receipts that were counted again.
    #[serde(rename = "q", skip_serializing_if = "is_zero")]
    pub recalculated: i64,
    /// Deficits settled: what later points of one origin paid for the deficit of another. Sums to 0 over all rows.
    #[serde(rename = "d", skip_serializing_if = "is_zero")]
    pub settled: i64,
    /// Open at the end of the month.
    #[serde(rename = "z", skip_serializing_if = "is_zero")]
    pub closing: i64,
    /// Expired points that returns were not made to pay again: breakage that was none. Not a movement of points.
    #[serde(rename = "f", skip_serializing_if = "is_zero")]
    pub forgiven: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(points: &i64) -> bool {
    *points == 0
}

impl Row {
    /// The columns in the order of the file, with their names.
    pub fn columns(&self) -> [(&'static str, i64); 12] {
        [
            ("opening", self.opening),
            ("earned", self.earned),
            ("spent", self.spent),
            ("given_back", self.given_back),
            ("expired", self.expired),
            ("reversed", self.reversed),
            ("corrected", self.corrected),
            ("transferred", self.transferred),
            ("recalculated", self.recalculated),
            ("settled", self.settled),
            ("closing", self.closing),
            ("forgiven", self.forgiven),
        ]
    }

    /// Expired less forgiven: what customers have lost for good.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn breakage(&self) -> Result<i64, OutOfRange> {
        self.expired.checked_sub(self.forgiven).ok_or(OutOfRange)
    }

    /// Whether opening and movements make closing.
    pub fn adds_up(&self) -> bool {
        let plus = [
            self.opening,
            self.earned,
            self.given_back,
            self.corrected,
            self.transferred,
            self.recalculated,
            self.settled,
        ];
        let minus = [self.spent, self.expired, self.reversed, self.closing];
        let sum = |parts: &[i64]| parts.iter().copied().map(i128::from).sum::<i128>();
        sum(&plus) == sum(&minus)
    }

    fn add(&mut self, other: &Self) -> Result<(), OutOfRange> {
        let pairs = [
            (&mut self.opening, other.opening),
            (&mut self.earned, other.earned),
            (&mut self.spent, other.spent),
            (&mut self.given_back, other.given_back),
            (&mut self.expired, other.expired),
            (&mut self.reversed, other.reversed),
            (&mut self.corrected, other.corrected),
            (&mut self.transferred, other.transferred),
            (&mut self.recalculated, other.recalculated),
            (&mut self.settled, other.settled),
            (&mut self.closing, other.closing),
            (&mut self.forgiven, other.forgiven),
        ];
        for (sum, more) in pairs {
            *sum = sum.checked_add(more).ok_or(OutOfRange)?;
        }
        Ok(())
    }
}

/// Rows by origin: of one account, or the sum of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollforward {
    /// The rows; none is all zeros.
    pub rows: BTreeMap<Origin, Row>,
}

impl Rollforward {
    /// Adds the rows of another account, or of many.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; then the sums are of no use any more.
    pub fn add(&mut self, other: &Self) -> Result<(), OutOfRange> {
        other
            .rows
            .iter()
            .try_for_each(|(origin, row)| self.add_row(origin, row))
    }

    /// Adds one row.
    ///
    /// # Errors
    /// [`OutOfRange`], as [`Rollforward::add`].
    pub fn add_row(&mut self, origin: &Origin, row: &Row) -> Result<(), OutOfRange> {
        if let Some(sum) = self.rows.get_mut(origin) {
            return sum.add(row);
        }
        self.rows.insert(origin.clone(), *row);
        Ok(())
    }

    /// The sum of all rows.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn total(&self) -> Result<Row, OutOfRange> {
        self.rows.values().try_fold(Row::default(), |mut total, row| {
            total.add(row)?;
            Ok(total)
        })
    }

    /// Whether every row adds up and settled deficits cancel out.
    pub fn adds_up(&self) -> bool {
        let settled: i128 = self.rows.values().map(|row| i128::from(row.settled)).sum();
        settled == 0 && self.rows.values().all(Row::adds_up)
    }

    /// Adds `points` to one column of the row of a parcel's origin.
    pub(super) fn note(&mut self, parcel: &Parcel, column: fn(&mut Row) -> &mut i64) -> Result<(), OutOfRange> {
        let row = self.rows.entry(parcel.origin.clone()).or_default();
        let sum = column(row);
        *sum = sum.checked_add(parcel.points).ok_or(OutOfRange)?;
        Ok(())
    }

    pub(super) fn drop_empty(&mut self) {
        self.rows.retain(|_, row| *row != Row::default());
    }
}
