//! Findings about fields, gathered under one place.

use domain::money::AMOUNT_MAX;
use domain::violation::Violation;

use crate::check::ID_MAX;

pub(crate) const ID: &str = "must have 1 to 40 lower-case letters, digits or -";

/// Findings, gathered under one place.
pub(crate) struct Checks {
    at: String,
    pub(crate) found: Vec<Violation>,
}

impl Checks {
    pub(crate) fn at(at: &str) -> Self {
        Self {
            at: at.to_owned(),
            found: Vec::new(),
        }
    }

    pub(crate) fn check(&mut self, ok: bool, field: &str, code: &'static str, detail: &str) {
        if !ok {
            self.found
                .push(Violation::new(format!("{}{field}", self.at), code, detail));
        }
    }

    pub(crate) fn amount(&mut self, amount_minor: i64, least: i64, field: &str) {
        let detail = format!("must be {least} to {AMOUNT_MAX} minor units");
        self.check(
            (least..=AMOUNT_MAX).contains(&amount_minor),
            field,
            "out_of_range",
            &detail,
        );
    }
}

/// Whether a text is 1 to [`ID_MAX`] lower-case letters, digits and `-`.
pub(crate) fn is_id(text: &str) -> bool {
    let of_an_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=ID_MAX).contains(&text.len()) && text.chars().all(of_an_id)
}
