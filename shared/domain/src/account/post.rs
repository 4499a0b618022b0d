//! Receipts come in, goods go back, receipts are counted again.

use chrono::NaiveDate;

use super::draft::Draft;
use super::entry::{Cause, Entry};
use super::lot::LotKey;
use super::{Account, VatShare};
use crate::earning::{self, Circumstances, Earning};
use crate::money::OutOfRange;
use crate::programme::{Programme, ReturnPolicy};
use crate::receipt::{Receipt, ReceiptKey};

/// What a return does to the points of its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeBack<'a> {
    /// Natural key of the return; of the voided receipt itself for a void.
    pub receipt: &'a ReceiptKey,
    /// The receipt that the goods were sold on, when it is known.
    pub original: Option<&'a ReceiptKey>,
    /// Whether the receipt is voided as if it had never been.
    pub void: bool,
    /// Business day of the return.
    pub business_date: NaiveDate,
    /// Business day on which it is posted.
    pub booked_on: NaiveDate,
    /// Revenue that goes back, in minor units, 0 or more.
    pub total_minor: i64,
    /// Points of the original before and after, by the version it was counted with.
    pub points_before: i64,
    /// See `points_before`.
    pub points_after: i64,
    /// The points that go back by VAT class, negative; they sum to `points_after` less `points_before`.
    pub vat: Vec<VatShare>,
    /// The lot that the original's points went into.
    pub lot: Option<LotKey>,
    /// Points of that lot that expired and have not been forgiven to another return yet, 0 or more.
    pub expired: i64,
    /// Version of the programme that the original was counted with.
    pub programme_version: u32,
    /// What a return may take; a void takes everything.
    pub policy: ReturnPolicy,
}

/// A receipt counted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount<'a> {
    /// The run.
    pub run: &'a str,
    /// The receipt.
    pub receipt: &'a ReceiptKey,
    /// Points before.
    pub points_before: i64,
    /// Points under the run's version.
    pub points_after: i64,
    /// The difference by VAT class.
    pub vat: Vec<VatShare>,
    /// Points that the cap of the day allowed; `None` without such a cap.
    pub day_left: Option<i64>,
    /// Where more points go, and where fewer are taken first.
    pub lot: LotKey,
    /// Points of that lot that expired and have not been forgiven yet, 0 or more.
    pub expired: i64,
    /// The run's version of the programme.
    pub programme_version: u32,
}

impl Account {
    /// Posts a receipt: one entry, also for 0 points, and the account after it. The points lie in the lot that the programme
    /// gives a receipt of this day that is booked on `booked_on`. The entry keeps what only the account could know of the
    /// circumstances, so that returns and explanations count with the same.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn post(
        &self,
        receipt: &Receipt,
        (earning, known): (&Earning, &Circumstances),
        programme: &Programme,
        booked_on: NaiveDate,
    ) -> Result<(Entry, Self), OutOfRange> {
        let mut draft = Draft::new(self);
        let mut lot = None;
        if earning.points > 0 {
            let key = programme.lot(receipt.key.business_date, booked_on);
            draft.put(key, earning.points)?;
            lot = Some(key);
        }
        let cause = Cause::Receipt {
            receipt: receipt.key.clone(),
            total_minor: receipt.total_minor,
            eligible_minor: earning.eligible_minor,
            voucher_paid_minor: earning.voucher_paid_minor,
            base_minor: earning.base_minor,
            lot,
            vat: earning::vat_split(receipt, earning, earning.points)?,
            first_purchase: known.customer.as_ref().is_some_and(|customer| customer.first_purchase),
            day_left: known.day_left,
        };
        draft.finish(receipt.key.business_date, earning.programme_version, cause)
    }

    /// Gives goods back: takes the difference in points, first from the lot they were earned into, then from the others by
    /// nearest expiry, and by the programme's policy from what is still to be earned.
    ///
    /// What has expired with that lot is not taken a second time. Where a return makes a receipt worth more (a voucher that
    /// paid for excluded goods comes back), the points are put into its lot, or counted at once when that has expired.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn take_back(&self, back: TakeBack<'_>) -> Result<(Entry, Self), OutOfRange> {
        let mut draft = Draft::new(self);
        let difference = back.points_after.checked_sub(back.points_before).ok_or(OutOfRange)?;
        let (mut forgiven, mut uncollected) = (0, 0);
        if difference > 0 {
            draft.put(own_lot(&draft, &back), difference)?;
        } else {
            let owed = difference.checked_neg().ok_or(OutOfRange)?;
            // A voided receipt never was: nothing of it stays with the customer.
            let policy = if back.void {
                ReturnPolicy::Unlimited
            } else {
                back.policy
            };
            (forgiven, uncollected) = collect(&mut draft, (back.lot, back.expired), policy, owed)?;
        }
        let cause = Cause::Return {
            receipt: back.receipt.clone(),
            original: back.original.cloned(),
            void: back.void,
            total_minor: back.total_minor,
            points_before: back.points_before,
            points_after: back.points_after,
            forgiven,
            uncollected,
            vat: back.vat,
        };
        draft.finish(back.business_date, back.programme_version, cause)
    }

    /// Posts the difference of a receipt that was counted again under another version of the programme (X8); also stands for 0
    /// points. Fewer points are taken as by a return under the policy `unlimited`, from `lot` first, and not a second time where
    /// they have expired: the run was approved. More are put into `lot`.
    ///
    /// The entry has the business date of its receipt, so that a run posts it once, on whatever day.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn recount(&self, recount: Recount<'_>) -> Result<(Entry, Self), OutOfRange> {
        let mut draft = Draft::new(self);
        let difference = recount.points_after.checked_sub(recount.points_before);
        let difference = difference.ok_or(OutOfRange)?;
        let mut forgiven = 0;
        if difference >= 0 {
            draft.put(recount.lot, difference)?;
        } else {
            let owed = difference.checked_neg().ok_or(OutOfRange)?;
            let source = (Some(recount.lot), recount.expired);
            (forgiven, _) = collect(&mut draft, source, ReturnPolicy::Unlimited, owed)?;
        }
        let cause = Cause::Recalculation {
            run: recount.run.to_owned(),
            receipt: recount.receipt.clone(),
            points_before: recount.points_before,
            points_after: recount.points_after,
            vat: recount.vat,
            day_left: recount.day_left,
            forgiven,
        };
        draft.finish(recount.receipt.business_date, recount.programme_version, cause)
    }
}

/// The lot of the original as it is now: still pending, active meanwhile, or the same again after it was used up. A lot that
/// has expired is not opened again: its points count until the day of the posting.
fn own_lot(draft: &Draft<'_>, back: &TakeBack<'_>) -> LotKey {
    let day = back.booked_on;
    let Some(key) = back.lot else {
        return LotKey::active(Some(day));
    };
    let still_pending = draft.lots().iter().any(|lot| lot.key == key) && key.is_pending();
    if still_pending {
        key
    } else {
        LotKey::active(key.until.map(|until| until.max(day)))
    }
}

/// Takes what a return owes; returns the points forgiven and those left with the customer.
fn collect(
    draft: &mut Draft<'_>,
    (lot, expired): (Option<LotKey>, i64),
    policy: ReturnPolicy,
    owed: i64,
) -> Result<(i64, i64), OutOfRange> {
    let less = |left: i64, taken: i64| left.checked_sub(taken).ok_or(OutOfRange);
    let mut left = owed;
    if let Some(key) = lot.filter(|key| key.is_pending()) {
        left = less(left, draft.take_from(key, left)?)?;
    }
    let forgiven = left.min(expired);
    if policy == ReturnPolicy::OnlyPending {
        return Ok((forgiven, less(left, forgiven)?));
    }
    left = less(left, forgiven)?;
    if let Some(key) = lot {
        left = less(left, draft.take_from(key.activated(), left)?)?;
    }
    left = less(left, draft.take_nearest(left)?)?;
    if policy == ReturnPolicy::WithinBalance {
        return Ok((forgiven, left));
    }
    draft.owe(left)?;
    Ok((forgiven, 0))
}
