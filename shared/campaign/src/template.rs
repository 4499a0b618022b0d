//! What the vouchers of a campaign are.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What each chosen member gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VoucherTemplate {
    /// What one voucher is worth.
    pub worth: Worth,
    /// Smallest basket on which it is taken, in minor units.
    #[serde(default)]
    pub min_basket_minor: i64,
    /// From when to when.
    pub validity: Validity,
    /// Product groups it is taken for, at most 50 of 1 to 40 printable characters, as they stand on receipts; all, when empty. What it
    /// takes off is taken off their goods; the smallest basket is asked of all goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Channels that take it; all, when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// Locations that take it, at most 200; all, when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Who may redeem it.
    pub bearer: Bearer,
    /// Whether it was paid for.
    pub consideration: Consideration,
    /// When VAT is due.
    pub vat_kind: VatKind,
    /// How many each member gets: 1 to 10.
    #[serde(default = "one")]
    pub per_member: u32,
    /// Points that each costs its member, 1 to a thousand million: then a member gets as many as its balance pays for, at most
    /// `per_member`, and none when it has points for none. Nothing is taken, when absent. For bonus campaigns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_points: Option<i64>,
    /// Each receipt may take a part, and the voucher stays open with its rest; of an amount only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

const fn one() -> u32 {
    1
}

/// What a voucher is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Worth {
    /// An amount.
    Amount {
        /// In minor units, 1 to a hundred million francs.
        value_minor: i64,
    },
    /// A share of the goods that it is taken for, rounded down to the minor unit.
    PerCent {
        /// 1 to 100.
        per_cent: u32,
        /// Most that it takes off, in minor units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_discount_minor: Option<i64>,
    },
}

impl Worth {
    /// The most that one voucher can take off, in minor units; `None` when only the basket limits it.
    pub const fn face_minor(self) -> Option<i64> {
        match self {
            Self::Amount { value_minor } => Some(value_minor),
            Self::PerCent { max_discount_minor, .. } => max_discount_minor,
        }
    }
}

/// When a voucher is valid. All days are business days of the programme, the last one through its last instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Validity {
    /// The same dates for all.
    Dates {
        /// First day.
        from: NaiveDate,
        /// Last day.
        until: NaiveDate,
    },
    /// Counted from the day of the run.
    Days {
        /// Days from the run to the first day of validity, 0 to 365.
        after_start: u32,
        /// How many days it is valid, the first one counted: 1 to 3660.
        days: u32,
    },
}

/// Ways to sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Channel {
    /// Branches.
    Branch,
    /// The online shop.
    Shop,
}

/// Who may redeem a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = VoucherBearer))]
pub enum Bearer {
    /// The member it was issued to, by presenting a card, or signed in at the shop.
    Personal,
    /// Whoever brings it.
    Bearer,
}

/// Whether something was paid for a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Consideration {
    /// Somebody paid for it: a claim that cannot lapse within 5 years (Swiss Code of Obligations, articles 127 to 129).
    Paid,
    /// It was given away: the validity is free.
    Free,
}

/// When VAT on a voucher is due (Swiss practice).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum VatKind {
    /// A means of payment: VAT is due when it is redeemed.
    Value,
    /// For a service that is known when it is issued: VAT is due then.
    Service,
}
