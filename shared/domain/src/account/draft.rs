//! An entry in the making: every movement of points goes through here, so that the books add up by construction.

use chrono::NaiveDate;

use super::Account;
use super::entry::{Cause, Entry};
use super::lot::{self, Grid, LOTS_MAX, Lot, LotKey, LotMove};
use crate::money::OutOfRange;

/// Movements on top of an account, not yet an entry.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    account: &'a Account,
    lots: Vec<Lot>,
    deficit: i64,
    moves: Vec<LotMove>,
    points: i64,
}

impl<'a> Draft<'a> {
    pub(super) fn new(account: &'a Account) -> Self {
        Self {
            account,
            lots: account.lots.clone(),
            deficit: account.deficit(),
            moves: Vec::new(),
            points: 0,
        }
    }

    pub(super) fn lots(&self) -> &[Lot] {
        &self.lots
    }

    /// Adds points. Active ones settle the deficit first; what a deficit absorbs is in no lot and expires no more.
    pub(super) fn put(&mut self, key: LotKey, points: i64) -> Result<(), OutOfRange> {
        let absorbed = if key.is_pending() { 0 } else { points.min(self.deficit) };
        self.deficit = self.deficit.checked_sub(absorbed).ok_or(OutOfRange)?;
        self.points = self.points.checked_add(points).ok_or(OutOfRange)?;
        self.shift(key, points.checked_sub(absorbed).ok_or(OutOfRange)?)
    }

    /// Takes up to `most` points from one lot; returns how many it had.
    pub(super) fn take_from(&mut self, key: LotKey, most: i64) -> Result<i64, OutOfRange> {
        let open = self.lots.iter().find(|lot| lot.key == key).map_or(0, |lot| lot.open);
        let taken = open.min(most);
        let change = taken.checked_neg().ok_or(OutOfRange)?;
        self.points = self.points.checked_add(change).ok_or(OutOfRange)?;
        self.shift(key, change)?;
        Ok(taken)
    }

    /// Takes up to `most` points from active lots, nearest expiry first; returns how many there were.
    pub(super) fn take_nearest(&mut self, most: i64) -> Result<i64, OutOfRange> {
        let mut left = most;
        while left > 0 {
            let Some(key) = self.lots.first().map(|lot| lot.key).filter(|key| !key.is_pending()) else {
                break;
            };
            let taken = self.take_from(key, left)?;
            left = left.checked_sub(taken).ok_or(OutOfRange)?;
        }
        most.checked_sub(left).ok_or(OutOfRange)
    }

    /// Takes points that are not there: the account owes them. Call it only when no active lot is left.
    pub(super) fn owe(&mut self, points: i64) -> Result<(), OutOfRange> {
        self.deficit = self.deficit.checked_add(points).ok_or(OutOfRange)?;
        self.points = self.points.checked_sub(points).ok_or(OutOfRange)?;
        Ok(())
    }

    fn shift(&mut self, key: LotKey, points: i64) -> Result<(), OutOfRange> {
        if points == 0 {
            return Ok(());
        }
        lot::apply(&mut self.lots, LotMove { key, points }).ok_or(OutOfRange)?;
        match self.moves.iter_mut().find(|change| change.key == key) {
            Some(change) => change.points = change.points.checked_add(points).ok_or(OutOfRange)?,
            None => self.moves.push(LotMove { key, points }),
        }
        Ok(())
    }

    /// Merges lots of one week, then of one month, then of one year, until the account is within its bound; merged points
    /// expire with the later of the two.
    fn coarsen(&mut self) -> Result<(), OutOfRange> {
        for grid in Grid::ALL {
            while self.lots.len() > LOTS_MAX {
                let Some((a, b)) = grid.neighbours(&self.lots) else {
                    break;
                };
                let (key, sum) = (lot::merged(a.key, b.key), a.open.checked_add(b.open).ok_or(OutOfRange)?);
                self.shift(a.key, a.open.checked_neg().ok_or(OutOfRange)?)?;
                self.shift(b.key, b.open.checked_neg().ok_or(OutOfRange)?)?;
                self.shift(key, sum)?;
            }
        }
        Ok(())
    }

    /// The entry and the account after it.
    pub(super) fn finish(
        mut self,
        business_date: NaiveDate,
        programme_version: u32,
        cause: Cause,
    ) -> Result<(Entry, Account), OutOfRange> {
        self.coarsen()?;
        self.moves.retain(|change| change.points != 0);
        let (active, pending) = super::sums(&self.lots)?;
        let entry = Entry {
            version: self.account.version.checked_add(1).ok_or(OutOfRange)?,
            business_date,
            points: self.points,
            balance_after: active.checked_sub(self.deficit).ok_or(OutOfRange)?,
            pending_after: pending,
            programme_version,
            lots: self.moves,
            cause,
        };
        let after = self.account.after(&entry).map_err(|_| OutOfRange)?;
        Ok((entry, after))
    }
}
