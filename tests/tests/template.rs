//! The rules that template.yaml keeps. Each rule is a function that lists its violations; each is shown to see one by a
//! template that breaks it.

#[path = "template/access.rs"]
mod access;
#[path = "template/delivery.rs"]
mod delivery;
#[path = "template/document.rs"]
mod document;
#[path = "template/operation.rs"]
mod operation;

use anyhow::{Result, ensure};
use document::Template;

type Rule = fn(&Template) -> Vec<String>;

/// The template as deployed keeps the rule, and the rule objects to each of the broken ones: the first text is
/// replaced by the second wherever it stands.
fn check(rule: Rule, breakages: &[(&str, &str)]) -> Result<()> {
    let text = document::deployed_text()?;
    let violations = rule(&Template::parse(&text)?);
    ensure!(
        violations.is_empty(),
        "template.yaml breaks the rule:\n{}",
        violations.join("\n")
    );
    for (from, to) in breakages {
        ensure!(
            text.contains(from),
            "this test would break {from:?}, which template.yaml no longer holds"
        );
        let broken = Template::parse(&text.replace(from, to))?;
        ensure!(
            !rule(&broken).is_empty(),
            "the rule does not see that {from:?} became {to:?}"
        );
    }
    Ok(())
}

#[test]
fn grants_name_their_actions_and_resources() -> Result<()> {
    check(
        access::grants_name_actions_and_resources,
        &[
            ("[dynamodb:GetItem]", "[\"dynamodb:*\"]"),
            ("[dynamodb:GetItem]", "\"*\""),
            ("Resource: !GetAtt Table.StreamArn", "Resource: \"*\""),
            (
                "Resource: !GetAtt Table.StreamArn",
                "Resource: \"arn:aws:dynamodb:*:*:table/*\"",
            ),
            (
                "${RelayFailuresBucket.Arn}/not-understood/*",
                "${RelayFailuresBucket.Arn}*",
            ),
            ("- xray:PutTelemetryRecords", "- s3:PutObject"),
            ("AWS: !Ref PosMiddlewareArn", "AWS: \"*\""),
            (
                "Action: [secretsmanager:GetSecretValue]",
                "NotAction: [secretsmanager:DeleteSecret]",
            ),
        ],
    )
}

#[test]
fn access_to_the_table_is_bounded_by_keys() -> Result<()> {
    check(
        access::table_access_is_bounded_by_keys,
        &[
            ("dynamodb:LeadingKeys: [\"APIKEY#*\"]", "dynamodb:LeadingKeys: [\"*\"]"),
            ("ForAllValues:StringLike", "StringNotLike"),
            ("[dynamodb:GetItem]", "[dynamodb:Scan]"),
            ("[dynamodb:Scan]", "[dynamodb:Scan, dynamodb:GetItem]"),
        ],
    )
}

#[test]
fn who_looks_for_an_object_hears_that_there_is_none() -> Result<()> {
    check(
        access::missing_objects_are_told,
        &[(
            "Resource: !GetAtt LettershopBucket.Arn",
            "Resource: !GetAtt ImportBucket.Arn",
        )],
    )
}

#[test]
fn a_transaction_is_granted_by_one_statement_for_each_of_its_actions() -> Result<()> {
    check(
        access::transactions_are_granted_whole,
        &[
            ("[\"RECEIPT#*\", \"CARD#*\"]", "[\"RECEIPT#*\"]"),
            ("[\"PARTY#*\", \"VOUCHER#*\"]", "[\"VOUCHER#*\"]"),
            ("[\"FEED#*\", \"PARTY#*\"]", "[\"FEED#*\"]"),
            (
                "Action: [dynamodb:PutItem, dynamodb:ConditionCheckItem]",
                "Action: [dynamodb:PutItem]",
            ),
            (
                "dynamodb:EnclosingOperation: [TransactWriteItems]",
                "aws:ViaAWSService: [\"false\"]",
            ),
        ],
    )
}

#[test]
fn each_function_has_its_own_role_with_its_own_statements() -> Result<()> {
    check(
        access::each_function_has_its_own_role,
        &[
            ("Role: !GetAtt CustomerRole.Arn", "Role: !GetAtt AdministrationRole.Arn"),
            ("      Role: !GetAtt CustomerRole.Arn\n", ""),
            ("Service: lambda.amazonaws.com", "AWS: \"*\""),
            ("- !Ref TraceWriting", "- arn:aws:iam::aws:policy/AdministratorAccess"),
        ],
    )
}

#[test]
fn every_route_is_authorised_except_the_open_ones() -> Result<()> {
    check(
        access::every_route_is_authorised,
        &[
            (
                "Path: \"/v1/purchases\"",
                "Path: \"/v1/purchases\", Auth: { Authorizer: NONE }",
            ),
            (", Auth: { Authorizer: NONE }", ""),
            ("        DefaultAuthorizer: KeyOrToken\n", ""),
            ("                - routeKey\n", "                - stage\n"),
            ("ReauthorizeEvery: 60", "ReauthorizeEvery: 3600"),
            ("Path: \"/v1/vouchers/reserve\"", "Path: \"/v1/vouchers/redeem\""),
        ],
    )
}

#[test]
fn the_routes_are_those_that_the_functions_answer() -> Result<()> {
    check(
        access::routes_are_those_of_the_functions,
        &[
            ("\"/v1/purchases/{key}/claim\"", "\"/v1/purchases/{key}/claims\""),
            ("Method: DELETE", "Method: POST"),
            ("CodeUri: functions/customer/", "CodeUri: functions/administration/"),
        ],
    )
}

#[test]
fn sources_report_failures_message_by_message() -> Result<()> {
    check(
        delivery::sources_report_single_failures,
        &[
            ("- ReportBatchItemFailures", "- NONE"),
            ("MaximumConcurrency", "MinimumConcurrency"),
            ("            BisectBatchOnFunctionError: true\n", ""),
            ("            MaximumRetryAttempts: -1\n", ""),
            (
                "Destination: !GetAtt RelayFailuresBucket.Arn",
                "Destination: !GetAtt PostingDeadLetters.Arn",
            ),
        ],
    )
}

#[test]
fn a_notification_of_a_bucket_that_fails_in_all_tries_is_kept() -> Result<()> {
    check(
        delivery::notifications_are_not_lost,
        &[
            (
                "            Destination: !GetAtt LettershopInboxNoticeDeadLetters.Arn\n",
                "            Destination: !GetAtt ImportNoticeDeadLetters.Arn\n",
            ),
            (
                "                Resource: !GetAtt ImportNoticeDeadLetters.Arn\n",
                "                Resource: !GetAtt ImportDeadLetters.Arn\n",
            ),
            (
                "      EventInvokeConfig:\n        DestinationConfig:\n          OnFailure:\n",
                "      EventInvokeConfig:\n        DestinationConfig:\n          OnSuccess:\n",
            ),
        ],
    )
}

#[test]
fn every_queue_keeps_what_cannot_be_delivered_and_is_watched() -> Result<()> {
    check(
        delivery::queues_keep_what_cannot_be_delivered,
        &[
            ("maxReceiveCount: 8", "maxReceiveCount: 4"),
            ("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 345600"),
            ("MessageRetentionPeriod: 345600", "MessageRetentionPeriod: 1209600"),
            (
                "deadLetterTargetArn: !GetAtt IssuanceDeadLetters.Arn",
                "deadLetterTargetArn: !GetAtt PostingDeadLetters.Arn",
            ),
            ("SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"),
            (
                "Value: !GetAtt IssuanceDeadLetters.QueueName",
                "Value: !GetAtt PostingDeadLetters.QueueName",
            ),
            (
                "Value: !GetAtt LettershopInboxNoticeDeadLetters.QueueName",
                "Value: !GetAtt ImportNoticeDeadLetters.QueueName",
            ),
            ("ApproximateAgeOfOldestMessage", "NumberOfMessagesSent"),
            ("    Condition: HasPosMiddleware\n", ""),
            (
                "  IssuanceQueueAgeAlarm:\n",
                "  IssuanceQueueAgeAlarm:\n    Condition: HasPosMiddleware\n",
            ),
        ],
    )
}

#[test]
fn a_message_stays_invisible_for_six_time_outs() -> Result<()> {
    check(
        delivery::visibility_outlasts_the_consumer,
        &[
            ("VisibilityTimeout: 120", "VisibilityTimeout: 119"),
            ("Timeout: 20\n", "Timeout: 21\n"),
            (
                "            BatchSize: 10\n",
                "            BatchSize: 10\n            MaximumBatchingWindowInSeconds: 1\n",
            ),
        ],
    )
}

#[test]
fn r5_late_workers_of_a_stopped_run_are_waited_for() -> Result<()> {
    let of_runs = "      Role: !GetAtt CampaignRunRole.Arn\n      MemorySize: 256\n      Timeout: 300\n";
    let longer = of_runs.replace("300", "301");
    check(delivery::late_workers_are_waited_for, &[(of_runs, &longer)])
}

#[test]
fn logs_are_kept_for_a_stated_time_and_hold_no_paths() -> Result<()> {
    check(
        operation::logs_are_kept_for_a_stated_time,
        &[
            ("      RetentionInDays: !Ref LogRetentionDays\n", ""),
            ("LogGroup: !Ref CustomerLogs", "LogGroup: !Ref AuthorizerLogs"),
            ("\"$context.routeKey\"", "\"$context.path\""),
        ],
    )
}

#[test]
fn failures_raise_an_alarm_that_says_what_to_do() -> Result<()> {
    check(
        operation::failures_raise_an_alarm,
        &[
            ("MetricName: Errors", "MetricName: Invocations"),
            ("MetricName: Throttles", "MetricName: Invocations"),
            ("MetricName: IteratorAge", "MetricName: Duration"),
            ("MetricName: 5xx", "MetricName: 4xx"),
            ("MetricName: UnknownCodeLookups", "MetricName: CodeLookups"),
            (
                "{ Name: function, Value: !Ref CustomerFunction }",
                "{ Name: function, Value: customer }",
            ),
            (
                "MetricName: WriteThrottleEvents",
                "MetricName: ConsumedWriteCapacityUnits",
            ),
            (
                "      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]\n",
                "",
            ),
        ],
    )
}

#[test]
fn log_filters_find_what_the_functions_write() -> Result<()> {
    check(
        operation::log_filters_find_what_functions_write,
        &[
            (
                "\"a stream record cannot be understood\"",
                "\"a stream record was not understood\"",
            ),
            (
                "      MetricName: NotUnderstoodRecords\n      Statistic",
                "      MetricName: Errors\n      Statistic",
            ),
            ("LogGroupName: !Ref EventRelayLogs", "LogGroupName: !Ref CustomerLogs"),
        ],
    )
}

#[test]
fn the_table_survives_mistakes_and_a_teardown() -> Result<()> {
    check(
        operation::table_is_protected,
        &[
            ("DeletionPolicy: Retain", "DeletionPolicy: Delete"),
            ("PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"),
            (
                "DeletionProtectionEnabled: !Ref DeletionProtection",
                "DeletionProtectionEnabled: false",
            ),
            ("StreamViewType: NEW_IMAGE", "StreamViewType: KEYS_ONLY"),
            ("SSEEnabled: true", "SSEEnabled: false"),
            (
                "AttributeName: ttl\n        Enabled: true",
                "AttributeName: ttl\n        Enabled: false",
            ),
        ],
    )
}

#[test]
fn buckets_are_private_encrypted_and_tidy() -> Result<()> {
    check(
        operation::buckets_are_locked_down,
        &[
            ("BlockPublicPolicy: true", "BlockPublicPolicy: false"),
            ("BucketOwnerEnforced", "ObjectWriter"),
            ("SSEAlgorithm", "Algorithm"),
            ("AbortIncompleteMultipartUpload", "Transition"),
            ("aws:SecureTransport: \"false\"", "aws:SecureTransport: \"true\""),
        ],
    )
}

#[test]
fn the_functions_are_the_packages_of_the_workspace() -> Result<()> {
    check(
        operation::functions_are_the_packages,
        &[
            ("CodeUri: functions/customer/", "CodeUri: functions/authorizer/"),
            ("BuildMethod: rust-cargolambda", "BuildMethod: makefile"),
            ("Runtime: provided.al2023", "Runtime: provided.al2"),
            ("Handler: bootstrap", "Handler: main"),
            ("Timeout: 10\n", "Timeout: 31\n"),
            ("TABLE_NAME: !Ref Table", "TABEL_NAME: !Ref Table"),
            ("Tracing: Active", "Tracing: PassThrough"),
        ],
    )
}
