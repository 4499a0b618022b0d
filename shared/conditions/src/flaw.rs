//! What is wrong with a source, said so that its author can mend it.

use std::fmt;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {text}")]
pub struct Flaw {
    /// Characters (Unicode code points) of the source before the place that is wrong.
    pub at: usize,
    /// What kind of finding.
    pub code: Code,
    /// What is wrong and what to do, in English.
    pub text: String,
}

/// The kind of a [`Flaw`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The source is longer than [`SOURCE_MAX`](crate::SOURCE_MAX).
    TooLong,
    /// More levels than [`DEPTH_MAX`](crate::DEPTH_MAX).
    TooDeep,
    /// Not a CEL expression.
    Syntax,
    /// CEL, but outside the subset.
    Unsupported,
    /// A name that the schema does not have.
    UnknownName,
    /// A value of a type that does not fit where it stands.
    WrongType,
    /// A list literal that is empty, mixed or longer than [`LIST_LITERAL_MAX`](crate::LIST_LITERAL_MAX).
    BadList,
    /// A divisor that is not a literal other than zero.
    BadDivisor,
    /// More steps than [`COST_MAX`](crate::COST_MAX).
    TooCostly,
}

impl Code {
    /// The stable machine-readable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::Syntax => "syntax",
            Self::Unsupported => "unsupported",
            Self::UnknownName => "unknown_name",
            Self::WrongType => "wrong_type",
            Self::BadList => "bad_list",
            Self::BadDivisor => "bad_divisor",
            Self::TooCostly => "too_costly",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
