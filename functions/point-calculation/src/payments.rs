//! Vouchers that a receipt names as a payment are matched with their redemption.

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, Tenant};
use domain::receipt::{Receipt, ReceiptKey};
use store::db::Read;
use store::exception::{self, Exception, ExceptionKind};
use store::{Site, receipt, voucher};

use crate::{App, WorkError};

/// Rounds against other writers of a voucher before the message is given back.
const ROUNDS_MAX: usize = 10;

impl App {
    /// Matches the voucher payments of a receipt that has no account.
    pub(crate) async fn match_unposted(
        &self,
        tenant: &Tenant,
        key: &ReceiptKey,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let found = receipt::read(&self.db, Site::PostReceipts, tenant, key, Read::Strong).await?;
        let stored = found.ok_or(WorkError::NoReceipt)?;
        self.match_payments(tenant, &stored.d.receipt, now).await
    }

    /// Notes on each voucher that this receipt names it.
    pub(crate) async fn match_payments(
        &self,
        tenant: &Tenant,
        receipt: &Receipt,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        for (lookup, amount_minor) in receipt.paid_with() {
            self.note(tenant, lookup, (&receipt.key, amount_minor), now).await?;
        }
        Ok(())
    }

    /// Notes the payment on the voucher, and keeps the case of each receipt that does not fit.
    async fn note(
        &self,
        tenant: &Tenant,
        lookup: &LookupKey,
        (receipt, amount_minor): (&ReceiptKey, i64),
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let mut found = voucher::read(&self.db, Site::PostVoucher, tenant, lookup, Read::Strong).await?;
        for _ in 0..ROUNDS_MAX {
            let Some(record) = found else {
                let kind = ExceptionKind::PaymentUnknownVoucher;
                return self.keep(tenant, kind, receipt, lookup, now).await;
            };
            let Some(noted) = record.d.note_payment(receipt, amount_minor, now) else {
                if record.d.knows_payment(receipt) {
                    return Ok(());
                }
                let kind = ExceptionKind::PaymentOnSecondReceipt;
                return self.keep(tenant, kind, receipt, lookup, now).await;
            };
            // Kept first: once the note is replaced, nothing names the other receipt any more.
            if let Some(displaced) = &noted.displaced {
                let kind = ExceptionKind::PaymentOnSecondReceipt;
                self.keep(tenant, kind, displaced, lookup, now).await?;
            }
            found = match voucher::replace(&self.db, Site::PostVoucherNote, &record, noted.voucher, now).await? {
                None => return Ok(()),
                Some(now_there) => Some(now_there),
            };
        }
        Err(WorkError::Contended)
    }

    async fn keep(
        &self,
        tenant: &Tenant,
        kind: ExceptionKind,
        receipt: &ReceiptKey,
        lookup: &LookupKey,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let case = Exception {
            kind,
            receipt: receipt.clone(),
            distinction: lookup.to_string(),
            seen_at: now,
        };
        exception::keep(&self.db, Site::PostException, tenant, case, now).await?;
        tracing::warn!(receipt = %receipt, ?kind, "a voucher payment fits no voucher");
        Ok(())
    }
}
