//! What is counted of the vouchers of a campaign's run: redeemed where and when, taken back, void (R5).
//!
//! Changes of a voucher are heard of twice, late and in any order, so no change is counted by itself. What was heard of a voucher
//! is the set of its redemptions, each under the version of the voucher that made it, and the newest version: the same however
//! the changes came. The counts follow from that, and what a change adds is the difference that it makes.
//!
//! Only a reversal leads out of *redeemed*. So a redemption is taken back as soon as a later version of its voucher is known; it
//! is counted so under its own location and day, where it was counted before.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::id::LocationId;
use crate::voucher::{State, Voucher};

/// Redemptions of one voucher that are told apart. Behind so many later ones, one that is heard of for the first time does not
/// count any more.
pub const REDEMPTIONS_MAX: usize = 20;

/// Where a voucher stood after a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// It could be taken.
    #[default]
    Open,
    /// It was taken.
    Redeemed {
        /// Where.
        store: LocationId,
        /// Business day of its receipt.
        day: NaiveDate,
        /// Face value in minor units; `None` of a share of the basket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value_minor: Option<i64>,
    },
    /// It was stopped.
    Blocked,
    /// It was void for ever.
    Voided {
        /// Since this business day.
        day: NaiveDate,
    },
}

impl Standing {
    /// Where a voucher stands; `None` while a basket holds it, which counts for nothing: it was open before and is open, or
    /// redeemed, afterwards.
    pub fn of(voucher: &Voucher) -> Option<Self> {
        let is_share = voucher.campaign.as_ref().is_some_and(|terms| terms.per_cent.is_some());
        Some(match &voucher.state {
            State::Open => Self::Open,
            State::Reserved { .. } => return None,
            State::Redeemed { receipt, .. } => Self::Redeemed {
                store: receipt.store.clone(),
                day: receipt.business_date,
                value_minor: (!is_share).then_some(voucher.value_minor),
            },
            State::Blocked => Self::Blocked,
            State::Voided { at, .. } => Self::Voided {
                day: calendar::business_day(*at, voucher.zone),
            },
        })
    }
}

/// A change of a voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The state version that it made.
    pub version: u64,
    /// Where the voucher stood then.
    #[serde(flatten)]
    pub standing: Standing,
}

/// A redemption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// The state version that it made.
    pub version: u64,
    /// Where.
    pub store: LocationId,
    /// Business day of its receipt.
    pub day: NaiveDate,
    /// Face value in minor units; `None` of a share of the basket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_minor: Option<i64>,
}

/// What was heard of a voucher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The newest state version; 0 before the first.
    pub version: u64,
    /// Where the voucher stood then.
    #[serde(flatten)]
    pub standing: Standing,
    /// Its redemptions, the oldest version first; at most [`REDEMPTIONS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redemptions: Vec<Redemption>,
    /// Redemptions up to this version are counted for good and not listed any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub settled: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(version: &u64) -> bool {
    *version == 0
}

/// Where something is counted. What has no location or no day is counted under none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Business day.
    pub day: Option<NaiveDate>,
    /// Location.
    pub store: Option<LocationId>,
}

/// Counts of a cell, or what a change adds to them. Values are in minor units of the programme's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Redemptions, those among them that were taken back.
    pub redeemed: i64,
    /// Their face values.
    pub redeemed_minor: i64,
    /// Redemptions that were taken back.
    pub reversed: i64,
    /// Their face values.
    pub reversed_minor: i64,
    /// Redemptions of a share of the basket that stand: no value holds them.
    pub shares: i64,
    /// Vouchers that are void.
    pub voided: i64,
    /// Vouchers that are stopped.
    pub blocked: i64,
}

impl Counts {
    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            redeemed: self.redeemed.saturating_add(other.redeemed),
            redeemed_minor: self.redeemed_minor.saturating_add(other.redeemed_minor),
            reversed: self.reversed.saturating_add(other.reversed),
            reversed_minor: self.reversed_minor.saturating_add(other.reversed_minor),
            shares: self.shares.saturating_add(other.shares),
            voided: self.voided.saturating_add(other.voided),
            blocked: self.blocked.saturating_add(other.blocked),
        }
    }

    const fn negated(self) -> Self {
        Self {
            redeemed: self.redeemed.saturating_neg(),
            redeemed_minor: self.redeemed_minor.saturating_neg(),
            reversed: self.reversed.saturating_neg(),
            reversed_minor: self.reversed_minor.saturating_neg(),
            shares: self.shares.saturating_neg(),
            voided: self.voided.saturating_neg(),
            blocked: self.blocked.saturating_neg(),
        }
    }
}

/// Counts by cell.
pub type Tally = BTreeMap<Cell, Counts>;

/// Adds `more` to `tally`.
pub fn add(tally: &mut Tally, more: impl IntoIterator<Item = (Cell, Counts)>) {
    for (cell, counts) in more {
        let sum = tally.entry(cell).or_default();
        *sum = sum.plus(counts);
    }
}

impl Heard {
    /// What is known after a change, and what that adds to the counts: at most a few cells, none with nothing in it.
    #[must_use]
    pub fn with(&self, change: &Change) -> (Self, Tally) {
        let mut after = self.clone();
        if change.version > after.version {
            after.version = change.version;
            after.standing = change.standing.clone();
        }
        if let Standing::Redeemed {
            store,
            day,
            value_minor,
        } = &change.standing
            && change.version > after.settled
            && let Err(place) = after
                .redemptions
                .binary_search_by_key(&change.version, |known| known.version)
        {
            let redemption = Redemption {
                version: change.version,
                store: store.clone(),
                day: *day,
                value_minor: *value_minor,
            };
            after.redemptions.insert(place, redemption);
        }
        let mut added = after.tally();
        add(
            &mut added,
            self.tally().into_iter().map(|(cell, counts)| (cell, counts.negated())),
        );
        added.retain(|_, counts| *counts != Counts::default());
        // The oldest of too many is taken back, and counted so: nothing that comes later changes that.
        if after.redemptions.len() > REDEMPTIONS_MAX {
            after.settled = after.redemptions.remove(0).version;
        }
        (after, added)
    }

    /// The counts of what is listed.
    fn tally(&self) -> Tally {
        let mut tally = Tally::new();
        for redemption in &self.redemptions {
            let value = redemption.value_minor.unwrap_or_default();
            let stands = redemption.version >= self.version;
            let share = i64::from(redemption.value_minor.is_none() && stands);
            let counts = Counts {
                redeemed: 1,
                redeemed_minor: value,
                reversed: i64::from(!stands),
                reversed_minor: if stands { 0 } else { value },
                shares: share,
                ..Counts::default()
            };
            let cell = Cell {
                day: Some(redemption.day),
                store: Some(redemption.store.clone()),
            };
            add(&mut tally, [(cell, counts)]);
        }
        match &self.standing {
            Standing::Blocked => {
                let counts = Counts {
                    blocked: 1,
                    ..Counts::default()
                };
                add(&mut tally, [(Cell::default(), counts)]);
            }
            Standing::Voided { day } => {
                let cell = Cell {
                    day: Some(*day),
                    store: None,
                };
                let counts = Counts {
                    voided: 1,
                    ..Counts::default()
                };
                add(&mut tally, [(cell, counts)]);
            }
            Standing::Open | Standing::Redeemed { .. } => {}
        }
        tally
    }
}

#[cfg(test)]
mod tests;
