//! What an entry says about the origin of what it moves.

use chrono::NaiveDate;

use super::month::Month;
use super::parcel::{Origin, Parcel, Wanted};
use super::row::Row;
use crate::account::{Cause, Entry, LotKey, VatShare};
use crate::money::OutOfRange;
use crate::receipt::ReceiptKey;
use crate::remainder::largest_remainder;

/// The column of the roll-forward that an entry's points stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Earned,
    Spent,
    GivenBack,
    Expired,
    Reversed,
    Corrected,
    Transferred,
    Recalculated,
}

impl Column {
    pub(super) fn of(cause: &Cause) -> Self {
        match cause {
            Cause::Receipt { .. } => Self::Earned,
            Cause::Return { .. } => Self::Reversed,
            Cause::VoucherIssue { .. } => Self::Spent,
            Cause::VoucherVoid { .. } => Self::GivenBack,
            // An activation moves points from lot to lot only.
            Cause::Activation | Cause::Expiry { .. } => Self::Expired,
            Cause::Correction { .. } => Self::Corrected,
            Cause::Transfer { .. } => Self::Transferred,
            Cause::Recalculation { .. } => Self::Recalculated,
        }
    }

    /// The column, and whether it counts what leaves.
    pub(super) fn field(self) -> (fn(&mut Row) -> &mut i64, bool) {
        match self {
            Self::Earned => (|row| &mut row.earned, false),
            Self::Spent => (|row| &mut row.spent, true),
            Self::GivenBack => (|row| &mut row.given_back, false),
            Self::Expired => (|row| &mut row.expired, true),
            Self::Reversed => (|row| &mut row.reversed, true),
            Self::Corrected => (|row| &mut row.corrected, false),
            Self::Transferred => (|row| &mut row.transferred, false),
            Self::Recalculated => (|row| &mut row.recalculated, false),
        }
    }
}

/// The origins that an entry gives to the points that it creates or owes.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    /// Origins with positive weights; none for points of no class.
    weights: Vec<(Origin, i64)>,
    /// The origin of points of no class.
    plain: Origin,
}

impl Classes {
    pub(super) fn of(entry: &Entry) -> Result<Self, OutOfRange> {
        match &entry.cause {
            Cause::Receipt { receipt, vat, .. } => Self::of_receipt(receipt, vat, entry.points),
            Cause::Return {
                receipt,
                original,
                points_before,
                points_after,
                vat,
                ..
            } => {
                let difference = points_after.checked_sub(*points_before).ok_or(OutOfRange)?;
                Self::of_receipt(original.as_ref().unwrap_or(receipt), vat, difference)
            }
            Cause::Recalculation {
                receipt,
                points_before,
                points_after,
                vat,
                ..
            } => {
                let difference = points_after.checked_sub(*points_before).ok_or(OutOfRange)?;
                Self::of_receipt(receipt, vat, difference)
            }
            Cause::Transfer { origins, .. } => {
                let parcels = origins.iter().map(|arrival| &arrival.parcel);
                let parcels = parcels.map(|parcel| (parcel.origin.clone(), parcel.points));
                Ok(Self {
                    weights: parcels.collect(),
                    ..Self::of_no_receipt(entry.business_date)
                })
            }
            _ => Ok(Self::of_no_receipt(entry.business_date)),
        }
    }

    fn of_no_receipt(day: NaiveDate) -> Self {
        Self {
            weights: Vec::new(),
            plain: Origin {
                month: Month::of(day),
                vat_rate_bp: None,
                branch: None,
            },
        }
    }

    /// Classes that move against the whole are left out: they cancel within the receipt.
    fn of_receipt(receipt: &ReceiptKey, vat: &[VatShare], whole: i64) -> Result<Self, OutOfRange> {
        let plain = Origin {
            month: Month::of(receipt.business_date),
            vat_rate_bp: None,
            branch: Some(receipt.store.clone()),
        };
        let same_way = vat.iter().filter(|share| share.points.signum() == whole.signum());
        let weights = same_way.filter(|share| share.points != 0).map(|share| {
            let size = share.points.checked_abs().ok_or(OutOfRange)?;
            let origin = Origin {
                vat_rate_bp: share.rate_bp,
                ..plain.clone()
            };
            Ok((origin, size))
        });
        Ok(Self {
            weights: weights.collect::<Result<_, OutOfRange>>()?,
            plain,
        })
    }

    /// `points`, 0 or more, by origin; the parcels add up to them.
    pub(super) fn split(&self, points: i64) -> Result<Vec<Parcel>, OutOfRange> {
        let sizes: Vec<i64> = self.weights.iter().map(|(_, size)| *size).collect();
        let mut parcels: Vec<Parcel> = largest_remainder(points, &sizes)?
            .into_iter()
            .zip(&self.weights)
            .map(|(points, (origin, _))| Parcel {
                origin: origin.clone(),
                points,
            })
            .collect();
        if parcels.is_empty() {
            let origin = self.plain.clone();
            parcels.push(Parcel { origin, points });
        }
        parcels.retain(|parcel| parcel.points != 0);
        Ok(parcels)
    }

    /// What an entry takes of its own points first, when they are still there. Only receipts have points of their own.
    pub(super) fn wanted(&self, points: i64) -> Result<Vec<Wanted>, OutOfRange> {
        if self.plain.branch.is_none() {
            return Ok(Vec::new());
        }
        let parcels = self.split(points)?;
        let wanted = parcels.into_iter().map(|parcel| Wanted {
            origin: parcel.origin,
            left: parcel.points,
        });
        Ok(wanted.collect())
    }
}

/// The lot that an entry says it put its points into.
pub(super) fn named_lot(entry: &Entry) -> Option<LotKey> {
    match &entry.cause {
        Cause::Receipt { lot, .. } => *lot,
        _ => None,
    }
}
