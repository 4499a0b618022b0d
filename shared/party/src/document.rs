//! The document of a party: one item of the table, changed as a whole under its version.
//!
//! The names of its fields in the table are short: a person with an address, an e-mail and a telephone stays under 1 KB.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{LookupKey, PartyId};
use domain::till_text::Language;
use serde::{Deserialize, Serialize};

use crate::Personal;
use crate::contact::{Arrives, Contact, ContactId};
use crate::dated::{Classification, Identifier, Permission, Permitted, Role};
use crate::word::Word;

/// Most contact points that stand at a time.
pub const CONTACTS_MAX: usize = 20;
/// Most identifiers that stand at a time.
pub const IDENTIFIERS_MAX: usize = 20;
/// Most roles that stand at a time.
pub const ROLES_MAX: usize = 40;
/// Most classifications that stand at a time.
pub const CLASSIFICATIONS_MAX: usize = 20;
/// Most permissions of channels, and of lists, that stand at a time.
pub const PERMISSIONS_MAX: usize = 40;
/// Most custom fields with a value.
pub const CUSTOM_MAX: usize = 40;
/// Ended entries that the document keeps; older ones go to items beside it.
pub const ENDED_MAX: usize = 60;

/// Who a party is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Identity {
    /// A natural person.
    Person {
        /// Given names; some people have none.
        #[serde(default, rename = "g", skip_serializing_if = "Option::is_none")]
        given_name: Option<Personal>,
        /// Family name, or the only name.
        #[serde(rename = "f")]
        family_name: Personal,
    },
    /// A company, an association, an office.
    Organisation {
        /// Its name.
        #[serde(rename = "o")]
        organisation_name: Personal,
    },
}

impl Identity {
    /// The name as a cashier says it.
    pub fn display_name(&self) -> String {
        match self {
            Self::Person {
                given_name: Some(given),
                family_name,
            } => format!("{} {}", given.as_str(), family_name.as_str()),
            Self::Person { family_name: name, .. }
            | Self::Organisation {
                organisation_name: name,
            } => name.as_str().to_owned(),
        }
    }

    /// Whether it is a natural person.
    pub const fn is_person(&self) -> bool {
        matches!(self, Self::Person { .. })
    }
}

/// A name that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerName {
    /// The name.
    #[serde(rename = "w")]
    pub who: Identity,
    /// Until when the document had it.
    #[serde(rename = "b")]
    pub until: DateTime<Utc>,
}

/// As the person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Gender {
    /// A woman.
    Female,
    /// A man.
    Male,
    /// Neither.
    Other,
}

impl Gender {
    /// As calls name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
            Self::Other => "other",
        }
    }
}

/// A date of birth; `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BirthDate(pub NaiveDate);

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The value of a custom field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CustomValue {
    /// Of kind `boolean`.
    Boolean(bool),
    /// Of kind `integer`.
    Integer(i64),
    /// Of kinds `text`, `date` (as `YYYY-MM-DD`) and `choice`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    Text(Personal),
}

/// A value of a field that a party has one of at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// Its language.
    #[serde(rename = "la")]
    Language(Language),
    /// Its gender.
    #[serde(rename = "ge")]
    Gender(Gender),
    /// Its date of birth.
    #[serde(rename = "bd")]
    BirthDate(BirthDate),
    /// Its customer type.
    #[serde(rename = "ct")]
    CustomerType(Word),
    /// The sales channel through which it came.
    #[serde(rename = "sc")]
    SalesChannel(Word),
    /// A field of the tenant's own.
    #[serde(rename = "cf")]
    Custom {
        /// The field.
        #[serde(rename = "n")]
        name: Word,
        /// What it held.
        #[serde(rename = "v")]
        value: CustomValue,
    },
}

/// A value that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerValue {
    /// The field with what it held.
    #[serde(rename = "v")]
    pub value: Given,
    /// Until when the document had it.
    #[serde(rename = "b")]
    pub until: DateTime<Utc>,
}

/// A party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyDocument {
    /// Its id, also in the key.
    pub party: PartyId,
    /// Counts the changes, from 1.
    pub version: u64,
    /// Who it is.
    #[serde(rename = "w")]
    pub identity: Identity,
    /// Names it had before, oldest first.
    #[serde(default, rename = "fn", skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<FormerName>,
    /// Values of its fields that were given up, oldest first.
    #[serde(default, rename = "fv", skip_serializing_if = "Vec::is_empty")]
    pub former_values: Vec<FormerValue>,
    /// Language of printed texts and letters.
    #[serde(rename = "la")]
    pub language: Language,
    /// Of a person, when known.
    #[serde(default, rename = "ge", skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// Of a person, when known.
    #[serde(default, rename = "bd", skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<BirthDate>,
    /// One of the tenant's customer types.
    #[serde(default, rename = "ct", skip_serializing_if = "Option::is_none")]
    pub customer_type: Option<Word>,
    /// The sales channel through which the party came.
    #[serde(default, rename = "sc", skip_serializing_if = "Option::is_none")]
    pub sales_channel: Option<Word>,
    /// Ids in other systems, standing and ended, in the order in which they were added.
    #[serde(default, rename = "id", skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Contact points, standing and ended, in the order of their ids.
    #[serde(default, rename = "co", skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// The last id given to a contact point.
    #[serde(default, rename = "cn", skip_serializing_if = "is_zero")]
    pub last_contact: u32,
    /// Roles towards other parties.
    #[serde(default, rename = "ro", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Classifications such as a blacklist.
    #[serde(default, rename = "cl", skip_serializing_if = "Vec::is_empty")]
    pub classifications: Vec<Classification>,
    /// Consents by communication channel.
    #[serde(default, rename = "cs", skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Permission>,
    /// Contact lists.
    #[serde(default, rename = "li", skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<Permission>,
    /// Values of the tenant's own fields.
    #[serde(default, rename = "cf", skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<Word, CustomValue>,
    /// Of the own company or a branch: the version of the location whose name it has.
    #[serde(default, rename = "ov", skip_serializing_if = "is_nought")]
    pub own_version: u64,
    /// Partitions that lead here by a keyed hash: they end with the party.
    #[serde(default, rename = "lk", skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<LookupKey>,
    /// Items beside the document that keep older ended entries.
    #[serde(default, rename = "pa", skip_serializing_if = "is_zero")]
    pub past_items: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_nought(number: &u64) -> bool {
    *number == 0
}

/// What letters are called among the tenant's communication channels.
pub const LETTER: &str = "letter";

impl PartyDocument {
    /// The first version of a party with a name and a language only.
    pub const fn new(party: PartyId, identity: Identity, language: Language) -> Self {
        Self {
            party,
            version: 1,
            identity,
            former_names: Vec::new(),
            former_values: Vec::new(),
            language,
            gender: None,
            birth_date: None,
            customer_type: None,
            sales_channel: None,
            identifiers: Vec::new(),
            contacts: Vec::new(),
            last_contact: 0,
            roles: Vec::new(),
            classifications: Vec::new(),
            consents: Vec::new(),
            lists: Vec::new(),
            custom_fields: BTreeMap::new(),
            own_version: 0,
            lookups: Vec::new(),
            past_items: 0,
        }
    }

    /// The newest id in another system that was not taken away.
    pub fn identifier(&self, system: &Word) -> Option<&Identifier> {
        self.identifiers
            .iter()
            .rfind(|id| id.until.is_none() && id.system == *system)
    }

    /// Whether a letter to this address of the party may still be sent: nobody has objected to letters, and the address stands and none
    /// has come back from it. Other addresses do not count: the letter is written.
    pub fn letter_reaches(&self, contact: Option<ContactId>, day: NaiveDate) -> bool {
        let came_back = |known: &Contact| {
            let delivery = known.delivery.as_ref();
            delivery.is_some_and(|delivery| delivery.arrives == Arrives::Undeliverable)
        };
        let stands =
            |known: &Contact| Some(known.id) == contact && !known.ended && known.holds(day) && !came_back(known);
        self.permitted(LETTER) != Some(Permitted::Withdrawn) && self.contacts.iter().any(stands)
    }

    /// Where the permission to write through a channel stands; `None` where nothing was said.
    pub fn permitted(&self, channel: &str) -> Option<Permitted> {
        let standing = |permission: &&Permission| permission.until.is_none() && permission.name.as_str() == channel;
        let found = self.consents.iter().rfind(standing);
        found.map(|permission| permission.state)
    }

    /// What keeps the party from vouchers at `now`, if anything does.
    pub fn voucher_stop(&self, now: DateTime<Utc>) -> Option<VoucherStop> {
        let stops = self
            .classifications
            .iter()
            .filter(|class| class.no_vouchers && class.holds(now));
        stops
            .map(|class| VoucherStop { until: class.until })
            .max_by_key(|stop| {
                // Without an end is longer than any end.
                (stop.until.is_none(), stop.until)
            })
    }
}

/// The party gets no vouchers and pays with none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherStop {
    /// The instant from which it no longer holds; `None` while nobody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

impl VoucherStop {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Ended entries that no longer fit in the document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Names.
    #[serde(default, rename = "fn", skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<FormerName>,
    /// Values of fields.
    #[serde(default, rename = "fv", skip_serializing_if = "Vec::is_empty")]
    pub former_values: Vec<FormerValue>,
    /// Ids in other systems.
    #[serde(default, rename = "id", skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Contact points.
    #[serde(default, rename = "co", skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// Roles.
    #[serde(default, rename = "ro", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Classifications.
    #[serde(default, rename = "cl", skip_serializing_if = "Vec::is_empty")]
    pub classifications: Vec<Classification>,
    /// Consents.
    #[serde(default, rename = "cs", skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Permission>,
    /// Contact lists.
    #[serde(default, rename = "li", skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<Permission>,
}
