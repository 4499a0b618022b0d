//! Bodies of `/v1/parties`, `/v1/cards` and `/v1/cash-desk`.
//!
//! Requests reject unknown fields: a misspelt name must not be lost. Texts that lead to a person have the type [`Personal`],
//! which `Debug` does not show.

use chrono::{DateTime, NaiveDate, Utc};
use domain::card::CardStatus;
use domain::earning::Basis;
use domain::location::LocationKind;
use domain::money::Money;
use domain::till_text::Language;
use serde::{Deserialize, Serialize};
use store::card::BlockReason;
use store::party::Personal;

use super::parties::PartyAnswer;
use super::purchases::{Expected, VoucherView};

/// A party with its cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyView {
    /// The party.
    #[serde(flatten)]
    pub party: PartyAnswer,
    /// Its cards, a page of at most `limit`.
    pub cards: Vec<CardSummary>,
    /// Where the cards go on, when there are more: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A card, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CardSummary {
    /// Its last four digits.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub last4: Personal,
    /// `active`, `blocked`, `replaced` or `erased`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::CardStatus))]
    pub status: CardStatus,
    /// When it became the party's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<DateTime<Utc>>,
}

/// A card to be issued.
///
/// Sent again with the same `number`, or without a number and with the same `client_token`, and the same `party_id`, it
/// answers with the card issued before. Without number and token each call issues another card.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssueCardRequest {
    /// Its number: EAN-13 from the in-store range 20 to 29. Absent: the system makes one with the prefix 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub number: Option<Personal>,
    /// Whose it is at once; absent for a card that is registered later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`. Not together with `number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// Whose a card is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterCardRequest {
    /// The party.
    pub party_id: String,
    /// The company from which the party has it. The relationship between the two says whose the points of its receipts are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_id: Option<String>,
    /// With `company_id`: the type of that relationship; `employment` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship: Option<String>,
}

/// What takes the place of a card.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplaceCardRequest {
    /// Number of the new card: not issued yet, or issued and not registered. Absent: the system makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub new_number: Option<Personal>,
}

/// Why a card is to be blocked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockCardRequest {
    /// `lost`, `stolen`, `misused` or `other`.
    pub reason: String,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CardAnswer {
    /// Its number.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub number: Personal,
    /// `unregistered`, `active`, `blocked`, `replaced` or `erased`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::CardStatus))]
    pub status: CardStatus,
    /// Whose it is, once registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// The company from which the party has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_id: Option<String>,
    /// When it became the party's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<DateTime<Utc>>,
    /// Why and since when it is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedView>,
}

/// Why and since when a card is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockedView {
    /// `lost`, `stolen`, `misused` or `other`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::BlockReason))]
    pub reason: BlockReason,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A card and the one that took its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplaceCardAnswer {
    /// The card that was replaced.
    pub old: CardAnswer,
    /// The card in its place.
    pub new: CardAnswer,
}

/// What the cash desk shows for a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CashDeskAnswer {
    /// `active` or `replaced`: the card leads to a customer. `unregistered` or `blocked`: it does not, and nothing else is
    /// shown; receipts with it are accepted and wait.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::CardStatus))]
    pub card_status: CardStatus,
    /// The customer; absent when the card leads to none, and on further pages of vouchers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<DeskCustomer>,
    /// Vouchers that can be redeemed now at this location, oldest first, at most 25.
    pub open_vouchers: Vec<VoucherView>,
    /// Whether there may be more than those listed.
    pub more_vouchers: bool,
    /// Open vouchers are not listed, because this till, or all of the location, asked for too many unknown codes or cards
    /// within the hour. Presented codes are taken all the same. Absent otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vouchers_withheld: bool,
    /// Where the vouchers go on, when there are more: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// When this was read.
    pub as_of: DateTime<Utc>,
}

/// The customer before the cash desk: no address, no birthday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeskCustomer {
    /// As a cashier says it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Personal,
    /// Language to speak and print in: `de`, `fr`, `it` or `en`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Language))]
    pub language: Language,
    /// The location's programme, in which balance and vouchers are.
    pub programme: String,
    /// Active points posted so far.
    pub balance: i64,
}

/// The points of a party in a programme: the account, and a page of its ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PointsAnswer {
    /// The holder.
    pub party_id: String,
    /// The programme.
    pub programme: String,
    /// Active points. Below 0 the account owes points, which the next ones settle.
    pub balance: i64,
    /// Points that do not count yet.
    pub pending: i64,
    /// Open lots: active ones by nearest expiry, then pending ones.
    pub lots: Vec<PointLot>,
    /// Revenue of the posted receipts less returns.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub revenue: Money,
    /// Receipts posted.
    pub receipts: u64,
    /// Vouchers issued.
    pub vouchers_issued: u64,
    /// Ledger entries there are.
    pub version: u64,
    /// When the account was read.
    pub as_of: DateTime<Utc>,
    /// Entries of the ledger, newest business date first.
    pub entries: Vec<PointEntry>,
    /// Where the entries go on, when there are more: the query parameter `next` of the next call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Points that begin and cease to count on the same days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PointLot {
    /// First day on which they count; absent once they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<NaiveDate>,
    /// Last day on which they count; absent when they never expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<NaiveDate>,
    /// Points left in it; in an entry, the signed points that moved.
    pub points: i64,
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PointEntry {
    /// Names the entry: `GET /v1/parties/{party_id}/points/{entry_id}` explains it.
    pub entry_id: String,
    /// Position in the ledger, from 1 without a gap, in the order of posting.
    pub version: u64,
    /// Business day of the cause.
    pub business_date: NaiveDate,
    /// Signed change of balance and pending points together.
    pub points: i64,
    /// Balance after this entry.
    pub balance_after: i64,
    /// Pending points after this entry.
    pub pending_after: i64,
    /// Version of the programme that decided.
    pub programme_version: u32,
    /// How the lots moved. What settles a deficit, or makes one, is in no lot.
    pub lots: Vec<PointLot>,
    /// Why.
    pub cause: PointCause,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
}

/// Why points moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PointCause {
    /// A receipt: `base` = `eligible` − `voucher_paid` was multiplied by the programme's rate and rounded down once.
    Receipt {
        /// Key of the receipt.
        receipt: String,
        /// Sum of its lines.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        total: Money,
        /// Sum of the lines that count.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        eligible: Money,
        /// Part paid with vouchers; earns nothing.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        voucher_paid: Money,
        /// What was multiplied.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        base: Money,
    },
    /// Points became vouchers: over the threshold, or in a run of a campaign.
    VoucherIssue {
        /// Sequence number of the first voucher; 1 in a run.
        first: u64,
        /// How many.
        count: u64,
        /// Points that each consumed.
        threshold_points: i64,
        /// The run that gave them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
    },
    /// Goods came back, or a receipt was voided: the points are those of what remains.
    Return {
        /// Key of the return; of the receipt itself for a void.
        receipt: String,
        /// The receipt that the goods were sold on, when it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<String>,
        /// Whether the receipt was voided.
        void: bool,
        /// Revenue that went back.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
        total: Money,
        /// Points of the receipt before.
        points_before: i64,
        /// Points of what remains of it.
        points_after: i64,
        /// Points that had expired and were not taken a second time.
        forgiven: i64,
        /// Points that the programme's policy left with the customer.
        uncollected: i64,
    },
    /// A voucher was voided: its points are back.
    VoucherVoid {
        /// Sequence number of the voucher, or which of those that the run gave.
        sequence: u64,
        /// The run that gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
        /// Points of it that had expired meanwhile.
        expired: i64,
    },
    /// Pending points began to count.
    Activation,
    /// What was left of a lot expired.
    Expiry {
        /// Its last day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_day: Option<NaiveDate>,
    },
    /// Somebody corrected the account by hand.
    Correction {
        /// Id of the request.
        id: String,
    },
    /// Points came from, or went to, another account.
    Transfer {
        /// Id of the request.
        id: String,
        /// Holder of the other account.
        other: String,
    },
    /// A receipt was counted again under another version of the programme.
    Recalculation {
        /// The run.
        run: String,
        /// Key of the receipt.
        receipt: String,
        /// Points before.
        points_before: i64,
        /// Points under the run's version.
        points_after: i64,
    },
}

/// Segments of a customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SegmentsRequest {
    /// All of them, at most 20, each 1 to 40 characters from a-z, 0-9, `-` and `_`.
    pub segments: Vec<String>,
    /// The version that the caller has read and changed; absent to replace whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Segments of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SegmentsAnswer {
    /// The customer.
    pub party_id: String,
    /// In order.
    pub segments: Vec<String>,
    /// Counts the changes; 0 for a customer who never had a segment.
    pub version: u64,
}

/// An entry of the ledger, counted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainAnswer {
    /// The entry as it stands.
    pub entry: PointEntry,
    /// How its points come about.
    pub explanation: Explanation,
    /// Whether counting again from what is stored comes to the points of the entry; `false` needs a look.
    pub reproduced: bool,
}

/// How points come about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Explanation {
    /// A receipt.
    Receipt {
        /// Its points.
        counted: Box<Counted>,
    },
    /// Goods came back, or a receipt was voided: the difference of what was left of the receipt before and after.
    Return {
        /// Before; of goods without their receipt, these alone at the base rate.
        before: Box<Counted>,
        /// After.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Box<Counted>>,
    },
    /// A receipt was counted again: the difference of what it was worth and what it is under the run's version.
    Recalculation {
        /// Under the version that it was counted with until then.
        before: Box<Counted>,
        /// Under the run's version.
        after: Box<Counted>,
    },
    /// The cause of the entry says everything.
    Cause,
}

/// The points of a receipt, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counted {
    /// Lines, base, bonuses and caps.
    #[serde(flatten)]
    pub points: Expected,
    /// Points of a step of the programme's rate.
    pub points_of_rate: i64,
    /// Minor units of a step.
    pub per_minor: i64,
    /// Whether amounts count with VAT or without.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Basis))]
    pub basis: Basis,
    /// The one rounding.
    pub rounding: RoundingView,
    /// Rules that did not apply because their condition could not be evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_evaluated: Vec<String>,
    /// What was known beside the receipt.
    pub circumstances: CircumstancesView,
}

/// The points of the base are ⌊`numerator` ÷ `denominator`⌋: base × average multiplier of the lines × rate, reduced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoundingView {
    /// A whole number.
    pub numerator: String,
    /// A whole number above 0.
    pub denominator: String,
    /// Points of the base.
    pub floor: i64,
}

/// What was known beside a receipt when it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CircumstancesView {
    /// How the location sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::LocationKind>))]
    pub channel: Option<LocationKind>,
    /// Whether it was the account's only receipt.
    pub first_purchase: bool,
    /// Segments of the customer when it arrived.
    pub segments: Vec<String>,
    /// Points that the cap of the day still allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_left: Option<i64>,
}
