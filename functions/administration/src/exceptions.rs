//! What was accepted but does not add up: listed by the business date of the receipt.

use chrono::NaiveDate;
use http_edge::api::administration::{ExceptionPage, ExceptionView};
use http_edge::{Problem, Request, Response, Scope, page};
use serde::{Deserialize, Serialize};
use store::exception;

use crate::App;
use crate::check::DayRange;

/// Days that one call looks at; most have no case and cost half a read unit each.
const CALL_DAYS: usize = 31;

/// Where a listing goes on: a day, and the case of it to go on after.
#[derive(Serialize, Deserialize)]
struct Position {
    day: NaiveDate,
    after: Option<String>,
}

impl App {
    pub(crate) async fn list_exceptions(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::OperationsRead)?;
        let limit = request.limit()?;
        let mut range = DayRange::of(request)?;
        let mut after = None;
        if let Some(token) = request.query::<String>("next")? {
            let position: Position = page::position("next", &token)?;
            range = range.since(position.day)?;
            after = position.after.map(|key| page::sort_key("next", key)).transpose()?;
        }
        let mut items = Vec::new();
        let mut left = limit;
        let mut next = None;
        for (index, day) in range.days().enumerate() {
            if index >= CALL_DAYS || left == 0 {
                next = Some(Position { day, after: None });
                break;
            }
            let (cases, more) = exception::of_day(&self.db, &caller.tenant, day, after.take(), left).await?;
            left = left
                .saturating_sub(i32::try_from(cases.len()).unwrap_or(i32::MAX))
                .max(0);
            let seen = cases.into_iter().map(|record| record.d);
            items.extend(seen.filter(|case| caller.at(&case.receipt.store).is_ok()).map(view));
            if more.is_some() {
                next = Some(Position { day, after: more });
                break;
            }
        }
        let answer = ExceptionPage {
            items,
            next: next.map(|position| page::token(&position)),
        };
        Response::json(200, &answer)
    }
}

fn view(case: exception::Exception) -> ExceptionView {
    ExceptionView {
        kind: case.kind,
        receipt: case.receipt.to_string(),
        seen_at: case.seen_at,
    }
}
