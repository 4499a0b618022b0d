//! Vouchers that a branch takes while its line is down, and who bears what goes wrong (X3).
//!
//! A branch holds an **allowance**: a signed window of some hours and a limit of risk, one of a location and business day. What
//! it took comes later as entries of a journal, and each is decided once and for ever:
//!
//! | what stands there | outcome |
//! |---|---|
//! | a till could have taken the voucher at that instant | booked, as of that instant |
//! | it is redeemed on this very receipt: the line went down over the answer | booked |
//! | the sale of the receipt was voided meanwhile | reversed: nothing to book, nothing lost |
//! | anything else | lost, with its reason and its bearer |
//!
//! A **breach** of the allowance does not decide whether something is lost, only who bears it. A good voucher that was taken
//! beyond the limit is booked: the customer has handed it in, and to leave it open would make the loss that did not happen.
//! What is lost on an entry with a breach is the branch's, so that the company never bears more of an allowance than its limit.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::id::{BasketId, LocationId, ProgrammeId};
use crate::money::Currency;
use crate::programme::Programme;
use crate::receipt::ReceiptKey;
use crate::violation::Violation;
use crate::voucher::Goods;

mod decide;
mod sums;

pub use decide::{Case, Decision, Found, decide};
pub use sums::{LossDay, LossSum};

/// Most entries of one call.
pub const ENTRIES_MAX: usize = 50;
/// Greatest limit of an allowance in minor units.
pub const LIMIT_MAX: i64 = 1_000_000;
/// Most hours of an allowance's window.
const HOURS_MAX: u32 = 24;
/// Most days in which a journal may come.
const JOURNAL_DAYS_MAX: u32 = 60;

/// Who bears a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearer {
    /// The branch that took the voucher.
    Branch,
    /// The company as a whole.
    Company,
}

/// Why an entry is lost, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
    /// Another location redeemed it first.
    RedeemedElsewhere,
    /// This location redeemed it first, on another receipt.
    RedeemedHere,
    /// No voucher has this code.
    UnknownCode,
    /// A basket held it when the journal came.
    Reserved,
    /// An operator had stopped it.
    Blocked,
    /// Support had taken it back.
    Voided,
    /// Its holder pays with no vouchers.
    HolderStopped,
    /// The letters of its run were not confirmed.
    NotYetConfirmed,
    /// Its validity had not begun.
    NotYetValid,
    /// Its validity was over.
    Expired,
    /// It belongs to another programme.
    OtherProgramme,
    /// Its campaign names other locations.
    OtherLocation,
    /// The basket was too small for it.
    BasketTooSmall,
    /// It is personal, and the entry does not say whose card was presented.
    NoCustomer,
    /// It is personal, and somebody else presented it.
    OtherCustomer,
    /// It is for some product groups, and the entry names no goods of them, or too few.
    NoGoods,
    /// The till gave more than its face value, or than its share of the goods; that much is lost.
    MoreThanFace,
    /// A till would have refused it for another reason.
    NotTaken,
}

impl LossReason {
    /// Who bears it unless the programme says otherwise: the company what a branch without a line cannot know, the branch what
    /// is printed on the voucher or stands in its own books.
    pub const fn usual_bearer(self) -> Bearer {
        match self {
            Self::RedeemedElsewhere
            | Self::UnknownCode
            | Self::Reserved
            | Self::Blocked
            | Self::Voided
            | Self::HolderStopped
            | Self::NotYetConfirmed
            | Self::OtherCustomer
            | Self::NotTaken => Bearer::Company,
            Self::RedeemedHere
            | Self::NotYetValid
            | Self::Expired
            | Self::OtherProgramme
            | Self::OtherLocation
            | Self::BasketTooSmall
            | Self::NoCustomer
            | Self::NoGoods
            | Self::MoreThanFace => Bearer::Branch,
        }
    }
}

/// How an entry breaks the allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// Its instant is not in the window. What a till's clock says proves nothing there: the voucher is judged as of now.
    OutsideWindow,
    /// The journal came after the programme's days for it. Judged as of now, too.
    TooLate,
    /// More than a single voucher may be worth.
    OverVoucherLimit,
    /// Together with what came before it, more than the allowance's limit.
    OverLimit,
}

/// What a programme allows branches without a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineRule {
    /// Hours that an allowance is good for from when it is given: 1 to 24.
    pub hours: u32,
    /// Most that one location may take offline of a business day's allowance, in minor units: 1 to [`LIMIT_MAX`].
    pub limit_minor: i64,
    /// Most for a single voucher, in minor units: 1 to the limit.
    pub voucher_limit_minor: i64,
    /// Days after the allowance's day in which its journal may come: 1 to 60.
    pub journal_days: u32,
    /// Who bears a loss, where it is not [`LossReason::usual_bearer`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bearers: BTreeMap<LossReason, Bearer>,
}

impl OfflineRule {
    /// Who bears a loss on an entry that keeps to the allowance.
    pub fn bearer(&self, reason: LossReason) -> Bearer {
        let own = self.bearers.get(&reason).copied();
        own.unwrap_or_else(|| reason.usual_bearer())
    }

    /// Everything wrong with these settings of a programme.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let facts = [
            (
                (1..=HOURS_MAX).contains(&self.hours),
                "/offline/hours",
                "must be 1 to 24 hours",
            ),
            (
                (1..=LIMIT_MAX).contains(&self.limit_minor),
                "/offline/limit_minor",
                "must be 1 to 1000000 minor units",
            ),
            (
                (1..=self.limit_minor.clamp(1, LIMIT_MAX)).contains(&self.voucher_limit_minor),
                "/offline/voucher_limit_minor",
                "must be 1 minor unit to the limit of the allowance",
            ),
            (
                (1..=JOURNAL_DAYS_MAX).contains(&self.journal_days),
                "/offline/journal_days",
                "must be 1 to 60 days",
            ),
        ];
        let broken = facts.into_iter().filter(|(holds, ..)| !holds);
        broken
            .map(|(_, pointer, detail)| Violation::new(pointer, "out_of_range", detail))
            .collect()
    }
}

/// What a location may take offline of one business day, and what it has taken. The rule is that of the day's first asking:
/// what a branch was promised does not change under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// The location.
    pub location: LocationId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// The programme's version that the rule is of.
    pub programme_version: u32,
    /// The business day on which it was given.
    pub day: NaiveDate,
    /// The zone of days.
    pub zone: Tz,
    /// Currency of its amounts.
    pub currency: Currency,
    /// What it allows.
    pub rule: OfflineRule,
    /// What entries within its limits came to so far, in minor units.
    pub used_minor: i64,
    /// Counts every write of the item, from 1; each write is conditional on it.
    pub version: u64,
}

impl Allowance {
    /// The allowance of the business day of `now`; `None` where the programme allows nothing offline.
    pub fn new(location: LocationId, programme: &Programme, now: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            location,
            programme: programme.id.clone(),
            programme_version: programme.version,
            day: calendar::business_day(now, programme.zone),
            zone: programme.zone,
            currency: programme.currency,
            rule: programme.offline.clone()?,
            used_minor: 0,
            version: 1,
        })
    }

    /// Its name: location and business day.
    pub fn id(&self) -> String {
        format!("{}~{}", self.location, self.day)
    }

    /// The window of an allowance that is given at `now`.
    pub fn window(&self, now: DateTime<Utc>) -> Window {
        let hours = Duration::hours(i64::from(self.rule.hours));
        Window {
            from: now,
            until: now.checked_add_signed(hours).unwrap_or(now),
        }
    }
}

/// The time in which a signed allowance is good, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First instant.
    pub from: DateTime<Utc>,
    /// First instant after it.
    pub until: DateTime<Utc>,
}

impl Window {
    /// Whether it holds the instant.
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }
}

/// A voucher that a branch took, as its journal tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The entry's number in the branch's journal. Says which one is meant, and nothing else.
    pub number: u32,
    /// The receipt that it was taken on. With the voucher's code it makes the entry: each pair is decided once.
    pub receipt: ReceiptKey,
    /// The basket it was reserved for before the line went down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket: Option<BasketId>,
    /// Total of the receipt in minor units.
    pub basket_minor: i64,
    /// All its goods by product group and VAT rate; none where the entry does not name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goods: Vec<Goods>,
    /// What the till gave for the voucher, in minor units.
    pub value_minor: i64,
    /// When, by the till's clock.
    pub at: DateTime<Utc>,
}

impl Taken {
    /// Whether the other one tells the same, whatever its number.
    pub fn tells_the_same(&self, other: &Self) -> bool {
        let content = |taken: &Self| (taken.basket_minor, taken.value_minor, taken.at);
        self.receipt == other.receipt && content(self) == content(other) && self.goods == other.goods
    }
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The voucher is redeemed on the entry's receipt.
    Booked,
    /// It is not.
    Lost,
    /// The sale was voided: nothing to book, nothing lost.
    Reversed,
}

/// The first redemption of a voucher that is lost to a second one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// On this receipt.
    pub receipt: ReceiptKey,
    /// When.
    pub at: DateTime<Utc>,
}

/// What is lost on an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Why.
    pub reason: LossReason,
    /// Minor units.
    pub minor: i64,
    /// Who bears it.
    pub bearer: Bearer,
    /// The first redemption, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<First>,
}

/// What was decided on an entry. It stays, whatever becomes of the voucher later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// How it breaks the allowance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<Breach>,
    /// Minor units that the voucher covers. With the loss, that is what the till gave, unless the sale was voided.
    pub booked_minor: i64,
    /// What is lost: all of it, or what exceeds the face value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
}

#[cfg(test)]
mod tests;
