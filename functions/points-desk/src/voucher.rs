//! What support does to a single voucher: block, unblock, extend, void, reissue.
//!
//! Each call has its adjustment, which says who and why, and the voucher changes in the transaction that stores it. Tills ask the
//! voucher, so the change holds for them at once; the feed follows.

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{LotMove, share_of_voucher};
use domain::adjustment::{Adjustment, Kind};
use domain::code::VoucherCode;
use domain::id::{LookupKey, PartyId, ProgrammeId};
use domain::programme::Programme;
use domain::voucher::{Debit, Outcome, Reissued, State, Voucher, VoucherNumber, voucher_id};
use http_edge::api::adjustments::{
    AdjustmentView, ExtendVoucherRequest, VoidVoucherRequest, VoucherDeskView, VoucherRequest,
};
use http_edge::api::vouchers::VoucherState;
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use store::Site;
use store::account::{self, AccountId, Committed};
use store::adjustment::{self, Booking};
use store::voucher::{self, NewVoucher, OfParty, VoucherChange};

use crate::book::{Due, out_of_range, snapshot};
use crate::fields::{self, Common};
use crate::view::{answer, replayed, view};
use crate::{App, ROUNDS_MAX, contended, pause};

impl App {
    /// `POST /v1/parties/{party_id}/vouchers/{sequence}/void`.
    pub(crate) async fn void_voucher(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsAdjust)?;
        let (party, number) = named(request)?;
        let body: VoidVoucherRequest = request.json()?;
        let common = Common {
            programme: &body.programme,
            reason: &body.reason,
            client_token: &body.client_token,
        };
        let what = (party, Some(Kind::VoucherVoid { number }), 0);
        let (id, asked) = self.asked(caller, &common, what, Findings::default(), now)?;
        self.change_voucher(caller, &id, &asked, now).await
    }

    /// `POST /v1/parties/{party_id}/vouchers/{sequence}/block`, `…/unblock` and `…/reissue`.
    pub(crate) async fn on_voucher(
        &self,
        request: &Request,
        kind: fn(VoucherNumber) -> Kind,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::VouchersWrite)?;
        let (party, number) = named(request)?;
        let body: VoucherRequest = request.json()?;
        let common = Common {
            programme: &body.programme,
            reason: &body.reason,
            client_token: &body.client_token,
        };
        let what = (party, Some(kind(number)), 0);
        let (id, asked) = self.asked(caller, &common, what, Findings::default(), now)?;
        self.change_voucher(caller, &id, &asked, now).await
    }

    /// `POST /v1/parties/{party_id}/vouchers/{sequence}/extend`.
    pub(crate) async fn extend_voucher(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::VouchersWrite)?;
        let (party, number) = named(request)?;
        let body: ExtendVoucherRequest = request.json()?;
        let mut found = Findings::default();
        let until = fields::last_day(&body.valid_until, now, &mut found);
        let common = Common {
            programme: &body.programme,
            reason: &body.reason,
            client_token: &body.client_token,
        };
        let kind = until.map(|until: NaiveDate| Kind::VoucherExtend { number, until });
        let (id, asked) = self.asked(caller, &common, (party, kind, 0), found, now)?;
        self.change_voucher(caller, &id, &asked, now).await
    }

    /// `GET /v1/parties/{party_id}/vouchers/{sequence}`.
    pub(crate) async fn show_voucher(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsRead)?;
        let (party, number) = named(request)?;
        let programme: ProgrammeId = request.required_query("programme")?;
        self.party(&caller.tenant, &party).await?;
        let id = AccountId {
            tenant: caller.tenant.clone(),
            party,
            programme,
        };
        let found = self.find(&id, &number).await?;
        let voucher = found.voucher.d;
        let (by, reissued_as) = match &voucher.state {
            State::Blocked { adjustment, .. } => (Some(adjustment), None),
            State::Voided {
                adjustment,
                reissued_as,
                ..
            } => (Some(adjustment), reissued_as.as_ref()),
            State::Open | State::Reserved { .. } | State::Redeemed { .. } => (None, None),
        };
        let adjustment: Option<AdjustmentView> = match by {
            Some(by) => Some(view(by, &self.known(caller, by).await?.d)),
            None => None,
        };
        let shown = VoucherDeskView {
            state: VoucherState::of(&voucher, voucher.state_at(now)),
            reissued_as: reissued_as.map(|number| voucher_id(&voucher.party, &voucher.programme, number)),
            adjustment,
        };
        Response::json(200, &shown)
    }

    async fn change_voucher(
        &self,
        caller: &Caller,
        id: &LookupKey,
        asked: &Adjustment,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        if let Some(answer) = self.asked_before(caller, id, asked).await? {
            return Ok(answer);
        }
        let programme = self.programme(&caller.tenant, &asked.programme).await?;
        self.party(&caller.tenant, &asked.party).await?;
        let due = Due {
            tenant: &caller.tenant,
            id,
            adjustment: asked,
            programme: &programme,
            now,
        };
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            // A lost round may have been won by an earlier try of this very call, or by another one under its token.
            if round > 0
                && let Some(answer) = self.asked_before(caller, id, asked).await?
            {
                return Ok(answer);
            }
            let changed = self.change_once(caller, due).await;
            if let Some(answer) = self.settled(caller, id, asked, changed).await? {
                return Ok(answer);
            }
        }
        Err(contended())
    }

    /// `None` when another writer came first: a till, another posting, or an earlier try of this call.
    async fn change_once(&self, caller: &Caller, due: Due<'_>) -> Result<Option<Response>, Problem> {
        let number = due.adjustment.kind.voucher().ok_or_else(no_such_voucher)?;
        let before = self.find(&due.account(&due.adjustment.party), number).await?;
        let voucher = &before.voucher.d;
        let outcome = match &due.adjustment.kind {
            Kind::VoucherBlock { .. } => voucher.block(due.id, due.now)?,
            Kind::VoucherUnblock { .. } => voucher.unblock(due.now)?,
            Kind::VoucherExtend { until, .. } => voucher.extend(*until, due.now)?,
            Kind::VoucherReissue { .. } => {
                let change = self.reissue(due, before).await?;
                return self.post_voucher(caller, due, None, change).await;
            }
            Kind::VoucherVoid { .. } | Kind::Correction | Kind::Transfer { .. } => voucher.void(due.id, due.now)?,
        };
        let Outcome::Changed(after) = outcome else {
            return self.done_before(caller, voucher).await.map(Some);
        };
        let booking = match &due.adjustment.kind {
            Kind::VoucherVoid { .. } => self.points_back(due, &after).await?,
            _ => None,
        };
        let change = VoucherChange {
            before,
            after: *after,
            successor: None,
        };
        self.post_voucher(caller, due, booking, change).await
    }

    async fn post_voucher(
        &self,
        caller: &Caller,
        due: Due<'_>,
        booking: Option<Booking>,
        change: VoucherChange,
    ) -> Result<Option<Response>, Problem> {
        let entries: Vec<_> = booking.iter().map(|booking| &booking.entry).collect();
        let posted = Adjustment {
            points: entries.iter().map(|entry| entry.points).sum(),
            ..due.adjustment.posted(None, &entries, due.now)
        };
        let made = caller.made(due.now);
        let done =
            adjustment::post_voucher(&self.db, due.tenant, due.id, &posted, booking.as_ref(), &change, &made).await?;
        (done == Committed::Done)
            .then(|| answer(201, due.id, &posted))
            .transpose()
    }

    /// The voucher that is put in the place of another one. Its code follows from its name, so a repetition makes the same.
    async fn reissue(&self, due: Due<'_>, before: OfParty) -> Result<VoucherChange, Problem> {
        let keys = self.code_keys.covering([]).await?;
        let Reissued { old, new } = before.voucher.d.reissue(due.id, keys.current, due.now)?;
        let key = keys
            .key(keys.current)
            .ok_or_else(|| Problem::new(Code::Internal, "the current code key is missing"))?;
        let lookup = VoucherCode::derive(key, &new.id()).lookup_key(self.pepper.bytes());
        Ok(VoucherChange {
            before,
            after: old,
            successor: Some(NewVoucher { voucher: new, lookup }),
        })
    }

    /// What the account gets back for a voucher that becomes void; `None` for one that cost no points.
    async fn points_back(&self, due: Due<'_>, after: &Voucher) -> Result<Option<Booking>, Problem> {
        let Some(debit) = after.paid_by() else {
            return Ok(None);
        };
        let (id, account) = self.account(due, &due.adjustment.party).await?;
        let share = self.cost(due, after, debit).await?;
        let Programme { version, points, .. } = due.programme;
        let booked = snapshot(account.as_ref())
            .void_voucher(&after.number, &share, points.grace_days, due.today(), *version)
            .map_err(out_of_range)?;
        Ok(Some(due.booking((id, account), booked)))
    }

    /// The points that the voucher cost, by lot.
    async fn cost(&self, due: Due<'_>, voucher: &Voucher, debit: Debit<'_>) -> Result<Vec<LotMove>, Problem> {
        let id = due.account(&voucher.party);
        let found = match debit {
            Debit::Threshold(day) => {
                account::issue_entry(&self.db, Site::AdjustIssue, &id, day, voucher.number.position()).await?
            }
            Debit::Run(day, run) => account::run_entry(&self.db, Site::AdjustIssue, &id, day, run).await?,
        };
        let share = found.and_then(|entry| share_of_voucher(&entry.d, &voucher.number).ok());
        share.ok_or_else(|| {
            tracing::error!("a voucher has no debit in its ledger: run verify");
            Problem::new(Code::Internal, "the points that the voucher cost are not in the ledger")
        })
    }

    /// The voucher with this number of an account.
    async fn find(&self, id: &AccountId, number: &VoucherNumber) -> Result<OfParty, Problem> {
        let name = voucher_id(&id.party, &id.programme, number);
        let keys = self.code_keys.covering([]).await?;
        let elsewhere: Vec<_> = keys
            .versions()
            .filter_map(|version| keys.key(version))
            .map(|key| VoucherCode::derive(key, &name).lookup_key(self.pepper.bytes()))
            .collect();
        let found = voucher::of_party(&self.db, Site::AdjustVoucher, id, number, &elsewhere).await?;
        found.ok_or_else(no_such_voucher)
    }

    /// The answer to a call about a voucher that is blocked or void already: who did it, when and why.
    async fn done_before(&self, caller: &Caller, voucher: &Voucher) -> Result<Response, Problem> {
        let (State::Voided { adjustment: id, .. } | State::Blocked { adjustment: id, .. }) = &voucher.state else {
            return Err(no_such_voucher());
        };
        replayed(200, id, &self.known(caller, id).await?.d)
    }
}

/// The voucher of the path.
fn named(request: &Request) -> Result<(PartyId, VoucherNumber), Problem> {
    Ok((request.path("party_id")?, request.path("sequence")?))
}

fn no_such_voucher() -> Problem {
    Problem::new(
        Code::NotFound,
        "the account has no voucher with this number: it is what the voucher's id has behind the programme",
    )
}
