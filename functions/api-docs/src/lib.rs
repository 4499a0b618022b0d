//! The documentation of the API: a page for people, the OpenAPI document for machines, and whether the API answers.
//!
//! Open to everybody, and with nothing behind it: no table, no secret, no other host. The page is made from the OpenAPI
//! document when it is first asked for; it loads nothing, works without scripts, and its content security policy allows only
//! the two pieces of style and script that are part of it.

mod calls;
mod curl;
mod markup;
mod page;
mod reference;

use std::sync::OnceLock;

use http_edge::api::docs::HealthAnswer;
use http_edge::{Code, Problem, Request, Response};

/// The OpenAPI document as committed; a test of http-edge holds it to the code.
pub const OPENAPI: &str = include_str!("../../../infra/docs/openapi.json");

/// How long browsers and proxies may keep page and document: short beside a release, long beside a reading.
const CACHE: &str = "public, max-age=300";

/// The function.
#[derive(Debug, Default)]
pub struct App {
    page: OnceLock<page::Page>,
}

impl App {
    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub fn handle(&self, request: &Request) -> Result<Response, Problem> {
        match request.route.as_str() {
            "GET /docs" => self.docs(),
            "GET /openapi.json" => Ok(open("application/json", OPENAPI.to_owned()).header("cache-control", CACHE)),
            "GET /health" => Response::json(200, &health()),
            _ => Err(Problem::new(Code::NotFound, "this function has no such route")),
        }
    }

    fn docs(&self) -> Result<Response, Problem> {
        let page = match self.page.get() {
            Some(page) => page,
            None => {
                let made = page::Page::of(OPENAPI)
                    .map_err(|_| Problem::new(Code::Internal, "the committed OpenAPI document is no JSON"))?;
                self.page.get_or_init(|| made)
            }
        };
        Ok(open("text/html; charset=utf-8", page.html.clone())
            .header("content-security-policy", page.policy.clone())
            .header("cache-control", CACHE)
            .header("x-content-type-options", "nosniff")
            .header("referrer-policy", "no-referrer"))
    }
}

fn open(content_type: &'static str, body: String) -> Response {
    Response {
        status: 200,
        content_type,
        body,
        headers: Vec::new(),
    }
}

fn health() -> HealthAnswer {
    HealthAnswer {
        status: "ok".to_owned(),
    }
}
