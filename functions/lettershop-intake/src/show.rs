//! What became of the files in the inbox.

use chrono::{DateTime, Utc};
use http_edge::api::lettershop::{InboxFileState, InboxFileView, InboxLine, InboxPage};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use store::lettershop::inbox::{self, Received};
use store::{Record, Site};

use crate::App;

/// Files of a page.
const PAGE: i32 = 50;

impl App {
    /// `GET /v1/lettershop/inbox`.
    pub(crate) async fn list_inbox(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let after = request
            .query::<String>("next")?
            .map(|token| page::position("next", &token).and_then(|key| page::sort_key("next", key)))
            .transpose()?;
        let (found, next) = inbox::page(&self.db, Site::ShopInbox, &caller.tenant, after, PAGE).await?;
        let answer = InboxPage {
            items: found.iter().map(|file| of(file, false)).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &answer)
    }

    /// `GET /v1/lettershop/inbox/{file_id}`.
    pub(crate) async fn show_file(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let name: String = request.path("file_id")?;
        let found = inbox::named(&self.db, Site::ShopInbox, &caller.tenant, &name).await?;
        let found = found.ok_or_else(|| Problem::new(Code::NotFound, "there is no file with this id"))?;
        Response::json(200, &of(&found, true))
    }
}

fn of(file: &Record<Received>, lines: bool) -> InboxFileView {
    view(inbox::name_of(file), file.created_at, &file.d, lines)
}

/// A file as callers see it; with its lines, or without.
pub(crate) fn view(name: &str, put_at: DateTime<Utc>, file: &Received, lines: bool) -> InboxFileView {
    let told = u64::try_from(file.lines.len()).unwrap_or(u64::MAX);
    let line = |line: &inbox::Line| InboxLine {
        line: line.line,
        what: line.what.clone(),
        why: line.code.clone(),
    };
    InboxFileView {
        file_id: name.to_owned(),
        file: file.file.clone(),
        state: match (file.done_at, &file.refused) {
            (None, _) => InboxFileState::Working,
            (Some(_), None) => InboxFileState::Done,
            (Some(_), Some(_)) => InboxFileState::Refused,
        },
        rows: u64::try_from(file.rows).unwrap_or(u64::MAX),
        position: u64::try_from(file.position).unwrap_or(u64::MAX),
        outcomes: file.outcomes.clone(),
        lines: lines.then(|| file.lines.iter().map(line).collect()),
        not_taken: told.saturating_add(file.more_lines),
        refused: file.refused.clone(),
        put_at,
        done_at: file.done_at,
    }
}
