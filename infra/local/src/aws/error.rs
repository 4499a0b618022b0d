//! What can go wrong while the embedded endpoints start, stop or keep their data.

use std::io;
use std::path::PathBuf;

/// An embedded AWS endpoint could not be started, used or stopped.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// A folder or file of the data folder could not be created, read or written.
    #[error("{path}: {source}; check that the data folder exists, is writable and has space left")]
    Storage {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },

    /// Another process holds the data folder.
    #[error("{path} is in use by another local stack; stop that one or choose another data folder")]
    DataDirInUse {
        /// The lock file.
        path: PathBuf,
    },

    /// A port could not be bound.
    #[error(
        "{service} cannot listen on 127.0.0.1:{port}: {source}; stop what uses the port or choose another one (0 takes any free port)"
    )]
    Bind {
        /// The AWS service.
        service: &'static str,
        /// The port asked for.
        port: u16,
        /// The operating system's answer.
        source: io::Error,
    },

    /// A database file could not be opened or changed.
    #[error("{service} database: {source}; if the file is damaged, remove the data folder to start afresh")]
    Database {
        /// The AWS service.
        service: &'static str,
        /// SQLite's answer.
        source: rusqlite::Error,
    },

    /// The DynamoDB emulator refused to open its database.
    #[error("DynamoDB database {location}: {message}")]
    Dynamo {
        /// The file or memory database.
        location: String,
        /// The emulator's answer.
        message: String,
    },

    /// A thread or runtime of an endpoint could not be started.
    #[error("{service} could not start its thread: {source}")]
    Thread {
        /// The AWS service.
        service: &'static str,
        /// The operating system's answer.
        source: io::Error,
    },

    /// An endpoint did not finish its running requests in time, or ended by itself.
    #[error("{service} did not stop cleanly: {reason}")]
    Stop {
        /// The AWS service.
        service: &'static str,
        /// What was seen.
        reason: String,
    },

    /// A stream sequence number that no stream of this endpoint has issued.
    #[error("{0:?} is not a sequence number of a local stream; take it from a record that GetRecords returned")]
    SequenceNumber(String),

    /// A bucket name or secret name or option that the service would refuse.
    #[error("{what}: {reason}")]
    Invalid {
        /// The offending thing, by name.
        what: String,
        /// Why it is refused.
        reason: String,
    },

    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(String),
}

impl AwsError {
    pub(crate) fn storage(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Storage { path, source }
    }

    pub(crate) fn database(service: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Database { service, source }
    }
}
