//! What a process has read and goes on with for a while: locations and programmes change a few times a year, and every
//! receipt needs them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a process goes on with what it has read.
pub const FRESH_FOR: Duration = Duration::from_secs(30);
/// Most values kept; a group has some dozens.
const KEPT_MAX: usize = 1_024;

/// Values by key with the time they were read.
#[derive(Debug)]
pub(crate) struct Kept<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// The value under `key`, if it was read at most `fresh_for` ago.
    pub(crate) fn get(&self, key: &K, fresh_for: Duration) -> Option<V> {
        // A panic while holding the lock leaves the map whole: every change is a single insert.
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key)
            .filter(|(read, _)| read.elapsed() < fresh_for)
            .map(|(_, value)| value.clone())
    }

    /// Keeps a value; forgets all others when there are too many.
    pub(crate) fn insert(&self, key: K, value: V) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (Instant::now(), value));
    }

    /// Lets go of a value that this process has just changed.
    pub(crate) fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
