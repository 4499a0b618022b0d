//! Bodies of imports.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportState {
    /// At work.
    Running,
    /// Every row was read.
    Complete,
    /// Nothing, or nothing more, of the file is imported; `refused` says why.
    Refused,
}

/// Rows of a file as far as it was read. Each row is in exactly one of the last four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportCounts {
    /// All rows.
    pub read: u64,
    /// Rows that made a party.
    pub created: u64,
    /// Rows that changed one.
    pub changed: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows that were rejected.
    pub rejected: u64,
}

/// The file with what was rejected: a line for each finding, with line, field, code and reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportRejects {
    /// Rejected rows in the file, at most 100,000; `counts` says how many there are.
    pub rows: u64,
    /// A link that anyone who has it can use until `url_expires_at`; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When the link ceases to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_expires_at: Option<DateTime<Utc>>,
}

/// The import of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Import {
    /// Follows from the file's name and content.
    pub run_id: String,
    /// Key of the file in the bucket of the imports.
    pub file: String,
    /// Size of the file.
    pub bytes: u64,
    /// How often the file was walked through, with this time.
    pub revision: u32,
    /// Whether it is done.
    pub state: ImportState,
    /// Why it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Parts that the file is worked off in.
    pub parts: u32,
    /// Those of them that are done.
    pub parts_done: u32,
    /// What the rows came to so far.
    pub counts: ImportCounts,
    /// What was rejected, once it is complete; absent when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<ImportRejects>,
    /// When the file was found.
    pub begun_at: DateTime<Utc>,
    /// When the last part was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
}

/// Imports in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportPage {
    /// At most 20.
    pub items: Vec<Import>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
