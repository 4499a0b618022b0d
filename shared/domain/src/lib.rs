//! The rules of the loyalty programme.
//!
//! Everything here is pure: no clock, no randomness, no input or output. Time, keys and stored state come in as values and
//! decisions go out as values, so that a rule can be tried, explained and replayed anywhere.
//!
//! | module | what lives there |
//! |---|---|
//! | [`id`], [`money`], [`calendar`] | identifiers, amounts and points, business days |
//! | [`card`], [`code`] | card numbers and voucher codes with their check characters |
//! | [`receipt`] | a receipt, its natural key, its content hash and what makes it acceptable |
//! | [`programme`], [`location`] | the versioned settings and the places that sell |
//! | [`earning`] | points of a receipt, with the reason line by line |
//! | [`account`] | the points account as a fold over its ledger |
//! | [`adjustment`] | points moved by hand, and the second person who approves |
//! | [`liability`] | the roll-forward of open points for finance, and who owes whom for vouchers |
//! | [`morale`] | how a party pays: open, overdue, on time, late |
//! | [`offline`] | vouchers taken while a branch's line was down, and who bears what goes wrong |
//! | [`returns`] | goods that come back, and what remains of their receipt |
//! | [`voucher`] | the life of a voucher: reserve, redeem, release, reverse |
//! | [`tally`] | what is counted of the vouchers of a campaign's run |
//! | [`secret`] | texts that `Debug` does not show |
//! | [`till_text`] | the print-ready block in four languages |
//! | [`text`] | what can be printed |

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

pub mod account;
pub mod adjustment;
pub mod calendar;
pub mod card;
pub mod code;
pub mod earning;
pub mod id;
pub mod liability;
pub mod location;
pub mod money;
pub mod morale;
pub mod offline;
pub mod programme;
pub mod receipt;
mod remainder;
pub mod returns;
pub mod rfmr;
pub mod secret;
pub mod tally;
pub mod text;
pub mod till_text;
pub mod violation;
pub mod voucher;
