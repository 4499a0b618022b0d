//! Receipts are counted again under other settings (X8): to try settings before they are stored, and to correct points when a
//! stored version was wrong.
//!
//! A run stands in the table; its image asks for the work through the stream, when it is stored and when it is approved. The
//! work is cut into parts: a location to be counted, a shard of the differences to be posted. A part keeps its position and its
//! sums in one item under a version, so that a message that comes twice, two workers at once and a crash change nothing.
//! Nothing is rewritten: a difference becomes a ledger entry of its own.
//!
//! | file | what |
//! |---|---|
//! | `count` | the receipts of a location are counted |
//! | `worth` | what a receipt is worth, and would be |
//! | `post` | approved differences become entries |

mod count;
mod post;
mod worth;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{PartyId, RunId, Tenant};
use domain::money::OutOfRange;
use domain::programme::Programme;
use messages::{RecalculationMessage, SendError, Sender};
use runtime::contained;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::account::AccountId;
use store::history::HistoryError;
use store::recalculation::{self, Candidate, Run, SHARDS};
use store::{Db, Site, StoreError, programme};

/// The function with what it holds on to between batches.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queue_url: String,
    programmes: programme::Cache,
}

/// What one invocation remembers of the days that it has seen.
#[derive(Debug, Default)]
pub(crate) struct Days(HashMap<(PartyId, NaiveDate), Shares>);

/// Why a message must come again, or cannot be worked off at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum WorkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    #[error("the run of the message is not in the table")]
    NoRun,
    #[error("the version of the programme that the run counts with is not in the table")]
    NoProgramme,
    #[error("a receipt has a difference and no entry")]
    NotPosted,
    #[error("a receipt was counted again as often as it can be")]
    TooOften,
    #[error("other writers kept winning the race for the account")]
    Contended,
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl WorkError {
    /// Whether the same work may succeed later without anybody mending anything.
    fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) | Self::History(HistoryError::Store(error)) => error.is_transient(),
            Self::Send(_) | Self::Contended => true,
            _ => false,
        }
    }
}

/// The receipts of an account and a business day with what the candidate's cap leaves before each, by the versions of their
/// entries.
type Shares = Vec<(u64, i64)>;
/// Accounts and days that are remembered at most.
const SHARES_MAX: usize = 1_000;

/// A run with the settings it counts with.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    tenant: Tenant,
    run: Run,
    candidate: Arc<Programme>,
}

impl Task {
    /// The account of a party in the run's programme.
    fn account(&self, party: PartyId) -> AccountId {
        AccountId {
            tenant: self.tenant.clone(),
            party,
            programme: self.run.programme.clone(),
        }
    }
}

impl App {
    /// The function over a table and its own queue.
    pub fn new(db: Db, sender: Sender, queue_url: String) -> Self {
        Self {
            db,
            sender,
            queue_url,
            programmes: programme::Cache::default(),
        }
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<RecalculationMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            let worked = contained(Box::pin(self.work(message, deadline, now))).await;
            if let Err(error) = worked.map_err(WorkError::from).and_then(|worked| worked) {
                tracing::error!(%error, "a part of a recalculation was not done");
                failed.insert(id);
            }
        }
        failed
    }

    async fn work(
        &self,
        message: RecalculationMessage,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        match message {
            RecalculationMessage::Begin { tenant, run } => self.begin(tenant, run).await,
            RecalculationMessage::CountStore { tenant, run, store } => {
                let task = self.task(tenant, &run).await?;
                self.count_store(&task, store, deadline, now).await
            }
            RecalculationMessage::PostShard { tenant, run, shard } => {
                let task = self.task(tenant, &run).await?;
                self.post_shard(&task, shard, deadline, now).await
            }
        }
    }

    /// Cuts a run into its parts: of counting, or of posting once it is approved.
    async fn begin(&self, tenant: Tenant, run: RunId) -> Result<(), WorkError> {
        let task = self.task(tenant, &run).await?;
        let tenant = &task.tenant;
        let parts: Vec<_> = if task.run.approval.is_none() {
            let count = |store: &domain::id::LocationId| RecalculationMessage::CountStore {
                tenant: tenant.clone(),
                run: run.clone(),
                store: store.clone(),
            };
            task.run.stores.iter().map(count).collect()
        } else {
            let post = |shard| RecalculationMessage::PostShard {
                tenant: tenant.clone(),
                run: run.clone(),
                shard,
            };
            (0..SHARDS).map(post).collect()
        };
        self.hand_on(&parts).await
    }

    async fn hand_on(&self, messages: &[RecalculationMessage]) -> Result<(), WorkError> {
        Ok(self.sender.send(Site::RecountSend, &self.queue_url, messages).await?)
    }

    async fn task(&self, tenant: Tenant, run: &RunId) -> Result<Task, WorkError> {
        let found = recalculation::read(&self.db, Site::RecountRun, &tenant, run).await?;
        let run = found.ok_or(WorkError::NoRun)?.d;
        let candidate = match &run.candidate {
            Candidate::Settings(programme) => Arc::new(programme.as_ref().clone()),
            Candidate::Version(version) => {
                let site = Site::RecountProgramme;
                let found = self
                    .programmes
                    .version(&self.db, site, &tenant, &run.programme, *version);
                found.await?.ok_or(WorkError::NoProgramme)?
            }
        };
        Ok(Task { tenant, run, candidate })
    }
}
