//! Run and campaign move on together: after the choice, at the start.
//!
//! At the start both move in one transaction, the messages follow. Each step finds what an earlier try has done, so whoever
//! repeats it gets on with what is missing.

use campaign::{Digest, LETTER_DAYS_MIN, Refused, Schedule, Standing, Status, terms};
use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar;
use messages::CampaignMessage;
use store::campaign::{self as campaigns, Moved, Stored};
use store::run::{self, Cut, Run, RunId, Stage};
use store::{Record, Site};

use crate::{App, RunError};

/// Days for which a choice can be started: two weeks before its addresses can no longer be read.
const CHOSEN_DAYS: i64 = store::run::ADDRESS_DAYS - 14;

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
            if !run.d.scheduled {
                // Somebody wanted to see what a day would come to; the approval stands.
                return Ok(());
            }
            let start = CampaignMessage::Start {
                tenant: id.tenant.clone(),
                run: id.run.clone(),
                revision: id.revision,
            };
            return Ok(self.sender.send(Site::RunSend, &self.queues.campaign, &[start]).await?);
        }
        let latest = run::latest(&self.db, Site::RunFind, &id.tenant, &id.run).await?;
        if latest.is_some_and(|latest| latest.d.revision != id.revision || latest.d.stage == Stage::Stopped) {
            // It was tried anew or stopped meanwhile: what was tried is not what counts.
            return Ok(());
        }
        let name = id.run.to_string();
        let edition = run.d.edition;
        let step = |stored: &Stored| match &stored.standing.status {
            _ if stored.edition != edition => Err(Refused::OtherEdition),
            // A message that comes late must not take an approval back.
            Status::DryRun { run, digest: known, .. }
            | Status::Approved { run, digest: known, .. }
            | Status::Executing { run, digest: known, .. }
                if *run == name && *known == digest =>
            {
                Ok(stored.standing.clone())
            }
            _ => stored.standing.tried(name.clone(), digest, now),
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
        let today = calendar::business_day(now, run.d.zone);
        if matches!(run.d.campaign.schedule, Schedule::Daily {}) && run.d.day > today {
            return Ok(false);
        }
        if let Some(reason) = too_late(&run, today, now) {
            return self.stop(id, &run, reason, now).await.map(|()| false);
        }
        let (schedule, name, digest) = (run.d.campaign.schedule, id.run.to_string(), chosen.digest);
        let edition = run.d.edition;
        let step = |stored: &Stored| {
            if stored.edition != edition {
                return Err(Refused::OtherEdition);
            }
            stored.standing.started(schedule, name.clone(), digest)
        };
        // One that was stopped and is made on keeps the codes of what it has given.
        let version = run.d.code_key_version.unwrap_or(self.code_keys.current);
        let begin = |run: &mut Run| {
            run.stage = Stage::Issuing;
            run.code_key_version = Some(version);
            run.started_at = Some(now);
        };
        // Both at once: a run that another choice has replaced meanwhile moves no campaign.
        let moved = campaigns::with_run(&self.db, Site::RunStart, (&id.tenant, &run), now, step, begin).await?;
        if !self.is_moved(id, moved)? {
            return Ok(false);
        }
        tracing::info!(run = %id.run, revision = id.revision, "a run is started");
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

    /// Stops a run of which nothing was issued.
    async fn stop(&self, id: &RunId, run: &Record<Run>, reason: &str, now: DateTime<Utc>) -> Result<(), RunError> {
        let stop = |run: &mut Run| {
            run.stage = Stage::Stopped;
            run.stopped = Some(reason.to_owned());
        };
        if run::change(&self.db, Site::RunChange, run, now, stop).await? {
            tracing::error!(run = %id.run, revision = id.revision, reason, "a run is too late and is not made");
        }
        Ok(())
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
        step: impl Fn(&Stored) -> Result<Standing, Refused>,
    ) -> Result<bool, RunError> {
        let of = (&id.tenant, &*run.d.campaign.id);
        let moved = campaigns::step(&self.db, Site::RunStanding, of, now, step).await?;
        self.is_moved(id, moved)
    }

    /// Whether a campaign has moved on; `false` when it stands where it cannot.
    #[expect(clippy::unused_self, reason = "reads like the other steps")]
    fn is_moved(&self, id: &RunId, moved: Moved) -> Result<bool, RunError> {
        match moved {
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

/// Why a run can no longer be started: its vouchers would be over when the letters come, or its addresses could no longer be read
/// when they are printed.
fn too_late(run: &Record<Run>, today: NaiveDate, now: DateTime<Utc>) -> Option<&'static str> {
    let chosen = now.signed_duration_since(run.created_at).num_days();
    if chosen > CHOSEN_DAYS {
        return Some("chosen_too_long_ago");
    }
    let letters_come = calendar::plus_days(today, LETTER_DAYS_MIN);
    match terms(&run.d.campaign, run.d.day) {
        Ok(terms) if terms.valid_until >= letters_come => None,
        _ => Some("vouchers_over"),
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
