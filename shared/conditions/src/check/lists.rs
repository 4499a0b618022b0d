//! Lists: literals after `in`, and the macros over fields.

use cel::common::ast::{ComprehensionExpr, Expr, ListExpr, LiteralValue, operators as op};
use cel::parser::Expression;

use super::{Checker, Item, Typed};
use crate::LIST_LITERAL_MAX;
use crate::flaw::Code;
use crate::ir::{Bool, FieldRef, Quantifier};
use crate::parse::body;
use crate::schema::Type;

/// The values of a list literal.
pub(super) enum Literals {
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

impl Checker<'_> {
    /// The values of a list, if there are some, not too many, all literals and all of one type.
    pub(super) fn literals(&mut self, node: &Expression, list: &ListExpr) -> Option<Literals> {
        let length = list.elements.len();
        if length > LIST_LITERAL_MAX {
            let text = format!("the list has {length} values; at most {LIST_LITERAL_MAX} are possible");
            return self.flaw(self.parsed.places.start(node), Code::BadList, text);
        }
        let values: Vec<_> = list.elements.iter().map(|element| self.element(element)).collect();
        let values: Vec<&LiteralValue> = values.into_iter().collect::<Option<_>>()?;
        let Some(first) = values.first() else {
            return self.flaw(
                self.parsed.places.start(node),
                Code::BadList,
                "nothing is in an empty list; name its values",
            );
        };
        let literals = match first {
            LiteralValue::Boolean(_) => all(&values, bool_of).map(Literals::Bools),
            LiteralValue::Int(_) => all(&values, int_of).map(Literals::Ints),
            _ => all(&values, text_of).map(Literals::Texts),
        };
        literals.or_else(|| {
            self.flaw(
                self.parsed.places.start(node),
                Code::BadList,
                "the values of a list must be of one type",
            )
        })
    }

    fn element<'e>(&mut self, element: &'e Expression) -> Option<&'e LiteralValue> {
        let Expr::Literal(literal) = &element.expr else {
            let text = "a list can only hold literals: bools, ints or texts";
            return self.flaw(self.parsed.places.start(element), Code::BadList, text);
        };
        // Says what is wrong with a decimal or `null`.
        self.literal(element, literal).map(|_| literal)
    }

    pub(super) fn within_literals(&mut self, node: &Expression, value: Typed, literals: Literals) -> Option<Typed> {
        Some(Typed::Bool(match (value, literals) {
            (Typed::Bool(value), Literals::Bools(list)) => Bool::OneOfBools(Box::new(value), list),
            (Typed::Int(value), Literals::Ints(list)) => Bool::OneOfInts(Box::new(value), list),
            (Typed::Text(value), Literals::Texts(list)) => Bool::OneOfTexts(Box::new(value), list),
            (value, literals) => {
                let text = format!(
                    "this is {} and cannot be in a list of {}",
                    value.kind(),
                    literals.kind()
                );
                return self.wrong_type(node, text);
            }
        }))
    }

    /// A list macro, which the parser has made a loop: the two that are available fold bools.
    pub(super) fn each(&mut self, node: &Expression, over: &ComprehensionExpr) -> Option<Typed> {
        let (Some(quantifier), Some(body)) = (quantifier(over), body(over)) else {
            return self.unsupported(node, "of the list functions only `exists` and `all` are available");
        };
        if self.item.is_some() {
            return self.unsupported(node, "`exists` and `all` cannot stand inside each other");
        }
        let list = self.list(&over.iter_range);
        self.name_is_free(node, &over.iter_var)?;
        let list = list?;
        let kind = if list.field.kind == Type::Ints {
            Type::Int
        } else {
            Type::Text
        };
        self.item = Some(Item {
            name: over.iter_var.clone(),
            kind,
        });
        let body = self.bool(body, "the condition in `exists` and `all`");
        self.item = None;
        Some(Typed::Bool(Bool::Each(quantifier, list, Box::new(body?))))
    }

    fn list(&mut self, node: &Expression) -> Option<FieldRef> {
        if matches!(node.expr, Expr::List(_)) {
            return self.wrong_type(node, "`exists` and `all` are asked of a field; of literals write `in`");
        }
        match self.node(node)? {
            Typed::List(field) => Some(field),
            other => self.wrong_type(
                node,
                format!("`exists` and `all` are asked of a list, but this is {}", other.kind()),
            ),
        }
    }

    /// In CEL a name with the spelling of a group would hide its fields.
    fn name_is_free(&mut self, node: &Expression, name: &str) -> Option<()> {
        if self.schema.has_group(name) {
            let text = format!("`{name}` is a group of fields; give the value another name, such as x");
            return self.unsupported(node, text);
        }
        Some(())
    }
}

impl Literals {
    fn kind(&self) -> &'static str {
        match self {
            Self::Bools(_) => "bools",
            Self::Ints(_) => "ints",
            Self::Texts(_) => "texts",
        }
    }
}

fn all<T>(values: &[&LiteralValue], of: fn(&LiteralValue) -> Option<T>) -> Option<Vec<T>> {
    values.iter().map(|value| of(value)).collect()
}

fn bool_of(value: &LiteralValue) -> Option<bool> {
    if let LiteralValue::Boolean(value) = value {
        Some(*value.inner())
    } else {
        None
    }
}

fn int_of(value: &LiteralValue) -> Option<i64> {
    if let LiteralValue::Int(value) = value {
        Some(*value.inner())
    } else {
        None
    }
}

fn text_of(value: &LiteralValue) -> Option<String> {
    if let LiteralValue::String(value) = value {
        Some(value.inner().to_owned())
    } else {
        None
    }
}

/// `exists` begins with false and joins with `||`, `all` begins with true and joins with `&&`.
fn quantifier(over: &ComprehensionExpr) -> Option<Quantifier> {
    let Expr::Literal(LiteralValue::Boolean(start)) = &over.accu_init.expr else {
        return None;
    };
    let Expr::Call(step) = &over.loop_step.expr else {
        return None;
    };
    match (start.inner(), step.func_name.as_str()) {
        (false, op::LOGICAL_OR) => Some(Quantifier::Exists),
        (true, op::LOGICAL_AND) => Some(Quantifier::All),
        _ => None,
    }
}
