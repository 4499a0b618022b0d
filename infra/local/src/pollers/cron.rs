//! Schedule expressions of EventBridge Scheduler: `rate(5 minutes)`, `cron(0 10 ? * MON-FRI *)`, `at(2026-12-01T10:00:00)`.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// Years searched for the next time: leap days of a weekday come again within 28, centuries excepted.
const YEARS_MAX: i32 = 40;

/// A checked expression with its time zone.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    zone: Tz,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Rate(Duration),
    At(NaiveDateTime),
    Cron(Box<Cron>),
}

#[derive(Debug, Clone)]
struct Cron {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    months: BTreeSet<u32>,
    years: BTreeSet<u32>,
    day: Day,
}

/// Day of month or day of week: one of the two fields is `?`.
#[derive(Debug, Clone)]
enum Day {
    OfMonth(BTreeSet<u32>),
    LastOfMonth,
    NearestWeekday(u32),
    /// 1 is Sunday.
    OfWeek(BTreeSet<u32>),
    LastWeekday(u32),
    NthWeekday {
        day: u32,
        n: u32,
    },
}

impl Expression {
    /// Reads an expression; `zone` is an IANA name.
    pub(super) fn parse(text: &str, zone: &str) -> Result<Self, String> {
        let zone: Tz = zone.parse().map_err(|_| format!("{zone} is not an IANA time zone"))?;
        let inner = |prefix: &str| {
            text.strip_prefix(prefix)
                .and_then(|rest| rest.strip_suffix(')'))
                .map(str::trim)
        };
        let kind = if let Some(rate) = inner("rate(") {
            Kind::Rate(parse_rate(rate)?)
        } else if let Some(at) = inner("at(") {
            let time = NaiveDateTime::parse_from_str(at, "%Y-%m-%dT%H:%M:%S");
            Kind::At(time.map_err(|error| format!("{text}: {error}"))?)
        } else if let Some(cron) = inner("cron(") {
            Kind::Cron(Box::new(Cron::parse(cron)?))
        } else {
            return Err(format!("{text} is not rate(…), cron(…) or at(…)"));
        };
        Ok(Self { zone, kind })
    }

    /// The first time after `after`; `start` is when the schedule was created, from which rates count.
    pub(super) fn next(&self, start: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.kind {
            Kind::Rate(rate) => {
                let passed = (after - start).num_milliseconds().max(0);
                let periods = passed.checked_div(rate.num_milliseconds())? + 1;
                Some(start + Duration::milliseconds(periods.checked_mul(rate.num_milliseconds())?))
            }
            Kind::At(local) => resolve(self.zone, *local).filter(|time| *time > after),
            Kind::Cron(cron) => cron.next(self.zone, after),
        }
    }
}

/// The moment of a local time. A time the clocks skip in spring does not exist and is left out; of a time they repeat in
/// autumn the first one counts, so that a schedule fires once.
fn resolve(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    zone.from_local_datetime(&local)
        .earliest()
        .map(|time| time.with_timezone(&Utc))
}

fn parse_rate(text: &str) -> Result<Duration, String> {
    let wrong = || format!("rate({text}): expected a number and minutes, hours or days");
    let (number, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let number = number
        .parse::<i64>()
        .ok()
        .filter(|n| (1..=1_000_000).contains(n))
        .ok_or_else(wrong)?;
    match unit.trim() {
        "minute" | "minutes" => Ok(Duration::minutes(number)),
        "hour" | "hours" => Ok(Duration::hours(number)),
        "day" | "days" => Ok(Duration::days(number)),
        _ => Err(wrong()),
    }
}

impl Cron {
    fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, day_of_month, months, day_of_week, years] = fields[..] else {
            return Err(format!("cron({text}): expected six fields"));
        };
        const MONTHS: [&str; 12] = [
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ];
        let day = match (day_of_month, day_of_week) {
            (days, "?") => parse_day_of_month(days)?,
            ("?", days) => parse_day_of_week(days)?,
            _ => return Err(format!("cron({text}): one of day-of-month and day-of-week must be ?")),
        };
        Ok(Self {
            minutes: set(minutes, 0, 59, &[])?,
            hours: set(hours, 0, 23, &[])?,
            months: set(months, 1, 12, &MONTHS)?,
            years: set(years, 1970, 2199, &[])?,
            day,
        })
    }

    fn next(&self, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&zone).naive_local();
        // One day back: in autumn, local times can be earlier than `after` although the moment is later.
        let mut date = local.date().pred_opt()?;
        let last_year = date.year() + YEARS_MAX;
        while date.year() <= last_year {
            let year = u32::try_from(date.year()).ok()?;
            if !self.years.contains(&year) {
                date = NaiveDate::from_ymd_opt(date.year() + 1, 1, 1)?;
                continue;
            }
            if self.months.contains(&date.month()) && self.day.matches(date) {
                for hour in &self.hours {
                    for minute in &self.minutes {
                        let local = NaiveDateTime::new(date, NaiveTime::from_hms_opt(*hour, *minute, 0)?);
                        if let Some(time) = resolve(zone, local).filter(|time| *time > after) {
                            return Some(time);
                        }
                    }
                }
            }
            date = date.succ_opt()?;
        }
        None
    }
}

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

fn parse_day_of_month(text: &str) -> Result<Day, String> {
    if text == "L" {
        return Ok(Day::LastOfMonth);
    }
    if let Some(day) = text.strip_suffix('W') {
        return value(day, 1, 31, &[]).map(Day::NearestWeekday);
    }
    set(text, 1, 31, &[]).map(Day::OfMonth)
}

fn parse_day_of_week(text: &str) -> Result<Day, String> {
    if text == "L" {
        return Ok(Day::OfWeek(BTreeSet::from([7])));
    }
    if let Some(day) = text.strip_suffix('L') {
        return value(day, 1, 7, &WEEKDAYS).map(Day::LastWeekday);
    }
    if let Some((day, n)) = text.split_once('#') {
        let (day, n) = (value(day, 1, 7, &WEEKDAYS)?, value(n, 1, 5, &[])?);
        return Ok(Day::NthWeekday { day, n });
    }
    set(text, 1, 7, &WEEKDAYS).map(Day::OfWeek)
}

impl Day {
    fn matches(&self, date: NaiveDate) -> bool {
        let week_day = date.weekday().num_days_from_sunday() + 1;
        let last = last_day(date);
        match self {
            Self::OfMonth(days) => days.contains(&date.day()),
            Self::LastOfMonth => date.day() == last,
            Self::NearestWeekday(day) => nearest_weekday(date, *day) == Some(date.day()),
            Self::OfWeek(days) => days.contains(&week_day),
            Self::LastWeekday(day) => week_day == *day && date.day() + 7 > last,
            Self::NthWeekday { day, n } => week_day == *day && (date.day() - 1) / 7 + 1 == *n,
        }
    }
}

fn last_day(date: NaiveDate) -> u32 {
    let next = if date.month() == 12 {
        (date.year() + 1, 1)
    } else {
        (date.year(), date.month() + 1)
    };
    NaiveDate::from_ymd_opt(next.0, next.1, 1)
        .and_then(|first| first.pred_opt())
        .map_or(28, |day| day.day())
}

/// The weekday nearest to a day, in the same month.
fn nearest_weekday(date: NaiveDate, day: u32) -> Option<u32> {
    let last = last_day(date);
    let wanted = NaiveDate::from_ymd_opt(date.year(), date.month(), day)?;
    Some(match wanted.weekday() {
        chrono::Weekday::Sat if day > 1 => day - 1,
        chrono::Weekday::Sat => day + 2,
        chrono::Weekday::Sun if day < last => day + 1,
        chrono::Weekday::Sun => day - 2,
        _ => day,
    })
}

fn value(text: &str, min: u32, max: u32, names: &[&str]) -> Result<u32, String> {
    let named = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
        .and_then(|i| u32::try_from(i).ok());
    let number = named.map(|i| i + 1).or_else(|| text.parse().ok());
    number
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| format!("cron: {text} is not between {min} and {max}"))
}

/// A field: `*`, values, ranges and steps, separated by commas.
fn set(text: &str, min: u32, max: u32, names: &[&str]) -> Result<BTreeSet<u32>, String> {
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, value(step, 1, max.max(1), &[])?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, to)) => (value(from, min, max, names)?, value(to, min, max, names)?),
            None => {
                let from = value(range, min, max, names)?;
                (from, if part.contains('/') { max } else { from })
            }
        };
        if from <= to {
            values.extend((from..=to).step_by(step as usize));
        } else {
            // FRI-MON goes over the end of the week.
            values.extend((from..=max).chain(min..=to).step_by(step as usize));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn next(expression: &str, zone: &str, after: &str) -> String {
        let expression = Expression::parse(expression, zone).expect("an expression");
        let next = expression
            .next(utc("2026-01-01T00:00:00Z"), utc(after))
            .expect("a time");
        next.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    #[test]
    fn cron_is_read_in_its_time_zone() {
        let daily = "cron(0 3 * * ? *)";
        assert_eq!(
            next(daily, "Europe/Zurich", "2026-01-10T12:00:00Z"),
            "2026-01-11T02:00:00Z"
        );
        assert_eq!(
            next(daily, "Europe/Zurich", "2026-07-10T12:00:00Z"),
            "2026-07-11T01:00:00Z"
        );
        assert_eq!(
            next("cron(0/15 8-9 ? * MON-FRI *)", "UTC", "2026-11-20T09:45:00Z"),
            "2026-11-23T08:00:00Z"
        );
    }

    #[test]
    fn a_time_that_spring_skips_is_left_out_and_one_that_autumn_repeats_fires_once() {
        let daily = "cron(30 2 * * ? *)";
        // 29 March 2026: 02:00 becomes 03:00 in Zurich.
        assert_eq!(
            next(daily, "Europe/Zurich", "2026-03-28T12:00:00Z"),
            "2026-03-30T00:30:00Z"
        );
        // 25 October 2026: 02:30 comes twice; after the first the next is a day later.
        assert_eq!(
            next(daily, "Europe/Zurich", "2026-10-24T12:00:00Z"),
            "2026-10-25T00:30:00Z"
        );
        assert_eq!(
            next(daily, "Europe/Zurich", "2026-10-25T00:30:00Z"),
            "2026-10-26T01:30:00Z"
        );
    }

    #[test]
    fn special_days_are_found() {
        assert_eq!(
            next("cron(0 0 L * ? *)", "UTC", "2028-02-01T00:00:00Z"),
            "2028-02-29T00:00:00Z"
        );
        assert_eq!(
            next("cron(0 0 ? * 6L *)", "UTC", "2026-11-01T00:00:00Z"),
            "2026-11-27T00:00:00Z"
        );
        assert_eq!(
            next("cron(0 0 ? * MON#1 *)", "UTC", "2026-11-03T00:00:00Z"),
            "2026-12-07T00:00:00Z"
        );
        // 15 August 2026 is a Saturday.
        assert_eq!(
            next("cron(0 0 15W 8 ? *)", "UTC", "2026-01-01T00:00:00Z"),
            "2026-08-14T00:00:00Z"
        );
        assert_eq!(
            next("cron(0 0 ? * FRI-MON *)", "UTC", "2026-11-24T00:00:00Z"),
            "2026-11-27T00:00:00Z"
        );
    }

    #[test]
    fn rates_count_from_the_start_and_at_fires_once() {
        assert_eq!(
            next("rate(5 minutes)", "UTC", "2026-01-01T00:07:00Z"),
            "2026-01-01T00:10:00Z"
        );
        assert_eq!(
            next("at(2026-06-01T10:00:00)", "Europe/Vienna", "2026-01-01T00:00:00Z"),
            "2026-06-01T08:00:00Z"
        );
        let at = Expression::parse("at(2026-06-01T10:00:00)", "UTC").expect("an expression");
        assert_eq!(at.next(utc("2026-01-01T00:00:00Z"), utc("2026-06-01T10:00:00Z")), None);
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in [
            "every day",
            "rate(0 minutes)",
            "rate(5 weeks)",
            "cron(0 3 * * *)",
            "cron(0 3 1 * 2 *)",
            "cron(60 3 * * ? *)",
        ] {
            assert!(Expression::parse(text, "UTC").is_err(), "{text}");
        }
        assert!(Expression::parse("rate(1 day)", "Europe/Atlantis").is_err());
    }
}
