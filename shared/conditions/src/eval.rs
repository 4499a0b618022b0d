//! The value of a condition.
//!
//! Evaluation allocates nothing, and its recursion is as deep as the tree, which has a bound.

use crate::facts::{Fact, Facts, Texts};
use crate::ir::{Bool, Calculate, Compare, FieldRef, Int, Quantifier, Search, Text};

/// Why a condition has no value for these facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unevaluable {
    /// An arithmetic result needs more than 64 bits.
    #[error("a result of the condition's arithmetic does not fit in 64 bits")]
    Overflow,
    /// The caller's fault: the fact is not of its field's type, or is a list longer than the schema's bound.
    #[error("the fact {field} does not fit its schema: it is of another type or a longer list")]
    OutsideSchema {
        /// Name of the field.
        field: &'static str,
    },
}

/// The value of `condition` over `facts`, whose lists hold at most `list_max` values.
pub(crate) fn holds<F: Facts + ?Sized>(condition: &Bool, facts: &F, list_max: usize) -> Result<bool, Unevaluable> {
    let scope = Scope {
        facts,
        list_max,
        item: Item::None,
    };
    scope.bool(condition)
}

/// The value that a macro is looking at.
#[derive(Clone, Copy)]
enum Item<'a> {
    None,
    Int(i64),
    Text(&'a str),
}

/// What a node can see.
struct Scope<'a, F: ?Sized> {
    facts: &'a F,
    list_max: usize,
    item: Item<'a>,
}

impl<'a, F: Facts + ?Sized> Scope<'a, F> {
    fn bool(&self, node: &'a Bool) -> Result<bool, Unevaluable> {
        match node {
            Bool::Literal(value) => Ok(*value),
            Bool::Field(field) => self.bool_field(*field),
            Bool::Has(field) => Ok(self.facts.fact(field.index) != Fact::Unset),
            Bool::Not(term) => Ok(!self.bool(term)?),
            Bool::And(terms) => decide(terms.iter().map(|term| self.bool(term)), false),
            Bool::Or(terms) => decide(terms.iter().map(|term| self.bool(term)), true),
            Bool::If(choice) => self.bool(if self.bool(&choice.condition)? {
                &choice.then
            } else {
                &choice.otherwise
            }),
            Bool::BoolsEqual { equal, left, right } => Ok((self.bool(left)? == self.bool(right)?) == *equal),
            Bool::CompareInts(how, sides) => Ok(compare(*how, &self.int(&sides.0)?, &self.int(&sides.1)?)),
            Bool::CompareTexts(how, sides) => Ok(compare(*how, self.text(&sides.0)?, self.text(&sides.1)?)),
            Bool::OneOfBools(value, list) => Ok(list.contains(&self.bool(value)?)),
            Bool::OneOfInts(value, list) => Ok(list.contains(&self.int(value)?)),
            Bool::OneOfTexts(value, list) => self.text(value).map(|value| list.iter().any(|text| text == value)),
            Bool::IntInField(value, field) => Ok(self.ints(*field)?.contains(&self.int(value)?)),
            Bool::TextInField(value, field) => {
                let value = self.text(value)?;
                Ok(self.texts(*field)?.iter().any(|text| text == value))
            }
            Bool::Search(how, sides) => Ok(search(*how, self.text(&sides.0)?, self.text(&sides.1)?)),
            Bool::Each(quantifier, field, body) => self.each(*quantifier, *field, body),
        }
    }

    fn int(&self, node: &'a Int) -> Result<i64, Unevaluable> {
        match node {
            Int::Literal(value) => Ok(*value),
            Int::Field(field) => self.int_field(*field),
            Int::Item => Ok(match self.item {
                Item::Int(value) => value,
                // The check binds the name to a list of ints.
                Item::None | Item::Text(_) => 0,
            }),
            Int::Negate(term) => self.int(term)?.checked_neg().ok_or(Unevaluable::Overflow),
            Int::Calculate(how, sides) => calculate(*how, self.int(&sides.0)?, self.int(&sides.1)?),
            Int::If(choice) => self.int(if self.bool(&choice.condition)? {
                &choice.then
            } else {
                &choice.otherwise
            }),
            Int::TextSize(text) => size(self.text(text)?.chars().count()),
            Int::ListSize(field) => size(self.list_size(*field)?),
        }
    }

    fn text(&self, node: &'a Text) -> Result<&'a str, Unevaluable> {
        match node {
            Text::Literal(value) => Ok(value),
            Text::Field(field) => self.text_field(*field),
            Text::Item => Ok(match self.item {
                Item::Text(value) => value,
                // The check binds the name to a list of texts.
                Item::None | Item::Int(_) => "",
            }),
            Text::If(choice) => self.text(if self.bool(&choice.condition)? {
                &choice.then
            } else {
                &choice.otherwise
            }),
        }
    }

    fn each(&self, quantifier: Quantifier, field: FieldRef, body: &'a Bool) -> Result<bool, Unevaluable> {
        let decisive = matches!(quantifier, Quantifier::Exists);
        let with = |item| Scope { item, ..*self }.bool(body);
        match self.list(field)? {
            List::Texts(texts) => decide(texts.iter().map(|text| with(Item::Text(text))), decisive),
            List::Ints(ints) => decide(ints.iter().map(|int| with(Item::Int(*int))), decisive),
        }
    }
}

/// Fields. A fact of another type is the caller's fault and no value: reading it as unset would decide money by accident.
impl<'a, F: Facts + ?Sized> Scope<'a, F> {
    fn bool_field(&self, field: FieldRef) -> Result<bool, Unevaluable> {
        match self.facts.fact(field.index) {
            Fact::Bool(value) => Ok(value),
            Fact::Unset => Ok(false),
            _ => Err(outside(field)),
        }
    }

    fn int_field(&self, field: FieldRef) -> Result<i64, Unevaluable> {
        match self.facts.fact(field.index) {
            Fact::Int(value) => Ok(value),
            Fact::Unset => Ok(0),
            _ => Err(outside(field)),
        }
    }

    fn text_field(&self, field: FieldRef) -> Result<&'a str, Unevaluable> {
        match self.facts.fact(field.index) {
            Fact::Text(value) => Ok(value),
            Fact::Unset => Ok(""),
            _ => Err(outside(field)),
        }
    }

    fn texts(&self, field: FieldRef) -> Result<Texts<'a>, Unevaluable> {
        match self.facts.fact(field.index) {
            Fact::Texts(list) if list.len() <= self.list_max => Ok(list),
            Fact::Unset => Ok(Texts::Borrowed(&[])),
            _ => Err(outside(field)),
        }
    }

    fn ints(&self, field: FieldRef) -> Result<&'a [i64], Unevaluable> {
        match self.facts.fact(field.index) {
            Fact::Ints(list) if list.len() <= self.list_max => Ok(list),
            Fact::Unset => Ok(&[]),
            _ => Err(outside(field)),
        }
    }

    fn list(&self, field: FieldRef) -> Result<List<'a>, Unevaluable> {
        match field.field.kind {
            crate::Type::Ints => self.ints(field).map(List::Ints),
            _ => self.texts(field).map(List::Texts),
        }
    }

    fn list_size(&self, field: FieldRef) -> Result<usize, Unevaluable> {
        Ok(match self.list(field)? {
            List::Texts(texts) => texts.len(),
            List::Ints(ints) => ints.len(),
        })
    }
}

enum List<'a> {
    Texts(Texts<'a>),
    Ints(&'a [i64]),
}

/// `decisive` if any value is, whatever errors stand before or after it; else the first error; else the other value.
fn decide(values: impl Iterator<Item = Result<bool, Unevaluable>>, decisive: bool) -> Result<bool, Unevaluable> {
    let mut otherwise = Ok(!decisive);
    for value in values {
        match value {
            Ok(value) if value == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(error) => otherwise = otherwise.and(Err(error)),
        }
    }
    otherwise
}

fn compare<T: Ord + ?Sized>(how: Compare, left: &T, right: &T) -> bool {
    match how {
        Compare::Equal => left == right,
        Compare::NotEqual => left != right,
        Compare::Less => left < right,
        Compare::AtMost => left <= right,
        Compare::Greater => left > right,
        Compare::AtLeast => left >= right,
    }
}

fn calculate(how: Calculate, left: i64, right: i64) -> Result<i64, Unevaluable> {
    // A divisor is a literal other than zero, so that only the smallest number by -1 has no quotient.
    match how {
        Calculate::Add => left.checked_add(right),
        Calculate::Subtract => left.checked_sub(right),
        Calculate::Multiply => left.checked_mul(right),
        Calculate::Divide => left.checked_div(right),
        Calculate::Remainder => left.checked_rem(right),
    }
    .ok_or(Unevaluable::Overflow)
}

fn search(how: Search, text: &str, part: &str) -> bool {
    match how {
        Search::StartsWith => text.starts_with(part),
        Search::EndsWith => text.ends_with(part),
        Search::Contains => text.contains(part),
    }
}

fn size(count: usize) -> Result<i64, Unevaluable> {
    i64::try_from(count).map_err(|_| Unevaluable::Overflow)
}

fn outside(field: FieldRef) -> Unevaluable {
    Unevaluable::OutsideSchema {
        field: field.field.name,
    }
}
