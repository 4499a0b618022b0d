//! Workflows look at what changed, and what they say is done (D6).
//!
//! A message names a change, which stands in the table with what it left. The workflows that were in force when it was made
//! decide, so that it may be told of late, twice and in any order, and always has the same effects. Each effect stands under
//! its own name and is made once (`store::workflow`). What a workflow changes is told of to no workflow: there are no circles.
//!
//! | file | what |
//! |---|---|
//! | `sets` | the workflows of the tenants of a batch, read once |
//! | `act` | an action is carried out once |

mod act;
mod sets;

use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use messages::WorkflowMessage;
use runtime::contained;
use runtime::secrets::Pepper;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::{Db, Site, StoreError, party_types, workflow as stored};

use crate::act::Acting;
use crate::sets::Sets;

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
}

/// Why a message must come again. Carries no personal data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("version {0} of the workflows cannot be understood any more")]
    NotUnderstood(u64),
    #[error("workflow {0} says what cannot be done")]
    Impossible(String),
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

/// What became of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Done {
    asked: usize,
    acted: usize,
}

impl App {
    /// The function over a table. Ids of tasks are derived under the pepper.
    pub fn new(db: Db, pepper: Pepper) -> Self {
        Self { db, pepper }
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<WorkflowMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        let mut sets = Sets::default();
        let (mut asked, mut acted) = (0usize, 0usize);
        for Delivery { id, message } in deliveries {
            if deadline.is_near() {
                failed.insert(id);
                continue;
            }
            match self.contained(&message, &mut sets, now).await {
                Ok(done) => {
                    asked = asked.saturating_add(done.asked);
                    acted = acted.saturating_add(done.acted);
                }
                Err(error) => {
                    tracing::error!(%error, "workflows did not do what they say");
                    failed.insert(id);
                }
            }
        }
        tracing::info!(asked, acted, "workflows asked");
        failed
    }

    async fn contained(
        &self,
        message: &WorkflowMessage,
        sets: &mut Sets,
        now: DateTime<Utc>,
    ) -> Result<Done, RunError> {
        contained(Box::pin(self.work(message, sets, now))).await?
    }

    async fn work(&self, message: &WorkflowMessage, sets: &mut Sets, now: DateTime<Utc>) -> Result<Done, RunError> {
        let WorkflowMessage::Changed {
            tenant,
            party,
            change,
            at,
        } = message;
        let Some(subject) = stored::subject_of(change) else {
            return Ok(Done::default());
        };
        let Some(workflows) = sets.in_force_at(&self.db, tenant, *at, now).await? else {
            return Ok(Done::default());
        };
        // Most tenants have no workflows on most subjects: for them the change itself is not read.
        if !workflows.look_at(subject) {
            return Ok(Done::default());
        }
        let read = stored::occurred(&self.db, Site::WorkflowEvent, (tenant, party), change);
        let Some(occurred) = read.await?.filter(|occurred| !occurred.by_workflow) else {
            return Ok(Done::default());
        };
        self.ask(&workflows, (tenant, party), &occurred, now).await
    }

    async fn ask(
        &self,
        workflows: &workflow::Workflows,
        (tenant, party): (&Tenant, &PartyId),
        occurred: &stored::Occurred,
        now: DateTime<Utc>,
    ) -> Result<Done, RunError> {
        let types = party_types::in_force(&self.db, Site::WorkflowTypes, tenant).await?;
        let Some(event) = occurred.event(types.time_zone) else {
            return Ok(Done::default());
        };
        let (due, unanswered) = workflows.due(&event);
        for one in unanswered {
            tracing::warn!(workflow = one.workflow, "a list is too long for the condition");
        }
        let acting = Acting {
            tenant,
            party,
            occurred,
            types: &types,
            now,
        };
        let mut done = Done { asked: 1, acted: 0 };
        for due in due {
            if self.act(&acting, due).await? {
                done.acted = done.acted.saturating_add(1);
            }
        }
        Ok(done)
    }
}
