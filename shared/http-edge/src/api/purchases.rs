//! Bodies of `/v1/purchases`.

use chrono::{DateTime, NaiveDate, Utc};
use domain::code::VoucherCode;
use domain::earning::{BonusEarning, Earning, LineEarning};
use domain::id::{PartyId, ProgrammeId};
use domain::money::Money;
use domain::programme::Programme;
use domain::receipt::PaymentKind;
use domain::secret::Secret;
use domain::voucher::voucher_id;
use serde::{Deserialize, Serialize};
use store::voucher::OpenVoucher;

/// A receipt as a till or shop sends it. Unknown fields are ignored, so that tills can send more than we know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PurchaseRequest {
    /// Location id.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// Business day of the till.
    pub business_date: NaiveDate,
    /// Receipt number, unique within store, till and business date.
    pub number: String,
    /// When the till closed the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// Number of the presented card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub card: Option<Secret>,
    /// Language of the text block when the customer has none: de, fr, it, en.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Sum of the lines, before cash rounding.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub total: Money,
    /// Cash rounding; payments are total plus rounding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Money>))]
    pub cash_rounding: Option<Money>,
    /// 1 to 500 lines.
    pub lines: Vec<PurchaseLine>,
    /// Up to 20 payments.
    pub payments: Vec<PurchasePayment>,
}

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PurchaseLine {
    /// Article number.
    pub sku: String,
    /// Product group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Thousandths of a piece, kilogram or metre; 1000 when absent.
    #[serde(default = "one_piece")]
    pub quantity_milli: i64,
    /// What the customer paid for the line, VAT and line discounts included.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
    /// VAT rate in hundredths of a per cent: 810 is 8.1 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_rate_bp: Option<u32>,
}

const fn one_piece() -> i64 {
    1_000
}

/// One payment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PurchasePayment {
    /// How it was paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::PaymentKind))]
    pub kind: PaymentKind,
    /// How much.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
    /// The code of a voucher payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub voucher_code: Option<Secret>,
}

/// The answer to a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PurchaseAnswer {
    /// Key of the receipt, for later calls.
    pub key: String,
    /// `accepted` the first time, `replayed` for the same receipt again.
    pub status: PurchaseStatus,
    /// Whether the receipt belongs to an account.
    pub matched: bool,
    /// Points expected, and why.
    pub expected: Expected,
    /// The account as of now; absent while the receipt has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountView>,
    /// To be printed under the receipt.
    pub print: PrintBlock,
}

/// Whether a receipt is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PurchaseStatus {
    /// Stored now.
    Accepted,
    /// Stored before; nothing was changed.
    Replayed,
}

/// Points of a receipt with the reason line by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Expected {
    /// Points.
    pub points: i64,
    /// Programme.
    pub programme: String,
    /// Version of the programme.
    pub programme_version: u32,
    /// Sum of the lines that count.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub eligible: Money,
    /// Part paid with vouchers; earns nothing.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub voucher_paid: Money,
    /// What was multiplied and floored once: eligible less voucher-paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub base: Money,
    /// Points beside those of the base.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bonuses: Vec<ExpectedBonus>,
    /// The cap that took points; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Capped>))]
    pub capped: Option<domain::earning::Capped>,
    /// One row per line.
    pub lines: Vec<ExpectedLine>,
}

/// Points beside those of the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExpectedBonus {
    /// Id of the rule.
    pub rule: String,
    /// Points.
    pub points: i64,
}

impl Expected {
    /// How the points of a receipt came about.
    pub fn of(earning: &Earning, programme: &Programme) -> Self {
        let money = |minor| Money::new(minor, programme.currency);
        let line = |line: &LineEarning| ExpectedLine {
            line: line.line,
            base: money(line.base_minor),
            percent: line.percent,
            reason: line.reason,
            rules: line.rules.clone(),
        };
        let bonus = |bonus: &BonusEarning| ExpectedBonus {
            rule: bonus.rule.clone(),
            points: bonus.points,
        };
        Self {
            points: earning.points,
            programme: programme.id.to_string(),
            programme_version: earning.programme_version,
            eligible: money(earning.eligible_minor),
            voucher_paid: money(earning.voucher_paid_minor),
            base: money(earning.base_minor),
            bonuses: earning.bonuses.iter().map(bonus).collect(),
            capped: earning.capped,
            lines: earning.lines.iter().map(line).collect(),
        }
    }
}

/// One line's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExpectedLine {
    /// Index of the line, from 0.
    pub line: usize,
    /// Part that counts.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub base: Money,
    /// What it counts with, in per cent; 100 is left out.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub percent: u32,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::LineReason))]
    pub reason: domain::earning::LineReason,
    /// Ids of the rules that decided, when rules did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

const fn whole() -> u32 {
    100
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_whole(percent: &u32) -> bool {
    *percent == 100
}

/// An account for the till.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountView {
    /// Active points posted so far; this receipt's points follow within seconds.
    pub balance: i64,
    /// Revenue posted so far.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub revenue: Money,
    /// Open vouchers, oldest first, at most 25.
    pub open_vouchers: Vec<VoucherView>,
    /// Whether there are more open vouchers than listed.
    pub more_vouchers: bool,
    /// Open vouchers are not listed, because this till, or all of the location, asked for too many unknown codes or cards
    /// within the hour. Presented codes are taken all the same. Absent otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vouchers_withheld: bool,
    /// When this was read.
    pub as_of: DateTime<Utc>,
}

/// An open voucher for the till.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoucherView {
    /// The code, as printed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
    /// What it is worth: its face value, or the rest of one that is taken in parts; nothing for one in per cent.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// Per cent that it takes off the goods that it is for; a check says which these are, and up to what amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<u8>,
    /// Last day of validity.
    pub valid_until: NaiveDate,
}

impl VoucherView {
    /// The view of a party's open voucher. `None` when the key that its code is derived from was withdrawn.
    pub fn of(party: &PartyId, programme: &ProgrammeId, open: &OpenVoucher, key: Option<&[u8]>) -> Option<Self> {
        let code = VoucherCode::derive(key?, &voucher_id(party, programme, &open.number));
        Some(Self {
            code: Secret::new(code.to_string()),
            value: Money::new(open.value_minor, open.currency),
            per_cent: open.per_cent,
            valid_until: open.valid_until,
        })
    }
}

/// A print-ready block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrintBlock {
    /// Language of the lines.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Language))]
    pub language: domain::till_text::Language,
    /// Lines of at most 42 characters.
    pub lines: Vec<String>,
}

/// Whose account a receipt goes to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimRequest {
    /// Number of an active card.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub card: Secret,
}

/// A stored receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PurchaseState {
    /// Key of the receipt.
    pub key: String,
    /// Sum of its lines.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub total: Money,
    /// Whether it belongs to an account.
    pub matched: bool,
    /// The account's party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
    /// Whether its points stand in the ledger.
    pub posted: bool,
    /// Points posted, or expected as long as they are not.
    pub points: i64,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
}
