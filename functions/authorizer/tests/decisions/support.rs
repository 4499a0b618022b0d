//! A table in memory, an issuer on a loopback port, and the credentials of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use authorizer::App;
use authorizer::issuer::Issuer;
use authorizer::token::Tokens;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use faults::Probe;
use serde_json::{Value, json};
use store::Db;
use store::client::{self, ApiKey, Bootstrapped, Client, Places, Rights};
use treue_local::aws::{ACCESS_KEY_ID, AwsEndpoints, AwsOptions, REGION, SECRET_ACCESS_KEY};

/// A table that ends with the test.
pub(crate) struct Table {
    pub(crate) db: Db,
    _endpoints: AwsEndpoints,
}

impl Table {
    pub(crate) async fn start(probe: Probe) -> Self {
        let endpoints = AwsEndpoints::start(AwsOptions::default()).await.unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
            .endpoint_url(endpoints.dynamodb_url())
            .build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        let mut call = client
            .create_table()
            .table_name("test")
            .billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            call = call
                .attribute_definitions(attribute.build().unwrap())
                .key_schema(key.build().unwrap());
        }
        call.send().await.unwrap();
        Self {
            db: Db::new(client, "test".to_owned(), probe),
            _endpoints: endpoints,
        }
    }
}

/// A signing key of the issuer.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    pub(crate) fn new(kid: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        Self {
            kid: kid.to_owned(),
            pair,
        }
    }

    /// The public key as an issuer publishes it.
    pub(crate) fn jwk(&self) -> Value {
        // An uncompressed point: 4, then both coordinates of 32 bytes.
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        })
    }

    /// A token with this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// A token with the usual header.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": self.kid}), claims)
    }
}

/// A part of a token.
pub(crate) fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// An issuer that can be told to fail and counts how often it is asked for its keys.
pub(crate) struct TestIssuer {
    pub(crate) url: String,
    pub(crate) keys: Arc<std::sync::Mutex<Vec<Value>>>,
    pub(crate) status: Arc<AtomicU32>,
    pub(crate) asked: Arc<AtomicU64>,
}

impl TestIssuer {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Self {
            url: url.clone(),
            keys: Arc::new(std::sync::Mutex::new(keys)),
            status: Arc::new(AtomicU32::new(200)),
            asked: Arc::default(),
        };
        let configuration = json!({"issuer": url, "jwks_uri": format!("{url}/jwks.json")});
        let (keys, status, asked) = (issuer.keys.clone(), issuer.status.clone(), issuer.asked.clone());
        let jwks = move || {
            let status = u16::try_from(status.load(Ordering::SeqCst)).unwrap();
            asked.fetch_add(1, Ordering::SeqCst);
            let body = json!({"keys": *keys.lock().unwrap()});
            async move { (StatusCode::from_u16(status).unwrap(), Json(body)) }
        };
        let app = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(|| async { Json(configuration) }),
            )
            .route("/jwks.json", get(jwks));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        issuer
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

pub(crate) const ROUTE: &str = "POST /v1/purchases";

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

pub(crate) fn event(authorization: &str, route: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST", "routeKey": route,
        "identitySource": [authorization, route],
        "headers": {"authorization": authorization, "host": "api.example.com"},
        "requestContext": {"requestId": "r-1", "routeKey": route, "stage": "$default"},
    })
}

pub(crate) fn bearer(credential: &str) -> String {
    format!("Bearer {credential}")
}

pub(crate) fn key(seed: u8) -> ApiKey {
    ApiKey::from_random(&[seed; client::KEY_BYTES])
}

pub(crate) fn till_client() -> Client {
    let rights = Rights {
        scopes: ["purchases:write", "vouchers:redeem"].map(str::to_owned).into(),
        places: Places::Only(["B01".parse().unwrap(), "B02".parse().unwrap()].into()),
    };
    Client::new(
        "pos".parse().unwrap(),
        "Tills".to_owned(),
        rights,
        "test".parse().unwrap(),
    )
}

pub(crate) async fn with_key(table: &Table) -> ApiKey {
    let tenant = "demo".parse().unwrap();
    let stored = client::bootstrap(&table.db, &tenant, &till_client(), &key(1), now())
        .await
        .unwrap();
    assert_eq!(stored, Bootstrapped::Stored);
    key(1)
}

pub(crate) fn app(table: &Table, issuer: Option<&TestIssuer>) -> App {
    App {
        db: table.db.clone(),
        tokens: issuer.map(|issuer| Tokens::new(Issuer::new(issuer.url.clone()), "treue".to_owned())),
    }
}

pub(crate) async fn allowed(app: &App, authorization: &str, route: &str) -> bool {
    let answer = app.handle(event(authorization, route), now()).await.unwrap();
    assert_eq!(
        answer.is_authorized,
        !answer.context.is_empty(),
        "only a caller has a context"
    );
    answer.is_authorized
}

pub(crate) fn claims(issuer: &TestIssuer) -> Value {
    json!({
        "iss": issuer.url, "aud": ["treue", "other"], "sub": "auth0|42", "tenant": "demo", "locations": "*",
        "scope": "openid purchases:write clients:admin no:such", "iat": now().timestamp(),
        "exp": now().timestamp() + 300, "nbf": now().timestamp(),
    })
}

pub(crate) fn changed(issuer: &TestIssuer, field: &str, value: Value) -> Value {
    let mut claims = claims(issuer);
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(field);
    } else {
        claims[field] = value;
    }
    claims
}
