//! Cases with their tasks (C8).

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, Tenant};
use http_edge::api::desk::{CasePage, CaseRequest, CaseStatusRequest};
use http_edge::{Code, Findings, Problem, Request, Response, Scope, page};
use store::Record;
use store::desk::history::Of;
use store::desk::{self, Case, CaseStatus, Committed, List, Step};

use crate::{App, ROUNDS_MAX, answer, contended, contradiction, fields, outdated, pause, position, view};

impl App {
    /// `POST /v1/cases`.
    pub(crate) async fn create_case(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskWrite)?;
        let body: CaseRequest = request.json()?;
        let mut found = Findings::default();
        fields::title("/title", &body.title, &mut found);
        let party = body.party_id.as_deref().and_then(|id| found.field("/party_id", id));
        fields::token(&body.client_token, &mut found);
        found.none()?;
        let (tenant, id) = (&caller.tenant, self.id("case", caller, &body.client_token));
        let first = Step {
            version: 1,
            what: "create".to_owned(),
            by: caller.subject.clone(),
            at: now,
        };
        let wanted = Case {
            version: 1,
            content: self.content(&body),
            title: body.title.clone(),
            party,
            status: CaseStatus::Open,
            tasks: 0,
            open_tasks: 0,
            made_at: now,
            steps: vec![first],
        };
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            if let Some(known) = desk::case(&self.db, tenant, &id).await? {
                return if known.d.content == wanted.content {
                    answer(200, &view::case(&id, &known.d, None), true)
                } else {
                    Err(contradiction())
                };
            }
            self.party_of_body(tenant, wanted.party.as_ref()).await?;
            let put = desk::put_case(&self.db, tenant, &id, (None, &wanted), &caller.made(now)).await?;
            if put == Committed::Done {
                return answer(201, &view::case(&id, &wanted, None), false);
            }
        }
        Err(contended())
    }

    /// `GET /v1/cases`.
    pub(crate) async fn list_cases(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let (limit, after) = (request.limit()?, position(request)?);
        let read = desk::list::<Case>(&self.db, &caller.tenant, List::Cases, None, after.as_deref(), limit);
        let (found, next) = read.await?;
        let named = |record: Record<Case>| Some((desk::id_of(&record.pk)?, record.d));
        let cases = found.into_iter().filter_map(named);
        let page = CasePage {
            items: cases.map(|(id, case)| view::case(&id, &case, None)).collect(),
            next: next.map(|key| page::token(&key)),
        };
        answer(200, &page, false)
    }

    /// `GET /v1/cases/{case_id}`.
    pub(crate) async fn show_case(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let id: LookupKey = request.path("case_id")?;
        let known = self.known_case(&caller.tenant, &id).await?;
        let tasks = desk::case_tasks(&self.db, &caller.tenant, &id).await?;
        let tasks = tasks.iter().map(|(id, task)| view::task(id, &task.d)).collect();
        answer(200, &view::case(&id, &known.d, Some(tasks)), false)
    }

    /// `GET /v1/cases/{case_id}/history`.
    pub(crate) async fn case_history(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let id: LookupKey = request.path("case_id")?;
        self.known_case(&caller.tenant, &id).await?;
        self.older_steps(&caller.tenant, Of::Case(&id), request).await
    }

    async fn known_case(&self, tenant: &Tenant, id: &LookupKey) -> Result<Record<Case>, Problem> {
        let found = desk::case(&self.db, tenant, id).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no case with this id"))
    }

    /// `PUT /v1/cases/{case_id}/status`.
    pub(crate) async fn set_case_status(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskWrite)?;
        let (tenant, by) = (&caller.tenant, &caller.subject);
        let id: LookupKey = request.path("case_id")?;
        let body: CaseStatusRequest = request.json()?;
        let status = [CaseStatus::Open, CaseStatus::Waiting, CaseStatus::Closed];
        let Some(status) = status.into_iter().find(|status| status.as_str() == body.status) else {
            let mut found = Findings::default();
            found.add("/status", "malformed", "a status is one of open, waiting, closed");
            return Err(found.problem());
        };
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let known = self.known_case(tenant, &id).await?;
            let last = known.d.steps.last();
            let mine = last.is_some_and(|step| step.what == status.as_str() && step.by == *by);
            if mine && known.d.version == body.expected_version.saturating_add(1) {
                return answer(200, &view::case(&id, &known.d, None), true);
            }
            if known.d.version != body.expected_version {
                return Err(outdated(known.d.version));
            }
            if status == CaseStatus::Closed && known.d.open_tasks > 0 {
                return Err(Problem::new(
                    Code::CaseState,
                    "the case has tasks that are not finished",
                ));
            }
            let after = known.d.next(status.as_str(), (by, now), |next| next.status = status);
            let made = caller.made(now);
            let put = desk::put_case(&self.db, tenant, &id, (Some(&known), &after), &made).await?;
            if put == Committed::Done {
                return answer(200, &view::case(&id, &after, None), false);
            }
        }
        Err(contended())
    }
}
