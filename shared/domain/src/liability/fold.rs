//! The parcels of one account through its entries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::cause::{Classes, Column, named_lot};
use super::month::Month;
use super::parcel::{self, Lane, Origin, Parcel, split_first};
use super::row::Rollforward;
use crate::account::{Account, Cause, Entry, FoldError, LotKey, LotMove};
use crate::calendar;
use crate::money::OutOfRange;
use crate::voucher::VoucherNumber;

/// An entry with the instant at which it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// When its record was made.
    pub at: DateTime<Utc>,
    /// The entry.
    pub entry: Entry,
}

/// An account that knows where each of its open points came from.
#[derive(Debug, Clone, Default)]
pub struct Parcels {
    account: Account,
    lots: BTreeMap<LotKey, Lane>,
    /// What the account owes: parcels of a deficit, positive here.
    owed: Lane,
    /// What each voucher that was not voided consumed, in the order in which it was taken.
    vouchers: BTreeMap<VoucherNumber, Vec<Parcel>>,
    /// Movements since the last [`Parcels::begin`].
    moves: Rollforward,
}

/// The rows of one account for a month, and the account at its end.
///
/// Entries come in any order; those posted after the month are left out.
///
/// # Errors
/// [`FoldError`] naming the first entry that does not fit.
pub fn roll_forward(mut posted: Vec<Posted>, month: Month, zone: Tz) -> Result<(Rollforward, Parcels), FoldError> {
    posted.sort_by_key(|posted| posted.entry.version);
    let mut parcels = Parcels::default();
    let mut begun = false;
    // The latest instant so far: a month ends between two versions, whatever the clocks of their writers said.
    let mut latest = None;
    for Posted { at, entry } in &posted {
        latest = latest.max(Some(*at));
        let day = calendar::business_day(latest.unwrap_or(*at), zone);
        if day > month.last() {
            break;
        }
        if !begun && day >= month.first() {
            parcels.begin()?;
            begun = true;
        }
        parcels.follow(entry)?;
    }
    if !begun {
        parcels.begin()?;
    }
    Ok((parcels.rows()?, parcels))
}

/// The parcels that a voucher consumed; `None` when no entry issued it. Entries come in any order.
///
/// # Errors
/// [`FoldError`] naming the first entry that does not fit, up to the one that issued the voucher.
pub fn voucher_parcels(mut posted: Vec<Posted>, number: &VoucherNumber) -> Result<Option<Vec<Parcel>>, FoldError> {
    posted.sort_by_key(|posted| posted.entry.version);
    let mut parcels = Parcels::default();
    for Posted { entry, .. } in &posted {
        parcels.follow(entry)?;
        if let Some(consumed) = parcels.of_voucher(number) {
            return Ok(Some(consumed.to_vec()));
        }
    }
    Ok(None)
}

/// Where the points were earned that `debit` takes from active lots, by lot in the order in which it takes them, each origin of
/// a lot once. Entries come in any order; those that follow the debit are left out.
///
/// # Errors
/// [`FoldError`] naming the first entry that does not fit; the debit itself, when the entries do not lead up to it.
pub fn taken_by(mut posted: Vec<Posted>, debit: &Entry) -> Result<Vec<(LotKey, Parcel)>, FoldError> {
    posted.retain(|posted| posted.entry.version < debit.version);
    posted.sort_by_key(|posted| posted.entry.version);
    let mut parcels = Parcels::default();
    for Posted { entry, .. } in &posted {
        parcels.follow(entry)?;
    }
    parcels.account.after(debit)?;
    let leaving = debit.points.min(0).checked_neg().ok_or(OutOfRange)?;
    let mut taken: BTreeMap<(LotKey, Origin), i64> = BTreeMap::new();
    let mut sum = 0i64;
    for (lot, parcel) in parcels.take(debit, &Classes::of(debit)?, leaving)? {
        let points = taken.entry((lot, parcel.origin)).or_default();
        *points = points.checked_add(parcel.points).ok_or(OutOfRange)?;
        sum = sum.checked_add(parcel.points).ok_or(OutOfRange)?;
    }
    if sum != leaving {
        return Err(FoldError::Lots { version: debit.version });
    }
    let taken = taken.into_iter();
    Ok(taken
        .map(|((lot, origin), points)| (lot, Parcel { origin, points }))
        .collect())
}

impl Parcels {
    /// The account itself.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The parcels that a voucher consumed; `None` when the entries so far issued none of this number, or it was voided.
    pub fn of_voucher(&self, number: &VoucherNumber) -> Option<&[Parcel]> {
        self.vouchers.get(number).map(Vec::as_slice)
    }

    /// Points of the parcels of each lot, as the account has them.
    #[cfg(test)]
    pub(super) fn by_lot(&self) -> Vec<(LotKey, i64)> {
        let lots = self.lots.iter();
        lots.map(|(key, lane)| (*key, parcel::sum(lane.parcels()).unwrap()))
            .collect()
    }

    /// The parcels of a lot.
    #[cfg(test)]
    pub(super) fn parcels_of(&self, lot: LotKey) -> Vec<Parcel> {
        self.lots.get(&lot).map_or(Vec::new(), |lane| lane.parcels().to_vec())
    }

    /// Begins a period: what is open now is its opening.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn begin(&mut self) -> Result<(), OutOfRange> {
        let mut moves = Rollforward::default();
        self.note_open(&mut moves, |row| &mut row.opening)?;
        self.moves = moves;
        Ok(())
    }

    /// The rows of the period that has begun, up to now.
    ///
    /// # Errors
    /// [`FoldError::Lots`] when they do not come to the account's points, which no history leads to.
    pub fn rows(&self) -> Result<Rollforward, FoldError> {
        let mut rows = self.moves.clone();
        self.note_open(&mut rows, |row| &mut row.closing)?;
        rows.drop_empty();
        let open = self.account.balance.checked_add(self.account.pending());
        if rows.adds_up() && Some(rows.total()?.closing) == open {
            Ok(rows)
        } else {
            let version = self.account.version;
            Err(FoldError::Lots { version })
        }
    }

    fn note_open(&self, rows: &mut Rollforward, column: fn(&mut super::Row) -> &mut i64) -> Result<(), OutOfRange> {
        for parcel in self.lots.values().flat_map(Lane::parcels) {
            rows.note(parcel, column)?;
        }
        for parcel in self.owed.parcels() {
            rows.note(&negative(parcel)?, column)?;
        }
        Ok(())
    }

    /// Follows the next entry.
    ///
    /// # Errors
    /// [`FoldError`] when it does not follow from the entries so far; then the parcels are of no use any more.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), FoldError> {
        let after = self.account.after(entry)?;
        let unexplained = FoldError::Lots { version: entry.version };
        let classes = Classes::of(entry)?;
        let less_owed = self.account.deficit().checked_sub(after.deficit()).ok_or(OutOfRange)?;
        let (owing, absorbed) = (less_owed.min(0).saturating_neg(), less_owed.max(0));

        let leaving = entry.points.min(0).checked_neg().ok_or(OutOfRange)?;
        let out = leaving.checked_sub(owing).ok_or(OutOfRange)?;
        let mut carried = self.take(entry, &classes, leaving)?;
        let gone = leave(&mut carried, out)?;
        if parcel::sum(&gone)? != out {
            return Err(unexplained);
        }
        let owing = classes.split(owing)?;
        self.note_leaving(entry, &gone, &owing)?;
        for parcel in owing {
            self.owed.put(parcel)?;
        }

        let mut fresh = self.fresh(entry, &classes)?.ok_or_else(|| unexplained.clone())?;
        self.absorb(absorbed, &mut fresh, &mut carried)?;
        self.place(entry, fresh, carried)?.ok_or(unexplained)?;
        self.note_forgiven(entry, &classes)?;
        self.keep_vouchers(entry, gone)?;
        self.account = after;
        Ok(())
    }

    /// Takes out of each lot what the entry took, with the lot it came from.
    fn take(&mut self, entry: &Entry, classes: &Classes, leaving: i64) -> Result<Vec<(LotKey, Parcel)>, OutOfRange> {
        let mut wanted = match entry.cause {
            Cause::Return { .. } | Cause::Recalculation { .. } => classes.wanted(leaving)?,
            _ => Vec::new(),
        };
        let mut taken = Vec::new();
        for LotMove { key, points } in sorted(&entry.lots).into_iter().filter(|change| change.points < 0) {
            let Some(lane) = self.lots.get_mut(&key) else { continue };
            let most = points.checked_neg().ok_or(OutOfRange)?;
            let parcels = lane.take(most, &mut wanted)?;
            if lane.is_empty() {
                self.lots.remove(&key);
            }
            taken.extend(parcels.into_iter().map(|parcel| (key, parcel)));
        }
        Ok(taken)
    }

    fn note_leaving(&mut self, entry: &Entry, gone: &[Parcel], owing: &[Parcel]) -> Result<(), OutOfRange> {
        let (column, counts_leaving) = Column::of(&entry.cause).field();
        for parcel in gone.iter().chain(owing) {
            if counts_leaving {
                self.moves.note(parcel, column)?;
            } else {
                self.moves.note(&negative(parcel)?, column)?;
            }
        }
        Ok(())
    }

    /// The points that the entry creates; `None` when it gives a voucher back that is not there.
    fn fresh(&mut self, entry: &Entry, classes: &Classes) -> Result<Option<Vec<Parcel>>, OutOfRange> {
        let arriving = entry.points.max(0);
        let (column, counts_leaving) = Column::of(&entry.cause).field();
        let fresh = if let Cause::VoucherVoid { expired, .. } = entry.cause {
            let known = entry.voided().and_then(|number| self.vouchers.remove(&number));
            let Some(mut back) = known else { return Ok(None) };
            // Taken by nearest expiry: what has expired meanwhile is what was taken first.
            let lost = split_first(&mut back, expired)?;
            for parcel in &lost {
                self.moves.note(parcel, column)?;
                self.moves.note(parcel, |row| &mut row.expired)?;
            }
            back
        } else {
            classes.split(arriving)?
        };
        if parcel::sum(&fresh)? != arriving {
            return Ok(None);
        }
        for parcel in &fresh {
            if counts_leaving {
                self.moves.note(&negative(parcel)?, column)?;
            } else {
                self.moves.note(parcel, column)?;
            }
        }
        Ok(Some(fresh))
    }

    /// Settles the deficit, its oldest parcels first, with what arrives: new points, or pending ones that begin to count.
    fn absorb(
        &mut self,
        absorbed: i64,
        fresh: &mut Vec<Parcel>,
        carried: &mut Vec<(LotKey, Parcel)>,
    ) -> Result<(), OutOfRange> {
        let mut paying = split_first(fresh, absorbed)?;
        let left = absorbed.checked_sub(parcel::sum(&paying)?).ok_or(OutOfRange)?;
        paying.extend(leave(carried, left)?);
        for parcel in &paying {
            self.moves.note(&negative(parcel)?, |row| &mut row.settled)?;
        }
        for parcel in self.owed.take(absorbed, &mut [])? {
            self.moves.note(&parcel, |row| &mut row.settled)?;
        }
        Ok(())
    }

    /// Puts what arrives and what only moves into the lots that the entry names. Lots that are merged or activated keep their
    /// order, so what comes from the first goes into the first. `None` when the lots do not take exactly that.
    fn place(
        &mut self,
        entry: &Entry,
        mut fresh: Vec<Parcel>,
        mut carried: Vec<(LotKey, Parcel)>,
    ) -> Result<Option<()>, OutOfRange> {
        // A deficit has absorbed the first of what was transferred.
        let arrived = entry.points.max(0);
        let mut absorbed = arrived.checked_sub(parcel::sum(&fresh)?).ok_or(OutOfRange)?;
        for (lot, points) in arriving(entry) {
            let gone = points.min(absorbed);
            absorbed = absorbed.checked_sub(gone).ok_or(OutOfRange)?;
            let parcels = split_first(&mut fresh, points.checked_sub(gone).ok_or(OutOfRange)?)?;
            carried.extend(parcels.into_iter().map(|parcel| (lot, parcel)));
        }
        let moves = sorted(&entry.lots);
        let into: Vec<_> = moves.into_iter().filter(|change| change.points > 0).collect();
        let named = named_lot(entry).or_else(|| into.first().map(|change| change.key));
        if let Some(named) = named {
            carried.extend(fresh.into_iter().map(|parcel| (named, parcel)));
        } else if !fresh.is_empty() {
            return Ok(None);
        }
        if matches!(entry.cause, Cause::Activation) {
            for (key, _) in &mut carried {
                *key = key.activated();
            }
        }
        carried.sort_by_key(|(key, _)| *key);
        let mut queue: Vec<Parcel> = carried.into_iter().map(|(_, parcel)| parcel).collect();
        for LotMove { key, points } in into {
            let parcels = split_first(&mut queue, points)?;
            if parcel::sum(&parcels)? != points {
                return Ok(None);
            }
            let lane = self.lots.entry(key).or_default();
            for parcel in parcels {
                lane.put(parcel)?;
            }
        }
        Ok(queue.is_empty().then_some(()))
    }

    fn note_forgiven(&mut self, entry: &Entry, classes: &Classes) -> Result<(), OutOfRange> {
        if let Cause::Return { forgiven, .. } | Cause::Recalculation { forgiven, .. } = entry.cause {
            for parcel in classes.split(forgiven)? {
                self.moves.note(&parcel, |row| &mut row.forgiven)?;
            }
        }
        Ok(())
    }

    /// The first voucher consumed the first points.
    fn keep_vouchers(&mut self, entry: &Entry, mut gone: Vec<Parcel>) -> Result<(), OutOfRange> {
        let Cause::VoucherIssue { threshold_points, .. } = entry.cause else {
            return Ok(());
        };
        for number in entry.vouchers() {
            let parcels = split_first(&mut gone, threshold_points)?;
            self.vouchers.insert(number, parcels);
        }
        Ok(())
    }
}

/// Parts the first `points` from what was taken.
fn leave(taken: &mut Vec<(LotKey, Parcel)>, points: i64) -> Result<Vec<Parcel>, OutOfRange> {
    let (mut left, mut gone) = (points, Vec::new());
    for (_, parcel) in taken.iter_mut() {
        let part = parcel.points.min(left);
        if part > 0 {
            parcel.points = parcel.points.checked_sub(part).ok_or(OutOfRange)?;
            left = left.checked_sub(part).ok_or(OutOfRange)?;
            gone.push(Parcel {
                origin: parcel.origin.clone(),
                points: part,
            });
        }
    }
    taken.retain(|(_, parcel)| parcel.points != 0);
    Ok(gone)
}

/// The lots that transferred points go into, in the order of the parcels; none for other entries.
fn arriving(entry: &Entry) -> Vec<(LotKey, i64)> {
    let Cause::Transfer { origins, .. } = &entry.cause else {
        return Vec::new();
    };
    let lots = origins.iter().map(|arrival| (arrival.lot, arrival.parcel.points));
    lots.collect()
}

fn negative(parcel: &Parcel) -> Result<Parcel, OutOfRange> {
    Ok(Parcel {
        origin: parcel.origin.clone(),
        points: parcel.points.checked_neg().ok_or(OutOfRange)?,
    })
}

fn sorted(moves: &[LotMove]) -> Vec<LotMove> {
    let mut moves = moves.to_vec();
    moves.sort_by_key(|change| change.key);
    moves
}
