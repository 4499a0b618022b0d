//! Bodies of the search.

use domain::secret::Secret;
use serde::{Deserialize, Serialize};

/// What of a party fits best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MatchedField {
    /// Its name.
    Name,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// Its id in another system.
    ExternalId,
    /// A postcode.
    Postcode,
    /// A town.
    Town,
    /// The number of one of its cards.
    Card,
}

/// A party that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundParty {
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
    /// What of it fits best.
    pub matched: MatchedField,
    /// How well it fits, up to 1,000.
    pub score: u32,
}

/// The parties that fit, the best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchAnswer {
    /// At most as many as were asked for.
    pub items: Vec<FoundParty>,
    /// Whether others may fit as well: what was typed is too frequent. Say more.
    pub truncated: bool,
}
