//! What a start tells while it works.

/// Receives the steps of a build and a start.
pub trait Progress: Send + Sync {
    /// A step begins: one line of prose.
    fn step(&self, text: &str);

    /// A line of a tool's output that belongs to the current step.
    fn detail(&self, _line: &str) {}
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _text: &str) {}
}

/// Writes each step to standard error.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl Progress for Lines {
    fn step(&self, text: &str) {
        eprintln!("{text}");
    }
}
