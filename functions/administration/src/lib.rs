//! Administration: locations, programmes, clients and their keys, and what operators must look at.
//!
//! | module | routes |
//! |---|---|
//! | [`locations`] | list, add, change, close and reopen locations |
//! | [`party_types`] | types of parties, and the own company |
//! | [`revenue`] | revenue of a location by day |
//! | [`programmes`] | the settings of a programme and their versions |
//! | [`runs`] | receipts counted again, on trial or to correct points |
//! | [`rules`] | earning rules and what their conditions can read |
//! | [`workflows`], [`trial`] | workflows, and what they would have done |
//! | [`clients`], [`keys`] | who may call the API |
//! | [`exceptions`] | what was accepted but does not add up |
//!
//! Changes are made under the condition that nobody else made one since they were read; a call that loses the race looks
//! again, a bounded number of times.

mod check;
mod clients;
mod exceptions;
mod keys;
mod locations;
mod party_types;
mod programmes;
mod revenue;
mod rules;
mod runs;
mod trial;
mod workflows;

use std::time::Duration;

use chrono::{DateTime, Utc};
use http_edge::{Code, Problem, Request, Response};
use store::Db;

/// Rounds of a change against other writers of the same thing. Operators rarely meet even once.
const CHANGE_ROUNDS: u32 = 4;

/// Time after which a report begins no more pages: with the page at hand and its retries well within the function's ten
/// seconds.
pub const REPORT_TIME: Duration = Duration::from_secs(3);

/// The function.
#[derive(Debug)]
pub struct App {
    /// The table.
    pub db: Db,
    /// Time after which a report leaves the rest to the next call; [`REPORT_TIME`] but for tests.
    pub report_time: Duration,
}

impl App {
    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "GET /v1/locations" => self.list_locations(&request).await,
            "PUT /v1/locations/{location_id}" => self.put_location(&request, now).await,
            "POST /v1/locations/{location_id}/close" => self.close_location(&request, now).await,
            "GET /v1/locations/{location_id}/revenue" => self.revenue(&request).await,
            "GET /v1/earning-rules/context" => rules::context(&request),
            "GET /v1/programmes/{programme_id}" => self.get_programme(&request).await,
            "PUT /v1/programmes/{programme_id}" => self.put_programme(&request, now).await,
            "GET /v1/recalculations" => self.list_runs(&request).await,
            "PUT /v1/recalculations/{run_id}" => self.put_run(&request, now).await,
            "GET /v1/recalculations/{run_id}" => self.show_run(&request).await,
            "GET /v1/recalculations/{run_id}/differences" => self.run_differences(&request).await,
            "POST /v1/recalculations/{run_id}/approve" => self.approve_run(&request, now).await,
            "GET /v1/clients" => self.list_clients(&request).await,
            "PUT /v1/clients/{client_id}" => self.put_client(&request, now).await,
            "POST /v1/clients/{client_id}/keys" => self.make_key(&request, now).await,
            "DELETE /v1/clients/{client_id}/keys/{key_id}" => self.withdraw_key(&request, now).await,
            "GET /v1/exceptions" => self.list_exceptions(&request).await,
            "GET /v1/party-types" => self.get_party_types(&request).await,
            "PUT /v1/party-types" => self.put_party_types(&request, now).await,
            "GET /v1/workflows" => self.get_workflows(&request).await,
            "PUT /v1/workflows" => self.put_workflows(&request, now).await,
            "GET /v1/workflows/context" => workflows::context(&request),
            "POST /v1/workflows/trial" => self.try_workflows(&request).await,
            "GET /v1/company" => self.get_company(&request).await,
            "PUT /v1/company" => self.put_company(&request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function has no such route")),
        }
    }
}

/// The answer to a change that kept losing against other writers.
fn contended() -> Problem {
    Problem::new(
        Code::ConcurrentChange,
        "others kept changing this while the call was at work: read it before you repeat the change",
    )
}
