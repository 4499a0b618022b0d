//! File and manifest stand, run and campaign move on.

use chrono::{DateTime, Utc};
use lettershop::manifest::Manifest;
use store::campaign::{self as campaigns, Moved};
use store::lettershop::{Chunk, FileWork};
use store::run::{self, PrintFile, Run, RunId, Stage};
use store::{Record, Site};

use crate::write::json;
use crate::{App, ExportError};

impl App {
    /// Completes the upload of a file that does not stand yet, puts the manifest behind it, and moves the run on.
    pub(crate) async fn finish(
        &self,
        id: &RunId,
        run: &Record<Run>,
        (key, upload): (&str, Option<&FileWork>),
        manifest: &Manifest,
        chunks: &[Chunk],
        now: DateTime<Utc>,
    ) -> Result<(), ExportError> {
        if let Some(work) = upload {
            self.objects.complete(key, &work.upload, &work.parts).await?;
        }
        if self.objects.bytes(key).await? != Some(manifest.bytes) {
            return Err(ExportError::Unusable(
                "the file that stands is not the one that was written",
            ));
        }
        let manifest_key = match key.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/manifest.json"),
            None => "manifest.json".to_owned(),
        };
        let document = json(manifest)?;
        self.objects
            .put_manifest(&manifest_key, format!("{document:#}\n"))
            .await?;
        let sum = |of: fn(&Chunk) -> u64| chunks.iter().map(of).fold(0u64, u64::saturating_add);
        let file = PrintFile {
            key: key.to_owned(),
            manifest_key,
            manifest: document,
            gaps: sum(|chunk| chunk.gaps),
            shortened: sum(|chunk| chunk.shortened),
            at: now,
        };
        if !self.written(id, run, Some(file), now).await? {
            return Ok(());
        }
        let rows = manifest.totals.all.rows;
        tracing::info!(run = %id.run, revision = id.revision, rows, "the file of a run stands");
        for key in chunks.iter().filter_map(|chunk| chunk.key.as_ref()) {
            self.objects.drop_work(key).await?;
        }
        self.end(id, run, now).await
    }

    /// A run that serves nobody, or whose letters are all kept back, has no file.
    pub(crate) async fn without_letters(
        &self,
        id: &RunId,
        run: &Record<Run>,
        now: DateTime<Utc>,
    ) -> Result<(), ExportError> {
        if self.written(id, run, None, now).await? {
            self.end(id, run, now).await?;
        }
        Ok(())
    }

    /// Moves the run on. `false` when it was stopped meanwhile, perhaps tried and started anew: then the campaign is no longer this
    /// worker's, and what it has written is dropped.
    async fn written(
        &self,
        id: &RunId,
        run: &Record<Run>,
        file: Option<PrintFile>,
        now: DateTime<Utc>,
    ) -> Result<bool, ExportError> {
        let changed = run::change(&self.db, Site::ExportWritten, run, now, |run| {
            run.file = file;
            run.stage = Stage::Written;
        });
        if changed.await? {
            return Ok(true);
        }
        let stands = run::read(&self.db, Site::ExportRun, id).await?;
        match stands.map(|stands| stands.d.stage) {
            // By another worker, or by a repetition of our own that was taken.
            Some(Stage::Written) => Ok(true),
            Some(Stage::Stopped) => self.drop_stopped(id).await.map(|()| false),
            _ => Err(ExportError::Contended),
        }
    }

    /// What is left to do for a run whose file stands.
    pub(crate) async fn after(&self, id: &RunId, run: &Record<Run>, now: DateTime<Utc>) -> Result<(), ExportError> {
        if run.d.stage == Stage::Written {
            self.end(id, run, now).await?;
        }
        Ok(())
    }

    /// Moves the campaign on; one that has moved already, or was changed since, stays.
    async fn end(&self, id: &RunId, run: &Record<Run>, now: DateTime<Utc>) -> Result<(), ExportError> {
        let (schedule, name) = (run.d.campaign.schedule, id.run.to_string());
        let of = (&id.tenant, &*run.d.campaign.id);
        let step = campaigns::step(&self.db, Site::ExportStanding, of, now, |stored| {
            stored.standing.finished(schedule, &name, now)
        });
        match step.await? {
            Moved::Done | Moved::Refused(_) | Moved::Unknown => Ok(()),
            Moved::Contended => Err(ExportError::Contended),
        }
    }
}
