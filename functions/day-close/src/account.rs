//! One account is closed: activation, vouchers, expiry.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Account, Entry};
use domain::programme::Programme;
use runtime::sqs::Deadline;
use store::account::{self, AccountId, Committed};
use store::db::Read;
use store::{Record, Site};

use crate::{App, CloseError};

/// Entries of one account in one close: lots are at most 96, and each step of vouchers is counted in issuing.
const STEPS_MAX: u32 = 250;
/// Rounds against other writers of the account before the shard is given back.
const ROUNDS_MAX: u32 = 25;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

impl App {
    /// Closes one account for `day`. One step at a time, each from a fresh look; an account that has nothing due is left alone.
    pub(crate) async fn close_account(
        &self,
        id: &AccountId,
        day: NaiveDate,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), CloseError> {
        let current = self
            .programmes
            .current(&self.db, Site::CloseProgramme, &id.tenant, &id.programme);
        let programme = current.await?.ok_or(CloseError::NoProgramme)?;
        let mut lost = 0;
        for _ in 0..STEPS_MAX {
            let before = account::read(&self.db, Site::CloseAccount, id, Read::Strong).await?;
            let Some(before) = before else { return Ok(()) };
            let out_of_range = |_| CloseError::OutOfRange;
            let mut next = before.d.activate(day, programme.version).map_err(out_of_range)?;
            if next.is_none() {
                // Between the two: what counts since today may make a voucher with what expires today.
                if before.d.vouchers_due(&programme) > 0 && self.issuer.issue(id, deadline, now).await? > 0 {
                    continue;
                }
                next = before.d.expire(day, programme.version).map_err(out_of_range)?;
            }
            let Some((entry, after)) = next else { return Ok(()) };
            if self.commit(id, &before, &entry, &after, &programme, now).await? == Committed::Stale {
                lost += 1;
                if lost == ROUNDS_MAX {
                    break;
                }
                tokio::time::sleep(PAUSE.saturating_mul(lost).mul_f64(fastrand::f64())).await;
            }
        }
        Err(CloseError::Contended)
    }

    async fn commit(
        &self,
        id: &AccountId,
        before: &Record<Account>,
        entry: &Entry,
        after: &Account,
        programme: &Programme,
        now: DateTime<Utc>,
    ) -> Result<Committed, CloseError> {
        let vouchers_due = after.vouchers_due(programme) > 0;
        Ok(account::commit_close(&self.db, id, before, (entry, after), vouchers_due, now).await?)
    }
}
