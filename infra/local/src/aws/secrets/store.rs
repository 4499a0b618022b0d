//! The secrets: a map in memory, and a file that only its owner can read.

use crate::aws::{ACCOUNT_ID, AwsError, REGION};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A secret. Its debug form does not show the value.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) value: String,
    pub(super) description: Option<String>,
    /// Unix time in milliseconds.
    pub(super) created_ms: i64,
    pub(super) version_id: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("version_id", &self.version_id)
            .finish_non_exhaustive()
    }
}

/// All secrets by name.
#[derive(Debug, Default)]
pub(super) struct SecretStore {
    secrets: BTreeMap<String, Secret>,
    file: Option<PathBuf>,
}

/// The ARN of the secret called `name`. AWS adds a random suffix; here the ARN can be known before the secret exists.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{name}")
}

impl SecretStore {
    /// Reads the secrets from `file`, or starts without any.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, AwsError> {
        let Some(path) = file else {
            return Ok(Self::default());
        };
        let secrets = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| AwsError::Invalid {
                what: path.display().to_string(),
                // The parser's position only: its text could quote a value.
                reason: format!(
                    "it is damaged at line {}, column {}; restore it from a copy",
                    error.line(),
                    error.column()
                ),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(AwsError::storage(&path)(error)),
        };
        Ok(Self {
            secrets,
            file: Some(path),
        })
    }

    /// Finds a secret by name or ARN; returns its name as well.
    pub(super) fn find(&self, id: &str) -> Option<(&str, &Secret)> {
        let name = id.strip_prefix(&arn("")).unwrap_or(id);
        self.secrets
            .get_key_value(name)
            .map(|(name, secret)| (name.as_str(), secret))
    }

    /// Adds a secret; it is on disk when this returns. Nothing is changed when it cannot be written.
    pub(super) fn insert(&mut self, name: String, secret: Secret) -> Result<(), AwsError> {
        let mut changed = self.secrets.clone();
        changed.insert(name, secret);
        if let Some(path) = &self.file {
            write_private(path, &changed)?;
        }
        self.secrets = changed;
        Ok(())
    }
}

/// Replaces `path` at once by a synced file with mode 0600.
fn write_private(path: &Path, secrets: &BTreeMap<String, Secret>) -> Result<(), AwsError> {
    let error = || AwsError::storage(path);
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    // A temporary file is created readable for its owner only, and keeps that mode when it is renamed.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(error())?;
    let bytes = serde_json::to_vec_pretty(secrets).map_err(|source| error()(source.into()))?;
    file.write_all(&bytes).map_err(error())?;
    file.as_file().sync_all().map_err(error())?;
    file.persist(path).map_err(|failure| error()(failure.error))?;
    // The rename itself must survive a power failure too: keys that are generated again make every voucher void.
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(error())
}
