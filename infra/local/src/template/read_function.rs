//! Functions from their properties; their event sources are read beside it.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Props, TemplateError,
    model::Function,
    read_events::{Surroundings, events, on_failure},
};

/// Lambda's longest time-out in seconds and its default.
const TIMEOUT_SECONDS_MAX: u64 = 900;
const TIMEOUT_SECONDS_DEFAULT: u64 = 3;
/// Lambda's memory bounds in MB and its default.
const MEMORY_MB_DEFAULT: u64 = 128;
/// Retries of an asynchronous invocation that Lambda makes at most, and by default.
const ASYNC_RETRIES_MAX: u64 = 2;

pub(super) fn function(
    id: &str,
    name: &str,
    props: &Props<'_>,
    around: Surroundings<'_>,
) -> Result<Function, TemplateError> {
    let runtime = props.required_text("Runtime")?;
    if !runtime.starts_with("provided.") {
        return Err(TemplateError::unsupported(
            props.path(),
            format!("the runtime {runtime}"),
        ));
    }
    let (log_format, log_level) = logging(props)?;
    let events = events(props, around)?;
    let timeout = props
        .number("Timeout", 1..=TIMEOUT_SECONDS_MAX)?
        .unwrap_or(TIMEOUT_SECONDS_DEFAULT);
    let reserved = props.number("ReservedConcurrentExecutions", 1..=10_000)?;
    let (async_retries, on_failure_queue) = asynchronous(props, around)?;
    let function = Function {
        id: id.to_owned(),
        name: name.to_owned(),
        package: package(props)?,
        handler: props.required_text("Handler")?,
        timeout: Duration::from_secs(timeout),
        memory_mb: props.number("MemorySize", 128..=10_240)?.unwrap_or(MEMORY_MB_DEFAULT),
        environment: environment(props)?,
        reserved_concurrency: reserved.and_then(|count| usize::try_from(count).ok()),
        log_format,
        log_level,
        async_retries,
        on_failure_queue,
        events,
    };
    // Architecture, role, tracing and tags concern AWS only.
    props.finish(&[
        "Architectures",
        "AssumeRolePolicyDocument",
        "Description",
        "EphemeralStorage",
        "FunctionName",
        "PermissionsBoundary",
        "Policies",
        "PropagateTags",
        "Role",
        "Tags",
        "Tracing",
    ])?;
    Ok(function)
}

fn package(props: &Props<'_>) -> Result<String, TemplateError> {
    let code = props.required_text("CodeUri")?;
    let package = code.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let plain = !package.is_empty()
        && package
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if plain {
        Ok(package.to_owned())
    } else {
        Err(TemplateError::at(
            props.path(),
            format!("CodeUri {code} does not end with the name of a package"),
        ))
    }
}

fn environment(props: &Props<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut variables = BTreeMap::new();
    if let Some(environment) = props.map("Environment")? {
        if let Some(declared) = environment.map("Variables")? {
            for name in declared.keys() {
                if let Some(value) = declared.text(name)? {
                    variables.insert(name.to_owned(), value);
                }
            }
        }
        environment.finish(&[])?;
    }
    Ok(variables)
}

fn logging(props: &Props<'_>) -> Result<(String, Option<String>), TemplateError> {
    let Some(logging) = props.map_lazy("LoggingConfig")? else {
        return Ok(("Text".to_owned(), None));
    };
    let format = logging.text("LogFormat")?.unwrap_or_else(|| "Text".to_owned());
    let level = logging.text("ApplicationLogLevel")?;
    logging.finish(&["LogGroup", "SystemLogLevel"])?;
    Ok((format, level))
}

/// How often an asynchronous invocation is tried again, and the queue that takes what was given up.
fn asynchronous(props: &Props<'_>, around: Surroundings<'_>) -> Result<(u32, Option<String>), TemplateError> {
    let (mut retries, mut queue) = (ASYNC_RETRIES_MAX, None);
    if let Some(config) = props.map("EventInvokeConfig")? {
        retries = config
            .number("MaximumRetryAttempts", 0..=ASYNC_RETRIES_MAX)?
            .unwrap_or(ASYNC_RETRIES_MAX);
        queue = on_failure(&config, around, "SQS")?;
        config.finish(&[])?;
    }
    Ok((u32::try_from(retries).unwrap_or(u32::MAX), queue))
}
