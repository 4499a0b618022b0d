//! Bodies of `/v1/leads`.

use chrono::NaiveDate;
use domain::secret::Secret;
use party::input::PartyInput;
use serde::{Deserialize, Serialize};

/// Somebody who may become a customer.
///
/// It is repeatable by the `external_id` or `client_token` of the party, as `POST /v1/parties` is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeadRequest {
    /// Who it is, as `POST /v1/parties` takes it. The role `lead` comes by itself.
    pub party: PartyInput,
    /// Where it came from, such as `fair`: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    pub source: String,
    /// The queue of a task to look at the lead, 1 to 40 characters from a-z, 0-9 and `-`; no task when absent. It needs the
    /// scope `desk.write` too, and an `external_id` or `client_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_queue: Option<String>,
}

/// A lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeadView {
    /// The party.
    pub party_id: String,
    /// The version of the party.
    pub version: u64,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub source: Option<Secret>,
    /// Since when it is or was a lead.
    pub since: NaiveDate,
    /// `open`; `customer` or `converted` once that was decided; `closed` when its role was ended without either.
    pub status: String,
    /// The party that it is, when it was `converted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converted_into: Option<String>,
    /// The task that was made with it; only in the answer to the call that asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
}

/// What a lead and another party have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Shared {
    /// An id in another system, whichever system it is.
    ExternalId,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// Names that sound the same, and a postcode.
    NameAndPostcode,
}

/// A party that may be the same as a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeadCandidate {
    /// Its id.
    pub party_id: String,
    /// `person` or `organisation`.
    pub kind: String,
    /// Its name as people say it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub display_name: Secret,
    /// Postcode and town of its first address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub place: Option<Secret>,
    /// Everything that they share, the strongest first.
    pub shares: Vec<Shared>,
}

/// A lead with the parties that may be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeadCandidates {
    /// The lead.
    pub lead: LeadView,
    /// The most likely first, at most 50.
    pub candidates: Vec<LeadCandidate>,
    /// Whether there may be others: what they share is too frequent, or the lead has more than is looked for.
    pub truncated: bool,
}

/// What is decided about a lead: one of `as` and `into`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConvertRequest {
    /// `customer`: it is a customer of its own.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub becomes: Option<String>,
    /// The party that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// With `as`: candidates that are somebody else. Every candidate must be among them. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_the_same_as: Vec<String>,
}
