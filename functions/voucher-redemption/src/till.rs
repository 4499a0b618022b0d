//! Check, reserve, redeem, release, reverse.

use chrono::{DateTime, Utc};
use domain::id::BasketId;
use domain::money::Money;
use domain::receipt::ReceiptKey;
use domain::voucher::{Command, Outcome, Refusal, Voucher};
use http_edge::api::vouchers::{
    CheckAnswer, CheckRequest, RedeemRequest, ReleaseRequest, ReserveRequest, ReverseRequest, VoucherState,
};
use http_edge::{Caller, Code, Problem, Request, Response, Scope};
use store::{Site, party, voucher};

use crate::App;
use crate::call::Call;
use crate::fields::Fields;
use crate::goods::Goods;
use crate::presenter::Presented;

/// Rounds against other tills before the caller is asked to repeat: each lost round means that another till's call went
/// through.
pub(crate) const ROUNDS_MAX: usize = 20;

/// What a call asks for.
struct Asked {
    command: Command,
    /// The goods that it names.
    goods: Option<Goods>,
    presented: Presented,
    /// Whether it may be done if it is new.
    admitted: Result<(), Problem>,
}

impl Asked {
    /// A command that asks for nothing more than itself.
    const fn plain(command: Command) -> Self {
        Self {
            command,
            goods: None,
            presented: Presented::Unsaid,
            admitted: Ok(()),
        }
    }
}

impl App {
    pub(crate) async fn check(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: CheckRequest = request.json()?;
        let mut fields = Fields::default();
        let named = (&*body.store, &*body.till, body.code.as_str());
        let mut call = self.call(caller, &mut fields, named, now).await?;
        let basket = body.basket_total.map(|total| fields.total(total));
        let goods = Goods::read(body.basket_by_vat.as_deref(), body.basket_total, &mut fields);
        let presented = self.presented(&call, &mut fields, (body.card.as_ref(), body.party_id.as_deref()));
        fields.done()?;
        call.may_ask(body.basket_total)?;
        let record = self.find(&call).await?;
        self.present(&mut call, presented, &record.d).await?;
        let takes = record
            .d
            .check(basket, all(goods.as_ref()), &call.occasion)
            .map_err(Problem::from);
        let mut refusal = call.sells_on(call.today()).and(takes).err();
        if refusal.is_none() {
            refusal = self.may_pay_or_fault(&call, &record.d).await?;
        }
        let answer = CheckAnswer {
            usable: refusal.is_none(),
            reason: refusal.as_ref().map(|problem| problem.code.as_str().to_owned()),
            detail: refusal.map(|problem| problem.detail),
            state: shown(&record.d, goods.as_ref(), None, now)?,
        };
        Response::json(200, &answer)
    }

    pub(crate) async fn reserve(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: ReserveRequest = request.json()?;
        let mut fields = Fields::default();
        let named = (&*body.store, &*body.till, body.code.as_str());
        let call = self.call(caller, &mut fields, named, now).await?;
        let basket: Option<BasketId> = fields.read("/basket", &body.basket);
        let basket_minor = fields.total(body.basket_total);
        let presented = self.presented(&call, &mut fields, (body.card.as_ref(), body.party_id.as_deref()));
        fields.done()?;
        let Some(basket) = basket else { return Err(unread()) };
        let admitted = call.may_hold(body.basket_total);
        let asked = Asked {
            command: Command::Reserve { basket, basket_minor },
            goods: None,
            presented,
            admitted,
        };
        self.command(call, asked).await
    }

    pub(crate) async fn redeem(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: RedeemRequest = request.json()?;
        let mut fields = Fields::default();
        let named = (&*body.store, &*body.till, body.code.as_str());
        let call = self.call(caller, &mut fields, named, now).await?;
        let receipt: Option<ReceiptKey> = fields.read("/receipt", &body.receipt);
        let basket: Option<BasketId> = body.basket.as_deref().and_then(|text| fields.read("/basket", text));
        let basket_minor = fields.total(body.basket_total);
        let goods = Goods::read(body.basket_by_vat.as_deref(), Some(body.basket_total), &mut fields);
        let amount_minor = body.amount.map(|amount| fields.part(amount, body.basket_total));
        let presented = self.presented(&call, &mut fields, (body.card.as_ref(), body.party_id.as_deref()));
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
        let admitted = call.may_redeem(&receipt, body.basket_total);
        let command = Command::Redeem {
            receipt,
            basket,
            basket_minor,
            goods: all(goods.as_ref()).to_vec(),
            amount_minor,
        };
        let asked = Asked {
            command,
            goods,
            presented,
            admitted,
        };
        self.command(call, asked).await
    }

    pub(crate) async fn release(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: ReleaseRequest = request.json()?;
        let mut fields = Fields::default();
        let named = (&*body.store, &*body.till, body.code.as_str());
        let call = self.call(caller, &mut fields, named, now).await?;
        let basket: Option<BasketId> = fields.read("/basket", &body.basket);
        fields.done()?;
        let Some(basket) = basket else { return Err(unread()) };
        self.command(call, Asked::plain(Command::Release { basket })).await
    }

    pub(crate) async fn reverse(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = allowed(request)?;
        let body: ReverseRequest = request.json()?;
        let mut fields = Fields::default();
        let named = (&*body.store, &*body.till, body.code.as_str());
        let call = self.call(caller, &mut fields, named, now).await?;
        let receipt: Option<ReceiptKey> = fields.read("/receipt", &body.receipt);
        fields.done()?;
        let Some(receipt) = receipt else { return Err(unread()) };
        // The redemption belongs to its location: another one's caller must not take it back.
        caller.at(&receipt.store)?;
        self.command(call, Asked::plain(Command::Reverse { receipt })).await
    }

    /// Refuses a holder who may not pay with vouchers. The read sees every change that was answered before.
    async fn may_pay(&self, call: &Call<'_>, voucher: &Voucher) -> Result<(), Problem> {
        match self.may_pay_or_fault(call, voucher).await? {
            None => Ok(()),
            Some(refusal) => Err(refusal),
        }
    }

    /// Why the holder may not pay with vouchers, if so.
    async fn may_pay_or_fault(&self, call: &Call<'_>, voucher: &Voucher) -> Result<Option<Problem>, Problem> {
        let (tenant, now) = (&call.caller.tenant, call.occasion.now);
        if let Some(run) = voucher.waits_for()
            && !self.confirmed.is(&self.db, Site::RedeemRun, tenant, run).await?
        {
            return Ok(Some(Refusal::NotYetConfirmed.into()));
        }
        let stopped = party::is_stopped(&self.db, Site::RedeemParty, tenant, &voucher.party, now).await?;
        Ok(stopped.then(|| {
            Problem::new(
                Code::VoucherHolderStopped,
                "vouchers of this customer are not taken at present",
            )
        }))
    }

    /// Decides the command on the voucher and stores the transition, or answers what the first one of its kind was answered.
    /// What is new must be `admitted`; a repetition was, whatever has changed since.
    async fn command(&self, mut call: Call<'_>, asked: Asked) -> Result<Response, Problem> {
        let Asked {
            command,
            goods,
            presented,
            admitted,
        } = asked;
        let goods = goods.as_ref();
        let mut record = self.find(&call).await?;
        self.present(&mut call, presented, &record.d).await?;
        let redeeming = match &command {
            Command::Redeem { receipt, .. } => Some(receipt),
            _ => None,
        };
        let now = call.occasion.now;
        let mut paid_for = false;
        for _ in 0..ROUNDS_MAX {
            let decided = match record.d.apply(&command, &call.occasion) {
                Ok(Outcome::Replayed) => {
                    let response = Response::json(200, &shown(&record.d, goods, redeeming, now)?)?;
                    return Ok(response.header("idempotency-replayed", "true"));
                }
                Ok(Outcome::Changed(after)) => Ok(after),
                Err(refusal) => Err(refusal),
            };
            admitted.clone()?;
            if !paid_for && matches!(command, Command::Reserve { .. } | Command::Redeem { .. }) {
                self.may_pay(&call, &record.d).await?;
                paid_for = true;
            }
            let after = decided?;
            let answer = shown(&after, goods, redeeming, now)?;
            match voucher::replace(&self.db, Site::RedeemCommit, &record, *after, call.caller.made(now)).await? {
                None => return Response::json(200, &answer),
                Some(now_there) => record = now_there,
            }
        }
        Err(contended())
    }
}

/// The answer to a call that kept losing against other tills.
pub(crate) fn contended() -> Problem {
    Problem::new(
        Code::Unavailable,
        "many tills ask for this voucher at once: repeat the same call",
    )
}

/// The goods that a body names; none where it names none.
fn all(goods: Option<&Goods>) -> &[domain::voucher::Goods] {
    goods.map_or(&[], |goods| &goods.all)
}

/// The voucher as it is shown at this instant, with what it takes off the goods that a body names: on a receipt that took it, or a
/// part of it, that much.
fn shown(
    voucher: &Voucher,
    goods: Option<&Goods>,
    receipt: Option<&ReceiptKey>,
    now: DateTime<Utc>,
) -> Result<VoucherState, Problem> {
    let taken = receipt.and_then(|receipt| voucher.taken_on(receipt));
    Ok(VoucherState {
        taken: taken.map(|minor| Money::new(minor, voucher.currency)),
        discount: goods.map(|goods| goods.discount(voucher, taken)).transpose()?,
        ..VoucherState::of(voucher, voucher.state_at(now))
    })
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
