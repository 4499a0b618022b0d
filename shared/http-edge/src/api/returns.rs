//! Bodies of `/v1/returns`, and of voiding a receipt.

use chrono::{DateTime, NaiveDate, Utc};
use domain::money::Money;
use domain::receipt::PaymentKind;
use domain::secret::Secret;
use serde::{Deserialize, Serialize};

use super::purchases::{AccountView, PrintBlock, PurchaseStatus};

/// A return as a till or shop sends it. Unknown fields are ignored, so that tills can send more than we know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnRequest {
    /// Location id of the till that takes the goods back.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// Business day of the till.
    pub business_date: NaiveDate,
    /// Number of the return, unique among the returns of store, till and business date.
    pub number: String,
    /// Key of the receipt that the goods were sold on, from any location: store~till~business date~number. Without it the
    /// points are those of a receipt with the same lines, and the card says whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// Number of the presented card; decides only when the original is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub card: Option<Secret>,
    /// Language of the text block when the customer has none: de, fr, it, en.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Sum of the lines, before cash rounding; a positive amount.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub total: Money,
    /// Cash rounding; refunds are total plus rounding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Money>))]
    pub cash_rounding: Option<Money>,
    /// 1 to 500 lines.
    pub lines: Vec<ReturnRequestLine>,
    /// Up to 20 refunds.
    pub refunds: Vec<ReturnRefund>,
}

/// One line that comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnRequestLine {
    /// Index of the line on the original, from 0; without it the lines with the same article number are taken in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_line: Option<usize>,
    /// Article number.
    pub sku: String,
    /// Product group; decides only when the original is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Thousandths of a piece, kilogram or metre; 1000 when absent.
    #[serde(default = "one_piece")]
    pub quantity_milli: i64,
    /// What goes back for the line, a positive amount.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
    /// VAT rate in hundredths of a per cent: 810 is 8.1 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_rate_bp: Option<u32>,
}

const fn one_piece() -> i64 {
    1_000
}

/// One refund.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnRefund {
    /// How it was refunded. What comes back as a voucher leaves more points than money: it was not money that was paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::PaymentKind))]
    pub kind: PaymentKind,
    /// How much.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// The answer to a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnAnswer {
    /// Key of the return.
    pub key: String,
    /// `accepted` the first time, `replayed` for the same return again.
    pub status: PurchaseStatus,
    /// Whether the receipt it names has arrived. A return that comes first is settled when it does.
    pub original_known: bool,
    /// Whether it belongs to an account.
    pub matched: bool,
    /// What the return does to the points of its receipt, 0 or less as a rule. The programme's policy and expired points may
    /// make the posted entry smaller.
    pub expected_points: i64,
    /// Indices of lines, from 0, of which more comes back than is left of the receipt. The surplus changes no points; an
    /// operator sees the case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surplus_lines: Vec<usize>,
    /// The account as of now, when the return belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountView>,
    /// To be printed under the return.
    pub print: PrintBlock,
}

/// The answer to voiding a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoidAnswer {
    /// Key of the receipt.
    pub key: String,
    /// Whether the receipt has arrived. A voiding that comes first is settled when it does.
    pub receipt_known: bool,
    /// When this was answered.
    pub as_of: DateTime<Utc>,
}
