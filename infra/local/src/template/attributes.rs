//! What `!Ref` and `!GetAtt` of a resource give: names, ARNs and URLs of the local resources.

use std::collections::BTreeMap;

/// The attribute under which the value of `!Ref` is kept.
pub const REF: &str = "Ref";

/// Values of `!Ref` and `!GetAtt`, by logical id and attribute name.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    values: BTreeMap<String, BTreeMap<String, String>>,
}

impl Attributes {
    /// Sets one attribute of a resource; the latest value counts.
    pub fn set(&mut self, logical_id: &str, attribute: &str, value: impl Into<String>) {
        self.values
            .entry(logical_id.to_owned())
            .or_default()
            .insert(attribute.to_owned(), value.into());
    }

    /// The value of an attribute, if the resource and the attribute are known.
    #[must_use]
    pub fn get(&self, logical_id: &str, attribute: &str) -> Option<&str> {
        self.values.get(logical_id)?.get(attribute).map(String::as_str)
    }

    /// The logical id of the resource one of whose attributes has this value.
    #[must_use]
    pub fn logical_id(&self, value: &str) -> Option<&str> {
        let mut matching = self
            .values
            .iter()
            .filter(|(_, attributes)| attributes.values().any(|v| v == value));
        matching.next().map(|(id, _)| id.as_str())
    }
}
