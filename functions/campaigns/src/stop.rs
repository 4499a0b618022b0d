//! A run is stopped before its letters are written.

use chrono::{DateTime, Utc};
use domain::secret::Secret;
use domain::text;
use domain::violation::Violation;
use http_edge::api::campaigns::StopRequest;
use http_edge::{Code, Problem, Request, Response, Scope};
use store::Site;
use store::campaign::{self as stored, Moved};
use store::run::{BY_HAND, Stage};

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
            Stage::Stopped => return self.answer_run(caller, 200, &run, Some(now)).await,
            Stage::Written => {
                let detail = "the letters of the run are written: the printer may have them";
                return Err(Problem::new(Code::CampaignState, detail));
            }
            Stage::Choosing | Stage::Chosen | Stage::Issuing | Stage::Writing => {}
        }
        let name = run.d.run.to_string();
        let of = (&caller.tenant, &run);
        let step = |stored: &stored::Stored| Ok(stored.standing.stopped(&name));
        let stopped = stored::with_run(&self.db, Site::CampaignsStop, of, caller.made(now), step, |run| {
            run.stage = Stage::Stopped;
            run.stopped = Some(BY_HAND.to_owned());
            run.stop_reason = Some(Secret::new(body.reason.clone()));
        });
        match stopped.await? {
            Moved::Done => tracing::warn!(run = %run.d.run, revision = run.d.revision, "a run was stopped by hand"),
            Moved::Unknown => return Err(unknown()),
            Moved::Refused(_) | Moved::Contended => return Err(contended()),
        }
        let run = self.run(caller, request).await?;
        self.answer_run(caller, 200, &run, Some(now)).await
    }
}
