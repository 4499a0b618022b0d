//! Names and types: the syntax tree becomes a typed one, or every flaw is said.

mod calls;
mod lists;
mod operators;

use std::collections::BTreeSet;

use cel::common::ast::{Expr, LiteralValue, SelectExpr};
use cel::parser::Expression;

use crate::flaw::{Code, Flaw};
use crate::ir::{self, FieldRef};
use crate::names::did_you_mean;
use crate::parse::Parsed;
use crate::scan::flaw;
use crate::schema::{Schema, Type};

/// What a checked condition is, and the places in the schema of the fields that it reads.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) condition: ir::Bool,
    pub(crate) fields: BTreeSet<usize>,
}

/// Checks a parsed source.
pub(crate) fn check(source: &str, parsed: &Parsed, schema: &Schema) -> Result<Checked, Vec<Flaw>> {
    let mut checker = Checker {
        source,
        parsed,
        schema: *schema,
        item: None,
        fields: BTreeSet::new(),
        flaws: Vec::new(),
    };
    let condition = checker.bool(&parsed.tree, "the condition as a whole");
    match condition {
        Some(condition) if checker.flaws.is_empty() => Ok(Checked {
            condition,
            fields: checker.fields,
        }),
        _ => {
            checker.flaws.sort_by_key(|flaw| flaw.at);
            Err(checker.flaws)
        }
    }
}

/// A checked node.
enum Typed {
    Bool(ir::Bool),
    Int(ir::Int),
    Text(ir::Text),
    /// A field that is a list.
    List(FieldRef),
}

impl Typed {
    fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Text(_) => Type::Text,
            Self::List(list) => list.field.kind,
        }
    }
}

/// The name that a list macro gives to each value.
struct Item {
    name: String,
    kind: Type,
}

/// Its methods give nothing for a node with a flaw, which is said once, where it is.
struct Checker<'s> {
    source: &'s str,
    parsed: &'s Parsed,
    schema: Schema,
    item: Option<Item>,
    fields: BTreeSet<usize>,
    flaws: Vec<Flaw>,
}

impl Checker<'_> {
    fn node(&mut self, node: &Expression) -> Option<Typed> {
        match &node.expr {
            Expr::Literal(literal) => self.literal(node, literal),
            Expr::Ident(name) => self.name(node, name),
            Expr::Select(select) if select.test => self.has(node, select),
            Expr::Select(select) => self.select(node, select),
            Expr::Call(call) if call.target.is_none() && crate::parse::is_operator(&call.func_name) => {
                self.operator(node, call)
            }
            Expr::Call(call) => self.function(node, call),
            Expr::Comprehension(over) => self.each(node, over),
            Expr::List(list) => {
                self.literals(node, list);
                self.unsupported(node, "a list of literals can only stand after `in`")
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => self.unsupported(node, "this is not available"),
        }
    }

    fn literal(&mut self, node: &Expression, literal: &LiteralValue) -> Option<Typed> {
        match literal {
            LiteralValue::Boolean(value) => Some(Typed::Bool(ir::Bool::Literal(*value.inner()))),
            LiteralValue::Int(value) => Some(Typed::Int(ir::Int::Literal(*value.inner()))),
            LiteralValue::String(value) => Some(Typed::Text(ir::Text::Literal(value.inner().to_owned()))),
            LiteralValue::Double(_) => self.unsupported(
                node,
                "decimals are not available: amounts are whole numbers of the smallest unit, such as cents",
            ),
            LiteralValue::UInt(_) => self.unsupported(node, "unsigned numbers are not available; leave out the u"),
            LiteralValue::Bytes(_) => self.unsupported(node, "bytes are not available; leave out the b"),
            LiteralValue::Null => self.unsupported(
                node,
                "`null` is not available; `has(group.name)` tells whether a field is set",
            ),
        }
    }

    fn name(&mut self, node: &Expression, name: &str) -> Option<Typed> {
        match &self.item {
            Some(item) if item.name == name => Some(match item.kind {
                Type::Int => Typed::Int(ir::Int::Item),
                _ => Typed::Text(ir::Text::Item),
            }),
            _ => self.unknown(node, name),
        }
    }

    fn select(&mut self, node: &Expression, select: &SelectExpr) -> Option<Typed> {
        let field = self.field(node, select)?;
        Some(match field.field.kind {
            Type::Bool => Typed::Bool(ir::Bool::Field(field)),
            Type::Int => Typed::Int(ir::Int::Field(field)),
            Type::Text => Typed::Text(ir::Text::Field(field)),
            Type::Texts | Type::Ints => Typed::List(field),
        })
    }

    fn has(&mut self, node: &Expression, select: &SelectExpr) -> Option<Typed> {
        self.field(node, select).map(|field| Typed::Bool(ir::Bool::Has(field)))
    }

    fn field(&mut self, node: &Expression, select: &SelectExpr) -> Option<FieldRef> {
        let Some(name) = dotted(select) else {
            self.node(&select.operand)?;
            return self.flaw(
                self.parsed.places.name(node),
                Code::Unsupported,
                "only fields have parts: write group.name",
            );
        };
        if let Some(item) = self.item.as_ref().filter(|item| group_of(&name) == item.name) {
            let text = format!("`{}` is {} and has no parts", item.name, item.kind);
            return self.flaw(self.parsed.places.name(node), Code::WrongType, text);
        }
        let Some((index, field)) = self.schema.find(&name) else {
            return self.unknown(node, &name);
        };
        self.fields.insert(index);
        Some(FieldRef { index, field })
    }

    fn unknown<T>(&mut self, node: &Expression, name: &str) -> Option<T> {
        let mut text = format!("there is no field `{name}`{}", did_you_mean(&self.schema, name));
        if self.schema.has_group(name) {
            let names: Vec<_> = self.schema.of_group(name).collect();
            text = format!("`{name}` is a group of fields; name one of them: {}", names.join(", "));
        }
        self.flaw(self.parsed.places.start(node), Code::UnknownName, text)
    }

    /// The node as a bool; `whose` begins the sentence that says who needs one.
    fn bool(&mut self, node: &Expression, whose: &str) -> Option<ir::Bool> {
        match self.node(node)? {
            Typed::Bool(value) => Some(value),
            other => self.wrong(node, whose, Type::Bool, &other),
        }
    }

    fn int(&mut self, node: &Expression, whose: &str) -> Option<ir::Int> {
        match self.node(node)? {
            Typed::Int(value) => Some(value),
            other => self.wrong(node, whose, Type::Int, &other),
        }
    }

    fn text(&mut self, node: &Expression, whose: &str) -> Option<ir::Text> {
        match self.node(node)? {
            Typed::Text(value) => Some(value),
            other => self.wrong(node, whose, Type::Text, &other),
        }
    }

    fn wrong<T>(&mut self, node: &Expression, whose: &str, wanted: Type, found: &Typed) -> Option<T> {
        self.wrong_type(node, format!("{whose} must be {wanted}, but is {}", found.kind()))
    }

    fn wrong_type<T>(&mut self, node: &Expression, text: impl Into<String>) -> Option<T> {
        self.flaw(self.parsed.places.start(node), Code::WrongType, text)
    }

    fn unsupported<T>(&mut self, node: &Expression, text: impl Into<String>) -> Option<T> {
        self.flaw(self.parsed.places.name(node), Code::Unsupported, text)
    }

    /// Notes a flaw; gives nothing, which is the value of a node that has one.
    fn flaw<T>(&mut self, byte: usize, code: Code, text: impl Into<String>) -> Option<T> {
        self.flaws.push(flaw(self.source, byte, code, text));
        None
    }
}

/// The name that a selection spells, such as `a.b` or `a.b.c`; nothing where its root is no name.
fn dotted(select: &SelectExpr) -> Option<String> {
    let root = match &select.operand.expr {
        Expr::Ident(root) => root.clone(),
        Expr::Select(inner) if !inner.test => dotted(inner)?,
        _ => return None,
    };
    Some(format!("{root}.{}", select.field))
}

fn group_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(group, _)| group)
}
