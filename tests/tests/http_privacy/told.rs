//! What the stack itself tells while it runs.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;

/// Everything told so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
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
pub(crate) fn listen() -> Told {
    let told = Told::default();
    let writer = told.clone();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info,treue_local=trace,function=trace"))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    told
}
