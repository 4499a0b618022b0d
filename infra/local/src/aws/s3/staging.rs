//! Uploads on their way: written and checked aside, then put in place by renaming.
//!
//! The file emulator keeps an object's content in `<bucket>/<key>` and two side files next to the buckets, named after the
//! bucket and key in Base64. Moving an object therefore renames three files; the names are those of the pinned version.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of uploads on their way, beside the buckets. No bucket can have this name.
pub(super) const STAGING_BUCKET: &str = ".staging";

const SIDE_FILES: [&str; 2] = ["internal", "metadata"];

fn side_file(root: &Path, bucket: &str, key: &str, kind: &str) -> PathBuf {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    root.join(format!(".bucket-{}.object-{}.{kind}.json", encode(bucket), encode(key)))
}

/// The file that holds an object's content.
pub(super) fn object_file(root: &Path, bucket: &str, key: &str) -> PathBuf {
    root.join(bucket).join(key)
}

/// Puts the staged upload `staged` in place as `bucket`/`key`. The content comes last: a new object appears complete or
/// not at all.
pub(super) async fn publish(root: &Path, staged: &str, bucket: &str, key: &str) -> io::Result<()> {
    let target = object_file(root, bucket, key);
    if let Some(folder) = target.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    for kind in SIDE_FILES {
        tokio::fs::rename(
            side_file(root, STAGING_BUCKET, staged, kind),
            side_file(root, bucket, key, kind),
        )
        .await?;
    }
    tokio::fs::rename(object_file(root, STAGING_BUCKET, staged), target).await
}

/// Removes what is left of a staged upload.
pub(super) async fn discard(root: &Path, staged: &str) {
    let side_files = SIDE_FILES.map(|kind| side_file(root, STAGING_BUCKET, staged, kind));
    for path in side_files
        .into_iter()
        .chain([object_file(root, STAGING_BUCKET, staged)])
    {
        match tokio::fs::remove_file(&path).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "S3: an unfinished upload was not removed; the next start removes it"),
        }
    }
}

/// Removes the uploads that an earlier process left unfinished, and creates the staging folder.
pub(super) fn prepare(root: &Path) -> io::Result<()> {
    let staging = root.join(STAGING_BUCKET);
    match std::fs::remove_dir_all(&staging) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    std::fs::create_dir_all(&staging)?;
    let prefix = format!(".bucket-{}.object-", URL_SAFE_NO_PAD.encode(STAGING_BUCKET));
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
