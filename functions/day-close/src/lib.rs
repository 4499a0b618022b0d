//! The close of a business day (requirements, part 3, 4.3): pending points begin to count, points become vouchers, points expire,
//! in this order for each account, so that nobody loses points that they could have used.
//!
//! The schedule asks every hour, for each programme, for the day that has begun in its time zone; a day that is closed has
//! nothing due any more, so that asking again costs a read for each shard. Which accounts have something due says a sparse
//! index of keys: an account that has not is neither read nor written. Every effect is a ledger entry named after its day or
//! lot, so that a shard can be closed twice, late, by two processes at once, or half.
//!
//! | file | what |
//! |---|---|
//! | `account` | one account is closed |

mod account;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar;
use domain::id::{ProgrammeId, Tenant};
use issuing::{IssueError, Issuer};
use messages::{DayCloseMessage, SendError, Sender};
use runtime::contained;
use runtime::secrets::{CodeKeys, Pepper};
use runtime::sqs::{Deadline, Delivery, Failed};
use store::account::{AccountId, DUE_SHARDS, due};
use store::{Db, Site, StoreError, programme};

/// The function with what it holds on to between invocations.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queue_url: String,
    issuer: Issuer,
    programmes: programme::Cache,
}

/// Why a message must come again, or cannot be worked off at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CloseError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Vouchers could not be issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The queue did not take a message.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A programme is listed and not stored.
    #[error("a programme is not in the table")]
    NoProgramme,
    /// A sum is too large.
    #[error("a sum of the account leaves the range of the books")]
    OutOfRange,
    /// Others kept changing the account.
    #[error("other writers kept winning the race for the account")]
    Contended,
    /// Accounts of the shard could not be closed; each has a line in the log.
    #[error("{0} accounts of the shard could not be closed")]
    Accounts(u64),
    /// A handler panicked.
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

/// What a look at a shard came to.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    closed: u64,
    failed: u64,
}

/// A shard of a programme's accounts for a day.
#[derive(Debug, Clone)]
struct Shard {
    tenant: Tenant,
    programme: ProgrammeId,
    day: NaiveDate,
    shard: u8,
    after: Option<String>,
}

impl From<DayCloseMessage> for Shard {
    fn from(message: DayCloseMessage) -> Self {
        let DayCloseMessage::CloseShard {
            tenant,
            programme,
            day,
            shard,
            after,
        } = message;
        Self {
            tenant,
            programme,
            day,
            shard,
            after,
        }
    }
}

impl Shard {
    fn message(&self, after: Option<String>) -> DayCloseMessage {
        DayCloseMessage::CloseShard {
            tenant: self.tenant.clone(),
            programme: self.programme.clone(),
            day: self.day,
            shard: self.shard,
            after,
        }
    }
}

impl App {
    /// The function over a table, its own queue and the keys of voucher codes.
    pub fn new(db: Db, sender: Sender, queue_url: String, pepper: Pepper, code_keys: CodeKeys) -> Self {
        Self {
            issuer: Issuer::new(db.clone(), pepper, code_keys),
            db,
            sender,
            queue_url,
            programmes: programme::Cache::default(),
        }
    }

    /// Asks for the close of the day that has begun, for every programme.
    ///
    /// # Errors
    /// [`CloseError`]; the next hour asks again.
    pub async fn ask(&self, now: DateTime<Utc>) -> Result<(), CloseError> {
        let mut outcome = Ok(());
        for (tenant, programme) in programme::list(&self.db, Site::CloseProgrammes).await? {
            if let Err(error) = self.ask_for(&tenant, &programme, now).await {
                // One programme that is in disorder holds up no other.
                tracing::error!(%error, %tenant, %programme, "a programme was not asked to be closed");
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn ask_for(&self, tenant: &Tenant, programme: &ProgrammeId, now: DateTime<Utc>) -> Result<(), CloseError> {
        let current = self
            .programmes
            .current(&self.db, Site::CloseProgramme, tenant, programme);
        let zone = current.await?.ok_or(CloseError::NoProgramme)?.zone;
        let day = calendar::business_day(now, zone);
        let shards: Vec<_> = (0..DUE_SHARDS)
            .map(|shard| DayCloseMessage::CloseShard {
                tenant: tenant.clone(),
                programme: programme.clone(),
                day,
                shard,
                after: None,
            })
            .collect();
        Ok(self.sender.send(Site::CloseSend, &self.queue_url, &shards).await?)
    }

    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<DayCloseMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            let shard = Shard::from(message);
            let closed = contained(Box::pin(self.close_shard(&shard, deadline, now))).await;
            if let Err(error) = closed.map_err(CloseError::from).and_then(|closed| closed) {
                tracing::error!(%error, shard = shard.shard, day = %shard.day, "a shard was not closed");
                failed.insert(id);
            }
        }
        failed
    }

    /// Closes the accounts of a shard that have something due. What the time does not suffice for goes back to the queue as a
    /// message of its own; accounts that fail do not hold up the others, and make the message come again.
    async fn close_shard(&self, shard: &Shard, deadline: Deadline, now: DateTime<Utc>) -> Result<(), CloseError> {
        let (mut after, mut sums) = (shard.after.clone(), Sums::default());
        let mut done = after.clone();
        loop {
            let (tenant, programme) = (&shard.tenant, &shard.programme);
            let page = due(&self.db, tenant, programme, shard.shard, shard.day, after.take()).await?;
            for (position, party) in page.accounts {
                if deadline.is_near() {
                    let rest = shard.message(done);
                    self.sender.send(Site::CloseSend, &self.queue_url, &[rest]).await?;
                    // This message has handed its work on. What failed is found again by the next hour.
                    let _ = report(shard, sums);
                    return Ok(());
                }
                let id = AccountId {
                    tenant: tenant.clone(),
                    party,
                    programme: programme.clone(),
                };
                let closed = contained(Box::pin(self.close_account(&id, shard.day, deadline, now))).await;
                match closed.map_err(CloseError::from).and_then(|closed| closed) {
                    Ok(()) => sums.closed = sums.closed.saturating_add(1),
                    Err(error) => {
                        tracing::warn!(%error, party = %id.party, "an account was not closed");
                        sums.failed = sums.failed.saturating_add(1);
                    }
                }
                done = Some(position);
            }
            after = page.next;
            if after.is_none() {
                return report(shard, sums);
            }
        }
    }
}

fn report(shard: &Shard, sums: Sums) -> Result<(), CloseError> {
    if sums.closed > 0 {
        tracing::info!(shard = shard.shard, day = %shard.day, accounts = sums.closed, "closed");
    }
    match sums.failed {
        0 => Ok(()),
        failed => Err(CloseError::Accounts(failed)),
    }
}
