//! The pools of the declared functions.

use std::path::Path;

use super::{StackError, StackOptions};
use crate::{
    lambda::{EnvironmentSettings, FunctionLog, FunctionPool, Functions, PoolSettings},
    template::{Attributes, Function, Model, REGION},
};

/// A pool for each function; no process is started yet.
pub(super) fn pools(
    options: &StackOptions,
    model: &Model,
    attributes: &Attributes,
    aws_env: &[(String, String)],
    folder: &Path,
) -> Result<Functions, StackError> {
    let mut pools = Vec::new();
    for function in &model.functions {
        let binary = options.function_bins.join(&function.package);
        if !binary.is_file() {
            let binary = binary.display().to_string();
            return Err(StackError::NoBinary {
                function: function.id.clone(),
                binary,
            });
        }
        let log = FunctionLog::open(&folder.join("logs"), &function.package)
            .map_err(StackError::io(format!("the log of {}", function.id)))?;
        let arn = attributes.get(&function.id, "Arn").unwrap_or_default().to_owned();
        let cap = options.concurrency.max(1);
        let reserved = function.reserved_concurrency;
        let settings = PoolSettings {
            id: function.id.clone(),
            name: function.name.clone(),
            arn: arn.clone(),
            concurrency: reserved.map_or(cap, |reserved| reserved.min(cap)),
            // Only a limit of the template refuses; the local cap makes invocations wait.
            throttles: reserved.is_some_and(|reserved| reserved <= cap),
            async_retries: function.async_retries,
            environment: EnvironmentSettings {
                function: function.name.clone(),
                arn,
                binary,
                variables: variables(options, function, aws_env),
                timeout: function.timeout,
            },
        };
        pools.push(FunctionPool::new(settings, log));
    }
    Ok(Functions::new(pools))
}

/// The environment of a function: what Lambda sets, what the template declares, where the endpoints are; nothing of this
/// process leaks in.
fn variables(options: &StackOptions, function: &Function, aws_env: &[(String, String)]) -> Vec<(String, String)> {
    let stream = uuid::Uuid::new_v4().simple();
    let mut variables: std::collections::BTreeMap<String, String> = [
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{stream}")),
        ("AWS_LAMBDA_LOG_FORMAT", function.log_format.clone()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("LAMBDA_TASK_ROOT", options.function_bins.display().to_string()),
        ("_HANDLER", function.handler.clone()),
        ("TZ", ":UTC".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    if let Some(level) = &function.log_level {
        variables.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), level.clone());
    }
    variables.extend(function.environment.clone());
    variables.extend(aws_env.iter().cloned());
    variables.extend(options.env_overrides.clone());
    variables.into_iter().collect()
}
