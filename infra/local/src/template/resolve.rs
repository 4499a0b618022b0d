//! Evaluation of CloudFormation's intrinsic functions.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{Attributes, TemplateError, attributes::REF};

/// Everything an intrinsic function can refer to.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Template parameters and pseudo parameters.
    pub parameters: &'a BTreeMap<String, Value>,
    /// Evaluated conditions.
    pub conditions: &'a BTreeMap<String, bool>,
    /// The `Mappings` section.
    pub mappings: &'a Value,
    /// Names, ARNs and URLs of resources.
    pub attributes: &'a Attributes,
}

type Resolved = Result<Option<Value>, TemplateError>;

impl Scope<'_> {
    /// Replaces every intrinsic function in `value`. `None` means `AWS::NoValue`: the property is not there.
    ///
    /// # Errors
    /// A reference to something that does not exist, or a function the local stack does not know, with its path.
    pub fn resolve(&self, value: &Value, path: &str) -> Resolved {
        match value {
            Value::Object(map) => {
                if let Some((name, argument)) = function(map) {
                    return self.call(name, argument, path);
                }
                let mut resolved = Map::new();
                for (key, item) in map {
                    if let Some(item) = self.resolve(item, &format!("{path}.{key}"))? {
                        resolved.insert(key.clone(), item);
                    }
                }
                Ok(Some(Value::Object(resolved)))
            }
            Value::Array(items) => {
                let mut resolved = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    resolved.extend(self.resolve(item, &format!("{path}[{i}]"))?);
                }
                Ok(Some(Value::Array(resolved)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    fn call(&self, name: &str, argument: &Value, path: &str) -> Resolved {
        match name {
            "Ref" => self.reference(text(argument, path)?, path),
            "Fn::GetAtt" => self.get_att(argument, path).map(Some),
            "Fn::Sub" => self.sub(argument, path).map(Some),
            "Fn::Join" => self.join(argument, path).map(Some),
            "Fn::Select" => self.select(argument, path),
            "Fn::Split" => self.split(argument, path).map(Some),
            "Fn::FindInMap" => self.find_in_map(argument, path).map(Some),
            "Fn::Base64" => {
                let plain = self.required(argument, path)?;
                let encoded = base64::engine::general_purpose::STANDARD.encode(text(&plain, path)?);
                Ok(Some(Value::String(encoded)))
            }
            "Fn::If" => {
                let [condition, then, otherwise] = list(argument, path)?;
                let chosen = if self.condition(text(condition, path)?, path)? {
                    then
                } else {
                    otherwise
                };
                self.resolve(chosen, path)
            }
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" | "Condition" => self
                .test(
                    &Value::Object(Map::from_iter([(name.to_owned(), argument.clone())])),
                    path,
                )
                .map(|flag| Some(Value::Bool(flag))),
            other => Err(TemplateError::unsupported(path, format!("the function {other}"))),
        }
    }

    fn reference(&self, name: &str, path: &str) -> Resolved {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        self.attribute(name, REF, path).map(|value| Some(Value::String(value)))
    }

    fn attribute(&self, id: &str, attribute: &str, path: &str) -> Result<String, TemplateError> {
        self.attributes.get(id, attribute).map(str::to_owned).ok_or_else(|| {
            let what = if attribute == REF {
                id.to_owned()
            } else {
                format!("{id}.{attribute}")
            };
            TemplateError::at(
                path,
                format!("{what} is neither a parameter nor an attribute the local stack knows"),
            )
        })
    }

    fn get_att(&self, argument: &Value, path: &str) -> Result<Value, TemplateError> {
        let (id, attribute) = match argument {
            Value::String(dotted) => dotted
                .split_once('.')
                .ok_or_else(|| TemplateError::at(path, "Fn::GetAtt needs a resource and an attribute"))?,
            other => {
                let [id, attribute] = list(other, path)?;
                (text(id, path)?, text(attribute, path)?)
            }
        };
        self.attribute(id, attribute, path).map(Value::String)
    }

    fn sub(&self, argument: &Value, path: &str) -> Result<Value, TemplateError> {
        let none = Map::new();
        let (pattern, variables) = match argument {
            Value::String(pattern) => (pattern.as_str(), &none),
            other => {
                let [pattern, variables] = list(other, path)?;
                let variables = variables
                    .as_object()
                    .ok_or_else(|| TemplateError::at(path, "the second argument of Fn::Sub must be a map"))?;
                (text(pattern, path)?, variables)
            }
        };
        let mut out = String::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            let end = from
                .find('}')
                .ok_or_else(|| TemplateError::at(path, "Fn::Sub: ${ without }"))?;
            out.push_str(&self.sub_name(&from[2..end], variables, path)?);
            rest = &from[end + 1..];
        }
        out.push_str(rest);
        Ok(Value::String(out))
    }

    fn sub_name(&self, name: &str, variables: &Map<String, Value>, path: &str) -> Result<String, TemplateError> {
        if let Some(literal) = name.strip_prefix('!') {
            return Ok(format!("${{{literal}}}"));
        }
        if let Some(variable) = variables.get(name) {
            return scalar_text(&self.required(variable, path)?, path);
        }
        if let Some(value) = self.parameters.get(name) {
            return scalar_text(value, path);
        }
        match name.split_once('.') {
            Some((id, attribute)) => self.attribute(id, attribute, path),
            None => self.attribute(name, REF, path),
        }
    }

    fn join(&self, argument: &Value, path: &str) -> Result<Value, TemplateError> {
        let [separator, items] = list(argument, path)?;
        let items = self.required(items, path)?;
        let items = items
            .as_array()
            .ok_or_else(|| TemplateError::at(path, "Fn::Join needs a list"))?;
        let parts: Vec<String> = items
            .iter()
            .map(|item| scalar_text(item, path))
            .collect::<Result<_, _>>()?;
        Ok(Value::String(parts.join(text(separator, path)?)))
    }

    fn select(&self, argument: &Value, path: &str) -> Resolved {
        let [index, items] = list(argument, path)?;
        let index = self.required(index, path)?;
        let index: usize = scalar_text(&index, path)?
            .parse()
            .map_err(|_| TemplateError::at(path, "the index of Fn::Select must be a whole number"))?;
        let items = self.required(items, path)?;
        let chosen = items.as_array().and_then(|items| items.get(index)).cloned();
        chosen
            .map(Some)
            .ok_or_else(|| TemplateError::at(path, format!("Fn::Select: there is no item {index}")))
    }

    fn split(&self, argument: &Value, path: &str) -> Result<Value, TemplateError> {
        let [separator, whole] = list(argument, path)?;
        let whole = self.required(whole, path)?;
        let parts = text(&whole, path)?.split(text(separator, path)?);
        Ok(parts.map(|part| Value::String(part.to_owned())).collect())
    }

    fn find_in_map(&self, argument: &Value, path: &str) -> Result<Value, TemplateError> {
        let keys: [&Value; 3] = list(argument, path)?;
        let mut found = self.mappings;
        for key in keys {
            let key = scalar_text(&self.required(key, path)?, path)?;
            found = found
                .get(&key)
                .ok_or_else(|| TemplateError::at(path, format!("Fn::FindInMap: Mappings has no key {key} there")))?;
        }
        Ok(found.clone())
    }

    /// Evaluates the definition of a condition.
    ///
    /// # Errors
    /// Anything that is not `Equals`, `And`, `Or`, `Not` or `Condition`.
    pub fn test(&self, value: &Value, path: &str) -> Result<bool, TemplateError> {
        let Some((name, argument)) = value.as_object().and_then(function) else {
            return value
                .as_bool()
                .ok_or_else(|| TemplateError::at(path, "a condition must be a function"));
        };
        match name {
            "Condition" => self.condition(text(argument, path)?, path),
            "Fn::Equals" => {
                let [left, right] = list(argument, path)?;
                let (left, right) = (self.required(left, path)?, self.required(right, path)?);
                Ok(scalar_text(&left, path)? == scalar_text(&right, path)?)
            }
            "Fn::Not" => {
                let [inner] = list(argument, path)?;
                Ok(!self.test(inner, path)?)
            }
            "Fn::And" | "Fn::Or" => {
                let items = argument
                    .as_array()
                    .ok_or_else(|| TemplateError::at(path, format!("{name} needs a list")))?;
                let results: Vec<bool> = items
                    .iter()
                    .map(|item| self.test(item, path))
                    .collect::<Result<_, _>>()?;
                let all = name == "Fn::And";
                Ok(if all {
                    results.iter().all(|r| *r)
                } else {
                    results.iter().any(|r| *r)
                })
            }
            other => Err(TemplateError::unsupported(
                path,
                format!("the condition function {other}"),
            )),
        }
    }

    fn condition(&self, name: &str, path: &str) -> Result<bool, TemplateError> {
        let known = self.conditions.get(name).copied();
        known.ok_or_else(|| TemplateError::at(path, format!("the condition {name} is not defined")))
    }

    fn required(&self, value: &Value, path: &str) -> Result<Value, TemplateError> {
        self.resolve(value, path)?
            .ok_or_else(|| TemplateError::at(path, "AWS::NoValue has no meaning here"))
    }
}

/// The name and argument if the object is an intrinsic function: exactly one key, `Ref`, `Condition` or `Fn::…`.
fn function(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next()?;
    let is_function = name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    (map.len() == 1 && is_function).then_some((name.as_str(), argument))
}

fn list<'v, const N: usize>(value: &'v Value, path: &str) -> Result<[&'v Value; N], TemplateError> {
    let items: Option<Vec<&Value>> = value.as_array().map(|items| items.iter().collect());
    items
        .and_then(|items| items.try_into().ok())
        .ok_or_else(|| TemplateError::at(path, format!("the function needs a list of {N}")))
}

fn text<'v>(value: &'v Value, path: &str) -> Result<&'v str, TemplateError> {
    value
        .as_str()
        .ok_or_else(|| TemplateError::at(path, format!("expected text, found {value}")))
}

/// The text of a string, number or flag, as CloudFormation converts them.
pub(super) fn scalar_text(value: &Value, path: &str) -> Result<String, TemplateError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(TemplateError::at(
            path,
            format!("expected a single value, found {other}"),
        )),
    }
}
