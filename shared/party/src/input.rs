//! Bodies as callers and files send them. Unknown fields are refused: a misspelt name must not be lost. Everything that is
//! checked is a text here; [`crate::read`] says what is wrong with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Personal;
use crate::document::CustomValue;

/// A contact point: a postal address, an e-mail address or a telephone number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactInput {
    /// `postal`, `email` or `phone`.
    pub kind: String,
    /// What it is for: up to 7 of `main`, `private`, `work`, `billing`, `delivery`, `marketing`, `emergency`. Of one that stands,
    /// this and the next four stay when they are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purposes: Option<Vec<String>>,
    /// First day as `YYYY-MM-DD`; today when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// Last day, if it is known; `null` takes it away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub valid_until: Option<Option<String>>,
    /// Language of what is sent there, where it is not the party's: `de`, `fr`, `it` or `en`; `null` takes it away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub language: Option<Option<String>>,
    /// What is known about delivery; `null` takes it away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<DeliveryInput>))]
    pub delivery: Option<Option<DeliveryInput>>,
    /// Of `email`: the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub email: Option<Personal>,
    /// Of `phone`: the number, with the prefix of its country or a Swiss one. Stored as E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub phone: Option<Personal>,
    /// Of `postal`: up to two lines above the street, each of 1 to 60 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub lines: Vec<Personal>,
    /// Of `postal`: street without house number, 1 to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub street: Option<Personal>,
    /// Of `postal`: house number with its letter, 1 to 12 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub house_number: Option<Personal>,
    /// Of `postal`: post box as it is printed, 1 to 30 characters. A street or a post box is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub po_box: Option<Personal>,
    /// Of `postal`: postcode as its country writes it, four digits in Switzerland; needed where the country has postcodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub postcode: Option<Personal>,
    /// Of `postal`: town, 1 to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub town: Option<Personal>,
    /// Of `postal`: code of the country (ISO 3166-1 alpha-2); `CH` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// What is known about delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryInput {
    /// `confirmed` or `undeliverable`.
    pub arrives: String,
    /// Reason of a return, such as `moved-unknown`: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An id in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentifierInput {
    /// The system: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    pub system: String,
    /// The id there: 1 to 80 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: Personal,
}

/// An id in another system that a party gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentifierAddition {
    /// The system: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    pub system: String,
    /// The id there: 1 to 80 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: Personal,
    /// The party from which the id was taken away. Without it, an id that another party has had is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_on_by: Option<String>,
}

/// A role of a new party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleInput {
    /// One of the tenant's role types.
    pub role: String,
    /// When, towards whom and why.
    #[serde(flatten)]
    pub terms: RoleTerms,
}

/// When a party has a role, towards whom and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleTerms {
    /// The party towards which it is; the own company when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub towards: Option<String>,
    /// First day as `YYYY-MM-DD`; today when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Last day, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What gave it, 1 to 120 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub because: Option<Personal>,
}

/// A class that a party is put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassificationInput {
    /// One of the tenant's classifications.
    pub classification: String,
    /// Why, 1 to 200 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Personal,
    /// Last day, if it is known; it ends with that day in the tenant's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What was said about a channel or a contact list. What was said last holds, in whichever order statements come in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionInput {
    /// `pending`, `granted` or `withdrawn`. Where a double opt-in is wanted, `granted` needs a `pending` for the same text
    /// before it, or `asked_at`, and a proof. `pending` leaves a permission that was given before in force.
    pub state: String,
    /// When it was said (RFC 3339), not after now; now when absent. The first statement about a channel or list can leave it out,
    /// a later one only together with `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Of `granted` with `at` and a proof: when another system asked the question (RFC 3339), not after `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<String>,
    /// Where it was said, such as `shop`: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    pub source: String,
    /// Version of the text that the party saw: 1 to 24 characters from a-z, 0-9, `-` and `_`. Needed unless withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_version: Option<String>,
    /// What proves it, 1 to 200 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub proof: Option<Personal>,
}

/// A person or organisation to be stored.
///
/// Sent again with the same `external_id` or `client_token` and the same content, it answers with the party stored before;
/// with other content it is refused. Without either, each call stores another party.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyInput {
    /// `person` or `organisation`.
    pub kind: String,
    /// Given names of a person, 1 to 60 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub given_name: Option<Personal>,
    /// Family name of a person, or the only name; 1 to 60 printable characters. A person must have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub family_name: Option<Personal>,
    /// Name of an organisation, 1 to 120 printable characters. An organisation must have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub organisation_name: Option<Personal>,
    /// Language of printed texts and letters: `de`, `fr`, `it` or `en`; `de` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `female`, `male` or `other`; of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// As `YYYY-MM-DD`; of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub birth_date: Option<Personal>,
    /// One of the tenant's customer types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_type: Option<String>,
    /// One of the tenant's sales channels: where the party comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_channel: Option<String>,
    /// The party's id in another system; it makes the call repeatable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<IdentifierInput>,
    /// Ids in further systems. At most 20 with `external_id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<IdentifierInput>,
    /// At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ContactInput>,
    /// At most 40.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleInput>,
    /// At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classifications: Vec<ClassificationInput>,
    /// What was said about communication channels, by channel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consents: BTreeMap<String, PermissionInput>,
    /// What was said about contact lists, by list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, PermissionInput>,
    /// Values of the tenant's own fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<String, CustomValue>,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`. Not together with `external_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// Fields of a party to be changed; those that are absent stay. A name that is given up stays as a former name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyPatch {
    /// Given names of a person; `null` takes them away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub given_name: Option<Option<Personal>>,
    /// Family name of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub family_name: Option<Personal>,
    /// Name of an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub organisation_name: Option<Personal>,
    /// `de`, `fr`, `it` or `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `female`, `male` or `other`; `null` takes it away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub gender: Option<Option<String>>,
    /// As `YYYY-MM-DD`; `null` takes it away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub birth_date: Option<Option<Personal>>,
    /// One of the tenant's customer types; `null` takes it away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub customer_type: Option<Option<String>>,
    /// One of the tenant's sales channels; `null` takes it away.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub sales_channel: Option<Option<String>>,
    /// Values of the tenant's own fields; `null` takes one away, those that are absent stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, CustomValue>))]
    pub custom_fields: BTreeMap<String, Option<CustomValue>>,
}

/// Tells `null` from a field that is absent.
fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
