//! Calendar months, in which finance closes its books.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::calendar;

/// How long after its end a month is over for the books. An entry carries the time at which the batch began that stored it: one
/// from before midnight can be stored some minutes later.
const OVER_AFTER: TimeDelta = TimeDelta::hours(1);

/// A calendar month, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(NaiveDate);

/// A text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month is a year of four digits, a dash and 01 to 12, such as 2026-11")]
pub struct InvalidMonth;

impl Month {
    /// The month that `day` lies in.
    pub fn of(day: NaiveDate) -> Self {
        // The first day of a month exists in every month.
        Self(day.with_day(1).unwrap_or(day))
    }

    /// The last month whose books can be made at `now`: it ended in this zone an hour ago, or earlier.
    pub fn latest_over(now: DateTime<Utc>, zone: Tz) -> Self {
        let surely = now.checked_sub_signed(OVER_AFTER).unwrap_or(now);
        Self::of(calendar::business_day(surely, zone)).before()
    }

    /// Its first day.
    pub fn first(self) -> NaiveDate {
        self.0
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        calendar::end_of_month(self.0)
    }

    /// The month before this one.
    #[must_use]
    pub fn before(self) -> Self {
        Self::of(calendar::minus_days(self.0, 1))
    }

    /// Whether `at` is on one of its days in this zone.
    pub fn holds(self, at: DateTime<Utc>, zone: Tz) -> bool {
        Self::of(calendar::business_day(at, zone)) == self
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let first: NaiveDate = format!("{text}-01").parse().map_err(|_| InvalidMonth)?;
        let month = Self(first);
        // One spelling only: two would be two reports.
        if month.to_string() == text {
            Ok(month)
        } else {
            Err(InvalidMonth)
        }
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}
