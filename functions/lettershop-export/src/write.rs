//! The objects with sorted letters are merged into the file.

use std::fs::File;
use std::io::{BufReader, Seek};

use chrono::{DateTime, Utc};
use domain::code::CodeKey;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lettershop::manifest::{Checkpoint, Job, Manifest, PrintFile};
use lettershop::merge::{ChunkReader, Merge, MergeError, ReadError};
use lettershop::piece::{Codes, ROW_BYTES_MAX, Row};
use lettershop::settings::Settings;
use runtime::sqs::Deadline;
use store::lettershop::{self as files, Chunk, FileWork};
use store::run::{Run, RunId};
use store::{Record, Site};

use crate::ahead::Ahead;
use crate::{App, ExportError, parsed};

/// Parts of a file: the most that the service takes.
const PARTS_MAX: usize = 10_000;

/// Rounds against another worker that begins the same file.
const ROUNDS_MAX: u32 = 3;

/// Objects with sorted letters that are copied at the same time.
const COPIES_AT_ONCE: usize = 4;

/// Rows after which the part before may be sent on.
const ROWS_AT_ONCE: u32 = 200;

/// A file on its way.
struct Writing {
    key: String,
    work: FileWork,
    filling: Filling,
}

/// Letters that become bytes.
struct Filling {
    file: PrintFile,
    letters: Ahead<Result<(Row, Codes), ExportError>>,
    buffer: Vec<u8>,
}

/// A part of the file, and where the file goes on behind it.
struct Part {
    content: Vec<u8>,
    checkpoint: serde_json::Value,
}

impl Filling {
    /// Fills the next part; `None` at the end of the letters, when what is left stands in the buffer. Gives way now and then, so that
    /// the part before is sent meanwhile.
    async fn next(&mut self, part_bytes: usize) -> Result<Option<Part>, ExportError> {
        let mut rows = 0u32;
        while let Some(letter) = self.letters.next().await {
            let (row, codes) = letter?;
            self.file.push(&row.piece(codes)?, &mut self.buffer)?;
            if self.buffer.len() >= part_bytes {
                // A buffer that grows takes twice what it holds.
                let next = Vec::with_capacity(part_bytes.saturating_add(ROW_BYTES_MAX));
                return Ok(Some(Part {
                    content: std::mem::replace(&mut self.buffer, next),
                    checkpoint: json(&self.file.checkpoint())?,
                }));
            }
            rows = rows.saturating_add(1);
            if rows.is_multiple_of(ROWS_AT_ONCE) {
                tokio::task::yield_now().await;
            }
        }
        Ok(None)
    }
}

impl App {
    /// Writes what is left of the file; `true` when more is left than the time allows.
    pub(crate) async fn write(
        &self,
        id: &RunId,
        run: &Record<Run>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, ExportError> {
        let Some(chunks) = self.sorted(id, run, deadline, now).await? else {
            return Ok(true);
        };
        if chunks.iter().all(|chunk| chunk.letters == 0) {
            return self.without_letters(id, run, now).await.map(|()| false);
        }
        let job = job(run)?;
        let work = self.begun(id, &job, now).await?;
        let code_key = CodeKey::new(self.code_key(run)?);
        let mut writing = self.writing(id, (job, work), &chunks, code_key).await?;
        // Completed by a worker that died behind it: its upload is gone, and what is left to do follows from its rows.
        let stands = self.objects.bytes(&writing.key).await?.is_some();
        let mut filled: Option<Part> = None;
        loop {
            let Writing { key, work, filling } = &mut writing;
            let next = filling.next(self.part_bytes);
            let (sent, next) = match filled.take() {
                Some(part) => tokio::join!(Box::pin(self.part(id, (key, work), part, now)), next),
                None => (Ok(true), next.await),
            };
            if !sent? {
                // Another worker is at the same file, and further.
                return Ok(false);
            }
            let Some(part) = next? else { break };
            if stands {
                continue;
            }
            if deadline.is_near() {
                // More is left, unless another worker is further.
                let Writing { key, work, .. } = &mut writing;
                return self.part(id, (key, work), part, now).await;
            }
            filled = Some(part);
        }
        let Writing {
            key,
            mut work,
            filling: Filling { file, buffer, .. },
        } = writing;
        if !buffer.is_empty() && !stands {
            let number = number(work.parts.len().saturating_add(1))?;
            work.parts
                .push(self.objects.part((&key, &work.upload), number, buffer).await?);
        }
        let manifest: Manifest = file.finish();
        let upload = (!stands).then_some(&work);
        self.finish(id, run, (&key, upload), &manifest, &chunks, now).await?;
        Ok(false)
    }

    /// The sorted letters of all shards, each noted with whom it goes to; `None` when some had to be sorted or noted first, as far as
    /// the time allowed.
    async fn sorted(
        &self,
        id: &RunId,
        run: &Record<Run>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<Chunk>>, ExportError> {
        let done = files::chunks(&self.db, Site::ExportChunks, id).await?;
        let noted = |shard: &u8| done.get(shard).is_some_and(|chunk| chunk.noted);
        for shard in (0..run.d.cut.shards).filter(|shard| !noted(shard)) {
            let chunk = match done.get(&shard) {
                Some(chunk) => chunk.clone(),
                None => self.sort(id, run, shard, now).await?,
            };
            if deadline.is_near() {
                return Ok(None);
            }
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

    /// The file as it was begun, or begins it.
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

    /// The file where it stopped, with the rows that are left.
    async fn writing(
        &self,
        id: &RunId,
        (job, work): (Job, FileWork),
        chunks: &[Chunk],
        code_key: CodeKey,
    ) -> Result<Writing, ExportError> {
        let settings = parsed(work.settings.clone())?;
        let mut rows = self.merged(chunks).await?;
        // A row more than a part: it is full when it has reached its size.
        let mut buffer = Vec::with_capacity(self.part_bytes.saturating_add(ROW_BYTES_MAX));
        let file = if work.parts.is_empty() {
            // What stands before the first row is part of the first part.
            PrintFile::begin(job, settings.format.clone(), &mut buffer).map_err(|found| ExportError::format(&found))?
        } else {
            let checkpoint: Checkpoint = serde_json::from_value(work.checkpoint.clone())
                .map_err(|_| ExportError::Unusable("where the file goes on cannot be read"))?;
            let skipped = checkpoint.skip(&mut rows);
            skipped.map_err(|error| ExportError::Merge(error.to_string()))?;
            PrintFile::resume(job, settings.format.clone(), &checkpoint)
                .map_err(|error| ExportError::Merge(error.to_string()))?
        };
        let letter = move |row: Result<Row, ExportError>| {
            let row = row?;
            let codes = row.codes(|voucher| Some(code_key.code(voucher)))?;
            Ok((row, codes))
        };
        Ok(Writing {
            key: file_key(id, &settings),
            work,
            filling: Filling {
                file,
                letters: Ahead::of(rows.map(letter))?,
                buffer,
            },
        })
    }

    /// The sorted letters of all shards in one order, from copies on the disk.
    async fn merged(
        &self,
        chunks: &[Chunk],
    ) -> Result<Box<dyn Iterator<Item = Result<Row, ExportError>> + Send>, ExportError> {
        let keys = chunks.iter().filter_map(|chunk| chunk.key.as_ref());
        let copies: Vec<_> = keys.map(|key| self.sorted_rows(key)).collect();
        let copies = stream::iter(copies).buffered(COPIES_AT_ONCE);
        let readers: Vec<_> = copies.try_collect().await?;
        let merge: Merge<ChunkReader<BufReader<File>>> = Merge::new(readers);
        let rows = merge.map(|row| row.map_err(|error: MergeError<ReadError>| ExportError::Merge(error.to_string())));
        Ok(Box::new(rows))
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
        part: Part,
        now: DateTime<Utc>,
    ) -> Result<bool, ExportError> {
        let number = number(work.parts.len().saturating_add(1))?;
        let tag = self.objects.part((key, &work.upload), number, part.content).await?;
        let before = work.version;
        work.parts.push(tag);
        work.checkpoint = part.checkpoint;
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
