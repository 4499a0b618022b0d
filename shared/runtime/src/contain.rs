//! A panic fails what it happened in, and nothing beside it; and it tells where, not with which values.

use std::panic::{AssertUnwindSafe, PanicHookInfo};

use faults::Crash;
use futures::FutureExt;

/// The work panicked. Where, the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work panicked")]
pub struct Panicked;

/// Does the work of one message, account or request. What the work shares with others must stay right when it ends at any
/// await, as for a process that dies there: handlers hold on to caches and clients only.
///
/// # Errors
/// [`Panicked`], for the caller to fail this work alone.
pub async fn contained<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => Ok(done),
        // An injected crash stands for the whole process.
        Err(panic) if panic.is::<Crash>() => std::panic::resume_unwind(panic),
        Err(_) => Err(Panicked),
    }
}

/// Logs where a panic happened. Its message may quote values, which may be personal, and is left out.
pub(crate) fn log_places_only() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_and_a_crash_is_not() {
        assert_eq!(contained(async { 1 }).await, Ok(1));
        assert_eq!(contained(async { panic!("a value") }).await, Err::<(), _>(Panicked));
        let site = faults::Site::ToolRead;
        let crash = AssertUnwindSafe(contained::<()>(async move { std::panic::panic_any(Crash { site }) }));
        assert!(crash.catch_unwind().await.expect_err("it goes through").is::<Crash>());
    }
}
