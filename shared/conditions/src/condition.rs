//! A condition that is ready to be evaluated.

use crate::COST_MAX;
use crate::check::check;
use crate::cost::steps;
use crate::eval::{Unevaluable, holds};
use crate::facts::Facts;
use crate::flaw::{Code, Flaw};
use crate::ir::Bool;
use crate::parse::parse;
use crate::schema::{Field, Schema};

/// A checked condition. It belongs to the schema it was compiled with: other facts make no sense to it.
#[derive(Debug, Clone)]
pub struct Condition {
    source: String,
    root: Bool,
    cost: u32,
    fields: Vec<&'static Field>,
    list_max: usize,
}

impl Condition {
    /// Checks a source and makes it ready.
    ///
    /// # Errors
    ///
    /// Every flaw of the source, in its order, and at least one: it is too long, too deep or not CEL (then nothing else is
    /// looked at), leaves the subset, names what the schema does not have, mixes types, is no bool as a whole, or costs more
    /// than [`COST_MAX`] steps.
    pub fn compile(source: &str, schema: &Schema) -> Result<Self, Vec<Flaw>> {
        let checked = check(source, &parse(source)?, schema)?;
        let fields = schema.fields().iter().enumerate();
        Ok(Self {
            source: source.to_owned(),
            cost: affordable(steps(&checked.condition, schema.list_max()))?,
            root: checked.condition,
            fields: fields
                .filter(|(index, _)| checked.fields.contains(index))
                .map(|(_, field)| field)
                .collect(),
            list_max: usize::try_from(schema.list_max()).unwrap_or(usize::MAX),
        })
    }

    /// The source, exactly as it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Steps of one evaluation in the worst case: from 1 to [`COST_MAX`]. A step over a text takes as long as the text.
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Names of the fields it may read, each once, in the order of the schema.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }

    /// Whether the condition holds for these facts. Allocates nothing.
    ///
    /// # Errors
    ///
    /// [`Unevaluable`] when the value depends on arithmetic that overflows or on a fact that breaks its schema. As in CEL, an
    /// error does not count where another term of `&&`, `||`, `exists` or `all` decides alone.
    pub fn holds<F: Facts + ?Sized>(&self, facts: &F) -> Result<bool, Unevaluable> {
        holds(&self.root, facts, self.list_max)
    }
}

/// Conditions are the same when their sources are, to the character.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}

fn affordable(steps: u64) -> Result<u32, Vec<Flaw>> {
    u32::try_from(steps)
        .ok()
        .filter(|cost| *cost <= COST_MAX)
        .ok_or_else(|| {
            vec![Flaw {
                at: 0,
                code: Code::TooCostly,
                text: format!("the condition takes {steps} steps in the worst case; at most {COST_MAX} are possible"),
            }]
        })
}
