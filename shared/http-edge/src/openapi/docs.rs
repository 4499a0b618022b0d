//! Calls of api-docs, open to everybody.

use super::operation::{Answer, Operation};

pub(super) fn operations() -> Vec<Operation> {
    let open = |route, id, summary, answer| Operation {
        route,
        id,
        tag: "About",
        summary,
        description: "",
        parameters: vec![],
        request: None,
        answers: vec![answer],
        codes: &[],
    };
    vec![
        open(
            "GET /docs",
            "showDocs",
            "Browse this documentation",
            Answer::other("One page that needs no other.", "text/html"),
        ),
        open(
            "GET /openapi.json",
            "getOpenApi",
            "Read this documentation as OpenAPI 3.1",
            Answer::other("The document.", "application/json"),
        ),
        open(
            "GET /health",
            "checkHealth",
            "Ask whether the API answers",
            Answer::json::<crate::api::docs::HealthAnswer>(200, "It does.", serde_json::json!({"status": "ok"})),
        ),
    ]
}
