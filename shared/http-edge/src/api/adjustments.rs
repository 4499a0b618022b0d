//! Bodies of `/v1/points/corrections` and of what is listed there: corrections, transfers, and what is done to single vouchers.
//!
//! Reasons are free texts that may name somebody; they have the type [`Secret`], which `Debug` does not show.

use chrono::{DateTime, NaiveDate, Utc};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};

use super::vouchers::VoucherState;

/// Points to be given to an account, or taken from it.
///
/// Sent again with the same `client_token` and the same content, it answers with what became of the first call; with other
/// content it is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorrectionRequest {
    /// The programme of the account.
    pub programme: String,
    /// Points, -1000000 to 1000000 and not 0. Given ones count and expire as if they were earned today; taken ones are taken by
    /// nearest expiry, and what is not there is owed.
    pub points: i64,
    /// Why, for those who look at the account later: 1 to 200 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Secret,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`.
    pub client_token: String,
}

/// Points to be moved from the account of the party in the path to another one.
///
/// Sent again with the same `client_token` and the same content, it answers with what became of the first call; with other
/// content it is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransferRequest {
    /// The programme of both accounts.
    pub programme: String,
    /// The party that gets the points.
    pub to: String,
    /// Points, 1 to 1000000 and at most the balance. They keep their last day.
    pub points: i64,
    /// Why: 1 to 200 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Secret,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`.
    pub client_token: String,
}

/// A voucher to be made void, so that its points go back to the account.
///
/// Sent again it answers with what became of the first call, whatever its `client_token`; the same token with other content is
/// refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoidVoucherRequest {
    /// The programme of the account.
    pub programme: String,
    /// Why: 1 to 200 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Secret,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`.
    pub client_token: String,
}

/// A voucher to be blocked, unblocked or reissued.
///
/// Sent again with the same `client_token` and the same content, it answers with what became of the first call; with other
/// content it is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoucherRequest {
    /// The programme of the account.
    pub programme: String,
    /// Why: 1 to 200 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Secret,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`.
    pub client_token: String,
}

/// A voucher to be valid for longer.
///
/// Sent again with the same `client_token` and the same content, it answers with what became of the first call; with other
/// content it is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtendVoucherRequest {
    /// The programme of the account.
    pub programme: String,
    /// The new last day, `YYYY-MM-DD`: later than the one before, not over, and at most 3660 days from today.
    pub valid_until: String,
    /// Why: 1 to 200 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Secret,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`.
    pub client_token: String,
}

/// A single voucher as support sees it, without its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoucherDeskView {
    /// The voucher.
    pub state: VoucherState,
    /// Id of the voucher that stands in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissued_as: Option<String>,
    /// Who blocked, voided or reissued it, when and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<AdjustmentView>,
}

/// Why something is rejected.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RejectionRequest {
    /// Why: 1 to 200 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Secret,
}

/// What is done by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    /// An account gets or loses points.
    Correction,
    /// Points leave an account for another one.
    Transfer,
    /// A voucher is void, and its points came back.
    VoucherVoid,
    /// A voucher was blocked.
    VoucherBlock,
    /// A voucher was unblocked.
    VoucherUnblock,
    /// A voucher is valid for longer.
    VoucherExtend,
    /// A voucher is void, and another one stands in its place.
    VoucherReissue,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentStatus {
    /// Waits for a second person; no points have moved.
    AwaitingApproval,
    /// The points have moved.
    Posted,
    /// Refused; no points have moved.
    Rejected,
}

/// What was done to points or a voucher by hand, or is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdjustmentView {
    /// Its id. Ledger entries name it.
    pub id: String,
    /// What is done.
    pub kind: AdjustmentKind,
    /// What became of it.
    pub status: AdjustmentStatus,
    /// Holder of the account; of the giving one for a transfer.
    pub party_id: String,
    /// Holder of the receiving account of a transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Sequence number of the voucher, when it was issued for points; of a reissued one the number of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<u64>,
    /// Id of the voucher; says nothing about the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher_id: Option<String>,
    /// The new last day of an extended voucher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
    /// Id of the voucher that stands in the place of a reissued one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissued_as: Option<String>,
    /// Programme of the account.
    pub programme: String,
    /// Points: signed for a correction, moved for a transfer, those that came back for a voided voucher; else 0.
    pub points: i64,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub reason: Secret,
    /// Who asked.
    pub author: String,
    /// Through which client.
    pub client: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// The second person: who approved or rejected. Absent while it waits, and where no second person was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When it was posted or rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub rejection: Option<Secret>,
    /// The entries that moved the points: one in the ledger of the account, and for a transfer a second one in that of the
    /// receiving account. Empty until it is posted.
    pub entries: Vec<AdjustmentEntry>,
}

/// A ledger entry, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdjustmentEntry {
    /// Holder of the account.
    pub party_id: String,
    /// Version of the account after it.
    pub version: u64,
    /// Business day on which it was posted.
    pub business_date: NaiveDate,
    /// Points, signed.
    pub points: i64,
    /// Balance after it; below 0 when points are owed.
    pub balance_after: i64,
    /// Points that do not count yet, after it.
    pub pending_after: i64,
    /// Version of the programme that decided.
    pub programme_version: u32,
}

/// A page of what was, or is to be, moved by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdjustmentPage {
    /// Those that wait: the oldest first. Others: the newest first.
    pub items: Vec<AdjustmentView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
