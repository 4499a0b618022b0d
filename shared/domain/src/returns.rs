//! Goods that come back: what of a receipt remains, and what a return was too much.
//!
//! Points are recomputed on what remains of the receipt under the version it was counted with, and the difference is posted,
//! so that many small returns end exactly at zero (requirements, part 3, 4.1). The part paid with vouchers stays with what
//! remains unless the return gives it back as a voucher: points are for money that was paid and kept.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::id::LookupKey;
use crate::money::{AMOUNT_MAX, Currency, OutOfRange};
use crate::receipt::{ContentHash, Line, PAYMENTS_MAX, Payment, PaymentKind, Receipt, ReceiptKey};
use crate::violation::Violation;

/// Most returns of one receipt.
pub const RETURNS_MAX: usize = 100;

/// One line that comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnLine {
    /// Index of the line on the original, from 0; without it the lines with the same article number are taken in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_line: Option<usize>,
    /// Article number.
    pub sku: String,
    /// Product group, when the till sends one; decides only when the original is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Brand, as the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Thousandths of a piece, kilogram or metre, more than 0.
    pub quantity_milli: i64,
    /// Gross amount that goes back in minor units, 0 or more.
    pub amount_minor: i64,
    /// VAT rate in hundredths of a per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_rate_bp: Option<u32>,
}

/// How part of a return was refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// How.
    pub kind: PaymentKind,
    /// Minor units, more than 0.
    pub amount_minor: i64,
}

/// The business content of a return. Its natural key is made as a receipt's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Natural key.
    pub key: ReceiptKey,
    /// The receipt that the goods were sold on, when the customer brings it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<ReceiptKey>,
    /// The card that was presented, as its keyed hash; decides only when the original is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<LookupKey>,
    /// Currency of every amount.
    pub currency: Currency,
    /// Sum of the lines in minor units, before cash rounding.
    pub total_minor: i64,
    /// Cash rounding in minor units: refunds are total plus rounding.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cash_rounding_minor: i64,
    /// What comes back.
    pub lines: Vec<ReturnLine>,
    /// How it was refunded. The part of kind voucher is a voucher and not money.
    pub refunds: Vec<Refund>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(minor: &i64) -> bool {
    *minor == 0
}

impl Return {
    /// How much of the refund is a voucher, in minor units.
    pub fn voucher_refund_minor(&self) -> i64 {
        self.refunds
            .iter()
            .filter(|refund| refund.kind == PaymentKind::Voucher)
            .fold(0, |sum: i64, refund| sum.saturating_add(refund.amount_minor))
    }

    /// The return as a receipt that was sold: its checks are the same, and without an original its points are those of such a
    /// receipt.
    pub fn as_sold(&self) -> Receipt {
        let line = |line: &ReturnLine| Line {
            sku: line.sku.clone(),
            group: line.group.clone(),
            brand: line.brand.clone(),
            quantity_milli: line.quantity_milli,
            amount_minor: line.amount_minor,
            vat_rate_bp: line.vat_rate_bp,
        };
        Receipt {
            key: self.key.clone(),
            time: None,
            card: self.card.clone(),
            currency: self.currency,
            total_minor: self.total_minor,
            cash_rounding_minor: self.cash_rounding_minor,
            lines: self.lines.iter().map(line).collect(),
            payments: Vec::new(),
        }
    }

    /// Everything wrong with the return in itself, empty when it can be taken.
    pub fn violations(&self) -> Vec<Violation> {
        let mut sold = self.as_sold();
        // Refunds add up by a rule of their own words.
        sold.payments = vec![Payment {
            kind: PaymentKind::Cash,
            amount_minor: sold.total_minor.saturating_add(sold.cash_rounding_minor).max(1),
            voucher: None,
        }];
        let mut found = sold.violations();
        found.retain(|violation| !violation.pointer.starts_with("/payments"));
        self.check_refunds(&mut found);
        self.check_original(&mut found);
        found
    }

    fn check_refunds(&self, found: &mut Vec<Violation>) {
        if self.refunds.len() > PAYMENTS_MAX {
            found.push(Violation::new(
                "/refunds",
                "refunds_count",
                "a return has at most 20 refunds",
            ));
        }
        let mut sum = Some(0i64);
        for (index, refund) in self.refunds.iter().enumerate() {
            sum = sum.and_then(|sum| sum.checked_add(refund.amount_minor));
            if !(1..=AMOUNT_MAX).contains(&refund.amount_minor) {
                found.push(Violation::new(
                    format!("/refunds/{index}/amount/amount_minor"),
                    "amount_out_of_range",
                    format!("must be 1 to {AMOUNT_MAX} minor units"),
                ));
            }
        }
        if sum != self.total_minor.checked_add(self.cash_rounding_minor) {
            found.push(Violation::new(
                "/refunds",
                "refunds_do_not_add_up",
                "the refunds must add up to the total plus the cash rounding",
            ));
        }
    }

    fn check_original(&self, found: &mut Vec<Violation>) {
        let Some(original) = &self.original else {
            for (index, line) in self.lines.iter().enumerate() {
                if line.original_line.is_some() {
                    found.push(Violation::new(
                        format!("/lines/{index}/original_line"),
                        "original_missing",
                        "a line of the original can be named only with the original: send it, or leave the line out",
                    ));
                }
            }
            return;
        };
        if original.business_date > self.key.business_date {
            found.push(Violation::new(
                "/original",
                "original_later",
                "the original was sold after the business date of the return",
            ));
        }
    }

    /// The hash that tells "the same return again" from "the same key with other content"; see
    /// [`Receipt::content_hash`].
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of(self)
    }
}

/// Why part of a return could not be taken off its receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// The receipt has no such line or article.
    NoSuchLine,
    /// More pieces than are left of the line.
    Quantity,
    /// More money than is left of the line.
    Amount,
    /// The receipt is in another currency.
    Currency,
}

/// What is left of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    /// The receipt with the amounts, quantities and payments that are left; its total is the sum of its lines. Lines stay in
    /// their places, also with an amount of 0.
    pub receipt: Receipt,
}

/// What a return did to its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What is left now.
    pub remaining: Remaining,
    /// Revenue that went back, in minor units: what was really taken off.
    pub total_minor: i64,
    /// Lines of the return, by index, that were too much, with the reason.
    pub excess: Vec<(usize, Excess)>,
}

impl Remaining {
    /// The whole receipt.
    pub fn of(receipt: &Receipt) -> Self {
        Self {
            receipt: receipt.clone(),
        }
    }

    /// Whether no piece is left of any line: all goods came back, or it was voided.
    pub fn is_nothing(&self) -> bool {
        self.receipt.lines.iter().all(|line| line.quantity_milli == 0)
    }

    /// Takes a return off. Never more than is left: the excess is reported and changes nothing.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range.
    pub fn less(&self, back: &Return) -> Result<Outcome, OutOfRange> {
        let mut receipt = self.receipt.clone();
        let (mut total_minor, mut excess) = (0i64, Vec::new());
        for (index, line) in back.lines.iter().enumerate() {
            if back.currency != receipt.currency {
                excess.push((index, Excess::Currency));
                continue;
            }
            let taken = take_line(&mut receipt, line)?;
            total_minor = total_minor.checked_add(taken.amount_minor).ok_or(OutOfRange)?;
            excess.extend(taken.excess.map(|reason| (index, reason)));
        }
        receipt.total_minor = receipt.total_minor.checked_sub(total_minor).ok_or(OutOfRange)?;
        // A surplus gives no voucher back that paid for the receipt.
        refund_vouchers(&mut receipt, back.voucher_refund_minor().min(total_minor))?;
        Ok(Outcome {
            remaining: Self { receipt },
            total_minor,
            excess,
        })
    }

    /// Takes off everything: the receipt is voided.
    pub fn nothing(&self) -> Outcome {
        let mut receipt = self.receipt.clone();
        for line in &mut receipt.lines {
            line.amount_minor = 0;
            line.quantity_milli = 0;
        }
        receipt.payments.clear();
        let total_minor = std::mem::take(&mut receipt.total_minor);
        Outcome {
            remaining: Self { receipt },
            total_minor,
            excess: Vec::new(),
        }
    }
}

struct Taken {
    amount_minor: i64,
    excess: Option<Excess>,
}

/// Whether the line was sold at the price at which this comes back.
fn same_price(line: &Line, back: &ReturnLine) -> bool {
    let product = |amount: i64, quantity: i64| i128::from(amount).checked_mul(i128::from(quantity));
    product(line.amount_minor, back.quantity_milli) == product(back.amount_minor, line.quantity_milli)
}

/// Takes one line of a return off the line that it names, or off those with its article number: first off those of the same
/// price, then in order.
fn take_line(receipt: &mut Receipt, back: &ReturnLine) -> Result<Taken, OutOfRange> {
    let (mut quantity, mut amount) = (back.quantity_milli, back.amount_minor);
    let is_meant =
        |index: usize, line: &Line| line.sku == back.sku && back.original_line.is_none_or(|original| original == index);
    let lines = receipt.lines.iter_mut().enumerate();
    let mut lines: Vec<_> = lines.filter(|(index, line)| is_meant(*index, line)).collect();
    let found = !lines.is_empty();
    lines.sort_by_key(|(index, line)| (!same_price(line, back), *index));
    for (_, line) in lines {
        let pieces = quantity.min(line.quantity_milli);
        // An amount goes with pieces: a line that is all back gives nothing more.
        let money = if pieces > 0 { amount.min(line.amount_minor) } else { 0 };
        line.quantity_milli = line.quantity_milli.checked_sub(pieces).ok_or(OutOfRange)?;
        line.amount_minor = line.amount_minor.checked_sub(money).ok_or(OutOfRange)?;
        quantity = quantity.checked_sub(pieces).ok_or(OutOfRange)?;
        amount = amount.checked_sub(money).ok_or(OutOfRange)?;
        if quantity == 0 {
            break;
        }
    }
    let excess = match (found, quantity > 0, amount > 0) {
        (false, ..) => Some(Excess::NoSuchLine),
        (_, true, _) => Some(Excess::Quantity),
        (_, _, true) => Some(Excess::Amount),
        _ => None,
    };
    Ok(Taken {
        amount_minor: back.amount_minor.checked_sub(amount).ok_or(OutOfRange)?,
        excess,
    })
}

/// Takes what came back as a voucher off the voucher payments, in their order.
fn refund_vouchers(receipt: &mut Receipt, refund_minor: i64) -> Result<(), OutOfRange> {
    let mut left = refund_minor;
    for payment in &mut receipt.payments {
        if payment.kind != PaymentKind::Voucher {
            continue;
        }
        let taken = left.min(payment.amount_minor);
        payment.amount_minor = payment.amount_minor.checked_sub(taken).ok_or(OutOfRange)?;
        left = left.checked_sub(taken).ok_or(OutOfRange)?;
    }
    Ok(())
}
