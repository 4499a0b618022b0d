//! Goods that came back, and voided receipts, are posted after their receipt.
//!
//! What remains of a receipt is folded from the ledger at each look ([`store::history`]), so that a return that comes twice,
//! late or before its receipt ends in the same entries.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Account, Cause, Entry, LotKey, TakeBack, return_entry_id};
use domain::calendar;
use domain::earning;
use domain::programme::Programme;
use domain::receipt::{Receipt, ReceiptKey};
use domain::returns::Outcome;
use store::account::{self, AccountId, Committed, Taking};
use store::db::Read;
use store::exception::{self, Exception, ExceptionKind};
use store::history::{self, History, Sites, TakingBack};
use store::receipt::{self, StoredReceipt};
use store::returned::{self, StoredReturn};
use store::{Record, Site};

use crate::post::{PAUSE, ROUNDS_MAX};
use crate::{App, WorkError};

/// What is to be taken from an account next.
struct Next<'a> {
    history: &'a History,
    /// `None` for the voiding of the receipt.
    back: Option<&'a StoredReturn>,
    outcome: Outcome,
    points_after: i64,
}

const SITES: Sites = Sites {
    entries: Site::PostEntries,
    returns: Site::PostReturns,
};

impl App {
    /// Posts every return and voiding of a receipt whose own entry stands. Returns at once when there are none.
    pub(crate) async fn give_back(
        &self,
        id: &AccountId,
        stored: &StoredReceipt,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        if stored.taken_back() == 0 {
            return Ok(());
        }
        let mut lost = 0;
        // One step at a time, each with fresh reads; a lost round is one that another writer of the account has won.
        while lost < ROUNDS_MAX {
            let before = account::read(&self.db, Site::PostAccount, id, Read::Strong).await?;
            // After the account: whoever committed its version knew no return that this image does not know.
            let site = Site::PostReceipts;
            let current = receipt::read(&self.db, site, &id.tenant, &stored.receipt.key, Read::Strong).await?;
            let stored = &current.ok_or(WorkError::NoReceipt)?.d;
            let history = history::read(&self.db, SITES, id, stored, None).await?;
            let history = history.ok_or(WorkError::NoReceipt)?;
            let programme = self.programme_of(id, history.programme_version).await?;
            let Some(next) = next_step(&history, &programme)? else {
                // Told by what is posted, so that a crash after the last entry leaves no case untold.
                return self.keep_surplus(id, &history.surplus, now).await;
            };
            if self.take(id, before.as_ref(), stored, &programme, &next, now).await? == Committed::Stale {
                lost += 1;
                tokio::time::sleep(PAUSE.saturating_mul(lost).mul_f64(fastrand::f64())).await;
            }
        }
        Err(WorkError::Contended)
    }

    async fn take(
        &self,
        id: &AccountId,
        before: Option<&Record<Account>>,
        stored: &StoredReceipt,
        programme: &Programme,
        next: &Next<'_>,
        now: DateTime<Utc>,
    ) -> Result<Committed, WorkError> {
        let account = before.map(|record| record.d.clone()).unwrap_or_default();
        let (receipt, business_date) = match next.back {
            Some(back) => (&back.back.key, back.back.key.business_date),
            None => (&stored.receipt.key, stored.receipt.key.business_date),
        };
        let out_of_range = |_| WorkError::OutOfRange;
        let (was, remains) = (&next.history.remaining.receipt, &next.outcome.remaining.receipt);
        let (sale, points_before) = (&next.history.sale, next.history.points);
        let known = &next.history.known;
        let counted = earning::earn(was, programme, known).map_err(out_of_range)?;
        let is = earning::earn(remains, programme, known).map_err(out_of_range)?;
        let vat = earning::vat_change((was, &counted, points_before), (remains, &is, next.points_after));
        let vat = vat.map_err(out_of_range)?;
        let booked_on = calendar::business_day(now, programme.zone);
        // A receipt that earned nothing may be worth points when a voucher comes back: they begin as its own would have.
        let own = programme.lot(stored.receipt.key.business_date, booked_on);
        let lot = Some(lot_of(sale).unwrap_or(own));
        let back = TakeBack {
            receipt,
            original: Some(&stored.receipt.key),
            void: next.back.is_none(),
            business_date,
            booked_on,
            total_minor: next.outcome.total_minor,
            points_before,
            points_after: next.points_after,
            vat,
            lot,
            expired: next.history.forgivable(self.expired(id, lot, booked_on).await?),
            programme_version: next.history.programme_version,
            policy: programme.returns,
        };
        let (entry, after) = account.take_back(back).map_err(|_| WorkError::OutOfRange)?;
        let due = self.is_worth_vouchers(id, &after).await?;
        let groups = sold_and_back(was, remains, &programme.tracked_groups);
        let taking = Taking {
            entry: &entry,
            after: &after,
            lot,
            groups: &groups,
        };
        Ok(account::commit_return(&self.db, id, before, taking, due, now).await?)
    }

    /// What of the lot has expired and was not forgiven yet; a lot whose last day is not over needs no look.
    async fn expired(&self, id: &AccountId, lot: Option<LotKey>, today: NaiveDate) -> Result<i64, WorkError> {
        match lot {
            Some(lot) if lot.until.is_some_and(|until| until < today) => {
                Ok(account::closed_lot(&self.db, Site::PostLot, id, lot).await?.left())
            }
            _ => Ok(0),
        }
    }

    /// Keeps returns that were too much for an operator, each once.
    async fn keep_surplus(
        &self,
        id: &AccountId,
        surplus: &[StoredReturn],
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        for stored in surplus {
            let case = Exception {
                kind: ExceptionKind::ReturnExceedsReceipt,
                receipt: stored.back.key.clone(),
                distinction: stored.hash.0.clone(),
                seen_at: now,
            };
            exception::keep(&self.db, Site::PostExcess, &id.tenant, case, now).await?;
            tracing::warn!(back = %stored.back.key, "more came back than is left of the receipt");
        }
        Ok(())
    }

    /// Posts a return that names no receipt: its points are those of a receipt of the same lines.
    pub(crate) async fn give_back_unnamed(
        &self,
        id: &AccountId,
        key: &ReceiptKey,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let stored = returned::read(&self.db, Site::PostReturns, &id.tenant, key).await?;
        let stored = stored.ok_or(WorkError::NoReceipt)?.d;
        if stored.account.as_ref() != Some(&id.party) {
            return Err(WorkError::OtherAccount);
        }
        let programme = self.programme_of(id, stored.version).await?;
        let sold = stored.back.as_sold();
        let earned =
            earning::earn_simple(&sold, &programme, &stored.circumstances()).map_err(|_| WorkError::OutOfRange)?;
        let less = earned.points.checked_neg().ok_or(WorkError::OutOfRange)?;
        let vat = earning::vat_split(&sold, &earned, less).map_err(|_| WorkError::OutOfRange)?;
        let groups = sold.revenue_of(&programme.tracked_groups);
        for round in 0..ROUNDS_MAX {
            tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
            let name = [return_entry_id(key)];
            if !account::entries(&self.db, Site::PostEntries, id, &name)
                .await?
                .is_empty()
            {
                return Ok(());
            }
            let before = account::read(&self.db, Site::PostAccount, id, Read::Strong).await?;
            let account = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
            let back = TakeBack {
                receipt: key,
                original: None,
                void: false,
                business_date: key.business_date,
                booked_on: calendar::business_day(now, programme.zone),
                total_minor: sold.total_minor,
                points_before: earned.points,
                points_after: 0,
                vat: vat.clone(),
                lot: None,
                expired: 0,
                programme_version: programme.version,
                policy: programme.returns,
            };
            let (entry, after) = account.take_back(back).map_err(|_| WorkError::OutOfRange)?;
            let due = self.is_worth_vouchers(id, &after).await?;
            let taking = Taking {
                entry: &entry,
                after: &after,
                lot: None,
                groups: &groups,
            };
            if account::commit_return(&self.db, id, before.as_ref(), taking, due, now).await? == Committed::Done {
                return Ok(());
            }
        }
        Err(WorkError::Contended)
    }
}

/// What comes next, with what it leaves of the receipt and of its points.
fn next_step<'a>(history: &'a History, programme: &Programme) -> Result<Option<Next<'a>>, WorkError> {
    let Some(taking) = &history.next else { return Ok(None) };
    let out_of_range = |_| WorkError::OutOfRange;
    let outcome = taking.off(&history.remaining).map_err(out_of_range)?;
    let worth = earning::earn(&outcome.remaining.receipt, programme, &history.known).map_err(out_of_range)?;
    Ok(Some(Next {
        history,
        back: match taking {
            TakingBack::Return(back) => Some(back),
            TakingBack::Void => None,
        },
        outcome,
        points_after: worth.points,
    }))
}

/// The revenue of these product groups that a receipt had before and has no more.
fn sold_and_back(was: &Receipt, remains: &Receipt, groups: &[String]) -> BTreeMap<String, i64> {
    let left = remains.revenue_of(groups);
    let mut back = was.revenue_of(groups);
    for (group, revenue) in &mut back {
        *revenue = revenue.saturating_sub(left.get(group).copied().unwrap_or(0));
    }
    back.retain(|_, revenue| *revenue != 0);
    back
}

/// The lot that a receipt's entry put its points into.
fn lot_of(sale: &Entry) -> Option<LotKey> {
    match &sale.cause {
        Cause::Receipt { lot, .. } => *lot,
        _ => None,
    }
}
