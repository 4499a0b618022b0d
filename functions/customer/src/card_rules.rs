//! What a card allows in its state, without any call.
//!
//! ```text
//!                register          replace
//! unregistered ───────────► active ───────► replaced
//!       │ ▲                  │ ▲               │ ▲
//!       ▼ │  block, unblock  ▼ │               ▼ │
//!     blocked              blocked ─────────► blocked
//!                                   replace
//! ```
//!
//! A blocked card that is replaced stays blocked: whoever found or took it sees nothing, and only unblocking lets it lead to
//! its party again, as a replaced card. An erased card allows nothing.

use chrono::{DateTime, Utc};
use domain::card::CardStatus;
use domain::id::{LookupKey, PartyId};
use http_edge::{Code, Problem};
use serde_json::json;
use store::card::{BlockReason, Blocked, Card, CompanyCard, Issue};

/// What a command does to a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing: its effect is there already.
    Keep,
    /// The card is to be stored like this.
    Change(Box<Card>),
}

/// Why a card does not allow a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CardRefusal {
    #[error("a card with this number was issued before by another call: take another number, or register the card")]
    IssuedBefore,
    /// Only of numbers that the system makes: the next one is tried.
    #[error("the number belongs to another card")]
    NumberTaken,
    #[error("the card belongs to another party")]
    OtherParty,
    #[error("the card was registered with another company or none: issue another one for this")]
    OtherCompany,
    #[error("the card is blocked: unblock it first")]
    Blocked,
    #[error("the card is not registered: register it, or issue another one")]
    NotRegistered,
    #[error("the card was replaced before by another card")]
    ReplacedBefore,
    #[error("the new card is not free: take a card that was not issued yet or is not registered")]
    SuccessorTaken,
    #[error("the card was erased with its party and cannot be used again: issue another one")]
    Erased,
}

impl CardRefusal {
    /// The problem to answer with, naming the state of the card if there is one.
    pub(crate) fn problem(self, status: CardStatus) -> Problem {
        Problem::new(Code::CardState, self.to_string()).with("card_status", json!(status))
    }
}

/// Issues a card: to a party at once, or for the stock.
pub(crate) fn issue(existing: Option<&Card>, wanted: &Issue, now: DateTime<Utc>) -> Result<Decision, CardRefusal> {
    match existing {
        None => Ok(change(new_card(wanted.clone(), now))),
        Some(card) if wanted.mark.is_some() && card.issue.mark != wanted.mark => Err(CardRefusal::NumberTaken),
        Some(card) if card.status == CardStatus::Erased => Err(CardRefusal::Erased),
        Some(card) if card.issue == *wanted => Ok(Decision::Keep),
        Some(_) => Err(CardRefusal::IssuedBefore),
    }
}

fn new_card(issue: Issue, now: DateTime<Utc>) -> Card {
    let card = match issue.party.clone() {
        Some(party) => Card::active(party, now),
        None => Card::unregistered(),
    };
    Card { issue, ..card }
}

/// Makes a card from the stock a party's.
pub(crate) fn register(
    card: &Card,
    party: &PartyId,
    company: Option<&CompanyCard>,
    now: DateTime<Utc>,
) -> Result<Decision, CardRefusal> {
    match (&card.party, card.status) {
        (_, CardStatus::Erased) => Err(CardRefusal::Erased),
        (Some(holder), _) if holder == party && card.company.as_ref() == company => Ok(Decision::Keep),
        (Some(holder), _) if holder == party => Err(CardRefusal::OtherCompany),
        (Some(_), _) => Err(CardRefusal::OtherParty),
        (None, CardStatus::Blocked) => Err(CardRefusal::Blocked),
        (None, _) => Ok(change(next(card, |after| {
            after.status = CardStatus::Active;
            after.party = Some(party.clone());
            after.company = company.cloned();
            after.registered_at = Some(now);
        }))),
    }
}

/// Stops a card.
pub(crate) fn block(card: &Card, reason: BlockReason, now: DateTime<Utc>) -> Result<Decision, CardRefusal> {
    match card.status {
        CardStatus::Erased => Err(CardRefusal::Erased),
        // The first reason stands; the answer shows it.
        CardStatus::Blocked => Ok(Decision::Keep),
        CardStatus::Unregistered | CardStatus::Active | CardStatus::Replaced => Ok(change(next(card, |after| {
            after.status = CardStatus::Blocked;
            after.blocked = Some(Blocked { reason, at: now });
        }))),
    }
}

/// Lets a card go on as it was before it was blocked.
pub(crate) fn unblock(card: &Card) -> Result<Decision, CardRefusal> {
    match card.status {
        CardStatus::Erased => Err(CardRefusal::Erased),
        CardStatus::Unregistered | CardStatus::Active | CardStatus::Replaced => Ok(Decision::Keep),
        CardStatus::Blocked => Ok(change(next(card, |after| {
            after.blocked = None;
            after.status = match (&card.party, &card.replaced_by) {
                (None, _) => CardStatus::Unregistered,
                (Some(_), Some(_)) => CardStatus::Replaced,
                (Some(_), None) => CardStatus::Active,
            };
        }))),
    }
}

/// A card and its successor after a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub(crate) old: Card,
    pub(crate) new: Card,
}

/// Puts another card in the place of `old`, which must not have been replaced before: one that is not issued yet (`None`)
/// or one from the stock. `mark` is given for a number that the system made.
pub(crate) fn replace(
    old: &Card,
    successor: Option<&Card>,
    successor_lookup: &LookupKey,
    mark: Option<LookupKey>,
    now: DateTime<Utc>,
) -> Result<Replacement, CardRefusal> {
    let party = replaceable(old)?;
    let mut new = match successor {
        None => new_card(
            Issue {
                party: Some(party.clone()),
                mark,
            },
            now,
        ),
        Some(stock) if stock.status == CardStatus::Unregistered => {
            match register(stock, party, old.company.as_ref(), now)? {
                Decision::Change(card) => *card,
                Decision::Keep => return Err(CardRefusal::SuccessorTaken),
            }
        }
        Some(_) => return Err(CardRefusal::SuccessorTaken),
    };
    // A company's card is one of the company's again.
    new.company.clone_from(&old.company);
    let old = next(old, |after| {
        after.replaced_by = Some(successor_lookup.clone());
        if after.status == CardStatus::Active {
            after.status = CardStatus::Replaced;
        }
    });
    Ok(Replacement { old, new })
}

/// The holder of a card that can be replaced.
fn replaceable(card: &Card) -> Result<&PartyId, CardRefusal> {
    match (card.status, &card.party) {
        (CardStatus::Erased, _) => Err(CardRefusal::Erased),
        (CardStatus::Replaced, _) => Err(CardRefusal::ReplacedBefore),
        (_, None) => Err(CardRefusal::NotRegistered),
        (_, Some(_)) if card.replaced_by.is_some() => Err(CardRefusal::ReplacedBefore),
        (_, Some(party)) => Ok(party),
    }
}

fn next(card: &Card, change: impl FnOnce(&mut Card)) -> Card {
    let mut after = card.clone();
    after.version = card.version.saturating_add(1);
    change(&mut after);
    after
}

fn change(card: Card) -> Decision {
    Decision::Change(Box::new(card))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn party(name: &str) -> PartyId {
        name.parse().unwrap()
    }

    fn lookup(text: &str) -> LookupKey {
        text.parse().unwrap()
    }

    fn changed(decision: Result<Decision, CardRefusal>) -> Card {
        match decision {
            Ok(Decision::Change(card)) => *card,
            other => panic!("expected a change, got {other:?}"),
        }
    }

    fn erased() -> Card {
        Card {
            status: CardStatus::Erased,
            party: None,
            ..Card::active(party("p"), now())
        }
    }

    #[test]
    fn a_blocked_card_goes_on_as_what_it_was() {
        let active = Card::active(party("p"), now());
        let replaced = replace(&active, None, &lookup("N"), None, now()).unwrap().old;
        for card in [Card::unregistered(), active, replaced] {
            let blocked = changed(block(&card, BlockReason::Lost, now()));
            assert_eq!((blocked.status, blocked.leads_to()), (CardStatus::Blocked, None));
            assert_eq!(block(&blocked, BlockReason::Stolen, now()), Ok(Decision::Keep));
            let after = changed(unblock(&blocked));
            assert_eq!(
                (after.status, after.blocked, after.version),
                (card.status, None, 3.max(card.version + 2))
            );
            assert_eq!(unblock(&after), Ok(Decision::Keep));
        }
    }

    #[test]
    fn a_replaced_card_still_leads_to_its_party_but_a_blocked_one_does_not_begin_to() {
        let active = Card::active(party("p"), now());
        let both = replace(&active, None, &lookup("N"), None, now()).unwrap();
        assert_eq!(both.old.leads_to(), Some(&party("p")));
        assert_eq!(both.new.leads_to(), Some(&party("p")));
        let stolen = changed(block(&active, BlockReason::Stolen, now()));
        let both = replace(&stolen, None, &lookup("N"), None, now()).unwrap();
        assert_eq!((both.old.status, both.old.leads_to()), (CardStatus::Blocked, None));
        assert_eq!(both.new.leads_to(), Some(&party("p")));
        assert_eq!(changed(unblock(&both.old)).status, CardStatus::Replaced);
    }

    #[test]
    fn a_card_is_replaced_once_and_by_a_free_card_only() {
        let active = Card::active(party("p"), now());
        let both = replace(&active, None, &lookup("N"), None, now()).unwrap();
        let again = replace(&both.old, None, &lookup("M"), None, now());
        assert_eq!(again, Err(CardRefusal::ReplacedBefore));
        let blocked = changed(block(&both.old, BlockReason::Lost, now()));
        let again = replace(&blocked, None, &lookup("M"), None, now());
        assert_eq!(again, Err(CardRefusal::ReplacedBefore));
        let taken = replace(&active, Some(&both.new), &lookup("N"), None, now());
        assert_eq!(taken, Err(CardRefusal::SuccessorTaken));
        let stock = Card::unregistered();
        assert!(replace(&active, Some(&stock), &lookup("N"), None, now()).is_ok());
        let nobodys = replace(&stock, None, &lookup("N"), None, now());
        assert_eq!(nobodys, Err(CardRefusal::NotRegistered));
    }

    #[test]
    fn an_erased_card_allows_nothing() {
        let card = erased();
        let refused = Err(CardRefusal::Erased);
        assert_eq!(register(&card, &party("p"), None, now()), refused);
        assert_eq!(block(&card, BlockReason::Lost, now()), refused);
        assert_eq!(unblock(&card), refused);
        assert_eq!(issue(Some(&card), &card.issue, now()), refused);
        assert_eq!(
            replace(&card, None, &lookup("N"), None, now()),
            Err(CardRefusal::Erased)
        );
    }

    #[test]
    fn a_card_is_registered_for_one_party() {
        let card = changed(register(&Card::unregistered(), &party("p"), None, now()));
        assert_eq!((card.status, card.version), (CardStatus::Active, 2));
        assert_eq!(register(&card, &party("p"), None, now()), Ok(Decision::Keep));
        assert_eq!(register(&card, &party("q"), None, now()), Err(CardRefusal::OtherParty));
        let blocked = changed(block(&Card::unregistered(), BlockReason::Other, now()));
        assert_eq!(register(&blocked, &party("p"), None, now()), Err(CardRefusal::Blocked));
    }

    #[test]
    fn a_repeated_issue_is_told_from_another_one_also_after_the_card_went_on() {
        let stock = Issue::default();
        let card = changed(issue(None, &stock, now()));
        let registered = changed(register(&card, &party("p"), None, now()));
        assert_eq!(issue(Some(&registered), &stock, now()), Ok(Decision::Keep));
        let direct = Issue {
            party: Some(party("p")),
            mark: None,
        };
        assert_eq!(issue(Some(&registered), &direct, now()), Err(CardRefusal::IssuedBefore));
    }

    #[test]
    fn a_made_number_that_is_taken_is_told_from_the_same_call_for_another_party() {
        let made = |call: &str, name: &str| Issue {
            party: Some(party(name)),
            mark: Some(lookup(call)),
        };
        let card = changed(issue(None, &made("A", "p"), now()));
        assert_eq!(issue(Some(&card), &made("A", "p"), now()), Ok(Decision::Keep));
        assert_eq!(
            issue(Some(&card), &made("A", "q"), now()),
            Err(CardRefusal::IssuedBefore)
        );
        assert_eq!(
            issue(Some(&card), &made("B", "p"), now()),
            Err(CardRefusal::NumberTaken)
        );
    }
}
