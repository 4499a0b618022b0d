//! The life of a voucher.
//!
//! ```text
//!            reserve            redeem
//!   open ───────────► reserved ────────► redeemed
//!    ▲ ▲   release or time-out │             │
//!    │ └───────────────────────┘             │
//!    │└──────────────────────────────────────┘
//!    │                reverse
//!    ├──────────► voided
//!    │ void, reissue
//!    └──────────► blocked, and back
//!        block, unblock
//! ```
//!
//! All static terms are on the voucher, so each transition is decided from the voucher alone and stored by one conditional
//! write. A repeated command is answered as the first time; a refused one says why and where the voucher went.
//!
//! A reversal says that the sale of its receipt was voided. It may come before the redemption that it takes back, when the
//! till gave up waiting for that one: then it is remembered, and the redemption is refused when it comes. A payment on a
//! voided receipt counts for nothing: no redemption belongs to it, and it stands in no other receipt's way.
//!
//! A personal voucher is held and taken for its holder only: each such call says anew who presents it.
//!
//! What a voucher of a campaign takes off is decided when it is redeemed and stays on it (`goods`, `discount`). A hold holds the
//! voucher and no amount: the basket may still grow.
//!
//! A voucher that is taken in parts stays open with its rest, until nothing is left (`parts`).
//!
//! Support may block, extend, void and reissue a voucher that nobody holds (`desk`). A voided one is void for every till and
//! for ever, and its points go back to the account; of a reissued one they stay with what stands in its place.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::id::{BasketId, LocationId, LookupKey, PartyId, ProgrammeId, RunName};
use crate::money::Currency;
use crate::receipt::ReceiptKey;

/// Most receipts of one voucher that can be reversed, before or after their redemption; beyond that an operator must look.
pub const REVERSALS_MAX: usize = 10;

/// A voucher and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// The account it was issued from.
    pub party: PartyId,
    /// The programme it is taken in.
    pub programme: ProgrammeId,
    /// What tells it from the other vouchers of its account.
    #[serde(rename = "sequence")]
    pub number: VoucherNumber,
    /// Face value in minor units.
    pub value_minor: i64,
    /// Currency of all its amounts.
    pub currency: Currency,
    /// Smallest basket on which it is taken, in minor units.
    pub min_basket_minor: i64,
    /// First day of validity, local date in `zone`.
    pub valid_from: NaiveDate,
    /// Last day of validity, local date in `zone`, through its last instant.
    pub valid_until: NaiveDate,
    /// The zone of the dates.
    pub zone: Tz,
    /// Seconds that a reservation lasts.
    pub reservation_seconds: u32,
    /// The location whose feed group hears of its changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<LocationId>,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// Version of the code key from which its code is derived.
    pub code_key_version: u32,
    /// Where it stands.
    pub state: State,
    /// Counts every write of the item, from 1; each write is conditional on it.
    pub version: u64,
    /// Counts the changes that tills must hear of, from 1.
    pub state_version: u64,
    /// Receipts that were reversed and never take the voucher again, at most [`REVERSALS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reversed: Vec<ReceiptKey>,
    /// The receipt that names the voucher as a payment, see [`Voucher::paid_on`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentNote>,
    /// What was taken of a voucher that is taken in parts; `None` for one that is taken at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Parts>,
    /// Of a voucher that a campaign gave: its further terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignTerms>,
}

impl Voucher {
    /// The natural day and name of the ledger entry that paid for it with points: what leads to it. `None` for one that cost none.
    pub fn paid_by(&self) -> Option<Debit<'_>> {
        match self.number.run() {
            // Over the threshold points become vouchers that are valid from that day on; a reissued one keeps its first day.
            None => Some(Debit::Threshold(self.valid_from)),
            Some(run) => {
                let day = self.campaign.as_ref()?.debited_on?;
                Some(Debit::Run(day, run))
            }
        }
    }
}

/// What leads to the ledger entry that paid for a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Debit<'a> {
    /// It was issued over the threshold, on this business day.
    Threshold(NaiveDate),
    /// A run of this business day gave it.
    Run(NaiveDate, &'a RunName),
}

/// A receipt named the voucher as a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentNote {
    /// That receipt.
    pub receipt: ReceiptKey,
    /// What was paid with it there, in minor units; `None` of a note that is older than this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// When it was processed.
    pub seen_at: DateTime<Utc>,
}

/// Where a voucher stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Can be reserved or redeemed.
    Open,
    /// Held for a basket until an instant; from then on as good as open.
    Reserved {
        /// The basket.
        basket: BasketId,
        /// First instant at which the hold is over.
        until: DateTime<Utc>,
        /// Where.
        location: LocationId,
    },
    /// Taken.
    Redeemed {
        /// On this receipt.
        receipt: ReceiptKey,
        /// When.
        at: DateTime<Utc>,
        /// When it was booked, where that was later: a till without a line told of it afterwards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        booked_at: Option<DateTime<Utc>>,
        /// What it took off the goods, in minor units, of one that a campaign gave; `None` where that stands elsewhere: of one for
        /// points, which is taken with its face value, of one in parts, and of what was redeemed before this was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount_minor: Option<i64>,
    },
    /// Stopped by support until it is unblocked.
    Blocked {
        /// When.
        at: DateTime<Utc>,
        /// The adjustment that says who and why.
        adjustment: LookupKey,
    },
    /// Void for ever; its points went back to the account, or another voucher stands in its place.
    Voided {
        /// When.
        at: DateTime<Utc>,
        /// The adjustment that says who and why.
        adjustment: LookupKey,
        /// The voucher that stands in its place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reissued_as: Option<VoucherNumber>,
    },
}

/// What a till asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hold the voucher for a basket.
    Reserve {
        /// The basket.
        basket: BasketId,
        /// Its total in minor units of `currency`.
        basket_minor: i64,
    },
    /// Take the voucher.
    Redeem {
        /// On this receipt.
        receipt: ReceiptKey,
        /// The basket it was reserved for, when it was reserved.
        basket: Option<BasketId>,
        /// Total of the receipt in minor units.
        basket_minor: i64,
        /// All its goods by product group and VAT rate, at most [`GOODS_MAX`]; none where the till does not name them.
        goods: Vec<Goods>,
        /// How much of a voucher that is taken in parts, in minor units; as much as there is, up to the basket, when absent.
        amount_minor: Option<i64>,
    },
    /// Let go of a hold.
    Release {
        /// The basket.
        basket: BasketId,
    },
    /// Take a redemption back, or keep one from happening that was sent and not answered.
    Reverse {
        /// The receipt it was redeemed on, or would be.
        receipt: ReceiptKey,
    },
}

/// Where and when a command is given.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// The location of the till.
    pub location: LocationId,
    /// The programme of that location.
    pub programme: ProgrammeId,
    /// Who presents the voucher.
    pub presenter: Presenter,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Who presents a voucher, as far as the call says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Presenter {
    /// Nobody says.
    #[default]
    Unsaid,
    /// The customer whose card was presented, or who has signed in at the shop.
    Party(PartyId),
    /// Somebody with a card that leads to no customer.
    Stranger,
}

/// What became of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The voucher as it must be stored, under the condition of the version before.
    Changed(Box<Voucher>),
    /// The same command again: nothing to store.
    Replayed,
}

/// Why a command is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Redeemed on another receipt.
    #[error("the voucher was redeemed on {} at location {}", at.format("%Y-%m-%d %H:%M UTC"), receipt.store)]
    AlreadyRedeemed {
        /// The first receipt.
        receipt: ReceiptKey,
        /// When.
        at: DateTime<Utc>,
    },
    /// Held for another basket.
    #[error("the voucher is reserved for another basket until {}", until.format("%Y-%m-%d %H:%M:%S UTC"))]
    Reserved {
        /// First instant at which the hold is over.
        until: DateTime<Utc>,
    },
    /// The basket does not hold it, or no longer.
    #[error("this basket does not hold the voucher, or no longer: redeem without the basket, or reserve it again")]
    NotHeld,
    /// The validity has not begun.
    #[error("the voucher is valid from {from}")]
    NotYetValid {
        /// First day.
        from: NaiveDate,
    },
    /// The validity is over.
    #[error("the voucher was valid until {until}")]
    Expired {
        /// Last day.
        until: NaiveDate,
    },
    /// Stopped by an operator.
    #[error("the voucher is blocked: ask the customer service")]
    Blocked,
    /// Void for ever.
    #[error("the voucher was voided on {}", at.format("%Y-%m-%d %H:%M UTC"))]
    Voided {
        /// When.
        at: DateTime<Utc>,
    },
    /// A receipt names it as a payment, so its redemption may be on its way.
    #[error("a receipt names the voucher as a payment: it must be redeemed on it, or the receipt's sale be reversed")]
    PaidWith,
    /// The location belongs to another programme.
    #[error("the voucher belongs to another programme")]
    OtherProgramme,
    /// The campaign takes its vouchers at other locations.
    #[error("the voucher is not taken at this location: its campaign names others")]
    OtherLocation,
    /// It is personal, and the call does not say who presents it.
    #[error("the voucher is personal: say whose card is presented with it")]
    NoCustomer,
    /// It is personal, and somebody else presents it.
    #[error("the voucher is personal: it is taken with a card of the customer it was issued to")]
    OtherCustomer,
    /// It is for some product groups, and the call does not name the goods by group.
    #[error("the voucher is for some product groups: name the goods of the basket by group")]
    GoodsNotNamed,
    /// What the basket has of the goods that it is for is too little.
    #[error(
        "the goods of the basket that the voucher is for come to {goods_minor} minor units of {currency}: too few for it"
    )]
    GoodsTooFew {
        /// What they come to, in minor units.
        goods_minor: i64,
        /// Its currency.
        currency: Currency,
    },
    /// The printer has not confirmed the letters of the run yet.
    #[error("the letters of the voucher's run are not confirmed yet: it is taken once they are")]
    NotYetConfirmed,
    /// The basket is too small.
    #[error("the basket must come to at least {min_basket_minor} minor units of {currency}")]
    BasketTooSmall {
        /// Least total in minor units.
        min_basket_minor: i64,
        /// Its currency.
        currency: Currency,
    },
    /// The receipt was reversed: a late redemption on it must not take the voucher.
    #[error("the redemption on this receipt was reversed: redeem on a new receipt")]
    Reversed,
    /// There is no redemption on this receipt to take back.
    #[error("the voucher is not redeemed on this receipt")]
    NotRedeemed,
    /// Reversed too often.
    #[error("the voucher was reversed 10 times: an operator must look at it")]
    TooManyReversals,
    /// It is taken at once.
    #[error("the voucher is taken at once, not in parts")]
    NotInParts,
    /// Less is left of it.
    #[error("{rest_minor} minor units of {currency} are left of the voucher")]
    RestTooSmall {
        /// What is left, in minor units.
        rest_minor: i64,
        /// Its currency.
        currency: Currency,
    },
    /// This receipt took another part of it before.
    #[error("this receipt took {amount_minor} minor units of {currency} of the voucher before")]
    OtherPart {
        /// How much, in minor units.
        amount_minor: i64,
        /// Its currency.
        currency: Currency,
    },
    /// Taken in too many parts.
    #[error("the voucher was taken in 20 parts: an operator must look at it")]
    TooManyParts,
    /// A part of it was taken.
    #[error("a part of the voucher was taken: it can be blocked or extended only")]
    PartlyRedeemed,
    /// It is not blocked.
    #[error("the voucher is not blocked")]
    NotBlocked,
    /// The new last day is not later, or over.
    #[error("the voucher is valid until {until}: the new last day must be later, and not before today")]
    NotExtended {
        /// Its last day.
        until: NaiveDate,
    },
    /// Another voucher stands in its place.
    #[error("the voucher was reissued: {number} stands in its place")]
    Reissued {
        /// The number of that one.
        number: VoucherNumber,
    },
    /// Reissued too often.
    #[error("the voucher was reissued 9 times: void it instead")]
    TooManyReissues,
}

/// A voucher that knows its payment, and the receipt whose note had to give way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The voucher as it must be stored.
    pub voucher: Voucher,
    /// A receipt that names the voucher too and did not redeem it last.
    pub displaced: Option<ReceiptKey>,
}

/// What does not match between redemptions and receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// Redeemed, but no receipt names it as a payment.
    RedemptionWithoutReceipt,
    /// A receipt names it as a payment, but it is not redeemed on that receipt.
    PaymentWithoutRedemption,
    /// The receipt names it with another amount than it took off.
    OtherAmount,
}

impl Voucher {
    /// The name of the voucher: account and number. Its code is derived from this.
    pub fn id(&self) -> String {
        voucher_id(&self.party, &self.programme, &self.number)
    }

    /// Decides a command.
    ///
    /// # Errors
    /// [`Refusal`] with the reason; the voucher stays as it is.
    pub fn apply(&self, command: &Command, occasion: &Occasion) -> Result<Outcome, Refusal> {
        match command {
            Command::Reserve { basket, basket_minor } => self.reserve(basket, *basket_minor, occasion),
            Command::Redeem {
                receipt,
                basket,
                basket_minor,
                goods,
                amount_minor,
            } => {
                let sale = Sale {
                    basket_minor: *basket_minor,
                    goods,
                    amount_minor: *amount_minor,
                };
                self.redeem(receipt, basket.as_ref(), sale, occasion)
            }
            Command::Release { basket } => self.release(basket, occasion),
            Command::Reverse { receipt } => self.reverse(receipt),
        }
    }

    /// Whether a till can take the voucher now on a basket of this size with these goods; `None` leaves the size open, and no goods
    /// leave them open.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    pub fn check(&self, basket_minor: Option<i64>, goods: &[Goods], occasion: &Occasion) -> Result<(), Refusal> {
        match self.state_at(occasion.now) {
            State::Redeemed { receipt, at, .. } => return Err(already(receipt, *at)),
            State::Blocked { .. } => return Err(Refusal::Blocked),
            State::Voided { at, .. } => return Err(Refusal::Voided { at: *at }),
            State::Reserved { until, .. } => return Err(Refusal::Reserved { until: *until }),
            State::Open => {}
        }
        self.terms(basket_minor.unwrap_or(self.min_basket_minor), occasion)?;
        basket_minor.map_or(Ok(()), |basket_minor| self.takes_some(basket_minor, goods))
    }

    fn reserve(&self, basket: &BasketId, basket_minor: i64, occasion: &Occasion) -> Result<Outcome, Refusal> {
        match self.state_at(occasion.now) {
            state if held_by(state, Some(basket), occasion) => return Ok(Outcome::Replayed),
            State::Reserved { until, .. } => return Err(Refusal::Reserved { until: *until }),
            State::Redeemed { receipt, at, .. } => return Err(already(receipt, *at)),
            State::Blocked { .. } => return Err(Refusal::Blocked),
            State::Voided { at, .. } => return Err(Refusal::Voided { at: *at }),
            State::Open => {}
        }
        self.terms(basket_minor, occasion)?;
        let hold = Duration::seconds(i64::from(self.reservation_seconds));
        Ok(self.moved(State::Reserved {
            basket: basket.clone(),
            until: occasion.now.checked_add_signed(hold).unwrap_or(occasion.now),
            location: occasion.location.clone(),
        }))
    }

    fn redeem(
        &self,
        receipt: &ReceiptKey,
        basket: Option<&BasketId>,
        sale: Sale<'_>,
        occasion: &Occasion,
    ) -> Result<Outcome, Refusal> {
        if let Some(part) = self.part_on(receipt) {
            return match sale.amount_minor {
                Some(amount) if amount != part.amount_minor => Err(Refusal::OtherPart {
                    amount_minor: part.amount_minor,
                    currency: self.currency,
                }),
                _ => Ok(Outcome::Replayed),
            };
        }
        let state = self.state_at(occasion.now);
        match state {
            State::Redeemed { receipt: first, .. } if first == receipt => return Ok(Outcome::Replayed),
            State::Redeemed { receipt: first, at, .. } => return Err(already(first, *at)),
            State::Blocked { .. } => return Err(Refusal::Blocked),
            State::Voided { at, .. } => return Err(Refusal::Voided { at: *at }),
            _ if self.is_reversed(receipt) => return Err(Refusal::Reversed),
            State::Reserved { until, .. } if !held_by(state, basket, occasion) => {
                return Err(Refusal::Reserved { until: *until });
            }
            State::Open if basket.is_some() => return Err(Refusal::NotHeld),
            State::Reserved { .. } | State::Open => {}
        }
        self.terms(sale.basket_minor, occasion)?;
        let after = self.take(receipt, sale, occasion.now)?;
        Ok(Outcome::Changed(Box::new(after)))
    }

    fn release(&self, basket: &BasketId, occasion: &Occasion) -> Result<Outcome, Refusal> {
        match self.state_at(occasion.now) {
            state if held_by(state, Some(basket), occasion) => Ok(self.moved(State::Open)),
            State::Reserved { until, .. } => Err(Refusal::Reserved { until: *until }),
            State::Open => Ok(Outcome::Replayed),
            State::Redeemed { receipt, at, .. } => Err(already(receipt, *at)),
            State::Blocked { .. } => Err(Refusal::Blocked),
            State::Voided { at, .. } => Err(Refusal::Voided { at: *at }),
        }
    }

    fn reverse(&self, receipt: &ReceiptKey) -> Result<Outcome, Refusal> {
        if self.is_reversed(receipt) {
            return Ok(Outcome::Replayed);
        }
        let state = match &self.state {
            State::Redeemed { .. } if self.is_redeemed_on(receipt) => State::Open,
            // It came before its redemption. A hold stays: it belongs to a basket, not to the receipt. So does a block, and the
            // redemption must not take the voucher once that is over.
            State::Open | State::Reserved { .. } | State::Blocked { .. } => self.state.clone(),
            State::Redeemed { .. } | State::Voided { .. } => return Err(Refusal::NotRedeemed),
        };
        let takes_back = self.is_redeemed_on(receipt);
        let full = self.reversed.len() >= REVERSALS_MAX;
        if full && !takes_back {
            return Err(Refusal::TooManyReversals);
        }
        let moves = u64::from(takes_back);
        let mut after = Self {
            state,
            version: self.version.saturating_add(1),
            state_version: self.state_version.saturating_add(moves),
            ..self.clone().without_part(receipt)
        };
        // A voided sale always gives its voucher back; of too many voided ones the oldest is forgotten.
        if full {
            after.reversed.remove(0);
        }
        after.reversed.push(receipt.clone());
        Ok(Outcome::Changed(Box::new(after)))
    }

    /// Whether the sale on this receipt was voided.
    pub(crate) fn is_reversed(&self, receipt: &ReceiptKey) -> bool {
        self.reversed.contains(receipt)
    }

    /// The payment that counts: one on a receipt that was not reversed.
    pub fn paid_on(&self) -> Option<&PaymentNote> {
        self.payment.as_ref().filter(|note| !self.is_reversed(&note.receipt))
    }

    /// Whether nothing remains to be noted or reported of a payment on `receipt`.
    pub fn knows_payment(&self, receipt: &ReceiptKey) -> bool {
        self.is_reversed(receipt)
            || self.paid_on().is_some_and(|note| note.receipt == *receipt)
            || self.note_of(receipt).is_some()
    }

    /// Notes that `receipt` names the voucher as a payment of so many minor units. `None` when there is nothing to note
    /// ([`Voucher::knows_payment`]), or when another receipt came first and keeps its place; then the caller reports the
    /// second one. The receipt on which the voucher is redeemed takes the place of any other; then the caller reports the
    /// one it displaces. One that is taken in parts knows all its receipts, up to forty.
    pub fn note_payment(&self, receipt: &ReceiptKey, amount_minor: i64, now: DateTime<Utc>) -> Option<Noted> {
        let redeemed_on_it = self.is_redeemed_on(receipt);
        let other = self.paid_on();
        if self.knows_payment(receipt) || (other.is_some() && !redeemed_on_it) {
            return None;
        }
        let note = PaymentNote {
            receipt: receipt.clone(),
            amount_minor: Some(amount_minor),
            seen_at: now,
        };
        if self.partial.is_some() {
            return Some(Noted {
                voucher: self.with_note(note)?,
                displaced: None,
            });
        }
        let displaced = other.map(|note| note.receipt.clone());
        let voucher = Self {
            payment: Some(note),
            version: self.version.saturating_add(1),
            ..self.clone()
        };
        Some(Noted { voucher, displaced })
    }

    /// What does not match, and since when.
    pub fn unmatched(&self) -> Option<(Unmatched, DateTime<Utc>)> {
        self.mismatch().map(|case| (case.kind, case.since))
    }

    /// The run whose letters must be confirmed before the voucher is taken.
    pub fn waits_for(&self) -> Option<&RunName> {
        let waits = self.campaign.as_ref().is_some_and(|terms| terms.needs_confirmation);
        self.number.run().filter(|_| waits)
    }

    /// Whether a customer can still use the voucher on `today`, whatever holds it for the moment.
    pub fn usable_on(&self, today: NaiveDate) -> bool {
        matches!(self.state, State::Open | State::Reserved { .. }) && today <= self.valid_until
    }

    /// The state at an instant: a hold that has timed out is open.
    pub fn state_at(&self, now: DateTime<Utc>) -> &State {
        match &self.state {
            State::Reserved { until, .. } if *until <= now => &State::Open,
            state => state,
        }
    }

    fn terms(&self, basket_minor: i64, occasion: &Occasion) -> Result<(), Refusal> {
        if self.programme != occasion.programme {
            return Err(Refusal::OtherProgramme);
        }
        let elsewhere = |terms: &CampaignTerms| !terms.is_taken_at(&occasion.location);
        if self.campaign.as_ref().is_some_and(elsewhere) {
            return Err(Refusal::OtherLocation);
        }
        if self.is_personal() {
            match &occasion.presenter {
                Presenter::Party(party) if *party == self.party => {}
                Presenter::Party(_) | Presenter::Stranger => return Err(Refusal::OtherCustomer),
                Presenter::Unsaid => return Err(Refusal::NoCustomer),
            }
        }
        let today = calendar::business_day(occasion.now, self.zone);
        if today < self.valid_from {
            return Err(Refusal::NotYetValid { from: self.valid_from });
        }
        if today > self.valid_until {
            return Err(Refusal::Expired {
                until: self.valid_until,
            });
        }
        if self.is_in_too_many_parts() {
            return Err(Refusal::TooManyParts);
        }
        if basket_minor < self.min_basket_minor {
            return Err(Refusal::BasketTooSmall {
                min_basket_minor: self.min_basket_minor,
                currency: self.currency,
            });
        }
        Ok(())
    }

    fn moved(&self, state: State) -> Outcome {
        Outcome::Changed(Box::new(self.after(state)))
    }

    /// The voucher after a change that tills must hear of.
    fn after(&self, state: State) -> Self {
        Self {
            state,
            version: self.version.saturating_add(1),
            state_version: self.state_version.saturating_add(1),
            ..self.clone()
        }
    }
}

/// Whether the voucher is held for this basket of this location; baskets are numbered by each location for itself.
fn held_by(state: &State, basket: Option<&BasketId>, occasion: &Occasion) -> bool {
    match state {
        State::Reserved {
            basket: held, location, ..
        } => Some(held) == basket && *location == occasion.location,
        State::Open | State::Redeemed { .. } | State::Blocked { .. } | State::Voided { .. } => false,
    }
}

fn already(receipt: &ReceiptKey, at: DateTime<Utc>) -> Refusal {
    Refusal::AlreadyRedeemed {
        receipt: receipt.clone(),
        at,
    }
}

/// The name of the voucher with this number on the account of `party` in `programme`.
pub fn voucher_id(party: &PartyId, programme: &ProgrammeId, number: &VoucherNumber) -> String {
    format!("{party}~{programme}~{number}")
}

mod desk;
mod discount;
mod goods;
mod number;
mod parts;
mod rollback;

pub use desk::{EXTENSION_DAYS_MAX, Reissued};
pub use discount::{VAT_RATE_MAX, VAT_RATES_MAX, VatAmount, split_by_vat};
pub use goods::{GOODS_MAX, Goods};
pub use number::{CampaignTerms, InvalidVoucherNumber, REISSUES_MAX, VoucherNumber};
pub use parts::{Mismatch, PARTS_MAX, Part, Parts, Taking};

use goods::Sale;

#[cfg(test)]
mod goods_tests;
#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod parts_tests;
#[cfg(test)]
mod tests;
