//! Everything wrong with a body, collected so that the caller can mend it at once.

use std::fmt::Display;
use std::str::FromStr;

use domain::violation::Violation;

use crate::problem::Problem;

/// What was found about the fields of a body.
#[derive(Debug, Default)]
pub struct Findings(Vec<Violation>);

impl Findings {
    /// Notes a finding.
    pub fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(Violation::new(pointer, code, detail));
    }

    /// Notes what the rules found, except about fields that have a finding already: one that could not be read is reported
    /// for that, not also for what its absence breaks.
    pub fn add_new(&mut self, violations: Vec<Violation>) {
        let before = self.0.len();
        for violation in violations {
            if !self
                .0
                .iter()
                .take(before)
                .any(|known| known.pointer == violation.pointer)
            {
                self.0.push(violation);
            }
        }
    }

    /// Reads a field.
    pub fn field<T: FromStr<Err: Display>>(&mut self, pointer: impl Into<String>, text: &str) -> Option<T> {
        self.coded(pointer, "malformed", text)
    }

    /// Reads a field whose finding has a code of its own.
    pub fn coded<T: FromStr<Err: Display>>(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        text: &str,
    ) -> Option<T> {
        text.parse()
            .map_err(|error: T::Err| self.add(pointer, code, error.to_string()))
            .ok()
    }

    /// Reads the only field of a body.
    ///
    /// # Errors
    /// [`crate::Code::Invalid`].
    pub fn only<T: FromStr<Err: Display>>(pointer: &str, text: &str) -> Result<T, Problem> {
        let mut found = Self::default();
        found.field(pointer, text).ok_or_else(|| found.problem())
    }

    /// The problem with all findings.
    pub fn problem(self) -> Problem {
        Problem::invalid(self.0)
    }

    /// What was found.
    pub fn into_violations(self) -> Vec<Violation> {
        self.0
    }

    /// Insists that there are none.
    ///
    /// # Errors
    /// [`crate::Code::Invalid`].
    pub fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.problem()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_once_and_a_right_one_is_read() {
        let mut found = Findings::default();
        assert_eq!(found.field::<u8>("/a", "7"), Some(7));
        assert_eq!(found.field::<u8>("/b", "x"), None);
        found.add_new(vec![
            Violation::new("/b", "missing", "follows from the above"),
            Violation::new("/c", "sum", "one"),
            Violation::new("/c", "range", "two"),
        ]);
        let codes: Vec<_> = found
            .none()
            .unwrap_err()
            .errors
            .into_iter()
            .map(|e| (e.pointer, e.code))
            .collect();
        let expected = [("/b", "malformed"), ("/c", "sum"), ("/c", "range")];
        assert_eq!(codes, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        assert!(Findings::default().none().is_ok());
        assert_eq!(Findings::only::<u8>("/b", "x").unwrap_err().errors[0].pointer, "/b");
    }
}
