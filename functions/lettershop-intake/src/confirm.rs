//! What the printer says it has taken (X7).

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::{minus_days, plus_days};
use domain::id::{RunName, Tenant};
use http_edge::api::campaigns::manifest as stored_manifest;
use http_edge::runs::view;
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use lettershop::manifest::{Acknowledgement, check};
use messages::letter_notes;
use serde_json::json;
use store::run::{self, Acknowledged, Run};
use store::{Record, Site};

use crate::App;
use crate::printer::file;

/// The days on which a file that stood then can have been taken by now, in any time zone.
fn possible_days(stood: DateTime<Utc>, now: DateTime<Utc>) -> RangeInclusive<NaiveDate> {
    minus_days(stood.date_naive(), 1)..=plus_days(now.date_naive(), 1)
}

impl App {
    /// `POST /v1/runs/{run_id}/acknowledgement`.
    pub(crate) async fn acknowledge(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let said: Acknowledgement = request.json()?;
        let name: RunName = request.path("run_id")?;
        let run = self.confirm(caller, &name, &said, now).await?;
        Response::json(200, &view(&run))
    }

    /// Notes what the printer confirms, or finds it noted; the run then.
    pub(crate) async fn confirm(
        &self,
        caller: &Caller,
        name: &RunName,
        said: &Acknowledgement,
        now: DateTime<Utc>,
    ) -> Result<Record<Run>, Problem> {
        let run = self.run(&caller.tenant, name).await?;
        let file = file(&run)?;
        let internal = |_| Problem::new(Code::Internal, "the manifest of the run cannot be read");
        let manifest = stored_manifest(&file.manifest).map_err(internal)?;
        let found = check(&manifest, said, &possible_days(file.at, now));
        if !found.is_empty() {
            tracing::warn!(run = %run.d.run, findings = found.len(), "an acknowledgement does not agree with the file");
            return Err(Problem::invalid(found));
        }
        let document = json!(said);
        if let Some(before) = &run.d.acknowledged {
            if before.document == document {
                // What was asked for then may be lost.
                self.ask_for_notes(&caller.tenant, &run).await?;
                return Ok(run);
            }
            return Err(another());
        }
        let acknowledged = Acknowledged {
            at: now,
            document: document.clone(),
            noted_at: None,
        };
        let (site, made) = (Site::ShopConfirm, caller.made(now));
        let noted = run::change(&self.db, site, &run, made, |run| run.acknowledged = Some(acknowledged));
        let noted = noted.await?;
        let run = self.run(&caller.tenant, name).await?;
        if !noted {
            // Refused may be a repetition of our own that was taken.
            match &run.d.acknowledged {
                Some(stands) if stands.document == document => {}
                Some(_) => return Err(another()),
                None => {
                    return Err(Problem::new(
                        Code::Unavailable,
                        "the run is changing: repeat the same call",
                    ));
                }
            }
        }
        self.ask_for_notes(&caller.tenant, &run).await?;
        Ok(run)
    }

    /// Asks that the letters of a confirmed run are noted with their parties. The schedule asks too, for what is lost here.
    async fn ask_for_notes(&self, tenant: &Tenant, run: &Record<Run>) -> Result<(), Problem> {
        if run.d.acknowledged.as_ref().is_none_or(|said| said.noted_at.is_some()) {
            return Ok(());
        }
        let messages = letter_notes(tenant, (&run.d.run, run.d.revision), run.d.cut.shards);
        let sent = self
            .sender
            .send(Site::ShopSendNotes, &self.place.files_queue_url, &messages)
            .await;
        sent.map_err(|error| {
            tracing::warn!(%error, "the letters of a run are not noted yet");
            Problem::new(
                Code::Unavailable,
                "it is noted, and what follows is not under way yet: repeat the same call",
            )
        })
    }
}

fn another() -> Problem {
    let detail = "another acknowledgement of this run was noted before";
    Problem::new(Code::ConcurrentChange, detail)
}
