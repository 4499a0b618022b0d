//! Run and campaign move on together: after the choice, at the start.
//!
//! The campaign is moved first, the run after it, the messages last. Each step finds what an earlier try has done, so whoever
//! repeats it gets on with what is missing.

use campaign::{Digest, Refused, Schedule, Standing, Status};
use chrono::{DateTime, Utc};
use messages::CampaignMessage;
use store::campaign::{self as campaigns, Moved, Stored};
use store::run::{self, Cut, Run, RunId, Stage};
use store::{Record, Site};

use crate::{App, RunError};

impl App {
    /// After the choice: a run that somebody asked for waits for its approval; one of a daily campaign that is approved starts.
    pub(crate) async fn tried(
        &self,
        id: &RunId,
        run: &Record<Run>,
        digest: Digest,
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let campaign = self.stored(id, run).await?;
        if starts_itself(&campaign.d) {
            let start = CampaignMessage::Start {
                tenant: id.tenant.clone(),
                run: id.run.clone(),
                revision: id.revision,
            };
            return Ok(self.sender.send(Site::RunSend, &self.queues.campaign, &[start]).await?);
        }
        let latest = run::latest(&self.db, Site::RunFind, &id.tenant, &id.run).await?;
        if campaign.d.edition != run.d.edition || latest.is_some_and(|latest| latest.d.revision != id.revision) {
            // It was changed or tried anew meanwhile: what was tried is not what counts.
            return Ok(());
        }
        let name = id.run.to_string();
        let step = |standing: &Standing| match &standing.status {
            // A message that comes late must not take an approval back.
            Status::DryRun { run, digest: known, .. }
            | Status::Approved { run, digest: known, .. }
            | Status::Executing { run, digest: known, .. }
                if *run == name && *known == digest =>
            {
                Ok(standing.clone())
            }
            _ => standing.tried(name.clone(), digest, now),
        };
        self.move_on(id, run, now, step).await?;
        Ok(())
    }

    /// Starts a run whose members are chosen; never leaves anything for another message.
    pub(crate) async fn start(&self, id: &RunId, now: DateTime<Utc>) -> Result<bool, RunError> {
        let run = run::read(&self.db, Site::RunFind, id).await?;
        let run = run.ok_or(RunError::Unusable("the run was not begun"))?;
        let Some(chosen) = run.d.chosen.as_ref().filter(|_| run.d.stage == Stage::Chosen) else {
            // Under way already: what was sent then may be lost.
            return self.send_shards(id, run.d.cut, run.d.stage).await.map(|()| false);
        };
        let (schedule, name, digest) = (run.d.campaign.schedule, id.run.to_string(), chosen.digest);
        let moved = self
            .move_on(id, &run, now, |standing| {
                standing.started(schedule, name.clone(), digest)
            })
            .await?;
        if !moved {
            return Ok(false);
        }
        let version = self.code_keys.current;
        let changed = run::change(&self.db, Site::RunChange, &run, now, |run| {
            run.stage = Stage::Issuing;
            run.code_key_version = Some(version);
            run.started_at = Some(now);
        });
        if changed.await? {
            tracing::info!(run = %id.run, revision = id.revision, "a run is started");
        }
        self.send_shards(id, run.d.cut, Stage::Issuing).await?;
        Ok(false)
    }

    async fn send_shards(&self, id: &RunId, cut: Cut, stage: Stage) -> Result<(), RunError> {
        if stage != Stage::Issuing {
            return Ok(());
        }
        let shards: Vec<_> = (0..cut.shards)
            .map(|shard| CampaignMessage::Issue {
                tenant: id.tenant.clone(),
                run: id.run.clone(),
                revision: id.revision,
                shard,
            })
            .collect();
        Ok(self.sender.send(Site::RunSend, &self.queues.campaign, &shards).await?)
    }

    async fn stored(&self, id: &RunId, run: &Record<Run>) -> Result<Record<Stored>, RunError> {
        let found = campaigns::read(&self.db, Site::RunCampaign, &id.tenant, &run.d.campaign.id).await?;
        found.ok_or(RunError::Unusable("the campaign of the run is not stored"))
    }

    /// Moves the campaign of a run on; `false` when it stands where it cannot move from.
    pub(crate) async fn move_on(
        &self,
        id: &RunId,
        run: &Record<Run>,
        now: DateTime<Utc>,
        step: impl Fn(&Standing) -> Result<Standing, Refused>,
    ) -> Result<bool, RunError> {
        let of = (&id.tenant, &*run.d.campaign.id);
        match campaigns::step(&self.db, Site::RunStanding, of, now, step).await? {
            Moved::Done => Ok(true),
            Moved::Refused(refused) => {
                tracing::warn!(run = %id.run, revision = id.revision, %refused, "a campaign does not move on");
                Ok(false)
            }
            Moved::Unknown => Err(RunError::Unusable("the campaign of the run is not stored")),
            Moved::Contended => Err(RunError::Contended),
        }
    }
}

/// Whether the runs of the campaign start by themselves.
fn starts_itself(stored: &Stored) -> bool {
    let daily = matches!(stored.campaign.schedule, Schedule::Daily {});
    daily
        && matches!(
            stored.standing.status,
            Status::Approved { .. } | Status::Executing { .. }
        )
}
