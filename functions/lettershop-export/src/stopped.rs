//! What was written of a run that was stopped is dropped: nobody shall print it, and it has addresses and codes.
//!
//! Nothing leads to it: links are made to the file that stands in the run, and a run that was stopped before its file stood has none.
//! A worker that goes on meanwhile finds the run stopped when it would move it on, and drops what it has written itself.

use store::run::RunId;
use store::{Site, lettershop as files};

use crate::write::{file_key, folder};
use crate::{App, ExportError, parsed};

/// What can stand of a run, whatever was agreed on with the printer.
const FILES: [&str; 3] = ["letters.csv", "letters.txt", "manifest.json"];

impl App {
    /// Gives the upload up, and drops file, manifest and sorted letters. Whoever does it again finds nothing.
    pub(crate) async fn drop_stopped(&self, id: &RunId) -> Result<(), ExportError> {
        if let Some(work) = files::file_work(&self.db, Site::ExportChunks, id).await? {
            let key = file_key(id, &parsed(work.settings)?);
            self.objects.abort(&key, &work.upload).await?;
        }
        for name in FILES {
            let key = format!("{}/{name}", folder(id));
            self.objects.drop_file(&key).await?;
        }
        let chunks = files::chunks(&self.db, Site::ExportChunks, id).await?;
        for key in chunks.into_values().filter_map(|chunk| chunk.key) {
            self.objects.drop_work(&key).await?;
        }
        tracing::warn!(run = %id.run, revision = id.revision, "what was written of a run that was stopped is dropped");
        Ok(())
    }
}
