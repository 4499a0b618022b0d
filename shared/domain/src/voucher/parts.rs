//! A voucher that is taken in parts: each receipt takes some of it, and it stays open with the rest.
//!
//! The parts are on the voucher, so two tills at once never take more than its value: the second one is decided again on what the
//! first has left. A part belongs to its receipt; the same receipt again is a repetition, and its reversal gives that part back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::goods::Sale;
use super::{PaymentNote, Refusal, State, Unmatched, Voucher};
use crate::receipt::ReceiptKey;

/// Most parts of one voucher.
pub const PARTS_MAX: usize = 20;
/// Most receipts that one voucher remembers as payments; more are listed as exceptions.
const NOTES_MAX: usize = 40;

/// What was taken of a voucher, and which receipts name it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// In the order in which they were taken, at most [`PARTS_MAX`]; together at most the value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Part>,
    /// Receipts that name the voucher as a payment, at most forty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<PaymentNote>,
}

/// What one receipt took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// That receipt.
    pub receipt: ReceiptKey,
    /// How much, in minor units, 1 or more.
    pub amount_minor: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// When it was booked, where that was later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_at: Option<DateTime<Utc>>,
}

/// What a receipt took of a voucher, whether it is taken in parts or at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking<'a> {
    /// That receipt.
    pub receipt: &'a ReceiptKey,
    /// When it was booked: the month in whose books it stands. What a till without a line took is booked when its journal comes.
    pub booked_at: DateTime<Utc>,
    /// What had been taken before, in minor units.
    pub before_minor: i64,
    /// How much, in minor units.
    pub amount_minor: i64,
}

/// What does not match between redemptions and receipts, since when, and the receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch<'a> {
    /// What.
    pub kind: Unmatched,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The receipt it was redeemed on.
    pub redeemed_on: Option<&'a ReceiptKey>,
    /// The receipt that names it as a payment.
    pub paid_on: Option<&'a ReceiptKey>,
}

impl Voucher {
    /// What is left of a voucher that is taken in parts, in minor units; `None` for one that is taken at once.
    pub fn rest_minor(&self) -> Option<i64> {
        let parts = self.partial.as_ref()?;
        Some(
            parts
                .taken
                .iter()
                .fold(self.value_minor, |rest, part| rest.saturating_sub(part.amount_minor)),
        )
    }

    /// What it is worth while it can be taken: the rest of one that is taken in parts, else its face value.
    pub fn worth_minor(&self) -> i64 {
        self.rest_minor().unwrap_or(self.value_minor)
    }

    /// What this receipt took of a voucher that is taken in parts.
    pub fn part_on(&self, receipt: &ReceiptKey) -> Option<&Part> {
        self.parts().iter().find(|part| part.receipt == *receipt)
    }

    /// Whether it is redeemed, or a part of it, on this receipt.
    pub fn is_redeemed_on(&self, receipt: &ReceiptKey) -> bool {
        let at_once = matches!(&self.state, State::Redeemed { receipt: on, .. } if on == receipt);
        at_once || self.part_on(receipt).is_some()
    }

    /// What was taken of it, in order.
    pub fn takings(&self) -> Vec<Taking<'_>> {
        if let (
            None,
            State::Redeemed {
                receipt,
                at,
                booked_at,
                amount_minor,
            },
        ) = (&self.partial, &self.state)
        {
            return vec![Taking {
                receipt,
                booked_at: booked_at.unwrap_or(*at),
                before_minor: 0,
                amount_minor: amount_minor.unwrap_or(self.value_minor),
            }];
        }
        let (mut takings, mut before_minor) = (Vec::with_capacity(self.parts().len()), 0i64);
        for part in self.parts() {
            takings.push(Taking {
                receipt: &part.receipt,
                booked_at: part.booked_at.unwrap_or(part.at),
                before_minor,
                amount_minor: part.amount_minor,
            });
            before_minor = before_minor.saturating_add(part.amount_minor);
        }
        takings
    }

    /// The parts of one that is taken in parts.
    pub fn parts(&self) -> &[Part] {
        self.partial.as_ref().map_or(&[], |parts| &parts.taken)
    }

    /// What the sale on this receipt makes of the voucher; the whole of one that is taken at once. Without an amount as much as there
    /// is, up to the goods that it is for.
    pub(super) fn take(&self, receipt: &ReceiptKey, sale: Sale<'_>, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let goods_minor = self.goods_minor(sale.basket_minor, sale.goods)?;
        let redeemed = |amount_minor| State::Redeemed {
            receipt: receipt.clone(),
            at: now,
            booked_at: None,
            amount_minor,
        };
        let (Some(parts), Some(rest)) = (&self.partial, self.rest_minor()) else {
            let taken = self.taken_at_once(goods_minor, sale.amount_minor)?;
            return Ok(self.after(redeemed(taken)));
        };
        let amount = sale.amount_minor.unwrap_or(rest.min(goods_minor));
        if amount > rest {
            return Err(Refusal::RestTooSmall {
                rest_minor: rest,
                currency: self.currency,
            });
        }
        if !(1..=goods_minor).contains(&amount) {
            return Err(if self.is_for_some_groups() {
                self.too_few(goods_minor)
            } else {
                Refusal::BasketTooSmall {
                    min_basket_minor: amount.max(1),
                    currency: self.currency,
                }
            });
        }
        let mut after = self.after(if amount == rest { redeemed(None) } else { State::Open });
        let mut parts = parts.clone();
        parts.taken.push(Part {
            receipt: receipt.clone(),
            amount_minor: amount,
            at: now,
            booked_at: None,
        });
        after.partial = Some(parts);
        Ok(after)
    }

    /// The voucher that was taken on this receipt earlier, and is booked now.
    pub(crate) fn booked_on(mut self, receipt: &ReceiptKey, now: DateTime<Utc>) -> Self {
        let later = |at: DateTime<Utc>| (at < now).then_some(now);
        if let State::Redeemed {
            receipt: on,
            at,
            booked_at,
            ..
        } = &mut self.state
            && on == receipt
        {
            *booked_at = later(*at);
        }
        let parts = self.partial.iter_mut().flat_map(|parts| &mut parts.taken);
        for part in parts.filter(|part| part.receipt == *receipt) {
            part.booked_at = later(part.at);
        }
        self
    }

    /// The voucher without what this receipt took of it.
    pub(super) fn without_part(mut self, receipt: &ReceiptKey) -> Self {
        if let Some(parts) = &mut self.partial {
            parts.taken.retain(|part| part.receipt != *receipt);
            parts.notes.retain(|note| note.receipt != *receipt);
        }
        self
    }

    /// Whether no further part can be taken.
    pub(super) fn is_in_too_many_parts(&self) -> bool {
        self.parts().len() >= PARTS_MAX
    }

    /// The voucher that knows one more receipt that names it; `None` when it knows too many.
    pub(super) fn with_note(&self, note: PaymentNote) -> Option<Self> {
        let mut after = self.clone();
        let notes = &mut after.partial.as_mut()?.notes;
        if notes.len() >= NOTES_MAX {
            return None;
        }
        notes.push(note);
        after.version = after.version.saturating_add(1);
        Some(after)
    }

    /// The note of this receipt on a voucher that is taken in parts.
    pub(super) fn note_of(&self, receipt: &ReceiptKey) -> Option<&PaymentNote> {
        self.notes().find(|note| note.receipt == *receipt)
    }

    /// Receipts that name it and were not reversed, of one that is taken in parts.
    pub(super) fn notes(&self) -> impl Iterator<Item = &PaymentNote> {
        let notes = self.partial.iter().flat_map(|parts| &parts.notes);
        notes.filter(|note| !self.is_reversed(&note.receipt))
    }

    /// What does not match: of one that is taken in parts the oldest case.
    pub fn mismatch(&self) -> Option<Mismatch<'_>> {
        if self.partial.is_none() {
            return self.mismatch_at_once();
        }
        let unpaid = self.parts().iter().filter(|part| self.note_of(&part.receipt).is_none());
        let unpaid = unpaid.map(|part| Mismatch {
            kind: Unmatched::RedemptionWithoutReceipt,
            since: part.at,
            redeemed_on: Some(&part.receipt),
            paid_on: None,
        });
        let differing = self.parts().iter().filter_map(|part| {
            let note = self.note_of(&part.receipt)?;
            differs(note, &part.receipt, part.amount_minor, part.at)
        });
        let untaken = self.notes().filter(|note| self.part_on(&note.receipt).is_none());
        let untaken = untaken.map(|note| Mismatch {
            kind: Unmatched::PaymentWithoutRedemption,
            since: note.seen_at,
            redeemed_on: None,
            paid_on: Some(&note.receipt),
        });
        unpaid.chain(untaken).chain(differing).min_by_key(|case| case.since)
    }

    fn mismatch_at_once(&self) -> Option<Mismatch<'_>> {
        let note = self.paid_on();
        let paid_on = note.map(|note| &note.receipt);
        match &self.state {
            // What one for points is taken with is its face value, whatever the goods came to.
            State::Redeemed {
                receipt,
                at,
                amount_minor,
                ..
            } if paid_on == Some(receipt) => differs(note?, receipt, (*amount_minor)?, *at),
            State::Redeemed { receipt, at, .. } => Some(Mismatch {
                kind: Unmatched::RedemptionWithoutReceipt,
                since: *at,
                redeemed_on: Some(receipt),
                paid_on,
            }),
            _ => note.map(|note| Mismatch {
                kind: Unmatched::PaymentWithoutRedemption,
                since: note.seen_at,
                redeemed_on: None,
                paid_on,
            }),
        }
    }
}

/// The case of a receipt that names the voucher with another amount than it took off there, since both were known.
fn differs<'a>(
    note: &'a PaymentNote,
    redeemed_on: &'a ReceiptKey,
    taken_minor: i64,
    taken_at: DateTime<Utc>,
) -> Option<Mismatch<'a>> {
    note.amount_minor.filter(|paid_minor| *paid_minor != taken_minor)?;
    Some(Mismatch {
        kind: Unmatched::OtherAmount,
        since: note.seen_at.max(taken_at),
        redeemed_on: Some(redeemed_on),
        paid_on: Some(&note.receipt),
    })
}
