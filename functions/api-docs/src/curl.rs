//! A call as a line of shell.

use serde_json::Value;

use crate::markup::text;

/// The call with its example values; host and key come from the environment.
pub(crate) fn command(method: &str, path: &str, operation: &Value) -> String {
    let mut url = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, Some(example)) = (text(parameter, "name"), parameter["example"].as_str()) else {
            continue;
        };
        if text(parameter, "in") == "path" {
            url = url.replace(&format!("{{{name}}}"), example);
        } else {
            query.push(format!("{name}={example}"));
        }
    }
    if !query.is_empty() {
        url = format!("{url}?{}", query.join("&"));
    }
    let mut lines = vec![format!("curl -sS -X {method} \"$TREUE_URL{url}\"")];
    if operation["security"]
        .as_array()
        .is_some_and(|schemes| !schemes.is_empty())
    {
        lines.push("-H \"Authorization: Bearer $TREUE_KEY\"".to_owned());
    }
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    if !example.is_null() {
        lines.push("-H 'Content-Type: application/json'".to_owned());
        lines.push(format!("-d {}", quoted(&format!("{example:#}"))));
    }
    lines.join(" \\\n  ")
}

/// A word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_is_written_with_its_parameters_key_and_body() {
        let operation = json!({
            "parameters": [
                {"name": "key", "in": "path", "example": "B07~3"},
                {"name": "from", "in": "query", "example": "2026-11-01"},
                {"name": "limit", "in": "query"},
            ],
            "security": [{"apiKey": []}],
            "requestBody": {"content": {"application/json": {"example": {"a": "it's"}}}},
        });
        assert_eq!(
            command("POST", "/v1/x/{key}/y", &operation),
            "curl -sS -X POST \"$TREUE_URL/v1/x/B07~3/y?from=2026-11-01\" \\\n  \
             -H \"Authorization: Bearer $TREUE_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  \
             -d '{\n  \"a\": \"it'\\''s\"\n}'"
        );
        assert_eq!(
            command("GET", "/health", &json!({"security": []})),
            "curl -sS -X GET \"$TREUE_URL/health\""
        );
    }
}
