//! An allowance is given and signed, and read again from its token.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use domain::id::{LocationId, ProgrammeId, Tenant};
use domain::location::LocationKind;
use domain::money::{Currency, Money};
use domain::offline::{Allowance, Window};
use http_edge::api::offline::{AllowanceAnswer, AllowanceRequest};
use http_edge::findings::Findings;
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use serde::{Deserialize, Serialize};
use store::{Record, Site, offline};

use crate::App;

/// Whom a token is for.
const AUDIENCE: &str = "offline-till";

/// What a token says, as claims of a JWT. The middleware reads what it may take; of ours it names the allowance and proves the
/// window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    aud: String,
    /// The allowance's name.
    sub: String,
    /// First second of the window.
    nbf: i64,
    /// First second after it.
    exp: i64,
    tenant: Tenant,
    /// Location id.
    pub(crate) store: LocationId,
    programme: ProgrammeId,
    /// Business day of the allowance.
    day: NaiveDate,
    currency: Currency,
    limit_minor: i64,
    voucher_limit_minor: i64,
}

impl Claims {
    fn of(tenant: &Tenant, allowance: &Allowance, window: Window) -> Self {
        Self {
            aud: AUDIENCE.to_owned(),
            sub: allowance.id(),
            nbf: window.from.timestamp(),
            exp: window.until.timestamp(),
            tenant: tenant.clone(),
            store: allowance.location.clone(),
            programme: allowance.programme.clone(),
            day: allowance.day,
            currency: allowance.currency,
            limit_minor: allowance.rule.limit_minor,
            voucher_limit_minor: allowance.rule.voucher_limit_minor,
        }
    }

    fn window(&self) -> Option<Window> {
        Some(Window {
            from: DateTime::from_timestamp(self.nbf, 0)?,
            until: DateTime::from_timestamp(self.exp, 0)?,
        })
    }
}

impl App {
    /// Gives a location its allowance of the day. Asked again, it is the same one, with a window that begins now.
    pub(crate) async fn give(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::VouchersRedeem)?;
        let body: AllowanceRequest = request.json()?;
        let store: LocationId = Findings::only("/store", &body.store)?;
        caller.at(&store)?;
        let wanted = self.wanted(caller, &store, now).await?;
        let (tenant, day) = (&caller.tenant, wanted.day);
        let stands = offline::allowance(&self.db, Site::OfflineAllowance, tenant, &store, day).await?;
        let allowance = match stands {
            Some(stands) => stands.d,
            None => offline::open(&self.db, tenant, wanted, caller.made(now)).await?.d,
        };
        let window = allowance.window(now.trunc_subsecs(0));
        let claims = serde_json::to_vec(&Claims::of(tenant, &allowance, window));
        let claims = claims.map_err(|_| Problem::new(Code::Internal, "the allowance cannot be written"))?;
        let money = |minor| Money::new(minor, allowance.currency);
        let answer = AllowanceAnswer {
            allowance_id: allowance.id(),
            store: store.to_string(),
            valid_from: window.from,
            valid_until: window.until,
            limit: money(allowance.rule.limit_minor),
            voucher_limit: money(allowance.rule.voucher_limit_minor),
            used: money(allowance.used_minor),
            allowance: self.signer.signed(&claims),
        };
        Response::json(200, &answer)
    }

    /// The allowance of today as the settings in force make it.
    async fn wanted(&self, caller: &Caller, store: &LocationId, now: DateTime<Utc>) -> Result<Allowance, Problem> {
        let (db, tenant) = (&self.db, &caller.tenant);
        let location = self.locations.get(db, Site::OfflineLocation, tenant, store).await?;
        let location = location.ok_or_else(|| {
            let detail = "store: there is no such location; add it first or correct the id";
            Problem::new(Code::LocationUnknown, detail)
        })?;
        let id = &location.programme;
        let programme = self.programmes.current(db, Site::OfflineProgramme, tenant, id).await?;
        let programme = programme
            .ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "the programme of the location is not stored"))?;
        let allowance = Allowance::new(store.clone(), &programme, now);
        let allowance = allowance
            .filter(|_| location.kind == LocationKind::Branch)
            .ok_or_else(|| {
                let detail = "the programme of the location allows no offline redemption, or the location is no branch";
                Problem::new(Code::OfflineNotAllowed, detail)
            })?;
        if !location.sells_on(allowance.day) {
            let detail = "store: the location was closed before this business day";
            return Err(Problem::new(Code::LocationClosed, detail));
        }
        Ok(allowance)
    }

    /// The allowance and the window that a token proves, for a caller who speaks for its location.
    pub(crate) async fn proven(&self, caller: &Caller, token: &str) -> Result<(Record<Allowance>, Window), Problem> {
        let claims = self.signer.verified(token);
        let claims: Option<Claims> = claims.and_then(|content| serde_json::from_slice(&content).ok());
        let claims = claims.filter(|claims| claims.tenant == caller.tenant && claims.aud == AUDIENCE);
        let claims = claims.ok_or_else(foreign)?;
        caller.at(&claims.store)?;
        let window = claims.window().ok_or_else(foreign)?;
        let (tenant, site) = (&caller.tenant, Site::OfflineAllowance);
        let stands = offline::allowance(&self.db, site, tenant, &claims.store, claims.day).await?;
        Ok((stands.ok_or_else(foreign)?, window))
    }
}

fn foreign() -> Problem {
    let detail = "allowance: it carries no signature of ours, or says something else than what was signed";
    Problem::new(Code::AllowanceNotGenuine, detail)
}
