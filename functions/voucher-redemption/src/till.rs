//! Check, reserve, redeem, release, reverse.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::code::VoucherCode;
use domain::id::{BasketId, LocationId, LookupKey, TillId};
use domain::location::Location;
use domain::money::{AMOUNT_MAX, Money};
use domain::programme::Programme;
use domain::receipt::ReceiptKey;
use domain::violation::Violation;
use domain::voucher::{Command, Occasion, Outcome, Voucher};
use http_edge::api::vouchers::{
    CheckAnswer, CheckRequest, RedeemRequest, ReleaseRequest, ReserveRequest, ReverseRequest,
};
use http_edge::{Caller, Code, Problem, Request, Response, Scope, guard};
use store::db::Read;
use store::guess::Terminal;
use store::{Record, Site, voucher};

use crate::App;
use crate::view::view;

/// Rounds against other tills before the caller is asked to repeat: each lost round means that another till's call went
/// through.
const ROUNDS_MAX: usize = 20;

/// A call understood: where it comes from and which voucher it means.
struct Call {
    occasion: Occasion,
    till: TillId,
    lookup: LookupKey,
    programme: Arc<Programme>,
}

impl App {
    pub(crate) async fn check(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: CheckRequest = request.json()?;
        let mut fields = Fields::default();
        let call = self
            .call(caller, &mut fields, &body.store, &body.till, body.code.as_str(), now)
            .await?;
        let basket = body.basket_total.map(|total| fields.total(total, &call.programme));
        fields.done()?;
        let record = self.find(caller, &call, Read::Strong).await?;
        let refusal = record.d.check(basket, &call.occasion).err().map(Problem::from);
        let answer = CheckAnswer {
            usable: refusal.is_none(),
            reason: refusal.as_ref().map(|problem| problem.code.as_str().to_owned()),
            detail: refusal.map(|problem| problem.detail),
            state: view(&record.d, record.d.state_at(now)),
        };
        Response::json(200, &answer)
    }

    pub(crate) async fn reserve(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: ReserveRequest = request.json()?;
        let mut fields = Fields::default();
        let call = self
            .call(caller, &mut fields, &body.store, &body.till, body.code.as_str(), now)
            .await?;
        let basket: Option<BasketId> = fields.read("/basket", &body.basket);
        let basket_minor = fields.total(body.basket_total, &call.programme);
        fields.done()?;
        let Some(basket) = basket else { return Err(unread()) };
        self.command(caller, &call, &Command::Reserve { basket, basket_minor })
            .await
    }

    pub(crate) async fn redeem(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: RedeemRequest = request.json()?;
        let mut fields = Fields::default();
        let call = self
            .call(caller, &mut fields, &body.store, &body.till, body.code.as_str(), now)
            .await?;
        let receipt: Option<ReceiptKey> = fields.read("/receipt", &body.receipt);
        let basket: Option<BasketId> = body.basket.as_deref().and_then(|text| fields.read("/basket", text));
        let basket_minor = fields.total(body.basket_total, &call.programme);
        if receipt
            .as_ref()
            .is_some_and(|receipt| receipt.store != call.occasion.location)
        {
            fields.add(
                "/receipt",
                "receipt_of_another_location",
                "the receipt must be of this store",
            );
        }
        fields.done()?;
        let Some(receipt) = receipt else { return Err(unread()) };
        self.command(
            caller,
            &call,
            &Command::Redeem {
                receipt,
                basket,
                basket_minor,
            },
        )
        .await
    }

    pub(crate) async fn release(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: ReleaseRequest = request.json()?;
        let mut fields = Fields::default();
        let call = self
            .call(caller, &mut fields, &body.store, &body.till, body.code.as_str(), now)
            .await?;
        let basket: Option<BasketId> = fields.read("/basket", &body.basket);
        fields.done()?;
        let Some(basket) = basket else { return Err(unread()) };
        self.command(caller, &call, &Command::Release { basket }).await
    }

    pub(crate) async fn reverse(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: ReverseRequest = request.json()?;
        let mut fields = Fields::default();
        let call = self
            .call(caller, &mut fields, &body.store, &body.till, body.code.as_str(), now)
            .await?;
        let receipt: Option<ReceiptKey> = fields.read("/receipt", &body.receipt);
        fields.done()?;
        let Some(receipt) = receipt else { return Err(unread()) };
        // The redemption belongs to its location: another one's caller must not take it back.
        caller.at(&receipt.store)?;
        self.command(caller, &call, &Command::Reverse { receipt }).await
    }

    /// Understands what all calls have in common. A malformed code costs no look at the table.
    async fn call(
        &self,
        caller: &Caller,
        fields: &mut Fields,
        store: &str,
        till: &str,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<Call, Problem> {
        let store: Option<LocationId> = fields.read("/store", store);
        let till: Option<TillId> = fields.read("/till", till);
        let code: Option<VoucherCode> = fields.code(code);
        let (Some(store), Some(till), Some(code)) = (store, till, code) else {
            return Err(Problem::invalid(std::mem::take(&mut fields.0)));
        };
        caller.at(&store)?;
        let location = self.location(caller, &store).await?;
        let programme = self
            .programmes
            .current(&self.db, Site::RedeemLocation, &caller.tenant, &location.programme)
            .await?;
        let programme = programme
            .ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "the programme of the location is not stored"))?;
        let occasion = Occasion {
            location: store,
            programme: location.programme.clone(),
            now,
        };
        Ok(Call {
            occasion,
            till,
            lookup: code.lookup_key(self.pepper.bytes()),
            programme,
        })
    }

    async fn location(&self, caller: &Caller, store: &LocationId) -> Result<Arc<Location>, Problem> {
        let location = self
            .locations
            .get(&self.db, Site::RedeemLocation, &caller.tenant, store)
            .await?;
        location.ok_or_else(|| {
            Problem::new(
                Code::LocationUnknown,
                "store: there is no such location; add it first or correct the id",
            )
        })
    }

    /// The voucher; an unknown code is counted against the terminal.
    async fn find(&self, caller: &Caller, call: &Call, read: Read) -> Result<Record<Voucher>, Problem> {
        let found = voucher::read(&self.db, Site::RedeemVoucher, &caller.tenant, &call.lookup, read).await?;
        guard::count_lookup(found.is_some(), call.occasion.now);
        if let Some(record) = found {
            return Ok(record);
        }
        let terminal = Terminal {
            tenant: &caller.tenant,
            client: &caller.client,
            location: &call.occasion.location,
            till: &call.till,
        };
        let unknown = Problem::new(Code::VoucherUnknown, "there is no voucher with this code");
        Err(guard::unknown(&self.db, &terminal, unknown, call.occasion.now).await?)
    }

    /// Decides the command on the voucher and stores the transition, or answers what the first one of its kind was answered.
    async fn command(&self, caller: &Caller, call: &Call, command: &Command) -> Result<Response, Problem> {
        let mut record = self.find(caller, call, Read::Strong).await?;
        for _ in 0..ROUNDS_MAX {
            let after = match record.d.apply(command, &call.occasion)? {
                Outcome::Replayed => {
                    let response = Response::json(200, &view(&record.d, record.d.state_at(call.occasion.now)))?;
                    return Ok(response.header("idempotency-replayed", "true"));
                }
                Outcome::Changed(after) => *after,
            };
            let now = call.occasion.now;
            let answer = view(&after, &after.state);
            match voucher::replace(&self.db, Site::RedeemCommit, &record, after, caller.made(now)).await? {
                None => return Response::json(200, &answer),
                Some(now_there) => record = now_there,
            }
        }
        Err(Problem::new(
            Code::Unavailable,
            "many tills ask for this voucher at once: repeat the same call",
        ))
    }
}

fn allowed(request: &Request) -> Result<&Caller, Problem> {
    let caller = request.caller()?;
    caller.require(Scope::VouchersRedeem)?;
    Ok(caller)
}

/// For a field that was reported as malformed already; `Fields::done` answers first.
fn unread() -> Problem {
    Problem::new(Code::Internal, "a field was not read")
}

/// Collects what is wrong with the fields of a body.
#[derive(Default)]
struct Fields(Vec<Violation>);

impl Fields {
    fn add(&mut self, pointer: &str, code: &'static str, detail: &str) {
        self.0.push(Violation::new(pointer, code, detail));
    }

    fn read<T: FromStr<Err: Display>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        text.parse()
            .map_err(|error: T::Err| self.add(pointer, "malformed", &error.to_string()))
            .ok()
    }

    fn code(&mut self, text: &str) -> Option<VoucherCode> {
        let parsed = text.parse();
        parsed
            .map_err(|error: domain::code::InvalidCode| self.add("/code", "voucher_code_malformed", &error.to_string()))
            .ok()
    }

    fn total(&mut self, total: Money, programme: &Programme) -> i64 {
        if total.currency != programme.currency {
            let detail = format!("this location's programme has the currency {}", programme.currency);
            self.add("/basket_total/currency", "currency_of_another_programme", &detail);
        }
        if !(0..=AMOUNT_MAX).contains(&total.amount_minor) {
            let detail = format!("must be 0 to {AMOUNT_MAX} minor units");
            self.add("/basket_total/amount_minor", "amount_out_of_range", &detail);
        }
        total.amount_minor
    }

    fn done(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.0))
        }
    }
}
