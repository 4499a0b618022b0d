//! When the file of a birthday must be out, and which birthdays a day's file is for (N9, X14).
//!
//! The letter arrives on the last working day on or before the birthday. From the day of the file on, the printer has its
//! working days and then the post has its own; both are counted in one calendar. The day of the file itself counts for neither,
//! so the file may go out at any hour of it. Birthdays on weekends and holidays come with those of the working day before.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};
use domain::calendar::{minus_days, plus_days};

use crate::campaign::{Lead, LeapDay};
use crate::holidays::{HolidayCalendar, NotPlannable};

/// Least age in full years of a birth date that is believed: a member must be of an age to join.
pub const AGE_MIN: u32 = 16;
/// Greatest one.
pub const AGE_MAX: u32 = 115;

/// Dates that systems write when they know none: the first days of the century and of Unix time. A tenant whose systems write
/// others gives a list of its own. Those born on such a day get no letter either; support can tell them.
pub const PLACEHOLDERS: [NaiveDate; 2] = [first_of_january(1900), first_of_january(1970)];

const fn first_of_january(year: i32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, 1, 1) {
        Some(day) => day,
        None => NaiveDate::MIN,
    }
}

/// Why a birth date is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Implausible {
    /// It stands for an unknown one.
    Placeholder,
    /// Less than [`AGE_MIN`] full years ago, or yet to come.
    TooYoung,
    /// More than [`AGE_MAX`] full years ago.
    TooOld,
}

/// Whether a birth date is not to be believed on `today`, and why; `placeholders` are the dates that stand for an unknown one.
pub fn implausible(birth_date: NaiveDate, today: NaiveDate, placeholders: &[NaiveDate]) -> Option<Implausible> {
    if placeholders.contains(&birth_date) {
        return Some(Implausible::Placeholder);
    }
    match today.years_since(birth_date) {
        Some(AGE_MIN..=AGE_MAX) => None,
        Some(age) if age > AGE_MAX => Some(Implausible::TooOld),
        Some(_) | None => Some(Implausible::TooYoung),
    }
}

/// The birthday in a year of somebody born on `birth_date`.
pub fn birthday_in(year: i32, birth_date: NaiveDate, leap_day: LeapDay) -> NaiveDate {
    let (month, day) = match leap_day {
        LeapDay::Feb28 => (2, 28),
        LeapDay::Mar1 => (3, 1),
    };
    // Only 29 February is missing in some years; every other day is in all.
    birth_date
        .with_year(year)
        .or_else(|| NaiveDate::from_ymd_opt(year, month, day))
        .unwrap_or(birth_date)
}

/// The birthday that lies within these days, which may cross the end of a year but are fewer than a year.
pub fn birthday_within(
    days: &RangeInclusive<NaiveDate>,
    birth_date: NaiveDate,
    leap_day: LeapDay,
) -> Option<NaiveDate> {
    let years = [days.start().year(), days.end().year()];
    let birthdays = years.map(|year| birthday_in(year, birth_date, leap_day));
    birthdays.into_iter().find(|birthday| days.contains(birthday))
}

/// Working days from the file to the letter box.
const fn working_days(lead: &Lead) -> u32 {
    lead.printer_working_days.saturating_add(lead.post_working_days)
}

/// The latest day on which the file must be out, so that the letter arrives on the last working day on or before the birthday.
/// Always a working day.
///
/// # Errors
/// [`NotPlannable`] when the calendar does not reach so far.
pub fn handover_day(birthday: NaiveDate, lead: &Lead, calendar: &HolidayCalendar) -> Result<NaiveDate, NotPlannable> {
    let arrival = calendar.working_day_until(birthday)?;
    calendar.minus_working_days(arrival, working_days(lead))
}

/// The birthdays whose file must go out on `today`: from the day on which the letters arrive to the day before the next working
/// day. Empty when `today` is not a working day. Every birthday is in the range of exactly one day, its [`handover_day`].
///
/// # Errors
/// [`NotPlannable`] when the calendar does not reach to the working day after the arrival.
pub fn due(
    today: NaiveDate,
    calendar: &HolidayCalendar,
    lead: &Lead,
) -> Result<RangeInclusive<NaiveDate>, NotPlannable> {
    if !calendar.working_day(today)? {
        return Ok(today..=minus_days(today, 1));
    }
    let arrival = calendar.plus_working_days(today, working_days(lead))?;
    let next = calendar.working_day_from(plus_days(arrival, 1))?;
    Ok(arrival..=minus_days(next, 1))
}
