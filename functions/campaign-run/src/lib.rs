//! Runs of campaigns (N7, N8, N9, L5, R5, X5, X15): the members of a run are chosen and frozen, and get their vouchers once the run is
//! started.
//!
//! The choice is worked off in segments of the table, a message each, and the vouchers in shards of the members. Each keeps its
//! position with its sums, so that a message that comes twice, two workers at once and a crash change nothing: a member that was
//! frozen once stays as it was, and a voucher is named after run, party and number.
//!
//! Every hour the schedule looks at the campaigns whose day has come. A daily campaign that was approved chooses and starts by
//! itself; of the others the approved run is started.
//!
//! | file | what |
//! |---|---|
//! | `ask` | what the schedule begins |
//! | `choose` | the members of a segment are chosen |
//! | `subject` | what a campaign can ask about a party, and where its letters go |
//! | `start` | a chosen run is started |
//! | `earlier` | a run that is made on after it was stopped |
//! | `budget` | members are left out for whom no money is left |
//! | `household` | one letter for each household |
//! | `page` | a page of members is worked off |
//! | `pay` | members pay with points |
//! | `issue` | the members of a shard get their vouchers |
//! | `block` | the vouchers of a stopped run are blocked |
//! | `measure` | what the members of a shard buy, with a letter and without |

mod ask;
mod block;
mod budget;
mod choose;
mod earlier;
mod household;
mod issue;
mod measure;
mod page;
mod pay;
mod start;
mod subject;

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::money::OutOfRange;
use domain::violation::Violation;
use messages::{CampaignMessage, SendError, Sender};
use runtime::contained;
use runtime::secrets::{CodeKeys, Pepper};
use runtime::sqs::{Deadline, Delivery, Failed};
use store::run::{Cut, MergeError, RunId, SealError};
use store::{Db, StoreError, programme};

/// The queues that it sends to.
#[derive(Debug, Clone)]
pub struct Queues {
    /// Its own.
    pub campaign: String,
    /// Of the lettershop's files.
    pub lettershop: String,
}

/// The function with what it holds on to between invocations.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queues: Queues,
    pepper: Pepper,
    code_keys: CodeKeys,
    programmes: programme::Cache,
    cut: Cut,
    page: i32,
}

/// Why a message must come again, or cannot be worked off at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take a message.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The parts of a run cannot be brought together.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A sum is too large.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// An address cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What is stored cannot be worked with.
    #[error("{0}")]
    Unusable(&'static str),
    /// A campaign that was stored cannot be run.
    #[error("the campaign cannot be run: {0}")]
    Unsound(String),
    /// Others kept getting on with the same.
    #[error("other workers kept winning the race for the same part of the run")]
    Contended,
    /// A handler panicked.
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl RunError {
    fn unsound(violations: &[Violation]) -> Self {
        let found = violations
            .iter()
            .map(|found| format!("{} {}", found.pointer, found.code));
        Self::Unsound(found.collect::<Vec<_>>().join(", "))
    }
}

impl App {
    /// The function over a table, queues and keys.
    pub fn new(db: Db, sender: Sender, queues: Queues, pepper: Pepper, code_keys: CodeKeys) -> Self {
        Self {
            db,
            sender,
            queues,
            pepper,
            code_keys,
            programmes: programme::Cache::default(),
            cut: Cut::default(),
            page: page::MEMBERS,
        }
    }

    /// Cuts the runs that it begins in this way.
    #[must_use]
    pub const fn with_cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
        self
    }

    /// Gives vouchers in pages of so many members.
    #[must_use]
    pub const fn with_page(mut self, members: i32) -> Self {
        self.page = members;
        self
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<CampaignMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            let worked = contained(Box::pin(self.work_off_one(&message, deadline, now))).await;
            if let Err(error) = worked.map_err(RunError::from).and_then(|worked| worked) {
                let (of, what) = told(&message);
                tracing::error!(%error, run = %of.run, revision = of.revision, what, "a part of a run was not worked off");
                failed.insert(id);
            }
        }
        failed
    }

    async fn work_off_one(
        &self,
        message: &CampaignMessage,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), RunError> {
        let (id, _) = told(message);
        let more = match message {
            CampaignMessage::Choose { segment, .. } => self.choose(&id, *segment, deadline, now).await?,
            CampaignMessage::Start { .. } => self.start(&id, now).await?,
            CampaignMessage::Issue { shard, .. } => self.issue(&id, *shard, deadline, now).await?,
            CampaignMessage::Block { shard, .. } => self.block(&id, *shard, deadline, now).await?,
            CampaignMessage::Measure { asked_at, .. } => self.measure(&id, *asked_at, now).await?,
            CampaignMessage::MeasureShard { number, shard, .. } => {
                self.measure_shard(&id, (*number, *shard), deadline, now).await?
            }
        };
        if more {
            let rest = std::slice::from_ref(message);
            self.sender
                .send(store::Site::RunSend, &self.queues.campaign, rest)
                .await?;
        }
        Ok(())
    }
}

/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// Waits after so many lost rounds; not at all before the first.
async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
    }
}

/// Which run a message is about, and what is to be done.
fn told(message: &CampaignMessage) -> (RunId, &'static str) {
    let ((tenant, run, revision), what) = match message {
        CampaignMessage::Choose {
            tenant, run, revision, ..
        } => ((tenant, run, revision), "choose"),
        CampaignMessage::Start { tenant, run, revision } => ((tenant, run, revision), "start"),
        CampaignMessage::Issue {
            tenant, run, revision, ..
        } => ((tenant, run, revision), "issue"),
        CampaignMessage::Block {
            tenant, run, revision, ..
        } => ((tenant, run, revision), "block"),
        CampaignMessage::Measure {
            tenant, run, revision, ..
        }
        | CampaignMessage::MeasureShard {
            tenant, run, revision, ..
        } => ((tenant, run, revision), "measure"),
    };
    let id = RunId {
        tenant: tenant.clone(),
        run: run.clone(),
        revision: *revision,
    };
    (id, what)
}
