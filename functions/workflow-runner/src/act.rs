//! An action is carried out once.

use chrono::{DateTime, TimeDelta, Utc};
use domain::calendar;
use domain::code;
use domain::id::{LookupKey, PartyId, Tenant};
use domain::secret::Secret;
use party::Word;
use party::change::When;
use party::dated::Classification;
use party::types::PartyTypes;
use store::desk::{self, Opened, Step, Task, TaskStatus};
use store::workflow::{self as stored, Classified, Effect, Kept, Occurred, Place};
use store::{Made, Site};
use workflow::{Action, Due};

use crate::{App, RunError};

/// The change that actions are carried out for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acting<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) party: &'a PartyId,
    pub(crate) occurred: &'a Occurred,
    pub(crate) types: &'a PartyTypes,
    pub(crate) now: DateTime<Utc>,
}

impl App {
    /// Carries out an action; `false` when it was carried out before, or there is nobody left to do it for.
    pub(crate) async fn act(&self, acting: &Acting<'_>, due: Due<'_>) -> Result<bool, RunError> {
        let impossible = || RunError::Impossible(due.workflow.id.clone());
        let made = Made {
            at: acting.now,
            by: Some(stored::by(&due.workflow.id).ok_or_else(impossible)?),
        };
        let name = due.workflow.effect_id(&acting.occurred.name(), due.index);
        match due.action {
            Action::OpenTask { queue, title, due_days } => {
                let task = Task {
                    version: 1,
                    content: self.key("workflow-content/1", acting, &name),
                    title: Secret::new(title.clone()),
                    text: None,
                    queue: queue.parse().map_err(|_| impossible())?,
                    due: due_days.map(|days| {
                        let day = calendar::business_day(acting.occurred.at, acting.types.time_zone);
                        calendar::plus_days(day, days)
                    }),
                    party: Some(acting.party.clone()),
                    case: None,
                    assignee: None,
                    status: TaskStatus::Open,
                    made_at: acting.now,
                    steps: made
                        .by
                        .iter()
                        .map(|by| Step {
                            version: 1,
                            what: "create".to_owned(),
                            by: by.subject.clone(),
                            at: acting.now,
                        })
                        .collect(),
                };
                self.open(acting, &name, &task, &made).await
            }
            Action::Classify {
                classification,
                reason,
                days,
            } => {
                let effect = effect(&due, name, acting, None);
                let class: Word = classification.parse().map_err(|_| impossible())?;
                self.classify(acting, &effect, (class, reason, *days), &made).await
            }
            Action::Publish { event } => {
                let effect = effect(&due, name, acting, Some(event.clone()));
                let place = place(acting);
                Ok(stored::publish(&self.db, Site::WorkflowPublish, place, &effect, &made).await?)
            }
        }
    }

    /// A keyed hash of the name of an effect. The same change of two tenants has two.
    fn key(&self, purpose: &str, acting: &Acting<'_>, name: &str) -> LookupKey {
        // A tenant holds no space.
        let text = format!("{} {name}", acting.tenant);
        code::lookup_key(self.pepper.bytes(), purpose, text.as_bytes())
    }

    async fn open(&self, acting: &Acting<'_>, name: &str, task: &Task, made: &Made) -> Result<bool, RunError> {
        let id = self.key("workflow-task/1", acting, name);
        let whose = (acting.tenant, acting.party);
        let opened = desk::open(&self.db, Site::WorkflowTask, whose, (&id, task), made).await?;
        Ok(opened == Opened::New)
    }

    async fn classify(
        &self,
        acting: &Acting<'_>,
        effect: &Effect,
        (class, reason, days): (Word, &str, Option<u32>),
        made: &Made,
    ) -> Result<bool, RunError> {
        let when = When {
            now: acting.now,
            today: calendar::business_day(acting.now, acting.types.time_zone),
        };
        let until = days.map(|days| acting.now.checked_add_signed(TimeDelta::days(i64::from(days))));
        let wanted = acting.types.classification(&class).map(|known| Classification {
            class: known.code.clone(),
            reason: Secret::new(reason.to_owned()),
            since: acting.now,
            // Beyond the calendar is without an end.
            until: until.flatten(),
            no_vouchers: known.no_vouchers,
        });
        let sites = (Site::WorkflowParty, Site::WorkflowClassify);
        let place = place(acting);
        let kept = stored::classify(&self.db, sites, place, effect, wanted.as_ref(), (when, made)).await?;
        if let Classified::Now(kept @ (Kept::NoSuchClass | Kept::Full)) = kept {
            tracing::error!(
                workflow = effect.workflow,
                ?kept,
                "a workflow could not classify a party"
            );
        }
        Ok(kept == Classified::Now(Kept::Done))
    }
}

fn place<'a>(acting: &Acting<'a>) -> Place<'a> {
    Place {
        tenant: acting.tenant,
        party: acting.party,
    }
}

fn effect(due: &Due<'_>, name: String, acting: &Acting<'_>, event: Option<String>) -> Effect {
    Effect {
        workflow: due.workflow.id.clone(),
        name,
        version: acting.occurred.version,
        event,
        kept: Kept::Done,
    }
}
