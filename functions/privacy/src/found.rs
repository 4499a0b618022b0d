//! What lapses with a party, and what is open.

use domain::account::Account;
use domain::adjustment::State;
use domain::id::{LookupKey, PartyId, Tenant};
use domain::morale::{Invoice, InvoiceStatus};
use http_edge::{Code, Problem};
use store::adjustment::{self, Reference};
use store::desk::{Opportunity, Outcome};
use store::erasure::{self, AccountFound, Found, names};
use store::record::Item;
use store::timeline::{Event, What};
use store::{Record, Site};

use crate::App;

/// Items of a page.
const PAGE: i32 = 500;
/// Most items of a party that are looked at: a customer of fifty years of daily purchases has fewer.
const ITEMS_MAX: usize = 200_000;

pub(crate) fn too_large() -> Problem {
    Problem::new(
        Code::StatementTooLarge,
        "more is stored about the party than one call can read",
    )
}

impl App {
    /// Shows every item of a party to `take`, by sort key.
    ///
    /// # Errors
    /// [`Code::StatementTooLarge`]; what `take` says.
    pub(crate) async fn everything(
        &self,
        tenant: &Tenant,
        party: &PartyId,
        mut take: impl FnMut(Item) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let (mut after, mut seen) = (None, 0usize);
        // Ends with the partition or with too many items.
        loop {
            let page = erasure::items(&self.db, Site::PrivacyItems, tenant, party, after, PAGE);
            let (items, next) = page.await?;
            seen = seen.saturating_add(items.len());
            if seen > ITEMS_MAX {
                return Err(too_large());
            }
            items.into_iter().try_for_each(&mut take)?;
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// What lapses with a party, and what is open.
    pub(crate) async fn found(&self, tenant: &Tenant, party: &PartyId) -> Result<Found, Problem> {
        let mut found = Found::default();
        let mut by_hand: Vec<LookupKey> = Vec::new();
        self.everything(tenant, party, |item| note(item, &mut found, &mut by_hand))
            .await?;
        for id in by_hand {
            let adjustment = adjustment::read(&self.db, Site::PrivacyBeside, tenant, &id).await?;
            if adjustment.is_some_and(|known| known.d.state == State::AwaitingApproval) {
                found.open_adjustments = found.open_adjustments.saturating_add(1);
            }
        }
        Ok(found)
    }
}

fn note(item: Item, found: &mut Found, by_hand: &mut Vec<LookupKey>) -> Result<(), Problem> {
    let site = Site::PrivacyItems;
    let (sk, kind) = names(&item);
    let one_more = |count: &mut u64, more: bool| *count = count.saturating_add(u64::from(more));
    match kind.as_str() {
        "account" => {
            let account = Record::<Account>::from_item(site, item)?.d;
            found.accounts.push(AccountFound {
                programme: sk.rsplit('#').next().unwrap_or_default().to_owned(),
                balance: account.balance,
                pending: account.pending(),
            });
        }
        "open_voucher" => one_more(&mut found.open_vouchers, true),
        "morale" => {
            let invoice = Record::<Invoice>::from_item(site, item)?.d;
            one_more(&mut found.open_invoices, is_open(&invoice));
        }
        "opportunity" => {
            let chance = Record::<Opportunity>::from_item(site, item)?.d;
            one_more(&mut found.open_opportunities, chance.now.outcome == Outcome::Open);
        }
        "timeline" => {
            let open = match Record::<Event>::from_item(site, item)?.d.what {
                What::Task { status, .. } => status != "done",
                What::Case { status, .. } => status != "closed",
                _ => false,
            };
            one_more(&mut found.open_work, open);
        }
        "adjustment_reference" => by_hand.push(Record::<Reference>::from_item(site, item)?.d.id),
        _ => {}
    }
    Ok(())
}

fn is_open(invoice: &Invoice) -> bool {
    let paid = invoice
        .payments
        .iter()
        .filter(|payment| payment.amount.currency == invoice.total.currency)
        .fold(0i64, |sum, payment| sum.saturating_add(payment.amount.amount_minor));
    invoice.status == InvoiceStatus::Open && paid < invoice.total.amount_minor
}
