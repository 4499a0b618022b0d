//! A test issuer of operators' tokens: an OIDC discovery document, its keys, and tokens signed with them.
//!
//! It exists only locally. On AWS the template's parameter `OidcIssuer` names the identity provider of the company.

use std::{io::Write, net::SocketAddr, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

use aws_lc_rs::{
    digest,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Json, Router, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

/// Length of one coordinate of a P-256 point in bytes.
const COORDINATE_BYTES: usize = 32;

/// An issuer that could not be started or a token that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The key file cannot be read or written.
    #[error("the test issuer's key {file}: {source}")]
    KeyFile {
        /// Path of the file.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The key file holds no P-256 key.
    #[error("the test issuer's key {file} is not a P-256 key in PKCS #8; delete it and a new one is made")]
    Key {
        /// Path of the file.
        file: String,
    },
    /// A key or a signature could not be made.
    #[error("the test issuer cannot {0}")]
    Crypto(&'static str),
    /// The port is taken.
    #[error("the test issuer cannot listen on port {port}: {source}")]
    Listen {
        /// Port that was asked for.
        port: u16,
        /// Why not.
        source: std::io::Error,
    },
}

/// What a token says.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// Who the operator is.
    pub subject: String,
    /// Whose data the operator works on.
    pub tenant: String,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// `*` for all locations, or their ids, separated by spaces.
    pub locations: String,
    /// For whom the token is meant.
    pub audience: String,
    /// Seconds from now until it ends; negative for one that has ended.
    pub lifetime_seconds: i64,
    /// More claims, or other values for the ones above.
    pub claims: Map<String, Value>,
}

/// The running issuer. It ends when this is dropped.
#[derive(Debug)]
pub struct Issuer {
    address: SocketAddr,
    key_id: String,
    signing: EncodingKey,
    server: AbortHandle,
}

impl Issuer {
    /// Starts the issuer; the key is read from `key_file`, or made and written there.
    ///
    /// # Errors
    /// When the key cannot be kept or the port is taken.
    pub async fn start(key_file: &Path, port: u16) -> Result<Self, OidcError> {
        let pkcs8 = key(key_file)?;
        let unusable = || OidcError::Key {
            file: key_file.display().to_string(),
        };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map_err(|_| unusable())?;
        // An uncompressed point: a marker, x, y.
        let point = pair.public_key().as_ref();
        let (x, y) = point
            .get(1..)
            .and_then(|xy| xy.split_at_checked(COORDINATE_BYTES))
            .ok_or_else(unusable)?;
        let thumbprint = digest::digest(&digest::SHA256, point);
        let key_id = URL_SAFE_NO_PAD.encode(&thumbprint.as_ref()[..12]);
        let jwks = json!({ "keys": [{
            "kty": "EC",
            "crv": "P-256",
            "use": "sig",
            "alg": "ES256",
            "kid": key_id,
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
        }] });

        let listen = |source| OidcError::Listen { port, source };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let url = format!("http://{address}");
        let configuration = Arc::new(json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks.json"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }));
        let jwks = Arc::new(jwks);
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(move || async move { Json((*configuration).clone()) }),
            )
            .route("/jwks.json", get(move || async move { Json((*jwks).clone()) }));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the test issuer ended");
            }
        });
        let signing = EncodingKey::from_ec_der(&pkcs8);
        Ok(Self {
            address,
            key_id,
            signing,
            server: server.abort_handle(),
        })
    }

    /// The issuer's URL: the value of `iss` in its tokens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Signs a token.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn token(&self, request: &TokenRequest) -> Result<String, OidcError> {
        let now = runtime::now().timestamp();
        let mut claims = Map::new();
        let standard = [
            ("iss", json!(self.url())),
            ("sub", json!(request.subject)),
            ("aud", json!(request.audience)),
            ("iat", json!(now)),
            ("exp", json!(now.saturating_add(request.lifetime_seconds))),
            ("scope", json!(request.scope)),
            ("tenant", json!(request.tenant)),
            ("locations", json!(request.locations)),
        ];
        claims.extend(standard.map(|(name, value)| (name.to_owned(), value)));
        claims.extend(request.claims.clone());
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(|_| OidcError::Crypto("sign a token"))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn key(file: &Path) -> Result<Vec<u8>, OidcError> {
    let failed = |source| OidcError::KeyFile {
        file: file.display().to_string(),
        source,
    };
    match std::fs::read(file) {
        Ok(pkcs8) => Ok(pkcs8),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
            let pair = made.map_err(|_| OidcError::Crypto("make a key"))?;
            let pkcs8 = pair.to_pkcs8v1().map_err(|_| OidcError::Crypto("write a key"))?;
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            let options = std::fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(file);
            options
                .and_then(|mut out| out.write_all(pkcs8.as_ref()))
                .map_err(failed)?;
            Ok(pkcs8.as_ref().to_vec())
        }
        Err(error) => Err(failed(error)),
    }
}
