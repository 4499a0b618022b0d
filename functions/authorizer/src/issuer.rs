//! The keys that the operators' issuer publishes.
//!
//! They are found as OpenID Connect Discovery says: the issuer's configuration names the document with the keys. They are
//! kept for ten minutes. A token that names an unknown key makes us look again, at most once a minute, so that made-up key
//! ids cannot turn every request into two of ours. When the issuer does not answer, the keys known before serve for an
//! hour more.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::fetch::{FetchError, Fetcher};

/// How long the keys are taken as current.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// How long they serve when the issuer does not answer.
const USABLE: TimeDelta = TimeDelta::minutes(70);
/// Pause between two looks at the issuer that answered.
const LOOK_PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Pause between two looks at the issuer that did not.
const RETRY_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// Most keys of an issuer that are kept; issuers publish two or three.
const KEYS_MAX: usize = 100;

/// The issuer cannot be asked, and nothing known answers the question.
#[derive(Debug, thiserror::Error)]
pub enum IssuerUnavailable {
    /// It was asked just now.
    #[error("the issuer's keys cannot be read: {0}")]
    Fetch(#[from] FetchError),
    /// Its configuration names another issuer.
    #[error("the issuer's configuration names another issuer: OIDC_ISSUER must be spelled exactly as its field issuer")]
    OtherIssuer,
    /// It failed a moment ago.
    #[error("the issuer's keys could not be read a moment ago; the next try follows within seconds")]
    Recently,
}

/// A published key that can sign tokens.
#[derive(Debug, Clone)]
pub struct IssuerKey {
    kid: String,
    /// The one algorithm it signs with.
    pub algorithm: Algorithm,
    /// The public key.
    pub key: DecodingKey,
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<IssuerKey>,
    /// When `keys` were read.
    read_at: Option<DateTime<Utc>>,
    /// When the issuer was last asked, and whether it answered.
    asked: Option<(DateTime<Utc>, bool)>,
}

/// The issuer with the keys it is known to publish.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    fetcher: Fetcher,
    known: Mutex<Known>,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Issuer {
    /// The issuer called `name`, its URL. Nothing is read yet.
    pub fn new(name: String) -> Self {
        Self {
            name,
            fetcher: Fetcher::default(),
            known: Mutex::default(),
        }
    }

    /// The issuer's name as tokens carry it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key with this id; `None` when the issuer publishes no such key.
    ///
    /// # Errors
    /// [`IssuerUnavailable`].
    pub async fn key(&self, kid: &str, now: DateTime<Utc>) -> Result<Option<IssuerKey>, IssuerUnavailable> {
        let mut known = self.known.lock().await;
        if let Some(key) = known.find(kid, FRESH, now) {
            return Ok(Some(key));
        }
        let mut failure = None;
        if known.may_ask(now) {
            let asked = self.read().await;
            known.asked = Some((now, asked.is_ok()));
            match asked {
                Ok(keys) => {
                    known.keys = keys;
                    known.read_at = Some(now);
                }
                Err(error) => failure = Some(error),
            }
        }
        if let Some(key) = known.find(kid, USABLE, now) {
            if let Some(error) = failure {
                tracing::warn!(%error, "the issuer does not answer; its last known keys serve on");
            }
            return Ok(Some(key));
        }
        match (failure, known.asked) {
            (Some(error), _) => Err(error),
            (None, Some((_, false))) => Err(IssuerUnavailable::Recently),
            (None, _) => Ok(None),
        }
    }

    async fn read(&self) -> Result<Vec<IssuerKey>, IssuerUnavailable> {
        let url = format!("{}/.well-known/openid-configuration", self.name.trim_end_matches('/'));
        let configuration: Configuration = self.fetcher.json(&url).await?;
        if configuration.issuer != self.name {
            return Err(IssuerUnavailable::OtherIssuer);
        }
        let set: KeySet = self.fetcher.json(&configuration.jwks_uri).await?;
        // A key of a kind that we do not know is none of ours; the others still count.
        let keys = set.keys.into_iter().take(KEYS_MAX).filter_map(signing_key);
        Ok(keys.collect())
    }
}

impl Known {
    fn find(&self, kid: &str, age_max: TimeDelta, now: DateTime<Utc>) -> Option<IssuerKey> {
        let age = now - self.read_at?;
        let found = || self.keys.iter().find(|key| key.kid == kid).cloned();
        (age < age_max).then(found).flatten()
    }

    fn may_ask(&self, now: DateTime<Utc>) -> bool {
        match self.asked {
            None => true,
            Some((at, true)) => now - at >= LOOK_PAUSE,
            Some((at, false)) => now - at >= RETRY_PAUSE,
        }
    }
}

/// An RSA key for RS256 or a P-256 key for ES256, published for signatures.
fn signing_key(published: Value) -> Option<IssuerKey> {
    let jwk: Jwk = serde_json::from_value(published).ok()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let common = &jwk.common;
    let for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let for_this = common.key_algorithm.is_none_or(|alg| alg == named);
    if !for_signatures || !for_this {
        return None;
    }
    Some(IssuerKey {
        kid: common.key_id.clone()?,
        algorithm,
        key: DecodingKey::from_jwk(&jwk).ok()?,
    })
}
