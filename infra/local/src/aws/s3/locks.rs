//! Writers of one object take turns.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Locks shared by all objects. Two objects that share one by chance only wait for each other; the number keeps that rare
/// with the few dozen writes that run at a time, and memory bounded however many objects there are.
const STRIPES: usize = 1_024;

/// The write locks of all objects.
#[derive(Debug)]
pub(super) struct KeyLocks {
    stripes: Vec<Arc<Mutex<()>>>,
    hasher: RandomState,
}

impl KeyLocks {
    pub(super) fn new() -> Self {
        let stripes = (0..STRIPES).map(|_| Arc::default()).collect();
        Self {
            stripes,
            hasher: RandomState::new(),
        }
    }

    /// Waits for the turn to write all `keys` of `bucket`. The locks are taken in one fixed order, so that writers of
    /// several objects never wait for each other in a circle.
    pub(super) async fn lock<'a>(
        &self,
        bucket: &str,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Vec<OwnedMutexGuard<()>> {
        let stripes: BTreeSet<usize> = keys.into_iter().map(|key| self.stripe(bucket, key)).collect();
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(Arc::clone(&self.stripes[stripe]).lock_owned().await);
        }
        guards
    }

    fn stripe(&self, bucket: &str, key: &str) -> usize {
        let hash = self.hasher.hash_one((bucket, key));
        usize::try_from(hash % STRIPES as u64).unwrap_or(0)
    }
}
