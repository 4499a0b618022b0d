//! A budget that a run may not go beyond: members are served while there is money for them.
//!
//! Each part of a segment has a purse, filled by leases of the run's budget. It knows what the part before it left, and what was
//! leased for the part by a worker that died; what that one spent it meets again as frozen members. Two workers at one part at
//! once may spend one lease twice: the sums of the choice show it, and the run is stopped as one beyond its budget.

use chrono::{DateTime, Utc};
use domain::money::OutOfRange;
use store::Site;
use store::run::{self, Leased, Lessee, Shares};
use tokio::sync::Mutex;

use crate::{App, RunError, pause};

/// Rounds against other segments that lease at the same time.
const ROUNDS_MAX: u32 = 50;

/// The money of a part of a segment.
#[derive(Debug)]
pub(crate) struct Purse<'a> {
    of: Lessee<'a>,
    shares: Shares,
    money: Mutex<Money>,
}

#[derive(Debug)]
struct Money {
    /// In minor units. Below 0 where members were met that a dead worker has frozen, until they are paid for by a lease.
    left_minor: i64,
    /// What was leased for the part, in minor units, and by how many leases.
    leased_minor: i64,
    leases: u32,
    /// Nothing is left to lease.
    spent: bool,
}

impl Money {
    /// So much was leased for the part by now.
    fn fill(&mut self, leased_minor: i64, leases: u32) -> Result<(), OutOfRange> {
        let more = leased_minor.checked_sub(self.leased_minor).ok_or(OutOfRange)?;
        self.left_minor = self.left_minor.checked_add(more).ok_or(OutOfRange)?;
        (self.leased_minor, self.leases) = (leased_minor, leases);
        Ok(())
    }
}

impl<'a> Purse<'a> {
    /// The purse of a part whose predecessor left so much.
    pub(crate) async fn open(app: &App, of: Lessee<'a>, shares: Shares, carried_minor: i64) -> Result<Self, RunError> {
        let (leased_minor, leases) = run::leases(&app.db, Site::RunLeases, of).await?;
        Ok(Self {
            of,
            shares,
            money: Mutex::new(Money {
                left_minor: carried_minor.checked_add(leased_minor).ok_or(OutOfRange)?,
                leased_minor,
                leases,
                spent: false,
            }),
        })
    }

    /// Takes so much, in minor units; `false` when there is not so much, and no more to lease.
    pub(crate) async fn take(&self, app: &App, amount_minor: i64, now: DateTime<Utc>) -> Result<bool, RunError> {
        let mut money = self.money.lock().await;
        let mut rounds = 0;
        while money.left_minor < amount_minor && !money.spent {
            match run::lease(&app.db, Site::RunLease, (self.of, money.leases), self.shares, now).await? {
                Leased::Share(more) => {
                    let leased = money.leased_minor.checked_add(more).ok_or(OutOfRange)?;
                    let leases = money.leases.saturating_add(1);
                    money.fill(leased, leases)?;
                    rounds = 0;
                }
                Leased::Spent => money.spent = true,
                Leased::Contended if rounds < ROUNDS_MAX => {
                    rounds += 1;
                    pause(rounds).await;
                    // Another worker at this part may have leased what this one wanted to: then it is the part's.
                    let (leased, leases) = run::leases(&app.db, Site::RunLeases, self.of).await?;
                    money.fill(leased, leases)?;
                }
                Leased::Contended => return Err(RunError::Contended),
            }
        }
        let enough = money.left_minor >= amount_minor;
        if enough {
            money.left_minor = money.left_minor.saturating_sub(amount_minor);
        }
        Ok(enough)
    }

    /// Puts back what was taken for a member that gets none, or takes what one gets that was frozen before.
    pub(crate) async fn settle(&self, took_minor: i64, costs_minor: i64) -> Result<(), RunError> {
        let mut money = self.money.lock().await;
        let back = took_minor.checked_sub(costs_minor).ok_or(OutOfRange)?;
        money.left_minor = money.left_minor.checked_add(back).ok_or(OutOfRange)?;
        Ok(())
    }

    /// What the next part of the segment begins with.
    pub(crate) async fn left_minor(&self) -> i64 {
        self.money.lock().await.left_minor
    }
}
