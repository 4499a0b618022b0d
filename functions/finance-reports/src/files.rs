//! The files of a report, written once.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use domain::liability::{companies_csv, liability_csv, settlement_csv};
use faults::{Probe, Site};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::Record;
use store::finance::{Books, FileFacts, ReportId, Run, RunResult};

use crate::ReportError;

/// A file that is to be written.
#[derive(Debug)]
struct File {
    facts: FileFacts,
    content: String,
    content_type: &'static str,
}

impl File {
    fn new(folder: &str, name: &str, content_type: &'static str, content: String) -> Self {
        let sha256 = Sha256::digest(content.as_bytes());
        Self {
            facts: FileFacts {
                name: name.to_owned(),
                key: format!("{folder}/{name}"),
                bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
                sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            },
            content,
            content_type,
        }
    }
}

/// The bucket of the reports.
#[derive(Debug, Clone)]
pub struct Files {
    client: Client,
    bucket: String,
    probe: Probe,
}

impl Files {
    /// The bucket called `bucket`.
    pub fn new(client: Client, bucket: String, probe: Probe) -> Self {
        Self { client, bucket, probe }
    }

    /// Writes the files of a run, the manifest last, and returns what the run came to. All of it follows from the stored sums
    /// and the run: whoever writes them too writes the same.
    pub(crate) async fn write(
        &self,
        id: &ReportId,
        run: &Record<Run>,
        books: &Books,
    ) -> Result<RunResult, ReportError> {
        let folder = format!("{}/{}/{}/{}", id.tenant, id.programme, id.month, run.d.revision);
        let csv = |name, content| File::new(&folder, name, "text/csv; charset=utf-8", content);
        let out_of_range = |_| ReportError::Books(store::finance::BooksError::OutOfRange);
        let mut files = vec![
            csv(
                "liability.csv",
                liability_csv(id.month, &books.liability).map_err(out_of_range)?,
            ),
            csv(
                "settlement.csv",
                settlement_csv(id.month, &books.settlement, &run.d.companies),
            ),
            csv(
                "companies.csv",
                companies_csv(id.month, &books.settlement, &run.d.companies).map_err(out_of_range)?,
            ),
        ];
        let mut result = result(books, &files)?;
        let manifest = manifest(id, run, &result);
        files.push(File::new(
            &folder,
            "manifest.json",
            "application/json",
            format!("{manifest:#}\n"),
        ));
        result.files = files.iter().map(|file| file.facts.clone()).collect();
        for file in files {
            self.put(file).await?;
        }
        Ok(result)
    }

    /// Puts a file where none is. One that stands there already must be the same.
    async fn put(&self, file: File) -> Result<(), ReportError> {
        let site = Site::FinanceFile;
        let failed = |reason: String| ReportError::File { reason };
        self.probe.before(site).map_err(|fault| failed(format!("{fault:?}")))?;
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&file.facts.key)
            .if_none_match("*")
            .content_type(file.content_type)
            .body(ByteStream::from(file.content.clone().into_bytes()))
            .send()
            .await;
        self.probe.after(site).map_err(|fault| failed(format!("{fault:?}")))?;
        match put {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("PreconditionFailed") => self.compare(&file).await,
            Err(error) => Err(failed(error.code().unwrap_or("no answer").to_owned())),
        }
    }

    async fn compare(&self, file: &File) -> Result<(), ReportError> {
        let failed = |reason: &str| ReportError::File {
            reason: reason.to_owned(),
        };
        let get = self.client.get_object().bucket(&self.bucket).key(&file.facts.key);
        let stands = get
            .send()
            .await
            .map_err(|error| failed(error.code().unwrap_or("no answer")))?;
        let stands = stands.body.collect().await.map_err(|_| failed("no answer"))?;
        if *stands.into_bytes() == *file.content.as_bytes() {
            Ok(())
        } else {
            Err(failed("another file of this name stands in the bucket"))
        }
    }
}

fn result(books: &Books, files: &[File]) -> Result<RunResult, ReportError> {
    let out_of_range = |_| ReportError::Books(store::finance::BooksError::OutOfRange);
    let values = books.settlement.values().map_err(out_of_range)?;
    Ok(RunResult {
        accounts: books.accounts,
        rows: u64::try_from(books.liability.rows.len()).unwrap_or(u64::MAX),
        total: books.liability.total().map_err(out_of_range)?,
        vouchers: books.settlement.vouchers,
        redeemed: values
            .into_iter()
            .map(|(currency, value)| domain::money::Money::new(value, currency))
            .collect(),
        files: files.iter().map(|file| file.facts.clone()).collect(),
    })
}

fn manifest(id: &ReportId, run: &Record<Run>, result: &RunResult) -> Value {
    let total: serde_json::Map<_, _> = result
        .total
        .columns()
        .into_iter()
        .map(|(name, points)| (name.to_owned(), json!(points)))
        .collect();
    json!({
        "tenant": id.tenant,
        "programme": id.programme,
        "month": id.month,
        "revision": run.d.revision,
        "zone": run.d.zone,
        "asked_at": run.created_at,
        "accounts": result.accounts,
        "liability": {"rows": result.rows, "total": total},
        "settlement": {"vouchers": result.vouchers, "redeemed": result.redeemed},
        "files": result.files,
    })
}
