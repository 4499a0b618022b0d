//! The documentation as a browser gets it.

use api_docs::{App, OPENAPI};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_edge::routes::ROUTES;
use http_edge::{Code, Request, Response, Scope};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn request(route: &str) -> Request {
    let mut request = Request::default();
    route.clone_into(&mut request.route);
    request
}

fn get(route: &str) -> Response {
    App::default().handle(&request(route)).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let found = response.headers.iter().find(|(header, _)| *header == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// The texts between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(start).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

#[test]
fn the_document_is_served_as_committed() {
    let answer = get("GET /openapi.json");
    assert_eq!((answer.status, answer.content_type), (200, "application/json"));
    assert_eq!(answer.body, OPENAPI);
}

#[test]
fn health_says_ok_and_nothing_that_is_not_true() {
    let answer = get("GET /health");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, body), (200, json!({"status": "ok"})));
}

#[test]
fn another_route_is_not_found() {
    let answer = App::default().handle(&request("GET /v1/purchases/{key}"));
    assert_eq!(answer.unwrap_err().code, Code::NotFound);
}

#[test]
fn the_page_shows_every_route_with_its_scope_and_every_code_under_its_anchor() {
    let page = get("GET /docs");
    assert_eq!((page.status, page.content_type), (200, "text/html; charset=utf-8"));
    for route in ROUTES {
        let shown = format!("{}</span> <code>{}</code>", route.method, route.path);
        let section = page
            .body
            .split("<section class=\"call\"")
            .find(|section| section.contains(&shown));
        let section = section.unwrap_or_else(|| panic!("{} {}", route.method, route.path));
        let scope = route.scope.map_or(">open<".to_owned(), |scope| {
            format!("href=\"#scope-{}\"", scope.as_str())
        });
        assert!(section.contains(&scope), "{}", route.path);
        assert!(section.contains("curl -sS"), "{}", route.path);
    }
    for code in Code::ALL {
        assert!(
            page.body.contains(&format!("<tr id=\"{}\">", code.as_str())),
            "{}",
            code.as_str()
        );
    }
    for scope in Scope::ALL {
        assert!(
            page.body.contains(&format!("<tr id=\"scope-{}\">", scope.as_str())),
            "{}",
            scope.as_str()
        );
    }
}

#[test]
fn every_link_of_the_page_leads_somewhere_and_every_anchor_stands_once() {
    let body = get("GET /docs").body;
    let mut anchors = between(&body, " id=\"", "\"");
    let all = anchors.len();
    anchors.sort_unstable();
    anchors.dedup();
    assert_eq!(anchors.len(), all, "an anchor stands twice");
    let links = between(&body, "href=\"", "\"");
    assert!(links.len() > 300);
    for link in links {
        let known = link
            .strip_prefix('#')
            .is_some_and(|anchor| anchors.binary_search(&anchor).is_ok());
        assert!(known || link == "/openapi.json", "{link}");
    }
}

#[test]
fn the_page_loads_nothing_and_its_policy_allows_only_its_own_style_and_script() {
    let page = get("GET /docs");
    for loader in [
        "src=",
        "url(",
        "@import",
        "<link",
        "<img",
        "<iframe",
        "fetch(",
        "http://",
        " style=",
        " onclick=",
    ] {
        assert!(!page.body.contains(loader), "{loader}");
    }
    let policy = header(&page, "content-security-policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for element in ["style", "script"] {
        let inline = between(&page.body, &format!("<{element}>"), &format!("</{element}>"));
        assert_eq!(inline.len(), 1, "{element}");
        let source = format!("{element}-src 'sha256-{}'", STANDARD.encode(Sha256::digest(inline[0])));
        assert!(policy.contains(&source), "{source} in {policy}");
    }
}

#[test]
fn elements_of_the_page_are_closed_in_the_order_they_were_opened() {
    let body = get("GET /docs").body;
    let mut open = Vec::new();
    for tag in between(&body, "<", ">") {
        let name = tag.split([' ', '\n']).next().unwrap();
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "<{tag}>");
        } else if !matches!(name, "!doctype" | "meta") {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn the_bodies_in_the_example_calls_are_json() {
    let body = get("GET /docs").body;
    let bodies = between(&body, "-d &#39;", "&#39;</code>");
    assert!(bodies.len() >= 15, "{}", bodies.len());
    for body in bodies {
        let text = body.replace("&quot;", "\"").replace("&amp;", "&");
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    }
}
