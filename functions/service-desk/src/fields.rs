//! Texts become values, or findings.

use chrono::NaiveDate;
use domain::money::{AMOUNT_MAX, Money};
use domain::secret::Secret;
use domain::text;
use http_edge::{Findings, client_token};
use store::desk::{Outcome, Prospect};

/// Longest title, in characters.
const TITLE_MAX: usize = 120;
/// Longest text, in characters.
const TEXT_MAX: usize = 4_000;

/// Checks a title.
pub(crate) fn title(pointer: &str, title: &Secret, found: &mut Findings) {
    if !text::is_line(title.as_str(), TITLE_MAX) {
        found.add(pointer, "out_of_range", "must have 1 to 120 printable characters");
    }
}

/// Checks a text of several lines.
pub(crate) fn long_text(pointer: &str, value: &Secret, found: &mut Findings) {
    let value = value.as_str();
    let shown = value.lines().all(text::is_printable) && !value.trim().is_empty();
    if !shown || value.chars().count() > TEXT_MAX {
        let detail = "must have 1 to 4000 printable characters, line breaks among them";
        found.add(pointer, "out_of_range", detail);
    }
}

/// Checks a token.
pub(crate) fn token(token: &str, found: &mut Findings) {
    if !client_token::is_valid(token) {
        found.add("/client_token", "malformed", client_token::RULE);
    }
}

/// Reads a date of the years 2000 to 2199.
pub(crate) fn date(pointer: &str, text: &str, found: &mut Findings) -> Option<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    let last = NaiveDate::from_ymd_opt(2199, 12, 31)?;
    let date = text
        .parse::<NaiveDate>()
        .ok()
        .filter(|date| (first..=last).contains(date));
    if date.is_none() {
        found.add(
            pointer,
            "malformed",
            "must be a date YYYY-MM-DD of the years 2000 to 2199",
        );
    }
    date
}

/// What of an opportunity a body says.
pub(crate) struct Said<'a> {
    pub(crate) stage: &'a str,
    pub(crate) outcome: &'a str,
    pub(crate) value: Money,
    pub(crate) probability: u8,
    pub(crate) close_on: &'a str,
}

/// Reads how an opportunity stands.
pub(crate) fn prospect(said: &Said<'_>, found: &mut Findings) -> Option<Prospect> {
    let stage = found.field("/stage", said.stage);
    let outcome = [Outcome::Open, Outcome::Won, Outcome::Lost];
    let outcome = outcome.into_iter().find(|outcome| outcome.as_str() == said.outcome);
    if outcome.is_none() {
        found.add("/outcome", "malformed", "an outcome is one of open, won, lost");
    }
    if !(0..=AMOUNT_MAX).contains(&said.value.amount_minor) {
        let detail = format!("must be 0 to {AMOUNT_MAX}");
        found.add("/value/amount_minor", "amount_out_of_range", detail);
    }
    if said.probability > 100 {
        found.add("/probability", "out_of_range", "must be 0 to 100");
    }
    let close_on = date("/close_on", said.close_on, found);
    Some(Prospect {
        stage: stage?,
        outcome: outcome?,
        value: said.value,
        probability: said.probability,
        close_on: close_on?,
    })
}
