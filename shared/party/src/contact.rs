//! Contact points: where and how a party is reached.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use domain::till_text::Language;
use serde::{Deserialize, Serialize};

use crate::Personal;

/// Most purposes of one contact point.
pub const PURPOSES_MAX: usize = 7;

/// Number of a contact point within its party, from 1; never given twice. As text `c1`, `c2`, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContactId(pub u32);

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// A text that is no id of a contact point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be c and a number, such as c1")]
pub struct InvalidContactId;

impl FromStr for ContactId {
    type Err = InvalidContactId;

    fn from_str(text: &str) -> Result<Self, InvalidContactId> {
        let number = text.strip_prefix('c').and_then(|digits| digits.parse().ok());
        let id = number.map(Self).ok_or(InvalidContactId)?;
        // One spelling for each: `c01` and `c+1` are not `c1`.
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(InvalidContactId)
        }
    }
}

/// Code of a country (ISO 3166-1 alpha-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(String);

/// A text that is no code of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the code of a country with two capital letters (ISO 3166-1), such as CH")]
pub struct InvalidCountry;

/// Countries whose mail needs no postcode: those of the Universal Postal Union's members that assign none, and a few where sources
/// differ. An address there may have one.
const WITHOUT_POSTCODES: [&str; 67] = [
    "AE", "AG", "AO", "AW", "BF", "BI", "BJ", "BO", "BQ", "BS", "BW", "BZ", "CD", "CF", "CG", "CI", "CK", "CM", "CW",
    "DJ", "DM", "ER", "FJ", "GA", "GD", "GH", "GM", "GN", "GQ", "GY", "HK", "IE", "JM", "KI", "KM", "KN", "KP", "LY",
    "ML", "MO", "MR", "MW", "NR", "NU", "PA", "QA", "RW", "SB", "SC", "SL", "SR", "SS", "ST", "SX", "SY", "TD", "TG",
    "TK", "TL", "TO", "TV", "UG", "VU", "YE", "ZW", "TT", "TF",
];

impl Country {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an address there needs a postcode.
    pub fn needs_postcode(&self) -> bool {
        !WITHOUT_POSTCODES.contains(&self.as_str())
    }
}

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        let known = rust_iso3166::from_alpha2(text).ok_or(InvalidCountry)?;
        Ok(Self(known.alpha2.to_owned()))
    }
}

impl TryFrom<String> for Country {
    type Error = InvalidCountry;

    fn try_from(text: String) -> Result<Self, InvalidCountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.0
    }
}

/// A postal address, split as eCH-0010 does. Street and house number, or a post box, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postal {
    /// Lines above the street: care of, department.
    #[serde(default, rename = "l", skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Personal>,
    /// Street without the house number.
    #[serde(default, rename = "s", skip_serializing_if = "Option::is_none")]
    pub street: Option<Personal>,
    /// House number with its letter.
    #[serde(default, rename = "h", skip_serializing_if = "Option::is_none")]
    pub house_number: Option<Personal>,
    /// Post box as it is printed.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub po_box: Option<Personal>,
    /// Postcode as its country writes it; some countries have none.
    #[serde(default, rename = "z", skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Personal>,
    /// Town.
    #[serde(rename = "t")]
    pub town: Personal,
    /// Country.
    #[serde(rename = "c")]
    pub country: Country,
}

/// Where a contact point leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Point {
    /// A postal address.
    #[serde(rename = "p")]
    Postal(Postal),
    /// An e-mail address, its domain in lower case.
    #[serde(rename = "e")]
    Email(Personal),
    /// A telephone number in E.164: `+` and digits.
    #[serde(rename = "t")]
    Phone(Personal),
}

impl Point {
    /// `postal`, `email` or `phone`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Postal(_) => "postal",
            Self::Email(_) => "email",
            Self::Phone(_) => "phone",
        }
    }
}

/// What a contact point is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Purpose {
    /// Where the party is reached when nothing else is said.
    Main,
    /// At home.
    Private,
    /// At work.
    Work,
    /// Invoices.
    Billing,
    /// Goods.
    Delivery,
    /// Advertising and vouchers.
    Marketing,
    /// When something has happened.
    Emergency,
}

/// Whether what is sent arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Arrives {
    /// It was confirmed that it does.
    Confirmed,
    /// It came back: nothing more is sent there.
    Undeliverable,
}

/// What is known about delivery, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliverability {
    /// Whether it arrives.
    #[serde(rename = "a")]
    pub arrives: Arrives,
    /// The return's reason, such as `moved-unknown`.
    #[serde(default, rename = "r", skip_serializing_if = "Option::is_none")]
    pub reason: Option<crate::Word>,
    /// When this became known.
    #[serde(rename = "s")]
    pub since: DateTime<Utc>,
}

/// A contact point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its number.
    #[serde(rename = "n")]
    pub id: ContactId,
    /// Where it leads.
    #[serde(rename = "p")]
    pub point: Point,
    /// What it is for, in order, none twice.
    #[serde(default, rename = "u", skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<Purpose>,
    /// First day.
    #[serde(rename = "a")]
    pub valid_from: NaiveDate,
    /// Last day, once it is known.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
    /// Language of what is sent there, where it is not the party's.
    #[serde(default, rename = "l", skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What is known about delivery.
    #[serde(default, rename = "d", skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Deliverability>,
    /// Somebody ended it: it is history, whatever its last day.
    #[serde(default, rename = "x", skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

impl Contact {
    /// Whether it was or will be the party's on `day`.
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|last| day <= last)
    }

    /// Whether there is a day on which both hold.
    pub fn meets(&self, other: &Self) -> bool {
        let before = |a: &Self, b: &Self| a.valid_until.is_some_and(|last| last < b.valid_from);
        !before(self, other) && !before(other, self)
    }

    /// Whether it is not history on the day `today`; it may begin later.
    pub fn stands(&self, today: NaiveDate) -> bool {
        !self.ended && self.valid_until.is_none_or(|last| today <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_id_has_one_spelling() {
        assert_eq!("c12".parse(), Ok(ContactId(12)));
        for bad in ["", "c", "12", "c01", "c+1", "c-1", "c99999999999", "C1"] {
            assert!(bad.parse::<ContactId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_countries_without_postcodes_are_countries() {
        for code in WITHOUT_POSTCODES {
            assert!(
                code.parse::<Country>().is_ok_and(|country| !country.needs_postcode()),
                "{code}"
            );
        }
        for code in ["CH", "LI", "DE", "AT", "FR", "IT", "GB", "US", "NL"] {
            assert!(
                code.parse::<Country>().is_ok_and(|country| country.needs_postcode()),
                "{code}"
            );
        }
    }

    #[test]
    fn a_country_is_one_of_the_list() {
        for good in ["CH", "LI", "DE", "FR", "XK"] {
            // Kosovo's code is not part of the standard.
            assert_eq!(good.parse::<Country>().is_ok(), good != "XK", "{good}");
        }
        for bad in ["", "ch", "CHE", "UK", "ZZ", "756"] {
            assert!(bad.parse::<Country>().is_err(), "{bad}");
        }
    }
}
