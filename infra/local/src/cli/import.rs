//! `treue import FILE`: a file is put into the bucket of the imports of the stack that runs here, and followed to its end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_sdk_s3::primitives::ByteStream;
use clap::Args;
use domain::id::Tenant;
use store::import::{self, Counts, Run};
use store::{Record, Site};

use super::data::DataDir;
use super::target::{TENANT, Target, local_config};
use super::{DataArgs, Failure};

/// Pause between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Looks until the command gives up; the import goes on without it.
const LOOKS_MAX: u32 = 24 * 60 * 60;
/// Runs of one page.
const PAGE: i32 = 100;

/// `treue import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file, `.csv` or `.jsonl`; infra/docs/import.md says what stands in it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Whose data.
    #[arg(long, value_name = "TENANT", default_value = TENANT)]
    tenant: Tenant,
}

/// Puts the file and follows it.
pub(crate) async fn run(args: &ImportArgs) -> Result<(), Failure> {
    let data = DataDir::new(&args.data.data);
    let stack = data.running()?.ok_or_else(|| Failure::no_stack(data.path()))?;
    let bucket = stack
        .buckets
        .get("ImportBucket")
        .context("the stack has no bucket for imports: start it again")?;
    let name = args
        .file
        .file_name()
        .and_then(|name| name.to_str())
        .context("the file has no name")?;
    let key = format!("incoming/{}/{name}", args.tenant);
    let body = ByteStream::from_path(&args.file).await;
    let body = body.with_context(|| format!("{} cannot be read", args.file.display()))?;
    let config = aws_sdk_s3::config::Builder::from(&local_config(&stack, "AWS_ENDPOINT_URL_S3"));
    let client = aws_sdk_s3::Client::from_conf(config.force_path_style(true).build());
    let before = client.head_object().bucket(bucket).key(&key).send().await.ok();
    let put = client.put_object().bucket(bucket).key(&key).body(body).send().await;
    let put = put.context("the file cannot be put")?;
    let etag = put.e_tag().unwrap_or_default().trim_matches('"').to_owned();
    let target = Target::of_stack(&stack, args.tenant.clone());
    let is_again = before.is_some_and(|before| before.e_tag().unwrap_or_default().trim_matches('"') == etag);
    let seen = found(&target, &key, &etag)
        .await?
        .filter(|_| is_again)
        .map_or(0, |run| run.d.revision);
    follow(&target, &key, &etag, seen).await
}

async fn follow(target: &Target, key: &str, etag: &str, seen: u32) -> Result<(), Failure> {
    let mut last = None;
    for _ in 0..LOOKS_MAX {
        if let Some(run) = found(target, key, etag).await?.filter(|run| run.d.revision > seen) {
            if let Some(reason) = &run.d.refused {
                return Err(Failure::Usage(format!("the file was refused: {reason}")));
            }
            if let Some(result) = &run.d.result {
                println!("{}", told(&result.counts));
                if let Some(rejects) = &result.rejects {
                    println!(
                        "what was rejected: {} in the bucket, or GET /v1/imports/{}",
                        rejects.key, run.d.id
                    );
                }
                return Ok(());
            }
            let system = &target.system;
            let counts = import::counts(&system.db, Site::ToolRead, &system.tenant, &run.d).await;
            let counts = counts.context("the parts cannot be read")?;
            if last != Some(counts) {
                eprintln!("{} of {} parts: {}", run.d.parts_done, run.d.parts, told(&counts));
                last = Some(counts);
            }
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Err(Failure::from(anyhow!(
        "the import is still under way: see GET /v1/imports"
    )))
}

fn told(counts: &Counts) -> String {
    let Counts {
        read,
        created,
        changed,
        unchanged,
        rejected,
    } = counts;
    format!("{read} rows read, {created} created, {changed} changed, {unchanged} unchanged, {rejected} rejected")
}

/// The run of a file with this content.
async fn found(target: &Target, key: &str, etag: &str) -> Result<Option<Record<Run>>, Failure> {
    let system = &target.system;
    let mut after = None;
    loop {
        let page = import::page(&system.db, Site::ToolRead, &system.tenant, after, PAGE).await;
        let (runs, next) = page.context("the imports cannot be read")?;
        if let Some(run) = runs.into_iter().find(|run| run.d.file == key && run.d.etag == etag) {
            return Ok(Some(run));
        }
        after = next;
        if after.is_none() {
            return Ok(None);
        }
    }
}
