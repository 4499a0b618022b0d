//! A run is stopped before its letters are written, and what it has given is blocked where that is wanted.

use chrono::{DateTime, Utc};
use domain::secret::Secret;
use domain::text;
use domain::violation::Violation;
use http_edge::api::campaigns::StopRequest;
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use messages::voucher_blocks;
use store::campaign::{self as stored, Moved};
use store::run::{self, BY_HAND, Blocking, Run, Stage};
use store::{Record, Site};

use crate::moves::has_given;
use crate::runs::id;
use crate::{App, contended, unknown};

/// Longest reason, in characters.
const REASON_MAX: usize = 200;

impl App {
    /// `POST /v1/runs/{run_id}/stop`.
    pub(crate) async fn stop(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsWrite)?;
        let body: StopRequest = request.json()?;
        if !text::is_line(&body.reason, REASON_MAX) {
            let detail = "must have 1 to 200 printable characters";
            return Err(Problem::invalid(vec![Violation::new(
                "/reason",
                "out_of_range",
                detail,
            )]));
        }
        let run = self.run(caller, request).await?;
        match run.d.stage {
            // The same call again, or somebody was quicker.
            Stage::Stopped => {
                let run = self.stopped_before(caller, run, &body, now).await?;
                return self.answer_run(caller, 200, &run, Some(now)).await;
            }
            Stage::Written => {
                let detail = "the letters of the run are written: the printer may have them";
                return Err(Problem::new(Code::CampaignState, detail));
            }
            Stage::Choosing | Stage::Chosen | Stage::Issuing | Stage::Writing => {}
        }
        let blocking = self.blocking(caller, &run, &body, now).await?;
        let name = run.d.run.to_string();
        let of = (&caller.tenant, &run);
        let step = |stored: &stored::Stored| Ok(stored.standing.stopped(&name));
        let stopped = stored::with_run(&self.db, Site::CampaignsStop, of, caller.made(now), step, |run| {
            run.stage = Stage::Stopped;
            run.stopped = Some(BY_HAND.to_owned());
            run.stop_reason = Some(Secret::new(body.reason.clone()));
            run.blocking = blocking;
        });
        match stopped.await? {
            Moved::Done => tracing::warn!(run = %run.d.run, revision = run.d.revision, "a run was stopped by hand"),
            Moved::Unknown => return Err(unknown()),
            Moved::Refused(_) | Moved::Contended => return Err(contended()),
        }
        let run = self.run(caller, request).await?;
        self.send_blocks(caller, &run).await?;
        self.answer_run(caller, 200, &run, Some(now)).await
    }

    /// A run that is stopped already: its vouchers may still have to be blocked.
    async fn stopped_before(
        &self,
        caller: &Caller,
        run: Record<Run>,
        body: &StopRequest,
        now: DateTime<Utc>,
    ) -> Result<Record<Run>, Problem> {
        let mut run = run;
        if run.d.blocking.is_none()
            && let Some(blocking) = self.blocking(caller, &run, body, now).await?
        {
            let of = (&caller.tenant, &run);
            let asked = run::block_stopped(&self.db, Site::CampaignsBlock, of, caller.made(now), blocking);
            if !asked.await? {
                return Err(contended());
            }
            tracing::warn!(run = %run.d.run, revision = run.d.revision, "the vouchers of a stopped run are to be blocked");
            let again = run::latest(&self.db, Site::CampaignsRuns, &caller.tenant, &run.d.run).await?;
            run = again.ok_or_else(contended)?;
        }
        self.send_blocks(caller, &run).await?;
        Ok(run)
    }

    /// That the vouchers of a run are to be blocked; `None` where that is not wanted, or it has given none.
    async fn blocking(
        &self,
        caller: &Caller,
        run: &Record<Run>,
        body: &StopRequest,
        now: DateTime<Utc>,
    ) -> Result<Option<Blocking>, Problem> {
        if !body.block_vouchers || !has_given(run) {
            return Ok(None);
        }
        let started = run::started(&self.db, Site::CampaignsRuns, &id(caller, run)).await?;
        Ok(Some(Blocking {
            at: now,
            author: caller.subject.clone(),
            client: caller.client.clone(),
            reason: Secret::new(body.reason.clone()),
            shards: started
                .iter()
                .map(|run| run.d.cut.shards)
                .max()
                .unwrap_or(run.d.cut.shards),
            result: None,
            done_at: None,
        }))
    }

    /// Asks for what is left to block; asked for again, it finds what is done.
    async fn send_blocks(&self, caller: &Caller, run: &Record<Run>) -> Result<(), Problem> {
        match &run.d.blocking {
            Some(blocking) if blocking.result.is_none() => {
                let of = (&run.d.run, run.d.revision);
                self.send(&voucher_blocks(&caller.tenant, of, blocking.shards)).await
            }
            _ => Ok(()),
        }
    }
}
