//! Bodies of the service desk: tasks, cases, communication, opportunities, and all of a party at once.
//!
//! Titles and texts may name somebody; they have the type [`Secret`], which `Debug` does not show.

use chrono::{DateTime, NaiveDate, Utc};
use domain::money::Money;
use domain::secret::Secret;
use serde::{Deserialize, Serialize};

use super::erp::MoraleView;

/// Something to be done. The same call again, with its `client_token`, is answered with what became of the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskRequest {
    /// What is to be done: 1 to 120 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Secret,
    /// More about it: 1 to 4000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub text: Option<Secret>,
    /// Who looks for it, such as `support`: 1 to 40 characters from a-z, 0-9 and `-`.
    pub queue: String,
    /// Until when, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// The case it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// Who is to do it: the subject of an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`, `-` and `_`.
    pub client_token: String,
}

/// A change of what the caller has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionRequest {
    /// The version that the caller has seen.
    pub expected_version: u64,
}

/// Somebody works on a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskClaimRequest {
    /// The version that the caller has seen.
    pub expected_version: u64,
    /// Who: the subject of an operator. The person who signed in when absent; a call with an API key has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
}

/// A page of older changes of a task or case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepPage {
    /// The newest first.
    pub items: Vec<StepView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A page of older changes of an opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpportunityHistory {
    /// The newest first.
    pub items: Vec<OpportunityChange>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One change of a task or case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepView {
    /// The version it made.
    pub version: u64,
    /// What was done.
    pub what: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskView {
    /// Its id.
    pub task_id: String,
    /// Counts the changes, from 1.
    pub version: u64,
    /// `open`, `claimed` or `done`.
    pub status: String,
    /// What is to be done.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Secret,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub text: Option<Secret>,
    /// Who looks for it.
    pub queue: String,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// The case it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<String>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The last changes, at most 20; older ones in its history.
    pub steps: Vec<StepView>,
}

/// A page of open tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskPage {
    /// By due date; those without one last.
    pub items: Vec<TaskView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Tasks that belong together. The same call again, with its `client_token`, is answered with what became of the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaseRequest {
    /// What about: 1 to 120 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Secret,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`, `-` and `_`.
    pub client_token: String,
}

/// How far a case is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaseStatusRequest {
    /// `open`, `waiting` or `closed`.
    pub status: String,
    /// The version that the caller has seen.
    pub expected_version: u64,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaseView {
    /// Its id.
    pub case_id: String,
    /// Counts its changes and those of its tasks that it counts, from 1.
    pub version: u64,
    /// `open`, `waiting` or `closed`.
    pub status: String,
    /// What about.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Secret,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// Tasks that are not finished.
    pub open_tasks: u32,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The last changes, at most 20; older ones in its history.
    pub steps: Vec<StepView>,
    /// Its tasks, at most 100; in lists of cases absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<TaskView>>,
}

/// A page of cases that are not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CasePage {
    /// The oldest first.
    pub items: Vec<CaseView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What was spoken or written with a party. The same call again, with its `client_token`, is kept once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CommunicationRequest {
    /// `call`, `email`, `letter`, `visit` or `other`.
    pub kind: String,
    /// Who began: `inbound` the party, `outbound` we.
    pub direction: String,
    /// What about: 1 to 120 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub subject: Secret,
    /// What was said: 1 to 4000 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub text: Secret,
    /// When it took place; not later than now, not before 2000.
    pub at: DateTime<Utc>,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`, `-` and `_`.
    pub client_token: String,
}

/// A communication that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CommunicationAnswer {
    /// Its id.
    pub communication_id: String,
    /// The party.
    pub party_id: String,
    /// When it took place.
    pub at: DateTime<Utc>,
}

/// Something that a party may buy. The same call again, with its `client_token`, is answered with what became of the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpportunityRequest {
    /// What: 1 to 120 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Secret,
    /// Where it stands on its way, in words of your own: 1 to 40 characters from a-z, 0-9 and `-`.
    pub stage: String,
    /// `open`, `won` or `lost`.
    pub outcome: String,
    /// What it may come to; 0 or more.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// How probable that is, 0 to 100 per cent.
    pub probability: u8,
    /// When that is expected, `YYYY-MM-DD`.
    pub close_on: String,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`, `-` and `_`.
    pub client_token: String,
}

/// How an opportunity stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpportunityChangeRequest {
    /// Where it stands on its way, in words of your own: 1 to 40 characters from a-z, 0-9 and `-`.
    pub stage: String,
    /// `open`, `won` or `lost`.
    pub outcome: String,
    /// What it may come to; 0 or more.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// How probable that is, 0 to 100 per cent.
    pub probability: u8,
    /// When that is expected, `YYYY-MM-DD`.
    pub close_on: String,
    /// The version that the caller has seen.
    pub expected_version: u64,
}

/// A change of an opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpportunityChange {
    /// By whom.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The stage after it.
    pub stage: String,
    /// `open`, `won` or `lost`.
    pub outcome: String,
    /// The value after it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// The probability after it, in per cent.
    pub probability: u8,
    /// When it was expected to close.
    pub close_on: NaiveDate,
}

/// An opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpportunityView {
    /// Its id.
    pub opportunity_id: String,
    /// The party.
    pub party_id: String,
    /// Counts the changes, from 1.
    pub version: u64,
    /// What.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Secret,
    /// Where it stands.
    pub stage: String,
    /// `open`, `won` or `lost`.
    pub outcome: String,
    /// What it may come to.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// How probable that is, in per cent.
    pub probability: u8,
    /// When that is expected.
    pub close_on: NaiveDate,
    /// Every change, the first included; at most 100.
    pub changes: Vec<OpportunityChange>,
}

/// A page of opportunities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpportunityPage {
    /// Opportunities.
    pub items: Vec<OpportunityView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Happened {
    /// The party ordered.
    Order {
        /// Number of the order.
        number: String,
        /// What it comes to.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        total: Money,
        /// `open`, `delivered` or `cancelled`.
        status: String,
    },
    /// The party got an invoice.
    Invoice {
        /// Number of the invoice.
        number: String,
        /// What is to be paid.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        total: Money,
        /// Until when.
        due_date: NaiveDate,
        /// How often it was reminded.
        dunning_level: u8,
        /// `open`, `cancelled` or `written_off`.
        status: String,
    },
    /// The party paid, or took a payment back.
    Payment {
        /// Number of the payment.
        number: String,
        /// Number of the invoice.
        invoice: String,
        /// How much.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        amount: Money,
    },
    /// Somebody spoke or wrote.
    Communication {
        /// Its id.
        communication_id: String,
        /// `call`, `email`, `letter`, `visit` or `other`.
        channel: String,
        /// `inbound` or `outbound`.
        direction: String,
        /// What about.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        subject: Secret,
        /// What was said.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        text: Secret,
    },
    /// A task about the party was made.
    Task {
        /// Its id.
        task_id: String,
        /// What is to be done.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        title: Secret,
        /// How far it is now.
        status: String,
    },
    /// A letter of a campaign was sent to the party.
    Letter {
        /// Its id, as it is printed on it.
        piece: String,
        /// The campaign.
        campaign: String,
        /// The run that wrote it.
        run_id: String,
    },
    /// A case about the party was made.
    Case {
        /// Its id.
        case_id: String,
        /// What about.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        title: Secret,
        /// How far it is now.
        status: String,
    },
    /// Points of the party moved.
    Points {
        /// Id of the entry, for `GET /v1/parties/{party_id}/points/{entry_id}`.
        entry_id: String,
        /// Why, as in the list of entries.
        cause: String,
        /// Points, signed.
        points: i64,
        /// Balance after it.
        balance_after: i64,
        /// The receipt, where one was the cause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<String>,
    },
}

/// Something that happened with a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineItem {
    /// When: an event's instant, midnight UTC of a document's date, the posting of an entry.
    pub at: DateTime<Utc>,
    /// The business day that it belongs to.
    pub day: NaiveDate,
    /// What.
    pub what: Happened,
}

/// A page of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelinePage {
    /// The newest day first; of a day first its events, then its ledger entries.
    pub items: Vec<TimelineItem>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Who a party is, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverviewParty {
    /// Its id.
    pub party_id: String,
    /// `person` or `organisation`.
    pub kind: String,
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub display_name: Secret,
    /// Language of letters and printed texts.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Language))]
    pub language: domain::till_text::Language,
    /// Since when it is stored.
    pub created_at: DateTime<Utc>,
}

/// An account, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverviewAccount {
    /// The programme.
    pub programme: String,
    /// Points that count; below 0 when points are owed.
    pub balance: i64,
    /// Points that do not count yet.
    pub pending: i64,
    /// Revenue of all receipts less returns.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub revenue: Money,
    /// Receipts.
    pub receipts: u64,
    /// Vouchers issued so far.
    pub vouchers_issued: u64,
}

/// An open voucher, without its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverviewVoucher {
    /// What tells it from the others of the account, as the calls about a single voucher take it.
    pub number: String,
    /// Its number among those issued for points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The run of a campaign that gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What it is worth: its face value, or the rest of one that is taken in parts; nothing for one in per cent.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// Per cent that it takes off the goods that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<u8>,
    /// Last day of validity.
    pub valid_until: NaiveDate,
}

/// Purchases at a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoreMonth {
    /// The location.
    pub store: String,
    /// Receipts.
    pub receipts: i64,
    /// Revenue less returns.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub revenue: Money,
}

/// Purchases of a product group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupMonth {
    /// The product group.
    pub group: String,
    /// Revenue less returns.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub revenue: Money,
}

/// Purchases of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MonthActivity {
    /// The month, `YYYY-MM`.
    pub month: String,
    /// Receipts.
    pub receipts: i64,
    /// Revenue less returns.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub revenue: Money,
    /// The same by location.
    pub stores: Vec<StoreMonth>,
    /// Revenue by product group, of the groups that the programme tracks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupMonth>,
}

/// All of a party at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverviewAnswer {
    /// Who it is.
    pub party: OverviewParty,
    /// Its account; absent before its first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<OverviewAccount>,
    /// Open vouchers, the oldest first, at most 25.
    pub open_vouchers: Vec<OverviewVoucher>,
    /// Whether there are more.
    pub more_vouchers: bool,
    /// Its segments.
    pub segments: Vec<String>,
    /// How it pays, by its last 1000 invoices of 24 months.
    pub payment_morale: MoraleView,
    /// Purchases by month, the last 13 months that have any.
    pub months: Vec<MonthActivity>,
    /// The first page of its timeline.
    pub timeline: TimelinePage,
}
