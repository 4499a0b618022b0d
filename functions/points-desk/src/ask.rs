//! A correction or transfer is posted, or kept for a second person.

use chrono::{DateTime, Utc};
use domain::adjustment::{Adjustment, Kind, State};
use domain::id::{LookupKey, PartyId};
use domain::programme::Programme;
use http_edge::api::adjustments::{CorrectionRequest, TransferRequest};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use store::account::Committed;
use store::{Site, adjustment};

use crate::book::Due;
use crate::fields::{self, Common};
use crate::view::{answer, replayed};
use crate::{App, ROUNDS_MAX, contended, pause};

impl App {
    /// `POST /v1/parties/{party_id}/points/corrections`.
    pub(crate) async fn correct(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsAdjust)?;
        let party: PartyId = request.path("party_id")?;
        let body: CorrectionRequest = request.json()?;
        let mut found = Findings::default();
        fields::corrected(body.points, &mut found);
        let common = Common {
            programme: &body.programme,
            reason: &body.reason,
            client_token: &body.client_token,
        };
        let what = (party, Some(Kind::Correction), body.points);
        let (id, asked) = self.asked(caller, &common, what, found, now)?;
        self.ask(caller, &id, &asked, now).await
    }

    /// `POST /v1/parties/{party_id}/points/transfers`.
    pub(crate) async fn transfer(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsAdjust)?;
        let party: PartyId = request.path("party_id")?;
        let body: TransferRequest = request.json()?;
        let mut found = Findings::default();
        fields::transferred(body.points, &mut found);
        let to = fields::receiver(&body.to, &party, &mut found);
        let common = Common {
            programme: &body.programme,
            reason: &body.reason,
            client_token: &body.client_token,
        };
        let what = (party, to.map(|to| Kind::Transfer { to }), body.points);
        let (id, asked) = self.asked(caller, &common, what, found, now)?;
        self.ask(caller, &id, &asked, now).await
    }

    async fn ask(
        &self,
        caller: &Caller,
        id: &LookupKey,
        asked: &Adjustment,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        if let Some(answer) = self.asked_before(caller, id, asked).await? {
            return Ok(answer);
        }
        let programme = self.programme(&caller.tenant, &asked.programme).await?;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            // A lost round may have been won by an earlier try of this very call.
            if round > 0
                && let Some(answer) = self.asked_before(caller, id, asked).await?
            {
                return Ok(answer);
            }
            let asked_now = self.ask_once(caller, id, asked, &programme, now).await;
            if let Some(answer) = self.settled(caller, id, asked, asked_now).await? {
                return Ok(answer);
            }
        }
        Err(contended())
    }

    /// `None` when another writer came first.
    async fn ask_once(
        &self,
        caller: &Caller,
        id: &LookupKey,
        asked: &Adjustment,
        programme: &Programme,
        now: DateTime<Utc>,
    ) -> Result<Option<Response>, Problem> {
        let (tenant, made) = (&caller.tenant, caller.made(now));
        let due = Due {
            tenant,
            id,
            adjustment: asked,
            programme,
            now,
        };
        let bookings = self.book(due).await?;
        if asked.needs_approval(&programme.adjustments) {
            let kept = adjustment::keep(&self.db, tenant, id, None, asked, &made).await?;
            return kept.then(|| answer(202, id, asked)).transpose();
        }
        let entries: Vec<_> = bookings.iter().map(|booking| &booking.entry).collect();
        let posted = asked.posted(None, &entries, now);
        let done = adjustment::post(&self.db, tenant, id, (None, &posted), &bookings, &made).await?;
        (done == Committed::Done).then(|| answer(201, id, &posted)).transpose()
    }

    /// What a try came to. What refuses it may be what another try of the very same call has done meanwhile: then that is the answer.
    pub(crate) async fn settled(
        &self,
        caller: &Caller,
        id: &LookupKey,
        asked: &Adjustment,
        tried: Result<Option<Response>, Problem>,
    ) -> Result<Option<Response>, Problem> {
        match tried {
            Err(problem) => self.asked_before(caller, id, asked).await?.ok_or(problem).map(Some),
            done => done,
        }
    }

    /// The answer to a call that was made before, or the problem of another one under its token; `None` for a new one.
    pub(crate) async fn asked_before(
        &self,
        caller: &Caller,
        id: &LookupKey,
        asked: &Adjustment,
    ) -> Result<Option<Response>, Problem> {
        let known = adjustment::read(&self.db, Site::AdjustRead, &caller.tenant, id).await?;
        let Some(known) = known.map(|record| record.d) else {
            return Ok(None);
        };
        if !known.is_same_request(asked) {
            return Err(Problem::new(
                Code::AdjustmentContradiction,
                "client_token: it was used before with other content",
            ));
        }
        let status = if known.state == State::AwaitingApproval {
            202
        } else {
            200
        };
        replayed(status, id, &known).map(Some)
    }
}
