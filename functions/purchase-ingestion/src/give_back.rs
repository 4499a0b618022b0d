//! Returns are facts as receipts are: stored with one write, posted from the table's stream, never refused later.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::account::return_entry_id;
use domain::earning::{self, Circumstances, CustomerFacts, Earning};
use domain::id::PartyId;
use domain::programme::Programme;
use domain::receipt::{ContentHash, ReceiptKey};
use domain::returns::{Remaining, Return};
use http_edge::api::purchases::PurchaseStatus;
use http_edge::api::returns::{ReturnAnswer, ReturnRequest};
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use store::account::{self, AccountId};
use store::db::Read;
use store::exception::{self, Exception, ExceptionKind};
use store::receipt::{self, Standing, StoredReceipt};
use store::returned::{self, Accepted, StoredReturn};
use store::{Site, card, party};

use crate::App;
use crate::accept::Owner;
use crate::answer::Answer;
use crate::parse::{self, ParsedReturn};

/// What a return does, as far as it can be told when it arrives.
struct Effect {
    original_known: bool,
    /// Whose points it takes.
    account: Option<PartyId>,
    /// Whether this till may see that account.
    shown: bool,
    /// Whether nobody issued the presented card.
    card_unknown: bool,
    /// The programme and version that count.
    programme: Arc<Programme>,
    /// As of the receipt that remains, with the difference as its points.
    earning: Earning,
    surplus_lines: Vec<usize>,
    /// Segments of the customer of a return that names no original.
    segments: Vec<String>,
}

/// What goods are worth whose receipt is not known: the earning with its points as what they take.
fn taken(back: &Return, programme: &Programme, known: &Circumstances) -> Result<Earning, Problem> {
    let mut earning = earning::earn_simple(&back.as_sold(), programme, known).map_err(out_of_range)?;
    earning.points = earning.points.checked_neg().unwrap_or(i64::MIN);
    Ok(earning)
}

fn out_of_range(_: domain::money::OutOfRange) -> Problem {
    Problem::new(Code::Invalid, "the points of this return are out of range")
}

impl App {
    pub(crate) async fn accept_return(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PurchasesWrite)?;
        let body: ReturnRequest = request.json()?;
        let parsed = parse::parse_return(body, self.pepper.bytes())?;
        let back = &parsed.back;
        caller.at(&back.key.store)?;
        let hash = back.content_hash();
        let programme = match self.programme_for(caller, &back.as_sold(), now).await {
            Ok(programme) => programme,
            // What no longer fits may have fitted when it came the first time.
            Err(problem) => return self.known_return_or(caller, &parsed, &hash, problem, now).await,
        };
        let effect = self.effect(caller, back, &programme, now).await?;
        let stored = StoredReturn {
            back: back.clone(),
            hash: hash.clone(),
            programme: programme.id.clone(),
            version: programme.version,
            account: effect.account.clone().filter(|_| back.original.is_none()),
            channel: Some(self.channel(caller, &back.key.store).await?),
            segments: effect.segments.clone(),
            client: caller.client.clone(),
        };
        match returned::accept(&self.db, &caller.tenant, stored, caller.made(now)).await? {
            Accepted::New => {
                self.keep_unplaced(caller, back, &effect, &hash, now).await?;
                self.answer_return(caller, &parsed, PurchaseStatus::Accepted, &effect, now)
                    .await
            }
            Accepted::Known(known) => self.known_return(caller, &parsed, &hash, &known.d, now).await,
            Accepted::TooMany => Err(Problem::new(
                Code::TooManyReturns,
                "original: the receipt has as many returns as it can have",
            )),
        }
    }

    /// The stored return for a refused one that was accepted before, else the refusal.
    async fn known_return_or(
        &self,
        caller: &Caller,
        parsed: &ParsedReturn,
        hash: &ContentHash,
        refusal: Problem,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        if matches!(refusal.code, Code::Unavailable | Code::Internal) {
            return Err(refusal);
        }
        match returned::read(&self.db, Site::IngestOriginal, &caller.tenant, &parsed.back.key).await? {
            Some(known) => self.known_return(caller, parsed, hash, &known.d, now).await,
            None => Err(refusal),
        }
    }

    /// Answers a return whose key is taken: the same again, or a contradiction.
    async fn known_return(
        &self,
        caller: &Caller,
        parsed: &ParsedReturn,
        hash: &ContentHash,
        known: &StoredReturn,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        if known.hash != *hash {
            self.keep_case(caller, ExceptionKind::ReturnContradiction, &parsed.back, hash, now)
                .await?;
            return Err(Problem::new(
                Code::ReturnContradiction,
                "a return with this store, till, date and number has other content",
            ));
        }
        let programme = self.version(caller, &known.programme, known.version).await?;
        let mut effect = self.effect(caller, &known.back, &programme, now).await?;
        if known.back.original.is_none() {
            effect.account.clone_from(&known.account);
            effect.earning = taken(&known.back, &programme, &known.circumstances())?;
        }
        // The first call may have died before it came to that.
        self.keep_unplaced(caller, &known.back, &effect, hash, now).await?;
        self.answer_return(caller, parsed, PurchaseStatus::Replayed, &effect, now)
            .await
    }

    /// What no posting will find: a card that leads nowhere and no receipt, so that nobody's points can be taken; and more than
    /// was sold on a receipt without an account.
    async fn keep_unplaced(
        &self,
        caller: &Caller,
        back: &Return,
        effect: &Effect,
        hash: &ContentHash,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        if effect.account.is_some() {
            return Ok(());
        }
        // Once more for the same return again, so that no crash lets a look pass uncounted.
        if effect.card_unknown {
            self.count_unknown(caller, &back.as_sold(), now).await;
        }
        if !effect.surplus_lines.is_empty() {
            self.keep_case(caller, ExceptionKind::ReturnExceedsReceipt, back, hash, now)
                .await?;
        }
        if back.original.is_none() && back.card.is_some() {
            self.keep_case(caller, ExceptionKind::ReturnWithoutAccount, back, hash, now)
                .await?;
        }
        Ok(())
    }

    /// Keeps the case for an operator; what is stored stands.
    async fn keep_case(
        &self,
        caller: &Caller,
        kind: ExceptionKind,
        back: &Return,
        hash: &ContentHash,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let case = Exception {
            kind,
            receipt: back.key.clone(),
            distinction: hash.0.clone(),
            seen_at: now,
        };
        exception::keep(&self.db, Site::IngestException, &caller.tenant, case, caller.made(now)).await?;
        tracing::warn!(back = %back.key, ?kind, "a return needs a look");
        Ok(())
    }

    /// What the return does to the receipt it names as that stands now, or else to the account of its card.
    async fn effect(
        &self,
        caller: &Caller,
        back: &Return,
        programme: &Arc<Programme>,
        now: DateTime<Utc>,
    ) -> Result<Effect, Problem> {
        if let Some(original) = &back.original {
            let site = Site::IngestOriginal;
            let standing = receipt::standing(&self.db, site, &caller.tenant, original, Read::Strong).await?;
            if let Some(Standing::Receipt(record)) = standing {
                return self.effect_on(caller, back, &record.d).await;
            }
        }
        let owner = if back.original.is_none() {
            self.owner(caller, &back.as_sold(), now).await?
        } else {
            Owner::default()
        };
        let segments = match owner.party.as_ref().filter(|_| !programme.rules.is_empty()) {
            None => Vec::new(),
            Some(party) => {
                let found = party::segments(&self.db, Site::IngestTillView, &caller.tenant, party).await?;
                found.map(|record| record.d.codes).unwrap_or_default()
            }
        };
        let known = Circumstances {
            channel: Some(self.channel(caller, &back.key.store).await?),
            customer: owner.party.as_ref().map(|_| CustomerFacts {
                first_purchase: false,
                segments: segments.clone(),
            }),
            day_left: None,
        };
        Ok(Effect {
            original_known: false,
            shown: true,
            card_unknown: owner.card_unknown,
            account: owner.party,
            programme: programme.clone(),
            earning: taken(back, programme, &known)?,
            surplus_lines: Vec::new(),
            segments,
        })
    }

    /// What the return takes off a receipt that has arrived, after the returns that came before it.
    async fn effect_on(&self, caller: &Caller, back: &Return, sold: &StoredReceipt) -> Result<Effect, Problem> {
        let earlier = earlier_returns(sold, &back.key);
        let earlier = returned::read_all(&self.db, Site::IngestOriginal, &caller.tenant, earlier).await?;
        let mut remaining = Remaining::of(&sold.receipt);
        for before in &earlier {
            remaining = remaining.less(&before.back).map_err(out_of_range)?.remaining;
        }
        if sold.voided.is_some() {
            remaining = remaining.nothing().remaining;
        }
        let outcome = remaining.less(back).map_err(out_of_range)?;
        let (programme, known) = self.last_counted(caller, sold).await?;
        let before = earning::earn(&remaining.receipt, &programme, &known).map_err(out_of_range)?;
        let mut earning = earning::earn(&outcome.remaining.receipt, &programme, &known).map_err(out_of_range)?;
        earning.points = earning.points.saturating_sub(before.points);
        Ok(Effect {
            original_known: true,
            card_unknown: false,
            shown: self.may_see(caller, back, sold).await?,
            account: sold.account.clone(),
            programme,
            earning,
            surplus_lines: outcome.excess.into_iter().map(|(line, _)| line).collect(),
            segments: Vec::new(),
        })
    }

    async fn answer_return(
        &self,
        caller: &Caller,
        parsed: &ParsedReturn,
        status: PurchaseStatus,
        effect: &Effect,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let sold = parsed.back.as_sold();
        let seen = effect.account.as_ref().filter(|_| effect.shown);
        let view = self.view(caller, seen, &effect.programme).await?;
        let counted = match seen {
            Some(party) => self.is_posted(caller, party, effect, &parsed.back.key).await?,
            None => false,
        };
        let shown = self.shown(caller, &sold, view, now).await?;
        let answer = Answer {
            receipt: &sold,
            status,
            account: seen.map(|party| (party, &shown)),
            language: parsed.language,
            programme: &effect.programme,
            earning: &effect.earning,
            counted,
            now,
        };
        let body = ReturnAnswer {
            key: parsed.back.key.to_string(),
            status,
            original_known: effect.original_known,
            matched: effect.account.is_some(),
            expected_points: effect.earning.points,
            surplus_lines: effect.surplus_lines.clone(),
            account: answer.account.map(|(party, shown)| answer.account_view(party, shown)),
            print: answer.print(),
        };
        match status {
            PurchaseStatus::Accepted => Response::json(201, &body),
            PurchaseStatus::Replayed => Ok(Response::json(200, &body)?.header("idempotency-replayed", "true")),
        }
    }

    /// The account behind a receipt is shown where it was sold, and to whoever presents a card of it: a key can be guessed.
    async fn may_see(&self, caller: &Caller, back: &Return, sold: &StoredReceipt) -> Result<bool, Problem> {
        if back
            .original
            .as_ref()
            .is_some_and(|original| caller.at(&original.store).is_ok())
        {
            return Ok(true);
        }
        let Some(card) = &back.card else { return Ok(false) };
        let found = card::read(&self.db, Site::IngestCard, &caller.tenant, card, Read::Eventual).await?;
        let Some(found) = found else { return Ok(false) };
        Ok(sold.account.as_ref().is_some_and(|account| found.d.may_be_of(account)))
    }

    async fn is_posted(
        &self,
        caller: &Caller,
        party: &PartyId,
        effect: &Effect,
        back: &ReceiptKey,
    ) -> Result<bool, Problem> {
        let id = AccountId {
            tenant: caller.tenant.clone(),
            party: party.clone(),
            programme: effect.programme.id.clone(),
        };
        let name = [return_entry_id(back)];
        let found = account::entries(&self.db, Site::PurchaseEntry, &id, &name).await?;
        Ok(!found.is_empty())
    }
}

/// The returns of a receipt that arrived before this one; all of them when it is not among them yet.
fn earlier_returns<'a>(sold: &'a StoredReceipt, back: &ReceiptKey) -> &'a [ReceiptKey] {
    let own = sold.returns.iter().position(|key| key == back);
    sold.returns
        .get(..own.unwrap_or(sold.returns.len()))
        .unwrap_or_default()
}
