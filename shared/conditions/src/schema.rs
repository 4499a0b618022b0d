//! Which fields a condition can read.

use std::fmt;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A list of whole numbers.
    Ints,
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Ints => "a list of ints",
        })
    }
}

/// One field that conditions can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name of two parts, such as `receipt.store`. Each part is a letter or `_`, then letters, digits and `_`, all of them
    /// ASCII; a name of another shape can never be read.
    pub name: &'static str,
    /// What it holds.
    pub kind: Type,
    /// What it means, for those who write conditions.
    pub doc: &'static str,
}

/// The fields that a kind of condition can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    fields: &'static [Field],
    list_max: u32,
}

impl Schema {
    /// A schema of `fields`, whose lists hold at most `list_max` values each. The bound counts twice: a condition over lists costs
    /// as much as for the longest ones, and a longer one cannot be evaluated.
    pub const fn new(fields: &'static [Field], list_max: u32) -> Self {
        Self { fields, list_max }
    }

    /// The fields; a field's place here is the number by which [`Facts::fact`](crate::Facts::fact) is asked.
    pub const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Most values of a list in a field.
    pub const fn list_max(&self) -> u32 {
        self.list_max
    }

    pub(crate) fn find(&self, name: &str) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }

    /// Whether fields have this as the first part of their name.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.fields.iter().any(|field| group_of(field) == group)
    }

    pub(crate) fn of_group(&self, group: &str) -> impl Iterator<Item = &'static str> {
        self.fields
            .iter()
            .filter(move |field| group_of(field) == group)
            .map(|field| field.name)
    }
}

fn group_of(field: &Field) -> &'static str {
    field.name.split_once('.').map_or(field.name, |(group, _)| group)
}
