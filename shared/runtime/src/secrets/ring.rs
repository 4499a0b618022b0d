//! Code keys that are read again when a newer version appears.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::CodeKeys;
use crate::settings::StartError;

/// How long a new reading may take: somebody waits at a till.
const PATIENCE: Duration = Duration::from_secs(2);
/// Least time between two readings; in between a caller is asked to repeat.
const PAUSE: Duration = Duration::from_secs(30);

type Reading = Pin<Box<dyn Future<Output = Result<CodeKeys, StartError>> + Send>>;
type Read = Box<dyn Fn() -> Reading + Send + Sync>;

/// A voucher's key is newer than all that this process could read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code key of version {version} is not known here")]
pub struct UnknownKey {
    /// Its version.
    pub version: u32,
}

/// The code keys of a process that outlives a rotation.
///
/// A version below the newest one that is missing was withdrawn, and its codes are not shown any more. A version above it was
/// added after this process started, and a code that is left out for that would be lost to the caller: a feed's reader moves
/// on and never hears of it again. So the keys are read again, and until that succeeds the call fails. A version that is missing
/// there too was withdrawn.
pub struct KeyRing {
    known: Mutex<Known>,
    read: Option<Read>,
}

struct Known {
    keys: Arc<CodeKeys>,
    read_again: Option<Instant>,
    /// The greatest version that a new reading lacked: whoever issued its vouchers had read it, so it has been withdrawn.
    withdrawn: u32,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.keys()).finish()
    }
}

impl From<CodeKeys> for KeyRing {
    /// Keys that stay as they are, for tools and tests.
    fn from(keys: CodeKeys) -> Self {
        Self {
            known: Mutex::new(Known {
                keys: Arc::new(keys),
                read_again: None,
                withdrawn: 0,
            }),
            read: None,
        }
    }
}

impl KeyRing {
    /// The keys as read at the start, and how to read them again.
    pub fn reading(first: CodeKeys, read: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        Self {
            read: Some(Box::new(read)),
            ..Self::from(first)
        }
    }

    fn keys(&self) -> Arc<CodeKeys> {
        self.known().keys.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is to be learnt about the version: it is known, or was withdrawn.
    fn is_settled(&self, version: u32) -> bool {
        let known = self.known();
        version <= known.keys.newest().max(known.withdrawn)
    }

    /// Keys with which the codes of vouchers of these versions can be shown. They are read again when one of them is newer
    /// than all that is known, at most once in thirty seconds and for at most two.
    ///
    /// # Errors
    /// [`UnknownKey`] when it stays unknown.
    pub async fn covering(&self, versions: impl IntoIterator<Item = u32>) -> Result<Arc<CodeKeys>, UnknownKey> {
        let newest = versions.into_iter().max();
        let Some(version) = newest.filter(|version| !self.is_settled(*version)) else {
            return Ok(self.keys());
        };
        if let Some(read) = &self.read
            && self.may_read()
        {
            self.read_again(read(), version).await;
        }
        if self.is_settled(version) {
            return Ok(self.keys());
        }
        tracing::warn!(version, "a voucher has a newer code key than this process could read");
        Err(UnknownKey { version })
    }

    /// Whether it is time for a reading; the caller who is told so makes it.
    fn may_read(&self) -> bool {
        let mut known = self.known();
        let due = known.read_again.is_none_or(|at| at.elapsed() >= PAUSE);
        if due {
            known.read_again = Some(Instant::now());
        }
        due
    }

    async fn read_again(&self, reading: Reading, wanted: u32) {
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(keys)) => {
                let mut known = self.known();
                if keys.newest() < wanted {
                    known.withdrawn = known.withdrawn.max(wanted);
                }
                known.keys = Arc::new(keys);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the code keys could not be read again"),
            Err(_) => tracing::warn!("the secret store did not answer in time"),
        }
    }
}

#[cfg(feature = "http")]
impl From<UnknownKey> for http_edge::Problem {
    fn from(_: UnknownKey) -> Self {
        let detail = "the key of a voucher's code is not known here yet: repeat the same call";
        Self::new(http_edge::Code::Unavailable, detail)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn keys(versions: &[u32]) -> CodeKeys {
        let key = "k".repeat(32);
        let fields: Vec<_> = versions
            .iter()
            .map(|version| format!(r#""{version}":"{key}""#))
            .collect();
        CodeKeys::parse(&format!(r#"{{"current":"{}",{}}}"#, versions[0], fields.join(","))).unwrap()
    }

    #[tokio::test]
    async fn a_newer_version_is_read_once_and_an_older_one_that_is_missing_was_withdrawn() {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = reads.clone();
        let ring = KeyRing::reading(keys(&[2]), move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(keys(&[2, 3])) })
        });
        let withdrawn = ring.covering([1, 2]).await.unwrap();
        assert_eq!((withdrawn.key(1), reads.load(Ordering::Relaxed)), (None, 0));
        assert!(ring.covering([2, 3]).await.unwrap().key(3).is_some());
        assert!(ring.covering([3]).await.is_ok());
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        for _ in 0..3 {
            assert_eq!(ring.covering([4]).await.unwrap_err(), UnknownKey { version: 4 });
        }
        assert_eq!(reads.load(Ordering::Relaxed), 1, "not again within the pause");
    }

    #[tokio::test]
    async fn the_newest_version_can_be_withdrawn_too() {
        let ring = KeyRing::reading(keys(&[2]), || Box::pin(async { Ok(keys(&[2])) }));
        for _ in 0..2 {
            assert!(ring.covering([2, 3]).await.unwrap().key(3).is_none());
        }
        assert_eq!(
            ring.covering([4]).await.unwrap_err(),
            UnknownKey { version: 4 },
            "not read within the pause"
        );
    }

    #[tokio::test]
    async fn keys_that_cannot_be_read_again_leave_the_known_ones() {
        let ring = KeyRing::reading(keys(&[1]), || {
            let reason = "no answer".to_owned();
            let variable = "CODE_KEYS_SECRET_ARN";
            Box::pin(async move { Err(StartError::Secret { variable, reason }) })
        });
        assert_eq!(ring.covering([2]).await.unwrap_err(), UnknownKey { version: 2 });
        assert!(ring.covering([1]).await.unwrap().key(1).is_some());
        assert!(KeyRing::from(keys(&[1])).covering([]).await.is_ok());
        assert!(!format!("{ring:?}").contains("kk"));
    }
}
