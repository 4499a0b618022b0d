//! Sums over the decisions of a run (X6).

use std::collections::BTreeMap;

use domain::money::OutOfRange;
use serde::{Deserialize, Serialize};

use crate::dry_run::Priced;
use crate::member::{Decision, Reason};
use crate::template::Consideration;

/// The whole, in thousandths.
pub const PERMILLE_MAX: u32 = 1_000;

/// Sums over decisions. Sums of parts of a run add up to those of the whole in any order; their size does not grow with the run.
/// Amounts are in minor units of the programme's currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Totals {
    /// Members that were looked at.
    pub members: u64,
    /// Those who get no letter, by reason; a reason that applied to nobody is left out.
    pub out: BTreeMap<Reason, u64>,
    /// Those of the control group.
    pub control: u64,
    /// Letters: one for each member that is in.
    pub letters: u64,
    /// Vouchers in them.
    pub vouchers: u64,
    /// Vouchers of a share without a greatest discount: the face value does not hold them.
    pub unlimited_vouchers: u64,
    /// The most that all other vouchers can take off.
    pub face_value_minor: i64,
    /// Points that the vouchers cost their members; left out where they cost none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub points: i64,
    /// Paper, printing and enclosing.
    pub printing_minor: i64,
    /// Postage.
    pub postage_minor: i64,
}

/// What is to be expected of a run's vouchers, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Forecast {
    /// Face value that will be redeemed, rounded up.
    pub expected_redemption_minor: i64,
    /// What is owed: of vouchers that were paid for the whole face value, of free ones what will be redeemed.
    pub liability_minor: i64,
}

/// A run less the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Members looked at.
    pub members: i64,
    /// Letters.
    pub letters: i64,
    /// Vouchers.
    pub vouchers: i64,
    /// Face value, in minor units.
    pub face_value_minor: i64,
    /// Printing and postage together, in minor units.
    pub cost_minor: i64,
}

impl Totals {
    /// Adds one decision.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; then the sums are of no use any more.
    pub fn add(&mut self, decision: &Decision, priced: &Priced) -> Result<(), OutOfRange> {
        count(&mut self.members, 1)?;
        match *decision {
            Decision::Out { reason } => count(self.out.entry(reason).or_default(), 1),
            Decision::Control => count(&mut self.control, 1),
            Decision::In { vouchers } => {
                count(&mut self.letters, 1)?;
                count(&mut self.vouchers, u64::from(vouchers))?;
                sum(&mut self.printing_minor, priced.cost.printing_minor)?;
                sum(&mut self.postage_minor, priced.cost.postage_minor)?;
                let points = priced.points.checked_mul(i64::from(vouchers)).ok_or(OutOfRange)?;
                sum(&mut self.points, points)?;
                let Some(face_minor) = priced.face_minor else {
                    return count(&mut self.unlimited_vouchers, u64::from(vouchers));
                };
                let face_minor = face_minor.checked_mul(i64::from(vouchers)).ok_or(OutOfRange)?;
                sum(&mut self.face_value_minor, face_minor)
            }
        }
    }

    /// Adds the sums of another part of the run.
    ///
    /// # Errors
    /// As [`Totals::add`].
    pub fn merge(&mut self, other: &Self) -> Result<(), OutOfRange> {
        for (reason, members) in &other.out {
            count(self.out.entry(*reason).or_default(), *members)?;
        }
        count(&mut self.members, other.members)?;
        count(&mut self.control, other.control)?;
        count(&mut self.letters, other.letters)?;
        count(&mut self.vouchers, other.vouchers)?;
        count(&mut self.unlimited_vouchers, other.unlimited_vouchers)?;
        sum(&mut self.face_value_minor, other.face_value_minor)?;
        sum(&mut self.points, other.points)?;
        sum(&mut self.printing_minor, other.printing_minor)?;
        sum(&mut self.postage_minor, other.postage_minor)
    }

    /// Printing and postage together, in minor units.
    ///
    /// # Errors
    /// [`OutOfRange`] when the sum leaves the 64-bit range.
    pub fn cost_minor(&self) -> Result<i64, OutOfRange> {
        self.printing_minor.checked_add(self.postage_minor).ok_or(OutOfRange)
    }

    /// Whether the run would give away more than this face value, in minor units.
    pub fn is_beyond(&self, budget_minor: i64) -> bool {
        self.face_value_minor > budget_minor
    }

    /// Printing and postage of the letters that the least RFMR score saves, each at `cost_minor`.
    ///
    /// # Errors
    /// [`OutOfRange`] when the sum leaves the 64-bit range.
    pub fn saved_minor(&self, cost_minor: i64) -> Result<i64, OutOfRange> {
        let letters = self.out.get(&Reason::BelowRfmr).copied().unwrap_or(0);
        let letters = i64::try_from(letters).map_err(|_| OutOfRange)?;
        letters.checked_mul(cost_minor).ok_or(OutOfRange)
    }

    /// What is to be expected, where so many thousandths of the face value of earlier runs were redeemed; more than
    /// [`PERMILLE_MAX`] counts as all.
    pub fn forecast(&self, redeemed_permille: u32, consideration: Consideration) -> Forecast {
        let expected_redemption_minor = share(self.face_value_minor, redeemed_permille.min(PERMILLE_MAX));
        let liability_minor = match consideration {
            Consideration::Paid => self.face_value_minor,
            Consideration::Free => expected_redemption_minor,
        };
        Forecast {
            expected_redemption_minor,
            liability_minor,
        }
    }

    /// These sums less those of the last run.
    ///
    /// # Errors
    /// [`OutOfRange`] when a difference leaves the 64-bit range.
    pub fn since(&self, last: &Self) -> Result<Difference, OutOfRange> {
        Ok(Difference {
            members: less(self.members, last.members)?,
            letters: less(self.letters, last.letters)?,
            vouchers: less(self.vouchers, last.vouchers)?,
            face_value_minor: less(self.face_value_minor, last.face_value_minor)?,
            cost_minor: less(self.cost_minor()?, last.cost_minor()?)?,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_zero(points: &i64) -> bool {
    *points == 0
}

fn count(total: &mut u64, more: u64) -> Result<(), OutOfRange> {
    *total = total.checked_add(more).ok_or(OutOfRange)?;
    Ok(())
}

fn sum(total: &mut i64, more: i64) -> Result<(), OutOfRange> {
    *total = total.checked_add(more).ok_or(OutOfRange)?;
    Ok(())
}

fn less(one: impl Into<i128>, other: impl Into<i128>) -> Result<i64, OutOfRange> {
    let difference = one.into().checked_sub(other.into()).ok_or(OutOfRange)?;
    i64::try_from(difference).map_err(|_| OutOfRange)
}

/// So many thousandths of an amount, rounded up; at most the amount itself.
fn share(amount_minor: i64, permille: u32) -> i64 {
    let thousandths = i128::from(amount_minor).saturating_mul(i128::from(permille));
    let rounded_up = thousandths.saturating_add(999).div_euclid(1_000);
    i64::try_from(rounded_up).unwrap_or(amount_minor)
}
