//! Rules that keep messages from being lost or delivered while they are being worked on.

use std::collections::BTreeSet;

use serde_norway::Value;
use store::run::WORKER_LIVES;

use crate::document::{Template, at, items, number, reference, text};

/// AWS asks for six time-outs of visibility, so that a throttled batch is not delivered again while it waits.
const VISIBILITY_TIMEOUTS_MIN: u64 = 6;
/// Below five, a few throttled deliveries send a good message to the dead letters.
const RECEIVES_MIN: u64 = 5;
/// The longest that SQS keeps a message.
const DEAD_LETTER_SECONDS: u64 = 14 * 24 * 60 * 60;
/// How far the clocks of two machines may differ.
const CLOCK_SECONDS: u64 = 60;

/// Every source that delivers batches reports failures message by message; queues bound their concurrency; streams
/// bisect, give up after a bounded number of tries, and leave what failed in a bucket.
pub(crate) fn sources_report_single_failures(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut sources = 0;
    for (function, event, kind, properties) in template.events() {
        let source = format!("{function} {event}");
        match kind {
            "HttpApi" | "ScheduleV2" | "S3" => continue,
            "SQS" => {
                if number(properties, &["ScalingConfig", "MaximumConcurrency"]).is_none() {
                    violations.push(format!("{source}: ScalingConfig.MaximumConcurrency is missing"));
                }
            }
            "DynamoDB" => violations.extend(stream_violations(template, &source, properties)),
            other => violations.push(format!("{source}: no rule for events of type {other}")),
        }
        sources += 1;
        let responses = items(at(properties, &["FunctionResponseTypes"]));
        if !responses
            .iter()
            .any(|response| response.as_str() == Some("ReportBatchItemFailures"))
        {
            violations.push(format!("{source}: ReportBatchItemFailures is missing"));
        }
    }
    if sources == 0 {
        violations.push("no batch source found".to_owned());
    }
    violations
}

fn stream_violations(template: &Template, source: &str, properties: &Value) -> Vec<String> {
    let mut violations = Vec::new();
    if at(properties, &["BisectBatchOnFunctionError"]).and_then(Value::as_bool) != Some(true) {
        violations.push(format!("{source}: one bad record would hold back its batch"));
    }
    if at(properties, &["MaximumRetryAttempts"]).is_none() {
        violations.push(format!("{source}: it is not said how often a batch comes again"));
    }
    let destination = at(properties, &["DestinationConfig", "OnFailure", "Destination"])
        .and_then(reference)
        .unwrap_or_default();
    if template.resource(&destination).and_then(|r| text(r, &["Type"])) != Some("AWS::S3::Bucket") {
        violations.push(format!("{source}: only a bucket keeps the failed records themselves"));
    }
    violations
}

/// The queue that a queue's redrive policy names.
fn dead_letters_of(queue: &Value) -> Option<String> {
    at(queue, &["Properties", "RedrivePolicy", "deadLetterTargetArn"]).and_then(reference)
}

/// Every function that a bucket notifies, with the queue that takes the notifications which it did not take in all tries.
fn left_by_buckets(template: &Template) -> Vec<(&str, Option<String>)> {
    let path = ["EventInvokeConfig", "DestinationConfig", "OnFailure", "Destination"];
    let left = |function| {
        let properties = at(template.resource(function)?, &["Properties"])?;
        at(properties, &path).and_then(reference)
    };
    let mut events = template.events();
    events.retain(|(_, _, kind, _)| *kind == "S3");
    events
        .into_iter()
        .map(|(function, ..)| (function, left(function)))
        .collect()
}

/// Notifications of a bucket that fail in all tries are kept in a queue of their own, and the function may put them there.
pub(crate) fn notifications_are_not_lost(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let left = left_by_buckets(template);
    for (function, queue) in &left {
        let Some(queue) = queue else {
            violations.push(format!(
                "{function}: a notification that fails in all tries would be lost"
            ));
            continue;
        };
        let role = template
            .resource(function)
            .and_then(|f| at(f, &["Properties", "Role"]))
            .and_then(reference);
        let policies = role.as_deref().and_then(|role| template.resource(role));
        let policies = items(policies.and_then(|role| at(role, &["Properties", "Policies"])));
        let mut statements = policies
            .iter()
            .flat_map(|policy| items(at(policy, &["PolicyDocument", "Statement"])));
        let may = statements.any(|statement| {
            let actions = items(at(statement, &["Action"]));
            actions.iter().any(|action| action.as_str() == Some("sqs:SendMessage"))
                && at(statement, &["Resource"]).and_then(reference).as_ref() == Some(queue)
        });
        if !may {
            violations.push(format!("{function}: may not send to {queue}"));
        }
    }
    if left.is_empty() {
        violations.push("no bucket notifies a function".to_owned());
    }
    violations
}

/// Every queue hands what it cannot deliver to its own dead-letter queue, late enough, and both are watched; so is what buckets left.
pub(crate) fn queues_keep_what_cannot_be_delivered(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let alarms = template.alarms();
    let watched = |metric: &str, id: &str| {
        if alarms.contains(&(metric.to_owned(), id.to_owned())) {
            None
        } else {
            Some(format!("{id}: no alarm on {metric}"))
        }
    };
    let left = left_by_buckets(template);
    let mut dead_letters: BTreeSet<String> = left.iter().filter_map(|(_, queue)| queue.clone()).collect();
    if dead_letters.len() != left.len() {
        violations.push(format!(
            "{left:?}: each bucket's notifications need a queue of their own"
        ));
    }
    let mut without_redrive = BTreeSet::new();
    for (id, queue) in template.of_type("AWS::SQS::Queue") {
        if at(queue, &["Properties", "SqsManagedSseEnabled"]).and_then(Value::as_bool) != Some(true) {
            violations.push(format!("{id}: not encrypted"));
        }
        let Some(target) = dead_letters_of(queue) else {
            without_redrive.insert(id.to_owned());
            // `treue replay` and the demo day find them by their names.
            if !id.ends_with("DeadLetters") {
                violations.push(format!("{id}: its name does not end with DeadLetters"));
            }
            violations.extend(watched("ApproximateNumberOfMessagesVisible", id));
            if number(queue, &["Properties", "MessageRetentionPeriod"]) != Some(DEAD_LETTER_SECONDS) {
                violations.push(format!("{id}: keeps its messages for less than 14 days"));
            }
            continue;
        };
        violations.extend(watched("ApproximateAgeOfOldestMessage", id));
        if age_is_always_watched(template, id) != has_consumer(template, id) {
            violations.push(format!(
                "{id}: the alarm on its age needs a condition where no function reads it, and only there"
            ));
        }
        if number(queue, &["Properties", "RedrivePolicy", "maxReceiveCount"]).is_none_or(|count| count < RECEIVES_MIN) {
            violations.push(format!("{id}: maxReceiveCount is under {RECEIVES_MIN}"));
        }
        // A dead letter keeps the age of its message: with equal retention an old message would be lost on arrival.
        if number(queue, &["Properties", "MessageRetentionPeriod"]).is_none_or(|seconds| seconds >= DEAD_LETTER_SECONDS)
        {
            violations.push(format!(
                "{id}: must keep its messages for less than its dead-letter queue does"
            ));
        }
        if !dead_letters.insert(target.clone()) {
            violations.push(format!("{target}: takes the dead letters of several queues"));
        }
    }
    if dead_letters != without_redrive || dead_letters.is_empty() {
        violations.push(format!(
            "dead-letter queues {dead_letters:?}, queues without redrive {without_redrive:?}"
        ));
    }
    violations
}

/// Whether every stack has the alarm on the age of the queue's oldest message.
fn age_is_always_watched(template: &Template, queue: &str) -> bool {
    let mut alarms = template.of_type("AWS::CloudWatch::Alarm");
    alarms.any(|(_, alarm)| {
        let dimensions = items(at(alarm, &["Properties", "Dimensions"]));
        let mut of = dimensions.iter().filter_map(|d| at(d, &["Value"]).and_then(reference));
        text(alarm, &["Properties", "MetricName"]) == Some("ApproximateAgeOfOldestMessage")
            && of.any(|id| id == queue)
            && at(alarm, &["Condition"]).is_none()
    })
}

/// Whether a function of the template reads the queue.
fn has_consumer(template: &Template, queue: &str) -> bool {
    let events = template.events();
    let mut sources = events.iter().filter(|(_, _, kind, _)| *kind == "SQS");
    sources.any(|(.., properties)| at(properties, &["Queue"]).and_then(reference).as_deref() == Some(queue))
}

/// No worker that gives vouchers outlives the wait for it when the vouchers of its run are blocked: a minute is left for clocks.
pub(crate) fn late_workers_are_waited_for(template: &Template) -> Vec<String> {
    let timeout = template
        .resource("CampaignRunFunction")
        .and_then(|function| template.function_property(function, "Timeout"))
        .and_then(Value::as_u64);
    let waited = u64::try_from(WORKER_LIVES.num_seconds()).unwrap_or(0);
    match timeout {
        Some(timeout) if timeout + CLOCK_SECONDS <= waited => Vec::new(),
        _ => vec![format!(
            "a worker of runs lives {timeout:?} s, and is waited for {waited} s"
        )],
    }
}

/// A message stays invisible for at least six time-outs of its consumer and the window that gathers a batch.
pub(crate) fn visibility_outlasts_the_consumer(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut consumers = 0;
    for (function, event, kind, properties) in template.events() {
        if kind != "SQS" {
            continue;
        }
        consumers += 1;
        let queue = at(properties, &["Queue"]).and_then(reference).unwrap_or_default();
        let visibility = template
            .resource(&queue)
            .and_then(|q| number(q, &["Properties", "VisibilityTimeout"]));
        let timeout = template
            .resource(function)
            .and_then(|f| template.function_property(f, "Timeout"))
            .and_then(Value::as_u64);
        let window = number(properties, &["MaximumBatchingWindowInSeconds"]).unwrap_or(0);
        match (visibility, timeout) {
            (Some(visibility), Some(timeout)) if visibility >= VISIBILITY_TIMEOUTS_MIN * timeout + window => {}
            _ => violations.push(format!(
                "{function} {event}: visibility {visibility:?} s of {queue:?}, time-out {timeout:?} s, window {window} s"
            )),
        }
    }
    if consumers == 0 {
        violations.push("no queue has a consumer".to_owned());
    }
    violations
}
