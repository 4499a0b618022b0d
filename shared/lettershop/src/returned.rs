//! Undeliverable letters (P3, P4, X13): the file in which they are reported, and what a return does.
//!
//! [`read`] judges a whole file before anything of it is handed on. A file that is damaged as a whole is [`Refused`]; else each row is
//! a [`ReturnedLetter`] or has [`Reject`]s. [`effects`] says what a return does to the party and its address, [`apply`] does it
//! to the party's document.

mod apply;
mod carrier;
mod effects;
mod file;
mod reason;
mod row;
mod rules;
mod text;

pub use apply::{Came, Done, apply, standing};
pub use carrier::{CODE_MAX, CODES_MAX, CarrierCode, CarrierFile, CarrierMap};
pub use effects::{EFFECTS_MAX, Effect, EffectRules, MONTHS_MAX, Standing, effects};
pub use file::{Declared, FILE_BYTES_MAX, FileEncoding, ROWS_MAX, Refused, Returns, read};
pub use reason::{InvalidReason, Reason};
pub use row::{FIELD_MAX, Reject, RejectCode, ReturnedLetter};
pub use rules::{CARRIERS_MAX, ReturnRules};

#[cfg(test)]
mod tests;
