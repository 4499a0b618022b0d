//! Texts of letters with named placeholders.

use std::borrow::Cow;

/// Longest text of a letter, in characters, before anything is filled in.
pub const TEXT_MAX: usize = 1_000;

/// What may stand between braces in a text.
pub const PLACEHOLDER_NAMES: [&str; 4] = ["salutation", "value", "valid_until", "points"];

/// What is filled in, ready to print in the language of the text. `Debug` would show a name, so there is none.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "the salutation names a person")]
pub struct Filling<'a> {
    /// For `{salutation}`: the whole address, such as a greeting with the name.
    pub salutation: &'a str,
    /// For `{value}`: what one voucher is worth, such as `CHF 10.00` or `10 %`.
    pub value: &'a str,
    /// For `{valid_until}`: the last day of validity.
    pub valid_until: &'a str,
    /// For `{points}`: the balance of points, less those that the vouchers cost.
    pub points: &'a str,
}

impl<'a> Filling<'a> {
    fn of(&self, name: &str) -> Option<&'a str> {
        match name {
            "salutation" => Some(self.salutation),
            "value" => Some(self.value),
            "valid_until" => Some(self.valid_until),
            "points" => Some(self.points),
            _ => None,
        }
    }
}

/// The text with its placeholders filled in. What is filled in is not looked at again: braces in a name stay braces.
///
/// A text without [violations](crate::Campaign::violations) has no other placeholders; in any other text, what is not one of
/// [`PLACEHOLDER_NAMES`] stays as it stands.
pub fn render(text: &str, filling: &Filling<'_>) -> String {
    let pieces = pieces(text).map(|piece| match piece {
        Piece::Placeholder(name) => filling
            .of(name)
            .map_or_else(|| Cow::Owned(format!("{{{name}}}")), Cow::Borrowed),
        Piece::Words(words) | Piece::Stray(words) => Cow::Borrowed(words),
    });
    pieces.collect()
}

/// What is wrong with the placeholders of a text; `None` when nothing is.
pub(crate) fn flaw(text: &str) -> Option<&'static str> {
    pieces(text).find_map(|piece| match piece {
        Piece::Placeholder(name) if !PLACEHOLDER_NAMES.contains(&name) => {
            Some("has an unknown placeholder: {salutation}, {value}, {valid_until} and {points} are possible")
        }
        Piece::Stray(_) => Some("has a brace without its counterpart: braces stand around placeholders only"),
        Piece::Placeholder(_) | Piece::Words(_) => None,
    })
}

enum Piece<'a> {
    /// Between placeholders.
    Words(&'a str),
    /// The name between two braces.
    Placeholder(&'a str),
    /// From a brace that belongs to none, to the next piece.
    Stray(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = first_piece(rest);
        rest = after;
        Some(piece)
    })
}

fn first_piece(text: &str) -> (Piece<'_>, &str) {
    let brace = |c| c == '{' || c == '}';
    let Some(inner) = text.strip_prefix(brace) else {
        let (words, after) = text.split_at(text.find(brace).unwrap_or(text.len()));
        return (Piece::Words(words), after);
    };
    match inner.split_once('}') {
        Some((name, after)) if text.starts_with('{') && !name.contains('{') => (Piece::Placeholder(name), after),
        // A brace is one byte.
        _ => {
            let (stray, after) = text.split_at(1);
            (Piece::Stray(stray), after)
        }
    }
}
