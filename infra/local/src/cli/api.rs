//! Which API a command talks to: the one of the stack that runs here, or one on AWS.

use anyhow::Context;
use clap::Args;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::data::DataDir;
use super::http::Api;
use super::keys::{BACK_OFFICE, Keys};
use super::{DataArgs, Failure};

/// What stands for itself in a path and a query (RFC 3986).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which API, and as whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApiArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// An API on AWS instead of the local stack; needs --key.
    #[arg(long, value_name = "URL", requires = "key")]
    api: Option<String>,
    /// The API key to send with; on the local stack the one of the client `back-office`.
    #[arg(long, value_name = "KEY", env = "TREUE_API_KEY", hide_env_values = true)]
    key: Option<String>,
}

impl ApiArgs {
    /// The API, under its key.
    pub(crate) fn connect(&self) -> Result<Api, Failure> {
        if let Some(api) = &self.api {
            return Ok(Api::new(api, self.key.as_deref())?);
        }
        let data = DataDir::new(&self.data.data);
        let stack = data.running()?.ok_or_else(|| Failure::no_stack(data.path()))?;
        let keys = Keys::complete(&data)?;
        let key = match &self.key {
            Some(key) => key,
            None => keys.of(BACK_OFFICE)?,
        };
        Ok(Api::new(&stack.api_url, Some(key))?)
    }
}

/// Calls until there is an answer, and reads it.
pub(crate) async fn ask<T: DeserializeOwned>(
    api: &Api,
    method: &Method,
    path: &str,
    body: Option<&Value>,
) -> Result<T, Failure> {
    let answer = api.must(method, path, body).await?;
    Ok(serde_json::from_value(answer.body).context("the answer cannot be read: is the API of another version?")?)
}

/// A text as a part of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}
