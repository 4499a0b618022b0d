//! Amounts in minor units and points, both integers. Sums are checked: an overflow is an answer, not a wrap.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code of three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that is not a currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is a code of three capital letters such as CHF")]
pub struct InvalidCurrency;

impl Currency {
    /// Swiss franc, two decimals.
    pub const CHF: Self = Self(*b"CHF");
    /// United States dollar, two decimals.
    pub const USD: Self = Self(*b"USD");

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // Only capital ASCII letters are ever stored.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Number of decimals of the minor unit (ISO 4217, the exceptions from two that it lists).
    pub fn decimals(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(InvalidCurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Greatest amount the system takes for one line, receipt or voucher, in minor units: a hundred million francs.
///
/// With at most 500 lines a receipt, no sum of amounts comes near the range of the integer.
pub const AMOUNT_MAX: i64 = 10_000_000_000;

/// An amount of money in minor units (Rappen, cents) of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; the currency says how many decimals they are.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// `amount_minor` units of `currency`.
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// As printed where the currency stands elsewhere.
    pub const fn amount(self) -> Amount {
        Amount(self)
    }
}

impl fmt::Display for Money {
    /// As printed on a receipt, for example `CHF 12.95`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.amount())
    }
}

/// An amount without its currency, such as `12.95`.
#[derive(Debug, Clone, Copy)]
pub struct Amount(Money);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.0.currency.decimals();
        let sign = if self.0.amount_minor < 0 { "-" } else { "" };
        let units = self.0.amount_minor.unsigned_abs();
        let scale = 10u64.saturating_pow(decimals);
        let (whole, part) = (
            units.checked_div(scale).unwrap_or(0),
            units.checked_rem(scale).unwrap_or(0),
        );
        if decimals == 0 {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{part:0width$}", width = decimals as usize)
        }
    }
}

/// An arithmetic result outside the range of the books; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the result is outside the range of a 64-bit integer")]
pub struct OutOfRange;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_prints_with_the_decimals_of_its_currency() {
        let print = |minor, code: &str| Money::new(minor, code.parse().unwrap()).to_string();
        assert_eq!(print(1295, "CHF"), "CHF 12.95");
        assert_eq!(print(-5, "CHF"), "CHF -0.05");
        assert_eq!(print(1295, "JPY"), "JPY 1295");
        assert_eq!(print(1295, "KWD"), "KWD 1.295");
        assert_eq!(print(i64::MIN, "CHF"), "CHF -92233720368547758.08");
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        for text in ["chf", "CH", "CHFF", "C1F", ""] {
            assert_eq!(text.parse::<Currency>(), Err(InvalidCurrency), "{text:?}");
        }
    }
}
