//! Bodies of the ERP's documents, and of what they say about a party.

use chrono::{DateTime, NaiveDate, Utc};
use domain::money::Money;
use domain::morale::{self, Morale};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};

/// A party by its id in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyByExternalId {
    /// The other system, such as `erp`: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    pub system: String,
    /// The id there: 1 to 80 printable characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: Secret,
}

/// An order of a party. The same content again is a replay; other content needs a higher `revision`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderRequest {
    /// The ERP's own number of the order: 1 to 40 characters from A-Z, a-z, 0-9, `.`, `-` and `_`.
    pub number: String,
    /// Counts the texts of this order, from 1.
    pub revision: u32,
    /// Who ordered; or `external_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// Who ordered; or `party_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<PartyByExternalId>,
    /// When, `YYYY-MM-DD`, not before 2000.
    pub date: String,
    /// `open`, `delivered` or `cancelled`.
    pub status: String,
    /// What it comes to; 0 or more.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub total: Money,
    /// What was ordered: 1 to 200 lines.
    pub lines: Vec<OrderLineBody>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderLineBody {
    /// The article: 1 to 40 printable characters.
    pub article: String,
    /// Its name: 1 to 120 printable characters.
    pub text: String,
    /// Thousandths of a piece, kilogram or metre: 1 to 1000000000.
    pub quantity_milli: i64,
    /// What the line comes to, in the currency of the total.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// An invoice to a party. Whether it is paid comes from its payments, which may come before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvoiceRequest {
    /// The ERP's own number of the invoice: 1 to 40 characters from A-Z, a-z, 0-9, `.`, `-` and `_`.
    pub number: String,
    /// Counts the texts of this invoice, from 1.
    pub revision: u32,
    /// Who is to pay; or `external_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// Who is to pay; or `party_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<PartyByExternalId>,
    /// Its date, `YYYY-MM-DD`, not before 2000.
    pub date: String,
    /// The last day on which it is paid on time, `YYYY-MM-DD`.
    pub due_date: String,
    /// What is to be paid; 0 or more.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub total: Money,
    /// How often it was reminded, 0 to 9.
    pub dunning_level: u8,
    /// `open`, `cancelled` or `written_off`.
    pub status: String,
}

/// A payment of an invoice. It counts when it is in the invoice's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaymentRequest {
    /// The ERP's own number of the payment: 1 to 40 characters from A-Z, a-z, 0-9, `.`, `-` and `_`.
    pub number: String,
    /// Counts the texts of this payment, from 1.
    pub revision: u32,
    /// The number of the invoice that it pays, whether that has come or not.
    pub invoice: String,
    /// The day on which it came, `YYYY-MM-DD`, not before 2000.
    pub date: String,
    /// Its amount, not 0; below 0 when it was taken back.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// What stands of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentAnswer {
    /// `order`, `invoice` or `payment`.
    pub kind: String,
    /// Its number.
    pub number: String,
    /// The revision that stands.
    pub revision: u32,
    /// Its party; absent for a payment that waits for its invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
}

/// An order of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderView {
    /// Its number.
    pub number: String,
    /// The revision that stands.
    pub revision: u32,
    /// When.
    pub date: NaiveDate,
    /// `open`, `delivered` or `cancelled`.
    pub status: String,
    /// What it comes to.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub total: Money,
    /// What was ordered.
    pub lines: Vec<OrderLineBody>,
}

/// A page of a party's orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderPage {
    /// The newest first.
    pub items: Vec<OrderView>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How a party pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MoraleView {
    /// The day at whose end it is seen. Payments after it do not count; dunning levels and statuses are those of today.
    pub as_of: NaiveDate,
    /// Invoices from this day on count: 24 months. An older one counts as long as it is open.
    pub from: NaiveDate,
    /// Whether all invoices were looked at; `false` when there are more than can be, and the oldest are left out.
    pub complete: bool,
    /// Invoices that count: all but cancelled ones.
    pub invoices: u32,
    /// Neither paid nor written off.
    pub open: u32,
    /// Open ones whose due date is over.
    pub overdue: u32,
    /// Paid until the due date.
    pub paid_on_time: u32,
    /// Paid later.
    pub paid_late: u32,
    /// Not paid and written off.
    pub written_off: u32,
    /// Days late of paid, overdue and written off invoices on average, the last two until the day; rounded down, on time is 0.
    pub mean_days_late: i64,
    /// The most days late.
    pub worst_days_late: i64,
    /// The highest dunning level of open invoices, 0 to 9.
    pub dunning_level: u8,
    /// What is open, by currency.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::schemas::Money>))]
    pub open_amounts: Vec<Money>,
    /// What of it is overdue, by currency.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::schemas::Money>))]
    pub overdue_amounts: Vec<Money>,
}

impl MoraleView {
    /// The morale of a day; `complete` says whether all invoices were looked at.
    pub fn of(morale: Morale, as_of: NaiveDate, complete: bool) -> Self {
        Self {
            as_of,
            from: morale::window_start(as_of),
            complete,
            invoices: morale.invoices,
            open: morale.open,
            overdue: morale.overdue,
            paid_on_time: morale.paid_on_time,
            paid_late: morale.paid_late,
            written_off: morale.written_off,
            mean_days_late: morale.mean_days_late,
            worst_days_late: morale.worst_days_late,
            dunning_level: morale.dunning_level,
            open_amounts: morale.open_amounts,
            overdue_amounts: morale.overdue_amounts,
        }
    }
}

/// Something wrong with a field of a rejected document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentFlaw {
    /// JSON pointer of the field.
    pub pointer: String,
    /// What is wrong, for machines.
    pub finding: String,
    /// What is wrong and what to do.
    pub detail: String,
}

/// A document that came by the queue and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RejectedDocument {
    /// Its id, under which it is ticked off.
    pub document_id: String,
    /// `order`, `invoice` or `payment`.
    pub kind: String,
    /// Its number, where it has a readable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The code of the problem that the route would have answered.
    pub problem: String,
    /// What happened.
    pub detail: String,
    /// Findings about fields.
    pub errors: Vec<DocumentFlaw>,
    /// When it was first seen.
    pub seen_at: DateTime<Utc>,
}

/// A page of rejected documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RejectedPage {
    /// The oldest first.
    pub items: Vec<RejectedDocument>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A rejected document that was ticked off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TickedOff {
    /// Its id.
    pub document_id: String,
    /// `done`.
    pub status: String,
}

/// A payment that waits for its invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaitingPayment {
    /// Its number.
    pub number: String,
    /// The day on which it came.
    pub date: NaiveDate,
    /// Its amount.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::schemas::Money))]
    pub amount: Money,
}

/// Payments that wait for one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaitingPayments {
    /// The invoice that has not come.
    pub invoice: String,
    /// When the first of them came.
    pub since: DateTime<Utc>,
    /// Whole days since then.
    pub days: i64,
    /// The payments, at most 40.
    pub payments: Vec<WaitingPayment>,
}

/// A page of payments that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaitingPage {
    /// The longest waiting first.
    pub items: Vec<WaitingPayments>,
    /// Token of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
