//! Bodies of `/v1/vouchers`.
//!
//! Codes travel in bodies only: a path or a query would stand in logs. They have the type [`Secret`], which `Debug` does not
//! show.

use chrono::{DateTime, NaiveDate, Utc};
use domain::money::Money;
use domain::receipt::ReceiptKey;
use domain::secret::Secret;
use domain::voucher::{Part, State, Unmatched, Voucher};
use serde::{Deserialize, Serialize};

/// Asks whether a voucher can be taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckRequest {
    /// Location id.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// The code; case, spaces and dashes do not matter.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
    /// Total of the basket, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Money>))]
    pub basket_total: Option<Money>,
    /// The basket by VAT rate, and by product group where the voucher is for some: 1 to 100 entries of at most 20 rates that come
    /// to `basket_total`. Then the answer says what the voucher takes off at each rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket_by_vat: Option<Vec<GoodsTotal>>,
    /// Number of the presented card; a personal voucher is taken with a card of its customer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub card: Option<Secret>,
    /// The party that has signed in at a shop, in the place of a card. Not of a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
}

/// Holds a voucher for a basket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReserveRequest {
    /// Location id.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// The code.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
    /// The basket's id; the hold is released and redeemed under it.
    pub basket: String,
    /// Total of the basket.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub basket_total: Money,
    /// Number of the presented card; a personal voucher is taken with a card of its customer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub card: Option<Secret>,
    /// The party that has signed in at a shop, in the place of a card. Not of a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
}

/// Takes a voucher on a receipt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedeemRequest {
    /// Location id.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// The code.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
    /// Key of the receipt, `store~till~business date~number`; the same key again is answered as the first time.
    pub receipt: String,
    /// The basket it was reserved for, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket: Option<String>,
    /// Total of the receipt.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub basket_total: Money,
    /// The receipt by VAT rate, and by product group which one for some groups needs: 1 to 100 entries of at most 20 rates that come
    /// to `basket_total`. Then the answer says what the voucher takes off at each rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket_by_vat: Option<Vec<GoodsTotal>>,
    /// How much to take of a voucher that is taken in parts: up to its rest and to the goods that it is for; as much as possible when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Money>))]
    pub amount: Option<Money>,
    /// Number of the presented card; a personal voucher is taken with a card of its customer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub card: Option<Secret>,
    /// The party that has signed in at a shop, in the place of a card. Not of a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
}

/// Goods of one product group at one VAT rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GoodsTotal {
    /// Product group, written as in the campaign, 1 to 40 printable characters. Absent for goods of none, and for all that need not be
    /// told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// VAT rate in hundredths of a per cent: 810 is 8.1 %. Absent for goods without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_rate_bp: Option<u32>,
    /// Gross amount.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// An amount at one VAT rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VatTotal {
    /// VAT rate in hundredths of a per cent: 810 is 8.1 %. Absent for goods without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_rate_bp: Option<u32>,
    /// Gross amount.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// What a voucher takes off, for the receipt: tax is shown on what is paid, not on what is given away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Discount {
    /// In all.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
    /// At each VAT rate, the highest first; these come to `amount` exactly.
    pub by_vat: Vec<VatTotal>,
}

/// Lets go of a hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleaseRequest {
    /// Location id.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// The code.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
    /// The basket's id.
    pub basket: String,
}

/// Takes a redemption back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReverseRequest {
    /// Location id.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// The code.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Secret,
    /// Key of the receipt it was redeemed on.
    pub receipt: String,
}

/// Gives back the vouchers of a receipt of which nothing stands any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RollbackRequest {
    /// Location id of the till that gives them back; it need not be the one that took them.
    pub store: String,
    /// Till id within the location.
    pub till: String,
    /// Key of the receipt, which was voided or all of whose goods came back.
    pub receipt: String,
}

/// The vouchers that the receipt names as payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RollbackAnswer {
    /// Each as it stands now: not redeemed on this receipt, now or later. One that another receipt took is shown with that.
    pub vouchers: Vec<VoucherState>,
}

/// Where a voucher stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VoucherStatus {
    /// Can be reserved or redeemed.
    Open,
    /// Held for a basket.
    Reserved,
    /// Taken.
    Redeemed,
    /// Stopped by an operator.
    Blocked,
    /// Void for ever: support has taken it back.
    Voided,
}

/// A voucher as a till sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoucherState {
    /// Id of the voucher, for logs and questions; says nothing about the code.
    pub voucher: String,
    /// Where it stands.
    pub status: VoucherStatus,
    /// Face value; nothing for one in per cent.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub value: Money,
    /// Per cent that it takes off the goods that it is for, rounded down to the minor unit; absent for one with a face value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cent: Option<u8>,
    /// Most that the per cent come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Money>))]
    pub max_discount: Option<Money>,
    /// Product groups that it is for, at most 50; absent for one that is for all goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// It is taken with a card of its customer only. Absent otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub personal: bool,
    /// Smallest basket on which it is taken, of all goods, whatever it is for.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub min_basket: Money,
    /// First day of validity.
    pub valid_from: NaiveDate,
    /// Last day of validity.
    pub valid_until: NaiveDate,
    /// End of the hold, for a reserved one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_until: Option<DateTime<Utc>>,
    /// Where and when it was taken, for a redeemed one; of one that is taken in parts the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redemption: Option<Redemption>,
    /// What is left of one that is taken in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Money>))]
    pub rest: Option<Money>,
    /// The parts of one that is taken in parts, in order, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<RedeemedPart>,
    /// What this receipt has taken: of one that is taken in parts, or that a campaign gave; in answers to its redemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::schemas::Money>))]
    pub taken: Option<Money>,
    /// What it takes off the basket, where a check or redemption names the basket by VAT rate; of a redemption what it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

impl VoucherState {
    /// The view of a voucher in the state `state`, which may differ from the stored one where a hold has timed out.
    pub fn of(voucher: &Voucher, state: &State) -> Self {
        let (status, reserved_until, redemption) = match state {
            State::Open => (VoucherStatus::Open, None, None),
            State::Reserved { until, .. } => (VoucherStatus::Reserved, Some(*until), None),
            State::Blocked { .. } => (VoucherStatus::Blocked, None, None),
            State::Voided { .. } => (VoucherStatus::Voided, None, None),
            State::Redeemed { receipt, at, .. } => (VoucherStatus::Redeemed, None, Some(Redemption::of(receipt, *at))),
        };
        let money = |minor| Money::new(minor, voucher.currency);
        let terms = voucher.campaign.as_ref();
        let part = |part: &Part| RedeemedPart {
            amount: money(part.amount_minor),
            redemption: Redemption::of(&part.receipt, part.at),
        };
        Self {
            voucher: voucher.id(),
            status,
            value: money(voucher.value_minor),
            per_cent: terms.and_then(|terms| terms.per_cent),
            max_discount: terms.and_then(|terms| terms.max_discount_minor).map(money),
            groups: terms.map(|terms| terms.groups.clone()).unwrap_or_default(),
            personal: voucher.is_personal(),
            min_basket: money(voucher.min_basket_minor),
            valid_from: voucher.valid_from,
            valid_until: voucher.valid_until,
            reserved_until,
            redemption,
            rest: voucher.rest_minor().map(money),
            parts: voucher.parts().iter().map(part).collect(),
            taken: None,
            discount: None,
        }
    }
}

/// Where and when a voucher was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redemption {
    /// Location id.
    pub location: String,
    /// Till id.
    pub till: String,
    /// Business day.
    pub business_date: NaiveDate,
    /// Instant.
    pub at: DateTime<Utc>,
}

impl Redemption {
    /// The redemption on a receipt.
    fn of(receipt: &ReceiptKey, at: DateTime<Utc>) -> Self {
        Self {
            location: receipt.store.to_string(),
            till: receipt.till.to_string(),
            business_date: receipt.business_date,
            at,
        }
    }
}

/// A part of a voucher that is taken in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RedeemedPart {
    /// How much.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
    /// Where and when.
    pub redemption: Redemption,
}

/// The answer to a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckAnswer {
    /// Whether a till of this location can take it now.
    pub usable: bool,
    /// Why not: the problem code that a redemption would meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why not, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The voucher.
    pub state: VoucherState,
}

/// Changes of vouchers after a position of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedPage {
    /// Changes, in order within each group.
    pub events: Vec<FeedEvent>,
    /// The position after these changes: pass it as `cursor` next time.
    pub cursor: String,
    /// Whether more changes are waiting already.
    pub more: bool,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedEvent {
    /// Group of locations.
    pub group: String,
    /// Number within the group, from 1 without a gap.
    pub sequence: u64,
    /// Counts the changes of this voucher; keep the greatest you have seen.
    pub state_version: u64,
    /// The code; absent when its key was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub code: Option<Secret>,
    /// The voucher as of this change.
    pub state: VoucherState,
}

/// Vouchers whose redemption and receipt do not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnmatchedPage {
    /// The cases, oldest first within the page.
    pub items: Vec<UnmatchedVoucher>,
    /// Continue with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnmatchedVoucher {
    /// What does not match.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::UnmatchedKind))]
    pub kind: Unmatched,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Key of the receipt it was redeemed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeemed_on: Option<String>,
    /// Key of the receipt that names it as a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_on: Option<String>,
    /// The voucher.
    pub state: VoucherState,
}
