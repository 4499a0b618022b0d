//! Members pay for their vouchers with points, where the campaign says so (N7).
//!
//! The payment is one entry of the ledger for each account and run, named after both, so that it can be made once only: whoever
//! finds it goes on with as many vouchers as it paid for. It comes before the vouchers. A worker that dies in between is followed
//! by one that gives them.

use campaign::Terms;
use chrono::{DateTime, Utc};
use domain::account::{Cause, Entry};
use domain::id::PartyId;
use store::account::{self, AccountId};
use store::db::Read;
use store::run::{Run, RunId};
use store::{Record, Site};

use crate::{App, RunError, pause};

/// Rounds against other writers of the account before the message is given back.
const ROUNDS_MAX: u32 = 25;

/// What the payments of a run share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Price<'a> {
    pub(crate) id: &'a RunId,
    pub(crate) run: &'a Run,
    /// Points that each voucher costs.
    pub(crate) points_each: i64,
    /// The version of the programme that the entries name.
    pub(crate) programme_version: u32,
    pub(crate) now: DateTime<Utc>,
}

impl<'a> Price<'a> {
    /// `None` where vouchers cost no points.
    pub(crate) fn of(
        (id, run): (&'a RunId, &'a Run),
        terms: &Terms,
        programme_version: u32,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        Some(Self {
            id,
            run,
            points_each: terms.cost_points?,
            programme_version,
            now,
        })
    }

    fn account(&self, party: &PartyId) -> AccountId {
        AccountId {
            tenant: self.id.tenant.clone(),
            party: party.clone(),
            programme: self.run.campaign.programme.clone(),
        }
    }
}

impl App {
    /// Takes the points for up to `most` vouchers of a member, or finds that they were taken; returns for how many. Points that are
    /// not there any more pay for none: what is left stays with the member.
    pub(crate) async fn pay(&self, price: Price<'_>, party: &PartyId, most: u32) -> Result<u32, RunError> {
        let Price { run, now, .. } = price;
        let account = price.account(party);
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            // The account comes first: who finds no payment behind it knows that nothing is missing of these points for this run. The
            // other way round a payment of another worker could fall in between, and its member would look too poor to pay.
            let before = account::read(&self.db, Site::RunAccount, &account, Read::Strong).await?;
            let paid = account::run_entry(&self.db, Site::RunPaid, &account, run.day, &run.run).await?;
            if let Some(entry) = paid {
                return count(&entry.d);
            }
            let Some(before): Option<Record<_>> = before else {
                return Ok(0);
            };
            let payment = before.d.pay_for_run(
                &run.run,
                u64::from(most),
                price.points_each,
                run.day,
                price.programme_version,
            )?;
            let Some((entry, after)) = payment else { return Ok(0) };
            let done = account::pay_for_run(&self.db, Site::RunPay, &account, &before, (&entry, &after), now).await?;
            if done {
                return count(&entry);
            }
        }
        Err(RunError::Contended)
    }
}

/// How many vouchers the entry pays for.
pub(crate) fn count(entry: &Entry) -> Result<u32, RunError> {
    match entry.cause {
        Cause::VoucherIssue { count, .. } => u32::try_from(count).ok(),
        _ => None,
    }
    .ok_or(RunError::Unusable(
        "the payment for a run's vouchers says something else",
    ))
}
