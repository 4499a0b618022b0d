//! A person or organisation is stored, once per external id, and shown (the beginning of B1).

use chrono::{DateTime, Utc};
use domain::code;
use domain::id::{LookupKey, PartyId};
use http_edge::api::customers::{CardSummary, ExternalIdBody, PartyAnswer, PartyRequest, PartyView};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope, page};
use serde_json::json;
use store::card::{self, Card, CardReference};
use store::party::{self, Created, Identity, Known, Personal, Profile};
use store::{Record, Site};

use crate::names::{self, Wanted};
use crate::{App, fields};

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
        let body: PartyRequest = request.json()?;
        let mut found = Findings::default();
        let wanted = names::wanted(&body, &mut found);
        let token = body.client_token.as_deref().and_then(|t| fields::token(t, &mut found));
        if body.external_id.is_some() && body.client_token.is_some() {
            let detail = "the external id makes the call repeatable: leave the token out";
            found.add("/client_token", "not_applicable", detail);
        }
        found.none()?;
        let Some(wanted) = wanted else {
            return Err(Problem::new(
                Code::Internal,
                "the body was neither understood nor refused",
            ));
        };
        let lookup = self.lookup_of(caller, &wanted, token);
        let known = Known {
            party: id.clone(),
            content: self.content_of(&wanted),
        };
        let profile = Profile {
            party: id,
            version: 1,
            identity: wanted.identity,
            language: wanted.language,
            external_id: wanted.external_id,
            lookups: lookup.iter().cloned().collect(),
        };
        let found_by = lookup.as_ref().map(|lookup| (lookup, &known));
        let made = caller.made(now);
        match party::create(&self.db, Site::PartyPut, &caller.tenant, &profile, found_by, made).await? {
            Created::New => Response::json(201, &answer_new(profile, now)),
            Created::Taken => self.created_before(caller, lookup.as_ref(), &known).await,
        }
    }

    /// The answer when something stands there already: the party of the same call, be it this one whose answer was lost or
    /// an earlier one, or a contradiction.
    async fn created_before(
        &self,
        caller: &Caller,
        lookup: Option<&LookupKey>,
        wanted: &Known,
    ) -> Result<Response, Problem> {
        let party = match lookup {
            None => wanted.party.clone(),
            Some(lookup) => {
                let stored = party::known(&self.db, Site::PartyExternalId, &caller.tenant, lookup).await?;
                let Some(stored) = stored else { return Err(changing()) };
                if stored.d.content != wanted.content {
                    let detail = "this external id or token was used before with other content";
                    return Err(Problem::new(Code::PartyContradiction, detail).with("party_id", json!(stored.d.party)));
                }
                stored.d.party
            }
        };
        let stored = party::read(&self.db, Site::PartyRead, &caller.tenant, &party).await?;
        let Some(stored) = stored else { return Err(changing()) };
        let status = if party == wanted.party { 201 } else { 200 };
        Response::json(status, &answer(stored))
    }

    /// The keyed hash under which the party is found again: of its external id, or of the caller's token.
    fn lookup_of(&self, caller: &Caller, wanted: &Wanted, token: Option<&str>) -> Option<LookupKey> {
        let pepper = self.pepper.bytes();
        match (&wanted.external_id, token) {
            (Some(id), _) => {
                let text = format!("{}#{}", id.system, id.id.as_str());
                Some(code::lookup_key(pepper, "external/1", text.as_bytes()))
            }
            (None, Some(token)) => {
                let text = format!("{}#{token}", caller.client);
                Some(code::lookup_key(pepper, "party-token/1", text.as_bytes()))
            }
            (None, None) => None,
        }
    }

    /// Keyed hash of the content, so that the same call is told from another one also after the party was changed.
    fn content_of(&self, wanted: &Wanted) -> LookupKey {
        let content = json!([wanted.identity, wanted.language]).to_string();
        code::lookup_key(self.pepper.bytes(), "party-content/1", content.as_bytes())
    }

    /// `GET /v1/parties/{party_id}`.
    pub(crate) async fn show_party(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let id: PartyId = request.path("party_id")?;
        let limit = request.limit()?;
        let next = request.query.get("next");
        let after: Option<LookupKey> = next.map(|token| page::position("next", token)).transpose()?;
        let stored = party::read(&self.db, Site::PartyRead, &caller.tenant, &id).await?;
        let Some(stored) = stored else {
            return Err(no_such_party());
        };
        let site = Site::PartyCards;
        let (cards, next) = card::of_party(&self.db, site, &caller.tenant, &id, after.as_ref(), limit).await?;
        let view = PartyView {
            party: answer(stored),
            cards: cards.into_iter().map(summary).collect(),
            next: next.map(|card| page::token(&card)),
        };
        Response::json(200, &view)
    }
}

pub(crate) fn no_such_party() -> Problem {
    Problem::new(Code::NotFound, "there is no party with this id")
}

fn changing() -> Problem {
    let detail = "the party was changed at the same time: repeat the call";
    Problem::new(Code::ConcurrentChange, detail)
}

fn answer_new(profile: Profile, now: DateTime<Utc>) -> PartyAnswer {
    party_answer(profile, now, now)
}

fn answer(stored: Record<Profile>) -> PartyAnswer {
    party_answer(stored.d, stored.created_at, stored.updated_at)
}

fn party_answer(profile: Profile, created_at: DateTime<Utc>, updated_at: DateTime<Utc>) -> PartyAnswer {
    let display_name = Personal::new(profile.identity.display_name());
    let (kind, given_name, family_name, organisation_name) = match profile.identity {
        Identity::Person {
            given_name,
            family_name,
        } => ("person", given_name, Some(family_name), None),
        Identity::Organisation { organisation_name } => ("organisation", None, None, Some(organisation_name)),
    };
    PartyAnswer {
        party_id: profile.party.to_string(),
        kind: kind.to_owned(),
        given_name,
        family_name,
        organisation_name,
        display_name,
        language: profile.language,
        external_id: profile.external_id.map(|id| ExternalIdBody {
            system: id.system,
            id: id.id,
        }),
        created_at,
        updated_at,
    }
}

fn summary((reference, card): (CardReference, Record<Card>)) -> CardSummary {
    CardSummary {
        last4: Personal::new(reference.number.last4().to_owned()),
        status: card.d.status,
        registered_at: card.d.registered_at,
    }
}
