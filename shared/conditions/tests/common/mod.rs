//! A schema and facts for tests.

#![allow(dead_code, reason = "each test uses its part")]

use conditions::{Condition, Fact, Facts, Field, Flaw, Schema, Texts, Type, Unevaluable};

pub(crate) const FIELDS: &[Field] = &[
    field("receipt.store", Type::Text),
    field("receipt.weekday", Type::Int),
    field("receipt.total", Type::Int),
    field("receipt.online", Type::Bool),
    field("receipt.date", Type::Text),
    field("line.group", Type::Text),
    field("line.quantity", Type::Int),
    field("line.reduced", Type::Bool),
    field("party.tags", Type::Texts),
    field("party.visits", Type::Ints),
];

/// Most values of a list.
pub(crate) const LIST_MAX: u32 = 8;

pub(crate) const SCHEMA: Schema = Schema::new(FIELDS, LIST_MAX);

const fn field(name: &'static str, kind: Type) -> Field {
    Field { name, kind, doc: "" }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Unset,
    Bool(bool),
    Int(i64),
    Text(String),
    Texts(Vec<String>),
    Ints(Vec<i64>),
}

/// Facts by the place of their field.
#[derive(Debug, Clone)]
pub(crate) struct Known(pub(crate) Vec<Value>);

impl Known {
    pub(crate) fn nothing() -> Self {
        Self(vec![Value::Unset; FIELDS.len()])
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        let place = FIELDS
            .iter()
            .position(|field| field.name == name)
            .expect("a field of the schema");
        self.0[place] = value;
        self
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.with(name, Value::Text(value.to_owned()))
    }

    pub(crate) fn int(self, name: &str, value: i64) -> Self {
        self.with(name, Value::Int(value))
    }

    pub(crate) fn bool(self, name: &str, value: bool) -> Self {
        self.with(name, Value::Bool(value))
    }

    pub(crate) fn ints(self, name: &str, values: &[i64]) -> Self {
        self.with(name, Value::Ints(values.to_vec()))
    }

    pub(crate) fn texts(self, name: &str, values: &[&str]) -> Self {
        self.with(
            name,
            Value::Texts(values.iter().map(|text| (*text).to_owned()).collect()),
        )
    }
}

impl Facts for Known {
    fn fact(&self, field: usize) -> Fact<'_> {
        match &self.0[field] {
            Value::Unset => Fact::Unset,
            Value::Bool(value) => Fact::Bool(*value),
            Value::Int(value) => Fact::Int(*value),
            Value::Text(value) => Fact::Text(value),
            Value::Texts(values) => Fact::Texts(Texts::Owned(values)),
            Value::Ints(values) => Fact::Ints(values),
        }
    }
}

pub(crate) fn compile(source: &str) -> Condition {
    Condition::compile(source, &SCHEMA).unwrap_or_else(|flaws| panic!("{source}: {flaws:?}"))
}

pub(crate) fn holds(source: &str, facts: &Known) -> Result<bool, Unevaluable> {
    compile(source).holds(facts)
}

pub(crate) fn flaws(source: &str) -> Vec<Flaw> {
    match Condition::compile(source, &SCHEMA) {
        Ok(_) => panic!("{source} compiles"),
        Err(flaws) => flaws,
    }
}
