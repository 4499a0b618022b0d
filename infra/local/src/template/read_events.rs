//! The event sources of functions from their properties.

use std::time::Duration;

use serde_json::Value;

use super::{
    Attributes, Props, TemplateError,
    model::{Event, EventSource, HttpApi, Route, S3Source, ScheduleSource, SqsSource, StreamSource},
};

/// The longest time an HTTP API waits for a function, in milliseconds.
const INTEGRATION_TIMEOUT_MS: u64 = 30_000;
/// The longest batching window in seconds.
const WINDOW_SECONDS_MAX: u64 = 300;
/// The largest batch of either kind of source.
const BATCH_MAX: u64 = 10_000;
/// Batch sizes when the template names none.
const SQS_BATCH_DEFAULT: u64 = 10;
const STREAM_BATCH_DEFAULT: u64 = 100;

/// What a function's event sources refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) known: &'a Attributes,
    pub(super) api: Option<&'a HttpApi>,
}

impl Surroundings<'_> {
    fn resource(&self, props: &Props<'_>, property: &str) -> Result<String, TemplateError> {
        let value = props.required_text(property)?;
        let id = self.known.logical_id(&value).map(str::to_owned);
        id.ok_or_else(|| {
            TemplateError::at(
                props.path(),
                format!("{property}: {value} is no resource of this template"),
            )
        })
    }
}

pub(super) fn events(props: &Props<'_>, around: Surroundings<'_>) -> Result<Vec<Event>, TemplateError> {
    let Some(declared) = props.map("Events")? else {
        return Ok(Vec::new());
    };
    let mut events = Vec::new();
    for name in declared.keys() {
        let Some(event) = declared.map(name)? else { continue };
        let kind = event.required_text("Type")?;
        let nothing = || Props::new(&Value::Null, event.scope(), event.path());
        let properties = event.map("Properties")?.map_or_else(nothing, Ok)?;
        let source = match kind.as_str() {
            "HttpApi" => EventSource::Http(route(&properties, around)?),
            "SQS" => EventSource::Sqs(sqs(&properties, around)?),
            "DynamoDB" => EventSource::Stream(stream(&properties, around)?),
            "ScheduleV2" => EventSource::Schedule(schedule(&properties)?),
            "S3" => EventSource::S3(s3(&properties, around)?),
            other => {
                return Err(TemplateError::unsupported(
                    event.path(),
                    format!("the event type {other}"),
                ));
            }
        };
        event.finish(&[])?;
        events.push(Event {
            name: name.to_owned(),
            source,
        });
    }
    Ok(events)
}

fn route(props: &Props<'_>, around: Surroundings<'_>) -> Result<Route, TemplateError> {
    let api_id = around.resource(props, "ApiId")?;
    let api = around.api.filter(|api| api.id == api_id);
    let api = api.ok_or_else(|| TemplateError::at(props.path(), "ApiId is no HTTP API of this template"))?;
    let mut authorizer = api.default_authorizer.clone();
    if let Some(auth) = props.map("Auth")? {
        match auth.text("Authorizer")?.as_deref() {
            None => {}
            Some("NONE") => authorizer = None,
            Some(name) if api.authorizers.contains_key(name) => authorizer = Some(name.to_owned()),
            Some(name) => {
                return Err(TemplateError::at(
                    auth.path(),
                    format!("the authorizer {name} is not declared"),
                ));
            }
        }
        auth.finish(&[])?;
    }
    if props
        .text("PayloadFormatVersion")?
        .is_some_and(|version| version != "2.0")
    {
        return Err(TemplateError::unsupported(
            props.path(),
            "a PayloadFormatVersion other than 2.0",
        ));
    }
    let timeout = props
        .number("TimeoutInMillis", 50..=INTEGRATION_TIMEOUT_MS)?
        .unwrap_or(INTEGRATION_TIMEOUT_MS);
    let route = Route {
        method: props
            .text("Method")?
            .unwrap_or_else(|| "ANY".to_owned())
            .to_ascii_uppercase(),
        path: props.text("Path")?.unwrap_or_else(|| "$default".to_owned()),
        authorizer,
        timeout: Duration::from_millis(timeout),
    };
    props.finish(&[])?;
    Ok(route)
}

fn reports_items(props: &Props<'_>) -> Result<bool, TemplateError> {
    let types = props.texts("FunctionResponseTypes")?;
    match types.iter().find(|kind| *kind != "ReportBatchItemFailures") {
        Some(other) => Err(TemplateError::unsupported(
            props.path(),
            format!("the response type {other}"),
        )),
        None => Ok(!types.is_empty()),
    }
}

fn size(number: Option<u64>, default: u64) -> usize {
    usize::try_from(number.unwrap_or(default)).unwrap_or(usize::MAX)
}

fn window(props: &Props<'_>) -> Result<Duration, TemplateError> {
    let seconds = props.number("MaximumBatchingWindowInSeconds", 0..=WINDOW_SECONDS_MAX)?;
    Ok(Duration::from_secs(seconds.unwrap_or(0)))
}

fn sqs(props: &Props<'_>, around: Surroundings<'_>) -> Result<SqsSource, TemplateError> {
    let mut maximum_concurrency = None;
    if let Some(scaling) = props.map("ScalingConfig")? {
        let number = scaling.number("MaximumConcurrency", 2..=1_000)?;
        maximum_concurrency = number.and_then(|count| usize::try_from(count).ok());
        scaling.finish(&[])?;
    }
    let source = SqsSource {
        queue: around.resource(props, "Queue")?,
        batch_size: size(props.number("BatchSize", 1..=BATCH_MAX)?, SQS_BATCH_DEFAULT),
        window: window(props)?,
        maximum_concurrency,
        report_batch_item_failures: reports_items(props)?,
    };
    if source.batch_size > 10 && source.window.is_zero() {
        let hint = "BatchSize above 10 needs a MaximumBatchingWindowInSeconds of at least 1";
        return Err(TemplateError::at(props.path(), hint));
    }
    refuse_disabled(props)?;
    props.finish(&["MetricsConfig"])?;
    Ok(source)
}

fn stream(props: &Props<'_>, around: Surroundings<'_>) -> Result<StreamSource, TemplateError> {
    let from_oldest = match props.required_text("StartingPosition")?.as_str() {
        "TRIM_HORIZON" => true,
        "LATEST" => false,
        other => {
            return Err(TemplateError::unsupported(
                props.path(),
                format!("the StartingPosition {other}"),
            ));
        }
    };
    if props
        .number("ParallelizationFactor", 1..=10)?
        .is_some_and(|factor| factor > 1)
    {
        return Err(TemplateError::unsupported(
            props.path(),
            "a ParallelizationFactor above 1",
        ));
    }
    let mut filters = Vec::new();
    if let Some(criteria) = props.map("FilterCriteria")? {
        for filter in criteria.maps("Filters")? {
            let pattern = filter.required_text("Pattern")?;
            let pattern = serde_json::from_str(&pattern)
                .map_err(|error| TemplateError::at(filter.path(), format!("Pattern is not JSON: {error}")))?;
            filters.push(pattern);
            filter.finish(&[])?;
        }
        criteria.finish(&[])?;
    }
    let unlimited = |value: Option<String>| value.filter(|text| text != "-1");
    let retries = unlimited(props.text("MaximumRetryAttempts")?)
        .map(|text| text.parse::<u32>())
        .transpose();
    let age = unlimited(props.text("MaximumRecordAgeInSeconds")?)
        .map(|text| text.parse::<u64>())
        .transpose();
    let not_number = |_| TemplateError::at(props.path(), "the limit of retries or age must be a whole number");
    let source = StreamSource {
        table: around.resource(props, "Stream")?,
        batch_size: size(props.number("BatchSize", 1..=BATCH_MAX)?, STREAM_BATCH_DEFAULT),
        window: window(props)?,
        from_oldest,
        filters,
        bisect: props.flag("BisectBatchOnFunctionError")?.unwrap_or(false),
        maximum_retries: retries.map_err(not_number)?,
        maximum_age: age.map_err(not_number)?.map(Duration::from_secs),
        report_batch_item_failures: reports_items(props)?,
        on_failure_bucket: on_failure(props, around, "S3")?,
    };
    refuse_disabled(props)?;
    props.finish(&["MetricsConfig"])?;
    Ok(source)
}

/// The logical id of what takes the events that were given up; of this kind, which is the usual one.
pub(super) fn on_failure(
    props: &Props<'_>,
    around: Surroundings<'_>,
    kind: &str,
) -> Result<Option<String>, TemplateError> {
    let Some(config) = props.map("DestinationConfig")? else {
        return Ok(None);
    };
    let Some(target) = config.map("OnFailure")? else {
        return Ok(None);
    };
    if target.text("Type")?.is_some_and(|other| other != kind) {
        let other = format!("a destination other than {kind}");
        return Err(TemplateError::unsupported(target.path(), other));
    }
    let destination = around.resource(&target, "Destination")?;
    target.finish(&[])?;
    config.finish(&[])?;
    Ok(Some(destination))
}

/// A source that is switched off in the template would surprise locally; leaving it out says the same and is seen.
fn refuse_disabled(props: &Props<'_>) -> Result<(), TemplateError> {
    match props.flag("Enabled")? {
        Some(false) => Err(TemplateError::unsupported(props.path(), "a disabled event source")),
        _ => Ok(()),
    }
}

fn schedule(props: &Props<'_>) -> Result<ScheduleSource, TemplateError> {
    if let Some(window) = props.map("FlexibleTimeWindow")? {
        if window.required_text("Mode")? != "OFF" {
            return Err(TemplateError::unsupported(window.path(), "a flexible time window"));
        }
        window.finish(&[])?;
    }
    let source = ScheduleSource {
        expression: props.required_text("ScheduleExpression")?,
        time_zone: props
            .text("ScheduleExpressionTimezone")?
            .unwrap_or_else(|| "UTC".to_owned()),
        input: props.text("Input")?,
        enabled: props.text("State")?.is_none_or(|state| state == "ENABLED"),
    };
    props.finish(&["Name", "Description", "PermissionsBoundary", "RoleArn", "OmitName"])?;
    Ok(source)
}

fn s3(props: &Props<'_>, around: Surroundings<'_>) -> Result<S3Source, TemplateError> {
    let (mut prefix, mut suffix) = (String::new(), String::new());
    if let Some(filter) = props.map("Filter")? {
        if let Some(key) = filter.map("S3Key")? {
            for rule in key.maps("Rules")? {
                match rule.required_text("Name")?.to_ascii_lowercase().as_str() {
                    "prefix" => prefix = rule.required_text("Value")?,
                    "suffix" => suffix = rule.required_text("Value")?,
                    other => return Err(TemplateError::unsupported(rule.path(), format!("the filter {other}"))),
                }
                rule.finish(&[])?;
            }
            key.finish(&[])?;
        }
        filter.finish(&[])?;
    }
    let source = S3Source {
        bucket: around.resource(props, "Bucket")?,
        events: props.texts("Events")?,
        prefix,
        suffix,
    };
    if let Some(other) = source
        .events
        .iter()
        .find(|event| !event.starts_with("s3:ObjectCreated:"))
    {
        return Err(TemplateError::unsupported(
            props.path(),
            format!("the notification {other}"),
        ));
    }
    props.finish(&[])?;
    Ok(source)
}
