//! Corrections by hand and transfers between accounts.

use chrono::NaiveDate;

use super::Account;
use super::draft::Draft;
use super::entry::{Arrival, Cause, Entry};
use super::lot::{LotKey, LotMove};
use crate::id::PartyId;
use crate::liability::Parcel;
use crate::money::OutOfRange;

/// The two sides of a transfer: what leaves one account and what arrives on the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Debit and giving account after it.
    pub from: (Entry, Account),
    /// Credit and receiving account after it.
    pub to: (Entry, Account),
}

impl Transfer {
    /// Notes where the points were earned, so that age, VAT class and branch go with them (X9): by the lots that they left.
    ///
    /// # Errors
    /// [`OutOfRange`] when they do not add up to the points that arrive.
    pub fn with_origins(mut self, left: Vec<(LotKey, Parcel)>) -> Result<Self, OutOfRange> {
        let sum = left
            .iter()
            .try_fold(0i64, |sum, (_, parcel)| sum.checked_add(parcel.points))
            .ok_or(OutOfRange)?;
        let credit = &mut self.to.0;
        if sum != credit.points {
            return Err(OutOfRange);
        }
        let today = credit.business_date;
        if let Cause::Transfer { origins, .. } = &mut credit.cause {
            let arrivals = left.into_iter().map(|(lot, parcel)| Arrival {
                lot: arriving(lot, today),
                parcel,
            });
            *origins = arrivals.collect();
        }
        Ok(self)
    }
}

/// The lot that points of another account's lot go into: they keep their last day, but never arrive expired.
fn arriving(lot: LotKey, today: NaiveDate) -> LotKey {
    LotKey::active(lot.until.map(|until| until.max(today)))
}

impl Account {
    /// Corrects the account by hand: more points go into `lot`, fewer are taken from the lots by nearest expiry and may leave
    /// a deficit.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn correct(
        &self,
        id: &str,
        points: i64,
        lot: LotKey,
        today: NaiveDate,
        programme_version: u32,
    ) -> Result<(Entry, Self), OutOfRange> {
        let mut draft = Draft::new(self);
        if points >= 0 {
            draft.put(lot, points)?;
        } else {
            let owed = points.checked_neg().ok_or(OutOfRange)?;
            let taken = draft.take_nearest(owed)?;
            draft.owe(owed.checked_sub(taken).ok_or(OutOfRange)?)?;
        }
        draft.finish(today, programme_version, Cause::Correction { id: id.to_owned() })
    }

    /// Moves active points to another account, nearest expiry first. They keep their last day, but never arrive expired.
    /// `None` when the balance is less than `points`.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; both accounts are unchanged.
    pub fn transfer(
        &self,
        to: &Self,
        (giver, receiver): (&PartyId, &PartyId),
        id: &str,
        points: i64,
        today: NaiveDate,
        programme_version: u32,
    ) -> Result<Option<Transfer>, OutOfRange> {
        if points < 1 || points > self.balance {
            return Ok(None);
        }
        let mut debit = Draft::new(self);
        debit.take_nearest(points)?;
        let cause = |other: &PartyId| Cause::Transfer {
            id: id.to_owned(),
            other: other.clone(),
            origins: Vec::new(),
        };
        let (debit, after) = debit.finish(today, programme_version, cause(receiver))?;
        let mut credit = Draft::new(to);
        for LotMove { key, points } in &debit.lots {
            credit.put(arriving(*key, today), points.checked_neg().ok_or(OutOfRange)?)?;
        }
        let to = credit.finish(today, programme_version, cause(giver))?;
        Ok(Some(Transfer {
            from: (debit, after),
            to,
        }))
    }
}
