//! What was rejected is put together, and the run completed.

use chrono::{DateTime, Utc};
use domain::id::{RunId, Tenant};
use futures::future::BoxFuture;
use futures::stream;
use futures::{StreamExt, TryStreamExt};
use store::import::{self, Counts, Part, Rejects, Run, RunResult};
use store::{Record, Site};

use crate::part::Rejected;
use crate::{App, ImportError};

/// Most rejected rows in the file of a run: some 20 MB. Beyond that the run says how many there are.
const ROWS_MAX: u64 = 100_000;
/// Objects that are read at the same time.
const AT_ONCE: usize = 8;

impl App {
    /// Completes a run whose parts are done.
    pub(crate) async fn finish(
        &self,
        tenant: &Tenant,
        (id, revision): (&RunId, u32),
        now: DateTime<Utc>,
    ) -> Result<(), ImportError> {
        let run = import::read(&self.db, Site::ImportRun, tenant, id).await?;
        let run = run.ok_or(ImportError::NoRun)?;
        if run.d.revision != revision || !run.d.is_open() {
            return Ok(());
        }
        self.complete(tenant, &run, now).await
    }

    /// Writes the file with what was rejected, drops the file that was imported (it holds nothing but persons) and completes the run. Several workers may come here: they write the same, and one
    /// of them completes.
    pub(crate) async fn complete(
        &self,
        tenant: &Tenant,
        run: &Record<Run>,
        now: DateTime<Utc>,
    ) -> Result<(), ImportError> {
        let mut together = Together::new(&run.d);
        let mut after = None;
        let mut seen = 0u32;
        loop {
            let key = (&run.d.id, run.d.revision);
            let (parts, next) = import::parts(&self.db, Site::ImportPart, tenant, key, after).await?;
            for part in parts {
                if !part.d.done {
                    return Err(ImportError::NotDone);
                }
                seen = seen.saturating_add(1);
                self.add(&run.d, &part.d, &mut together).await?;
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        if seen < run.d.parts {
            return Err(ImportError::NotDone);
        }
        let (counts, rows) = (together.counts, together.rows);
        let rejects = if rows == 0 {
            None
        } else {
            let key = format!("rejects/{tenant}/{}-{}.csv", run.d.id, run.d.revision);
            let place = (run.d.bucket.as_str(), key.as_str());
            let content_type = "text/csv; charset=utf-8";
            self.objects
                .put(Site::ImportRejects, place, content_type, together.text)
                .await?;
            Some(Rejects { key, rows })
        };
        // Before the run is complete: whoever completes it knows that the file is gone. Nothing reads it any more.
        let file = (run.d.bucket.as_str(), run.d.file.as_str(), run.d.etag.as_str());
        self.objects.drop(file).await?;
        let mut done = run.d.clone();
        done.result = Some(RunResult {
            counts,
            rejects,
            at: now,
        });
        if import::write(&self.db, Site::ImportComplete, tenant, done, Some(run), now).await? {
            let Counts {
                read,
                created,
                changed,
                unchanged,
                rejected,
            } = counts;
            let (id, revision) = (&run.d.id, run.d.revision);
            tracing::info!(%tenant, run = %id, revision, read, created, changed, unchanged, rejected, "a file is imported");
        }
        Ok(())
    }

    /// Adds the rows that a part has rejected, in their order.
    async fn add(&self, run: &Run, part: &Part, together: &mut Together) -> Result<(), ImportError> {
        let mut objects: Vec<BoxFuture<'_, Result<Vec<u8>, ImportError>>> = Vec::new();
        for key in &part.rejects {
            objects.push(Box::pin(self.objects.whole(&run.bucket, key)));
        }
        let mut objects = stream::iter(objects).buffered(AT_ONCE);
        while together.rows < ROWS_MAX
            && let Some(object) = objects.try_next().await?
        {
            let rejected: Vec<Rejected> = serde_json::from_slice(&object).map_err(|_| ImportError::Unreadable)?;
            for row in rejected {
                together.add(&row);
            }
        }
        together.counts.add(&part.counts);
        together.line = together.line.saturating_add(part.lines);
        Ok(())
    }
}

/// The file with what was rejected, as far as it is.
struct Together {
    text: String,
    rows: u64,
    counts: Counts,
    /// The line of the file with which the next part begins, from 1.
    line: u64,
}

impl Together {
    fn new(run: &Run) -> Self {
        let has_header = run.form.as_ref().is_some_and(|form| form.header.is_some());
        Self {
            text: "line,field,code,reason\n".to_owned(),
            rows: 0,
            counts: Counts::default(),
            line: if has_header { 2 } else { 1 },
        }
    }

    fn add(&mut self, row: &Rejected) {
        if self.rows >= ROWS_MAX {
            return;
        }
        self.rows += 1;
        let line = self.line.saturating_add(row.line);
        for flaw in &row.flaws {
            let reason = flaw.reason.replace('"', "\"\"");
            let text = format!("{line},{},{},\"{reason}\"\n", flaw.field, flaw.code);
            self.text.push_str(&text);
        }
    }
}
