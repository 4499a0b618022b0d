//! Adjustments are shown and listed.

use domain::id::LookupKey;
use http_edge::api::adjustments::AdjustmentPage;
use http_edge::{Code, Problem, Request, Response, Scope, page};
use store::adjustment::{self, Status};

use crate::App;
use crate::view::{answer, view};

impl App {
    /// `GET /v1/points/corrections/{id}`.
    pub(crate) async fn show(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsRead)?;
        let id: LookupKey = request.path("id")?;
        answer(200, &id, &self.known(caller, &id).await?.d)
    }

    /// `GET /v1/points/corrections`.
    pub(crate) async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsRead)?;
        let limit = request.limit()?;
        let status = status(&request.required_query::<String>("status")?)?;
        let next = request.query.get("next");
        let after: Option<String> = next.map(|token| page::position("next", token)).transpose()?;
        let after = after.map(|key| page::sort_key("next", key)).transpose()?;
        let (found, next) = adjustment::list(&self.db, &caller.tenant, status, after, limit).await?;
        let mut items = Vec::with_capacity(found.len());
        for record in found {
            let Some((_, id)) = adjustment::parse_partition(&record.pk) else {
                return Err(Problem::new(Code::Internal, "an item of the list has a foreign key"));
            };
            items.push(view(&id, &record.d));
        }
        let page = AdjustmentPage {
            items,
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &page)
    }
}

fn status(text: &str) -> Result<Status, Problem> {
    let all = [Status::AwaitingApproval, Status::Posted, Status::Rejected];
    all.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
        Problem::new(
            Code::MalformedParameter,
            "status: must be awaiting_approval, posted or rejected",
        )
    })
}
