//! A file becomes a run with its parts.

use chrono::{DateTime, Utc};
use domain::id::{RunId, Tenant};
use messages::import_parts;
use party::row::{self, LINE_MAX};
use runtime::sqs::Put;
use store::import::{self, Form, PART_BYTES, PARTS_MAX, Run};
use store::{Record, Site};

use crate::objects::Head;
use crate::{App, ImportError};

/// Folder of the files to be imported. What the function itself writes stands elsewhere, so that it never calls itself.
const INCOMING: &str = "incoming/";
/// Marks UTF-8 at the beginning of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

impl App {
    /// Begins the import of a file that was put, or goes on with it. The same file put again is walked through again.
    ///
    /// # Errors
    /// [`ImportError`]; the notification comes again.
    pub async fn begin(&self, put: Put, now: DateTime<Utc>) -> Result<(), ImportError> {
        let key = put.key.clone();
        let Some((tenant, name)) = named(&key) else {
            tracing::error!("a file is not imported: its key must be incoming/<tenant>/<name>");
            return Ok(());
        };
        let Some(head) = self.objects.head(&put.bucket, &put.key).await? else {
            tracing::warn!(%tenant, "a file was taken away before its import began");
            return Ok(());
        };
        let id = import::run_id(&put.key, &head.etag).ok_or(ImportError::NoRun)?;
        let stands = import::read(&self.db, Site::ImportRun, &tenant, &id).await?;
        let run = match stands {
            Some(run) if run.d.is_open() => run.d,
            // The notification came again.
            Some(run) if run.d.notice.as_ref() == Some(&put.sequencer) => return Ok(()),
            before => self.open(&tenant, (id, name), (put, head), before, now).await?,
        };
        if let Some(reason) = &run.refused {
            tracing::warn!(%tenant, run = %run.id, reason, "a file was refused");
            return Ok(());
        }
        let parts = import_parts(&tenant, (&run.id, run.revision), run.parts);
        Ok(self.sender.send(Site::ImportSend, &self.queue_url, &parts).await?)
    }

    /// Stores the run of a file: the first, or another walk through it.
    async fn open(
        &self,
        tenant: &Tenant,
        (id, name): (RunId, &str),
        (put, head): (Put, Head),
        before: Option<Record<Run>>,
        now: DateTime<Utc>,
    ) -> Result<Run, ImportError> {
        let form = self.form(name, &put, &head).await?;
        let parts = u32::try_from(head.bytes.div_ceil(PART_BYTES)).unwrap_or(u32::MAX);
        let (form, refused) = match form {
            Ok(form) => (Some(form), None),
            Err(reason) => (None, Some(reason)),
        };
        let run = Run {
            id,
            version: 1,
            revision: before.as_ref().map_or(1, |before| before.d.revision.saturating_add(1)),
            file: put.key.clone(),
            bucket: put.bucket,
            etag: head.etag,
            bytes: head.bytes,
            notice: Some(put.sequencer),
            parts: if form.is_some() { parts } else { 0 },
            parts_done: 0,
            form,
            refused,
            result: None,
        };
        if import::write(&self.db, Site::ImportBegin, tenant, run.clone(), before.as_ref(), now).await? {
            Ok(run)
        } else {
            Err(ImportError::Contended)
        }
    }

    /// How the file is read, or why it is refused.
    async fn form(&self, name: &str, put: &Put, head: &Head) -> Result<Result<Form, String>, ImportError> {
        let columns = match name.rsplit_once('.') {
            Some((_, "csv")) => true,
            Some((_, "jsonl")) => false,
            _ => return Ok(Err("the name of a file must end in .csv or .jsonl".to_owned())),
        };
        if head.bytes == 0 {
            return Ok(Err("the file is empty".to_owned()));
        }
        if head.bytes > PART_BYTES * PARTS_MAX {
            return Ok(Err(format!(
                "a file has at most {} bytes: cut it",
                PART_BYTES * PARTS_MAX
            )));
        }
        let first = head.bytes.min(LINE_MAX as u64 + MARK.len() as u64 + 2);
        let place = (put.bucket.as_str(), put.key.as_str(), head.etag.as_str());
        let Some(bytes) = self.objects.piece(place, 0, first).await? else {
            return Err(ImportError::Contended);
        };
        Ok(form(name, columns, &bytes))
    }
}

fn form(name: &str, columns: bool, bytes: &[u8]) -> Result<Form, String> {
    let mark = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
    // A file that is named <system>.<anything>.csv is one of that system.
    let system = name.splitn(3, '.').collect::<Vec<_>>();
    let system = match system.as_slice() {
        [system, _, _] => system.parse().ok(),
        _ => None,
    };
    if !columns {
        return Ok(Form {
            header: None,
            system,
            start: mark as u64,
        });
    }
    let text = bytes.get(mark..).unwrap_or_default();
    let line = row::Lines::new(text, 1).next().ok_or("the file has no first line")?;
    let header = line.text.ok_or("the first line is too long")?;
    let header = row::header(header).map_err(|flaw| flaw.to_string())?;
    if system.is_none() && !header.columns.contains(&row::Column::Fixed("system")) {
        let reason =
            "the column system is missing, and the file is not named <system>.<name>.csv: nothing was imported";
        return Err(reason.to_owned());
    }
    Ok(Form {
        header: Some(header),
        system,
        start: (mark + line.next) as u64,
    })
}

/// The tenant and the name in the key of a file.
fn named(key: &str) -> Option<(Tenant, &str)> {
    let (tenant, name) = key.strip_prefix(INCOMING)?.split_once('/')?;
    (!name.is_empty()).then_some((tenant.parse().ok()?, name))
}
