//! What the members of a run buy is measured, with a letter and without (R5).
//!
//! Every day from the first day of its vouchers until a month after the last, so that late receipts and returns count too, and
//! whenever somebody asks. A measurement is worked off in the shards of the members, a message each.

use campaign::{Campaign, Decision, Group};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::calendar;
use domain::id::Tenant;
use messages::CampaignMessage;
use runtime::sqs::Deadline;
use store::account::AccountId;
use store::run::{self, Bought, MeasuredShard, Member, Run, RunId};
use store::{Record, Site};

use crate::page::worked;
use crate::{App, RunError};

/// Members of one page, after which the position is kept.
const PAGE: i32 = 500;
/// Pages of one message, and rounds lost to other workers among them.
const PAGES_MAX: u32 = 10_000;
/// Days behind the last one of the vouchers on which a run is still measured.
const LATE_DAYS: u32 = 31;
/// How long a measurement may be under way before another one takes its place.
const LASTS: TimeDelta = TimeDelta::hours(1);
/// Days back to the first run that is looked at: as long as members are kept.
const BACK_DAYS: u32 = 400;
/// Runs of one page, and most pages of one campaign: more than a daily campaign begins in that time.
const RUNS_PAGE: i32 = 100;
const RUNS_PAGES_MAX: usize = 20;

impl App {
    /// Asks for the measurements of a campaign's runs that are due.
    pub(crate) async fn ask_for_measurements(
        &self,
        tenant: &Tenant,
        campaign: &Campaign,
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let mut after = None;
        for _ in 0..RUNS_PAGES_MAX {
            let id = Some(&*campaign.id);
            let (runs, next) = run::page(&self.db, Site::RunFind, tenant, id, after, RUNS_PAGE).await?;
            for found in &runs {
                self.ask_for_measurement(tenant, found, now).await?;
            }
            // Names of a campaign's runs sort by their day, the last first.
            let oldest = calendar::minus_days(now.date_naive(), BACK_DAYS);
            after = next.filter(|_| runs.last().is_none_or(|last| last.d.day >= oldest));
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn ask_for_measurement(
        &self,
        tenant: &Tenant,
        found: &Record<Run>,
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let today = calendar::business_day(now, found.d.zone);
        let Some(terms) = run::measurable(found, now) else {
            return Ok(());
        };
        if today > calendar::plus_days(terms.valid_until, LATE_DAYS) {
            return Ok(());
        }
        let id = RunId {
            tenant: tenant.clone(),
            run: found.d.run.clone(),
            revision: found.d.revision,
        };
        let before = run::measuring(&self.db, Site::RunMeasuring, &id).await?;
        let asked_on = |asked_at| calendar::business_day(asked_at, found.d.zone);
        if let Some(before) = before.filter(|before| asked_on(before.d.asked_at) >= today) {
            // Asked for today: what is under way is asked for again, because a message may be lost with a queue.
            let shards = if before.d.at_work { found.d.cut.shards } else { 0 };
            return self.send_measures(&id, before.d.number, shards).await;
        }
        let measure = CampaignMessage::Measure {
            tenant: id.tenant,
            run: id.run,
            revision: id.revision,
            asked_at: now,
        };
        Ok(self
            .sender
            .send(Site::RunSend, &self.queues.campaign, &[measure])
            .await?)
    }

    async fn send_measures(&self, id: &RunId, number: u32, shards: u8) -> Result<(), RunError> {
        let shards: Vec<_> = (0..shards)
            .map(|shard| CampaignMessage::MeasureShard {
                tenant: id.tenant.clone(),
                run: id.run.clone(),
                revision: id.revision,
                number,
                shard,
            })
            .collect();
        Ok(self.sender.send(Site::RunSend, &self.queues.campaign, &shards).await?)
    }

    /// Begins a measurement that was asked for; never leaves anything for another message.
    pub(crate) async fn measure(
        &self,
        id: &RunId,
        asked_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, RunError> {
        let run = run::read(&self.db, Site::RunFind, id).await?;
        let run = run.ok_or(RunError::Unusable("the run was not begun"))?;
        let before = run::measuring(&self.db, Site::RunMeasuring, id).await?;
        if let Some(before) = &before {
            let younger = asked_at.signed_duration_since(before.d.asked_at);
            if younger <= TimeDelta::zero() || before.d.at_work && younger < LASTS {
                // Begun before, perhaps by a worker that died on its way.
                let shards = if before.d.at_work { run.d.cut.shards } else { 0 };
                return self.send_measures(id, before.d.number, shards).await.map(|()| false);
            }
        }
        let Some(terms) = run::measurable(&run, now) else {
            return Ok(false);
        };
        let through = terms.valid_until.min(calendar::business_day(asked_at, run.d.zone));
        let days = (terms.valid_from, through);
        let of = (id, before.as_ref());
        if !run::begin_measuring(&self.db, Site::RunMeasure, of, days, (asked_at, now)).await? {
            return Err(RunError::Contended);
        }
        let number = before.map_or(0, |before| before.d.number).saturating_add(1);
        self.send_measures(id, number, run.d.cut.shards).await.map(|()| false)
    }

    /// Measures the members that are left of a shard; `true` when more is left than the time allows. Who finds that all shards
    /// are done completes the measurement.
    pub(crate) async fn measure_shard(
        &self,
        id: &RunId,
        place: (u32, u8),
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, RunError> {
        let run = run::read(&self.db, Site::RunFind, id).await?;
        let run = run.ok_or(RunError::Unusable("the run was not begun"))?;
        let measuring = run::measuring(&self.db, Site::RunMeasuring, id).await?;
        let under_way = measuring.filter(|measuring| measuring.d.number == place.0 && measuring.d.at_work);
        let Some(measuring) = under_way else {
            return Ok(false);
        };
        let days = (measuring.d.from, measuring.d.through);
        for _ in 0..PAGES_MAX {
            let before = run::measured_shard(&self.db, Site::RunMeasured, id, place).await?;
            if before.done {
                let of = (id, run.d.cut);
                let sums = run::measured(&self.db, Site::RunMeasured, of, place.0).await?;
                if let Some(sums) = sums
                    && run::complete_measuring(&self.db, Site::RunMeasure, (id, &measuring), sums, now).await?
                {
                    let (letters, control) = (sums.0.members, sums.1.members);
                    tracing::info!(run = %id.run, letters, control, "what the members of a run buy is measured");
                }
                return Ok(false);
            }
            let after = before.after.clone();
            let page = run::members(&self.db, Site::RunMembers, (id, place.1), after, PAGE).await?;
            let after = self.measured(id, (&run.d, days), before, page, deadline).await?;
            // Where another worker was faster, ours is dropped, and its position counts.
            run::advance_measured(&self.db, Site::RunMeasuredShard, id, place, after, now).await?;
            if deadline.is_near() {
                return Ok(true);
            }
        }
        Err(RunError::Contended)
    }

    /// The shard after a page of its members.
    async fn measured(
        &self,
        id: &RunId,
        (run, days): (&Run, (NaiveDate, NaiveDate)),
        before: MeasuredShard,
        page: run::MemberPage,
        deadline: Deadline,
    ) -> Result<MeasuredShard, RunError> {
        let bought = worked(page, deadline, |member| async move {
            let Some(with_letter) = is_with_letter(&member.d) else {
                return Ok(None);
            };
            let account = AccountId {
                tenant: id.tenant.clone(),
                party: member.d.party,
                programme: run.campaign.programme.clone(),
            };
            let bought: Bought = run::bought(&self.db, Site::RunBought, &account, days).await?;
            Ok(Some((with_letter, bought)))
        });
        let bought = bought.await?;
        let mut shard = MeasuredShard {
            done: bought.next.is_none(),
            after: bought.next.or(before.after),
            ..before
        };
        for (with_letter, bought) in bought.each.into_iter().flatten() {
            let group: &mut Group = if with_letter {
                &mut shard.letters
            } else {
                &mut shard.control
            };
            group.add(bought.revenue_minor, bought.receipts > 0)?;
        }
        Ok(shard)
    }
}

/// Whether a member was drawn for a letter, or for the control group; `None` of one that was not drawn.
const fn is_with_letter(member: &Member) -> Option<bool> {
    match member.decision {
        Decision::In { .. } => Some(true),
        Decision::Control => Some(false),
        Decision::Out { .. } => None,
    }
}
