//! Functions.

use cel::common::ast::CallExpr;
use cel::parser::Expression;

use super::{Checker, Typed};
use crate::ir::{Bool, Int, Search};

impl Checker<'_> {
    pub(super) fn function(&mut self, node: &Expression, call: &CallExpr) -> Option<Typed> {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("size", Some(of), []) | ("size", None, [of]) => self.size(of),
            ("startsWith", Some(text), [part]) => self.search(Search::StartsWith, text, part),
            ("endsWith", Some(text), [part]) => self.search(Search::EndsWith, text, part),
            ("contains", Some(text), [part]) => self.search(Search::Contains, text, part),
            (name, target, args) => {
                // What is inside may have flaws of its own, except where a macro would have bound a name.
                if !is_macro(name) {
                    for inner in target.into_iter().chain(args) {
                        self.node(inner);
                    }
                }
                self.unsupported(node, refusal(name))
            }
        }
    }

    fn size(&mut self, of: &Expression) -> Option<Typed> {
        match self.node(of)? {
            Typed::Text(text) => Some(Typed::Int(Int::TextSize(Box::new(text)))),
            Typed::List(field) => Some(Typed::Int(Int::ListSize(field))),
            other => self.wrong_type(
                of,
                format!("only texts and lists have a size, but this is {}", other.kind()),
            ),
        }
    }

    fn search(&mut self, how: Search, text: &Expression, part: &Expression) -> Option<Typed> {
        let whose = match how {
            Search::StartsWith => "what stands before and within `startsWith`",
            Search::EndsWith => "what stands before and within `endsWith`",
            Search::Contains => "what stands before and within `contains`",
        };
        let (text, part) = (self.text(text, whose), self.text(part, whose));
        Some(Typed::Bool(Bool::Search(how, Box::new((text?, part?)))))
    }
}

fn is_macro(name: &str) -> bool {
    matches!(name, "has" | "exists" | "all" | "exists_one" | "map" | "filter")
}

fn refusal(name: &str) -> String {
    match name {
        "size" => "`size` takes one text or list: text.size() or size(text)".to_owned(),
        "startsWith" | "endsWith" | "contains" => {
            format!("`{name}` is asked of a text about another one: text.{name}(part)")
        }
        "has" => "`has` takes one field: has(group.name)".to_owned(),
        "exists" | "all" => format!("`{name}` is asked of a list, with a name and a condition: list.{name}(x, x > 1)"),
        "matches" => "regular expressions are not available; use startsWith, endsWith or contains".to_owned(),
        "timestamp" | "duration" => {
            format!("`{name}` is not available; dates are texts such as \"2026-11-24\" and compare rightly as texts")
        }
        _ => format!(
            "there is no function `{name}`; there are size, startsWith, endsWith, contains, has, exists and all"
        ),
    }
}
