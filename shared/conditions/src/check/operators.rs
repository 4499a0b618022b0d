//! Operators.

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators as op};
use cel::parser::Expression;

use super::{Checker, Typed};
use crate::flaw::Code;
use crate::ir::{Bool, Calculate, Compare, If, Int};
use crate::schema::Type;

impl Checker<'_> {
    pub(super) fn operator(&mut self, node: &Expression, call: &CallExpr) -> Option<Typed> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_AND, [left, right]) => self.logic("each side of `&&`", left, right, and),
            (op::LOGICAL_OR, [left, right]) => self.logic("each side of `||`", left, right, or),
            (op::LOGICAL_NOT, [term]) => {
                let term = self.bool(term, "what stands after `!`")?;
                Some(Typed::Bool(Bool::Not(Box::new(term))))
            }
            (op::NEGATE, [term]) => {
                let term = self.int(term, "what stands after `-`")?;
                Some(Typed::Int(Int::Negate(Box::new(term))))
            }
            (op::CONDITIONAL, [condition, then, otherwise]) => self.choice(condition, then, otherwise),
            (op::IN, [value, list]) => self.within(value, list),
            (op::INDEX, [list, index]) => {
                self.node(list);
                self.node(index);
                self.unsupported(
                    node,
                    "single values of a list cannot be read; use `in`, `exists` or `all`",
                )
            }
            (name, [left, right]) => match (comparison(name), calculation(name)) {
                (Some(how), _) => self.comparison(how, left, right),
                (None, Some(how)) => self.calculation(how, left, right),
                (None, None) => self.unsupported(node, "this operator is not available"),
            },
            _ => self.unsupported(node, "this operator is not available"),
        }
    }

    fn logic(
        &mut self,
        whose: &str,
        left: &Expression,
        right: &Expression,
        join: fn(Bool, Bool) -> Bool,
    ) -> Option<Typed> {
        let (left, right) = (self.bool(left, whose), self.bool(right, whose));
        Some(Typed::Bool(join(left?, right?)))
    }

    fn choice(&mut self, condition: &Expression, then: &Expression, otherwise: &Expression) -> Option<Typed> {
        let condition = self.bool(condition, "what stands before `?`");
        let branches = (self.node(then), self.node(otherwise));
        let (condition, branches) = (condition?, (branches.0?, branches.1?));
        match branches {
            (Typed::Bool(then), Typed::Bool(otherwise)) => {
                Some(Typed::Bool(Bool::If(choice(condition, then, otherwise))))
            }
            (Typed::Int(then), Typed::Int(otherwise)) => Some(Typed::Int(Int::If(choice(condition, then, otherwise)))),
            (Typed::Text(then), Typed::Text(otherwise)) => {
                Some(Typed::Text(crate::ir::Text::If(choice(condition, then, otherwise))))
            }
            (Typed::List(_), _) => self.wrong_type(then, "a choice cannot give a list"),
            (_, Typed::List(_)) => self.wrong_type(otherwise, "a choice cannot give a list"),
            (one, other) => {
                let text = format!(
                    "both results of a choice must be of one type, but they are {} and {}",
                    one.kind(),
                    other.kind()
                );
                self.wrong_type(otherwise, text)
            }
        }
    }

    fn comparison(&mut self, how: Compare, left: &Expression, right: &Expression) -> Option<Typed> {
        let sides = (self.node(left), self.node(right));
        let compared = match (how, (sides.0?, sides.1?)) {
            (_, (Typed::Int(left), Typed::Int(right))) => Bool::CompareInts(how, Box::new((left, right))),
            (_, (Typed::Text(left), Typed::Text(right))) => Bool::CompareTexts(how, Box::new((left, right))),
            (Compare::Equal | Compare::NotEqual, (Typed::Bool(left), Typed::Bool(right))) => Bool::BoolsEqual {
                equal: matches!(how, Compare::Equal),
                left: Box::new(left),
                right: Box::new(right),
            },
            (_, (Typed::List(_), _)) => {
                return self.wrong_type(left, "lists cannot be compared; use `in`, `exists` or `all`");
            }
            (_, (_, Typed::List(_))) => {
                return self.wrong_type(right, "lists cannot be compared; use `in`, `exists` or `all`");
            }
            (_, (Typed::Bool(_), Typed::Bool(_))) => {
                return self.wrong_type(left, "bools have no order; only `==` and `!=` compare them");
            }
            (_, (one, other)) => {
                let text = format!(
                    "only values of one type can be compared, but these are {} and {}",
                    one.kind(),
                    other.kind()
                );
                return self.wrong_type(left, text);
            }
        };
        Some(Typed::Bool(compared))
    }

    fn calculation(&mut self, how: Calculate, left: &Expression, right: &Expression) -> Option<Typed> {
        let whose = match how {
            Calculate::Add => "each side of `+`",
            Calculate::Subtract => "each side of `-`",
            Calculate::Multiply => "each side of `*`",
            Calculate::Divide => "each side of `/`",
            Calculate::Remainder => "each side of `%`",
        };
        let (left, divisor) = (self.int(left, whose), right);
        let right = self.int(right, whose);
        if matches!(how, Calculate::Divide | Calculate::Remainder) && right.is_some() && !is_divisor(divisor) {
            return self.flaw(
                self.parsed.places.start(divisor),
                Code::BadDivisor,
                "only a literal number other than zero can stand after `/` and `%`",
            );
        }
        Some(Typed::Int(Int::Calculate(how, Box::new((left?, right?)))))
    }

    fn within(&mut self, value: &Expression, list: &Expression) -> Option<Typed> {
        let found = self.node(value);
        if let Expr::List(literals) = &list.expr {
            let literals = self.literals(list, literals);
            return self.within_literals(value, found?, literals?);
        }
        let place = list;
        let list = self.node(list);
        let (found, list) = (found?, list?);
        let Typed::List(field) = list else {
            let text = format!(
                "a list must stand after `in`, but this is {}{}",
                list.kind(),
                hint(&list)
            );
            return self.wrong_type(place, text);
        };
        match (found, field.field.kind) {
            (Typed::Int(found), Type::Ints) => Some(Typed::Bool(Bool::IntInField(Box::new(found), field))),
            (Typed::Text(found), Type::Texts) => Some(Typed::Bool(Bool::TextInField(Box::new(found), field))),
            (found, kind) => self.wrong_type(value, format!("this is {} and cannot be in {kind}", found.kind())),
        }
    }
}

fn hint(list: &Typed) -> &'static str {
    if matches!(list, Typed::Text(_)) {
        "; to look into a text write text.contains(part)"
    } else {
        ""
    }
}

fn comparison(name: &str) -> Option<Compare> {
    Some(match name {
        op::EQUALS => Compare::Equal,
        op::NOT_EQUALS => Compare::NotEqual,
        op::LESS => Compare::Less,
        op::LESS_EQUALS => Compare::AtMost,
        op::GREATER => Compare::Greater,
        op::GREATER_EQUALS => Compare::AtLeast,
        _ => return None,
    })
}

fn calculation(name: &str) -> Option<Calculate> {
    Some(match name {
        op::ADD => Calculate::Add,
        op::SUBSTRACT => Calculate::Subtract,
        op::MULTIPLY => Calculate::Multiply,
        op::DIVIDE => Calculate::Divide,
        op::MODULO => Calculate::Remainder,
        _ => return None,
    })
}

fn is_divisor(node: &Expression) -> bool {
    matches!(&node.expr, Expr::Literal(LiteralValue::Int(value)) if *value.inner() != 0)
}

fn choice<T>(condition: Bool, then: T, otherwise: T) -> Box<If<T>> {
    Box::new(If {
        condition,
        then,
        otherwise,
    })
}

/// The parser makes a balanced tree of a chain; a flat list is faster, and means the same: one false term decides, whatever
/// errors stand around it.
fn and(left: Bool, right: Bool) -> Bool {
    let mut terms = match left {
        Bool::And(terms) => terms,
        other => vec![other],
    };
    match right {
        Bool::And(more) => terms.extend(more),
        other => terms.push(other),
    }
    Bool::And(terms)
}

fn or(left: Bool, right: Bool) -> Bool {
    let mut terms = match left {
        Bool::Or(terms) => terms,
        other => vec![other],
    };
    match right {
        Bool::Or(more) => terms.extend(more),
        other => terms.push(other),
    }
    Bool::Or(terms)
}
