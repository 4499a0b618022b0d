//! Calls of finance.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, path};
use crate::api::finance::{FinanceReport, FinanceRunRequest};
use crate::problem::Code;

pub(super) fn operations() -> Vec<Operation> {
    vec![show(), run_again()]
}

fn which() -> Vec<Parameter> {
    vec![
        path(
            "programme_id",
            "The programme: 1 to 24 characters from a-z, 0-9 and `-`.",
            "treue",
        ),
        path("month", "The month, `YYYY-MM`.", "2026-10"),
    ]
}

fn running(revision: u32) -> Value {
    json!({
        "programme_id": "treue", "month": "2026-10", "revision": revision, "state": "running", "segments": 16, "segments_done": 3,
        "zone": "Europe/Zurich",
        "asked_at": "2026-11-01T02:17:00Z",
    })
}

fn complete() -> Value {
    let mut report = running(1);
    report["state"] = json!("complete");
    report["segments_done"] = json!(16);
    report["accounts"] = json!(2);
    report["rows"] = json!(3);
    report["total"] = json!({
        "opening": 1_200, "earned": 640, "spent": 500, "given_back": 0, "expired": 40, "reversed": 100, "corrected": 0,
        "transferred": 0, "recalculated": 0, "settled": 0, "closing": 1_200, "forgiven": 10, "breakage": 30,
    });
    report["vouchers"] = json!(1);
    report["redeemed"] = json!([{"amount_minor": 500, "currency": "CHF"}]);
    report["files"] = json!([{
        "name": "liability.csv", "bytes": 412, "sha256": "0".repeat(64),
        "url": "https://bucket.s3.eu-central-1.amazonaws.com/demo/treue/2026-10/1/liability.csv?X-Amz-Signature=0",
        "url_expires_at": "2026-11-01T08:15:00Z",
    }]);
    report
}

fn show() -> Operation {
    let mut parameters = which();
    parameters.push(Parameter::integer("revision", "Which run; the last one when absent."));
    Operation {
        route: "GET /v1/finance/{programme_id}/{month}",
        id: "getFinanceReport",
        tag: "Finance",
        summary: "Read the books of a month",
        description: "The roll-forward of open points and the settlement of vouchers between branches, made on the first day of \
                      the next month. When it is done, with totals and links to `liability.csv` (a row for each month of \
                      earning, VAT class and branch), `settlement.csv` (a row for each issuing and redeeming branch), \
                      `companies.csv` (the same by their companies) and `manifest.json`. For callers who speak for all locations.",
        parameters,
        request: None,
        answers: vec![Answer::json::<FinanceReport>(200, "The report.", complete())],
        codes: &[Code::LocationForbidden, Code::NotFound],
    }
}

fn run_again() -> Operation {
    Operation {
        route: "POST /v1/finance/{programme_id}/{month}",
        id: "runFinanceReport",
        tag: "Finance",
        summary: "Run the books of a month again",
        description: "Into the revision after `expected_revision`; reports that stand are never overwritten. When another one \
                      stands by now, the call is refused with `current_revision`. The roll-forward of a month that is over \
                      comes out the same each time; the settlement leaves out redemptions that were reversed meanwhile. The \
                      same call again is answered with the run that it began.",
        parameters: which(),
        request: Some(Body::of::<FinanceRunRequest>(json!({"expected_revision": 1}))),
        answers: vec![Answer::json::<FinanceReport>(202, "The run is under way.", running(2)).may_replay()],
        codes: &[
            Code::LocationForbidden,
            Code::NotFound,
            Code::MonthNotOver,
            Code::ConcurrentChange,
        ],
    }
}
