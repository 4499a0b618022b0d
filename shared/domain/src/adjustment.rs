//! What support does to points and vouchers by hand: who asked, why, and what became of it.
//!
//! ```text
//!                       up to the limit
//!   asked for ───────────────────────────────────► posted
//!       │                                             ▲
//!       │ above it            a second person approves│
//!       └────────► awaiting_approval ─────────────────┤
//!                                                     └► rejected
//! ```
//!
//! The points move, and the voucher changes, in the same transaction in which the adjustment becomes posted, so there is nothing
//! in between. What is done to a voucher moves no points, but for one that was issued for points and becomes void.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::account::Entry;
use crate::id::{ClientId, PartyId, ProgrammeId, Subject};
use crate::programme::AdjustmentRule;
use crate::secret::Secret;
use crate::voucher::VoucherNumber;

/// Most points, given or taken, that one adjustment moves.
pub const ADJUSTED_POINTS_MAX: i64 = 1_000_000;
/// Longest reason, in characters.
pub const REASON_MAX: usize = 200;

/// What is done to points by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// The account gets or loses points.
    Correction,
    /// Points leave the account for another one.
    Transfer {
        /// Holder of the receiving account.
        to: PartyId,
    },
    /// A voucher is made void, and its points come back.
    VoucherVoid {
        /// Its number within the account.
        #[serde(rename = "sequence")]
        number: VoucherNumber,
    },
    /// A voucher is stopped.
    VoucherBlock {
        /// Its number within the account.
        number: VoucherNumber,
    },
    /// A voucher is stopped no longer.
    VoucherUnblock {
        /// Its number within the account.
        number: VoucherNumber,
    },
    /// A voucher is valid for longer.
    VoucherExtend {
        /// Its number within the account.
        number: VoucherNumber,
        /// Its new last day.
        until: NaiveDate,
    },
    /// Another voucher is put in the place of one.
    VoucherReissue {
        /// The number of the old one; the new one has the next.
        number: VoucherNumber,
    },
}

impl Kind {
    /// The voucher that something is done to.
    pub const fn voucher(&self) -> Option<&VoucherNumber> {
        match self {
            Self::Correction | Self::Transfer { .. } => None,
            Self::VoucherVoid { number }
            | Self::VoucherBlock { number }
            | Self::VoucherUnblock { number }
            | Self::VoucherExtend { number, .. }
            | Self::VoucherReissue { number } => Some(number),
        }
    }

    /// How many accounts it moves points of; of a voided voucher that a campaign gave at most so many, for it may have cost none.
    pub const fn accounts(&self) -> usize {
        match self {
            Self::Transfer { .. } => 2,
            Self::Correction | Self::VoucherVoid { .. } => 1,
            Self::VoucherBlock { .. }
            | Self::VoucherUnblock { .. }
            | Self::VoucherExtend { .. }
            | Self::VoucherReissue { .. } => 0,
        }
    }
}

/// Points moved by hand, or to be moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Counts the changes, from 1.
    pub version: u64,
    /// What is done.
    #[serde(flatten)]
    pub kind: Kind,
    /// Holder of the account; of the giving one for a transfer.
    pub party: PartyId,
    /// Programme of the account.
    pub programme: ProgrammeId,
    /// Points: signed for a correction, 1 or more for a transfer, those that come back for a voided voucher, else 0.
    pub points: i64,
    /// Why. Free text, which may name somebody.
    pub reason: Secret,
    /// Who asked.
    pub author: Subject,
    /// Through which client.
    pub client: ClientId,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// What became of it.
    pub state: State,
}

/// What became of an adjustment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Kept until a second person decides.
    AwaitingApproval,
    /// The points have moved.
    Posted {
        /// When.
        at: DateTime<Utc>,
        /// The second person; `None` where none was needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<Subject>,
        /// The entry in the ledger of the account; for a transfer also the one of the receiving account.
        entries: Vec<Booked>,
    },
    /// A second person, or the author, has refused it. Nothing has moved.
    Rejected {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        by: Subject,
        /// Why.
        reason: Secret,
    },
}

/// An entry as the adjustment remembers it, so that an answer can be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// The entry's name within its account.
    pub entry: String,
    /// Version of the account after it.
    pub version: u64,
    /// Business day on which it was posted.
    pub business_date: NaiveDate,
    /// Points, signed.
    pub points: i64,
    /// Balance after it.
    pub balance_after: i64,
    /// Points that do not count yet, after it.
    pub pending_after: i64,
    /// Version of the programme that decided.
    pub programme_version: u32,
}

impl Booked {
    /// What is remembered of `entry`.
    pub fn of(entry: &Entry) -> Self {
        Self {
            entry: entry.natural_id(),
            version: entry.version,
            business_date: entry.business_date,
            points: entry.points,
            balance_after: entry.balance_after,
            pending_after: entry.pending_after,
            programme_version: entry.programme_version,
        }
    }
}

/// Why a decision is refused. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The author cannot be the second person.
    #[error("who asked for it cannot approve it: somebody else must")]
    OwnRequest,
    /// It was rejected.
    #[error("it was rejected on {}", at.format("%Y-%m-%d %H:%M UTC"))]
    Rejected {
        /// When.
        at: DateTime<Utc>,
    },
    /// Its points have moved.
    #[error("its points were posted on {}", at.format("%Y-%m-%d %H:%M UTC"))]
    Posted {
        /// When.
        at: DateTime<Utc>,
    },
}

impl Adjustment {
    /// Whether the same person asked for the same thing: a repeated call, whatever has become of the first one. What a voucher
    /// brings back is not asked for, it is found.
    pub fn is_same_request(&self, other: &Self) -> bool {
        let same_points = self.points == other.points || self.kind.voucher().is_some();
        let who = |of: &Self| (of.author.clone(), of.client.clone());
        self.kind == other.kind
            && self.party == other.party
            && self.programme == other.programme
            && self.reason == other.reason
            && same_points
            && who(self) == who(other)
    }

    /// Whether a second person must approve it under `rule`. The points of a voided voucher were earned before: they need none.
    pub fn needs_approval(&self, rule: &AdjustmentRule) -> bool {
        self.kind.voucher().is_none() && self.points.unsigned_abs() > rule.alone_up_to.unsigned_abs()
    }

    /// Whether `approver` may have it posted now; `false` when it is posted already.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn may_be_approved(&self, approver: &Subject) -> Result<bool, Refusal> {
        if *approver == self.author {
            return Err(Refusal::OwnRequest);
        }
        match &self.state {
            State::AwaitingApproval => Ok(true),
            State::Posted { .. } => Ok(false),
            State::Rejected { at, .. } => Err(Refusal::Rejected { at: *at }),
        }
    }

    /// The adjustment after `by` has rejected it; `None` when it is rejected already. Its author may take it back so.
    ///
    /// # Errors
    /// [`Refusal::Posted`].
    pub fn rejected(&self, by: &Subject, reason: Secret, at: DateTime<Utc>) -> Result<Option<Self>, Refusal> {
        match &self.state {
            State::AwaitingApproval => {
                let by = by.clone();
                Ok(Some(self.moved(State::Rejected { at, by, reason })))
            }
            State::Rejected { .. } => Ok(None),
            State::Posted { at, .. } => Err(Refusal::Posted { at: *at }),
        }
    }

    /// The adjustment with the entries that its points moved by.
    #[must_use]
    pub fn posted(&self, approver: Option<Subject>, entries: &[&Entry], at: DateTime<Utc>) -> Self {
        let entries = entries.iter().map(|entry| Booked::of(entry)).collect();
        self.moved(State::Posted { at, approver, entries })
    }

    fn moved(&self, state: State) -> Self {
        Self {
            version: self.version.saturating_add(1),
            state,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn correction(points: i64) -> Adjustment {
        Adjustment {
            version: 1,
            kind: Kind::Correction,
            party: "p1".parse().unwrap(),
            programme: "treue".parse().unwrap(),
            points,
            reason: Secret::new("goodwill".to_owned()),
            author: "olga".parse().unwrap(),
            client: "office".parse().unwrap(),
            asked_at: noon(),
            state: State::AwaitingApproval,
        }
    }

    #[test]
    fn the_limit_counts_points_given_and_taken_and_none_that_a_voucher_brings_back() {
        let rule = AdjustmentRule {
            alone_up_to: 500,
            transfers: false,
        };
        let needs = |points: i64| correction(points).needs_approval(&rule);
        assert_eq!(
            [1, 500, -500, 501, -501, i64::MIN].map(needs),
            [false, false, false, true, true, true]
        );
        let kind = Kind::VoucherVoid { number: 1.into() };
        let void = Adjustment {
            kind,
            ..correction(501)
        };
        assert!(!void.needs_approval(&rule));
    }

    #[test]
    fn only_another_person_approves_and_only_what_waits_can_be_rejected() {
        let (olga, urs) = ("olga".parse().unwrap(), "urs".parse().unwrap());
        let reason = || Secret::new("not ours".to_owned());
        let waiting = correction(900);
        assert_eq!(waiting.may_be_approved(&olga), Err(Refusal::OwnRequest));
        assert_eq!(waiting.may_be_approved(&urs), Ok(true));
        let posted = waiting.posted(Some(urs.clone()), &[], noon());
        assert_eq!((posted.version, posted.may_be_approved(&urs)), (2, Ok(false)));
        assert_eq!(
            posted.rejected(&urs, reason(), noon()),
            Err(Refusal::Posted { at: noon() })
        );
        let rejected = waiting.rejected(&olga, reason(), noon()).unwrap().unwrap();
        assert_eq!(rejected.may_be_approved(&urs), Err(Refusal::Rejected { at: noon() }));
        assert_eq!(rejected.rejected(&urs, reason(), noon()), Ok(None));
    }

    #[test]
    fn another_reason_author_or_amount_is_another_request() {
        let first = correction(10);
        assert!(first.is_same_request(&first.posted(None, &[], noon())));
        let mut other = first.clone();
        other.reason = Secret::new("error of the till".to_owned());
        let mut by_another = first.clone();
        by_another.author = "urs".parse().unwrap();
        for other in [other, by_another, correction(11)] {
            assert!(!first.is_same_request(&other));
        }
    }

    #[test]
    fn what_was_done_to_a_voucher_is_stored_under_its_number_as_before() {
        let stored = |kind: Kind| serde_json::to_value(Adjustment { kind, ..correction(0) }).unwrap();
        let void = stored(Kind::VoucherVoid { number: 7.into() });
        assert_eq!((&void["kind"], &void["sequence"]), (&"voucher_void".into(), &7.into()));
        let until = "2027-03-31".parse().unwrap();
        let number = "birthday~2026~1.2".parse().unwrap();
        let extend = stored(Kind::VoucherExtend { number, until });
        let read: Adjustment = serde_json::from_value(extend.clone()).unwrap();
        assert_eq!(read.kind.voucher().unwrap().to_string(), "birthday~2026~1.2");
        assert_eq!(
            (&extend["number"], &extend["until"]),
            (&"birthday~2026~1.2".into(), &"2027-03-31".into())
        );
    }

    #[test]
    fn debug_shows_no_reason() {
        assert!(!format!("{:?}", correction(1)).contains("goodwill"));
    }
}
