//! Recalculations: receipts counted again under settings on trial, or under a corrected version, and approved by a second person
//! (X8).

use chrono::{DateTime, Utc};
use domain::id::{ProgrammeId, RunId, Tenant};
use domain::programme::Programme;
use domain::text;
use domain::violation::Violation;
use http_edge::api::administration::ProgrammeSettings;
use http_edge::api::recalculations::{
    CountedView, DifferencesAnswer, PartyDifference, ReceiptDifference, RunKind, RunPage, RunRequest, RunState, RunView,
};
use http_edge::{Caller, Code, Problem, Request, Response, Scope, page};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::recalculation::{self, Approval, Candidate, Difference, Part, Run, SHARDS, Sums};
use store::{Record, Site, location, programme};

use crate::programmes::{REASON_MAX, checked};
use crate::{App, contended};

/// Most business days of a run: a quarter.
const DAYS_MAX: i64 = 92;
/// Runs of one page of the list; each is shown with its parts.
const RUNS_MAX: i32 = 20;

/// Where a listing of differences goes on.
#[derive(Serialize, Deserialize)]
struct Position {
    shard: u8,
    after: Option<String>,
}

impl App {
    /// `PUT /v1/recalculations/{run_id}`.
    pub(crate) async fn put_run(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesWrite)?;
        let id: RunId = request.path("run_id")?;
        let body: RunRequest = request.json()?;
        let run = self.wanted(caller, id, body).await?;
        if recalculation::write(
            &self.db,
            Site::RunWrite,
            &caller.tenant,
            run.clone(),
            None,
            caller.made(now),
        )
        .await?
        {
            let view = view(run, now, &Progress::default());
            return Response::json(202, &view);
        }
        let stored = self.stored_run(caller, &run.id).await?;
        if !same(&stored.d, &run) {
            let detail = "a run with this id asks for something else: choose another id";
            return Err(Problem::new(Code::RunContradiction, detail));
        }
        self.shown(&caller.tenant, stored, 200).await
    }

    /// The run that a body asks for.
    async fn wanted(&self, caller: &Caller, id: RunId, body: RunRequest) -> Result<Run, Problem> {
        let programme: ProgrammeId = body.programme.parse().map_err(|error: domain::id::InvalidId| {
            Problem::invalid(vec![Violation::new("/programme", "malformed", error.to_string())])
        })?;
        let days = body.until.signed_duration_since(body.from).num_days().saturating_add(1);
        let mut found = Vec::new();
        if !(1..=DAYS_MAX).contains(&days) {
            found.push(Violation::new(
                "/until",
                "out_of_range",
                "from and until must be 1 to 92 days in order",
            ));
        }
        if !text::is_line(&body.reason, REASON_MAX) {
            let detail = "must have 1 to 200 printable characters";
            found.push(Violation::new("/reason", "out_of_range", detail));
        }
        if body.version.is_some() == body.settings.is_some() {
            let detail = "name either a stored version, to correct points, or settings, to try them";
            found.push(Violation::new("/version", "either_or", detail));
        }
        if !found.is_empty() {
            return Err(Problem::invalid(found));
        }
        let candidate = self.candidate(caller, &programme, &body).await?;
        let stores = location::list(&self.db, Site::LocationsRead, &caller.tenant).await?;
        Ok(Run {
            id,
            version: 1,
            programme,
            candidate,
            from: body.from,
            until: body.until,
            stores: stores.into_iter().map(|record| record.d.id).collect(),
            reason: body.reason,
            author: caller.subject.clone(),
            approval: None,
        })
    }

    async fn candidate(&self, caller: &Caller, id: &ProgrammeId, body: &RunRequest) -> Result<Candidate, Problem> {
        let (db, site, tenant) = (&self.db, Site::ProgrammeRead, &caller.tenant);
        let current = programme::read_current(db, site, tenant, id).await?.ok_or_else(|| {
            let detail = "programme: there is no such programme";
            Problem::new(Code::ProgrammeUnknown, detail)
        })?;
        if let Some(version) = body.version {
            let found = programme::read_version(db, site, tenant, id, version).await?;
            return found.map(|_| Candidate::Version(version)).ok_or_else(|| {
                Problem::invalid(vec![Violation::new(
                    "/version",
                    "unknown_version",
                    "the programme has no such version",
                )])
            });
        }
        let settings: ProgrammeSettings = body.settings.clone().ok_or_else(|| {
            let detail = "neither a version nor settings were given";
            Problem::new(Code::Internal, detail)
        })?;
        let programme: Programme = checked(id, &body.reason, settings)?;
        if programme.currency != current.d.programme.currency {
            return Err(Problem::invalid(vec![Violation::new(
                "/settings/currency",
                "immutable",
                "a programme keeps its currency",
            )]));
        }
        Ok(Candidate::Settings(Box::new(programme)))
    }

    /// `GET /v1/recalculations`.
    pub(crate) async fn list_runs(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesRead)?;
        let after = request
            .query::<String>("next")?
            .map(|token| page::position("next", &token).and_then(|key| page::sort_key("next", key)))
            .transpose()?;
        let (runs, next) = recalculation::page(&self.db, Site::RunRead, &caller.tenant, after, RUNS_MAX).await?;
        let mut items = Vec::with_capacity(runs.len());
        for run in runs {
            let progress = self.progress(&caller.tenant, &run.d).await?;
            items.push(view(run.d, run.created_at, &progress));
        }
        let next = next.map(|key| page::token(&key));
        Response::json(200, &RunPage { items, next })
    }

    /// `GET /v1/recalculations/{run_id}`.
    pub(crate) async fn show_run(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesRead)?;
        let id: RunId = request.path("run_id")?;
        let stored = self.stored_run(caller, &id).await?;
        self.shown(&caller.tenant, stored, 200).await
    }

    /// `GET /v1/recalculations/{run_id}/differences`.
    pub(crate) async fn run_differences(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        // It names customers and what they bought.
        caller.require(Scope::PartiesRead)?;
        let id: RunId = request.path("run_id")?;
        self.stored_run(caller, &id).await?;
        let mut at = match request.query::<String>("next")? {
            None => Position { shard: 0, after: None },
            Some(token) => page::position("next", &token)?,
        };
        at.after = at.after.map(|key| page::sort_key("next", key)).transpose()?;
        let mut found: Vec<Difference> = Vec::new();
        let mut next = None;
        // A page ends with the shard or the page of the table that had any.
        while at.shard < SHARDS {
            let (site, after) = (Site::RunRead, at.after.take());
            let (page, more) = recalculation::differences(&self.db, site, &caller.tenant, &id, at.shard, after).await?;
            found.extend(page.into_iter().map(|record| record.d));
            let shard = if more.is_some() {
                at.shard
            } else {
                at.shard.saturating_add(1)
            };
            at = Position { shard, after: more };
            if !found.is_empty() {
                next = (at.shard < SHARDS).then(|| page::token(&at));
                break;
            }
        }
        let customers = by_party(found);
        Response::json(200, &DifferencesAnswer { customers, next })
    }

    /// `POST /v1/recalculations/{run_id}/approve`.
    pub(crate) async fn approve_run(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesApprove)?;
        let id: RunId = request.path("run_id")?;
        for _ in 0..crate::CHANGE_ROUNDS {
            let stored = self.stored_run(caller, &id).await?;
            if stored.d.approval.is_some() {
                return self.shown(&caller.tenant, stored, 200).await;
            }
            self.approvable(caller, &stored.d).await?;
            let approved = Run {
                version: stored.d.version.saturating_add(1),
                approval: Some(Approval {
                    by: caller.subject.clone(),
                    at: now,
                }),
                ..stored.d.clone()
            };
            let (site, made) = (Site::RunWrite, caller.made(now));
            if recalculation::write(&self.db, site, &caller.tenant, approved, Some(&stored), made).await? {
                let stored = self.stored_run(caller, &id).await?;
                return self.shown(&caller.tenant, stored, 200).await;
            }
        }
        Err(contended())
    }

    async fn approvable(&self, caller: &Caller, run: &Run) -> Result<(), Problem> {
        if matches!(run.candidate, Candidate::Settings(_)) {
            let detail = "a trial is never posted: store the settings as a version, and recalculate under it";
            return Err(Problem::new(Code::RunNotReady, detail));
        }
        if run.author == caller.subject {
            let detail = "who asked for the run cannot approve it: ask somebody else to look at it";
            return Err(Problem::new(Code::ApprovalByAuthor, detail));
        }
        caller.person()?;
        if self.progress(&caller.tenant, run).await?.state(run) != RunState::Counted {
            let detail = "the receipts are still being counted: look at the differences first";
            return Err(Problem::new(Code::RunNotReady, detail));
        }
        Ok(())
    }

    async fn stored_run(&self, caller: &Caller, id: &RunId) -> Result<Record<Run>, Problem> {
        let found = recalculation::read(&self.db, Site::RunRead, &caller.tenant, id).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no run with this id"))
    }

    async fn shown(&self, tenant: &Tenant, stored: Record<Run>, status: u16) -> Result<Response, Problem> {
        let progress = self.progress(tenant, &stored.d).await?;
        Response::json(status, &view(stored.d, stored.created_at, &progress))
    }

    async fn progress(&self, tenant: &Tenant, run: &Run) -> Result<Progress, Problem> {
        let (counting, posting) = recalculation::parts(&self.db, Site::RunRead, tenant, &run.id).await?;
        Ok(Progress {
            counted: Done::of(&counting),
            posted: Done::of(&posting),
        })
    }
}

/// Whether both ask for the same, whoever asks.
fn same(stored: &Run, wanted: &Run) -> bool {
    let content = |run: &Run| json!([run.programme, run.candidate, run.from, run.until, run.reason,]);
    content(stored) == content(wanted)
}

/// Parts of a kind, summed.
#[derive(Debug, Default)]
struct Done {
    parts: usize,
    sums: Sums,
}

impl Done {
    fn of(parts: &[Part]) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.parts = all.parts.saturating_add(usize::from(part.done));
            all.sums.add(&part.sums);
        }
        all
    }
}

#[derive(Debug, Default)]
struct Progress {
    counted: Done,
    posted: Done,
}

impl Progress {
    fn state(&self, run: &Run) -> RunState {
        if run.approval.is_some() {
            return if self.posted.parts >= usize::from(SHARDS) {
                RunState::Posted
            } else {
                RunState::Posting
            };
        }
        if self.counted.parts >= run.stores.len() {
            RunState::Counted
        } else {
            RunState::Counting
        }
    }
}

fn view(run: Run, asked_at: DateTime<Utc>, progress: &Progress) -> RunView {
    let state = progress.state(&run);
    let (kind, version) = match run.candidate {
        Candidate::Version(version) => (RunKind::Correction, Some(version)),
        Candidate::Settings(_) => (RunKind::Trial, None),
    };
    let (approved_by, approved_at) = run
        .approval
        .map(|approval| (approval.by.to_string(), approval.at))
        .unzip();
    RunView {
        run_id: run.id.to_string(),
        kind,
        state,
        programme: run.programme.to_string(),
        version,
        from: run.from,
        until: run.until,
        reason: run.reason,
        author: run.author.to_string(),
        asked_at,
        posted: approved_at.is_some().then(|| counted(&progress.posted.sums)),
        approved_by,
        approved_at,
        locations: run.stores.len(),
        locations_counted: progress.counted.parts,
        counted: counted(&progress.counted.sums),
    }
}

fn counted(sums: &Sums) -> CountedView {
    CountedView {
        receipts: sums.receipts,
        receipts_without_account: sums.unmatched,
        receipts_not_posted: sums.unposted,
        receipts_skipped: sums.skipped,
        receipts_failed: sums.failed,
        receipts_changed: sums.changed,
        points_before: sums.points_before,
        points_after: sums.points_after,
        more: sums.more,
        less: sums.less,
    }
}

/// Neighbours of one party together.
fn by_party(differences: Vec<Difference>) -> Vec<PartyDifference> {
    let mut parties: Vec<PartyDifference> = Vec::new();
    for difference in differences {
        let party_id = difference.party.to_string();
        let change = difference.points_after.saturating_sub(difference.points_before);
        let receipt = ReceiptDifference {
            receipt: difference.receipt.to_string(),
            points_before: difference.points_before,
            points_after: difference.points_after,
        };
        match parties.last_mut().filter(|party| party.party_id == party_id) {
            Some(party) => {
                party.difference = party.difference.saturating_add(change);
                party.receipts.push(receipt);
            }
            None => parties.push(PartyDifference {
                party_id,
                difference: change,
                receipts: vec![receipt],
            }),
        }
    }
    parties
}
