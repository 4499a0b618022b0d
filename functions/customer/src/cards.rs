//! Cards are issued, registered, blocked and unblocked (L1).
//!
//! Each command reads the card, decides, and stores the change under the condition that the card is as it was read; when
//! another command came first, it reads and decides again.

use std::slice;

use chrono::{DateTime, Utc};
use domain::card::{CardNumber, CardStatus};
use domain::id::{LocationId, LookupKey, PartyId, TillId};
use http_edge::api::customers::{BlockCardRequest, BlockedView, CardAnswer, IssueCardRequest, RegisterCardRequest};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope, guard};
use store::card::{self, BlockReason, Card, CardChange, CardsChanged, CompanyCard, Issue};
use store::db::Read;
use store::guess::Terminal;
use store::party::Personal;
use store::{Record, Site, relationship};
use uuid::Uuid;

use crate::card_rules::{self as rules, CardRefusal, Decision};
use crate::{App, fields, numbers};

/// How often a command decides again because another one came first. Each round somebody else's command succeeded; more
/// than a handful on one card within milliseconds is no customer.
pub(crate) const ROUNDS_MAX: usize = 5;
/// The relationship by which a party has a card from a company, where the call does not say.
const EMPLOYMENT: &str = "employment";

impl App {
    /// `POST /v1/cards`.
    pub(crate) async fn issue_card(
        &self,
        request: &Request,
        fresh: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CardsWrite)?;
        let body: IssueCardRequest = request.json()?;
        let mut found = Findings::default();
        let number = body
            .number
            .as_ref()
            .and_then(|text| fields::card("/number", text, &mut found));
        let party = body
            .party_id
            .as_deref()
            .and_then(|id| found.field::<PartyId>("/party_id", id));
        let token = body.client_token.as_deref().and_then(|t| fields::token(t, &mut found));
        if body.number.is_some() && body.client_token.is_some() {
            let detail = "the number makes the call repeatable: leave the token out";
            found.add("/client_token", "not_applicable", detail);
        }
        found.none()?;
        if let Some(number) = number {
            let issue = Issue { party, mark: None };
            return match self.issue(caller, &number, &issue, now).await? {
                Issued::As(response) => Ok(response),
                Issued::Refused(refusal, status) => Err(refusal.problem(status)),
            };
        }
        // A made-up token stands behind its caller's name, so no two callers meet, nor does one meet a random call.
        let call = token.map_or_else(|| fresh.to_string(), |token| format!("{}#{token}", caller.client));
        let mark = numbers::issue_mark(self.pepper.bytes(), &caller.tenant, &call);
        let issue = Issue {
            party,
            mark: Some(mark.clone()),
        };
        for number in numbers::candidates(self.pepper.bytes(), &mark) {
            match self.issue(caller, &number, &issue, now).await? {
                Issued::As(response) => return Ok(response),
                Issued::Refused(CardRefusal::NumberTaken, _) => {}
                Issued::Refused(refusal, status) => return Err(refusal.problem(status)),
            }
        }
        Err(no_free_number())
    }

    async fn issue(
        &self,
        caller: &Caller,
        number: &CardNumber,
        issue: &Issue,
        now: DateTime<Utc>,
    ) -> Result<Issued, Problem> {
        let lookup = card::lookup_key(self.pepper.bytes(), number);
        for _ in 0..ROUNDS_MAX {
            let before = card::read(&self.db, Site::CardRead, &caller.tenant, &lookup, Read::Strong).await?;
            let existing = before.as_ref().map(|record| &record.d);
            let after = match (rules::issue(existing, issue, now), existing) {
                (Ok(Decision::Change(after)), _) => *after,
                (Ok(Decision::Keep), Some(card)) => return Ok(Issued::As(Response::json(200, &answer(number, card))?)),
                (Err(refusal), Some(card)) => return Ok(Issued::Refused(refusal, card.status)),
                // Rules never keep or refuse a card that does not exist.
                (Ok(Decision::Keep) | Err(_), None) => break,
            };
            let change = CardChange {
                number: number.clone(),
                lookup: lookup.clone(),
                before,
                after,
            };
            match self.commit(caller, slice::from_ref(&change), now).await? {
                CardsChanged::Done => return Ok(Issued::As(Response::json(201, &answer(number, &change.after))?)),
                CardsChanged::Stale => {}
                CardsChanged::PartyUnknown => return Err(party_unknown()),
            }
        }
        Err(concurrent_change())
    }

    /// Stores changes of cards for the caller.
    pub(crate) async fn commit(
        &self,
        caller: &Caller,
        changes: &[CardChange],
        now: DateTime<Utc>,
    ) -> Result<CardsChanged, Problem> {
        Ok(card::commit(&self.db, Site::CardWrite, &caller.tenant, changes, caller.made(now)).await?)
    }

    /// `POST /v1/cards/{number}/register`.
    pub(crate) async fn register_card(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let (caller, number) = command(request)?;
        let body: RegisterCardRequest = request.json()?;
        let mut found = Findings::default();
        let party: Option<PartyId> = found.field("/party_id", &body.party_id);
        let company: Option<PartyId> = body.company_id.as_deref().and_then(|id| found.field("/company_id", id));
        if body.relationship.is_some() && body.company_id.is_none() {
            found.add(
                "/relationship",
                "not_applicable",
                "belongs to a card that a party has from a company",
            );
        }
        let Some(party) = party else {
            return Err(found.problem());
        };
        found.none()?;
        let company = match company {
            None => None,
            Some(company) => Some(
                self.company_card(caller, &number, (&party, company), &body, now)
                    .await?,
            ),
        };
        let decide = |card: &Card| rules::register(card, &party, company.as_ref(), now);
        self.change_card(caller, &number, now, decide).await
    }

    /// The card as one of a company, to which the party must be related now; a card that is so already needs no look.
    async fn company_card(
        &self,
        caller: &Caller,
        number: &CardNumber,
        (party, company): (&PartyId, PartyId),
        body: &RegisterCardRequest,
        now: DateTime<Utc>,
    ) -> Result<CompanyCard, Problem> {
        let kind = body.relationship.as_deref().unwrap_or(EMPLOYMENT);
        let lookup = card::lookup_key(self.pepper.bytes(), number);
        let known = self.known_card(caller, &lookup, now).await?.d;
        let same = |known: &CompanyCard| known.company == company && known.kind.as_str() == kind;
        let is_theirs = known.party.as_ref() == Some(party);
        if let Some(known) = known.company.filter(|known| is_theirs && same(known)) {
            return Ok(known);
        }
        let rules = self.rules(caller, now).await?;
        let mut types = rules.types.relationship_types.iter();
        let Some(known) = types.find(|known| known.code.as_str() == kind) else {
            let mut found = Findings::default();
            found.add(
                "/relationship",
                "type_unknown",
                "must be one of the types of GET /v1/party-types",
            );
            return Err(found.problem());
        };
        let named = (&known.code, &known.from_role, &company);
        let (site, today) = (Site::Relationships, rules.when.today);
        if !relationship::stands(&self.db, site, &caller.tenant, party, named, today).await? {
            let detail = "company_id: the party has no such relationship with it: relate the two first";
            return Err(Problem::new(Code::NotRelated, detail));
        }
        Ok(CompanyCard {
            kind: known.code.clone(),
            role: known.from_role.clone(),
            company,
        })
    }

    /// `POST /v1/cards/{number}/block`.
    pub(crate) async fn block_card(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let (caller, number) = command(request)?;
        let body: BlockCardRequest = request.json()?;
        let reason: BlockReason = Findings::only("/reason", &body.reason)?;
        self.change_card(caller, &number, now, |card| rules::block(card, reason, now))
            .await
    }

    /// `POST /v1/cards/{number}/unblock`.
    pub(crate) async fn unblock_card(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let (caller, number) = command(request)?;
        self.change_card(caller, &number, now, rules::unblock).await
    }

    /// Changes one card as `decide` says and answers with the card as it is then.
    async fn change_card(
        &self,
        caller: &Caller,
        number: &CardNumber,
        now: DateTime<Utc>,
        decide: impl Fn(&Card) -> Result<Decision, CardRefusal>,
    ) -> Result<Response, Problem> {
        let lookup = card::lookup_key(self.pepper.bytes(), number);
        for _ in 0..ROUNDS_MAX {
            let before = self.known_card(caller, &lookup, now).await?;
            let after = match decide(&before.d) {
                Ok(Decision::Keep) => return Response::json(200, &answer(number, &before.d)),
                Ok(Decision::Change(after)) => *after,
                Err(refusal) => return Err(refusal.problem(before.d.status)),
            };
            let change = CardChange {
                number: number.clone(),
                lookup: lookup.clone(),
                before: Some(before),
                after,
            };
            match self.commit(caller, slice::from_ref(&change), now).await? {
                CardsChanged::Done => return Response::json(200, &answer(number, &change.after)),
                CardsChanged::Stale => {}
                CardsChanged::PartyUnknown => return Err(party_unknown()),
            }
        }
        Err(concurrent_change())
    }

    /// A card that was issued.
    pub(crate) async fn known_card(
        &self,
        caller: &Caller,
        lookup: &LookupKey,
        now: DateTime<Utc>,
    ) -> Result<Record<Card>, Problem> {
        let found = card::read(&self.db, Site::CardRead, &caller.tenant, lookup, Read::Strong).await?;
        guard::count_lookup(found.is_some(), now);
        match found {
            Some(card) => Ok(card),
            None => Err(self.unknown_card(caller, now).await?),
        }
    }

    /// What a caller hears who asks for a card that nobody issued. These routes know no location and no till, so the unknown
    /// ones of a client count together.
    async fn unknown_card(&self, caller: &Caller, now: DateTime<Utc>) -> Result<Problem, Problem> {
        let internal = |_| Problem::new(Code::Internal, "the call could not be finished");
        let location: LocationId = "-".parse().map_err(internal)?;
        let till: TillId = "-".parse().map_err(internal)?;
        let terminal = Terminal {
            tenant: &caller.tenant,
            client: &caller.client,
            location: &location,
            till: &till,
        };
        Ok(self.guard.unknown(&self.db, &terminal, card_unknown(), now).await?)
    }
}

/// What became of issuing a card under one number.
enum Issued {
    /// It is there, by this call or by the same one before.
    As(Response),
    /// Another card stands there, in this state.
    Refused(CardRefusal, CardStatus),
}

/// The caller and the card of a command on a card.
pub(crate) fn command(request: &Request) -> Result<(&Caller, CardNumber), Problem> {
    let caller = request.caller()?;
    caller.require(Scope::CardsWrite)?;
    Ok((caller, request.path("number")?))
}

/// The card for the caller, who knows its number.
pub(crate) fn answer(number: &CardNumber, card: &Card) -> CardAnswer {
    CardAnswer {
        number: Personal::new(number.as_str().to_owned()),
        status: card.status,
        party_id: card.party.as_ref().map(ToString::to_string),
        company_id: card.company.as_ref().map(|card| card.company.to_string()),
        registered_at: card.registered_at,
        blocked: card.blocked.map(|blocked| BlockedView {
            reason: blocked.reason,
            since: blocked.at,
        }),
    }
}

pub(crate) fn card_unknown() -> Problem {
    Problem::new(Code::CardUnknown, "no card was issued under this number")
}

pub(crate) fn party_unknown() -> Problem {
    Problem::new(Code::PartyUnknown, "/party_id: there is no such party")
}

pub(crate) fn concurrent_change() -> Problem {
    Problem::new(
        Code::ConcurrentChange,
        "other calls changed the card at the same time: read it and repeat the call",
    )
}

pub(crate) fn no_free_number() -> Problem {
    Problem::new(
        Code::Unavailable,
        "no free card number was found: repeat the call, or give a number",
    )
}
