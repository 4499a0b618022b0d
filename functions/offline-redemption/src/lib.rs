//! Vouchers that branches take while their line is down (X3, N6).
//!
//! A branch keeps a signed allowance at hand. When the line is back, its journal comes in parts, twice, late and in any order.
//! Each entry is decided in one transaction that begins with the entry itself: its record, the allowance, the voucher under the
//! version it was decided on, and the sums of losses. Whoever loses a race decides again on what now stands there.
//!
//! | file | what |
//! |---|---|
//! | `allowance` | an allowance is given and signed, and read again from its token |
//! | `journal` | entries are decided |
//! | `fields` | what is wrong with a journal |
//! | `report` | what is lost, and who bears it |
//! | `view` | entries and sums as the API shows them |

mod allowance;
mod fields;
mod journal;
mod report;
mod view;

use chrono::{DateTime, Utc};
use http_edge::guard::Guard;
use http_edge::{Code, Problem, Request, Response};
use runtime::secrets::Pepper;
use runtime::signing::Signer;
use store::{Db, location, programme, run};

/// The function with what it holds on to between requests.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    signer: Signer,
    guard: Guard,
    locations: location::Cache,
    programmes: programme::Cache,
    confirmed: run::Confirmed,
}

impl App {
    /// The function over a table, the pepper of codes and the keys of allowances.
    pub fn new(db: Db, pepper: Pepper, signer: Signer) -> Self {
        Self {
            db,
            pepper,
            signer,
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
            "POST /v1/offline-allowances" => self.give(request, now).await,
            "POST /v1/offline-journals" => self.take_journal(request, now).await,
            "GET /v1/offline-losses" => self.report(request).await,
            "GET /v1/offline-losses/{location_id}" => self.list(request).await,
            "GET /v1/offline-keys" => Response::json(200, &self.signer.keys()),
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }
}
