//! A file that printer or carrier has put into the inbox is worked off (P3, X7).
//!
//! | key | what |
//! |---|---|
//! | `incoming/<tenant>/returns/<carrier>/<name>` | letters that came back, CSV with that carrier's codes |
//! | `incoming/<tenant>/acknowledgements/<name>` | an acknowledgement: the body of the call, JSON |
//!
//! What the function itself writes stands elsewhere, so that it never calls itself. A file is dropped once it is done: it may have
//! new addresses.

use chrono::{DateTime, Utc};
use domain::id::Tenant;
use domain::violation::Violation;
use http_edge::Caller;
use http_edge::caller::Locations;
use lettershop::manifest::Acknowledgement;
use messages::LettershopInboxMessage;
use runtime::contained;
use runtime::sqs::{Deadline, Delivery, Failed, Put};
use serde_json::json;
use store::Site;
use store::lettershop::inbox::{self, FileId, Line, Received};

use crate::objects::Fetched;
use crate::show::view;
use crate::{App, IntakeError};

/// Folder of what printer and carriers put.
const INCOMING: &str = "incoming/";
/// Greatest file: some hundred thousand letters.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Greatest acknowledgement: that of a call.
const ACKNOWLEDGEMENT_MAX: usize = 256 * 1024;
/// Who is answerable for what a file says: whoever may put one.
const WHO: &str = "lettershop-inbox";

/// A file that is worked off.
pub(crate) struct Work<'a> {
    pub(crate) id: FileId,
    pub(crate) caller: Caller,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) etag: &'a str,
    pub(crate) now: DateTime<Utc>,
}

/// What a file is, by its key.
enum Kind<'a> {
    Returns { carrier: &'a str },
    Acknowledgement,
}

/// What a step came to.
pub(crate) enum Stepped {
    /// All of the file is worked off, or it was refused.
    Done(Received),
    /// Letters are left for another invocation.
    Left,
    /// It was taken away before anything of it was done.
    Gone,
    /// Another worker has got on with it.
    Overtaken,
}

impl App {
    /// Asks for the work on a file that was put.
    ///
    /// # Errors
    /// [`IntakeError`]; the notification comes again.
    pub async fn begin(&self, put: Put) -> Result<(), IntakeError> {
        let Some((tenant, _)) = named(&put.key) else {
            tracing::error!("a file in the inbox is nobody's: its key must begin with incoming/<tenant>/");
            return Ok(());
        };
        let Some(head) = self.objects.head(&put.bucket, &put.key).await? else {
            // Worked off already, or taken away.
            return Ok(());
        };
        let message = LettershopInboxMessage::File {
            tenant,
            bucket: put.bucket,
            key: put.key,
            etag: head.etag,
            put_at: head.put_at,
        };
        Ok(self
            .sender
            .send(Site::ShopSend, &self.place.queue_url, &[message])
            .await?)
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<LettershopInboxMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            let worked = contained(Box::pin(self.work(&message, deadline, now))).await;
            if let Err(error) = worked.map_err(IntakeError::from).and_then(|worked| worked) {
                tracing::error!(%error, "a file in the inbox was not worked off");
                failed.insert(id);
            }
        }
        failed
    }

    async fn work(
        &self,
        message: &LettershopInboxMessage,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), IntakeError> {
        let LettershopInboxMessage::File {
            tenant,
            bucket,
            key,
            etag,
            put_at,
        } = message;
        let id = FileId::of(tenant.clone(), *put_at, key, etag);
        let work = Work {
            id: id.ok_or(IntakeError::Unusable("the file makes no name"))?,
            caller: caller(tenant)?,
            bucket,
            key,
            etag,
            now,
        };
        let stands = inbox::received(&self.db, Site::ShopInbox, &work.id).await?;
        let received = stands.map_or_else(|| Received::new(key.clone()), |stands| stands.d);
        if received.done_at.is_some() {
            // Done by a worker that died behind it, or told twice.
            return self.end(&work, &received).await;
        }
        match Box::pin(self.step(&work, received, deadline)).await? {
            Stepped::Done(received) => self.end(&work, &received).await,
            Stepped::Gone => Ok(()),
            // Whoever was quicker may die: the message goes only once the file is done.
            Stepped::Overtaken => {
                let stands = inbox::received(&self.db, Site::ShopInbox, &work.id).await?;
                let done = stands.is_some_and(|stands| stands.d.done_at.is_some());
                let left = IntakeError::Unusable("another worker is at the file");
                if done { Ok(()) } else { Err(left) }
            }
            Stepped::Left => {
                let rest = std::slice::from_ref(message);
                Ok(self.sender.send(Site::ShopSend, &self.place.queue_url, rest).await?)
            }
        }
    }

    async fn step(&self, work: &Work<'_>, received: Received, deadline: Deadline) -> Result<Stepped, IntakeError> {
        let content = match self
            .objects
            .fetch((work.bucket, work.key, work.etag), BYTES_MAX)
            .await?
        {
            Fetched::Content(content) => content,
            Fetched::TooLarge => {
                return self
                    .refuse(work, received, "the file has more than 16 MiB: cut it")
                    .await;
            }
            Fetched::Gone if received.version == 0 => {
                tracing::warn!(tenant = %work.id.tenant, "a file was taken away before it was worked off");
                return Ok(Stepped::Gone);
            }
            Fetched::Gone => {
                let reason =
                    "the file was taken away or replaced while it was worked off: what is left of it was not done";
                return self.refuse(work, received, reason).await;
            }
        };
        match kind(work.key) {
            Some(Kind::Returns { carrier }) => {
                self.letters_of_file(work, received, (carrier, &content), deadline)
                    .await
            }
            Some(Kind::Acknowledgement) => self.acknowledgement_of_file(work, received, &content).await,
            None => {
                let reason = "the file lies in no folder of the inbox: incoming/<tenant>/returns/<carrier>/ or \
                              incoming/<tenant>/acknowledgements/";
                self.refuse(work, received, reason).await
            }
        }
    }

    async fn acknowledgement_of_file(
        &self,
        work: &Work<'_>,
        mut received: Received,
        content: &[u8],
    ) -> Result<Stepped, IntakeError> {
        if content.len() > ACKNOWLEDGEMENT_MAX {
            return self
                .refuse(work, received, "an acknowledgement has at most 256 KiB")
                .await;
        }
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let said: Acknowledgement = match serde_json::from_slice(content) {
            Ok(said) => said,
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let reason = format!("the file is no acknowledgement: see line {line}, column {column}");
                return self.refuse(work, received, &reason).await;
            }
        };
        let Ok(name) = said.run.parse() else {
            return self.refuse(work, received, "/run is not the name of a run").await;
        };
        match self.confirm(&work.caller, &name, &said, work.now).await {
            Ok(_) => {
                received.count("confirmed");
                self.done(work, received).await
            }
            // The table, or somebody who was quicker: another try may get over it.
            Err(problem) if problem.code.status() >= 500 => Err(problem.into()),
            Err(problem) => {
                for Violation { pointer, code, .. } in &problem.errors {
                    received.tell(Line {
                        line: 0,
                        what: pointer.clone(),
                        code: (*code).to_owned(),
                    });
                }
                let reason = format!("nothing was noted: {}", problem.detail);
                self.refuse(work, received, &reason).await
            }
        }
    }

    /// Notes that nothing, or nothing more, of a file is taken.
    pub(crate) async fn refuse(
        &self,
        work: &Work<'_>,
        mut received: Received,
        reason: &str,
    ) -> Result<Stepped, IntakeError> {
        tracing::error!(tenant = %work.id.tenant, file = %work.id.name(), "a file in the inbox was refused");
        received.refused = Some(reason.to_owned());
        self.done(work, received).await
    }

    pub(crate) async fn done(&self, work: &Work<'_>, mut received: Received) -> Result<Stepped, IntakeError> {
        received.done_at = Some(work.now);
        let stored = inbox::store(&self.db, Site::ShopNote, &work.id, received, work.now).await?;
        Ok(stored.map_or(Stepped::Overtaken, Stepped::Done))
    }

    /// Puts the report on a file, and drops the file.
    async fn end(&self, work: &Work<'_>, received: &Received) -> Result<(), IntakeError> {
        let (name, tenant) = (work.id.name(), &work.id.tenant);
        let report = view(&name, work.id.put_at, received, true);
        if received.refused.is_none() {
            tracing::info!(%tenant, file = %name, rows = received.rows, "a file in the inbox is done");
        }
        let key = format!("reports/{tenant}/{name}.json");
        self.objects
            .put_report(work.bucket, &key, format!("{:#}\n", json!(report)))
            .await?;
        self.objects
            .drop((work.bucket, work.key), (work.etag, work.id.put_at))
            .await
    }
}

/// Who speaks through a file.
fn caller(tenant: &Tenant) -> Result<Caller, IntakeError> {
    let unusable = IntakeError::Unusable("the inbox has no name");
    let (Ok(client), Ok(subject)) = (WHO.parse(), WHO.parse()) else {
        return Err(unusable);
    };
    Ok(Caller {
        tenant: tenant.clone(),
        client,
        subject,
        scopes: std::collections::BTreeSet::new(),
        locations: Locations::Only(std::collections::BTreeSet::new()),
    })
}

/// The tenant and the rest in the key of a file.
fn named(key: &str) -> Option<(Tenant, &str)> {
    let (tenant, rest) = key.strip_prefix(INCOMING)?.split_once('/')?;
    Some((tenant.parse().ok()?, rest))
}

fn kind(key: &str) -> Option<Kind<'_>> {
    let (_, rest) = named(key)?;
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        ["returns", carrier, name] if !name.is_empty() => Some(Kind::Returns { carrier }),
        ["acknowledgements", name] if !name.is_empty() => Some(Kind::Acknowledgement),
        _ => None,
    }
}
