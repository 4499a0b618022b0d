//! Names that tenant and printer have agreed on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a campaign, of a letter's variant or of an enclosure: 1 to [`Key::MAX_LEN`] characters from A-Z, a-z, 0-9, `.`, `-`
/// and `_`, the first one a letter or a digit.
///
/// It can stand in a file name and in any column: no quotation is needed, and no spreadsheet takes it for a formula.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// A text that is no [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 characters from A-Z, a-z, 0-9, ., - and _, and begin with a letter or a digit")]
pub struct InvalidKey;

impl Key {
    /// Greatest length in characters.
    pub const MAX_LEN: usize = 40;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_one(text: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        begins && text.len() <= Self::MAX_LEN && text.bytes().all(allowed)
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        if Self::is_one(&text) {
            Ok(Self(text))
        } else {
            Err(InvalidKey)
        }
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
