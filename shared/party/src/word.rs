//! Names that a tenant gives to its types: of roles, classifications, channels, lists, fields and other systems.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest word, in characters.
pub const WORD_MAX: usize = 24;

/// 1 to [`WORD_MAX`] characters from a-z, 0-9, `-` and `_`: fits in a key, in a path and in a condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

/// A text that is no [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 24 characters from a-z, 0-9, - and _")]
pub struct InvalidWord;

impl Word {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Word {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWord)
        }
    }
}

impl TryFrom<String> for Word {
    type Error = InvalidWord;

    fn try_from(text: String) -> Result<Self, InvalidWord> {
        text.parse()
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_fits_in_a_key_and_a_path() {
        for good in ["customer", "no-vouchers", "vip_2"] {
            assert_eq!(good.parse::<Word>().unwrap().as_str(), good);
        }
        for bad in ["", "Kunde", "a b", "a#b", "a/b", "é", &"x".repeat(25)] {
            assert!(bad.parse::<Word>().is_err(), "{bad}");
        }
    }
}
