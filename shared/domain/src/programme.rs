//! A loyalty programme: its settings as versioned data (L3, L6).

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::account::LotKey;
use crate::adjustment::ADJUSTED_POINTS_MAX;
use crate::calendar;
use crate::earning::{self, Basis, Caps, EarningRule, Stacking};
use crate::id::ProgrammeId;
use crate::money::{AMOUNT_MAX, Currency};
use crate::offline::OfflineRule;
use crate::rfmr::RfmrRules;
use crate::text;
use crate::violation::Violation;

/// One version of a programme. A version never changes once stored; ledger entries name the version they follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// The programme.
    pub id: ProgrammeId,
    /// Counted from 1.
    pub version: u32,
    /// Name for people and for the till text.
    pub name: String,
    /// The one currency of its receipts and vouchers.
    pub currency: Currency,
    /// IANA zone that decides what day it is.
    pub zone: Tz,
    /// How amounts become points.
    pub earning: EarningRate,
    /// Product groups that earn nothing: gift cards, deposits, delivery.
    pub excluded_groups: Vec<String>,
    /// Product groups of which each customer's revenue is kept by month, for segments: at most [`TRACKED_GROUPS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracked_groups: Vec<String>,
    /// Whether points are for gross or net amounts.
    #[serde(default)]
    pub basis: Basis,
    /// Bonuses, multipliers and further exclusions.
    #[serde(default)]
    pub rules: Vec<EarningRule>,
    /// What several multipliers of one line come to.
    #[serde(default)]
    pub stacking: Stacking,
    /// Most points of a receipt and of a day.
    #[serde(default)]
    pub caps: Caps,
    /// What crossing the threshold yields.
    pub voucher: VoucherRule,
    /// When points begin and cease to count.
    #[serde(default)]
    pub points: PointsLife,
    /// What a return may take when its points are spent.
    #[serde(default)]
    pub returns: ReturnPolicy,
    /// Days after the business date on which a receipt may still be claimed for a card.
    pub claim_days: u32,
    /// Days after the business date on which a receipt is still taken without the migration scope.
    pub late_days: u32,
    /// Seconds for which a till may hold a voucher before it must redeem it.
    pub reservation_seconds: u32,
    /// Hours after which a redemption without its receipt, or a voucher payment without its redemption, is listed.
    pub unmatched_hours: u32,
    /// What support may do to points by hand.
    #[serde(default)]
    pub adjustments: AdjustmentRule,
    /// How the score is made up that says whether the next letter is worth its cost.
    #[serde(default)]
    pub rfmr: RfmrRules,
    /// What branches may do while their line is down; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineRule>,
}

/// What support may do to points by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustmentRule {
    /// Most points, given or taken, that one person moves without a second one: 0 to [`ADJUSTED_POINTS_MAX`].
    pub alone_up_to: i64,
    /// Whether points may be moved from one account to another.
    pub transfers: bool,
}

impl Default for AdjustmentRule {
    fn default() -> Self {
        Self {
            alone_up_to: 500,
            transfers: false,
        }
    }
}

/// `points` for every full `per_minor` minor units of the earning base, floored once per receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningRate {
    /// Points per step, 1 to 1,000,000.
    pub points: i64,
    /// Minor units of one step, 1 to [`AMOUNT_MAX`]; 100 for "per franc".
    pub per_minor: i64,
}

/// The threshold voucher: `threshold_points` become one voucher of `value_minor` (N4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRule {
    /// Points that one voucher consumes, at least 1.
    pub threshold_points: i64,
    /// Face value in minor units of the programme's currency, at least 1.
    pub value_minor: i64,
    /// Last day of validity counted from the day of issue; 0 is valid on that day only.
    pub valid_days: u32,
    /// Smallest basket in minor units on which it is taken; 0 for any.
    pub min_basket_minor: i64,
    /// Whether it is taken in parts and stays open with its rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Days from then on for which one is valid whose receipt was returned after its validity: 0 for not any more.
    #[serde(default = "rollback_days")]
    pub rollback_days: u32,
}

/// For versions that were stored before there were rollbacks.
const fn rollback_days() -> u32 {
    30
}

/// When points begin and cease to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsLife {
    /// Days after the business date on which points begin to count: 0 at once, at most 60.
    pub pending_days: u32,
    /// When they expire.
    pub expiry: Expiry,
    /// Days after the posting before which no points expire, however old their receipt is: 1 to 3660.
    pub grace_days: u32,
}

impl Default for PointsLife {
    fn default() -> Self {
        Self {
            pending_days: 0,
            expiry: Expiry::Never,
            grace_days: 30,
        }
    }
}

/// The last day of points, counted from the business date of their receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Expiry {
    /// They never expire.
    Never,
    /// The same day some months later; the last day of a month that is too short.
    Months {
        /// 1 to 120.
        months: u32,
    },
    /// The last day of the month that lies some months later.
    EndOfMonth {
        /// 0 to 120.
        months: u32,
    },
    /// 31 December of the year that lies some years later.
    EndOfYear {
        /// 0 to 10.
        years: u32,
    },
}

impl Expiry {
    /// The last day on which points of `day` count; `None` for ever.
    pub fn last_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Never => None,
            Self::Months { months } => Some(calendar::plus_months(day, months)),
            Self::EndOfMonth { months } => Some(calendar::end_of_month(calendar::plus_months(day, months))),
            Self::EndOfYear { years } => Some(calendar::end_of_year(calendar::plus_months(
                day,
                years.saturating_mul(12),
            ))),
        }
    }

    fn is_acceptable(self) -> bool {
        match self {
            Self::Never => true,
            Self::Months { months } => (1..=120).contains(&months),
            Self::EndOfMonth { months } => months <= 120,
            Self::EndOfYear { years } => years <= 10,
        }
    }
}

/// What a return may take when its points are spent (requirements, part 3, 4.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnPolicy {
    /// Only points that do not count yet.
    OnlyPending,
    /// Down to a balance of 0; the rest stays with the customer.
    WithinBalance,
    /// Everything: what is not there is owed, and the next points settle it.
    #[default]
    Unlimited,
}

/// Greatest number of excluded product groups.
pub const EXCLUDED_GROUPS_MAX: usize = 100;
/// Most tracked product groups: with 40 characters each, a customer's month stays below 4 KB.
pub const TRACKED_GROUPS_MAX: usize = 60;
/// Greatest number of days in any of the day settings: ten years.
const DAYS_MAX: u32 = 3_660;
/// Greatest number of days for which points may be pending.
const PENDING_DAYS_MAX: u32 = 60;

impl Programme {
    /// The default Swiss programme: 1 point per franc, 500 points become a voucher of CHF 5 (T10).
    pub fn swiss_default(id: ProgrammeId) -> Self {
        Self {
            id,
            version: 1,
            name: "Treue".to_owned(),
            currency: Currency::CHF,
            zone: chrono_tz::Europe::Zurich,
            earning: EarningRate {
                points: 1,
                per_minor: 100,
            },
            excluded_groups: ["deposit", "delivery", "gift_card"].map(str::to_owned).to_vec(),
            tracked_groups: Vec::new(),
            basis: Basis::Gross,
            rules: Vec::new(),
            stacking: Stacking::Highest,
            caps: Caps::default(),
            voucher: VoucherRule {
                threshold_points: 500,
                value_minor: 500,
                valid_days: 180,
                min_basket_minor: 0,
                partial: false,
                rollback_days: rollback_days(),
            },
            points: PointsLife {
                pending_days: 0,
                expiry: Expiry::EndOfMonth { months: 24 },
                grace_days: 30,
            },
            returns: ReturnPolicy::Unlimited,
            claim_days: 30,
            late_days: 30,
            reservation_seconds: 900,
            unmatched_hours: 24,
            adjustments: AdjustmentRule::default(),
            rfmr: RfmrRules::default(),
            offline: None,
        }
    }

    /// The lot for the points of a receipt of `business_date` that is posted on `booked_on`.
    pub fn lot(&self, business_date: NaiveDate, booked_on: NaiveDate) -> LotKey {
        let from = calendar::plus_days(business_date, self.points.pending_days);
        let earliest_end = calendar::plus_days(booked_on.max(from), self.points.grace_days);
        let until = self.points.expiry.last_day(business_date);
        LotKey {
            from: Some(from).filter(|from| *from > booked_on),
            until: until.map(|until| until.max(earliest_end)),
        }
    }

    /// Everything wrong with these settings, empty when they can be stored.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut check = |ok: bool, pointer: &str, detail: &str| {
            if !ok {
                found.push(Violation::new(pointer, "out_of_range", detail));
            }
        };
        let in_amounts = |minor: i64, least: i64| (least..=AMOUNT_MAX).contains(&minor);
        check(
            text::is_line(&self.name, 42),
            "/name",
            "must have 1 to 42 printable characters, one line of a receipt",
        );
        check(
            (1..=1_000_000).contains(&self.earning.points),
            "/earning/points",
            "must be 1 to 1000000",
        );
        check(
            in_amounts(self.earning.per_minor, 1),
            "/earning/per_minor",
            "must be 1 to 10000000000",
        );
        check(
            self.excluded_groups.len() <= EXCLUDED_GROUPS_MAX
                && self.excluded_groups.iter().all(|g| text::is_line(g, 40)),
            "/excluded_groups",
            "must be at most 100 product groups of 1 to 40 printable characters",
        );
        check(
            self.tracked_groups.len() <= TRACKED_GROUPS_MAX && self.tracked_groups.iter().all(|g| text::is_line(g, 40)),
            "/tracked_groups",
            "must be at most 60 product groups of 1 to 40 printable characters",
        );
        check(
            in_amounts(self.voucher.threshold_points, 1),
            "/voucher/threshold_points",
            "must be 1 to 10000000000",
        );
        check(
            in_amounts(self.voucher.value_minor, 1),
            "/voucher/value_minor",
            "must be 1 to 10000000000",
        );
        check(
            in_amounts(self.voucher.min_basket_minor, 0),
            "/voucher/min_basket_minor",
            "must be 0 to 10000000000",
        );
        for (days, pointer) in [
            (self.voucher.valid_days, "/voucher/valid_days"),
            (self.voucher.rollback_days, "/voucher/rollback_days"),
            (self.claim_days, "/claim_days"),
            (self.late_days, "/late_days"),
        ] {
            check(days <= DAYS_MAX, pointer, "must be at most 3660 days");
        }
        check(
            self.points.pending_days <= PENDING_DAYS_MAX,
            "/points/pending_days",
            "must be at most 60 days",
        );
        check(
            self.points.expiry.is_acceptable(),
            "/points/expiry",
            "must be 1 to 120 months, or the end of a month up to 120 months or of a year up to 10 years later",
        );
        check(
            (1..=DAYS_MAX).contains(&self.points.grace_days),
            "/points/grace_days",
            "must be 1 to 3660 days",
        );
        check(
            (1..=86_400).contains(&self.reservation_seconds),
            "/reservation_seconds",
            "must be 1 to 86400 seconds",
        );
        check(
            (1..=720).contains(&self.unmatched_hours),
            "/unmatched_hours",
            "must be 1 to 720 hours",
        );
        check(
            (0..=ADJUSTED_POINTS_MAX).contains(&self.adjustments.alone_up_to),
            "/adjustments/alone_up_to",
            "must be 0 to 1000000 points",
        );
        found.extend(earning::violations(&self.rules, self.caps));
        found.extend(self.rfmr.violations("/rfmr"));
        found.extend(self.offline.iter().flat_map(OfflineRule::violations));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_programme_is_acceptable_and_each_bad_setting_is_named() {
        let good = Programme::swiss_default("treue".parse().unwrap());
        assert_eq!(good.violations(), vec![]);
        let mut bad = good;
        bad.voucher.threshold_points = 0;
        bad.earning.per_minor = 0;
        bad.reservation_seconds = 0;
        bad.adjustments.alone_up_to = -1;
        bad.name = "Treue\u{202e}".to_owned();
        bad.excluded_groups.push("gift\u{200b}card".to_owned());
        bad.tracked_groups = (0..61).map(|group| group.to_string()).collect();
        let pointers: Vec<_> = bad.violations().into_iter().map(|v| v.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/name",
                "/earning/per_minor",
                "/excluded_groups",
                "/tracked_groups",
                "/voucher/threshold_points",
                "/reservation_seconds",
                "/adjustments/alone_up_to"
            ]
        );
    }
}
