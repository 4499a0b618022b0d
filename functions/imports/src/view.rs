//! A run as the API shows it.

use aws_sdk_s3::presigning::PresigningConfig;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::Tenant;
use http_edge::api::imports::{Import, ImportCounts, ImportRejects, ImportState};
use http_edge::{Code, Problem};
use store::import::{self, Counts, Rejects, Run};
use store::{Record, Site};

use crate::App;

/// How long a link to a file works: the credentials that sign it last longer.
const LINK_LASTS: TimeDelta = TimeDelta::minutes(15);

impl App {
    /// A run, with a link to what was rejected when it is shown by itself.
    pub(crate) async fn view(
        &self,
        tenant: &Tenant,
        run: &Record<Run>,
        link_at: Option<DateTime<Utc>>,
    ) -> Result<Import, Problem> {
        let stored = &run.d;
        let counts = match &stored.result {
            Some(result) => result.counts,
            None => import::counts(&self.db, Site::ImportsRead, tenant, stored).await?,
        };
        let state = match (&stored.refused, &stored.result) {
            (Some(_), _) => ImportState::Refused,
            (None, Some(_)) => ImportState::Complete,
            (None, None) => ImportState::Running,
        };
        let rejects = stored.result.as_ref().and_then(|result| result.rejects.as_ref());
        let rejects = match rejects {
            Some(rejects) => Some(self.rejects(rejects, link_at).await?),
            None => None,
        };
        Ok(Import {
            run_id: stored.id.to_string(),
            file: stored.file.clone(),
            bytes: stored.bytes,
            revision: stored.revision,
            state,
            refused: stored.refused.clone(),
            parts: stored.parts,
            parts_done: stored.parts_done,
            counts: shown(counts),
            rejects,
            begun_at: run.created_at,
            completed_at: stored.result.as_ref().map(|result| result.at),
        })
    }

    async fn rejects(&self, rejects: &Rejects, link_at: Option<DateTime<Utc>>) -> Result<ImportRejects, Problem> {
        let (url, url_expires_at) = match link_at {
            None => (None, None),
            Some(now) => {
                let url = self.link(&rejects.key).await?;
                (Some(url), now.checked_add_signed(LINK_LASTS))
            }
        };
        Ok(ImportRejects {
            rows: rejects.rows,
            url,
            url_expires_at,
        })
    }

    /// A link that its bearer can use for some minutes. Signing needs no call.
    async fn link(&self, key: &str) -> Result<String, Problem> {
        let internal = || Problem::new(Code::Internal, "a link to a file could not be made");
        let lasts = LINK_LASTS.to_std().map_err(|_| internal())?;
        let lasts = PresigningConfig::expires_in(lasts).map_err(|_| internal())?;
        let get = self.buckets.get_object().bucket(&self.place.bucket).key(key);
        let signed = get.presigned(lasts).await.map_err(|_| internal())?;
        Ok(signed.uri().to_owned())
    }
}

const fn shown(counts: Counts) -> ImportCounts {
    ImportCounts {
        read: counts.read,
        created: counts.created,
        changed: counts.changed,
        unchanged: counts.unchanged,
        rejected: counts.rejected,
    }
}
