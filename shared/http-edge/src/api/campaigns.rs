//! Bodies of campaigns, their runs and the printer's files.

use campaign::{Campaign, Decision, Difference, DryRun, Standing};
use chrono::{DateTime, NaiveDate, Utc};
use lettershop::manifest::Manifest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::administration::ContextField;
use super::campaign_results::RunForecast;

/// A campaign is to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRequest {
    /// The edition that the caller has seen; 0, or none, for a new campaign.
    #[serde(default)]
    pub expected_edition: u64,
    /// The campaign; its `id` is the one of the path.
    pub campaign: Campaign,
}

/// A campaign and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignView {
    /// Counts the changes of the document.
    pub edition: u64,
    /// The document.
    pub campaign: Campaign,
    /// Where it stands, and who wrote it.
    pub standing: Standing,
    /// When it was stored first.
    pub created_at: DateTime<Utc>,
    /// When it changed or moved last.
    pub updated_at: DateTime<Utc>,
}

/// A page of campaigns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignPage {
    /// Campaigns, by id.
    pub items: Vec<CampaignView>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What the condition of a segment can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignContext {
    /// The fields.
    pub fields: Vec<ContextField>,
    /// Most steps of one evaluation.
    pub cost_max: u32,
    /// Longest condition, in characters.
    pub source_max: usize,
    /// Names of the calendars that a birthday campaign can plan by.
    pub calendars: Vec<String>,
}

/// The members of a run are to be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DryRunRequest {
    /// The day on which the run is to be made; without it the next one by the campaign's schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<NaiveDate>,
}

/// A dry run is to be approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApproveRequest {
    /// The digest of the dry run that the approver has seen.
    pub digest: String,
}

/// A run is to be stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StopRequest {
    /// Why, 1 to 200 printable characters.
    pub reason: String,
    /// Whether the vouchers are blocked, too, that it has given. Then nobody goes on with it.
    #[serde(default)]
    pub block_vouchers: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CampaignRunStage {
    /// Members are being chosen.
    Choosing,
    /// Members are frozen; it waits for its approval and start.
    Chosen,
    /// Vouchers are being issued.
    Issuing,
    /// The printer's file is being written.
    Writing,
    /// The file stands.
    Written,
    /// It is not made; `stopped` says why.
    Stopped,
}

/// How far the work of a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunProgress {
    /// Segments whose members are chosen.
    pub segments_done: u8,
    /// Of how many.
    pub segments: u8,
    /// Shards whose members have their vouchers.
    pub shards_done: u8,
    /// Of how many.
    pub shards: u8,
    /// Members with vouchers so far.
    pub members: u64,
    /// Their vouchers.
    pub vouchers: u64,
    /// Members that were kept from vouchers after they were chosen.
    pub kept_back: u64,
    /// Vouchers in a minute since the start, while they are being issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouchers_per_minute: Option<u64>,
    /// When they will all be issued at this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_end: Option<DateTime<Utc>>,
}

/// How far the vouchers of a stopped run are blocked. Counts are of vouchers; until `done_at` they may still change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunBlocking {
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// Shards whose vouchers are looked at for the last time.
    pub shards_done: u8,
    /// Of how many.
    pub shards: u8,
    /// Blocked, now or before.
    pub blocked: u64,
    /// Redeemed before: they are left as they are.
    pub redeemed: u64,
    /// Void: before, or by the blocking of vouchers that cost points, which go back.
    pub voided: u64,
    /// Opened again by support: they are left open.
    pub unblocked: u64,
    /// Of people who were erased: no till takes them.
    pub erased: u64,
    /// Held by a basket. They are looked at again when the hold is over.
    pub held: u64,
    /// When all were looked at for the last time, some minutes after the stop: workers that had not heard of it are over then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

/// A run of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunView {
    /// The run: the campaign, `~`, and the period.
    pub run_id: String,
    /// Which choice of members, from 1.
    pub revision: u32,
    /// The campaign.
    pub campaign: String,
    /// Its edition.
    pub edition: u64,
    /// Business day of the run.
    pub day: NaiveDate,
    /// How far it is.
    pub stage: CampaignRunStage,
    /// Why it is not made: `by_hand`; `beyond_budget`; `superseded` by a later choice; `chosen_too_long_ago` or `vouchers_over` when it was to
    /// be started too late; `choice_disturbed` when it must be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What was said by who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// How far its vouchers are blocked, where that was asked for; in lists once they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking: Option<CampaignRunBlocking>,
    /// Currency of its amounts.
    pub currency: String,
    /// The greatest face value of its vouchers, in minor units; absent where the campaign has no budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_minor: Option<i64>,
    /// Sums and digest, once all members are chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRun>,
    /// Printing and postage of the letters that the least RFMR score saves, in minor units; absent without such a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_by_rfmr_minor: Option<i64>,
    /// The difference to the last run of the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// What is to be expected of it, where earlier runs of the campaign gave vouchers; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RunForecast>,
    /// How far the work is; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<CampaignRunProgress>,
    /// When the printer's file stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<DateTime<Utc>>,
    /// Members that were chosen and are not in the file: kept from their vouchers, or erased since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<u64>,
    /// Letters whose address had no room for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<u64>,
    /// Until when the printer's acknowledgement is awaited; absent in lists, and once it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement_due_at: Option<DateTime<Utc>>,
    /// When the printer's acknowledgement came that agrees with the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Letters that came back, by where their parties came from; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<ReturnedSums>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
}

/// Letters of a run that came back, and what they have cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnedSums {
    /// By source, in its order.
    pub sources: Vec<ReturnedFrom>,
    /// Whether all are counted. Some fifty thousand are at most.
    pub complete: bool,
}

/// Letters that came back from parties of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnedFrom {
    /// The sales channel through which the parties came; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_channel: Option<String>,
    /// Letters.
    pub letters: u64,
    /// Printing and postage of them in minor units of the programme's currency.
    pub cost_minor: i64,
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunPage {
    /// Runs, the last by name first.
    pub items: Vec<CampaignRunView>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a run decided about a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    /// The party.
    pub party_id: String,
    /// The decision, with its reason.
    #[serde(flatten)]
    pub decision: Decision,
    /// The period for which it counts.
    pub period: String,
    /// When it was frozen.
    pub decided_at: DateTime<Utc>,
}

/// The files of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignRunFiles {
    /// A link to the letters, for anyone who has it, until `expires_at`.
    pub letters_url: String,
    /// A link to the manifest.
    pub manifest_url: String,
    /// When the links cease to work.
    pub expires_at: DateTime<Utc>,
    /// The manifest.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub manifest: Value,
}

/// The manifest in a stored run.
///
/// # Errors
/// It is none.
pub fn manifest(stored: &Value) -> Result<Manifest, serde_json::Error> {
    Manifest::deserialize(stored)
}
