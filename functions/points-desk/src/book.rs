//! What an adjustment does to the accounts.

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Account, Entry, LotKey};
use domain::adjustment::{Adjustment, Kind};
use domain::calendar;
use domain::id::{LookupKey, PartyId, Tenant};
use domain::liability::{self, Parcel};
use domain::money::OutOfRange;
use domain::programme::Programme;
use http_edge::{Code, Findings, Problem};
use serde_json::json;
use store::account::{self, AccountId};
use store::adjustment::Booking;
use store::db::Read;
use store::relationship::{self, Sharing};
use store::{Record, Site, party};

use crate::App;

/// Origins of the points of one transfer: their entry stays below half of an item's 400 KB.
const ORIGINS_MAX: usize = 2_000;

/// An adjustment that is to be posted now.
#[derive(Clone, Copy)]
pub(crate) struct Due<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) id: &'a LookupKey,
    pub(crate) adjustment: &'a Adjustment,
    pub(crate) programme: &'a Programme,
    pub(crate) now: DateTime<Utc>,
}

impl Due<'_> {
    pub(crate) fn today(&self) -> NaiveDate {
        calendar::business_day(self.now, self.programme.zone)
    }

    pub(crate) fn account(&self, party: &PartyId) -> AccountId {
        AccountId {
            tenant: self.tenant.clone(),
            party: party.clone(),
            programme: self.adjustment.programme.clone(),
        }
    }

    /// One account's part.
    pub(crate) fn booking(
        &self,
        read: (AccountId, Option<Record<Account>>),
        (entry, after): (Entry, Account),
    ) -> Booking {
        let vouchers_due = after.vouchers_due(self.programme) > 0;
        Booking {
            id: read.0,
            before: read.1,
            entry,
            after,
            vouchers_due,
        }
    }
}

impl App {
    /// What a correction or transfer does to the accounts as they are now.
    pub(crate) async fn book(&self, due: Due<'_>) -> Result<Vec<Booking>, Problem> {
        match &due.adjustment.kind {
            Kind::Correction => Ok(vec![self.book_correction(due).await?]),
            Kind::Transfer { to } => self.book_transfer(due, to).await,
            _ => Err(Problem::new(
                Code::Internal,
                "what is done to a voucher is posted with its voucher or not at all",
            )),
        }
    }

    async fn book_correction(&self, due: Due<'_>) -> Result<Booking, Problem> {
        self.party(due.tenant, &due.adjustment.party).await?;
        let (id, before) = self.account(due, &due.adjustment.party).await?;
        let today = due.today();
        let lot = due.programme.lot(today, today);
        let (name, points, version) = (due.id.as_str(), due.adjustment.points, due.programme.version);
        let corrected = snapshot(before.as_ref())
            .correct(name, points, lot, today, version)
            .map_err(out_of_range)?;
        Ok(due.booking((id, before), corrected))
    }

    async fn book_transfer(&self, due: Due<'_>, to: &PartyId) -> Result<Vec<Booking>, Problem> {
        let giver = &due.adjustment.party;
        self.may_transfer(due, giver, to).await?;
        let (from, to_account) = (self.account(due, giver).await?, self.account(due, to).await?);
        let balance = snapshot(from.1.as_ref()).balance;
        let moved = snapshot(from.1.as_ref())
            .transfer(
                &snapshot(to_account.1.as_ref()),
                (giver, to),
                due.id.as_str(),
                due.adjustment.points,
                due.today(),
                due.programme.version,
            )
            .map_err(out_of_range)?;
        let Some(moved) = moved else {
            let detail = format!("the account has {balance} points that count");
            return Err(Problem::new(Code::BalanceTooSmall, detail).with("balance", json!(balance)));
        };
        let origins = self.origins(&from.0, &moved.from.0).await?;
        let moved = moved.with_origins(origins).map_err(out_of_range)?;
        Ok(vec![due.booking(from, moved.from), due.booking(to_account, moved.to)])
    }

    /// Where the points were earned that leave the account: its snapshot does not say, so its ledger is folded.
    async fn origins(&self, giver: &AccountId, debit: &Entry) -> Result<Vec<(LotKey, Parcel)>, Problem> {
        let version = debit.version.saturating_sub(1);
        let ledger = account::ledger_up_to(&self.db, Site::AdjustLedger, giver, version).await?;
        let Some(ledger) = ledger else {
            let most = account::LEDGER_MAX;
            let detail = format!("the account has more than {most} entries: correct both accounts instead");
            return Err(too_many("too_many_entries", detail));
        };
        let origins = liability::taken_by(ledger, debit).map_err(|error| {
            tracing::error!(%error, "a ledger does not lead up to its account");
            Problem::new(
                Code::Internal,
                "the entries of the account do not lead up to its balance",
            )
        })?;
        if origins.len() > ORIGINS_MAX {
            let detail = format!(
                "the points come from more than {ORIGINS_MAX} months, VAT classes and branches: transfer them in parts"
            );
            return Err(too_many("too_many_origins", detail));
        }
        Ok(origins)
    }

    /// Whether points may go from the one party to the other, asked when the transfer is asked for and again when it is
    /// approved: the programme must allow it, and both must belong to one household or company.
    async fn may_transfer(&self, due: Due<'_>, giver: &PartyId, to: &PartyId) -> Result<(), Problem> {
        if !due.programme.adjustments.transfers {
            return Err(Problem::new(
                Code::TransfersNotAllowed,
                "programme: points stay in their account here",
            ));
        }
        self.party(due.tenant, giver).await?;
        match party::read(&self.db, Site::AdjustParty, due.tenant, to).await? {
            Some(_) => {}
            None => return Err(Problem::new(Code::PartyUnknown, "to: there is no party with this id")),
        }
        let today = due.today();
        let pair = (giver, to);
        match relationship::share_points(&self.db, Site::AdjustShared, due.tenant, pair, today).await? {
            Sharing::Yes => Ok(()),
            Sharing::No => Err(Problem::new(
                Code::NotRelated,
                "points move between parties of one household or company only: relate them first",
            )),
            Sharing::TooMany => Err(Problem::new(
                Code::NotRelated,
                "one of the two has more relationships than are looked at: relate the two directly",
            )),
        }
    }

    pub(crate) async fn account(
        &self,
        due: Due<'_>,
        party: &PartyId,
    ) -> Result<(AccountId, Option<Record<Account>>), Problem> {
        let id = due.account(party);
        let found = account::read(&self.db, Site::AdjustAccount, &id, Read::Strong).await?;
        Ok((id, found))
    }
}

fn too_many(code: &'static str, detail: String) -> Problem {
    let mut found = Findings::default();
    found.add("/points", code, detail);
    found.problem()
}

pub(crate) fn snapshot(record: Option<&Record<Account>>) -> Account {
    record.map(|record| record.d.clone()).unwrap_or_default()
}

/// A sum that no account of a customer comes to.
pub(crate) fn out_of_range(error: OutOfRange) -> Problem {
    tracing::error!(%error, "an account cannot take an adjustment");
    Problem::new(Code::Internal, "a sum of the account leaves the range of the books")
}
