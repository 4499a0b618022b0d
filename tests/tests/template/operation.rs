//! Rules about what is kept, watched and built.

use std::collections::BTreeSet;

use serde_norway::Value;

use crate::document::{Template, at, entries, items, number, reference, tagged, text, workspace};

/// The variables that the functions' configuration knows.
const VARIABLES: [&str; 28] = [
    "ALLOWANCE_KEYS_SECRET_ARN",
    "CAMPAIGN_QUEUE_URL",
    "CAMPAIGN_RESULTS_QUEUE_URL",
    "CODE_KEYS_SECRET_ARN",
    "DAY_CLOSE_QUEUE_URL",
    "ERP_TENANTS",
    "FINANCE_BUCKET",
    "FINANCE_QUEUE_URL",
    "IMPORT_BUCKET",
    "IMPORT_QUEUE_URL",
    "ISSUANCE_QUEUE_URL",
    "LETTERSHOP_BUCKET",
    "LETTERSHOP_INBOX_QUEUE_URL",
    "LETTERSHOP_QUEUE_URL",
    "LOOKUP_PEPPER_SECRET_ARN",
    "OIDC_AUDIENCE",
    "OIDC_ISSUER",
    "PARTY_FEED_QUEUE_URL",
    "POSTING_QUEUE_URL",
    "POS_VOUCHER_QUEUE_URL",
    "PRIVACY_BUCKET",
    "PRIVACY_QUEUE_URL",
    "RECALCULATION_QUEUE_URL",
    "RELAY_FAILURES_BUCKET",
    "SEARCH_INDEX_QUEUE_URL",
    "STATEMENT_KEYS_SECRET_ARN",
    "TABLE_NAME",
    "WORKFLOW_QUEUE_URL",
];

/// What an access log may hold. Paths and queries carry card numbers, addresses identify a person.
const ACCESS_LOG_FIELDS: [&str; 3] = ["$context.requestId", "$context.routeKey", "$context.status"];

/// The functions that somebody could ask for codes or cards that do not exist.
const GUESSED_AT: [&str; 4] = [
    "CustomerFunction",
    "OfflineRedemptionFunction",
    "PurchaseIngestionFunction",
    "VoucherRedemptionFunction",
];

fn is_true(value: &Value, path: &[&str]) -> bool {
    at(value, path).and_then(Value::as_bool) == Some(true)
}

/// Every log group forgets, every function writes to its own, and the access log holds no personal data.
pub(crate) fn logs_are_kept_for_a_stated_time(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    for (id, group) in template.of_type("AWS::Logs::LogGroup") {
        if at(group, &["Properties", "RetentionInDays"]).is_none() {
            violations.push(format!("{id}: would be kept for ever"));
        }
    }
    let mut groups = BTreeSet::new();
    for (id, function) in template.of_type("AWS::Serverless::Function") {
        let group = at(function, &["Properties", "LoggingConfig", "LogGroup"])
            .and_then(reference)
            .unwrap_or_default();
        if template.resource(&group).and_then(|g| text(g, &["Type"])) != Some("AWS::Logs::LogGroup") {
            violations.push(format!("{id}: has no log group of its own"));
        } else if !groups.insert(group.clone()) {
            violations.push(format!("{id}: shares {group}"));
        }
    }
    if groups.is_empty() {
        violations.push("no function found".to_owned());
    }
    let format = template
        .resource("HttpApi")
        .and_then(|api| text(api, &["Properties", "AccessLogSettings", "Format"]));
    let fields: serde_json::Map<String, serde_json::Value> = format
        .and_then(|format| serde_json::from_str(format).ok())
        .unwrap_or_default();
    if fields.is_empty()
        || !fields
            .values()
            .all(|field| field.as_str().is_some_and(|f| ACCESS_LOG_FIELDS.contains(&f)))
    {
        violations.push(format!("HttpApi: the access log may hold only {ACCESS_LOG_FIELDS:?}"));
    }
    violations
}

/// Errors and throttles of every function, a late stream, 5xx answers, slow answers, and a throttled or contended table raise
/// an alarm.
pub(crate) fn failures_raise_an_alarm(template: &Template) -> Vec<String> {
    let mut wanted = BTreeSet::from([
        ("5xx", "HttpApi"),
        ("Latency", "HttpApi"),
        ("ReadThrottleEvents", "Table"),
        ("TransactionConflict", "Table"),
        ("WriteThrottleEvents", "Table"),
    ]);
    for (id, _) in template.of_type("AWS::Serverless::Function") {
        wanted.extend([("Errors", id), ("Throttles", id)]);
    }
    for (function, _, kind, _) in template.events() {
        if kind == "DynamoDB" {
            wanted.insert(("IteratorAge", function));
        }
    }
    let alarms = template.alarms();
    let mut violations: Vec<String> = wanted
        .into_iter()
        .filter(|(metric, id)| !alarms.contains(&((*metric).to_owned(), (*id).to_owned())))
        .map(|(metric, id)| format!("{id}: no alarm on {metric}"))
        .collect();
    let functions = guessing_watched(template);
    if functions != GUESSED_AT.map(str::to_owned).into() {
        violations.push(format!("alarms on unknown codes and cards watch {functions:?}"));
    }
    for (id, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        let watched = text(alarm, &["Properties", "MetricName"]);
        if watched == Some("5xx") && number(alarm, &["Properties", "Threshold"]).is_none_or(|least| least < 5) {
            violations.push(format!("{id}: a single 503 that its caller repeats wakes somebody"));
        }
        if watched == Some("Latency") && text(alarm, &["Properties", "ExtendedStatistic"]) != Some("p99") {
            violations.push(format!("{id}: watches another latency than the 99th percentile"));
        }
        if at(alarm, &["Properties", "AlarmActions"]).is_none()
            || text(alarm, &["Properties", "AlarmDescription"]).is_none()
        {
            violations.push(format!("{id}: must notify somebody and tell them what to do"));
        }
    }
    violations
}

/// A filter on a log looks for a message that a function of the workspace writes, and an alarm watches what it counts.
pub(crate) fn log_filters_find_what_functions_write(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut filters = 0;
    for (id, filter) in template.of_type("AWS::Logs::MetricFilter") {
        filters += 1;
        let group = at(filter, &["Properties", "LogGroupName"])
            .and_then(reference)
            .unwrap_or_default();
        let writer = template.of_type("AWS::Serverless::Function").find(|(_, function)| {
            at(function, &["Properties", "LoggingConfig", "LogGroup"])
                .and_then(reference)
                .as_ref()
                == Some(&group)
        });
        let folder = writer
            .and_then(|(_, function)| text(function, &["Properties", "CodeUri"]))
            .unwrap_or_default();
        let message = text(filter, &["Properties", "FilterPattern"]).and_then(|pattern| pattern.split('"').nth(1));
        let sources = std::fs::read_dir(workspace().join(folder).join("src"))
            .into_iter()
            .flatten()
            .flatten();
        let mut sources = sources.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        if !message.is_some_and(|message| sources.any(|source| source.contains(&format!("\"{message}\"")))) {
            violations.push(format!("{id}: {folder}src does not write {message:?}"));
        }
        let counted = items(at(filter, &["Properties", "MetricTransformations"]));
        let counted: BTreeSet<_> = counted
            .iter()
            .filter_map(|metric| text(metric, &["MetricName"]))
            .collect();
        let watched = template
            .of_type("AWS::CloudWatch::Alarm")
            .any(|(_, alarm)| text(alarm, &["Properties", "MetricName"]).is_some_and(|name| counted.contains(name)));
        if !watched {
            violations.push(format!("{id}: no alarm watches {counted:?}"));
        }
    }
    if filters == 0 {
        violations.push("no filter found".to_owned());
    }
    violations
}

/// The functions whose ratio of unknown codes or cards an alarm computes: functions of this stack, because two stacks in one
/// account share the namespace.
fn guessing_watched(template: &Template) -> BTreeSet<String> {
    let metrics = template
        .of_type("AWS::CloudWatch::Alarm")
        .flat_map(|(_, alarm)| items(at(alarm, &["Properties", "Metrics"])))
        .filter_map(|metric| at(metric, &["MetricStat", "Metric"]));
    metrics
        .filter(|metric| text(metric, &["Namespace"]) == Some("Treue"))
        .filter(|metric| text(metric, &["MetricName"]) == Some("UnknownCodeLookups"))
        .flat_map(|metric| items(at(metric, &["Dimensions"])))
        .filter(|dimension| text(dimension, &["Name"]) == Some("function"))
        .filter_map(|dimension| at(dimension, &["Value"]).and_then(reference))
        .collect()
}

/// The table survives mistakes, and a teardown.
pub(crate) fn table_is_protected(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    for (id, table) in template.of_type("AWS::DynamoDB::Table") {
        let properties = &["Properties"];
        let Some(table_properties) = at(table, properties) else {
            continue;
        };
        let kept = |key| text(table, &[key]) == Some("Retain");
        let protection = at(table_properties, &["DeletionProtectionEnabled"]).and_then(reference);
        let by_default = protection
            .as_deref()
            .and_then(|name| text(template.root(), &["Parameters", name, "Default"]))
            == Some("true");
        let facts = [
            (
                "DeletionPolicy and UpdateReplacePolicy are Retain",
                kept("DeletionPolicy") && kept("UpdateReplacePolicy"),
            ),
            ("deletion protection is on by default", by_default),
            (
                "point in time recovery",
                is_true(
                    table_properties,
                    &["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"],
                ),
            ),
            (
                "TTL",
                is_true(table_properties, &["TimeToLiveSpecification", "Enabled"]),
            ),
            (
                "encryption",
                is_true(table_properties, &["SSESpecification", "SSEEnabled"]),
            ),
            (
                "a stream of new images",
                text(table_properties, &["StreamSpecification", "StreamViewType"]) == Some("NEW_IMAGE"),
            ),
            (
                "on-demand capacity",
                text(table_properties, &["BillingMode"]) == Some("PAY_PER_REQUEST"),
            ),
        ];
        violations.extend(
            facts
                .iter()
                .filter(|(_, holds)| !holds)
                .map(|(what, _)| format!("{id}: lacks {what}")),
        );
    }
    if template.of_type("AWS::DynamoDB::Table").count() != 1 {
        violations.push("there is one table".to_owned());
    }
    violations
}

/// Buckets are private, encrypted, reached by TLS only, and forget unfinished uploads.
pub(crate) fn buckets_are_locked_down(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut buckets = 0;
    for (id, bucket) in template.of_type("AWS::S3::Bucket") {
        buckets += 1;
        let Some(properties) = at(bucket, &["Properties"]) else {
            continue;
        };
        for flag in [
            "BlockPublicAcls",
            "BlockPublicPolicy",
            "IgnorePublicAcls",
            "RestrictPublicBuckets",
        ] {
            if !is_true(properties, &["PublicAccessBlockConfiguration", flag]) {
                violations.push(format!("{id}: {flag} is off"));
            }
        }
        let ownership = items(at(properties, &["OwnershipControls", "Rules"]));
        if !ownership
            .iter()
            .any(|rule| text(rule, &["ObjectOwnership"]) == Some("BucketOwnerEnforced"))
        {
            violations.push(format!("{id}: takes access lists"));
        }
        let encryption = items(at(
            properties,
            &["BucketEncryption", "ServerSideEncryptionConfiguration"],
        ));
        if !encryption
            .iter()
            .any(|rule| text(rule, &["ServerSideEncryptionByDefault", "SSEAlgorithm"]).is_some())
        {
            violations.push(format!("{id}: not encrypted"));
        }
        let lifecycle = items(at(properties, &["LifecycleConfiguration", "Rules"]));
        if !lifecycle
            .iter()
            .any(|rule| number(rule, &["AbortIncompleteMultipartUpload", "DaysAfterInitiation"]).is_some())
        {
            violations.push(format!("{id}: keeps and bills unfinished uploads"));
        }
        if !refuses_plain_http(template, id) {
            violations.push(format!("{id}: no policy refuses plain HTTP"));
        }
    }
    if buckets == 0 {
        violations.push("no bucket found".to_owned());
    }
    violations
}

fn refuses_plain_http(template: &Template, bucket: &str) -> bool {
    template.of_type("AWS::S3::BucketPolicy").any(|(_, policy)| {
        at(policy, &["Properties", "Bucket"]).and_then(reference).as_deref() == Some(bucket)
            && items(at(policy, &["Properties", "PolicyDocument", "Statement"]))
                .iter()
                .any(|statement| {
                    text(statement, &["Effect"]) == Some("Deny")
                        && text(statement, &["Principal"]) == Some("*")
                        && text(statement, &["Action"]) == Some("s3:*")
                        && text(statement, &["Condition", "Bool", "aws:SecureTransport"]) == Some("false")
                        && items(at(statement, &["Resource"])).len() == 2
                })
    })
}

/// The functions of the template are the packages under functions/, built by cargo-lambda for the OS-only runtime.
pub(crate) fn functions_are_the_packages(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut declared = BTreeSet::new();
    for (id, function) in template.of_type("AWS::Serverless::Function") {
        let folder = text(function, &["Properties", "CodeUri"])
            .unwrap_or_default()
            .trim_end_matches('/');
        let global = |name| template.function_property(function, name);
        let facts = [
            (
                "BuildMethod rust-cargolambda",
                text(function, &["Metadata", "BuildMethod"]) == Some("rust-cargolambda"),
            ),
            (
                "Runtime provided.al2023",
                global("Runtime").and_then(Value::as_str) == Some("provided.al2023"),
            ),
            (
                "Handler bootstrap",
                global("Handler").and_then(Value::as_str) == Some("bootstrap"),
            ),
            (
                "Architectures by parameter",
                items(global("Architectures"))
                    .iter()
                    .filter_map(|a| tagged(a))
                    .any(|(_, a)| a == "Architecture"),
            ),
            (
                "a time-out under the 30 s of the API",
                global("Timeout")
                    .and_then(Value::as_u64)
                    .is_some_and(|seconds| seconds < 30)
                    || !serves_http(template, id),
            ),
            ("MemorySize", global("MemorySize").and_then(Value::as_u64).is_some()),
            (
                "active tracing",
                global("Tracing").and_then(Value::as_str) == Some("Active"),
            ),
        ];
        violations.extend(
            facts
                .iter()
                .filter(|(_, holds)| !holds)
                .map(|(what, _)| format!("{id}: lacks {what}")),
        );
        for (name, _) in entries(at(function, &["Properties", "Environment", "Variables"])) {
            if !VARIABLES.contains(&name) {
                violations.push(format!("{id}: no function reads the variable {name}"));
            }
        }
        if !declared.insert(folder.to_owned()) {
            violations.push(format!("{folder}: two functions"));
        }
    }
    let packages = std::fs::read_dir(workspace().join("functions"))
        .into_iter()
        .flatten()
        .flatten();
    let packages: BTreeSet<String> = packages
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| format!("functions/{}", entry.file_name().to_string_lossy()))
        .collect();
    if packages != declared || packages.is_empty() {
        violations.push(format!("packages {packages:?}, functions {declared:?}"));
    }
    violations
}

fn serves_http(template: &Template, function: &str) -> bool {
    template
        .events()
        .iter()
        .any(|(id, _, kind, _)| *id == function && *kind == "HttpApi")
}
