//! Bodies of `/v1/recalculations`.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::administration::ProgrammeSettings;

/// Receipts to be counted again: under settings on trial, or under a stored version, to correct points.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunRequest {
    /// The programme.
    pub programme: String,
    /// A stored version; then the differences can be approved and posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Settings to try; nothing is ever posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<ProgrammeSettings>,
    /// First business day of the receipts.
    pub from: NaiveDate,
    /// Last business day, at most 92 days in all.
    pub until: NaiveDate,
    /// Why, 1 to 200 printable characters.
    pub reason: String,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RunKind {
    /// Settings are tried.
    Trial,
    /// Points are corrected.
    Correction,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RunState {
    /// Receipts are being counted.
    Counting,
    /// All receipts are counted.
    Counted,
    /// Approved; the differences are being posted.
    Posting,
    /// All differences are posted.
    Posted,
}

/// What receipts came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CountedView {
    /// Receipts of accounts.
    pub receipts: u64,
    /// Receipts without an account: they have no points.
    pub receipts_without_account: u64,
    /// Receipts of an account that are not posted yet: they are left out.
    pub receipts_not_posted: u64,
    /// Receipts that were corrected since they were counted, or no longer differ: they are left as they are.
    pub receipts_skipped: u64,
    /// Receipts that cannot be counted or corrected; the log of the function says why.
    pub receipts_failed: u64,
    /// Receipts whose points differ.
    pub receipts_changed: u64,
    /// Points as they were.
    pub points_before: i64,
    /// Points under the run's settings.
    pub points_after: i64,
    /// Points that receipts gain.
    pub more: i64,
    /// Points that receipts lose, 0 or more.
    pub less: i64,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunView {
    /// Its id.
    pub run_id: String,
    /// What it is for.
    pub kind: RunKind,
    /// How far it is.
    pub state: RunState,
    /// The programme.
    pub programme: String,
    /// The version that a correction counts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// First business day.
    pub from: NaiveDate,
    /// Last business day.
    pub until: NaiveDate,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub author: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<DateTime<Utc>>,
    /// Locations to be counted.
    pub locations: usize,
    /// Locations whose receipts are counted.
    pub locations_counted: usize,
    /// What was counted so far.
    pub counted: CountedView,
    /// What was posted so far, once it is approved: receipts are counted once more when they are posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted: Option<CountedView>,
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPage {
    /// In the order of their ids.
    pub items: Vec<RunView>,
    /// Where the list goes on, when it does: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A page of differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DifferencesAnswer {
    /// Customers whose points differ; the receipts of the last one may go on in the next page.
    pub customers: Vec<PartyDifference>,
    /// Where the list goes on, when it does: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What differs for a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyDifference {
    /// The customer.
    pub party_id: String,
    /// Signed points in all.
    pub difference: i64,
    /// Receipt by receipt.
    pub receipts: Vec<ReceiptDifference>,
}

/// A receipt whose points differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptDifference {
    /// Its key.
    pub receipt: String,
    /// Points as they were when it was counted.
    pub points_before: i64,
    /// Points under the run's settings.
    pub points_after: i64,
}
