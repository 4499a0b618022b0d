//! Receipts come in here (L2, L3, N3).
//!
//! A receipt is accepted with one conditional write under its natural key; everything else follows from the table's stream.
//! An accepted receipt is never refused later.
//!
//! | file | what |
//! |---|---|
//! | `parse` | the body becomes a receipt, or a list of everything wrong with it |
//! | `accept` | the receipt meets location, programme and card, and is stored |
//! | `circumstances` | what is known beside the content and decides about points |
//! | `answer` | what the till hears: points line by line, balance, vouchers, text |
//! | `claim` | a receipt without an account gets one |
//! | `give_back` | returns, with or without their receipt |
//! | `void` | a receipt is taken back on its own day |

mod accept;
mod answer;
mod circumstances;
mod claim;
mod give_back;
mod parse;
mod void;

use chrono::{DateTime, Utc};
use domain::receipt::ReceiptKey;
use http_edge::guard::Guard;
use http_edge::{Caller, Code, Problem, Request, Response};
use runtime::secrets::{KeyRing, Pepper};
use store::guess::Terminal;
use store::{Db, location, programme};

/// The function with what it holds on to between requests.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    code_keys: KeyRing,
    guard: Guard,
    locations: location::Cache,
    programmes: programme::Cache,
}

impl App {
    /// The function over a table and its keys.
    pub fn new(db: Db, pepper: Pepper, code_keys: impl Into<KeyRing>) -> Self {
        Self {
            db,
            pepper,
            code_keys: code_keys.into(),
            guard: Guard::default(),
            locations: location::Cache::default(),
            programmes: programme::Cache::default(),
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "POST /v1/purchases" => self.accept(request, now).await,
            "GET /v1/purchases/{key}" => self.show(request).await,
            "POST /v1/purchases/{key}/claim" => self.claim(request, now).await,
            "POST /v1/purchases/{key}/void" => self.void(request, now).await,
            "POST /v1/returns" => self.accept_return(request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }
}

/// The till of a receipt, against which unknown cards are counted.
fn terminal<'a>(caller: &'a Caller, key: &'a ReceiptKey) -> Terminal<'a> {
    Terminal {
        tenant: &caller.tenant,
        client: &caller.client,
        location: &key.store,
        till: &key.till,
    }
}
