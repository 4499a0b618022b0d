//! How a command ends.

use std::process::ExitCode;

/// The codes, for `--help`.
pub const EXIT_CODES: &str = "Exit codes:
  0  done, and everything agrees
  1  failed, or differences were found
  2  the command line is wrong
  3  nothing to work on: no stack runs in the data folder, or its API or table cannot be reached";

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It could not be finished.
    #[error("{0:#}")]
    Failed(anyhow::Error),
    /// It was finished and found differences, which are in its output.
    #[error("{0}")]
    Differences(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is nothing to talk to.
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) | Self::Differences(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }

    /// There is no running stack.
    pub(crate) fn no_stack(data: &std::path::Path) -> Self {
        Self::Unreachable(format!(
            "no stack runs in {}: start one with `treue --data {0}`, or name the table with --table",
            data.display()
        ))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
