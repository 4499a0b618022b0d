//! The receipts of an account are posted.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::account::{Account, Entry, receipt_entry_id};
use domain::calendar;
use domain::earning;
use domain::programme::Programme;
use domain::receipt::ReceiptKey;
use runtime::sqs::Failed;
use store::account::{self, AccountId, Committed, Posting};
use store::db::Read;
use store::receipt::{self, StoredReceipt};
use store::{Record, Site};

use crate::{App, Asked, WorkError, report};

/// Rounds against other writers of the account before the messages are given back.
pub(crate) const ROUNDS_MAX: u32 = 25;
/// First pause after a lost round; grows with each, with full jitter.
pub(crate) const PAUSE: Duration = Duration::from_millis(4);

/// A receipt ready to be posted.
struct Ready {
    stored: StoredReceipt,
    messages: Vec<String>,
}

impl App {
    /// Posts the receipts; returns the messages that must come again.
    pub(crate) async fn post(&self, id: &AccountId, asked: Vec<Asked>, now: DateTime<Utc>) -> Failed {
        let mut failed = Failed::new();
        let mut ready = Vec::with_capacity(asked.len());
        for Asked {
            receipt,
            taken_back,
            messages,
        } in asked
        {
            match self.stamped(id, &receipt, taken_back).await {
                Ok(stored) => ready.push(Ready { stored, messages }),
                Err(error) => {
                    report(&error, messages.len());
                    failed.extend(messages);
                }
            }
        }
        // A receipt whose points cannot be counted must not hold up its neighbours: it fails alone.
        if let Err(error) = self.commit(id, &ready, now).await {
            if ready.len() > 1 && !error.is_transient() {
                for one in ready {
                    let one = [one];
                    if let Err(error) = self.finish(id, &one, now).await {
                        report(&error, 1);
                        failed.extend(one.into_iter().flat_map(|ready| ready.messages));
                    }
                }
                return failed;
            }
            report(&error, ready.len());
            failed.extend(ready.into_iter().flat_map(|ready| ready.messages));
            return failed;
        }
        for one in &ready {
            if let Err(error) = self.follow_up(id, &one.stored, now).await {
                report(&error, one.messages.len());
                failed.extend(one.messages.iter().cloned());
            }
        }
        failed
    }

    async fn finish(&self, id: &AccountId, one: &[Ready; 1], now: DateTime<Utc>) -> Result<(), WorkError> {
        self.commit(id, one, now).await?;
        let [ready] = one;
        self.follow_up(id, &ready.stored, now).await
    }

    /// What comes after the entry of a receipt.
    async fn follow_up(&self, id: &AccountId, stored: &StoredReceipt, now: DateTime<Utc>) -> Result<(), WorkError> {
        Box::pin(self.give_back(id, stored, now)).await?;
        self.match_payments(&id.tenant, &stored.receipt, now).await
    }

    /// The receipt, which must be stamped with the account and know of this many returns.
    async fn stamped(&self, id: &AccountId, key: &ReceiptKey, taken_back: usize) -> Result<StoredReceipt, WorkError> {
        // The message follows a commit, so the cheap read nearly always finds the stamp; else the strong one does.
        for read in [Read::Eventual, Read::Strong] {
            let found = receipt::read(&self.db, Site::PostReceipts, &id.tenant, key, read).await?;
            match found.map(|record| record.d) {
                Some(stored) if stored.taken_back() < taken_back && read == Read::Eventual => {}
                Some(stored) if stored.account.as_ref() == Some(&id.party) => return Ok(stored),
                Some(stored) if stored.account.is_some() => return Err(WorkError::OtherAccount),
                _ => {}
            }
        }
        Err(WorkError::NoReceipt)
    }

    /// Commits what does not stand yet, in one transaction.
    async fn commit(&self, id: &AccountId, ready: &[Ready], now: DateTime<Utc>) -> Result<(), WorkError> {
        let mut left: Vec<&StoredReceipt> = ready.iter().map(|ready| &ready.stored).collect();
        for round in 0..ROUNDS_MAX {
            if round > 0 {
                tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
                left = self.unposted(id, left).await?;
                if left.is_empty() {
                    return self.make_customer_of(id, ready, now).await;
                }
            }
            let read = if round == 0 { Read::Eventual } else { Read::Strong };
            let before = account::read(&self.db, Site::PostAccount, id, read).await?;
            if self.try_commit(id, before.as_ref(), &left, now).await? == Committed::Done {
                // The first purchase makes a customer, also of a party that had points without one. A delivery before this
                // one may have died right after the entry, so whoever meets entries that stand already looks too.
                let first = before.is_none_or(|account| account.d.receipts == 0);
                if first || round > 0 {
                    return self.make_customer_of(id, ready, now).await;
                }
                return Ok(());
            }
        }
        Err(WorkError::Contended)
    }

    async fn make_customer_of(&self, id: &AccountId, ready: &[Ready], now: DateTime<Utc>) -> Result<(), WorkError> {
        let receipts = ready.iter().map(|ready| &ready.stored.receipt);
        match receipts.min_by_key(|receipt| receipt.key.business_date) {
            Some(first) => self.make_customer(id, first, now).await,
            None => Ok(()),
        }
    }

    async fn try_commit(
        &self,
        id: &AccountId,
        before: Option<&Record<Account>>,
        receipts: &[&StoredReceipt],
        now: DateTime<Utc>,
    ) -> Result<Committed, WorkError> {
        if receipts.is_empty() {
            return Ok(Committed::Done);
        }
        let mut account = before.map(|record| record.d.clone()).unwrap_or_default();
        let mut entries: Vec<Entry> = Vec::with_capacity(receipts.len());
        let mut programmes = Vec::with_capacity(receipts.len());
        let mut due = false;
        for stored in receipts {
            let (programme, entry, after) = self.fold(id, &account, &entries, stored, now).await?;
            due |= after.vouchers_due(&programme) > 0;
            entries.push(entry);
            programmes.push(programme);
            account = after;
        }
        // What is kept as in force may be older than the version that a till was answered with: either may have the lower
        // threshold. Issuance decides by the truth; here it is enough to ask.
        due |= self.is_worth_vouchers(id, &account).await?;
        // What comes back is posted next, and decides itself: no voucher for goods that are known to be back.
        due &= receipts.iter().all(|stored| stored.taken_back() == 0);
        let postings: Vec<_> = entries
            .iter()
            .zip(receipts)
            .zip(&programmes)
            .map(|((entry, stored), programme)| Posting {
                entry,
                receipt: &stored.receipt,
                tracked: &programme.tracked_groups,
            })
            .collect();
        Ok(account::commit(&self.db, id, before, &postings, &account, due, now).await?)
    }

    /// One receipt on top of an account, under the version of the programme that the till was answered with.
    async fn fold(
        &self,
        id: &AccountId,
        account: &Account,
        batch: &[Entry],
        stored: &StoredReceipt,
        now: DateTime<Utc>,
    ) -> Result<(Arc<Programme>, Entry, Account), WorkError> {
        let programme = self.programme_of(id, stored.expected_version).await?;
        let day_left = self.day_left(id, &programme, batch, stored).await?;
        let known = stored.circumstances(account.receipts == 0, day_left);
        let earned = earning::earn(&stored.receipt, &programme, &known).map_err(|_| WorkError::OutOfRange)?;
        if let [rule, ..] = earned.not_evaluated.as_slice() {
            tracing::warn!(receipt = %stored.receipt.key, rule, "a rule could not be evaluated and did not apply");
        }
        let booked_on = calendar::business_day(now, programme.zone);
        let (entry, after) = account
            .post(&stored.receipt, (&earned, &known), &programme, booked_on)
            .map_err(|_| WorkError::OutOfRange)?;
        Ok((programme, entry, after))
    }

    /// What the cap of the day still allows, if there is one: less the receipts of that day in the ledger and in this batch.
    /// Read after the account, so that whoever posts in between makes the commit fail.
    async fn day_left(
        &self,
        id: &AccountId,
        programme: &Programme,
        batch: &[Entry],
        stored: &StoredReceipt,
    ) -> Result<Option<i64>, WorkError> {
        let Some(cap) = programme.caps.day else {
            return Ok(None);
        };
        let day = stored.receipt.key.business_date;
        let earned = account::points_of_day(&self.db, Site::PostDayPoints, id, day).await?;
        let of_batch = batch.iter().filter(|entry| entry.business_date == day);
        let earned = of_batch.fold(earned, |sum, entry| sum.saturating_add(entry.points));
        Ok(Some(cap.saturating_sub(earned).max(0)))
    }

    /// A version of the account's programme.
    pub(crate) async fn programme_of(&self, id: &AccountId, version: u32) -> Result<Arc<Programme>, WorkError> {
        let site = Site::PostProgramme;
        let found = self
            .programmes
            .version(&self.db, site, &id.tenant, &id.programme, version);
        found.await?.ok_or(WorkError::NoProgramme)
    }

    /// Whether the account is worth vouchers under the version in force, as far as this process knows it.
    pub(crate) async fn is_worth_vouchers(&self, id: &AccountId, account: &Account) -> Result<bool, WorkError> {
        let site = Site::PostProgramme;
        let current = self.programmes.current(&self.db, site, &id.tenant, &id.programme);
        let programme = current.await?.ok_or(WorkError::NoProgramme)?;
        Ok(account.vouchers_due(&programme) > 0)
    }

    /// Those of the receipts that have no entry yet.
    async fn unposted<'a>(
        &self,
        id: &AccountId,
        receipts: Vec<&'a StoredReceipt>,
    ) -> Result<Vec<&'a StoredReceipt>, WorkError> {
        let ids: Vec<_> = receipts
            .iter()
            .map(|stored| receipt_entry_id(&stored.receipt.key))
            .collect();
        let standing = account::entries(&self.db, Site::PostEntries, id, &ids).await?;
        let standing: Vec<_> = standing.into_iter().map(|record| record.d.natural_id()).collect();
        let stands = |stored: &StoredReceipt| standing.contains(&receipt_entry_id(&stored.receipt.key));
        Ok(receipts.into_iter().filter(|stored| !stands(stored)).collect())
    }
}
