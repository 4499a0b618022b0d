//! The page around everything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::calls::{self, Call};
use crate::markup::{escape, inline, paragraphs, text};
use crate::reference;

const STYLE: &str = include_str!("../assets/docs.css");
const SCRIPT: &str = include_str!("../assets/docs.js");

/// The page with the policy under which a browser shows it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) html: String,
    /// The value of `content-security-policy`: nothing but the page's own style and script.
    pub(crate) policy: String,
}

impl Page {
    /// The page of an OpenAPI document.
    pub(crate) fn of(openapi: &str) -> Result<Self, serde_json::Error> {
        let document: Value = serde_json::from_str(openapi)?;
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        Ok(Self {
            html: html(&document),
            policy,
        })
    }
}

/// A source of a content security policy: exactly this text.
fn hash(inline: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(inline.as_bytes())))
}

fn html(document: &Value) -> String {
    let title = escape(text(&document["info"], "title"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} API</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n{}<main id=\"main\">\n{}{}{}</main>\n\
         <p id=\"copied\" role=\"status\" class=\"visually-hidden\"></p>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        navigation(document, &title),
        introduction(document, &title),
        groups(document),
        references(document),
    )
}

fn tags(document: &Value) -> impl Iterator<Item = (&str, &str, Vec<Call<'_>>)> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(move |tag| {
        let name = text(tag, "name");
        (name, text(tag, "description"), calls::of_tag(document, name))
    })
}

fn anchor(tag: &str) -> String {
    format!("section-{}", tag.to_ascii_lowercase().replace(' ', "-"))
}

fn navigation(document: &Value, title: &str) -> String {
    let mut html =
        format!("<nav aria-label=\"Contents\">\n<p class=\"brand\"><a href=\"#main\">{title} API</a></p>\n<ul>\n");
    for (name, _, calls) in tags(document) {
        html.push_str(&format!(
            "<li><a href=\"#{}\">{}</a>\n<ul>\n",
            anchor(name),
            escape(name)
        ));
        for call in calls {
            html.push_str(&format!(
                "<li><a href=\"#{}\"><span class=\"method {}\">{}</span> <span>{}</span></a></li>\n",
                escape(text(call.operation, "operationId")),
                call.method.to_ascii_lowercase(),
                call.method,
                escape(text(call.operation, "summary")),
            ));
        }
        html.push_str("</ul></li>\n");
    }
    for (id, name) in [
        ("section-problem-codes", "Problem codes"),
        ("section-scopes", "Scopes"),
        ("section-schemas", "Shapes of bodies"),
    ] {
        html.push_str(&format!("<li><a href=\"#{id}\">{name}</a></li>\n"));
    }
    html.push_str("</ul>\n</nav>\n");
    html
}

fn introduction(document: &Value, title: &str) -> String {
    let info = &document["info"];
    let schemes = &document["components"]["securitySchemes"];
    format!(
        "<h1>{title} API <small>{}</small></h1>\n{}\
         <h2 id=\"section-keys\">Keys and tokens</h2>\n<p>Every call but those under <a href=\"#section-about\">About</a> \
         carries a header <code>Authorization: Bearer …</code> with one of two credentials.</p>\n\
         <dl><dt>API key</dt><dd>{}</dd><dt>Operator's token</dt><dd>{}</dd></dl>\n\
         <p>The examples take host and key from the environment:</p>\n\
         <div class=\"copyable\"><button type=\"button\" class=\"copy\" hidden>Copy</button>\
         <pre tabindex=\"0\"><code>export TREUE_URL=<span id=\"origin\">https://…</span>\nexport TREUE_KEY=treue_…</code></pre></div>\n\
         <p>For generated clients there is <a href=\"/openapi.json\">the same as OpenAPI 3.1</a>.</p>\n",
        escape(text(info, "version")),
        paragraphs(text(info, "description")),
        inline(text(&schemes["apiKey"], "description")),
        inline(text(&schemes["operatorToken"], "description")),
    )
}

fn groups(document: &Value) -> String {
    let mut html = String::new();
    for (name, description, calls) in tags(document) {
        html.push_str(&format!(
            "<h2 id=\"{}\">{}</h2>\n<p>{}</p>\n",
            anchor(name),
            escape(name),
            inline(description)
        ));
        html.extend(calls.iter().map(|call| calls::section(document, call)));
    }
    html
}

fn references(document: &Value) -> String {
    format!(
        "<h2 id=\"section-problem-codes\">Problem codes</h2>\n<p>What a problem's <code>code</code> means; its \
         <code>type</code> leads here.</p>\n{}\
         <h2 id=\"section-scopes\">Scopes</h2>\n<p>What a key or token must carry for a call.</p>\n{}\
         <h2 id=\"section-schemas\">Shapes of bodies</h2>\n{}",
        reference::problems(document),
        reference::scopes(document),
        reference::schemas(document),
    )
}
