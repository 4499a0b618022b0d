//! Fields that several bodies have.

use domain::card::CardNumber;
use http_edge::{Findings, client_token};
use store::party::Personal;

/// Reads a card number.
pub(crate) fn card(pointer: &str, text: &Personal, found: &mut Findings) -> Option<CardNumber> {
    found.coded(pointer, "card_malformed", text.as_str())
}

/// Reads `client_token`, which the caller made up so that the call can be repeated.
pub(crate) fn token<'a>(text: &'a str, found: &mut Findings) -> Option<&'a str> {
    if client_token::is_valid(text) {
        return Some(text);
    }
    found.add("/client_token", "malformed", client_token::RULE);
    None
}
