//! What the letters of a run brought against its control group (R5).
//!
//! Both groups were drawn from the same members, so what one buys more than the other, per head, is the letters' doing, or chance.
//! How much of it may be chance says the interval: were the draw repeated, 19 of 20 such intervals would hold the true difference
//! (the difference of two means by B. L. Welch, *Biometrika* 34, 1947, with the quantile of the normal distribution). Revenue per
//! head is far from normal, its mean over many members is not; of few nothing is said.
//!
//! All in whole numbers, so that the same members give the same figures in whatever order they are added up.

use domain::money::OutOfRange;
use serde::{Deserialize, Serialize};

/// Least members of a group of which anything is said.
pub const GROUP_MIN: u64 = 30;
/// Thousandths of a standard error on each side of the difference: 19 of 20.
const QUANTILE_MILLI: i128 = 1_960;

/// Sum of squares, beyond 64 bits with many members; written as a decimal number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Squares(u128);

impl From<Squares> for String {
    fn from(squares: Squares) -> Self {
        squares.0.to_string()
    }
}

impl TryFrom<String> for Squares {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// Members of a run and what they bought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Members.
    pub members: u64,
    /// Those among them with a receipt.
    pub buyers: u64,
    /// Their revenue less returns, in minor units.
    pub revenue_minor: i64,
    squares: Squares,
}

/// What the letters brought. Amounts are in minor units, rounded to the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// What a member with a letter bought more than one of the control group.
    pub per_head_minor: i64,
    /// The least and the most that this may be but for chance; `None` of few members.
    pub interval_minor: Option<(i64, i64)>,
    /// The difference for all members with letters.
    pub revenue_minor: i64,
    /// What can be said.
    pub certainty: Certainty,
}

/// What can be said of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Certainty {
    /// Nothing: a group has fewer than 30 members.
    TooFew,
    /// It may be chance: the interval holds zero.
    Unclear,
    /// The letters brought revenue.
    More,
    /// The letters cost revenue.
    Less,
}

impl Group {
    /// Adds a member.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves its range; then the sums are of no use any more.
    pub fn add(&mut self, revenue_minor: i64, has_bought: bool) -> Result<(), OutOfRange> {
        let magnitude = u128::from(revenue_minor.unsigned_abs());
        let square = magnitude.checked_mul(magnitude).ok_or(OutOfRange)?;
        self.merge(&Self {
            members: 1,
            buyers: u64::from(has_bought),
            revenue_minor,
            squares: Squares(square),
        })
    }

    /// Adds the sums of other members.
    ///
    /// # Errors
    /// As [`Group::add`].
    pub fn merge(&mut self, other: &Self) -> Result<(), OutOfRange> {
        let count = |one: u64, other: u64| one.checked_add(other).ok_or(OutOfRange);
        *self = Self {
            members: count(self.members, other.members)?,
            buyers: count(self.buyers, other.buyers)?,
            revenue_minor: self.revenue_minor.checked_add(other.revenue_minor).ok_or(OutOfRange)?,
            squares: Squares(self.squares.0.checked_add(other.squares.0).ok_or(OutOfRange)?),
        };
        Ok(())
    }

    /// Revenue per head in minor units, rounded to the nearest; `None` of nobody.
    pub fn per_head_minor(&self) -> Option<i64> {
        nearest(i128::from(self.revenue_minor), i128::from(self.members)).and_then(|mean| i64::try_from(mean).ok())
    }

    /// Revenue per head in thousandths of a minor unit.
    fn mean_milli(&self) -> Option<i128> {
        nearest(
            i128::from(self.revenue_minor).checked_mul(1_000)?,
            i128::from(self.members),
        )
    }

    /// The variance of revenue per head, in squared thousandths of a minor unit: of the members' revenue by n - 1, divided by n.
    fn variance_of_mean_micro(&self) -> Option<u128> {
        let members = u128::from(self.members);
        let sum = u128::from(self.revenue_minor.unsigned_abs());
        let spread = members
            .checked_mul(self.squares.0)?
            .checked_sub(sum.checked_mul(sum)?)?;
        let by = members.checked_mul(members)?.checked_mul(members.checked_sub(1)?)?;
        spread.checked_mul(1_000_000)?.checked_div(by)
    }
}

/// What letters brought against the control group; `None` where a group has nobody.
///
/// # Errors
/// [`OutOfRange`] when the figures are too large to be compared.
pub fn effect(letters: &Group, control: &Group) -> Result<Option<Effect>, OutOfRange> {
    if letters.members == 0 || control.members == 0 {
        return Ok(None);
    }
    compared(letters, control).map(Some).ok_or(OutOfRange)
}

fn compared(letters: &Group, control: &Group) -> Option<Effect> {
    let milli = letters.mean_milli()?.checked_sub(control.mean_milli()?)?;
    let (few, many) = (i128::from(control.members), i128::from(letters.members));
    let difference = i128::from(letters.revenue_minor)
        .checked_mul(few)?
        .checked_sub(i128::from(control.revenue_minor).checked_mul(many)?)?;
    let mut effect = Effect {
        per_head_minor: minor(milli)?,
        interval_minor: None,
        revenue_minor: i64::try_from(nearest(difference, few)?).ok()?,
        certainty: Certainty::TooFew,
    };
    if letters.members.min(control.members) < GROUP_MIN {
        return Some(effect);
    }
    let variance = letters
        .variance_of_mean_micro()?
        .checked_add(control.variance_of_mean_micro()?)?;
    let error_milli = i128::try_from(variance.isqrt()).ok()?;
    let margin = error_milli.checked_mul(QUANTILE_MILLI)?.checked_div(1_000)?;
    let (least, most) = (milli.checked_sub(margin)?, milli.checked_add(margin)?);
    effect.interval_minor = Some((minor(least)?, minor(most)?));
    effect.certainty = match (least > 0, most < 0) {
        (true, _) => Certainty::More,
        (_, true) => Certainty::Less,
        _ => Certainty::Unclear,
    };
    Some(effect)
}

/// Thousandths of a minor unit in minor units.
fn minor(milli: i128) -> Option<i64> {
    i64::try_from(nearest(milli, 1_000)?).ok()
}

/// A quotient rounded to the nearest whole number, a half away from zero; `None` when it is divided by zero.
fn nearest(dividend: i128, divisor: i128) -> Option<i128> {
    let half = divisor.checked_div(2)?;
    let shifted = if dividend < 0 {
        dividend.checked_sub(half)?
    } else {
        dividend.checked_add(half)?
    };
    shifted.checked_div(divisor)
}
