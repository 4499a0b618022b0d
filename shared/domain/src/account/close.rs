//! The close of a business day, in the fixed order activation, threshold vouchers, expiry: points must be usable before they
//! expire. Issuing lies between the two and is the same as after each posting.

use chrono::NaiveDate;

use super::Account;
use super::draft::Draft;
use super::entry::{Cause, Entry};
use crate::money::OutOfRange;

impl Account {
    /// Activates the pending lots that count from `today` on or earlier; `None` when there are none.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn activate(&self, today: NaiveDate, programme_version: u32) -> Result<Option<(Entry, Self)>, OutOfRange> {
        let mut draft = Draft::new(self);
        let due = |from: Option<NaiveDate>| from.is_some_and(|from| from <= today);
        let ready: Vec<_> = self.lots.iter().filter(|lot| due(lot.key.from)).collect();
        if ready.is_empty() {
            return Ok(None);
        }
        for lot in ready {
            let points = draft.take_from(lot.key, lot.open)?;
            draft.put(lot.key.activated(), points)?;
        }
        draft.finish(today, programme_version, Cause::Activation).map(Some)
    }

    /// Lets the first active lot expire whose last day is before `today`; `None` when there is none. One entry for each lot:
    /// repeat it until nothing is left.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; the account is unchanged.
    pub fn expire(&self, today: NaiveDate, programme_version: u32) -> Result<Option<(Entry, Self)>, OutOfRange> {
        let over = |until: Option<NaiveDate>| until.is_some_and(|until| until < today);
        let Some(lot) = self
            .lots
            .iter()
            .find(|lot| !lot.key.is_pending() && over(lot.key.until))
        else {
            return Ok(None);
        };
        let mut draft = Draft::new(self);
        draft.take_from(lot.key, lot.open)?;
        let cause = Cause::Expiry { lot: lot.key };
        draft.finish(today, programme_version, cause).map(Some)
    }
}
