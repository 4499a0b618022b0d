//! Customer cards: EAN-13 numbers from the in-store range.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits of an EAN-13 without its check digit.
const BODY_LEN: usize = 12;

/// A well-formed card number: 13 digits, GS1 in-store prefix 20 to 29, right check digit (modulo 10, GS1 General
/// Specifications 7.9).
///
/// `Debug` shows no digit: the number leads to a person. It is not a secret either; a balance needs more than the number.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CardNumber(String);

/// Why a text is no card number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCard {
    /// Not 13 digits.
    #[error("a card number has 13 digits")]
    Shape,
    /// Not from the in-store range.
    #[error("a card number begins with 20 to 29")]
    Range,
    /// The last digit does not fit the others: a reading or typing error.
    #[error("the check digit of the card number does not fit: read or type the card again")]
    CheckDigit,
}

impl CardNumber {
    /// The card with this serial in the range `prefix` (20 to 29).
    ///
    /// `None` when the prefix is out of range or the serial has more than ten digits.
    pub fn from_serial(prefix: u8, serial: u64) -> Option<Self> {
        if !(20..=29).contains(&prefix) || serial > 9_999_999_999 {
            return None;
        }
        let body = format!("{prefix}{serial:010}");
        let check = check_digit(body.as_bytes());
        Some(Self(format!("{body}{check}")))
    }

    /// The 13 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four digits, for people who must tell two cards apart.
    pub fn last4(&self) -> &str {
        self.0.get(9..).unwrap_or_default()
    }
}

/// GS1 modulo-10 check digit over ASCII digits, weights 1 and 3 from the left of a 12-digit body.
fn check_digit(body: &[u8]) -> u32 {
    let sum = body
        .iter()
        .zip([1u32, 3].into_iter().cycle())
        .fold(0u32, |sum, (byte, weight)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            sum.wrapping_add(digit.wrapping_mul(weight))
        });
    (10u32.wrapping_sub(sum % 10)) % 10
}

impl FromStr for CardNumber {
    type Err = InvalidCard;

    fn from_str(text: &str) -> Result<Self, InvalidCard> {
        let bytes = text.as_bytes();
        if bytes.len() != 13 || !bytes.iter().all(u8::is_ascii_digit) {
            return Err(InvalidCard::Shape);
        }
        if bytes.first() != Some(&b'2') {
            return Err(InvalidCard::Range);
        }
        let (body, check) = bytes.split_at(BODY_LEN);
        if check.first().map(|c| u32::from(c.wrapping_sub(b'0'))) != Some(check_digit(body)) {
            return Err(InvalidCard::CheckDigit);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for CardNumber {
    type Error = InvalidCard;

    fn try_from(text: String) -> Result<Self, InvalidCard> {
        text.parse()
    }
}

impl From<CardNumber> for String {
    fn from(card: CardNumber) -> Self {
        card.0
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber(…)")
    }
}

/// What a card can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardStatus {
    /// Printed and handed out, not yet anybody's: receipts wait for the registration.
    Unregistered,
    /// Leads to a party.
    Active,
    /// Lost, stolen or stopped: receipts wait, nothing is shown at the till.
    Blocked,
    /// Exchanged for another card of the same party: still leads there.
    Replaced,
    /// The party was erased: leads nowhere, for ever.
    Erased,
}

impl CardStatus {
    /// Whether a receipt with this card belongs to the card's party at once.
    pub fn leads_to_party(self) -> bool {
        matches!(self, Self::Active | Self::Replaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_the_one_of_gs1() {
        // 4006381333931 is the textbook EAN-13; with an in-store prefix the same arithmetic holds.
        assert_eq!(check_digit(b"400638133393"), 1);
        assert_eq!(CardNumber::from_serial(25, 1).unwrap().as_str(), "2500000000010");
        assert!("2500000000010".parse::<CardNumber>().is_ok());
    }

    #[test]
    fn every_single_digit_error_is_refused() {
        let good = CardNumber::from_serial(25, 4_711_083_529).unwrap();
        for at in 0..13 {
            for digit in b'0'..=b'9' {
                let mut bytes = good.as_str().as_bytes().to_vec();
                if bytes[at] == digit {
                    continue;
                }
                bytes[at] = digit;
                let text = String::from_utf8(bytes).unwrap();
                assert!(text.parse::<CardNumber>().is_err(), "{text}");
            }
        }
    }

    #[test]
    fn a_card_says_what_is_wrong_with_it_and_never_shows_itself() {
        assert_eq!("25000000000".parse::<CardNumber>(), Err(InvalidCard::Shape));
        assert_eq!("4006381333931".parse::<CardNumber>(), Err(InvalidCard::Range));
        assert_eq!("2500000000011".parse::<CardNumber>(), Err(InvalidCard::CheckDigit));
        let card = CardNumber::from_serial(25, 1).unwrap();
        assert!(!format!("{card:?}").contains('1'));
    }
}
