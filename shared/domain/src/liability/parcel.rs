//! Where points came from, and queues of them.

use serde::{Deserialize, Serialize};

use super::month::Month;
use crate::id::LocationId;
use crate::money::OutOfRange;

/// Where points came from: the key of a row of the roll-forward.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The month of the business day on which they were earned, or of the correction that made them.
    #[serde(rename = "m")]
    pub month: Month,
    /// VAT class in hundredths of a per cent; `None` for lines without one, and for points of no receipt.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub vat_rate_bp: Option<u32>,
    /// The branch that sold; `None` for points of no receipt.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<LocationId>,
}

/// Points of one origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Where they came from.
    #[serde(rename = "o")]
    pub origin: Origin,
    /// How many, more than 0.
    #[serde(rename = "p")]
    pub points: i64,
}

/// Points that should be taken from certain parcels first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Their origin.
    pub(super) origin: Origin,
    /// How many of them are still wanted.
    pub(super) left: i64,
}

impl Wanted {
    fn matches(&self, parcel: &Parcel, same_month: bool) -> bool {
        let (wanted, has) = (&self.origin, &parcel.origin);
        wanted.branch == has.branch
            && wanted.vat_rate_bp == has.vat_rate_bp
            && (!same_month || wanted.month == has.month)
    }
}

/// The parcels of one lot, or those of a deficit: the oldest month first, and in a month whatever came first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lane(Vec<Parcel>);

impl Lane {
    pub(super) fn parcels(&self) -> &[Parcel] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a parcel behind those of its month.
    pub(super) fn put(&mut self, parcel: Parcel) -> Result<(), OutOfRange> {
        if parcel.points == 0 {
            return Ok(());
        }
        let at = self.0.partition_point(|one| one.origin.month <= parcel.origin.month);
        let before = at.checked_sub(1).and_then(|before| self.0.get_mut(before));
        match before.filter(|before| before.origin == parcel.origin) {
            Some(before) => before.points = before.points.checked_add(parcel.points).ok_or(OutOfRange)?,
            None => self.0.insert(at, parcel),
        }
        Ok(())
    }

    /// Takes up to `most` points: the wanted ones of the same month, then the wanted ones of any month, then the oldest.
    pub(super) fn take(&mut self, most: i64, wanted: &mut [Wanted]) -> Result<Vec<Parcel>, OutOfRange> {
        let (mut left, mut taken) = (most, Vec::new());
        for same_month in [true, false] {
            for want in wanted.iter_mut() {
                for parcel in &mut self.0 {
                    if want.matches(parcel, same_month) {
                        let points = parcel.points.min(want.left).min(left);
                        want.left = want.left.checked_sub(points).ok_or(OutOfRange)?;
                        left = part(parcel, points, left, &mut taken)?;
                    }
                }
            }
        }
        for parcel in &mut self.0 {
            let points = parcel.points.min(left);
            left = part(parcel, points, left, &mut taken)?;
        }
        self.0.retain(|parcel| parcel.points != 0);
        Ok(taken)
    }
}

/// Parts `points` from a parcel; returns what is left to take.
fn part(parcel: &mut Parcel, points: i64, left: i64, taken: &mut Vec<Parcel>) -> Result<i64, OutOfRange> {
    if points > 0 {
        parcel.points = parcel.points.checked_sub(points).ok_or(OutOfRange)?;
        taken.push(Parcel {
            origin: parcel.origin.clone(),
            points,
        });
    }
    left.checked_sub(points).ok_or(OutOfRange)
}

/// Points of all parcels.
pub(super) fn sum(parcels: &[Parcel]) -> Result<i64, OutOfRange> {
    parcels
        .iter()
        .try_fold(0i64, |sum, parcel| sum.checked_add(parcel.points).ok_or(OutOfRange))
}

/// The first `points` of a list, parted from the rest.
pub(super) fn split_first(parcels: &mut Vec<Parcel>, points: i64) -> Result<Vec<Parcel>, OutOfRange> {
    let (mut left, mut first) = (points, Vec::new());
    for parcel in parcels.iter_mut() {
        let points = parcel.points.min(left);
        left = part(parcel, points, left, &mut first)?;
    }
    parcels.retain(|parcel| parcel.points != 0);
    Ok(first)
}
