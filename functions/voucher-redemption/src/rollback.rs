//! The vouchers of a receipt of which nothing stands any more are given back.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::id::{LocationId, LookupKey, Tenant, TillId};
use domain::programme::Programme;
use domain::receipt::ReceiptKey;
use domain::returns::Remaining;
use domain::voucher::{Outcome, Refusal};
use http_edge::api::vouchers::{RollbackAnswer, RollbackRequest, VoucherState};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use store::db::Read;
use store::receipt::StoredReceipt;
use store::{Site, receipt, returned, voucher};

use crate::App;
use crate::till::{ROUNDS_MAX, contended};

impl App {
    /// `POST /v1/vouchers/rollback`.
    pub(crate) async fn roll_back(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::VouchersRedeem)?;
        let body: RollbackRequest = request.json()?;
        let mut found = Findings::default();
        let store: Option<LocationId> = found.field("/store", &body.store);
        let till: Option<TillId> = found.field("/till", &body.till);
        let receipt: Option<ReceiptKey> = found.field("/receipt", &body.receipt);
        let (Some(store), Some(_), Some(key)) = (store, till, receipt) else {
            return Err(found.problem());
        };
        // Goods come back anywhere: the location that gives the vouchers back need not be the one that took them.
        caller.at(&store)?;
        let (_, programme) = self.place(caller, &store).await?;
        let stored = self.returned(caller, &key, &programme).await?;
        let lookups: BTreeSet<LookupKey> = stored.receipt.vouchers().cloned().collect();
        let (mut vouchers, mut replayed) = (Vec::with_capacity(lookups.len()), true);
        for lookup in &lookups {
            // A receipt may name a code that no voucher has; such a payment is listed as an exception.
            if let Some((state, again)) = self.give_back(caller, lookup, &key, &programme, now).await? {
                vouchers.push(state);
                replayed &= again;
            }
        }
        let response = Response::json(200, &RollbackAnswer { vouchers })?;
        Ok(if replayed {
            response.header("idempotency-replayed", "true")
        } else {
            response
        })
    }

    /// The receipt, of which nothing stands any more: it was voided, or all its goods came back.
    async fn returned(
        &self,
        caller: &Caller,
        key: &ReceiptKey,
        programme: &Programme,
    ) -> Result<StoredReceipt, Problem> {
        let (db, tenant) = (&self.db, &caller.tenant);
        let found = receipt::read(db, Site::RedeemReceipt, tenant, key, Read::Strong).await?;
        let stored = found.map(|record| record.d).ok_or_else(|| {
            Problem::new(
                Code::NotFound,
                "receipt: there is no such receipt, or it has not come yet",
            )
        })?;
        if stored.programme != programme.id {
            return Err(Refusal::OtherProgramme.into());
        }
        if stored.voided.is_none() && !self.is_all_back(tenant, &stored).await? {
            return Err(Problem::new(
                Code::ReceiptNotReturned,
                "goods of the receipt have not come back: send its returns first, or void it",
            ));
        }
        Ok(stored)
    }

    async fn is_all_back(&self, tenant: &Tenant, stored: &StoredReceipt) -> Result<bool, Problem> {
        let backs = returned::read_all(&self.db, Site::RedeemReturns, tenant, &stored.returns).await?;
        let mut remaining = Remaining::of(&stored.receipt);
        for back in backs {
            let outcome = remaining.less(&back.back).map_err(|error| {
                tracing::error!(%error, "the returns of a receipt cannot be summed");
                Problem::new(
                    Code::Internal,
                    "the returns of the receipt leave the range of the books",
                )
            })?;
            remaining = outcome.remaining;
        }
        Ok(remaining.is_nothing())
    }

    /// Gives back what the receipt took of the voucher; the voucher, and whether that was done before. `None` when there is none.
    async fn give_back(
        &self,
        caller: &Caller,
        lookup: &LookupKey,
        receipt: &ReceiptKey,
        programme: &Programme,
        now: DateTime<Utc>,
    ) -> Result<Option<(VoucherState, bool)>, Problem> {
        let mut found = voucher::read(&self.db, Site::RedeemVoucher, &caller.tenant, lookup, Read::Strong).await?;
        for _ in 0..ROUNDS_MAX {
            let Some(record) = found else { return Ok(None) };
            let shown = |voucher: &domain::voucher::Voucher| VoucherState::of(voucher, voucher.state_at(now));
            let after = match record.d.roll_back(receipt, programme.voucher.rollback_days, now) {
                Ok(Outcome::Changed(after)) => *after,
                // Another receipt took it: there is nothing of this one to give back.
                Ok(Outcome::Replayed) | Err(Refusal::NotRedeemed) => return Ok(Some((shown(&record.d), true))),
                Err(refusal) => return Err(refusal.into()),
            };
            let state = shown(&after);
            found = match voucher::replace(&self.db, Site::RedeemCommit, &record, after, caller.made(now)).await? {
                None => return Ok(Some((state, false))),
                Some(now_there) => Some(now_there),
            };
        }
        Err(contended())
    }
}
