//! Bodies of the results of campaigns.

use campaign::Certainty;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::campaigns::CampaignRunStage;

/// What is to be expected of a run, by what became of the vouchers of earlier ones. Amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunForecast {
    /// Thousandths of the vouchers of these runs that were redeemed and not taken back, rounded up. Of vouchers that are spent in parts,
    /// the parts count as the whole ones that they come to.
    pub redeemed_permille: u32,
    /// The runs, the last first.
    pub runs: Vec<String>,
    /// Whether the vouchers of all of them are over. Else some of them can still be redeemed, and more is to be expected.
    pub over: bool,
    /// Face value that will be redeemed, rounded up. Vouchers of a share of the basket without a greatest discount are not in it.
    pub expected_redemption_minor: i64,
    /// What is owed: of vouchers that were paid for the whole face value, of free ones what will be redeemed.
    pub liability_minor: i64,
    /// What is to be expected less what was redeemed of the last of these runs.
    pub since_last_minor: i64,
}

/// Redemptions and what they took off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redeemed {
    /// Redemptions.
    pub vouchers: i64,
    /// What they took off, in minor units.
    pub value_minor: i64,
}

/// Redemptions of a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BranchResults {
    /// The location.
    pub store: String,
    /// Redemptions that stand.
    pub redeemed: Redeemed,
    /// Redemptions that were taken back.
    pub reversed: Redeemed,
}

/// Redemptions of a business day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayResults {
    /// Business day of the receipts.
    pub day: NaiveDate,
    /// Redemptions that stand.
    pub redeemed: Redeemed,
    /// Redemptions that were taken back, by the day on which they were made.
    pub reversed: Redeemed,
}

/// What letters and vouchers cost, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultCost {
    /// Paper, printing and enclosing of the rows of the file.
    pub printing_minor: i64,
    /// Postage of them.
    pub postage_minor: i64,
    /// Face value of the vouchers that are redeemed.
    pub redeemed_minor: i64,
    /// All of these.
    pub total_minor: i64,
}

/// Counts of a run, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultSums {
    /// Members that were chosen: for a letter, or for the control group.
    pub chosen: u64,
    /// Members that were chosen for a letter.
    pub letters: u64,
    /// Members of the control group.
    pub control: u64,
    /// Members that were kept from their letter after they were chosen.
    pub kept_back: u64,
    /// Vouchers that were given so far.
    pub issued: u64,
    /// Rows of the printer's file.
    pub printed: u64,
    /// Rows among them that go to planted addresses.
    pub planted: u64,
    /// Letters that the printer has confirmed, those that it rejected not among them.
    pub sent: u64,
    /// Letters that came back.
    pub returned: u64,
    /// Redemptions that stand.
    pub redeemed: Redeemed,
    /// Redemptions that were taken back.
    pub reversed: Redeemed,
    /// Vouchers that are void.
    pub voided: i64,
    /// Vouchers that are stopped.
    pub blocked: i64,
    /// Vouchers that can still be redeemed, by the dates of their run.
    pub open: u64,
    /// Vouchers that were not redeemed before their time was over, by the dates of their run.
    pub expired: u64,
    /// What it cost.
    pub cost: ResultCost,
}

/// Members of a run and what they bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupRevenue {
    /// Members.
    pub members: u64,
    /// Those among them with a receipt.
    pub buyers: u64,
    /// Their revenue less returns, in minor units.
    pub revenue_minor: i64,
    /// That by the members, rounded; absent of nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_head_minor: Option<i64>,
}

/// What members with letters bought more than those of the control group. Amounts are in minor units, rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Uplift {
    /// For each member with a letter.
    pub per_head_minor: i64,
    /// The least that this is but for chance, in 19 of 20 runs; absent of fewer than 30 members in a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_per_head_minor: Option<i64>,
    /// The most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_per_head_minor: Option<i64>,
    /// For all members with letters.
    pub revenue_minor: i64,
    /// What can be said of it.
    pub certainty: Certainty,
}

/// Revenue of a run's members on the days on which its vouchers are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunRevenue {
    /// When it was measured: what was posted before is in it.
    pub as_of: DateTime<Utc>,
    /// First business day whose receipts count.
    pub from: NaiveDate,
    /// Last one.
    pub through: NaiveDate,
    /// Members that were chosen for a letter, those among them that were kept back too: the control group has such as well.
    pub letters: GroupRevenue,
    /// Members of the control group.
    pub control: GroupRevenue,
    /// What the letters brought; absent without a control group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplift: Option<Uplift>,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunResults {
    /// The run.
    pub run_id: String,
    /// Which choice of members, from 1.
    pub revision: u32,
    /// The campaign.
    pub campaign: String,
    /// Business day of the run.
    pub day: NaiveDate,
    /// How far it is.
    pub stage: CampaignRunStage,
    /// Currency of its amounts (ISO 4217).
    pub currency: String,
    /// First day of its vouchers; absent when they would be over before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<NaiveDate>,
    /// Last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
    /// Its counts.
    #[serde(flatten)]
    pub sums: ResultSums,
    /// Redemptions by location, of those that the caller speaks for; of one, when the call names one.
    pub by_branch: Vec<BranchResults>,
    /// Redemptions by day, at the locations that the caller speaks for; at one, when the call names one.
    pub by_day: Vec<DayResults>,
    /// Whether everything is counted: of returned letters some fifty thousand are at most.
    pub complete: bool,
    /// Revenue of its members, once it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<RunRevenue>,
    /// Whether it is being measured.
    pub measuring: bool,
}

/// What became of the runs of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CampaignResults {
    /// The campaign.
    pub campaign: String,
    /// Sums over the runs of this page.
    pub total: ResultSums,
    /// Redemptions of these runs by location, of those that the caller speaks for; of one, when the call names one.
    pub by_branch: Vec<BranchResults>,
    /// Redemptions of these runs by day, at the locations that the caller speaks for; at one, when the call names one.
    pub by_day: Vec<DayResults>,
    /// Runs that were started, the last by name first, without their own days and locations.
    pub items: Vec<RunResults>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
