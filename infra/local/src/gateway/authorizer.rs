//! A Lambda REQUEST authorizer with simple responses, and the cache of its answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::Value;

use super::{event::Received, routes::Matched};
use crate::{lambda::FunctionPool, template::Authorizer};

/// Answers kept at most; when there are more, all are forgotten, which costs calls and nothing else.
const CACHE_ENTRIES_MAX: usize = 10_000;

/// What the authorizer says about a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Go on, with this context for the function.
    Allowed(Value),
    /// 403.
    Denied,
    /// An identity source is missing: 401, without a call.
    Unidentified,
    /// The authorizer failed: 500.
    Failed,
}

/// An authorizer in use.
#[derive(Debug)]
pub(super) struct AuthorizerGate {
    settings: Authorizer,
    function: Arc<FunctionPool>,
    cache: Mutex<HashMap<Vec<String>, (Instant, Verdict)>>,
}

impl AuthorizerGate {
    pub(super) fn new(settings: Authorizer, function: Arc<FunctionPool>) -> Self {
        Self {
            settings,
            function,
            cache: Mutex::default(),
        }
    }

    /// Asks the cache, then the function.
    pub(super) async fn check(&self, api_id: &str, request: &Received, matched: &Matched) -> Verdict {
        let route_key = matched.target.key();
        let sources = self.settings.identity.iter();
        let identity: Option<Vec<String>> = sources.map(|source| request.identity(source, &route_key)).collect();
        let Some(identity) = identity else {
            return Verdict::Unidentified;
        };
        if let Some(verdict) = self.cached(&identity) {
            return verdict;
        }
        let event = request.authorizer_event(api_id, matched, &identity);
        let verdict = match self.function.invoke(event).await {
            Ok(outcome) if outcome.is_success() => verdict(&outcome.payload),
            Ok(_) => Verdict::Failed,
            Err(error) => {
                tracing::warn!(%error, "the authorizer could not be asked");
                Verdict::Failed
            }
        };
        if !self.settings.ttl.is_zero() && verdict != Verdict::Failed {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            if cache.len() >= CACHE_ENTRIES_MAX {
                cache.clear();
            }
            cache.insert(identity, (Instant::now() + self.settings.ttl, verdict.clone()));
        }
        verdict
    }

    fn cached(&self, identity: &[String]) -> Option<Verdict> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        match cache.get(identity) {
            Some((until, verdict)) if *until > Instant::now() => Some(verdict.clone()),
            Some(_) => {
                cache.remove(identity);
                None
            }
            None => None,
        }
    }

    /// Forgets every answer.
    pub(super) fn forget(&self) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn verdict(payload: &[u8]) -> Verdict {
    let Ok(answer) = serde_json::from_slice::<Value>(payload) else {
        return Verdict::Failed;
    };
    let context = match answer.get("context") {
        None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
        Some(context @ Value::Object(_)) => context.clone(),
        Some(_) => return Verdict::Failed,
    };
    match answer.get("isAuthorized") {
        Some(Value::Bool(true)) => Verdict::Allowed(context),
        Some(Value::Bool(false)) => Verdict::Denied,
        _ => Verdict::Failed,
    }
}
