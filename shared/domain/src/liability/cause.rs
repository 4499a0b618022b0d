//! What an entry says about the origin of what it moves.

use chrono::NaiveDate;

use super::month::Month;
use super::parcel::{Origin, Parcel, Wanted};
use super::row::Row;
use crate::account::{Cause, Entry, LotKey, VatShare};
use crate::id::LocationId;
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

/// The origin that an entry gives to the points that it creates or owes, by VAT class.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    month: Month,
    branch: Option<LocationId>,
    /// Rates with positive weights; none for points of no class.
    weights: Vec<(Option<u32>, i64)>,
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
            _ => Ok(Self::of_no_receipt(entry.business_date)),
        }
    }

    fn of_no_receipt(day: NaiveDate) -> Self {
        Self {
            month: Month::of(day),
            branch: None,
            weights: Vec::new(),
        }
    }

    /// Classes that move against the whole are left out: they cancel within the receipt.
    fn of_receipt(receipt: &ReceiptKey, vat: &[VatShare], whole: i64) -> Result<Self, OutOfRange> {
        let same_way = vat.iter().filter(|share| share.points.signum() == whole.signum());
        let weights = same_way.filter(|share| share.points != 0).map(|share| {
            let size = share.points.checked_abs().ok_or(OutOfRange)?;
            Ok((share.rate_bp, size))
        });
        Ok(Self {
            month: Month::of(receipt.business_date),
            branch: Some(receipt.store.clone()),
            weights: weights.collect::<Result<_, OutOfRange>>()?,
        })
    }

    fn origin(&self, vat_rate_bp: Option<u32>) -> Origin {
        Origin {
            month: self.month,
            vat_rate_bp,
            branch: self.branch.clone(),
        }
    }

    /// `points`, 0 or more, by VAT class; the parcels add up to them.
    pub(super) fn split(&self, points: i64) -> Result<Vec<Parcel>, OutOfRange> {
        let sizes: Vec<i64> = self.weights.iter().map(|(_, size)| *size).collect();
        let mut parcels: Vec<Parcel> = largest_remainder(points, &sizes)?
            .into_iter()
            .zip(&self.weights)
            .map(|(points, (rate, _))| Parcel {
                origin: self.origin(*rate),
                points,
            })
            .collect();
        if parcels.is_empty() {
            let origin = self.origin(None);
            parcels.push(Parcel { origin, points });
        }
        parcels.retain(|parcel| parcel.points != 0);
        Ok(parcels)
    }

    /// What an entry takes of its own points first, when they are still there. Only receipts have points of their own.
    pub(super) fn wanted(&self, points: i64) -> Result<Vec<Wanted>, OutOfRange> {
        if self.branch.is_none() {
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
