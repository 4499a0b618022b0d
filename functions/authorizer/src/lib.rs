//! The authorizer of the HTTP API: who calls, and may they use this route?
//!
//! It answers for every route but the open ones. A credential is an API key of a machine, found by its hash with one read,
//! or a token of the operators' issuer, verified against the issuer's published keys. The gateway remembers an answer for
//! as long as the template says, by credential and route; nothing else of the request may therefore influence it.
//!
//! | module | what |
//! |---|---|
//! | [`event`] | the gateway's question and our answer |
//! | [`token`] | operators' tokens |
//! | [`issuer`] | the keys that the issuer publishes |
//! | [`fetch`] | the HTTPS client |
//!
//! Whatever is wrong with a credential, the answer is a refusal and never an error. An error is answered only when we cannot
//! know: the gateway then says 500 and remembers nothing.

pub mod event;
pub mod fetch;
pub mod issuer;
pub mod token;

use chrono::{DateTime, Utc};
use http_edge::caller::Locations;
use http_edge::{Caller, Scope, routes};
use store::client::{ApiKey, Places, Rights};
use store::{Db, StoreError};

use event::{Answer, Question};
use token::Tokens;

/// Longest credential that is looked at, in characters: API Gateway takes 10,240 bytes of headers.
const CREDENTIAL_MAX: usize = 10_240;

/// Nobody knows whether the caller is allowed: neither yes nor no may be answered, and nothing remembered.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The table did not say.
    #[error(transparent)]
    Table(#[from] StoreError),
    /// The issuer did not say.
    #[error(transparent)]
    Issuer(#[from] issuer::IssuerUnavailable),
}

/// Why a caller is refused. For the log; the gateway says 403 to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The event is not one of the gateway's.
    MalformedEvent,
    /// No credential of the form `Bearer …`.
    NoCredential,
    /// No API key and no token of three parts.
    MalformedCredential,
    /// A well-formed key that does not exist.
    UnknownKey,
    /// A key that was withdrawn.
    RevokedKey,
    /// A key whose time is over.
    ExpiredKey,
    /// Operators' tokens are not set up.
    NoIssuer,
    /// A token that does not hold.
    Token(token::Flaw),
    /// A route that needs no or no known scope.
    UnknownRoute,
    /// The route's scope is missing.
    ScopeMissing,
}

impl Refusal {
    /// A stable word for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedEvent => "malformed_event",
            Self::NoCredential => "no_credential",
            Self::MalformedCredential => "malformed_credential",
            Self::UnknownKey => "unknown_key",
            Self::RevokedKey => "revoked_key",
            Self::ExpiredKey => "expired_key",
            Self::NoIssuer => "no_issuer",
            Self::Token(flaw) => flaw.as_str(),
            Self::UnknownRoute => "unknown_route",
            Self::ScopeMissing => "scope_missing",
        }
    }
}

/// The function.
#[derive(Debug)]
pub struct App {
    /// The table with the API keys.
    pub db: Db,
    /// The operators' issuer; without one only API keys work.
    pub tokens: Option<Tokens>,
}

impl App {
    /// Answers the gateway and writes the one log line. The line names key and client, never the credential or a person.
    ///
    /// # Errors
    /// [`Unknown`], when neither yes nor no can be said.
    pub async fn handle(&self, event: serde_json::Value, now: DateTime<Utc>) -> Result<Answer, Unknown> {
        let question = Question::read(event);
        let route = question.as_ref().map(|q| q.route.clone()).unwrap_or_default();
        let decided = match &question {
            Some(question) => self.decide(question, now).await,
            None => Ok(Err(Refusal::MalformedEvent)),
        };
        let cost = self.db.meter().take();
        let (allowed, reason, client) = match &decided {
            Ok(Ok(caller)) => (true, "", caller.client.as_str()),
            Ok(Err(refusal)) => (false, refusal.as_str(), ""),
            Err(_) => (false, "unknown", ""),
        };
        tracing::info!(
            request.route = %route,
            allowed,
            reason,
            client,
            table.requests = cost.requests,
            table.read_milli_units = cost.read_milli,
            "authorised"
        );
        match decided {
            Ok(Ok(caller)) => Ok(Answer::allow(&caller)),
            Ok(Err(_)) => Ok(Answer::refuse()),
            Err(unknown) => {
                tracing::error!(error = %unknown, "neither yes nor no can be said");
                Err(unknown)
            }
        }
    }

    /// The caller, or why there is none.
    ///
    /// # Errors
    /// [`Unknown`], when neither yes nor no can be said.
    pub async fn decide(&self, question: &Question, now: DateTime<Utc>) -> Result<Result<Caller, Refusal>, Unknown> {
        // The route first: it costs nothing, and a made-up one is not worth a read.
        let Some(scope) = routes::find(&question.route).and_then(|route| route.scope) else {
            return Ok(Err(Refusal::UnknownRoute));
        };
        let credential = match bearer(&question.authorization) {
            Ok(credential) => credential,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let identified = if let Ok(key) = credential.parse::<ApiKey>() {
            self.by_key(&key, now).await?
        } else if credential.split('.').count() == 3 {
            match &self.tokens {
                Some(tokens) => tokens.verify(credential, now).await?.map_err(Refusal::Token),
                None => Err(Refusal::NoIssuer),
            }
        } else {
            Err(Refusal::MalformedCredential)
        };
        Ok(identified.and_then(|caller| with_scope(caller, scope)))
    }

    async fn by_key(&self, key: &ApiKey, now: DateTime<Utc>) -> Result<Result<Caller, Refusal>, StoreError> {
        let hash = key.hash();
        let Some(record) = store::client::read_key(&self.db, &hash).await? else {
            return Ok(Err(Refusal::UnknownKey));
        };
        let key = record.d;
        if key.revoked_at.is_some() {
            tracing::warn!(key.id = hash.key_id(), client = %key.client, "a withdrawn key is still in use");
            return Ok(Err(Refusal::RevokedKey));
        }
        if key.expires_at.is_some_and(|end| end <= now) {
            tracing::warn!(key.id = hash.key_id(), client = %key.client, "an expired key is still in use");
            return Ok(Err(Refusal::ExpiredKey));
        }
        // Every client id is a valid subject: letters, digits and dashes, and shorter.
        let Ok(subject) = key.client.as_str().parse() else {
            return Ok(Err(Refusal::UnknownKey));
        };
        let Rights { scopes, places } = key.rights;
        Ok(Ok(Caller {
            tenant: key.tenant,
            client: key.client,
            subject,
            scopes: scopes.iter().filter_map(|scope| scope.parse().ok()).collect(),
            locations: match places {
                Places::All => Locations::All,
                Places::Only(ids) => Locations::Only(ids),
            },
        }))
    }
}

fn bearer(authorization: &str) -> Result<&str, Refusal> {
    if authorization.len() > CREDENTIAL_MAX {
        return Err(Refusal::MalformedCredential);
    }
    let (scheme, credential) = authorization.trim().split_once(' ').ok_or(Refusal::NoCredential)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(credential.trim())
    } else {
        Err(Refusal::NoCredential)
    }
}

fn with_scope(caller: Caller, scope: Scope) -> Result<Caller, Refusal> {
    if caller.has(scope) {
        Ok(caller)
    } else {
        Err(Refusal::ScopeMissing)
    }
}
