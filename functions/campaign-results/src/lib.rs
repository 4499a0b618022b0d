//! What becomes of the vouchers of campaigns' runs is counted as it happens (R5).
//!
//! The stream tells of each change of a voucher that a run gave. Messages may come late, twice and in any order: what counts, and
//! once, is told in `store::tally`.

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt};
use messages::CampaignResultMessage;
use runtime::contained;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::tally::{self, OfRun, Sites};
use store::{Db, Site, StoreError};

/// Changes that are counted at the same time.
const AT_ONCE: usize = 5;

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
}

/// Why a message must come again. Carries no code.
#[derive(Debug, Clone, thiserror::Error)]
enum ResultError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the time of the invocation is nearly over")]
    OutOfTime,
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl App {
    /// The function over a table.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<CampaignResultMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let worked = stream::iter(deliveries).map(|Delivery { id, message }| async move {
            let worked = self.count(&message, deadline, now).await;
            (id, message, worked)
        });
        let mut worked = worked.buffer_unordered(AT_ONCE);
        let (mut failed, mut counted) = (Failed::new(), 0u32);
        while let Some((id, message, worked)) = worked.next().await {
            match worked {
                Ok(counts) => counted = counted.saturating_add(u32::from(counts)),
                Err(error) => {
                    let CampaignResultMessage::Voucher { run, .. } = message;
                    tracing::error!(%error, %run, "a change of a run's voucher was not counted");
                    failed.insert(id);
                }
            }
        }
        tracing::info!(counted, "changes of runs' vouchers are counted");
        failed
    }

    async fn count(
        &self,
        message: &CampaignResultMessage,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<bool, ResultError> {
        let CampaignResultMessage::Voucher {
            tenant,
            run,
            voucher,
            change,
        } = message;
        if deadline.is_near() {
            return Err(ResultError::OutOfTime);
        }
        let sites = Sites {
            read: Site::ResultsHeard,
            write: Site::ResultsCount,
        };
        let of = OfRun { tenant, run, voucher };
        Ok(contained(Box::pin(tally::count(&self.db, sites, of, change, now))).await??)
    }
}
