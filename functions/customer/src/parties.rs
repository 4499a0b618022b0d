//! A person or organisation is stored, once per external id, and shown (B1).

use chrono::{DateTime, Utc};
use domain::code;
use domain::id::{LookupKey, PartyId};
use http_edge::api::customers::{CardSummary, PartyView};
use http_edge::api::parties::PartyInput;
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope, page};
use party::clean::Found;
use party::{PartyDocument, Personal, Word, read};
use serde_json::json;
use store::card::{self, Card, CardReference};
use store::party::{self as stored_party, Created, Known, Lookup};
use store::{Record, Site};

use crate::party_change::{etag, shown, taken};
use crate::{App, fields, party_view};

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
        let mut read = Found::default();
        let document = read::party(&body, id, rules.context(), &mut read);
        let mut found = Findings::default();
        found.add_new(read.into_violations());
        let token = body.client_token.as_deref().and_then(|t| fields::token(t, &mut found));
        if body.external_id.is_some() && body.client_token.is_some() {
            let detail = "the external id makes the call repeatable: leave the token out";
            found.add("/client_token", "not_applicable", detail);
        }
        found.none()?;
        let Some(mut document) = document else {
            return Err(Problem::new(
                Code::Internal,
                "the body was neither understood nor refused",
            ));
        };
        for role in &document.roles {
            self.must_exist(caller, &rules.company, &role.towards).await?;
        }
        let lookups = self.lookups_of(caller, &body, &document, token);
        document.lookups = lookups.iter().map(|lookup| lookup.key.clone()).collect();
        let repeatable = body.external_id.is_some() || token.is_some();
        let made = caller.made(now);
        let (site, tenant) = (Site::PartyPut, &caller.tenant);
        match stored_party::create(&self.db, site, tenant, &document, &lookups, repeatable, made).await? {
            Created::New => shown(
                201,
                Record::new(stored_party::profile_key(tenant, &document.party), "", now, document),
            ),
            Created::IdTaken(other) => Err(taken(&other)),
            Created::Taken => {
                let first = lookups.first().filter(|_| repeatable);
                self.created_before(caller, first, &document.party).await
            }
        }
    }

    /// The answer when something stands there already: the party of the same call, be it this one whose answer was lost or
    /// an earlier one, or a contradiction.
    async fn created_before(
        &self,
        caller: &Caller,
        lookup: Option<&Lookup>,
        wanted: &PartyId,
    ) -> Result<Response, Problem> {
        let party = match lookup {
            None => wanted.clone(),
            Some(lookup) => {
                let site = Site::PartyExternalId;
                let stored = stored_party::known(&self.db, site, &caller.tenant, &lookup.key).await?;
                let Some(stored) = stored else { return Err(changing()) };
                if stored.d.content != lookup.known.content {
                    let detail = "this external id or token was used before with other content";
                    return Err(Problem::new(Code::PartyContradiction, detail).with("party_id", json!(stored.d.party)));
                }
                stored.d.party
            }
        };
        let stored = stored_party::read(&self.db, Site::PartyRead, &caller.tenant, &party).await?;
        let Some(stored) = stored else { return Err(changing()) };
        let status = if party == *wanted { 201 } else { 200 };
        shown(status, stored)
    }

    /// The keyed hashes under which a new party is found again: of its ids in other systems, and of the caller's token. The
    /// first is the one that makes the call repeatable.
    fn lookups_of(
        &self,
        caller: &Caller,
        body: &PartyInput,
        document: &PartyDocument,
        token: Option<&str>,
    ) -> Vec<Lookup> {
        let token = token.map(|token| {
            let text = format!("{}#{token}", caller.client);
            code::lookup_key(self.pepper.bytes(), "party-token/1", text.as_bytes())
        });
        let ids = document.identifiers.iter().map(|id| self.lookup_of(&id.system, &id.id));
        // The external id was read first; the token takes its place where there is none.
        let keys = token.into_iter().chain(ids);
        let content = self.content_of(body, document);
        let lookup = |key| Lookup {
            key,
            known: Known {
                party: document.party.clone(),
                content: Some(content.clone()),
            },
        };
        keys.map(lookup).collect()
    }

    /// The keyed hash under which an id in another system stands.
    pub(crate) fn lookup_of(&self, system: &Word, id: &Personal) -> LookupKey {
        let text = format!("{system}#{}", id.as_str());
        code::lookup_key(self.pepper.bytes(), "external/1", text.as_bytes())
    }

    /// Keyed hash of the content, so that the same call is told from another one also after the party was changed, and on
    /// another day: what was read, with the days and the instant that the caller did not give left out.
    fn content_of(&self, body: &PartyInput, document: &PartyDocument) -> LookupKey {
        let contacts: Vec<_> = document
            .contacts
            .iter()
            .map(|c| (&c.point, &c.purposes, c.valid_until))
            .collect();
        let roles: Vec<_> = document.roles.iter().map(|r| (&r.role, &r.towards, r.until)).collect();
        let classes: Vec<_> = document.classifications.iter().map(|c| (&c.class, &c.reason)).collect();
        let said = |said: &Vec<party::dated::Permission>| {
            let said = said
                .iter()
                .map(|s| json!([s.name, s.state, s.source, s.text_version, s.proof]));
            said.collect::<Vec<_>>()
        };
        let ids: Vec<_> = document.identifiers.iter().map(|id| (&id.system, &id.id)).collect();
        let fields = (
            document.gender,
            document.birth_date,
            &document.customer_type,
            &document.sales_channel,
        );
        let dates: Vec<_> = body.contacts.iter().map(|contact| &contact.valid_from).collect();
        let since: Vec<_> = body.roles.iter().map(|role| &role.terms.since).collect();
        let content = json!([
            document.identity,
            document.language,
            fields,
            ids,
            contacts,
            dates,
            roles,
            since,
            classes,
            said(&document.consents),
            said(&document.lists),
            document.custom_fields,
        ]);
        code::lookup_key(self.pepper.bytes(), "party-content/2", content.to_string().as_bytes())
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

fn changing() -> Problem {
    let detail = "the party was changed at the same time: repeat the call";
    Problem::new(Code::ConcurrentChange, detail)
}

fn summary((reference, card): (CardReference, Record<Card>)) -> CardSummary {
    CardSummary {
        last4: Personal::new(reference.number.last4().to_owned()),
        status: card.d.status,
        registered_at: card.d.registered_at,
    }
}
