//! The objects with sorted letters are merged into the file.

use std::fs::File;
use std::io::{BufReader, Seek};

use chrono::{DateTime, Utc};
use domain::code::CodeKey;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lettershop::manifest::{Checkpoint, Job, Manifest, PrintFile};
use lettershop::merge::{ChunkReader, Merge, MergeError, ReadError};
use lettershop::row::Row;
use lettershop::settings::Settings;
use runtime::sqs::Deadline;
use store::lettershop::{self as files, Chunk, FileWork};
use store::run::{Run, RunId};
use store::{Record, Site};

use crate::ahead::Ahead;
use crate::parts::{Behind, Part, Parts};
use crate::{App, ExportError, parsed};

/// Parts of a file: the most that the service takes.
const PARTS_MAX: usize = 10_000;

/// Rounds against another worker that begins the same file.
const ROUNDS_MAX: u32 = 3;

/// Objects with sorted letters that are copied at the same time.
const COPIES_AT_ONCE: usize = 4;

/// Letters in the order of the file.
type Rows = Box<dyn Iterator<Item = Result<Row, ExportError>> + Send>;

impl App {
    /// Writes what is left of the file; `true` when more is left than the time allows.
    pub(crate) async fn write(
        &self,
        id: &RunId,
        run: &Record<Run>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, ExportError> {
        if run.d.issued.is_some_and(|issued| issued.members == 0) {
            return self.without_letters(id, run, now).await.map(|()| false);
        }
        let job = job(run)?;
        let mut work = self.begun(id, &job, now).await?;
        let settings: Settings = parsed(work.settings.clone())?;
        let key = file_key(id, &settings);
        let Some(chunks) = self.sorted(id, run, &settings, deadline, now).await? else {
            return Ok(true);
        };
        let letters = chunks.iter().map(|chunk| chunk.letters).fold(0, u64::saturating_add);
        if usize::try_from(letters).is_ok_and(|letters| letters <= settings.control.len()) {
            // Whom the run has served was kept from a letter since; what is sorted goes to planted addresses.
            self.objects.abort(&key, &work.upload).await?;
            for key in chunks.iter().filter_map(|chunk| chunk.key.as_ref()) {
                self.objects.drop_work(key).await?;
            }
            return self.without_letters(id, run, now).await.map(|()| false);
        }
        let (file, rows) = self.file((job, settings), &work, &chunks).await?;
        let (code_key, part_bytes) = (CodeKey::new(self.code_key(run)?), self.part_bytes);
        let mut parts = Ahead::of(|unwanted| Parts::new(file, rows, code_key, part_bytes, unwanted))?;
        // Completed by a worker that died behind it: its upload is gone, and what is left to do follows from its rows.
        let stands = self.objects.bytes(&key).await?.is_some();
        while let Some(part) = parts.next().await {
            let Part { content, behind } = part?;
            match behind {
                Behind::Checkpoint(_) if stands => {}
                Behind::Checkpoint(checkpoint) => {
                    let sent = self.part(id, (&key, &mut work), (content, checkpoint), now);
                    if !sent.await? {
                        // Another worker is at the same file, and further.
                        return Ok(false);
                    }
                    if deadline.is_near() {
                        return Ok(true);
                    }
                }
                Behind::End(manifest) => {
                    if !content.is_empty() && !stands {
                        let number = number(work.parts.len().saturating_add(1))?;
                        let tag = self.objects.part((&key, &work.upload), number, content).await?;
                        work.parts.push(tag);
                    }
                    let upload = (!stands).then_some(&work);
                    let (file, manifest): (_, Manifest) = ((key.as_str(), upload), *manifest);
                    self.finish(id, run, file, &manifest, &chunks, now).await?;
                    return Ok(false);
                }
            }
        }
        Err(ExportError::Unusable("the parts of the file end before its end"))
    }

    /// The sorted letters of all shards, each noted with whom it goes to; `None` when some had to be sorted or noted first, as far as
    /// the time allowed.
    async fn sorted(
        &self,
        id: &RunId,
        run: &Record<Run>,
        settings: &Settings,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<Chunk>>, ExportError> {
        let done = files::chunks(&self.db, Site::ExportChunks, id).await?;
        let noted = |shard: &u8| done.get(shard).is_some_and(|chunk| chunk.noted);
        for shard in (0..run.d.cut.shards).filter(|shard| !noted(shard)) {
            let chunk = match done.get(&shard) {
                Some(chunk) => chunk.clone(),
                None => {
                    let chunk = self.sort(id, run, (shard, settings), now).await?;
                    if deadline.is_near() {
                        return Ok(None);
                    }
                    chunk
                }
            };
            if !chunk.noted {
                self.note_sorted(id, run, (shard, chunk), now).await?;
            }
            if deadline.is_near() {
                return Ok(None);
            }
        }
        // The merge begins with all the time of an invocation.
        let all = (0..run.d.cut.shards).all(|shard| noted(&shard));
        Ok(all.then(|| done.into_values().collect()))
    }

    /// The file as it was begun, or begins it. It is begun before its letters are sorted: they are sorted as rows of its format, and what
    /// is agreed on with the printer meanwhile is for the next file.
    async fn begun(&self, id: &RunId, job: &Job, now: DateTime<Utc>) -> Result<FileWork, ExportError> {
        for _ in 0..ROUNDS_MAX {
            if let Some(work) = files::file_work(&self.db, Site::ExportChunks, id).await? {
                return Ok(work);
            }
            let settings = self.settings(id).await?;
            let mut head = Vec::new();
            let file = PrintFile::begin(job.clone(), settings.format.clone(), &mut head);
            let file = file.map_err(|found| ExportError::format(&found))?;
            let key = file_key(id, &settings);
            let upload = self.objects.begin(&key, content_type(&settings)).await?;
            let work = FileWork {
                version: 0,
                upload: upload.clone(),
                settings: json(&settings)?,
                parts: Vec::new(),
                checkpoint: json(&file.checkpoint())?,
            };
            if !files::store_file_work(&self.db, Site::ExportAdvance, id, 0, work, now).await? {
                // Refused may be a repetition of our own that was taken: only an upload that nobody goes on with is given up.
                let standing = files::file_work(&self.db, Site::ExportChunks, id).await?;
                if standing.is_some_and(|standing| standing.upload != upload) {
                    self.objects.abort(&key, &upload).await?;
                }
            }
        }
        Err(ExportError::Contended)
    }

    /// The file where it stopped with what belongs before its next row, and the rows that are left.
    async fn file(
        &self,
        (job, settings): (Job, Settings),
        work: &FileWork,
        chunks: &[Chunk],
    ) -> Result<((PrintFile, Vec<u8>), Rows), ExportError> {
        let mut rows = self.merged(chunks).await?;
        let mut head = Vec::new();
        let file = if work.parts.is_empty() {
            // What stands before the first row is part of the first part.
            PrintFile::begin(job, settings.format, &mut head).map_err(|found| ExportError::format(&found))?
        } else {
            let checkpoint: Checkpoint = serde_json::from_value(work.checkpoint.clone())
                .map_err(|_| ExportError::Unusable("where the file goes on cannot be read"))?;
            let skipped = checkpoint.skip(&mut rows);
            skipped.map_err(|error| ExportError::Merge(error.to_string()))?;
            PrintFile::resume(job, settings.format, &checkpoint)
                .map_err(|error| ExportError::Merge(error.to_string()))?
        };
        Ok(((file, head), rows))
    }

    /// The sorted letters of all shards in one order, from copies on the disk.
    async fn merged(&self, chunks: &[Chunk]) -> Result<Rows, ExportError> {
        let keys = chunks.iter().filter_map(|chunk| chunk.key.as_ref());
        let copies: Vec<_> = keys.map(|key| self.sorted_rows(key)).collect();
        let copies = stream::iter(copies).buffered(COPIES_AT_ONCE);
        let readers: Vec<_> = copies.try_collect().await?;
        let merge: Merge<ChunkReader<BufReader<File>>> = Merge::new(readers);
        let rows: Rows = Box::new(merge.map(merged_row));
        Ok(rows)
    }

    /// Sorted letters, from a copy on the disk.
    pub(crate) async fn sorted_rows(&self, key: &str) -> Result<ChunkReader<BufReader<File>>, ExportError> {
        let mut file: File = tempfile::tempfile()?;
        self.objects.fetch_work(key, &mut file).await?;
        file.rewind()?;
        Ok(ChunkReader::new(BufReader::new(file)))
    }

    /// Uploads what is written as a part and notes where the file goes on; `false` when another worker has.
    async fn part(
        &self,
        id: &RunId,
        (key, work): (&str, &mut FileWork),
        (content, checkpoint): (Vec<u8>, serde_json::Value),
        now: DateTime<Utc>,
    ) -> Result<bool, ExportError> {
        let number = number(work.parts.len().saturating_add(1))?;
        let tag = self.objects.part((key, &work.upload), number, content).await?;
        let before = work.version;
        work.parts.push(tag);
        work.checkpoint = checkpoint;
        let parts = work.parts.clone();
        let next = work.clone();
        let stored = files::store_file_work(&self.db, Site::ExportAdvance, id, before, next, now).await?;
        work.version = before.saturating_add(1);
        if stored {
            return Ok(true);
        }
        // Refused may be a repetition of our own that was taken.
        let standing = files::file_work(&self.db, Site::ExportChunks, id).await?;
        Ok(standing.is_some_and(|standing| standing.parts == parts))
    }
}

fn merged_row(row: Result<Row, MergeError<ReadError>>) -> Result<Row, ExportError> {
    row.map_err(|error| ExportError::Merge(error.to_string()))
}

/// What the file is for. Of the run and not of the clock, so that whoever writes it writes the same.
pub(crate) fn job(run: &Record<Run>) -> Result<Job, ExportError> {
    let unusable = |_| ExportError::Unusable("the campaign's letter has no name that a printer can take");
    Ok(Job {
        run: run.d.run.clone(),
        campaign: run.d.campaign.id.parse().map_err(unusable)?,
        variant: run.d.campaign.letter_variant.parse().map_err(unusable)?,
        day: run.d.day,
    })
}

fn number(part: usize) -> Result<i32, ExportError> {
    if part > PARTS_MAX {
        return Err(ExportError::Unusable("the file has more parts than the service takes"));
    }
    i32::try_from(part).map_err(|_| ExportError::Unusable("the file has more parts than the service takes"))
}

pub(crate) fn file_key(id: &RunId, settings: &Settings) -> String {
    format!("{}/letters.{}", folder(id), ending(settings))
}

/// Where the file of a run and its manifest stand.
pub(crate) fn folder(id: &RunId) -> String {
    format!("out/{}/{}/{:04}", id.tenant, id.run, id.revision)
}

pub(crate) const fn ending(settings: &Settings) -> &'static str {
    match settings.format.layout {
        lettershop::format::Layout::Csv { .. } => "csv",
        lettershop::format::Layout::FixedWidth { .. } => "txt",
    }
}

pub(crate) const fn content_type(settings: &Settings) -> &'static str {
    match settings.format.layout {
        lettershop::format::Layout::Csv { .. } => "text/csv",
        lettershop::format::Layout::FixedWidth { .. } => "text/plain",
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<serde_json::Value, ExportError> {
    serde_json::to_value(value).map_err(|_| ExportError::Unusable("a document of the file cannot be written"))
}
