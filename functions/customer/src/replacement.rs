//! A card takes the place of another one.

use chrono::{DateTime, Utc};
use domain::card::CardNumber;
use domain::id::{LookupKey, Tenant};
use http_edge::api::customers::{ReplaceCardAnswer, ReplaceCardRequest};
use http_edge::{Findings, Problem, Request, Response};
use store::card::{self, Card, CardChange, CardsChanged};
use store::db::Read;
use store::{Record, Site};

use crate::card_rules::{self as rules, CardRefusal};
use crate::cards::{ROUNDS_MAX, answer, command, concurrent_change, no_free_number};
use crate::{App, fields, numbers};

/// The card that is to be replaced.
struct Old<'a> {
    tenant: &'a Tenant,
    number: CardNumber,
    lookup: LookupKey,
}

/// The card that is to take its place.
struct Successor {
    number: CardNumber,
    lookup: LookupKey,
    before: Option<Record<Card>>,
    /// Set for a number that the system made.
    mark: Option<LookupKey>,
}

impl App {
    /// `POST /v1/cards/{number}/replace`.
    pub(crate) async fn replace_card(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let (caller, number) = command(request)?;
        let wanted = wanted_number(request, &number)?;
        let lookup = card::lookup_key(self.pepper.bytes(), &number);
        let old = Old {
            tenant: &caller.tenant,
            number,
            lookup,
        };
        for _ in 0..ROUNDS_MAX {
            let before = self.known_card(caller, &old.lookup, now).await?;
            if let Some(successor) = &before.d.replaced_by {
                return self.replaced_before(&old, &before.d, successor, wanted.as_ref()).await;
            }
            let successor = self.successor(&old, wanted.as_ref()).await?;
            let existing = successor.before.as_ref().map(|record| &record.d);
            let mark = successor.mark.clone();
            let after = rules::replace(&before.d, existing, &successor.lookup, mark, now)
                .map_err(|refusal| refusal.problem(before.d.status))?;
            let changes = [
                CardChange {
                    number: old.number.clone(),
                    lookup: old.lookup.clone(),
                    before: Some(before),
                    after: after.old,
                },
                CardChange {
                    number: successor.number,
                    lookup: successor.lookup,
                    before: successor.before,
                    after: after.new,
                },
            ];
            match self.commit(caller, &changes, now).await? {
                CardsChanged::Done => {
                    let [old, new] = changes.each_ref().map(|change| answer(&change.number, &change.after));
                    return Response::json(200, &ReplaceCardAnswer { old, new });
                }
                // A holder that is gone took the card along: the next look says so.
                CardsChanged::Stale | CardsChanged::PartyUnknown => {}
            }
        }
        Err(concurrent_change())
    }

    /// The answer to a replacement that stands: the same one if it is the same call.
    async fn replaced_before(
        &self,
        old: &Old<'_>,
        card: &Card,
        successor: &LookupKey,
        wanted: Option<&CardNumber>,
    ) -> Result<Response, Problem> {
        let leads_there = |number: &CardNumber| card::lookup_key(self.pepper.bytes(), number) == *successor;
        let number = match wanted {
            Some(number) => Some(number.clone()).filter(leads_there),
            None => {
                let mark = numbers::replacement_mark(self.pepper.bytes(), old.tenant, &old.lookup);
                numbers::candidates(self.pepper.bytes(), &mark).find(leads_there)
            }
        };
        let Some(number) = number else {
            return Err(CardRefusal::ReplacedBefore.problem(card.status));
        };
        let new = card::read(&self.db, Site::CardRead, old.tenant, successor, Read::Strong).await?;
        let Some(new) = new else {
            return Err(concurrent_change());
        };
        let (old, new) = (answer(&old.number, card), answer(&number, &new.d));
        Response::json(200, &ReplaceCardAnswer { old, new })
    }

    /// The wanted card, or the first free number made for this replacement.
    async fn successor(&self, old: &Old<'_>, wanted: Option<&CardNumber>) -> Result<Successor, Problem> {
        if let Some(number) = wanted {
            return self.candidate(old.tenant, number.clone(), None).await;
        }
        let mark = numbers::replacement_mark(self.pepper.bytes(), old.tenant, &old.lookup);
        for number in numbers::candidates(self.pepper.bytes(), &mark) {
            let candidate = self.candidate(old.tenant, number, Some(mark.clone())).await?;
            if candidate.before.is_none() {
                return Ok(candidate);
            }
        }
        Err(no_free_number())
    }

    async fn candidate(
        &self,
        tenant: &Tenant,
        number: CardNumber,
        mark: Option<LookupKey>,
    ) -> Result<Successor, Problem> {
        let lookup = card::lookup_key(self.pepper.bytes(), &number);
        let before = card::read(&self.db, Site::CardRead, tenant, &lookup, Read::Strong).await?;
        Ok(Successor {
            number,
            lookup,
            before,
            mark,
        })
    }
}

/// The number that the caller wants, if it names one. The body may be left out.
fn wanted_number(request: &Request, old: &CardNumber) -> Result<Option<CardNumber>, Problem> {
    let body: ReplaceCardRequest = if request.body.is_empty() {
        ReplaceCardRequest::default()
    } else {
        request.json()?
    };
    let mut found = Findings::default();
    let wanted = body
        .new_number
        .as_ref()
        .and_then(|text| fields::card("/new_number", text, &mut found));
    if wanted.as_ref() == Some(old) {
        found.add(
            "/new_number",
            "same_card",
            "a card cannot replace itself: give another number",
        );
    }
    found.none()?;
    Ok(wanted)
}
