//! Segments of a customer, as other systems assign them; earning rules can ask for them (L3).

use chrono::{DateTime, Utc};
use domain::earning::SEGMENTS_MAX;
use domain::id::PartyId;
use http_edge::api::customers::{SegmentsAnswer, SegmentsRequest};
use http_edge::{Code, Findings, Problem, Request, Response, Scope};
use serde_json::json;
use store::party::{self, Segments};
use store::{Record, Site};

use crate::App;
use crate::parties::no_such_party;

/// Longest code of a segment, in characters.
const CODE_MAX: usize = 40;
/// Rounds against others who change the same segments.
const ROUNDS_MAX: usize = 5;

impl App {
    /// `GET /v1/parties/{party_id}/segments`.
    pub(crate) async fn show_segments(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let id: PartyId = request.path("party_id")?;
        let stored = party::segments(&self.db, Site::PartySegments, &caller.tenant, &id).await?;
        if stored.is_none() {
            let known = party::read(&self.db, Site::PartyRead, &caller.tenant, &id).await?;
            known.ok_or_else(no_such_party)?;
        }
        Response::json(200, &answer(&id, stored.as_ref()))
    }

    /// `PUT /v1/parties/{party_id}/segments`.
    pub(crate) async fn put_segments(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesWrite)?;
        let id: PartyId = request.path("party_id")?;
        let body: SegmentsRequest = request.json()?;
        let codes = checked(body.segments)?;
        for _ in 0..ROUNDS_MAX {
            let before = party::segments(&self.db, Site::PartySegments, &caller.tenant, &id).await?;
            if let Some(stored) = before.as_ref().filter(|stored| stored.d.codes == codes) {
                return Response::json(200, &answer(&id, Some(stored)));
            }
            let version = before.as_ref().map_or(0, |stored| stored.d.version);
            if body.expected_version.is_some_and(|expected| expected != version) {
                let detail = "the segments were changed meanwhile: read them again";
                return Err(Problem::new(Code::ConcurrentChange, detail).with("current_version", json!(version)));
            }
            let (site, made) = (Site::PartySegmentsPut, caller.made(now));
            if party::put_segments(
                &self.db,
                site,
                &caller.tenant,
                &id,
                before.as_ref(),
                codes.clone(),
                made,
            )
            .await?
            {
                let segments = Segments {
                    version: version.saturating_add(1),
                    codes,
                };
                return Response::json(200, &view(&id, &segments));
            }
            let known = party::read(&self.db, Site::PartyRead, &caller.tenant, &id).await?;
            known.ok_or_else(no_such_party)?;
        }
        let detail = "others keep changing the segments: repeat the call";
        Err(Problem::new(Code::Unavailable, detail))
    }
}

/// The codes in order and none twice.
fn checked(mut codes: Vec<String>) -> Result<Vec<String>, Problem> {
    let mut found = Findings::default();
    for (index, code) in codes.iter().enumerate() {
        let of_a_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !(1..=CODE_MAX).contains(&code.len()) || !code.chars().all(of_a_code) {
            let detail = "must have 1 to 40 characters from a-z, 0-9, - and _";
            found.add(format!("/segments/{index}"), "malformed", detail);
        }
    }
    codes.sort_unstable();
    codes.dedup();
    if u32::try_from(codes.len()).is_ok_and(|count| count > SEGMENTS_MAX) {
        found.add("/segments", "out_of_range", "a customer has at most 20 segments");
    }
    found.none()?;
    Ok(codes)
}

fn answer(id: &PartyId, stored: Option<&Record<Segments>>) -> SegmentsAnswer {
    match stored {
        Some(stored) => view(id, &stored.d),
        None => view(id, &Segments::default()),
    }
}

fn view(id: &PartyId, segments: &Segments) -> SegmentsAnswer {
    SegmentsAnswer {
        party_id: id.to_string(),
        segments: segments.codes.clone(),
        version: segments.version,
    }
}
