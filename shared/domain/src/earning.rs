//! Points of a receipt, with the reason line by line (X4).
//!
//! Rules as data decide which lines count and how much, and give points beside (L3). Lines that count are summed, the
//! voucher-paid part is taken off, and the result is floored once per receipt (requirements, part 3, 4.1); then the caps
//! apply. Cash rounding does not touch points. Whatever is known beside the receipt comes in as [`Circumstances`], which are
//! kept, so that the same points come out at any later time.
//!
//! | module | what |
//! |---|---|
//! | `rule` | rules, caps and how they combine |
//! | `context` | what a condition can read |
//! | `vat` | points by VAT class |

mod context;
mod rule;
#[cfg(test)]
mod tests;
mod vat;

pub use context::{SCHEMA, SEGMENTS_MAX};
pub(crate) use rule::violations;
pub use rule::{
    Basis, Caps, EarningRule, Effect, InvalidWhen, PERCENT_MAX, POINTS_MAX, Per, RULE_COST_MAX, RULES_MAX, Stacking,
    When,
};
pub use vat::{vat_change, vat_split};

use serde::{Deserialize, Serialize};

use crate::location::LocationKind;
use crate::money::OutOfRange;
use crate::programme::Programme;
use crate::receipt::{Line, Receipt};
use context::OfReceipt;

/// What is known about a receipt beside its content, and decides about its points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// How the location sells.
    pub channel: Option<LocationKind>,
    /// The customer, when the receipt belongs to an account.
    pub customer: Option<CustomerFacts>,
    /// Points that the cap of the day still allows; `None` without such a cap.
    pub day_left: Option<i64>,
}

/// What is known about the customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerFacts {
    /// Whether the account has no other receipt.
    pub first_purchase: bool,
    /// Segments, at most [`SEGMENTS_MAX`].
    pub segments: Vec<String>,
}

/// Why a line earns or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineReason {
    /// Counts as it is.
    BaseRate,
    /// Its product group is excluded by the programme.
    ExcludedGroup,
    /// A rule excludes it.
    ExcludedByRule,
    /// Rules multiply it.
    Multiplied,
}

/// One line's share of the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineEarning {
    /// Index of the line on the receipt, from 0.
    pub line: usize,
    /// Minor units that count.
    pub base_minor: i64,
    /// What they count with, in per cent.
    pub percent: u32,
    /// Why.
    pub reason: LineReason,
    /// Ids of the rules that decided.
    pub rules: Vec<String>,
}

impl LineEarning {
    /// Hundredths of minor units with which the line stands for points.
    fn weight(&self) -> Result<i64, OutOfRange> {
        self.base_minor.checked_mul(i64::from(self.percent)).ok_or(OutOfRange)
    }
}

/// Points beside those of the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BonusEarning {
    /// Id of the rule.
    pub rule: String,
    /// Points, more than 0.
    pub points: i64,
}

/// A cap that took points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capped {
    /// The cap of a receipt.
    Receipt,
    /// The cap of a day.
    Day,
}

/// The one place where points are rounded: they are ⌊`numerator` ÷ `denominator`⌋.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    /// 0 or more.
    pub numerator: i128,
    /// More than 0.
    pub denominator: i128,
}

impl Rounding {
    fn floor(self) -> Result<i64, OutOfRange> {
        let whole = self.numerator.checked_div_euclid(self.denominator);
        whole.and_then(|points| i64::try_from(points).ok()).ok_or(OutOfRange)
    }

    fn reduced(self) -> Self {
        let (mut a, mut b) = (self.numerator, self.denominator);
        while b > 0 {
            (a, b) = (b, a.checked_rem(b).unwrap_or(0));
        }
        let part = |whole: i128| whole.checked_div(a).unwrap_or(whole);
        Self {
            numerator: part(self.numerator),
            denominator: part(self.denominator),
        }
    }
}

/// How many points a receipt is worth and how that number came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earning {
    /// Points, 0 or more.
    pub points: i64,
    /// Sum of the lines that count, in minor units.
    pub eligible_minor: i64,
    /// Part paid with vouchers, VAT included; taken off the base.
    pub voucher_paid_minor: i64,
    /// Eligible less voucher-paid, never below 0.
    pub base_minor: i64,
    /// The base, multiplied and at the programme's rate, before and after the floor.
    pub rounding: Rounding,
    /// Points of the base: what `rounding` gives.
    pub base_points: i64,
    /// Points beside.
    pub bonuses: Vec<BonusEarning>,
    /// The cap that took points, the tighter one when both did.
    pub capped: Option<Capped>,
    /// Rules whose condition could not be evaluated on this receipt, because its arithmetic overflows: they did not apply.
    pub not_evaluated: Vec<String>,
    /// Version of the programme that decided.
    pub programme_version: u32,
    /// One row per line.
    pub lines: Vec<LineEarning>,
}

/// The points that `receipt` earns under `programme`.
///
/// # Errors
/// [`OutOfRange`] when amounts beyond the accepted limits are given; never for a receipt without violations.
pub fn earn(receipt: &Receipt, programme: &Programme, known: &Circumstances) -> Result<Earning, OutOfRange> {
    Count::new(receipt, programme, known, true).earning()
}

/// The points of goods that come back without their receipt: what is excluded stays so, but no promotion of today decides
/// about goods that were sold on another day, and no cap.
///
/// # Errors
/// As [`earn`].
pub fn earn_simple(receipt: &Receipt, programme: &Programme, known: &Circumstances) -> Result<Earning, OutOfRange> {
    Count::new(receipt, programme, known, false).earning()
}

/// A rule in effect.
#[derive(Debug, Clone, Copy)]
struct Applied<'a> {
    rule: &'a EarningRule,
    /// Whether it holds, for a rule that is the same for all lines.
    everywhere: Option<bool>,
}

/// One receipt being counted.
struct Count<'a> {
    receipt: &'a Receipt,
    programme: &'a Programme,
    known: &'a Circumstances,
    facts: OfReceipt<'a>,
    rules: Vec<Applied<'a>>,
    promotions: bool,
    not_evaluated: Vec<String>,
}

impl<'a> Count<'a> {
    fn new(receipt: &'a Receipt, programme: &'a Programme, known: &'a Circumstances, promotions: bool) -> Self {
        let mut count = Self {
            receipt,
            programme,
            known,
            facts: OfReceipt::new(receipt, known, programme.zone),
            rules: Vec::new(),
            promotions,
            not_evaluated: Vec::new(),
        };
        let day = receipt.key.business_date;
        let counts = |rule: &&EarningRule| rule.in_effect(day) && (promotions || rule.effect == Effect::Exclude);
        for rule in programme.rules.iter().filter(counts) {
            let same = !rule.when.as_ref().is_some_and(When::reads_line);
            let everywhere = same.then(|| count.evaluated(rule, None));
            count.rules.push(Applied { rule, everywhere });
        }
        count
    }

    fn earning(mut self) -> Result<Earning, OutOfRange> {
        let (mut eligible_minor, mut gross_minor, mut weight) = (0i64, 0i64, 0i64);
        let mut lines = Vec::with_capacity(self.receipt.lines.len());
        for (index, line) in self.receipt.lines.iter().enumerate() {
            let earned = self.line(index, line)?;
            eligible_minor = eligible_minor.checked_add(earned.base_minor).ok_or(OutOfRange)?;
            weight = weight.checked_add(earned.weight()?).ok_or(OutOfRange)?;
            if earned.is_eligible() {
                gross_minor = gross_minor.checked_add(line.amount_minor).ok_or(OutOfRange)?;
            }
            lines.push(earned);
        }
        let voucher_paid_minor = self.receipt.voucher_paid_minor();
        let kept = gross_minor.checked_sub(voucher_paid_minor).ok_or(OutOfRange)?.max(0);
        let base_minor = scaled(eligible_minor, kept, gross_minor)?;
        let rounding = self.rounding(weight, base_minor, eligible_minor)?;
        let base_points = rounding.floor()?;
        let bonuses = if base_minor > 0 {
            self.bonuses(&lines)?
        } else {
            Vec::new()
        };
        let uncapped = bonuses
            .iter()
            .try_fold(base_points, |sum, bonus| sum.checked_add(bonus.points))
            .ok_or(OutOfRange)?;
        let (points, capped) = self.capped(uncapped);
        Ok(Earning {
            points,
            eligible_minor,
            voucher_paid_minor,
            base_minor,
            rounding,
            base_points,
            bonuses,
            capped,
            not_evaluated: self.not_evaluated,
            programme_version: self.programme.version,
            lines,
        })
    }

    /// What one line counts.
    fn line(&mut self, index: usize, line: &'a Line) -> Result<LineEarning, OutOfRange> {
        let mut earned = LineEarning {
            line: index,
            base_minor: 0,
            percent: 100,
            reason: LineReason::ExcludedGroup,
            rules: Vec::new(),
        };
        let excluded = &self.programme.excluded_groups;
        if line.group.as_ref().is_some_and(|group| excluded.contains(group)) {
            return Ok(earned);
        }
        earned.rules = ids(&self.holding(line, |effect| effect == Effect::Exclude));
        if !earned.rules.is_empty() {
            earned.reason = LineReason::ExcludedByRule;
            return Ok(earned);
        }
        earned.base_minor = basis(self.programme.basis, line)?;
        let multipliers = self.holding(line, |effect| matches!(effect, Effect::Multiply { .. }));
        let percents = multipliers.iter().filter_map(|rule| match rule.effect {
            Effect::Multiply { percent } => Some(percent),
            Effect::Exclude | Effect::Bonus { .. } => None,
        });
        earned.reason = LineReason::BaseRate;
        if let Some(percent) = self.programme.stacking.of(percents) {
            earned.percent = percent;
            earned.reason = LineReason::Multiplied;
            earned.rules = ids(&multipliers);
        }
        Ok(earned)
    }

    /// The rules of a kind that hold for a line.
    fn holding(&mut self, line: &'a Line, kind: impl Fn(Effect) -> bool) -> Vec<&'a EarningRule> {
        let mut found = Vec::new();
        for index in 0..self.rules.len() {
            let applied = self.rules.get(index).copied();
            if let Some(applied) = applied.filter(|applied| kind(applied.rule.effect) && self.holds(*applied, line)) {
                found.push(applied.rule);
            }
        }
        found
    }

    fn holds(&mut self, applied: Applied<'_>, line: &'a Line) -> bool {
        applied
            .everywhere
            .unwrap_or_else(|| self.evaluated(applied.rule, Some(line)))
    }

    fn evaluated(&mut self, rule: &EarningRule, line: Option<&'a Line>) -> bool {
        let Some(when) = &rule.when else { return true };
        when.condition().holds(&self.facts.at(line)).unwrap_or_else(|_| {
            if !self.not_evaluated.contains(&rule.id) {
                self.not_evaluated.push(rule.id.clone());
            }
            false
        })
    }

    /// Points of the base: its minor units, each with the weight of the lines on average, at the programme's rate.
    fn rounding(&self, weight: i64, base_minor: i64, eligible_minor: i64) -> Result<Rounding, OutOfRange> {
        if eligible_minor == 0 {
            return Ok(Rounding {
                numerator: 0,
                denominator: 1,
            });
        }
        let rate = self.programme.earning;
        let numerator = i128::from(weight)
            .checked_mul(i128::from(base_minor))
            .and_then(|product| product.checked_mul(i128::from(rate.points)));
        let denominator = i128::from(eligible_minor)
            .checked_mul(100)
            .and_then(|product| product.checked_mul(i128::from(rate.per_minor)));
        let (numerator, denominator) = numerator.zip(denominator).ok_or(OutOfRange)?;
        Ok(Rounding { numerator, denominator }.reduced())
    }

    fn bonuses(&mut self, lines: &[LineEarning]) -> Result<Vec<BonusEarning>, OutOfRange> {
        let mut found = Vec::new();
        for index in 0..self.rules.len() {
            let Some(applied) = self.rules.get(index).copied() else {
                continue;
            };
            let Effect::Bonus { points, per } = applied.rule.effect else {
                continue;
            };
            let times = self.times(applied, per, lines)?;
            let points = points.checked_mul(times).ok_or(OutOfRange)?;
            if points > 0 {
                found.push(BonusEarning {
                    rule: applied.rule.id.clone(),
                    points,
                });
            }
        }
        Ok(found)
    }

    /// How often a bonus is given.
    fn times(&mut self, applied: Applied<'_>, per: Per, lines: &[LineEarning]) -> Result<i64, OutOfRange> {
        let receipt = self.receipt;
        let mut quantity_milli = None;
        for (line, earned) in receipt.lines.iter().zip(lines) {
            if earned.base_minor > 0 && self.holds(applied, line) {
                let sum = quantity_milli.unwrap_or(0i64).checked_add(line.quantity_milli);
                quantity_milli = Some(sum.ok_or(OutOfRange)?);
            }
        }
        Ok(match (quantity_milli, per) {
            (None, _) => 0,
            (Some(_), Per::Receipt) => 1,
            (Some(quantity), Per::Piece) => quantity.checked_div_euclid(1_000).unwrap_or(0),
        })
    }

    fn capped(&self, points: i64) -> (i64, Option<Capped>) {
        if !self.promotions {
            return (points, None);
        }
        let caps = [
            (self.programme.caps.receipt, Capped::Receipt),
            (self.known.day_left, Capped::Day),
        ];
        let caps = caps.into_iter().filter_map(|(most, cap)| Some((most?.max(0), cap)));
        match caps.min_by_key(|(most, _)| *most) {
            Some((most, cap)) if most < points => (most, Some(cap)),
            _ => (points, None),
        }
    }
}

impl LineEarning {
    fn is_eligible(&self) -> bool {
        matches!(self.reason, LineReason::BaseRate | LineReason::Multiplied)
    }
}

fn ids(rules: &[&EarningRule]) -> Vec<String> {
    rules.iter().map(|rule| rule.id.clone()).collect()
}

/// The amount of a line that counts.
fn basis(basis: Basis, line: &Line) -> Result<i64, OutOfRange> {
    match (basis, line.vat_rate_bp) {
        (Basis::Net, Some(rate)) => {
            let whole = i64::from(rate).checked_add(10_000).ok_or(OutOfRange)?;
            scaled(line.amount_minor, 10_000, whole)
        }
        (Basis::Net, None) | (Basis::Gross, _) => Ok(line.amount_minor),
    }
}

/// `amount` × `part` ÷ `whole`, rounded half up; 0 when the whole is 0. None of them is negative.
fn scaled(amount: i64, part: i64, whole: i64) -> Result<i64, OutOfRange> {
    if whole == 0 {
        return Ok(0);
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    let doubled = i128::from(amount).checked_mul(part).and_then(|p| p.checked_mul(2));
    doubled
        .and_then(|doubled| doubled.checked_add(whole))
        .and_then(|sum| sum.checked_div_euclid(whole.checked_mul(2)?))
        .and_then(|result| i64::try_from(result).ok())
        .ok_or(OutOfRange)
}
