//! The buckets: that of the printer's files, and the inbox.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, DateTimeFormat};
use chrono::{DateTime, TimeDelta, Utc};
use faults::{Injected, Probe, Site};
use http_edge::{Code, Problem};

use crate::IntakeError;

/// What a bucket says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its ETag, without quotes.
    pub(crate) etag: String,
    /// When it was put.
    pub(crate) put_at: DateTime<Utc>,
}

/// A file that was asked for.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Its content.
    Content(Vec<u8>),
    /// It has more bytes than were to be read.
    TooLarge,
    /// It is not there, or another one stands in its place.
    Gone,
}

/// The objects of the buckets. The client has time-outs and bounded tries.
#[derive(Debug, Clone)]
pub struct Objects {
    client: Client,
    probe: Probe,
}

impl Objects {
    /// The objects that `client` reaches.
    pub const fn new(client: Client, probe: Probe) -> Self {
        Self { client, probe }
    }

    /// A link that its bearer can use for a while. Signing needs no call.
    pub(crate) async fn link(&self, bucket: &str, key: &str, lasts: TimeDelta) -> Result<String, Problem> {
        let internal = || Problem::new(Code::Internal, "a link to a file could not be made");
        let lasts = lasts.to_std().map_err(|_| internal())?;
        let lasts = PresigningConfig::expires_in(lasts).map_err(|_| internal())?;
        let get = self.client.get_object().bucket(bucket).key(key);
        let signed = get.presigned(lasts).await.map_err(|_| internal())?;
        Ok(signed.uri().to_owned())
    }

    /// What the bucket says about a file; `None` when it is not there.
    pub(crate) async fn head(&self, bucket: &str, key: &str) -> Result<Option<Head>, IntakeError> {
        let site = Site::ShopHead;
        self.before(site)?;
        let answer = self.client.head_object().bucket(bucket).key(key).send().await;
        self.after(site)?;
        match answer {
            Ok(head) => {
                let put_at = head
                    .last_modified()
                    .and_then(|at| at.fmt(DateTimeFormat::DateTime).ok());
                let put_at = put_at
                    .and_then(|at| at.parse().ok())
                    .ok_or_else(|| failed(site, None))?;
                let etag = head.e_tag().unwrap_or_default().trim_matches('"').to_owned();
                Ok(Some(Head { etag, put_at }))
            }
            Err(error) if matches!(error.code(), Some("NotFound" | "NoSuchKey")) => Ok(None),
            Err(error) => Err(failed(site, error.code())),
        }
    }

    /// The content of the file with this ETag, of at most so many bytes.
    pub(crate) async fn fetch(
        &self,
        (bucket, key, etag): (&str, &str, &str),
        bytes_max: usize,
    ) -> Result<Fetched, IntakeError> {
        let site = Site::ShopFile;
        self.before(site)?;
        let get = self.client.get_object().bucket(bucket).key(key);
        let answer = get.if_match(format!("\"{etag}\"")).send().await;
        self.after(site)?;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey")) => return Ok(Fetched::Gone),
            Err(error) => return Err(failed(site, error.code())),
        };
        // Asked for above; looked at here too, because not everything that speaks the protocol heeds the condition.
        if answer.e_tag().is_some_and(|found| found.trim_matches('"') != etag) {
            return Ok(Fetched::Gone);
        }
        let mut body = answer.body;
        let mut content = Vec::new();
        while let Some(bytes) = body.next().await {
            content.extend_from_slice(&bytes.map_err(|_| failed(site, None))?);
            if content.len() > bytes_max {
                return Ok(Fetched::TooLarge);
            }
        }
        Ok(Fetched::Content(content))
    }

    /// Puts the report on a file, in the place of the same one.
    pub(crate) async fn put_report(&self, bucket: &str, key: &str, report: String) -> Result<(), IntakeError> {
        let site = Site::ShopReport;
        self.before(site)?;
        let put = self.client.put_object().bucket(bucket).key(key);
        let put = put
            .content_type("application/json")
            .body(ByteStream::from(report.into_bytes()));
        let answer = put.send().await;
        self.after(site)?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    /// Removes a file, if it is still the one with this ETag that was put then: another one under its name, or the same put again, is
    /// still to be worked off.
    pub(crate) async fn drop(
        &self,
        (bucket, key): (&str, &str),
        (etag, put_at): (&str, DateTime<Utc>),
    ) -> Result<(), IntakeError> {
        let stands = self.head(bucket, key).await?;
        if stands.is_none_or(|stands| stands.etag != etag || stands.put_at != put_at) {
            return Ok(());
        }
        let site = Site::ShopDrop;
        self.before(site)?;
        let delete = self.client.delete_object().bucket(bucket).key(key);
        let answer = delete.if_match(format!("\"{etag}\"")).send().await;
        self.after(site)?;
        match answer {
            Ok(_) => Ok(()),
            // Replaced or gone since it was looked at.
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey" | "NotFound")) => Ok(()),
            Err(error) => Err(failed(site, error.code())),
        }
    }

    fn before(&self, site: Site) -> Result<(), IntakeError> {
        self.probe.before(site).map_err(|fault| injected(site, fault))
    }

    fn after(&self, site: Site) -> Result<(), IntakeError> {
        self.probe.after(site).map_err(|fault| injected(site, fault))
    }
}

fn injected(site: Site, fault: Injected) -> IntakeError {
    IntakeError::Bucket {
        site,
        reason: format!("{fault:?}"),
    }
}

fn failed(site: Site, code: Option<&str>) -> IntakeError {
    IntakeError::Bucket {
        site,
        reason: code.unwrap_or("no answer").to_owned(),
    }
}
