//! An erasure is asked for, approved by a second person, taken back, shown.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use http_edge::api::privacy::{ErasurePage, ErasureRequest};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope, page};
use store::erasure::{self, Decision, Erasure, Found, List, Reason, State};
use store::{Record, Site, StoreError};

use crate::App;
use crate::view::{answer, view};

/// Rounds against others who change the same request or party.
const ROUNDS_MAX: u32 = 20;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
    }
}

impl App {
    /// `POST /v1/parties/{party_id}/erasure`.
    pub(crate) async fn ask(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PrivacyWrite)?;
        let party: PartyId = request.path("party_id")?;
        let body: ErasureRequest = request.json()?;
        let reason = reason(&body)?;
        let tenant = &caller.tenant;
        self.party(tenant, &party).await?;
        self.insist_on_other(tenant, &party).await?;
        let found = self.found(tenant, &party).await?;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let before = erasure::read(&self.db, Site::PrivacyRead, tenant, &party).await?;
            if let Some(before) = &before
                && let Some(answer) = asked_before(before, caller, reason)?
            {
                return Ok(answer);
            }
            let wanted = asked(caller, (&party, reason), &found, before.as_ref(), now);
            let change = (before.as_ref(), &wanted);
            if erasure::keep(&self.db, Site::PrivacyDecide, tenant, change, &caller.made(now)).await? {
                return answer(201, &wanted, false);
            }
            // Either somebody was quicker, or the party is not there any more.
            self.party(tenant, &party).await?;
        }
        Err(contended())
    }

    /// The own company and its branches stay: roles and locations lead to them.
    async fn insist_on_other(&self, tenant: &Tenant, id: &PartyId) -> Result<(), Problem> {
        let locations = store::location::list(&self.db, Site::PrivacyRead, tenant).await?;
        let is_branch = locations
            .iter()
            .any(|location| party::own::branch_id(tenant, &location.d.id) == *id);
        if is_branch || party::own::company_id(tenant) == *id {
            return Err(Problem::new(
                Code::OwnPartyStays,
                "this is the party of the own company or of a location",
            ));
        }
        Ok(())
    }

    /// The request of a path.
    async fn request(&self, tenant: &Tenant, party: &PartyId) -> Result<Record<Erasure>, Problem> {
        let found = erasure::read(&self.db, Site::PrivacyRead, tenant, party).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "nobody has asked for the erasure of such a party"))
    }

    /// `GET /v1/parties/{party_id}/erasure`.
    pub(crate) async fn show(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PrivacyRead)?;
        let party: PartyId = request.path("party_id")?;
        answer(200, &self.request(&caller.tenant, &party).await?.d, false)
    }

    /// `POST /v1/parties/{party_id}/erasure/approval`.
    pub(crate) async fn approve(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PrivacyApprove)?;
        let party: PartyId = request.path("party_id")?;
        let tenant = &caller.tenant;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let before = self.request(tenant, &party).await?;
            match &before.d.state {
                State::Requested => {}
                State::Approved { approval, .. } | State::Erased { approval, .. } if approval.by == caller.subject => {
                    return answer(200, &before.d, true);
                }
                State::Approved { .. } | State::Erased { .. } => {
                    return Err(Problem::new(Code::ErasureState, "somebody else has approved it"));
                }
                State::Withdrawn(_) => {
                    return Err(Problem::new(Code::ErasureState, "it was taken back: ask for it again"));
                }
            }
            let person = caller.person()?;
            if *person == before.d.author {
                return Err(Problem::new(
                    Code::ApprovalByAuthor,
                    "who asked for it cannot approve it: somebody else must",
                ));
            }
            let profile = match store::party::read(&self.db, Site::PrivacyRead, tenant, &party).await {
                // Approved since the request was read, perhaps by this very call.
                Err(StoreError::Erased(_)) => continue,
                found => found?.ok_or_else(|| Problem::new(Code::NotFound, "there is no party with this id"))?,
            };
            let approval = Decision {
                by: person.clone(),
                at: now,
            };
            let (site, made) = (Site::PrivacyDecide, caller.made(now));
            if let Some(approved) =
                erasure::approve(&self.db, site, tenant, (&before, &profile), approval, &made).await?
            {
                return answer(202, &approved, false);
            }
        }
        Err(contended())
    }

    /// `POST /v1/parties/{party_id}/erasure/withdrawal`.
    pub(crate) async fn withdraw(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PrivacyWrite)?;
        let party: PartyId = request.path("party_id")?;
        let tenant = &caller.tenant;
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            let before = self.request(tenant, &party).await?;
            match &before.d.state {
                State::Requested => {}
                State::Withdrawn(_) => return answer(200, &before.d, true),
                State::Approved { .. } | State::Erased { .. } => {
                    return Err(Problem::new(
                        Code::ErasureState,
                        "it was approved and cannot be taken back",
                    ));
                }
            }
            let decision = Decision {
                by: caller.subject.clone(),
                at: now,
            };
            let after = before.d.moved(State::Withdrawn(decision));
            let change = (Some(&before), &after);
            if erasure::keep(&self.db, Site::PrivacyDecide, tenant, change, &caller.made(now)).await? {
                return answer(200, &after, false);
            }
        }
        Err(contended())
    }

    /// `GET /v1/erasures`.
    pub(crate) async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PrivacyRead)?;
        let list = match request.query.get("status").map(String::as_str) {
            None | Some("requested") => List::Requested,
            Some("approved") => List::Approved,
            Some(_) => {
                return Err(Problem::new(
                    Code::MalformedParameter,
                    "status: must be requested or approved",
                ));
            }
        };
        let next = request.query.get("next");
        let after: Option<String> = next.map(|token| page::position("next", token)).transpose()?;
        let after = after.map(|key| page::sort_key("next", key)).transpose()?;
        let limit = request.limit()?;
        let read = erasure::list(&self.db, Site::PrivacyList, &caller.tenant, list, after, limit);
        let (found, next) = read.await?;
        let page = ErasurePage {
            items: found.iter().map(|record| view(&record.d)).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &page)
    }
}

fn reason(body: &ErasureRequest) -> Result<Reason, Problem> {
    let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == body.reason);
    reason.ok_or_else(|| {
        let mut found = Findings::default();
        let detail = "a reason is one of on_request, no_longer_needed, unlawful";
        found.add("/reason", "malformed", detail);
        found.problem()
    })
}

/// The answer to a call about a request that stands; `None` when it can be asked for (again).
fn asked_before(before: &Record<Erasure>, caller: &Caller, reason: Reason) -> Result<Option<Response>, Problem> {
    let is_same = before.d.author == caller.subject && before.d.client == caller.client && before.d.reason == reason;
    match &before.d.state {
        State::Requested if is_same => answer(200, &before.d, true).map(Some),
        State::Requested => Err(Problem::new(
            Code::ErasureState,
            "somebody has asked for it, or for another reason: approve it, or take it back first",
        )),
        State::Withdrawn(_) => Ok(None),
        State::Approved { .. } | State::Erased { .. } => Err(Problem::new(Code::PartyErased, "the party was erased")),
    }
}

fn asked(
    caller: &Caller,
    (party, reason): (&PartyId, Reason),
    found: &Found,
    before: Option<&Record<Erasure>>,
    now: DateTime<Utc>,
) -> Erasure {
    Erasure {
        version: before.map_or(1, |before| before.d.version.saturating_add(1)),
        party: party.clone(),
        reason,
        author: caller.subject.clone(),
        client: caller.client.clone(),
        asked_at: now,
        found: found.clone(),
        state: State::Requested,
    }
}

fn contended() -> Problem {
    Problem::new(
        Code::Unavailable,
        "others kept changing the party while the call was at work: repeat the same call",
    )
}
