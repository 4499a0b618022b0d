//! Reading a receipt, and assigning one without an account to a card, once.

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::card::CardNumber;
use domain::id::PartyId;
use domain::money::Money;
use domain::receipt::ReceiptKey;
use domain::violation::Violation;
use http_edge::api::purchases::{ClaimRequest, PurchaseState};
use http_edge::{Caller, Code, Problem, Request, Response, Scope, guard};
use store::card::{self, Card};
use store::db::Read;
use store::receipt::{self, Stamped, StoredReceipt};
use store::{Record, Site, relationship};

use crate::{App, terminal};

impl App {
    pub(crate) async fn show(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PurchasesRead)?;
        let key: ReceiptKey = request.path("key")?;
        caller.at(&key.store)?;
        let stored = self.stored(caller, &key).await?;
        self.state(caller, &stored, 200).await
    }

    pub(crate) async fn claim(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PurchasesClaim)?;
        let key: ReceiptKey = request.path("key")?;
        caller.at(&key.store)?;
        let body: ClaimRequest = request.json()?;
        let number: CardNumber = body.card.as_str().parse().map_err(|error: domain::card::InvalidCard| {
            Problem::invalid(vec![Violation::new("/card", "card_malformed", error.to_string())])
        })?;
        let stored = self.stored(caller, &key).await?;
        let (party, card) = self.claimant(caller, &key, &number, now).await?;
        if let Some(account) = &stored.d.account {
            return self.assigned(caller, &stored, account, &card).await;
        }
        self.in_time(caller, &stored.d, now).await?;
        match receipt::stamp(
            &self.db,
            Site::PurchaseClaim,
            &caller.tenant,
            &stored.d.receipt,
            &party,
            caller.made(now),
        )
        .await?
        {
            Stamped::Now => {
                let mut stored = stored;
                stored.d.account = Some(party);
                self.state(caller, &stored, 201).await
            }
            Stamped::Before => {
                let stored = self.stored(caller, &key).await?;
                let account = stored.d.account.clone();
                match account {
                    Some(account) => self.assigned(caller, &stored, &account, &card).await,
                    None => Err(Problem::new(
                        Code::Unavailable,
                        "the receipt is being changed: repeat the same call",
                    )),
                }
            }
        }
    }

    /// The answer when the receipt has an account: the same claim again, or somebody else's receipt.
    async fn assigned(
        &self,
        caller: &Caller,
        stored: &Record<StoredReceipt>,
        account: &PartyId,
        card: &Card,
    ) -> Result<Response, Problem> {
        // Whose points they were was decided with the stamp, whatever the relationship to a company has become since.
        if card.may_be_of(account) {
            let response = self.state(caller, stored, 200).await?;
            return Ok(response.header("idempotency-replayed", "true"));
        }
        Err(Problem::new(Code::ReceiptAssigned, "another account has this receipt"))
    }

    /// The party that owns the points of the presented card, and the card.
    async fn claimant(
        &self,
        caller: &Caller,
        key: &ReceiptKey,
        number: &CardNumber,
        now: DateTime<Utc>,
    ) -> Result<(PartyId, Card), Problem> {
        let lookup = card::lookup_key(self.pepper.bytes(), number);
        let found = card::read(&self.db, Site::IngestCard, &caller.tenant, &lookup, Read::Strong).await?;
        guard::count_lookup(found.is_some(), now);
        let Some(found) = found else {
            let unknown = Problem::new(Code::CardUnknown, "nobody issued this card");
            return Err(self
                .guard
                .unknown(&self.db, &terminal(caller, key), unknown, now)
                .await?);
        };
        let (site, day) = (Site::IngestCard, key.business_date);
        let owner = relationship::points_owner(&self.db, site, &caller.tenant, &found.d, day).await?;
        let owner = owner.ok_or_else(|| {
            Problem::new(
                Code::CardNotActive,
                "the card belongs to nobody yet, or is blocked: register or unblock it first",
            )
        })?;
        Ok((owner, found.d))
    }

    async fn in_time(&self, caller: &Caller, stored: &StoredReceipt, now: DateTime<Utc>) -> Result<(), Problem> {
        let programme = self
            .programmes
            .current(&self.db, Site::IngestProgramme, &caller.tenant, &stored.programme)
            .await?;
        let programme = programme
            .ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "the programme of the receipt is not stored"))?;
        let last = calendar::plus_days(stored.receipt.key.business_date, programme.claim_days);
        if calendar::business_day(now, programme.zone) <= last {
            return Ok(());
        }
        Err(Problem::new(
            Code::ClaimTooLate,
            format!("the receipt could be claimed until {last}"),
        ))
    }

    async fn stored(&self, caller: &Caller, key: &ReceiptKey) -> Result<Record<StoredReceipt>, Problem> {
        let found = receipt::read(&self.db, Site::PurchaseRead, &caller.tenant, key, Read::Strong).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no receipt with this key"))
    }

    async fn state(&self, caller: &Caller, stored: &Record<StoredReceipt>, status: u16) -> Result<Response, Problem> {
        let entry = match &stored.d.account {
            Some(party) => self.entry(caller, &stored.d, party).await?,
            None => None,
        };
        let receipt = &stored.d.receipt;
        let body = PurchaseState {
            key: receipt.key.to_string(),
            total: Money::new(receipt.total_minor, receipt.currency),
            matched: stored.d.account.is_some(),
            party: stored.d.account.as_ref().map(ToString::to_string),
            posted: entry.is_some(),
            points: entry.map_or(stored.d.expected_points, |entry| entry.d.points),
            accepted_at: stored.created_at,
        };
        Response::json(status, &body)
    }
}
