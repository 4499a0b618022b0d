//! The receipt meets location, programme and card, and is stored with one conditional write.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::card::CardStatus;
use domain::earning;
use domain::id::{LocationId, PartyId, ProgrammeId};
use domain::location::Location;
use domain::programme::Programme;
use domain::receipt::{CONTENT_HASH_VERSION, ContentHash, Receipt};
use http_edge::api::purchases::{PurchaseRequest, PurchaseStatus};
use http_edge::{Caller, Code, Problem, Request, Response, Scope, guard};
use store::db::Read;
use store::exception::{self, Exception, ExceptionKind};
use store::party::{self, TillView};
use store::receipt::{self, Accepted, StoredReceipt};
use store::{Record, Site, card, relationship};

use crate::answer::{Answer, Shown};
use crate::parse::{self, Parsed};
use crate::{App, terminal};

/// How often a card may find an owner between our look and our write before we give up.
const CARD_MOVES_MAX: usize = 3;

impl App {
    pub(crate) async fn accept(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PurchasesWrite)?;
        let body: PurchaseRequest = request.json()?;
        let parsed = parse::parse(body, self.pepper.bytes())?;
        let receipt = &parsed.receipt;
        caller.at(&receipt.key.store)?;
        let hash = receipt.content_hash();
        let programme = match self.programme_for(caller, receipt, now).await {
            Ok(programme) => programme,
            // What no longer fits may have fitted when it came the first time.
            Err(problem) => return self.replay_or(caller, &parsed, &hash, problem, now).await,
        };
        self.store(caller, &parsed, &hash, &programme, now).await
    }

    /// The programme of a location, whether it sells or not.
    pub(crate) async fn programme_at(&self, caller: &Caller, store: &LocationId) -> Result<Arc<Programme>, Problem> {
        let location = self.location(caller, store).await?;
        self.programme_in_force(caller, &location.programme).await
    }

    pub(crate) async fn location(&self, caller: &Caller, store: &LocationId) -> Result<Arc<Location>, Problem> {
        let found = self
            .locations
            .get(&self.db, Site::IngestLocation, &caller.tenant, store)
            .await?;
        found.ok_or_else(|| {
            Problem::new(
                Code::LocationUnknown,
                "store: there is no such location; add it first or correct the id",
            )
        })
    }

    async fn programme_in_force(&self, caller: &Caller, programme: &ProgrammeId) -> Result<Arc<Programme>, Problem> {
        let site = Site::IngestProgramme;
        let found = self
            .programmes
            .current(&self.db, site, &caller.tenant, programme)
            .await?;
        found.ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "the programme of the location is not stored"))
    }

    /// The programme under which the receipt is taken.
    pub(crate) async fn programme_for(
        &self,
        caller: &Caller,
        receipt: &Receipt,
        now: DateTime<Utc>,
    ) -> Result<Arc<Programme>, Problem> {
        let location = self.location(caller, &receipt.key.store).await?;
        if !location.sells_on(receipt.key.business_date) {
            return Err(Problem::new(
                Code::LocationClosed,
                "store: the location was closed before the business date",
            ));
        }
        let programme = self.programme_in_force(caller, &location.programme).await?;
        let violations = receipt.programme_violations(&programme, now, caller.has(Scope::PurchasesMigrate));
        if violations.is_empty() {
            Ok(programme)
        } else {
            Err(Problem::invalid(violations))
        }
    }

    async fn store(
        &self,
        caller: &Caller,
        parsed: &Parsed,
        hash: &ContentHash,
        programme: &Arc<Programme>,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let tenant = &caller.tenant;
        let channel = self.channel(caller, &parsed.receipt.key.store).await?;
        for _ in 0..CARD_MOVES_MAX {
            let owner = self.owner(caller, &parsed.receipt, now).await?;
            // Read before the write: the view cannot contain this receipt's points yet.
            let view = self.view(caller, owner.party.as_ref(), programme).await?;
            let mut stored = StoredReceipt {
                receipt: parsed.receipt.clone(),
                hash: hash.clone(),
                hash_version: CONTENT_HASH_VERSION,
                programme: programme.id.clone(),
                expected_points: 0,
                expected_version: programme.version,
                channel: Some(channel),
                segments: view.segments.clone(),
                returns: Vec::new(),
                recounts: Vec::new(),
                voided: None,
                account: owner.party.clone(),
                client: caller.client.clone(),
            };
            let known = self.expected_with(caller, &stored, programme, view.account.as_ref());
            let earning = earning::earn(&stored.receipt, programme, &known.await?)
                .map_err(|_| Problem::new(Code::Invalid, "the points of this receipt are out of range"))?;
            stored.expected_points = earning.points;
            let waits_for = parsed.receipt.card.as_ref().filter(|_| owner.receipts_wait);
            match receipt::accept(&self.db, tenant, stored, waits_for, caller.made(now)).await? {
                Accepted::New => {
                    if owner.card_unknown {
                        self.count_unknown(caller, &parsed.receipt, now).await;
                    }
                    let shown = self.shown(caller, &parsed.receipt, view, now).await?;
                    return Answer {
                        receipt: &parsed.receipt,
                        status: PurchaseStatus::Accepted,
                        account: owner.party.as_ref().map(|party| (party, &shown)),
                        language: parsed.language,
                        programme,
                        earning: &earning,
                        counted: false,
                        now,
                    }
                    .response();
                }
                Accepted::Known(known) => return self.known(caller, parsed, hash, &known, now).await,
                Accepted::CardMoved => {}
            }
        }
        Err(Problem::new(
            Code::Unavailable,
            "the card is being changed: repeat the same call",
        ))
    }

    /// The stored receipt for a refused one that was accepted before, else the refusal.
    async fn replay_or(
        &self,
        caller: &Caller,
        parsed: &Parsed,
        hash: &ContentHash,
        refusal: Problem,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        if matches!(refusal.code, Code::Unavailable | Code::Internal) {
            return Err(refusal);
        }
        let known = receipt::read(
            &self.db,
            Site::PurchaseRead,
            &caller.tenant,
            &parsed.receipt.key,
            Read::Strong,
        )
        .await?;
        match known {
            Some(known) => self.known(caller, parsed, hash, &known, now).await,
            None => Err(refusal),
        }
    }

    /// Answers a receipt whose key is taken: the same again, or a contradiction.
    async fn known(
        &self,
        caller: &Caller,
        parsed: &Parsed,
        hash: &ContentHash,
        known: &Record<StoredReceipt>,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let same = if known.d.hash_version == CONTENT_HASH_VERSION {
            known.d.hash == *hash
        } else {
            known.d.receipt == parsed.receipt
        };
        if !same {
            return Err(self.contradiction(caller, &parsed.receipt, hash, now).await?);
        }
        let stored = &known.d;
        let programme = self.version(caller, &stored.programme, stored.expected_version).await?;
        let view = self.view(caller, stored.account.as_ref(), &programme).await?;
        let entry = match &stored.account {
            Some(party) => self.entry(caller, stored, party).await?,
            None => None,
        };
        // Told by versions, because the entry may be made between the two reads.
        let seen = view.account.as_ref().map_or(0, |account| account.version);
        let counted = entry.as_ref().is_some_and(|entry| entry.d.version <= seen);
        let with = match &entry {
            Some(entry) => stored.counted_with(&entry.d),
            None => {
                self.expected_with(caller, stored, &programme, view.account.as_ref())
                    .await?
            }
        };
        let earning = earning::earn(&stored.receipt, &programme, &with)
            .map_err(|_| Problem::new(Code::Internal, "the stored receipt cannot be explained"))?;
        let shown = self.shown(caller, &stored.receipt, view, now).await?;
        Answer {
            receipt: &stored.receipt,
            status: PurchaseStatus::Replayed,
            account: stored.account.as_ref().map(|party| (party, &shown)),
            language: parsed.language,
            programme: &programme,
            earning: &earning,
            counted,
            now,
        }
        .response()
    }

    /// Keeps the case for an operator; the stored receipt stands.
    async fn contradiction(
        &self,
        caller: &Caller,
        receipt: &Receipt,
        hash: &ContentHash,
        now: DateTime<Utc>,
    ) -> Result<Problem, Problem> {
        let case = Exception {
            kind: ExceptionKind::ReceiptContradiction,
            receipt: receipt.key.clone(),
            distinction: hash.0.clone(),
            seen_at: now,
        };
        exception::keep(&self.db, Site::IngestException, &caller.tenant, case, caller.made(now)).await?;
        tracing::warn!(receipt = %receipt.key, "a receipt came again with other content");
        Ok(Problem::new(
            Code::ReceiptContradiction,
            "a receipt with this store, till, date and number has other content",
        ))
    }

    pub(crate) async fn owner(&self, caller: &Caller, receipt: &Receipt, now: DateTime<Utc>) -> Result<Owner, Problem> {
        let Some(card) = &receipt.card else {
            return Ok(Owner::default());
        };
        let found = card::read(&self.db, Site::IngestCard, &caller.tenant, card, Read::Eventual).await?;
        guard::count_lookup(found.is_some(), now);
        let party = match &found {
            None => None,
            Some(found) => {
                let (site, day) = (Site::IngestCard, receipt.key.business_date);
                relationship::points_owner(&self.db, site, &caller.tenant, &found.d, day).await?
            }
        };
        Ok(Owner {
            card_unknown: found.is_none(),
            party,
            // An erased card never leads anywhere again; its receipts keep their revenue and wait for nobody.
            receipts_wait: found.is_none_or(|card| card.d.leads_to().is_none() && card.d.status != CardStatus::Erased),
        })
    }

    /// A receipt with an unknown card is taken and does not wait, but it is a look at a card as any other, and counts with
    /// them. Only a stored one does: the same receipt again says nothing new.
    pub(crate) async fn count_unknown(&self, caller: &Caller, receipt: &Receipt, now: DateTime<Utc>) {
        let terminal = terminal(caller, &receipt.key);
        if let Err(error) = self.guard.note(&self.db, &terminal, now).await {
            tracing::warn!(%error, "an unknown card was not counted");
        }
    }

    /// What this till may see of the account: no vouchers where somebody tries out cards.
    pub(crate) async fn shown(
        &self,
        caller: &Caller,
        receipt: &Receipt,
        mut view: TillView,
        now: DateTime<Utc>,
    ) -> Result<Shown, Problem> {
        let terminal = terminal(caller, &receipt.key);
        let withheld = !view.vouchers.is_empty() && self.guard.keeps_back(&self.db, &terminal, now).await?;
        if withheld {
            view.vouchers.clear();
            view.more_vouchers = false;
        }
        let versions = view.vouchers.iter().map(|open| open.code_key_version);
        let keys = self.code_keys.covering(versions).await?;
        Ok(Shown { view, withheld, keys })
    }

    pub(crate) async fn view(
        &self,
        caller: &Caller,
        party: Option<&PartyId>,
        programme: &Programme,
    ) -> Result<TillView, Problem> {
        let Some(party) = party else {
            return Ok(TillView::default());
        };
        Ok(party::till_view(
            &self.db,
            Site::IngestTillView,
            &caller.tenant,
            party,
            &programme.id,
            Read::Eventual,
        )
        .await?)
    }
}

/// Whose a receipt is at once.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    pub(crate) party: Option<PartyId>,
    receipts_wait: bool,
    pub(crate) card_unknown: bool,
}
