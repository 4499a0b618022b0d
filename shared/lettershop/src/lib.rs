//! Letters for the printer, and what comes back (P1–P4, X5, X7, X13).
//!
//! Pure: no clock, no call, no file. Whoever calls brings parties, vouchers and bytes, and carries out what is answered.
//!
//! | module | what lives there |
//! |---|---|
//! | [`address`] | the address block and the salutation, ready to print |
//! | [`piece`] | one letter with its data and its id |
//! | [`format`] | the printer's file format as data, and a letter as a row of it |
//! | [`row`] | a letter as what is sorted, and as the row it becomes |
//! | [`merge`] | sorting more letters than memory holds |
//! | [`manifest`] | the file with its sums and its hash, written so that it can be resumed; the printer's acknowledgement |
//! | [`returned`] | files of undeliverable letters, and what a return does to an address |
//!
//! What goes wrong is said with the letter's id, a column or a line. Neither personal data nor voucher codes are in an error or in
//! what `Debug` prints.

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
// Tests fail with a panic, which is what they should do.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

pub mod address;
pub mod format;
mod key;
mod letter;
pub mod manifest;
pub mod merge;
pub mod piece;
pub mod returned;
pub mod row;
pub mod settings;

pub use key::{InvalidKey, Key};
pub use letter::Letter;
