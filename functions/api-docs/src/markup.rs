//! Text as HTML.

use serde_json::Value;

/// Text with nothing left that HTML would read.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text member of a JSON object, empty when absent.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The part of Markdown that the document uses: `code` and **bold**.
pub(crate) fn inline(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            html.push_str(&format!("<code>{}</code>", escape(part)));
        } else {
            html.push_str(&bold(part));
        }
    }
    html
}

fn bold(text: &str) -> String {
    let parts = text.split("**").enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            1 => format!("<strong>{}</strong>", escape(part)),
            _ => escape(part),
        })
        .collect()
}

/// Paragraphs, separated by empty lines.
pub(crate) fn paragraphs(text: &str) -> String {
    let filled = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    filled
        .map(|paragraph| format!("<p>{}</p>\n", inline(paragraph)))
        .collect()
}

/// JSON for people.
pub(crate) fn json(value: &Value) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(&format!("{value:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        assert_eq!(escape("<b a=\"1\">'&'"), "&lt;b a=&quot;1&quot;&gt;&#39;&amp;&#39;");
        assert_eq!(
            inline("**Now** `<a>` & *then*"),
            "<strong>Now</strong> <code>&lt;a&gt;</code> &amp; *then*"
        );
        assert_eq!(paragraphs("a\n\n\n\n<b>"), "<p>a</p>\n<p>&lt;b&gt;</p>\n");
    }
}
