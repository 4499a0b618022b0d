//! Letters are printed again: spoiled ones, by their ids (X5).

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::calendar;
use domain::code;
use domain::id::{LookupKey, RunName};
use domain::secret::Secret;
use domain::text;
use http_edge::api::lettershop::{ReprintGap, ReprintRequest, ReprintState, ReprintView};
use http_edge::lettershop::agreed;
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use lettershop::piece::PieceId;
use messages::LettershopMessage;
use serde_json::json;
use store::lettershop::reprint::{self, Reprint};
use store::run::{PrintFile, Run, RunId};
use store::{Record, Site, returned_mail as mail};

use crate::App;
use crate::printer::{LINK_LASTS, file};

/// Most letters of a reprint: beyond that the file of the run is still there.
const PIECES_MAX: usize = 2_000;
/// How long the bucket keeps a file.
const FILES_STAND: TimeDelta = TimeDelta::days(42);
/// Longest reason, in characters.
const REASON_MAX: usize = 200;

impl App {
    /// `POST /v1/runs/{run_id}/reprints`.
    pub(crate) async fn ask_for_reprint(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let body: ReprintRequest = request.json()?;
        let run: RunName = request.path("run_id")?;
        let run = self.run(&caller.tenant, &run).await?;
        file(&run)?;
        let pieces = self.pieces(caller, &run, &body).await?;
        let today = calendar::business_day(now, run.d.zone);
        let (id, name) = (id(caller, &run), name(&pieces, today));
        let reprint = Reprint {
            version: 1,
            pieces,
            reason: Secret::new(body.reason),
            settings: json!(agreed(&self.db, Site::ShopKnown, &caller.tenant).await?.settings),
            gaps: Vec::new(),
            done_at: None,
            file: None,
        };
        let asked = reprint::ask(&self.db, Site::ShopReprint, (&id, &name), reprint, &caller.made(now)).await?;
        if asked.d.done_at.is_none() {
            let message = LettershopMessage::Reprint {
                tenant: id.tenant.clone(),
                run: id.run.clone(),
                revision: id.revision,
                reprint: name.clone(),
            };
            let queue = &self.place.files_queue_url;
            let sent = self.sender.send(Site::ShopSendFile, queue, &[message]).await;
            sent.map_err(|error| {
                tracing::warn!(%error, "the work on a reprint was not sent");
                Problem::new(
                    Code::Unavailable,
                    "the reprint is not under way yet: repeat the same call",
                )
            })?;
        }
        self.answer_reprint(202, &name, &asked, now).await
    }

    /// `GET /v1/runs/{run_id}/reprints/{reprint_id}`.
    pub(crate) async fn show_reprint(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let run: RunName = request.path("run_id")?;
        let name: LookupKey = request.path("reprint_id")?;
        let run = self.run(&caller.tenant, &run).await?;
        let found = reprint::read(&self.db, Site::ShopReprint, &id(caller, &run), &name).await?;
        let found = found.ok_or_else(|| Problem::new(Code::NotFound, "the run has no reprint with this id"))?;
        self.answer_reprint(200, &name, &found, now).await
    }

    async fn answer_reprint(
        &self,
        status: u16,
        name: &LookupKey,
        reprint: &Record<Reprint>,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let (bucket, stored) = (&self.place.bucket, &reprint.d);
        let fetchable = |file: &&PrintFile| now.signed_duration_since(file.at) < FILES_STAND;
        let links = match stored.file.as_ref().filter(fetchable) {
            None => None,
            Some(file) => Some((
                self.objects.link(bucket, &file.key, LINK_LASTS).await?,
                self.objects.link(bucket, &file.manifest_key, LINK_LASTS).await?,
            )),
        };
        let gap = |gap: &reprint::Gap| ReprintGap {
            piece: gap.piece.clone(),
            why: gap.why.clone(),
        };
        let expires_at = links.as_ref().and_then(|_| now.checked_add_signed(LINK_LASTS));
        let (letters_url, manifest_url) = links.unzip();
        let answer = ReprintView {
            reprint_id: name.to_string(),
            state: match stored.done_at {
                None => ReprintState::Writing,
                Some(_) => ReprintState::Written,
            },
            pieces: u64::try_from(stored.pieces.len()).unwrap_or(u64::MAX),
            gaps: stored.gaps.iter().map(gap).collect(),
            letters_url,
            manifest_url,
            expires_at,
            manifest: stored.file.as_ref().map(|file| file.manifest.clone()),
            asked_at: reprint.created_at,
        };
        Response::json(status, &answer)
    }

    /// The letters of a body, in order, or everything that is wrong with it.
    async fn pieces(&self, caller: &Caller, run: &Record<Run>, body: &ReprintRequest) -> Result<Vec<String>, Problem> {
        let mut found = Findings::default();
        if !text::is_line(&body.reason, REASON_MAX) {
            found.add("/reason", "out_of_range", "must have 1 to 200 printable characters");
        }
        if !(1..=PIECES_MAX).contains(&body.pieces.len()) {
            found.add(
                "/pieces",
                "out_of_range",
                "must be 1 to 2000 letters: beyond that, take the file of the run",
            );
            return Err(found.problem());
        }
        let mut pieces = BTreeSet::new();
        for (index, piece) in body.pieces.iter().enumerate() {
            let at = format!("/pieces/{index}");
            let read: Option<PieceId> = found.field(&at, piece);
            if read.is_some_and(|piece| !pieces.insert(piece.to_string())) {
                found.add(at, "not_unique", "the letter is there twice");
            }
        }
        found.none()?;
        let all: Vec<String> = pieces.into_iter().collect();
        let known = mail::letters(&self.db, Site::ShopLetters, &caller.tenant, &all).await?;
        let mut found = Findings::default();
        for (index, piece) in body.pieces.iter().enumerate() {
            let canonical = piece
                .parse::<PieceId>()
                .map(|piece| piece.to_string())
                .unwrap_or_default();
            let letter = known.get(&canonical).map(|letter| &letter.d);
            if letter.is_none_or(|letter| letter.run != run.d.run || letter.revision != run.d.revision) {
                found.add(format!("/pieces/{index}"), "unknown", "is no letter of this run");
            }
        }
        found.none()?;
        Ok(all)
    }
}

fn id(caller: &Caller, run: &Record<Run>) -> RunId {
    RunId {
        tenant: caller.tenant.clone(),
        run: run.d.run.clone(),
        revision: run.d.revision,
    }
}

/// The name of the reprint of these letters on a day: asked for on another one, it is decided anew which may still be sent.
fn name(pieces: &[String], day: NaiveDate) -> LookupKey {
    let text = format!("{day} {}", pieces.join(" "));
    code::lookup_key(b"reprint", "reprint/1", text.as_bytes())
}
