//! Bodies of the RFMR account: its rules, and a party's score.

use chrono::NaiveDate;
use domain::rfmr::{Recency, RfmrRules, Score, Step};
use serde::{Deserialize, Serialize};

/// How the RFMR score is made up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RfmrSettings {
    /// What everybody begins with, -100000 to 100000 points.
    pub base: i64,
    /// Calendar months that count, the current one among them: 1 to 120.
    pub window_months: u32,
    /// What an order adds by its age in calendar months; older ones add nothing. At most 12 classes by ascending age.
    pub orders: Vec<RecencySettings>,
    /// What the window's revenue, less returns, adds for each full step.
    pub revenue: StepSettings,
    /// What a letter subtracts for each step of its cost that was begun.
    pub letters: StepSettings,
}

/// What an order adds up to an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecencySettings {
    /// Greatest age in calendar months; 0 is the current one.
    pub up_to_months: u32,
    /// Points of each order, 0 to 100000.
    pub points: i64,
}

/// Points for an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepSettings {
    /// Points, 0 to 100000.
    pub points: i64,
    /// Minor units of a step, at least 1.
    pub per_minor: i64,
}

impl Default for RfmrSettings {
    fn default() -> Self {
        RfmrRules::default().into()
    }
}

impl From<RfmrRules> for RfmrSettings {
    fn from(rules: RfmrRules) -> Self {
        let class = |class: Recency| RecencySettings {
            up_to_months: class.up_to_months,
            points: class.points,
        };
        let step = |step: Step| StepSettings {
            points: step.points,
            per_minor: step.per_minor,
        };
        Self {
            base: rules.base,
            window_months: rules.window_months,
            orders: rules.orders.into_iter().map(class).collect(),
            revenue: step(rules.revenue),
            letters: step(rules.letters),
        }
    }
}

impl From<RfmrSettings> for RfmrRules {
    fn from(settings: RfmrSettings) -> Self {
        let class = |class: RecencySettings| Recency {
            up_to_months: class.up_to_months,
            points: class.points,
        };
        let step = |step: StepSettings| Step {
            points: step.points,
            per_minor: step.per_minor,
        };
        Self {
            base: settings.base,
            window_months: settings.window_months,
            orders: settings.orders.into_iter().map(class).collect(),
            revenue: step(settings.revenue),
            letters: step(settings.letters),
        }
    }
}

/// The RFMR account of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RfmrAnswer {
    /// The programme whose purchases and rules count.
    pub programme: String,
    /// The business day for which it is made up.
    pub day: NaiveDate,
    /// The first day that counts.
    pub since: NaiveDate,
    /// The score.
    pub score: i64,
    /// What everybody begins with.
    pub base: i64,
    /// What orders add.
    pub orders: i64,
    /// What revenue adds, or returns beyond it subtract.
    pub revenue: i64,
    /// What letters of the programme's campaigns subtract: 0 or less.
    pub letters: i64,
    /// Letters of the programme's campaigns that were sent in that time.
    pub letters_sent: u64,
    /// Whether all letters are counted. Some thousands are at most.
    pub complete: bool,
}

impl RfmrAnswer {
    /// The answer with this score.
    pub fn of(programme: String, (since, day): (NaiveDate, NaiveDate), score: &Score, letters: (u64, bool)) -> Self {
        Self {
            programme,
            day,
            since,
            score: score.total(),
            base: score.base,
            orders: score.orders,
            revenue: score.revenue,
            letters: score.letters,
            letters_sent: letters.0,
            complete: letters.1,
        }
    }
}
