//! Takes orders, invoices and payments of the ERP, over HTTP and from a queue, and says how a party pays (C4, C5, C7).
//!
//! The ERP's own number is a document's identity. The same content again changes nothing, other content needs a higher
//! revision; so documents may come twice, late and in any order, a payment before its invoice.
//!
//! | file | what |
//! |---|---|
//! | `fields` | bodies become documents, or findings |
//! | `parties` | who a document is about |
//! | `take` | a document is stored once |
//! | `queue` | messages become documents; refused ones are listed |
//! | `show` | orders, payment morale and refused documents |

mod fields;
mod parties;
mod queue;
mod show;
mod take;

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::Tenant;
use http_edge::{Code, Problem, Request, Response, Scope};
use runtime::secrets::Pepper;
use store::Db;
use store::erp::Kind;

/// Rounds against other writers of the same documents before the sender is asked to repeat.
const ROUNDS_MAX: u32 = 20;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    queue_of: Vec<Tenant>,
}

impl App {
    /// The function over a table. The pepper finds parties by their ids in other systems. The queue is that of some tenants:
    /// whoever may put messages on it may not speak for others.
    pub fn new(db: Db, pepper: Pepper, queue_of: Vec<Tenant>) -> Self {
        Self { db, pepper, queue_of }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "POST /v1/erp/orders" => self.sent(Kind::Order, request, now).await,
            "POST /v1/erp/invoices" => self.sent(Kind::Invoice, request, now).await,
            "POST /v1/erp/payments" => self.sent(Kind::Payment, request, now).await,
            "GET /v1/erp/rejected" => self.list_rejected(request, now).await,
            "POST /v1/erp/rejected/{document_id}/done" => self.tick_off(request, now).await,
            "GET /v1/erp/waiting-payments" => self.list_waiting(request, now).await,
            "GET /v1/parties/{party_id}/orders" => self.list_orders(request).await,
            "GET /v1/parties/{party_id}/payment-morale" => self.show_morale(request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }

    /// A document that came over HTTP.
    async fn sent(&self, kind: Kind, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ErpWrite)?;
        let taken = self.take(kind, &caller.tenant, request, &caller.made(now)).await?;
        let answer = Response::json(if taken.replayed { 200 } else { 201 }, &taken.answer)?;
        Ok(if taken.replayed {
            answer.header("idempotency-replayed", "true")
        } else {
            answer
        })
    }
}

/// The tenants of a setting: names with commas or spaces between them.
///
/// # Errors
/// The text that names no tenant.
pub fn tenants(text: &str) -> Result<Vec<Tenant>, String> {
    let names = text.split([',', ' ']).filter(|name| !name.is_empty());
    names
        .map(|name| name.parse().map_err(|_| format!("{name} is no tenant")))
        .collect()
}

/// Waits before another round: nothing before the first.
async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
    }
}
