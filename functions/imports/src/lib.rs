//! Imports over HTTP: how far each is, a link to what was rejected, and the call that walks through a file again.
//!
//! A walk that is asked for again is the next revision of the run; one that is complete has dropped its file. The run is stored before its messages are sent: a call that
//! breaks down between the two is repeated by its caller, and sends them again.

mod view;

use aws_sdk_s3::Client;
use chrono::{DateTime, Utc};
use domain::id::RunId;
use http_edge::api::imports::ImportPage;
use http_edge::{Caller, Code, Problem, Request, Response, Scope, page};
use messages::{Sender, import_parts};
use store::import::{self, Run};
use store::{Db, Record, Site};

/// Most runs of a page: each costs the sum of its parts.
const RUNS_MAX: i32 = 20;

/// Where imports are made.
#[derive(Debug, Clone)]
pub struct Place {
    /// The queue of the parts.
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
    /// The function over a table, the queue and the bucket of the imports.
    pub const fn new(db: Db, sender: Sender, buckets: Client, place: Place) -> Self {
        Self {
            db,
            sender,
            buckets,
            place,
        }
    }

    /// The table.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "GET /v1/imports" => self.list(&request).await,
            "GET /v1/imports/{run_id}" => self.show(&request, now).await,
            "POST /v1/imports/{run_id}/restart" => self.restart(&request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function has no such route")),
        }
    }

    async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ImportsRead)?;
        let after = request
            .query::<String>("next")?
            .map(|token| page::position("next", &token).and_then(|key| page::sort_key("next", key)))
            .transpose()?;
        let (runs, next) = import::page(&self.db, Site::ImportsRead, &caller.tenant, after, RUNS_MAX).await?;
        let mut items = Vec::with_capacity(runs.len());
        for run in runs {
            items.push(self.view(&caller.tenant, &run, None).await?);
        }
        let next = next.map(|key| page::token(&key));
        Response::json(200, &ImportPage { items, next })
    }

    async fn show(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ImportsRead)?;
        let run = self.stored(caller, request).await?;
        Response::json(200, &self.view(&caller.tenant, &run, Some(now)).await?)
    }

    async fn restart(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ImportsRun)?;
        let mut run = self.stored(caller, request).await?;
        if run.d.form.is_none() {
            let detail = "nothing of this file can be imported: see `refused`, mend the file and put it again";
            return Err(Problem::new(Code::ImportRefused, detail));
        }
        if run.d.result.is_some() {
            let detail = "the import is complete, and its file was dropped with that: put the file again";
            return Err(Problem::new(Code::FileGone, detail));
        }
        if !run.d.is_open() {
            let mut again = run.d.clone();
            again.revision = run.d.revision.saturating_add(1);
            again.parts_done = 0;
            again.refused = None;
            again.result = None;
            let (site, made) = (Site::ImportsRestart, caller.made(now));
            if !import::write(&self.db, site, &caller.tenant, again, Some(&run), made).await? {
                let detail = "the import was begun again at the same time: read it";
                return Err(Problem::new(Code::ConcurrentChange, detail));
            }
            run = self.stored(caller, request).await?;
        }
        let parts = import_parts(&caller.tenant, (&run.d.id, run.d.revision), run.d.parts);
        let sent = self.sender.send(Site::ImportsSend, &self.place.queue_url, &parts).await;
        sent.map_err(|error| {
            tracing::warn!(%error, "the parts of an import were not sent");
            Problem::new(
                Code::Unavailable,
                "the import is not under way yet: repeat the same call",
            )
        })?;
        Response::json(202, &self.view(&caller.tenant, &run, Some(now)).await?)
    }

    async fn stored(&self, caller: &Caller, request: &Request) -> Result<Record<Run>, Problem> {
        let id: RunId = request.path("run_id")?;
        let run = import::read(&self.db, Site::ImportsRead, &caller.tenant, &id).await?;
        run.ok_or_else(|| Problem::new(Code::NotFound, "there is no import with this id"))
    }
}
