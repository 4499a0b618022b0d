//! Texts that must not get into a log by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that opens something or leads to a person: a voucher code or an API key as it travels, a card number, a name.
/// On the wire it is the text; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Marks a text as secret.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
