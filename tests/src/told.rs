//! What the stack, or functions in a test's own process, tell while they run.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Everything told so far.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Told {
    /// How often this was told.
    pub fn count(&self, message: &str) -> usize {
        self.text().matches(message).count()
    }
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Listens to every event of the stack's own code and of the functions' output, and to what libraries tell an operator.
pub fn listen() -> Told {
    let told = Told::default();
    let writer = told.clone();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info,treue_local=trace,function=trace"))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    told
}

/// Listens to what this thread tells until the guard is dropped.
pub fn here() -> (Told, impl Drop) {
    let told = Told::default();
    let writer = told.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    (told, subscriber.finish().set_default())
}
