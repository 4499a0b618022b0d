//! Bodies become documents, or findings.

use chrono::NaiveDate;
use domain::id::DocumentNumber;
use domain::money::{AMOUNT_MAX, Money};
use domain::morale::{DUNNING_MAX, InvoiceStatus};
use domain::text;
use http_edge::api::erp::{InvoiceRequest, OrderLineBody, OrderRequest, PaymentRequest};
use http_edge::{Code, Findings, Problem};
use store::erp::OrderLine;
use store::timeline::OrderStatus;

use crate::parties::{Named, named};

/// Most lines of an order.
const LINES_MAX: usize = 200;
/// Greatest quantity of a line, in thousandths.
const QUANTITY_MAX: i64 = 1_000_000_000;
/// Longest number and name of an article, in characters.
const ARTICLE_MAX: usize = 40;
const TEXT_MAX: usize = 120;

/// An order as it is wanted.
pub(crate) struct WantedOrder {
    pub(crate) number: DocumentNumber,
    pub(crate) party: Named,
    pub(crate) date: NaiveDate,
    pub(crate) status: OrderStatus,
    pub(crate) total: Money,
    pub(crate) lines: Vec<OrderLine>,
}

/// An invoice as it is wanted.
pub(crate) struct WantedInvoice {
    pub(crate) number: DocumentNumber,
    pub(crate) party: Named,
    pub(crate) date: NaiveDate,
    pub(crate) due: NaiveDate,
    pub(crate) status: InvoiceStatus,
}

/// A payment as it is wanted.
pub(crate) struct WantedPayment {
    pub(crate) number: DocumentNumber,
    pub(crate) invoice: DocumentNumber,
    pub(crate) date: NaiveDate,
}

/// Reads an order.
///
/// # Errors
/// [`Code::Invalid`] with everything that was found.
pub(crate) fn order(body: &OrderRequest) -> Result<WantedOrder, Problem> {
    let mut found = Findings::default();
    let number = found.field("/number", &body.number);
    revision(body.revision, &mut found);
    let party = named(body.party_id.as_deref(), body.external_id.as_ref(), &mut found);
    let date = date("/date", &body.date, &mut found);
    let status = match body.status.as_str() {
        "open" => Some(OrderStatus::Open),
        "delivered" => Some(OrderStatus::Delivered),
        "cancelled" => Some(OrderStatus::Cancelled),
        _ => {
            found.add("/status", "malformed", "a status is one of open, delivered, cancelled");
            None
        }
    };
    amount("/total", body.total, 0, &mut found);
    let lines = lines(body, &mut found);
    found.none()?;
    complete(
        number
            .zip(party)
            .zip(date.zip(status))
            .map(|((number, party), (date, status))| WantedOrder {
                number,
                party,
                date,
                status,
                total: body.total,
                lines,
            }),
    )
}

fn lines(body: &OrderRequest, found: &mut Findings) -> Vec<OrderLine> {
    if !(1..=LINES_MAX).contains(&body.lines.len()) {
        found.add("/lines", "out_of_range", "must be 1 to 200 lines");
        return Vec::new();
    }
    for (index, line) in body.lines.iter().enumerate() {
        check_line(index, line, body.total, found);
    }
    let stored = |line: &OrderLineBody| OrderLine {
        article: line.article.clone(),
        text: line.text.clone(),
        quantity_milli: line.quantity_milli,
        amount: line.amount,
    };
    body.lines.iter().map(stored).collect()
}

fn check_line(index: usize, line: &OrderLineBody, total: Money, found: &mut Findings) {
    let at = |field: &str| format!("/lines/{index}/{field}");
    if !text::is_line(&line.article, ARTICLE_MAX) {
        found.add(at("article"), "out_of_range", "must be 1 to 40 printable characters");
    }
    if !text::is_line(&line.text, TEXT_MAX) {
        found.add(at("text"), "out_of_range", "must be 1 to 120 printable characters");
    }
    if !(1..=QUANTITY_MAX).contains(&line.quantity_milli) {
        found.add(at("quantity_milli"), "out_of_range", "must be 1 to 1000000000");
    }
    amount(&at("amount"), line.amount, -AMOUNT_MAX, found);
    if line.amount.currency != total.currency {
        found.add(
            at("amount/currency"),
            "other_currency",
            "must be the currency of the total",
        );
    }
}

/// Reads an invoice.
///
/// # Errors
/// [`Code::Invalid`] with everything that was found.
pub(crate) fn invoice(body: &InvoiceRequest) -> Result<WantedInvoice, Problem> {
    let mut found = Findings::default();
    let number = found.field("/number", &body.number);
    revision(body.revision, &mut found);
    let party = named(body.party_id.as_deref(), body.external_id.as_ref(), &mut found);
    let date_of = date("/date", &body.date, &mut found);
    let due = date("/due_date", &body.due_date, &mut found);
    if date_of.zip(due).is_some_and(|(date, due)| due < date) {
        found.add("/due_date", "out_of_range", "must not be before the date");
    }
    amount("/total", body.total, 0, &mut found);
    if body.dunning_level > DUNNING_MAX {
        found.add("/dunning_level", "out_of_range", "must be 0 to 9");
    }
    let status = match body.status.as_str() {
        "open" => Some(InvoiceStatus::Open),
        "cancelled" => Some(InvoiceStatus::Cancelled),
        "written_off" => Some(InvoiceStatus::WrittenOff),
        _ => {
            found.add(
                "/status",
                "malformed",
                "a status is one of open, cancelled, written_off",
            );
            None
        }
    };
    found.none()?;
    let dates = date_of.zip(due).zip(status);
    complete(
        number
            .zip(party)
            .zip(dates)
            .map(|((number, party), ((date, due), status))| WantedInvoice {
                number,
                party,
                date,
                due,
                status,
            }),
    )
}

/// Reads a payment.
///
/// # Errors
/// [`Code::Invalid`] with everything that was found.
pub(crate) fn payment(body: &PaymentRequest) -> Result<WantedPayment, Problem> {
    let mut found = Findings::default();
    let number = found.field("/number", &body.number);
    revision(body.revision, &mut found);
    let invoice = found.field("/invoice", &body.invoice);
    let date = date("/date", &body.date, &mut found);
    amount("/amount", body.amount, -AMOUNT_MAX, &mut found);
    if body.amount.amount_minor == 0 {
        found.add("/amount/amount_minor", "out_of_range", "must not be 0");
    }
    found.none()?;
    complete(
        number
            .zip(invoice)
            .zip(date)
            .map(|((number, invoice), date)| WantedPayment { number, invoice, date }),
    )
}

fn complete<T>(wanted: Option<T>) -> Result<T, Problem> {
    wanted.ok_or_else(|| Problem::new(Code::Internal, "the body was neither understood nor refused"))
}

fn revision(revision: u32, found: &mut Findings) {
    if revision == 0 {
        found.add("/revision", "out_of_range", "must be 1 or more");
    }
}

fn amount(pointer: &str, amount: Money, least: i64, found: &mut Findings) {
    if !(least..=AMOUNT_MAX).contains(&amount.amount_minor) {
        let detail = format!("must be {least} to {AMOUNT_MAX}");
        found.add(format!("{pointer}/amount_minor"), "amount_out_of_range", detail);
    }
}

/// A date of the years 2000 to 2199: outside them it is a typing error.
fn date(pointer: &str, text: &str, found: &mut Findings) -> Option<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    let last = NaiveDate::from_ymd_opt(2199, 12, 31)?;
    let date = text
        .parse::<NaiveDate>()
        .ok()
        .filter(|date| (first..=last).contains(date));
    if date.is_none() {
        found.add(
            pointer,
            "malformed",
            "must be a date YYYY-MM-DD of the years 2000 to 2199",
        );
    }
    date
}
