//! The id of a letter.

use std::fmt;
use std::str::FromStr;

use domain::code::{VoucherCode, lookup_key};
use domain::id::{PartyId, RunName};
use serde::{Deserialize, Serialize};

/// 16 symbols of the code alphabet (`0-9A-Z` without `I`, `L`, `O`, `U`) and a check symbol, in capitals and without separators:
/// any barcode can hold it.
///
/// It is derived from the run, the party and a number under a key, so that a run that is repeated names its letters as before, and
/// says nothing about the party to those without the key. It is no voucher's code: the key it is derived under is another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PieceId([u8; Self::LEN]);

/// A text that is no id of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPieceId {
    /// Wrong length or symbol.
    #[error("the id of a letter has 17 letters and digits")]
    Shape,
    /// The check symbol does not fit: a typing or reading error.
    #[error("the id of a letter has a typing error")]
    CheckSymbol,
}

impl PieceId {
    /// Symbols of an id with its check symbol.
    pub const LEN: usize = 17;

    /// The id of letter number `number` of a run to a party.
    pub fn derive(key: &[u8], run: &RunName, party: &PartyId, number: u32) -> Self {
        let of_run = lookup_key(key, "piece-id/1", run.as_str().as_bytes());
        // Neither part can hold a `~`, so no two letters have the same text.
        Self(VoucherCode::derive(of_run.as_str().as_bytes(), &format!("{party}~{number}")).symbols())
    }

    /// The 17 symbols.
    pub fn as_str(&self) -> &str {
        // Only symbols of the alphabet are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The 80 bits of the 16 symbols before the check symbol.
    pub(crate) fn packed(&self) -> [u8; 10] {
        let mut bits = 0u128;
        for byte in self.0.iter().take(Self::LEN.saturating_sub(1)) {
            let symbol = match byte {
                b'0'..=b'9' => byte.saturating_sub(b'0'),
                // The alphabet has no I, L, O and U.
                _ => {
                    let gaps = [b'I', b'L', b'O', b'U'].iter().filter(|gap| *gap < byte).count();
                    let gaps = u8::try_from(gaps).unwrap_or(0);
                    byte.saturating_sub(b'A').saturating_add(10).saturating_sub(gaps)
                }
            };
            bits = (bits << 5) | u128::from(symbol);
        }
        let [_, _, _, _, _, _, packed @ ..] = bits.to_be_bytes();
        packed
    }
}

impl FromStr for PieceId {
    type Err = InvalidPieceId;

    /// Case, spaces, dashes and look-alikes do not matter, as in voucher codes.
    fn from_str(text: &str) -> Result<Self, InvalidPieceId> {
        let code: VoucherCode = text.parse().map_err(|error| match error {
            domain::code::InvalidCode::Shape => InvalidPieceId::Shape,
            domain::code::InvalidCode::CheckSymbol => InvalidPieceId::CheckSymbol,
        })?;
        Ok(Self(code.symbols()))
    }
}

impl TryFrom<String> for PieceId {
    type Error = InvalidPieceId;

    fn try_from(text: String) -> Result<Self, InvalidPieceId> {
        text.parse()
    }
}

impl From<PieceId> for String {
    fn from(id: PieceId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for PieceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PieceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
