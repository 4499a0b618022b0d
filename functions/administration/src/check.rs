//! Checks that several routes share.

use chrono::{Days, NaiveDate};
use domain::text;
use http_edge::{Code, Findings, Problem, Request};
use serde_json::json;

/// Most days of a range of dates: a leap year.
const RANGE_DAYS_MAX: i64 = 366;

/// Longest name, in characters.
const NAME_MAX: usize = 60;

/// A name for people.
pub(crate) fn name(text: &str, found: &mut Findings) {
    if !text::is_line(text, NAME_MAX) {
        found.add("/name", "out_of_range", "must have 1 to 60 printable characters");
    }
}

/// The version that comes after the stored one. Whoever changes something says which version they have seen (of something
/// new: none, or 0), so that nobody undoes what they know nothing of.
pub(crate) fn next_version(stored: Option<u64>, expected: Option<u64>) -> Result<u64, Problem> {
    let stored = stored.unwrap_or(0);
    if expected.unwrap_or(0) == stored {
        return Ok(stored.saturating_add(1));
    }
    let detail = match expected {
        Some(expected) => format!("version {stored} is stored, not {expected}"),
        None => {
            format!("version {stored} is stored: read it, and repeat the change with its number as expected_version")
        }
    };
    Err(Problem::new(Code::ConcurrentChange, detail).with("current_version", json!(stored)))
}

/// A range of days, both included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DayRange {
    pub(crate) from: NaiveDate,
    pub(crate) to: NaiveDate,
}

impl DayRange {
    /// The query parameters `from` and `to`.
    pub(crate) fn of(request: &Request) -> Result<Self, Problem> {
        let (from, to) = (date(request, "from")?, date(request, "to")?);
        let days = to.signed_duration_since(from).num_days().saturating_add(1);
        if (1..=RANGE_DAYS_MAX).contains(&days) {
            Ok(Self { from, to })
        } else {
            Err(Problem::new(
                Code::MalformedParameter,
                format!("from, to: must be 1 to {RANGE_DAYS_MAX} days in order"),
            ))
        }
    }

    /// The rest of the range from `first` on, or the problem of a token that leads out of it.
    pub(crate) fn since(self, first: NaiveDate) -> Result<Self, Problem> {
        if (self.from..=self.to).contains(&first) {
            Ok(Self { from: first, ..self })
        } else {
            Err(Problem::new(
                Code::MalformedParameter,
                "next: belongs to another range of days; repeat from and to of the first call",
            ))
        }
    }

    /// The days in order.
    pub(crate) fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take_while(move |day| *day <= self.to)
    }
}

/// The day after; the last day of the calendar has itself.
pub(crate) fn day_after(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

fn date(request: &Request, name: &str) -> Result<NaiveDate, Problem> {
    let text: String = request.required_query(name)?;
    // chrono also reads years of other lengths; keys hold dates of ten characters.
    let parsed = text.parse().ok().filter(|_| text.len() == 10);
    parsed.ok_or_else(|| {
        Problem::new(
            Code::MalformedParameter,
            format!("{name}: must be a date such as 2026-11-22"),
        )
    })
}
