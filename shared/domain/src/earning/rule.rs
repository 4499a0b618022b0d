//! Earning rules as data (L3): when they apply and what they do.

use std::fmt;

use chrono::NaiveDate;
use conditions::{Condition, Flaw};
use serde::{Deserialize, Serialize};

use super::context::{SCHEMA, is_of_line};
use crate::text;
use crate::violation::Violation;

/// Most rules of a programme.
pub const RULES_MAX: usize = 50;
/// Most steps of a rule's condition in the worst case. It is evaluated for each line: 50 rules on 500 lines stay below a
/// quarter of a second.
pub const RULE_COST_MAX: u32 = 500;
/// Greatest multiplier in per cent.
pub const PERCENT_MAX: u32 = 10_000;
/// Most points of a bonus, and of a cap.
pub const POINTS_MAX: i64 = 1_000_000;
/// Longest id of a rule, in characters.
const ID_MAX: usize = 40;
/// Longest name of a rule, in characters.
const NAME_MAX: usize = 80;

/// A rule on top of the base rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningRule {
    /// Names it where points are explained: lower-case letters, digits, `-` and `_`, at most 40.
    pub id: String,
    /// Name for people, at most 80 characters.
    pub name: String,
    /// When it applies; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// First business day of receipts that it applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// What it does.
    pub effect: Effect,
}

/// What a rule does where its condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// The line earns nothing.
    Exclude,
    /// The line counts with so many per cent: 200 for double points.
    Multiply {
        /// 0 to [`PERCENT_MAX`].
        percent: u32,
    },
    /// Points beside those of the base.
    Bonus {
        /// 1 to [`POINTS_MAX`].
        points: i64,
        /// How often.
        #[serde(default)]
        per: Per,
    },
}

/// How often a bonus is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Once for a receipt on which a line fits.
    #[default]
    Receipt,
    /// For each whole piece, kilogram or metre of the lines that fit.
    Piece,
}

/// What several multipliers of one line come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stacking {
    /// The greatest counts.
    #[default]
    Highest,
    /// What each adds to the simple points is added up: double and triple are four times.
    Add,
}

impl Stacking {
    /// The multiplier in per cent of a line that these apply to; `None` when none does.
    pub(super) fn of(self, percents: impl Iterator<Item = u32>) -> Option<u32> {
        match self {
            Self::Highest => percents.max(),
            Self::Add => percents
                .map(i64::from)
                .fold(None, |sum: Option<i64>, percent| {
                    let extra = percent.saturating_sub(100);
                    Some(sum.unwrap_or(100).saturating_add(extra))
                })
                .map(|sum| u32::try_from(sum.max(0)).unwrap_or(u32::MAX)),
        }
    }
}

/// Whether points are for what was paid, or for that without VAT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// VAT included.
    #[default]
    Gross,
    /// Without VAT, rounded half up for each line; a line without a rate counts as it is.
    Net,
}

/// Most points that receipts may earn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Of one receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<i64>,
    /// Of all receipts of one account with the same business day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<i64>,
}

/// The condition of a rule, checked against [`SCHEMA`]. Stored as its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct When {
    condition: Condition,
    reads_line: bool,
}

impl When {
    /// Checks a source.
    ///
    /// # Errors
    /// Every flaw, as [`Condition::compile`] finds them, or that it is too costly for each line of a receipt.
    pub fn compile(source: &str) -> Result<Self, Vec<Flaw>> {
        let condition = Condition::compile(source, &SCHEMA)?;
        let cost = condition.cost();
        if cost > RULE_COST_MAX {
            return Err(vec![Flaw {
                at: 0,
                code: conditions::Code::TooCostly,
                text: format!(
                    "the condition takes {cost} steps in the worst case; at most {RULE_COST_MAX} are possible"
                ),
            }]);
        }
        let reads_line = condition.fields().any(is_of_line);
        Ok(Self { condition, reads_line })
    }

    /// The source.
    pub fn source(&self) -> &str {
        self.condition.source()
    }

    pub(super) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether it may differ between the lines of a receipt.
    pub(super) fn reads_line(&self) -> bool {
        self.reads_line
    }
}

impl TryFrom<String> for When {
    type Error = InvalidWhen;

    fn try_from(source: String) -> Result<Self, InvalidWhen> {
        Self::compile(&source).map_err(InvalidWhen)
    }
}

impl From<When> for String {
    fn from(when: When) -> Self {
        when.source().to_owned()
    }
}

/// A source that is no condition of an earning rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidWhen(pub Vec<Flaw>);

impl fmt::Display for InvalidWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut flaws = self.0.iter();
        if let Some(first) = flaws.next() {
            write!(f, "{first}")?;
        }
        flaws.try_for_each(|flaw| write!(f, "; {flaw}"))
    }
}

impl std::error::Error for InvalidWhen {}

impl EarningRule {
    /// Whether it applies to receipts of this business day.
    pub fn in_effect(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut check = |ok: bool, field: &str, code: &'static str, detail: &str| {
            if !ok {
                found.push(Violation::new(format!("{at}{field}"), code, detail));
            }
        };
        check(
            is_id(&self.id),
            "/id",
            "malformed",
            "must have 1 to 40 lower-case letters, digits, - or _",
        );
        check(
            text::is_line(&self.name, NAME_MAX),
            "/name",
            "out_of_range",
            "must have 1 to 80 printable characters",
        );
        let ordered = self.from.zip(self.until).is_none_or(|(from, until)| from <= until);
        check(ordered, "/until", "out_of_range", "must not be before `from`");
        match self.effect {
            Effect::Exclude => {}
            Effect::Multiply { percent } => check(
                percent <= PERCENT_MAX,
                "/effect/percent",
                "out_of_range",
                "must be 0 to 10000 per cent",
            ),
            Effect::Bonus { points, .. } => check(
                (1..=POINTS_MAX).contains(&points),
                "/effect/points",
                "out_of_range",
                "must be 1 to 1000000 points",
            ),
        }
        found
    }
}

fn is_id(text: &str) -> bool {
    let of_an_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=ID_MAX).contains(&text.len()) && text.chars().all(of_an_id)
}

/// Everything wrong with the rules of a programme.
pub(crate) fn violations(rules: &[EarningRule], caps: Caps) -> Vec<Violation> {
    let mut found = Vec::new();
    if rules.len() > RULES_MAX {
        found.push(Violation::new(
            "/rules",
            "rules_count",
            "a programme has at most 50 rules",
        ));
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = format!("/rules/{index}");
        found.extend(rule.violations(&at));
        if rules.iter().take(index).any(|other| other.id == rule.id) {
            found.push(Violation::new(
                format!("{at}/id"),
                "not_unique",
                "another rule has the same id",
            ));
        }
    }
    for (cap, pointer) in [(caps.receipt, "/caps/receipt"), (caps.day, "/caps/day")] {
        if cap.is_some_and(|points| !(1..=POINTS_MAX).contains(&points)) {
            found.push(Violation::new(pointer, "out_of_range", "must be 1 to 1000000 points"));
        }
    }
    found
}
