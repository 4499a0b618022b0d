//! What the system accepted but an operator must look at. Carries keys and reasons, no personal data.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::Tenant;
use domain::receipt::ReceiptKey;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::{Made, Record};

/// Why something needs a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionKind {
    /// A till sent a stored receipt again with other content.
    ReceiptContradiction,
    /// A receipt names a voucher that does not exist.
    PaymentUnknownVoucher,
    /// Two receipts name the same voucher as a payment.
    PaymentOnSecondReceipt,
    /// A till sent a stored return again with other content.
    ReturnContradiction,
    /// More came back than is left of the receipt.
    ReturnExceedsReceipt,
    /// A return names no receipt and no card that leads to an account: only the location's revenue knows of it.
    ReturnWithoutAccount,
}

impl ExceptionKind {
    const fn text(self) -> &'static str {
        match self {
            Self::ReceiptContradiction => "receipt_contradiction",
            Self::PaymentUnknownVoucher => "payment_unknown_voucher",
            Self::PaymentOnSecondReceipt => "payment_on_second_receipt",
            Self::ReturnContradiction => "return_contradiction",
            Self::ReturnExceedsReceipt => "return_exceeds_receipt",
            Self::ReturnWithoutAccount => "return_without_account",
        }
    }
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Why.
    pub kind: ExceptionKind,
    /// The receipt it is about.
    pub receipt: ReceiptKey,
    /// What tells two cases about one receipt apart: a content hash or a voucher's lookup key.
    pub distinction: String,
    /// When it was first seen.
    pub seen_at: DateTime<Utc>,
}

fn partition(tenant: &Tenant, date: NaiveDate) -> String {
    format!("EXCEPTION#{tenant}#{date}")
}

fn key(tenant: &Tenant, kind: ExceptionKind, receipt: &ReceiptKey, distinction: &str) -> Key {
    Key {
        pk: partition(tenant, receipt.business_date),
        sk: format!("{}#{receipt}#{distinction}", kind.text()),
    }
}

/// Whether this case is kept.
///
/// # Errors
/// [`StoreError`].
pub async fn is_kept(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    kind: ExceptionKind,
    receipt: &ReceiptKey,
    distinction: &str,
) -> Result<bool, StoreError> {
    let key = key(tenant, kind, receipt, distinction);
    Ok(db.get_item(site, &key, Read::Strong).await?.is_some())
}

/// Keeps a case, once however often it is seen.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    exception: Exception,
    made: impl Into<Made>,
) -> Result<(), StoreError> {
    let key = key(tenant, exception.kind, &exception.receipt, &exception.distinction);
    let record = Record::new(key, "exception", made, exception);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write::<Exception>(site, put).await? {
        Written::Done | Written::Refused(_) => Ok(()),
    }
}

/// The cases about receipts of one business date, in pages of at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn of_day(
    db: &Db,
    tenant: &Tenant,
    date: NaiveDate,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Exception>>, Option<String>), StoreError> {
    let mut range = Range::prefix(partition(tenant, date), "", limit);
    range.from = " ".to_owned();
    range.after = after;
    db.query(Site::ExceptionsRead, &range, Read::Eventual).await
}
