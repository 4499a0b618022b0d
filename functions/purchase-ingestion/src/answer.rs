//! What the till hears.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::earning::Earning;
use domain::id::PartyId;
use domain::money::Money;
use domain::programme::Programme;
use domain::receipt::Receipt;
use domain::till_text::{Language, TillBlock, Worth};
use http_edge::api::purchases::{AccountView, Expected, PrintBlock, PurchaseAnswer, PurchaseStatus, VoucherView};
use http_edge::{Problem, Response};
use runtime::secrets::CodeKeys;
use store::party::TillView;
use store::voucher::OpenVoucher;

/// An account as this till may see it.
pub(crate) struct Shown {
    pub(crate) view: TillView,
    /// Whether its open vouchers were kept back.
    pub(crate) withheld: bool,
    /// The keys of the codes of the vouchers in the view.
    pub(crate) keys: Arc<CodeKeys>,
}

/// Everything the answer is made of.
pub(crate) struct Answer<'a> {
    pub(crate) receipt: &'a Receipt,
    pub(crate) status: PurchaseStatus,
    pub(crate) account: Option<(&'a PartyId, &'a Shown)>,
    /// Language asked for by the till, used when the customer has none.
    pub(crate) language: Option<Language>,
    pub(crate) programme: &'a Programme,
    pub(crate) earning: &'a Earning,
    /// Whether the balance of the view contains this receipt's points.
    pub(crate) counted: bool,
    pub(crate) now: DateTime<Utc>,
}

impl Answer<'_> {
    pub(crate) fn response(&self) -> Result<Response, Problem> {
        let replayed = self.status == PurchaseStatus::Replayed;
        let body = PurchaseAnswer {
            key: self.receipt.key.to_string(),
            status: self.status,
            matched: self.account.is_some(),
            expected: Expected::of(self.earning, self.programme),
            account: self.account.map(|(party, shown)| self.account_view(party, shown)),
            print: self.print(),
        };
        let response = Response::json(if replayed { 200 } else { 201 }, &body)?;
        Ok(if replayed {
            response.header("idempotency-replayed", "true")
        } else {
            response
        })
    }

    fn money(&self, amount_minor: i64) -> Money {
        Money::new(amount_minor, self.programme.currency)
    }

    /// Whether the party gets no vouchers and pays with none now.
    fn stopped(&self, view: &TillView) -> bool {
        let stop = view.name.as_ref().and_then(|name| name.voucher_stop);
        stop.is_some_and(|stop| stop.holds(self.now))
    }

    /// The party's open vouchers, without those that pay this receipt: they are as good as gone. None for whom vouchers
    /// are stopped.
    fn open<'v>(&'v self, view: &'v TillView) -> impl Iterator<Item = &'v store::voucher::OpenVoucher> {
        let today = domain::calendar::business_day(self.now, self.programme.zone);
        let shown = if self.stopped(view) {
            &[]
        } else {
            view.vouchers.as_slice()
        };
        shown
            .iter()
            .filter(move |open| open.valid_until >= today && !self.receipt.vouchers().any(|paid| *paid == open.lookup))
    }

    pub(crate) fn account_view(&self, party: &PartyId, shown: &Shown) -> AccountView {
        let view = &shown.view;
        let account = view.account.clone().unwrap_or_default();
        let programme = &self.programme.id;
        AccountView {
            balance: account.balance,
            revenue: self.money(account.revenue_minor),
            open_vouchers: self
                .open(view)
                .filter_map(|open| VoucherView::of(party, programme, open, shown.keys.key(open.code_key_version)))
                .collect(),
            more_vouchers: view.more_vouchers && !self.stopped(view),
            vouchers_withheld: shown.withheld,
            as_of: self.now,
        }
    }

    pub(crate) fn print(&self) -> PrintBlock {
        let view = self.account.map(|(_, shown)| &shown.view);
        let language = view
            .and_then(|view| view.name.as_ref())
            .map(|name| name.language)
            .or(self.language)
            .unwrap_or_default();
        let vouchers: Vec<_> = view
            .into_iter()
            .flat_map(|view| self.open(view))
            .map(|open| (worth(open), open.valid_until))
            .collect();
        let block = TillBlock {
            programme: &self.programme.name,
            earned: self.earning.points,
            balance: view.map(|view| {
                let balance = view.account.as_ref().map_or(0, |account| account.balance);
                if self.counted {
                    balance
                } else {
                    balance.saturating_add(self.earning.points)
                }
            }),
            threshold: self.programme.voucher.threshold_points,
            vouchers: &vouchers,
            withheld: self.account.is_some_and(|(_, shown)| shown.withheld),
        };
        PrintBlock {
            language,
            lines: block.lines(language),
        }
    }
}

fn worth(open: &OpenVoucher) -> Worth {
    open.per_cent.map_or_else(
        || Worth::Amount(Money::new(open.value_minor, open.currency)),
        Worth::PerCent,
    )
}
