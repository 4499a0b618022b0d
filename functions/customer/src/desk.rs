//! What the cash desk sees of a customer (N5): name, balance and open vouchers by card number.
//!
//! Three reads, one after the other: the card, the party's view for the till, and the truth about its vouchers. Location,
//! programme and who asked for too many unknown cards are kept between calls.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::card::{CardNumber, CardStatus};
use domain::id::{LocationId, PartyId, ProgrammeId, RunName, Tenant, TillId};
use domain::voucher::{Occasion, Presenter, Voucher, VoucherNumber};
use http_edge::api::customers::{CashDeskAnswer, DeskCustomer};
use http_edge::api::purchases::VoucherView;
use http_edge::{Code, Problem, Request, Response, Scope, guard, page};
use store::card::{self, Card};
use store::db::Read;
use store::guess::Terminal;
use store::party::{self, Personal};
use store::voucher::{self, OpenVoucher};
use store::{Site, relationship};

use crate::App;
use crate::cards::card_unknown;

/// Pages of references looked through for a voucher that can be redeemed. One does, unless 25 and more of the oldest have
/// expired or are held elsewhere; a till does not wait for more, it asks for the next page.
const PAGES_MAX: usize = 3;

/// Whose vouchers are shown, and on which occasion.
struct Desk<'a> {
    terminal: Terminal<'a>,
    tenant: &'a Tenant,
    party: &'a PartyId,
    occasion: Occasion,
}

/// References to open vouchers in the order of issue, and whether there are more behind them.
struct Page {
    references: Vec<OpenVoucher>,
    more: bool,
}

impl App {
    /// `GET /v1/cash-desk/{card}`.
    pub(crate) async fn show_desk(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CashDeskRead)?;
        let number: CardNumber = request.path("card")?;
        let store: LocationId = request.required_query("store")?;
        let till: TillId = request.required_query("till")?;
        let next = request.query.get("next");
        let after: Option<VoucherNumber> = next.map(|token| page::position("next", token)).transpose()?;
        caller.at(&store)?;
        let location = self
            .locations
            .get(&self.db, Site::DeskLocation, &caller.tenant, &store)
            .await?
            .ok_or_else(|| Problem::new(Code::LocationUnknown, "store: there is no such location"))?;
        let lookup = card::lookup_key(self.pepper.bytes(), &number);
        let found = card::read(&self.db, Site::DeskCard, &caller.tenant, &lookup, Read::Strong).await?;
        guard::count_lookup(found.is_some(), now);
        let terminal = Terminal {
            tenant: &caller.tenant,
            client: &caller.client,
            location: &store,
            till: &till,
        };
        let Some(card) = found.map(|record| record.d) else {
            return Err(self.guard.unknown(&self.db, &terminal, card_unknown(), now).await?);
        };
        let Some(party) = self
            .shown_party(&caller.tenant, &card, &location.programme, now)
            .await?
        else {
            return Response::json(200, &nobody(card.status, now));
        };
        let desk = Desk {
            terminal,
            tenant: &caller.tenant,
            party: &party,
            occasion: Occasion {
                location: store.clone(),
                programme: location.programme.clone(),
                presenter: Presenter::Party(party.clone()),
                now,
            },
        };
        let answer = match after {
            None => self.first_page(&desk, card.status).await?,
            Some(after) => {
                let answer = customer_known(card.status, None, now);
                if party::is_stopped(&self.db, Site::DeskView, desk.tenant, desk.party, now).await? {
                    answer
                } else {
                    let page = self.references(&desk, &after).await?;
                    self.with_vouchers(&desk, answer, page).await?
                }
            }
        };
        Response::json(200, &answer)
    }

    /// The party whose points a receipt of today with the card would be.
    async fn shown_party(
        &self,
        tenant: &Tenant,
        card: &Card,
        programme: &ProgrammeId,
        now: DateTime<Utc>,
    ) -> Result<Option<PartyId>, Problem> {
        if card.company.is_none() {
            return Ok(card.leads_to().cloned());
        }
        let programme = self
            .programmes
            .current(&self.db, Site::CustomerProgramme, tenant, programme);
        let programme = programme
            .await?
            .ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "the programme of the location is not stored"))?;
        let today = calendar::business_day(now, programme.zone);
        Ok(relationship::points_owner(&self.db, Site::DeskCard, tenant, card, today).await?)
    }

    async fn first_page(&self, desk: &Desk<'_>, status: CardStatus) -> Result<CashDeskAnswer, Problem> {
        let (programme, now) = (&desk.occasion.programme, desk.occasion.now);
        let view = party::till_view(
            &self.db,
            Site::DeskView,
            desk.tenant,
            desk.party,
            programme,
            Read::Strong,
        )
        .await?;
        // A party without a name is being erased: its card says no more than one that nobody registered.
        let Some(name) = view.name else {
            return Ok(nobody(CardStatus::Unregistered, now));
        };
        let stopped = name.voucher_stop.is_some_and(|stop| stop.holds(now));
        let customer = DeskCustomer {
            name: Personal::new(name.display_name),
            language: name.language,
            programme: programme.to_string(),
            balance: view.account.map_or(0, |account| account.balance),
        };
        if stopped {
            return Ok(customer_known(status, Some(customer), now));
        }
        let page = Page {
            references: view.vouchers,
            more: view.more_vouchers,
        };
        self.with_vouchers(desk, customer_known(status, Some(customer), now), page)
            .await
    }

    /// Adds the vouchers of `page` that can be redeemed now, or those of the first page behind it that has any; none where
    /// somebody tries out cards.
    async fn with_vouchers(
        &self,
        desk: &Desk<'_>,
        mut answer: CashDeskAnswer,
        mut page: Page,
    ) -> Result<CashDeskAnswer, Problem> {
        answer.vouchers_withheld = self.withheld(desk, &page).await?;
        if answer.vouchers_withheld {
            return Ok(answer);
        }
        let mut pages = 1;
        loop {
            answer.open_vouchers = self.redeemable(desk, &page.references).await?;
            match page.references.last() {
                Some(last) if answer.open_vouchers.is_empty() && page.more && pages < PAGES_MAX => {
                    page = self.references(desk, &last.number).await?;
                    pages += 1;
                }
                _ => break,
            }
        }
        let last = page.references.last().filter(|_| page.more);
        answer.more_vouchers = last.is_some();
        answer.next = last.map(|last| page::token(&last.number));
        Ok(answer)
    }

    async fn withheld(&self, desk: &Desk<'_>, page: &Page) -> Result<bool, Problem> {
        let any = !page.references.is_empty();
        Ok(any
            && self
                .guard
                .keeps_back(&self.db, &desk.terminal, desk.occasion.now)
                .await?)
    }

    async fn references(&self, desk: &Desk<'_>, after: &VoucherNumber) -> Result<Page, Problem> {
        let programme = &desk.occasion.programme;
        let site = Site::DeskView;
        let (references, more) =
            party::open_vouchers(&self.db, site, desk.tenant, desk.party, programme, after).await?;
        Ok(Page { references, more })
    }

    /// Those vouchers that a till can redeem now, by the truth about each: the references may lag behind.
    async fn redeemable(&self, desk: &Desk<'_>, references: &[OpenVoucher]) -> Result<Vec<VoucherView>, Problem> {
        let lookups: Vec<_> = references.iter().map(|open| open.lookup.clone()).collect();
        let vouchers = voucher::read_many(&self.db, Site::DeskVouchers, desk.tenant, &lookups).await?;
        let truth: HashMap<VoucherNumber, _> = vouchers
            .into_iter()
            .map(|found| (found.d.number.clone(), found.d))
            .collect();
        let waiting = self.waiting(desk.tenant, truth.values()).await?;
        let versions = truth.values().map(|voucher| voucher.code_key_version);
        let keys = self.code_keys.covering(versions).await?;
        let redeemable = references.iter().filter_map(|open| {
            let voucher = truth.get(&open.number)?;
            voucher.check(None, &[], &desk.occasion).ok()?;
            if voucher.waits_for().is_some_and(|run| waiting.contains(run)) {
                return None;
            }
            let key = keys.key(voucher.code_key_version);
            // What is left of it, and until when, by the truth too.
            let open = OpenVoucher::of(voucher, open.lookup.clone());
            VoucherView::of(desk.party, &desk.occasion.programme, &open, key)
        });
        Ok(redeemable.collect())
    }
}

impl App {
    /// Of these vouchers' runs, those whose letters must be confirmed and are not.
    async fn waiting<'a>(
        &self,
        tenant: &Tenant,
        vouchers: impl Iterator<Item = &'a Voucher>,
    ) -> Result<BTreeSet<RunName>, Problem> {
        let mut waiting: BTreeSet<RunName> = vouchers.filter_map(Voucher::waits_for).cloned().collect();
        for run in waiting.clone() {
            if self.confirmed.is(&self.db, Site::DeskRun, tenant, &run).await? {
                waiting.remove(&run);
            }
        }
        Ok(waiting)
    }
}

/// The answer for a card that leads to no customer. An erased one looks as if nobody had registered it.
fn nobody(status: CardStatus, as_of: DateTime<Utc>) -> CashDeskAnswer {
    let shown = match status {
        CardStatus::Blocked => CardStatus::Blocked,
        _ => CardStatus::Unregistered,
    };
    customer_known(shown, None, as_of)
}

fn customer_known(card_status: CardStatus, customer: Option<DeskCustomer>, as_of: DateTime<Utc>) -> CashDeskAnswer {
    CashDeskAnswer {
        card_status,
        customer,
        open_vouchers: Vec::new(),
        more_vouchers: false,
        vouchers_withheld: false,
        next: None,
        as_of,
    }
}
