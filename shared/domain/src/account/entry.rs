//! Ledger entries: what moved, why, and under which name it is stored.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::lot::{LotKey, LotMove};
use crate::id::{PartyId, RunName};
use crate::liability::Parcel;
use crate::receipt::ReceiptKey;
use crate::voucher::VoucherNumber;

/// Points of one VAT class (X9): the split that a later correction of the rate needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatShare {
    /// Rate in hundredths of a per cent; `None` for lines without one.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub rate_bp: Option<u32>,
    /// Points, signed as the entry's.
    #[serde(rename = "p")]
    pub points: i64,
}

/// Transferred points of one origin that go into one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The lot.
    #[serde(rename = "k")]
    pub lot: LotKey,
    /// The points and where they were earned.
    #[serde(flatten)]
    pub parcel: Parcel,
}

/// Why points moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A receipt was posted.
    Receipt {
        /// Its natural key.
        receipt: ReceiptKey,
        /// Revenue in minor units.
        total_minor: i64,
        /// Eligible lines in minor units.
        eligible_minor: i64,
        /// Voucher-paid part in minor units.
        voucher_paid_minor: i64,
        /// Base that was multiplied, in minor units.
        base_minor: i64,
        /// The lot that the points went into; `None` for a receipt without points.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lot: Option<LotKey>,
        /// The points by VAT class.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        vat: Vec<VatShare>,
        /// Whether it was the account's only receipt then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        first_purchase: bool,
        /// Points that the cap of the day still allowed; `None` without such a cap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day_left: Option<i64>,
    },
    /// Goods came back, or a receipt was voided.
    Return {
        /// Natural key of the return; of the voided receipt itself for a void.
        receipt: ReceiptKey,
        /// The receipt that the goods were sold on, when it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<ReceiptKey>,
        /// Whether the receipt was voided as if it had never been.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        void: bool,
        /// Revenue that goes back, in minor units, 0 or more.
        total_minor: i64,
        /// Points of the original before and after.
        points_before: i64,
        /// What the remaining lines are worth under the version that the original was counted with.
        points_after: i64,
        /// Points that had expired already and are not taken a second time: so much less breakage.
        #[serde(default, skip_serializing_if = "is_zero")]
        forgiven: i64,
        /// Points that the programme's policy leaves with the customer.
        #[serde(default, skip_serializing_if = "is_zero")]
        uncollected: i64,
        /// The points by VAT class, negative.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        vat: Vec<VatShare>,
    },
    /// Points became vouchers: over the threshold, or in a run of a campaign.
    VoucherIssue {
        /// Sequence number of the first voucher; 1 in a run.
        first: u64,
        /// How many.
        count: u64,
        /// Points that each consumed.
        threshold_points: i64,
        /// The run that gave them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunName>,
    },
    /// A voucher was voided: its points went back to the lots they came from.
    VoucherVoid {
        /// Its sequence number, or which of those that the run gave.
        sequence: u64,
        /// The run that gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunName>,
        /// Points whose lot had expired meanwhile and that expired with this entry.
        #[serde(default, skip_serializing_if = "is_zero")]
        expired: i64,
    },
    /// Pending points began to count.
    Activation,
    /// What was left of a lot expired; also stands for 0 points.
    Expiry {
        /// The lot.
        lot: LotKey,
    },
    /// Somebody corrected the account by hand.
    Correction {
        /// Id of the request.
        id: String,
    },
    /// Points came from, or went to, another account.
    Transfer {
        /// Id of the request.
        id: String,
        /// Holder of the other account.
        other: PartyId,
        /// Where the points that arrive were earned and which lot they go into, in the order in which they left the other
        /// account; they add up to the entry's. None on the account that gives.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        origins: Vec<Arrival>,
    },
    /// A receipt was counted again under another version of the programme (X8).
    Recalculation {
        /// The run.
        run: String,
        /// The receipt.
        receipt: ReceiptKey,
        /// Points before.
        points_before: i64,
        /// Points under the run's version.
        points_after: i64,
        /// The difference by VAT class.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        vat: Vec<VatShare>,
        /// Points that the cap of the day allowed under the run's version; `None` without such a cap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day_left: Option<i64>,
        /// Points that had expired already and are not taken a second time: so much less breakage.
        #[serde(default, skip_serializing_if = "is_zero")]
        forgiven: i64,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(points: &i64) -> bool {
    *points == 0
}

/// One entry of the ledger. Entries are never changed; a correction is another entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the account after this entry.
    pub version: u64,
    /// Business day of the cause.
    pub business_date: NaiveDate,
    /// Signed change of balance and pending points together.
    pub points: i64,
    /// Balance after this entry; below 0 after a deficit.
    pub balance_after: i64,
    /// Pending points after this entry.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pending_after: i64,
    /// Version of the programme that decided.
    pub programme_version: u32,
    /// How the lots moved. Together with the change of the deficit it makes `points`.
    pub lots: Vec<LotMove>,
    /// Why.
    #[serde(flatten)]
    pub cause: Cause,
}

impl Entry {
    /// The name of the entry within its account, made of the cause alone, so that the same cause can be stored only once.
    ///
    /// Begins with the business date, so that a listing is in order of dates.
    pub fn natural_id(&self) -> String {
        let date = self.business_date;
        match &self.cause {
            Cause::Receipt { receipt, .. } => receipt_entry_id(receipt),
            Cause::Return {
                receipt, void: false, ..
            } => return_entry_id(receipt),
            Cause::Return {
                receipt, void: true, ..
            } => void_entry_id(receipt),
            Cause::VoucherIssue { run: Some(run), .. } => run_entry_id(date, run),
            Cause::VoucherIssue { first, .. } => issue_entry_id(date, *first),
            Cause::VoucherVoid {
                sequence,
                run: Some(run),
                ..
            } => format!("{date}#U#{run}~{sequence:02}"),
            Cause::VoucherVoid { sequence, .. } => format!("{date}#U#{sequence:012}"),
            // What has become due of an account on one day can become due in several steps: the version tells them apart.
            Cause::Activation => format!("{date}#A#{:012}", self.version),
            Cause::Expiry { lot } => format!("{date}#X#{lot}#{:012}", self.version),
            Cause::Correction { id } => format!("{date}#C#{id}"),
            Cause::Transfer { id, .. } => format!("{date}#T#{id}"),
            Cause::Recalculation { run, receipt, .. } => recount_entry_id(run, receipt),
        }
    }

    /// The vouchers that the entry paid for; none for other causes.
    pub fn vouchers(&self) -> impl Iterator<Item = VoucherNumber> + '_ {
        let (run, numbers) = match &self.cause {
            Cause::VoucherIssue { first, count, run, .. } => (run.as_ref(), *first..first.saturating_add(*count)),
            _ => (None, 0..0),
        };
        // Within a run at most 99 have a number.
        numbers.map_while(move |n| VoucherNumber::nth(run, n))
    }

    /// The voucher whose points came back, if the entry is about one.
    pub fn voided(&self) -> Option<VoucherNumber> {
        match &self.cause {
            Cause::VoucherVoid { sequence, run, .. } => VoucherNumber::nth(run.as_ref(), *sequence),
            _ => None,
        }
    }

    /// The receipt that the entry posts, if it posts one.
    pub fn posted_receipt(&self) -> Option<&ReceiptKey> {
        match &self.cause {
            Cause::Receipt { receipt, .. } => Some(receipt),
            _ => None,
        }
    }
}

/// The natural id of the entry that posts `receipt`.
pub fn receipt_entry_id(receipt: &ReceiptKey) -> String {
    format!("{}#R#{receipt}", receipt.business_date)
}

/// The natural id of the entry that issues vouchers from `first` on.
pub fn issue_entry_id(date: NaiveDate, first: u64) -> String {
    format!("{date}#V#{first:012}")
}

/// The natural id of the entry that pays for what a run of that business day gave: one for each account and run.
pub fn run_entry_id(day: NaiveDate, run: &RunName) -> String {
    format!("{day}#M#{run}")
}

/// The natural id of the entry that posts the return with this key.
pub fn return_entry_id(receipt: &ReceiptKey) -> String {
    format!("{}#B#{receipt}", receipt.business_date)
}

/// The natural id of the entry that voids `receipt`.
pub fn void_entry_id(receipt: &ReceiptKey) -> String {
    format!("{}#W#{receipt}", receipt.business_date)
}

/// The natural id of the entry by which a run counts `receipt` again.
pub fn recount_entry_id(run: &str, receipt: &ReceiptKey) -> String {
    format!("{}#Q#{run}#{receipt}", receipt.business_date)
}
