//! The rows of a part, step by step.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::calendar::business_day;
use domain::id::{RunId, Tenant};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use messages::ImportMessage;
use party::change::When;
use party::row::{Flaw, LINE_MAX, Line, Lines, first_start};
use party::types::PartyTypes;
use runtime::sqs::Deadline;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::import::{self, Form, PART_BYTES, Part, Run};
use store::party::import::Outcome;
use store::{By, Made, Record, Site, party_types};

use crate::{App, ImportError};

/// Bytes in which the lines of a step begin: some hundred rows.
const STEP_BYTES: usize = 64 * 1024;
/// Rows that are worked on at the same time.
const AT_ONCE: usize = 16;
/// What bringing together what was rejected may take: half of an invocation.
const FINISH_TIME: Duration = Duration::from_secs(140);

/// What the rows of a message are worked with.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) run: &'a Run,
    pub(crate) form: &'a Form,
    pub(crate) types: PartyTypes,
    pub(crate) company: domain::id::PartyId,
    pub(crate) when: When,
    pub(crate) made: Made,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowDone {
    /// It is imported.
    As(Outcome),
    /// It is not, because of these.
    Rejected(Vec<Flaw>),
}

/// A row that was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rejected {
    /// Its line within the part, from 0.
    #[serde(rename = "l")]
    pub(crate) line: u64,
    /// Why.
    #[serde(rename = "w")]
    pub(crate) flaws: Vec<Flaw>,
}

impl App {
    /// Imports what is left of a part, and finishes the run when no other part is left either.
    pub(crate) async fn part(
        &self,
        tenant: &Tenant,
        (id, revision): (&RunId, u32),
        number: u32,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), ImportError> {
        let run = import::read(&self.db, Site::ImportRun, tenant, id).await?;
        let run = run.ok_or(ImportError::NoRun)?;
        let Some(form) = &run.d.form else { return Ok(()) };
        if run.d.revision != revision || !run.d.is_open() {
            return Ok(());
        }
        let part = import::part(&self.db, Site::ImportPart, tenant, (id, revision), number).await?;
        let message = ImportMessage::Part {
            tenant: tenant.clone(),
            run: id.clone(),
            revision,
            part: number,
        };
        if !part.as_ref().is_some_and(|part| part.d.done) {
            let types = party_types::in_force(&self.db, Site::ImportTypes, tenant).await?;
            let task = task(tenant, &run.d, form, types, now);
            if !self.steps(&task, &run, (number, part), deadline).await? {
                let rest = std::slice::from_ref(&message);
                return Ok(self.sender.send(Site::ImportSend, &self.queue_url, rest).await?);
            }
        }
        let run = import::read(&self.db, Site::ImportRun, tenant, id).await?;
        let run = run.ok_or(ImportError::NoRun)?;
        if run.d.revision != revision || !run.d.is_open() || run.d.parts_done < run.d.parts {
            return Ok(());
        }
        if deadline.leaves(FINISH_TIME) {
            return self.complete(tenant, &run, now).await;
        }
        let finish = ImportMessage::Finish {
            tenant: tenant.clone(),
            run: id.clone(),
            revision,
        };
        Ok(self.sender.send(Site::ImportSend, &self.queue_url, &[finish]).await?)
    }

    /// Works off the part step by step; `false` when the time is over before its end.
    async fn steps(
        &self,
        task: &Task<'_>,
        run: &Record<Run>,
        (number, mut stands): (u32, Option<Record<Part>>),
        deadline: Deadline,
    ) -> Result<bool, ImportError> {
        let start = u64::from(number) * PART_BYTES;
        let end = (start + PART_BYTES).min(run.d.bytes);
        let reach = (end + LINE_MAX as u64 + 2).min(run.d.bytes);
        // The byte before a part tells whether its first byte begins a line.
        let (from, is_line) = match &stands {
            Some(part) => (part.d.position, true),
            None if number == 0 => (task.form.start, true),
            None => (start - 1, false),
        };
        let bytes = if from < reach {
            let place = (run.d.bucket.as_str(), run.d.file.as_str(), run.d.etag.as_str());
            match self.objects.piece(place, from, reach).await? {
                Some(bytes) => bytes,
                None => return self.replaced(task, run).await,
            }
        } else {
            Vec::new()
        };
        let skipped = if is_line {
            Some(0)
        } else {
            first_start(&bytes).map(|end| end + 1)
        };
        let begin = skipped.map_or(end, |skipped| from + skipped as u64).min(reach);
        let text = bytes.get(usize::try_from(begin - from).unwrap_or(usize::MAX)..);
        let until = usize::try_from(end.saturating_sub(begin)).unwrap_or(usize::MAX);
        let mut lines = Lines::new(text.unwrap_or_default(), until).peekable();
        loop {
            let mut step = Vec::new();
            let first = lines.peek().map_or(0, |line| line.start);
            while let Some(line) = lines.next_if(|line| line.start - first < STEP_BYTES) {
                step.push(line);
            }
            let position = lines.peek().map(|line| begin + line.start as u64);
            let next = self
                .step(task, (number, stands.as_ref()), begin, &step, position)
                .await?;
            let (db, now) = (&self.db, task.made.at);
            let key = (&run.d.id, run.d.revision);
            let before = stands.as_ref();
            if !import::advance(db, Site::ImportAdvance, task.tenant, key, before, next, now).await? {
                return Err(ImportError::Contended);
            }
            if position.is_none() {
                return Ok(true);
            }
            if deadline.is_near() {
                return Ok(false);
            }
            stands = import::part(&self.db, Site::ImportPart, task.tenant, key, number).await?;
            if stands.as_ref().map(|part| part.d.position) != position {
                return Err(ImportError::Contended);
            }
        }
    }

    /// Does the rows of a step, and returns the part as it is then. What was rejected is written before.
    async fn step(
        &self,
        task: &Task<'_>,
        (number, stands): (u32, Option<&Record<Part>>),
        begin: u64,
        lines: &[Line<'_>],
        position: Option<u64>,
    ) -> Result<Part, ImportError> {
        let mut part = stands.map_or_else(
            || Part {
                number,
                version: 1,
                position: begin,
                lines: 0,
                done: false,
                counts: import::Counts::default(),
                rejects: Vec::new(),
            },
            |stands| stands.d.clone(),
        );
        let at = part.position;
        let mut rows: Vec<BoxFuture<'_, Result<(u64, RowDone), ImportError>>> = Vec::new();
        for (number, line) in (part.lines..).zip(lines).filter(|(_, line)| !is_blank(line)) {
            let (at, text) = (begin + line.start as u64, line.text);
            // The work of a row gets its room when it begins: a step can have many thousand rows.
            rows.push(Box::pin(async move {
                let done = Box::pin(self.row(task, at, text)).await;
                done.map(|done| (number, done))
            }));
        }
        let done: Vec<Result<(u64, RowDone), ImportError>> = stream::iter(rows).buffered(AT_ONCE).collect().await;
        let mut rejected = Vec::new();
        for row in done {
            let (line, done) = row?;
            let counts = &mut part.counts;
            counts.read += 1;
            match done {
                RowDone::As(Outcome::Created) => counts.created += 1,
                RowDone::As(Outcome::Changed) => counts.changed += 1,
                RowDone::As(Outcome::Unchanged) => counts.unchanged += 1,
                RowDone::Rejected(flaws) => {
                    counts.rejected += 1;
                    rejected.push(Rejected { line, flaws });
                }
            }
        }
        if !rejected.is_empty() {
            part.rejects
                .push(self.write_rejected(task, (number, at), &rejected).await?);
        }
        part.lines += lines.len() as u64;
        part.done = position.is_none();
        part.position = position.unwrap_or(begin);
        Ok(part)
    }

    /// Writes what a step has rejected, under a name that follows from step and content: a step that is done again writes the
    /// same, and only the one that is stored leads there.
    async fn write_rejected(
        &self,
        task: &Task<'_>,
        (number, at): (u32, u64),
        rejected: &[Rejected],
    ) -> Result<String, ImportError> {
        let content = serde_json::to_string(rejected).map_err(|_| ImportError::Unreadable)?;
        let digest: String = Sha256::digest(content.as_bytes())
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let run = task.run;
        let folder = format!("steps/{}/{}/{}", task.tenant, run.id, run.revision);
        let key = format!("{folder}/{number:05}-{at}-{digest}.json");
        let place = (run.bucket.as_str(), key.as_str());
        self.objects
            .put(Site::ImportRejected, place, "application/json", content)
            .await?;
        Ok(key)
    }

    /// Another file stands in the place of the one that is imported: the rest of it cannot be read.
    async fn replaced(&self, task: &Task<'_>, run: &Record<Run>) -> Result<bool, ImportError> {
        let mut refused = run.d.clone();
        refused.refused = Some("the file was replaced or taken away before its end: put it again".to_owned());
        tracing::warn!(tenant = %task.tenant, run = %run.d.id, "a file was replaced while it was imported");
        if import::write(
            &self.db,
            Site::ImportBegin,
            task.tenant,
            refused,
            Some(run),
            task.made.at,
        )
        .await?
        {
            Ok(true)
        } else {
            Err(ImportError::Contended)
        }
    }
}

fn is_blank(line: &Line<'_>) -> bool {
    line.text.is_some_and(|text| text.iter().all(u8::is_ascii_whitespace))
}

fn task<'a>(tenant: &'a Tenant, run: &'a Run, form: &'a Form, types: PartyTypes, now: DateTime<Utc>) -> Task<'a> {
    let by = "import".parse().ok().zip(run.id.as_str().parse().ok());
    Task {
        tenant,
        run,
        form,
        company: party::own::company_id(tenant),
        when: When {
            now,
            today: business_day(now, types.time_zone),
        },
        types,
        made: Made {
            at: now,
            by: by.map(|(client, subject)| By { client, subject }),
        },
    }
}
