//! The goods of a basket by product group and VAT rate, and those among them that a voucher is for.
//!
//! A basket is described as a whole: the smallest basket of a voucher is asked of all of it, what is taken off is taken off the goods
//! that the voucher is for.

use serde::{Deserialize, Serialize};

use super::{Refusal, State, Voucher};
use crate::receipt::ReceiptKey;

/// Most entries that describe one basket.
pub const GOODS_MAX: usize = 100;

/// Goods of one product group at one VAT rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// Product group; `None` for goods of none, and for all that need not be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// VAT rate in hundredths of a per cent; `None` for goods without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_bp: Option<u32>,
    /// Gross amount in minor units, 0 or more.
    pub amount_minor: i64,
}

/// What is sold on a receipt, as far as a voucher asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sale<'a> {
    /// Total in minor units.
    pub(super) basket_minor: i64,
    /// All goods, if they are named.
    pub(super) goods: &'a [Goods],
    /// How much of a voucher that is taken in parts.
    pub(super) amount_minor: Option<i64>,
}

impl Voucher {
    /// Whether only its holder can use it.
    pub fn is_personal(&self) -> bool {
        self.campaign.as_ref().is_some_and(|terms| !terms.bearer)
    }

    /// Whether it is taken for some product groups only.
    pub fn is_for_some_groups(&self) -> bool {
        self.campaign.as_ref().is_some_and(|terms| !terms.groups.is_empty())
    }

    /// Whether it is for these goods. Names of groups are compared as they are.
    pub fn is_for(&self, goods: &Goods) -> bool {
        let named = |groups: &[String]| goods.group.as_ref().is_some_and(|group| groups.contains(group));
        let groups = self.campaign.as_ref().map(|terms| terms.groups.as_slice());
        groups.is_none_or(|groups| groups.is_empty() || named(groups))
    }

    /// What the goods that it is for come to: of one for all goods the basket.
    ///
    /// # Errors
    /// [`Refusal::GoodsNotNamed`] of one for some groups on a basket that does not name them.
    pub fn goods_minor(&self, basket_minor: i64, goods: &[Goods]) -> Result<i64, Refusal> {
        if !self.is_for_some_groups() {
            return Ok(basket_minor);
        }
        if goods.is_empty() {
            return Err(Refusal::GoodsNotNamed);
        }
        let of_these = goods.iter().filter(|goods| self.is_for(goods));
        let sum = of_these.fold(0i64, |sum, goods| sum.saturating_add(goods.amount_minor));
        // The parts of a basket are no more than it is.
        Ok(sum.min(basket_minor))
    }

    /// Whether a voucher that a campaign gave takes something off these goods. None leave them open.
    pub(super) fn takes_some(&self, basket_minor: i64, goods: &[Goods]) -> Result<(), Refusal> {
        if self.campaign.is_none() || (self.is_for_some_groups() && goods.is_empty()) {
            return Ok(());
        }
        let goods_minor = self.goods_minor(basket_minor, goods)?;
        if self.discount_on(goods_minor) == 0 {
            return Err(self.too_few(goods_minor));
        }
        Ok(())
    }

    /// What a voucher that is taken at once takes off goods of this amount, where that is kept: of one that a campaign gave. One for
    /// points goes with its face value, as its points do.
    pub(super) fn taken_at_once(&self, goods_minor: i64, asked_minor: Option<i64>) -> Result<Option<i64>, Refusal> {
        let discount = self.campaign.as_ref().map(|_| self.discount_on(goods_minor));
        if discount == Some(0) {
            return Err(self.too_few(goods_minor));
        }
        match asked_minor {
            Some(asked) if asked != discount.unwrap_or(self.value_minor) => Err(Refusal::NotInParts),
            _ => Ok(discount),
        }
    }

    pub(super) const fn too_few(&self, goods_minor: i64) -> Refusal {
        Refusal::GoodsTooFew {
            goods_minor,
            currency: self.currency,
        }
    }

    /// What this receipt took off, in minor units, where that is kept.
    pub fn taken_on(&self, receipt: &ReceiptKey) -> Option<i64> {
        match &self.state {
            State::Redeemed {
                receipt: on,
                amount_minor: Some(amount),
                ..
            } if on == receipt => Some(*amount),
            _ => self.part_on(receipt).map(|part| part.amount_minor),
        }
    }

    /// The voucher that was taken at once, where a till without a line gave less than it could have taken off: that much stands.
    #[must_use]
    pub fn having_given(mut self, given_minor: i64) -> Self {
        if let State::Redeemed {
            amount_minor: Some(amount),
            ..
        } = &mut self.state
        {
            *amount = given_minor.min(*amount);
        }
        self
    }
}
