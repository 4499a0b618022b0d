//! Bodies of privacy.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A signed statement of everything that is stored about a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatementAnswer {
    /// The statement.
    pub statement_id: String,
    /// The party.
    pub party_id: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// A link to the JSON document that anyone who has it can use until `url_expires_at`.
    pub url: String,
    /// A link to the signature as a file.
    pub signature_url: String,
    /// When the links cease to work.
    pub url_expires_at: DateTime<Utc>,
    /// The signature over the exact bytes: a compact JWS with detached content (RFC 7515, appendix F), Ed25519 (RFC 8037).
    pub signature: String,
}

/// Asks for the erasure of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureRequest {
    /// `on_request` (the person asked for it), `no_longer_needed` or `unlawful`. A word and no text: the request outlives the
    /// party and must not name anybody.
    pub reason: String,
}

/// Points that lapse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LapsingAccount {
    /// The programme.
    pub programme_id: String,
    /// Points that count.
    pub balance: i64,
    /// Points that do not count yet.
    pub pending: i64,
}

/// What lapses with the party, and what is open when the erasure is asked for: the second person decides with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureFindings {
    /// Its accounts: their points expire by their lots.
    pub accounts: Vec<LapsingAccount>,
    /// Vouchers that could still be redeemed; they are not taken any more.
    pub open_vouchers: u64,
    /// Invoices that are not paid: they stay in the books, without a name.
    pub open_invoices: u64,
    /// Opportunities that are open; they are removed.
    pub open_opportunities: u64,
    /// Tasks and cases that are open; they are closed without their texts.
    pub open_work: u64,
    /// Corrections and transfers that wait for a second person; they are rejected.
    pub open_adjustments: u64,
}

/// What became of the items about the party, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureCounts {
    /// Removed.
    pub deleted: BTreeMap<String, u64>,
    /// Kept without what named the party.
    pub emptied: BTreeMap<String, u64>,
    /// Kept as they were: they named nobody.
    pub kept: BTreeMap<String, u64>,
}

/// A request of erasure and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureView {
    /// The party: after the erasure a number that leads nowhere.
    pub party_id: String,
    /// `requested`, `withdrawn`, `approved` (under way) or `erased`.
    pub status: String,
    /// `on_request`, `no_longer_needed` or `unlawful`.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// What lapses, and what was open then.
    pub findings: ErasureFindings,
    /// Who has approved it, or taken it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    /// When the last of it was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
    /// What was removed, emptied and kept, so far or at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<ErasureCounts>,
    /// The proof: a compact JWS (RFC 7515) with its content, Ed25519. It names who, when and how much, and nothing of what was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// A page of requests, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasurePage {
    /// The requests.
    pub items: Vec<ErasureView>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
