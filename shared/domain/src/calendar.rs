//! Business days: local dates in a programme's time zone.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Offset, Utc};
use chrono_tz::Tz;

/// The business day at an instant: the calendar date in the programme's zone. Within a day of the ends of the calendar it is that of
/// UTC: an instant may be what somebody else has written.
pub fn business_day(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    let utc = now.naive_utc();
    let offset = now.with_timezone(&zone).offset().fix();
    utc.checked_add_offset(offset).unwrap_or(utc).date()
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

/// The same day `months` later, or the last day of a month that is too short: 31 January and one month is 28 February.
pub fn plus_months(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// The last day of the month of `day`.
pub fn end_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1)
        .and_then(|first| first.checked_add_months(Months::new(1)))
        .and_then(|next| next.pred_opt())
        .unwrap_or(day)
}

/// 31 December of the year of `day`.
pub fn end_of_year(day: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(day.year(), 12, 31).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_more_than_31_january_is_the_last_day_of_february() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(plus_months(day("2026-01-31"), 1), day("2026-02-28"));
        assert_eq!(plus_months(day("2028-01-31"), 1), day("2028-02-29"));
        assert_eq!(plus_months(day("2026-08-31"), 24), day("2028-08-31"));
        assert_eq!(end_of_month(day("2028-02-01")), day("2028-02-29"));
        assert_eq!(end_of_month(day("2026-12-31")), day("2026-12-31"));
        assert_eq!(end_of_year(day("2026-03-01")), day("2026-12-31"));
    }

    #[test]
    fn the_ends_of_the_calendar_have_business_days_too() {
        for zone in [chrono_tz::Pacific::Auckland, chrono_tz::America::Los_Angeles] {
            assert_eq!(
                business_day(DateTime::<Utc>::MAX_UTC, zone).year(),
                NaiveDate::MAX.year()
            );
            assert_eq!(
                business_day(DateTime::<Utc>::MIN_UTC, zone).year(),
                NaiveDate::MIN.year()
            );
        }
    }

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
