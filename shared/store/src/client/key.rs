//! An API key, and what is stored instead of it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Characters of a key's hash that name it.
const KEY_ID_LEN: usize = 16;
/// What every key begins with, so that one that leaked is recognised by scanners.
const KEY_PREFIX: &str = "treue_";
/// Bytes of randomness of a key.
pub const KEY_BYTES: usize = 32;

/// An API key: `treue_` and 43 characters of base64url, 256 random bits. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// A text that is not an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API key is treue_ and 43 characters from A-Z, a-z, 0-9, - and _")]
pub struct InvalidApiKey;

impl ApiKey {
    /// The key of these bytes, which must come from the operating system's random source.
    pub fn from_random(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The key as the client sends it. For the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored instead of the key. A plain hash does: 256 random bits cannot be found by trying.
    pub fn hash(&self) -> KeyHash {
        let digest = Sha256::digest(self.0.as_bytes());
        KeyHash(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let random = text.strip_prefix(KEY_PREFIX).ok_or(InvalidApiKey)?;
        // Strict decoding: every key has one spelling.
        let bytes = URL_SAFE_NO_PAD.decode(random).map_err(|_| InvalidApiKey)?;
        if bytes.len() == KEY_BYTES {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidApiKey)
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// SHA-256 of an API key, lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The public name of the key. Says nothing about the key.
    pub fn key_id(&self) -> &str {
        self.0.get(..KEY_ID_LEN).unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling_and_is_never_shown() {
        let key = ApiKey::from_random(&[0xa5; KEY_BYTES]);
        assert_eq!(key.reveal().len(), 49);
        assert_eq!(key.reveal().parse::<ApiKey>().unwrap(), key);
        assert_eq!(format!("{key:?}"), "ApiKey(…)");
        assert!(!key.reveal().contains(key.hash().key_id()));
    }

    #[test]
    fn anything_else_is_no_key() {
        let good = ApiKey::from_random(&[7; KEY_BYTES]);
        let good = good.reveal();
        let (short, long) = (&good[..48], format!("{good}A"));
        // The last character carries four bits: 'd' and 'c' would decode alike if spare bits were ignored.
        let other_spelling = format!("{}d", &good[..48]);
        for bad in [
            "",
            "treue_",
            short,
            &long,
            &other_spelling,
            &good.replace("treue_", "TREUE_"),
            "Max Muster",
        ] {
            assert_eq!(bad.parse::<ApiKey>(), Err(InvalidApiKey), "{bad:?}");
        }
    }
}
