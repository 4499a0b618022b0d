//! All of a party at once (D4): six queries, side by side, whatever the party has.

use ::party::PartyDocument;
use ::party::document::Identity;
use chrono::{DateTime, Datelike, Months, Utc};
use domain::calendar;
use domain::id::PartyId;
use domain::money::{Currency, Money};
use domain::morale;
use http_edge::api::desk::{
    GroupMonth, MonthActivity, OverviewAccount, OverviewAnswer, OverviewParty, OverviewVoucher, StoreMonth,
};
use http_edge::api::erp::MoraleView;
use http_edge::{Problem, Request, Response, Scope};
use store::account::AccountId;
use store::activity::{self, Month};
use store::db::Read;
use store::party::{self, TillView};
use store::{Record, Site, erp};

use crate::timeline::Places;
use crate::{App, answer, no_such_party};

/// Months of purchases that are shown.
const MONTHS: u32 = 13;
/// Items of the timeline's first page.
const TIMELINE_ITEMS: i32 = 25;

impl App {
    /// `GET /v1/parties/{party_id}/overview`.
    pub(crate) async fn show_overview(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let party: PartyId = request.path("party_id")?;
        let (programme, settings) = self.programme(&caller.tenant, request).await?;
        let id = AccountId {
            tenant: caller.tenant.clone(),
            party,
            programme,
        };
        let today = calendar::business_day(now, settings.zone);
        let first = today
            .with_day(1)
            .and_then(|day| day.checked_sub_months(Months::new(MONTHS.saturating_sub(1))))
            .unwrap_or(today);
        let (from, to) = (first.format("%Y-%m").to_string(), today.format("%Y-%m").to_string());
        let (tenant, party) = (&id.tenant, &id.party);
        let limit = i32::try_from(MONTHS).unwrap_or(i32::MAX);
        // On the heap: five reads at once would make a large future of every request.
        let (profile, till, months, invoices, timeline) = tokio::join!(
            Box::pin(party::read(&self.db, Site::DeskParty, tenant, party)),
            Box::pin(party::till_view(
                &self.db,
                Site::DeskAccounts,
                tenant,
                party,
                &id.programme,
                Read::Eventual
            )),
            Box::pin(activity::months(&self.db, Site::DeskActivity, &id, (&from, &to), limit)),
            Box::pin(erp::invoices(&self.db, Site::DeskInvoices, tenant, party, today, 1)),
            Box::pin(self.timeline(&id, settings.zone, Places::START, TIMELINE_ITEMS)),
        );
        let profile = profile?.ok_or_else(no_such_party)?;
        let (till, (invoices, complete)) = (till?, invoices?);
        let months = months?
            .into_iter()
            .map(|month| month_activity(month, settings.currency));
        let said = OverviewAnswer {
            party: who(profile),
            account: account(&till, &id, settings.currency),
            open_vouchers: vouchers(&till),
            more_vouchers: till.more_vouchers,
            segments: till.segments,
            payment_morale: MoraleView::of(morale::morale(&invoices, today), today, complete),
            months: months.collect(),
            timeline: timeline?,
        };
        answer(200, &said, false)
    }
}

fn who(profile: Record<PartyDocument>) -> OverviewParty {
    let kind = match profile.d.identity {
        Identity::Person { .. } => "person",
        Identity::Organisation { .. } => "organisation",
    };
    OverviewParty {
        party_id: profile.d.party.to_string(),
        kind: kind.to_owned(),
        display_name: domain::secret::Secret::new(profile.d.identity.display_name()),
        language: profile.d.language,
        created_at: profile.created_at,
    }
}

fn account(till: &TillView, id: &AccountId, currency: Currency) -> Option<OverviewAccount> {
    let account = till.account.as_ref()?;
    Some(OverviewAccount {
        programme: id.programme.to_string(),
        balance: account.balance,
        pending: account.pending(),
        revenue: Money::new(account.revenue_minor, currency),
        receipts: account.receipts,
        vouchers_issued: account.vouchers_issued,
    })
}

fn vouchers(till: &TillView) -> Vec<OverviewVoucher> {
    let open = till.vouchers.iter().map(|voucher| OverviewVoucher {
        number: voucher.number.to_string(),
        sequence: voucher.number.over_threshold(),
        run: voucher.number.run().map(ToString::to_string),
        value: Money::new(voucher.value_minor, voucher.currency),
        per_cent: voucher.per_cent,
        valid_until: voucher.valid_until,
    });
    open.collect()
}

fn month_activity(month: Month, currency: Currency) -> MonthActivity {
    let stores = month.stores.into_iter().map(|(store, receipts, revenue)| StoreMonth {
        store,
        receipts,
        revenue: Money::new(revenue, currency),
    });
    let groups = month.groups.into_iter().map(|(group, revenue)| GroupMonth {
        group,
        revenue: Money::new(revenue, currency),
    });
    MonthActivity {
        month: month.month,
        receipts: month.receipts,
        revenue: Money::new(month.revenue_minor, currency),
        stores: stores.collect(),
        groups: groups.collect(),
    }
}
