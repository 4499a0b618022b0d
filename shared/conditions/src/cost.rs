//! Steps of the worst case. Sums saturate: a cost that does not fit is beyond the bound anyhow.

use crate::ir::{Bool, If, Int, Text};

/// Steps of a tree, when lists hold `list_max` values.
pub(crate) fn steps(condition: &Bool, list_max: u32) -> u64 {
    Lists(u64::from(list_max)).of_bool(condition)
}

/// The bound of lists in fields.
#[derive(Clone, Copy)]
struct Lists(u64);

impl Lists {
    fn of_bool(self, node: &Bool) -> u64 {
        let below = match node {
            Bool::Literal(_) | Bool::Field(_) | Bool::Has(_) => 0,
            Bool::Not(term) => self.of_bool(term),
            Bool::And(terms) | Bool::Or(terms) => sum(terms.iter().map(|term| self.of_bool(term))),
            Bool::If(choice) => self.of_if(choice, Self::of_bool),
            Bool::BoolsEqual { left, right, .. } => sum([self.of_bool(left), self.of_bool(right)]),
            Bool::CompareInts(_, sides) => sum([self.of_int(&sides.0), self.of_int(&sides.1)]),
            Bool::CompareTexts(_, sides) | Bool::Search(_, sides) => {
                sum([self.of_text(&sides.0), self.of_text(&sides.1)])
            }
            Bool::OneOfBools(value, list) => sum([self.of_bool(value), length(list)]),
            Bool::OneOfInts(value, list) => sum([self.of_int(value), length(list)]),
            Bool::OneOfTexts(value, list) => sum([self.of_text(value), length(list)]),
            Bool::IntInField(value, _) => sum([self.of_int(value), self.0]),
            Bool::TextInField(value, _) => sum([self.of_text(value), self.0]),
            Bool::Each(_, _, body) => self.0.saturating_mul(self.of_bool(body).saturating_add(1)),
        };
        below.saturating_add(1)
    }

    fn of_int(self, node: &Int) -> u64 {
        let below = match node {
            Int::Literal(_) | Int::Field(_) | Int::Item | Int::ListSize(_) => 0,
            Int::Negate(term) => self.of_int(term),
            Int::Calculate(_, sides) => sum([self.of_int(&sides.0), self.of_int(&sides.1)]),
            Int::If(choice) => self.of_if(choice, Self::of_int),
            Int::TextSize(text) => self.of_text(text),
        };
        below.saturating_add(1)
    }

    fn of_text(self, node: &Text) -> u64 {
        match node {
            Text::Literal(_) | Text::Field(_) | Text::Item => 1,
            Text::If(choice) => self.of_if(choice, Self::of_text).saturating_add(1),
        }
    }

    /// Only one of the branches runs; the dearer one counts.
    fn of_if<T>(self, choice: &If<T>, of_branch: impl Fn(Self, &T) -> u64) -> u64 {
        let branch = of_branch(self, &choice.then).max(of_branch(self, &choice.otherwise));
        self.of_bool(&choice.condition).saturating_add(branch)
    }
}

fn length<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

fn sum(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}
