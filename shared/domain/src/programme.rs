//! A loyalty programme: its settings as versioned data (L3, L6).

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::id::ProgrammeId;
use crate::money::{AMOUNT_MAX, Currency};
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
    /// What crossing the threshold yields.
    pub voucher: VoucherRule,
    /// Days after the business date on which a receipt may still be claimed for a card.
    pub claim_days: u32,
    /// Days after the business date on which a receipt is still taken without the migration scope.
    pub late_days: u32,
    /// Seconds for which a till may hold a voucher before it must redeem it.
    pub reservation_seconds: u32,
    /// Hours after which a redemption without its receipt, or a voucher payment without its redemption, is listed.
    pub unmatched_hours: u32,
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
}

/// Greatest number of excluded product groups.
pub const EXCLUDED_GROUPS_MAX: usize = 100;
/// Greatest number of days in any of the day settings: ten years.
const DAYS_MAX: u32 = 3_660;

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
            voucher: VoucherRule {
                threshold_points: 500,
                value_minor: 500,
                valid_days: 180,
                min_basket_minor: 0,
            },
            claim_days: 30,
            late_days: 30,
            reservation_seconds: 900,
            unmatched_hours: 24,
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
            (self.claim_days, "/claim_days"),
            (self.late_days, "/late_days"),
        ] {
            check(days <= DAYS_MAX, pointer, "must be at most 3660 days");
        }
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
        bad.name = "Treue\u{202e}".to_owned();
        bad.excluded_groups.push("gift\u{200b}card".to_owned());
        let pointers: Vec<_> = bad.violations().into_iter().map(|v| v.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/name",
                "/earning/per_minor",
                "/excluded_groups",
                "/voucher/threshold_points",
                "/reservation_seconds"
            ]
        );
    }
}
