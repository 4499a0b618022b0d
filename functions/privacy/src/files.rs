//! The buckets: statements, and the files that were put to be imported.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{PartyId, Tenant};
use faults::{Injected, Probe, Site};
use store::Db;
use store::import;

/// How long a link to a file works: the credentials that sign it last longer.
pub(crate) const LINK_LASTS: TimeDelta = TimeDelta::minutes(15);
/// Pages of a listing: each has up to a thousand objects.
const PAGES_MAX: usize = 100;
/// Folders of the records that the relay puts aside, and of those that Lambda does.
const FAILURES: [&str; 2] = ["not-understood/", "aws/lambda/"];
/// A file whose import has not begun after this time will not begin by itself.
const BEGINS_WITHIN: TimeDelta = TimeDelta::days(1);

/// The names of the buckets.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// Of statements.
    pub statements: String,
    /// Of imports.
    pub imports: String,
    /// Of stream records that could not be relayed.
    pub failures: String,
}

/// A bucket did not do what it was asked for. Names no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It refused or did not answer.
    #[error("a bucket failed at {site} ({code})")]
    Bucket {
        /// Where.
        site: &'static str,
        /// The service's code.
        code: String,
    },
    /// More files than one erasure looks at.
    #[error("a folder has too many files")]
    TooMany,
}

/// The files. The client has time-outs and bounded tries.
#[derive(Debug, Clone)]
pub struct Files {
    client: Client,
    buckets: Buckets,
    probe: Probe,
}

fn failed(site: Site, code: Option<&str>) -> FileError {
    FileError::Bucket {
        site: site.name(),
        code: code.unwrap_or("no answer").to_owned(),
    }
}

fn injected(site: Site) -> impl Fn(Injected) -> FileError {
    move |fault| failed(site, Some(&format!("{fault:?}")))
}

/// An object of a listing.
struct Listed {
    key: String,
    etag: String,
    modified: Option<i64>,
}

/// Where the statements of a party stand.
fn folder(tenant: &Tenant, party: &PartyId) -> String {
    format!("statements/{tenant}/{party}/")
}

/// Where a file of a statement stands. The id is random: nobody guesses the name.
pub(crate) fn statement_key(tenant: &Tenant, party: &PartyId, id: &str, ending: &str) -> String {
    format!("{}{id}.{ending}", folder(tenant, party))
}

impl Files {
    /// The files that `client` reaches.
    pub const fn new(client: Client, buckets: Buckets, probe: Probe) -> Self {
        Self { client, buckets, probe }
    }

    /// Puts a file of a statement.
    pub(crate) async fn put(&self, key: &str, content_type: &str, content: Vec<u8>) -> Result<(), FileError> {
        let site = Site::PrivacyFile;
        self.probe.before(site).map_err(injected(site))?;
        let put = self.client.put_object().bucket(&self.buckets.statements).key(key);
        let put = put.content_type(content_type).body(ByteStream::from(content));
        let answer = put.send().await;
        self.probe.after(site).map_err(injected(site))?;
        answer.map(drop).map_err(|error| failed(site, error.code()))
    }

    /// A link that works for [`LINK_LASTS`]. Signing needs no call.
    pub(crate) async fn link(&self, key: &str) -> Result<String, FileError> {
        let site = Site::PrivacyFile;
        let lasts = LINK_LASTS.to_std().map_err(|_| failed(site, None))?;
        let lasts = PresigningConfig::expires_in(lasts).map_err(|_| failed(site, None))?;
        let get = self.client.get_object().bucket(&self.buckets.statements).key(key);
        let signed = get.presigned(lasts).await.map_err(|_| failed(site, None))?;
        Ok(signed.uri().to_owned())
    }

    /// Removes the statements of a party.
    pub(crate) async fn remove_statements(&self, tenant: &Tenant, party: &PartyId) -> Result<(), FileError> {
        let bucket = &self.buckets.statements;
        for object in self.list(bucket, &folder(tenant, party)).await? {
            self.remove(Site::EraseFiles, bucket, &object.key).await?;
        }
        Ok(())
    }

    /// Removes the files of a tenant whose import is over, or has not begun within a day. One that is at work stays: the import
    /// drops it when it is complete, and rejects the rows of whoever was erased.
    pub(crate) async fn remove_imported(
        &self,
        db: &Db,
        tenant: &Tenant,
        now: DateTime<Utc>,
    ) -> Result<(), super::EraseError> {
        let bucket = &self.buckets.imports;
        for object in self.list(bucket, &format!("incoming/{tenant}/")).await? {
            let run = match import::run_id(&object.key, &object.etag) {
                Some(id) => import::read(db, Site::EraseBeside, tenant, &id).await?,
                None => None,
            };
            let age = |modified: i64| now.timestamp().saturating_sub(modified);
            let is_old = object.modified.is_none_or(|at| age(at) > BEGINS_WITHIN.num_seconds());
            if run.map_or(is_old, |run| !run.d.is_open()) {
                self.remove(Site::EraseFiles, bucket, &object.key).await?;
            }
        }
        Ok(())
    }

    /// Removes what the relay, or Lambda, has put aside of the party's own items: whole images. What they tell of stands in the
    /// table; `reconcile` tells it again.
    pub(crate) async fn remove_failures(&self, tenant: &Tenant, party: &PartyId) -> Result<(), FileError> {
        let bucket = &self.buckets.failures;
        // Lambda puts the event aside as a text within a text: there the quotation mark has a backslash before it.
        let partitions = ['"', '\\'].map(|end| format!("PARTY#{tenant}#{party}{end}"));
        for folder in FAILURES {
            for object in self.list(bucket, folder).await? {
                let content = self.read(bucket, &object.key).await?;
                let content = String::from_utf8_lossy(&content);
                if partitions.iter().any(|partition| content.contains(partition)) {
                    self.remove(Site::EraseFiles, bucket, &object.key).await?;
                }
            }
        }
        Ok(())
    }

    /// An object; nothing of one that is gone.
    async fn read(&self, bucket: &str, key: &str) -> Result<Vec<u8>, FileError> {
        let site = Site::EraseFiles;
        self.probe.before(site).map_err(injected(site))?;
        let answer = self.client.get_object().bucket(bucket).key(key).send().await;
        let read = match answer {
            Ok(answer) => answer.body.collect().await.map_err(|_| failed(site, None)),
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(Vec::new()),
            Err(error) => Err(failed(site, error.code())),
        };
        self.probe.after(site).map_err(injected(site))?;
        read.map(|body| body.to_vec())
    }

    pub(crate) async fn remove_statement(&self, key: &str) -> Result<(), FileError> {
        self.remove(Site::PrivacyFile, &self.buckets.statements, key).await
    }

    async fn remove(&self, site: Site, bucket: &str, key: &str) -> Result<(), FileError> {
        self.probe.before(site).map_err(injected(site))?;
        let answer = self.client.delete_object().bucket(bucket).key(key).send().await;
        self.probe.after(site).map_err(injected(site))?;
        answer.map(drop).map_err(|error| failed(site, error.code()))
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, FileError> {
        let site = Site::EraseFiles;
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            self.probe.before(site).map_err(injected(site))?;
            let list = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
            let answer = list.set_continuation_token(next).send().await;
            self.probe.after(site).map_err(injected(site))?;
            let page = answer.map_err(|error| failed(site, error.code()))?;
            found.extend(page.contents().iter().filter_map(|object| {
                Some(Listed {
                    key: object.key()?.to_owned(),
                    etag: object.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
                    modified: object.last_modified().map(|at| at.secs()),
                })
            }));
            next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(FileError::TooMany)
    }
}

impl From<FileError> for http_edge::Problem {
    fn from(error: FileError) -> Self {
        tracing::warn!(%error, "a bucket failed");
        Self::new(
            http_edge::Code::Unavailable,
            "the files are not there: repeat the same call",
        )
    }
}
