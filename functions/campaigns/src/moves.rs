//! Dry run, approval, start.

use ::campaign::{Campaign, Digest, Refused, Schedule, Status};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use domain::calendar;
use domain::programme::Programme;
use domain::violation::Violation;
use http_edge::api::campaigns::{ApproveRequest, DryRunRequest};
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use messages::{CampaignMessage, campaign_segments};
use store::campaign::{self as stored, Stored};
use store::run::{self, Run, Stage};
use store::{Record, Site, programme};

use crate::edit::view;
use crate::{App, contended, moved, refused};

/// Days ahead of which a run can be tried.
const AHEAD_MAX: u64 = 42;

impl App {
    /// `POST /v1/campaigns/{campaign_id}/dry-runs`.
    pub(crate) async fn dry_run(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsWrite)?;
        let body: DryRunRequest = request.json()?;
        let campaign = self.stored(caller, request).await?;
        let standing = &campaign.d.standing;
        // Refused now where its outcome could not be noted later.
        standing.tried(String::new(), Digest::default(), now).map_err(refused)?;
        let programme = self.programme(caller, &campaign).await?;
        let today = calendar::business_day(now, programme.zone);
        let day = day_of(&campaign.d.campaign, body.day, today)?;
        let begin = |revision| {
            let run = Run::new(
                campaign.d.campaign.clone(),
                campaign.d.edition,
                revision,
                (day, self.cut),
                &programme,
            );
            run.ok_or_else(|| Problem::new(Code::Internal, "campaign and day make no name of a run"))
        };
        let first = begin(1)?;
        let latest = run::latest(&self.db, Site::CampaignsRuns, &caller.tenant, &first.run).await?;
        let run = match latest {
            None => self.begun(caller, first, now).await?,
            // Under way already: what was sent then may be lost.
            Some(latest) if latest.d.stage == Stage::Choosing && latest.d.edition == campaign.d.edition => latest,
            Some(latest) if matches!(latest.d.stage, Stage::Issuing | Stage::Writing | Stage::Written) => {
                let detail = "the run of this period is made: nothing is issued for it again";
                return Err(Problem::new(Code::CampaignState, detail));
            }
            Some(latest) if latest.d.blocking.is_some() => {
                let detail = "the run of this period was stopped and its vouchers were blocked: it is not made on; for other vouchers \
                              store another campaign";
                return Err(Problem::new(Code::CampaignState, detail));
            }
            // What it gave stands under the name of the period, with the terms of then.
            Some(latest) if has_given(&latest) && (latest.d.edition != campaign.d.edition || latest.d.day != day) => {
                let detail = "the run of this period was stopped after it had begun to give vouchers: it can be made on as it was \
                              only, on the same day; for other vouchers store another campaign";
                return Err(Problem::new(Code::CampaignState, detail));
            }
            Some(latest) => {
                // First: what was approved before must not be started beside what is tried now.
                let (site, made) = (Site::CampaignsRun, caller.made(now));
                if !run::supersede(&self.db, site, &latest, made).await? {
                    return Err(contended());
                }
                let mut next = begin(latest.d.revision.saturating_add(1))?;
                // Its vouchers have the codes that they had.
                next.code_key_version = latest.d.code_key_version;
                self.begun(caller, next, now).await?
            }
        };
        let segments = campaign_segments(&caller.tenant, (&run.d.run, run.d.revision), run.d.cut.segments);
        self.send(&segments).await?;
        self.answer_run(caller, 202, &run, Some(now)).await
    }

    async fn programme(&self, caller: &Caller, campaign: &Record<Stored>) -> Result<Programme, Problem> {
        let id = &campaign.d.campaign.programme;
        let found = programme::read_current(&self.db, Site::CampaignsKnown, &caller.tenant, id).await?;
        let unknown = || Problem::new(Code::ProgrammeUnknown, "the programme of the campaign is not stored");
        Ok(found.ok_or_else(unknown)?.d.programme)
    }

    async fn begun(&self, caller: &Caller, run: Run, now: DateTime<Utc>) -> Result<Record<Run>, Problem> {
        let (name, revision, made) = (run.run.clone(), run.revision, caller.made(now));
        // Somebody who began the same at the same time is as good.
        run::begin(&self.db, Site::CampaignsRun, &caller.tenant, run, made).await?;
        let found = run::latest(&self.db, Site::CampaignsRuns, &caller.tenant, &name).await?;
        // The vouchers of the choice before may be blocked since.
        found.filter(|found| found.d.revision >= revision).ok_or_else(contended)
    }

    /// `POST /v1/campaigns/{campaign_id}/approve`.
    pub(crate) async fn approve(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsApprove)?;
        let id: String = request.path("campaign_id")?;
        let body: ApproveRequest = request.json()?;
        let digest: Digest = body.digest.parse().map_err(|_| {
            let detail = "must be the digest of a dry run: 64 hexadecimal digits";
            Problem::invalid(vec![Violation::new("/digest", "malformed", detail)])
        })?;
        let (of, by) = ((&caller.tenant, &*id), caller.subject.clone());
        let step = stored::step(&self.db, Site::CampaignsWrite, of, caller.made(now), |stored| {
            let standing = &stored.standing;
            match &standing.status {
                // The same call again.
                Status::Approved {
                    by: who, digest: what, ..
                } if *who == by && *what == digest => Ok(standing.clone()),
                _ => standing.approved(by.clone(), digest, now),
            }
        });
        moved(step.await?)?;
        Response::json(200, &view(&self.of_id(&caller.tenant, &id).await?))
    }

    /// `POST /v1/campaigns/{campaign_id}/start`.
    pub(crate) async fn start(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsWrite)?;
        let campaign = self.stored(caller, request).await?;
        let run = self.approved_run(caller, &campaign).await?;
        let digest = run.d.chosen.as_ref().map(|chosen| chosen.digest).unwrap_or_default();
        let (schedule, name) = (campaign.d.campaign.schedule, run.d.run.to_string());
        let started = campaign.d.standing.started(schedule, name, digest);
        started.map_err(refused)?;
        let start = CampaignMessage::Start {
            tenant: caller.tenant.clone(),
            run: run.d.run.clone(),
            revision: run.d.revision,
        };
        self.send(&[start]).await?;
        self.answer_run(caller, 202, &run, Some(now)).await
    }

    /// The run that was approved, or is under way.
    async fn approved_run(&self, caller: &Caller, campaign: &Record<Stored>) -> Result<Record<Run>, Problem> {
        let name = match &campaign.d.standing.status {
            Status::Approved { run, .. } | Status::Executing { run, .. } => run,
            Status::Closed { .. } => return Err(refused(Refused::Closed)),
            Status::Draft {} | Status::DryRun { .. } => return Err(refused(Refused::NotApproved)),
        };
        let name = name
            .parse()
            .map_err(|_| Problem::new(Code::Internal, "the campaign names a run that cannot be"))?;
        let found = run::latest(&self.db, Site::CampaignsRuns, &caller.tenant, &name).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "the approved run is not stored any more"))
    }

    pub(crate) async fn send(&self, messages: &[CampaignMessage]) -> Result<(), Problem> {
        let sent = self.sender.send(Site::CampaignsSend, &self.queue_url, messages).await;
        sent.map_err(|error| {
            tracing::warn!(%error, "the work on a run was not sent");
            Problem::new(Code::Unavailable, "the run is not under way yet: repeat the same call")
        })
    }
}

/// Whether the run, or an earlier choice of its members, was started.
pub(crate) const fn has_given(run: &Record<Run>) -> bool {
    run.d.code_key_version.is_some()
}

/// The day of the run that is tried: the one that was asked for, or the next one by the schedule.
fn day_of(campaign: &Campaign, asked: Option<NaiveDate>, today: NaiveDate) -> Result<NaiveDate, Problem> {
    let wrong = |code: &'static str, detail: &str| Err(Problem::invalid(vec![Violation::new("/day", code, detail)]));
    let ahead = today.checked_add_days(Days::new(AHEAD_MAX)).unwrap_or(NaiveDate::MAX);
    match (asked, campaign.schedule) {
        (Some(day), _) if day < today => wrong("out_of_range", "must not be in the past"),
        (Some(day), _) if day > ahead => wrong(
            "out_of_range",
            "must be within six weeks: what is chosen today is printed then",
        ),
        (Some(day), _) if !campaign.runs_on(day) && day != today => {
            wrong("not_scheduled", "must be today, or a day of the campaign's schedule")
        }
        (Some(day), _) => Ok(day),
        (None, Schedule::Once { on }) => Ok(on.max(today)),
        (None, Schedule::Daily {}) => Ok(today),
        (None, Schedule::Monthly { day }) => Ok(next_monthly(today, day)),
    }
}

/// The next day of a month with this number, today included.
fn next_monthly(today: NaiveDate, day: u32) -> NaiveDate {
    let this = today.with_day(day).unwrap_or(today);
    if this >= today {
        return this;
    }
    calendar::plus_months(this, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n7_a_monthly_run_is_tried_for_its_next_day() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(next_monthly(day("2026-11-24"), 1), day("2026-12-01"));
        assert_eq!(next_monthly(day("2026-12-01"), 1), day("2026-12-01"));
        assert_eq!(next_monthly(day("2026-12-02"), 28), day("2026-12-28"));
        assert_eq!(next_monthly(day("2026-12-29"), 28), day("2027-01-28"));
    }
}
