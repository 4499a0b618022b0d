//! The calls, group by group.

use serde_json::Value;

use crate::curl;
use crate::markup::{escape, inline, json, paragraphs, text};
use crate::reference::{fields, kind};

/// A call with its place in the document.
pub(crate) struct Call<'a> {
    pub(crate) method: String,
    pub(crate) path: &'a str,
    pub(crate) operation: &'a Value,
}

/// The calls of a group, in the document's order.
pub(crate) fn of_tag<'a>(document: &'a Value, tag: &str) -> Vec<Call<'a>> {
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            if operation["tags"][0] == *tag {
                calls.push(Call {
                    method: method.to_ascii_uppercase(),
                    path,
                    operation,
                });
            }
        }
    }
    calls.sort_by_key(|call| call.operation["x-order"].as_u64());
    calls
}

/// One call.
pub(crate) fn section(document: &Value, call: &Call<'_>) -> String {
    let Call {
        method,
        path,
        operation,
    } = call;
    let id = escape(text(operation, "operationId"));
    let mut html = format!(
        "<section class=\"call\" id=\"{id}\" aria-labelledby=\"{id}-title\">\n\
         <h3 id=\"{id}-title\"><a class=\"self\" href=\"#{id}\">{}</a></h3>\n\
         <p class=\"route\"><span class=\"method {}\">{method}</span> <code>{}</code> {}</p>\n",
        escape(text(operation, "summary")),
        method.to_ascii_lowercase(),
        escape(path),
        scope(operation),
    );
    html.push_str(&paragraphs(text(operation, "description")));
    html.push_str(&parameters(operation));
    html.push_str(&body(document, operation));
    html.push_str(&example_call(method, path, operation));
    html.push_str(&answers(operation));
    html.push_str(&problems(operation));
    html.push_str("</section>\n");
    html
}

fn scope(operation: &Value) -> String {
    match operation["security"][0]["apiKey"][0].as_str() {
        Some(scope) => format!("<a class=\"scope\" href=\"#scope-{0}\">{0}</a>", escape(scope)),
        None => "<span class=\"scope\">open</span>".to_owned(),
    }
}

fn parameters(operation: &Value) -> String {
    let Some(parameters) = operation["parameters"].as_array() else {
        return String::new();
    };
    let rows: String = parameters
        .iter()
        .map(|parameter| {
            let needed = if parameter["required"] == true {
                "required"
            } else {
                "optional"
            };
            format!(
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{needed}</td><td>{}</td><td>{}</td></tr>\n",
                escape(text(parameter, "name")),
                escape(text(parameter, "in")),
                kind(&parameter["schema"]),
                inline(text(parameter, "description")),
            )
        })
        .collect();
    format!(
        "<h4>Parameters</h4>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">In</th>\
         <th scope=\"col\">Needed</th><th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead>\n\
         <tbody>{rows}</tbody></table></div>\n"
    )
}

fn body(document: &Value, operation: &Value) -> String {
    let body = &operation["requestBody"];
    let Some(content) = body["content"].get("application/json") else {
        return String::new();
    };
    let needed = if body["required"] == true {
        ""
    } else {
        " (may be left out)"
    };
    let schema = &content["schema"];
    let fields = match text(schema, "$ref").rsplit_once('/') {
        Some((_, name)) => fields(&document["components"]["schemas"][name]),
        None => String::new(),
    };
    format!("<h4>Body</h4>\n<p>{}{needed}</p>\n{fields}", kind(schema))
}

fn example_call(method: &str, path: &str, operation: &Value) -> String {
    let command = escape(&curl::command(method, path, operation));
    format!(
        "<h4>Example call</h4>\n<div class=\"copyable\"><button type=\"button\" class=\"copy\" hidden>Copy</button>\
         <pre tabindex=\"0\"><code>{command}</code></pre></div>\n"
    )
}

fn answers(operation: &Value) -> String {
    let mut html = "<h4>Answers</h4>\n".to_owned();
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        if !status.starts_with('2') {
            continue;
        }
        let said = inline(text(answer, "description"));
        let content = answer["content"].as_object().and_then(|content| content.iter().next());
        let Some((media_type, content)) = content else { continue };
        let what = match content.get("schema") {
            Some(schema) => kind(schema),
            None => format!("<code>{}</code>", escape(media_type)),
        };
        let example = match content.get("example") {
            Some(example) => format!("<details><summary>Example</summary>\n{}</details>\n", json(example)),
            None => String::new(),
        };
        html.push_str(&format!(
            "<div class=\"answer\"><p><span class=\"status\">{status}</span> {said} {what}</p>\n{example}</div>\n"
        ));
    }
    html
}

fn problems(operation: &Value) -> String {
    let mut rows = String::new();
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        let codes = answer["x-codes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let links: Vec<_> = codes
            .map(|code| format!("<a href=\"#{0}\"><code>{0}</code></a>", escape(code)))
            .collect();
        if !links.is_empty() {
            rows.push_str(&format!("<dt>{status}</dt><dd>{}</dd>\n", links.join(" ")));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!("<details><summary>Problems</summary>\n<dl class=\"problems\">\n{rows}</dl></details>\n")
}
