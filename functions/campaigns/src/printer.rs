//! The printer's files, its acknowledgement, and what is agreed on with it.

use std::ops::RangeInclusive;

use aws_sdk_s3::presigning::PresigningConfig;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::calendar::{minus_days, plus_days};
use domain::violation::Violation;
use http_edge::api::campaigns::{
    CampaignRunFiles, LettershopSettingsRequest, LettershopSettingsView, manifest as stored_manifest,
};
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use lettershop::manifest::{Acknowledgement, check};
use lettershop::settings::Settings;
use serde_json::json;
use store::run::{self, Acknowledged, PrintFile, Run};
use store::{Record, Site, lettershop as agreed};

use crate::{App, contended};

/// How long a link to a file works.
const LINK_LASTS: TimeDelta = TimeDelta::minutes(15);

/// The days on which a file that stood then can have been taken by now, in any time zone.
fn possible_days(stood: DateTime<Utc>, now: DateTime<Utc>) -> RangeInclusive<NaiveDate> {
    minus_days(stood.date_naive(), 1)..=plus_days(now.date_naive(), 1)
}

impl App {
    /// `GET /v1/runs/{run_id}/files`.
    pub(crate) async fn files(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let run = self.run(caller, request).await?;
        let file = file(&run)?;
        let answer = CampaignRunFiles {
            letters_url: self.link(&file.key).await?,
            manifest_url: self.link(&file.manifest_key).await?,
            expires_at: now.checked_add_signed(LINK_LASTS).unwrap_or(now),
            manifest: file.manifest.clone(),
        };
        tracing::info!(run = %run.d.run, client = %caller.client, "links to a run's files were made");
        Response::json(200, &answer)
    }

    /// `POST /v1/runs/{run_id}/acknowledgement`.
    pub(crate) async fn acknowledge(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let said: Acknowledgement = request.json()?;
        let run = self.run(caller, request).await?;
        let file = file(&run)?;
        let internal = |_| Problem::new(Code::Internal, "the manifest of the run cannot be read");
        let manifest = stored_manifest(&file.manifest).map_err(internal)?;
        let found = check(&manifest, &said, &possible_days(file.at, now));
        if !found.is_empty() {
            tracing::warn!(run = %run.d.run, findings = found.len(), "an acknowledgement does not agree with the file");
            return Err(Problem::invalid(found));
        }
        let document = json!(said);
        if let Some(before) = &run.d.acknowledged {
            if before.document == document {
                return self.answer_run(caller, 200, &run, None).await;
            }
            let detail = "another acknowledgement of this run was noted before";
            return Err(Problem::new(Code::ConcurrentChange, detail));
        }
        let acknowledged = Acknowledged { at: now, document };
        let (site, made) = (Site::CampaignsConfirm, caller.made(now));
        let noted = run::change(&self.db, site, &run, made, |run| run.acknowledged = Some(acknowledged));
        if !noted.await? {
            return Err(contended());
        }
        let run = self.run(caller, request).await?;
        self.answer_run(caller, 200, &run, None).await
    }

    /// `GET /v1/lettershop/settings`.
    pub(crate) async fn settings(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        Response::json(200, &self.agreed(caller).await?)
    }

    /// What is agreed on with the printer, or stands while nothing is.
    pub(crate) async fn agreed(&self, caller: &Caller) -> Result<LettershopSettingsView, Problem> {
        let stored = agreed::settings(&self.db, Site::CampaignsKnown, &caller.tenant).await?;
        Ok(match stored {
            None => LettershopSettingsView {
                version: 0,
                settings: Settings::default(),
            },
            Some(stored) => LettershopSettingsView {
                version: stored.d.version,
                settings: serde_json::from_value(stored.d.document)
                    .map_err(|_| Problem::new(Code::Internal, "what is agreed on with the printer cannot be read"))?,
            },
        })
    }

    /// `PUT /v1/lettershop/settings`.
    pub(crate) async fn put_settings(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsWrite)?;
        let body: LettershopSettingsRequest = request.json()?;
        let under = |found: Violation| Violation {
            pointer: format!("/settings{}", found.pointer),
            ..found
        };
        let found: Vec<_> = body.settings.violations().into_iter().map(under).collect();
        if !found.is_empty() {
            return Err(Problem::invalid(found));
        }
        let before = agreed::settings(&self.db, Site::CampaignsKnown, &caller.tenant).await?;
        let before = before.map_or(0, |stored| stored.d.version);
        if before != body.expected_version {
            let detail = format!("version {before} is stored, not {}", body.expected_version);
            return Err(Problem::new(Code::ConcurrentChange, detail).with("current_version", json!(before)));
        }
        let (site, made) = (Site::CampaignsWrite, caller.made(now));
        let seen = (before > 0).then_some(before);
        let document = json!(body.settings);
        if !agreed::store_settings(&self.db, site, &caller.tenant, seen, document, made).await? {
            return Err(contended());
        }
        let answer = LettershopSettingsView {
            version: before.saturating_add(1),
            settings: body.settings,
        };
        Response::json(200, &answer)
    }

    /// A link that its bearer can use for some minutes. Signing needs no call.
    async fn link(&self, key: &str) -> Result<String, Problem> {
        let internal = || Problem::new(Code::Internal, "a link to a file could not be made");
        let lasts = LINK_LASTS.to_std().map_err(|_| internal())?;
        let lasts = PresigningConfig::expires_in(lasts).map_err(|_| internal())?;
        let get = self.buckets.get_object().bucket(&self.place.bucket).key(key);
        let signed = get.presigned(lasts).await.map_err(|_| internal())?;
        Ok(signed.uri().to_owned())
    }
}

fn file(run: &Record<Run>) -> Result<&PrintFile, Problem> {
    let detail = "the file of the run does not stand yet, or the run has no letters";
    run.d
        .file
        .as_ref()
        .ok_or_else(|| Problem::new(Code::RunNotWritten, detail))
}
