//! The search for customers.

use serde_json::json;

use super::operation::{Answer, Operation, Parameter, query};
use crate::api::search::SearchAnswer;

pub(super) fn operations() -> Vec<Operation> {
    let example = json!({
        "items": [{
            "party_id": "0197f2c4-7c1e-7b63-9a52-1f0f6a2f9d11", "kind": "person", "display_name": "Maria Müller",
            "place": "8003 Zürich", "matched": "name", "score": 956,
        }],
        "truncated": false,
    });
    vec![Operation {
        route: "GET /v1/parties",
        id: "findParties",
        tag: "Customers",
        summary: "Find customers",
        description: "By parts of name or company, town, postcode, e-mail, phone, id in another system, in any order and with \
                      typing errors, or by a whole card number. The best fit comes first. There are no further pages: when \
                      `truncated` is true, what was typed is too frequent to be looked at completely, and another word or a \
                      postcode helps. A postcode or a town narrows a name down and finds nobody by itself; a number of three to \
                      five digits is also looked for as an id. A change shows after some seconds; a former name finds nobody any more.",
        parameters: vec![
            query("q", "What is known, up to 200 characters.", "mueler maria 8003"),
            Parameter::integer("limit", "How many, 1 to 50; 20 when absent."),
        ],
        request: None,
        answers: vec![Answer::json::<SearchAnswer>(200, "The customers that fit.", example)],
        codes: &[],
    }]
}
