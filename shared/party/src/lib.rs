//! Persons and organisations.
//!
//! The master data of a party is one document. Everything here is pure: no clock, no randomness, no call. An entry is never
//! overwritten: it ends, and another one begins.
//!
//! | module | what lives there |
//! |---|---|
//! | [`document`] | the document of a party with all its parts |
//! | [`word`] | names that a tenant gives to its types |
//! | [`contact`] | postal addresses, e-mail addresses and telephone numbers |
//! | [`dated`] | roles, classifications, permissions, identifiers |
//! | [`clean`] | texts as people type them become clean ones |
//! | [`input`] | bodies as callers and files send them, before they are checked |
//! | [`read`] | bodies become parts of a document; everything wrong is named at once |
//! | [`change`] | what can be done to a document |
//! | [`difference`] | which fields two documents differ in |
//! | [`row`] | rows of files become parties, for imports |
//! | [`types`] | the types of a tenant: data, with their checks |
//! | [`lead`] | leads, and what is decided about them |
//! | [`related`] | relationships between two parties |
//! | [`own`] | the own company and its branches |

#![deny(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
// Tests overflow with a panic, which is what they should do.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

pub mod change;
pub mod clean;
pub mod contact;
pub mod dated;
pub mod difference;
pub mod document;
pub mod input;
pub mod lead;
pub mod own;
pub mod read;
pub mod related;
pub mod row;
pub mod types;
pub mod word;

pub use contact::{Contact, Point};
pub use difference::diff;
pub use document::{Identity, PartyDocument};
pub use word::Word;

/// A text that leads to a person; `Debug` does not show it.
pub type Personal = domain::secret::Secret;
