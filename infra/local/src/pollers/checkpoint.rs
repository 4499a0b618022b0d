//! How far a stream has been consumed, kept in a file so that a restart goes on where the last run ended.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// The positions of one event source mapping.
#[derive(Debug)]
pub(super) struct Checkpoints {
    file: PathBuf,
    positions: Positions,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Positions {
    stream_arn: String,
    /// Shard id to the last sequence number that is done.
    shards: BTreeMap<String, String>,
}

impl Checkpoints {
    /// Reads the file, if it is there and about this stream.
    ///
    /// # Errors
    /// When it exists and cannot be read: starting over silently would deliver everything again.
    pub(super) fn open(file: &Path, stream_arn: &str) -> std::io::Result<Self> {
        let fresh = || Positions {
            stream_arn: stream_arn.to_owned(),
            shards: BTreeMap::new(),
        };
        let positions = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => fresh(),
            Err(error) => return Err(error),
        };
        let positions: Positions = positions;
        let positions = if positions.stream_arn == stream_arn {
            positions
        } else {
            fresh()
        };
        Ok(Self {
            file: file.to_owned(),
            positions,
        })
    }

    /// The last sequence number of a shard that is done.
    pub(super) fn get(&self, shard: &str) -> Option<&str> {
        self.positions.shards.get(shard).map(String::as_str)
    }

    /// Records that everything up to a sequence number is done. The file is replaced in one step.
    pub(super) fn set(&mut self, shard: &str, sequence_number: &str) -> std::io::Result<()> {
        self.positions
            .shards
            .insert(shard.to_owned(), sequence_number.to_owned());
        let folder = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let next = self.file.with_extension("next");
        let mut out = std::fs::File::create(&next)?;
        out.write_all(&serde_json::to_vec(&self.positions)?)?;
        std::fs::rename(&next, &self.file)
    }

    /// Forgets shards that no longer exist.
    pub(super) fn retain(&mut self, exists: impl Fn(&str) -> bool) {
        self.positions.shards.retain(|shard, _| exists(shard));
    }
}
