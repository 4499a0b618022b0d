//! Why a stack does not start or does not come to rest.

use crate::{
    aws::AwsError, gateway::GatewayError, oidc::OidcError, pollers::SourceError, provision::ProvisionError,
    template::TemplateError,
};

/// What can go wrong with a stack.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The template is wrong or not supported.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The embedded endpoints do not start or stop.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A resource cannot be created.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The HTTP API cannot be run.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// An event source cannot be run.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The test issuer does not start.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// A binary is missing.
    #[error("function {function}: {binary} is not there; build the functions first")]
    NoBinary {
        /// Logical id.
        function: String,
        /// Path that was looked at.
        binary: String,
    },
    /// A port is taken or a folder not writable.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The stack still works on something.
    #[error("the stack did not come to rest within {seconds} s: {busy}")]
    Busy {
        /// Seconds that were waited.
        seconds: u64,
        /// What was going on at the end.
        busy: String,
    },
    /// A name that the template does not declare.
    #[error("the template declares no {kind} named {name}")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

impl StackError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
