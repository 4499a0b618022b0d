//! Throttling as the template declares it: a token bucket for each route.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use crate::template::{HttpApi, Throttle};

/// Thousandths of a request: buckets are counted in whole numbers.
const SCALE: u64 = 1_000;

/// The token buckets of an API.
#[derive(Debug)]
pub(super) struct Throttles {
    default: Throttle,
    by_route: std::collections::BTreeMap<String, Throttle>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: u64,
    filled: Instant,
}

impl Throttles {
    pub(super) fn new(api: &HttpApi) -> Self {
        Self {
            default: api.throttle,
            by_route: api.route_throttles.clone(),
            buckets: Mutex::default(),
        }
    }

    /// Takes a request of a route at a time; `false` means 429.
    pub(super) fn admit(&self, route_key: &str, now: Instant) -> bool {
        let limit = self.by_route.get(route_key).copied().unwrap_or(self.default);
        let Some(rate) = limit.rate else { return true };
        let capacity = limit.burst.unwrap_or(rate).saturating_mul(SCALE);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || Bucket {
            tokens: capacity,
            filled: now,
        };
        // One bucket per declared route: the map cannot grow beyond the template.
        let bucket = buckets.entry(route_key.to_owned()).or_insert_with(full);
        let passed_ms = u64::try_from(now.saturating_duration_since(bucket.filled).as_millis()).unwrap_or(u64::MAX);
        if passed_ms > 0 {
            // rate per second is rate thousandths per millisecond.
            bucket.tokens = bucket
                .tokens
                .saturating_add(passed_ms.saturating_mul(rate))
                .min(capacity);
            bucket.filled = now;
        }
        if bucket.tokens < SCALE {
            return false;
        }
        bucket.tokens -= SCALE;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_route_takes_its_burst_at_once_and_then_its_rate() {
        let throttle = Throttle {
            rate: Some(10),
            burst: Some(3),
        };
        let api = HttpApi {
            id: "Api".to_owned(),
            authorizers: std::collections::BTreeMap::new(),
            default_authorizer: None,
            throttle,
            route_throttles: std::collections::BTreeMap::new(),
        };
        let throttles = Throttles::new(&api);
        let now = Instant::now();
        let admitted = |at| (0..5).filter(|_| throttles.admit("GET /", at)).count();
        assert_eq!(admitted(now), 3);
        assert_eq!(admitted(now + Duration::from_millis(99)), 0);
        assert_eq!(admitted(now + Duration::from_millis(200)), 2);
        assert!(throttles.admit("GET /other", now));
    }
}
