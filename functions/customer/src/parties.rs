//! A person or organisation is stored, once per external id, and shown (B1).

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, PartyId};
use http_edge::api::customers::{CardSummary, PartyView};
use http_edge::api::parties::PartyInput;
use http_edge::intake::{self, Intake, Sites};
use http_edge::{Code, Findings, Problem, Request, Response, Scope, page};
use party::{Personal, Word};
use store::card::{self, Card, CardReference};
use store::party as stored_party;
use store::{Record, Site};

use crate::party_change::{etag, shown};
use crate::{App, party_view};

impl App {
    /// `POST /v1/parties`.
    pub(crate) async fn create_party(
        &self,
        request: &Request,
        id: PartyId,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesWrite)?;
        let body: PartyInput = request.json()?;
        let rules = self.rules(caller, now).await?;
        let intake = Intake {
            db: &self.db,
            pepper: self.pepper.bytes(),
            caller,
            rules: &rules,
            sites: Sites {
                read: Site::PartyRead,
                known: Site::PartyExternalId,
                put: Site::PartyPut,
            },
        };
        let document = intake.read("", &body, id, Findings::default())?;
        let stored = intake.store(&body, document, None).await?;
        shown(if stored.new { 201 } else { 200 }, stored.party)
    }

    /// The keyed hash under which an id in another system stands.
    pub(crate) fn lookup_of(&self, system: &Word, id: &Personal) -> LookupKey {
        intake::external_key(self.pepper.bytes(), system, id)
    }

    /// `GET /v1/parties/{party_id}`.
    pub(crate) async fn show_party(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let id: PartyId = request.path("party_id")?;
        let limit = request.limit()?;
        let next = request.query.get("next");
        let after: Option<LookupKey> = next.map(|token| page::position("next", token)).transpose()?;
        let stored = stored_party::read(&self.db, Site::PartyRead, &caller.tenant, &id).await?;
        let Some(stored) = stored else {
            return Err(no_such_party());
        };
        let version = stored.d.version;
        let site = Site::PartyCards;
        let (cards, next) = card::of_party(&self.db, site, &caller.tenant, &id, after.as_ref(), limit).await?;
        let view = PartyView {
            party: party_view::answer(stored),
            cards: cards.into_iter().map(summary).collect(),
            next: next.map(|card| page::token(&card)),
        };
        Ok(Response::json(200, &view)?.header("etag", etag(version)))
    }
}

pub(crate) fn no_such_party() -> Problem {
    Problem::new(Code::NotFound, "there is no party with this id")
}

fn summary((reference, card): (CardReference, Record<Card>)) -> CardSummary {
    CardSummary {
        last4: Personal::new(reference.number.last4().to_owned()),
        status: card.d.status,
        registered_at: card.d.registered_at,
    }
}
