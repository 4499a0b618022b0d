//! What a caller can decide about a stack.

use std::{collections::BTreeMap, path::PathBuf};

use crate::aws::AwsPorts;

/// Environments of one function at a time, when the template sets no lower limit. On AWS there would be up to a thousand; a
/// machine with a few cores gains nothing from more.
pub const CONCURRENCY_DEFAULT: usize = 8;

/// How to start a stack.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The template.
    pub template: PathBuf,
    /// Folder with the binaries of the functions, each named like its package.
    pub function_bins: PathBuf,
    /// Prefix of the physical names.
    pub stack_name: String,
    /// Where tables, queues, objects, secrets, keys, logs and positions are kept; `None` keeps the data in memory and the
    /// rest in a temporary folder.
    pub data_dir: Option<PathBuf>,
    /// Port of the HTTP API; 0 means any.
    pub api_port: u16,
    /// Port of the Lambda Invoke endpoint; 0 means any.
    pub invoke_port: u16,
    /// Port of the test issuer; 0 means any.
    pub oidc_port: u16,
    /// Ports of the embedded AWS endpoints; 0 means any.
    pub aws_ports: AwsPorts,
    /// Values of template parameters.
    pub parameters: BTreeMap<String, String>,
    /// Environment variables every function gets in addition, or with another value.
    pub env_overrides: BTreeMap<String, String>,
    /// Another emulator to run against, instead of the embedded endpoints: its URL.
    pub external_endpoint: Option<String>,
    /// Visibility time-out in seconds of the queues with a consumer, instead of the template's.
    pub visibility_timeout_seconds: Option<u64>,
    /// Environments of one function at a time at most.
    pub concurrency: usize,
}

impl StackOptions {
    /// A stack in memory on free ports.
    #[must_use]
    pub fn new(template: impl Into<PathBuf>, function_bins: impl Into<PathBuf>) -> Self {
        Self {
            template: template.into(),
            function_bins: function_bins.into(),
            stack_name: "treue-local".to_owned(),
            data_dir: None,
            api_port: 0,
            invoke_port: 0,
            oidc_port: 0,
            aws_ports: AwsPorts::default(),
            parameters: BTreeMap::new(),
            env_overrides: BTreeMap::new(),
            external_endpoint: None,
            visibility_timeout_seconds: None,
            concurrency: CONCURRENCY_DEFAULT,
        }
    }
}
