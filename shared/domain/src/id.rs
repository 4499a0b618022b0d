//! Identifiers. Each kind has its own type, and none can hold a character that would break a key or a path.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be 1 to {max} characters from {allowed}")]
pub struct InvalidId {
    /// The kind of identifier that was wanted.
    pub kind: &'static str,
    /// Greatest length in characters.
    pub max: usize,
    /// The allowed characters, for people.
    pub allowed: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $allowed:literal, $test:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Greatest length in characters.
            pub const MAX_LEN: usize = $max;

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let allowed: fn(u8) -> bool = $test;
                if !text.is_empty() && text.len() <= $max && text.bytes().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { kind: $kind, max: $max, allowed: $allowed })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

const fn lower_or_dash(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

const fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Also the dot, for receipt numbers such as `2026.004711`; never `~` or `#`, which join keys.
const fn till_word(byte: u8) -> bool {
    word(byte) || byte == b'.'
}

text_id!(
    /// A subsidiary whose data are kept apart from all others'.
    Tenant, "a tenant", 24, "a-z, 0-9 and -", lower_or_dash
);
text_id!(
    /// A loyalty programme of a tenant.
    ProgrammeId, "a programme id", 24, "a-z, 0-9 and -", lower_or_dash
);
text_id!(
    /// A branch, the shop, or another place that sells.
    LocationId, "a location id", 16, "A-Z, a-z, 0-9, - and _", word
);
text_id!(
    /// A company of the group, as the ERP names it in its books.
    CompanyId, "a company code", 16, "A-Z, a-z, 0-9, - and _", word
);
text_id!(
    /// A cash desk within a location.
    TillId, "a till id", 16, "A-Z, a-z, 0-9, ., - and _", till_word
);
text_id!(
    /// The number a till printed on a receipt, unique within location, till and business date.
    ReceiptNumber, "a receipt number", 40, "A-Z, a-z, 0-9, ., - and _", till_word
);
text_id!(
    /// A machine that calls the API.
    ClientId, "a client id", 40, "a-z, 0-9 and -", lower_or_dash
);
text_id!(
    /// Who did something: a person's subject from the identity provider, or a client's id.
    Subject, "a subject", 80, "A-Z, a-z, 0-9 and . _ - @ : |", |b| till_word(b) || matches!(b, b'@' | b':' | b'|')
);
text_id!(
    /// A recalculation, named by who asked for it.
    RunId, "a run id", 40, "a-z, 0-9 and -", lower_or_dash
);
text_id!(
    /// A run of a campaign: the campaign, `~`, and the period it is for, such as `bonus~2026-12`.
    RunName, "a run of a campaign", 56, "a-z, 0-9, - and ~", |b| lower_or_dash(b) || b == b'~'
);
text_id!(
    /// A basket of a till or shop, the name under which a voucher is reserved.
    BasketId, "a basket id", 64, "A-Z, a-z, 0-9, ., - and _", till_word
);
text_id!(
    /// A person or organisation. Assigned by the system (a UUID), never derived from personal data.
    PartyId, "a party id", 36, "a-z, 0-9 and -", lower_or_dash
);
text_id!(
    /// A keyed hash under which a card or a voucher is found; says nothing without the key.
    LookupKey, "a lookup key", 64, "A-Z and 2-7", |b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)
);
text_id!(
    /// The number that another system gave a document: an order, an invoice, a payment.
    DocumentNumber, "a document number", 40, "A-Z, a-z, 0-9, ., - and _", till_word
);
text_id!(
    /// A queue of tasks, such as `support`.
    QueueId, "a queue", 40, "a-z, 0-9 and -", lower_or_dash
);
text_id!(
    /// Locations whose voucher events share one sequence of the voucher feed.
    FeedGroup, "a feed group", 16, "a-z, 0-9 and -", lower_or_dash
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_cannot_carry_a_character_that_joins_keys() {
        for text in ["", "A~1", "A#1", "A/1", "A 1", "Zürich"] {
            assert!(text.parse::<ReceiptNumber>().is_err(), "{text:?}");
        }
        assert_eq!("2026.004711".parse::<ReceiptNumber>().unwrap().as_str(), "2026.004711");
    }

    #[test]
    fn an_identifier_is_checked_when_it_is_read_from_json() {
        assert!(serde_json::from_str::<Tenant>("\"De Mo\"").is_err());
        assert!(serde_json::from_str::<LocationId>(&format!("\"{}\"", "X".repeat(17))).is_err());
    }
}
