//! What is counted of the vouchers of a campaign's run: redeemed where and when, taken back, void (R5).
//!
//! Changes of a voucher are heard of twice, late and in any order, so no change is counted by itself. What was heard of a voucher
//! is its newest change and every redemption that any change told of: the same however the changes came. A redemption is told by
//! its receipt. Those of the newest change stand, all others were taken back; they are counted so under their own location and
//! day, where they were counted before. The counts follow from that, and what a change adds is the difference that it makes.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::id::LocationId;
use crate::receipt::ReceiptKey;
use crate::voucher::{State, Voucher};

/// Redemptions of one voucher that were taken back and are listed. Once there are more, changes that are older than the newest one
/// do not count any more.
pub const TAKEN_BACK_MAX: usize = 20;

/// Where a voucher stood after a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// It could be taken.
    #[default]
    Open,
    /// It was taken.
    Redeemed,
    /// It was stopped.
    Blocked,
    /// It was void for ever.
    Voided {
        /// Since this business day.
        day: NaiveDate,
    },
}

/// A redemption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Its receipt.
    pub receipt: ReceiptKey,
    /// What it took off, in minor units.
    pub value_minor: i64,
}

impl Taken {
    fn cell(&self) -> Cell {
        Cell {
            day: Some(self.receipt.business_date),
            store: Some(self.receipt.store.clone()),
        }
    }
}

/// A change of a voucher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The state version that it made; 0 before the first.
    pub version: u64,
    /// Where the voucher stood then.
    #[serde(flatten)]
    pub standing: Standing,
    /// The redemptions that stood then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
}

impl Change {
    /// The change that made this image of a voucher; `None` while a basket holds it, which counts for nothing: it was open before
    /// and is open, or redeemed, afterwards.
    pub fn of(voucher: &Voucher) -> Option<Self> {
        // Of a voucher that is taken in parts each of them, whatever it stands at.
        let taken = voucher.takings().into_iter().map(|taking| Taken {
            receipt: taking.receipt.clone(),
            value_minor: taking.amount_minor,
        });
        let taken = taken.collect();
        let standing = match &voucher.state {
            State::Open => Standing::Open,
            State::Reserved { .. } => return None,
            State::Redeemed { .. } => Standing::Redeemed,
            State::Blocked { .. } => Standing::Blocked,
            // Another one stands in its place and is counted: of the two only one was issued.
            State::Voided {
                reissued_as: Some(_), ..
            } => Standing::Open,
            State::Voided { at, .. } => Standing::Voided {
                day: calendar::business_day(*at, voucher.zone),
            },
        };
        Some(Self {
            version: voucher.state_version,
            standing,
            taken,
        })
    }
}

/// What was heard of a voucher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The newest change.
    #[serde(flatten)]
    pub newest: Change,
    /// Redemptions that were taken back, by their receipts; at most [`TAKEN_BACK_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<Taken>,
    /// Changes up to this version are counted for good.
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
    /// What they took.
    pub redeemed_minor: i64,
    /// Redemptions that were taken back.
    pub reversed: i64,
    /// What they had taken.
    pub reversed_minor: i64,
    /// Vouchers that are taken wholly, where and when they were taken last.
    pub spent: i64,
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
            spent: self.spent.saturating_add(other.spent),
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
            spent: self.spent.saturating_neg(),
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
        let older = if change.version > self.newest.version {
            std::mem::replace(&mut after.newest, change.clone())
        } else if change.version > self.settled {
            change.clone()
        } else {
            Change::default()
        };
        for taken in older.taken {
            after.take_back(taken);
        }
        // A till may redeem on a receipt again that was given back long ago.
        let stands = &after.newest.taken;
        after
            .taken_back
            .retain(|back| !stands.iter().any(|taken| taken.receipt == back.receipt));
        let mut added = after.tally();
        let before = self.tally().into_iter();
        add(&mut added, before.map(|(cell, counts)| (cell, counts.negated())));
        added.retain(|_, counts| *counts != Counts::default());
        if after.taken_back.len() > TAKEN_BACK_MAX {
            // They are counted: nothing that comes later changes that.
            after.taken_back.clear();
            after.settled = after.newest.version;
        }
        (after, added)
    }

    /// Lists a redemption that an older change told of and the newest does not.
    fn take_back(&mut self, taken: Taken) {
        let name = taken.receipt.to_string();
        let place = self
            .taken_back
            .binary_search_by_key(&name, |known| known.receipt.to_string());
        if let Err(place) = place {
            self.taken_back.insert(place, taken);
        }
    }

    /// The counts of what is listed.
    fn tally(&self) -> Tally {
        let mut tally = Tally::new();
        for taken in &self.newest.taken {
            let counts = Counts {
                redeemed: 1,
                redeemed_minor: taken.value_minor,
                ..Counts::default()
            };
            add(&mut tally, [(taken.cell(), counts)]);
        }
        for taken in &self.taken_back {
            let value = taken.value_minor;
            let counts = Counts {
                redeemed: 1,
                redeemed_minor: value,
                reversed: 1,
                reversed_minor: value,
                ..Counts::default()
            };
            add(&mut tally, [(taken.cell(), counts)]);
        }
        let (cell, counts) = self.newest.status();
        add(&mut tally, [(cell, counts)]);
        tally.retain(|_, counts| *counts != Counts::default());
        tally
    }
}

impl Change {
    /// What the standing counts for, and where.
    fn status(&self) -> (Cell, Counts) {
        let mut counts = Counts::default();
        let mut cell = Cell::default();
        match self.standing {
            Standing::Open => {}
            Standing::Redeemed => {
                counts.spent = 1;
                cell = self.taken.last().map(Taken::cell).unwrap_or_default();
            }
            Standing::Blocked => counts.blocked = 1,
            Standing::Voided { day } => {
                counts.voided = 1;
                cell.day = Some(day);
            }
        }
        (cell, counts)
    }
}

#[cfg(test)]
mod tests;
