//! The data folder of the local stack, and how other commands find the stack that runs in it.
//!
//! A running stack holds a lock on `stack.lock`, which the operating system releases however the process ends. A
//! `stack.json` without that lock is a leftover.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Tries to get the lock: another command may hold it for an instant to see whether it is free.
const LOCK_TRIES: u32 = 20;
/// Pause between them.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A running stack, as it describes itself to other commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StackFile {
    /// Its process.
    pub(crate) pid: u32,
    /// Root of the API.
    pub(crate) api_url: String,
    /// The Lambda Invoke endpoint.
    pub(crate) invoke_url: String,
    /// The table.
    pub(crate) table: String,
    /// URLs of the queues by logical id.
    pub(crate) queues: BTreeMap<String, String>,
    /// Names of the buckets by logical id.
    #[serde(default)]
    pub(crate) buckets: BTreeMap<String, String>,
    /// What points an AWS SDK or the AWS command line at the stack.
    pub(crate) aws_env: BTreeMap<String, String>,
}

/// The data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

/// Held while a stack runs.
#[derive(Debug)]
pub(crate) struct StackLock {
    _file: File,
    stack_file: PathBuf,
}

impl Drop for StackLock {
    fn drop(&mut self) {
        // A leftover is harmless: without the lock nobody believes it.
        let _ = std::fs::remove_file(&self.stack_file);
    }
}

impl DataDir {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn stack_file(&self) -> PathBuf {
        self.0.join("stack.json")
    }

    /// Takes the lock of the running stack; `None` when another process holds it.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<StackLock>> {
        std::fs::create_dir_all(&self.0).with_context(|| format!("cannot create {}", self.0.display()))?;
        for attempt in 0..LOCK_TRIES {
            if attempt > 0 {
                std::thread::sleep(LOCK_PAUSE);
            }
            if let Some(file) = self.try_lock()? {
                return Ok(Some(StackLock {
                    _file: file,
                    stack_file: self.stack_file(),
                }));
            }
        }
        Ok(None)
    }

    fn try_lock(&self) -> anyhow::Result<Option<File>> {
        let path = self.0.join("stack.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// The stack that runs here, if one does.
    pub(crate) fn running(&self) -> anyhow::Result<Option<StackFile>> {
        let path = self.stack_file();
        if !path.exists() {
            return Ok(None);
        }
        if self.try_lock()?.is_some() {
            // Its process is gone.
            std::fs::remove_file(&path).with_context(|| format!("cannot remove the leftover {}", path.display()))?;
            return Ok(None);
        }
        self.read("stack.json")
    }

    /// Tells other commands where the stack is. Only for the holder of the lock.
    pub(crate) fn announce(&self, _lock: &StackLock, stack: &StackFile) -> anyhow::Result<()> {
        self.write("stack.json", stack)
    }

    /// A document of the folder; `None` when it is not there.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let path = self.0.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| {
                format!(
                    "{} cannot be understood: remove it, or start with --fresh",
                    path.display()
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Stores a document that only this user may read. It appears whole or not at all.
    pub(crate) fn write<T: Serialize>(&self, name: &str, document: &T) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(document).context("cannot be written as JSON")?;
        write_private(&self.0.join(name), &text)
    }
}

/// Writes a file with mode 0600; it appears whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = parent.join(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    })();
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> StackFile {
        StackFile {
            pid: 1,
            api_url: "http://127.0.0.1:3000".into(),
            invoke_url: "http://127.0.0.1:3001".into(),
            table: "t".into(),
            queues: BTreeMap::new(),
            buckets: BTreeMap::new(),
            aws_env: BTreeMap::new(),
        }
    }

    #[test]
    fn a_stack_is_found_while_it_runs_and_never_after() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        assert_eq!(data.running().unwrap(), None);
        let lock = data.lock().unwrap().unwrap();
        data.announce(&lock, &stack()).unwrap();
        assert_eq!(data.running().unwrap(), Some(stack()));
        drop(lock);
        assert_eq!(data.running().unwrap(), None);
    }

    #[test]
    fn the_file_of_a_stack_that_was_killed_is_recognised_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        data.write("stack.json", &stack()).unwrap();
        assert_eq!(data.running().unwrap(), None);
        assert!(!folder.path().join("stack.json").exists());
    }

    #[test]
    fn what_holds_keys_is_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        data.write("keys.json", &1).unwrap();
        let mode = std::fs::metadata(folder.path().join("keys.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
