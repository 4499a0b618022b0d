//! The decision on an entry of a journal: from the entry, the allowance, the voucher and the time alone.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::{Allowance, Bearer, Breach, First, Loss, LossReason, Outcome, Taken, Verdict, Window};
use crate::calendar;
use crate::id::LocationId;
use crate::voucher::{self, Command, Occasion, Presenter, Refusal, State, Voucher};

/// An entry that is to be decided.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What the branch tells.
    pub taken: &'a Taken,
    /// The window of the signed allowance that it came with.
    pub window: Window,
    /// The allowance as it stands.
    pub allowance: &'a Allowance,
    /// Whether the receipt was voided.
    pub voided: bool,
    /// Who presented the voucher: whose card the entry names, as the books know it now.
    pub presenter: &'a Presenter,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What stands under the entry's code.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// Nothing.
    Nothing,
    /// A voucher.
    Voucher {
        /// As it stands.
        voucher: &'a Voucher,
        /// Why no till would take it, for what is not on the voucher itself.
        stop: Option<LossReason>,
    },
}

/// What is decided, to be stored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the entry.
    pub verdict: Verdict,
    /// The voucher as it must be stored, when it changes.
    pub voucher: Option<Voucher>,
    /// The allowance as it must be stored.
    pub allowance: Allowance,
}

/// What the voucher says to an entry.
enum Said {
    /// It covers so many minor units; the changed voucher, unless it is redeemed on the receipt already.
    Takes(i64, Option<Box<Voucher>>),
    Refuses(LossReason, Option<First>),
    Reversed,
}

/// Decides an entry.
pub fn decide(case: &Case<'_>, found: Found<'_>) -> Decision {
    let breaches = breaches(case);
    let as_of_now = [Breach::OutsideWindow, Breach::TooLate];
    let at = if breaches.iter().any(|breach| as_of_now.contains(breach)) {
        case.now
    } else {
        // A clock that runs ahead must not end a hold.
        case.taken.at.min(case.now)
    };
    let said = match found {
        Found::Nothing if case.voided => Said::Reversed,
        Found::Nothing => Said::Refuses(LossReason::UnknownCode, None),
        Found::Voucher { voucher, stop } => ask(case, voucher, stop, at),
    };
    let value = case.taken.value_minor;
    let bearer = |reason| {
        if breaches.is_empty() {
            case.allowance.rule.bearer(reason)
        } else {
            Bearer::Branch
        }
    };
    let lost = |reason, minor, first| Loss {
        reason,
        minor,
        bearer: bearer(reason),
        first,
    };
    let (outcome, booked_minor, loss, voucher) = match said {
        Said::Reversed => (Outcome::Reversed, 0, None, None),
        Said::Refuses(reason, first) => (Outcome::Lost, 0, Some(lost(reason, value, first)), None),
        Said::Takes(face, after) => {
            let excess = value.saturating_sub(face);
            let loss = (excess > 0).then(|| lost(LossReason::MoreThanFace, excess, None));
            (Outcome::Booked, value.min(face), loss, after.map(|after| *after))
        }
    };
    let counts = breaches.is_empty() && outcome != Outcome::Reversed;
    let mut allowance = case.allowance.clone();
    allowance.version = allowance.version.saturating_add(1);
    if counts {
        allowance.used_minor = allowance.used_minor.saturating_add(value);
    }
    Decision {
        verdict: Verdict {
            outcome,
            breaches,
            booked_minor,
            loss,
        },
        voucher,
        allowance,
    }
}

fn breaches(case: &Case<'_>) -> Vec<Breach> {
    let (rule, value) = (&case.allowance.rule, case.taken.value_minor);
    let today = calendar::business_day(case.now, case.allowance.zone);
    let last_day = calendar::plus_days(case.allowance.day, rule.journal_days);
    let found = [
        (Breach::OutsideWindow, !case.window.holds(case.taken.at)),
        (Breach::TooLate, today > last_day),
        (Breach::OverVoucherLimit, value > rule.voucher_limit_minor),
        (
            Breach::OverLimit,
            case.allowance.used_minor.saturating_add(value) > rule.limit_minor,
        ),
    ];
    let broken = found.into_iter().filter(|(_, broken)| *broken);
    broken.map(|(breach, _)| breach).collect()
}

/// Asks the voucher as a till of the location would have at `at`.
fn ask(case: &Case<'_>, voucher: &Voucher, stop: Option<LossReason>, at: DateTime<Utc>) -> Said {
    let voucher = at_rest(voucher, case.now);
    let (location, receipt) = (&case.allowance.location, &case.taken.receipt);
    // Whoever has taken it since, and whatever became of it: on this receipt nothing was given for it.
    if (case.voided || voucher.is_reversed(receipt)) && !voucher.is_redeemed_on(receipt) {
        return Said::Reversed;
    }
    let occasion = Occasion {
        location: location.clone(),
        programme: case.allowance.programme.clone(),
        presenter: case.presenter.clone(),
        now: at,
    };
    // A hold that is over has no basket to name any more.
    let held = matches!(voucher.state, State::Reserved { .. });
    let command = Command::Redeem {
        receipt: case.taken.receipt.clone(),
        basket: case.taken.basket.clone().filter(|_| held),
        basket_minor: case.taken.basket_minor,
        goods: case.taken.goods.clone(),
        amount_minor: part(&voucher, case.taken),
    };
    let face = face(&voucher, case.taken);
    match (voucher.apply(&command, &occasion), stop) {
        (Ok(voucher::Outcome::Replayed), _) => Said::Takes(face, None),
        (Ok(voucher::Outcome::Changed(_)), Some(stop)) => Said::Refuses(stop, None),
        // The books say what the customer was given, also where a till could have given more.
        (Ok(voucher::Outcome::Changed(after)), None) => {
            let after = after.having_given(case.taken.value_minor);
            Said::Takes(face, Some(Box::new(after.booked_on(&case.taken.receipt, case.now))))
        }
        (Err(refusal), _) => refused(refusal, location),
    }
}

/// Most that the voucher is worth on what the entry tells: what it took on this receipt before, the discount of one that a campaign
/// gave, else its face value or what is left of it.
fn face(voucher: &Voucher, taken: &Taken) -> i64 {
    if let Some(minor) = voucher.taken_on(&taken.receipt) {
        return minor;
    }
    if voucher.campaign.is_none() {
        return voucher.worth_minor();
    }
    let goods = voucher.goods_minor(taken.basket_minor, &taken.goods);
    // Where the goods are not named, it is refused.
    goods.map_or(0, |goods_minor| voucher.discount_on(goods_minor))
}

/// How much the entry takes of a voucher that is taken in parts, up to what is left; what it took before stays as it was decided.
fn part(voucher: &Voucher, taken: &Taken) -> Option<i64> {
    let rest = voucher
        .rest_minor()
        .filter(|_| voucher.part_on(&taken.receipt).is_none())?;
    // Of one for some groups no more than their goods; where these come to nothing it is refused.
    let goods_minor = if voucher.is_for_some_groups() {
        voucher.goods_minor(taken.basket_minor, &taken.goods).unwrap_or(rest)
    } else {
        rest
    };
    Some(taken.value_minor.min(rest).min(goods_minor))
}

/// The voucher without a hold that is over by now: it protects nobody, whenever it was made.
fn at_rest(voucher: &Voucher, now: DateTime<Utc>) -> Cow<'_, Voucher> {
    if matches!(voucher.state, State::Reserved { .. }) && *voucher.state_at(now) == State::Open {
        return Cow::Owned(Voucher {
            state: State::Open,
            ..voucher.clone()
        });
    }
    Cow::Borrowed(voucher)
}

fn refused(refusal: Refusal, location: &LocationId) -> Said {
    let reason = match refusal {
        Refusal::Reversed => return Said::Reversed,
        Refusal::AlreadyRedeemed { receipt, at } => {
            let reason = if receipt.store == *location {
                LossReason::RedeemedHere
            } else {
                LossReason::RedeemedElsewhere
            };
            return Said::Refuses(reason, Some(First { receipt, at }));
        }
        Refusal::Reserved { .. } => LossReason::Reserved,
        Refusal::Blocked => LossReason::Blocked,
        Refusal::Voided { .. } => LossReason::Voided,
        Refusal::NotYetValid { .. } => LossReason::NotYetValid,
        Refusal::Expired { .. } => LossReason::Expired,
        Refusal::OtherProgramme => LossReason::OtherProgramme,
        Refusal::OtherLocation => LossReason::OtherLocation,
        Refusal::NotYetConfirmed => LossReason::NotYetConfirmed,
        Refusal::BasketTooSmall { .. } => LossReason::BasketTooSmall,
        Refusal::NoCustomer => LossReason::NoCustomer,
        Refusal::OtherCustomer => LossReason::OtherCustomer,
        Refusal::GoodsNotNamed | Refusal::GoodsTooFew { .. } => LossReason::NoGoods,
        Refusal::NotHeld
        | Refusal::PaidWith
        | Refusal::NotRedeemed
        | Refusal::TooManyReversals
        | Refusal::NotInParts
        | Refusal::RestTooSmall { .. }
        | Refusal::OtherPart { .. }
        | Refusal::TooManyParts
        | Refusal::PartlyRedeemed
        | Refusal::NotBlocked
        | Refusal::NotExtended { .. }
        | Refusal::Reissued { .. }
        | Refusal::TooManyReissues => LossReason::NotTaken,
    };
    Said::Refuses(reason, None)
}
