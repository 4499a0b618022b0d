//! Opportunities and the pipeline (C2).

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, PartyId, QueueId};
use http_edge::api::desk::{OpportunityChangeRequest, OpportunityHistory, OpportunityPage, OpportunityRequest};
use http_edge::{Code, Findings, Problem, Request, Response, Scope, page};
use store::Record;
use store::desk::history::{self, Of};
use store::desk::{self, Change, Committed, Created, List, Opportunity, Prospect};

use crate::fields::Said;
use crate::{App, ROUNDS_MAX, answer, contended, contradiction, fields, older_than, outdated, pause, position, view};

impl App {
    /// `POST /v1/parties/{party_id}/opportunities`.
    pub(crate) async fn create_opportunity(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskWrite)?;
        let party: PartyId = request.path("party_id")?;
        let body: OpportunityRequest = request.json()?;
        let mut found = Findings::default();
        fields::title("/title", &body.title, &mut found);
        let said = Said {
            stage: &body.stage,
            outcome: &body.outcome,
            value: body.value,
            probability: body.probability,
            close_on: &body.close_on,
        };
        let prospect = fields::prospect(&said, &mut found);
        fields::token(&body.client_token, &mut found);
        let prospect = read(prospect, found)?;
        self.party_of_path(&caller.tenant, &party).await?;
        let first = Change {
            by: caller.subject.clone(),
            at: now,
            to: prospect.clone(),
        };
        let wanted = Opportunity {
            version: 1,
            content: self.content(&body),
            party: party.clone(),
            title: body.title.clone(),
            now: prospect,
            changes: vec![first],
        };
        let (tenant, id) = (&caller.tenant, self.id("opportunity", caller, &body.client_token));
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            if let Some(known) = desk::opportunity(&self.db, tenant, &party, &id).await? {
                return if known.d.content == wanted.content {
                    answer(200, &view::opportunity(&id, &known.d), true)
                } else {
                    Err(contradiction())
                };
            }
            let made = caller.made(now);
            match desk::create_opportunity(&self.db, tenant, &id, &wanted, &made).await? {
                Created::Done => return answer(201, &view::opportunity(&id, &wanted), false),
                Created::TokenUsed => return Err(contradiction()),
                Created::Stale => {}
            }
        }
        Err(contended())
    }

    /// `PUT /v1/parties/{party_id}/opportunities/{opportunity_id}`.
    pub(crate) async fn change_opportunity(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskWrite)?;
        let (tenant, by) = (&caller.tenant, &caller.subject);
        let party: PartyId = request.path("party_id")?;
        let id: LookupKey = request.path("opportunity_id")?;
        let body: OpportunityChangeRequest = request.json()?;
        let mut found = Findings::default();
        let said = Said {
            stage: &body.stage,
            outcome: &body.outcome,
            value: body.value,
            probability: body.probability,
            close_on: &body.close_on,
        };
        let prospect = fields::prospect(&said, &mut found);
        let prospect = read(prospect, found)?;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let known = desk::opportunity(&self.db, tenant, &party, &id).await?;
            let known = known.ok_or_else(|| Problem::new(Code::NotFound, "there is no opportunity with this id"))?;
            let last = known.d.changes.last();
            let mine = last.is_some_and(|change| change.by == *by && change.to == prospect);
            if mine && known.d.version == body.expected_version.saturating_add(1) {
                return answer(200, &view::opportunity(&id, &known.d), true);
            }
            if known.d.version != body.expected_version {
                return Err(outdated(known.d.version));
            }
            let mut after = known.d.clone();
            after.version = after.version.saturating_add(1);
            after.now = prospect.clone();
            after.changes.push(Change {
                by: by.clone(),
                at: now,
                to: prospect.clone(),
            });
            let made = caller.made(now);
            let put = desk::put_opportunity(&self.db, tenant, &id, &known, &after, &made);
            if put.await? == Committed::Done {
                return answer(200, &view::opportunity(&id, &after), false);
            }
        }
        Err(contended())
    }

    /// `GET /v1/parties/{party_id}/opportunities`.
    pub(crate) async fn list_opportunities(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let party: PartyId = request.path("party_id")?;
        let limit = request.limit()?;
        let next = request.query.get("next");
        let after: Option<LookupKey> = next.map(|token| page::position("next", token)).transpose()?;
        let read = desk::opportunities(&self.db, &caller.tenant, &party, after.as_ref(), limit);
        let (found, next) = read.await?;
        if found.is_empty() {
            self.party_of_path(&caller.tenant, &party).await?;
        }
        answer(200, &listed(found, next.map(|id| page::token(&id))), false)
    }

    /// `GET /v1/parties/{party_id}/opportunities/{opportunity_id}/history`.
    pub(crate) async fn opportunity_history(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let (tenant, party) = (&caller.tenant, request.path::<PartyId>("party_id")?);
        let id: LookupKey = request.path("opportunity_id")?;
        if desk::opportunity(&self.db, tenant, &party, &id).await?.is_none() {
            return Err(Problem::new(Code::NotFound, "there is no opportunity with this id"));
        }
        let (limit, after) = (request.limit()?, older_than(request)?);
        let of = Of::Opportunity(&party, &id);
        let (found, next) = history::page::<Change>(&self.db, tenant, of, after, limit).await?;
        let page = OpportunityHistory {
            items: found.iter().map(view::change).collect(),
            next: next.map(|version| page::token(&version)),
        };
        answer(200, &page, false)
    }

    /// `GET /v1/opportunities`.
    pub(crate) async fn list_pipeline(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let stage: QueueId = request.required_query("stage")?;
        let (limit, after) = (request.limit()?, position(request)?);
        let list = List::Stage(&stage);
        let read = desk::list::<Opportunity>(&self.db, &caller.tenant, list, None, after.as_deref(), limit);
        let (found, next) = read.await?;
        answer(200, &listed(found, next.map(|key| page::token(&key))), false)
    }
}

fn read(prospect: Option<Prospect>, found: Findings) -> Result<Prospect, Problem> {
    found.none()?;
    prospect.ok_or_else(|| Problem::new(Code::Internal, "the body was neither understood nor refused"))
}

fn listed(found: Vec<Record<Opportunity>>, next: Option<String>) -> OpportunityPage {
    let named = |record: Record<Opportunity>| Some((desk::id_of(&record.sk)?, record.d));
    let found = found.into_iter().filter_map(named);
    OpportunityPage {
        items: found
            .map(|(id, opportunity)| view::opportunity(&id, &opportunity))
            .collect(),
        next,
    }
}
