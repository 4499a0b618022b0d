//! Tokens of the operators' issuer.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::ClientId;
use http_edge::Caller;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;

use crate::issuer::{Issuer, IssuerUnavailable};

/// How far the issuer's clock and ours may differ, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// The client of an operator whose token names none that could be a client id.
const OPERATOR_CLIENT: &str = "operator";

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// No header that could be ours: another algorithm, no key id, extensions that must be understood.
    Header,
    /// The issuer publishes no such key.
    UnknownKey,
    /// Signature, issuer, audience or shape.
    Invalid,
    /// The time is over.
    Expired,
    /// The time has not come.
    NotYetValid,
    /// Tenant, subject or locations are missing or malformed.
    Claims,
}

impl Flaw {
    /// A stable word for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "token_header",
            Self::UnknownKey => "token_unknown_key",
            Self::Invalid => "token_invalid",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Claims => "token_claims",
        }
    }
}

/// The claims that matter. Issuer and audience are compared by the decoder.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    /// Scopes joined by spaces.
    #[serde(default)]
    scope: String,
    tenant: String,
    /// `*`, or location ids joined by spaces. Without it nothing is granted: an issuer that forgets the claim for an operator
    /// of one branch must not make them one of all.
    #[serde(default)]
    locations: String,
    /// The client that got the token, under its two usual names.
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    azp: Option<String>,
}

/// Verifies tokens.
#[derive(Debug)]
pub struct Tokens {
    issuer: Issuer,
    audience: String,
}

impl Tokens {
    /// Tokens of `issuer` for `audience`.
    pub const fn new(issuer: Issuer, audience: String) -> Self {
        Self { issuer, audience }
    }

    /// Who the token speaks for, or what is wrong with it.
    ///
    /// # Errors
    /// [`IssuerUnavailable`] when the key that signed it can be neither found nor excluded.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Result<Caller, Flaw>, IssuerUnavailable> {
        let Ok(header) = decode_header(token) else {
            return Ok(Err(Flaw::Header));
        };
        let (Some(kid), None) = (header.kid, header.crit) else {
            return Ok(Err(Flaw::Header));
        };
        let Some(key) = self.issuer.key(&kid, now).await? else {
            return Ok(Err(Flaw::UnknownKey));
        };
        // The algorithm is the published key's, never the token's choice.
        if header.alg != key.algorithm {
            return Ok(Err(Flaw::Header));
        }
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[self.issuer.name()]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        // The times are compared below, with the time that the caller of this function holds for now.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = match decode::<Claims>(token, &key.key, &validation) {
            Ok(data) => data.claims,
            Err(_) => return Ok(Err(Flaw::Invalid)),
        };
        Ok(in_time(&claims, now).and_then(|()| caller(&claims).ok_or(Flaw::Claims)))
    }
}

fn in_time(claims: &Claims, now: DateTime<Utc>) -> Result<(), Flaw> {
    let leeway = TimeDelta::seconds(LEEWAY_SECONDS);
    let instant = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(Flaw::Claims);
    if instant(claims.exp)? <= now - leeway {
        return Err(Flaw::Expired);
    }
    match claims.nbf {
        Some(nbf) if instant(nbf)? > now + leeway => Err(Flaw::NotYetValid),
        _ => Ok(()),
    }
}

/// The caller of the claims, through the same reading as the functions do behind us.
fn caller(claims: &Claims) -> Option<Caller> {
    if claims.locations.trim().is_empty() {
        return None;
    }
    let named = claims.client_id.as_deref().or(claims.azp.as_deref());
    let client = named
        // Changes that workflows make carry a client of their own, and no workflow looks at them: nobody comes in as that one.
        .filter(|name| name.parse::<ClientId>().is_ok() && *name != store::workflow::CLIENT)
        .unwrap_or(OPERATOR_CLIENT);
    Caller::from_context(|field| {
        let value = match field {
            "tenant" => &claims.tenant,
            "client" => client,
            "subject" => &claims.sub,
            "scopes" => &claims.scope,
            "locations" => &claims.locations,
            _ => return None,
        };
        Some(value.to_owned())
    })
}
