//! What calls refer to: problems, scopes and the shapes of bodies.

use serde_json::Value;

use crate::markup::{escape, inline, text};

/// The type of a value, with links to the shapes it is made of.
pub(crate) fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next())
    {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let kinds: Vec<_> = options
            .iter()
            .filter(|option| option["type"] != "null")
            .map(kind)
            .collect();
        return kinds.join(" or ");
    }
    let name = match &schema["type"] {
        Value::String(name) => name.as_str(),
        // A field that may be left out: its type and null.
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or("any"),
        _ => "any",
    };
    let plain = match (name, schema["format"].as_str()) {
        ("array", _) => return format!("list of {}", kind(&schema["items"])),
        ("integer", Some(_)) => "integer".to_owned(),
        (_, Some(format)) => escape(format),
        (name, None) => escape(name),
    };
    match schema["enum"].as_array() {
        Some(values) => {
            let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
            let values: Vec<_> = values
                .iter()
                .map(|value| format!("<code>{}</code>", escape(value)))
                .collect();
            values.join(" ")
        }
        None => plain,
    }
}

/// Every problem code, under its own anchor: `type` of a problem leads here.
pub(crate) fn problems(document: &Value) -> String {
    let rows = document["x-problems"].as_array().into_iter().flatten();
    let rows: String = rows
        .map(|problem| {
            format!(
                "<tr id=\"{0}\"><th scope=\"row\"><a class=\"self\" href=\"#{0}\"><code>{0}</code></a></th><td>{1}</td>\
                 <td>{2}</td><td>{3}</td></tr>\n",
                escape(text(problem, "code")),
                problem["status"],
                inline(text(problem, "title")),
                inline(text(problem, "remedy")),
            )
        })
        .collect();
    format!(
        "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Code</th><th scope=\"col\">Status</th>\
         <th scope=\"col\">Meaning</th><th scope=\"col\">What to do</th></tr></thead>\n<tbody>{rows}</tbody></table></div>\n"
    )
}

/// Every scope.
pub(crate) fn scopes(document: &Value) -> String {
    let rows = document["x-scopes"].as_array().into_iter().flatten();
    let rows: String = rows
        .map(|scope| {
            format!(
                "<tr id=\"scope-{0}\"><th scope=\"row\"><code>{0}</code></th><td>{1}</td></tr>\n",
                escape(text(scope, "scope")),
                inline(text(scope, "description")),
            )
        })
        .collect();
    format!(
        "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Scope</th><th scope=\"col\">Allows</th></tr></thead>\n\
         <tbody>{rows}</tbody></table></div>\n"
    )
}

/// The shapes of bodies.
pub(crate) fn schemas(document: &Value) -> String {
    let schemas = document["components"]["schemas"].as_object();
    schemas
        .into_iter()
        .flatten()
        .map(|(name, schema)| schema_section(name, schema))
        .collect()
}

fn schema_section(name: &str, schema: &Value) -> String {
    let name = escape(name);
    let mut html = format!(
        "<section class=\"schema\" id=\"schema-{name}\"><h3><a class=\"self\" href=\"#schema-{name}\">{name}</a></h3>\n\
         <p>{}</p>\n",
        inline(text(schema, "description"))
    );
    for part in schema["allOf"].as_array().into_iter().flatten() {
        match part.get("properties") {
            Some(_) => html.push_str(&fields(part)),
            None => html.push_str(&format!("<p>All of {}, and:</p>\n", kind(part))),
        }
    }
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        html.push_str(&format!(
            "<p>{}</p>\n{}",
            inline(text(variant, "description")),
            fields(variant)
        ));
    }
    if schema.get("properties").is_some() {
        html.push_str(&fields(schema));
    } else if schema.get("type").is_some() {
        html.push_str(&format!("<p>{}</p>\n", kind(schema)));
    }
    html.push_str("</section>\n");
    html
}

/// The fields of an object, the required ones first.
pub(crate) fn fields(schema: &Value) -> String {
    let required: Vec<_> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    properties.sort_by_key(|(name, _)| !required.contains(&name.as_str()));
    let rows: String = properties
        .into_iter()
        .map(|(name, property)| {
            let needed = if required.contains(&name.as_str()) {
                "required"
            } else {
                "optional"
            };
            let said = property["description"]
                .as_str()
                .or(property["oneOf"][0]["description"].as_str());
            format!(
                "<tr><th scope=\"row\"><code>{}</code></th><td>{needed}</td><td>{}</td><td>{}</td></tr>\n",
                escape(name),
                kind(property),
                inline(said.unwrap_or_default()),
            )
        })
        .collect();
    format!(
        "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Needed</th>\
         <th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>{rows}</tbody></table></div>\n"
    )
}
