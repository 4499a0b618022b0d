//! The bucket of the imports.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use faults::{Injected, Probe, Site};

use crate::ImportError;

/// What a bucket says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its ETag, without quotes.
    pub(crate) etag: String,
    /// Its size.
    pub(crate) bytes: u64,
}

/// The objects of a bucket. The client has time-outs and bounded tries.
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

    /// What the bucket says about an object; `None` when it is not there.
    pub(crate) async fn head(&self, bucket: &str, key: &str) -> Result<Option<Head>, ImportError> {
        let site = Site::ImportHead;
        self.probe.before(site).map_err(|fault| injected(site, fault))?;
        let answer = self.client.head_object().bucket(bucket).key(key).send().await;
        self.probe.after(site).map_err(|fault| injected(site, fault))?;
        match answer {
            Ok(head) => Ok(Some(Head {
                etag: head.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
                bytes: head
                    .content_length()
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .unwrap_or(0),
            })),
            Err(error) if matches!(error.code(), Some("NotFound" | "NoSuchKey")) => Ok(None),
            Err(error) => Err(failed(site, error.code())),
        }
    }

    /// The bytes of a file from `from` to before `to`, which must not be empty; `None` when the file is no longer the one with
    /// this ETag.
    pub(crate) async fn piece(
        &self,
        (bucket, key, etag): (&str, &str, &str),
        from: u64,
        to: u64,
    ) -> Result<Option<Vec<u8>>, ImportError> {
        let site = Site::ImportFile;
        self.probe.before(site).map_err(|fault| injected(site, fault))?;
        let get = self.client.get_object().bucket(bucket).key(key);
        let range = format!("bytes={from}-{}", to.saturating_sub(1));
        let answer = get.if_match(format!("\"{etag}\"")).range(range).send().await;
        let read = match answer {
            // Asked for above; looked at here too, because not everything that speaks the protocol heeds the condition.
            Ok(answer) if answer.e_tag().is_some_and(|found| found.trim_matches('"') != etag) => Ok(None),
            Ok(answer) => match answer.body.collect().await {
                Ok(body) => Ok(Some(body.to_vec())),
                Err(_) => Err(failed(site, None)),
            },
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey")) => Ok(None),
            Err(error) => Err(failed(site, error.code())),
        };
        self.probe.after(site).map_err(|fault| injected(site, fault))?;
        read
    }

    /// Puts an object, in the place of one that stands there.
    pub(crate) async fn put(
        &self,
        site: Site,
        (bucket, key): (&str, &str),
        content_type: &str,
        content: String,
    ) -> Result<(), ImportError> {
        self.probe.before(site).map_err(|fault| injected(site, fault))?;
        let put = self
            .client
            .put_object()
            .bucket(bucket)
            .key(key)
            .content_type(content_type);
        let answer = put.body(ByteStream::from(content.into_bytes())).send().await;
        self.probe.after(site).map_err(|fault| injected(site, fault))?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    /// Removes a file, if it is still the one with this ETag: another one under its name is one to be imported.
    pub(crate) async fn drop(&self, (bucket, key, etag): (&str, &str, &str)) -> Result<(), ImportError> {
        let stands = self.head(bucket, key).await?;
        if stands.is_none_or(|stands| stands.etag != etag) {
            return Ok(());
        }
        let site = Site::ImportDrop;
        self.probe.before(site).map_err(|fault| injected(site, fault))?;
        let delete = self.client.delete_object().bucket(bucket).key(key);
        let answer = delete.if_match(format!("\"{etag}\"")).send().await;
        self.probe.after(site).map_err(|fault| injected(site, fault))?;
        match answer {
            Ok(_) => Ok(()),
            // Replaced or gone since it was looked at.
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey" | "NotFound")) => Ok(()),
            Err(error) => Err(failed(site, error.code())),
        }
    }

    /// A whole object that this function has put.
    pub(crate) async fn whole(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ImportError> {
        let site = Site::ImportRejects;
        self.probe.before(site).map_err(|fault| injected(site, fault))?;
        let answer = self.client.get_object().bucket(bucket).key(key).send().await;
        let read = match answer {
            Ok(answer) => answer.body.collect().await.map_err(|_| failed(site, None)),
            Err(error) => Err(failed(site, error.code())),
        };
        self.probe.after(site).map_err(|fault| injected(site, fault))?;
        read.map(|body| body.to_vec())
    }
}

fn injected(site: Site, fault: Injected) -> ImportError {
    ImportError::Object {
        site: site.name(),
        code: format!("{fault:?}"),
    }
}

fn failed(site: Site, code: Option<&str>) -> ImportError {
    ImportError::Object {
        site: site.name(),
        code: code.unwrap_or("no answer").to_owned(),
    }
}
