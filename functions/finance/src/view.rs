//! A run as the API shows it.

use aws_sdk_s3::presigning::PresigningConfig;
use chrono::{DateTime, TimeDelta, Utc};
use http_edge::api::finance::{FinanceFile, FinanceReport, FinanceTotal, ReportState};
use http_edge::{Code, Problem};
use store::finance::{self, FileFacts, ReportId, Run, RunResult};
use store::{Record, Site};

use crate::App;

/// How long a link to a file works: the credentials that sign it last longer.
const LINK_LASTS: TimeDelta = TimeDelta::minutes(15);

impl App {
    pub(crate) async fn view(
        &self,
        id: &ReportId,
        run: &Record<Run>,
        now: DateTime<Utc>,
    ) -> Result<FinanceReport, Problem> {
        let mut report = FinanceReport {
            programme_id: id.programme.to_string(),
            month: id.month.to_string(),
            revision: run.d.revision,
            state: ReportState::Running,
            segments: run.d.segments,
            segments_done: run.d.segments,
            zone: run.d.zone.name().to_owned(),
            asked_at: run.created_at,
            accounts: None,
            rows: None,
            total: None,
            vouchers: None,
            redeemed: Vec::new(),
            files: Vec::new(),
        };
        let Some(result) = &run.d.result else {
            let done = finance::segments_done(self.db(), Site::FinanceRead, id, &run.d);
            report.segments_done = done.await?;
            return Ok(report);
        };
        report.state = ReportState::Complete;
        report.accounts = Some(result.accounts);
        report.rows = Some(result.rows);
        report.total = Some(total(result)?);
        report.vouchers = Some(result.vouchers);
        report.redeemed.clone_from(&result.redeemed);
        for file in &result.files {
            report.files.push(self.file(file, now).await?);
        }
        Ok(report)
    }

    /// A file with a link that its bearer can use for some minutes. Signing needs no call.
    async fn file(&self, file: &FileFacts, now: DateTime<Utc>) -> Result<FinanceFile, Problem> {
        let internal = || Problem::new(Code::Internal, "a link to a file could not be made");
        let lasts = LINK_LASTS.to_std().map_err(|_| internal())?;
        let lasts = PresigningConfig::expires_in(lasts).map_err(|_| internal())?;
        let get = self.buckets.get_object().bucket(&self.place.bucket).key(&file.key);
        let signed = get.presigned(lasts).await.map_err(|_| internal())?;
        Ok(FinanceFile {
            name: file.name.clone(),
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            url: signed.uri().to_owned(),
            url_expires_at: now.checked_add_signed(LINK_LASTS).unwrap_or(now),
        })
    }
}

fn total(result: &RunResult) -> Result<FinanceTotal, Problem> {
    let row = &result.total;
    let out_of_range = |_| Problem::new(Code::Internal, "a total is outside the range of the books");
    Ok(FinanceTotal {
        opening: row.opening,
        earned: row.earned,
        spent: row.spent,
        given_back: row.given_back,
        expired: row.expired,
        reversed: row.reversed,
        corrected: row.corrected,
        transferred: row.transferred,
        recalculated: row.recalculated,
        settled: row.settled,
        closing: row.closing,
        forgiven: row.forgiven,
        breakage: row.breakage().map_err(out_of_range)?,
    })
}
