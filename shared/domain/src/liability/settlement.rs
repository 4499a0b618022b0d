//! Redeemed vouchers by the branch whose points paid for them and the branch that took them (X18).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use crate::id::{CompanyId, LocationId};
use crate::money::{Currency, Money, OutOfRange};
use crate::remainder::largest_remainder;

/// The companies of locations. One that is not listed belongs to no company of its own.
pub type Companies = BTreeMap<LocationId, CompanyId>;

/// Who owes whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// The branch whose points paid; `None` for points of no receipt.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub issuing: Option<LocationId>,
    /// The branch that took the voucher.
    #[serde(rename = "r")]
    pub redeeming: LocationId,
    /// Currency of the face value.
    #[serde(rename = "c")]
    pub currency: Currency,
}

/// Who owes whom among companies: the one whose branch's points paid and the one whose branch took the voucher; `None` for
/// branches without a company, and for points of no receipt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompanyPair {
    /// The company whose points paid.
    pub issuing: Option<CompanyId>,
    /// The company that took the voucher.
    pub redeeming: Option<CompanyId>,
    /// Currency of the face value.
    pub currency: Currency,
}

/// What one branch's points paid at another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Points of the issuing branch in the redeemed vouchers.
    #[serde(rename = "p")]
    pub points: i64,
    /// Their part of the face values, in minor units.
    #[serde(rename = "v")]
    pub value_minor: i64,
}

impl Settled {
    fn add(&mut self, more: Self) -> Result<(), OutOfRange> {
        self.points = self.points.checked_add(more.points).ok_or(OutOfRange)?;
        self.value_minor = self.value_minor.checked_add(more.value_minor).ok_or(OutOfRange)?;
        Ok(())
    }
}

/// Sums by pair of branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// By pair.
    pub pairs: BTreeMap<Pair, Settled>,
    /// Redeemed vouchers; of one that is taken in parts each part.
    pub vouchers: u64,
}

impl Settlement {
    /// Adds what a receipt took of a voucher, after so much of it had been taken before: for one that is taken at once 0 and its face
    /// value. It is split over the branches of its points, by largest remainder; the points of all parts together are those of the
    /// voucher.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range, or the voucher consumed no points or is worth nothing.
    pub fn redeem(
        &mut self,
        parcels: &[Parcel],
        face: Money,
        (before_minor, taken_minor): (i64, i64),
        redeeming: &LocationId,
    ) -> Result<(), OutOfRange> {
        let mut branches: BTreeMap<Option<LocationId>, i64> = BTreeMap::new();
        for parcel in parcels {
            let points = branches.entry(parcel.origin.branch.clone()).or_default();
            *points = points.checked_add(parcel.points).ok_or(OutOfRange)?;
        }
        let weights: Vec<i64> = branches.values().copied().collect();
        let until = before_minor.checked_add(taken_minor).ok_or(OutOfRange)?;
        let values = largest_remainder(taken_minor, &weights)?;
        if values.is_empty() {
            return Err(OutOfRange);
        }
        self.vouchers = self.vouchers.checked_add(1).ok_or(OutOfRange)?;
        for ((issuing, points), value_minor) in branches.into_iter().zip(values) {
            let points_to = |minor| in_proportion(points, minor, face.amount_minor);
            let points = points_to(until)?
                .checked_sub(points_to(before_minor)?)
                .ok_or(OutOfRange)?;
            let pair = Pair {
                issuing,
                redeeming: redeeming.clone(),
                currency: face.currency,
            };
            self.add_pair(pair, Settled { points, value_minor })?;
        }
        Ok(())
    }

    /// Adds a redeemed voucher that a campaign gave, for no points: no branch issued it, its face value is the programme's.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range.
    pub fn redeem_given(&mut self, face: Money, redeeming: &LocationId) -> Result<(), OutOfRange> {
        self.vouchers = self.vouchers.checked_add(1).ok_or(OutOfRange)?;
        let pair = Pair {
            issuing: None,
            redeeming: redeeming.clone(),
            currency: face.currency,
        };
        let settled = Settled {
            points: 0,
            value_minor: face.amount_minor,
        };
        self.add_pair(pair, settled)
    }

    /// Adds the sums of other vouchers.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; then the sums are of no use any more.
    pub fn add(&mut self, other: &Self) -> Result<(), OutOfRange> {
        self.vouchers = self.vouchers.checked_add(other.vouchers).ok_or(OutOfRange)?;
        let mut pairs = other.pairs.iter();
        pairs.try_for_each(|(pair, settled)| self.add_pair(pair.clone(), *settled))
    }

    /// Adds to one pair.
    ///
    /// # Errors
    /// [`OutOfRange`], as [`Settlement::add`].
    pub fn add_pair(&mut self, pair: Pair, more: Settled) -> Result<(), OutOfRange> {
        self.pairs.entry(pair).or_default().add(more)
    }

    /// The sums by pair of companies.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range.
    pub fn by_company(&self, companies: &Companies) -> Result<BTreeMap<CompanyPair, Settled>, OutOfRange> {
        let mut sums: BTreeMap<CompanyPair, Settled> = BTreeMap::new();
        for (pair, settled) in &self.pairs {
            let of = |branch: &LocationId| companies.get(branch).cloned();
            let sum = sums
                .entry(CompanyPair {
                    issuing: pair.issuing.as_ref().and_then(of),
                    redeeming: of(&pair.redeeming),
                    currency: pair.currency,
                })
                .or_default();
            sum.add(*settled)?;
        }
        Ok(sums)
    }

    /// Face values of all redeemed vouchers in minor units, by currency.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn values(&self) -> Result<BTreeMap<Currency, i64>, OutOfRange> {
        let mut values: BTreeMap<Currency, i64> = BTreeMap::new();
        for (pair, settled) in &self.pairs {
            let sum = values.entry(pair.currency).or_default();
            *sum = sum.checked_add(settled.value_minor).ok_or(OutOfRange)?;
        }
        Ok(values)
    }
}

/// `whole` in the proportion of `part` to `of`, rounded down.
fn in_proportion(whole: i64, part: i64, of: i64) -> Result<i64, OutOfRange> {
    let product = i128::from(whole).checked_mul(i128::from(part)).ok_or(OutOfRange)?;
    let share = product.checked_div_euclid(i128::from(of)).ok_or(OutOfRange)?;
    i64::try_from(share).map_err(|_| OutOfRange)
}
