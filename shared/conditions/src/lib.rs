//! Conditions as data.
//!
//! Earning rules, segments and workflow steps say in CEL (Common Expression Language, <https://cel.dev>) when they apply:
//! `line.group == "paper" && receipt.store in ["B01", "B07"] && receipt.weekday >= 6`. A condition is compiled once, when it
//! is saved or loaded: every name and type is checked and the worst case is counted. It is then evaluated over the facts of
//! its caller, without allocation.
//!
//! The meaning is that of CEL; this is a subset of it, never a dialect:
//!
//! | | |
//! |---|---|
//! | values | bool, int (64 bits, checked), text, lists of texts or ints in fields, lists of literals after `in` |
//! | fields | `group.name` of a [`Schema`]; one that is not set reads as `""`, `0`, `false` or `[]`, and `has(group.name)` tells |
//! | logic | `&&`, `\|\|`, `!`, `a ? b : c`; an error beside a deciding value does not count, as in CEL |
//! | comparison | `==` and `!=` on scalars; `<`, `<=`, `>`, `>=` on ints and texts (by code point) |
//! | arithmetic | `+`, `-`, `*`, `-a`; `/` and `%` by a literal that is not zero (both cut towards zero) |
//! | texts | `size()` in code points, `startsWith`, `endsWith`, `contains` |
//! | lists | `in`, `size()`, `exists(x, …)` and `all(x, …)` on a field, not inside each other |
//!
//! There are no decimals (`1.5`), unsigned numbers, bytes, `null`, maps, regular expressions, times or durations. A date comes
//! as a text such as `2026-11-24`, which compares rightly as a text.
//!
//! | module | what lives there |
//! |---|---|
//! | `schema`, `facts` | which fields there are; their values in one evaluation |
//! | `scan`, `parse` | bounds on the source, the syntax tree and where each node stands |
//! | `check`, `names` | names and types; the tree becomes a typed one |
//! | `ir`, `cost`, `eval` | the typed tree, its worst case, its value |
//! | `flaw` | what is wrong with a source |

#![deny(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]

mod check;
mod condition;
mod cost;
mod eval;
mod facts;
mod flaw;
mod ir;
mod names;
mod parse;
mod scan;
mod schema;

pub use condition::Condition;
pub use eval::Unevaluable;
pub use facts::{Fact, Facts, Texts};
pub use flaw::{Code, Flaw};
pub use schema::{Field, Schema, Type};

/// Longest source, in characters (Unicode code points).
pub const SOURCE_MAX: usize = 1_000;

/// Deepest nesting: of brackets, of choices `a ? b : c`, and of the operations in each other. A chain of `&&` or of `||` is one
/// level, however long; a chain `a + b + c` has a level for each sign.
pub const DEPTH_MAX: usize = 32;

/// Most values of a list literal.
pub const LIST_LITERAL_MAX: usize = 200;

/// Most steps of one evaluation in the worst case. A step reads a field, compares two values, does one operation or calls one
/// function.
pub const COST_MAX: u32 = 10_000;
