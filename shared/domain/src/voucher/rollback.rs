//! What a receipt took of a voucher is given back, once all its goods came back or it was voided.

use chrono::{DateTime, Utc};

use super::{Outcome, Refusal, Voucher};
use crate::calendar;
use crate::receipt::ReceiptKey;

impl Voucher {
    /// Gives back what this receipt took, at any age: one whose validity is over is valid for so many days from today, 0 for not any
    /// more. The caller knows that nothing of the receipt stands. As a reversal, it may come before what it takes back.
    ///
    /// # Errors
    /// [`Refusal`] with the reason, [`Refusal::NotRedeemed`] when another receipt took it; the voucher stays as it is.
    pub fn roll_back(&self, receipt: &ReceiptKey, renewed_days: u32, now: DateTime<Utc>) -> Result<Outcome, Refusal> {
        let Outcome::Changed(mut after) = self.reverse(receipt)? else {
            return Ok(Outcome::Replayed);
        };
        let today = calendar::business_day(now, self.zone);
        if self.is_redeemed_on(receipt) && renewed_days > 0 && today > after.valid_until {
            after.valid_until = calendar::plus_days(today, renewed_days);
        }
        Ok(Outcome::Changed(after))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, changed, occasion, receipt, redeem, reverse, voucher};
    use super::super::{Parts, State};
    use super::*;

    const NOON: &str = "2026-11-22T12:00:00Z";
    /// Two years after its last day; in Zurich the day has begun.
    const LATE: &str = "2028-11-29T23:30:00Z";

    fn roll_back(voucher: &Voucher, number: u32, now: &str) -> Result<Outcome, Refusal> {
        voucher.roll_back(&receipt(number), 30, at(now))
    }

    #[test]
    fn one_whose_validity_is_over_is_valid_for_some_days_from_that_day() {
        let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
        let back = changed(roll_back(&redeemed, 1, LATE));
        assert_eq!(
            (&back.state, back.valid_until.to_string()),
            (&State::Open, "2028-12-30".to_owned())
        );
        assert_eq!(
            roll_back(&back, 1, "2030-01-01T12:00:00Z"),
            Ok(Outcome::Replayed),
            "once"
        );
        changed(back.apply(&redeem(2), &occasion("2028-12-30T22:59:59Z")));
        let over = changed(redeemed.roll_back(&receipt(1), 0, at(LATE)));
        assert_eq!(over.valid_until, voucher().valid_until);
    }

    #[test]
    fn one_that_is_still_valid_keeps_its_last_day() {
        let redeemed = changed(voucher().apply(&redeem(1), &occasion(NOON)));
        let back = changed(roll_back(&redeemed, 1, "2026-11-30T22:59:59Z"));
        assert_eq!(back.valid_until, voucher().valid_until);
    }

    #[test]
    fn a_part_is_given_back_and_the_rest_is_valid_with_it() {
        let in_parts = Voucher {
            partial: Some(Parts::default()),
            ..voucher()
        };
        let part = crate::voucher::Command::Redeem {
            receipt: receipt(1),
            basket: None,
            basket_minor: 5_000,
            goods: vec![],
            amount_minor: Some(200),
        };
        let first = changed(in_parts.apply(&part, &occasion(NOON)));
        let back = changed(roll_back(&first, 1, LATE));
        assert_eq!(
            (back.rest_minor(), back.valid_until.to_string()),
            (Some(500), "2028-12-30".to_owned())
        );
    }

    #[test]
    fn what_was_not_taken_is_kept_from_being_taken_and_gets_no_longer() {
        let early = changed(roll_back(&voucher(), 1, LATE));
        assert_eq!(early.valid_until, voucher().valid_until);
        assert_eq!(early.apply(&redeem(1), &occasion(NOON)), Err(Refusal::Reversed));
        let elsewhere = changed(voucher().apply(&redeem(2), &occasion(NOON)));
        assert_eq!(roll_back(&elsewhere, 1, NOON), Err(Refusal::NotRedeemed));
        let reversed = changed(elsewhere.apply(&reverse(2), &occasion(NOON)));
        assert_eq!(
            roll_back(&reversed, 2, LATE),
            Ok(Outcome::Replayed),
            "the till took it back before"
        );
    }
}
