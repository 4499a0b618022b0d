//! Points become vouchers (N4), and come back when a voucher is voided.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::Account;
use super::draft::Draft;
use super::entry::{Cause, Entry};
use super::lot::{LotKey, LotMove};
use crate::id::RunName;
use crate::money::OutOfRange;
use crate::programme::Programme;
use crate::voucher::VoucherNumber;

/// Most vouchers issued in one transaction: with 20, voucher, reference, entry and account stay far below 100 legs.
pub const ISSUE_STEP_MAX: u64 = 20;

/// Vouchers to be created together with their ledger debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The debit.
    pub entry: Entry,
    /// The account after it.
    pub account: Account,
    /// Sequence number of the first voucher; the others follow without a gap.
    pub first: u64,
    /// How many, 1 to [`ISSUE_STEP_MAX`].
    pub count: u64,
}

impl Account {
    /// How many threshold vouchers the active balance is worth now: ⌊balance ÷ threshold⌋.
    pub fn vouchers_due(&self, programme: &Programme) -> u64 {
        affordable(self.balance, programme.voucher.threshold_points)
    }

    /// Issues up to [`ISSUE_STEP_MAX`] of the vouchers due; `None` when none is due. The remainder stays on the account.
    ///
    /// Sequence numbers in `avoid` are left out: their codes are taken by other vouchers.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn issue(
        &self,
        programme: &Programme,
        today: NaiveDate,
        avoid: &BTreeSet<u64>,
    ) -> Result<Option<Issue>, OutOfRange> {
        let mut first = self.last_voucher.checked_add(1).ok_or(OutOfRange)?;
        while avoid.contains(&first) {
            first = first.checked_add(1).ok_or(OutOfRange)?;
        }
        let free = avoid
            .range(first..)
            .next()
            .map_or(u64::MAX, |taken| taken.saturating_sub(first));
        let count = self.vouchers_due(programme).min(ISSUE_STEP_MAX).min(free);
        if count == 0 {
            return Ok(None);
        }
        let threshold_points = programme.voucher.threshold_points;
        let spent = i64::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(threshold_points))
            .ok_or(OutOfRange)?;
        let cause = Cause::VoucherIssue {
            first,
            count,
            threshold_points,
            run: None,
        };
        let (entry, account) = self.pay(spent, today, programme.version, cause)?;
        Ok(Some(Issue {
            entry,
            account,
            first,
            count,
        }))
    }

    /// Pays for up to `most` vouchers of a run at `points_each` points: for as many as the balance has points for. `None` when it
    /// has not enough for one. The entry is named after the run and its business day `day`, so that it can stand once only.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn pay_for_run(
        &self,
        run: &RunName,
        most: u64,
        points_each: i64,
        day: NaiveDate,
        programme_version: u32,
    ) -> Result<Option<(Entry, Self)>, OutOfRange> {
        let count = affordable(self.balance, points_each).min(most);
        if count == 0 {
            return Ok(None);
        }
        let spent = i64::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(points_each))
            .ok_or(OutOfRange)?;
        let cause = Cause::VoucherIssue {
            first: 1,
            count,
            threshold_points: points_each,
            run: Some(run.clone()),
        };
        self.pay(spent, day, programme_version, cause).map(Some)
    }

    fn pay(
        &self,
        spent: i64,
        day: NaiveDate,
        programme_version: u32,
        cause: Cause,
    ) -> Result<(Entry, Self), OutOfRange> {
        let mut draft = Draft::new(self);
        if draft.take_nearest(spent)? != spent {
            return Err(OutOfRange);
        }
        draft.finish(day, programme_version, cause)
    }

    /// Gives the points of a voided voucher back to the lots they came from ([`share_of_voucher`]).
    ///
    /// Points whose lot has expired meanwhile get `grace_days` from `today` on, or expire with this entry when that is 0.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn void_voucher(
        &self,
        number: &VoucherNumber,
        share: &[LotMove],
        grace_days: u32,
        today: NaiveDate,
        programme_version: u32,
    ) -> Result<(Entry, Self), OutOfRange> {
        let mut draft = Draft::new(self);
        let mut expired = 0i64;
        for LotMove { key, points } in share {
            let over = key.until.is_some_and(|until| until < today);
            if !over {
                draft.put(key.activated(), *points)?;
            } else if grace_days > 0 {
                let until = crate::calendar::plus_days(today, grace_days);
                draft.put(LotKey::active(Some(until)), *points)?;
            } else {
                expired = expired.checked_add(*points).ok_or(OutOfRange)?;
            }
        }
        let cause = Cause::VoucherVoid {
            sequence: number.position(),
            run: number.run().cloned(),
            expired,
        };
        draft.finish(today, programme_version, cause)
    }
}

/// How many vouchers at `points_each` points a balance pays for: ⌊balance ÷ points⌋, 0 of a deficit or where they cost nothing.
pub fn affordable(balance: i64, points_each: i64) -> u64 {
    let whole = balance.checked_div(points_each).unwrap_or(0);
    u64::try_from(whole).unwrap_or(0)
}

/// The points that one voucher of an issue consumed, by lot and positive: the first voucher took the first points.
///
/// # Errors
/// [`OutOfRange`] when the entry issued no such voucher or its lots do not add up.
pub fn share_of_voucher(entry: &Entry, number: &VoucherNumber) -> Result<Vec<LotMove>, OutOfRange> {
    let Cause::VoucherIssue {
        first,
        count,
        threshold_points,
        run,
    } = &entry.cause
    else {
        return Err(OutOfRange);
    };
    let index = number
        .position()
        .checked_sub(*first)
        .filter(|index| index < count && run.as_ref() == number.run())
        .and_then(|index| i64::try_from(index).ok())
        .ok_or(OutOfRange)?;
    let begin = index.checked_mul(*threshold_points).ok_or(OutOfRange)?;
    let end = begin.checked_add(*threshold_points).ok_or(OutOfRange)?;
    let (mut share, mut position) = (Vec::new(), 0i64);
    for LotMove { key, points } in &entry.lots {
        let taken = points.checked_neg().ok_or(OutOfRange)?;
        let next = position.checked_add(taken).ok_or(OutOfRange)?;
        let points = next.min(end).checked_sub(position.max(begin)).ok_or(OutOfRange)?;
        if points > 0 {
            share.push(LotMove { key: *key, points });
        }
        position = next;
    }
    if position >= end { Ok(share) } else { Err(OutOfRange) }
}
