//! What the losses of a location and business day come to.

use serde::{Deserialize, Serialize};

use super::{Bearer, Loss, LossReason};
use crate::money::Currency;

/// Losses of one reason and bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossSum {
    /// Why.
    pub reason: LossReason,
    /// Who bears them.
    pub bearer: Bearer,
    /// Currency of the amount.
    pub currency: Currency,
    /// How many entries.
    pub count: u64,
    /// Minor units.
    pub minor: i64,
}

/// The losses on receipts of one location and business day. At most one sum for each reason, bearer and currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossDay {
    /// The sums.
    pub sums: Vec<LossSum>,
    /// Counts every write of the item, from 1; 0 where there is none yet.
    pub version: u64,
}

impl LossDay {
    /// The day with one more loss, to be stored under the condition of the version before.
    #[must_use]
    pub fn with(&self, loss: &Loss, currency: Currency) -> Self {
        let mut after = self.clone();
        after.version = after.version.saturating_add(1);
        after.add(&LossSum {
            reason: loss.reason,
            bearer: loss.bearer,
            currency,
            count: 1,
            minor: loss.minor,
        });
        after
    }

    /// Adds what another day comes to.
    pub fn add(&mut self, more: &LossSum) {
        let of = |sum: &LossSum| (sum.reason, sum.bearer, sum.currency);
        match self.sums.iter_mut().find(|sum| of(sum) == of(more)) {
            Some(sum) => {
                sum.count = sum.count.saturating_add(more.count);
                sum.minor = sum.minor.saturating_add(more.minor);
            }
            None => self.sums.push(*more),
        }
    }
}
