//! What support does to a single voucher: block, unblock, extend, void, reissue.
//!
//! Each is decided from the voucher alone, as a command of a till is, and stored under its version. What one person holds or has
//! paid with is not taken from under their hands: a reserved or redeemed voucher is refused.

use chrono::{DateTime, NaiveDate, Utc};

use super::{Outcome, Parts, Refusal, State, Voucher, already};
use crate::calendar;
use crate::id::LookupKey;

/// Most days from today on which a voucher can be extended to: ten years.
pub const EXTENSION_DAYS_MAX: u32 = 3_660;

/// A voucher that is dead, and the one that stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reissued {
    /// The old one, as it must be stored under the condition of the version before.
    pub old: Voucher,
    /// The new one, with the same terms under the next number. Its code follows from its name, so it is always the same.
    pub new: Voucher,
}

impl Voucher {
    /// Stops the voucher until it is unblocked, by this adjustment. Replayed when it is blocked already, by whichever.
    ///
    /// # Errors
    /// [`Refusal`] with the reason; the voucher stays as it is.
    pub fn block(&self, adjustment: &LookupKey, now: DateTime<Utc>) -> Result<Outcome, Refusal> {
        match self.free(now)? {
            State::Blocked { .. } => Ok(Outcome::Replayed),
            _ => Ok(self.moved(State::Blocked {
                at: now,
                adjustment: adjustment.clone(),
            })),
        }
    }

    /// Opens a blocked voucher again.
    ///
    /// # Errors
    /// [`Refusal`] with the reason, [`Refusal::NotBlocked`] for an open one; the voucher stays as it is.
    pub fn unblock(&self, now: DateTime<Utc>) -> Result<Outcome, Refusal> {
        match self.free(now)? {
            State::Blocked { .. } => Ok(self.moved(State::Open)),
            _ => Err(Refusal::NotBlocked),
        }
    }

    /// Moves the last day of an open, expired or blocked voucher to a later one that is not over. The caller bounds it by
    /// [`EXTENSION_DAYS_MAX`].
    ///
    /// # Errors
    /// [`Refusal`] with the reason; the voucher stays as it is.
    pub fn extend(&self, until: NaiveDate, now: DateTime<Utc>) -> Result<Outcome, Refusal> {
        let state = self.free(now)?.clone();
        if until <= self.valid_until || until < calendar::business_day(now, self.zone) {
            return Err(Refusal::NotExtended {
                until: self.valid_until,
            });
        }
        let mut after = self.after(state);
        after.valid_until = until;
        Ok(Outcome::Changed(Box::new(after)))
    }

    /// Makes the voucher void for ever, by this adjustment. Replayed when it is void already, by whichever.
    ///
    /// Only an open voucher that a till could take today: one that was taken, is held, or that a receipt names as a payment
    /// is somebody's already, and one whose validity is over is not given back by this way.
    ///
    /// # Errors
    /// [`Refusal`] with the reason; the voucher stays as it is.
    pub fn void(&self, adjustment: &LookupKey, now: DateTime<Utc>) -> Result<Outcome, Refusal> {
        if matches!(&self.state, State::Voided { reissued_as: None, .. }) {
            return Ok(Outcome::Replayed);
        }
        if let State::Blocked { .. } = self.free(now)? {
            return Err(Refusal::Blocked);
        }
        self.untouched(now)?;
        Ok(self.moved(State::Voided {
            at: now,
            adjustment: adjustment.clone(),
            reissued_as: None,
        }))
    }

    /// Makes an open voucher void for ever, by this adjustment, whether its validity is over or not: what it cost goes back. For the
    /// vouchers of a run that somebody has stopped.
    ///
    /// Replayed when it is not open.
    pub fn revoke(&self, adjustment: &LookupKey, now: DateTime<Utc>) -> Outcome {
        if !matches!(self.state_at(now), State::Open) {
            return Outcome::Replayed;
        }
        self.moved(State::Voided {
            at: now,
            adjustment: adjustment.clone(),
            reissued_as: None,
        })
    }

    /// Puts a new voucher with the same terms and another code in the place of an open or blocked one that is valid today.
    ///
    /// # Errors
    /// [`Refusal`] with the reason, [`Refusal::Reissued`] when it was done before; the voucher stays as it is.
    pub fn reissue(
        &self,
        adjustment: &LookupKey,
        code_key_version: u32,
        now: DateTime<Utc>,
    ) -> Result<Reissued, Refusal> {
        self.free(now)?;
        self.untouched(now)?;
        let number = self.number.next().ok_or(Refusal::TooManyReissues)?;
        let old = self.after(State::Voided {
            at: now,
            adjustment: adjustment.clone(),
            reissued_as: Some(number.clone()),
        });
        let new = Self {
            number,
            issued_at: now,
            code_key_version,
            state: State::Open,
            version: 1,
            state_version: 1,
            // Receipts name the code, so none of theirs is the new one's.
            reversed: Vec::new(),
            payment: None,
            partial: self.partial.as_ref().map(|_| Parts::default()),
            ..self.clone()
        };
        Ok(Reissued { old, new })
    }

    /// The state of a voucher that is nobody's at this instant: open or blocked.
    fn free(&self, now: DateTime<Utc>) -> Result<&State, Refusal> {
        match self.state_at(now) {
            state @ (State::Open | State::Blocked { .. }) => Ok(state),
            State::Redeemed { receipt, at, .. } => Err(already(receipt, *at)),
            State::Reserved { until, .. } => Err(Refusal::Reserved { until: *until }),
            State::Voided {
                reissued_as: Some(number),
                ..
            } => Err(Refusal::Reissued { number: number.clone() }),
            State::Voided { at, .. } => Err(Refusal::Voided { at: *at }),
        }
    }

    /// Nothing was taken of it, nobody has paid with it, and it is valid today.
    fn untouched(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        if !self.parts().is_empty() {
            return Err(Refusal::PartlyRedeemed);
        }
        if self.paid_on().is_some() || self.notes().next().is_some() {
            return Err(Refusal::PaidWith);
        }
        if calendar::business_day(now, self.zone) > self.valid_until {
            return Err(Refusal::Expired {
                until: self.valid_until,
            });
        }
        Ok(())
    }
}
