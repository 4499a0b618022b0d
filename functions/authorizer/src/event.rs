//! The gateway's question (payload format 2.0) and the simple answer.

use std::collections::BTreeMap;

use http_edge::Caller;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the answer may depend on: the two identity sources by which the gateway remembers it.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// The header `Authorization`, empty when absent.
    pub authorization: String,
    /// `METHOD /path/{parameter}` as declared.
    pub route: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "routeKey")]
    route: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Question {
    /// Reads the gateway's event; `None` for anything else.
    pub fn read(event: Value) -> Option<Self> {
        let event: Event = serde_json::from_value(event).ok()?;
        if event.kind != "REQUEST" {
            return None;
        }
        let authorization = event
            .headers
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value)
            .unwrap_or_default();
        Some(Self {
            authorization,
            route: event.route,
        })
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("authorization", &"…")
            .field("route", &self.route)
            .finish()
    }
}

/// The simple answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Whether the request goes on.
    pub is_authorized: bool,
    /// What the function learns about the caller; empty for a refusal.
    pub context: BTreeMap<String, String>,
}

impl Answer {
    /// Yes, and who it is.
    pub fn allow(caller: &Caller) -> Self {
        let context = caller.to_context();
        Self {
            is_authorized: true,
            context: context.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// No.
    pub fn refuse() -> Self {
        Self {
            is_authorized: false,
            context: BTreeMap::new(),
        }
    }
}
