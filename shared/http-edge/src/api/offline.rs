//! Bodies of `/v1/offline-…`: vouchers that branches take while their line is down.

use chrono::{DateTime, NaiveDate, Utc};
use domain::money::Money;
use domain::offline::{Bearer, Breach, LossReason, Outcome};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};

use super::vouchers::{GoodsTotal, Redemption};

/// Asks for what a branch may take when its line goes down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllowanceRequest {
    /// Location id.
    pub store: String,
}

/// What a branch may take while its line is down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllowanceAnswer {
    /// Names location and business day: each has one, however often it is asked for.
    pub allowance_id: String,
    /// Location id.
    pub store: String,
    /// First instant of the window, whole seconds.
    pub valid_from: DateTime<Utc>,
    /// First instant after it.
    pub valid_until: DateTime<Utc>,
    /// Most of the day, in all windows together.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub limit: Money,
    /// Most for a single voucher.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub voucher_limit: Money,
    /// What journals have used of the limit so far.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub used: Money,
    /// The allowance as a signed token (JWT with EdDSA, RFC 8037): verify it with `GET /v1/offline-keys`, keep it, and send it with
    /// the journal.
    pub allowance: String,
}

/// What a branch took while its line was down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JournalRequest {
    /// The signed token under which these vouchers were taken.
    pub allowance: String,
    /// 1 to 50 entries; send a longer journal in parts.
    pub entries: Vec<JournalEntry>,
}

/// A voucher that was taken. Receipt and code make the entry: the same pair again is answered as the first time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JournalEntry {
    /// The entry's number in the branch's journal, from 1, once in a call. Entries of a call are decided in this order.
    pub number: u32,
    /// The code.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
    /// Key of the receipt, `store~till~business date~number`, of the allowance's location.
    pub receipt: String,
    /// The basket it was reserved for before the line went down, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket: Option<String>,
    /// Total of the receipt.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub basket_total: Money,
    /// The receipt by VAT rate and product group, for a voucher that is for some groups: 1 to 100 entries that come to `basket_total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket_by_vat: Option<Vec<GoodsTotal>>,
    /// Number of the card that was presented, for a personal voucher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub card: Option<Secret>,
    /// What the till gave for the voucher.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// When, by the till's clock.
    pub at: DateTime<Utc>,
}

/// What became of the entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JournalAnswer {
    /// The allowance.
    pub allowance_id: String,
    /// One for each entry of the call, by number.
    pub entries: Vec<EntryAnswer>,
}

/// What was decided on an entry, once and for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntryAnswer {
    /// The number in this call.
    pub number: u32,
    /// Key of the receipt.
    pub receipt: String,
    /// What became of it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::OfflineOutcome))]
    pub outcome: Outcome,
    /// What the voucher covers.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub booked: Money,
    /// What is lost. Both together are what the till gave, unless the sale was voided.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub lost: Money,
    /// Why something is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::LossReason>))]
    pub reason: Option<LossReason>,
    /// Who bears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Bearer>))]
    pub bearer: Option<Bearer>,
    /// How the entry breaks the allowance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::schemas::Breach>))]
    pub breaches: Vec<Breach>,
    /// The first redemption, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redemption: Option<Redemption>,
    /// Whether it was decided by an earlier call.
    pub replayed: bool,
    /// Whether it tells something else than the entry that was decided; that one stands.
    pub contradicts: bool,
}

/// What branches without a line lost, on receipts of these business days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LossReport {
    /// First business day.
    pub from: NaiveDate,
    /// Last business day.
    pub to: NaiveDate,
    /// By location and bearer; those without a loss are left out.
    pub branches: Vec<BranchLosses>,
    /// By bearer.
    pub totals: Vec<BearerLosses>,
}

/// What one bearer bears of the losses of a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BranchLosses {
    /// Location id.
    pub location_id: String,
    /// Who bears them.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Bearer))]
    pub bearer: Bearer,
    /// Number of entries.
    pub count: u64,
    /// What they come to.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
    /// The same by reason.
    pub reasons: Vec<ReasonLosses>,
}

/// Losses of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReasonLosses {
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::LossReason))]
    pub reason: LossReason,
    /// Number of entries.
    pub count: u64,
    /// What they come to.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// What one bearer bears of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BearerLosses {
    /// Who bears them.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Bearer))]
    pub bearer: Bearer,
    /// Number of entries.
    pub count: u64,
    /// What they come to.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// Entries of a location on which something is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LossPage {
    /// By business day and receipt.
    pub items: Vec<LossView>,
    /// Continue with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An entry on which something is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LossView {
    /// Key of the receipt.
    pub receipt: String,
    /// When the till took the voucher, by its clock.
    pub at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// What the voucher covers.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub booked: Money,
    /// What is lost.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub lost: Money,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::LossReason))]
    pub reason: LossReason,
    /// Who bears it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Bearer))]
    pub bearer: Bearer,
    /// How the entry breaks the allowance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::schemas::Breach>))]
    pub breaches: Vec<Breach>,
    /// The first redemption, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redemption: Option<Redemption>,
}
