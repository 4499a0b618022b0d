//! Everything that may be wrong with the vouchers of a campaign, by themselves.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::calendar::{minus_days, plus_days, plus_months};
use domain::id::LocationId;
use domain::text;

use super::{
    COST_POINTS_MAX, GROUP_NAME_MAX, GROUPS_MAX, PAID_DAYS_MIN, PAID_MONTHS_MIN, PLACES_MAX, START_DAYS_MAX,
    VALID_DAYS_MAX, VOUCHERS_MAX,
};
use crate::findings::Checks;
use crate::template::{Consideration, Validity, VatKind, VoucherTemplate, Worth};

pub(super) fn check_template(voucher: &VoucherTemplate, checks: &mut Checks) {
    check_worth(voucher, checks);
    // A larger basket than the largest receipt would never come.
    checks.amount(voucher.min_basket_minor, 0, "/voucher/min_basket_minor");
    check_validity(voucher, checks);
    check_lists(voucher, checks);
    let count = (1..=VOUCHERS_MAX).contains(&voucher.per_member);
    checks.check(count, "/voucher/per_member", "out_of_range", "must be 1 to 10 vouchers");
    check_kind(voucher, checks);
}

/// A run gives vouchers to members who pay nothing for them, and what follows from that.
fn check_kind(voucher: &VoucherTemplate, checks: &mut Checks) {
    let free = voucher.consideration == Consideration::Free;
    let detail = "must be `free`: a run takes no payment for its vouchers";
    checks.check(free, "/voucher/consideration", "not_possible", detail);
    let value = voucher.vat_kind == VatKind::Value;
    let detail = "must be `value`: VAT on a service is due on what was paid when its voucher was issued, and for these nothing is paid";
    checks.check(value, "/voucher/vat_kind", "not_possible", detail);
}

fn check_worth(voucher: &VoucherTemplate, checks: &mut Checks) {
    match voucher.worth {
        Worth::Amount { value_minor } => checks.amount(value_minor, 1, "/voucher/worth/value_minor"),
        Worth::PerCent {
            per_cent,
            max_discount_minor,
        } => {
            let possible = (1..=100).contains(&per_cent);
            checks.check(
                possible,
                "/voucher/worth/per_cent",
                "out_of_range",
                "must be 1 to 100 per cent",
            );
            if let Some(max_minor) = max_discount_minor {
                checks.amount(max_minor, 1, "/voucher/worth/max_discount_minor");
            }
            let detail = "must be false: a share of the goods is taken at once, nothing of it is left";
            checks.check(!voucher.partial, "/voucher/partial", "not_possible", detail);
        }
    }
}

fn check_lists(voucher: &VoucherTemplate, checks: &mut Checks) {
    let groups = voucher.groups.len() <= GROUPS_MAX;
    checks.check(groups, "/voucher/groups", "too_many", "must be at most 50 groups");
    for (index, group) in voucher.groups.iter().take(GROUPS_MAX).enumerate() {
        let detail = "must have 1 to 40 printable characters";
        let group = text::is_line(group, GROUP_NAME_MAX);
        checks.check(group, &format!("/voucher/groups/{index}"), "out_of_range", detail);
    }
    let channels: BTreeSet<_> = voucher.channels.iter().collect();
    let once = channels.len() == voucher.channels.len();
    checks.check(once, "/voucher/channels", "not_unique", "must name each channel once");
    let locations = voucher.locations.len() <= PLACES_MAX;
    checks.check(
        locations,
        "/voucher/locations",
        "too_many",
        "must be at most 200 locations",
    );
    for (index, location) in voucher.locations.iter().take(PLACES_MAX).enumerate() {
        let detail = "must be a location id of 1 to 16 letters, digits, - or _";
        let location = location.parse::<LocationId>().is_ok();
        checks.check(location, &format!("/voucher/locations/{index}"), "malformed", detail);
    }
    let cost = voucher
        .cost_points
        .is_none_or(|points| (1..=COST_POINTS_MAX).contains(&points));
    let detail = "must be 1 to a thousand million points";
    checks.check(cost, "/voucher/cost_points", "out_of_range", detail);
}

fn check_validity(voucher: &VoucherTemplate, checks: &mut Checks) {
    let paid = voucher.consideration == Consideration::Paid;
    let short = "a voucher that was paid for is valid for 5 years at least";
    match voucher.validity {
        Validity::Dates { from, until } => {
            let ordered = until >= from;
            let detail = "must not be before `from`: the voucher could never be redeemed";
            checks.check(ordered, "/voucher/validity/until", "never_redeemable", detail);
            let detail = "must be at most ten years after `from`";
            let bounded = until <= plus_days(from, VALID_DAYS_MAX);
            checks.check(bounded, "/voucher/validity/until", "out_of_range", detail);
            let long = !paid || until >= five_years_from(from);
            checks.check(long, "/voucher/validity/until", "too_short", short);
        }
        Validity::Days { after_start, days } => {
            let start = after_start <= START_DAYS_MAX;
            checks.check(
                start,
                "/voucher/validity/after_start",
                "out_of_range",
                "must be 0 to 365 days",
            );
            let possible = (1..=VALID_DAYS_MAX).contains(&days);
            checks.check(
                possible,
                "/voucher/validity/days",
                "out_of_range",
                "must be 1 to 3660 days",
            );
            let long = !paid || days >= PAID_DAYS_MIN;
            checks.check(long, "/voucher/validity/days", "too_short", short);
        }
    }
}

/// The last of five years that begin on this day.
fn five_years_from(from: NaiveDate) -> NaiveDate {
    minus_days(plus_months(from, PAID_MONTHS_MIN), 1)
}
