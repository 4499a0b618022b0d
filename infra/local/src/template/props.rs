//! Typed, strict access to the properties of a resource: what is read is resolved, what nobody reads is refused.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::{Map, Value};

use super::{TemplateError, resolve::Scope, resolve::scalar_text};

/// The properties of a resource or of a part of one, with their place in the template.
///
/// Each accessor resolves intrinsic functions; [`Props::finish`] refuses the properties nobody asked for, so that a setting
/// never has an effect on AWS and silently none here.
#[derive(Debug)]
pub struct Props<'a> {
    map: Map<String, Value>,
    scope: Scope<'a>,
    path: String,
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Props<'a> {
    /// Opens a map of properties.
    ///
    /// # Errors
    /// When the value is not a map.
    pub fn new(value: &Value, scope: Scope<'a>, path: impl Into<String>) -> Result<Self, TemplateError> {
        let path = path.into();
        let map = match value {
            Value::Null => Map::new(),
            Value::Object(map) => map.clone(),
            other => return Err(TemplateError::at(path, format!("expected a map, found {other}"))),
        };
        Ok(Self {
            map,
            scope,
            path,
            seen: RefCell::default(),
        })
    }

    /// The place of this map in the template.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The scope in which intrinsic functions are resolved.
    #[must_use]
    pub fn scope(&self) -> Scope<'a> {
        self.scope
    }

    fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// The names of all properties, in the template's order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    /// The resolved value, if it is there and not `AWS::NoValue`.
    ///
    /// # Errors
    /// What resolving it meets.
    pub fn value(&self, key: &str) -> Result<Option<Value>, TemplateError> {
        self.seen.borrow_mut().insert(key.to_owned());
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => self.scope.resolve(value, &self.at(key)),
        }
    }

    /// Text, with numbers and flags converted as CloudFormation does.
    ///
    /// # Errors
    /// When it is a list or a map.
    pub fn text(&self, key: &str) -> Result<Option<String>, TemplateError> {
        self.value(key)?
            .map(|value| scalar_text(&value, &self.at(key)))
            .transpose()
    }

    /// Text that must be there.
    ///
    /// # Errors
    /// When it is missing or no text.
    pub fn required_text(&self, key: &str) -> Result<String, TemplateError> {
        self.text(key)?
            .ok_or_else(|| TemplateError::at(self.at(key), "is missing"))
    }

    /// A whole number within bounds, written as a number or as text.
    ///
    /// # Errors
    /// When it is no whole number or out of bounds.
    pub fn number(&self, key: &str, bounds: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, TemplateError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let parsed = text.parse::<u64>().ok().filter(|number| bounds.contains(number));
        let hint = || {
            format!(
                "expected a whole number from {} to {}, found {text}",
                bounds.start(),
                bounds.end()
            )
        };
        parsed.map(Some).ok_or_else(|| TemplateError::at(self.at(key), hint()))
    }

    /// A flag, written as a flag or as the text `true` or `false`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, TemplateError> {
        match self.text(key)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(TemplateError::at(
                self.at(key),
                format!("expected true or false, found {other}"),
            )),
        }
    }

    /// A list of texts; empty when it is not there. A single text counts as a list of one, as SAM accepts.
    ///
    /// # Errors
    /// When an item is a list or a map.
    pub fn texts(&self, key: &str) -> Result<Vec<String>, TemplateError> {
        match self.value(key)? {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(|item| scalar_text(item, &self.at(key))).collect(),
            Some(single) => Ok(vec![scalar_text(&single, &self.at(key))?]),
        }
    }

    /// A nested map, if it is there.
    ///
    /// # Errors
    /// When it is not a map.
    pub fn map(&self, key: &str) -> Result<Option<Props<'a>>, TemplateError> {
        self.seen.borrow_mut().insert(key.to_owned());
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            // A map that is itself chosen by a function (Fn::If) is resolved as a whole.
            Some(value) => match self.scope.resolve(value, &self.at(key))? {
                Some(value) => Props::new(&value, self.scope, self.at(key)).map(Some),
                None => Ok(None),
            },
        }
    }

    /// A nested map of which single entries are resolved when they are read: for maps that refer to resources without local
    /// effect in entries nobody reads.
    ///
    /// # Errors
    /// When it is not a map.
    pub fn map_lazy(&self, key: &str) -> Result<Option<Props<'a>>, TemplateError> {
        self.seen.borrow_mut().insert(key.to_owned());
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => Props::new(value, self.scope, self.at(key)).map(Some),
        }
    }

    /// A list of nested maps; empty when it is not there.
    ///
    /// # Errors
    /// When it is not a list of maps.
    pub fn maps(&self, key: &str) -> Result<Vec<Props<'a>>, TemplateError> {
        let items = match self.value(key)? {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(TemplateError::at(self.at(key), "expected a list")),
        };
        let items = items.iter().enumerate();
        items
            .map(|(i, item)| Props::new(item, self.scope, format!("{}[{i}]", self.at(key))))
            .collect()
    }

    /// Refuses every property that was neither read nor named in `without_local_effect`.
    ///
    /// # Errors
    /// The first property that the local stack does not know.
    pub fn finish(&self, without_local_effect: &[&str]) -> Result<(), TemplateError> {
        let seen = self.seen.borrow();
        let unknown = self
            .map
            .keys()
            .find(|key| !seen.contains(*key) && !without_local_effect.contains(&key.as_str()));
        unknown.map_or(Ok(()), |key| {
            Err(TemplateError::unsupported(self.at(key), "this property"))
        })
    }
}
