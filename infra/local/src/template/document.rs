//! The template as a document: parameters applied, conditions evaluated, globals merged; resources not yet interpreted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{Attributes, Props, TemplateError, resolve::Scope, yaml};

/// The account every local resource belongs to.
pub const ACCOUNT_ID: &str = "000000000000";
/// The region every local resource is in.
pub const REGION: &str = "eu-central-2";

/// Resources that CloudFormation creates and that have no effect on a local run; they are accepted and not created.
pub const TYPES_WITHOUT_LOCAL_EFFECT: [&str; 13] = [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::Logs::ResourcePolicy",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
];

/// Types the local stack creates.
pub const SUPPORTED_TYPES: [&str; 6] = [
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
];

/// One resource of the template whose condition holds.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The CloudFormation or SAM type.
    pub kind: String,
    /// Its properties with SAM's `Globals` merged in, intrinsic functions not yet resolved.
    pub properties: Value,
}

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file it was read from.
    pub file: PathBuf,
    /// The name of the stack: prefix of the physical names.
    pub stack_name: String,
    /// Resources that exist, by logical id.
    pub resources: BTreeMap<String, Resource>,
    parameters: BTreeMap<String, Value>,
    conditions: BTreeMap<String, bool>,
    mappings: Value,
}

impl Document {
    /// Reads the template, applies `overrides` to its parameters and evaluates its conditions.
    ///
    /// # Errors
    /// When the file cannot be read, is not a SAM template, a parameter has no value, an override names no parameter, or a
    /// resource has a type the local stack does not know.
    pub fn load(file: &Path, stack_name: &str, overrides: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        Self::load_with(file, stack_name, overrides, &BTreeMap::new())
    }

    /// Like [`Document::load`], with `suggestions` for parameters that may or may not be declared and that `overrides` does
    /// not set.
    ///
    /// # Errors
    /// As [`Document::load`].
    pub fn load_with(
        file: &Path,
        stack_name: &str,
        overrides: &BTreeMap<String, String>,
        suggestions: &BTreeMap<String, String>,
    ) -> Result<Self, TemplateError> {
        let source = std::fs::read_to_string(file).map_err(|source| TemplateError::Read {
            file: file.to_owned(),
            source,
        })?;
        let yaml = serde_norway::from_str(&source).map_err(|source| TemplateError::Yaml {
            file: file.to_owned(),
            source,
        })?;
        let root = yaml::to_json(yaml, "")?;
        let section = |name: &str| root.get(name).cloned().unwrap_or(Value::Null);
        check_sections(&root)?;

        let declared = section("Parameters");
        let mut values = suggestions.clone();
        values.retain(|name, _| declared.get(name).is_some());
        values.extend(overrides.clone());
        let parameters = parameters(&declared, &values, stack_name)?;
        let mappings = section("Mappings");
        let conditions = conditions(&section("Conditions"), &parameters, &mappings)?;
        let resources = resources(&section("Resources"), &section("Globals"), &conditions)?;
        Ok(Self {
            file: file.to_owned(),
            stack_name: stack_name.to_owned(),
            resources,
            parameters,
            conditions,
            mappings,
        })
    }

    /// The scope for resolving intrinsic functions with these attributes of resources.
    #[must_use]
    pub fn scope<'a>(&'a self, attributes: &'a Attributes) -> Scope<'a> {
        Scope {
            parameters: &self.parameters,
            conditions: &self.conditions,
            mappings: &self.mappings,
            attributes,
        }
    }

    /// The properties of every resource of one type.
    ///
    /// # Errors
    /// When `Properties` is not a map.
    pub fn of_type<'a>(
        &'a self,
        kind: &str,
        attributes: &'a Attributes,
    ) -> Result<Vec<(&'a str, Props<'a>)>, TemplateError> {
        let matching = self.resources.iter().filter(|(_, resource)| resource.kind == kind);
        matching
            .map(|(id, resource)| {
                let path = format!("Resources.{id}.Properties");
                Ok((
                    id.as_str(),
                    Props::new(&resource.properties, self.scope(attributes), path)?,
                ))
            })
            .collect()
    }
}

fn check_sections(root: &Value) -> Result<(), TemplateError> {
    const KNOWN: [&str; 9] = [
        "AWSTemplateFormatVersion",
        "Transform",
        "Description",
        "Metadata",
        "Parameters",
        "Mappings",
        "Conditions",
        "Globals",
        "Resources",
    ];
    // Outputs and Rules are for CloudFormation only: nothing in a local run reads them.
    let known = |key: &str| KNOWN.contains(&key) || matches!(key, "Outputs" | "Rules");
    let map = root
        .as_object()
        .ok_or_else(|| TemplateError::at("the document", "is not a map"))?;
    if let Some(key) = map.keys().find(|key| !known(key)) {
        return Err(TemplateError::unsupported(key, "this section"));
    }
    match root.get("Transform") {
        Some(Value::String(transform)) if transform == "AWS::Serverless-2016-10-31" => Ok(()),
        _ => Err(TemplateError::at(
            "Transform",
            "must be AWS::Serverless-2016-10-31 and nothing else",
        )),
    }
}

fn parameters(
    section: &Value,
    overrides: &BTreeMap<String, String>,
    stack_name: &str,
) -> Result<BTreeMap<String, Value>, TemplateError> {
    let none = Map::new();
    let declared = section.as_object().unwrap_or(&none);
    if let Some(unknown) = overrides.keys().find(|name| !declared.contains_key(*name)) {
        return Err(TemplateError::at(
            format!("Parameters.{unknown}"),
            "is given a value but not declared",
        ));
    }
    let mut values = BTreeMap::new();
    for (name, declaration) in declared {
        let path = format!("Parameters.{name}");
        let given = overrides.get(name).map(|text| Value::String(text.clone()));
        let value = given.or_else(|| declaration.get("Default").cloned());
        let value = value.ok_or_else(|| TemplateError::at(&path, "has no default and was not given a value"))?;
        values.insert(name.clone(), typed_parameter(declaration, value, &path)?);
    }
    let pseudo = [
        ("AWS::AccountId", ACCOUNT_ID.to_owned()),
        ("AWS::Region", REGION.to_owned()),
        ("AWS::Partition", "aws".to_owned()),
        ("AWS::URLSuffix", "amazonaws.com".to_owned()),
        ("AWS::StackName", stack_name.to_owned()),
        (
            "AWS::StackId",
            format!("arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{stack_name}/local"),
        ),
    ];
    values.extend(pseudo.map(|(name, value)| (name.to_owned(), Value::String(value))));
    Ok(values)
}

fn typed_parameter(declaration: &Value, value: Value, path: &str) -> Result<Value, TemplateError> {
    let text = super::resolve::scalar_text(&value, path)?;
    if let Some(allowed) = declaration.get("AllowedValues").and_then(Value::as_array) {
        let allowed: Vec<String> = allowed
            .iter()
            .map(|value| super::resolve::scalar_text(value, path))
            .collect::<Result<_, _>>()?;
        if !allowed.contains(&text) {
            return Err(TemplateError::at(
                path,
                format!("is {text}, allowed are {}", allowed.join(", ")),
            ));
        }
    }
    match declaration.get("Type").and_then(Value::as_str).unwrap_or("String") {
        "String" => Ok(Value::String(text)),
        "Number" if text.parse::<f64>().is_ok() => Ok(Value::String(text)),
        "Number" => Err(TemplateError::at(path, format!("must be a number, not {text}"))),
        "CommaDelimitedList" => Ok(text
            .split(',')
            .map(|item| Value::String(item.trim().to_owned()))
            .collect()),
        other => Err(TemplateError::unsupported(path, format!("the parameter type {other}"))),
    }
}

fn conditions(
    section: &Value,
    parameters: &BTreeMap<String, Value>,
    mappings: &Value,
) -> Result<BTreeMap<String, bool>, TemplateError> {
    let none = Map::new();
    let declared = section.as_object().unwrap_or(&none);
    let attributes = Attributes::default();
    let mut values = BTreeMap::new();
    // Conditions may name each other in any order: each round settles at least one, or the rest is a cycle or an error.
    for _ in 0..declared.len() {
        for (name, definition) in declared {
            let scope = Scope {
                parameters,
                conditions: &values,
                mappings,
                attributes: &attributes,
            };
            if let Ok(value) = scope.test(definition, &format!("Conditions.{name}")) {
                values.insert(name.clone(), value);
            }
        }
    }
    for (name, definition) in declared {
        let scope = Scope {
            parameters,
            conditions: &values,
            mappings,
            attributes: &attributes,
        };
        scope.test(definition, &format!("Conditions.{name}"))?;
    }
    Ok(values)
}

fn resources(
    section: &Value,
    globals: &Value,
    conditions: &BTreeMap<String, bool>,
) -> Result<BTreeMap<String, Resource>, TemplateError> {
    let declared = section
        .as_object()
        .ok_or_else(|| TemplateError::at("Resources", "is missing or not a map"))?;
    check_globals(globals)?;
    let mut resources = BTreeMap::new();
    for (id, declaration) in declared {
        let path = format!("Resources.{id}");
        if let Some(condition) = declaration.get("Condition").and_then(Value::as_str) {
            match conditions.get(condition) {
                Some(true) => {}
                Some(false) => continue,
                None => {
                    return Err(TemplateError::at(
                        path,
                        format!("the condition {condition} is not defined"),
                    ));
                }
            }
        }
        let kind = declaration.get("Type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| TemplateError::at(&path, "has no Type"))?;
        if !SUPPORTED_TYPES.contains(&kind) && !TYPES_WITHOUT_LOCAL_EFFECT.contains(&kind) {
            return Err(TemplateError::unsupported(path, format!("the resource type {kind}")));
        }
        let own = declaration
            .get("Properties")
            .cloned()
            .unwrap_or(Value::Object(Map::new()));
        let shared = kind
            .strip_prefix("AWS::Serverless::")
            .and_then(|short| globals.get(short));
        let properties = shared.map_or(own.clone(), |shared| merge(shared.clone(), own));
        resources.insert(
            id.clone(),
            Resource {
                kind: kind.to_owned(),
                properties,
            },
        );
    }
    Ok(resources)
}

fn check_globals(globals: &Value) -> Result<(), TemplateError> {
    let unknown = globals
        .as_object()
        .and_then(|map| map.keys().find(|key| !matches!(key.as_str(), "Function" | "HttpApi")));
    unknown.map_or(Ok(()), |key| {
        Err(TemplateError::unsupported(format!("Globals.{key}"), "this section"))
    })
}

/// SAM's rule for globals: maps are merged key by key, lists are appended to, anything else is replaced.
fn merge(shared: Value, own: Value) -> Value {
    match (shared, own) {
        (Value::Object(mut shared), Value::Object(own)) => {
            for (key, value) in own {
                let merged = match shared.remove(&key) {
                    Some(base) => merge(base, value),
                    None => value,
                };
                shared.insert(key, merged);
            }
            Value::Object(shared)
        }
        (Value::Array(mut shared), Value::Array(own)) => {
            shared.extend(own);
            Value::Array(shared)
        }
        (_, own) => own,
    }
}
