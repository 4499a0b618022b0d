//! Working days of printer and post: calendars as data.

mod check;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use domain::calendar::{minus_days, plus_days};
use serde::{Deserialize, Serialize};

use crate::easter::easter_sunday;

/// Most entries of each list of a calendar.
pub const HOLIDAYS_MAX: usize = 100;
/// Most working days that are counted in one go; more than printer and post can take together.
pub const WORKING_DAYS_MAX: u32 = 80;
/// Longest run of days without a working day. A calendar with a longer one is a slip.
const CLOSED_DAYS_MAX: u32 = 31;

/// Which days are working days, for one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HolidayCalendar {
    /// 1 to 40 lower-case letters, digits and `-`; unique.
    pub name: String,
    /// Days of the week on which nobody works: 1 is Monday, 7 is Sunday.
    pub weekend: Vec<u32>,
    /// Holidays with the same date in each year.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<FixedDay>,
    /// Holidays that move with Easter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub easter: Vec<DaysFromEaster>,
    /// Holidays that follow a weekday of a month.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<WeekdayRule>,
    /// Single days, such as a closure of the printer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<ExtraDay>,
    /// Last day for which the calendar is known; later ones are not planned with it.
    pub until: NaiveDate,
}

/// A holiday with the same date in each year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FixedDay {
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// Its name.
    pub name: String,
}

/// A holiday that moves with Easter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DaysFromEaster {
    /// Days from Easter Sunday: -2 is Good Friday, 39 Ascension, 50 Whit Monday, 60 Corpus Christi; -100 to 100.
    pub offset: i32,
    /// Its name.
    pub name: String,
}

/// A holiday that follows a weekday of a month: the Thursday after the first Sunday of September is four days after the first
/// seventh weekday of month 9.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WeekdayRule {
    /// 1 to 12.
    pub month: u32,
    /// Which one of its weekdays, 1 to 5; where a month has no fifth one there is no holiday.
    pub nth: u32,
    /// 1 is Monday, 7 is Sunday.
    pub weekday: u32,
    /// Days after that weekday, 0 to 31.
    #[serde(default)]
    pub plus_days: u32,
    /// Its name.
    pub name: String,
}

/// A single day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtraDay {
    /// The day.
    pub date: NaiveDate,
    /// Why nobody works.
    pub name: String,
}

/// Why working days cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPlannable {
    /// The calendar ends before a day that is needed.
    #[error(
        "the calendar {calendar} is known until {until} only, and {day} is needed: add its holidays and set a later end"
    )]
    CalendarEnds {
        /// Its name.
        calendar: String,
        /// Its last day.
        until: NaiveDate,
        /// The day that is needed.
        day: NaiveDate,
    },
    /// Nobody works for more than a month.
    #[error("the calendar {calendar} has no working day within 31 days of {day}: mend its weekend and holidays")]
    Closed {
        /// Its name.
        calendar: String,
        /// Where the search began.
        day: NaiveDate,
    },
    /// More working days than are counted.
    #[error("at most 80 working days can be counted: shorten the lead")]
    TooLong,
}

/// Which way days are counted.
#[derive(Clone, Copy)]
enum Way {
    Back,
    On,
}

impl HolidayCalendar {
    /// The name of the holiday on this day, if it is one. A weekend is none.
    pub fn holiday(&self, day: NaiveDate) -> Option<&str> {
        let fixed = self
            .fixed
            .iter()
            .filter(|holiday| (holiday.month, holiday.day) == (day.month(), day.day()));
        let easter = self.easter.iter().filter(|holiday| holiday.falls_on(day));
        let weekdays = self.weekdays.iter().filter(|rule| rule.falls_on(day));
        let extra = self.extra.iter().filter(|holiday| holiday.date == day);
        let names = fixed.map(|holiday| &holiday.name);
        let names = names.chain(easter.map(|holiday| &holiday.name));
        let names = names.chain(weekdays.map(|rule| &rule.name));
        names
            .chain(extra.map(|holiday| &holiday.name))
            .next()
            .map(String::as_str)
    }

    /// Whether printer and post work on this day.
    ///
    /// # Errors
    /// [`NotPlannable::CalendarEnds`] for a day after the calendar's last one.
    pub fn working_day(&self, day: NaiveDate) -> Result<bool, NotPlannable> {
        if day > self.until {
            return Err(NotPlannable::CalendarEnds {
                calendar: self.name.clone(),
                until: self.until,
                day,
            });
        }
        let weekend = self.weekend.contains(&day.weekday().number_from_monday());
        Ok(!weekend && self.holiday(day).is_none())
    }

    /// The last working day on or before this day.
    ///
    /// # Errors
    /// [`NotPlannable`] when the calendar does not reach so far, or has no such day within a month.
    pub fn working_day_until(&self, day: NaiveDate) -> Result<NaiveDate, NotPlannable> {
        self.first_working(day, Way::Back)
    }

    /// The first working day on or after this day.
    ///
    /// # Errors
    /// As [`HolidayCalendar::working_day_until`].
    pub fn working_day_from(&self, day: NaiveDate) -> Result<NaiveDate, NotPlannable> {
        self.first_working(day, Way::On)
    }

    /// The `count`-th working day before this day, which need not be one itself; the day itself for 0.
    ///
    /// # Errors
    /// As [`HolidayCalendar::working_day_until`], and for more than [`WORKING_DAYS_MAX`].
    pub fn minus_working_days(&self, day: NaiveDate, count: u32) -> Result<NaiveDate, NotPlannable> {
        self.move_by(day, count, Way::Back)
    }

    /// The `count`-th working day after this day, which need not be one itself; the day itself for 0.
    ///
    /// # Errors
    /// As [`HolidayCalendar::minus_working_days`].
    pub fn plus_working_days(&self, day: NaiveDate, count: u32) -> Result<NaiveDate, NotPlannable> {
        self.move_by(day, count, Way::On)
    }

    fn move_by(&self, day: NaiveDate, count: u32, way: Way) -> Result<NaiveDate, NotPlannable> {
        if count > WORKING_DAYS_MAX {
            return Err(NotPlannable::TooLong);
        }
        (0..count).try_fold(day, |day, _| self.first_working(stepped(day, way), way))
    }

    fn first_working(&self, from: NaiveDate, way: Way) -> Result<NaiveDate, NotPlannable> {
        let mut day = from;
        for _ in 0..=CLOSED_DAYS_MAX {
            if self.working_day(day)? {
                return Ok(day);
            }
            day = stepped(day, way);
        }
        Err(NotPlannable::Closed {
            calendar: self.name.clone(),
            day: from,
        })
    }
}

fn stepped(day: NaiveDate, way: Way) -> NaiveDate {
    match way {
        Way::Back => minus_days(day, 1),
        Way::On => plus_days(day, 1),
    }
}

impl DaysFromEaster {
    fn falls_on(&self, day: NaiveDate) -> bool {
        let easter = TimeDelta::try_days(i64::from(self.offset)).and_then(|offset| day.checked_sub_signed(offset));
        // The year is that of Easter, not of the holiday.
        easter.is_some_and(|easter| easter_sunday(easter.year()) == Some(easter))
    }
}

impl WeekdayRule {
    fn falls_on(&self, day: NaiveDate) -> bool {
        let anchor = minus_days(day, self.plus_days);
        self.anchor(anchor.year()) == Some(anchor)
    }

    /// The weekday of this year from which the holiday is counted.
    fn anchor(&self, year: i32) -> Option<NaiveDate> {
        let number = self
            .weekday
            .checked_sub(1)
            .and_then(|number| u8::try_from(number).ok())?;
        let weekday = Weekday::try_from(number).ok()?;
        NaiveDate::from_weekday_of_month_opt(year, self.month, weekday, u8::try_from(self.nth).ok()?)
    }
}
