//! How a customer is found by fragments and with typing errors (B9, T6). Pure: no call, no clock, no randomness, no key.
//!
//! A party is listed under a bounded number of short texts ([`keys::keys`]). Most of them join parts of two of its fields, so
//! that no single frequent name makes a long list. A query is turned into at most [`query::READS_MAX`] such texts
//! ([`query::Query::parse`]); whoever is listed there is compared with what was typed ([`rank::compare`]).
//!
//! These texts are personal data. The store hashes them with its pepper before they become keys.
//!
//! | module | what |
//! |---|---|
//! | [`fold`] | words without case, accents and spelling variants |
//! | [`phonetic`] | how a word sounds: Cologne phonetics, and a key for French and Italian names |
//! | [`keys`] | the texts under which a party is listed |
//! | [`print`] | a coarse likeness that needs no look at the party |
//! | [`query`] | what was typed, and which lists to read for it |
//! | [`rank`] | how well a party fits what was typed |

pub mod fold;
pub mod keys;
pub mod phonetic;
pub mod print;
pub mod query;
pub mod rank;

pub use keys::{Entry, Name, Place, Searchable};
pub use query::{Id, Query, Read};
