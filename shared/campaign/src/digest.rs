//! A fingerprint of many records that does not depend on their order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The sum of the SHA-256 of records, modulo 2^256, written as 64 hexadecimal digits. Parts of a run add up to the whole in any
/// order; a record that is missing, changed or there twice changes the sum.
///
/// The construction is AdHash (M. Bellare and D. Micciancio, *A New Paradigm for Collision-Free Hashing*, 1997). With a modulus
/// of this size it finds slips and changes of data; it does not withstand somebody who may choose very many records freely.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits in lower case")]
pub struct InvalidDigest;

impl Digest {
    /// The digest of one record, whose parts are kept apart by their lengths.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            hash.update(length.to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut sum = self.0;
        let mut carry = false;
        // From the last byte, the least one; what is carried out of the first one is the modulus.
        for (byte, more) in sum.iter_mut().zip(other.0).rev() {
            let (with_more, over) = byte.overflowing_add(more);
            let (with_carry, over_again) = with_more.overflowing_add(u8::from(carry));
            *byte = with_carry;
            carry = over || over_again;
        }
        Self(sum)
    }

    /// Its bytes, the greatest first.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.len() != 64 {
            return Err(InvalidDigest);
        }
        let mut bytes = [0u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let &[high, low] = pair else { return Err(InvalidDigest) };
            *byte = (nibble(high)? << 4) | nibble(low)?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Result<u8, InvalidDigest> {
    // One spelling only.
    let value = char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    value.and_then(|value| u8::try_from(value).ok()).ok_or(InvalidDigest)
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}
