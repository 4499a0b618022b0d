//! Checks that several routes share.

use chrono::{Days, NaiveDate};
use domain::violation::Violation;
use http_edge::{Code, Problem, Request};

/// Most days of a range of dates: a leap year.
const RANGE_DAYS_MAX: i64 = 366;

/// A name for people.
pub(crate) fn name(text: &str, found: &mut Vec<Violation>) {
    let fits = !text.trim().is_empty() && text.chars().count() <= 60 && !text.chars().any(char::is_control);
    if !fits {
        found.push(Violation::new(
            "/name",
            "out_of_range",
            "must have 1 to 60 characters and no control characters",
        ));
    }
}

/// The value of a field that is an identifier.
pub(crate) fn id<T>(text: &str, pointer: impl Into<String>, found: &mut Vec<Violation>) -> Option<T>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match text.parse() {
        Ok(id) => Some(id),
        Err(error) => {
            found.push(Violation::new(pointer, "malformed", error.to_string()));
            None
        }
    }
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
