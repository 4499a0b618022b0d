//! Campaigns are listed, read, stored and closed.

use ::campaign::{Campaign, Kind, SCHEMA, SEGMENT_COST_MAX, Standing, built_in};
use chrono::{DateTime, Utc};
use domain::violation::Violation;
use http_edge::api::administration::ContextField;
use http_edge::api::campaigns::{CampaignContext, CampaignPage, CampaignRequest, CampaignView};
use http_edge::{Caller, Code, Problem, Request, Response, Scope, page};
use serde_json::json;
use store::campaign::{self as stored, Stored};
use store::{Record, Site, programme};

use crate::{App, contended, moved, refused};

/// Campaigns of a page.
const PAGE: i32 = 50;

impl App {
    /// `GET /v1/campaigns`.
    pub(crate) async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        let after = request
            .query::<String>("next")?
            .map(|token| page::position("next", &token).and_then(|key| page::sort_key("next", key)))
            .transpose()?;
        let (found, next) = stored::page(&self.db, Site::CampaignsRead, &caller.tenant, after, PAGE).await?;
        let answer = CampaignPage {
            items: found.iter().map(view).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &answer)
    }

    /// `GET /v1/campaigns/{campaign_id}`.
    pub(crate) async fn show(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        Response::json(200, &view(&self.stored(caller, request).await?))
    }

    /// `PUT /v1/campaigns/{campaign_id}`.
    pub(crate) async fn put(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsWrite)?;
        let id: String = request.path("campaign_id")?;
        let body: CampaignRequest = request.json()?;
        self.check(caller, &id, &body.campaign).await?;
        let before = stored::read(&self.db, Site::CampaignsRead, &caller.tenant, &id).await?;
        if let Some(before) = before.as_ref().filter(|before| before.d.campaign == body.campaign) {
            return Response::json(200, &view(before));
        }
        let edition = before.as_ref().map_or(0, |before| before.d.edition);
        if edition != body.expected_edition {
            let detail = format!("edition {edition} is stored, not {}", body.expected_edition);
            let problem = Problem::new(Code::ConcurrentChange, detail);
            return Err(problem.with("current_edition", json!(edition)));
        }
        let by = caller.subject.clone();
        let standing = match &before {
            None => Standing::draft(by),
            Some(before) => before.d.standing.edited(by).map_err(refused)?,
        };
        let after = Stored {
            version: before.as_ref().map_or(0, |before| before.d.version).saturating_add(1),
            edition: edition.saturating_add(1),
            campaign: body.campaign,
            standing,
        };
        let (site, made) = (Site::CampaignsWrite, caller.made(now));
        if !stored::write(&self.db, site, &caller.tenant, before.as_ref(), after, made).await? {
            return Err(contended());
        }
        let status = if before.is_none() { 201 } else { 200 };
        Response::json(status, &view(&self.of_id(&caller.tenant, &id).await?))
    }

    /// `POST /v1/campaigns/{campaign_id}/close`.
    pub(crate) async fn close(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsWrite)?;
        let id: String = request.path("campaign_id")?;
        let of = (&caller.tenant, &*id);
        let step = stored::step(&self.db, Site::CampaignsWrite, of, caller.made(now), |stored| {
            stored.standing.closed(now)
        });
        moved(step.await?)?;
        Response::json(200, &view(&self.of_id(&caller.tenant, &id).await?))
    }

    /// Everything wrong with a campaign.
    async fn check(&self, caller: &Caller, id: &str, campaign: &Campaign) -> Result<(), Problem> {
        let under = |found: Violation| Violation {
            pointer: format!("/campaign{}", found.pointer),
            ..found
        };
        let mut found: Vec<_> = campaign.violations().into_iter().map(under).collect();
        if campaign.id != id {
            found.push(Violation::new("/campaign/id", "other_id", "must be the id of the path"));
        }
        if let Kind::Birthday { lead, .. } = &campaign.kind
            && !built_in().iter().any(|calendar| calendar.name == lead.calendar)
        {
            let detail = "must be one of the calendars of GET /v1/campaign-context";
            found.push(Violation::new("/campaign/kind/lead/calendar", "unknown", detail));
        }
        let per_member = u8::try_from(campaign.voucher.per_member).unwrap_or(u8::MAX);
        if let Some(source) = http_edge::lettershop::agreed(&self.db, Site::CampaignsKnown, &caller.tenant)
            .await?
            .settings
            .format
            .lacks(per_member)
        {
            let detail =
                format!("the printer's format has no column for {source}: change it first, or give fewer vouchers");
            found.push(Violation::new("/campaign/voucher/per_member", "no_column", detail));
        }
        if !found.is_empty() {
            return Err(Problem::invalid(found));
        }
        let programme =
            programme::read_current(&self.db, Site::CampaignsKnown, &caller.tenant, &campaign.programme).await?;
        if programme.is_none() {
            let detail = "the campaign names a programme that is not stored";
            return Err(Problem::new(Code::ProgrammeUnknown, detail));
        }
        Ok(())
    }
}

/// `GET /v1/campaign-context`.
pub(crate) fn context(request: &Request) -> Result<Response, Problem> {
    request.caller()?.require(Scope::CampaignsRead)?;
    let field = |field: &conditions::Field| ContextField {
        name: field.name.to_owned(),
        kind: field.kind.to_string(),
        description: field.doc.to_owned(),
    };
    let answer = CampaignContext {
        fields: SCHEMA.fields().iter().map(field).collect(),
        cost_max: SEGMENT_COST_MAX,
        source_max: conditions::SOURCE_MAX,
        calendars: built_in().into_iter().map(|calendar| calendar.name).collect(),
    };
    Response::json(200, &answer)
}

/// A campaign as the API shows it.
pub(crate) fn view(record: &Record<Stored>) -> CampaignView {
    CampaignView {
        edition: record.d.edition,
        campaign: record.d.campaign.clone(),
        standing: record.d.standing.clone(),
        created_at: record.created_at,
        updated_at: record.updated_at,
    }
}
