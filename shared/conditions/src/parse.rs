//! From a source to its syntax tree, with the place of each node.
//!
//! The parser by precedence does not say where its nodes stand. They are found again: walked in order, the tree meets its
//! names and literals exactly as they follow each other in the source.

use std::collections::HashMap;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, operators};
use cel::parser::{Expression, ParseError, PrattParser};

use crate::DEPTH_MAX;
use crate::flaw::{Code, Flaw};
use crate::scan::{Leaf, flaw, scan, too_deep_text};

/// A source as a tree that is at most [`DEPTH_MAX`] levels deep.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) tree: Expression,
    pub(crate) places: Places,
}

/// Parses a source.
pub(crate) fn parse(source: &str) -> Result<Parsed, Vec<Flaw>> {
    let leaves = scan(source)?;
    let tree = PrattParser::new().parse(source).map_err(|errors| {
        errors
            .errors
            .iter()
            .map(|error| syntax(source, error))
            .collect::<Vec<_>>()
    })?;
    if let Err(deep) = depth_is_bounded(&tree, 1) {
        // What is too deep here is a chain of signs or dots; brackets were counted before, where they stand.
        return Err(vec![flaw(source, 0, Code::TooDeep, deep)]);
    }
    let places = Places::find(&tree, leaves);
    Ok(Parsed { tree, places })
}

fn syntax(source: &str, error: &ParseError) -> Flaw {
    let text = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    flaw(source, byte_of(source, error.pos), Code::Syntax, text)
}

/// The byte at a line and column, both from 1.
fn byte_of(source: &str, (line, column): (isize, isize)) -> usize {
    let before = usize::try_from(line).unwrap_or(0).saturating_sub(1);
    let lines = source.split_inclusive('\n').take(before).map(str::len);
    let column = usize::try_from(column).unwrap_or(0).saturating_sub(1);
    lines.fold(column, usize::saturating_add)
}

fn depth_is_bounded(node: &Expression, level: usize) -> Result<(), String> {
    if level > DEPTH_MAX {
        return Err(too_deep_text());
    }
    children(node)
        .into_iter()
        .try_for_each(|child| depth_is_bounded(child, level.saturating_add(1)))
}

/// What a node consists of, in the order of the source.
fn children(node: &Expression) -> Vec<&Expression> {
    match &node.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Comprehension(over) => [Some(&over.iter_range), body(over)].into_iter().flatten().collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        // Maps and structures are refused before they are parsed.
        Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Vec::new(),
    }
}

/// What the author of `exists` or `all` wrote for each value: the second part of the loop's step.
pub(crate) fn body(over: &ComprehensionExpr) -> Option<&Expression> {
    match &over.loop_step.expr {
        Expr::Call(CallExpr { args, .. }) => args.get(1),
        _ => None,
    }
}

/// Where nodes stand, in bytes of the source.
#[derive(Debug)]
pub(crate) struct Places(HashMap<u64, Place>);

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: usize,
    name: usize,
}

impl Places {
    fn find(tree: &Expression, leaves: Vec<Leaf>) -> Self {
        let mut walk = Walk {
            leaves: leaves.into_iter(),
            places: HashMap::new(),
        };
        walk.node(tree);
        Self(walk.places)
    }

    /// Where the first name or literal of a node stands.
    pub(crate) fn start(&self, node: &Expression) -> usize {
        self.0.get(&node.id).copied().unwrap_or_default().start
    }

    /// Where the name of a function or the last part of a field's name stands.
    pub(crate) fn name(&self, node: &Expression) -> usize {
        self.0.get(&node.id).copied().unwrap_or_default().name
    }
}

struct Walk {
    leaves: std::vec::IntoIter<Leaf>,
    places: HashMap<u64, Place>,
}

impl Walk {
    /// Takes the leaves of this node and says where it starts.
    fn node(&mut self, node: &Expression) -> usize {
        let place = match &node.expr {
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(over) => self.each(over),
            Expr::List(list) => {
                let start = self.leaf();
                self.all(&list.elements);
                Place { start, name: start }
            }
            Expr::Select(select) => {
                let has = select.test.then(|| self.leaf());
                let operand = self.node(&select.operand);
                Place {
                    start: has.unwrap_or(operand),
                    name: self.leaf(),
                }
            }
            _ => {
                let start = self.leaf();
                Place { start, name: start }
            }
        };
        self.places.insert(node.id, place);
        place.start
    }

    fn call(&mut self, call: &CallExpr) -> Place {
        match (&call.target, call.args.as_slice()) {
            (Some(target), args) => {
                let start = self.node(target);
                let name = self.leaf();
                self.all(args);
                Place { start, name }
            }
            (None, [list, index]) if call.func_name == operators::INDEX => {
                let start = self.node(list);
                let name = self.leaf();
                self.node(index);
                Place { start, name }
            }
            (None, [first, others @ ..]) if is_operator(&call.func_name) => {
                let start = self.node(first);
                self.all(others);
                Place { start, name: start }
            }
            (None, args) => {
                let name = self.leaf();
                self.all(args);
                Place { start: name, name }
            }
        }
    }

    fn each(&mut self, over: &ComprehensionExpr) -> Place {
        let start = self.node(&over.iter_range);
        let name = self.leaf();
        let _variable = self.leaf();
        if let Some(body) = body(over) {
            self.node(body);
        }
        Place { start, name }
    }

    fn all(&mut self, nodes: &[Expression]) {
        for node in nodes {
            self.node(node);
        }
    }

    fn leaf(&mut self) -> usize {
        self.leaves.next().map_or(0, |leaf| leaf.start)
    }
}

/// Whether a function is an operator, whose parser's name no author can write.
pub(crate) fn is_operator(function: &str) -> bool {
    !function
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
}
