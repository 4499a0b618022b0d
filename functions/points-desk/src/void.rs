//! A voucher becomes void, and its points go back.

use chrono::{DateTime, Utc};
use domain::account::{LotMove, share_of_voucher};
use domain::adjustment::{Adjustment, Kind};
use domain::id::{LookupKey, PartyId};
use domain::programme::Programme;
use domain::voucher::{Outcome, State, Voucher};
use http_edge::api::adjustments::VoidVoucherRequest;
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use store::Site;
use store::account::{self, Committed};
use store::adjustment::{self, Voiding};
use store::voucher::{self, OfParty};

use crate::book::{Due, out_of_range, snapshot};
use crate::fields::Common;
use crate::view::{answer, replayed};
use crate::{App, ROUNDS_MAX, contended, pause};

impl App {
    /// `POST /v1/parties/{party_id}/vouchers/{sequence}/void`.
    pub(crate) async fn void_voucher(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PointsAdjust)?;
        let party: PartyId = request.path("party_id")?;
        let sequence: u64 = request.path("sequence")?;
        let body: VoidVoucherRequest = request.json()?;
        let common = Common {
            programme: &body.programme,
            reason: &body.reason,
            client_token: &body.client_token,
        };
        let what = (party, Some(Kind::VoucherVoid { sequence }), 0);
        let (id, asked) = self.asked(caller, &common, what, Findings::default(), now)?;
        if let Some(answer) = self.asked_before(caller, &id, &asked).await? {
            return Ok(answer);
        }
        let programme = self.programme(&caller.tenant, &asked.programme).await?;
        self.party(&caller.tenant, &asked.party).await?;
        let due = Due {
            tenant: &caller.tenant,
            id: &id,
            adjustment: &asked,
            programme: &programme,
            now,
        };
        for round in 0..ROUNDS_MAX {
            pause(round).await;
            // A lost round may have been won by an earlier try of this very call, or by another one under its token.
            if round > 0
                && let Some(answer) = self.asked_before(caller, &id, &asked).await?
            {
                return Ok(answer);
            }
            if let Some(answer) = self.void_once(caller, due, sequence).await? {
                return Ok(answer);
            }
        }
        Err(contended())
    }

    /// `None` when another writer came first: a till, another posting, or an earlier try of this call.
    async fn void_once(&self, caller: &Caller, due: Due<'_>, sequence: u64) -> Result<Option<Response>, Problem> {
        let of_account = due.account(&due.adjustment.party);
        let found = voucher::of_party(&self.db, Site::AdjustVoucher, &of_account, sequence).await?;
        let before = found.ok_or_else(no_such_voucher)?;
        let after = match before.voucher.d.void(due.id, due.now)? {
            Outcome::Changed(after) => *after,
            Outcome::Replayed => return self.voided_before(caller, &before.voucher.d).await.map(Some),
        };
        self.post_void(caller, due, before, after).await
    }

    async fn post_void(
        &self,
        caller: &Caller,
        due: Due<'_>,
        before: OfParty,
        after: Voucher,
    ) -> Result<Option<Response>, Problem> {
        let (id, account) = self.account(due, &due.adjustment.party).await?;
        let sequence = after.number.issued_for_points().ok_or_else(no_such_voucher)?;
        let share = self.cost(due, &after, sequence).await?;
        let Programme { version, points, .. } = due.programme;
        let booked = snapshot(account.as_ref())
            .void_voucher(sequence, &share, points.grace_days, due.today(), *version)
            .map_err(out_of_range)?;
        let booking = due.booking((id, account), booked);
        let posted = Adjustment {
            points: booking.entry.points,
            ..due.adjustment.posted(None, &[&booking.entry], due.now)
        };
        let (voiding, made) = (Voiding { before, after }, caller.made(due.now));
        let done = adjustment::post_void(&self.db, due.tenant, due.id, &posted, &booking, &voiding, &made).await?;
        (done == Committed::Done)
            .then(|| answer(201, due.id, &posted))
            .transpose()
    }

    /// The points that the voucher cost, by lot. A voucher is found here by its number among those issued for points; one that
    /// a campaign gave cost none.
    async fn cost(&self, due: Due<'_>, voucher: &Voucher, sequence: u64) -> Result<Vec<LotMove>, Problem> {
        let (id, issued_on) = (due.account(&voucher.party), voucher.valid_from);
        let found = account::issue_entry(&self.db, Site::AdjustIssue, &id, issued_on, sequence).await?;
        let share = found.and_then(|entry| share_of_voucher(&entry.d, sequence).ok());
        share.ok_or_else(|| {
            tracing::error!("a voucher has no debit in its ledger: run verify");
            Problem::new(Code::Internal, "the points that the voucher cost are not in the ledger")
        })
    }

    /// The answer to a call about a voucher that is void already: who did it, when and why.
    async fn voided_before(&self, caller: &Caller, voucher: &Voucher) -> Result<Response, Problem> {
        let State::Voided { adjustment: id, .. } = &voucher.state else {
            return Err(no_such_voucher());
        };
        let id: &LookupKey = id;
        replayed(200, id, &self.known(caller, id).await?.d)
    }
}

fn no_such_voucher() -> Problem {
    Problem::new(
        Code::NotFound,
        "the account has no voucher with this number: it is the last part of the voucher's id",
    )
}
