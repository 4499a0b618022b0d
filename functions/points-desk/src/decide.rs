//! A second person approves or rejects.

use chrono::{DateTime, Utc};
use domain::adjustment::Adjustment;
use domain::id::LookupKey;
use http_edge::api::adjustments::RejectionRequest;
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use store::account::Committed;
use store::{Record, Site, adjustment};

use crate::book::Due;
use crate::view::{answer, replayed};
use crate::{App, ROUNDS_MAX, contended, fields, pause};

impl App {
    /// `POST /v1/points/corrections/{id}/approve`.
    pub(crate) async fn approve(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsApprove)?;
        let id: LookupKey = request.path("id")?;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let known = self.known(caller, &id).await?;
            if !known.d.may_be_approved(&caller.subject)? {
                return replayed(200, &id, &known.d);
            }
            caller.person()?;
            match self.post_approved(caller, &id, &known, now).await {
                Ok(Some(posted)) => return answer(200, &id, &posted),
                Ok(None) => {}
                // What refuses it may be what the same approval has done meanwhile.
                Err(problem) => {
                    let known = self.known(caller, &id).await?;
                    if known.d.may_be_approved(&caller.subject)? {
                        return Err(problem);
                    }
                    return replayed(200, &id, &known.d);
                }
            }
        }
        Err(contended())
    }

    /// `None` when another writer came first.
    async fn post_approved(
        &self,
        caller: &Caller,
        id: &LookupKey,
        known: &Record<Adjustment>,
        now: DateTime<Utc>,
    ) -> Result<Option<Adjustment>, Problem> {
        let tenant = &caller.tenant;
        let programme = self.programme(tenant, &known.d.programme).await?;
        let due = Due {
            tenant,
            id,
            adjustment: &known.d,
            programme: &programme,
            now,
        };
        let bookings = self.book(due).await?;
        let entries: Vec<_> = bookings.iter().map(|booking| &booking.entry).collect();
        let posted = known.d.posted(Some(caller.subject.clone()), &entries, now);
        let (change, made) = ((Some(known), &posted), caller.made(now));
        let done = adjustment::post(&self.db, tenant, id, change, &bookings, &made).await?;
        Ok((done == Committed::Done).then_some(posted))
    }

    /// `POST /v1/points/corrections/{id}/reject`.
    pub(crate) async fn reject(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsApprove)?;
        let id: LookupKey = request.path("id")?;
        let body: RejectionRequest = request.json()?;
        let mut found = Findings::default();
        fields::reason(&body.reason, &mut found);
        found.none()?;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let known = self.known(caller, &id).await?;
            let Some(rejected) = known.d.rejected(&caller.subject, body.reason.clone(), now)? else {
                return replayed(200, &id, &known.d);
            };
            let (tenant, made) = (&caller.tenant, caller.made(now));
            if adjustment::keep(&self.db, tenant, &id, Some(&known), &rejected, &made).await? {
                return answer(200, &id, &rejected);
            }
        }
        Err(contended())
    }

    /// The adjustment of the path.
    pub(crate) async fn known(&self, caller: &Caller, id: &LookupKey) -> Result<Record<Adjustment>, Problem> {
        let found = adjustment::read(&self.db, Site::AdjustRead, &caller.tenant, id).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no correction or transfer with this id"))
    }
}
