//! The typed tree. Its types say what each node gives, so that evaluation never meets a wrong one.

use crate::schema::Field;

/// A field and its place in the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldRef {
    pub(crate) index: usize,
    pub(crate) field: &'static Field,
}

#[derive(Debug, Clone)]
pub(crate) enum Bool {
    Literal(bool),
    Field(FieldRef),
    Has(FieldRef),
    Not(Box<Bool>),
    /// At least two terms.
    And(Vec<Bool>),
    /// At least two terms.
    Or(Vec<Bool>),
    If(Box<If<Bool>>),
    /// Both are the same, or not the same.
    BoolsEqual {
        equal: bool,
        left: Box<Bool>,
        right: Box<Bool>,
    },
    CompareInts(Compare, Box<(Int, Int)>),
    CompareTexts(Compare, Box<(Text, Text)>),
    OneOfBools(Box<Bool>, Vec<bool>),
    OneOfInts(Box<Int>, Vec<i64>),
    OneOfTexts(Box<Text>, Vec<String>),
    IntInField(Box<Int>, FieldRef),
    TextInField(Box<Text>, FieldRef),
    Search(Search, Box<(Text, Text)>),
    /// Over a field that is a list.
    Each(Quantifier, FieldRef, Box<Bool>),
}

#[derive(Debug, Clone)]
pub(crate) enum Int {
    Literal(i64),
    Field(FieldRef),
    /// The value that a macro is looking at.
    Item,
    Negate(Box<Int>),
    Calculate(Calculate, Box<(Int, Int)>),
    If(Box<If<Int>>),
    TextSize(Box<Text>),
    ListSize(FieldRef),
}

#[derive(Debug, Clone)]
pub(crate) enum Text {
    Literal(String),
    Field(FieldRef),
    /// The value that a macro is looking at.
    Item,
    If(Box<If<Text>>),
}

#[derive(Debug, Clone)]
pub(crate) struct If<T> {
    pub(crate) condition: Bool,
    pub(crate) then: T,
    pub(crate) otherwise: T,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Calculate {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Search {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Quantifier {
    Exists,
    All,
}
