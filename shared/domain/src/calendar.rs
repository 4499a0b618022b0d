//! Business days: local dates in a programme's time zone.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

/// The business day at an instant: the calendar date in the programme's zone.
pub fn business_day(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// `day` plus `days`, the last day of the calendar where that would run out of it.
pub fn plus_days(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(u64::from(days)))
        .unwrap_or(NaiveDate::MAX)
}

/// `day` minus `days`, the first day of the calendar where that would run out of it.
pub fn minus_days(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_sub_days(Days::new(u64::from(days)))
        .unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_day_ends_at_local_midnight_also_when_the_clocks_change() {
        let zone = chrono_tz::Europe::Zurich;
        let day = |text: &str| business_day(text.parse().unwrap(), zone).to_string();
        assert_eq!(day("2026-03-28T22:59:59Z"), "2026-03-28");
        assert_eq!(day("2026-03-28T23:00:00Z"), "2026-03-29");
        assert_eq!(day("2026-03-29T21:59:59Z"), "2026-03-29", "23-hour day");
        assert_eq!(day("2026-03-29T22:00:00Z"), "2026-03-30", "23-hour day");
        assert_eq!(day("2026-10-25T22:59:59Z"), "2026-10-25", "25-hour day");
        assert_eq!(day("2026-10-25T23:00:00Z"), "2026-10-26", "25-hour day");
    }
}
