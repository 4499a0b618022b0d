//! A receipt as accepted: its natural key, its content hash, and what makes it acceptable.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::calendar;
use crate::id::{InvalidId, LocationId, LookupKey, ReceiptNumber, TillId};
use crate::money::{AMOUNT_MAX, Currency};
use crate::programme::Programme;
use crate::text;
use crate::violation::Violation;

/// Greatest number of lines of one receipt.
pub const LINES_MAX: usize = 500;
/// Greatest number of payments of one receipt.
pub const PAYMENTS_MAX: usize = 20;
/// Greatest cash rounding in minor units either way: half a 10-unit coin.
pub const CASH_ROUNDING_MAX: i64 = 5;
/// How far a till's clock may run ahead.
pub const CLOCK_AHEAD_MAX_MINUTES: i64 = 5;
/// Years that a key can carry: beyond them a date has another number of digits.
const YEARS: RangeInclusive<i32> = 1900..=9999;
/// Version of the rules by which [`Receipt::content_hash`] is made; stored beside the hash.
pub const CONTENT_HASH_VERSION: u32 = 1;

/// The natural key of a receipt: where, which till, which business day, which number. Never a card or a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReceiptKey {
    /// Location that sold.
    pub store: LocationId,
    /// Till within the location.
    pub till: TillId,
    /// Business day of the till.
    pub business_date: NaiveDate,
    /// Number printed by the till.
    pub number: ReceiptNumber,
}

/// A text that is not a receipt key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a receipt key is store~till~business date~number, for example B07~3~2026-11-22~004711")]
pub struct InvalidReceiptKey;

impl From<InvalidId> for InvalidReceiptKey {
    fn from(_: InvalidId) -> Self {
        Self
    }
}

impl fmt::Display for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}~{}", self.store, self.till, self.business_date, self.number)
    }
}

impl FromStr for ReceiptKey {
    type Err = InvalidReceiptKey;

    fn from_str(text: &str) -> Result<Self, InvalidReceiptKey> {
        let mut parts = text.split('~');
        let mut next = || parts.next().ok_or(InvalidReceiptKey);
        let (store, till, date, number) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(InvalidReceiptKey);
        }
        Ok(Self {
            store: store.parse()?,
            till: till.parse()?,
            business_date: printed_date(date)?,
            number: number.parse()?,
        })
    }
}

/// The date that prints as `text`: a sign or a missing zero, which chrono reads too, would make a second key for a receipt,
/// and one that is stored would not be read again.
fn printed_date(text: &str) -> Result<NaiveDate, InvalidReceiptKey> {
    let date: NaiveDate = text.parse().map_err(|_| InvalidReceiptKey)?;
    if YEARS.contains(&date.year()) && date.to_string() == text {
        Ok(date)
    } else {
        Err(InvalidReceiptKey)
    }
}

impl TryFrom<String> for ReceiptKey {
    type Error = InvalidReceiptKey;

    fn try_from(text: String) -> Result<Self, InvalidReceiptKey> {
        text.parse()
    }
}

impl From<ReceiptKey> for String {
    fn from(key: ReceiptKey) -> Self {
        key.to_string()
    }
}

/// One line of a receipt. `amount_minor` is what the customer paid for the line, VAT and line discounts included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Article number.
    pub sku: String,
    /// Product group, when the till sends one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Brand, when the till sends one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Thousandths of a piece, kilogram or metre.
    pub quantity_milli: i64,
    /// Gross amount in minor units, 0 or more.
    pub amount_minor: i64,
    /// VAT rate in hundredths of a per cent: 810 is 8.1 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_rate_bp: Option<u32>,
}

/// How part of a receipt was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// Coins and notes.
    Cash,
    /// Debit or credit card.
    Card,
    /// A voucher of the programme; names it.
    Voucher,
    /// A gift card.
    GiftCard,
    /// On account.
    Invoice,
    /// Anything else.
    Other,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// How it was paid.
    pub kind: PaymentKind,
    /// Minor units, more than 0.
    pub amount_minor: i64,
    /// The voucher of a voucher payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<LookupKey>,
}

/// The business content of a receipt: what a till must repeat exactly when it sends the receipt again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Natural key.
    pub key: ReceiptKey,
    /// When the till closed the receipt, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// The card that was presented, as its keyed hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<LookupKey>,
    /// Currency of every amount.
    pub currency: Currency,
    /// Sum of the lines in minor units, before cash rounding.
    pub total_minor: i64,
    /// Cash rounding in minor units: payments are total plus rounding. Does not touch points.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cash_rounding_minor: i64,
    /// What was bought.
    pub lines: Vec<Line>,
    /// How it was paid.
    pub payments: Vec<Payment>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(minor: &i64) -> bool {
    *minor == 0
}

/// SHA-256 over the normalised business content, lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentHash(pub String);

impl ContentHash {
    /// The hash of content that consists of strings, integers and lists.
    pub(crate) fn of(content: &impl Serialize) -> Self {
        let bytes = match serde_json::to_vec(content) {
            Ok(bytes) => bytes,
            Err(_) => unreachable!("it holds only strings, integers and lists"),
        };
        let digest = Sha256::digest(&bytes);
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Receipt {
    /// The hash that tells "the same receipt again" from "the same key with other content".
    ///
    /// Made of the typed content, so that the order of JSON fields, white space and unknown fields do not matter. Serialised
    /// structs keep the declared order of their fields; a change of this type must raise [`CONTENT_HASH_VERSION`], unless it
    /// adds a field that is left out where it is not given: then the hash of what was sent before stays the same.
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of(self)
    }

    /// The part paid with vouchers, in minor units. Earns nothing.
    pub fn voucher_paid_minor(&self) -> i64 {
        self.payments
            .iter()
            .filter(|p| p.kind == PaymentKind::Voucher)
            .fold(0i64, |sum, p| sum.saturating_add(p.amount_minor))
    }

    /// What its lines of each of these product groups come to in minor units; groups without lines are left out.
    pub fn revenue_of(&self, groups: &[String]) -> BTreeMap<String, i64> {
        let mut revenue = BTreeMap::new();
        for line in &self.lines {
            let Some(group) = line.group.as_ref().filter(|group| groups.contains(group)) else {
                continue;
            };
            let sum: &mut i64 = revenue.entry(group.clone()).or_default();
            *sum = sum.saturating_add(line.amount_minor);
        }
        revenue
    }

    /// The vouchers that the payments name.
    pub fn vouchers(&self) -> impl Iterator<Item = &LookupKey> {
        self.payments.iter().filter_map(|p| p.voucher.as_ref())
    }

    /// What was paid with each of them, in minor units.
    pub fn paid_with(&self) -> BTreeMap<&LookupKey, i64> {
        let mut paid: BTreeMap<&LookupKey, i64> = BTreeMap::new();
        for payment in &self.payments {
            if let Some(voucher) = &payment.voucher {
                let sum = paid.entry(voucher).or_default();
                *sum = sum.saturating_add(payment.amount_minor);
            }
        }
        paid
    }

    /// Everything wrong with the receipt in itself, empty when it can be taken.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check_lines(&mut found);
        self.check_payments(&mut found);
        if !YEARS.contains(&self.key.business_date.year()) {
            found.push(Violation::new(
                "/business_date",
                "date_malformed",
                "the year must be 1900 to 9999",
            ));
        }
        if self.cash_rounding_minor.saturating_abs() > CASH_ROUNDING_MAX {
            found.push(Violation::new(
                "/cash_rounding",
                "amount_out_of_range",
                "cash rounding is at most 5 minor units either way",
            ));
        }
        found
    }

    fn check_lines(&self, found: &mut Vec<Violation>) {
        if self.lines.is_empty() || self.lines.len() > LINES_MAX {
            found.push(Violation::new("/lines", "lines_count", "a receipt has 1 to 500 lines"));
        }
        let mut sum = Some(0i64);
        for (index, line) in self.lines.iter().enumerate() {
            let at = |field: &str| format!("/lines/{index}{field}");
            sum = sum.and_then(|sum| sum.checked_add(line.amount_minor));
            check_amount(found, at("/amount/amount_minor"), line.amount_minor, 0);
            if !(1..=1_000_000_000).contains(&line.quantity_milli) {
                found.push(Violation::new(
                    at("/quantity_milli"),
                    "quantity_out_of_range",
                    "must be 1 to 1000000000 thousandths",
                ));
            }
            check_text(found, at("/sku"), &line.sku);
            if let Some(group) = &line.group {
                check_text(found, at("/group"), group);
            }
            if let Some(brand) = &line.brand {
                check_text(found, at("/brand"), brand);
            }
            if line.vat_rate_bp.is_some_and(|rate| rate > 10_000) {
                found.push(Violation::new(
                    at("/vat_rate_bp"),
                    "vat_rate_out_of_range",
                    "must be 0 to 10000 hundredths of a per cent",
                ));
            }
        }
        check_amount(found, "/total/amount_minor".to_owned(), self.total_minor, 0);
        if sum != Some(self.total_minor) {
            found.push(Violation::new(
                "/total/amount_minor",
                "lines_do_not_add_up",
                "the amounts of the lines must add up to the total",
            ));
        }
    }

    fn check_payments(&self, found: &mut Vec<Violation>) {
        if self.payments.len() > PAYMENTS_MAX {
            found.push(Violation::new(
                "/payments",
                "payments_count",
                "a receipt has at most 20 payments",
            ));
        }
        let mut sum = Some(0i64);
        let mut seen = Vec::new();
        for (index, payment) in self.payments.iter().enumerate() {
            let at = |field: &str| format!("/payments/{index}{field}");
            sum = sum.and_then(|sum| sum.checked_add(payment.amount_minor));
            check_amount(found, at("/amount/amount_minor"), payment.amount_minor, 1);
            if (payment.kind == PaymentKind::Voucher) != payment.voucher.is_some() {
                found.push(Violation::new(
                    at("/voucher_code"),
                    "voucher_code_mismatch",
                    "a payment of kind voucher names its voucher_code, other payments have none",
                ));
            }
            if let Some(voucher) = &payment.voucher {
                if seen.contains(&voucher) {
                    found.push(Violation::new(
                        at("/voucher_code"),
                        "voucher_paid_twice",
                        "the same voucher stands in another payment of this receipt",
                    ));
                }
                seen.push(voucher);
            }
        }
        if sum != self.total_minor.checked_add(self.cash_rounding_minor) {
            found.push(Violation::new(
                "/payments",
                "payments_do_not_add_up",
                "the payments must add up to the total plus the cash rounding",
            ));
        }
    }

    /// Whether the receipt is of this programme and of an acceptable day, seen from `now`.
    ///
    /// `migration` lifts the limit on old dates.
    pub fn programme_violations(&self, programme: &Programme, now: DateTime<Utc>, migration: bool) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.currency != programme.currency {
            found.push(Violation::new(
                "/total/currency",
                "currency_of_another_programme",
                format!("this location's programme has the currency {}", programme.currency),
            ));
        }
        let clock_limit = now
            .checked_add_signed(Duration::minutes(CLOCK_AHEAD_MAX_MINUTES))
            .unwrap_or(now);
        found.extend(day_violation(
            "/business_date",
            self.key.business_date,
            programme,
            now,
            migration,
        ));
        if self.time.is_some_and(|time| time > clock_limit) {
            found.push(Violation::new(
                "/time",
                "time_in_future",
                "the time is more than 5 minutes ahead: check the till's clock",
            ));
        }
        found
    }
}

/// What is wrong with a business day that a till names at `pointer`, seen from `now`: of a receipt, or of one that redeems a
/// voucher. `migration` lifts the limit on old dates.
pub fn day_violation(
    pointer: &str,
    day: NaiveDate,
    programme: &Programme,
    now: DateTime<Utc>,
    migration: bool,
) -> Option<Violation> {
    let today = calendar::business_day(now, programme.zone);
    if day > today {
        return Some(Violation::new(
            pointer,
            "date_in_future",
            format!("the business date is after today, {today}: check the till's calendar"),
        ));
    }
    let oldest = calendar::minus_days(today, programme.late_days);
    (!migration && day < oldest).then(|| {
        Violation::new(
            pointer,
            "date_too_old",
            format!("receipts before {oldest} are taken only with the scope purchases:migrate"),
        )
    })
}

fn check_amount(found: &mut Vec<Violation>, pointer: String, minor: i64, least: i64) {
    if !(least..=AMOUNT_MAX).contains(&minor) {
        found.push(Violation::new(
            pointer,
            "amount_out_of_range",
            format!("must be {least} to {AMOUNT_MAX} minor units"),
        ));
    }
}

/// Texts of lines: short and printable.
fn check_text(found: &mut Vec<Violation>, pointer: String, text: &str) {
    if text.is_empty() || text.chars().count() > 40 || !text::is_printable(text) {
        found.push(Violation::new(
            pointer,
            "text_out_of_range",
            "must have 1 to 40 printable characters",
        ));
    }
}

#[cfg(test)]
mod tests;
