//! Orders, payment morale and refused documents.

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar;
use domain::id::{LookupKey, PartyId, Tenant};
use domain::morale;
use http_edge::api::erp::{
    DocumentFlaw, MoraleView, OrderLineBody, OrderPage, OrderView, RejectedDocument, RejectedPage, TickedOff,
    WaitingPage, WaitingPayment, WaitingPayments,
};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use store::erp::{self, Order, Rejected, Waiting};
use store::timeline::OrderStatus;
use store::{Record, Site, party};

use crate::App;

/// Pages of a thousand invoices that payment morale is folded from.
const MORALE_PAGES: usize = 5;
/// Where today is: payment morale belongs to no programme that would name a zone.
const ZONE: chrono_tz::Tz = chrono_tz::Europe::Zurich;

impl App {
    /// `GET /v1/parties/{party_id}/orders`.
    pub(crate) async fn list_orders(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let party: PartyId = request.path("party_id")?;
        let (limit, after) = (request.limit()?, position(request)?);
        let (found, next) = erp::orders(&self.db, &caller.tenant, &party, after, limit).await?;
        if found.is_empty() {
            self.known(&caller.tenant, &party).await?;
        }
        let page = OrderPage {
            items: found.into_iter().map(|record| order(record.d)).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &page)
    }

    /// `GET /v1/parties/{party_id}/payment-morale`.
    pub(crate) async fn show_morale(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let party: PartyId = request.path("party_id")?;
        let as_of = match request.query.get("as_of") {
            None => calendar::business_day(now, ZONE),
            Some(text) => text
                .parse::<NaiveDate>()
                .map_err(|_| Problem::new(Code::MalformedParameter, "as_of: must be a date YYYY-MM-DD"))?,
        };
        let site = Site::ErpMorale;
        let read = erp::invoices(&self.db, site, &caller.tenant, &party, as_of, MORALE_PAGES);
        let (invoices, complete) = read.await?;
        if invoices.is_empty() {
            self.known(&caller.tenant, &party).await?;
        }
        Response::json(200, &MoraleView::of(morale::morale(&invoices, as_of), as_of, complete))
    }

    /// `GET /v1/erp/rejected`.
    pub(crate) async fn list_rejected(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::OperationsRead)?;
        let (limit, after) = (request.limit()?, position(request)?);
        let (found, next) = erp::rejected(&self.db, &caller.tenant, now, after, limit).await?;
        let page = RejectedPage {
            items: found.into_iter().filter_map(rejected).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &page)
    }

    /// `POST /v1/erp/rejected/{document_id}/done`.
    pub(crate) async fn tick_off(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ErpWrite)?;
        let id: LookupKey = request.path("document_id")?;
        if !erp::tick_off(&self.db, &caller.tenant, &id, &caller.made(now)).await? {
            return Err(Problem::new(
                Code::NotFound,
                "there is no refused document with this id",
            ));
        }
        let answer = TickedOff {
            document_id: id.to_string(),
            status: "done".to_owned(),
        };
        Response::json(200, &answer)
    }

    /// `GET /v1/erp/waiting-payments`.
    pub(crate) async fn list_waiting(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::OperationsRead)?;
        let (limit, after) = (request.limit()?, position(request)?);
        let (found, next) = erp::waiting(&self.db, &caller.tenant, after, limit).await?;
        let page = WaitingPage {
            items: found.into_iter().map(|one| waiting(one, now)).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &page)
    }

    /// Insists that there is such a party.
    async fn known(&self, tenant: &Tenant, party: &PartyId) -> Result<(), Problem> {
        match party::read(&self.db, Site::ErpParty, tenant, party).await? {
            Some(_) => Ok(()),
            None => Err(Problem::new(Code::NotFound, "there is no party with this id")),
        }
    }
}

fn position(request: &Request) -> Result<Option<String>, Problem> {
    let next = request.query.get("next");
    let after: Option<String> = next.map(|token| page::position("next", token)).transpose()?;
    after.map(|key| page::sort_key("next", key)).transpose()
}

fn order(order: Order) -> OrderView {
    let status = match order.status {
        OrderStatus::Open => "open",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
    };
    let lines = order.lines.into_iter().map(|line| OrderLineBody {
        article: line.article,
        text: line.text,
        quantity_milli: line.quantity_milli,
        amount: line.amount,
    });
    OrderView {
        number: order.number.to_string(),
        revision: order.revision,
        date: order.date,
        status: status.to_owned(),
        total: order.total,
        lines: lines.collect(),
    }
}

fn waiting(waiting: Waiting, now: DateTime<Utc>) -> WaitingPayments {
    let payments = waiting.payments.into_iter().map(|payment| WaitingPayment {
        number: payment.number.to_string(),
        date: payment.date,
        amount: payment.amount,
    });
    WaitingPayments {
        invoice: waiting.invoice.to_string(),
        since: waiting.since,
        days: now.signed_duration_since(waiting.since).num_days().max(0),
        payments: payments.collect(),
    }
}

fn rejected(record: Record<Rejected>) -> Option<RejectedDocument> {
    let (id, rejected) = (erp::rejected_id(&record.pk)?, record.d);
    let errors = rejected.flaws.into_iter().map(|flaw| DocumentFlaw {
        pointer: flaw.pointer,
        finding: flaw.code,
        detail: flaw.detail,
    });
    Some(RejectedDocument {
        document_id: id.to_string(),
        kind: rejected.kind.as_str().to_owned(),
        number: rejected.number.map(|number| number.to_string()),
        problem: rejected.code,
        detail: rejected.detail,
        errors: errors.collect(),
        seen_at: rejected.seen_at,
    })
}
