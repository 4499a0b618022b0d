//! What is wrong with an input, said so that the sender can mend it.

use serde::Serialize;

/// One finding about one field.
///
/// The texts never repeat the offending value: it may be a card number, a code or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// JSON pointer (RFC 6901) of the field, `""` for the whole document.
    pub pointer: String,
    /// Stable machine-readable name of the finding.
    pub code: &'static str,
    /// What is wrong and what to do, in English.
    pub detail: String,
}

impl Violation {
    /// A finding about the field at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}
