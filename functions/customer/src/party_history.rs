//! Who changed which fields of a party, and what of its past no longer fits in it.

use domain::id::PartyId;
use http_edge::api::parties::{ChangeView, ChangesAnswer, PastAnswer};
use http_edge::{Problem, Request, Response, Scope, page};
use store::party::Change;
use store::{Record, Site};

use crate::parties::no_such_party;
use crate::{App, party_view};

/// Most items of the past in one answer: each holds some dozens of entries.
const PAST_MAX: i32 = 10;

impl App {
    /// `GET /v1/parties/{party_id}/changes`.
    pub(crate) async fn list_changes(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let party: PartyId = request.path("party_id")?;
        let (limit, after) = (request.limit()?, after(request, "CHANGE#")?);
        let site = Site::PartyChanges;
        let first = after.is_none();
        let (changes, next) = store::party::changes(&self.db, site, &caller.tenant, &party, after, limit).await?;
        // Every party has the change that stored it.
        if changes.is_empty() && first {
            return Err(no_such_party());
        }
        let answer = ChangesAnswer {
            changes: changes.into_iter().map(view).collect(),
            next: next.map(|sk| page::token(&sk)),
        };
        Response::json(200, &answer)
    }

    /// `GET /v1/parties/{party_id}/past`.
    pub(crate) async fn list_past(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let party: PartyId = request.path("party_id")?;
        let (limit, after) = (request.limit()?.min(PAST_MAX), after(request, "PAST#")?);
        let site = Site::PartyChanges;
        let (past, next) = store::party::past(&self.db, site, &caller.tenant, &party, after, limit).await?;
        if past.is_empty() {
            let known = store::party::read(&self.db, Site::PartyRead, &caller.tenant, &party).await?;
            known.ok_or_else(no_such_party)?;
        }
        let answer = PastAnswer {
            past: past.into_iter().map(|past| party_view::parts(past.d)).collect(),
            next: next.map(|sk| page::token(&sk)),
        };
        Response::json(200, &answer)
    }
}

/// The sort key after which the page begins; it must be one of this listing.
pub(crate) fn after(request: &Request, prefix: &str) -> Result<Option<String>, Problem> {
    let Some(token) = request.query.get("next") else {
        return Ok(None);
    };
    let key = page::sort_key("next", page::position("next", token)?)?;
    if key.starts_with(prefix) {
        Ok(Some(key))
    } else {
        Err(page::foreign("next"))
    }
}

fn view(change: Record<Change>) -> ChangeView {
    let (client, subject) = match change.by {
        Some(by) => (Some(by.client.to_string()), Some(by.subject.to_string())),
        None => (None, None),
    };
    ChangeView {
        version: change.d.version,
        at: change.updated_at,
        client,
        subject,
        kind: change.d.kind,
        fields: change.d.fields,
    }
}
