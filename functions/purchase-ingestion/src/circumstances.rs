//! What is known about a receipt beside its content, for the points that the till is told.
//!
//! Posting decides for good, with the account in its hands; here the same rules look at what is there now.

use std::sync::Arc;

use domain::account::{Account, Entry};
use domain::earning::Circumstances;
use domain::id::{LocationId, PartyId, ProgrammeId};
use domain::location::LocationKind;
use domain::programme::Programme;
use http_edge::{Caller, Code, Problem};
use store::account::{self, AccountId};
use store::db::Read;
use store::history::{self, HistoryError, Sites};
use store::receipt::StoredReceipt;
use store::{Record, Site};

use crate::App;

const SITES: Sites = Sites {
    entries: Site::PurchaseEntry,
    returns: Site::IngestOriginal,
};

fn told(error: HistoryError) -> Problem {
    match error {
        HistoryError::Store(error) => error.into(),
        HistoryError::OutOfRange(_) | HistoryError::NoReturn => {
            Problem::new(Code::Internal, "the history of the receipt cannot be told")
        }
    }
}

impl App {
    /// How a location sells.
    pub(crate) async fn channel(&self, caller: &Caller, store: &LocationId) -> Result<LocationKind, Problem> {
        Ok(self.location(caller, store).await?.kind)
    }

    /// What a receipt will be counted with, that has no entry yet: with the account as it is now.
    pub(crate) async fn expected_with(
        &self,
        caller: &Caller,
        stored: &StoredReceipt,
        programme: &Programme,
        account: Option<&Account>,
    ) -> Result<Circumstances, Problem> {
        let Some(party) = &stored.account else {
            return Ok(stored.circumstances(false, None));
        };
        let first_purchase = account.is_none_or(|account| account.receipts == 0);
        let day_left = match programme.caps.day {
            None => None,
            Some(cap) => {
                let (id, day) = (account_of(caller, stored, party), stored.receipt.key.business_date);
                let earned = account::points_of_day(&self.db, Site::IngestDayPoints, &id, day).await?;
                Some(cap.saturating_sub(earned).max(0))
            }
        };
        Ok(stored.circumstances(first_purchase, day_left))
    }

    /// The version and the circumstances that a stored receipt was last counted with, or will be.
    pub(crate) async fn last_counted(
        &self,
        caller: &Caller,
        stored: &StoredReceipt,
    ) -> Result<(Arc<Programme>, Circumstances), Problem> {
        if let Some(party) = stored.account.as_ref().filter(|_| !stored.recounts.is_empty()) {
            let id = account_of(caller, stored, party);
            let history = history::read(&self.db, SITES, &id, stored, None).await.map_err(told)?;
            if let Some(history) = history {
                let version = history.programme_version;
                let programme = self.version(caller, &stored.programme, version).await?;
                return Ok((programme, history.known));
            }
        }
        let programme = self.version(caller, &stored.programme, stored.expected_version).await?;
        let known = self.counted_with(caller, stored, &programme).await?;
        Ok((programme, known))
    }

    /// A stored version of a programme.
    pub(crate) async fn version(
        &self,
        caller: &Caller,
        programme: &ProgrammeId,
        version: u32,
    ) -> Result<Arc<Programme>, Problem> {
        let site = Site::IngestProgramme;
        let found = self
            .programmes
            .version(&self.db, site, &caller.tenant, programme, version);
        found
            .await?
            .ok_or_else(|| Problem::new(Code::Internal, "a version of the programme is missing"))
    }

    /// What a stored receipt was counted with when it was posted, or will be.
    async fn counted_with(
        &self,
        caller: &Caller,
        stored: &StoredReceipt,
        programme: &Programme,
    ) -> Result<Circumstances, Problem> {
        let asks = !programme.rules.is_empty() || programme.caps.day.is_some();
        let Some(party) = stored.account.as_ref().filter(|_| asks) else {
            return Ok(stored.circumstances(false, None));
        };
        if let Some(entry) = self.entry(caller, stored, party).await? {
            return Ok(stored.counted_with(&entry.d));
        }
        let id = account_of(caller, stored, party);
        let account = account::read(&self.db, Site::PurchaseAccount, &id, Read::Eventual).await?;
        let account = account.map(|record| record.d);
        self.expected_with(caller, stored, programme, account.as_ref()).await
    }

    /// The entry of a receipt in the account of a party, if it stands.
    pub(crate) async fn entry(
        &self,
        caller: &Caller,
        stored: &StoredReceipt,
        party: &PartyId,
    ) -> Result<Option<Record<Entry>>, Problem> {
        let id = account_of(caller, stored, party);
        Ok(account::receipt_entry(&self.db, Site::PurchaseEntry, &id, &stored.receipt.key).await?)
    }
}

fn account_of(caller: &Caller, stored: &StoredReceipt, party: &PartyId) -> AccountId {
    AccountId {
        tenant: caller.tenant.clone(),
        party: party.clone(),
        programme: stored.programme.clone(),
    }
}
