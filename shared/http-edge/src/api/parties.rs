//! Bodies of `/v1/parties`: a party with all its parts, and the changes of one.
//!
//! What callers send is read by the crate `party`; here is what they are shown.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::till_text::Language;
use party::contact::{Arrives, Purpose};
use party::dated::Permitted;
use party::document::{CustomValue, Gender};
pub use party::input::{
    ClassificationInput, ContactInput, IdentifierAddition, IdentifierInput, PartyInput, PartyPatch, PermissionInput,
    RoleTerms,
};
use serde::{Deserialize, Serialize};
use store::party::{ChangeKind, Personal};

/// An id in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentifierView {
    /// The system.
    pub system: String,
    /// The id there.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: Personal,
    /// Since when it is known here.
    pub since: DateTime<Utc>,
    /// When it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// A name that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FormerNameView {
    /// Given names of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub given_name: Option<Personal>,
    /// Family name of a person, or the only name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub family_name: Option<Personal>,
    /// Name of an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub organisation_name: Option<Personal>,
    /// Until when it was the name here.
    pub until: DateTime<Utc>,
}

/// A value of a field that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FormerValueView {
    /// The field as a JSON pointer, such as `/language` or `/custom_fields/shoe`.
    pub field: String,
    /// What it held.
    pub value: CustomValue,
    /// Until when it held it.
    pub until: DateTime<Utc>,
}

/// What is known about delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryView {
    /// `confirmed` or `undeliverable`.
    pub arrives: Arrives,
    /// Reason of a return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When this became known.
    pub since: DateTime<Utc>,
}

/// A contact point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactView {
    /// Its id within the party, such as `c1`.
    pub contact_id: String,
    /// `postal`, `email` or `phone`.
    pub kind: String,
    /// What it is for.
    pub purposes: Vec<Purpose>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
    /// Whether it was ended by hand, and is history whatever its last day.
    pub ended: bool,
    /// Language of what is sent there, where it is not the party's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Language>))]
    pub language: Option<Language>,
    /// What is known about delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryView>,
    /// Of `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub email: Option<Personal>,
    /// Of `phone`, in E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub phone: Option<Personal>,
    /// Of `postal`: lines above the street.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub lines: Vec<Personal>,
    /// Of `postal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub street: Option<Personal>,
    /// Of `postal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub house_number: Option<Personal>,
    /// Of `postal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub po_box: Option<Personal>,
    /// Of `postal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub postcode: Option<Personal>,
    /// Of `postal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub town: Option<Personal>,
    /// Of `postal`: code of the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// What a party is towards another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleView {
    /// The role type.
    pub role: String,
    /// Towards which party.
    pub towards: String,
    /// First day.
    pub since: NaiveDate,
    /// Last day, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Whether it was ended by hand, and is history whatever its last day.
    pub ended: bool,
    /// What gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub because: Option<Personal>,
}

/// A class a party is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassificationView {
    /// The classification.
    pub classification: String,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Personal,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The instant from which it no longer holds, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Whether the party gets no vouchers and pays with none for it.
    pub no_vouchers: bool,
}

/// What was said about a channel or a contact list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionView {
    /// The channel or list.
    pub name: String,
    /// Where it stands.
    pub state: Permitted,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When another state took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Where it was said.
    pub source: String,
    /// Version of the text that the party saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_version: Option<String>,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub proof: Option<Personal>,
}

/// Parts of a party that begin and end. Lists are in the order in which the entries were added; empty ones are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartsView {
    /// Names it had before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<FormerNameView>,
    /// Values of fields that were given up, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_values: Vec<FormerValueView>,
    /// Ids in other systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<IdentifierView>,
    /// Contact points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ContactView>,
    /// Roles towards other parties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleView>,
    /// Classifications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classifications: Vec<ClassificationView>,
    /// Consents by communication channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<PermissionView>,
    /// Contact lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<PermissionView>,
}

/// A stored party. Its `ETag` is its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyAnswer {
    /// Its id.
    pub party_id: String,
    /// Counts the changes, from 1.
    pub version: u64,
    /// `person` or `organisation`.
    pub kind: String,
    /// Given names of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub given_name: Option<Personal>,
    /// Family name of a person, or the only name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub family_name: Option<Personal>,
    /// Name of an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub organisation_name: Option<Personal>,
    /// The name as a cashier says it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub display_name: Personal,
    /// `de`, `fr`, `it` or `en`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Language))]
    pub language: Language,
    /// Of a person, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// Of a person, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub birth_date: Option<Personal>,
    /// One of the tenant's customer types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_type: Option<String>,
    /// The sales channel through which the party came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_channel: Option<String>,
    /// The first of its ids in other systems that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<IdentifierInput>,
    /// What begins and ends.
    #[serde(flatten)]
    pub parts: PartsView,
    /// Values of the tenant's own fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<String, CustomValue>,
    /// How many items keep ended entries for which there is no room here: `GET /v1/parties/{party_id}/past` lists them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub past_items: u32,
    /// When it was stored first.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A contact point that was added or changed, and the party with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactAnswer {
    /// Its id: another one than before when it leads elsewhere than before.
    pub contact_id: String,
    /// The party.
    pub party: PartyAnswer,
}

/// A change of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeView {
    /// The version that it made.
    pub version: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The client through which it was asked for; absent when the system made it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Who is answerable for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `created` or `changed`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: ChangeKind,
    /// The fields as JSON pointers; entries are named by their type or id.
    pub fields: Vec<String>,
}

/// The changes of a party, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangesAnswer {
    /// A page of at most `limit`.
    pub changes: Vec<ChangeView>,
    /// Where they go on, when there are more: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A relationship to another party.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationshipInput {
    /// One of the relationship types.
    pub relationship: String,
    /// What the party of the path is in it, one of the two roles of the type; its first one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The other party.
    pub other: String,
    /// First day as `YYYY-MM-DD`; today when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Last day, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Where in the other party's organisation, 1 to 60 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub department: Option<Personal>,
    /// Which of the two roles owns the points of cards that the first party has from the second, such as `employer`; what the
    /// type says when absent. Receipts of the first day and later follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_owner: Option<String>,
}

/// Which relationship ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationshipEnd {
    /// Its type, also one that is no longer among the relationship types.
    pub relationship: String,
    /// What the party of the path is in it; the type's first role when absent. Needed for a type that is no longer there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The other party.
    pub other: String,
    /// Its last day; without it, it is over at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<String>,
}

/// A relationship as the party of the path sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationshipView {
    /// The relationship type.
    pub relationship: String,
    /// What the party is in it.
    pub role: String,
    /// The other party.
    pub other: String,
    /// What the other party is in it.
    pub other_role: String,
    /// First day.
    pub since: NaiveDate,
    /// Last day, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Whether it was ended by hand, and is history whatever its last day.
    pub ended: bool,
    /// Where in the other party's organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub department: Option<Personal>,
    /// The role that owns the points of cards that the first party has from the second; the type's first role when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_owner: Option<String>,
}

/// The relationships of a party, by type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationshipsAnswer {
    /// A page of at most `limit`, ended ones included.
    pub relationships: Vec<RelationshipView>,
    /// Where they go on, when there are more: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Ended entries for which there is no room in the party, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PastAnswer {
    /// A page of at most `limit` lots of them.
    pub past: Vec<PartsView>,
    /// Where they go on, when there are more: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
