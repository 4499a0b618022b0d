//! The values of the fields in one evaluation.

/// Where a condition reads the values of its fields.
pub trait Facts {
    /// The value of the field that stands at this place in the schema's fields. Called anew for each reading, so it must be
    /// cheap and always give the same answer.
    fn fact(&self, field: usize) -> Fact<'_>;
}

/// The value of a field, borrowed from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact<'a> {
    /// Not known or not given. Reads as `""`, `0`, `false` or an empty list; `has()` says false. Every other value is set for
    /// `has()`, an empty text or list too.
    Unset,
    /// A value of a [`Type::Bool`](crate::Type::Bool) field.
    Bool(bool),
    /// A value of a [`Type::Int`](crate::Type::Int) field.
    Int(i64),
    /// A value of a [`Type::Text`](crate::Type::Text) field.
    Text(&'a str),
    /// A value of a [`Type::Texts`](crate::Type::Texts) field.
    Texts(Texts<'a>),
    /// A value of a [`Type::Ints`](crate::Type::Ints) field.
    Ints(&'a [i64]),
}

/// A list of texts as its owner has it: neither way makes a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts<'a> {
    /// Borrowed texts.
    Borrowed(&'a [&'a str]),
    /// Owned texts.
    Owned(&'a [String]),
}

impl<'a> Texts<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Borrowed(texts) => texts.len(),
            Self::Owned(texts) => texts.len(),
        }
    }

    /// The texts in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (borrowed, owned): (&[&str], &[String]) = match self {
            Self::Borrowed(texts) => (texts, &[]),
            Self::Owned(texts) => (&[], texts),
        };
        borrowed.iter().copied().chain(owned.iter().map(String::as_str))
    }
}

impl<'a> From<&'a str> for Fact<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [&'a str]> for Fact<'a> {
    fn from(texts: &'a [&'a str]) -> Self {
        Self::Texts(Texts::Borrowed(texts))
    }
}

impl<'a> From<&'a [String]> for Fact<'a> {
    fn from(texts: &'a [String]) -> Self {
        Self::Texts(Texts::Owned(texts))
    }
}
