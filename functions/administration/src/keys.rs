//! Keys of clients: shown once, two at most, so that a client changes over without a gap.
//!
//! When the answer to a new key is lost, nobody has seen the key: the list of clients names it by its time, and it is
//! withdrawn like any other.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::ClientId;
use domain::violation::Violation;
use http_edge::api::administration::{KeyAnswer, KeyRequest};
use http_edge::{Code, Problem, Request, Response, Scope};
use store::Site;
use store::client::{self, ACTIVE_KEYS_MAX, ActiveKey, ApiKey, KEY_BYTES, Saved};

use crate::clients::{may_grant, view};
use crate::{App, CHANGE_ROUNDS, contended};

/// Longest life that can be asked for: ten years.
const LIFE_MAX: TimeDelta = TimeDelta::days(3_660);

impl App {
    pub(crate) async fn make_key(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ClientsAdmin)?;
        let id: ClientId = request.path("client_id")?;
        let expires_at = expiry(request, now)?;
        let key = new_key()?;
        let active = ActiveKey {
            hash: key.hash(),
            created_at: now,
            created_by: caller.subject.clone(),
            expires_at,
        };
        for _ in 0..CHANGE_ROUNDS {
            let before = client::read(&self.db, Site::ClientsRead, &caller.tenant, &id)
                .await?
                .ok_or_else(no_client)?;
            may_grant(caller, &before.d.rights)?;
            // The last round was stored and its answer lost.
            if before.d.holds(&active.hash) {
                return answer(&key, &active);
            }
            let mut after = before.d.clone();
            after.drop_expired_keys(now);
            if after.keys.len() >= ACTIVE_KEYS_MAX {
                return Err(Problem::new(
                    Code::ClientKeysFull,
                    format!("the client has {ACTIVE_KEYS_MAX} active keys"),
                ));
            }
            after.keys.push(active.clone());
            after.author = caller.subject.clone();
            if client::save(&self.db, Site::ClientWrite, &caller.tenant, Some(&before), after, now).await? == Saved::Now
            {
                tracing::info!(client = %id, key.id = active.hash.key_id(), "a key was made");
                return answer(&key, &active);
            }
        }
        Err(contended())
    }

    pub(crate) async fn withdraw_key(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ClientsAdmin)?;
        let id: ClientId = request.path("client_id")?;
        let key_id: String = request.path("key_id")?;
        for round in 0..CHANGE_ROUNDS {
            let before = client::read(&self.db, Site::ClientsRead, &caller.tenant, &id)
                .await?
                .ok_or_else(no_client)?;
            let mut after = before.d.clone();
            after.keys.retain(|key| key.hash.key_id() != key_id);
            if after.keys.len() == before.d.keys.len() {
                // After a round of our own, or of somebody else's, the wish is fulfilled.
                if round > 0 {
                    return Response::json(200, &view(&before.d, before.updated_at));
                }
                return Err(Problem::new(
                    Code::NotFound,
                    "the client has no active key of this name",
                ));
            }
            after.author = caller.subject.clone();
            let shown = view(&after, now);
            if client::save(&self.db, Site::ClientWrite, &caller.tenant, Some(&before), after, now).await? == Saved::Now
            {
                tracing::info!(client = %id, key.id = %key_id, "a key was withdrawn");
                return Response::json(200, &shown);
            }
        }
        Err(contended())
    }
}

fn no_client() -> Problem {
    Problem::new(Code::NotFound, "there is no such client")
}

fn answer(key: &ApiKey, active: &ActiveKey) -> Result<Response, Problem> {
    let shown = KeyAnswer {
        key_id: active.hash.key_id().to_owned(),
        key: key.reveal().to_owned(),
        created_at: active.created_at,
        expires_at: active.expires_at,
    };
    Response::json(201, &shown)
}

fn expiry(request: &Request, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Problem> {
    let KeyRequest { expires_at } = if request.body.is_empty() {
        KeyRequest::default()
    } else {
        request.json()?
    };
    match expires_at {
        Some(end) if end <= now || end > now + LIFE_MAX => Err(Problem::invalid(vec![Violation::new(
            "/expires_at",
            "out_of_range",
            "must lie in the next ten years",
        )])),
        _ => Ok(expires_at),
    }
}

/// A key from the operating system's random source.
fn new_key() -> Result<ApiKey, Problem> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gave no random bytes");
        Problem::new(Code::Internal, "no key could be made")
    })?;
    Ok(ApiKey::from_random(&bytes))
}
