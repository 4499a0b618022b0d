//! Keys of clients: shown once, two at most, so that a client changes over without a gap.
//!
//! When the answer to a new key is lost, nobody has seen the key and nobody can show it again. The same call again, told by
//! its token, therefore withdraws it and makes another in its place. A call without a token makes one key more; the list of
//! clients names the lost one by its time, and it is withdrawn like any other.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::ClientId;
use domain::secret::Secret;
use domain::violation::Violation;
use http_edge::api::administration::{KeyAnswer, KeyRequest};
use http_edge::{Code, Problem, Request, Response, Scope, client_token};
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
        let KeyRequest {
            expires_at,
            client_token,
        } = checked(request, now)?;
        let key = new_key()?;
        let active = ActiveKey {
            hash: key.hash(),
            created_at: now,
            created_by: caller.subject.clone(),
            expires_at,
            client_token,
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
            let mut after = before.d.next();
            after.drop_expired_keys(now);
            after.keys.retain(|known| !is_of_the_same_call(known, &active));
            if after.keys.len() >= ACTIVE_KEYS_MAX {
                return Err(Problem::new(
                    Code::ClientKeysFull,
                    format!("the client has {ACTIVE_KEYS_MAX} active keys"),
                ));
            }
            after.keys.push(active.clone());
            after.author = caller.subject.clone();
            if client::save(
                &self.db,
                Site::ClientWrite,
                &caller.tenant,
                Some(&before),
                after,
                caller.made(now),
            )
            .await?
                == Saved::Now
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
        for _ in 0..CHANGE_ROUNDS {
            let before = client::read(&self.db, Site::ClientsRead, &caller.tenant, &id)
                .await?
                .ok_or_else(no_client)?;
            let mut after = before.d.next();
            after.keys.retain(|key| key.hash.key_id() != key_id);
            if after.keys.len() == before.d.keys.len() {
                // Withdrawn before: by this call, whose answer was lost, or by another one.
                if before.d.has_withdrawn(&key_id) {
                    return Response::json(200, &view(&before.d, before.updated_at));
                }
                return Err(Problem::new(Code::NotFound, "the client has no key of this name"));
            }
            after.author = caller.subject.clone();
            let shown = view(&after, now);
            if client::save(
                &self.db,
                Site::ClientWrite,
                &caller.tenant,
                Some(&before),
                after,
                caller.made(now),
            )
            .await?
                == Saved::Now
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
        key: Secret::new(key.reveal().to_owned()),
        created_at: active.created_at,
        expires_at: active.expires_at,
    };
    Response::json(201, &shown)
}

/// Whether the key was made by an earlier sending of the call that makes this one.
fn is_of_the_same_call(known: &ActiveKey, new: &ActiveKey) -> bool {
    new.client_token.is_some() && known.client_token == new.client_token && known.created_by == new.created_by
}

fn checked(request: &Request, now: DateTime<Utc>) -> Result<KeyRequest, Problem> {
    let body = if request.body.is_empty() {
        KeyRequest::default()
    } else {
        request.json()?
    };
    let mut found = Vec::new();
    if body.expires_at.is_some_and(|end| end <= now || end > now + LIFE_MAX) {
        let detail = "must lie in the next ten years";
        found.push(Violation::new("/expires_at", "out_of_range", detail));
    }
    if body
        .client_token
        .as_deref()
        .is_some_and(|token| !client_token::is_valid(token))
    {
        found.push(Violation::new("/client_token", "malformed", client_token::RULE));
    }
    if found.is_empty() {
        Ok(body)
    } else {
        Err(Problem::invalid(found))
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
