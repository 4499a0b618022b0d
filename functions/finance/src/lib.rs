//! The finance reports over HTTP (X9, X18): what a month came to, links to its files, and the call that runs a month again.
//!
//! A run that is asked for again is a new revision; no report is ever overwritten. The run is stored before its messages are
//! sent: a call that breaks down between the two is repeated by its caller, and otherwise taken up by the next day's schedule.

mod view;

use aws_sdk_s3::Client;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::ProgrammeId;
use domain::liability::Month;
use http_edge::api::finance::FinanceRunRequest;
use http_edge::caller::Locations;
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use messages::{Sender, finance_segments};
use serde_json::json;
use store::finance::{self, ReportId, Run};
use store::{Db, Record, Site, location, programme};

/// Most revisions of a month.
const REVISIONS_MAX: u32 = 9_999;

/// Where the reports are made and kept.
#[derive(Debug, Clone)]
pub struct Place {
    /// The queue of the segments.
    pub queue_url: String,
    /// The bucket of the files.
    pub bucket: String,
}

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    buckets: Client,
    place: Place,
}

impl App {
    /// The function over a table, the queue and the bucket of the reports.
    pub fn new(db: Db, sender: Sender, buckets: Client, place: Place) -> Self {
        Self {
            db,
            sender,
            buckets,
            place,
        }
    }

    /// The table.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "GET /v1/finance/{programme_id}/{month}" => self.show(&request, now).await,
            "POST /v1/finance/{programme_id}/{month}" => self.run_again(&request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function has no such route")),
        }
    }

    async fn show(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let id = asked(request, Scope::FinanceRead)?;
        let run = match request.query::<u32>("revision")? {
            Some(revision) => finance::run(&self.db, Site::FinanceRead, &id, revision).await?,
            None => finance::latest(&self.db, Site::FinanceRead, &id).await?,
        };
        let run = run.ok_or_else(|| Problem::new(Code::NotFound, "there is no report of this month"))?;
        Response::json(200, &self.view(&id, &run, now).await?)
    }

    async fn run_again(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let id = asked(request, Scope::FinanceRun)?;
        let body: FinanceRunRequest = request.json()?;
        let caller = request.caller()?;
        let programme = programme::read_current(&self.db, Site::FinanceAsked, &id.tenant, &id.programme).await?;
        let programme = programme.ok_or_else(|| Problem::new(Code::NotFound, "there is no such programme"))?;
        let zone = programme.d.programme.zone;
        if id.month > Month::latest_over(now, zone) {
            return Err(Problem::new(
                Code::MonthNotOver,
                format!("{} can be reported from one hour after its end on", id.month),
            ));
        }
        let latest = finance::latest(&self.db, Site::FinanceRead, &id).await?;
        let current = latest.as_ref().map_or(0, |run| run.d.revision);
        let next = body
            .expected_revision
            .checked_add(1)
            .filter(|next| *next <= REVISIONS_MAX);
        let next = next.ok_or_else(|| concurrent(current))?;
        if let Some(run) = latest.as_ref().filter(|run| run.d.revision == body.expected_revision) {
            let age = now.signed_duration_since(run.created_at);
            if run.d.result.is_none() && age < TimeDelta::days(1) {
                let detail = format!("revision {current} is at work: wait for it");
                return Err(Problem::new(Code::ConcurrentChange, detail).with("current_revision", json!(current)));
            }
        }
        let before = match latest {
            _ if current == body.expected_revision => {
                let made = caller.made(now);
                let companies = location::companies(&self.db, Site::FinanceAskCompanies, &id.tenant).await?;
                finance::begin(&self.db, Site::FinanceAsk, &id, next, (zone, companies), made).await?
            }
            Some(run) if run.d.revision == next => Some(run),
            _ => return Err(concurrent(current)),
        };
        let replayed = before.is_some();
        if before.is_some_and(|run| !is_by(&run, caller)) {
            return Err(concurrent(next));
        }
        self.answer(&id, next, replayed, now).await
    }

    /// Sends the segments of a run that is still at work, and shows it.
    async fn answer(
        &self,
        id: &ReportId,
        revision: u32,
        replayed: bool,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let run = finance::run(&self.db, Site::FinanceRead, id, revision).await?;
        let run = run.ok_or_else(|| Problem::new(Code::Unavailable, "the run cannot be read yet: repeat the call"))?;
        if run.d.result.is_none() {
            let segments = finance_segments((&id.tenant, &id.programme, id.month), revision, run.d.segments);
            let sent = self
                .sender
                .send(Site::FinanceAskSend, &self.place.queue_url, &segments)
                .await;
            sent.map_err(|error| {
                tracing::warn!(%error, "the segments of a run were not sent");
                Problem::new(Code::Unavailable, "the run is not under way yet: repeat the same call")
            })?;
        }
        let response = Response::json(202, &self.view(id, &run, now).await?)?;
        Ok(if replayed {
            response.header("idempotency-replayed", "true")
        } else {
            response
        })
    }
}

/// Which report a caller asks for. Its figures are those of all locations.
fn asked(request: &Request, scope: Scope) -> Result<ReportId, Problem> {
    let caller = request.caller()?;
    caller.require(scope)?;
    if caller.locations != Locations::All {
        return Err(Problem::new(
            Code::LocationForbidden,
            "the books are those of all locations: use a key that speaks for all of them",
        ));
    }
    Ok(ReportId {
        tenant: caller.tenant.clone(),
        programme: request.path::<ProgrammeId>("programme_id")?,
        month: request.path("month")?,
    })
}

fn is_by(run: &Record<Run>, caller: &Caller) -> bool {
    run.by
        .as_ref()
        .is_some_and(|by| by.client == caller.client && by.subject == caller.subject)
}

fn concurrent(current: u32) -> Problem {
    let detail = format!("the last revision of this month is {current}: read it before you ask for another");
    Problem::new(Code::ConcurrentChange, detail).with("current_revision", json!(current))
}
