//! Receipts that waited for a card get their account.

use chrono::{DateTime, Utc};
use domain::id::{LookupKey, Tenant};
use domain::receipt::ReceiptKey;
use runtime::sqs::Deadline;
use store::card::{self, Card};
use store::db::Read;
use store::receipt::{self, Stamped};
use store::{Site, relationship};

use crate::{App, WorkError};

/// Pages of a hundred receipts settled by one message; the card is announced again for the rest.
const PAGES_MAX: usize = 4;

impl App {
    /// Stamps the receipts that wait for the card. Each leaves the list with its stamp, so a message that comes again goes
    /// on where the last one stopped. One that cannot be stamped does not hold up those behind it; the message then fails.
    pub(crate) async fn settle(
        &self,
        tenant: &Tenant,
        card: &LookupKey,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let found = card::read(&self.db, Site::SettleCard, tenant, card, Read::Strong).await?;
        let Some(found) = found else { return Ok(()) };
        // Blocked again meanwhile: its receipts go on waiting.
        if found.d.leads_to().is_none() {
            return Ok(());
        }
        let (mut settled, mut after, mut failed) = (0usize, None, None);
        for _ in 0..PAGES_MAX {
            let (page, next) = card::parked(&self.db, Site::SettleParked, tenant, card, after).await?;
            for parked in page {
                if deadline.is_near() {
                    return Err(WorkError::OutOfTime);
                }
                let stamped = match parked {
                    Ok(parked) => self.stamp(tenant, (card, &found.d), &parked.d.receipt, now).await,
                    Err(error) => Err(error.into()),
                };
                match stamped {
                    Ok(()) => settled += 1,
                    Err(error) if error.is_transient() => return Err(error),
                    Err(error) => failed = Some(error),
                }
            }
            after = next;
            if after.is_none() {
                tracing::info!(receipts = settled, "the receipts of a card are settled");
                return failed.map_or(Ok(()), Err);
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(card::announce(&self.db, Site::SettleStamp, &found, now).await?)
    }

    async fn stamp(
        &self,
        tenant: &Tenant,
        (card, holder): (&LookupKey, &Card),
        key: &ReceiptKey,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let stored = receipt::read(&self.db, Site::PostReceipts, tenant, key, Read::Strong).await?;
        let stored = stored.ok_or(WorkError::NoReceipt)?;
        let day = key.business_date;
        let owner = relationship::points_owner(&self.db, Site::SettleCard, tenant, holder, day).await?;
        // The card leads to somebody, as was seen when it was read.
        let Some(party) = &owner else { return Ok(()) };
        let stamped = receipt::stamp(&self.db, Site::SettleStamp, tenant, &stored.d.receipt, party, now).await?;
        if stamped == Stamped::Before {
            // Claimed on another way; the claim may have come from another card and left this list alone.
            card::unpark(&self.db, Site::SettleStamp, tenant, card, key).await?;
        }
        Ok(())
    }
}
