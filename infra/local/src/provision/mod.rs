//! Creating what the template declares: tables, queues, buckets and secrets, through the official SDK against any endpoint.
//!
//! Every step finds what an earlier start left behind and keeps it, so that a stack that starts again has its data.

mod buckets;
mod clients;
mod queues;
mod secrets;
mod tables;

pub use clients::Clients;

use crate::template::{Attributes, Model};

/// Settings of resources that a caller may change against the template.
#[derive(Debug, Clone, Default)]
pub struct ProvisionOptions {
    /// Visibility time-out in seconds of every queue with a consumer, instead of the template's: six times a function's
    /// time-out is right on AWS and long for a test that waits for redeliveries.
    pub visibility_timeout_seconds: Option<u64>,
}

/// A resource that could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The endpoint refused or did not answer.
    #[error("cannot {action} {kind} {id}: {message}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The kind of the resource.
        kind: &'static str,
        /// Logical id.
        id: String,
        /// What the endpoint said.
        message: String,
    },
    /// What exists under the name is something else.
    #[error("{kind} {id} exists with {found}, the template says {declared}; start with an empty data folder (--fresh)")]
    Differs {
        /// The kind of the resource.
        kind: &'static str,
        /// Logical id.
        id: String,
        /// What is there.
        found: String,
        /// What should be there.
        declared: String,
    },
    /// A resource was not usable in time.
    #[error("{kind} {id} is not usable after {seconds} s")]
    TooSlow {
        /// The kind of the resource.
        kind: &'static str,
        /// Logical id.
        id: String,
        /// Seconds that were waited.
        seconds: u64,
    },
}

impl ProvisionError {
    fn refused<E>(action: &'static str, kind: &'static str, id: &str, error: &E) -> Self
    where
        E: std::error::Error + 'static,
    {
        Self::Refused {
            action,
            kind,
            id: id.to_owned(),
            message: chain(error),
        }
    }
}

/// An error with all its causes: the SDK's own text names only the outermost.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Creates everything and records the real names, ARNs and URLs in `attributes`.
///
/// # Errors
/// The first resource that cannot be created or differs from the template.
pub async fn provision(
    clients: &Clients,
    model: &Model,
    options: &ProvisionOptions,
    attributes: &mut Attributes,
) -> Result<(), ProvisionError> {
    for table in &model.tables {
        tables::ensure(clients, table, attributes).await?;
    }
    queues::ensure_all(clients, model, options, attributes).await?;
    for bucket in &model.buckets {
        buckets::ensure(clients, bucket).await?;
    }
    for secret in &model.secrets {
        secrets::ensure(clients, secret, attributes).await?;
    }
    Ok(())
}
