//! The bucket: `work/…` holds sorted letters for some hours, `out/…` the printer's files.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use faults::{Injected, Probe, Site};
use std::io::Write;

use crate::ExportError;

/// The bucket of the printer. The client has time-outs and bounded tries.
#[derive(Debug, Clone)]
pub struct Objects {
    client: Client,
    bucket: String,
    probe: Probe,
}

impl Objects {
    /// The bucket called `bucket`.
    pub const fn new(client: Client, bucket: String, probe: Probe) -> Self {
        Self { client, bucket, probe }
    }

    /// Puts sorted letters.
    pub(crate) async fn put_work(&self, key: &str, content: Vec<u8>) -> Result<(), ExportError> {
        let site = Site::ExportPutChunk;
        self.before(site)?;
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = put
            .content_type("application/octet-stream")
            .body(ByteStream::from(content));
        let answer = put.send().await;
        self.after(site)?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    /// Copies sorted letters to the disk.
    pub(crate) async fn fetch_work(&self, key: &str, file: &mut std::fs::File) -> Result<(), ExportError> {
        let site = Site::ExportGetChunk;
        self.before(site)?;
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        self.after(site)?;
        let mut body = answer.map_err(|error| failed(site, error.code()))?.body;
        while let Some(bytes) = body.next().await {
            file.write_all(&bytes.map_err(|_| failed(site, None))?)?;
        }
        Ok(())
    }

    /// Drops sorted letters.
    pub(crate) async fn drop_work(&self, key: &str) -> Result<(), ExportError> {
        let site = Site::ExportDropChunk;
        self.before(site)?;
        let answer = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        self.after(site)?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    /// Begins an upload.
    pub(crate) async fn begin(&self, key: &str, content_type: &str) -> Result<String, ExportError> {
        let site = Site::ExportBegin;
        self.before(site)?;
        let create = self.client.create_multipart_upload().bucket(&self.bucket).key(key);
        let answer = create.content_type(content_type).send().await;
        self.after(site)?;
        let answer = answer.map_err(|error| failed(site, error.code()))?;
        let upload = answer.upload_id().ok_or_else(|| failed(site, None))?;
        Ok(upload.to_owned())
    }

    /// Uploads a part, in the place of one of this number; its entity tag.
    pub(crate) async fn part(
        &self,
        (key, upload): (&str, &str),
        number: i32,
        content: Vec<u8>,
    ) -> Result<String, ExportError> {
        let site = Site::ExportPart;
        self.before(site)?;
        let part = self.client.upload_part().bucket(&self.bucket).key(key);
        let part = part
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(content));
        let answer = part.send().await;
        self.after(site)?;
        let answer = answer.map_err(|error| failed(site, error.code()))?;
        Ok(answer.e_tag().ok_or_else(|| failed(site, None))?.to_owned())
    }

    /// Gives an upload up; one that is not there is given up already.
    pub(crate) async fn abort(&self, key: &str, upload: &str) -> Result<(), ExportError> {
        let site = Site::ExportBegin;
        self.before(site)?;
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key);
        let answer = abort.upload_id(upload).send().await;
        self.after(site)?;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(failed(site, error.code())),
        }
    }

    /// Makes the parts the file.
    pub(crate) async fn complete(&self, key: &str, upload: &str, parts: &[String]) -> Result<(), ExportError> {
        let site = Site::ExportComplete;
        self.before(site)?;
        let parts = parts
            .iter()
            .zip(1..)
            .map(|(tag, number)| CompletedPart::builder().e_tag(tag).part_number(number).build());
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(key);
        let answer = complete.upload_id(upload).multipart_upload(parts).send().await;
        self.after(site)?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    /// The size of a file in bytes; `None` when it is not there.
    pub(crate) async fn bytes(&self, key: &str) -> Result<Option<u64>, ExportError> {
        let site = Site::ExportHead;
        self.before(site)?;
        let answer = self.client.head_object().bucket(&self.bucket).key(key).send().await;
        self.after(site)?;
        match answer {
            Ok(head) => Ok(head.content_length().and_then(|bytes| u64::try_from(bytes).ok())),
            Err(error) if matches!(error.code(), Some("NotFound" | "NoSuchKey")) => Ok(None),
            Err(error) => Err(failed(site, error.code())),
        }
    }

    /// Drops a file of a run that was stopped; one that is not there is dropped already.
    pub(crate) async fn drop_file(&self, key: &str) -> Result<(), ExportError> {
        let site = Site::ExportDropFile;
        self.before(site)?;
        let answer = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        self.after(site)?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    /// Puts the file of a reprint under a key that has its hash.
    pub(crate) async fn put_reprint(&self, key: &str, kind: &str, content: Vec<u8>) -> Result<(), ExportError> {
        let site = Site::ExportPutReprint;
        self.before(site)?;
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let answer = put.content_type(kind).body(ByteStream::from(content)).send().await;
        self.after(site)?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    /// Puts the manifest. It follows from the file, so whoever puts it again puts the same.
    pub(crate) async fn put_manifest(&self, key: &str, content: String) -> Result<(), ExportError> {
        let site = Site::ExportManifest;
        self.before(site)?;
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = put.content_type("application/json");
        let answer = put.body(ByteStream::from(content.into_bytes())).send().await;
        self.after(site)?;
        answer.map(|_| ()).map_err(|error| failed(site, error.code()))
    }

    fn before(&self, site: Site) -> Result<(), ExportError> {
        self.probe.before(site).map_err(|fault| injected(site, fault))
    }

    fn after(&self, site: Site) -> Result<(), ExportError> {
        self.probe.after(site).map_err(|fault| injected(site, fault))
    }
}

fn injected(site: Site, fault: Injected) -> ExportError {
    failed(site, Some(&format!("{fault:?}")))
}

fn failed(site: Site, code: Option<&str>) -> ExportError {
    ExportError::Bucket {
        site,
        reason: code.unwrap_or("nothing").to_owned(),
    }
}
