//! YAML with CloudFormation's short tags to plain JSON: `!Ref X` becomes `{"Ref": "X"}`, `!Sub s` becomes `{"Fn::Sub": s}`.

use serde_json::{Map, Number, Value};
use serde_norway::Value as Yaml;

use super::TemplateError;

/// Intrinsic functions that may be written as a tag. `Ref` and `Condition` have no `Fn::` prefix in their long form.
const TAGS: [&str; 16] = [
    "Ref",
    "Condition",
    "GetAtt",
    "Sub",
    "Join",
    "Select",
    "Split",
    "If",
    "Equals",
    "And",
    "Or",
    "Not",
    "FindInMap",
    "Base64",
    "GetAZs",
    "ImportValue",
];

/// Converts a parsed YAML document; `path` names the place in error messages.
pub(super) fn to_json(yaml: Yaml, path: &str) -> Result<Value, TemplateError> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => Value::Number(to_number(&number, path)?),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => {
            let items = items.into_iter().enumerate();
            Value::Array(
                items
                    .map(|(i, item)| to_json(item, &format!("{path}[{i}]")))
                    .collect::<Result<_, _>>()?,
            )
        }
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = key_text(key, path)?;
                let inner = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                map.insert(key, to_json(value, &inner)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            if !TAGS.contains(&name) {
                return Err(TemplateError::unsupported(path, format!("the tag {tag}")));
            }
            let value = to_json(tagged.value, path)?;
            intrinsic(name, value)
        }
    })
}

fn intrinsic(name: &str, value: Value) -> Value {
    let key = if matches!(name, "Ref" | "Condition") {
        name.to_owned()
    } else {
        format!("Fn::{name}")
    };
    let value = match (name, value) {
        // `!GetAtt Table.StreamArn`: only the first dot separates, attribute names may have dots of their own.
        ("GetAtt", Value::String(text)) => match text.split_once('.') {
            Some((id, attribute)) => Value::from(vec![id, attribute]),
            None => Value::String(text),
        },
        (_, value) => value,
    };
    Value::Object(Map::from_iter([(key, value)]))
}

fn key_text(key: Yaml, path: &str) -> Result<String, TemplateError> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(flag) => Ok(flag.to_string()),
        other => Err(TemplateError::at(path, format!("a key must be a word, not {other:?}"))),
    }
}

fn to_number(number: &serde_norway::Number, path: &str) -> Result<Number, TemplateError> {
    if let Some(value) = number.as_i64() {
        return Ok(value.into());
    }
    if let Some(value) = number.as_u64() {
        return Ok(value.into());
    }
    number
        .as_f64()
        .and_then(Number::from_f64)
        .ok_or_else(|| TemplateError::at(path, format!("{number} is not a number JSON can hold")))
}
