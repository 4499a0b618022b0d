//! Everything that may be wrong with a calendar.

use chrono::NaiveDate;
use domain::text;
use domain::violation::Violation;

use super::{HOLIDAYS_MAX, HolidayCalendar, WeekdayRule};
use crate::findings::{Checks, ID, is_id};

/// Longest name of a holiday, in characters.
const HOLIDAY_NAME_MAX: usize = 80;

impl HolidayCalendar {
    /// Everything that is wrong with the calendar, each with its place; `at` is the pointer of the calendar itself.
    pub fn violations(&self, at: &str) -> Vec<Violation> {
        let mut checks = Checks::at(at);
        checks.check(is_id(&self.name), "/name", "malformed", ID);
        let weekend = self.weekend.len() < 7 && self.weekend.iter().all(|day| (1..=7).contains(day));
        let detail = "must name at most 6 days of the week: 1 for Monday to 7 for Sunday";
        checks.check(weekend, "/weekend", "out_of_range", detail);
        let lists = [
            ("/fixed", self.fixed.len()),
            ("/easter", self.easter.len()),
            ("/weekdays", self.weekdays.len()),
            ("/extra", self.extra.len()),
        ];
        for (field, length) in lists {
            let detail = "must have at most 100 entries";
            checks.check(length <= HOLIDAYS_MAX, field, "too_many", detail);
        }
        for (index, holiday) in self.fixed.iter().enumerate() {
            // A leap year has every day that there is.
            let exists = NaiveDate::from_ymd_opt(2024, holiday.month, holiday.day).is_some();
            let detail = "must be a day of the year";
            checks.check(exists, &format!("/fixed/{index}"), "out_of_range", detail);
            checks.holiday_name(&format!("/fixed/{index}/name"), &holiday.name);
        }
        for (index, holiday) in self.easter.iter().enumerate() {
            let near = (-100..=100).contains(&holiday.offset);
            let detail = "must be -100 to 100 days from Easter Sunday";
            checks.check(near, &format!("/easter/{index}/offset"), "out_of_range", detail);
            checks.holiday_name(&format!("/easter/{index}/name"), &holiday.name);
        }
        for (index, rule) in self.weekdays.iter().enumerate() {
            let detail = "must name month 1 to 12, weekday 1 to 7, its number 1 to 5, and at most 31 days after it";
            checks.check(rule.is_sound(), &format!("/weekdays/{index}"), "out_of_range", detail);
            checks.holiday_name(&format!("/weekdays/{index}/name"), &rule.name);
        }
        for (index, holiday) in self.extra.iter().enumerate() {
            checks.holiday_name(&format!("/extra/{index}/name"), &holiday.name);
        }
        checks.found
    }
}

impl Checks {
    fn holiday_name(&mut self, field: &str, name: &str) {
        let detail = "must have 1 to 80 printable characters";
        self.check(text::is_line(name, HOLIDAY_NAME_MAX), field, "out_of_range", detail);
    }
}

impl WeekdayRule {
    fn is_sound(&self) -> bool {
        (1..=12).contains(&self.month)
            && (1..=5).contains(&self.nth)
            && (1..=7).contains(&self.weekday)
            && self.plus_days <= 31
    }
}
