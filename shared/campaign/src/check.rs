//! Everything that may be wrong with a campaign.

mod voucher;

use conditions::Condition;
use domain::calendar::plus_days;
use domain::text;
use domain::violation::Violation;

use crate::activity::REVENUE_MONTHS;
use crate::campaign::{Campaign, Kind, Lead, Schedule};
use crate::findings::{Checks, ID, is_id};
use crate::holidays::HolidayCalendar;
use crate::letter;
use crate::segment::SCHEMA;
use crate::template::{Validity, Worth};

/// Longest id, in characters; also of a letter's layout, an enclosure and a calendar.
pub const ID_MAX: usize = 40;
/// Longest name, in characters.
pub const NAME_MAX: usize = 80;
/// Most steps of a segment in the worst case; it is asked for each member of the programme.
pub const SEGMENT_COST_MAX: u32 = 1_000;
/// Most product groups of a voucher.
pub const GROUPS_MAX: usize = 50;
/// Longest name of a product group, in characters.
const GROUP_NAME_MAX: usize = 40;
/// Most locations of a voucher.
pub const PLACES_MAX: usize = 200;
/// Most vouchers of a member in one run.
pub const VOUCHERS_MAX: u32 = 10;
/// Largest control group, in per cent.
pub const CONTROL_PER_CENT_MAX: u32 = 50;
/// Most working days of the printer, and of the post.
pub const LEAD_DAYS_MAX: u32 = 40;
/// Longest window of the revenue floor of birthdays, in months.
pub const FLOOR_MONTHS_MAX: u32 = 36;
/// Latest start of a validity after the run, in days.
pub const START_DAYS_MAX: u32 = 365;
/// Longest validity, in days: ten years.
pub const VALID_DAYS_MAX: u32 = 3_660;
/// Shortest validity of a voucher that was paid for, in days: five years with two leap days.
pub const PAID_DAYS_MIN: u32 = 1_827;
/// The same in months, for dates.
const PAID_MONTHS_MIN: u32 = 60;
/// Days from a run until the first letter can arrive, where no lead says otherwise: one of the printer and two of the post.
pub const LETTER_DAYS_MIN: u32 = 3;
/// Most points that a voucher can cost.
pub(crate) const COST_POINTS_MAX: i64 = 1_000_000_000;
/// Greatest RFMR score that can be asked for.
const RFMR_MAX: i64 = 1_000_000_000;

const _: () = assert!(
    FLOOR_MONTHS_MAX as usize == REVENUE_MONTHS,
    "a floor reads the months that are kept"
);

impl Campaign {
    /// Everything that is wrong with the campaign, each with its JSON pointer; empty when it can be used.
    pub fn violations(&self) -> Vec<Violation> {
        let mut checks = Checks::at("");
        self.check_names(&mut checks);
        checks.found.extend(self.condition().err().unwrap_or_default());
        check_kind(&self.kind, &mut checks);
        voucher::check_template(&self.voucher, &mut checks);
        self.check_together(&mut checks);
        self.check_limits(&mut checks);
        self.check_schedule(&mut checks);
        checks.found
    }

    /// What is wrong with the calendar that it names, where these are all that there are.
    pub fn calendar_violations(&self, known: &[HolidayCalendar]) -> Vec<Violation> {
        let mut checks = Checks::at("");
        if let Kind::Birthday { lead, .. } = &self.kind {
            let exists = known.iter().any(|calendar| calendar.name == lead.calendar);
            let detail = "there is no such calendar: add it, or name another";
            checks.check(exists, "/kind/lead/calendar", "unknown", detail);
        }
        checks.found
    }

    /// The condition of the segment, ready to be evaluated.
    pub(crate) fn condition(&self) -> Result<Option<Condition>, Vec<Violation>> {
        let Some(source) = &self.segment else { return Ok(None) };
        let condition = Condition::compile(source, &SCHEMA).map_err(|flaws| {
            let violations = flaws
                .iter()
                .map(|flaw| Violation::new("/segment", flaw.code.as_str(), flaw.to_string()));
            violations.collect::<Vec<_>>()
        })?;
        if condition.cost() > SEGMENT_COST_MAX {
            let detail = "a segment takes at most 1000 steps in the worst case: ask for less";
            return Err(vec![Violation::new("/segment", "too_costly", detail)]);
        }
        Ok(Some(condition))
    }

    fn check_names(&self, checks: &mut Checks) {
        checks.check(is_id(&self.id), "/id", "malformed", ID);
        let name = text::is_line(&self.name, NAME_MAX);
        checks.check(name, "/name", "out_of_range", "must have 1 to 80 printable characters");
        checks.check(is_id(&self.letter_variant), "/letter_variant", "malformed", ID);
        let enclosure = self.enclosure.as_deref().is_none_or(is_id);
        checks.check(enclosure, "/enclosure", "malformed", ID);
        for (language, text) in self.texts.all() {
            let field = format!("/texts/{}", language.as_str());
            let detail = "must be one line of 1 to 1000 printable characters";
            checks.check(text::is_line(text, letter::TEXT_MAX), &field, "out_of_range", detail);
            if let Some(detail) = letter::flaw(text) {
                checks.check(false, &field, "placeholder", detail);
            }
        }
    }

    /// What fits by itself and not together.
    fn check_together(&self, checks: &mut Checks) {
        let (schedule, detail) = match self.kind {
            Kind::Bonus {} => (
                matches!(self.schedule, Schedule::Monthly { .. }),
                "a bonus campaign runs monthly",
            ),
            Kind::Birthday { .. } => (
                matches!(self.schedule, Schedule::Daily {}),
                "a birthday campaign runs daily",
            ),
            Kind::Individual {} => (
                !matches!(self.schedule, Schedule::Daily {}),
                "an individual campaign runs once or monthly; only birthdays run daily",
            ),
        };
        checks.check(schedule, "/schedule", "not_possible", detail);
        let pays = self.kind == Kind::Bonus {} && matches!(self.voucher.worth, Worth::Amount { .. });
        let detail = "only vouchers of an amount in a bonus campaign cost points";
        let possible = self.voucher.cost_points.is_none() || pays;
        checks.check(possible, "/voucher/cost_points", "not_possible", detail);
        let late = "a voucher would be over before its letter can arrive: let it be valid for longer";
        match (self.voucher.validity, self.schedule) {
            (Validity::Dates { until, .. }, Schedule::Once { on }) => {
                let arrives = plus_days(on, LETTER_DAYS_MIN);
                checks.check(until >= arrives, "/voucher/validity/until", "never_redeemable", late);
            }
            (Validity::Days { after_start, days }, _) => {
                let last = after_start.saturating_add(days.saturating_sub(1));
                let arrives = self.letter_days();
                checks.check(last >= arrives, "/voucher/validity/days", "never_redeemable", late);
            }
            (Validity::Dates { .. }, Schedule::Monthly { .. } | Schedule::Daily {}) => {}
        }
    }

    /// Least days from a run to the arrival of its letters.
    fn letter_days(&self) -> u32 {
        let Kind::Birthday { lead, .. } = &self.kind else {
            return LETTER_DAYS_MIN;
        };
        let working_days = lead.printer_working_days.saturating_add(lead.post_working_days);
        // Five working days have a weekend among them.
        working_days.saturating_add((working_days / 5).saturating_mul(2))
    }

    fn check_limits(&self, checks: &mut Checks) {
        if let Some(budget_minor) = self.budget_minor {
            match self.face_per_member_minor() {
                None => {
                    let detail = "a budget needs vouchers of limited value: set the greatest discount";
                    let field = "/voucher/worth/max_discount_minor";
                    checks.check(false, field, "missing", detail);
                }
                Some(least) => {
                    let detail = "must be at least the value of one member's vouchers";
                    checks.check(budget_minor >= least, "/budget_minor", "out_of_range", detail);
                }
            }
        }
        let control = self.control_per_cent <= CONTROL_PER_CENT_MAX;
        checks.check(control, "/control_per_cent", "out_of_range", "must be 0 to 50 per cent");
        let rfmr = self
            .rfmr_minimum
            .is_none_or(|score| (-RFMR_MAX..=RFMR_MAX).contains(&score));
        let detail = "must be at most a thousand million points up or down";
        checks.check(rfmr, "/rfmr_minimum", "out_of_range", detail);
        checks.amount(self.letter_cost.printing_minor, 0, "/letter_cost/printing_minor");
        checks.amount(self.letter_cost.postage_minor, 0, "/letter_cost/postage_minor");
    }

    fn check_schedule(&self, checks: &mut Checks) {
        if let Schedule::Monthly { day } = self.schedule {
            let detail = "must be 1 to 28: a day that every month has";
            checks.check((1..=28).contains(&day), "/schedule/day", "out_of_range", detail);
        }
    }

    /// The most that one member's vouchers can take off, in minor units; `None` when only baskets limit it.
    pub fn face_per_member_minor(&self) -> Option<i64> {
        let face = self.voucher.worth.face_minor()?;
        // With the greatest amount and the most vouchers still far below the range.
        Some(face.saturating_mul(i64::from(self.voucher.per_member)))
    }
}

fn check_kind(kind: &Kind, checks: &mut Checks) {
    let Kind::Birthday {
        floor_minor,
        window_months,
        lead,
        ..
    } = kind
    else {
        return;
    };
    checks.amount(*floor_minor, 0, "/kind/floor_minor");
    let window = (1..=FLOOR_MONTHS_MAX).contains(window_months);
    checks.check(window, "/kind/window_months", "out_of_range", "must be 1 to 36 months");
    let Lead {
        printer_working_days,
        post_working_days,
        calendar,
    } = lead;
    for (days, field) in [
        (printer_working_days, "/kind/lead/printer_working_days"),
        (post_working_days, "/kind/lead/post_working_days"),
    ] {
        let detail = "must be 0 to 40 working days";
        checks.check(*days <= LEAD_DAYS_MAX, field, "out_of_range", detail);
    }
    checks.check(is_id(calendar), "/kind/lead/calendar", "malformed", ID);
}
