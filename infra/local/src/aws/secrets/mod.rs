//! Secrets Manager: values in a file with mode 0600, read by name or ARN.
//!
//! `CreateSecret`, `GetSecretValue` and `DescribeSecret` only; each secret has one version. Other operations are refused by
//! name.

mod generate;
mod store;

pub use generate::SecretRules;

use super::AwsError;
use super::json_rpc::{self, Call, CallError};
use super::serve::{Server, StopSignal, bind};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Secret, SecretStore, arn};

const SERVICE: &str = "Secrets Manager";
const TARGET_PREFIX: &str = "secretsmanager.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 65_536;

/// Longest request body: a value whose every byte is escaped in JSON, and its envelope.
const MAX_REQUEST_BYTES: usize = 512 * 1024;

/// The one stage that a version has here.
const CURRENT: &str = "AWSCURRENT";

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
enum SecretsError {
    #[error("Secrets Manager can't find the specified secret.")]
    NotFound,
    #[error("Secrets Manager can't find the specified secret value for VersionId or staging label {0:?}.")]
    NoSuchVersion(String),
    #[error("The operation failed because the secret {0} already exists.")]
    Exists(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("The local Secrets Manager could not store the secret: {0}")]
    Store(#[from] AwsError),
}

impl SecretsError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound | Self::NoSuchVersion(_) => "ResourceNotFoundException",
            Self::Exists(_) => "ResourceExistsException",
            Self::Invalid(_) => "InvalidParameterException",
            Self::Unsupported(_) => "UnknownOperationException",
            Self::Store(_) => "InternalServiceError",
        }
    }
}

type Shared = Arc<Mutex<SecretStore>>;

/// The running Secrets Manager endpoint.
#[derive(Debug)]
pub(crate) struct SecretsEndpoint {
    server: Server,
    secrets: Shared,
}

impl SecretsEndpoint {
    /// Reads the secrets (from `file`, or none) and serves them on `port` until `stop` is signalled.
    pub(crate) fn start(file: Option<PathBuf>, port: u16, stop: StopSignal) -> Result<Self, AwsError> {
        let secrets: Shared = Arc::new(Mutex::new(SecretStore::open(file)?));
        let router = Router::new().fallback(handle).with_state(Arc::clone(&secrets));
        let server = Server::start(SERVICE, bind(SERVICE, port)?, router, stop)?;
        Ok(Self { server, secrets })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Generates the value of a secret that does not exist yet and returns the ARN; an existing value is never replaced.
    pub(crate) async fn generate(&self, name: &str, rules: &SecretRules) -> Result<String, AwsError> {
        let (secrets, name, rules) = (Arc::clone(&self.secrets), name.to_owned(), rules.clone());
        let generated = tokio::task::spawn_blocking(move || {
            check_name(&name).map_err(|reason| AwsError::Invalid {
                what: format!("secret {name:?}"),
                reason,
            })?;
            let mut secrets = secrets.lock().unwrap_or_else(PoisonError::into_inner);
            if secrets.find(&name).is_none() {
                let value = generate::generate(&rules)?;
                secrets.insert(name.clone(), new_secret(value, None, uuid::Uuid::new_v4().to_string()))?;
            }
            Ok(arn(&name))
        });
        generated.await.map_err(|error| AwsError::Stop {
            service: SERVICE,
            reason: error.to_string(),
        })?
    }

    /// Waits until running requests have been answered; the stop signal must have been given before.
    pub(crate) async fn finish(self) -> Result<(), AwsError> {
        self.server.finish().await
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct ReadSecret {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct CreateSecret {
    name: String,
    secret_string: Option<String>,
    description: Option<String>,
    client_request_token: Option<String>,
}

async fn handle(State(secrets): State<Shared>, request: Request<Body>) -> Response<Body> {
    let result = match json_rpc::read(request, TARGET_PREFIX, MAX_REQUEST_BYTES).await {
        // Creating a secret writes to the disk.
        Ok(call) => tokio::task::spawn_blocking(move || {
            let mut secrets = secrets.lock().unwrap_or_else(PoisonError::into_inner);
            answer(&mut secrets, &call)
        })
        .await
        .unwrap_or_else(|error| {
            Err(SecretsError::Store(AwsError::Stop {
                service: SERVICE,
                reason: error.to_string(),
            }))
        }),
        Err(error @ CallError::NoOperation(_)) => Err(SecretsError::Unsupported(error.to_string())),
        Err(error) => Err(SecretsError::Invalid(error.to_string())),
    };
    match result {
        Ok(body) => json_rpc::respond(StatusCode::OK, CONTENT_TYPE, &body),
        Err(error) => {
            let status = match error {
                SecretsError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            };
            let body = json!({ "__type": error.code(), "Message": error.to_string() });
            json_rpc::respond(status, CONTENT_TYPE, &body)
        }
    }
}

fn answer(secrets: &mut SecretStore, call: &Call) -> Result<Value, SecretsError> {
    match call.operation.as_str() {
        "GetSecretValue" => {
            let request: ReadSecret = json_rpc::parse(call).map_err(SecretsError::Invalid)?;
            let (name, secret) = secrets.find(&request.secret_id).ok_or(SecretsError::NotFound)?;
            if let Some(version) = request.version_id.filter(|version| *version != secret.version_id) {
                return Err(SecretsError::NoSuchVersion(version));
            }
            if let Some(stage) = request.version_stage.filter(|stage| stage != CURRENT) {
                return Err(SecretsError::NoSuchVersion(stage));
            }
            let mut body = describe(name, secret);
            body["SecretString"] = Value::String(secret.value.clone());
            body["VersionId"] = Value::String(secret.version_id.clone());
            body["VersionStages"] = json!([CURRENT]);
            Ok(body)
        }
        "DescribeSecret" => {
            let request: ReadSecret = json_rpc::parse(call).map_err(SecretsError::Invalid)?;
            let (name, secret) = secrets.find(&request.secret_id).ok_or(SecretsError::NotFound)?;
            let mut body = describe(name, secret);
            body["Description"] = json!(secret.description);
            body["VersionIdsToStages"] = json!({ &secret.version_id: [CURRENT] });
            Ok(body)
        }
        "CreateSecret" => create(secrets, json_rpc::parse(call).map_err(SecretsError::Invalid)?),
        other => Err(SecretsError::Unsupported(format!(
            "{other} is not supported by the local Secrets Manager"
        ))),
    }
}

fn create(secrets: &mut SecretStore, request: CreateSecret) -> Result<Value, SecretsError> {
    let CreateSecret {
        name,
        secret_string,
        description,
        client_request_token,
    } = request;
    check_name(&name).map_err(SecretsError::Invalid)?;
    let value = secret_string
        .filter(|value| (1..=MAX_VALUE_BYTES).contains(&value.len()))
        .ok_or_else(|| SecretsError::Invalid(format!("SecretString must have 1 to {MAX_VALUE_BYTES} bytes.")))?;
    let version_id = client_request_token.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let answer = json!({ "ARN": arn(&name), "Name": name, "VersionId": version_id });
    match secrets.find(&name) {
        // A repetition of the request that created it.
        Some((_, existing)) if existing.version_id == version_id && existing.value == value => Ok(answer),
        Some(_) => Err(SecretsError::Exists(name)),
        None => {
            secrets.insert(name, new_secret(value, description, version_id))?;
            Ok(answer)
        }
    }
}

fn new_secret(value: String, description: Option<String>, version_id: String) -> Secret {
    let created_ms = crate::aws::clock::unix_millis();
    Secret {
        value,
        description,
        created_ms,
        version_id,
    }
}

fn describe(name: &str, secret: &Secret) -> Value {
    // The protocol's times are seconds; whole ones are exact in every representation.
    json!({ "ARN": arn(name), "Name": name, "CreatedDate": secret.created_ms / 1_000 })
}

fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
        return Err("a secret's name has 1 to 512 letters, digits and characters of /_+=.@-".to_owned());
    }
    Ok(())
}
