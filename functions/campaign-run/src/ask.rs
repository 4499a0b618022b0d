//! What the schedule begins: runs whose day has come.

use campaign::{Schedule, Status};
use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar;
use domain::id::{RunName, Tenant};
use domain::programme::Programme;
use lettershop::settings::Settings;
use messages::{CampaignMessage, campaign_segments, letter_notes};
use store::campaign::{self as campaigns, Stored};
use store::run::{self, Run, RunId, SUPERSEDED, Stage};
use store::{Record, Site, programme};

use crate::{App, RunError};

/// Campaigns of one page.
const PAGE: i32 = 50;
/// Files without acknowledgement that are looked at in an hour.
const UNCONFIRMED_MAX: i32 = 100;
/// Days back for which the run of a daily campaign is made up for.
const MISSED_DAYS: u32 = 7;

impl App {
    /// Begins and starts the runs whose day has come.
    ///
    /// # Errors
    /// [`RunError`]; the next hour asks again.
    pub async fn ask(&self, now: DateTime<Utc>) -> Result<(), RunError> {
        let programmes = programme::list(&self.db, Site::RunProgrammes).await?;
        let mut tenants: Vec<Tenant> = programmes.into_iter().map(|(tenant, _)| tenant).collect();
        tenants.dedup();
        let mut outcome = Ok(());
        for tenant in tenants {
            if let Err(error) = self.ask_for_acknowledgements(&tenant, now).await {
                tracing::error!(%error, %tenant, "the acknowledgements of files were not looked at");
                outcome = Err(error);
            }
            if let Err(error) = self.ask_for_blocks(&tenant).await {
                tracing::error!(%error, %tenant, "the vouchers of stopped runs were not looked at");
                outcome = Err(error);
            }
            let mut after = None;
            loop {
                let (page, next) = campaigns::page(&self.db, Site::RunCampaign, &tenant, after, PAGE).await?;
                for campaign in page {
                    let asked = Box::pin(self.ask_for(&tenant, &campaign, now)).await;
                    let measured = self.ask_for_measurements(&tenant, &campaign.d.campaign, now).await;
                    for error in [asked, measured].into_iter().filter_map(Result::err) {
                        // One campaign that is in disorder holds up no other.
                        tracing::error!(%error, %tenant, campaign = %campaign.d.campaign.id, "a campaign was not looked at");
                        outcome = Err(error);
                    }
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        outcome
    }

    /// Tells of files that the printer has not acknowledged in time; the log raises the alarm.
    async fn ask_for_acknowledgements(&self, tenant: &Tenant, now: DateTime<Utc>) -> Result<(), RunError> {
        let waiting = run::unconfirmed(&self.db, Site::RunUnconfirmed, tenant, now, UNCONFIRMED_MAX).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let agreed = self.agreed(tenant).await?;
        for run in waiting {
            if run.d.acknowledged.is_some() {
                // What follows from an acknowledgement is asked for again: a message may be lost with a queue.
                let notes = letter_notes(tenant, (&run.d.run, run.d.revision), run.d.cut.shards);
                self.sender
                    .send(Site::RunSendNotes, &self.queues.lettershop, &notes)
                    .await?;
                continue;
            }
            let stood = run.d.file.as_ref().map(|file| file.at);
            if stood.is_some_and(|stood| agreed.acknowledged_until(stood) < now) {
                tracing::error!(%tenant, run = %run.d.run, "the printer has not acknowledged a file in time");
            }
        }
        Ok(())
    }

    async fn agreed(&self, tenant: &Tenant) -> Result<Settings, RunError> {
        let stored = store::lettershop::settings(&self.db, Site::RunAgreed, tenant).await?;
        let unreadable = |_| RunError::Unusable("what was agreed on with the printer cannot be read");
        stored.map_or_else(
            || Ok(Settings::default()),
            |stored| serde_json::from_value(stored.d.document).map_err(unreadable),
        )
    }

    async fn ask_for(&self, tenant: &Tenant, stored: &Record<Stored>, now: DateTime<Utc>) -> Result<(), RunError> {
        let campaign = &stored.d.campaign;
        if !matches!(
            stored.d.standing.status,
            Status::Approved { .. } | Status::Executing { .. }
        ) {
            return Ok(());
        }
        let current = self
            .programmes
            .current(&self.db, Site::RunProgramme, tenant, &campaign.programme);
        let programme = current
            .await?
            .ok_or(RunError::Unusable("the programme of the campaign is not stored"))?;
        let today = calendar::business_day(now, programme.zone);
        let named = match &stored.d.standing.status {
            Status::Executing { run, .. } => run,
            Status::Approved { at, .. } if matches!(campaign.schedule, Schedule::Daily {}) => {
                let since = calendar::business_day(*at, programme.zone);
                return self.ask_for_days(tenant, stored, (&programme, since, today), now).await;
            }
            Status::Approved { run, .. } => run,
            _ => return Ok(()),
        };
        let latest = run::latest(&self.db, Site::RunFind, tenant, &name(named)?).await?;
        match latest {
            Some(found) => self.go_on(tenant, &found, today).await,
            None => Ok(()),
        }
    }

    /// The run of the first day behind the last that is made: of today, or of one on which nobody asked or nothing was approved. A
    /// letter that is late is better than none. Where none is made yet, the approval says since when.
    async fn ask_for_days(
        &self,
        tenant: &Tenant,
        stored: &Record<Stored>,
        (programme, since, today): (&Programme, NaiveDate, NaiveDate),
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let first = calendar::minus_days(today, MISSED_DAYS);
        let mut days = Vec::new();
        for day in first.iter_days().take_while(|day| *day <= today) {
            let name = name(&stored.d.campaign.run_id(day))?;
            let latest = run::latest(&self.db, Site::RunFind, tenant, &name).await?;
            days.push((day, latest));
        }
        let made = days
            .iter()
            .rposition(|(_, latest)| latest.as_ref().is_some_and(is_made));
        let from = match made {
            Some(at) => at.saturating_add(1),
            None => days.iter().take_while(|(day, _)| *day < since).count(),
        };
        // One at a time: the campaign stands where its run does.
        let Some((day, latest)) = days.into_iter().nth(from) else {
            return Ok(());
        };
        let Some(found) = latest else {
            return self.begin(tenant, stored, (programme, day, 1), None, now).await;
        };
        let waits = matches!(found.d.stage, Stage::Choosing | Stage::Chosen);
        let counts = found.d.scheduled && found.d.edition == stored.d.edition;
        if waits && counts || !waits && found.d.stage != Stage::Stopped {
            return self.go_on(tenant, &found, today).await;
        }
        // What somebody wanted to see, or was chosen for the campaign as it was, is no run of its own.
        if !run::supersede(&self.db, Site::RunChange, &found, now).await? {
            return Err(RunError::Contended);
        }
        let next = found.d.revision.saturating_add(1);
        let key = found.d.code_key_version;
        self.begin(tenant, stored, (programme, day, next), key, now).await
    }

    /// What a run waits for is asked for again: a message may be lost with a queue.
    async fn go_on(&self, tenant: &Tenant, found: &Record<Run>, today: NaiveDate) -> Result<(), RunError> {
        let (run, revision) = (&found.d.run, found.d.revision);
        let messages = match found.d.stage {
            Stage::Choosing => campaign_segments(tenant, (run, revision), found.d.cut.segments),
            Stage::Chosen | Stage::Issuing if found.d.day <= today && found.d.campaign_is_due(today) => {
                vec![CampaignMessage::Start {
                    tenant: tenant.clone(),
                    run: run.clone(),
                    revision,
                }]
            }
            Stage::Writing => {
                let id = RunId {
                    tenant: tenant.clone(),
                    run: run.clone(),
                    revision,
                };
                return self.ask_for_file(&id).await;
            }
            _ => return Ok(()),
        };
        Ok(self
            .sender
            .send(Site::RunSend, &self.queues.campaign, &messages)
            .await?)
    }

    async fn begin(
        &self,
        tenant: &Tenant,
        stored: &Record<Stored>,
        (programme, day, revision): (&Programme, NaiveDate, u32),
        code_key_version: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let campaign = &stored.d.campaign;
        let name = campaign.run_id(day);
        let mut run = Run::new(campaign.clone(), stored.d.edition, revision, (day, self.cut), programme)
            .ok_or(RunError::Unusable("the campaign names a run that cannot be"))?;
        run.scheduled = true;
        // Of what an earlier choice has given: the same vouchers have the same codes.
        run.code_key_version = code_key_version;
        tracing::info!(run = %name, revision, "a run is begun");
        let id = RunId {
            tenant: tenant.clone(),
            run: run.run.clone(),
            revision: run.revision,
        };
        let stands = run::begin(&self.db, Site::RunBegin, tenant, run, now).await?;
        if stands.is_some_and(|stands| stands.d.revision != id.revision) {
            // The vouchers of the choice before are blocked since.
            return Ok(());
        }
        let messages = campaign_segments(tenant, (&id.run, id.revision), self.cut.segments);
        Ok(self
            .sender
            .send(Site::RunSend, &self.queues.campaign, &messages)
            .await?)
    }
}

/// Whether nothing is left to do for the period of a run.
fn is_made(run: &Record<Run>) -> bool {
    match run.d.stage {
        Stage::Written => true,
        Stage::Stopped => run.d.blocking.is_some() || run.d.stopped.as_deref() != Some(SUPERSEDED),
        _ => false,
    }
}

fn name(run: &str) -> Result<RunName, RunError> {
    let unusable = |_| RunError::Unusable("the campaign names a run that cannot be");
    run.parse().map_err(unusable)
}
