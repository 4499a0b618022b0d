//! The RFMR account of a customer (R2): a score that says whether the next letter is worth its cost.
//!
//! Recency, frequency, monetary ratio: everybody begins with a base; every order adds, the more the newer it is; revenue adds, and
//! what is returned, being negative revenue, subtracts; and every letter that was sent subtracts by its cost. The method is that of
//! the mail-order trade; its numbers are each retailer's own, so they are data.
//!
//! Orders are known by calendar month, so their age is counted in calendar months: the current one is 0. Letters of the same window
//! count. Sums saturate.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::liability::Month;
use crate::money::AMOUNT_MAX;
use crate::violation::Violation;

/// Most classes of recency.
pub const CLASSES_MAX: usize = 12;
/// Longest window in months.
pub const WINDOW_MAX: u32 = 120;
/// Greatest number of points of one rule.
pub const POINTS_MAX: i64 = 100_000;

/// What adds to the account, and what subtracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RfmrRules {
    /// What everybody begins with, -100,000 to 100,000.
    pub base: i64,
    /// Calendar months that count, the current one among them: 1 to 120.
    pub window_months: u32,
    /// What an order adds by its age: the first class whose age is not exceeded counts, older orders add nothing. At most 12, by
    /// ascending age.
    pub orders: Vec<Recency>,
    /// What the window's revenue, less returns, adds: points for each full step. Negative revenue subtracts.
    pub revenue: Step,
    /// What a letter subtracts: points for each step of its cost that was begun.
    pub letters: Step,
}

/// What an order adds up to an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recency {
    /// Greatest age in calendar months; 0 is the current one.
    pub up_to_months: u32,
    /// Points of each order, 0 to 100,000.
    pub points: i64,
}

/// Points for an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Points, 0 to 100,000.
    pub points: i64,
    /// Minor units of a step, at least 1.
    pub per_minor: i64,
}

impl Default for RfmrRules {
    /// For baskets of some twenty francs and letters of less than one: a customer who buys once in a year stays above 0 for some
    /// thirty letters.
    fn default() -> Self {
        let class = |(up_to_months, points)| Recency { up_to_months, points };
        Self {
            base: 25,
            window_months: 24,
            orders: [(2, 20), (5, 12), (11, 6), (23, 2)].map(class).to_vec(),
            revenue: Step {
                points: 1,
                per_minor: 1_000,
            },
            letters: Step {
                points: 1,
                per_minor: 50,
            },
        }
    }
}

/// Orders of a calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthOrders {
    /// The month.
    pub month: Month,
    /// Orders: receipts of sales.
    pub orders: i64,
    /// Revenue less returns, in minor units.
    pub revenue_minor: i64,
}

/// A letter of the programme's campaigns that was sent: those of another one may have been paid in another currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentLetter {
    /// Day on which it counts.
    pub day: NaiveDate,
    /// Printing and postage in minor units of the programme's currency.
    pub cost_minor: i64,
}

/// A score by its parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The base.
    pub base: i64,
    /// What orders add.
    pub orders: i64,
    /// What revenue adds, or returns beyond it subtract.
    pub revenue: i64,
    /// What letters subtract: 0 or less.
    pub letters: i64,
}

impl Score {
    /// The score.
    pub const fn total(&self) -> i64 {
        self.base
            .saturating_add(self.orders)
            .saturating_add(self.revenue)
            .saturating_add(self.letters)
    }
}

impl RfmrRules {
    /// The score on `today`. Months and letters after it do not count.
    pub fn score(&self, months: &[MonthOrders], letters: &[SentLetter], today: NaiveDate) -> Score {
        let counted = |day: NaiveDate| age(day, today).filter(|age| *age < self.window_months);
        let (mut orders, mut revenue_minor) = (0i64, 0i64);
        for month in months {
            let Some(age) = counted(month.month.first()) else {
                continue;
            };
            let each = self.orders.iter().find(|class| age <= class.up_to_months);
            let points = each.map_or(0, |class| class.points.saturating_mul(month.orders));
            orders = orders.saturating_add(points);
            revenue_minor = revenue_minor.saturating_add(month.revenue_minor);
        }
        let sent = letters
            .iter()
            .filter(|letter| letter.day <= today && counted(letter.day).is_some());
        let steps = sent.map(|letter| self.letters.begun(letter.cost_minor));
        Score {
            base: self.base,
            orders,
            revenue: self.revenue.full(revenue_minor),
            letters: steps.fold(0i64, i64::saturating_sub),
        }
    }

    /// The first day that counts on `today`.
    pub fn first_day(&self, today: NaiveDate) -> NaiveDate {
        let back = chrono::Months::new(self.window_months.saturating_sub(1));
        let first = today.with_day(1).unwrap_or(today);
        first.checked_sub_months(back).unwrap_or(first)
    }

    /// Everything wrong with them, each with its place under `at`.
    pub fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut check = |ok: bool, place: &str, detail: &str| {
            if !ok {
                found.push(Violation::new(format!("{at}{place}"), "out_of_range", detail));
            }
        };
        check(
            (-POINTS_MAX..=POINTS_MAX).contains(&self.base),
            "/base",
            "must be -100000 to 100000",
        );
        check(
            (1..=WINDOW_MAX).contains(&self.window_months),
            "/window_months",
            "must be 1 to 120",
        );
        let ages: Vec<u32> = self.orders.iter().map(|class| class.up_to_months).collect();
        check(
            ages.len() <= CLASSES_MAX && ages.is_sorted_by(|one, next| one < next),
            "/orders",
            "must be at most 12 classes by ascending age",
        );
        check(
            self.orders.iter().all(|class| (0..=POINTS_MAX).contains(&class.points)),
            "/orders",
            "must add 0 to 100000 points each",
        );
        for (step, place) in [(self.revenue, "/revenue"), (self.letters, "/letters")] {
            let sound = (0..=POINTS_MAX).contains(&step.points) && (1..=AMOUNT_MAX).contains(&step.per_minor);
            check(
                sound,
                place,
                "must be 0 to 100000 points for each 1 to 10000000000 minor units",
            );
        }
        found
    }
}

impl Step {
    /// Points of an amount by its full steps, cut towards less.
    const fn full(self, amount_minor: i64) -> i64 {
        match amount_minor.checked_div_euclid(self.per_minor) {
            Some(steps) => steps.saturating_mul(self.points),
            None => 0,
        }
    }

    /// Points of an amount by the steps that were begun.
    fn begun(self, amount_minor: i64) -> i64 {
        let steps = i128::from(amount_minor.max(0))
            .saturating_add(i128::from(self.per_minor).saturating_sub(1))
            .checked_div_euclid(i128::from(self.per_minor));
        let points = steps.unwrap_or(0).saturating_mul(i128::from(self.points));
        i64::try_from(points).unwrap_or(i64::MAX)
    }
}

/// Calendar months from the month of `day` to that of `today`; `None` for a later one.
fn age(day: NaiveDate, today: NaiveDate) -> Option<u32> {
    let index = |day: NaiveDate| {
        i64::from(day.year())
            .saturating_mul(12)
            .saturating_add(i64::from(day.month0()))
    };
    u32::try_from(index(today).saturating_sub(index(day))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn month(text: &str, orders: i64, revenue_minor: i64) -> MonthOrders {
        let month = text.parse().unwrap();
        MonthOrders {
            month,
            orders,
            revenue_minor,
        }
    }

    #[test]
    fn r2_every_order_adds_every_return_and_every_letter_subtracts() {
        let (rules, today) = (RfmrRules::default(), day("2026-11-29"));
        let none = rules.score(&[], &[], today);
        assert_eq!(
            (none.total(), none),
            (
                25,
                Score {
                    base: 25,
                    ..Score::default()
                }
            )
        );
        let months = [
            month("2026-11", 1, 4_599),
            month("2026-06", 2, 10_000),
            month("2025-01", 1, 2_000),
        ];
        let bought = rules.score(&months, &[], today);
        // 20 for the order of this month, 12 for each of June, which is five months ago, 2 for the one of last year; CHF 165.99.
        assert_eq!((bought.orders, bought.revenue), (20 + 24 + 2, 16));
        let returned = [&months[..], &[month("2026-10", 0, -4_000)]].concat();
        assert_eq!(rules.score(&returned, &[], today).revenue, 12);
        let letter = |text: &str, cost_minor| SentLetter {
            day: day(text),
            cost_minor,
        };
        let letters = [
            letter("2026-11-20", 75),
            letter("2026-01-05", 50),
            letter("2025-12-01", 51),
        ];
        assert_eq!(rules.score(&months, &letters, today).letters, -(2 + 1 + 2));
        assert_eq!(rules.score(&months, &letters, today).total(), 25 + 46 + 16 - 5);
    }

    #[test]
    fn r2_what_lies_outside_of_the_window_does_not_count() {
        let (rules, today) = (RfmrRules::default(), day("2026-11-29"));
        let letter = |text: &str| SentLetter {
            day: day(text),
            cost_minor: 75,
        };
        let inside = rules.score(
            &[month("2024-12", 1, 1_000)],
            &[letter("2024-12-01"), letter("2026-11-29")],
            today,
        );
        assert_eq!((inside.orders, inside.revenue, inside.letters), (2, 1, -4));
        let outside = rules.score(
            &[month("2024-11", 1, 1_000), month("2026-12", 1, 1_000)],
            &[letter("2024-11-30"), letter("2026-11-30")],
            today,
        );
        assert_eq!(outside.total(), 25);
        assert_eq!(rules.first_day(today), day("2024-12-01"));
    }

    #[test]
    fn r2_negative_revenue_is_cut_towards_less_and_sums_saturate() {
        let (rules, today) = (RfmrRules::default(), day("2026-11-29"));
        assert_eq!(rules.score(&[month("2026-11", 0, -1)], &[], today).revenue, -1);
        let huge = rules.score(&[month("2026-11", i64::MAX, i64::MAX)], &[], today);
        assert_eq!((huge.orders, huge.total()), (i64::MAX, i64::MAX));
    }

    #[test]
    fn r2_rules_out_of_range_are_named() {
        assert_eq!(RfmrRules::default().violations("/rfmr"), []);
        let mut rules = RfmrRules {
            base: POINTS_MAX + 1,
            window_months: 0,
            ..RfmrRules::default()
        };
        rules.orders.reverse();
        rules.letters.per_minor = 0;
        let found: Vec<_> = rules
            .violations("/rfmr")
            .into_iter()
            .map(|found| found.pointer)
            .collect();
        assert_eq!(
            found,
            ["/rfmr/base", "/rfmr/window_months", "/rfmr/orders", "/rfmr/letters"]
        );
    }
}
