//! Tables, queues, buckets and secrets from their properties.

use std::collections::BTreeMap;

use super::{
    Attributes, Props, TemplateError,
    model::{Bucket, Index, Queue, Redrive, Secret, Table},
};

pub(super) fn table(id: &str, name: &str, props: &Props<'_>) -> Result<Table, TemplateError> {
    let mut attributes = BTreeMap::new();
    for definition in props.maps("AttributeDefinitions")? {
        attributes.insert(
            definition.required_text("AttributeName")?,
            definition.required_text("AttributeType")?,
        );
        definition.finish(&[])?;
    }
    let keys = key_schema(props)?;
    let mut indexes = Vec::new();
    for index in props.maps("GlobalSecondaryIndexes")? {
        let projection = index.map("Projection")?;
        let projection = projection.ok_or_else(|| TemplateError::at(index.path(), "has no Projection"))?;
        indexes.push(Index {
            name: index.required_text("IndexName")?,
            keys: key_schema(&index)?,
            projection: projection.text("ProjectionType")?.unwrap_or_else(|| "ALL".to_owned()),
            included: projection.texts("NonKeyAttributes")?,
        });
        projection.finish(&[])?;
        index.finish(&[
            "OnDemandThroughput",
            "ContributorInsightsSpecification",
            "WarmThroughput",
        ])?;
    }
    let ttl_attribute = match props.map("TimeToLiveSpecification")? {
        Some(ttl) if ttl.flag("Enabled")?.unwrap_or(true) => Some(ttl.required_text("AttributeName")?),
        _ => None,
    };
    let stream_view = match props.map("StreamSpecification")? {
        Some(stream) => Some(stream.required_text("StreamViewType")?),
        None => None,
    };
    if props.text("BillingMode")?.as_deref() != Some("PAY_PER_REQUEST") {
        return Err(TemplateError::unsupported(
            props.path(),
            "a BillingMode other than PAY_PER_REQUEST",
        ));
    }
    props.finish(&[
        "TableName",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "DeletionProtectionEnabled",
        "ContributorInsightsSpecification",
        "OnDemandThroughput",
        "WarmThroughput",
        "TableClass",
        "Tags",
    ])?;
    Ok(Table {
        id: id.to_owned(),
        name: name.to_owned(),
        keys,
        attributes,
        indexes,
        ttl_attribute,
        stream_view,
    })
}

fn key_schema(props: &Props<'_>) -> Result<Vec<String>, TemplateError> {
    let mut keys: Vec<(String, String)> = Vec::new();
    for key in props.maps("KeySchema")? {
        keys.push((key.required_text("KeyType")?, key.required_text("AttributeName")?));
    }
    // "HASH" sorts before "RANGE".
    keys.sort();
    let kinds: Vec<&str> = keys.iter().map(|(kind, _)| kind.as_str()).collect();
    if kinds != ["HASH"] && kinds != ["HASH", "RANGE"] {
        return Err(TemplateError::at(
            props.path(),
            "KeySchema needs one HASH key and at most one RANGE key",
        ));
    }
    Ok(keys.into_iter().map(|(_, name)| name).collect())
}

pub(super) fn queue(id: &str, name: &str, props: &Props<'_>, known: &Attributes) -> Result<Queue, TemplateError> {
    if props.flag("FifoQueue")?.unwrap_or(false) {
        return Err(TemplateError::unsupported(props.path(), "a FIFO queue"));
    }
    let limits = [
        ("VisibilityTimeout", 0..=43_200),
        ("MessageRetentionPeriod", 60..=1_209_600),
        ("DelaySeconds", 0..=900),
        ("ReceiveMessageWaitTimeSeconds", 0..=20),
        ("MaximumMessageSize", 1_024..=1_048_576),
    ];
    let mut attributes = BTreeMap::new();
    for (attribute, bounds) in limits {
        if let Some(number) = props.number(attribute, bounds)? {
            attributes.insert(attribute.to_owned(), number.to_string());
        }
    }
    let redrive = match props.map("RedrivePolicy")? {
        None => None,
        Some(policy) => {
            let arn = policy.required_text("deadLetterTargetArn")?;
            let target = known.logical_id(&arn).map(str::to_owned);
            let target = target
                .ok_or_else(|| TemplateError::at(policy.path(), format!("{arn} is no queue of this template")))?;
            let count = policy.number("maxReceiveCount", 1..=1_000)?;
            let max_receive_count = count.ok_or_else(|| TemplateError::at(policy.path(), "has no maxReceiveCount"))?;
            policy.finish(&[])?;
            Some(Redrive {
                target,
                max_receive_count,
            })
        }
    };
    props.finish(&[
        "QueueName",
        "FifoQueue",
        "SqsManagedSseEnabled",
        "KmsMasterKeyId",
        "KmsDataKeyReusePeriodSeconds",
        "RedriveAllowPolicy",
        "Tags",
    ])?;
    Ok(Queue {
        id: id.to_owned(),
        name: name.to_owned(),
        attributes,
        redrive,
    })
}

pub(super) fn bucket(id: &str, name: &str, props: &Props<'_>) -> Result<Bucket, TemplateError> {
    // Encryption, access and life-cycle settings protect objects on AWS; nothing local reads them.
    props.finish(&[
        "BucketName",
        "BucketEncryption",
        "PublicAccessBlockConfiguration",
        "OwnershipControls",
        "LifecycleConfiguration",
        "VersioningConfiguration",
        "LoggingConfiguration",
        "ObjectLockEnabled",
        "Tags",
    ])?;
    Ok(Bucket {
        id: id.to_owned(),
        name: name.to_owned(),
    })
}

/// CloudFormation's default length of a generated secret.
const SECRET_LENGTH: u64 = 32;
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Every character a generated secret can consist of.
pub(crate) const SECRET_ALPHABET: [&str; 4] = [DIGITS, LOWER, UPPER, PUNCTUATION];

pub(super) fn secret(id: &str, name: &str, props: &Props<'_>) -> Result<Secret, TemplateError> {
    let generate = props.map("GenerateSecretString")?;
    let generate = generate.ok_or_else(|| {
        TemplateError::unsupported(
            props.path(),
            "a secret without GenerateSecretString (a value in the template)",
        )
    })?;
    let mut excluded = generate.text("ExcludeCharacters")?.unwrap_or_default();
    let groups = [
        ("ExcludePunctuation", PUNCTUATION),
        ("ExcludeNumbers", DIGITS),
        ("ExcludeLowercase", LOWER),
        ("ExcludeUppercase", UPPER),
    ];
    for (flag, characters) in groups {
        if generate.flag(flag)?.unwrap_or(false) {
            excluded.push_str(characters);
        }
    }
    let within = match (
        generate.text("SecretStringTemplate")?,
        generate.text("GenerateStringKey")?,
    ) {
        (None, None) => None,
        (Some(template), Some(key)) => {
            let object = serde_json::from_str(&template)
                .ok()
                .filter(serde_json::Value::is_object);
            let object = object.ok_or_else(|| {
                TemplateError::at(generate.path(), "SecretStringTemplate must be a JSON object as text")
            })?;
            Some((object, key))
        }
        _ => {
            let hint = "SecretStringTemplate and GenerateStringKey go together";
            return Err(TemplateError::at(generate.path(), hint));
        }
    };
    let length = generate.number("PasswordLength", 1..=4_096)?.unwrap_or(SECRET_LENGTH);
    // Generated secrets contain no space unless asked for, and each kind of character that is not excluded.
    generate.finish(&["RequireEachIncludedType"])?;
    props.finish(&["Name", "Description", "KmsKeyId", "Tags"])?;
    Ok(Secret {
        id: id.to_owned(),
        name: name.to_owned(),
        length,
        excluded,
        within,
    })
}
