//! Entries of a journal are decided, each once and for ever.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::offline::{Allowance, Case, Decision, Found, LossReason, Window, decide};
use domain::voucher::{Presenter, Voucher};
use http_edge::api::offline::{JournalAnswer, JournalRequest};
use http_edge::{Caller, Code, Problem, Request, Response, Scope, guard};
use store::db::Read;
use store::guess::Terminal;
use store::offline::{self, Committed, Decided, Entry, entry_key};
use store::{Key, Record, Site, StoreError, card, party, receipt, relationship, voucher};

use crate::App;
use crate::fields::{Told, told};
use crate::view::entry_answer;

/// Rounds against other parts of the journal and tills before the caller is asked to repeat: each lost round means that another
/// call went through.
const ROUNDS_MAX: u32 = 20;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// A part of a journal at work.
struct Part<'a> {
    caller: &'a Caller,
    window: Window,
    allowance: Record<Allowance>,
    /// Entries that were decided before, by the key of receipt and voucher.
    known: HashMap<Key, Entry>,
    now: DateTime<Utc>,
}

/// What stands under a code, with what is not on the voucher itself.
struct Stands {
    voucher: Option<Record<Voucher>>,
    stop: Option<LossReason>,
    /// Whether the receipt was voided.
    voided: bool,
    presenter: Presenter,
}

impl App {
    pub(crate) async fn take_journal(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::VouchersRedeem)?;
        let body: JournalRequest = request.json()?;
        let (allowance, window) = self.proven(caller, &body.allowance).await?;
        let told = told(&body.entries, &allowance.d, &self.pepper, now)?;
        let keys = told.iter().map(|told| self.key(caller, told));
        let keys: Vec<_> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        let known = offline::entries(&self.db, &keys).await?;
        let mut part = Part {
            caller,
            window,
            allowance,
            known: known.into_iter().map(|record| (record.key(), record.d)).collect(),
            now,
        };
        let mut entries = Vec::with_capacity(told.len());
        for told in &told {
            let key = self.key(caller, told);
            let (entry, replayed) = match part.known.get(&key).cloned() {
                Some(entry) => (entry, true),
                None => self.decide(&mut part, told).await?,
            };
            entries.push(entry_answer(told, &entry, replayed));
            part.known.insert(key, entry);
        }
        let allowance_id = part.allowance.d.id();
        Response::json(200, &JournalAnswer { allowance_id, entries })
    }

    fn key(&self, caller: &Caller, told: &Told) -> Key {
        entry_key(&caller.tenant, &told.taken.receipt, &told.lookup)
    }

    /// Decides an entry and stores the decision, or finds how it was decided meanwhile. Tells whether it was.
    async fn decide(&self, part: &mut Part<'_>, told: &Told) -> Result<(Entry, bool), Problem> {
        let mut stands = self.stands(part, told, None).await?;
        guard::count_lookup(stands.voucher.is_some(), part.now);
        if stands.voucher.is_none() {
            self.note_unknown(part, told).await?;
        }
        for round in 0..ROUNDS_MAX {
            if round > 0 {
                tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
                part.allowance = self.again(part).await?;
                stands = self.stands(part, told, Some(&stands)).await?;
            }
            let decision = self.decided(part, told, &stands);
            match self.commit(part, told, &stands, decision).await? {
                (Committed::Done, entry) => return Ok((entry, false)),
                (Committed::Known(record), _) => return Ok((record.d, true)),
                (Committed::Stale, _) => {}
            }
        }
        let detail = "many calls ask for the vouchers of this journal at once: repeat the same call";
        Err(Problem::new(Code::Unavailable, detail))
    }

    fn decided(&self, part: &Part<'_>, told: &Told, stands: &Stands) -> Decision {
        let case = Case {
            taken: &told.taken,
            window: part.window,
            allowance: &part.allowance.d,
            voided: stands.voided,
            presenter: &stands.presenter,
            now: part.now,
        };
        let found = match &stands.voucher {
            None => Found::Nothing,
            Some(record) => Found::Voucher {
                voucher: &record.d,
                stop: stands.stop,
            },
        };
        decide(&case, found)
    }

    async fn commit(
        &self,
        part: &mut Part<'_>,
        told: &Told,
        stands: &Stands,
        decision: Decision,
    ) -> Result<(Committed, Entry), Problem> {
        let (tenant, receipt) = (&part.caller.tenant, &told.taken.receipt);
        let currency = part.allowance.d.currency;
        let entry = Entry {
            taken: told.taken.clone(),
            lookup: told.lookup.clone(),
            allowance: part.allowance.d.day,
            currency,
            verdict: decision.verdict,
        };
        let mut before = None;
        let mut after = None;
        if let Some(loss) = &entry.verdict.loss {
            let day = receipt.business_date;
            before = offline::losses_of_day(&self.db, tenant, &receipt.store, day).await?;
            let stands = before.as_ref().map(|record| record.d.clone()).unwrap_or_default();
            after = Some(stands.with(loss, currency));
        }
        let decided = Decided {
            entry: &entry,
            allowance: (&part.allowance, decision.allowance.clone()),
            voucher: stands.voucher.as_ref().zip(decision.voucher),
            holder: stands.voucher.as_ref().map(|voucher| &voucher.d.party),
            losses: after.map(|after| (before.as_ref(), after)),
        };
        let made = part.caller.made(part.now);
        let committed = offline::commit(&self.db, tenant, decided, &made).await?;
        if committed == Committed::Done {
            part.allowance.d = decision.allowance;
        }
        Ok((committed, entry))
    }

    /// The allowance as it stands now.
    async fn again(&self, part: &Part<'_>) -> Result<Record<Allowance>, Problem> {
        let Allowance { location, day, .. } = &part.allowance.d;
        let (site, tenant) = (Site::OfflineAllowance, &part.caller.tenant);
        let stands = offline::allowance(&self.db, site, tenant, location, *day).await?;
        stands.ok_or_else(|| Problem::new(Code::Internal, "the allowance is gone"))
    }

    /// The voucher, why no till would take it, and whether the sale was voided; the last two are asked once for a call, as a till
    /// asks once.
    async fn stands(&self, part: &Part<'_>, told: &Told, before: Option<&Stands>) -> Result<Stands, Problem> {
        let (db, tenant) = (&self.db, &part.caller.tenant);
        let voucher = voucher::read(db, Site::OfflineVoucher, tenant, &told.lookup, Read::Strong);
        let (voucher, voided) = match before {
            Some(before) => (voucher.await?, before.voided),
            None => tokio::try_join!(voucher, self.is_voided(part, told))?,
        };
        let (stop, presenter) = match (&voucher, before) {
            (_, Some(before)) if before.voucher.is_some() => (before.stop, before.presenter.clone()),
            (Some(record), _) => (
                self.stop(part, &record.d).await?,
                self.presenter(part, told, &record.d).await?,
            ),
            (None, _) => (None, Presenter::Unsaid),
        };
        Ok(Stands {
            voucher,
            stop,
            voided,
            presenter,
        })
    }

    /// Whether the receipt was voided, be it before it came.
    async fn is_voided(&self, part: &Part<'_>, told: &Told) -> Result<bool, StoreError> {
        let (site, tenant) = (Site::OfflineReceipt, &part.caller.tenant);
        let standing = receipt::standing(&self.db, site, tenant, &told.taken.receipt, Read::Strong).await?;
        Ok(standing.is_some_and(|standing| standing.is_voided()))
    }

    /// Whose card the entry names, as a till that takes a personal voucher asks. One that does not exist is counted as there.
    async fn presenter(&self, part: &Part<'_>, told: &Told, voucher: &Voucher) -> Result<Presenter, Problem> {
        let Some(lookup) = told.card.as_ref().filter(|_| voucher.is_personal()) else {
            return Ok(Presenter::Unsaid);
        };
        let (db, site, tenant) = (&self.db, Site::OfflineCard, &part.caller.tenant);
        let Some(card) = card::read(db, site, tenant, lookup, Read::Strong).await? else {
            self.note_unknown(part, told).await?;
            return Ok(Presenter::Stranger);
        };
        let day = calendar::business_day(told.taken.at, part.allowance.d.zone);
        let owner = relationship::points_owner(db, site, tenant, &card.d, day).await?;
        Ok(owner.map_or(Presenter::Stranger, Presenter::Party))
    }

    async fn stop(&self, part: &Part<'_>, voucher: &Voucher) -> Result<Option<LossReason>, Problem> {
        let (db, tenant) = (&self.db, &part.caller.tenant);
        if let Some(run) = voucher.waits_for()
            && !self.confirmed.is(db, Site::OfflineRun, tenant, run).await?
        {
            return Ok(Some(LossReason::NotYetConfirmed));
        }
        let stopped = party::is_stopped(db, Site::OfflineParty, tenant, &voucher.party, part.now).await?;
        Ok(stopped.then_some(LossReason::HolderStopped))
    }

    /// Counts an unknown code or card against the till that took it, as one that is asked for there. The journal goes on: its goods are
    /// gone.
    async fn note_unknown(&self, part: &Part<'_>, told: &Told) -> Result<(), Problem> {
        let receipt = &told.taken.receipt;
        let terminal = Terminal {
            tenant: &part.caller.tenant,
            client: &part.caller.client,
            location: &receipt.store,
            till: &receipt.till,
        };
        Ok(self.guard.note(&self.db, &terminal, part.now).await?)
    }
}
