//! Vouchers at the till (L4, N5, N6, X2).
//!
//! The voucher carries all its terms, so a transition is decided from the voucher alone and stored by one write that is
//! conditional on the version it was decided on. Whoever loses the race decides again on what now stands there.
//!
//! | file | what |
//! |---|---|
//! | `till` | check, reserve, redeem, release, reverse |
//! | `call` | what these have in common: who calls, from where, about which voucher, and whether the place sells on that day |
//! | `fields` | what is wrong with the fields of a body |
//! | `goods` | the goods of a basket, and what the voucher takes off at each VAT rate |
//! | `presenter` | who presents a personal voucher |
//! | `feed` | the voucher feed |
//! | `rollback` | the vouchers of a receipt of which nothing stands are given back |
//! | `unmatched` | redemptions without receipt, and the reverse |

mod call;
mod feed;
mod fields;
mod goods;
mod presenter;
mod rollback;
mod till;
mod unmatched;

use chrono::{DateTime, Utc};
use http_edge::guard::Guard;
use http_edge::{Code, Problem, Request, Response};
use runtime::secrets::{KeyRing, Pepper};
use store::{Db, location, programme, run};

/// The function with what it holds on to between requests.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    code_keys: KeyRing,
    guard: Guard,
    locations: location::Cache,
    programmes: programme::Cache,
    confirmed: run::Confirmed,
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
            confirmed: run::Confirmed::default(),
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "POST /v1/vouchers/check" => self.check(request, now).await,
            "POST /v1/vouchers/reserve" => self.reserve(request, now).await,
            "POST /v1/vouchers/redeem" => self.redeem(request, now).await,
            "POST /v1/vouchers/release" => self.release(request, now).await,
            "POST /v1/vouchers/reverse" => self.reverse(request, now).await,
            "POST /v1/vouchers/rollback" => self.roll_back(request, now).await,
            "GET /v1/vouchers/feed" => self.feed(request, now).await,
            "GET /v1/vouchers/unmatched" => self.unmatched(request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }
}
