//! Progress on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Pause between two lines where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Steps that are counted.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    what: &'static str,
    /// When the last line was written; `None` where no lines are wanted.
    last_line: Option<Mutex<Instant>>,
}

impl Bar {
    /// Counts up to `length`, or on and on when the length is not known. A quiet one shows nothing at all.
    pub(crate) fn new(what: &'static str, length: Option<u64>, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if quiet || !terminal {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(length, target);
        let template = match length {
            Some(_) => "{prefix:>12} [{bar:40}] {human_pos}/{human_len} {per_sec} {msg} (eta {eta})",
            None => "{prefix:>12} {spinner} {human_pos} {per_sec} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what);
        if terminal && !quiet {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let last_line = (!quiet && !terminal).then(|| Mutex::new(Instant::now()));
        Self { bar, what, last_line }
    }

    /// So many steps more.
    pub(crate) fn inc(&self, steps: u64) {
        self.bar.inc(steps);
        let length = self
            .bar
            .length()
            .map_or(String::new(), |length| format!(" of {length}"));
        self.line(|| format!("{}{length}", self.bar.position()));
    }

    /// What is going on at the moment.
    pub(crate) fn message(&self, text: &str) {
        self.bar.set_message(text.to_owned());
        self.line(|| text.to_owned());
    }

    /// Leaves the bar where it is.
    pub(crate) fn finish(&self) {
        self.bar.finish();
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: impl FnOnce() -> String) {
        let Some(last) = &self.last_line else { return };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_EVERY {
            eprintln!("{}: {}", self.what, text());
            *last = Instant::now();
        }
    }
}

/// A line that shows what is going on.
pub(crate) fn spinner() -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}
