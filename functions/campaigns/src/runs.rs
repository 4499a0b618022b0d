//! How far runs are, and what they decided about a party.

use campaign::Difference;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{PartyId, RunName};
use http_edge::api::campaigns::{CampaignRunPage, CampaignRunProgress, MemberView, ReturnedFrom, ReturnedSums};
use http_edge::lettershop::agreed;
use http_edge::runs::view;
use http_edge::{Caller, Code, Problem, Request, Response, Scope, page};
use store::run::{self, Issued, Run, RunId, Stage};
use store::{Record, Site, returned_mail};

use crate::App;

/// Runs of a page.
const PAGE: i32 = 50;
/// Runs behind this one among which the last one that was made is looked for.
const BEFORE_MAX: i32 = 10;

impl App {
    /// `GET /v1/runs`.
    pub(crate) async fn list_runs(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        let campaign = request.query::<String>("campaign")?;
        let after = request
            .query::<String>("next")?
            .map(|token| page::position("next", &token).and_then(|key| page::sort_key("next", key)))
            .transpose()?;
        let (site, tenant) = (Site::CampaignsRuns, &caller.tenant);
        let (found, next) = run::page(&self.db, site, tenant, campaign.as_deref(), after, PAGE).await?;
        let answer = CampaignRunPage {
            items: found.iter().map(view).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &answer)
    }

    /// `GET /v1/runs/{run_id}`.
    pub(crate) async fn show_run(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        let run = self.run(caller, request).await?;
        self.answer_run(caller, 200, &run, Some(now)).await
    }

    /// `GET /v1/runs/{run_id}/members/{party_id}`.
    pub(crate) async fn show_member(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        let run = self.run(caller, request).await?;
        let party: PartyId = request.path("party_id")?;
        let found = run::member(&self.db, Site::CampaignsRuns, (&id(caller, &run), run.d.cut), &party).await?;
        let found = found.ok_or_else(|| {
            let detail =
                "the run keeps no decision about this party: it is outside the segment, or the run is too long ago";
            Problem::new(Code::NotFound, detail)
        })?;
        let answer = MemberView {
            party_id: party.to_string(),
            decision: found.d.decision,
            period: found.d.period,
            decided_at: found.created_at,
        };
        Response::json(200, &answer)
    }

    /// The last revision of the run of the path.
    pub(crate) async fn run(&self, caller: &Caller, request: &Request) -> Result<Record<Run>, Problem> {
        let name: RunName = request.path("run_id")?;
        let found = run::latest(&self.db, Site::CampaignsRuns, &caller.tenant, &name).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no run with this name"))
    }

    /// The answer with a run; with progress and the difference to the run before it when `at` is given.
    pub(crate) async fn answer_run(
        &self,
        caller: &Caller,
        status: u16,
        run: &Record<Run>,
        at: Option<DateTime<Utc>>,
    ) -> Result<Response, Problem> {
        let mut answer = view(run);
        if let Some(now) = at {
            answer.progress = Some(self.progress(caller, run, now).await?);
            if let Some(blocking) = run.d.blocking.as_ref().filter(|blocking| blocking.result.is_none()) {
                let known = run::blocks_work(&self.db, Site::CampaignsRuns, &id(caller, run)).await?;
                answer.blocking = Some(http_edge::runs::blocking(blocking, known));
            }
            answer.difference = self.difference(caller, run).await?;
            answer.forecast = self.forecast(caller, run, now).await?;
            answer.returned = self.returned(caller, run).await?;
            answer.acknowledgement_due_at = self.awaited(caller, run).await?;
        }
        Response::json(status, &answer)
    }

    /// Until when the acknowledgement of a file is awaited that has not come.
    async fn awaited(&self, caller: &Caller, run: &Record<Run>) -> Result<Option<DateTime<Utc>>, Problem> {
        let (Some(file), None) = (&run.d.file, &run.d.acknowledged) else {
            return Ok(None);
        };
        let agreed = agreed(&self.db, Site::CampaignsKnown, &caller.tenant).await?;
        Ok(Some(agreed.settings.acknowledged_until(file.at)))
    }

    /// What came back of a run whose file stands.
    async fn returned(&self, caller: &Caller, run: &Record<Run>) -> Result<Option<ReturnedSums>, Problem> {
        if run.d.stage != Stage::Written {
            return Ok(None);
        }
        let (sums, complete) = returned_mail::of_run(&self.db, Site::CampaignsRuns, &id(caller, run)).await?;
        let cost = run.d.campaign.letter_cost;
        let each = cost.printing_minor.saturating_add(cost.postage_minor);
        let sources = sums.into_iter().map(|(sales_channel, letters)| ReturnedFrom {
            sales_channel,
            letters,
            cost_minor: i64::try_from(letters).map_or(i64::MAX, |letters| letters.saturating_mul(each)),
        });
        Ok(Some(ReturnedSums {
            sources: sources.collect(),
            complete,
        }))
    }

    async fn progress(
        &self,
        caller: &Caller,
        run: &Record<Run>,
        now: DateTime<Utc>,
    ) -> Result<CampaignRunProgress, Problem> {
        let (id, cut) = (id(caller, run), run.d.cut);
        let segments_done = match run.d.stage {
            Stage::Choosing => run::segments_done(&self.db, Site::CampaignsRuns, &id, cut).await?,
            _ => cut.segments,
        };
        let (issued, shards_done) = match (run.d.stage, run.d.issued) {
            (_, Some(issued)) => (issued, cut.shards),
            (Stage::Issuing | Stage::Stopped, None) => run::shards_work(&self.db, Site::CampaignsRuns, &id).await?,
            (_, None) => (Issued::default(), 0),
        };
        let since = run.d.started_at.filter(|_| run.d.stage == Stage::Issuing);
        let rate = since.and_then(|since| rate(run, issued, since, now));
        Ok(CampaignRunProgress {
            segments_done,
            segments: cut.segments,
            shards_done,
            shards: cut.shards,
            members: issued.members,
            vouchers: issued.vouchers,
            kept_back: issued.kept_back,
            vouchers_per_minute: rate.map(|rate| rate.per_minute),
            expected_end: rate.and_then(|rate| rate.end),
        })
    }

    /// The difference to the last run of the campaign that was made.
    async fn difference(&self, caller: &Caller, run: &Record<Run>) -> Result<Option<Difference>, Problem> {
        let Some(sums) = &run.d.chosen else { return Ok(None) };
        let (site, tenant, of) = (Site::CampaignsRuns, &caller.tenant, &*run.d.campaign.id);
        let (before, _) = run::page(&self.db, site, tenant, Some(of), Some(run.sk.clone()), BEFORE_MAX).await?;
        let made = |other: &&Record<Run>| {
            other.d.run != run.d.run && matches!(other.d.stage, Stage::Issuing | Stage::Writing | Stage::Written)
        };
        let last = before.iter().find(made).and_then(|last| last.d.chosen.as_ref());
        last.map(|last| sums.totals.since(&last.totals))
            .transpose()
            .map_err(|_| Problem::new(Code::Internal, "a difference leaves the range of the books"))
    }
}

/// How fast vouchers are issued.
#[derive(Clone, Copy)]
struct Rate {
    per_minute: u64,
    end: Option<DateTime<Utc>>,
}

/// Vouchers in a minute so far, and when all will be issued at that rate.
fn rate(run: &Record<Run>, issued: Issued, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<Rate> {
    let seconds = u64::try_from(now.signed_duration_since(since).num_seconds())
        .ok()?
        .max(1);
    let per_minute = issued.vouchers.saturating_mul(60).checked_div(seconds)?;
    let left = run.d.chosen.as_ref()?.totals.vouchers.saturating_sub(issued.vouchers);
    let seconds_left = left.saturating_mul(seconds).checked_div(issued.vouchers);
    let end = seconds_left
        .and_then(|left| i64::try_from(left).ok())
        .and_then(TimeDelta::try_seconds)
        .and_then(|left| now.checked_add_signed(left));
    Some(Rate { per_minute, end })
}

/// The id of a stored run.
pub(crate) fn id(caller: &Caller, run: &Record<Run>) -> RunId {
    RunId {
        tenant: caller.tenant.clone(),
        run: run.d.run.clone(),
        revision: run.d.revision,
    }
}
