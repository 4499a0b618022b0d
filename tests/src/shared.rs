//! One started stack for the tests of a file that run at the same time.
//!
//! The first test starts it and the last one stops it, with its processes and its folder. The stack lives in a runtime of its
//! own, because a test's runtime ends with the test.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::{Builder, Runtime};

use crate::running::Running;

static CURRENT: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

struct Shared {
    runtime: Runtime,
    running: Option<Running>,
    turn: Mutex<()>,
}

/// Runs a test on the stack that the tests of this file share. It must keep to its own stores, cards and keys.
///
/// # Panics
/// When the test does, or the stack does not start.
pub fn on_the_stack(test: impl AsyncFnOnce(&Running)) {
    let shared = join();
    let running = shared.running.as_ref().expect("the stack runs until it is dropped");
    shared.runtime.block_on(test(running));
}

/// As [`on_the_stack`], for tests that look at all of the table: one after the other.
///
/// # Panics
/// When the test does, or the stack does not start.
pub fn alone_on_the_stack(test: impl AsyncFnOnce(&Running)) {
    let shared = join();
    let turn = shared.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let running = shared.running.as_ref().expect("the stack runs until it is dropped");
    shared.runtime.block_on(test(running));
    drop(turn);
}

/// The stack of the tests that run now, or a new one.
fn join() -> Arc<Shared> {
    // Held while the stack starts: tests that come meanwhile wait for it.
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = current.upgrade() {
        return shared;
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let running = Some(runtime.block_on(Running::start()));
    let shared = Arc::new(Shared {
        runtime,
        running,
        turn: Mutex::new(()),
    });
    *current = Arc::downgrade(&shared);
    shared
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}
