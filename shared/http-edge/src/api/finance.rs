//! Bodies of finance.

use chrono::{DateTime, Utc};
use domain::money::Money;
use serde::{Deserialize, Serialize};

/// Asks for the report of a month again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinanceRunRequest {
    /// The last revision of the month that was read before; 0 when there is none.
    pub expected_revision: u32,
}

/// Where a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ReportState {
    /// At work.
    Running,
    /// Done; nothing of it changes any more.
    Complete,
}

/// The report of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinanceReport {
    /// The programme.
    pub programme_id: String,
    /// The month, `YYYY-MM`: what was posted on its days, whatever the business date.
    pub month: String,
    /// Which run of the month, from 1. A run that is asked for again is the next one; none is overwritten.
    pub revision: u32,
    /// Whether it is done.
    pub state: ReportState,
    /// Parts of the table that the run is worked off in.
    pub segments: u8,
    /// Those of them that are done.
    pub segments_done: u8,
    /// Time zone of the month's days.
    pub zone: String,
    /// When the run was asked for.
    pub asked_at: DateTime<Utc>,
    /// Accounts that had entries up to the end of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<u64>,
    /// Rows of `liability.csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Sum of its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<FinanceTotal>,
    /// Vouchers redeemed in the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouchers: Option<u64>,
    /// Their face values, by currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::schemas::Money>))]
    pub redeemed: Vec<Money>,
    /// The files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FinanceFile>,
}

/// Points of a month: opening + earned − spent + given back − expired − reversed + corrected + transferred + recalculated +
/// settled = closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinanceTotal {
    /// Open at the beginning, pending ones among them, less deficits.
    pub opening: i64,
    /// Earned with receipts.
    pub earned: i64,
    /// Turned into vouchers.
    pub spent: i64,
    /// Back from voided vouchers.
    pub given_back: i64,
    /// Expired.
    pub expired: i64,
    /// Taken back with returned goods and voided receipts.
    pub reversed: i64,
    /// Corrected by hand, signed.
    pub corrected: i64,
    /// Arrived from other accounts less what went to them.
    pub transferred: i64,
    /// Difference of receipts that were counted again, signed.
    pub recalculated: i64,
    /// What later points of one origin paid for the deficit of another: 0 in the sum.
    pub settled: i64,
    /// Open at the end.
    pub closing: i64,
    /// Expired points that returns were not made to pay again.
    pub forgiven: i64,
    /// Expired less forgiven.
    pub breakage: i64,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FinanceFile {
    /// `liability.csv`, `settlement.csv`, `companies.csv` or `manifest.json`.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// A link that anyone who has it can use until `url_expires_at`.
    pub url: String,
    /// When the link ceases to work.
    pub url_expires_at: DateTime<Utc>,
}
