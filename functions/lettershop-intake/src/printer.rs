//! Links to the printer's files, and what is agreed on with it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::RunName;
use domain::violation::Violation;
use http_edge::api::campaigns::CampaignRunFiles;
use http_edge::api::lettershop::{LettershopSettingsRequest, LettershopSettingsView};
use http_edge::lettershop::agreed;
use http_edge::{Code, Problem, Request, Response, Scope};
use serde_json::json;
use store::run::{PrintFile, Run};
use store::{Record, Site, lettershop as stored};

use crate::{App, contended};

/// How long a link to a file works.
pub(crate) const LINK_LASTS: TimeDelta = TimeDelta::minutes(15);

impl App {
    /// `GET /v1/runs/{run_id}/files`.
    pub(crate) async fn files(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let name: RunName = request.path("run_id")?;
        let run = self.run(&caller.tenant, &name).await?;
        let file = file(&run)?;
        let lasts = LINK_LASTS;
        let (bucket, objects) = (&self.place.bucket, &self.objects);
        let answer = CampaignRunFiles {
            letters_url: objects.link(bucket, &file.key, lasts).await?,
            manifest_url: objects.link(bucket, &file.manifest_key, lasts).await?,
            expires_at: now.checked_add_signed(lasts).unwrap_or(now),
            manifest: file.manifest.clone(),
        };
        tracing::info!(run = %run.d.run, client = %caller.client, "links to a run's files were made");
        Response::json(200, &answer)
    }

    /// `GET /v1/lettershop/settings`.
    pub(crate) async fn settings(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        Response::json(200, &agreed(&self.db, Site::ShopKnown, &caller.tenant).await?)
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
        let before = stored::settings(&self.db, Site::ShopKnown, &caller.tenant).await?;
        let before = before.map_or(0, |stored| stored.d.version);
        if before != body.expected_version {
            let detail = format!("version {before} is stored, not {}", body.expected_version);
            return Err(Problem::new(Code::ConcurrentChange, detail).with("current_version", json!(before)));
        }
        let (site, made) = (Site::ShopAgreed, caller.made(now));
        let seen = (before > 0).then_some(before);
        let document = json!(body.settings);
        if !stored::store_settings(&self.db, site, &caller.tenant, seen, document, made).await? {
            return Err(contended());
        }
        let answer = LettershopSettingsView {
            version: before.saturating_add(1),
            settings: body.settings,
        };
        Response::json(200, &answer)
    }
}

pub(crate) fn file(run: &Record<Run>) -> Result<&PrintFile, Problem> {
    let detail = "the file of the run does not stand yet, or the run has no letters";
    run.d
        .file
        .as_ref()
        .ok_or_else(|| Problem::new(Code::RunNotWritten, detail))
}
