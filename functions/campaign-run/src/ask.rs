//! What the schedule begins: runs whose day has come.

use campaign::{Schedule, Status};
use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar;
use domain::id::Tenant;
use domain::programme::Programme;
use messages::{CampaignMessage, campaign_segments};
use store::campaign::{self as campaigns, Stored};
use store::run::{self, Run, RunId, Stage};
use store::{Record, Site, programme};

use crate::start::starts_itself;
use crate::{App, RunError};

/// Campaigns of one page.
const PAGE: i32 = 50;

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
            let mut after = None;
            loop {
                let (page, next) = campaigns::page(&self.db, Site::RunCampaign, &tenant, after, PAGE).await?;
                for campaign in page {
                    if let Err(error) = self.ask_for(&tenant, &campaign, now).await {
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
        let name = match &stored.d.standing.status {
            Status::Executing { run, .. } => run.clone(),
            Status::Approved { run, .. } if !matches!(campaign.schedule, Schedule::Daily {}) => run.clone(),
            _ => campaign.run_id(today),
        };
        let run = name
            .parse()
            .map_err(|_| RunError::Unusable("the campaign names a run that cannot be"))?;
        let latest = run::latest(&self.db, Site::RunFind, tenant, &run).await?;
        match latest {
            Some(found) => self.go_on(tenant, &found, today).await,
            None if starts_itself(&stored.d) => self.begin(tenant, stored, (&programme, today), now).await,
            None => Ok(()),
        }
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
        (programme, today): (&Programme, NaiveDate),
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let campaign = &stored.d.campaign;
        let name = campaign.run_id(today);
        let run = Run::new(campaign.clone(), stored.d.edition, 1, (today, self.cut), programme)
            .ok_or(RunError::Unusable("the campaign names a run that cannot be"))?;
        tracing::info!(run = %name, "a run is begun");
        let id = RunId {
            tenant: tenant.clone(),
            run: run.run.clone(),
            revision: run.revision,
        };
        run::begin(&self.db, Site::RunBegin, tenant, run, now).await?;
        let messages = campaign_segments(tenant, (&id.run, id.revision), self.cut.segments);
        Ok(self
            .sender
            .send(Site::RunSend, &self.queues.campaign, &messages)
            .await?)
    }
}
