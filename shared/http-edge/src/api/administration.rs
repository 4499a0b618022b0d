//! Bodies of `/v1/locations`, `/v1/programmes`, `/v1/clients` and `/v1/exceptions`.
//!
//! Requests reject unknown fields: a misspelt setting must not be lost.

use super::rfmr::RfmrSettings;
use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::earning::{Basis, Effect, Stacking};
use domain::location::LocationKind;
use domain::money::{Currency, Money};
use domain::offline::{Bearer, LossReason, OfflineRule};
use domain::programme::{AdjustmentRule, Expiry, ReturnPolicy};
use domain::secret::Secret;
use party::types::PartyTypes;
use serde::{Deserialize, Serialize};
use store::exception::ExceptionKind;

/// Types of parties to be put in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyTypesRequest {
    /// The version that the caller has read; 0 while the defaults hold.
    pub expected_version: u64,
    /// All types. What is left out is no type any more; parties keep what they have.
    pub types: PartyTypes,
}

/// Types of parties in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyTypesView {
    /// Counts the changes, from 1; 0 while the defaults hold.
    pub version: u64,
    /// All types.
    pub types: PartyTypes,
}

/// The own company's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompanyRequest {
    /// Name for people, 1 to 60 printable characters.
    pub name: String,
}

/// The own company as a party. Its branches are parties too, stored with their locations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompanyView {
    /// The party: `GET /v1/parties/{party_id}` shows it.
    pub party_id: String,
    /// Its name.
    pub name: String,
    /// Counts the changes, from 1.
    pub version: u64,
}

/// A location to be added, changed or reopened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LocationRequest {
    /// Name for people, 1 to 60 printable characters.
    pub name: String,
    /// `branch` or `shop`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::LocationKind))]
    pub kind: LocationKind,
    /// The programme that its receipts earn in; must be stored before.
    pub programme: String,
    /// The sequence of the voucher feed that carries its events: 1 to 16 characters from a-z, 0-9 and `-`. Absent: the one
    /// it has, or for a new location one of `g0` to `g3`, always the same for the same id.
    /// `unplaced` is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_group: Option<String>,
    /// The company of the group that runs it, as the ERP names it: 1 to 16 characters from A-Z, a-z, 0-9, `-` and `_`. The
    /// settlement of vouchers names it from the next report on. Absent: the one it has, or none for a new location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The version that the caller has read and changed; leave it out for a new location. Another one stored is refused, so
    /// that nobody overwrites what they have not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// A location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LocationView {
    /// Its id, part of the key of every receipt.
    pub location_id: String,
    /// Name for people.
    pub name: String,
    /// `branch` or `shop`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::LocationKind))]
    pub kind: LocationKind,
    /// The programme that its receipts earn in.
    pub programme: String,
    /// The sequence of the voucher feed that carries its events.
    pub feed_group: String,
    /// The company of the group that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Last business day, once closed; receipts of later days are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<NaiveDate>,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A page of locations, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LocationPage {
    /// Those that the caller speaks for. A page may hold fewer than asked for and still have a next one.
    pub items: Vec<LocationView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// When a location closes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CloseRequest {
    /// Its last business day, past or to come.
    pub last_day: NaiveDate,
    /// The version that the caller has read. May be left out for a location that is open; needed to give a closed one another
    /// last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Revenue of a location by day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevenueAnswer {
    /// The location.
    pub location_id: String,
    /// First business day of this answer.
    pub from: NaiveDate,
    /// Last business day of this answer: the one asked for, or the one before the day that `next` goes on with. The day before
    /// `from` when the time was over before the first day was summed.
    pub to: NaiveDate,
    /// One row for each day with receipts and each currency of them, by day.
    pub days: Vec<RevenueDay>,
    /// Token to go on with the days after `to`; absent when all days are summed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Sums of the receipts and returns of one business day in one currency. Voided receipts are in none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevenueDay {
    /// Business day.
    pub date: NaiveDate,
    /// Number of receipts.
    pub receipts: u64,
    /// Those of them that belong to an account.
    pub matched_receipts: u64,
    /// Sum of the receipts' totals, before cash rounding.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub revenue: Money,
    /// Part of it that was paid with vouchers.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub voucher_paid: Money,
    /// Number of returns that the location took on this day, wherever and whenever the goods were sold.
    pub returns: u64,
    /// Sum of their totals; not taken off the revenue.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub returned: Money,
}

/// All settings of a programme. The server gives the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProgrammeSettings {
    /// Name for people and for the till text, 1 to 42 printable characters.
    pub name: String,
    /// The one currency of its receipts and vouchers; cannot be changed later.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Currency))]
    pub currency: Currency,
    /// IANA time zone that decides what day it is; cannot be changed later.
    pub zone: String,
    /// How amounts become points.
    pub earning: EarningSettings,
    /// Product groups that earn nothing, at most 100 of 1 to 40 printable characters.
    pub excluded_groups: Vec<String>,
    /// Product groups of which each customer's revenue is kept by month, from the first receipt under these settings on: what
    /// segments of campaigns can read. At most 60 of 1 to 40 printable characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracked_groups: Vec<String>,
    /// Whether points are for amounts with VAT (`gross`, when absent) or without (`net`).
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Basis))]
    pub basis: Basis,
    /// Bonuses, multipliers and further exclusions, at most 50. Absent is none: the settings are always given whole.
    #[serde(default)]
    pub rules: Vec<EarningRuleBody>,
    /// What several multipliers of one line come to: the greatest (`highest`, when absent), or the sum of what each adds
    /// (`add`: double and triple are four times).
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Stacking))]
    pub stacking: Stacking,
    /// Most points of a receipt and of a day; absent is no limit.
    #[serde(default)]
    pub caps: CapsSettings,
    /// What crossing the threshold yields.
    pub voucher: VoucherSettings,
    /// When points begin and cease to count.
    pub points: PointsSettings,
    /// What a return may take when its points are spent: `only_pending`, `within_balance`, or `unlimited`, which lets the
    /// account owe the rest and the next points settle it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::ReturnPolicy))]
    pub returns: ReturnPolicy,
    /// Days after the business date on which a receipt may still be claimed for a card, 0 to 3660.
    pub claim_days: u32,
    /// Days after the business date on which a receipt is still taken without the migration scope, 0 to 3660.
    pub late_days: u32,
    /// Seconds for which a basket holds a reserved voucher, 1 to 86400.
    pub reservation_seconds: u32,
    /// Hours after which a redemption without its receipt, or a voucher payment without its redemption, is listed; 1 to 720.
    pub unmatched_hours: u32,
    /// What support may do to points by hand. Absent: up to 500 points alone, and no transfers.
    #[serde(default)]
    pub adjustments: AdjustmentSettings,
    /// How the score is made up that says whether the next letter is worth its cost; the usual numbers when absent.
    #[serde(default)]
    pub rfmr: RfmrSettings,
    /// What branches may redeem while their line is down. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineSettings>,
}

/// What branches may redeem while their line is down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfflineSettings {
    /// Hours that a signed allowance is good for: 1 to 24.
    pub hours: u32,
    /// Most that one location may take offline of a business day's allowance, in minor units: 1 to 1000000.
    pub limit_minor: i64,
    /// Most for a single voucher, in minor units: 1 to the limit.
    pub voucher_limit_minor: i64,
    /// Days after the allowance's day in which its journal may come: 1 to 60.
    pub journal_days: u32,
    /// Who bears a loss, where it is not as usual: by reason, `branch` or `company`. As usual the company bears what a branch
    /// without a line cannot know, and the branch what is printed on the voucher or stands in its own books. What is lost on an
    /// entry that breaks its allowance is always the branch's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, crate::openapi::schemas::Bearer>))]
    pub bearers: BTreeMap<LossReason, Bearer>,
}

impl From<OfflineSettings> for OfflineRule {
    fn from(settings: OfflineSettings) -> Self {
        Self {
            hours: settings.hours,
            limit_minor: settings.limit_minor,
            voucher_limit_minor: settings.voucher_limit_minor,
            journal_days: settings.journal_days,
            bearers: settings.bearers,
        }
    }
}

impl From<OfflineRule> for OfflineSettings {
    fn from(rule: OfflineRule) -> Self {
        Self {
            hours: rule.hours,
            limit_minor: rule.limit_minor,
            voucher_limit_minor: rule.voucher_limit_minor,
            journal_days: rule.journal_days,
            bearers: rule.bearers,
        }
    }
}

/// What support may do to points by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdjustmentSettings {
    /// Most points, given or taken, that one person moves without a second one: 0 to 1000000.
    pub alone_up_to: i64,
    /// Whether points may be moved from one account to another.
    pub transfers: bool,
}

impl Default for AdjustmentSettings {
    fn default() -> Self {
        let AdjustmentRule { alone_up_to, transfers } = AdjustmentRule::default();
        Self { alone_up_to, transfers }
    }
}

/// A rule on top of the base rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarningRuleBody {
    /// Names it where points are explained: 1 to 40 characters from a-z, 0-9, `-` and `_`, once in a programme.
    pub id: String,
    /// Name for people, 1 to 80 printable characters.
    pub name: String,
    /// When it applies, in CEL over the fields of `GET /v1/earning-rules/context`; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// First business day of receipts that it applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// What it does.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Effect))]
    pub effect: Effect,
}

/// Most points that receipts may earn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapsSettings {
    /// Of one receipt, 1 to 1000000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<i64>,
    /// Of all receipts of one account with the same business day, 1 to 1000000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<i64>,
}

/// What conditions of earning rules can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContextAnswer {
    /// The fields.
    pub fields: Vec<ContextField>,
    /// Most steps of a condition in the worst case.
    pub cost_max: u32,
    /// Longest condition in characters.
    pub source_max: usize,
}

/// A field that a condition can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContextField {
    /// Its name, such as `line.group`.
    pub name: String,
    /// What it holds: `a bool`, `an int`, `a text`, `a list of texts`, `a list of ints`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it means.
    pub description: String,
}

/// `points` for every full `per_minor` minor units, floored once per receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarningSettings {
    /// Points of a step, 1 to 1000000.
    pub points: i64,
    /// Minor units of a step, 1 to 10000000000; 100 for "per franc".
    pub per_minor: i64,
}

/// When points begin and cease to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PointsSettings {
    /// Days after the business date on which points begin to count: 0 at once, at most 60.
    pub pending_days: u32,
    /// When they expire.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Expiry))]
    pub expiry: Expiry,
    /// Days after the posting before which no points expire, however old their receipt is: 1 to 3660.
    pub grace_days: u32,
}

/// The threshold voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoucherSettings {
    /// Points that one voucher takes, 1 to 10000000000.
    pub threshold_points: i64,
    /// Face value in minor units, 1 to 10000000000.
    pub value_minor: i64,
    /// Last day of validity counted from the day of issue, 0 to 3660.
    pub valid_days: u32,
    /// Smallest basket in minor units on which it is taken; 0 for any.
    pub min_basket_minor: i64,
    /// Whether a voucher is taken in parts, up to 20, and stays open with its rest; `false` when absent. Vouchers keep what held when
    /// they were issued.
    #[serde(default)]
    pub partial: bool,
    /// Days from then on for which a voucher is valid whose receipt was returned after its validity: 0 to 3660, 0 for not any more;
    /// 30 when absent.
    #[serde(default = "rollback_days")]
    pub rollback_days: u32,
}

const fn rollback_days() -> u32 {
    30
}

/// A version of a programme to be stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProgrammeRequest {
    /// The version that the caller has read and changed; 0 for a new programme. Another one in force is refused, so that
    /// nobody overwrites what they have not seen.
    pub expected_version: u32,
    /// Why, for those who read the history: 1 to 200 printable characters.
    pub reason: String,
    /// The settings, all of them.
    pub settings: ProgrammeSettings,
}

/// A version of a programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProgrammeView {
    /// The programme.
    pub programme_id: String,
    /// Counted from 1. A version never changes; ledger entries name the one they follow.
    pub version: u32,
    /// The settings.
    pub settings: ProgrammeSettings,
    /// Who stored the version.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When it was stored.
    pub stored_at: DateTime<Utc>,
}

/// What a client may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientRequest {
    /// Name for people, 1 to 60 printable characters. Not a person's.
    pub name: String,
    /// Scopes; only ones that the caller holds.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::schemas::Scope>))]
    pub scopes: Vec<String>,
    /// Location ids, at most 100, or only `*` for all; only ones that the caller speaks for.
    pub locations: Vec<String>,
    /// The version that the caller has read and changed; leave it out for a new client. Another one stored is refused, so that
    /// nobody overwrites what they have not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// A client without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientView {
    /// The client.
    pub client_id: String,
    /// Name for people.
    pub name: String,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Location ids, or only `*` for all.
    pub locations: Vec<String>,
    /// Its keys that were not withdrawn, at most two.
    pub keys: Vec<KeyView>,
    /// Counts the changes of the client and its keys, from 1.
    pub version: u64,
    /// Who changed it last.
    pub author: String,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A key, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyView {
    /// Name of the key.
    pub key_id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// From when on it is refused; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A page of clients, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientPage {
    /// The clients.
    pub items: Vec<ClientView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A key to be made. An empty body makes one that does not expire.
///
/// Sent again with the same `client_token`, it withdraws the key made before, which a lost answer has shown to nobody, and
/// answers with a new one in its place. Without a token each call makes another key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyRequest {
    /// From when on it is refused, at most ten years ahead; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// A name of this call that the caller makes up, unique among its calls: 1 to 64 characters from A-Z, a-z, 0-9, `.`,
    /// `-` and `_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// A new key. The only answer that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyAnswer {
    /// Name of the key.
    pub key_id: String,
    /// The key. Nobody can show it again.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub key: Secret,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A case that an operator must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExceptionView {
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::ExceptionKind))]
    pub kind: ExceptionKind,
    /// Key of the receipt it is about.
    pub receipt: String,
    /// When it was first seen.
    pub seen_at: DateTime<Utc>,
}

/// A page of cases, by business date of the receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExceptionPage {
    /// Cases of the locations that the caller speaks for. A page may hold fewer than asked for, even none, and still have a
    /// next one.
    pub items: Vec<ExceptionView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
