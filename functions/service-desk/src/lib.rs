//! The service desk (C1, C2, C3, C8, D4): tasks and cases, communication, leads, opportunities, and all of a party at once.
//!
//! What is made under a caller's token has an id derived from it, so that the same call again finds what it made. A change names
//! the version that the caller has seen; the same change again is told from another one by who made the last.
//!
//! | file | what |
//! |---|---|
//! | `fields` | texts become values, or findings |
//! | `tasks` | tasks are made, listed, claimed, finished, reopened |
//! | `cases` | cases with their tasks |
//! | `talks` | communication is kept |
//! | `leads` | leads come in and are decided on |
//! | `candidates` | which parties may be the same as a lead |
//! | `chances` | opportunities and the pipeline |
//! | `timeline` | events and ledger of a party, merged |
//! | `overview` | all of a party at once |
//! | `rfmr` | whether the next letter to a party is worth its cost |
//! | `view` | tasks, cases and opportunities as the API shows them |

mod candidates;
mod cases;
mod chances;
mod fields;
mod leads;
mod overview;
mod rfmr;
mod talks;
mod tasks;
mod timeline;
mod view;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::code;
use domain::id::{LookupKey, PartyId, ProgrammeId, Tenant};
use domain::programme::Programme;
use http_edge::api::desk::StepPage;
use http_edge::{Caller, Code, Problem, Request, Response, page};
use runtime::secrets::Pepper;
use serde::Serialize;
use serde_json::json;
use store::desk::Step;
use store::desk::history::{self, Of};
use store::{Db, Site, party, programme};

/// Rounds against other writers before the caller is asked to repeat.
const ROUNDS_MAX: u32 = 20;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    programmes: programme::Cache,
}

impl App {
    /// The function over a table. Ids are derived from callers' tokens under the pepper.
    pub fn new(db: Db, pepper: Pepper) -> Self {
        Self {
            db,
            pepper,
            programmes: programme::Cache::default(),
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "POST /v1/tasks" => self.create_task(request, now).await,
            "GET /v1/tasks" => self.list_tasks(request).await,
            "GET /v1/tasks/{task_id}" => self.show_task(request).await,
            "POST /v1/tasks/{task_id}/claim" => self.change_task(request, tasks::Move::Claim, now).await,
            "POST /v1/tasks/{task_id}/finish" => self.change_task(request, tasks::Move::Finish, now).await,
            "POST /v1/tasks/{task_id}/reopen" => self.change_task(request, tasks::Move::Reopen, now).await,
            "GET /v1/tasks/{task_id}/history" => self.task_history(request).await,
            "POST /v1/leads" => self.create_lead(request, now).await,
            "GET /v1/leads/{party_id}/candidates" => self.show_candidates(request, now).await,
            "POST /v1/leads/{party_id}/convert" => self.convert_lead(request, now).await,
            "POST /v1/cases" => self.create_case(request, now).await,
            "GET /v1/cases" => self.list_cases(request).await,
            "GET /v1/cases/{case_id}" => self.show_case(request).await,
            "GET /v1/cases/{case_id}/history" => self.case_history(request).await,
            "PUT /v1/cases/{case_id}/status" => self.set_case_status(request, now).await,
            "POST /v1/parties/{party_id}/communications" => self.keep_communication(request, now).await,
            "POST /v1/parties/{party_id}/opportunities" => self.create_opportunity(request, now).await,
            "GET /v1/parties/{party_id}/opportunities" => self.list_opportunities(request).await,
            "PUT /v1/parties/{party_id}/opportunities/{opportunity_id}" => self.change_opportunity(request, now).await,
            "GET /v1/parties/{party_id}/opportunities/{opportunity_id}/history" => {
                self.opportunity_history(request).await
            }
            "GET /v1/opportunities" => self.list_pipeline(request).await,
            "GET /v1/parties/{party_id}/timeline" => self.show_timeline(request).await,
            "GET /v1/parties/{party_id}/rfmr" => self.show_rfmr(request, now).await,
            "GET /v1/parties/{party_id}/overview" => self.show_overview(request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }

    /// The id of what a person makes under a token. Two people who come through one client may use the same token.
    fn id(&self, kind: &str, caller: &Caller, token: &str) -> LookupKey {
        // None of these can hold a space.
        let text = format!("{kind} {} {} {token}", caller.client, caller.subject);
        code::lookup_key(self.pepper.bytes(), "desk/1", text.as_bytes())
    }

    /// Keyed hash of what was asked for.
    fn content<T: Serialize>(&self, body: &T) -> LookupKey {
        code::lookup_key(
            self.pepper.bytes(),
            "desk-content/1",
            json!(body).to_string().as_bytes(),
        )
    }

    /// Whether there is such a party.
    async fn has_party(&self, tenant: &Tenant, party: &PartyId) -> Result<bool, Problem> {
        Ok(party::read(&self.db, Site::DeskParty, tenant, party).await?.is_some())
    }

    /// Insists on the party of a path.
    async fn party_of_path(&self, tenant: &Tenant, party: &PartyId) -> Result<(), Problem> {
        if self.has_party(tenant, party).await? {
            return Ok(());
        }
        Err(no_such_party())
    }

    /// Insists on the party of a body, if it names one.
    async fn party_of_body(&self, tenant: &Tenant, party: Option<&PartyId>) -> Result<(), Problem> {
        let Some(party) = party else { return Ok(()) };
        if self.has_party(tenant, party).await? {
            return Ok(());
        }
        Err(Problem::new(
            Code::PartyUnknown,
            "party_id: there is no party with this id",
        ))
    }

    /// Older steps of a task or case.
    async fn older_steps(&self, tenant: &Tenant, of: Of<'_>, request: &Request) -> Result<Response, Problem> {
        let (limit, after) = (request.limit()?, older_than(request)?);
        let (found, next) = history::page::<Step>(&self.db, tenant, of, after, limit).await?;
        let page = StepPage {
            items: found.iter().map(view::step).collect(),
            next: next.map(|version| page::token(&version)),
        };
        answer(200, &page, false)
    }

    async fn programme(&self, tenant: &Tenant, request: &Request) -> Result<(ProgrammeId, Arc<Programme>), Problem> {
        let id: ProgrammeId = request.required_query("programme")?;
        let found = self.programmes.current(&self.db, Site::DeskProgramme, tenant, &id);
        let found = found
            .await?
            .ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "programme: there is no such programme"))?;
        Ok((id, found))
    }
}

fn no_such_party() -> Problem {
    Problem::new(Code::NotFound, "there is no party with this id")
}

/// The position of a listing over the table or an index.
fn position(request: &Request) -> Result<Option<String>, Problem> {
    let next = request.query.get("next");
    let after: Option<String> = next.map(|token| page::position("next", token)).transpose()?;
    after.map(|key| page::sort_key("next", key)).transpose()
}

/// The position of a listing of older changes: the version that the last one made.
fn older_than(request: &Request) -> Result<Option<u64>, Problem> {
    let next = request.query.get("next");
    next.map(|token| page::position("next", token)).transpose()
}

/// An answer, with the header of replays where it repeats one.
fn answer<T: Serialize>(status: u16, body: &T, replayed: bool) -> Result<Response, Problem> {
    let answer = Response::json(status, body)?;
    Ok(if replayed {
        answer.header("idempotency-replayed", "true")
    } else {
        answer
    })
}

/// The problem of a token that stands for something else.
fn contradiction() -> Problem {
    Problem::new(
        Code::DeskContradiction,
        "client_token: it was used before with other content",
    )
}

/// The problem of a change of what has changed since it was seen.
fn outdated(version: u64) -> Problem {
    Problem::new(
        Code::ConcurrentChange,
        format!("expected_version: the version is {version} now"),
    )
    .with("version", json!(version))
}

/// Waits before another round: nothing before the first.
async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
    }
}

/// The answer to a call that kept losing against other writers.
fn contended() -> Problem {
    Problem::new(
        Code::Unavailable,
        "others kept changing the same while the call was at work: repeat the same call",
    )
}
