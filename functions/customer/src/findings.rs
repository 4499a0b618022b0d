//! Everything wrong with a body, collected so that the caller can mend it at once.

use std::fmt::Display;
use std::str::FromStr;

use domain::card::CardNumber;
use domain::violation::Violation;
use http_edge::{Problem, client_token};
use store::party::Personal;

#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Violation>);

impl Findings {
    /// Notes a finding.
    pub(crate) fn add(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.0.push(Violation::new(pointer, code, detail));
    }

    /// Reads a field.
    pub(crate) fn field<T: FromStr<Err: Display>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        self.coded(pointer, "malformed", text)
    }

    /// Reads a card number.
    pub(crate) fn card(&mut self, pointer: &str, text: &Personal) -> Option<CardNumber> {
        self.coded(pointer, "card_malformed", text.as_str())
    }

    /// Reads a token that the caller made up.
    pub(crate) fn token<'a>(&mut self, pointer: &str, text: &'a str) -> Option<&'a str> {
        if client_token::is_valid(text) {
            return Some(text);
        }
        self.add(pointer, "malformed", client_token::RULE);
        None
    }

    fn coded<T: FromStr<Err: Display>>(&mut self, pointer: &str, code: &'static str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(pointer, code, error.to_string());
                None
            }
        }
    }

    /// Reads the only field of a body.
    ///
    /// # Errors
    /// [`http_edge::Code::Invalid`].
    pub(crate) fn only<T: FromStr<Err: Display>>(pointer: &str, text: &str) -> Result<T, Problem> {
        text.parse()
            .map_err(|error: T::Err| Problem::invalid(vec![Violation::new(pointer, "malformed", error.to_string())]))
    }

    /// The problem with all findings.
    ///
    /// # Errors
    /// [`http_edge::Code::Invalid`] when there are any.
    pub(crate) fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.0))
        }
    }
}
