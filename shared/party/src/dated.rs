//! Parts of a party that begin and end: roles, classifications, permissions, identifiers.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::PartyId;
use serde::{Deserialize, Serialize};

use crate::Personal;
use crate::word::Word;

/// What a party is towards another one: a customer of the own company, an employee of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// One of the tenant's role types.
    #[serde(rename = "r")]
    pub role: Word,
    /// Towards which party.
    #[serde(rename = "t")]
    pub towards: PartyId,
    /// First day.
    #[serde(rename = "a")]
    pub since: NaiveDate,
    /// Last day, once it is known.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// What gave it: a receipt, a contract.
    #[serde(default, rename = "w", skip_serializing_if = "Option::is_none")]
    pub because: Option<Personal>,
    /// Somebody ended it: it is history, whatever its last day.
    #[serde(default, rename = "x", skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

impl Role {
    /// Whether the party had or will have it on `day`.
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.since <= day && self.until.is_none_or(|last| day <= last)
    }

    /// Whether it is not history on the day `today`; it may begin later.
    pub fn stands(&self, today: NaiveDate) -> bool {
        !self.ended && self.until.is_none_or(|last| today <= last)
    }
}

/// A class a party is in, with the reason: a blacklist, important customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classification {
    /// One of the tenant's classifications.
    #[serde(rename = "c")]
    pub class: Word,
    /// Why.
    #[serde(rename = "w")]
    pub reason: Personal,
    /// Since when.
    #[serde(rename = "a")]
    pub since: DateTime<Utc>,
    /// The instant from which it no longer holds, once it is known.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// As the type said when the party was put in the class: it gets no vouchers.
    #[serde(default, rename = "v", skip_serializing_if = "std::ops::Not::not")]
    pub no_vouchers: bool,
}

impl Classification {
    /// Whether the party is in the class at `now`.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Where a permission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Permitted {
    /// Asked for, and not confirmed yet: nothing is sent but the question.
    Pending,
    /// Given.
    Granted,
    /// Refused, withdrawn, or objected to.
    Withdrawn,
}

/// A permission to write or call, for a channel or a contact list. A new state is a new entry; the one before ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// One of the tenant's channels or contact lists.
    #[serde(rename = "c")]
    pub name: Word,
    /// Where it stands.
    #[serde(rename = "s")]
    pub state: Permitted,
    /// Since when.
    #[serde(rename = "a")]
    pub since: DateTime<Utc>,
    /// When another state took its place.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Where it was said, such as `shop` or `till`.
    #[serde(rename = "o")]
    pub source: Word,
    /// Version of the text that the party saw.
    #[serde(default, rename = "t", skip_serializing_if = "Option::is_none")]
    pub text_version: Option<Word>,
    /// What proves it: a reference to a form, the confirmed link.
    #[serde(default, rename = "p", skip_serializing_if = "Option::is_none")]
    pub proof: Option<Personal>,
}

/// The party's id in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// The other system, such as `erp`.
    #[serde(rename = "s")]
    pub system: Word,
    /// The id there. It leads to the person.
    #[serde(rename = "i")]
    pub id: Personal,
    /// Since when it is known here.
    #[serde(rename = "a")]
    pub since: DateTime<Utc>,
    /// When it was taken away.
    #[serde(default, rename = "b", skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}
