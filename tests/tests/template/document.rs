//! Reading access to template.yaml that keeps CloudFormation's tags (`!Ref`, `!GetAtt`, `!Sub`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_norway::Value;

/// A parsed template.
pub(crate) struct Template {
    root: Value,
}

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of the template that is deployed.
pub(crate) fn deployed_text() -> Result<String> {
    let path = workspace().join("template.yaml");
    std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

impl Template {
    /// Parses the text of a template.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Ok(Self {
            root: serde_norway::from_str(text).context("template.yaml is no YAML")?,
        })
    }

    /// The whole document.
    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    /// The resources of one type with their logical ids, in the order of the template.
    pub(crate) fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.resources()
            .filter(move |(_, resource)| text(resource, &["Type"]) == Some(kind))
    }

    /// All resources with their logical ids.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(at(&self.root, &["Resources"]))
    }

    /// One resource by its logical id.
    pub(crate) fn resource(&self, id: &str) -> Option<&Value> {
        at(&self.root, &["Resources", id])
    }

    /// A property of a function, or else its value under `Globals`.
    pub(crate) fn function_property<'a>(&'a self, function: &'a Value, name: &str) -> Option<&'a Value> {
        at(function, &["Properties", name]).or_else(|| at(&self.root, &["Globals", "Function", name]))
    }

    /// The events of all functions: function id, event id, event type, properties.
    pub(crate) fn events(&self) -> Vec<(&str, &str, &str, &Value)> {
        let mut events = Vec::new();
        for (id, function) in self.of_type("AWS::Serverless::Function") {
            for (name, event) in entries(at(function, &["Properties", "Events"])) {
                if let (Some(kind), Some(properties)) = (text(event, &["Type"]), at(event, &["Properties"])) {
                    events.push((id, name, kind, properties));
                }
            }
        }
        events
    }

    /// The alarms, as (metric name, logical ids that the dimensions refer to).
    pub(crate) fn alarms(&self) -> BTreeSet<(String, String)> {
        let mut alarms = BTreeSet::new();
        for (_, alarm) in self.of_type("AWS::CloudWatch::Alarm") {
            let Some(metric) = text(alarm, &["Properties", "MetricName"]) else {
                continue;
            };
            for dimension in items(at(alarm, &["Properties", "Dimensions"])) {
                if let Some(target) = at(dimension, &["Value"]).and_then(reference) {
                    alarms.insert((metric.to_owned(), target));
                }
            }
        }
        alarms
    }
}

/// The value below `value` at the end of a path of keys.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The string at the end of a path.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

/// The whole number at the end of a path.
pub(crate) fn number(value: &Value, path: &[&str]) -> Option<u64> {
    at(value, path)?.as_u64()
}

/// The entries of a mapping, none when it is absent.
pub(crate) fn entries(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let mapping = value.and_then(Value::as_mapping);
    mapping
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str()?, value)))
}

/// The items of a list; a single value counts as a list of one, as in policies.
pub(crate) fn items(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Sequence(items)) => items.iter().collect(),
        Some(one) => vec![one],
    }
}

/// The tag of a value without its exclamation mark, and its text.
pub(crate) fn tagged(value: &Value) -> Option<(String, &str)> {
    let Value::Tagged(tagged) = value else { return None };
    let tag = tagged.tag.to_string();
    Some((tag.trim_start_matches('!').to_owned(), tagged.value.as_str()?))
}

/// The logical id that `!Ref X`, `!GetAtt X.Attribute` or `!Sub "${X.Attribute}…"` names.
pub(crate) fn reference(value: &Value) -> Option<String> {
    let (tag, argument) = tagged(value)?;
    let name = match tag.as_str() {
        "Ref" => argument,
        "GetAtt" => argument.split('.').next()?,
        "Sub" => argument.strip_prefix("${")?.split(['.', '}']).next()?,
        _ => return None,
    };
    Some(name.to_owned())
}
