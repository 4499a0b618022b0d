//! Calls of imports.

use serde_json::{Value, json};

use super::operation::{Answer, Operation, Parameter, optional, path};
use crate::api::imports::{Import, ImportPage};
use crate::problem::Code;

const RUN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

pub(super) fn operations() -> Vec<Operation> {
    vec![list(), show(), restart()]
}

fn which() -> Parameter {
    path("run_id", "The import: 1 to 40 characters from a-z, 0-9 and `-`.", RUN)
}

fn running(revision: u32) -> Value {
    json!({
        "run_id": RUN, "file": "incoming/demo/erp.customers.csv", "bytes": 26_000_000, "revision": revision, "state": "running",
        "parts": 25, "parts_done": 3,
        "counts": {"read": 24_102, "created": 24_090, "changed": 0, "unchanged": 0, "rejected": 12},
        "begun_at": "2026-11-24T08:00:00Z",
    })
}

fn complete() -> Value {
    let mut import = running(1);
    import["state"] = json!("complete");
    import["parts_done"] = json!(25);
    import["counts"] = json!({"read": 200_000, "created": 199_900, "changed": 0, "unchanged": 0, "rejected": 100});
    import["rejects"] = json!({
        "rows": 100,
        "url": "https://bucket.s3.eu-central-1.amazonaws.com/rejects/demo/0f1e2d3c4b5a69788796a5b4c3d2e1f0-1.csv?X-Amz-Signature=0",
        "url_expires_at": "2026-11-24T08:30:00Z",
    });
    import["completed_at"] = json!("2026-11-24T08:14:00Z");
    import
}

fn list() -> Operation {
    let mut listed = complete();
    listed["rejects"] = json!({"rows": 100});
    Operation {
        route: "GET /v1/imports",
        id: "listImports",
        tag: "Imports",
        summary: "List imports",
        description: "In the order of their ids, without links. An import is listed for 400 days.",
        parameters: vec![optional("next", "Where the page begins: `next` of the page before.")],
        request: None,
        answers: vec![Answer::json::<ImportPage>(200, "A page.", json!({"items": [listed]}))],
        codes: &[],
    }
}

fn show() -> Operation {
    Operation {
        route: "GET /v1/imports/{run_id}",
        id: "getImport",
        tag: "Imports",
        summary: "Read how far an import is",
        description: "A file that is put into the bucket of the imports under `incoming/<tenant>/` begins one. When it is \
                      complete, with a link to the file of what was rejected: a line for each finding, with the line of the \
                      row, its field, a code and the reason, and without values.",
        parameters: vec![which()],
        request: None,
        answers: vec![Answer::json::<Import>(200, "The import.", complete())],
        codes: &[Code::NotFound],
    }
}

fn restart() -> Operation {
    Operation {
        route: "POST /v1/imports/{run_id}/restart",
        id: "restartImport",
        tag: "Imports",
        summary: "Walk through a file again",
        description: "As the next revision, when the last one broke off; one that is at work goes on. Rows that are as they were \
                      imported change nothing. An import that is complete has dropped its file: put the file again.",
        parameters: vec![which()],
        request: None,
        answers: vec![Answer::json::<Import>(202, "The import is under way.", running(2))],
        codes: &[
            Code::NotFound,
            Code::ImportRefused,
            Code::FileGone,
            Code::ConcurrentChange,
        ],
    }
}
