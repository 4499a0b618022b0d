//! Filter patterns of event source mappings: which records reach the function at all.
//!
//! Supported tests: exact values (text, number, flag, null), `exists`, `prefix`, `suffix`, `anything-but` (values or a prefix)
//! and `numeric`. Everything else is refused when the stack starts.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

/// A pattern that has been checked.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    fields: Vec<(String, Node)>,
}

#[derive(Debug, Clone)]
enum Node {
    Inner(Filter),
    /// One of these tests must hold.
    Leaf(Vec<Test>),
}

#[derive(Debug, Clone)]
enum Test {
    Equals(Value),
    Exists(bool),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Value>),
    AnythingButPrefix(String),
    Numeric(Vec<(Comparison, Number)>),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    /// Reads a pattern.
    pub(super) fn parse(pattern: &Value) -> Result<Self, String> {
        let map = pattern
            .as_object()
            .ok_or_else(|| format!("a pattern must be an object, found {pattern}"))?;
        let mut fields = Vec::new();
        for (name, value) in map {
            let node = match value {
                Value::Object(_) => Node::Inner(Self::parse(value)?),
                Value::Array(tests) if !tests.is_empty() => {
                    Node::Leaf(tests.iter().map(test).collect::<Result<_, _>>()?)
                }
                other => return Err(format!("{name}: expected an object or a list of tests, found {other}")),
            };
            if name == "$or" {
                return Err("$or is not supported by the local stack".to_owned());
            }
            fields.push((name.clone(), node));
        }
        Ok(Self { fields })
    }

    /// Whether a record passes.
    pub(super) fn matches(&self, record: &Value) -> bool {
        self.fields.iter().all(|(name, node)| match (node, record.get(name)) {
            (Node::Inner(inner), value) => inner.matches(value.unwrap_or(&Value::Null)),
            (Node::Leaf(tests), value) => tests.iter().any(|test| test.holds(value)),
        })
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>) -> bool {
        // A list holds a test when one of its items does.
        if let (Some(Value::Array(items)), false) = (value, matches!(self, Self::Exists(_))) {
            return items.iter().any(|item| self.holds(Some(item)));
        }
        let text = value.and_then(Value::as_str);
        match self {
            // Only leaves exist for a pattern: an object under the name is not a value.
            Self::Exists(wanted) => value.is_some_and(|value| !value.is_object()) == *wanted,
            Self::Equals(wanted) => value.is_some_and(|value| same(value, wanted)),
            Self::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Self::AnythingBut(values) => value.is_some_and(|value| !values.iter().any(|v| same(value, v))),
            Self::AnythingButPrefix(prefix) => value.is_some() && !text.is_some_and(|text| text.starts_with(prefix)),
            Self::Numeric(ranges) => match value {
                Some(Value::Number(number)) => ranges.iter().all(|(comparison, bound)| comparison.holds(number, bound)),
                _ => false,
            },
        }
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order(left, right) == Some(Ordering::Equal),
        _ => left == right,
    }
}

fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

impl Comparison {
    fn parse(sign: &str) -> Option<Self> {
        Some(match sign {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, value: &Number, bound: &Number) -> bool {
        let Some(order) = order(value, bound) else { return false };
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

fn test(value: &Value) -> Result<Test, String> {
    match value {
        Value::Object(map) => operator(map),
        Value::Array(_) => Err(format!("a test cannot be a list: {value}")),
        plain => Ok(Test::Equals(plain.clone())),
    }
}

fn operator(map: &Map<String, Value>) -> Result<Test, String> {
    let refused = || {
        format!(
            "the test {} is not supported by the local stack",
            Value::Object(map.clone())
        )
    };
    let mut entries = map.iter();
    let (Some((name, argument)), None) = (entries.next(), entries.next()) else {
        return Err(refused());
    };
    match (name.as_str(), argument) {
        ("exists", Value::Bool(wanted)) => Ok(Test::Exists(*wanted)),
        ("prefix", Value::String(prefix)) => Ok(Test::Prefix(prefix.clone())),
        ("suffix", Value::String(suffix)) => Ok(Test::Suffix(suffix.clone())),
        ("anything-but", Value::Array(values)) => Ok(Test::AnythingBut(values.clone())),
        ("anything-but", Value::Object(inner)) => match inner.get("prefix").and_then(Value::as_str) {
            Some(prefix) if inner.len() == 1 => Ok(Test::AnythingButPrefix(prefix.to_owned())),
            _ => Err(refused()),
        },
        ("anything-but", single @ (Value::String(_) | Value::Number(_))) => Ok(Test::AnythingBut(vec![single.clone()])),
        ("numeric", Value::Array(parts)) if !parts.is_empty() && parts.len() % 2 == 0 => {
            let range = |pair: &[Value]| match pair {
                [Value::String(sign), Value::Number(bound)] => Some((Comparison::parse(sign)?, bound.clone())),
                _ => None,
            };
            let ranges: Option<Vec<_>> = parts.chunks(2).map(range).collect();
            ranges.map(Test::Numeric).ok_or_else(refused)
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passes(pattern: Value, record: Value) -> bool {
        Filter::parse(&pattern).expect("a pattern").matches(&record)
    }

    #[test]
    fn exists_looks_for_a_value_at_the_place() {
        let pattern = json!({"dynamodb": {"NewImage": {"topics": {"S": [{"exists": true}]}}}});
        assert!(passes(
            pattern.clone(),
            json!({"dynamodb": {"NewImage": {"topics": {"S": "post"}}}})
        ));
        assert!(!passes(
            pattern.clone(),
            json!({"dynamodb": {"NewImage": {"other": {"S": "post"}}}})
        ));
        assert!(!passes(pattern, json!({"dynamodb": {"Keys": {}}})));
        assert!(passes(json!({"a": [{"exists": false}]}), json!({"b": 1})));
    }

    #[test]
    fn every_field_must_pass_one_of_its_tests() {
        let pattern = json!({"a": ["x", {"prefix": "y"}], "b": [{"anything-but": ["no"]}], "n": [{"numeric": [">", 1, "<=", 5]}]});
        assert!(passes(pattern.clone(), json!({"a": "yes", "b": "z", "n": 5})));
        assert!(passes(pattern.clone(), json!({"a": "x", "b": "z", "n": 2})));
        assert!(!passes(pattern.clone(), json!({"a": "x", "b": "no", "n": 2})));
        assert!(!passes(pattern.clone(), json!({"a": "x", "b": "z", "n": 6})));
        assert!(!passes(pattern, json!({"a": "z", "b": "z", "n": 2})));
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for pattern in [
            json!({"a": [{"cidr": "10.0.0.0/8"}]}),
            json!({"$or": [{"a": [1]}]}),
            json!({"a": "x"}),
            json!({"a": []}),
        ] {
            assert!(Filter::parse(&pattern).is_err(), "{pattern}");
        }
    }
}
